/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/sys/trustdir_dir.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/frames.h"

#define MAGIC "ztj-directory-1"
#define SLACK (64 * 1024) /* differences may weigh this much, or half of everything */
#define FRAMES_MAX 512
#define STATEMENTS_MAX (1u << 20)
#define PATH_SIZE 4096

struct ztj_dirfile {
	char path[PATH_SIZE], name[ZTJ_NAME_SIZE];
	struct ztj_file_rule rule;
	size_t nframes, whole, parts; /* bytes of the first frame, and of those after it */
	int64_t serial;               /* of the newest statement in the file */
	uint8_t digest[ZTJ_DIGEST_LEN];
};

/* A file's content, put together; views into the file's bytes. */
struct entry {
	struct ztj_view name, bytes;
};
struct content {
	const struct ztj_dirfile *f;
	size_t nst, st_cap;
	struct ztj_signed *st;
	size_t n;
	struct entry *e;
	size_t nframes, whole, parts;
};

int ztj_dirfile_new(const char *path, const char *name, const struct ztj_file_rule *rule,
    struct ztj_dirfile **out)
{
	struct ztj_dirfile *f = calloc(1, sizeof(*f));

	*out = NULL;
	if (f == NULL)
		return ZTJ_NOMEM;
	if (strlen(path) >= sizeof(f->path) || strlen(name) >= sizeof(f->name)) {
		free(f);
		return ZTJ_TOO_LARGE;
	}
	memcpy(f->path, path, strlen(path) + 1);
	memcpy(f->name, name, strlen(name) + 1);
	f->rule = *rule;
	*out = f;
	return ZTJ_OK;
}

void ztj_dirfile_free(struct ztj_dirfile *f)
{
	free(f);
}

const char *ztj_dirfile_name(const struct ztj_dirfile *f)
{
	return f->name;
}

int64_t ztj_dirfile_serial(const struct ztj_dirfile *f)
{
	return f->serial;
}

/* ---- reading ---- */

static int read_statements(struct content *c, struct ztj_rd *rd)
{
	uint32_t n;
	int r = ztj_rd_u32(rd, &n);

	for (uint32_t i = 0; r == ZTJ_OK && i < n; i++) {
		if (c->nst == c->st_cap) {
			size_t cap = c->st_cap == 0 ? 64 : 2 * c->st_cap;
			struct ztj_signed *st = cap > STATEMENTS_MAX ? NULL
								     : reallocarray(c->st, cap, sizeof(*st));

			if (st == NULL)
				return ZTJ_NOMEM;
			c->st = st;
			c->st_cap = cap;
		}
		r = ztj_signed_read(rd, &c->st[c->nst]);
		c->nst += r == ZTJ_OK;
	}
	return r;
}

static int order(struct ztj_view a, struct ztj_view b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

/* The next change of a frame: a drop or a put, whichever name comes first. */
struct changes {
	uint32_t ndrop, nput;
	struct ztj_rd drop, put;
	struct ztj_view drop_name;
	struct entry put_entry;
	bool has_drop, has_put;
};

static int next_drop(struct changes *ch)
{
	ch->has_drop = ch->ndrop > 0;
	if (!ch->has_drop)
		return ZTJ_OK;
	ch->ndrop--;
	return ztj_rd_string(&ch->drop, ZTJ_HOSTNAME_SIZE, &ch->drop_name);
}

static int next_put(struct changes *ch)
{
	int r;

	ch->has_put = ch->nput > 0;
	if (!ch->has_put)
		return ZTJ_OK;
	ch->nput--;
	r = ztj_rd_string(&ch->put, ZTJ_HOSTNAME_SIZE, &ch->put_entry.name);
	return r == ZTJ_OK ? ztj_rd_string(&ch->put, ZTJ_RECORD_MAX, &ch->put_entry.bytes) : r;
}

static int start_changes(struct changes *ch, struct ztj_rd *rd)
{
	int r = ztj_rd_u32(rd, &ch->ndrop);

	if (r != ZTJ_OK)
		return r;
	ch->drop = *rd;
	for (uint32_t i = 0; i < ch->ndrop; i++) {
		struct ztj_view skip;

		r = ztj_rd_string(rd, ZTJ_HOSTNAME_SIZE, &skip);
		if (r != ZTJ_OK)
			return r;
	}
	r = ztj_rd_u32(rd, &ch->nput);
	if (r != ZTJ_OK)
		return r;
	if (ch->nput > ZTJ_DIR_RECORDS_MAX)
		return ZTJ_LIMIT;
	ch->put = *rd;
	r = next_drop(ch);
	return r == ZTJ_OK ? next_put(ch) : r;
}

/* Merges a frame's changes into the sorted entries. */
static int merge(struct content *c, struct changes *ch)
{
	size_t room = c->n + ch->nput + 1, n = 0, i = 0;
	struct entry *e = calloc(room + 1, sizeof(*e));
	int r = ZTJ_OK;

	if (e == NULL)
		return ZTJ_NOMEM;
	while (r == ZTJ_OK && (i < c->n || ch->has_put)) {
		int put = !ch->has_put ? 1 : i == c->n ? -1 : order(ch->put_entry.name, c->e[i].name);

		if (put <= 0) {
			i += put == 0;
			e[n++] = ch->put_entry;
			r = next_put(ch);
		} else if (ch->has_drop && order(ch->drop_name, c->e[i].name) == 0) {
			i++;
			r = next_drop(ch);
		} else {
			e[n++] = c->e[i++];
		}
	}
	if (r == ZTJ_OK && ch->has_drop)
		r = ZTJ_BAD_ENCODING; /* drops what is not there */
	free(c->e);
	c->e = e;
	c->n = n;
	return r;
}

static int read_frame(struct ztj_view frame, void *arg)
{
	struct content *c = arg;
	struct changes ch = { 0 };
	struct ztj_rd rd;
	struct ztj_view name;
	uint8_t whole;
	int r;

	ztj_rd_init(&rd, frame);
	r = ztj_rd_expect(&rd, MAGIC);
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, ZTJ_NAME_SIZE, &name);
	if (r != ZTJ_OK)
		return r;
	if (!ztj_view_eq_str(name, c->f->name))
		return ZTJ_EXISTS;
	r = ztj_rd_u8(&rd, &whole);
	if (r == ZTJ_OK && whole != (c->nframes == 0))
		r = ZTJ_BAD_ENCODING;
	if (r == ZTJ_OK)
		r = read_statements(c, &rd);
	if (r == ZTJ_OK)
		r = start_changes(&ch, &rd);
	if (r == ZTJ_OK)
		r = merge(c, &ch);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&ch.put);
	if (c->nframes++ == 0)
		c->whole = frame.n;
	else
		c->parts += frame.n;
	return r;
}

static void content_free(struct content *c)
{
	free(c->st);
	free(c->e);
}

/* Reads the file into mem and c. */
static int read_file(const struct ztj_dirfile *f, struct ztj_buf *mem, struct content *c)
{
	size_t good;
	int r = ztj_file_read(f->path, &f->rule, ZTJ_FRAME_MAX, mem);

	memset(c, 0, sizeof(*c));
	c->f = f;
	if (r == ZTJ_OK)
		r = ztj_frames_each(ztj_buf_view(mem), read_frame, c, &good);
	if (r == ZTJ_OK && c->nframes > 0)
		r = ztj_frames_cut(f->path, mem->n, good);
	return r;
}

static int offer(const struct ztj_dirfile *f, const struct content *c, struct ztj_trust *t)
{
	struct ztj_view *put = calloc(c->n + 1, sizeof(*put));
	struct ztj_dir_update u = { .name = f->name,
		.nstatements = c->nst,
		.statements = c->st,
		.delta = { .nput = c->n, .put = put } };
	bool changed;
	int r;

	if (put == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < c->n; i++)
		put[i] = c->e[i].bytes;
	r = ztj_trust_directory(t, &u, ZTJ_TRUST_RESTORE, &changed);
	free(put);
	return r;
}

static void remember(struct ztj_dirfile *f, const struct ztj_trust *t)
{
	const struct ztj_dir *d = ztj_trust_dir(t, f->name);

	f->serial = ztj_dir_serial(d);
	memcpy(f->digest, ztj_dir_digest(d), sizeof(f->digest));
}

int ztj_dirfile_load(struct ztj_dirfile *f, struct ztj_trust *t)
{
	struct content c;
	struct ztj_buf mem;
	int r;

	ztj_buf_init(&mem, ZTJ_FRAME_MAX);
	r = read_file(f, &mem, &c);
	if (r == ZTJ_OK && c.nframes == 0)
		r = ZTJ_EXISTS;
	if (r == ZTJ_OK)
		r = offer(f, &c, t);
	if (r == ZTJ_OK) {
		f->nframes = c.nframes;
		f->whole = c.whole;
		f->parts = c.parts;
		remember(f, t);
	}
	content_free(&c);
	ztj_buf_free(&mem);
	return r;
}

/* ---- writing ---- */

size_t ztj_dirfile_expect(const struct ztj_dir *held, const struct ztj_dir_update *u)
{
	size_t n = held == NULL ? 0 : ztj_dir_count(held);

	for (size_t i = 0; i < u->delta.nput; i++) {
		struct ztj_record *rec;

		if (held == NULL || ztj_record_parse(u->delta.put[i], &rec) != ZTJ_OK) {
			n++;
			continue;
		}
		n += ztj_dir_find(held, rec->name) == NULL;
		ztj_record_unref(rec);
	}
	return n - u->delta.ndrop;
}

static int64_t first_serial(const struct ztj_trust *t, const struct ztj_dir_update *u)
{
	return ztj_dir_serial(ztj_trust_dir(t, u->name)) - (int64_t)u->nstatements + 1;
}

/* Does this statement name that digest as its predecessor? */
static bool follows(const struct ztj_trust *t, const struct ztj_signed *s,
    const uint8_t digest[ZTJ_DIGEST_LEN])
{
	struct ztj_stmt *st;
	bool yes;

	if (ztj_stmt_parse(s->bytes, ZTJ_STMT_DIRECTORY, ztj_trust_pins(t)->domain, &st) != ZTJ_OK)
		return false;
	yes = memcmp(st->u.directory.previous, digest, ZTJ_DIGEST_LEN) == 0;
	ztj_stmt_free(st);
	return yes;
}

static void put_head(struct ztj_buf *b, const struct ztj_dirfile *f, bool whole)
{
	(void)ztj_buf_put_cstring(b, MAGIC);
	(void)ztj_buf_put_cstring(b, f->name);
	(void)ztj_buf_put_u8(b, whole);
}

static int put_statements(struct ztj_buf *b, const struct ztj_signed *s, size_t n)
{
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < n; i++)
		r = ztj_signed_write(&s[i], b);
	return r;
}

/* Names of the puts stand beside their bytes, so that reading needs no JSON. */
static int put_changes(struct ztj_buf *b, const struct ztj_dir_delta *delta)
{
	(void)ztj_buf_put_u32(b, (uint32_t)delta->ndrop);
	for (size_t i = 0; i < delta->ndrop; i++)
		(void)ztj_buf_put_cstring(b, delta->drop[i]);
	(void)ztj_buf_put_u32(b, (uint32_t)delta->nput);
	for (size_t i = 0; i < delta->nput; i++) {
		struct ztj_record *rec;
		int r = ztj_record_parse(delta->put[i], &rec);

		if (r != ZTJ_OK)
			return r;
		(void)ztj_buf_put_cstring(b, rec->name);
		(void)ztj_buf_put_view(b, delta->put[i]);
		ztj_record_unref(rec);
	}
	return ztj_buf_status(b);
}

static int append(struct ztj_dirfile *f, const struct ztj_trust *t, const struct ztj_dir_update *u)
{
	size_t known = (size_t)(f->serial + 1 - first_serial(t, u));
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, ZTJ_FRAME_MAX);
	put_head(&b, f, false);
	(void)ztj_buf_put_u32(&b, (uint32_t)(u->nstatements - known));
	r = put_statements(&b, u->statements + known, u->nstatements - known);
	if (r == ZTJ_OK)
		r = put_changes(&b, &u->delta);
	if (r == ZTJ_OK)
		r = ztj_frames_append(f->path, ztj_buf_view(&b));
	if (r == ZTJ_OK) {
		f->nframes++;
		f->parts += b.n;
	}
	ztj_buf_free(&b);
	return r;
}

/* How many of the file's statements come before those of the update, as its forebears. */
static size_t forebears(const struct ztj_dirfile *f, const struct content *old, const struct ztj_trust *t,
    const struct ztj_dir_update *u)
{
	int64_t before = first_serial(t, u) - 1, oldest = f->serial - (int64_t)old->nst + 1;
	uint8_t digest[ZTJ_DIGEST_LEN];
	size_t n;

	if (old->nst == 0 || before < oldest || before > f->serial)
		return 0;
	n = (size_t)(before - oldest + 1);
	if (ztj_sha256(old->st[n - 1].bytes, digest) != ZTJ_OK || !follows(t, &u->statements[0], digest))
		return 0;
	return n;
}

static int put_records(struct ztj_buf *b, const struct ztj_dir *d)
{
	(void)ztj_buf_put_u32(b, 0);
	(void)ztj_buf_put_u32(b, (uint32_t)ztj_dir_count(d));
	for (size_t i = 0; i < ztj_dir_count(d); i++) {
		(void)ztj_buf_put_cstring(b, ztj_dir_at(d, i)->name);
		(void)ztj_buf_put_view(b, ztj_dir_at(d, i)->bytes);
	}
	return ztj_buf_status(b);
}

static int write_content(struct ztj_dirfile *f, const struct content *old, const struct ztj_trust *t,
    const struct ztj_dir_update *u)
{
	size_t keep = forebears(f, old, t, u);
	struct ztj_buf content, file;
	int r;

	ztj_buf_init(&content, ZTJ_FRAME_MAX);
	ztj_buf_init(&file, ZTJ_FRAME_MAX + 64);
	put_head(&content, f, true);
	(void)ztj_buf_put_u32(&content, (uint32_t)(keep + u->nstatements));
	r = put_statements(&content, old->st, keep);
	if (r == ZTJ_OK)
		r = put_statements(&content, u->statements, u->nstatements);
	if (r == ZTJ_OK)
		r = put_records(&content, ztj_trust_dir(t, u->name));
	if (r == ZTJ_OK)
		r = ztj_frames_put(&file, ztj_buf_view(&content));
	if (r == ZTJ_OK)
		r = ztj_file_write(f->path, ztj_buf_view(&file), 0600);
	if (r == ZTJ_OK) {
		f->nframes = 1;
		f->whole = content.n;
		f->parts = 0;
	}
	ztj_buf_free(&content);
	ztj_buf_free(&file);
	return r;
}

static int rewrite(struct ztj_dirfile *f, const struct ztj_trust *t, const struct ztj_dir_update *u)
{
	struct content old = { 0 };
	struct ztj_buf mem;
	int r = ZTJ_OK;

	ztj_buf_init(&mem, ZTJ_FRAME_MAX);
	if (f->nframes > 0)
		r = read_file(f, &mem, &old);
	if (r == ZTJ_OK)
		r = write_content(f, &old, t, u);
	content_free(&old);
	ztj_buf_free(&mem);
	return r;
}

/* A difference may be appended when it is one against what the file holds, and the statements go on from there. */
static bool may_append(const struct ztj_dirfile *f, const struct ztj_trust *t, const struct ztj_dir_update *u,
    size_t expected)
{
	const struct ztj_dir *d = ztj_trust_dir(t, u->name);
	int64_t first = first_serial(t, u);

	if (f->nframes == 0 || f->nframes >= FRAMES_MAX || expected != ztj_dir_count(d))
		return false;
	if (f->parts > SLACK && f->parts > f->whole / 2)
		return false;
	if (first > f->serial + 1 || ztj_dir_serial(d) <= f->serial)
		return false;
	return follows(t, &u->statements[f->serial + 1 - first], f->digest);
}

int ztj_dirfile_keep(struct ztj_dirfile *f, const struct ztj_trust *t, const struct ztj_dir_update *u,
    size_t expected)
{
	int r = may_append(f, t, u, expected) ? append(f, t, u) : rewrite(f, t, u);

	if (r == ZTJ_OK)
		remember(f, t);
	return r;
}
