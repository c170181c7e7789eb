/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Revocations that a broker lost: the gate tells from a snapshot what is lacking, and gives it back, one at a time. */
#include "tests/hostd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY 600

static struct rig rig;
#define R (&rig)
static struct fx_signed rev[3];

static int setup(void **state)
{
	static const char *const who[] = { "people/out1", "people/req1", "people/req2" };

	(void)state;
	rig_open(R, NULL);
	for (size_t i = 0; i < 3; i++)
		fx_revoke_name(&R->w, &R->w.registrar[0], false, who[i], 1, R->w.now + 86400, &rev[i]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		fx_signed_free(&rev[i]);
	rig_close(R);
	return 0;
}

/* ---- the mirror ---- */

static void say(uint8_t type, const uint8_t *id, uint32_t n, bool wide)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 128);
	ok(ztj_ipc_begin(&b, type));
	if (id != NULL)
		ok(ztj_buf_put(&b, id, ZTJ_DIGEST_LEN));
	ok(wide ? ztj_buf_put_u32(&b, n) : ztj_buf_put_u8(&b, (uint8_t)n));
	ok(ztj_ipc_finish(&b));
	ok(ztj_ipc_send(R->mirror, ztj_buf_view(&b), -1, ztj_ipc_now_ms() + 5000));
	ztj_buf_free(&b);
	rig_sync(R);
}

static void snapshot(bool begins)
{
	say(ZTJ_MSG_SNAPSHOT, NULL, begins, false);
}

static void posted(const struct fx_signed *s, uint32_t code)
{
	say(ZTJ_MSG_POSTED, s->id, code, true);
}

/* Which of rev[] the gate gives now, or -1; *asks: does it ask for a snapshot? */
static int given(bool *asks)
{
	struct ztj_ipc_in in;
	struct ztj_view id, json;
	struct ztj_signed s;
	struct ztj_rd rd;
	struct ztj_buf mem;
	int which = -1;

	*asks = false;
	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	ztj_buf_init(&mem, 65536);
	while (ztj_ipc_recv(R->mirror, &in, ztj_ipc_now_ms() + 200) == ZTJ_OK) {
		*asks |= in.type == ZTJ_MSG_RESYNC;
		if (in.type == ZTJ_MSG_HAND_BACK) {
			assert_int_equal(which, -1); /* one at a time */
			ztj_rd_init(&rd, in.body);
			ok(ztj_rd_bytes(&rd, ZTJ_DIGEST_LEN, &id));
			ok(ztj_rd_string(&rd, ZTJ_IPC_MAX, &json));
			ok(ztj_rd_end(&rd));
			ok(ztj_signed_from_json(json, &mem, &s));
			for (int i = 0; i < 3; i++)
				if (ztj_view_eq(s.bytes, rev[i].s.bytes) &&
				    memcmp(id.p, rev[i].id, ZTJ_DIGEST_LEN) == 0)
					which = i;
			assert_true(which >= 0);
		}
		ztj_ipc_in_reset(&in);
	}
	ztj_buf_free(&mem);
	ztj_ipc_in_free(&in);
	return which;
}

static void expect(int which)
{
	bool asks;

	assert_int_equal(given(&asks), which);
	assert_false(asks);
}

/* A status of a broker that knows of none. */
static bool asks_after(int64_t seconds)
{
	bool asks;

	rig_sleep(R, seconds);
	rig_status_now(R);
	assert_int_equal(given(&asks), -1);
	return asks;
}

static void hold_all(void)
{
	for (size_t i = 0; i < 3; i++)
		rig_news(R, &rev[i]);
}

/* ---- tests ---- */

static void test_G06_what_a_snapshot_lacks(void **state)
{
	(void)state;
	hold_all();
	expect(-1); /* what came was no snapshot */
	snapshot(true);
	rig_news(R, &rev[1]);
	expect(-1);
	snapshot(false);
	expect(0);
	posted(&rev[2], 0); /* about another */
	expect(-1);
	posted(&rev[0], 0);
	expect(2);
	posted(&rev[2], 0);
	expect(-1);
	/* and nothing of one that brings all, though it brings one twice and one that is new */
	snapshot(true);
	rig_news(R, &rev[2]);
	rig_news(R, &rev[2]);
	rig_news(R, &rev[0]);
	rig_poke(R);
	rig_news(R, &rev[1]);
	snapshot(false);
	expect(-1);
}

static void test_one_that_is_refused_and_one_that_waits(void **state)
{
	(void)state;
	hold_all();
	snapshot(true);
	snapshot(false);
	expect(0);
	posted(&rev[0], 403); /* there is no more to be done about it */
	expect(1);
	posted(&rev[1], 503); /* the others first */
	expect(-1);
	(void)usleep(1000000);
	expect(2);
	rig_link(R, false);
	posted(&rev[2], 1); /* no answer */
	(void)usleep(2500000);
	expect(-1);
	rig_link(R, true);
	(void)usleep(1000000);
	expect(1);
	posted(&rev[1], 429);
	expect(-1);
	(void)usleep(4000000);
	expect(2);
	/* a new snapshot counts anew; the answer about the old one is nothing */
	snapshot(true);
	posted(&rev[2], 0);
	rig_sleep(R, 60);
	rig_news(R, &rev[0]);
	rig_news(R, &rev[2]);
	snapshot(false);
	expect(1);
}

/* Another host gave it meanwhile: it comes with the stream. */
static void test_what_others_gave_is_left_out(void **state)
{
	(void)state;
	hold_all();
	snapshot(true);
	snapshot(false);
	expect(0);
	rig_news(R, &rev[0]);
	rig_news(R, &rev[1]);
	posted(&rev[0], 0);
	expect(2);
	rig_news(R, &rev[2]);
	posted(&rev[2], 0);
	expect(-1);
}

/* What somebody gave to the host by hand, and no snapshot tells of: statuses count fewer than there are. */
static void test_a_status_that_counts_fewer(void **state)
{
	(void)state;
	assert_false(asks_after(100));
	hold_all();
	assert_false(asks_after(1));
	assert_false(asks_after(10));
	assert_true(asks_after(52));
	assert_false(asks_after(290));
	assert_true(asks_after(20));
	/* one that counts as many is well again, whatever they are */
	for (size_t i = 0; i < 3; i++) {
		bool changed;
		ok(ztj_trust_revocation(R->w.trust, &rev[i].s, R->w.now, &changed));
	}
	assert_false(asks_after(400));
}

static void test_P2_a_mirror_that_talks_nonsense(void **state)
{
	struct fx_signed more;

	(void)state;
	hold_all();
	snapshot(false); /* of none */
	expect(-1);
	/* the last beginning counts */
	snapshot(true);
	rig_news(R, &rev[0]);
	snapshot(true);
	rig_news(R, &rev[1]);
	rig_news(R, &rev[2]);
	snapshot(false);
	expect(0);
	snapshot(false);
	expect(-1);
	rig_sleep(R, 11);
	/* a statement of no effect is not one that it brought */
	snapshot(true);
	fx_revoke_name(&R->w, &R->w.registrar[0], false, "people/out1", 1, R->w.now + 5, &more);
	more.s.bytes.n--;
	rig_news_raw(R, &more.s);
	more.s.bytes.n++;
	fx_signed_free(&more);
	rig_news(R, &rev[1]);
	rig_news(R, &rev[2]);
	snapshot(false);
	expect(0);
}

/* Every one that is given is answered so; how many until the gate asks for a snapshot, or says nothing more. */
static size_t give_all(uint32_t code, bool *asks)
{
	uint8_t id[ZTJ_DIGEST_LEN];
	struct ztj_ipc_in in;
	size_t n = 0;

	*asks = false;
	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	while (!*asks && ztj_ipc_recv(R->mirror, &in, ztj_ipc_now_ms() + 500) == ZTJ_OK) {
		*asks = in.type == ZTJ_MSG_RESYNC;
		bool given = in.type == ZTJ_MSG_HAND_BACK;
		if (given)
			memcpy(id, in.body.p, sizeof(id));
		ztj_ipc_in_reset(&in);
		if (!given)
			continue;
		n++;
		say(ZTJ_MSG_POSTED, id, code, true);
	}
	ztj_ipc_in_free(&in);
	return n;
}

/* However many there are: a snapshot in between, and no circle when none is taken. */
static void test_more_than_at_a_time(void **state)
{
	bool asks;

	(void)state;
	for (int i = 0; i < MANY; i++)
		rig_poke(R);
	snapshot(true);
	snapshot(false);
	assert_int_equal(give_all(403, &asks), 512);
	assert_true(asks);
	snapshot(true);
	snapshot(false);
	assert_int_equal(give_all(403, &asks), MANY - 512);
	assert_false(asks);
	/* asked less often then */
	assert_false(asks_after(1));
	assert_true(asks_after(60));
	assert_false(asks_after(3000));
	assert_true(asks_after(700));
	snapshot(true);
	snapshot(false);
	assert_int_equal(give_all(0, &asks), 512);
	assert_true(asks);
	/* those that were refused have their turn again, also when nothing but those is left */
	snapshot(true);
	snapshot(false);
	assert_int_equal(give_all(403, &asks), 512);
	assert_true(asks);
	snapshot(true);
	for (int i = 0; i < 3; i++)
		rig_news(R, &rev[i]);
	snapshot(false);
	assert_int_equal(give_all(403, &asks), MANY + 3 - 3 - 512);
	snapshot(true);
	snapshot(false);
	assert_int_equal(give_all(0, &asks), 512);
}

/* The signer knows all and the database does not: statuses match, and it is given them nevertheless. */
static void test_G06_statuses_that_match_say_nothing(void **state)
{
	bool changed;

	(void)state;
	hold_all();
	for (size_t i = 0; i < 3; i++)
		ok(ztj_trust_revocation(R->w.trust, &rev[i].s, R->w.now, &changed));
	snapshot(true);
	snapshot(false);
	expect(0);
	posted(&rev[0], 403);
	expect(1);
	posted(&rev[1], 0);
	expect(2);
	posted(&rev[2], 0);
	expect(-1);
	assert_false(asks_after(1));
	assert_true(asks_after(60));
	assert_false(asks_after(600));
	snapshot(true);
	for (size_t i = 0; i < 3; i++)
		rig_news(R, &rev[i]);
	snapshot(false);
	expect(-1);
	assert_false(asks_after(4000));
	assert_false(asks_after(60));
}

/* One that comes too soon after another is not compared, and another is asked for. */
static void test_P2_the_file_is_read_now_and_then(void **state)
{
	bool asks;

	(void)state;
	rig_kill(R);
	R->spread = 2;
	rig_start(R);
	rig_link(R, true);
	hold_all();
	snapshot(true);
	snapshot(false);
	snapshot(true);
	snapshot(false);
	(void)usleep(2300000);
	assert_in_range(given(&asks) + 1, 0, 1); /* the first may have begun */
	assert_true(asks);
	rig_sleep(R, 2);
	snapshot(true);
	snapshot(false);
	(void)usleep(2000000);
	expect(0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_G06_what_a_snapshot_lacks),
		T(test_one_that_is_refused_and_one_that_waits),
		T(test_what_others_gave_is_left_out),
		T(test_a_status_that_counts_fewer),
		T(test_P2_a_mirror_that_talks_nonsense),
		T(test_more_than_at_a_time),
		T(test_G06_statuses_that_match_say_nothing),
		T(test_P2_the_file_is_read_now_and_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
