#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The demonstration: from nothing to a grant, its use, its end, and the
# refusals, on real parts in a lab of machines. tools/demo runs it.
#   flow.sh [--shell]
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=tests/demo/transcript.sh
. "$here/transcript.sh"
# shellcheck source=tests/demo/fleet.sh
. "$here/fleet.sh"

if [ "${1:-}" = --shell ]; then
	export LAB_TTY=yes
fi
LAB_TIMEOUT=120
export ROOT_RECORD=output
FLEET_JIT=yes
lab_up "$@"

# request_id: the short id in the last output.
request_id() { grep -oE 'R-[0-9A-HJKMNP-TV-Z]{10}' <<<"$OUT" | head -n 1; }

from_nothing() {
	chapter "From nothing: the first key, the broker, the policy"
	run admin1 "ztjit enroll --offline --domain example admin1"
	person admin1 cat .ssh/id_ztjit.pub >"$LAB_DIR/tmp/admin1.pub"
	lab_put broker "$LAB_DIR/tmp/admin1.pub" /root/admin1.pub
	run broker "ztjit-broker init --domain example --root admin1.pub --threshold 1 --dir /var/lib/ztjit-broker --url https://broker:8443 --listen 0.0.0.0:8443"
	PIN=$(grep -oE 'ZTJ-[0-9A-Z-]+' <<<"$OUT" | head -n 1)
	fleet_policy "$OUT" >"$LAB_DIR/tmp/policy.conf"
	lab_put admin1 "$LAB_DIR/tmp/policy.conf" /home/admin1/policy.conf
	fleet_start_broker
	run admin1 "ztjit init --broker https://broker:8443 --pin $PIN"
	run admin1 "ztjit policy check policy.conf"
	run admin1 "ztjit policy sign --yes policy.conf"
	run admin1 "ztjit policy push --yes policy.conf"
	run admin1 "ztjit login --as registrar --yes"
}

people() {
	local who
	chapter "People enroll; a registrar admits them with one touch"
	for who in admin1 req1 req2 lead1 sec1; do
		[ "$who" = admin1 ] || run "$who" "ztjit init --broker https://broker:8443 --pin $PIN"
		run "$who" "ztjit enroll --yes $who"
	done
	run admin1 "ztjit user approve --yes --directory people --group sre req1 req2"
	run admin1 "ztjit user approve --yes --directory people --group sre-leads lead1"
	run admin1 "ztjit user approve --yes --directory people --group security sec1"
	run admin1 "ztjit user approve --yes --directory people admin1"
	says admin1 "people/req1" "ztjit user ls"
}

# armed NAME: one transaction; then the agent and sshd, as systemd starts them elsewhere.
armed() {
	says "$1" "ztjit-hostd install --confirm" "ztjit-hostd install --yes 2>&1 | tail -n 6"
	fleet_agent "$1"
}

hosts() {
	local digest join who
	chapter "Servers join by the pin; a registrar admits them by the digest they show, or by a token that was given out"
	run web1 "ztjit-hostd join --broker https://broker:8443 --pin $PIN --directory servers --name web1"
	digest=$(grep -oE 'H-[0-9A-Z]{5}(-[0-9A-Z]{5}){3}' <<<"$OUT" | head -n 1)
	says admin1 "--token" "ztjit host token --label env=data db1"
	join=$(grep -oE 'ztjit-hostd join .*--token T-[0-9A-Z-]+' <<<"$OUT" | head -n 1)
	run db1 "$join"
	note "armed: sshd, PAM, name service and sudo, shown, verified, and undone unless somebody confirms in time"
	says web1 "+TrustedUserCAKeys" "ztjit-hostd install --dry-run | grep -A 12 10-ztjit.conf"
	armed web1
	armed db1
	run admin1 "ztjit host approve --yes --directory servers --label env=prod --digest $digest web1"
	run admin1 "ztjit host approve --yes db1"
	lab_wait 45 fleet_armed web1
	lab_wait 45 fleet_armed db1
	note "people can get in now: it stays"
	run web1 "ztjit-hostd install --confirm"
	run db1 "ztjit-hostd install --confirm"
	says web1 "servers/web1" "ztjit-hostd status"
	says db1 "ok" "ztjit doctor | grep -E 'sshd|pam|sudo|FAIL'"
	says db1 "clean" "ztjit scan"
	for who in req1 req2 lead1 sec1; do
		run "$who" "ztjit login --yes"
	done
}

root_on_web1() {
	chapter "Root on web1: asked for, approved by two teams, used"
	refused req1 "ztjit request --role" "ztjit ssh root@web1 id"
	note "nobody is in by default; the refusal says what to type"
	refused req1 "ticket" "ztjit request --yes --role root-shell --host web1 --for 3m --ticket none -m 'disk full on web1'"
	run req1 "ztjit request --yes --no-wait --role root-shell --host web1 --for 3m --ticket INC-4711 -m 'disk full on web1'"
	ROOT_GRANT=$(request_id)
	refused req1 "" "ztjit approve --yes $ROOT_GRANT"
	note "nobody approves their own request"
	says lead1 "INC-4711" "ztjit show $ROOT_GRANT"
	run lead1 "ztjit approve --yes $ROOT_GRANT"
	refused req1 "approval" "ztjit ssh root@web1 id"
	run sec1 "ztjit approve --yes --for 2m -m 'shorter is enough' $ROOT_GRANT"
	note "the shorter limit of an approver counts"
	says req1 "uid=0(root)" "ztjit ssh root@web1 id"
	says req1 "ztjit-grant-" "ztjit cert root@web1 | xargs ssh-keygen -L -f"
	run req1 "mkdir -p -m 700 .ssh && ztjit config ssh > .ssh/config"
	says req1 "uid=0(root)" "ssh root@web1 id"
	run req1 "echo hello > report && scp -q report root@web1:/root/report && ssh root@web1 cat /root/report"
	refused req2 "" "ssh -o BatchMode=yes root@web1 id"
	refused req1 "" "ztjit ssh root@db1 id"
	note "not for another person, not on another host"
}

revocation() {
	chapter "Revoked: the running session ends, and the connection with it"
	start session req1 "ssh -M -S ~/.ssh/mux root@web1 'setsid sleep 300 & echo working; sleep 300'"
	lab_wait 10 grep -q working "${JOB_OUT[session]}"
	says req1 "uid=0(root)" "ssh -S ~/.ssh/mux root@web1 id"
	run lead1 "ztjit revoke --yes -m 'wrong machine' $ROOT_GRANT"
	finish session any
	refused req1 "" "ssh -S ~/.ssh/mux -o ControlMaster=no root@web1 id"
	says web1 "gone" "pgrep -x sleep -a | grep 300 || echo gone"
	refused req1 "revoked" "ztjit ssh root@web1 id"
}

sudo_on_db1() {
	local code
	chapter "sudo on db1, where nobody has an account: there is one, and a group, exactly while the grant runs"
	refused db1 "" "grep -E '^(req1|ztjit-root):' /etc/passwd /etc/group /etc/sudoers"
	says db1 "nologin" "getent passwd req1; id req1"
	says db1 "not allowed" "sudo -l -U req1"
	run req1 "ztjit request --yes --no-wait --role sudo-root --host db1 --for 70s --ticket INC-4712 -m 'vacuum the database'"
	SUDO_GRANT=$(request_id)
	run lead1 "ztjit approve --yes $SUDO_GRANT"
	lab_wait 5 demo_in_group
	says db1 "ztjit-root" "getent passwd req1; id req1"
	says db1 "(ALL : ALL) ALL" "sudo -l -U req1"
	says req1 "uid=0(root)" "script -qec 'ztjit ssh -t db1 \"touch vacuumed; sudo id && sudo -n id\"' /dev/null"
	note "one touch by the forwarded step-up agent; the second sudo rode on it"
	says db1 "req1" "ztjit-hostd status | sed -n '/^Has access/,\$p'"
	note "without the agent: a code, typed where the key is"
	start confirm req1 "script -qec 'ssh -tt -o ForwardAgent=no db1 sudo id' /dev/null"
	lab_wait 20 grep -qE '[0-9A-Z]{4}-[0-9A-Z]{4}' "${JOB_OUT[confirm]}"
	code=$(grep -oE '\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b' "${JOB_OUT[confirm]}" | head -n 1)
	run req1 "ztjit confirm --yes $code"
	finish confirm 0 "uid=0(root)"
	note "after the window"
	lab_wait 90 fleet_ended "$SUDO_GRANT"
	refused req1 "ztjit request" "ztjit ssh db1 sudo id"
	says db1 "not allowed" "id req1; sudo -l -U req1"
	says db1 "req1" "ls -l /home/req1/vacuumed"
	note "no group, no shell, no sudo; the name stays with what it belongs to"
}

demo_in_group() { lab_in db1 id -nG req1 | grep -qw ztjit-root; }

standing() {
	chapter "Standing access: planted, found, and gone"
	run db1 "echo 'games ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/games; chmod 0440 /etc/sudoers.d/games
		mkdir -p -m 700 /root/.ssh && cp /etc/ssh/ssh_host_ed25519_key.pub /root/.ssh/authorized_keys
		cp /bin/dash /usr/local/bin/rootsh && chmod 4755 /usr/local/bin/rootsh
		groupadd -f docker && gpasswd -a www-data docker"
	refused db1 "/usr/local/bin/rootsh" "ztjit scan --send"
	refused sec1 "entries" "ztjit report standing"
	note "the commands that it printed, typed"
	run db1 "ztjit scan | sed -n 's/^ *remove: //p' > /root/obey; bash -ex /root/obey"
	says db1 "clean" "ztjit scan --send"
	says sec1 "clean" "ztjit report standing --host db1"
}

# session_id: the first session in the last output.
session_id() { grep -oE 'S-[0-9A-HJKMNP-TV-Z]{10}' <<<"$OUT" | head -n 1; }

recorded() {
	local grant id sftp
	chapter "Recorded: followed live from another terminal, ended, played afterwards"
	run req1 "ztjit request --yes --no-wait --role root-shell --host web1 --for 4m --ticket INC-4715 -m 'look at the logs'"
	grant=$(request_id)
	run lead1 "ztjit approve --yes $grant"
	run sec1 "ztjit approve --yes $grant"
	note "a transfer is recorded too: what ran, how many bytes, their digests"
	run req1 "echo 'put report /root/report' | sftp -q -b - root@web1"
	says sec1 "sftp-server" "ztjit sessions ls"
	sftp=$(session_id)
	says sec1 "sha256" "ztjit sessions export --yes --quiet --format json $sftp | tail -n 1"
	start shell req1 "(sleep 1; echo 'echo the answer is \$((6*7))'; sleep 1; echo 'tmux -L t new -d \"sleep 77\"; nohup sleep 78 & echo detached'; sleep 9) | script -qec 'ssh -tt root@web1' /dev/null"
	lab_wait 20 demo_open_shell
	says sec1 "(shell)" "ztjit sessions ls --state open"
	id=$(session_id)
	start tail sec1 "ztjit sessions tail --yes $id"
	lab_wait 20 grep -q "detached" "${JOB_OUT[tail]}"
	run lead1 "ztjit revoke --yes -m 'that is enough' $grant"
	finish shell any
	finish tail 0 "the answer is 42"
	says web1 "gone" "pgrep -xa sleep | grep -E ' 7[78]\$' || echo gone"
	note "tmux and nohup did not help; what was recorded is signed by the host and plays anywhere"
	says sec1 "the answer is 42" "ztjit sessions play --yes --speed 50 $id"
	says sec1 "answer is 42" "ztjit sessions search --yes 'answer is [0-9]+' $id"
	run sec1 "ztjit sessions export --yes --quiet -o session.cast $id"
	person sec1 cat session.cast >"$LAB_DIR/tmp/session.cast"
	says desk "the answer is 42" "script -qec 'asciinema cat $LAB_DIR/tmp/session.cast' /dev/null"
	refused req2 "" "ztjit sessions play --yes $id"
	note "one byte of the record is changed on the broker"
	run broker "cd /var/lib/ztjit-broker/store/records && printf X | dd of=$id bs=1 seek=200 conv=notrunc status=none"
	refused sec1 "this is not the record that" "ztjit sessions play --yes $id"
}

demo_open_shell() { person sec1 ztjit sessions ls --state open 2>/dev/null | grep -q '(shell)'; }
demo_closed() { person sec1 ztjit sessions show "$1" 2>/dev/null | grep -q '(closed)'; }

broker_away() {
	local grant id
	chapter "The broker is away: within the freshness bound it works, beyond it does not"
	run req1 "ztjit request --yes --no-wait --role root-shell --host web1 --for 4m --ticket INC-4716 -m 'watch the queue'"
	grant=$(request_id)
	run lead1 "ztjit approve --yes $grant"
	run sec1 "ztjit approve --yes $grant"
	start away req1 "(sleep 1; for i in 1 2 3 4 5 6 7 8; do echo echo line \$i; sleep 2; done; echo exit) | script -qec 'ssh -tt root@web1' /dev/null"
	lab_wait 20 demo_open_shell
	says sec1 "(shell)" "ztjit sessions ls --state open"
	id=$(session_id)
	run req1 "ztjit request --yes --no-wait --role sudo-root --host db1 --for 4m --ticket INC-4713 -m 'finish the vacuum'"
	run lead1 "ztjit approve --yes $(request_id)"
	says req1 "req1" "ztjit ssh db1 id -un"
	fleet_stop_broker
	says req1 "req1" "ssh db1 id -un"
	lab_wait 10 demo_broker_gone
	run broker "cp -a /var/lib/ztjit-broker /root/earlier"
	note "somebody has a copy of the whole broker now"
	sleep "$FRESHNESS"
	refused req1 "" "ssh -o BatchMode=yes db1 id -un"
	says db1 "not connected" "ztjit-hostd status"
	fleet_start_broker
	lab_wait 60 fleet_fresh db1
	lab_wait 60 fleet_fresh web1
	says req1 "req1" "ssh db1 id -un"
	finish away 0 "line 8"
	note "a session went on meanwhile; its record is whole"
	lab_wait 20 demo_closed "$id"
	says sec1 "line 8" "ztjit sessions export --yes --format text $id"
}

clock_back() {
	chapter "A clock set back gains nothing"
	run req1 "ztjit request --yes --no-wait --role root-shell --host web1 --for 15s --ticket INC-4714 -m 'one last look'"
	local grant
	grant=$(request_id)
	run lead1 "ztjit approve --yes $grant"
	run sec1 "ztjit approve --yes $grant"
	says req1 "uid=0(root)" "ztjit ssh root@web1 id"
	lab_wait 30 fleet_ended "$grant"
	lab_clock web1 -1h
	note "the clock of web1 now stands one hour back"
	refused req1 "" "ssh -o BatchMode=yes root@web1 id"
	lab_clock web1 +0
}

reports() {
	chapter "Reports: made of the proved log, to be handed on"
	says sec1 "under a grant" "ztjit report metrics | grep -E 'Sessions|under a grant|recorded|median|left'"
	says sec1 "$ROOT_GRANT" "ztjit report access --user req1 | cut -c -160"
	says sec1 "Evidence" "ztjit report controls | sed -n '/CC6.3/,/^\$/p'"
	run sec1 "ztjit report metrics --format html -o metrics.html && ls -l metrics.html"
	note "one page that loads nothing and runs nothing, for a browser or a printer"
}

audit() {
	local size bundle
	chapter "The audit log: who asked, who approved, what happened; and that nothing of it was changed"
	says sec1 "$SUDO_GRANT" "ztjit audit show $SUDO_GRANT"
	says sec1 "decision" "ztjit audit ls --kind decision --outcome denied | tail -n 5"
	refused req1 "" "ztjit audit ls"
	says sec1 "" "ztjit audit verify"
	note "somebody has a copy, and changes one byte of one leaf in it"
	lab_in broker tar -C /var/lib/ztjit-broker/store -cf - log >"$LAB_DIR/tmp/log.tar"
	lab_put sec1 "$LAB_DIR/tmp/log.tar" /home/sec1/log.tar
	run sec1 "tar -xf log.tar && ztjit audit verify --dir log"
	size=$(person sec1 sed -n 2p log/checkpoint)
	bundle=log/tile/entries/000
	[ "$size" -ge 256 ] || bundle+=.p/$size
	run sec1 "printf X | dd of=$bundle bs=1 seek=2000 conv=notrunc status=none"
	refused sec1 "leaf" "ztjit audit verify --dir log"
	note "or takes a leaf out, with the hashes that would tell"
	run sec1 "rm -r log && tar -xf log.tar && rm -r log/tile/0 && perl -0777 -pi -e 's/..\\{\"v\":1,\"n\":5,.*?(?=..\\{\"v\":1,\"n\":6,)//s' $bundle"
	refused sec1 "leaf 5: here stands the leaf that was number 6" "ztjit audit verify --dir log"
}

proof() {
	local court=$LAB_DIR/tmp
	chapter "A proof of the grant on web1, for somebody who has neither the broker nor ztjit"
	run sec1 "ztjit audit proof -o root.proof $ROOT_GRANT"
	says sec1 "people/req1 asked for root-shell on servers/web1" "ztjit audit verify-proof root.proof"
	person sec1 cat root.proof >"$court/root.proof"
	person sec1 cat .config/ztjit/policy_roots >"$court/policy_roots"
	person sec1 ztjit audit proof --recipe >"$court/verify-proof.sh"
	note "a court gets it with the roots, and a script for ssh-keygen, openssl and coreutils"
	says desk "PROVED" "cd $court && sh verify-proof.sh root.proof policy_roots root"
	note "one letter of the reason is changed"
	refused desk "REFUSED" "cd $court && sed 's/disk full/disk fulL/' root.proof >forged.proof && sh verify-proof.sh forged.proof policy_roots forged"
}

demo_broker_gone() { ! lab_in broker pgrep -x ztjit-broker >/dev/null; }
demo_rolled_back() { lab_in web1 grep -q log-rollback /var/lib/ztjit/hostd/spool/decisions.jsonl; }
# another_broker COMMAND: while none runs.
another_broker() {
	fleet_stop_broker
	lab_wait 10 demo_broker_gone
	run broker "$1"
	fleet_start_broker
}

rolled_back() {
	chapter "The whole broker of some minutes ago is put back: who remembers a checkpoint sees it"
	another_broker "mv /var/lib/ztjit-broker /root/true && mv /root/earlier /var/lib/ztjit-broker"
	refused sec1 "a checkpoint was signed for" "ztjit audit verify"
	lab_wait 60 demo_rolled_back
	says web1 "log-rollback" "grep -o '\"event\":\"alarm\",\"code\":\"log-rollback\".*' /var/lib/ztjit/hostd/spool/decisions.jsonl"
	note "the true one comes back, and all is good again"
	another_broker "rm -r /var/lib/ztjit-broker && mv /root/true /var/lib/ztjit-broker"
	says sec1 "is whole" "ztjit audit verify"
}

interactive() {
	cat <<-TXT

		A shell per machine: "on req1" (or req2, lead1, sec1, admin1: people with a security key;
		broker, web1, db1: servers, as root). Leave this shell to take the lab down.
	TXT
	on() { case " $PEOPLE " in *" $1 "*) LAB_TIMEOUT=0 person "$1" bash -i ;; *) LAB_TIMEOUT=0 lab_in "$1" bash -i ;; esac; }
	while read -r -e -p 'demo> ' line; do
		[ "$line" != exit ] || break
		eval "$line"
	done
}

fleet_up
fleet_record web1 root
from_nothing
people
[ "${DEMO_UNTIL:-}" != people ] || exit
hosts
[ "${DEMO_UNTIL:-}" != hosts ] || exit
if [ "${1:-}" = --shell ]; then
	interactive
	exit 0
fi
root_on_web1
[ "${DEMO_UNTIL:-}" != web1 ] || { fleet_logs; exit; }
revocation
recorded
sudo_on_db1
[ "${DEMO_UNTIL:-}" != db1 ] || { fleet_logs; exit; }
standing
[ "${DEMO_UNTIL:-}" != scan ] || { fleet_logs; exit; }
broker_away
clock_back
audit
proof
reports
rolled_back
closing
