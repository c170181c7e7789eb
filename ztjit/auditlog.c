/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit/auditlog.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"
#include "ztjit/api.h"
#include "ztjit/held.h"

#define BUNDLE_MAX ((size_t)ZTJ_TILE_WIDTH * (ZTJ_ENTRY_MAX + 2))

/* --- where it comes from --- */

/* Into l->bytes. NOT_FOUND says nothing yet: a partial tile may have become a full one. */
static int fetch(struct auditlog *l, const char *name)
{
	struct cli *c = l->c;
	const char *path = l->dir != NULL ? cli_printf(c, "%s/%s", l->dir, name)
					  : cli_printf(c, "/v1/log/%s", name);
	int r;

	ztj_buf_reset(&l->bytes);
	if (path == NULL)
		return ZTJ_NOMEM;
	if (l->dir != NULL) {
		/* Whoever made the copy: what is in it proves itself. */
		const struct ztj_file_rule rule = { .owner = geteuid() };

		r = ztj_file_read(path, &rule, BUNDLE_MAX, &l->bytes);
		return r == ZTJ_OK || r == ZTJ_NOT_FOUND ? r
							 : cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
	}
	r = api_get(c, path, &l->bytes);
	if (r == ZTJ_NOT_FOUND)
		cli_forget(c);
	return r;
}

/* A tile at the edge may be full by now: then its beginning is what was asked for. *got: how wide what came is. */
static int fetch_tile(struct auditlog *l, const struct ztj_tile *t, unsigned *got)
{
	struct ztj_tile full = *t;
	char path[ZTJ_TILE_PATH_SIZE];
	size_t mark = cli_mark(l->c);
	int r;

	*got = t->width;
	ztj_tile_path(t, path);
	r = fetch(l, path);
	if (r == ZTJ_NOT_FOUND && t->width < ZTJ_TILE_WIDTH) {
		*got = full.width = ZTJ_TILE_WIDTH;
		ztj_tile_path(&full, path);
		r = fetch(l, path);
	}
	if (r == ZTJ_OK)
		cli_release(l->c, mark);
	return r;
}

int auditlog_tile(void *arg, const struct ztj_tile *t, ztj_hash *out)
{
	struct auditlog *l = arg;
	struct auditlog_tile *at;
	size_t n = t->width * sizeof(out[0]);
	unsigned got;
	int r;

	for (size_t i = 0; i < AUDITLOG_TILES; i++) {
		const struct auditlog_tile *e = &l->tile[i];

		if (e->t.width >= t->width && e->t.level == t->level && e->t.index == t->index) {
			memcpy(out, e->hash, n);
			return ZTJ_OK;
		}
	}
	if ((r = fetch_tile(l, t, &got)) != ZTJ_OK)
		return r;
	if (l->bytes.n != got * sizeof(out[0]))
		return ZTJ_LOG_ALTERED;
	at = &l->tile[l->next++ % AUDITLOG_TILES];
	at->t = *t;
	memcpy(at->hash, l->bytes.p, n);
	memcpy(out, at->hash, n);
	return ZTJ_OK;
}

int auditlog_bundle(struct auditlog *l, uint64_t index, unsigned *width, struct ztj_buf *out)
{
	struct ztj_tile t = { .entries = true, .index = index };
	struct ztj_view entry;
	struct ztj_rd rd;
	unsigned got;
	int r;

	*width = t.width = ztj_tile_width(l->head.size, 0, index);
	if (t.width == 0)
		return ZTJ_NOT_FOUND;
	if ((r = fetch_tile(l, &t, &got)) != ZTJ_OK)
		return r;
	ztj_rd_init(&rd, ztj_buf_view(&l->bytes));
	for (unsigned i = 0; got > t.width && i < t.width; i++)
		if (ztj_entry_next(&rd, &entry) != ZTJ_OK)
			break;
	/* What is too short or too long is the checker's to name. */
	return ztj_buf_put(out, l->bytes.p, got > t.width ? l->bytes.n - rd.left.n : l->bytes.n);
}

/* One audit path goes through all that the tile holds: it proves every hash in it. */
static int prove_tile(struct auditlog *l, uint64_t index, unsigned width, const ztj_hash *hashes)
{
	const struct ztj_tiles tiles = { auditlog_tile, l, l->head.size };
	uint64_t first = index * ZTJ_TILE_WIDTH;
	ztj_hash path[ZTJ_PROOF_MAX];
	struct auditlog_tile *at = &l->tile[l->next++ % AUDITLOG_TILES];
	size_t len;
	int r;

	/* The proof is made of what the entries gave, not of what the log says of them. */
	for (size_t i = 0; i < AUDITLOG_TILES; i++)
		if (l->tile[i].t.level == 0 && l->tile[i].t.index == index)
			l->tile[i].t.width = 0;
	at->t = (struct ztj_tile){ .index = index, .width = width };
	memcpy(at->hash, hashes, width * sizeof(hashes[0]));
	r = ztj_tlog_prove(&tiles, first, l->head.size, path, &len);
	if (r == ZTJ_OK)
		r = ztj_merkle_verify(hashes[0], (size_t)first, (size_t)l->head.size, (const ztj_hash *)path,
		    len, l->head.root);
	return r == ZTJ_DIR_ROOT || r == ZTJ_NOT_FOUND ? ZTJ_LOG_ALTERED : r;
}

int auditlog_proved(struct auditlog *l, uint64_t index, unsigned *width, struct ztj_buf *out)
{
	ztj_hash hashes[ZTJ_TILE_WIDTH];
	struct ztj_view entry;
	struct ztj_rd rd;
	size_t before = out->n;
	int r = auditlog_bundle(l, index, width, out);

	ztj_rd_init(&rd, r == ZTJ_OK ? ztj_view_of(out->p + before, out->n - before) : ztj_view_of(NULL, 0));
	for (unsigned i = 0; r == ZTJ_OK && i < *width; i++) {
		r = ztj_entry_next(&rd, &entry);
		r = r == ZTJ_OK ? ztj_merkle_leaf(entry, hashes[i]) : ZTJ_LOG_ALTERED;
	}
	if (r == ZTJ_OK)
		r = rd.left.n == 0 ? prove_tile(l, index, *width, (const ztj_hash *)hashes) : ZTJ_LOG_ALTERED;
	if (r == ZTJ_LOG_ALTERED || r == ZTJ_NOT_FOUND) {
		uint64_t first = index * ZTJ_TILE_WIDTH, last = first + *width - 1;

		cli_hint(l->c, "ztjit audit verify");
		return cli_fail(l->c, ZTJ_LOG_ALTERED,
		    "leaves %llu to %llu are not those that the checkpoint was signed for",
		    (unsigned long long)first, (unsigned long long)last);
	}
	return r;
}

/* --- checkpoints --- */

static int open_note(struct auditlog *l, struct ztj_view note, const char *what, struct ztj_checkpoint *out)
{
	int r = ztj_checkpoint_open(note, l->domain, l->key, l->nkeys, out);

	switch (r) {
	case ZTJ_OK:
		return r;
	case ZTJ_SIGNER:
		return cli_fail(l->c, r, "%s is not signed by a log key of the policy", what);
	default:
		return cli_fail(l->c, r, "%s: %s", what, ztj_err_text(r));
	}
}

int auditlog_read_note(struct auditlog *l, const char *path, struct ztj_checkpoint *out)
{
	struct ztj_buf note;
	int r;

	ztj_buf_init(&note, ZTJ_NOTE_MAX);
	r = ctx_read(l->c, path, false, ZTJ_NOTE_MAX, &note);
	/* What a host or another workstation remembers is not signed: whoever brings it says that it was. */
	if (r == ZTJ_OK && ztj_checkpoint_kept(ztj_buf_view(&note), out) == ZTJ_OK) {
		ztj_buf_free(&note);
		return ZTJ_OK;
	}
	if (r != ZTJ_OK)
		r = cli_fail(l->c, r, "%s: %s", cli_esc(l->c, path), ztj_err_text(r));
	/* A witness that is known here vouches as well for what it saw; more to compare with makes the check stricter. */
	else if (ztj_checkpoint_open(ztj_buf_view(&note), l->domain, l->key, l->nkeys, out) != ZTJ_SIGNER ||
	    auditlog_witnessed(l, ztj_buf_view(&note), out) != ZTJ_OK)
		r = open_note(l, ztj_buf_view(&note), cli_esc(l->c, path), out);
	ztj_buf_free(&note);
	return r;
}

/* The newest that was signed, or the one that is shown. A broker that shows all that it signs may have the latter alone. */
static int take(struct auditlog *l, bool newest, struct ztj_checkpoint *out)
{
	int r = newest ? fetch(l, "newest") : ZTJ_NOT_FOUND;

	if (r == ZTJ_NOT_FOUND)
		r = fetch(l, "checkpoint");
	if (r == ZTJ_NOT_FOUND)
		return cli_fail(l->c, r, "there is no checkpoint in %s",
		    l->dir != NULL ? cli_esc(l->c, l->dir) : "the log");
	if (r == ZTJ_OK)
		r = open_note(l, ztj_buf_view(&l->bytes), "the checkpoint of the audit log", out);
	ztj_buf_reset(&l->note);
	return r == ZTJ_OK ? ztj_buf_put(&l->note, l->bytes.p, l->bytes.n) : r;
}

static const char *kept_path(struct cli *c)
{
	return ctx_path(c, c->state_dir, "checkpoint");
}

int auditlog_kept(struct cli *c, struct ztj_checkpoint *out)
{
	const char *path = kept_path(c);
	struct ztj_buf text;
	int r;

	ztj_buf_init(&text, 256);
	r = path == NULL ? ZTJ_NOMEM : ctx_read(c, path, true, 255, &text);
	if (r == ZTJ_OK)
		r = ztj_checkpoint_kept(ztj_buf_view(&text), out);
	ztj_buf_free(&text);
	return r == ZTJ_OK || r == ZTJ_NOT_FOUND ? r : cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
}

static int load_kept(struct auditlog *l)
{
	int r = auditlog_kept(l->c, &l->kept);

	l->has_kept = r == ZTJ_OK;
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int auditlog_remember(struct auditlog *l)
{
	const char *path = kept_path(l->c);
	struct ztj_buf text;
	int r;

	if (!l->remembers || (l->has_kept && l->kept.size >= l->shown.size))
		return ZTJ_OK;
	ztj_buf_init(&text, 256);
	r = path == NULL ? ZTJ_NOMEM : ztj_checkpoint_keep(&l->shown, &text);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(&text), 0600);
	ztj_buf_free(&text);
	if (r != ZTJ_OK)
		return cli_fail(l->c, r, "%s: %s", path, ztj_err_text(r));
	l->kept = l->shown;
	l->has_kept = true;
	return ZTJ_OK;
}

/* Tiles of a log of next->size leaves prove that it begins with old. */
static int grown(struct auditlog *l, const struct ztj_checkpoint *old, const struct ztj_checkpoint *next,
    const char *what)
{
	const struct ztj_tiles tiles = { auditlog_tile, l, next->size };
	const struct ztj_growth g = { old->size, next->size, old->root, next->root };
	ztj_hash path[ZTJ_PROOF_MAX];
	size_t len = 0;
	int r = ztj_checkpoint_after(old, next);

	if (r == ZTJ_OK && old->size > 0)
		r = ztj_tlog_prove_growth(&tiles, old->size, next->size, path, &len);
	if (r == ZTJ_OK)
		r = ztj_tlog_verify_growth(&g, (const ztj_hash *)path, len);
	if (r == ZTJ_LOG_ROLLBACK)
		return cli_fail(l->c, r,
		    "the audit log has %llu leaves; %s had %llu: an old state was put back, or leaves were cut off",
		    (unsigned long long)next->size, what, (unsigned long long)old->size);
	if (r == ZTJ_NOT_FOUND || r == ZTJ_LOG_ALTERED)
		return cli_fail(l->c, ZTJ_LOG_ALTERED,
		    "tiles of the audit log are missing or damaged: whether it continues %s nobody can tell",
		    what);
	if (r == ZTJ_LOG_FORK)
		return cli_fail(l->c, r,
		    "the audit log does not continue %s of %llu leaves: its history was changed", what,
		    (unsigned long long)old->size);
	return r;
}

int auditlog_continues(struct auditlog *l)
{
	return l->has_kept ? grown(l, &l->kept, &l->head, "the checkpoint that this workstation remembers")
			   : ZTJ_OK;
}

static int advance(struct auditlog *l, const struct ztj_checkpoint *next)
{
	int r;

	if (next->size != l->head.size)
		for (size_t i = 0; i < AUDITLOG_TILES; i++) /* partial ones have grown */
			if (l->tile[i].t.width < ZTJ_TILE_WIDTH)
				l->tile[i].t.width = 0;
	r = grown(l, &l->head, next, "the checkpoint before");
	if (r == ZTJ_OK)
		l->head = *next;
	return r;
}

int auditlog_again(struct auditlog *l)
{
	struct ztj_checkpoint next = { 0 };
	int r = take(l, l->uncosigned, &next);

	if (r == ZTJ_OK)
		r = auditlog_cosigned(l, ztj_buf_view(&l->bytes), false);
	if (r == ZTJ_OK)
		r = advance(l, &next);
	if (r == ZTJ_OK)
		l->shown = l->head;
	return r;
}

int auditlog_newest(struct auditlog *l)
{
	struct ztj_checkpoint next = { 0 };
	int r = take(l, true, &next);

	/* Between the two questions the broker may have gone on. */
	if (r == ZTJ_OK && next.size < l->head.size)
		return cli_fail(l->c, ZTJ_LOG_ROLLBACK,
		    "the newest checkpoint is shorter than the one that is shown");
	return r == ZTJ_OK ? advance(l, &next) : r;
}

/* --- opening --- */

static int key_from_file(struct auditlog *l, const char *path)
{
	struct ztj_buf line;
	int r;

	ztj_buf_init(&line, 4096);
	if ((r = ctx_read(l->c, path, false, 4095, &line)) == ZTJ_OK)
		r = ztj_key_from_line(&l->key[0], ztj_buf_view(&line));
	ztj_buf_free(&line);
	l->nkeys = 1;
	return r == ZTJ_OK ? r : cli_fail(l->c, r, "%s: %s", cli_esc(l->c, path), ztj_err_text(r));
}

static int keys_from_policy(struct auditlog *l)
{
	const struct ztj_policy *p;
	int r = held_need_policy(l->c, &p);

	if (r != ZTJ_OK)
		return r;
	l->domain = p->domain;
	for (size_t i = 0; i < p->broker.nlog && l->nkeys < AUDITLOG_KEYS; i++)
		if (!ztj_policy_key_revoked(p, &p->broker.log[i]))
			l->key[l->nkeys++] = p->broker.log[i];
	/* What only the broker says would be ahead of what it shows next time. */
	l->remembers = !cli_is_set(l->c, OPT_UNCOSIGNED) || p->broker.quorum.need == 0;
	r = auditlog_witnesses(l, p);
	return r == ZTJ_OK ? load_kept(l) : r;
}

/* With --log-key nothing of this workstation counts: the file and the copy are enough, for a court or another company. */
static int whom_to_believe(struct auditlog *l)
{
	struct cli *c = l->c;
	const char *file = cli_opt(c, OPT_LOG_KEY);
	int r;

	if (file == NULL) {
		r = l->dir != NULL ? ctx_need_pins(c) : api_open_login(c);
		return r == ZTJ_OK ? keys_from_policy(l) : r;
	}
	if (l->dir == NULL || !cli_is_set(c, OPT_DOMAIN))
		return cli_fail(c, ZTJ_USAGE, "--log-key wants --dir and --domain");
	l->domain = cli_opt(c, OPT_DOMAIN);
	r = auditlog_witnesses(l, NULL);
	return r == ZTJ_OK ? key_from_file(l, file) : r;
}

int auditlog_open(struct cli *c, struct auditlog *l)
{
	int r;

	memset(l, 0, sizeof(*l));
	l->c = c;
	l->dir = cli_opt(c, OPT_DIR);
	ztj_buf_init(&l->bytes, BUNDLE_MAX);
	ztj_buf_init(&l->note, ZTJ_NOTE_MAX);
	l->tile = calloc(AUDITLOG_TILES, sizeof(*l->tile));
	if (l->tile == NULL)
		return ZTJ_NOMEM;
	if ((r = whom_to_believe(l)) != ZTJ_OK)
		return r;
	if ((r = take(l, l->uncosigned, &l->head)) == ZTJ_OK)
		r = auditlog_cosigned(l, ztj_buf_view(&l->bytes), true);
	l->shown = l->head;
	return r;
}

void auditlog_close(struct auditlog *l)
{
	free(l->tile);
	l->tile = NULL;
	ztj_buf_free(&l->bytes);
	ztj_buf_free(&l->note);
}
