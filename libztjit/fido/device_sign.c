/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A signature through libfido2: find the authenticator that holds the
 * credential without asking for a touch, then get one assertion from it.
 */
#include "libztjit/fido/device.h"

struct signing {
	const struct ztj_way_sign *s;
	fido_assert_t *assertion;
};

static int fill_assertion(fido_assert_t *a, const struct ztj_way_sign *s, fido_opt_t up, fido_opt_t uv)
{
	int e;

	if ((e = fido_assert_set_clientdata(a, s->data.p, s->data.n)) != FIDO_OK ||
	    (e = fido_assert_set_rp(a, s->key->application)) != FIDO_OK ||
	    (e = fido_assert_allow_cred(a, s->keyfile->handle, s->keyfile->handle_len)) != FIDO_OK ||
	    (e = fido_assert_set_up(a, up)) != FIDO_OK || (e = fido_assert_set_uv(a, uv)) != FIDO_OK)
		return e;
	return FIDO_OK;
}

enum holds { HOLDS_NOT, HOLDS_MAYBE, HOLDS };

/* A credential made for verified use only stays hidden from a silent question (credProtect). */
static enum holds probe(fido_dev_t *dev, const struct ztj_way_sign *s)
{
	fido_assert_t *a = fido_assert_new();
	enum holds answer = HOLDS_NOT;
	struct ztj_way_sign ask = *s;

	ask.data = ztj_view_str("probe"); /* what is signed here must never be of use */
	(void)fido_dev_set_timeout(dev, 3000);
	if (a != NULL && fill_assertion(a, &ask, FIDO_OPT_FALSE, FIDO_OPT_OMIT) == FIDO_OK) {
		switch (fido_dev_get_assert(dev, a, NULL)) {
		case FIDO_OK:
		case FIDO_ERR_USER_PRESENCE_REQUIRED: /* how U2F says yes */
			answer = HOLDS;
			break;
		case FIDO_ERR_NO_CREDENTIALS:
		case FIDO_ERR_INVALID_CREDENTIAL:
			answer = (s->keyfile->sk_flags & ZTJ_SK_FLAG_UV) != 0 ? HOLDS_MAYBE : HOLDS_NOT;
			break;
		case FIDO_ERR_TX:
		case FIDO_ERR_RX:
			break;
		default: /* refuses silent questions */
			answer = HOLDS_MAYBE;
		}
	}
	fido_assert_free(&a);
	return answer;
}

/* The one device that holds the key, or the only one that may. */
static int find_device(const struct ztj_devices *list, const struct ztj_way_sign *s, fido_dev_t **found)
{
	fido_dev_t *dev, *maybe = NULL;
	size_t n_maybe = 0;
	int r;

	*found = NULL;
	for (size_t i = 0; i < list->n; i++) {
		if ((r = ztj_device_open(list, i, &dev)) == ZTJ_DEVICE)
			continue;
		if (r != ZTJ_OK)
			goto fail;
		switch (probe(dev, s)) {
		case HOLDS:
			ztj_device_close(&maybe);
			*found = dev;
			return ZTJ_OK;
		case HOLDS_MAYBE:
			if (n_maybe++ == 0) {
				maybe = dev;
				break;
			}
			ztj_device_close(&dev);
			break;
		case HOLDS_NOT:
			ztj_device_close(&dev);
			break;
		}
	}
	if (n_maybe == 1) {
		*found = maybe;
		return ZTJ_OK;
	}
	r = n_maybe == 0 ? ZTJ_DEVICE : ZTJ_MANY_DEVICES;
fail:
	ztj_device_close(&maybe);
	return r;
}

static int attempt_sign(const struct ztj_device_op *op, const char *pin)
{
	struct signing *sg = op->arg;
	int e;

	fido_assert_free(&sg->assertion);
	if ((sg->assertion = fido_assert_new()) == NULL)
		return FIDO_ERR_INTERNAL;
	if ((e = fill_assertion(sg->assertion, sg->s, FIDO_OPT_TRUE,
		 op->mode == ZTJ_UV_BUILTIN ? FIDO_OPT_TRUE : FIDO_OPT_OMIT)) != FIDO_OK)
		return e;
	return fido_dev_get_assert(op->dev, sg->assertion, pin);
}

static int take_assertion(const struct signing *sg, struct ztj_buf *sigblob)
{
	const fido_assert_t *a = sg->assertion;

	if (fido_assert_count(a) != 1 || fido_assert_sig_ptr(a, 0) == NULL)
		return ZTJ_PROTOCOL;
	return ztj_sig_from_assertion(sg->s->key,
	    ztj_view_of(fido_assert_sig_ptr(a, 0), fido_assert_sig_len(a, 0)), fido_assert_flags(a, 0),
	    fido_assert_sigcount(a, 0), sigblob);
}

int ztj_device_sign(const struct ztj_fido *f, const struct ztj_way_sign *s, struct ztj_buf *sigblob)
{
	struct ztj_devices list;
	struct signing sg = { s, NULL };
	struct ztj_device_op op = { f, NULL, ZTJ_UV_NONE, attempt_sign, &sg };
	int r;

	if (s->keyfile == NULL || s->keyfile->handle_len == 0)
		return ZTJ_DEVICE;
	if ((r = ztj_devices_list(&list)) != ZTJ_OK)
		return r;
	if ((r = find_device(&list, s, &op.dev)) == ZTJ_OK && (r = ztj_device_run(&op, s->uv)) == ZTJ_OK)
		r = take_assertion(&sg, sigblob);
	fido_assert_free(&sg.assertion);
	ztj_device_close(&op.dev);
	ztj_devices_free(&list);
	return r;
}
