/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What `send` of broker.conf may say, and the messages between store and sender. */
#include <stdlib.h>
#include <string.h>

#include "tests/core/support.h"
#include "ztjit-broker/sendproto.h"

#define PIN "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static void good(const char *text, struct dest_conf *d)
{
	char what[512];
	if (dest_parse(text, d, what, sizeof(what)) != ZTJ_OK)
		fail_msg("%s: %s", text, what);
	assert_string_equal(what, "");
}

static void test_good(void **state)
{
	struct dest_conf d;
	(void)state;
	good("lines stdout:", &d);
	assert_int_equal(d.kind, DEST_STDOUT);
	assert_string_equal(d.name, "lines");
	good("u udp://192.0.2.1", &d);
	assert_int_equal(d.kind, DEST_UDP);
	assert_string_equal(d.host, "192.0.2.1");
	assert_int_equal(d.port, 514);
	assert_int_equal(d.facility, 10);
	good("u udp://[2001:db8::1]:1514 facility=local7 format=cef", &d);
	assert_string_equal(d.host, "2001:db8::1");
	assert_int_equal(d.port, 1514);
	assert_int_equal(d.facility, 23);
	assert_true(d.cef);
	good("t tcp://log.example.org:601 confirm=5m", &d);
	assert_int_equal(d.kind, DEST_TCP);
	assert_string_equal(d.host, "log.example.org");
	assert_int_equal(d.confirm, 300);
	good("t tcp://log.example.org:601 confirm=no", &d);
	assert_int_equal(d.confirm, 0);
	good("s tls://log.example.org ca=/etc/ca.pem cert=/etc/c.pem key=/etc/c.key", &d);
	assert_int_equal(d.port, 6514);
	assert_int_equal(d.confirm, 30);
	assert_string_equal(d.ca, "/etc/ca.pem");
	assert_string_equal(d.cert, "/etc/c.pem");
	assert_string_equal(d.key, "/etc/c.key");
	assert_false(d.pinned);
	good("s tls://log.example.org pin=" PIN, &d);
	assert_true(d.pinned);
	assert_int_equal(d.pin[0], 0xe3);
	good("w https://hooks.example.org/a/b?c=d ca=/etc/ca.pem kinds=alarm,statement outcomes=refused", &d);
	assert_int_equal(d.kind, DEST_HTTPS);
	assert_int_equal(d.port, 443);
	assert_string_equal(d.path, "/a/b?c=d");
	assert_int_equal(d.kinds.n, 2);
	assert_string_equal(d.kinds.s[1], "statement");
	assert_int_equal(d.outcomes.n, 1);
	good("w https://hooks.example.org:8443 pin=" PIN, &d);
	assert_string_equal(d.path, "/");
}

static void test_bad(void **state)
{
	static const char *const bad[][2] = { { "", "one space" }, { " x stdout:", "one space" },
		{ "x  stdout:", "one space" }, { "x stdout: ", "one space" }, { "x", "not NAME URL" },
		{ "X stdout:", "not a name" }, { "../x stdout:", "not a name" },
		{ "x stdout:y", "nothing may follow" }, { "x http://h/", "not stdout:" },
		{ "x ftp://h", "not stdout:" }, { "x udp://log.example.org", "wants an address" },
		{ "x tcp://h", "not HOST:PORT" }, { "x tcp://h:0", "not HOST:PORT" },
		{ "x tcp://h:65536", "not HOST:PORT" }, { "x tcp://h:+1", "not HOST:PORT" },
		{ "x tcp://:1", "not HOST:PORT" }, { "x tcp://h:1/p", "nothing may follow the port" },
		{ "x tcp://a@h:1", "not HOST:PORT" }, { "x tcp://[h]:1", "not HOST:PORT" },
		{ "x tcp://[::1:1", "not HOST:PORT" }, { "x tcp://[::1]x:1", "not HOST:PORT" },
		{ "x tcp://2001:db8::1:1", "not HOST:PORT" }, { "x tcp://h\xc3\xa9:1", "not HOST:PORT" },
		{ "x https://h?x ca=/c", "not a path" }, { "x https://h/#x ca=/c", "not a path" },
		{ "x https://h/\xc3\xa9 ca=/c", "not a path" }, { "x tls://h", "whom to believe" },
		{ "x https://h/", "whom to believe" }, { "x tls://h ca=c.pem", "absolute path" },
		{ "x tls://h ca=/c cert=/c", "both or none" }, { "x tls://h ca=/c key=/c", "both or none" },
		{ "x tls://h pin=sha256//AAAA", "not sha256//BASE64" },
		{ "x tls://h pin=AAAA", "not sha256//BASE64" }, { "x tcp://h:1 ca=/c", "not an option" },
		{ "x stdout: facility=user", "not an option" },
		{ "x https://h/ ca=/c format=cef", "not an option" },
		{ "x https://h/ ca=/c confirm=1s", "not an option" },
		{ "x tcp://h:1 format=xml", "not json or cef" },
		{ "x tcp://h:1 facility=local8", "not a facility" },
		{ "x tcp://h:1 confirm=0s", "not 1s to 1h" }, { "x tcp://h:1 confirm=2h", "not 1s to 1h" },
		{ "x tcp://h:1 confirm=", "not OPTION" }, { "x tcp://h:1 confirm", "not OPTION" },
		{ "x tcp://h:1 =1", "not an option" },
		{ "x tcp://h:1 format=cef format=json", "format: twice" },
		{ "x stdout: kinds=", "not OPTION" }, { "x stdout: kinds=a,", "list of names" },
		{ "x stdout: kinds=,a", "list of names" }, { "x stdout: kinds=A", "list of names" },
		{ "x stdout: kinds=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "list of names" } };
	struct dest_conf d;
	char what[512];
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (dest_parse(bad[i][0], &d, what, sizeof(what)) != ZTJ_CONFIG)
			fail_msg("%s was taken", bad[i][0]);
		if (strstr(what, bad[i][1]) == NULL)
			fail_msg("%s: %s", bad[i][0], what);
	}
	char *longest = calloc(1, 8192);
	assert_non_null(longest);
	memset(longest, 'x', 8191);
	fails(dest_parse(longest, &d, what, sizeof(what)), ZTJ_CONFIG);
	free(longest);
}

static void test_filter(void **state)
{
	struct ztj_event_in e = { .kind = "statement", .outcome = "refused" };
	struct dest_conf d;
	(void)state;
	good("x stdout:", &d);
	assert_true(dest_passes(&d, &e));
	good("x stdout: kinds=alarm,statement outcomes=refused", &d);
	assert_true(dest_passes(&d, &e));
	e.outcome = "accepted";
	assert_false(dest_passes(&d, &e));
	e.outcome = "refused";
	e.kind = "policy";
	assert_false(dest_passes(&d, &e));
}

/* --- messages: what is written is read, and nothing shorter or longer is --- */

typedef int read_fn(struct ztj_view body, void *out);
static void strict(struct ztj_buf *msg, read_fn *fn, void *room)
{
	for (size_t n = 0; n < msg->n; n++)
		assert_int_not_equal(fn(ztj_view_of(msg->p, n), room), ZTJ_OK);
	ok(fn(ztj_buf_view(msg), room));
	ok(ztj_buf_put_u8(msg, 0));
	assert_int_not_equal(fn(ztj_buf_view(msg), room), ZTJ_OK);
	ztj_buf_reset(msg);
}

static int read_grown(struct ztj_view body, void *out)
{
	return grown_read(body, out);
}

static int read_want(struct ztj_view body, void *out)
{
	return want_read(body, out);
}

static int read_leaves(struct ztj_view body, void *out)
{
	return leaves_read(body, out);
}

static int read_states(struct ztj_view body, void *out)
{
	return states_read(body, out);
}

static void test_messages(void **state)
{
	struct dest_states s = { .n = 2, .d = { { "a", 1, 2, true }, { "b", ZTJ_LOG_MAX, 0, false } } }, gots;
	struct want w = { 16, 41, 4096 }, gotw;
	struct leaves l = { 32, 41, ztj_view_str("xyz") }, gotl;
	struct ztj_buf msg;
	uint64_t size;
	(void)state;
	ztj_buf_init(&msg, 8192);
	ok(grown_write(41, &msg));
	strict(&msg, read_grown, &size);
	assert_int_equal(size, 41);
	ok(grown_write(ZTJ_LOG_MAX + 1, &msg));
	fails(grown_read(ztj_buf_view(&msg), &size), ZTJ_PROTOCOL);
	ztj_buf_reset(&msg);
	ok(want_write(&w, &msg));
	strict(&msg, read_want, &gotw);
	assert_int_equal(gotw.from, 41);
	assert_int_equal(gotw.bytes, 4096);
	w.bytes = SND_LEAVES_MAX + 1;
	ok(want_write(&w, &msg));
	fails(want_read(ztj_buf_view(&msg), &gotw), ZTJ_PROTOCOL);
	ztj_buf_reset(&msg);
	ok(leaves_write(&l, &msg));
	ok(leaves_read(ztj_buf_view(&msg), &gotl));
	assert_true(ztj_view_eq_str(gotl.entries, "xyz"));
	strict(&msg, read_leaves, &gotl);
	ok(states_write(&s, &msg));
	strict(&msg, read_states, &gots);
	memset(&gots, 0, sizeof(gots));
	ok(states_write(&s, &msg));
	ok(states_read(ztj_buf_view(&msg), &gots));
	assert_int_equal(gots.n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(gots.d[i].name, s.d[i].name);
		assert_int_equal(gots.d[i].taken, s.d[i].taken);
		assert_int_equal(gots.d[i].failures, s.d[i].failures);
		assert_int_equal(gots.d[i].up, s.d[i].up);
	}
	/* a name that would break the lines of /metrics; more than there may be; a truth that is neither */
	static const char quote[] = "a\"";
	memcpy(s.d[0].name, quote, sizeof(quote));
	ztj_buf_reset(&msg);
	ok(states_write(&s, &msg));
	fails(states_read(ztj_buf_view(&msg), &gots), ZTJ_BAD_NAME);
	assert_int_equal(gots.n, 0);
	ztj_buf_reset(&msg);
	ok(ztj_buf_put_u32(&msg, DESTS_MAX + 1));
	fails(states_read(ztj_buf_view(&msg), &gots), ZTJ_TOO_LARGE);
	ztj_buf_free(&msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
