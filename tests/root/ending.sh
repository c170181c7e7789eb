#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# How sessions end on a real host: whatever they leave behind, with the agent
# killed, stopped or away, by a kill statement, extended meanwhile; and what
# tries to outlive them (doc/ESCAPES.md).
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/demo/fleet.sh
. "$here/../demo/fleet.sh"
LAB_TIMEOUT=60
FRESHNESS=600
lab_up "$@"
# shellcheck source=tests/root/abuse.sh
. "$here/abuse.sh"

# detach WHO NAME SECONDS: four ways to leave a session; SECONDS tells them apart.
detach() {
	over "$1" "$2" "setsid sleep $3 >/dev/null 2>&1 & nohup sleep $3 >/dev/null 2>&1 &
		perl -e 'fork and exit; setpgrp; fork and exit; exec \"sleep\", \"$3\"' >/dev/null 2>&1
		tmux -L t$3 new -d 'exec sleep $3' </dev/null; sleep 0.3"
}
sleepers() { lab_in "$1" sh -c 'ps ax -o args | grep -c "^sleep $0"' "$2"; }
some_sleep() { [ "$(sleepers "$1" "$2")" = "${3:-4}" ]; }
none_sleeps() { [ "$(sleepers "$1" "$2")" = 0 ]; }

status_of() { lab_in "$1" ztjit-hostd status --json; }
names() { status_of "$1" | grep -oE '"name":"[0-9a-f]{64}"' | sort; }
wardens() { lab_in "$1" pgrep -cx ztjit-warden; }
one_warden() { [ "$(wardens "$1")" = 1 ]; }
no_warden() { [ "$(wardens "$1")" = 0 ]; }
grant_end() { date -d "$(person "$1" ztjit show --json "$2" | grep -oE '"ends": *"[^"]*"' | head -n 1 | grep -oE '20[0-9TZ:-]*')" +%s; }
until_time() { local left=$(($1 - $(date +%s))); [ "$left" -le 0 ] || sleep "$left"; }
said() { lab_in "$1" grep -aqF "$2" /var/log/ztjit-hostd.log; }
alarmed() { grep -qF "$2" <<<"$(decisions "$1" | grep '"event":"alarm"')"; }
# revoke WHO R-…: WHO's client hears of it.
revoke() {
	person lead1 ztjit revoke --yes -m 'wrong machine' "$2" >/dev/null 2>&1
	person "$1" ztjit show "$2" >/dev/null 2>&1
}

killed_and_found_again() {
	local before
	t_ok "a session that leaves processes behind, four ways" grant req1 root-shell web1 5m
	LONG=$GRANT
	t_ok "R01 it runs" master req1 long root@web1
	detach req1 long 7001
	t_ok "R01 they run" some_sleep web1 7001
	before=$(names web1)
	lab_in web1 pkill -KILL -x ztjit-hostd
	t_ok "P12 the agent is killed -9, all but its warden" lab_wait 5 hostd_gone web1
	t_ok "the warden stays as guardian" one_warden web1
	t_says "and the session goes on" alive over req1 long 'echo alive'
	t_denies "P03 but nobody gets in" "Permission denied" person req1 timeout 20 ssh -o BatchMode=yes root@web1 id
	t_ok "the agent is started again" hostd_start web1
	t_ok "one warden, not two" lab_wait 5 one_warden web1
	t_ok "it knows the session again, by its name" test "$(names web1)" = "$before"
	t_says "which goes on" alive over req1 long 'echo alive'
}

stopped_and_started() {
	lab_in web1 sh -c 'echo "guard_grace = \"20s\";" >>/etc/ztjit/hostd.conf'
	t_ok "an upgrade: the agent is stopped" hostd_stop web1
	t_says "the session goes on" alive over req1 long 'echo alive'
	t_ok "and started" hostd_start web1
	t_says "and goes on" alive over req1 long 'echo alive'
	t_ok "R01 with all it left" some_sleep web1 7001
	t_denies "a second agent is refused" "another ztjit-hostd is running" lab_in web1 ztjit-hostd -f
	t_says "and disturbs nothing" alive over req1 long 'echo alive'
	revoke req1 "$LONG"
	t_ok "P3 R01 revoked: within 2 s nothing of the session is left" lab_wait 2 none_sleeps web1 7001
	t_no "C07 nor the multiplexed connection" alive req1 long
}

guarded() {
	local end
	# What takes long on a slow machine comes before the grant, whose window begins with its last approval.
	lab_in web1 sed -i '/guard_grace/d' /etc/ztjit/hostd.conf
	t_ok "with a minute of grace" hostd_stop web1
	t_ok "and started" hostd_start web1
	t_ok "a session of half a minute" grant req2 root-shell web1 30s
	end=$(grant_end req2 "$GRANT")
	t_ok "it runs" master req2 short root@web1
	t_ok "C07 one without a command as well" master req2 bare root@web1 -L 9002:127.0.0.1:22
	detach req2 short 7002
	lab_in web1 pkill -KILL -x ztjit-hostd
	t_ok "P12 the agent is killed -9" lab_wait 5 hostd_gone web1
	until_time $((end - 5))
	t_ok "R01 just before its end everything runs" some_sleep web1 7002
	until_time "$end"
	t_ok "G01 R01 the guardian ends it on time, within 2 s" lab_wait 2 none_sleeps web1 7002
	t_no "C07 the connection too" alive req2 short
	t_no "C07 and -N" alive req2 bare
	t_ok "and leaves, for there is nothing left to guard" lab_wait 5 no_warden web1
	t_ok "the agent is started again" hostd_start web1
	t_ok "and writes down that the session is gone" decision web1 gone ok
}

grace() {
	t_ok "a session" grant req2 root-shell web1 4m
	t_ok "it runs" master req2 late root@web1
	detach req2 late 7003
	lab_in web1 sh -c 'echo "guard_grace = \"12s\";" >>/etc/ztjit/hostd.conf'
	t_ok "twelve seconds of grace" hostd_stop web1
	t_ok "and started" hostd_start web1
	t_ok "the agent goes and does not come back" hostd_stop web1
	sleep 3
	t_ok "R01 after three seconds everything runs" some_sleep web1 7003
	t_ok "P3 after twelve nothing does" lab_wait 12 none_sleeps web1 7003
	t_ok "nor a warden" lab_wait 5 no_warden web1
	t_ok "the log says why" said web1 "no gate for 12 s: ending every session"
	lab_in web1 sed -i '/guard_grace/d' /etc/ztjit/hostd.conf
	t_ok "the agent is started again" hostd_start web1
}

warden_killed() {
	t_ok "a session" master req2 third root@web1
	lab_in web1 pkill -KILL -x ztjit-warden
	t_ok "the warden is killed: the agent ends as a whole" lab_wait 5 hostd_gone web1
	t_says "nobody is left to end the session" alive over req2 third 'echo alive'
	t_ok "the next start" hostd_start web1
	t_says "takes it up" alive over req2 third 'echo alive'
}

# make_kill WHO NAME REASON: a statement made by hand and signed by ssh-keygen (P10), as a container.
make_kill() {
	local issued
	issued=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	printf '{"v":1,"type":"kill","domain":"example","issued":"%s","who":"people/%s","host":"servers/web1","session":"%s","reason":"%s","nonce":"%s"}' \
		"$issued" "$1" "$2" "$3" "$(head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n')" >"$LAB_DIR/tmp/kill"
	lab_put "$1" "$LAB_DIR/tmp/kill" "/home/$1/kill"
	lab_in "$1" chown "$1" "/home/$1/kill"
	person "$1" env SSH_SK_PROVIDER=/lab/libsoftkey-sk.so ssh-keygen -q -Y sign -f .ssh/id_ztjit -n kill@ztjit kill </dev/null || return
	lab_as "$1" sh -c 'printf "{\"statement\":\"%s\",\"signatures\":[\"%s\"]}" "$(base64 -w0 kill)" "$(sed "s/\$/\\\\n/" kill.sig | tr -d "\n")"; rm -f kill.sig' \
		>"$LAB_DIR/tmp/kill.json"
	lab_put web1 "$LAB_DIR/tmp/kill.json" /root/kill.json
}

one_killed() {
	local name before
	before=$(names web1)
	t_ok "another session of the same person" master req2 fourth root@web1
	name=$(comm -13 <(echo "$before") <(names web1) | grep -oE '[0-9a-f]{64}')
	make_kill req1 "$name" 'not mine'
	t_denies "S05 somebody who is no auditor" "may not" lab_in web1 ztjit-hostd import /root/kill.json
	make_kill sec1 "$name" 'it does what it should not'
	t_ok "P10 a kill signed by ssh-keygen, carried by hand" lab_in web1 ztjit-hostd import /root/kill.json
	t_ok "ends that session within 2 s" lab_wait 2 eval '! alive req2 fourth'
	t_says "and no other" alive over req2 third 'echo alive'
	t_ok "who and why stand in the log" eval 'decisions web1 | grep "\"event\":\"kill\"" | grep people/sec1 | grep -q "what it should not"'
	t_denies "S02 once" "used already" lab_in web1 ztjit-hostd import /root/kill.json
	lab_as req2 ssh -F none -S .ssh/third -O exit none
}

# A terminal that stays open; what it shows goes to a file.
terminal() {
	person req2 sh -c 'sleep 300 | timeout 300 script -qfc "ssh -tt -F none -S .ssh/'"$1"' -o ControlMaster=no none" .shown >/dev/null 2>&1 &'
	lab_wait 5 lab_as req2 test -s .shown
}
shown() { lab_as req2 grep -aqF "$1" .shown; }

extended() {
	local end more
	t_ok "a session of 85 seconds" grant req2 root-shell web1 85s
	end=$(grant_end req2 "$GRANT")
	t_ok "it runs" master req2 fifth root@web1
	t_ok "with a terminal" terminal fifth
	until_time $((end - 60))
	t_ok "a minute before its end the terminal says so, and what to type" \
		lab_wait 10 shown "ends in 1 minute; to go on: ztjit extend $GRANT --for 30m"
	t_ok "it is extended" fleet_do req2 "ztjit extend --yes --no-wait $GRANT --for 2m -m 'not done yet, one step is left'"
	more=$(request_id "${FLEET_OUT#*"$GRANT"}")
	[ -n "$more" ] || more=$(grep -oE 'R-[0-9A-HJKMNP-TV-Z]{10}' <<<"$FLEET_OUT" | grep -v "$GRANT" | head -n 1)
	fleet_do lead1 "ztjit approve --yes $more" && fleet_do sec1 "ztjit approve --yes $more"
	until_time $((end + 3))
	t_says "after its first end it goes on, without connecting again" alive over req2 fifth 'echo alive'
	t_ok "R01 the terminal too" lab_in web1 sh -c 'ps ax -o tty,args | grep -q "^pts.*bash"'
	revoke req2 "$more"
	t_ok "revoked, what extends it ends it" lab_wait 2 eval '! alive req2 fifth'
	t_ok "and the terminal says why" lab_wait 3 shown "this session is over: the grant was revoked"
}

left_elsewhere() {
	t_ok "R07 a grant to log in as oneself" grant req1 sudo-root db1 25s
	SELF_END=$(grant_end req1 "$GRANT")
	t_ok "R07 a login" master req1 self db1
	# What cron, at, a user manager or linger would run: not in the session, nor its child.
	lab_in db1 sh -c 'setsid setpriv --reuid req1 --regid req1 --clear-groups sleep 7101 </dev/null >/dev/null 2>&1 &
		setsid setpriv --reuid req2 --regid req2 --clear-groups sleep 7102 </dev/null >/dev/null 2>&1 &
		setsid setpriv --reuid games --regid games --clear-groups sleep 7103 </dev/null >/dev/null 2>&1 &'
	lab_as req1 ssh -F none -S .ssh/self -O exit none
	until_time $((SELF_END - 5))
	t_ok "R07 after the logout, while the grant runs, it is left alone" some_sleep db1 7101 1
	until_time "$SELF_END"
	t_ok "R07 when the last grant has ended it is gone within 3 s" lab_wait 3 none_sleeps db1 7101
	t_ok "R07 somebody who was not let in is left alone" some_sleep db1 7102 1
	t_ok "R07 so is a service account" some_sleep db1 7103 1
	t_ok "R07 an alarm names it" lab_wait 5 alarmed db1 "killed 1 processes of it"
	# What at or cron starts when nobody is there any more.
	t_ok "R07 what is started later runs" lab_in db1 sh -c 'setsid setpriv --reuid req1 --regid req1 --clear-groups sleep 7104 </dev/null >/dev/null 2>&1 &
		for i in 1 2 3 4 5; do ps -o args= -p $! | grep -q "^sleep 7104" && exit; sleep 0.1; done; exit 1'
	t_ok "R07 until it is looked for, once a minute" lab_wait 100 none_sleeps db1 7104
	t_ok "R07 somebody who was not let in is left alone then, too" some_sleep db1 7102 1
}

# --- doc/ESCAPES.md ------------------------------------------------------

ROOT=/sys/fs/cgroup

escapes() {
	t_ok "a root session" grant req1 root-shell web1 5m
	LONG=$GRANT
	t_ok "it runs" master req1 esc root@web1
	over req1 esc "echo \$\$ >$ROOT/cgroup.procs; exec setsid sleep 7201 >/dev/null 2>&1 </dev/null &"
	over req1 esc "(echo 0 >$ROOT/cgroup.procs; setsid sleep 7202 >/dev/null 2>&1 </dev/null &) &"
	over req1 esc "mkdir $ROOT/own; (sh -c 'echo \$\$ >$ROOT/own/cgroup.procs; exec setsid sleep 7203' >/dev/null 2>&1 </dev/null &)"
	over req1 esc "(unshare -m setsid sleep 7204 >/dev/null 2>&1 </dev/null &); (nsenter -t 1 -m setsid sleep 7205 >/dev/null 2>&1 </dev/null &)"
	over req1 esc "mkdir $ROOT/ztjit/own && (sh -c 'echo \$\$ >$ROOT/ztjit/own/cgroup.procs; exec setsid sleep 7206' >/dev/null 2>&1 </dev/null &)"
	over req1 esc "(unshare -m -p -f -u -i -n -C setsid sleep 7207 >/dev/null 2>&1 </dev/null &); (chroot / setsid sleep 7208 >/dev/null 2>&1 </dev/null &)"
	sleep 0.5
	t_ok "they run" eval 'for n in 7201 7202 7203 7204 7205 7206 7207 7208; do some_sleep web1 $n 1 || exit 1; done'
	t_ok "leaving the cgroup is reported while the session runs" lab_wait 45 alarmed web1 "left session"
	revoke req1 "$LONG"
	t_ok "moved by cgroup.procs: gone with the session" lab_wait 2 none_sleeps web1 7201
	t_ok "also when its parent is gone" lab_wait 2 none_sleeps web1 7202
	t_ok "in a cgroup of its own" lab_wait 2 none_sleeps web1 7203
	t_ok "namespaces change nothing" lab_wait 2 none_sleeps web1 7204
	t_ok "nor does entering others" lab_wait 2 none_sleeps web1 7205
	t_ok "a container of its own, all namespaces" lab_wait 2 none_sleeps web1 7207
	t_ok "another root directory" lab_wait 2 none_sleeps web1 7208
	t_ok "a cgroup beside the sessions, inside ours" lab_wait 2 none_sleeps web1 7206
	t_no "no cgroup is left" lab_in web1 sh -c 'find /sys/fs/cgroup/ztjit -mindepth 1 -type d -name "s*" | grep .'
}

no_cgroup() {
	lab_in web1 sh -c 'sed "\$acgroup = \"/tmp/no\";" /etc/ztjit/hostd.conf >/root/no.conf; chmod 600 /root/no.conf'
	t_denies "without cgroups of version 2 the agent refuses to start, and says why" "cgroups of version 2" \
		lab_in web1 ztjit-hostd -t -c /root/no.conf
}

t_ok "a fleet" fleet_ready
killed_and_found_again
stopped_and_started
guarded
extended
grace
warden_killed
one_killed
left_elsewhere
escapes
no_cgroup
[ "$T_FAILED" -eq 0 ] || fleet_logs
t_done
