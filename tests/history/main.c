/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ZTJ_HISTORIES histories (1000), in batches that share a broker, two hosts and what breaks, from ZTJ_SEED (the clock). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libztjit/core/text.h"
#include "tests/history/history.h"

#define BATCH 250

static struct hi_batch total;

static int64_t number(const char *name, int64_t otherwise, int64_t max)
{
	const char *text = getenv(name);
	int64_t n = otherwise;

	if (text != NULL && text[0] != '\0' && ztj_parse_int(text, 1, max, &n) != ZTJ_OK)
		fail_msg("%s: a number from 1 to %lld is wanted", name, (long long)max);
	return n;
}

static void open_broker(struct hi_batch *b)
{
	struct ztj_buf rules;
	struct fx_policy p = {
		.roles = "roles = {\n  root-two = { login = [ \"root\" ]; record = \"none\"; };\n"
			 "  root-one = { login = [ \"root\" ]; record = \"none\"; };\n"
			 "  root-pair = { login = [ \"root\" ]; record = \"none\"; };\n"
			 "  root-auto = { login = [ \"root\" ]; record = \"none\"; };\n"
			 "  root-mark = { login = [ \"root\" ]; record = \"none\"; };\n};\n",
		.more = "auditors = [ \"people/out1\" ];\n"
	};

	bk_start(&b->b,
	    "rate_identity = 100000;\nrate_statements = 1000000;\nrate_anonymous = 100000;\nmax_open_requests = 10000;\n");
	bk_arm(&b->b);
	ztj_buf_init(&rules, 65536);
	hi_policy(&rules);
	p.rules = ztj_buf_str(&rules);
	bk_policy(&b->b, &p);
	ztj_buf_free(&rules);
	bk_login(&b->b, HI_NOBODY);
	bk_login(&b->b, FX_REQ1);
	bk_login(&b->b, FX_REQ2);
}

static void add(const struct hi_batch *b)
{
	total.n += b->n;
	total.posts += b->posts;
	total.lost += b->lost;
	total.uses += b->uses;
	total.admitted += b->admitted;
	total.observations += b->observations;
	total.broker_kills += b->broker_kills;
	total.host_kills += b->host_kills;
	total.partitions += b->partitions;
	total.nmarks += b->restored != 0; /* put back */
	total.noticed += b->noticed;
}

static int one_batch(uint64_t seed, size_t n)
{
	static struct hi_batch b;
	struct hi_random r = { seed };
	int bad;

	memset(&b, 0, sizeof(b));
	b.seed = seed;
	b.n = n;
	hi_plan(&b, &r);
	open_broker(&b);
	bad = hi_run(&b, &r);
	add(&b);
	bk_end(&b.b);
	for (int i = 0; i < HI_HOSTS; i++)
		assert_int_equal(sh("rm -rf %s", b.agent_dir[i]), 0);
	hi_free(&b);
	return bad;
}

static void test_D01_G06_histories(void **state)
{
	int64_t n = number("ZTJ_HISTORIES", 1000, 10000000);
	uint64_t seed = (uint64_t)number("ZTJ_SEED", (int64_t)time(NULL), INT64_MAX);
	int bad = 0;

	(void)state;
	for (int64_t done = 0; done < n && bad == 0; done += BATCH, seed++) {
		size_t now = n - done < BATCH ? (size_t)(n - done) : BATCH;

		printf("ZTJ_SEED=%llu ZTJ_HISTORIES=%zu\n", (unsigned long long)seed, now);
		bad = one_batch(seed, now);
	}
	printf(
	    "%zu histories, %u statements sent (%u without an answer), %u uses (%u admitted), %u answers checked;\n"
	    "the broker killed %u times and its state put back %zu times (%u checkpoints told of it), hosts killed %u times, "
	    "cut off %u times; anomalies: %d\n",
	    total.n, total.posts, total.lost, total.uses, total.admitted, total.observations,
	    total.broker_kills, total.nmarks, total.noticed, total.host_kills, total.partitions, bad);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_D01_G06_histories, enter_scratch, leave_scratch),
	};

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
