/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What libfido2 and the authenticator's status codes mean to a person (CTAP2 section 8.2).
 */
#include <fido.h>

#include "libztjit/fido/fido.h"

int ztj_fido_error(int fido_err)
{
	switch (fido_err) {
	case FIDO_OK:
		return ZTJ_OK;
	case FIDO_ERR_NO_CREDENTIALS:
	case FIDO_ERR_INVALID_CREDENTIAL:
	case FIDO_ERR_TX:
	case FIDO_ERR_RX:
	case FIDO_ERR_NOTFOUND:
		return ZTJ_DEVICE;
	case FIDO_ERR_PIN_REQUIRED:
		return ZTJ_PIN_REQUIRED;
	case FIDO_ERR_PIN_NOT_SET:
		return ZTJ_PIN_NOT_SET;
	case FIDO_ERR_PIN_INVALID:
	case FIDO_ERR_PIN_POLICY_VIOLATION:
		return ZTJ_PIN_WRONG;
	case FIDO_ERR_PIN_BLOCKED:
	case FIDO_ERR_PIN_AUTH_BLOCKED:
	case FIDO_ERR_UV_BLOCKED:
		return ZTJ_PIN_BLOCKED;
	case FIDO_ERR_USER_ACTION_TIMEOUT:
	case FIDO_ERR_ACTION_TIMEOUT:
	case FIDO_ERR_TIMEOUT:
		return ZTJ_TOUCH_TIMEOUT;
	case FIDO_ERR_UNSUPPORTED_ALGORITHM:
		return ZTJ_KEY_TYPE;
	case FIDO_ERR_INTERNAL:
		return ZTJ_INTERNAL;
	case FIDO_ERR_RX_NOT_CBOR:
	case FIDO_ERR_RX_INVALID_CBOR:
	case FIDO_ERR_CBOR_UNEXPECTED_TYPE:
	case FIDO_ERR_INVALID_CBOR:
		return ZTJ_PROTOCOL;
	default: /* OPERATION_DENIED, UV_INVALID, KEEPALIVE_CANCEL and whatever a maker invents */
		return ZTJ_DEVICE_REFUSED;
	}
}
