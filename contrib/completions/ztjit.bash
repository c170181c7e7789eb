# bash completion for ztjit(1)
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What can follow a command stands in one case below; tests/cli/options.sh holds it
# against ztjit --help.

# _ztjit_options COMMAND [SUBCOMMAND]: its options.
_ztjit_options() {
	case "$*" in
	init)
		echo "--broker --pin --yes --json --help"
		;;
	enroll)
		echo "--offline --domain --verify-required --touch-only --application --yes --key --sk-provider --quiet --json --help"
		;;
	login)
		echo "--as --for --yes --key --sk-provider --quiet --json --help"
		;;
	logout | whoami | status | show | known-hosts | submit | "user invite" | "host show" | "directory show" | "policy check" | "policy test" | "policy diff" | "sessions show")
		echo "--json --help"
		;;
	doctor)
		echo "--quiet --json --help"
		;;
	request)
		echo "--role --host --label --for --at --valid --ticket --message --break-glass --wait --no-wait --dry-run --write --yes --key --sk-provider --quiet --json --help"
		;;
	requests)
		echo "--mine --to-review --all --json --help"
		;;
	approve)
		echo "--for --message --write --yes --key --sk-provider --quiet --json --help"
		;;
	deny | cancel)
		echo "--message --write --yes --key --sk-provider --quiet --json --help"
		;;
	extend)
		echo "--for --host --ticket --message --valid --wait --no-wait --dry-run --write --yes --key --sk-provider --quiet --json --help"
		;;
	revoke)
		echo "--user --host --until --message --write --yes --key --sk-provider --quiet --json --help"
		;;
	watch | confirm | "directory sign" | "policy sign")
		echo "--yes --key --sk-provider --quiet --json --help"
		;;
	ssh)
		echo "--role --yes --key --sk-provider --quiet --json --help"
		;;
	cert)
		echo "--role --agent --key --quiet --json --help"
		;;
	"config ssh")
		echo "--key --sk-provider --json --help"
		;;
	"user approve")
		echo "--group --uid --directory --fingerprint --attested --for --write --yes --key --sk-provider --quiet --json --help"
		;;
	"user ls" | "host ls")
		echo "--directory --json --help"
		;;
	"user remove" | "host remove")
		echo "--directory --for --write --yes --key --sk-provider --quiet --json --help"
		;;
	"host token")
		echo "--label --directory --for --key --json --help"
		;;
	"host approve")
		echo "--label --digest --new-keys --directory --for --write --yes --key --sk-provider --quiet --json --help"
		;;
	"directory renew")
		echo "--for --write --yes --key --sk-provider --quiet --json --help"
		;;
	"policy explain")
		echo "--user --role --host --at --break-glass --json --help"
		;;
	"sessions ls")
		echo "--user --host --role --state --text --since --until --all --json --help"
		;;
	"sessions play")
		echo "--speed --idle --from --follow --raw --unverified --unseal-cert --unseal-key --yes --key --sk-provider --quiet --json --help"
		;;
	"sessions tail")
		echo "--raw --unverified --unseal-cert --unseal-key --yes --key --sk-provider --quiet --json --help"
		;;
	"sessions search")
		echo "--user --host --role --state --text --since --until --all --unverified --unseal-cert --unseal-key --yes --key --sk-provider --quiet --json --help"
		;;
	"sessions export")
		echo "--format --output --raw --unverified --unseal-cert --unseal-key --yes --key --sk-provider --quiet --json --help"
		;;
	"sessions kill")
		echo "--message --yes --key --sk-provider --quiet --json --help"
		;;
	scan)
		echo "--send --kind --accept --message --until --root --quiet --json --help"
		;;
	"report standing")
		echo "--host --json --help"
		;;
	"report access" | "report metrics" | "report controls")
		echo "--since --until --user --host --role --group-by --format --output --dir --log-key --domain --witness --uncosigned --json --help"
		;;
	"audit ls")
		echo "--user --host --kind --outcome --since --until --dir --log-key --domain --witness --uncosigned --all --json --help"
		;;
	"audit show")
		echo "--dir --log-key --domain --witness --uncosigned --json --help"
		;;
	"audit verify")
		echo "--checkpoint --hosts-from --quiet --dir --log-key --domain --witness --uncosigned --json --help"
		;;
	"audit proof")
		echo "--output --recipe --quiet --json --help"
		;;
	"audit verify-proof")
		echo "--policy-roots --quiet --json --help"
		;;
	"audit follow")
		echo "--user --host --kind --outcome --since --until --dir --log-key --domain --witness --uncosigned --json --help"
		;;
	"audit export")
		echo "--format --output --user --host --kind --outcome --since --until --dir --log-key --domain --witness --uncosigned --json --help"
		;;
	"policy push")
		echo "--broker --yes --json --help"
		;;
	esac
}

_ztjit() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]:-} sub=${COMP_WORDS[2]:-} words=
	COMPREPLY=()
	case $prev in
	--key | --sk-provider | --write | --attested | --output | --unseal-cert | --unseal-key | --dir | --log-key | --checkpoint | --policy-roots)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--outcome)
		mapfile -t COMPREPLY < <(compgen -W "accepted refused pending asked removed issued answered started head closed lost opened reported stopped allowed denied alarm raised" -- "$cur")
		return
		;;
	--state)
		mapfile -t COMPREPLY < <(compgen -W "open closed lost" -- "$cur")
		return
		;;
	--root)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--kind)
		words="sudoers sudo doas key sshd rhosts password uid0 shell group setuid setgid capability device mount writable linger polkit pam preload nfs socket"
		[ "$command" != audit ] || words="statement policy directory pending certificate stepup session view call decision standing broker configuration alarm"
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
		;;
	--group-by)
		words="request session person host role day"
		[ "$sub" = access ] || words="figure day approval denial trend standing break-glass"
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
		;;
	--format)
		words="asciicast-v2 asciicast-v3 text json"
		[ "$command" != audit ] || words="jsonl syslog cef csv"
		[ "$command" != report ] || words="table csv json html"
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
		;;
	esac
	if [ "$COMP_CWORD" -eq 1 ]; then
		words="init enroll login logout whoami status doctor request requests show approve deny cancel extend revoke watch ssh cert config known-hosts confirm submit user host directory policy sessions audit scan report help --help"
	else
		case $command in
		config)
			[ "$COMP_CWORD" -ne 2 ] || words="ssh"
			;;
		user)
			[ "$COMP_CWORD" -ne 2 ] || words="invite approve ls remove"
			;;
		host)
			[ "$COMP_CWORD" -ne 2 ] || words="token approve ls show remove"
			;;
		directory)
			[ "$COMP_CWORD" -ne 2 ] || words="show renew sign"
			;;
		policy)
			[ "$COMP_CWORD" -ne 2 ] || words="check test explain diff sign push"
			;;
		sessions)
			[ "$COMP_CWORD" -ne 2 ] || words="ls show play tail search export kill"
			;;
		report)
			[ "$COMP_CWORD" -ne 2 ] || words="standing access metrics controls"
			;;
		audit)
			[ "$COMP_CWORD" -ne 2 ] || words="ls show verify proof verify-proof follow export"
			;;
		*) sub= ;;
		esac
		[ -n "$words" ] || words=$(_ztjit_options "$command" ${sub:+"$sub"})
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -F _ztjit ztjit
