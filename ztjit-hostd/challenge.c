/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The challenge of a step-up: built from what the kernel and the grant say, signed by the machine key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/gatemsg.h"
#include "ztjit-hostd/stepup.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* sudo names its target later, so the challenge covers all that the grant can become. */
static int accounts(const struct ztj_conn *c, const char **list, size_t max, size_t *n)
{
	const struct ztj_role *role = c->answer.grant.role;

	*n = 0;
	if (strncmp(c->service, "su", 3) == 0 || strcmp(c->service, "su-l") == 0 || c->call == ZTJ_MSG_OPEN) {
		list[(*n)++] = c->user;
		return ZTJ_OK;
	}
	if (role == NULL || role->become.n == 0 || role->become.n > max)
		return ZTJ_INTERNAL;
	for (size_t i = 0; i < role->become.n; i++)
		list[(*n)++] = role->become.s[i];
	qsort(list, *n, sizeof(*list), by_text);
	return ZTJ_OK;
}

static void describe(const struct ztj_conn *c, const char **list, size_t n, struct ztj_stepup *u)
{
	char id[ZTJ_SHORT_ID_SIZE], who[128] = "";
	size_t at = 0;

	for (size_t i = 0; i < n && at < sizeof(who); i++)
		at += (size_t)snprintf(who + at, sizeof(who) - at, "%s%s", i > 0 ? ", " : "", list[i]);
	ztj_short_id(c->answer.request, id);
	(void)snprintf(u->what, sizeof(u->what), "%s on %s as %s%s, grant %s", c->service,
	    c->g->conf->fullname, who, at >= sizeof(who) ? "…" : "", id);
}

static int build(struct ztj_conn *c, const struct ztj_session *s, struct ztj_stepup *u)
{
	const char *list[64];
	struct ztj_stmt *st = calloc(1, sizeof(*st));
	uint8_t raw[32];
	char nonce[ZTJ_HEX_SIZE];
	int64_t now = ztj_gate_ends_clock(c->g);
	int r = st == NULL ? ZTJ_NOMEM : ztj_random(raw, sizeof(raw));

	if (r == ZTJ_OK)
		r = accounts(c, list, sizeof(list) / sizeof(list[0]), &st->u.stepup.naccounts);
	if (r == ZTJ_OK) {
		ztj_hex(raw, sizeof(raw), nonce);
		describe(c, list, st->u.stepup.naccounts, u);
		st->type = ZTJ_STMT_STEPUP;
		st->domain = c->g->pins.domain;
		st->issued = now;
		st->nonce = nonce;
		st->u.stepup.who = s->person;
		st->u.stepup.host = c->g->conf->fullname;
		st->u.stepup.service = c->service;
		st->u.stepup.tty = c->proc.tty;
		st->u.stepup.peer = s->peer[0] != '\0' ? s->peer : "-";
		st->u.stepup.accounts = list;
		memcpy(st->u.stepup.grant, c->answer.request, ZTJ_DIGEST_LEN);
		st->u.stepup.nonce = nonce;
		st->u.stepup.expires = now + ZTJ_STEPUP_SECONDS;
		r = ztj_stmt_build(st, nonce, &u->bytes);
	}
	free(st);
	return r;
}

static void transports(const struct ztj_rule *rule, struct ztj_stepup *u)
{
	static const struct {
		const char *name;
		enum ztj_transport via;
	} known[] = { { "agent", ZTJ_VIA_AGENT }, { "confirm", ZTJ_VIA_CONFIRM },
		{ "plain-agent", ZTJ_VIA_PLAIN_AGENT } };

	for (size_t i = 0; i < rule->step_up_order.n; i++)
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			if (strcmp(rule->step_up_order.s[i], known[k].name) == 0 &&
			    u->norder < ZTJ_TRANSPORTS_MAX)
				u->order[u->norder++] = known[k].via;
}

int ztj_stepup_new(struct ztj_conn *c, const struct ztj_session *s, struct ztj_stepup **out)
{
	struct ztj_stepup *u = calloc(1, sizeof(*u));
	int r;

	*out = NULL;
	if (u == NULL)
		return ZTJ_NOMEM;
	u->agent = -1;
	u->uv = c->answer.uv;
	ztj_buf_init(&u->bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&u->machine_sig, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&u->in, ZTJ_AGENT_REPLY_MAX);
	memcpy(u->grant, c->answer.request, ZTJ_DIGEST_LEN);
	u->expires_ms = ztj_ipc_now_ms() + (int64_t)ZTJ_STEPUP_SECONDS * 1000;
	transports(c->answer.grant.rule, u);
	c->stepup = u; /* freed with the connection whatever happens */
	r = build(c, s, u);
	if (r == ZTJ_OK)
		r = ztj_stmt_id(ztj_buf_view(&u->bytes), u->id);
	if (r == ZTJ_OK)
		r = ztj_sshsig_sign(&c->g->machine, ztj_stmt_namespace(ZTJ_STMT_STEPUP),
		    ztj_buf_view(&u->bytes), &u->machine_sig);
	if (r == ZTJ_OK)
		*out = u;
	return r;
}

void ztj_stepup_code(const uint8_t id[ZTJ_DIGEST_LEN], char out[ZTJ_CODE_SIZE])
{
	char text[ZTJ_CODE_SIZE];

	ztj_base32(id, 5, text, sizeof(text));
	(void)snprintf(out, ZTJ_CODE_SIZE, "%.4s-%.4s", text, text + 4);
}

int64_t ztj_stepup_left_ms(const struct ztj_stepup *u)
{
	int64_t left = u->expires_ms - ztj_ipc_now_ms();

	return left > 0 ? left : 0;
}

int ztj_stepup_check(struct ztj_conn *c, struct ztj_view sig)
{
	struct ztj_stepup *u = c->stepup;
	struct ztj_signed s = { .bytes = ztj_buf_view(&u->bytes), .nsigs = 1 };
	struct ztj_stmt *challenge = NULL, *answer = NULL;
	int r;

	s.sig[0] = ztj_buf_view(&u->machine_sig);
	r = ztj_stmt_open(&s, ZTJ_STMT_STEPUP, c->g->pins.domain, &challenge);
	if (r == ZTJ_OK) {
		s.sig[1] = sig;
		s.nsigs = 2;
		r = ztj_stmt_open(&s, ZTJ_STMT_STEPUP, c->g->pins.domain, &answer);
	}
	if (r == ZTJ_OK)
		r = ztj_decide_stepup(c->g->trust, challenge, answer, &c->g->machine.pub, u->uv,
		    ztj_gate_ends_clock(c->g));
	/* The log names what was touched. */
	if (r == ZTJ_OK && ztj_key_fingerprint(&answer->signer[1].key, c->info_key) != ZTJ_OK)
		r = ZTJ_INTERNAL;
	ztj_stmt_free(challenge);
	ztj_stmt_free(answer);
	return r;
}
