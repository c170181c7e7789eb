/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Modules of the broker by themselves: messages, routes, limits, serials, configuration, permissions, statuses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/grant.h"
#include "tests/core/support.h"
#include "ztjit-broker/conf.h"
#include "ztjit-broker/fe_limit.h"
#include "ztjit-broker/fe_route.h"
#include "ztjit-broker/httpstatus.h"
#include "ztjit-broker/signer.h"
#include "ztjit-broker/store.h"

/* --- messages --- */

static const uint8_t tls_key[PROTO_TLS_LEN] = { 1, 2, 3 };

static void an_ask(enum op op, struct ask *a, struct ztj_buf *list)
{
	memset(a, 0, sizeof(*a));
	a->op = op;
	a->tag = 77;
	a->tls = ztj_view_of(tls_key, sizeof(tls_key));
	(void)snprintf(a->address, sizeof(a->address), "192.0.2.1");
	a->container = ztj_view_str("container");
	(void)snprintf(a->id, sizeof(a->id), "R-0123456789");
	(void)snprintf(a->name, sizeof(a->name), "people");
	a->number = 12;
	(void)snprintf(a->state, sizeof(a->state), "pending");
	a->mine = true;
	a->hosts = true;
	a->key = ztj_view_str("ssh-ed25519 AAAA");
	a->sig = ztj_view_str("sig");
	ztj_buf_reset(list);
	ok(ztj_buf_put_cstring(list, "req1"));
	ok(ztj_buf_put_cstring(list, "req2"));
	a->drop = (struct proto_list){ 2, ztj_buf_view(list) };
	a->put = (struct proto_list){ 2, ztj_buf_view(list) };
}

static void test_messages(void **state)
{
	struct ztj_buf list, msg;
	struct ask a, back;
	(void)state;
	ztj_buf_init(&list, 1024);
	ztj_buf_init(&msg, 65536);
	for (int op = OP_NONE + 1; op < OP_MAX; op++) {
		an_ask((enum op)op, &a, &list);
		ztj_buf_reset(&msg);
		ok(ask_write(&a, &msg));
		ok(ask_read((uint8_t)op, ztj_buf_view(&msg), &back));
		assert_int_equal(back.op, op);
		assert_int_equal(back.tag, 77);
		assert_string_equal(back.address, "192.0.2.1");
		if (op == OP_DIRECTORY_PUT) {
			struct ztj_view v;
			ok(proto_list_next(&back.drop, 64, &v));
			assert_true(ztj_view_eq_str(v, "req1"));
			ok(proto_list_next(&back.drop, 64, &v));
			fails(proto_list_next(&back.drop, 64, &v), ZTJ_NOT_FOUND);
		}
		/* cut at every length, and one byte too many */
		for (size_t n = 0; n < msg.n; n++)
			assert_int_not_equal(ask_read((uint8_t)op, ztj_view_of(msg.p, n), &back), ZTJ_OK);
		ok(ztj_buf_put_u8(&msg, 0));
		assert_int_not_equal(ask_read((uint8_t)op, ztj_buf_view(&msg), &back), ZTJ_OK);
	}
	fails(ask_read(OP_NONE, ztj_view_of(NULL, 0), &back), ZTJ_PROTOCOL);
	fails(ask_read(OP_MAX, ztj_view_of(NULL, 0), &back), ZTJ_PROTOCOL);
	fails(ask_read(200, ztj_view_of(NULL, 0), &back), ZTJ_PROTOCOL);
	ztj_buf_free(&list);
	ztj_buf_free(&msg);
}

static void test_answers(void **state)
{
	struct reply r = { .tag = 5, .status = 200, .body = ztj_view_str("{}") }, rb;
	struct certified c = { .tag = 6,
		.code = ZTJ_OK,
		.serial = 9,
		.ends = 100,
		.cert = ztj_view_str("cert") },
			 cb;
	struct ztj_buf msg;
	(void)state;
	ztj_buf_init(&msg, 65536);
	ok(reply_write(&r, &msg));
	ok(reply_read(ztj_buf_view(&msg), &rb));
	assert_int_equal(rb.status, 200);
	for (size_t n = 0; n < msg.n; n++)
		assert_int_not_equal(reply_read(ztj_view_of(msg.p, n), &rb), ZTJ_OK);
	ztj_buf_reset(&msg);
	r.status = 99;
	ok(reply_write(&r, &msg));
	fails(reply_read(ztj_buf_view(&msg), &rb), ZTJ_PROTOCOL);
	ztj_buf_reset(&msg);
	ok(certified_write(&c, &msg));
	ok(certified_read(ztj_buf_view(&msg), &cb));
	assert_int_equal(cb.serial, 9);
	for (size_t n = 0; n < msg.n; n++)
		assert_int_not_equal(certified_read(ztj_view_of(msg.p, n), &cb), ZTJ_OK);
	/* a code that no negative number answers to */
	memcpy(msg.p + 4, "\x80\0\0\0", 4);
	assert_int_not_equal(certified_read(ztj_buf_view(&msg), &cb), ZTJ_OK);
	ztj_buf_free(&msg);
}

static void test_a_host_that_joined_by_itself(void **state)
{
	struct joined j = { .tag = 7,
		.name = "lab",
		.base = 41,
		.container = ztj_view_str("container"),
		.record = ztj_view_str("record") },
		      back;
	struct ztj_buf msg;
	(void)state;
	ztj_buf_init(&msg, 65536);
	ok(joined_write(&j, &msg));
	ok(joined_read(ztj_buf_view(&msg), &back));
	assert_string_equal(back.name, "lab");
	assert_int_equal(back.base, 41);
	assert_true(ztj_view_eq_str(back.record, "record"));
	for (size_t n = 0; n < msg.n; n++)
		assert_int_not_equal(joined_read(ztj_view_of(msg.p, n), &back), ZTJ_OK);
	ok(ztj_buf_put_u8(&msg, 0));
	fails(joined_read(ztj_buf_view(&msg), &back), ZTJ_TRAILING);
	msg.n--;
	memcpy(msg.p + 4, "\x80\0\0\0", 4);
	fails(joined_read(ztj_buf_view(&msg), &back), ZTJ_PROTOCOL);
	ztj_buf_free(&msg);
}

/* --- routes --- */

static int route_one(enum http_method method, const char *path, const char *query, const char *body,
    struct ask *a)
{
	struct route_mem mem;
	const struct http_in in = { method, path, query, ztj_view_str(body) };
	route_mem_init(&mem);
	int r = route(&in, a, &mem);
	route_mem_free(&mem);
	return r;
}

static void test_routes(void **state)
{
	static const struct {
		enum http_method method;
		const char *path, *query, *body;
		int err;
	} cases[] = {
		{ HTTP_GET, "/v1/policy", NULL, "", ZTJ_OK },
		{ HTTP_GET, "/v1/policy", "x=1", "", ZTJ_MEMBER_UNKNOWN },
		{ HTTP_GET, "/v1/policy", "x", "", ZTJ_BAD_ENCODING },
		{ HTTP_GET, "/v1/policy", NULL, "{}", ZTJ_TRAILING },
		{ HTTP_POST, "/v1/policy", NULL, "", ZTJ_STATE },
		{ HTTP_GET, "/v1/nothing", NULL, "", ZTJ_NOT_FOUND },
		{ HTTP_GET, "/v1/requests/R-0123456789", NULL, "", ZTJ_OK },
		{ HTTP_GET, "/v1/requests/r-o123456789", NULL, "", ZTJ_OK },
		{ HTTP_GET, "/v1/requests/R-01234", NULL, "", ZTJ_BAD_NAME },
		{ HTTP_GET, "/v1/requests/..", NULL, "", ZTJ_BAD_NAME },
		{ HTTP_GET, "/v1/requests", "state=pending&mine=1", "", ZTJ_OK },
		{ HTTP_GET, "/v1/requests", "state=maybe", "", ZTJ_MEMBER_TYPE },
		{ HTTP_GET, "/v1/directories/people", "since=18446744073709551616", "", ZTJ_LIMIT },
		{ HTTP_GET, "/v1/directories/people", "since=-1", "", ZTJ_BAD_ENCODING },
		{ HTTP_GET, "/v1/directories/people", "at=0", "", ZTJ_LIMIT },
		{ HTTP_GET, "/v1/directories/people", "at=now", "", ZTJ_BAD_ENCODING },
		{ HTTP_GET, "/v1/stream", "at=1", "", ZTJ_MEMBER_UNKNOWN },
		{ HTTP_GET, "/v1/directories/People", NULL, "", ZTJ_BAD_NAME },
		{ HTTP_GET, "/v1/directories/people.", NULL, "", ZTJ_BAD_NAME },
		{ HTTP_GET, "/v1/stream", "since=5", "", ZTJ_OK },
		{ HTTP_POST, "/v1/certificates", NULL, "{\"request\":\"R-0123456789\",\"key\":\"k\"}",
		    ZTJ_OK },
		{ HTTP_POST, "/v1/certificates", NULL, "{\"request\":\"R-0123456789\",\"key\":\"k\",\"x\":1}",
		    ZTJ_MEMBER_UNKNOWN },
		{ HTTP_POST, "/v1/certificates", NULL, "{\"request\":\"R\",\"request\":\"R\"}",
		    ZTJ_BAD_JSON },
		{ HTTP_POST, "/v1/certificates", NULL, "{\"request\":1,\"key\":\"k\"}", ZTJ_MEMBER_TYPE },
		{ HTTP_POST, "/v1/certificates", NULL, "{\"key\":\"k\",\"xx\":\"\"}", ZTJ_MEMBER_MISSING },
		{ HTTP_POST, "/v1/certificates", NULL, "", ZTJ_BAD_JSON },
		/* empty texts, which once ended the frontend: read, and refused later as what they are */
		{ HTTP_POST, "/v1/certificates", NULL, "{\"request\":\"R-0123456789\",\"key\":\"\"}",
		    ZTJ_OK },
		{ HTTP_POST, "/v1/certificates", NULL, "{\"request\":\"R-0123456789\",\"key\":\"k\\u0000\"}",
		    ZTJ_BAD_JSON },
		{ HTTP_POST, "/v1/stepups/R-0123456789", NULL, "{\"signature\":\"\"}", ZTJ_BAD_ENCODING },
		{ HTTP_POST, "/v1/certificates", NULL, "[]", ZTJ_BAD_JSON },
		{ HTTP_POST, "/v1/certificates", NULL, "{} x", ZTJ_BAD_JSON },
		{ HTTP_POST, "/v1/certificates", NULL, "[[[[[[[[[[", ZTJ_BAD_JSON },
		{ HTTP_POST, "/v1/directories/people", NULL,
		    "{\"base\":-1,\"statement\":{},\"drop\":[],\"put\":[]}", ZTJ_MEMBER_TYPE },
		{ HTTP_POST, "/v1/directories/people", NULL,
		    "{\"base\":1.5,\"statement\":{},\"drop\":[],\"put\":[]}", ZTJ_MEMBER_TYPE },
	};
	struct ask a;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = route_one(cases[i].method, cases[i].path, cases[i].query, cases[i].body, &a);
		if (r != cases[i].err)
			fail_msg("%s?%s %s: %s", cases[i].path, cases[i].query, cases[i].body,
			    ztj_err_name(r));
	}
	ok(route_one(HTTP_GET, "/v1/directories/people", "since=41", "", &a));
	assert_int_equal(a.op, OP_DIRECTORY_GET);
	assert_int_equal(a.number, 41);
	assert_string_equal(a.name, "people");
	assert_false(a.then);
	ok(route_one(HTTP_GET, "/v1/directories/people", "at=41", "", &a));
	assert_true(a.then && a.number == 41);
}

/* --- B01: the table itself --- */

static void test_B01_table(void **state)
{
	struct caller nobody = { .kind = CALLER_ANONYMOUS }, host = { .kind = CALLER_HOST },
		      person = { .kind = CALLER_PERSON }, both = { .kind = CALLER_PERSON, .registrar = true };
	(void)state;
	fails(access_check(OP_CERTIFICATE, &nobody), ZTJ_NOT_FOUND);
	fails(access_check(OP_CERTIFICATE, &host), ZTJ_FORBIDDEN);
	ok(access_check(OP_CERTIFICATE, &person));
	fails(access_check(OP_DIRECTORY_PUT, &person), ZTJ_FORBIDDEN);
	ok(access_check(OP_DIRECTORY_PUT, &both));
	fails(access_check(OP_NONE, &both), ZTJ_FORBIDDEN);
	fails(access_check(OP_MAX, &both), ZTJ_FORBIDDEN);
	ok(access_check_statement(ZTJ_STMT_POLICY, &nobody));
	fails(access_check_statement(ZTJ_STMT_REQUEST, &nobody), ZTJ_NOT_FOUND);
	fails(access_check_statement(ZTJ_STMT_DIRECTORY, &both), ZTJ_STMT_TYPE);
	fails(access_check_statement(ZTJ_STMT_STATUS, &both), ZTJ_STMT_TYPE);
	fails(access_check_statement(ZTJ_STMT_NONE, &both), ZTJ_STMT_TYPE);
}

static void test_statuses(void **state)
{
	(void)state;
	assert_int_equal(http_status(ZTJ_BAD_JSON), 400);
	assert_int_equal(http_status(ZTJ_BAD_NAME), 400);
	assert_int_equal(http_status(ZTJ_BAD_SIGNATURE), 403);
	assert_int_equal(http_status(ZTJ_NO_RULE), 403);
	assert_int_equal(http_status(ZTJ_DOMAIN), 403);
	assert_int_equal(http_status(ZTJ_NOT_FOUND), 404);
	assert_int_equal(http_status(ZTJ_ID_CLASH), 409);
	assert_int_equal(http_status(ZTJ_TOO_LARGE), 413);
	assert_int_equal(http_status(ZTJ_RATE_LIMITED), 429);
	assert_int_equal(http_status(ZTJ_INTERNAL), 500);
	assert_int_equal(http_status(ZTJ_NO_SPACE), 503);
	assert_int_equal(http_status(-9999), 503);
}

/* --- W03: buckets --- */

static void test_W03_buckets(void **state)
{
	const struct limit_rate rate = { .per_minute = 60, .burst = 3 };
	struct limits *l;
	int retry;
	char name[32];
	(void)state;
	ok(limits_new(64, &l));
	for (int i = 0; i < 3; i++)
		assert_true(limits_take(l, "a", rate, 1000, &retry));
	assert_false(limits_take(l, "a", rate, 1000, &retry));
	assert_in_range(retry, 1, 2);
	assert_true(limits_take(l, "b", rate, 1000, &retry)); /* others do not notice */
	assert_true(limits_take(l, "a", rate, 2000, &retry)); /* one a second comes back */
	assert_false(limits_take(l, "a", rate, 2000, &retry));
	assert_false(limits_take(l, "a", rate, 1500, &retry)); /* a clock that goes back gives nothing */
	/* counters come and go; the table does not grow without end */
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(name, sizeof(name), "c%d", i);
		assert_true(limits_enter(l, name, 1));
		assert_false(limits_enter(l, name, 1));
		limits_leave(l, name);
		limits_leave(l, name);
	}
	for (int i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "d%d", i);
		(void)limits_take(l, name, rate, 3000, &retry);
	}
	assert_false(limits_take(l, "late", rate, 3000, &retry));
	/* …until the idle ones are forgotten */
	assert_true(limits_take(l, "late", rate, 3000 + 11 * 60 * 1000, &retry));
	limits_free(l);
}

/* --- serials --- */

static void test_G06_serials(void **state)
{
	struct serial s;
	uint64_t a, b, last = 0;
	(void)state;
	ok(serial_open(&s, "serial", geteuid(), 1000));
	for (int i = 0; i < 20000; i++) {
		ok(serial_take(&s, &a));
		assert_true(a > last);
		last = a;
	}
	/* a crash: what was reserved is skipped */
	ok(serial_open(&s, "serial", geteuid(), 1000));
	ok(serial_take(&s, &b));
	assert_true(b > a);
	/* the clock set back */
	ok(serial_open(&s, "serial", geteuid(), 1));
	ok(serial_take(&s, &a));
	assert_true(a > b);
	/* the file lost, or an old one restored: the clock carries on */
	assert_int_equal(unlink("serial"), 0);
	ok(serial_open(&s, "serial", geteuid(), 2000));
	ok(serial_take(&s, &b));
	assert_true(b > a);
	/* rubbish is not taken for a number */
	write_file("serial", ztj_view_str("12x\n"));
	assert_int_equal(chmod("serial", 0600), 0);
	assert_int_not_equal(serial_open(&s, "serial", geteuid(), 3000), ZTJ_OK);
}

/* --- F01, F02: the configuration --- */

static int load(const char *text, char err[512])
{
	struct broker_conf conf;
	write_file("broker.conf", ztj_view_str(text));
	assert_int_equal(chmod("broker.conf", 0644), 0);
	int r = broker_conf_load("broker.conf", &conf, err, 512);
	broker_conf_free(&conf);
	return r;
}

#define GOOD "domain = \"example\";\ndirectory = \"/var/lib/x\";\nlisten = [ \"127.0.0.1:8443\" ];\n"

static void test_F02_configuration(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "directory = \"/x\";\nlisten = [ \"127.0.0.1:1\" ];\n", "domain" },
		{ GOOD "surprise = 1;\n", "surprise" },
		{ GOOD "domain = \"twice\";\n", "" },
		{ GOOD "max_connections = \"many\";\n", "max_connections" },
		{ GOOD "max_connections = 0;\n", "max_connections" },
		{ GOOD "status_interval = 5;\n", "status_interval" },
		{ GOOD "status_interval = \"0s\";\n", "status_interval" },
		{ "domain = \"example\";\ndirectory = \"/x\";\nlisten = [ ];\n", "listen" },
		{ "domain = \"example\";\ndirectory = \"/x\";\nlisten = [ \"localhost:1\" ];\n", "listen" },
		{ "domain = \"example\";\ndirectory = \"x\";\nlisten = [ \"127.0.0.1:1\" ];\n", "directory" },
		{ "domain = \"Bad Domain\";\ndirectory = \"/x\";\nlisten = [ \"127.0.0.1:1\" ];\n",
		    "domain" },
		{ GOOD "@include \"other\"\n", "" },
		{ GOOD "listen = [\n", "" },
	};
	char err[512];
	(void)state;
	ok(load(GOOD, err));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_not_equal(load(bad[i].text, err), ZTJ_OK);
		assert_non_null(strstr(err, "broker.conf"));
		assert_non_null(strstr(err, bad[i].says));
	}
	struct broker_conf conf;
	fails(broker_conf_load("absent.conf", &conf, err, sizeof(err)), ZTJ_NOT_FOUND);
	broker_conf_free(&conf);
}

static void test_F01_unsafe_configuration(void **state)
{
	struct broker_conf conf;
	char err[512];
	(void)state;
	ok(load(GOOD, err));
	assert_int_equal(chmod("broker.conf", 0666), 0);
	fails(broker_conf_load("broker.conf", &conf, err, sizeof(err)), ZTJ_UNSAFE_FILE);
	broker_conf_free(&conf);
	assert_int_equal(chmod("broker.conf", 0644), 0);
	assert_int_equal(symlink("broker.conf", "link.conf"), 0);
	fails(broker_conf_load("link.conf", &conf, err, sizeof(err)), ZTJ_UNSAFE_FILE);
	broker_conf_free(&conf);
}

static void test_dump_is_a_fixed_point(void **state)
{
	struct broker_conf conf;
	struct ztj_buf first, second;
	char err[512];
	(void)state;
	ztj_buf_init(&first, 65536);
	ztj_buf_init(&second, 65536);
	write_file("a.conf", ztj_view_str(GOOD "ca_agent = \"/run/agent\";\n"));
	assert_int_equal(chmod("a.conf", 0644), 0);
	ok(broker_conf_load("a.conf", &conf, err, sizeof(err)));
	ok(broker_conf_dump(&conf, &first));
	broker_conf_free(&conf);
	write_file("b.conf", ztj_buf_view(&first));
	assert_int_equal(chmod("b.conf", 0644), 0);
	ok(broker_conf_load("b.conf", &conf, err, sizeof(err)));
	ok(broker_conf_dump(&conf, &second));
	broker_conf_free(&conf);
	assert_true(ztj_view_eq(ztj_buf_view(&first), ztj_buf_view(&second)));
	ztj_buf_free(&first);
	ztj_buf_free(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_a_host_that_joined_by_itself),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_B01_table),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_W03_buckets),
		cmocka_unit_test(test_G06_serials),
		cmocka_unit_test(test_F02_configuration),
		cmocka_unit_test(test_F01_unsafe_configuration),
		cmocka_unit_test(test_dump_is_a_fixed_point),
	};
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
