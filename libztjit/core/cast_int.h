/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the writer and the reader of records and the filter for replay share. Internal to core. */
#ifndef ZTJ_CORE_CAST_INT_H
#define ZTJ_CORE_CAST_INT_H

#include "libztjit/core/wire.h"

#define ZTJ_UTF8_CUT (-1)

/* The length of the UTF-8 sequence (RFC 3629) at p, n ≥ 1 bytes; 0: the first byte begins none; ZTJ_UTF8_CUT: what is there
 * begins one, and ends before it does. */
int ztj_cast_utf8(const uint8_t *p, size_t n);

/* A high bit in the first byte of the eight (as stored) that cannot stand in a JSON string as it is: controls, DEL, quote,
 * backslash, not ASCII. Later ones may be marked wrongly, earlier ones never. */
static inline uint64_t ztj_cast_special(uint64_t w)
{
#define ALL(byte) (UINT64_C(0x0101010101010101) * (byte))
	uint64_t quote = w ^ ALL('"'), slash = w ^ ALL('\\'), del = w ^ ALL(0x7f);

	return (w | ((w - ALL(0x20)) & ~w) | ((quote - ALL(1)) & ~quote) | ((slash - ALL(1)) & ~slash) |
		   ((del - ALL(1)) & ~del)) &
	    ALL(0x80);
#undef ALL
}

/* Appends the text of a JSON string, quotes included, that is written as we write it. False when it is not: it may still be JSON. */
bool ztj_cast_unescape(struct ztj_view string, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
