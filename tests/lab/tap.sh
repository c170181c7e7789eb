# shellcheck shell=bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# What a shell test says: one "ok - ", "not ok - " or "skip - " line a case, as
# tools/count-results counts them, and the output of a command that failed.
#   t_ok NAME CMD...         CMD must succeed
#   t_no NAME CMD...         CMD must fail
#   t_says NAME TEXT CMD...  CMD must succeed and print TEXT (a fixed string)
#   t_denies NAME TEXT CMD...  CMD must fail and print TEXT
#   t_skip NAME WHY
#   t_done                   exits: 0 when all passed, 77 when nothing ran, 1 otherwise
# The last output is left in $T_OUT, the last status in $T_STATUS.

T_PASSED=0 T_FAILED=0 T_SKIPPED=0
T_OUT='' T_STATUS=0

t__run() {
	# Not in a subshell: CMD may be a function that changes this shell.
	local file
	file=$(mktemp) || exit 1
	"$@" >"$file" 2>&1 </dev/null
	T_STATUS=$?
	T_OUT=$(tr -d '\000' <"$file")
	rm -f "$file"
}

t__verdict() {
	local name=$1 good=$2
	shift 2
	if [ "$good" = yes ]; then
		echo "ok - $name"
		T_PASSED=$((T_PASSED + 1))
		return 0
	fi
	echo "not ok - $name (${BASH_SOURCE[2]}:${BASH_LINENO[1]})"
	T_FAILED=$((T_FAILED + 1))
	echo "    command: $*"
	echo "    status: $T_STATUS"
	printf '%s\n' "$T_OUT" | sed 's/^/    | /'
	return 1
}

t_ok() {
	local name=$1 good=no
	shift
	t__run "$@"
	[ "$T_STATUS" -ne 0 ] || good=yes
	t__verdict "$name" "$good" "$@"
}

t_no() {
	local name=$1 good=no
	shift
	t__run "$@"
	[ "$T_STATUS" -eq 0 ] || good=yes
	t__verdict "$name" "$good" "$@"
}

t_says() {
	local name=$1 text=$2 good=no
	shift 2
	t__run "$@"
	[ "$T_STATUS" -ne 0 ] || case $T_OUT in *"$text"*) good=yes ;; esac
	t__verdict "$name" "$good" "$@"
}

t_denies() {
	local name=$1 text=$2 good=no
	shift 2
	t__run "$@"
	[ "$T_STATUS" -eq 0 ] || case $T_OUT in *"$text"*) good=yes ;; esac
	t__verdict "$name" "$good" "$@"
}

t_skip() {
	echo "skip - $1: $2"
	T_SKIPPED=$((T_SKIPPED + 1))
}

t_done() {
	echo "# $T_PASSED passed, $T_FAILED failed, $T_SKIPPED skipped"
	[ "$T_FAILED" -eq 0 ] || exit 1
	[ "$T_PASSED" -gt 0 ] || exit 77
	exit 0
}
