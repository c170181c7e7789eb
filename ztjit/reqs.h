/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Requests, fetched as bundles and judged here: what the broker says of their
 * state is never shown as truth.
 */
#ifndef ZTJIT_REQS_H
#define ZTJIT_REQS_H

#include "libztjit/core/grant.h"
#include "ztjit/cli.h"

struct req {
	struct ztj_bundle *bundle;
	struct ztj_grant grant;
	char id[ZTJ_HEX_SIZE], short_id[ZTJ_SHORT_ID_SIZE];
};

/* "R-…" in any writing, or 64 hex digits, to what is put into a path. */
int req_id(struct cli *c, const char *text, char out[ZTJ_HEX_SIZE]) ZTJ_MUST_CHECK;
/* GET /v1/requests/ID, every signature verified; the answer must be the request that was asked for (S03). Certificates kept for
 * one that is over are removed. */
int req_fetch(struct cli *c, const char *id, struct req *out) ZTJ_MUST_CHECK;
void req_free(struct req *q);
/* Ended, denied, cancelled, expired or revoked: it will never work again. */
bool req_is_over(const struct req *q);
/* Every request of a listing, newest first, fetched and judged; stops when each returns non-zero and returns that. Ones that
 * cannot be fetched or do not verify are left out with a warning. live: those the broker calls finished are not even fetched
 * (it could leave them out anyway; what it calls live is judged). */
int reqs_each(struct cli *c, const char *path, bool live, int (*each)(const struct req *q, void *arg), void *arg) ZTJ_MUST_CHECK;
/* All statements rendered: the request, then approvals and revocations, then the state in plain words. */
int req_text(struct cli *c, const struct req *q, struct ztj_buf *out) ZTJ_MUST_CHECK;
json_t *req_json(const struct req *q);
/* "1 of @sre-leads, 1 of @security" or "". */
const char *req_missing(struct cli *c, const struct ztj_grant *g);
/* "web1, db1" */
const char *req_hosts(struct cli *c, const struct ztj_stmt *request);

#endif
