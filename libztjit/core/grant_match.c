/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Maximum bipartite matching of people to the slots of a rule, by augmenting paths. Slots are at most eight,
 * so a path is found by breadth-first search over a byte of visited slots, without recursion.
 */
#include <string.h>

#include "libztjit/core/grant_int.h"

#define NONE (-1)

void ztj_match_init(struct ztj_matching *m, const struct ztj_rule *rule)
{
	memset(m, 0, sizeof *m);
	m->nslots = rule->nslots;
	for (size_t i = 0; i < m->nslots; i++)
		m->need[i] = rule->slot[i].count;
}

bool ztj_match_full(const struct ztj_matching *m)
{
	for (size_t i = 0; i < m->nslots; i++)
		if (m->have[i] < m->need[i])
			return false;
	return true;
}

struct search {
	uint8_t seen; /* slots that were reached */
	size_t tail;
	int queue[ZTJ_SLOTS_MAX];   /* in the order they were reached */
	size_t from[ZTJ_SLOTS_MAX]; /* by whom */
};

/* Reaches the slots that this person may fill; the first with room, or NONE. */
static int reach(const struct ztj_matching *m, size_t who, struct search *f)
{
	for (size_t s = 0; s < m->nslots; s++) {
		if (!(m->person[who].may & 1u << s) || (f->seen & 1u << s))
			continue;
		f->seen |= (uint8_t)(1u << s);
		f->from[s] = who;
		if (m->have[s] < m->need[s])
			return (int)s;
		f->queue[f->tail++] = (int)s;
	}
	return NONE;
}

/* Everybody on the path moves one slot on. */
static void take_path(struct ztj_matching *m, int slot, const struct search *f)
{
	m->have[slot]++;
	while (slot != NONE) {
		size_t who = f->from[slot];
		int left = m->person[who].slot;
		m->person[who].slot = (int8_t)slot;
		slot = left;
	}
}

static bool augment(struct ztj_matching *m, size_t start)
{
	struct search f = { .seen = 0 };
	int slot = reach(m, start, &f);

	for (size_t head = 0; slot == NONE && head < f.tail; head++)
		for (size_t p = 0; p < m->npeople && slot == NONE; p++)
			if (m->person[p].slot == f.queue[head])
				slot = reach(m, p, &f);
	if (slot == NONE)
		return false;
	take_path(m, slot, &f);
	return true;
}

void ztj_match_add(struct ztj_matching *m, size_t who, uint8_t may)
{
	bool grown = true;

	if (who >= ZTJ_MATCH_PEOPLE_MAX || who > m->npeople)
		return;
	if (who == m->npeople) {
		m->npeople++;
		m->person[who].slot = NONE;
	}
	m->person[who].may |= may;
	while (grown && !ztj_match_full(m)) {
		grown = false;
		for (size_t p = 0; p < m->npeople && !grown; p++)
			grown = m->person[p].slot == NONE && augment(m, p);
	}
}
