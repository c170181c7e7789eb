#!/bin/sh
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the tests of the warden as root on a cgroup2 mount and among processes of their own.
set -eu
where=$(mktemp -d)
trap 'rmdir "$where"' EXIT
status=0 ran=no
for name in cgroup guard strays sweep audit; do
	one=0
	# The shell stays, and buries whoever loses a parent.
	unshare --mount --pid --fork --kill-child --mount-proc sh -uc '
		mount -t cgroup2 cgroup2 "$1" && ZTJ_TEST_CGROUP2="$1" "./tests/hostd/test_warden_$2"
		exit $?' sh "$where" "$name" || one=$?
	[ "$one" -eq 77 ] || ran=yes
	[ "$one" -eq 0 ] || [ "$one" -eq 77 ] || status=$one
done
[ "$ran" = yes ] || status=77
exit $status
