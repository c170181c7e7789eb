/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Memory for what a parsed object points to: one block whose size the input bounds, freed with the
 * object. Internal to core.
 */
#ifndef ZTJ_CORE_ARENA_H
#define ZTJ_CORE_ARENA_H

#include <stdalign.h>
#include <string.h>

#include "libztjit/core/wire.h"

struct ztj_arena {
	uint8_t *p;
	size_t n, cap;
};

/* n zeroed bytes at that alignment; NULL when the block is used up. */
static inline void *
ztj_arena_take(struct ztj_arena *a, size_t n, size_t align)
{
	size_t pad = (align - (uintptr_t)(a->p + a->n) % align) % align;
	void *p;

	if (pad > a->cap - a->n || n > a->cap - a->n - pad)
		return NULL;
	p = a->p + a->n + pad;
	a->n += pad + n;
	return p;
}

/* A copy of n bytes with a final NUL. */
static inline const char *
ztj_arena_text(struct ztj_arena *a, const char *s, size_t n)
{
	char *p = ztj_arena_take(a, n + 1, 1);

	if (p != NULL)
		memcpy(p, s, n);
	return p;
}

#endif
