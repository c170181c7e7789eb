/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* P14: what a relay can make of a host's challenge: answers by others, for other purposes, other challenges, old answers. */
#include "tests/hostile/liar.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED "a relayed step-up was refused: "
#define NOBODY "a step-up that nobody waits for"

static const struct lie_stepup rounds[3][32] = {
	{
	    { "not-answered", REFUSED "step-up-mismatch" },
	    { "by-req1", REFUSED "wrong-signer" },
	    { "by-lead1", REFUSED "wrong-signer" },
	    { "by-sec1", REFUSED "wrong-signer" },
	    { "by-alias", REFUSED "wrong-signer" },
	    { "by-stranger", REFUSED "wrong-signer" },
	    { "by-root", REFUSED "wrong-signer" },
	    { "by-online", REFUSED "key-type" },
	    { "by-ca", REFUSED "key-type" },
	    { "not-touched", REFUSED "user-not-present" },
	    { "not-verified", REFUSED "user-not-verified" },
	    { "signed-as-approval", REFUSED "signature-namespace" },
	    { "signed-as-login", REFUSED "signature-namespace" },
	    { "signed-as-ssh", REFUSED "signature-namespace" },
	    { "other-tty", NOBODY },
	    { "other-service", NOBODY },
	    { "other-account", NOBODY },
	    { "other-host", NOBODY },
	    { "other-person", NOBODY },
	    { "other-grant", NOBODY },
	    { "other-nonce", NOBODY },
	    { "shorter", NOBODY },
	},
	{
	    { "replayed-answer", NOBODY },
	    { "answer-to-the-last-challenge", REFUSED "bad-signature" },
	    { "not-answered-again", REFUSED "step-up-mismatch" },
	},
	{ { NULL, NULL } },
};

const struct lie_stepup *liar_stepup_lies(unsigned round)
{
	return rounds[round < 3 ? round : 2];
}

/* ---- answers ---- */

struct answer {
	struct fx_signed s;
};

static void begin(struct answer *a, struct ztj_view bytes, struct ztj_view machine)
{
	fx_signed_init(&a->s, bytes);
	ok(ztj_buf_put(&a->s.sig[0], machine.p, machine.n));
	a->s.s.sig[0] = ztj_buf_view(&a->s.sig[0]);
	a->s.s.nsigs = 1;
}

static void sign_as(struct answer *a, const char *ns, const struct soft_key *k, uint8_t flags)
{
	soft_key_sshsig(k, ns, a->s.s.bytes, flags, &a->s.sig[1]);
	a->s.s.sig[1] = ztj_buf_view(&a->s.sig[1]);
	a->s.s.nsigs = 2;
}

static char *send_off(struct liar *l, struct answer *a)
{
	struct ztj_buf json;
	char *text;

	company_json(&a->s, &json);
	assert_non_null(text = strdup(ztj_buf_str(&json)));
	liar_say_container(l, "stepup", text);
	ztj_buf_free(&json);
	fx_signed_free(&a->s);
	return text;
}

/* By somebody else or for something else: the bytes are the host's. */
static void by_others(struct liar *l, const struct ztj_signed *c, size_t i)
{
	const struct company *co = &l->lies.co;
	const struct soft_key *req2 = &co->w.person[FX_REQ2].key;
	const struct {
		const struct soft_key *key;
		const char *ns;
		uint8_t flags;
	} how[] = { { NULL, NULL, 0 }, { &co->w.person[FX_REQ1].key, "stepup@ztjit", FX_UV },
		{ &co->w.person[FX_LEAD1].key, "stepup@ztjit", FX_UV },
		{ &co->w.person[FX_SEC1].key, "stepup@ztjit", FX_UV },
		{ &co->extra[CO_ALIAS].key, "stepup@ztjit", FX_UV },
		{ &co->w.stranger, "stepup@ztjit", FX_UV }, { &co->w.root[0], "stepup@ztjit", FX_UV },
		{ &co->w.online, "stepup@ztjit", FX_UV }, { &co->w.ca, "stepup@ztjit", FX_UV },
		{ req2, "stepup@ztjit", 0 }, { req2, "stepup@ztjit", FX_UP },
		{ req2, "approval@ztjit", FX_UV }, { req2, "login@ztjit", FX_UV }, { req2, "ssh", FX_UV } };
	struct answer a;

	begin(&a, c->bytes, c->sig[0]);
	if (how[i].key != NULL)
		sign_as(&a, how[i].ns, how[i].key, how[i].flags);
	free(send_off(l, &a));
}

/* Another question, truly answered; the machine's signature is the broker's best imitation. */
static void retargeted(struct liar *l, const struct ztj_stmt *asked, size_t i)
{
	static const char *postgres[] = { "postgres" };
	static const char nonce[] = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";
	struct ztj_stmt *st = malloc(sizeof(*st));
	struct ztj_buf bytes, machine;
	struct answer a;

	assert_non_null(st);
	*st = *asked;
	switch (i) {
	case 0:
		st->u.stepup.tty = "pts/77";
		break;
	case 1:
		st->u.stepup.service = "su";
		break;
	case 2:
		st->u.stepup.accounts = postgres;
		st->u.stepup.naccounts = 1;
		break;
	case 3:
		st->u.stepup.host = "servers/web2";
		break;
	case 4:
		st->u.stepup.who = "people/req1";
		break;
	case 5:
		st->u.stepup.grant[0] ^= 1;
		break;
	case 6:
		st->u.stepup.nonce = nonce;
		break;
	default:
		st->u.stepup.expires -= 1;
		break;
	}
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&machine, ZTJ_SSHSIG_MAX);
	ok(ztj_stmt_build(st, st->u.stepup.nonce, &bytes));
	soft_key_sshsig(&l->lies.co.w.online, "stepup@ztjit", ztj_buf_view(&bytes), 0, &machine);
	begin(&a, ztj_buf_view(&bytes), ztj_buf_view(&machine));
	sign_as(&a, "stepup@ztjit", &l->lies.co.w.person[FX_REQ2].key, FX_UV);
	free(send_off(l, &a));
	ztj_buf_free(&bytes);
	ztj_buf_free(&machine);
	free(st);
}

static void truth(struct liar *l, const struct ztj_signed *c)
{
	struct answer a;

	begin(&a, c->bytes, c->sig[0]);
	sign_as(&a, "stepup@ztjit", &l->lies.co.w.person[FX_REQ2].key, FX_UV);
	free(l->answer);
	l->answer = send_off(l, &a);
}

/* The signature of the last answer under this challenge. */
static void old_signature(struct liar *l, const struct ztj_signed *c)
{
	struct ztj_signed old;
	struct ztj_buf mem;
	struct answer a;

	ztj_buf_init(&mem, ZTJ_POLICY_MAX);
	ok(ztj_signed_from_json(ztj_view_str(l->answer), &mem, &old));
	begin(&a, c->bytes, c->sig[0]);
	ok(ztj_buf_put(&a.s.sig[1], old.sig[1].p, old.sig[1].n));
	a.s.s.sig[1] = ztj_buf_view(&a.s.sig[1]);
	a.s.s.nsigs = 2;
	free(send_off(l, &a));
	ztj_buf_free(&mem);
}

static void reply(struct evhttp_request *req, int code)
{
	struct evbuffer *b = evbuffer_new();

	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "application/json");
	evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
	(void)evbuffer_add_printf(b, "{\"id\":\"0\"}");
	evhttp_send_reply(req, code, NULL, b);
	evbuffer_free(b);
}

void liar_stepup(struct liar *l, struct ztj_view challenge, struct evhttp_request *req)
{
	struct ztj_signed c;
	struct ztj_stmt *asked;
	struct ztj_buf mem;

	ztj_buf_init(&mem, ZTJ_POLICY_MAX);
	if (l->challenges >= 2 || ztj_signed_from_json(challenge, &mem, &c) != ZTJ_OK ||
	    ztj_stmt_open(&c, ZTJ_STMT_STEPUP, "example", &asked) != ZTJ_OK) {
		l->challenges++;
		reply(req, 503);
		ztj_buf_free(&mem);
		return;
	}
	reply(req, 201);
	if (l->challenges == 0) {
		for (size_t i = 0; i < 14; i++)
			by_others(l, &c, i);
		for (size_t i = 0; i < 8; i++)
			retargeted(l, asked, i);
	} else {
		liar_say_container(l, "stepup", l->answer);
		old_signature(l, &c);
		by_others(l, &c, 0);
	}
	truth(l, &c);
	l->challenges++;
	ztj_stmt_free(asked);
	ztj_buf_free(&mem);
}
