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

for d in key sshsig keyfile cert agent; do
	rm -rf "${corpus:?}/$d"
	mkdir -p "$corpus/$d"
done
"$build/tests/fuzz/make_seeds" "$corpus"

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
