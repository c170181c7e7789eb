/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The growing end of a log, and the names and shapes of its tiles. */
#include "libztjit/core/tlog.h"

#include <stdio.h>
#include <string.h>

#include "libztjit/core/text.h"

/* A full tile is one hash of the level above. */
static int fill_up(struct ztj_tlog *t, ztj_tlog_full *full, void *arg)
{
	for (unsigned l = 0; l + 1 < ZTJ_TILE_LEVELS; l++) {
		uint64_t hashes = t->size >> (8 * l);
		const struct ztj_tile tile = { .level = l,
			.index = hashes / ZTJ_TILE_WIDTH - 1,
			.width = ZTJ_TILE_WIDTH };
		const ztj_hash *held = (const ztj_hash *)t->tile[l];
		int r = ZTJ_OK;

		if (t->size % (UINT64_C(1) << (8 * (l + 1))) != 0)
			return ZTJ_OK;
		if (full != NULL)
			r = full(arg, &tile, held);
		if (r == ZTJ_OK)
			r = ztj_merkle_root(held, ZTJ_TILE_WIDTH,
			    t->tile[l + 1][tile.index % ZTJ_TILE_WIDTH]);
		if (r != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

int ztj_tlog_append(struct ztj_tlog *t, const ztj_hash leaf, ztj_tlog_full *full, void *arg)
{
	if (t->size >= ZTJ_LOG_MAX)
		return ZTJ_LIMIT;
	memcpy(t->tile[0][t->size % ZTJ_TILE_WIDTH], leaf, ZTJ_DIGEST_LEN);
	t->size++;
	return fill_up(t, full, arg);
}

/* Joins the complete subtrees of one level's last tile, the smallest first, to what lies right of them. */
static int join_level(const ztj_hash *hashes, unsigned width, bool *empty, ztj_hash acc)
{
	ztj_hash sub;
	int r = ZTJ_OK;

	for (unsigned bit = 0; r == ZTJ_OK && bit < 8; bit++) {
		unsigned from = (width >> (bit + 1)) << (bit + 1);

		if (((width >> bit) & 1) == 0)
			continue;
		r = ztj_merkle_root(hashes + from, (size_t)1 << bit, sub);
		if (r == ZTJ_OK && !*empty)
			r = ztj_merkle_node(sub, acc, acc);
		else if (r == ZTJ_OK)
			memcpy(acc, sub, sizeof(sub));
		*empty = false;
	}
	return r;
}

int ztj_tlog_root(const struct ztj_tlog *t, ztj_hash out)
{
	bool empty = true;
	int r = ZTJ_OK;

	if (t->size == 0)
		return ztj_sha256(ztj_view_of(NULL, 0), out);
	for (unsigned l = 0; r == ZTJ_OK && l < ZTJ_TILE_LEVELS; l++)
		r = join_level((const ztj_hash *)t->tile[l],
		    (unsigned)((t->size >> (8 * l)) % ZTJ_TILE_WIDTH), &empty, out);
	return r;
}

unsigned ztj_tile_width(uint64_t size, unsigned level, uint64_t index)
{
	uint64_t hashes = level < ZTJ_TILE_LEVELS ? size >> (8 * level) : 0;
	uint64_t before = hashes / ZTJ_TILE_WIDTH;

	if (index < before)
		return ZTJ_TILE_WIDTH;
	return index == before ? (unsigned)(hashes % ZTJ_TILE_WIDTH) : 0;
}

/* Three digits a segment, all but the last behind an "x". */
static void put_index(uint64_t index, char out[ZTJ_TILE_PATH_SIZE])
{
	char rest[ZTJ_TILE_PATH_SIZE];

	(void)snprintf(out, ZTJ_TILE_PATH_SIZE, "%03u", (unsigned)(index % 1000));
	for (index /= 1000; index > 0; index /= 1000) {
		memcpy(rest, out, sizeof(rest));
		(void)snprintf(out, ZTJ_TILE_PATH_SIZE, "x%03u/%.40s", (unsigned)(index % 1000), rest);
	}
}

void ztj_tile_path(const struct ztj_tile *t, char out[ZTJ_TILE_PATH_SIZE])
{
	char kind[16] = "entries", index[ZTJ_TILE_PATH_SIZE], part[16] = "";

	if (!t->entries)
		(void)snprintf(kind, sizeof(kind), "%u", t->level);
	put_index(t->index, index);
	if (t->width < ZTJ_TILE_WIDTH)
		(void)snprintf(part, sizeof(part), ".p/%u", t->width);
	(void)snprintf(out, ZTJ_TILE_PATH_SIZE, "tile/%s/%.36s%s", kind, index, part);
}

static bool digits3(const char *p, uint64_t *index)
{
	for (int i = 0; i < 3; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	*index = *index * 1000 + (uint64_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
	return true;
}

static int read_kind(const char **p, struct ztj_tile *t)
{
	char level[4] = "";
	int64_t n = 0;
	size_t len = strcspn(*p, "/");

	t->entries = len == 7 && strncmp(*p, "entries", len) == 0;
	if (!t->entries) {
		if (len >= sizeof(level))
			return ZTJ_BAD_NAME;
		memcpy(level, *p, len);
		if (ztj_parse_int(level, 0, ZTJ_TILE_LEVELS - 1, &n) != ZTJ_OK)
			return ZTJ_BAD_NAME;
	}
	t->level = (unsigned)n;
	*p += len;
	return ZTJ_OK;
}

static int read_width(const char *p, struct ztj_tile *t)
{
	int64_t n = ZTJ_TILE_WIDTH;

	if (*p != '\0' &&
	    (strncmp(p, ".p/", 3) != 0 || ztj_parse_int(p + 3, 1, ZTJ_TILE_WIDTH - 1, &n) != ZTJ_OK))
		return ZTJ_BAD_NAME;
	t->width = (unsigned)n;
	return ZTJ_OK;
}

/* Read leniently, then compared with the one way to write it: nothing else can pass. */
int ztj_tile_parse(const char *path, struct ztj_tile *out)
{
	char again[ZTJ_TILE_PATH_SIZE];
	const char *p = path;
	int r;

	memset(out, 0, sizeof(*out));
	if (strlen(path) >= ZTJ_TILE_PATH_SIZE || strncmp(p, "tile/", 5) != 0)
		return ZTJ_BAD_NAME;
	p += 5;
	r = read_kind(&p, out);
	while (r == ZTJ_OK && *p == '/') {
		p += p[1] == 'x' ? 2 : 1;
		if (out->index > ZTJ_LOG_MAX / 1000 || !digits3(p, &out->index))
			r = ZTJ_BAD_NAME;
		else
			p += 3;
	}
	if (r == ZTJ_OK)
		r = read_width(p, out);
	if (r == ZTJ_OK) {
		ztj_tile_path(out, again);
		r = strcmp(again, path) == 0 ? ZTJ_OK : ZTJ_BAD_NAME;
	}
	if (r != ZTJ_OK)
		memset(out, 0, sizeof(*out));
	return r;
}

int ztj_entry_put(struct ztj_buf *out, struct ztj_view entry)
{
	if (entry.n > ZTJ_ENTRY_MAX)
		return ZTJ_TOO_LARGE;
	(void)ztj_buf_put_u8(out, (uint8_t)(entry.n >> 8));
	(void)ztj_buf_put_u8(out, (uint8_t)(entry.n & 0xff));
	return ztj_buf_put(out, entry.p, entry.n);
}

int ztj_entry_next(struct ztj_rd *rd, struct ztj_view *out)
{
	struct ztj_rd at = *rd;
	uint8_t high = 0, low = 0;
	int r;

	*out = ztj_view_of(NULL, 0);
	if (rd->left.n == 0)
		return ZTJ_NOT_FOUND;
	r = ztj_rd_u8(&at, &high);
	if (r == ZTJ_OK)
		r = ztj_rd_u8(&at, &low);
	if (r == ZTJ_OK)
		r = ztj_rd_bytes(&at, ((size_t)high << 8) | low, out);
	if (r == ZTJ_OK)
		*rd = at;
	return r;
}
