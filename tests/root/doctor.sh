#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# ztjit doctor on a server that is armed as it should be: no false alarm; then one misconfiguration after the other, each
# found by the check that is there for it, and by no other. C06, F01, F02. Then the same for a workstation.
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
PEOPLE=admin1
export ROOT_RECORD=output
# Seconds after which a rule wants news: no machine is too slow for it, and the clock is moved where it is to run out.
export FRESHNESS=600

# One host, armed from the templates; what a machine of one's own has beside the lab's: a clock that is kept.
armed() {
	local digest
	fleet_up && fleet__broker || return
	fleet_do db1 "ztjit-hostd join --broker https://broker:8443 --pin $(cat "$LAB_DIR/tmp/pin") \
		--directory servers --name db1" || return
	digest=$(grep -oE 'H-[0-9A-Z]{5}(-[0-9A-Z]{5}){3}' <<<"$FLEET_OUT" | head -n 1)
	fleet_record db1 root || return
	arm_names && fleet_start_host db1 || return
	fleet_do admin1 "ztjit host approve --yes --directory servers --label env=data --digest $digest db1" || return
	lab_in db1 sh -c 'mkdir -p /run/systemd/timesync; : >/run/systemd/timesync/synchronized'
	lab_wait 20 fleet_armed db1 && lab_wait 60 fleet_fresh db1
}

# nsswitch and the module, where the installation has not brought them.
arm_names() {
	if ! find "$LAB_DIR/stage" -name 'libnss_ztjit.so.2' | grep -q .; then
		gcc -shared -fPIC -x c -o "$LAB_DIR/tmp/libnss" /dev/null || return
		lab_put db1 "$LAB_DIR/tmp/libnss" /usr/lib/libnss_ztjit.so.2
	fi
	lab_in db1 sed -Ei '/ztjit/!s/^(passwd|group):.*/& ztjit/' /etc/nsswitch.conf
}

# found LEVEL: names of the checks with that status, in the order of the tables, one line.
found() {
	awk -v level="\"$1\"" '/^      "name":/ { n = $2 } /^      "status":/ && $2 ~ level { gsub(/[",]/, "", n); printf "%s ", n }' \
		<<<"$REPORT" | sed 's/ $//'
}
look() { REPORT=$(lab_in db1 ztjit doctor --json) && STATUS=0 || STATUS=$?; }

quiet() {
	look
	echo "$REPORT"
	[ "$STATUS" -eq 0 ] && [ -z "$(found fail)$(found warn)$(found unknown)" ]
}

# exactly LEVEL CHECKS: those checks have that level, and none is worse.
exactly() {
	look
	grep -A 2 -E '^ {10}"status": "(fail|warn|unknown)"' <<<"$REPORT"
	echo "fail: $(found fail); warn: $(found warn); unknown: $(found unknown); status $STATUS"
	case $1 in
	fail) [ "$STATUS" -eq 1 ] && [ "$(found fail)" = "$2" ] && [ -z "$(found unknown)" ] ;;
	unknown) [ "$STATUS" -eq 3 ] && [ "$(found unknown)" = "$2" ] && [ -z "$(found fail)" ] ;;
	warn) [ "$STATUS" -eq 0 ] && [ "$(found warn)" = "$2" ] && [ -z "$(found fail)$(found unknown)" ] ;;
	esac
}

# What a case has touched is put back as it was, times included; what is new goes.
save() {
	lab_in db1 sh -ec 'mkdir -p /root/saved; cd /
		cp -a --parents etc usr/libexec/ztjit /root/saved'
}
restore() {
	lab_in db1 sh -ec '
		for path; do
			rm -rf "$path"
			[ ! -e "/root/saved$path" ] || cp -a "/root/saved$path" "$path"
		done
		case " $*" in *" /etc/ssh/"*)
			: >/root/mark
			kill -HUP "$(cat /run/sshd.pid)"
			for i in $(seq 100); do
				[ ! /run/sshd.pid -nt /root/mark ] || break
				sleep 0.05
			done ;;
		esac' sh "$@"
}

# plant LEVEL "CHECKS" "FILES" COMMAND: one misconfiguration, of the abuse case $CASE.
plant() {
	local level=$1 checks=$2 files=$3 command=$4
	lab_in db1 sh -c "$command" || echo "    plant: status $?"
	# a file of sshd's that is newer than sshd is said as well, and only that
	[ "$level" != warn ] || case $files in */etc/ssh/*) reload ;; esac
	t_ok "${CASE:+$CASE }$checks: $command" exactly "$level" "$checks"
	# shellcheck disable=SC2086
	restore $files
}
reload() { restore /etc/ssh/none; }

D=/etc/ssh/sshd_config.d
# What listens where nscd would.
NSCD="mkdir -p /run/nscd; perl -MIO::Socket::UNIX -e '\$s = IO::Socket::UNIX->new(Local => \"/run/nscd/socket\", Listen => 9) or die; exit if fork; close STDOUT; close STDERR; sleep 600'"

sshd_cases() {
	local CASE=C06
	plant fail sshd-logins $D/05-x.conf "echo PasswordAuthentication yes >$D/05-x.conf"
	t_says "C06 the line that wins is named" "$D/05-x.conf:1" printf '%s' "$T_OUT"
	plant fail sshd-logins $D/00-a.conf "echo KbdInteractiveAuthentication yes >$D/00-a.conf"
	plant fail sshd-logins /etc/ssh/sshd_config "sed -i '1i AuthorizedKeysFile .ssh/authorized_keys' /etc/ssh/sshd_config"
	plant fail sshd-logins $D/05-x.conf "echo PermitRootLogin yes >$D/05-x.conf"
	plant fail sshd-logins $D/10-ztjit.conf "sed -i /AuthenticationMethods/d $D/10-ztjit.conf"
	plant fail sshd-certificates $D/05-x.conf "echo TrustedUserCAKeys /etc/ssh/other.pub >$D/05-x.conf"
	plant fail sshd-certificates $D/05-x.conf "echo AuthorizedPrincipalsFile %h/.principals >$D/05-x.conf"
	plant fail sshd-sessions $D/05-x.conf "echo PermitUserEnvironment yes >$D/05-x.conf"
	plant fail sshd-sessions $D/05-x.conf "echo ExposeAuthInfo no >$D/05-x.conf"
	plant fail sshd-match $D/60-x.conf "printf 'Match Address 10.9.0.0/16\n PasswordAuthentication yes\n' >$D/60-x.conf"
	plant fail "sshd-match sshd-effective" $D/60-x.conf "printf 'Match User root\n AuthorizedKeysFile .k\n' >$D/60-x.conf"
	plant fail "sshd-drop-in sshd-logins sshd-certificates sshd-sessions" $D/10-ztjit.conf "rm $D/10-ztjit.conf"
	plant fail sshd-drop-in $D/10-ztjit.conf "chmod 666 $D/10-ztjit.conf"
	plant fail sshd-command /usr/libexec/ztjit/ztjit-principals "chmod 775 /usr/libexec/ztjit/ztjit-principals; chgrp 5 /usr/libexec/ztjit/ztjit-principals"
	plant fail sshd-command /usr/libexec/ztjit "chown 1 /usr/libexec/ztjit"
	plant fail sshd-sftp /etc/ssh/sshd_config "sed -i 's/^Subsystem.*/Subsystem sftp internal-sftp/' /etc/ssh/sshd_config"
	plant warn sshd-forced $D/60-x.conf "printf 'Match User games\n ForceCommand /bin/true\n' >$D/60-x.conf"
	plant fail sshd-forced $D/60-x.conf "printf 'Match User games\n ForceCommand internal-sftp -d /x\n' >$D/60-x.conf"
	plant warn sshd-algorithms $D/05-x.conf "echo PubkeyAcceptedAlgorithms -sk-* >$D/05-x.conf"
	plant warn sshd-sessions $D/05-x.conf "echo AllowAgentForwarding no >$D/05-x.conf"
	plant fail sshd-others /root/none "/usr/sbin/sshd -p 2222 -o PidFile=none -o UsePAM=no"
	lab_in db1 pkill -f 'sshd -p 2222'
	plant fail sshd-others /etc/default/ssh "echo 'SSHD_OPTS=\"-o UsePAM=no\"' >/etc/default/ssh"
	plant fail sshd-others /etc/systemd/system "mkdir -p /etc/systemd/system/ssh@.service.d
		printf '[Service]\nExecStart=\nExecStart=-/usr/sbin/sshd -i -o PasswordAuthentication=yes\n' >/etc/systemd/system/ssh@.service.d/x.conf"
	# What a person's own process says of itself goes into no command of root's.
	lab_in db1 sh -c "cp /bin/sleep /tmp/sshd; echo UsePAM no >/tmp/x; setpriv --reuid 65534 --regid 65534 --clear-groups \
		perl -e 'exec { \"/tmp/sshd\" } \"sshd: /usr/sbin/sshd -f /tmp/x [listener] 0 of 1-1 startups\", 600' >/dev/null 2>&1 &"
	t_ok "a person's process that calls itself sshd is none" quiet
	lab_in db1 pkill -x sshd -U 65534
	plant warn sshd-running /root/none "sleep 3; touch $D/10-ztjit.conf"
	reload
}

# put FILE LINE: as the first line of its kind.
pam_cases() {
	local p=/etc/pam.d
	plant fail pam-sudo $p/sudo "sed -i '0,/^account/s//account sufficient pam_permit.so\naccount/' $p/sudo"
	plant fail pam-sudo $p/sudo "sed -i 's/^account *required *pam_ztjit.so/account optional pam_ztjit.so/' $p/sudo"
	plant fail pam-sudo $p/sudo "sed -i 's/^account *required *pam_ztjit.so//' $p/sudo"
	plant fail pam-sudo $p/sudo "sed -i '/^account *required *pam_ztjit.so/d; \$a account required pam_ztjit.so' $p/sudo"
	plant fail pam-sudo-i $p/sudo-i "sed -i 's/^session *required *pam_ztjit.so/session [default=ignore] pam_ztjit.so/' $p/sudo-i"
	plant fail pam-su $p/su "sed -i 's,^account *required *pam_ztjit.so,account required /opt/pam_ztjit.so,' $p/su"
	plant fail pam-su-l $p/su-l "cp $p/login $p/su-l"
	plant fail pam-sshd $p/sshd "sed -i '0,/^account/s//account [success=2 default=ignore] pam_localuser.so\naccount/' $p/sshd"
	plant fail pam-sshd $p/sshd "sed -i 's,pam_ztjit.so,& socket=/run/other.sock,' $p/sshd"
	plant warn pam-sudo $p/sudo "sed -i 's/^auth *required *pam_ztjit.so/@include common-auth/' $p/sudo"
	plant fail pam-order $p/sshd "sed -i '/pam_loginuid/d; /^session *required *pam_ztjit/a session required pam_loginuid.so' $p/sshd"
	plant warn pam-login /etc/shadow "echo root:secret | chpasswd"
	plant fail pam-polkit "/etc/shadow $p/polkit-1" "echo root:secret | chpasswd; cp $p/other $p/polkit-1"
	plant fail "pam-files" $p/common-auth "chmod 666 $p/common-auth"
	plant fail pam-sudo $p/sudo "sed -i 's/^session *required *pam_ztjit.so/session required pam_mkhomedir.so\n&/' $p/sudo"
	plant fail pam-su $p/su "sed -i 's/^account *required *pam_ztjit.so/account [success=01 default=bad] pam_permit.so\n&/' $p/su; echo account required pam_permit.so >>$p/su"
	plant warn pam-modules $p/su "echo 'session optional pam_nowhere.so' >>$p/su"
	plant fail pam-modules "$p/su /opt/pam_x.so" "cp /lib/*/security/pam_permit.so /opt/pam_x.so; chmod 666 /opt/pam_x.so
		echo 'session optional /opt/pam_x.so' >>$p/su"
	plant fail pam-polkit $p/polkit-1 "printf 'auth required pam_permit.so\naccount required pam_permit.so\n' >$p/polkit-1"
	plant fail pam-others $p/doas "printf 'auth required pam_permit.so\naccount required pam_permit.so\n' >$p/doas"
}

name_cases() {
	plant fail nsswitch /etc/nsswitch.conf "sed -i 's/^group:.*/group: files/' /etc/nsswitch.conf"
	plant fail nsswitch /etc/nsswitch.conf "sed -i 's/^passwd:.*/passwd: ztjit files/' /etc/nsswitch.conf"
	plant warn nsswitch /etc/nsswitch.conf "sed -i 's/^passwd:.*/passwd: files systemd sss [UNAVAIL=continue] ztjit/' /etc/nsswitch.conf"
	plant fail nscd "/run/nscd /etc/nscd.conf" "echo 'enable-cache group yes' >/etc/nscd.conf; $NSCD"
	plant fail nscd "/run/nscd /etc/nscd.conf" "$NSCD; sleep 1; echo 'enable-cache group no' >/etc/nscd.conf"
	lab_in db1 sh -c "echo 'enable-cache group no' >/etc/nscd.conf; $NSCD"
	t_ok "an nscd that keeps neither people nor groups is no fault" quiet
	restore /run/nscd /etc/nscd.conf
}

sudo_cases() {
	plant fail sudo-conf /etc/sudo.conf "rm /etc/sudo.conf"
	plant fail sudo-conf /etc/sudo.conf "echo 'Plugin my_policy /opt/other.so' >>/etc/sudo.conf"
	plant fail sudo-conf /etc/sudo.conf "echo 'plugin sudoers_policy /opt/sudoers.so' >>/etc/sudo.conf"
	plant fail sudo-conf /etc/sudo.conf "echo 'Plugin sudoers_policy sudoers.so ldap_conf=/opt/x' >>/etc/sudo.conf"
	plant fail sudo-conf /etc/sudo.conf "printf 'Plu\\\\\ngin x /opt/x.so\n' >>/etc/sudo.conf"
	plant fail sudo-sources /etc/nsswitch.conf "echo 'sudoers:files sss' >>/etc/nsswitch.conf"
	plant fail sudo-defaults /etc/sudoers.d/zz "echo 'Defaults pam_askpass_service=other' >/etc/sudoers.d/zz; chmod 440 /etc/sudoers.d/zz"
	plant fail sudo-defaults /etc/sudoers.d/zz "echo 'Defaults timestamp_timeout=15' >/etc/sudoers.d/zz; chmod 440 /etc/sudoers.d/zz"
	t_says "the file of the entry is named" /etc/sudoers.d/zz:1 printf '%s' "$T_OUT"
	plant fail sudo-defaults /etc/sudoers.d/zz "echo 'Defaults:games !pam_acct_mgmt' >/etc/sudoers.d/zz; chmod 440 /etc/sudoers.d/zz"
	plant fail "sudo-syntax sudo-defaults" /etc/sudoers.d/ztjit "rm /etc/sudoers.d/ztjit"
	plant fail sudo-syntax /etc/sudoers "chmod 666 /etc/sudoers"
}

file_cases() {
	local z=/etc/ztjit CASE=F02
	plant fail hostd-conf $z/hostd.conf "echo 'frob = 1;' >>$z/hostd.conf"
	CASE=F01
	plant fail hostd-conf $z/hostd.conf "chmod 666 $z/hostd.conf"
	CASE=
	plant fail cgroup $z/hostd.conf "echo 'cgroup = \"/root/cgroup\";' >>$z/hostd.conf"
	plant warn disk $z/hostd.conf "echo 'record_spool = 1000000;' >>$z/hostd.conf"
	CASE=F01
	plant fail "policy roots" $z/policy_roots "chown 1 $z/policy_roots"
	CASE=F02
	plant fail "policy roots" $z/policy_roots ": >$z/policy_roots"
	CASE=F01
	plant fail keys $z/machine.key "chmod 644 $z/machine.key"
	plant fail user-ca $z/user_ca.pub "cat /etc/ssh/ssh_host_ed25519_key.pub >>$z/user_ca.pub"
	plant fail sockets /root/none "chmod 666 /run/ztjit/pam.sock"
	lab_in db1 chmod 600 /run/ztjit/pam.sock
	plant fail state /root/none "chmod 755 /var/lib/ztjit/hostd"
	lab_in db1 chmod 700 /var/lib/ztjit/hostd
	CASE=
	plant fail users "/etc/passwd" "usermod -s /bin/bash ztjit-gate"
	plant fail recorder /etc/group "usermod -aG ztjit-rec games"
	plant fail recorder /root/none "chmod 755 /usr/bin/ztjit-rec"
	lab_in db1 chmod 2755 /usr/bin/ztjit-rec
	plant warn recorded-shells /etc/passwd "usermod -s /bin/bash root"
	plant fail "hostd-running proc" /root/none "mount -o remount,hidepid=2 /proc"
	lab_in db1 mount -o remount,hidepid=0 /proc
	plant warn time-sync /root/none "rm /run/systemd/timesync/synchronized"
	lab_in db1 touch /run/systemd/timesync/synchronized
}

# The agent's clock stays right; it is doctor's that is moved.
agent_cases() {
	lab_clock db1 +20m
	plant fail freshness /root/none true
	lab_clock db1 -20m
	plant fail clock /root/none true
	lab_clock db1 +0
	plant fail hostd-running /root/none "pkill -x ztjit-hostd; for i in \$(seq 100); do [ -n \"\$(pgrep -u ztjit-gate)\" ] || break; sleep 0.1; done"
}

# --- the person's side: "ok" or the level of the check NAME in what the workstation says.
desk() { person admin1 ztjit doctor --json; }
desk_says() {
	REPORT=$(desk)
	grep -A 2 -E '^ {10}"status": "(fail|warn|unknown)"' <<<"$REPORT"
	[ "$(found "$1")" = "$2" ]
}

on_db1() { LAB_USER=$1 lab_as db1 "${@:2}"; }

desk_cases() {
	t_ok "a workstation without ssh_config is told" desk_says warn "ssh-config ssh-effective"
	fleet_do admin1 "mkdir -p -m 700 .ssh; ztjit config ssh >.ssh/config"
	t_ok "and is content with it" desk_says ok "roots policy key device agent login broker ssh-version ssh-config ssh-effective"
	fleet_do admin1 "sed -i s/db1/db2/ .ssh/config"
	t_ok "a host that the config lacks" desk_says warn "ssh-config ssh-effective"
	fleet_do admin1 "sed -i s/db2/db1/ .ssh/config; sed -i '1i StrictHostKeyChecking no' .ssh/config"
	t_ok "host keys that are not checked" desk_says fail ssh-effective
	fleet_do admin1 "sed -i 1d .ssh/config; chmod 644 .ssh/id_ztjit"
	t_ok "a key file that others can read" desk_says fail key
	fleet_do admin1 "chmod 600 .ssh/id_ztjit; mv .softkey away"
	t_ok "no key plugged in" desk_says warn device
	fleet_do admin1 "mv away .softkey; ztjit logout"
	t_ok "not logged in" desk_says warn login
	lab_link broker down
	t_ok "a broker that is away" desk_says fail broker
	lab_link broker up
	t_denies "a person on a server is told who can look" "sudo ztjit doctor" on_db1 req1 ztjit doctor
}

t_ok "a server, armed" armed
t_ok "no false alarm on it" quiet
[ "$T_FAILED" -eq 0 ] || { fleet_logs; t_done; }
save
sshd_cases
pam_cases
name_cases
sudo_cases
file_cases
t_ok "and none when everything is put back" quiet
desk_cases
agent_cases
t_done
