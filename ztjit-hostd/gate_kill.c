/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* kill statements: a person ends one session, their own or, as an auditor, anybody's. Once, and while it is young. */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/text.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"

#define KILL_SECONDS 600

/* Of the last ten minutes; a session is ended once anyway, so one that was pushed out does no harm. */
static bool seen(const struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN])
{
	for (size_t i = 0; i < ZTJ_KILLS; i++)
		if (memcmp(g->killed[i], id, ZTJ_DIGEST_LEN) == 0)
			return true;
	return false;
}

/* Neither a minute too old nor dated ahead, by the later of mark and clock. */
static int in_time(const struct ztj_stmt *st, int64_t now)
{
	if (st->issued > now + ZTJ_CLOCK_AHEAD)
		return ZTJ_FUTURE;
	return st->issued < now - KILL_SECONDS ? ZTJ_EXPIRED : ZTJ_OK;
}

static int may(struct ztj_gate *g, const struct ztj_stmt *st, const struct ztj_session *s, int64_t now)
{
	const struct ztj_policy *p = ztj_trust_held_policy(g->trust);
	const struct ztj_record *person;
	int r = ztj_trust_signed_by(g->trust, st, st->u.kill.who, false, now, &person);

	if (r != ZTJ_OK)
		return r;
	if (strcmp(s->person, st->u.kill.who) == 0)
		return ZTJ_OK;
	return p != NULL && ztj_policy_names(&p->auditors, st->u.kill.who, person) ? ZTJ_OK : ZTJ_FORBIDDEN;
}

/* Who, whom and why: before it takes effect. */
static int log_kill(struct ztj_gate *g, const struct ztj_stmt *st, const struct ztj_session *s, int code)
{
	char grant[ZTJ_HEX_SIZE], name[ZTJ_HEX_SIZE], text[ZTJ_REASON_MAX + 256],
	    key[ZTJ_FINGERPRINT_SIZE] = "";
	struct ztj_decision d = { .event = "kill",
		.code = code,
		.person = st->u.kill.who,
		.grant = grant,
		.service = s->service,
		.account = s->account,
		.peer = s->peer,
		.key = key,
		.tty = s->tty,
		.text = text,
		.spare = code != ZTJ_OK };

	ztj_hex(s->grant, ZTJ_DIGEST_LEN, grant);
	ztj_hex(s->name, ZTJ_DIGEST_LEN, name);
	if (ztj_key_fingerprint(&st->signer[0].key, key) != ZTJ_OK)
		key[0] = '\0';
	(void)snprintf(text, sizeof(text), "session %s of %s: %s", name, s->person, st->u.kill.reason);
	ztj_log(ZTJ_LOG_NOTICE, "kill by %s of session %llu of %s: %s", st->u.kill.who,
	    (unsigned long long)s->no, s->person, ztj_err_name(code));
	return ztj_gate_log(g, &d);
}

static int judge(struct ztj_gate *g, const struct ztj_stmt *st)
{
	struct ztj_session *s = ztj_sessions_by_name(g->sessions, st->u.kill.session);
	int64_t now = ztj_gate_ends_clock(g);
	int r, logged;

	if (strcmp(st->u.kill.host, g->conf->fullname) != 0)
		return ZTJ_WRONG_HOST;
	if ((r = in_time(st, now)) != ZTJ_OK)
		return r;
	if (seen(g, st->id))
		return ZTJ_REPLAY;
	if (s == NULL || s->shared)
		return ZTJ_NOT_FOUND;
	r = may(g, st, s, now);
	logged = log_kill(g, st, s, r);
	/* Reducing access does not wait for a disk. */
	if (logged != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "a kill could not be logged: %s", ztj_err_name(logged));
	if (r != ZTJ_OK)
		return r;
	memcpy(g->killed[g->kills++ % ZTJ_KILLS], st->id, ZTJ_DIGEST_LEN);
	if (!s->ending)
		ztj_session_end(g, s, ZTJ_KILLED);
	return ZTJ_OK;
}

int ztj_kill_take(struct ztj_gate *g, const struct ztj_signed *s)
{
	struct ztj_stmt *st;
	int r = ztj_stmt_open(s, ZTJ_STMT_KILL, g->pins.domain, &st);

	if (r == ZTJ_OK)
		r = judge(g, st);
	ztj_stmt_free(st);
	return r;
}
