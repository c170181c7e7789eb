#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Every command and option of --help stands in the manual and in the completion, and
# the completion offers nothing else.
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../lab/tap.sh"
src=${ZTJ_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
ZTJIT=${ZTJ_BUILDDIR:-$PWD}/ztjit/ztjit
# shellcheck source=contrib/completions/ztjit.bash
. "$src/contrib/completions/ztjit.bash"

long_options() { grep -oE '^  (-., |    )--[a-z-]+' | grep -oE -- '--.*' | sort -u; }
offered() { _ztjit_options "$@" | tr ' ' '\n' | sort -u; }
man_has() { grep -qE "Fl -${1#--}( |$)" "$src/man/ztjit.1"; }
complete_first() {
	COMP_WORDS=(ztjit "$1")
	COMP_CWORD=1
	_ztjit
	printf '%s\n' "${COMPREPLY[@]}"
}

while read -r name sub; do
	help=$("$ZTJIT" "$name" ${sub:+"$sub"} --help) || t_ok "$name $sub --help" false
	t_ok "$name${sub:+ $sub}: completion offers what --help lists" [ "$(long_options <<<"$help")" = "$(offered "$name" ${sub:+"$sub"})" ]
	while read -r option; do
		man_has "$option" || t_ok "$name $sub: $option stands in the manual" false
	done < <(long_options <<<"$help")
	grep -qE "^\.It Cm .*\b$name\b" "$src/man/ztjit.1" || t_ok "$name stands in the manual" false
	t_ok "$name is completed" grep -qx "$name" <(complete_first "$name")
done < <("$ZTJIT" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1, ($2 ~ /^[a-z-]+$/ ? $2 : "") }')
t_done
