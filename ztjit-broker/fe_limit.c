/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/fe_limit.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/safefile.h"

#define NAME_MAX_LEN 120
#define FORGET_MS (10 * 60 * 1000)
#define SCALE 60000 /* parts of a token: one minute in milliseconds, so that no rate is rounded */

struct entry {
	struct entry *next;
	char name[NAME_MAX_LEN];
	int64_t parts, at_ms; /* tokens × SCALE at that time; at_ms 0: never used as a bucket */
	int64_t count;
};
struct limits {
	uint64_t seed;
	size_t n, most, nbuckets;
	struct entry **bucket;
};

int limits_new(size_t entries, struct limits **out)
{
	*out = NULL;
	struct limits *l = calloc(1, sizeof(*l));
	if (l == NULL)
		return ZTJ_NOMEM;
	l->most = entries;
	l->nbuckets = entries;
	l->bucket = calloc(l->nbuckets, sizeof(struct entry *));
	if (l->bucket == NULL || ztj_random(&l->seed, sizeof(l->seed)) != ZTJ_OK) {
		limits_free(l);
		return ZTJ_NOMEM;
	}
	*out = l;
	return ZTJ_OK;
}

void limits_free(struct limits *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; l->bucket != NULL && i < l->nbuckets; i++) {
		while (l->bucket[i] != NULL) {
			struct entry *e = l->bucket[i];
			l->bucket[i] = e->next;
			free(e);
		}
	}
	free(l->bucket);
	free(l);
}

/* FNV-1a from a secret start: names are chosen by callers. */
static size_t hash(const struct limits *l, const char *name)
{
	uint64_t h = l->seed ^ UINT64_C(0xcbf29ce484222325);
	for (; *name != '\0'; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 32) % l->nbuckets;
}

static struct entry *find(struct limits *l, const char *name)
{
	struct entry *e = l->bucket[hash(l, name)];
	while (e != NULL && strcmp(e->name, name) != 0)
		e = e->next;
	return e;
}

static void forget(struct limits *l, int64_t now_ms)
{
	for (size_t i = 0; i < l->nbuckets; i++) {
		struct entry **at = &l->bucket[i];
		while (*at != NULL) {
			struct entry *e = *at;
			if (e->count == 0 && now_ms - e->at_ms > FORGET_MS) {
				*at = e->next;
				free(e);
				l->n--;
			} else {
				at = &e->next;
			}
		}
	}
}

static struct entry *get(struct limits *l, const char *name, int64_t now_ms)
{
	struct entry *e = find(l, name);
	size_t n = strlen(name);
	if (e != NULL || n >= NAME_MAX_LEN)
		return e;
	if (l->n >= l->most)
		forget(l, now_ms);
	if (l->n >= l->most || (e = calloc(1, sizeof(*e))) == NULL)
		return NULL;
	memcpy(e->name, name, n + 1);
	struct entry **at = &l->bucket[hash(l, name)];
	e->next = *at;
	*at = e;
	l->n++;
	return e;
}

bool limits_take(struct limits *l, const char *name, struct limit_rate rate, int64_t now_ms, int *retry_s)
{
	struct entry *e = get(l, name, now_ms);
	*retry_s = 60;
	if (e == NULL || rate.per_minute <= 0)
		return false;
	if (e->at_ms == 0)
		e->parts = rate.burst * SCALE;
	else if (now_ms > e->at_ms)
		e->parts += (now_ms - e->at_ms > FORGET_MS ? FORGET_MS : now_ms - e->at_ms) * rate.per_minute;
	if (e->parts > rate.burst * SCALE)
		e->parts = rate.burst * SCALE;
	e->at_ms = now_ms;
	if (e->parts < SCALE) {
		int64_t wait_ms = (SCALE - e->parts) / rate.per_minute;
		*retry_s = (int)(wait_ms / 1000) + 1;
		return false;
	}
	e->parts -= SCALE;
	return true;
}

bool limits_enter(struct limits *l, const char *name, int64_t max)
{
	struct entry *e = get(l, name, 0);
	if (e == NULL || e->count >= max)
		return false;
	e->count++;
	return true;
}

void limits_leave(struct limits *l, const char *name)
{
	struct entry **at = &l->bucket[hash(l, name)];
	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	struct entry *e = *at;
	if (e == NULL || e->count == 0)
		return;
	e->count--;
	if (e->count > 0 || e->at_ms != 0)
		return;
	*at = e->next;
	free(e);
	l->n--;
}
