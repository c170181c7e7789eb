/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Checkpoints of the audit log (C2SP tlog-checkpoint): a signed note that says how long the log is and what it holds.
 */
#ifndef ZTJ_CORE_CHECKPOINT_H
#define ZTJ_CORE_CHECKPOINT_H

#include "libztjit/core/note.h"
#include "libztjit/core/text.h"
#include "libztjit/core/tlog.h"

#define ZTJ_ORIGIN_SIZE (ZTJ_DOMAIN_SIZE + 8)
#define ZTJ_CHECKPOINT_MAX ((size_t)4096) /* of ours, as a status carries it */

struct ztj_checkpoint {
	uint64_t size;
	ztj_hash root;
};

/* The log's name: DOMAIN "/ztjit". */
void ztj_checkpoint_origin(const char *domain, char out[ZTJ_ORIGIN_SIZE]);
/* Appends the note, signed under the origin's name. */
int ztj_checkpoint_sign(const struct ztj_seckey *key, const char *domain, const struct ztj_checkpoint *c,
    struct ztj_buf *out) ZTJ_MUST_CHECK;
/* The text of a note whose signatures were verified. DOMAIN: of another log. Extension lines are allowed and not looked at. */
int ztj_checkpoint_parse(struct ztj_view text, const char *domain, struct ztj_checkpoint *out) ZTJ_MUST_CHECK;
/* The same of any log, by its whole name. */
int ztj_checkpoint_parse_origin(struct ztj_view text, const char *origin, struct ztj_checkpoint *out) ZTJ_MUST_CHECK;
/* Signed by one of these log keys (those of the policy); the errors of note.h as well. */
int ztj_checkpoint_open(struct ztj_view note, const char *domain, const struct ztj_key *keys, size_t nkeys,
    struct ztj_checkpoint *out) ZTJ_MUST_CHECK;
/* What somebody remembers of a checkpoint that was verified: "SIZE HEX\n". Appends. */
int ztj_checkpoint_keep(const struct ztj_checkpoint *c, struct ztj_buf *out) ZTJ_MUST_CHECK;
int ztj_checkpoint_kept(struct ztj_view text, struct ztj_checkpoint *out) ZTJ_MUST_CHECK;
/* May `next` come after `kept`, as far as sizes and equal sizes can tell? LOG_ROLLBACK or LOG_FORK. */
int ztj_checkpoint_after(const struct ztj_checkpoint *kept, const struct ztj_checkpoint *next) ZTJ_MUST_CHECK;

#endif
