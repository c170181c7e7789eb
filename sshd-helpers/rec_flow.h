/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * One direction of a session: what is read on one side, counted, hashed, offered to the record, and written to the other.
 */
#ifndef ZTJ_SSHD_HELPERS_REC_FLOW_H
#define ZTJ_SSHD_HELPERS_REC_FLOW_H

#include "libztjit/core/wire.h"
#include "sshd-helpers/rec_fd.h"
#include "sshd-helpers/rec_hash.h"
#include "sshd-helpers/rec_msg.h"

#define ZTJ_FLOW_READ (64u * 1024u)

struct ztj_flow {
	struct ztj_rec_fd from, to;
	uint8_t code; /* of its events; 0: its content is not recorded */
	struct ztj_rec_hash *hash; /* NULL: not hashed */
	struct ztj_rec_total total;
	int err; /* why writing failed, when it was not that nobody reads any more */
	size_t start, end;
	uint8_t buf[2 * ZTJ_FLOW_READ];
};

/* Both closed, nothing in it. NULL: no memory. */
struct ztj_flow *ztj_flow_new(void);
/* Closes both too. */
void ztj_flow_free(struct ztj_flow *f);
/* Could it read something now, into at least half of a screen? */
bool ztj_flow_can_pull(const struct ztj_flow *f);
bool ztj_flow_pending(const struct ztj_flow *f);
/* Reads at most `max`; *got is what came, inside the buffer until the next call. ZTJ_OK; ZTJ_TIMEOUT: nothing there now;
 * ZTJ_NOT_FOUND: the end, `from` was closed; ZTJ_CRYPTO_LIB. */
int ztj_flow_pull(struct ztj_flow *f, size_t max, struct ztj_view *got) ZTJ_MUST_CHECK;
/* Writes what it can. When nobody reads any more `to` is closed, and what comes is forgotten. */
void ztj_flow_push(struct ztj_flow *f);
/* Passes an end on: of `from`, once everything was written, to `to`; of `to` to `from`, so that who writes learns it. */
void ztj_flow_settle(struct ztj_flow *f);
/* Closes both and forgets what was not written. */
void ztj_flow_close(struct ztj_flow *f);

#endif
