#!/bin/sh
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Checks a proof file of ztjit with nothing of ztjit: sh, coreutils, ssh-keygen (OpenSSH 8.9 or later) and openssl (3.0 or later).
#   sh verify-proof.sh PROOF POLICY_ROOTS DIRECTORY
# POLICY_ROOTS is what you trust: the file of that name of a workstation or server whose pin you compared with somebody. DIRECTORY must
# not be there yet; it gets the parts of the proof, one a file, to be read. The format: doc/PROTOCOL.md, section 11.
set -eu
LC_ALL=C TZ=UTC0
export LC_ALL TZ
umask 077
# What a file says must not reach a terminal as it is.
say() { printf '%s\n' "$*" | tr -c '\n\040-\176' '?'; }
no() {
	say "REFUSED: $*" >&2
	exit 1
}
[ $# -eq 3 ] || no "usage: sh verify-proof.sh PROOF POLICY_ROOTS DIRECTORY"
mkdir "$3"
cat "$2" >"$3/policy_roots"
cat "$1" >"$3/proof"
cd "$3"

# --- taking the file apart: "== NAME LENGTH", so many bytes, a line feed, and so on up to "== end" ---
parts=0 used=0 leaves='' last=-1
exec 3<proof
IFS= read -r l <&3 && [ "$l" = "ztjit-proof 1" ] || no "not a proof file of version 1"
IFS= read -r l <&3 || no "cut off"
about=${l#request }
[ "$l" = "request $about" ] && [ "${#about}" -eq 64 ] || no "no request"
while IFS= read -r l <&3 || no "cut off" && [ "$l" != "== end" ]; do
	rest=${l#== } name=${l#== }
	name=${name% *} len=${rest##* }
	[ "$l" = "== $name $len" ] || no "malformed at part $parts"
	case $name in [!0-9]* | *[!0-9a-z.-]* | '') no "malformed at part $parts" ;; esac
	case $len in [!1-9]* | *[!0-9]* | ??????????* | '') no "malformed at part $parts" ;; esac
	[ ! -e "$name" ] || no "$name is there twice"
	head -c "$len" <&3 >"$name"
	IFS= read -r l <&3 && [ -z "$l" ] || no "$name is longer than it says, or cut off"
	parts=$((parts + 1))
	case $name in
	*.leaf)
		name=${name%.leaf}
		case $name in *[!0-9]* | 0?* | ???????????????*) no "malformed at part $parts" ;; esac
		[ "$name" -gt "$last" ] || no "the leaves are not in the order of the log"
		leaves="$leaves $name" last=$name
		;;
	esac
done
! IFS= read -r l <&3 && [ -z "$l" ] || no "something is behind the end"
exec 3<&-

# --- reading ---
# Members of JSON as ztjit writes it, on one line: no text in it can hold a bare quotation mark.
text() {
	IFS= read -r t <"$1" || :
	v=${t#*\""$2"\":\"}
	[ "$v" = "$t" ] || printf '%s' "${v%%\"*}"
}
number() {
	IFS= read -r t <"$1" || :
	v=${t#*\""$2"\":}
	[ "$v" = "$t" ] || printf '%s' "${v%%[!0-9]*}"
}
use() {
	[ -e "$1" ] || no "$1 is missing"
	used=$((used + 1))
}
digest() { sha256sum <"$1" | cut -c 1-64; }
stamp() { printf '%s' "$1" | tr -cd 0-9; }
# A policy without its comments and white space.
plain() {
	in=
	while IFS= read -r l || [ -n "$l" ]; do
		while [ -n "$l" ]; do
			case $in in
			string)
				h=${l%%[\\\"]*}
				l=${l#"$h"}
				printf '%s' "$h"
				case $l in
				\\?*) printf '%s' "${l%"${l#??}"}" && l=${l#??} ;;
				'"'*) printf '"' && in='' l=${l#?} ;;
				*) l= ;;
				esac
				;;
			comment)
				case $l in
				*'*/'*) l=${l#*'*/'} in= ;;
				*) l= ;;
				esac
				;;
			*)
				h=${l%%[\"\#/]*}
				l=${l#"$h"}
				printf '%s' "$h"
				case $l in
				'"'*) printf '"' && in=string l=${l#?} ;;
				'#'* | //*) l= ;;
				'/*'*) in=comment l=${l#??} ;;
				?*) printf '%s' "${l%"${l#?}"}" && l=${l#?} ;;
				esac
				;;
			esac
		done
	done <"$1" | tr -d ' \t\r'
}
# Keys without white space, one a line, as "TYPE BASE64".
apart() {
	while read -r k; do
		for algo in ssh-ed25519 sk-ssh-ed25519@openssh.com sk-ecdsa-sha2-nistp256@openssh.com; do
			[ "${k#"$algo"}" = "$k" ] || printf '%s %s\n' "$algo" "${k#"$algo"}"
		done
	done
}
# Every list LIST = [ "key", … ] of such a policy.
keys() {
	t=$(cat "$1")
	while [ "${t#*"$2"=\[}" != "$t" ]; do
		before=${t%%"$2"=\[*} t=${t#*"$2"=\[}
		[ "${before%revoked_}" = "$before" ] || continue
		printf '%s\n' "${t%%\]*}" | tr -d '"' | tr ',' '\n' | apart
	done
}
# What it revokes, keys or fingerprints, as ssh-keygen's list of revoked keys in the file revoked.
revokes() {
	t=$(cat "$1")
	v=${t#*revoked_keys=[\[\(]}
	[ "$v" != "$t" ] || v=
	printf '%s\n' "${v%%[])]*}" | tr -d '"' | tr ',' '\n' >revoked.list
	{
		apart <revoked.list
		while read -r k; do
			[ "${k#SHA256:}" = "$k" ] || printf 'hash: %s\n' "$k"
		done <revoked.list
	} >revoked.spec
	ssh-keygen -q -k -f revoked revoked.spec >/dev/null || no "what the policy revokes cannot be read"
}
# allow PREFIX NAMESPACES: those lines as ssh-keygen's allowed signers.
allow() {
	i=0
	while read -r type key _; do
		i=$((i + 1))
		printf '%s%s namespaces="%s" %s %s\n' "$1" "$i" "$2" "$type" "$key"
	done
}
# signers ALLOWED NAMESPACE N: who of the allowed signed statement N, each once, but for keys in the file revoked. A signature that does
# not verify is the end.
signers() {
	k=1
	while [ -e "$3.statement.$k.sig" ]; do
		who=$(ssh-keygen -Y find-principals -f "$1" -s "$3.statement.$k.sig" 2>/dev/null) || who=
		if [ -n "$who" ]; then
			ssh-keygen -Y verify -f "$1" -I "$who" -n "$2" -s "$3.statement.$k.sig" <"$3.statement" >/dev/null 2>&1 ||
				{ echo '!' && return; }
			! ssh-keygen -Y verify -f "$1" -I "$who" -n "$2" -s "$3.statement.$k.sig" -r revoked <"$3.statement" >/dev/null 2>&1 ||
				printf '%s\n' "$who"
		fi
		k=$((k + 1))
	done | sort -u
}
count() { [ -z "$1" ] && echo 0 || printf '%s\n' "$1" | wc -l; }
use_signatures() {
	use "$1.statement"
	k=1
	while [ -e "$1.statement.$k.sig" ]; do
		use "$1.statement.$k.sig"
		k=$((k + 1))
	done
	[ "$k" -gt 1 ] || no "leaf $1: nobody signed its statement"
	[ "$(digest "$1.statement")" = "$(text "$1.leaf" statement)" ] || no "leaf $1 speaks of another statement"
}
# signed_by WHO NAMESPACE N: the one signature of statement N is by a key that WHO had when it was issued, and that is not revoked.
signed_by() {
	[ ! -e "$3.statement.2.sig" ] || no "leaf $3: more than one signature"
	issued=$(stamp "$(text "$3.statement" issued)")
	ssh-keygen -Y verify -f names.allowed -I "$1" -n "$2" -s "$3.statement.1.sig" -r revoked \
		-O "verify-time=$issued" <"$3.statement" >/dev/null 2>&1 ||
		no "leaf $3: not signed by a key of $1"
}
# Of a security key's signature five bytes are flags and a counter; bit 0 says that it was touched.
touched() {
	flags=$(tail -n +2 "$1" | head -n -1 | base64 -d | tail -c 5 | od -An -N 1 -tu1 | tr -d ' ')
	[ $((flags & 1)) -eq 1 ]
}
of_domain() { [ "$(text "$1.statement" domain)" = "$domain" ] || no "leaf $1: a statement of another domain"; }

# --- Merkle trees, RFC 9162; hashes in base64 ---
raw() { printf '%s' "$1" | base64 -d; }
hash() { openssl dgst -sha256 -binary | base64; }
leaf() { { printf '\000' && cat "$1"; } | hash; }
# node LEFT RIGHT: the hash of both, in $r. Paths share most of theirs: each is made once.
nodes=
node() {
	r=${nodes#*" $1$2:"}
	if [ "$r" != "$nodes" ]; then
		r=${r%% *}
		return
	fi
	r=$({ printf '\001' && raw "$1" && raw "$2"; } | hash)
	nodes=" $1$2:$r$nodes"
}
# climb HASH INDEX SIZE, path on standard input: the root that it leads to, in $r.
climb() {
	r=$1 fn=$2 sn=$(($3 - 1))
	[ "$fn" -le "$sn" ] || sn=-1
	while read -r p; do
		[ "$sn" -gt 0 ] || no "an inclusion proof is too long"
		[ "${#p}" -eq 44 ] && [ "${p%=}" != "$p" ] || no "malformed hash"
		case ${p%=} in *[!0-9A-Za-z+/]* | *[!AEIMQUYcgkosw048]) no "malformed hash" ;; esac
		if [ $((fn & 1)) -eq 1 ] || [ "$fn" -eq "$sn" ]; then
			node "$p" "$r"
			while [ "$fn" -ne 0 ] && [ $((fn & 1)) -eq 0 ]; do
				fn=$((fn >> 1)) sn=$((sn >> 1))
			done
		else
			node "$r" "$p"
		fi
		fn=$((fn >> 1)) sn=$((sn >> 1))
	done
	[ "$sn" -eq 0 ] || no "an inclusion proof is too short"
}

# --- the policies, by the roots ---
domain='' threshold='' floor='' floor_digest=''
while read -r word a b _; do
	case $word in
	domain) domain=$a ;;
	threshold) threshold=$a ;;
	floor) floor=$a floor_digest=$b ;;
	root) printf '%s %s\n' "$a" "$b" ;;
	esac
done <policy_roots >roots
allow root policy@ztjit <roots >roots.allowed
[ -n "$domain" ] && [ "${threshold:-0}" -ge 1 ] || no "policy_roots: no domain or no threshold"
policy='' version=0 request=-1
for n in $leaves; do
	[ "$(text "$n.leaf" kind)" != statement ] || [ "$(text "$n.leaf" statement)" != "$about" ] || request=$n
	[ "$(text "$n.leaf" kind)" = policy ] || continue
	use_signatures "$n"
	plain "$n.statement" >"policy.$n"
	t=$(cat "policy.$n")
	case $t in *domain=\""$domain"\"*) ;; *) no "leaf $n: the policy of another domain, and of another log" ;; esac
	v=${t#*version=}
	v=${v%%[!0-9]*}
	[ "$v" = "$(number "$n.leaf" version)" ] && [ "${v:-0}" -gt "$version" ] || no "leaf $n: the versions of the policies do not rise"
	version=$v
	revokes "policy.$n"
	roots=$(signers roots.allowed policy@ztjit "$n")
	[ "${roots%%!*}" = "$roots" ] && [ "$(count "$roots")" -ge "$threshold" ] || no "leaf $n: too few roots signed this policy"
	policy=$n
done
[ -n "$policy" ] || no "there is no policy in it"
[ "$version" -gt "${floor:-0}" ] || [ "$version $(digest "$policy.statement")" = "$floor $floor_digest" ] ||
	no "the newest policy in it is older than the one that is pinned with the roots, or another"

# --- the checkpoint, by a log key of the newest policy ---
checkpoint=
for n in $leaves; do
	use "$n.leaf"
	use "$n.tlog-proof"
	{
		read -r a && read -r b
		[ "$a" = c2sp.org/tlog-proof@v1 ] && [ "$b" = "index $n" ] || no "leaf $n: its inclusion proof is for another"
		while read -r p && [ -n "$p" ]; do printf '%s\n' "$p"; done >"hashes.$n"
		c=
		while IFS= read -r p; do c="$c$p
"; done
		[ -z "$p" ] || no "leaf $n: its inclusion proof is cut off"
	} <"$n.tlog-proof"
	[ "$c" = "${checkpoint:=$c}" ] || no "leaf $n: another checkpoint"
done
printf '%s' "$checkpoint" >checkpoint
{ read -r origin && read -r size && read -r root && read -r blank && read -r dash name signature; } <checkpoint || no "no checkpoint"
[ "$origin" = "$domain/ztjit" ] && [ -z "$blank" ] && [ "$dash" = "$(printf '\342\200\224')" ] && [ "$name" = "$origin" ] ||
	no "the checkpoint is that of another log"
case $size in [!1-9]* | *[!0-9]* | ????????????????* | '') no "the checkpoint has no size" ;; esac
printf '%s\n%s\n%s\n' "$origin" "$size" "$root" >checkpoint.text
raw "$signature" | head -c 4 | base64 >checkpoint.id
raw "$signature" | tail -c +5 >checkpoint.sig
keys "policy.$policy" log >log.keys
good=
while read -r _ key; do
	raw "$key" | tail -c 32 >log.raw
	[ "$({ printf '%s\n\001' "$origin" && cat log.raw; } | openssl dgst -sha256 -binary | head -c 4 | base64)" = "$(cat checkpoint.id)" ] || continue
	{ printf '\060\052\060\005\006\003\053\145\160\003\041\000' && cat log.raw; } >log.der
	openssl pkeyutl -verify -pubin -keyform DER -inkey log.der -rawin -in checkpoint.text -sigfile checkpoint.sig >/dev/null 2>&1 && good=yes
done <log.keys
[ -n "$good" ] || no "the checkpoint is not signed by a log key of the policy"
say "checkpoint of $origin: $size leaves, root $root"

# --- every leaf, in the order of the log ---
policy='' requests='' asker=''
: >names.allowed
# in_force N: the policy before leaf N, in $policy, and what it revokes.
in_force() {
	policy=
	for p in $leaves; do
		[ "$p" -ge "$1" ] || [ ! -e "policy.$p" ] || policy=$p
	done
	[ -n "$policy" ] || no "leaf $n: no policy before it"
	revokes "policy.$policy"
}
statement() {
	type=$(text "$n.leaf" type) id=$(digest "$n.statement") who=$(text "$n.statement" who)
	use_signatures "$n"
	of_domain "$n"
	in_force "$n"
	case $type in
	request)
		requests="$requests $id"
		text "$n.statement" follows >"request.$id"
		[ "$id" != "$about" ] || asker=$who
		;;
	approval | revocation) id=$(text "$n.statement" request) ;;
	*) no "leaf $n: such a statement has no place here" ;;
	esac
	case " $requests " in *" $id "*) ;; *) no "leaf $n is about another request" ;; esac
	[ "$(text "$n.leaf" request)" = "$id" ] && [ "$(text "$n.leaf" person)" = "$who" ] &&
		[ "$(text "$n.leaf" decision)" = "$(text "$n.statement" decision)" ] || no "leaf $n and its statement say different things"
	if [ -z "$who" ] && [ "$type" = revocation ]; then
		{ keys "policy.$policy" keys && keys "policy.$policy" online && cat roots; } | allow office revocation@ztjit >office.allowed
		who=$(signers office.allowed revocation@ztjit "$n")
		[ "${who%%!*}" = "$who" ] && [ -n "$who" ] || no "leaf $n: signed by a key that the policy names for nothing"
	else
		signed_by "$who" "$type@ztjit" "$n"
		touched "$n.statement.1.sig" || no "leaf $n: signed without a touch"
	fi
	say "leaf $n: $type $(text "$n.statement" decision) of $who, about $id"
}
directory() {
	name=$(text "$n.statement" name)
	use_signatures "$n"
	of_domain "$n"
	[ "$n" -gt "$request" ] && in_force "$n" || in_force "$request"
	keys "policy.$policy" keys | allow registrar directory@ztjit >registrars.allowed
	who=$(signers registrars.allowed directory@ztjit "$n")
	[ "${who%%!*}" = "$who" ] && [ -n "$who" ] || no "leaf $n: not signed by a registrar"
	while read -r l; do
		[ "${l#"$name"/}" != "$l" ] || printf '%s\n' "$l"
	done <names.allowed >names.new
	k=1
	while [ -e "$n.record.$k" ]; do
		use "$n.record.$k"
		use "$n.record.$k.path"
		{ read -r _ i && climb "$(leaf "$n.record.$k")" "$i" "$(number "$n.statement" records)"; } <"$n.record.$k.path"
		[ "$(raw "$r" | od -An -v -tx1 | tr -d ' \n')" = "$(text "$n.statement" root)" ] || no "leaf $n: record $k is not in the directory"
		who=$name/$(text "$n.record.$k" name) t=$(cat "$n.record.$k") key=key for="request@ztjit,approval@ztjit,revocation@ztjit"
		case $who in *[!0-9A-Za-z._/-]*) no "leaf $n: no name: $who" ;; esac
		[ "$(text "$n.record.$k" type)" = user ] || { key=machine for=head@ztjit; }
		while [ "${t#*\""$key"\":\"}" != "$t" ]; do
			t=${t#*\""$key"\":\"}
			one=${t%%\}*} public=${t%%\"*} when=
			case $key:$public in key:sk-* | machine:ssh-ed25519\ *) ;; *) no "leaf $n: no key of $who" ;; esac
			case $public in *[!0-9A-Za-z+/=@.\ -]*) no "leaf $n: no key of $who" ;; esac
			if [ "$key" = key ]; then
				from=${one#*\"from\":\"} until=${one#*\"until\":\"}
				[ "$from" != "$one" ] || no "leaf $n: a key of $who from no time on"
				when=",valid-after=\"$(stamp "${from%%\"*}")\""
				[ "$until" = "$one" ] || when="$when,valid-before=\"$(stamp "${until%%\"*}")\""
			fi
			printf '%s namespaces="%s"%s %s\n' "$who" "$for" "$when" "$public"
		done >>names.new
		k=$((k + 1))
	done
	cat names.new >names.allowed
	say "leaf $n: directory $name, $((k - 1)) record(s) of it"
}
session() {
	host=$(text "$n.leaf" host)
	if [ -n "$(text "$n.leaf" statement)" ]; then
		use_signatures "$n"
		of_domain "$n"
		in_force "$n"
		for m in host digest; do
			[ "$(text "$n.leaf" "$m")" = "$(text "$n.statement" "$m")" ] || no "leaf $n and its statement say different things"
		done
		for m in chunks bytes; do
			[ "$(number "$n.leaf" "$m")" = "$(number "$n.statement" "$m")" ] || no "leaf $n and its statement say different things"
		done
		case $(text "$n.leaf" outcome):$(text "$n.statement" state) in
		head:open | closed:closed | lost:lost) ;;
		*) no "leaf $n and its statement say different things" ;;
		esac
		signed_by "$host" head@ztjit "$n"
	fi
	say "leaf $n: session $(text "$n.leaf" session) on $host: $(text "$n.leaf" outcome) $(text "$n.leaf" digest)"
}
for n in $leaves; do
	climb "$(leaf "$n.leaf")" "$n" "$size" <"hashes.$n"
	[ "$r" = "$root" ] || no "leaf $n does not stand there in the log"
	[ "$(number "$n.leaf" n)" = "$n" ] || no "leaf $n says that it is another"
	kind=$(text "$n.leaf" kind)
	case $kind:$(text "$n.leaf" outcome) in
	policy:accepted) say "leaf $n: policy, in $n.statement" ;;
	directory:accepted) directory ;;
	statement:accepted) statement ;;
	session:started | session:head | session:closed | session:lost | certificate:issued | decision:*)
		[ "$(text "$n.leaf" request)" = "$about" ] || no "leaf $n is about another request"
		[ "$kind" = decision ] || [ "$(text "$n.leaf" person)" = "$asker" ] || no "leaf $n is about somebody else than the request"
		[ "$kind" != session ] || session
		[ "$kind" = session ] || say "leaf $n: $kind $(text "$n.leaf" outcome), by the word of the log"
		;;
	*) no "leaf $n has no place here" ;;
	esac
done
case " $requests " in *" $about "*) ;; *) no "the request is not in it" ;; esac
# Every other one is one that it follows, directly or not.
chain='' id=$about
while [ -n "$id" ]; do
	case $id in *[!0-9a-f]*) no "it follows no request" ;; esac
	[ -e "request.$id" ] || no "a request that it follows is not in it"
	chain="$chain $id" id=$(cat "request.$id")
done
for id in $requests; do
	case "$chain " in *" $id "*) ;; *) no "there is a request in it that it does not follow" ;; esac
done
[ "$used" -eq "$parts" ] || no "there are parts that belong to no leaf"
printf 'PROVED. Statements: %s/*.statement. Which of the keys in the policy is a registrar of what, and whom its rules ask,\n' "$3"
printf 'its text says; that it was followed, and that witnesses cosigned, ztjit audit verify-proof checks too.\nWhich request and session a record is of, its own header says. What is not in the file, it does not prove.\n'
