/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/hostproof.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_CHARS 20
#define TOKEN_CHARS 26
#define LABEL "ztjit-token"

struct blob {
	uint8_t p[ZTJ_KEY_BLOB_MAX];
	size_t n;
};

struct ztj_host_id ztj_host_id_pending(const struct ztj_stmt *st)
{
	return (struct ztj_host_id){ .domain = st->domain,
		.name = st->u.pending.name,
		.machine = &st->u.pending.machine,
		.tls = &st->u.pending.tls,
		.ssh = st->u.pending.ssh,
		.nssh = st->u.pending.nssh };
}

static int to_blob(const struct ztj_key *k, struct blob *out)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, sizeof(out->p));
	r = ztj_key_to_blob(k, &b);
	if (r == ZTJ_OK) {
		memcpy(out->p, b.p, b.n);
		out->n = b.n;
	}
	ztj_buf_free(&b);
	return r;
}

static int bytewise(const void *a, const void *b)
{
	const struct blob *x = a, *y = b;
	int d = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return d != 0 ? d : (x->n > y->n) - (x->n < y->n);
}

static int put_own(const struct ztj_host_id *h, struct ztj_buf *out)
{
	const struct ztj_key *const own[2] = { h->machine, h->tls };
	struct blob k;
	int r = ZTJ_OK;

	(void)ztj_buf_put_cstring(out, "ztjit-host");
	(void)ztj_buf_put_cstring(out, h->domain);
	(void)ztj_buf_put_cstring(out, h->name);
	for (size_t i = 0; r == ZTJ_OK && i < 2; i++) {
		r = to_blob(own[i], &k);
		if (r == ZTJ_OK)
			(void)ztj_buf_put_string(out, k.p, k.n);
	}
	return r;
}

int ztj_host_digest(const struct ztj_host_id *h, uint8_t out[ZTJ_DIGEST_LEN])
{
	struct blob ssh[ZTJ_HOST_SSH_MAX];
	struct ztj_buf b;
	int r = h->nssh <= ZTJ_HOST_SSH_MAX ? ZTJ_OK : ZTJ_LIMIT;

	memset(out, 0, ZTJ_DIGEST_LEN);
	for (size_t i = 0; r == ZTJ_OK && i < h->nssh; i++)
		r = to_blob(&h->ssh[i], &ssh[i]);
	if (r != ZTJ_OK)
		return r;
	qsort(ssh, h->nssh, sizeof(ssh[0]), bytewise);
	ztj_buf_init(&b, 16384);
	r = put_own(h, &b);
	for (size_t i = 0; i < h->nssh; i++)
		(void)ztj_buf_put_string(&b, ssh[i].p, ssh[i].n);
	if (r == ZTJ_OK)
		r = ztj_buf_status(&b);
	if (r == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(&b), out);
	ztj_buf_free(&b);
	return r;
}

/* ---- for people ---- */

static void in_fives(char kind, const char *chars, size_t n, char *out)
{
	*out++ = kind;
	for (size_t i = 0; i < n; i++) {
		if (i % 5 == 0)
			*out++ = '-';
		*out++ = chars[i];
	}
	*out = '\0';
}

/* The characters behind the prefix, folded; 0 when it is something else or longer. */
static size_t fold(char kind, const char *typed, char *out, size_t max)
{
	bool begun = false;
	size_t n = 0;

	for (; *typed != '\0'; typed++) {
		char c = *typed;

		if (c == '-' || c == ' ')
			continue;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (!begun) {
			if (c != kind)
				return 0;
			begun = true;
			continue;
		}
		if (n == max)
			return 0;
		out[n++] = (char)(c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c);
	}
	return n;
}

void ztj_host_digest_text(const uint8_t digest[ZTJ_DIGEST_LEN], char out[ZTJ_HOST_DIGEST_SIZE])
{
	char text[64];

	ztj_base32(digest, ZTJ_DIGEST_LEN, text, sizeof(text));
	in_fives('H', text, DIGEST_CHARS, out);
}

bool ztj_host_digest_typed(const uint8_t digest[ZTJ_DIGEST_LEN], const char *typed)
{
	char want[64], have[DIGEST_CHARS];

	ztj_base32(digest, ZTJ_DIGEST_LEN, want, sizeof(want));
	return fold('H', typed, have, sizeof(have)) == DIGEST_CHARS && memcmp(want, have, DIGEST_CHARS) == 0;
}

void ztj_token_format(const uint8_t token[ZTJ_TOKEN_LEN], char out[ZTJ_TOKEN_SIZE])
{
	char text[TOKEN_CHARS + 2];

	ztj_base32(token, ZTJ_TOKEN_LEN, text, sizeof(text));
	in_fives('T', text, TOKEN_CHARS, out);
	ztj_wipe(text, sizeof(text));
}

int ztj_token_parse(const char *typed, uint8_t token[ZTJ_TOKEN_LEN])
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	char have[TOKEN_CHARS];
	unsigned bits = 0, nbits = 0;
	size_t at = 0, n = fold('T', typed, have, sizeof(have));
	int r = n == TOKEN_CHARS ? ZTJ_OK : ZTJ_BAD_NAME;

	memset(token, 0, ZTJ_TOKEN_LEN);
	for (size_t i = 0; r == ZTJ_OK && i < TOKEN_CHARS; i++) {
		const char *c = have[i] == '\0' ? NULL : strchr(alphabet, have[i]);

		if (c == NULL) {
			r = ZTJ_BAD_NAME;
			break;
		}
		bits = (bits << 5 | (unsigned)(c - alphabet)) & 0xfff;
		nbits += 5;
		if (nbits >= 8) {
			nbits -= 8;
			token[at++] = (uint8_t)(bits >> nbits);
		}
	}
	/* 130 bits hold 128: the two that are left over are none */
	if (r == ZTJ_OK && (bits & ((1u << nbits) - 1)) != 0)
		r = ZTJ_BAD_NAME;
	if (r != ZTJ_OK)
		ztj_wipe(token, ZTJ_TOKEN_LEN);
	ztj_wipe(have, sizeof(have));
	return r;
}

int ztj_host_proof(const uint8_t token[ZTJ_TOKEN_LEN], const uint8_t digest[ZTJ_DIGEST_LEN],
    uint8_t out[ZTJ_DIGEST_LEN])
{
	uint8_t msg[sizeof(LABEL) - 1 + ZTJ_DIGEST_LEN];
	unsigned n = 0;

	memcpy(msg, LABEL, sizeof(LABEL) - 1);
	memcpy(msg + sizeof(LABEL) - 1, digest, ZTJ_DIGEST_LEN);
	if (HMAC(EVP_sha256(), token, ZTJ_TOKEN_LEN, msg, sizeof(msg), out, &n) == NULL ||
	    n != ZTJ_DIGEST_LEN) {
		memset(out, 0, ZTJ_DIGEST_LEN);
		return ZTJ_CRYPTO_LIB;
	}
	return ZTJ_OK;
}
