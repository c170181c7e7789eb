/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit(1), the command line.  Runs as the person, with no privilege; trusts
 * the policy roots pinned in the person's own configuration and the person's
 * terminal.  The broker is believed in nothing that it cannot prove.
 *
 * Here: finding the command, and the one place where failures are told.
 */
#include "libztjit/core/mark.h"
#include "ztjit/cli.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"

ZTJ_MARK;

static void tell(struct cli *c, int r)
{
	const char *text = c->message != NULL ? c->message : ztj_err_text(r);
	json_t *o;

	if (c->json) {
		o = json_pack("{s:s, s:s}", "error", ztj_err_name(r), "text", text);
		if (o != NULL && c->hint != NULL)
			(void)json_object_set_new(o, "hint", json_string(c->hint));
		out_json(o);
		json_decref(o);
	}
	out_error(c, text);
	if (c->hint != NULL)
		out_hint(c, c->hint);
}

static void finish(struct cli *c)
{
	api_close(c);
	held_close(c);
	login_close(c);
	ctx_close(c);
	json_decref(c->result);
	for (size_t i = 0; i < OPT_COUNT; i++)
		free(c->opt[i].v);
	cli_release(c, 0);
	free(c->arena);
}

/* Login keys and PINs pass through this memory. */
static void harden(void)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* A closed descriptor 0–2 would be reused for a file of ours. */
static int std_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
			return ZTJ_SYSTEM;
	return ZTJ_OK;
}

static int run(struct cli *c, int argc, char **argv)
{
	int r = cli_parse(c, argc, argv);

	c->json = cli_is_set(c, OPT_JSON);
	if (r != ZTJ_OK)
		return r;
	if (cli_is_set(c, OPT_HELP)) {
		cli_usage(c->cmd, stdout);
		return ZTJ_OK;
	}
	c->quiet = cli_is_set(c, OPT_QUIET);
	if ((r = ctx_open(c)) == ZTJ_OK)
		r = c->cmd->run(c);
	if (r == ZTJ_OK && c->json && c->result != NULL)
		out_json(c->result);
	return r;
}

int main(int argc, char **argv)
{
	static struct cli c;
	int r;

	harden();
	if (std_descriptors() != ZTJ_OK)
		return 3;
	(void)setlocale(LC_CTYPE, "");
	c.program = argv[0] != NULL ? argv[0] : "ztjit";
	out_init(&c);
	if (argc >= 2 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)) {
		cli_help(stdout);
		return 0;
	}
	if (argc < 2) {
		cli_help(stderr);
		return 2;
	}
	if (argc == 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
		cli_help_family(argv[1], stdout);
		return 0;
	}
	r = run(&c, argc, argv);
	if (r == ZTJ_OK && (fflush(stdout) != 0 || ferror(stdout)))
		r = cli_fail(&c, ZTJ_IO, "standard output could not be written");
	if (r != ZTJ_OK)
		tell(&c, r);
	finish(&c);
	return r == ZTJ_OK ? c.exit_code : ztj_err_exit(r);
}
