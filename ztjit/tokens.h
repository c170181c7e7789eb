/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The tokens that this registrar gave to hosts that are to join. They stand in the state directory, 0600, until
 * they were used or have run out; nobody else ever has them, the broker least of all.
 */
#ifndef ZTJIT_TOKENS_H
#define ZTJIT_TOKENS_H

#include "libztjit/core/hostproof.h"
#include "ztjit/cli.h"

#define TOKEN_FOR_MAX (7LL * 86400) /* as long as a broker keeps a pending entry */

struct host_token {
	char directory[ZTJ_NAME_SIZE], name[ZTJ_HOSTNAME_SIZE];
	int64_t expires;
	uint8_t token[ZTJ_TOKEN_LEN];
	size_t nlabels;
	struct ztj_label labels[ZTJ_LABELS_MAX]; /* kept until the end of the process */
};
/* Takes the place of an earlier one for that host. */
int tokens_add(struct cli *c, const struct host_token *t) ZTJ_MUST_CHECK;
/* NOT_FOUND; one that has run out is found, and says so. The caller wipes it. */
int tokens_find(struct cli *c, const char *directory, const char *name, struct host_token *out) ZTJ_MUST_CHECK;
/* Used, or not wanted any more; failure is only warned of. */
void tokens_drop(struct cli *c, const char *directory, const char *name);

#endif
