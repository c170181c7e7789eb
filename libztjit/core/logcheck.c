/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/logcheck.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ztj_logcheck_init(struct ztj_logcheck *c)
{
	memset(c, 0, sizeof(*c));
}

int ztj_logcheck_mark(struct ztj_logcheck *c, const struct ztj_checkpoint *m)
{
	if (c->nmarks == ZTJ_LOGCHECK_MARKS)
		return ZTJ_LIMIT;
	c->mark[c->nmarks++] = *m;
	return ZTJ_OK;
}

__attribute__((format(printf, 5, 6))) static int wrong(struct ztj_logcheck *c, int err, uint64_t first,
    uint64_t last, const char *fmt, ...)
{
	va_list ap;

	c->bad = first;
	c->last = last;
	va_start(ap, fmt);
	(void)vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
	return err;
}

/* The root must be what every mark at this size says. Nothing before the mark was seen to be wrong by itself: the
 * history was made anew as a whole. */
static int at_marks(struct ztj_logcheck *c)
{
	ztj_hash root;
	int r;

	for (size_t i = 0; i < c->nmarks; i++) {
		if (c->mark[i].size != c->tree.size)
			continue;
		r = ztj_tlog_root(&c->tree, root);
		if (r != ZTJ_OK)
			return r;
		if (memcmp(root, c->mark[i].root, sizeof(root)) != 0)
			return wrong(c, ZTJ_LOG_FORK, 0, c->tree.size == 0 ? 0 : c->tree.size - 1,
			    "the first %llu leaves are not those that a checkpoint was signed for",
			    (unsigned long long)c->tree.size);
	}
	return ZTJ_OK;
}

/* A tile as published against the one that the leaves give. */
static int compare(struct ztj_logcheck *c, const struct ztj_tile *t, const ztj_hash *hashes)
{
	char path[ZTJ_TILE_PATH_SIZE];
	ztj_hash theirs[ZTJ_TILE_WIDTH];
	int r = c->tile == NULL ? ZTJ_NOT_FOUND : c->tile(c->arg, t, theirs);

	if (r != ZTJ_OK)
		return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
	ztj_tile_path(t, path);
	for (unsigned i = 0; i < t->width; i++) {
		uint64_t each = UINT64_C(1) << (8 * t->level);
		uint64_t first = (t->index * ZTJ_TILE_WIDTH + i) * each;

		if (memcmp(hashes[i], theirs[i], ZTJ_DIGEST_LEN) == 0)
			continue;
		return wrong(c, ZTJ_LOG_ALTERED, first, first + each - 1, "%s says something else", path);
	}
	return ZTJ_OK;
}

static int on_full(void *arg, const struct ztj_tile *t, const ztj_hash *hashes)
{
	return compare(arg, t, hashes);
}

static int one_leaf(struct ztj_logcheck *c, struct ztj_view entry, const ztj_hash *tile)
{
	uint64_t at = c->tree.size;
	struct ztj_event_in e;
	ztj_hash leaf;
	int r = ztj_merkle_leaf(entry, leaf);

	if (r == ZTJ_OK && tile != NULL && memcmp(leaf, tile[at % ZTJ_TILE_WIDTH], sizeof(leaf)) != 0)
		return wrong(c, ZTJ_LOG_ALTERED, at, at, "the leaf is not the one that its tile holds");
	if (r == ZTJ_OK) {
		r = ztj_event_read(entry, &e);
		if (r != ZTJ_OK)
			return wrong(c, ZTJ_LOG_ALTERED, at, at, "no event: %s", ztj_err_text(r));
		uint64_t says = e.n;
		if (says == at && c->chains != NULL)
			r = ztj_hostchains_leaf(c->chains, &e);
		ztj_event_free(&e);
		if (r != ZTJ_OK)
			return r;
		if (says != at)
			return wrong(c, ZTJ_LOG_ALTERED, at, at, "here stands the leaf that was number %llu",
			    (unsigned long long)says);
		r = ztj_tlog_append(&c->tree, leaf, on_full, c);
	}
	return r == ZTJ_OK ? at_marks(c) : r;
}

int ztj_logcheck_bundle(struct ztj_logcheck *c, struct ztj_view bundle, unsigned width)
{
	ztj_hash tile[ZTJ_TILE_WIDTH];
	const struct ztj_tile t = { .index = c->tree.size / ZTJ_TILE_WIDTH, .width = width };
	struct ztj_view entry;
	struct ztj_rd rd;
	int r = c->tree.size == 0 ? at_marks(c) : ZTJ_OK;
	bool have = false;

	if (r == ZTJ_OK && c->tile != NULL) {
		r = c->tile(c->arg, &t, tile);
		have = r == ZTJ_OK;
		if (r == ZTJ_NOT_FOUND)
			r = ZTJ_OK;
	}
	ztj_rd_init(&rd, bundle);
	for (unsigned i = 0; r == ZTJ_OK && i < width; i++) {
		uint64_t at = c->tree.size;

		r = ztj_entry_next(&rd, &entry);
		if (r != ZTJ_OK)
			return wrong(c, ZTJ_LOG_ALTERED, at, at, "the bundle ends before it");
		r = one_leaf(c, entry, have ? (const ztj_hash *)tile : NULL);
	}
	if (r == ZTJ_OK && rd.left.n != 0)
		return wrong(c, ZTJ_LOG_ALTERED, c->tree.size, c->tree.size,
		    "the bundle holds more leaves than the log had");
	return r;
}

int ztj_logcheck_end(struct ztj_logcheck *c)
{
	int r = c->tree.size == 0 ? at_marks(c) : ZTJ_OK;

	for (unsigned l = 0; r == ZTJ_OK && l < ZTJ_TILE_LEVELS; l++) {
		struct ztj_tile t = { .level = l, .index = (c->tree.size >> (8 * l)) / ZTJ_TILE_WIDTH };

		t.width = ztj_tile_width(c->tree.size, l, t.index);
		if (t.width > 0)
			r = compare(c, &t, (const ztj_hash *)c->tree.tile[l]);
	}
	for (size_t i = 0; r == ZTJ_OK && i < c->nmarks; i++)
		if (c->mark[i].size > c->tree.size)
			r = wrong(c, ZTJ_LOG_ROLLBACK, c->tree.size, c->mark[i].size - 1,
			    "the log ends here; a checkpoint was signed for %llu leaves",
			    (unsigned long long)c->mark[i].size);
	return r;
}
