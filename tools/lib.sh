# shellcheck shell=bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# What tools/test and tools/demo share: installing packages, copying the tree
# for a build, the flags of a build that a server of the lab can install.
# Source it; it sets nothing but functions and ZTJ_TOP.

ZTJ_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# ztj_packages GROUP...: the packages of those groups.
ztj_packages() {
	local group
	for group; do
		awk -v g="$group" '$1 == g { print $2 }' "$ZTJ_TOP/tools/packages"
	done
}

# ztj_install GROUP...: installs what is missing, as root, and says so.  Without
# anything missing it touches neither apt nor the network.
ztj_install() {
	local -a missing=()
	local pkg
	while read -r pkg; do
		dpkg-query -W -f '${db:Status-Status}\n' "$pkg" 2>/dev/null | grep -qx installed ||
			missing+=("$pkg")
	done < <(ztj_packages "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "missing Debian packages (run as root to install them): ${missing[*]}" >&2
		return 1
	fi
	echo "installing from Debian: ${missing[*]}"
	local -a apt=(apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
	export DEBIAN_FRONTEND=noninteractive
	"${apt[@]}" install --no-install-recommends "${missing[@]}" </dev/null >/dev/null 2>&1 && return 0
	"${apt[@]}" update </dev/null >/dev/null &&
		"${apt[@]}" install --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# ztj_copy_tree DIR: the files of the tree as they are now (tracked ones and
# new ones that git does not ignore), without anybody's build products.
ztj_copy_tree() {
	local file
	mkdir -p "$1"
	# an unpacked tarball may lie inside somebody else's repository
	if [ "$(git -c safe.directory='*' -C "$ZTJ_TOP" rev-parse --show-toplevel 2>/dev/null)" = "$ZTJ_TOP" ]; then
		git -c safe.directory='*' -C "$ZTJ_TOP" ls-files -z --cached --others --exclude-standard |
			while IFS= read -r -d '' file; do
				[ ! -e "$ZTJ_TOP/$file" ] || printf '%s\0' "$file"
			done |
			tar -C "$ZTJ_TOP" --null -T - -cf - | tar -C "$1" --no-same-owner -xf -
	else
		tar -C "$ZTJ_TOP" --exclude='./build*' --exclude=./cache -cf - . |
			tar -C "$1" --no-same-owner -xf -
	fi
}

# ztj_configure_flags: an installation as Debian lays it out, so that the stock
# sshd, sudo and PAM of a lab server find every part where they look.
ztj_configure_flags() {
	local libdir
	libdir=/usr/lib/$(gcc -print-multiarch)
	printf '%s\n' --prefix=/usr --sysconfdir=/etc --localstatedir=/var --libdir="$libdir" \
		--libexecdir=/usr/libexec --with-pammoddir="$libdir/security"
}
