/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * libsoftkey-sk.so: the software authenticator as an OpenSSH security-key
 * middleware (sk-api 0x000a0000) for ssh, ssh-keygen, ssh-agent and ztjit.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/sha.h>

#include "libztjit/fido/skapi.h"
#include "tests/softkey/softkey.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT sk_api_version_fn sk_api_version;
EXPORT sk_enroll_fn sk_enroll;
EXPORT sk_sign_fn sk_sign;
EXPORT sk_load_resident_keys_fn sk_load_resident_keys;

EXPORT uint32_t sk_api_version(void)
{
	return SSH_SK_VERSION_MAJOR;
}

static int map_status(int status)
{
	switch (status) {
	case FIDO_OK:
		return 0;
	case FIDO_ERR_UNSUPPORTED_ALGORITHM:
	case FIDO_ERR_UNSUPPORTED_OPTION:
		return SSH_SK_ERR_UNSUPPORTED;
	case FIDO_ERR_PIN_REQUIRED:
	case FIDO_ERR_PIN_INVALID:
		return SSH_SK_ERR_PIN_REQUIRED;
	case SOFTKEY_GONE:
	case FIDO_ERR_NO_CREDENTIALS:
		return SSH_SK_ERR_DEVICE_NOT_FOUND;
	default:
		return SSH_SK_ERR_GENERAL;
	}
}

static uint8_t *copy(const void *p, size_t n, size_t *len)
{
	uint8_t *out = malloc(n > 0 ? n : 1);

	*len = 0;
	if (out != NULL && n > 0) {
		memcpy(out, p, n);
		*len = n;
	}
	return out;
}

/* --- which key --- */

struct names {
	char name[SOFTKEY_KEYS_MAX][SOFTKEY_NAME_SIZE];
	size_t n;
};

/* The plugged keys, or the one that option "device" names ("softkey:NAME"). */
static int find_keys(struct sk_option **options, struct names *out)
{
	const char *device = NULL;

	for (size_t i = 0; options != NULL && options[i] != NULL; i++) {
		if (strcmp(options[i]->name, "device") == 0)
			device = options[i]->value;
		else if (strcmp(options[i]->name, "user") != 0 && options[i]->required != 0)
			return SSH_SK_ERR_UNSUPPORTED;
	}
	out->n = softkey_list(out->name, true);
	if (device == NULL)
		return out->n > 0 ? 0 : SSH_SK_ERR_DEVICE_NOT_FOUND;
	if (strncmp(device, "softkey:", 8) == 0)
		device += 8;
	for (size_t i = 0; i < out->n; i++) {
		if (strcmp(out->name[i], device) == 0) {
			memmove(out->name[0], out->name[i], SOFTKEY_NAME_SIZE);
			out->n = 1;
			return 0;
		}
	}
	return SSH_SK_ERR_DEVICE_NOT_FOUND;
}

/* By PIN if there is one, else built-in if wanted. */
static int verify_user(const struct softkey *k, const char *pin, bool wanted, bool *verified)
{
	uint8_t hash[16];
	int r;

	*verified = false;
	if (pin != NULL) {
		softkey_pin_hash(pin, hash);
		r = softkey_pin_check(k->name, hash);
		OPENSSL_cleanse(hash, sizeof(hash));
	} else if (wanted) {
		r = k->uv == SOFTKEY_UV_OFF ? FIDO_ERR_PIN_REQUIRED : softkey_uv_check(k->name);
		if ((r == FIDO_ERR_UV_INVALID || r == FIDO_ERR_UV_BLOCKED) && k->has_pin)
			r = FIDO_ERR_PIN_REQUIRED;
	} else {
		return FIDO_OK;
	}
	*verified = r == FIDO_OK;
	return r;
}

static struct softkey_wait new_wait(const char *name)
{
	softkey_touch_clear(name);
	return (struct softkey_wait){ name, softkey_now(), -1 };
}

/* --- enrol --- */

/* The authenticator data as CBOR byte string, as libfido2 hands it out. */
static uint8_t *cbor_bytes(const uint8_t *p, size_t n, size_t *len)
{
	uint8_t buf[SOFTKEY_AUTHDATA_MAX + 3] = { 0x59, (uint8_t)(n >> 8), (uint8_t)n };

	if (n < 256) {
		buf[0] = 0x58;
		buf[1] = (uint8_t)n;
		memcpy(buf + 2, p, n);
		return copy(buf, n + 2, len);
	}
	memcpy(buf + 3, p, n);
	return copy(buf, n + 3, len);
}

static void free_enroll(struct sk_enroll_response *r)
{
	free(r->public_key);
	free(r->key_handle);
	free(r->signature);
	free(r->attestation_cert);
	free(r->authdata);
}

static int fill_enroll(const struct softkey *k, const struct softkey_made *m, uint8_t flags,
    struct sk_enroll_response *r)
{
	memset(r, 0, sizeof(*r));
	r->flags = flags;
	r->public_key = copy(m->cred.pub, m->cred.pub_len, &r->public_key_len);
	r->key_handle = copy(m->cred.handle, sizeof(m->cred.handle), &r->key_handle_len);
	r->signature = copy(m->sig, m->sig_len, &r->signature_len);
	r->attestation_cert = copy(k->att_cert, m->with_cert ? k->att_cert_len : 0, &r->attestation_cert_len);
	r->authdata = cbor_bytes(m->authdata, m->authdata_len, &r->authdata_len);
	if (r->public_key == NULL || r->key_handle == NULL || r->signature == NULL ||
	    r->attestation_cert == NULL || r->authdata == NULL) {
		free_enroll(r);
		return SSH_SK_ERR_GENERAL;
	}
	return 0;
}

static int do_enroll(const struct softkey *k, struct softkey_make *m, const char *pin, bool uv,
    struct softkey_made *made)
{
	struct softkey_wait w = new_wait(k->name);
	int r;

	if (m->alg == COSE_EDDSA && !k->ed25519)
		return FIDO_ERR_UNSUPPORTED_ALGORITHM;
	if ((r = verify_user(k, pin, uv || k->has_pin, &m->verified)) != FIDO_OK)
		return r;
	return softkey_op_make(&w, m, made);
}

EXPORT int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application,
    uint8_t flags, const char *pin, struct sk_option **options, struct sk_enroll_response **response)
{
	static const uint8_t user_id[32];
	const bool uv = (flags & SSH_SK_USER_VERIFICATION_REQD) != 0;
	uint8_t cdh[SHA256_DIGEST_LENGTH];
	struct softkey_make m = { .rp = application,
		.cdh = cdh,
		.user_id = user_id,
		.user_id_len = sizeof(user_id) };
	struct softkey_made made;
	struct names names;
	struct softkey k;
	int r;

	*response = NULL;
	if (alg != SSH_SK_ECDSA && alg != SSH_SK_ED25519)
		return SSH_SK_ERR_UNSUPPORTED;
	if ((r = find_keys(options, &names)) != 0)
		return r;
	if (names.n != 1 || softkey_load(names.name[0], &k) != 0)
		return SSH_SK_ERR_GENERAL; /* which of several is not for us to guess */
	SHA256(challenge, challenge_len, cdh);
	m.alg = alg == SSH_SK_ECDSA ? COSE_ES256 : COSE_EDDSA;
	m.resident = (flags & SSH_SK_RESIDENT_KEY) != 0;
	m.prot = uv ? FIDO_CRED_PROT_UV_REQUIRED : m.resident ? FIDO_CRED_PROT_UV_OPTIONAL_WITH_ID : 0;
	if ((r = do_enroll(&k, &m, pin, uv, &made)) != FIDO_OK)
		return map_status(r);
	if ((*response = calloc(1, sizeof(**response))) == NULL)
		return SSH_SK_ERR_GENERAL;
	if ((r = fill_enroll(&k, &made, flags, *response)) != 0) {
		free(*response);
		*response = NULL;
	}
	return r;
}

/* --- sign --- */

static int fill_sign(const struct softkey_cred *c, const struct softkey_got *got, struct sk_sign_response *r)
{
	const unsigned char *p = got->sig;
	ECDSA_SIG *sig;
	uint8_t rs[64];
	int ok;

	r->flags = got->flags;
	r->counter = got->counter;
	if (c->alg == COSE_EDDSA) {
		r->sig_r = copy(got->sig, got->sig_len, &r->sig_r_len);
		return r->sig_r != NULL ? 0 : -1;
	}
	if ((sig = d2i_ECDSA_SIG(NULL, &p, (long)got->sig_len)) == NULL)
		return -1;
	ok = BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs, 32) == 32 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + 32, 32) == 32;
	ECDSA_SIG_free(sig);
	if (!ok)
		return -1;
	r->sig_r = copy(rs, 32, &r->sig_r_len);
	r->sig_s = copy(rs + 32, 32, &r->sig_s_len);
	return r->sig_r != NULL && r->sig_s != NULL ? 0 : -1;
}

/* The plugged key that made this handle. */
static int find_owner(const struct names *names, const char *application, const uint8_t *handle, size_t n,
    struct softkey *k, struct softkey_cred *c)
{
	for (size_t i = 0; i < names->n; i++)
		if (softkey_load(names->name[i], k) == 0 && softkey_cred_open(k, application, handle, n, c))
			return 0;
	return SSH_SK_ERR_DEVICE_NOT_FOUND;
}

EXPORT int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application,
    const uint8_t *key_handle, size_t key_handle_len, uint8_t flags, const char *pin,
    struct sk_option **options, struct sk_sign_response **response)
{
	const bool uv = (flags & SSH_SK_USER_VERIFICATION_REQD) != 0;
	uint8_t cdh[SHA256_DIGEST_LENGTH];
	struct names names;
	struct softkey k;
	struct softkey_cred c;
	struct softkey_get g = { .cred = &c, .rp = application, .cdh = cdh };
	struct softkey_got got;
	struct softkey_wait w;
	int r;

	*response = NULL;
	if ((r = find_keys(options, &names)) != 0 ||
	    (r = find_owner(&names, application, key_handle, key_handle_len, &k, &c)) != 0)
		return r;
	if (c.alg != (alg == SSH_SK_ECDSA ? COSE_ES256 : COSE_EDDSA))
		return SSH_SK_ERR_UNSUPPORTED;
	if ((r = verify_user(&k, pin, uv || c.prot == FIDO_CRED_PROT_UV_REQUIRED, &g.verified)) != FIDO_OK)
		return map_status(r);
	SHA256(data, data_len, cdh);
	g.present = (flags & SSH_SK_USER_PRESENCE_REQD) != 0;
	w = new_wait(k.name);
	if ((r = softkey_op_get(&w, &g, &got)) != FIDO_OK)
		return map_status(r);
	if ((*response = calloc(1, sizeof(**response))) == NULL)
		return SSH_SK_ERR_GENERAL;
	if (fill_sign(&c, &got, *response) != 0) {
		free((*response)->sig_r);
		free((*response)->sig_s);
		free(*response);
		*response = NULL;
		return SSH_SK_ERR_GENERAL;
	}
	return 0;
}

/* --- resident keys --- */

static struct sk_resident_key *new_resident(const struct softkey *k, const struct softkey_resident *res,
    size_t slot)
{
	struct sk_resident_key *rk = calloc(1, sizeof(*rk));
	struct softkey_made made = { 0 };
	bool ok;

	if (rk == NULL)
		return NULL;
	ok = softkey_cred_open(k, res->rp, res->handle, SOFTKEY_HANDLE_LEN, &made.cred) &&
	    fill_enroll(k, &made, 0, &rk->key) == 0;
	if (ok) {
		rk->alg = made.cred.alg == COSE_EDDSA ? SSH_SK_ED25519 : SSH_SK_ECDSA;
		rk->slot = slot;
		rk->flags = SSH_SK_USER_PRESENCE_REQD | SSH_SK_RESIDENT_KEY;
		if (made.cred.prot == FIDO_CRED_PROT_UV_REQUIRED)
			rk->flags |= SSH_SK_USER_VERIFICATION_REQD;
		rk->application = strdup(res->rp);
		rk->user_id = copy(res->user_id, res->user_id_len, &rk->user_id_len);
		if (rk->application != NULL && rk->user_id != NULL)
			return rk;
		free_enroll(&rk->key);
	}
	free(rk->application);
	free(rk->user_id);
	free(rk);
	return NULL;
}

EXPORT int sk_load_resident_keys(const char *pin, struct sk_option **options, struct sk_resident_key ***keys,
    size_t *n)
{
	struct names names;
	struct softkey k;
	bool verified;
	int r;

	*keys = NULL;
	*n = 0;
	if ((r = find_keys(options, &names)) != 0)
		return r;
	if (names.n != 1 || softkey_load(names.name[0], &k) != 0)
		return SSH_SK_ERR_GENERAL;
	if ((r = verify_user(&k, pin, true, &verified)) != FIDO_OK)
		return map_status(r);
	if ((*keys = calloc(SOFTKEY_RESIDENT_MAX, sizeof(struct sk_resident_key *))) == NULL)
		return SSH_SK_ERR_GENERAL;
	for (size_t i = 0; i < k.n_resident; i++)
		if (((*keys)[*n] = new_resident(&k, &k.resident[i], i)) != NULL)
			(*n)++;
	return 0;
}
