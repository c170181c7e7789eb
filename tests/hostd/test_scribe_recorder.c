/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The real ztjit-rec and a real scribe: what a person saw is what the broker has, also over a restart; and sealed records. */
#include "tests/hostd/srig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/rec/run.h"

#define SEEN_MAX ((size_t)16 * 1024 * 1024)

static struct srig rig;
#define R (&rig)

/* Everything the person's side got, and whether the recorder has gone. */
static struct {
	struct run run;
	struct ztj_buf seen;
	bool over;
	int status;
} at;

static int setup(void **state)
{
	(void)state;
	srig_open(R);
	srig_end(R);
	R->env.silent_ms = 6000;
	R->env.grace_ms = 10000;
	srig_start(R);
	memset(&at, 0, sizeof(at));
	ztj_buf_init(&at.seen, SEEN_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	run_close(&at.run);
	ztj_buf_free(&at.seen);
	srig_close(R);
	return 0;
}

static void drain(int fd)
{
	uint8_t b[65536];
	ssize_t n;

	while ((n = read(fd, b, sizeof(b))) > 0)
		ok(ztj_buf_put(&at.seen, b, (size_t)n));
}

static bool look(struct srig *r, void *arg)
{
	const size_t *enough = arg;

	(void)r;
	drain(at.run.fd >= 0 ? at.run.fd : at.run.out);
	if (!at.over && waitpid(at.run.pid, &at.status, WNOHANG) == at.run.pid) {
		at.over = true;
		drain(at.run.fd >= 0 ? at.run.fd : at.run.out);
	}
	return at.over || (enough != NULL && at.seen.n >= *enough);
}

static void begin(bool terminal, const char *command)
{
	const char *const argv[] = { "ztjit-rec", "--", "/bin/sh", "-c", command, NULL };
	char sock[128];

	(void)snprintf(sock, sizeof(sock), "%s/rec.sock", R->dir);
	if (terminal)
		run_terminal(&at.run, sock, argv, NULL);
	else
		run_pipes(&at.run, sock, argv, false);
	int fd = terminal ? at.run.fd : at.run.out;
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static void finish(int status)
{
	assert_true(srig_pump(R, 30000, look, NULL));
	assert_true(at.over && WIFEXITED(at.status));
	assert_int_equal(WEXITSTATUS(at.status), status);
	assert_int_equal(R->ncopies, 1);
	srig_shipped(R, R->copy[0].session);
	assert_int_equal(R->copy[0].head_state, ZTJ_RECORD_CLOSED);
	assert_int_equal(R->copy[0].gone, 0);
}

static void seen_is_recorded(char code)
{
	struct ztj_buf got;

	ztj_buf_init(&got, SEEN_MAX);
	(void)srig_bytes(&R->copy[0], code, &got);
	assert_true(got.n > 0);
	assert_int_equal(got.n, at.seen.n);
	assert_memory_equal(got.p, at.seen.p, got.n);
	ztj_buf_free(&got);
}

static void test_a_terminal(void **state)
{
	(void)state;
	begin(true, "printf 'hello \\342\\202\\254 \\377\\n'; exit 7");
	finish(7);
	seen_is_recorded('o');
}

static void test_a_megabyte_of_noise(void **state)
{
	(void)state;
	begin(true, "stty raw; head -c 1000000 /dev/urandom");
	finish(0);
	seen_is_recorded('o');
	assert_true(at.seen.n >= 1000000);
}

static void test_pipes(void **state)
{
	(void)state;
	R->flags = ZTJ_REC_FLAG_PIPES;
	begin(false, "head -c 300000 /dev/urandom; exit 2");
	finish(2);
	seen_is_recorded('O');
}

/* The daemon is killed while it runs: the person notices nothing, and nothing is missing or there twice. */
static void test_a_restart_in_between(void **state)
{
	(void)state;
	begin(true, "for i in $(seq 400); do echo line $i; sleep 0.005; done");
	for (size_t n = 500; n <= 2500; n += 1000) {
		assert_true(srig_pump(R, 20000, look, &n));
		assert_false(at.over);
		srig_kill(R);
		(void)usleep(100000);
		srig_start(R);
	}
	finish(0);
	seen_is_recorded('o');
	assert_int_equal(R->copy[0].asked, 4);
}

static void test_R02_the_daemon_stays_away(void **state)
{
	(void)state;
	begin(true, "echo here; exec sleep 1000");
	size_t n = 4;
	assert_true(srig_pump(R, 10000, look, &n));
	srig_kill(R);
	assert_true(srig_pump(R, 30000, look, NULL) && at.over);
	R->env.grace_ms = 500;
	srig_start(R);
	srig_shipped(R, R->copy[0].session);
	assert_int_equal(R->copy[0].head_state, ZTJ_RECORD_LOST);
}

static bool recording(struct srig *r, void *arg)
{
	(void)arg;
	(void)look(r, NULL);
	return r->ncopies == 1 && r->copy[0].placed == 1 && r->copy[0].data.n > 500;
}

static void test_R02_the_recorder_is_killed(void **state)
{
	(void)state;
	begin(true, "while :; do echo x; sleep 0.01; done");
	assert_true(srig_pump(R, 10000, recording, NULL));
	assert_int_equal(kill(at.run.pid, SIGKILL), 0);
	int64_t began = ztj_ipc_now_ms();
	while (R->copy[0].gone < 0 && ztj_ipc_now_ms() < began + 5000)
		(void)srig_pump(R, 10, NULL, NULL);
	assert_int_equal(R->copy[0].gone, 1);
	srig_shipped(R, R->copy[0].session);
	assert_int_equal(R->copy[0].head_state, ZTJ_RECORD_LOST);
}

/* ---- sealed ---- */

static void test_sealed(void **state)
{
	struct ztj_buf der, cert, key, text;
	struct ztj_opener *with, *without;
	struct ztj_view none = { NULL, 0 };
	struct ztj_chain chain = { .chunks = 0 };
	size_t at_byte = 0;

	(void)state;
	must(
	    "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=auditor -days 2 -keyout %s/key -out %s/cert 2>&1",
	    R->dir, R->dir);
	must("openssl x509 -in %s/cert -outform DER -out %s/der", R->dir, R->dir);
	const struct {
		const char *name;
		struct ztj_buf *b;
	} files[] = { { "der", &der }, { "cert", &cert }, { "key", &key } };
	for (size_t i = 0; i < 3; i++) {
		char path[128];
		ztj_buf_init(files[i].b, 65536);
		(void)snprintf(path, sizeof(path), "%s/%s", R->dir, files[i].name);
		read_file(path, files[i].b);
	}
	ztj_buf_reset(&R->certs);
	ok(ztj_buf_put_u32(&R->certs, 1));
	ok(ztj_buf_put_view(&R->certs, ztj_buf_view(&der)));
	begin(true, "echo secret words; sleep 1; echo more");
	size_t n = 10;
	assert_true(srig_pump(R, 10000, look, &n));
	(void)srig_pump(R, 200, look, NULL);
	/* what follows a restart is sealed as well */
	srig_kill(R);
	srig_start(R);
	finish(0);
	ok(ztj_opener_new(none, none, &without));
	ok(ztj_opener_new(ztj_buf_view(&cert), ztj_buf_view(&key), &with));
	ztj_buf_init(&text, SEEN_MAX);
	while (at_byte < R->copy[0].data.n) {
		struct ztj_chunk c;
		ok(ztj_chunk_read(ztj_view_of(R->copy[0].data.p + at_byte, R->copy[0].data.n - at_byte), &c));
		ok(ztj_chain_add(&chain, &c));
		assert_true((c.flags & ZTJ_CHUNK_SEALED) != 0);
		assert_int_equal(ztj_unpack(without, &c, &text), ZTJ_ENCRYPTED_KEY);
		ztj_buf_reset(&text);
		ok(ztj_unpack(with, &c, &text));
		at_byte += c.size;
	}
	assert_true(chain.last);
	ztj_opener_free(with);
	ztj_opener_free(without);
	ztj_buf_free(&text);
	for (size_t i = 0; i < 3; i++)
		ztj_buf_free(files[i].b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_terminal),
		T(test_a_megabyte_of_noise),
		T(test_pipes),
		T(test_a_restart_in_between),
		T(test_R02_the_daemon_stays_away),
		T(test_R02_the_recorder_is_killed),
		T(test_sealed),
	};
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
