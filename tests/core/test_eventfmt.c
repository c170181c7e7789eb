/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Leaves of the audit log as syslog, CEF and CSV: what goes in comes out again, and no text gets out of its field (A03). */
#include <string.h>

#include "libztjit/core/eventfmt.h"
#include "libztjit/core/text.h"
#include "tests/core/readback.h"
#include "tests/core/support.h"

static const char *const hostile[] = { "plain", "", "a\nb", "\x1b]0;x\x07", "quote \" and \\ and ]", "a|b|c",
	"act=deny suser=root", "\" evil=\"1", "] <13>1 - - - - - -", "=cmd|' /C calc'!A0", "+1", "-1",
	"@SUM(A1)", " =1", "\xef\xbc\x9d=1", "a,b,\"c\"", "\r\n0,forged", "\xe2\x80\xaekcab", "\xc2\x9b[31m",
	"\xff\xfe", "gr\xc3\xbc\xc3\x9fig", "x\\", "x=", "\\n", "\t", " ", "%00", "\xe2\x80\xa8",
	"a=b\\=c d=e", "CEF:0|x|y|z", "\xc2\xa0=1" };

struct leaf {
	struct ztj_buf bytes;
	struct ztj_event_in e;
};

static struct ztj_view made(struct leaf *l, const struct ztj_event *e)
{
	ztj_buf_init(&l->bytes, 2 * ZTJ_ENTRY_MAX);
	ok(ztj_event_write(e, &l->bytes));
	ok(ztj_event_read(ztj_buf_view(&l->bytes), &l->e));
	return ztj_buf_view(&l->bytes);
}

static void gone(struct leaf *l)
{
	ztj_event_free(&l->e);
	ztj_buf_free(&l->bytes);
}

static struct ztj_event an_event(void)
{
	static const uint8_t digest[ZTJ_DIGEST_LEN] = { 0xab };
	static const char *const hosts[] = { "servers/web1", "servers/web2" };
	return (struct ztj_event){ .n = 41,
		.time = 1795857164,
		.kind = "statement",
		.outcome = "accepted",
		.type = "request",
		.statement = digest,
		.request = digest,
		.person = "people/req1",
		.by = "people/lead1",
		.role = "root-shell",
		.hosts = { hosts, 2 },
		.address = "192.0.2.7",
		.duration = 900,
		.ticket = "T-1",
		.reason = "disk full" };
}

static const char *get(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));
	return text == NULL ? "" : text;
}

static const struct ztj_event_origin origin = { .host = "broker.example", .version = "1.0", .facility = 10 };

static void test_syslog(void **state)
{
	struct ztj_event e = an_event();
	struct leaf l;
	struct ztj_view leaf = made(&l, &e);
	struct ztj_buf out;
	(void)state;
	ztj_buf_init(&out, 1 << 20);
	ok(ztj_event_syslog(&l.e, leaf, &origin, &out));
	json_t *o = readback_syslog(ztj_buf_view(&out));
	assert_non_null(o);
	assert_string_equal(get(o, "PRI"), "86");
	assert_string_equal(get(o, "TIMESTAMP"), ztj_event_text(&l.e, "time"));
	assert_string_equal(get(o, "HOSTNAME"), "broker.example");
	assert_string_equal(get(o, "APP-NAME"), "ztjit-broker");
	assert_string_equal(get(o, "PROCID"), "-");
	assert_string_equal(get(o, "MSGID"), "statement");
	assert_string_equal(get(o, "SD-ID"), "ztjit@32473");
	assert_string_equal(get(o, "n"), "41");
	assert_string_equal(get(o, "person"), "people/req1");
	assert_string_equal(get(o, "hosts"), "servers/web1 servers/web2");
	assert_true(strlen(get(o, "MSG")) == leaf.n && memcmp(get(o, "MSG"), leaf.p, leaf.n) == 0);
	json_decref(o);
	/* too long for a datagram: all but the text, and how much that was */
	struct ztj_event_origin small = origin;
	small.max = out.n - 1;
	small.host = NULL;
	ztj_buf_reset(&out);
	ok(ztj_event_syslog(&l.e, leaf, &small, &out));
	o = readback_syslog(ztj_buf_view(&out));
	assert_non_null(json_object_get(o, "MSG"));
	json_decref(o);
	small.max = out.n - 1;
	ztj_buf_reset(&out);
	ok(ztj_event_syslog(&l.e, leaf, &small, &out));
	o = readback_syslog(ztj_buf_view(&out));
	assert_non_null(o);
	assert_null(json_object_get(o, "MSG"));
	assert_string_equal(get(o, "HOSTNAME"), "-");
	assert_int_equal(strtoul(get(o, "omitted"), NULL, 10), leaf.n);
	assert_true(out.n <= small.max);
	json_decref(o);
	ztj_buf_free(&out);
	gone(&l);
}

static void test_cef(void **state)
{
	struct ztj_event e = an_event();
	struct leaf l;
	struct ztj_view leaf = made(&l, &e);
	struct ztj_buf out;
	(void)state;
	ztj_buf_init(&out, 1 << 20);
	ok(ztj_event_cef(&l.e, &origin, &out));
	json_t *o = readback_cef(ztj_buf_view(&out));
	assert_non_null(o);
	assert_string_equal(get(o, "Product"), "ztjit-broker");
	assert_string_equal(get(o, "Signature"), "statement:accepted");
	assert_string_equal(get(o, "Severity"), "3");
	assert_string_equal(get(o, "rt"), "1795857164000");
	assert_string_equal(get(o, "externalId"), "41");
	assert_string_equal(get(o, "suser"), "people/req1");
	assert_string_equal(get(o, "dhost"), "servers/web1 servers/web2");
	assert_string_equal(get(o, "src"), "192.0.2.7");
	assert_string_equal(get(o, "cs1"), "root-shell");
	assert_string_equal(get(o, "cs1Label"), "role");
	assert_string_equal(get(o, "msg"), "disk full");
	json_decref(o);
	/* in syslog it is the text */
	struct ztj_event_origin in_syslog = origin;
	in_syslog.cef = true;
	struct ztj_buf whole;
	ztj_buf_init(&whole, 1 << 20);
	ok(ztj_event_syslog(&l.e, leaf, &in_syslog, &whole));
	o = readback_syslog(ztj_buf_view(&whole));
	assert_string_equal(get(o, "MSG"), ztj_buf_str(&out));
	json_decref(o);
	ztj_buf_free(&whole);
	gone(&l);
	e.address = "2001:db8::7";
	e.outcome = "refused";
	(void)made(&l, &e);
	ztj_buf_reset(&out);
	ok(ztj_event_cef(&l.e, &origin, &out));
	o = readback_cef(ztj_buf_view(&out));
	assert_string_equal(get(o, "src"), "");
	assert_string_equal(get(o, "c6a2"), "2001:db8::7");
	assert_string_equal(get(o, "Severity"), "7");
	json_decref(o);
	gone(&l);
	ztj_buf_free(&out);
}

static void test_weights(void **state)
{
	static const struct {
		const char *kind, *outcome, *action;
		unsigned syslog, cef;
	} t[] = { { "alarm", "raised", "", 1, 10 }, { "decision", "alarm", "alarm", 1, 10 },
		{ "decision", "denied", "auth", 4, 7 }, { "decision", "allowed", "auth", 6, 3 },
		{ "statement", "refused", "", 4, 7 }, { "statement", "accepted", "break-glass", 4, 8 },
		{ "session", "lost", "", 4, 7 }, { "session", "closed", "", 6, 3 },
		{ "policy", "accepted", "", 5, 6 }, { "view", "opened", "play", 5, 5 } };
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct ztj_event e = { .kind = t[i].kind,
			.outcome = t[i].outcome,
			.action = t[i].action,
			.time = 1795857164 };
		struct leaf l;
		(void)made(&l, &e);
		struct ztj_event_weight w = ztj_event_weigh(&l.e);
		assert_int_equal(w.syslog, t[i].syslog);
		assert_int_equal(w.cef, t[i].cef);
		gone(&l);
	}
}

/* Every member that people fill, each with every hostile text: it stays in its field, in every form. */
static void test_A03_no_text_leaves_its_field(void **state)
{
	struct ztj_buf head, out;
	(void)state;
	ztj_buf_init(&head, 4096);
	ztj_buf_init(&out, 1 << 20);
	ok(ztj_event_csv_head(&head));
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		const char *h = hostile[i];
		const char *const list[] = { h, "servers/web1" };
		struct ztj_event e = { .n = i,
			.time = 1795857164,
			.kind = "statement",
			.outcome = "refused",
			.person = h,
			.by = h,
			.host = h,
			.role = h,
			.rule = h,
			.service = h,
			.account = h,
			.address = h,
			.session = h,
			.name = h,
			.action = h,
			.decision = h,
			.reason = h,
			.ticket = h,
			.command = h,
			.text = h,
			.hosts = { list, 2 } };
		struct leaf l;
		struct ztj_view leaf = made(&l, &e);
		const char *want = ztj_event_text(&l.e, "reason");
		struct ztj_event_origin o = origin;
		o.host = h;
		o.version = h;
		assert_true(h[0] == '\0' || want[0] != '\0');

		ztj_buf_reset(&out);
		ok(ztj_event_syslog(&l.e, leaf, &o, &out));
		json_t *got = readback_syslog(ztj_buf_view(&out));
		assert_non_null(got);
		assert_string_equal(get(got, "person"), want);
		assert_string_equal(get(got, "ticket"), want);
		assert_null(json_object_get(got, "evil"));
		assert_true(
		    strlen(get(got, "MSG")) == leaf.n && memcmp(get(got, "MSG"), leaf.p, leaf.n) == 0);
		json_decref(got);

		o.version = "1";
		o.host = NULL;
		ztj_buf_reset(&out);
		ok(ztj_event_cef(&l.e, &o, &out));
		got = readback_cef(ztj_buf_view(&out));
		assert_non_null(got);
		assert_string_equal(get(got, "suser"), want);
		assert_string_equal(get(got, "act"), want);
		assert_string_equal(get(got, "msg"), want);
		assert_string_equal(get(got, "outcome"), "refused");
		json_decref(got);

		ztj_buf_reset(&out);
		ok(ztj_event_csv(&l.e, leaf, &out));
		got = readback_csv(ztj_buf_view(&head), ztj_buf_view(&out));
		assert_non_null(got);
		const char *cell = get(got, "reason");
		if (cell[0] == '\'' && want[0] != '\'')
			cell++;
		assert_string_equal(cell, want);
		assert_null(strchr("=+-@", get(got, "reason")[0] == '\0' ? 'x' : get(got, "reason")[0]));
		assert_string_equal(get(got, "kind"), "statement");
		assert_true(
		    strlen(get(got, "leaf")) == leaf.n && memcmp(get(got, "leaf"), leaf.p, leaf.n) == 0);
		json_decref(got);
		gone(&l);
	}
	ztj_buf_free(&head);
	ztj_buf_free(&out);
}

static void test_formulas(void **state)
{
	static const char *const texts[] = { "=1+1", "+1", "-1", "@A1", " =1", "\xef\xbc\x9d=1", "|x", "%x" };
	struct ztj_buf head, out;
	(void)state;
	ztj_buf_init(&head, 4096);
	ztj_buf_init(&out, 1 << 20);
	ok(ztj_event_csv_head(&head));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ztj_event e = { .time = 1795857164,
			.kind = "broker",
			.outcome = "started",
			.text = texts[i] };
		struct leaf l;
		struct ztj_view leaf = made(&l, &e);
		ztj_buf_reset(&out);
		ok(ztj_event_csv(&l.e, leaf, &out));
		json_t *got = readback_csv(ztj_buf_view(&head), ztj_buf_view(&out));
		assert_int_equal(get(got, "text")[0], '\'');
		assert_string_equal(get(got, "text") + 1, texts[i]);
		json_decref(got);
		gone(&l);
	}
	ztj_buf_free(&head);
	ztj_buf_free(&out);
}

/* What is no line of text is refused, whoever signed it. */
static void test_A03_a_leaf_that_is_no_text(void **state)
{
	static const char bad[] =
	    "{\"v\":1,\"n\":0,\"time\":\"2026-11-28T09:12:44Z\",\"kind\":\"alarm\",\"outcome\":\"raised\"}\n";
	struct ztj_event e = an_event();
	struct leaf l;
	struct ztj_buf out;
	(void)state;
	(void)made(&l, &e);
	ztj_buf_init(&out, 1 << 20);
	fails(ztj_event_syslog(&l.e, ztj_view_str(bad), &origin, &out), ZTJ_BAD_TEXT);
	fails(ztj_event_csv(&l.e, ztj_view_str(bad), &out), ZTJ_BAD_TEXT);
	assert_int_equal(out.n, 0);
	ztj_buf_free(&out);
	gone(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syslog),
		cmocka_unit_test(test_cef),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_A03_no_text_leaves_its_field),
		cmocka_unit_test(test_formulas),
		cmocka_unit_test(test_A03_a_leaf_that_is_no_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
