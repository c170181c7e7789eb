/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"

struct pair {
	int a, b;
	struct ztj_ipc_in in;
	struct ztj_buf out;
};

static int up(void **state)
{
	static struct pair p;
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return -1;
	p.a = fds[0];
	p.b = fds[1];
	ztj_ipc_in_init(&p.in, 64);
	ztj_buf_init(&p.out, 1024);
	*state = &p;
	return 0;
}

static int down(void **state)
{
	struct pair *p = *state;
	(void)close(p->a);
	(void)close(p->b);
	ztj_ipc_in_free(&p->in);
	ztj_buf_free(&p->out);
	return 0;
}

static void message(struct pair *p, uint8_t type, const char *text)
{
	assert_int_equal(ztj_ipc_begin(&p->out, type), ZTJ_OK);
	ztj_buf_put_cstring(&p->out, text);
	assert_int_equal(ztj_ipc_finish(&p->out), ZTJ_OK);
}

static void test_round_trip_and_two_in_a_row(void **state)
{
	struct pair *p = *state;
	for (uint8_t type = 1; type < 3; type++) {
		message(p, type, "hello");
		assert_int_equal(ztj_ipc_send(p->a, ztj_buf_view(&p->out), -1, ztj_ipc_now_ms() + 1000),
		    ZTJ_OK);
	}
	for (uint8_t type = 1; type < 3; type++) {
		assert_int_equal(ztj_ipc_recv(p->b, &p->in, ztj_ipc_now_ms() + 1000), ZTJ_OK);
		assert_int_equal(p->in.type, type);
		struct ztj_rd rd;
		char text[16];
		ztj_rd_init(&rd, p->in.body);
		assert_int_equal(ztj_rd_cstring(&rd, text, sizeof text), ZTJ_OK);
		assert_string_equal(text, "hello");
		assert_int_equal(ztj_rd_end(&rd), ZTJ_OK);
		ztj_ipc_in_reset(&p->in);
	}
}

/* A message without a body is taken once: it must not come again for ever. */
static void test_P13_empty_body_is_not_read_twice(void **state)
{
	struct pair *p = *state;
	assert_int_equal(ztj_ipc_begin(&p->out, 3), ZTJ_OK);
	assert_int_equal(ztj_ipc_finish(&p->out), ZTJ_OK);
	assert_int_equal(ztj_ipc_send(p->a, ztj_buf_view(&p->out), -1, ztj_ipc_now_ms() + 1000), ZTJ_OK);
	assert_int_equal(ztj_ipc_read(p->b, &p->in, false), ZTJ_OK);
	assert_int_equal(p->in.type, 3);
	assert_int_equal(p->in.body.n, 0);
	ztj_ipc_in_reset(&p->in);
	assert_int_equal(ztj_ipc_read(p->b, &p->in, false), ZTJ_TIMEOUT);
	/* half a message is kept */
	message(p, 4, "later");
	assert_int_equal(write(p->a, p->out.p, 7), 7);
	assert_int_equal(ztj_ipc_read(p->b, &p->in, false), ZTJ_TIMEOUT);
	ztj_ipc_in_reset(&p->in);
	assert_int_equal(write(p->a, p->out.p + 7, p->out.n - 7), (int)p->out.n - 7);
	assert_int_equal(ztj_ipc_read(p->b, &p->in, false), ZTJ_OK);
	assert_int_equal(p->in.type, 4);
}

static void test_P13_byte_by_byte(void **state)
{
	struct pair *p = *state;
	message(p, 7, "slow");
	for (size_t i = 0; i < p->out.n; i++) {
		assert_int_equal(ztj_ipc_read(p->b, &p->in, false), ZTJ_TIMEOUT);
		assert_int_equal(write(p->a, p->out.p + i, 1), 1);
	}
	assert_int_equal(ztj_ipc_read(p->b, &p->in, false), ZTJ_OK);
	assert_int_equal(p->in.type, 7);
}

static void test_P13_silence_is_bounded(void **state)
{
	struct pair *p = *state;
	assert_int_equal(ztj_ipc_recv(p->b, &p->in, ztj_ipc_now_ms() + 50), ZTJ_TIMEOUT);
}

static void test_P13_four_gib(void **state)
{
	struct pair *p = *state;
	assert_int_equal(write(p->a, "\xff\xff\xff\xff\x01\x01", 6), 6);
	assert_int_equal(ztj_ipc_read(p->b, &p->in, false), ZTJ_TOO_LARGE);
}

static void test_P13_just_over_the_limit(void **state)
{
	struct pair *p = *state;
	assert_int_equal(write(p->a, "\0\0\0\x41", 4), 4);
	assert_int_equal(ztj_ipc_read(p->b, &p->in, false), ZTJ_TOO_LARGE);
}

static void test_P13_too_short_or_wrong_version(void **state)
{
	struct pair *p = *state;
	assert_int_equal(write(p->a, "\0\0\0\x01\x01", 5), 5);
	assert_int_equal(ztj_ipc_read(p->b, &p->in, false), ZTJ_PROTOCOL);
	ztj_ipc_in_free(&p->in);
	ztj_ipc_in_init(&p->in, 64);
	assert_int_equal(write(p->a, "\0\0\x02\x09\x01", 5),
	    5); /* with the byte left over: length 2, version 2 */
	assert_int_not_equal(ztj_ipc_read(p->b, &p->in, false), ZTJ_OK);
}

static void test_P13_closes_early(void **state)
{
	struct pair *p = *state;
	message(p, 1, "cut");
	assert_int_equal(write(p->a, p->out.p, p->out.n - 1), (int)p->out.n - 1);
	assert_int_equal(shutdown(p->a, SHUT_WR), 0);
	assert_int_equal(ztj_ipc_recv(p->b, &p->in, ztj_ipc_now_ms() + 1000), ZTJ_UNREACHABLE);
}

static void test_descriptor_travels_and_is_not_leaked(void **state)
{
	struct pair *p = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	message(p, 5, "with");
	assert_int_equal(ztj_ipc_send(p->a, ztj_buf_view(&p->out), fd, ztj_ipc_now_ms() + 1000), ZTJ_OK);
	assert_int_equal(ztj_ipc_read(p->b, &p->in, true), ZTJ_OK);
	int got = p->in.fd;
	assert_true(got >= 0);
	assert_int_equal(fcntl(got, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ztj_ipc_in_reset(&p->in);
	assert_int_equal(fcntl(got, F_GETFD), -1);
	/* A reader that wants none gets none. */
	assert_int_equal(ztj_ipc_send(p->a, ztj_buf_view(&p->out), fd, ztj_ipc_now_ms() + 1000), ZTJ_OK);
	assert_int_equal(ztj_ipc_read(p->b, &p->in, false), ZTJ_OK);
	assert_int_equal(p->in.fd, -1);
	(void)close(fd);
}

static void test_nobody_listens(void **state)
{
	(void)state;
	int sock = 0;
	assert_int_equal(ztj_ipc_connect("/nonexistent/pam.sock", ztj_ipc_now_ms() + 100, &sock),
	    ZTJ_UNREACHABLE);
	assert_int_equal(sock, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip_and_two_in_a_row, up, down),
		cmocka_unit_test_setup_teardown(test_P13_empty_body_is_not_read_twice, up, down),
		cmocka_unit_test_setup_teardown(test_P13_byte_by_byte, up, down),
		cmocka_unit_test_setup_teardown(test_P13_silence_is_bounded, up, down),
		cmocka_unit_test_setup_teardown(test_P13_four_gib, up, down),
		cmocka_unit_test_setup_teardown(test_P13_just_over_the_limit, up, down),
		cmocka_unit_test_setup_teardown(test_P13_too_short_or_wrong_version, up, down),
		cmocka_unit_test_setup_teardown(test_P13_closes_early, up, down),
		cmocka_unit_test_setup_teardown(test_descriptor_travels_and_is_not_leaked, up, down),
		cmocka_unit_test(test_nobody_listens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
