#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# What tools/test counts and names of the results that a suite leaves behind.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
TOOLS=$here/../../tools
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT

# left NAME RESULT: a program's result; its log is standard input.
left() {
	mkdir -p "$DIR/$(dirname "$1")"
	echo ":test-result: $2" >"$DIR/$1.trs"
	cat >"$DIR/$1.log"
}

left cmocka/good PASS <<-'LOG'
	[       OK ] test_one
	[  SKIPPED ] test_two
	[  PASSED  ] 1 test(s).
	[  SKIPPED ] 1 test(s), listed below:
	[  SKIPPED ] test_two
LOG
left cmocka/bad FAIL <<-'LOG'
	[  ERROR   ] --- 0x2 != 0x1
	[   LINE   ] --- test_bad.c:7: error: Failure!
	[  FAILED  ] test_three
	[  PASSED  ] 2 test(s).
	[  FAILED  ] 1 test(s), listed below:
	[  FAILED  ] test_three
LOG
{
	printf 'ok - first\nnot ok - second (x.sh:3)\n    command: false\n    status: 1\n    | said this\nskip - third: no tool\n'
	seq 100
} | left shell FAIL
left crashed ERROR <<<'Segmentation fault'
left whole SKIP <<<'skipped: needs a kernel with audit'

t_says "everything is counted" "4 3 3" "$TOOLS/count-results" "$DIR"
t_says "what failed in a C program has a name" "cmocka/bad: test_three" "$TOOLS/name-results" failed "$DIR"
t_says "in a script" "shell: second (x.sh:3)" "$TOOLS/name-results" failed "$DIR"
t_says "who crashed says nothing and is named" "crashed: failed without saying which check" "$TOOLS/name-results" failed "$DIR"
t_ok "and nothing twice" test "$("$TOOLS/name-results" failed "$DIR" | wc -l)" -eq 3
t_says "what was skipped has a name" "cmocka/good: test_two" "$TOOLS/name-results" skipped "$DIR"
t_says "in a script, with its reason" "shell: third: no tool" "$TOOLS/name-results" skipped "$DIR"
t_says "as a whole, with its reason" "whole: skipped: needs a kernel with audit" "$TOOLS/name-results" skipped "$DIR"
t_ok "and nothing twice" test "$("$TOOLS/name-results" skipped "$DIR" | wc -l)" -eq 3
t_says "a log shows what the check that failed said" "said this" "$TOOLS/name-results" show "$DIR/shell.log" 5
t_ok "and its last lines alone" test "$(grep -cE '^[0-9]+$' <<<"$T_OUT")" -eq 5
t_says "of a C program the line" "test_bad.c:7" "$TOOLS/name-results" show "$DIR/cmocka/bad.log" 1
t_done
