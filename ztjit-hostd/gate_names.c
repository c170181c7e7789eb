/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Whom the host knows by name, and which id each has for ever. Whoever cannot have theirs, because the machine or somebody before has it
 * already, is not published at all, with an alarm (N03).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/published.h"

#define ID_MIN 1000 /* below: accounts of the system */
#define NOBODY 65534
#define NOBODY_16 65535

/* ---- what people are made of ---- */

static int put_stat(const char *path, struct ztj_buf *b)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return ZTJ_IO;
	(void)ztj_buf_put_u64(b, (uint64_t)st.st_dev);
	(void)ztj_buf_put_u64(b, (uint64_t)st.st_ino);
	(void)ztj_buf_put_u64(b, (uint64_t)st.st_size);
	(void)ztj_buf_put(b, &st.st_mtim, sizeof(st.st_mtim));
	(void)ztj_buf_put(b, &st.st_ctim, sizeof(st.st_ctim));
	return ztj_buf_status(b);
}

static bool dir_counts(struct ztj_gate *g, const struct ztj_dir *d)
{
	return ztj_trust_dir_state(g->trust, ztj_dir_name(d), ztj_gate_ends_clock(g)) == ZTJ_OK;
}

static int inputs(struct ztj_gate *g, uint8_t out[ZTJ_DIGEST_LEN])
{
	const struct ztj_policy *p = ztj_trust_held_policy(g->trust);
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 65536);
	if (p != NULL)
		(void)ztj_buf_put(&b, p->digest, sizeof(p->digest));
	for (size_t i = 0; i < ztj_trust_ndirs(g->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(g->trust, i);
		if (dir_counts(g, d))
			(void)ztj_buf_put(&b, ztj_dir_digest(d), ZTJ_DIGEST_LEN);
	}
	r = put_stat(g->env.passwd, &b);
	if (r == ZTJ_OK)
		r = put_stat(g->env.group, &b);
	if (r == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(&b), out);
	ztj_buf_free(&b);
	return r;
}

/* ---- who cannot be published ---- */

struct gathering {
	struct ztj_gate *g;
	const struct ztj_policy *policy;
	struct ztj_locals locals;
	struct ztj_conflicts *now;
	int err; /* what ends it all: memory */
};

__attribute__((format(printf, 2, 3))) static void conflict(struct gathering *w, const char *fmt, ...)
{
	char *text = w->now->n < ZTJ_CONFLICTS_MAX ? w->now->text[w->now->n] : NULL;
	va_list ap;

	if (text == NULL) {
		w->now->more++;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, ZTJ_REASON_SIZE, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < w->now->n; i++)
		if (strcmp(w->now->text[i], text) == 0)
			return;
	w->now->n++;
}

static bool known(const struct ztj_conflicts *c, const char *text)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->text[i], text) == 0)
			return true;
	return false;
}

/* Once for each. */
static void tell_conflicts(struct ztj_gate *g, const struct ztj_conflicts *before)
{
	const struct ztj_conflicts *now = &g->pub->conflicts;
	char text[64];

	for (size_t i = 0; i < now->n; i++)
		if (!known(before, now->text[i]))
			ztj_gate_alarm(g, ZTJ_EXISTS, now->text[i]);
	if (now->more > 0 && before->more == 0) {
		(void)snprintf(text, sizeof(text), "%zu more are not published", now->more);
		ztj_gate_alarm(g, ZTJ_EXISTS, text);
	}
}

/* ---- role groups ---- */

static bool group_fits(struct gathering *w, const char *name, uint32_t gid)
{
	const struct ztj_localgroup *named = ztj_locals_group(&w->locals, name);
	const struct ztj_localgroup *of = ztj_locals_gid(&w->locals, gid, name);

	if (ztj_policy_group_reserved(name) ||
	    (w->g->conf->rec_group != NULL && strcmp(name, w->g->conf->rec_group) == 0))
		conflict(w, "group %s is not published: the name belongs to the system", name);
	else if (named != NULL && named->gid != gid)
		conflict(w, "group %s is not published: /etc/group has one with id %u, not %u", name,
		    named->gid, gid);
	else if (of != NULL)
		conflict(w, "group %s is not published: id %u is that of %.64s in /etc/group", name, gid,
		    of->name);
	/* An empty one adds nothing; anybody in it is there for good. */
	else if (ztj_locals_anybody(&w->locals, gid))
		conflict(w, "group %s is not published: /etc/group or /etc/passwd has members for it", name);
	else
		return true;
	return false;
}

static void add_group(struct gathering *w, const struct ztj_gid *group)
{
	struct ztj_idbook *book = &w->g->pub->book;
	int r;

	if (!group_fits(w, group->name, group->gid))
		return;
	r = ztj_idbook_add(book, ZTJ_ID_GROUP, group->name, group->gid);
	if (r == ZTJ_OK)
		ztj_idbook_named(book, group->name)->current = true;
	else if (r == ZTJ_NOMEM || r == ZTJ_SYSTEM)
		w->err = r;
	else
		conflict(w, "group %s is not published: the name or id %u was another's here", group->name,
		    group->gid);
}

/* ---- people ---- */

static bool listed(const struct ztj_strs *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->s[i], name) == 0)
			return true;
	return false;
}

/* Accounts that roles lead to: whoever had one of these names would be whom others become. */
static bool shared_account(const struct ztj_policy *p, const char *name)
{
	for (size_t i = 0; i < p->nroles; i++)
		if (listed(&p->roles[i].login, name) || listed(&p->roles[i].become, name))
			return true;
	return false;
}

static bool role_group(const struct ztj_policy *p, const char *name)
{
	for (size_t i = 0; i < p->ngids; i++)
		if (strcmp(p->gids[i].name, name) == 0)
			return true;
	return false;
}

/* By name and uid alone; NULL: nothing is wrong. */
static const char *never(const struct gathering *w, const char *name, uint32_t uid)
{
	if (ztj_policy_person_reserved(name))
		return "the name belongs to the system";
	if (uid < ID_MIN || uid > INT32_MAX || uid == NOBODY || uid == NOBODY_16)
		return "the uid belongs to the system";
	if (w->policy != NULL && role_group(w->policy, name))
		return "a role group has that name";
	if (w->policy != NULL && shared_account(w->policy, name))
		return "it is the name of an account that roles lead to";
	return NULL;
}

static enum ztj_id_state person_fits(struct gathering *w, const char *name, uint32_t uid, const char **why)
{
	const struct ztj_localuser *user = ztj_locals_user(&w->locals, name);
	const struct ztj_localgroup *named = ztj_locals_group(&w->locals, name);
	const struct ztj_localgroup *of = ztj_locals_gid(&w->locals, uid, name);

	*why = never(w, name, uid);
	if (*why != NULL)
		return ZTJ_ID_HIDDEN;
	if (user != NULL && user->uid == uid)
		return ZTJ_ID_LOCAL;
	if (user != NULL)
		*why = "/etc/passwd has that name with another uid";
	else if (ztj_locals_uid(&w->locals, uid, name) != NULL)
		*why = "/etc/passwd has that uid with another name";
	else if (named != NULL && named->gid != uid)
		*why = "/etc/group has that name with another id";
	else if (of != NULL)
		*why = "/etc/group has that id with another name";
	return *why == NULL ? ZTJ_ID_SHOWN : ZTJ_ID_HIDDEN;
}

static void add_person(struct gathering *w, const char *directory, const struct ztj_record *rec)
{
	const struct ztj_id *held = ztj_idbook_named(&w->g->pub->book, rec->name);
	const char *why;
	int r;

	if (held != NULL && held->kind == ZTJ_ID_PERSON && held->id == rec->uid)
		return; /* judged with all that were here before */
	if (person_fits(w, rec->name, rec->uid, &why) == ZTJ_ID_HIDDEN) {
		conflict(w, "%s/%s (uid %u) is not published: %s", directory, rec->name, rec->uid, why);
		return;
	}
	r = ztj_idbook_add(&w->g->pub->book, ZTJ_ID_PERSON, rec->name, rec->uid);
	if (r == ZTJ_NOMEM || r == ZTJ_SYSTEM)
		w->err = r;
	else if (r == ZTJ_LIMIT)
		conflict(w, "%s/%s is not published: too many people were here", directory, rec->name);
	else if (r != ZTJ_OK)
		conflict(w, "%s/%s (uid %u) is not published: the name or uid was another's here", directory,
		    rec->name, rec->uid);
}

static void add_directory(struct gathering *w, const struct ztj_dir *d)
{
	for (size_t i = 0; i < ztj_dir_count(d) && w->err == ZTJ_OK; i++) {
		const struct ztj_record *rec = ztj_dir_at(d, i);
		if (!rec->host)
			add_person(w, ztj_dir_name(d), rec);
	}
}

/* ---- all together ---- */

/* The policy's word first: a registrar cannot take a group's name or id from it. */
static void take_up(struct gathering *w)
{
	struct ztj_idbook *book = &w->g->pub->book;

	for (size_t i = 0; i < book->n; i++)
		book->e[i].current = false;
	for (size_t i = 0; w->policy != NULL && i < w->policy->ngids && w->err == ZTJ_OK; i++)
		add_group(w, &w->policy->gids[i]);
	for (size_t i = 0; i < ztj_trust_ndirs(w->g->trust) && w->err == ZTJ_OK; i++)
		if (dir_counts(w->g, ztj_trust_dir_at(w->g->trust, i)))
			add_directory(w, ztj_trust_dir_at(w->g->trust, i));
}

/* Also for those whom no directory and no policy names any more: their ids resolve for ever. */
static void judge_all(struct gathering *w)
{
	struct ztj_idbook *book = &w->g->pub->book;
	const char *why;

	w->g->pub->people = 0;
	for (size_t i = 0; i < book->n; i++) {
		struct ztj_id *e = &book->e[i];
		if (e->kind == ZTJ_ID_GROUP) {
			e->state = group_fits(w, e->name, e->id) ? ZTJ_ID_SHOWN : ZTJ_ID_HIDDEN;
			continue;
		}
		e->state = (uint8_t)person_fits(w, e->name, e->id, &why);
		if (e->state == ZTJ_ID_HIDDEN)
			conflict(w, "%s (uid %u) is not published any more: %s", e->name, e->id, why);
		w->g->pub->people += e->state == ZTJ_ID_SHOWN;
	}
}

/* Durable before anybody sees it. Whoever is new and could not be stored stays out of sight. */
static int store(struct ztj_gate *g, size_t stored)
{
	struct ztj_idbook *book = &g->pub->book;
	char path[512];
	int r;

	(void)snprintf(path, sizeof(path), "%s/ids", g->conf->state);
	r = ztj_idbook_store(book, path);
	for (size_t i = stored; r != ZTJ_OK && i < book->n; i++) {
		book->e[i].state = ZTJ_ID_HIDDEN;
		book->e[i].current = false;
	}
	return r;
}

static int gather(struct ztj_gate *g, struct ztj_conflicts *now)
{
	struct gathering w = { .g = g, .policy = ztj_trust_held_policy(g->trust), .now = now };
	size_t stored = g->pub->stored;
	int r = ztj_locals_read(g->env.passwd, g->env.group, g->env.root, &w.locals);

	if (r != ZTJ_OK)
		return r;
	take_up(&w);
	if (w.err == ZTJ_OK)
		judge_all(&w);
	ztj_locals_free(&w.locals);
	r = w.err == ZTJ_OK ? store(g, stored) : w.err;
	if (r == ZTJ_OK)
		g->pub->stored = g->pub->book.n;
	return r;
}

/* Tried again with every piece of news; said once. */
static void say_failed(struct ztj_gate *g, int r)
{
	if (r != ZTJ_OK && !g->pub->failing)
		ztj_gate_alarm(g, r, "who is new cannot be published: /etc/passwd, /etc/group or the ids");
	g->pub->failing = r != ZTJ_OK;
}

int ztj_names_gather(struct ztj_gate *g)
{
	struct ztj_pub *p = g->pub;
	struct ztj_conflicts *before;
	uint8_t now[ZTJ_DIGEST_LEN];
	int r = inputs(g, now);

	if (r != ZTJ_OK) {
		say_failed(g, r);
		return r;
	}
	if (p->made && memcmp(now, p->inputs, sizeof(now)) == 0)
		return ZTJ_STATE;
	before = malloc(sizeof(*before));
	if (before == NULL)
		return ZTJ_NOMEM;
	*before = p->conflicts;
	memset(&p->conflicts, 0, sizeof(p->conflicts));
	r = gather(g, &p->conflicts);
	p->made = r == ZTJ_OK;
	memcpy(p->inputs, now, sizeof(now));
	say_failed(g, r);
	tell_conflicts(g, before);
	free(before);
	return r;
}

int ztj_names_people(struct ztj_gate *g, struct ztj_buf *out)
{
	const struct ztj_idbook *book = &g->pub->book;
	struct ztj_names_person *p = calloc(book->n + 1, sizeof(*p));
	size_t n = 0;
	int r;

	if (p == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < book->n; i++)
		if (book->e[i].kind == ZTJ_ID_PERSON && book->e[i].state == ZTJ_ID_SHOWN)
			p[n++] = (struct ztj_names_person){ book->e[i].name, book->e[i].id };
	r = ztj_names_build_people(p, n, out);
	free(p);
	return r;
}
