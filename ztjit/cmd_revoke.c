/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit cancel and revoke. */
#include "ztjit/commands.h"

#include <string.h>

#include "ztjit/api.h"
#include "ztjit/ask.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/sign.h"

static int file(struct cli *c, const struct ztj_stmt *st, const struct req *q, const char *title)
{
	struct sign_ask ask = { .type = ZTJ_STMT_REVOCATION,
		.title = title,
		.question = "Sign this revocation?" };
	struct cli_key k = { .path = NULL };
	struct ztj_buf bytes, before;
	int r;

	if (!cli_is_set(c, OPT_WRITE) && (r = key_load(c, &k)) != ZTJ_OK)
		return r;
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&before, 4 * 1024 * 1024);
	if ((r = ztj_stmt_build(st, NULL, &bytes)) != ZTJ_OK)
		r = cli_fail(c, r, "the revocation: %s", ztj_err_text(r));
	else if (q == NULL || (r = req_text(c, q, &before)) == ZTJ_OK) {
		ask.bytes = ztj_buf_view(&bytes);
		ask.before = ztj_buf_view(&before);
		r = cli_is_set(c, OPT_WRITE) ? sign_write(c, cli_opt(c, OPT_WRITE), &ask)
					     : sign_and_post(c, &ask, &k, NULL);
	}
	ztj_buf_free(&bytes);
	ztj_buf_free(&before);
	ztj_keyfile_wipe(&k.file);
	return r;
}

static int tell(struct cli *c, const char *id)
{
	struct req q;
	int r = req_fetch(c, id, &q);

	if (r != ZTJ_OK)
		return r;
	out_say(c, "%s is %s now", q.short_id, ztj_grant_state_name(q.grant.state));
	c->result = req_json(&q);
	req_free(&q);
	return ZTJ_OK;
}

static int revoke_request(struct cli *c, const char *id, const char *reason, const char *title)
{
	struct ztj_stmt st;
	struct req q;
	char full[ZTJ_HEX_SIZE];
	int r;

	if ((r = req_fetch(c, id, &q)) != ZTJ_OK)
		return r;
	memcpy(full, q.id, sizeof full);
	sign_begin(c, &st, ZTJ_STMT_REVOCATION);
	st.u.revocation.who = login_who(c);
	st.u.revocation.reason = reason;
	st.u.revocation.what = ZTJ_REVOKES_REQUEST;
	memcpy(st.u.revocation.request, q.bundle->request->id, ZTJ_DIGEST_LEN);
	r = file(c, &st, &q, title);
	req_free(&q);
	return r == ZTJ_OK && !cli_is_set(c, OPT_WRITE) ? tell(c, full) : r;
}

int cmd_cancel(struct cli *c)
{
	const char *reason = cli_opt(c, OPT_MESSAGE) != NULL ? cli_opt(c, OPT_MESSAGE)
							     : "cancelled by the requester",
		   *who;
	int r;

	if ((r = api_open_login(c)) != ZTJ_OK || (r = login_person(c, &who)) != ZTJ_OK ||
	    (r = held_sync(c)) != ZTJ_OK)
		return r;
	return revoke_request(c, c->argv[0], reason, "You are about to cancel your request:");
}

/* A user or host: by a registrar of its directory, until the directory that still has it would run out. */
static int revoke_record(struct cli *c, const char *given, bool host, const char *reason)
{
	char name[ZTJ_FULLNAME_SIZE];
	const struct ztj_dir *d;
	struct ztj_stmt st;
	char *dir;
	int r;

	if ((r = held_resolve(c, given, host, name)) != ZTJ_OK)
		return r;
	if ((dir = cli_strdup(c, name)) == NULL)
		return ZTJ_NOMEM;
	dir[strcspn(dir, "/")] = '\0';
	if ((d = ztj_trust_dir(c->trust, dir)) == NULL)
		return ZTJ_DIR_UNKNOWN;
	sign_begin(c, &st, ZTJ_STMT_REVOCATION);
	st.u.revocation.who = "";
	st.u.revocation.reason = reason;
	st.u.revocation.what = host ? ZTJ_REVOKES_HOST : ZTJ_REVOKES_USER;
	st.u.revocation.name = name;
	st.u.revocation.serial = ztj_dir_serial(d);
	if ((r = cli_opt_time(c, OPT_UNTIL, ztj_dir_expires(d), &st.u.revocation.until)) != ZTJ_OK)
		return r;
	r = file(c, &st, NULL,
	    host ? "You are about to revoke a host:" : "You are about to revoke a person:");
	if (r == ZTJ_OK && !cli_is_set(c, OPT_WRITE))
		out_say(c,
		    "%s is revoked until %s, or until directory %s has a serial above %lld that has it.\n"
		    "Remove it there as well: ztjit %s remove %s",
		    name, out_time(c, st.u.revocation.until), dir, (long long)st.u.revocation.serial,
		    host ? "host" : "user", ztj_fullname_tail(name));
	return r;
}

int cmd_revoke(struct cli *c)
{
	const char *user = cli_opt(c, OPT_USER), *host = cli_opt(c, OPT_HOST), *reason;
	int r;

	if ((c->argc > 0) + (user != NULL) + (host != NULL) != 1)
		return cli_fail(c, ZTJ_USAGE, "name one of: a request, --user NAME, --host NAME");
	if ((r = ask_reason(c, &reason)) != ZTJ_OK || (r = api_open_login(c)) != ZTJ_OK ||
	    (r = held_sync(c)) != ZTJ_OK)
		return r;
	if (c->argc > 0)
		return revoke_request(c, c->argv[0], reason, "You are about to REVOKE this grant:");
	return revoke_record(c, user != NULL ? user : host, host != NULL, reason);
}
