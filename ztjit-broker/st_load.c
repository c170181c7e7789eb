/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the store knows, read anew from the database: at the start, and after a batch that could not be kept. */
#include "ztjit-broker/audit.h"

int policy_restore(struct db *db, struct ztj_trust *t)
{
	struct ztj_buf container;
	struct ztj_signed s;
	struct ztj_rd rd;
	bool changed;
	ztj_buf_init(&container, PROTO_CONTAINER_MAX);
	int r = db_policy_newest(db, &container);
	if (r == ZTJ_OK) {
		ztj_rd_init(&rd, ztj_buf_view(&container));
		r = ztj_signed_read(&rd, &s);
		if (r == ZTJ_OK)
			r = ztj_trust_policy(t, &s, ZTJ_TRUST_RESTORE, &changed);
	} else if (r == ZTJ_NOT_FOUND) {
		r = ZTJ_OK;
	}
	ztj_buf_free(&container);
	return r;
}

int revocations_restore(struct db *db, struct ztj_trust *t)
{
	int r = ZTJ_OK;
	for (int64_t n = 1; r == ZTJ_OK; n++) {
		struct ztj_buf container;
		struct ztj_signed s;
		struct ztj_rd rd;
		uint8_t id[ZTJ_DIGEST_LEN];
		bool changed;
		ztj_buf_init(&container, PROTO_CONTAINER_MAX);
		r = db_revocation_get(db, n, id, &container);
		if (r == ZTJ_OK) {
			ztj_rd_init(&rd, ztj_buf_view(&container));
			r = ztj_signed_read(&rd, &s);
			if (r == ZTJ_OK)
				r = ztj_trust_revocation(t, &s, ZTJ_TRUST_RESTORE, &changed);
		}
		ztj_buf_free(&container);
	}
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

static int load_login(struct ztj_view container, void *arg)
{
	struct store *st = arg;
	struct ztj_stmt *login = NULL;
	struct ztj_signed s;
	struct ztj_rd rd;
	ztj_rd_init(&rd, container);
	int r = ztj_signed_read(&rd, &s);
	if (r == ZTJ_OK)
		r = ztj_stmt_open(&s, ZTJ_STMT_LOGIN, st->conf->domain, &login);
	return r == ZTJ_OK ? logins_put(st->logins, login) : r;
}

int st_load(struct store *st)
{
	struct ztj_trust *fresh = NULL;
	int r = ztj_trust_new(&st->pins, st->sigs, &fresh);
	if (r != ZTJ_OK)
		return r;
	ztj_trust_free(st->trust);
	st->trust = fresh;
	bundles_clear(st->bundles);
	logins_clear(st->logins);
	r = audit_load(st);
	if (r == ZTJ_OK)
		r = policy_restore(st->db, st->trust);
	if (r == ZTJ_OK)
		r = directories_load(st, st_now());
	if (r == ZTJ_OK)
		r = revocations_restore(st->db, st->trust);
	if (r == ZTJ_OK)
		r = db_login_each(st->db, st_now(), load_login, st);
	if (r == ZTJ_OK)
		r = db_event_head(st->db, &st->head);
	if (r == ZTJ_OK)
		r = standing_load(st);
	st->generation++;
	st->offered_to = -1;
	st->offered_all = false;
	return r;
}
