/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the writer of records and the filter for replay share. Internal to core. */
#ifndef ZTJ_CORE_CAST_INT_H
#define ZTJ_CORE_CAST_INT_H

#include <stddef.h>
#include <stdint.h>

#define ZTJ_UTF8_CUT (-1)

/* The length of the UTF-8 sequence (RFC 3629) at p, n ≥ 1 bytes; 0: the first byte begins none; ZTJ_UTF8_CUT: what is there
 * begins one, and ends before it does. */
int ztj_cast_utf8(const uint8_t *p, size_t n);

#endif
