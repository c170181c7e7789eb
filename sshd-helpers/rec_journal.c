/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "sshd-helpers/rec_journal.h"

#include <string.h>

#include "sshd-helpers/rec_msg.h"

#define JOIN_US 10000
#define MESSAGE_MAX 4096u
#define FULL_BELOW 2048u

_Static_assert((ZTJ_JOURNAL_RING & (ZTJ_JOURNAL_RING - 1)) == 0, "positions are taken modulo a power of two");
_Static_assert(ZTJ_JOURNAL_RING >= ZTJ_REC_WINDOW + MESSAGE_MAX, "the end fits beside a full window");

void ztj_journal_init(struct ztj_journal *j, size_t window)
{
	j->window = window < ZTJ_REC_WINDOW ? window : ZTJ_REC_WINDOW;
}

static size_t used(const struct ztj_journal *j)
{
	return (size_t)(j->head - j->tail);
}

size_t ztj_journal_room(const struct ztj_journal *j)
{
	size_t n = used(j) + ZTJ_REC_EVENT_HEAD;

	if (n >= j->window)
		return 0;
	n = j->window - n;
	return n < ZTJ_REC_EVENT_MAX ? n : ZTJ_REC_EVENT_MAX;
}

bool ztj_journal_full(const struct ztj_journal *j)
{
	return ztj_journal_room(j) < FULL_BELOW;
}

bool ztj_journal_empty(const struct ztj_journal *j)
{
	return j->head == j->tail;
}

static size_t at(uint64_t pos)
{
	return (size_t)(pos & (ZTJ_JOURNAL_RING - 1));
}

static void write_at(struct ztj_journal *j, uint64_t pos, const uint8_t *p, size_t n)
{
	size_t i = at(pos), first = ZTJ_JOURNAL_RING - i;

	if (first > n)
		first = n;
	memcpy(j->ring + i, p, first);
	if (n > first)
		memcpy(j->ring, p + first, n - first);
}

static uint32_t u32_at(const struct ztj_journal *j, uint64_t pos)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++)
		v = v << 8 | j->ring[at(pos + i)];
	return v;
}

static bool is_event(const struct ztj_journal *j, uint64_t pos)
{
	return j->ring[at(pos + 5)] == ZTJ_REC_EVENT;
}

static uint64_t after(const struct ztj_journal *j, uint64_t pos)
{
	return pos + 4 + u32_at(j, pos);
}

/* Adds to the newest event: fewer, larger ones for the daemon when much comes at once. */
static bool join(struct ztj_journal *j, uint64_t us, uint8_t code, struct ztj_view v)
{
	uint8_t head[ZTJ_REC_EVENT_HEAD];
	size_t had = (size_t)(j->head - j->last) - ZTJ_REC_EVENT_HEAD;

	if (j->last_code != code || j->last_code == 0 || j->last < j->sent || us < j->last_us ||
	    us - j->last_us > JOIN_US || had + v.n > ZTJ_REC_EVENT_MAX)
		return false;
	ztj_rec_event_head(head, j->last_us, code, (uint32_t)(had + v.n));
	write_at(j, j->last, head, sizeof head);
	write_at(j, j->head, v.p, v.n);
	j->head += v.n;
	return true;
}

int ztj_journal_event(struct ztj_journal *j, uint64_t us, uint8_t code, struct ztj_view v)
{
	uint8_t head[ZTJ_REC_EVENT_HEAD];

	if (v.n > ztj_journal_room(j))
		return ZTJ_LIMIT;
	if (j->head != j->tail && join(j, us, code, v))
		return ZTJ_OK;
	ztj_rec_event_head(head, us, code, (uint32_t)v.n);
	j->last = j->head;
	j->last_us = us;
	j->last_code = code == 'r' || code == 'm' ? 0 : code;
	write_at(j, j->head, head, sizeof head);
	write_at(j, j->head + sizeof head, v.p, v.n);
	j->head += sizeof head + v.n;
	j->events++;
	return ZTJ_OK;
}

int ztj_journal_message(struct ztj_journal *j, struct ztj_view m)
{
	if (m.n > MESSAGE_MAX || m.n > ZTJ_JOURNAL_RING - used(j))
		return ZTJ_LIMIT;
	write_at(j, j->head, m.p, m.n);
	j->last = j->head;
	j->last_code = 0;
	j->head += m.n;
	return ZTJ_OK;
}

size_t ztj_journal_unsent_bytes(const struct ztj_journal *j)
{
	return (size_t)(j->head - j->sent);
}

int ztj_journal_unsent(const struct ztj_journal *j, struct iovec piece[2])
{
	size_t n = ztj_journal_unsent_bytes(j), i = at(j->sent), first = ZTJ_JOURNAL_RING - i;

	if (first > n)
		first = n;
	/* sendmsg does not write through it */
	const uint8_t *p = j->ring + i, *q = j->ring;
	memcpy(&piece[0].iov_base, &p, sizeof p);
	piece[0].iov_len = first;
	memcpy(&piece[1].iov_base, &q, sizeof q);
	piece[1].iov_len = n - first;
	return n == 0 ? 0 : n > first ? 2 : 1;
}

bool ztj_journal_between(const struct ztj_journal *j)
{
	return j->whole == j->sent;
}

/* Lets go of what the daemon has, up to what was sent whole. */
static void let_go(struct ztj_journal *j)
{
	while (j->taken < j->claimed && j->taken < j->handed) {
		if (is_event(j, j->tail))
			j->taken++;
		j->tail = after(j, j->tail);
	}
	/* An idle session keeps to the first pages of the ring. */
	if (j->tail == j->head)
		j->tail = j->sent = j->head = j->whole = j->last = 0;
}

void ztj_journal_sent(struct ztj_journal *j, size_t n)
{
	j->sent += n;
	while (j->whole < j->sent) {
		uint64_t next = after(j, j->whole);
		if (next > j->sent)
			break;
		if (is_event(j, j->whole))
			j->handed++;
		j->whole = next;
	}
	if (j->ever < j->handed)
		j->ever = j->handed;
	let_go(j);
}

int ztj_journal_taken(struct ztj_journal *j, uint64_t events)
{
	if (events < j->claimed || events > j->ever)
		return ZTJ_PROTOCOL;
	j->claimed = events;
	let_go(j);
	return ZTJ_OK;
}

void ztj_journal_rewind(struct ztj_journal *j)
{
	j->handed = j->ever;
	let_go(j);
	j->sent = j->whole = j->tail;
	j->handed = j->taken;
	/* The daemon may have the newest event already: it must come again as it was. */
	j->last_code = 0;
}
