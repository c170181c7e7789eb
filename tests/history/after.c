/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What must hold when everything is at rest: whatever was acknowledged stands in the store and in the audit log once, the log
 * verifies and continues what an auditor remembers of it, and what the hosts decided stands in it as they wrote it, in their order.
 */
#include <glob.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/logcheck.h"
#include "tests/history/history.h"

#define LEAVES_MAX 65536

static struct log {
	struct ztj_checkpoint head;
	size_t n;
	json_t *leaf[LEAVES_MAX];
} seen;

static const char *text_of(size_t i, const char *member)
{
	const char *s = json_string_value(json_object_get(seen.leaf[i], member));

	return s == NULL ? "" : s;
}

/* --- the log --- */

static int give_tile(void *arg, const struct ztj_tile *t, ztj_hash *out)
{
	struct bk *b = arg;
	char path[ZTJ_TILE_PATH_SIZE];

	ztj_tile_path(t, path);
	if (bk_get(b, &b->login[HI_NOBODY], "/v1/log/%s", path) == 404)
		return ZTJ_NOT_FOUND;
	assert_int_equal(b->status, 200);
	assert_int_equal(b->body.n, t->width * sizeof(out[0]));
	memcpy(out, b->body.p, b->body.n);
	return ZTJ_OK;
}

static bool checkpoint(struct bk *b, struct ztj_checkpoint *out)
{
	return bk_get(b, &b->login[HI_NOBODY], "/v1/log/checkpoint") == 200 &&
	    ztj_checkpoint_open(ztj_buf_view(&b->body), "example", &b->w.log.pub, 1, out) == ZTJ_OK;
}

void hi_keep_checkpoint(struct hi_batch *b)
{
	size_t i = b->nkept < 8 ? b->nkept : 7;

	if (checkpoint(&b->b, &b->kept[i])) {
		b->kept_at[i] = hi_now();
		b->nkept = i + 1;
	}
}

static void keep_leaves(struct ztj_view bundle)
{
	struct ztj_view v;
	struct ztj_rd rd;

	ztj_rd_init(&rd, bundle);
	while (ztj_entry_next(&rd, &v) == ZTJ_OK) {
		assert_in_range(seen.n, 0, LEAVES_MAX - 1);
		seen.leaf[seen.n] = json_loadb((const char *)v.p, v.n, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(seen.leaf[seen.n++]);
	}
}

static void forget(void)
{
	for (size_t i = 0; i < seen.n; i++)
		json_decref(seen.leaf[i]);
	memset(&seen, 0, sizeof(seen));
}

/* NOT_FOUND: a bundle of the head is full meanwhile, and its part is gone. */
static int audit_once(struct bk *b, const struct ztj_checkpoint *also, struct ztj_logcheck *c)
{
	struct ztj_buf bundle;
	int r = ZTJ_OK;

	forget();
	ztj_logcheck_init(c);
	c->tile = give_tile;
	c->arg = b;
	assert_true(checkpoint(b, &seen.head));
	ok(ztj_logcheck_mark(c, &seen.head));
	if (also != NULL)
		ok(ztj_logcheck_mark(c, also));
	ztj_buf_init(&bundle, (size_t)32 * 1024 * 1024);
	for (uint64_t at = 0; r == ZTJ_OK && at < seen.head.size; at += ZTJ_TILE_WIDTH) {
		struct ztj_tile t = { .entries = true, .index = at / ZTJ_TILE_WIDTH };
		char path[ZTJ_TILE_PATH_SIZE];

		t.width = ztj_tile_width(seen.head.size, 0, t.index);
		ztj_tile_path(&t, path);
		if (bk_get(b, &b->login[HI_NOBODY], "/v1/log/%s", path) == 404 && t.width < ZTJ_TILE_WIDTH) {
			r = ZTJ_NOT_FOUND;
			break;
		}
		assert_int_equal(b->status, 200);
		ztj_buf_reset(&bundle);
		ok(ztj_buf_put(&bundle, b->body.p, b->body.n));
		keep_leaves(ztj_buf_view(&bundle));
		r = ztj_logcheck_bundle(c, ztj_buf_view(&bundle), t.width);
	}
	ztj_buf_free(&bundle);
	return r == ZTJ_OK ? ztj_logcheck_end(c) : r;
}

/* Everything, from the first leaf; against the head and, where it is not NULL, a checkpoint that was remembered. */
static int audit(struct bk *b, const struct ztj_checkpoint *also, struct ztj_logcheck *c)
{
	int r = ZTJ_NOT_FOUND;

	for (int i = 0; i < 20 && r == ZTJ_NOT_FOUND; i++)
		r = audit_once(b, also, c);
	return r;
}

/* --- statements --- */

struct ids {
	size_t n;
	uint8_t (*id)[ZTJ_DIGEST_LEN];
};

static void read_store(const struct bk *b, struct ids *out)
{
	char path[256];
	sqlite3 *db;
	sqlite3_stmt *s;

	(void)snprintf(path, sizeof(path), "%s/store/broker.db", b->dir);
	out->n = 0;
	out->id = calloc(LEAVES_MAX, ZTJ_DIGEST_LEN);
	assert_non_null(out->id);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT id FROM statement", -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW && out->n < LEAVES_MAX) {
		assert_int_equal(sqlite3_column_bytes(s, 0), ZTJ_DIGEST_LEN);
		memcpy(out->id[out->n++], sqlite3_column_blob(s, 0), ZTJ_DIGEST_LEN);
	}
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(db);
}

static int check_stmt(const struct hi_batch *b, const struct hi_history *h, const struct hi_stmt *s,
    const struct ids *store)
{
	unsigned stored = 0, logged = 0;
	bool sure = false;
	char hex[ZTJ_HEX_SIZE];

	for (size_t i = 0; i < s->nposts; i++)
		sure = sure ||
		    ((s->post[i].status == 200 || s->post[i].status == 201) &&
			(b->restored == 0 || s->post[i].t0 >= b->restored || s->post[i].t1 <= b->backup));
	ztj_hex(s->id, ZTJ_DIGEST_LEN, hex);
	for (size_t i = 0; i < store->n; i++)
		stored += memcmp(store->id[i], s->id, ZTJ_DIGEST_LEN) == 0;
	for (size_t i = 0; i < seen.n; i++)
		logged += strcmp(text_of(i, "statement"), hex) == 0 &&
		    strcmp(text_of(i, "kind"), "statement") == 0 &&
		    strcmp(text_of(i, "outcome"), "accepted") == 0;
	if (stored == logged && stored <= 1 && (!sure || stored == 1))
		return 0;
	printf("ANOMALY: %s statement %s stands %u times in the store, %u times in the log\n",
	    sure ? "acknowledged" : "a", hex, stored, logged);
	if (h != NULL)
		hi_print(b, h);
	return 1;
}

static int check_stmts(const struct hi_batch *b)
{
	struct ids store;
	int bad = 0;

	read_store(&b->b, &store);
	for (size_t i = 0; i < b->n && bad < 3; i++)
		for (size_t k = 0; k < b->h[i].nstmts; k++)
			if (b->h[i].stmt[k].made)
				bad += check_stmt(b, &b->h[i], &b->h[i].stmt[k], &store);
	for (size_t i = 0; i < b->ngone; i++)
		if (b->gone[i].made)
			bad += check_stmt(b, NULL, &b->gone[i], &store);
	free(store.id);
	return bad;
}

/* --- decisions --- */

static void own_lines(const struct hi_batch *b, int host, struct ztj_buf *out)
{
	char path[256];
	glob_t g;

	ztj_buf_reset(out);
	(void)snprintf(path, sizeof(path), "%s/state/spool/decisions-*.jsonl", b->agent_dir[host]);
	if (glob(path, 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			read_file(g.gl_pathv[i], out);
		globfree(&g);
	}
	(void)snprintf(path, sizeof(path), "%s/state/spool/decisions.jsonl", b->agent_dir[host]);
	read_file(path, out);
}

/* As the leaves hold them: "\\x5c" stands for a backslash. */
static void leaf_lines(const struct hi_batch *b, int host, struct ztj_buf *out)
{
	ztj_buf_reset(out);
	for (size_t i = 0; i < seen.n; i++) {
		const char *s = text_of(i, "line");

		if (strcmp(text_of(i, "kind"), "decision") != 0 ||
		    strcmp(text_of(i, "host"), b->b.w.host[FX_WEB1 + host].full) != 0)
			continue;
		for (; *s != '\0'; s++) {
			bool escaped = strncmp(s, "\\x5c", 4) == 0;

			ok(ztj_buf_put(out, escaped ? "\\" : s, 1));
			s += escaped ? 3 : 0;
		}
		ok(ztj_buf_put(out, "\n", 1));
	}
}

/* Every yes that was heard was written down first. */
static int check_admissions(const struct hi_batch *b, int host, struct ztj_buf *lines)
{
	char what[256], hex[ZTJ_HEX_SIZE];
	int bad = 0;

	for (size_t i = 0; i < b->n; i++)
		for (int link = 0; link < (int)b->h[i].nlinks; link++) {
			unsigned heard = 0, written = 0;

			for (size_t k = 0; k < b->h[i].nsessions; k++)
				heard += b->h[i].session[k].node == host + 1 &&
				    b->h[i].session[k].link == link;
			for (size_t k = 0; k < b->h[i].nstmts && heard > 0; k++)
				if (b->h[i].stmt[k].kind == HI_REQUEST && b->h[i].stmt[k].link == link)
					ztj_hex(b->h[i].stmt[k].id, ZTJ_DIGEST_LEN, hex);
			for (const char *at = ztj_buf_str(lines); heard > 0 && at != NULL && *at != '\0';) {
				const char *end = strchr(at, '\n');
				(void)snprintf(what, sizeof(what), "\"grant\":\"%s\"", hex);
				const char *grant = strstr(at, what),
					   *open = strstr(at, "\"event\":\"open\",\"code\":\"ok\"");

				written += grant != NULL && open != NULL && end != NULL && grant < end &&
				    open < end;
				at = end != NULL ? end + 1 : NULL;
			}
			if (written < heard) {
				printf("ANOMALY at host %d: %u admissions, %u in its log\n", host + 1, heard,
				    written);
				hi_print(b, &b->h[i]);
				bad++;
			}
		}
	return bad;
}

static int check_decisions(struct hi_batch *b, struct ztj_logcheck *c)
{
	struct ztj_buf own, theirs;
	int bad = 0;

	ztj_buf_init(&own, (size_t)64 * 1024 * 1024);
	ztj_buf_init(&theirs, (size_t)64 * 1024 * 1024);
	for (int host = 0; host < HI_HOSTS; host++) {
		bool same = false;

		for (int i = 0; i < 100 && !same; i++) {
			if (i > 0) {
				(void)poll(NULL, 0, 200);
				ok(audit(&b->b, NULL, c));
			}
			own_lines(b, host, &own);
			leaf_lines(b, host, &theirs);
			same = own.n > 0 && ztj_view_eq(ztj_buf_view(&own), ztj_buf_view(&theirs));
		}
		if (!same) {
			size_t at = 0;

			while (at < own.n && at < theirs.n && own.p[at] == theirs.p[at])
				at++;
			printf(
			    "ANOMALY: of %zu bytes that host %d decided the log holds %zu; from byte %zu on they differ:\n%.700s\n%.700s\n",
			    own.n, host + 1, theirs.n, at, ztj_buf_str(&own) + (at > 300 ? at - 300 : 0),
			    ztj_buf_str(&theirs) + (at > 300 ? at - 300 : 0));
			bad++;
		}
		bad += check_admissions(b, host, &own);
	}
	ztj_buf_free(&own);
	ztj_buf_free(&theirs);
	return bad;
}

/* --- what an auditor remembers --- */

static bool lost_before(const struct hi_batch *b, double t)
{
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < b->h[i].nstmts; k++)
			for (size_t n = 0; n < b->h[i].stmt[k].nposts; n++) {
				const struct hi_post *p = &b->h[i].stmt[k].post[n];

				if (p->status == 201 && p->t0 > b->copied && p->t1 < t)
					return true;
			}
	return false;
}

static int check_memory(struct hi_batch *b, struct ztj_logcheck *c)
{
	int bad = 0;

	for (size_t i = 0; i < b->nkept; i++) {
		int r = audit(&b->b, &b->kept[i], c);
		bool gone = b->restored != 0 && b->kept_at[i] > b->backup && b->kept_at[i] < b->restored;

		b->noticed += gone && r != ZTJ_OK;
		if (r != ZTJ_OK ? !gone || (r != ZTJ_LOG_FORK && r != ZTJ_LOG_ROLLBACK)
				: gone && lost_before(b, b->kept_at[i] - 2)) {
			printf(
			    "ANOMALY: the log of seed %llu and what was remembered of it at %.3f (%llu leaves): %s: %s\n",
			    (unsigned long long)b->seed, b->kept_at[i] - b->begun,
			    (unsigned long long)b->kept[i].size,
			    r == ZTJ_OK ? "a rollback is not noticed" : ztj_err_name(r), c->text);
			bad++;
		}
	}
	return bad;
}

int hi_after(struct hi_batch *b)
{
	static struct ztj_logcheck c;
	struct ztj_checkpoint before = { .size = 0 };
	int bad, r;

	/* The last leaves come into a checkpoint a moment later. */
	for (int i = 0; i < 50; i++) {
		(void)poll(NULL, 0, 200);
		if (checkpoint(&b->b, &seen.head) && seen.head.size == before.size && i > 5)
			break;
		before = seen.head;
	}
	r = audit(&b->b, NULL, &c);
	if (r != ZTJ_OK) {
		printf("ANOMALY: the log does not verify: %s: %s\n", ztj_err_name(r), c.text);
		return 1;
	}
	bad = check_stmts(b);
	bad += check_decisions(b, &c);
	bad += check_memory(b, &c);
	forget();
	return bad;
}
