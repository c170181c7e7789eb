# bash completion for ztjit-broker(8)
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash

_ztjit_broker() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	case $prev in
	--root | --ca | --ca-agent | --ca-pub | --dir | --conf | -c)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--frontend-user | --store-user | --signer-user | --sender-user)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	esac
	if [ "${COMP_WORDS[1]:-}" = init ] && [ "$COMP_CWORD" -gt 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "--domain --root --threshold --dir --url --listen --ca --ca-agent --ca-pub --frontend-user --store-user --signer-user --sender-user --help" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "init check serve token --conf --help" -- "$cur")
	fi
}
complete -F _ztjit_broker ztjit-broker
