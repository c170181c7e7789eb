/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The software authenticator as CTAP2 commands: getInfo, makeCredential,
 * getAssertion; clientPIN stands next door.
 */
#include <string.h>

#include "tests/softkey/clientpin.h"

#define PERM_MAKE 0x01U
#define PERM_GET 0x02U

struct command {
	struct softkey_session *s;
	const struct softkey_wait *w;
	const cbor_item_t *req;
	struct softkey k;
	uint8_t *reply;
};

static int fail(const struct command *c, int status)
{
	if (status == SOFTKEY_GONE || status == SOFTKEY_PENDING)
		return status;
	c->reply[0] = (uint8_t)status;
	return 1;
}

/* --- getInfo --- */

static cbor_item_t *texts(const char *a, const char *b)
{
	cbor_item_t *list = cbor_new_definite_array(b != NULL ? 2 : 1);

	softkey_cbor_push(list, cbor_build_string(a));
	if (b != NULL)
		softkey_cbor_push(list, cbor_build_string(b));
	return list;
}

static cbor_item_t *info_options(const struct softkey *k)
{
	cbor_item_t *map = cbor_new_definite_map(6);

	softkey_cbor_put(map, cbor_build_string("rk"), cbor_build_bool(true));
	softkey_cbor_put(map, cbor_build_string("up"), cbor_build_bool(true));
	if (k->uv != SOFTKEY_UV_OFF)
		softkey_cbor_put(map, cbor_build_string("uv"), cbor_build_bool(true));
	softkey_cbor_put(map, cbor_build_string("plat"), cbor_build_bool(false));
	softkey_cbor_put(map, cbor_build_string("clientPin"), cbor_build_bool(k->has_pin));
	if (!k->ctap20)
		softkey_cbor_put(map, cbor_build_string("pinUvAuthToken"), cbor_build_bool(true));
	return map;
}

static cbor_item_t *info_protocols(const struct softkey *k)
{
	cbor_item_t *list = cbor_new_definite_array(2);

	if (k->protocol != 1)
		softkey_cbor_push(list, softkey_cbor_int(2));
	if (k->protocol != 2)
		softkey_cbor_push(list, softkey_cbor_int(1));
	return list;
}

static cbor_item_t *info_algorithm(int alg)
{
	cbor_item_t *map = cbor_new_definite_map(2);

	softkey_cbor_put(map, cbor_build_string("alg"), softkey_cbor_int(alg));
	softkey_cbor_put(map, cbor_build_string("type"), cbor_build_string("public-key"));
	return map;
}

static int get_info(const struct command *c)
{
	cbor_item_t *map = cbor_new_definite_map(9), *algs;
	size_t n = 8;

	softkey_cbor_put(map, softkey_cbor_int(1), texts("FIDO_2_0", c->k.ctap20 ? NULL : "FIDO_2_1"));
	softkey_cbor_put(map, softkey_cbor_int(2), texts("credProtect", NULL));
	softkey_cbor_put(map, softkey_cbor_int(3), cbor_build_bytestring(c->k.aaguid, sizeof(c->k.aaguid)));
	softkey_cbor_put(map, softkey_cbor_int(4), info_options(&c->k));
	softkey_cbor_put(map, softkey_cbor_int(5), cbor_build_uint16(2048));
	softkey_cbor_put(map, softkey_cbor_int(6), info_protocols(&c->k));
	softkey_cbor_put(map, softkey_cbor_int(7), softkey_cbor_int(8));
	softkey_cbor_put(map, softkey_cbor_int(8), softkey_cbor_int(SOFTKEY_HANDLE_LEN));
	if (!c->k.ctap20) {
		algs = cbor_new_definite_array(c->k.ed25519 ? 2 : 1);
		softkey_cbor_push(algs, info_algorithm(COSE_ES256));
		if (c->k.ed25519)
			softkey_cbor_push(algs, info_algorithm(COSE_EDDSA));
		softkey_cbor_put(map, softkey_cbor_int(10), algs);
		n++;
	}
	return softkey_cbor_reply(map, n, c->reply);
}

/* --- user verification --- */

/* By token (mac and protocol at the given keys) or by option "uv". An empty mac only asks for a touch. */
static int verify_user(struct command *c, const uint8_t *cdh, int at, const cbor_item_t *options,
    bool *verified)
{
	struct softkey_pinproto *p = &c->s->pin;
	const unsigned perm = at == 8 ? PERM_MAKE : PERM_GET;
	const uint8_t *mac;
	size_t n;
	unsigned protocol;
	int r;

	*verified = false;
	if (softkey_cbor_bytes(softkey_cbor_get(c->req, at), &mac, &n)) {
		if (n == 0) {
			r = softkey_touch(c->w, "select");
			return r != FIDO_OK ? r : c->k.has_pin ? FIDO_ERR_PIN_INVALID : FIDO_ERR_PIN_NOT_SET;
		}
		if (!softkey_cbor_uint(softkey_cbor_get(c->req, at + 1), &protocol))
			return FIDO_ERR_MISSING_PARAMETER;
		if (!p->token_set || (p->permissions != 0 && (p->permissions & perm) == 0) ||
		    !softkey_auth_ok((int)protocol, p->token, cdh, 32, mac, n))
			return FIDO_ERR_PIN_AUTH_INVALID;
		*verified = true;
	} else if (softkey_cbor_is(softkey_cbor_named(options, "uv"), true)) {
		if ((r = softkey_uv_check(c->s->name)) != FIDO_OK)
			return r;
		*verified = true;
	}
	return FIDO_OK;
}

static bool token_fits(const struct command *c, const char *rp)
{
	return !c->s->pin.token_set || c->s->pin.rp[0] == '\0' || strcmp(c->s->pin.rp, rp) == 0;
}

/* --- makeCredential --- */

static int choose_algorithm(const struct command *c)
{
	const cbor_item_t *params = softkey_cbor_get(c->req, 4), *alg;

	for (size_t i = 0; i < softkey_cbor_count(params); i++) {
		alg = softkey_cbor_named(softkey_cbor_at(params, i), "alg");
		if (alg == NULL || !cbor_isa_negint(alg))
			continue;
		if (cbor_get_int(alg) == -(COSE_ES256 + 1))
			return COSE_ES256;
		if (cbor_get_int(alg) == -(COSE_EDDSA + 1) && c->k.ed25519)
			return COSE_EDDSA;
	}
	return 0;
}

static bool is_excluded(const struct command *c, const char *rp)
{
	const cbor_item_t *list = softkey_cbor_get(c->req, 5);
	struct softkey_cred cred;
	const uint8_t *id;
	size_t n;

	for (size_t i = 0; i < softkey_cbor_count(list); i++)
		if (softkey_cbor_bytes(softkey_cbor_named(softkey_cbor_at(list, i), "id"), &id, &n) &&
		    softkey_cred_open(&c->k, rp, id, n, &cred))
			return true;
	return false;
}

static int reply_made(const struct command *c, const struct softkey_made *made)
{
	cbor_item_t *map = cbor_new_definite_map(3), *stmt = cbor_new_definite_map(3), *x5c;

	if (made->sig_len > 0) {
		softkey_cbor_put(stmt, cbor_build_string("alg"),
		    softkey_cbor_int(made->with_cert ? COSE_ES256 : made->cred.alg));
		softkey_cbor_put(stmt, cbor_build_string("sig"),
		    cbor_build_bytestring(made->sig, made->sig_len));
	}
	if (made->with_cert) {
		x5c = cbor_new_definite_array(1);
		softkey_cbor_push(x5c, cbor_build_bytestring(c->k.att_cert, c->k.att_cert_len));
		softkey_cbor_put(stmt, cbor_build_string("x5c"), x5c);
	}
	softkey_cbor_put(map, softkey_cbor_int(1), cbor_build_string(made->sig_len > 0 ? "packed" : "none"));
	softkey_cbor_put(map, softkey_cbor_int(2), cbor_build_bytestring(made->authdata, made->authdata_len));
	softkey_cbor_put(map, softkey_cbor_int(3), stmt);
	return softkey_cbor_reply(map, 3, c->reply);
}

static int make_credential(struct command *c)
{
	const cbor_item_t *options = softkey_cbor_get(c->req, 7);
	struct softkey_make m = { 0 };
	struct softkey_made made;
	char rp[SOFTKEY_RP_SIZE];
	size_t n;
	unsigned prot;
	int r;

	if (!softkey_cbor_bytes(softkey_cbor_get(c->req, 1), &m.cdh, &n) || n != 32 ||
	    !softkey_cbor_text(softkey_cbor_named(softkey_cbor_get(c->req, 2), "id"), rp, sizeof(rp)))
		return fail(c, FIDO_ERR_MISSING_PARAMETER);
	m.rp = rp;
	(void)softkey_cbor_bytes(softkey_cbor_named(softkey_cbor_get(c->req, 3), "id"), &m.user_id,
	    &m.user_id_len);
	if ((r = verify_user(c, m.cdh, 8, options, &m.verified)) != FIDO_OK)
		return fail(c, r);
	if (m.verified && !token_fits(c, rp))
		return fail(c, FIDO_ERR_PIN_AUTH_INVALID);
	if ((m.alg = choose_algorithm(c)) == 0)
		return fail(c, FIDO_ERR_UNSUPPORTED_ALGORITHM);
	if (c->k.has_pin && !m.verified)
		return fail(c, FIDO_ERR_PIN_REQUIRED);
	if (is_excluded(c, rp))
		return fail(c, FIDO_ERR_CREDENTIAL_EXCLUDED);
	(void)softkey_cbor_uint(softkey_cbor_named(softkey_cbor_get(c->req, 6), "credProtect"), &prot);
	m.prot = (int)prot;
	m.resident = softkey_cbor_is(softkey_cbor_named(options, "rk"), true);
	if ((r = softkey_op_make(c->w, &m, &made)) != FIDO_OK)
		return fail(c, r);
	return reply_made(c, &made);
}

/* --- getAssertion --- */

static bool may_use(const struct softkey_cred *cred, bool verified)
{
	return cred->prot != FIDO_CRED_PROT_UV_REQUIRED || verified;
}

static bool find_credential(const struct command *c, const char *rp, bool verified, struct softkey_cred *cred)
{
	const cbor_item_t *list = softkey_cbor_get(c->req, 3);
	const uint8_t *id;
	size_t n;

	for (size_t i = 0; i < softkey_cbor_count(list); i++)
		if (softkey_cbor_bytes(softkey_cbor_named(softkey_cbor_at(list, i), "id"), &id, &n) &&
		    softkey_cred_open(&c->k, rp, id, n, cred) && may_use(cred, verified))
			return true;
	if (list != NULL)
		return false;
	for (size_t i = c->k.n_resident; i-- > 0;) /* the newest first */
		if (strcmp(c->k.resident[i].rp, rp) == 0 &&
		    softkey_cred_open(&c->k, rp, c->k.resident[i].handle, SOFTKEY_HANDLE_LEN, cred) &&
		    may_use(cred, verified))
			return true;
	return false;
}

static int reply_got(const struct command *c, const struct softkey_cred *cred, const struct softkey_got *got)
{
	cbor_item_t *map = cbor_new_definite_map(3), *id = cbor_new_definite_map(2);

	softkey_cbor_put(id, cbor_build_string("id"),
	    cbor_build_bytestring(cred->handle, sizeof(cred->handle)));
	softkey_cbor_put(id, cbor_build_string("type"), cbor_build_string("public-key"));
	softkey_cbor_put(map, softkey_cbor_int(1), id);
	softkey_cbor_put(map, softkey_cbor_int(2), cbor_build_bytestring(got->authdata, got->authdata_len));
	softkey_cbor_put(map, softkey_cbor_int(3), cbor_build_bytestring(got->sig, got->sig_len));
	return softkey_cbor_reply(map, 3, c->reply);
}

static int get_assertion(struct command *c)
{
	const cbor_item_t *options = softkey_cbor_get(c->req, 5);
	struct softkey_get g = { 0 };
	struct softkey_got got;
	struct softkey_cred cred;
	char rp[SOFTKEY_RP_SIZE];
	size_t n;
	int r;

	if (!softkey_cbor_text(softkey_cbor_get(c->req, 1), rp, sizeof(rp)) ||
	    !softkey_cbor_bytes(softkey_cbor_get(c->req, 2), &g.cdh, &n) || n != 32)
		return fail(c, FIDO_ERR_MISSING_PARAMETER);
	if ((r = verify_user(c, g.cdh, 6, options, &g.verified)) != FIDO_OK)
		return fail(c, r);
	if (g.verified && !token_fits(c, rp))
		return fail(c, FIDO_ERR_PIN_AUTH_INVALID);
	g.rp = rp;
	g.cred = &cred;
	g.present = !softkey_cbor_is(softkey_cbor_named(options, "up"), false);
	if (!find_credential(c, rp, g.verified, &cred))
		return fail(c, FIDO_ERR_NO_CREDENTIALS);
	if ((r = softkey_op_get(c->w, &g, &got)) != FIDO_OK)
		return fail(c, r);
	return reply_got(c, &cred, &got);
}

/* --- dispatch --- */

static int run(struct command *c, uint8_t code)
{
	switch (code) {
	case CTAP_CBOR_GETINFO:
		return get_info(c);
	case CTAP_CBOR_MAKECRED:
		return make_credential(c);
	case CTAP_CBOR_ASSERT:
		return get_assertion(c);
	case CTAP_CBOR_CLIENT_PIN:
		return softkey_clientpin(c->s, c->req, c->reply);
	default:
		return fail(c, FIDO_ERR_INVALID_COMMAND);
	}
}

int softkey_ctap(struct softkey_session *s, const struct softkey_wait *w, const uint8_t *req, size_t n,
    uint8_t reply[SOFTKEY_REPLY_MAX])
{
	struct command c = { .s = s, .w = w, .reply = reply };
	struct cbor_load_result res;
	cbor_item_t *item = NULL;
	int r;

	if (softkey_load(s->name, &c.k) != 0 || !c.k.plugged)
		return SOFTKEY_GONE;
	if (n == 0)
		return fail(&c, FIDO_ERR_INVALID_LENGTH);
	if (n > 1 && ((item = cbor_load(req + 1, n - 1, &res)) == NULL || res.read != n - 1)) {
		r = fail(&c, FIDO_ERR_INVALID_CBOR);
	} else {
		c.req = item;
		r = run(&c, req[0]);
	}
	if (item != NULL)
		cbor_decref(&item);
	return r;
}
