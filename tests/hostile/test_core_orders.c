/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a broker can choose without forging anything: which approvals it shows first and which later (S15), and
 * whether, and in which order, it hands revocations on (G05).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/decide.h"
#include "tests/hostile/company.h"

static unsigned passed, failed;

static void verdict(bool good, const char *name, const char *reason)
{
	printf("%s - %s %s\n", good ? "ok" : "not ok", name, reason);
	if (good)
		passed++;
	else
		failed++;
}

/* ---- windows ---- */

#define POOL 6

static const struct {
	int who;
	int64_t issued, limit;
	bool deny;
} pool[POOL] = { { FX_LEAD1, -300, 0, false }, { FX_LEAD2, -100, 600, false }, { FX_SEC1, -250, 0, false },
	{ FX_BOTH1, -50, 900, false }, { FX_BOTH1, -200, 0, false }, { FX_SEC1, -20, 0, true } };

static void make_pool(struct company *co, struct fx_signed *request, struct fx_signed *a)
{
	const int64_t now = co->w.now;

	co->w.now = now - 400;
	fx_request(&co->w, FX_REQ1, "root-shell", FX_WEB1, 1800, request);
	for (size_t i = 0; i < POOL; i++) {
		co->w.now = now + pool[i].issued;
		fx_approval(&co->w, pool[i].who, request, pool[i].deny, pool[i].limit, &a[i]);
	}
	co->w.now = now;
}

static void ask(struct company *co, const struct fx_signed *request, const struct fx_signed *a,
    unsigned subset, const struct ztj_window *w, struct ztj_answer *out)
{
	const struct ztj_question q = { .use = ZTJ_USE_LOGIN,
		.host = CO_WEB1,
		.machine = &co->w.host[FX_WEB1].machine.pub,
		.service = "sshd",
		.account = "root",
		.certified = &co->w.person[FX_REQ1].key.pub,
		.has_uid = true,
		.peer = "10.0.0.1",
		.now = co->w.now,
		.now_begin = co->w.now,
		.window = *w };
	struct ztj_signed s[POOL + 1];
	struct ztj_bundle *b;
	size_t n = 0;

	s[n++] = request->s;
	for (size_t i = 0; i < POOL; i++)
		if (subset & 1u << i)
			s[n++] = a[i].s;
	ok(ztj_bundle_make(s, n, co->w.domain, co->w.cache, &b));
	ztj_decide(co->w.trust, b, &q, out);
	/* the answer points into the policy only */
	ztj_bundle_free(b);
}

/* Whatever is shown second, no second is gained over what was first admitted, nor over what the second would give alone. */
static void windows(struct company *co)
{
	struct fx_signed request, a[POOL];
	struct ztj_answer *alone = calloc(1u << POOL, sizeof(*alone)), *then = malloc(sizeof(*then));
	const struct ztj_window none = { .set = false };
	char name[80], reason[80];

	assert_non_null(alone);
	assert_non_null(then);
	make_pool(co, &request, a);
	for (unsigned i = 0; i < 1u << POOL; i++)
		ask(co, &request, a, i, &none, &alone[i]);
	for (unsigned i = 0; i < 1u << POOL; i++)
		for (unsigned k = 0; alone[i].code == ZTJ_OK && k < 1u << POOL; k++) {
			const struct ztj_window w = { .set = true,
				.starts = alone[i].starts,
				.ends = alone[i].ends };
			bool good;
			ask(co, &request, a, k, &w, then);
			good = then->code == ZTJ_OK
			    ? alone[k].code == ZTJ_OK && then->ends <= alone[i].ends &&
				then->ends <= alone[k].ends && then->starts >= alone[i].starts
			    : alone[k].code != ZTJ_OK;
			if (k & 1u << (POOL - 1))
				good = good && then->code == ZTJ_DENIED;
			(void)snprintf(name, sizeof(name), "S15/first-%02x-then-%02x", i, k);
			(void)snprintf(reason, sizeof(reason), "%s %lld of %lld s", ztj_err_name(then->code),
			    (long long)(then->code == ZTJ_OK ? then->ends - co->w.now : 0),
			    (long long)(alone[i].ends - co->w.now));
			verdict(good, name, reason);
		}
	fx_signed_free(&request);
	for (size_t i = 0; i < POOL; i++)
		fx_signed_free(&a[i]);
	free(alone);
	free(then);
}

/* ---- revocations ---- */

#define NEWS 3

static void make_news(struct company *co, struct fx_signed *r)
{
	struct fx_signed request;

	fx_request(&co->w, FX_REQ1, "root-shell", FX_WEB1, 1800, &request);
	fx_revoke_request(&co->w, FX_LEAD1, &co->w.person[FX_LEAD1].key, &request, &r[0]);
	fx_revoke_name(&co->w, &co->w.registrar[0], false, "people/vic1", 2, co->w.now + 86400, &r[1]);
	fx_revoke_name(&co->w, &co->w.online, true, "servers/web2", 2, co->w.now + 86400, &r[2]);
	fx_signed_free(&request);
}

static void feed(struct company *co, struct ztj_trust *t, const struct fx_signed *r, const char *order)
{
	for (; *order != '\0'; order++) {
		bool changed;
		ok(ztj_trust_revocation(t, &r[*order - '0'].s, co->w.now, &changed));
	}
}

/* The broker has 0, 1 and 2; their order is not news (PROTOCOL section 1.4), but a host from which one is withheld never
 * counts as fresh. */
static void revocations(struct company *co)
{
	static const char *const orders[] = { "012", "021", "102", "120", "201", "210", "", "0", "1", "2",
		"01", "10", "12", "21", "02", "20", "0012", "0122" };
	struct fx_signed r[NEWS], status;
	struct ztj_trust *broker;

	make_news(co, r);
	ok(ztj_trust_new(&co->w.pins, co->w.cache, &broker));
	company_load(co, broker, co->w.now);
	feed(co, broker, r, "012");
	company_status(co, broker, co->w.now + 5, &co->w.online, &status);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct ztj_trust *host;
		char name[64];
		int code;
		bool same = strchr(orders[i], '0') != NULL && strchr(orders[i], '1') != NULL &&
		    strchr(orders[i], '2') != NULL;
		ok(ztj_trust_new(&co->w.pins, co->w.cache, &host));
		company_load(co, host, co->w.now);
		feed(co, host, r, orders[i]);
		code = ztj_trust_status(host, &status.s, co->w.now + 5);
		(void)snprintf(name, sizeof(name), "G05/revocations-as-%s",
		    orders[i][0] != '\0' ? orders[i] : "none");
		verdict(code == (same ? ZTJ_OK : ZTJ_STALE) &&
			(ztj_trust_fresh(host) == co->w.now + 5) == same,
		    name, ztj_err_name(code));
		ztj_trust_free(host);
	}
	fx_signed_free(&status);
	for (size_t i = 0; i < NEWS; i++)
		fx_signed_free(&r[i]);
	ztj_trust_free(broker);
}

int main(void)
{
	static struct company co;

	company_open(&co, FX_NOW, NULL, 0);
	windows(&co);
	revocations(&co);
	company_close(&co);
	printf("# %u as expected, %u not\n", passed, failed);
	return failed == 0 && passed > 100 ? 0 : 1;
}
