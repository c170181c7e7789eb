/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Every way through a stack at once. libpam's state between two modules is an impression and a status: 3 × 32 states.
 * For each line the set of states that can reach it is kept, each with one way by which it did; jumps only go forward, so one
 * walk over the lines is enough.
 */
#include <stdlib.h>
#include <string.h>

#include "ztjit/doctor/pamstack.h"

enum { UNDEF, POSITIVE, NEGATIVE, IMPRESSIONS };
enum { SUCCESS = 0, PERM_DENIED = 6, IGNORE = 25, INCOMPLETE = 31 };
#define STATES (IMPRESSIONS * PAMS_CODES)
#define NOWHERE 0xffff

struct state {
	unsigned impression, status;
};
/* How a state at a line was reached first. */
struct step {
	uint16_t
	    line;     /* the line that ran; NOWHERE: the beginning; and whether the state is reached at all */
	uint8_t from; /* its state then */
	uint8_t code;
	bool reached, skipped;
};

struct walk {
	const struct pams_line *const *l; /* of one kind */
	size_t n;
	struct step *step;                      /* (n + 1) × STATES */
	bool entry[PAMS_DEPTH_MAX + 1][STATES]; /* states in which a substack of that level was entered */
};

static unsigned index_of(struct state s)
{
	return s.impression * PAMS_CODES + s.status;
}

static void reach(struct walk *w, size_t at, struct state s, struct step how)
{
	struct step *to = &w->step[at * STATES + index_of(s)];

	how.reached = true;
	if (!to->reached)
		*to = how;
}

/* The line after the rest of this level. */
static size_t end_of_level(const struct walk *w, size_t i)
{
	size_t k = i + 1;

	while (k < w->n && w->l[k]->level >= w->l[i]->level)
		k++;
	return k;
}

/* The line after `count` more modules of this level; false when there are not so many. */
static bool jump(const struct walk *w, size_t i, int count, size_t *to)
{
	unsigned level = w->l[i]->level;

	while (i + 1 < w->n && w->l[i + 1]->level >= level && count > 0) {
		do
			i++;
		while (i + 1 < w->n && w->l[i + 1]->level > level);
		count--;
	}
	*to = i + 1;
	return count == 0;
}

static struct state ok(struct state s, unsigned code)
{
	if (s.impression == UNDEF || (s.impression == POSITIVE && s.status == SUCCESS))
		return (struct state){ POSITIVE, code };
	return s;
}

static struct state bad(struct state s, unsigned code)
{
	if (s.impression != NEGATIVE)
		return (struct state){ NEGATIVE, code == IGNORE ? PERM_DENIED : code };
	return s;
}

static void reset(struct walk *w, size_t i, struct step how)
{
	for (unsigned k = 0; k < STATES; k++)
		if (w->entry[w->l[i]->level][k])
			reach(w, i + 1, (struct state){ k / PAMS_CODES, k % PAMS_CODES }, how);
}

/* One module returned one code in one state. */
static void returned(struct walk *w, size_t i, struct state s, unsigned code)
{
	struct step how = { .line = (uint16_t)i, .from = (uint8_t)index_of(s), .code = (uint8_t)code };
	int action = w->l[i]->action[code];
	size_t to = i + 1;

	switch (action) {
	case PAMS_RESET:
		reset(w, i, how);
		return;
	case PAMS_OK:
	case PAMS_DONE:
		s = ok(s, code);
		if (action == PAMS_DONE && s.impression == POSITIVE) {
			to = end_of_level(w, i);
			how.skipped = true;
		}
		break;
	case PAMS_BAD:
	case PAMS_DIE:
		s = bad(s, code);
		if (action == PAMS_DIE) {
			to = end_of_level(w, i);
			how.skipped = true;
		}
		break;
	case PAMS_IGNORE:
		break;
	default:
		how.skipped = true;
		if (action < 0 || !jump(w, i, action, &to))
			s = (struct state){ NEGATIVE, PERM_DENIED };
	}
	reach(w, to, s, how);
}

/* A state may stand before any module of a level that is entered here. */
static void enter(struct walk *w, size_t i)
{
	unsigned level = w->l[i]->level;

	if (i > 0 && w->l[i - 1]->level >= level)
		return;
	for (unsigned k = 0; k < STATES; k++)
		w->entry[level][k] = w->step[i * STATES + k].reached;
}

static void walk_line(struct walk *w, size_t i, uint32_t results)
{
	enter(w, i);
	for (unsigned k = 0; k < STATES; k++) {
		struct state s = { k / PAMS_CODES, k % PAMS_CODES };

		if (!w->step[i * STATES + k].reached)
			continue;
		if (w->l[i]->type == PAMS_SUBSTACK) {
			/* the head of a substack does nothing: whoever came here comes from the same module */
			reach(w, i + 1, s, w->step[i * STATES + k]);
			continue;
		}
		for (unsigned code = 0; code < INCOMPLETE; code++)
			if ((results & (UINT32_C(1) << code)) != 0)
				returned(w, i, s, code);
	}
}

/* The step that makes the difference, going back from the end; NULL when nothing ran. */
static const struct step *find_step(const struct walk *w, unsigned state)
{
	const struct step *s = &w->step[w->n * STATES + state];
	const struct step *last = s->line != NOWHERE ? s : NULL;

	for (; s->line != NOWHERE; s = &w->step[(size_t)s->line * STATES + s->from])
		if (state % PAMS_CODES == SUCCESS ? s->skipped : s->from != state)
			return s;
	return last;
}

static void tell_way(const struct walk *w, unsigned state, struct pams_way *way)
{
	const struct step *s = find_step(w, state);

	*way = (struct pams_way){ .status = (uint8_t)(state % PAMS_CODES) };
	if (s == NULL)
		return;
	way->by = w->l[s->line];
	way->code = s->code;
	way->skipped = s->skipped;
}

static bool judge(const struct walk *w, const struct pams_ask *ask, struct pams_way *way)
{
	for (unsigned k = 0; k < STATES; k++) {
		unsigned impression = k / PAMS_CODES, status = k % PAMS_CODES;

		if (!w->step[w->n * STATES + k].reached)
			continue;
		if (status == SUCCESS && impression != POSITIVE)
			status = PERM_DENIED;
		if ((ask->lets_in & (UINT32_C(1) << status)) == 0)
			continue;
		tell_way(w, k, way);
		return true;
	}
	return false;
}

int pams_passes(const struct pams_stack *s, const struct pams_ask *ask, bool *passes, struct pams_way *way)
{
	const struct pams_line **l = calloc(s->n + 1, sizeof *l);
	struct walk *w = calloc(1, sizeof *w);
	int r = ZTJ_NOMEM;

	*passes = true;
	*way = (struct pams_way){ .by = NULL };
	if (w == NULL || l == NULL)
		goto out;
	w->l = l;
	for (size_t i = 0; i < s->n; i++)
		if (s->line[i].kind == ask->kind)
			l[w->n++] = &s->line[i];
	if ((w->step = calloc((w->n + 1) * STATES, sizeof *w->step)) == NULL)
		goto out;
	reach(w, 0, (struct state){ UNDEF, PERM_DENIED }, (struct step){ .line = NOWHERE });
	for (size_t i = 0; i < w->n; i++)
		walk_line(w, i,
		    l[i]->type == PAMS_MUST_FAIL ? UINT32_C(1) << PERM_DENIED : ask->results(l[i], ask->arg));
	/* no module at all: libpam denies */
	*passes = w->n > 0 && judge(w, ask, way);
	r = ZTJ_OK;
out:
	if (w != NULL)
		free(w->step);
	free(w);
	free(l);
	return r;
}
