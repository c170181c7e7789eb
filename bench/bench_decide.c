/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The full host decision against the bare signature verifications it cannot do without: a request and two approvals,
 * read from the bytes of a bundle, nothing cached; then the same with the signature cache warm. Blocks of both are
 * interleaved. Bare is EVP_DigestVerify over as many bytes with keys that are set up already, as `openssl speed` does it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bare.h"
#include "bench/report.h"
#include "libztjit/core/sshsig.h"
#include "tests/core/scene.h"

#define BLOCKS 21
#define PER_BLOCK 100
#define WARM 20000
#define NOW (SCENE_T0 + 120)

static void decide_once(struct scene *sc, struct ztj_view blob, struct ztj_sigcache *cache)
{
	struct ztj_question q;
	struct ztj_answer a;
	struct ztj_bundle *b;

	if (ztj_bundle_read(blob, "example", cache, &b) != ZTJ_OK)
		exit(3);
	scene_login(sc, &q, NOW);
	ztj_decide(sc->trust, b, &q, &a);
	if (a.code != ZTJ_OK) {
		(void)fprintf(stderr, "bench_decide: denied: %s\n", a.text);
		exit(3);
	}
	ztj_bundle_free(b);
}

static void use_keys(struct scene *sc, enum ztj_key_type type, const char *const who[3])
{
	for (size_t i = 0; i < 3; i++) {
		struct actor *a = scene_actor(sc, who[i]);
		soft_key_free(&a->key);
		soft_key_make(&a->key, type);
	}
	scene_directories(sc, SCENE_T0 - 1800);
	scene_status(sc, SCENE_T0 + 1);
}

static void report(const char *name, const char *row_name, const char *what, double *ours, double *peer,
    size_t n)
{
	char full[64];
	struct bench_row row = { .row = full,
		.what = what,
		.unit = "us",
		.ours = "bundle read, verified, decided",
		.peer = "three verifications, bare",
		.a = ours,
		.b = peer,
		.n = n,
		.goal = peer != NULL ? BENCH_RATIO_MOST : BENCH_P99_MOST,
		.bound = peer != NULL ? 1.5 : 200 };

	(void)snprintf(full, sizeof(full), "%s-%s", row_name, name);
	bench_report(&row);
}

static void measure(enum ztj_key_type type, const char *name)
{
	static const char *const who[3] = { "people/req1", "approvers/lead1", "approvers/sec1" };
	static double cold[BLOCKS], bare[BLOCKS], warm[WARM];
	struct made m[3], *const p[3] = { &m[0], &m[1], &m[2] };
	struct ztj_sigcache *cache;
	struct ztj_bundle *bundle;
	struct bare b[3];
	struct scene sc;
	double t;

	scene_open(&sc, NULL, NULL);
	use_keys(&sc, type, who);
	made_request(&sc, &m[0]);
	made_approval(&sc, &m[1], who[1], &m[0], SCENE_T0 + 60);
	made_approval(&sc, &m[2], who[2], &m[0], SCENE_T0 + 90);
	bundle = scene_bundle(p, 3);
	for (size_t i = 0; i < 3; i++)
		bare_make(&b[i], &scene_actor(&sc, who[i])->key, BARE_SK_MESSAGE);
	for (size_t k = 0; k < BLOCKS; k++) {
		t = bench_cpu();
		for (size_t i = 0; i < PER_BLOCK; i++)
			for (size_t s = 0; s < 3; s++)
				bare_verify(&b[s]);
		bare[k] = (bench_cpu() - t) * 1e6 / PER_BLOCK;
		t = bench_cpu();
		for (size_t i = 0; i < PER_BLOCK; i++)
			decide_once(&sc, ztj_buf_view(&bundle->mem), NULL);
		cold[k] = (bench_cpu() - t) * 1e6 / PER_BLOCK;
	}
	must_ok(ztj_sigcache_new(1024, &cache));
	decide_once(&sc, ztj_buf_view(&bundle->mem), cache);
	for (size_t i = 0; i < WARM; i++) {
		t = bench_cpu();
		decide_once(&sc, ztj_buf_view(&bundle->mem), cache);
		warm[i] = (bench_cpu() - t) * 1e6;
	}
	report(name, "decide-cold", "host decision on a request and two approvals, nothing cached, CPU time",
	    cold, bare, BLOCKS);
	report(name, "decide-warm", "the same with the signatures verified before, CPU time", warm, NULL,
	    WARM);
	ztj_sigcache_free(cache);
	ztj_bundle_free(bundle);
	for (size_t i = 0; i < 3; i++) {
		bare_free(&b[i]);
		made_free(&m[i]);
	}
	scene_close(&sc);
}

int main(void)
{
	measure(ZTJ_KEY_SK_ED25519, "ed25519");
	measure(ZTJ_KEY_SK_ECDSA, "p256");
	return 0;
}
