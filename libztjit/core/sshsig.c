/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSHSIG (PROTOCOL.sshsig): make, take apart, verify. */
#include <string.h>

#include <openssl/evp.h>

#include "libztjit/core/armor.h"
#include "libztjit/core/sshsig.h"

#define MAGIC "SSHSIG"
#define HASH_NAME "sha512"
#define HASH_LEN 64
#define LABEL "SSH SIGNATURE"
#define NAMESPACE_MAX 255
#define TBS_MAX (sizeof(MAGIC) - 1 + 4 + NAMESPACE_MAX + 4 + 4 + sizeof(HASH_NAME) + 4 + HASH_LEN)

struct parts {
	struct ztj_key key;
	struct ztj_view key_blob, ns, hash, signature;
};

int ztj_sshsig_tbs(const char *ns, struct ztj_view msg, struct ztj_buf *out)
{
	uint8_t hash[HASH_LEN];
	unsigned len = 0;

	if (ns[0] == '\0' || strlen(ns) > NAMESPACE_MAX)
		return ZTJ_SIG_NAMESPACE;
	if (EVP_Digest(msg.n != 0 ? (const void *)msg.p : "", msg.n, hash, &len, EVP_sha512(), NULL) != 1 ||
	    len != HASH_LEN)
		return ZTJ_CRYPTO_LIB;
	(void)ztj_buf_puts(out, MAGIC);
	(void)ztj_buf_put_cstring(out, ns);
	(void)ztj_buf_put_cstring(out, "");
	(void)ztj_buf_put_cstring(out, HASH_NAME);
	return ztj_buf_put_string(out, hash, sizeof(hash));
}

int ztj_sshsig_wrap(const struct ztj_key *k, const char *ns, struct ztj_view sigblob, struct ztj_buf *out)
{
	struct ztj_buf key;
	int r;

	if (ns[0] == '\0' || strlen(ns) > NAMESPACE_MAX)
		return ZTJ_SIG_NAMESPACE;
	ztj_buf_init(&key, ZTJ_KEY_BLOB_MAX);
	if ((r = ztj_key_to_blob(k, &key)) == ZTJ_OK) {
		(void)ztj_buf_puts(out, MAGIC);
		(void)ztj_buf_put_u32(out, 1);
		(void)ztj_buf_put_view(out, ztj_buf_view(&key));
		(void)ztj_buf_put_cstring(out, ns);
		(void)ztj_buf_put_cstring(out, "");
		(void)ztj_buf_put_cstring(out, HASH_NAME);
		r = ztj_buf_put_view(out, sigblob);
	}
	ztj_buf_free(&key);
	return r;
}

static int read_preamble(struct ztj_rd *rd)
{
	struct ztj_view magic;
	uint32_t version;
	int r;

	if ((r = ztj_rd_bytes(rd, strlen(MAGIC), &magic)) != ZTJ_OK)
		return r;
	if (!ztj_view_eq_str(magic, MAGIC))
		return ZTJ_BAD_ENCODING;
	if ((r = ztj_rd_u32(rd, &version)) != ZTJ_OK)
		return r;
	return version == 1 ? ZTJ_OK : ZTJ_VERSION;
}

/* All but the key. */
static int split_outer(struct ztj_view blob, struct parts *out)
{
	struct ztj_view reserved;
	struct ztj_rd rd;
	int r;

	memset(out, 0, sizeof(*out));
	if (blob.n > ZTJ_SSHSIG_MAX)
		return ZTJ_TOO_LARGE;
	ztj_rd_init(&rd, blob);
	if ((r = read_preamble(&rd)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, ZTJ_KEY_BLOB_MAX, &out->key_blob)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, NAMESPACE_MAX, &out->ns)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, ZTJ_SSHSIG_MAX, &reserved)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, ZTJ_SSHSIG_MAX, &out->hash)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, ZTJ_SSHSIG_MAX, &out->signature)) != ZTJ_OK ||
	    (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	if (reserved.n != 0)
		return ZTJ_BAD_ENCODING;
	return ztj_view_eq_str(out->hash, HASH_NAME) ? ZTJ_OK : ZTJ_SIG_ALG;
}

static int split(struct ztj_view blob, struct parts *out)
{
	int r = split_outer(blob, out);

	if (r != ZTJ_OK || (r = ztj_key_from_blob(&out->key, out->key_blob)) != ZTJ_OK)
		return r;
	return out->key.type == ZTJ_KEY_ECDSA ? ZTJ_KEY_TYPE : ZTJ_OK;
}

int ztj_sshsig_verify(struct ztj_view blob, const char *ns, struct ztj_view msg, struct ztj_signer *who)
{
	struct parts sig;
	struct ztj_sig_info info;
	struct ztj_buf tbs;
	int r;

	memset(who, 0, sizeof(*who));
	if ((r = split(blob, &sig)) != ZTJ_OK)
		return r;
	if (!ztj_view_eq_str(sig.ns, ns))
		return ZTJ_SIG_NAMESPACE;
	ztj_buf_init(&tbs, TBS_MAX);
	if ((r = ztj_sshsig_tbs(ns, msg, &tbs)) == ZTJ_OK)
		r = ztj_sig_verify(&sig.key, sig.signature, ztj_buf_view(&tbs), &info);
	if (r == ZTJ_OK)
		*who = (struct ztj_signer){ .key = sig.key, .info = info };
	ztj_buf_free(&tbs);
	return r;
}

int ztj_sshsig_peek(struct ztj_view blob, struct ztj_key *k)
{
	struct parts sig;
	int r = split(blob, &sig);

	memset(k, 0, sizeof(*k));
	if (r == ZTJ_OK)
		*k = sig.key;
	return r;
}

int ztj_sshsig_namespace(struct ztj_view blob, struct ztj_view *ns)
{
	struct parts sig;
	int r = split_outer(blob, &sig);

	*ns = r == ZTJ_OK ? sig.ns : ztj_view_of(NULL, 0);
	return r;
}

int ztj_sshsig_armor(struct ztj_view blob, struct ztj_buf *text)
{
	return ztj_armor_put(LABEL, blob, text);
}

int ztj_sshsig_dearmor(struct ztj_view text, struct ztj_buf *blob)
{
	return ztj_armor_get(LABEL, text, ZTJ_SSHSIG_MAX, blob);
}

int ztj_sshsig_sign(const struct ztj_seckey *sk, const char *ns, struct ztj_view msg, struct ztj_buf *blob)
{
	struct ztj_buf tbs, sig;
	int r;

	ztj_buf_init(&tbs, TBS_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	if ((r = ztj_sshsig_tbs(ns, msg, &tbs)) == ZTJ_OK &&
	    (r = ztj_seckey_sign(sk, ztj_buf_view(&tbs), &sig)) == ZTJ_OK)
		r = ztj_sshsig_wrap(&sk->pub, ns, ztj_buf_view(&sig), blob);
	ztj_buf_free(&tbs);
	ztj_buf_free(&sig);
	return r;
}
