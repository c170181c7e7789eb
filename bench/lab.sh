#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The rows that want real machines, in a lab of them: ssh, sudo, and the memory of an idle host agent among 1,000
# people. Called by bench/run, as root, with ZTJ_BUILDDIR configured as tools/lib.sh does. Prints a line of JSON a row
# into $BENCH_OUT; says what goes on to standard error.
#   lab.sh [--keep] ROW...   ROW: idle, ssh, sudo; --keep: afterwards a shell, to look at the machines
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../tests/lab/lab.sh"
# shellcheck source=tests/demo/fleet.sh
. "$here/../tests/demo/fleet.sh"

: "${BENCH_OUT:=/dev/stdout}" "${BENCH_SSH_PAIRS:=60}" "${BENCH_SUDO_PAIRS:=150}" "${BENCH_PEOPLE:=1000}" "${BENCH_DISK:=yes}"
[ "${1:-}" != --keep ] || export LAB_TTY=yes
LAB_TIMEOUT=300
lab_up "$@"
# No shifted clocks here: the library that shifts them slows everything down.
lab_clock() { :; }
TOOLS=$ZTJ_BUILDDIR/bench

# step WHO COMMAND: typed as in the demonstration; its output is in $OUT; ends everything when it fails.
step() {
	case " $PEOPLE " in
	*" $1 "*) OUT=$(person "$1" bash -c "$2" 2>&1) ;;
	*) OUT=$(lab_in "$1" bash -c "$2" 2>&1) ;;
	esac || {
		printf 'bench: %s: %s\n%s\n' "$1" "$2" "$OUT" >&2
		exit 1
	}
}

note() { echo "bench: $*" >&2; }
request_id() { grep -oE 'R-[0-9A-HJKMNP-TV-Z]{10}' <<<"$OUT" | head -n 1; }

# The demonstration's policy with windows of hours, and a directory of many people.
bench_policy() {
	fleet_policy "$1" | sed -e 's/max = "5m"/max = "2h"/; s/max_total = "10m"/max_total = "4h"/; s/step_up_every = "15s"/step_up_every = "1h"/' \
		-e "s|registrars = (|registrars = ( { directory = \"crowd\"; keys = [ \"$("$TOOLS/bench_crowd" key)\" ]; threshold = 1; groups = [ \"crowd\" ]; uids = [ 100000, 999999 ]; },|"
}

found() {
	local who
	note "broker, policy, people"
	step admin1 "ztjit enroll --offline --domain example admin1"
	person admin1 cat .ssh/id_ztjit.pub >"$LAB_DIR/tmp/admin1.pub"
	lab_put broker "$LAB_DIR/tmp/admin1.pub" /root/admin1.pub
	step broker "ztjit-broker init --domain example --root admin1.pub --threshold 1 --dir /var/lib/ztjit-broker --url https://broker:8443 --listen 0.0.0.0:8443"
	PIN=$(grep -oE 'ZTJ-[0-9A-Z-]+' <<<"$OUT" | head -n 1)
	bench_policy "$OUT" >"$LAB_DIR/tmp/policy.conf"
	lab_put admin1 "$LAB_DIR/tmp/policy.conf" /home/admin1/policy.conf
	fleet_start_broker
	step admin1 "ztjit init --broker https://broker:8443 --pin $PIN && ztjit policy sign --yes policy.conf && ztjit policy push --yes policy.conf && ztjit login --as registrar --yes"
	for who in $PEOPLE; do
		[ "$who" = admin1 ] || step "$who" "ztjit init --broker https://broker:8443 --pin $PIN"
		step "$who" "ztjit enroll --yes $who"
	done
	step admin1 "ztjit user approve --yes --directory people --group sre req1 req2"
	step admin1 "ztjit user approve --yes --directory people --group sre-leads lead1"
	step admin1 "ztjit user approve --yes --directory people --group security sec1"
	for who in req1 lead1 sec1; do
		step "$who" "ztjit login --yes --as people/$who"
	done
	note "$BENCH_PEOPLE people more"
	"$TOOLS/bench_crowd" push "https://$(lab_addr broker):8443" crowd "$BENCH_PEOPLE" || exit
}

hosts() {
	local host digest
	note "hosts"
	for host in web1 db1; do
		lab_in "$host" cp /etc/pam.d/sshd /etc/pam.d/sshd-bare
		step "$host" "ztjit-hostd join --broker https://broker:8443 --pin $PIN --directory servers --name $host"
		digest=$(grep -oE 'H-[0-9A-Z]{5}(-[0-9A-Z]{5}){3}' <<<"$OUT" | head -n 1)
		fleet_start_host "$host" || exit
		step admin1 "ztjit host approve --yes --directory servers --label env=$([ "$host" = web1 ] && echo prod || echo data) --digest $digest $host"
	done
	lab_wait 20 fleet_armed web1 && lab_wait 20 fleet_armed db1 || {
		note "the hosts do not arm themselves"
		exit 1
	}
}

# grant ROLE HOST APPROVER...
grant() {
	local role=$1 host=$2 id who
	shift 2
	step req1 "ztjit request --yes --no-wait --role $role --host $host --for 1h --ticket INC-4711 -m 'measure how fast it is'"
	id=$(request_id)
	for who; do
		step "$who" "ztjit approve --yes $id"
	done
}

row_idle() {
	note "idle agent"
	sleep 3
	lab_in web1 sh -c '/lab/bench_memory host-agent-idle "$0" 12288 "$(pgrep -o ztjit-hostd)"' \
		"private memory of an idle host agent, all its processes, $BENCH_PEOPLE people in its directories" >>"$BENCH_OUT"
}

# A second sshd beside ours: the same binary under another name, so that PAM gives it the stock stack; it trusts a CA of
# its own, which certifies the same key with the same demands.
bare_sshd() {
	lab_in web1 sh -ec '
		cp /usr/sbin/sshd /usr/sbin/sshd-bare
		ssh-keygen -q -t ed25519 -N "" -f /root/bare_ca
		cp /root/bare_ca.pub /etc/ssh/bare_ca.pub
		cat >/etc/ssh/sshd_bare <<-EOF
			Port 2222
			PidFile /run/sshd-bare.pid
			UsePAM yes
			TrustedUserCAKeys /etc/ssh/bare_ca.pub
			AuthenticationMethods publickey
			AuthorizedKeysFile none
			PasswordAuthentication no
			KbdInteractiveAuthentication no
			PermitRootLogin prohibit-password
			ExposeAuthInfo yes
		EOF'
	LAB_UNIT=ssh-bare.service lab_in web1 /usr/sbin/sshd-bare -f /etc/ssh/sshd_bare || exit
	person req1 cat .ssh/id_ztjit.pub >"$LAB_DIR/tmp/req1.pub"
	lab_put web1 "$LAB_DIR/tmp/req1.pub" /root/req1.pub
	lab_in web1 ssh-keygen -q -s bare_ca -I bare -n root -O verify-required -V +2h req1.pub
	lab_in web1 cat req1-cert.pub >"$LAB_DIR/tmp/bare-cert.pub"
	lab_put req1 "$LAB_DIR/tmp/bare-cert.pub" /home/req1/bench/bare-cert.pub
}

row_ssh() {
	local common
	note "ssh, $BENCH_SSH_PAIRS pairs"
	grant root-shell web1 lead1 sec1
	step req1 "mkdir -p bench"
	bare_sshd
	# The key file that stands beside the certificate asks for verification, as both certificates do.
	step req1 "cert=\$(ztjit cert root@web1) && cp \$cert bench/ours-cert.pub && cp \${cert%-cert.pub} bench/key"
	lab_in web1 sh -c 'printf "web1 "; cat /etc/ssh/ssh_host_ed25519_key.pub' >"$LAB_DIR/tmp/known"
	lab_put req1 "$LAB_DIR/tmp/known" /home/req1/bench/known
	common="ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o IdentityFile=bench/key
		-o SecurityKeyProvider=/lab/libsoftkey-sk.so -o UserKnownHostsFile=bench/known -o HostKeyAlias=web1"
	# shellcheck disable=SC2086
	lab_as req1 env ZTJ_SOFTKEY_DIR=/home/req1/.softkey /lab/bench_pairs ssh-login "ssh root@web1 true with a security key" 1.05 \
		"$BENCH_SSH_PAIRS" ztjit "bare TrustedUserCAKeys, stock PAM" \
		-- $common -o CertificateFile=bench/ours-cert.pub -p 22 root@web1 true \
		-- $common -o CertificateFile=bench/bare-cert.pub -p 2222 root@web1 true >>"$BENCH_OUT"
}

# In one session of req1, with the step-up done: our stack, and the same stack with pam_permit where pam_ztjit stood.
row_sudo() {
	note "sudo, $BENCH_SUDO_PAIRS pairs"
	grant sudo-root db1 lead1
	lab_in db1 sh -ec '
		cp /usr/bin/true /usr/local/bin/true-permit
		sed s/pam_ztjit.so/pam_permit.so/ /etc/pam.d/sudo >/etc/pam.d/bench-permit
		echo "Defaults!/usr/local/bin/true-permit pam_service=bench-permit" >/etc/sudoers.d/bench'
	step req1 "script -qec \"ztjit ssh -t db1 'sudo true && /lab/bench_pairs sudo \\\"sudo -n true, step-up cached\\\" 1.10 $BENCH_SUDO_PAIRS ztjit \\\"the same stack with pam_permit\\\" -- sudo -n /usr/bin/true -- sudo -n /usr/local/bin/true-permit'\" /dev/null"
	tr -d '\r' <<<"$OUT" | grep -o '{"row".*}' >>"$BENCH_OUT" || {
		note "sudo: $OUT"
		return 1
	}
}

# The servers' files stand on the disk of the machine, not in memory like those of other labs: syncing must cost what it costs.
on_disk() {
	local host
	[ "$BENCH_DISK" = yes ] || return 0
	find "$LAB_CACHE" -maxdepth 1 -name 'bench.*' -mmin +60 -exec rm -rf {} +
	DISK=$(mktemp -d "$LAB_CACHE/bench.XXXXXX") || exit
	trap 'lab_down; umount "$LAB_DIR"/m/web1 "$LAB_DIR"/m/db1 "$LAB_DIR"/m/broker; rm -rf "$DISK"' EXIT
	for host in web1 db1 broker; do
		mkdir -p "$LAB_DIR/m/$host" "$DISK/$host" && mount --bind "$DISK/$host" "$LAB_DIR/m/$host" || exit
	done
}

keep=no
if [ "${1:-}" = --keep ]; then
	keep=yes
	shift
fi
on_disk
fleet_up
lab_share "$TOOLS/bench_pairs" "$TOOLS/bench_memory"
found
hosts
status=0
for row; do
	"row_$row" </dev/null || status=1
done
if [ "$keep" = yes ]; then
	while read -r -e -p 'bench> ' line; do
		eval "$line"
	done
fi
exit "$status"
