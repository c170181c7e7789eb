/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Enrolment and signatures through an OpenSSH security-key middleware.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>

#include "libztjit/fido/provider.h"
#include "libztjit/fido/ways.h"

/* One call into the middleware, made again with a PIN when it wants one. */
struct call {
	const struct ztj_fido *f;
	struct ztj_provider lib;
	int (*make)(struct call *c, const char *pin); /* returns SSH_SK_ERR_* */
	const void *in;
	void *out;
};

static int map_error(int sk_err, bool with_pin)
{
	switch (sk_err) {
	case 0:
		return ZTJ_OK;
	case SSH_SK_ERR_UNSUPPORTED:
		return ZTJ_KEY_TYPE;
	case SSH_SK_ERR_PIN_REQUIRED:
		return with_pin ? ZTJ_PIN_WRONG : ZTJ_PIN_REQUIRED;
	case SSH_SK_ERR_DEVICE_NOT_FOUND:
		return ZTJ_DEVICE;
	case SSH_SK_ERR_CREDENTIAL_EXISTS:
		return ZTJ_EXISTS;
	default: /* the interface tells nothing more precise */
		return ZTJ_DEVICE_REFUSED;
	}
}

static int call_once(struct call *c, const char *pin)
{
	int e;

	ztj_fido_touch(c->f, true);
	e = c->make(c, pin);
	ztj_fido_touch(c->f, false);
	return map_error(e, pin != NULL);
}

static int call_with_pin(struct call *c)
{
	struct ztj_pin_ask ask = { false, -1 };
	char pin[ZTJ_FIDO_PIN_SIZE];
	int r = ZTJ_INTERNAL;

	for (int i = 0; i < ZTJ_PIN_TRIES; i++) {
		if ((r = ztj_fido_ask_pin(c->f, &ask, pin)) == ZTJ_OK)
			r = call_once(c, pin);
		else if (r != ZTJ_PIN_WRONG || ask.wrong)
			break;
		ztj_wipe(pin, sizeof(pin));
		if (r != ZTJ_PIN_WRONG)
			break;
		ask.wrong = true;
	}
	ztj_wipe(pin, sizeof(pin));
	return r;
}

static int call_run(struct call *c)
{
	int r;

	if ((r = ztj_provider_open(&c->lib, c->f->provider, c->f->owner)) != ZTJ_OK)
		return r;
	if ((r = call_once(c, NULL)) == ZTJ_PIN_REQUIRED)
		r = call_with_pin(c);
	return r;
}

static uint32_t sk_alg(enum ztj_key_type type)
{
	return type == ZTJ_KEY_SK_ECDSA ? SSH_SK_ECDSA : SSH_SK_ED25519;
}

/* --- signing --- */

static int make_sign(struct call *c, const char *pin)
{
	const struct ztj_way_sign *s = c->in;
	uint8_t flags = SSH_SK_USER_PRESENCE_REQD;

	if (s->uv)
		flags |= SSH_SK_USER_VERIFICATION_REQD;
	return c->lib.sign(sk_alg(s->key->type), s->data.p, s->data.n, s->key->application,
	    s->keyfile->handle, s->keyfile->handle_len, flags, pin, NULL, c->out);
}

static void free_sign_response(struct sk_sign_response *resp)
{
	if (resp == NULL)
		return;
	free(resp->sig_r);
	free(resp->sig_s);
	free(resp);
}

/* r and s as the DER that ztj_sig_from_assertion() takes. */
static int ecdsa_der(const struct sk_sign_response *resp, unsigned char **der, size_t *n)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = NULL, *s = NULL;
	int len = -1;

	*der = NULL;
	*n = 0;
	if (resp->sig_r_len > 33 || resp->sig_s_len > 33 || resp->sig_s == NULL) {
		ECDSA_SIG_free(sig);
		return ZTJ_PROTOCOL;
	}
	r = BN_bin2bn(resp->sig_r, (int)resp->sig_r_len, NULL);
	s = BN_bin2bn(resp->sig_s, (int)resp->sig_s_len, NULL);
	if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL; /* now the signature's */
		len = i2d_ECDSA_SIG(sig, der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	if (len <= 0)
		return ZTJ_CRYPTO_LIB;
	*n = (size_t)len;
	return ZTJ_OK;
}

static int take_signature(const struct ztj_key *key, const struct sk_sign_response *resp,
    struct ztj_buf *sigblob)
{
	struct ztj_view raw;
	unsigned char *der = NULL;
	size_t n = 0;
	int r = ZTJ_OK;

	if (resp == NULL || resp->sig_r == NULL)
		return ZTJ_PROTOCOL;
	raw = ztj_view_of(resp->sig_r, resp->sig_r_len);
	if (key->type == ZTJ_KEY_SK_ECDSA) {
		if ((r = ecdsa_der(resp, &der, &n)) != ZTJ_OK)
			return r;
		raw = ztj_view_of(der, n);
	}
	r = ztj_sig_from_assertion(key, raw, resp->flags, resp->counter, sigblob);
	OPENSSL_free(der);
	return r;
}

int ztj_middleware_sign(const struct ztj_fido *f, const struct ztj_way_sign *s, struct ztj_buf *sigblob)
{
	struct sk_sign_response *resp = NULL;
	struct call c = { f, { NULL, NULL, NULL }, make_sign, s, &resp };
	int r;

	if (s->keyfile == NULL || s->keyfile->handle_len == 0)
		return ZTJ_DEVICE;
	if ((r = call_run(&c)) == ZTJ_OK)
		r = take_signature(s->key, resp, sigblob);
	free_sign_response(resp);
	ztj_provider_close(&c.lib);
	return r;
}

/* --- enrolment --- */

struct enrolling {
	const struct ztj_enrol_ask *ask;
	enum ztj_key_type type;
};

static int make_enrol(struct call *c, const char *pin)
{
	const struct enrolling *en = c->in;
	uint8_t flags = SSH_SK_USER_PRESENCE_REQD;

	if (en->ask->verify_required)
		flags |= SSH_SK_USER_VERIFICATION_REQD;
	return c->lib.enroll(sk_alg(en->type), en->ask->challenge.p, en->ask->challenge.n,
	    en->ask->application, flags, pin, NULL, c->out);
}

static void free_enroll_response(struct sk_enroll_response *resp)
{
	if (resp == NULL)
		return;
	free(resp->public_key);
	free(resp->key_handle);
	free(resp->signature);
	free(resp->attestation_cert);
	free(resp->authdata);
	free(resp);
}

static int take_enrolment(const struct enrolling *en, const struct sk_enroll_response *resp,
    struct ztj_enrolled *out)
{
	struct ztj_attestation *a = &out->attestation;
	struct ztj_keyfile *kf = &out->keyfile;
	int r;

	if (resp == NULL)
		return ZTJ_PROTOCOL;
	if ((r = ztj_fido_key(&kf->pub, en->type, ztj_view_of(resp->public_key, resp->public_key_len),
		 en->ask->application)) != ZTJ_OK ||
	    (r = ztj_fido_store(kf->handle, sizeof(kf->handle), &kf->handle_len, resp->key_handle,
		 resp->key_handle_len)) != ZTJ_OK)
		return r;
	if (resp->signature_len == 0 || resp->authdata_len == 0)
		return ZTJ_OK; /* a middleware need not attest */
	if ((r = ztj_fido_store(a->cert, sizeof(a->cert), &a->cert_len, resp->attestation_cert,
		 resp->attestation_cert_len)) != ZTJ_OK ||
	    (r = ztj_fido_store(a->sig, sizeof(a->sig), &a->sig_len, resp->signature, resp->signature_len)) !=
		ZTJ_OK ||
	    (r = ztj_fido_store(a->authdata, sizeof(a->authdata), &a->authdata_len, resp->authdata,
		 resp->authdata_len)) != ZTJ_OK)
		return r;
	return ZTJ_OK;
}

int ztj_middleware_enrol(const struct ztj_fido *f, const struct ztj_enrol_ask *ask, struct ztj_enrolled *out)
{
	struct sk_enroll_response *resp = NULL;
	struct enrolling en = { ask, ask->type == ZTJ_KEY_NONE ? ZTJ_KEY_SK_ED25519 : ask->type };
	struct call c = { f, { NULL, NULL, NULL }, make_enrol, &en, &resp };
	int r;

	r = call_run(&c);
	if (r == ZTJ_KEY_TYPE && ask->type == ZTJ_KEY_NONE) {
		ztj_provider_close(&c.lib);
		en.type = ZTJ_KEY_SK_ECDSA;
		r = call_run(&c);
	}
	if (r == ZTJ_OK)
		r = take_enrolment(&en, resp, out);
	free_enroll_response(resp);
	ztj_provider_close(&c.lib);
	return r;
}
