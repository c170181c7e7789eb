/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * This program, as ssh has to call it.
 */
#ifndef ZTJIT_SELF_H
#define ZTJIT_SELF_H

#include "ztjit/cli.h"

/* "/usr/bin/ztjit ARGS"; quoted for ssh_config where the path needs it. NULL when it cannot be told. */
const char *self_command(struct cli *c, const char *args);

#endif
