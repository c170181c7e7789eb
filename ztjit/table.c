/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The table of commands: what --help, the dispatcher and the tests of manual and completion read. */
#include "ztjit/commands.h"

#define OPTS(...) \
	(const enum cli_opt_id[]) \
	{ \
		__VA_ARGS__, OPT_COUNT \
	}
#define NONE \
	(const enum cli_opt_id[]) \
	{ \
		OPT_COUNT \
	}
/* every command that reads records; that looks for sessions; that may sign */
#define READ OPT_UNVERIFIED, OPT_UNSEAL_CERT, OPT_UNSEAL_KEY
#define FIND OPT_USER, OPT_HOST, OPT_ROLE, OPT_STATE, OPT_TEXT, OPT_SINCE, OPT_UNTIL, OPT_ALL
#define SIGN OPT_YES, OPT_KEY, OPT_SK_PROVIDER, OPT_QUIET

const struct cli_cmd cli_commands[] = {
	{ "init", NULL, "", "Pin the policy roots of a domain on this workstation",
	    OPTS(OPT_BROKER, OPT_PIN, OPT_YES), 0, 0, false, cmd_init },
	{ "enroll", NULL, "[NAME]", "Make a security key credential and ask to be onboarded",
	    OPTS(OPT_OFFLINE, OPT_DOMAIN, OPT_UV, OPT_TOUCH_ONLY, OPT_APPLICATION, SIGN), 0, 1, false,
	    cmd_enroll },
	{ "login", NULL, "", "Let this workstation speak for you, for hours", OPTS(OPT_AS, OPT_FOR, SIGN), 0,
	    0, false, cmd_login },
	{ "logout", NULL, "", "Forget the login, the certificates and the step-up agent", NONE, 0, 0, false,
	    cmd_logout },
	{ "whoami", NULL, "", "Who is logged in here", NONE, 0, 0, false, cmd_whoami },
	{ "status", NULL, "", "What is held here, what runs out, what is granted", NONE, 0, 0, false,
	    cmd_status },
	{ "doctor", NULL, "", "Check this server (as root) or this workstation", OPTS(OPT_QUIET), 0, 0, false,
	    cmd_doctor },
	{ "request", NULL, "", "Ask for a role on hosts, for a time and a reason",
	    OPTS(OPT_ROLE, OPT_HOST, OPT_LABEL, OPT_FOR, OPT_AT, OPT_VALID, OPT_TICKET, OPT_MESSAGE,
		OPT_BREAK_GLASS, OPT_WAIT, OPT_NO_WAIT, OPT_DRY_RUN, OPT_WRITE, SIGN),
	    0, 0, false, cmd_request },
	{ "requests", NULL, "", "List requests", OPTS(OPT_MINE, OPT_TO_REVIEW, OPT_ALL), 0, 0, false,
	    cmd_requests },
	{ "show", NULL, "R-…", "Show a request, its approvals and what is missing", NONE, 1, 1, false,
	    cmd_show },
	{ "approve", NULL, "R-…", "Approve a request", OPTS(OPT_FOR, OPT_MESSAGE, OPT_WRITE, SIGN), 1, 1,
	    false, cmd_approve },
	{ "deny", NULL, "R-…", "Deny a request", OPTS(OPT_MESSAGE, OPT_WRITE, SIGN), 1, 1, false, cmd_deny },
	{ "cancel", NULL, "R-…", "Withdraw a request of your own", OPTS(OPT_MESSAGE, OPT_WRITE, SIGN), 1, 1,
	    false, cmd_cancel },
	{ "extend", NULL, "R-…", "Ask for more time on a running grant",
	    OPTS(OPT_FOR, OPT_HOST, OPT_TICKET, OPT_MESSAGE, OPT_VALID, OPT_WAIT, OPT_NO_WAIT, OPT_DRY_RUN,
		OPT_WRITE, SIGN),
	    1, 1, false, cmd_extend },
	{ "revoke", NULL, "[R-…]", "End a grant, or everything of a person or host",
	    OPTS(OPT_USER, OPT_HOST, OPT_UNTIL, OPT_MESSAGE, OPT_WRITE, SIGN), 0, 1, false, cmd_revoke },
	{ "watch", NULL, "", "Wait for requests to review and challenges, and answer them", OPTS(SIGN), 0, 0,
	    false, cmd_watch },
	{ "ssh", NULL, "[USER@]HOST [COMMAND…]", "Log in with the grant that fits", OPTS(OPT_ROLE, SIGN), 1,
	    -1, true, cmd_ssh },
	{ "cert", NULL, "[USER@]HOST", "Fetch the certificate for a host",
	    OPTS(OPT_ROLE, OPT_AGENT, OPT_KEY, OPT_QUIET), 1, 1, false, cmd_cert },
	{ "config", "ssh", "", "Print the ssh_config block for plain ssh, scp and rsync",
	    OPTS(OPT_KEY, OPT_SK_PROVIDER), 0, 0, false, cmd_config_ssh },
	{ "known-hosts", NULL, "HOST [NAME [KEY]]", "Print the host's keys for KnownHostsCommand", NONE, 1, 3,
	    false, cmd_known_hosts },
	{ "confirm", NULL, "[CODE]", "Answer the challenge that a host shows", OPTS(SIGN), 0, 1, false,
	    cmd_confirm },
	{ "submit", NULL, "FILE SIGNATURE…", "Hand in a statement that was signed by hand", NONE, 2, -1,
	    false, cmd_submit },
	{ "user", "invite", "NAME", "Print what a new person has to type", NONE, 1, 1, false,
	    cmd_user_invite },
	{ "user", "approve", "NAME…", "Admit people who enrolled",
	    OPTS(OPT_GROUP, OPT_UID, OPT_DIRECTORY, OPT_FINGERPRINT, OPT_ATTESTED, OPT_FOR, OPT_WRITE, SIGN),
	    1, -1, false, cmd_user_approve },
	{ "user", "ls", "", "List people and who asks to be admitted", OPTS(OPT_DIRECTORY), 0, 0, false,
	    cmd_user_ls },
	{ "user", "remove", "NAME…", "Leave people out of the directory",
	    OPTS(OPT_DIRECTORY, OPT_FOR, OPT_WRITE, SIGN), 1, -1, false, cmd_user_remove },
	{ "host", "token", "NAME…", "Give hosts that are to join a token, which saves comparing digests",
	    OPTS(OPT_LABEL, OPT_DIRECTORY, OPT_FOR, OPT_KEY), 1, -1, false, cmd_host_token },
	{ "host", "approve", "NAME…", "Admit hosts that joined",
	    OPTS(OPT_LABEL, OPT_DIGEST, OPT_NEW_KEYS, OPT_DIRECTORY, OPT_FOR, OPT_WRITE, SIGN), 1, -1, false,
	    cmd_host_approve },
	{ "host", "ls", "", "List hosts and who asks to be admitted", OPTS(OPT_DIRECTORY), 0, 0, false,
	    cmd_host_ls },
	{ "host", "show", "NAME", "Show the record of a host, and what it asks", NONE, 1, 1, false,
	    cmd_host_show },
	{ "host", "remove", "NAME…", "Leave hosts out of the directory, or turn down what they ask",
	    OPTS(OPT_DIRECTORY, OPT_FOR, OPT_WRITE, SIGN), 1, -1, false, cmd_host_remove },
	{ "directory", "show", "[NAME]", "Show directories and what stands in them", NONE, 0, 1, false,
	    cmd_directory_show },
	{ "directory", "renew", "NAME", "Sign a directory again with a new end",
	    OPTS(OPT_FOR, OPT_WRITE, SIGN), 1, 1, false, cmd_directory_renew },
	{ "directory", "sign", "FILE", "Add a signature to an update that needs several", OPTS(SIGN), 1, 1,
	    false, cmd_directory_sign },
	{ "policy", "check", "FILE", "Check a policy file and run its tests", NONE, 1, 1, false,
	    cmd_policy_check },
	{ "policy", "test", "FILE", "Run a policy file's own tests", NONE, 1, 1, false, cmd_policy_test },
	{ "policy", "explain", "[FILE]", "Say which rule would apply and why others do not",
	    OPTS(OPT_USER, OPT_ROLE, OPT_HOST, OPT_AT, OPT_BREAK_GLASS), 0, 1, false, cmd_policy_explain },
	{ "policy", "diff", "FILE [FILE]", "Say what changes, in plain words", NONE, 1, 2, false,
	    cmd_policy_diff },
	{ "policy", "sign", "FILE", "Sign a policy as a root; adds to FILE.sig", OPTS(SIGN), 1, 1, false,
	    cmd_policy_sign },
	{ "policy", "push", "FILE [SIGNATURE…]", "Hand a signed policy to the broker",
	    OPTS(OPT_BROKER, OPT_YES), 1, -1, false, cmd_policy_push },
	{ "sessions", "ls", "", "List recorded sessions: your own, all for auditors", OPTS(FIND), 0, 0, false,
	    cmd_sessions_ls },
	{ "sessions", "show", "S-…", "Show a session and what its host signed of its record", NONE, 1, 1,
	    false, cmd_sessions_show },
	{ "sessions", "play", "S-…", "Play a record, once it was verified",
	    OPTS(OPT_SPEED, OPT_IDLE, OPT_FROM, OPT_FOLLOW, OPT_RAW, READ, SIGN), 1, 1, false,
	    cmd_sessions_play },
	{ "sessions", "tail", "S-…", "Follow a running session", OPTS(OPT_RAW, READ, SIGN), 1, 1, false,
	    cmd_sessions_tail },
	{ "sessions", "search", "REGEX [S-…]…", "Look for text in what was put out", OPTS(FIND, READ, SIGN),
	    1, -1, false, cmd_sessions_search },
	{ "sessions", "export", "S-…", "Write a verified record in another format",
	    OPTS(OPT_FORMAT, OPT_OUTPUT, OPT_RAW, READ, SIGN), 1, 1, false, cmd_sessions_export },
	{ "sessions", "kill", "S-…", "End a running session now", OPTS(OPT_MESSAGE, SIGN), 1, 1, false,
	    cmd_sessions_kill },
	{ "scan", NULL, "", "List every standing way to administrative access on this host",
	    OPTS(OPT_SEND, OPT_KIND, OPT_ACCEPT, OPT_MESSAGE, OPT_UNTIL, OPT_ROOT, OPT_QUIET), 0, 0, false,
	    cmd_scan },
	{ "report", "standing", "", "Show what standing access the fleet's hosts have left", OPTS(OPT_HOST),
	    0, 0, false, cmd_report_standing },
};
const size_t cli_ncommands = sizeof cli_commands / sizeof cli_commands[0];
