#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Grants and time on a whole fleet: races between those who decide, clocks that
# jump, a broker out of reach, power failures.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/demo/fleet.sh
. "$here/../demo/fleet.sh"
LAB_TIMEOUT=60
FRESHNESS=10
lab_up "$@"
# shellcheck source=tests/root/abuse.sh
. "$here/abuse.sh"

# --- races: approve, deny, cancel, revoke at once -------------------------

RACES=8

# One race: the four in an order that the scheduler chooses, a little shifted each time.
race() {
	local id=$1 n=$2 out=$LAB_DIR/tmp/race-$2
	local -a pids=()
	(sleep "0.$((n % 4))"; person lead1 ztjit approve --yes "$id" >"$out-approve" 2>&1; echo $? >"$out-approve.rc") &
	pids+=($!)
	(sleep "0.$((n * 3 % 5))"; person sec1 ztjit deny --yes -m 'not now' "$id" >"$out-deny" 2>&1; echo $? >"$out-deny.rc") &
	pids+=($!)
	(sleep "0.$((n * 2 % 5))"; person req1 ztjit cancel --yes "$id" >"$out-cancel" 2>&1; echo $? >"$out-cancel.rc") &
	pids+=($!)
	(sleep "0.$((n * 7 % 5))"; person lead1 ztjit revoke --yes -m 'no' "$id" >"$out-revoke" 2>&1; echo $? >"$out-revoke.rc") &
	pids+=($!)
	wait "${pids[@]}"
}

state_of() { person "$2" ztjit show --json "$1" 2>/dev/null | grep -oE '"state": *"[a-z]*"' | head -n 1 | cut -d'"' -f4; }

races() {
	local n id one two other states=''
	local -a ids=()
	for n in $(seq "$RACES"); do
		ask_for req1 sudo-root db1 5m || return
		ids+=("$GRANT")
	done
	for n in $(seq 1 2 "$RACES"); do
		race "${ids[n - 1]}" "$n" &
		other=$!
		race "${ids[n]}" "$((n + 1))"
		wait "$other"
	done
	for id in "${ids[@]}"; do
		one=$(state_of "$id" req1) two=$(state_of "$id" sec1)
		states+="$id $one $two; "
		case $one/$two in denied/denied | cancelled/cancelled | revoked/revoked) ;; *) echo "$states"; return 1 ;; esac
	done
	echo "$states"
}

# Whoever was told yes is in the history; whoever was told no is not.
histories() {
	local n verb
	for n in $(seq "$RACES"); do
		for verb in approve deny cancel revoke; do
			case $(cat "$LAB_DIR/tmp/race-$n-$verb.rc") in
			0 | 1) ;;
			*) cat "$LAB_DIR/tmp/race-$n-$verb"; return 1 ;;
			esac
		done
	done
}

# --- clocks ---------------------------------------------------------------

login() { person req1 timeout 20 ssh -o BatchMode=yes root@web1 id; }
status_says() { lab_in web1 ztjit-hostd status | grep -q "$1"; }

clocks() {
	local ends
	grant req1 root-shell web1 5m || return
	t_says "G02 the grant works" "uid=0(root)" login
	lab_clock web1 -1h
	t_denies "G02 an hour back: new uses are refused" "Permission denied" login
	t_ok "G02 the host says why" decision web1 principals clock
	t_says "G02 its status says what to do" "clock --accept" lab_in web1 ztjit-hostd status
	lab_clock web1 "-20000d"
	t_denies "G02 to the epoch and before" "Permission denied" login
	lab_clock web1 +0
	t_says "G02 set right again, it works" "uid=0(root)" login
	master req1 run root@web1
	t_ok "G02 a session runs" alive req1 run
	lab_clock web1 +3650d
	t_denies "G02 a decade ahead: everything has ended" "Permission denied" login
	lab_clock web1 +0
	t_says "G02 back from there nothing is poisoned" "uid=0(root)" login
	lab_clock web1 -1h
	t_says "G02 local root accepts the clock" "accepted" lab_in web1 ztjit-hostd clock --accept
	t_ok "G02 with an alarm" decision web1 alarm clock
	t_denies "G02 accepted an hour back, what is dated later has not begun" "Permission denied" login
	lab_clock web1 +0
	lab_in web1 ztjit-hostd clock --accept >/dev/null
	# Another grant, whose end is waited for; the person's tools hear of this one's, or they would go on with its certificate.
	fleet_do lead1 "ztjit revoke --yes -m 'the clock is right again' $GRANT"
	person req1 ztjit show "$GRANT" >/dev/null 2>&1
	lab_wait 60 hostd_fresh web1
	grant req1 root-shell web1 25s || return
	ends=$((SECONDS + 25))
	t_says "G02 a short grant works" "uid=0(root)" login
	while [ "$SECONDS" -le "$ends" ]; do sleep 0.5; done
	lab_clock web1 -20s
	t_denies "G02 twenty seconds back after its end gains nothing" "Permission denied" login
	lab_clock web1 -1h
	lab_in web1 ztjit-hostd clock --accept >/dev/null
	t_denies "G02 nor does an accepted clock bring it back" "Permission denied" login
	lab_clock web1 +0
	lab_in web1 ztjit-hostd clock --accept >/dev/null
}

# --- the broker out of reach ----------------------------------------------

own() { person req2 timeout 20 ztjit ssh -o BatchMode=yes db1 id -un; }
# With a certificate from before, whatever the broker and the person's own tools would say.
own_kept() {
	person req2 timeout 20 ssh -o BatchMode=yes -i .ssh/id_ztjit -o CertificateFile=.ssh/before-cert.pub db1 id -un
}

partition() {
	grant req2 sudo-root db1 5m || return
	OWN=$GRANT
	t_says "G05 the grant works" req2 own
	person req2 sh -c 'cp "$(ztjit cert db1)" .ssh/before-cert.pub'
	t_says "G05 and with a copy of its certificate" req2 own_kept
	master req2 own db1
	over req2 own 'setsid sleep 7003 >/dev/null 2>&1 &'
	# No news reaches the gate, as with a broker that holds them back.
	lab_in db1 pkill -STOP -u ztjit-mirror
	person lead1 ztjit revoke --yes -m 'cut off' "$OWN" >/dev/null 2>&1
	t_denies "G05 the person's own tools know at once" "revoked" own
	sleep "$FRESHNESS"
	t_denies "G05 no news: beyond the freshness bound new uses are refused" "Permission denied" own_kept
	t_ok "G05 the host says why" decision db1 principals stale
	t_ok "G05 a running session goes on, as the rule says" alive req2 own
	lab_in db1 pkill -CONT -u ztjit-mirror
	t_ok "G05 the news arrive and end the session" lab_wait 20 lab_in db1 sh -c '! pgrep -f "^sleep 7003"'
	lab_wait 60 hostd_fresh db1
	t_denies "G05 and the next use" "Permission denied" own_kept
	t_ok "G05 now because it is revoked" decision db1 principals revoked
}

# --- power ----------------------------------------------------------------

restart_broker() {
	fleet_stop_broker
	sleep 0.5
	fleet_start_broker
}

reboot() {
	lab_stop db1
	lab_server db1
	LAB_UNIT=ztjit-hostd.service lab_in db1 sh -c 'ztjit-hostd -f >>/var/log/ztjit-hostd.log 2>&1 &'
	lab_start_sshd db1
	lab_wait 10 fleet_armed db1 && lab_wait 60 hostd_fresh db1
}

reboots() {
	local before after
	grant req2 sudo-root db1 5m || return
	t_says "G06 a grant works" req2 own
	before=$(person req2 ztjit show --json "$GRANT" | grep -oE '"ends": *"[^"]*"' | head -n 1)
	master req2 own db1
	t_ok "G06 power failure and reboot of a host" reboot
	t_no "G06 no session is left" sh -c 'grep " sshd "' <<<"$(lab_in db1 ztjit-hostd status)"
	t_no "G06 no cgroup of one" lab_in db1 sh -c 'find /sys/fs/cgroup/ztjit -mindepth 1 -type d | grep .'
	t_says "G06 the grant that runs still runs" req2 own
	t_ok "G06 to the end that it had" decision db1 open ok "$(cut -d'"' -f4 <<<"$before")"
	t_denies "G06 what was revoked stays revoked" "revoked" person lead1 ztjit approve --yes "$OWN"
	t_ok "G06 the broker restarts" restart_broker
	after=$(person req2 ztjit show --json "$GRANT" | grep -oE '"ends": *"[^"]*"' | head -n 1)
	t_ok "G06 it knows the same end" test "$before" = "$after"
	t_says "G06 and what was revoked" "revoked" state_of "$OWN" lead1
	lab_wait 60 hostd_fresh db1
	t_says "G06 hosts find it again" req2 own
	fleet_stop_broker
	t_denies "G05 the broker is gone: the command line says so" "reach" person req1 ztjit requests
	t_ok "G05 with exit status 3" test "$T_STATUS" -eq 3
	t_ok "G06 a host boots without a broker" reboot_alone
	t_denies "G05 and admits nobody while nothing is fresh" "Permission denied" own
	fleet_start_broker
	t_ok "G05 until the broker is there" lab_wait 60 hostd_fresh db1
	t_says "G05 then it does" req2 own
}

reboot_alone() {
	lab_stop db1
	sleep "$FRESHNESS"
	lab_server db1
	LAB_UNIT=ztjit-hostd.service lab_in db1 sh -c 'ztjit-hostd -f >>/var/log/ztjit-hostd.log 2>&1 &'
	lab_start_sshd db1
	lab_wait 10 fleet_armed db1
}

t_ok "a fleet" fleet_ready
t_ok "G03 approve, deny, cancel and revoke at once: everybody sees one end, never an admission" races
t_ok "G03 each was answered yes or no" histories
clocks
partition
reboots
[ "$T_FAILED" -eq 0 ] || fleet_logs
t_done
