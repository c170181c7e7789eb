/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Statements by the people and parts of the small world. */
#include <stdio.h>
#include <string.h>

#include "tests/core/fixture.h"

void fx_stmt(const struct fx_world *w, struct ztj_stmt *st, enum ztj_stmt_type type)
{
	memset(st, 0, sizeof(*st));
	st->type = type;
	st->domain = w->domain;
	st->issued = w->now;
	st->nonce = "";
	if (w->trust != NULL)
		ztj_trust_fill_seen(w->trust, &st->seen);
}

void fx_stmt_sign(const struct ztj_stmt *st, uint8_t flags, const struct soft_key *const *keys, size_t n,
    struct fx_signed *out)
{
	static unsigned counter;
	char nonce[ZTJ_HEX_SIZE];
	struct ztj_buf bytes;

	(void)snprintf(nonce, sizeof(nonce), "%064x", ++counter);
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ok(ztj_stmt_build(st, nonce, &bytes));
	fx_signed_init(out, ztj_buf_view(&bytes));
	for (size_t i = 0; i < n; i++)
		fx_signed_add(out, st->type, keys[i], flags);
	ztj_buf_free(&bytes);
}

void fx_request(const struct fx_world *w, int who, const char *role, int host, int64_t duration,
    struct fx_signed *out)
{
	const struct soft_key *k = &w->person[who].key;
	const char *list[1] = { w->host[host].full };
	struct ztj_stmt st;

	fx_stmt(w, &st, ZTJ_STMT_REQUEST);
	st.u.request.who = w->person[who].full;
	st.u.request.role = role;
	st.u.request.hosts = list;
	st.u.request.nhosts = 1;
	st.u.request.duration = duration;
	st.u.request.reason = "disk full on the web tier";
	st.u.request.ticket = "INC-4711";
	st.u.request.valid_until = w->now + 3600;
	fx_stmt_sign(&st, FX_UV, &k, 1, out);
}

void fx_approval(const struct fx_world *w, int who, const struct fx_signed *request, bool deny, int64_t limit,
    struct fx_signed *out)
{
	const struct soft_key *k = &w->person[who].key;
	struct ztj_stmt st;

	fx_stmt(w, &st, ZTJ_STMT_APPROVAL);
	st.u.approval.who = w->person[who].full;
	memcpy(st.u.approval.request, request->id, ZTJ_DIGEST_LEN);
	st.u.approval.deny = deny;
	st.u.approval.limit = limit;
	st.u.approval.comment = deny ? "not in the freeze" : "";
	fx_stmt_sign(&st, FX_UV, &k, 1, out);
}

void fx_revoke_request(const struct fx_world *w, int who, const struct soft_key *k,
    const struct fx_signed *request, struct fx_signed *out)
{
	struct ztj_stmt st;

	fx_stmt(w, &st, ZTJ_STMT_REVOCATION);
	st.u.revocation.who = who < 0 ? "" : w->person[who].full;
	st.u.revocation.reason = "no longer needed";
	st.u.revocation.what = ZTJ_REVOKES_REQUEST;
	memcpy(st.u.revocation.request, request->id, ZTJ_DIGEST_LEN);
	fx_stmt_sign(&st, FX_UP, &k, 1, out);
}

void fx_revoke_name(const struct fx_world *w, const struct soft_key *k, bool host, const char *full,
    int64_t serial, int64_t until, struct fx_signed *out)
{
	struct ztj_stmt st;

	fx_stmt(w, &st, ZTJ_STMT_REVOCATION);
	st.u.revocation.who = "";
	st.u.revocation.reason = "key lost";
	st.u.revocation.what = host ? ZTJ_REVOKES_HOST : ZTJ_REVOKES_USER;
	st.u.revocation.name = full;
	st.u.revocation.serial = serial;
	st.u.revocation.until = until;
	fx_stmt_sign(&st, FX_UP, &k, 1, out);
}

void fx_status(const struct fx_world *w, const struct soft_key *k, struct fx_signed *out)
{
	const struct ztj_policy *p = ztj_trust_held_policy(w->trust);
	struct ztj_stmt st;

	fx_stmt(w, &st, ZTJ_STMT_STATUS);
	st.u.status.policy_version = p->version;
	memcpy(st.u.status.policy, p->digest, ZTJ_DIGEST_LEN);
	for (size_t i = 0; i < ztj_trust_ndirs(w->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(w->trust, i);

		st.u.status.dir[i].name = ztj_dir_name(d);
		st.u.status.dir[i].serial = ztj_dir_serial(d);
		memcpy(st.u.status.dir[i].digest, ztj_dir_digest(d), ZTJ_DIGEST_LEN);
		st.u.status.ndirs++;
	}
	st.u.status.revocations = (int64_t)ztj_trust_nrevocations(w->trust);
	memcpy(st.u.status.head, ztj_trust_revocation_head(w->trust), ZTJ_DIGEST_LEN);
	st.u.status.checkpoint = w->checkpoint;
	fx_stmt_sign(&st, FX_UP, &k, 1, out);
}
