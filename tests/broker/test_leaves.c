/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What leaves a leaf: every call that is refused, and every type of statement, accepted or refused, exactly one; what one caller can cause is
 * bounded. The tables are complete, or the test fails: a new op or type cannot forget its leaf.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/broker/rows.h"
#include "ztjit-broker/audit.h"

static const struct fx_policy auditing = { .more = "auditors = [ \"@security\" ];" };

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b,
	    "records_free = 1;\nrate_statements = 10000;\nrate_identity = 1000;\nrate_anonymous = 100000;\n");
	bk_arm(&b);
	bk_policy(&b, &auditing);
	bk_login(&b, FX_REQ1);
	bk_login(&b, FX_OUT1);
	bk_login(&b, FX_LEAD1);
	bk_login(&b, FX_SEC1);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	bk_end(*state);
	return 0;
}

/* --- the rows themselves --- */

static int64_t size(const struct bk *b)
{
	return bk_count(b, "SELECT count(*) FROM leaf");
}

/* The newest leaf, to be decrefed. */
static json_t *newest(const struct bk *b)
{
	sqlite3 *db = bk_rows(b);
	sqlite3_stmt *s;
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT entry FROM leaf ORDER BY n DESC LIMIT 1", -1, &s,
			     NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	json_t *o = json_loadb(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0),
	    JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(db);
	return o;
}

static const char *text(const json_t *o, const char *member)
{
	const char *s = json_string_value(json_object_get(o, member));
	return s == NULL ? "" : s;
}

/* What others were refused before is counted with the sweep, and that comes in between; a test begins after one. */
static void after_a_sweep(const struct bk *b)
{
	static const char told[] =
	    "SELECT count(*) FROM leaf WHERE json_extract(CAST(entry AS TEXT), '$.count') IS NOT NULL AND"
	    " json_extract(CAST(entry AS TEXT), '$.kind') = 'call'";
	int64_t before = bk_count(b, told);
	for (int i = 0; i < 30; i++) {
		(void)sleep(1);
		if (bk_count(b, told) > before)
			return;
	}
}

/* --- refused calls --- */

enum who { NOBODY, HOST, REQUESTER, OUTSIDER, REGISTRAR };

/* %s: the id of a request of REQUESTER. */
static const struct refused {
	enum op op;
	const char *method, *path;
	enum bk_kind body;
	enum who who;
	long status;
	int leaves;
} refused[] = {
	{ OP_STATEMENT_PUT, "POST", "/v1/statements", BK_STATEMENT, OUTSIDER, 403, 1 },
	{ OP_STATEMENT_PUT, "POST", "/v1/statements", BK_STATEMENT, NOBODY, 401, 1 },
	{ OP_STATEMENT_GET, "GET", "/v1/statements/%s", BK_EMPTY, REGISTRAR, 403, 1 },
	{ OP_STATEMENT_GET, "GET", "/v1/statements/%s", BK_EMPTY, NOBODY, 401, 0 },
	{ OP_REQUESTS, "GET", "/v1/requests", BK_EMPTY, HOST, 403, 1 },
	{ OP_REQUESTS, "GET", "/v1/requests", BK_EMPTY, NOBODY, 401, 0 },
	{ OP_REQUEST_GET, "GET", "/v1/requests/%s", BK_EMPTY, OUTSIDER, 403, 1 },
	{ OP_REQUEST_GET, "GET", "/v1/requests/R-0000000000", BK_EMPTY, OUTSIDER, 404, 0 },
	{ OP_DIRECTORIES, "GET", "/v1/directories", BK_EMPTY, NOBODY, 401, 0 },
	{ OP_DIRECTORY_GET, "GET", "/v1/directories/people", BK_EMPTY, NOBODY, 401, 0 },
	{ OP_DIRECTORY_PUT, "POST", "/v1/directories/people", BK_DIRECTORY, REQUESTER, 403, 1 },
	{ OP_PENDING_PUT, "POST", "/v1/pending", BK_STATEMENT, NOBODY, 403, 1 },
	{ OP_PENDING_LIST, "GET", "/v1/pending?kind=user", BK_EMPTY, REQUESTER, 403, 1 },
	{ OP_PENDING_DELETE, "DELETE", "/v1/pending/%s", BK_EMPTY, REQUESTER, 403, 1 },
	{ OP_PENDING_DELETE, "DELETE", "/v1/pending/%s", BK_EMPTY, REGISTRAR, 404, 1 },
	{ OP_CERTIFICATE, "POST", "/v1/certificates", BK_CERTIFY, OUTSIDER, 403, 1 },
	{ OP_CERTIFICATE, "POST", "/v1/certificates", BK_CERTIFY, HOST, 403, 1 },
	{ OP_STREAM_OPEN, "GET", "/v1/stream?since=0", BK_EMPTY, REGISTRAR, 403, 1 },
	{ OP_STEPUP_PUT, "POST", "/v1/stepups", BK_STATEMENT, HOST, 403, 1 },
	{ OP_STEPUP_LIST, "GET", "/v1/stepups", BK_EMPTY, HOST, 403, 1 },
	{ OP_STEPUP_ANSWER, "POST", "/v1/stepups/%s", BK_SIGNATURE, REQUESTER, 404, 1 },
	{ OP_STEPUP_END, "DELETE", "/v1/stepups/%s", BK_EMPTY, REQUESTER, 403, 1 },
	{ OP_STEPUP_END, "DELETE", "/v1/stepups/%s", BK_EMPTY, HOST, 404, 0 },
	{ OP_SESSION_PUT, "POST", "/v1/sessions", BK_SESSION, REQUESTER, 403, 1 },
	{ OP_SESSION_CHUNKS, "POST", "/v1/sessions/S-0123456789/chunks?offset=0", BK_BYTES, HOST, 404, 1 },
	{ OP_SESSION_HEAD, "POST", "/v1/sessions/S-0123456789/head", BK_STATEMENT, HOST, 404, 1 },
	{ OP_SESSIONS, "GET", "/v1/sessions", BK_EMPTY, HOST, 403, 1 },
	{ OP_SESSION_GET, "GET", "/v1/sessions/S-0123456789", BK_EMPTY, OUTSIDER, 404, 1 },
	{ OP_SESSION_RECORD, "GET", "/v1/sessions/S-0123456789/record?from=0", BK_EMPTY, OUTSIDER, 404, 1 },
	{ OP_VIEW_PUT, "POST", "/v1/views", BK_STATEMENT, OUTSIDER, 403, 1 },
	{ OP_STANDING_PUT, "POST", "/v1/standing", BK_REPORT, REQUESTER, 403, 1 },
	{ OP_STANDING, "GET", "/v1/standing", BK_EMPTY, OUTSIDER, 403, 1 },
	{ OP_LOG_CHECKPOINT, "GET", "/v1/log/checkpoint", BK_EMPTY, REGISTRAR, 403, 1 },
	{ OP_LOG_TILE, "GET", "/v1/log/tile/0/000.p/1", BK_EMPTY, OUTSIDER, 403, 1 },
	{ OP_LOG_GROWTH, "GET", "/v1/log/growth?from=1&to=1", BK_EMPTY, REGISTRAR, 403, 1 },
	{ OP_DECISIONS_PUT, "POST", "/v1/decisions", BK_BYTES, HOST, 400, 1 },
	{ OP_DECISIONS_PUT, "POST", "/v1/decisions", BK_BYTES, REQUESTER, 403, 1 },
};

/* What is answered to anybody, or asked by the frontend alone. */
static bool never_refused(enum op op)
{
	return op == OP_WHO || op == OP_STREAM_MORE || op == OP_STREAM_CLOSE || op == OP_BROKER ||
	    op == OP_POLICY || op == OP_METRICS;
}

static void test_every_op_is_in_the_tables(void **state)
{
	(void)state;
	for (int op = OP_NONE + 1; op < OP_MAX; op++) {
		bool here = never_refused((enum op)op);
		if (strcmp(audit_op((enum op)op).kind, "call") == 0 && audit_op((enum op)op).action != NULL)
			assert_string_not_equal(audit_op((enum op)op).action, "?");
		for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
			here = here || refused[i].op == (enum op)op;
		if (!here)
			fail_msg("op %d: what does its refusal leave in the audit log?", op);
	}
	/* one that somebody forgets leaves too much, not too little */
	const struct caller nobody = { .kind = CALLER_ANONYMOUS };
	assert_true(audit_wants(OP_MAX, &nobody, ZTJ_FORBIDDEN));
}

static const struct ztj_seckey *key_of(const struct bk *b, enum who who)
{
	switch (who) {
	case HOST:
		return &b->host_tls[FX_TEST1];
	case REQUESTER:
		return &b->login[FX_REQ1];
	case OUTSIDER:
		return &b->login[FX_OUT1];
	case REGISTRAR:
		return &b->registrar[0];
	case NOBODY:
		break;
	}
	return NULL;
}

static void check_leaf(struct bk *b, const struct refused *c)
{
	static const char *const by[] = { "", "servers/test1", "people/req1", "people/out1", "SHA256:" };
	json_t *o = newest(b);
	bool good = strcmp(text(o, "kind"), audit_op(c->op).kind) == 0 &&
	    strcmp(text(o, "outcome"), "refused") == 0 &&
	    strncmp(text(o, "by"), by[c->who], strlen(by[c->who])) == 0 &&
	    (c->who == NOBODY) == (text(o, "by")[0] == '\0') && strcmp(text(o, "code"), b->error) == 0 &&
	    strcmp(text(o, "address"), "127.0.0.1") == 0;
	char *dump = json_dumps(o, 0);
	if (!good)
		fail_msg("%s %s as %d: %ld %s: %s", c->method, c->path, c->who, b->status, b->error, dump);
	free(dump);
	json_decref(o);
}

static void test_every_refused_call_leaves_one_leaf(void **state)
{
	struct bk *b = *state;
	struct fx_signed req, other;
	char hex[ZTJ_HEX_SIZE];
	unsigned wrong = 0;

	bk_granted(b, &req);
	ztj_hex(req.id, ZTJ_DIGEST_LEN, hex);
	bk_clock(b);
	fx_request(&b->w, FX_OUT1, "no-such-role", FX_TEST1, 901, &other);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct refused *c = &refused[i];
		const char *at = strstr(c->path, "%s");
		struct ztj_buf body;
		char path[256];
		(void)snprintf(path, sizeof(path), "%.*s%s", at != NULL ? (int)(at - c->path) : 255, c->path,
		    at != NULL ? hex : "");
		ztj_buf_init(&body, 65536);
		bk_body(b, c->body, c->op == OP_STATEMENT_PUT ? &other : &req, &body);
		int64_t before = size(b);
		(void)bk_call(b, key_of(b, c->who), c->method, path, ztj_buf_view(&body));
		ztj_buf_free(&body);
		int64_t more = size(b) - before;
		if (b->status != c->status || more != c->leaves) {
			print_error("%s %s as %d: %ld %s and %lld leaves, not %ld and %d\n", c->method,
			    c->path, c->who, b->status, b->error, (long long)more, c->status, c->leaves);
			wrong++;
		} else if (c->leaves == 1) {
			check_leaf(b, c);
		}
	}
	assert_int_equal(wrong, 0);
	fx_signed_free(&req);
	fx_signed_free(&other);
}

/* --- statements --- */

/* A session of host test1, as the broker calls it. */
static struct {
	char id[ZTJ_SHORT_ID_SIZE], path[64];
	uint8_t name[ZTJ_DIGEST_LEN];
} session;

static void start_session(struct bk *b)
{
	char name[ZTJ_HEX_SIZE], started[ZTJ_TIME_SIZE], ends[ZTJ_TIME_SIZE];
	struct ztj_buf body;
	memset(session.name, 7, sizeof(session.name));
	ztj_hex(session.name, sizeof(session.name), name);
	ok(ztj_time_format((int64_t)time(NULL), started));
	ok(ztj_time_format((int64_t)time(NULL) + 600, ends));
	ztj_buf_init(&body, 8192);
	ok(ztj_buf_printf(&body,
	    "{\"session\":\"%s\",\"grant\":\"%s\",\"person\":\"people/req1\",\"account\":\"root\",\"service\":\"sshd\","
	    "\"role\":\"root-shell\",\"peer\":\"192.0.2.1\",\"command\":null,\"tty\":true,\"started\":\"%s\",\"ends\":\"%s\"}",
	    name, name, started, ends));
	(void)bk_call(b, &b->host_tls[FX_TEST1], "POST", "/v1/sessions", ztj_buf_view(&body));
	bk_expect(b, 201, "");
	(void)snprintf(session.id, sizeof(session.id), "%s", bk_text(b, "id"));
	(void)snprintf(session.path, sizeof(session.path), "/v1/sessions/%s/head", session.id);
	ztj_buf_free(&body);
}

/* A statement that is in order; spoilt: one that is not, though its own key signed it. */
static void make(struct bk *b, enum ztj_stmt_type type, bool spoilt, const struct fx_signed *req,
    struct fx_signed *out)
{
	static const char *accounts[] = { "root" };
	static const char *sessions[] = { session.id };
	const struct soft_key *key = &b->w.person[FX_REQ1].key, *machine = &b->w.host[FX_TEST1].machine;
	struct ztj_stmt st;
	bk_clock(b);
	fx_stmt(&b->w, &st, type);
	if (spoilt)
		st.issued -= 3600;
	switch (type) {
	case ZTJ_STMT_VIEW:
		st.u.view.who = "people/req1";
		st.u.view.nsessions = 1;
		st.u.view.sessions = sessions;
		st.u.view.action = ZTJ_VIEW_PLAY;
		break;
	case ZTJ_STMT_KILL:
		st.u.kill.who = "people/req1";
		st.u.kill.host = "servers/test1";
		st.u.kill.reason = "looks wrong";
		memcpy(st.u.kill.session, session.name, ZTJ_DIGEST_LEN);
		break;
	case ZTJ_STMT_HEAD:
		key = machine;
		st.issued += spoilt ? 7200 : 0; /* an old one may come late */
		st.u.head.host = "servers/test1";
		memcpy(st.u.head.session, session.name, ZTJ_DIGEST_LEN);
		st.u.head.state = ZTJ_HEAD_OPEN;
		break;
	case ZTJ_STMT_STANDING:
		key = machine;
		st.u.standing.host = "servers/test1";
		ok(ztj_sha256(ztj_view_str("{}"), st.u.standing.digest));
		break;
	case ZTJ_STMT_STEPUP:
		key = machine;
		st.u.stepup.who = "people/req1";
		st.u.stepup.host = "servers/test1";
		st.u.stepup.service = "sudo";
		st.u.stepup.tty = "pts/1";
		st.u.stepup.peer = "192.0.2.7";
		st.u.stepup.accounts = accounts;
		st.u.stepup.naccounts = 1;
		st.u.stepup.expires = st.issued + 60;
		break;
	case ZTJ_STMT_PENDING:
		key = &b->w.stranger;
		st.u.pending.name = "new1";
		st.u.pending.nkeys = 1;
		st.u.pending.key[0].key = b->w.stranger.pub;
		st.u.pending.key[0].credential = st.u.pending.key[0].attestation = "";
		break;
	case ZTJ_STMT_LOGIN:
		bk_login_statement(b, FX_REQ1, out);
		return;
	case ZTJ_STMT_REQUEST:
		fx_request(&b->w, FX_REQ1, spoilt ? "no-such-role" : "root-shell", FX_TEST1, 600, out);
		return;
	case ZTJ_STMT_APPROVAL:
		fx_approval(&b->w, spoilt ? FX_REQ1 : FX_LEAD1, req, false, 0, out);
		return;
	case ZTJ_STMT_REVOCATION:
		fx_revoke_request(&b->w, spoilt ? FX_OUT1 : FX_REQ1,
		    &b->w.person[spoilt ? FX_OUT1 : FX_REQ1].key, req, out);
		return;
	case ZTJ_STMT_POLICY:
	case ZTJ_STMT_DIRECTORY:
	case ZTJ_STMT_STATUS:
	case ZTJ_STMT_NONE:
		fail();
	}
	fx_stmt_sign(&st, FX_UP, &key, 1, out);
}

/* Who hands it in, and where. */
static void post(struct bk *b, enum ztj_stmt_type type, bool spoilt, const struct fx_signed *s)
{
	const struct ztj_seckey *host = &b->host_tls[FX_TEST1], *person = &b->login[FX_REQ1];
	struct ztj_buf body;
	switch (type) {
	case ZTJ_STMT_VIEW:
		(void)bk_post(b, person, "/v1/views", &s->s);
		return;
	case ZTJ_STMT_HEAD:
		(void)bk_post(b, host, session.path, &s->s);
		return;
	case ZTJ_STMT_STEPUP:
		(void)bk_post(b, host, "/v1/stepups", &s->s);
		return;
	case ZTJ_STMT_PENDING:
		(void)bk_post(b, NULL, "/v1/pending", &s->s);
		return;
	case ZTJ_STMT_STANDING:
		ztj_buf_init(&body, 65536);
		ok(ztj_signed_to_json(&s->s, &body));
		body.n--;
		ok(ztj_buf_puts(&body, ",\"report\":\"e30=\"}"));
		(void)bk_call(b, host, "POST", "/v1/standing", ztj_buf_view(&body));
		ztj_buf_free(&body);
		return;
	case ZTJ_STMT_LOGIN: /* over another's connection it is not theirs */
		(void)bk_put(b, spoilt ? &b->login[FX_OUT1] : person, s);
		return;
	case ZTJ_STMT_NONE:
	case ZTJ_STMT_POLICY:
	case ZTJ_STMT_DIRECTORY:
	case ZTJ_STMT_REQUEST:
	case ZTJ_STMT_APPROVAL:
	case ZTJ_STMT_REVOCATION:
	case ZTJ_STMT_STATUS:
	case ZTJ_STMT_KILL:
		(void)bk_put(b, person, s);
		return;
	}
}

/* Those that are made and posted in one. */
static void do_policy(struct bk *b, bool spoilt)
{
	struct fx_policy p = auditing;
	struct fx_signed s;
	if (!spoilt) {
		bk_policy(b, &auditing);
		return;
	}
	p.version = 1;
	fx_policy(&b->w, &p, &s);
	(void)bk_put(b, NULL, &s);
	fx_signed_free(&s);
}

static void do_directory(struct bk *b, bool spoilt)
{
	struct ztj_dir *set = bk_directory_set(b, 0, -1);
	struct fx_signed s;
	b->dir_serial[0] -= spoilt;
	bk_directory_next(b, 0, set, &s);
	b->dir_serial[0] += spoilt;
	(void)bk_directory_post(b, 0, &b->registrar[0], set, &s);
	fx_signed_free(&s);
	ztj_dir_free(set);
}

static const struct {
	enum ztj_stmt_type type;
	const char *kind, *accepted; /* NULL: nobody may post it */
} types[] = {
	{ ZTJ_STMT_POLICY, "policy", "accepted" },
	{ ZTJ_STMT_DIRECTORY, "directory", "accepted" },
	{ ZTJ_STMT_LOGIN, "statement", "accepted" },
	{ ZTJ_STMT_REQUEST, "statement", "accepted" },
	{ ZTJ_STMT_APPROVAL, "statement", "accepted" },
	{ ZTJ_STMT_STEPUP, "stepup", "asked" },
	{ ZTJ_STMT_PENDING, "pending", "asked" },
	{ ZTJ_STMT_HEAD, "session", "head" },
	{ ZTJ_STMT_VIEW, "view", "opened" },
	{ ZTJ_STMT_STANDING, "standing", "reported" },
	{ ZTJ_STMT_KILL, "statement", "accepted" },
	{ ZTJ_STMT_REVOCATION, "statement", "accepted" },
	{ ZTJ_STMT_STATUS, "statement", NULL },
};

static void one_type(struct bk *b, size_t i, bool spoilt, const struct fx_signed *req)
{
	struct fx_signed s;
	int64_t before = size(b);
	if (types[i].type == ZTJ_STMT_POLICY) {
		do_policy(b, spoilt);
	} else if (types[i].type == ZTJ_STMT_DIRECTORY) {
		do_directory(b, spoilt);
	} else if (types[i].type == ZTJ_STMT_STATUS) {
		fx_status(&b->w, &b->w.online, &s);
		(void)bk_put(b, &b->host_tls[FX_TEST1], &s);
		fx_signed_free(&s);
	} else {
		make(b, types[i].type, spoilt, req, &s);
		post(b, types[i].type, spoilt, &s);
		fx_signed_free(&s);
	}
	json_t *o = newest(b);
	char *dump = json_dumps(o, 0);
	const char *want = spoilt || types[i].accepted == NULL ? "refused" : types[i].accepted;
	if ((b->status < 300) != (strcmp(want, "refused") != 0) || size(b) - before != 1 ||
	    strcmp(text(o, "kind"), types[i].kind) != 0 || strcmp(text(o, "outcome"), want) != 0 ||
	    text(o, "statement")[0] == '\0' || (strcmp(want, "refused") == 0) != (text(o, "code")[0] != '\0'))
		fail_msg("%s, %s: %ld %s, %lld leaves: %s", ztj_stmt_type_name(types[i].type), want,
		    b->status, b->error, (long long)(size(b) - before), dump);
	free(dump);
	json_decref(o);
}

static void test_every_type_leaves_one_leaf(void **state)
{
	struct bk *b = *state;
	struct fx_signed req;
	start_session(b);
	bk_clock(b);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 1200, &req);
	(void)bk_put(b, &b->login[FX_REQ1], &req);
	bk_expect(b, 201, "");
	for (int t = ZTJ_STMT_NONE + 1; t <= ZTJ_STMT_LAST; t++) {
		bool here = false;
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			here = here || types[i].type == (enum ztj_stmt_type)t;
		if (!here)
			fail_msg("%s: what does it leave in the audit log?",
			    ztj_stmt_type_name((enum ztj_stmt_type)t));
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		one_type(b, i, true, &req);
		if (types[i].accepted != NULL)
			one_type(b, i, false, &req);
	}
	fx_signed_free(&req);
}

/* --- bounds --- */

static void test_W03_one_caller_does_not_fill_the_log(void **state)
{
	struct bk *b = *state;
	after_a_sweep(b);
	int64_t before = size(b);
	for (int i = 0; i < 200; i++)
		(void)bk_get(b, &b->login[FX_OUT1], "/v1/standing");
	assert_in_range(size(b) - before, 20, 41); /* a sweep may come in between */
	/* who did nothing is not silenced by it */
	before = size(b);
	(void)bk_get(b, &b->login[FX_LEAD1], "/v1/log/tile/0/000.p/1");
	bk_expect(b, 403, "forbidden");
	assert_in_range(size(b) - before, 1, 2);
	for (int i = 0; i < 400 &&
	     bk_count(b,
		 "SELECT count(*) FROM leaf WHERE json_extract(CAST(entry AS TEXT), '$.count') > 100 AND"
		 " json_extract(CAST(entry AS TEXT), '$.by') = 'people/out1'") == 0;
	     i++)
		(void)usleep(100000);
	assert_int_equal(
	    bk_count(b,
		"SELECT count(*) FROM leaf WHERE json_extract(CAST(entry AS TEXT), '$.count') > 100 AND"
		" json_extract(CAST(entry AS TEXT), '$.by') = 'people/out1'"),
	    1);
}

static void test_W03_one_host_asks_for_so_many_proofs(void **state)
{
	struct bk *b = *state;
	int given = 0;
	for (int i = 0; i < 40; i++) {
		(void)bk_get(b, &b->host_tls[FX_WEB2], "/v1/log/growth?from=1&to=%d", 2 + i % 9);
		given += b->status == 200;
		if (b->status != 200)
			bk_expect(b, 429, "rate-limited");
	}
	assert_in_range(given, 20, 25);
	(void)bk_get(b, &b->host_tls[FX_WEB1], "/v1/log/growth?from=1&to=2");
	bk_expect(b, 200, "");
	/* what was not signed is not proved */
	(void)bk_get(b, &b->host_tls[FX_WEB1], "/v1/log/growth?from=1&to=1000000");
	bk_expect(b, 404, "not-found");
	(void)bk_get(b, &b->host_tls[FX_WEB1], "/v1/log/growth?from=3&to=2");
	bk_expect(b, 404, "not-found");
	static const char *const bad[] = { "", "?from=1", "?to=1", "?from=0&to=1", "?from=1&to=x",
		"?from=-1&to=2" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)bk_get(b, &b->host_tls[FX_WEB1], "/v1/log/growth%s", bad[i]);
		assert_int_equal(b->status, 400);
	}
}

/* A key that may be a copy raises an alarm with each statement; so often only. */
static void test_W03_alarms_are_bounded(void **state)
{
	static const char alarms[] =
	    "SELECT count(*) FROM leaf WHERE json_extract(CAST(entry AS TEXT), '$.kind') = 'alarm' AND"
	    " json_extract(CAST(entry AS TEXT), '$.code') = 'key-counter'";
	struct bk *b = *state;
	sqlite3 *db;
	char path[256];
	bk_stop(b);
	(void)snprintf(path, sizeof(path), "%s/store/broker.db", b->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE counter SET value = 4000000000", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	bk_serve(b);
	for (int i = 0; i < 40; i++) {
		struct fx_signed s;
		bk_login_statement(b, FX_REQ1, &s);
		(void)bk_put(b, &b->login[FX_REQ1], &s);
		fx_signed_free(&s);
	}
	assert_in_range(bk_count(b, alarms), 1, 21);
}

/* --- the broker itself --- */

static int64_t leaves_of(const struct bk *b, const char *kind, const char *outcome, const char *more)
{
	char sql[1024];
	(void)snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM leaf WHERE json_extract(CAST(entry AS TEXT), '$.kind') = '%s' AND"
	    " json_extract(CAST(entry AS TEXT), '$.outcome') = '%s' AND CAST(entry AS TEXT) LIKE '%%%s%%'",
	    kind, outcome, more);
	return bk_count(b, sql);
}

static void set_conf(const struct bk *b, const char *sed)
{
	char cmd[512];
	(void)snprintf(cmd, sizeof(cmd), "sed -i '%s' %s/broker.conf", sed, b->dir);
	assert_int_equal(shell(cmd), 0);
}

static void test_starts_stops_and_configuration(void **state)
{
	struct bk *b = *state;
	int64_t started = leaves_of(b, "broker", "started", ""),
		loaded = leaves_of(b, "configuration", "loaded", "");
	assert_true(started > 0 && loaded > 0);
	bk_stop(b);
	bk_serve(b);
	assert_int_equal(leaves_of(b, "broker", "started", ""), started + 1);
	assert_int_equal(leaves_of(b, "broker", "started", "unclean"), 0);
	assert_int_equal(leaves_of(b, "configuration", "loaded", "\"digest\""), loaded + 1);
	/* one that was killed has no leaf of its own: the next one says so */
	bk_kill(b);
	set_conf(b, "s/rate_statements = 10000/rate_statements = 10001/");
	bk_serve(b);
	assert_int_equal(leaves_of(b, "broker", "started", "unclean"), 1);
	assert_int_equal(leaves_of(b, "configuration", "changed",
			     "rate_statements = 10001; (before: rate_statements = 10000;)"),
	    1);
	assert_int_equal(leaves_of(b, "configuration", "changed", "rate_identity"), 0);
	bk_stop(b);
	bk_serve(b);
	assert_int_equal(leaves_of(b, "configuration", "changed", ""), 1);
	/* no secret is in it, nor the name of a file's contents: keys stand in files */
	assert_int_equal(leaves_of(b, "configuration", "loaded", "PRIVATE"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_op_is_in_the_tables),
		cmocka_unit_test(test_every_refused_call_leaves_one_leaf),
		cmocka_unit_test(test_every_type_leaves_one_leaf),
		cmocka_unit_test(test_W03_one_caller_does_not_fill_the_log),
		cmocka_unit_test(test_W03_one_host_asks_for_so_many_proofs),
		cmocka_unit_test(test_W03_alarms_are_bounded),
		cmocka_unit_test(test_starts_stops_and_configuration),
	};
	cmocka_set_test_filter(getenv("ZTJ_TEST"));
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
