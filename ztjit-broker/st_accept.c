/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What requests, approvals and logins need before they are kept. The broker refuses early,
 * so that people hear at once why something will not work; every host judges again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ztjit-broker/audit.h"

#define LOGINS_EACH 32
/* Room kept in a bundle (64 KiB, 128 statements) for the denials and revocations still to come. */
#define FILE_MAX ((size_t)40 * 1024)
#define APPROVE_MAX ((size_t)56 * 1024)
#define APPROVE_STMTS 96
/* Revocations of one request that hosts give back and that do not count: of one key, and of all. */
#define BY_ONE_KEY 4
#define HELD_MOST 32

int accept_counter(struct store *st, const struct ztj_stmt *stmt, bool deny)
{
	for (size_t i = 0; i < stmt->nsigners; i++) {
		const struct ztj_signer *s = &stmt->signer[i];
		uint8_t key[ZTJ_DIGEST_LEN];
		uint32_t last;
		if (!s->info.is_sk)
			continue;
		int r = ztj_key_digest(&s->key, key);
		if (r == ZTJ_OK)
			r = db_counter_get(st->db, key, &last);
		if (r != ZTJ_OK)
			return r;
		/* A key that never counts says 0 for ever. */
		if ((last != 0 || s->info.counter != 0) && s->info.counter <= last) {
			char fp[ZTJ_FINGERPRINT_SIZE];
			r = ztj_key_fingerprint(&s->key, fp);
			audit_alarm_about(st, r == ZTJ_OK ? fp : "?", ZTJ_COUNTER,
			    "the counter of key %s went from %u to %u: it may be a copy",
			    r == ZTJ_OK ? fp : "?", last, s->info.counter);
			if (deny)
				return ZTJ_COUNTER;
			continue;
		}
		if (s->info.counter == last)
			continue;
		r = db_counter_set(st->db, key, s->info.counter);
		if (r != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

static int keep(struct store *st, const struct acceptance *a, const struct ztj_stmt *stmt, const char *who)
{
	struct db_stmt_row row = { .type = stmt->type,
		.who = who,
		.issued = stmt->issued,
		.container = a->ask->container,
		.has_request = a->has_request };
	memcpy(row.id, a->id, sizeof(row.id));
	memcpy(row.request, a->request, sizeof(row.request));
	return db_stmt_add(st->db, &row, a->now);
}

static int publish(struct store *st, const struct acceptance *a, enum ztj_stmt_type type)
{
	struct db_event e = { .kind = DB_EVENT_STATEMENT, .type = type, .has_request = a->has_request };
	memcpy(e.id, a->id, sizeof(e.id));
	memcpy(e.request, a->request, sizeof(e.request));
	return st_publish(st, &e);
}

static int login_checks(struct store *st, struct acceptance *a, const struct ztj_stmt *login)
{
	char online[ZTJ_FINGERPRINT_SIZE];
	const struct ztj_record *person;
	int r = st_skew(login->issued, a->now);
	if (r == ZTJ_OK)
		r = ztj_key_fingerprint(&st->keys.online, online);
	if (r != ZTJ_OK)
		return r;
	/* The TLS key must be the one of this very connection: somebody else's login is no use to a thief. */
	if (a->ask->tls.n != PROTO_TLS_LEN || login->u.login.key.type != ZTJ_KEY_ED25519 ||
	    !ztj_view_eq(a->ask->tls, ztj_view_of(login->u.login.key.pub, login->u.login.key.pub_len)))
		return ZTJ_WRONG_KEY;
	if (strcmp(login->u.login.broker, online) != 0)
		return ZTJ_BROKER_KEY;
	if (login->u.login.expires > login->issued + ZTJ_LOGIN_MAX)
		return ZTJ_TOO_LONG;
	r = login_judge(st, login, a->now, &person);
	if (r == ZTJ_OK && a->caller->kind == CALLER_HOST)
		r = ZTJ_KEY_SHARED;
	if (r == ZTJ_OK && logins_count(st->logins, login->u.login.who) >= LOGINS_EACH)
		r = ZTJ_RATE_LIMITED;
	return r;
}

int accept_login(struct store *st, struct acceptance *a)
{
	struct ztj_stmt *login = NULL;
	if (ztj_trust_held_policy(st->trust) == NULL)
		return ZTJ_NOT_READY;
	int r = ztj_stmt_open(&a->s, ZTJ_STMT_LOGIN, st->conf->domain, &login);
	if (r == ZTJ_OK)
		r = login_checks(st, a, login);
	if (r == ZTJ_OK)
		r = keep(st, a, login, login->u.login.who);
	if (r == ZTJ_OK)
		r = accept_counter(st, login, false);
	if (r == ZTJ_OK)
		r = db_login_add(st->db, login->u.login.key.pub, a->id, login->u.login.expires);
	if (r == ZTJ_OK) {
		r = logins_put(st->logins, login);
		login = NULL;
	}
	ztj_stmt_free(login);
	a->text = r == ZTJ_OK ? "logged in" : NULL;
	return r;
}

/* Does the request extend one that is there, of the same person and role? And does all fit a bundle? */
static int follow_checks(struct store *st, const struct acceptance *a, const struct ztj_stmt *req)
{
	const struct ztj_bundle *b;
	size_t total = a->ask->container.n;
	if (req->u.request.has_follows) {
		int r = bundles_get(st, req->u.request.follows, &b);
		if (r != ZTJ_OK)
			return r == ZTJ_NOT_FOUND ? ZTJ_CHAIN : r;
		if (strcmp(b->request->u.request.who, req->u.request.who) != 0 ||
		    strcmp(b->request->u.request.role, req->u.request.role) != 0)
			return ZTJ_CHAIN;
		total += b->mem.n;
		if (b->n >= APPROVE_STMTS / 2)
			return ZTJ_CHAIN;
	}
	return total > FILE_MAX ? ZTJ_TOO_LARGE : ZTJ_OK;
}

static int request_checks(struct store *st, struct acceptance *a, const struct ztj_stmt *req)
{
	struct ztj_grant why;
	const struct ztj_record *person;
	int64_t open;
	memset(&why, 0, sizeof(why));
	int r = st_skew(req->issued, a->now);
	if (r == ZTJ_OK)
		r = ztj_trust_signed_by(st->trust, req, req->u.request.who, false, a->now, &person);
	if (r == ZTJ_OK && req->u.request.valid_until <= a->now)
		r = ZTJ_EXPIRED;
	if (r == ZTJ_OK) {
		r = ztj_grant_may_request(st->trust, req, a->now, &why);
		snprintf(a->room, sizeof(a->room), "%s", why.text);
		a->text = a->room;
	}
	if (r == ZTJ_OK)
		r = follow_checks(st, a, req);
	if (r == ZTJ_OK)
		r = db_request_open_count(st->db, req->u.request.who, &open);
	if (r == ZTJ_OK && open >= st->conf->max_open_requests) {
		a->text = "too many requests of this person are open; cancel some or wait for them to end";
		r = ZTJ_LIMIT;
	}
	if (r == ZTJ_OK)
		r = accept_counter(st, req, why.rule != NULL && why.rule->deny_on_counter);
	return r;
}

int accept_request(struct store *st, struct acceptance *a)
{
	struct ztj_stmt *req = NULL;
	int r = ztj_stmt_open_cached(st->sigs, &a->s, ZTJ_STMT_REQUEST, st->conf->domain, &req);
	if (r == ZTJ_OK)
		r = request_checks(st, a, req);
	if (r == ZTJ_OK) {
		a->has_request = true;
		memcpy(a->request, a->id, sizeof(a->request));
		r = keep(st, a, req, req->u.request.who);
	}
	if (r == ZTJ_OK)
		r = db_request_add(st->db, req);
	if (r == ZTJ_OK)
		r = publish(st, a, ZTJ_STMT_REQUEST);
	ztj_stmt_free(req);
	return r;
}

static int approval_checks(struct store *st, struct acceptance *a, const struct ztj_stmt *ap)
{
	const struct ztj_bundle *b;
	const struct ztj_record *person;
	struct ztj_grant g;
	int r = st_skew(ap->issued, a->now);
	if (r == ZTJ_OK)
		r = bundles_get(st, ap->u.approval.request, &b);
	if (r != ZTJ_OK)
		return r;
	r = ztj_grant_may_approve(st->trust, b->request, ap->u.approval.who, a->now);
	if (r == ZTJ_EXPIRED && ap->u.approval.deny)
		r = ZTJ_OK; /* a deny ends a request whenever it arrives */
	ztj_grant_eval(st->trust, b, a->now, &g);
	if (r == ZTJ_OK)
		r = ztj_trust_signed_by(st->trust, ap, ap->u.approval.who, g.rule != NULL && g.rule->uv,
		    a->now, &person);
	if (r != ZTJ_OK)
		return r;
	if (grant_is_over(g.state)) {
		snprintf(a->room, sizeof(a->room), "the request is over: %s", g.text);
		a->text = a->room;
		return ZTJ_STATE;
	}
	bool full = b->mem.n + a->ask->container.n > APPROVE_MAX || b->n >= APPROVE_STMTS;
	if (full && !ap->u.approval.deny)
		return ZTJ_TOO_LARGE;
	return accept_counter(st, ap, g.rule != NULL && g.rule->deny_on_counter && !ap->u.approval.deny);
}

int accept_approval(struct store *st, struct acceptance *a)
{
	struct ztj_stmt *ap = NULL;
	int r = ztj_stmt_open_cached(st->sigs, &a->s, ZTJ_STMT_APPROVAL, st->conf->domain, &ap);
	if (r == ZTJ_OK && reserve_spent(st) && !ap->u.approval.deny)
		r = ZTJ_NO_SPACE;
	if (r == ZTJ_OK)
		r = approval_checks(st, a, ap);
	if (r == ZTJ_OK) {
		a->has_request = true;
		memcpy(a->request, ap->u.approval.request, sizeof(a->request));
		r = keep(st, a, ap, ap->u.approval.who);
	}
	if (r == ZTJ_OK) {
		bundles_forget(st->bundles, a->request);
		r = publish(st, a, ZTJ_STMT_APPROVAL);
	}
	ztj_stmt_free(ap);
	return r;
}

/* A directory that has moved on since its serial was named readmits whom it revokes: who says nothing more would believe that
 * it worked. */
static int revokes_now(const struct store *st, struct acceptance *a, const struct ztj_stmt *rev)
{
	char directory[ZTJ_FULLNAME_SIZE];
	const struct ztj_dir *d;
	(void)snprintf(directory, sizeof(directory), "%s", rev->u.revocation.name);
	directory[strcspn(directory, "/")] = '\0';
	d = ztj_trust_dir(st->trust, directory);
	if (d == NULL || ztj_dir_serial(d) <= rev->u.revocation.serial)
		return ZTJ_OK;
	snprintf(a->room, sizeof(a->room),
	    "it names serial %lld of directory %s, which has %lld now: that one readmits; revoke again",
	    (long long)rev->u.revocation.serial, directory, (long long)ztj_dir_serial(d));
	a->text = a->room;
	return ZTJ_STATE;
}

static bool fits(const struct acceptance *a, const struct ztj_bundle *b)
{
	return b->n < ZTJ_BUNDLE_STMTS_MAX && b->mem.n + a->ask->container.n <= ZTJ_BUNDLE_MAX;
}

static int few_by_that_key(const struct store *st, const struct ztj_stmt *rev)
{
	struct ztj_stmt *held[HELD_MOST];
	size_t n = 0, same = 0;
	int r = ztj_trust_request_revocations(st->trust, rev->u.revocation.request, held, HELD_MOST, &n);
	for (size_t i = 0; r == ZTJ_OK && i < n && i < HELD_MOST; i++) {
		same += ztj_key_equal(&held[i]->signer[0].key, &rev->signer[0].key);
		ztj_stmt_free(held[i]);
	}
	return r == ZTJ_OK && (same >= BY_ONE_KEY || n >= HELD_MOST) ? ZTJ_FORBIDDEN : r;
}

/*
 * A host has one that we do not: it is of a database that is no more, or somebody gave it to the host by hand. Hosts hold it whatever it is
 * worth by now, and no status matches before we do, so neither its date nor what became of its subject is asked. But while a request that
 * is here may still be used it must count, and of any other few are taken by one key: so many that they cannot be judged would end it, here
 * or on a host.
 */
static int handed_back(struct store *st, struct acceptance *a, const struct ztj_stmt *rev)
{
	const struct ztj_bundle *b;
	struct ztj_grant g;
	if (rev->issued > a->now + ZTJ_CLOCK_SKEW)
		return ZTJ_FUTURE;
	if (!ztj_trust_credible(st->trust, rev))
		return ZTJ_SIGNER;
	if (rev->u.revocation.what != ZTJ_REVOKES_REQUEST)
		return ZTJ_OK;
	a->has_request = true;
	memcpy(a->request, rev->u.revocation.request, sizeof(a->request));
	int r = bundles_get(st, a->request, &b);
	if (r != ZTJ_OK)
		return r == ZTJ_NOT_FOUND ? few_by_that_key(st, rev) : r;
	if (!fits(a, b))
		return ZTJ_TOO_LARGE;
	if (ztj_grant_revokes(st->trust, b->request, rev, a->now))
		return ZTJ_OK;
	ztj_grant_eval(st->trust, b, a->now, &g);
	return grant_is_over(g.state) ? few_by_that_key(st, rev) : ZTJ_FORBIDDEN;
}

/* May this be revoked by whoever signed, and is there anything left to revoke? */
static int revocation_checks(struct store *st, struct acceptance *a, const struct ztj_stmt *rev)
{
	const struct ztj_bundle *b;
	struct ztj_grant g;
	int r = st_skew(rev->issued, a->now);
	if (r != ZTJ_OK)
		return r;
	if (rev->u.revocation.what != ZTJ_REVOKES_REQUEST) {
		r = ztj_trust_may_revoke(st->trust, rev, a->now);
		return r == ZTJ_OK ? revokes_now(st, a, rev) : r;
	}
	r = bundles_get(st, rev->u.revocation.request, &b);
	if (r != ZTJ_OK)
		return r;
	r = ztj_grant_may_revoke(st->trust, b->request, rev, a->now);
	if (r != ZTJ_OK)
		return r;
	ztj_grant_eval(st->trust, b, a->now, &g);
	if (grant_is_over(g.state)) {
		snprintf(a->room, sizeof(a->room), "nothing left to revoke: %s", g.text);
		a->text = a->room;
		return ZTJ_STATE;
	}
	if (!fits(a, b))
		return ZTJ_TOO_LARGE;
	a->has_request = true;
	memcpy(a->request, rev->u.revocation.request, sizeof(a->request));
	return ZTJ_OK;
}

/* Asked before the trust has it: what is found out by the database then costs the whole batch. */
static int short_is_free(struct store *st, const struct acceptance *a)
{
	char short_id[ZTJ_SHORT_ID_SIZE];
	uint8_t other[ZTJ_DIGEST_LEN];
	ztj_short_id(a->id, short_id);
	int r = db_stmt_resolve(st->db, short_id, other);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r == ZTJ_OK ? ZTJ_ID_CLASH : r;
}

int accept_revocation(struct store *st, struct acceptance *a)
{
	struct ztj_stmt *rev = NULL;
	bool back = a->caller->kind == CALLER_HOST, changed = false;
	int r = ztj_stmt_open_cached(st->sigs, &a->s, ZTJ_STMT_REVOCATION, st->conf->domain, &rev);
	if (r == ZTJ_OK)
		r = back ? handed_back(st, a, rev) : revocation_checks(st, a, rev);
	/* The counter of one that comes late says nothing. */
	if (r == ZTJ_OK && !back)
		r = accept_counter(st, rev, false);
	if (r == ZTJ_OK)
		r = short_is_free(st, a);
	if (r == ZTJ_OK)
		r = ztj_trust_revocation(st->trust, &a->s, a->now, &changed);
	if (r != ZTJ_OK) {
		ztj_stmt_free(rev);
		return r;
	}
	/* From here the memory has moved: a failure takes the whole batch back. */
	int64_t n = (int64_t)ztj_trust_nrevocations(st->trust);
	r = changed ? keep(st, a, rev, rev->u.revocation.who) : ZTJ_EXISTS;
	if (r == ZTJ_OK)
		r = db_revocation_add(st->db, n, a->id);
	if (r == ZTJ_OK && a->has_request)
		bundles_forget(st->bundles, a->request);
	if (r == ZTJ_OK)
		r = signer_offer_revocation(st, n);
	if (r == ZTJ_OK)
		r = publish(st, a, ZTJ_STMT_REVOCATION);
	if (r == ZTJ_OK && rev->u.revocation.what != ZTJ_REVOKES_REQUEST)
		streams_recheck(st, a->now, false);
	if (r != ZTJ_OK)
		st->broken = true;
	ztj_stmt_free(rev);
	return r;
}

/* The host judges it again; a kill of what is over is no use to anybody. */
int accept_kill(struct store *st, struct acceptance *a)
{
	struct ztj_stmt *k = NULL;
	const struct ztj_record *person = NULL;
	struct db_session row = { .state = ZTJ_HEAD_OPEN };
	int r = ztj_stmt_open_cached(st->sigs, &a->s, ZTJ_STMT_KILL, st->conf->domain, &k);
	if (r == ZTJ_OK)
		r = st_skew(k->issued, a->now);
	if (r == ZTJ_OK)
		r = ztj_trust_signed_by(st->trust, k, k->u.kill.who, false, a->now, &person);
	if (r == ZTJ_OK)
		r = db_session_by_name(st->db, k->u.kill.host, k->u.kill.session, &row);
	if (r == ZTJ_OK && strcmp(row.person, k->u.kill.who) != 0 &&
	    !ztj_policy_names(&ztj_trust_held_policy(st->trust)->auditors, k->u.kill.who, person))
		r = ZTJ_FORBIDDEN;
	if (r == ZTJ_OK && row.state != ZTJ_HEAD_OPEN) {
		a->text = "the session is over";
		r = ZTJ_STATE;
	}
	if (r == ZTJ_OK)
		r = accept_counter(st, k, false);
	if (r == ZTJ_OK)
		r = keep(st, a, k, k->u.kill.who);
	if (r == ZTJ_OK)
		r = publish(st, a, ZTJ_STMT_KILL);
	ztj_stmt_free(k);
	return r;
}

static bool holds(const struct ztj_key *keys, size_t n, const struct ztj_key *k)
{
	for (size_t i = 0; i < n; i++)
		if (ztj_key_equal(&keys[i], k))
			return true;
	return false;
}

/* The first error with its line; warnings may stand before it. */
static void name_problem(struct acceptance *a, const struct ztj_policy_problems *problems)
{
	for (size_t i = 0; i < problems->n && i < 64 && a->text == NULL; i++) {
		if (problems->item[i].warning)
			continue;
		snprintf(a->room, sizeof(a->room), "line %u: %s", problems->item[i].line,
		    problems->item[i].text);
		a->text = a->room;
	}
}

/* A policy that does not name this broker would lock everybody out of it. */
static int policy_names_us(const struct store *st, struct acceptance *a)
{
	struct ztj_policy_problems *problems = calloc(1, sizeof(*problems));
	struct ztj_policy *p = NULL;
	int r = problems == NULL ? ZTJ_NOMEM : ztj_policy_parse(a->s.bytes, &p, problems);
	if (r != ZTJ_OK && problems != NULL)
		name_problem(a, problems);
	free(problems);
	if (r != ZTJ_OK)
		return r;
	if (!holds(p->broker.tls, p->broker.ntls, &st->keys.tls)) {
		a->text = "broker.tls does not hold this broker's TLS key";
		r = ZTJ_BROKER_KEY;
	} else if (!holds(p->broker.online, p->broker.nonline, &st->keys.online)) {
		a->text = "broker.online does not hold this broker's online key";
		r = ZTJ_BROKER_KEY;
	} else if (!holds(p->broker.log, p->broker.nlog, &st->audit->key.pub)) {
		a->text = "broker.log does not hold this broker's log key";
		r = ZTJ_BROKER_KEY;
	} else if (!holds(p->broker.ca, p->broker.nca, &st->keys.ca)) {
		a->text = "broker.ca does not hold this broker's CA key";
		r = ZTJ_BROKER_KEY;
	}
	ztj_policy_free(p);
	return r;
}

int accept_policy(struct store *st, struct acceptance *a)
{
	struct ztj_stmt like = { .type = ZTJ_STMT_POLICY, .issued = a->now };
	bool changed = false;
	int r = policy_names_us(st, a);
	if (r == ZTJ_OK)
		r = ztj_trust_policy(st->trust, &a->s, a->now, &changed);
	if (r != ZTJ_OK)
		return r;
	struct db_event e = { .kind = DB_EVENT_POLICY, .number = ztj_trust_held_policy(st->trust)->version };
	r = changed ? keep(st, a, &like, "") : ZTJ_EXISTS;
	if (r == ZTJ_OK)
		r = db_policy_add(st->db, e.number, a->id);
	if (r == ZTJ_OK)
		r = signer_offer_policy(st);
	if (r == ZTJ_OK)
		r = st_publish(st, &e);
	if (r == ZTJ_OK)
		streams_recheck(st, a->now, false);
	if (r != ZTJ_OK)
		st->broken = true;
	return r;
}
