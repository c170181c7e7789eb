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

#include "libztjit/core/cidr.h"
#include "libztjit/core/policy_int.h"

#define POL_MEM_MAX (16u * 1024 * 1024)

struct ztj_pol_chunk {
	struct ztj_pol_chunk *next;
	max_align_t data[];
};

static void
problem(struct ztj_pol *c, unsigned line, bool warning, const char *fmt, va_list ap)
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

void
ztj_pol_error(struct ztj_pol *c, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem(c, line, false, fmt, ap);
	va_end(ap);
}

void
ztj_pol_warn(struct ztj_pol *c, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem(c, line, true, fmt, ap);
	va_end(ap);
}

void *
ztj_pol_alloc(struct ztj_pol *c, size_t n, size_t size)
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

void
ztj_pol_free_mem(struct ztj_pol_priv *priv)
{
	struct ztj_pol_chunk *m, *next;

	for (m = priv->mem; m != NULL; m = next) {
		next = m->next;
		free(m);
	}
	priv->mem = NULL;
}

const char *
ztj_pol_strdup(struct ztj_pol *c, const char *s)
{
	size_t n = strlen(s) + 1;
	char *d = ztj_pol_alloc(c, n, 1);

	if (d != NULL)
		memcpy(d, s, n);
	return d;
}

void
ztj_pol_ref(struct ztj_pol *c, enum ztj_pol_ref_kind kind, unsigned line, const char *name)
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

unsigned
ztj_pol_line(const config_setting_t *s)
{
	return config_setting_source_line(s);
}

static const config_setting_t *
elem(const config_setting_t *s, unsigned i)
{
	return config_setting_get_elem(s, i);
}

static const struct ztj_pol_field *
find_field(const struct ztj_pol_field *f, size_t nf, const char *key)
{
	for (size_t i = 0; i < nf; i++)
		if (strcmp(f[i].key, key) == 0)
			return &f[i];
	return NULL;
}

void
ztj_pol_group(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, size_t nf, void *base)
{
	int n = config_setting_length(s);

	if (!config_setting_is_group(s)) {
		ztj_pol_error(c, ztj_pol_line(s), "a group { … } is expected here");
		return;
	}
	for (int i = 0; i < n; i++) {
		const config_setting_t *m = elem(s, (unsigned)i);
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
static const char *
want_string(struct ztj_pol *c, const config_setting_t *s, const char *key)
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

void
ztj_pol_get_text(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	const char *v = want_string(c, s, f->key);

	if (v == NULL)
		return;
	if (strlen(v) < (size_t)f->min || strlen(v) > (size_t)f->max)
		ztj_pol_error(c, ztj_pol_line(s), "%s: %lld to %lld bytes are allowed", f->key,
		    (long long)f->min, (long long)f->max);
	*(const char **)dst = ztj_pol_strdup(c, v);
}

void
ztj_pol_get_name(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	const char *v = want_string(c, s, f->key);

	if (v == NULL)
		return;
	if (!ztj_name_ok(v))
		ztj_pol_error(c, ztj_pol_line(s), "%s: \"%.64s\" is not a name (a-z, 0-9, _ . -, at most 32 bytes)",
		    f->key, v);
	*(const char **)dst = ztj_pol_strdup(c, v);
}

void
ztj_pol_get_i64(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	int type = config_setting_type(s);
	int64_t v;

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: a whole number is expected", f->key);
		return;
	}
	v = config_setting_get_int64(s);
	if (v < f->min || v > f->max) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: %lld to %lld is allowed", f->key,
		    (long long)f->min, (long long)f->max);
		return;
	}
	*(int64_t *)dst = v;
}

void
ztj_pol_get_int(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	int64_t v = *(unsigned *)dst;

	ztj_pol_get_i64(c, s, f, &v);
	*(unsigned *)dst = (unsigned)v;
}

void
ztj_pol_get_bool(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		ztj_pol_error(c, ztj_pol_line(s), "%s: true or false is expected", f->key);
	else
		*(bool *)dst = config_setting_get_bool(s) != 0;
}

void
ztj_pol_get_duration(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	const char *v;
	int64_t d;

	if (config_setting_type(s) == CONFIG_TYPE_INT) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: write a unit and quotes, as in \"30m\"", f->key);
		return;
	}
	v = want_string(c, s, f->key);
	if (v == NULL)
		return;
	if (ztj_duration_parse(v, &d) != ZTJ_OK)
		ztj_pol_error(c, ztj_pol_line(s), "%s: \"%.40s\" is not a duration such as \"90s\", \"30m\", \"1h30m\" or \"2d\"",
		    f->key, v);
	else if (d < f->min || d > f->max)
		ztj_pol_error(c, ztj_pol_line(s), "%s: %lld to %lld seconds are allowed", f->key,
		    (long long)f->min, (long long)f->max);
	else
		*(int64_t *)dst = d;
}

void
ztj_pol_get_time(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	const char *v = want_string(c, s, f->key);

	if (v != NULL && ztj_time_parse(v, dst) != ZTJ_OK)
		ztj_pol_error(c, ztj_pol_line(s), "%s: \"%.40s\" is not a UTC time such as \"2027-06-30T00:00:00Z\"", f->key, v);
}

static bool
who_ok(const char *v)
{
	return v[0] == '@' ? ztj_name_ok(v + 1) : ztj_fullname_ok(v, false);
}

/* Groups that are as good as root, or that the system keeps for itself. */
static bool
reserved_group(const char *v)
{
	static const char *const reserved[] = { "root", "sudo", "wheel", "admin", "adm", "docker", "lxd", "disk", "shadow",
		"kmem", "libvirt", "kvm", "sys", "daemon", "staff", "systemd-journal", "nogroup", "utmp", "tty" };

	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
		if (strcmp(v, reserved[i]) == 0)
			return true;
	return false;
}

static bool
url_ok(const char *v)
{
	const char *host = v + 8;

	if (strncmp(v, "https://", 8) != 0 || strlen(v) > 256 || *host == 0 || *host == ':')
		return false;
	for (; *host != 0; host++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789.-:[]", *host) == NULL)
			return false;
	return true;
}

/* NULL when the entry is well-formed, else what it should be. */
static const char *
entry_wrong(unsigned grammar, const char *v)
{
	struct ztj_cidr cidr;
	char canonical[ZTJ_CIDR_SIZE];

	switch ((enum ztj_pol_grammar)(grammar & ZTJ_GR_KIND)) {
	case ZTJ_GR_NAME: case ZTJ_GR_LOGIN: case ZTJ_GR_GROUP: case ZTJ_GR_ROLE:
		return ztj_name_ok(v) ? NULL : "is not a name (a-z, 0-9, _ . -, at most 32 bytes)";
	case ZTJ_GR_ACCOUNT:
		if (strcmp(v, "self") == 0)
			return "means nothing here; name accounts";
		return ztj_name_ok(v) ? NULL : "is not an account name";
	case ZTJ_GR_ROLEGROUP:
		if (reserved_group(v))
			return "belongs to the system and is never given";
		return ztj_name_ok(v) ? NULL : "is not a group name";
	case ZTJ_GR_WHO:
		return who_ok(v) ? NULL : "is neither \"@group\" nor a full name \"directory/name\"";
	case ZTJ_GR_CIDR:
		if (ztj_cidr_parse(v, &cidr) != ZTJ_OK || ztj_cidr_format(&cidr, canonical) != ZTJ_OK)
			return "is not an address block such as 10.0.0.0/8";
		return strcmp(canonical, v) == 0 || strchr(v, '/') == NULL ? NULL :
		    "is not canonical: bits beyond the prefix must be zero, and the shortest form used";
	case ZTJ_GR_URL:
		return url_ok(v) ? NULL : "is not of the form https://name:port";
	case ZTJ_GR_HOST:
		return ztj_hostname_ok(v) ? NULL : "is not a host name";
	case ZTJ_GR_TEXT:
		return strlen(v) > 0 && strlen(v) <= 256 ? NULL : "must be 1 to 256 bytes";
	case ZTJ_GR_KIND: case ZTJ_GR_MAY_BE_EMPTY:
		break;
	}
	return "cannot be read";
}

static const char *
canonical_entry(struct ztj_pol *c, unsigned grammar, const char *v)
{
	struct ztj_cidr cidr;
	char canonical[ZTJ_CIDR_SIZE];

	if ((grammar & ZTJ_GR_KIND) == ZTJ_GR_CIDR && ztj_cidr_parse(v, &cidr) == ZTJ_OK &&
	    ztj_cidr_format(&cidr, canonical) == ZTJ_OK)
		return ztj_pol_strdup(c, canonical);
	return ztj_pol_strdup(c, v);
}

static void
add_entry(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, struct ztj_strs *list)
{
	const char *v = want_string(c, s, f->key), *wrong, *own;
	unsigned kind = f->grammar & ZTJ_GR_KIND;

	if (v == NULL)
		return;
	wrong = entry_wrong(f->grammar, v);
	if (wrong != NULL) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: \"%.64s\" %s", f->key, v, wrong);
		return;
	}
	own = canonical_entry(c, f->grammar, v);
	if (own == NULL)
		return;
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->s[i], own) == 0) {
			ztj_pol_error(c, ztj_pol_line(s), "%s: \"%.64s\" stands twice", f->key, v);
			return;
		}
	list->s[list->n++] = own;
	if (kind == ZTJ_GR_WHO)
		ztj_pol_ref(c, ZTJ_REF_WHO, ztj_pol_line(s), own);
	else if (kind == ZTJ_GR_ROLE)
		ztj_pol_ref(c, ZTJ_REF_ROLE, ztj_pol_line(s), own);
}

/* Number of entries of a string or list; -1 after a problem. */
static int
list_length(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, int max)
{
	int n;

	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		return 1;
	if (!config_setting_is_array(s) && !config_setting_is_list(s)) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: a string or a list of strings is expected", f->key);
		return -1;
	}
	n = config_setting_length(s);
	if (n == 0 && !(f->grammar & ZTJ_GR_MAY_BE_EMPTY)) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: an empty list; leave the key out if it does not apply", f->key);
		return -1;
	}
	if (n > max) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: more than %d entries", f->key, max);
		return -1;
	}
	return n;
}

void
ztj_pol_get_strs(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_strs *list = dst;
	int n = list_length(c, s, f, ZTJ_LIST_MAX);

	if (n < 0 || (list->s = ztj_pol_alloc(c, (size_t)n + 1, sizeof *list->s)) == NULL)
		return;
	list->n = 0;
	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		add_entry(c, s, f, list);
	else
		for (int i = 0; i < n; i++)
			add_entry(c, elem(s, (unsigned)i), f, list);
}

static void
add_key(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, struct ztj_pol_keys *list)
{
	const char *v = want_string(c, s, f->key);
	struct ztj_key k;
	int r;

	if (v == NULL)
		return;
	r = ztj_key_from_line(&k, ztj_view_str(v));
	if (r != ZTJ_OK) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: not a public key: %s", f->key, ztj_err_text(r));
		return;
	}
	if (!(f->grammar & 1u << k.type)) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: keys of type %s are not accepted here", f->key, ztj_key_type_name(k.type));
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		if (ztj_key_equal(&list->k[i], &k)) {
			ztj_pol_error(c, ztj_pol_line(s), "%s: a key stands twice", f->key);
			return;
		}
	list->k[list->n++] = k;
}

void
ztj_pol_get_keys(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_pol_keys *list = dst;
	struct ztj_pol_field plain = *f;
	int n;

	plain.grammar = 0;
	n = list_length(c, s, &plain, ZTJ_SIGS_MAX);
	if (n < 0 || (list->k = ztj_pol_alloc(c, (size_t)n, sizeof *list->k)) == NULL)
		return;
	list->n = 0;
	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		add_key(c, s, f, list);
	else
		for (int i = 0; i < n; i++)
			add_key(c, elem(s, (unsigned)i), f, list);
}

static void
add_label(struct ztj_pol *c, const config_setting_t *s, const char *key, struct ztj_pol_labels *list)
{
	const char *v = want_string(c, s, key), *own;

	if (v == NULL)
		return;
	if (strcmp(v, "*") != 0 && !ztj_label_value_ok(v)) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: \"%.64s\" is not a label value (A-Z, a-z, 0-9, _ . -; \"*\" for any)", key, v);
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->l[i].key, key) == 0 &&
		    (strcmp(list->l[i].value, v) == 0 || strcmp(list->l[i].value, "*") == 0 || strcmp(v, "*") == 0)) {
			ztj_pol_error(c, ztj_pol_line(s), "%s: \"%.64s\" says what another value says", key, v);
			return;
		}
	if (list->n == ZTJ_LIST_MAX) {
		ztj_pol_error(c, ztj_pol_line(s), "more than %d labels", ZTJ_LIST_MAX);
		return;
	}
	own = ztj_pol_strdup(c, v);
	if (own != NULL)
		list->l[list->n++] = (struct ztj_label){ key, own };
}

void
ztj_pol_get_labels(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_pol_labels *list = dst;
	struct ztj_pol_field key = { .key = f->key };

	if (!config_setting_is_group(s) || config_setting_length(s) == 0) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: a group of labels such as { env = \"prod\"; } is expected", f->key);
		return;
	}
	list->n = 0;
	if ((list->l = ztj_pol_alloc(c, ZTJ_LIST_MAX, sizeof *list->l)) == NULL)
		return;
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *m = elem(s, (unsigned)i);
		const char *name = ztj_pol_strdup(c, config_setting_name(m));
		int n;

		if (name == NULL)
			return;
		if (!ztj_name_ok(name))
			ztj_pol_error(c, ztj_pol_line(m), "%s: \"%.64s\" is not a label's name", f->key, name);
		key.key = name;
		n = list_length(c, m, &key, ZTJ_LIST_MAX);
		if (n > 0 && config_setting_type(m) == CONFIG_TYPE_STRING)
			add_label(c, m, name, list);
		else
			for (int k = 0; k < n; k++)
				add_label(c, elem(m, (unsigned)k), name, list);
	}
}
