/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The audit log as signed webhooks. */
#include "tests/broker/sendrig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void slurp(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	size_t n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	(void)fclose(f);
}

static void header(const struct web *w, unsigned n, const char *name, char out[256])
{
	static char text[8192];
	char path[128], want[64];
	(void)snprintf(path, sizeof(path), "%s/%u.heads", w->dir, n);
	slurp(path, text, sizeof(text));
	(void)snprintf(want, sizeof(want), "\r\n%s: ", name);
	const char *at = strstr(text, want);
	assert_non_null(at);
	at += strlen(want);
	size_t len = strcspn(at, "\r");
	assert_in_range(len, 1, 255);
	memcpy(out, at, len);
	out[len] = '\0';
}

/* As ztjit-broker.conf(5) prints it. */
static void verify(const struct bk *b, const struct web *w, unsigned n)
{
	char id[256], when[256], sig[256];
	header(w, n, "webhook-id", id);
	header(w, n, "webhook-timestamp", when);
	header(w, n, "webhook-signature", sig);
	assert_int_equal(strncmp(sig, "v1a,", 4), 0);
	assert_true(llabs(strtoll(when, NULL, 10) - (long long)time(NULL)) < 60);
	run_shell(
	    "cd %s && { printf '%%s.%%s.' '%s' '%s'; cat %u.body; } >signed && printf '%%s' '%s' | openssl base64 -d -A >sig &&"
	    " openssl pkeyutl -verify -pubin -inkey %s/sender/sender.pem -rawin -in signed -sigfile sig >verified",
	    w->dir, id, when, n, sig + 4, b->dir);
}

static void test_webhook(void **state)
{
	static char body[4 * 1024 * 1024];
	struct certs c;
	struct web w;
	struct bk b;
	char path[128], id[2][256];
	json_t *list = NULL;
	int64_t next = 0;
	(void)state;
	certs_make(&c);
	web_start(&w, &c, "500 0 1 302 200 200");
	sr_start(&b,
	    "send = [ \"hook https://localhost:%d/in/here?x=1 ca=%s/ca.pem\", \"other https://localhost:%d/ ca=%s/other.pem\" ];\n",
	    w.port, c.dir, w.port, c.dir);
	sr_leaves(&b, 50);
	sr_settle(&b, "hook");
	/* the same message again until it was taken */
	header(&w, 0, "webhook-id", id[0]);
	for (unsigned n = 1; n <= 4; n++) {
		header(&w, n, "webhook-id", id[1]);
		assert_string_equal(id[0], id[1]);
	}
	for (unsigned n = 4;; n++) {
		(void)snprintf(path, sizeof(path), "%s/%u.body", w.dir, n);
		if (access(path, R_OK) != 0)
			break;
		verify(&b, &w, n);
		slurp(path, body, sizeof(body));
		list = json_loads(body, 0, NULL);
		assert_true(json_is_array(list));
		for (size_t i = 0; i < json_array_size(list); i++)
			assert_int_equal(json_integer_value(json_object_get(json_array_get(list, i), "n")),
			    next++);
		json_decref(list);
	}
	assert_int_equal(next, sr_metric(&b, "ztjit_log_leaves"));
	assert_true(sr_fails_with(&b, "other", "unable to get local issuer certificate"));
	/* the key stays */
	run_shell("cp %s/sender/sender.pem %s/before", b.dir, w.dir);
	bk_stop(&b);
	bk_serve(&b);
	run_shell("cmp %s/sender/sender.pem %s/before", b.dir, w.dir);
	bk_end(&b);
	web_end(&w);
	certs_free(&c);
}

/* Only what a destination is meant to have. */
static void test_filters(void **state)
{
	static char body[4 * 1024 * 1024];
	struct certs c;
	struct web w;
	struct bk b;
	char path[128];
	(void)state;
	certs_make(&c);
	web_start(&w, &c, "204");
	sr_start(&b,
	    "send = [ \"hook https://127.0.0.1:%d ca=%s/ca.pem kinds=policy,alarm outcomes=accepted\" ];\n",
	    w.port, c.dir);
	sr_leaves(&b, 20);
	sr_settle(&b, "hook");
	size_t n = 0;
	for (unsigned i = 0;; i++) {
		(void)snprintf(path, sizeof(path), "%s/%u.body", w.dir, i);
		if (access(path, R_OK) != 0)
			break;
		slurp(path, body, sizeof(body));
		assert_null(strstr(body, "\"kind\":\"statement\""));
		json_t *list = json_loads(body, 0, NULL);
		n += json_array_size(list);
		json_decref(list);
	}
	assert_int_equal(n, 1); /* the policy */
	bk_end(&b);
	web_end(&w);
	certs_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_webhook),
		cmocka_unit_test(test_filters),
	};
	cmocka_set_test_filter(getenv("ZTJ_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
