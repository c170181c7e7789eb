/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * CTAP2 authenticatorClientPIN.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "tests/softkey/clientpin.h"

enum {
	SUB_RETRIES = 1,
	SUB_KEY_AGREEMENT,
	SUB_SET_PIN,
	SUB_CHANGE_PIN,
	SUB_TOKEN_PIN20,
	SUB_TOKEN_UV,
	SUB_UV_RETRIES,
	SUB_TOKEN_PIN = 9
};

static int fail(uint8_t reply[SOFTKEY_REPLY_MAX], int status)
{
	if (status < 0)
		status = FIDO_ERR_ERR_OTHER;
	reply[0] = (uint8_t)status;
	return 1;
}

static int reply_number(int key, int value, uint8_t reply[SOFTKEY_REPLY_MAX])
{
	cbor_item_t *map = cbor_new_definite_map(1);

	softkey_cbor_put(map, softkey_cbor_int(key), softkey_cbor_int(value));
	return softkey_cbor_reply(map, 1, reply);
}

static int reply_agreement(struct softkey_session *s, uint8_t reply[SOFTKEY_REPLY_MAX])
{
	cbor_item_t *map, *cose;
	uint8_t point[65];

	if (softkey_ecdh_new(&s->pin) != 0 || softkey_ecdh_public(&s->pin, point) != 0)
		return fail(reply, FIDO_ERR_ERR_OTHER);
	cose = cbor_new_definite_map(5);
	softkey_cbor_put(cose, softkey_cbor_int(1), softkey_cbor_int(COSE_KTY_EC2));
	softkey_cbor_put(cose, softkey_cbor_int(3), softkey_cbor_int(COSE_ECDH_ES256));
	softkey_cbor_put(cose, softkey_cbor_int(-1), softkey_cbor_int(COSE_P256));
	softkey_cbor_put(cose, softkey_cbor_int(-2), cbor_build_bytestring(point + 1, 32));
	softkey_cbor_put(cose, softkey_cbor_int(-3), cbor_build_bytestring(point + 33, 32));
	map = cbor_new_definite_map(1);
	softkey_cbor_put(map, softkey_cbor_int(1), cose);
	return softkey_cbor_reply(map, 1, reply);
}

/* The shared secret with the platform key of the request. */
static int agree(struct softkey_session *s, const cbor_item_t *req, struct softkey_secret *secret)
{
	const cbor_item_t *cose = softkey_cbor_get(req, 3);
	const uint8_t *x, *y;
	uint8_t point[65] = { 0x04 };
	size_t nx, ny;
	unsigned protocol;

	if (!softkey_cbor_uint(softkey_cbor_get(req, 1), &protocol) || protocol < 1 || protocol > 2)
		return FIDO_ERR_INVALID_PARAMETER;
	if (!softkey_cbor_bytes(softkey_cbor_get(cose, -2), &x, &nx) || nx != 32 ||
	    !softkey_cbor_bytes(softkey_cbor_get(cose, -3), &y, &ny) || ny != 32)
		return FIDO_ERR_MISSING_PARAMETER;
	memcpy(point + 1, x, 32);
	memcpy(point + 33, y, 32);
	return softkey_ecdh_derive(&s->pin, (int)protocol, point, secret) == 0 ? FIDO_OK
									       : FIDO_ERR_INVALID_PARAMETER;
}

static int check_pin_hash(struct softkey_session *s, const cbor_item_t *req,
    const struct softkey_secret *secret)
{
	const uint8_t *enc;
	uint8_t hash[64];
	size_t n, hash_len;
	int status;

	if (!softkey_cbor_bytes(softkey_cbor_get(req, 6), &enc, &n) || n > 32)
		return FIDO_ERR_MISSING_PARAMETER;
	if (softkey_decrypt(secret, enc, n, hash, &hash_len) != 0 || hash_len != 16)
		return FIDO_ERR_PIN_INVALID;
	status = softkey_pin_check(s->name, hash);
	if (status != FIDO_OK) {
		/* a wrong PIN costs the key agreement too (CTAP2 6.5.5.7.1) */
		softkey_ecdh_free(&s->pin);
	}
	OPENSSL_cleanse(hash, sizeof(hash));
	return status;
}

static int store_pin(struct softkey *k, void *arg)
{
	memcpy(k->pin_hash, arg, sizeof(k->pin_hash));
	k->has_pin = true;
	k->pin_retries = SOFTKEY_PIN_RETRIES;
	k->pin_mismatches = 0;
	return 0;
}

static int set_new_pin(struct softkey_session *s, const struct softkey_secret *secret, const uint8_t *enc,
    size_t n)
{
	uint8_t pin[81] = { 0 }, hash[16];
	size_t len;
	int r = FIDO_ERR_PIN_POLICY_VIOLATION;

	if (n > 80 || softkey_decrypt(secret, enc, n, pin, &len) != 0 || len != 64)
		return FIDO_ERR_INVALID_PARAMETER;
	if (strlen((const char *)pin) >= 4 && strlen((const char *)pin) <= 63) {
		softkey_pin_hash((const char *)pin, hash);
		r = softkey_update(s->name, store_pin, hash) == 0 ? FIDO_OK : FIDO_ERR_ERR_OTHER;
	}
	OPENSSL_cleanse(pin, sizeof(pin));
	return r;
}

static int set_pin(struct softkey_session *s, const cbor_item_t *req, bool change,
    uint8_t reply[SOFTKEY_REPLY_MAX])
{
	struct softkey_secret secret;
	struct softkey k;
	const uint8_t *enc, *old = NULL, *mac;
	uint8_t covered[160];
	size_t n, n_old = 0, n_mac;
	int r;

	if (softkey_load(s->name, &k) != 0)
		return fail(reply, FIDO_ERR_ERR_OTHER);
	if (k.has_pin != change)
		return fail(reply, change ? FIDO_ERR_PIN_NOT_SET : FIDO_ERR_PIN_AUTH_INVALID);
	if ((r = agree(s, req, &secret)) != FIDO_OK)
		return fail(reply, r);
	if (!softkey_cbor_bytes(softkey_cbor_get(req, 5), &enc, &n) || n > 80 ||
	    !softkey_cbor_bytes(softkey_cbor_get(req, 4), &mac, &n_mac) ||
	    (change && (!softkey_cbor_bytes(softkey_cbor_get(req, 6), &old, &n_old) || n_old > 32)))
		return fail(reply, FIDO_ERR_MISSING_PARAMETER);
	memcpy(covered, enc, n);
	if (n_old > 0)
		memcpy(covered + n, old, n_old);
	if (!softkey_auth_ok(secret.protocol, secret.hmac, covered, n + n_old, mac, n_mac))
		return fail(reply, FIDO_ERR_PIN_AUTH_INVALID);
	if (change && (r = check_pin_hash(s, req, &secret)) != FIDO_OK)
		return fail(reply, r);
	r = set_new_pin(s, &secret, enc, n);
	OPENSSL_cleanse(&secret, sizeof(secret));
	return fail(reply, r);
}

static int get_token(struct softkey_session *s, const cbor_item_t *req, unsigned sub,
    uint8_t reply[SOFTKEY_REPLY_MAX])
{
	struct softkey_secret secret;
	cbor_item_t *map;
	uint8_t enc[64];
	size_t n;
	int r;

	if ((r = agree(s, req, &secret)) != FIDO_OK)
		return fail(reply, r);
	s->pin.permissions = 0;
	s->pin.rp[0] = '\0';
	if (sub != SUB_TOKEN_PIN20) {
		if (!softkey_cbor_uint(softkey_cbor_get(req, 9), &s->pin.permissions) ||
		    s->pin.permissions == 0)
			return fail(reply, FIDO_ERR_MISSING_PARAMETER);
		(void)softkey_cbor_text(softkey_cbor_get(req, 10), s->pin.rp, sizeof(s->pin.rp));
	}
	r = sub == SUB_TOKEN_UV ? softkey_uv_check(s->name) : check_pin_hash(s, req, &secret);
	if (r != FIDO_OK)
		return fail(reply, r);
	if (RAND_bytes(s->pin.token, sizeof(s->pin.token)) != 1 ||
	    softkey_encrypt(&secret, s->pin.token, sizeof(s->pin.token), enc, &n) != 0)
		return fail(reply, FIDO_ERR_ERR_OTHER);
	s->pin.token_set = true;
	map = cbor_new_definite_map(1);
	softkey_cbor_put(map, softkey_cbor_int(2), cbor_build_bytestring(enc, n));
	OPENSSL_cleanse(&secret, sizeof(secret));
	return softkey_cbor_reply(map, 1, reply);
}

int softkey_clientpin(struct softkey_session *s, const cbor_item_t *req, uint8_t reply[SOFTKEY_REPLY_MAX])
{
	struct softkey k;
	unsigned sub;

	if (!softkey_cbor_uint(softkey_cbor_get(req, 2), &sub))
		return fail(reply, FIDO_ERR_MISSING_PARAMETER);
	if (softkey_load(s->name, &k) != 0)
		return fail(reply, FIDO_ERR_ERR_OTHER);
	switch (sub) {
	case SUB_RETRIES:
		return reply_number(3, k.pin_retries, reply);
	case SUB_UV_RETRIES:
		return reply_number(5, k.uv_retries, reply);
	case SUB_KEY_AGREEMENT:
		return reply_agreement(s, reply);
	case SUB_SET_PIN:
		return set_pin(s, req, false, reply);
	case SUB_CHANGE_PIN:
		return set_pin(s, req, true, reply);
	case SUB_TOKEN_PIN20:
		return get_token(s, req, sub, reply);
	case SUB_TOKEN_UV:
	case SUB_TOKEN_PIN:
		return k.ctap20 ? fail(reply, FIDO_ERR_INVALID_PARAMETER) : get_token(s, req, sub, reply);
	default:
		return fail(reply, FIDO_ERR_INVALID_PARAMETER);
	}
}
