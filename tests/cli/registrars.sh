#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Directories that two must sign, policies that two roots must sign, step-ups by
# confirm, watch, revoking a person, what a policy would end.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"
[ -x "$BROKER" ] || { t_skip registrars "no broker was built"; t_done; }
fleet_up
id_of() { grep -oE 'R-[0-9A-HJKMNP-TV-Z]{10}' <<<"$T_OUT" | head -n 1; }
full_id() { z "$1" show --json "$2" 2>/dev/null | sed -n 's/^  "id": "\(.*\)",/\1/p'; }

# --- confirm ---
t_ok "request" z req1 request --yes --role sudo-root --host db1 --for 2m --ticket INC-1 -m 'vacuum the database'
R=$(id_of)
G=$(full_id req1 "$R")
t_ok "approve" z lead1 approve --yes "$R"
challenge() {
	rm -f "$DIR/code" "$DIR/code.err"
	"$top/tests/cli/makehost" challenge example servers/db1 people/req1 "$G" "$DIR/hosts/db1" "$URL" "$@" >"$DIR/code" 2>"$DIR/code.err" &
	CHALLENGER=$!
	wait_for test -s "$DIR/code" -o -s "$DIR/code.err"
}
t_denies "no challenge is open" "no challenge is open" z req1 confirm AAAA-BBBB
challenge
before=$(touches req1)
t_denies "P14 a code that no host showed" "no open challenge" z req1 confirm AAAA-BBBB
t_ok "and no touch was asked for" [ "$before" = "$(touches req1)" ]
t_denies "somebody else's challenge" "no challenge" z req2 confirm "$(head -n 1 "$DIR/code")"
t_says "confirm shows everything" "service: sudo" z req1 confirm "$(head -n 1 "$DIR/code" | tr 'A-Z-' 'a-z ')"
t_says "and says so when the host went on" "Confirmed: sudo on servers/db1" echo "$T_OUT"
wait "$CHALLENGER"
t_ok "the host hears the answer" grep -qx answered "$DIR/code"
t_denies "P14 a code is used once" "confirmed already" z req1 confirm "$(head -n 1 "$DIR/code")"
MAKEHOST=early challenge
wait "$CHALLENGER"
before=$(touches req1)
t_denies "the one who asked is gone" "is gone; nothing was signed" z req1 confirm "$(head -n 1 "$DIR/code")"
t_ok "so no touch was asked for" [ "$before" = "$(touches req1)" ]
MAKEHOST=late challenge
t_denies "gone while the key was touched" "is gone: your touch was for nothing" z req1 confirm "$(head -n 1 "$DIR/code")"
[ "$T_STATUS" = 1 ] && t_ok "that is a no" true
wait "$CHALLENGER"
MAKEHOST=mute challenge
t_denies "a host that does not say" "has not said that it heard" z req1 confirm "$(head -n 1 "$DIR/code")"
[ "$T_STATUS" = 3 ] && t_ok "that is no answer" true
wait "$CHALLENGER"
mkdir "$DIR/hosts/evil"
challenge "$DIR/hosts/evil"
t_ok "P14 a challenge that the host did not sign is not even relayed" grep -q "signed by" "$DIR/code.err"

# --- watch, without a terminal: it tells, and asks nobody ---
EXEC=yes z lead1 watch >"$DIR/watch.out" 2>&1 &
WATCH=$!
t_ok "another request" z req2 request --yes --role sudo-root --host db1 --for 2m --ticket INC-2 -m 'look at the indexes'
t_ok "watch tells of it" wait_for grep -q "look at the indexes" "$DIR/watch.out"
kill "$WATCH"
wait "$WATCH" 2>/dev/null

# --- what a policy would end; a policy signed twice by one root ---
VERSION=2 policy_text | sed '/name = "db-sudo"/,/on_stale/d' | sed 's/on_stale = "deny"; },$/on_stale = "deny"; }/' >"$DIR/p2.conf"
t_ok "policy 2 signed" z admin1 policy sign --yes "$DIR/p2.conf"
t_ok "and again by the same root" z admin1 policy sign --yes "$DIR/p2.conf"
t_ok "which is one signature" [ "$(grep -c BEGIN "$DIR/p2.conf.sig")" = 1 ]
w req1 cp "$DIR/p2.conf" "$DIR/p2.conf.sig" "$DIR/req1/"
t_denies "policy push lists what it would end" "$R of people/req1: active ->" z req1 policy push "$DIR/req1/p2.conf"
t_denies "a text that was changed after signing" "refused" sh -c \
	"echo '# x' >>$DIR/req1/p2.conf; HOME=$DIR/req1 XDG_RUNTIME_DIR=$DIR/req1/run $ZTJIT policy push --yes $DIR/req1/p2.conf"

# --- revoking a person ---
t_ok "enrol the registrar as a person" z admin1 enroll admin1
t_ok "a registrar revokes a person" z admin1 revoke --yes --user req2 -m 'left the company'
t_no "who can do nothing any more" z req2 request --yes --role sudo-root --host db1 --for 2m --ticket INC-3 -m 'one more look'

# --- two registrars ---
person_new admin3
t_ok "a second registrar's key" z admin3 enroll --offline --domain example admin3
key1=$(cut -d' ' -f1,2 "$DIR/admin1/.ssh/id_ztjit.pub")
key3=$(cut -d' ' -f1,2 "$DIR/admin3/.ssh/id_ztjit.pub")
# In two steps: a directory that too few signed is no good to somebody who never saw it.
two_keys() { sed "s#directory = \"servers\"; keys = \[ \"$key1\" \]; threshold = 1#directory = \"servers\"; keys = [ \"$key1\", \"$key3\" ]; threshold = $1#"; }
VERSION=3 policy_text | two_keys 1 >"$DIR/p3.conf"
VERSION=4 policy_text | two_keys 2 >"$DIR/p4.conf"
for p in p3 p4; do t_ok "policy $p signed" z admin1 policy sign --yes "$DIR/$p.conf"; done
t_ok "policy 3 pushed" z admin1 policy push --yes "$DIR/p3.conf"
t_ok "init of the second" z admin3 init --broker "$URL" --pin "$PIN"
t_ok "login of the second" z admin3 login --as registrar
t_ok "policy 4 pushed" z admin1 policy push --yes "$DIR/p4.conf"
cd "$DIR/admin1" || exit 1
t_ok "the update is written" z admin1 directory renew --yes --write renewal servers
t_ok "the first signs by hand" w admin1 env SSH_SK_PROVIDER="$SOFTKEY/.libs/libsoftkey-sk.so" \
	ssh-keygen -q -Y sign -f "$DIR/admin1/.ssh/id_ztjit" -n directory@ztjit renewal
cp renewal renewal.sig renewal.update "$DIR/admin3/"
cd "$DIR/admin3" || exit 1
t_says "the second sees everything and signs" "host web1" z admin3 directory sign --yes renewal
t_ok "two signatures" [ "$(grep -c BEGIN renewal.sig)" = 2 ]
t_says "submit" "in force" z admin3 submit renewal renewal.sig
t_says "one signature alone" "needs 2 signatures" z admin1 directory renew --yes servers
sed 's/web1/web9/' renewal.update >x && mv x renewal.update
t_no "an update that is not the one that was signed" z admin3 directory sign --yes renewal
t_done
