/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Three steps: the whole log is looked through for leaves that may belong to the case; of those, the ones that do are
 * chosen (of policies and directories those that were in force); then each is written with what it speaks of.
 */
#include "ztjit/proofmake.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/core/dirjson.h"
#include "libztjit/core/prooffile.h"
#include "ztjit/api.h"
#include "ztjit/out.h"

#define DECISIONS_MAX (ZTJ_PROOF_ITEMS_MAX / 2)
#define CONTAINER_MAX (4u * 1024u * 1024u)

/* A leaf that may belong to it. */
struct pick {
	uint64_t n;
	struct ztj_view leaf; /* kept until the end of the process */
	struct ztj_event_in e;
	bool wanted;
};

struct making {
	struct cli *c;
	struct auditlog *l;
	const struct req *q;
	struct ztj_buf *out;
	size_t n, cap;
	struct pick *pick;
	uint64_t first, last; /* of the case */
	size_t nnames, capnames;
	const char **name; /* full names whose records are needed */
};

/* --- looking through the log --- */

static bool mentions(struct ztj_view leaf, const char *text)
{
	return memmem(leaf.p, leaf.n, text, strlen(text)) != NULL;
}

/* Before anything is parsed: a million leaves are about other things. */
static bool promising(const struct making *m, struct ztj_view leaf)
{
	char hex[ZTJ_HEX_SIZE];

	if (mentions(leaf, "\"kind\":\"policy\"") || mentions(leaf, "\"kind\":\"directory\""))
		return true;
	for (size_t i = 0; i < m->q->bundle->n; i++) {
		if (m->q->bundle->stmt[i]->type != ZTJ_STMT_REQUEST)
			continue;
		ztj_hex(m->q->bundle->stmt[i]->id, ZTJ_DIGEST_LEN, hex);
		if (mentions(leaf, hex))
			return true;
	}
	return false;
}

static bool by_key(const struct ztj_signed *s, const char *fingerprint)
{
	char fp[ZTJ_FINGERPRINT_SIZE];
	struct ztj_key k;

	return fingerprint != NULL && ztj_sshsig_peek(s->sig[0], &k) == ZTJ_OK &&
	    ztj_key_fingerprint(&k, fp) == ZTJ_OK && strcmp(fp, fingerprint) == 0;
}

/* The statement that a leaf speaks of, under the signature that it speaks of: one may stand under several. */
static const struct ztj_signed *in_bundle(const struct making *m, const struct ztj_event_in *e)
{
	const char *fingerprint = json_string_value(json_array_get(json_object_get(e->obj, "keys"), 0));
	char id[ZTJ_HEX_SIZE];

	for (size_t i = 0; i < m->q->bundle->n; i++) {
		ztj_hex(m->q->bundle->stmt[i]->id, ZTJ_DIGEST_LEN, id);
		if (strcmp(id, ztj_event_text(e, "statement")) == 0 &&
		    by_key(&m->q->bundle->raw[i], fingerprint))
			return &m->q->bundle->raw[i];
	}
	return NULL;
}

static bool is(const struct ztj_event_in *e, const char *kind, const char *outcome)
{
	return strcmp(e->kind, kind) == 0 && (outcome == NULL || strcmp(e->outcome, outcome) == 0);
}

static bool frames(const struct ztj_event_in *e)
{
	return strcmp(e->kind, "policy") == 0 || strcmp(e->kind, "directory") == 0;
}

/* Refused statements are in the log, but nobody kept them. */
static bool belongs(const struct making *m, const struct ztj_event_in *e)
{
	if (frames(e))
		return strcmp(e->outcome, "accepted") == 0;
	if (is(e, "statement", "accepted"))
		return in_bundle(m, e) != NULL;
	return strcmp(ztj_event_text(e, "request"), m->q->id) == 0 &&
	    (is(e, "certificate", "issued") || is(e, "session", NULL) || is(e, "decision", NULL));
}

static int keep(struct making *m, struct ztj_view leaf, uint64_t n)
{
	struct ztj_event_in e;
	uint8_t *copy;
	int r = ztj_event_read(leaf, &e);

	if (r != ZTJ_OK)
		return cli_fail(m->c, r, "leaf %llu: %s", (unsigned long long)n, ztj_err_text(r));
	if (!belongs(m, &e)) {
		ztj_event_free(&e);
		return ZTJ_OK;
	}
	if (m->n == m->cap) {
		size_t cap = m->cap == 0 ? 64 : 2 * m->cap;
		struct pick *more = realloc(m->pick, cap * sizeof(*more));

		if (more != NULL) {
			m->pick = more;
			m->cap = cap;
		}
	}
	copy = m->n < m->cap ? cli_keep(m->c, leaf.n) : NULL;
	if (copy == NULL) {
		ztj_event_free(&e);
		return ZTJ_NOMEM;
	}
	memcpy(copy, leaf.p, leaf.n);
	m->pick[m->n++] = (struct pick){ n, ztj_view_of(copy, leaf.n), e, !frames(&e) };
	return ZTJ_OK;
}

static int look_through(struct making *m)
{
	struct ztj_buf bundle;
	unsigned width;
	int r = ZTJ_OK;

	ztj_buf_init(&bundle, LEAVES_BUNDLE_MAX);
	for (uint64_t i = 0; r == ZTJ_OK && i < leaves_bundles(m->l); i++) {
		struct ztj_view leaf;
		struct ztj_rd rd;

		ztj_buf_reset(&bundle);
		r = auditlog_proved(m->l, i, &width, &bundle);
		ztj_rd_init(&rd, ztj_buf_view(&bundle));
		for (unsigned k = 0; r == ZTJ_OK && k < width; k++) {
			r = ztj_entry_next(&rd, &leaf);
			if (r == ZTJ_OK && promising(m, leaf))
				r = keep(m, leaf, i * ZTJ_TILE_WIDTH + k);
		}
	}
	ztj_buf_free(&bundle);
	return r;
}

/* --- choosing --- */

static int need_name(struct making *m, const char *full)
{
	if (strchr(full, '/') == NULL)
		return ZTJ_OK;
	for (size_t i = 0; i < m->nnames; i++)
		if (strcmp(m->name[i], full) == 0)
			return ZTJ_OK;
	if (m->nnames == m->capnames) {
		size_t cap = m->capnames == 0 ? 32 : 2 * m->capnames;
		const char **more = realloc(m->name, cap * sizeof(*more));

		if (more == NULL)
			return ZTJ_NOMEM;
		m->name = more;
		m->capnames = cap;
	}
	m->name[m->nnames++] = full;
	return ZTJ_OK;
}

/* Who signed, and what it was for. */
static int need_names(struct making *m)
{
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < m->q->bundle->n; i++) {
		const struct ztj_stmt *st = m->q->bundle->stmt[i];

		if (st->type == ZTJ_STMT_APPROVAL)
			r = need_name(m, st->u.approval.who);
		if (st->type == ZTJ_STMT_REVOCATION)
			r = need_name(m, st->u.revocation.who);
		if (st->type != ZTJ_STMT_REQUEST)
			continue;
		r = need_name(m, st->u.request.who);
		for (size_t k = 0; r == ZTJ_OK && k < st->u.request.nhosts; k++)
			r = need_name(m, st->u.request.hosts[k]);
	}
	return r;
}

static bool in_need(const struct making *m, const char *directory)
{
	size_t n = strlen(directory);

	for (size_t i = 0; i < m->nnames; i++)
		if (strncmp(m->name[i], directory, n) == 0 && m->name[i][n] == '/')
			return true;
	return false;
}

/* Is another one of the same kind (and name) between i and the first of the case? */
static bool replaced(const struct making *m, size_t i)
{
	const struct pick *p = &m->pick[i];

	for (size_t k = i + 1; k < m->n && m->pick[k].n < m->first; k++)
		if (strcmp(m->pick[k].e.kind, p->e.kind) == 0 &&
		    strcmp(ztj_event_text(&m->pick[k].e, "name"), ztj_event_text(&p->e, "name")) == 0)
			return true;
	return false;
}

/* Policies and directories that were in force when it began or came into force meanwhile, and the newest policy, which names
 * the log's key. */
static void choose_frames(struct making *m)
{
	bool newest = true;

	for (size_t i = m->n; i-- > 0;) {
		struct pick *p = &m->pick[i];
		bool policy = strcmp(p->e.kind, "policy") == 0;

		if (!frames(&p->e))
			continue;
		p->wanted = p->n < m->first ? !replaced(m, i) : p->n < m->last;
		if (policy)
			p->wanted = p->wanted || newest;
		else
			p->wanted = p->wanted && in_need(m, ztj_event_text(&p->e, "name"));
		newest = newest && !policy;
	}
}

/* The last word of each record; what was said of it before is contained in that. */
static void choose_heads(struct making *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const char *id = ztj_event_text(&m->pick[i].e, "session");

		if (!is(&m->pick[i].e, "session", NULL) || is(&m->pick[i].e, "session", "started"))
			continue;
		for (size_t k = i + 1; k < m->n && m->pick[i].wanted; k++)
			if (is(&m->pick[k].e, "session", NULL) &&
			    strcmp(ztj_event_text(&m->pick[k].e, "session"), id) == 0)
				m->pick[i].wanted = false;
	}
}

static bool is_named(const struct making *m, const char *full)
{
	for (size_t i = 0; i < m->nnames; i++)
		if (strcmp(m->name[i], full) == 0)
			return true;
	return false;
}

/* A host can name any request, and that as often as it likes: neither must keep a proof from being made. */
static void choose_decisions(struct making *m)
{
	size_t room = DECISIONS_MAX, left = 0;

	for (size_t i = 0; i < m->n; i++) {
		struct pick *p = &m->pick[i];

		if (!is(&p->e, "decision", NULL))
			continue;
		p->wanted = is_named(m, ztj_event_text(&p->e, "host")) && room > 0;
		room -= p->wanted;
		left += !p->wanted;
	}
	if (left > 0)
		out_warn(m->c, "%zu decisions of hosts are left out of the proof; the log has them", left);
}

static int choose(struct making *m)
{
	bool found = false;
	int r = need_names(m);

	for (size_t i = 0; r == ZTJ_OK && i < m->n; i++) {
		if (frames(&m->pick[i].e))
			continue;
		m->first = found ? m->first : m->pick[i].n;
		m->last = m->pick[i].n;
		found = true;
		if (is(&m->pick[i].e, "session", NULL))
			r = need_name(m, ztj_event_text(&m->pick[i].e, "host"));
	}
	if (r == ZTJ_OK && !found)
		return cli_fail(m->c, ZTJ_NOT_FOUND, "the audit log does not tell of %s (yet)",
		    m->q->short_id);
	choose_frames(m);
	choose_heads(m);
	choose_decisions(m);
	return r;
}

/* --- writing --- */

static int put(struct making *m, const struct pick *p, enum ztj_proof_part part, unsigned k,
    struct ztj_view bytes)
{
	return ztj_proof_put(m->out, p->n, part, k, bytes);
}

static int put_leaf(struct making *m, const struct pick *p)
{
	const struct ztj_tiles tiles = { auditlog_tile, m->l, m->l->head.size };
	struct ztj_inclusion in = { .index = p->n, .checkpoint = ztj_buf_view(&m->l->note) };
	struct ztj_buf text;
	int r = ztj_tlog_prove(&tiles, p->n, m->l->head.size, in.path, &in.len);

	ztj_buf_init(&text, ZTJ_PATH_TEXT_MAX + ZTJ_NOTE_MAX);
	if (r == ZTJ_OK)
		r = ztj_inclusion_write(&in, &text);
	if (r == ZTJ_OK)
		r = put(m, p, ZTJ_PART_LEAF, 0, p->leaf);
	if (r == ZTJ_OK)
		r = put(m, p, ZTJ_PART_PROOF, 0, ztj_buf_view(&text));
	ztj_buf_free(&text);
	return r;
}

static int put_signed(struct making *m, const struct pick *p, const struct ztj_signed *s)
{
	struct ztj_buf armour;
	int r = put(m, p, ZTJ_PART_STATEMENT, 0, s->bytes);

	ztj_buf_init(&armour, 4 * ZTJ_SSHSIG_MAX);
	for (size_t i = 0; r == ZTJ_OK && i < s->nsigs; i++) {
		ztj_buf_reset(&armour);
		r = ztj_sshsig_armor(s->sig[i], &armour);
		if (r == ZTJ_OK)
			r = put(m, p, ZTJ_PART_SIG, (unsigned)i + 1, ztj_buf_view(&armour));
	}
	ztj_buf_free(&armour);
	return r;
}

static int put_fetched(struct making *m, const struct pick *p)
{
	const char *path = cli_printf(m->c, "/v1/statements/%s", ztj_event_text(&p->e, "statement"));
	struct ztj_buf text, mem;
	struct ztj_signed s;
	int r;

	ztj_buf_init(&text, CONTAINER_MAX);
	ztj_buf_init(&mem, CONTAINER_MAX);
	r = path == NULL ? ZTJ_NOMEM : api_get(m->c, path, &text);
	if (r == ZTJ_OK)
		r = ztj_signed_from_json(ztj_buf_view(&text), &mem, &s);
	if (r == ZTJ_OK)
		r = put_signed(m, p, &s);
	ztj_buf_free(&text);
	ztj_buf_free(&mem);
	return r;
}

static int put_record(struct making *m, const struct pick *p, const struct ztj_dir *d, size_t i, unsigned k)
{
	struct ztj_inclusion in = { .index = i };
	struct ztj_buf text;
	int r = ztj_dir_prove(d, i, in.path, &in.len);

	ztj_buf_init(&text, ZTJ_PATH_TEXT_MAX);
	if (r == ZTJ_OK)
		r = ztj_path_write(&in, &text);
	if (r == ZTJ_OK)
		r = put(m, p, ZTJ_PART_RECORD, k, ztj_dir_at(d, i)->bytes);
	if (r == ZTJ_OK)
		r = put(m, p, ZTJ_PART_PATH, k, ztj_buf_view(&text));
	ztj_buf_free(&text);
	return r;
}

static int put_records(struct making *m, const struct pick *p, const struct ztj_dir *d)
{
	size_t n = strlen(ztj_dir_name(d));
	unsigned k = 0;
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < ztj_dir_count(d); i++)
		for (size_t j = 0; r == ZTJ_OK && j < m->nnames; j++)
			if (strncmp(m->name[j], ztj_dir_name(d), n) == 0 && m->name[j][n] == '/' &&
			    strcmp(m->name[j] + n + 1, ztj_dir_at(d, i)->name) == 0)
				r = put_record(m, p, d, i, ++k);
	return r;
}

/* A directory as it was then. */
static int put_directory(struct making *m, const struct pick *p)
{
	const char *name = ztj_event_text(&p->e, "name");
	const char *path = cli_printf(m->c, "/v1/directories/%s?at=%lld", name,
	    (long long)json_integer_value(json_object_get(p->e.obj, "serial")));
	struct ztj_dir_delta delta = { .nput = 0 };
	struct ztj_dir *d = NULL;
	struct ztj_signed s;
	struct ztj_buf mem;
	json_t *o = NULL;
	int r = path == NULL ? ZTJ_NOMEM : api_call(m->c, "GET", path, NULL, &o);

	ztj_buf_init(&mem, CONTAINER_MAX);
	if (r == ZTJ_OK)
		r = ztj_signed_from_value(json_array_get(json_object_get(o, "statements"), 0), &mem, &s);
	if (r == ZTJ_OK)
		r = ztj_delta_from_json(json_object_get(o, "drop"), json_object_get(o, "put"), &delta);
	if (r == ZTJ_OK)
		r = ztj_dir_apply(NULL, name, &delta, &d);
	if (r == ZTJ_OK)
		r = put_signed(m, p, &s);
	if (r == ZTJ_OK)
		r = put_records(m, p, d);
	ztj_dir_free(d);
	ztj_delta_free(&delta);
	ztj_buf_free(&mem);
	json_decref(o);
	return r;
}

/* The newest head of that record, if it is the one that the leaf speaks of. While a session runs it may not be any more. */
static int find_head(struct making *m, const struct pick *p, struct ztj_buf *mem, struct ztj_signed *s)
{
	const char *path = cli_printf(m->c, "/v1/sessions/%s", ztj_event_text(&p->e, "session"));
	uint8_t id[ZTJ_DIGEST_LEN];
	char hex[ZTJ_HEX_SIZE];
	const json_t *heads;
	json_t *o = NULL;
	int r = path == NULL ? ZTJ_NOMEM : api_call(m->c, "GET", path, NULL, &o);

	heads = json_object_get(o, "heads");
	if (r == ZTJ_OK)
		r = json_array_size(heads) == 0
		    ? ZTJ_NOT_FOUND
		    : ztj_signed_from_value(json_array_get(heads, json_array_size(heads) - 1), mem, s);
	json_decref(o);
	if (r == ZTJ_OK && (r = ztj_stmt_id(s->bytes, id)) == ZTJ_OK) {
		ztj_hex(id, sizeof(id), hex);
		r = strcmp(hex, ztj_event_text(&p->e, "statement")) == 0 ? ZTJ_OK : ZTJ_NOT_FOUND;
	}
	return r;
}

static int put_head(struct making *m, const struct pick *p)
{
	struct ztj_signed s;
	struct ztj_buf mem;
	int r;

	ztj_buf_init(&mem, CONTAINER_MAX);
	r = find_head(m, p, &mem, &s);
	if (r == ZTJ_OK && (r = put_leaf(m, p)) == ZTJ_OK)
		r = put_signed(m, p, &s);
	ztj_buf_free(&mem);
	if (r == ZTJ_NOT_FOUND)
		cli_forget(m->c);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

static int put_pick(struct making *m, const struct pick *p)
{
	const char *statement = ztj_event_text(&p->e, "statement");
	const struct ztj_signed *s = in_bundle(m, &p->e);
	int r;

	if (is(&p->e, "session", NULL) && statement[0] != '\0')
		return put_head(m, p);
	r = put_leaf(m, p);
	if (r != ZTJ_OK || statement[0] == '\0' || is(&p->e, "decision", NULL))
		return r;
	if (is(&p->e, "directory", NULL))
		return put_directory(m, p);
	return s != NULL ? put_signed(m, p, s) : put_fetched(m, p);
}

static int write_all(struct making *m)
{
	int r = ztj_proof_begin(m->out, m->q->bundle->request->id);

	for (size_t i = 0; r == ZTJ_OK && i < m->n; i++) {
		size_t mark = cli_mark(m->c);

		if (m->pick[i].wanted)
			r = put_pick(m, &m->pick[i]);
		if (r == ZTJ_OK)
			cli_release(m->c, mark);
	}
	return r == ZTJ_OK ? ztj_proof_end(m->out) : r;
}

int proofmake(struct auditlog *l, const struct req *q, struct ztj_buf *out)
{
	struct making m = { .c = l->c, .l = l, .q = q, .out = out };
	int r = look_through(&m);

	if (r == ZTJ_OK)
		r = choose(&m);
	if (r == ZTJ_OK)
		r = write_all(&m);
	for (size_t i = 0; i < m.n; i++)
		ztj_event_free(&m.pick[i].e);
	free(m.pick);
	free(m.name);
	return r;
}
