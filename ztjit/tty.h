/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Talking with the person: questions, PINs, the wait for a touch.
 */
#ifndef ZTJIT_TTY_H
#define ZTJIT_TTY_H

#include "libztjit/fido/fido.h"
#include "ztjit/cli.h"

/* Somebody sits there: standard input and standard error are a terminal. */
bool tty_interactive(void);
/* Columns and rows of standard error; 80x24 when it does not say. */
void tty_size(unsigned *cols, unsigned *rows);
/* One line without its end. ZTJ_ABORTED at end of input. */
int tty_line(struct cli *c, const char *prompt, char *out, size_t size) ZTJ_MUST_CHECK;
/* "prompt [y/N] "; ZTJ_ABORTED unless the answer is yes. --yes answers; without a terminal ZTJ_ABORTED and a hint. */
int tty_confirm(struct cli *c, const char *prompt) ZTJ_MUST_CHECK;
/* The callbacks of an authenticator; arg is the struct cli. */
struct ztj_fido_ui tty_fido_ui(struct cli *c);
/* Asks for the PIN on this terminal (echo off) or through SSH_ASKPASS. */
int tty_pin(struct cli *c, int fd, const struct ztj_pin_ask *ask, char *pin, size_t size) ZTJ_MUST_CHECK;

#endif
