#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Test machines that the broker admits by itself: only where the policy says so, only who proves the token, nothing that
# stands already.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"
[ -x "$BROKER" ] || { t_skip autojoin "no broker was built"; t_done; }
fleet_up
conf=$DIR/broker/broker.conf

# lab_policy VERSION: as before, and a directory of test machines.
lab_policy() {
	local online key
	online=$(sed -n 's/^ *online = \[* *"\([^"]*\)".*/\1/p' "$DIR/init.out")
	key=$(cut -d' ' -f1,2 "$DIR/admin1/.ssh/id_ztjit.pub")
	VERSION=$1 policy_text | sed "s#^  { directory = \"servers\"; .*#&,\n  { directory = \"lab\"; keys = [ \"$online\", \"$key\" ]; threshold = 1; auto_join = true; labels = { env = \"data\"; tier = \"test\"; }; }#"
}
restart() {
	broker_stop
	broker_start
}
asks() {
	mkdir -p "$DIR/hosts"
	"$top/tests/cli/makehost" pending example "$1" "$DIR/hosts/$2" "$URL" >"$DIR/digest"
}
stands() { z admin1 host ls 2>/dev/null | grep -q "^lab/$1 "; }
waits() { z admin1 host ls 2>/dev/null | grep -q "^$1 .*asks since"; }
serial() { z admin1 host show --json "lab/$1" 2>/dev/null | sed -n 's/^ *"serial": \([0-9]*\),/\1/p' | head -n 1; }
log_says() { grep -q "$1" "$DIR/broker.log"; }

TOKEN=$("$BROKER" token)
t_ok "a token" [ "${#TOKEN}" = 33 ]
t_ok "which is another each time" [ "$TOKEN" != "$("$BROKER" token)" ]
(umask 077 && echo "$TOKEN" >"$DIR/auto_join")
export MAKEHOST_TOKEN=$TOKEN

# --- neither alone is enough ---
echo "auto_join = \"$DIR/auto_join\";" >>"$conf"
t_ok "the broker has a token" restart
asks test0 test0
t_ok "without a policy that says so nobody is admitted" wait_for waits test0
t_no "not then" stands test0
sed -i '/^auto_join/d' "$conf"
lab_policy 2 >"$DIR/lab.conf"
t_says "policy check knows it" "3 registrars" z admin1 policy check "$DIR/lab.conf"
t_says "policy diff says it aloud" "the broker admits hosts by itself" z admin1 policy diff "$DIR/lab.conf"
t_ok "signed" z admin1 policy sign --yes "$DIR/lab.conf"
t_ok "pushed" z admin1 policy push --yes "$DIR/lab.conf"
restart
asks test0 test0
t_ok "without a token at the broker nobody is admitted" wait_for waits test0
t_no "not then" stands test0
echo "auto_join = \"$DIR/auto_join\";" >>"$conf"
chmod 644 "$DIR/auto_join"
broker_stop
t_no "F01 a token that others may read" timeout 20 "$BROKER" serve -c "$conf"
chmod 600 "$DIR/auto_join"
echo secret >"$DIR/bad"
chmod 600 "$DIR/bad"
sed "s#^auto_join.*#auto_join = \"$DIR/bad\";#" "$conf" >"$DIR/bad.conf"
t_no "F02 one that is none" timeout 20 "$BROKER" serve -c "$DIR/bad.conf"
t_ok "both" broker_start

# --- who is admitted ---
asks test1 test1
t_ok "a host that proves the token is admitted" wait_for stands test1
t_no "and does not wait any more" waits test1
t_says "with the labels of the policy" '"tier": "test"' z admin1 host show --json lab/test1
z req1 host ls >/dev/null 2>&1
t_says "its keys are served to ssh" "$(cut -d' ' -f2 "$DIR/hosts/test1/ssh.pub")" z req1 known-hosts lab/test1
for n in 2 3 4 5 6 7; do asks "test$n" "test$n"; done
t_ok "several at once" wait_for stands test7
for n in 2 3 4 5 6; do t_ok "test$n too" wait_for stands "test$n"; done
t_ok "one serial each" [ "$(serial test1)" = 7 ]

# --- who is not ---
MAKEHOST_TOKEN=T-00000-00000-00000-00000-00000-0 asks other other
t_ok "S18 another token" wait_for waits other
MAKEHOST_PROOF=other asks swapped swapped
t_ok "S18 a proof for other keys" wait_for waits swapped
env -u MAKEHOST_TOKEN "$top/tests/cli/makehost" pending example plain "$DIR/hosts/plain" "$URL" >/dev/null
t_ok "S18 no proof" wait_for waits plain
asks test1 thief
t_ok "S18 a name that stands keeps its keys" wait_for waits test1
asks web1again web1
t_ok "S18 keys that stand elsewhere" wait_for waits web1again
t_denies "S18 not by a person either" "asks with a key of servers/web1" z admin1 host approve --yes --directory lab --label env=data --digest "$(cat "$DIR/digest")" web1again
asks db1 db1again
t_ok "S13 a name that stands elsewhere" wait_for waits db1
t_ok "the reasons are logged" log_says "one key stands in two records"
t_ok "nothing has moved" [ "$(serial test1)" = 7 ]
t_no "S18 the token stays out of the database" grep -rqaF "$TOKEN" "$DIR/broker" --exclude=broker.conf

# --- a person beside the broker ---
t_ok "a registrar removes one" z admin1 host remove --yes --directory lab test2
t_no "it is gone" stands test2
asks test8 test8
t_ok "the broker goes on from there" wait_for stands test8
t_no "and brings nobody back" stands test2
t_ok "a registrar revokes one" z admin1 revoke --yes --host lab/test3 -m 'looks odd'
asks test9 test9
t_ok "S12 nobody is readmitted in passing" wait_for log_says "not admitted without a registrar: revoked"
t_no "not then" stands test9
t_ok "once a person has removed it" z admin1 host remove --yes --directory lab test3
asks test9 test9
t_ok "others may join again" wait_for stands test9

# --- storage that fails while one is on the way ---
broker_stop
LD_PRELOAD=$top/tests/broker/.libs/faults.so ZTJ_FAULT="fdatasync 30 33 5" \
	"$BROKER" serve -c "$conf" >>"$DIR/broker.log" 2>&1 &
BROKER_PID=$!
wait_for listens
failed=0 last='' after=0
for n in $(seq 1 60); do
	if asks "fault$n" "fault$n" 2>/dev/null; then
		[ "$failed" = 0 ] || { after=$((after + 1)) && last=fault$n; }
	else
		failed=$((failed + 1))
	fi
	[ "$after" -lt 3 ] || break
done
t_ok "D02 some found the storage failing" [ "$failed" -gt 0 ]
t_ok "D02 the next ones are admitted all the same" wait_for stands "$last"
t_done
