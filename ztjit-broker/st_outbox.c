/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/st_outbox.h"

#include <stdlib.h>
#include <string.h>

#include "ztjit-broker/proto.h"

struct item {
	struct chan *to;
	uint8_t type;
	uint8_t *p;
	size_t n;
};
struct outbox {
	struct item *item;
	size_t n, cap;
};

int outbox_new(struct outbox **out)
{
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? ZTJ_NOMEM : ZTJ_OK;
}

static void clear(struct outbox *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->item[i].p);
	o->n = 0;
}

void outbox_free(struct outbox *o)
{
	if (o == NULL)
		return;
	clear(o);
	free(o->item);
	free(o);
}

int outbox_add(struct outbox *o, struct chan *to, uint8_t type, struct ztj_view body)
{
	if (o->n == o->cap) {
		size_t cap = o->cap == 0 ? 64 : 2 * o->cap;
		struct item *grown = reallocarray(o->item, cap, sizeof(*grown));
		if (grown == NULL)
			return ZTJ_NOMEM;
		o->item = grown;
		o->cap = cap;
	}
	uint8_t *p = malloc(body.n + 1);
	if (p == NULL)
		return ZTJ_NOMEM;
	memcpy(p, body.n == 0 ? (const uint8_t *)"" : body.p, body.n);
	struct item *item = &o->item[o->n++];
	item->to = to;
	item->type = type;
	item->p = p;
	item->n = body.n;
	return ZTJ_OK;
}

bool outbox_empty(const struct outbox *o)
{
	return o->n == 0;
}

bool outbox_holds(const struct outbox *o, uint8_t type)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->item[i].type == type)
			return true;
	return false;
}

int outbox_release(struct outbox *o)
{
	int r = ZTJ_OK;
	for (size_t i = 0; r == ZTJ_OK && i < o->n; i++)
		r = chan_send(o->item[i].to, o->item[i].type, ztj_view_of(o->item[i].p, o->item[i].n));
	clear(o);
	return r;
}

void outbox_drop(struct outbox *o, void (*each)(void *arg, uint32_t tag), void *arg)
{
	for (size_t i = 0; i < o->n; i++) {
		struct ztj_rd rd;
		uint32_t tag;
		ztj_rd_init(&rd, ztj_view_of(o->item[i].p, o->item[i].n));
		if (o->item[i].type == MSG_REPLY && ztj_rd_u32(&rd, &tag) == ZTJ_OK)
			each(arg, tag);
	}
	clear(o);
}
