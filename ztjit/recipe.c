/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit/recipe.h"

static const char *const lines[] = {
#include "ztjit/recipe.inc"
};

void recipe_print(FILE *f)
{
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		(void)fputs(lines[i], f);
}
