#!/bin/sh
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The software authenticator as a CTAP2 device: OpenSSH's built-in support for
# security keys, which knows nothing of it, talks to it through libfido2.
set -eu

top=$(pwd)
softkey=$top/tests/softkey/softkey
shim=$top/tests/softkey/.libs/libsoftkey-fido.so
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
export ZTJ_SOFTKEY_DIR="$dir/keys" SSH_ASKPASS="$dir/askpass" SSH_ASKPASS_REQUIRE=force
unset SSH_AUTH_SOCK SSH_SK_PROVIDER DISPLAY || :
printf '#!/bin/sh\ncat "%s/pin"\n' "$dir" >askpass
chmod 700 askpass
printf 123456 >pin
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
keygen() { LD_PRELOAD=$shim ssh-keygen -q -N '' "$@" </dev/null; }
sign() { rm -f msg.sig; LD_PRELOAD=$shim ssh-keygen -q -Y sign -n test@ztjit -f "$1" msg </dev/null; }
verify() {
	printf 'req1 %s\n' "$(cat "$1.pub")" >allowed
	ssh-keygen -q -Y verify -f allowed -I req1 -n test@ztjit -s msg.sig <msg >/dev/null
}
refused() {
	if "$@" >out 2>&1; then
		cat out
		die "should have failed: $*"
	fi
}

refused keygen -t ed25519-sk -f none
ok "nothing plugged in, nothing found"

"$softkey" create one
for t in ed25519 ecdsa; do
	keygen -t $t-sk -f $t
	sign $t
	verify $t
done
[ "$("$softkey" touches)" = 4 ] || die "two keys and two signatures want four touches"
ok "both types of keys are made and sign"

for attest in self basic; do
	"$softkey" set one attest=$attest
	keygen -t ed25519-sk -f a-$attest
done
ok "its attestations pass libfido2, with and without a certificate"

i=0
for model in "ctap=2.1 protocol=12" "ctap=2.1 protocol=1" "ctap=2.0 protocol=2" "ctap=2.0 protocol=1"; do
	i=$((i + 1))
	# shellcheck disable=SC2086 # two settings
	"$softkey" set one pin=123456 $model
	keygen -t ecdsa-sk -O verify-required -f uv$i
	sign uv$i
	verify uv$i
done
echo 000000 >pin
refused sign uv1
printf 123456 >pin
sign uv1
ok "the PIN works by both protocols, with tokens of CTAP 2.0 and 2.1; a wrong one does not"

"$softkey" set one touch=deny pin=none
refused sign ed25519
"$softkey" set one touch=timeout touch-ms=100
refused sign ed25519
"$softkey" set one touch=auto
sign ed25519
ok "a refused touch and one not given sign nothing"

"$softkey" create two
sign ed25519
verify ed25519
ok "of two keys the one that holds the credential signs"

(cd / && ZTJ_SOFTKEY_DIR='' LD_PRELOAD=$shim ssh-keygen -q -Y sign -n x -f "$dir/ed25519" </dev/null >/dev/null 2>&1) &&
	die "without a directory there are no keys"
ok "without ZTJ_SOFTKEY_DIR there are no keys"
echo "1..$n"
