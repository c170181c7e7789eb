#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# What the command line does when the broker lies: the real broker behind a proxy that
# holds its TLS key and changes what it likes, an old copy of its state, another broker.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"
[ -x "$BROKER" ] || { t_skip hostile "no broker was built"; t_done; }
fleet_up
id_of() { grep -oE 'R-[0-9A-HJKMNP-TV-Z]{10}' <<<"$T_OUT" | head -n 1; }

LIAR_PID=
liar_stop() {
	[ -z "$LIAR_PID" ] || kill "$LIAR_PID"
	[ -z "$LIAR_PID" ] || wait "$LIAR_PID" 2>/dev/null
	LIAR_PID=
}
# liar WHO LIE...: that person's workstation now talks to a liar.
liar() {
	local who=$1 port
	shift
	liar_stop
	rm -f "$DIR/liar.port"
	"$top/tests/cli/liar" "$DIR/broker/frontend/tls.key" "$URL" "$DIR/$who/run/ztjit/login.key" "$@" >"$DIR/liar.port" &
	LIAR_PID=$!
	wait_for test -s "$DIR/liar.port"
	port=$(cat "$DIR/liar.port")
	echo "broker = [ \"https://127.0.0.1:$port\" ];" >"$DIR/$who/.config/ztjit/config"
}
truth() {
	liar_stop
	echo "broker = [ \"$URL\" ];" >"$DIR/$1/.config/ztjit/config"
}

t_ok "two requests" z req1 request --yes --role root-shell --host web1 --for 60s --ticket INC-1 -m 'a harmless look'
A=$(id_of)
t_ok "the other" z req1 request --yes --role root-shell --host web1 --for 5m --ticket INC-2 -m 'something else altogether'
B=$(id_of)

liar lead1
t_says "a liar that tells the truth is believed" "a harmless look" z lead1 show "$A"
before=$(touches lead1)
liar lead1 path "/v1/requests/$A" "/v1/requests/$B"
t_denies "S03 another request than the one asked for" "asked for $A" z lead1 approve --yes "$A"
liar lead1 skew 300
t_denies "a clock that is off" "clock" z lead1 approve --yes "$A"
liar lead1 skew -300
t_denies "a clock that is off the other way" "clock" z lead1 approve --yes "$A"
liar lead1 body /v1/broker '"example"' '"elsewhere"'
t_denies "another domain" "domain" z lead1 approve --yes "$A"
liar lead1 body /v1/requests '"bundle":"W' '"bundle":"X'
t_denies "S11 a bundle that was touched" "does not verify" z lead1 show "$A"
liar lead1 body /v1/directories '"serial":4' '"serial":1' body /v1/directories '"serial": 4' '"serial": 1'
t_denies "S14 a directory that goes back" "old copy" z lead1 show "$A"
liar lead1 body '/v1/requests/' '"state"' '"\u001b]0;owned\u0007"'
t_ok "L01 what it says of the state is not shown" sh -c '! printf "%s" "$0" | grep -q owned' "$(z lead1 show "$A" 2>&1)"
t_ok "nothing of all that asked for a touch" [ "$before" = "$(touches lead1)" ]
truth lead1
t_ok "and the truth is believed again" z lead1 approve --yes "$A"

# --- S14: the broker of last week ---
broker_stop
cp -r "$DIR/broker" "$DIR/backup"
broker_start
cp -r "$DIR/admin1" "$DIR/admin2"
t_ok "sec1 is removed" z admin1 user remove --yes sec1
t_says "S14 another registrar sees the removal" "removed since: sec1" z admin2 directory renew --yes people
z lead1 user ls >/dev/null 2>&1
broker_stop
mv "$DIR/broker" "$DIR/newer"
mv "$DIR/backup" "$DIR/broker"
broker_start
t_denies "S14 an old base is refused by the registrar's memory" "has seen" z admin1 user approve --yes --group sre req1
t_denies "S14 by everybody's" "has seen" z lead1 user ls
broker_stop
rm -rf "$DIR/broker"
mv "$DIR/newer" "$DIR/broker"
broker_start
t_ok "the newer one is fine" z admin1 user ls
person_new sec1b
cp -r "$DIR/sec1/.ssh" "$DIR/sec1/.config" "$DIR/sec1b/"
cp "$DIR/sec1/keys/"* "$DIR/sec1b/keys/"
t_ok "the removed person asks again" z sec1b enroll sec1
t_says "S14 a re-addition is called one" "was removed before" z admin1 user approve --yes --group security sec1
t_says "S14 for another registrar too" "ADDED AGAIN" z admin2 directory renew --yes people

# --- another broker at the same address ---
broker_stop
"$BROKER" init --domain example --root "$DIR/admin1/.ssh/id_ztjit.pub" --threshold 1 --dir "$DIR/other" \
	--url "$URL" --listen "127.0.0.1:$PORT" >/dev/null 2>&1
mv "$DIR/broker" "$DIR/real"
mv "$DIR/other" "$DIR/broker"
sed -i "s#$DIR/other#$DIR/broker#" "$DIR/broker/broker.conf"
broker_start
before=$(touches req1)
t_denies "S18 a broker whose TLS key stands in no policy" "" z req1 requests
t_ok "S18 and nobody is asked to touch" [ "$before" = "$(touches req1)" ]
t_denies "S18 a policy is not handed to it" "does not stand in policy" z admin1 policy push --yes "$DIR/policy.conf"
t_done
