/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Authenticators through libfido2: finding them, and running one operation
 * with touch, PIN or built-in verification to its end.
 */
#include <time.h>

#include "libztjit/fido/device.h"

int ztj_devices_list(struct ztj_devices *d)
{
	d->n = 0;
	fido_init(0);
	if ((d->info = fido_dev_info_new(ZTJ_DEVICES_MAX)) == NULL)
		return ZTJ_NOMEM;
	if (fido_dev_info_manifest(d->info, ZTJ_DEVICES_MAX, &d->n) != FIDO_OK || d->n == 0) {
		ztj_devices_free(d);
		return ZTJ_DEVICE;
	}
	return ZTJ_OK;
}

void ztj_devices_free(struct ztj_devices *d)
{
	if (d->info != NULL)
		fido_dev_info_free(&d->info, ZTJ_DEVICES_MAX);
	d->n = 0;
}

int ztj_device_open(const struct ztj_devices *d, size_t i, fido_dev_t **dev)
{
	*dev = NULL;
	if (i >= d->n)
		return ZTJ_INTERNAL;
	if ((*dev = fido_dev_new_with_info(fido_dev_info_ptr(d->info, i))) == NULL)
		return ZTJ_NOMEM;
	if (fido_dev_open_with_info(*dev) != FIDO_OK) {
		fido_dev_free(dev);
		/* could not be opened: no permission on the device node, or just pulled out */
		return ZTJ_DEVICE;
	}
	return ZTJ_OK;
}

void ztj_device_close(fido_dev_t **dev)
{
	if (*dev == NULL)
		return;
	(void)fido_dev_close(*dev);
	fido_dev_free(dev);
}

static int64_t milliseconds(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int choose_mode(struct ztj_device_op *op, bool uv)
{
	op->mode = ZTJ_UV_NONE;
	if (!uv)
		return ZTJ_OK;
	if (fido_dev_has_uv(op->dev))
		op->mode = ZTJ_UV_BUILTIN;
	else if (fido_dev_has_pin(op->dev))
		op->mode = ZTJ_UV_PIN;
	else if (fido_dev_supports_pin(op->dev) || fido_dev_supports_uv(op->dev))
		return ZTJ_PIN_NOT_SET;
	else
		return ZTJ_NO_UV; /* a U2F key: it never can */
	return ZTJ_OK;
}

static int attempt_once(const struct ztj_device_op *op, const char *pin, int *fido_err)
{
	int64_t patience = (int64_t)ztj_fido_patience(op->f) * 1000;
	int64_t began = milliseconds();

	*fido_err = FIDO_ERR_INTERNAL;
	if (fido_dev_set_timeout(op->dev, (int)patience) != FIDO_OK)
		return ZTJ_INTERNAL;
	ztj_fido_touch(op->f, true);
	*fido_err = op->attempt(op, pin);
	ztj_fido_touch(op->f, false);
	/* libfido2 says "receive error" both for a device that is gone and for one that still waits */
	if (*fido_err == FIDO_ERR_RX && milliseconds() - began >= patience) {
		(void)fido_dev_cancel(op->dev);
		return ZTJ_TOUCH_TIMEOUT;
	}
	return ztj_fido_error(*fido_err);
}

static int attempt_with_pin(const struct ztj_device_op *op)
{
	struct ztj_pin_ask ask = { false, -1 };
	char pin[ZTJ_FIDO_PIN_SIZE];
	int e = FIDO_OK, r = ZTJ_INTERNAL;

	for (int i = 0; i < ZTJ_PIN_TRIES; i++) {
		if (fido_dev_get_retry_count(op->dev, &ask.retries) != FIDO_OK)
			ask.retries = -1;
		if ((r = ztj_fido_ask_pin(op->f, &ask, pin)) == ZTJ_OK)
			r = attempt_once(op, pin, &e);
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

int ztj_device_run(struct ztj_device_op *op, bool uv)
{
	int e, r;

	if ((r = choose_mode(op, uv)) != ZTJ_OK)
		return r;
	if (op->mode == ZTJ_UV_PIN)
		return attempt_with_pin(op);
	if ((r = attempt_once(op, NULL, &e)) == ZTJ_OK)
		return r;
	if (!fido_dev_has_pin(op->dev))
		return r;
	/* the key insists on verification, or the finger was not recognised: the PIN is the way left */
	if (e == FIDO_ERR_PIN_REQUIRED ||
	    (op->mode == ZTJ_UV_BUILTIN && (e == FIDO_ERR_UV_BLOCKED || e == FIDO_ERR_UV_INVALID))) {
		op->mode = ZTJ_UV_PIN;
		return attempt_with_pin(op);
	}
	return r;
}
