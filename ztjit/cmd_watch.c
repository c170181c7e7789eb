/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit watch: requests to review and challenges as they come. */
#include "ztjit/commands.h"

#include <string.h>
#include <unistd.h>

#include "ztjit/api.h"
#include "ztjit/dirjson.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/review.h"
#include "ztjit/stepup.h"
#include "ztjit/tty.h"

#define IDLE_SECONDS 60
#define RETRY_SECONDS 3

struct watch {
	struct cli *c;
	const char *who;
	struct cli_key key;
	json_int_t seq;
	struct ztj_net *stream;
};

static int ask(struct cli *c, const char *prompt, const char *yes_no, char *out)
{
	char line[16];
	int r = tty_line(c, prompt, line, sizeof line);

	*out = 's';
	if (r == ZTJ_OK && line[0] != '\0' && strchr(yes_no, line[0]) != NULL)
		*out = line[0];
	return r == ZTJ_TOO_LARGE ? ZTJ_OK : r;
}

/* A refusal of one request must not end the watch. */
static int told(struct cli *c, int r)
{
	if (r == ZTJ_OK)
		return ZTJ_OK;
	out_warn(c, "%s", c->message != NULL ? c->message : ztj_err_text(r));
	cli_forget(c);
	return ZTJ_OK;
}

static int review_one(struct watch *w, const struct req *q)
{
	struct review v = { .who = w->who, .comment = "" };
	char choice, line[ZTJ_REASON_MAX + 1] = "";
	int r;

	if ((r = ask(w->c, "[a]pprove, [d]eny, [s]kip? ", "ad", &choice)) != ZTJ_OK || choice == 's')
		return r;
	if (choice == 'd') {
		v.deny = true;
		if ((r = tty_line(w->c, "Why: ", line, sizeof line)) != ZTJ_OK)
			return r;
		v.comment = line;
	}
	return told(w->c, review_sign(w->c, q, &v, &w->key));
}

static int on_request(struct watch *w, const char *id)
{
	struct cli *c = w->c;
	struct req q;
	int r = req_fetch(c, id, &q);

	if (r != ZTJ_OK)
		return told(c, r);
	if (q.grant.state == ZTJ_GRANT_PENDING &&
	    ztj_grant_may_approve(c->trust, q.bundle->request, w->who, cli_now()) == ZTJ_OK) {
		out_say(c, "%s  %s asks for %s on %s for %s: %s", q.short_id,
		    cli_esc(c, q.bundle->request->u.request.who),
		    cli_esc(c, q.bundle->request->u.request.role), req_hosts(c, q.bundle->request),
		    out_duration(c, q.bundle->request->u.request.duration),
		    cli_esc(c, q.bundle->request->u.request.reason));
		if (c->json) {
			json_t *line = req_json(&q);

			out_json(line);
			json_decref(line);
		}
		if (tty_interactive())
			r = review_one(w, &q);
	}
	req_free(&q);
	return r;
}

static int on_statement(struct watch *w, const json_t *o)
{
	struct ztj_signed s;
	struct ztj_buf mem;
	uint8_t id[ZTJ_DIGEST_LEN];
	char hex[ZTJ_HEX_SIZE];
	json_t *container;
	int r;

	if (strcmp(api_str(o, "type"), "request") != 0)
		return ZTJ_OK;
	container = json_pack("{s:O, s:O}", "statement", json_object_get(o, "statement"), "signatures",
	    json_object_get(o, "signatures"));
	ztj_buf_init(&mem, 256 * 1024);
	r = ztj_signed_from_value(container, &mem, &s);
	if (r == ZTJ_OK && (r = ztj_stmt_id(s.bytes, id)) == ZTJ_OK) {
		ztj_hex(id, sizeof id, hex);
		r = on_request(w, hex);
	} else
		r = told(w->c, r);
	ztj_buf_free(&mem);
	json_decref(container);
	return r;
}

static int answer_challenge(struct watch *w, const struct ztj_signed *s, const struct ztj_stmt *st)
{
	char typed[32];
	int r;

	out_say(w->c, "%s asks for a touch for %s.", cli_esc(w->c, st->u.stepup.host),
	    cli_esc(w->c, st->u.stepup.service));
	if (!tty_interactive())
		return ZTJ_OK;
	if ((r = tty_line(w->c, "Code that the host shows (empty: skip): ", typed, sizeof typed)) != ZTJ_OK)
		return r;
	if (typed[0] == '\0')
		return ZTJ_OK;
	if (!stepup_code_is(st, typed)) {
		out_warn(w->c, "that is not the code of this challenge; nothing was signed");
		return ZTJ_OK;
	}
	return told(w->c, stepup_answer(w->c, s, st, &w->key, NULL));
}

static int on_challenge(struct watch *w, const json_t *o)
{
	json_t *container = json_pack("{s:O, s:O}", "statement", json_object_get(o, "statement"),
	    "signatures", json_object_get(o, "signatures"));
	const struct ztj_record *host;
	struct ztj_stmt *st = NULL;
	struct ztj_signed s;
	struct ztj_buf mem;
	int r;

	ztj_buf_init(&mem, 256 * 1024);
	if ((r = ztj_signed_from_value(container, &mem, &s)) == ZTJ_OK &&
	    (r = stepup_open(w->c, &s, &st, &host)) == ZTJ_OK)
		r = answer_challenge(w, &s, st);
	else
		r = told(w->c, r);
	ztj_stmt_free(st);
	ztj_buf_free(&mem);
	json_decref(container);
	return r;
}

static int on_line(struct ztj_view line, void *arg)
{
	struct watch *w = arg;
	json_t *o = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	const char *event = api_str(o, "event");
	int r = ZTJ_OK;

	if (json_is_integer(json_object_get(o, "seq")))
		w->seq = json_integer_value(json_object_get(o, "seq"));
	if (strcmp(event, "policy") == 0)
		r = told(w->c, held_fetch_policy(w->c));
	else if (strcmp(event, "directory") == 0)
		r = told(w->c, held_sync(w->c));
	else if (strcmp(event, "statement") == 0)
		r = on_statement(w, o);
	else if (strcmp(event, "challenge") == 0)
		r = on_challenge(w, o);
	json_decref(o);
	return r;
}

/* A connection of its own: calls go on beside the stream. */
static int follow(struct watch *w)
{
	char path[64];
	int r;

	if ((r = api_stream_open(w->c, &w->stream)) != ZTJ_OK)
		return r;
	(void)snprintf(path, sizeof path, "/v1/stream?since=%lld", (long long)w->seq);
	r = ztj_net_stream(w->stream, path, IDLE_SECONDS, on_line, w);
	ztj_net_close(w->stream);
	w->stream = NULL;
	return r;
}

int cmd_watch(struct cli *c)
{
	struct watch w = { .c = c };
	int r;

	if ((r = api_open_login(c)) != ZTJ_OK || (r = login_person(c, &w.who)) != ZTJ_OK ||
	    (r = held_sync(c)) != ZTJ_OK || (r = key_load(c, &w.key)) != ZTJ_OK)
		return r;
	out_note(c, "Watching as %s; Ctrl-C ends it.", w.who);
	while (c->login->u.login.expires > cli_now()) {
		r = follow(&w);
		if (r != ZTJ_UNREACHABLE && r != ZTJ_TIMEOUT)
			break;
		(void)sleep(RETRY_SECONDS);
	}
	ztj_keyfile_wipe(&w.key.file);
	if (r == ZTJ_UNREACHABLE || r == ZTJ_TIMEOUT)
		return cli_fail(c, ZTJ_FORBIDDEN, "your login has ended");
	return r == ZTJ_ABORTED ? ZTJ_OK : r;
}
