/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The child's environment: what could make a program in the session load or run something before it does what the record
 * shows is left out (ABUSE R04). The list stands in ztjit-rec(8).
 */
#ifndef ZTJ_SSHD_HELPERS_REC_ENV_H
#define ZTJ_SSHD_HELPERS_REC_ENV_H

#include <stdbool.h>

/* Is this NAME=VALUE left out? */
bool ztj_rec_env_unsafe(const char *entry);
/* A new NULL-terminated array: `from` without what is unsafe, with SHELL and, unless tty is "", SSH_TTY. Its strings are
 * from's, shell_entry's and tty_entry's ("SHELL=…", "SSH_TTY=…" or NULL). NULL: no memory. The caller frees the array. */
char **ztj_rec_env_make(char *const *from, char *shell_entry, char *tty_entry);

#endif
