/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A look at libconfig text before libconfig sees it. libconfig 1.5 follows
 * @include, wraps large integers silently and has floats; none of that may
 * stand in a file of ours. Used for the policy and for every program's own file.
 */
#ifndef ZTJ_CORE_CONFSCAN_H
#define ZTJ_CORE_CONFSCAN_H

#include "libztjit/core/wire.h"

/* ZTJ_OK, or ZTJ_CONFIG with the line (from 1) and what is wrong there (a constant). Refused: NUL and
 * control characters but tab and line feed, invalid UTF-8, "@" outside strings and comments, integers
 * that do not fit 32 bits, hexadecimal, "L" suffixes, fractions, unterminated strings and comments. */
int ztj_confscan(struct ztj_view text, unsigned *line, const char **what) ZTJ_MUST_CHECK;

#endif
