#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The recorder installed as it is meant to be, set-group-id, under stock sshd: R02, R03, R04, R08. The daemon is a
# test's scribe on the real socket; what the real one adds is tested with it.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
LAB_TIMEOUT=60
lab_up "$@"

REC=/usr/bin/ztjit-rec
OPTS=(-F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR)

prepare() {
	mkdir -p "$LAB_DIR/tmp"
	gcc -O1 -o "$LAB_DIR/tmp/poke" "$here/poke.c" && gcc -shared -fPIC -O1 -o "$LAB_DIR/tmp/preload.so" \
		"$here/preload.c" || return
	lab_server web1
	lab_workstation ws 2001
	lab_user web1 req1 2001
	lab_share "$LAB_DIR/tmp/poke" "$LAB_DIR/tmp/preload.so" "$ZTJ_BUILDDIR/tests/rec/rec_scribe"
	lab_put web1 "$ZTJ_BUILDDIR/sshd-helpers/ztjit-rec" "$REC" 0755
	lab_in web1 sh -ec 'groupadd --system ztjit-rec; chgrp ztjit-rec "$0"; chmod 2755 "$0"; mkdir -p /run/ztjit
		echo "$0" >>/etc/shells; usermod -s "$0" req1; install -d -m 700 -o req1 /home/req1/.ssh' "$REC" || return
	lab_as ws sh -c 'mkdir -p -m 700 .ssh; ssh-keygen -q -t ed25519 -N "" -f .ssh/id_ed25519'
	lab_as ws cat .ssh/id_ed25519.pub | lab_in web1 tee /home/req1/.ssh/authorized_keys >/dev/null
	lab_start_sshd web1
}

scribe_up() {
	LAB_TIMEOUT=0 lab_in web1 sh -c '/lab/rec_scribe -v -S /bin/bash -p /run/ztjit/rec.sock sleep 1000 >/run/scribe.log 2>&1 &'
	lab_wait 5 lab_in web1 test -S /run/ztjit/rec.sock
}
scribe_down() { lab_in web1 sh -c 'pkill -KILL -x rec_scribe; rm -f /run/ztjit/rec.sock'; }
scribe_said() { lab_wait 5 lab_in web1 grep -q -- "$1" /run/scribe.log; }
on_web1() { LAB_USER=req1 lab_as web1 "$@"; }
login() { lab_as ws timeout 30 ssh "${OPTS[@]}" "$@"; }
pids() { lab_in web1 pgrep -x "$1"; }
nothing_runs() { ! pids ztjit-rec && ! lab_in web1 pgrep -f '^sleep 98[0-9]'; }

# A recorder of req1's around "sleep $1", started with a hostile environment; its pid is in $PID, its child's in $CHILD.
begin() {
	on_web1 sh -c 'ulimit -c unlimited; cd /tmp; LD_PRELOAD=/lab/preload.so LD_LIBRARY_PATH=/tmp LD_AUDIT=/lab/preload.so \
		BASH_ENV=/tmp/x setsid "$0" -- sleep "$1" </dev/null >/dev/null 2>&1 &' $REC "$1"
	lab_wait 5 lab_in web1 pgrep -f "^sleep $1" >/dev/null || return
	PID=$(pids ztjit-rec) && CHILD=$(lab_in web1 pgrep -f "^sleep $1")
}

protected() {
	local gid
	gid=$(lab_in web1 getent group ztjit-rec | cut -d: -f3)
	t_ok "R04 a recorder, started with LD_PRELOAD and its like" begin 981
	t_ok "the daemon sees the recorder's group, and the person" scribe_said "uid=2001 gid=$gid terminal=0"
	t_no "R04 nothing was loaded into it" lab_in web1 grep preload "/proc/$PID/maps"
	t_no "R04 nor into what it runs" lab_in web1 grep preload "/proc/$CHILD/maps"
	t_no "R04 whose environment is clean" lab_in web1 grep -aE 'LD_|BASH_ENV' "/proc/$CHILD/environ"
	t_says "whose groups are the person's alone" "$(printf 'Gid:\t2001\t2001\t2001\t2001')" lab_in web1 cat "/proc/$CHILD/status"
	t_no "and which holds no descriptor of ours" lab_in web1 test -e "/proc/$CHILD/fd/3"
	t_ok "R02 the same user reads and traces nothing of it" on_web1 /lab/poke "$PID"
	t_no "R02 while that user's own processes can be traced" on_web1 /lab/poke "$CHILD"
	t_ok "no core of it" lab_in web1 grep -Eq "^Max core file size +0 " "/proc/$PID/limits"
	t_ok "though its child may leave one" lab_in web1 grep -Eq "^Max core file size +unlimited" "/proc/$CHILD/limits"
	lab_in web1 kill -SEGV "$PID"
	t_ok "R02 it crashes: what it recorded dies" lab_wait 3 nothing_runs
	t_ok "and nothing lies there" lab_in web1 sh -c '! ls /tmp/core* /home/req1/core* 2>/dev/null | grep .'
	begin 982 && on_web1 kill -KILL "$PID"
	t_ok "R02 the person kills it: what it recorded dies" lab_wait 3 nothing_runs
	t_denies "it takes no other daemon's word" "usage" on_web1 $REC -s /tmp/mine -c id
}

through_sshd() {
	t_says "R03 a command, by sshd and the login shell" "uid=2001" login req1@web1 id
	t_ok "R03 is in the record" scribe_said "terminal=0 tty= command=id"
	login req1@web1 'exit 42'
	t_ok "its status arrives" test $? -eq 42
	t_ok "R03 and is in the record" scribe_said "^end exit 42"
	t_says "R03 a terminal" "/dev/pts/" login -tt req1@web1 'tty; test "$(tty)" = "$SSH_TTY" && test "$SHELL" = /bin/bash'
	t_ok "R03 is in the record" scribe_said "terminal=1 tty=/dev/pts/"
	t_says "R03 a login shell" "here I am 7" lab_as ws sh -c 'printf "echo here I am \$((3+4)); exit\n" |
		timeout 30 ssh "$@" -tt req1@web1' sh "${OPTS[@]}"
	t_ok "R03 is in the record" scribe_said "terminal=1 tty=/dev/pts/[0-9]* command=$"
	lab_as ws sh -c 'head -c 5000001 /dev/urandom >big'
	t_ok "R03 scp, there and back" lab_as ws sh -c 'scp -q "$@" big req1@web1:there && scp -q "$@" req1@web1:there back &&
		cmp big back' sh "${OPTS[@]}"
	t_ok "R03 is in the record" scribe_said "command=/usr/lib/openssh/sftp-server"
	t_ok "R03 scp, the old protocol" lab_as ws sh -c 'scp -O -q "$@" big req1@web1:old && scp -O -q "$@" req1@web1:old back &&
		cmp big back' sh "${OPTS[@]}"
	t_ok "a pipe closed early" lab_as ws sh -c 'timeout 20 ssh "$@" req1@web1 "yes" | head -c 1000 | grep -c y' sh "${OPTS[@]}"
	t_ok "R03 ends what was run" scribe_said "^end signal 13"
}

startup_files() {
	lab_in web1 sh -c 'echo "cat /proc/\$PPID/comm >>/tmp/parents" >/home/req1/.bashrc; cp /home/req1/.bashrc /home/req1/.bash_profile
		chown req1 /home/req1/.bash*'
	login req1@web1 true
	lab_as ws sh -c 'echo exit | timeout 20 ssh "$@" -tt req1@web1' sh "${OPTS[@]}" >/dev/null 2>&1
	t_says "R08 start-up files ran" "ztjit-rec" lab_in web1 cat /tmp/parents
	t_no "R08 and none of them outside the recorder" lab_in web1 grep -v '^ztjit-rec$' /tmp/parents
}

forced() {
	lab_in web1 usermod -s /bin/bash req1
	LAB_UNIT=ssh.service lab_in web1 /usr/sbin/sshd -p 2223 -o PidFile=none -o ForceCommand=$REC
	t_says "as ForceCommand: a command" "uid=2001" login -p 2223 req1@web1 'id; echo forced'
	t_ok "is in the record" scribe_said "terminal=0 tty= command=id; echo forced"
	t_says "as ForceCommand: a terminal" "/dev/pts/" login -p 2223 -tt req1@web1 tty
	t_ok "as ForceCommand: sftp" lab_as ws sh -c 'scp -q -P 2223 "$@" big req1@web1:forced' sh "${OPTS[@]}"
	lab_in web1 usermod -s $REC req1
	t_says "as ForceCommand and login shell: recorded once" "uid=2001" login -p 2223 req1@web1 'id; echo both'
	t_ok "is in the record" scribe_said "command=id; echo both"
	t_no "and only once" lab_in web1 grep 'command=.*/ztjit-rec' /run/scribe.log
}

# As ztjit-hostd's line for a recorded role has it. sshd's own sftp server is no command, and no recorder would be asked.
forced_by_line() {
	lab_in web1 sh -ec 'sed -i "s|^|restrict,pty,command=\"$0\" |" /home/req1/.ssh/authorized_keys
		sed "s|^Subsystem.*|Subsystem sftp internal-sftp -l INFO|" /etc/ssh/sshd_config >/etc/ssh/sshd_internal
		grep -q "^Subsystem sftp internal-sftp" /etc/ssh/sshd_internal; rm -f /tmp/parents' $REC
	LAB_UNIT=ssh.service lab_in web1 /usr/sbin/sshd -f /etc/ssh/sshd_internal -p 2224 -o PidFile=none
	t_ok "R03 where sshd would run internal-sftp, sftp-server runs" \
		lab_as ws timeout 30 scp -q -P 2224 "${OPTS[@]}" big req1@web1:internal
	t_ok "R03 is in the record" scribe_said "command=/usr/lib/openssh/sftp-server -l INFO"
	lab_in web1 mv /usr/lib/openssh/sftp-server /usr/lib/openssh/sftp-server.away
	t_no "R03 and nothing where there is none" lab_as ws timeout 30 scp -q -P 2224 "${OPTS[@]}" big req1@web1:never
	t_no "R03 nothing was written" lab_in web1 test -e /home/req1/never
	lab_in web1 mv /usr/lib/openssh/sftp-server.away /usr/lib/openssh/sftp-server
	t_ok "R03 scp, the old protocol, is recorded" lab_as ws sh -c 'scp -O -q -P 2224 "$@" big req1@web1:line' sh "${OPTS[@]}"
	t_ok "R03 is in the record" scribe_said "command=scp .*line"
	t_says "a command" "uid=2001" login -p 2224 req1@web1 'id; echo by line'
	t_ok "R03 is in the record" scribe_said "command=id; echo by line"
	t_says "a terminal" "/dev/pts/" login -p 2224 -tt req1@web1 tty
	lab_as ws sh -c 'echo exit | timeout 20 ssh "$@" -p 2224 -tt req1@web1' sh "${OPTS[@]}" >/dev/null 2>&1
	t_says "R08 start-up files ran" "ztjit-rec" lab_in web1 cat /tmp/parents
	t_no "R08 and none of them outside the recorder" lab_in web1 grep -v '^ztjit-rec$' /tmp/parents
	LAB_UNIT=ssh.service lab_in web1 /usr/sbin/sshd -p 2225 -o PidFile=none -o ForceCommand=internal-sftp
	t_ok "a ForceCommand of sshd_config outranks the line: not prevented here" \
		lab_as ws timeout 30 sftp -q -P 2225 "${OPTS[@]}" -b /dev/null req1@web1
}

no_daemon() {
	scribe_down
	t_denies "P04 without the daemon nothing runs, and why is said" "nothing was run" login req1@web1 'echo ran >/tmp/ran'
	t_denies "P04 nor with a terminal" "nothing was run" login -tt req1@web1 'echo ran >/tmp/ran'
	t_no "P04 nothing at all" lab_in web1 test -e /tmp/ran
}

t_ok "a server, a set-group-id recorder, a person" prepare
t_ok "a daemon on the real socket" scribe_up
protected
through_sshd
startup_files
forced
forced_by_line
no_daemon
t_done
