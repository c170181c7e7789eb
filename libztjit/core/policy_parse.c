/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The keys of a policy file: one table per kind of group, and the defaults. ztjit-policy(5) is the
 * same in words.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/policy_int.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define KT(t) (1u << ZTJ_KEY_##t)
#define DUR_MAX ZTJ_DURATION_MAX
#define PEOPLE_UID_MIN 1000 /* below live the system's own accounts */

/* The children of a group or list, with room for them; NULL after a problem. */
void *ztj_pol_children(struct ztj_pol *c, const config_setting_t *s, const char *what, bool group, size_t max,
    size_t size, size_t *n)
{
	*n = 0;
	if (group ? !config_setting_is_group(s) : !config_setting_is_list(s)) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: a %s is expected", what,
		    group ? "group { … }" : "list ( { … }, … )");
		return NULL;
	}
	if ((size_t)config_setting_length(s) > max) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: more than %zu", what, max);
		return NULL;
	}
	*n = (size_t)config_setting_length(s);
	return ztj_pol_alloc(c, *n, size);
}

const config_setting_t *ztj_pol_child(const config_setting_t *s, size_t i)
{
	return config_setting_get_elem(s, (unsigned)i);
}

/* --- registrars --- */

struct registrar_in {
	struct ztj_registrar r;
	struct ztj_pol_keys keys;
	struct ztj_pol_labels labels;
};

static void get_uids(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_registrar *r = dst;
	long long lo, hi;

	if (!config_setting_is_array(s) || config_setting_length(s) != 2 ||
	    config_setting_type(ztj_pol_child(s, 0)) != CONFIG_TYPE_INT) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: two numbers are expected, as in [ 20000, 29999 ]",
		    f->key);
		return;
	}
	lo = config_setting_get_int_elem(s, 0);
	hi = config_setting_get_int_elem(s, 1);
	if (lo < PEOPLE_UID_MIN || hi < lo) {
		ztj_pol_error(c, ztj_pol_line(s),
		    "%s: the first must be at least %d, the second not below the first", f->key,
		    PEOPLE_UID_MIN);
		return;
	}
	r->uid_min = (uint32_t)lo;
	r->uid_max = (uint32_t)hi;
}

static void get_base(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_registrar *r = dst;
	const char *v = config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : "";

	r->has_base = true;
	if (ztj_unhex(ztj_view_str(v), r->base, sizeof r->base) != ZTJ_OK)
		ztj_pol_error(c, ztj_pol_line(s), "%s: 64 lower-case hex digits are expected", f->key);
}

#define G(m) offsetof(struct registrar_in, r.m)
static const struct ztj_pol_field registrar_fields[] = {
	{ .key = "directory", .get = ztj_pol_get_name, .off = G(directory), .required = true },
	{ .key = "keys",
	    .get = ztj_pol_get_keys,
	    .off = offsetof(struct registrar_in, keys),
	    .required = true,
	    .grammar = KT(ED25519) | KT(SK_ED25519) | KT(SK_ECDSA) },
	{ .key = "threshold",
	    .get = ztj_pol_get_int,
	    .off = G(threshold),
	    .required = true,
	    .min = 1,
	    .max = ZTJ_SIGS_MAX },
	{ .key = "groups", .get = ztj_pol_get_strs, .off = G(groups), .grammar = ZTJ_GR_GROUP },
	{ .key = "labels", .get = ztj_pol_get_labels, .off = offsetof(struct registrar_in, labels) },
	{ .key = "uids", .get = get_uids, .off = offsetof(struct registrar_in, r) },
	{ .key = "base", .get = get_base, .off = offsetof(struct registrar_in, r) },
	{ .key = "auto_join", .get = ztj_pol_get_bool, .off = G(auto_join) },
};
#undef G

static void get_registrars(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    void *dst)
{
	struct ztj_policy *p = dst;
	size_t n;

	p->registrars = ztj_pol_children(c, s, f->key, false, ZTJ_SEEN_MAX, sizeof *p->registrars, &n);
	c->priv->registrar_line = ztj_pol_alloc(c, n, sizeof *c->priv->registrar_line);
	if (p->registrars == NULL || c->priv->registrar_line == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		struct registrar_in in = { .keys = { 0 } };
		c->priv->registrar_line[i] = ztj_pol_line(ztj_pol_child(s, i));
		ztj_pol_group(c, ztj_pol_child(s, i), registrar_fields, N(registrar_fields), &in);
		in.r.nkeys = in.keys.n;
		in.r.keys = in.keys.k;
		in.r.nlabels = in.labels.n;
		in.r.labels = in.labels.l;
		if (in.r.directory == NULL)
			in.r.directory = "";
		p->registrars[i] = in.r;
	}
	p->nregistrars = n;
}

/* --- the rest --- */

struct broker_in {
	struct ztj_strs urls;
	struct ztj_pol_keys tls, online, log, ca;
	struct ztj_quorum quorum;
};

#define B(m) offsetof(struct broker_in, m)
static const struct ztj_pol_field broker_fields[] = {
	{ .key = "urls", .get = ztj_pol_get_strs, .off = B(urls), .required = true, .grammar = ZTJ_GR_URL },
	{ .key = "tls", .get = ztj_pol_get_keys, .off = B(tls), .required = true, .grammar = KT(ED25519) },
	{ .key = "online",
	    .get = ztj_pol_get_keys,
	    .off = B(online),
	    .required = true,
	    .grammar = KT(ED25519) },
	{ .key = "log", .get = ztj_pol_get_keys, .off = B(log), .grammar = KT(ED25519) },
	{ .key = "ca",
	    .get = ztj_pol_get_keys,
	    .off = B(ca),
	    .required = true,
	    .grammar = KT(ED25519) | KT(ECDSA) },
	{ .key = "witnesses", .get = ztj_pol_get_witnesses, .off = B(quorum) },
	{ .key = "witness_quorum",
	    .get = ztj_pol_get_int,
	    .off = B(quorum.need),
	    .min = 1,
	    .max = ZTJ_WITNESSES_MAX },
	{ .key = "witness_max_age",
	    .get = ztj_pol_get_duration,
	    .off = B(quorum.max_age),
	    .min = 60,
	    .max = DUR_MAX },
};
#undef B

static void get_broker(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_policy *p = dst;
	struct broker_in in = { .urls = { 0 } };

	(void)f;
	c->priv->broker_line = ztj_pol_line(s);
	ztj_pol_group(c, s, broker_fields, N(broker_fields), &in);
	p->broker.urls = in.urls;
	p->broker.ntls = in.tls.n;
	p->broker.tls = in.tls.k;
	p->broker.nonline = in.online.n;
	p->broker.online = in.online.k;
	p->broker.nlog = in.log.n;
	p->broker.log = in.log.k;
	p->broker.nca = in.ca.n;
	p->broker.ca = in.ca.k;
	p->broker.quorum = in.quorum;
}

static void get_record_to(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    void *dst)
{
	struct ztj_policy *p = dst;
	struct ztj_pol_certs in = { 0 };

	ztj_pol_get_certs(c, s, f, &in);
	p->nrecord_to = in.n;
	p->record_to = in.der;
}

static int digest_order(const void *a, const void *b)
{
	return memcmp(a, b, ZTJ_DIGEST_LEN);
}

/* "SHA256:…" as ssh-keygen -l prints it: base64 without padding. */
static int fingerprint_digest(const char *v, uint8_t out[ZTJ_DIGEST_LEN])
{
	struct ztj_buf text, raw;
	int r = ZTJ_BAD_ENCODING;

	ztj_buf_init(&text, 64);
	ztj_buf_init(&raw, 64);
	if (strlen(v) == 43 && ztj_buf_puts(&text, v) == ZTJ_OK && ztj_buf_puts(&text, "=") == ZTJ_OK &&
	    ztj_b64_decode(ztj_buf_view(&text), &raw) == ZTJ_OK && raw.n == ZTJ_DIGEST_LEN) {
		memcpy(out, raw.p, ZTJ_DIGEST_LEN);
		r = ZTJ_OK;
	}
	ztj_buf_free(&raw);
	ztj_buf_free(&text);
	return r;
}

static void get_revoked(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    void *dst)
{
	struct ztj_pol_field plain = { .key = f->key, .grammar = ZTJ_GR_MAY_BE_EMPTY };
	struct ztj_policy *p = dst;
	int n;

	if (!config_setting_is_array(s) && !config_setting_is_list(s)) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: a list of keys or fingerprints is expected",
		    plain.key);
		return;
	}
	n = config_setting_length(s);
	if ((p->revoked = ztj_pol_alloc(c, (size_t)n, sizeof *p->revoked)) == NULL)
		return;
	for (int i = 0; i < n; i++) {
		const config_setting_t *e = ztj_pol_child(s, (size_t)i);
		const char *v = config_setting_type(e) == CONFIG_TYPE_STRING ? config_setting_get_string(e)
									     : "";
		struct ztj_key k;
		if (strncmp(v, "SHA256:", 7) == 0 ? fingerprint_digest(v + 7, p->revoked[i]) == ZTJ_OK
						  : ztj_key_from_line(&k, ztj_view_str(v)) == ZTJ_OK &&
			    ztj_key_digest(&k, p->revoked[i]) == ZTJ_OK)
			p->nrevoked = (size_t)i + 1;
		else
			ztj_pol_error(c, ztj_pol_line(e),
			    "%s: neither a public key nor a fingerprint SHA256:…", f->key);
	}
	if (p->nrevoked > 0)
		qsort(p->revoked, p->nrevoked, sizeof *p->revoked, digest_order);
}

#define L(m) offsetof(struct ztj_policy, limits.m)
static const struct ztj_pol_field limits_fields[] = {
	{ .key = "directory_max",
	    .get = ztj_pol_get_duration,
	    .off = L(directory_max),
	    .min = 3600,
	    .max = DUR_MAX },
	{ .key = "policy_warn",
	    .get = ztj_pol_get_duration,
	    .off = L(policy_warn),
	    .min = 1,
	    .max = DUR_MAX },
};
#undef L

static void get_limits(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	(void)f;
	ztj_pol_group(c, s, limits_fields, N(limits_fields), dst);
}

static void get_domain(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_pol_field text = { .key = f->key, .min = 1, .max = ZTJ_DOMAIN_SIZE - 1 };
	const char **domain = dst;

	ztj_pol_get_text(c, s, &text, dst);
	if (*domain != NULL && !ztj_domain_ok(*domain))
		ztj_pol_error(c, ztj_pol_line(s), "%s: \"%.64s\" is not a domain (a-z, 0-9, . -)", f->key,
		    *domain);
}

/* Tests come last: they name what the rest defines. */
#define P(m) offsetof(struct ztj_policy, m)
static const struct ztj_pol_field top_fields[] = {
	{ .key = "domain", .get = get_domain, .off = P(domain), .required = true },
	{ .key = "version",
	    .get = ztj_pol_get_i64,
	    .off = P(version),
	    .required = true,
	    .min = 1,
	    .max = INT_MAX },
	{ .key = "expires", .get = ztj_pol_get_time, .off = P(expires), .required = true },
	{ .key = "roles", .get = ztj_pol_get_roles, .off = 0, .required = true },
	{ .key = "rules", .get = ztj_pol_get_rules, .off = 0, .required = true },
	{ .key = "registrars", .get = get_registrars, .off = 0, .required = true },
	{ .key = "broker", .get = get_broker, .off = 0, .required = true },
	{ .key = "gids", .get = ztj_pol_get_gids, .off = 0 },
	{ .key = "auditors",
	    .get = ztj_pol_get_strs,
	    .off = P(auditors),
	    .grammar = ZTJ_GR_WHO | ZTJ_GR_MAY_BE_EMPTY },
	{ .key = "record_to", .get = get_record_to, .off = 0 },
	{ .key = "revoked_keys", .get = get_revoked, .off = 0 },
	{ .key = "limits", .get = get_limits, .off = 0 },
	{ .key = "tests", .get = NULL, .off = 0 },
};
#undef P

static void read_config(struct ztj_pol *c, const config_t *cfg)
{
	const config_setting_t *tests;

	ztj_pol_group(c, config_root_setting(cfg), top_fields, N(top_fields), c->p);
	tests = config_lookup(cfg, "tests");
	if (tests != NULL && !c->nomem)
		ztj_pol_read_tests(c, tests);
}

static int keep_bytes(struct ztj_pol *c, struct ztj_view text, const char **str)
{
	char *copy = ztj_pol_alloc(c, text.n + 1, 1);

	if (copy == NULL)
		return ZTJ_NOMEM;
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	c->p->bytes = ztj_view_of(copy, text.n);
	*str = copy;
	return ztj_sha256(text, c->p->digest);
}

static int problem_order(const void *a, const void *b)
{
	const unsigned *x = a, *y = b; /* the line comes first in an item */

	return (*x > *y) - (*x < *y);
}

static int parse_all(struct ztj_pol *c, struct ztj_view text)
{
	config_t cfg;
	const char *str;
	int r;

	c->p->limits.directory_max = 90LL * 86400;
	c->p->limits.policy_warn = 30LL * 86400;
	ztj_pol_scan(c, text);
	if (c->failed)
		return ZTJ_POLICY_INVALID;
	if ((r = keep_bytes(c, text, &str)) != ZTJ_OK)
		return r;
	config_init(&cfg);
	if (config_read_string(&cfg, str) == CONFIG_TRUE) {
		read_config(c, &cfg);
		if (!c->nomem)
			ztj_pol_check(c);
	} else {
		ztj_pol_error(c, (unsigned)config_error_line(&cfg), "%s", config_error_text(&cfg));
	}
	config_destroy(&cfg);
	if (c->nomem)
		return ZTJ_NOMEM;
	return c->failed ? ZTJ_POLICY_INVALID : ZTJ_OK;
}

int ztj_policy_parse(struct ztj_view text, struct ztj_policy **out, struct ztj_policy_problems *problems)
{
	struct ztj_pol c = { .problems = problems };
	int r;

	*out = NULL;
	problems->n = 0;
	c.p = calloc(1, sizeof *c.p);
	c.priv = calloc(1, sizeof *c.priv);
	if (c.p == NULL || c.priv == NULL) {
		free(c.p);
		free(c.priv);
		return ZTJ_NOMEM;
	}
	c.p->priv = c.priv;
	r = parse_all(&c, text);
	free(c.refs);
	if (problems->n > 0)
		qsort(problems->item, problems->n, sizeof problems->item[0], problem_order);
	if (r == ZTJ_OK)
		*out = c.p;
	else
		ztj_policy_free(c.p);
	return r;
}
