/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/hostile/lies.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/codec.h"
#include "ztjit-hostd/store.h"

static void *more(void *list, size_t n, size_t size)
{
	void *p = n % 64 == 0 ? reallocarray(list, n + 64, size) : list;

	assert_non_null(p);
	return p;
}

static char *text_of(const struct ztj_buf *b)
{
	char *s = strndup((const char *)b->p, b->n);

	assert_non_null(s);
	return s;
}

/* By hand: the product's writer refuses what has no signature. */
static char *container(const struct fx_signed *f)
{
	json_t *o = json_object(), *sigs = json_array();
	struct ztj_buf b;
	char *text;

	ztj_buf_init(&b, 4 * ZTJ_POLICY_MAX);
	ok(ztj_b64_encode(f->s.bytes, &b));
	json_object_set_new(o, "statement", json_stringn((const char *)b.p, b.n));
	for (size_t i = 0; i < f->s.nsigs; i++) {
		ztj_buf_reset(&b);
		ok(ztj_sshsig_armor(f->s.sig[i], &b));
		json_array_append_new(sigs, json_stringn((const char *)b.p, b.n));
	}
	json_object_set_new(o, "signatures", sigs);
	text = json_dumps(o, JSON_COMPACT);
	assert_non_null(text);
	json_decref(o);
	ztj_buf_free(&b);
	return text;
}

/* ---- what the host's log will say of a statement on the stream ---- */

static bool accepted(const struct lies *l, const uint8_t id[ZTJ_DIGEST_LEN])
{
	for (size_t i = 0; i < l->naccepted; i++)
		if (memcmp(l->accepted[i], id, ZTJ_DIGEST_LEN) == 0)
			return true;
	return false;
}

/* How many requests this person has on the host, with this one. */
static size_t count_request(struct lies *l, const char *who)
{
	size_t i = 0;

	while (i < l->nplaces && strcmp(l->place[i].who, who) != 0)
		i++;
	if (i == l->nplaces) {
		l->place = more(l->place, l->nplaces, sizeof(*l->place));
		l->place[l->nplaces++] = (struct lie_places){ .n = 0 };
		(void)snprintf(l->place[i].who, sizeof(l->place[i].who), "%s", who);
	}
	return ++l->place[i].n;
}

static int of_request(struct lies *l, const struct ztj_stmt *st)
{
	int r = company_request(l->co.w.trust, st);

	if (r != ZTJ_OK)
		return r;
	if (count_request(l, st->u.request.who) > ZTJ_STORE_PERSON_MAX)
		return ZTJ_LIMIT;
	l->accepted = more(l->accepted, l->naccepted, sizeof(*l->accepted));
	memcpy(l->accepted[l->naccepted++], st->id, ZTJ_DIGEST_LEN);
	assert_true(l->naccepted <= ZTJ_STORE_GRANTS_MAX);
	return ZTJ_OK;
}

static int outcome(struct lies *l, const struct fx_signed *f)
{
	enum ztj_stmt_type type;
	struct ztj_stmt *st;
	bool changed;
	int r = ztj_signed_peek(&f->s, &type);

	if (r != ZTJ_OK)
		return r;
	if (type == ZTJ_STMT_REVOCATION) {
		r = ztj_trust_revocation(l->co.w.trust, &f->s, l->co.w.now, &changed);
		return r;
	}
	if (type == ZTJ_STMT_POLICY)
		return ztj_trust_policy(l->co.w.trust, &f->s, l->co.w.now, &changed);
	if (type == ZTJ_STMT_STATUS)
		return ztj_trust_status(l->co.w.trust, &f->s, l->co.w.now);
	if (type == ZTJ_STMT_STEPUP)
		return ZTJ_OK; /* an answer that nobody waits for is no news */
	if (type != ZTJ_STMT_REQUEST && type != ZTJ_STMT_APPROVAL)
		return ZTJ_STMT_TYPE;
	r = ztj_stmt_open(&f->s, type, "example", &st);
	if (r == ZTJ_OK && type == ZTJ_STMT_REQUEST)
		r = of_request(l, st);
	else if (r == ZTJ_OK && !accepted(l, st->u.approval.request))
		r = ZTJ_WRONG_REQUEST;
	ztj_stmt_free(st);
	return r;
}

/* Requests go first: an approval needs its request. */
static void push(struct lies *l, const struct variant *v)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < v->npush; i++) {
			enum ztj_stmt_type type;
			bool request = ztj_signed_peek(&v->push[i]->s, &type) == ZTJ_OK &&
			    type == ZTJ_STMT_REQUEST;
			struct lie_push *p;
			if (request != (pass == 0))
				continue;
			l->push = more(l->push, l->npush, sizeof(*l->push));
			p = &l->push[l->npush++];
			p->json = container(v->push[i]);
			p->want = outcome(l, v->push[i]);
			if (request && !want_met(v->push_want[i], p->want))
				fail_msg("%s: statement %zu: %s, not %s", v->name, i, ztj_err_name(p->want),
				    want_name(v->push_want[i]));
			if (v->push[i]->s.bytes.n == 0 || v->push[i]->s.nsigs == 0 ||
			    v->push[i]->s.sig[0].n == 0)
				p->want = WANT_ANY;
		}
}

static void keep_stepup(struct lie *lie, const struct variant *v)
{
	ztj_buf_init(&lie->challenge, ZTJ_STMT_MAX);
	ok(ztj_buf_put(&lie->challenge, v->answer->s.bytes.p, v->answer->s.bytes.n));
	ztj_buf_init(&lie->person, ZTJ_SSHSIG_MAX);
	if (v->answer->s.nsigs > 1)
		ok(ztj_buf_put(&lie->person, v->answer->s.sig[1].p, v->answer->s.sig[1].n));
}

static void keep_login(struct lies *l, struct lie *lie, const struct variant *v)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 2 * 1024 * 1024);
	ok(ztj_b64_encode(v->cert, &b));
	lie->cert = text_of(&b);
	ztj_buf_free(&b);
	memcpy(lie->request, v->request, sizeof(lie->request));
	(void)snprintf(lie->account, sizeof(lie->account), "%s", v->account);
	(void)snprintf(lie->peer, sizeof(lie->peer), "%s", v->peer);
	lie->first = l->npush;
	push(l, v);
	lie->npush = l->npush - lie->first;
}

static void keep(void *arg, struct company *co, const struct variant *v)
{
	struct lies *l = arg;
	struct lie *lie;

	(void)co;
	l->lie = more(l->lie, l->n, sizeof(*l->lie));
	lie = &l->lie[l->n++];
	memset(lie, 0, sizeof(*lie));
	(void)snprintf(lie->name, sizeof(lie->name), "%s", v->name);
	lie->kind = (int)v->kind;
	lie->want = v->want;
	lie->control = v->control;
	if (v->kind == V_LOGIN)
		keep_login(l, lie, v);
	else if (v->kind == V_STEPUP)
		keep_stepup(lie, v);
	else {
		lie->json = strndup((const char *)v->json.p, v->json.n);
		assert_non_null(lie->json);
	}
}

bool lie_by_mirror(const struct lies *l, const struct lie *v)
{
	size_t i = (size_t)(v - l->lie);

	return (v->kind == V_POLICY || v->kind == V_DIRECTORY) && i % 5 == 0 &&
	    strstr(v->name, "/zoo/") == NULL;
}

static size_t read_keys(const char *const *files, size_t n, struct ztj_key *out)
{
	for (size_t i = 0; i < n; i++) {
		struct ztj_buf b;
		ztj_buf_init(&b, 4096);
		read_file(files[i], &b);
		ok(ztj_key_from_line(&out[i], ztj_buf_view(&b)));
		ztj_buf_free(&b);
	}
	return n;
}

void lies_company(struct lies *l, int64_t now, const char *const *keys, size_t nkeys)
{
	static struct ztj_key login[2];

	memset(l, 0, sizeof(*l));
	assert_true(nkeys <= 2);
	company_open(&l->co, now, login, read_keys(keys, nkeys, login));
}

void lies_make(struct lies *l, int64_t now, const char *const *keys, size_t nkeys)
{
	static struct plan plan;
	struct gen g = { .co = &l->co, .sink = keep, .arg = l, .plan = &plan };
	static void (*const families[])(struct gen *) = { gen_bytes, gen_text, gen_signers, gen_fields,
		gen_people, gen_history, gen_certs, gen_fresh, gen_policies, gen_directories, gen_status,
		gen_stepups };

	lies_company(l, now, keys, nkeys);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		char when[16];
		(void)snprintf(when, sizeof(when), "%zu", i);
		gen_control(&g, when);
		families[i](&g);
	}
	gen_places(&g);
	gen_control(&g, "after");
	gen_ssh(&g);
	gen_stale(&g);
	l->nrevocations = ztj_trust_nrevocations(l->co.w.trust);
}
