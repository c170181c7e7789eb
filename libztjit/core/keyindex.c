/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/keyindex.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_LEAST 16

/* FNV-1a over type, point and application, then mixed. Whoever grinds keys to collide must get each one vouched
 * for, and gains a slow look-up of his own. */
static uint64_t hash_of(const struct ztj_key *k)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)k->type;

	for (size_t i = 0; i < k->pub_len && i < sizeof(k->pub); i++)
		h = (h ^ k->pub[i]) * UINT64_C(0x100000001b3);
	for (const char *p = k->application; *p != '\0'; p++)
		h = (h ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	return h ^ h >> 32;
}

/* The i-th key of a record, or NULL. */
static const struct ztj_key *key_at(const struct ztj_record *r, size_t i)
{
	if (!r->host)
		return i < r->nkeys ? &r->keys[i].key : NULL;
	return i == 0 ? &r->machine : i == 1 ? &r->tls : NULL;
}

static bool has_key(const struct ztj_record *r, const struct ztj_key *k)
{
	const struct ztj_key *own;

	for (size_t i = 0; (own = key_at(r, i)) != NULL; i++)
		if (ztj_key_equal(own, k))
			return true;
	return false;
}

size_t ztj_keyindex_weight(const struct ztj_record *r)
{
	return r->host ? 2 : r->nkeys;
}

/* Puts a hash and record into the first free slot (there is one: at most half are taken). */
static void place(struct ztj_keyindex *x, uint64_t hash, struct ztj_record *r)
{
	size_t i = hash & (x->size - 1);

	while (x->slot[i].r != NULL)
		i = (i + 1) & (x->size - 1);
	x->slot[i].hash = hash;
	x->slot[i].r = r;
	x->used++;
}

int ztj_keyindex_copy(const struct ztj_keyindex *from, size_t more, struct ztj_keyindex *out)
{
	size_t size = SIZE_LEAST;

	memset(out, 0, sizeof(*out));
	while (size < 2 * (from->used + more))
		size *= 2;
	if (size < from->size)
		size = from->size;
	out->slot = calloc(size, sizeof(*out->slot));
	if (out->slot == NULL)
		return ZTJ_NOMEM;
	out->size = size;
	if (size == from->size) {
		memcpy(out->slot, from->slot, size * sizeof(*out->slot));
		out->used = from->used;
		return ZTJ_OK;
	}
	for (size_t i = 0; i < from->size; i++)
		if (from->slot[i].r != NULL)
			place(out, from->slot[i].hash, from->slot[i].r);
	return ZTJ_OK;
}

void ztj_keyindex_free(struct ztj_keyindex *x)
{
	free(x->slot);
	memset(x, 0, sizeof(*x));
}

const struct ztj_record *ztj_keyindex_find(const struct ztj_keyindex *x, const struct ztj_key *k)
{
	uint64_t hash;

	if (x->size == 0 || k->type == ZTJ_KEY_NONE)
		return NULL;
	hash = hash_of(k);
	for (size_t i = hash & (x->size - 1); x->slot[i].r != NULL; i = (i + 1) & (x->size - 1))
		if (x->slot[i].hash == hash && has_key(x->slot[i].r, k))
			return x->slot[i].r;
	return NULL;
}

int ztj_keyindex_add(struct ztj_keyindex *x, struct ztj_record *r)
{
	const struct ztj_key *k;

	for (size_t i = 0; (k = key_at(r, i)) != NULL; i++) {
		if (ztj_keyindex_find(x, k) != NULL)
			return ZTJ_KEY_SHARED;
		if (2 * (x->used + 1) > x->size)
			return ZTJ_INTERNAL;
		place(x, hash_of(k), r);
	}
	return ZTJ_OK;
}

/* Frees slot i and moves what had been pushed past it back. */
static void unplace(struct ztj_keyindex *x, size_t i)
{
	size_t mask = x->size - 1;

	x->slot[i].r = NULL;
	x->used--;
	for (size_t j = (i + 1) & mask; x->slot[j].r != NULL; j = (j + 1) & mask) {
		size_t home = x->slot[j].hash & mask;

		if (((j - home) & mask) >= ((j - i) & mask)) {
			x->slot[i] = x->slot[j];
			x->slot[j].r = NULL;
			i = j;
		}
	}
}

void ztj_keyindex_remove(struct ztj_keyindex *x, const struct ztj_record *r)
{
	const struct ztj_key *k;

	for (size_t n = 0; (k = key_at(r, n)) != NULL && x->size > 0; n++) {
		uint64_t hash = hash_of(k);
		size_t i = hash & (x->size - 1);

		while (x->slot[i].r != NULL && (x->slot[i].r != r || x->slot[i].hash != hash))
			i = (i + 1) & (x->size - 1);
		if (x->slot[i].r != NULL)
			unplace(x, i);
	}
}
