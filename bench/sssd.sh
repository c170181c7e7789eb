#!/bin/sh
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# sssd.sh DIR: unpacks Debian's sssd and what it needs below DIR/usr. Not installed: its package would put itself into
# this machine's nsswitch.conf. As root.
set -eu
mkdir -p "$1/partial" "$1/usr/lib" "$1/usr/bin" "$1/usr/sbin"
apt-get -q -y -o Dir::Cache::archives="$1" install --download-only --no-install-recommends \
	sssd-common sssd-proxy libnss-sss </dev/null >&2
for name in lib bin sbin; do ln -s "usr/$name" "$1/$name"; done
for deb in "$1"/*.deb; do
	dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$1"
done
