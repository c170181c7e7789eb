/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Address blocks as they stand in a policy's `sources`. Matching is in decide.h. */
#ifndef ZTJ_CORE_CIDR_H
#define ZTJ_CORE_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libztjit/core/err.h"

#define ZTJ_CIDR_SIZE 50

struct ztj_cidr {
	bool v6;
	uint8_t addr[16]; /* network order; an IPv4 block uses the first four */
	unsigned bits;
};

/* "10.0.0.0/8", "2001:db8::/32", or one address without "/". ZTJ_BAD_ENCODING. */
int ztj_cidr_parse(const char *text, struct ztj_cidr *out) ZTJ_MUST_CHECK;
/* The one way to write it: no host bits, shortest form, always with "/bits". */
int ztj_cidr_format(const struct ztj_cidr *c, char out[ZTJ_CIDR_SIZE]) ZTJ_MUST_CHECK;
bool ztj_cidr_contains(const struct ztj_cidr *block, const struct ztj_cidr *addr);

#endif
