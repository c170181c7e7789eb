#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The audit log on its way to another machine, by a broker that root has started: every process with a user of its own, a
# receiver found by its name, and a network that is cut.
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

D=/var/lib/ztjit-broker
broker() { lab_in broker "$@"; }
init() { # [OPTION...]
	broker ztjit-broker init --domain example --root /root/a.pub --threshold 1 --dir "$D" \
		--url https://broker:8443 --listen 0.0.0.0:8443 "$@"
}
# start and stop leave a leaf each.
again() {
	fleet_stop_broker
	broker timeout 20 sh -c 'while pgrep -x ztjit-broker || pgrep -x store; do sleep 0.1; done' >/dev/null
	fleet_start_broker
}
user_of() { broker sh -c 'ps -o user:32= -p "$(pgrep -x "$1")"' sh "$1"; }
numbers() { lab_in web1 sh -c 'grep -aoE "n=\"[0-9]+\"" /root/got | tr -dc "0-9\n" | sort -nu'; }
leaves() { broker sh -c 'sed -n 2p "$0"/store/log/checkpoint' "$D"; }
all_there() { [ "$(numbers | wc -l)" = "$(leaves)" ] && [ "$(numbers | tail -n 1)" = "$(($(leaves) - 1))" ]; }
confirmed() { [ "$(broker cat "$D/sender/far.taken" 2>/dev/null)" = "$(leaves)" ]; }
complains() { broker grep -F -- "$1" /var/log/ztjit-broker.log; }
# Takes what comes until nothing more comes, and then the next connection.
receive() {
	LAB_UNIT=receiver.service lab_in web1 sh -c \
		'while :; do busybox nc -l -p 6010 -e sh -c "cat >>/root/got"; done >/dev/null 2>&1 &'
}

lab_server broker
lab_server web1
lab_install broker web1
broker ssh-keygen -q -t ed25519 -N '' -f /root/a
fleet_system_users broker ztjit-frontend ztjit-store ztjit-signer
t_denies "without its user there is no init" "ztjit-sender is none" init
broker rm -rf "$D"
fleet_system_users broker ztjit-sender
t_ok "init" init
t_ok "the sender's directory is its own" [ "$(broker stat -c '%U %a' "$D/sender")" = "ztjit-sender 700" ]
fleet_start_broker
t_ok "nothing to send, no sender" [ -z "$(broker pgrep -x sender)" ]

broker sh -c 'echo "send = [ \"lines stdout:\", \"far tcp://web1:6010 confirm=1s\" ];" >>"$0"/broker.conf' "$D"
t_ok "check" broker ztjit-broker check -c "$D/broker.conf"
receive
again
for process in frontend store signer sender; do
	t_ok "$process has a user of its own" [ "$(user_of "$process")" = "ztjit-$process" ]
done
t_ok "a receiver by its name gets everything" lab_wait 30 all_there
t_ok "and it is known" lab_wait 30 confirmed
t_ok "in a file of the sender's" [ "$(broker stat -c '%U %a' "$D/sender/far.taken")" = "ztjit-sender 600" ]
t_says "standard output, too" '"kind":"broker","outcome":"started"' complains '{"v":1,"n":0,'
for file in store/broker.db store/log.key signer/online.key frontend/tls.key; do
	t_denies "the sender's user has no $file" "ermission denied" broker setpriv --reuid ztjit-sender --clear-groups cat "$D/$file"
done

lab_link web1 down
again
again
t_no "the network is cut" confirmed
t_says "nobody waits for it" '"outcome":"stopped"' complains '"outcome":"stopped"'
lab_link web1 up
t_ok "it comes when the network is back" lab_wait 90 all_there
t_ok "and that is known" lab_wait 30 confirmed

broker rm -rf "$D/sender"
again
t_ok "root makes the directory again" [ "$(broker stat -c '%U %a' "$D/sender")" = "ztjit-sender 700" ]
t_done
