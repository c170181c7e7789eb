#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Groups and accounts just in time: nobody has an account on the host, and nobody is in a group, but while a grant runs.
# What a lab cannot show is a new boot id: unit tests have that.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/demo/fleet.sh
. "$here/../demo/fleet.sh"
LAB_TIMEOUT=60
FRESHNESS=600
FLEET_JIT=yes
FLEET_GIDS='ztjit-web = 61001;'
FLEET_ROLES='web-ops = { login = [ "self" ]; become = [ "root" ]; groups = [ "ztjit-web" ]; record = "none"; };
	seen-root = { login = [ "self" ]; become = [ "root" ]; groups = [ "ztjit-root" ]; };'
FLEET_RULES='{ name = "db-web"; who = [ "@sre" ]; roles = [ "web-ops", "seen-root" ]; hosts = { env = "data"; };
	max = "5m"; request_valid = "10m"; approvals = ( { count = 1; from = [ "@sre-leads" ]; } );
	step_up = [ "agent", "confirm" ]; step_up_every = "1m"; freshness = "600s"; on_stale = "deny"; },'
lab_up "$@"
# shellcheck source=tests/root/abuse.sh
. "$here/abuse.sh"

shell_is() { [ "$(lab_in "$1" getent passwd "$2" | cut -d: -f7)" = "$3" ]; }
in_group() { lab_in "$1" id -nG "$2" | tr ' ' '\n' | grep -qx "$3"; }
not_in_group() { ! in_group "$@"; }
can_sudo() { lab_in "$1" sudo -l -U "$2"; }
login() { person "$1" timeout 30 ztjit ssh -o BatchMode=yes db1 "$2"; }
# touched WHO CMD...: WHO confirms the code if CMD shows one.
touched() {
	local who=$1 status
	shift
	: >"$ABUSE_OUT"
	"$@" >"$ABUSE_OUT" 2>&1 </dev/null &
	BEGUN=$!
	until code_shown || ! kill -0 "$BEGUN" 2>/dev/null; do sleep 0.2; done
	[ -z "$CODE" ] || person "$who" ztjit confirm --yes "$CODE" >/dev/null
	wait "$BEGUN"
	status=$?
	cat "$ABUSE_OUT"
	return "$status"
}
unknown_here() { ! lab_in "$1" getent passwd "$2"; }

before() {
	t_says "a person of the directory has an id here" ":20000:20000:" lab_in db1 getent passwd req1
	t_no "and no account in a file" lab_in db1 grep -q '^req1:' /etc/passwd
	t_ok "and no shell" shell_is db1 req1 /usr/sbin/nologin
	t_says "by id as well" "req2:" lab_in db1 getent passwd 20001
	t_says "the role's group is there" "ztjit-root:" lab_in db1 getent group ztjit-root
	t_says "with the id that the policy says" ":61000:" lab_in db1 getent group ztjit-root
	t_ok "and nobody in it" not_in_group db1 req1 ztjit-root
	t_says "sudo -l before a grant" "not allowed to run sudo" can_sudo db1 req1
	t_no "and no way in" login req1 id
	t_no "N02 the agent resolves without itself: no file of ours is open in it" lab_in db1 sh -c '
		ls -l /proc/[0-9]*/fd 2>/dev/null | grep -E "/run/ztjit/(people|grants)$"'
	t_says "the files are root'\''s" "644 root root" lab_in db1 stat -c '%a %U %G' /run/ztjit/people /run/ztjit/grants
}

during() {
	t_ok "a grant" grant req1 sudo-root db1 5m
	OWN=$GRANT
	t_ok "puts the person into the group" lab_wait 5 in_group db1 req1 ztjit-root
	t_ok "and gives a shell" shell_is db1 req1 /bin/bash
	t_ok "nobody else is in it" not_in_group db1 req2 ztjit-root
	t_says "sudo -l tells the truth" "(ALL : ALL) ALL" can_sudo db1 req1
	t_says "a login without a local account" "uid=20000(req1) gid=20000(req1)" login req1 id
	t_says "has the group" "61000(ztjit-root)" login req1 id
	t_says "in a home directory of its own" "/home/req1 req1 700" login req1 'echo "$(pwd) $(stat -c "%U %a" "$HOME")"'
	t_ok "a connection that stays" master req1 own db1
	t_says "sudo with a touch" "uid=0(root)" confirmed req1 over req1 own 'sudo -n id'
	t_says "sudo -l in it" "(ALL : ALL) ALL" touched req1 over req1 own 'sudo -n -l'
	t_says "su - with a touch" "root /root" touched req1 over req1 own 'su -l -c "echo \$(id -un) \$(pwd)" root'
	t_says "newgrp" "ztjit-root" over req1 own 'echo "id -gn" | newgrp ztjit-root'
	t_ok "a file of the person's and the group's" over req1 own 'touch /var/tmp/mine && chgrp ztjit-root /var/tmp/mine'
	over req1 own 'setsid sleep 7401 >/dev/null 2>&1 &'
}

# What a group may do is sudoers' word.
scoped() {
	lab_in db1 sh -c 'echo "%ztjit-web ALL=(root) /usr/bin/id, !/usr/bin/id -Z" >/etc/sudoers.d/web && visudo -qc'
	t_ok "a grant of another role" grant req2 web-ops db1 5m
	t_ok "is another group" lab_wait 5 in_group db1 req2 ztjit-web
	t_ok "and not the first" not_in_group db1 req2 ztjit-root
	t_says "sudo -l says what it may" "(root) /usr/bin/id" can_sudo db1 req2
	t_ok "a connection" master req2 web db1
	t_says "that it may" "uid=0(root)" confirmed req2 over req2 web 'sudo -n /usr/bin/id'
	t_denies "and nothing else" "not allowed" touched req2 over req2 web 'sudo -n /bin/cat /etc/shadow'
	t_says "su would go past sudoers" "root" touched req2 over req2 web 'su -c "id -un" root'
	lab_in db1 sed -i 's/^auth  *required  *pam_ztjit.so/auth required pam_wheel.so use_uid group=ztjit-root\n&/' /etc/pam.d/su /etc/pam.d/su-l
	t_denies "with pam_wheel it is for those who may everything" "" over req2 web 'su -c "id -un" root'
	t_says "who still may" "root" touched req1 over req1 own 'su -c "id -un" root'
}

# Whatever runs as req1 and has this group in the kernel's list.
somebody_in() { lab_in db1 sh -c "grep -lsE '^Uid:.20000' /proc/[0-9]*/status | xargs -r grep -lsE '^Groups:.*\\b$1\\b'" | grep -q .; }
nobody_in() { ! somebody_in "$1"; }
none_sleeps() { ! lab_in db1 pgrep -f '^sleep 7401'; }

after() {
	t_ok "a second grant of another role" grant req1 web-ops db1 5m
	t_ok "is a second group" lab_wait 5 in_group db1 req1 ztjit-web
	t_ok "a connection while both run" master req1 both db1
	over req1 both 'setsid sleep 7402 >/dev/null 2>&1 &'
	t_ok "has the first group, in the kernel" lab_wait 5 somebody_in 61000
	t_ok "the first is revoked" fleet_do lead1 "ztjit revoke --yes -m 'done with it' $OWN"
	t_ok "everything of the session is gone" lab_wait 5 none_sleeps
	t_ok "P3 nothing of the person is in the group any more, by whichever grant it came" lab_wait 5 nobody_in 61000
	t_ok "the group was left before" not_in_group db1 req1 ztjit-root
	t_says "sudo -l in a session of the second" "(root) /usr/bin/id" touched req1 login req1 'sudo -n -l'
	t_denies "a new sudo is refused what the first allowed" "not allowed" touched req1 login req1 'sudo -n /bin/true'
	t_ok "the second is revoked" fleet_do lead1 "ztjit revoke --yes -m 'done with it' $GRANT"
	t_ok "its group is left" lab_wait 5 not_in_group db1 req1 ztjit-web
	t_says "sudo -l after" "not allowed to run sudo" can_sudo db1 req1
	t_ok "no shell" shell_is db1 req1 /usr/sbin/nologin
	t_no "no way in" login req1 id
	t_says "names of a file still resolve" "req1 ztjit-root" lab_in db1 stat -c '%U %G' /var/tmp/mine
	t_ok "the other's goes on" in_group db1 req2 ztjit-web
	t_ok "in its session as well" alive req2 web
}

recorded() {
	fleet_record db1
	t_ok "the recorder is there" eval 'hostd_stop db1 && hostd_start db1'
	t_ok "a restart forgets nobody" in_group db1 req2 ztjit-web
	t_ok "a grant of a role that is recorded" grant req1 seen-root db1 5m
	SEEN=$GRANT
	t_ok "gives the recorder as shell" lab_wait 5 shell_is db1 req1 /usr/bin/ztjit-rec
	t_says "a command runs, in the home directory" "/home/req1" login req1 pwd
	t_ok "and was recorded" lab_wait 15 eval 'grep -qE "req1.*db1" <<<"$(person sec1 ztjit sessions ls 2>&1)"'
	lab_in db1 sh -c 'rm -r /home/req1; sed -i "/pam_mkhomedir/s/^/#/" /etc/pam.d/sshd'
	t_says "without a home directory it starts in the root" "/" login req1 pwd
	t_no "and none is made" lab_in db1 test -e /home/req1
	lab_in db1 sed -i '/pam_mkhomedir/s/^#//' /etc/pam.d/sshd
	t_says "it is made where it is missing" "/home/req1" login req1 pwd
	t_ok "it is revoked" fleet_do lead1 "ztjit revoke --yes -m 'done with it' $SEEN"
	t_ok "and the shell with it" lab_wait 5 shell_is db1 req1 /usr/sbin/nologin
}

# N03
collisions() {
	t_denies "N03 useradd takes no uid of ours" "not unique" lab_in db1 useradd -M -u 20002 other
	t_ok "N03 but by force" lab_in db1 useradd -M -o -u 20002 other
	t_ok "N03 who had it is no longer published" lab_wait 45 unknown_here db1 lead1
	t_ok "N03 with an alarm" decision db1 alarm exists "uid 20002"
	t_says "N03 and the status says so" "/etc/passwd has that uid" lab_in db1 ztjit-hostd status
	lab_in db1 userdel other
	t_ok "N03 gone, it is as before" lab_wait 45 lab_in db1 getent passwd lead1
}

unheard() {
	lab_in db1 pkill -STOP -u ztjit-mirror
	t_ok "news do not reach the host" grant req1 sudo-root db1 5m
	t_denies "the first login teaches it the grant" "log in again" login req1 id
	t_says "the next has a shell" "61000(ztjit-root)" login req1 id
	lab_in db1 pkill -CONT -u ztjit-mirror
	t_ok "and again when they do" fleet_do lead1 "ztjit revoke --yes -m 'done with it' $GRANT"
	t_ok "it is gone" lab_wait 10 not_in_group db1 req1 ztjit-root
}

# N01: the end stands in the file.
agent_dead() {
	t_ok "a short grant" grant req1 sudo-root db1 25s
	local end=$((SECONDS + 27))
	t_ok "is there" lab_wait 5 in_group db1 req1 ztjit-root
	lab_in db1 pkill -KILL -x ztjit-hostd
	t_ok "N01 the agent is killed -9" lab_wait 5 hostd_gone db1
	t_ok "N01 everybody resolves" lab_in db1 getent passwd req1
	while [ "$SECONDS" -le "$end" ]; do sleep 0.5; done
	t_ok "N01 the membership ended by itself" not_in_group db1 req1 ztjit-root
	t_ok "N01 and the shell" shell_is db1 req1 /usr/sbin/nologin
	t_ok "the agent comes back" hostd_start db1
	t_ok "and nothing with it" not_in_group db1 req1 ztjit-root
}

reboot() {
	t_ok "a grant" grant req1 sudo-root db1 5m
	t_ok "is there" lab_wait 5 in_group db1 req1 ztjit-root
	lab_stop db1
	lab_server db1
	t_ok "G06 after a reboot nobody is known" unknown_here db1 req1
	lab_in db1 mkdir -p /run/ztjit
	t_ok "until the agent is there" hostd_start db1
	t_says "with the id as it was" ":20000:" lab_in db1 getent passwd req1
	t_ok "and the grant, which still runs" in_group db1 req1 ztjit-root
}

t_ok "a fleet without local accounts" fleet_ready
before
during
scoped
after
recorded
collisions
unheard
agent_dead
reboot
[ "$T_FAILED" -eq 0 ] || fleet_logs
t_done
