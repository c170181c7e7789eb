# shellcheck shell=bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# A broker on loopback, people with software security keys, and hosts that are
# files: what the tests of the command line share. Sourced; no root needed.
#   fleet_up             first key, broker, policy, people, hosts
#   z WHO ARGS...        ztjit as that person
#   w WHO CMD...         any command with that person's environment
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"

# shellcheck disable=SC2034  # for those who source this
top=${ZTJ_BUILDDIR:-$PWD}
ZTJIT=$top/ztjit/ztjit
BROKER=${ZTJ_TEST_BROKER:-$top/ztjit-broker/ztjit-broker}
SOFTKEY=$top/tests/softkey
BROKER_PID=

# Tests of a tool that never runs as root do not run as root either. A tree that
# nobody else may read is copied for them.
if [ "$(id -u)" = 0 ]; then
	as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all env HOME=/nonexistent "$@"; }
	if as_nobody test -x "$ZTJIT" -a -r "$0"; then
		as_nobody bash "$0" "$@"
		exit
	fi
	stage=$(mktemp -d /tmp/ztjit-stage-XXXXXX) || exit 1
	chmod 755 "$stage"
	mkdir -p "$stage/build/ztjit" "$stage/build/ztjit-broker" "$stage/build/tests/cli" "$stage/tests"
	cp "$ZTJIT" "$stage/build/ztjit/"
	[ ! -x "$BROKER" ] || cp "$BROKER" "$stage/build/ztjit-broker/"
	cp -r "$SOFTKEY" "$stage/build/tests/"
	mkdir -p "$stage/build/tests/broker/.libs"
	[ ! -x "$top/tests/broker/witness" ] || cp "$top/tests/broker/witness" "$stage/build/tests/broker/"
	[ ! -e "$top/tests/broker/.libs/faults.so" ] || cp "$top/tests/broker/.libs/faults.so" "$stage/build/tests/broker/.libs/"
	find "$top/tests/cli" -maxdepth 1 -type f -perm -u+x -exec cp {} "$stage/build/tests/cli/" \;
	cp -r "$here" "$here/../lab" "$stage/tests/"
	chmod -R a+rX "$stage"
	ZTJ_BUILDDIR=$stage/build as_nobody bash "$stage/tests/cli/$(basename "$0")" "$@"
	status=$?
	rm -rf "$stage"
	exit $status
fi

DIR=$(mktemp -d /tmp/ztjit-cli-XXXXXX) || exit 1
fleet_down() {
	[ -z "$BROKER_PID" ] || kill "$BROKER_PID" 2>/dev/null || :
	[ -z "$BROKER_PID" ] || wait "$BROKER_PID" 2>/dev/null || :
	local who
	for who in "$DIR"/*/; do
		[ ! -d "$who/run" ] || z "$(basename "$who")" logout >/dev/null 2>&1 || :
	done
	[ -n "${KEEP:-}" ] || rm -rf "$DIR"
}
trap fleet_down EXIT
trap 'exit 1' HUP INT TERM

# With EXEC it replaces its shell: in the background, a kill then reaches the program.
w() {
	local who=$1
	shift
	${EXEC:+exec} env -u SSH_AUTH_SOCK -u SSH_SK_PROVIDER -u XDG_CONFIG_HOME -u XDG_STATE_HOME -u SSH_ASKPASS \
		HOME="$DIR/$who" XDG_RUNTIME_DIR="$DIR/$who/run" ZTJ_SOFTKEY_DIR="$DIR/$who/keys" \
		LC_ALL=C.UTF-8 "$@"
}
z() {
	local who=$1
	shift
	w "$who" env ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$SOFTKEY/.libs/libsoftkey-fido.so" "$ZTJIT" "$@"
}
softkey() {
	local who=$1
	shift
	w "$who" "$SOFTKEY/softkey" "$@"
}
touches() { softkey "$1" touches; }

person_new() {
	mkdir -p "$DIR/$1/run" "$DIR/$1/keys"
	chmod 700 "$DIR/$1" "$DIR/$1/run" "$DIR/$1/keys"
	softkey "$1" create key uv=ok
}

free_port() {
	local port
	for port in $(shuf -i 20000-39999 -n 50); do
		(: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || {
			echo "$port"
			return
		}
	done
}

wait_for() {
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	return 1
}
listens() { (: >"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; }

broker_start() {
	"$BROKER" serve -c "$DIR/broker/broker.conf" >>"$DIR/broker.log" 2>&1 &
	BROKER_PID=$!
	wait_for listens || {
		cat "$DIR/broker.log"
		return 1
	}
}
broker_stop() {
	kill "$BROKER_PID" && wait "$BROKER_PID" 2>/dev/null
	BROKER_PID=
}

policy_text() {
	local version=${VERSION:-1} key
	key=$(cut -d' ' -f1,2 "$DIR/admin1/.ssh/id_ztjit.pub")
	cat <<-EOF
		domain  = "example";
		version = $version;
		expires = "2037-01-01T00:00:00Z";
		roles = {
		  root-shell = { login = [ "root" ]; record = "none"; };
		  sudo-root  = { login = [ "self" ]; become = [ "root" ]; groups = [ "ztjit-root" ]; record = "none"; };
		};
		rules = (
		  { name = "prod-root"; who = [ "@sre" ]; roles = [ "root-shell" ]; hosts = { env = "prod"; };
		    max = "${MAX:-5m}"; max_total = "10m"; request_valid = "10m"; ahead = "1h";
		    approvals = ( { count = 1; from = [ "@sre-leads" ]; }, { count = 1; from = [ "@security" ]; } );
		    verify = "uv"; step_up = [ "agent", "confirm" ]; step_up_every = "15s";
		    reason_min = 10; ticket = "^INC-[0-9]+\$"; freshness = "15s"; on_stale = "deny"; },
		  { name = "db-sudo"; who = [ "@sre" ]; roles = [ "sudo-root" ]; hosts = { env = "data"; };
		    max = "5m"; max_total = "10m"; request_valid = "10m"; ahead = "1h";
		    approvals = ( { count = 1; from = [ "@sre-leads", "@security" ]; } );
		    step_up = [ "agent", "confirm" ]; step_up_every = "15s";
		    reason_min = 10; ticket = "^INC-[0-9]+\$"; freshness = "15s"; on_stale = "deny"; }
		);
		registrars = (
		  { directory = "people"; keys = [ "$key" ]; threshold = 1;
		    groups = [ "sre", "sre-leads", "security" ]; uids = [ 20000, 29999 ]; },
		  { directory = "servers"; keys = [ "$key" ]; threshold = 1; labels = { env = [ "prod", "data" ]; }; }
		);
		$(sed -n '/^broker *= *{/,/^}/p' "$DIR/init.out")
		auditors = [ "@security" ];
		revoked_keys = [ ];
	EOF
}

fleet_broker() {
	PORT=$(free_port)
	"$BROKER" init --domain example --root "$DIR/admin1/.ssh/id_ztjit.pub" --threshold 1 --dir "$DIR/broker" \
		--url "https://127.0.0.1:$PORT" --listen "127.0.0.1:$PORT" >"$DIR/init.out" 2>&1 || {
		cat "$DIR/init.out"
		exit 1
	}
	PIN=$(grep -oE 'ZTJ-[0-9A-Z-]+' "$DIR/init.out" | head -n 1)
	URL=https://127.0.0.1:$PORT
	broker_start
}

# Everything up to people who are logged in and hosts that are admitted.
fleet_up() {
	local who h
	for who in admin1 req1 req2 lead1 sec1; do person_new "$who"; done
	z admin1 enroll --offline --domain example admin1 >"$DIR/up.log" 2>&1 || fleet_broken
	fleet_broker
	for who in admin1 req1 req2 lead1 sec1; do
		z "$who" init --broker "$URL" --pin "$PIN" >>"$DIR/up.log" 2>&1 || fleet_broken
	done
	policy_text >"$DIR/policy.conf"
	{
		z admin1 policy sign --yes "$DIR/policy.conf" && z admin1 policy push --yes "$DIR/policy.conf" &&
			z admin1 login --as registrar
	} >>"$DIR/up.log" 2>&1 || fleet_broken
	for who in req1 req2 lead1 sec1; do z "$who" enroll "$who" >>"$DIR/up.log" 2>&1 || fleet_broken; done
	{
		z admin1 user approve --yes --group sre req1 && z admin1 user approve --yes --group sre req2 &&
			z admin1 user approve --yes --group sre-leads lead1 && z admin1 user approve --yes --group security sec1
	} >>"$DIR/up.log" 2>&1 || fleet_broken
	mkdir "$DIR/hosts"
	for h in web1:prod db1:data; do
		"$top/tests/cli/makehost" pending example "${h%:*}" "$DIR/hosts/${h%:*}" "$URL" >"$DIR/${h%:*}.digest" 2>>"$DIR/up.log" &&
			z admin1 host approve --yes --label "env=${h#*:}" --digest "$(cat "$DIR/${h%:*}.digest")" "${h%:*}" \
				>>"$DIR/up.log" 2>&1 || fleet_broken
	done
	for who in req1 req2 lead1 sec1; do z "$who" login >>"$DIR/up.log" 2>&1 || fleet_broken; done
}
fleet_broken() {
	tail -n 30 "$DIR/up.log"
	echo "not ok - the fleet could not be set up"
	exit 1
}
