/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Builds `people`, the file of published names that gives everybody an id for ever (PROTOCOL.md section 9). */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/names_table.h"

static int take_people(struct ztj_nametab *t, const struct ztj_names_person *p, size_t n)
{
	int r;

	for (size_t i = 0; i < n; i++) {
		if ((r = ztj_nametab_key(p[i].name, p[i].uid)) != ZTJ_OK)
			return r;
		t->e[t->n++] = (struct names_entry){ p[i].name, p[i].uid, 0 };
	}
	ztj_nametab_sort(t);
	for (uint32_t i = 1; i < t->n; i++)
		if (strcmp(t->e[i].name, t->e[i - 1].name) == 0)
			return ZTJ_EXISTS;
	return ztj_nametab_check(t);
}

static int put_people(const struct ztj_nametab *t, uint32_t seed, struct ztj_buf *out)
{
	struct names_people_header h = { .people = t->head };
	struct names_person *s = ztj_nametab_section(t, sizeof *s);
	int r;

	if (s == NULL)
		return ZTJ_NOMEM;
	for (uint32_t i = 0; i < t->n; i++) {
		struct names_person *p = &s[t->name_place[i]];

		p->uid = t->e[i].id;
		memcpy(p->name, t->e[i].name, strlen(t->e[i].name));
		p->check = ztj_nametab_sum(seed, NAMES_PERSON, p, sizeof *p);
	}
	h.start = ztj_nametab_start("ztjpeopl", seed, sizeof h + ztj_nametab_size(t, sizeof *s));
	h.check = ztj_names_hash(seed, NAMES_HEADER, &h, offsetof(struct names_people_header, check));
	(void)ztj_buf_put(out, &h, sizeof h);
	r = ztj_nametab_put(t, s, sizeof *s, out);
	free(s);
	return r;
}

int ztj_names_build_people(const struct ztj_names_person *p, size_t n, struct ztj_buf *out)
{
	struct ztj_nametab t, *all = &t;
	uint32_t seed;
	int r;

	ztj_buf_reset(out);
	if (n > ZTJ_NAMES_MAX_PEOPLE)
		return ZTJ_LIMIT;
	if ((r = ztj_nametab_init(&t, n)) != ZTJ_OK)
		return r;
	if ((r = take_people(&t, p, n)) == ZTJ_OK && (r = ztj_nametab_place(&all, 1, &seed)) == ZTJ_OK)
		r = put_people(&t, seed, out);
	if (r != ZTJ_OK)
		ztj_buf_reset(out);
	ztj_nametab_free(&t);
	return r;
}
