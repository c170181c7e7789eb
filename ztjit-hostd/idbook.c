/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The file: a line "ztjit-ids 1", then one line for each entry, "p NAME ID" or "g NAME ID". It is written whole, and only when somebody is new.
 */
#include "ztjit-hostd/idbook.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/safefile.h"

#define HEAD "ztjit-ids 1\n"
#define LINE_MAX_BYTES 48 /* "p ", a name, a blank, ten digits, a line feed */
#define FILE_MAX ((size_t)ZTJ_IDBOOK_MAX * LINE_MAX_BYTES)

void ztj_idbook_free(struct ztj_idbook *b)
{
	free(b->e);
	free(b->by_name);
	free(b->by_id);
	memset(b, 0, sizeof(*b));
}

/* ---- the tables ---- */

/* Names come from registrars; the seed is drawn here, so that nobody can choose names that share a place. */
static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

static size_t name_slot(const struct ztj_idbook *b, const char *name)
{
	uint64_t h = b->seed;

	for (; *name != '\0'; name++)
		h = mix(h ^ (uint8_t)*name);
	return (size_t)h & (b->slots - 1);
}

static size_t id_slot(const struct ztj_idbook *b, uint32_t id)
{
	return (size_t)mix(b->seed ^ id) & (b->slots - 1);
}

static void link_in(struct ztj_idbook *b, size_t i)
{
	size_t at = name_slot(b, b->e[i].name);

	while (b->by_name[at] != 0)
		at = (at + 1) & (b->slots - 1);
	b->by_name[at] = (uint32_t)i + 1;
	at = id_slot(b, b->e[i].id);
	while (b->by_id[at] != 0)
		at = (at + 1) & (b->slots - 1);
	b->by_id[at] = (uint32_t)i + 1;
}

/* Room for one more, with the tables half full at most. */
static int grow(struct ztj_idbook *b)
{
	size_t room = b->room == 0 ? 64 : 2 * b->room;
	struct ztj_id *e;

	if (b->n < b->room)
		return ZTJ_OK;
	if (b->seed == 0 && ztj_random(&b->seed, sizeof(b->seed)) != ZTJ_OK)
		return ZTJ_SYSTEM;
	e = reallocarray(b->e, room, sizeof(*e));
	if (e == NULL)
		return ZTJ_NOMEM;
	b->e = e;
	free(b->by_name);
	free(b->by_id);
	b->by_name = calloc(2 * room, sizeof(*b->by_name));
	b->by_id = calloc(2 * room, sizeof(*b->by_id));
	if (b->by_name == NULL || b->by_id == NULL) {
		ztj_idbook_free(b); /* half a book is worse than none */
		return ZTJ_NOMEM;
	}
	b->room = room;
	b->slots = 2 * room;
	for (size_t i = 0; i < b->n; i++)
		link_in(b, i);
	return ZTJ_OK;
}

struct ztj_id *ztj_idbook_named(const struct ztj_idbook *b, const char *name)
{
	if (b->n == 0)
		return NULL;
	for (size_t at = name_slot(b, name); b->by_name[at] != 0; at = (at + 1) & (b->slots - 1))
		if (strcmp(b->e[b->by_name[at] - 1].name, name) == 0)
			return &b->e[b->by_name[at] - 1];
	return NULL;
}

struct ztj_id *ztj_idbook_of(const struct ztj_idbook *b, uint32_t id)
{
	if (b->n == 0)
		return NULL;
	for (size_t at = id_slot(b, id); b->by_id[at] != 0; at = (at + 1) & (b->slots - 1))
		if (b->e[b->by_id[at] - 1].id == id)
			return &b->e[b->by_id[at] - 1];
	return NULL;
}

int ztj_idbook_add(struct ztj_idbook *b, enum ztj_id_kind kind, const char *name, uint32_t id)
{
	const struct ztj_id *named = ztj_idbook_named(b, name), *of = ztj_idbook_of(b, id);
	size_t len = strlen(name);
	int r;

	if (named != NULL || of != NULL)
		return named == of && named->kind == kind ? ZTJ_OK : ZTJ_EXISTS;
	if (!ztj_name_ok(name) || id == 0 || id == UINT32_MAX)
		return ZTJ_BAD_NAME;
	if (b->n == ZTJ_IDBOOK_MAX)
		return ZTJ_LIMIT;
	r = grow(b);
	if (r != ZTJ_OK)
		return r;
	memset(&b->e[b->n], 0, sizeof(b->e[b->n]));
	memcpy(b->e[b->n].name, name, len);
	b->e[b->n].kind = (uint8_t)kind;
	b->e[b->n].id = id;
	link_in(b, b->n++);
	b->changed = true;
	return ZTJ_OK;
}

/* ---- the file ---- */

static int parse_line(struct ztj_idbook *b, struct ztj_view line)
{
	char text[LINE_MAX_BYTES], *blank;
	int64_t id;

	if (line.n < 5 || line.n >= sizeof(text) || memchr(line.p, '\0', line.n) != NULL)
		return ZTJ_BAD_ENCODING;
	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	if ((text[0] != 'p' && text[0] != 'g') || text[1] != ' ' || (blank = strchr(text + 2, ' ')) == NULL)
		return ZTJ_BAD_ENCODING;
	*blank = '\0';
	if (ztj_parse_int(blank + 1, 1, UINT32_MAX - 1, &id) != ZTJ_OK)
		return ZTJ_BAD_ENCODING;
	if (ztj_idbook_named(b, text + 2) != NULL)
		return ZTJ_EXISTS;
	return ztj_idbook_add(b, text[0] == 'p' ? ZTJ_ID_PERSON : ZTJ_ID_GROUP, text + 2, (uint32_t)id);
}

int ztj_idbook_parse(struct ztj_idbook *b, struct ztj_view text)
{
	const size_t head = sizeof(HEAD) - 1;
	int r = ZTJ_OK;

	memset(b, 0, sizeof(*b));
	if (text.n < head || memcmp(text.p, HEAD, head) != 0)
		return ZTJ_VERSION;
	text = ztj_view_after(text, head);
	while (r == ZTJ_OK && text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end == NULL ? 0 : (size_t)(end - text.p);
		r = end == NULL ? ZTJ_TRUNCATED : parse_line(b, ztj_view_of(text.p, n));
		text = ztj_view_after(text, end == NULL ? text.n : n + 1);
	}
	if (r != ZTJ_OK)
		ztj_idbook_free(b);
	b->changed = false;
	return r;
}

int ztj_idbook_load(struct ztj_idbook *b, const char *path, uid_t owner)
{
	const struct ztj_file_rule rule = { .owner = owner, .secret = false, .check_parents = false };
	struct ztj_buf text;
	int r;

	memset(b, 0, sizeof(*b));
	ztj_buf_init(&text, FILE_MAX);
	r = ztj_file_read(path, &rule, FILE_MAX - 1, &text);
	if (r == ZTJ_OK)
		r = ztj_idbook_parse(b, ztj_buf_view(&text));
	ztj_buf_free(&text);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int ztj_idbook_store(struct ztj_idbook *b, const char *path)
{
	struct ztj_buf text;
	int r = ZTJ_OK;

	if (!b->changed)
		return ZTJ_OK;
	ztj_buf_init(&text, FILE_MAX);
	(void)ztj_buf_puts(&text, HEAD);
	for (size_t i = 0; i < b->n; i++)
		(void)ztj_buf_printf(&text, "%c %s %u\n", b->e[i].kind == ZTJ_ID_PERSON ? 'p' : 'g',
		    b->e[i].name, b->e[i].id);
	r = ztj_buf_status(&text);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(&text), 0600);
	ztj_buf_free(&text);
	if (r == ZTJ_OK)
		b->changed = false;
	return r;
}
