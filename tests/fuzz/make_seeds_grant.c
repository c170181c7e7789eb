/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Writes seeds for the fuzzers of policies, bundles and grants below the directory named on the command
 * line. Called by tests/fuzz/make-corpus.sh.
 */
#include <stdio.h>
#include <string.h>

#include "tests/core/scene.h"

static const char *top;

static void seed(const char *name, struct ztj_view v)
{
	char path[1024];

	assert_in_range(snprintf(path, sizeof(path), "%s/%s", top, name), 1, sizeof(path) - 1);
	write_file(path, v);
}

static void bundle_seed(const char *name, struct made *const *m, size_t n)
{
	struct ztj_bundle *b = scene_bundle(m, n);

	seed(name, ztj_buf_view(&b->mem));
	ztj_bundle_free(b);
}

/* Choices for fuzz_grant: now, then per statement kind, of, date, uv and the fields. */
static void grant_seeds(void)
{
	static const uint8_t approved[] = { 20, 0, 16, 1, 0, 0, 80, 0, 2, 0, 17, 1, 2, 0, 2, 0, 18, 1, 4, 0 };
	static const uint8_t denied[] = { 20, 0, 16, 1, 0, 0, 80, 0, 2, 0, 17, 1, 2, 0, 6, 0, 18, 1, 3, 0 };
	static const uint8_t revoked[] = { 20, 0, 16, 1, 0, 0, 80, 0, 2, 0, 17, 1, 2, 0, 7, 0, 18, 1, 0 };
	static const uint8_t chained[] = { 40, 0, 16, 1, 64, 0, 80, 0, 0, 0, 0, 16, 1, 64, 0, 80, 0, 0, 2, 0,
		17, 1, 2, 9 };

	seed("grant/approved", ztj_view_of(approved, sizeof(approved)));
	seed("grant/denied", ztj_view_of(denied, sizeof(denied)));
	seed("grant/revoked", ztj_view_of(revoked, sizeof(revoked)));
	seed("grant/chained", ztj_view_of(chained, sizeof(chained)));
}

int main(int argc, char **argv)
{
	struct made m[5], *p[5] = { &m[0], &m[1], &m[2], &m[3], &m[4] };
	struct scene sc;

	if (argc != 2) {
		(void)fputs("usage: make_seeds_grant DIRECTORY\n", stderr);
		return 2;
	}
	top = argv[1];
	scene_open(&sc, NULL, NULL);
	seed("policy/scene", ztj_view_str(sc.policy_text));
	made_request(&sc, &m[0]);
	made_approval(&sc, &m[1], "approvers/lead1", &m[0], SCENE_T0 + 60);
	made_approval(&sc, &m[2], "approvers/sec1", &m[0], SCENE_T0 + 90);
	made_denial(&sc, &m[3], "approvers/both1", &m[0], SCENE_T0 + 95);
	made_revocation(&sc, &m[4], "people/req1", &m[0], SCENE_T0 + 99);
	bundle_seed("bundle/request", p, 1);
	bundle_seed("bundle/approved", p, 3);
	bundle_seed("bundle/everything", p, 5);
	grant_seeds();
	for (size_t i = 0; i < 5; i++)
		made_free(&m[i]);
	scene_close(&sc);
	return 0;
}
