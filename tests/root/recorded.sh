#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Sessions that must be recorded, on a real host with all of the agent's
# processes: where they run, what may not run beside the recorder, what ends
# with it, and what a restart of the agent does to them.
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

sleepers() { lab_in "$1" sh -c 'ps ax -o args | grep -c "^sleep $0"' "$2"; }
some_sleep() { [ "$(sleepers "$1" "$2")" = 1 ]; }
none_sleeps() { [ "$(sleepers "$1" "$2")" = 0 ]; }
status_of() { lab_in "$1" ztjit-hostd status --json; }
recording() { status_of "$1" | grep -oE '"recorded":true' | wc -l; }
said() { grep -qF "$2" <<<"$(lab_in "$1" cat /var/log/ztjit-hostd.log)"; }

# terminal NAME: a shell on a terminal over a connection of its own; what is written to its fifo is typed.
terminal() {
	person req1 sh -c 'mkfifo ".in-$0"; (sleep 300 >".in-$0" &)
		{ timeout 300 script -qfc "ssh -tt -o BatchMode=yes root@web1" ".shown-$0" <".in-$0" >/dev/null 2>&1
		touch ".closed-$0"; } &' "$1"
	lab_wait 15 shown "$1" '#'
}
type_in() { lab_as req1 timeout 3 sh -c 'printf "%s\n" "$1" >".in-$0"' "$1" "$2"; }
shown() { lab_as req1 grep -aqF "$2" ".shown-$1"; }
closed() { lab_as req1 test -e ".closed-$1"; }
sessions_say() { grep -qE "$1" <<<"$(person sec1 ztjit sessions ls 2>&1)"; }
last_session() { person sec1 ztjit sessions ls 2>/dev/null | grep -oE 'S-[0-9A-HJKMNP-TV-Z]{10}' | head -n 1; }

where_it_runs() {
	t_denies "P6 without the recorder as login shell the role is refused" "Permission denied" \
		person req1 timeout 20 ssh -o BatchMode=yes root@web1 id
	t_ok "P6 and the host says why" decision web1 principals no-recorder
	t_ok "with it" fleet_record web1 root
	t_ok "whose group the agent learns at its start" eval 'hostd_stop web1 && hostd_start web1'
	t_ok "a terminal" terminal one
	type_in one 'cat /proc/self/cgroup; (setsid sleep 7301 &)'
	t_ok "runs in a cgroup below the login's" lab_wait 5 shown one "/ztjit/s1/s2"
	t_ok "with what it starts" lab_wait 3 some_sleep web1 7301
	t_ok "and in a session of its own" test "$(recording web1)" = 1
	t_ok "the broker has it" lab_wait 15 sessions_say 'req1.*web1'
}

over_a_restart() {
	lab_in web1 pkill -KILL -x ztjit-hostd
	t_ok "P12 the agent is killed -9" lab_wait 5 hostd_gone web1
	t_ok "the recorder waits" lab_in web1 pgrep -x ztjit-rec
	t_ok "the agent is started again" hostd_start web1
	type_in one 'echo after$((40+2))'
	t_ok "the session goes on" lab_wait 10 shown one after42
	t_ok "with what it started" some_sleep web1 7301
	t_ok "in the same record, once the recorder is back" lab_wait 15 eval 'test "$(recording web1)" = 1'
	type_in one 'exit'
	t_ok "it ends" lab_wait 10 closed one
	t_ok "R01 with what it left running, which nobody would record" lab_wait 2 none_sleeps web1 7301
	id=$(last_session)
	t_ok "what was typed before and after is in one record" lab_wait 15 eval '
		text=$(person sec1 ztjit sessions export --yes --format text '"$id"' 2>/dev/null)
		grep -q "/ztjit/s1/s2" <<<"$text" && grep -q after42 <<<"$text"'
}

beside_the_recorder() {
	t_ok "another terminal" terminal two
	type_in two 'd=$(sed -n s/^0:://p /proc/self/cgroup); echo "in $d"'
	t_ok "runs in a cgroup of its own" lab_wait 5 shown two "in /ztjit/"
	sleep 16
	t_no "R08 nothing ends it that stays where it was put" closed two
	type_in two '(sh -c "echo \$\$ >/sys/fs/cgroup${d%/*}/cgroup.procs; exec setsid sleep 7302" &)'
	t_ok "R08 what goes beside the recorder ends the session" lab_wait 6 closed two
	t_ok "R08 with what it was" lab_wait 2 none_sleeps web1 7302
	t_ok "and the log says why" decision web1 end no-recorder
}

# internal-sftp runs inside sshd: nothing of ours would be asked.
inside_sshd() {
	lab_in web1 sh -ec 'sed -i "s|^Subsystem.*|Subsystem sftp internal-sftp|" /etc/ssh/sshd_config
		kill -HUP "$(cat /run/sshd.pid)"'
	lab_wait 5 lab__listens "$(lab_addr web1)" 22
	t_says "R03 where sshd would run internal-sftp, sftp-server runs" "Remote working directory" \
		person req1 timeout 20 sh -c 'echo pwd | sftp -o BatchMode=yes root@web1'
	t_ok "R03 and is in the record" lab_wait 15 sessions_say 'sftp-server'
	t_no "R03 and ends no session, for nothing was there" decision web1 end no-recorder
	lab_in web1 sh -ec 'printf "Match User root\n\tForceCommand internal-sftp\n" >>/etc/ssh/sshd_config
		kill -HUP "$(cat /run/sshd.pid)"'
	lab_wait 5 lab__listens "$(lab_addr web1)" 22
	t_says "R03 forced by sshd_config it is ended when it is seen" "closed by remote host" \
		person req1 timeout 30 sh -c '(echo pwd; sleep 20) | sftp -o BatchMode=yes root@web1 2>&1; true'
	t_ok "R03 and the log says why" decision web1 end no-recorder
	lab_in web1 sh -ec 'sed -i "/^Match User root/,\$d; s|^Subsystem.*|Subsystem sftp /usr/lib/openssh/sftp-server|" /etc/ssh/sshd_config
		kill -HUP "$(cat /run/sshd.pid)"'
	lab_wait 5 lab__listens "$(lab_addr web1)" 22
}

recorder_killed() {
	t_ok "another terminal" terminal three
	type_in three '(setsid sleep 7303 &) ; echo on$((1+1))'
	t_ok "is there" lab_wait 5 shown three on2
	lab_in web1 sh -c 'pkill -KILL -x ztjit-rec'
	t_ok "R02 its recorder is killed: what it recorded is gone within 2 s" lab_wait 2 none_sleeps web1 7303
	t_ok "R02 and the log says why" decision web1 end record-gone
	t_ok "R02 the terminal is closed" lab_wait 5 closed three
}

by_an_auditor() {
	local id
	t_ok "another terminal" terminal four
	type_in four '(setsid sleep 7304 &) ; echo on$((1+1))'
	t_ok "is there" lab_wait 5 shown four on2
	t_ok "the broker shows it" lab_wait 15 sessions_say 'open|running|live'
	id=$(last_session)
	t_ok "an auditor ends it" fleet_do sec1 "ztjit sessions kill --yes -m 'it does what it should not' $id"
	t_ok "within 2 s nothing of it runs" lab_wait 2 none_sleeps web1 7304
	t_ok "the terminal is told" lab_wait 3 shown four "ended by somebody who may"
	t_ok "and closed" lab_wait 5 closed four
	t_ok "the log says who" eval 'grep "\"event\":\"kill\"" <<<"$(decisions web1)" | grep -q people/sec1'
}

# Every key that there is, and what was typed where nothing echoes.
secrets() {
	lab_in broker sh -c 'cat /var/lib/ztjit-broker/*/*.key'
	lab_in web1 sh -c 'cat /etc/ztjit/*.key /etc/ssh/ssh_host_*_key'
	lab_as req1 sh -c 'find "$HOME" "${XDG_RUNTIME_DIR:-/nonexistent}" /run/user -type f 2>/dev/null | xargs -r grep -lZ "PRIVATE KEY" | xargs -r0 cat'
	echo "secret $TYPED"
}
# copied NAME HOST PATH...: files of that host, here.
copied() {
	mkdir -p "$LAB_DIR/tmp/$1" && lab_in "$2" tar -C / -c "${@:3}" | tar -C "$LAB_DIR/tmp/$1" -x
}

# What is in the log stays for ever, and many read it.
no_secret_in_the_log() {
	TYPED="Tr0ub4dor-$RANDOM-horse"
	t_ok "another terminal" terminal five
	type_in five 'read -rs pw; echo got${#pw}'
	sleep 1
	type_in five "$TYPED"
	t_ok "a password is typed, and not shown" lab_wait 5 shown five "got${#TYPED}"
	t_no "as every terminal does" shown five "$TYPED"
	type_in five 'exit'
	t_ok "it ends" lab_wait 10 closed five
	t_ok "the log has it" lab_wait 15 eval 'person sec1 ztjit audit ls --kind session 2>/dev/null | grep -q closed'
	copied audit broker var/lib/ztjit-broker/store/log var/lib/ztjit-broker/store/broker.db var/lib/ztjit-broker/store/broker.db-wal
	copied host web1 var/lib/ztjit/hostd/spool
	mapfile -t FILES < <(find "$LAB_DIR/tmp/audit" "$LAB_DIR/tmp/host" -type f)
	secrets >"$LAB_DIR/tmp/secrets"
	t_says "A03 no key and nothing that was typed is in the audit log, the database or the log of a host" "keys, " \
		"$here/../lab/no-secrets.pl" "$LAB_DIR/tmp/secrets" "${FILES[@]}"
	# whoever looks for nothing finds nothing
	t_ok "keys were looked for" test "$(grep -c 'BEGIN.*PRIVATE' "$LAB_DIR/tmp/secrets")" -ge 7
	cp "$LAB_DIR/tmp/secrets" "$LAB_DIR/tmp/leak"
	t_denies "and would have been found" "key" "$here/../lab/no-secrets.pl" "$LAB_DIR/tmp/secrets" "$LAB_DIR/tmp/leak"
	rm -f "$LAB_DIR/tmp/secrets" "$LAB_DIR/tmp/leak"
}

t_ok "a fleet" fleet_ready
t_ok "a grant" grant req1 root-shell web1 5m
where_it_runs
over_a_restart
inside_sshd
beside_the_recorder
recorder_killed
by_an_auditor
no_secret_in_the_log
[ "$T_FAILED" -eq 0 ] || fleet_logs
t_done
