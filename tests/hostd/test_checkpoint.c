/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A host as a witness: what it remembers of the broker's audit log, and when it says so aloud. */
#include "tests/hostd/rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/checkpoint.h"

static struct rig rig;
#define R (&rig)
static char status_checkpoint[ZTJ_STATUS_CHECKPOINT_MAX + 1];

/* Witnesses of the log, and when each cosigned the next checkpoint; 0: it did not. spoilt: not what it signed. */
static struct ztj_seckey witness[2];
static struct ztj_note_key witness_key[2];
static int64_t cosigned[2];
static bool spoilt;

static int setup(void **state)
{
	(void)state;
	rig_open(R, NULL);
	return 0;
}

/* A policy that demands both of them, within an hour. */
static int setup_witnesses(void **state)
{
	static char broker[2048];
	const struct fx_policy p = { .version = 2, .broker = broker };
	struct ztj_buf vkey[2];

	(void)state;
	for (uint8_t i = 0; i < 2; i++) {
		uint8_t seed[32] = { (uint8_t)(200 + i) };
		char name[] = { 'w', '.', (char)('a' + i), '\0' };

		ok(ztj_seckey_from_seed(&witness[i], seed));
		ok(ztj_note_key_typed(ZTJ_NOTE_COSIGNATURE, name, &witness[i].pub, &witness_key[i]));
		ztj_buf_init(&vkey[i], 1024);
		ok(ztj_note_vkey(&witness_key[i], &vkey[i]));
		cosigned[i] = 0;
	}
	(void)snprintf(broker, sizeof(broker),
	    "witnesses = ( { key = \"%s\"; url = \"https://a\"; }, { key = \"%s\"; url = \"https://b\"; } ); witness_quorum = 2; "
	    "witness_max_age = \"1h\";",
	    ztj_buf_str(&vkey[0]), ztj_buf_str(&vkey[1]));
	ztj_buf_free(&vkey[0]);
	ztj_buf_free(&vkey[1]);
	spoilt = false;
	rig_open(R, &p);
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
	for (int i = 0; i < 2; i++) {
		text.p[text.n - 10] ^= spoilt ? 1 : 0;
		if (cosigned[i] != 0)
			ok(ztj_cosign_line(&witness_key[i], &witness[i], ztj_buf_view(&text), cosigned[i],
			    &note));
	}
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

/* What the agent writes goes there from now on; the same gate, started again. */
static void agents_own_log(char path[64])
{
	int fd, before = dup(STDERR_FILENO);

	(void)snprintf(path, 64, "/tmp/ztjit-agent-log.XXXXXX");
	fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0 && before >= 0);
	rig_kill(R);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	rig_start(R);
	assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
	(void)close(before);
	(void)close(fd);
}

static unsigned alarms_in(const char *path, int code)
{
	char line[4096];
	unsigned n = 0;
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, "ALARM: ") != NULL && strstr(line, ztj_err_text(code)) != NULL;
	(void)fclose(f);
	return n;
}

/* A broker that says now this, now that, does not push the decisions out of the host's own log; the agent's own has every alarm. */
static void test_W03_alarms_are_bounded(void **state)
{
	char path[64];

	(void)state;
	agents_own_log(path);
	for (int i = 0; i < 30; i++) {
		checkpoint(10, 1, &R->w.log);
		beat();
		checkpoint(9, 1, &R->w.log);
		beat();
	}
	assert_int_equal(alarms("log-rollback"), 20);
	assert_int_equal(alarms("rate-limited"), 1);
	assert_int_equal(alarms_in(path, ZTJ_LOG_ROLLBACK), 30);
	assert_int_equal(alarms_in(path, ZTJ_RATE_LIMITED), 1);
	rig_sleep(R, 600);
	checkpoint(10, 1, &R->w.log);
	beat();
	checkpoint(9, 1, &R->w.log);
	beat();
	assert_int_equal(alarms("log-rollback"), 21);
	assert_int_equal(alarms_in(path, ZTJ_LOG_ROLLBACK), 31);
	(void)unlink(path);
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

/* --- witnesses that the policy demands --- */

static int64_t now_on_the_host(void)
{
	return R->shared->now.sys;
}

static void test_cosigned(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		cosigned[0] = cosigned[1] = now_on_the_host();
		checkpoint(10 + (uint64_t)i, (uint8_t)i, &R->w.log);
		rig_sleep(R, 5);
		beat();
	}
	assert_int_equal(alarms("not-cosigned") + alarms("cosigned-long-ago") + alarms("bad-signature"), 0);
}

/* One is missing: said once, by name, after a while in which the broker may ask. It is a heartbeat all the same. */
static void test_not_enough_cosigned(void **state)
{
	struct rig_grant g;
	char *cert;

	(void)state;
	cosigned[0] = now_on_the_host();
	for (int i = 0; i < 59; i++) {
		checkpoint(10 + (uint64_t)i, (uint8_t)i, &R->w.log);
		beat();
	}
	assert_int_equal(alarms("not-cosigned"), 0);
	for (int i = 0; i < 10; i++) {
		checkpoint(100 + (uint64_t)i, (uint8_t)i, &R->w.log);
		beat();
	}
	assert_int_equal(alarms("not-cosigned"), 1);
	assert_int_equal(rig_alarms(R, "cosigned by 1 of 2 witnesses; missing: w.b"), 1);
	/* the log is remembered as before: that is another guard */
	checkpoint(99, 1, &R->w.log);
	beat();
	assert_int_equal(alarms("log-rollback"), 1);
	/* and nobody is locked out */
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	rig_cert(R, &g, &R->w.person[FX_REQ1].key, NULL, &cert);
	rig_proc(R, 200, 0, "/system.slice/ssh.service", 0);
	ok(rig_login(R, "root", cert));
	rig_grant_free(&g);
	free(cert);
	/* when it is back that is no news; when it goes again, it is */
	cosigned[1] = now_on_the_host();
	checkpoint(200, 1, &R->w.log);
	beat();
	cosigned[1] = 0;
	checkpoint(201, 1, &R->w.log);
	beat();
	assert_int_equal(alarms("not-cosigned"), 1);
	rig_sleep(R, 295);
	checkpoint(202, 1, &R->w.log);
	beat();
	assert_int_equal(alarms("not-cosigned"), 2);
}

static void test_cosigned_long_ago(void **state)
{
	(void)state;
	cosigned[0] = now_on_the_host();
	cosigned[1] = cosigned[0] - 3000;
	checkpoint(10, 1, &R->w.log);
	beat();
	assert_int_equal(alarms("cosigned-long-ago"), 0);
	rig_sleep(R, 600);
	rig_status_now(R);
	beat();
	beat();
	assert_int_equal(alarms("cosigned-long-ago"), 1);
}

/* A cosignature of another checkpoint, or one that nobody made, is said at once. */
static void test_A01_cosignature_is_wrong(void **state)
{
	(void)state;
	cosigned[0] = cosigned[1] = now_on_the_host();
	spoilt = true;
	checkpoint(10, 1, &R->w.log);
	beat();
	assert_int_equal(alarms("bad-signature"), 1);
	/* what runs ahead of every clock does not count */
	spoilt = false;
	cosigned[1] = now_on_the_host() + 86400;
	checkpoint(11, 1, &R->w.log);
	beat();
	rig_sleep(R, 300);
	beat();
	assert_int_equal(rig_alarms(R, "missing: w.b (its clock is ahead)"), 1);
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
		cmocka_unit_test_setup_teardown(test_cosigned, setup_witnesses, teardown),
		cmocka_unit_test_setup_teardown(test_not_enough_cosigned, setup_witnesses, teardown),
		cmocka_unit_test_setup_teardown(test_cosigned_long_ago, setup_witnesses, teardown),
		cmocka_unit_test_setup_teardown(test_A01_cosignature_is_wrong, setup_witnesses, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
