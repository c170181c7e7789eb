# shellcheck shell=bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# A lab of several machines on one: source this file from a bash script.
#
#	. "$(dirname "$0")/../lab/lab.sh"
#	lab_up "$@"                     # first; everything below it runs inside
#	lab_server web1; lab_server db1; lab_workstation req1
#	lab_install web1 db1 req1; lab_start_sshd web1
#	lab_as req1 ssh web1 id
#
# The outside
#   lab_up ARG...       Runs this script again as root's PID 1 child in mount, pid, net, uts
#                       and ipc namespaces of its own, and exits with its status.  When that
#                       one ends, for whatever reason, everything in the lab dies with it and
#                       its cgroups are removed.  Nothing of the machine is altered but the
#                       cache of base roots ($LAB_CACHE, default /var/cache/ztjit-lab).
#                       Standard input is /dev/null unless LAB_TTY=yes is set before.
#   lab_run SCRIPT ARG...  The same for another script; returns its status, after the cleaning.
#   lab_base            Builds the base root if the cache lacks it (debootstrap, 45 s; root,
#                       network).  lab_up calls it.
# Machines: each has private mount, pid, net, uts, ipc and cgroup namespaces, an overlay over
# the base root, a tini as PID 1, a syslogd writing /var/log/syslog, an address on the lab's
# bridge and a name that all others find in /etc/hosts.  Its own files survive lab_stop.
#   lab_server NAME     Starts (or starts again) a machine.  The broker is one too.
#                       With LAB_INIT=systemd its PID 1 is systemd, with logind and journald; the
#                       script sets LAB_SYSTEMD=yes before lab_up, which then sees to a layer
#                       over the base root that has them.
#   lab_workstation NAME [UID]  The same with a person NAME on it (uid from 2001 up, own HOME).
#   lab_stop NAME       Power failure: kills every process of the machine.
#   lab_down            lab_stop for all of them; leaving the script does the same.
#   lab_link NAME up|down  Its network cable.
#   lab_user NAME USER UID [GROUP...]  Adds a local account with a shell and no password.
# Commands: the exit status is the command's; standard input and output are passed on.
#   lab_in NAME CMD...  As root, in the machine's cgroup system.slice/$LAB_UNIT (default
#                       lab.service), with a clean environment.  Daemons may be left behind.
#   lab_as NAME CMD...  As the person of that workstation (or LAB_USER=who), in HOME.
#                       Both end a command after LAB_TIMEOUT seconds (default 60; 0: never).
#   lab_put NAME FILE DEST [MODE]  Copies a file of the outside to a machine (default mode 0644).
#   lab_share FILE...   Shows files or directories to all machines, read-only, below /lab.
#   lab_log NAME        The machine's syslog so far.
#   lab_wait SECONDS CMD...  Repeats CMD until it succeeds; 1 if it did not in that time.
# ztjit
#   lab_install NAME... make install of $ZTJ_BUILDDIR, into these machines; the PAM module is
#                       linked to where PAM looks.  Configure the build as tools/lib.sh does.
#   lab_start_sshd NAME OPTION...  Stock sshd with the machine's sshd_config and these options;
#                       makes an ed25519 host key the first time; waits until it listens.
#   lab_clock NAME OFFSET  Shifts the machine's clock ("+2h", "-30s", "+0") for everything that
#                       was started after the first lab_clock there, and at once.  libfaketime
#                       reads $LAB_CLOCK_FILE (default /etc/ztjit/faketime), which a sandbox
#                       must let it read.  BOOTTIME and MONOTONIC stay real.
# Facts: lab_addr NAME, lab_pid NAME (PID 1 as seen here), lab_cgroup NAME (its cgroup
# directory as seen here).  $LAB_DIR is scratch space that vanishes with the lab.

LAB_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${ZTJ_SRCDIR:=$(cd "$LAB_SRC/../.." && pwd)}"
: "${ZTJ_BUILDDIR:=$ZTJ_SRCDIR/build}"
: "${LAB_CACHE:=/var/cache/ztjit-lab}"
: "${LAB_CLOCK_FILE:=/etc/ztjit/faketime}"
LAB_DIR=$LAB_CACHE/mnt
LAB_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

lab__die() {
	echo "lab: $*" >&2
	exit 99
}

# --- the outside ---------------------------------------------------------

# The mirror of the machine's own suite, from its own apt sources.
lab__mirror() {
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
		awk -v suite="$1" '$2 == suite && $3 == "main" && $1 ~ /^(http|https|file|copy):/ { print $1; exit }'
}

lab_base() {
	[ "$(id -u)" -eq 0 ] || lab__die "needs root"
	local suite packages key mirror proxy tmp
	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	packages=$(grep -v '^#' "$LAB_SRC/packages" | paste -sd,)
	key=$(printf '%s\n' "$suite" "$packages" "$(dpkg --print-architecture)" "$(cat /etc/debian_version)" |
		sha256sum | cut -c1-16)
	LAB_BASE=$LAB_CACHE/base-$key
	export LAB_BASE
	[ ! -d "$LAB_BASE" ] || return 0
	mkdir -p "$LAB_DIR" || return
	(
		flock 8
		[ ! -d "$LAB_BASE" ] || exit 0
		mirror=$(lab__mirror "$suite")
		[ -n "$mirror" ] || { apt-get -q update >/dev/null && mirror=$(lab__mirror "$suite"); }
		[ -n "$mirror" ] || lab__die "no apt source for $suite on this machine"
		proxy=
		eval "$(apt-config shell proxy Acquire::http::Proxy)"
		[ -z "$proxy" ] || export http_proxy="$proxy"
		echo "lab: building the base root (once)" >&2
		rm -rf "$LAB_CACHE"/tmp.*
		tmp=$(mktemp -d "$LAB_CACHE/tmp.XXXXXX")
		chmod 755 "$tmp"
		# In namespaces of its own: no mount and no daemon can be left behind.
		if ! unshare --mount --pid --ipc --fork --kill-child --mount-proc \
			debootstrap --variant=minbase --include="$packages" "$suite" "$tmp" "$mirror" \
			>"$LAB_CACHE/debootstrap.log" 2>&1 </dev/null; then
			tail -n 20 "$LAB_CACHE/debootstrap.log" >&2
			rm -rf "$tmp"
			lab__die "debootstrap failed"
		fi
		# Each machine makes host keys of its own.
		rm -rf "$tmp"/etc/ssh/ssh_host_* "$tmp"/var/cache/apt/archives/*.deb "$tmp"/var/lib/apt/lists/* \
			"$tmp"/etc/resolv.conf "$tmp"/etc/apt/sources.list
		mv "$tmp" "$LAB_BASE"
	) 8>"$LAB_CACHE/lock"
}

# The machine's own lists of packages, for a root that has those of the base.
lab__debs() {
	apt-get -q -y -o Dir::State::status="$LAB_BASE/var/lib/dpkg/status" -o Dir::Cache::archives="$1" \
		install --download-only --no-install-recommends systemd-sysv dbus libpam-systemd
}

lab__systemd() {
	[ ! -d "$LAB_BASE.systemd" ] || return 0
	(
		flock 8
		[ ! -d "$LAB_BASE.systemd" ] || exit 0
		echo "lab: building the layer with systemd (once)" >&2
		tmp=$(mktemp -d "$LAB_CACHE/tmp.XXXXXX")
		mkdir -p "$tmp"/{debs/partial,upper,work,root}
		chmod 755 "$tmp/upper"
		{
			{ lab__debs "$tmp/debs" || { apt-get -q update && lab__debs "$tmp/debs"; }; } &&
				unshare --mount --pid --ipc --net --fork --kill-child sh -ec '
					mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
					mount --bind "$2/debs" "$2/root/mnt"
					mount -t proc proc "$2/root/proc"
					mount -t tmpfs run "$2/root/run"
					cd "$2/root"
					printf "#!/bin/sh\nexit 101\n" >usr/sbin/policy-rc.d
					chmod 755 usr/sbin/policy-rc.d
					DEBIAN_FRONTEND=noninteractive chroot . apt-get -q -y install $(find mnt -name "*.deb" -printf "/mnt/%f ")
					rm usr/sbin/policy-rc.d' sh "$LAB_BASE" "$tmp"
		} >"$LAB_CACHE/systemd.log" 2>&1 </dev/null || {
			tail -n 20 "$LAB_CACHE/systemd.log" >&2
			rm -rf "$tmp"
			lab__die "no layer with systemd"
		}
		mv "$tmp/upper" "$LAB_BASE.systemd"
		rm -rf "$tmp"
	) 8>"$LAB_CACHE/lock"
}

# Runs CMD with the whole cgroup2 hierarchy mounted on $LAB_DIR, for itself only.
lab__with_cgroups() {
	unshare --mount sh -c 'mount -t cgroup2 cgroup2 "$0" && "$@"' "$LAB_DIR" "$@"
}

# Kills what is left in a lab's cgroups and removes them.
lab__remove_cgroups() {
	lab__with_cgroups sh -c '
		top=$1/ztjit-lab-$2
		[ -d "$top" ] || exit 0
		echo 1 >"$top/cgroup.kill"
		for i in $(seq 100); do
			find "$top" -depth -type d -exec rmdir {} + 2>/dev/null
			[ -d "$top" ] || exit 0
			sleep 0.05
		done
		echo "lab: cannot remove $top" >&2; exit 1' sh "$LAB_DIR" "$1"
}

# Cgroups of labs whose first process was killed before it could clean up.
lab__sweep() {
	local id
	lab__with_cgroups find "$LAB_DIR" -maxdepth 1 -name 'ztjit-lab-*' -printf '%f\n' | while read -r id; do
		id=${id#ztjit-lab-}
		[ -e "/proc/${id%%-*}" ] || lab__remove_cgroups "$id"
	done
}

lab_run() {
	local rc keeper janitor
	lab_base || return
	[ "${LAB_SYSTEMD:-no}" = no ] || lab__systemd || return
	lab__sweep
	LAB_ID=$$-$RANDOM
	# The janitor waits until this shell has closed its end of the pipe, be it
	# by dying, and cleans up; the lab itself must not hold that end.
	exec {keeper}> >(
		trap '' INT TERM HUP
		cat >/dev/null
		lab__remove_cgroups "$LAB_ID"
	)
	janitor=$!
	if [ "${LAB_TTY:-no}" = yes ]; then
		lab__enter "$@" {keeper}>&-
	else
		lab__enter "$@" {keeper}>&- </dev/null
	fi
	rc=$?
	exec {keeper}>&-
	wait "$janitor"
	return "$rc"
}

lab__enter() {
	LAB_INSIDE=$LAB_ID ZTJ_SRCDIR=$ZTJ_SRCDIR ZTJ_BUILDDIR=$ZTJ_BUILDDIR LAB_CACHE=$LAB_CACHE \
		setpriv --pdeathsig KILL \
		unshare --mount --pid --net --uts --ipc --fork --kill-child=KILL --mount-proc \
		"$LAB_BASE/usr/bin/tini-static" -g -- bash "$@"
}

lab_up() {
	[ -n "${LAB_INSIDE:-}" ] || {
		lab_run "$0" "$@"
		exit
	}
	[ "${LAB_DIR_UP:-}" != yes ] || return 0
	LAB_DIR_UP=yes
	umask 022
	declare -gA LAB_ADDR=() LAB_PID=() LAB_CLOCKED=()
	mount -t tmpfs -o mode=755 lab "$LAB_DIR" &&
		mkdir -p "$LAB_DIR"/{cgroup,m,share,tmp} &&
		mount -t cgroup2 cgroup2 "$LAB_DIR/cgroup" || lab__die "cannot mount the lab"
	LAB_CG=$LAB_DIR/cgroup/ztjit-lab-$LAB_INSIDE
	mkdir -p "$LAB_CG/outer" && echo $$ >"$LAB_CG/outer/cgroup.procs" || lab__die "no cgroup"
	export TMPDIR=$LAB_DIR/tmp
	install -m 755 "$LAB_SRC/as" "$LAB_DIR/share/.as"
	hostname lab
	printf '127.0.0.1 localhost\n10.77.0.1 lab\n' >"$LAB_DIR/hosts"
	mount --bind "$LAB_DIR/hosts" /etc/hosts
	ip link set lo up
	ip link add lab0 type bridge
	ip addr add 10.77.0.1/24 dev lab0
	ip link set lab0 up
}

# --- machines ------------------------------------------------------------

lab_addr() { echo "${LAB_ADDR[$1]}"; }
lab_pid() { echo "${LAB_PID[$1]}"; }
lab_cgroup() { echo "$LAB_CG/$1"; }

lab_server() {
	local name=$1 dir=$LAB_DIR/m/$1 number ready parent pid='' base=$LAB_BASE
	[ "${LAB_INIT:-tini}" = tini ] || base=$LAB_BASE.$LAB_INIT:$LAB_BASE
	[ -z "${LAB_PID[$name]:-}" ] || lab__die "$name is running"
	if [ -z "${LAB_ADDR[$name]:-}" ]; then
		number=$((10 + ${#LAB_ADDR[@]}))
		LAB_ADDR[$name]=10.77.0.$number
		mkdir -p "$dir"/{upper,work,root}
		mkfifo "$dir/ready"
		echo "${LAB_ADDR[$name]} $name" >>"$LAB_DIR/hosts"
	fi
	mkdir -p "$LAB_CG/$name"/{init.scope,system.slice}
	exec {ready}<>"$dir/ready"
	(
		exec {ready}>&-
		echo $BASHPID >"$LAB_CG/$name/cgroup.procs"
		exec unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child=KILL \
			bash "$LAB_SRC/machine-init" "$name" "$dir" "$base" "$LAB_DIR" "${LAB_INIT:-tini}"
	) </dev/null >"$dir/console" 2>&1 &
	parent=$!
	read -r -t 20 pid <&"$ready"
	exec {ready}<&-
	[ -n "$pid" ] || { cat "$dir/console" >&2; lab__die "$name does not start"; }
	# The waiting parent is no process of the machine.
	echo "$parent" >"$LAB_CG/outer/cgroup.procs"
	LAB_PID[$name]=$pid
	number=${LAB_ADDR[$name]##*.}
	# The same Ethernet address each time, or neighbours would remember a dead one.
	ip link add "lab$number" master lab0 type veth peer name eth0 \
		address "02:00:0a:4d:00:$(printf %02x "$number")" netns "/proc/$pid/ns/net"
	ip link set "lab$number" up
	nsenter -n -t "$pid" sh -c 'ip link set lo up; ip addr add "$1/24" dev eth0; ip link set eth0 up' \
		sh "${LAB_ADDR[$name]}"
}

lab_workstation() {
	local name=$1 uid=${2:-}
	local new=yes
	[ -z "${LAB_ADDR[$name]:-}" ] || new=no
	lab_server "$name"
	[ -n "$uid" ] || uid=$((1991 + ${LAB_ADDR[$name]##*.}))
	[ "$new" = no ] || lab_user "$name" "$name" "$uid"
	lab_in "$name" install -d -m 700 -o "$uid" -g "$uid" "/run/user/$uid"
}

lab_user() {
	local name=$1 user=$2 uid=$3 group
	local -a groups=()
	shift 3
	for group; do
		lab_in "$name" groupadd -f "$group" || return
		groups+=("$group")
	done
	[ "${#groups[@]}" -eq 0 ] || groups=(-G "$(IFS=, && echo "${groups[*]}")")
	lab_in "$name" useradd -m -s /bin/bash -u "$uid" -U "${groups[@]}" "$user" &&
		lab_in "$name" chmod 700 "/home/$user"
}

lab_stop() {
	local name=$1 i
	[ -n "${LAB_PID[$name]:-}" ] || return 0
	echo 1 >"$LAB_CG/$name/cgroup.kill"
	unset "LAB_PID[$name]" "LAB_CLOCKED[$name]"
	for i in $(seq 500); do
		find "$LAB_CG/$name" -depth -type d -exec rmdir {} + 2>/dev/null
		[ -d "$LAB_CG/$name" ] || break
		sleep 0.02
	done
	ip link del "lab${LAB_ADDR[$name]##*.}" 2>/dev/null
	[ ! -d "$LAB_CG/$name" ] || lab__die "$name does not die ($i)"
}

lab_down() {
	local name
	for name in "${!LAB_PID[@]}"; do
		lab_stop "$name"
	done
}

lab_link() { ip link set "lab${LAB_ADDR[$1]##*.}" "$2"; }

# --- commands ------------------------------------------------------------

lab__nsenter() {
	local name=$1 unit=$LAB_CG/$1/system.slice/${LAB_UNIT:-lab.service}
	shift
	[ -n "${LAB_PID[$name]:-}" ] || lab__die "$name is not running"
	[ -d "$unit" ] || mkdir "$unit" || return 99
	(
		echo $BASHPID >"$unit/cgroup.procs" || exit 99
		exec nsenter -m -u -i -n -p -C -t "${LAB_PID[$name]}" -- \
			/usr/bin/env -i PATH=$LAB_PATH LANG=C.UTF-8 TERM="${TERM:-dumb}" ${LAB_CLOCKED[$name]:+"FAKETIME_NO_CACHE=1"} \
			${LAB_CLOCKED[$name]:+"DONT_FAKE_MONOTONIC=1"} \
			${LAB_CLOCKED[$name]:+"FAKETIME_TIMESTAMP_FILE=$LAB_CLOCK_FILE"} \
			/usr/bin/timeout --foreground "${LAB_TIMEOUT:-60}" /usr/bin/env "$@"
	)
}

lab_in() {
	local name=$1
	shift
	lab__nsenter "$name" HOME=/root USER=root LOGNAME=root SHELL=/bin/bash /usr/bin/env -C /root "$@"
}

lab_as() {
	local name=$1 user=${LAB_USER:-$1}
	shift
	lab__nsenter "$name" /lab/.as "$user" "$@"
}

lab_put() {
	lab_in "$1" sh -c 'umask 077; mkdir -p -m 755 "${1%/*}" && cat >"$1" && chmod "$2" "$1"' \
		sh "$3" "${4:-0644}" <"$2"
}

lab_share() { cp -a -- "$@" "$LAB_DIR/share/"; }

lab_log() { lab_in "$1" cat /var/log/syslog; }

lab_wait() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -le "$end" ] || return 1
		sleep 0.1
	done
}

# --- ztjit ---------------------------------------------------------------

lab_install() {
	local name pamdir
	if [ ! -d "$LAB_DIR/stage" ]; then
		# One lab at a time: what make installs it may link anew.
		flock "$ZTJ_BUILDDIR" make -s -C "$ZTJ_BUILDDIR" install DESTDIR="$LAB_DIR/stage" >"$LAB_DIR/install.log" 2>&1 || {
			cat "$LAB_DIR/install.log" >&2
			return 1
		}
	fi
	pamdir=$(cd "$LAB_DIR/stage" && find . -name pam_ztjit.so -printf '/%P\n')
	for name; do
		tar -C "$LAB_DIR/stage" --owner=0 --group=0 -cf - . |
			lab_in "$name" tar -C / --no-overwrite-dir -xf - || return
		[ -z "$pamdir" ] || lab_in "$name" sh -c '
			dir=$(dirname "$(find /usr/lib -name pam_unix.so)")
			[ -e "$dir/pam_ztjit.so" ] || ln -s "$1" "$dir/"
			ldconfig' sh "$pamdir"
	done
}

lab_start_sshd() {
	local name=$1
	shift
	LAB_UNIT=ssh.service lab_in "$name" sh -ec '
		mkdir -p /run/sshd
		[ -e /etc/ssh/ssh_host_ed25519_key ] ||
			ssh-keygen -q -t ed25519 -N "" -C "$0" -f /etc/ssh/ssh_host_ed25519_key
		/usr/sbin/sshd -t "$@"
		exec /usr/sbin/sshd "$@"' "$name" "$@" || return
	lab_wait 30 lab__listens "${LAB_ADDR[$name]}" 22
}

lab__listens() { timeout 1 bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$1" "$2" 2>/dev/null; }

lab_clock() {
	local name=$1 offset=$2
	if [ -z "${LAB_CLOCKED[$name]:-}" ]; then
		# Timers of the boot clock stay real as well.
		lab_put "$name" "$ZTJ_BUILDDIR/tests/lab/.libs/librealtimer.so" /usr/local/lib/librealtimer.so 0755 || return
		lab_in "$name" sh -ec '
			mkdir -p "${1%/*}"
			ln -sf "$1" /etc/faketimerc
			printf "%s\n" FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1 "FAKETIME_TIMESTAMP_FILE=$1" >>/etc/environment
			echo +0 >"$1"
			{ echo /usr/local/lib/librealtimer.so; find /usr/lib -name libfaketimeMT.so.1; } >/etc/ld.so.preload' sh "$LAB_CLOCK_FILE" || return
		LAB_CLOCKED[$name]=yes
	fi
	# Renamed into place: a reader must never find it empty.
	lab_in "$name" sh -c 'echo "$2" >"$1.new" && mv "$1.new" "$1"' sh "$LAB_CLOCK_FILE" "$offset"
}
