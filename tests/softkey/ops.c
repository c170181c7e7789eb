/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The two operations, common to both faces of the software authenticator.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>

#include "tests/softkey/softkey.h"

struct bytes {
	uint8_t *p;
	size_t n, size;
};

static void put(struct bytes *b, const void *p, size_t n)
{
	if (n <= b->size - b->n) {
		memcpy(b->p + b->n, p, n);
		b->n += n;
	} else {
		b->n = b->size; /* full: the caller sees it by the size */
	}
}

static void put_header(struct bytes *b, const char *rp, uint8_t flags, uint32_t counter)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	const uint8_t tail[5] = { flags, (uint8_t)(counter >> 24), (uint8_t)(counter >> 16),
		(uint8_t)(counter >> 8), (uint8_t)counter };

	SHA256((const uint8_t *)rp, strlen(rp), hash);
	put(b, hash, sizeof(hash));
	put(b, tail, sizeof(tail));
}

/* COSE_Key in CBOR: {1: kty, 3: alg, -1: crv, -2: x[, -3: y]} */
static void put_cose_key(struct bytes *b, const struct softkey_cred *c)
{
	static const uint8_t ed[] = { 0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20 };
	static const uint8_t ec[] = { 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20 };
	static const uint8_t y[] = { 0x22, 0x58, 0x20 };

	if (c->alg == COSE_EDDSA) {
		put(b, ed, sizeof(ed));
		put(b, c->pub, 32);
	} else {
		put(b, ec, sizeof(ec));
		put(b, c->pub + 1, 32);
		put(b, y, sizeof(y));
		put(b, c->pub + 33, 32);
	}
}

static void put_attested(struct bytes *b, const struct softkey *k, const struct softkey_cred *c)
{
	static const uint8_t handle_len[2] = { 0, SOFTKEY_HANDLE_LEN };
	static const uint8_t ext[] = { 0xa1, 0x6b, 'c', 'r', 'e', 'd', 'P', 'r', 'o', 't', 'e', 'c', 't' };
	const uint8_t prot = (uint8_t)c->prot;

	put(b, k->aaguid, sizeof(k->aaguid));
	put(b, handle_len, sizeof(handle_len));
	put(b, c->handle, sizeof(c->handle));
	put_cose_key(b, c);
	if (c->prot != 0) {
		put(b, ext, sizeof(ext));
		put(b, &prot, 1);
	}
}

static int count_up(struct softkey *k, void *arg)
{
	struct softkey *now = arg;

	k->counter += k->counter_step;
	*now = *k;
	return 0;
}

/* --- make --- */

struct keep {
	const struct softkey_make *m;
	const struct softkey_cred *c;
};

static int keep_resident(struct softkey *k, void *arg)
{
	const struct keep *kp = arg;
	struct softkey_resident *r = &k->resident[k->n_resident];

	if (k->n_resident == SOFTKEY_RESIDENT_MAX || kp->m->user_id_len > sizeof(r->user_id) ||
	    strlen(kp->m->rp) >= sizeof(r->rp))
		return FIDO_ERR_KEY_STORE_FULL;
	memset(r, 0, sizeof(*r));
	memcpy(r->rp, kp->m->rp, strlen(kp->m->rp) + 1);
	memcpy(r->handle, kp->c->handle, sizeof(r->handle));
	memcpy(r->user_id, kp->m->user_id, kp->m->user_id_len);
	r->user_id_len = kp->m->user_id_len;
	k->n_resident++;
	return 0;
}

static int attest(const struct softkey *k, const struct softkey_make *m, struct softkey_made *out)
{
	uint8_t tbs[SOFTKEY_AUTHDATA_MAX + 32];

	if (k->attest == SOFTKEY_ATTEST_NONE)
		return FIDO_OK;
	memcpy(tbs, out->authdata, out->authdata_len);
	memcpy(tbs + out->authdata_len, m->cdh, 32);
	out->with_cert = k->attest == SOFTKEY_ATTEST_BASIC;
	return (out->with_cert ? softkey_attest_sign(k, tbs, out->authdata_len + 32, out->sig, &out->sig_len)
			       : softkey_cred_sign(&out->cred, tbs, out->authdata_len + 32, out->sig,
				     &out->sig_len)) == 0
	    ? FIDO_OK
	    : FIDO_ERR_ERR_OTHER;
}

int softkey_op_make(const struct softkey_wait *w, const struct softkey_make *m, struct softkey_made *out)
{
	struct bytes b = { out->authdata, 0, sizeof(out->authdata) };
	struct keep kp = { m, &out->cred };
	struct softkey k;
	char what[SOFTKEY_RP_SIZE + 8];
	uint8_t flags = CTAP_AUTHDATA_USER_PRESENT | CTAP_AUTHDATA_ATT_CRED;
	int r;

	memset(out, 0, sizeof(*out));
	(void)snprintf(what, sizeof(what), "make %s", m->rp);
	if ((r = softkey_touch(w, what)) != FIDO_OK)
		return r;
	if (softkey_update(w->name, count_up, &k) != 0 ||
	    softkey_cred_make(&k, m->alg, m->rp, m->prot, &out->cred) != 0)
		return FIDO_ERR_ERR_OTHER;
	if (m->resident && (r = softkey_update(w->name, keep_resident, &kp)) != 0)
		return r > 0 ? r : FIDO_ERR_ERR_OTHER;
	if (m->verified)
		flags |= CTAP_AUTHDATA_USER_VERIFIED;
	if (m->prot != 0)
		flags |= CTAP_AUTHDATA_EXT_DATA;
	put_header(&b, m->rp, flags, k.counter);
	put_attested(&b, &k, &out->cred);
	if (b.n == b.size)
		return FIDO_ERR_LIMIT_EXCEEDED;
	out->authdata_len = b.n;
	return attest(&k, m, out);
}

/* --- get --- */

int softkey_op_get(const struct softkey_wait *w, const struct softkey_get *g, struct softkey_got *out)
{
	struct bytes b = { out->authdata, 0, sizeof(out->authdata) };
	uint8_t tbs[SOFTKEY_AUTHDATA_MAX + 32];
	struct softkey k;
	char what[SOFTKEY_RP_SIZE + 8];
	int r;

	memset(out, 0, sizeof(*out));
	if (g->present) {
		(void)snprintf(what, sizeof(what), "sign %s", g->rp);
		if ((r = softkey_touch(w, what)) != FIDO_OK)
			return r;
		if (softkey_update(w->name, count_up, &k) != 0)
			return FIDO_ERR_ERR_OTHER;
		out->flags |= CTAP_AUTHDATA_USER_PRESENT;
	} else if (softkey_load(w->name, &k) != 0) {
		return FIDO_ERR_ERR_OTHER;
	}
	if (g->verified)
		out->flags |= CTAP_AUTHDATA_USER_VERIFIED;
	out->counter = k.counter;
	put_header(&b, g->rp, out->flags, out->counter);
	out->authdata_len = b.n;
	memcpy(tbs, out->authdata, b.n);
	memcpy(tbs + b.n, g->cdh, 32);
	return softkey_cred_sign(g->cred, tbs, b.n + 32, out->sig, &out->sig_len) == 0 ? FIDO_OK
										       : FIDO_ERR_ERR_OTHER;
}
