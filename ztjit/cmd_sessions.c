/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit sessions ls, show and kill. */
#include "ztjit/commands.h"

#include <string.h>
#include <time.h>

#include "ztjit/api.h"
#include "ztjit/ask.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/sessions.h"
#include "ztjit/sign.h"

/* ---- which ---- */

/* Percent-encodes what the person chose (RFC 3986 section 2.3: unreserved characters stay). */
static int put_query(struct ztj_buf *out, const char *name, const char *value)
{
	ztj_buf_printf(out, "%c%s=", memchr(out->p, '?', out->n) == NULL ? '?' : '&', name);
	for (const char *p = value; *p != '\0'; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		    (*p >= '0' && *p <= '9') || strchr("-._~/:", *p) != NULL;
		if (plain)
			ztj_buf_put_u8(out, (uint8_t)*p);
		else
			ztj_buf_printf(out, "%%%02X", (unsigned)(uint8_t)*p);
	}
	return ztj_buf_status(out);
}

static int put_name(struct cli *c, struct ztj_buf *out, enum cli_opt_id opt, bool host, const char *name)
{
	char full[ZTJ_FULLNAME_SIZE];
	int r;

	if (!cli_is_set(c, opt))
		return ZTJ_OK;
	/* a full name is taken as it is: who left the directory has records all the same */
	if (ztj_fullname_ok(cli_opt(c, opt), host))
		return put_query(out, name, cli_opt(c, opt));
	if ((r = held_resolve(c, cli_opt(c, opt), host, full)) != ZTJ_OK) {
		c->hint = NULL;
		cli_hint(c, "the full name, DIRECTORY/%s, if it left", cli_esc(c, cli_opt(c, opt)));
	}
	return r == ZTJ_OK ? put_query(out, name, full) : r;
}

static int put_time(struct cli *c, struct ztj_buf *out, enum cli_opt_id opt, const char *name)
{
	char text[ZTJ_TIME_SIZE];
	int64_t t;
	int r;

	if (!cli_is_set(c, opt))
		return ZTJ_OK;
	if ((r = cli_opt_time(c, opt, 0, &t)) != ZTJ_OK || (r = ztj_time_format(t, text)) != ZTJ_OK)
		return r;
	return put_query(out, name, text);
}

static int check_state(struct cli *c)
{
	const char *s = cli_opt(c, OPT_STATE);

	return s == NULL || strcmp(s, "open") == 0 || strcmp(s, "closed") == 0 || strcmp(s, "lost") == 0
	    ? ZTJ_OK
	    : cli_fail(c, ZTJ_USAGE, "--state: open, closed or lost");
}

int sessions_find(struct cli *c, json_t **out)
{
	static const struct {
		enum cli_opt_id opt;
		const char *name;
	} plain[] = { { OPT_ROLE, "role" }, { OPT_STATE, "state" }, { OPT_TEXT, "text" } };
	struct ztj_buf path;
	json_t *answer = NULL;
	int r;

	ztj_buf_init(&path, 4096);
	if ((r = check_state(c)) == ZTJ_OK)
		r = ztj_buf_puts(&path, "/v1/sessions");
	if (r == ZTJ_OK)
		r = put_name(c, &path, OPT_USER, false, "user");
	if (r == ZTJ_OK)
		r = put_name(c, &path, OPT_HOST, true, "host");
	if (r == ZTJ_OK)
		r = put_time(c, &path, OPT_SINCE, "since");
	if (r == ZTJ_OK)
		r = put_time(c, &path, OPT_UNTIL, "until");
	for (size_t i = 0; r == ZTJ_OK && i < sizeof plain / sizeof plain[0]; i++)
		if (cli_is_set(c, plain[i].opt))
			r = put_query(&path, plain[i].name, cli_opt(c, plain[i].opt));
	if (r == ZTJ_OK && !cli_is_set(c, OPT_ALL))
		r = put_query(&path, "n", "50");
	if (r == ZTJ_OK && ztj_buf_str(&path) == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK)
		r = api_call(c, "GET", ztj_buf_str(&path), NULL, &answer);
	ztj_buf_free(&path);
	*out = r == ZTJ_OK ? json_incref(json_object_get(answer, "sessions")) : NULL;
	json_decref(answer);
	if (r == ZTJ_OK && !json_is_array(*out))
		r = cli_fail(c, ZTJ_PROTOCOL, "the broker's answer is malformed");
	return r;
}

/* ---- ls ---- */

static int64_t time_of(const json_t *o, const char *name)
{
	int64_t t;

	return ztj_time_parse(api_str(o, name), &t) == ZTJ_OK ? t : 0;
}

static const char *how_long(struct cli *c, const json_t *s)
{
	int64_t started = time_of(s, "started"), ended = time_of(s, "ended");

	if (ended == 0 && strcmp(api_str(s, "state"), "open") == 0)
		ended = cli_now();
	return ended > started ? out_duration(c, ended - started) : "-";
}

static const char *size_text(struct cli *c, int64_t n)
{
	const char *s = n < 10000 ? cli_printf(c, "%lld B", (long long)n)
	    : n < 10000000        ? cli_printf(c, "%lld kB", (long long)n / 1000)
				  : cli_printf(c, "%lld MB", (long long)n / 1000000);

	return s != NULL ? s : "?";
}

int cmd_sessions_ls(struct cli *c)
{
	struct out_table table;
	json_t *list, *s;
	size_t i;
	int r;

	if ((r = api_open_login(c)) != ZTJ_OK || (r = held_sync(c)) != ZTJ_OK ||
	    (r = sessions_find(c, &list)) != ZTJ_OK)
		return r;
	c->result = list;
	if (json_array_size(list) == 0) {
		out_say(c, "No sessions.");
		return ZTJ_OK;
	}
	out_table_begin(&table, 8);
	r = out_table_row(c, &table,
	    (const char *[]){ "SESSION", "STATE", "WHO", "HOST", "AS", "STARTED", "FOR", "COMMAND" });
	json_array_foreach(list, i, s)
	{
		const char *command = json_is_string(json_object_get(s, "command")) ? api_str(s, "command")
		    : json_is_true(json_object_get(s, "tty"))                       ? "(shell)"
										    : "-";
		if (r == ZTJ_OK)
			r = out_table_row(c, &table,
			    (const char *[]){ api_str(s, "id"), api_str(s, "state"), api_str(s, "person"),
				api_str(s, "host"), api_str(s, "account"),
				out_relative(c, time_of(s, "started")), how_long(c, s), command });
	}
	out_table_print(c, &table);
	return r;
}

/* ---- show ---- */

static void say_about(struct cli *c, const json_t *s)
{
	out_say(c, "session:  %s (%s)", cli_esc(c, api_str(s, "id")), cli_esc(c, api_str(s, "state")));
	out_say(c, "person:   %s", cli_esc(c, api_str(s, "person")));
	out_say(c, "host:     %s, as %s, by %s, role %s", cli_esc(c, api_str(s, "host")),
	    cli_esc(c, api_str(s, "account")), cli_esc(c, api_str(s, "service")),
	    cli_esc(c, api_str(s, "role")));
	out_say(c, "grant:    %s", cli_esc(c, api_str(s, "grant")));
	out_say(c, "from:     %s", cli_esc(c, api_str(s, "peer")));
	if (json_is_string(json_object_get(s, "command")))
		out_say(c, "command:  %s", cli_esc(c, api_str(s, "command")));
	out_say(c, "started:  %s", out_time(c, time_of(s, "started")));
	out_say(c, "ended:    %s", out_time(c, time_of(s, "ended")));
	out_say(c, "box ends: %s", out_time(c, time_of(s, "ends")));
	out_say(c, "record:   %s in %lld chunks%s%s",
	    size_text(c, json_integer_value(json_object_get(s, "size"))),
	    (long long)json_integer_value(json_object_get(s, "chunks")),
	    json_is_true(json_object_get(s, "sealed")) ? ", sealed" : "",
	    json_is_false(json_object_get(s, "kept")) ? ", removed: kept long enough" : "");
}

int cmd_sessions_show(struct cli *c)
{
	char digest[ZTJ_HEX_SIZE];
	struct rec rec;
	int r;

	if ((r = api_open_login(c)) != ZTJ_OK || (r = held_sync(c)) != ZTJ_OK)
		return r;
	if ((r = rec_open(c, c->argv[0], &rec)) == ZTJ_OK) {
		const struct ztj_stmt *h = rec.head;
		say_about(c, rec.about);
		if (rec.doubt != NULL)
			out_warn(c, "%s: %s", rec.id, rec.doubt);
		if (h != NULL) {
			ztj_hex(h->u.head.digest, ZTJ_DIGEST_LEN, digest);
			out_say(c,
			    "signed:   %lld chunks, %lld bytes, %s, at %s%s%s\n          newest chunk sha256:%s",
			    (long long)h->u.head.chunks, (long long)h->u.head.bytes,
			    h->u.head.state == ZTJ_HEAD_OPEN         ? "not the end"
				: h->u.head.state == ZTJ_HEAD_CLOSED ? "the end"
								     : "where the recorder was lost",
			    out_time(c, h->issued), rec.doubt == NULL ? " by " : ", NOT VERIFIED",
			    rec.doubt == NULL ? rec.host : "", digest);
		} else {
			out_say(c, "signed:   nothing%s", rec.over ? "" : " yet");
		}
		c->result = json_incref(rec.about);
	}
	rec_close(&rec);
	return r;
}

/* ---- kill ---- */

static int kill_it(struct cli *c, const struct rec *rec, const char *reason)
{
	struct sign_ask ask = { .type = ZTJ_STMT_KILL,
		.title = "You are about to END this session:",
		.question = "End it now?" };
	struct cli_key k = { .path = NULL };
	struct ztj_stmt st;
	struct ztj_buf bytes;
	char nonce[ZTJ_HEX_SIZE];
	int r;

	sign_begin(c, &st, ZTJ_STMT_KILL);
	st.u.kill.who = login_who(c);
	st.u.kill.host = rec->host;
	st.u.kill.reason = reason;
	memcpy(st.u.kill.session, rec->name, ZTJ_DIGEST_LEN);
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	if ((r = key_load(c, &k)) == ZTJ_OK && (r = sign_nonce(nonce)) == ZTJ_OK &&
	    (r = ztj_stmt_build(&st, nonce, &bytes)) == ZTJ_OK) {
		ask.bytes = ztj_buf_view(&bytes);
		r = sign_and_post(c, &ask, &k, NULL);
	}
	ztj_buf_free(&bytes);
	ztj_keyfile_wipe(&k.file);
	return r;
}

/* By the host's word: what the broker calls lost may run on. */
static bool is_over(const struct rec *rec)
{
	return (rec->head != NULL && rec->head->u.head.state != ZTJ_HEAD_OPEN) ||
	    strcmp(api_str(rec->about, "state"), "closed") == 0;
}

/* The host says by its last head that it obeyed. */
static int await_end(struct cli *c, struct rec *rec)
{
	int r = ZTJ_OK;

	for (int i = 0; i < 40 && !is_over(rec); i++) {
		const struct timespec pause = { .tv_nsec = 250000000 };
		(void)nanosleep(&pause, NULL);
		if ((r = rec_refresh(rec)) != ZTJ_OK && r != ZTJ_ALTERED)
			return r;
		cli_forget(c);
	}
	if (is_over(rec))
		out_say(c, "%s has ended.", rec->id);
	else
		out_warn(c, "%s has not said yet that it ended; it obeys within 10 minutes or not at all",
		    rec->host);
	return ZTJ_OK;
}

/* A lie about its record keeps nobody from ending a session. */
static int open_to_kill(struct cli *c, struct rec *rec)
{
	int r = rec_open(c, c->argv[0], rec);

	if (r != ZTJ_ALTERED || rec->about == NULL)
		return r;
	out_warn(c, "%s", c->message);
	cli_forget(c);
	return ZTJ_OK;
}

int cmd_sessions_kill(struct cli *c)
{
	const char *reason, *who;
	struct rec rec;
	int r;

	if ((r = ask_reason(c, &reason)) != ZTJ_OK || (r = api_open_login(c)) != ZTJ_OK ||
	    (r = login_person(c, &who)) != ZTJ_OK || (r = held_sync(c)) != ZTJ_OK)
		return r;
	if ((r = open_to_kill(c, &rec)) == ZTJ_OK) {
		say_about(c, rec.about);
		if (is_over(&rec))
			r = cli_fail(c, ZTJ_STATE, "%s is over", rec.id);
		else if ((r = kill_it(c, &rec, reason)) == ZTJ_OK)
			r = await_end(c, &rec);
		c->result = json_incref(rec.about);
	}
	rec_close(&rec);
	return r;
}
