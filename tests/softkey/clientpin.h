/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * CTAP2 authenticatorClientPIN (section 6.5.5): retries, key agreement, setting
 * and changing the PIN, and tokens by PIN or by built-in verification.
 */
#ifndef ZTJ_SOFTKEY_CLIENTPIN_H
#define ZTJ_SOFTKEY_CLIENTPIN_H

#include "tests/softkey/cborutil.h"

int softkey_clientpin(struct softkey_session *s, const cbor_item_t *req, uint8_t reply[SOFTKEY_REPLY_MAX]);

#endif
