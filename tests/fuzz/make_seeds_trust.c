/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Writes seeds for the fuzzers of statements, records, pins, proofs and times from the small world of the tests, below the
 * directory named on the command line. Called by tests/fuzz/make-corpus.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/agentmsg.h"
#include "tests/core/proofs.h"

static const char *top;
static struct fx_world w;

static void seed(const char *name, struct ztj_view v)
{
	char path[1024];
	int n = snprintf(path, sizeof(path), "%s/%s", top, name);

	assert_in_range(n, 1, sizeof(path) - 1);
	write_file(path, v);
}

static void statement(const char *name, enum ztj_stmt_type type, struct fx_signed *f)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 1 << 20);
	ok(ztj_buf_put_u8(&b, (uint8_t)type));
	ok(ztj_buf_put(&b, f->bytes.p, f->bytes.n));
	seed(name, ztj_buf_view(&b));
	ztj_buf_free(&b);
	fx_signed_free(f);
}

/* A challenge as the step-up agent is asked, framed. */
static void agent_question(const struct fx_signed *f)
{
	struct ztj_buf body, msg, framed;

	ztj_buf_init(&body, 1 << 16);
	ztj_buf_init(&msg, 1 << 16);
	ztj_buf_init(&framed, 1 << 16);
	ok(ztj_signed_write(&f->s, &body));
	ok(ztj_agent_req_extension(ZTJ_AGENT_EXT_STEPUP, ztj_buf_view(&body), &msg));
	ok(ztj_buf_put_view(&framed, ztj_buf_view(&msg)));
	seed("stepup_agent/challenge", ztj_buf_view(&framed));
	ztj_buf_free(&body);
	ztj_buf_free(&msg);
	ztj_buf_free(&framed);
}

static void pending(struct fx_signed *user, struct fx_signed *host, struct fx_signed *proves)
{
	const struct soft_key *keys[2] = { &w.person[0].key, &w.person[1].key };
	struct ztj_stmt st;

	fx_stmt(&w, &st, ZTJ_STMT_PENDING);
	st.u.pending.name = "new1";
	st.u.pending.nkeys = 2;
	for (size_t i = 0; i < 2; i++) {
		st.u.pending.key[i].key = keys[i]->pub;
		st.u.pending.key[i].credential = "QUJD";
	}
	fx_stmt_sign(&st, FX_UP, keys, 2, user);
	fx_stmt(&w, &st, ZTJ_STMT_PENDING);
	st.u.pending.host = true;
	st.u.pending.name = "web9";
	st.u.pending.machine = w.host[0].machine.pub;
	st.u.pending.tls = w.host[0].tls.pub;
	st.u.pending.nssh = 1;
	st.u.pending.ssh[0] = w.host[0].ssh.pub;
	keys[0] = &w.host[0].machine;
	fx_stmt_sign(&st, FX_UP, keys, 1, host);
	st.u.pending.has_proof = true;
	memset(st.u.pending.proof, 0x5a, sizeof(st.u.pending.proof));
	fx_stmt_sign(&st, FX_UP, keys, 1, proves);
}

static void stepup(struct fx_signed *out)
{
	static const char *accounts[2] = { "postgres", "root" };
	const struct soft_key *machine = &w.host[0].machine;
	struct ztj_stmt st;

	fx_stmt(&w, &st, ZTJ_STMT_STEPUP);
	st.u.stepup.who = "people/req1";
	st.u.stepup.host = "servers/web1";
	st.u.stepup.service = "sudo";
	st.u.stepup.tty = "/dev/pts/3";
	st.u.stepup.peer = "192.0.2.1";
	st.u.stepup.accounts = accounts;
	st.u.stepup.naccounts = 2;
	st.u.stepup.expires = w.now + 60;
	fx_stmt_sign(&st, FX_UP, &machine, 1, out);
}

static void login(struct fx_signed *out)
{
	const struct soft_key *k = &w.person[0].key;
	char fp[ZTJ_FINGERPRINT_SIZE];
	struct ztj_stmt st;

	ok(ztj_key_fingerprint(&w.online.pub, fp));
	fx_stmt(&w, &st, ZTJ_STMT_LOGIN);
	st.u.login.who = "people/req1";
	st.u.login.key = w.tls.pub;
	st.u.login.broker = fp;
	st.u.login.expires = w.now + 3600;
	fx_stmt_sign(&st, FX_UP, &k, 1, out);
}

/* What is said of sessions and their records. */
static void sessions(void)
{
	static const char *ids[2] = { "S-0000000001", "S-000000000Z" };
	const struct soft_key *machine = &w.host[0].machine, *person = &w.person[FX_SEC1].key;
	struct fx_signed f;
	struct ztj_stmt st;

	fx_stmt(&w, &st, ZTJ_STMT_HEAD);
	st.u.head.host = "servers/web1";
	st.u.head.chunks = 17;
	st.u.head.bytes = 4711;
	st.u.head.digest[0] = 1;
	st.u.head.state = ZTJ_HEAD_CLOSED;
	fx_stmt_sign(&st, FX_UP, &machine, 1, &f);
	statement("statement/head", ZTJ_STMT_HEAD, &f);
	fx_stmt(&w, &st, ZTJ_STMT_VIEW);
	st.u.view.who = "people/sec1";
	st.u.view.sessions = ids;
	st.u.view.nsessions = 2;
	st.u.view.action = ZTJ_VIEW_TAIL;
	fx_stmt_sign(&st, FX_UP, &person, 1, &f);
	statement("statement/view", ZTJ_STMT_VIEW, &f);
	fx_stmt(&w, &st, ZTJ_STMT_KILL);
	st.u.kill.who = "people/sec1";
	st.u.kill.host = "servers/web1";
	st.u.kill.reason = "not at night";
	fx_stmt_sign(&st, FX_UP, &person, 1, &f);
	statement("statement/kill", ZTJ_STMT_KILL, &f);
	fx_stmt(&w, &st, ZTJ_STMT_STANDING);
	st.u.standing.host = "servers/web1";
	st.u.standing.standing = 2;
	st.u.standing.accepted = 1;
	fx_stmt_sign(&st, FX_UP, &machine, 1, &f);
	statement("statement/standing", ZTJ_STMT_STANDING, &f);
}

static void statements(void)
{
	struct fx_signed req, f, g, h;
	struct ztj_buf json;

	fx_request(&w, FX_REQ1, "root-shell", FX_WEB1, 1800, &req);
	fx_approval(&w, FX_LEAD1, &req, false, 600, &f);
	statement("statement/approve", ZTJ_STMT_APPROVAL, &f);
	fx_approval(&w, FX_LEAD1, &req, true, 0, &f);
	statement("statement/deny", ZTJ_STMT_APPROVAL, &f);
	fx_revoke_request(&w, FX_REQ1, &w.person[0].key, &req, &f);
	statement("statement/revoke-request", ZTJ_STMT_REVOCATION, &f);
	fx_revoke_name(&w, &w.registrar[0], true, "servers/web1", 3, w.now + 60, &f);
	statement("statement/revoke-host", ZTJ_STMT_REVOCATION, &f);
	fx_status(&w, &w.online, &f);
	statement("statement/status", ZTJ_STMT_STATUS, &f);
	login(&f);
	statement("statement/login", ZTJ_STMT_LOGIN, &f);
	stepup(&f);
	agent_question(&f);
	statement("statement/stepup", ZTJ_STMT_STEPUP, &f);
	pending(&f, &g, &h);
	statement("statement/pending-user", ZTJ_STMT_PENDING, &f);
	statement("statement/pending-host", ZTJ_STMT_PENDING, &g);
	statement("statement/pending-host-proof", ZTJ_STMT_PENDING, &h);
	ztj_buf_init(&json, 1 << 20);
	ok(ztj_buf_puts(&json, " "));
	ok(ztj_signed_to_json(&req.s, &json));
	seed("statement/container.json", ztj_buf_view(&json));
	ztj_buf_reset(&json);
	ok(ztj_buf_puts(&json, " "));
	ok(ztj_signed_write(&req.s, &json));
	seed("statement/container", ztj_buf_view(&json));
	ztj_buf_free(&json);
	sessions();
	statement("statement/request", ZTJ_STMT_REQUEST, &req);
	statement("statement/directory", ZTJ_STMT_DIRECTORY, &w.people);
}

static void records(void)
{
	struct ztj_buf b, json;

	ztj_buf_init(&b, ZTJ_RECORD_MAX);
	ztj_buf_init(&json, 1 << 20);
	fx_user_record(&w.person[FX_BOTH1], &b);
	seed("record/user", ztj_buf_view(&b));
	ztj_buf_reset(&b);
	fx_host_record(&w.host[FX_WEB1], &b);
	seed("record/host", ztj_buf_view(&b));
	ok(ztj_buf_puts(&json, "{\"name\":\"servers\",\"serial\":1,\"statements\":["));
	ok(ztj_signed_to_json(&w.servers.s, &json));
	ok(ztj_buf_puts(&json, "],\"drop\":[\"old1\"],\"put\":[\""));
	for (size_t i = 0; i < b.n; i++)
		ok(ztj_buf_printf(&json, b.p[i] == '"' ? "\\%c" : "%c", b.p[i]));
	ok(ztj_buf_puts(&json, "\"]}"));
	seed("record/answer", ztj_buf_view(&json));
	ztj_buf_free(&b);
	ztj_buf_free(&json);
}

static void others(void)
{
	static const struct {
		const char *name, *text;
	} texts[] = {
		{ "time/time", "2026-11-22T09:00:00Z" },
		{ "time/duration", "1d2h3m4s" },
		{ "time/number", "-999" },
		{ "time/name", "people/req1" },
		{ "time/escape", "a\\b\x1b[2J\xe2\x80\xae\xff\xc3\xa9" },
		{ "time/hours", "Mon-Fri 07:00-20:00 CET-1CEST,M3.5.0,M10.5.0/3" },
		{ "time/night", "Fri 22:00-06:00; Sun 00:00-24:00 <-03>3" },
		{ "time/julian", "Sat-Mon 10:00-11:00 XXX3YYY2,J60/-1:30:15,300/167" },
	};
	struct ztj_buf b;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		seed(texts[i].name, ztj_view_str(texts[i].text));
	ztj_buf_init(&b, 65536);
	ok(ztj_buf_puts(&b, "# roots\n\n"));
	w.pins.has_floor = true;
	w.pins.floor_version = 7;
	ok(ztj_pins_format(&w.pins, &b));
	seed("pins/three", ztj_buf_view(&b));
	ztj_buf_free(&b);
}

/* A whole one, and one of its inclusion proofs. */
static void proofs(void)
{
	static const char mark[] = "== 1.tlog-proof ";
	static struct px x;
	struct ztj_buf file;
	const uint8_t *at, *text;

	px_init(&x);
	px_file(&x, &file);
	seed("proof/whole", ztj_buf_view(&file));
	at = memmem(file.p, file.n, mark, strlen(mark));
	assert_non_null(at);
	text = memchr(at, '\n', 64);
	assert_non_null(text);
	seed("proof/tlog-proof",
	    ztj_view_of(text + 1, (size_t)strtol((const char *)at + strlen(mark), NULL, 10)));
	seed("proof/path", ztj_view_str("index 3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"));
	ztj_buf_free(&file);
	px_free(&x);
}

static void make(void **state)
{
	(void)state;
	fx_init(&w);
	fx_load(&w);
	records();
	statements();
	others();
	proofs();
	fx_free(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(make) };

	if (argc != 2) {
		(void)fputs("usage: make_seeds_trust DIRECTORY\n", stderr);
		return 2;
	}
	top = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
