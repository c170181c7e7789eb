/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Roles and rules: their keys and their defaults. ztjit-policy(5) is the same in words. */
#include <regex.h>
#include <string.h>

#include "libztjit/core/policy_int.h"
#include "libztjit/core/sshcert.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define DUR_MAX ZTJ_DURATION_MAX

struct word {
	const char *text;
	unsigned value;
};

static const struct word *find_word(const struct word *w, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(w[i].text, text) == 0)
			return &w[i];
	return NULL;
}

static void get_word(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    const struct word *w, size_t n, unsigned *dst)
{
	const char *v = config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : "";
	const struct word *hit = find_word(w, n, v);

	if (hit == NULL)
		ztj_pol_error(c, ztj_pol_line(s), "%s: one of \"%s\", \"%s\"%s is expected", f->key,
		    w[0].text, w[1].text, n > 2 ? " and others (ztjit-policy(5))" : "");
	else
		*dst = hit->value;
}

/* --- roles --- */

static void get_record(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	static const struct word words[] = { { "output", ZTJ_RECORD_OUTPUT }, { "all", ZTJ_RECORD_ALL },
		{ "none", ZTJ_RECORD_NONE } };
	unsigned v = ZTJ_RECORD_OUTPUT;

	get_word(c, s, f, words, N(words), &v);
	*(enum ztj_record_mode *)dst = (enum ztj_record_mode)v;
}

/* Bits for a list of words; *order keeps them as written. */
static unsigned get_bits(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    const struct word *w, size_t n, struct ztj_strs *order)
{
	struct ztj_pol_field texts = { .key = f->key, .grammar = ZTJ_GR_TEXT };
	unsigned bits = 0;

	ztj_pol_get_strs(c, s, &texts, order);
	for (size_t i = 0; i < order->n; i++) {
		const struct word *hit = find_word(w, n, order->s[i]);
		if (hit == NULL)
			ztj_pol_error(c, ztj_pol_line(s), "%s: \"%.40s\" is unknown", f->key, order->s[i]);
		else
			bits |= hit->value;
	}
	return bits;
}

static void get_forwarding(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    void *dst)
{
	static const struct word words[] = { { "agent", ZTJ_EXT_AGENT }, { "local", ZTJ_EXT_PORT },
		{ "x11", ZTJ_EXT_X11 } };
	struct ztj_strs order = { 0 };

	*(unsigned *)dst |= get_bits(c, s, f, words, N(words), &order);
}

static const struct ztj_pol_field role_fields[] = {
	{ .key = "login",
	    .get = ztj_pol_get_strs,
	    .off = offsetof(struct ztj_role, login),
	    .grammar = ZTJ_GR_LOGIN },
	{ .key = "become",
	    .get = ztj_pol_get_strs,
	    .off = offsetof(struct ztj_role, become),
	    .grammar = ZTJ_GR_ACCOUNT },
	{ .key = "groups",
	    .get = ztj_pol_get_strs,
	    .off = offsetof(struct ztj_role, groups),
	    .grammar = ZTJ_GR_ROLEGROUP },
	{ .key = "forwarding", .get = get_forwarding, .off = offsetof(struct ztj_role, forwarding) },
	{ .key = "record", .get = get_record, .off = offsetof(struct ztj_role, record) },
	{ .key = "record_pipes", .get = ztj_pol_get_bool, .off = offsetof(struct ztj_role, record_pipes) },
	{ .key = "sudo_recorded", .get = ztj_pol_get_bool, .off = offsetof(struct ztj_role, sudo_recorded) },
};

void ztj_pol_get_roles(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_policy *p = dst;
	size_t n;

	p->roles = ztj_pol_children(c, s, f->key, true, ZTJ_ROLES_MAX, sizeof *p->roles, &n);
	c->priv->role_line = ztj_pol_alloc(c, n, sizeof *c->priv->role_line);
	if (p->roles == NULL || c->priv->role_line == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *m = ztj_pol_child(s, i);
		struct ztj_role *role = &p->roles[i];
		role->record = ZTJ_RECORD_OUTPUT;
		role->forwarding = ZTJ_EXT_AGENT;
		role->name = ztj_pol_strdup(c, config_setting_name(m));
		c->priv->role_line[i] = ztj_pol_line(m);
		if (role->name == NULL)
			return;
		if (!ztj_name_ok(role->name))
			ztj_pol_error(c, ztj_pol_line(m),
			    "role \"%.64s\": not a name (a-z, 0-9, _ -, at most 32 bytes)", role->name);
		ztj_pol_group(c, m, role_fields, N(role_fields), role);
		p->nroles = i + 1;
	}
}

/* --- rules --- */

struct rule_in {
	struct ztj_rule r;
	struct ztj_pol_labels hosts;
	bool has_approvals;
};

static const struct ztj_pol_field slot_fields[] = {
	{ .key = "count",
	    .get = ztj_pol_get_int,
	    .off = offsetof(struct ztj_slot, count),
	    .min = 1,
	    .max = 16 },
	{ .key = "from",
	    .get = ztj_pol_get_strs,
	    .off = offsetof(struct ztj_slot, from),
	    .required = true,
	    .grammar = ZTJ_GR_WHO },
};

static void get_approvals(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    void *dst)
{
	struct rule_in *in = dst;

	in->has_approvals = true;
	if (!config_setting_is_list(s) || config_setting_length(s) > ZTJ_SLOTS_MAX) {
		ztj_pol_error(c, ztj_pol_line(s),
		    "%s: a list ( { count = 1; from = [ … ]; }, … ) of at most %d is expected", f->key,
		    ZTJ_SLOTS_MAX);
		return;
	}
	in->r.nslots = (size_t)config_setting_length(s);
	for (size_t i = 0; i < in->r.nslots; i++) {
		in->r.slot[i].count = 1;
		ztj_pol_group(c, ztj_pol_child(s, i), slot_fields, N(slot_fields), &in->r.slot[i]);
	}
}

/* "*" is any host, written out: an absent or empty group never means everything. */
static void get_hosts(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	if (config_setting_type(s) == CONFIG_TYPE_STRING && strcmp(config_setting_get_string(s), "*") == 0)
		return;
	ztj_pol_get_labels(c, s, f, dst);
}

static void get_verify(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	static const struct word words[] = { { "up", 0 }, { "uv", 1 } };
	unsigned v = 1;

	get_word(c, s, f, words, N(words), &v);
	*(bool *)dst = v != 0;
}

static const struct word transports[] = { { "agent", ZTJ_VIA_AGENT }, { "local", ZTJ_VIA_LOCAL },
	{ "confirm", ZTJ_VIA_CONFIRM }, { "plain-agent", ZTJ_VIA_PLAIN_AGENT } };

static void get_step_up(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    void *dst)
{
	struct ztj_rule *rule = dst;

	rule->step_up = get_bits(c, s, f, transports, N(transports), &rule->step_up_order);
}

static void get_hours(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_rule *rule = dst;
	const char *v = config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : "",
		   *zone, *tz;

	rule->has_hours = true; /* stays on after an error: a broken limit is not no limit */
	if (ztj_hours_parse(v, &rule->hours) == ZTJ_OK)
		return;
	zone = strrchr(v, ' ') != NULL ? strrchr(v, ' ') + 1 : v;
	tz = ztj_pol_zone_rule(zone);
	if (tz != NULL)
		ztj_pol_error(c, ztj_pol_line(s), "%s: zones are written as POSIX rules; for %s write %s",
		    f->key, zone, tz);
	else
		ztj_pol_error(c, ztj_pol_line(s),
		    "%s: expected as in \"Mon-Fri 07:00-20:00 CET-1CEST,M3.5.0,M10.5.0/3\"", f->key);
}

/* The numbers of a repetition count, 255 at most: glibc copies what is repeated that often. */
static bool small_count(const char *p)
{
	unsigned n = 0;

	for (p++; *p != 0 && *p != '}'; p++) {
		n = *p >= '0' && *p <= '9' ? 10 * n + (unsigned)(*p - '0') : 0;
		if (n > 255)
			return false;
	}
	return *p == '}';
}

/* Expressions that cost glibc more than a ticket is worth: back references, and repetitions of repetitions. */
static const char *costly(const char *re)
{
	unsigned bounds = 0;

	for (const char *p = re; *p != 0; p++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '9')
			return "back references are not allowed";
		if (p[0] == '\\' && p[1] != 0)
			p++;
		else if (p[0] == '{' &&
		    (++bounds > 4 || (p > re && strchr(")*+?}", p[-1]) != NULL) || !small_count(p)))
			return "repetition counts may only follow a character or a set, four times at most, up to 255";
	}
	return NULL;
}

static void get_ticket(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_pol_field text = { .key = f->key, .min = 1, .max = 256 };
	char why[96];
	regex_t re;
	int r;

	ztj_pol_get_text(c, s, &text, dst);
	if (*(const char **)dst == NULL)
		return;
	if (costly(*(const char **)dst) != NULL) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: %s", f->key, costly(*(const char **)dst));
		return;
	}
	r = regcomp(&re, *(const char **)dst, REG_EXTENDED | REG_NOSUB);
	if (r == 0) {
		regfree(&re);
		return;
	}
	(void)regerror(r, &re, why, sizeof why);
	ztj_pol_error(c, ztj_pol_line(s), "%s: not a POSIX extended regular expression: %s", f->key, why);
}

static void get_on_stale(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    void *dst)
{
	static const struct word words[] = { { "deny", ZTJ_STALE_DENY }, { "kill", ZTJ_STALE_KILL } };
	unsigned v = ZTJ_STALE_DENY;

	get_word(c, s, f, words, N(words), &v);
	*(enum ztj_on_stale *)dst = (enum ztj_on_stale)v;
}

#define R(m) offsetof(struct rule_in, r.m)
static const struct ztj_pol_field rule_fields[] = {
	{ .key = "name", .get = ztj_pol_get_name, .off = R(name), .required = true },
	{ .key = "who", .get = ztj_pol_get_strs, .off = R(who), .required = true, .grammar = ZTJ_GR_WHO },
	{ .key = "roles",
	    .get = ztj_pol_get_strs,
	    .off = R(roles),
	    .required = true,
	    .grammar = ZTJ_GR_ROLE },
	{ .key = "hosts", .get = get_hosts, .off = offsetof(struct rule_in, hosts), .required = true },
	{ .key = "max", .get = ztj_pol_get_duration, .off = R(max), .min = 1, .max = DUR_MAX },
	{ .key = "max_total", .get = ztj_pol_get_duration, .off = R(max_total), .min = 1, .max = DUR_MAX },
	{ .key = "request_valid",
	    .get = ztj_pol_get_duration,
	    .off = R(request_valid),
	    .min = 1,
	    .max = DUR_MAX },
	{ .key = "ahead", .get = ztj_pol_get_duration, .off = R(ahead), .min = 1, .max = DUR_MAX },
	{ .key = "approvals", .get = get_approvals, .off = 0 },
	{ .key = "verify", .get = get_verify, .off = R(uv) },
	{ .key = "step_up", .get = get_step_up, .off = offsetof(struct rule_in, r) },
	{ .key = "step_up_every",
	    .get = ztj_pol_get_duration,
	    .off = R(step_up_every),
	    .min = 1,
	    .max = 86400 },
	{ .key = "sources", .get = ztj_pol_get_strs, .off = R(sources), .grammar = ZTJ_GR_CIDR },
	{ .key = "hours", .get = get_hours, .off = offsetof(struct rule_in, r) },
	{ .key = "reason_min",
	    .get = ztj_pol_get_i64,
	    .off = R(reason_min),
	    .min = 0,
	    .max = ZTJ_REASON_MAX / 4 },
	{ .key = "ticket", .get = get_ticket, .off = R(ticket) },
	{ .key = "freshness", .get = ztj_pol_get_duration, .off = R(freshness), .min = 1, .max = DUR_MAX },
	{ .key = "on_stale", .get = get_on_stale, .off = R(on_stale) },
	{ .key = "break_glass", .get = ztj_pol_get_bool, .off = R(break_glass) },
	{ .key = "deny_on_counter", .get = ztj_pol_get_bool, .off = R(deny_on_counter) },
};
#undef R

static void rule_defaults(struct ztj_pol *c, struct ztj_rule *r)
{
	static const char *const order[] = { "agent", "local", "confirm" };

	r->max = 3600;
	r->request_valid = 3600;
	r->freshness = 900;
	r->reason_min = 1;
	r->on_stale = ZTJ_STALE_DENY;
	r->step_up = ZTJ_VIA_AGENT | ZTJ_VIA_LOCAL | ZTJ_VIA_CONFIRM;
	r->step_up_order.s = ztj_pol_alloc(c, N(order) + 1, sizeof order[0]);
	if (r->step_up_order.s == NULL)
		return;
	for (size_t i = 0; i < N(order); i++)
		r->step_up_order.s[i] = order[i];
	r->step_up_order.n = N(order);
}

static void read_rule(struct ztj_pol *c, const config_setting_t *s, struct ztj_rule *out)
{
	struct rule_in in = { .has_approvals = false };

	rule_defaults(c, &in.r);
	in.r.line = ztj_pol_line(s);
	ztj_pol_group(c, s, rule_fields, N(rule_fields), &in);
	in.r.nlabels = in.hosts.n;
	in.r.labels = in.hosts.l;
	if (in.r.max_total == 0)
		in.r.max_total = in.r.max;
	if (in.r.ticket == NULL)
		in.r.ticket = "";
	if (in.r.name == NULL)
		in.r.name = "";
	if (in.r.break_glass) {
		in.r.uv = true;
		if (in.r.nslots != 0)
			ztj_pol_error(c, in.r.line,
			    "a break_glass rule has no approvals: nobody may be there to give them");
	} else if (!in.has_approvals) {
		ztj_pol_error(c, in.r.line,
		    "\"approvals\" is missing (to need none, say so: approvals = ( );)");
	}
	*out = in.r;
}

void ztj_pol_get_rules(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_policy *p = dst;
	size_t n;

	c->priv->rules_line = ztj_pol_line(s);
	p->rules = ztj_pol_children(c, s, f->key, false, ZTJ_RULES_MAX, sizeof *p->rules, &n);
	if (p->rules == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		read_rule(c, ztj_pol_child(s, i), &p->rules[i]);
	p->nrules = n;
}
