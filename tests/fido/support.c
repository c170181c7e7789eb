/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the tests of libztjit/fido share.
 */
#include "tests/fido/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SOFTKEY "tests/softkey/softkey"
#define MIDDLEWARE "tests/softkey/.libs/libsoftkey-sk.so"

static int ask_pin(const struct ztj_pin_ask *ask, char *pin, size_t size, void *arg)
{
	struct person *p = arg;
	const char *typed = p->asked < 4 ? p->pins[p->asked] : NULL;

	p->asked++;
	p->retries = ask->retries;
	p->wrong = ask->wrong;
	if (typed == NULL)
		return ZTJ_ABORTED;
	assert_true(strlen(typed) < size);
	memcpy(pin, typed, strlen(typed) + 1);
	return ZTJ_OK;
}

static void show_touch(bool waiting, void *arg)
{
	struct person *p = arg;

	if (waiting)
		p->touch_shown++;
	else
		p->touch_gone++;
	assert_int_equal(p->touch_shown - p->touch_gone, waiting ? 1 : 0);
}

static void copy_file(const char *from, const char *to)
{
	char buf[4096];
	size_t n;
	FILE *in = fopen(from, "re"), *out = fopen(to, "we");

	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		assert_int_equal(fwrite(buf, 1, n, out), n);
	(void)fclose(in);
	assert_int_equal(fclose(out), 0);
}

int person_new(void **state)
{
	struct person *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	memcpy(p->dir, "/tmp/ztjit-fido-XXXXXX", sizeof("/tmp/ztjit-fido-XXXXXX"));
	assert_non_null(mkdtemp(p->dir));
	assert_int_equal(setenv("ZTJ_SOFTKEY_DIR", p->dir, 1), 0);
	(void)snprintf(p->provider, sizeof(p->provider), "%s/middleware.so", p->dir);
	p->fido.owner = getuid();
	p->fido.touch_seconds = 5;
	p->fido.ui = (struct ztj_fido_ui){ show_touch, ask_pin, p };
	*state = p;
	return 0;
}

static void empty_dir(const char *dir)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d != NULL && (e = readdir(d)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		(void)unlink(path);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(dir);
}

int person_free(void **state)
{
	struct person *p = *state;

	empty_dir(p->dir);
	free(p);
	return 0;
}

/* The tests' own words only. Everything of ours is close-on-exec. */
static pid_t start(unsigned ms, const char *cmd)
{
	const struct timespec wait = { ms / 1000, (long)(ms % 1000) * 1000 * 1000 };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)nanosleep(&wait, NULL);
		(void)execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static int finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void command(char *cmd, size_t size, const char *program, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

static void command(char *cmd, size_t size, const char *program, const char *fmt, va_list ap)
{
	int at = snprintf(cmd, size, "%s", program);
	int len = vsnprintf(cmd + at, size - (size_t)at, fmt, ap);

	assert_true(len > 0 && (size_t)(at + len) < size);
}

int shell(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	command(cmd, sizeof(cmd), "", fmt, ap);
	va_end(ap);
	return finish(start(0, cmd));
}

void hand(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	command(cmd, sizeof(cmd), SOFTKEY " ", fmt, ap);
	va_end(ap);
	assert_int_equal(finish(start(0, cmd)), 0);
}

pid_t hand_later(unsigned ms, const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	command(cmd, sizeof(cmd), SOFTKEY " ", fmt, ap);
	va_end(ap);
	return start(ms, cmd);
}

void wait_for(pid_t pid)
{
	assert_int_equal(finish(pid), 0);
}

unsigned touches(const struct person *p)
{
	char path[128], line[512];
	unsigned n = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/touches.log", p->dir);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, " touched ") != NULL)
			n++;
	(void)fclose(f);
	return n;
}

void use_middleware(struct person *p)
{
	copy_file(MIDDLEWARE, p->provider);
	p->fido.provider = p->provider;
}

struct ztj_view challenge(void)
{
	return ztj_view_str("domain, name and nonce");
}

void enrol(struct person *p, enum ztj_key_type type, bool verify_required, struct ztj_enrolled *out)
{
	const struct ztj_enrol_ask ask = { "ssh:ztjit", "req1", challenge(), type, verify_required };

	ok(ztj_fido_enrol(&p->fido, &ask, out));
}

int sign(struct person *p, const struct ztj_enrolled *e, bool uv, struct ztj_signer *who)
{
	const struct ztj_view msg = ztj_view_str("{\"v\":1}");
	const struct ztj_fido_sign ask = { &e->keyfile.pub, &e->keyfile, NAMESPACE, msg, uv };
	struct ztj_signer again;
	struct ztj_buf sig;
	int r;

	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	r = ztj_fido_sign(&p->fido, &ask, &sig, who);
	if (r == ZTJ_OK)
		ok(ztj_sshsig_verify(ztj_buf_view(&sig), NAMESPACE, msg, &again));
	else
		assert_int_equal(sig.n, 0);
	ztj_buf_free(&sig);
	return r;
}

void check_touch_line(const struct person *p, unsigned times)
{
	assert_int_equal(p->touch_shown, times);
	assert_int_equal(p->touch_gone, times);
}
