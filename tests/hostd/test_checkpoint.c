/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A host as a witness: what it remembers of the broker's audit log, and when it says so aloud. */
#include "tests/hostd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/checkpoint.h"

static struct rig rig;
#define R (&rig)
static char status_checkpoint[ZTJ_STATUS_CHECKPOINT_MAX + 1];

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

/* The next status carries a checkpoint like this, signed by the log key of the policy or by another. */
static void checkpoint(uint64_t size, uint8_t root, const struct soft_key *key)
{
	struct ztj_note_key k;
	struct ztj_buf text, raw, note, b64;
	ztj_hash hash = { root };

	ztj_buf_init(&text, 4096);
	ztj_buf_init(&raw, 4096);
	ztj_buf_init(&note, 4096);
	ztj_buf_init(&b64, ZTJ_STATUS_CHECKPOINT_MAX + 1);
	ok(ztj_note_key_make("example/ztjit", &key->pub, &k));
	ok(ztj_buf_printf(&text, "example/ztjit\n%llu\n", (unsigned long long)size));
	ok(ztj_b64_encode(ztj_view_of(hash, sizeof(hash)), &text));
	ok(ztj_buf_puts(&text, "\n"));
	ok(ztj_buf_put(&raw, k.id, sizeof(k.id)));
	soft_key_sign_raw(key, ztj_buf_view(&text), &raw);
	ok(ztj_buf_put(&note, text.p, text.n));
	ok(ztj_buf_puts(&note, "\n\xe2\x80\x94 example/ztjit "));
	ok(ztj_b64_encode(ztj_buf_view(&raw), &note));
	ok(ztj_buf_puts(&note, "\n"));
	ok(ztj_b64_encode(ztj_buf_view(&note), &b64));
	(void)snprintf(status_checkpoint, sizeof(status_checkpoint), "%s", ztj_buf_str(&b64));
	R->w.checkpoint = status_checkpoint;
	ztj_buf_free(&text);
	ztj_buf_free(&raw);
	ztj_buf_free(&note);
	ztj_buf_free(&b64);
}

/* A heartbeat later than the last one. */
static void beat(void)
{
	rig_sleep(R, 5);
	rig_status_now(R);
	rig_sync(R);
}

/* How many alarms with this code the host's own log holds. */
static unsigned alarms(const char *code)
{
	char path[512], line[4096], want[64];
	unsigned n = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/spool/decisions.jsonl", R->conf.state);
	(void)snprintf(want, sizeof(want), "\"code\":\"%s\"", code);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, "\"event\":\"alarm\"") != NULL && strstr(line, want) != NULL;
	(void)fclose(f);
	return n;
}

static void test_growth_is_no_news(void **state)
{
	(void)state;
	beat(); /* a broker without a log yet */
	checkpoint(10, 1, &R->w.log);
	beat();
	beat();
	checkpoint(11, 2, &R->w.log);
	beat();
	assert_int_equal(alarms("log-rollback") + alarms("log-fork") + alarms("not-found"), 0);
}

static void test_G06_shorter_than_before(void **state)
{
	(void)state;
	checkpoint(10, 1, &R->w.log);
	beat();
	checkpoint(9, 1, &R->w.log);
	beat();
	beat(); /* once, not with every heartbeat */
	assert_int_equal(alarms("log-rollback"), 1);
	/* it goes on where it was */
	checkpoint(12, 3, &R->w.log);
	beat();
	checkpoint(11, 3, &R->w.log);
	beat();
	assert_int_equal(alarms("log-rollback"), 2);
}

/* A database that was put back lacks revocations that the host holds: no heartbeat, but the log is looked at all the same. */
static void test_G06_shorter_in_a_status_that_does_not_match(void **state)
{
	struct fx_signed s, rev;

	(void)state;
	checkpoint(10, 1, &R->w.log);
	beat();
	fx_revoke_name(&R->w, &R->w.registrar[0], false, "people/req2", 1, R->w.now + 60, &rev);
	rig_news(R, &rev);
	checkpoint(9, 1, &R->w.log);
	rig_sleep(R, 5);
	fx_status(&R->w, &R->w.online, &s); /* of a broker that never heard of it */
	rig_news(R, &s);
	assert_int_equal(alarms("log-rollback"), 1);
	fx_signed_free(&s);
	fx_signed_free(&rev);
}

static void test_A01_fork(void **state)
{
	(void)state;
	checkpoint(10, 1, &R->w.log);
	beat();
	checkpoint(10, 2, &R->w.log);
	beat();
	assert_int_equal(alarms("log-fork"), 1);
}

static void test_withheld(void **state)
{
	(void)state;
	checkpoint(10, 1, &R->w.log);
	beat();
	R->w.checkpoint = NULL;
	beat();
	assert_int_equal(alarms("not-found"), 1);
}

static void test_by_another_key(void **state)
{
	(void)state;
	checkpoint(10, 1, &R->w.online);
	beat();
	assert_int_equal(alarms("wrong-signer"), 1);
	/* and it was not believed */
	checkpoint(5, 1, &R->w.log);
	beat();
	assert_int_equal(alarms("log-rollback"), 0);
}

static void test_remembers_across_a_restart(void **state)
{
	(void)state;
	checkpoint(10, 1, &R->w.log);
	beat();
	rig_kill(R);
	rig_start(R);
	checkpoint(9, 1, &R->w.log);
	beat();
	assert_int_equal(alarms("log-rollback"), 1);
}

/* Yesterday's heartbeat played again tells of yesterday's log: that is no rollback. */
static void test_old_status_again(void **state)
{
	struct fx_signed old;

	(void)state;
	checkpoint(10, 1, &R->w.log);
	rig_sleep(R, 5);
	fx_status(&R->w, &R->w.online, &old);
	rig_news(R, &old);
	checkpoint(20, 2, &R->w.log);
	beat();
	rig_news(R, &old);
	rig_sync(R);
	assert_int_equal(alarms("log-rollback"), 0);
	fx_signed_free(&old);
}

/* A broker that says now this, now that, does not push the decisions out of the host's own log. */
static void test_W03_alarms_are_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++) {
		checkpoint(10, 1, &R->w.log);
		beat();
		checkpoint(9, 1, &R->w.log);
		beat();
	}
	assert_int_equal(alarms("log-rollback"), 20);
	assert_int_equal(alarms("rate-limited"), 1);
	rig_sleep(R, 600);
	checkpoint(10, 1, &R->w.log);
	beat();
	checkpoint(9, 1, &R->w.log);
	beat();
	assert_int_equal(alarms("log-rollback"), 21);
}

/* What a witness remembers allows nothing: without it the host works, and says what it lost. */
static void test_A01_a_memory_that_is_damaged(void **state)
{
	char path[512];
	FILE *f;

	(void)state;
	checkpoint(10, 1, &R->w.log);
	beat();
	rig_kill(R);
	(void)snprintf(path, sizeof(path), "%s/checkpoint", R->conf.state);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs("10 nonsense\n", f);
	assert_int_equal(fclose(f), 0);
	rig_start(R);
	beat();
	assert_int_equal(alarms("bad-encoding"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_growth_is_no_news, setup, teardown),
		cmocka_unit_test_setup_teardown(test_G06_shorter_than_before, setup, teardown),
		cmocka_unit_test_setup_teardown(test_G06_shorter_in_a_status_that_does_not_match, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_A01_fork, setup, teardown),
		cmocka_unit_test_setup_teardown(test_withheld, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_another_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remembers_across_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_status_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_W03_alarms_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_A01_a_memory_that_is_damaged, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
