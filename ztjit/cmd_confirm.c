/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit confirm: the code that a host shows, typed where the key is. */
#include "ztjit/commands.h"

#include <string.h>

#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/stepup.h"
#include "ztjit/tty.h"

struct search {
	struct cli *c;
	struct cli_key key;
	const char *code; /* NULL: asked for each */
	bool found, any;
};

/* Without a code on the command line the person types it now; it is never shown here, so that it must come
 * from the host's terminal. */
static int ask_code(struct cli *c, char *out, size_t size)
{
	if (!tty_interactive()) {
		cli_hint(c, "ztjit confirm CODE");
		return cli_fail(c, ZTJ_USAGE, "give the code that the host shows");
	}
	return tty_line(c, "Code that the host shows: ", out, size);
}

static int answer(const struct ztj_signed *s, const struct ztj_stmt *st, void *arg)
{
	struct search *f = arg;
	int r;

	f->any = true;
	if (f->found || !stepup_code_is(st, f->code))
		return ZTJ_OK;
	f->found = true;
	/* the code was the question */
	if ((r = stepup_answer(f->c, s, st, &f->key, NULL)) == ZTJ_OK)
		out_say(f->c, "Confirmed: %s on %s.", cli_esc(f->c, st->u.stepup.service),
		    cli_esc(f->c, st->u.stepup.host));
	return r;
}

static int not_open(struct cli *c, const char *code, bool others)
{
	struct stepup_end end;
	int r = stepup_ended(c, code, &end);

	if (r != ZTJ_OK)
		return r;
	if (end.known && end.taken)
		return cli_fail(c, ZTJ_REPLAY, "this code was confirmed already; nothing was signed");
	if (end.known)
		return cli_fail(c, ZTJ_STEPUP_GONE,
		    "whoever asked with this code is gone; nothing was signed, and nothing happened");
	return cli_fail(c, ZTJ_NOT_FOUND,
	    others ? "no open challenge of yours has this code; nothing was signed"
		   : "no challenge is open for you (they live for a minute)");
}

int cmd_confirm(struct cli *c)
{
	struct search f = { .c = c, .code = c->argc > 0 ? c->argv[0] : NULL };
	char typed[32];
	const char *who;
	int r;

	if ((r = api_open_login(c)) != ZTJ_OK || (r = login_person(c, &who)) != ZTJ_OK ||
	    (r = held_sync(c)) != ZTJ_OK || (r = key_load(c, &f.key)) != ZTJ_OK)
		return r;
	if (f.code == NULL) {
		if ((r = ask_code(c, typed, sizeof typed)) != ZTJ_OK)
			return r;
		f.code = typed;
	}
	r = stepups_each(c, answer, &f);
	ztj_keyfile_wipe(&f.key.file);
	return r != ZTJ_OK || f.found ? r : not_open(c, f.code, f.any);
}
