/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A plan, and its manifest: one JSON object that says what every item was and became. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/jsonin.h"
#include "ztjit-hostd/install_int.h"

#define XATTRS_B64_MAX (384u * 1024u)

static const char *const kind_name[] = { "file", "owner", "shell", "unit" };

/* ---- plans ---- */

struct ztj_inst_plan *ztj_inst_plan_new(void)
{
	return calloc(1, sizeof(struct ztj_inst_plan));
}

void ztj_inst_plan_drop(struct ztj_inst_plan *p)
{
	struct ztj_inst_item *it = &p->item[--p->n];

	ztj_inst_file_free(&it->before);
	ztj_inst_file_free(&it->after);
}

void ztj_inst_plan_free(struct ztj_inst_plan *p)
{
	while (p != NULL && p->n > 0)
		ztj_inst_plan_drop(p);
	free(p);
}

struct ztj_inst_item *ztj_inst_plan_add(struct ztj_inst_plan *p, enum ztj_inst_kind kind, const char *name)
{
	struct ztj_inst_item *it = &p->item[p->n];

	if (p->n == ZTJ_INST_ITEMS || strlen(name) >= sizeof(it->name))
		return NULL;
	*it = (struct ztj_inst_item){ .kind = kind };
	(void)snprintf(it->name, sizeof(it->name), "%s", name);
	ztj_inst_file_init(&it->before);
	ztj_inst_file_init(&it->after);
	p->n++;
	return it;
}

/* ---- writing ---- */

static json_t *file_json(const struct ztj_inst_file *f, const uint8_t sha[ZTJ_DIGEST_LEN])
{
	char hex[ZTJ_HEX_SIZE];
	struct ztj_buf b64;
	json_t *o = NULL;

	ztj_hex(sha, ZTJ_DIGEST_LEN, hex);
	ztj_buf_init(&b64, XATTRS_B64_MAX);
	if (ztj_b64_encode(ztj_buf_view(&f->xattrs), &b64) == ZTJ_OK && ztj_buf_str(&b64) != NULL)
		o = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s}", "sha256", hex, "mode",
		    (json_int_t)f->mode, "uid", (json_int_t)f->uid, "gid", (json_int_t)f->gid, "atime",
		    (json_int_t)f->atime.tv_sec, "atime_ns", (json_int_t)f->atime.tv_nsec, "mtime",
		    (json_int_t)f->mtime.tv_sec, "mtime_ns", (json_int_t)f->mtime.tv_nsec, "xattrs",
		    (const char *)b64.p);
	ztj_buf_free(&b64);
	return o;
}

static json_t *item_json(const struct ztj_inst_item *it)
{
	json_t *o = json_pack("{s:s,s:s}", "kind", kind_name[it->kind], "name", it->name);
	int r = o == NULL ? -1 : 0;

	if (r == 0 && (it->kind == ZTJ_INST_SHELL || it->kind == ZTJ_INST_UNIT)) {
		r = json_object_set_new(o, "was", json_string(it->was));
		r |= json_object_set_new(o, "be", json_string(it->be));
	}
	if (r == 0 && it->before.exists)
		r = json_object_set_new(o, "before", file_json(&it->before, it->before_sha));
	if (r == 0 && it->after.exists)
		r = json_object_set_new(o, "after", file_json(&it->after, it->after_sha));
	if (r == 0)
		return o;
	json_decref(o);
	return NULL;
}

int ztj_inst_manifest_write(const struct ztj_inst_plan *p, struct ztj_buf *out)
{
	json_t *items = json_array(), *o;

	for (size_t i = 0; i < p->n; i++)
		if (json_array_append_new(items, item_json(&p->item[i])) != 0) {
			json_decref(items);
			return ZTJ_NOMEM;
		}
	o = json_pack("{s:i,s:s,s:o}", "v", 1, "what", p->uninstall ? "uninstall" : "install", "items",
	    items);
	if (ztj_json_dump(o, out) != ZTJ_OK)
		return ZTJ_NOMEM;
	return ztj_buf_puts(out, "\n");
}

/* ---- reading ---- */

enum {
	M_VERSION,
	M_WHAT,
	M_ITEMS,
	M_KIND,
	M_NAME,
	M_WORD,
	M_FILE,
	M_SHA,
	M_ID,
	M_SECONDS,
	M_NANO,
	M_MODE,
	M_XATTRS
};

static int read_file_member(const struct ztj_jmember *m, json_t *v, void *ctx);
static int read_item_member(const struct ztj_jmember *m, json_t *v, void *ctx);

struct file_ctx {
	struct ztj_inst_file *f;
	uint8_t *sha;
};

static int read_time(const struct ztj_jmember *m, json_t *v, struct ztj_inst_file *f)
{
	struct timespec *t = m->name[0] == 'a' ? &f->atime : &f->mtime;
	int64_t n;
	int r = ztj_json_int(v, 0, m->kind == M_NANO ? 999999999 : ZTJ_JSON_INT_MAX, &n);

	if (m->kind == M_NANO)
		t->tv_nsec = n;
	else
		t->tv_sec = n;
	return r;
}

static int read_file_member(const struct ztj_jmember *m, json_t *v, void *ctx)
{
	const struct file_ctx *c = ctx;
	const char *text;
	int64_t n = 0;
	int r;

	if (m->kind == M_SHA)
		return ztj_json_digest(v, c->sha);
	if (m->kind == M_SECONDS || m->kind == M_NANO)
		return read_time(m, v, c->f);
	if (m->kind == M_XATTRS) {
		r = ztj_json_text(v, 0, XATTRS_B64_MAX, &text);
		return r == ZTJ_OK ? ztj_b64_decode(ztj_view_str(text), &c->f->xattrs) : r;
	}
	r = ztj_json_int(v, 0, m->kind == M_MODE ? 07777 : UINT32_MAX, &n);
	if (m->kind == M_MODE)
		c->f->mode = (mode_t)n;
	else if (m->name[0] == 'u')
		c->f->uid = (uid_t)n;
	else
		c->f->gid = (gid_t)n;
	return r;
}

static int read_file(json_t *v, struct ztj_inst_file *f, uint8_t *sha)
{
	static const struct ztj_jmember member[] = { { .name = "sha256", .kind = M_SHA },
		{ .name = "mode", .kind = M_MODE }, { .name = "uid", .kind = M_ID },
		{ .name = "gid", .kind = M_ID }, { .name = "atime", .kind = M_SECONDS },
		{ .name = "atime_ns", .kind = M_NANO }, { .name = "mtime", .kind = M_SECONDS },
		{ .name = "mtime_ns", .kind = M_NANO }, { .name = "xattrs", .kind = M_XATTRS } };
	static const struct ztj_jtable table = { .member = member, .n = sizeof(member) / sizeof(member[0]) };
	struct file_ctx c = { f, sha };

	f->exists = true;
	return ztj_json_members(v, &table, read_file_member, &c);
}

static int read_kind(json_t *v, enum ztj_inst_kind *out)
{
	const char *text;
	int r = ztj_json_text(v, 1, 16, &text);

	for (unsigned i = 0; r == ZTJ_OK && i < sizeof(kind_name) / sizeof(kind_name[0]); i++)
		if (strcmp(text, kind_name[i]) == 0) {
			*out = (enum ztj_inst_kind)i;
			return ZTJ_OK;
		}
	return r == ZTJ_OK ? ZTJ_MEMBER_TYPE : r;
}

static int read_item_member(const struct ztj_jmember *m, json_t *v, void *ctx)
{
	struct ztj_inst_item *it = ctx;
	bool first = m->aux != 0;
	const char *text;
	int r;

	if (m->kind == M_KIND)
		return read_kind(v, &it->kind);
	if (m->kind == M_FILE)
		return first ? read_file(v, &it->before, it->before_sha)
			     : read_file(v, &it->after, it->after_sha);
	if (m->kind == M_NAME) {
		r = ztj_json_text(v, 1, sizeof(it->name) - 1, &text);
		if (r == ZTJ_OK)
			(void)snprintf(it->name, sizeof(it->name), "%s", text);
		return r;
	}
	r = ztj_json_text(v, 0, ZTJ_INST_WORD - 1, &text);
	if (r == ZTJ_OK)
		(void)snprintf(first ? it->was : it->be, ZTJ_INST_WORD, "%s", text);
	return r;
}

static int read_items(json_t *v, struct ztj_inst_plan *p)
{
	static const struct ztj_jmember member[] = { { .name = "kind", .kind = M_KIND },
		{ .name = "name", .kind = M_NAME },
		{ .name = "was", .kind = M_WORD, .optional = true, .aux = 1 },
		{ .name = "be", .kind = M_WORD, .optional = true },
		{ .name = "before", .kind = M_FILE, .optional = true, .aux = 1 },
		{ .name = "after", .kind = M_FILE, .optional = true } };
	static const struct ztj_jtable table = { .member = member, .n = sizeof(member) / sizeof(member[0]) };
	int r = json_is_array(v) ? ZTJ_OK : ZTJ_MEMBER_TYPE;

	for (size_t i = 0; r == ZTJ_OK && i < json_array_size(v); i++) {
		struct ztj_inst_item *it = ztj_inst_plan_add(p, ZTJ_INST_FILE, "?");
		r = it == NULL ? ZTJ_LIMIT
			       : ztj_json_members(json_array_get(v, i), &table, read_item_member, it);
		/* Names of files are whole paths: nothing else is ever opened by them. */
		if (r == ZTJ_OK && (it->kind == ZTJ_INST_FILE || it->kind == ZTJ_INST_PERM) &&
		    it->name[0] != '/')
			r = ZTJ_MEMBER_TYPE;
		if (r == ZTJ_OK && it->kind == ZTJ_INST_PERM && (!it->before.exists || !it->after.exists))
			r = ZTJ_MEMBER_TYPE;
	}
	return r;
}

static int read_member(const struct ztj_jmember *m, json_t *v, void *ctx)
{
	struct ztj_inst_plan *p = ctx;
	const char *text;
	int64_t n;
	int r;

	if (m->kind == M_ITEMS)
		return read_items(v, p);
	if (m->kind == M_VERSION)
		return ztj_json_int(v, 1, 1, &n) == ZTJ_OK ? ZTJ_OK : ZTJ_VERSION;
	r = ztj_json_text(v, 1, 16, &text);
	p->uninstall = r == ZTJ_OK && strcmp(text, "uninstall") == 0;
	return r == ZTJ_OK && !p->uninstall && strcmp(text, "install") != 0 ? ZTJ_MEMBER_TYPE : r;
}

int ztj_inst_manifest_read(struct ztj_view in, struct ztj_inst_plan *out)
{
	static const struct ztj_jmember member[] = { { .name = "v", .kind = M_VERSION },
		{ .name = "what", .kind = M_WHAT }, { .name = "items", .kind = M_ITEMS } };
	static const struct ztj_jtable table = { .member = member,
		.n = sizeof(member) / sizeof(member[0]),
		.ordered = true };
	json_t *o = NULL;
	int r = ztj_json_load(in, ZTJ_INST_FILE_MAX, 0, &o);

	if (r == ZTJ_OK)
		r = ztj_json_members(o, &table, read_member, out);
	json_decref(o);
	while (r != ZTJ_OK && out->n > 0)
		ztj_inst_plan_drop(out);
	return r;
}
