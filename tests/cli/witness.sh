#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Witnesses of the audit log, as an auditor demands them: by the policy, by name with nothing but keys, and by the copy of a
# checkpoint that a witness keeps.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"
[ -x "$BROKER" ] || { t_skip witness "no broker was built"; t_done; }
WITNESS=$top/tests/broker/witness
fleet_up
LOG=$DIR/broker/store/log
STATE=$DIR/sec1/.local/state/ztjit
audit() { z sec1 audit "$@"; }
not() { ! "$@"; }
member() { audit verify --json 2>/dev/null | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p"; }
leaves() { member leaves; }
cosigned() { member cosigned; }
size() { sed -n 2p "$1"; }
something() { z req1 request --yes --role root-shell --host web1 --for "$1" --ticket INC-7 -m "$2, for some reason" >/dev/null 2>&1; }

# --- the log's key, as a witness is given it ---
"$BROKER" check -c "$DIR/broker/broker.conf" >"$DIR/check" 2>&1
LOGKEY=$(sed -n 's/.*by the key //p' "$DIR/check")
t_ok "check says the log's key" [ "${LOGKEY%%+*}" = example/ztjit ]
declare -A PID=() PORT_OF=() KEY=()
witness_up() { # NAME [PORT]
	rm -f "$DIR/witness-$1.out" # of the one before
	"$WITNESS" "$DIR/witness-$1" "w.example/$1" "$LOGKEY" "${2:-0}" >"$DIR/witness-$1.out" 2>&1 &
	PID[$1]=$!
	wait_for [ -s "$DIR/witness-$1.out" ]
	read -r "PORT_OF[$1]" "KEY[$1]" <"$DIR/witness-$1.out"
}
witness_down() { kill "${PID[$1]}" && wait "${PID[$1]}" 2>/dev/null; }
trap 'witness_down a 2>/dev/null; witness_down b 2>/dev/null; fleet_down' EXIT
witness_up a
witness_up b

# --- the policy demands both ---
demand() { # VERSION QUORUM MORE
	VERSION=$1 policy_text | sed "s#^broker *= *{#&\n  witnesses = ( { key = \"${KEY[a]}\"; url = \"http://127.0.0.1:${PORT_OF[a]}\"; },\n    { key = \"${KEY[b]}\"; url = \"http://127.0.0.1:${PORT_OF[b]}\"; } );\n  witness_quorum = $2; $3#" >"$DIR/policy$1.conf"
	z admin1 policy sign --yes "$DIR/policy$1.conf" >/dev/null 2>&1 && z admin1 policy push --yes "$DIR/policy$1.conf" >/dev/null 2>&1
}
t_ok "the policy is taken" demand 2 2 ""
t_says "nobody may ask them yet, and check says so" "ask_witnesses" "$BROKER" check -c "$DIR/broker/broker.conf"
t_denies "verify: not cosigned, and by whom not" "0 of 2 witnesses that are demanded have cosigned the checkpoint of the audit log; missing: w.example/a, w.example/b" \
	audit verify
t_ok "exit 1" [ "$T_STATUS" = 1 ]
t_denies "ls demands it as well" "missing: w.example/a, w.example/b" audit ls
t_denies "show too" "missing:" audit show 0
t_denies "export too" "missing:" audit export
t_says "an auditor may look all the same" "started" audit ls --all --uncosigned
t_says "and is told what that is worth" "was not looked at" audit verify --uncosigned
broker_stop
printf 'ask_witnesses = true;\nstatus_interval = "1s";\n' >>"$DIR/broker/broker.conf"
broker_start
t_ok "they are asked" wait_for audit verify
t_says "verify" "The witnesses that are demanded have cosigned the first" audit verify
t_ok "leaves and cosigned ones in --json" [ "$(cosigned)" -gt 0 ]
t_says "ls" "stopped" audit ls --all
t_ok "a checkpoint is remembered that was shown" [ "$(cut -d' ' -f1 "$STATE/checkpoint")" -le "$(size "$LOG/checkpoint")" ]

# --- one goes away: what was cosigned stands, and nothing later is shown ---
witness_down b
something 100s "while b is away"
ahead() { [ "$(size "$LOG/newest")" -gt "$(size "$LOG/checkpoint")" ]; }
t_ok "the log goes on" wait_for ahead
t_ok "verify reads what is not cosigned yet, too" [ "$(leaves)" -gt "$(cosigned)" ]
t_ok "ls shows what was cosigned" not grep -q "while b is away" <(audit ls --all --json)
t_says "--uncosigned shows the rest" "while b is away" audit ls --all --json --uncosigned
t_ok "which is not remembered" [ "$(cut -d' ' -f1 "$STATE/checkpoint")" -le "$(size "$LOG/checkpoint")" ]
t_says "and the next look is none at a shorter log" "is whole" audit verify
witness_up b "${PORT_OF[b]}"
shows() { audit ls --all --json | grep -q "$1"; }
t_ok "it comes back" wait_for shows "while b is away"

# --- a proof is worth no more than the log that it was made from ---
ID=$(z req1 request --yes --role root-shell --host web1 --for 60s --ticket INC-7 -m "to be proved later" 2>&1 | grep -oE 'R-[0-9A-Z]{10}' | head -n 1)
t_ok "it is cosigned" wait_for shows "to be proved later"
audit proof -o "$DIR/proof" "$ID" >/dev/null 2>&1
t_says "a proof with the witnesses that the policy demands" "2 witnesses of the policy cosigned" audit verify-proof "$DIR/proof"
# The broker alone: without the lines of a witness, the parts as long as they are then.
without() { # NAME FILE
	LC_ALL=C awk -v name="$1" '
		function flush() { if (part != "") { printf "== %s %d\n%s\n", part, length(body), body; part = "" } }
		/^== / { if (part != "") { sub(/\n$/, "", body); flush() } }
		/^== [0-9]+\.tlog-proof / { part = $2; body = ""; next }
		part != "" { if ($2 != name) body = body $0 "\n"; next }
		{ print }' "$2"
}
without w.example/none "$DIR/proof" >"$DIR/same"
t_ok "with all lines it is the same" cmp "$DIR/proof" "$DIR/same"
without w.example/b "$DIR/proof" >"$DIR/alone"
t_denies "a proof of the broker and one witness" "cosigned by 1 of 2 witnesses of policy version 2" audit verify-proof "$DIR/alone"

# --- from a copy, with nothing but keys ---
rm -rf "$DIR/copy" && cp -r "$LOG" "$DIR/copy"
bare() { z req1 audit verify --dir "$DIR/copy" --log-key "$DIR/broker/log.pub" --domain example "$@"; }
t_says "--witness" "have cosigned the first" bare --witness "${KEY[a]}" --witness "${KEY[b]}"
t_says "without, nothing is demanded" "is whole" bare
sed -i '/w.example\/b/d' "$DIR/copy/checkpoint"
t_denies "a line taken away: named" "1 of 2 witnesses that are demanded have cosigned the checkpoint of the audit log; missing: w.example/b" \
	bare --witness "${KEY[a]}" --witness "${KEY[b]}"
t_denies "the policy demands it of a copy as well" "missing: w.example/b" audit verify --dir "$DIR/copy"
t_says "one is enough for who asks for one" "have cosigned" bare --witness "${KEY[a]}"
sed -i "2s/.*/3/" "$DIR/copy/checkpoint"
t_denies "A01 another size" "checkpoint" bare --witness "${KEY[a]}"
t_denies "no key" "--witness wants NAME+ID+KEY" bare --witness w.example/a
t_denies "the log's key is no witness'" "--witness wants" bare --witness "$LOGKEY"
t_denies "twice the same" "one key twice" bare --witness "${KEY[a]}" --witness "${KEY[a]}"
t_denies "two that contradict each other" "opposite" bare --witness "${KEY[a]}" --uncosigned

# --- what a witness remembers, with and without the log's own line ---
curl -sf "http://127.0.0.1:${PORT_OF[a]}/$(printf example/ztjit | sha256sum | cut -c1-64)/checkpoint" >"$DIR/of-a.note"
t_ok "the witness shows it" grep -q '^— w.example/a ' "$DIR/of-a.note"
t_says "--checkpoint of a witness" "is whole" audit verify --checkpoint "$DIR/of-a.note"
sed '/^— example\/ztjit /d' "$DIR/of-a.note" >"$DIR/of-a-alone.note"
t_says "its word is enough" "is whole" audit verify --checkpoint "$DIR/of-a-alone.note"
sed '2s/.*/7/' "$DIR/of-a-alone.note" >"$DIR/false.note"
t_denies "A01 nothing is believed that it did not sign" "not signed by a log key" audit verify --checkpoint "$DIR/false.note"
t_denies "a witness that nobody knows" "not signed by a log key" \
	z req1 audit verify --dir "$LOG" --log-key "$DIR/broker/log.pub" --domain example --checkpoint "$DIR/of-a-alone.note"

# --- too long ago ---
witness_down a
witness_down b
t_ok "a policy that wants it fresh" demand 3 2 'witness_max_age = \"1m\";'
sleep 61
t_denies "verify: too long ago, and who is silent" "longer ago than 1m" audit verify
t_says "--uncosigned" "is whole" audit verify --uncosigned

# --- G06: the whole broker of yesterday, and nobody here who remembers: the witnesses do ---
witness_up a "${PORT_OF[a]}"
witness_up b "${PORT_OF[b]}"
t_ok "both are back" wait_for audit verify
broker_stop
cp -r "$DIR/broker" "$DIR/yesterday"
broker_start
something 101s "of today"
t_ok "today is cosigned" wait_for shows "of today"
broker_stop
rm -rf "$DIR/broker" && mv "$DIR/yesterday" "$DIR/broker" && rm -f "$STATE/checkpoint"
broker_start
something 102s "never again"
grown() { [ "$(size "$LOG/newest")" -gt "$(cut -d' ' -f1 "$DIR/witness-a/checkpoint")" ]; }
i=0
until grown || [ $((i += 1)) -gt 60 ]; do something "2${i}s" "another history"; done
t_ok "G06 another history has grown past it" grown
t_ok "G06 no witness cosigns it" not shows "never again"
t_ok "G06 the broker says so itself" wait_for grep -q "does not find that this audit log continues" "$DIR/broker.log"
curl -sf "http://127.0.0.1:${PORT_OF[a]}/$(printf example/ztjit | sha256sum | cut -c1-64)/checkpoint" >"$DIR/of-a.note"
t_denies "G06 a witness' copy tells of the fork" "not those that a checkpoint was signed for" audit verify --checkpoint "$DIR/of-a.note"
t_done
