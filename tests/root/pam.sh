#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Abuse of PAM, on a host with stock sshd, sudo and su: cases P01 to P16 of the
# flow, each against the real agent. The unit tests in tests/pam and
# tests/hostd have what needs a peer that lies byte by byte.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/demo/fleet.sh
. "$here/../demo/fleet.sh"
LAB_TIMEOUT=60
lab_up "$@"
# shellcheck source=tests/root/abuse.sh
. "$here/abuse.sh"

prepare() {
	gcc -O1 -o "$LAB_DIR/tmp/become" "$here/become.c" && gcc -shared -fPIC -O1 -o "$LAB_DIR/tmp/preload.so" \
		"$here/preload.c" || return
	lab_share "$LAB_DIR/tmp/preload.so" "$here/fake-hostd.pl"
	lab_put db1 "$LAB_DIR/tmp/become" /usr/local/bin/become 4755
	lab_in db1 usermod -a -G ztjit-root req2
	lab_as req1 ssh-keygen -q -t ed25519 -N '' -f .ssh/plain
	lab_as req2 ssh-keygen -q -t ed25519 -N '' -f .ssh/plain
	grant req1 sudo-root db1 5m && grant req2 sudo-root db1 5m || return
	SHARED_GRANT=$GRANT
	master req1 s1 db1 && master req2 s3 db1
}

# ssh with a plain key to the second sshd, as DEST, with OPTIONS.
plain() {
	local who=$1 dest=$2
	shift 2
	lab_as "$who" timeout 15 ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o IdentitiesOnly=yes -i .ssh/plain -p 2222 "$dest" "$@"
}

# A second sshd that accepts what the first does not: only PAM is left to say no.
careless_sshd() {
	LAB_UNIT=ssh.service lab_in "$1" sh -ec 'cat >/etc/ssh/careless; /usr/sbin/sshd -f /etc/ssh/careless' &&
		lab_wait 5 lab__listens "$(lab_addr "$1")" 2222
}

other_ways_in() {
	lab_as req1 cat .ssh/plain.pub | lab_in db1 sh -c '
		install -d -o req1 -g req1 -m 700 /home/req1/.ssh
		cat >/home/req1/.ssh/authorized_keys; chown req1 /home/req1/.ssh/authorized_keys'
	ssh-keygen -q -t ed25519 -N '' -f "$LAB_DIR/tmp/otherca"
	lab_put db1 "$LAB_DIR/tmp/otherca.pub" /etc/ssh/otherca.pub
	printf '%s\n' 'Port 2222' 'PidFile none' 'UsePAM yes' 'AuthorizedKeysFile .ssh/authorized_keys' \
		'TrustedUserCAKeys /etc/ssh/otherca.pub' 'ExposeAuthInfo yes' | careless_sshd db1
	t_denies "P01 a key in authorized_keys is refused in account, and told what to type" "ztjit request --role" \
		plain req1 req1@db1 id
	t_ok "P01 the refusal is logged" decision db1 account no-grant
	lab_as req1 cat .ssh/plain.pub >"$LAB_DIR/tmp/plain.pub"
	ssh-keygen -q -s "$LAB_DIR/tmp/otherca" -I x -n req1 -V +5m "$LAB_DIR/tmp/plain.pub"
	lab_put req1 "$LAB_DIR/tmp/plain-cert.pub" /home/req1/.ssh/plain-cert.pub
	lab_in db1 rm /home/req1/.ssh/authorized_keys
	t_denies "P01 a certificate of another CA is refused in account" "no grant" plain req1 req1@db1 id
}

# Somebody's certificate is no secret: its offer admits the process to account, and the session must look again.
borrowed_offer() {
	grant req1 root-shell web1 5m || return
	person req1 ztjit cert root@web1 >"$LAB_DIR/tmp/certname" || return
	lab_as req1 cat "$(cat "$LAB_DIR/tmp/certname")" >"$LAB_DIR/tmp/stolen-cert.pub"
	lab_as req1 cat .ssh/id_ztjit.pub >"$LAB_DIR/tmp/stolen.pub"
	lab_put req2 "$LAB_DIR/tmp/stolen-cert.pub" /home/req2/.ssh/stolen-cert.pub
	lab_put req2 "$LAB_DIR/tmp/stolen.pub" /home/req2/.ssh/stolen.pub
	lab_as req2 cat .ssh/plain.pub | lab_in web1 sh -c 'mkdir -m 700 -p /root/.ssh; cat >/root/.ssh/authorized_keys'
	{ printf '%s\n' 'Port 2222' 'PidFile none' 'AuthorizedKeysFile .ssh/authorized_keys'
		lab_in web1 cat /etc/ssh/sshd_config.d/10-ztjit.conf; } | careless_sshd web1
	t_no "P01 a borrowed certificate's offer and a plain key: no session" plain req2 root@web1 \
		-o CertificateFile=.ssh/stolen-cert.pub -o IdentityFile=.ssh/stolen 'touch /root/got-in'
	t_ok "P01 it was account that let it pass and session that refused" decision web1 open certificate-kind
	t_no "P01 nothing was run" lab_in web1 test -e /root/got-in
	t_denies "C07 -N, denied at open_session, is disconnected" "" within 12 plain req2 root@web1 -N \
		-o CertificateFile=.ssh/stolen-cert.pub -o IdentityFile=.ssh/stolen
	t_ok "C07 by the agent, not by the client's patience" test "$T_STATUS" -ne 124
}

HOSTILE='env TZ=:/etc/shadow LD_PRELOAD=/lab/preload.so LD_LIBRARY_PATH=/tmp LD_AUDIT=/lab/preload.so XDG_RUNTIME_DIR=/tmp
	XDG_CONFIG_HOME=/tmp TMUX=/tmp/x,1,0 OPENSSL_CONF=/tmp/evil.cnf OPENSSL_MODULES=/tmp LANG=../../tmp LC_ALL=../../tmp
	IFS=/ BASH_ENV=/tmp/x ZTJ_SOCKET=/tmp/x SSH_CONNECTION=10.0.0.1 SSH_AUTH_INFO_0=x PAM_USER=root SUDO_USER=root
	SSH_AUTH_SOCK=/tmp/no-such'

touches() {
	t_ok "P02 sudo asks for a touch" asked db1 over req1 s1 'sudo -n id'
	t_says "P02 the question says what for and what to type" "ztjit confirm" cat "$ABUSE_OUT"
	person req1 ztjit confirm --yes "$CODE" >/dev/null 2>&1
	t_ok "P12 a code whose sudo was killed is worth nothing: it is asked again" asked db1 over req1 s1 'sudo -n id'
	t_ok "P06 a hostile environment is asked all the same" asked db1 over req1 s1 "$HOSTILE sudo -n id"
	t_ok "P05 sudo -i asks" asked db1 over req1 s1 'sudo -n -i id'
	t_ok "P05 su asks" asked db1 over req1 s1 'su -c id root'
	t_ok "P05 su -l asks" asked db1 over req1 s1 'su -l -c id root'
	t_denies "P05 su to an account the role does not reach" "account" over req1 s1 'su -s /bin/sh -c id games'
	lab_in db1 sh -c 'printf "%s\n" "req1,req2 ALL=(ALL:ALL) NOPASSWD: ALL" \
		"Defaults timestamp_timeout=60, timestamp_type=global" >/etc/sudoers.d/zz-careless'
	t_ok "P02 NOPASSWD: account demands the touch that auth skipped" asked db1 over req1 s1 'sudo -n id'
	t_says "P02 NOPASSWD: with it, it works" "uid=0(root)" confirmed req1 over req1 s1 'sudo -n id'
	TOUCHED=$SECONDS
	t_says "P02 within step_up_every it is not asked again" "uid=0(root)" over req1 s1 'sudo -n id'
	t_says "P06 a hostile environment changes no yes" "uid=0(root)" over req1 s1 "$HOSTILE sudo -n id"
	t_no "P06 nothing was loaded into a privileged process" lab_in db1 test -e /tmp/preloaded
	t_denies "P15 another account is refused when sudo names it, and says so" "account" \
		over req1 s1 'sudo -n -u games touch /tmp/as-games'
	t_no "P15 nothing was run as it" lab_in db1 test -e /tmp/as-games
	lab_in db1 sh -c 'cp /etc/pam.d/sudo /etc/pam.d/ops; echo "Defaults pam_service=ops, pam_login_service=ops" >/etc/sudoers.d/zz-ops'
	t_denies "P05 an unknown service is refused, touched or not, and says so" "not governed" over req1 s1 'sudo -n id'
	t_denies "P05 also for root outside sessions" "not governed" lab_in db1 sudo -n id
	lab_in db1 rm /etc/sudoers.d/zz-ops
}

# Nobody rides on that touch.
rides() {
	master req1 s2 db1 || return
	t_ok "P15 another session of the same person is asked" asked db1 over req1 s2 'sudo -n id'
	t_ok "P15 another terminal of the same session is asked" asked db1 over_tty req1 s1 'sudo -n id'
	t_ok "P15 another person is asked" asked db1 over req2 s3 'sudo -n id'
	t_ok "P16 real root by a setuid program, in a session, is asked" asked db1 over req1 s2 'become sudo -n id'
	t_ok "P16 detached from it as well" asked db1 over req1 s2 'become setsid -w sudo -n id'
	t_denies "P16 su from that root: another account stays refused" "account" over req1 s2 'become su -s /bin/sh -c id games'
	t_ok "P16 su from that root to root is asked" asked db1 over req1 s2 'become su -c id root'
}

as_on() { LAB_USER=$2 lab_as "$1" "${@:3}"; }

asked_late() {
	while [ $((SECONDS - TOUCHED)) -le 15 ]; do sleep 0.5; done
	asked "$@"
}

outside_sessions() {
	t_denies "P16 a person's process outside any session is refused, and told how to get in" "ztjit ssh" \
		as_on db1 req1 sudo -n id
	t_says "P16 root outside any session elevates nothing" "uid=0(root)" lab_in db1 sudo -n id
	t_ok "P16 it is logged" decision db1 open ok "outside any person"
	t_says "P16 su from it" "uid=5" lab_in db1 su -s /bin/sh -c id games
	t_ok "P02 the touch is over after step_up_every" asked_late db1 over req1 s1 'sudo -n id'
}

# sleepers N: so many processes of root's that began below are left, all in the cgroup of a login.
sleepers() {
	lab_in db1 sh -c '
		for pid in $(pgrep -u root -f "^sleep 710"); do
			grep -Eq "/ztjit/s[0-9]+$" "/proc/$pid/cgroup" || exit
			n=$((n + 1))
		done
		[ "${n:-0}" -eq "$0" ]' "$1"
}

# Root by the session's own grant stays in its cgroup, and goes with it however it was detached.
shared_cgroup() {
	local away='>/dev/null 2>&1 </dev/null &'
	t_ok "R01 sudo by the session's own grant leaves things behind" confirmed req2 over req2 s3 "sudo -n sh -c '
		setsid sleep 7101 $away nohup sleep 7102 $away
		setsid sh -c \"sleep 7103 & setsid sleep 7104\" $away sleep 0.3'"
	t_ok "R01 they run as root, in the session's cgroup" sleepers 4
	t_no "P12 the sudo itself is over" lab_in db1 sh -c 'ztjit-hostd status --json | grep -q "\"service\": *\"sudo\""'
	grant req2 sudo-root db1 5m
	t_says "another grant, which ends later, has a cgroup of its own" "/nested/" confirmed req2 over_tty req2 s3 \
		"sudo -n sed -nE 's,.*/ztjit/s[0-9]+/s[0-9]+\$,/nested/,p' /proc/self/cgroup"
	person lead1 ztjit revoke --yes -m 'enough' "$SHARED_GRANT" >/dev/null 2>&1
	t_ok "R01 revoked: all of them are gone within two seconds" lab_wait 2 sleepers 0
	t_no "R01 and the session" alive req2 s3
}

# What is left of a question whose asker or whose judge is killed.
killed() {
	local before
	before=$(sessions_of db1)
	t_ok "P12 sudo killed in mid-request" asked db1 over req1 s1 'sudo -n sleep 300'
	t_ok "P12 leaves no session and no cgroup behind" lab_wait 3 eval '[ "$(sessions_of db1)" = "'"$before"'" ]'
	begin over req1 s2 'sudo -n id'
	t_ok "P12 ssh killed in mid-request" lab_as req1 ssh -F none -S .ssh/s2 -O exit none
	t_ok "P12 what it left, if anything, is still in its session, whose end it shares" lab_in db1 sh -c '
		for pid in $(pgrep -x sudo); do
			cgroup=$(cat "/proc/$pid/cgroup" 2>/dev/null) || continue
			case $cgroup in */ztjit/*) ;; *) exit 1 ;; esac
		done'
	lab_in db1 pkill -KILL -x sudo
	wait "$BEGUN"
	begin over req1 s1 'sudo -n touch /tmp/judged'
	t_ok "P12 the gate is killed in mid-request" lab_in db1 pkill -KILL -u ztjit-gate
	t_no "P12 whoever waited is refused" wait "$BEGUN"
	t_ok "P12 the agent ends as a whole" lab_wait 5 hostd_gone db1
	t_no "P12 nothing was run" lab_in db1 test -e /tmp/judged
	t_ok "P12 its sessions are the guardian's: they go on for a while" alive req1 s1
	lab_as req1 ssh -F none -S .ssh/s1 -O exit none
}

daemon_away() {
	t_denies "P03 hostd stopped: sudo by root says why" "not running" lab_in db1 sudo -n id
	t_denies "P03 hostd stopped: sudo by a person" "not running" as_on db1 req1 sudo -n id
	t_denies "P03 hostd stopped: a login by key says why" "not running" plain req1 req1@db1 id
	t_denies "P03 hostd stopped: su" "not running" lab_in db1 su -s /bin/sh -c id games
	t_denies "P03 hostd stopped: ssh" "Permission denied" person req1 ssh -o BatchMode=yes db1 id
	t_ok "P04 socket missing" lab_in db1 sh -c 'rm /run/ztjit/*.sock'
	t_denies "P04 socket missing: says why" "not running" lab_in db1 sudo -n id
	lab_in db1 sh -c 'echo "session required pam_ztjit.so sokcet=/x" >>/etc/pam.d/su'
	t_denies "P04 an option that is misspelt denies" "" lab_in db1 su -s /bin/sh -c id games
	lab_in db1 sh -c 'sed -i \$d /etc/pam.d/su'
}

# fake HOW: another listener answers instead of the agent.
fake() {
	lab_in db1 sh -c 'pkill -x fake-hostd.pl; rm -f /run/ztjit/pam.sock
		setsid /lab/fake-hostd.pl /run/ztjit/pam.sock "$0" >/dev/null 2>&1 &' "$1"
	lab_wait 5 lab_in db1 test -S /run/ztjit/pam.sock
}

daemon_false() {
	local how
	for how in close garbage huge; do
		fake "$how"
		t_denies "P13 a false daemon that answers with $how is a denial" "access is denied" \
			within 5 lab_in db1 sudo -n id
	done
	for how in hang drip; do
		fake "$how"
		lab_in db1 su -s /bin/sh -c 'touch /tmp/fooled' games >"$LAB_DIR/tmp/su-out" 2>&1 &
		t_denies "P13 a false daemon that would $how: sudo waits for seconds and says so" "does not answer" \
			within 13 lab_in db1 sudo -n id
		t_no "P13 $how: su as well" wait $!
		t_no "P13 $how: nothing was run" lab_in db1 test -e /tmp/fooled
	done
	lab_in db1 pkill -x fake-hostd.pl
}

# refuses_to_start TEXT: -t says TEXT, and serving is refused.
refuses_to_start() {
	local out
	out=$(lab_in db1 ztjit-hostd -t 2>&1) && return 1
	echo "$out"
	LAB_TIMEOUT=5 lab_in db1 ztjit-hostd -f && return 1
	[ "$?" -ne 124 ] && case $out in *"$1"*) ;; *) return 1 ;; esac
}

# broken NAME TEXT COMMAND: after COMMAND on a file of the configuration the agent does not start and says TEXT.
broken() {
	lab_in db1 sh -c 'rm -rf /root/etc; cp -a /etc/ztjit /root/etc; cd /etc/ztjit; '"$3"
	t_ok "$1" refuses_to_start "$2"
	lab_in db1 sh -c 'rm -rf /etc/ztjit; mv /root/etc /etc/ztjit'
}

bad_configuration() {
	broken "P04 F02 hostd.conf is missing" hostd.conf 'rm hostd.conf'
	broken "P04 F02 hostd.conf is empty" hostd.conf ': >hostd.conf'
	broken "F02 an unknown key, with file, line and key" "frob" 'echo "frob = 1;" >>hostd.conf'
	broken "F02 a duplicate key" "name" 'grep "^name" hostd.conf >x; cat x >>hostd.conf; rm x'
	broken "F02 a wrong type" "reserve" 'echo "reserve = \"many\";" >>hostd.conf'
	broken "F01 hostd.conf is writable by others" hostd.conf 'chmod 666 hostd.conf'
	broken "F01 hostd.conf is a link" hostd.conf 'mv hostd.conf x; ln -s x hostd.conf'
	broken "F01 its directory is writable by others" hostd.conf 'chmod 777 .'
	broken "F01 policy_roots are somebody else's" policy_roots 'chown 20000 policy_roots'
	broken "F01 policy_roots are writable by a group" policy_roots 'chgrp 20000 policy_roots; chmod 664 policy_roots'
	broken "F02 policy_roots are missing" policy_roots 'rm policy_roots'
	broken "F02 policy_roots are empty" policy_roots ': >policy_roots'
	broken "F01 the machine key is readable by others" machine.key 'chmod 644 machine.key'
	broken "F02 the machine key is cut" machine.key 'truncate -s 100 machine.key'
	t_ok "P03 and with everything in its place it serves again" hostd_start db1
	t_ok "P12 the grant is there as before" master req1 s1 db1
	t_ok "P12 the touch is not" asked db1 over req1 s1 'sudo -n id'
}

t_ok "a fleet" fleet_ready
t_ok "grants and sessions" prepare
other_ways_in
borrowed_offer
touches
rides
shared_cgroup
outside_sessions
killed
daemon_away
daemon_false
bad_configuration
[ "$T_FAILED" -eq 0 ] || fleet_logs
t_done
