/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Private to libztjit/core: the armour of OpenSSH key files and signatures,
 * base64 in lines of 70 columns between two marker lines.
 */
#ifndef ZTJ_CORE_ARMOR_H
#define ZTJ_CORE_ARMOR_H

#include "libztjit/core/codec.h"

/* The marker lines are -----BEGIN label----- and -----END label-----. Appends. */
int ztj_armor_put(const char *label, struct ztj_view blob, struct ztj_buf *text) ZTJ_MUST_CHECK;
/* One block with only white space around it and only line ends inside; appends the
 * bytes, at most max of them (ZTJ_TOO_LARGE). ZTJ_BAD_ENCODING otherwise. */
int ztj_armor_get(const char *label, struct ztj_view text, size_t max, struct ztj_buf *blob) ZTJ_MUST_CHECK;

#endif
