/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* doc/verify-proof.sh, as it was when this was built. */
#ifndef ZTJIT_RECIPE_H
#define ZTJIT_RECIPE_H

#include <stdio.h>

/* The whole script. */
void recipe_print(FILE *f);

#endif
