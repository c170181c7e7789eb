/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Tags: a place in a table, and a generation so that a late answer meets nobody. */
#include <stdlib.h>
#include <string.h>

#include "ztjit-broker/frontend.h"

#define PLACE_BITS 18
#define PLACES ((uint32_t)1 << PLACE_BITS)
#define GROW 1024u

struct place {
	uint32_t generation, next_free;
	bool used;
	struct asked_item item;
};
struct asked {
	struct place **block; /* of GROW places each, so that items never move */
	uint32_t n;           /* places made so far */
	uint32_t first_free, last_free;
};
#define NONE UINT32_MAX

int asked_new(struct asked **out)
{
	struct asked *a = calloc(1, sizeof(*a));
	*out = a;
	if (a == NULL)
		return ZTJ_NOMEM;
	a->block = calloc(PLACES / GROW, sizeof(struct place *));
	a->first_free = a->last_free = NONE;
	if (a->block != NULL)
		return ZTJ_OK;
	free(a);
	*out = NULL;
	return ZTJ_NOMEM;
}

void asked_free(struct asked *a)
{
	if (a == NULL)
		return;
	for (uint32_t i = 0; i < PLACES / GROW; i++)
		free(a->block[i]);
	free(a->block);
	free(a);
}

static struct place *at(const struct asked *a, uint32_t i)
{
	return &a->block[i / GROW][i % GROW];
}

/* First in, first out, so that a place rests as long as possible. */
static void release(struct asked *a, uint32_t i)
{
	at(a, i)->next_free = NONE;
	if (a->first_free == NONE)
		a->first_free = i;
	else
		at(a, a->last_free)->next_free = i;
	a->last_free = i;
}

static bool grow(struct asked *a)
{
	if (a->n == PLACES)
		return false;
	struct place *b = calloc(GROW, sizeof(*b));
	if (b == NULL)
		return false;
	a->block[a->n / GROW] = b;
	for (uint32_t i = 0; i < GROW; i++) {
		/* tag 0 means "none" to callers */
		if (a->n + i != 0)
			release(a, a->n + i);
	}
	a->n += GROW;
	return true;
}

struct asked_item *asked_add(struct asked *a, enum asked_kind kind, uint32_t *tag)
{
	*tag = 0;
	if (a->first_free == NONE && !grow(a))
		return NULL;
	uint32_t i = a->first_free;
	struct place *p = at(a, i);
	a->first_free = p->next_free;
	p->used = true;
	p->generation = (p->generation + 1) & (UINT32_MAX >> PLACE_BITS);
	memset(&p->item, 0, sizeof(p->item));
	p->item.kind = kind;
	*tag = p->generation << PLACE_BITS | i;
	return &p->item;
}

static struct place *find(struct asked *a, uint32_t tag)
{
	uint32_t i = tag & (PLACES - 1);
	if (i >= a->n || i == 0)
		return NULL;
	struct place *p = at(a, i);
	return p->used && p->generation == tag >> PLACE_BITS ? p : NULL;
}

struct asked_item *asked_find(struct asked *a, uint32_t tag)
{
	struct place *p = find(a, tag);
	return p == NULL ? NULL : &p->item;
}

void asked_drop(struct asked *a, uint32_t tag)
{
	struct place *p = find(a, tag);
	if (p == NULL)
		return;
	p->used = false;
	release(a, tag & (PLACES - 1));
}
