#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# A hostile broker against a real server: the real mirror, gate, warden, ztjit-principals, PAM module, sshd and
# ssh; only the broker is tests/hostile/hostile, which has every key a broker has and lies with them in more
# than two thousand ways, each with the reason it must meet. Honest controls in between must pass.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"

LAB_TIMEOUT=1200
lab_up "$@"

HOSTILE=/lab/hostile
LOG=/var/log/ztjit-hostd.log
KEYS=(/lab/login-0.pub /lab/login-1.pub)
SOFTKEY=$ZTJ_BUILDDIR/tests/softkey
PASSED=0 FAILED=0

# Counts the lines that the thief prints as its own results, and sees which of its commands came to its end last.
results() {
	local line end
	ENDED=
	while IFS= read -r line; do
		case $line in
		"ok - "*) PASSED=$((PASSED + 1)) ;;
		"not ok - "*) FAILED=$((FAILED + 1)) ;;
		"# "*" as expected, "*" not") end=${line#* } ENDED=${end%%:*} ;;
		esac
		printf '%s\n' "$line"
	done
}

# result NAME CMD...: one more, of this script.
result() {
	local name=$1
	shift
	if "$@"; then
		results <<<"ok - $name"
	else
		results <<<"not ok - $name"
	fi
}

# thief COMMAND [ARG]
thief() { lab_in web1 $HOSTILE thief "$1" "$NOW" "$LOG" /root/pam "${2:--}" "${KEYS[@]}" 2>&1; }
attack() {
	results < <(thief "$@")
	[ "$ENDED" = "${1##*,}" ] || results <<<"not ok - $1/came-to-its-end"
}

# Renamed into place: the liar must not read it half written.
phase() { lab_in broker sh -c 'echo "$1" >/run/liar/phase.new && mv /run/liar/phase.new /run/liar/phase' sh "$1"; }
phase_done() { lab_in broker test -e "/run/liar/$1.done"; }

machines() {
	lab_server broker
	echo "$(lab_addr broker) broker.example" >>"$LAB_DIR/hosts" # as the policy calls it
	lab_server web1
	lab_workstation req1
	lab_install web1
	lab_share "$SOFTKEY/.libs/libsoftkey-sk.so" "$SOFTKEY/softkey"
	# The base root has no test library: it comes along.
	install -m 755 "$ZTJ_BUILDDIR/tests/hostile/hostile" "$LAB_DIR/share/hostile.bin"
	cp -L "$(ldd "$LAB_DIR/share/hostile.bin" | awk '/libcmocka/ { print $3 }')" "$LAB_DIR/share/"
	printf '#!/bin/sh\nLD_LIBRARY_PATH=/lab exec /lab/hostile.bin "$@"\n' >"$LAB_DIR/share/hostile"
	chmod 755 "$LAB_DIR/share/hostile"
	lab_user web1 req1 20001
	lab_user web1 req2 20002
}

# Two credentials on the thief's own security key: one whose file asks for the PIN or biometric, one whose does not.
keys() {
	local i
	local -a opt
	lab_as req1 mkdir -p -m 700 .ssh .softkey
	lab_as req1 env ZTJ_SOFTKEY_DIR=/home/req1/.softkey /lab/softkey create key uv=ok >/dev/null
	for i in 0 1; do
		opt=(-O verify-required)
		[ "$i" = 0 ] || opt=()
		lab_as req1 env ZTJ_SOFTKEY_DIR=/home/req1/.softkey ssh-keygen -q -t ed25519-sk "${opt[@]}" -O "application=ssh:login$i" \
			-w /lab/libsoftkey-sk.so -N '' -f ".ssh/login-$i" || return
		lab_as req1 cat ".ssh/login-$i.pub" >"$LAB_DIR/share/login-$i.pub"
	done
}

server() {
	lab_in web1 sh -ec '
		umask 022
		for user in ztjit-mirror ztjit-gate ztjit-scribe ztjit-principals; do
			id "$user" >/dev/null 2>&1 || useradd -r -M -s /usr/sbin/nologin "$user"
		done
		mkdir -p /etc/ztjit /root/pam /run/ztjit
		"$0" files /etc/ztjit "$@"
		mv /etc/ztjit/ssh_host_* /etc/ssh/
		dir=/usr/share/ztjit/contrib
		cp "$dir"/sshd/*.conf /etc/ssh/sshd_config.d/
		cp "$dir"/pam.d/* /etc/pam.d/
		for service in sshd sudo; do
			for part in auth account session; do
				echo "$part required pam_ztjit.so"
			done >/root/pam/$service
		done' "$HOSTILE" "$NOW" "${KEYS[@]}" || return
	LAB_UNIT=ztjit-hostd.service lab_in web1 sh -c 'ztjit-hostd -f >>'"$LOG"' 2>&1 & echo $! >/run/hostd.pid'
}

liar() {
	lab_in broker sh -c 'mkdir -p /run/liar; "$@" >>/var/log/liar.log 2>&1 &' sh \
		"$HOSTILE" liar 8443 "$NOW" /run/liar/phase /run/liar "${KEYS[@]}"
	lab_wait 120 phase_done ready
}

armed() { lab_in web1 ztjit-hostd status --json 2>/dev/null | grep -q '"armed":"ok"'; }
hostd_lives() { lab_in web1 sh -c 'kill -0 "$(cat /run/hostd.pid)"'; }

# ssh_as NUMBER ACCOUNT KEY
ssh_as() {
	lab_as req1 env ZTJ_SOFTKEY_DIR=/home/req1/.softkey ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o SecurityKeyProvider=/lab/libsoftkey-sk.so \
		-o ConnectTimeout=60 -o CertificateFile="/lab/certs/$1-cert.pub" -i ".ssh/login-$3" "$2@web1" \
		'echo got in as $(id -un)' 2>&1 </dev/null
}

# Each line of the list is one login; its reason is what the host wrote meanwhile.
logins_by_ssh() {
	local number name want account key at=0 out got opened
	mkdir -p "$LAB_DIR/share/certs"
	lab_in web1 mkdir -p /root/certs
	thief ssh-list /root/certs >"$LAB_DIR/list"
	lab_in web1 tar -C /root/certs -cf - . | tar -C "$LAB_DIR/share/certs" -xf -
	read -r at _ < <(thief last 0)
	while read -r number name want account; do
		case $number in *[!0-9]*) continue ;; esac
		key=0
		[ "$want" != sshd ] || key=1
		out=$(ssh_as "$number" "$account" "$key")
		read -r at got opened < <(thief last "$at")
		ssh_verdict
	done <"$LAB_DIR/list" > >(results_to_file)
	wait $!
}

ssh_verdict() {
	local good=no
	case $want in
	ok) [ "$got $opened" = "ok ok" ] && [ "$out" = "got in as $account" ] && good=yes ;;
	sshd) [ "$got $opened" = "ok none" ] && [ "${out#*got in}" = "$out" ] && good=yes ;;
	*) [ "$got $opened" = "$want none" ] && [ "${out#*got in}" = "$out" ] && good=yes ;;
	esac
	if [ "$good" = yes ]; then
		echo "ok - $name $got"
	else
		echo "not ok - $name $got, open $opened (want $want): $out"
	fi
}

results_to_file() { tee "$LAB_DIR/ssh.out"; }

attacks() {
	local since
	phase push
	result "push/told" lab_wait 300 phase_done push
	since=$(date +%s)
	attack pushes "$since"
	# While the mirror is fed one false policy or directory after the other:
	phase fetch
	attack logins,imports
	result "fetch/told" lab_wait 600 phase_done fetch
	attack fetches,stepups
	# While it meets broken HTTP and TLS:
	since=$(lab_in web1 stat -c %s $LOG)
	phase http
	logins_by_ssh
	results <"$LAB_DIR/ssh.out" >/dev/null
	result "ssh/every-login-was-tried" test "$(grep -c '^[0-9]' "$LAB_DIR/list")" = "$(grep -c '^\(not \)\?ok - ' "$LAB_DIR/ssh.out")"
	result "http/told" lab_wait 600 phase_done http
	phase truth
	attack http "$since"
	phase silent
	result "silent/told" lab_wait 60 phase_done silent
	attack stale
}

summary() {
	echo "# $PASSED as expected, $FAILED not"
	T_PASSED=$((T_PASSED + PASSED))
	T_FAILED=$((T_FAILED + FAILED))
}

NOW=$(date +%s)
machines
# Without any of these the rest would say nothing.
t_ok "the thief has security keys of its own" keys &&
	t_ok "the liar serves" liar &&
	t_ok "the server is joined and armed by hand" server &&
	t_ok "sshd takes the real configuration" lab_start_sshd web1 &&
	t_ok "the host follows policy and directories" lab_wait 300 armed || t_done
if [ "${HOSTILE_SHELL:-no}" = yes ]; then
	lab_in web1 bash
fi
attacks
t_ok "hostd ran all the time" hostd_lives
t_ok "more than three thousand lies" test "$PASSED" -gt 3000
if [ "$FAILED" -gt 0 ]; then
	lab_in web1 tail -n 40 $LOG
	lab_in broker tail -n 20 /var/log/liar.log
fi
summary
t_done
