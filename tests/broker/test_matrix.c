/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * B01: every call × every kind of caller, against one table. What the table does not allow is refused with 401 (nobody
 * we know) or 403; what it allows is anything else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/broker/bk.h"

enum { NONE, UNKNOWN, HOST, OTHER_HOST, REQUESTER, APPROVER, OTHER_USER, REGISTRAR, CALLERS };
static const char *const caller_name[CALLERS] = { "none", "unknown key", "host", "other host", "requester",
	"approver", "other user", "registrar" };

#define BIT(c) (1u << (c))
#define EVERYBODY ((1u << CALLERS) - 1)
#define HOSTS (BIT(HOST) | BIT(OTHER_HOST))
#define PEOPLE (BIT(REQUESTER) | BIT(APPROVER) | BIT(OTHER_USER))
#define KNOWN (HOSTS | PEOPLE | BIT(REGISTRAR))

/* %s: the id of a request of `requester` for `host`, which `approver` may approve. */
static const struct call {
	const char *method, *path;
	enum bk_kind body;
	unsigned allowed;
} table[] = {
	{ "GET", "/healthz", BK_EMPTY, EVERYBODY },
	{ "GET", "/metrics", BK_EMPTY, EVERYBODY }, /* from the loopback */
	{ "GET", "/v1/broker", BK_EMPTY, EVERYBODY },
	{ "GET", "/v1/policy", BK_EMPTY, EVERYBODY },
	{ "POST", "/v1/statements", BK_STATEMENT, KNOWN },
	{ "GET", "/v1/statements/%s", BK_EMPTY, BIT(HOST) | BIT(REQUESTER) | BIT(APPROVER) },
	{ "GET", "/v1/requests", BK_EMPTY, PEOPLE },
	{ "GET", "/v1/requests?mine=1", BK_EMPTY, PEOPLE },
	{ "GET", "/v1/requests?review=1", BK_EMPTY, PEOPLE },
	{ "GET", "/v1/requests/%s", BK_EMPTY, BIT(REQUESTER) | BIT(APPROVER) },
	{ "GET", "/v1/directories", BK_EMPTY, KNOWN },
	{ "GET", "/v1/directories/people", BK_EMPTY, KNOWN },
	{ "GET", "/v1/directories/people?since=1", BK_EMPTY, KNOWN },
	{ "GET", "/v1/directories/people?at=1", BK_EMPTY, 0 }, /* auditors alone: test_audit */
	{ "POST", "/v1/directories/people", BK_DIRECTORY, BIT(REGISTRAR) },
	{ "POST", "/v1/pending", BK_STATEMENT, EVERYBODY }, /* then judged as a statement: 400 */
	{ "GET", "/v1/pending?kind=user", BK_EMPTY, BIT(REGISTRAR) },
	{ "GET", "/v1/pending?kind=host", BK_EMPTY, BIT(REGISTRAR) },
	{ "DELETE", "/v1/pending/%s", BK_EMPTY, BIT(REGISTRAR) },
	{ "POST", "/v1/certificates", BK_CERTIFY, BIT(REQUESTER) },
	{ "POST", "/v1/stepups", BK_STATEMENT, HOSTS },
	{ "GET", "/v1/stepups", BK_EMPTY, PEOPLE },
	{ "POST", "/v1/stepups/%s", BK_SIGNATURE, PEOPLE },
	{ "DELETE", "/v1/stepups/%s", BK_EMPTY, HOSTS },
	{ "POST", "/v1/sessions", BK_SESSION, HOSTS },
	{ "GET", "/v1/sessions", BK_EMPTY, PEOPLE },
	{ "GET", "/v1/sessions/S-0123456789", BK_EMPTY, PEOPLE }, /* then: no such session */
	{ "POST", "/v1/sessions/S-0123456789/chunks?offset=0", BK_BYTES, HOSTS },
	{ "POST", "/v1/sessions/S-0123456789/head", BK_STATEMENT, HOSTS },
	{ "GET", "/v1/sessions/S-0123456789/record?from=0", BK_EMPTY, PEOPLE },
	{ "POST", "/v1/views", BK_STATEMENT, PEOPLE },
	{ "POST", "/v1/standing", BK_REPORT, HOSTS },
	{ "GET", "/v1/standing", BK_EMPTY, 0 }, /* auditors, and none of these is one: test_standing.c */
	{ "POST", "/v1/decisions", BK_BYTES, HOSTS },
	{ "GET", "/v1/log/checkpoint", BK_EMPTY, PEOPLE | HOSTS },
	{ "GET", "/v1/log/growth?from=1&to=1", BK_EMPTY, PEOPLE | HOSTS },
	{ "GET", "/v1/log/tile/0/000.p/1", BK_EMPTY, 0 }, /* auditors alone: test_audit */
	{ "GET", "/v1/log/tile/entries/000", BK_EMPTY, 0 },
};

static const struct ztj_seckey *key_of(const struct bk *b, int caller)
{
	switch (caller) {
	case UNKNOWN:
		return &b->nobody;
	case HOST:
		return &b->host_tls[FX_TEST1];
	case OTHER_HOST:
		return &b->host_tls[FX_WEB1];
	case REQUESTER:
		return &b->login[FX_REQ1];
	case APPROVER:
		return &b->login[FX_LEAD1];
	case OTHER_USER:
		return &b->login[FX_OUT1];
	case REGISTRAR:
		return &b->registrar[0];
	default:
		return NULL;
	}
}

/* The body is of the right shape but of the wrong kind: only the permission is in question. */
static bool refused(const struct bk *b)
{
	if (b->status == 401)
		return true;
	return b->status == 403 &&
	    (strcmp(b->error, "forbidden") == 0 || strcmp(b->error, "wrong-person") == 0);
}

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b, "rate_identity = 1000;\nrate_anonymous = 100000;\nrate_statements = 10000;\n");
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	bk_login(&b, FX_LEAD1);
	bk_login(&b, FX_OUT1);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	bk_end(*state);
	return 0;
}

static void test_B01_matrix(void **state)
{
	struct bk *b = *state;
	struct fx_signed req;
	unsigned wrong = 0, checked = 0;
	char hex[ZTJ_HEX_SIZE];

	bk_granted(b, &req);
	ztj_hex(req.id, ZTJ_DIGEST_LEN, hex);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char path[256];
		struct ztj_buf body;
		const char *at = strstr(table[i].path, "%s");
		(void)snprintf(path, sizeof(path), "%.*s%s", at != NULL ? (int)(at - table[i].path) : 255,
		    table[i].path, at != NULL ? hex : "");
		ztj_buf_init(&body, 65536);
		bk_body(b, table[i].body, &req, &body);
		for (int c = 0; c < CALLERS; c++) {
			(void)bk_call(b, key_of(b, c), table[i].method, path, ztj_buf_view(&body));
			bool want = table[i].allowed & BIT(c);
			bool unknown = c == NONE || c == UNKNOWN;
			checked++;
			if (b->status != 0 && refused(b) == !want &&
			    (want || b->status == (unknown ? 401 : 403)))
				continue;
			wrong++;
			print_error("%s %s as %s: %s wanted, got %ld %s\n", table[i].method, table[i].path,
			    caller_name[c], want ? "an answer" : "a refusal", b->status, b->error);
		}
		ztj_buf_free(&body);
	}
	fx_signed_free(&req);
	assert_int_equal(wrong, 0);
	assert_int_equal(checked, CALLERS * sizeof(table) / sizeof(table[0]));
}

/* A call that is not in the table does not exist, and nothing exists with another method. */
static void test_B01_unknown_calls(void **state)
{
	static const char *const paths[] = { "/", "/v1", "/v1/", "/v1/requests/", "/v1/requests/R-0/x",
		"/v2/policy", "/v1/policy/", "/V1/policy", "/v1//policy", "/v1/../v1/policy", "/v1/sessions/",
		"/v1/log", "/v1/log/", "/v1/log/tile", "/v1/log/tile/0/0", "/v1/log/tile/0/000.p/0",
		"/v1/log/tile/../../broker.db", "/v1/log/entries/000", "/v1/log/checkpoint/",
		"/v1/log/tile/0/000/" };
	struct bk *b = *state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		(void)bk_get(b, &b->login[FX_REQ1], "%s", paths[i]);
		/* libcurl squashes the dots of one of them itself */
		if (strstr(paths[i], "..") == NULL)
			assert_true(b->status == 404 || b->status == 400);
	}
	(void)bk_call(b, &b->login[FX_REQ1], "DELETE", "/v1/policy", ztj_view_of(NULL, 0));
	bk_expect(b, 405, "wrong-state");
	(void)bk_call(b, &b->login[FX_REQ1], "POST", "/v1/requests", ztj_view_str("{}"));
	assert_int_equal(b->status, 405);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/requests?mine=2");
	assert_int_equal(b->status, 400);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/requests?who=people/req2");
	assert_int_equal(b->status, 400);
}

/* B02: identity comes from the TLS key: a host cannot have what is another's, whatever it asks for. */
static void test_B02_other_host(void **state)
{
	struct bk *b = *state;
	struct fx_signed req;
	char hex[ZTJ_HEX_SIZE];
	bk_granted(b, &req);
	ztj_hex(req.id, ZTJ_DIGEST_LEN, hex);
	(void)bk_get(b, &b->host_tls[FX_WEB1], "/v1/statements/%s", hex);
	bk_expect(b, 403, "forbidden");
	(void)bk_get(b, &b->host_tls[FX_WEB1], "/v1/requests/%s", hex);
	bk_expect(b, 403, "forbidden");
	(void)bk_get(b, &b->host_tls[FX_TEST1], "/v1/statements/%s", hex);
	bk_expect(b, 200, "");
	/* Nobody reads somebody's login. */
	struct fx_signed login;
	bk_login_statement(b, FX_REQ1, &login);
	(void)bk_put(b, &b->login[FX_REQ1], &login);
	bk_expect(b, 201, "");
	ztj_hex(login.id, ZTJ_DIGEST_LEN, hex);
	(void)bk_get(b, &b->login[FX_LEAD1], "/v1/statements/%s", hex);
	bk_expect(b, 403, "forbidden");
	fx_signed_free(&login);
	fx_signed_free(&req);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_B01_matrix),
		cmocka_unit_test(test_B01_unknown_calls),
		cmocka_unit_test(test_B02_other_host),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
