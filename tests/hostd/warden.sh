#!/bin/sh
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs test_warden as root on a cgroup2 mount of its own.
set -eu
where=$(mktemp -d)
trap 'rmdir "$where"' EXIT
status=0
unshare --mount sh -euc 'mount -t cgroup2 cgroup2 "$1"; ZTJ_TEST_CGROUP2="$1" exec ./tests/hostd/test_warden' sh "$where" || status=$?
exit $status
