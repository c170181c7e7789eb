#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Proof files of a real broker's log: made by an auditor, checked by somebody who has nothing but the policy roots, with ztjit, and
# by the recipe for stock tools, literally and without ztjit in its PATH; and what somebody could do to such a file.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"
[ -x "$BROKER" ] || { t_skip proof "no broker was built"; t_done; }
fleet_up
SESSION=$top/tests/cli/makesession
ROOTS=$DIR/roots

audit() { z sec1 audit "$@"; }
has() { audit ls --all --json 2>/dev/null | grep -qF -- "$1"; }
grep_id() { grep -oE 'R-[0-9A-Z]{10}' | head -n 1; }
not() { ! "$@"; }
# Who only has the file and the roots.
outsider() { z outsider audit verify-proof --policy-roots "$ROOTS" "$@"; }
# The recipe as it is printed, where nothing is but what it says it needs.
recipe() { # FILE [ROOTS]
	rm -rf "$DIR/parts"
	env -i PATH="$DIR/stock" /bin/sh "$DIR/recipe.sh" "$1" "${2:-$ROOTS}" "$DIR/parts"
}
flip() { # FILE BYTE: one bit of it, in $DIR/flipped
	local byte
	byte=$(od -An -j "$2" -N 1 -tu1 "$1")
	{ head -c "$2" "$1" && printf "%b" "\\0$(printf %o $((byte ^ 1)))" && tail -c +$(($2 + 2)) "$1"; } >"$DIR/flipped"
}
byte_of() { # FILE TEXT: where that is
	LC_ALL=C grep -aboF -m 1 -- "$2" "$1" | head -n 1 | cut -d: -f1
}

# --- what happened ---
ID=$(z req1 request --yes --role root-shell --host web1 --for 120s --ticket INC-7 -m 'a "quoted" reason of it' 2>&1 | grep_id)
z lead1 approve --yes "$ID" >/dev/null 2>&1
z sec1 approve --yes --for 90s -m 'shorter is enough' "$ID" >/dev/null 2>&1
z req1 cert root@web1 >/dev/null 2>&1
FULL=$(z sec1 show --json "$ID" 2>/dev/null | sed -n 's/.*"id": "\([0-9a-f]\{64\}\)".*/\1/p' | head -n 1)
S=$("$SESSION" host "$URL" "$DIR/hosts/web1" servers/web1 <<-EOT | tail -n 1
	grant $FULL
	start people/req1 tty
	say 1000 o what was done
	chunk
	head open
	last
	head closed
EOT
)
OPEN=$("$SESSION" host "$URL" "$DIR/hosts/web1" servers/web1 <<-EOT | tail -n 1
	grant $FULL
	start people/req1 tty
	say 1000 o it goes on
	chunk
	head open
EOT
)
NO=$(z req2 request --yes --role root-shell --host web1 --for 60s --ticket INC-8 -m 'nobody may know why' 2>&1 | grep_id)
z lead1 deny --yes "$NO" -m 'say why' >/dev/null 2>&1
MORE=$(z req1 extend --yes --for 30s -m 'it takes longer than that' "$ID" 2>&1 | grep -oE 'R-[0-9A-Z]{10}' | grep -v "$ID" | head -n 1)
z lead1 approve --yes "$MORE" >/dev/null 2>&1
z sec1 approve --yes "$MORE" >/dev/null 2>&1
z sec1 revoke --yes -m 'that is enough of it' "$MORE" >/dev/null 2>&1
t_ok "it was asked for, denied and extended" [ -n "$ID" ] && [ -n "$FULL" ] && [ -n "$S" ] && [ -n "$OPEN" ] && [ -n "$NO" ] && [ -n "$MORE" ]
# Since then somebody has left, and the policy is another: a proof is of what was.
z admin1 user remove --yes lead1 >/dev/null 2>&1
VERSION=2 MAX=4m policy_text >"$DIR/policy2.conf"
z admin1 policy sign --yes "$DIR/policy2.conf" >/dev/null 2>&1 && z admin1 policy push --yes "$DIR/policy2.conf" >/dev/null 2>&1
t_ok "the log tells of it" wait_for has '"version": 2'

# --- making ---
cp "$DIR/sec1/.config/ztjit/policy_roots" "$ROOTS"
t_denies "for auditors alone" "may not" z req1 audit proof "$ID"
t_denies "a request that is none" "no such thing" audit proof R-0000000000
t_denies "no request at all" "R-… or --recipe" audit proof
t_ok "a proof is written" audit proof -o "$DIR/a.proof" "$ID"
t_denies "not over a file" "File exists" audit proof -o "$DIR/a.proof" "$ID"
# The refusals above are leaves, too, of a checkpoint that may come between.
printed_the_same() {
	rm -f "$DIR/a.proof"
	audit proof -o "$DIR/a.proof" "$ID" >/dev/null 2>&1
	audit proof "$ID" >"$DIR/b.proof" 2>/dev/null
	cmp "$DIR/a.proof" "$DIR/b.proof"
}
t_ok "or printed, the same" wait_for printed_the_same
audit proof -o "$DIR/no.proof" "$NO" >/dev/null 2>&1
audit proof -o "$DIR/more.proof" "$MORE" >/dev/null 2>&1
audit proof --recipe >"$DIR/recipe.sh"

# --- checking, with nobody to ask ---
broker_stop
person_new outsider
ASKED='people/req1 asked for root-shell on servers/web1 for 120 s, ticket INC-7, because: a "quoted" reason of it (key SHA256:'
t_says "it is proved who asked, and why" "$ASKED" outsider "$DIR/a.proof"
t_says "who approved, though they left since" "people/lead1 approved it (key SHA256:" outsider "$DIR/a.proof"
t_says "and for how long" "people/sec1 approved it for at most 90 s: shorter is enough" outsider "$DIR/a.proof"
t_says "which certificate was issued" "a certificate was issued to people/req1: serial" outsider "$DIR/a.proof"
t_says "that it was due by the policy of then" "the certificate was due: rule prod-root, role root-shell; approved by people/" outsider "$DIR/a.proof"
t_says "which session ran" "session $S of people/req1 as root on servers/web1 began" outsider "$DIR/a.proof"
t_says "the digest of its record, by the host's key" "servers/web1 signed the record that the broker files as session $S (whole): 2 chunks" outsider "$DIR/a.proof"
t_says "and what is not proved" "Not proved by it" outsider "$DIR/a.proof"
t_says "one that goes on" "servers/web1 signed the record that the broker files as session $OPEN (so far): 1 chunks" outsider "$DIR/a.proof"
t_ok "earlier heads are not in it" [ "$(grep -c '"kind":"session","outcome":"head"' "$DIR/a.proof")" = 1 ]
t_says "--json" '"granted": true' outsider --json "$DIR/a.proof"
t_says "a workstation's own pins will do" "Proved of $ID" z req2 audit verify-proof "$DIR/a.proof"
t_denies "without roots nothing is proved" "does not know the policy roots" z outsider audit verify-proof "$DIR/a.proof"
t_says "a denial" "people/lead1 denied it: say why" outsider "$DIR/no.proof"
t_says "no certificate, and it says none" '"certified": false' outsider --json "$DIR/no.proof"
t_says "an extension, with what it extends" "120 s, ticket INC-7" outsider "$DIR/more.proof"
t_says "and its end" "people/sec1 revoked it: that is enough of it" outsider "$DIR/more.proof"

# --- the recipe, in a PATH without ztjit ---
mkdir "$DIR/stock"
for tool in ssh-keygen openssl mkdir cat head tail wc od tr cut sort base64 sha256sum; do
	ln -s "$(command -v "$tool")" "$DIR/stock/$tool"
done
t_ok "there is no ztjit there" not env -i PATH="$DIR/stock" /bin/sh -c 'command -v ztjit || command -v ztjit-broker'
t_says "the recipe proves it" "PROVED" recipe "$DIR/a.proof"
t_says "person by person" "approval approve of people/lead1" recipe "$DIR/a.proof"
t_says "and the session" "session $S on servers/web1: closed" recipe "$DIR/a.proof"
for what in no more; do t_says "the recipe proves $what" "PROVED" recipe "$DIR/$what.proof"; done
t_ok "it is the script in doc" cmp "$DIR/recipe.sh" "${ZTJ_SRCDIR:-$here/../..}/doc/verify-proof.sh"
recipe "$DIR/a.proof" >/dev/null 2>&1
t_ok "the parts are as people read them" grep -qF 'a \"quoted\" reason of it' "$DIR"/parts/*.statement

# --- other roots ---
sed 's/^threshold 1/threshold 2/; s/^root .*/&\n&/' "$ROOTS" >"$DIR/two"
sed "s#^root .*#root $(cut -d' ' -f1,2 "$DIR/req2/.ssh/id_ztjit.pub")#" "$ROOTS" >"$DIR/others"
t_denies "other roots" "too few of the pinned roots" z outsider audit verify-proof --policy-roots "$DIR/others" "$DIR/a.proof"
t_denies "other roots, by the recipe" "too few roots" recipe "$DIR/a.proof" "$DIR/others"
t_denies "roots that are none" "two:" z outsider audit verify-proof --policy-roots "$DIR/two" "$DIR/a.proof"
t_denies "a root that stands twice has one voice in the recipe too" "too few roots" recipe "$DIR/a.proof" "$DIR/two"
sed 's/^domain .*/domain elsewhere/' "$ROOTS" >"$DIR/elsewhere"
t_denies "another domain" "other domain" z outsider audit verify-proof --policy-roots "$DIR/elsewhere" "$DIR/a.proof"
t_denies "another domain, by the recipe" "another log" recipe "$DIR/a.proof" "$DIR/elsewhere"

# --- a byte of it (tests/core/test_proof has every bit) ---
SIZE=$(wc -c <"$DIR/a.proof")
passed=
for ((i = 7; i < SIZE; i += SIZE / 40)); do
	flip "$DIR/a.proof" "$i"
	! outsider "$DIR/flipped" >/dev/null 2>&1 || passed="$passed $i"
done
t_ok "a byte here and there" [ -z "$passed" ]
for text in '"role":"root-shell"' 'quoted' '"decision":"approve"' 'example/ztjit' '"name":"sec1"' 'max = "5m"' '"outcome":"closed"' \
	'"digest":"' 'U1NIU0lH' 'index '; do
	flip "$DIR/a.proof" $(($(byte_of "$DIR/a.proof" "$text") + 9))
	t_no "a byte at $text" outsider "$DIR/flipped"
	t_denies "a byte at $text, by the recipe" "REFUSED" recipe "$DIR/flipped"
done
head -c $((SIZE - 30)) "$DIR/a.proof" >"$DIR/cut"
t_denies "cut off" "ends too early" outsider "$DIR/cut"
t_denies "cut off, by the recipe" "REFUSED" recipe "$DIR/cut"
{ cat "$DIR/a.proof" && echo; } >"$DIR/long"
t_denies "something behind its end" "left over" outsider "$DIR/long"
t_denies "something behind its end, by the recipe" "REFUSED" recipe "$DIR/long"
sed '0,/^== end/s//== ..\/escaped 1\nx\n== end/' "$DIR/a.proof" >"$DIR/escape"
t_denies "a part of another name" "malformed" outsider "$DIR/escape"
t_denies "a part of another name, by the recipe" "REFUSED" recipe "$DIR/escape"
t_no "which writes nowhere else" [ -e "$DIR/escaped" ]
sed "2s/.*/$(sed -n 2p "$DIR/no.proof")/" "$DIR/a.proof" >"$DIR/mixed"
t_denies "called a proof of another request" "is not in it" outsider "$DIR/mixed"
t_denies "called a proof of another request, by the recipe" "REFUSED" recipe "$DIR/mixed"
sed "2s/.*/$(sed -n 2p "$DIR/a.proof")/" "$DIR/more.proof" >"$DIR/mixed"
t_denies "with what was said of a later request" "it is about another request" outsider "$DIR/mixed"
t_denies "with what was said of a later request, by the recipe" "a request in it that it does not follow" recipe "$DIR/mixed"
t_denies "no proof at all" "no proof file" outsider "$ROOTS"

# --- another log of the same length than the one that is remembered here ---
STATE=$DIR/sec1/.local/state/ztjit/checkpoint
sed -n 's/^\([0-9]*\) .*/\1/p' "$STATE" >"$DIR/n"
t_says "it fits what is remembered" "Proved" audit verify-proof "$DIR/more.proof"
printf '%s %064d\n' "$(cat "$DIR/n")" 7 >"$STATE"
t_denies "another log of that length" "another one than the log" audit verify-proof "$DIR/more.proof"
t_done
