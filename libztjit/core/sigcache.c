/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Four-way associative, of fixed size: a look-up is one hash and four comparisons. */
#include "libztjit/core/sigcache.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4
#define ENTRIES_MAX (1u << 20)

struct entry {
	uint8_t key[ZTJ_DIGEST_LEN];
	bool set;
	struct ztj_signer who;
};

struct ztj_sigcache {
	size_t nsets;  /* a power of two */
	unsigned next; /* the way that goes first when a set is full */
	EVP_MD *md;
	EVP_MD_CTX *ctx;
	struct entry *e;
};

int ztj_sigcache_new(size_t entries, struct ztj_sigcache **out)
{
	struct ztj_sigcache *c;

	*out = NULL;
	if (entries == 0 || entries > ENTRIES_MAX)
		return ZTJ_LIMIT;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return ZTJ_NOMEM;
	for (c->nsets = 1; c->nsets * WAYS < entries; c->nsets *= 2)
		;
	c->e = calloc(c->nsets * WAYS, sizeof(*c->e));
	c->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	c->ctx = EVP_MD_CTX_new();
	if (c->e == NULL || c->md == NULL || c->ctx == NULL) {
		ztj_sigcache_free(c);
		return ZTJ_NOMEM;
	}
	*out = c;
	return ZTJ_OK;
}

void ztj_sigcache_free(struct ztj_sigcache *c)
{
	if (c == NULL)
		return;
	EVP_MD_CTX_free(c->ctx);
	EVP_MD_free(c->md);
	free(c->e);
	free(c);
}

/* SHA-256 over string namespace, string bytes, string signature: the lengths keep the three apart. */
static int cache_key(struct ztj_sigcache *c, struct ztj_view blob, const char *ns, struct ztj_view msg,
    uint8_t out[ZTJ_DIGEST_LEN])
{
	const struct ztj_view part[3] = { ztj_view_str(ns), msg, blob };
	unsigned len = 0;

	if (EVP_DigestInit_ex2(c->ctx, c->md, NULL) != 1)
		return ZTJ_CRYPTO_LIB;
	for (size_t i = 0; i < 3; i++) {
		uint64_t n = part[i].n;

		if (EVP_DigestUpdate(c->ctx, &n, sizeof(n)) != 1 ||
		    (n > 0 && EVP_DigestUpdate(c->ctx, part[i].p, part[i].n) != 1))
			return ZTJ_CRYPTO_LIB;
	}
	if (EVP_DigestFinal_ex(c->ctx, out, &len) != 1 || len != ZTJ_DIGEST_LEN)
		return ZTJ_CRYPTO_LIB;
	return ZTJ_OK;
}

static struct entry *set_of(struct ztj_sigcache *c, const uint8_t key[ZTJ_DIGEST_LEN])
{
	uint64_t h;

	memcpy(&h, key, sizeof(h));
	return &c->e[(h & (c->nsets - 1)) * WAYS];
}

static void remember(struct ztj_sigcache *c, const uint8_t key[ZTJ_DIGEST_LEN], const struct ztj_signer *who)
{
	struct entry *set = set_of(c, key), *e = NULL;

	for (size_t i = 0; i < WAYS && e == NULL; i++)
		if (!set[i].set)
			e = &set[i];
	if (e == NULL)
		e = &set[c->next++ % WAYS];
	memcpy(e->key, key, ZTJ_DIGEST_LEN);
	e->who = *who;
	e->set = true;
}

int ztj_sigcache_verify(struct ztj_sigcache *c, struct ztj_view blob, const char *ns, struct ztj_view msg,
    struct ztj_signer *who)
{
	uint8_t key[ZTJ_DIGEST_LEN];
	struct entry *set;
	int r;

	memset(who, 0, sizeof(*who));
	if (c == NULL)
		return ztj_sshsig_verify(blob, ns, msg, who);
	r = cache_key(c, blob, ns, msg, key);
	if (r != ZTJ_OK)
		return r;
	set = set_of(c, key);
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].set && memcmp(set[i].key, key, sizeof(key)) == 0) {
			*who = set[i].who;
			return ZTJ_OK;
		}
	}
	r = ztj_sshsig_verify(blob, ns, msg, who);
	if (r == ZTJ_OK)
		remember(c, key, who);
	return r;
}
