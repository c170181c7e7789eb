/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSH public keys: blobs, text and fingerprints. */
#include <string.h>

#include "libztjit/core/pkey.h"

#define CURVE_NAME "nistp256"
#define TYPE_NAME_MAX 64

struct key_kind {
	enum ztj_key_type type;
	const char *name;
	bool ecdsa, sk;
};

static const struct key_kind kinds[] = {
	{ ZTJ_KEY_ED25519, "ssh-ed25519", false, false },
	{ ZTJ_KEY_ECDSA, "ecdsa-sha2-nistp256", true, false },
	{ ZTJ_KEY_SK_ED25519, "sk-ssh-ed25519@openssh.com", false, true },
	{ ZTJ_KEY_SK_ECDSA, "sk-ecdsa-sha2-nistp256@openssh.com", true, true },
};

static const struct key_kind *kind_of(enum ztj_key_type t)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].type == t)
			return &kinds[i];
	return NULL;
}

static const struct key_kind *kind_named(struct ztj_view name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (ztj_view_eq_str(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

const char *ztj_key_type_name(enum ztj_key_type t)
{
	const struct key_kind *kind = kind_of(t);

	return kind != NULL ? kind->name : "unknown";
}

bool ztj_key_is_sk(const struct ztj_key *k)
{
	const struct key_kind *kind = kind_of(k->type);

	return kind != NULL && kind->sk;
}

bool ztj_key_equal(const struct ztj_key *a, const struct ztj_key *b)
{
	return a->type != ZTJ_KEY_NONE && a->type == b->type && a->pub_len == b->pub_len &&
	    a->pub_len <= sizeof(a->pub) && memcmp(a->pub, b->pub, a->pub_len) == 0 &&
	    strcmp(a->application, b->application) == 0;
}

/* ---- blob ---- */

/*
 * Ed25519 points of small order, sign bit cleared, canonical or not. Under such a
 * key one signature fits many messages, so its owner could deny having signed.
 */
static const uint8_t small_order[][32] = {
	{ 0 },
	{ 1 },
	{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
	    0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
	{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
	    0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
	{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	{ 0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	{ 0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
};

static bool is_small_order(const uint8_t pub[32])
{
	uint8_t y[32];

	memcpy(y, pub, sizeof(y));
	y[31] &= 0x7f;
	for (size_t i = 0; i < sizeof(small_order) / sizeof(small_order[0]); i++)
		if (memcmp(y, small_order[i], sizeof(y)) == 0)
			return true;
	return false;
}

static int check_point(const struct ztj_key *k, bool ecdsa)
{
	if (!ecdsa)
		return is_small_order(k->pub) ? ZTJ_BAD_KEY : ZTJ_OK;
	return ztj_pkey_check_p256(k->pub, k->pub_len);
}

static int read_application(struct ztj_rd *rd, struct ztj_key *k)
{
	if (ztj_rd_cstring(rd, k->application, sizeof(k->application)) != ZTJ_OK)
		return ZTJ_BAD_KEY;
	if (strncmp(k->application, "ssh:", 4) != 0)
		return ZTJ_APPLICATION;
	for (const char *p = k->application; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return ZTJ_APPLICATION;
	return ZTJ_OK;
}

static int read_key(struct ztj_rd *rd, struct ztj_key *k)
{
	const struct key_kind *kind;
	struct ztj_view v;
	int r;

	if (ztj_rd_string(rd, TYPE_NAME_MAX, &v) != ZTJ_OK)
		return ZTJ_BAD_KEY;
	if ((kind = kind_named(v)) == NULL)
		return ZTJ_KEY_TYPE;
	if (kind->ecdsa && ztj_rd_expect(rd, CURVE_NAME) != ZTJ_OK)
		return ZTJ_BAD_KEY;
	if (ztj_rd_string(rd, sizeof(k->pub), &v) != ZTJ_OK || v.n != (kind->ecdsa ? 65 : 32))
		return ZTJ_BAD_KEY;
	k->type = kind->type;
	memcpy(k->pub, v.p, v.n);
	k->pub_len = v.n;
	if (kind->sk && (r = read_application(rd, k)) != ZTJ_OK)
		return r;
	if (ztj_rd_end(rd) != ZTJ_OK)
		return ZTJ_BAD_KEY;
	return check_point(k, kind->ecdsa);
}

int ztj_key_from_blob(struct ztj_key *k, struct ztj_view blob)
{
	struct ztj_rd rd;
	int r;

	memset(k, 0, sizeof(*k));
	ztj_rd_init(&rd, blob);
	if ((r = read_key(&rd, k)) != ZTJ_OK)
		memset(k, 0, sizeof(*k));
	return r;
}

int ztj_key_to_blob(const struct ztj_key *k, struct ztj_buf *out)
{
	const struct key_kind *kind = kind_of(k->type);

	if (kind == NULL)
		return ZTJ_KEY_TYPE;
	if (k->pub_len != (kind->ecdsa ? 65 : 32))
		return ZTJ_BAD_KEY;
	(void)ztj_buf_put_cstring(out, kind->name);
	if (kind->ecdsa)
		(void)ztj_buf_put_cstring(out, CURVE_NAME);
	(void)ztj_buf_put_string(out, k->pub, k->pub_len);
	if (kind->sk)
		(void)ztj_buf_put_cstring(out, k->application);
	return ztj_buf_status(out);
}

/* ---- text ---- */

static int from_type_and_base64(struct ztj_key *k, struct ztj_view type, struct ztj_view b64)
{
	struct ztj_buf blob;
	int r;

	memset(k, 0, sizeof(*k));
	if (kind_named(type) == NULL)
		return ZTJ_KEY_TYPE;
	ztj_buf_init(&blob, ZTJ_KEY_BLOB_MAX);
	r = ztj_b64_decode(b64, &blob);
	if (r == ZTJ_BAD_ENCODING || r == ZTJ_TOO_LARGE)
		r = ZTJ_BAD_KEY;
	if (r == ZTJ_OK)
		r = ztj_key_from_blob(k, ztj_buf_view(&blob));
	/* the word in front must not promise another type than the blob */
	if (r == ZTJ_OK && !ztj_view_eq_str(type, ztj_key_type_name(k->type))) {
		memset(k, 0, sizeof(*k));
		r = ZTJ_BAD_KEY;
	}
	ztj_buf_free(&blob);
	return r;
}

/* The bytes up to the first of the stop characters; *text moves behind them. */
static struct ztj_view take_until(struct ztj_view *text, const char *stops)
{
	struct ztj_view word;
	size_t n = 0;

	while (n < text->n && (text->p[n] == '\0' || strchr(stops, text->p[n]) == NULL))
		n++;
	word = ztj_view_of(text->p, n);
	*text = ztj_view_after(*text, n);
	return word;
}

int ztj_key_from_text(struct ztj_key *k, struct ztj_view text)
{
	struct ztj_view type = take_until(&text, " ");

	memset(k, 0, sizeof(*k));
	if (text.n < 2)
		return ZTJ_BAD_KEY;
	return from_type_and_base64(k, type, ztj_view_after(text, 1));
}

int ztj_key_from_line(struct ztj_key *k, struct ztj_view line)
{
	struct ztj_view type, b64;

	memset(k, 0, sizeof(*k));
	if (line.n > 0 && line.p[line.n - 1] == '\n')
		line.n--;
	if (line.n == 0 || memchr(line.p, '\n', line.n) != NULL || memchr(line.p, '\0', line.n) != NULL)
		return ZTJ_BAD_KEY;
	type = take_until(&line, " \t");
	while (line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
		line = ztj_view_after(line, 1);
	b64 = take_until(&line, " \t");
	return from_type_and_base64(k, type, b64);
}

int ztj_key_to_text(const struct ztj_key *k, char out[ZTJ_KEY_TEXT_SIZE])
{
	struct ztj_buf blob, text;
	int r;

	out[0] = '\0';
	ztj_buf_init(&blob, ZTJ_KEY_BLOB_MAX);
	ztj_buf_init(&text, ZTJ_KEY_TEXT_SIZE - 1);
	if ((r = ztj_key_to_blob(k, &blob)) == ZTJ_OK)
		r = ztj_buf_printf(&text, "%s ", ztj_key_type_name(k->type));
	if (r == ZTJ_OK)
		r = ztj_b64_encode(ztj_buf_view(&blob), &text);
	if (r == ZTJ_OK) {
		memcpy(out, text.p, text.n);
		out[text.n] = '\0';
	}
	ztj_buf_free(&blob);
	ztj_buf_free(&text);
	return r;
}

int ztj_key_digest(const struct ztj_key *k, uint8_t out[ZTJ_DIGEST_LEN])
{
	struct ztj_buf blob;
	int r;

	memset(out, 0, ZTJ_DIGEST_LEN);
	ztj_buf_init(&blob, ZTJ_KEY_BLOB_MAX);
	if ((r = ztj_key_to_blob(k, &blob)) == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(&blob), out);
	ztj_buf_free(&blob);
	return r;
}

int ztj_key_fingerprint(const struct ztj_key *k, char out[ZTJ_FINGERPRINT_SIZE])
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_buf text;
	int r;

	out[0] = '\0';
	ztj_buf_init(&text, ZTJ_FINGERPRINT_SIZE - 1);
	(void)ztj_buf_puts(&text, "SHA256:");
	if ((r = ztj_key_digest(k, digest)) == ZTJ_OK)
		r = ztj_b64_encode(ztj_view_of(digest, sizeof(digest)), &text);
	if (r == ZTJ_OK) {
		while (text.n > 0 && text.p[text.n - 1] == '=')
			text.n--;
		memcpy(out, text.p, text.n);
		out[text.n] = '\0';
	}
	ztj_buf_free(&text);
	return r;
}
