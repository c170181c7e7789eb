/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Those who ask to be onboarded: fetched, every signature checked (S18).
 */
#ifndef ZTJIT_PENDING_H
#define ZTJIT_PENDING_H

#include "ztjit/cli.h"

struct pending {
	struct ztj_stmt *st;
	struct ztj_buf mem;
	char id[ZTJ_HEX_SIZE];
	uint8_t digest[ZTJ_DIGEST_LEN]; /* of a host: what it asks with */
};
struct pendings {
	size_t n;
	struct pending *p;
};
/* All of a kind; entries that do not verify are left out with a warning. */
int pending_list(struct cli *c, bool host, struct pendings *out) ZTJ_MUST_CHECK;
void pending_free(struct pendings *l);
/* The one of that name, or of that id; AMBIGUOUS tells their fingerprints. */
int pending_find(struct cli *c, const struct pendings *l, const char *name, const struct pending **out) ZTJ_MUST_CHECK;
/* The hosts of that name (or the one of that id) in out, which has room for l->n: entries with the same keys are one, the
 * newest; so more than one is somebody who pretends. NOT_FOUND. */
int pending_hosts(struct cli *c, const struct pendings *l, const char *name, const struct pending **out,
    size_t *n) ZTJ_MUST_CHECK;
/* Two entries of one host, with the same keys? */
bool pending_same(const struct pending *a, const struct pending *b);
/* Dealt with: the broker may forget it. Failure is only warned of. */
void pending_done(struct cli *c, const struct pending *p);
/* The same with every entry of that host that has the same keys. */
void pending_done_host(struct cli *c, const struct pendings *l, const struct pending *p);

#endif
