/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* One question, answered from the two published files: `grants` first, which is small, then `people`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nss_ztjit/module.h"

static enum nss_status find_user(const struct ztj_names *f, const struct ztj_nss_key *key,
    struct ztj_names_user *u)
{
	return ztj_nss_status(
	    key->name != NULL ? ztj_names_user_named(f, key->name, u) : ztj_names_user_of(f, key->id, u));
}

bool ztj_nss_has_shell(const struct ztj_names *f, const struct ztj_names_user *u, int64_t now,
    struct ztj_nss_person *out)
{
	if (u->uid == 0 || now >= u->shell_ends || ztj_names_shell(f, u, out->shell) != ZTJ_OK)
		return false;
	memcpy(out->name, u->name, sizeof out->name);
	out->uid = u->uid;
	return true;
}

/* Whoever has a shell at the moment. When `grants` cannot be read nobody has. */
static bool granted(const struct ztj_nss_where *w, const struct ztj_nss_key *key, struct ztj_nss_person *out)
{
	struct ztj_nss_file f;
	struct ztj_names_user u;
	bool yes = ztj_nss_open_grants(w, &f) == NSS_STATUS_SUCCESS &&
	    find_user(&f.names, key, &u) == NSS_STATUS_SUCCESS && u.shell != 0 &&
	    ztj_nss_has_shell(&f.names, &u, ztj_nss_now(w, &f.names), out);

	ztj_nss_close(&f);
	return yes;
}

static enum nss_status known(const struct ztj_nss_where *w, const struct ztj_nss_key *key,
    struct ztj_names_user *u)
{
	struct ztj_nss_file f;
	enum nss_status s = ztj_nss_open_people(w, &f);

	if (s == NSS_STATUS_SUCCESS)
		s = find_user(&f.names, key, u);
	ztj_nss_close(&f);
	return s;
}

enum nss_status ztj_nss_find_person(const struct ztj_nss_where *w, const struct ztj_nss_key *key,
    struct ztj_nss_person *out)
{
	struct ztj_names_user u;
	enum nss_status s;

	if (granted(w, key, out))
		return NSS_STATUS_SUCCESS;
	if ((s = known(w, key, &u)) != NSS_STATUS_SUCCESS)
		return s;
	memcpy(out->name, u.name, sizeof out->name);
	out->uid = u.uid;
	memcpy(out->shell, ZTJ_NAMES_NOLOGIN, sizeof ZTJ_NAMES_NOLOGIN);
	return NSS_STATUS_SUCCESS;
}

/* A role group. */
static enum nss_status role_group(const struct ztj_nss_where *w, const struct ztj_nss_key *key,
    struct group *gr, struct ztj_nss_space space)
{
	struct ztj_nss_file f;
	struct ztj_names_group g;
	enum nss_status s = ztj_nss_open_grants(w, &f);

	if (s == NSS_STATUS_SUCCESS)
		s = ztj_nss_status(key->name != NULL ? ztj_names_group_named(&f.names, key->name, &g)
						     : ztj_names_group_of(&f.names, key->id, &g));
	if (s == NSS_STATUS_SUCCESS)
		s = ztj_nss_fill_group(&f.names, &g, g.count != 0 ? ztj_nss_now(w, &f.names) : INT64_MAX, gr,
		    space);
	ztj_nss_close(&f);
	return s;
}

enum nss_status ztj_nss_find_group(const struct ztj_nss_where *w, const struct ztj_nss_key *key,
    struct group *gr, struct ztj_nss_space space)
{
	struct ztj_names_group own = { .count = 0 };
	struct ztj_names_user u;
	enum nss_status s = role_group(w, key, gr, space), p;
	int e = errno;

	if (s == NSS_STATUS_SUCCESS || s == NSS_STATUS_TRYAGAIN)
		return s;
	if ((p = known(w, key, &u)) == NSS_STATUS_SUCCESS) {
		/* a person's own group */
		memcpy(own.name, u.name, sizeof own.name);
		own.gid = u.uid;
		return ztj_nss_fill_group(NULL, &own, INT64_MAX, gr, space);
	}
	if (p != NSS_STATUS_NOTFOUND)
		return p;
	errno = e; /* not a person; whether it is a role group may be unknown */
	return s;
}

/* ---- one person's groups ---- */

static enum nss_status add(const struct ztj_nss_gids *g, gid_t gid)
{
	if (gid == g->primary)
		return NSS_STATUS_SUCCESS;
	for (long i = 0; i < *g->n; i++)
		if ((*g->list)[i] == gid)
			return NSS_STATUS_SUCCESS;
	if (*g->n >= *g->size) {
		long size = *g->size > 0 ? 2 * *g->size : 16;
		gid_t *bigger;

		if (g->limit > 0 && size > g->limit)
			size = g->limit;
		if (size <= *g->n)
			return NSS_STATUS_RETURN; /* the caller's limit */
		bigger = reallocarray(*g->list, (size_t)size, sizeof *bigger);
		if (bigger == NULL) {
			errno = ENOMEM;
			return NSS_STATUS_TRYAGAIN;
		}
		*g->list = bigger;
		*g->size = size;
	}
	(*g->list)[(*g->n)++] = gid;
	return NSS_STATUS_SUCCESS;
}

static enum nss_status add_running(const struct ztj_names *f, const struct ztj_names_user *u, int64_t now,
    const struct ztj_nss_gids *g)
{
	enum nss_status s = NSS_STATUS_SUCCESS;

	for (uint32_t i = 0; s == NSS_STATUS_SUCCESS && i < u->count; i++) {
		uint32_t gid;
		int64_t ends;

		s = ztj_nss_status(ztj_names_membership(f, u, i, &gid, &ends));
		if (s == NSS_STATUS_SUCCESS && now < ends)
			s = add(g, gid);
	}
	return s == NSS_STATUS_RETURN ? NSS_STATUS_SUCCESS : s; /* full is no error: what fits is taken */
}

enum nss_status ztj_nss_find_groups(const struct ztj_nss_where *w, const char *name,
    const struct ztj_nss_gids *g)
{
	struct ztj_nss_file f;
	struct ztj_names_user u;
	enum nss_status s = ztj_nss_open_grants(w, &f);

	if (s == NSS_STATUS_SUCCESS)
		s = ztj_nss_status(ztj_names_user_named(&f.names, name, &u));
	if (s == NSS_STATUS_SUCCESS && u.count != 0)
		s = add_running(&f.names, &u, ztj_nss_now(w, &f.names), g);
	ztj_nss_close(&f);
	return s;
}
