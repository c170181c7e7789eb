/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Files of armoured signatures: one block or several, as policy sign writes them.
 */
#ifndef ZTJIT_SIGFILE_H
#define ZTJIT_SIGFILE_H

#include "ztjit/cli.h"

/* Adds every block of the file to s (blobs kept until the process ends); the same signature twice counts once. */
int sigfile_read(struct cli *c, const char *path, struct ztj_signed *s) ZTJ_MUST_CHECK;
/* The file has this block alone. */
int sigfile_replace(struct cli *c, const char *path, struct ztj_view blob) ZTJ_MUST_CHECK;
/* Appends one block, making the file. */
int sigfile_append(struct cli *c, const char *path, struct ztj_view blob) ZTJ_MUST_CHECK;

#endif
