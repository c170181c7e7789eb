/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The audit log as others see it: tiles, entry bundles and the checkpoint, in the layout of C2SP tlog-tiles below
 * store/log. Nothing here is the truth: all of it is made from the rows, and can be made again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-broker/audit.h"

#define BUNDLE_MAX ((size_t)ZTJ_TILE_WIDTH * (ZTJ_ENTRY_MAX + 2))
#define SIGN_SECONDS 1 /* between two checkpoints that somebody asked for */

/* --- from the rows --- */

struct hashes {
	ztj_hash *out;
	uint64_t from;
};

static int add_hash(uint64_t n, struct ztj_view entry, void *arg)
{
	struct hashes *h = arg;
	return ztj_merkle_leaf(entry, h->out[n - h->from]);
}

int audit_read_rows(void *arg, const struct ztj_tile *t, ztj_hash *out)
{
	struct db *db = arg;
	uint64_t from = t->index * ZTJ_TILE_WIDTH;
	struct hashes h = { out, from };
	if (t->level > 0)
		return db_node_list(db, t->level, from, t->width, out);
	return db_leaf_each(db, from, from + t->width, add_hash, &h);
}

int audit_root_at(struct db *db, uint64_t size, uint64_t n, ztj_hash out)
{
	const struct ztj_tiles tiles = { audit_read_rows, db, size };
	return ztj_tlog_root_at(&tiles, n, out);
}

static int add_entry(uint64_t n, struct ztj_view entry, void *arg)
{
	(void)n;
	return ztj_entry_put(arg, entry);
}

/* The bytes of a tile or bundle, appended. */
static int tile_bytes(struct db *db, const struct ztj_tile *t, struct ztj_buf *out)
{
	ztj_hash hashes[ZTJ_TILE_WIDTH];
	uint64_t from = t->index * ZTJ_TILE_WIDTH;
	if (t->entries)
		return db_leaf_each(db, from, from + t->width, add_entry, out);
	int r = audit_read_rows(db, t, hashes);
	return r == ZTJ_OK ? ztj_buf_put(out, hashes, t->width * sizeof(hashes[0])) : r;
}

/* --- to files --- */

static int log_path(const struct store *st, const char *name, char out[PATH_MAX])
{
	char part[ZTJ_TILE_PATH_SIZE + 32];
	int n = snprintf(part, sizeof(part), "store/log%s%s", name[0] == '\0' ? "" : "/", name);
	return n < 0 || (size_t)n >= sizeof(part) ? ZTJ_TOO_LARGE : broker_path(st->conf, part, out);
}

/* A directory that is lost with the power takes full tiles with it, and those are not made again. */
static int sync_parent(const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd, r;
	if (slash == NULL || slash == path)
		return ZTJ_IO;
	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd >= 0 && fsync(fd) == 0 ? ZTJ_OK : ZTJ_IO;
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* Makes what is missing of the directories between store/log and the file. */
static int make_parents(char *path, size_t fixed)
{
	for (char *slash = strchr(path + fixed, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int made = mkdir(path, 0700);
		int err = errno;
		int r = made == 0 ? sync_parent(path) : ZTJ_OK;
		*slash = '/';
		if (made != 0 && err != EEXIST)
			return err == ENOSPC || err == EDQUOT ? ZTJ_NO_SPACE : ZTJ_IO;
		if (r != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

/* A full tile replaces its partial ones, which nobody needs then. */
static void drop_partial(const char *path)
{
	char dir[PATH_MAX + 8], file[PATH_MAX + 300];
	struct dirent *e;
	(void)snprintf(dir, sizeof(dir), "%s.p", path);
	DIR *d = opendir(dir);
	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		(void)snprintf(file, sizeof(file), "%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.' && unlink(file) != 0)
			ztj_log(ZTJ_LOG_WARN, "%s: %s", file, strerror(errno));
	}
	(void)closedir(d);
	(void)rmdir(dir);
}

static int write_tile(struct store *st, const struct ztj_tile *t)
{
	char name[ZTJ_TILE_PATH_SIZE], path[PATH_MAX], base[PATH_MAX];
	struct ztj_buf bytes;
	ztj_tile_path(t, name);
	ztj_buf_init(&bytes, BUNDLE_MAX);
	int r = log_path(st, "", base);
	if (r == ZTJ_OK)
		r = log_path(st, name, path);
	if (r == ZTJ_OK)
		r = make_parents(path, strlen(base) - strlen("/log"));
	if (r == ZTJ_OK)
		r = tile_bytes(st->db, t, &bytes);
	/* Partial ones are made anew at every start: they need not outlive a power loss. */
	if (r == ZTJ_OK)
		r = t->width < ZTJ_TILE_WIDTH ? ztj_file_replace(path, ztj_buf_view(&bytes), 0600)
					      : ztj_file_write(path, ztj_buf_view(&bytes), 0600);
	if (r == ZTJ_OK && t->width == ZTJ_TILE_WIDTH)
		drop_partial(path);
	ztj_buf_free(&bytes);
	return r;
}

/* What a log of `to` leaves has beyond one of `from`, and the tile at the edge in any case. */
static int write_level(struct store *st, unsigned level, uint64_t from, uint64_t to)
{
	struct ztj_tile t = { .level = level };
	int r = ZTJ_OK;
	for (t.index = (from >> (8 * level)) / ZTJ_TILE_WIDTH; r == ZTJ_OK; t.index++) {
		t.width = ztj_tile_width(to, level, t.index);
		if (t.width == 0)
			break;
		t.entries = false;
		r = write_tile(st, &t);
		t.entries = true;
		if (r == ZTJ_OK && level == 0)
			r = write_tile(st, &t);
	}
	return r;
}

static int write_files(struct store *st, uint64_t to)
{
	int r = ZTJ_OK;
	for (unsigned l = 0; r == ZTJ_OK && l < ZTJ_TILE_LEVELS; l++)
		r = write_level(st, l, st->audit->files, to);
	if (r == ZTJ_OK)
		st->audit->files = to;
	return r;
}

static int show(struct store *st, const struct ztj_checkpoint *c, struct ztj_view note)
{
	struct audit *a = st->audit;
	char path[PATH_MAX];
	int r = log_path(st, "checkpoint", path);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, note, 0600);
	if (r == ZTJ_OK) {
		ztj_buf_reset(&a->shown);
		r = ztj_buf_put(&a->shown, note.p, note.n);
		a->shown_at = *c;
	}
	return r;
}

void audit_show(struct store *st, const struct ztj_checkpoint *c, struct ztj_view note)
{
	int r = ztj_view_eq(note, ztj_buf_view(&st->audit->shown)) ? ZTJ_OK : show(st, c, note);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "a cosigned checkpoint of the audit log was not kept: %s",
		    ztj_err_text(r));
}

/* Where witnesses are demanded, it is shown when they have cosigned it. */
static bool is_held_back(const struct store *st)
{
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	return p != NULL && p->broker.quorum.need > 0;
}

static int sign(struct store *st, const struct ztj_checkpoint *c)
{
	struct audit *a = st->audit;
	bool held = is_held_back(st);
	char path[PATH_MAX];
	struct ztj_buf note;
	ztj_buf_init(&note, ZTJ_CHECKPOINT_MAX);
	int r = ztj_checkpoint_sign(&a->key, st->conf->domain, c, &note);
	/* First on disk, then shown, to witnesses too: the next start must know whatever anybody has seen. */
	if (r == ZTJ_OK && held)
		r = log_path(st, "newest", path);
	if (r == ZTJ_OK && held)
		r = ztj_file_write(path, ztj_buf_view(&note), 0600);
	if (r == ZTJ_OK && (!held || a->shown.n == 0))
		r = show(st, c, ztj_buf_view(&note));
	if (r == ZTJ_OK) {
		ztj_buf_reset(&a->note);
		r = ztj_buf_put(&a->note, note.p, note.n);
		a->last = *c;
	}
	ztj_buf_free(&note);
	return r;
}

void audit_publish(struct store *st, int64_t now)
{
	struct audit *a = st->audit;
	struct ztj_checkpoint c = { .size = a->tree.size };
	if (a->forked || st->broken || db_dirty(st->db) || reserve_spent(st) ||
	    (c.size == a->last.size && a->note.n > 0 && a->signed_at != 0))
		return;
	int r = write_files(st, c.size);
	if (r == ZTJ_OK)
		r = ztj_tlog_root(&a->tree, c.root);
	if (r == ZTJ_OK && a->note.n > 0)
		r = ztj_checkpoint_after(&a->last, &c);
	if (r == ZTJ_OK)
		r = sign(st, &c);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "no new checkpoint of the audit log: %s", ztj_err_text(r));
	else
		a->signed_at = now;
}

int audit_open_checkpoint(const struct audit_file *f, struct ztj_buf *note, struct ztj_checkpoint *out)
{
	const struct ztj_file_rule rule = { .owner = f->owner };
	memset(out, 0, sizeof(*out));
	ztj_buf_reset(note);
	int r = ztj_file_read(f->path, &rule, ZTJ_CHECKPOINT_MAX, note);
	return r == ZTJ_OK ? ztj_checkpoint_open(ztj_buf_view(note), f->domain, f->keys, f->nkeys, out) : r;
}

/* --- to callers --- */

static void answer_note(struct store *st, const struct ask *a, const struct ztj_buf *note, int64_t now)
{
	struct audit *au = st->audit;
	/* Not in the middle of a batch: only what is committed may be signed. */
	if (now >= au->signed_at + SIGN_SECONDS || now < au->signed_at)
		audit_publish(st, now);
	if (note->n == 0 || au->forked)
		st_refuse(st, a->tag, ZTJ_NOT_READY, "there is no checkpoint of the audit log", NULL);
	else
		st_answer_text(st, a->tag, 200, ztj_buf_view(note));
}

void do_log_checkpoint(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	(void)c;
	answer_note(st, a, &st->audit->shown, now);
}

void do_log_tile(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	const struct ztj_file_rule rule = { .owner = geteuid() };
	struct ztj_tile t;
	struct ztj_buf bytes;
	char path[PATH_MAX];
	if (c->auditor && strcmp(a->path, "newest") == 0) {
		answer_note(st, a, &st->audit->note, now);
		return;
	}
	ztj_buf_init(&bytes, BUNDLE_MAX);
	int r = c->auditor ? ztj_tile_parse(a->path, &t) : ZTJ_FORBIDDEN;
	if (r == ZTJ_OK)
		r = log_path(st, a->path, path);
	if (r == ZTJ_OK)
		r = ztj_file_read(path, &rule, BUNDLE_MAX, &bytes);
	if (r == ZTJ_OK)
		st_answer_text(st, a->tag, 200, ztj_buf_view(&bytes));
	else
		st_refuse(st, a->tag, r, NULL, NULL);
	ztj_buf_free(&bytes);
}
