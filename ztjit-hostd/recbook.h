/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The book of records: which sessions' records the gate vouches for, and how far each has come, so that
 * heads are signed for known sessions only and only forward, also after a restart and a reboot.
 *
 * DIR/HEX, HEX being the host's name of the session: "ztjit-record 1 CHUNKS BYTES DIGEST STATE\n".
 */
#ifndef ZTJ_HOSTD_RECBOOK_H
#define ZTJ_HOSTD_RECBOOK_H

#include "libztjit/core/codec.h"
#include "libztjit/sys/recmsg.h"

#define ZTJ_RECBOOK_MAX 8192 /* more than the scribe holds, running and waiting for the broker */
#define ZTJ_RECBOOK_KEEP (7 * 86400) /* a head that was signed last may be asked for again so long */

struct ztj_recmark {
	uint32_t chunks;
	uint64_t bytes;
	uint8_t digest[ZTJ_DIGEST_LEN];
	enum ztj_rec_state state;
};

struct ztj_recbook;
/* dir: exists, ours. A file that does not parse stands for a record of which nothing is known but its name. */
int ztj_recbook_open(const char *dir, struct ztj_recbook **out) ZTJ_MUST_CHECK;
void ztj_recbook_close(struct ztj_recbook *b);
/* A new record, durable when it returns ZTJ_OK. EXISTS; LIMIT when full of records that go on. Of the others (ended, or asked for and
 * never begun) the one that was written longest ago makes room. */
int ztj_recbook_add(struct ztj_recbook *b, const uint8_t name[ZTJ_REC_SESSION_LEN]) ZTJ_MUST_CHECK;
/* May this mark be vouched for? NOT_FOUND: no such record; STATE: it goes back, or on after the end. Notes it. */
int ztj_recbook_mark(struct ztj_recbook *b, const uint8_t name[ZTJ_REC_SESSION_LEN],
    const struct ztj_recmark *m) ZTJ_MUST_CHECK;
/* Is it there, and has not ended? */
bool ztj_recbook_open_record(const struct ztj_recbook *b, const uint8_t name[ZTJ_REC_SESSION_LEN]);
/* Forgets records that ended, or were never begun, long before now (system clock). */
void ztj_recbook_sweep(struct ztj_recbook *b, int64_t now);

#endif
