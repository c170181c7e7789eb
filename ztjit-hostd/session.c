/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/safefile.h"

struct ztj_sessions {
	char prefix[ZTJ_CGROUP_SIZE];
	uint64_t last;
	size_t n;
	struct ztj_session *s[ZTJ_SESSIONS_MAX];
};

int ztj_sessions_new(const char *prefix, struct ztj_sessions **out)
{
	struct ztj_sessions *t;

	*out = NULL;
	if (prefix[0] != '/' || prefix[1] == '\0' || strlen(prefix) >= ZTJ_CGROUP_SIZE / 2)
		return ZTJ_CONFIG;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return ZTJ_NOMEM;
	(void)snprintf(t->prefix, sizeof(t->prefix), "%s", prefix);
	*out = t;
	return ZTJ_OK;
}

void ztj_sessions_free(struct ztj_sessions *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->s[i]);
	free(t);
}

void ztj_sessions_used(struct ztj_sessions *t, uint64_t no)
{
	if (no > t->last)
		t->last = no;
}

int ztj_sessions_add(struct ztj_sessions *t, const struct ztj_session *parent, struct ztj_session **out)
{
	return ztj_sessions_restore(t, parent, t->last + 1, out);
}

int ztj_sessions_restore(struct ztj_sessions *t, const struct ztj_session *parent, uint64_t no,
    struct ztj_session **out)
{
	struct ztj_session *s;
	int n;

	*out = NULL;
	if (t->n == ZTJ_SESSIONS_MAX)
		return ZTJ_LIMIT;
	if (no == 0 || ztj_sessions_get(t, no) != NULL)
		return ZTJ_STATE;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return ZTJ_NOMEM;
	if (ztj_random(s->name, sizeof(s->name)) != ZTJ_OK) {
		free(s);
		return ZTJ_SYSTEM;
	}
	s->leader_fd = -1;
	s->no = no;
	ztj_sessions_used(t, no);
	s->parent = parent == NULL ? 0 : parent->no;
	n = snprintf(s->cgroup, sizeof(s->cgroup), "%s/s%llu", parent == NULL ? t->prefix : parent->cgroup,
	    (unsigned long long)s->no);
	if (n < 0 || (size_t)n >= sizeof(s->cgroup)) { /* sudo in sudo in sudo … */
		free(s);
		return ZTJ_LIMIT;
	}
	t->s[t->n++] = s;
	*out = s;
	return ZTJ_OK;
}

void ztj_sessions_remove(struct ztj_sessions *t, uint64_t no)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->s[i]->no == no) {
			free(t->s[i]);
			t->s[i] = t->s[--t->n];
			return;
		}
}

struct ztj_session *ztj_sessions_get(struct ztj_sessions *t, uint64_t no)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->s[i]->no == no)
			return t->s[i];
	return NULL;
}

struct ztj_session *ztj_sessions_by_name(struct ztj_sessions *t, const uint8_t name[ZTJ_DIGEST_LEN])
{
	for (size_t i = 0; i < t->n; i++)
		if (memcmp(t->s[i]->name, name, ZTJ_DIGEST_LEN) == 0)
			return t->s[i];
	return NULL;
}

bool ztj_sessions_inside(struct ztj_sessions *t, const struct ztj_session *s, const struct ztj_session *of)
{
	while (s != NULL && s->no != of->no)
		s = s->parent == 0 ? NULL : ztj_sessions_get(t, s->parent);
	return s != NULL;
}

struct ztj_session *ztj_sessions_recording(struct ztj_sessions *t, struct ztj_session *s)
{
	while (s != NULL && !(s->recorded && s->playing && s->resume_by == 0 && !s->ending))
		s = s->parent == 0 ? NULL : ztj_sessions_get(t, s->parent);
	return s;
}

size_t ztj_sessions_count(const struct ztj_sessions *t)
{
	return t->n;
}

struct ztj_session *ztj_sessions_at(struct ztj_sessions *t, size_t i)
{
	return t->s[i];
}

/* path is dir or below it */
static bool within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

struct ztj_session *ztj_sessions_by_cgroup(struct ztj_sessions *t, const char *path, bool *inside)
{
	struct ztj_session *best = NULL;

	*inside = within(path, t->prefix);
	for (size_t i = 0; i < t->n; i++)
		if (!t->s[i]->shared && within(path, t->s[i]->cgroup) &&
		    (best == NULL || strlen(t->s[i]->cgroup) > strlen(best->cgroup)))
			best = t->s[i];
	return best;
}

static struct ztj_session *led_by(struct ztj_sessions *t, struct ztj_procid id,
    const struct ztj_session *login)
{
	for (size_t i = 0; i < t->n; i++)
		if (!t->s[i]->shared && ztj_procid_eq(t->s[i]->leader, id) &&
		    ztj_sessions_top(t, t->s[i]) == login)
			return t->s[i];
	return NULL;
}

struct ztj_session *ztj_sessions_by_descent(struct ztj_sessions *t, const struct ztj_procinfo *p,
    bool *inside)
{
	const struct ztj_session *login = NULL;
	struct ztj_session *s = NULL;

	for (size_t i = 0; i < t->n && p->audit != ZTJ_NO_AUDIT_SESSION && p->audit != 0; i++)
		if (t->s[i]->parent == 0 && t->s[i]->audit == p->audit)
			login = t->s[i];
	*inside = login != NULL;
	for (unsigned i = 0; login != NULL && s == NULL && i < p->nup; i++)
		s = led_by(t, p->up[i], login);
	return s;
}

struct ztj_session *ztj_sessions_top(struct ztj_sessions *t, struct ztj_session *s)
{
	while (s != NULL && s->parent != 0)
		s = ztj_sessions_get(t, s->parent);
	return s;
}
