#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Proof files that whoever has a log key can make for the recipe (doc/verify-proof.sh): what they must not do to the machine and the
# screen of whoever checks them, and what stock tools would let pass. Each is run by every shell that may be somebody's sh.
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../lab/tap.sh"
SRC=${ZTJ_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
cd "$DIR" || exit 1
ABOUT=$(printf '%064d' 7)
DASH=$(printf '\342\200\224')

# --- who has the keys of a root and of a log ---
ssh-keygen -q -t ed25519 -N '' -C '' -f root
printf 'domain example\nthreshold 1\nroot %s\n' "$(cut -d' ' -f1,2 root.pub)" >roots
openssl genpkey -algorithm ed25519 -out log.pem 2>/dev/null
openssl pkey -in log.pem -pubout -outform DER | tail -c 32 >log.raw
LOG="ssh-ed25519 $({ printf '\0\0\0\013ssh-ed25519\0\0\0\040' && cat log.raw; } | base64 -w 0)"

b64() { openssl dgst -sha256 -binary | base64; }
leaf_hash() { { printf '\0' && cat "$1"; } | b64; }
node_hash() { { printf '\001' && echo "$1" | base64 -d && echo "$2" | base64 -d; } | b64; }
# policy VERSION TEXT: a policy and its signature, in policy.VERSION.
policy() {
	printf 'domain = "%s";\nversion = %s;\n%s\n' "${DOMAIN:-example}" "$1" "$2" >"policy.$1"
	ssh-keygen -q -Y sign -f root -n policy@ztjit "policy.$1" 2>/dev/null
}
# policy_leaf N VERSION
policy_leaf() {
	printf '{"n":%s,"kind":"policy","outcome":"accepted","version":%s,"statement":"%s"}' "$1" "$2" \
		"$(sha256sum <"policy.$2" | cut -c 1-64)" >"leaf.$1"
}
# checkpoint SIZE ROOT
checkpoint() {
	printf 'example/ztjit\n%s\n%s\n' "$1" "$2" >note
	openssl pkeyutl -sign -inkey log.pem -rawin -in note -out note.sig
	{
		cat note
		printf '\n%s example/ztjit ' "$DASH"
		{ { printf 'example/ztjit\n\001' && cat log.raw; } | openssl dgst -sha256 -binary | head -c 4 && cat note.sig; } | base64 -w 0
		echo
	} >checkpoint
}
part() { printf '== %s %s\n' "$1" "$(wc -c <"$2")" && cat "$2" && echo; }
# item N [VERSION] [HASH]: a leaf, in the file.
item() {
	{ printf 'c2sp.org/tlog-proof@v1\nindex %s\n' "$1" && printf '%s' "${3:+$3
}" && echo && cat checkpoint; } >path
	part "$1.leaf" "leaf.$1"
	part "$1.tlog-proof" path
	[ -z "${2:-}" ] || { part "$1.statement" "policy.$2" && part "$1.statement.1.sig" "policy.$2.sig"; }
}
begin() { printf 'ztjit-proof 1\nrequest %s\n' "$ABOUT"; }
# one POLICY [SIZE]: a file of one leaf.
one() {
	rm -f policy.1*
	policy 1 "$1"
	policy_leaf 0 1
	checkpoint "${2:-1}" "$(leaf_hash leaf.0)"
	{ begin && item 0 1 && echo '== end'; } >proof
}
# two: the leaves 0 and 1, in the order of the words: N[:VERSION]
two() {
	local a b word
	a=$(leaf_hash leaf.0) b=$(leaf_hash leaf.1)
	checkpoint 2 "$(node_hash "$a" "$b")"
	{
		begin
		for word in "$@"; do
			item "${word%:*}" "$(case $word in *:*) echo "${word#*:}" ;; esac)" "$([ "${word%:*}" = 0 ] && echo "$b" || echo "$a")"
		done
		echo '== end'
	} >proof
}
refused() { grep -q "^REFUSED: .*$1" said || { cat -v said && return 1; }; }
# check NAME WHY: every shell refuses it for that.
check() {
	for sh in dash 'bash --posix' 'busybox sh'; do
		command -v "${sh%% *}" >/dev/null || continue
		rm -rf parts
		# shellcheck disable=SC2086
		$sh "$SRC/doc/verify-proof.sh" proof "${ROOTS:-roots}" parts >said 2>&1
		t_ok "$1 (${sh%% *})" refused "$2"
	done
}

one "broker = { log = [ \"$LOG\" ]; };"
check "a policy alone proves no request" "the request is not in it"
one "broker = { log = [ \"$LOG\" ]; };" "a[\$(: >$DIR/ran)]"
check "a size that is a command" "no size"
t_no "is not run" [ -e "$DIR/ran" ]
one "broker = { log = [ \"$LOG\" ]; };" "1+0"
check "a size that has to be worked out" "no size"
one "broker = { log = [ ]; # log = [ \"$LOG\" ]
};"
check "a log key in a comment" "not signed by a log key"
one "broker = { log = [ /* \"$LOG\",
 */ ]; };"
check "a log key in a comment inside the list" "not signed by a log key"
one "a = \"\\\\\"; b = \"http://x\"; /* * */ broker = { log = [ \"$LOG\" ]; }; c = \"# \\\" /*\";"
check "what only looks like a comment is none" "the request is not in it"
DOMAIN=other one "broker = { log = [ \"$LOG\" ]; };"
check "the policy of another domain" "another domain"
one "broker = { log = [ \"$LOG\" ]; }; revoked_keys = ( \"SHA256:other\", \"$(cut -d' ' -f1,2 root.pub)\" );"
check "revoked keys that are none" "cannot be read"
one "broker = { log = [ \"$LOG\" ]; }; revoked_keys = ( \"$(ssh-keygen -lf root.pub | cut -d' ' -f2)\" );"
check "a revoked root" "too few roots"
one "broker = { log = [ \"$LOG\" ]; };"
{ cat roots && printf 'floor 2 %064d\n' 0; } >floor
ROOTS=floor check "a policy below the floor" "older than the one that is pinned"
{ cat roots && printf 'floor 1 %064d\n' 0; } >floor
ROOTS=floor check "another policy of the floor's version" "older than the one that is pinned"
{ cat roots && printf 'floor 1 %s\n' "$(sha256sum <policy.1 | cut -c 1-64)"; } >floor
ROOTS=floor check "the policy of the floor" "the request is not in it"

rm -f policy.*
policy 1 "broker = { log = [ \"$LOG\" ]; };"
policy 2 "broker = { log = [ ]; };"
policy_leaf 0 2
policy_leaf 1 1
two 0:2 1:1
check "an old policy after a new one" "do not rise"
policy_leaf 0 1
policy_leaf 1 2
two 1:2 0:1
check "leaves in another order than the log's" "not in the order"
policy_leaf 0 1
printf '{"n":1,"kind":"session","outcome":"started","request":"%s","session":"\033[2J\rPROVED","host":"h\302\233"}' "$ABOUT" >leaf.1
two 0:1 1
check "a leaf with control characters" "the request is not in it"
t_no "does not write to the terminal" grep -q "[^ -~]" said
t_done
