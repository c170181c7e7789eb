/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The witnesses of the audit log: who cosigns it, and how many have to. */
#include <string.h>

#include "libztjit/core/checkpoint.h"
#include "libztjit/core/policy_int.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define URL_MAX 256

/* https:// or http:// (cosignatures prove themselves), a host, perhaps a port and a path; no user, query or fragment, nothing to be
 * escaped, and no "/" at the end. */
static bool url_ok(const char *v)
{
	size_t n = strlen(v),
	       scheme = strncmp(v, "https://", 8) == 0 ? 8
	    : strncmp(v, "http://", 7) == 0            ? 7
						       : 0;
	const char *host = v + scheme;
	size_t len = strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]");

	if (scheme == 0 || n > URL_MAX || len == 0 || host[0] == ':' || v[n - 1] == '/')
		return false;
	return strspn(host + len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~/-") ==
	    strlen(host + len) &&
	    (host[len] == '\0' || host[len] == '/') && strstr(host + len, "//") == NULL &&
	    strstr(host + len, "/.") == NULL;
}

static void get_url(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	const char *v = ztj_pol_string(c, s, f->key);

	if (v == NULL)
		return;
	if (url_ok(v))
		*(const char **)dst = ztj_pol_strdup(c, v);
	else
		ztj_pol_error(c, ztj_pol_line(s),
		    "%s: \"%.64s\" is not of the form https://name:port/path or http://name:port/path",
		    f->key, v);
}

static void get_vkey(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	const char *v = ztj_pol_string(c, s, f->key);
	struct ztj_note_key *k = dst;
	int r;

	if (v == NULL)
		return;
	r = ztj_note_vkey_parse(ztj_view_str(v), k);
	if (r == ZTJ_KEY_TYPE || (r == ZTJ_OK && k->type != ZTJ_NOTE_COSIGNATURE))
		ztj_pol_error(c, ztj_pol_line(s),
		    "%s: \"%.64s\" is not the key of a witness that cosigns with Ed25519 (type 0x04 of C2SP signed-note)",
		    f->key, v);
	else if (r == ZTJ_NOMEM)
		c->nomem = c->failed = true;
	else if (r != ZTJ_OK)
		ztj_pol_error(c, ztj_pol_line(s), "%s: \"%.64s\" is not a verifier key NAME+ID+KEY: %s",
		    f->key, v,
		    r == ZTJ_BAD_NAME ? "the name" : "the key, or the id is not of this name and key");
}

static const struct ztj_pol_field witness_fields[] = {
	{ .key = "key", .get = get_vkey, .off = offsetof(struct ztj_witness, key), .required = true },
	{ .key = "url", .get = get_url, .off = offsetof(struct ztj_witness, url), .required = true },
};

void ztj_pol_get_witnesses(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    void *dst)
{
	struct ztj_quorum *q = dst;
	struct ztj_witness *by;
	size_t n;

	by = ztj_pol_children(c, s, f->key, false, ZTJ_WITNESSES_MAX, sizeof *by, &n);
	if (by == NULL)
		return;
	if (n == 0)
		ztj_pol_error(c, ztj_pol_line(s), "%s: an empty list; leave the key out if it does not apply",
		    f->key);
	for (size_t i = 0; i < n; i++) {
		c->priv->witness_line[i] = ztj_pol_line(ztj_pol_child(s, i));
		ztj_pol_group(c, ztj_pol_child(s, i), witness_fields, N(witness_fields), &by[i]);
		if (by[i].url == NULL)
			by[i].url = "";
	}
	q->by = by;
	q->n = n;
}

/* One who counts twice, or a broker that could cosign for itself, would be no witness. */
static void check_one(struct ztj_pol *c, size_t i)
{
	const struct ztj_witness *w = &c->p->broker.quorum.by[i];
	unsigned line = c->priv->witness_line[i];
	char origin[ZTJ_ORIGIN_SIZE];

	if (w->key.name[0] == '\0')
		return; /* said already */
	for (size_t k = 0; k < i; k++) {
		const struct ztj_witness *o = &c->p->broker.quorum.by[k];

		if (ztj_key_equal(&o->key.key, &w->key.key) || strcmp(o->key.name, w->key.name) == 0 ||
		    (w->url[0] != '\0' && strcmp(o->url, w->url) == 0))
			ztj_pol_error(c, line, "witness \"%.64s\": key, name or url of another one (line %u)",
			    w->key.name, c->priv->witness_line[k]);
	}
	if (ztj_pol_is_broker_key(c->p, &w->key.key))
		ztj_pol_error(c, line,
		    "witness \"%.64s\": a key of the broker, which would cosign for itself", w->key.name);
	if (ztj_policy_key_revoked(c->p, &w->key.key))
		ztj_pol_error(c, line, "witness \"%.64s\": the key is revoked by this very file",
		    w->key.name);
	if (c->p->domain != NULL) {
		ztj_checkpoint_origin(c->p->domain, origin);
		if (strcmp(origin, w->key.name) == 0)
			ztj_pol_error(c, line, "witness \"%.64s\": the name of the log itself", w->key.name);
	}
}

void ztj_pol_check_witnesses(struct ztj_pol *c)
{
	const struct ztj_quorum *q = &c->p->broker.quorum;

	for (size_t i = 0; i < q->n; i++)
		check_one(c, i);
	if (q->need > q->n)
		ztj_pol_error(c, c->priv->broker_line, "broker: witness_quorum %u of %zu witnesses", q->need,
		    q->n);
	if (q->max_age != 0 && q->need == 0)
		ztj_pol_error(c, c->priv->broker_line, "broker: witness_max_age wants witness_quorum");
	if (q->n > 0 && c->p->broker.nlog == 0)
		ztj_pol_error(c, c->priv->broker_line, "broker: witnesses of what? There is no log key");
}
