#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The rows that want real machines, in a lab of them: ssh, sudo, the memory of an idle host agent among 1,000 people, and what
# has to do with sessions: recording them, ending them. Called by bench/run, as root, with ZTJ_BUILDDIR configured as
# tools/lib.sh does. Prints a line of JSON a row into $BENCH_OUT; says what goes on to standard error.
#   lab.sh [--keep] ROW...   ROW: idle, ssh, calls (after ssh; wants strace), sudo, record, keys, sessions, ended; --keep: afterwards a shell, to look at the machines
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../tests/lab/lab.sh"
# shellcheck source=tests/demo/fleet.sh
. "$here/../tests/demo/fleet.sh"

: "${BENCH_RECORD_RUNS:=10}" "${BENCH_RECORD_MB:=64}" "${BENCH_KEYS:=400}" "${BENCH_SESSIONS:=200}" "${BENCH_ENDED:=20}" "${BENCH_HERD:=1000}"
: "${BENCH_OUT:=/dev/stdout}" "${BENCH_SSH_PAIRS:=60}" "${BENCH_SUDO_PAIRS:=150}" "${BENCH_PEOPLE:=1000}" "${BENCH_DISK:=yes}"
[ "${1:-}" != --keep ] || export LAB_TTY=yes
LAB_TIMEOUT=1800
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

# The demonstration's policy with windows of hours, and directories of many people and of many hosts.
bench_policy() {
	local key
	key=$("$TOOLS/bench_crowd" key)
	fleet_policy "$1" | sed -e 's/max = "5m"/max = "2h"/; s/max_total = "10m"/max_total = "4h"/; s/step_up_every = "15s"/step_up_every = "1h"/' \
		-e "s|registrars = (|registrars = ( { directory = \"crowd\"; keys = [ \"$key\" ]; threshold = 1; groups = [ \"crowd\" ]; uids = [ 100000, 999999 ]; },|" \
		-e "s|registrars = (|& { directory = \"herd\"; keys = [ \"$key\" ]; threshold = 1; labels = { env = [ \"bench\" ]; }; },|"
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
	fleet_record web1
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
	local role=$1 host=$2 who
	shift 2
	step req1 "ztjit request --yes --no-wait --role $role --host $host --for 1h --ticket INC-4711 -m 'measure how fast it is'"
	GRANT=$(request_id)
	for who; do
		step "$who" "ztjit approve --yes $GRANT"
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
	note "ssh, $BENCH_SSH_PAIRS pairs"
	grant root-shell web1 lead1 sec1
	step req1 "mkdir -p bench"
	bare_sshd
	# The key file that stands beside the certificate asks for verification, as both certificates do.
	step req1 "cert=\$(ztjit cert root@web1) && cp \$cert bench/ours-cert.pub && cp \${cert%-cert.pub} bench/key"
	lab_in web1 sh -c 'printf "web1 "; cat /etc/ssh/ssh_host_ed25519_key.pub' >"$LAB_DIR/tmp/known"
	lab_put req1 "$LAB_DIR/tmp/known" /home/req1/bench/known
	SSH="ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o IdentityFile=bench/key
		-o SecurityKeyProvider=/lab/libsoftkey-sk.so -o UserKnownHostsFile=bench/known -o HostKeyAlias=web1"
	# shellcheck disable=SC2086
	lab_as req1 env ZTJ_SOFTKEY_DIR=/home/req1/.softkey /lab/bench_pairs ssh-login "ssh root@web1 true with a security key" 1.05 \
		"$BENCH_SSH_PAIRS" ztjit "bare TrustedUserCAKeys, stock PAM" \
		-- $SSH -o CertificateFile=bench/ours-cert.pub -p 22 root@web1 true \
		-- $SSH -o CertificateFile=bench/bare-cert.pub -p 2222 root@web1 true >>"$BENCH_OUT"
}

# count NAME PORT CERTIFICATE PID...: one login, and what these processes and all they start ask of the kernel meanwhile; to standard error.
count() {
	local name=$1 port=$2 certificate=$3 tracer
	shift 3
	strace -f -qq -e signal=none -o "$LAB_DIR/tmp/calls" "${@/#/-p}" &
	tracer=$!
	sleep 1
	# shellcheck disable=SC2086
	lab_as req1 env ZTJ_SOFTKEY_DIR=/home/req1/.softkey $SSH -o CertificateFile="bench/$certificate" -p "$port" root@web1 true
	sleep 1
	kill "$tracer"
	wait "$tracer"
	awk -v name="$name" '$2 ~ /^[a-z0-9_]+\(/ && $0 !~ /resumed>/ { n++ } $2 ~ /^open/ && $NF ~ /^[0-9]+$/ { o++ }
		END { printf "%s: %d system calls, %d files opened\n", name, n, o }' "$LAB_DIR/tmp/calls" >&2
}

# What one login costs in system calls, beside the same login without us. Wants the row ssh first.
row_calls() {
	for _ in 1 2 3; do
		count "sshd alone, bare" 2222 bare-cert.pub "$(machine_pid sshd-bare)"
		count "sshd with us" 22 ours-cert.pub "$(machine_pid sshd)"
		# shellcheck disable=SC2046
		count "our agent meanwhile" 22 ours-cert.pub $(pgrep -x 'ztjit-.*' --ns "$(lab_pid web1)" --nslist pid)
	done
}

# As seen from outside of it.
machine_pid() { pgrep -o -x "$1" --ns "$(lab_pid web1)" --nslist pid; }

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

# --- sessions ---

# as_root COMMAND: in a session of root on web1, which is recorded only where the command says so. Its lines of JSON are rows.
as_root() {
	[ -n "${ROOT_GRANT:-}" ] || {
		grant root-shell web1 lead1 sec1
		ROOT_GRANT=$GRANT
		tlog_on web1
	}
	step req1 "ztjit ssh root@web1 '$1'"
	tr -d '\r' <<<"$OUT" | grep -v '^{"row"' >&2
	tr -d '\r' <<<"$OUT" | grep '^{"row".*}$' >>"$BENCH_OUT"
}

# Debian's tlog, which this machine has, on that one: a package more would change the root that all labs share.
tlog_on() {
	{
		dpkg -L tlog
		ldd /usr/bin/tlog-rec | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p'
	} | while read -r file; do [ ! -f "$file" ] || echo "$file"; done |
		tar -C / -chPf - -T - | lab_in "$1" tar -C / --skip-old-files -xPf - || exit
	lab_in "$1" sh -c 'ldconfig; [ -e /run/utmp ] || : >/run/utmp'
}

# What a terminal shows on an ordinary day: our own sources and texts. And what it should not be shown.
row_record() {
	note "recording, $BENCH_RECORD_RUNS runs of $BENCH_RECORD_MB MB each way"
	(cd "$ZTJ_SRCDIR" && while cat doc/* man/* libztjit/*/*.c ztjit*/*.c; do :; done) 2>/dev/null |
		head -c "${BENCH_RECORD_MB}000000" >"$LAB_DIR/share/text"
	head -c "$((BENCH_RECORD_MB / 4))000000" /dev/urandom >"$LAB_DIR/share/random"
	as_root "/lab/bench_cat record-text /lab/text $BENCH_RECORD_RUNS \$(pgrep -o ztjit-hostd) /var/lib/ztjit/records" &&
		as_root "/lab/bench_cat record-random /lab/random $BENCH_RECORD_RUNS \$(pgrep -o ztjit-hostd) /var/lib/ztjit/records"
}

row_keys() {
	note "keys, $BENCH_KEYS on each terminal"
	as_root "/lab/bench_keys keystroke $BENCH_KEYS"
}

row_sessions() {
	note "memory, $BENCH_SESSIONS sessions"
	as_root "/lab/bench_sessions \$(pgrep -o ztjit-hostd) $BENCH_SESSIONS"
}

# Hosts that the broker cannot tell from real ones, and hears.
herd() {
	note "$BENCH_HERD hosts more"
	"$TOOLS/bench_crowd" hosts "https://$(lab_addr broker):8443" herd "$BENCH_HERD" || exit
	"$TOOLS/bench_crowd" hold "$(lab_addr broker)" 8443 "$BENCH_HERD" >"$LAB_DIR/tmp/herd" &
	HERD=$!
	lab_wait 120 grep -qs connected "$LAB_DIR/tmp/herd" || exit
}

# A recorded session with all that people leave behind, revoked: one line for bench_ended.
one_end() {
	local watch session
	grant root-shell web1 lead1 sec1
	person req1 script -qec "ztjit ssh -t root@web1 '$REC -c \"tmux -L bench new -d \\\"sleep 7001\\\"; nohup setsid sleep 7002 & sleep 7003\"'" /dev/null \
		>"$LAB_DIR/tmp/session" 2>&1 </dev/null &
	session=$!
	lab_wait 30 pgrep -fx "sleep 7003" >/dev/null && lab_wait 10 pgrep -fx "sleep 7001" >/dev/null || {
		note "no session: $(cat "$LAB_DIR/tmp/session")"
		return 1
	}
	"$TOOLS/bench_ended" watch "$(lab_cgroup web1)/ztjit" 6 >"$LAB_DIR/tmp/gone" &
	watch=$!
	lab_wait 10 test -s "$LAB_DIR/tmp/gone"
	person lead1 /lab/bench_ended run ztjit revoke --yes -m "enough of it" "$GRANT" >"$LAB_DIR/tmp/revoked" 2>"$LAB_DIR/tmp/revoke.log" || {
		note "revoke: $(cat "$LAB_DIR/tmp/revoke.log")"
		return 1
	}
	wait "$watch" || return
	wait "$session"
	echo "$(cat "$LAB_DIR/tmp/revoked") $(tail -n 1 "$LAB_DIR/tmp/gone")"
}

row_ended() {
	local i
	herd
	note "$BENCH_ENDED revocations"
	REC=$(cd "$LAB_DIR/stage" && find . -name ztjit-rec -type f -perm -u+x -printf '/%P\n')
	[ -z "${ROOT_GRANT:-}" ] || step lead1 "ztjit revoke --yes -m 'on to the next row' $ROOT_GRANT"
	ROOT_GRANT=
	for ((i = 0; i < BENCH_ENDED; i++)); do
		one_end || break
	done >"$LAB_DIR/tmp/ends"
	kill "$HERD"
	[ "$i" -eq "$BENCH_ENDED" ] || return
	"$TOOLS/bench_ended" rows ended "revocation to the last process of a recorded session (terminal, tmux, nohup, setsid), $BENCH_HERD hosts connected" \
		<"$LAB_DIR/tmp/ends" >>"$BENCH_OUT"
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
lab_share "$TOOLS"/bench_{pairs,memory,cat,keys,sessions,ended}
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
