/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the three ways to an authenticator share: the person's patience, PIN
 * and touch, and the shape of a new public key.
 */
#include <string.h>

#include "libztjit/fido/ways.h"

bool ztj_fido_has_provider(const struct ztj_fido *f)
{
	/* OpenSSH's word for its built-in libfido2 support */
	return f->provider != NULL && f->provider[0] != '\0' && strcmp(f->provider, "internal") != 0;
}

bool ztj_fido_has_agent(const struct ztj_fido *f)
{
	return f->agent != NULL && f->agent[0] != '\0';
}

unsigned ztj_fido_patience(const struct ztj_fido *f)
{
	if (f->touch_seconds == 0)
		return ZTJ_FIDO_TOUCH_SECONDS;
	return f->touch_seconds > 3600 ? 3600 : f->touch_seconds;
}

void ztj_fido_touch(const struct ztj_fido *f, bool waiting)
{
	if (f->ui.touch != NULL)
		f->ui.touch(waiting, f->ui.arg);
}

int ztj_fido_ask_pin(const struct ztj_fido *f, const struct ztj_pin_ask *ask, char pin[ZTJ_FIDO_PIN_SIZE])
{
	size_t n;
	int r;

	ztj_wipe(pin, ZTJ_FIDO_PIN_SIZE);
	if (ask->retries == 0)
		return ZTJ_PIN_BLOCKED;
	if (f->ui.pin == NULL)
		return ask->wrong ? ZTJ_PIN_WRONG : ZTJ_PIN_REQUIRED;
	if ((r = f->ui.pin(ask, pin, ZTJ_FIDO_PIN_SIZE, f->ui.arg)) != ZTJ_OK) {
		ztj_wipe(pin, ZTJ_FIDO_PIN_SIZE);
		return r;
	}
	n = strnlen(pin, ZTJ_FIDO_PIN_SIZE);
	if (n < 4 || n >= ZTJ_FIDO_PIN_SIZE) {
		/* the key would refuse it as malformed; this way it costs no attempt */
		ztj_wipe(pin, ZTJ_FIDO_PIN_SIZE);
		return ZTJ_PIN_WRONG;
	}
	return ZTJ_OK;
}

int ztj_fido_store(uint8_t *to, size_t size, size_t *len, const void *from, size_t n)
{
	*len = 0;
	if (n > size)
		return ZTJ_TOO_LARGE;
	if (n > 0) {
		if (from == NULL)
			return ZTJ_PROTOCOL;
		memcpy(to, from, n);
	}
	*len = n;
	return ZTJ_OK;
}

int ztj_fido_key(struct ztj_key *k, enum ztj_key_type type, struct ztj_view pub, const char *application)
{
	struct ztj_key made;
	struct ztj_buf blob;
	size_t at = 0;
	int r;

	memset(k, 0, sizeof(*k));
	memset(&made, 0, sizeof(made));
	made.type = type;
	if (type == ZTJ_KEY_SK_ECDSA && pub.n == 64)
		made.pub[at++] = 0x04;
	if (pub.p == NULL || pub.n != (type == ZTJ_KEY_SK_ECDSA ? 65 - at : 32))
		return ZTJ_BAD_KEY;
	memcpy(made.pub + at, pub.p, pub.n);
	made.pub_len = at + pub.n;
	if (strlen(application) >= sizeof(made.application))
		return ZTJ_APPLICATION;
	memcpy(made.application, application, strlen(application) + 1);
	/* through the strict parser: point on the curve, application, length */
	ztj_buf_init(&blob, ZTJ_KEY_BLOB_MAX);
	if ((r = ztj_key_to_blob(&made, &blob)) == ZTJ_OK)
		r = ztj_key_from_blob(k, ztj_buf_view(&blob));
	ztj_buf_free(&blob);
	return r;
}
