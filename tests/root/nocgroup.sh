#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Hosts without cgroups of version 2, where root said cgroup = "none": what holds sessions there, what ends them, what is
# refused, and what is lost (doc/ESCAPES.md).
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
ROOT_RECORD=output
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
grant_end() { date -d "$(person "$1" ztjit show --json "$2" | grep -oE '"ends": *"[^"]*"' | head -n 1 | grep -oE '20[0-9TZ:-]*')" +%s; }
until_time() { local left=$(($1 - $(date +%s))); [ "$left" -le 0 ] || sleep "$left"; }
alarmed() { grep -qF "$2" <<<"$(decisions "$1" | grep '"event":"alarm"')"; }
revoke() {
	person lead1 ztjit revoke --yes -m 'wrong machine' "$2" >/dev/null 2>&1
	person "$1" ztjit show "$2" >/dev/null 2>&1
}
names() { lab_in "$1" ztjit-hostd status --json | grep -oE '"name":"[0-9a-f]{64}"' | sort; }
terminal() {
	person req1 sh -c 'mkfifo ".in-$0"; (sleep 300 >".in-$0" &)
		{ timeout 300 script -qfc "ssh -tt -o BatchMode=yes root@web1" ".shown-$0" <".in-$0" >/dev/null 2>&1
		touch ".closed-$0"; } &' "$1"
	lab_wait 15 shown "$1" '#'
}
type_in() { lab_as req1 timeout 3 sh -c 'printf "%s\n" "$1" >".in-$0"' "$1" "$2"; }
shown() { lab_as req1 grep -aqF "$2" ".shown-$1"; }
closed() { lab_as req1 test -e ".closed-$1"; }

no_cgroups() {
	local host
	for host in web1 db1; do
		hostd_stop "$host" || return
		lab_in "$host" umount /sys/fs/cgroup || return
	done
	t_denies "P04 without cgroups the agent does not start by itself" "cgroups of version 2" lab_in db1 ztjit-hostd -t
	for host in web1 db1; do
		lab_in "$host" sh -c 'echo "cgroup = \"none\";" >>/etc/ztjit/hostd.conf' || return
	done
	lab_in db1 sh -c 'sed "\$arecorder = \"forced\";" /etc/ztjit/hostd.conf >/root/no.conf; chmod 600 /root/no.conf'
	t_denies "R08 nor with a forced recorder, which needs them" "recorder: forced" lab_in db1 ztjit-hostd -t -c /root/no.conf
	hostd_start web1 && hostd_start db1
}

sudo_and_detached() {
	t_ok "a login" grant req1 sudo-root db1 5m
	LONG=$GRANT
	t_ok "is let in" master req1 s1 db1
	t_ok "so is somebody else" grant req2 sudo-root db1 5m
	t_ok "beside it" master req2 s2 db1
	detach req1 s1 7401
	detach req2 s2 7402
	t_says "sudo in it, with a touch" "uid=0(root)" confirmed req1 over req1 s1 'sudo -n id'
	t_says "again without one" "uid=0(root)" over req1 s1 'sudo -n id'
	t_ok "P15 not in somebody else's" asked db1 over req2 s2 'sudo -n id'
	over req1 s1 "tmux -L x new -d 'sudo -n id >/tmp/in-tmux 2>&1'; sleep 2"
	t_no "P15 not for whom the parents are gone" lab_in db1 grep uid=0 /tmp/in-tmux
	t_ok "P15 and the log says why" decision db1 auth no-session
	over req1 s1 "sudo -n sh -c 'setsid sleep 7403 >/dev/null 2>&1 & nohup sleep 7403 >/dev/null 2>&1 &'"
	t_ok "R01 everything runs" eval 'some_sleep db1 7401 && some_sleep db1 7402 && some_sleep db1 7403 2'
	revoke req1 "$LONG"
	t_ok "P3 R01 revoked: within 2 s nothing of it is left" lab_wait 2 none_sleeps db1 7401
	t_ok "P3 R01 nor what sudo left" lab_wait 2 none_sleeps db1 7403
	t_no "C07 nor the connection" alive req1 s1
	t_says "R05 nobody else's is touched" alive over req2 s2 'echo alive'
	t_ok "R05 with all that is detached there" some_sleep db1 7402
}

over_a_restart() {
	local before end
	before=$(names db1)
	lab_in db1 pkill -KILL -x ztjit-hostd
	t_ok "P12 the agent is killed -9" lab_wait 5 hostd_gone db1
	t_ok "and started again" hostd_start db1
	t_ok "it knows the session again, by its name" test "$(names db1)" = "$before"
	t_ok "R01 with all it left" some_sleep db1 7402
	lab_as req2 ssh -F none -S .ssh/s2 -O exit none
	sleep 2
	t_ok "a logout ends nothing that is detached" some_sleep db1 7402
	t_ok "a login of 25 seconds" grant req1 sudo-root db1 25s
	end=$(grant_end req1 "$GRANT")
	t_ok "is let in" master req1 s3 db1
	detach req1 s3 7404
	until_time "$end"
	t_ok "G01 at its end, within 2 s, nothing of it is left" lab_wait 2 none_sleeps db1 7404
	t_ok "R05 what others left is" some_sleep db1 7402
}

recorded() {
	t_ok "the recorder is root's login shell" fleet_record web1 root
	t_ok "and its group is known" eval 'hostd_stop web1 && hostd_start web1'
	t_ok "a grant for a role that is recorded" grant req1 root-shell web1 5m
	LONG=$GRANT
	t_ok "a terminal" terminal one
	type_in one '(setsid sleep 7405 >/dev/null 2>&1 &); echo on$((1+1))'
	t_ok "is there" lab_wait 5 shown one on2
	sleep 16
	t_no "R08 what is detached in it does not stand beside the recorder" closed one
	lab_in web1 pkill -KILL -x ztjit-rec
	t_ok "R02 its recorder is killed: what it recorded is gone within 2 s" lab_wait 2 none_sleeps web1 7405
	t_ok "R02 and the log says why" decision web1 end record-gone
	t_ok "another terminal" terminal two
	type_in two '(setsid sleep 7406 >/dev/null 2>&1 &); echo on$((1+1))'
	t_ok "is there" lab_wait 5 shown two on2
	type_in two 'exit'
	t_ok "it ends" lab_wait 10 closed two
	t_ok "R01 with what it left running, which nobody would record" lab_wait 2 none_sleeps web1 7406
}

# What root can do here, as doc/ESCAPES.md says.
lost() {
	t_ok "a terminal" terminal three
	type_in three 'set +m; sh -c "echo 4242 >/proc/self/loginuid; sleep 7407 & wait" & sh -c "(setsid sh -c \"echo 4242 >/proc/self/loginuid; exec sleep 7408\" &)"; echo on$((1+1))'
	t_ok "root has another audit session in it" lab_wait 5 shown three on2
	t_ok "reported while the parent is there" lab_wait 45 alarmed web1 "left session"
	revoke req1 "$LONG"
	t_ok "P3 the session is over" lab_wait 3 closed three
	t_ok "not seen: who has lost the parent as well" some_sleep web1 7408 1
	lab_in web1 pkill -KILL -f '^sleep 740'
}

no_loginuid() {
	lab_in web1 sed -i '/pam_loginuid/d' /etc/pam.d/sshd
	t_ok "a grant" grant req2 root-shell web1 5m
	t_denies "P04 a login without an audit session of its own is refused" "" \
		person req2 timeout 20 ssh -o BatchMode=yes root@web1 id
	t_ok "P04 and the log says why" decision web1 open no-audit-session
}

t_ok "a fleet" fleet_ready
no_cgroups
t_says "status says what holds sessions" "held by audit sessions" lab_in db1 ztjit-hostd status
t_ok "so does an alarm" alarmed db1 "cgroup = none"
sudo_and_detached
over_a_restart
recorded
lost
no_loginuid
[ "$T_FAILED" -eq 0 ] || fleet_logs
t_done
