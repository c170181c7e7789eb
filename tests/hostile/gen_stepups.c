/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* P14: answers to a challenge that are none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hostile/plan.h"

/* A challenge for sudo by req1 under this grant, as the gate of web1 makes it. */
static void challenge_fields(const struct company *co, struct ztj_stmt *st,
    const uint8_t grant[ZTJ_DIGEST_LEN])
{
	static const char *accounts[] = { "root" };

	fx_stmt(&co->w, st, ZTJ_STMT_STEPUP);
	memset(&st->seen, 0, sizeof(st->seen));
	st->u.stepup.who = "people/req1";
	st->u.stepup.host = CO_WEB1;
	st->u.stepup.service = "sudo";
	st->u.stepup.tty = "pts/3";
	st->u.stepup.peer = "10.77.0.13";
	st->u.stepup.accounts = accounts;
	st->u.stepup.naccounts = 1;
	memcpy(st->u.stepup.grant, grant, ZTJ_DIGEST_LEN);
	st->u.stepup.expires = st->issued + 60;
}

static void stepup(struct gen *g, const struct ztj_stmt *asked, const struct ztj_stmt *shown,
    const struct soft_key *machine, const struct soft_key *person, uint8_t flags, int want, const char *name)
{
	static const char nonce[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	struct variant v = { .kind = V_STEPUP, .want = want };
	struct fx_signed challenge, answer;
	struct ztj_buf bytes;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ok(ztj_stmt_build(asked, nonce, &bytes));
	fx_signed_init(&challenge, ztj_buf_view(&bytes));
	fx_signed_add(&challenge, ZTJ_STMT_STEPUP, &g->co->w.host[FX_WEB1].machine, 0);
	ztj_buf_reset(&bytes);
	ok(ztj_stmt_build(shown, shown->u.stepup.nonce != NULL ? shown->u.stepup.nonce : nonce, &bytes));
	fx_signed_init(&answer, ztj_buf_view(&bytes));
	fx_signed_add(&answer, ZTJ_STMT_STEPUP, machine, 0);
	if (person != NULL)
		fx_signed_add(&answer, ZTJ_STMT_STEPUP, person, flags);
	(void)snprintf(v.name, sizeof(v.name), "P14/%s", name);
	v.challenge = &challenge;
	v.answer = &answer;
	v.control = want == ZTJ_OK;
	g->made++;
	g->sink(g->arg, g->co, &v);
	fx_signed_free(&challenge);
	fx_signed_free(&answer);
	ztj_buf_free(&bytes);
}

void gen_stepups(struct gen *g)
{
	const struct company *co = g->co;
	const struct soft_key *machine = &co->w.host[FX_WEB1].machine, *own = &co->w.person[FX_REQ1].key;
	static const char *const retargeted[] = { "tty", "service", "account", "more-accounts", "host",
		"grant", "peer", "person", "nonce", "domain-case", "later", "longer" };
	static const char *two[] = { "postgres", "root" };
	static const char *other[] = { "postgres" };
	const struct {
		const char *name;
		const struct soft_key *machine, *person;
		uint8_t flags;
		int want;
	} keys[] = { { "control", machine, own, FX_UV, ZTJ_OK },
		{ "invented-by-the-online-key", &co->w.online, own, FX_UV, ZTJ_STEPUP_WRONG },
		{ "invented-by-the-ca", &co->w.ca, own, FX_UV, ZTJ_STEPUP_WRONG },
		{ "invented-by-another-host", &co->w.host[FX_WEB2].machine, own, FX_UV, ZTJ_STEPUP_WRONG },
		{ "invented-by-its-tls-key", &co->w.host[FX_WEB1].tls, own, FX_UV, ZTJ_STEPUP_WRONG },
		{ "answered-by-nobody", machine, NULL, 0, ZTJ_STEPUP_WRONG },
		{ "answered-by-req2", machine, &co->w.person[FX_REQ2].key, FX_UV, ZTJ_SIGNER },
		{ "answered-by-lead1", machine, &co->w.person[FX_LEAD1].key, FX_UV, ZTJ_SIGNER },
		{ "answered-by-alias", machine, &co->extra[CO_ALIAS].key, FX_UV, ZTJ_SIGNER },
		{ "answered-by-stranger", machine, &co->w.stranger, FX_UV, ZTJ_SIGNER },
		{ "answered-by-root", machine, &co->w.root[0], FX_UV, ZTJ_SIGNER },
		{ "answered-by-online", machine, &co->w.online, FX_UV, ZTJ_KEY_TYPE },
		{ "answered-by-machine", machine, machine, FX_UV, ZTJ_THRESHOLD },
		{ "not-touched", machine, own, 0x04, ZTJ_NO_TOUCH },
		{ "not-verified", machine, own, FX_UP, ZTJ_NO_UV } };
	uint8_t grant[ZTJ_DIGEST_LEN] = { 1, 2, 3 };
	struct ztj_stmt *asked = calloc(1, sizeof(*asked)), *shown = calloc(1, sizeof(*shown));

	assert_non_null(asked);
	assert_non_null(shown);
	challenge_fields(co, asked, grant);
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		stepup(g, asked, asked, keys[k].machine, keys[k].person, keys[k].flags, keys[k].want,
		    keys[k].name);
	for (size_t k = 0; k < sizeof(retargeted) / sizeof(retargeted[0]); k++) {
		char name[80];
		*shown = *asked;
		switch (k) {
		case 0:
			shown->u.stepup.tty = "pts/4";
			break;
		case 1:
			shown->u.stepup.service = "su";
			break;
		case 2:
			shown->u.stepup.accounts = other;
			break;
		case 3:
			shown->u.stepup.accounts = two;
			shown->u.stepup.naccounts = 2;
			break;
		case 4:
			shown->u.stepup.host = "servers/web2";
			break;
		case 5:
			shown->u.stepup.grant[0] ^= 1;
			break;
		case 6:
			shown->u.stepup.peer = "10.77.0.99";
			break;
		case 7:
			shown->u.stepup.who = "people/req2";
			break;
		case 8:
			shown->u.stepup
			    .nonce = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";
			break;
		case 9:
			shown->u.stepup.host = "servers/web1.example";
			break;
		case 10:
			shown->issued += 10;
			shown->u.stepup.expires += 10;
			break;
		default:
			shown->u.stepup.expires -= 1;
			break;
		}
		(void)snprintf(name, sizeof(name), "retargeted-%s", retargeted[k]);
		stepup(g, asked, shown, machine, own, FX_UV, ZTJ_STEPUP_WRONG, name);
	}
	*shown = *asked;
	shown->issued -= 120;
	shown->u.stepup.expires -= 120;
	stepup(g, shown, shown, machine, own, FX_UV, ZTJ_STEPUP_TIMEOUT, "after-its-sixty-seconds");
	*shown = *asked;
	shown->issued += 3600;
	shown->u.stepup.expires += 3600;
	stepup(g, shown, shown, machine, own, FX_UV, ZTJ_FUTURE, "dated-ahead");
	free(asked);
	free(shown);
}
