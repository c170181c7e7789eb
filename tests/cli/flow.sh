#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The whole flow of an unprivileged person, against the real broker on loopback:
# from the first key to a certificate, with the refusals in between.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"
[ -x "$BROKER" ] || { t_skip flow "no broker was built"; t_done; }

for who in admin1 req1 req2 lead1 sec1; do person_new "$who"; done

# --- from nothing ---
t_ok "enroll --offline" z admin1 enroll --offline --domain example admin1
t_ok "ssh-keygen reads the key file" w admin1 ssh-keygen -y -f "$DIR/admin1/.ssh/id_ztjit"
t_denies "a second first key is refused" "there already" z admin1 enroll --offline --domain example
fleet_broker
t_denies "S18 a pin that does not match" "not the one you gave" \
	z admin1 init --broker "$URL" --pin "ZTJ-00000-00000-00000-00000-00000"
t_ok "nothing was pinned by that" test ! -e "$DIR/admin1/.config/ztjit/policy_roots"
t_denies "commands before init say what to type" "ztjit init" z admin1 status
t_ok "init" z admin1 init --broker "$URL" --pin "$PIN"
policy_text >"$DIR/policy.conf"
cp "$DIR/policy.conf" "$DIR/admin1/policy.conf"
cd "$DIR/admin1" || exit 1
t_ok "policy check" z admin1 policy check policy.conf
t_denies "without a terminal nothing is signed" "--yes" z admin1 policy sign policy.conf
t_ok "policy sign" z admin1 policy sign --yes policy.conf
printf 'admin1 %s\n' "$(cat .ssh/id_ztjit.pub)" >allowed
t_ok "interop: ssh-keygen verifies the policy" sh -c \
	'ssh-keygen -Y verify -f allowed -I admin1 -n policy@ztjit -s policy.conf.sig <policy.conf'
t_ok "policy push before any login" z admin1 policy push --yes policy.conf
t_ok "login as registrar" z admin1 login --as registrar
t_says "whoami" registrar z admin1 whoami

# --- people ---
for who in req1 req2 lead1 sec1; do
	t_ok "init $who" z "$who" init --broker "$URL" --pin "$PIN"
	t_ok "enroll $who" z "$who" enroll "$who"
done
t_ok "enroll admin1 with the key that is there" z admin1 enroll admin1
t_denies "not admitted yet" "admit you" z req1 login
fp=$(w req1 ssh-keygen -lf "$DIR/req1/.ssh/id_ztjit.pub" | cut -d' ' -f2)
t_denies "S18 another fingerprint than the one read" "not the one you were told" \
	z admin1 user approve --yes --directory people --group sre --fingerprint "SHA256:nope" req1
t_denies "beyond the delegation" "may not vouch" z admin1 user approve --yes --directory people --group wheel req1
t_says "user approve shows the record" "$fp" z admin1 user approve --yes --directory people --group sre --fingerprint "$fp" req1
t_ok "user approve, no directory named" z admin1 user approve --yes --group sre req2
t_ok "user approve lead1" z admin1 user approve --yes --group sre-leads lead1
t_ok "user approve sec1" z admin1 user approve --yes --group security sec1
t_ok "user approve admin1" z admin1 user approve --yes admin1
t_says "user ls" people/req1 z admin1 user ls
t_ok "uids are distinct" sh -c '[ "$(printf "%s\n" "$0" | grep -oE "\b2000[0-9]\b" | sort -u | wc -l)" = 5 ]' "$(z admin1 user ls)"
for who in req1 req2 lead1 sec1; do t_ok "login $who" z "$who" login; done
t_says "whoami is a full name" people/req1 z req1 whoami
t_says "status" "directory people" z req1 status

# --- hosts: what ztjit-hostd join would post ---
host_new() { "$top/tests/cli/makehost" pending example "$1" "$DIR/hosts/$1" "$2"; }
mkdir "$DIR/hosts"
for h in web1 db1; do host_new "$h" "$URL" >"$DIR/$h.digest"; done
t_denies "host digest that does not match" "not the one you gave" \
	z admin1 host approve --yes --label env=prod --digest H-00000-00000-00000-00000 web1
t_ok "host approve" z admin1 host approve --yes --label env=prod --digest "$(cat "$DIR/web1.digest")" web1
t_ok "host approve db1" z admin1 host approve --yes --label env=data --digest "$(cat "$DIR/db1.digest")" db1
t_says "host ls" servers/web1 z req1 host ls
z req1 host ls >/dev/null 2>&1
t_says "known-hosts" "$(cut -d' ' -f2 "$DIR/hosts/web1/ssh.pub")" z req1 known-hosts web1
t_says "known-hosts with a port" "[web1]:2222 ssh-ed25519" z req1 known-hosts '[web1]:2222'
t_says "known-hosts for an address" "10.0.0.5 ssh-ed25519" z req1 known-hosts web1 10.0.0.5
t_no "known-hosts of a stranger" z req1 known-hosts web9

# --- a grant ---
id_of() { grep -oE 'R-[0-9A-HJKMNP-TV-Z]{10}' <<<"$T_OUT" | head -n 1; }
ask() { z req1 request --yes --role root-shell --host web1 --for 60s --ticket INC-4711 -m 'disk full on web1' "$@"; }
t_denies "no grant, and what to type" "ztjit request --role root-shell --host web1" z req1 ssh root@web1 id
before=$(touches req1)
t_denies "the ticket is judged before the touch" ticket \
	z req1 request --yes --role root-shell --host web1 --for 60s --ticket none -m 'disk full on web1'
t_denies "no rule, no touch" "rule" z req2 request --yes --role root-shell --host db1 --for 60s --ticket INC-1 -m 'disk full on db1'
t_ok "no touch was asked for" [ "$before" = "$(touches req1)" ]
t_says "dry run" "approvals needed: 1 of @sre-leads, 1 of @security" ask --dry-run
t_says "request" "approvals missing" ask
R=$(id_of)
t_denies "S05 self-approval" "their own request" z req1 approve --yes "$R"
t_denies "not an approver" "may not" z req2 approve --yes "$R"
t_says "show" INC-4711 z lead1 show "$R"
t_says "to review" "$R" z lead1 requests --to-review
t_says "approve shows the request" "disk full on web1" z lead1 approve --yes "$R"
t_denies "one is not enough" approval z req1 ssh root@web1 id
t_ok "approve with a shorter limit" z sec1 approve --yes --for 45s -m "shorter is enough" "$R"
t_says "active" active z req1 show "$R"
t_says "cert" "root@web1-cert.pub" z req1 cert root@web1
CERT=$(grep -o '/.*cert.pub' <<<"$T_OUT")
t_says "interop: ssh-keygen -L" "ztjit-grant-" ssh-keygen -L -f "$CERT"
t_says "the certificate wants verification" "verify-required" ssh-keygen -L -f "$CERT"
t_says "config ssh" KnownHostsCommand z req1 config ssh
z req1 config ssh >"$DIR/ssh_config" 2>/dev/null
t_says "ssh reads that configuration" "identityfile $DIR/req1/run/ztjit/certs/" \
	w req1 ssh -F "$DIR/ssh_config" -G root@web1
t_no "the other host has no grant" z req1 cert root@db1
t_no "the other person has none" z req2 cert root@web1
t_ok "revoke" z lead1 revoke --yes -m "wrong machine" "$R"
t_denies "revoked" revoked z req1 ssh root@web1 id

# --- denied, cancelled, extended ---
t_ok "second request" ask
R=$(id_of)
t_denies "deny wants a reason" "say why" z lead1 deny --yes "$R"
t_ok "deny" z lead1 deny --yes -m "not today" "$R"
t_says "denied" denied z req1 show "$R"
t_ok "third request" ask
R=$(id_of)
t_ok "cancel" z req1 cancel --yes "$R"
t_says "cancelled" cancelled z req1 show "$R"
t_ok "fourth request" ask
R=$(id_of)
z lead1 approve --yes "$R" >/dev/null 2>&1
z sec1 approve --yes "$R" >/dev/null 2>&1
t_says "extend" "approvals missing" z req1 extend --yes --for 60s -m 'it takes longer' "$R"

# --- kept certificates ---
full_id() { z "$1" show --json "$2" 2>/dev/null | sed -n 's/^  "id": "\(.*\)",/\1/p'; }
granted() {
	T_OUT=$(z req1 request --yes --role root-shell --host web1 --for "$1" --ticket INC-4711 -m 'disk full on web1' 2>&1)
	G=$(id_of)
	z lead1 approve --yes "$G" >/dev/null 2>&1
	z sec1 approve --yes "$G" >/dev/null 2>&1
}
granted 2m
SHORT=$(full_id req1 "$G")
granted 4m
LONG=$G
t_says "of two grants the longer is taken" "root@web1-cert.pub" z req1 cert root@web1
t_says "and kept" "ztjit-grant-$(full_id req1 "$LONG")" ssh-keygen -L -f "$CERT"
touch -d '1 minute ago' "$CERT"
z lead1 revoke --yes -m "wrong machine" "$LONG" >/dev/null 2>&1
t_ok "a kept certificate of a revoked grant is not used" z req1 cert --quiet root@web1
t_says "while another grant is there" "ztjit-grant-$SHORT" ssh-keygen -L -f "$CERT"
t_ok "its owner cancels that one" z req1 cancel --yes "$SHORT"
t_ok "and nothing of it is kept" test ! -e "$CERT" -a ! -e "${CERT%-cert.pub}"

# --- ssh that fails ---
cat >"$DIR/req1/ssh" <<-'EOF'
	#!/bin/sh
	touch "$HOME/connected"
	while [ ! -e "$HOME/go" ]; do sleep 0.1; done
	exit 255
EOF
chmod 755 "$DIR/req1/ssh"
echo "ssh = \"$DIR/req1/ssh\";" >>"$DIR/req1/.config/ztjit/config"
failing_ssh() {
	rm -f "$DIR/req1/connected" "$DIR/req1/go"
	z req1 ssh root@web1 &
	wait_for test -e "$DIR/req1/connected"
	"$@" >/dev/null 2>&1
	touch "$DIR/req1/go"
	wait $!
}
granted 4m
t_denies "a refused login names the grant that lasts" "$G lasts until" failing_ssh true
REFUSED=$T_STATUS
t_says "and says where the reason stands" "journalctl" echo "$T_OUT"
t_ok "and exits as ssh did" [ "$REFUSED" = 255 ]
t_denies "without the broker it says so" "cannot be reached" failing_ssh broker_stop
broker_start
t_denies "a grant that was revoked meanwhile" "$G: revoked" failing_ssh z lead1 revoke --yes -m "wrong machine" "$G"
t_says "and what to type" "ztjit request --role root-shell --host web1" echo "$T_OUT"
sed -i '/^ssh = /d' "$DIR/req1/.config/ztjit/config"

# --- by hand ---
t_ok "a request written for signing by hand" z req1 request --role sudo-root --host db1 --for 60s --ticket INC-4712 \
	-m 'vacuum the database' --write "$DIR/req1/by-hand"
t_ok "is not sent" test ! -e "$DIR/req1/by-hand.sig"
t_ok "ssh-keygen signs it" w req1 env SSH_SK_PROVIDER="$SOFTKEY/.libs/libsoftkey-sk.so" \
	ssh-keygen -q -Y sign -f "$DIR/req1/.ssh/id_ztjit" -n request@ztjit "$DIR/req1/by-hand"
t_says "interop: submit takes it" "Accepted: request" z req1 submit "$DIR/req1/by-hand" "$DIR/req1/by-hand.sig"

# --- the broker away ---
z lead1 approve --yes "$R" >/dev/null 2>&1
z req1 cert root@web1 >/dev/null 2>&1
broker_stop
t_no "without the broker nothing new" ask
[ "$T_STATUS" = 3 ] && t_ok "that is an outage, not a no" true
t_ok "what is held still works" z req1 known-hosts web1
t_ok "a certificate that is held still works" z req1 cert --quiet root@web1
broker_start
chmod 755 "$DIR/req1/run/ztjit"
t_denies "F01 a runtime directory that others may enter" "0700" z req1 cert --quiet root@web1
chmod 700 "$DIR/req1/run/ztjit"
chmod 666 "$DIR/req1/.config/ztjit/policy_roots"
t_denies "F01 roots that others may write" "not writable" z req1 whoami
chmod 644 "$DIR/req1/.config/ztjit/policy_roots"
chmod 644 "$DIR/req1/run/ztjit/login.key"
t_denies "F01 a login key that others may read" "closed to everybody" z req1 whoami
chmod 600 "$DIR/req1/run/ztjit/login.key"
t_ok "logout" z req1 logout
t_denies "after logout" "ztjit login" z req1 requests
t_done
