#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The tools that people copy with, each through the recorder as its ssh: R03. sshd's part (who may log in, the channel) is
# left out; what it would run is run by the recorder, by the shell, with pipes.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
: "${ZTJ_BUILDDIR:=$here/../../build}"
# LeakSanitizer traces what it looks at, and the recorder cannot be traced.
[ "$(id -u)" -eq 0 ] || export ASAN_OPTIONS=detect_leaks=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# An ssh that goes nowhere: [options] [--] host command...
cat >"$dir/ssh" <<EOF
#!/bin/sh
sub=
while [ \$# -gt 0 ]; do
	case \$1 in
	-s) sub=yes; shift ;;
	--) shift; break ;;
	-[a-zA-Z]) case \$1 in -[oplFiJ]) shift 2 ;; *) shift ;; esac ;;
	-*) shift ;;
	*) break ;;
	esac
done
shift
[ -z "\$sub" ] || set -- /usr/lib/openssh/sftp-server
exec "$ZTJ_BUILDDIR/sshd-helpers/ztjit-rec" -s "\$ZTJ_REC_SOCK" -c "\$*"
EOF
chmod 755 "$dir/ssh"

# recorded FLAGS CMD...: what the record says stays in $dir/record.
recorded() {
	local flags=$1
	shift
	"$ZTJ_BUILDDIR/tests/rec/rec_scribe" -f "$flags" "$@" 2>"$dir/record"
}

said() { grep -q -- "$1" "$dir/record"; }
alike() { cmp "$dir/big" "$1"; }

cd "$dir" || exit 1
head -c 9000001 /dev/urandom >big
mkdir tree && cp big tree/a && (cd tree && seq 1 20000 >b && ln -s b c && chmod 640 b)

for flags in 0 3; do
	t_ok "R03 scp to, by the sftp protocol (flags $flags)" recorded "$flags" scp -q -S "$dir/ssh" big "host:$dir/to$flags"
	t_ok "R03 it arrived" alike "to$flags"
	t_ok "R03 and the record says what ran, and that it ended" said "ended=1 killed=0 status=0 .*sftp-server"
	t_ok "R03 scp from" recorded "$flags" scp -q -S "$dir/ssh" "host:$dir/big" "from$flags"
	t_ok "R03 it arrived" alike "from$flags"
	t_ok "R03 scp, the old protocol, both ways" recorded "$flags" sh -c '
		scp -O -q -S "$0/ssh" big "host:$0/old" && scp -O -q -S "$0/ssh" "host:$0/old" back' "$dir"
	t_ok "R03 it arrived" alike back
	t_ok "R03 with its digest in the record" said "^record: out "
	rm -f old back
done
t_no "R03 a failing copy fails" recorded 0 scp -q -S "$dir/ssh" "host:$dir/nothing" x
printf 'put big sput\nget sput sget\nls -l\n' >'batch'
t_ok "R03 sftp, put and get" recorded 0 sftp -q -S "$dir/ssh" -b 'batch' "host:$dir"
t_ok "R03 it arrived" alike sget
if command -v rsync >/dev/null; then
	t_ok "R03 rsync to" recorded 0 rsync -a -e "$dir/ssh" tree/ "host:$dir/rto/"
	t_ok "R03 rsync from" recorded 0 rsync -a -e "$dir/ssh" "host:$dir/rto/" rfrom/
	t_ok "R03 the trees are alike" diff -r --no-dereference tree rfrom
else
	t_skip "R03 rsync" "not installed"
fi
if command -v git >/dev/null; then
	export GIT_SSH_COMMAND="$dir/ssh" GIT_SSH_VARIANT=simple GIT_CONFIG_GLOBAL=/dev/null HOME=$dir
	export GIT_AUTHOR_NAME=req1 GIT_AUTHOR_EMAIL=req1@example GIT_COMMITTER_NAME=req1 GIT_COMMITTER_EMAIL=req1@example
	git -c init.defaultBranch=main init -q --bare there && git -c init.defaultBranch=main init -q here && (
		cd here && cp ../tree/* . && git add . && git commit -qm first)
	t_ok "R03 git push" recorded 0 git -C here push -q "host:$dir/there" main
	t_ok "R03 git clone" recorded 0 git clone -q -b main "host:$dir/there" clone
	t_ok "R03 the trees are alike" diff -r --no-dereference -x .git here clone
else
	t_skip "R03 git" "not installed"
fi
tar -C tree -cf tree.tar .
t_ok "R03 tar through a pipe" recorded 0 sh -c '"$0/ssh" host "tar -C $0/tree -cf - ." | tar -tf - | sort >list' "$dir"
t_ok "R03 is whole" diff list <(tar -tf tree.tar | sort)
t_done
