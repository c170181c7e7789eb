#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# libnss_ztjit under real glibc, with stock programs: id, getent, ls, su, sudo, sg, setpriv, useradd, nscd, static
# and threaded ones (ABUSE: N01, N04, N05). What the daemon publishes is published by a test's program.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
LAB_TIMEOUT=60
lab_up "$@"

web1() { lab_in web1 "$@"; }
# As alice, with the groups that a login gives.
alice() { web1 setpriv --reuid alice --regid 20001 --init-groups -- "$@"; }

prepare() {
	mkdir -p "$LAB_DIR/tmp"
	gcc -O1 -o "$LAB_DIR/tmp/ask" "$here/ask.c" && gcc -static -O1 -w -o "$LAB_DIR/tmp/ask-static" "$here/ask.c" || return
	lab_server web1
	lab_share "$LAB_DIR/tmp/ask" "$LAB_DIR/tmp/ask-static" "$ZTJ_BUILDDIR/tests/nss/publish"
	lab_install web1
	web1 sh -ec 'mkdir -p /run/ztjit
		sed -i "s/^\(passwd\|group\):.*/& ztjit/" /etc/nsswitch.conf
		echo "Set group_source dynamic" >>/etc/sudo.conf
		echo "%ztjit-root ALL=(ALL:ALL) NOPASSWD: ALL" >/etc/sudoers.d/ztjit
		chmod 440 /etc/sudoers.d/ztjit'
}

# Three people and 1,000 more; alice has what the arguments say, for so many seconds.
publish() {
	printf '%s\n' 'person alice 20001' 'person bob 20002' 'person carol 20003' 'people 1000 30000' \
		'group ztjit-root 61000' 'group ztjit-db 61001' "$@" | web1 /lab/publish /run/ztjit
}
granted() { publish "shell alice 20001 /bin/bash $1" "member ztjit-root 61000 alice $1" "member ztjit-db 61001 alice $1"; }

nobody_yet() {
	t_no "N01 nothing published: nobody, and no error that stops anything" web1 getent passwd alice
	t_says "the machine's own people are there" "uid=0(root)" web1 id root
	t_ok "a file of names" publish
	t_says "without a grant a person resolves" "alice:*:20001:20001:alice:/home/alice:/usr/sbin/nologin" web1 getent passwd alice
	t_says "by id too" "bob:*:20002:20002:bob:/home/bob:/usr/sbin/nologin" web1 getent passwd 20002
	t_says "a group of their own" "alice:*:20001:" web1 getent group alice
	t_says "a role group that nobody is in" "ztjit-root:*:61000:" web1 getent group 61000
	t_says "id" "uid=20001(alice) gid=20001(alice) groups=20001(alice)" web1 id alice
	web1 sh -ec 'touch /tmp/f; chown alice:ztjit-db /tmp/f; touch /tmp/g; chown 30999:30999 /tmp/g'
	t_says "chown and ls -l" "alice ztjit-db" web1 ls -l /tmp/f
	t_says "of anybody" "p999 p999" web1 ls -l /tmp/g
	t_says "find -user" /tmp/f web1 find /tmp -user alice
	t_no "no sudo" alice sudo -n id
	t_no "no shell" web1 su - alice -c id
	t_denies "a name that is taken cannot be added" "already exists" web1 useradd alice
	t_denies "nor an id" "not unique" web1 useradd -u 20001 dave
}

with_a_grant() {
	granted 100000
	t_says "with a grant: a shell" ":/home/alice:/bin/bash" web1 getent passwd alice
	t_says "the role group has a member" "ztjit-root:*:61000:alice" web1 getent group ztjit-root
	t_says "id" "groups=20001(alice),61001(ztjit-db),61000(ztjit-root)" web1 id alice
	t_says "initgroups of a login" "alice ztjit-root ztjit-db" alice id -Gn
	t_says "su" "alice ztjit-root ztjit-db" web1 su alice -c 'id -Gn'
	t_says "sudo, from sudoers that name nobody" "uid=0(root)" alice sudo -n id
	t_says "sudo -l says so" "(ALL : ALL) NOPASSWD: ALL" web1 sudo -l -U alice
	t_says "sudo -u, to somebody who is not here otherwise" "uid=20002(bob)" alice sudo -n -u bob id
	t_says "sg" "61001(ztjit-db)" alice sg ztjit-db -c id
	t_says "newgrp" "gid=61001(ztjit-db)" alice sh -c 'echo id | newgrp ztjit-db'
	t_no "not into a group that one is not in" web1 setpriv --reuid bob --regid 20002 --init-groups -- sg ztjit-root -c id
	t_says "listed is who has a shell" alice: web1 getent passwd
	t_no "and nobody else" sh -c 'printf "%s\n" "$1" | grep -E "^(bob|p[0-9]+):"' sh "$T_OUT"
	t_says "and the role groups" "ztjit-db:*:61001:alice" web1 getent group
	t_says "a statically linked program" "0 wrong" web1 /lab/ask-static alice ztjit-root 1 10
}

# A process of before, as a session has it, whose own groups the kernel keeps.
ends_by_itself() {
	granted 6
	t_ok "a grant that ends soon" web1 sh -c 'id -Gn alice | grep ztjit-root'
	LAB_TIMEOUT=0 alice sh -c 'until [ -e /tmp/over ]; do sleep 0.2; done
		id -Gn >/tmp/kernel; sudo -n id >/tmp/late 2>&1; echo $? >>/tmp/late' &
	local session=$!
	t_ok "N01 is over by itself, nobody publishing" lab_wait 60 web1 sh -c '! id -Gn alice | grep ztjit-root'
	t_says "its shell too" /usr/sbin/nologin web1 getent passwd alice
	t_no "and is listed no more" web1 sh -c 'getent passwd | grep alice'
	web1 touch /tmp/over
	wait "$session"
	t_says "the kernel's groups of a process are as they were" ztjit-root web1 cat /tmp/kernel
	t_no "but a new sudo sees the end" web1 grep -q uid=0 /tmp/late
}

damage() {
	t_ok "$1: made" web1 sh -ec "cd /run/ztjit; $2"
	t_no "$1: no role group" web1 sh -c 'id -Gn alice | grep ztjit-root'
	t_no "$1: no sudo" alice sudo -n id
	t_says "$1: the machine goes on" "uid=0(root)" web1 id root
	granted 100000
}

bad_files() {
	granted 100000
	damage "N04 writable by others" "chmod 666 grants"
	damage "N04 of another owner" "chown 20001 grants"
	damage "N04 a link" "mv grants other; ln -s other grants"
	damage "N04 truncated" "truncate -s -1 grants"
	damage "N04 overwritten" "head -c 2000 /dev/urandom >grants"
	damage "N04 of another version" "printf '\002' | dd of=grants bs=1 seek=8 conv=notrunc status=none"
	damage "N04 gone" "rm grants"
	printf '%s\n' 'person alice 20001' 'member ztjit-root 61000 alice 9999' |
		web1 env ZTJ_BOOTID=3f1c9a52-0b7e-4d55-9c1a-6a0d2b8e4f10 /lab/publish /run/ztjit
	t_says "G06 of another boot: the group has no member" "ztjit-root:*:61000:" web1 getent group ztjit-root
	t_no "G06 and nobody is in it" web1 sh -c 'id -Gn alice | grep ztjit-root'
	granted 100000
	t_ok "without /proc there is no grant" web1 unshare -m sh -c 'umount -l /proc && id -Gn alice >/tmp/noproc &&
		! grep ztjit-root /tmp/noproc && grep alice /tmp/noproc'
}

threads() {
	LAB_TIMEOUT=0 web1 sh -c 'until [ -e /tmp/enough ]; do
		printf "%s\n" "person alice 20001" "people 1000 30000" "shell alice 20001 /bin/bash 9999" \
			"member ztjit-root 61000 alice 9999" | /lab/publish /run/ztjit; done' &
	local publisher=$!
	t_says "N05 threads, while all is published again and again" "0 wrong" web1 /lab/ask alice ztjit-root 4 500
	web1 touch /tmp/enough
	wait "$publisher"
}

# nscd keeps answers for as long as it is told to, and knows nothing of ends: nss_ztjit(8) says how to tell it.
with_nscd() {
	granted 100000
	web1 sh -c 'mkdir -p /run/nscd; nscd' && lab_wait 10 web1 test -S /run/nscd/socket
	t_says "nscd as it comes: a grant" ztjit-root web1 id -Gn alice
	publish
	t_says "nscd as it comes keeps what is over" ztjit-root web1 id -Gn alice
	web1 nscd -K
	lab_wait 10 web1 sh -c '! pgrep -x nscd'
	granted 100000
	web1 sh -ec 'sed -i "s/^\(.*enable-cache.*\(passwd\|group\).*\)yes/\1no/" /etc/nscd.conf'
	web1 nscd && lab_wait 10 web1 test -S /run/nscd/socket
	t_says "N05 nscd, told not to keep people and groups: a grant" ztjit-root web1 id -Gn alice
	publish
	t_no "N05 and its end at once" web1 sh -c 'id -Gn alice | grep ztjit-root'
	granted 100000
	t_says "N05 and another one" ztjit-root web1 id -Gn alice
	web1 nscd -K
}

t_ok "a server with ztjit in nsswitch.conf" prepare
nobody_yet
with_a_grant
ends_by_itself
bad_files
threads
with_nscd
t_done
