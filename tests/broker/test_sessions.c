/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Records of sessions at a real broker: told by hosts, stored to the byte, opened by a signed view alone, ended by a kill.
 * Bodies of chunks are any bytes here: the broker opens none.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/chunk.h"
#include "tests/broker/bk.h"

static const struct fx_policy auditing = { .more = "auditors = [ \"@security\" ];" };

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b, "records_free = 1;\nrate_statements = 10000;\nrate_identity = 1000;\n");
	bk_arm(&b);
	bk_policy(&b, &auditing);
	bk_login(&b, FX_REQ1);
	bk_login(&b, FX_OUT1);
	bk_login(&b, FX_SEC1);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	bk_end(*state);
	return 0;
}

/* ---- a host's side ---- */

struct rec {
	uint8_t name[ZTJ_DIGEST_LEN];
	char id[ZTJ_SHORT_ID_SIZE];
	struct ztj_buf file;
	struct ztj_chain chain;
	int host;
};

static const struct ztj_seckey *tls(const struct bk *b, const struct rec *r)
{
	return &b->host_tls[r->host];
}

static long say_start(struct bk *b, struct rec *r, const char *person, const char *command)
{
	char name[ZTJ_HEX_SIZE], started[ZTJ_TIME_SIZE], ends[ZTJ_TIME_SIZE];
	struct ztj_buf body;
	ztj_hex(r->name, ZTJ_DIGEST_LEN, name);
	ok(ztj_time_format((int64_t)time(NULL), started));
	ok(ztj_time_format((int64_t)time(NULL) + 600, ends));
	ztj_buf_init(&body, 8192);
	ok(ztj_buf_printf(&body,
	    "{\"session\":\"%s\",\"grant\":\"%s\",\"person\":\"%s\",\"account\":\"root\",\"service\":\"sshd\","
	    "\"role\":\"root-shell\",\"peer\":\"192.0.2.1\",\"command\":%s,\"tty\":true,\"started\":\"%s\",\"ends\":\"%s\"}",
	    name, name, person, command, started, ends));
	(void)bk_call(b, tls(b, r), "POST", "/v1/sessions", ztj_buf_view(&body));
	ztj_buf_free(&body);
	return b->status;
}

static void start(struct bk *b, struct rec *r, int host, uint8_t seed, const char *person)
{
	memset(r, 0, sizeof(*r));
	memset(r->name, seed, sizeof(r->name));
	r->host = host;
	ztj_buf_init(&r->file, 8u << 20);
	(void)say_start(b, r, person, "null");
	bk_expect(b, 201, "");
	(void)snprintf(r->id, sizeof(r->id), "%s", bk_text(b, "id"));
	assert_true(ztj_session_id_ok(r->id));
}

static void add_chunk(struct rec *r, size_t size, bool last)
{
	uint8_t *room = malloc(size);
	assert_non_null(room);
	for (size_t i = 0; i < size; i++)
		room[i] = (uint8_t)(i * 7 + r->chain.chunks);
	struct ztj_chunk k = { .flags = last ? ZTJ_CHUNK_LAST : 0,
		.seq = r->chain.chunks,
		.at = r->chain.at + 1000,
		.events = 1,
		.text = 100,
		.body = ztj_view_of(room, size) };
	memcpy(k.prev, r->chain.digest, sizeof(k.prev));
	ok(ztj_chunk_write(&k, &r->file));
	ok(ztj_chain_add(&r->chain, &k));
	free(room);
}

static long send_from(struct bk *b, const struct rec *r, const struct ztj_seckey *as, size_t from, size_t n)
{
	char path[96];
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/chunks?offset=%zu", r->id, from);
	return bk_call(b, as, "POST", path, ztj_view_of(r->file.p + from, n));
}

static void head_of(const struct bk *b, const struct rec *r, enum ztj_head_state state, struct fx_signed *out)
{
	const struct soft_key *key = &b->w.host[r->host].machine;
	struct ztj_stmt st;
	fx_stmt(&b->w, &st, ZTJ_STMT_HEAD);
	st.issued = (int64_t)time(NULL);
	st.u.head.host = b->w.host[r->host].full;
	memcpy(st.u.head.session, r->name, ZTJ_DIGEST_LEN);
	st.u.head.chunks = r->chain.chunks;
	st.u.head.bytes = (int64_t)r->chain.bytes;
	memcpy(st.u.head.digest, r->chain.digest, ZTJ_DIGEST_LEN);
	st.u.head.state = state;
	fx_stmt_sign(&st, 0, &key, 1, out);
}

static long send_head(struct bk *b, const struct rec *r, enum ztj_head_state state)
{
	struct fx_signed s;
	char path[96];
	head_of(b, r, state, &s);
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/head", r->id);
	(void)bk_post(b, tls(b, r), path, &s.s);
	fx_signed_free(&s);
	return b->status;
}

/* ---- a person's side ---- */

static void view_of(const struct bk *b, int who, const char *id, enum ztj_view_action action,
    struct fx_signed *out)
{
	const struct soft_key *key = &b->w.person[who].key;
	struct ztj_stmt st;
	fx_stmt(&b->w, &st, ZTJ_STMT_VIEW);
	st.issued = (int64_t)time(NULL);
	st.u.view.who = b->w.person[who].full;
	st.u.view.nsessions = 1;
	st.u.view.sessions = &id;
	st.u.view.action = action;
	fx_stmt_sign(&st, FX_UP, &key, 1, out);
}

static long look(struct bk *b, int who, const char *id)
{
	struct fx_signed s;
	view_of(b, who, id, ZTJ_VIEW_PLAY, &s);
	(void)bk_post(b, &b->login[who], "/v1/views", &s.s);
	fx_signed_free(&s);
	return b->status;
}

static void expect_record(struct bk *b, int who, const struct rec *r, const char *state)
{
	struct ztj_buf got;
	ztj_buf_init(&got, 16u << 20);
	do {
		(void)bk_get(b, &b->login[who], "/v1/sessions/%s/record?from=%zu", r->id, got.n);
		bk_expect(b, 200, "");
		assert_int_equal(bk_int(b, "size"), (int64_t)r->file.n);
		assert_string_equal(bk_text(b, "state"), state);
		ok(ztj_b64_decode(ztj_view_str(bk_text(b, "data")), &got));
	} while (got.n < r->file.n && strlen(bk_text(b, "data")) > 0);
	assert_int_equal(got.n, r->file.n);
	assert_memory_equal(got.p, r->file.p, got.n);
	ztj_buf_free(&got);
}

/* ---- tests ---- */

static void test_record_arrives_to_the_byte(void **state)
{
	struct bk *b = *state;
	struct rec r;
	start(b, &r, FX_WEB1, 1, "people/req1");
	for (int i = 0; i < 5; i++) {
		size_t from = r.file.n;
		add_chunk(&r, 150000, i == 4);
		(void)send_from(b, &r, tls(b, &r), from, r.file.n - from);
		bk_expect(b, 200, "");
		assert_int_equal(bk_int(b, "size"), (int64_t)r.file.n);
		(void)send_head(b, &r, i == 4 ? ZTJ_HEAD_CLOSED : ZTJ_HEAD_OPEN);
		bk_expect(b, 200, "");
	}
	assert_int_equal(look(b, FX_REQ1, r.id), 201);
	expect_record(b, FX_REQ1, &r, "closed");
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/sessions/%s", r.id);
	bk_expect(b, 200, "");
	assert_string_equal(bk_text(b, "person"), "people/req1");
	assert_int_equal(bk_int(b, "chunks"), 5);
	assert_int_equal(json_array_size(json_object_get(b->json, "heads")), 1);
	/* What is closed takes nothing more. */
	r.chain.last = false;
	add_chunk(&r, 10, false);
	(void)send_from(b, &r, tls(b, &r), r.file.n - 10 - ZTJ_CHUNK_HEADER, 10 + ZTJ_CHUNK_HEADER);
	assert_true(b->status >= 400);
	ztj_buf_free(&r.file);
}

static void test_sent_again_changes_nothing(void **state)
{
	struct bk *b = *state;
	struct rec r;
	start(b, &r, FX_WEB1, 2, "people/req1");
	add_chunk(&r, 1000, false);
	add_chunk(&r, 1000, false);
	size_t one = r.file.n / 2;
	(void)send_from(b, &r, tls(b, &r), 0, one);
	bk_expect(b, 200, "");
	(void)send_from(b, &r, tls(b, &r), 0, one);
	bk_expect(b, 200, "");
	assert_int_equal(bk_int(b, "size"), (int64_t)one);
	/* What was there, and more. */
	(void)send_from(b, &r, tls(b, &r), 0, r.file.n);
	bk_expect(b, 200, "");
	assert_int_equal(bk_int(b, "size"), (int64_t)r.file.n);
	/* The session again tells how far it came. */
	assert_int_equal(say_start(b, &r, "people/req1", "null"), 200);
	assert_int_equal(bk_int(b, "size"), (int64_t)r.file.n);
	assert_string_equal(bk_text(b, "id"), r.id);
	/* A gap says where to go on. */
	char path[96];
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/chunks?offset=%zu", r.id, r.file.n + 5);
	(void)bk_call(b, tls(b, &r), "POST", path, ztj_view_of(r.file.p, one));
	bk_expect(b, 409, "wrong-state");
	/* Other bytes for what is there: refused, and said aloud. */
	r.file.p[200] ^= 1;
	(void)send_from(b, &r, tls(b, &r), 0, one);
	bk_expect(b, 409, "exists");
	assert_true(bk_logged(b, "sent other bytes"));
	r.file.p[200] ^= 1;
	ztj_buf_free(&r.file);
}

static void test_chain_is_checked(void **state)
{
	struct bk *b = *state;
	struct rec r;
	start(b, &r, FX_WEB1, 3, "people/req1");
	add_chunk(&r, 500, false);
	size_t one = r.file.n;
	add_chunk(&r, 500, false);
	(void)send_from(b, &r, tls(b, &r), 0, one);
	bk_expect(b, 200, "");
	/* Every byte of the header that the chain is over. */
	for (size_t i = 0; i < ZTJ_CHUNK_HEADER; i++) {
		if ((i >= 42 && i < 58) || i == 5)
			continue; /* time, events and text are the host's word; flags: below */
		r.file.p[one + i] ^= 1;
		(void)send_from(b, &r, tls(b, &r), one, one);
		assert_true(b->status >= 400 && b->status < 500);
		r.file.p[one + i] ^= 1;
	}
	for (size_t n = 1; n < ZTJ_CHUNK_HEADER + 3; n++) {
		(void)send_from(b, &r, tls(b, &r), one, n);
		assert_true(b->status >= 400 && b->status < 500);
	}
	(void)send_from(b, &r, tls(b, &r), one, one);
	bk_expect(b, 200, "");
	ztj_buf_free(&r.file);
}

static void test_heads(void **state)
{
	struct bk *b = *state;
	struct rec r, behind;
	struct fx_signed s;
	char path[96];
	start(b, &r, FX_WEB1, 4, "people/req1");
	add_chunk(&r, 500, false);
	behind = r;
	add_chunk(&r, 700, false);
	/* Of what is not there yet. */
	(void)send_head(b, &r, ZTJ_HEAD_OPEN);
	bk_expect(b, 409, "wrong-state");
	(void)send_from(b, &r, tls(b, &r), 0, r.file.n);
	bk_expect(b, 200, "");
	/* An earlier place that nobody named yet, then the newest, then back: refused. */
	(void)send_head(b, &behind, ZTJ_HEAD_OPEN);
	bk_expect(b, 200, "");
	(void)send_head(b, &r, ZTJ_HEAD_OPEN);
	bk_expect(b, 200, "");
	(void)send_head(b, &behind, ZTJ_HEAD_OPEN);
	bk_expect(b, 409, "wrong-state");
	/* Another digest. */
	struct rec other = r;
	other.chain.digest[0] ^= 1;
	(void)send_head(b, &other, ZTJ_HEAD_OPEN);
	bk_expect(b, 409, "wrong-state");
	/* Closed without a last chunk. */
	(void)send_head(b, &r, ZTJ_HEAD_CLOSED);
	bk_expect(b, 409, "wrong-state");
	/* Signed by another host's machine key, through this host. */
	other = r;
	other.host = FX_TEST1;
	head_of(b, &other, ZTJ_HEAD_OPEN, &s);
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/head", r.id);
	(void)bk_post(b, tls(b, &r), path, &s.s);
	bk_expect(b, 403, "wrong-signer");
	fx_signed_free(&s);
	(void)send_head(b, &r, ZTJ_HEAD_LOST);
	bk_expect(b, 200, "");
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/sessions/%s", r.id);
	assert_string_equal(bk_text(b, "state"), "lost");
	ztj_buf_free(&r.file);
}

/* B02: another host can neither add to it, nor close it, nor learn of it. */
static void test_B02_other_hosts(void **state)
{
	struct bk *b = *state;
	struct rec r, other;
	start(b, &r, FX_WEB1, 5, "people/req1");
	add_chunk(&r, 100, false);
	(void)send_from(b, &r, &b->host_tls[FX_TEST1], 0, r.file.n);
	bk_expect(b, 404, "not-found");
	other = r;
	other.host = FX_TEST1;
	(void)send_head(b, &other, ZTJ_HEAD_OPEN);
	bk_expect(b, 404, "not-found");
	/* The same name at another host is another session. */
	struct rec same;
	start(b, &same, FX_TEST1, 5, "people/req1");
	assert_string_not_equal(same.id, r.id);
	ztj_buf_free(&same.file);
	ztj_buf_free(&r.file);
}

static void test_only_those_who_may_see(void **state)
{
	struct bk *b = *state;
	struct fx_signed s;
	struct rec r;
	char id[ZTJ_SHORT_ID_SIZE];
	start(b, &r, FX_WEB1, 6, "people/req1");
	add_chunk(&r, 100, false);
	(void)send_from(b, &r, tls(b, &r), 0, r.file.n);
	bk_expect(b, 200, "");
	(void)snprintf(id, sizeof(id), "%s", r.id);
	/* Somebody else: it does not exist. */
	(void)bk_get(b, &b->login[FX_OUT1], "/v1/sessions/%s", id);
	bk_expect(b, 404, "not-found");
	assert_int_equal(look(b, FX_OUT1, id), 404);
	(void)bk_get(b, &b->login[FX_OUT1], "/v1/sessions/%s/record?from=0", id);
	bk_expect(b, 404, "not-found");
	(void)bk_get(b, &b->login[FX_OUT1], "/v1/sessions");
	assert_int_equal(json_array_size(json_object_get(b->json, "sessions")), 0);
	(void)bk_get(b, &b->login[FX_OUT1], "/v1/sessions?user=people/req1");
	assert_int_equal(json_array_size(json_object_get(b->json, "sessions")), 0);
	/* An auditor: all, but the bytes only after a touch. */
	(void)bk_get(b, &b->login[FX_SEC1], "/v1/sessions/%s", id);
	bk_expect(b, 200, "");
	(void)bk_get(b, &b->login[FX_SEC1], "/v1/sessions/%s/record?from=0", id);
	bk_expect(b, 403, "step-up-needed");
	assert_int_equal(look(b, FX_SEC1, id), 201);
	expect_record(b, FX_SEC1, &r, "open");
	/* A view serves one TLS key, once, and the person who signed it. */
	view_of(b, FX_SEC1, id, ZTJ_VIEW_PLAY, &s);
	(void)bk_post(b, &b->login[FX_REQ1], "/v1/views", &s.s);
	bk_expect(b, 403, "wrong-person");
	(void)bk_post(b, &b->login[FX_SEC1], "/v1/views", &s.s);
	bk_expect(b, 201, "");
	(void)bk_post(b, &b->login[FX_SEC1], "/v1/views", &s.s);
	bk_expect(b, 409, "replay");
	fx_signed_free(&s);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/sessions/%s/record?from=0", id);
	bk_expect(b, 403, "step-up-needed");
	ztj_buf_free(&r.file);
}

static size_t found(struct bk *b, const char *query)
{
	(void)bk_get(b, &b->login[FX_SEC1], "/v1/sessions?%s", query);
	bk_expect(b, 200, "");
	return json_array_size(json_object_get(b->json, "sessions"));
}

/* Somebody who looks at many records one after another is not held up; what is followed meanwhile goes on. */
static void test_a_walk_through_records(void **state)
{
	struct bk *b = *state;
	struct rec r[20];
	for (int i = 0; i < 20; i++) {
		start(b, &r[i], FX_WEB1, (uint8_t)(100 + i), "people/req1");
		add_chunk(&r[i], 100, true);
		(void)send_from(b, &r[i], tls(b, &r[i]), 0, r[i].file.n);
		bk_expect(b, 200, "");
		assert_int_equal(look(b, FX_REQ1, r[i].id), 201);
		expect_record(b, FX_REQ1, &r[i], "open");
		/* the first is asked for again and again */
		expect_record(b, FX_REQ1, &r[0], "open");
	}
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/sessions/%s/record?from=0", r[1].id);
	assert_int_equal(b->status, 403);
	for (int i = 0; i < 20; i++)
		ztj_buf_free(&r[i].file);
}

static void test_filters(void **state)
{
	struct bk *b = *state;
	struct rec r = { .host = FX_WEB1 };
	memset(r.name, 7, sizeof(r.name));
	assert_int_equal(say_start(b, &r, "people/req2", "\"tar cf - /etc \\u00e9\""), 201);
	assert_int_equal(found(b, "user=people/req2"), 1);
	assert_int_equal(found(b, "user=people%2Freq2&text=cf%20-%20%2Fetc"), 1);
	assert_int_equal(found(b, "text=%C3%A9"), 1);
	assert_int_equal(found(b, "user=people/req2&role=root-shell&state=open"), 1);
	assert_int_equal(found(b, "user=people/req2&state=closed"), 0);
	assert_int_equal(found(b, "user=people/req2&until=2020-01-01T00:00:00Z"), 0);
	assert_int_equal(found(b, "user=people/req2&since=2020-01-01T00:00:00Z"), 1);
	assert_int_equal(found(b, "host=servers/none"), 0);
	assert_int_equal(found(b, "n=1"), 1);
	static const char *const wrong[] = { "text=%", "text=%4", "text=%zz", "text=%00", "text=%FF",
		"state=x", "n=0", "since=yesterday", "who=x" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)bk_get(b, &b->login[FX_SEC1], "/v1/sessions?%s", wrong[i]);
		assert_int_equal(b->status, 400);
	}
}

/* Somebody who follows gets an answer when there is more, not before. */
static void test_follow_waits(void **state)
{
	struct bk *b = *state;
	struct timespec before, after;
	struct rec r;
	start(b, &r, FX_WEB1, 8, "people/req1");
	assert_int_equal(look(b, FX_REQ1, r.id), 201);
	clock_gettime(CLOCK_MONOTONIC, &before);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/sessions/%s/record?from=0&wait=1", r.id);
	bk_expect(b, 200, "");
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_string_equal(bk_text(b, "data"), "");
	pid_t child = fork();
	if (child == 0) {
		(void)usleep(300000);
		add_chunk(&r, 100, false);
		(void)send_from(b, &r, tls(b, &r), 0, r.file.n);
		_exit(b->status == 200 ? 0 : 1);
	}
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/sessions/%s/record?from=0&wait=20", r.id);
	bk_expect(b, 200, "");
	assert_true(strlen(bk_text(b, "data")) > 0);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	ztj_buf_free(&r.file);
}

static void kill_of(const struct bk *b, int who, const struct rec *r, struct fx_signed *out)
{
	const struct soft_key *key = &b->w.person[who].key;
	struct ztj_stmt st;
	fx_stmt(&b->w, &st, ZTJ_STMT_KILL);
	st.issued = (int64_t)time(NULL);
	st.u.kill.who = b->w.person[who].full;
	st.u.kill.host = b->w.host[r->host].full;
	st.u.kill.reason = "looks wrong";
	memcpy(st.u.kill.session, r->name, ZTJ_DIGEST_LEN);
	fx_stmt_sign(&st, FX_UP, &key, 1, out);
}

static void test_kill(void **state)
{
	static const struct {
		int who;
		long status;
		const char *error;
	} tries[] = { { FX_OUT1, 403, "forbidden" }, { FX_SEC1, 201, "" }, { FX_REQ1, 201, "" } };
	struct bk *b = *state;
	struct fx_signed s;
	struct rec r;
	start(b, &r, FX_WEB1, 9, "people/req1");
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		kill_of(b, tries[i].who, &r, &s);
		(void)bk_put(b, &b->login[tries[i].who], &s);
		bk_expect(b, tries[i].status, tries[i].error);
		fx_signed_free(&s);
	}
	add_chunk(&r, 10, true);
	(void)send_from(b, &r, tls(b, &r), 0, r.file.n);
	(void)send_head(b, &r, ZTJ_HEAD_CLOSED);
	bk_expect(b, 200, "");
	kill_of(b, FX_SEC1, &r, &s);
	(void)bk_put(b, &b->login[FX_SEC1], &s);
	bk_expect(b, 409, "wrong-state");
	fx_signed_free(&s);
	ztj_buf_free(&r.file);
}

/* D01: what was answered is there after kill -9, and a torn end is written over. */
static void test_D01_kill_and_go_on(void **state)
{
	struct bk *b = *state;
	struct rec r;
	char path[256];
	start(b, &r, FX_WEB1, 10, "people/req1");
	add_chunk(&r, 5000, false);
	(void)send_from(b, &r, tls(b, &r), 0, r.file.n);
	bk_expect(b, 200, "");
	bk_kill(b);
	(void)snprintf(path, sizeof(path), "%s/store/records/%s", b->dir, r.id);
	FILE *f = fopen(path, "ae");
	assert_non_null(f);
	assert_true(fputs("torn", f) >= 0);
	assert_int_equal(fclose(f), 0);
	bk_serve(b);
	size_t from = r.file.n;
	add_chunk(&r, 100, true);
	(void)send_from(b, &r, tls(b, &r), from, r.file.n - from);
	bk_expect(b, 200, "");
	(void)send_head(b, &r, ZTJ_HEAD_CLOSED);
	bk_expect(b, 200, "");
	/* Views are not kept over a restart: touch again. */
	assert_int_equal(look(b, FX_REQ1, r.id), 201);
	expect_record(b, FX_REQ1, &r, "closed");
	ztj_buf_free(&r.file);
}

static bool is_kept(struct bk *b, const struct rec *r)
{
	(void)bk_get(b, &b->login[FX_SEC1], "/v1/sessions/%s", r->id);
	bk_expect(b, 200, "");
	return json_is_true(json_object_get(b->json, "kept"));
}

/* P2: root on one host cannot drive out what was seen on another by sending much. */
static void test_a_flood_drives_out_its_own(void **state)
{
	static struct bk own;
	struct rec quiet, loud[3];

	(void)state;
	bk_start(&own, "records_free = 1;\nrecords_max = 1;\nrate_identity = 1000;\n");
	bk_arm(&own);
	bk_policy(&own, &auditing);
	bk_login(&own, FX_SEC1);
	start(&own, &quiet, FX_WEB1, 1, "people/req1");
	add_chunk(&quiet, 5000, true);
	(void)send_from(&own, &quiet, tls(&own, &quiet), 0, quiet.file.n);
	assert_int_equal(send_head(&own, &quiet, ZTJ_HEAD_CLOSED), 200);
	for (uint8_t i = 0; i < 3; i++) {
		start(&own, &loud[i], FX_DB1, (uint8_t)(2 + i), "people/req1");
		add_chunk(&loud[i], 700000, true);
		(void)send_from(&own, &loud[i], tls(&own, &loud[i]), 0, loud[i].file.n);
		assert_int_equal(send_head(&own, &loud[i], ZTJ_HEAD_CLOSED), 200);
		ztj_buf_free(&loud[i].file);
	}
	for (int tries = 0; tries < 80 && is_kept(&own, &quiet) && is_kept(&own, &loud[1]); tries++)
		(void)poll(NULL, 0, 500);
	assert_false(is_kept(&own, &loud[1]));
	assert_true(is_kept(&own, &loud[2]));
	assert_true(is_kept(&own, &quiet));
	ztj_buf_free(&quiet.file);
	bk_end(&own);
}

/* W03: whoever owns a host begins records without end. */
static void test_W03_open_records_of_a_host_are_counted(void **state)
{
	static struct bk own;
	struct rec r[4], other;

	(void)state;
	bk_start(&own, "records_free = 1;\nmax_open_records = 3;\nrate_identity = 1000;\n");
	bk_arm(&own);
	for (uint8_t i = 0; i < 3; i++)
		start(&own, &r[i], FX_WEB1, (uint8_t)(1 + i), "people/req1");
	memset(&r[3], 0, sizeof(r[3]));
	memset(r[3].name, 4, sizeof(r[3].name));
	r[3].host = FX_WEB1;
	assert_int_equal(say_start(&own, &r[3], "people/req1", "null"), 403);
	assert_int_equal(say_start(&own, &r[0], "people/req1", "null"), 200); /* known already */
	start(&own, &other, FX_DB1, 5, "people/req1");
	/* one that ended makes room */
	add_chunk(&r[0], 100, true);
	(void)send_from(&own, &r[0], tls(&own, &r[0]), 0, r[0].file.n);
	assert_int_equal(send_head(&own, &r[0], ZTJ_HEAD_CLOSED), 200);
	assert_int_equal(say_start(&own, &r[3], "people/req1", "null"), 201);
	for (size_t i = 0; i < 3; i++)
		ztj_buf_free(&r[i].file);
	ztj_buf_free(&other.file);
	bk_end(&own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_arrives_to_the_byte),
		cmocka_unit_test(test_sent_again_changes_nothing),
		cmocka_unit_test(test_chain_is_checked),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_B02_other_hosts),
		cmocka_unit_test(test_only_those_who_may_see),
		cmocka_unit_test(test_a_walk_through_records),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_follow_waits),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_D01_kill_and_go_on),
		cmocka_unit_test(test_a_flood_drives_out_its_own),
		cmocka_unit_test(test_W03_open_records_of_a_host_are_counted),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
