#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# What a registrar learns of where a key was made, and can demand: user approve
# --attested. Each person's software key has a maker of its own.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"
[ -x "$BROKER" ] || { t_skip attest "no broker was built"; t_done; }
fleet_up

maker() { echo "$DIR/$1/keys/attestation-root.pem"; }
# enrols NAME, whose key has these settings
join() {
	local who=$1
	shift
	person_new "$who"
	softkey "$who" set key "$@"
	z "$who" init --broker "$URL" --pin "$PIN" >>"$DIR/up.log" 2>&1
	z "$who" enroll "$who" >>"$DIR/up.log" 2>&1
}
approve() { z admin1 user approve --yes --group sre "$@"; }

# --- a maker's attestation ---
join new1 attest=basic
join new2 attest=basic
MODEL=7a746a69-742d-7465-7374-2d6b65792d31
cp "$(maker new1)" "$DIR/makers.pem"
t_denies "a key of a maker that is not listed" "maker of the key is none of those" approve --attested "$(maker new2)" new1
t_denies "nor is one admitted along with it" "maker of the key is none of those" approve --attested "$DIR/makers.pem" new1 new2
t_no "nobody was admitted by that" z new1 login
t_says "a key of a listed maker, and its model" "by its maker, model $MODEL, maker accepted" \
	approve --attested "$DIR/makers.pem" new1
t_ok "who is let in" z new1 login
cat "$(maker lead1)" "$(maker new2)" >"$DIR/makers.pem"
t_says "one of several makers" "maker accepted" approve --attested "$DIR/makers.pem" new2

# --- less than that ---
join self1 attest=self
t_denies "a key that vouches for itself" "no attestation by its maker" approve --attested "$(maker self1)" self1
t_says "which is said, and enough where nobody asks for more" "by the key itself; names no model" approve self1
join none1 attest=none
t_denies "a key that says nothing" "no attestation by its maker" approve --attested "$(maker none1)" none1
t_says "which is said as well" "attestation: none" approve none1
join old1 attest=basic
approve old1 >/dev/null 2>&1
z old1 enroll old1 >/dev/null 2>&1
t_denies "a key that was there already proves nothing about this enrolment" "no attestation by its maker" \
	approve --attested "$(maker old1)" old1

# --- the file ---
join new3 attest=basic
echo "no certificate" >"$DIR/empty.pem"
t_denies "F02 a file without a certificate" "no PEM certificate" approve --attested "$DIR/empty.pem" new3
t_denies "F02 a file that is not there" "no such thing" approve --attested "$DIR/missing.pem" new3
cp "$(maker new3)" "$DIR/open.pem"
chmod 666 "$DIR/open.pem"
t_denies "F01 a file that others may write" "not writable by others" approve --attested "$DIR/open.pem" new3
t_says "without --attested the maker is not checked, and that is said" "maker not checked, see --attested" approve new3

# --- by hand, as ssh-keygen makes it ---
# The SHA-256 of these words as SSH strings, in binary.
digest_of() {
	perl -e 'print pack "(N/a*)*", @ARGV' "$@" | sha256sum | cut -c1-64 | perl -ne 'chomp; print pack "H*", $_'
}
NONCE=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
# by_hand WHO NAME NONCE: a key of WHO, made for NAME and NONCE, asks as WHO
by_hand() {
	local dir=$DIR/$1
	digest_of ztjit-enrol example "$2" "$3" >"$dir/challenge"
	rm -f "$dir"/id_hand*
	w "$1" env SSH_SK_PROVIDER="$SOFTKEY/.libs/libsoftkey-sk.so" ssh-keygen -q -N '' -t ed25519-sk \
		-O "challenge=$dir/challenge" -O "write-attestation=$dir/attestation" -f "$dir/id_hand" </dev/null || return 1
	printf '{"v":1,"type":"pending","domain":"example","issued":"%s","kind":"user","name":"%s","keys":[{"key":"%s","attestation":"%s"}],"nonce":"%s"}' \
		"$(date -u +%FT%TZ)" "$1" "$(cut -d' ' -f1,2 "$dir/id_hand.pub")" "$(base64 -w 0 "$dir/attestation")" "$NONCE" >"$dir/pending"
	rm -f "$dir/pending.sig"
	w "$1" env SSH_SK_PROVIDER="$SOFTKEY/.libs/libsoftkey-sk.so" \
		ssh-keygen -q -Y sign -f "$dir/id_hand" -n pending@ztjit "$dir/pending" </dev/null || return 1
	"$top/tests/cli/makehost" post "$URL" /v1/pending "$dir/pending" "$dir/pending.sig"
}
person_new hand1
t_ok "interop: an enrolment made with ssh-keygen" by_hand hand1 hand1 "$NONCE"
t_says "interop: its attestation is understood" "maker accepted" approve --attested "$(maker hand1)" hand1
person_new hand2
t_ok "S18 a key that was made for another name" by_hand hand2 hand1 "$NONCE"
t_denies "S18 is not what it says, even where nobody asks" "does not prove" approve hand2
person_new hand3
t_ok "S02 a key that was made for another enrolment" by_hand hand3 hand3 "${NONCE//[0-9]/a}"
t_denies "S02 is refused" "does not prove" approve --attested "$(maker hand3)" hand3
t_done
