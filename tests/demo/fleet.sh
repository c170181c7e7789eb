# shellcheck shell=bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The fleet of the demonstration: who and what there is, and how its parts are
# started. Sourced after lab.sh; the tests that want a whole fleet use it too:
# fleet_ready brings it up to people and hosts approved and logged in, quietly.
# With FLEET_JIT=yes nobody has an account on the hosts: they come from libnss_ztjit.
# FLEET_ROLES, FLEET_RULES and FLEET_GIDS are more of each in the policy. The servers in FLEET_SYSTEMD run systemd (lab.sh).

PEOPLE="admin1 req1 req2 lead1 sec1"
: "${FRESHNESS:=15}"
: "${FLEET_JIT:=no}"
SOFTKEY_BUILD=$ZTJ_BUILDDIR/tests/softkey

# person NAME CMD...: as that person, with a software security key plugged in.
person() {
	local who=$1
	shift
	lab_as "$who" env LD_PRELOAD=/lab/libsoftkey-fido.so ZTJ_SOFTKEY_DIR="/home/$who/.softkey" "$@"
}

fleet_up() {
	local name
	for name in broker web1 db1; do
		LAB_INIT=$(fleet_init "$name") lab_server "$name"
	done
	for name in $PEOPLE; do
		lab_workstation "$name"
	done
	lab_share "$SOFTKEY_BUILD/.libs/libsoftkey-fido.so" "$SOFTKEY_BUILD/.libs/libsoftkey-sk.so"
	# shellcheck disable=SC2086
	lab_install broker web1 db1 $PEOPLE
	lab_share "$SOFTKEY_BUILD/softkey"
	for name in $PEOPLE; do
		lab_as "$name" mkdir -m 700 .softkey
		lab_as "$name" env ZTJ_SOFTKEY_DIR="/home/$name/.softkey" /lab/softkey create key uv=ok
	done
	if [ "$(fleet_init broker)" = systemd ]; then
		lab_wait 60 fleet_booted broker || return
		lab_in broker systemd-sysusers /usr/share/ztjit/contrib/systemd/ztjit-broker.sysusers
	else
		fleet_system_users broker ztjit-frontend ztjit-store ztjit-signer ztjit-sender
	fi
	for name in web1 db1; do
		if [ "$(fleet_init "$name")" = systemd ]; then
			lab_wait 60 fleet_booted "$name" || return
			lab_in "$name" systemd-sysusers /usr/share/ztjit/contrib/systemd/ztjit-hostd.sysusers
		else
			fleet_system_users "$name" ztjit-mirror ztjit-gate ztjit-scribe ztjit-principals
			lab_in "$name" groupadd -f --system ztjit-rec
		fi
		lab_in "$name" ssh-keygen -q -t ed25519 -N '' -C "$name" -f /etc/ssh/ssh_host_ed25519_key
	done
	# The uid is the one of the record.
	if [ "$FLEET_JIT" != yes ]; then
		lab_user db1 req1 20000 ztjit-root
		lab_user db1 req2 20001
	fi
	lab_clock web1 +0
}

fleet_init() { case " ${FLEET_SYSTEMD:-} " in *" $1 "*) echo systemd ;; *) echo tini ;; esac; }

# As far as it can: sshd has no keys yet.
fleet_booted() { case $(lab_in "$1" systemctl is-system-running 2>/dev/null) in running | degraded) ;; *) return 1 ;; esac; }

# fleet_system_users NAME USER...: what contrib/sysusers.d declares.
fleet_system_users() {
	local name=$1 user
	shift
	for user; do
		lab_in "$name" useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
	done
}

# fleet_policy OUTPUT-OF-INIT: the policy, with the broker fragment that init printed.
fleet_policy() {
	local key
	key=$(cut -d' ' -f1,2 <"$LAB_DIR/tmp/admin1.pub")
	cat <<-EOF
		domain  = "example";
		version = 1;
		expires = "2030-01-01T00:00:00Z";
		roles = {
		  root-shell = { login = [ "root" ]; record = "${ROOT_RECORD:-none}"; };
		  sudo-root  = { login = [ "self" ]; become = [ "root" ]; groups = [ "ztjit-root" ]; record = "none"; };
		  ${FLEET_ROLES:-}
		};
		$([ "$FLEET_JIT" != yes ] || echo "gids = { ztjit-root = 61000; ${FLEET_GIDS:-} };")
		rules = (
		  ${FLEET_RULES:-}
		  { name = "prod-root"; who = [ "@sre" ]; roles = [ "root-shell" ]; hosts = { env = "prod"; };
		    max = "5m"; max_total = "10m"; request_valid = "10m"; ahead = "1h";
		    approvals = ( { count = 1; from = [ "@sre-leads" ]; }, { count = 1; from = [ "@security" ]; } );
		    verify = "uv"; step_up = [ "agent", "confirm" ]; step_up_every = "15s";
		    reason_min = 10; ticket = "^INC-[0-9]+\$"; freshness = "${FRESHNESS}s"; on_stale = "deny"; },
		  { name = "db-sudo"; who = [ "@sre" ]; roles = [ "sudo-root" ]; hosts = { env = "data"; };
		    max = "5m"; max_total = "10m"; request_valid = "10m"; ahead = "1h";
		    approvals = ( { count = 1; from = [ "@sre-leads", "@security" ]; } );
		    step_up = [ "agent", "confirm" ]; step_up_every = "15s";
		    reason_min = 10; ticket = "^INC-[0-9]+\$"; freshness = "${FRESHNESS}s"; on_stale = "deny"; }
		);
		registrars = (
		  { directory = "people"; keys = [ "$key" ]; threshold = 1;
		    groups = [ "sre", "sre-leads", "security" ]; uids = [ 20000, 29999 ]; },
		  { directory = "servers"; keys = [ "$key" ]; threshold = 1; labels = { env = [ "prod", "data" ]; }; }
		);
		$(sed -n '/^broker *= *{/,/^}/p' <<<"$1")
		auditors = [ "@security" ];
		revoked_keys = [ ];
		tests = (
		  { name = "two different teams"; people = { req1 = [ "sre" ]; lead1 = [ "sre-leads" ]; sec1 = [ "security" ]; };
		    hosts = { web1 = { env = "prod"; }; };
		    request = { who = "req1"; role = "root-shell"; host = "web1"; for = "5m"; };
		    approved_by = [ "lead1", "sec1" ]; expect = "active"; },
		  { name = "one team is not enough"; people = { req1 = [ "sre" ]; lead1 = [ "sre-leads" ]; };
		    hosts = { web1 = { env = "prod"; }; };
		    request = { who = "req1"; role = "root-shell"; host = "web1"; for = "5m"; };
		    approved_by = [ "lead1" ]; expect = "pending"; needs = [ "@security" ]; }
		);
	EOF
}

fleet_start_broker() {
	LAB_UNIT=ztjit-broker.service lab_in broker sh -c \
		'ztjit-broker serve -c /var/lib/ztjit-broker/broker.conf >>/var/log/ztjit-broker.log 2>&1 &'
	lab_wait 30 lab__listens "$(lab_addr broker)" 8443
}

fleet_stop_broker() {
	lab_in broker pkill -x ztjit-broker
}

# fleet_start_host NAME: arms sshd, sudo and su from the templates and starts the agent.
fleet_start_host() {
	lab_in "$1" sh -ec '
		cp "$0"/sshd/10-ztjit.conf /etc/ssh/sshd_config.d/
		cp "$0"/pam.d/* /etc/pam.d/
		cp "$0"/sudo/sudo.conf /etc/sudo.conf
		install -m 0440 "$0"/sudo/ztjit.sudoers /etc/sudoers.d/ztjit
		mkdir -p /run/ztjit /var/lib/ztjit
		install -d -m 0700 -o ztjit-gate -g ztjit-gate /var/lib/ztjit/hostd' /usr/share/ztjit/contrib
	[ "$FLEET_JIT" != yes ] ||
		lab_in "$1" sed -i -E '/ztjit/!s/^(passwd|group):.*/& ztjit/' /etc/nsswitch.conf
	fleet_agent "$1"
}

# fleet_agent NAME: the agent and sshd, as systemd starts them elsewhere.
fleet_agent() {
	LAB_UNIT=ztjit-hostd.service lab_in "$1" sh -c 'ztjit-hostd -f >>/var/log/ztjit-hostd.log 2>&1 &'
	lab_start_sshd "$1"
}

# fleet_install_host NAME ACCOUNT...: the same by ztjit-hostd install; the accounts are recorded.
fleet_install_host() {
	local name=$1 account
	local -a options=(--yes)
	shift
	lab_in "$name" sh -c 'ldconfig -p | grep -q libnss_ztjit' || options+=(--no-nss)
	for account; do options+=(--record "$account"); done
	fleet_do "$name" "ztjit-hostd install ${options[*]}" || return
	fleet_agent "$name" && fleet_do "$name" "ztjit-hostd install --confirm"
}

# fleet_record NAME ACCOUNT...: the recorder is the login shell of these accounts there.
fleet_record() {
	local name=$1 account recorder
	shift
	recorder=$(cd "$LAB_DIR/stage" && find . -name ztjit-rec -perm -u+x -type f -printf '/%P\n')
	lab_in "$name" sh -ec 'groupadd -f --system ztjit-rec; chgrp ztjit-rec "$0"; chmod 2755 "$0"' "$recorder" || return
	for account; do
		lab_in "$name" usermod -s "$recorder" "$account" || return
	done
}

fleet_armed() { lab_in "$1" ztjit-hostd status 2>/dev/null | grep -q '^armed *yes'; }
# Connected, and it has heard since: the connection stands a moment before the first word.
fleet_fresh() {
	local heard
	heard=$(lab_in "$1" ztjit-hostd status 2>/dev/null | sed -n 's/^broker *connected, last status //p')
	[ -n "$heard" ] && [ $(($(date +%s) - $(date -d "$heard" +%s))) -lt 8 ]
}
fleet_ended() { person lead1 ztjit show "$1" 2>/dev/null | grep -qE '\bended\b'; }

# --- the same without a transcript ---------------------------------------

# fleet_do WHO COMMAND: typed there; its output only if it fails.
fleet_do() {
	local who=$1 out status
	case " $PEOPLE " in
	*" $who "*) out=$(person "$who" bash -c "$2" 2>&1) ;;
	*) out=$(lab_in "$who" bash -c "$2" 2>&1) ;;
	esac
	status=$?
	[ "$status" -eq 0 ] || printf 'fleet: %s: %s: status %s\n%s\n' "$who" "$2" "$status" "$out" >&2
	FLEET_OUT=$out
	return "$status"
}

# fleet_all WHO,... COMMAND: the same for several, side by side.
fleet_all() {
	local who pid status=0
	local -a pids=()
	for who in ${1//,/ }; do
		fleet_do "$who" "$2" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || status=1
	done
	return "$status"
}

fleet__broker() {
	local pin
	fleet_do admin1 "ztjit enroll --offline --domain example admin1" || return
	person admin1 cat .ssh/id_ztjit.pub >"$LAB_DIR/tmp/admin1.pub"
	lab_put broker "$LAB_DIR/tmp/admin1.pub" /root/admin1.pub
	fleet_do broker "ztjit-broker init --domain example --root admin1.pub --threshold 1 --dir /var/lib/ztjit-broker \
		--url https://broker:8443 --listen 0.0.0.0:8443" || return
	pin=$(grep -oE 'ZTJ-[0-9A-Z-]+' <<<"$FLEET_OUT" | head -n 1)
	echo "$pin" >"$LAB_DIR/tmp/pin"
	fleet_policy "$FLEET_OUT" >"$LAB_DIR/tmp/policy.conf"
	lab_put admin1 "$LAB_DIR/tmp/policy.conf" /home/admin1/policy.conf
	fleet_start_broker || return
	fleet_do admin1 "ztjit init --broker https://broker:8443 --pin $pin && ztjit policy sign --yes policy.conf &&
		ztjit policy push --yes policy.conf && ztjit login --as registrar --yes"
}

fleet__people() {
	fleet_all req1,req2,lead1,sec1 "ztjit init --broker https://broker:8443 --pin $(cat "$LAB_DIR/tmp/pin") &&
		ztjit enroll --yes \$(id -un)" || return
	fleet_do admin1 "ztjit user approve --yes --directory people --group sre req1 req2 &&
		ztjit user approve --yes --directory people --group sre-leads lead1 &&
		ztjit user approve --yes --directory people --group security sec1"
}

fleet__hosts() {
	local host label digest
	for host in web1 db1; do
		label=env=prod
		[ "$host" = web1 ] || label=env=data
		fleet_do "$host" "ztjit-hostd join --broker https://broker:8443 --pin $(cat "$LAB_DIR/tmp/pin") \
			--directory servers --name $host" || return
		digest=$(grep -oE 'H-[0-9A-Z]{5}(-[0-9A-Z]{5}){3}' <<<"$FLEET_OUT" | head -n 1)
		"${FLEET_START:-fleet_start_host}" "$host" || return
		fleet_do admin1 "ztjit host approve --yes --directory servers --label $label --digest $digest $host" || return
	done
	lab_wait 45 fleet_armed web1 && lab_wait 45 fleet_armed db1
}

fleet_ready() {
	fleet_up && fleet__broker && fleet__people && fleet__hosts || return
	fleet_all req1,req2,lead1,sec1 "ztjit login --yes && mkdir -p -m 700 .ssh && ztjit config ssh >.ssh/config"
}

# fleet_logs: what the machines logged, for somebody who looks for a fault.
fleet_logs() {
	local name
	for name in web1 db1; do
		printf '\n--- %s: syslog, agent\n' "$name"
		lab_in "$name" sh -c 'tail -n 120 /var/log/syslog /var/log/ztjit-hostd.log'
	done
	printf '\n--- broker\n'
	lab_in broker tail -n 20 /var/log/ztjit-broker.log
}
