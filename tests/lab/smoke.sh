#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The lab itself: stock OpenSSH, sudo, cgroups and clocks behave in its machines
# as on a server, its people are apart, and nothing is left when it ends.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/lab.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

# What a lab could leave behind, as the machine sees it.  Other labs may run.
traces() {
	cat /proc/self/mountinfo
	ip -o link | sed 's/ state .*//'
	getent passwd
	getent group
	cat /etc/hosts /proc/sys/kernel/hostname
	ls -la /etc/ssh /etc/sudoers.d /etc/pam.d 2>/dev/null
	find "$LAB_DIR" | sort
}

lab_processes() {
	grep -lsaE "^LAB_INSIDE=$1$" --null-data /proc/[0-9]*/environ
}

cgroups_of() {
	lab__with_cgroups find "$LAB_DIR" -maxdepth 1 -name "ztjit-lab-$1*"
}

inside() {
	LAB_TIMEOUT=20
	lab_up "$@"
	lab_server web1
	lab_server db1
	lab_workstation req1
	lab_workstation lead1

	logins
	people
	processes
	clocks
	power
	t_done
}

logins() {
	local host
	ssh-keygen -q -t ed25519 -N '' -f "$LAB_DIR/ca"
	lab_as req1 mkdir -m 700 .ssh
	t_ok "a workstation makes a key" lab_as req1 ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519
	lab_as req1 cat .ssh/id_ed25519.pub >"$LAB_DIR/req1.pub"
	ssh-keygen -q -s "$LAB_DIR/ca" -I req1 -n req1 -V +5m "$LAB_DIR/req1.pub"
	lab_put req1 "$LAB_DIR/req1-cert.pub" /home/req1/.ssh/id_ed25519-cert.pub
	for host in web1 db1; do
		lab_user "$host" req1 "$(lab_as req1 id -u)" operators
		lab_put "$host" "$LAB_DIR/ca.pub" /etc/ssh/user_ca.pub
		echo '%operators ALL=(root) NOPASSWD: ALL' | lab_in "$host" tee /etc/sudoers.d/operators >/dev/null
		t_ok "$host: sshd starts" lab_start_sshd "$host" -o TrustedUserCAKeys=/etc/ssh/user_ca.pub
		lab_in "$host" cat /etc/ssh/ssh_host_ed25519_key.pub | sed "s/^/$host /" >>"$LAB_DIR/known_hosts"
	done
	t_ok "every server has host keys of its own" test \
		"$(cut -d' ' -f3 "$LAB_DIR/known_hosts" | sort -u | wc -l)" -eq 2
	lab_put req1 "$LAB_DIR/known_hosts" /etc/ssh/ssh_known_hosts
	for host in web1 db1; do
		t_says "$host: login with a certificate" "req1@$host" lab_as req1 ssh -o BatchMode=yes "$host" \
			'echo "$(id -un)@$(hostname)"'
		t_says "$host: sudo inside" "uid=0(root)" lab_as req1 ssh -o BatchMode=yes "$host" sudo -n id
	done
	t_says "a terminal, over ssh" "/dev/pts/" lab_as req1 script -qec "ssh -o BatchMode=yes -tt web1 tty" /dev/null
	t_denies "no login without the certificate" "Permission denied" \
		lab_as req1 ssh -o BatchMode=yes -o CertificateFile=none -o IdentitiesOnly=yes -o PubkeyAuthentication=no web1 id
	t_says "the login is in the server's log" "Accepted publickey for req1" lab_log web1
}

people() {
	lab_as req1 sh -c 'echo secret >private; echo secret >/tmp/private'
	t_says "a person keeps a HOME" "secret" lab_as req1 cat private
	t_no "another workstation does not see that HOME" lab_as lead1 ls /home/req1
	t_no "nor its /tmp" lab_as lead1 ls /tmp/private
	t_says "the CLI's user is nobody special" "uid=2" lab_as req1 id
	t_ok "a person cannot write outside HOME" lab_as req1 sh -c '
		! touch /etc/x && ! touch /usr/x && ! touch /lab/x && ! touch /home/x'
	t_ok "workstations reach each other by name" lab_as lead1 getent hosts req1
	t_no "the lab reaches no other network" bash -c 'exec 3<>/dev/tcp/192.0.2.1/80'
}

processes() {
	lab_in db1 sh -c 'setsid sleep 987 & echo $! >/run/victim'
	lab_in db1 sh -c 'mkdir -p /sys/fs/cgroup/ztjit/s1 && cat /run/victim >/sys/fs/cgroup/ztjit/s1/cgroup.procs'
	t_says "a process moves to a nested cgroup" "0::/ztjit/s1" \
		lab_in db1 sh -c 'cat /proc/$(cat /run/victim)/cgroup'
	t_ok "its descendants are killed with it" lab_in db1 sh -c 'echo 1 >/sys/fs/cgroup/ztjit/s1/cgroup.kill'
	t_ok "nothing is left, not even a zombie" lab_wait 2 lab_in db1 sh -c '
		! grep -q . /sys/fs/cgroup/ztjit/s1/cgroup.procs && ! kill -0 "$(cat /run/victim)" 2>/dev/null'
	t_no "a server does not see another's cgroups" lab_in web1 test -e /sys/fs/cgroup/ztjit
	t_no "a server does not see another's processes" lab_in web1 sh -c 'ps ax | grep -q "[s]leep 987"'
	t_no "a machine cannot turn the kernel's knobs" lab_in web1 sh -c 'echo 1 >/proc/sys/kernel/panic'
}

clocks() {
	local real shifted
	lab_clock db1 +0
	lab_in db1 sh -c 'while sleep 0.1; do date +%s >/run/clock.new; mv /run/clock.new /run/clock; done >/dev/null 2>&1 &'
	lab_clock db1 +2h
	real=$(date +%s)
	shifted=$(lab_in db1 date +%s)
	t_ok "a server's clock is two hours ahead" test "$((shifted - real))" -ge 7199
	t_ok "a running daemon follows" lab_wait 2 lab_in db1 sh -c "test \"\$(cat /run/clock)\" -ge $((real + 7199))"
	lab_clock db1 -1h
	t_ok "and back" test "$(lab_in db1 date +%s)" -le "$((real - 3590))"
	t_ok "other servers keep theirs" test "$(lab_in web1 date +%s)" -le "$((real + 60))"
	lab_clock db1 +0
}

power() {
	lab_in web1 sh -c 'echo kept >/var/lib/state; sleep 986 >/dev/null 2>&1 &'
	t_ok "a power failure" lab_stop web1
	t_no "nothing answers" lab_as req1 ssh -o BatchMode=yes -o ConnectTimeout=1 web1 true
	lab_server web1
	t_says "files survive" kept lab_in web1 cat /var/lib/state
	t_no "processes do not" lab_in web1 sh -c 'ps ax | grep -q "[s]leep 986"'
	lab_start_sshd web1 -o TrustedUserCAKeys=/etc/ssh/user_ca.pub
	t_ok "it serves again under its address" lab_as req1 ssh -o BatchMode=yes web1 true
	lab_link web1 down
	t_no "a pulled cable" lab_as req1 ssh -o BatchMode=yes -o ConnectTimeout=1 web1 true
	lab_link web1 up
	t_ok "plugged in again" lab_wait 5 lab_as req1 ssh -o BatchMode=yes -o ConnectTimeout=1 web1 true
}

# Killed with no chance to clean up.
killed_lab() {
	lab_up "$@"
	lab_server web1
	lab_in web1 sh -c 'setsid sleep 985 >/dev/null 2>&1 &'
	echo "$LAB_INSIDE" >&4
	sleep 60
}

case ${1:-} in
inside) inside "$@" ;;
killed) killed_lab "$@" ;;
esac

lab_base || exit 1
before=$(traces)
lab_run "$0" inside || T_FAILED=1
t_ok "mounts, links, users and files are as before" diff <(echo "$before") <(traces)
t_no "no process is left" lab_processes "$LAB_ID"
t_ok "no cgroup is left" test -z "$(cgroups_of "$LAB_ID")"

exec 4<> <(:)
bash "$0" killed 4>&4 &
outer=$!
read -r -t 20 -u 4 id
t_ok "a second lab runs" test -n "$(lab_processes "$id")"
kill -KILL "$outer"
t_ok "killed: no process outlives it" lab_wait 3 eval '! lab_processes "$id"'
t_ok "killed: its cgroups go" lab_wait 5 eval '[ -z "$(cgroups_of "$id")" ]'
t_ok "killed: mounts, links, users and files are as before" diff <(echo "$before") <(traces)
t_done
