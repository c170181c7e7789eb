/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * POST /v1/decisions: a host's own log, line by line, becomes part of the audit log. Each line names the digest of the one
 * before: a gap or another history is taken as well, for what it is worth, and raises an alarm. A gap is taken at the second
 * time: a host whose lines were held before this database was restored from a backup has them still, once it is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/jsonin.h"
#include "ztjit-broker/audit.h"

#define LINE_MAX_BYTES ((size_t)16384)
#define LINES_MAX 512
/* What a line may take in its leaf; its members take no more than that once again. */
#define LEAF_HALF ((size_t)32000)

struct line {
	struct db_host_log is; /* its number and digest */
	uint8_t prev[ZTJ_DIGEST_LEN];
	json_t *obj;
	struct ztj_view text;
};

/* A host may have been told anything by anybody: the strings are taken as they are, and escaped in the leaf. The text itself is
 * ASCII, so that the leaf gives it again, byte by byte, and the chain can be checked from the log. */
static int load(struct ztj_view text, json_t **out)
{
	size_t room = 0;
	*out = NULL;
	if (text.n > LINE_MAX_BYTES)
		return ZTJ_TOO_LARGE;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < 0x20 || text.p[i] > 0x7e)
			return ZTJ_BAD_TEXT;
		/* a backslash is \\x5c there, a quote \" */
		room += text.p[i] == '\\' ? 5 : text.p[i] == '"' ? 2 : 1;
	}
	/* Refused here it is that host's trouble; a leaf that cannot be written is everybody's. */
	if (room > LEAF_HALF)
		return ZTJ_TOO_LARGE;
	*out = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	return json_is_object(*out) ? ZTJ_OK : ZTJ_BAD_JSON;
}

static int read_line(struct ztj_view text, const char *host, struct line *out)
{
	const char *name;
	int64_t v = 0;
	memset(out, 0, sizeof(*out));
	int r = load(text, &out->obj);
	if (r == ZTJ_OK)
		r = ztj_json_int(json_object_get(out->obj, "v"), 1, 1, &v);
	if (r == ZTJ_OK)
		r = ztj_json_int(json_object_get(out->obj, "seq"), 1, ZTJ_JSON_INT_MAX, &out->is.seq);
	if (r == ZTJ_OK)
		r = ztj_json_digest(json_object_get(out->obj, "prev"), out->prev);
	if (r == ZTJ_OK)
		r = ztj_json_text(json_object_get(out->obj, "host"), 1, ZTJ_FULLNAME_SIZE - 1, &name);
	if (r == ZTJ_OK && strcmp(name, host) != 0)
		r = ZTJ_WRONG_HOST;
	out->text = text;
	return r == ZTJ_OK ? ztj_sha256(text, out->is.head) : r;
}

static void tell_break(struct store *st, const char *host, const struct line *l,
    const struct db_host_log *held)
{
	if (l->is.seq > held->seq + 1)
		audit_alarm_about(st, host, ZTJ_TRUNCATED,
		    "the log of %s has a gap: lines %lld to %lld never came", host, (long long)held->seq + 1,
		    (long long)l->is.seq - 1);
	else
		audit_alarm_about(st, host, ZTJ_LOG_FORK,
		    "the log of %s tells another history from line %lld on", host, (long long)l->is.seq);
}

/* The gap of this host, or a free place for it; NULL for want of memory. */
static struct audit_gap *gap_of(struct audit *a, const char *host)
{
	struct audit_gap *spare = NULL;
	for (size_t i = 0; i < a->ngaps; i++) {
		if (strcmp(a->gap[i].host, host) == 0)
			return &a->gap[i];
		if (a->gap[i].host[0] == '\0')
			spare = &a->gap[i];
	}
	if (spare != NULL)
		return spare;
	struct audit_gap *more = realloc(a->gap, (a->ngaps + 1) * sizeof(*more));
	if (more == NULL)
		return NULL;
	a->gap = more;
	more[a->ngaps] = (struct audit_gap){ .seq = 0 };
	return &more[a->ngaps++];
}

/* Has this host been told already how far its log is held here, and has nothing before this line? */
static bool offered_again(struct audit *a, const char *host, int64_t seq, int64_t held)
{
	struct audit_gap *g = gap_of(a, host);
	if (g == NULL)
		return false;
	bool again = g->host[0] != '\0' && g->seq == seq && g->held == held;
	*g = (struct audit_gap){ .held = held, .seq = seq };
	(void)snprintf(g->host, sizeof(g->host), "%s", again ? "" : host);
	return again;
}

/* A line that is held already is no news. STATE: one after a gap that is heard of for the first time. */
static int take(struct store *st, const char *host, const struct line *l)
{
	struct db_host_log held;
	uint8_t known[ZTJ_DIGEST_LEN];
	int r = db_host_log_get(st->db, host, &held);
	if (r != ZTJ_OK)
		return r;
	if (l->is.seq > held.seq + 1 && !offered_again(st->audit, host, l->is.seq, held.seq))
		return ZTJ_STATE;
	if (l->is.seq != held.seq + 1 || memcmp(l->prev, held.head, sizeof(held.head)) != 0) {
		r = db_host_line_get(st->db, host, l->is.seq, known);
		if (r == ZTJ_OK && memcmp(known, l->is.head, sizeof(known)) == 0)
			return ZTJ_OK;
		if (r != ZTJ_OK && r != ZTJ_NOT_FOUND)
			return r;
		tell_break(st, host, l, &held);
	}
	r = db_host_line_put(st->db, host, &l->is);
	if (r == ZTJ_OK)
		say_decision(st, host, l->obj, l->text);
	return r;
}

static int take_all(struct store *st, const char *host, struct ztj_view bytes)
{
	int r = ZTJ_OK;
	for (unsigned n = 0; r == ZTJ_OK && bytes.n > 0; n++) {
		const uint8_t *end = memchr(bytes.p, '\n', bytes.n);
		struct line l;
		if (end == NULL || n == LINES_MAX)
			return end == NULL ? ZTJ_TRUNCATED : ZTJ_TOO_LARGE;
		struct ztj_view text = ztj_view_of(bytes.p, (size_t)(end - bytes.p));
		r = read_line(text, host, &l);
		if (r == ZTJ_OK)
			r = take(st, host, &l);
		json_decref(l.obj);
		bytes = ztj_view_after(bytes, text.n + 1);
	}
	return r;
}

void do_decisions_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct db_host_log held;
	char hex[ZTJ_HEX_SIZE];
	(void)now;
	/* What came before a line that is none is kept: the host goes on there. */
	int r = a->bytes.n > 0 && reserve_spent(st) ? ZTJ_NO_SPACE : take_all(st, c->who, a->bytes);
	if (ztj_err_class(r) == ZTJ_CLASS_OUTAGE && db_dirty(st->db))
		st->broken = true;
	if (r == ZTJ_OK || r == ZTJ_STATE)
		r = db_host_log_get(st->db, c->who, &held);
	if (r == ZTJ_OK) {
		ztj_hex(held.head, sizeof(held.head), hex);
		st_answer(st, a->tag, 200, json_pack("{s:I, s:s}", "seq", (json_int_t)held.seq, "head", hex));
	} else {
		st_refuse(st, a->tag, r, NULL, NULL);
	}
}
