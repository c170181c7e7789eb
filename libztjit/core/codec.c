/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Base64, hex, Crockford base32, and the few primitives everybody needs. */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "libztjit/core/codec.h"

/* ---- base64 ---- */

int ztj_b64_encode(struct ztj_view in, struct ztj_buf *out)
{
	enum { CHUNK = 48 };
	unsigned char text[CHUNK / 3 * 4 + 1];
	int r = ztj_buf_put(out, NULL, 0);

	for (size_t i = 0; i < in.n && r == ZTJ_OK; i += CHUNK) {
		size_t n = in.n - i < CHUNK ? in.n - i : CHUNK;
		int len = EVP_EncodeBlock(text, in.p + i, (int)n);

		r = len < 0 ? ZTJ_CRYPTO_LIB : ztj_buf_put(out, text, (size_t)len);
	}
	ztj_wipe(text, sizeof(text));
	return r;
}

/* EVP_DecodeBlock takes white space and spare bits, so this is our own. */
static int b64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Four characters to 1..3 bytes; only the last group may be padded. */
static int b64_group(const uint8_t in[4], bool last, uint8_t bytes[3], size_t *n)
{
	size_t pad = !last || in[3] != '=' ? 0 : in[2] != '=' ? 1 : 2;
	uint32_t bits = 0;

	*n = 3 - pad;

	for (size_t i = 0; i < 4; i++) {
		int v = i < 4 - pad ? b64_value(in[i]) : 0;

		if (v < 0)
			return ZTJ_BAD_ENCODING;
		bits = bits << 6 | (uint32_t)v;
	}
	if ((bits & ((1U << (8 * pad)) - 1)) != 0) /* one text for one value */
		return ZTJ_BAD_ENCODING;
	for (size_t i = 0; i < 3; i++)
		bytes[i] = (uint8_t)(bits >> (16 - 8 * i));
	return ZTJ_OK;
}

int ztj_b64_decode(struct ztj_view text, struct ztj_buf *out)
{
	enum { CHUNK = 96 };
	size_t start = out->n, n = 0, got;
	uint8_t bytes[CHUNK];
	int r = ztj_buf_put(out, NULL, 0);

	if (r == ZTJ_OK && text.n % 4 != 0)
		return ZTJ_BAD_ENCODING;
	for (size_t i = 0; i < text.n && r == ZTJ_OK; i += 4) {
		r = b64_group(text.p + i, i + 4 == text.n, bytes + n, &got);
		n += got;
		if (r == ZTJ_OK && (n == CHUNK || i + 4 == text.n)) {
			r = ztj_buf_put(out, bytes, n);
			n = 0;
		}
	}
	if (r != ZTJ_OK)
		out->n = start;
	ztj_wipe(bytes, sizeof(bytes)); /* private keys pass here */
	return r;
}

/* ---- hex ---- */

void ztj_hex(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int ztj_unhex(struct ztj_view text, uint8_t *out, size_t n)
{
	bool bad = text.n / 2 != n || text.n % 2 != 0;

	memset(out, 0, n);
	for (size_t i = 0; !bad && i < n; i++) {
		int hi = hex_value(text.p[2 * i]), lo = hex_value(text.p[2 * i + 1]);

		bad = hi < 0 || lo < 0;
		out[i] = bad ? 0 : (uint8_t)((unsigned)hi << 4 | (unsigned)lo);
	}
	if (bad)
		memset(out, 0, n);
	return bad ? ZTJ_BAD_ENCODING : ZTJ_OK;
}

/* ---- Crockford base32 and short ids ---- */

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum { SHORT_CHARS = 10, SHORT_BYTES = 7 };

void ztj_base32(const uint8_t *p, size_t n, char *out, size_t size)
{
	size_t len = n / 5 * 8 + (n % 5 * 8 + 4) / 5;

	if (size == 0)
		return;
	if (len >= size)
		len = 0; /* nothing rather than a part that looks whole */
	for (size_t i = 0; i < len; i++) {
		size_t bit = 5 * i, byte = bit / 8;
		unsigned pair = (unsigned)p[byte] << 8 | (byte + 1 < n ? p[byte + 1] : 0U);

		out[i] = crockford[pair >> (11 - bit % 8) & 31];
	}
	out[len] = '\0';
}

static void short_id(char kind, const uint8_t *digest, char out[ZTJ_SHORT_ID_SIZE])
{
	char text[SHORT_BYTES * 8 / 5 + 2];

	ztj_base32(digest, SHORT_BYTES, text, sizeof(text));
	out[0] = kind;
	out[1] = '-';
	memcpy(out + 2, text, SHORT_CHARS);
	out[2 + SHORT_CHARS] = '\0';
}

void ztj_short_id(const uint8_t digest[ZTJ_DIGEST_LEN], char out[ZTJ_SHORT_ID_SIZE])
{
	short_id('R', digest, out);
}

void ztj_session_id(const uint8_t random[ZTJ_DIGEST_LEN], char out[ZTJ_SHORT_ID_SIZE])
{
	short_id('S', random, out);
}

static char crockford_fold(char c)
{
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O')
		return '0';
	return c == 'I' || c == 'L' ? '1' : c;
}

static int short_id_parse(char kind, const char *text, char out[ZTJ_SHORT_ID_SIZE])
{
	char id[ZTJ_SHORT_ID_SIZE] = { kind, '-' };

	out[0] = '\0';
	if (strlen(text) != ZTJ_SHORT_ID_SIZE - 1 || crockford_fold(text[0]) != kind || text[1] != '-')
		return ZTJ_BAD_NAME;
	for (size_t i = 2; i < ZTJ_SHORT_ID_SIZE - 1; i++) {
		id[i] = crockford_fold(text[i]);
		if (strchr(crockford, id[i]) == NULL)
			return ZTJ_BAD_NAME;
	}
	memcpy(out, id, sizeof(id));
	return ZTJ_OK;
}

int ztj_short_id_parse(const char *text, char out[ZTJ_SHORT_ID_SIZE])
{
	return short_id_parse('R', text, out);
}

int ztj_session_id_parse(const char *text, char out[ZTJ_SHORT_ID_SIZE])
{
	return short_id_parse('S', text, out);
}

bool ztj_session_id_ok(const char *text)
{
	char id[ZTJ_SHORT_ID_SIZE];

	return ztj_session_id_parse(text, id) == ZTJ_OK && strcmp(text, id) == 0;
}

/* ---- primitives ---- */

int ztj_sha256(struct ztj_view in, uint8_t out[ZTJ_DIGEST_LEN])
{
	unsigned len = 0;

	if (EVP_Digest(in.n != 0 ? (const void *)in.p : "", in.n, out, &len, EVP_sha256(), NULL) != 1 ||
	    len != ZTJ_DIGEST_LEN) {
		memset(out, 0, ZTJ_DIGEST_LEN);
		return ZTJ_CRYPTO_LIB;
	}
	return ZTJ_OK;
}

bool ztj_ct_equal(const void *a, const void *b, size_t n)
{
	return n == 0 || CRYPTO_memcmp(a, b, n) == 0;
}

void ztj_wipe(void *p, size_t n)
{
	if (n != 0)
		explicit_bzero(p, n);
}
