/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The attestation of an enrolled key, as a registrar sees it.
 */
#ifndef ZTJIT_ATTEST_H
#define ZTJIT_ATTEST_H

#include "ztjit/pending.h"

/* What the attestation of an enrolment is made over: domain, name and nonce in hex (PROTOCOL section 1). */
int attest_challenge(const char *domain, const char *name, const char *nonce, uint8_t out[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
/* Verifies what the entry's key i says of its making, over domain, name and nonce. With --attested FILE a maker's
 * certificate must chain to that file. *what is one line for the screen. */
int attest_check(struct cli *c, const struct ztj_stmt *st, size_t i, const char **what) ZTJ_MUST_CHECK;

#endif
