#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# C05: ztjit-principals with a closed stdin, closed outputs, a daemon that
# is absent, hangs, babbles or says more than one line; and the size and the
# libraries of the PAM module.
set -u
prog=$ZTJ_BUILDDIR/sshd-helpers/ztjit-principals
play=$ZTJ_BUILDDIR/tests/pam/play
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

check() { # NAME WANT-STATUS WANT-OUTPUT GOT-STATUS GOT-OUTPUT
	if [ "$2" = "$4" ] && [ "$3" = "$5" ]; then
		echo "ok $1"
	else
		echo "FAILED $1: status $4 (want $2), output '$5' (want '$3')"
		failed=1
	fi
}

# run NAME WANT-STATUS WANT-OUTPUT PART
run() {
	local got status
	"$play" "$dir/s" "$4" &
	local pid=$!
	until [ -S "$dir/s" ]; do sleep 0.02; done
	got=$("$prog" -s "$dir/s" root sk-ssh-ed25519-cert-v01@openssh.com AAAA 2>/dev/null)
	status=$?
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	rm -f "$dir/s"
	check "$1" "$2" "$3" "$status" "$got"
}

line='restrict,pty ztjit-grant-00'
run test_C05_line 0 "$line" line
run test_C05_denied 1 "" denied
run test_C05_two_lines 3 "" two
run test_C05_no_newline 3 "" bare
run test_C05_control_character 3 "" esc
run test_C05_line_with_denial 1 "" both
run test_C05_garbage 3 "" garbage
run test_C05_closes 3 "" close
began=$SECONDS
run test_C05_hangs 3 "" hang
[ $((SECONDS - began)) -le 8 ] || { echo "FAILED test_C05_hangs: not bounded"; failed=1; }

got=$("$prog" -s "$dir/none" root t k 2>/dev/null); check test_C05_no_daemon 3 "" $? "$got"
got=$("$prog" root 2>/dev/null); check test_C05_too_few_arguments 2 "" $? "$got"
got=$("$prog" -x a b c 2>/dev/null); check test_C05_unknown_option 2 "" $? "$got"
long=$(head -c 100000 /dev/zero | tr '\0' A)
got=$("$prog" -s "$dir/none" root t "$long" 2>/dev/null); check test_C05_long_certificate 3 "" $? "$got"

"$play" "$dir/s" line &
pid=$!
until [ -S "$dir/s" ]; do sleep 0.02; done
got=$("$prog" -s "$dir/s" root t k <&- 2>&-); check test_C05_closed_stdin 0 "$line" $? "$got"
kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; rm -f "$dir/s"
"$play" "$dir/s" line &
pid=$!
until [ -S "$dir/s" ]; do sleep 0.02; done
"$prog" -s "$dir/s" root t k <&- >&- 2>&-; check test_C05_closed_outputs 0 "" $? ""
kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null

module=$ZTJ_BUILDDIR/pam_ztjit/.libs/pam_ztjit.so
if nm "$module" 2>/dev/null | grep -qE '__(asan|gcov)_'; then
	echo "ok test_module_size # instrumented build, not measured"
else
	strip -o "$dir/m.so" "$module"
	size=$(stat -c %s "$dir/m.so")
	[ "$size" -le 65536 ] || { echo "FAILED test_module_size: $size"; failed=1; }
	libs=$(readelf -d "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')
	check test_module_libraries 0 "libc.so.6 libpam.so.0 " 0 "$libs"
fi
exit $failed
