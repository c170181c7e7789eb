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

static int
ask_pin(const struct ztj_pin_ask *ask, char *pin, size_t size, void *arg)
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

static void
show_touch(bool waiting, void *arg)
{
	struct person *p = arg;

	if (waiting)
		p->touch_shown++;
	else
		p->touch_gone++;
	assert_int_equal(p->touch_shown - p->touch_gone, waiting ? 1 : 0);
}

static void
copy_file(const char *from, const char *to)
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

int
person_new(void **state)
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

static void
empty_dir(const char *dir)
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

int
person_free(void **state)
{
	struct person *p = *state;

	empty_dir(p->dir);
	free(p);
	return 0;
}

static int run_hand(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static int
run_hand(const char *fmt, va_list ap)
{
	char cmd[512] = SOFTKEY " ";
	size_t n = strlen(cmd);
	int len = vsnprintf(cmd + n, sizeof(cmd) - n, fmt, ap);

	assert_true(len > 0 && (size_t)len < sizeof(cmd) - n);
	return system(cmd); /* the tests' own words only */
}

void
hand(const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = run_hand(fmt, ap);
	va_end(ap);
	assert_int_equal(r, 0);
}

pid_t
hand_later(unsigned ms, const char *fmt, ...)
{
	const struct timespec wait = { ms / 1000, (long)(ms % 1000) * 1000 * 1000 };
	va_list ap;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)nanosleep(&wait, NULL);
		va_start(ap, fmt);
		_exit(run_hand(fmt, ap) == 0 ? 0 : 1);
	}
	return pid;
}

void
wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

unsigned
touches(void)
{
	unsigned n = 0;
	FILE *f = popen(SOFTKEY " touches", "re");

	assert_non_null(f);
	for (int c; (c = fgetc(f)) >= '0' && c <= '9';)
		n = n * 10 + (unsigned)(c - '0');
	assert_int_equal(pclose(f), 0);
	return n;
}

void
use_middleware(struct person *p)
{
	copy_file(MIDDLEWARE, p->provider);
	p->fido.provider = p->provider;
}

struct ztj_view
challenge(void)
{
	return ztj_view_str("domain, name and nonce");
}

void
enrol(struct person *p, enum ztj_key_type type, bool verify_required, struct ztj_enrolled *out)
{
	const struct ztj_enrol_ask ask = { "ssh:ztjit", "req1", challenge(), type, verify_required };

	ok(ztj_fido_enrol(&p->fido, &ask, out));
}

int
sign(struct person *p, const struct ztj_enrolled *e, bool uv, struct ztj_signer *who)
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

void
check_touch_line(const struct person *p, unsigned times)
{
	assert_int_equal(p->touch_shown, times);
	assert_int_equal(p->touch_gone, times);
}
