/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Answers in the caller's buffer. What does not fit is ERANGE: glibc then asks again with a larger one. */
#include <errno.h>
#include <string.h>

#include "nss_ztjit/module.h"

/* Two texts as one; NULL when the space is too small, which then fails every further one. */
static char *text(struct ztj_nss_space *s, const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	char *at = s->p;

	if (at == NULL || s->n < na + nb + 1) {
		s->p = NULL;
		return NULL;
	}
	memcpy(at, a, na);
	memcpy(at + na, b, nb + 1);
	s->p += na + nb + 1;
	s->n -= na + nb + 1;
	return at;
}

static enum nss_status too_small(void)
{
	errno = ERANGE;
	return NSS_STATUS_TRYAGAIN;
}

enum nss_status ztj_nss_fill_person(const struct ztj_nss_person *p, struct passwd *pw, struct ztj_nss_space s)
{
	/* In this order: once one did not fit, none after it does. */
	pw->pw_name = text(&s, p->name, "");
	pw->pw_passwd = text(&s, "*", ""); /* no password, and none in shadow either */
	pw->pw_gecos = text(&s, p->name, "");
	pw->pw_dir = text(&s, ZTJ_NAMES_HOME, p->name);
	pw->pw_shell = text(&s, p->shell, "");
	pw->pw_uid = p->uid;
	pw->pw_gid = p->uid;
	return pw->pw_shell != NULL ? NSS_STATUS_SUCCESS : too_small();
}

/* Room for n + 1 pointers at the beginning of the space. */
static char **pointers(struct ztj_nss_space *s, size_t n)
{
	size_t skip = (sizeof(char *) - (uintptr_t)s->p % sizeof(char *)) % sizeof(char *);
	size_t bytes = (n + 1) * sizeof(char *);
	char **list;

	if (s->p == NULL || s->n < skip + bytes) {
		s->p = NULL;
		return NULL;
	}
	list = (char **)(void *)(s->p + skip);
	s->p += skip + bytes;
	s->n -= skip + bytes;
	return list;
}

enum nss_status ztj_nss_fill_group(const struct ztj_names *f, const struct ztj_names_group *g, int64_t now,
    struct group *gr, struct ztj_nss_space s)
{
	char name[ZTJ_NAME_SIZE];
	size_t n = 0;

	gr->gr_gid = g->gid;
	gr->gr_mem = pointers(&s, g->count);
	gr->gr_name = text(&s, g->name, "");
	gr->gr_passwd = text(&s, "*", "");
	if (gr->gr_mem == NULL || gr->gr_passwd == NULL)
		return too_small();
	for (uint32_t i = 0; i < g->count && now != INT64_MAX; i++) {
		int64_t ends;
		int r = ztj_names_member(f, g, i, name, &ends);

		if (r != ZTJ_OK)
			return ztj_nss_status(r);
		if (now >= ends)
			continue;
		gr->gr_mem[n] = text(&s, name, "");
		if (gr->gr_mem[n++] == NULL)
			return too_small();
	}
	gr->gr_mem[n] = NULL;
	return NSS_STATUS_SUCCESS;
}
