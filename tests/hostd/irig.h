/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A root of its own for the tests of install: files, pictures of all of it, and calls that fail or kill on
 * purpose (the linker wraps them).
 */
#ifndef ZTJ_TESTS_HOSTD_IRIG_H
#define ZTJ_TESTS_HOSTD_IRIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/core/support.h"
#include "ztjit-hostd/install_int.h"

extern char irig_root[64];

int irig_setup(void **state);
int irig_teardown(void **state);
/* Below the root, with its directories; text NULL removes it. */
void irig_put(const char *path, const char *text);
void irig_path(const char *path, char out[512]);
struct ztj_inst irig_inst(void);
/* No transaction has ever been. */
void irig_forget(void);
/* Every file of /etc and /usr there: name, type, mode, time (but passwd's) and content, in order. The caller frees it. */
char *irig_picture(void);

/* The numbered call of this process and its children from now on: it ends them (SIGKILL), or fails with this errno if that is not
 * 0. Half of what a write says is written before. at 0: none. */
void irig_fault(unsigned at, int error);
/* Has it happened? */
bool irig_fault_met(void);

#endif
