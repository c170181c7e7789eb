/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* S01, S06, S07, S09: signatures by the wrong key, for another purpose, without the touch, or for another domain. */
#include <stdio.h>
#include <string.h>

#include "tests/hostile/plan.h"

static const char *const part_name[3] = { "request", "approval-lead1", "approval-sec1" };

/* What an approval that does not count leads to. */
static int uncounted(int i, int code)
{
	return i == 0 ? code : ZTJ_PENDING;
}

static void other_keys(struct gen *g)
{
	struct company *co = g->co;
	struct fx_world *w = &co->w;
	/* unkept: of somebody else's key, or of nobody's, the host keeps no request */
	const struct {
		const char *name;
		const struct soft_key *key;
		int unkept;
	} keys[] = { { "req1", &w->person[FX_REQ1].key, ZTJ_OK },
		{ "req2", &w->person[FX_REQ2].key, ZTJ_SIGNER },
		{ "lead1", &w->person[FX_LEAD1].key, ZTJ_SIGNER },
		{ "lead2", &w->person[FX_LEAD2].key, ZTJ_SIGNER },
		{ "sec1", &w->person[FX_SEC1].key, ZTJ_SIGNER },
		{ "both1", &w->person[FX_BOTH1].key, ZTJ_SIGNER },
		{ "out1", &w->person[FX_OUT1].key, ZTJ_SIGNER },
		{ "alias", &co->extra[CO_ALIAS].key, ZTJ_SIGNER },
		{ "twin", &co->extra[CO_TWIN].key, ZTJ_SIGNER },
		{ "removed", &co->extra[CO_GONE].key, ZTJ_USER_UNKNOWN },
		{ "shared", &co->shared, ZTJ_SIGNER }, { "stranger", &w->stranger, ZTJ_USER_UNKNOWN },
		{ "root", &w->root[0], ZTJ_USER_UNKNOWN },
		{ "registrar", &w->registrar[0], ZTJ_USER_UNKNOWN }, { "hsm-root", &w->root[2], ZTJ_OK },
		{ "online", &w->online, ZTJ_OK }, { "ca", &w->ca, ZTJ_OK }, { "tls", &w->tls, ZTJ_OK },
		{ "log", &w->log, ZTJ_OK }, { "machine", &w->host[FX_WEB1].machine, ZTJ_OK },
		{ "host-tls", &w->host[FX_WEB1].tls, ZTJ_OK } };

	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			struct plan *p = plan_honest(g);
			if (keys[k].key == p->part[i].key[0])
				continue;
			p->part[i].key[0] = keys[k].key;
			p->part[i].unkept = i == 0 ? keys[k].unkept : ZTJ_OK;
			if (ztj_key_is_sk(&keys[k].key->pub))
				p->want = uncounted(i, ZTJ_SIGNER);
			else
				p->part[i].want = ZTJ_KEY_TYPE;
			emit(g, "S07/%s/signed-by-%s", part_name[i], keys[k].name);
		}
}

static void namespaces(struct gen *g)
{
	static const char *const others[] = { "policy@ztjit", "directory@ztjit", "login@ztjit",
		"request@ztjit", "approval@ztjit", "revocation@ztjit", "stepup@ztjit", "status@ztjit",
		"pending@ztjit", "ssh", "file", "git", "ztjit", "approval@ztjit ", "Approval@ztjit",
		"@ztjit" };

	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
			struct plan *p = plan_honest(g);
			if (strcmp(others[k], ztj_stmt_namespace(p->part[i].type)) == 0)
				continue;
			p->part[i].ns = others[k];
			/* one of ours is opened as what it says it is, and is not */
			p->part[i].want = k < 9 ? ZTJ_STMT_TYPE : ZTJ_SIG_NAMESPACE;
			emit(g, "S06/%s/namespace-%s", part_name[i], others[k]);
		}
}

/* A statement of another kind, truly signed by the approver, in the place of the approval. */
static void other_types(struct gen *g)
{
	static const enum ztj_stmt_type types[] = { ZTJ_STMT_LOGIN, ZTJ_STMT_STEPUP, ZTJ_STMT_STATUS,
		ZTJ_STMT_DIRECTORY };

	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
			struct plan *p = plan_honest(g);
			char put[64];
			(void)snprintf(put, sizeof(put), "\"type\":\"%s\"", ztj_stmt_type_name(types[k]));
			p->part[i].find = i == 0 ? "\"type\":\"request\"" : "\"type\":\"approval\"";
			p->part[i].put = put;
			p->part[i].ns = ztj_stmt_namespace(types[k]);
			p->part[i].want = ZTJ_STMT_TYPE;
			emit(g, "S06/%s/typed-%s", part_name[i], ztj_stmt_type_name(types[k]));
		}
}

static void flags(struct gen *g)
{
	static const struct {
		const char *name;
		uint8_t flags;
		bool absent;
	} sets[] = { { "none", 0, true }, { "verified-not-present", 0x04, true },
		{ "backup-bits", 0x18, true }, { "present-only", 0x01, false },
		{ "present-and-reserved", 0x03, false }, { "present-extension-bits", 0xC1, false } };

	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
			struct plan *p = plan_honest(g);
			p->part[i].flags = sets[k].flags;
			if (sets[k].absent)
				p->part[i].want = ZTJ_NO_TOUCH;
			else
				p->want = uncounted(i, ZTJ_NO_UV);
			emit(g, "S01/%s/flags-%s", part_name[i], sets[k].name);
		}
}

/* Two signatures where one person speaks; the same signature twice. */
static void several(struct gen *g)
{
	for (int i = 0; i < 3; i++) {
		struct plan *p = plan_honest(g);
		p->part[i].key[1] = &g->co->w.person[FX_LEAD2].key;
		p->part[i].nkeys = 2;
		p->part[i].want = ZTJ_SIGNER;
		emit(g, "S07/%s/two-signers", part_name[i]);
		p = plan_honest(g);
		p->part[i].key[1] = p->part[i].key[0];
		p->part[i].nkeys = 2;
		p->part[i].want = ZTJ_THRESHOLD;
		emit(g, "S07/%s/one-signer-twice", part_name[i]);
		p = plan_honest(g);
		p->part[i].nkeys = 0;
		p->part[i].want = WANT_UNSIGNED;
		emit(g, "S07/%s/no-signature", part_name[i]);
	}
}

/* S10 in small: keys that were theirs once, or will be. */
static void key_times(struct gen *g)
{
	struct plan *p = plan_honest(g);

	p->part[1].key[0] = &g->co->lead1_old;
	p->want = ZTJ_PENDING;
	emit(g, "S07/approval-lead1/retired-key");
	p = plan_honest(g);
	p->part[1].key[0] = &g->co->lead1_old;
	p->part[1].st.issued = g->co->w.now - 40 * 86400;
	p->want = ZTJ_PENDING;
	emit(g, "S07/approval-lead1/retired-key-dated-back");
	p = plan_honest(g);
	p->part[2].key[0] = &g->co->sec1_next;
	p->want = ZTJ_PENDING;
	emit(g, "S07/approval-sec1/key-of-tomorrow");
	p = plan_honest(g);
	p->part[2].key[0] = &g->co->sec1_next;
	p->part[2].st.issued = g->co->w.now + 2 * 86400;
	p->want = ZTJ_PENDING;
	emit(g, "S07/approval-sec1/key-of-tomorrow-dated-ahead");
}

/* Fields rewritten after the signature: what a database editor does. */
static void rewritten(struct gen *g)
{
	static const struct {
		int part;
		const char *name, *find, *put;
	} edits[] = { { 0, "role", "root-shell", "sudo-root" },
		{ 0, "duration", "\"duration\":1800", "\"duration\":3600" },
		{ 0, "host", "servers/web1", "servers/web2" }, { 0, "who", "people/req1", "people/req2" },
		{ 0, "reason", "disk full", "disk fool" }, { 0, "ticket", "INC-4711", "INC-4712" },
		{ 0, "domain", "\"example\"", "\"another\"" },
		{ 0, "white-space", "{\"v\":1,", "{ \"v\":1," },
		{ 0, "order", "{\"v\":1,\"type\":\"request\",", "{\"type\":\"request\",\"v\":1," },
		{ 1, "who", "people/lead1", "people/lead2" },
		{ 1, "decision", "\"decision\":\"approve\"", "\"decision\":\"approve\",\"limit\":9" },
		{ 1, "domain", "\"example\"", "\"another\"" },
		{ 1, "white-space", "{\"v\":1,", "{ \"v\":1," }, { 2, "who", "people/sec1", "people/both1" },
		{ 2, "policy-seen", "\"policy\":2", "\"policy\":1" },
		{ 2, "serial-seen", "\"people\":2", "\"people\":1" } };

	for (size_t k = 0; k < sizeof(edits) / sizeof(edits[0]); k++) {
		struct plan *p = plan_honest(g);
		p->part[edits[k].part].late_find = edits[k].find;
		p->part[edits[k].part].late_put = edits[k].put;
		p->part[edits[k].part].want = ZTJ_BAD_SIGNATURE;
		emit(g, "G04/%s/rewritten-%s", part_name[edits[k].part], edits[k].name);
	}
}

void gen_signers(struct gen *g)
{
	other_keys(g);
	namespaces(g);
	other_types(g);
	flags(g);
	several(g);
	key_times(g);
	rewritten(g);
}
