/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Typed readers for the members of libconfig groups. Each adds a problem with its line rather
 * than stopping, so that one run shows everything that is wrong.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/policy_int.h"

#define POL_MEM_MAX (16u * 1024 * 1024)

struct ztj_pol_chunk {
	struct ztj_pol_chunk *next;
	max_align_t data[];
};

__attribute__((format(printf, 4, 0))) static void problem(struct ztj_pol *c, unsigned line, bool warning,
    const char *fmt, va_list ap)
{
	struct ztj_policy_problems *pr = c->problems;
	size_t cap = sizeof pr->item / sizeof pr->item[0];

	c->failed |= !warning;
	if (pr->n == cap)
		return;
	pr->item[pr->n].line = line;
	pr->item[pr->n].warning = warning;
	(void)vsnprintf(pr->item[pr->n].text, sizeof pr->item[0].text, fmt, ap);
	pr->n++;
}

void ztj_pol_error(struct ztj_pol *c, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem(c, line, false, fmt, ap);
	va_end(ap);
}

void ztj_pol_warn(struct ztj_pol *c, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem(c, line, true, fmt, ap);
	va_end(ap);
}

void *ztj_pol_alloc(struct ztj_pol *c, size_t n, size_t size)
{
	struct ztj_pol_chunk *m;
	size_t bytes;

	if (__builtin_mul_overflow(n != 0 ? n : 1, size, &bytes) || bytes > POL_MEM_MAX - c->priv->used ||
	    (m = calloc(1, sizeof *m + bytes)) == NULL) {
		c->nomem = c->failed = true;
		return NULL;
	}
	c->priv->used += bytes;
	m->next = c->priv->mem;
	c->priv->mem = m;
	return m->data;
}

void ztj_pol_free_mem(struct ztj_pol_priv *priv)
{
	struct ztj_pol_chunk *m, *next;

	for (m = priv->mem; m != NULL; m = next) {
		next = m->next;
		free(m);
	}
	priv->mem = NULL;
}

const char *ztj_pol_strdup(struct ztj_pol *c, const char *s)
{
	size_t n = strlen(s) + 1;
	char *d = ztj_pol_alloc(c, n, 1);

	if (d != NULL)
		memcpy(d, s, n);
	return d;
}

void ztj_pol_ref(struct ztj_pol *c, enum ztj_pol_ref_kind kind, unsigned line, const char *name)
{
	if (c->nrefs == c->refs_cap) {
		size_t cap = c->refs_cap != 0 ? 2 * c->refs_cap : 256;
		struct ztj_pol_ref *r = reallocarray(c->refs, cap, sizeof *r);
		if (r == NULL) {
			c->nomem = c->failed = true;
			return;
		}
		c->refs = r;
		c->refs_cap = cap;
	}
	c->refs[c->nrefs++] = (struct ztj_pol_ref){ kind, line, name };
}

unsigned ztj_pol_line(const config_setting_t *s)
{
	return config_setting_source_line(s);
}

static const struct ztj_pol_field *find_field(const struct ztj_pol_field *f, size_t nf, const char *key)
{
	for (size_t i = 0; i < nf; i++)
		if (strcmp(f[i].key, key) == 0)
			return &f[i];
	return NULL;
}

void ztj_pol_group(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, size_t nf,
    void *base)
{
	int n = config_setting_length(s);

	if (!config_setting_is_group(s)) {
		ztj_pol_error(c, ztj_pol_line(s), "a group { … } is expected here");
		return;
	}
	for (int i = 0; i < n; i++) {
		const config_setting_t *m = ztj_pol_child(s, (size_t)i);
		const struct ztj_pol_field *k = find_field(f, nf, config_setting_name(m));
		if (k == NULL)
			ztj_pol_error(c, ztj_pol_line(m), "unknown key \"%.64s\"", config_setting_name(m));
		else if (k->get != NULL)
			k->get(c, m, k, (char *)base + k->off);
	}
	for (size_t i = 0; i < nf; i++)
		if (f[i].required && config_setting_get_member(s, f[i].key) == NULL)
			ztj_pol_error(c, ztj_pol_line(s), "\"%s\" is missing%s%s", f[i].key,
			    config_setting_name(s) != NULL ? " in " : "",
			    config_setting_name(s) != NULL ? config_setting_name(s) : "");
}

/* The string, or NULL after a problem. */
const char *ztj_pol_string(struct ztj_pol *c, const config_setting_t *s, const char *key)
{
	const char *v = config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : NULL;

	if (v == NULL)
		ztj_pol_error(c, ztj_pol_line(s), "%s: a string is expected", key);
	else if (!ztj_text_ok(ztj_view_str(v)))
		ztj_pol_error(c, ztj_pol_line(s), "%s: a tab inside a string", key);
	else
		return v;
	return NULL;
}

void ztj_pol_get_text(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	const char *v = ztj_pol_string(c, s, f->key);

	if (v == NULL)
		return;
	if (strlen(v) < (size_t)f->min || strlen(v) > (size_t)f->max)
		ztj_pol_error(c, ztj_pol_line(s), "%s: %lld to %lld bytes are allowed", f->key,
		    (long long)f->min, (long long)f->max);
	*(const char **)dst = ztj_pol_strdup(c, v);
}

void ztj_pol_get_name(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	const char *v = ztj_pol_string(c, s, f->key);

	if (v == NULL)
		return;
	if (!ztj_name_ok(v))
		ztj_pol_error(c, ztj_pol_line(s),
		    "%s: \"%.64s\" is not a name (a-z, 0-9, _ . -, at most 32 bytes)", f->key, v);
	*(const char **)dst = ztj_pol_strdup(c, v);
}

void ztj_pol_get_i64(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	int type = config_setting_type(s);
	int64_t v;

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: a whole number is expected", f->key);
		return;
	}
	v = config_setting_get_int64(s);
	if (v < f->min || v > f->max) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: %lld to %lld is allowed", f->key, (long long)f->min,
		    (long long)f->max);
		return;
	}
	*(int64_t *)dst = v;
}

void ztj_pol_get_int(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	int64_t v = *(unsigned *)dst;

	ztj_pol_get_i64(c, s, f, &v);
	*(unsigned *)dst = (unsigned)v;
}

void ztj_pol_get_bool(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		ztj_pol_error(c, ztj_pol_line(s), "%s: true or false is expected", f->key);
	else
		*(bool *)dst = config_setting_get_bool(s) != 0;
}

void ztj_pol_get_duration(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    void *dst)
{
	const char *v;
	int64_t d;

	if (config_setting_type(s) == CONFIG_TYPE_INT) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: write a unit and quotes, as in \"30m\"", f->key);
		return;
	}
	v = ztj_pol_string(c, s, f->key);
	if (v == NULL)
		return;
	if (ztj_duration_parse(v, &d) != ZTJ_OK)
		ztj_pol_error(c, ztj_pol_line(s),
		    "%s: \"%.40s\" is not a duration such as \"90s\", \"30m\", \"1h30m\" or \"2d\"", f->key,
		    v);
	else if (d < f->min || d > f->max)
		ztj_pol_error(c, ztj_pol_line(s), "%s: %lld to %lld seconds are allowed", f->key,
		    (long long)f->min, (long long)f->max);
	else
		*(int64_t *)dst = d;
}

void ztj_pol_get_time(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	const char *v = ztj_pol_string(c, s, f->key);

	if (v != NULL && ztj_time_parse(v, dst) != ZTJ_OK)
		ztj_pol_error(c, ztj_pol_line(s),
		    "%s: \"%.40s\" is not a UTC time such as \"2027-06-30T00:00:00Z\"", f->key, v);
}
