#!/bin/sh
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The software authenticator as an OpenSSH middleware: what ssh-keygen, ssh-add
# and ssh-agent of the system make of it. Runs in the build directory, without root.
set -eu

top=$(pwd)
softkey=$top/tests/softkey/softkey
sk=$top/tests/softkey/.libs/libsoftkey-sk.so
dir=$(mktemp -d)
agent=
cleanup() {
	[ -z "$agent" ] || kill "$agent" 2>/dev/null || :
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
export ZTJ_SOFTKEY_DIR="$dir/keys" SSH_SK_PROVIDER="$sk" SSH_ASKPASS="$dir/askpass" SSH_ASKPASS_REQUIRE=force
unset SSH_AUTH_SOCK DISPLAY || :
printf '#!/bin/sh\ncat "%s/pin"\n' "$dir" >askpass
chmod 700 askpass
echo 0000 >pin
echo "some statement" >msg

n=0
ok() {
	n=$((n + 1))
	echo "ok $n - $1"
}
die() {
	echo "not ok - $1"
	exit 1
}
refused() { # command that must fail
	if "$@" >out 2>&1; then
		cat out
		die "should have failed: $*"
	fi
}
keygen() { ssh-keygen -q -N '' "$@" </dev/null; }
sign() { rm -f msg.sig; ssh-keygen -q -Y sign -n test@ztjit -f "$1" msg </dev/null; }
verify() {
	printf 'req1 %s\n' "$(cat "$1.pub")" >allowed
	ssh-keygen -q -Y verify -f allowed -I req1 -n test@ztjit -s msg.sig <msg >/dev/null
}
touches() { "$softkey" touches; }

"$softkey" create one
keygen -t ed25519-sk -w "$sk" -f ed -O challenge=msg -O write-attestation=ed.att
keygen -t ecdsa-sk -f ec
[ "$(touches)" = 2 ] || die "two keys want two touches"
ok "ssh-keygen makes both types of keys, with a touch each"
grep -q ssh-sk-attest-v01 ed.att || die "no attestation"
ok "ssh-keygen writes the attestation"

for k in ed ec; do
	sign $k
	verify $k
done
[ "$(touches)" = 4 ] || die "a signature wants a touch"
ok "ssh-keygen -Y sign and verify"

echo changed >>msg
refused verify ec
ok "another message does not verify"

agent=$(ssh-agent -P "$top/tests/softkey/*" -a "$dir/agent" | sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p')
export SSH_AUTH_SOCK="$dir/agent"
ssh-add -q ed ec
[ "$(ssh-add -l | wc -l)" = 2 ] || die "the agent should list two keys"
mv ed ed.private
mv ec ec.private
for k in ed ec; do
	sign $k.pub
	verify $k
done
[ "$(touches)" = 6 ] || die "a signature by the agent wants a touch"
ok "ssh-agent signs with both"
mv ed.private ed
mv ec.private ec
unset SSH_AUTH_SOCK

"$softkey" set one touch=deny
refused sign ed
"$softkey" set one touch=timeout touch-ms=200
refused sign ed
"$softkey" set one touch=auto
"$softkey" unplug one
refused sign ed
"$softkey" plug one
[ "$(touches)" = 6 ] || die "a refusal is no touch"
sign ed
ok "refused, late and unplugged keys sign nothing; plugged again it does"

"$softkey" set one touch=ask touch-ms=10000
sign ed &
i=0
while ! "$softkey" touch one || [ "$(touches)" = 7 ]; do
	i=$((i + 1))
	[ $i -lt 100 ] || die "the touch was not seen"
	sleep 0.1
done
wait $!
verify ed
"$softkey" set one touch=auto
ok "a touch by hand is waited for"

"$softkey" create two
refused keygen -t ed25519-sk -f none
sign ed
verify ed
ok "with two plugged in, enrolment is refused and the owner of a key signs"
"$softkey" only one

"$softkey" set one pin=123456
refused keygen -t ed25519-sk -O verify-required -f uv
[ ! -e uv ] || die "a key without the PIN"
"$softkey" plug one
printf 123456 >pin
keygen -t ed25519-sk -O verify-required -f uv
sign uv
verify uv
ok "verify-required: the PIN comes through SSH_ASKPASS, a wrong one makes no key"

echo 654321 >pin
"$softkey" set one pin=123456
for i in 1 2 3; do
	refused sign uv
done
printf 123456 >pin
refused sign uv
ok "three wrong PINs in a row: blocked until it is plugged in again"
"$softkey" unplug one
"$softkey" plug one
sign uv
ok "and then the PIN works"
"$softkey" set one pin-retries=0
refused sign uv
ok "without attempts left the PIN stays blocked"

"$softkey" set one pin=123456 uv=ok
keygen -t ed25519-sk -O resident -O application=ssh:res -f res
mkdir k
(cd k && ssh-keygen -q -K -N '' </dev/null >/dev/null)
cmp -s res.pub k/id_ed25519_sk_rk_res.pub || awk '{print $2}' res.pub k/*.pub | uniq | wc -l | grep -qx 1 || die "not the same resident key"
ok "a resident key comes back from the authenticator"
"$softkey" rm two
echo "1..$n"
