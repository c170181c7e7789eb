/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Signatures through ssh-agent: a real one, and ones that lie, hang or hang up.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fido/support.h"

static int sign_by_agent(struct person *p, const struct ztj_key *key, bool uv, struct ztj_signer *who)
{
	const struct ztj_fido_sign ask = { key, NULL, NAMESPACE, ztj_view_str("{\"v\":1}"), uv };
	struct ztj_buf sig;
	int r;

	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	r = ztj_fido_sign(&p->fido, &ask, &sig, who);
	assert_true((r == ZTJ_OK) == (sig.n > 0));
	ztj_buf_free(&sig);
	return r;
}

static void write_key(const struct person *p, const char *name, const struct ztj_keyfile *kf)
{
	char path[160];
	struct ztj_buf text;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	ztj_buf_init(&text, 8192);
	ok(ztj_keyfile_format(kf, 0x01020304, &text));
	assert_non_null(f = fopen(path, "we"));
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(fclose(f), 0);
	ztj_buf_free(&text);
}

/* A real ssh-agent with the key, our key file read by ssh-add. */
static void with_ssh_agent(struct person *p, const struct ztj_enrolled *e,
    void (*body)(struct person *, const struct ztj_enrolled *))
{
	static char sock[160];

	(void)snprintf(sock, sizeof(sock), "%s/agent", p->dir);
	write_key(p, "key", &e->keyfile);
	use_middleware(p);
	p->fido.provider = NULL;
	assert_int_equal(shell("ssh-agent -P '%s/*' -a %s >%s/pid", p->dir, sock, p->dir), 0);
	p->fido.agent = sock;
	assert_int_equal(shell("SSH_AUTH_SOCK=%s SSH_SK_PROVIDER=%s ssh-add -q %s/key </dev/null", sock,
			     p->provider, p->dir),
	    0);
	body(p, e);
}

/* Also after a failure no agent stays behind. */
static int person_and_agent_free(void **state)
{
	struct person *p = *state;

	(void)shell("[ ! -s %s/pid ] || { . %s/pid >/dev/null; kill $SSH_AGENT_PID; }", p->dir, p->dir);
	return person_free(state);
}

static void body_signs(struct person *p, const struct ztj_enrolled *e)
{
	struct ztj_signer who;
	unsigned before = touches(p);

	ok(sign_by_agent(p, &e->keyfile.pub, false, &who));
	assert_true(who.info.user_present);
	assert_int_equal(touches(p), before + 1);
	check_touch_line(p, 2);
	fails(sign_by_agent(p, &e->keyfile.pub, true, NULL), ZTJ_NO_UV); /* the key file has no such flag */
	hand("set one touch=deny");
	fails(sign_by_agent(p, &e->keyfile.pub, false, NULL), ZTJ_DEVICE_REFUSED);
}

static void test_ssh_agent_signs(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one");
	enrol(p, ZTJ_KEY_SK_ED25519, false, &e);
	with_ssh_agent(p, &e, body_signs);
}

static void test_ssh_agent_signs_p256(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one");
	enrol(p, ZTJ_KEY_SK_ECDSA, false, &e);
	with_ssh_agent(p, &e, body_signs);
}

static void body_verified(struct person *p, const struct ztj_enrolled *e)
{
	struct ztj_signer who;

	ok(sign_by_agent(p, &e->keyfile.pub, true, &who));
	assert_true(who.info.user_verified);
}

static void test_ssh_agent_verifies_when_the_key_says_so(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one uv=ok");
	enrol(p, ZTJ_KEY_SK_ED25519, true, &e);
	/* ssh-agent asks for a PIN even where the key has a finger; the middleware takes it */
	hand("set one pin=123456");
	assert_int_equal(shell("printf '#!/bin/sh\necho 123456\n' >%s/askpass && chmod 700 %s/askpass",
			     p->dir, p->dir),
	    0);
	char path[160];
	(void)snprintf(path, sizeof(path), "%s/askpass", p->dir);
	assert_int_equal(setenv("SSH_ASKPASS", path, 1), 0);
	assert_int_equal(setenv("SSH_ASKPASS_REQUIRE", "force", 1), 0);
	with_ssh_agent(p, &e, body_verified);
	(void)unsetenv("SSH_ASKPASS");
	(void)unsetenv("SSH_ASKPASS_REQUIRE");
}

static void body_order(struct person *p, const struct ztj_enrolled *e)
{
	ok(sign(p, e, false, NULL)); /* handle known and plugged in: libfido2 */
	hand("set one touch=deny");
	fails(sign(p, e, false, NULL), ZTJ_DEVICE_REFUSED);
	check_touch_line(p, 3); /* and the refusal is not asked again at the agent */
	hand("set one touch=auto");
	hand("unplug one");
	fails(sign(p, e, false, NULL),
	    ZTJ_DEVICE_REFUSED); /* not here: the agent is asked, whose key is the same */
}

static void test_order_of_the_ways(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	with_ssh_agent(p, &e, body_order);
}

static void body_other_key(struct person *p, const struct ztj_enrolled *e)
{
	struct ztj_key key = e->keyfile.pub;

	memcpy(key.application, "ssh:not", sizeof("ssh:not"));
	fails(sign_by_agent(p, &key, false, NULL), ZTJ_DEVICE);
}

static void test_agent_without_the_key(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	with_ssh_agent(p, &e, body_other_key);
	p->fido.agent = "/nonexistent/agent";
	fails(sign_by_agent(p, &e.keyfile.pub, false, NULL), ZTJ_DEVICE);
	p->fido.agent = "";
	fails(sign_by_agent(p, &e.keyfile.pub, false, NULL), ZTJ_DEVICE);
}

/* --- agents that misbehave --- */

struct script {
	struct ztj_buf answer[2]; /* with the length in front */
	size_t cut;               /* of the last answer, and then hang up */
};

static pid_t false_agent(const char *path, const struct script *s)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char junk[4096];
	int l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), c;
	pid_t pid;

	assert_true(l >= 0);
	memcpy(un.sun_path, path, strlen(path) + 1);
	(void)unlink(path);
	assert_int_equal(bind(l, (const struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(l, 1), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		c = accept(l, NULL, NULL);
		for (size_t i = 0; i < 2 && c >= 0 && recv(c, junk, sizeof(junk), 0) > 0; i++)
			if (s->answer[i].n > 0)
				(void)!send(c, s->answer[i].p, s->answer[i].n - (i == 1 ? s->cut : 0),
				    MSG_NOSIGNAL);
		_exit(0);
	}
	(void)close(l);
	return pid;
}

static void frame(struct ztj_buf *to, const struct ztj_buf *msg)
{
	ztj_buf_init(to, 512 * 1024);
	ok(ztj_buf_put_view(to, ztj_buf_view(msg)));
}

static void list_key(struct ztj_buf *to, const struct ztj_key *key)
{
	struct ztj_buf msg, blob;

	ztj_buf_init(&msg, 4096);
	ztj_buf_init(&blob, 4096);
	ok(ztj_key_to_blob(key, &blob));
	(void)ztj_buf_put_u8(&msg, 12);
	(void)ztj_buf_put_u32(&msg, 1);
	(void)ztj_buf_put_view(&msg, ztj_buf_view(&blob));
	(void)ztj_buf_put_cstring(&msg, "comment");
	frame(to, &msg);
	ztj_buf_free(&msg);
	ztj_buf_free(&blob);
}

static int against(struct person *p, const struct ztj_key *key, struct script *s)
{
	static char sock[160];
	int status, r;
	pid_t pid;

	(void)snprintf(sock, sizeof(sock), "%s/false", p->dir);
	pid = false_agent(sock, s);
	p->fido.agent = sock;
	r = sign_by_agent(p, key, false, NULL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	ztj_buf_free(&s->answer[0]);
	ztj_buf_free(&s->answer[1]);
	return r;
}

static void test_agents_that_lie(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct script s;
	struct ztj_buf msg, sig;

	hand("create one");
	enrol(p, ZTJ_KEY_SK_ED25519, false, &e);
	ztj_buf_init(&msg, 4096);
	ztj_buf_init(&sig, 4096);

	memset(&s, 0, sizeof(s)); /* hangs up after the list */
	list_key(&s.answer[0], &e.keyfile.pub);
	assert_int_equal(against(p, &e.keyfile.pub, &s), ZTJ_UNREACHABLE);

	memset(&s, 0, sizeof(s)); /* a length without end */
	ztj_buf_init(&s.answer[0], 16);
	(void)ztj_buf_put_u32(&s.answer[0], 0xffffffff);
	assert_int_equal(against(p, &e.keyfile.pub, &s), ZTJ_PROTOCOL);

	memset(&s, 0, sizeof(s)); /* a signature over something else */
	list_key(&s.answer[0], &e.keyfile.pub);
	const struct ztj_fido_sign other = { &e.keyfile.pub, &e.keyfile, NULL, ztj_view_str("other"), false };
	ok(ztj_fido_sign_raw(&p->fido, &other, &sig, NULL));
	(void)ztj_buf_put_u8(&msg, 14);
	(void)ztj_buf_put_view(&msg, ztj_buf_view(&sig));
	frame(&s.answer[1], &msg);
	assert_int_equal(against(p, &e.keyfile.pub, &s), ZTJ_BAD_SIGNATURE);

	memset(&s, 0, sizeof(s)); /* the answer breaks off */
	list_key(&s.answer[0], &e.keyfile.pub);
	frame(&s.answer[1], &msg);
	s.cut = 1;
	assert_int_equal(against(p, &e.keyfile.pub, &s), ZTJ_UNREACHABLE);

	memset(&s, 0, sizeof(s)); /* bytes after the signature */
	list_key(&s.answer[0], &e.keyfile.pub);
	(void)ztj_buf_put_u8(&msg, 0);
	frame(&s.answer[1], &msg);
	assert_int_equal(against(p, &e.keyfile.pub, &s), ZTJ_TRAILING);

	memset(&s, 0, sizeof(s)); /* SUCCESS is no signature */
	list_key(&s.answer[0], &e.keyfile.pub);
	ztj_buf_reset(&msg);
	(void)ztj_buf_put_u8(&msg, 6);
	frame(&s.answer[1], &msg);
	assert_int_not_equal(against(p, &e.keyfile.pub, &s), ZTJ_OK);
	ztj_buf_free(&msg);
	ztj_buf_free(&sig);
}

static void test_agent_that_hangs(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	hand("create one");
	enrol(p, ZTJ_KEY_SK_ED25519, false, &e);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/mute", p->dir);
	assert_int_equal(bind(l, (const struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(l, 1), 0); /* connects, and nobody ever answers */
	p->fido.agent = un.sun_path;
	fails(sign_by_agent(p, &e.keyfile.pub, false, NULL), ZTJ_TIMEOUT);
	(void)close(l);
}

#define T(f) cmocka_unit_test_setup_teardown(f, person_new, person_and_agent_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_ssh_agent_signs),
		T(test_ssh_agent_signs_p256),
		T(test_ssh_agent_verifies_when_the_key_says_so),
		T(test_order_of_the_ways),
		T(test_agent_without_the_key),
		T(test_agents_that_lie),
		T(test_agent_that_hangs),
	};

	(void)unsetenv("SSH_AUTH_SOCK");
	(void)unsetenv("DISPLAY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
