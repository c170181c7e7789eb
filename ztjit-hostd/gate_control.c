/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* control.sock: what local root may ask of the running gate (PROTOCOL section 4). */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"
#include "ztjit-hostd/published.h"

#define HELD_SAID 200 /* an answer is bounded */
#define IMPORT_MAX ((off_t)256 * 1024 * 1024)
#define SESSIONS_ROOM (96u * 1024u) /* bytes of the answer to STATUS */

void ztj_control_reply(struct ztj_conn *c, int code, const char *text)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(&b, ZTJ_MSG_REPLY) != ZTJ_OK)
		code = ZTJ_NOMEM;
	(void)ztj_buf_put_u32(&b, (uint32_t)-code);
	(void)ztj_buf_put_cstring(&b, text);
	if (ztj_conn_send(c, &b))
		ztj_conn_close(c);
}

/* ---- import ---- */

/* Large news come as a descriptor: a regular file that root opened, read once and judged as bytes. */
static int import_fd(struct ztj_gate *g, int fd, bool *changed)
{
	struct stat st;
	struct ztj_buf b;
	int r = ZTJ_OK;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > IMPORT_MAX)
		return ZTJ_TOO_LARGE;
	ztj_buf_init(&b, (size_t)st.st_size + 1);
	while (r == ZTJ_OK && b.n < (size_t)st.st_size) {
		uint8_t chunk[16384];
		size_t left = (size_t)st.st_size - b.n;
		ssize_t got = pread(fd, chunk, left < sizeof(chunk) ? left : sizeof(chunk), (off_t)b.n);
		r = got <= 0 ? ZTJ_IO : ztj_buf_put(&b, chunk, (size_t)got);
	}
	if (r == ZTJ_OK)
		r = ztj_news_import(g, ztj_buf_view(&b), changed);
	ztj_buf_free(&b);
	return r;
}

static void import(struct ztj_conn *c)
{
	struct ztj_view bytes;
	struct ztj_rd rd;
	bool changed = false;
	int r;

	ztj_rd_init(&rd, c->in.body);
	r = ztj_rd_string(&rd, ZTJ_IPC_MAX, &bytes);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r != ZTJ_OK) {
		ztj_conn_close(c);
		return;
	}
	if (bytes.n == 0 && c->in.fd >= 0)
		r = import_fd(c->g, c->in.fd, &changed);
	else
		r = ztj_news_import(c->g, bytes, &changed);
	c->answer.code = r;
	(void)snprintf(c->answer.text, sizeof(c->answer.text), "%s",
	    r != ZTJ_OK   ? ztj_err_text(r)
		: changed ? "taken"
			  : "held already");
	/* Whoever hears that a revocation was taken finds nobody in a group by that grant. */
	c->published = ztj_names_waiting(c->g);
	if (!c->published)
		ztj_control_reply(c, r, c->answer.text);
}

void ztj_control_published(struct ztj_gate *g)
{
	struct ztj_conn *c = g->conns, *next;

	if (ztj_names_waiting(g))
		return;
	for (; c != NULL; c = next) {
		next = c->next;
		if (c->published)
			ztj_control_reply(c, c->answer.code, c->answer.text);
	}
}

/* ---- clock ---- */

static void clock_accept(struct ztj_conn *c)
{
	struct ztj_gate *g = c->g;
	struct ztj_now now;

	if (c->in.body.n != 1 || c->in.body.p[0] != 1) {
		ztj_conn_close(c);
		return;
	}
	g->env.now(&now);
	ztj_clockmark_accept(&g->clock, now);
	ztj_gate_save_clock(g, true);
	ztj_gate_alarm(g, ZTJ_CLOCK, "local root accepted the system clock");
	ztj_names_review(g);
	ztj_sessions_review(g);
	ztj_control_reply(c, ZTJ_OK, "the system clock is accepted");
}

/* ---- status ---- */

static void set_time(json_t *o, const char *name, int64_t t)
{
	char text[ZTJ_TIME_SIZE];

	(void)json_object_set_new(o, name,
	    t > 0 && ztj_time_format(t, text) == ZTJ_OK ? json_string(text) : json_null());
}

static json_t *directories(struct ztj_gate *g)
{
	json_t *list = json_object();

	for (size_t i = 0; i < ztj_trust_ndirs(g->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(g->trust, i);
		json_t *o = json_object();
		(void)json_object_set_new(o, "serial", json_integer(ztj_dir_serial(d)));
		(void)json_object_set_new(o, "records", json_integer((json_int_t)ztj_dir_count(d)));
		(void)json_object_set_new(o, "state",
		    json_string(ztj_err_name(
			ztj_trust_dir_state(g->trust, ztj_dir_name(d), ztj_gate_ends_clock(g)))));
		set_time(o, "expires", ztj_dir_expires(d));
		(void)json_object_set_new(list, ztj_dir_name(d), o);
	}
	return list;
}

static json_t *records(const struct ztj_gate *g)
{
	const struct ztj_spool_state *s = &g->records;
	json_t *o = json_object();

	(void)json_object_set_new(o, "open", json_integer(s->open));
	(void)json_object_set_new(o, "waiting", json_integer(s->waiting));
	(void)json_object_set_new(o, "bytes", json_integer((json_int_t)s->used));
	(void)json_object_set_new(o, "room", json_integer((json_int_t)s->room));
	(void)json_object_set_new(o, "unsent", json_integer((json_int_t)s->unsent));
	return o;
}

static json_t *sessions(struct ztj_gate *g, size_t *left_out)
{
	json_t *list = json_array();
	const struct ztj_session *rec;
	size_t room = SESSIONS_ROOM, size;
	struct ztj_now now;

	g->env.now(&now);
	*left_out = 0;

	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++) {
		const struct ztj_session *s = ztj_sessions_at(g->sessions, i);
		char id[ZTJ_SHORT_ID_SIZE];
		json_t *o = json_object();
		ztj_short_id(s->grant, id);
		char name[ZTJ_HEX_SIZE];
		ztj_hex(s->name, ZTJ_DIGEST_LEN, name);
		(void)json_object_set_new(o, "session", json_integer((json_int_t)s->no));
		(void)json_object_set_new(o, "name", json_string(name));
		rec = ztj_sessions_recording(g->sessions, ztj_sessions_at(g->sessions, i));
		(void)json_object_set_new(o, "recorded", json_boolean(rec != NULL));
		(void)json_object_set_new(o, "record",
		    rec != NULL && rec->record[0] != '\0' ? json_string(rec->record) : json_null());
		(void)json_object_set_new(o, "inside",
		    s->parent != 0 ? json_integer((json_int_t)s->parent) : json_null());
		(void)json_object_set_new(o, "person", json_string(s->person));
		(void)json_object_set_new(o, "service", json_string(s->service));
		(void)json_object_set_new(o, "account", json_string(s->account));
		(void)json_object_set_new(o, "grant", json_string(id));
		(void)json_object_set_new(o, "peer", json_string(s->peer));
		(void)json_object_set_new(o, "tty", json_string(s->tty));
		set_time(o, "since", s->since > 0 ? now.sys - (now.boot - s->since) : 0);
		set_time(o, "ends", s->ends);
		size = json_dumpb(o, NULL, 0, JSON_COMPACT) + 1;
		if (size > room) {
			(*left_out)++;
			json_decref(o);
			continue;
		}
		room -= size;
		(void)json_array_append_new(list, o);
	}
	return list;
}

/* Who is in which group, and has a shell, until when; and who cannot be published, and why. */
static json_t *published(const struct ztj_gate *g)
{
	const struct ztj_pub *p = g->pub;
	json_t *o = json_object(), *held = json_array(), *conflicts = json_array();
	json_int_t n = 0;

	for (size_t i = 0; i < p->nheld; i++) {
		json_t *e;
		if (p->held[i].withheld || n++ >= HELD_SAID)
			continue;
		e = json_object();
		(void)json_object_set_new(e, "person", json_string(p->held[i].person));
		(void)json_object_set_new(e, "group",
		    p->held[i].shell == NULL ? json_string(p->held[i].group) : json_null());
		(void)json_object_set_new(e, "shell",
		    p->held[i].shell != NULL ? json_string(p->held[i].shell) : json_null());
		set_time(e, "ends", p->held[i].wall);
		(void)json_array_append_new(held, e);
	}
	for (size_t i = 0; i < p->conflicts.n; i++)
		(void)json_array_append_new(conflicts, json_string(p->conflicts.text[i]));
	(void)json_object_set_new(o, "state",
	    json_string(p->off                                                                     ? "off"
		    : p->failing || p->failed[ZTJ_PUBLISH_PEOPLE] || p->failed[ZTJ_PUBLISH_GRANTS] ? "failed"
												   : "ok"));
	(void)json_object_set_new(o, "people", json_integer((json_int_t)p->people));
	(void)json_object_set_new(o, "held_count", json_integer(n));
	(void)json_object_set_new(o, "held", held);
	(void)json_object_set_new(o, "conflicts", conflicts);
	(void)json_object_set_new(o, "more_conflicts", json_integer((json_int_t)p->conflicts.more));
	return o;
}

/* Armed: this host's own record is held and names its machine key. */
static int armed(struct ztj_gate *g)
{
	const struct ztj_record *self;
	int r;

	if (ztj_trust_held_policy(g->trust) == NULL)
		return ZTJ_NOT_READY;
	r = ztj_trust_host(g->trust, g->conf->fullname, ztj_gate_ends_clock(g), &self);
	if (r == ZTJ_OK && !ztj_key_equal(&self->machine, &g->machine.pub))
		r = ZTJ_WRONG_KEY;
	return r;
}

/* As `ztjit audit verify --checkpoint` takes it. */
static json_t *checkpoint(bool any, const struct ztj_checkpoint *c)
{
	char root[ZTJ_HEX_SIZE];

	ztj_hex(c->root, sizeof(c->root), root);
	return any ? json_sprintf("%llu %s", (unsigned long long)c->size, root) : json_null();
}

static void status(struct ztj_conn *c)
{
	struct ztj_gate *g = c->g;
	const struct ztj_policy *p = ztj_trust_held_policy(g->trust);
	json_t *o = json_object();
	struct ztj_now now;
	size_t left_out;
	char *text;

	ztj_gate_now(g, &now);
	(void)json_object_set_new(o, "host", json_string(g->conf->fullname));
	(void)json_object_set_new(o, "domain", json_string(g->pins.domain));
	(void)json_object_set_new(o, "armed", json_string(ztj_err_name(armed(g))));
	(void)json_object_set_new(o, "held_by",
	    json_string(g->conf->by_audit ? "audit sessions" : "cgroups"));
	(void)json_object_set_new(o, "connected", json_boolean(g->link_up));
	set_time(o, "fresh", ztj_trust_fresh(g->trust));
	(void)json_object_set_new(o, "policy", p == NULL ? json_null() : json_integer(p->version));
	set_time(o, "policy_expires", p == NULL ? 0 : p->expires);
	(void)json_object_set_new(o, "directories", directories(g));
	(void)json_object_set_new(o, "revocations",
	    json_integer((json_int_t)ztj_trust_nrevocations(g->trust)));
	(void)json_object_set_new(o, "grants", json_integer((json_int_t)ztj_store_count(g->store)));
	(void)json_object_set_new(o, "access", ztj_gate_access(g, &left_out));
	(void)json_object_set_new(o, "access_left_out", json_integer((json_int_t)left_out));
	(void)json_object_set_new(o, "sessions", sessions(g, &left_out));
	(void)json_object_set_new(o, "sessions_left_out", json_integer((json_int_t)left_out));
	(void)json_object_set_new(o, "records", records(g));
	(void)json_object_set_new(o, "published", published(g));
	set_time(o, "clock", now.sys);
	set_time(o, "clock_mark", ztj_clockmark_end(&g->clock, now));
	(void)json_object_set_new(o, "clock_ok", json_boolean(!ztj_clockmark_went_back(&g->clock, now)));
	(void)json_object_set_new(o, "checkpoint", checkpoint(g->log.any, &g->log.last));
	(void)json_object_set_new(o, "checkpoint_proved", checkpoint(g->growth.any, &g->growth.proved));
	(void)json_object_set_new(o, "decisions", json_integer((json_int_t)ztj_spool_seq(g->spool)));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text == NULL || strlen(text) > ZTJ_IPC_MAX - 64)
		ztj_control_reply(c, text == NULL ? ZTJ_NOMEM : ZTJ_TOO_LARGE, "");
	else
		ztj_control_reply(c, ZTJ_OK, text);
	free(text);
}

void ztj_control_message(struct ztj_conn *c)
{
	c->state = ZTJ_ST_NOTHING;
	switch (c->in.type) {
	case ZTJ_MSG_IMPORT:
		import(c);
		return;
	case ZTJ_MSG_CLOCK:
		clock_accept(c);
		return;
	case ZTJ_MSG_STATUS:
		status(c);
		return;
	case ZTJ_MSG_STANDING:
		ztj_standing_message(c);
		return;
	default:
		ztj_conn_close(c);
	}
}
