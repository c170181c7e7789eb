/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSH signatures: RFC 5656 section 3.1.2, RFC 8709 section 6, PROTOCOL.u2f. */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "libztjit/core/pkey.h"

#define SK_FLAG_UP 0x01
#define SK_FLAG_UV 0x04
#define COORD_LEN 32
#define DER_SIG_MAX (2 + 2 * (2 + COORD_LEN + 1))
#define SK_MSG_LEN (2 * ZTJ_DIGEST_LEN + 1 + 4)

/* A signature blob taken apart. */
struct sig_parts {
	struct ztj_view raw; /* 64 bytes, or mpint r and s */
	uint8_t flags;       /* sk only */
	uint32_t counter;
};

static bool is_ecdsa(const struct ztj_key *k)
{
	return k->type == ZTJ_KEY_ECDSA || k->type == ZTJ_KEY_SK_ECDSA;
}

static int split_blob(const struct ztj_key *k, struct ztj_view blob, struct sig_parts *out)
{
	struct ztj_view alg;
	struct ztj_rd rd;
	int r;

	memset(out, 0, sizeof(*out));
	ztj_rd_init(&rd, blob);
	if ((r = ztj_rd_string(&rd, 64, &alg)) != ZTJ_OK)
		return r;
	if (!ztj_view_eq_str(alg, ztj_key_type_name(k->type)))
		return ZTJ_SIG_ALG;
	if ((r = ztj_rd_string(&rd, ZTJ_KEY_BLOB_MAX, &out->raw)) != ZTJ_OK)
		return r;
	if (ztj_key_is_sk(k) &&
	    ((r = ztj_rd_u8(&rd, &out->flags)) != ZTJ_OK || (r = ztj_rd_u32(&rd, &out->counter)) != ZTJ_OK))
		return r;
	return ztj_rd_end(&rd);
}

/* What an authenticator signs: SHA256(application) || flags || counter || SHA256(msg). */
static int sk_message(const struct ztj_key *k, const struct sig_parts *sig, struct ztj_view msg,
    uint8_t out[SK_MSG_LEN])
{
	uint8_t *p = out + ZTJ_DIGEST_LEN;
	int r;

	if ((r = ztj_sha256(ztj_view_str(k->application), out)) != ZTJ_OK)
		return r;
	p[0] = sig->flags;
	for (int i = 0; i < 4; i++)
		p[1 + i] = (uint8_t)(sig->counter >> (24 - 8 * i));
	return ztj_sha256(msg, p + 5);
}

/* ---- verify ---- */

/* OpenSSL's three answers: yes, no, could not tell. */
static int verdict(int answer)
{
	if (answer == 1)
		return ZTJ_OK;
	return answer == 0 ? ZTJ_BAD_SIGNATURE : ZTJ_CRYPTO_LIB;
}

static int verify_ed25519(EVP_PKEY *pk, struct ztj_view raw, struct ztj_view msg)
{
	const uint8_t *p = msg.n != 0 ? msg.p : (const uint8_t *)"";
	EVP_MD_CTX *ctx;
	int r = ZTJ_CRYPTO_LIB;

	if (raw.n != 64)
		return ZTJ_BAD_SIGNATURE;
	ctx = EVP_MD_CTX_new();
	if (ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pk) == 1)
		r = verdict(EVP_DigestVerify(ctx, raw.p, raw.n, p, msg.n));
	EVP_MD_CTX_free(ctx);
	return r;
}

/* A positive minimal mpint is the contents of a DER INTEGER, up to the sign byte. */
static size_t put_der_integer(uint8_t *out, struct ztj_view mag)
{
	size_t pad = (mag.p[0] & 0x80) != 0 ? 1 : 0;

	out[0] = 0x02;
	out[1] = (uint8_t)(mag.n + pad);
	out[2] = 0;
	memcpy(out + 2 + pad, mag.p, mag.n);
	return 2 + pad + mag.n;
}

static int ecdsa_to_der(struct ztj_view raw, uint8_t der[DER_SIG_MAX], size_t *len)
{
	struct ztj_view r, s;
	struct ztj_rd rd;
	size_t n = 2;

	ztj_rd_init(&rd, raw);
	if (ztj_rd_mpint(&rd, COORD_LEN, &r) != ZTJ_OK || ztj_rd_mpint(&rd, COORD_LEN, &s) != ZTJ_OK ||
	    ztj_rd_end(&rd) != ZTJ_OK)
		return ZTJ_BAD_SIGNATURE;
	n += put_der_integer(der + n, r);
	n += put_der_integer(der + n, s);
	der[0] = 0x30;
	der[1] = (uint8_t)(n - 2);
	*len = n;
	return ZTJ_OK;
}

static int verify_ecdsa(EVP_PKEY *pk, struct ztj_view raw, struct ztj_view msg)
{
	uint8_t der[DER_SIG_MAX], digest[ZTJ_DIGEST_LEN];
	EVP_PKEY_CTX *ctx;
	size_t len;
	int r;

	if ((r = ecdsa_to_der(raw, der, &len)) != ZTJ_OK || (r = ztj_sha256(msg, digest)) != ZTJ_OK)
		return r;
	r = ZTJ_CRYPTO_LIB;
	ctx = EVP_PKEY_CTX_new(pk, NULL);
	if (ctx != NULL && EVP_PKEY_verify_init(ctx) == 1)
		r = verdict(EVP_PKEY_verify(ctx, der, len, digest, sizeof(digest)));
	EVP_PKEY_CTX_free(ctx);
	return r;
}

static int verify_raw(const struct ztj_key *k, struct ztj_view raw, struct ztj_view msg)
{
	EVP_PKEY *pk;
	int r;

	if ((r = ztj_pkey_new(k, &pk)) != ZTJ_OK)
		return r;
	ERR_set_mark();
	r = is_ecdsa(k) ? verify_ecdsa(pk, raw, msg) : verify_ed25519(pk, raw, msg);
	ERR_pop_to_mark();
	EVP_PKEY_free(pk);
	return r;
}

int ztj_sig_verify(const struct ztj_key *k, struct ztj_view sigblob, struct ztj_view msg,
    struct ztj_sig_info *info)
{
	uint8_t tbs[SK_MSG_LEN];
	struct sig_parts sig;
	int r;

	memset(info, 0, sizeof(*info));
	if (k->type == ZTJ_KEY_NONE)
		return ZTJ_KEY_TYPE;
	if ((r = split_blob(k, sigblob, &sig)) != ZTJ_OK)
		return r;
	if (!ztj_key_is_sk(k))
		return verify_raw(k, sig.raw, msg);
	if ((r = sk_message(k, &sig, msg, tbs)) != ZTJ_OK ||
	    (r = verify_raw(k, sig.raw, ztj_view_of(tbs, sizeof(tbs)))) != ZTJ_OK)
		return r;
	if ((sig.flags & SK_FLAG_UP) == 0)
		return ZTJ_NO_TOUCH;
	*info = (struct ztj_sig_info){ .is_sk = true,
		.user_present = true,
		.user_verified = (sig.flags & SK_FLAG_UV) != 0,
		.counter = sig.counter };
	return ZTJ_OK;
}

/* ---- build ---- */

static int put_coordinate(const BIGNUM *bn, struct ztj_buf *out)
{
	uint8_t be[COORD_LEN];

	if (bn == NULL || BN_is_negative(bn) || BN_is_zero(bn) || BN_num_bytes(bn) > COORD_LEN ||
	    BN_bn2binpad(bn, be, COORD_LEN) != COORD_LEN)
		return ZTJ_BAD_SIGNATURE;
	return ztj_buf_put_mpint(out, be, sizeof(be));
}

static int der_to_ecdsa(struct ztj_view der, struct ztj_buf *out)
{
	const unsigned char *p = der.p;
	ECDSA_SIG *sig;
	int r = ZTJ_BAD_SIGNATURE;

	if (der.n == 0 || der.n > DER_SIG_MAX)
		return ZTJ_BAD_SIGNATURE;
	sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
	if (sig != NULL && p == der.p + der.n && (r = put_coordinate(ECDSA_SIG_get0_r(sig), out)) == ZTJ_OK)
		r = put_coordinate(ECDSA_SIG_get0_s(sig), out);
	ECDSA_SIG_free(sig);
	return r;
}

int ztj_sig_from_assertion(const struct ztj_key *k, struct ztj_view raw, uint8_t flags, uint32_t counter,
    struct ztj_buf *sigblob)
{
	struct ztj_buf ec;
	int r;

	if (!ztj_key_is_sk(k))
		return ZTJ_KEY_TYPE;
	if (!is_ecdsa(k) && raw.n != 64)
		return ZTJ_BAD_SIGNATURE;
	ztj_buf_init(&ec, 2 * (4 + COORD_LEN + 1));
	ERR_set_mark();
	r = is_ecdsa(k) ? der_to_ecdsa(raw, &ec) : ztj_buf_put(&ec, raw.p, raw.n);
	ERR_pop_to_mark();
	if (r == ZTJ_OK) {
		(void)ztj_buf_put_cstring(sigblob, ztj_key_type_name(k->type));
		(void)ztj_buf_put_view(sigblob, ztj_buf_view(&ec));
		(void)ztj_buf_put_u8(sigblob, flags);
		r = ztj_buf_put_u32(sigblob, counter);
	}
	ztj_buf_free(&ec);
	return r;
}
