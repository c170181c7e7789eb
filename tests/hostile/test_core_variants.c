/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Every variant straight into libztjit/core: what the gate would read, verify and decide, without the gate. Fast, so that it
 * runs in `make check`; tests/hostile/hostile.sh sends the same variants through a real host.
 */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/decide.h"
#include "tests/hostile/plan.h"

struct run {
	unsigned passed, failed, admitted, controls, line_limits;
};

/* ---- logins, as ztjit-hostd judges them ---- */

static int check_ca(const struct ztj_policy *p, const struct ztj_cert *cert)
{
	for (size_t i = 0; i < p->broker.nca; i++)
		if (ztj_cert_verify(cert, &p->broker.ca[i]) == ZTJ_OK)
			return ZTJ_OK;
	return ZTJ_BAD_SIGNATURE;
}

/* What the host has of this request: pushed statements that it kept, revocations aside. */
struct held {
	struct ztj_signed s[PLAN_PARTS * 2];
	size_t n;
};

/* Requests and approvals are kept, revocations go to the trust, the rest is refused; the answer is the reason. */
static int take(struct ztj_trust *t, int64_t now, const struct fx_signed *f, struct held *h)
{
	enum ztj_stmt_type type;
	struct ztj_stmt *st;
	bool changed;
	int r = ztj_signed_peek(&f->s, &type);

	if (r != ZTJ_OK)
		return r;
	if (type == ZTJ_STMT_REVOCATION)
		return ztj_trust_revocation(t, &f->s, now, &changed);
	if (type != ZTJ_STMT_REQUEST && type != ZTJ_STMT_APPROVAL)
		return ZTJ_STMT_TYPE;
	r = ztj_stmt_open(&f->s, type, "example", &st);
	if (r == ZTJ_OK && type == ZTJ_STMT_REQUEST)
		r = company_request(t, st);
	if (r == ZTJ_OK)
		h->s[h->n++] = f->s;
	ztj_stmt_free(st);
	return r;
}

static bool is_request(const struct ztj_signed *s, const uint8_t id[ZTJ_DIGEST_LEN])
{
	uint8_t own[ZTJ_DIGEST_LEN];

	ok(ztj_stmt_id(s->bytes, own));
	return ztj_stmt_peek(s->bytes) == ZTJ_STMT_REQUEST && memcmp(own, id, ZTJ_DIGEST_LEN) == 0;
}

/* The request first; with every approval of it, and of those it follows. */
static int from_held(const struct held *h, const uint8_t id[ZTJ_DIGEST_LEN], struct ztj_sigcache *c,
    struct ztj_bundle **out)
{
	struct ztj_signed list[PLAN_PARTS * 2];
	size_t n = 0, i;
	uint8_t want[ZTJ_DIGEST_LEN];

	memcpy(want, id, sizeof(want));
	for (unsigned depth = 0; depth <= ZTJ_CHAIN_MAX; depth++) {
		struct ztj_stmt *req;
		bool more;
		for (i = 0; i < h->n && !is_request(&h->s[i], want); i++)
			;
		if (i == h->n)
			break;
		list[n++] = h->s[i];
		ok(ztj_stmt_open(&h->s[i], ZTJ_STMT_REQUEST, "example", &req));
		for (size_t k = 0; k < h->n; k++) {
			struct ztj_stmt *st;
			if (ztj_stmt_peek(h->s[k].bytes) != ZTJ_STMT_APPROVAL)
				continue;
			ok(ztj_stmt_open(&h->s[k], ZTJ_STMT_APPROVAL, "example", &st));
			if (memcmp(st->u.approval.request, want, sizeof(want)) == 0)
				list[n++] = h->s[k];
			ztj_stmt_free(st);
		}
		more = req->u.request.has_follows;
		memcpy(want, req->u.request.follows, sizeof(want));
		ztj_stmt_free(req);
		if (!more)
			break;
	}
	if (n == 0)
		return ZTJ_NO_GRANT;
	return ztj_bundle_make(list, n, "example", c, out);
}

static int merged(const struct held *h, const struct ztj_bundle *carried, struct ztj_sigcache *c,
    struct ztj_bundle **out)
{
	struct ztj_signed list[PLAN_PARTS * 3];
	size_t n = 0;

	for (size_t i = 0; i < carried->n; i++)
		list[n++] = carried->raw[i];
	for (size_t i = 0; i < h->n; i++) {
		struct ztj_stmt *st;
		enum ztj_stmt_type type = ztj_stmt_peek(h->s[i].bytes);
		ok(ztj_stmt_open(&h->s[i], type, "example", &st));
		for (size_t k = 0; k < carried->n; k++)
			if (carried->stmt[k]->type == ZTJ_STMT_REQUEST &&
			    memcmp(type == ZTJ_STMT_REQUEST ? st->id : st->u.approval.request,
				carried->stmt[k]->id, ZTJ_DIGEST_LEN) == 0)
				list[n++] = h->s[i];
		ztj_stmt_free(st);
	}
	return ztj_bundle_make(list, n, "example", c, out);
}

static int find_bundle(const struct held *h, const struct ztj_cert *cert, struct ztj_sigcache *c,
    struct ztj_bundle **out)
{
	struct ztj_bundle *carried;
	uint8_t id[ZTJ_DIGEST_LEN];
	const size_t n = sizeof(ZTJ_PRINCIPAL_PREFIX) - 1;
	int r;

	if (cert->bundle.n > 0) {
		r = ztj_bundle_read(cert->bundle, "example", c, &carried);
		if (r == ZTJ_OK)
			r = merged(h, carried, c, out);
		ztj_bundle_free(carried);
		return r;
	}
	if (strncmp(cert->principal, ZTJ_PRINCIPAL_PREFIX, n) != 0)
		return ZTJ_CERT_KIND;
	r = ztj_unhex(ztj_view_str(cert->principal + n), id, sizeof(id));
	return r != ZTJ_OK ? r : from_held(h, id, c, out);
}

static int check_principal(const struct ztj_cert *cert, const struct ztj_stmt *request)
{
	char want[128], hex[ZTJ_HEX_SIZE];

	ztj_hex(request->id, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(want, sizeof(want), ZTJ_PRINCIPAL_PREFIX "%s", hex);
	return strcmp(cert->principal, want) == 0 ? ZTJ_OK : ZTJ_CERT_KIND;
}

static int judge(struct company *co, struct ztj_trust *t, const struct variant *v,
    const struct ztj_cert *cert, const struct ztj_bundle *b, char *line, size_t size)
{
	struct ztj_question q = { .use = ZTJ_USE_LOGIN,
		.host = CO_WEB1,
		.machine = &co->w.host[FX_WEB1].machine.pub,
		.service = "sshd",
		.account = v->account,
		.certified = &cert->subject,
		.has_uid = true,
		.peer = v->peer,
		.now = co->w.now,
		.now_begin = co->w.now };
	struct ztj_answer *a = calloc(1, sizeof(*a));
	struct ztj_buf out;
	int r;

	assert_non_null(a);
	for (size_t i = 0; i < FX_PEOPLE; i++)
		if (strcmp(v->account, co->w.person[i].name) == 0)
			q.uid = co->w.person[i].uid;
	ztj_decide(t, b, &q, a);
	r = a->code;
	ztj_buf_init(&out, 8192);
	if (r == ZTJ_OK) {
		ok(ztj_decide_principals_line(a, "/usr/bin/ztjit-rec", &out));
		(void)snprintf(line, size, "%s", ztj_buf_str(&out));
	} else if (a->text[0] == '\0' || strstr(a->text, ztj_err_text(a->code)) == NULL) {
		printf("# %s: the text does not say why: %s\n", v->name, a->text);
		r = ZTJ_INTERNAL;
	}
	if (r == ZTJ_OK && cert->valid_before <= q.now)
		r = ZTJ_ENDED;
	ztj_buf_free(&out);
	free(a);
	return r;
}

static int login(struct company *co, const struct variant *v, char *line, size_t size)
{
	struct held *h = calloc(1, sizeof(*h));
	struct ztj_trust *t = co->w.trust, *own = NULL;
	struct ztj_bundle *b = NULL;
	struct ztj_cert *cert = calloc(1, sizeof(*cert));
	int r;

	assert_non_null(h);
	assert_non_null(cert);
	line[0] = '\0';
	for (size_t i = 0; i < v->npush && own == NULL; i++)
		if (ztj_stmt_peek(v->push[i]->s.bytes) == ZTJ_STMT_REVOCATION) {
			ok(ztj_trust_new(&co->w.pins, co->w.cache, &own));
			company_load(co, t = own, co->w.now);
		}
	for (size_t i = 0; i < v->npush; i++) {
		r = take(t, co->w.now, v->push[i], h);
		if (!want_met(v->push_want[i], r)) {
			printf("# %s: statement %zu: %s, not %s\n", v->name, i, ztj_err_name(r),
			    want_name(v->push_want[i]));
			line[0] = '!';
		}
	}
	r = ztj_cert_parse(cert, v->cert);
	if (r == ZTJ_OK)
		r = check_ca(ztj_trust_held_policy(t), cert);
	if (r == ZTJ_OK)
		r = find_bundle(h, cert, co->w.cache, &b);
	if (r == ZTJ_OK)
		r = check_principal(cert, b->request);
	if (r == ZTJ_OK)
		r = judge(co, t, v, cert, b, line, size);
	ztj_bundle_free(b);
	ztj_trust_free(own);
	free(cert);
	free(h);
	return r;
}

/* C08: whatever the certificate says, the line says what the rule says. */
static bool line_limits(const struct variant *v, const char *line)
{
	bool shell = strcmp(v->account, "root") == 0;

	return strncmp(line, "restrict,pty,agent-forwarding,", 30) == 0 &&
	    strstr(line, "port-forwarding") == NULL && strstr(line, "X11") == NULL &&
	    strstr(line, "user-rc") == NULL && strstr(line, "expiry-time=\"") != NULL &&
	    (!shell ||
		(strstr(line, "from=\"10.0.0.0/8\"") != NULL && strstr(line, ",verify-required,") != NULL));
}

/* ---- news ---- */

static int offer_signed(struct company *co, const struct variant *v)
{
	struct ztj_signed s;
	struct ztj_buf mem;
	bool changed;
	int r;

	ztj_buf_init(&mem, 4 * ZTJ_POLICY_MAX);
	r = ztj_signed_from_json(v->json, &mem, &s);
	if (r == ZTJ_OK)
		r = v->kind == V_POLICY ? ztj_trust_policy(co->w.trust, &s, co->w.now, &changed)
					: ztj_trust_status(co->w.trust, &s, co->w.now);
	ztj_buf_free(&mem);
	return r;
}

static int offer_directory(struct company *co, const struct variant *v)
{
	struct ztj_dir_answer *a;
	bool changed;
	int r = ztj_dir_answer_read(v->json, 4 * ZTJ_POLICY_MAX, &a);

	if (r == ZTJ_OK)
		r = ztj_trust_directory(co->w.trust, ztj_dir_answer_update(a), co->w.now, &changed);
	ztj_dir_answer_free(a);
	return r;
}

/* To a trust that holds the policy alone. */
static int offer_fresh(struct company *co, const struct variant *v)
{
	struct ztj_trust *held = co->w.trust;
	bool changed;
	int r;

	ok(ztj_trust_new(&co->w.pins, co->w.cache, &co->w.trust));
	ok(ztj_trust_policy(co->w.trust, &co->w.policy.s, co->w.now, &changed));
	r = offer_directory(co, v);
	ztj_trust_free(co->w.trust);
	co->w.trust = held;
	return r;
}

static int stepup(struct company *co, const struct variant *v)
{
	struct ztj_stmt *challenge = NULL, *answer = NULL;
	int r = ztj_stmt_open(&v->challenge->s, ZTJ_STMT_STEPUP, "example", &challenge);

	assert_int_equal(r, ZTJ_OK);
	r = ztj_stmt_open(&v->answer->s, ZTJ_STMT_STEPUP, "example", &answer);
	if (r == ZTJ_OK)
		r = ztj_decide_stepup(co->w.trust, challenge, answer, &co->w.host[FX_WEB1].machine.pub, true,
		    co->w.now);
	ztj_stmt_free(challenge);
	ztj_stmt_free(answer);
	return r;
}

/* ---- the run ---- */

static void sink(void *arg, struct company *co, const struct variant *v)
{
	struct run *run = arg;
	char line[8192] = "";
	int code = ZTJ_INTERNAL;
	bool good;

	switch (v->kind) {
	case V_LOGIN:
		code = login(co, v, line, sizeof(line));
		break;
	case V_POLICY:
	case V_STATUS:
		code = offer_signed(co, v);
		break;
	case V_DIRECTORY:
		code = offer_directory(co, v);
		break;
	case V_STEPUP:
		code = stepup(co, v);
		break;
	case V_FRESH:
		code = offer_fresh(co, v);
		break;
	}
	good = want_met(v->want, code) && line[0] != '!';
	if (good && v->kind == V_LOGIN && code == ZTJ_OK && !line_limits(v, line)) {
		printf("# %s: the line lets too much through: %s", v->name, line);
		good = false;
	}
	run->controls += v->want == ZTJ_OK;
	run->admitted += v->want != ZTJ_OK && code == ZTJ_OK;
	if (good)
		run->passed++;
	else
		run->failed++;
	if (good)
		printf("ok - %s %s\n", v->name, ztj_err_name(code));
	else
		printf("not ok - %s %s, not %s\n", v->name, ztj_err_name(code), want_name(v->want));
}

int main(void)
{
	static struct company co;
	static struct plan plan;
	struct run run = { 0 };
	struct gen g = { .co = &co, .sink = sink, .arg = &run, .plan = &plan };
	static void (*const families[])(struct gen *) = { gen_bytes, gen_text, gen_signers, gen_fields,
		gen_people, gen_history, gen_certs, gen_fresh, gen_policies, gen_directories, gen_status,
		gen_stepups };
	char when[16];

	company_open(&co, FX_NOW, NULL, 0);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		(void)snprintf(when, sizeof(when), "%zu", i);
		gen_control(&g, when);
		families[i](&g);
	}
	gen_control(&g, "after");
	printf("# %u variants: %u as expected, %u not; %u of them controls; %u got in that should not\n",
	    g.made, run.passed, run.failed, run.controls, run.admitted);
	company_close(&co);
	return run.failed == 0 && run.admitted == 0 && g.made >= 1000 ? 0 : 1;
}
