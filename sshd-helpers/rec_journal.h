/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the daemon has not taken yet: a bounded ring of whole messages, kept so that a restarted daemon gets them again
 * (PROTOCOL 8.5). Pure: no clock, no descriptor.
 */
#ifndef ZTJ_SSHD_HELPERS_REC_JOURNAL_H
#define ZTJ_SSHD_HELPERS_REC_JOURNAL_H

#include <sys/uio.h>

#include "libztjit/core/wire.h"
#include "libztjit/sys/recmsg.h"

/* The window, and room for what must always fit: changes of size and the end. */
#define ZTJ_JOURNAL_RING (2u * ZTJ_REC_WINDOW)

struct ztj_journal {
	uint64_t tail, sent, head; /* positions in bytes, tail ≤ sent ≤ head; all 0 when it is empty */
	uint64_t whole;            /* where the message begins that `sent` stands in */
	uint64_t last;             /* where the newest message begins */
	uint64_t last_us;
	uint64_t events, handed, taken; /* counted from the first of the session: appended, sent whole (this time), let go */
	uint64_t ever, claimed;         /* the most that was ever sent whole; what the daemon says it has */
	size_t window;
	uint8_t last_code; /* 0: nothing may be joined to the newest message */
	uint8_t ring[ZTJ_JOURNAL_RING];
};

/* j is zero. window: as the daemon said; never more than ZTJ_REC_WINDOW counts. */
void ztj_journal_init(struct ztj_journal *j, size_t window);
/* Content bytes that the next event may have, 0–ZTJ_REC_EVENT_MAX. */
size_t ztj_journal_room(const struct ztj_journal *j);
/* Less than half of a screen fits. */
bool ztj_journal_full(const struct ztj_journal *j);
bool ztj_journal_empty(const struct ztj_journal *j);
/* Appends an event, or adds to the newest one when nothing of that was sent, it has the same code and is not older than
 * 10 ms. n is at most ztj_journal_room(); ZTJ_LIMIT otherwise. */
int ztj_journal_event(struct ztj_journal *j, uint64_t us, uint8_t code, struct ztj_view content) ZTJ_MUST_CHECK;
/* Appends another message, which no TAKEN counts: the END. */
int ztj_journal_message(struct ztj_journal *j, struct ztj_view message) ZTJ_MUST_CHECK;

/* What was not sent yet, as at most two pieces; returns how many pieces. */
int ztj_journal_unsent(const struct ztj_journal *j, struct iovec piece[2]);
size_t ztj_journal_unsent_bytes(const struct ztj_journal *j);
void ztj_journal_sent(struct ztj_journal *j, size_t n);
/* Between two messages: another message may go out now. */
bool ztj_journal_between(const struct ztj_journal *j);
/* The daemon has the first `events` of the session. ZTJ_PROTOCOL: it cannot have them, or had more before. Those that are
 * being sent again go on being sent: it leaves them out. */
int ztj_journal_taken(struct ztj_journal *j, uint64_t events) ZTJ_MUST_CHECK;
/* Everything that was not taken is to be sent again. */
void ztj_journal_rewind(struct ztj_journal *j);

#endif
