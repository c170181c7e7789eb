/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* OpenSSH private key files (PROTOCOL.key), unencrypted. */
#include <string.h>

#include "libztjit/core/armor.h"
#include "libztjit/core/keyfile.h"

#define LABEL "OPENSSH PRIVATE KEY"
#define BLOB_MAX 4096
#define BLOCK 8 /* what the padding of cipher "none" fills up to */

static const char magic[] = "openssh-key-v1"; /* its NUL belongs to it */

/* ---- parse ---- */

/* The header up to the two blobs: one key, no passphrase. */
static int read_outer(struct ztj_rd *rd, struct ztj_view *pub, struct ztj_view *priv)
{
	struct ztj_view v, cipher, kdf, options;
	uint32_t keys;
	int r;

	if ((r = ztj_rd_bytes(rd, sizeof(magic), &v)) != ZTJ_OK)
		return r;
	if (!ztj_view_eq(v, ztj_view_of(magic, sizeof(magic))))
		return ZTJ_BAD_ENCODING;
	if ((r = ztj_rd_string(rd, 64, &cipher)) != ZTJ_OK || (r = ztj_rd_string(rd, 64, &kdf)) != ZTJ_OK ||
	    (r = ztj_rd_string(rd, 256, &options)) != ZTJ_OK || (r = ztj_rd_u32(rd, &keys)) != ZTJ_OK)
		return r;
	if (!ztj_view_eq_str(cipher, "none") || !ztj_view_eq_str(kdf, "none"))
		return ZTJ_ENCRYPTED_KEY;
	if (options.n != 0 || keys != 1)
		return ZTJ_BAD_ENCODING;
	if ((r = ztj_rd_string(rd, ZTJ_KEY_BLOB_MAX, pub)) != ZTJ_OK ||
	    (r = ztj_rd_string(rd, BLOB_MAX, priv)) != ZTJ_OK)
		return r;
	return ztj_rd_end(rd);
}

/* string seed || public; the public half must be the seed's. */
static int read_ed25519(struct ztj_rd *rd, struct ztj_keyfile *kf)
{
	struct ztj_seckey sk;
	struct ztj_view v;
	int r;

	if ((r = ztj_rd_string(rd, 64, &v)) != ZTJ_OK)
		return r;
	if (v.n != 64)
		return ZTJ_BAD_ENCODING;
	if ((r = ztj_seckey_from_seed(&sk, v.p)) == ZTJ_OK) {
		if (ztj_key_equal(&sk.pub, &kf->pub) && ztj_ct_equal(sk.pub.pub, v.p + 32, 32))
			memcpy(kf->seed, sk.seed, sizeof(kf->seed));
		else
			r = ZTJ_BAD_KEY;
	}
	ztj_seckey_wipe(&sk);
	return r;
}

/* byte flags, string handle, string reserved (PROTOCOL.u2f) */
static int read_sk(struct ztj_rd *rd, struct ztj_keyfile *kf)
{
	struct ztj_view v;
	int r;

	if ((r = ztj_rd_u8(rd, &kf->sk_flags)) != ZTJ_OK ||
	    (r = ztj_rd_string(rd, sizeof(kf->handle), &v)) != ZTJ_OK)
		return r;
	if (v.n != 0)
		memcpy(kf->handle, v.p, v.n);
	kf->handle_len = v.n;
	return ztj_rd_expect(rd, "");
}

/* 1, 2, 3 … up to the block size */
static int read_padding(struct ztj_rd *rd, size_t section_len)
{
	uint8_t byte;
	int r;

	if (section_len % BLOCK != 0 || rd->left.n >= BLOCK)
		return ZTJ_BAD_ENCODING;
	for (unsigned i = 1; rd->left.n > 0; i++) {
		if ((r = ztj_rd_u8(rd, &byte)) != ZTJ_OK)
			return r;
		if (byte != i)
			return ZTJ_BAD_ENCODING;
	}
	return ZTJ_OK;
}

static int read_private(struct ztj_view section, struct ztj_view pub, struct ztj_keyfile *kf)
{
	uint32_t check1, check2;
	struct ztj_view same;
	struct ztj_rd rd;
	int r;

	ztj_rd_init(&rd, section);
	if ((r = ztj_rd_u32(&rd, &check1)) != ZTJ_OK || (r = ztj_rd_u32(&rd, &check2)) != ZTJ_OK)
		return r;
	if (check1 != check2)
		return ZTJ_BAD_ENCODING;
	/* for these three types the private fields begin with the public blob's own bytes */
	if ((r = ztj_rd_bytes(&rd, pub.n, &same)) != ZTJ_OK)
		return r;
	if (!ztj_view_eq(same, pub))
		return ZTJ_BAD_KEY;
	r = kf->pub.type == ZTJ_KEY_ED25519 ? read_ed25519(&rd, kf) : read_sk(&rd, kf);
	if (r != ZTJ_OK || (r = ztj_rd_cstring(&rd, kf->comment, sizeof(kf->comment))) != ZTJ_OK)
		return r;
	return read_padding(&rd, section.n);
}

static int parse_blob(struct ztj_keyfile *kf, struct ztj_view blob)
{
	struct ztj_view pub, section;
	struct ztj_rd rd;
	int r;

	ztj_rd_init(&rd, blob);
	if ((r = read_outer(&rd, &pub, &section)) != ZTJ_OK ||
	    (r = ztj_key_from_blob(&kf->pub, pub)) != ZTJ_OK)
		return r;
	if (kf->pub.type == ZTJ_KEY_ECDSA)
		return ZTJ_KEY_TYPE;
	return read_private(section, pub, kf);
}

int ztj_keyfile_parse(struct ztj_keyfile *kf, struct ztj_view text)
{
	struct ztj_buf blob;
	int r;

	memset(kf, 0, sizeof(*kf));
	ztj_buf_init(&blob, BLOB_MAX);
	if ((r = ztj_armor_get(LABEL, text, BLOB_MAX, &blob)) == ZTJ_OK)
		r = parse_blob(kf, ztj_buf_view(&blob));
	ztj_buf_free(&blob);
	if (r != ZTJ_OK)
		ztj_keyfile_wipe(kf);
	return r;
}

/* ---- format ---- */

static int put_private(const struct ztj_keyfile *kf, struct ztj_view pub, uint32_t check, struct ztj_buf *out)
{
	(void)ztj_buf_put_u32(out, check);
	(void)ztj_buf_put_u32(out, check);
	(void)ztj_buf_put(out, pub.p, pub.n);
	if (kf->pub.type == ZTJ_KEY_ED25519) {
		(void)ztj_buf_put_u32(out, 64);
		(void)ztj_buf_put(out, kf->seed, 32);
		(void)ztj_buf_put(out, kf->pub.pub, 32);
	} else {
		(void)ztj_buf_put_u8(out, kf->sk_flags);
		(void)ztj_buf_put_string(out, kf->handle, kf->handle_len);
		(void)ztj_buf_put_cstring(out, "");
	}
	(void)ztj_buf_put_cstring(out, kf->comment);
	for (uint8_t i = 1; ztj_buf_status(out) == ZTJ_OK && out->n % BLOCK != 0; i++)
		(void)ztj_buf_put_u8(out, i);
	return ztj_buf_status(out);
}

static int put_outer(struct ztj_view pub, struct ztj_view section, struct ztj_buf *out)
{
	(void)ztj_buf_put(out, magic, sizeof(magic));
	(void)ztj_buf_put_cstring(out, "none");
	(void)ztj_buf_put_cstring(out, "none");
	(void)ztj_buf_put_cstring(out, "");
	(void)ztj_buf_put_u32(out, 1);
	(void)ztj_buf_put_view(out, pub);
	return ztj_buf_put_view(out, section);
}

int ztj_keyfile_format(const struct ztj_keyfile *kf, uint32_t check, struct ztj_buf *out)
{
	struct ztj_buf pub, section, blob;
	int r;

	if (kf->pub.type != ZTJ_KEY_ED25519 && !ztj_key_is_sk(&kf->pub))
		return ZTJ_KEY_TYPE;
	if (kf->handle_len > sizeof(kf->handle))
		return ZTJ_TOO_LARGE;
	ztj_buf_init(&pub, ZTJ_KEY_BLOB_MAX);
	ztj_buf_init(&section, BLOB_MAX);
	ztj_buf_init(&blob, BLOB_MAX);
	if ((r = ztj_key_to_blob(&kf->pub, &pub)) == ZTJ_OK &&
	    (r = put_private(kf, ztj_buf_view(&pub), check, &section)) == ZTJ_OK &&
	    (r = put_outer(ztj_buf_view(&pub), ztj_buf_view(&section), &blob)) == ZTJ_OK)
		r = ztj_armor_put(LABEL, ztj_buf_view(&blob), out);
	ztj_buf_free(&pub);
	ztj_buf_free(&section);
	ztj_buf_free(&blob);
	return r;
}

void ztj_keyfile_wipe(struct ztj_keyfile *kf)
{
	ztj_wipe(kf, sizeof(*kf));
}

int ztj_keyfile_seckey(const struct ztj_keyfile *kf, struct ztj_seckey *sk)
{
	memset(sk, 0, sizeof(*sk));
	if (kf->pub.type != ZTJ_KEY_ED25519)
		return ZTJ_KEY_TYPE;
	return ztj_seckey_from_seed(sk, kf->seed);
}
