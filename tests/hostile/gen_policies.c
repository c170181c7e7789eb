/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* S10, G05: policies and heartbeats as a liar serves them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hostile/plan.h"

#define DAY 86400

/* ---- policies ---- */

static void offer_policy(struct gen *g, struct fx_signed *s, int want, const char *name)
{
	struct ztj_buf json;

	company_json(s, &json);
	emit_news(g, V_POLICY, &json, want, "S10/policy/%s", name);
	fx_signed_free(s);
}

/* The text of version 3, signed by these keys in this namespace. */
static void signed_by(struct gen *g, const char *name, int want, enum ztj_stmt_type ns,
    const struct soft_key *const *keys, size_t n, uint8_t flags)
{
	struct fx_signed full, s;

	company_policy(g->co, 3, NULL, NULL, &full);
	fx_signed_init(&s, full.s.bytes);
	for (size_t i = 0; i < n; i++)
		fx_signed_add(&s, ns, keys[i], flags);
	fx_signed_free(&full);
	offer_policy(g, &s, want, name);
}

static void policy_signers(struct gen *g)
{
	struct fx_world *w = &g->co->w;
	const struct soft_key *r0 = &w->root[0], *r1 = &w->root[1], *r2 = &w->root[2];
	const struct {
		const char *name;
		const struct soft_key *key[3];
		size_t n;
	} few[] = { { "one-root", { r0 }, 1 }, { "hsm-root-alone", { r2 }, 1 },
		{ "online", { &w->online, r0 }, 2 }, { "tls-and-ca", { &w->tls, &w->ca }, 2 },
		{ "registrars", { &w->registrar[0], &w->registrar[1] }, 2 },
		{ "root-and-registrar", { r1, &w->registrar[0] }, 2 },
		{ "root-and-stranger", { r0, &w->stranger }, 2 },
		{ "strangers", { &w->stranger, &w->person[FX_REQ1].key, &w->person[FX_LEAD1].key }, 3 },
		{ "machine", { &w->host[FX_WEB1].machine, r0 }, 2 } };

	for (size_t k = 0; k < sizeof(few) / sizeof(few[0]); k++)
		signed_by(g, few[k].name, ZTJ_THRESHOLD, ZTJ_STMT_POLICY, few[k].key, few[k].n, FX_UP);
	signed_by(g, "one-root-twice", ZTJ_THRESHOLD, ZTJ_STMT_POLICY,
	    (const struct soft_key *const[]){ r0, r0 }, 2, FX_UP);
	for (int t = ZTJ_STMT_DIRECTORY; t <= ZTJ_STMT_PENDING; t++) {
		char name[64];
		if (t == ZTJ_STMT_STEPUP)
			continue; /* an answer that nobody waits for */
		(void)snprintf(name, sizeof(name), "namespace-%s", ztj_stmt_type_name((enum ztj_stmt_type)t));
		signed_by(g, name, WANT_PURPOSE, (enum ztj_stmt_type)t,
		    (const struct soft_key *const[]){ r0, r1 }, 2, FX_UP);
	}
	signed_by(g, "without-a-touch", ZTJ_NO_TOUCH, ZTJ_STMT_POLICY,
	    (const struct soft_key *const[]){ r0, r1 }, 2, 0);
}

static void policy_texts(struct gen *g)
{
	struct company *co = g->co;
	struct fx_signed s;
	char key[ZTJ_KEY_TEXT_SIZE], quoted[ZTJ_KEY_TEXT_SIZE + 4];
	struct fx_policy p = { .version = 3, .domain = "example2" },
			 own = { .version = 3, .revoked = quoted };
	static const struct {
		const char *name, *more;
	} bad[] = { { "include", "@include \"/etc/passwd\"\n" }, { "wrapping-integer", "x = 99999999999;\n" },
		{ "unknown-key", "backdoor = true;\n" }, { "duplicate-roles", "roles = { };\n" },
		{ "unfinished", "x = {\n" }, { "control-character", "# \x1b[2J\n" } };

	fx_signed_init(&s, co->policy_old.s.bytes);
	fx_signed_add(&s, ZTJ_STMT_POLICY, &co->w.root[0], FX_UP);
	fx_signed_add(&s, ZTJ_STMT_POLICY, &co->w.root[1], FX_UP);
	offer_policy(g, &s, ZTJ_POLICY_ROLLBACK, "older");
	company_policy(co, 2, "# another\n", NULL, &s);
	offer_policy(g, &s, ZTJ_POLICY_FORK, "fork");
	company_policy(co, 1, "# another\n", NULL, &s);
	offer_policy(g, &s, ZTJ_POLICY_FORK, "another-than-at-join");
	fx_policy(&co->w, &p, &s);
	offer_policy(g, &s, ZTJ_DOMAIN, "other-domain");
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
		company_policy(co, 3, bad[k].more, NULL, &s);
		offer_policy(g, &s, ZTJ_POLICY_INVALID, bad[k].name);
	}
	/* a root that the new policy itself revokes no longer signs it */
	ok(ztj_key_to_text(&co->w.root[0].pub, key));
	(void)snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	fx_policy(&co->w, &own, &s);
	offer_policy(g, &s, ZTJ_THRESHOLD, "revokes-its-own-root");
}

static void policy_bytes(struct gen *g)
{
	for (int k = 0; k < 16; k++) {
		struct fx_signed s;
		char name[64];
		size_t at;
		company_policy(g->co, 3, NULL, NULL, &s);
		at = s.bytes.n * (size_t)k / 16;
		s.bytes.p[at] ^= 1;
		(void)snprintf(name, sizeof(name), "text-bit-%d-16ths", k);
		offer_policy(g, &s, ZTJ_BAD_SIGNATURE, name);
	}
	for (int k = 1; k < 8; k++) {
		struct fx_signed s;
		char name[64];
		company_policy(g->co, 3, NULL, NULL, &s);
		s.bytes.n = s.bytes.n * (size_t)k / 8;
		s.s.bytes = ztj_buf_view(&s.bytes);
		(void)snprintf(name, sizeof(name), "text-cut-%d-8ths", k);
		offer_policy(g, &s, ZTJ_BAD_SIGNATURE, name);
	}
	for (int i = 0; i < 2; i++) {
		struct fx_signed s;
		company_policy(g->co, 3, NULL, NULL, &s);
		s.s.nsigs = 1;
		if (i == 1)
			s.s.sig[0] = s.s.sig[1];
		offer_policy(g, &s, ZTJ_THRESHOLD,
		    i == 0 ? "second-signature-dropped" : "first-signature-dropped");
	}
}

void gen_policies(struct gen *g)
{
	policy_signers(g);
	policy_texts(g);
	policy_bytes(g);
}

/* ---- heartbeats ---- */

static void offer_status(struct gen *g, const struct ztj_stmt *st, const struct soft_key *k,
    enum ztj_stmt_type ns, int want, const char *name)
{
	struct ztj_buf bytes, json;
	struct fx_signed s;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ok(ztj_stmt_build(st, NULL, &bytes));
	fx_signed_init(&s, ztj_buf_view(&bytes));
	fx_signed_add(&s, ns, k, FX_UP);
	company_json(&s, &json);
	emit_news(g, V_STATUS, &json, want, "G05/status/%s", name);
	fx_signed_free(&s);
	ztj_buf_free(&bytes);
}

void gen_status(struct gen *g)
{
	struct company *co = g->co;
	struct ztj_stmt *st, *good;
	struct fx_signed s;
	const struct {
		const char *name;
		const struct soft_key *key;
		int want;
	} keys[] = { { "ca", &co->w.ca, ZTJ_BROKER_KEY }, { "tls", &co->w.tls, ZTJ_BROKER_KEY },
		{ "log", &co->w.log, ZTJ_BROKER_KEY },
		{ "machine", &co->w.host[FX_WEB1].machine, ZTJ_BROKER_KEY },
		{ "hsm-root", &co->w.root[2], ZTJ_BROKER_KEY },
		{ "stranger", &co->w.stranger, ZTJ_BROKER_KEY },
		{ "registrar", &co->w.registrar[0], ZTJ_BROKER_KEY } };

	company_status(co, co->w.trust, co->w.now, &co->w.online, &s);
	ok(ztj_stmt_open(&s.s, ZTJ_STMT_STATUS, "example", &good));
	assert_non_null(st = malloc(sizeof(*st)));
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "signed-by-%s", keys[k].name);
		offer_status(g, good, keys[k].key, ZTJ_STMT_STATUS, keys[k].want, name);
	}
	for (int t = ZTJ_STMT_POLICY; t < ZTJ_STMT_STEPUP; t++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "namespace-%s", ztj_stmt_type_name((enum ztj_stmt_type)t));
		offer_status(g, good, &co->w.online, (enum ztj_stmt_type)t, WANT_PURPOSE, name);
	}
	for (int way = 0; way < 12; way++) {
		static const char *const names[] = { "in-an-hour", "next-year", "9999", "other-domain",
			"older-policy", "other-policy", "older-directory", "other-directory",
			"a-directory-left-out", "a-revocation-more", "other-head", "absurd-count" };
		int want = way < 3 ? ZTJ_FUTURE : way == 3 ? ZTJ_DOMAIN : ZTJ_STALE;
		*st = *good;
		switch (way) {
		case 0:
			st->issued += 3600;
			break;
		case 1:
			st->issued += 365 * DAY;
			break;
		case 2:
			st->issued = INT64_C(253402300799);
			break;
		case 3:
			st->domain = "example2";
			break;
		case 4:
			st->u.status.policy_version = 1;
			break;
		case 5:
			st->u.status.policy[3] ^= 1;
			break;
		case 6:
			st->u.status.dir[0].serial = 1;
			break;
		case 7:
			st->u.status.dir[0].digest[5] ^= 1;
			break;
		case 8:
			st->u.status.ndirs--;
			break;
		case 9:
			st->u.status.revocations++;
			break;
		case 10:
			st->u.status.head[0] ^= 1;
			break;
		default:
			st->u.status.revocations = 2147483647;
			break;
		}
		offer_status(g, st, &co->w.online, ZTJ_STMT_STATUS, want, names[way]);
	}
	free(st);
	ztj_stmt_free(good);
	fx_signed_free(&s);
}
