#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Faults on a whole fleet: full disks, kill -9, and servers that are not the
# broker. What needs faults between two system calls is in tests/hostd and tests/broker.
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

# small_disk HOST DIR SIZE: what DIR holds, on a small disk of its own.
small_disk() {
	lab_in "$1" sh -ec 'cp -a "$0" /root/disk; mode=$(stat -c "mode=%a,uid=%u,gid=%g" "$0")
		mount -t tmpfs -o "size=$1,$mode" tmpfs "$0"; cp -a /root/disk/. "$0"' "$2" "$3"
}
fill() { lab_in "$1" sh -c 'dd if=/dev/zero of="$0/fill" bs=4k 2>/dev/null; true' "$2"; }

login() { person req1 timeout 20 ssh -o BatchMode=yes root@web1 id; }

# What an agent keeps open: numbers must not grow with what was asked of it.
descriptors() { lab_in web1 sh -c 'for p in $(pgrep -x ztjit-hostd); do ls /proc/$p/fd; done | wc -l'; }
same_descriptors() { [ "$(descriptors)" -le "$1" ]; }

host_disk() {
	local dir=/var/lib/ztjit/hostd before lines
	before=$(descriptors)
	t_says "a login works" "uid=0(root)" login
	lines=$(decisions web1 | wc -l)
	lab_in web1 sh -c 'pkill -KILL -x ztjit-hostd'
	t_ok "D01 the agent is killed -9" lab_wait 5 hostd_gone web1
	small_disk web1 $dir 4m
	lab_in web1 sh -c 'echo "reserve = 64;" >>/etc/ztjit/hostd.conf'
	t_ok "D01 it starts again" hostd_start web1
	t_ok "D01 and its log says that it did not end by itself" decision web1 start unclean
	t_ok "D01 every decision that was given is still there" test "$(decisions web1 | wc -l)" -ge "$lines"
	t_says "D01 and it decides" "uid=0(root)" login
	fill web1 $dir
	t_says "D02 the disk is full: the reserve still admits" "uid=0(root)" lab_in web1 sudo -n id
	lab_in web1 sh -c 'for i in $(seq 400); do setpriv --reuid ztjit-principals --regid ztjit-principals --clear-groups \
		/usr/libexec/ztjit/ztjit-principals root x AAAA; done' >/dev/null 2>&1
	t_says "D02 W03 a flood of denials leaves the other half to admissions" "uid=0(root)" lab_in web1 sudo -n id
	lab_in web1 sh -c 'for i in $(seq 200); do sudo -n true || exit; done' >/dev/null 2>&1
	t_denies "D02 A02 the reserve is spent: denied, and it says why" "storage is full" lab_in web1 sudo -n id
	t_denies "D02 ssh as well" "Permission denied" login
	lab_in web1 rm $dir/fill
	t_says "D02 room again: it recovers by itself" "uid=0(root)" login
	t_ok "D02 no descriptor is left behind" lab_wait 5 same_descriptors "$before"
	t_no "D01 no process without its parent is left" lab_in web1 sh -c 'ps -o stat= ax | grep Z'
}

broker_killed() {
	t_ok "D01 a request is answered" ask_for req1 root-shell web1 2m
	lab_in broker pkill -KILL -x ztjit-broker
	lab_wait 5 eval '! lab_in broker pgrep -x ztjit-broker >/dev/null'
	fleet_start_broker
	t_says "D01 the broker is killed -9 after its answer: the request is there" "$GRANT" person req1 ztjit requests
}

# not_the_broker CMD...: listens at the broker's address instead.
not_the_broker() {
	nsenter -n -t "$(lab_pid broker)" "$@" </dev/null >"$LAB_DIR/tmp/false" 2>&1 &
	FALSE=$!
	lab_wait 5 lab__listens "$(lab_addr broker)" 8443
}
gone() {
	kill "$FALSE" 2>/dev/null
	wait "$FALSE" 2>/dev/null
}
not_connected() { lab_in db1 ztjit-hostd status | grep -q 'not connected'; }

false_brokers() {
	fleet_stop_broker
	lab_wait 5 eval '! lab_in broker pgrep -x ztjit-broker >/dev/null'
	openssl req -quiet -x509 -newkey ed25519 -nodes -subj /CN=broker -addext subjectAltName=DNS:broker -days 30 \
		-keyout "$LAB_DIR/tmp/false.key" -out "$LAB_DIR/tmp/false.crt" 2>/dev/null ||
		openssl req -x509 -newkey ed25519 -nodes -subj /CN=broker -addext subjectAltName=DNS:broker -days 30 \
			-keyout "$LAB_DIR/tmp/false.key" -out "$LAB_DIR/tmp/false.crt" 2>/dev/null
	not_the_broker openssl s_server -accept 8443 -tls1_3 -www -cert "$LAB_DIR/tmp/false.crt" -key "$LAB_DIR/tmp/false.key"
	t_denies "W02 a server with another key is refused by the command line, with the reason" "TLS key does not stand in the policy" person req1 ztjit requests
	t_ok "W02 and by the agent" lab_wait 10 not_connected
	gone
	not_the_broker openssl s_server -accept 8443 -tls1_2 -www -cert "$LAB_DIR/tmp/false.crt" -key "$LAB_DIR/tmp/false.key"
	t_denies "W02 TLS 1.2 is refused" "protocol version" person req1 ztjit requests
	gone
	not_the_broker perl -MIO::Socket::INET -e '
		$l = IO::Socket::INET->new(LocalPort => 8443, Listen => 9, ReuseAddr => 1); $SIG{PIPE} = "IGNORE";
		while ($s = $l->accept) { print $s "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"; close $s }'
	t_denies "W02 plaintext is refused" "ztjit" person req1 ztjit requests
	t_ok "W02 exit status 3" test "$T_STATUS" -eq 3
	gone
	t_ok "W02 no false broker took the agent in" not_connected
	AWAY=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	t_ok "a decision while the broker is away" lab_in db1 sudo -n true
	sleep 3
	fleet_start_broker
	t_ok "W02 the true one is found again" lab_wait 60 hostd_fresh db1
}

# late HOST SINCE: a decision of then has come, later.
late() {
	person sec1 ztjit audit export --kind decision --host "$1" 2>/dev/null |
		sed -n 's/.*"time":"\([^"]*\)".*"at":"\([^"]*\)".*/\2 \1/p' | awk -v t="$2" '$1 >= t && $2 > $1 { n++ } END { exit n == 0 }'
}
# remembers HOST: what it was shown of the audit log, and what of that was proved.
remembers() { lab_in "$1" ztjit-hostd status --json | sed -n 's/.*"checkpoint":"\([^"]*\)".*/\1/p'; }
proved() { lab_in "$1" ztjit-hostd status --json | sed -n 's/.*"checkpoint_proved":"\([0-9]*\) .*/\1/p'; }

audit_log() {
	local first
	t_ok "P5 what was decided while the broker was away comes later, with its own time" lab_wait 30 late db1 "$AWAY"
	t_says "A01 the log and the logs of all hosts in it are whole" "each as it goes on" person sec1 ztjit audit verify
	t_says "A01 an auditor compares it with what a host was shown" "is whole" \
		person sec1 sh -c 'echo "$0" >db1.checkpoint && ztjit audit verify --checkpoint db1.checkpoint' "$(remembers db1)"
	t_denies "A01 and with what it was not" "not those that a checkpoint was signed for" \
		person sec1 sh -c 'echo "$0" | tr 0-9 1-90 | sed "s/^[0-9]*/5/" >other && ztjit audit verify --checkpoint other' "$(remembers db1)"
	first=$(proved db1)
	t_ok "A01 a host has proofs that it only grew" test "$first" -gt 0
	t_says "and says so" "proved" lab_in db1 ztjit-hostd status
}

t_ok "a fleet" fleet_ready
t_ok "a grant" grant req1 root-shell web1 5m
host_disk
broker_killed
false_brokers
audit_log
[ "$T_FAILED" -eq 0 ] || fleet_logs
t_done
