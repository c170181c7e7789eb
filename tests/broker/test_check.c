/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * `ztjit-broker check`, and what serve makes of the same: keys, roots, configuration, policy and database, in order and
 * spoiled in every way. Also a database that cannot be written.
 */
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/broker/bk.h"
#include "tests/core/support.h"

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b, "rate_identity = 1000;\nrate_statements = 10000;\nrate_anonymous = 10000;\n");
	bk_arm(&b);
	bk_stop(&b);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	bk_end(*state);
	return 0;
}

/* A shell command in which $D is the state directory. */
static void must_do(const struct bk *b, const char *cmd)
{
	assert_int_equal(setenv("D", b->dir, 1), 0);
	if (shell(cmd) != 0)
		fail_msg("failed: %s", cmd);
}

/* Exit status and output of a command on this broker's configuration. */
static int run(const struct bk *b, const char *word, struct ztj_buf *out)
{
	char conf[160];
	(void)snprintf(conf, sizeof(conf), "%s/broker.conf", b->dir);
	const char *words[] = { word, "-c", conf, NULL };
	ztj_buf_init(out, 65536);
	return bk_run(words, out);
}

static void expect(const struct bk *b, const char *word, int status, const char *says)
{
	struct ztj_buf out;
	int got = run(b, word, &out);
	const char *text = out.n > 0 ? ztj_buf_str(&out) : "";
	if (got != status || strstr(text, says) == NULL)
		fail_msg("%s: wanted %d and \"%s\", got %d: %s", word, status, says, got, text);
	ztj_buf_free(&out);
}

static void test_check_good(void **state)
{
	struct bk *b = *state;
	expect(b, "check", 0, "0 problems, 0 warnings");
	expect(b, "check", 0, "ok       the policy names this broker's keys");
	expect(b, "check", 0, "ok       directory people");
	expect(b, "check", 0, "pin ZTJ-");
	/* beside a broker that runs, too */
	bk_serve(b);
	expect(b, "check", 0, "0 problems, 0 warnings");
	assert_int_equal(bk_get(b, NULL, "/healthz"), 200);
	bk_stop(b);
}

/* What is spoiled, how it is mended, what check says of it, and whether serve must refuse to start. */
static const struct spoiled {
	const char *spoil, *mend, *says;
	int status;
	bool serves;
} cases[] = {
	/* F01: keys and the directories above them */
	{ "chmod 0644 $D/frontend/tls.key", "chmod 0600 $D/frontend/tls.key",
	    "PROBLEM  frontend/tls.key: ", 1, false },
	{ "chmod 0640 $D/signer/online.key", "chmod 0600 $D/signer/online.key",
	    "PROBLEM  signer/online.key: ", 1, false },
	{ "chmod 0660 $D/signer/ca.key", "chmod 0600 $D/signer/ca.key", "signer/ca.key: ", 1, false },
	{ "chmod 0777 $D/signer", "chmod 0700 $D/signer", "PROBLEM  signer: ", 1, false },
	{ "chmod 0770 $D/frontend", "chmod 0700 $D/frontend", "PROBLEM  frontend: ", 1, false },
	{ "mv $D/signer/ca.key $D/signer/real && ln -s real $D/signer/ca.key",
	    "mv $D/signer/real $D/signer/ca.key", "signer/ca.key: ", 1, false },
	{ "mv $D/frontend/tls.key $D/keep", "mv $D/keep $D/frontend/tls.key",
	    "PROBLEM  frontend/tls.key: ", 1, false },
	{ "mkfifo $D/fifo && mv $D/signer/online.key $D/keep && mv $D/fifo $D/signer/online.key && chmod 0600 $D/signer/online.key",
	    "mv -f $D/keep $D/signer/online.key", "PROBLEM  signer/online.key: ", 1, false },
	{ "cp -p $D/signer/ca.key $D/keep && echo x >>$D/signer/ca.key && sed -i s/OPENSSH/OPENSSL/ $D/signer/ca.key",
	    "mv -f $D/keep $D/signer/ca.key", "signer/ca.key: ", 1, false },
	/* private and public half of different pairs */
	{ "cp -p $D/tls.pub $D/keep && cp $D/online.pub $D/tls.pub", "mv -f $D/keep $D/tls.pub",
	    "PROBLEM  frontend/tls.key: ", 1, false },
	{ "chmod 0666 $D/ca.pub", "chmod 0644 $D/ca.pub", "ca.pub: ", 1, false },
	/* pinned roots */
	{ "chmod 0666 $D/policy_roots", "chmod 0644 $D/policy_roots", "policy_roots: ", 1, false },
	{ "mv $D/policy_roots $D/keep && ln -s keep $D/policy_roots", "mv -f $D/keep $D/policy_roots",
	    "policy_roots: ", 1, false },
	{ "cp -p $D/policy_roots $D/keep && sed -i s/example/elsewhere/ $D/policy_roots",
	    "mv -f $D/keep $D/policy_roots", "policy_roots: ", 1, false },
	/* everything hangs below a directory that anybody may write */
	{ "chmod 0777 $D", "chmod 0755 $D", "", 1, false },
	/* F01, F02: the configuration */
	{ "chmod 0666 $D/broker.conf", "chmod 0644 $D/broker.conf", "broker.conf", 1, false },
	{ "mv $D/broker.conf $D/keep && ln -s keep $D/broker.conf", "mv -f $D/keep $D/broker.conf",
	    "broker.conf", 1, false },
	{ "mv $D/broker.conf $D/keep", "mv -f $D/keep $D/broker.conf", "broker.conf", 1, false },
	{ "cp -p $D/broker.conf $D/keep && echo 'max_conections = 5;' >>$D/broker.conf",
	    "mv -f $D/keep $D/broker.conf", "max_conections", 1, false },
	{ "cp -p $D/broker.conf $D/keep && echo 'domain = \"other\";' >>$D/broker.conf",
	    "mv -f $D/keep $D/broker.conf", "broker.conf:", 1, false },
	{ "cp -p $D/broker.conf $D/keep && echo 'max_streams = \"ten\";' >>$D/broker.conf",
	    "mv -f $D/keep $D/broker.conf", "max_streams", 1, false },
	/* the database */
	{ "cp -p $D/store/broker.db $D/keep && dd if=/dev/zero of=$D/store/broker.db bs=1 count=64 conv=notrunc 2>&1",
	    "mv -f $D/keep $D/store/broker.db", "store/broker.db: ", 1, false },
	{ "mv $D/store/broker.db $D/keep", "rm -f $D/store/broker.db*; mv -f $D/keep $D/store/broker.db",
	    "no database yet", 0, true },
	{ "chmod 0777 $D/store", "chmod 0700 $D/store", "PROBLEM  store: ", 1, false },
};

/* The WAL is empty after a stop, so a file can be swapped by itself. */
static void test_F01_F02_spoiled(void **state)
{
	struct bk *b = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct spoiled *c = &cases[i];
		struct ztj_buf out;
		must_do(b, c->spoil);
		int status = run(b, "check", &out);
		const char *text = out.n > 0 ? ztj_buf_str(&out) : "";
		/* a configuration that cannot be read is "could not find out" */
		if ((c->status == 0) != (status == 0) || strstr(text, c->says) == NULL)
			fail_msg("%s: check: %d %s", c->spoil, status, text);
		ztj_buf_free(&out);
		if (bk_serves(b) != c->serves)
			fail_msg("%s: serve %s", c->spoil, c->serves ? "did not start" : "started");
		must_do(b, c->mend);
	}
	expect(b, "check", 0, "0 problems, 0 warnings");
	bk_serve(b);
	bk_stop(b);
}

static void sql(const struct bk *b, const char *text)
{
	char path[256];
	sqlite3 *db;
	struct stat st;
	(void)snprintf(path, sizeof(path), "%s/store/broker.db", b->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* D01, P2: a database that somebody has edited is sound to SQLite; check and serve read it, and neither believes it. */
static void test_S11_edited_database(void **state)
{
	static const struct {
		const char *edit, *says;
	} edits[] = {
		{ "UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), '\"sre\"', '\"security\"') AS BLOB) WHERE dir = 'people'",
		    "PROBLEM  directory people: " },
		{ "DELETE FROM record WHERE dir = 'servers' AND name = 'web1'",
		    "PROBLEM  directory servers: " },
		{ "UPDATE directory SET id = (SELECT id FROM directory WHERE name = 'servers') WHERE name = 'people'",
		    "PROBLEM  directory people: " },
		{ "UPDATE statement SET container = substr(container, 1, 200) WHERE id = (SELECT id FROM policy)",
		    "PROBLEM  policy: " },
		{ "UPDATE statement SET container = CAST(replace(CAST(container AS TEXT), 'sre-leads', 'sre-peads') AS BLOB)"
		  " WHERE id = (SELECT id FROM policy)",
		    "PROBLEM  policy: " },
	};
	struct bk *b = *state;
	must_do(b, "cp -p $D/store/broker.db $D/keep");
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		sql(b, edits[i].edit);
		expect(b, "check", 1, edits[i].says);
		if (bk_serves(b))
			fail_msg("%s: serve started", edits[i].edit);
		must_do(b, "rm -f $D/store/broker.db* && cp -p $D/keep $D/store/broker.db");
	}
	must_do(b, "rm -f $D/keep");
	expect(b, "check", 0, "0 problems");
}

/* The keys that the policy names are not these any more; a policy near its end, and over. */
static void test_check_policy(void **state)
{
	struct bk *b = *state;
	char expires[ZTJ_TIME_SIZE];
	must_do(b,
	    "cp -p $D/frontend/tls.key $D/k1 && cp -p $D/tls.pub $D/k2 && cp -p $D/store/broker.db $D/keep");
	must_do(b,
	    "rm $D/frontend/tls.key && ssh-keygen -q -t ed25519 -N '' -C '' -f $D/frontend/tls.key && chown --reference=$D/k1 "
	    "$D/frontend/tls.key && mv $D/frontend/tls.key.pub $D/tls.pub && chmod 0644 $D/tls.pub");
	expect(b, "check", 1, "PROBLEM  the policy names this broker's keys: ");
	assert_false(bk_serves(b));
	assert_true(bk_logged(b, "the policy does not name this broker's keys"));
	must_do(b, "mv -f $D/k1 $D/frontend/tls.key && mv -f $D/k2 $D/tls.pub");
	bk_serve(b);
	bk_clock(b);
	ok(ztj_time_format(b->w.now + 20 * 86400, expires));
	const struct fx_policy soon = { .expires = expires };
	bk_policy(b, &soon);
	bk_stop(b);
	expect(b, "check", 0, "WARNING  the policy runs out at ");
	bk_serve(b);
	bk_clock(b);
	ok(ztj_time_format(b->w.now - 60, expires));
	const struct fx_policy over = { .expires = expires };
	bk_policy(b, &over);
	bk_stop(b);
	expect(b, "check", 1, "PROBLEM  the policy ran out at ");
	/* It serves, so that a new one can be pushed; nobody gets anything meanwhile. */
	bk_serve(b);
	(void)bk_get(b, &b->host_tls[FX_WEB1], "/v1/policy");
	bk_expect(b, 200, "");
	const struct fx_policy next = { 0 };
	bk_policy(b, &next);
	bk_stop(b);
	expect(b, "check", 0, "0 problems");
}

/* D02: storage that cannot be written at all: no start that would only pretend, a reason, and back when it is over. */
static void test_D02_read_only(void **state)
{
	struct bk *b = *state;
	struct fx_signed req;
	must_do(b, "chmod 0400 $D/store/broker.db && chmod 0500 $D/store");
	assert_false(bk_serves(b));
	assert_true(bk_logged(b, "store/broker.db"));
	must_do(b, "chmod 0700 $D/store && chmod 0600 $D/store/broker.db");
	/* while it runs: every write says EROFS for a while */
	static char preload[4200];
	(void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s/tests/broker/.libs/faults.so",
	    getenv("ZTJ_BUILDDIR"));
	const char *const wrapper[] = { "env", preload, "ASAN_OPTIONS=verify_asan_link_order=0",
		"ZTJ_FAULT=pwrite64 12 24 30", NULL };
	memcpy(b->wrapper, wrapper, sizeof(wrapper));
	bk_serve(b);
	unsigned refused = 0;
	bool back = false;
	for (int i = 0; i < 100 && !back; i++) {
		bk_login_statement(b, FX_REQ1, &req);
		long status = bk_put(b, &b->login[FX_REQ1], &req);
		fx_signed_free(&req);
		assert_true(status == 201 || status == 503);
		refused += status == 503;
		back = status == 201 && refused > 0;
		if (status == 503)
			(void)poll(NULL, 0, 200);
	}
	assert_true(back);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/requests");
	bk_expect(b, 200, "");
	bk_stop(b);
	b->wrapper[0] = NULL;
	expect(b, "check", 0, "0 problems");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_check_good, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_F01_F02_spoiled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_S11_edited_database, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_check_policy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_D02_read_only, set_up, tear_down),
	};
	cmocka_set_test_filter(getenv("ZTJ_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
