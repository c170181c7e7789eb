/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the store tells the sender: leaves, from committed rows alone, so that nobody outside hears of what was taken back.
 * The sender is answered, never waited for.
 */
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/askproto.h"
#include "ztjit-broker/sendproto.h"
#include "ztjit-broker/st_witness.h"

#define QUEUE_MAX \
	((size_t)16 * 1024 * 1024) /* answers that the sender has not read; it asks for much less at a time */

void sender_grown(struct store *st)
{
	struct ztj_buf msg;
	st->committed = st->audit->tree.size;
	if (st->sender == NULL || st->committed == st->told)
		return;
	ztj_buf_init(&msg, 64);
	if (grown_write(st->committed, &msg) == ZTJ_OK &&
	    chan_send(st->sender, SND_GROWN, ztj_buf_view(&msg)) == ZTJ_OK)
		st->told = st->committed;
	ztj_buf_free(&msg);
	chan_flush(st->sender);
}

struct gather {
	struct ztj_buf *out;
	size_t most;
};

static int add_leaf(uint64_t n, struct ztj_view entry, void *arg)
{
	struct gather *g = arg;
	(void)n;
	if (g->out->n > 0 && g->out->n + entry.n + 2 > g->most)
		return ZTJ_LIMIT;
	return ztj_entry_put(g->out, entry);
}

static int do_want(struct store *st, const struct want *w)
{
	struct ztj_buf entries, msg;
	struct gather g = { &entries, w->bytes };
	int r = ZTJ_OK;
	if (chan_queued(st->sender) >= QUEUE_MAX)
		return ZTJ_PROTOCOL;
	ztj_buf_init(&entries, SND_LEAVES_MAX + ZTJ_ENTRY_MAX + 2);
	ztj_buf_init(&msg, SND_LEAVES_MAX + (size_t)ZTJ_ENTRY_MAX + 64);
	if (!st->broken && w->from < st->committed)
		r = db_leaf_each(st->db, w->from, st->committed, add_leaf, &g);
	if (r != ZTJ_OK && r != ZTJ_LIMIT) {
		ztj_log(ZTJ_LOG_ERROR, "leaves from %llu on cannot be read: %s", (unsigned long long)w->from,
		    ztj_err_text(r));
		ztj_buf_reset(&entries);
	}
	const struct leaves l = { w->tag, w->from, ztj_buf_view(&entries) };
	r = leaves_write(&l, &msg);
	if (r == ZTJ_OK)
		r = chan_send(st->sender, SND_LEAVES, ztj_buf_view(&msg));
	ztj_buf_free(&entries);
	ztj_buf_free(&msg);
	return r;
}

int sender_message(void *arg, uint8_t type, struct ztj_view body)
{
	struct store *st = arg;
	struct want w;
	int r;
	switch (type) {
	case SND_WANT:
		r = want_read(body, &w);
		return r == ZTJ_OK ? do_want(st, &w) : r;
	case SND_STATE:
		return states_read(body, &st->sent);
	case SND_ANSWERED:
		return witnesses_answer(st, body, st_now());
	default:
		return ZTJ_PROTOCOL;
	}
}
