#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# L03: what is wrong with the security key is said clearly, exit 3, nothing half
# done.  P7, L01: a terminal that cannot show everything signs nothing.  No broker.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"

# t_outage NAME TEXT CMD...: must fail with TEXT and exit code 3.
t_outage() {
	local name=$1 text=$2
	shift 2
	t_denies "$name" "$text" "$@"
	[ "$T_STATUS" = 3 ] || { t_ok "$name: exit 3, not $T_STATUS" false; }
}
no_key() { [ ! -e "$DIR/p/.ssh/id_ztjit" ] && [ ! -e "$DIR/p/.ssh/id_ztjit.pub" ]; }
enroll() { z p enroll --offline --domain example "$@"; }

mkdir -p "$DIR/p/run" "$DIR/p/keys"
chmod 700 "$DIR/p" "$DIR/p/run" "$DIR/p/keys"
t_outage "L03 no key plugged in" "no security key" enroll
t_ok "nothing was made" no_key
softkey p create one
softkey p set one touch=deny
t_outage "L03 the touch is refused" "refused" enroll
softkey p set one touch=timeout touch-ms=200
t_outage "L03 no touch in time" "not touched in time" enroll
softkey p set one touch=auto
softkey p create two
t_outage "L03 two keys plugged in" "several" enroll
softkey p unplug two
t_outage "L03 verification wanted, none set up" "PIN" enroll --verify-required
t_ok "nothing was made by all that" no_key
t_ok "a good key" enroll

cat >"$DIR/p/policy.conf" <<EOF
domain = "example";
version = 1;
expires = "2037-01-01T00:00:00Z";
roles = { root-shell = { login = [ "root" ]; record = "none"; }; };
rules = ( { name = "all"; who = [ "@sre" ]; roles = [ "root-shell" ]; hosts = { env = "prod"; }; max = "5m"; max_total = "10m";
  request_valid = "10m"; ahead = "1h"; approvals = ( { count = 1; from = [ "@sre" ]; } ); step_up = [ "agent" ];
  step_up_every = "15s"; freshness = "15s"; on_stale = "deny"; } );
registrars = ( { directory = "people"; keys = [ "$(cut -d' ' -f1,2 "$DIR/p/.ssh/id_ztjit.pub")" ]; threshold = 1;
    groups = [ "sre" ]; uids = [ 20000, 29999 ]; },
  { directory = "servers"; keys = [ "$(cut -d' ' -f1,2 "$DIR/p/.ssh/id_ztjit.pub")" ]; threshold = 1; labels = { env = "prod"; }; } );
broker = { urls = [ "https://127.0.0.1:1" ];
$(for k in tls online log ca; do
	ssh-keygen -q -t ed25519 -N '' -C '' -f "$DIR/k.$k" </dev/null
	echo "  $k = [ \"$(cut -d' ' -f1,2 "$DIR/k.$k.pub")\" ];"
done)
};
auditors = [ ];
revoked_keys = [ ];
EOF
cd "$DIR/p" || exit 1
sign() { z p policy sign --yes policy.conf; }
unsigned() { [ ! -e policy.conf.sig ]; }
t_ok "the policy is good" z p policy check policy.conf

softkey p unplug one
t_outage "L03 the key was pulled out" "no security key" sign
softkey p plug two
t_outage "L03 another key is plugged in" "no security key" sign
softkey p only one
softkey p set one touch=deny
t_outage "L03 the signature is refused" "refused" sign
softkey p set one touch=timeout touch-ms=200
t_outage "L03 nobody touches" "not touched" sign
softkey p set one touch=auto
t_ok "nothing was signed by all that" unsigned

# --- PINs, from a program, since here is no terminal ---
softkey p create three pin=123456
softkey p only three
cat >"$DIR/askpass" <<EOF
#!/bin/sh
cat "$DIR/pin"
EOF
chmod 700 "$DIR/askpass"
pin() { SSH_ASKPASS=$DIR/askpass SSH_ASKPASS_REQUIRE=force zp "$@"; }
zp() {
	env -u SSH_AUTH_SOCK HOME="$DIR/p" XDG_RUNTIME_DIR="$DIR/p/run" ZTJ_SOFTKEY_DIR="$DIR/p/keys" LC_ALL=C.UTF-8 \
		ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$SOFTKEY/.libs/libsoftkey-fido.so" "$ZTJIT" "$@"
}
mv .ssh first
t_outage "L03 a PIN is wanted and nobody can be asked" "PIN" enroll --verify-required
echo 000000 >"$DIR/pin"
t_outage "L03 wrong PIN" "wrong PIN" pin enroll --offline --domain example --verify-required
t_ok "nothing was made with it" no_key
echo 123456 >"$DIR/pin"
t_ok "the right PIN" pin enroll --offline --domain example --verify-required
t_ok "ssh-keygen -y reads that key too" w p ssh-keygen -y -f "$DIR/p/.ssh/id_ztjit"
echo 999999 >"$DIR/pin"
for _ in 1 2 3; do pin policy sign --yes policy.conf >/dev/null 2>&1; done
t_outage "L03 PIN blocked" "blocked" pin policy sign --yes policy.conf
t_ok "nothing was signed with wrong PINs" unsigned
rm -rf .ssh
mv first .ssh
softkey p only one

# --- P7: terminals ---
# at COLSxROWS ANSWERS CMD: on a pseudo-terminal of that size, typing ANSWERS.
at() {
	local size=$1 answers=$2
	shift 2
	(
		sleep 0.3
		printf '%b' "$answers"
		sleep 0.5
	) | HOME=$DIR/p XDG_RUNTIME_DIR=$DIR/p/run ZTJ_SOFTKEY_DIR=$DIR/p/keys LC_ALL=${LOC:-C.UTF-8} \
		script -qec "stty cols ${size%x*} rows ${size#*x}; ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$SOFTKEY/.libs/libsoftkey-fido.so $ZTJIT $*" /dev/null
}
t_denies "P7 too narrow a terminal" "cannot show everything" at 20x50 'y\n' policy sign policy.conf
t_denies "P7 too low a terminal" "cannot show everything" at 80x4 'y\n' policy sign policy.conf
t_denies "P7 no answer" "not confirmed" at 200x200 '\n' policy sign policy.conf
t_denies "P7 a page that was not read on" "not confirmed" at 80x24 'q\n' policy sign policy.conf
t_ok "nothing was signed on any of them" unsigned
t_ok "P7 a page at a time" at 80x24 'y\ny\ny\ny\ny\ny\ny\n' policy sign policy.conf
rm -f policy.conf.sig
t_ok "P7 and on a large one" at 250x200 'y\n' policy sign policy.conf
shown=$(at 40x200 'n\n' policy sign policy.conf | tr -d '\r\n ')
text=$(tr -d '\n\t ' <policy.conf)
t_ok "P7 wrapped, nothing is lost" sh -c 'case $0 in *"$1"*) ;; *) exit 1 ;; esac' "$shown" "$text"
t_denies "P7 a closed standard error shows nothing" "" sh -c "exec 2>&-; HOME=$DIR/p $ZTJIT policy sign policy.conf"

# --- usage ---
t_no "an unknown command" z p frobnicate
t_ok "is exit 2" [ "$T_STATUS" = 2 ]
t_no "an unknown option" z p login --frobnicate
t_ok "is exit 2 as well" [ "$T_STATUS" = 2 ]
t_denies "L01 escapes in arguments are shown as such" '\x1b[2J' z p $'show\e[2J'
t_says "json of a failure" '"error": "usage"' sh -c "$ZTJIT whoami --json nonsense || true"
t_done
