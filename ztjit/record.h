/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Directory records as text for people and as JSON, and the digest of a host.
 */
#ifndef ZTJIT_RECORD_H
#define ZTJIT_RECORD_H

#include "libztjit/core/directory.h"
#include "libztjit/core/hostproof.h"
#include "ztjit/cli.h"

/* "H-XXXXX-XXXXX-XXXXX-XXXXX" (PROTOCOL section 1, host digest). */
int record_digest(const char *domain, const struct ztj_record *r, char out[ZTJ_HOST_DIGEST_SIZE]) ZTJ_MUST_CHECK;
/* Every field, one line each, behind a mark such as "+ ". Appends. */
int record_text(const char *domain, const struct ztj_record *r, const char *mark, struct ztj_buf *out) ZTJ_MUST_CHECK;
json_t *record_json(const char *directory, const struct ztj_record *r);
/* "a, b, c" or "-". */
const char *record_groups(struct cli *c, const struct ztj_record *r);
const char *record_labels(struct cli *c, const struct ztj_record *r);

#endif
