/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A longer log is believed only with the proof that it begins with the one before: a broker that made history anew is caught. */
#include "tests/hostd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libztjit/core/growth.h"

#define LEAVES 200
#define LOG_SEED "ztjit test key 8" /* of the fixture's log key */
#define NONE UINT64_MAX

static struct rig rig;
#define R (&rig)
static char status_checkpoint[ZTJ_STATUS_CHECKPOINT_MAX + 1];
static ztj_hash leaves[LEAVES];

static int setup(void **state)
{
	(void)state;
	rig_open(R, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close(R);
	return 0;
}

/* ---- a broker's log in memory: `changed`, the leaf that says something else ---- */

static void make_leaves(uint64_t changed)
{
	char text[32];

	for (size_t i = 0; i < LEAVES; i++) {
		(void)snprintf(text, sizeof(text), "%s%zu", i == changed ? "other " : "leaf ", i);
		ok(ztj_merkle_leaf(ztj_view_str(text), leaves[i]));
	}
}

static int read_leaves(void *arg, const struct ztj_tile *t, ztj_hash *out)
{
	(void)arg;
	assert_int_equal(t->level, 0);
	memcpy(out, leaves, t->width * sizeof(out[0]));
	return ZTJ_OK;
}

static struct ztj_checkpoint log_of(uint64_t size)
{
	const struct ztj_tiles tiles = { read_leaves, NULL, size };
	struct ztj_checkpoint c = { .size = size };

	ok(ztj_tlog_root_at(&tiles, size, c.root));
	return c;
}

/* A heartbeat with the checkpoint of so many leaves. */
static void beat(uint64_t size)
{
	struct ztj_checkpoint c = log_of(size);
	uint8_t seed[ZTJ_DIGEST_LEN];
	struct ztj_seckey key;
	struct ztj_buf note, b64;

	ok(ztj_sha256(ztj_view_str(LOG_SEED), seed));
	ok(ztj_seckey_from_seed(&key, seed));
	assert_true(ztj_key_equal(&key.pub, &R->w.log.pub));
	ztj_buf_init(&note, 4096);
	ztj_buf_init(&b64, ZTJ_STATUS_CHECKPOINT_MAX + 1);
	ok(ztj_checkpoint_sign(&key, "example", &c, &note));
	ok(ztj_b64_encode(ztj_buf_view(&note), &b64));
	(void)snprintf(status_checkpoint, sizeof(status_checkpoint), "%s", ztj_buf_str(&b64));
	R->w.checkpoint = status_checkpoint;
	ztj_buf_free(&note);
	ztj_buf_free(&b64);
	rig_sleep(R, 5);
	rig_status_now(R);
	rig_sync(R);
}

/* What the gate asks the mirror for by now; false: nothing. */
static bool asked(uint64_t *from, uint64_t *to)
{
	struct ztj_ipc_in in;
	struct ztj_rd rd;
	bool found = false;

	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	while (ztj_ipc_recv(R->mirror, &in, ztj_ipc_now_ms() + 200) == ZTJ_OK) {
		if (in.type == ZTJ_MSG_GROWTH) {
			assert_false(found); /* one at a time */
			found = true;
			ztj_rd_init(&rd, in.body);
			ok(ztj_rd_u64(&rd, from));
			ok(ztj_rd_u64(&rd, to));
			ok(ztj_rd_end(&rd));
		}
		ztj_ipc_in_reset(&in);
	}
	ztj_ipc_in_free(&in);
	return found;
}

static void expect_asked(uint64_t from, uint64_t to)
{
	uint64_t m = 0, n = 0;

	assert_true(asked(&m, &n));
	assert_int_equal(m, from);
	assert_int_equal(n, to);
}

static void reply(uint32_t status, struct ztj_view body)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_GROWN));
	ok(ztj_buf_put_u32(&b, status));
	ok(ztj_buf_put_view(&b, body));
	ok(ztj_ipc_finish(&b));
	ok(ztj_ipc_send(R->mirror, ztj_buf_view(&b), -1, ztj_ipc_now_ms() + 5000));
	ztj_buf_free(&b);
	rig_sync(R);
}

/* As the log that is in memory proves it; spoil: that byte of it is another one. */
static void prove(uint64_t from, uint64_t to, size_t spoil)
{
	const struct ztj_tiles tiles = { read_leaves, NULL, to };
	struct ztj_growth_proof p = { .from = from, .to = to };
	struct ztj_buf json;

	ok(ztj_tlog_prove_growth(&tiles, from, to, p.path, &p.n));
	if (spoil < p.n * ZTJ_DIGEST_LEN)
		p.path[spoil / ZTJ_DIGEST_LEN][spoil % ZTJ_DIGEST_LEN] ^= 1;
	ztj_buf_init(&json, ZTJ_GROWTH_JSON_MAX);
	ok(ztj_growth_write(&p, &json));
	reply(200, ztj_buf_view(&json));
	ztj_buf_free(&json);
}

/* How many alarms with this code the host's own log holds. */
static unsigned alarms(const char *code)
{
	char path[512], want[96];
	struct ztj_buf text;
	unsigned n = 0;

	(void)snprintf(path, sizeof(path), "%s/spool/decisions.jsonl", R->conf.state);
	(void)snprintf(want, sizeof(want), "\"event\":\"alarm\",\"code\":\"%s\"", code);
	ztj_buf_init(&text, 1 << 20);
	read_file(path, &text);
	for (const char *at = ztj_buf_str(&text); at != NULL && (at = strstr(at, want)) != NULL; at++)
		n++;
	ztj_buf_free(&text);
	return n;
}

/* The size that stands in the file of what was proved. */
static uint64_t proved(void)
{
	struct ztj_checkpoint c;
	struct ztj_buf text;
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/proved", R->conf.state);
	ztj_buf_init(&text, 4096);
	read_file(path, &text);
	ok(ztj_checkpoint_kept(ztj_buf_view(&text), &c));
	ztj_buf_free(&text);
	return c.size;
}

/* ---- tests ---- */

static void test_growth_that_is_proved(void **state)
{
	uint64_t m, n;

	(void)state;
	make_leaves(NONE);
	beat(10);
	assert_false(asked(&m, &n)); /* the first is believed */
	assert_int_equal(proved(), 10);
	beat(17);
	expect_asked(10, 17);
	beat(20);
	assert_false(asked(&m, &n)); /* the answer is waited for */
	prove(10, 17, SIZE_MAX);
	assert_int_equal(proved(), 17);
	/* not with every heartbeat: thousands of hosts ask */
	beat(25);
	beat(30);
	assert_false(asked(&m, &n));
	rig_sleep(R, 300 + 60);
	beat(31);
	expect_asked(17, 31);
	prove(17, 31, SIZE_MAX);
	assert_int_equal(proved(), 31);
	assert_int_equal(alarms("log-fork") + alarms("log-rollback") + alarms("not-found"), 0);
}

/* History made anew and made longer: only the proof tells. */
static void test_A01_rewritten_and_longer(void **state)
{
	struct rig_grant g;
	char *cert;

	(void)state;
	make_leaves(NONE);
	beat(50);
	make_leaves(13); /* one that everybody had seen */
	beat(90);
	expect_asked(50, 90);
	prove(50, 90, SIZE_MAX);
	assert_int_equal(alarms("log-fork"), 1);
	assert_int_equal(proved(), 50);
	/* it goes on asking, and the old one is remembered across a restart */
	rig_sleep(R, 60);
	beat(91);
	expect_asked(50, 91);
	prove(50, 91, SIZE_MAX);
	assert_int_equal(alarms("log-fork"), 1);
	rig_kill(R);
	rig_start(R);
	rig_link(R, true);
	beat(120);
	expect_asked(50, 120);
	prove(50, 120, SIZE_MAX);
	assert_int_equal(alarms("log-fork"), 2);
	/* nobody is locked out by it: the heartbeat counts */
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	rig_grant_push(R, &g);
	rig_cert(R, &g, &R->w.person[FX_REQ1].key, NULL, &cert);
	rig_proc(R, 200, 0, "/", 0);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	free(cert);
	rig_grant_free(&g);
	/* the true one again, longer than all that was shown */
	make_leaves(NONE);
	rig_sleep(R, 60);
	beat(130);
	expect_asked(50, 130);
	prove(50, 130, SIZE_MAX);
	assert_int_equal(proved(), 130);
	assert_int_equal(alarms("log-fork"), 2);
}

/* Whoever carries the questions carries none: that is said, too. */
static void test_A01_no_answer_at_all(void **state)
{
	(void)state;
	make_leaves(NONE);
	beat(10);
	beat(17);
	expect_asked(10, 17);
	rig_sleep(R, 3 * 60);
	beat(20);
	assert_int_equal(alarms("not-found"), 0);
	rig_sleep(R, 60);
	beat(21);
	beat(22);
	assert_int_equal(alarms("not-found"), 1);
	/* an answer after all, and the next */
	prove(10, 17, SIZE_MAX);
	assert_int_equal(proved(), 17);
}

/* Every bit of a proof counts; what is none at all counts as one that fails. */
static void test_A01_proofs_that_prove_nothing(void **state)
{
	static const char *const bodies[] = { "", "{}", "[]", "{\"from\":10,\"to\":77,\"proof\":[]}",
		"{\"from\":10,\"to\":77,\"proof\":[\"AAAA\"]}", "{\"from\":10,\"to\":77}", "\xff" };
	unsigned said = 0;

	(void)state;
	make_leaves(NONE);
	beat(10);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]) + 3; i++) {
		rig_sleep(R, 60);
		beat(77);
		expect_asked(10, 77);
		if (i < sizeof(bodies) / sizeof(bodies[0]))
			reply(200, ztj_view_str(bodies[i]));
		else
			prove(10, 77, (i * 37) % 100);
		said = alarms("log-fork");
		assert_int_equal(said, 1);
		assert_int_equal(proved(), 10);
	}
	/* of other logs, though sound in themselves */
	rig_sleep(R, 60);
	beat(77);
	expect_asked(10, 77);
	prove(10, 76, SIZE_MAX);
	assert_int_equal(proved(), 10);
	rig_sleep(R, 60);
	beat(77);
	expect_asked(10, 77);
	prove(11, 77, SIZE_MAX);
	assert_int_equal(proved(), 10);
	/* one that nobody asked for */
	prove(10, 77, SIZE_MAX);
	assert_int_equal(proved(), 10);
	rig_sleep(R, 60);
	beat(77);
	expect_asked(10, 77);
	prove(10, 77, SIZE_MAX);
	assert_int_equal(proved(), 77);
}

/* A broker that gives no proof at all, and one that is away for a moment. */
static void test_A01_withheld(void **state)
{
	(void)state;
	make_leaves(NONE);
	beat(10);
	for (unsigned i = 0; i < 5; i++) {
		rig_sleep(R, 60);
		beat(40);
		expect_asked(10, 40);
		reply(i % 2 == 0 ? 404 : 0, ztj_view_of(NULL, 0));
		assert_int_equal(alarms("not-found"), i < 2 ? 0 : 1);
	}
	assert_int_equal(proved(), 10);
	rig_sleep(R, 60);
	beat(40);
	expect_asked(10, 40);
	prove(10, 40, SIZE_MAX);
	assert_int_equal(proved(), 40);
	rig_sleep(R, 400);
	beat(41);
	expect_asked(40, 41);
	reply(503, ztj_view_of(NULL, 0));
	assert_int_equal(alarms("not-found"), 1);
}

/* The file of an agent that knew no proofs, and one that is damaged. */
static void test_what_was_remembered_before(void **state)
{
	char path[512];
	FILE *f;

	(void)state;
	make_leaves(NONE);
	beat(20);
	rig_kill(R);
	(void)snprintf(path, sizeof(path), "%s/proved", R->conf.state);
	assert_int_equal(remove(path), 0);
	rig_start(R);
	rig_link(R, true);
	make_leaves(3);
	beat(60);
	expect_asked(20, 60);
	prove(20, 60, SIZE_MAX);
	assert_int_equal(alarms("log-fork"), 1);
	rig_kill(R);
	assert_non_null(f = fopen(path, "we"));
	(void)fputs("7 nonsense\n", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
	rig_start(R);
	rig_link(R, true);
	beat(61);
	assert_int_equal(alarms("bad-encoding"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_growth_that_is_proved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_A01_no_answer_at_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_A01_rewritten_and_longer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_A01_proofs_that_prove_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_A01_withheld, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_remembered_before, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
