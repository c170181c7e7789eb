/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Keeping the signer's knowledge in step, and its status statements. The signer holds policy,
 * directories and revocations itself and signs only what it holds; a status that differs from what we hold tells
 * what it lacks.
 */
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/audit.h"

#define UNVOUCHED_ALARM 3 /* status in a row */

/* What a tag of an offer means when it is refused. */
enum { OFFER_POLICY = 1, OFFER_DIRECTORY, OFFER_REVOCATION };

/* The status at hand speaks of what was. */
static void changed(struct store *st)
{
	st->generation++;
	ztj_buf_reset(&st->status);
}

int signer_offer_policy(struct store *st)
{
	struct ztj_buf msg, container;
	ztj_buf_init(&container, PROTO_CONTAINER_MAX);
	ztj_buf_init(&msg, 2 * PROTO_CONTAINER_MAX);
	int r = db_policy_newest(st->db, &container);
	if (r == ZTJ_OK) {
		ztj_buf_put_u32(&msg, OFFER_POLICY);
		r = ztj_buf_put_view(&msg, ztj_buf_view(&container));
	}
	if (r == ZTJ_OK) {
		changed(st);
		st_send(st, st->signer, SGN_POLICY, ztj_buf_view(&msg));
		signer_want_status(st);
	}
	ztj_buf_free(&container);
	ztj_buf_free(&msg);
	return r;
}

int signer_offer_directory(struct store *st, const char *name, int64_t since)
{
	struct ztj_buf msg, statements, drop, put;
	uint32_t nstatements = 0, ndrop = 0, nput = 0;
	ztj_buf_init(&msg, PROTO_BODY_MAX);
	ztj_buf_init(&statements, PROTO_BODY_MAX);
	ztj_buf_init(&drop, PROTO_BODY_MAX);
	ztj_buf_init(&put, PROTO_BODY_MAX);
	int r = db_dir_statements(st->db, name, since, &statements, &nstatements);
	if (r == ZTJ_OK)
		r = db_dir_changes(st->db, name, since, &drop, &ndrop, &put, &nput);
	if (r == ZTJ_OK && nstatements > 0) {
		const struct proto_list ls = { nstatements, ztj_buf_view(&statements) };
		const struct proto_list ld = { ndrop, ztj_buf_view(&drop) },
					lp = { nput, ztj_buf_view(&put) };
		ztj_buf_put_u32(&msg, OFFER_DIRECTORY);
		ztj_buf_put_cstring(&msg, name);
		r = proto_list_write(&ls, &msg);
		if (r == ZTJ_OK)
			r = proto_list_write(&ld, &msg);
		if (r == ZTJ_OK)
			r = proto_list_write(&lp, &msg);
		if (r == ZTJ_OK) {
			changed(st);
			st_send(st, st->signer, SGN_DIRECTORY, ztj_buf_view(&msg));
			signer_want_status(st);
		}
	}
	ztj_buf_free(&msg);
	ztj_buf_free(&statements);
	ztj_buf_free(&drop);
	ztj_buf_free(&put);
	return r;
}

static int offer_revocation(struct store *st, int64_t n)
{
	uint8_t id[ZTJ_DIGEST_LEN];
	struct ztj_buf msg, container;
	ztj_buf_init(&container, PROTO_CONTAINER_MAX);
	ztj_buf_init(&msg, 2 * PROTO_CONTAINER_MAX);
	int r = db_revocation_get(st->db, n, id, &container);
	if (r == ZTJ_OK) {
		ztj_buf_put_u32(&msg, OFFER_REVOCATION);
		r = ztj_buf_put_view(&msg, ztj_buf_view(&container));
	}
	if (r == ZTJ_OK)
		st_send(st, st->signer, SGN_REVOCATION, ztj_buf_view(&msg));
	ztj_buf_free(&container);
	ztj_buf_free(&msg);
	return r;
}

int signer_offer_revocation(struct store *st, int64_t n)
{
	int r = offer_revocation(st, n);
	if (r == ZTJ_OK) {
		changed(st);
		signer_want_status(st);
	}
	return r;
}

void signer_want_status(struct store *st)
{
	struct ztj_buf msg;
	ztj_buf_init(&msg, 2 * ZTJ_CHECKPOINT_MAX);
	/* The low bits of the generation come back: an answer from before the last change is not shown to hosts
	 * that have seen the change. */
	(void)ztj_buf_put_u32(&msg, (uint32_t)st->generation);
	if (ztj_buf_put_view(&msg,
		st->audit->forked ? ztj_view_of(NULL, 0) : ztj_buf_view(&st->audit->shown)) == ZTJ_OK)
		st_send(st, st->signer, SGN_STATUS, ztj_buf_view(&msg));
	ztj_buf_free(&msg);
}

static int64_t status_serial(const struct ztj_stmt *status, const char *name)
{
	for (size_t i = 0; status != NULL && i < status->u.status.ndirs; i++)
		if (strcmp(status->u.status.dir[i].name, name) == 0)
			return status->u.status.dir[i].serial;
	return 0;
}

/* The signer ahead of the database: it was restored from an old backup (G06). The signer and the hosts
 * refuse to go back, and so it shows. */
static void compare(struct store *st, const struct ztj_stmt *status)
{
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	int64_t held = (int64_t)ztj_trust_nrevocations(st->trust);
	int64_t theirs = status == NULL ? 0 : status->u.status.revocations;
	int64_t version = status == NULL ? 0 : status->u.status.policy_version;
	int r = ZTJ_OK;
	if (p == NULL)
		return;
	if (version > p->version || theirs > held)
		audit_alarm(st, ZTJ_STATE,
		    "the signer knows policy %lld and %lld revocations, the database %lld and %lld: was an old "
		    "backup restored?",
		    (long long)version, (long long)theirs, (long long)p->version, (long long)held);
	if (version < p->version)
		r = signer_offer_policy(st);
	for (size_t i = 0; r == ZTJ_OK && i < ztj_trust_ndirs(st->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(st->trust, i);
		int64_t serial = status_serial(status, ztj_dir_name(d));
		if (serial > ztj_dir_serial(d))
			audit_alarm(st, ZTJ_DIR_ROLLBACK,
			    "the signer knows a newer directory %s than the database", ztj_dir_name(d));
		if (serial < ztj_dir_serial(d))
			r = signer_offer_directory(st, ztj_dir_name(d), serial);
	}
	/* Not the same, and as many, or fewer and what is behind those did not help: which of ours they lack cannot be told, so they are offered
	 * all. Once: every other is offered when it comes. */
	bool other = status != NULL && !st->offered_all &&
	    (theirs < held ? theirs == st->offered_to
			   : memcmp(status->u.status.head, ztj_trust_revocation_head(st->trust),
				 ZTJ_DIGEST_LEN) != 0);
	for (int64_t n = other ? 1 : theirs + 1; r == ZTJ_OK && n <= held; n++)
		r = offer_revocation(st, n);
	st->offered_to = theirs < held ? theirs : -1;
	st->offered_all = st->offered_all || (other && r == ZTJ_OK);
	if (r == ZTJ_OK && (theirs < held || other))
		signer_want_status(st);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "could not bring the signer up to date: %s", ztj_err_text(r));
}

/* The signer's own alarm stands in the system's log alone. One answer without may have been asked for before there was a checkpoint. */
static void vouched(struct store *st, const struct ztj_stmt *status)
{
	struct audit *a = st->audit;
	bool missing = status->u.status.checkpoint[0] == '\0' && a->note.n > 0 && !a->forked;
	a->unvouched = missing ? a->unvouched + 1 : 0;
	if (a->unvouched == UNVOUCHED_ALARM)
		audit_alarm(st, ZTJ_LOG_FORK,
		    "the signer vouches for no checkpoint of the audit log: it knows another log, or a policy that does not name its key");
}

static int status_is(struct store *st, struct ztj_rd *rd, uint32_t generation)
{
	struct ztj_view container;
	struct ztj_signed s;
	struct ztj_stmt *status = NULL;
	uint32_t code;
	int r = ztj_rd_u32(rd, &code);
	if (r == ZTJ_OK)
		r = ztj_rd_string(rd, 2 * ZTJ_STMT_MAX, &container);
	if (r == ZTJ_OK)
		r = ztj_rd_end(rd);
	if (r != ZTJ_OK)
		return r;
	if (code == 0) {
		struct ztj_rd in;
		ztj_rd_init(&in, container);
		r = ztj_signed_read(&in, &s);
		if (r == ZTJ_OK)
			r = ztj_stmt_open(&s, ZTJ_STMT_STATUS, st->conf->domain, &status);
		if (r != ZTJ_OK)
			return r;
	} else if (-(int)code != ZTJ_NOT_READY) {
		ztj_log(ZTJ_LOG_ERROR, "the signer gives no status: %s", ztj_err_text(-(int)code));
	}
	if (generation == (uint32_t)st->generation) {
		compare(st, status);
		if (status != NULL)
			vouched(st, status);
		if (status != NULL) {
			ztj_buf_reset(&st->status);
			if (line_statement("status", container, &st->status) == ZTJ_OK)
				streams_line_all(st, ztj_buf_view(&st->status));
		}
	}
	ztj_stmt_free(status);
	return ZTJ_OK;
}

static int taken(struct store *st, struct ztj_rd *rd, uint32_t tag)
{
	static const char *const what[] = { [OFFER_POLICY] = "policy",
		[OFFER_DIRECTORY] = "directory",
		[OFFER_REVOCATION] = "revocation" };
	uint32_t code;
	int r = ztj_rd_u32(rd, &code);
	if (r == ZTJ_OK)
		r = ztj_rd_end(rd);
	if (r != ZTJ_OK)
		return r;
	if (tag < OFFER_POLICY || tag > OFFER_REVOCATION)
		return ZTJ_PROTOCOL;
	if (code != 0)
		audit_alarm(st, -(int)code, "the signer refused a %s: %s", what[tag],
		    ztj_err_text(-(int)code));
	return ZTJ_OK;
}

int signer_message(void *arg, uint8_t type, struct ztj_view body)
{
	struct store *st = arg;
	struct ztj_rd rd;
	uint32_t tag;
	if (type == SGN_CERTIFIED)
		return certs_done(st, body);
	if (type == SGN_JOINED)
		return joins_done(st, body);
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &tag);
	if (r != ZTJ_OK)
		return r;
	if (type == SGN_STATUS_IS)
		return status_is(st, &rd, tag);
	return type == SGN_TAKEN ? taken(st, &rd, tag) : ZTJ_PROTOCOL;
}
