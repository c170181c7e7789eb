#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# ztjit scan on a stock Debian that is armed: clean; then with every way to
# administrative access of standing.sh planted at once: all found, the printed
# commands run, clean again. Exceptions; hostile names; what cannot be looked
# at; the broker, and an auditor who does not believe it.
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
# shellcheck source=tests/root/standing.sh
. "$here/standing.sh"

# status WANTED CMD...: CMD must end with that status.
status() {
	local want=$1 got
	shift
	"$@"
	got=$?
	[ "$got" -eq "$want" ] || { echo "status $got, not $want"; return 1; }
}

scan() { lab_in db1 ztjit scan "$@" 2>&1; }
finger() { scan --json | grep -B12 -F "$1" | sed -n 's/.*"fingerprint": "\([0-9a-f]*\)".*/\1/p' | tail -n 1; }

# Every planted way stands in the output that was kept, with its place; says which do not.
all_found() {
	local kind place missed=0
	while IFS=$'\t' read -r kind place; do
		grep -qE "^(critical|high|medium|low) +$kind +" "$LAB_DIR/tmp/found" &&
			awk -v k="$kind" -v p="$place" '$2 == k && $3 == p { found = 1 } END { exit !found }' "$LAB_DIR/tmp/found" ||
			{ echo "missed: $kind $place"; missed=$((missed + 1)); }
	done < <(planted)
	echo "$(planted | wc -l) planted, $missed missed, $(grep -c '^    remove: ' "$LAB_DIR/tmp/found") rows"
	[ "$missed" -eq 0 ]
}

# Types what the scan says, in one bash.
obey() {
	sed -n 's/^    remove: //p' "$LAB_DIR/tmp/found" >"$LAB_DIR/tmp/obey"
	lab_put db1 "$LAB_DIR/tmp/obey" /root/obey
	lab_in db1 bash -e /root/obey
}

stock() {
	t_says "a stock Debian, armed, is clean" "clean: no standing access" scan
	t_ok "and the status says so" status 0 scan --quiet
	t_no "--quiet says nothing then" grep -q . <(scan --quiet)
	t_ok "an ordinary person is no judge" status 1 as_person
	t_ok "a kind that does not exist is a wrong usage" status 2 scan --kind nonsense
	t_ok "an exception without a reason is a wrong usage" status 2 scan --accept 00000000000000000000
	t_ok "what stands elsewhere cannot be sent as one's own" status 2 scan --send --root /
}

as_person() { LAB_USER=req1 lab_as db1 ztjit scan; }

# shellcheck disable=SC2120
fleet_report() { person sec1 ztjit report standing "$@"; }

sending() {
	t_says "before any report a host is unknown, not clean" "unknown" status 1 fleet_report
	t_says "a clean scan reaches the broker" "the broker has it" scan --send
	t_says "the auditor sees a clean host" "clean" status 0 fleet_report --host db1
	t_says "the other one is still unknown" "2 hosts: 1 clean, 0 with entries, 0 partly looked at, 0 old, 1 unknown" \
		status 1 fleet_report
	t_denies "others than auditors are refused" "may not" person req1 ztjit report standing
}

finding() {
	t_ok "planting" plant db1
	scan >"$LAB_DIR/tmp/found"
	t_ok "all planted ways are found, with file and line" all_found
	t_no "what a program is only told of is not run" grep -q /opt/data "$LAB_DIR/tmp/found"
	t_ok "something stands: status 1" status 1 scan --quiet
	t_says "--kind shows one kind" "/usr/local/bin/rootsh" status 1 scan --kind setuid
	t_no "and no other" grep -q sudoers <(scan --kind setuid)
	t_says "--json has fingerprints, places and commands" '"remove": "chmod u-s /usr/local/bin/rootsh"' status 1 scan --json
	t_says "and sends them" "the broker has it" status 1 scan --send
	t_says "the auditor sees what is left, by kind" "setuid 2" status 1 fleet_report --host db1
	t_says "and what removes it" "remove: chmod u-s /usr/local/bin/rootsh" status 1 fleet_report --host db1
}

# An exception is for this very entry, and until then.
excepting() {
	local id
	id=$(finger /usr/local/bin/rootsh)
	t_says "an entry is accepted, with reason and end" "accepted until" scan --accept "$id" -m "the old monitor needs it" --until +2d
	t_no "and shown no more" grep -q rootsh <(scan)
	t_says "the auditor hears that it ends soon" "exception ends soon: servers/db1: setuid /usr/local/bin/rootsh" sent_report
	t_says "but told in JSON" "the old monitor needs it" status 1 scan --json
	t_denies "nothing is accepted that does not stand" "nothing with this fingerprint" scan --accept 0123456789abcdef0123 -m x --until +1d
	t_ok "nor for ever" status 2 scan --accept "$id" -m "for ever" --until 2099-01-01T00:00:00Z
	lab_in db1 sh -c 'echo >>/usr/local/bin/rootsh'
	t_says "another file in its place stands again" "/usr/local/bin/rootsh" status 1 scan
	id=$(finger /usr/bin/find)
	lab_in db1 sh -c "echo '$id 2026-01-01T00:00:00Z was needed once' >>/etc/ztjit/scan.baseline"
	t_says "an exception that ended stands again, and says so" "the exception ended" status 1 scan
	t_says "and reaches the auditor" "exception ended: servers/db1: setuid /usr/bin/find" sent_report
	t_says "F02 a malformed baseline is refused with its line" "scan.baseline:" bad_baseline 'echo "junk" >>scan.baseline'
	t_says "F02 a fingerprint that stands twice" "twice" bad_baseline 'cat scan.baseline scan.baseline >x; mv x scan.baseline'
	t_says "F01 a baseline that others may write" "writable by others" bad_baseline 'chmod 666 scan.baseline'
	t_says "F01 a baseline that is a link" "link" bad_baseline 'mv scan.baseline x; ln -s x scan.baseline'
	lab_in db1 rm /etc/ztjit/scan.baseline
}

sent_report() {
	scan --send >/dev/null
	# shellcheck disable=SC2119
	fleet_report
	[ $? -eq 1 ]
}

bad_baseline() {
	local status=0
	lab_in db1 sh -c "cp -a /etc/ztjit /root/etc; cd /etc/ztjit; $1"
	status 2 scan || status=1
	lab_in db1 sh -c 'rm -rf /etc/ztjit; mv /root/etc /etc/ztjit'
	return "$status"
}

obeying() {
	scan >"$LAB_DIR/tmp/found"
	t_ok "the printed commands run" obey
	t_says "and then the host is clean" "clean: no standing access" scan
	t_says "which the auditor sees" "1 clean" sent_report
}

# Names and trees that somebody made on purpose.
hostile() {
	# shellcheck disable=SC1003
	lab_in db1 bash -ec '
		mkdir -p "/srv/a b"; cd "/srv/a b"
		install -m 4755 /bin/true $'\''x\n\e[2Jcritical  setuid  nowhere\x9b\'\''\"$(touch pwned);`id`'\''
		setpriv --reuid mallory --clear-groups perl -e "chdir q(/home/mallory); for (q(deep), (q(d)) x 1100) { mkdir \$_; chdir \$_ or die }"
		rm -f /home/mallory/.ssh/authorized_keys; mkfifo /home/mallory/.ssh/authorized_keys
		ln -sf /dev/zero /home/mallory/.ssh/authorized_keys2' 2>&1
	scan >"$LAB_DIR/tmp/found"
	t_no "A03 no control character reaches the terminal" grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$LAB_DIR/tmp/found"
	t_ok "A03 a name with a line feed is one row" grep -qF 'x\x0a\x1b[2J' "$LAB_DIR/tmp/found"
	t_ok "what is too deep is named, and the scan is not whole" status 3 scan --quiet
	t_ok "a pipe and a device in place of keys are not waited for" grep -q "not looked at: /home/mallory/deep/" "$LAB_DIR/tmp/found"
	sed -n 's/^    remove: //p' "$LAB_DIR/tmp/found" >"$LAB_DIR/tmp/obey"
	t_ok "the command for the hostile name runs" obey
	t_no "and runs nothing else" lab_in db1 test -e /root/pwned
	lab_in db1 rm -rf /home/mallory/deep /home/mallory/.ssh
	t_says "clean again" "clean: no standing access" scan
	lab_in db1 sh -c 'mkdir -p -m 700 /root/.ssh; truncate -s 1G /root/.ssh/authorized_keys'
	t_says "a file too large to be read is not passed over in silence" "too large" status 3 scan
	lab_in db1 rm /root/.ssh/authorized_keys
}

image() {
	lab_in db1 bash -ec 'mkdir -p /srv/image/etc /srv/image/usr/bin /srv/image/var/lib/dpkg/info
		printf "root:x:0:0::/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\n" >/srv/image/etc/passwd
		echo root:x:0: >/srv/image/etc/group; echo "root:*:1::::::" >/srv/image/etc/shadow; chmod 600 /srv/image/etc/shadow
		install -m 4755 /bin/true /srv/image/usr/bin/odd; ln -s /etc/mine /srv/image/etc/sudoers
		echo "outside ALL=ALL" >/etc/mine; echo "inside ALL=ALL" >/srv/image/etc/mine'
	t_says "an image is looked at below its own root" "/usr/bin/odd" status 1 scan --root /srv/image
	t_says "with its own accounts" "toor has uid 0" status 1 scan --root /srv/image
	t_says "links in it lead nowhere else" "inside may run" status 1 scan --root /srv/image
	t_says "and the commands are for the image" "remove: chroot /srv/image bash -c 'chmod u-s /usr/bin/odd'" status 1 scan --root /srv/image
	lab_in db1 rm -rf /srv/image /etc/mine
}

# edit_broker SQL: somebody with the broker's disk in hands.
edit_broker() {
	local db=/var/lib/ztjit-broker/store/broker.db
	fleet_stop_broker
	lab_wait 10 broker_gone
	lab_in broker cat "$db" >"$LAB_DIR/tmp/broker.db"
	rm -f "$LAB_DIR"/tmp/broker.db-*
	sqlite3 "$LAB_DIR/tmp/broker.db" "$1; PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
	lab_in broker sh -ec 'rm -f "$1"-*; cat >"$1"' sh "$db" <"$LAB_DIR/tmp/broker.db"
	fleet_start_broker
}

broker_gone() { ! lab_in broker pgrep -x ztjit-broker >/dev/null; }

# A broker that edits what a host said.
lying_broker() {
	t_ok "a host has something to hide" scan_with_setuid
	t_says "the auditor sees it" "1 with entries" status 1 fleet_report
	edit_broker "UPDATE standing SET report = CAST(replace(CAST(report AS TEXT), 'critical', 'harmless') AS BLOB)"
	t_says "a report edited at the broker is seen" "1 altered" status 1 fleet_report
	t_says "and says why" "not what its host signed" status 1 fleet_report --host db1
	edit_broker "UPDATE standing SET container = (SELECT container FROM statement LIMIT 1)"
	t_says "another statement in its place as well" "1 altered" status 1 fleet_report
	edit_broker "UPDATE standing SET host = 'servers/web1'"
	t_says "one host's word is no other's" "1 unknown, 1 altered" status 1 fleet_report
	edit_broker "DELETE FROM standing"
	t_says "what is withheld is unknown, never clean" "2 unknown" status 1 fleet_report
	fleet_stop_broker
	lab_wait 15 not_connected
	t_ok "without the broker sending fails, and says so: status 3" status 3 scan --send
}

not_connected() { lab_in db1 ztjit-hostd status 2>/dev/null | grep -q 'not connected'; }

scan_with_setuid() {
	lab_in db1 install -m 4755 /bin/true /usr/local/bin/odd
	status 1 scan --send
}

t_ok "a fleet" fleet_ready
# The fleet of the demonstration has one person in the role group for good.
lab_in db1 gpasswd -d req1 ztjit-root >/dev/null
stock
sending
finding
excepting
obeying
hostile
image
lying_broker
[ "$T_FAILED" -eq 0 ] || fleet_logs
t_done
