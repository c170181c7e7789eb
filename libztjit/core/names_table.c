/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Tables of published names (PROTOCOL.md section 9): entries sorted, checked and placed. */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/codec.h"
#include "libztjit/core/names_table.h"

static int cmp_u32(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

int ztj_nametab_init(struct ztj_nametab *t, size_t max)
{
	size_t n = max != 0 ? max : 1;

	memset(t, 0, sizeof *t);
	t->e = calloc(n, sizeof *t->e);
	t->key = calloc(n, sizeof *t->key);
	t->name_place = calloc(n, sizeof *t->name_place);
	t->id_place = calloc(n, sizeof *t->id_place);
	if (t->e != NULL && t->key != NULL && t->name_place != NULL && t->id_place != NULL)
		return ZTJ_OK;
	ztj_nametab_free(t);
	return ZTJ_NOMEM;
}

void ztj_nametab_free(struct ztj_nametab *t)
{
	free(t->e);
	free(t->key);
	free(t->name_place);
	free(t->id_place);
	memset(t, 0, sizeof *t);
}

static int by_name(const void *a, const void *b)
{
	const struct names_entry *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r != 0 ? r : cmp_u32(y->id, x->id);
}

void ztj_nametab_sort(struct ztj_nametab *t)
{
	qsort(t->e, t->n, sizeof *t->e, by_name);
}

static int by_home(const void *a, const void *b)
{
	const struct names_key *x = a, *y = b;

	return x->home != y->home ? cmp_u32(x->home, y->home) : cmp_u32(x->tie, y->tie);
}

int ztj_nametab_check(struct ztj_nametab *t)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n; i++)
		if (t->e[i].id != 0)
			t->key[n++] = (struct names_key){ 0, t->e[i].id, i };
	qsort(t->key, n, sizeof *t->key, by_home);
	for (uint32_t i = 1; i < n; i++)
		if (t->key[i].tie == t->key[i - 1].tie)
			return ZTJ_EXISTS;
	return ZTJ_OK;
}

/* Sets place[entry] for each key; false: one would stand out of reach. */
static bool place(struct names_key *k, uint32_t n, uint32_t *places, uint32_t *reach)
{
	uint32_t next = 0;

	*reach = 1;
	qsort(k, n, sizeof *k, by_home);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = k[i].home > next ? k[i].home : next;

		if (at - k[i].home >= NAMES_REACH_MAX)
			return false;
		if (at - k[i].home >= *reach)
			*reach = at - k[i].home + 1;
		places[k[i].entry] = at;
		next = at + 1;
	}
	return true;
}

static bool place_table(struct ztj_nametab *t, uint32_t seed)
{
	uint32_t m = ztj_names_slots(t->n), n = 0;

	t->head.n = t->n;
	t->head.slots = m;
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t h = ztj_names_hash(seed, NAMES_BY_NAME, t->e[i].name, strlen(t->e[i].name));

		t->key[i] = (struct names_key){ ztj_names_home(h, m), i, i };
	}
	if (!place(t->key, t->n, t->name_place, &t->head.name_reach))
		return false;
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t h = ztj_names_hash(seed, NAMES_BY_ID, &t->e[i].id, sizeof t->e[i].id);

		if (t->e[i].id != 0)
			t->key[n++] = (struct names_key){ ztj_names_home(h, m), t->e[i].id, i };
	}
	return place(t->key, n, t->id_place, &t->head.id_reach);
}

/* ---- the seed ---- */

#define CHUNK 32768

/* Every entry of every table, hashed: the digest so far stands before what is still to go into it. */
struct content {
	size_t n;
	uint8_t bytes[ZTJ_DIGEST_LEN + CHUNK];
};

static int fold(struct content *c)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	int r = ztj_sha256(ztj_view_of(c->bytes, c->n), digest);

	memcpy(c->bytes, digest, sizeof digest);
	c->n = sizeof digest;
	return r;
}

static int put_content(struct content *c, const void *p, size_t n)
{
	int r = c->n + n > sizeof c->bytes ? fold(c) : ZTJ_OK;

	memcpy(c->bytes + c->n, p, n);
	c->n += n;
	return r;
}

static int take_content(struct content *c, struct ztj_nametab *const *t, size_t n)
{
	int r = ZTJ_OK;

	memset(c, 0, sizeof *c);
	c->n = ZTJ_DIGEST_LEN;
	for (size_t i = 0; i < n; i++) {
		r = r == ZTJ_OK ? put_content(c, &t[i]->n, sizeof t[i]->n) : r;
		for (uint32_t k = 0; r == ZTJ_OK && k < t[i]->n; k++) {
			const struct names_entry *e = &t[i]->e[k];

			r = put_content(c, e->name, strlen(e->name) + 1);
			r = r == ZTJ_OK ? put_content(c, &e->id, sizeof e->id) : r;
		}
	}
	return r == ZTJ_OK ? fold(c) : r;
}

/* The seeds come from all names and ids together: whoever chooses some of them cannot know under which seeds they will stand, and
 * so cannot choose them to stand in each other's way. */
int ztj_nametab_place(struct ztj_nametab *const *t, size_t n, uint32_t *seed)
{
	struct content *c = malloc(sizeof *c);
	uint64_t key[2] = { 0, 0 };
	int r = c == NULL ? ZTJ_NOMEM : take_content(c, t, n);

	if (c != NULL)
		memcpy(key, c->bytes, sizeof key);
	free(c);
	for (uint32_t try = 0; r == ZTJ_OK && try < NAMES_SEEDS; try++) {
		uint32_t s = (uint32_t)ztj_names_siphash(key[0], key[1], &try, sizeof try);
		size_t i = 0;

		while (i < n && place_table(t[i], s))
			i++;
		if (i == n) {
			*seed = s;
			return ZTJ_OK;
		}
	}
	return r == ZTJ_OK ? ZTJ_LIMIT : r;
}

void *ztj_nametab_section(const struct ztj_nametab *t, size_t size)
{
	return calloc((size_t)t->head.slots + t->head.name_reach, size);
}

int ztj_nametab_put(const struct ztj_nametab *t, const void *section, size_t size, struct ztj_buf *out)
{
	size_t n = (size_t)t->head.slots + t->head.id_reach;
	struct names_id *ids = calloc(n, sizeof *ids);

	if (ids == NULL)
		return ZTJ_NOMEM;
	for (uint32_t i = 0; i < t->n; i++)
		if (t->e[i].id != 0)
			ids[t->id_place[i]] = (struct names_id){ t->e[i].id, t->name_place[i] + 1 };
	(void)ztj_buf_put(out, section, ((size_t)t->head.slots + t->head.name_reach) * size);
	(void)ztj_buf_put(out, ids, n * sizeof *ids);
	free(ids);
	return ztj_buf_status(out);
}

int ztj_nametab_key(const char *name, uint32_t id)
{
	if (name == NULL || !ztj_name_ok(name))
		return ZTJ_BAD_NAME;
	return id != 0 && id != UINT32_MAX ? ZTJ_OK : ZTJ_LIMIT;
}

uint32_t ztj_nametab_sum(uint32_t seed, enum names_kind kind, const void *p, size_t n)
{
	return (uint32_t)ztj_names_hash(seed, kind, p, n);
}

struct names_start ztj_nametab_start(const char *magic, uint32_t seed, uint64_t length)
{
	struct names_start s = { .version = ZTJ_NAMES_VERSION, .seed = seed, .length = length };

	memcpy(s.magic, magic, sizeof s.magic);
	return s;
}

uint64_t ztj_nametab_size(const struct ztj_nametab *t, size_t entry)
{
	return ((uint64_t)t->head.slots + t->head.name_reach) * entry +
	    ((uint64_t)t->head.slots + t->head.id_reach) * sizeof(struct names_id);
}
