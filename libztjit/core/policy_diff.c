/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What changed between two policies, in plain words. Each thing is written out as lines of text once per policy, and
 * the lines are compared: a setting that this file forgets to write is the only one that could change unseen, and
 * the last line (the digest) tells even that.
 */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/policy_int.h"
#include "libztjit/core/reccert.h"
#include "libztjit/core/sshcert.h"

#define TEXT_MAX (8u * 1024 * 1024)

static void put_strs(struct ztj_buf *b, const char *what, const struct ztj_strs *list)
{
	for (size_t i = 0; i < list->n; i++)
		ztj_buf_printf(b, "%s %s\n", what, list->s[i]);
}

static void put_labels(struct ztj_buf *b, const char *what, const struct ztj_label *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ztj_buf_printf(b, "%s %s=%s\n", what, l[i].key, l[i].value);
}

static void put_keys(struct ztj_buf *b, const char *what, const struct ztj_key *k, size_t n)
{
	char fp[ZTJ_FINGERPRINT_SIZE];

	for (size_t i = 0; i < n; i++)
		if (ztj_key_fingerprint(&k[i], fp) == ZTJ_OK)
			ztj_buf_printf(b, "%s %s %s\n", what, ztj_key_type_name(k[i].type), fp);
}

static void put_duration(struct ztj_buf *b, const char *what, int64_t seconds)
{
	char text[32] = "none";

	if (seconds == 0 || ztj_duration_format(seconds, text, sizeof text) == ZTJ_OK)
		ztj_buf_printf(b, "%s %s\n", what, text);
}

static void put_time(struct ztj_buf *b, const char *what, int64_t t)
{
	char text[ZTJ_TIME_SIZE];

	if (ztj_time_format(t, text) == ZTJ_OK)
		ztj_buf_printf(b, "%s %s\n", what, text);
}

static void put_role(struct ztj_buf *b, const void *item)
{
	static const char *const record[] = { "none", "output", "all" };
	const struct ztj_role *r = item;

	put_strs(b, "login", &r->login);
	put_strs(b, "become", &r->become);
	put_strs(b, "group", &r->groups);
	ztj_buf_printf(b, "forwarding%s%s\n", r->forwarding & ZTJ_EXT_PORT ? " local" : "",
	    r->forwarding & ZTJ_EXT_X11 ? " x11" : "");
	ztj_buf_printf(b, "record %s\n%s%s", record[r->record],
	    r->record_pipes ? "record the output of commands without a terminal\n" : "",
	    r->sudo_recorded ? "sudo only while recorded\n" : "");
}

/* Hours are kept parsed; their numbers are enough to see a change. */
static void put_hours(struct ztj_buf *b, const struct ztj_rule *r)
{
	static const char *const day[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	const struct ztj_hours *h = &r->hours;

	if (!r->has_hours) {
		ztj_buf_puts(b, "hours any\n");
		return;
	}
	for (unsigned i = 0; i < h->nspans; i++) {
		ztj_buf_puts(b, "hours");
		for (unsigned d = 0; d < 7; d++)
			if (h->span[i].days & 1u << d)
				ztj_buf_printf(b, " %s", day[d]);
		ztj_buf_printf(b, " %02u:%02u-%02u:%02u\n", h->span[i].from / 60u, h->span[i].from % 60u,
		    h->span[i].to / 60u, h->span[i].to % 60u);
	}
	ztj_buf_printf(b, "zone %d %d%s", h->tz.std_off, h->tz.dst_off, h->tz.has_dst ? "" : "\n");
	if (h->tz.has_dst)
		ztj_buf_printf(b, " %c%u.%u.%u.%u/%d %c%u.%u.%u.%u/%d\n", h->tz.start.kind, h->tz.start.month,
		    h->tz.start.week, h->tz.start.wday, h->tz.start.day, h->tz.start.at, h->tz.end.kind,
		    h->tz.end.month, h->tz.end.week, h->tz.end.wday, h->tz.end.day, h->tz.end.at);
}

static void put_slots(struct ztj_buf *b, const struct ztj_rule *r)
{
	if (r->nslots == 0)
		ztj_buf_puts(b, "approvals none\n");
	for (size_t i = 0; i < r->nslots; i++) {
		ztj_buf_printf(b, "approvals %u of", r->slot[i].count);
		for (size_t k = 0; k < r->slot[i].from.n; k++)
			ztj_buf_printf(b, " %s", r->slot[i].from.s[k]);
		ztj_buf_puts(b, "\n");
	}
}

static void put_rule(struct ztj_buf *b, const void *item)
{
	const struct ztj_rule *r = item;

	put_strs(b, "who", &r->who);
	put_strs(b, "role", &r->roles);
	put_labels(b, "hosts", r->labels, r->nlabels);
	if (r->nlabels == 0)
		ztj_buf_puts(b, "hosts any\n");
	put_duration(b, "max", r->max);
	put_duration(b, "max_total", r->max_total);
	put_duration(b, "request_valid", r->request_valid);
	put_duration(b, "ahead", r->ahead);
	put_slots(b, r);
	ztj_buf_printf(b, "verify %s\n", r->uv ? "uv" : "up");
	put_strs(b, "step_up", &r->step_up_order);
	put_duration(b, "step_up_every", r->step_up_every);
	put_strs(b, "source", &r->sources);
	if (r->sources.n == 0)
		ztj_buf_puts(b, "source any\n");
	put_hours(b, r);
	ztj_buf_printf(b, "reason_min %lld\nticket %s\n", (long long)r->reason_min,
	    r->ticket[0] != 0 ? r->ticket : "any");
	put_duration(b, "freshness", r->freshness);
	ztj_buf_printf(b, "on_stale %s\n%s%s", r->on_stale == ZTJ_STALE_KILL ? "kill" : "deny",
	    r->break_glass ? "break_glass\n" : "", r->deny_on_counter ? "deny_on_counter\n" : "");
}

static void put_registrar(struct ztj_buf *b, const void *item)
{
	const struct ztj_registrar *r = item;
	char hex[ZTJ_HEX_SIZE];

	put_keys(b, "key", r->keys, r->nkeys);
	ztj_buf_printf(b, "threshold %u\n", r->threshold);
	put_strs(b, "group", &r->groups);
	put_labels(b, "label", r->labels, r->nlabels);
	if (r->uid_max != 0)
		ztj_buf_printf(b, "uids %u-%u\n", r->uid_min, r->uid_max);
	if (r->has_base) {
		ztj_hex(r->base, sizeof r->base, hex);
		ztj_buf_printf(b, "base %s\n", hex);
	}
	if (r->auto_join)
		ztj_buf_puts(b, "auto_join: the broker admits hosts by itself\n");
}

/* Whom records are sealed to. A name proves nothing, so the digest stands beside it. */
static void put_certs(struct ztj_buf *b, const struct ztj_policy *p)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	char hex[ZTJ_HEX_SIZE];

	for (size_t i = 0; i < p->nrecord_to; i++) {
		if (ztj_sha256(p->record_to[i], digest) != ZTJ_OK)
			continue; /* the digest of the whole still differs */
		ztj_hex(digest, sizeof digest, hex);
		(void)ztj_buf_printf(b, "record to SHA256:%s ", hex);
		if (ztj_reccert_subject(p->record_to[i], b) != ZTJ_OK)
			(void)ztj_buf_puts(b, "?");
		ztj_buf_puts(b, "\n");
	}
}

static void put_witnesses(struct ztj_buf *b, const struct ztj_quorum *q)
{
	for (size_t i = 0; i < q->n; i++) {
		(void)ztj_buf_puts(b, "witness ");
		if (ztj_note_vkey(&q->by[i].key, b) != ZTJ_OK)
			return; /* the buffer is full, and says so */
		(void)ztj_buf_printf(b, " at %s\n", q->by[i].url);
	}
	if (q->need != 0)
		(void)ztj_buf_printf(b, "witness_quorum %u\n", q->need);
	if (q->max_age != 0)
		put_duration(b, "witness_max_age", q->max_age);
}

static void put_rest(struct ztj_buf *b, const void *item)
{
	const struct ztj_policy *p = item;
	char hex[ZTJ_HEX_SIZE];

	ztj_buf_printf(b, "domain %s\nversion %lld\n", p->domain, (long long)p->version);
	put_time(b, "expires", p->expires);
	put_strs(b, "broker url", &p->broker.urls);
	put_keys(b, "broker tls key", p->broker.tls, p->broker.ntls);
	put_keys(b, "broker online key", p->broker.online, p->broker.nonline);
	put_keys(b, "broker log key", p->broker.log, p->broker.nlog);
	put_keys(b, "broker ca key", p->broker.ca, p->broker.nca);
	put_witnesses(b, &p->broker.quorum);
	ztj_buf_printf(b, "%s", p->has_gids ? "" : "role groups are not published\n");
	for (size_t i = 0; i < p->ngids; i++)
		ztj_buf_printf(b, "gid %s %u\n", p->gids[i].name, p->gids[i].gid);
	put_strs(b, "auditor", &p->auditors);
	put_certs(b, p);
	put_duration(b, "directory_max", p->limits.directory_max);
	put_duration(b, "policy_warn", p->limits.policy_warn);
	for (size_t i = 0; i < p->nrevoked; i++) {
		ztj_hex(p->revoked[i], ZTJ_DIGEST_LEN, hex);
		ztj_buf_printf(b, "revoked key %s\n", hex);
	}
}

/* --- comparing --- */

typedef void put_fn(struct ztj_buf *b, const void *item);

/* How often this line stands in the text before `end` (NULL: anywhere). */
static size_t count_line(const char *text, const char *end, const char *line, size_t n)
{
	size_t count = 0;

	for (const char *p = text; *p != 0 && p != end; p = strchr(p, '\n') + 1)
		count += strcspn(p, "\n") == n && memcmp(p, line, n) == 0;
	return count;
}

/* A line may stand twice, as two slots of the same people do: the second is missing where there is one. */
static void put_missing(struct ztj_buf *out, const char *from, const char *in, char sign)
{
	for (const char *p = from; *p != 0; p = strchr(p, '\n') + 1) {
		size_t n = strcspn(p, "\n");
		if (count_line(from, p, p, n) >= count_line(in, NULL, p, n))
			ztj_buf_printf(out, "  %c %.*s\n", sign, (int)n, p);
	}
}

static int compare(struct ztj_buf *out, const char *what, const char *name, put_fn *put, const void *a,
    const void *b)
{
	struct ztj_buf ta, tb;
	const char *sa, *sb;
	size_t before;
	int r = ZTJ_NOMEM;

	ztj_buf_init(&ta, TEXT_MAX);
	ztj_buf_init(&tb, TEXT_MAX);
	if (a != NULL)
		put(&ta, a);
	if (b != NULL)
		put(&tb, b);
	sa = ztj_buf_str(&ta);
	sb = ztj_buf_str(&tb);
	if (sa != NULL && sb != NULL) {
		if (a == NULL || b == NULL || strcmp(sa, sb) != 0)
			(void)ztj_buf_printf(out, "%s %s%s%s\n", what, name, name[0] != 0 ? " " : "",
			    a == NULL       ? "added"
				: b == NULL ? "removed"
					    : "changed");
		before = out->n;
		put_missing(out, sa, sb, '-');
		put_missing(out, sb, sa, '+');
		if (a != NULL && b != NULL && strcmp(sa, sb) != 0 && out->n == before)
			ztj_buf_puts(out, "  the same lines in another order\n");
		r = ztj_buf_status(out);
	}
	ztj_buf_free(&ta);
	ztj_buf_free(&tb);
	return r;
}

/* A list of named things, as both policies have it. */
struct things {
	const char *what;
	put_fn *put;
	const char *(*name)(const struct ztj_policy *p, size_t i);
	const void *(*item)(const struct ztj_policy *p, size_t i);
	size_t (*count)(const struct ztj_policy *p);
};

static const char *role_name(const struct ztj_policy *p, size_t i)
{
	return p->roles[i].name;
}
static const void *role_item(const struct ztj_policy *p, size_t i)
{
	return &p->roles[i];
}
static size_t role_count(const struct ztj_policy *p)
{
	return p->nroles;
}
static const char *rule_name(const struct ztj_policy *p, size_t i)
{
	return p->rules[i].name;
}
static const void *rule_item(const struct ztj_policy *p, size_t i)
{
	return &p->rules[i];
}
static size_t rule_count(const struct ztj_policy *p)
{
	return p->nrules;
}
static const char *registrar_name(const struct ztj_policy *p, size_t i)
{
	return p->registrars[i].directory;
}
static const void *registrar_item(const struct ztj_policy *p, size_t i)
{
	return &p->registrars[i];
}
static size_t registrar_count(const struct ztj_policy *p)
{
	return p->nregistrars;
}

static const void *find(const struct things *t, const struct ztj_policy *p, const char *name)
{
	for (size_t i = 0; i < t->count(p); i++)
		if (strcmp(t->name(p, i), name) == 0)
			return t->item(p, i);
	return NULL;
}

static int diff_things(const struct things *t, const struct ztj_policy *a, const struct ztj_policy *b,
    struct ztj_buf *out)
{
	int r = ZTJ_OK;

	for (size_t i = 0; i < t->count(a) && r == ZTJ_OK; i++)
		r = compare(out, t->what, t->name(a, i), t->put, t->item(a, i), find(t, b, t->name(a, i)));
	for (size_t i = 0; i < t->count(b) && r == ZTJ_OK; i++)
		if (find(t, a, t->name(b, i)) == NULL)
			r = compare(out, t->what, t->name(b, i), t->put, NULL, t->item(b, i));
	return r;
}

/* The first rule that matches governs, so their order is part of what they say. */
static void diff_order(const struct ztj_policy *a, const struct ztj_policy *b, struct ztj_buf *out)
{
	size_t last = 0;

	for (size_t i = 0; i < a->nrules; i++)
		for (size_t k = 0; k < b->nrules; k++) {
			if (strcmp(a->rules[i].name, b->rules[k].name) != 0)
				continue;
			if (k < last) {
				ztj_buf_puts(out,
				    "rules stand in another order; the first that matches governs\n");
				return;
			}
			last = k;
		}
}

/* A new rule that stands before an old one may take over what that one governed. */
static void diff_places(const struct ztj_policy *a, const struct ztj_policy *b, struct ztj_buf *out)
{
	const struct things rules = { "rule", put_rule, rule_name, rule_item, rule_count };
	const char *before = NULL;

	for (size_t i = b->nrules; i-- > 0;) {
		if (find(&rules, a, b->rules[i].name) != NULL)
			before = b->rules[i].name;
		else if (before != NULL)
			ztj_buf_printf(out, "rule %s stands before rule %s; the first that matches governs\n",
			    b->rules[i].name, before);
	}
}

int ztj_policy_diff(const struct ztj_policy *a, const struct ztj_policy *b, struct ztj_buf *out)
{
	static const struct things lists[] = {
		{ "role", put_role, role_name, role_item, role_count },
		{ "rule", put_rule, rule_name, rule_item, rule_count },
		{ "registrar", put_registrar, registrar_name, registrar_item, registrar_count },
	};
	char da[ZTJ_HEX_SIZE], db[ZTJ_HEX_SIZE];
	int r = compare(out, "policy", "", put_rest, a, b);

	for (size_t i = 0; i < sizeof lists / sizeof lists[0] && r == ZTJ_OK; i++)
		r = diff_things(&lists[i], a, b, out);
	if (r != ZTJ_OK)
		return r;
	diff_order(a, b, out);
	diff_places(a, b, out);
	ztj_hex(a->digest, sizeof a->digest, da);
	ztj_hex(b->digest, sizeof b->digest, db);
	if (strcmp(da, db) != 0)
		ztj_buf_printf(out, "digest\n  - %s\n  + %s\n", da, db);
	return ztj_buf_status(out);
}
