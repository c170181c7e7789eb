/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Witnesses of the audit log: a real broker and real witnesses (witness.c), which are down, come back, lie, or have seen more than a
 * broker of yesterday.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/core/checkpoint.h"
#include "libztjit/core/cosign.h"
#include "tests/broker/bk.h"
#include "tests/core/support.h"

#define WAIT_MS 60000
#define WITNESSES 2
#define CONF \
	"rate_identity = 10000;\nrate_statements = 100000;\nrate_anonymous = 100000;\nmax_open_requests = 10000;\n" \
	"ask_witnesses = true;\n"

static struct bk bk;
static struct wit {
	char dir[160], name[32], vkey[512];
	int port;
	pid_t pid;
} wits[WITNESSES];
static struct ztj_witness by[WITNESSES];

/* --- witnesses --- */

static void wit_start(struct wit *w)
{
	const char *build = getenv("ZTJ_BUILDDIR");
	char program[512], port[16];
	struct ztj_note_key log;
	struct ztj_buf vkey;
	char line[600], *space;
	int p[2];
	FILE *f;

	ok(ztj_note_key_make("example/ztjit", &bk.w.log.pub, &log));
	ztj_buf_init(&vkey, 1024);
	ok(ztj_note_vkey(&log, &vkey));
	(void)snprintf(program, sizeof(program), "%s/tests/broker/witness", build != NULL ? build : ".");
	(void)snprintf(port, sizeof(port), "%d", w->port);
	assert_int_equal(pipe(p), 0);
	w->pid = fork();
	assert_true(w->pid >= 0);
	if (w->pid == 0) {
		(void)dup2(p[1], 1);
		(void)close(p[0]);
		(void)execl(program, program, w->dir, w->name, ztj_buf_str(&vkey), port, (char *)NULL);
		_exit(127);
	}
	(void)close(p[1]);
	f = fdopen(p[0], "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	w->port = (int)strtol(line, &space, 10);
	assert_true(w->port > 0 && *space == ' ');
	(void)snprintf(w->vkey, sizeof(w->vkey), "%.*s", (int)strcspn(space + 1, "\n"), space + 1);
	(void)fclose(f);
	ztj_buf_free(&vkey);
}

static void wit_stop(struct wit *w)
{
	if (w->pid > 0) {
		assert_int_equal(kill(w->pid, SIGKILL), 0);
		assert_int_equal(waitpid(w->pid, NULL, 0), w->pid);
	}
	w->pid = 0;
}

static void wit_mode(const struct wit *w, const char *mode)
{
	char path[200];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/mode", w->dir);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs(mode, f);
	assert_int_equal(fclose(f), 0);
}

static uint64_t wit_size(const struct wit *w)
{
	char path[200], line[128];
	unsigned long long n = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/checkpoint", w->dir);
	f = fopen(path, "re");
	if (f != NULL) {
		assert_non_null(fgets(line, sizeof(line), f));
		n = strtoull(line, NULL, 10);
		(void)fclose(f);
	}
	return n;
}

/* --- the broker --- */

/* A policy that names both, and demands that many. */
static void demand(unsigned quorum, const char *more)
{
	char broker[2048];
	const struct fx_policy p = { .more = "auditors = [ \"@security\" ];", .broker = broker };

	(void)snprintf(broker, sizeof(broker),
	    "  witnesses = ( { key = \"%s\"; url = \"http://127.0.0.1:%d\"; }, { key = \"%s\"; url = \"http://localhost:%d\"; } );\n"
	    "  witness_quorum = %u; %s\n",
	    wits[0].vkey, wits[0].port, wits[1].vkey, wits[1].port, quorum, more);
	bk_policy(&bk, &p);
	for (size_t i = 0; i < WITNESSES; i++)
		ok(ztj_note_vkey_parse(ztj_view_str(wits[i].vkey), &by[i].key));
}

static int set_up(void **state)
{
	(void)state;
	bk_start(&bk, CONF);
	bk_arm(&bk);
	bk_policy(&bk, &(const struct fx_policy){ .more = "auditors = [ \"@security\" ];" });
	bk_login(&bk, FX_REQ1);
	bk_login(&bk, FX_SEC1);
	for (int i = 0; i < WITNESSES; i++) {
		memset(&wits[i], 0, sizeof(wits[i]));
		(void)snprintf(wits[i].dir, sizeof(wits[i].dir), "%s.w%d", bk.dir, i);
		(void)snprintf(wits[i].name, sizeof(wits[i].name), "w.example/%c", 'a' + i);
		wit_start(&wits[i]);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < WITNESSES; i++) {
		wit_stop(&wits[i]);
		(void)sh("rm -rf '%s'", wits[i].dir);
	}
	bk_end(&bk);
	return 0;
}

/* What is shown, or the newest that was signed; how the quorum is met. */
static int look(const char *path, unsigned quorum, struct ztj_checkpoint *c, struct ztj_cosigned *s)
{
	const struct ztj_quorum q = { WITNESSES, by, quorum, 0 };

	(void)bk_get(&bk, &bk.login[FX_SEC1], "/v1/log/%s", path);
	bk_expect(&bk, 200, "");
	ok(ztj_checkpoint_open(ztj_buf_view(&bk.body), "example", &bk.w.log.pub, 1, c));
	return ztj_cosign_judge_note(&q, ztj_buf_view(&bk.body), (int64_t)time(NULL), s);
}

static uint64_t newest(void)
{
	struct ztj_checkpoint c;
	struct ztj_cosigned s;

	(void)look("newest", 0, &c, &s);
	return c.size;
}

static uint64_t shown(void)
{
	struct ztj_checkpoint c;
	struct ztj_cosigned s;

	(void)look("checkpoint", 0, &c, &s);
	return c.size;
}

static void leaves_more(int n)
{
	struct fx_signed req;

	for (int i = 0; i < n; i++) {
		bk_clock(&bk);
		fx_request(&bk.w, FX_REQ1, "root-shell", FX_TEST1, 600 + i, &req);
		(void)bk_put(&bk, &bk.login[FX_REQ1], &req);
		fx_signed_free(&req);
		assert_int_equal(bk.status, 201);
	}
}

/* Until what is shown has that many cosignatures and at least `size` leaves; never does it get shorter meanwhile. */
static void until_cosigned(unsigned quorum, uint64_t size)
{
	uint64_t before = 0;
	struct ztj_checkpoint c = { 0 };
	struct ztj_cosigned s = { 0 };
	int r = ZTJ_NOT_COSIGNED;

	for (int waited = 0; waited < WAIT_MS; waited += 100) {
		r = look("checkpoint", quorum, &c, &s);
		assert_true(r == ZTJ_OK || r == ZTJ_NOT_COSIGNED);
		assert_true(c.size >= before);
		before = c.size;
		if (r == ZTJ_OK && c.size >= size)
			return;
		(void)poll(NULL, 0, 100);
	}
	fail_msg("%s, %zu cosignatures, %llu leaves of %llu", ztj_err_name(r), s.n,
	    (unsigned long long)c.size, (unsigned long long)size);
}

static void until_newest(uint64_t size)
{
	for (int waited = 0; waited < WAIT_MS && newest() < size; waited += 100)
		(void)poll(NULL, 0, 100);
	assert_true(newest() >= size);
}

static void until_logged(const char *text)
{
	for (int waited = 0; waited < WAIT_MS && !bk_logged(&bk, text); waited += 100)
		(void)poll(NULL, 0, 100);
	if (!bk_logged(&bk, text))
		fail_msg("not in the log: %s", text);
}

/* --- tests --- */

static void test_nothing_is_demanded(void **state)
{
	(void)state;
	leaves_more(3);
	until_newest(8);
	assert_int_equal(wit_size(&wits[0]), 0);
	assert_int_equal(shown(), newest());
}

static void test_cosigned_by_both(void **state)
{
	uint64_t before;

	(void)state;
	demand(2, "witness_max_age = \"1h\";");
	leaves_more(3);
	until_cosigned(2, newest());
	before = shown();
	assert_true(wit_size(&wits[0]) >= before && wit_size(&wits[1]) >= before);
	leaves_more(600); /* beyond two full tiles: proofs have some length */
	until_cosigned(2, before + 600);
	/* a start changes nothing of it, though nobody has cosigned the newest yet */
	wit_mode(&wits[0], "500");
	before = shown();
	bk_stop(&bk);
	bk_serve(&bk);
	until_newest(before + 1);
	until_cosigned(2, before);
	assert_int_equal(shown(), before);
	wit_mode(&wits[0], "");
	until_cosigned(2, before + 1);
	assert_false(bk_logged(&bk, "alarm"));
}

static void test_one_of_two_is_down(void **state)
{
	uint64_t size;

	(void)state;
	wit_stop(&wits[1]);
	demand(1, "");
	leaves_more(5);
	until_cosigned(1, newest());
	/* two are demanded: what is shown stands still until it is back, and then catches up */
	demand(2, "");
	leaves_more(5);
	until_logged("witness w.example/b did not cosign the audit log");
	size = newest();
	until_newest(size);
	wit_start(&wits[1]);
	until_cosigned(2, size);
	size = shown();
	wit_stop(&wits[0]);
	leaves_more(5);
	until_newest(size + 5);
	until_logged("witness w.example/a did not cosign the audit log");
	until_cosigned(2, size);
	assert_int_equal(shown(), size);
	wit_start(&wits[0]);
	until_cosigned(2, size + 5);
	until_logged("witness w.example/a cosigns the audit log again");
}

/* Whatever one of them answers, the other's cosignature stands, nothing wrong is shown, and the broker goes on. */
static void test_A01_one_lies(void **state)
{
	static const struct {
		const char *mode, *said;
	} t[] = {
		{ "another text", "answers with a signature that is not its own" },
		{ "another key", "no line of its key" },
		{ "ahead", "dated in the future" },
		{ "redirect", "HTTP status 301" },
		{ "500", "HTTP status 500" },
		{ "404", "does not know this log" },
		{ "no size", "a conflict without a size" },
		{ "wanders", "now one size, now another" },
		{ "huge", "too long" },
		{ "endless", "too long" },
		{ "boasts", "was an old state put back?" },
		{ "accuses", "does not find that this audit log continues" },
		{ "drip", "no answer in time" },
	};

	(void)state;
	demand(1, "");
	leaves_more(2);
	until_cosigned(2, newest());
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t size = newest();

		wit_mode(&wits[1], t[i].mode);
		leaves_more(2);
		until_cosigned(1, size + 2);
		until_logged(t[i].said);
		until_cosigned(1, newest());
		/* a new policy begins anew: no need to wait until it is asked again */
		wit_mode(&wits[1], "");
		demand(1, "");
		leaves_more(1);
		until_cosigned(2, size + 3);
	}
}

/* G06: the broker of yesterday, whole, with all that it remembers. Its witnesses have seen more. */
static void test_G06_rolled_back(void **state)
{
	uint64_t size;

	(void)state;
	demand(2, "");
	leaves_more(5);
	until_cosigned(2, newest());
	bk_stop(&bk);
	must("for d in store signer frontend sender; do cp -a '%s'/$d '%s'.$d.old; done", bk.dir, bk.dir);
	bk_serve(&bk);
	size = shown();
	leaves_more(20);
	until_cosigned(2, size + 20);
	bk_stop(&bk);
	must("for d in store signer frontend sender; do rm -rf '%s'/$d && mv '%s'.$d.old '%s'/$d; done",
	    bk.dir, bk.dir, bk.dir);
	bk_serve(&bk);
	until_logged("was an old state put back?");
	until_logged("witness w.example/b has cosigned");
	until_cosigned(2, size);
	assert_int_equal(shown(), size);
	/* It grows beyond what they saw, with another history: a fork that nobody cosigns. */
	leaves_more(40);
	until_newest(wit_size(&wits[0]) + 1);
	until_logged("does not find that this audit log continues");
	assert_int_equal(shown(), size);
	assert_true(wit_size(&wits[0]) == size + 20 || wit_size(&wits[0]) < newest());
}

/* Killed when witnesses have seen a checkpoint and nobody else has: nothing is signed twice, and it goes on. */
static void test_killed_before_the_cosignature(void **state)
{
	uint64_t size, seen;

	(void)state;
	demand(2, "");
	until_cosigned(2, newest());
	size = shown();
	wit_mode(&wits[1], "500");
	seen = wit_size(&wits[0]);
	leaves_more(5);
	for (int waited = 0; waited < WAIT_MS && wit_size(&wits[0]) == seen; waited += 20)
		(void)poll(NULL, 0, 20);
	assert_true(wit_size(&wits[0]) > seen);
	bk_kill(&bk);
	wit_mode(&wits[1], "");
	bk_serve(&bk);
	until_cosigned(2, size + 5);
	assert_false(bk_logged(&bk, "alarm"));
	/* the memory of a witness outlives it */
	wit_stop(&wits[0]);
	wit_start(&wits[0]);
	leaves_more(3);
	until_cosigned(2, size + 8);
}

/* Cosignatures of a log in which nothing happens are made anew before they are too old. */
static void test_made_anew_in_time(void **state)
{
	struct ztj_checkpoint c;
	struct ztj_cosigned s, later;

	(void)state;
	demand(2, "witness_max_age = \"1m\";");
	until_cosigned(2, newest());
	(void)poll(NULL, 0, 3000);
	ok(look("checkpoint", 2, &c, &s));
	for (int waited = 0; waited < WAIT_MS; waited += 500) {
		ok(look("checkpoint", 2, &c, &later));
		if (later.since > s.since)
			break;
		(void)poll(NULL, 0, 500);
	}
	assert_in_range(later.since - s.since, 1, 40);
}

/* The witness shows what it cosigned: log's line and its own (section "Monitor Retrieval" of tlog-witness). */
static void test_what_is_remembered_is_shown(void **state)
{
	(void)state;
	demand(2, "");
	until_cosigned(2, newest());
	must(
	    "curl -sf http://127.0.0.1:%d/$(printf example/ztjit | sha256sum | cut -c1-64)/checkpoint >'%s.note'",
	    wits[0].port, bk.dir);
	must("grep -c '^— example/ztjit ' '%s.note' && grep -c '^— w.example/a ' '%s.note'; rm '%s.note'",
	    bk.dir, bk.dir, bk.dir);
}

static void test_metrics(void **state)
{
	(void)state;
	demand(2, "");
	until_cosigned(2, newest());
	assert_int_equal(bk_get(&bk, NULL, "/metrics"), 200);
	assert_non_null(strstr(ztj_buf_str(&bk.body), "\nztjit_log_cosigned 1\n"));
	assert_non_null(strstr(ztj_buf_str(&bk.body), "\nztjit_witness_age_seconds{witness=\"2\"} "));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_nothing_is_demanded),
		T(test_cosigned_by_both),
		T(test_one_of_two_is_down),
		T(test_A01_one_lies),
		T(test_G06_rolled_back),
		T(test_killed_before_the_cosignature),
		T(test_made_anew_in_time),
		T(test_what_is_remembered_is_shown),
		T(test_metrics),
	};

	cmocka_set_test_filter(getenv("ZTJ_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
