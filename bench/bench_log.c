/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * bench_log: in the current directory, leaves of the audit log a second, each durable before the next question, one and 64 at a time, by the
 * code of the broker's store, against bare SQLite inserts of the same bytes on the same disk; and the check of a million leaves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report.h"
#include "libztjit/core/logcheck.h"
#include "ztjit-broker/audit.h"

#define ROUNDS 15
#define MILLION 1000000u
#define CHECKS 3

static struct store st = { .reserve = -1 };
static sqlite3 *bare;
static sqlite3_stmt *insert;

static void event(struct ztj_event *e)
{
	static const uint8_t digest[ZTJ_DIGEST_LEN] = { 1, 2, 3 };
	static const char *const hosts[] = { "servers/web1.example" };
	static const char *const keys[] = { "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };

	*e = (struct ztj_event){ .kind = "statement",
		.outcome = "accepted",
		.type = "request",
		.statement = digest,
		.request = digest,
		.person = "people/alice",
		.by = "people/alice",
		.keys = { keys, 1 },
		.hosts = { hosts, 1 },
		.role = "root-shell",
		.address = "192.0.2.17",
		.duration = 1800,
		.reason = "disk full on web1, INC-4711" };
}

static void open_both(void)
{
	must_ok(db_open("log.db", &st.db));
	st.audit = calloc(1, sizeof(*st.audit));
	if (st.audit == NULL)
		bench_fail("out of memory");
	must_ok(audit_load(&st));
	if (sqlite3_open("bare.db", &bare) != SQLITE_OK ||
	    sqlite3_exec(bare,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		"CREATE TABLE event(n INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT",
		NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(bare, "INSERT INTO event(entry) VALUES(?1)", -1, &insert, NULL) != SQLITE_OK)
		bench_fail("bare.db: %s", sqlite3_errmsg(bare));
}

/* Leaves a second with so many in one transaction. */
static double ours(unsigned batch, unsigned batches)
{
	double t = bench_now();

	for (unsigned i = 0; i < batches; i++) {
		for (unsigned k = 0; k < batch; k++) {
			struct ztj_event e;

			event(&e);
			must_ok(audit_add(&st, &e));
		}
		must_ok(db_commit(st.db));
	}
	return batch * batches / (bench_now() - t);
}

static double theirs(unsigned batch, unsigned batches, struct ztj_view leaf)
{
	double t = bench_now();

	for (unsigned i = 0; i < batches; i++) {
		bool good = sqlite3_exec(bare, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;

		for (unsigned k = 0; good && k < batch; k++) {
			good = sqlite3_bind_blob64(insert, 1, leaf.p, leaf.n, SQLITE_STATIC) == SQLITE_OK &&
			    sqlite3_step(insert) == SQLITE_DONE && sqlite3_reset(insert) == SQLITE_OK;
		}
		if (!good || sqlite3_exec(bare, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
			bench_fail("%s", sqlite3_errmsg(bare));
	}
	return batch * batches / (bench_now() - t);
}

static void append(const char *row, const char *what, unsigned batch, struct ztj_view leaf)
{
	double a[ROUNDS], b[ROUNDS];
	unsigned batches = batch == 1 ? 200 : 30;

	for (size_t i = 0; i < ROUNDS; i++) {
		a[i] = ours(batch, batches);
		b[i] = theirs(batch, batches, leaf);
	}
	const struct bench_row r = { .row = row,
		.what = what,
		.unit = "1/s",
		.ours = "audit log",
		.peer = "SQLite inserts",
		.a = a,
		.b = b,
		.n = ROUNDS };
	bench_report(&r);
}

/* Every leaf parsed, hashed, placed; bundles made beforehand. */
static double check_once(const struct ztj_buf *bundle, unsigned n)
{
	struct ztj_logcheck *c = calloc(1, sizeof(*c));
	double t = bench_now();

	if (c == NULL)
		bench_fail("out of memory");
	for (unsigned i = 0; i < n / ZTJ_TILE_WIDTH; i++)
		must_ok(ztj_logcheck_bundle(c, ztj_buf_view(&bundle[i]), ZTJ_TILE_WIDTH));
	must_ok(ztj_logcheck_end(c));
	free(c);
	return bench_now() - t;
}

static void verify(void)
{
	unsigned n = MILLION / ZTJ_TILE_WIDTH * ZTJ_TILE_WIDTH;
	struct ztj_buf *bundle = calloc(n / ZTJ_TILE_WIDTH, sizeof(*bundle)), leaf;
	double s[CHECKS];

	if (bundle == NULL)
		bench_fail("out of memory");
	ztj_buf_init(&leaf, ZTJ_ENTRY_MAX);
	for (unsigned i = 0; i < n; i++) {
		struct ztj_buf *b = &bundle[i / ZTJ_TILE_WIDTH];
		struct ztj_event e;

		if (i % ZTJ_TILE_WIDTH == 0)
			ztj_buf_init(b, 1 << 20);
		event(&e);
		e.n = i;
		e.time = 1800000000;
		ztj_buf_reset(&leaf);
		must_ok(ztj_event_write(&e, &leaf));
		must_ok(ztj_entry_put(b, ztj_buf_view(&leaf)));
	}
	for (size_t i = 0; i < CHECKS; i++)
		s[i] = check_once(bundle, n);
	const struct bench_row r = { .row = "log-verify",
		.what = "audit log of 1,000,000 leaves: each parsed, hashed and led to the root",
		.unit = "s",
		.ours = "check",
		.a = s,
		.n = CHECKS };
	bench_report(&r);
	for (unsigned i = 0; i < n / ZTJ_TILE_WIDTH; i++)
		ztj_buf_free(&bundle[i]);
	free(bundle);
	ztj_buf_free(&leaf);
}

int main(void)
{
	struct ztj_event e;
	struct ztj_buf leaf;

	ztj_buf_init(&leaf, ZTJ_ENTRY_MAX);
	event(&e);
	e.time = 1800000000;
	must_ok(ztj_event_write(&e, &leaf));
	open_both();
	append("log-append-1", "leaves of the audit log a second, each durable before the next", 1,
	    ztj_buf_view(&leaf));
	append("log-append-64", "the same with 64 clients: one sync for what came together", 64,
	    ztj_buf_view(&leaf));
	verify();
	ztj_buf_free(&leaf);
	(void)sqlite3_finalize(insert);
	(void)sqlite3_close(bare);
	audit_free(st.audit);
	db_close(st.db);
	return 0;
}
