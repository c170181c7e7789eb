#!/bin/bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
# The built libnss_ztjit.so.2: what it exports, what it calls, what it links, how large it is (DESIGN: P8; ABUSE: N02, P06).
set -u
so=$ZTJ_BUILDDIR/nss_ztjit/.libs/libnss_ztjit.so.2
map=$ZTJ_SRCDIR/nss_ztjit/nss_ztjit.map
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
bad=0
fail() {
	echo "FAIL: $*"
	bad=1
}

nm -D --defined-only "$so" | awk '$3 !~ /^(__asan|__odr|__ubsan|__sanitizer)/ { print $3 }' | LC_ALL=C sort >"$work/exports"
grep -o '_nss_[a-z_]*' "$map" | LC_ALL=C sort >"$work/map"
diff "$work/map" "$work/exports" || fail "it exports something else than $map says"

# N02: nothing that could look a name up, N01: nothing that could wait for anybody, P06: nothing that asks the environment.
nm -D --undefined-only "$so" | awk '{ sub(/@.*/, "", $2); print $2 }' >"$work/calls"
if grep -nE '^(getpw|getgr|getspn|getgrouplist|initgroups|getaddrinfo|gethost|getenv|secure_getenv|dlopen|dlsym|socket|connect|poll|select|epoll|recv|send|open.*log|syslog|vsyslog|system|popen|exec|posix_spawn|fork|sleep|usleep|nanosleep|mmap|setlocale|fopen)' "$work/calls"; then
	fail "it calls what a name service must not call"
fi
grep -q '^pread' "$work/calls" || fail "no list of what it calls"

if grep -q '^__asan\|^__ubsan' "$work/calls"; then
	echo "built with sanitizers: size and libraries are not looked at"
else
	needed=$(readelf -d "$so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
	case $needed in
	libc.so.6 | $'libc.so.6\nld-linux'*) ;;
	*) fail "it links more than libc: $needed" ;;
	esac
	strip -o "$work/stripped" "$so"
	size=$(stat -c %s "$work/stripped")
	[ "$size" -le 65536 ] || fail "$size bytes are more than 64 KiB"
	readelf -d "$so" | grep -q NODELETE || fail "it could be unloaded"
	readelf -d "$so" | grep -q 'SONAME.*\[libnss_ztjit.so.2\]' || fail "it has another name than glibc opens"
fi
exit $bad
