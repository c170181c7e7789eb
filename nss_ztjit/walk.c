/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Enumeration. Listed are the people who have a shell here at the moment and the role groups: what differs from
 * the machine's own files just now. Everybody else resolves, but is not listed: a directory may hold a
 * hundred thousand. The copy is memory, not a descriptor: programs close descriptors that they do not know.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nss_ztjit/module.h"

void ztj_nss_walk_end(struct ztj_nss_walk *walk)
{
	free(walk->bytes);
	memset(walk, 0, sizeof *walk);
}

static enum nss_status copy(struct ztj_nss_file *f, struct ztj_nss_walk *walk)
{
	size_t n = (size_t)f->src.size;

	walk->bytes = malloc(n);
	if (walk->bytes == NULL) {
		errno = ENOMEM;
		return NSS_STATUS_TRYAGAIN;
	}
	if (f->src.get(f, 0, walk->bytes, n) != 0)
		return ztj_nss_status(ZTJ_IO);
	walk->view = (struct ztj_view){ walk->bytes, n };
	walk->src = ztj_names_src_view(&walk->view);
	return ztj_nss_status(ztj_names_open_grants(&walk->src, &walk->names));
}

enum nss_status ztj_nss_walk_start(const struct ztj_nss_where *w, struct ztj_nss_walk *walk)
{
	struct ztj_nss_file f;
	enum nss_status s;

	ztj_nss_walk_end(walk);
	s = ztj_nss_open_grants(w, &f);
	if (s == NSS_STATUS_SUCCESS)
		s = copy(&f, walk);
	ztj_nss_close(&f);
	if (s != NSS_STATUS_SUCCESS)
		ztj_nss_walk_end(walk);
	return s;
}

static enum nss_status ready(const struct ztj_nss_where *w, struct ztj_nss_walk *walk)
{
	return walk->bytes != NULL ? NSS_STATUS_SUCCESS : ztj_nss_walk_start(w, walk);
}

enum nss_status ztj_nss_walk_person(const struct ztj_nss_where *w, struct ztj_nss_walk *walk,
    struct passwd *pw, struct ztj_nss_space space)
{
	enum nss_status s = ready(w, walk);

	while (s == NSS_STATUS_SUCCESS && walk->next < ztj_names_walk_end(&walk->names.people)) {
		struct ztj_names_user u;
		struct ztj_nss_person p;

		/* A damaged entry is nobody. */
		if (ztj_names_user_at(&walk->names, walk->next, &u) == ZTJ_OK && u.shell != 0 &&
		    ztj_nss_has_shell(&walk->names, &u, ztj_nss_now(w, &walk->names), &p)) {
			s = ztj_nss_fill_person(&p, pw, space);
			walk->next += s == NSS_STATUS_SUCCESS; /* else the same again, into a larger buffer */
			return s;
		}
		walk->next++;
	}
	return s == NSS_STATUS_SUCCESS ? ztj_nss_status(ZTJ_NOT_FOUND) : s;
}

enum nss_status ztj_nss_walk_group(const struct ztj_nss_where *w, struct ztj_nss_walk *walk, struct group *gr,
    struct ztj_nss_space space)
{
	enum nss_status s = ready(w, walk);

	while (s == NSS_STATUS_SUCCESS && walk->next < ztj_names_walk_end(&walk->names.groups)) {
		struct ztj_names_group g;

		if (ztj_names_group_at(&walk->names, walk->next, &g) == ZTJ_OK) {
			s = ztj_nss_fill_group(&walk->names, &g, ztj_nss_now(w, &walk->names), gr, space);
			if (s == NSS_STATUS_SUCCESS || s == NSS_STATUS_TRYAGAIN) {
				walk->next += s == NSS_STATUS_SUCCESS;
				return s;
			}
			s = NSS_STATUS_SUCCESS;
		}
		walk->next++;
	}
	return s == NSS_STATUS_SUCCESS ? ztj_nss_status(ZTJ_NOT_FOUND) : s;
}
