/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Standing access: what `ztjit scan` found on the hosts. A host speaks for itself alone (B02), signed by its machine key; the
 * report is kept as it came and believed by nobody before its signature was checked against the host's record.
 */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/codec.h"
#include "libztjit/sys/log.h"
#include "ztjit-broker/audit.h"

#define PAGE_BYTES ((size_t)1024 * 1024)

/* --- from hosts --- */

static int judge(struct store *st, const struct ask *a, const struct caller *c, const struct ztj_stmt *s,
    int64_t now)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	int64_t newest = 0;
	if (strcmp(s->u.standing.host, c->who) != 0)
		return ZTJ_WRONG_HOST;
	if (c->record == NULL || !ztj_key_equal(&s->signer[0].key, &c->record->machine))
		return ZTJ_SIGNER;
	int r = st_skew(s->issued, now);
	if (r == ZTJ_OK)
		r = ztj_sha256(a->bytes, digest);
	/* it becomes a string in an answer about many hosts, and a NUL would make all of that unreadable */
	if (r == ZTJ_OK &&
	    (memcmp(digest, s->u.standing.digest, sizeof(digest)) != 0 || !ztj_utf8_ok(a->bytes) ||
		memchr(a->bytes.p, '\0', a->bytes.n) != NULL))
		r = ZTJ_ALTERED;
	if (r != ZTJ_OK)
		return r;
	r = db_standing_newest(st->db, c->who, &newest);
	if (r == ZTJ_OK && s->issued < newest)
		return ZTJ_REPLAY;
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

/* --- added up --- */

/* Numbers that the store took when it had checked who signed them; whoever puts others into the database gets a wrong gauge. */
static int numbers(const struct store *st, struct ztj_view container, struct ztj_stmt **out)
{
	struct ztj_signed s;
	struct ztj_rd rd;
	ztj_rd_init(&rd, container);
	int r = ztj_signed_read(&rd, &s);
	return r == ZTJ_OK ? ztj_stmt_parse(s.bytes, ZTJ_STMT_STANDING, st->conf->domain, out) : r;
}

static void count_in(struct store *st, const struct ztj_stmt *p, int64_t sign)
{
	st->left.hosts += sign;
	st->left.clean += p->u.standing.standing + p->u.standing.expired + p->u.standing.missed == 0 ? sign
												     : 0;
	st->left.standing += sign * p->u.standing.standing;
	st->left.accepted += sign * p->u.standing.accepted;
	st->left.expired += sign * p->u.standing.expired;
	st->left.missed += sign * p->u.standing.missed;
	if (st->left.oldest == 0 || p->issued < st->left.oldest)
		st->left.oldest = p->issued;
}

struct sum {
	struct store *st;
	int64_t sign;
};
static int add_in(struct ztj_view container, void *arg)
{
	const struct sum *s = arg;
	struct ztj_stmt *p = NULL;
	int r = numbers(s->st, container, &p);
	if (r == ZTJ_OK)
		count_in(s->st, p, s->sign);
	ztj_stmt_free(p);
	return r == ZTJ_NOMEM ? r : ZTJ_OK;
}

int standing_load(struct store *st)
{
	struct sum s = { st, 1 };
	memset(&st->left, 0, sizeof(st->left));
	return db_standing_signed(st->db, NULL, add_in, &s);
}

void standing_sweep(struct store *st, int64_t before)
{
	int r = db_standing_sweep(st->db, before);
	if (r == ZTJ_OK && st->left.oldest != 0 && st->left.oldest < before)
		r = standing_load(st);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "could not forget old reports");
}

void do_standing_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct db_standing row = { .received = now, .container = a->container, .report = a->bytes };
	struct ztj_stmt *stmt = NULL;
	struct ztj_signed s;
	struct ztj_rd rd;
	ztj_rd_init(&rd, a->container);
	int r = ztj_signed_read(&rd, &s);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK)
		r = ztj_stmt_open(&s, ZTJ_STMT_STANDING, st->conf->domain, &stmt);
	if (r == ZTJ_OK)
		r = judge(st, a, c, stmt, now);
	if (r == ZTJ_OK && reserve_spent(st))
		r = ZTJ_NO_SPACE;
	if (r == ZTJ_OK) {
		struct sum old = { st, -1 };
		memcpy(row.host, c->who, sizeof(row.host));
		row.issued = stmt->issued;
		r = db_standing_signed(st->db, row.host, add_in, &old);
		if (r == ZTJ_OK)
			r = db_standing_put(st->db, &row);
		if (r != ZTJ_OK)
			st->broken = true; /* the sums are read anew */
	}
	if (r == ZTJ_OK) {
		count_in(st, stmt, 1);
		say_standing(st, c->who, stmt);
	}
	if (r == ZTJ_OK)
		st_answer(st, a->tag, 201, json_object());
	else
		st_refuse(st, a->tag, r, NULL, NULL);
	ztj_stmt_free(stmt);
}

/* --- for auditors --- */

struct page {
	struct store *st;
	json_t *hosts, *days;
	int64_t since;
	size_t bytes;
	bool more;
};

static int add_day(struct ztj_view container, void *arg)
{
	struct page *p = arg;
	p->bytes += 2 * container.n;
	return json_array_append_new(p->days, st_container_json(container)) == 0 ? ZTJ_OK : ZTJ_NOMEM;
}

static json_t *when(int64_t t)
{
	char text[ZTJ_TIME_SIZE];
	return ztj_time_format(t, text) == ZTJ_OK ? json_string(text) : json_null();
}

static int add_host(const struct db_standing *row, void *arg)
{
	struct page *p = arg;
	if (p->bytes > PAGE_BYTES) {
		p->more = true;
		return ZTJ_NOT_FOUND;
	}
	json_t *o = st_container_json(row->container);
	if ((p->days = json_array()) == NULL || o == NULL) {
		json_decref(p->days);
		json_decref(o);
		return ZTJ_NOMEM;
	}
	json_object_set_new(o, "host", json_string(row->host));
	json_object_set_new(o, "received", when(row->received));
	json_object_set_new(o, "report", json_stringn((const char *)row->report.p, row->report.n));
	p->bytes += row->report.n + 2 * row->container.n;
	int r = db_standing_days(p->st->db, row->host, p->since, add_day, p);
	json_object_set_new(o, "days", p->days);
	if (json_array_append_new(p->hosts, o) != 0)
		return ZTJ_NOMEM;
	return r;
}

void do_standing(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	const struct db_standing_query q = { .host = a->find.host, .after = a->find.text };
	struct page p = { .st = st, .hosts = json_array(), .since = now - a->find.n * 86400 };
	int r = !c->auditor ? ZTJ_FORBIDDEN : p.hosts == NULL ? ZTJ_NOMEM : ZTJ_OK;
	if (r == ZTJ_OK)
		r = db_standing_each(st->db, &q, add_host, &p);
	if (r == ZTJ_OK) {
		st_answer(st, a->tag, 200, json_pack("{s:o, s:b}", "hosts", p.hosts, "more", p.more ? 1 : 0));
		return;
	}
	json_decref(p.hosts);
	st_refuse(st, a->tag, r, NULL, NULL);
}
