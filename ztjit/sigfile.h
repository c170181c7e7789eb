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

/* Adds every block of the text to s (blobs kept until the process ends). */
int sigfile_parse(struct cli *c, const char *text, struct ztj_signed *s) ZTJ_MUST_CHECK;
/* Adds every block of the file to s (blobs kept until the process ends); the same signature twice counts once. */
int sigfile_read(struct cli *c, const char *path, struct ztj_signed *s) ZTJ_MUST_CHECK;
/* Writes the file anew with all of s. */
int sigfile_write(struct cli *c, const char *path, const struct ztj_signed *s) ZTJ_MUST_CHECK;
/* Adds a signature over bytes to the file. What does not verify over them (it was made for an older text), or
 * is by the same key, gives way. */
int sigfile_add(struct cli *c, const char *path, enum ztj_stmt_type type, struct ztj_view bytes, struct ztj_view blob) ZTJ_MUST_CHECK;

#endif
