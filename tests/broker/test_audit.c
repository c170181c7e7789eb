/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The audit log of a real broker: what is in it, that it is there before anybody hears of it, and what is done to it. */
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/core/logcheck.h"
#include "tests/broker/rows.h"
#include "tests/core/support.h"

#define LEAVES 4096

static const struct fx_policy auditing = { .more = "auditors = [ \"@security\" ];" };

/* The whole log as an auditor has it. */
static struct seen {
	struct ztj_checkpoint head;
	size_t n;
	json_t *leaf[LEAVES];
} seen;

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b,
	    "rate_identity = 10000;\nrate_statements = 100000;\nrate_anonymous = 100000;\nmax_open_requests = 10000;\n");
	bk_arm(&b);
	bk_policy(&b, &auditing);
	bk_login(&b, FX_REQ1);
	bk_login(&b, FX_LEAD1);
	bk_login(&b, FX_SEC1);
	*state = &b;
	return 0;
}

static void forget(void)
{
	for (size_t i = 0; i < seen.n; i++)
		json_decref(seen.leaf[i]);
	memset(&seen, 0, sizeof(seen));
}

static int tear_down(void **state)
{
	forget();
	bk_end(*state);
	return 0;
}

/* --- an auditor --- */

static int give_tile(void *arg, const struct ztj_tile *t, ztj_hash *out)
{
	struct bk *b = arg;
	char path[ZTJ_TILE_PATH_SIZE];
	ztj_tile_path(t, path);
	if (bk_get(b, &b->login[FX_SEC1], "/v1/log/%s", path) == 404)
		return ZTJ_NOT_FOUND;
	assert_int_equal(b->status, 200);
	if (b->body.n != t->width * sizeof(out[0]))
		return ZTJ_LOG_ALTERED;
	memcpy(out, b->body.p, b->body.n);
	return ZTJ_OK;
}

static int checkpoint(struct bk *b, struct ztj_checkpoint *out)
{
	(void)bk_get(b, &b->login[FX_SEC1], "/v1/log/checkpoint");
	if (b->status != 200)
		return ZTJ_NOT_FOUND;
	return ztj_checkpoint_open(ztj_buf_view(&b->body), "example", &b->w.log.pub, 1, out);
}

static void keep_leaves(struct ztj_view bundle)
{
	struct ztj_view v;
	struct ztj_rd rd;
	ztj_rd_init(&rd, bundle);
	while (ztj_entry_next(&rd, &v) == ZTJ_OK && seen.n < LEAVES)
		seen.leaf[seen.n++] = json_loadb((const char *)v.p, v.n, JSON_REJECT_DUPLICATES, NULL);
}

/* Fetches everything; how the check ended. */
static int audit(struct bk *b, struct ztj_logcheck *c)
{
	struct ztj_buf bundle;
	int r;
	forget();
	ztj_logcheck_init(c);
	c->tile = give_tile;
	c->arg = b;
	r = checkpoint(b, &seen.head);
	if (r != ZTJ_OK)
		return r;
	ok(ztj_logcheck_mark(c, &seen.head));
	ztj_buf_init(&bundle, (size_t)32 * 1024 * 1024);
	for (uint64_t at = 0; r == ZTJ_OK && at < seen.head.size; at += ZTJ_TILE_WIDTH) {
		struct ztj_tile t = { .entries = true, .index = at / ZTJ_TILE_WIDTH };
		char path[ZTJ_TILE_PATH_SIZE];
		t.width = ztj_tile_width(seen.head.size, 0, t.index);
		ztj_tile_path(&t, path);
		(void)bk_get(b, &b->login[FX_SEC1], "/v1/log/%s", path);
		bk_expect(b, 200, "");
		ztj_buf_reset(&bundle);
		ok(ztj_buf_put(&bundle, b->body.p, b->body.n));
		keep_leaves(ztj_buf_view(&bundle));
		r = ztj_logcheck_bundle(c, ztj_buf_view(&bundle), t.width);
	}
	ztj_buf_free(&bundle);
	return r == ZTJ_OK ? ztj_logcheck_end(c) : r;
}

/* A checkpoint that holds what happened so far. */
static void settle(struct bk *b)
{
	static struct ztj_logcheck c;
	struct ztj_checkpoint before;
	ok(checkpoint(b, &before));
	for (int i = 0; i < 600; i++) {
		struct ztj_checkpoint now;
		(void)poll(NULL, 0, 100);
		ok(checkpoint(b, &now));
		if (now.size == before.size && i > 12)
			break;
		before = now;
	}
	int r = audit(b, &c);
	if (r != ZTJ_OK)
		fail_msg("%s: leaf %llu: %s", ztj_err_name(r), (unsigned long long)c.bad, c.text);
}

static const char *text_of(size_t i, const char *member)
{
	const char *s = json_string_value(json_object_get(seen.leaf[i], member));
	return s == NULL ? "" : s;
}

/* The newest leaf of that kind and outcome that has this value; the test fails when there is none. */
static size_t leaf(const char *kind, const char *outcome, const char *member, const char *value)
{
	for (size_t i = seen.n; i-- > 0;)
		if (strcmp(text_of(i, "kind"), kind) == 0 && strcmp(text_of(i, "outcome"), outcome) == 0 &&
		    (member == NULL || strcmp(text_of(i, member), value) == 0))
			return i;
	fail_msg("no leaf %s %s %s %s", kind, outcome, member == NULL ? "" : member,
	    value == NULL ? "" : value);
	return 0;
}

static const char *hex(const uint8_t id[ZTJ_DIGEST_LEN])
{
	static char out[ZTJ_HEX_SIZE];
	ztj_hex(id, ZTJ_DIGEST_LEN, out);
	return out;
}

/* --- what is in it --- */

static void test_everything_has_a_leaf(void **state)
{
	struct bk *b = *state;
	struct fx_signed req, denied, no, rev;
	size_t i;

	bk_granted(b, &req);
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ1].key);
	bk_expect(b, 200, "");
	fx_revoke_request(&b->w, FX_REQ1, &b->w.person[FX_REQ1].key, &req, &rev);
	(void)bk_put(b, &b->login[FX_REQ1], &rev);
	bk_expect(b, 201, "");
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ1].key);
	bk_expect(b, 403, "revoked");
	bk_clock(b);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 900, &denied);
	(void)bk_put(b, &b->login[FX_REQ1], &denied);
	fx_approval(&b->w, FX_LEAD1, &denied, true, 0, &no);
	(void)bk_put(b, &b->login[FX_LEAD1], &no);
	bk_expect(b, 201, "");
	settle(b);

	i = leaf("statement", "accepted", "statement", hex(req.id));
	assert_string_equal(text_of(i, "type"), "request");
	assert_string_equal(text_of(i, "person"), "people/req1");
	assert_string_equal(text_of(i, "role"), "root-shell");
	assert_string_equal(json_string_value(json_array_get(json_object_get(seen.leaf[i], "hosts"), 0)),
	    "servers/test1");
	assert_int_equal(json_integer_value(json_object_get(seen.leaf[i], "duration")), 1800);
	assert_string_not_equal(text_of(i, "reason"), "");
	assert_memory_equal(json_string_value(json_array_get(json_object_get(seen.leaf[i], "keys"), 0)),
	    "SHA256:", 7);
	assert_string_equal(text_of(i, "address"), "127.0.0.1");
	i = leaf("statement", "accepted", "statement", hex(no.id));
	assert_string_equal(text_of(i, "type"), "approval");
	assert_string_equal(text_of(i, "decision"), "deny");
	assert_string_equal(text_of(i, "request"), hex(denied.id));
	i = leaf("statement", "accepted", "statement", hex(rev.id));
	assert_string_equal(text_of(i, "type"), "revocation");
	i = leaf("certificate", "issued", "request", hex(req.id));
	assert_string_equal(text_of(i, "person"), "people/req1");
	assert_true(strlen(text_of(i, "certificate")) > 0);
	assert_int_equal(strspn(text_of(i, "certificate"), "0123456789"), strlen(text_of(i, "certificate")));
	i = leaf("certificate", "refused", "request", hex(req.id));
	assert_string_equal(text_of(i, "code"), "revoked");
	i = leaf("policy", "accepted", NULL, NULL);
	assert_int_equal(json_integer_value(json_object_get(seen.leaf[i], "version")), 2);
	i = leaf("directory", "accepted", "name", "people");
	assert_int_equal(json_integer_value(json_object_get(seen.leaf[i], "serial")), 1);
	assert_int_equal(json_integer_value(json_object_get(seen.leaf[i], "count")), FX_PEOPLE);
	(void)leaf("statement", "accepted", "type", "login");
	(void)leaf("broker", "started", NULL, NULL);
	fx_signed_free(&req);
	fx_signed_free(&denied);
	fx_signed_free(&no);
	fx_signed_free(&rev);
}

static void test_refusals_have_a_leaf(void **state)
{
	struct bk *b = *state;
	struct fx_signed req, again;
	size_t i;
	bk_clock(b);
	fx_request(&b->w, FX_REQ1, "no-such-role", FX_TEST1, 900, &req);
	(void)bk_put(b, &b->login[FX_REQ1], &req);
	assert_int_equal(b->status, 403);
	/* carried by somebody else, and with a signature that does not verify */
	bk_clock(b);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 901, &again);
	uint8_t *spoilt = (uint8_t *)(uintptr_t)again.s.sig[0].p;
	spoilt[again.s.sig[0].n - 10] ^= 1;
	(void)bk_put(b, &b->login[FX_LEAD1], &again);
	bk_expect(b, 403, "bad-signature");
	/* strangers are written one by one only so often */
	for (int n = 0; n < 60; n++) {
		(void)bk_call(b, NULL, "POST", "/v1/statements",
		    ztj_view_str("{\"statement\":\"AAAA\",\"signatures\":[]}"));
		assert_true(b->status >= 400 && b->status < 500);
	}
	settle(b);
	i = leaf("statement", "refused", "statement", hex(req.id));
	assert_string_equal(text_of(i, "code"), "no-rule");
	assert_string_equal(text_of(i, "by"), "people/req1");
	assert_string_equal(text_of(i, "role"), "no-such-role");
	i = leaf("statement", "refused", "statement", hex(again.id));
	assert_string_equal(text_of(i, "code"), "bad-signature");
	assert_string_equal(text_of(i, "by"), "people/lead1");
	assert_string_equal(text_of(i, "person"), "people/req1");
	size_t strangers = 0;
	for (i = 0; i < seen.n; i++)
		strangers += strcmp(text_of(i, "outcome"), "refused") == 0 &&
		    strcmp(text_of(i, "by"), "") == 0 && strcmp(text_of(i, "kind"), "statement") == 0;
	assert_in_range(strangers, 0, 45);
	fx_signed_free(&req);
	fx_signed_free(&again);
}

/* Reading it is for auditors; anybody known may keep a checkpoint. */
static void test_B01_who_reads_it(void **state)
{
	struct bk *b = *state;
	const struct ztj_seckey *known[] = { &b->login[FX_REQ1], &b->login[FX_SEC1], &b->host_tls[FX_TEST1] };
	for (size_t i = 0; i < 3; i++) {
		(void)bk_get(b, known[i], "/v1/log/checkpoint");
		bk_expect(b, 200, "");
		assert_memory_equal(b->body.p, "example/ztjit\n", 14);
	}
	(void)bk_get(b, NULL, "/v1/log/checkpoint");
	bk_expect(b, 401, "forbidden");
	(void)bk_get(b, &b->registrar[0], "/v1/log/checkpoint");
	bk_expect(b, 403, "forbidden");
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/log/tile/0/000.p/1");
	bk_expect(b, 403, "forbidden");
	(void)bk_get(b, &b->host_tls[FX_TEST1], "/v1/log/tile/entries/000.p/1");
	bk_expect(b, 403, "forbidden");
	(void)bk_get(b, &b->login[FX_SEC1], "/v1/log/tile/entries/999");
	bk_expect(b, 404, "not-found");
}

/* --- a directory as it was --- */

static size_t records_at(struct bk *b, int64_t serial)
{
	struct ztj_dir_answer *a;
	const struct ztj_dir_update *u;
	struct ztj_stmt *st;
	struct ztj_dir *d;
	size_t n;
	(void)bk_get(b, &b->login[FX_SEC1], "/v1/directories/people?at=%lld", (long long)serial);
	bk_expect(b, 200, "");
	assert_int_equal(bk_int(b, "serial"), serial);
	ok(ztj_dir_answer_read(ztj_buf_view(&b->body), b->body.n, &a));
	u = ztj_dir_answer_update(a);
	assert_int_equal(u->nstatements, 1);
	ok(ztj_stmt_open(&u->statements[0], ZTJ_STMT_DIRECTORY, "example", &st));
	ok(ztj_dir_apply(NULL, "people", &u->delta, &d));
	ok(ztj_dir_commit(d, st)); /* the records give the root that was signed then */
	assert_int_equal(st->u.directory.serial, serial);
	n = ztj_dir_count(d);
	ztj_dir_free(d);
	ztj_stmt_free(st);
	ztj_dir_answer_free(a);
	return n;
}

/* Whoever left stands in what was, for auditors alone. */
static void test_a_directory_as_it_was(void **state)
{
	struct bk *b = *state;
	int64_t was = b->dir_serial[0];
	assert_int_equal(bk_directory(b, 0, FX_OUT1), 201);
	assert_int_equal(records_at(b, was), FX_PEOPLE);
	assert_int_equal(records_at(b, was + 1), FX_PEOPLE - 1);
	assert_int_equal(bk_directory(b, 0, -1), 201);
	assert_int_equal(records_at(b, was + 1), FX_PEOPLE - 1);
	assert_int_equal(records_at(b, was + 2), FX_PEOPLE);
	assert_int_equal(records_at(b, was), FX_PEOPLE);
	(void)bk_get(b, &b->login[FX_SEC1], "/v1/directories/people?at=%lld", (long long)was + 3);
	bk_expect(b, 404, "not-found");
	(void)bk_get(b, &b->login[FX_SEC1], "/v1/directories/nobody?at=1");
	bk_expect(b, 404, "not-found");
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/directories/people?at=1");
	bk_expect(b, 403, "forbidden");
	(void)bk_get(b, &b->host_tls[FX_TEST1], "/v1/directories/people?at=1");
	bk_expect(b, 403, "forbidden");
	(void)bk_get(b, &b->registrar[0], "/v1/directories/people?at=1");
	bk_expect(b, 403, "forbidden");
}

/* --- what hosts decided --- */

/* Lines of a host's own log, from number seq on after prev; prev becomes the digest of the last. */
static void lines(struct ztj_buf *out, const char *host, int64_t seq, int n, uint8_t prev[ZTJ_DIGEST_LEN])
{
	for (int i = 0; i < n; i++) {
		size_t before = out->n;
		ok(ztj_buf_printf(out,
		    "{\"v\":1,\"seq\":%lld,\"prev\":\"%s\",\"time\":\"2026-01-01T00:00:00Z\",\"event\":\"account\","
		    "\"code\":\"no-grant\",\"person\":\"people/req1\",\"service\":\"sudo\",\"host\":\"%s\",\"text\":\"\\u001b\"}",
		    (long long)seq + i, hex(prev), host));
		ok(ztj_sha256(ztj_view_of(out->p + before, out->n - before), prev));
		ok(ztj_buf_puts(out, "\n"));
	}
}

static long send_lines(struct bk *b, int host, const struct ztj_buf *text)
{
	return bk_call(b, &b->host_tls[host], "POST", "/v1/decisions", ztj_buf_view(text));
}

static void test_decisions_of_hosts(void **state)
{
	struct bk *b = *state;
	uint8_t at[ZTJ_DIGEST_LEN] = { 0 };
	struct ztj_buf text, none;
	size_t i;
	ztj_buf_init(&text, 1 << 20);
	ztj_buf_init(&none, 16);
	assert_int_equal(send_lines(b, FX_WEB1, &none), 200);
	assert_int_equal(bk_int(b, "seq"), 0);
	lines(&text, "servers/web1", 1, 3, at);
	assert_int_equal(send_lines(b, FX_WEB1, &text), 200);
	assert_int_equal(bk_int(b, "seq"), 3);
	assert_string_equal(bk_text(b, "head"), hex(at));
	/* again: no second leaf */
	assert_int_equal(send_lines(b, FX_WEB1, &text), 200);
	assert_int_equal(bk_int(b, "seq"), 3);
	settle(b);
	i = leaf("decision", "denied", "host", "servers/web1");
	assert_string_equal(text_of(i, "code"), "no-grant");
	assert_string_equal(text_of(i, "at"), "2026-01-01T00:00:00Z");
	assert_string_equal(text_of(i, "action"), "account");
	size_t n = 0;
	for (i = 0; i < seen.n; i++)
		n += strcmp(text_of(i, "kind"), "decision") == 0;
	assert_int_equal(n, 3);
	/* B02: the line names another host */
	ztj_buf_reset(&text);
	lines(&text, "servers/web2", 4, 1, at);
	assert_int_equal(send_lines(b, FX_WEB1, &text), 403);
	assert_string_equal(b->error, "wrong-host");
	/* what is no line of a log */
	static const char *const bad[] = { "\n", "{}\n", "{\"v\":1}\n", "no line feed",
		"{\"v\":2,\"seq\":4}\n", "\x1b\n", "[1]\n" };
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ztj_buf_reset(&text);
		ok(ztj_buf_puts(&text, bad[i]));
		assert_int_not_equal(send_lines(b, FX_WEB1, &text), 200);
		assert_true(b->status >= 400 && b->status < 500);
	}
	ztj_buf_free(&text);
}

static int64_t alarms_of(const struct bk *b, const char *text)
{
	char sql[512];
	(void)snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM leaf WHERE json_extract(CAST(entry AS TEXT), '$.kind') = 'alarm' AND"
	    " json_extract(CAST(entry AS TEXT), '$.text') LIKE '%s%%'",
	    text);
	return bk_count(b, sql);
}

/* Line `seq` of a host, with n of these in its text. */
static void line_with(struct ztj_buf *out, const char *host, int seq, const char *what, int n)
{
	ztj_buf_reset(out);
	ok(ztj_buf_printf(out,
	    "{\"v\":1,\"seq\":%d,\"prev\":\"%064d\",\"time\":\"2026-01-01T00:00:00Z\",\"event\":\"alarm\","
	    "\"code\":\"ok\",\"host\":\"%s\",\"tty\":\"",
	    seq, 0, host));
	for (int i = 0; i < n; i++)
		ok(ztj_buf_puts(out, what));
	ok(ztj_buf_puts(out, "\"}\n"));
}

/* What cannot stand in a leaf is refused; it does not take the batch of everybody else with it. */
static void test_W03_lines_that_grow(void **state)
{
	struct bk *b = *state;
	static const char *const grow[] = { "\\\\", "\\\"", "\\u0001", "\\n", "\\u200b", "\\ud83d\\ude00" };
	struct ztj_buf text;
	int64_t held = 0;
	ztj_buf_init(&text, 1 << 20);
	for (size_t i = 0; i < sizeof(grow) / sizeof(grow[0]); i++) {
		/* as long as a line may be, and the longest of those that are taken */
		int most = 16000 / (int)strlen(grow[i]), least = 0;
		line_with(&text, "servers/test1", 1, grow[i], most + 200);
		assert_int_equal(send_lines(b, FX_TEST1, &text), 413);
		while (most > least) {
			int n = (most + least + 1) / 2;
			line_with(&text, "servers/test1", 1, grow[i], n);
			if (send_lines(b, FX_TEST1, &text) == 200) {
				least = n;
				held = bk_int(b, "seq");
			} else {
				assert_int_equal(b->status, 413);
				most = n - 1;
			}
		}
		assert_true(least > 1000);
	}
	assert_int_equal(held, 1);
	assert_false(bk_logged(b, "nothing of this batch was kept"));
	/* each of them told another history: so often that is said */
	for (int seq = 2; seq < 12; seq++) {
		line_with(&text, "servers/test1", seq, "x", 1);
		assert_int_equal(send_lines(b, FX_TEST1, &text), 200);
	}
	assert_int_equal(alarms_of(b, "the log of servers/test1 tells another history"), 5);
	assert_int_equal(alarms_of(b, "more alarms of this kind about servers/test1"), 1);
	assert_true(bk_logged(b, "the log of servers/test1 tells another history from line 11 on"));
	/* and hides nobody else's */
	line_with(&text, "servers/web1", 1, "x", 1);
	assert_int_equal(send_lines(b, FX_WEB1, &text), 200);
	line_with(&text, "servers/web1", 1, "x", 2);
	assert_int_equal(send_lines(b, FX_WEB1, &text), 200);
	assert_int_equal(alarms_of(b, "the log of servers/web1 tells another history from line 1 on"), 1);
	/* and one host does not fill the disk of all */
	ztj_buf_reset(&text);
	for (int i = 0; i < 1000 && send_lines(b, FX_TEST1, &text) == 200; i++)
		;
	bk_expect(b, 429, "rate-limited");
	assert_int_equal(send_lines(b, FX_WEB1, &text), 200);
	for (int i = 0; i < 97 * 1024; i++)
		ok(ztj_buf_puts(&text, "\n"));
	assert_int_equal(send_lines(b, FX_WEB1, &text), 413);
	ztj_buf_free(&text);
	settle(b);
}

/* A host that goes on where the database was before it was restored has the lines in between: none is lost. */
static void test_G06_a_hosts_log_after_a_restore(void **state)
{
	struct bk *b = *state;
	uint8_t at[ZTJ_DIGEST_LEN] = { 0 };
	struct ztj_buf first, lost, more;
	ztj_buf_init(&first, 1 << 20);
	ztj_buf_init(&lost, 1 << 20);
	ztj_buf_init(&more, 1 << 20);
	lines(&first, "servers/web2", 1, 2, at);
	lines(&lost, "servers/web2", 3, 2, at);
	lines(&more, "servers/web2", 5, 2, at);
	assert_int_equal(send_lines(b, FX_WEB2, &first), 200);
	/* lines 3 and 4 were held by what is no more; the host goes on, hears, and begins where it is told */
	assert_int_equal(send_lines(b, FX_WEB2, &more), 200);
	assert_int_equal(bk_int(b, "seq"), 2);
	assert_int_equal(send_lines(b, FX_WEB2, &lost), 200);
	assert_int_equal(bk_int(b, "seq"), 4);
	assert_int_equal(send_lines(b, FX_WEB2, &more), 200);
	assert_int_equal(bk_int(b, "seq"), 6);
	assert_false(bk_logged(b, "the log of servers/web2"));
	ztj_buf_free(&first);
	ztj_buf_free(&lost);
	ztj_buf_free(&more);
	settle(b);
}

static void test_A01_breaks_in_a_hosts_log(void **state)
{
	struct bk *b = *state;
	uint8_t at[ZTJ_DIGEST_LEN] = { 0 }, fork[ZTJ_DIGEST_LEN];
	struct ztj_buf text;
	ztj_buf_init(&text, 1 << 20);
	lines(&text, "servers/db1", 1, 3, at);
	assert_int_equal(send_lines(b, FX_DB1, &text), 200);
	memcpy(fork, at, sizeof(fork));
	/* lines 4 and 5 never come */
	ztj_buf_reset(&text);
	lines(&text, "servers/db1", 6, 1, at);
	assert_int_equal(send_lines(b, FX_DB1, &text), 200);
	/* the host may have them still: it is told where to go on */
	assert_int_equal(bk_int(b, "seq"), 3);
	assert_false(bk_logged(b, "the log of servers/db1 has a gap"));
	assert_int_equal(send_lines(b, FX_DB1, &text), 200);
	assert_int_equal(bk_int(b, "seq"), 6);
	assert_true(bk_logged(b, "the log of servers/db1 has a gap: lines 4 to 5 never came"));
	/* another history from 4 on */
	ztj_buf_reset(&text);
	lines(&text, "servers/db1", 4, 2, fork);
	assert_int_equal(send_lines(b, FX_DB1, &text), 200);
	assert_int_equal(bk_int(b, "seq"), 5);
	assert_true(bk_logged(b, "the log of servers/db1 tells another history from line 4 on"));
	/* made anew from the beginning: an agent that was installed again, or one that hides something */
	memset(at, 0, sizeof(at));
	ztj_buf_reset(&text);
	ok(ztj_buf_puts(&text,
	    "{\"v\":1,\"seq\":1,\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\","
	    "\"time\":\"2026-01-02T00:00:00Z\",\"event\":\"alarm\",\"code\":\"ok\",\"host\":\"servers/db1\"}\n"));
	assert_int_equal(send_lines(b, FX_DB1, &text), 200);
	assert_int_equal(bk_int(b, "seq"), 1);
	assert_true(bk_logged(b, "another history from line 1 on"));
	settle(b);
	(void)leaf("alarm", "raised", "code", "log-fork");
	(void)leaf("alarm", "raised", "code", "truncated");
	(void)leaf("decision", "alarm", "host", "servers/db1");
	ztj_buf_free(&text);
}

/* Across full tiles, and across a restart in the middle of them. */
static void test_many_leaves(void **state)
{
	static struct ztj_logcheck c;
	struct bk *b = *state;
	struct fx_signed req;
	size_t before;
	settle(b);
	before = seen.n;
	for (int n = 0; n < 300; n++) {
		bk_clock(b);
		fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 1000 + n, &req);
		(void)bk_put(b, &b->login[FX_REQ1], &req);
		bk_expect(b, 201, "");
		fx_signed_free(&req);
		if (n == 150) {
			bk_stop(b);
			bk_serve(b);
		}
	}
	settle(b);
	assert_true(seen.n >= before + 302 && seen.n > 256);
	(void)leaf("broker", "stopped", NULL, NULL);
	/* the partial tiles of what is full now are gone, the full one is there */
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/store/log/tile/entries/000.p", b->dir);
	assert_int_not_equal(access(path, F_OK), 0);
	(void)snprintf(path, sizeof(path), "%s/store/log/tile/entries/000", b->dir);
	assert_int_equal(access(path, F_OK), 0);
	/* a copy of the directory is enough for anybody: lost files are made again */
	bk_stop(b);
	assert_int_equal(setenv("D", b->dir, 1), 0);
	assert_int_equal(shell("rm -rf $D/store/log/tile/entries/00?.p $D/store/log/tile/0/00?.p"), 0);
	bk_serve(b);
	settle(b);
	ok(audit(b, &c));
}

/* --- D01, D03: statements and leaves in step --- */

/* Both or neither: every kept statement has its leaf, every leaf of an accepted one its statement. Sessions' heads and
 * the like stand elsewhere. */
static void in_step(const struct bk *b)
{
	sqlite3 *db = bk_rows(b);
	assert_int_equal(bk_count(b,
			     "SELECT count(*) FROM statement WHERE lower(hex(id)) NOT IN (SELECT"
			     " json_extract(CAST(entry AS TEXT), '$.statement') FROM leaf WHERE"
			     " json_extract(CAST(entry AS TEXT), '$.outcome') = 'accepted')"),
	    0);
	assert_int_equal(
	    bk_count(b,
		"SELECT count(*) FROM leaf WHERE json_extract(CAST(entry AS TEXT), '$.outcome') = 'accepted' AND"
		" json_extract(CAST(entry AS TEXT), '$.statement') NOT IN (SELECT lower(hex(id)) FROM statement)"),
	    0);
	assert_int_equal(bk_count(b, "SELECT count(*) - max(n) - 1 FROM leaf"), 0);
	assert_int_equal(bk_count(b, "SELECT count(*) FROM node WHERE level = 1") * 256,
	    bk_count(b, "SELECT count(*) / 256 * 256 FROM leaf"));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Killed at a moment that differs in every round; the wrapper may choose the moment instead. */
static void round_of_killing(struct bk *b, useconds_t after)
{
	struct fx_signed req;
	pid_t killer = 0;
	if (after > 0) {
		killer = fork();
		if (killer == 0) {
			(void)usleep(after);
			(void)kill(-b->pid, SIGKILL);
			_exit(0);
		}
	}
	for (int n = 0; n < 400; n++) {
		bk_clock(b);
		fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600, &req);
		long status = bk_put(b, &b->login[FX_REQ1], &req);
		fx_signed_free(&req);
		if (status != 201)
			break;
	}
	if (killer > 0)
		assert_int_equal(waitpid(killer, NULL, 0), killer);
	bk_kill(b);
	in_step(b);
}

static void test_D03_killed_at_random(void **state)
{
	struct bk *b = *state;
	for (unsigned i = 0; i < 8; i++) {
		round_of_killing(b, 5000 + i * 23000);
		bk_serve(b);
		settle(b);
	}
}

static void test_D03_killed_in_any_call(void **state)
{
	static const char *const calls[] = { "fdatasync", "pwrite64", "rename", "fsync", "openat" };
	struct bk *b = *state;
	char inject[64], trace[64];
	if (!have_tool("strace")) {
		print_message("strace is not installed\n");
		skip();
	}
	bk_stop(b);
	for (unsigned i = 0; i < 10; i++) {
		(void)snprintf(trace, sizeof(trace), "trace=%s", calls[i % 5]);
		(void)snprintf(inject, sizeof(inject), "inject=%s:signal=SIGKILL:when=%u", calls[i % 5],
		    i % 5 == 4 ? 160 + i * 7 : 14 + i * 5);
		const char *const wrapper[] = { "strace", "-f", "-qq", "-o", "/dev/null", "-e", trace, "-e",
			inject, NULL };
		memcpy(b->wrapper, wrapper, sizeof(wrapper));
		if (bk_try_serve(b))
			round_of_killing(b, 0);
		b->wrapper[0] = NULL;
		in_step(b);
		bk_serve(b);
		settle(b);
		bk_stop(b);
	}
	bk_serve(b);
}

/* --- what is done to it --- */

static void spoil(const struct bk *b, const char *how)
{
	assert_int_equal(setenv("D", b->dir, 1), 0);
	assert_int_equal(shell(how), 0);
}

static void test_A01_a_changed_file_is_named(void **state)
{
	static struct ztj_logcheck c;
	struct bk *b = *state;
	settle(b);
	assert_true(seen.n > 256);
	/* one byte of leaf 7 */
	spoil(b,
	    "cp $D/store/log/tile/entries/000 $D/saved && sed -i 's/\"n\":7,/\"n\":9,/' $D/store/log/tile/entries/000");
	fails(audit(b, &c), ZTJ_LOG_ALTERED);
	assert_int_equal(c.bad, 7);
	spoil(b, "cp $D/saved $D/store/log/tile/entries/000");
	ok(audit(b, &c));
	/* a hash of leaf 3 */
	spoil(b,
	    "cp $D/store/log/tile/0/000 $D/saved && printf x | dd of=$D/store/log/tile/0/000 bs=1 seek=100 conv=notrunc"
	    " 2>$D/dd");
	fails(audit(b, &c), ZTJ_LOG_ALTERED);
	assert_int_equal(c.bad, 3);
	spoil(b, "cp $D/saved $D/store/log/tile/0/000");
	/* a checkpoint of our own making */
	spoil(b, "cp $D/store/log/checkpoint $D/saved");
	ok(audit(b, &c));
}

/* Somebody who writes in the database: what was signed before shows it, and nothing is signed any more. */
static void test_A01_a_changed_row_is_found(void **state)
{
	static struct ztj_logcheck c;
	struct bk *b = *state;
	struct ztj_checkpoint last, none;
	char conf[160], sql[256];
	struct ztj_buf out;
	settle(b);
	/* One of the newest, whose tile is not full: of those before, only `check` and auditors read every row. */
	for (ok(checkpoint(b, &last)); last.size % ZTJ_TILE_WIDTH == 0 || last.size % ZTJ_TILE_WIDTH > 200;
	     ok(checkpoint(b, &last))) {
		(void)bk_get(b, &b->login[FX_REQ1], "/v1/log/newest"); /* is refused */
		(void)poll(NULL, 0, 100);
	}
	bk_stop(b);
	(void)snprintf(conf, sizeof(conf), "%s/broker.conf", b->dir);
	const char *const words[] = { "check", "-c", conf, NULL };
	ztj_buf_init(&out, 65536);
	if (bk_run(words, &out) != 0)
		fail_msg("%s", ztj_buf_str(&out));
	assert_non_null(strstr(ztj_buf_str(&out), "ok       audit log"));
	spoil(b, "cp -a $D/store $D.good");
	sqlite3 *db = bk_rows(b);
	(void)snprintf(sql, sizeof(sql),
	    "UPDATE leaf SET entry = CAST(replace(CAST(entry AS TEXT), '\"kind\"', '\"kine\"') AS BLOB) WHERE n = %llu",
	    (unsigned long long)last.size - 1);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_changes(db), 1);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	ztj_buf_reset(&out);
	assert_int_equal(bk_run(words, &out), 1);
	assert_non_null(strstr(ztj_buf_str(&out), "PROBLEM  audit log"));
	ztj_buf_free(&out);
	bk_serve(b);
	fails(checkpoint(b, &none), ZTJ_NOT_FOUND);
	assert_true(bk_logged(b, "nothing is signed"));
	bk_stop(b);
	spoil(b, "rm -rf $D/store && mv $D.good $D/store");
	bk_serve(b);
	settle(b);
	ok(audit(b, &c));
}

/* G06: the database of yesterday beside the files of today; then the whole broker of yesterday. */
static void test_G06_rolled_back(void **state)
{
	static struct ztj_logcheck c;
	struct bk *b = *state;
	struct fx_signed req;
	struct ztj_checkpoint kept, now;
	settle(b);
	bk_stop(b);
	spoil(b, "cp -a $D/store $D.store && cp -a $D/signer $D.signer");
	bk_serve(b);
	for (int n = 0; n < 5; n++) {
		bk_clock(b);
		fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 700 + n, &req);
		(void)bk_put(b, &b->login[FX_REQ1], &req);
		bk_expect(b, 201, "");
		fx_signed_free(&req);
	}
	settle(b);
	kept = seen.head;
	bk_stop(b);
	spoil(b,
	    "cp -a $D/store $D.today && rm -f $D/store/broker.db* && cp -a $D.store/broker.db* $D/store/");
	bk_serve(b);
	fails(checkpoint(b, &now), ZTJ_NOT_FOUND);
	bk_stop(b);
	/* the whole store, but the signer remembers */
	spoil(b, "rm -rf $D/store && cp -a $D.store $D/store");
	bk_serve(b);
	ok(checkpoint(b, &now));
	fails(ztj_checkpoint_after(&kept, &now), ZTJ_LOG_ROLLBACK);
	for (int i = 0; i < 100 && !bk_logged(b, "no status vouches"); i++)
		(void)poll(NULL, 0, 100);
	assert_true(bk_logged(b, "no status vouches"));
	/* and what the signer says stands in the log as well */
	for (int i = 0; i < 100 && !bk_logged(b, "the signer vouches for no checkpoint"); i++)
		(void)poll(NULL, 0, 100);
	assert_true(bk_logged(b, "the signer vouches for no checkpoint"));
	bk_stop(b);
	/* everything: only who kept a checkpoint can tell, even when it has grown past it since */
	spoil(b, "rm -rf $D/store $D/signer && cp -a $D.store $D/store && cp -a $D.signer $D/signer");
	bk_serve(b);
	for (int n = 0; n < 12; n++) {
		bk_clock(b);
		fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 800 + n, &req);
		(void)bk_put(b, &b->login[FX_REQ1], &req);
		bk_expect(b, 201, "");
		fx_signed_free(&req);
	}
	settle(b);
	assert_true(seen.head.size > kept.size);
	ztj_logcheck_init(&c);
	ok(ztj_checkpoint_after(&kept, &seen.head));
	const struct ztj_tiles tiles = { give_tile, b, seen.head.size };
	ztj_hash path[ZTJ_PROOF_MAX];
	const struct ztj_growth g = { kept.size, seen.head.size, kept.root, seen.head.root };
	size_t len;
	ok(ztj_tlog_prove_growth(&tiles, kept.size, seen.head.size, path, &len));
	fails(ztj_tlog_verify_growth(&g, (const ztj_hash *)path, len), ZTJ_LOG_FORK);
	bk_stop(b);
	spoil(b, "rm -rf $D.store $D.signer $D.today");
	bk_serve(b);
}

/* --- who asks to be admitted --- */

static long ask(struct bk *b, const char *name)
{
	const struct soft_key *signer = &b->w.stranger;
	struct fx_signed p;
	struct ztj_stmt st;
	bk_clock(b);
	fx_stmt(&b->w, &st, ZTJ_STMT_PENDING);
	st.u.pending.name = name;
	st.u.pending.nkeys = 1;
	st.u.pending.key[0].key = b->w.stranger.pub;
	st.u.pending.key[0].credential = st.u.pending.key[0].attestation = "";
	fx_stmt_sign(&st, FX_UP, &signer, 1, &p);
	(void)bk_post(b, NULL, "/v1/pending", &p.s);
	fx_signed_free(&p);
	return b->status;
}

/* Somebody fills the list: from a few places that keeps nobody out, from many it does. */
static void test_W03_pending_is_full(void **state)
{
	struct bk *b = *state;
	bk_stop(b);
	assert_int_equal(setenv("D", b->dir, 1), 0);
	sqlite3 *db = bk_rows(b);
	assert_int_equal(sqlite3_exec(db,
			     "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 2000)"
			     " INSERT INTO pending SELECT randomblob(32), 'x' || i, 0, 'x', 'a' || (i % 32),"
			     " unixepoch() - 1000 + i / 2, x'00' FROM c",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	bk_serve(b);
	assert_int_equal(ask(b, "late1"), 201);
	assert_int_equal(ask(b, "late2"), 201);
	bk_stop(b);
	db = bk_rows(b);
	assert_int_equal(bk_count(b, "SELECT count(*) FROM pending"), 2000);
	assert_int_equal(sqlite3_exec(db, "UPDATE pending SET address = short WHERE name = 'x'", NULL, NULL,
			     NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	bk_serve(b);
	assert_int_equal(ask(b, "late3"), 429);
	bk_stop(b);
	db = bk_rows(b);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM pending", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	bk_serve(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_has_a_leaf),
		cmocka_unit_test(test_refusals_have_a_leaf),
		cmocka_unit_test(test_B01_who_reads_it),
		cmocka_unit_test(test_a_directory_as_it_was),
		cmocka_unit_test(test_decisions_of_hosts),
		cmocka_unit_test(test_G06_a_hosts_log_after_a_restore),
		cmocka_unit_test(test_A01_breaks_in_a_hosts_log),
		cmocka_unit_test(test_W03_lines_that_grow),
		cmocka_unit_test(test_many_leaves),
		cmocka_unit_test(test_D03_killed_at_random),
		cmocka_unit_test(test_D03_killed_in_any_call),
		cmocka_unit_test(test_A01_a_changed_file_is_named),
		cmocka_unit_test(test_A01_a_changed_row_is_found),
		cmocka_unit_test(test_W03_pending_is_full),
		cmocka_unit_test(test_G06_rolled_back),
	};
	cmocka_set_test_filter(getenv("ZTJ_TEST"));
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
