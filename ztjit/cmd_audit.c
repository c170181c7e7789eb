/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit audit ls, show, follow and export. */
#include "ztjit/commands.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ztjit/api.h"
#include "ztjit/auditform.h"
#include "ztjit/auditlog.h"
#include "ztjit/out.h"

#define NEWEST 50
#define POLL_MS 2000
#define BUNDLE_MAX ((size_t)ZTJ_TILE_WIDTH * (ZTJ_ENTRY_MAX + 2))
#define CLOCK_SLACK 86400 /* leaves stand in their order, whatever the broker's clock said */

/* --- which leaves --- */

struct filter {
	const char *user, *host, *kind, *outcome;
	int64_t since, until;
};

static int make_filter(struct cli *c, struct filter *f)
{
	int r;

	*f = (struct filter){ cli_opt(c, OPT_USER), cli_opt(c, OPT_HOST), cli_opt(c, OPT_KIND),
		cli_opt(c, OPT_OUTCOME), 0, INT64_MAX };
	if ((r = cli_opt_time(c, OPT_SINCE, 0, &f->since)) == ZTJ_OK)
		r = cli_opt_time(c, OPT_UNTIL, INT64_MAX, &f->until);
	return r;
}

/* Who left every directory still stands in the log: names are compared, not looked up. */
static bool is_name(const char *full, const char *want)
{
	return strcmp(full, want) == 0 ||
	    (strchr(want, '/') == NULL && full[0] != '\0' && strcmp(ztj_fullname_tail(full), want) == 0);
}

static bool has_host(const struct ztj_event_in *e, const char *want)
{
	const json_t *v;
	size_t i;

	if (is_name(ztj_event_text(e, "host"), want))
		return true;
	json_array_foreach(json_object_get(e->obj, "hosts"), i,
	    v) if (json_is_string(v) && is_name(json_string_value(v), want)) return true;
	return false;
}

static bool matches(const struct filter *f, const struct ztj_event_in *e)
{
	return e->time >= f->since && e->time <= f->until &&
	    (f->user == NULL || is_name(ztj_event_text(e, "person"), f->user) ||
		is_name(ztj_event_text(e, "by"), f->user)) &&
	    (f->host == NULL || has_host(e, f->host)) && (f->kind == NULL || strcmp(e->kind, f->kind) == 0) &&
	    (f->outcome == NULL || strcmp(e->outcome, f->outcome) == 0);
}

/* Calls each leaf of a bundle from `from` on. */
typedef int leaf_fn(void *arg, const struct ztj_event_in *e, struct ztj_view leaf);
static int each_leaf(struct cli *c, struct ztj_view bundle, uint64_t first, leaf_fn *fn, void *arg)
{
	struct ztj_event_in e;
	struct ztj_view leaf;
	struct ztj_rd rd;
	int r = ZTJ_OK;

	ztj_rd_init(&rd, bundle);
	for (uint64_t n = first; r == ZTJ_OK && (r = ztj_entry_next(&rd, &leaf)) == ZTJ_OK; n++) {
		r = ztj_event_read(leaf, &e);
		/* Signed, but not by a program that we understand. */
		if (r != ZTJ_OK)
			return cli_fail(c, r, "leaf %llu: %s", (unsigned long long)n, ztj_err_text(r));
		r = fn(arg, &e, leaf);
		ztj_event_free(&e);
	}
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

static int open_log(struct cli *c, struct auditlog *l)
{
	int r = auditlog_open(c, l);

	if (r == ZTJ_OK)
		r = auditlog_continues(l);
	return r == ZTJ_OK ? auditlog_remember(l) : r;
}

/* --- one line for people --- */

static const char *short_id(struct cli *c, const struct ztj_event_in *e, const char *member)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	char text[ZTJ_SHORT_ID_SIZE];

	if (ztj_unhex(ztj_view_str(ztj_event_text(e, member)), digest, sizeof digest) != ZTJ_OK)
		return "";
	ztj_short_id(digest, text);
	return cli_strdup(c, text);
}

static const char *hosts_of(struct cli *c, const struct ztj_event_in *e)
{
	const json_t *list = json_object_get(e->obj, "hosts");
	const char *one = ztj_event_text(e, "host");

	if (one[0] == '\0' && json_array_size(list) > 0 && json_is_string(json_array_get(list, 0)))
		one = json_string_value(json_array_get(list, 0));
	one = ztj_fullname_tail(one);
	return json_array_size(list) > 1 ? cli_printf(c, "%s +%zu", one, json_array_size(list) - 1) : one;
}

/* What fits behind the names, from the members that there are. */
static const char *what(struct cli *c, const struct ztj_event_in *e)
{
	static const char *const members[] = { "type", "decision", "action", "role", "account", "service",
		"session", "name", "certificate", "code", "text" };
	const char *id = short_id(c, e, "request");
	struct ztj_buf b;
	const char *text;

	ztj_buf_init(&b, 8192);
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		const char *s = ztj_event_text(e, members[i]);

		if (s[0] == '\0' || strcmp(s, e->kind) == 0)
			continue;
		(void)ztj_buf_printf(&b, "%s%s", b.n == 0 ? "" : " ", s);
	}
	if (id != NULL && id[0] != '\0')
		(void)ztj_buf_printf(&b, "%s%s", b.n == 0 ? "" : " ", id);
	text = ztj_buf_str(&b);
	text = text == NULL ? "" : cli_strdup(c, text);
	ztj_buf_free(&b);
	return text == NULL ? "" : text;
}

static const char *dash(const char *s)
{
	return s == NULL || s[0] == '\0' ? "-" : s;
}

static int row(struct cli *c, struct out_table *t, const struct ztj_event_in *e)
{
	const char *person = ztj_event_text(e, "person");

	return out_table_row(c, t,
	    (const char *[]){ cli_strdup(c, cli_printf(c, "%llu", (unsigned long long)e->n)),
		cli_strdup(c, ztj_event_text(e, "time")), cli_strdup(c, e->kind), cli_strdup(c, e->outcome),
		cli_strdup(c, dash(person[0] != '\0' ? person : ztj_event_text(e, "by"))),
		cli_strdup(c, dash(hosts_of(c, e))), dash(what(c, e)) });
}

/* --- ls --- */

struct found {
	struct cli *c;
	const struct filter *f;
	json_t *here;   /* of this bundle, oldest first */
	int64_t newest; /* time of the newest leaf of this bundle */
};

static int collect(void *arg, const struct ztj_event_in *e, struct ztj_view leaf)
{
	struct found *x = arg;

	(void)leaf;
	x->newest = e->time > x->newest ? e->time : x->newest;
	if (!matches(x->f, e))
		return ZTJ_OK;
	return json_array_append(x->here, e->obj) == 0 ? ZTJ_OK : ZTJ_NOMEM;
}

/* From the newest bundle back, until there is enough. */
static int gather(struct auditlog *l, const struct filter *f, size_t most, json_t *out)
{
	uint64_t index = l->head.size == 0 ? 0 : (l->head.size - 1) / ZTJ_TILE_WIDTH + 1;
	struct ztj_buf bundle;
	unsigned width;
	int r = ZTJ_OK;

	ztj_buf_init(&bundle, BUNDLE_MAX);
	while (r == ZTJ_OK && index-- > 0 && json_array_size(out) < most) {
		struct found x = { l->c, f, json_array(), 0 };

		ztj_buf_reset(&bundle);
		r = auditlog_proved(l, index, &width, &bundle);
		if (r == ZTJ_OK)
			r = each_leaf(l->c, ztj_buf_view(&bundle), index * ZTJ_TILE_WIDTH, collect, &x);
		for (size_t i = json_array_size(x.here);
		     r == ZTJ_OK && i-- > 0 && json_array_size(out) < most;)
			if (json_array_append(out, json_array_get(x.here, i)) != 0)
				r = ZTJ_NOMEM;
		json_decref(x.here);
		if (x.newest + CLOCK_SLACK < f->since)
			break;
	}
	ztj_buf_free(&bundle);
	return r;
}

int cmd_audit_ls(struct cli *c)
{
	struct out_table table;
	struct auditlog l;
	struct filter f;
	int r = make_filter(c, &f);

	if (r != ZTJ_OK)
		return r;
	if ((c->result = json_array()) == NULL)
		return ZTJ_NOMEM;
	if ((r = open_log(c, &l)) == ZTJ_OK)
		r = gather(&l, &f, cli_is_set(c, OPT_ALL) ? SIZE_MAX : NEWEST, c->result);
	auditlog_close(&l);
	if (r == ZTJ_OK && json_array_size(c->result) == 0)
		out_say(c, "No such leaves.");
	if (r != ZTJ_OK || json_array_size(c->result) == 0)
		return r;
	out_table_begin(&table, 7);
	r = out_table_row(c, &table,
	    (const char *[]){ "LEAF", "TIME", "KIND", "OUTCOME", "WHO", "HOST", "WHAT" });
	for (size_t i = 0; r == ZTJ_OK && i < json_array_size(c->result); i++) {
		struct ztj_event_in e = { .obj = json_array_get(c->result, i) };

		e.n = (uint64_t)json_integer_value(json_object_get(e.obj, "n"));
		e.kind = ztj_event_text(&e, "kind");
		e.outcome = ztj_event_text(&e, "outcome");
		r = row(c, &table, &e);
	}
	out_table_print(c, &table);
	return r;
}

/* --- show --- */

static void say_leaf(struct cli *c, const json_t *leaf)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)leaf, name, v)
	{
		char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

		out_say(c, "%-12s %s", name,
		    json_is_string(v)  ? json_string_value(v)
			: text == NULL ? "?"
				       : text);
		free(text);
	}
}

struct wanted {
	struct cli *c;
	const char *id; /* R-… or S-… */
	json_t *out;
};

static bool list_has(const struct ztj_event_in *e, const char *member, const char *want)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(e->obj, member), i,
	    v) if (json_is_string(v) && strcmp(json_string_value(v), want) == 0) return true;
	return false;
}

static int about(void *arg, const struct ztj_event_in *e, struct ztj_view leaf)
{
	struct wanted *w = arg;
	size_t mark = cli_mark(w->c);
	bool yes = w->id[0] == 'S'
	    ? strcmp(ztj_event_text(e, "session"), w->id) == 0 || list_has(e, "sessions", w->id)
	    : strcmp(dash(short_id(w->c, e, "request")), w->id) == 0 ||
		strcmp(dash(short_id(w->c, e, "statement")), w->id) == 0;

	(void)leaf;
	cli_release(w->c, mark);
	return !yes || json_array_append(w->out, e->obj) == 0 ? ZTJ_OK : ZTJ_NOMEM;
}

/* Of one leaf by its number. */
struct numbered {
	uint64_t n;
	json_t *out;
};
static int one_of(void *arg, const struct ztj_event_in *e, struct ztj_view leaf)
{
	const struct numbered *w = arg;

	(void)leaf;
	return e->n != w->n || json_array_append(w->out, e->obj) == 0 ? ZTJ_OK : ZTJ_NOMEM;
}

static int walk(struct auditlog *l, uint64_t from, uint64_t to, leaf_fn *fn, void *arg)
{
	struct ztj_buf bundle;
	unsigned width;
	int r = ZTJ_OK;

	ztj_buf_init(&bundle, BUNDLE_MAX);
	for (uint64_t i = from; r == ZTJ_OK && i < to; i++) {
		ztj_buf_reset(&bundle);
		r = auditlog_proved(l, i, &width, &bundle);
		if (r == ZTJ_OK)
			r = each_leaf(l->c, ztj_buf_view(&bundle), i * ZTJ_TILE_WIDTH, fn, arg);
	}
	ztj_buf_free(&bundle);
	return r;
}

static uint64_t bundles(const struct auditlog *l)
{
	return (l->head.size + ZTJ_TILE_WIDTH - 1) / ZTJ_TILE_WIDTH;
}

static int find(struct auditlog *l, const char *arg, json_t *out)
{
	char id[ZTJ_SHORT_ID_SIZE];
	struct wanted w = { l->c, id, out };
	int64_t n;

	if (ztj_parse_int(arg, 0, (int64_t)ZTJ_LOG_MAX, &n) == ZTJ_OK) {
		struct numbered one = { (uint64_t)n, out };

		if (one.n >= l->head.size)
			return cli_fail(l->c, ZTJ_NOT_FOUND, "the audit log has %llu leaves, from 0",
			    (unsigned long long)l->head.size);
		return walk(l, one.n / ZTJ_TILE_WIDTH, one.n / ZTJ_TILE_WIDTH + 1, one_of, &one);
	}
	if (ztj_session_id_parse(arg, id) != ZTJ_OK && ztj_short_id_parse(arg, id) != ZTJ_OK)
		return cli_fail(l->c, ZTJ_USAGE, "%s: the number of a leaf, R-… or S-…", cli_esc(l->c, arg));
	return walk(l, 0, bundles(l), about, &w);
}

int cmd_audit_show(struct cli *c)
{
	struct auditlog l;
	int r;

	if ((c->result = json_array()) == NULL)
		return ZTJ_NOMEM;
	if ((r = open_log(c, &l)) == ZTJ_OK)
		r = find(&l, c->argv[0], c->result);
	auditlog_close(&l);
	if (r == ZTJ_OK && json_array_size(c->result) == 0)
		return cli_fail(c, ZTJ_NOT_FOUND, "no leaf is about %s", cli_esc(c, c->argv[0]));
	for (size_t i = 0; r == ZTJ_OK && i < json_array_size(c->result); i++) {
		if (i > 0)
			out_say(c, "%s", "");
		say_leaf(c, json_array_get(c->result, i));
	}
	return r;
}

/* --- export and follow --- */

struct lines {
	struct cli *c;
	const struct filter *f;
	FILE *to;
	uint64_t from;                /* the first leaf that is wanted */
	const struct auditform *form; /* NULL: a line for people */
};

static int write_out(const struct lines *x, struct ztj_buf *b, int r)
{
	if (r == ZTJ_OK && b->n > 0 && fwrite(b->p, 1, b->n, x->to) != b->n)
		r = cli_fail(x->c, ZTJ_IO, "the leaves could not be written");
	ztj_buf_free(b);
	return r;
}

static int write_leaf(const struct lines *x, const struct ztj_event_in *e, struct ztj_view leaf)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 8 * (size_t)ZTJ_ENTRY_MAX);
	return write_out(x, &b, auditform_leaf(x->form, e, leaf, &b));
}

static int line(void *arg, const struct ztj_event_in *e, struct ztj_view leaf)
{
	struct lines *x = arg;
	size_t mark = cli_mark(x->c);

	if (e->n < x->from || !matches(x->f, e))
		return ZTJ_OK;
	if (x->form != NULL)
		return write_leaf(x, e, leaf);
	out_say(x->c, "%llu  %s  %s %s  %s  %s  %s", (unsigned long long)e->n, ztj_event_text(e, "time"),
	    e->kind, e->outcome, dash(ztj_event_text(e, "person")), dash(hosts_of(x->c, e)),
	    dash(what(x->c, e)));
	cli_release(x->c, mark);
	return ZTJ_OK;
}

static int export_to(struct cli *c, FILE *to, const struct auditform *form)
{
	struct auditlog l;
	struct filter f;
	struct lines x = { c, &f, to, 0, form };
	struct ztj_buf b;
	int r = make_filter(c, &f);

	if (r != ZTJ_OK)
		return r;
	ztj_buf_init(&b, 4096);
	if ((r = open_log(c, &l)) == ZTJ_OK)
		r = write_out(&x, &b, auditform_begin(form, &b));
	if (r == ZTJ_OK)
		r = walk(&l, 0, bundles(&l), line, &x);
	auditlog_close(&l);
	return r == ZTJ_OK && fflush(to) != 0 ? cli_fail(c, ZTJ_IO, "the leaves could not be written") : r;
}

int cmd_audit_export(struct cli *c)
{
	const char *path = cli_opt(c, OPT_OUTPUT), *names;
	const struct auditform *form = auditform_find(cli_opt(c, OPT_FORMAT), &names);
	FILE *f;
	int r;

	if (form == NULL)
		return cli_fail(c, ZTJ_USAGE, "--format: %s", names);
	if (path == NULL)
		return export_to(c, stdout, form);
	if ((f = fopen(path, "wxe")) == NULL)
		return cli_fail(c, ZTJ_SYSTEM, "%s: %s", cli_esc(c, path), strerror(errno));
	r = export_to(c, f, form);
	if (fclose(f) != 0 && r == ZTJ_OK)
		r = cli_fail(c, ZTJ_IO, "%s: %s", cli_esc(c, path), strerror(errno));
	if (r != ZTJ_OK)
		(void)unlink(path);
	return r;
}

/* What is new since `from`, as often as the broker may have signed anew. */
int cmd_audit_follow(struct cli *c)
{
	struct auditlog l;
	struct filter f;
	const char *names;
	struct lines x = { c, &f, stdout, 0, c->json ? auditform_find(NULL, &names) : NULL };
	int r = make_filter(c, &f);

	if (r != ZTJ_OK)
		return r;
	if (cli_opt(c, OPT_DIR) != NULL)
		return cli_fail(c, ZTJ_USAGE, "a copy does not go on: export prints it");
	r = open_log(c, &l);
	x.from = l.head.size;
	while (r == ZTJ_OK) {
		size_t mark = cli_mark(c);

		(void)fflush(stdout);
		(void)poll(NULL, 0, POLL_MS);
		r = auditlog_again(&l);
		if (r == ZTJ_OK && l.head.size > x.from) {
			r = walk(&l, x.from / ZTJ_TILE_WIDTH, bundles(&l), line, &x);
			x.from = l.head.size;
		}
		if (r == ZTJ_OK)
			r = auditlog_remember(&l);
		if (r == ZTJ_OK)
			cli_release(c, mark);
	}
	auditlog_close(&l);
	return r;
}
