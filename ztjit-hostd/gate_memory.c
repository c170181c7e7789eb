/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the gate remembers for seconds: fixed tables; the oldest entry makes room. */
#include <string.h>

#include "ztjit-hostd/gate.h"

static int64_t boot_now(struct ztj_gate *g)
{
	struct ztj_now now;

	g->env.now(&now);
	return now.boot;
}

static bool same(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, ZTJ_DIGEST_LEN) == 0;
}

/* ---- offers ---- */

bool ztj_offer_add(struct ztj_gate *g, const struct ztj_offer *o)
{
	struct ztj_offer *at = &g->offer[0];

	for (size_t i = 0; i < ZTJ_OFFERS; i++) {
		struct ztj_offer *e = &g->offer[i];
		if (ztj_procid_eq(e->sshd, o->sshd) && strcmp(e->account, o->account) == 0 &&
		    same(e->cert, o->cert)) {
			e->boot = o->boot;
			return false;
		}
		if (e->boot < at->boot || e->sshd.pid == 0)
			at = e;
		if (at->sshd.pid == 0)
			break;
	}
	*at = *o;
	return true;
}

const struct ztj_offer *ztj_offer_find(struct ztj_gate *g, struct ztj_procid sshd, const char *account,
    const uint8_t *cert)
{
	int64_t now = boot_now(g);

	for (size_t i = 0; i < ZTJ_OFFERS; i++) {
		const struct ztj_offer *e = &g->offer[i];
		if (ztj_procid_eq(e->sshd, sshd) && strcmp(e->account, account) == 0 &&
		    (cert == NULL || same(e->cert, cert)) && now - e->boot <= ZTJ_OFFER_SECONDS)
			return e;
	}
	return NULL;
}

bool ztj_offer_open(struct ztj_gate *g, const char *account)
{
	int64_t now = boot_now(g);

	for (size_t i = 0; i < ZTJ_OFFERS; i++)
		if (g->offer[i].sshd.pid != 0 && strcmp(g->offer[i].account, account) == 0 &&
		    now - g->offer[i].boot <= ZTJ_OFFER_SECONDS)
			return true;
	return false;
}

void ztj_offer_drop(struct ztj_gate *g, struct ztj_procid sshd)
{
	for (size_t i = 0; i < ZTJ_OFFERS; i++)
		if (ztj_procid_eq(g->offer[i].sshd, sshd))
			g->offer[i] = (struct ztj_offer){ .boot = 0 };
}

/* ---- passes ---- */

struct ztj_pass *ztj_pass_add(struct ztj_gate *g, struct ztj_procid proc, const uint8_t grant[ZTJ_DIGEST_LEN],
    bool touched)
{
	struct ztj_pass *at = &g->pass[0];
	int64_t now = boot_now(g);

	for (size_t i = 0; i < ZTJ_PASSES; i++) {
		struct ztj_pass *e = &g->pass[i];
		if (ztj_procid_eq(e->proc, proc) && same(e->grant, grant)) {
			if (now - e->boot <= ZTJ_PASS_SECONDS) {
				e->touched |= touched;
				return e; /* its time runs from the first */
			}
			at = e;
			break;
		}
		if (at->proc.pid != 0 && (e->proc.pid == 0 || e->boot < at->boot))
			at = e;
	}
	*at = (struct ztj_pass){ .proc = proc, .boot = now, .touched = touched };
	memcpy(at->grant, grant, ZTJ_DIGEST_LEN);
	return at;
}

const struct ztj_pass *ztj_pass_find(struct ztj_gate *g, struct ztj_procid proc,
    const uint8_t grant[ZTJ_DIGEST_LEN])
{
	int64_t now = boot_now(g);

	for (size_t i = 0; i < ZTJ_PASSES; i++) {
		const struct ztj_pass *e = &g->pass[i];
		if (ztj_procid_eq(e->proc, proc) && same(e->grant, grant) &&
		    now - e->boot <= ZTJ_PASS_SECONDS)
			return e;
	}
	return NULL;
}

void ztj_pass_drop(struct ztj_gate *g, struct ztj_procid proc)
{
	for (size_t i = 0; i < ZTJ_PASSES; i++)
		if (ztj_procid_eq(g->pass[i].proc, proc))
			g->pass[i] = (struct ztj_pass){ .boot = 0 };
}

/* ---- touches ---- */

void ztj_touch_add(struct ztj_gate *g, uint64_t session, uint32_t tty_nr, const uint8_t grant[ZTJ_DIGEST_LEN])
{
	struct ztj_touch *at = &g->touch[0];

	for (size_t i = 0; i < ZTJ_TOUCHES; i++) {
		struct ztj_touch *e = &g->touch[i];
		if (e->session == session && e->tty_nr == tty_nr && same(e->grant, grant)) {
			at = e;
			break;
		}
		if (at->session != 0 && (e->session == 0 || e->boot < at->boot))
			at = e;
	}
	*at = (struct ztj_touch){ .session = session, .tty_nr = tty_nr, .boot = boot_now(g) };
	memcpy(at->grant, grant, ZTJ_DIGEST_LEN);
}

bool ztj_touch_fresh(struct ztj_gate *g, uint64_t session, uint32_t tty_nr,
    const uint8_t grant[ZTJ_DIGEST_LEN], int64_t every)
{
	int64_t now = boot_now(g);

	for (size_t i = 0; i < ZTJ_TOUCHES; i++) {
		const struct ztj_touch *e = &g->touch[i];
		if (e->session == session && session != 0 && e->tty_nr == tty_nr && same(e->grant, grant))
			return now - e->boot < every;
	}
	return false;
}

void ztj_touch_forget(struct ztj_gate *g, uint64_t session)
{
	for (size_t i = 0; i < ZTJ_TOUCHES; i++)
		if (g->touch[i].session == session)
			g->touch[i] = (struct ztj_touch){ .session = 0 };
}
