/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * bench_log: in the current directory, leaves of the audit log a second, each durable before the next question, one and 64 at a time, by the
 * code of the broker's store, against bare SQLite inserts of the same bytes on the same disk; what a leaf takes there; and of a million leaves
 * the check, and a proof out of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

#include "bench/report.h"
#include "libztjit/core/logcheck.h"
#include "tests/core/proofs.h"
#include "ztjit-broker/audit.h"
#include "ztjit-broker/counts.h"

#define ROUNDS 15
#define MILLION 1000000u
#define CHECKS 3
#define PATHS 1000

static struct store st = { .reserve = -1 };
static sqlite3 *bare;
static sqlite3_stmt *insert;
static double empty_log, empty_bare; /* bytes of the files before the first leaf */

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

static double file_size(const char *path)
{
	struct stat sb;

	if (stat(path, &sb) != 0)
		bench_fail("%s", path);
	return (double)sb.st_size;
}

static void open_both(void)
{
	must_ok(db_open("log.db", &st.db));
	st.audit = calloc(1, sizeof(*st.audit));
	if (st.audit == NULL)
		bench_fail("out of memory");
	must_ok(counts_new(&st.counts));
	must_ok(audit_load(&st));
	if (sqlite3_open("bare.db", &bare) != SQLITE_OK ||
	    sqlite3_exec(bare,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		"CREATE TABLE event(n INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT",
		NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(bare, "INSERT INTO event(entry) VALUES(?1)", -1, &insert, NULL) != SQLITE_OK)
		bench_fail("bare.db: %s", sqlite3_errmsg(bare));
	must_ok(db_recover(st.db));
	empty_log = file_size("log.db");
	empty_bare = file_size("bare.db");
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
		counts_keep(st.counts);
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

/* --- what a leaf takes on the disk --- */

/* Rows and nodes of the tree as they are in the file, and the tiles that are published of them: a bundle's entry and its hash, and a hash
 * more of each 256. */
static void disk(struct ztj_view leaf)
{
	double leaves = (double)st.audit->tree.size, rows, theirs_rows, tiles;
	double a, b;

	if (sqlite3_exec(bare, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL) != SQLITE_OK)
		bench_fail("%s", sqlite3_errmsg(bare));
	must_ok(db_recover(st.db));
	rows = (file_size("log.db") - empty_log) / leaves;
	theirs_rows = (file_size("bare.db") - empty_bare) / leaves;
	tiles = (double)leaf.n + 2 + ZTJ_DIGEST_LEN * (1 + 1.0 / (ZTJ_TILE_WIDTH - 1));
	a = rows + tiles;
	b = theirs_rows;
	const struct bench_row r = { .row = "log-disk-event",
		.what = "bytes on disk for each leaf: row, tree and published tiles",
		.unit = "B",
		.ours = "audit log",
		.peer = "SQLite row",
		.a = &a,
		.b = &b,
		.n = 1 };
	const struct bench_row bytes = { .row = "log-disk-rows",
		.what = "of these, in the database",
		.unit = "B",
		.ours = "audit log",
		.peer = "SQLite row",
		.a = &rows,
		.b = &b,
		.n = 1 };
	bench_report(&r);
	bench_report(&bytes);
}

/* --- a million leaves --- */

static struct million {
	unsigned n;
	struct ztj_buf *bundle;
	ztj_hash *level[3]; /* of the tree, as tiles hold them */
} all;

static void make_million(void)
{
	struct ztj_buf leaf;

	all.n = bench_many(MILLION) / ZTJ_TILE_WIDTH * ZTJ_TILE_WIDTH;
	all.bundle = calloc(all.n / ZTJ_TILE_WIDTH, sizeof(*all.bundle));
	for (unsigned l = 0, n = all.n; l < 3; l++, n /= ZTJ_TILE_WIDTH)
		all.level[l] = calloc(n, sizeof(ztj_hash));
	if (all.bundle == NULL || all.level[0] == NULL || all.level[1] == NULL || all.level[2] == NULL)
		bench_fail("out of memory");
	ztj_buf_init(&leaf, ZTJ_ENTRY_MAX);
	for (unsigned i = 0; i < all.n; i++) {
		struct ztj_buf *b = &all.bundle[i / ZTJ_TILE_WIDTH];
		struct ztj_event e;

		if (i % ZTJ_TILE_WIDTH == 0)
			ztj_buf_init(b, 1 << 20);
		event(&e);
		e.n = i;
		e.time = 1800000000;
		ztj_buf_reset(&leaf);
		must_ok(ztj_event_write(&e, &leaf));
		must_ok(ztj_entry_put(b, ztj_buf_view(&leaf)));
		must_ok(ztj_merkle_leaf(ztj_buf_view(&leaf), all.level[0][i]));
	}
	ztj_buf_free(&leaf);
	for (unsigned l = 1, n = all.n / ZTJ_TILE_WIDTH; l < 3; l++, n /= ZTJ_TILE_WIDTH)
		for (unsigned i = 0; i < n; i++)
			must_ok(ztj_merkle_root((const ztj_hash *)all.level[l - 1][i * ZTJ_TILE_WIDTH],
			    ZTJ_TILE_WIDTH, all.level[l][i]));
}

static void free_million(void)
{
	for (unsigned i = 0; i < all.n / ZTJ_TILE_WIDTH; i++)
		ztj_buf_free(&all.bundle[i]);
	free(all.bundle);
	for (unsigned l = 0; l < 3; l++)
		free(all.level[l]);
}

/* Every leaf parsed, hashed, placed; bundles made beforehand. */
static double check_once(void)
{
	struct ztj_logcheck *c = calloc(1, sizeof(*c));
	double t = bench_now();

	if (c == NULL)
		bench_fail("out of memory");
	for (unsigned i = 0; i < all.n / ZTJ_TILE_WIDTH; i++)
		must_ok(ztj_logcheck_bundle(c, ztj_buf_view(&all.bundle[i]), ZTJ_TILE_WIDTH));
	must_ok(ztj_logcheck_end(c));
	free(c);
	return bench_now() - t;
}

static void verify(void)
{
	double s[CHECKS];

	for (size_t i = 0; i < CHECKS; i++)
		s[i] = check_once();
	const struct bench_row r = { .row = "log-verify",
		.what = "audit log of 1,000,000 leaves: each parsed, hashed and led to the root",
		.unit = "s",
		.ours = "check",
		.a = s,
		.n = CHECKS };
	bench_report(&r);
}

/* --- a proof out of them --- */

static int give_tile(void *arg, const struct ztj_tile *t, ztj_hash *out)
{
	(void)arg;
	if (t->level > 2)
		return ZTJ_NOT_FOUND;
	memcpy(out, all.level[t->level][t->index * ZTJ_TILE_WIDTH], t->width * sizeof(out[0]));
	return ZTJ_OK;
}

/* What `ztjit audit proof` does with each bundle: its leaves are hashed and led to the root, and looked at for the request. */
static double find_once(const ztj_hash root)
{
	static const char *const texts[] = { "\"kind\":\"policy\"", "\"kind\":\"directory\"",
		"fe00000000000000000000000000000000000000000000000000000000000000" };
	const struct ztj_tiles tiles = { give_tile, NULL, all.n };
	ztj_hash hash[ZTJ_TILE_WIDTH], path[ZTJ_PROOF_MAX];
	double t = bench_now();
	size_t len;

	for (unsigned i = 0; i < all.n / ZTJ_TILE_WIDTH; i++) {
		struct ztj_view leaf;
		struct ztj_rd rd;

		ztj_rd_init(&rd, ztj_buf_view(&all.bundle[i]));
		for (unsigned k = 0; k < ZTJ_TILE_WIDTH; k++) {
			must_ok(ztj_entry_next(&rd, &leaf));
			must_ok(ztj_merkle_leaf(leaf, hash[k]));
			for (size_t w = 0; w < sizeof(texts) / sizeof(texts[0]); w++)
				if (memmem(leaf.p, leaf.n, texts[w], strlen(texts[w])) != NULL)
					bench_fail("found what is not there");
		}
		must_ok(ztj_tlog_prove(&tiles, i * ZTJ_TILE_WIDTH, all.n, path, &len));
		must_ok(
		    ztj_merkle_verify(hash[0], i * ZTJ_TILE_WIDTH, all.n, (const ztj_hash *)path, len, root));
	}
	return bench_now() - t;
}

static void find(void)
{
	const struct ztj_tiles tiles = { give_tile, NULL, all.n };
	double s[CHECKS], us[ROUNDS];
	ztj_hash root, path[ZTJ_PROOF_MAX];
	size_t len;

	must_ok(ztj_tlog_root_at(&tiles, all.n, root));
	for (size_t i = 0; i < CHECKS; i++)
		s[i] = find_once(root);
	const struct bench_row r = { .row = "log-proof-find",
		.what =
		    "what belongs to a proof looked for in 1,000,000 leaves, each hashed and led to the root",
		.unit = "s",
		.ours = "search",
		.a = s,
		.n = CHECKS };
	bench_report(&r);
	for (size_t i = 0; i < ROUNDS; i++) {
		double t = bench_cpu();

		for (unsigned k = 0; k < PATHS; k++)
			must_ok(ztj_tlog_prove(&tiles, (k * 7919u + (unsigned)i) % all.n, all.n, path, &len));
		us[i] = (bench_cpu() - t) * 1e6 / PATHS;
	}
	const struct bench_row p = { .row = "log-proof-path",
		.what = "an inclusion proof out of tiles of 1,000,000 leaves, CPU time",
		.unit = "us",
		.ours = "proof",
		.a = us,
		.n = ROUNDS };
	bench_report(&p);
}

/* Every signature of the file again, and nothing else. */
static void bare_signatures(const struct px *x)
{
	static const struct {
		int leaf;
		const char *ns;
	} all_of[] = { { PX_POLICY, "policy@ztjit" }, { PX_PEOPLE, "directory@ztjit" },
		{ PX_SERVERS, "directory@ztjit" }, { PX_REQUEST, "request@ztjit" },
		{ PX_LEAD, "approval@ztjit" }, { PX_SEC, "approval@ztjit" }, { PX_CLOSED, "head@ztjit" } };

	for (size_t i = 0; i < sizeof(all_of) / sizeof(all_of[0]); i++) {
		const struct ztj_signed *s = &x->leaf[all_of[i].leaf].st->s;
		struct ztj_signer who;

		for (size_t k = 0; k < s->nsigs; k++)
			must_ok(ztj_sshsig_verify(s->sig[k], all_of[i].ns, s->bytes, &who));
	}
}

static void proof(void)
{
	static struct px x;
	double a[ROUNDS], b[ROUNDS], size;
	struct ztj_proved proved;
	struct ztj_proof *p;
	struct ztj_buf file, said;

	px_init(&x);
	x.more = (const ztj_hash *)all.level[0];
	x.nmore = all.n - PX_LEAVES;
	px_file(&x, &file);
	size = (double)file.n / 1024;
	for (size_t i = 0; i < ROUNDS; i++) {
		double t = bench_cpu();

		ztj_buf_init(&said, 1 << 20);
		must_ok(ztj_proof_read(ztj_buf_view(&file), &p));
		must_ok(ztj_proof_check(p, &x.w.pins, NULL, &said, &proved));
		ztj_proof_free(p);
		ztj_buf_free(&said);
		a[i] = (bench_cpu() - t) * 1e3;
		t = bench_cpu();
		bare_signatures(&x);
		b[i] = (bench_cpu() - t) * 1e3;
	}
	const struct bench_row r = { .row = "log-proof-check",
		.what = "a proof of ten leaves out of 1,000,000 checked, CPU time",
		.unit = "ms",
		.ours = "check",
		.peer = "its signatures",
		.a = a,
		.b = b,
		.n = ROUNDS };
	const struct bench_row kib = { .row = "log-proof-size",
		.what = "that file",
		.unit = "KiB",
		.ours = "proof",
		.a = &size,
		.n = 1 };
	bench_report(&r);
	bench_report(&kib);
	ztj_buf_free(&file);
	px_free(&x);
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
	disk(ztj_buf_view(&leaf));
	make_million();
	verify();
	find();
	proof();
	free_million();
	ztj_buf_free(&leaf);
	(void)sqlite3_finalize(insert);
	(void)sqlite3_close(bare);
	audit_free(st.audit);
	counts_free(st.counts);
	db_close(st.db);
	return 0;
}
