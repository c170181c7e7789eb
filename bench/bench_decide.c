/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The full host decision against the bare signature verifications it cannot do without: a request and two approvals,
 * read from the bytes of a bundle, nothing cached; then the same with the signature cache warm. Blocks of both are
 * interleaved, medians are printed. "bare" is EVP_DigestVerify over the same bytes with keys that are set up
 * already, as `openssl speed` measures it; its own numbers stand beside.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "libztjit/core/sshsig.h"
#include "tests/core/scene.h"

#define BLOCKS 21
#define PER_BLOCK 100
#define WARM 20000
#define NOW (SCENE_T0 + 120)

static double now_us(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) != 0)
		exit(3);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double quantile(double *v, size_t n, double q)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[(size_t)floor(q * (double)(n - 1))];
}

/* One signature as the authenticator made it: key, message, raw signature. */
struct bare {
	EVP_PKEY *pair;
	const EVP_MD *md;
	struct ztj_buf msg, sig;
};

static void bare_make(struct bare *b, const struct soft_key *k)
{
	uint8_t filler[69] = { 7 }; /* as long as application hash, flags, counter and message hash */

	b->pair = k->pair;
	b->md = k->pub.type == ZTJ_KEY_SK_ECDSA ? EVP_sha256() : NULL;
	ztj_buf_init(&b->msg, 128);
	ztj_buf_init(&b->sig, 128);
	ok(ztj_buf_put(&b->msg, filler, sizeof(filler)));
	soft_key_sign_raw(k, ztj_buf_view(&b->msg), &b->sig);
}

static void bare_verify(const struct bare *b)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, b->md, NULL, b->pair) != 1 ||
	    EVP_DigestVerify(ctx, b->sig.p, b->sig.n, b->msg.p, b->msg.n) != 1)
		exit(3);
	EVP_MD_CTX_free(ctx);
}

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

static void measure(enum ztj_key_type type, const char *name)
{
	static const char *const who[3] = { "people/req1", "approvers/lead1", "approvers/sec1" };
	static double cold[BLOCKS], bare[BLOCKS], ratio[BLOCKS], warm[WARM];
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
		bare_make(&b[i], &scene_actor(&sc, who[i])->key);
	for (size_t k = 0; k < BLOCKS; k++) {
		t = now_us();
		for (size_t i = 0; i < PER_BLOCK; i++)
			for (size_t s = 0; s < 3; s++)
				bare_verify(&b[s]);
		bare[k] = (now_us() - t) / PER_BLOCK;
		t = now_us();
		for (size_t i = 0; i < PER_BLOCK; i++)
			decide_once(&sc, ztj_buf_view(&bundle->mem), NULL);
		cold[k] = (now_us() - t) / PER_BLOCK;
		ratio[k] = cold[k] / bare[k];
	}
	ok(ztj_sigcache_new(1024, &cache));
	for (size_t i = 0; i < WARM; i++) {
		t = now_us();
		decide_once(&sc, ztj_buf_view(&bundle->mem), cache);
		warm[i] = now_us() - t;
	}
	(void)printf(
	    "%-10s bare %7.1f us  cold %7.1f us  ratio %.2f (goal 1.50)   warm p50 %6.1f us  p99 %6.1f us (goal 200)\n",
	    name, quantile(bare, BLOCKS, 0.5), quantile(cold, BLOCKS, 0.5), quantile(ratio, BLOCKS, 0.5),
	    quantile(warm, WARM, 0.5), quantile(warm, WARM, 0.99));
	ztj_sigcache_free(cache);
	ztj_bundle_free(bundle);
	for (size_t i = 0; i < 3; i++) {
		ztj_buf_free(&b[i].msg);
		ztj_buf_free(&b[i].sig);
		made_free(&m[i]);
	}
	scene_close(&sc);
}

/* "+F4:…:256:sign/s:verify/s" and "+F6:…:Ed25519:sign/s:verify/s" */
static void openssl_speed(void)
{
	char line[256];
	FILE *f = popen("openssl speed -seconds 1 -mr ed25519 ecdsap256 2>/dev/null", "r");

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *last = strrchr(line, ':');
		double per_s = last != NULL ? strtod(last + 1, NULL) : 0;
		if (line[0] == '+' && line[1] == 'F' && per_s > 1)
			(void)printf("%-10s openssl speed: three verifications %7.1f us\n",
			    line[2] == '4' ? "ecdsa-p256" : "ed25519", 3e6 / per_s);
	}
	(void)pclose(f);
}

int main(void)
{
	(void)printf("full host decision: request + 2 approvals, %d blocks of %d, medians\n", BLOCKS,
	    PER_BLOCK);
	measure(ZTJ_KEY_SK_ED25519, "ed25519");
	measure(ZTJ_KEY_SK_ECDSA, "ecdsa-p256");
	openssl_speed();
	return 0;
}
