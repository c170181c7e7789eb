#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The audit log of a real broker, read by an auditor: listed, shown, followed, exported, verified online and from a copy;
# every change of it named, and a broker of yesterday caught by what a workstation remembers.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"
[ -x "$BROKER" ] || { t_skip audit "no broker was built"; t_done; }
fleet_up
LOG=$DIR/broker/store/log
STATE=$DIR/sec1/.local/state/ztjit

audit() { z sec1 audit "$@"; }
# Until the log tells of it: a checkpoint is signed once a second at most.
settled() { wait_for has "$@"; }
has() { audit ls --all --json 2>/dev/null | grep -qF -- "$1"; }
leaves() { audit verify --json | sed -n 's/.*"leaves": \([0-9]*\).*/\1/p'; }
rows() { audit ls "$@" 2>/dev/null | grep -c '^[0-9]'; }
grep_id() { grep -oE 'R-[0-9A-Z]{10}' | head -n 1; }
not() { ! "$@"; }
spoilt_json() {
	spoil 'sed -i "s/\"n\":9,/\"n\":8,/" "$B"'
	audit verify --json --dir "$DIR/spoilt"
	return 0
}
# Is the log of the broker that came back longer than the one we remember?
longer() { [ "$(sed -n 2p "$LOG/checkpoint")" -gt "$(cut -d' ' -f1 "$STATE/checkpoint")" ]; }

# --- what happened ---
ID=$(z req1 request --yes --role root-shell --host web1 --for 120s --ticket INC-7 -m 'a reason of some length' 2>&1 | grep_id)
z lead1 approve --yes "$ID" >/dev/null 2>&1
z sec1 approve --yes "$ID" >/dev/null 2>&1
z req1 cert root@web1 >/dev/null 2>&1
NO=$(z req2 request --yes --role root-shell --host web1 --for 60s --ticket INC-8 -m 'nobody may know why' 2>&1 | grep_id)
z lead1 deny --yes "$NO" -m 'say why' >/dev/null 2>&1
t_ok "it was asked for" [ -n "$ID" ] && [ -n "$NO" ]
t_ok "the log tells of it" settled '"decision": "deny"'

# --- ls ---
t_says "ls" "approval approve $ID" audit ls
t_says "the certificate" "certificate" audit ls --kind certificate
t_ok "--kind" [ "$(rows --kind certificate)" = 1 ]
t_ok "--outcome" [ "$(rows --kind statement --outcome refused)" = 0 ]
t_ok "--user" [ "$(rows --user req2 --kind statement)" = 2 ]
t_ok "--user with the full name" [ "$(rows --user people/req2 --kind statement)" = 2 ]
t_ok "--host" [ "$(rows --host web1)" = 2 ]
t_ok "--since, nothing yet" [ "$(rows --since +2h)" = 0 ]
t_ok "--until" [ "$(rows --until -2h)" = 0 ]
t_ok "--since" [ "$(rows --since -2h --kind directory)" = 6 ]
t_says "none and it says so" "No such leaves" audit ls --kind nothing
t_denies "for auditors alone" "may not" z req1 audit ls
t_denies "a kind of wrong usage" "-2h" audit ls --since yesterday

# --- show ---
t_says "show R-" "INC-7" audit show "$ID"
t_says "with its reason" "a reason of some length" audit show "$ID"
t_says "and who approved it" "people/lead1" audit show "$ID"
t_says "in another writing" "INC-7" audit show "${ID,,}"
t_says "show 0" "started" audit show 0
t_denies "a leaf that is none" "from 0" audit show 100000
t_denies "a request that is none" "no leaf is about" audit show R-0000000000
t_denies "no id at all" "number of a leaf" audit show web1

# --- verify, and what is remembered ---
t_says "verify" "is whole" audit verify
N=$(leaves)
t_ok "it is remembered" [ "$(cut -d' ' -f1 "$STATE/checkpoint")" -le "$N" ]
t_says "and continued" "this workstation remembered" audit verify
cp "$LOG/checkpoint" "$DIR/kept.note"

# --- export and follow ---
audit export >"$DIR/all.jsonl" 2>/dev/null
t_ok "export is JSON lines from 0 on" [ "$(head -n 1 "$DIR/all.jsonl" | cut -c1-14)" = '{"v":1,"n":0,"' ]
t_ok "every leaf" [ "$(wc -l <"$DIR/all.jsonl")" -ge "$N" ]
t_ok "--output" audit export --output "$DIR/some.jsonl" --kind certificate
t_ok "with filters" [ "$(wc -l <"$DIR/some.jsonl")" = 1 ]
t_denies "not over a file" "File exists" audit export --output "$DIR/some.jsonl"
t_denies "formats" "jsonl" audit export --format xml
# of a copy, which does not grow meanwhile
cp -r "$LOG" "$DIR/still"
for form in jsonl syslog cef csv; do
	audit export --dir "$DIR/still" --format "$form" >"$DIR/still.$form" 2>/dev/null
done
N=$(wc -l <"$DIR/still.jsonl")
t_ok "syslog: a line a leaf, with header, data and JSON" [ "$(grep -cE \
	'^<8[0-7]>1 [0-9TZ:-]{20} - ztjit-broker - [a-z]+ \[ztjit@32473 n="[0-9]+" .*\] \{"v":1,.*\}$' "$DIR/still.syslog")" = "$N" ]
t_ok "CEF: a line a leaf" [ "$(grep -cE '^CEF:0\|ztjit\|ztjit-broker\|[^|]+\|[a-z]+:[a-z]+\|[a-z]+ [a-z]+\|[0-9]+\|rt=[0-9]{13} externalId=' \
	"$DIR/still.cef")" = "$N" ]
t_ok "with filters" [ "$(audit export --dir "$DIR/still" --format cef --kind certificate 2>/dev/null | cut -d'|' -f5)" = certificate:issued ]
sqlite3 :memory: ".mode csv" ".import $DIR/still.csv t" \
	"SELECT count(*), max(n + 0) FROM t WHERE json_extract(leaf, '\$.kind') = kind AND json_extract(leaf, '\$.n') = n + 0" >"$DIR/sums" 2>&1
t_ok "CSV: as sqlite3 reads it" [ "$(tr -d '\r' <"$DIR/sums")" = "$N,$((N - 1))" ]
EXEC=1 audit follow >"$DIR/followed" 2>&1 &
FOLLOW=$!
wait_for has '"kind": "broker"'
sleep 1
ID2=$(z req2 request --yes --role root-shell --host web1 --for 61s --ticket INC-9 -m 'a reason to follow it' 2>&1 | grep_id)
t_ok "follow prints what comes" wait_for grep -qF "$ID2" "$DIR/followed"
t_ok "and nothing older" not grep -qF "$ID" "$DIR/followed"
kill "$FOLLOW" && wait "$FOLLOW" 2>/dev/null

# --- A03: nothing in it reaches a terminal ---
z req2 request --yes --role "$(printf 'x\033]0;OWNED\007')" --host web1 --for 60s -m 'ten characters' >/dev/null 2>&1
audit ls --all >"$DIR/shown" 2>&1
t_ok "A03 no control character is shown" not grep -q "$(printf '\033')" "$DIR/shown"

# --- A01: a copy, and what is done to it ---
audit verify >/dev/null 2>&1
rm -rf "$DIR/copy" && cp -r "$LOG" "$DIR/copy"
t_says "A01 verify from a copy" "is whole" audit verify --dir "$DIR/copy"
t_says "A01 ls from a copy" "$ID" audit ls --all --dir "$DIR/copy"
EDGE=000.p/$(sed -n 2p "$DIR/copy/checkpoint")
spoil() {
	rm -rf "$DIR/spoilt" && cp -r "$DIR/copy" "$DIR/spoilt"
	eval "$1"
}
# shellcheck disable=SC2034 # for what spoil runs
B=$DIR/spoilt/tile/entries/$EDGE T=$DIR/spoilt/tile/0/$EDGE
spoil 'sed -i "s/\"n\":9,/\"n\":8,/" "$B"'
t_denies "A01 one byte changed: named" "leaf 9: the leaf is not the one" audit verify --dir "$DIR/spoilt"
t_denies "A01 and nothing is listed" "not those that the checkpoint was signed for" audit ls --dir "$DIR/spoilt"
t_ok "A01 exit 1" [ "$T_STATUS" = 1 ]
spoil 'printf x | dd of="$T" bs=1 seek=$((3 * 32)) conv=notrunc 2>/dev/null'
t_denies "A01 a hash changed: named" "leaf 3" audit verify --dir "$DIR/spoilt"
spoil 'perl -0777 -pi -e "s/..\{\"v\":1,\"n\":5,.*?(?=..\{\"v\":1,\"n\":6,)//s" "$B"'
t_denies "A01 a leaf removed: named" "leaf 5:" audit verify --dir "$DIR/spoilt"
spoil 'rm "$T"; perl -0777 -pi -e "s/..\{\"v\":1,\"n\":5,.*?(?=..\{\"v\":1,\"n\":6,)//s" "$B"'
t_denies "A01 and without its tile" "leaf 5: here stands the leaf that was number 6" audit verify --dir "$DIR/spoilt"
spoil 'truncate -s -10 "$B"'
t_denies "A01 cut off" "leaf" audit verify --dir "$DIR/spoilt"
spoil 'rm "$B"'
t_denies "A01 a bundle missing" "missing" audit verify --dir "$DIR/spoilt"
spoil 'sed -i "2s/.*/5/" "$DIR/spoilt/checkpoint"'
t_denies "A01 a checkpoint changed" "checkpoint" audit verify --dir "$DIR/spoilt"
spoil 'rm "$DIR/spoilt/checkpoint"'
t_denies "A01 no checkpoint" "no checkpoint" audit verify --dir "$DIR/spoilt"
t_says "--json names it as well" '"error": "log-altered"' spoilt_json
t_says "with the log's key alone" "is whole" z req1 audit verify --dir "$DIR/copy" --log-key "$DIR/broker/log.pub" --domain example
t_denies "another key" "not signed by a log key" \
	z req1 audit verify --dir "$DIR/copy" --log-key "$DIR/broker/tls.pub" --domain example
t_denies "the log of another domain" "not signed by a log key" \
	z req1 audit verify --dir "$DIR/copy" --log-key "$DIR/broker/log.pub" --domain elsewhere
t_denies "a key without a domain" "wants --dir and --domain" z req1 audit verify --dir "$DIR/copy" --log-key "$DIR/broker/log.pub"
t_says "a checkpoint that somebody kept" "is whole" audit verify --checkpoint "$DIR/kept.note"
t_denies "a file that is none" "kept.note" audit verify --checkpoint "$DIR/nothing-kept.note"


# --- the logs of hosts inside it ---
lines() { "$top/tests/cli/makehost" lines "servers/$1" "$DIR/hosts/$1" "$URL" "${@:2}"; }
whole() { audit verify --json | grep -o '"breaks": .*'; }
t_ok "a host ships its log" eval 'HEAD=$(lines web1 1 3)'
t_ok "the log tells of it" settled '"action": "account"'
t_says "verify: the log of one host goes on" "3 lines of the logs of 1 hosts, each as it goes on" audit verify
t_says "--json" '"breaks": []' audit verify --json
# Offered once, it may be that the broker forgot what it held (G06): the host is told, and has nothing before line 6.
t_ok "A01 lines 4 and 5 never come" eval 'lines web1 6 2 "$HEAD" >/dev/null; HEAD=$(lines web1 6 2 "$HEAD")'
t_ok "A01 an alarm says so" settled 'lines 4 to 5 never came'
t_denies "A01 verify names the host" "servers/web1: lines 4 to 5 of its own log never came (leaf" audit verify
t_ok "A01 exit 1" [ "$T_STATUS" = 1 ]
t_ok "A01 and remembers the log, which is whole" [ "$(cut -d' ' -f1 "$STATE/checkpoint")" = "$(sed -n 2p "$LOG/checkpoint")" ]
audit verify >/dev/null 2>&1
rm -rf "$DIR/gap" && cp -r "$LOG" "$DIR/gap"
t_denies "A01 offline as well" "lines 4 to 5 of its own log never came" \
	z req1 audit verify --dir "$DIR/gap" --log-key "$DIR/broker/log.pub" --domain example
GAP=$(audit export --kind decision 2>/dev/null | sed -n '4s/^{"v":1,"n":\([0-9]*\),.*/\1/p')
t_says "--hosts-from: it is known" "lines 4 to 5 of its own log never came (leaf $GAP)" audit verify --hosts-from $((GAP + 1))
t_denies "--hosts-from: not yet" "leaf $GAP" audit verify --hosts-from "$GAP"
t_denies "--hosts-from: no number" "number of a leaf" audit verify --hosts-from x
t_ok "A01 another line 7" eval 'lines web1 7 1 >/dev/null'
t_ok "A01 an alarm says so as well" settled 'another history from line 7'
t_denies "A01 verify names the fork" "servers/web1: its own log tells another history from line 7 on" audit verify --hosts-from $((GAP + 1))
FORK=$(audit export --kind decision 2>/dev/null | sed -n '6s/^{"v":1,"n":\([0-9]*\),.*/\1/p')
t_ok "an agent that was installed again" eval 'MAKEHOST_TIME=2026-02-03T04:05:06Z lines web1 1 2 >/dev/null'
t_ok "A01 an alarm asks which" settled 'another history from line 1 on'
t_says "begins anew, which is said" "its own log begins anew" audit verify --hosts-from $((FORK + 1))
t_says "--json names all of them" "another history from line 7" eval 'audit verify --json --hosts-from $((FORK + 1))'

# --- what a host remembers, as ztjit-hostd status --json says it ---
audit verify --hosts-from $((FORK + 1)) >/dev/null 2>&1
cp "$STATE/checkpoint" "$DIR/host.checkpoint"
t_says "a checkpoint that a host remembers" "is whole" audit verify --hosts-from $((FORK + 1)) --checkpoint "$DIR/host.checkpoint"
sed 's/ .*/ 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/' "$DIR/host.checkpoint" >"$DIR/other.checkpoint"
t_denies "A01 a host that was shown another log" "not those that a checkpoint was signed for" \
	audit verify --hosts-from $((FORK + 1)) --checkpoint "$DIR/other.checkpoint"

# --- G06: the whole broker of yesterday ---
broker_stop
cp -r "$DIR/broker" "$DIR/yesterday"
broker_start
z req1 request --yes --role root-shell --host web1 --for 90s --ticket INC-1 -m 'this never happened' >/dev/null 2>&1
settled 'this never happened'
audit verify >/dev/null 2>&1
cp "$LOG/checkpoint" "$DIR/today.note"
broker_stop
mv "$DIR/broker" "$DIR/today" && mv "$DIR/yesterday" "$DIR/broker"
broker_start
t_denies "G06 a shorter log is caught by what was remembered" "an old state was put back" audit ls
for i in 1 2 3 4 5 6; do
	z req1 request --yes --role root-shell --host web1 --for "9${i}s" --ticket INC-1 -m 'another history' >/dev/null 2>&1
	z req1 cancel --yes "$(z req1 requests --mine 2>/dev/null | grep_id)" >/dev/null 2>&1
done
wait_for longer
t_denies "G06 one that has grown past it as well" "its history was changed" audit ls
cp -r "$LOG" "$DIR/bare" && rm -rf "$DIR/bare/tile/0"
t_denies "G06 without its tiles nobody can tell" "nobody can tell" audit ls --dir "$DIR/bare"
t_denies "G06 verify says among which leaves" "not those that a checkpoint was signed for" audit verify
rm "$STATE/checkpoint"
t_denies "G06 and by anybody's note" "not those that a checkpoint was signed for" audit verify --checkpoint "$DIR/today.note"
t_says "G06 who remembers nothing sees nothing" "is whole" audit verify --hosts-from $((FORK + 1))
t_done
