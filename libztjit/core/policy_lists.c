/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Readers of lists: strings of a grammar, public keys, labels. */
#include <string.h>

#include "libztjit/core/cidr.h"
#include "libztjit/core/policy_int.h"
#include "libztjit/core/reccert.h"

static bool who_ok(const char *v)
{
	return v[0] == '@' ? ztj_name_ok(v + 1) : ztj_fullname_ok(v, false);
}

static bool url_ok(const char *v)
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
static const char *entry_wrong(unsigned grammar, const char *v)
{
	struct ztj_cidr cidr;
	char canonical[ZTJ_CIDR_SIZE];

	switch ((enum ztj_pol_grammar)(grammar & ZTJ_GR_KIND)) {
	case ZTJ_GR_NAME:
	case ZTJ_GR_LOGIN:
	case ZTJ_GR_GROUP:
	case ZTJ_GR_ROLE:
		return ztj_name_ok(v) ? NULL : "is not a name (a-z, 0-9, _ . -, at most 32 bytes)";
	case ZTJ_GR_ACCOUNT:
		if (strcmp(v, "self") == 0)
			return "means nothing here; name accounts";
		return ztj_name_ok(v) ? NULL : "is not an account name";
	case ZTJ_GR_ROLEGROUP:
		if (ztj_policy_group_reserved(v))
			return "belongs to the system and is never given";
		return ztj_name_ok(v) ? NULL : "is not a group name";
	case ZTJ_GR_WHO:
		return who_ok(v) ? NULL : "is neither \"@group\" nor a full name \"directory/name\"";
	case ZTJ_GR_CIDR:
		if (ztj_cidr_parse(v, &cidr) != ZTJ_OK || ztj_cidr_format(&cidr, canonical) != ZTJ_OK)
			return "is not an address block such as 10.0.0.0/8";
		return strcmp(canonical, v) == 0 || strchr(v, '/') == NULL
		    ? NULL
		    : "is not canonical: bits beyond the prefix must be zero, and the shortest form used";
	case ZTJ_GR_URL:
		return url_ok(v) ? NULL : "is not of the form https://name:port";
	case ZTJ_GR_HOST:
		return ztj_hostname_ok(v) ? NULL : "is not a host name";
	case ZTJ_GR_TEXT:
		return strlen(v) > 0 && strlen(v) <= 256 ? NULL : "must be 1 to 256 bytes";
	case ZTJ_GR_KIND:
	case ZTJ_GR_MAY_BE_EMPTY:
		break;
	}
	return "cannot be read";
}

static const char *canonical_entry(struct ztj_pol *c, unsigned grammar, const char *v)
{
	struct ztj_cidr cidr;
	char canonical[ZTJ_CIDR_SIZE];

	if ((grammar & ZTJ_GR_KIND) == ZTJ_GR_CIDR && ztj_cidr_parse(v, &cidr) == ZTJ_OK &&
	    ztj_cidr_format(&cidr, canonical) == ZTJ_OK)
		return ztj_pol_strdup(c, canonical);
	return ztj_pol_strdup(c, v);
}

static void add_entry(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    struct ztj_strs *list)
{
	const char *v = ztj_pol_string(c, s, f->key), *wrong, *own;
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
static int list_length(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, int max)
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
		ztj_pol_error(c, ztj_pol_line(s), "%s: an empty list; leave the key out if it does not apply",
		    f->key);
		return -1;
	}
	if (n > max) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: more than %d entries", f->key, max);
		return -1;
	}
	return n;
}

void ztj_pol_get_strs(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
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
			add_entry(c, ztj_pol_child(s, (size_t)i), f, list);
}

static void add_key(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    struct ztj_pol_keys *list)
{
	const char *v = ztj_pol_string(c, s, f->key);
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
		ztj_pol_error(c, ztj_pol_line(s), "%s: keys of type %s are not accepted here", f->key,
		    ztj_key_type_name(k.type));
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		if (ztj_key_equal(&list->k[i], &k)) {
			ztj_pol_error(c, ztj_pol_line(s), "%s: a key stands twice", f->key);
			return;
		}
	list->k[list->n++] = k;
}

void ztj_pol_get_keys(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
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
			add_key(c, ztj_pol_child(s, (size_t)i), f, list);
}

/* The bytes, in memory of the policy; NULL after a problem. */
static const uint8_t *cert_bytes(struct ztj_pol *c, const config_setting_t *s, const char *key, size_t *n)
{
	const char *v = ztj_pol_string(c, s, key);
	uint8_t *der = NULL;
	struct ztj_buf b;
	int r;

	if (v == NULL)
		return NULL;
	ztj_buf_init(&b, ZTJ_RECCERT_SIZE);
	r = ztj_b64_decode(ztj_view_str(v), &b);
	if (r == ZTJ_OK)
		r = ztj_reccert_check(ztj_buf_view(&b));
	*n = b.n;
	if (r == ZTJ_KEY_TYPE)
		ztj_pol_error(c, ztj_pol_line(s),
		    "%s: a certificate whose key is neither RSA of at least 2048 bits nor EC of at least 256",
		    key);
	else if (r != ZTJ_OK)
		ztj_pol_error(c, ztj_pol_line(s), "%s: not the base64 of one certificate in DER", key);
	else if ((der = ztj_pol_alloc(c, b.n, 1)) != NULL)
		memcpy(der, b.p, b.n);
	ztj_buf_free(&b);
	return der;
}

static void add_cert(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    struct ztj_pol_certs *list)
{
	size_t n = 0;
	const uint8_t *der = cert_bytes(c, s, f->key, &n);

	if (der == NULL)
		return;
	for (size_t i = 0; i < list->n; i++)
		if (ztj_view_eq(list->der[i], ztj_view_of(der, n))) {
			ztj_pol_error(c, ztj_pol_line(s), "%s: a certificate stands twice", f->key);
			return;
		}
	list->der[list->n++] = ztj_view_of(der, n);
}

void ztj_pol_get_certs(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_pol_certs *list = dst;
	struct ztj_pol_field plain = { .key = f->key };
	int n = list_length(c, s, &plain, ZTJ_RECCERT_MAX);

	if (n < 0 || (list->der = ztj_pol_alloc(c, (size_t)n, sizeof *list->der)) == NULL)
		return;
	list->n = 0;
	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		add_cert(c, s, f, list);
	else
		for (int i = 0; i < n; i++)
			add_cert(c, ztj_pol_child(s, (size_t)i), f, list);
}

static void add_label(struct ztj_pol *c, const config_setting_t *s, const char *key,
    struct ztj_pol_labels *list)
{
	const char *v = ztj_pol_string(c, s, key), *own;

	if (v == NULL)
		return;
	if (strcmp(v, "*") != 0 && !ztj_label_value_ok(v)) {
		ztj_pol_error(c, ztj_pol_line(s),
		    "%s: \"%.64s\" is not a label value (A-Z, a-z, 0-9, _ . -; \"*\" for any)", key, v);
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->l[i].key, key) == 0 &&
		    (strcmp(list->l[i].value, v) == 0 || strcmp(list->l[i].value, "*") == 0 ||
			strcmp(v, "*") == 0)) {
			ztj_pol_error(c, ztj_pol_line(s), "%s: \"%.64s\" says what another value says", key,
			    v);
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

void ztj_pol_get_labels(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    void *dst)
{
	struct ztj_pol_labels *list = dst;
	struct ztj_pol_field key = { .key = f->key };

	if (!config_setting_is_group(s) || config_setting_length(s) == 0) {
		ztj_pol_error(c, ztj_pol_line(s),
		    "%s: a group of labels such as { env = \"prod\"; } is expected", f->key);
		return;
	}
	list->n = 0;
	if ((list->l = ztj_pol_alloc(c, ZTJ_LIST_MAX, sizeof *list->l)) == NULL)
		return;
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *m = ztj_pol_child(s, (size_t)i);
		const char *name = ztj_pol_strdup(c, config_setting_name(m));
		int n;

		if (name == NULL)
			return;
		if (!ztj_name_ok(name))
			ztj_pol_error(c, ztj_pol_line(m), "%s: \"%.64s\" is not a label's name", f->key,
			    name);
		key.key = name;
		n = list_length(c, m, &key, ZTJ_LIST_MAX);
		if (n > 0 && config_setting_type(m) == CONFIG_TYPE_STRING)
			add_label(c, m, name, list);
		else
			for (int k = 0; k < n; k++)
				add_label(c, ztj_pol_child(m, (size_t)k), name, list);
	}
}
