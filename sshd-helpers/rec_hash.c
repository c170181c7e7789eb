/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "sshd-helpers/rec_hash.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)
/* The one whose headers this was compiled with. */
#define LIBRARY "libcrypto.so." STRING(OPENSSL_SHLIB_VERSION)

struct ztj_rec_hasher {
	__typeof__(OPENSSL_init_crypto) *init;
	__typeof__(EVP_MD_CTX_new) *make;
	__typeof__(EVP_MD_CTX_free) *drop;
	__typeof__(EVP_sha256) *sha256;
	__typeof__(EVP_DigestInit_ex) *begin;
	__typeof__(EVP_DigestUpdate) *add;
	__typeof__(EVP_DigestFinal_ex) *end;
};

struct ztj_rec_hash {
	const struct ztj_rec_hasher *lib;
	EVP_MD_CTX *ctx;
};

/* A pointer to a function cannot be cast from dlsym's in ISO C. */
static bool find(void *dl, const char *name, void *out, size_t size)
{
	void *p = dlsym(dl, name);

	if (p == NULL || size != sizeof p)
		return false;
	memcpy(out, &p, sizeof p);
	return true;
}

int ztj_rec_hasher_load(struct ztj_rec_hasher **out)
{
	struct ztj_rec_hasher *l = calloc(1, sizeof *l);
	/* Set-group-id: the loader looks at nothing that the environment says. */
	void *dl = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	*out = NULL;
	if (l == NULL || dl == NULL || !find(dl, "OPENSSL_init_crypto", &l->init, sizeof l->init) ||
	    !find(dl, "EVP_MD_CTX_new", &l->make, sizeof l->make) ||
	    !find(dl, "EVP_MD_CTX_free", &l->drop, sizeof l->drop) ||
	    !find(dl, "EVP_sha256", &l->sha256, sizeof l->sha256) ||
	    !find(dl, "EVP_DigestInit_ex", &l->begin, sizeof l->begin) ||
	    !find(dl, "EVP_DigestUpdate", &l->add, sizeof l->add) ||
	    !find(dl, "EVP_DigestFinal_ex", &l->end, sizeof l->end) ||
	    l->init(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1) {
		free(l);
		return ZTJ_CRYPTO_LIB;
	}
	*out = l;
	return ZTJ_OK;
}

void ztj_rec_hasher_free(struct ztj_rec_hasher *lib)
{
	free(lib);
}

int ztj_rec_hash_new(const struct ztj_rec_hasher *lib, struct ztj_rec_hash **out)
{
	struct ztj_rec_hash *h = calloc(1, sizeof *h);

	*out = NULL;
	if (h == NULL)
		return ZTJ_NOMEM;
	h->lib = lib;
	h->ctx = lib->make();
	if (h->ctx == NULL || lib->begin(h->ctx, lib->sha256(), NULL) != 1) {
		lib->drop(h->ctx);
		free(h);
		return ZTJ_CRYPTO_LIB;
	}
	*out = h;
	return ZTJ_OK;
}

int ztj_rec_hash_add(struct ztj_rec_hash *h, const void *p, size_t n)
{
	return h->lib->add(h->ctx, p, n) == 1 ? ZTJ_OK : ZTJ_CRYPTO_LIB;
}

int ztj_rec_hash_end(struct ztj_rec_hash *h, uint8_t digest[32])
{
	int r = h->lib->end(h->ctx, digest, NULL) == 1 ? ZTJ_OK : ZTJ_CRYPTO_LIB;

	h->lib->drop(h->ctx);
	free(h);
	return r;
}
