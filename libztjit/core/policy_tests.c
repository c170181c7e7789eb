/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Reads the list `tests` of a policy: people and hosts declared on the spot, a request, what should come of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/grant.h"
#include "libztjit/core/policy_int.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define T(m) offsetof(struct ztj_pol_test, m)

static ztj_pol_get get_people, get_hosts, get_request, get_verify, get_expect;

static const struct ztj_pol_field test_fields[] = {
	{ .key = "name", .get = ztj_pol_get_text, .off = T(name), .required = true, .min = 1, .max = 128 },
	{ .key = "people", .get = get_people, .off = 0, .required = true },
	{ .key = "hosts", .get = get_hosts, .off = 0, .required = true },
	{ .key = "request", .get = get_request, .off = 0, .required = true },
	{ .key = "approved_by",
	    .get = ztj_pol_get_strs,
	    .off = T(approved_by),
	    .grammar = ZTJ_GR_NAME | ZTJ_GR_MAY_BE_EMPTY },
	{ .key = "denied_by",
	    .get = ztj_pol_get_strs,
	    .off = T(denied_by),
	    .grammar = ZTJ_GR_NAME | ZTJ_GR_MAY_BE_EMPTY },
	{ .key = "verify", .get = get_verify, .off = T(uv) },
	{ .key = "at", .get = ztj_pol_get_time, .off = T(at) },
	{ .key = "expect", .get = get_expect, .off = T(expect), .required = true },
	{ .key = "rule", .get = ztj_pol_get_name, .off = T(rule) },
	{ .key = "needs", .get = ztj_pol_get_strs, .off = T(needs), .grammar = ZTJ_GR_WHO },
};

static const struct ztj_pol_field request_fields[] = {
	{ .key = "who", .get = ztj_pol_get_name, .off = T(request.who), .required = true },
	{ .key = "role", .get = ztj_pol_get_name, .off = T(request.role), .required = true },
	{ .key = "host", .get = ztj_pol_get_strs, .off = T(request.hosts), .grammar = ZTJ_GR_HOST },
	{ .key = "hosts", .get = ztj_pol_get_strs, .off = T(request.hosts), .grammar = ZTJ_GR_HOST },
	{ .key = "for",
	    .get = ztj_pol_get_duration,
	    .off = T(request.duration),
	    .required = true,
	    .min = 1,
	    .max = ZTJ_DURATION_MAX },
	{ .key = "start", .get = ztj_pol_get_time, .off = T(request.start) },
	{ .key = "reason",
	    .get = ztj_pol_get_text,
	    .off = T(request.reason),
	    .min = 0,
	    .max = ZTJ_REASON_MAX },
	{ .key = "ticket", .get = ztj_pol_get_text, .off = T(request.ticket), .min = 1, .max = 128 },
	{ .key = "break_glass", .get = ztj_pol_get_bool, .off = T(request.break_glass) },
};

static void get_request(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    void *dst)
{
	struct ztj_pol_test *t = dst;

	(void)f;
	t->request.line = ztj_pol_line(s);
	ztj_pol_group(c, s, request_fields, N(request_fields), t);
	if (t->request.hosts.n == 0)
		ztj_pol_error(c, ztj_pol_line(s), "request: \"host\" is missing");
}

static void get_verify(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	const char *v = config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : "";

	*(bool *)dst = strcmp(v, "uv") == 0;
	if (strcmp(v, "uv") != 0 && strcmp(v, "up") != 0)
		ztj_pol_error(c, ztj_pol_line(s), "%s: \"up\" or \"uv\" is expected", f->key);
}

static bool known_outcome(const char *v)
{
	for (int s = ZTJ_GRANT_INVALID; s <= ZTJ_GRANT_REVOKED; s++)
		if (strcmp(v, ztj_grant_state_name((enum ztj_grant_state)s)) == 0)
			return true;
	return ztj_err_from_name(v) != ZTJ_INTERNAL;
}

static void get_expect(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	const char **expect = dst;

	ztj_pol_get_text(c, s, &(struct ztj_pol_field){ .key = f->key, .min = 1, .max = 40 }, dst);
	if (*expect != NULL && !known_outcome(*expect))
		ztj_pol_error(c, ztj_pol_line(s),
		    "%s: \"%s\" is neither a state such as \"approved\" nor a reason such as \"no-rule\"",
		    f->key, *expect);
}

static struct ztj_pol_actor *actors(struct ztj_pol *c, const config_setting_t *s,
    const struct ztj_pol_field *f, size_t *n)
{
	*n = 0;
	if (!config_setting_is_group(s) || config_setting_length(s) == 0 ||
	    config_setting_length(s) > ZTJ_POL_TEST_ACTORS_MAX) {
		ztj_pol_error(c, ztj_pol_line(s), "%s: a group of 1 to %d is expected", f->key,
		    ZTJ_POL_TEST_ACTORS_MAX);
		return NULL;
	}
	*n = (size_t)config_setting_length(s);
	return ztj_pol_alloc(c, *n, sizeof(struct ztj_pol_actor));
}

static void get_people(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_pol_field groups = { .grammar = ZTJ_GR_GROUP | ZTJ_GR_MAY_BE_EMPTY };
	struct ztj_pol_test *t = dst;
	size_t n;

	if ((t->people = actors(c, s, f, &n)) == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
		struct ztj_pol_actor *a = &t->people[i];
		a->line = ztj_pol_line(m);
		if ((a->name = ztj_pol_strdup(c, config_setting_name(m))) == NULL)
			return;
		if (!ztj_name_ok(a->name))
			ztj_pol_error(c, a->line, "people: \"%.64s\" is not a name", a->name);
		groups.key = a->name;
		ztj_pol_get_strs(c, m, &groups, &a->groups);
		t->npeople = i + 1;
	}
}

static void get_hosts(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	struct ztj_pol_test *t = dst;
	size_t n;

	if ((t->hosts = actors(c, s, f, &n)) == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
		struct ztj_pol_actor *a = &t->hosts[i];
		struct ztj_pol_labels labels = { 0 };
		a->line = ztj_pol_line(m);
		if ((a->name = ztj_pol_strdup(c, config_setting_name(m))) == NULL)
			return;
		if (!ztj_hostname_ok(a->name))
			ztj_pol_error(c, a->line, "hosts: \"%.64s\" is not a host name", a->name);
		ztj_pol_get_labels(c, m, &(struct ztj_pol_field){ .key = a->name }, &labels);
		for (size_t k = 0; k < labels.n; k++)
			if (strcmp(labels.l[k].value, "*") == 0 ||
			    (k > 0 && strcmp(labels.l[k].key, labels.l[k - 1].key) == 0))
				ztj_pol_error(c, a->line, "hosts: %s: a host has one value of \"%s\"",
				    a->name, labels.l[k].key);
		a->labels = labels.l;
		a->nlabels = labels.n;
		t->nhosts = i + 1;
	}
}

/* The first registrar who may vouch for it: its directory. */
static void place(struct ztj_pol *c, struct ztj_pol_actor *a, bool host)
{
	for (size_t i = 0; i < c->p->nregistrars; i++) {
		const struct ztj_registrar *r = &c->p->registrars[i];
		if (host ? ztj_pol_may_vouch_labels(r, a->labels, a->nlabels)
			 : ztj_pol_may_vouch_groups(r, &a->groups)) {
			(void)snprintf(a->full, sizeof a->full, "%.32s/%.64s", r->directory, a->name);
			return;
		}
	}
	ztj_pol_error(c, a->line, "\"%s\": no registrar may vouch for %s", a->name,
	    host ? "a host with these labels" : "a person with these groups");
}

static void want_actor(struct ztj_pol *c, unsigned line, const struct ztj_pol_actor *list, size_t n,
    const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return;
	ztj_pol_error(c, line, "\"%s\" is not declared in this test", name);
}

static int actor_order(const void *a, const void *b)
{
	return strcmp(((const struct ztj_pol_actor *)a)->name, ((const struct ztj_pol_actor *)b)->name);
}

static int text_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int label_order(const void *a, const void *b)
{
	return strcmp(((const struct ztj_label *)a)->key, ((const struct ztj_label *)b)->key);
}

/* Records and directories are sorted; a person may write in any order. */
static void sort_actors(struct ztj_pol_actor *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (a[i].groups.n > 1)
			qsort(a[i].groups.s, a[i].groups.n, sizeof a[i].groups.s[0], text_order);
		if (a[i].nlabels > 1)
			qsort(a[i].labels, a[i].nlabels, sizeof a[i].labels[0], label_order);
	}
	if (n > 1)
		qsort(a, n, sizeof *a, actor_order);
}

static void finish_test(struct ztj_pol *c, struct ztj_pol_test *t)
{
	if (t->name == NULL)
		t->name = "";
	sort_actors(t->people, t->npeople);
	sort_actors(t->hosts, t->nhosts);
	for (size_t i = 0; i < t->npeople; i++)
		place(c, &t->people[i], false);
	for (size_t i = 0; i < t->nhosts; i++)
		place(c, &t->hosts[i], true);
	if (t->request.who != NULL)
		want_actor(c, t->request.line, t->people, t->npeople, t->request.who);
	for (size_t i = 0; i < t->request.hosts.n; i++)
		want_actor(c, t->request.line, t->hosts, t->nhosts, t->request.hosts.s[i]);
	for (size_t i = 0; i < t->approved_by.n; i++)
		want_actor(c, t->line, t->people, t->npeople, t->approved_by.s[i]);
	for (size_t i = 0; i < t->denied_by.n; i++)
		want_actor(c, t->line, t->people, t->npeople, t->denied_by.s[i]);
}

void ztj_pol_read_tests(struct ztj_pol *c, const config_setting_t *s)
{
	size_t n = (size_t)config_setting_length(s);

	if (!config_setting_is_list(s) || n > ZTJ_POL_TESTS_MAX) {
		ztj_pol_error(c, ztj_pol_line(s), "tests: a list ( { … }, … ) of at most %d is expected",
		    ZTJ_POL_TESTS_MAX);
		return;
	}
	if ((c->priv->tests = ztj_pol_alloc(c, n, sizeof *c->priv->tests)) == NULL)
		return;
	for (size_t i = 0; i < n && !c->nomem; i++) {
		const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
		struct ztj_pol_test *t = &c->priv->tests[i];
		t->line = ztj_pol_line(m);
		t->uv = true;
		ztj_pol_group(c, m, test_fields, N(test_fields), t);
		if (!c->nomem)
			finish_test(c, t);
		c->priv->ntests = i + 1;
	}
}
