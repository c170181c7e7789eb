/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Which part of its own log a host ships, by what the broker says that it holds of it. */
#include "tests/hostd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ztjit-hostd/gatemsg.h"

#define SOON (ztj_ipc_now_ms() + 15000)
#define OTHER "the broker holds another log of decisions of this host"

static struct rig rig;
#define R (&rig)

static void beat(const char *checkpoint)
{
	R->w.checkpoint = checkpoint;
	rig_sleep(R, 5);
	rig_status_now(R);
}

/* A few lines in its log, of whatever kind. */
static int setup(void **state)
{
	(void)state;
	rig_open(R, NULL);
	for (int i = 0; i < 6; i++) {
		beat("AAAA");
		beat(NULL);
	}
	rig_sync(R);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close(R);
	return 0;
}

/* Number and digest of the n-th line of the log. */
static int64_t line_at(int n, uint8_t digest[ZTJ_DIGEST_LEN])
{
	char path[512], line[4096] = "";
	int64_t seq;
	json_t *o;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/spool/decisions.jsonl", R->conf.state);
	f = fopen(path, "re");
	assert_non_null(f);
	for (int i = 0; i < n; i++)
		assert_non_null(fgets(line, sizeof(line), f));
	(void)fclose(f);
	line[strcspn(line, "\n")] = '\0';
	ok(ztj_sha256(ztj_view_str(line), digest));
	o = json_loads(line, 0, NULL);
	seq = json_integer_value(json_object_get(o, "seq"));
	json_decref(o);
	return seq;
}

/* The number of the first line that the gate hands over next; 0: it only asks. */
static int64_t next_piece(void)
{
	struct ztj_ipc_in in;
	struct ztj_view lines;
	struct ztj_rd rd;
	int64_t seq = 0;
	json_t *o;

	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	for (;;) {
		ok(ztj_ipc_recv(R->mirror, &in, SOON));
		if (in.type == ZTJ_MSG_DECISIONS)
			break;
		ztj_ipc_in_reset(&in);
	}
	ztj_rd_init(&rd, in.body);
	ok(ztj_rd_string(&rd, ZTJ_IPC_MAX, &lines));
	if (lines.n > 0) {
		o = json_loadb((const char *)lines.p, lines.n, JSON_DISABLE_EOF_CHECK, NULL);
		seq = json_integer_value(json_object_get(o, "seq"));
		assert_true(seq > 0);
		json_decref(o);
	}
	ztj_ipc_in_free(&in);
	return seq;
}

static void broker_holds(int64_t seq, const uint8_t digest[ZTJ_DIGEST_LEN])
{
	char hex[ZTJ_HEX_SIZE], text[256];
	struct ztj_buf b;

	ztj_hex(digest, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(text, sizeof(text), "{\"seq\":%lld,\"head\":\"%s\"}", (long long)seq, hex);
	ztj_buf_init(&b, ZTJ_IPC_MAX);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_SHIPPED));
	ok(ztj_buf_put_u32(&b, 200));
	ok(ztj_buf_put_cstring(&b, text));
	ok(ztj_ipc_finish(&b));
	ok(ztj_ipc_send(R->mirror, ztj_buf_view(&b), -1, SOON));
	ztj_buf_free(&b);
}

static void test_goes_on_where_the_broker_is(void **state)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	int64_t seq = line_at(3, digest);

	(void)state;
	rig_link(R, true);
	assert_int_equal(next_piece(), 0);
	broker_holds(seq, digest);
	assert_int_equal(next_piece(), seq + 1);
	assert_int_equal(rig_alarms(R, OTHER), 0);
}

static void test_from_the_beginning(void **state)
{
	uint8_t digest[ZTJ_DIGEST_LEN] = { 0 };

	(void)state;
	rig_link(R, true);
	assert_int_equal(next_piece(), 0);
	broker_holds(0, digest);
	assert_int_equal(next_piece(), 1);
	assert_int_equal(rig_alarms(R, OTHER), 0);
}

/* It was installed anew, and has more lines by now than the log that the broker knows: all of them are news. */
static void test_A01_another_log_of_this_host(void **state)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	int64_t seq = line_at(3, digest);

	(void)state;
	digest[0] ^= 1;
	rig_link(R, true);
	assert_int_equal(next_piece(), 0);
	broker_holds(seq, digest);
	assert_int_equal(next_piece(), 1);
	rig_sync(R);
	assert_int_equal(rig_alarms(R, OTHER), 1);
}

static void test_A01_more_than_there_is(void **state)
{
	uint8_t digest[ZTJ_DIGEST_LEN] = { 1 };

	(void)state;
	rig_link(R, true);
	assert_int_equal(next_piece(), 0);
	broker_holds(1000000, digest);
	assert_int_equal(next_piece(), 1);
	rig_sync(R);
	assert_int_equal(rig_alarms(R, OTHER), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_goes_on_where_the_broker_is, setup, teardown),
		cmocka_unit_test_setup_teardown(test_from_the_beginning, setup, teardown),
		cmocka_unit_test_setup_teardown(test_A01_another_log_of_this_host, setup, teardown),
		cmocka_unit_test_setup_teardown(test_A01_more_than_there_is, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
