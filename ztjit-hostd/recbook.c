/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/recbook.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"

#define LINE_SIZE 256

struct entry {
	uint8_t name[ZTJ_REC_SESSION_LEN];
	struct ztj_recmark mark;
	struct timespec written; /* system clock; that of its file */
};

struct ztj_recbook {
	char dir[256];
	size_t n;
	struct entry *e[ZTJ_RECBOOK_MAX];
};

static void path_of(const struct ztj_recbook *b, const uint8_t *name, char *out, size_t size)
{
	char hex[ZTJ_HEX_SIZE];

	ztj_hex(name, ZTJ_REC_SESSION_LEN, hex);
	(void)snprintf(out, size, "%s/%s", b->dir, hex);
}

static struct entry *find(const struct ztj_recbook *b, const uint8_t *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (memcmp(b->e[i]->name, name, ZTJ_REC_SESSION_LEN) == 0)
			return b->e[i];
	return NULL;
}

bool ztj_recbook_open_record(const struct ztj_recbook *b, const uint8_t name[ZTJ_REC_SESSION_LEN])
{
	const struct entry *e = find(b, name);

	return e != NULL && e->mark.state == ZTJ_RECORD_OPEN;
}

/* ---- files ---- */

static void look(const struct ztj_recbook *b, struct entry *e)
{
	char path[512];
	struct stat st;

	path_of(b, e->name, path, sizeof(path));
	if (stat(path, &st) == 0)
		e->written = st.st_mtim;
}

/* A new entry survives power loss; how far it has come may be a little behind then, which the broker's copy is not. */
static int save(const struct ztj_recbook *b, struct entry *e, bool durable)
{
	char path[512], line[LINE_SIZE], hex[ZTJ_HEX_SIZE];
	int n, r;

	ztj_hex(e->mark.digest, ZTJ_DIGEST_LEN, hex);
	n = snprintf(line, sizeof(line), "ztjit-record 1 %" PRIu32 " %" PRIu64 " %s %d\n", e->mark.chunks,
	    e->mark.bytes, hex, (int)e->mark.state);
	if (n < 0 || (size_t)n >= sizeof(line))
		return ZTJ_INTERNAL;
	path_of(b, e->name, path, sizeof(path));
	r = durable ? ztj_file_write(path, ztj_view_of(line, (size_t)n), 0600)
		    : ztj_file_replace(path, ztj_view_of(line, (size_t)n), 0600);
	if (r == ZTJ_OK)
		look(b, e);
	return r;
}

/* Cuts the next word off. */
static const char *word(char **at)
{
	char *begin = *at, *end = begin + strcspn(begin, " \n");

	*at = *end == '\0' ? end : end + 1;
	*end = '\0';
	return begin;
}

static int parse(char *text, struct ztj_recmark *m)
{
	const char *magic = word(&text), *version = word(&text), *chunks = word(&text), *bytes = word(&text),
		   *digest = word(&text), *state = word(&text);
	int64_t c, n, s;

	if (strcmp(magic, "ztjit-record") != 0 || strcmp(version, "1") != 0 || *text != '\0' ||
	    ztj_parse_int(chunks, 0, UINT32_MAX, &c) != ZTJ_OK ||
	    ztj_parse_int(bytes, 0, INT64_MAX, &n) != ZTJ_OK ||
	    ztj_parse_int(state, ZTJ_RECORD_OPEN, ZTJ_RECORD_LOST, &s) != ZTJ_OK ||
	    ztj_unhex(ztj_view_str(digest), m->digest, ZTJ_DIGEST_LEN) != ZTJ_OK)
		return ZTJ_BAD_ENCODING;
	m->chunks = (uint32_t)c;
	m->bytes = (uint64_t)n;
	m->state = (enum ztj_rec_state)s;
	return ZTJ_OK;
}

/* Ended; or of which nothing was ever signed: its recorder went before it had a record, or the scribe had no room. */
static bool is_over(const struct entry *e)
{
	return e->mark.state != ZTJ_RECORD_OPEN || e->mark.chunks == 0;
}

static void forget(struct ztj_recbook *b, size_t i)
{
	char path[512];

	path_of(b, b->e[i]->name, path, sizeof(path));
	(void)unlink(path);
	free(b->e[i]);
	b->e[i] = b->e[--b->n];
}

static bool before(const struct entry *a, const struct entry *b)
{
	return a->written.tv_sec != b->written.tv_sec ? a->written.tv_sec < b->written.tv_sec
						      : a->written.tv_nsec < b->written.tv_nsec;
}

/* Or whoever begins many short ones would lock everybody out. */
static bool make_room(struct ztj_recbook *b)
{
	size_t oldest = b->n;

	for (size_t i = 0; i < b->n; i++)
		if (is_over(b->e[i]) && (oldest == b->n || before(b->e[i], b->e[oldest])))
			oldest = i;
	if (oldest == b->n)
		return false;
	forget(b, oldest);
	return true;
}

static int add(struct ztj_recbook *b, const uint8_t *name, struct entry **out)
{
	if (b->n == ZTJ_RECBOOK_MAX && !make_room(b))
		return ZTJ_LIMIT;
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return ZTJ_NOMEM;
	memcpy((*out)->name, name, ZTJ_REC_SESSION_LEN);
	b->e[b->n++] = *out;
	return ZTJ_OK;
}

static int load_one(struct ztj_recbook *b, const char *file)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = true, .check_parents = false };
	uint8_t name[ZTJ_REC_SESSION_LEN];
	struct ztj_buf text;
	struct entry *e;
	char path[512];
	int r;

	if (strlen(file) != 2 * ZTJ_REC_SESSION_LEN ||
	    ztj_unhex(ztj_view_str(file), name, sizeof(name)) != ZTJ_OK)
		return ZTJ_OK; /* a temporary file that a crash left */
	r = add(b, name, &e);
	if (r != ZTJ_OK)
		return r == ZTJ_LIMIT ? ZTJ_OK : r;
	ztj_buf_init(&text, LINE_SIZE);
	path_of(b, name, path, sizeof(path));
	r = ztj_file_read(path, &rule, LINE_SIZE - 1, &text);
	if (r == ZTJ_OK)
		r = ztj_buf_put_u8(&text, 0);
	if (r != ZTJ_OK || parse((char *)text.p, &e->mark) != ZTJ_OK) {
		ztj_log(ZTJ_LOG_WARN, "%s: not as it was written", path);
		memset(&e->mark, 0, sizeof(e->mark));
	}
	look(b, e);
	ztj_buf_free(&text);
	return ZTJ_OK;
}

int ztj_recbook_open(const char *dir, struct ztj_recbook **out)
{
	struct ztj_recbook *b = calloc(1, sizeof(*b));
	DIR *d = opendir(dir);
	struct dirent *e;
	int r = b == NULL ? ZTJ_NOMEM : d == NULL ? ZTJ_IO : ZTJ_OK;

	*out = NULL;
	if (r == ZTJ_OK)
		(void)snprintf(b->dir, sizeof(b->dir), "%s", dir);
	while (r == ZTJ_OK && (e = readdir(d)) != NULL)
		r = load_one(b, e->d_name);
	if (d != NULL)
		(void)closedir(d);
	if (r != ZTJ_OK) {
		ztj_recbook_close(b);
		return r;
	}
	*out = b;
	return ZTJ_OK;
}

void ztj_recbook_close(struct ztj_recbook *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++)
		free(b->e[i]);
	free(b);
}

/* ---- use ---- */

int ztj_recbook_add(struct ztj_recbook *b, const uint8_t name[ZTJ_REC_SESSION_LEN])
{
	struct entry *e;
	int r = find(b, name) != NULL ? ZTJ_EXISTS : add(b, name, &e);

	if (r != ZTJ_OK)
		return r;
	r = save(b, e, true);
	if (r != ZTJ_OK) {
		b->n--;
		free(e);
	}
	return r;
}

static bool same(const struct ztj_recmark *a, const struct ztj_recmark *m)
{
	return a->chunks == m->chunks && a->bytes == m->bytes &&
	    memcmp(a->digest, m->digest, ZTJ_DIGEST_LEN) == 0;
}

static bool forward(const struct ztj_recmark *a, const struct ztj_recmark *m)
{
	if (a->state != ZTJ_RECORD_OPEN)
		return same(a, m) && m->state == a->state;
	return same(a, m) || (m->chunks > a->chunks && m->bytes > a->bytes);
}

int ztj_recbook_mark(struct ztj_recbook *b, const uint8_t name[ZTJ_REC_SESSION_LEN],
    const struct ztj_recmark *m)
{
	struct entry *e = find(b, name);
	struct ztj_recmark before;
	int r;

	if (e == NULL)
		return ZTJ_NOT_FOUND;
	if (!forward(&e->mark, m))
		return ZTJ_STATE;
	if (same(&e->mark, m) && e->mark.state == m->state)
		return ZTJ_OK;
	before = e->mark;
	e->mark = *m;
	r = save(b, e, m->state != ZTJ_RECORD_OPEN);
	/* What is not on disk is not marked: asked once more, it must not be taken for done. */
	if (r != ZTJ_OK)
		e->mark = before;
	return r;
}

void ztj_recbook_sweep(struct ztj_recbook *b, int64_t now)
{
	for (size_t i = 0; i < b->n;)
		if (is_over(b->e[i]) && b->e[i]->written.tv_sec <= now - ZTJ_RECBOOK_KEEP)
			forget(b, i); /* another is at i now */
		else
			i++;
}
