#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# ztjit-hostd install and uninstall on real servers: what is refused, what is
# verified and undone, the timer, kill -9, and a fleet that works when it was
# armed that way.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/demo/fleet.sh
. "$here/../demo/fleet.sh"
LAB_TIMEOUT=90
FRESHNESS=60
lab_up "$@"
# shellcheck source=tests/root/abuse.sh
. "$here/abuse.sh"

on() {
	local name=$1
	shift
	lab_in "$name" sh -c "$*"
}

# Everything in /etc but what useradd and usermod leave behind of old copies: type, owner, mode, time and content.
listing() {
	on "$1" 'cd / && find etc \( -name "*-" -o -name .pwd.lock -o -path etc/hosts -o -path etc/hostname \) -prune -o \
		-type d -printf "%p %y %m %U %G\n" -o -printf "%p %y %m %U %G %T@ %l\n" | sort
		find etc \( -name "*-" -o -name .pwd.lock -o -path etc/hosts -o -path etc/hostname \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
		stat -c "%n %a %u %g" usr/bin/ztjit-rec'
}
remember() { listing "$1" >"$LAB_DIR/tmp/before-$1"; }
as_before() { listing "$1" | diff "$LAB_DIR/tmp/before-$1" -; }

inst() {
	local name=$1
	shift
	lab_in "$name" ztjit-hostd install --no-nss --yes "$@"
}

# refuses NAME HOST TEXT BREAK MEND: with BREAK done there, install refuses with TEXT, and nothing is left of it.
refuses() {
	local name=$1 host=$2 text=$3
	on "$host" "$4" || { t_ok "$name: prepared" false; return; }
	remember "$host"
	t_denies "$name" "$text" inst "$host"
	t_ok "$name: everything is as it was" as_before "$host"
	on "$host" "$5" || t_ok "$name: mended" false
}

# --- before it is joined, and what it refuses to begin with ----------------

unjoined() {
	remember web1
	t_denies "install: a host that is not joined is refused" "join" inst web1
	t_ok "install: and nothing is touched" as_before web1
}

join_all() {
	local host label digest
	for host in web1 db1; do
		label=env=prod
		[ "$host" = web1 ] || label=env=data
		fleet_do "$host" "ztjit-hostd join --broker https://broker:8443 --pin $(cat "$LAB_DIR/tmp/pin") \
			--directory servers --name $host" || return
		digest=$(grep -oE 'H-[0-9A-Z]{5}(-[0-9A-Z]{5}){3}' <<<"$FLEET_OUT" | head -n 1)
		fleet_do admin1 "ztjit host approve --yes --directory servers --label $label --digest $digest $host" || return
	done
}

refusals() {
	remember web1
	t_says "install: --dry-run shows the difference" "+auth       required     pam_ztjit.so" \
		lab_in web1 ztjit-hostd install --no-nss --dry-run
	t_ok "install: and changes nothing" as_before web1
	on web1 'cp -a /etc/pam.d/su /root/; echo "auth required pam_faildelay.so delay=3" >>/etc/pam.d/su'
	t_says "install: lines of others that would go are pointed out" "a line of yours in /etc/pam.d/su would go" \
		lab_in web1 ztjit-hostd install --no-nss --dry-run
	on web1 'mv /root/su /etc/pam.d/su'
	t_says "install: nobody can become root on the console: a warning" "no account with uid 0 has a password" \
		lab_in web1 ztjit-hostd install --no-nss --dry-run
	on web1 'cp -a /etc/shadow /root/; sed -i "s/^root:[^:]*:/root:hash:/" /etc/shadow'
	t_says "install: who can is told" "become root by password: root" lab_in web1 ztjit-hostd install --no-nss --dry-run
	t_says "install: root as a recorded account is warned of" "Keep another account" \
		lab_in web1 ztjit-hostd install --no-nss --dry-run --record root
	on web1 'mv /root/shadow /etc/shadow'
	t_denies "install: without --yes and a terminal nothing happens" "say --yes" lab_in web1 ztjit-hostd install --no-nss
	t_ok "install: nothing was changed" as_before web1
	t_no "install: asked, and the answer is no" on web1 'printf "n\n" | script -qec "ztjit-hostd install --no-nss" /dev/null'
	t_ok "install: nothing was changed then" as_before web1
	t_says "install: asked, and the answer is yes" "Armed" on web1 'printf "y\n" | script -qec "ztjit-hostd install --no-nss" /dev/null'
	t_ok "install: taken back" lab_in web1 ztjit-hostd install --undo
	t_denies "install: an account that is not there cannot be recorded" "no such account" inst web1 --record nosuch
	refuses "install: an agent of another user's" web1 'principals_user is "nobody"' \
		'cp -a /etc/ztjit/hostd.conf /root/keep; echo "principals_user = \"nobody\";" >>/etc/ztjit/hostd.conf' \
		'mv /root/keep /etc/ztjit/hostd.conf'
	refuses "install: an agent that listens elsewhere" web1 'run is "/run/other"' \
		'cp -a /etc/ztjit/hostd.conf /root/keep; echo "run = \"/run/other\";" >>/etc/ztjit/hostd.conf' \
		'mv /root/keep /etc/ztjit/hostd.conf'
	refuses "C06 a drop-in that wins is named" web1 "/etc/ssh/sshd_config.d/00-old.conf:2: passwordauthentication yes" \
		'printf "# old\nPasswordAuthentication yes\n" >/etc/ssh/sshd_config.d/00-old.conf' \
		'rm /etc/ssh/sshd_config.d/00-old.conf'
	refuses "C06 a Match block that wins is named" web1 "authorizedkeysfile .ssh/authorized_keys" \
		'cp -a /etc/ssh/sshd_config /root/keep
		printf "Match User backup\n  AuthorizedKeysFile .ssh/authorized_keys\n" >>/etc/ssh/sshd_config' \
		'mv /root/keep /etc/ssh/sshd_config'
	refuses "C06 a main file that includes no drop-in" web1 "does not include" \
		'cp -a /etc/ssh/sshd_config /root/keep; sed -i /^Include/d /etc/ssh/sshd_config' \
		'mv /root/keep /etc/ssh/sshd_config'
	refuses "F01 a link in the place of a file" web1 "/etc/pam.d/sudo" \
		'mv /etc/pam.d/sudo /etc/pam.d/sudo.real; ln -s sudo.real /etc/pam.d/sudo' \
		'mv /etc/pam.d/sudo.real /etc/pam.d/sudo'
	refuses "F01 a directory that others may write" web1 "/etc/pam.d" 'chmod 777 /etc/pam.d' 'chmod 755 /etc/pam.d'
	refuses "F01 a file of somebody else" web1 "/etc/pam.d/su" 'chown nobody /etc/pam.d/su' 'chown root /etc/pam.d/su'
	refuses "F01 a file with two names" web1 "/etc/pam.d/su" 'ln /etc/pam.d/su /root/su' 'rm /root/su'
}

# --- verified, and undone --------------------------------------------------

verified() {
	refuses "verify: sshd -t" web1 "sshd -t" \
		'cp -a /etc/ssh/sshd_config /root/keep; echo "NoSuchOption yes" >>/etc/ssh/sshd_config' \
		'mv /root/keep /etc/ssh/sshd_config'
	refuses "verify: sshd -t: keys are no way in" web1 'Disabled method "publickey"' \
		'cp -a /etc/ssh/sshd_config /root/keep; echo "PubkeyAuthentication no" >>/etc/ssh/sshd_config' \
		'mv /root/keep /etc/ssh/sshd_config'
	refuses "verify: visudo -c" web1 "visudo -c" 'echo "this is no rule" >/etc/sudoers.d/00-bad; chmod 440 /etc/sudoers.d/00-bad' \
		'rm /etc/sudoers.d/00-bad'
	refuses "verify: sudoers that include nothing" web1 "does not read /etc/sudoers.d/ztjit" \
		'cp -a /etc/sudoers /root/keep; sed -i "/includedir/d" /etc/sudoers' 'mv /root/keep /etc/sudoers'
	refuses "verify: a PAM module that is not there" web1 "pam_ztjit was not asked" \
		'd=$(dirname "$(find /usr/lib -name pam_unix.so)"); mv $d/pam_ztjit.so /root/' \
		'd=$(dirname "$(find /usr/lib -name pam_unix.so)"); mv /root/pam_ztjit.so $d/'
	refuses "verify: a program that sshd would run and others may write" web1 "ztjit-principals" \
		'chmod 777 /usr/libexec/ztjit/ztjit-principals' 'chmod 755 /usr/libexec/ztjit/ztjit-principals'
	refuses "verify: state that the agent cannot use" web1 "machine.key" 'chmod 644 /etc/ztjit/machine.key' \
		'chmod 600 /etc/ztjit/machine.key'
}

# --- the name service ------------------------------------------------------

# nss C-TEXT: a module of that source stands where the linker looks first.
nss() {
	echo "$1" | gcc -shared -fPIC -o "$LAB_DIR/tmp/nss.so" -x c - && lab_put web1 "$LAB_DIR/tmp/nss.so" /usr/local/lib/libnss_ztjit.so.2 &&
		on web1 ldconfig && remember web1
}

names() {
	t_ok "nss: a module that knows nobody" nss 'int ztjit_test;'
	# What listens where nscd would.
	on web1 'mkdir -p /run/nscd; [ ! -e /etc/nscd.conf ] || mv /etc/nscd.conf /root/nscd.conf
		echo "enable-cache group yes" >/etc/nscd.conf
		perl -MIO::Socket::UNIX -e "\$s = IO::Socket::UNIX->new(Local => q(/run/nscd/socket), Listen => 9) or die; exit if fork; close STDOUT; close STDERR; sleep 600"'
	t_denies "N05 nscd keeps groups: refused, with what to type" "enable-cache group no" lab_in web1 ztjit-hostd install --yes
	on web1 'rm -r /run/nscd /etc/nscd.conf; [ ! -e /root/nscd.conf ] || mv /root/nscd.conf /etc/nscd.conf'
	t_ok "N05 and nothing was touched" as_before web1
	t_says "nss: it is asked last" "+passwd:         files ztjit" lab_in web1 ztjit-hostd install --yes
	t_says "nss: of groups too" "group:          files ztjit" on web1 'cat /etc/nsswitch.conf'
	t_ok "nss: undone" lab_in web1 ztjit-hostd install --undo
	t_ok "nss: byte for byte" as_before web1
	t_ok "nss: a module that crashes when it is asked" nss '#include <stdlib.h>
		int _nss_ztjit_getgrnam_r(void); int _nss_ztjit_getgrnam_r(void) { abort(); }'
	t_denies "nss: getent does not survive it" "getent group" lab_in web1 ztjit-hostd install --yes
	t_ok "nss: everything is as it was" as_before web1
	t_ok "nss: a module that cannot be loaded" nss '#include <stdlib.h>
		__attribute__((constructor)) static void die(void) { abort(); }'
	t_denies "nss: is none" "--no-nss" lab_in web1 ztjit-hostd install --yes
	t_ok "nss: everything is still as it was" as_before web1
	on web1 'rm /usr/local/lib/libnss_ztjit.so.2; ldconfig'
}

# --- the timer, and kill -9 ------------------------------------------------

# The listening sshd offers passwords only before it is armed.
offers() {
	local said
	said=$(lab_as req1 ssh -o BatchMode=yes -o PreferredAuthentications=none -o StrictHostKeyChecking=no "nobody@$1" 2>&1)
	case $said in *"$2"*) ;; *) echo "$said"; return 1 ;; esac
}

state_says() {
	local said
	said=$(lab_in "$1" ztjit-hostd install --status 2>&1)
	case $said in *"$2"*) ;; *) echo "$said"; return 1 ;; esac
}

timers() {
	remember web1
	lab_start_sshd web1
	t_ok "before: sshd offers passwords" offers web1 "(publickey,password)"
	t_ok "timer: armed for some seconds" inst web1 --confirm-within 15s
	t_ok "timer: sshd has read it" lab_wait 10 offers web1 "(publickey)"
	t_ok "timer: pending" state_says web1 "pending"
	t_denies "timer: a second install waits for the first" "waits to be confirmed" inst web1
	t_denies "timer: so does uninstall" "not confirmed" lab_in web1 ztjit-hostd uninstall --yes
	on web1 'echo "# from before the end" >>/etc/pam.d/su'
	t_ok "timer: not confirmed, everything is undone" lab_wait 60 as_before web1
	t_ok "timer: sshd has read that too" lab_wait 10 offers web1 "(publickey,password)"
	t_ok "timer: what somebody wrote meanwhile is kept aside" on web1 'grep -q "from before the end" /var/lib/ztjit/install/*/found.*'
	t_ok "timer: it ends" lab_wait 20 on web1 '! pgrep -f "[i]nstall --timer"'
	t_denies "timer: too late to confirm" "nothing waits" lab_in web1 ztjit-hostd install --confirm
	t_ok "undo: armed" inst web1
	t_ok "undo: at once" lab_in web1 ztjit-hostd install --undo
	t_ok "undo: everything is as it was" as_before web1
}

slow_visudo() {
	on web1 'mv /usr/sbin/visudo /root/visudo; printf "#!/bin/sh\nexec sleep 300\n" >/usr/sbin/visudo; chmod 755 /usr/sbin/visudo'
}
quick_visudo() { on web1 'mv /root/visudo /usr/sbin/visudo; pkill -f "^sleep 300"; true'; }
in_the_middle() { on web1 'pgrep -f "^sleep 300" >/dev/null && test -e /etc/pam.d/sshd && grep -q pam_ztjit /etc/pam.d/sshd'; }

half_way() {
	slow_visudo
	inst web1 >"$LAB_DIR/tmp/half" 2>&1 &
	HALF=$!
	lab_wait 30 in_the_middle
}

# The timer first, or it would see the other one go.
kill_both() {
	on web1 'pkill -STOP -f "[i]nstall --timer"; pkill -KILL -f "^ztjit-hostd [i]nstall --no-nss"; pkill -KILL -f "[i]nstall --timer"'
}

killed() {
	remember web1
	t_ok "kill: half-way" half_way
	t_no "kill: it is half armed" as_before web1
	on web1 'pkill -KILL -f "^ztjit-hostd [i]nstall --no-nss"'
	wait "$HALF"
	t_ok "kill -9: the timer sees it and undoes everything" lab_wait 30 as_before web1
	quick_visudo
	t_ok "kill: half-way again" half_way
	kill_both
	wait "$HALF"
	quick_visudo
	t_no "kill -9 of both: it stays half armed" as_before web1
	t_says "kill -9 of both: status says so" "unfinished" on web1 'ztjit-hostd install --status; true'
	hostd_begin web1
	t_ok "kill -9 of both: the agent undoes it before it serves" lab_wait 30 as_before web1
	t_ok "kill: and serves" lab_wait 30 fleet_armed web1
	hostd_stop web1
	t_ok "kill: half-way a third time" half_way
	kill_both
	wait "$HALF"
	quick_visudo
	t_says "kill -9 of both: the next uninstall undoes it" "nothing that ztjit-hostd install changed" \
		lab_in web1 ztjit-hostd uninstall --yes
	t_ok "kill: everything is as it was" as_before web1
}

hostd_begin() { LAB_UNIT=ztjit-hostd.service lab_in "$1" sh -c 'ztjit-hostd -f >>/var/log/ztjit-hostd.log 2>&1 &'; }

power() {
	remember web1
	t_ok "power failure: armed, not confirmed" inst web1
	lab_stop web1
	lab_server web1
	hostd_begin web1
	t_ok "power failure: the agent undoes it before it serves" lab_wait 30 as_before web1
	hostd_stop web1
}

# --- kept, and taken back --------------------------------------------------

armed_and_back() {
	remember db1
	on db1 'userdel ztjit-scribe; groupdel ztjit-rec; chgrp root /usr/bin/ztjit-rec; chmod 755 /usr/bin/ztjit-rec'
	t_says "users: what is missing is made" "system user ztjit-scribe made" inst db1 --record req2
	t_says "users: the recorder is set-group-ID" "2755 ztjit-rec" on db1 'stat -c "%a %G" /usr/bin/ztjit-rec'
	t_says "record: the recorder is the login shell" "/usr/bin/ztjit-rec" on db1 'getent passwd req2'
	t_ok "undo" lab_in db1 ztjit-hostd install --undo
	t_says "record: the login shell is back" "/bin/bash" on db1 'getent passwd req2'
	on db1 'printf "auth required pam_permit.so\naccount required pam_permit.so\n" >/etc/pam.d/polkit-1'
	remember db1
	for host in web1 db1; do
		[ "$host" = db1 ] || remember web1
		t_ok "install on $host, agent, sshd, confirm" fleet_install_host "$host"
		t_ok "install on $host: armed" lab_wait 30 fleet_armed "$host"
		t_says "install on $host: twice is clean" "Nothing to change" inst "$host"
		t_says "install on $host: status" "state  installed" lab_in "$host" ztjit-hostd install --status
	done
}

pam_runs() {
	t_ok "doctor: finds the host armed" lab_in web1 ztjit doctor
	t_says "pamcheck: sshd, for want of a grant" "no grant for root" lab_in db1 /usr/libexec/ztjit/ztjit-pamcheck sshd
	t_says "pamcheck: sudo, for want of a session" "not inside a session" lab_in db1 /usr/libexec/ztjit/ztjit-pamcheck sudo
	t_says "pamcheck: polkit, for no rule governs it" "not governed" lab_in db1 /usr/libexec/ztjit/ztjit-pamcheck polkit-1
	t_denies "pamcheck: a stack that does not ask" "was not asked" lab_in db1 /usr/libexec/ztjit/ztjit-pamcheck login
	t_ok "pamcheck: wrong usage" test "$(lab_in db1 /usr/libexec/ztjit/ztjit-pamcheck >/dev/null 2>&1; echo $?)" = 2
}

fleet_works() {
	t_ok "people log in" fleet_all req1,req2,lead1,sec1 "ztjit login --yes && mkdir -p -m 700 .ssh && ztjit config ssh >.ssh/config"
	t_denies "no grant, no login" "Permission denied" person req1 timeout 20 ssh -o BatchMode=yes root@web1 id
	t_ok "a grant on web1" grant req1 root-shell web1 5m
	t_says "with it: root" "uid=0(root)" person req1 timeout 20 ssh -o BatchMode=yes root@web1 id
	t_ok "a grant on db1" grant req1 sudo-root db1 5m
	t_says "with it: sudo, after a touch" "uid=0(root)" person req1 timeout 40 script -qec 'ztjit ssh -t db1 "sudo id"' /dev/null
	t_denies "root on db1 is nobody's" "Permission denied" person req1 timeout 20 ssh -o BatchMode=yes root@db1 id
}

# The way in of whoever installs goes away with what is installed; the timer does not.
from_a_session() {
	on db1 'cp -a /usr/share/ztjit/contrib/sudo/ztjit.sudoers /root/; echo "# newer" >>/usr/share/ztjit/contrib/sudo/ztjit.sudoers'
	t_says "session: installed by sudo in a session of ztjit's own" "Armed" person req1 timeout 60 \
		script -qec 'ztjit ssh -t db1 "sudo ztjit-hostd install --no-nss --yes --confirm-within 20s"' /dev/null
	t_ok "session: the timer runs outside of it" on db1 'grep -qx 0::/ "/proc/$(pgrep -o -f "[i]nstall --timer")/cgroup"'
	t_ok "session: it is over" fleet_do lead1 "ztjit revoke --yes -m 'work is done' $GRANT"
	t_ok "session: what was not confirmed is undone" lab_wait 90 on db1 '! grep -q newer /etc/sudoers.d/ztjit'
	t_ok "timer killed: installed once more" inst db1
	on db1 'pkill -KILL -f "[i]nstall --timer"'
	t_ok "timer killed: the agent that runs undoes it" lab_wait 120 on db1 '! grep -q newer /etc/sudoers.d/ztjit'
	on db1 'mv /root/ztjit.sudoers /usr/share/ztjit/contrib/sudo/'
}

upgrade() {
	on web1 'cp -a /usr/share/ztjit/contrib/sudo/ztjit.sudoers /root/; echo "# newer" >>/usr/share/ztjit/contrib/sudo/ztjit.sudoers'
	t_says "upgrade: only what is new" "+# newer" inst web1
	t_ok "upgrade: undone, the older one stands" lab_in web1 ztjit-hostd install --undo
	t_no "upgrade: without the new line" on web1 'grep newer /etc/sudoers.d/ztjit'
	t_ok "upgrade: again" inst web1
	t_ok "upgrade: confirmed" lab_in web1 ztjit-hostd install --confirm
	on web1 'mv /root/ztjit.sudoers /usr/share/ztjit/contrib/sudo/'
}

taken_back() {
	on web1 'echo "# mine" >>/etc/pam.d/sudo'
	t_denies "uninstall: what others changed is shown, and nothing is done" "/etc/pam.d/sudo was changed by somebody else" \
		lab_in web1 ztjit-hostd uninstall --yes
	t_says "uninstall: with the difference" "-# mine" on web1 'ztjit-hostd uninstall --yes; true'
	t_ok "uninstall: still armed" state_says web1 "state  installed"
	t_ok "uninstall --force" lab_in web1 ztjit-hostd uninstall --yes --force
	t_ok "uninstall: two transactions back, byte for byte" as_before web1
	t_ok "uninstall: sshd has read it" lab_wait 10 offers web1 "(publickey,password)"
	t_says "uninstall: twice is clean" "Nothing to change" lab_in web1 ztjit-hostd uninstall --yes
	t_ok "uninstall on db1" lab_in db1 ztjit-hostd uninstall --yes
	t_ok "uninstall on db1: byte for byte" as_before db1
	t_ok "status: not installed" state_says db1 "not installed"
	hostd_stop web1
}

# --- with systemd ----------------------------------------------------------

# It does not run in the lab: stand-ins write down what it is told.
systemd() {
	on web1 'mkdir -p /run/systemd/system
		cat >/usr/bin/systemctl <<-"END"
			#!/bin/sh
			echo "$*" >>/root/systemctl
			case $1 in is-enabled | is-active) test -e /root/on ;; enable) : >/root/on ;; disable) rm -f /root/on ;; esac
		END
		printf "#!/bin/sh\nwhile [ \"\${1#-}\" != \"\$1\" ]; do shift; done\necho \"\$*\" >>/root/systemd-run\nsetsid \"\$@\" >/dev/null 2>&1 &\n" \
			>/usr/bin/systemd-run
		chmod 755 /usr/bin/systemctl /usr/bin/systemd-run'
	remember web1
	t_ok "systemd: armed" inst web1
	t_says "systemd: its timer is a unit of its own" "/usr/sbin/ztjit-hostd install --timer" on web1 'cat /root/systemd-run'
	t_says "systemd: the unit is there" "ExecStart=/usr/sbin/ztjit-hostd" on web1 'cat /etc/systemd/system/ztjit-hostd.service'
	t_says "systemd: enabled" "enable ztjit-hostd.service" on web1 'cat /root/systemctl'
	t_says "systemd: and started" "start ztjit-hostd.service" on web1 'cat /root/systemctl'
	t_denies "confirm: not without the agent" "does not run here" lab_in web1 ztjit-hostd install --confirm
	hostd_begin web1
	t_ok "systemd: confirmed" lab_in web1 ztjit-hostd install --confirm
	t_ok "systemd: taken back" lab_in web1 ztjit-hostd uninstall --yes
	t_ok "systemd: byte for byte" as_before web1
	t_says "systemd: disabled" "disable ztjit-hostd.service" on web1 'cat /root/systemctl'
	t_says "systemd: and stopped" "stop ztjit-hostd.service" on web1 'cat /root/systemctl'
}

machines() {
	fleet_up || return
	# No shifted clock here: machines are powered off and on, and /etc is compared.
	on web1 'rm -f /etc/ld.so.preload /etc/faketimerc; sed -i /FAKE/d /etc/environment; rm -f /etc/ztjit/faketime'
	unset "LAB_CLOCKED[web1]"
}

t_ok "machines" machines
t_ok "a broker with a policy" fleet__broker
t_ok "people" fleet__people
unjoined
t_ok "hosts join" join_all
refusals
verified
names
timers
killed
power
armed_and_back
pam_runs
fleet_works
from_a_session
upgrade
taken_back
systemd
[ "$T_FAILED" -eq 0 ] || fleet_logs
t_done
