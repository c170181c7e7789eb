/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Events as leaves of the audit log. */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/event.h"
#include "libztjit/core/text.h"
#include "tests/core/support.h"

static void test_event_says_everything(void **state)
{
	static const uint8_t digest[ZTJ_DIGEST_LEN] = { 0xab };
	static const char *const hosts[] = { "servers/db1", "servers/web1" };
	const struct ztj_event e = { .n = 7,
		.time = 1767225600,
		.kind = "statement",
		.outcome = "refused",
		.code = ZTJ_NO_RULE,
		.type = "request",
		.statement = digest,
		.person = "people/alice",
		.hosts = { hosts, 2 },
		.reason = "a \"quoted\" reason",
		.duration = 1800,
		.ends = 1767225601,
		.line = "{\"seq\":3,\"text\":\"\\u001b\"}" };
	struct ztj_event_in in;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, ZTJ_ENTRY_MAX);
	ok(ztj_event_write(&e, &b));
	assert_string_equal(ztj_buf_str(&b),
	    "{\"v\":1,\"n\":7,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"statement\",\"outcome\":\"refused\","
	    "\"code\":\"no-rule\",\"type\":\"request\","
	    "\"statement\":\"ab00000000000000000000000000000000000000000000000000000000000000\","
	    "\"person\":\"people/alice\",\"hosts\":[\"servers/db1\",\"servers/web1\"],\"duration\":1800,"
	    "\"ends\":\"2026-01-01T00:00:01Z\",\"reason\":\"a \\\"quoted\\\" reason\",\"line\":\"{\\\"seq\\\":3,\\\"text\\\":\\\"\\\\x5cu001b\\\"}\"}");
	ok(ztj_event_read(ztj_buf_view(&b), &in));
	assert_true(in.n == 7 && in.time == 1767225600);
	assert_string_equal(in.kind, "statement");
	assert_string_equal(ztj_event_text(&in, "person"), "people/alice");
	assert_string_equal(ztj_event_text(&in, "duration"), "");
	assert_string_equal(ztj_event_text(&in, "nothing"), "");
	assert_true(ztj_event_has_host(&in, "servers/web1"));
	assert_false(ztj_event_has_host(&in, "servers/web2"));
	for (size_t n = 0; n < b.n; n++) {
		struct ztj_event_in cut;

		assert_int_not_equal(ztj_event_read(ztj_view_of(b.p, n), &cut), ZTJ_OK);
		assert_null(cut.obj);
	}
	ztj_event_free(&in);
	ztj_buf_free(&b);
}

/* A member that is filled in and not written would be missed by nobody, until somebody needs it. */
static void test_every_member_is_written(void **state)
{
	static const uint8_t digest[ZTJ_DIGEST_LEN] = { 1 };
	static const char *const two[] = { "a", "b" };
	const struct ztj_event_list list = { two, 2 };
	const struct ztj_event_standing left = { 0, 0, 0, 0 };
	const struct ztj_event e = { 1, 1767225600, "a", "b", ZTJ_NO_RULE, "c", digest, digest, digest, "d",
		"e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", list, list, list, "1", "r",
		"s", "t", "u", 1, 2, 3, 4, 5, 6, 1767225600, 1767225600, 1767225600, 1767225600, &left, "v" };
	static const char *const members[] = { "v", "n", "time", "kind", "outcome", "code", "type",
		"statement", "request", "digest", "person", "by", "host", "role", "rule", "service",
		"account", "address", "tty", "key", "session", "name", "action", "decision", "keys", "hosts",
		"sessions", "certificate", "reason", "ticket", "command", "text", "duration", "version",
		"serial", "count", "chunks", "bytes", "starts", "ends", "until", "at", "line", "standing",
		"accepted", "expired", "missed" };
	struct ztj_event_in in;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, ZTJ_ENTRY_MAX);
	ok(ztj_event_write(&e, &b));
	ok(ztj_event_read(ztj_buf_view(&b), &in));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (json_object_get(in.obj, members[i]) == NULL)
			fail_msg("%s is not written", members[i]);
	assert_int_equal(json_object_size(in.obj), sizeof(members) / sizeof(members[0]));
	ztj_event_free(&in);
	ztj_buf_free(&b);
}

/* Whatever a person or a host wrote, the leaf can be shown and read again. */
static void test_A03_text_is_escaped(void **state)
{
	static const char *const nasty[] = { "line\nfeed", "\x1b]0;title\x07",
		"\xe2\x80\xae"
		"rtl",
		"\xe2\x80\xa8",
		"\xef\xbb\xbf"
		"bom",
		"\xff\xfe",
		"\xc2\x9b"
		"31m",
		"back\\slash", "\x7f", "\xf0\x9f\x94\x91" };
	struct ztj_event e = { .n = 1, .time = 1767225600, .kind = "session", .outcome = "started" };
	struct ztj_event_in in;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, ZTJ_ENTRY_MAX);
	for (size_t i = 0; i < sizeof(nasty) / sizeof(nasty[0]); i++) {
		const char *hosts[] = { nasty[i] };

		ztj_buf_reset(&b);
		e.command = e.text = e.reason = e.account = e.tty = nasty[i];
		e.hosts = e.keys = e.sessions = (struct ztj_event_list){ hosts, 1 };
		ok(ztj_event_write(&e, &b));
		assert_true(ztj_text_ok(ztj_buf_view(&b)));
		ok(ztj_event_read(ztj_buf_view(&b), &in));
		assert_true(ztj_text_ok(ztj_view_str(ztj_event_text(&in, "command"))));
		ztj_event_free(&in);
	}
	ztj_buf_free(&b);
}

static void test_event_limits(void **state)
{
	static const char *const bad[] = {
		"{}", "{\"v\":2}", "{\"v\":1}", "{\"v\":1,\"n\":-1}",
		"{\"v\":1,\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"a\",\"outcome\":\"b\",\n\"x\":1}",
		"{\"v\":1,\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"a\",\"outcome\":\"b\"}\n",
		"{\"v\":1,\"n\":1,\"time\":\"now\",\"kind\":\"a\",\"outcome\":\"b\"}",
		"{\"v\":1,\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"outcome\":\"b\"}",
		"{\"v\":1,\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"\",\"outcome\":\"b\"}",
		"{\"v\":1,\"n\":1,\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"a\",\"outcome\":\"b\"}",
		"{\"v\":1,\"n\":9007199254740992,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"a\",\"outcome\":\"b\"}"
	};
	struct ztj_event e = { .n = 1, .time = 1767225600, .kind = "alarm", .outcome = "raised" };
	struct ztj_event_in in;
	struct ztj_buf b;
	char *text = test_calloc(1, 40000);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(ztj_event_read(ztj_view_str(bad[i]), &in), ZTJ_OK);
	fails(ztj_event_read(ztj_view_str("{\"v\":2}"), &in), ZTJ_VERSION);
	/* a later version of this program may know more members */
	ok(ztj_event_read(
	    ztj_view_str(
		"{\"v\":1,\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"a\",\"outcome\":\"b\","
		"\"new\":[1]}"),
	    &in));
	ztj_event_free(&in);
	ztj_buf_init(&b, 4 * ZTJ_ENTRY_MAX);
	memset(text, 'x', 30000);
	e.text = e.reason = e.command = text;
	fails(ztj_event_write(&e, &b), ZTJ_TOO_LARGE);
	ztj_buf_reset(&b);
	e.n = ZTJ_LOG_MAX;
	fails(ztj_event_write(&e, &b), ZTJ_MEMBER_TYPE);
	e.n = 1;
	e.count = -1;
	fails(ztj_event_write(&e, &b), ZTJ_MEMBER_TYPE);
	ztj_buf_free(&b);
	test_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event_says_everything),
		cmocka_unit_test(test_every_member_is_written),
		cmocka_unit_test(test_A03_text_is_escaped),
		cmocka_unit_test(test_event_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
