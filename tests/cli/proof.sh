#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Proof files of a real broker's log: made by an auditor, checked by somebody who has nothing but the policy roots, with ztjit and
# by the recipe for stock tools, literally and without ztjit in its PATH; and everything that somebody could do to one.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"
[ -x "$BROKER" ] || { t_skip proof "no broker was built"; t_done; }
fleet_up

audit() { z sec1 audit "$@"; }
has() { audit ls --all --json 2>/dev/null | grep -qF -- "$1"; }
grep_id() { grep -oE 'R-[0-9A-Z]{10}' | head -n 1; }

# --- what happened: one request approved twice and used, another approved too ---
ID=$(z req1 request --yes --role root-shell --host web1 --for 120s --ticket INC-7 -m 'a reason of some length' 2>&1 | grep_id)
z lead1 approve --yes "$ID" >/dev/null 2>&1
z sec1 approve --yes --for 90s "$ID" >/dev/null 2>&1
z req1 cert root@web1 >/dev/null 2>&1
OTHER=$(z req2 request --yes --role root-shell --host web1 --for 60s --ticket INC-8 -m 'another reason of it' 2>&1 | grep_id)
z lead1 approve --yes "$OTHER" >/dev/null 2>&1
t_ok "the log tells of it" wait_for has "another reason of it"
wait_for has '"kind": "certificate"'
sleep 1.2

t_denies "for auditors alone" "may not" z req1 audit proof "$ID"
t_ok "a proof is written" audit proof "$ID" -o "$DIR/a.proof"
cat "$DIR/a.proof" | head -c 3000
audit verify-proof "$DIR/a.proof"
audit proof --recipe > "$DIR/recipe"
sh "$DIR/recipe" "$DIR/a.proof" "$DIR/sec1/.config/ztjit/policy_roots" "$DIR/x"
ls -la "$DIR/x" "$DIR/a.proof"
cp "$DIR/a.proof" "$DIR/sec1/.config/ztjit/policy_roots" /tmp/x/ 2>/dev/null
t_done
