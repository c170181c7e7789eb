# shellcheck shell=bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The transcript of the demonstration: each command as a person types it, its
# real output and time, and whether it did what it should.
#   chapter TEXT             a heading
#   note TEXT                what to look at next
#   run WHO 'COMMAND'        must succeed
#   refused WHO TEXT 'COMMAND'  must fail and say TEXT
#   says WHO TEXT 'COMMAND'  must succeed and say TEXT
#   start NAME WHO 'COMMAND' begins in the background; finish NAME STATUS ends it
#   closing                  the summary; exits 0 only when every step did what it should
# WHO is a machine; on a workstation the command is typed by its person, on a server by root; desk is outside of the lab.
# The output of the last command is in $OUT.

STEPS=0 WRONG=0 OUT=''
declare -A JOB_PID JOB_OUT JOB_LINE

t_now() { date +%s.%N; }
t_since() { awk -v a="$1" -v b="$(t_now)" 'BEGIN { printf "%.1f", b - a }'; }
T_BEGIN=$(t_now)

chapter() { printf '\n=== %s\n' "$*"; }
note() { printf '    # %s\n' "$*"; }

prompt() {
	case " $PEOPLE " in
	*" $1 "*) printf '%s@laptop:~$ %s\n' "$1" "$2" ;;
	*) printf 'root@%s:~# %s\n' "$1" "$2" ;;
	esac
}

# type_in WHO COMMAND: runs it where and as whom it belongs.
type_in() {
	if [ "$1" = desk ]; then
		bash -c "$2" </dev/null
		return
	fi
	case " $PEOPLE " in
	*" $1 "*) person "$1" bash -c "$2" ;;
	*) lab_in "$1" bash -c "$2" ;;
	esac
}

judge() {
	STEPS=$((STEPS + 1))
	[ "$1" = yes ] && return 0
	WRONG=$((WRONG + 1))
	printf '    !!! this step did not do what it should: %s\n' "$2"
	return 1
}

show() {
	[ -z "$OUT" ] || printf '%s\n' "$OUT" | sed 's/\r$//; s/^/    /'
	printf '    [%s s]\n' "$1"
}

once() {
	local began
	prompt "$1" "$2"
	began=$(t_now)
	OUT=$(type_in "$1" "$2" 2>&1)
	STATUS=$?
	show "$(t_since "$began")"
}

run() {
	once "$1" "$2"
	if [ "$STATUS" -eq 0 ]; then judge yes; else judge no "exit status $STATUS"; fi
}

says() {
	once "$1" "$3"
	if [ "$STATUS" -ne 0 ]; then
		judge no "exit status $STATUS"
	else
		case $OUT in *"$2"*) judge yes ;; *) judge no "it should say: $2" ;; esac
	fi
}

refused() {
	once "$1" "$3"
	if [ "$STATUS" -eq 0 ]; then
		judge no "it should have been refused"
	else
		case $OUT in *"$2"*) judge yes ;; *) judge no "it should say: $2" ;; esac
	fi
}

start() {
	JOB_OUT[$1]=$LAB_DIR/tmp/job-$1
	JOB_LINE[$1]="$2 $3"
	prompt "$2" "$3"
	echo "    (goes on in another terminal)"
	: >"${JOB_OUT[$1]}"
	type_in "$2" "$3" >"${JOB_OUT[$1]}" 2>&1 &
	JOB_PID[$1]=$!
}

# finish NAME STATUS [TEXT]: STATUS is a number or "any".
finish() {
	local began
	began=$(t_now)
	wait "${JOB_PID[$1]}"
	STATUS=$?
	OUT=$(tr -d '\000' <"${JOB_OUT[$1]}")
	printf '    (the other terminal: %s)\n' "${JOB_LINE[$1]#* }"
	show "$(t_since "$began")"
	if [ "$2" != any ] && [ "$STATUS" -ne "$2" ]; then
		judge no "exit status $STATUS"
	else
		case $OUT in *"${3:-}"*) judge yes ;; *) judge no "it should say: $3" ;; esac
	fi
}

closing() {
	printf '\n=== %d steps in %s s, %d of them wrong\n' "$STEPS" "$(t_since "$T_BEGIN")" "$WRONG"
	[ "$WRONG" -eq 0 ]
}
