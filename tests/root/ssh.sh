#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Abuse of ssh logins on a whole fleet: certificates, channels without a
# session, the principals helper, and what tries to outlive its grant.
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
	grant req1 root-shell web1 5m && LONG=$GRANT && master req1 long root@web1 || return
	grant req2 root-shell web1 25s && SHORT=$GRANT && master req2 short root@web1
}

# Four ways to leave a session; SECONDS tells them apart.
detach() {
	over "$1" "$2" "setsid sleep $3 >/dev/null 2>&1 & nohup sleep $3 >/dev/null 2>&1 &
		perl -e 'fork and exit; setpgrp; fork and exit; exec \"sleep\", \"$3\"' >/dev/null 2>&1
		tmux -L t$3 new -d 'exec sleep $3' </dev/null; sleep 0.3"
}

sleepers() { lab_in "$1" sh -c 'ps ax -o args | grep -c "^sleep $0"' "$2"; }
none_sleeps() { [ "$(sleepers "$1" "$2")" = 0 ]; }
banner_at() { lab_as "$1" timeout 4 bash -c 'exec 3<>/dev/tcp/127.0.0.1/$0 && read -r -t 3 line <&3 && echo "$line" | grep SSH' "$2"; }

channels() {
	lab_as req1 ssh -F none -S .ssh/long -O forward -L 9000:127.0.0.1:22 none
	t_no "C07 a forwarded port reaches nothing" banner_at req1 9000
	t_denies "C07 nor one the other way" "forward" lab_as req1 ssh -F none -S .ssh/long -O forward -R 9001:127.0.0.1:22 none
	person req1 ssh -f -N -M -S .ssh/bare -o BatchMode=yes -L 9002:127.0.0.1:22 root@web1 </dev/null >/dev/null 2>&1
	t_no "C07 -N without a session: its forwarded port reaches nothing" banner_at req1 9002
	t_ok "C07 -N is a session that the agent knows" lab_wait 3 eval '[ "$(lab_in web1 ztjit-hostd status | grep -c " sshd ")" -ge 3 ]'
	t_denies "C07 -W reaches nothing" "prohibited" person req1 timeout 10 ssh -o BatchMode=yes -W 127.0.0.1:22 root@web1
	t_no "C07 no tunnel" person req1 timeout 10 ssh -o BatchMode=yes -o ExitOnForwardFailure=yes -w 7:7 root@web1 true
	t_says "C07 no X11" "display=." person req1 env DISPLAY=:1 ssh -o BatchMode=yes -Y root@web1 'echo "display=$DISPLAY."'
	t_says "C07 sftp is a use of the grant" "etc" person req1 sh -c 'echo "ls /" | sftp -q -b - -o BatchMode=yes root@web1'
	lab_as req1 sh -c 'mkfifo .sftp; (sleep 60 >.sftp) & timeout 60 ssh -F none -S .ssh/long -o ControlMaster=no -s none sftp <.sftp >/dev/null 2>&1 &'
	t_ok "C07 and runs in the session's cgroup" lab_wait 3 lab_in web1 sh -c 'grep /ztjit/ /proc/$(pgrep -ox sftp-server)/cgroup'
	t_says "C07 a multiplexed second session too" "/ztjit/" over req1 long 'cat /proc/self/cgroup'
}

ca_key() { lab_in broker sh -c 'grep -lE "BEGIN OPENSSH" $(find /var/lib/ztjit-broker -type f -name "*ca*")' | head -n 1; }

# mint KEY.pub PRINCIPAL NAME: with the real CA key, without any limit.
mint() {
	lab_in broker cat "$(ca_key)" >"$LAB_DIR/tmp/ca" && chmod 600 "$LAB_DIR/tmp/ca" && cp "$1" "$LAB_DIR/tmp/$3.pub" &&
		ssh-keygen -q -s "$LAB_DIR/tmp/ca" -I x -n "$2" -V -1m:+520w "$LAB_DIR/tmp/$3.pub"
}

minted() {
	local who=$1 name=$2
	shift 2
	lab_put "$who" "$LAB_DIR/tmp/$name-cert.pub" "/home/$who/.ssh/$name-cert.pub"
	person "$who" timeout 15 ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o LogLevel=ERROR -o IdentitiesOnly=yes -o IdentityFile=.ssh/id_ztjit -o "CertificateFile=.ssh/$name-cert.pub" \
		-o SecurityKeyProvider=/lab/libsoftkey-sk.so "$@"
}

stolen_ca() {
	local principal
	principal=$(person req1 sh -c 'ssh-keygen -L -f "$(ztjit cert root@web1)"' | grep -o 'ztjit-grant-[0-9a-f]*' | head -n 1)
	lab_as req1 cat .ssh/id_ztjit.pub >"$LAB_DIR/tmp/req1.pub"
	lab_as req2 cat .ssh/id_ztjit.pub >"$LAB_DIR/tmp/req2.pub"
	t_ok "C08 a certificate minted with the real CA key, for ten years and without limits" \
		mint "$LAB_DIR/tmp/req1.pub" "$principal" wide
	t_says "C08 for the person and the grant it admits no more than the grant" "uid=0(root)" minted req1 wide root@web1 id
	t_denies "C08 forwarding stays refused" "forwarding failed" minted req1 wide -W 127.0.0.1:22 root@web1
	t_denies "C08 another host stays refused" "Permission denied" minted req1 wide root@db1 id
	t_denies "C08 another account stays refused" "Permission denied" minted req1 wide games@web1 id
	t_ok "C08 the host says why" decision web1 principals wrong-account
	mint "$LAB_DIR/tmp/req2.pub" "$principal" other
	t_denies "C08 for another person's key it admits nobody" "Permission denied" minted req2 other root@web1 id
	t_ok "C08 and the host says why" decision web1 principals wrong-key
	mint "$LAB_DIR/tmp/req1.pub" "root" plain
	t_denies "C08 a plain principal admits nobody" "Permission denied" minted req1 plain root@web1 id
	t_ok "C08 and the host says that too" decision web1 principals certificate-kind
}

# helper SCRIPT: what the second sshd runs for principals; the real one is $REAL.
helper() { printf '#!/bin/sh\nREAL=/usr/libexec/ztjit/ztjit-principals\n%s\n' "$1" >"$LAB_DIR/tmp/helper" && lab_put web1 "$LAB_DIR/tmp/helper" /usr/local/bin/helper 0755; }
by_helper() { person req1 timeout 20 ssh -o BatchMode=yes -p 2223 root@web1 id; }

principals_helper() {
	lab_in web1 sh -ec 'sed -e "s#/usr/libexec/ztjit/ztjit-principals#/usr/local/bin/helper#" /etc/ssh/sshd_config.d/10-ztjit.conf >/etc/ssh/helped
		printf "%s\n" "Port 2223" "PidFile none" >>/etc/ssh/helped'
	helper 'exec $REAL "$@" <&-'
	LAB_UNIT=ssh.service lab_in web1 /usr/sbin/sshd -f /etc/ssh/helped
	t_says "C05 a helper with a closed stdin works" "uid=0(root)" by_helper
	helper 'head -c 300000 /dev/zero >&2; exec $REAL "$@"'
	t_says "C05 a chatty one works" "uid=0(root)" by_helper
	helper 'kill -SEGV $$'
	t_denies "C05 a crashing helper is a refusal" "Permission denied" by_helper
	helper '$REAL "$@"; kill -SEGV $$'
	t_denies "C05 also one that crashes after its line" "Permission denied" by_helper
	helper '$REAL "$@"; exit 1'
	t_denies "C05 and one that fails after its line" "Permission denied" by_helper
	helper '$REAL "$@" | sed s/restrict,//'
	t_denies "C05 C08 a line that sshd did not ask for itself, its limits cut: PAM refuses, and says what to type" \
		"ztjit request --role" by_helper
	helper 'exec $REAL root "$2" "$3"'
	t_denies "C05 a line obtained for another account ends in PAM" "" \
		person req1 timeout 20 ssh -o BatchMode=yes -o User=games -p 2223 web1 id
	t_no "C05 a person who asks the agent like the helper gets nothing" lab_in web1 setpriv --reuid 5 --regid 60 --clear-groups \
		/usr/libexec/ztjit/ztjit-principals root x "$(person req1 sh -c 'cut -d" " -f2 "$(ztjit cert root@web1)"')"
	lab_in web1 pkill -STOP -u ztjit-gate
	t_denies "C05 P13 a stopped agent: the login is refused within seconds" "Permission denied" within 16 \
		person req1 timeout 30 ssh -o BatchMode=yes root@web1 id
	lab_in web1 pkill -CONT -u ztjit-gate
	t_says "P13 and works again when it goes on" "uid=0(root)" person req1 ssh -o BatchMode=yes root@web1 id
}

certificate_end() { person req2 sh -c 'ssh-keygen -L -f "$(ztjit cert root@web1)"' | sed -n 's/.*Valid: .* to //p'; }
grant_end() { person req2 ztjit show --json "$SHORT" | grep -oE '"ends": *"[^"]*"' | head -n 1 | grep -oE '20[0-9TZ:-]*'; }

ends_by_itself() {
	t_ok "C02 the certificate ends with the grant, not later" test \
		"$(date -u -d "$(certificate_end)Z" +%s)" -le "$(date -d "$(grant_end)" +%s)"
	t_ok "C02 R01 a session leaves processes behind, four ways" detach req2 short 7001
	t_says "C02 they run" 4 sleepers web1 7001
}

ended() {
	local left=$(($(date -d "$END" +%s) - $(date +%s)))
	[ "$left" -le 0 ] || sleep "$left"
	t_ok "C02 at the end of the grant the session is gone within 2 s, with all it left" lab_wait 2 none_sleeps web1 7001
	t_no "C02 the connection as well" alive req2 short
	t_denies "G01 the next use is refused: the grant has ended" "ended" person req2 ztjit ssh root@web1 id
	t_ok "C02 the end is logged" decision web1 end ended
}

revoked() {
	t_ok "R01 processes left in four ways" detach req1 long 7002
	t_says "R01 they run" 4 sleepers web1 7002
	person lead1 ztjit revoke --yes -m 'wrong machine' "$LONG" >/dev/null 2>&1
	t_ok "P3 R01 revoked: within 2 s nothing of the session is left" lab_wait 2 none_sleeps web1 7002
	t_no "C07 the multiplexed connection is gone" alive req1 long
	t_no "C07 so is -N" alive req1 bare
	t_no "C07 and sftp" lab_in web1 pgrep -x sftp-server
	t_denies "C08 the minted certificate is worth nothing now" "Permission denied" minted req1 wide root@web1 id
	t_ok "C08 the host says why" decision web1 principals revoked
	t_denies "the person is told, and what to type" "revoked" person req1 ztjit ssh root@web1 id
	t_no "no cgroup is left" lab_in web1 sh -c 'find /sys/fs/cgroup/ztjit -mindepth 1 -type d | grep .'
}

t_ok "a fleet" fleet_ready
t_ok "grants and sessions" prepare
ends_by_itself
END=$(grant_end)
channels
stolen_ca
ended
principals_helper
revoked
[ "$T_FAILED" -eq 0 ] || fleet_logs
t_done
