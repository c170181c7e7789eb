#!/bin/sh
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Makes the seed corpora of the core fuzzers anew: from software keys
# (make_seeds) and from ssh-keygen. All keys in them are made here and thrown away.
#
# usage: tests/fuzz/make-corpus.sh BUILD_DIRECTORY
set -eu
[ $# -eq 1 ] || { echo "usage: $0 BUILD_DIRECTORY" >&2; exit 2; }
build=$(cd "$1" && pwd)
corpus=$(cd "$(dirname "$0")" && pwd)/corpus
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

for d in key sshsig keyfile cert agent attest policy bundle grant names pins proof record statement time chunk cast castsafe unpack; do
	rm -rf "${corpus:?}/$d"
	mkdir -p "$corpus/$d"
done
"$build/tests/fuzz/make_seeds" "$corpus"
"$build/tests/fuzz/make_seeds_grant" "$corpus"
"$build/tests/fuzz/make_seeds_trust" "$corpus"

cd "$tmp"
printf 'a statement\n' >msg
ssh-keygen -q -t ed25519 -N '' -C seed -f plain
ssh-keygen -q -t ed25519 -N secret -C seed -f locked
ssh-keygen -q -t rsa -b 1024 -N '' -C seed -f rsa
ssh-keygen -q -Y sign -f plain -n request@ztjit msg 2>/dev/null
cp plain "$corpus/keyfile/openssh.text"
cp locked "$corpus/keyfile/openssh-locked.text"
cp plain.pub "$corpus/key/openssh.line"
cp rsa.pub "$corpus/key/openssh-rsa.line"
cp msg.sig "$corpus/sshsig/openssh.armor"
cut -d' ' -f2 plain.pub | base64 -d >"$corpus/key/openssh.blob"

# published names
names() {
	ZTJ_BOOTID=3f1c9a52-0b7e-4d55-9c1a-6a0d2b8e4f10 "$build/tests/nss/publish" "$tmp"
	mv people "$corpus/names/$1.people"
	mv grants "$corpus/names/$1.grants"
}
printf '%s\n' 'people 9 20000' 'shell p0 20000 /usr/bin/ztjit-rec 999' 'shell p3 20003 /bin/sh 999' \
	'member ztjit-root 61000 p0 999' 'member ztjit-root 61000 local 999' 'member ztjit-db 61001 p0 999' \
	'group ztjit-none 61002' | names few
names none </dev/null

# records of sessions, sealed to an EC key (RSA is slow to replay)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=seed -keyout seal.key \
	-outform DER -out seal.der 2>/dev/null
"$build/tests/fuzz/make_seeds_session" "$corpus" seal.der seal.key

# certificates for an sk key as ssh-keygen makes them
cut -d' ' -f1,2 "$corpus/key/sk-ed25519.text" >subject.pub
make_cert() {
	name=$1
	shift
	ssh-keygen -q -s plain -I id "$@" subject.pub
	cut -d' ' -f2 subject-cert.pub | base64 -d >"$corpus/cert/openssh-$name"
	rm subject-cert.pub
}
make_cert user -n grant -V 20230101000000Z:20230101010000Z -O source-address=192.0.2.0/24 \
	-O verify-required -O extension:bundle@ztjit=BUNDLE
make_cert host -h -n web1 -V 20230101000000Z:20230101010000Z
make_cert forever -n grant
make_cert command -n grant -V 20230101000000Z:20230101010000Z -O force-command=id

# attestations of the software authenticator, each behind its key
export ZTJ_SOFTKEY_DIR="$tmp/keys"
printf 'challenge\n' >challenge
attestation() {
	name=$1
	shift
	"$build/tests/softkey/softkey" create "$name" uv=ok "attest=$1"
	"$build/tests/softkey/softkey" only "$name"
	shift
	ssh-keygen -q -N '' -w "$build/tests/softkey/.libs/libsoftkey-sk.so" -O application=ssh:ztjit \
		-O challenge=challenge -O write-attestation="$name.att" -f "$name" "$@" >/dev/null
	blob=$(cut -d' ' -f2 "$name.pub")
	{
		# shellcheck disable=SC2059 # the length is the format
		printf "$(printf '\\%03o\\%03o\\%03o\\%03o' 0 0 0 "$(printf %s "$blob" | base64 -d | wc -c)")"
		printf %s "$blob" | base64 -d
		cat "$name.att"
	} >"$corpus/attest/$name"
}
attestation basic-ed25519 basic -t ed25519-sk
attestation basic-ecdsa basic -t ecdsa-sk
attestation self-ed25519 self -t ed25519-sk
attestation self-ecdsa self -t ecdsa-sk
attestation protected basic -t ed25519-sk -O verify-required
attestation none none -t ed25519-sk
