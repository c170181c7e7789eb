/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/sys/conf.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/confscan.h"
#include "libztjit/core/text.h"
#include "libztjit/core/ztime.h"
#include "libztjit/sys/safefile.h"

#define CONF_MAX (256 * 1024)

struct loader {
	const struct ztj_conf_key *table;
	size_t nkeys;
	const char *path;
	void *out;
	char *err;
	size_t errsize;
};

static int complain(const struct loader *l, unsigned line, const char *key, const char *what)
{
	(void)snprintf(l->err, l->errsize, "%s:%u: %s%s%s", l->path, line, key, key[0] != '\0' ? ": " : "",
	    what);
	return ZTJ_CONFIG;
}

static void *field(const struct ztj_conf_key *k, void *conf)
{
	return (char *)conf + k->offset;
}

static const void *cfield(const struct ztj_conf_key *k, const void *conf)
{
	return (const char *)conf + k->offset;
}

static void list_free(struct ztj_conf_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->s[i]);
	free(list->s);
	list->s = NULL;
	list->n = 0;
}

static bool length_ok(const struct ztj_conf_key *k, size_t n)
{
	return (int64_t)n >= k->min && (int64_t)n <= k->max;
}

static int set_string(const struct ztj_conf_key *k, const char *text, void *conf)
{
	if (k->type == ZTJ_CONF_STRING && !length_ok(k, strlen(text)))
		return ZTJ_LIMIT;
	char *copy = strdup(text);
	if (copy == NULL)
		return ZTJ_NOMEM;
	char **at = field(k, conf);
	free(*at);
	*at = copy;
	return ZTJ_OK;
}

static int list_add(struct ztj_conf_list *list, const char *text)
{
	char **grown = reallocarray(list->s, list->n + 1, sizeof *grown);
	if (grown == NULL)
		return ZTJ_NOMEM;
	list->s = grown;
	grown[list->n] = strdup(text);
	if (grown[list->n] == NULL)
		return ZTJ_NOMEM;
	list->n++;
	return ZTJ_OK;
}

static int set_number(const struct ztj_conf_key *k, int64_t v, void *conf)
{
	if (v < k->min || v > k->max)
		return ZTJ_LIMIT;
	int64_t *at = field(k, conf);
	*at = v;
	return ZTJ_OK;
}

/* A default is text in the table; lists are separated by one space. */
static int set_default(const struct ztj_conf_key *k, void *conf)
{
	int64_t v = 0;
	int r = ZTJ_INTERNAL;
	switch (k->type) {
	case ZTJ_CONF_INT:
		r = ztj_parse_int(k->def, INT64_MIN / 2, INT64_MAX / 2, &v);
		return r == ZTJ_OK ? set_number(k, v, conf) : r;
	case ZTJ_CONF_DURATION:
		r = ztj_duration_parse(k->def, &v);
		return r == ZTJ_OK ? set_number(k, v, conf) : r;
	case ZTJ_CONF_BOOL: {
		bool *at = field(k, conf);
		*at = strcmp(k->def, "true") == 0;
		return ZTJ_OK;
	}
	case ZTJ_CONF_STRING:
		return set_string(k, k->def, conf);
	case ZTJ_CONF_STRINGS: {
		const char *p = k->def;
		while (*p != '\0') {
			size_t n = strcspn(p, " ");
			char *word = strndup(p, n);
			r = word == NULL ? ZTJ_NOMEM : list_add(field(k, conf), word);
			free(word);
			if (r != ZTJ_OK)
				return r;
			p += n + (p[n] == ' ' ? 1 : 0);
		}
		return ZTJ_OK;
	}
	}
	return r;
}

static int set_list(const struct ztj_conf_key *k, const config_setting_t *s, void *conf)
{
	struct ztj_conf_list *list = field(k, conf);
	if (!config_setting_is_array(s) && !config_setting_is_list(s))
		return ZTJ_MEMBER_TYPE;
	list_free(list);
	int n = config_setting_length(s);
	for (int i = 0; i < n; i++) {
		const char *text = config_setting_get_string_elem(s, i);
		if (text == NULL || text[0] == '\0')
			return ZTJ_MEMBER_TYPE;
		int r = list_add(list, text);
		if (r != ZTJ_OK)
			return r;
	}
	return length_ok(k, list->n) ? ZTJ_OK : ZTJ_LIMIT;
}

static int set_value(const struct ztj_conf_key *k, const config_setting_t *s, void *conf)
{
	int type = config_setting_type(s);
	int64_t v = 0;
	switch (k->type) {
	case ZTJ_CONF_INT:
		return type == CONFIG_TYPE_INT ? set_number(k, config_setting_get_int(s), conf)
					       : ZTJ_MEMBER_TYPE;
	case ZTJ_CONF_DURATION: {
		if (type != CONFIG_TYPE_STRING)
			return ZTJ_MEMBER_TYPE;
		int r = ztj_duration_parse(config_setting_get_string(s), &v);
		return r == ZTJ_OK ? set_number(k, v, conf) : r;
	}
	case ZTJ_CONF_BOOL: {
		if (type != CONFIG_TYPE_BOOL)
			return ZTJ_MEMBER_TYPE;
		bool *at = field(k, conf);
		*at = config_setting_get_bool(s) != 0;
		return ZTJ_OK;
	}
	case ZTJ_CONF_STRING:
		return type == CONFIG_TYPE_STRING ? set_string(k, config_setting_get_string(s), conf)
						  : ZTJ_MEMBER_TYPE;
	case ZTJ_CONF_STRINGS:
		return set_list(k, s, conf);
	}
	return ZTJ_INTERNAL;
}

static const struct ztj_conf_key *find(const struct loader *l, const char *name)
{
	for (size_t i = 0; i < l->nkeys; i++)
		if (strcmp(l->table[i].name, name) == 0)
			return &l->table[i];
	return NULL;
}

static int take_settings(const struct loader *l, const config_t *cfg)
{
	const config_setting_t *root = config_root_setting(cfg);
	int n = config_setting_length(root);
	for (int i = 0; i < n; i++) {
		const config_setting_t *s = config_setting_get_elem(root, (unsigned)i);
		const char *name = config_setting_name(s);
		unsigned line = config_setting_source_line(s);
		const struct ztj_conf_key *k = find(l, name);
		if (k == NULL)
			return complain(l, line, name, "unknown key");
		int r = set_value(k, s, l->out);
		if (r == ZTJ_LIMIT)
			return complain(l, line, name, "out of range");
		if (r == ZTJ_MEMBER_TYPE || r == ZTJ_BAD_TIME)
			return complain(l, line, name, "wrong type of value");
		if (r != ZTJ_OK)
			return r;
	}
	for (size_t i = 0; i < l->nkeys; i++)
		if (l->table[i].def == NULL && config_setting_get_member(root, l->table[i].name) == NULL)
			return complain(l, 0, l->table[i].name, "is required");
	return ZTJ_OK;
}

static int parse(const struct loader *l, struct ztj_buf *text)
{
	unsigned line = 0;
	const char *what = NULL;
	if (ztj_confscan(ztj_buf_view(text), &line, &what) != ZTJ_OK)
		return complain(l, line, "", what);
	const char *str = ztj_buf_str(text);
	if (str == NULL)
		return ZTJ_NOMEM;
	config_t cfg;
	config_init(&cfg);
	int r;
	if (config_read_string(&cfg, str) != CONFIG_TRUE) {
		int at = config_error_line(&cfg);
		r = complain(l, at > 0 ? (unsigned)at : 0, "", config_error_text(&cfg));
	} else {
		r = take_settings(l, &cfg);
	}
	config_destroy(&cfg);
	return r;
}

int ztj_conf_load(const struct ztj_conf_key *table, size_t nkeys, const char *path, uid_t owner, void *out,
    char *err, size_t errsize)
{
	struct loader l = { table, nkeys, path == NULL ? "(defaults)" : path, out, err, errsize };
	err[0] = '\0';
	for (size_t i = 0; i < nkeys; i++) {
		if (table[i].def == NULL)
			continue;
		int r = set_default(&table[i], out);
		if (r != ZTJ_OK) {
			ztj_conf_free(table, nkeys, out);
			return r == ZTJ_NOMEM ? r : ZTJ_INTERNAL;
		}
	}
	struct ztj_buf text;
	ztj_buf_init(&text, CONF_MAX);
	int r = ZTJ_OK;
	if (path != NULL) {
		const struct ztj_file_rule rule = { .owner = owner, .secret = false, .check_parents = true };
		r = ztj_file_read(path, &rule, CONF_MAX - 1, &text);
		if (r != ZTJ_OK)
			(void)snprintf(err, errsize, "%s: %s", path, ztj_err_text(r));
	}
	if (r == ZTJ_OK)
		r = parse(&l, &text);
	ztj_buf_free(&text);
	if (r != ZTJ_OK)
		ztj_conf_free(table, nkeys, out);
	return r;
}

static void dump_string(const char *s, struct ztj_buf *out)
{
	ztj_buf_put_u8(out, '"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			ztj_buf_put_u8(out, '\\');
		ztj_buf_put_u8(out, (uint8_t)*s);
	}
	ztj_buf_put_u8(out, '"');
}

static void dump_value(const struct ztj_conf_key *k, const void *conf, struct ztj_buf *out)
{
	const void *at = cfield(k, conf);
	char text[64];
	switch (k->type) {
	case ZTJ_CONF_INT:
		ztj_buf_printf(out, "%lld", (long long)*(const int64_t *)at);
		break;
	case ZTJ_CONF_DURATION:
		if (ztj_duration_format(*(const int64_t *)at, text, sizeof text) != ZTJ_OK)
			text[0] = '\0';
		dump_string(text, out);
		break;
	case ZTJ_CONF_BOOL:
		ztj_buf_puts(out, *(const bool *)at ? "true" : "false");
		break;
	case ZTJ_CONF_STRING:
		dump_string(*(char *const *)at, out);
		break;
	case ZTJ_CONF_STRINGS: {
		const struct ztj_conf_list *list = at;
		ztj_buf_puts(out, "[ ");
		for (size_t i = 0; i < list->n; i++) {
			ztj_buf_puts(out, i > 0 ? ", " : "");
			dump_string(list->s[i], out);
		}
		ztj_buf_puts(out, " ]");
		break;
	}
	}
}

int ztj_conf_dump(const struct ztj_conf_key *table, size_t nkeys, const void *conf, struct ztj_buf *out)
{
	for (size_t i = 0; i < nkeys; i++) {
		ztj_buf_printf(out, "# %s\n%s = ", table[i].help, table[i].name);
		dump_value(&table[i], conf, out);
		ztj_buf_puts(out, ";\n");
	}
	return ztj_buf_status(out);
}

void ztj_conf_free(const struct ztj_conf_key *table, size_t nkeys, void *conf)
{
	for (size_t i = 0; i < nkeys; i++) {
		if (table[i].type == ZTJ_CONF_STRING) {
			char **at = field(&table[i], conf);
			free(*at);
			*at = NULL;
		} else if (table[i].type == ZTJ_CONF_STRINGS) {
			list_free(field(&table[i], conf));
		}
	}
}
