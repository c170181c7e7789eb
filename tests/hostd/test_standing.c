/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A scan's result through the gate: signed with the machine key, one at a time, and whoever waits hears what became of it. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/hostd/rig.h"

static struct rig rig;
#define R (&rig)
#define SOON (ztj_ipc_now_ms() + 30000)

static int set_up(void **state)
{
	(void)state;
	rig_open(R, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_close(R);
	return 0;
}

static void message(struct ztj_buf *b, size_t report)
{
	char *text = malloc(report + 1);

	assert_non_null(text);
	memset(text, 'x', report);
	ztj_buf_init(b, ZTJ_IPC_MAX);
	for (uint32_t n = 3; n < 7; n++)
		ok(ztj_buf_put_u32(b, n));
	ok(ztj_buf_put_string(b, text, report));
	free(text);
}

/* Sends without waiting for an answer. */
static int ask(const struct ztj_buf *body)
{
	int sock = rig_connect(R, "control.sock");
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_STANDING));
	ok(ztj_buf_put(&b, body->p, body->n));
	ok(ztj_ipc_finish(&b));
	ok(ztj_ipc_send(sock, ztj_buf_view(&b), -1, SOON));
	ztj_buf_free(&b);
	return sock;
}

/* -code of the answer; UNREACHABLE: closed without one. */
static int answer(int sock)
{
	struct ztj_ipc_in in;
	struct ztj_rd rd;
	uint32_t code = 0;
	int r;

	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	r = ztj_ipc_recv(sock, &in, SOON);
	if (r == ZTJ_OK) {
		assert_int_equal(in.type, ZTJ_MSG_REPLY);
		ztj_rd_init(&rd, in.body);
		ok(ztj_rd_u32(&rd, &code));
		r = -(int)code;
	}
	ztj_ipc_in_free(&in);
	(void)close(sock);
	return r;
}

/* What the mirror is given: id and body. */
static char *handed(uint8_t id[ZTJ_DIGEST_LEN])
{
	struct ztj_view v, json;
	struct ztj_ipc_in in;
	struct ztj_rd rd;
	char *text;

	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	for (;;) {
		ok(ztj_ipc_recv(R->mirror, &in, SOON));
		if (in.type == ZTJ_MSG_REPORT)
			break;
		ztj_ipc_in_reset(&in);
	}
	ztj_rd_init(&rd, in.body);
	ok(ztj_rd_bytes(&rd, ZTJ_DIGEST_LEN, &v));
	ok(ztj_rd_string(&rd, ZTJ_IPC_MAX, &json));
	ok(ztj_rd_end(&rd));
	memcpy(id, v.p, ZTJ_DIGEST_LEN);
	text = strndup((const char *)json.p, json.n);
	assert_non_null(text);
	ztj_ipc_in_free(&in);
	return text;
}

static void posted(const uint8_t id[ZTJ_DIGEST_LEN], uint32_t code)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 128);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_POSTED));
	ok(ztj_buf_put(&b, id, ZTJ_DIGEST_LEN));
	ok(ztj_buf_put_u32(&b, code));
	ok(ztj_ipc_finish(&b));
	ok(ztj_ipc_send(R->mirror, ztj_buf_view(&b), -1, SOON));
	ztj_buf_free(&b);
}

static void test_signed_as_it_was_said(void **state)
{
	uint8_t id[ZTJ_DIGEST_LEN], digest[ZTJ_DIGEST_LEN];
	struct ztj_buf body, mem, report;
	struct ztj_signed s;
	struct ztj_stmt *st;
	json_t *o, *b64;
	char *text, *container;
	int sock;

	(void)state;
	rig_link(R, true);
	rig_sync(R);
	message(&body, 1000);
	sock = ask(&body);
	text = handed(id);
	assert_non_null(o = json_loads(text, 0, NULL));
	b64 = json_incref(json_object_get(o, "report"));
	ok(json_object_del(o, "report"));
	assert_non_null(container = json_dumps(o, JSON_COMPACT));
	ztj_buf_init(&mem, ZTJ_STMT_MAX);
	ztj_buf_init(&report, ZTJ_IPC_MAX);
	ok(ztj_signed_from_json(ztj_view_str(container), &mem, &s));
	ok(ztj_stmt_open(&s, ZTJ_STMT_STANDING, R->w.domain, &st));
	ok(ztj_b64_decode(ztj_view_str(json_string_value(b64)), &report));
	ok(ztj_sha256(ztj_buf_view(&report), digest));
	assert_memory_equal(st->id, id, sizeof id);
	assert_memory_equal(st->u.standing.digest, digest, sizeof digest);
	assert_true(ztj_key_equal(&st->signer[0].key, &R->machine.pub));
	assert_string_equal(st->u.standing.host, R->conf.fullname);
	assert_int_equal(st->u.standing.standing, 3);
	assert_int_equal(st->u.standing.accepted, 4);
	assert_int_equal(st->u.standing.expired, 5);
	assert_int_equal(st->u.standing.missed, 6);
	assert_int_equal(report.n, 1000);
	posted(id, 0);
	fails(answer(sock), ZTJ_OK);
	ztj_stmt_free(st);
	ztj_buf_free(&report);
	ztj_buf_free(&mem);
	ztj_buf_free(&body);
	json_decref(b64);
	json_decref(o);
	free(container);
	free(text);
}

static void test_who_waits_hears_of_it(void **state)
{
	static const struct {
		uint32_t posted;
		int want;
	} cases[] = { { 0, ZTJ_OK }, { 1, ZTJ_UNREACHABLE }, { 403, ZTJ_FORBIDDEN },
		{ 429, ZTJ_RATE_LIMITED }, { 500, ZTJ_UNREACHABLE } };
	uint8_t id[ZTJ_DIGEST_LEN];
	struct ztj_buf body;

	(void)state;
	rig_link(R, true);
	rig_sync(R);
	message(&body, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int sock = ask(&body), second;

		free(handed(id));
		second = ask(&body);
		fails(answer(second), ZTJ_RATE_LIMITED);
		id[0] ^= 1;
		posted(id, 0); /* another one's */
		id[0] ^= 1;
		posted(id, cases[i].posted);
		fails(answer(sock), cases[i].want);
	}
	/* whoever goes away leaves nothing behind */
	(void)close(ask(&body));
	free(handed(id));
	rig_sync(R);
	posted(id, 0);
	(void)close(ask(&body));
	free(handed(id));
	ztj_buf_free(&body);
}

static void test_what_is_refused(void **state)
{
	struct ztj_buf body;

	(void)state;
	rig_link(R, true);
	rig_sync(R);
	message(&body, 65537);
	fails(answer(ask(&body)), ZTJ_UNREACHABLE);
	ztj_buf_free(&body);
	message(&body, 0);
	fails(answer(ask(&body)), ZTJ_UNREACHABLE);
	ztj_buf_free(&body);
	message(&body, 10);
	for (body.n = 0; body.n < 29; body.n++)
		fails(answer(ask(&body)), ZTJ_UNREACHABLE);
	ok(ztj_buf_put_u8(&body, 0));
	rig_link(R, false);
	rig_sync(R);
	body.n = 30;
	fails(answer(ask(&body)), ZTJ_UNREACHABLE);
	ztj_buf_free(&body);
	assert_true(rig_sessions(R) == 0); /* it lives */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_signed_as_it_was_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_waits_hears_of_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
