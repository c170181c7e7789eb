/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit submit: statements signed by hand, with ssh-keygen -Y sign. */
#include "ztjit/commands.h"

#include <string.h>

#include "ztjit/api.h"
#include "ztjit/dirup.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/push.h"
#include "ztjit/sigfile.h"

static int read_signatures(struct cli *c, struct ztj_signed *s)
{
	int r = ZTJ_OK;

	for (int i = 1; i < c->argc && r == ZTJ_OK; i++)
		r = sigfile_read(c, c->argv[i], s);
	return r;
}

/* Refused here rather than by the broker: the message is better. */
static int check(struct cli *c, const struct ztj_signed *s, enum ztj_stmt_type type)
{
	struct ztj_stmt *st;
	int r = ztj_stmt_open(s, type, c->pins.domain, &st);

	ztj_stmt_free(st);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", cli_esc(c, c->argv[0]), ztj_err_text(r));
}

static int submit_directory(struct cli *c, struct ztj_signed *s)
{
	struct ztj_buf bytes;
	json_t *update = NULL;
	bool current = false;
	int r;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	if ((r = check(c, s, ZTJ_STMT_DIRECTORY)) == ZTJ_OK &&
	    (r = dirup_load(c, c->argv[0], &bytes, &update)) == ZTJ_OK && (r = held_sync(c)) == ZTJ_OK) {
		s->bytes = ztj_buf_view(&bytes);
		r = dirup_post(c, api_str(update, "name"), update, s, &current);
	}
	if (r == ZTJ_OK)
		out_say(c,
		    current ? "The directory is in force."
			    : "Kept by the broker until enough signatures are there.");
	json_decref(update);
	ztj_buf_free(&bytes);
	return r;
}

static int submit_statement(struct cli *c, const struct ztj_signed *s, enum ztj_stmt_type type)
{
	int r = check(c, s, type);

	if (r == ZTJ_OK && (r = api_statement(c, s, &c->result)) == ZTJ_OK)
		out_say(c, "Accepted: %s %s", ztj_stmt_type_name(type),
		    cli_esc(c, api_str(c->result, "short")));
	return r;
}

int cmd_submit(struct cli *c)
{
	struct ztj_signed s = { .nsigs = 0 };
	enum ztj_stmt_type type;
	struct ztj_buf bytes;
	int r;

	ztj_buf_init(&bytes, ZTJ_POLICY_MAX);
	if ((r = ctx_read(c, c->argv[0], false, ZTJ_POLICY_MAX, &bytes)) != ZTJ_OK)
		r = cli_fail(c, r, "%s: %s", cli_esc(c, c->argv[0]), ztj_err_text(r));
	else if ((r = read_signatures(c, &s)) == ZTJ_OK) {
		s.bytes = ztj_buf_view(&bytes);
		type = ztj_stmt_peek(s.bytes);
		if (type == ZTJ_STMT_NONE)
			r = push_policy(c, &s);
		else if ((r = api_open_login(c)) == ZTJ_OK)
			r = type == ZTJ_STMT_DIRECTORY ? submit_directory(c, &s)
						       : submit_statement(c, &s, type);
	}
	ztj_buf_free(&bytes);
	return r;
}
