/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit audit proof: what proves a request to somebody who has neither broker nor ztjit. */
#include "ztjit/commands.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/proofcheck.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/proofmake.h"
#include "ztjit/recipe.h"

#define SAID_MAX ((size_t)16 * 1024 * 1024)

/* What is handed out was checked as whoever gets it will check it. */
static int check(struct cli *c, struct ztj_view file)
{
	struct ztj_proof *p = NULL;
	struct ztj_proved proved = { .text = "" };
	struct ztj_buf said;
	int r = ztj_proof_read(file, &p);

	ztj_buf_init(&said, SAID_MAX);
	if (r == ZTJ_OK)
		r = ztj_proof_check(p, &c->pins, NULL, &said, &proved);
	if (r != ZTJ_OK && proved.at_leaf)
		r = cli_fail(c, r, "leaf %llu: %s", (unsigned long long)proved.leaf, proved.text);
	else if (r != ZTJ_OK)
		r = cli_fail(c, r, "this proves nothing: %s",
		    proved.text[0] != '\0' ? proved.text : ztj_err_text(r));
	else if (proved.certified && !proved.granted)
		out_warn(c, "a certificate was issued that was not due: %s", proved.grant);
	ztj_buf_free(&said);
	ztj_proof_free(p);
	return r;
}

static int write_file(struct cli *c, const char *path, struct ztj_view file)
{
	FILE *f = path == NULL ? stdout : fopen(path, "wxe");
	bool ok;

	if (f == NULL)
		return cli_fail(c, ZTJ_SYSTEM, "%s: %s", cli_esc(c, path), strerror(errno));
	ok = fwrite(file.p, 1, file.n, f) == file.n && fflush(f) == 0;
	if (path != NULL)
		ok = fclose(f) == 0 && ok;
	if (ok)
		return ZTJ_OK;
	if (path != NULL)
		(void)unlink(path);
	return cli_fail(c, ZTJ_IO, "the proof could not be written");
}

static int make(struct cli *c, struct auditlog *l, struct ztj_buf *file)
{
	struct req q = { .bundle = NULL };
	int r = held_open(c);

	if (r == ZTJ_OK)
		r = req_fetch(c, c->argv[0], &q);
	if (r == ZTJ_OK)
		r = proofmake(l, &q, file);
	if (r == ZTJ_OK)
		r = check(c, ztj_buf_view(file));
	req_free(&q);
	return r;
}

int cmd_audit_proof(struct cli *c)
{
	const char *path = cli_opt(c, OPT_OUTPUT);
	struct auditlog l;
	struct ztj_buf file;
	int r;

	if (cli_is_set(c, OPT_RECIPE) != (c->argc == 0))
		return cli_fail(c, ZTJ_USAGE, "R-… or --recipe");
	if (cli_is_set(c, OPT_RECIPE)) {
		recipe_print(stdout);
		return ZTJ_OK;
	}
	ztj_buf_init(&file, ZTJ_PROOF_FILE_MAX);
	r = leaves_open(c, &l);
	if (r == ZTJ_OK)
		r = make(c, &l, &file);
	auditlog_close(&l);
	if (r == ZTJ_OK)
		r = write_file(c, path, ztj_buf_view(&file));
	ztj_buf_free(&file);
	if (r == ZTJ_OK && path != NULL) {
		out_say(c, "Written to %s.", cli_esc(c, path));
		out_say(c,
		    "To check it: ztjit audit verify-proof %s, or with stock tools: ztjit audit proof --recipe",
		    cli_esc(c, path));
	}
	return r;
}
