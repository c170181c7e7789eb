#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Hosts come, change and go: seen at the host's terminal and at the registrar's.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/demo/fleet.sh
. "$here/../demo/fleet.sh"
LAB_TIMEOUT=60
lab_up "$@"
# shellcheck source=tests/root/abuse.sh
. "$here/abuse.sh"

URL=https://broker:8443
MITM=https://127.0.0.1:1
FILES='machine.key tls.key pending.json hostd.conf policy_roots policy.json user_ca.pub'

join() {
	local host=$1
	shift
	lab_in "$host" ztjit-hostd join "$@"
}
join_as() { join "$1" --broker "$URL" --pin "$PIN" "${@:2}"; }
approve() { person admin1 ztjit host approve --yes "$@"; }
digest() { grep -oE 'H-[0-9A-Z]{5}(-[0-9A-Z]{5}){3}' <<<"$T_OUT" | head -n 1; }
asking() { person admin1 ztjit host ls | grep -c 'asks since'; }
# there HOST: which files of joining are there, and nothing that a killed writer left.
# shellcheck disable=SC2086
there() { lab_in "$1" sh -c 'cd /etc/ztjit 2>/dev/null || exit 0; for f; do [ ! -e "$f" ] || echo "$f"; done' sh $FILES; }
temporaries() { lab_in "$1" sh -c 'ls -A /etc/ztjit | grep -E "\.(new|[A-Za-z0-9]{6})$"'; }
joined() { lab_in "$1" test -e /etc/ztjit/hostd.conf; }
refused() {
	local name=$1 text=$2
	shift 2
	t_denies "$name" "$text" join web1 "$@"
	t_ok "and nothing was written" [ -z "$(there web1)" ]
}

# --- what is refused before anything is written ---------------------------

# mitm KEYFILE LIE...: on web1, between it and the broker; its port is in $MITM.
mitm() {
	local key=$1
	shift
	lab_in web1 sh -c 'pkill -x liar; true'
	lab_in web1 sh -c '/lab/liar "$0" "$@" >/tmp/mitm 2>&1 &' "$key" "$URL" /root/other "$@"
	lab_wait 10 lab_in web1 grep -q '^[0-9]' /tmp/mitm || return
	MITM=https://127.0.0.1:$(lab_in web1 head -n 1 /tmp/mitm)
}

refusals() {
	refused "S18 a pin that does not match" "do not match the pin" \
		--broker "$URL" --pin ZTJ-00000-00000-00000-00000-00000
	refused "a name that is none" "--name: a-z" --broker "$URL" --pin "$PIN" --name 'Web_1'
	refused "a directory that is none" "--directory: a-z" --broker "$URL" --pin "$PIN" --directory '../people'
	refused "a directory that the policy does not know" "no registrar" \
		--broker "$URL" --pin "$PIN" --directory elsewhere
	refused "a directory of people" "vouch for people only" --broker "$URL" --pin "$PIN" --directory people
	refused "a broker that is not there" "broker:1" --broker https://broker:1 --pin "$PIN"
	refused "no TLS" "must begin with https://" --broker http://broker:8443 --pin "$PIN"
	refused "no broker at all" "--broker https://HOST:PORT is missing" --pin "$PIN"
	refused "no pin at all" "no --pin was given" --broker "$URL"
	refused "a token that is none" "--token: T- and 26 characters" --broker "$URL" --pin "$PIN" --token secret
	refused "--rename of nothing" "has no name yet" --broker "$URL" --pin "$PIN" --rename
	lab_in web1 ssh-keygen -q -t ed25519 -N '' -f /root/other
	lab_in broker cat /var/lib/ztjit-broker/frontend/tls.key >"$LAB_DIR/tmp/tls.key"
	lab_put web1 "$LAB_DIR/tmp/tls.key" /root/stolen 0600
	mitm /root/other
	refused "S18 a broker whose TLS key is not in the policy" "does not stand in the policy" \
		--broker "$MITM" --pin "$PIN"
	mitm /root/stolen body /v1/broker 'domain example' 'domain exampla'
	refused "S18 roots that were changed on the way" "do not match the pin" --broker "$MITM" --pin "$PIN"
	mitm /root/stolen body /v1/policy 'statement":"ZG' 'statement":"ZH'
	refused "S18 a policy that was changed on the way" "does not verify" --broker "$MITM" --pin "$PIN"
	lab_in web1 sh -c 'pkill -x liar; rm /root/stolen /root/other*'
	lab_clock web1 +3650d
	refused "a policy that has expired" "the policy has expired" --broker "$URL" --pin "$PIN"
	lab_clock web1 +0
	t_ok "S18 nobody was asked anything" [ "$(asking)" = 0 ]
}

# --- joining, half and whole ----------------------------------------------

full_disk() {
	lab_in db1 sh -c 'mkdir -p /etc/ztjit && mount -t tmpfs -o mode=755,size=12k tmpfs /etc/ztjit'
	t_denies "D02 a full disk" "storage is full" join_as db1 --name db1
	t_says "D02 it says how to go on" "goes on where this one stopped" echo "$T_OUT"
	t_no "D02 the host has not joined" joined db1
	t_no "D02 nothing is half written" temporaries db1
	t_no "D02 and cannot serve" lab_in db1 ztjit-hostd -t
	lab_in db1 umount /etc/ztjit
}

# Killed at whatever point: what is there is whole, and the last step is the last.
killed() {
	local i at
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		at=$(printf '0.%02d' $((i * 2)))
		lab_in db1 timeout -s KILL "$at" ztjit-hostd join --broker "$URL" --pin "$PIN" --name db1 >/dev/null 2>&1
		joined db1 && break
		lab_in db1 sh -ec 'cd /etc/ztjit 2>/dev/null || exit 0
			for k in machine.key tls.key; do [ ! -e $k ] || ssh-keygen -y -f $k; done
			for f in policy_roots policy.json user_ca.pub; do [ ! -e $f ] || [ -s $f ]; done' >/dev/null || return
	done
	# A joined host has all of it.
	! joined db1 || [ "$(there db1 | wc -l)" = 7 ]
}

joining() {
	t_says "join finds its name and directory" "asks to be servers/web1 in domain example" join_as web1
	WEB1=$(digest)
	t_ok "everything is there" [ "$(there web1 | tr '\n' ' ')" = "$FILES " ]
	t_ok "F01 keys are root's alone" lab_in web1 sh -c \
		'[ "$(stat -c "%a %u:%g" /etc/ztjit/machine.key /etc/ztjit/tls.key | sort -u)" = "600 0:0" ]'
	t_ok "F01 the rest is root's, and readable" lab_in web1 sh -c \
		'cd /etc/ztjit; [ "$(stat -c "%a %u:%g" hostd.conf policy_roots policy.json user_ca.pub pending.json | sort -u)" = "644 0:0" ]'
	t_says "joining twice" "has asked before, and waits" join_as web1
	t_ok "asks the same" [ "$(digest)" = "$WEB1" ]
	t_ok "once" [ "$(asking)" = 1 ]
	t_says "without any option, as it is" "has asked before, and waits" join web1
	t_denies "one at a time" "under way" lab_in web1 sh -c 'flock /etc/ztjit ztjit-hostd join'
	t_denies "another name is refused" "this host is servers/web1" join web1 --name other
	t_denies "another directory too" "ztjit-hostd leave" join web1 --directory people
	t_says "approved by the digest" "digest $WEB1" approve --label env=prod --digest "$WEB1" web1
	t_ok "the agent starts" fleet_start_host web1
	t_ok "and is armed" lab_wait 15 fleet_armed web1
	t_says "joining again" "admitted with these keys, nothing is asked" join web1
	t_ok "nobody is asked" [ "$(asking)" = 0 ]
	t_ok "and what was asked is forgotten" lab_in web1 test ! -e /etc/ztjit/pending.json
}

tokens() {
	local token
	t_says "a token for db1" "ztjit-hostd join" person admin1 ztjit host token --label env=data db1
	token=$(sed -n 's/.*--token //p' <<<"$T_OUT")
	t_ok "D01 joining killed at any point leaves whole files" killed
	full_disk
	t_says "joining with the token" "It proves its token" join_as db1 --name db1 --token "$token"
	t_no "D01 nothing is left of those that were killed" temporaries db1
	t_no "the token stays nowhere" lab_in db1 grep -rqF "$token" /etc/ztjit
	t_no "S18 least of all at the broker" lab_in broker grep -rqaF "$token" /var/lib/ztjit-broker
	t_says "joining again with it from standard input" "has asked before" lab_in db1 sh -c "echo $token | ztjit-hostd join --token -"
	t_says "no digest is compared" "db1 proves its token" approve db1
	t_ok "with the labels that the registrar said" sh -c 'echo "$0" | grep -q "servers/db1 *env=data"' \
		"$(person admin1 ztjit host ls)"
	t_ok "the agent starts" fleet_start_host db1
	t_ok "and is armed" lab_wait 15 fleet_armed db1
}

# --- SSH host keys --------------------------------------------------------

reach() { person req1 timeout 20 ssh -o BatchMode=yes root@web1 true; }
new_ssh_key() {
	lab_in web1 sh -ec 'cd /etc/ssh; rm ssh_host_ed25519_key*
		ssh-keygen -q -t ed25519 -N "" -f ssh_host_ed25519_key
		ssh-keygen -q -t ecdsa -N "" -f ssh_host_ecdsa_key; ssh-keygen -q -t rsa -N "" -f ssh_host_rsa_key
		pkill -x sshd; sleep 0.3'
	lab_start_sshd web1
}

host_keys() {
	person req1 sh -c 'ztjit login --yes && mkdir -p -m 700 .ssh && ztjit config ssh >.ssh/config' >/dev/null 2>&1
	t_denies "nobody sees a host-key question" "Permission denied" reach
	t_ok "nor a warning" sh -c '! echo "$0" | grep -qi "host key\|authenticity"' "$T_OUT"
	t_ok "a host gets new SSH keys" new_ssh_key
	t_denies "S18 which nobody has vouched for" "Host key verification failed" reach
	t_says "joining again asks for them" "with other SSH host keys" join web1
	WEB1=$(digest)
	t_denies "S18 that changes nothing by itself" "Host key verification failed" reach
	t_says "the registrar sees which" "SSH host keys of web1 change" approve --digest "$WEB1" web1
	t_denies "from then on they are known, without a word" "Permission denied" reach
	t_ok "nor a warning" sh -c '! echo "$0" | grep -qi "host key\|authenticity"' "$T_OUT"
	for type in ssh-ed25519 ecdsa-sha2-nistp256; do
		t_denies "by $type as well" "Permission denied" person req1 timeout 20 \
			ssh -o BatchMode=yes -o HostKeyAlgorithms=$type root@web1 true
	done
	t_denies "not by RSA, which nobody vouches for" "Host key verification failed" person req1 timeout 20 \
		ssh -o BatchMode=yes -o HostKeyAlgorithms=rsa-sha2-512 root@web1 true
	t_says "the host is what it was" "nothing is asked" join web1
}

# --- status ---------------------------------------------------------------

status() {
	grant req1 root-shell web1 4m || return
	t_ok "the host hears of it" lab_wait 10 sees "$GRANT"
	t_ok "status says who has what, approved by whom" lab_in web1 sh -c \
		"ztjit-hostd status | grep -E '^people/req1 +root-shell +login root +20.*\\(in .*\\) +20.*$GRANT +people/(lead1,people/sec1|sec1,people/lead1)'"
	master req1 held root@web1
	t_ok "and who is there, from where" lab_in web1 sh -c \
		"ztjit-hostd status | grep -E '^people/req1 +sshd +root +.*$(lab_addr req1) +20.*$GRANT'"
	person lead1 ztjit revoke --yes -m 'enough' "$GRANT" >/dev/null 2>&1
	t_ok "and what is over" lab_wait 10 says_revoked "$GRANT"
	t_no "root alone is told" lab_in web1 setpriv --reuid=nobody --clear-groups ztjit-hostd status
}
sees() { lab_in web1 ztjit-hostd status | grep -q "$1"; }
says_revoked() { lab_in web1 ztjit-hostd status | grep -E "revoked +$1"; }

# --- another name, installed anew -----------------------------------------

conf_of() { lab_in "$1" cat /etc/ztjit/hostd.conf; }

renaming() {
	lab_in web1 sh -c 'echo "guard_grace = \"2m\"; # mine" >>/etc/ztjit/hostd.conf'
	t_says "another name" "asks to be servers/web2" join web1 --rename --name web2
	WEB1=$(digest)
	t_says "it says what to do" "Restart the agent" echo "$T_OUT"
	t_says "and that it still has the old one" "stands as servers/web1" echo "$T_OUT"
	t_says "hostd.conf has it" 'name = "web2";' conf_of web1
	t_says "and is what it was otherwise" '"2m"; # mine' conf_of web1
	hostd_stop web1
	LAB_UNIT=ztjit-hostd.service lab_in web1 sh -c 'ztjit-hostd -f >>/var/log/ztjit-hostd.log 2>&1 &'
	t_ok "until it is approved it is not armed" lab_wait 10 unarmed web1
	t_says "the registrar sees whose name it was" "web1 IS RENAMED to web2" approve --digest "$WEB1" web2
	t_ok "then it is, by its new name" lab_wait 20 named web1 servers/web2
	t_ok "armed" lab_wait 15 fleet_armed web1
	t_ok "with its labels" sh -c 'echo "$0" | grep -q "servers/web2 *env=prod"' "$(person admin1 ztjit host ls)"
	t_ok "and the old name is nobody's" sh -c '! echo "$0" | grep -q servers/web1' "$(person admin1 ztjit host ls)"
}
unarmed() { lab_in "$1" ztjit-hostd status 2>/dev/null | grep -q '^armed *no'; }
named() { lab_in "$1" ztjit-hostd status 2>/dev/null | grep -q "^host *$2 "; }

installed_anew() {
	hostd_stop db1
	lab_in db1 rm -rf /etc/ztjit /var/lib/ztjit
	t_says "a host that was installed anew asks under its name" "asks to be servers/db1" join_as db1 --name db1
	DB1=$(digest)
	t_denies "its keys do not change in passing" "db1 would get new keys" approve --digest "$DB1" db1
	t_says "old and new are told" "becomes ssh-ed25519 SHA256:" echo "$T_OUT"
	t_says "they change when that is said" "THE KEYS OF db1 CHANGE" approve --new-keys --digest "$DB1" db1
	t_ok "the agent starts" fleet_start_host db1
	t_ok "and is armed" lab_wait 15 fleet_armed db1
}

# --- leaving --------------------------------------------------------------

leave() { lab_in db1 ztjit-hostd leave "$@"; }

leaving() {
	lab_in db1 su -s /bin/sh -c true nobody # something to remember
	t_denies "the agent must have stopped" "the agent is running" leave --yes
	t_ok "and nothing was removed" [ "$(there db1 | wc -l)" = 7 ]
	hostd_stop db1
	t_denies "a host that is still armed would lock everybody out" "ztjit-hostd uninstall" leave --yes
	lab_in db1 rm /etc/ssh/sshd_config.d/10-ztjit.conf
	lab_in db1 sh -c 'touch "/var/lib/ztjit/records/$(printf %064d 7).meta"'
	t_denies "a record that the broker does not have" "1 records of sessions have not reached the broker" leave --yes
	t_denies "without a terminal nobody is asked" "leave --yes" leave --drop-records
	t_ok "all is still there" [ "$(there db1 | wc -l)" = 7 ]
	t_says "it leaves" "This host has left" leave --yes --drop-records
	t_says "and says what a registrar does" "ztjit host remove servers/db1" echo "$T_OUT"
	t_ok "no key, no root, no policy is left" [ -z "$(there db1)" ]
	t_ok "hostd.conf is kept aside" lab_in db1 test -e /etc/ztjit/hostd.conf.left
	t_ok "nothing that it held" lab_in db1 sh -c '[ "$(ls /var/lib/ztjit/hostd)" = spool ]'
	t_ok "but the log of decisions" lab_in db1 test -s /var/lib/ztjit/hostd/spool/decisions.jsonl
	t_no "it does not serve" lab_in db1 ztjit-hostd -f
	t_says "leaving twice" "nothing to leave" leave --yes
	t_says "the registrar removes it" "- host db1" person admin1 ztjit host remove --yes db1
	t_ok "it is gone" sh -c '! echo "$0" | grep -q servers/db1' "$(person admin1 ztjit host ls)"
	t_says "it may come again" "asks to be servers/db1" join_as db1 --name db1
	DB1=$(digest)
	t_says "as one that was removed" "AGAIN, was removed before" approve --label env=data --digest "$DB1" db1
}

half_left() {
	t_ok "D01 leaving killed at any point" leave_killed
	t_says "D01 goes on where it stopped" "This host has" leave --yes
	t_ok "D01 to the end" [ -z "$(there db1)" ]
}
leave_killed() {
	local at
	for at in 0.002 0.004 0.008; do
		lab_in db1 timeout -s KILL "$at" ztjit-hostd leave --yes >/dev/null 2>&1
	done
	# whoever lost one key has lost the right to speak, and says so
	joined db1 || ! there db1 | grep -q key
}

# --- test machines that the broker admits by itself -----------------------

# With a directory for them, whose registrars are the broker and the person who is registrar of everything.
auto_policy() {
	local online key
	key=$(cut -d' ' -f1,2 <"$LAB_DIR/tmp/admin1.pub")
	online=$(sed -n 's/^ *online = \[* *"\([^"]*\)".*/\1/p' "$LAB_DIR/tmp/policy.conf")
	sed -e 's/^version = 1;/version = 2;/' -e "s#^  { directory = \"servers\"; .*#  { directory = \"lab\"; keys = [ \"$online\", \"$key\" ]; threshold = 1; auto_join = true; labels = { env = \"test\"; }; },\n&#" \
		"$LAB_DIR/tmp/policy.conf"
}

auto_join() {
	local token
	auto_policy >"$LAB_DIR/tmp/policy2.conf"
	lab_put admin1 "$LAB_DIR/tmp/policy2.conf" /home/admin1/policy2.conf
	fleet_do admin1 "ztjit policy sign --yes policy2.conf && ztjit policy push --yes policy2.conf" || return
	token=$(lab_in broker ztjit-broker token)
	lab_in broker sh -ec 'umask 077; echo "$0" >/etc/auto_join
		echo "auto_join = \"/etc/auto_join\";" >>/var/lib/ztjit-broker/broker.conf' "$token"
	fleet_stop_broker
	sleep 0.5
	fleet_start_broker
	hostd_stop db1
	lab_in db1 rm -rf /etc/ztjit /var/lib/ztjit
	t_denies "two directories of hosts: one must be named" "say --directory" join_as db1 --name lab1
	t_says "a test machine proves the token" "asks to be lab/lab1" join_as db1 --directory lab --name lab1 --token "$token"
	fleet_start_host db1
	t_ok "and is armed, with nobody looking" lab_wait 20 fleet_armed db1
	t_says "it stands" "nothing is asked" join db1
	t_ok "with the labels of the policy" sh -c 'echo "$0" | grep -q "lab/lab1 *env=test"' "$(person admin1 ztjit host ls)"
}

t_ok "machines" fleet_up
lab_share "$ZTJ_BUILDDIR/tests/cli/liar"
t_ok "a broker" fleet__broker
t_ok "people" fleet__people
fleet_all req1,lead1,sec1 "ztjit login --yes"
PIN=$(cat "$LAB_DIR/tmp/pin")
refusals
joining
tokens
host_keys
status
renaming
installed_anew
leaving
half_left
auto_join
[ "$T_FAILED" -eq 0 ] || fleet_logs
t_done
