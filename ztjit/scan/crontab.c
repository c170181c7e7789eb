/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit/scan/crontab.h"

#include <string.h>

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct ztj_view trim(struct ztj_view v)
{
	while (v.n > 0 && blank(v.p[0]))
		v = ztj_view_after(v, 1);
	while (v.n > 0 && blank(v.p[v.n - 1]))
		v.n--;
	return v;
}

static struct ztj_view word(struct ztj_view *v)
{
	struct ztj_view w;
	size_t n = 0;

	*v = trim(*v);
	while (n < v->n && !blank(v->p[n]))
		n++;
	w = ztj_view_of(v->p, n);
	*v = trim(ztj_view_after(*v, n));
	return w;
}

/* As cron tells them apart: a name, perhaps quoted, then "=". */
static bool is_setting(struct ztj_view v)
{
	size_t n = 0;

	while (n < v.n && v.p[n] != '=' && !blank(v.p[n]))
		n++;
	while (n < v.n && blank(v.p[n]))
		n++;
	return n > 0 && n < v.n && v.p[n] == '=' && v.p[0] != '*' && (v.p[0] < '0' || v.p[0] > '9') &&
	    v.p[0] != '@';
}

bool cron_line_read(struct ztj_view line, bool with_user, struct cron_job *out)
{
	struct ztj_view v = trim(line);
	unsigned times = v.n > 0 && v.p[0] == '@' ? 1 : 5;

	*out = (struct cron_job){ .user = { .n = 0 } };
	if (v.n == 0 || v.p[0] == '#' || is_setting(v))
		return false;
	for (unsigned i = 0; i < times; i++)
		if (word(&v).n == 0)
			return false;
	if (with_user)
		out->user = word(&v);
	out->command = v;
	return v.n > 0 && (!with_user || out->user.n > 0);
}

bool unit_line_read(struct ztj_view line, struct unit_line *out)
{
	struct ztj_view v = trim(line);
	const uint8_t *eq = v.n > 0 ? memchr(v.p, '=', v.n) : NULL;

	*out = (struct unit_line){ .key = { .n = 0 } };
	if (eq == NULL || v.p[0] == '#' || v.p[0] == ';' || v.p[0] == '[')
		return false;
	out->key = trim(ztj_view_of(v.p, (size_t)(eq - v.p)));
	out->value = trim(ztj_view_after(v, (size_t)(eq - v.p) + 1));
	return out->key.n > 0;
}

struct ztj_view unit_program(struct ztj_view value, bool *plus)
{
	struct ztj_view v = trim(value);

	*plus = false;
	while (v.n > 0 && strchr("@-:+!|", v.p[0]) != NULL) {
		*plus = *plus || v.p[0] == '+';
		v = ztj_view_after(v, 1);
	}
	if (v.n > 0 && v.p[0] == '"') {
		const uint8_t *end = memchr(v.p + 1, '"', v.n - 1);

		return end != NULL ? ztj_view_of(v.p + 1, (size_t)(end - v.p - 1)) : ztj_view_of(NULL, 0);
	}
	return word(&v);
}
