/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit-rec: the session recorder. It is the login shell of governed accounts, sshd's ForceCommand, or run by hand around
 * a command. It runs as the person, set-group-id to a group that only it has: so the daemon knows it, and the
 * person can neither trace nor read it. It runs the session on a private terminal or through pipes, and sends what goes over
 * them to ztjit-hostd (PROTOCOL 8.5). It trusts the daemon behind a socket in a directory of root's, and
 * nothing that the person says: not the environment, not the arguments. What cannot be recorded does not run.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/core/mark.h"
#include "libztjit/core/wire.h"
#include "sshd-helpers/rec_fd.h"
#include "sshd-helpers/rec_msg.h"
#include "sshd-helpers/rec_run.h"

ZTJ_MARK;

#define EXIT_REFUSED 1
#define EXIT_USAGE 2

static int usage(void)
{
	(void)fputs("usage: ztjit-rec [-l] [-c command]\n       ztjit-rec -- command [argument ...]\n",
	    stderr);
	return EXIT_USAGE;
}

/* Nothing of us is for the person to read: no tracing, no /proc/PID/mem, no core. */
static int protect(struct ztj_rec_plan *plan)
{
	struct rlimit none;

	if (prctl(PR_SET_DUMPABLE, 0) != 0 || getrlimit(RLIMIT_CORE, &plan->core) != 0)
		return -1;
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = plan->core.rlim_max };
	if (setrlimit(RLIMIT_CORE, &none) != 0 || ztj_rec_fds_clean() != 0)
		return -1;
	return sigprocmask(SIG_SETMASK, NULL, &plan->mask);
}

static bool plain(const char *word)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./-_";

	return word[0] != '\0' && word[strspn(word, safe)] == '\0';
}

static void put_word(struct ztj_buf *out, const char *word)
{
	if (out->n > 0)
		ztj_buf_puts(out, " ");
	if (plain(word)) {
		ztj_buf_puts(out, word);
		return;
	}
	ztj_buf_puts(out, "'");
	for (const char *p = word; *p != '\0'; p++) {
		if (*p == '\'')
			ztj_buf_puts(out, "'\\'");
		ztj_buf_put(out, p, 1);
	}
	ztj_buf_puts(out, "'");
}

/* The words as one would type them. */
static const char *as_typed(char *const *argv, struct ztj_buf *out)
{
	for (; *argv != NULL; argv++)
		put_word(out, *argv);
	return ztj_buf_str(out); /* NULL: too long */
}

/* What the other end of a terminal is: a short word, or nothing. */
static const char *term_name(void)
{
	const char *term = getenv("TERM");

	return term != NULL && plain(term) && strlen(term) <= ZTJ_REC_TERM_MAX ? term : "";
}

static bool is_ourselves(const char *command)
{
	struct stat self, it;

	return command[0] == '/' && stat("/proc/self/exe", &self) == 0 && stat(command, &it) == 0 &&
	    self.st_dev == it.st_dev && self.st_ino == it.st_ino;
}

/* As ForceCommand, and as a login shell whose forced command this is: sshd runs "SHELL -c /path/of/ztjit-rec". */
static const char *forced(const char *command)
{
	return command == NULL || is_ourselves(command) ? getenv("SSH_ORIGINAL_COMMAND") : command;
}

#define INTERNAL "internal-sftp"

static bool is_internal(const char *command)
{
	const size_t n = sizeof(INTERNAL) - 1;

	return command != NULL && strncmp(command, INTERNAL, n) == 0 &&
	    (command[n] == '\0' || command[n] == ' ');
}

/* What a forced command kept sshd from doing itself. The program beside it does the same, takes the same options, and can be
 * recorded. */
static void sftp_outside(struct ztj_rec_plan *plan, struct ztj_buf *typed)
{
	static const char *const at[] = { "/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server",
		"/usr/lib/ssh/sftp-server", "/usr/libexec/sftp-server" };

	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		if (access(at[i], X_OK) != 0)
			continue;
		ztj_buf_printf(typed, "%s%s", at[i], plan->command + sizeof(INTERNAL) - 1);
		if (ztj_buf_status(typed) == ZTJ_OK)
			plan->command = ztj_buf_str(typed);
		return;
	}
}

static int plan_command(struct ztj_rec_plan *plan, bool login, struct ztj_buf *typed)
{
	const char *given = plan->command;

	if (!login)
		plan->command = forced(plan->command);
	if (plan->command != given && is_internal(plan->command))
		sftp_outside(plan, typed);
	plan->shown = plan->command != NULL ? plan->command : "";
	if (plan->command != NULL && strlen(plan->command) > ZTJ_REC_COMMAND_MAX) {
		ztj_rec_say("the command is too long");
		return EXIT_REFUSED;
	}
	if (is_internal(plan->command)) {
		ztj_rec_say(
		    "sshd's internal-sftp cannot be recorded: set Subsystem sftp to sftp-server in sshd_config");
		return EXIT_REFUSED;
	}
	return 0;
}

static int plan_words(struct ztj_rec_plan *plan, char *const *argv, struct ztj_buf *typed)
{
	plan->argv = argv;
	plan->shown = as_typed(argv, typed);
	if (plan->shown != NULL)
		return 0;
	ztj_rec_say("the command is too long");
	return EXIT_REFUSED;
}

static int read_arguments(struct ztj_rec_plan *plan, int argc, char **argv, struct ztj_buf *typed)
{
	bool login = argc > 0 && argv[0] != NULL && argv[0][0] == '-';
	int c;

	opterr = 0;
	while ((c = getopt(argc, argv, "+c:ls:")) != -1) {
		if (c == 'c')
			plan->command = optarg;
		else if (c == 'l')
			login = true;
		else if (c == 's' && getauxval(AT_SECURE) == 0)
			plan->socket =
			    optarg; /* for tests: set-group-id, it asks nobody but the one daemon */
		else
			return usage();
	}
	if (optind >= argc)
		return plan_command(plan, login, typed);
	if (plan->command != NULL || login || strcmp(argv[optind - 1], "--") != 0)
		return usage();
	return plan_words(plan, argv + optind, typed);
}

int main(int argc, char **argv)
{
	struct ztj_rec_plan plan = { .socket = ZTJ_REC_SOCKET };
	struct ztj_buf typed;
	int status;

	if (protect(&plan) != 0) {
		ztj_rec_say("cannot protect itself");
		return EXIT_REFUSED;
	}
	ztj_buf_init(&typed, ZTJ_REC_COMMAND_MAX);
	status = read_arguments(&plan, argc, argv, &typed);
	if (status == 0) {
		plan.term = term_name();
		plan.env = environ;
		status = ztj_rec_run(&plan);
	}
	ztj_buf_free(&typed);
	return status;
}
