/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Who has what until when: the gate's answer to local root, and what a person reads of it. */
#include "tests/hostd/rig.h"

#include <stdlib.h>
#include <string.h>

#include "ztjit-hostd/joinfiles.h"
#include "ztjit-hostd/showstatus.h"

static struct rig rig;
#define R (&rig)
#define NOW 1795341600 /* 2026-11-22T10:00:00Z */

static int setup(void **state)
{
	(void)state;
	rig_open(R, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close(R);
	return 0;
}

static json_t *of_grant(const json_t *status, const uint8_t id[ZTJ_DIGEST_LEN])
{
	json_t *list = json_object_get(status, "access"), *a;
	char hex[ZTJ_HEX_SIZE];
	size_t i;

	ztj_hex(id, ZTJ_DIGEST_LEN, hex);
	json_array_foreach(list, i, a)
	{
		if (strcmp(json_string_value(json_object_get(a, "id")), hex) == 0)
			return a;
	}
	return NULL;
}

static const char *text_of(const json_t *a, const char *name)
{
	const char *s = json_string_value(json_object_get(a, name));

	return s != NULL ? s : "(none)";
}

static const char *first_of(const json_t *a, const char *name)
{
	return json_string_value(json_array_get(json_object_get(a, name), 0));
}

static void test_a_grant_that_runs(void **state)
{
	struct rig_grant g;
	json_t *o, *a;

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 900, &g);
	rig_grant_push(R, &g);
	rig_sync(R);
	o = rig_status(R);
	assert_non_null(a = of_grant(o, g.request.id));
	assert_string_equal(text_of(a, "state"), "active");
	assert_string_equal(text_of(a, "person"), "people/req1");
	assert_string_equal(text_of(a, "role"), "root-shell");
	assert_string_equal(first_of(a, "login"), "root");
	assert_string_equal(first_of(a, "approved_by"), "people/sec1");
	assert_int_equal(json_array_size(json_object_get(a, "approved_by")), 2);
	assert_string_equal(text_of(a, "ends"),
	    "2026-11-22T09:15:00Z"); /* the shorter limit of an approver */
	assert_false(json_is_true(json_object_get(a, "used")));
	json_decref(o);
	rig_grant_free(&g);
}

static void test_self_is_ones_own_account(void **state)
{
	struct rig_grant g;
	json_t *o, *a;

	(void)state;
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 0, &g);
	rig_grant_push(R, &g);
	rig_sync(R);
	o = rig_status(R);
	assert_non_null(a = of_grant(o, g.request.id));
	assert_string_equal(first_of(a, "login"), "req1");
	assert_string_equal(first_of(a, "become"), "root");
	json_decref(o);
	rig_grant_free(&g);
}

static void test_a_grant_to_come_and_one_that_waits(void **state)
{
	struct rig_grant g, waits;
	struct ztj_stmt st, *opened;
	json_t *o, *a;

	(void)state;
	fx_request(&R->w, FX_REQ1, "root-shell", FX_WEB1, 600, &waits.request);
	ok(ztj_stmt_open(&waits.request.s, ZTJ_STMT_REQUEST, R->w.domain, &opened));
	st = *opened;
	st.u.request.start = R->w.now + 1200;
	fx_stmt_sign(&st, FX_UP | FX_UV, (const struct soft_key *const[]){ &R->w.person[FX_REQ1].key }, 1,
	    &g.request);
	ztj_stmt_free(opened);
	fx_approval(&R->w, FX_LEAD1, &g.request, false, 0, &g.lead);
	fx_approval(&R->w, FX_SEC1, &g.request, false, 0, &g.sec);
	rig_grant_push(R, &g);
	rig_news(R, &waits.request);
	rig_sync(R);
	o = rig_status(R);
	assert_non_null(a = of_grant(o, g.request.id));
	assert_string_equal(text_of(a, "state"), "approved");
	assert_string_equal(text_of(a, "starts"), "2026-11-22T09:20:00Z");
	assert_string_equal(text_of(a, "ends"), "2026-11-22T09:30:00Z");
	assert_null(of_grant(o, waits.request.id)); /* nobody has anything by it */
	json_decref(o);
	rig_grant_free(&g);
	fx_signed_free(&waits.request);
}

static void test_what_is_over_is_still_told(void **state)
{
	struct rig_grant g, ended;
	struct fx_signed rev;
	json_t *o;

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	rig_grant(R, FX_REQ1, "root-shell", 300, 0, &ended);
	rig_grant_push(R, &g);
	rig_grant_push(R, &ended);
	fx_revoke_request(&R->w, FX_LEAD1, &R->w.person[FX_LEAD1].key, &g.request, &rev);
	rig_news(R, &rev);
	rig_sleep(R, 400);
	rig_sync(R);
	o = rig_status(R);
	assert_string_equal(text_of(of_grant(o, g.request.id), "state"), "revoked");
	assert_string_equal(text_of(of_grant(o, ended.request.id), "state"), "ended");
	json_decref(o);
	rig_grant_free(&g);
	rig_grant_free(&ended);
	fx_signed_free(&rev);
}

static void test_what_an_admitted_use_fixed_is_what_is_told(void **state)
{
	struct rig_grant g;
	json_t *o, *a;
	char *cert;

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 900, &g);
	rig_cert(R, &g, &R->w.person[FX_REQ1].key, NULL, &cert);
	rig_proc(R, 200, 0, "/", 0);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	o = rig_status(R);
	assert_non_null(a = of_grant(o, g.request.id));
	assert_true(json_is_true(json_object_get(a, "used")));
	assert_string_equal(text_of(a, "ends"), "2026-11-22T09:15:00Z");
	a = json_array_get(json_object_get(o, "sessions"), 0);
	assert_string_equal(text_of(a, "since"), "2026-11-22T09:00:00Z");
	assert_true(json_is_null(json_object_get(a, "record")));
	json_decref(o);
	free(cert);
	rig_grant_free(&g);
}

/* The answer is one message: what does not fit is counted, the newest stay. */
static void test_a_great_many_grants(void **state)
{
	enum { MANY = 300 };
	struct rig_grant *g = calloc(MANY, sizeof(*g));
	size_t shown;
	json_t *o;

	(void)state;
	assert_non_null(g);
	for (size_t i = 0; i < MANY; i++) {
		rig_grant(R, FX_REQ1, "root-shell", 600 + (int64_t)i, 0, &g[i]);
		rig_grant_push(R, &g[i]);
		if (i % 32 == 0)
			rig_sync(R);
	}
	rig_sync(R);
	o = rig_status(R);
	shown = json_array_size(json_object_get(o, "access"));
	assert_true(shown > 50 && shown < MANY);
	assert_int_equal(json_integer_value(json_object_get(o, "grants")), MANY);
	assert_int_equal(shown + (size_t)json_integer_value(json_object_get(o, "access_left_out")), MANY);
	json_decref(o);
	for (size_t i = 0; i < MANY; i++)
		rig_grant_free(&g[i]);
	free(g);
}

/* ---- what a person reads ---- */

static char *show(const char *json)
{
	struct ztj_buf out;
	char *text;

	ztj_buf_init(&out, 1 << 20);
	ok(ztj_status_show(ztj_view_str(json), NOW, &out));
	assert_non_null(ztj_buf_str(&out));
	text = strdup((const char *)out.p);
	ztj_buf_free(&out);
	return text;
}

#define HEAD \
	"{\"host\":\"servers/web1\",\"domain\":\"example\",\"armed\":\"ok\",\"connected\":true,\"fresh\":" \
	"\"2026-11-22T09:59:58Z\",\"policy\":3,\"policy_expires\":\"2027-11-22T10:00:00Z\",\"clock\":" \
	"\"2026-11-22T10:00:00Z\",\"clock_ok\":true,\"directories\":{\"servers\":{\"serial\":5,\"records\":2," \
	"\"state\":\"ok\",\"expires\":\"2026-12-02T10:00:00Z\"}},"

static void test_the_columns_of_who_has_what(void **state)
{
	char *text = show(HEAD
	    "\"access\":[{\"person\":\"people/req1\",\"role\":\"root-shell\",\"login\":[\"root\"],\"become\":[],"
	    "\"state\":\"active\",\"starts\":\"2026-11-22T09:50:00Z\",\"ends\":\"2026-11-22T10:12:00Z\",\"grant\":"
	    "\"R-0000000001\",\"approved_by\":[\"people/lead1\",\"people/sec1\"]},"
	    "{\"person\":\"people/somebody-else\",\"role\":\"db\",\"login\":[\"s\"],\"become\":[\"postgres\",\"root\"],"
	    "\"state\":\"active\",\"starts\":\"2026-11-22T09:50:00Z\",\"ends\":\"2026-11-22T12:00:00Z\",\"grant\":"
	    "\"R-0000000002\",\"approved_by\":[],\"break_glass\":true},"
	    "{\"person\":\"people/req2\",\"role\":\"r\",\"state\":\"approved\",\"starts\":\"2026-11-22T11:00:00Z\","
	    "\"ends\":\"2026-11-22T11:30:00Z\",\"grant\":\"R-0000000003\"},"
	    "{\"person\":\"people/req3\",\"role\":\"r\",\"state\":\"revoked\",\"starts\":\"2026-11-22T09:00:00Z\","
	    "\"ends\":\"2026-11-22T11:30:00Z\",\"grant\":\"R-0000000004\"}],"
	    "\"sessions\":[{\"person\":\"people/req1\",\"service\":\"sshd\",\"account\":\"root\",\"tty\":\"pts/1\","
	    "\"peer\":\"192.0.2.1\",\"since\":\"2026-11-22T09:55:00Z\",\"ends\":\"2026-11-22T10:12:00Z\",\"grant\":"
	    "\"R-0000000001\",\"recorded\":true,\"record\":\"S-0123456789\"}],\"access_left_out\":7}");

	(void)state;
	assert_non_null(strstr(text, "armed        yes\n"));
	assert_non_null(strstr(text, "broker       connected, last status 2026-11-22T09:59:58Z\n"));
	assert_non_null(strstr(text, "expires 2026-12-02T10:00:00Z (in 10 days)  EXPIRES SOON\n"));
	assert_non_null(strstr(text,
	    "\nHas access now\n"
	    "PERSON                ROLE        ACCOUNTS                       UNTIL"));
	assert_non_null(strstr(text,
	    "people/req1           root-shell  login root                     "
	    "2026-11-22T10:12:00Z (in 12 min)  2026-11-22T09:50:00Z (10 min ago)  "
	    "R-0000000001  people/lead1,people/sec1\n"));
	assert_non_null(strstr(text, "login s; become postgres,root"));
	assert_non_null(strstr(text, "BREAK GLASS\n"));
	assert_non_null(strstr(text, "\nWill have access\n"));
	assert_non_null(strstr(text, "\nHad access\n"));
	assert_non_null(strstr(text, "  revoked  R-0000000004"));
	assert_non_null(strstr(text, "people/req1  sshd     root     pts/1  192.0.2.1  "));
	assert_non_null(strstr(text, "R-0000000001  S-0123456789\n"));
	assert_non_null(strstr(text, "7 older grants are not shown.\n"));
	free(text);
}

static void test_A03_nothing_in_it_reaches_the_terminal_raw(void **state)
{
	char *text = show(
	    "{\"host\":\"a\\u001b[2Jb\",\"armed\":\"\\u009b31m\",\"sessions\":[{\"person\":\"x\\ny\","
	    "\"peer\":\"\\u202e\",\"tty\":\"\\u001b]0;t\\u0007\"}],"
	    "\"access\":[{\"person\":\"\\u001bc\",\"state\":\"revoked\",\"approved_by\":[\"\\u001b[A\"]}]}");

	(void)state;
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\a'));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_null(strstr(text, "\xc2\x9b"));
	assert_null(strstr(text, "x\ny"));
	assert_non_null(strstr(text, "\\x1b[2Jb"));
	free(text);
}

static void test_nobody_has_access(void **state)
{
	char *text = show("{\"armed\":\"not-ready\"}");
	struct ztj_buf out;

	(void)state;
	assert_non_null(strstr(text, "armed        no: not armed yet"));
	assert_non_null(strstr(text, "\nNobody has access now\n"));
	assert_null(strstr(text, "Sessions"));
	free(text);
	ztj_buf_init(&out, 1024);
	fails(ztj_status_show(ztj_view_str("[1]"), NOW, &out), ZTJ_BAD_JSON);
	fails(ztj_status_show(ztj_view_str(""), NOW, &out), ZTJ_BAD_JSON);
	ztj_buf_free(&out);
}

/* ---- hostd.conf under another name ---- */

static int renamed(const char *text, char *out, size_t size)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 4096);
	r = ztj_joinfiles_rename(ztj_view_str(text), "web9", &b);
	out[0] = '\0';
	if (r == ZTJ_OK && ztj_buf_str(&b) != NULL)
		(void)snprintf(out, size, "%s", (const char *)b.p);
	ztj_buf_free(&b);
	return r;
}

static void test_another_name_changes_one_line(void **state)
{
	char out[512];

	(void)state;
	ok(renamed(
	    "# a\nurls = [ \"https://b\" ];\ndirectory = \"servers\";\nname = \"web1\";\nreserve = 128;", out,
	    sizeof(out)));
	assert_string_equal(out,
	    "# a\nurls = [ \"https://b\" ];\ndirectory = \"servers\";\nname = \"web9\";\nreserve = 128;");
	ok(renamed("\tname:\"web1\" # mine\n", out, sizeof(out)));
	assert_string_equal(out, "name = \"web9\";\n");
	fails(renamed("", out, sizeof(out)), ZTJ_CONFIG);
	fails(renamed("name = \"a\";\nname = \"b\";\n", out, sizeof(out)), ZTJ_CONFIG);
	fails(renamed("name = \"a\"; run = \"/r\";\n", out, sizeof(out)), ZTJ_CONFIG);
	fails(renamed("name =\n \"a\";\n", out, sizeof(out)), ZTJ_CONFIG);
	fails(renamed("name = \"a\" \"b\";\n", out, sizeof(out)), ZTJ_CONFIG);
	ok(renamed("names = \"a\";\nname = \"a\";\n", out, sizeof(out)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_grant_that_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_self_is_ones_own_account, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_grant_to_come_and_one_that_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_over_is_still_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_an_admitted_use_fixed_is_what_is_told, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_a_great_many_grants, setup, teardown),
		cmocka_unit_test(test_the_columns_of_who_has_what),
		cmocka_unit_test(test_A03_nothing_in_it_reaches_the_terminal_raw),
		cmocka_unit_test(test_nobody_has_access),
		cmocka_unit_test(test_another_name_changes_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
