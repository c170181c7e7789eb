/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Challenges of hosts: judged before anybody is asked to touch.
 */
#ifndef ZTJIT_STEPUP_H
#define ZTJIT_STEPUP_H

#include "ztjit/key.h"

#define STEPUP_CODE_SIZE 10 /* "ABCD-EFGH" */
/* Opens a challenge: one signature, by the machine key in the record of the host it names; for the person logged
 * in; neither dated ahead nor over. *host is that record. */
int stepup_open(struct cli *c, const struct ztj_signed *s, struct ztj_stmt **out, const struct ztj_record **host) ZTJ_MUST_CHECK;
/* The code the host shows: the first 40 bits of the challenge's digest. */
void stepup_code(const struct ztj_stmt *challenge, char out[STEPUP_CODE_SIZE]);
/* Is this what the person typed? Case and dash do not matter, O is 0, I and L are 1. */
bool stepup_code_is(const struct ztj_stmt *challenge, const char *typed);
/* Fetches the open challenges and hands each to the callback; bad ones are warned of and left out. */
int stepups_each(struct cli *c, int (*each)(const struct ztj_signed *s, const struct ztj_stmt *st, void *arg), void *arg) ZTJ_MUST_CHECK;
/* What the host said of a challenge that is over. */
struct stepup_end {
	bool known, taken; /* known: it said something; taken: it used the answer */
};
/* Of the one that this code belongs to. */
int stepup_ended(struct cli *c, const char *code, struct stepup_end *out) ZTJ_MUST_CHECK;
/* Shows, asks (question NULL: the touch is the answer), signs, posts, and waits a few seconds for the host's word. STEPUP_GONE: nobody
 * waits there any more, so nothing happens; TIMEOUT: the host said nothing. */
int stepup_answer(struct cli *c, const struct ztj_signed *s, const struct ztj_stmt *st, const struct cli_key *k,
    const char *question) ZTJ_MUST_CHECK;

#endif
