/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The step-up agent against what a forwarded connection can send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libztjit/core/agentmsg.h"
#include "ztjit/agent.h"

struct scene {
	struct cli c;
	struct cli_key key;
	struct agent a;
	struct agent_conn conn;
	int peer; /* the other end */
};

static struct ztj_seckey hostkey;

static int setup(void **state)
{
	static struct scene s;
	uint8_t seed[32] = { 7 };
	int fd[2];

	s = (struct scene){ .peer = -1 };
	assert_int_equal(ztj_seckey_from_seed(&hostkey, seed), ZTJ_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	s.a = (struct agent){ .c = &s.c, .key = &s.key, .listener = -1 };
	s.conn = (struct agent_conn){ .fd = fd[0] };
	ztj_buf_init(&s.conn.in, ZTJ_AGENT_MSG_MAX + 4);
	s.peer = fd[1];
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	(void)close(s->conn.fd);
	(void)close(s->peer);
	ztj_buf_free(&s->conn.in);
	return 0;
}

/* Frames a payload, lets the agent have it, and reads the type of the answer. */
static int ask(struct scene *s, const struct ztj_buf *payload)
{
	uint8_t answer[64];
	ssize_t n;
	int r;

	(void)ztj_buf_put_view(&s->conn.in, ztj_buf_view(payload));
	assert_int_equal(ztj_buf_status(&s->conn.in), ZTJ_OK);
	if ((r = agent_serve(&s->a, &s->conn)) != ZTJ_OK)
		return r;
	n = recv(s->peer, answer, sizeof answer, MSG_DONTWAIT);
	assert_true(n >= 5);
	return answer[4];
}

static void bind_body(struct ztj_buf *body, bool forwarding)
{
	struct ztj_buf blob, sig;
	static const char session[] = "a session id of thirty-two bytes";

	ztj_buf_init(&blob, 1024);
	ztj_buf_init(&sig, 1024);
	assert_int_equal(ztj_key_to_blob(&hostkey.pub, &blob), ZTJ_OK);
	assert_int_equal(ztj_seckey_sign(&hostkey, ztj_view_str(session), &sig), ZTJ_OK);
	(void)ztj_buf_put_view(body, ztj_buf_view(&blob));
	(void)ztj_buf_put_cstring(body, session);
	(void)ztj_buf_put_view(body, ztj_buf_view(&sig));
	(void)ztj_buf_put_u8(body, forwarding);
	ztj_buf_free(&blob);
	ztj_buf_free(&sig);
}

static int extension(struct scene *s, const char *name, struct ztj_view body)
{
	struct ztj_buf msg;
	int r;

	ztj_buf_init(&msg, 65536);
	assert_int_equal(ztj_agent_req_extension(name, body, &msg), ZTJ_OK);
	r = ask(s, &msg);
	ztj_buf_free(&msg);
	return r;
}

static int bind_to(struct scene *s, bool forwarding)
{
	struct ztj_buf body;
	int r;

	ztj_buf_init(&body, 65536);
	bind_body(&body, forwarding);
	r = extension(s, ZTJ_AGENT_EXT_BIND, ztj_buf_view(&body));
	ztj_buf_free(&body);
	return r;
}

static void test_no_identities(void **state)
{
	struct scene *s = *state;
	struct ztj_buf msg;

	ztj_buf_init(&msg, 64);
	assert_int_equal(ztj_agent_req_identities(&msg), ZTJ_OK);
	assert_int_equal(ask(s, &msg), ZTJ_AGENT_IDENTITIES_ANSWER);
	ztj_buf_free(&msg);
}

static void test_never_signs_as_an_ordinary_agent(void **state)
{
	struct scene *s = *state;
	struct ztj_buf msg, blob;

	ztj_buf_init(&msg, 4096);
	ztj_buf_init(&blob, 1024);
	assert_int_equal(ztj_key_to_blob(&hostkey.pub, &blob), ZTJ_OK);
	assert_int_equal(ztj_agent_req_sign(ztj_buf_view(&blob), ztj_view_str("data"), 0, &msg), ZTJ_OK);
	assert_int_equal(ask(s, &msg), ZTJ_AGENT_FAILURE);
	ztj_buf_free(&msg);
	ztj_buf_free(&blob);
}

static void test_bound_once(void **state)
{
	struct scene *s = *state;

	assert_int_equal(bind_to(s, true), ZTJ_AGENT_SUCCESS);
	assert_true(s->conn.bound);
	/* a second host behind the first relays its own question */
	assert_int_equal(bind_to(s, true), ZTJ_AGENT_FAILURE);
	assert_true(s->conn.spoiled);
}

static void test_bind_must_be_forwarding(void **state)
{
	struct scene *s = *state;

	assert_int_equal(bind_to(s, false), ZTJ_AGENT_FAILURE);
	assert_false(s->conn.bound);
	assert_int_equal(bind_to(s, true), ZTJ_AGENT_FAILURE);
}

static void test_bind_signature_is_checked(void **state)
{
	struct scene *s = *state;
	struct ztj_buf body;

	ztj_buf_init(&body, 65536);
	bind_body(&body, true);
	body.p[body.n - 10] ^= 1;
	assert_int_equal(extension(s, ZTJ_AGENT_EXT_BIND, ztj_buf_view(&body)), ZTJ_AGENT_FAILURE);
	assert_false(s->conn.bound);
	ztj_buf_free(&body);
}

static void test_P14_unbound_or_malformed_step_up(void **state)
{
	struct scene *s = *state;

	assert_int_equal(extension(s, ZTJ_AGENT_EXT_STEPUP, ztj_view_str("nonsense")), ZTJ_AGENT_FAILURE);
	assert_int_equal(extension(s, ZTJ_AGENT_EXT_STEPUP, ztj_view_of(NULL, 0)), ZTJ_AGENT_FAILURE);
}

static void test_quit_not_from_a_forwarded_connection(void **state)
{
	struct scene *s = *state;

	assert_int_equal(bind_to(s, true), ZTJ_AGENT_SUCCESS);
	assert_int_equal(extension(s, "quit@ztjit", ztj_view_of(NULL, 0)), ZTJ_AGENT_EXTENSION_FAILURE);
	assert_false(s->a.quit);
}

static void test_quit_from_this_machine(void **state)
{
	struct scene *s = *state;

	assert_int_equal(extension(s, "quit@ztjit", ztj_view_of(NULL, 0)), ZTJ_AGENT_SUCCESS);
	assert_true(s->a.quit);
}

static void test_nothing_after_quit(void **state)
{
	struct scene *s = *state;
	struct ztj_buf body, msg;

	ztj_buf_init(&body, 65536);
	ztj_buf_init(&msg, 65536);
	bind_body(&body, true);
	assert_int_equal(ztj_agent_req_extension("quit@ztjit", ztj_view_of(NULL, 0), &msg), ZTJ_OK);
	(void)ztj_buf_put_view(&s->conn.in, ztj_buf_view(&msg));
	ztj_buf_reset(&msg);
	assert_int_equal(ztj_agent_req_extension(ZTJ_AGENT_EXT_BIND, ztj_buf_view(&body), &msg), ZTJ_OK);
	assert_int_equal(ask(s, &msg), ZTJ_AGENT_SUCCESS);
	assert_true(s->a.quit);
	assert_false(s->conn.bound);
	ztj_buf_free(&body);
	ztj_buf_free(&msg);
}

/* It lives for hours, and the host decides how often it asks. */
static void test_no_memory_kept_for_a_question(void **state)
{
	static char nowhere[] = "/nonexistent";
	struct scene *s = *state;
	struct ztj_signed challenge = { .bytes = ztj_view_str("{}"),
		.sig = { ztj_view_str("none") },
		.nsigs = 1 };
	struct ztj_buf body;

	s->c.has_pins = true;
	s->c.pins = (struct ztj_pins){ .domain = "example", .threshold = 1, .nroots = 1 };
	s->c.state_dir = s->c.run_dir = nowhere;
	ztj_buf_init(&body, 1024);
	assert_int_equal(ztj_signed_write(&challenge, &body), ZTJ_OK);
	assert_int_equal(extension(s, ZTJ_AGENT_EXT_STEPUP, ztj_buf_view(&body)), ZTJ_AGENT_FAILURE);
	assert_int_equal(s->c.narena, 0);
	ztj_buf_free(&body);
	ztj_trust_free(s->c.trust);
	ztj_sigcache_free(s->c.cache);
	free(s->c.arena);
}

/* The agent serves all connections in turn: one that does not read its answers is closed. */
static void test_one_that_does_not_read(void **state)
{
	static const uint8_t ids[] = { 0, 0, 0, 1, ZTJ_AGENT_REQUEST_IDENTITIES };
	struct scene *s = *state;
	int r = ZTJ_OK;

	for (int i = 0; i < 1000000 && r == ZTJ_OK; i++) {
		(void)ztj_buf_put(&s->conn.in, ids, sizeof ids);
		r = agent_serve(&s->a, &s->conn);
	}
	assert_int_equal(r, ZTJ_IO);
}

static void test_truncation_at_every_length(void **state)
{
	struct scene *s = *state;
	struct ztj_buf body, msg;

	ztj_buf_init(&body, 65536);
	ztj_buf_init(&msg, 65536);
	bind_body(&body, true);
	assert_int_equal(ztj_agent_req_extension(ZTJ_AGENT_EXT_BIND, ztj_buf_view(&body), &msg), ZTJ_OK);
	for (size_t n = 1; n < msg.n; n++) {
		struct ztj_buf cut;

		ztj_buf_init(&cut, 65536);
		(void)ztj_buf_put(&cut, msg.p, n);
		assert_int_not_equal(ask(s, &cut), ZTJ_AGENT_SUCCESS);
		assert_false(s->conn.bound);
		s->conn.spoiled = false;
		ztj_buf_free(&cut);
	}
	assert_int_equal(ask(s, &msg), ZTJ_AGENT_SUCCESS);
	ztj_buf_free(&body);
	ztj_buf_free(&msg);
}

/* Half a message waits for its rest; one that is too large, or empty, ends the connection. */
static void test_framing(void **state)
{
	static const uint8_t half[] = { 0, 0, 0, 1 }, rest[] = { ZTJ_AGENT_REQUEST_IDENTITIES };
	static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 11 }, empty[] = { 0, 0, 0, 0 };
	struct scene *s = *state;
	uint8_t answer[64];

	(void)ztj_buf_put(&s->conn.in, half, sizeof half);
	assert_int_equal(agent_serve(&s->a, &s->conn), ZTJ_OK);
	assert_true(recv(s->peer, answer, sizeof answer, MSG_DONTWAIT) < 0);
	(void)ztj_buf_put(&s->conn.in, rest, sizeof rest);
	assert_int_equal(agent_serve(&s->a, &s->conn), ZTJ_OK);
	assert_int_equal(recv(s->peer, answer, sizeof answer, MSG_DONTWAIT), 9);
	(void)ztj_buf_put(&s->conn.in, huge, sizeof huge);
	assert_int_not_equal(agent_serve(&s->a, &s->conn), ZTJ_OK);
	ztj_buf_reset(&s->conn.in);
	(void)ztj_buf_put(&s->conn.in, empty, sizeof empty);
	assert_int_not_equal(agent_serve(&s->a, &s->conn), ZTJ_OK);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_no_identities),
		T(test_never_signs_as_an_ordinary_agent),
		T(test_bound_once),
		T(test_bind_must_be_forwarding),
		T(test_bind_signature_is_checked),
		T(test_P14_unbound_or_malformed_step_up),
		T(test_quit_not_from_a_forwarded_connection),
		T(test_quit_from_this_machine),
		T(test_nothing_after_quit),
		T(test_no_memory_kept_for_a_question),
		T(test_one_that_does_not_read),
		T(test_truncation_at_every_length),
		T(test_framing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
