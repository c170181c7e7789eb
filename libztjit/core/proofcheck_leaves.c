/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What each leaf of a proof file speaks of: opened, held against leaf and records, and said in plain words. */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/proofcheck_int.h"

/* --- opening --- */

/* Without armour, each in the one form that there is. */
static int read_sigs(struct ztj_proof_leaf *l)
{
	size_t end[ZTJ_SIGS_MAX], at = 0;
	struct ztj_buf again;
	int r = ZTJ_OK;

	ztj_buf_init(&again, 4 * ZTJ_SSHSIG_MAX);
	for (size_t i = 0; r == ZTJ_OK && i < l->item->nsigs; i++) {
		ztj_buf_reset(&again);
		r = ztj_sshsig_dearmor(l->item->sig[i], &l->mem);
		if (r == ZTJ_OK)
			r = ztj_sshsig_armor(ztj_view_of(l->mem.p + at, l->mem.n - at), &again);
		if (r == ZTJ_OK && !ztj_view_eq(ztj_buf_view(&again), l->item->sig[i]))
			r = ZTJ_BAD_ENCODING;
		at = end[i] = l->mem.n;
	}
	ztj_buf_free(&again);
	at = 0;
	for (size_t i = 0; r == ZTJ_OK && i < l->item->nsigs; at = end[i++])
		l->s.sig[i] = ztj_view_of(l->mem.p + at, end[i] - at);
	l->s.nsigs = l->item->nsigs;
	l->s.bytes = l->item->statement;
	return r;
}

static int open_policy(struct ztj_proof_check *c, struct ztj_proof_leaf *l)
{
	struct ztj_policy_problems *problems = calloc(1, sizeof(*problems));
	int r = problems == NULL ? ZTJ_NOMEM : ztj_signed_verify(c->cache, &l->s, ZTJ_STMT_POLICY, l->signer);

	if (r == ZTJ_OK) {
		l->nsigners = l->s.nsigs;
		r = ztj_policy_parse(l->s.bytes, &l->policy, problems);
	}
	free(problems);
	return r;
}

static int open_statement(struct ztj_proof_check *c, struct ztj_proof_leaf *l, enum ztj_stmt_type type)
{
	int r = ztj_stmt_open_cached(c->cache, &l->s, type, c->pins->domain, &l->stmt);

	if (r != ZTJ_OK)
		return r;
	l->nsigners = l->stmt->nsigners;
	memcpy(l->signer, l->stmt->signer, sizeof(l->signer));
	return ZTJ_OK;
}

/* NONE: no statement belongs to such a leaf. */
static enum ztj_stmt_type type_of(const struct ztj_proof_leaf *l)
{
	enum ztj_stmt_type t = ztj_stmt_type_from(ztj_event_text(&l->e, "type"));

	switch (l->kind) {
	case ZTJ_PROOF_POLICY:
		return ZTJ_STMT_POLICY;
	case ZTJ_PROOF_DIRECTORY:
		return ZTJ_STMT_DIRECTORY;
	case ZTJ_PROOF_STATEMENT:
		return t == ZTJ_STMT_REQUEST || t == ZTJ_STMT_APPROVAL || t == ZTJ_STMT_REVOCATION
		    ? t
		    : ZTJ_STMT_NONE;
	case ZTJ_PROOF_SESSION:
		return ztj_event_text(&l->e, "statement")[0] != '\0' ? ZTJ_STMT_HEAD : ZTJ_STMT_NONE;
	case ZTJ_PROOF_CERTIFICATE:
	case ZTJ_PROOF_DECISION:
		break;
	}
	return ZTJ_STMT_NONE;
}

/* The keys that the leaf names are those that signed. Later signatures of a policy or directory may be beside them. */
static bool same_keys(const struct ztj_proof_leaf *l)
{
	const json_t *keys = json_object_get(l->e.obj, "keys");
	size_t n = json_array_size(keys);
	char fp[ZTJ_FINGERPRINT_SIZE];

	if (n == 0 || (l->kind == ZTJ_PROOF_STATEMENT && n != l->nsigners))
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *named = json_string_value(json_array_get(keys, i));
		bool found = false;

		for (size_t k = 0; named != NULL && !found && k < l->nsigners; k++)
			found = ztj_key_fingerprint(&l->signer[k].key, fp) == ZTJ_OK &&
			    strcmp(fp, named) == 0;
		if (!found)
			return false;
	}
	return true;
}

int ztj_proof_pair(struct ztj_proof_check *c, struct ztj_proof_leaf *l)
{
	enum ztj_stmt_type type = type_of(l);
	uint8_t id[ZTJ_DIGEST_LEN];
	int r;

	if (l->item->nrecords > 0 && l->kind != ZTJ_PROOF_DIRECTORY)
		return ztj_proof_refuse(c, l, ZTJ_STATE,
		    "records of a directory stand behind something else");
	if (l->kind == ZTJ_PROOF_STATEMENT && type == ZTJ_STMT_NONE)
		return ztj_proof_refuse(c, l, ZTJ_STATE, "such a statement has no place in a proof");
	if ((type != ZTJ_STMT_NONE) != (l->item->statement.n > 0))
		return ztj_proof_refuse(c, l, ZTJ_STATE,
		    type == ZTJ_STMT_NONE ? "a statement stands behind it that it does not speak of"
					  : "the statement that it speaks of is missing");
	if (type == ZTJ_STMT_NONE)
		return ZTJ_OK;
	r = ztj_stmt_id(l->item->statement, id);
	if (r == ZTJ_OK && !ztj_proof_digest_is(l, "statement", id))
		return ztj_proof_refuse(c, l, ZTJ_STATE,
		    "it speaks of another statement than the one in the file");
	if (r == ZTJ_OK)
		r = read_sigs(l);
	return r == ZTJ_OK ? r : ztj_proof_refuse(c, l, r, "its signatures: %s", ztj_err_text(r));
}

int ztj_proof_open(struct ztj_proof_check *c, struct ztj_proof_leaf *l)
{
	enum ztj_stmt_type type = type_of(l);
	int r;

	if (type == ZTJ_STMT_NONE)
		return ZTJ_OK;
	r = type == ZTJ_STMT_POLICY ? open_policy(c, l) : open_statement(c, l, type);
	if (r != ZTJ_OK)
		return ztj_proof_refuse(c, l, r, "its statement: %s", ztj_err_text(r));
	if (l->kind != ZTJ_PROOF_SESSION && !same_keys(l))
		return ztj_proof_refuse(c, l, ZTJ_SIGNER,
		    "it speaks of other keys than those that signed the statement");
	return ZTJ_OK;
}

/* --- the request --- */

static const struct ztj_proof_leaf *find_request(const struct ztj_proof_check *c,
    const uint8_t id[ZTJ_DIGEST_LEN])
{
	for (size_t i = 0; i < c->p->n; i++)
		if (c->leaf[i].kind == ZTJ_PROOF_STATEMENT && c->leaf[i].stmt->type == ZTJ_STMT_REQUEST &&
		    memcmp(c->leaf[i].stmt->id, id, ZTJ_DIGEST_LEN) == 0)
			return &c->leaf[i];
	return NULL;
}

int ztj_proof_chain(struct ztj_proof_check *c)
{
	const struct ztj_proof_leaf *l = find_request(c, c->p->request);

	if (l == NULL)
		return ztj_proof_refuse(c, NULL, ZTJ_NOT_FOUND,
		    "the request that the file is about is not in it");
	c->request = (size_t)(l - c->leaf);
	for (;;) {
		memcpy(c->chain[c->nchain++], l->stmt->id, ZTJ_DIGEST_LEN);
		if (!l->stmt->u.request.has_follows)
			return ZTJ_OK;
		l = c->nchain < ZTJ_CHAIN_MAX ? find_request(c, l->stmt->u.request.follows) : NULL;
		if (l == NULL)
			return ztj_proof_refuse(c, NULL, ZTJ_CHAIN,
			    "a request that it follows is not in the file");
	}
}

static bool in_chain(const struct ztj_proof_check *c, const uint8_t id[ZTJ_DIGEST_LEN])
{
	for (size_t i = 0; i < c->nchain; i++)
		if (memcmp(c->chain[i], id, ZTJ_DIGEST_LEN) == 0)
			return true;
	return false;
}

static const struct ztj_stmt *request(const struct ztj_proof_check *c)
{
	return c->leaf[c->request].stmt;
}

/* --- whose key --- */

static const char *key_text(const struct ztj_proof_leaf *l, char out[ZTJ_FINGERPRINT_SIZE])
{
	return ztj_key_fingerprint(&l->signer[0].key, out) == ZTJ_OK ? out : "?";
}

static const char *verified(const struct ztj_proof_leaf *l)
{
	return l->signer[0].info.user_verified ? ", touched, user verified"
	    : l->signer[0].info.is_sk          ? ", touched"
					       : "";
}

static int person_signed(struct ztj_proof_check *c, const struct ztj_proof_leaf *l, const char *who)
{
	const struct ztj_record *rec = ztj_proof_record_at(c, who, l->item->n);
	int r;

	if (strcmp(ztj_event_text(&l->e, "person"), who) != 0)
		return ztj_proof_refuse(c, l, ZTJ_STATE, "it speaks of another person than the statement");
	if (ztj_proof_policy_at(c, l->item->n) == NULL)
		return ztj_proof_refuse(c, l, ZTJ_NOT_FOUND, "no policy in the file was there before it");
	if (rec == NULL || rec->host)
		return ztj_proof_refuse(c, l, ZTJ_USER_UNKNOWN,
		    "no directory in the file says which keys %s has", who);
	if (ztj_policy_key_revoked(ztj_proof_policy_at(c, l->item->n), &l->signer[0].key))
		return ztj_proof_refuse(c, l, ZTJ_KEY_REVOKED,
		    "it is signed by a key that the policy has revoked");
	r = ztj_record_key(rec, &l->signer[0].key, l->stmt->issued, l->stmt->issued);
	return r == ZTJ_OK
	    ? r
	    : ztj_proof_refuse(c, l, r, "it is not signed by a key that the directory has for %s", who);
}

static bool holds(const struct ztj_key *list, size_t n, const struct ztj_key *k)
{
	for (size_t i = 0; i < n; i++)
		if (ztj_key_equal(&list[i], k))
			return true;
	return false;
}

/* A revocation without a name: by a registrar, the broker or a root. */
static int office_signed(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	const struct ztj_policy *p = ztj_proof_policy_at(c, l->item->n);
	const struct ztj_key *k = &l->signer[0].key;
	bool found = holds(c->pins->root, c->pins->nroots, k);

	if (p != NULL && ztj_policy_key_revoked(p, k))
		return ztj_proof_refuse(c, l, ZTJ_KEY_REVOKED,
		    "it is signed by a key that the policy has revoked");
	for (size_t i = 0; p != NULL && !found && i < p->nregistrars; i++)
		found = holds(p->registrars[i].keys, p->registrars[i].nkeys, k);
	if (p != NULL && !found)
		found = holds(p->broker.online, p->broker.nonline, k);
	return found
	    ? ZTJ_OK
	    : ztj_proof_refuse(c, l, ZTJ_SIGNER, "it is signed by a key that the policy names for nothing");
}

/* --- telling --- */

static int tell_request(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	const struct ztj_stmt *st = l->stmt;
	const json_t *hosts = json_object_get(l->e.obj, "hosts"), *h;
	char fp[ZTJ_FINGERPRINT_SIZE];
	struct ztj_buf list;
	size_t i;
	int r = person_signed(c, l, st->u.request.who);

	if (r != ZTJ_OK || (r = ztj_proof_seen(c, l)) != ZTJ_OK)
		return r;
	if (strcmp(ztj_event_text(&l->e, "role"), st->u.request.role) != 0 ||
	    ztj_proof_number(l, "duration") != st->u.request.duration ||
	    json_array_size(hosts) != st->u.request.nhosts)
		return ztj_proof_refuse(c, l, ZTJ_STATE, "it says something else than the request");
	ztj_buf_init(&list, ZTJ_HOSTS_MAX * ZTJ_FULLNAME_SIZE);
	json_array_foreach(hosts, i, h)
	{
		if (!json_is_string(h) || strcmp(json_string_value(h), st->u.request.hosts[i]) != 0)
			r = ZTJ_STATE;
		(void)ztj_buf_printf(&list, "%s%s", i == 0 ? "" : ", ", st->u.request.hosts[i]);
	}
	if (r == ZTJ_OK)
		ztj_proof_say(c, l, "%s asked for %s on %s for %lld s%s%s%s, because: %s (key %s%s)",
		    st->u.request.who, st->u.request.role, ztj_buf_str(&list),
		    (long long)st->u.request.duration, st->u.request.ticket[0] != '\0' ? ", ticket " : "",
		    st->u.request.ticket, st->u.request.break_glass ? ", break-glass" : "",
		    st->u.request.reason, key_text(l, fp), verified(l));
	ztj_buf_free(&list);
	return r == ZTJ_OK ? r : ztj_proof_refuse(c, l, r, "it names other hosts than the request");
}

static int tell_approval(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	const struct ztj_stmt *st = l->stmt;
	char fp[ZTJ_FINGERPRINT_SIZE];
	int r = person_signed(c, l, st->u.approval.who);

	if (r != ZTJ_OK || (r = ztj_proof_seen(c, l)) != ZTJ_OK)
		return r;
	if (strcmp(ztj_event_text(&l->e, "decision"), st->u.approval.deny ? "deny" : "approve") != 0 ||
	    ztj_proof_number(l, "duration") != st->u.approval.limit)
		return ztj_proof_refuse(c, l, ZTJ_STATE, "it says something else than the approval");
	if (st->u.approval.limit > 0)
		ztj_proof_say(c, l, "%s approved it for at most %lld s%s%s (key %s%s)", st->u.approval.who,
		    (long long)st->u.approval.limit, st->u.approval.comment[0] != '\0' ? ": " : "",
		    st->u.approval.comment, key_text(l, fp), verified(l));
	else
		ztj_proof_say(c, l, "%s %s it%s%s (key %s%s)", st->u.approval.who,
		    st->u.approval.deny ? "denied" : "approved",
		    st->u.approval.comment[0] != '\0' ? ": " : "", st->u.approval.comment, key_text(l, fp),
		    verified(l));
	return ZTJ_OK;
}

static int tell_revocation(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	const char *who = l->stmt->u.revocation.who;
	char fp[ZTJ_FINGERPRINT_SIZE];
	int r = who[0] != '\0' ? person_signed(c, l, who) : office_signed(c, l);

	if (r == ZTJ_OK)
		ztj_proof_say(c, l, "%s revoked it: %s (key %s%s)",
		    who[0] != '\0' ? who : "a key that the policy names", l->stmt->u.revocation.reason,
		    key_text(l, fp), verified(l));
	return r;
}

static int tell_statement(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	const struct ztj_stmt *st = l->stmt;
	const uint8_t *id = st->id;

	if (st->type == ZTJ_STMT_APPROVAL)
		id = st->u.approval.request;
	if (st->type == ZTJ_STMT_REVOCATION && st->u.revocation.what != ZTJ_REVOKES_REQUEST)
		return ztj_proof_refuse(c, l, ZTJ_STATE, "such a revocation has no place in a proof");
	if (st->type == ZTJ_STMT_REVOCATION)
		id = st->u.revocation.request;
	if (!in_chain(c, id) || !ztj_proof_digest_is(l, "request", id))
		return ztj_proof_refuse(c, l, ZTJ_WRONG_REQUEST, "it is about another request");
	if (st->type == ZTJ_STMT_REQUEST)
		return tell_request(c, l);
	return st->type == ZTJ_STMT_APPROVAL ? tell_approval(c, l) : tell_revocation(c, l);
}

static int tell_certificate(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	ztj_proof_say(c, l,
	    "a certificate was issued to %s: serial %s, its SHA-256 %s, for the key %s, until %s",
	    ztj_event_text(&l->e, "person"), ztj_event_text(&l->e, "certificate"),
	    ztj_event_text(&l->e, "digest"), ztj_event_text(&l->e, "key"), ztj_event_text(&l->e, "ends"));
	return ZTJ_OK;
}

/* What a host signed of its record. */
static int check_head(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	static const char *const
	    states[] = { [ZTJ_HEAD_OPEN] = "head", [ZTJ_HEAD_CLOSED] = "closed", [ZTJ_HEAD_LOST] = "lost" };
	const struct ztj_stmt *st = l->stmt;
	const char *host = ztj_event_text(&l->e, "host");
	const struct ztj_record *rec = ztj_proof_record_at(c, host, l->item->n);
	const struct ztj_policy *p = ztj_proof_policy_at(c, l->item->n);

	if (strcmp(st->u.head.host, host) != 0 || strcmp(l->e.outcome, states[st->u.head.state]) != 0 ||
	    !ztj_proof_digest_is(l, "digest", st->u.head.digest) ||
	    ztj_proof_number(l, "chunks") != st->u.head.chunks ||
	    ztj_proof_number(l, "bytes") != st->u.head.bytes)
		return ztj_proof_refuse(c, l, ZTJ_STATE, "it says something else than its host signed");
	if (rec == NULL || !rec->host)
		return ztj_proof_refuse(c, l, ZTJ_HOST_UNKNOWN,
		    "no directory in the file says which key %s has", host);
	if (p == NULL || ztj_policy_key_revoked(p, &l->signer[0].key))
		return ztj_proof_refuse(c, l, p == NULL ? ZTJ_NOT_FOUND : ZTJ_KEY_REVOKED,
		    p == NULL ? "no policy in the file was there before it"
			      : "it is signed by a key that the policy has revoked");
	return ztj_key_equal(&rec->machine, &l->signer[0].key)
	    ? ZTJ_OK
	    : ztj_proof_refuse(c, l, ZTJ_SIGNER,
		  "the head is not signed by the key that the directory has for %s", host);
}

static int tell_session(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	const char *id = ztj_event_text(&l->e, "session"), *host = ztj_event_text(&l->e, "host"),
		   *command = ztj_event_text(&l->e, "command");
	char hex[ZTJ_HEX_SIZE], fp[ZTJ_FINGERPRINT_SIZE];
	int r;

	if (l->stmt == NULL) {
		ztj_proof_say(c, l, "session %s of %s as %s on %s %s%s%s", id,
		    ztj_event_text(&l->e, "person"), ztj_event_text(&l->e, "account"), host,
		    strcmp(l->e.outcome, "started") == 0 ? "began"
							 : "was given up as lost, by the broker's word alone",
		    command[0] != '\0' ? ": " : "", command);
		return ZTJ_OK;
	}
	if ((r = check_head(c, l)) != ZTJ_OK)
		return r;
	ztj_hex(l->stmt->u.head.digest, ZTJ_DIGEST_LEN, hex);
	ztj_proof_say(c, l,
	    "%s signed the record that the broker files as session %s (%s): %lld chunks, %lld bytes, digest %s (key %s)",
	    host, id,
	    l->stmt->u.head.state == ZTJ_HEAD_CLOSED     ? "whole"
		: l->stmt->u.head.state == ZTJ_HEAD_LOST ? "it breaks off"
							 : "so far",
	    (long long)l->stmt->u.head.chunks, (long long)l->stmt->u.head.bytes, hex, key_text(l, fp));
	return ZTJ_OK;
}

static int tell_decision(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	const char *service = ztj_event_text(&l->e, "service"), *account = ztj_event_text(&l->e, "account");

	ztj_proof_say(c, l, "%s says of itself: %s %s%s%s%s%s", ztj_event_text(&l->e, "host"),
	    ztj_event_text(&l->e, "action"), l->e.outcome, service[0] != '\0' ? ", " : "", service,
	    account[0] != '\0' ? " as " : "", account);
	return ZTJ_OK;
}

/* Whose it is, of what nobody signed. */
static int of_request(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	if (!ztj_proof_digest_is(l, "request", c->p->request))
		return ztj_proof_refuse(c, l, ZTJ_WRONG_REQUEST, "it is about another request");
	if (strcmp(ztj_event_text(&l->e, "person"), request(c)->u.request.who) != 0 &&
	    l->kind != ZTJ_PROOF_DECISION)
		return ztj_proof_refuse(c, l, ZTJ_WRONG_PERSON, "it is about somebody else than the request");
	return ZTJ_OK;
}

int ztj_proof_tell(struct ztj_proof_check *c, struct ztj_proof_leaf *l)
{
	int r = l->kind == ZTJ_PROOF_CERTIFICATE || l->kind == ZTJ_PROOF_SESSION ||
		l->kind == ZTJ_PROOF_DECISION
	    ? of_request(c, l)
	    : ZTJ_OK;

	if (r != ZTJ_OK)
		return r;
	switch (l->kind) {
	case ZTJ_PROOF_POLICY:
		ztj_proof_say(c, l, "policy version %lld, signed by %zu of the pinned roots",
		    (long long)l->policy->version, l->nsigners);
		return ZTJ_OK;
	case ZTJ_PROOF_DIRECTORY:
		ztj_proof_say(c, l,
		    "directory %s, serial %lld, signed by its registrars; %zu of its %lld records are here",
		    l->stmt->u.directory.name, (long long)l->stmt->u.directory.serial, l->item->nrecords,
		    (long long)l->stmt->u.directory.records);
		return ZTJ_OK;
	case ZTJ_PROOF_STATEMENT:
		return tell_statement(c, l);
	case ZTJ_PROOF_CERTIFICATE:
		return tell_certificate(c, l);
	case ZTJ_PROOF_SESSION:
		return tell_session(c, l);
	case ZTJ_PROOF_DECISION:
		return tell_decision(c, l);
	}
	return ZTJ_INTERNAL;
}
