/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A new credential through libfido2 (CTAP2 authenticatorMakeCredential).
 */
#include "libztjit/fido/device.h"

struct enrolling {
	const struct ztj_enrol_ask *ask;
	enum ztj_key_type type;
	fido_cred_t *cred;
};

static int fill_credential(const struct enrolling *en, bool builtin_uv, bool protect)
{
	const struct ztj_enrol_ask *ask = en->ask;
	const char *user = ask->user != NULL ? ask->user : "ztjit";
	static const uint8_t user_id[32]; /* not discoverable: nobody looks the user up by it */
	int e;

	if ((e = fido_cred_set_type(en->cred, en->type == ZTJ_KEY_SK_ED25519 ? COSE_EDDSA : COSE_ES256)) !=
		FIDO_OK ||
	    (e = fido_cred_set_clientdata(en->cred, ask->challenge.p, ask->challenge.n)) != FIDO_OK ||
	    (e = fido_cred_set_rp(en->cred, ask->application, NULL)) != FIDO_OK ||
	    (e = fido_cred_set_user(en->cred, user_id, sizeof(user_id), user, user, NULL)) != FIDO_OK ||
	    (e = fido_cred_set_rk(en->cred, FIDO_OPT_OMIT)) != FIDO_OK ||
	    (e = fido_cred_set_uv(en->cred, builtin_uv ? FIDO_OPT_TRUE : FIDO_OPT_OMIT)) != FIDO_OK)
		return e;
	if (protect)
		return fido_cred_set_prot(en->cred, FIDO_CRED_PROT_UV_REQUIRED);
	return FIDO_OK;
}

static int attempt_enrol(const struct ztj_device_op *op, const char *pin)
{
	struct enrolling *en = op->arg;
	int e;

	fido_cred_free(&en->cred);
	if ((en->cred = fido_cred_new()) == NULL)
		return FIDO_ERR_INTERNAL;
	if ((e = fill_credential(en, op->mode == ZTJ_UV_BUILTIN,
		 en->ask->verify_required && fido_dev_supports_cred_prot(op->dev))) != FIDO_OK)
		return e;
	return fido_dev_make_cred(op->dev, en->cred, pin);
}

/* Whether the device says that it cannot do Ed25519; one that says nothing is tried. */
static bool lacks_ed25519(fido_dev_t *dev)
{
	fido_cbor_info_t *info = fido_cbor_info_new();
	bool lacks = !fido_dev_is_fido2(dev); /* U2F is P-256 only */
	size_t n;

	if (info != NULL && !lacks && fido_dev_get_cbor_info(dev, info) == FIDO_OK &&
	    (n = fido_cbor_info_algorithm_count(info)) > 0) {
		lacks = true;
		for (size_t i = 0; i < n; i++)
			if (fido_cbor_info_algorithm_cose(info, i) == COSE_EDDSA)
				lacks = false;
	}
	fido_cbor_info_free(&info);
	return lacks;
}

static int take_credential(const struct enrolling *en, struct ztj_enrolled *out)
{
	const fido_cred_t *c = en->cred;
	struct ztj_attestation *a = &out->attestation;
	struct ztj_keyfile *kf = &out->keyfile;
	int r;

	if ((r = ztj_fido_key(&kf->pub, en->type,
		 ztj_view_of(fido_cred_pubkey_ptr(c), fido_cred_pubkey_len(c)), en->ask->application)) !=
		ZTJ_OK ||
	    (r = ztj_fido_store(kf->handle, sizeof(kf->handle), &kf->handle_len, fido_cred_id_ptr(c),
		 fido_cred_id_len(c))) != ZTJ_OK)
		return r;
	if (fido_cred_sig_ptr(c) == NULL) /* format "none" */
		return ZTJ_OK;
	if ((r = ztj_fido_store(a->cert, sizeof(a->cert), &a->cert_len, fido_cred_x5c_ptr(c),
		 fido_cred_x5c_len(c))) != ZTJ_OK ||
	    (r = ztj_fido_store(a->sig, sizeof(a->sig), &a->sig_len, fido_cred_sig_ptr(c),
		 fido_cred_sig_len(c))) != ZTJ_OK ||
	    (r = ztj_fido_store(a->authdata, sizeof(a->authdata), &a->authdata_len, fido_cred_authdata_ptr(c),
		 fido_cred_authdata_len(c))) != ZTJ_OK)
		return r;
	return ZTJ_OK;
}

static int enrol_on(struct ztj_device_op *op, struct ztj_enrolled *out)
{
	struct enrolling *en = op->arg;
	int r;

	en->type = en->ask->type;
	if (en->type == ZTJ_KEY_NONE)
		en->type = lacks_ed25519(op->dev) ? ZTJ_KEY_SK_ECDSA : ZTJ_KEY_SK_ED25519;
	r = ztj_device_run(op, en->ask->verify_required);
	if (r == ZTJ_KEY_TYPE && en->ask->type == ZTJ_KEY_NONE && en->type == ZTJ_KEY_SK_ED25519) {
		en->type = ZTJ_KEY_SK_ECDSA; /* CTAP 2.0 devices do not list what they can do */
		r = ztj_device_run(op, en->ask->verify_required);
	}
	return r == ZTJ_OK ? take_credential(en, out) : r;
}

int ztj_device_enrol(const struct ztj_fido *f, const struct ztj_enrol_ask *ask, struct ztj_enrolled *out)
{
	struct ztj_devices list;
	struct enrolling en = { ask, ZTJ_KEY_NONE, NULL };
	struct ztj_device_op op = { f, NULL, ZTJ_UV_NONE, attempt_enrol, &en };
	int r;

	if ((r = ztj_devices_list(&list)) != ZTJ_OK)
		return r;
	if (list.n > 1)
		r = ZTJ_MANY_DEVICES; /* which one gets the key is not ours to guess */
	else if ((r = ztj_device_open(&list, 0, &op.dev)) == ZTJ_OK)
		r = enrol_on(&op, out);
	fido_cred_free(&en.cred);
	ztj_device_close(&op.dev);
	ztj_devices_free(&list);
	return r;
}
