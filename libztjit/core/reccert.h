/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Certificates that records are sealed to (PROTOCOL 8.3): nothing but containers of a public key that CMS can
 * encrypt to. Names, dates and issuers in them mean nothing here: the policy that carries one was signed by the roots.
 */
#ifndef ZTJ_CORE_RECCERT_H
#define ZTJ_CORE_RECCERT_H

#include "libztjit/core/codec.h"

#define ZTJ_RECCERT_SIZE 16384 /* bytes of DER at most */
#define ZTJ_RECCERT_MAX 16     /* certificates that one record is sealed to */

/* One X.509 certificate with nothing after it (ZTJ_BAD_ENCODING), whose key is RSA of 2048 to 16384 bits or EC of at least 256
 * on a named curve (ZTJ_KEY_TYPE). */
int ztj_reccert_check(struct ztj_view der) ZTJ_MUST_CHECK;
/* Appends its subject (RFC 2253), safe for any terminal. */
int ztj_reccert_subject(struct ztj_view der, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
