/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/cli/hostfiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"

void die(const char *file, int line, int r)
{
	if (r == ZTJ_OK)
		return;
	(void)fprintf(stderr, "%s:%d: %s\n", file, line, ztj_err_text(r));
	exit(1);
}

struct ztj_seckey key_at(const char *dir, const char *name)
{
	struct ztj_file_rule rule = { .owner = (uid_t)-1, .secret = true };
	struct ztj_seckey k;
	struct ztj_buf b;
	uint8_t seed[32];
	char path[512];

	rule.owner = geteuid();
	(void)snprintf(path, sizeof path, "%s/%s.seed", dir, name);
	ztj_buf_init(&b, 64);
	if (ztj_file_read(path, &rule, 32, &b) != ZTJ_OK || b.n != 32) {
		DIE(ztj_random(seed, sizeof seed));
		DIE(ztj_file_write(path, ztj_view_of(seed, sizeof seed), 0600));
	} else
		memcpy(seed, b.p, sizeof seed);
	ztj_buf_free(&b);
	DIE(ztj_seckey_from_seed(&k, seed));
	return k;
}

struct host host_at(const char *dir)
{
	(void)mkdir(dir, 0700);
	return (struct host){ .machine = key_at(dir, "machine"),
		.tls = key_at(dir, "tls"),
		.ssh = key_at(dir, "ssh") };
}

struct ztj_net *net_to(const char *url, const struct ztj_seckey *tls)
{
	struct ztj_net_conf conf = { .urls = &url,
		.nurls = 1,
		.client = tls,
		.timeout_ms = 5000,
		.max_reply = 1 << 20 };
	struct ztj_net *n;

	DIE(ztj_net_open(&conf, &n));
	return n;
}

struct ztj_buf call(struct ztj_net *n, const char *path, struct ztj_view body)
{
	struct ztj_buf reply;
	char text[512];
	long status;

	ztj_buf_init(&reply, 1 << 20);
	DIE(ztj_net_call(n, "POST", path, body, &reply, &status));
	if (ztj_net_error(status, ztj_buf_view(&reply), text, sizeof text) != ZTJ_OK) {
		(void)fprintf(stderr, "%s: %s\n", path, text);
		exit(1);
	}
	return reply;
}

void post(struct ztj_net *n, const char *path, const struct ztj_signed *s)
{
	struct ztj_buf json, reply;

	ztj_buf_init(&json, 1 << 20);
	DIE(ztj_signed_to_json(s, &json));
	reply = call(n, path, ztj_buf_view(&json));
	ztj_buf_free(&json);
	ztj_buf_free(&reply);
}
