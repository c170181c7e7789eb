#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Hosts at the registrar's terminal: tokens, digests, somebody who pretends, new keys, new names, removal,
# and what ssh is told of a host's keys.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"
[ -x "$BROKER" ] || { t_skip hosts "no broker was built"; t_done; }
fleet_up
state=$DIR/admin1/.local/state/ztjit

# host_asks NAME DIR: as ztjit-hostd join would; its digest is left in $DIGEST.
host_asks() {
	mkdir -p "$DIR/hosts"
	DIGEST=$("$top/tests/cli/makehost" pending example "$1" "$DIR/hosts/$2" "$URL")
}
approve() { z admin1 host approve --yes "$@"; }
# ids_of NAME: of the entries that ask under it.
ids_of() { z admin1 host show --json "$1" 2>/dev/null | sed -n 's/^ *"pending": "\(.*\)",/\1/p'; }
# lacks TEXT CMD...: its output does not have it.
lacks() {
	local text=$1 out
	shift
	out=$("$@" 2>&1)
	case $out in *"$text"*) echo "$out"; return 1 ;; esac
}
turn_down() {
	local id
	for id in $(ids_of "$1"); do z admin1 host remove "$id" || return; done
}
record_of() { z admin1 host show --json "$1" 2>/dev/null; }

# --- a token ---
t_denies "a token for a label beyond the delegation" "may not vouch" z admin1 host token --label env=test web2
t_denies "a token for ever" "at most" z admin1 host token --for 30d web2
t_says "a token" "ztjit-hostd join --broker" z admin1 host token --label env=prod web2
TOKEN=$(sed -n 's/.*--token //p' <<<"$T_OUT")
t_ok "has 26 characters" [ "$(tr -d - <<<"${TOKEN#T-}" | wc -c)" = 27 ]
t_ok "is kept closed to everybody else" [ "$(stat -c %a "$state/host-tokens")" = 600 ]
t_no "S18 the broker has never heard of it" grep -rqaF "$TOKEN" "$DIR/broker"
MAKEHOST_TOKEN=$TOKEN host_asks web2 web2
t_no "S18 nor when the host proves it" grep -rqaF "$TOKEN" "$DIR/broker"
t_says "ls says who proves a token" "(proves its token)" z admin1 host ls
t_says "it is admitted without a digest" "proves its token" approve web2
t_says "with the labels of the token" "env=prod" z admin1 host ls
t_no "the token is used up" grep -q web2 "$state/host-tokens"
rm -rf "$DIR/hosts/again"
MAKEHOST_TOKEN=$TOKEN host_asks web2 again
t_denies "S02 nobody asks with it again" "other keys" approve web2
t_denies "S02 not even where new keys are expected" "--digest is missing" approve --new-keys web2
t_says "what was asked is turned down, by its id" "was turned down" turn_down web2
t_says "which leaves the record alone" '"env": "prod"' record_of web2
t_ok "a second token for web3" z admin1 host token --label env=prod web3
TOKEN=$(sed -n 's/.*--token //p' <<<"$T_OUT")
MAKEHOST_TOKEN=$TOKEN MAKEHOST_PROOF=other host_asks web3 thief
t_denies "S18 a proof that was made for other keys is none" "--digest is missing" approve web3
t_says "S18 and is told of" "does not prove the token" echo "$T_OUT"
MAKEHOST_TOKEN=T-00000-00000-00000-00000-00000-0 host_asks web3 thief2
t_denies "S18 two who pretend are two" "call themselves web3" approve web3
MAKEHOST_TOKEN=$TOKEN host_asks web3 web3
t_says "S18 among them the one that proves it is found" "another asks to be web3 with other keys" approve web3
t_says "S18 it is that one" "$DIGEST" record_of web3
t_ok "those who pretend are still there" [ "$(ids_of web3 | wc -l)" = 2 ]
t_says "until they are turned down" "was turned down" turn_down web3
t_ok "then they are not" [ -z "$(ids_of web3)" ]
t_ok "a token for one that asked before it had it" z admin1 host token --label env=prod web8
TOKEN=$(sed -n 's/.*--token //p' <<<"$T_OUT")
host_asks web8 web8
MAKEHOST_TOKEN=$TOKEN host_asks web8 web8
host_asks web8 web8
t_says "whichever entry is the newest" "proves its token" approve web8
t_ok "and all of them are dealt with" [ -z "$(ids_of web8)" ]
t_ok "a token that somebody else has seen" z admin1 host token --label env=prod web9
TOKEN=$(sed -n 's/.*--token //p' <<<"$T_OUT")
MAKEHOST_TOKEN=$TOKEN host_asks web9 web9
its=$DIGEST
MAKEHOST_TOKEN=$TOKEN host_asks web9 thief9
t_denies "S18 two who prove it are told" "it has leaked" approve web9
t_denies "S18 and none of them is taken" "call themselves web9" approve web9
t_says "S18 the digest tells them apart" "serial" approve --digest "$its" web9
t_says "S18 it is that one" "$its" record_of web9
t_says "the other is turned down" "was turned down" turn_down web9
t_ok "a token that runs out" z admin1 host token --label env=prod --for 1s web4
TOKEN=$(sed -n 's/.*--token //p' <<<"$T_OUT")
MAKEHOST_TOKEN=$TOKEN host_asks web4 web4
sleep 1.5
t_denies "one that has run out admits nobody" "--digest is missing" approve --label env=prod web4
t_says "and says so" "has run out" echo "$T_OUT"
t_ok "the digest does" approve --label env=prod --digest "$DIGEST" web4
t_ok "F01 a file of tokens that others may read" chmod 644 "$state/host-tokens"
t_denies "F01 is refused" "closed to everybody" z admin1 host token web5
chmod 600 "$state/host-tokens"
echo "servers web5 nonsense" >>"$state/host-tokens"
t_denies "F02 one that is damaged too" "damaged" z admin1 host token web5
rm "$state/host-tokens"

# --- asked twice ---
host_asks web5 web5
host_asks web5 web5
t_says "who asks twice with the same keys is one" "serial" approve --label env=prod --digest "$DIGEST" web5
t_ok "and nothing of it is left" [ -z "$(ids_of web5)" ]

# --- installed anew ---
old=$(record_of web5)
rm -rf "$DIR/hosts/web5"
host_asks web5 web5
t_denies "new keys are refused" "web5 would get new keys" approve --digest "$DIGEST" web5
t_says "with the old and the new fingerprint" "becomes" echo "$T_OUT"
t_says "and what to type" "--new-keys" echo "$T_OUT"
t_denies "the digest is compared all the same" "not the one you gave" \
	approve --new-keys --digest H-00000-00000-00000-00000 web5
t_says "with --new-keys they change, loudly" "THE KEYS OF web5 CHANGE" approve --new-keys --digest "$DIGEST" web5
t_ok "the record has the new ones" [ "$old" != "$(record_of web5)" ]
t_says "and the labels of before" '"env": "prod"' record_of web5

# --- other SSH host keys ---
rm "$DIR/hosts/web5/ssh.seed"
host_asks web5 web5
z req1 host ls >/dev/null 2>&1
before=$(z req1 known-hosts web5)
t_says "other SSH host keys need no flag" "SSH host keys of web5 change" approve --digest "$DIGEST" web5
shown=$(cut -d' ' -f2 "$DIR/hosts/web5/ssh.pub")
t_ok "a workstation that has not heard says the old one" [ "$(z req1 known-hosts web5)" = "$before" ]
t_says "and catches up when ssh is shown another" "$shown" z req1 known-hosts web5 web5 "$shown"
t_says "from then on" "$shown" z req1 known-hosts web5
t_ok "S18 a key that nobody vouches for is not among what it says" lacks AAAAfalse z req1 known-hosts web5 web5 AAAAfalse

# --- another name ---
host_asks web6 web5
t_says "another name, by the same machine" "web5 IS RENAMED to web6" approve --digest "$DIGEST" web6
t_ok "the old one is gone" lacks servers/web5 z admin1 host ls
t_says "with its labels" '"env": "prod"' record_of web6
mkdir "$DIR/hosts/mixed"
cp "$DIR/hosts/web5/machine.seed" "$DIR/hosts/mixed/"
host_asks web7 mixed
t_denies "one key of another host is no rename" "key of web6" approve --label env=prod --digest "$DIGEST" web7

# --- show, remove, what runs out ---
t_says "show" "directory: servers" z admin1 host show web6
t_denies "show of nobody" "no host nobody" z admin1 host show nobody
t_ok "remove" z admin1 host remove --yes web6
t_says "says what to do there" "ztjit-hostd leave" echo "$T_OUT"
z req1 host ls >/dev/null 2>&1
t_no "known-hosts says nothing of it" z req1 known-hosts web6
t_denies "a removed one is not found" "no web6" z admin1 host remove --yes web6
t_ok "a directory that ends soon" z admin1 directory renew --yes --for 20d servers
t_says "is warned of in status" "directory servers expires" z admin1 status
t_says "and where hosts are listed" "ztjit directory renew servers" z admin1 host ls
t_done
