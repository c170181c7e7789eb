/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * An authenticator opened through libfido2, and its user verification: how
 * the person is verified is found once and followed through PIN questions.
 */
#ifndef ZTJ_FIDO_DEVICE_H
#define ZTJ_FIDO_DEVICE_H

#include <fido.h>

#include "libztjit/fido/ways.h"

#define ZTJ_DEVICES_MAX 16

struct ztj_devices {
	fido_dev_info_t *info;
	size_t n;
};

/* What is plugged in. ZTJ_DEVICE when nothing is. Free with ztj_devices_free(). */
int ztj_devices_list(struct ztj_devices *d) ZTJ_MUST_CHECK;
void ztj_devices_free(struct ztj_devices *d);
/* Opens number i; close with ztj_device_close(). */
int ztj_device_open(const struct ztj_devices *d, size_t i, fido_dev_t **dev) ZTJ_MUST_CHECK;
void ztj_device_close(fido_dev_t **dev);

enum ztj_uv_mode { ZTJ_UV_NONE, ZTJ_UV_BUILTIN, ZTJ_UV_PIN };

/* An operation with touch and, maybe, user verification. */
struct ztj_device_op {
	const struct ztj_fido *f;
	fido_dev_t *dev;
	enum ztj_uv_mode mode;
	/* One attempt; returns a libfido2 code. pin is NULL unless mode is ZTJ_UV_PIN. */
	int (*attempt)(const struct ztj_device_op *op, const char *pin);
	void *arg;
};

/* Chooses the mode, attempts, asks for PINs, shows the touch line, maps the error. */
int ztj_device_run(struct ztj_device_op *op, bool uv) ZTJ_MUST_CHECK;

#endif
