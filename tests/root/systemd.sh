#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# A server and a broker whose PID 1 is systemd, with logind and journald: the units that ship, the installer's timer, logins
# between logind and us, and a reboot.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/demo/fleet.sh
. "$here/../demo/fleet.sh"
LAB_TIMEOUT=60
LAB_SYSTEMD=yes
FLEET_SYSTEMD="broker db1"
FLEET_JIT=yes
FRESHNESS=60
lab_up "$@"
# shellcheck source=tests/root/abuse.sh
. "$here/abuse.sh"

UNITS=/usr/share/ztjit/contrib/systemd
db1() { lab_in db1 "$@"; }
job() { person req1 timeout 30 ztjit ssh -o BatchMode=yes db1 "$@"; }
active() { db1 systemctl is-active --quiet "$1"; }
journal() { db1 journalctl --no-pager -q -u ztjit-hostd --since "@$1" | grep -F -- "$2"; }
without() { db1 sh -c '! "$@" >/dev/null' sh "$@"; }
as_before() {
	db1 sh -c '! test -e /etc/ssh/sshd_config.d/10-ztjit.conf && ! test -e /etc/systemd/system/ztjit-hostd.service &&
		! pgrep -f "[z]tjit-hostd install" >/dev/null'
}
start_again() {
	lab_stop db1
	LAB_INIT=systemd lab_server db1
	lab_wait 60 fleet_booted db1
}

# The broker by its unit.
fleet_start_broker() {
	lab_in broker sh -ec 'cp "$0"/ztjit-broker.service /etc/systemd/system/
		install -D -m 644 /var/lib/ztjit-broker/broker.conf /etc/ztjit/broker.conf
		systemctl daemon-reload; systemctl start ztjit-broker' "$UNITS" &&
		lab_wait 30 lab__listens "$(lab_addr broker)" 8443
}
fleet_stop_broker() { lab_in broker systemctl stop ztjit-broker; }

# The server by its installer.
FLEET_START=start
start() {
	[ "$1" = db1 ] || {
		fleet_start_host "$1"
		return
	}
	# It was tried while it had no keys.
	db1 sh -c 'systemctl reset-failed ssh; systemctl start ssh' || return
	t_denies "nscd runs: it would keep what a grant gave" "nscd runs here" db1 ztjit-hostd install --yes
	db1 systemctl disable --now nscd >/dev/null 2>&1
	t_says "armed for some seconds" "becomes enabled active" db1 ztjit-hostd install --yes --confirm-within 20s
	t_ok "the agent's unit runs" active ztjit-hostd
	t_ok "not confirmed: the timer undoes it" lab_wait 60 as_before
	t_ok "and the agent is gone" without systemctl is-active ztjit-hostd
	t_ok "armed" db1 ztjit-hostd install --yes
	t_ok "the machine reboots before that is confirmed" start_again
	t_ok "all is as it was" lab_wait 60 as_before
	t_ok "and no agent runs" without systemctl is-active ztjit-hostd
	t_says "sshd knows nothing of us" "trustedusercakeys none" db1 sshd -T
	t_says "nothing waits to be confirmed" "nothing waits" db1 sh -c 'ztjit-hostd install --confirm 2>&1; true'
	t_ok "armed" db1 ztjit-hostd install --yes
	t_ok "confirmed" db1 ztjit-hostd install --confirm
	t_ok "it starts with the machine" db1 systemctl is-enabled ztjit-hostd
	t_ok "the directories as they are declared" db1 systemd-tmpfiles --create "$UNITS/ztjit-hostd.tmpfiles"
	t_ok "units without a fault" db1 sh -ec 'cp "$0"/ztjit-scan.* /etc/systemd/system/; systemctl daemon-reload
		out=$(systemd-analyze verify --man=no ztjit-hostd.service ztjit-scan.service ztjit-scan.timer 2>&1); echo "$out"; [ -z "$out" ]' "$UNITS"
	t_ok "the broker's as well" lab_in broker sh -c \
		'out=$(systemd-analyze verify --man=no ztjit-broker.service 2>&1); echo "$out"; [ -z "$out" ]'
}

doctor() { db1 ztjit doctor | tee /dev/stderr | grep -q ' 0 failures$'; }

logins() {
	local since pids
	grant req1 sudo-root db1 5m || return
	t_says "a person whom the machine does not know logs in" "uid=20000(req1)" job id
	t_says "logind has the session" "req1" job loginctl --no-legend
	t_says "with its runtime directory" "/run/user/20000" job 'echo $XDG_RUNTIME_DIR && ls -d $XDG_RUNTIME_DIR'
	t_says "it is in a cgroup of ours" "0::/ztjit/s" job cat /proc/self/cgroup
	master req1 own db1
	t_says "a touch, and sudo is root" "uid=0(root)" confirmed req1 over_tty req1 own 'sudo id'
	t_ok "doctor finds no failure" doctor
	t_ok "the scan's unit runs" db1 systemctl start ztjit-scan
	t_says "and its report is at the broker" "servers/db1" person sec1 ztjit report standing --host db1
	since=$(date +%s)
	db1 systemctl restart systemd-journald
	t_ok "a journal that was restarted loses nobody" job true
	t_ok "and hears of it" lab_wait 10 journal "$since" "allowed open"
	db1 systemctl restart ztjit-hostd
	t_ok "the agent is restarted: it is there again" lab_wait 30 hostd_fresh db1
	t_ok "the session goes on" over req1 own true
	t_says "and is known" 'sshd' db1 sh -c 'ztjit-hostd status | sed -n "/^Sessions/,/^$/p"'
	pids=$(agents)
	db1 systemctl kill -s KILL --kill-whom=main ztjit-hostd
	t_ok "killed, and all of its processes but the warden with it" lab_wait 10 others_than "$pids"
	t_ok "systemd starts it again" lab_wait 30 hostd_fresh db1
	t_says "once" "NRestarts=1" db1 systemctl show -p NRestarts ztjit-hostd
	t_ok "the session goes on" over req1 own true
	t_ok "a new one begins" job true
}

agents() { db1 pgrep -x ztjit-hostd; }
# None of these processes, and four new ones.
others_than() {
	local now pid
	now=$(agents)
	[ "$(wc -l <<<"$now")" -eq 4 ] || return
	for pid in $1; do ! grep -qx "$pid" <<<"$now" || return; done
}
gone() { without pgrep -u 20000; }

endings() {
	local jobs
	jobs=$(over req1 own '
		mkdir -p .config/systemd/user && printf "[Service]\nExecStart=/bin/sleep 7771\n" >.config/systemd/user/stay.service
		systemctl --user daemon-reload && systemctl --user start stay || exit
		nohup setsid sleep 7772 >/dev/null 2>&1 &
		sleep 0.5; pgrep -fx "/?.*sleep 777[12]" | wc -l')
	t_ok "a unit of the person's own manager, and a job of the session" test "$jobs" = 2
	db1 systemctl kill -s STOP systemd-journald
	db1 timeout 5 sh -c 'while :; do logger full; done'
	t_ok "a journal that does not read" test $? -eq 124
	fleet_do lead1 "ztjit revoke --yes -m 'that is all' $GRANT"
	t_ok "P3 revoked: the session's is gone all the same" lab_wait 3 without pgrep -fx "sleep 7772"
	t_ok "R07 and what logind kept for the person" lab_wait 90 gone
	db1 systemctl kill -s CONT systemd-journald
	t_denies "nobody gets in" "revoked" job true
}

reboot() {
	grant req1 sudo-root db1 5m || return
	t_ok "before the reboot" job true
	t_ok "the agent says how many lines the journal did not read" lab_wait 10 journal "$(($(date +%s) - 300))" "lines before were lost"
	t_ok "it boots" start_again
	t_ok "the agent is there, with nobody's help" lab_wait 60 hostd_fresh db1
	t_ok "and so is the way in" job true
	db1 systemctl stop ztjit-hostd
	t_denies "the agent does not run: nobody gets in" "Permission denied" job true
	t_ok "started again" db1 systemctl start ztjit-hostd
	t_ok "somebody does" lab_wait 30 job true
	lab_in broker systemctl restart ztjit-broker
	t_ok "the broker's unit is restarted: the server finds it" lab_wait 60 hostd_fresh db1
}

if ! fleet_ready; then
	fleet_logs
	t_ok "a fleet" false
	t_done
fi
logins
endings
reboot
t_ok "uninstalled" db1 ztjit-hostd uninstall --yes
t_ok "all is as it was" lab_wait 20 as_before
t_ok "and no agent runs" without systemctl is-active ztjit-hostd
t_says "nothing failed meanwhile" "0 loaded units" db1 systemctl --failed --no-pager
t_done
