/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Showing a statement, asking, signing.  The bytes that are parsed for the
 * screen are the bytes that are signed (P7, S03).
 */
#ifndef ZTJIT_SIGN_H
#define ZTJIT_SIGN_H

#include "ztjit/key.h"

struct sign_ask {
	enum ztj_stmt_type type;
	struct ztj_view bytes;
	const char *title;      /* "You are about to approve:" */
	struct ztj_view before; /* lines to show first (the request that is approved, what a directory changes) */
	const char *question;   /* "Approve?"; NULL: the touch is answer enough */
	bool uv;
};

/* Everything that is to be signed, on the screen. */
int sign_show(struct cli *c, const struct sign_ask *ask, const struct cli_key *k) ZTJ_MUST_CHECK;
/* Shows, asks and appends the SSHSIG blob. */
int sign_statement(struct cli *c, const struct sign_ask *ask, const struct cli_key *k, struct ztj_buf *sig) ZTJ_MUST_CHECK;
/* The same and posts it; *answer (may be NULL) is the broker's. */
int sign_and_post(struct cli *c, const struct sign_ask *ask, const struct cli_key *k, json_t **answer) ZTJ_MUST_CHECK;
/* --write: the exact bytes into a new file, and how to sign it by hand. */
int sign_write(struct cli *c, const char *path, const struct sign_ask *ask) ZTJ_MUST_CHECK;
/* What every built statement begins with: type, domain, issued now, seen. */
void sign_begin(struct cli *c, struct ztj_stmt *st, enum ztj_stmt_type type);
/* 64 random hex digits. */
int sign_nonce(char out[ZTJ_HEX_SIZE]) ZTJ_MUST_CHECK;

#endif
