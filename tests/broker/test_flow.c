/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The whole way through a real broker: from nothing to a certificate, and its end. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "libztjit/core/decide.h"
#include "tests/broker/bk.h"
#include "tests/broker/rows.h"

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b, NULL);
	*state = &b;
	return 0;
}

static int set_up_armed(void **state)
{
	(void)set_up(state);
	struct bk *b = *state;
	bk_arm(b);
	bk_login(b, FX_REQ1);
	bk_login(b, FX_LEAD1);
	return 0;
}

static int tear_down(void **state)
{
	bk_end(*state);
	return 0;
}

static void test_from_nothing(void **state)
{
	struct bk *b = *state;
	struct fx_signed s;
	const struct fx_policy wrong = { .version = 1 };
	struct soft_key keep = b->w.online;

	(void)bk_get(b, NULL, "/v1/broker");
	bk_expect(b, 200, "");
	assert_string_equal(bk_text(b, "domain"), "example");
	assert_true(json_is_null(json_object_get(b->json, "online")));
	assert_int_equal(bk_int(b, "policy"), 0);
	(void)bk_get(b, NULL, "/v1/policy");
	bk_expect(b, 404, "not-found");
	(void)bk_get(b, NULL, "/v1/requests");
	bk_expect(b, 401, "forbidden");
	/* A policy that names another broker's online key. */
	b->w.online = b->w.host[0].ssh;
	fx_policy(&b->w, &wrong, &s);
	b->w.online = keep;
	(void)bk_put(b, NULL, &s);
	bk_expect(b, 403, "broker-key");
	fx_signed_free(&s);
	/* Too few roots. */
	fx_policy(&b->w, &wrong, &s);
	s.s.nsigs = 1;
	(void)bk_put(b, NULL, &s);
	bk_expect(b, 403, "too-few-signatures");
	fx_signed_free(&s);
	/* Before the policy nobody logs in. */
	bk_login_statement(b, -1, &s);
	(void)bk_put(b, &b->registrar[0], &s);
	bk_expect(b, 503, "not-ready");
	fx_signed_free(&s);

	bk_arm(b);
	(void)bk_get(b, NULL, "/v1/broker");
	assert_int_equal(bk_int(b, "policy"), 1);
	(void)bk_get(b, NULL, "/v1/policy");
	bk_expect(b, 200, "");
	(void)bk_get(b, &b->host_tls[FX_WEB1], "/v1/directories");
	bk_expect(b, 200, "");
	assert_int_equal(json_array_size(json_object_get(b->json, "directories")), 2);
	(void)bk_get(b, &b->host_tls[FX_WEB1], "/v1/directories/people?since=0");
	bk_expect(b, 200, "");
	assert_int_equal(bk_int(b, "serial"), 1);
	assert_int_equal(json_array_size(json_object_get(b->json, "put")), FX_PEOPLE);
	/* The same policy again is no news. */
	(void)bk_put(b, NULL, &b->w.policy);
	bk_expect(b, 200, "");
	assert_false(json_boolean_value(json_object_get(b->json, "new")));
}

static void certificate_of(struct bk *b, struct ztj_cert *c, struct ztj_buf *blob)
{
	const char *line = bk_text(b, "certificate");
	assert_non_null(line);
	const char *b64 = strchr(line, ' ');
	assert_non_null(b64);
	size_t n = strcspn(b64 + 1, " ");
	ok(ztj_b64_decode(ztj_view_of(b64 + 1, n), blob));
	ok(ztj_cert_parse(c, ztj_buf_view(blob)));
	ok(ztj_cert_verify(c, &b->w.ca.pub));
}

static void test_grant_and_certificate(void **state)
{
	struct bk *b = *state;
	struct fx_signed req, ap;
	struct ztj_cert c;
	struct ztj_buf blob;
	char hex[ZTJ_HEX_SIZE], principal[128];
	uint64_t first;

	bk_login(b, FX_SEC1);
	bk_clock(b);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_WEB1, 1800, &req);
	(void)bk_put(b, &b->login[FX_REQ1], &req);
	bk_expect(b, 201, "");
	assert_string_equal(bk_text(b, "state"), "pending");
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ1].key);
	bk_expect(b, 403, "pending");
	fx_approval(&b->w, FX_LEAD1, &req, false, 0, &ap);
	(void)bk_put(b, &b->login[FX_LEAD1], &ap);
	bk_expect(b, 201, "");
	assert_string_equal(bk_text(b, "state"), "pending");
	fx_signed_free(&ap);
	fx_approval(&b->w, FX_SEC1, &req, false, 600, &ap);
	(void)bk_put(b, &b->login[FX_SEC1], &ap);
	bk_expect(b, 201, "");
	assert_string_equal(bk_text(b, "state"), "active");
	fx_signed_free(&ap);

	ztj_hex(req.id, ZTJ_DIGEST_LEN, hex);
	(void)bk_get(b, &b->login[FX_LEAD1], "/v1/requests/%s", hex);
	bk_expect(b, 200, "");
	assert_string_equal(bk_text(b, "rule"), "prod-root");
	assert_int_equal(json_array_size(json_object_get(b->json, "approvers")), 2);
	assert_non_null(bk_text(b, "bundle"));

	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ1].key);
	bk_expect(b, 200, "");
	ztj_buf_init(&blob, ZTJ_CERT_MAX);
	certificate_of(b, &c, &blob);
	(void)snprintf(principal, sizeof(principal), "ztjit-grant-%s", hex);
	assert_string_equal(c.principal, principal);
	assert_true(c.verify_required);
	assert_in_range((uint64_t)c.valid_before, (uint64_t)time(NULL) + 500, (uint64_t)time(NULL) + 601);
	assert_true(c.bundle.n > 0);
	first = c.serial;
	ztj_buf_free(&blob);
	/* Each has its own serial. */
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ1].key);
	bk_expect(b, 200, "");
	certificate_of(b, &c, &blob);
	assert_true(c.serial > first);
	ztj_buf_free(&blob);
	/* C04: for a key that is not the requester's, or no sk key; and for nobody else. */
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ2].key);
	bk_expect(b, 403, "wrong-key");
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.ca);
	bk_expect(b, 400, "key-type");
	(void)bk_certificate(b, FX_LEAD1, req.id, &b->w.person[FX_LEAD1].key);
	bk_expect(b, 403, "wrong-person");
	fx_signed_free(&req);
}

static void test_revocation_ends_it(void **state)
{
	struct bk *b = *state;
	struct fx_signed req, rev;

	bk_granted(b, &req);
	fx_revoke_request(&b->w, FX_LEAD1, &b->w.person[FX_LEAD1].key, &req, &rev);
	(void)bk_put(b, &b->login[FX_LEAD1], &rev);
	bk_expect(b, 201, "");
	assert_string_equal(bk_text(b, "state"), "revoked");
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ1].key);
	bk_expect(b, 403, "revoked");
	fx_signed_free(&req);
	fx_signed_free(&rev);
}

/* --- streams --- */

struct heard {
	unsigned policy, directory, request, approval, revocation, status;
	int64_t last_seq;
	int64_t revocations; /* in the newest status */
	bool until_revocation;
};

static int hear(struct ztj_view line, void *arg)
{
	struct heard *h = arg;
	json_t *o = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	const char *event = json_string_value(json_object_get(o, "event"));
	const char *type = json_string_value(json_object_get(o, "type"));
	assert_non_null(event);
	int64_t seq = json_integer_value(json_object_get(o, "seq"));
	if (seq > h->last_seq)
		h->last_seq = seq;
	h->policy += strcmp(event, "policy") == 0;
	h->directory += strcmp(event, "directory") == 0;
	h->request += type != NULL && strcmp(type, "request") == 0;
	h->approval += type != NULL && strcmp(type, "approval") == 0;
	h->revocation += type != NULL && strcmp(type, "revocation") == 0;
	bool status = strcmp(event, "status") == 0;
	if (status) {
		struct ztj_buf mem;
		struct ztj_signed s;
		struct ztj_stmt *st;
		json_t *c = json_pack("{s:O, s:O}", "statement", json_object_get(o, "statement"),
		    "signatures", json_object_get(o, "signatures"));
		char *text = json_dumps(c, 0);
		ztj_buf_init(&mem, 65536);
		ok(ztj_signed_from_json(ztj_view_str(text), &mem, &s));
		ok(ztj_stmt_open(&s, ZTJ_STMT_STATUS, "example", &st));
		h->revocations = st->u.status.revocations;
		h->status++;
		ztj_stmt_free(st);
		ztj_buf_free(&mem);
		free(text);
		json_decref(c);
	}
	json_decref(o);
	/* what has not come with the fifth status never comes */
	return status && (!h->until_revocation || h->revocation > 0 || h->status == 5) ? 1 : 0;
}

static int listen_to(struct bk *b, const struct ztj_seckey *who, int64_t since, struct heard *h)
{
	char url[64], path[64];
	const char *urls[1] = { url };
	struct ztj_net *n;
	struct ztj_net_conf conf = { .urls = urls,
		.nurls = 1,
		.pins = &b->w.tls.pub,
		.npins = 1,
		.client = who,
		.timeout_ms = 20000,
		.max_reply = (size_t)1024 * 1024 };
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", b->port);
	(void)snprintf(path, sizeof(path), "/v1/stream?since=%lld", (long long)since);
	ok(ztj_net_open(&conf, &n));
	int r = ztj_net_stream(n, path, 10, hear, h);
	ztj_net_close(n);
	return r;
}

static void test_stream(void **state)
{
	struct bk *b = *state;
	struct heard h = { 0 };
	struct fx_signed req, rev;

	/* Everything that matters, then a status. */
	bk_granted(b, &req);
	assert_int_equal(listen_to(b, &b->host_tls[FX_TEST1], 0, &h), 1);
	assert_int_equal(h.policy, 2);
	assert_int_equal(h.directory, 2);
	assert_int_equal(h.request, 1);
	assert_int_equal(h.approval, 1);
	/* B02: another host hears nothing of it. */
	struct heard other = { 0 };
	assert_int_equal(listen_to(b, &b->host_tls[FX_WEB1], 0, &other), 1);
	assert_int_equal(other.request + other.approval, 0);
	/* But of every revocation, and it goes on from where it was. */
	fx_revoke_request(&b->w, FX_REQ1, &b->w.person[FX_REQ1].key, &req, &rev);
	(void)bk_put(b, &b->login[FX_REQ1], &rev);
	bk_expect(b, 201, "");
	int64_t since = other.last_seq;
	memset(&other, 0, sizeof(other));
	other.until_revocation = true;
	assert_int_equal(listen_to(b, &b->host_tls[FX_WEB1], since, &other), 1);
	assert_int_equal(other.revocation, 1);
	assert_int_equal(other.policy, 0);
	assert_int_equal(other.revocations, 1);
	/* A person hears of their own and of what they may approve. */
	memset(&h, 0, sizeof(h));
	assert_int_equal(listen_to(b, &b->login[FX_LEAD1], 0, &h), 1);
	assert_int_equal(h.request, 0); /* it is over */
	/* From the future of a database that is no more: everything. */
	since = h.last_seq + 1000000;
	memset(&h, 0, sizeof(h));
	assert_int_equal(listen_to(b, &b->host_tls[FX_TEST1], since, &h), 1);
	assert_int_equal(h.policy, 2);
	fx_signed_free(&req);
	fx_signed_free(&rev);
}

/* A host that heard more than a restored database holds misses nothing of what comes after, however much that is. */
static void test_G06_news_after_a_restore(void **state)
{
	struct bk *b = *state;
	struct heard h = { 0 }, more = { .until_revocation = true };
	struct fx_signed req, rev;

	assert_int_equal(setenv("D", b->dir, 1), 0);
	bk_stop(b);
	assert_int_equal(shell("cp -a $D/store $D.store && cp -a $D/signer $D.signer"), 0);
	bk_serve(b);
	for (int i = 0; i < 3; i++) {
		bk_granted(b, &req);
		fx_signed_free(&req);
	}
	assert_int_equal(listen_to(b, &b->host_tls[FX_WEB1], 0, &h), 1);
	bk_stop(b);
	assert_int_equal(shell("rm -rf $D/store $D/signer && mv $D.store $D/store && mv $D.signer $D/signer"),
	    0);
	bk_serve(b);
	bk_granted(b, &req);
	fx_revoke_request(&b->w, FX_REQ1, &b->w.person[FX_REQ1].key, &req, &rev);
	(void)bk_put(b, &b->login[FX_REQ1], &rev);
	bk_expect(b, 201, "");
	fx_signed_free(&req);
	for (int i = 0; i < 4; i++) {
		bk_granted(b, &req);
		fx_signed_free(&req);
	}
	assert_int_equal(listen_to(b, &b->host_tls[FX_WEB1], h.last_seq, &more), 1);
	assert_int_equal(more.revocation, 1);
	assert_int_equal(more.policy, 2); /* a snapshot: it has heard of events that are no more */
	fx_signed_free(&rev);
}

/* --- what hosts give back --- */

static int64_t counted(struct bk *b)
{
	struct heard h = { 0 };

	assert_int_equal(listen_to(b, &b->host_tls[FX_WEB1], 0, &h), 1);
	return h.revocations;
}

/* A host holds what the broker lost: it is taken whatever its date and its subject. Nobody else may be late. */
static void test_G06_a_host_gives_back(void **state)
{
	struct bk *b = *state;
	struct fx_signed late, lost, req, rev, more;
	char hex[ZTJ_HEX_SIZE];

	bk_granted(b, &req);
	bk_clock(b);
	b->w.now -= 3600;
	fx_revoke_name(&b->w, &b->w.registrar[0], false, "people/out1", 1, b->w.now + 86400, &late);
	/* of a request that is not there */
	fx_request(&b->w, FX_REQ1, "root-shell", FX_WEB1, 1800, &lost);
	fx_revoke_request(&b->w, FX_LEAD1, &b->w.person[FX_LEAD1].key, &lost, &rev);
	bk_clock(b);
	(void)bk_put(b, &b->login[FX_REQ1], &late);
	bk_expect(b, 403, "stale");
	(void)bk_put(b, &b->login[FX_LEAD1], &rev);
	bk_expect(b, 403, "stale");
	assert_int_equal(counted(b), 0);
	(void)bk_put(b, &b->host_tls[FX_WEB1], &late);
	bk_expect(b, 201, "");
	(void)bk_put(b, &b->host_tls[FX_WEB2], &late);
	bk_expect(b, 200, "");
	(void)bk_put(b, &b->host_tls[FX_WEB1], &rev);
	bk_expect(b, 201, "");
	assert_int_equal(counted(b), 2);
	/* of one that may live on hosts, a few by one key: so many that they cannot be judged would end it */
	for (int i = 0; i < 4; i++) {
		b->w.now -= 61;
		fx_revoke_request(&b->w, FX_LEAD1, &b->w.person[FX_LEAD1].key, &lost, &more);
		(void)bk_put(b, &b->host_tls[FX_WEB1], &more);
		bk_expect(b, i < 3 ? 201 : 403, i < 3 ? "" : "forbidden");
		fx_signed_free(&more);
	}
	bk_clock(b);
	fx_revoke_request(&b->w, FX_REQ1, &b->w.person[FX_REQ1].key, &lost, &more);
	(void)bk_put(b, &b->host_tls[FX_WEB1], &more);
	bk_expect(b, 201, "");
	fx_signed_free(&more);
	assert_int_equal(counted(b), 6);
	/* what it says of a request is nobody's to read */
	ztj_hex(rev.id, ZTJ_DIGEST_LEN, hex);
	assert_int_equal(bk_get(b, &b->login[FX_LEAD1], "/v1/statements/%s", hex), 404);
	assert_int_equal(bk_get(b, &b->host_tls[FX_WEB1], "/v1/statements/%s", hex), 200);
	ztj_hex(late.id, ZTJ_DIGEST_LEN, hex);
	assert_int_equal(bk_get(b, &b->login[FX_LEAD1], "/v1/statements/%s", hex), 200);
	/* where the request comes once more, it stands in its bundle, and counts */
	fx_signed_free(&lost);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_WEB2, 1800, &lost);
	fx_revoke_request(&b->w, FX_REQ1, &b->w.person[FX_REQ1].key, &lost, &more);
	(void)bk_put(b, &b->host_tls[FX_WEB1], &more);
	bk_expect(b, 201, "");
	(void)bk_put(b, &b->login[FX_REQ1], &lost);
	bk_expect(b, 201, "");
	assert_string_equal(bk_text(b, "state"), "cancelled");
	ztj_hex(more.id, ZTJ_DIGEST_LEN, hex);
	assert_int_equal(bk_get(b, &b->login[FX_REQ1], "/v1/statements/%s", hex), 200);
	fx_signed_free(&more);
	/* and still when it was started anew */
	bk_stop(b);
	bk_serve(b);
	assert_int_equal(counted(b), 7);
	fx_signed_free(&late);
	fx_signed_free(&lost);
	fx_signed_free(&req);
	fx_signed_free(&rev);
}

/* A host that is not to be trusted can bring nothing but statements of people who have a say. */
static void test_P2_what_a_host_may_not_give(void **state)
{
	struct bk *b = *state;
	struct fx_signed req, rev;

	bk_granted(b, &req);
	bk_clock(b);
	fx_revoke_name(&b->w, &b->w.stranger, false, "people/req1", 9, b->w.now + 86400, &rev);
	(void)bk_put(b, &b->host_tls[FX_WEB1], &rev);
	bk_expect(b, 403, "wrong-signer");
	fx_signed_free(&rev);
	fx_revoke_request(&b->w, FX_LEAD1, &b->w.stranger, &req, &rev);
	(void)bk_put(b, &b->host_tls[FX_WEB1], &rev);
	bk_expect(b, 403, "wrong-signer");
	fx_signed_free(&rev);
	b->w.now += 3600;
	fx_revoke_request(&b->w, FX_LEAD1, &b->w.person[FX_LEAD1].key, &req, &rev);
	bk_clock(b);
	(void)bk_put(b, &b->host_tls[FX_WEB1], &rev);
	bk_expect(b, 403, "dated-ahead");
	fx_signed_free(&rev);
	/* by a person who has no say in it */
	fx_revoke_request(&b->w, FX_OUT1, &b->w.person[FX_OUT1].key, &req, &rev);
	(void)bk_put(b, &b->host_tls[FX_WEB1], &rev);
	bk_expect(b, 403, "forbidden");
	fx_signed_free(&rev);
	assert_int_equal(counted(b), 0);
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ1].key);
	bk_expect(b, 200, "");
	/* late, of one that is here, by somebody who has: it counts */
	b->w.now -= 3600;
	fx_revoke_request(&b->w, FX_LEAD1, &b->w.person[FX_LEAD1].key, &req, &rev);
	bk_clock(b);
	(void)bk_put(b, &b->host_tls[FX_WEB1], &rev);
	bk_expect(b, 201, "");
	assert_string_equal(bk_text(b, "state"), "revoked");
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ1].key);
	bk_expect(b, 403, "revoked");
	fx_signed_free(&rev);
	fx_signed_free(&req);
}

/* Two statements can be made that have one short name; the second of them stops nothing else. */
static void test_W03_a_short_name_that_is_taken(void **state)
{
	struct bk *b = *state;
	char short_id[ZTJ_SHORT_ID_SIZE], sql[256];
	struct heard h = { 0 };
	struct fx_signed rev;
	sqlite3 *db;

	bk_clock(b);
	fx_revoke_name(&b->w, &b->w.registrar[0], false, "people/out1", b->dir_serial[0], b->w.now + 86400,
	    &rev);
	ztj_short_id(rev.id, short_id);
	bk_stop(b);
	db = bk_rows(b);
	(void)snprintf(sql, sizeof(sql),
	    "UPDATE statement SET short = '%s' WHERE seq = (SELECT max(seq) FROM statement)", short_id);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	bk_serve(b);
	assert_int_equal(listen_to(b, &b->host_tls[FX_WEB1], 0, &h), 1);
	(void)bk_put(b, &b->registrar[0], &rev);
	bk_expect(b, 409, "short-id-taken");
	(void)bk_put(b, &b->host_tls[FX_WEB1], &rev);
	bk_expect(b, 409, "short-id-taken");
	assert_false(bk_logged(b, "nothing of this batch was kept"));
	assert_int_equal(counted(b), 0);
	fx_signed_free(&rev);
}

static void revoke_as_registrar(struct bk *b, const struct fx_signed *rev, int64_t n)
{
	(void)bk_put(b, &b->registrar[0], rev);
	bk_expect(b, 201, "");
	assert_int_equal(counted(b), n);
}

/* The signer has one that the database lacked once, and lacks another. more: the database has both, in the other order. */
static void apart(struct bk *b, bool more)
{
	struct fx_signed rev[2];
	int64_t n = 0;

	bk_clock(b);
	for (int i = 0; i < 2; i++)
		fx_revoke_name(&b->w, &b->w.registrar[0], false, i == 0 ? "people/out1" : "people/req2",
		    b->dir_serial[0], b->w.now + 86400, &rev[i]);
	assert_int_equal(setenv("D", b->dir, 1), 0);
	bk_stop(b);
	assert_int_equal(shell("cp -a $D/store $D.store && cp -a $D/signer $D.signer"), 0);
	bk_serve(b);
	revoke_as_registrar(b, &rev[0], 1);
	bk_stop(b);
	assert_int_equal(
	    shell(
		"mv $D/signer $D.other && rm -rf $D/store && mv $D.store $D/store && mv $D.signer $D/signer"),
	    0);
	bk_serve(b);
	revoke_as_registrar(b, &rev[1], 1);
	if (more)
		revoke_as_registrar(b, &rev[0], 2);
	bk_stop(b);
	assert_int_equal(shell("rm -rf $D/signer && mv $D.other $D/signer"), 0);
	bk_serve(b);
	for (int i = 0; i < 20 && n != 2; i++)
		n = counted(b);
	assert_int_equal(n, 2);
	fx_signed_free(&rev[0]);
	fx_signed_free(&rev[1]);
}

static void test_G06_signer_with_as_many_others(void **state)
{
	apart(*state, false);
}

static void test_G06_signer_with_fewer_others(void **state)
{
	apart(*state, true);
}

/* --- pending --- */

static void test_S18_pending(void **state)
{
	struct bk *b = *state;
	struct ztj_stmt st;
	struct fx_signed p;
	const struct soft_key *signer = &b->w.stranger, *wrong = &b->w.person[FX_OUT1].key;

	bk_clock(b);
	fx_stmt(&b->w, &st, ZTJ_STMT_PENDING);
	st.u.pending.name = "new1";
	st.u.pending.nkeys = 1;
	st.u.pending.key[0].key = b->w.stranger.pub;
	st.u.pending.key[0].credential = st.u.pending.key[0].attestation = "";
	/* swapped: signed by another key than the one asked for */
	fx_stmt_sign(&st, FX_UP, &wrong, 1, &p);
	(void)bk_post(b, NULL, "/v1/pending", &p.s);
	bk_expect(b, 403, "wrong-signer");
	fx_signed_free(&p);
	fx_stmt_sign(&st, FX_UP, &signer, 1, &p);
	(void)bk_post(b, NULL, "/v1/pending", &p.s);
	bk_expect(b, 201, "");
	(void)bk_post(b, NULL, "/v1/pending", &p.s);
	bk_expect(b, 200, "");
	/* Nobody but a registrar sees it. */
	(void)bk_get(b, NULL, "/v1/pending?kind=user");
	bk_expect(b, 401, "forbidden");
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/pending?kind=user");
	bk_expect(b, 403, "forbidden");
	(void)bk_get(b, &b->registrar[0], "/v1/pending?kind=user");
	bk_expect(b, 200, "");
	assert_int_equal(json_array_size(json_object_get(b->json, "pending")), 1);
	(void)bk_get(b, &b->registrar[0], "/v1/pending?kind=host");
	assert_int_equal(json_array_size(json_object_get(b->json, "pending")), 0);
	char hex[ZTJ_HEX_SIZE], path[128];
	ztj_hex(p.id, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(path, sizeof(path), "/v1/pending/%s", hex);
	(void)bk_call(b, &b->registrar[0], "DELETE", path, ztj_view_of(NULL, 0));
	bk_expect(b, 200, "");
	(void)bk_call(b, &b->registrar[0], "DELETE", path, ztj_view_of(NULL, 0));
	bk_expect(b, 404, "not-found");
	fx_signed_free(&p);
}

/* A host's entry comes over a connection with the TLS key that it asks for: nobody asks with another's. */
static void test_S18_pending_host_has_its_tls_key(void **state)
{
	struct bk *b = *state;
	struct ztj_stmt st;
	struct fx_signed p;
	const struct soft_key *machine = &b->w.host[FX_WEB1].machine;

	bk_clock(b);
	fx_stmt(&b->w, &st, ZTJ_STMT_PENDING);
	st.u.pending.host = true;
	st.u.pending.name = "new1";
	st.u.pending.machine = machine->pub;
	st.u.pending.tls = b->host_tls[FX_WEB1].pub;
	st.u.pending.nssh = 1;
	st.u.pending.ssh[0] = b->w.host[FX_WEB1].ssh.pub;
	fx_stmt_sign(&st, FX_UP, &machine, 1, &p);
	(void)bk_post(b, NULL, "/v1/pending", &p.s);
	bk_expect(b, 403, "wrong-signer");
	(void)bk_post(b, &b->host_tls[FX_DB1], "/v1/pending", &p.s);
	bk_expect(b, 403, "wrong-signer");
	(void)bk_post(b, &b->host_tls[FX_WEB1], "/v1/pending", &p.s);
	bk_expect(b, 201, "");
	fx_signed_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_from_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_grant_and_certificate, set_up_armed, tear_down),
		cmocka_unit_test_setup_teardown(test_revocation_ends_it, set_up_armed, tear_down),
		cmocka_unit_test_setup_teardown(test_stream, set_up_armed, tear_down),
		cmocka_unit_test_setup_teardown(test_G06_news_after_a_restore, set_up_armed, tear_down),
		cmocka_unit_test_setup_teardown(test_G06_a_host_gives_back, set_up_armed, tear_down),
		cmocka_unit_test_setup_teardown(test_P2_what_a_host_may_not_give, set_up_armed, tear_down),
		cmocka_unit_test_setup_teardown(test_W03_a_short_name_that_is_taken, set_up_armed, tear_down),
		cmocka_unit_test_setup_teardown(test_G06_signer_with_as_many_others, set_up_armed, tear_down),
		cmocka_unit_test_setup_teardown(test_G06_signer_with_fewer_others, set_up_armed, tear_down),
		cmocka_unit_test_setup_teardown(test_S18_pending, set_up_armed, tear_down),
		cmocka_unit_test_setup_teardown(test_S18_pending_host_has_its_tls_key, set_up_armed,
		    tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
