/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The shape of a new credential's authenticator data.
 */
#include <string.h>

#include "libztjit/fido/authdata.h"

#define HEADER_LEN 37 /* relying party's hash, flags, counter */
#define FLAGS_AT 32
#define FLAG_ATTESTED 0x40
#define FLAG_EXTENSIONS 0x80
#define AAGUID_LEN 16
#define HANDLE_MAX 1024

/* One definite byte string and nothing after it. */
static int unwrap(struct ztj_view cbor, struct ztj_view *out)
{
	struct ztj_rd rd;
	uint8_t head, byte;
	size_t n = 0;
	int r;

	ztj_rd_init(&rd, cbor);
	if ((r = ztj_rd_u8(&rd, &head)) != ZTJ_OK)
		return r;
	if (head != 0x58 && head != 0x59) /* a length in one byte or in two; shorter than 24 it cannot be */
		return ZTJ_BAD_ENCODING;
	for (int i = 0x58; i <= head; i++) {
		if ((r = ztj_rd_u8(&rd, &byte)) != ZTJ_OK)
			return r;
		n = n << 8 | byte;
	}
	if ((r = ztj_rd_bytes(&rd, n, out)) != ZTJ_OK)
		return r;
	return ztj_rd_end(&rd);
}

static int expect_bytes(struct ztj_rd *rd, const void *p, size_t n)
{
	struct ztj_view got;
	int r;

	if ((r = ztj_rd_bytes(rd, n, &got)) != ZTJ_OK)
		return r;
	return ztj_view_eq(got, ztj_view_of(p, n)) ? ZTJ_OK : ZTJ_BAD_ENCODING;
}

/* COSE_Key: {1: kty, 3: alg, -1: crv, -2: x[, -3: y]}, which canonical CBOR writes in one way. */
static int expect_key(struct ztj_rd *rd, const struct ztj_key *key)
{
	static const uint8_t ed25519[] = { 0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32 };
	static const uint8_t p256[] = { 0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32 };
	static const uint8_t y[] = { 0x22, 0x58, 32 };
	int r;

	if (key->type == ZTJ_KEY_SK_ED25519) {
		if ((r = expect_bytes(rd, ed25519, sizeof(ed25519))) != ZTJ_OK)
			return r;
		return expect_bytes(rd, key->pub, 32);
	}
	if ((r = expect_bytes(rd, p256, sizeof(p256))) != ZTJ_OK ||
	    (r = expect_bytes(rd, key->pub + 1, 32)) != ZTJ_OK ||
	    (r = expect_bytes(rd, y, sizeof(y))) != ZTJ_OK)
		return r;
	return expect_bytes(rd, key->pub + 33, 32);
}

static int expect_extensions(struct ztj_rd *rd, int *prot)
{
	static const uint8_t name[] = { 0xa1, 0x6b, 'c', 'r', 'e', 'd', 'P', 'r', 'o', 't', 'e', 'c', 't' };
	uint8_t level;
	int r;

	if ((r = expect_bytes(rd, name, sizeof(name))) != ZTJ_OK || (r = ztj_rd_u8(rd, &level)) != ZTJ_OK)
		return r;
	if (level < 1 || level > 3)
		return ZTJ_BAD_ENCODING;
	*prot = level;
	return ZTJ_OK;
}

static int check_raw(struct ztj_view raw, const struct ztj_key *key, int *prot)
{
	struct ztj_rd rd;
	struct ztj_view header, skipped;
	uint8_t hi, lo;
	size_t n;
	int r;

	ztj_rd_init(&rd, raw);
	if ((r = ztj_rd_bytes(&rd, HEADER_LEN, &header)) != ZTJ_OK ||
	    (r = ztj_rd_bytes(&rd, AAGUID_LEN, &skipped)) != ZTJ_OK || (r = ztj_rd_u8(&rd, &hi)) != ZTJ_OK ||
	    (r = ztj_rd_u8(&rd, &lo)) != ZTJ_OK)
		return r;
	n = (size_t)hi << 8 | lo;
	if ((header.p[FLAGS_AT] & FLAG_ATTESTED) == 0 || n == 0 || n > HANDLE_MAX)
		return ZTJ_BAD_ENCODING;
	if ((r = ztj_rd_bytes(&rd, n, &skipped)) != ZTJ_OK || (r = expect_key(&rd, key)) != ZTJ_OK)
		return r;
	if ((header.p[FLAGS_AT] & FLAG_EXTENSIONS) != 0 && (r = expect_extensions(&rd, prot)) != ZTJ_OK)
		return r;
	return ztj_rd_end(&rd);
}

int ztj_authdata_check(struct ztj_view cbor, const struct ztj_key *key, int *prot)
{
	struct ztj_view raw;

	*prot = 0;
	if (!ztj_key_is_sk(key) || key->pub_len != (key->type == ZTJ_KEY_SK_ED25519 ? 32 : 65))
		return ZTJ_ATTESTATION;
	if (unwrap(cbor, &raw) != ZTJ_OK || check_raw(raw, key, prot) != ZTJ_OK) {
		*prot = 0;
		return ZTJ_ATTESTATION;
	}
	return ZTJ_OK;
}
