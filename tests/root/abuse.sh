# shellcheck shell=bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# What the abuse tests share. Sourced after lab.sh, tap.sh and fleet.sh.
#   grant WHO ROLE HOST FOR     asked for and approved as its rule wants; its id is in $GRANT
#   master WHO NAME DEST OPT... an ssh connection that stays open
#   over WHO NAME CMD           CMD over it; over_tty: with a terminal
#   asked HOST CMD...           CMD ends up waiting for a code to be confirmed; it is killed then
#   confirmed WHO CMD...        CMD shows a code, WHO confirms it; status and output are CMD's
#   hostd_stop HOST, hostd_start HOST
#   decision HOST EVENT CODE [TEXT]  the host's last decision of that kind says so

ABUSE_OUT=$LAB_DIR/tmp/abuse-out

request_id() { grep -oE 'R-[0-9A-HJKMNP-TV-Z]{10}' <<<"$1" | head -n 1; }

ask_for() {
	fleet_do "$1" "ztjit request --yes --no-wait --role $2 --host $3 --for $4 --ticket INC-1 -m 'work on the machine'" ||
		return
	GRANT=$(request_id "$FLEET_OUT")
}

grant() {
	ask_for "$@" && fleet_do lead1 "ztjit approve --yes $GRANT" || return
	[ "$2" != root-shell ] || fleet_do sec1 "ztjit approve --yes $GRANT"
}

master() {
	local who=$1 name=$2 dest=$3
	shift 3
	person "$who" timeout 20 ssh -f -N -M -S ".ssh/$name" -o BatchMode=yes -o ControlPersist=no "$@" "$dest" \
		>"$LAB_DIR/tmp/master-$who-$name" 2>&1 </dev/null || {
		cat "$LAB_DIR/tmp/master-$who-$name"
		return 1
	}
}

over() { lab_as "$1" ssh -F none -S ".ssh/$2" -o BatchMode=yes -o ControlMaster=no -T none "$3"; }
over_tty() { lab_as "$1" ssh -F none -S ".ssh/$2" -o BatchMode=yes -o ControlMaster=no -tt none "$3"; }
alive() { lab_as "$1" ssh -F none -S ".ssh/$2" -O check none; }

code_shown() { CODE=$(grep -aoE '\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b' "$ABUSE_OUT" | head -n 1) && [ -n "$CODE" ]; }

# begin CMD...: until it shows a code.
begin() {
	: >"$ABUSE_OUT"
	"$@" >"$ABUSE_OUT" 2>&1 </dev/null &
	BEGUN=$!
	lab_wait 20 code_shown
}

asked() {
	local host=$1 status
	shift
	begin "$@"
	status=$?
	# Whoever asks is killed in the middle of its question (P12).
	lab_in "$host" sh -c 'pkill -KILL -x sudo; pkill -KILL -x su; true'
	wait "$BEGUN"
	cat "$ABUSE_OUT"
	return "$status"
}

confirmed() {
	local who=$1 status
	shift
	begin "$@" || {
		cat "$ABUSE_OUT"
		return 1
	}
	person "$who" ztjit confirm --yes "$CODE"
	wait "$BEGUN"
	status=$?
	cat "$ABUSE_OUT"
	return "$status"
}

hostd_gone() { ! lab_in "$1" pgrep -x ztjit-hostd >/dev/null; }

hostd_stop() {
	lab_in "$1" pkill -TERM -o -x ztjit-hostd
	lab_wait 30 hostd_gone "$1"
}

hostd_start() {
	LAB_UNIT=ztjit-hostd.service lab_in "$1" sh -c 'ztjit-hostd -f >>/var/log/ztjit-hostd.log 2>&1 &'
	lab_wait 30 fleet_armed "$1" && lab_wait 60 hostd_fresh "$1"
}

# hostd_fresh HOST: what the broker said last is some seconds old at most.
hostd_fresh() {
	local said
	said=$(lab_in "$1" ztjit-hostd status 2>/dev/null | sed -n 's/^broker *connected, last status \([0-9TZ:-]*\).*/\1/p')
	[ -n "$said" ] && [ $(($(date +%s) - $(date -d "$said" +%s))) -lt 8 ]
}

decisions() { lab_in "$1" cat /var/lib/ztjit/hostd/spool/decisions.jsonl; }

decision() {
	local last
	last=$(decisions "$1" | grep -F "\"event\":\"$2\"" | tail -n 1)
	echo "$last"
	case $last in *"\"code\":\"$3\""*"${4:-}"* | *"${4:-}"*"\"code\":\"$3\""*) ;; *) return 1 ;; esac
}

# sessions_of HOST: how many there are by the agent and by the cgroups.
sessions_of() {
	lab_in "$1" sh -c 'ztjit-hostd status --json | tr "{" "\n" | grep -c "\"service\":"
		find /sys/fs/cgroup/ztjit -mindepth 1 -type d | wc -l'
}

# within SECONDS CMD...: it is done by then.
within() {
	local began=$SECONDS limit=$1 status
	shift
	"$@"
	status=$?
	[ $((SECONDS - began)) -le "$limit" ] || {
		echo "took $((SECONDS - began)) s"
		return 99
	}
	return "$status"
}
