/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "bench/bare.h"

#include "bench/report.h"

void bare_make(struct bare *b, const struct soft_key *k, size_t n)
{
	b->pair = k->pair;
	b->md = k->pub.type == ZTJ_KEY_SK_ECDSA || k->pub.type == ZTJ_KEY_ECDSA ? EVP_sha256() : NULL;
	ztj_buf_init(&b->msg, n);
	ztj_buf_init(&b->sig, 128);
	for (size_t i = 0; i < n; i++)
		must_ok(ztj_buf_put_u8(&b->msg, (uint8_t)i));
	soft_key_sign_raw(k, ztj_buf_view(&b->msg), &b->sig);
}

void bare_verify(const struct bare *b)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, b->md, NULL, b->pair) != 1 ||
	    EVP_DigestVerify(ctx, b->sig.p, b->sig.n, b->msg.p, b->msg.n) != 1)
		bench_fail("a verification failed");
	EVP_MD_CTX_free(ctx);
}

void bare_sign(const struct bare *b)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[128];
	size_t len = sizeof(sig);

	if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, b->md, NULL, b->pair) != 1 ||
	    EVP_DigestSign(ctx, sig, &len, b->msg.p, b->msg.n) != 1)
		bench_fail("a signature failed");
	EVP_MD_CTX_free(ctx);
}

void bare_free(struct bare *b)
{
	ztj_buf_free(&b->msg);
	ztj_buf_free(&b->sig);
}
