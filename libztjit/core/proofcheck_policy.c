/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Policies and directories of a proof file: who may sign what, and whose key is whose. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/proofcheck_int.h"
#include "libztjit/core/trust_priv.h"

static size_t count(const struct ztj_policy *p, const struct ztj_key *list, size_t nlist,
    const struct ztj_proof_leaf *l)
{
	const struct ztj_key *signers[ZTJ_SIGS_MAX];

	for (size_t i = 0; i < l->nsigners; i++)
		signers[i] = &l->signer[i].key;
	return ztj_trust_count(p, list, nlist, signers, l->nsigners);
}

/* --- policies --- */

const struct ztj_policy *ztj_proof_newest(const struct ztj_proof_check *c)
{
	return ztj_proof_policy_at(c, UINT64_MAX);
}

const struct ztj_policy *ztj_proof_policy_at(const struct ztj_proof_check *c, uint64_t n)
{
	const struct ztj_policy *p = NULL;

	for (size_t i = 0; i < c->p->n && c->leaf[i].item->n < n; i++)
		if (c->leaf[i].kind == ZTJ_PROOF_POLICY)
			p = c->leaf[i].policy;
	return p;
}

static int check_policy(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	const struct ztj_policy *p = l->policy, *before = ztj_proof_policy_at(c, l->item->n);

	if (strcmp(p->domain, c->pins->domain) != 0)
		return ztj_proof_refuse(c, l, ZTJ_DOMAIN, "the policy is of the domain %s", p->domain);
	if (count(p, c->pins->root, c->pins->nroots, l) < c->pins->threshold)
		return ztj_proof_refuse(c, l, ZTJ_THRESHOLD,
		    "too few of the pinned roots signed this policy");
	if (before != NULL && before->version >= p->version)
		return ztj_proof_refuse(c, l, ZTJ_POLICY_ROLLBACK,
		    "policy version %lld comes after version %lld", (long long)p->version,
		    (long long)before->version);
	if (ztj_proof_number(l, "version") != p->version)
		return ztj_proof_refuse(c, l, ZTJ_STATE, "the leaf speaks of another version of the policy");
	return ZTJ_OK;
}

int ztj_proof_policies(struct ztj_proof_check *c)
{
	const struct ztj_policy *newest;

	for (size_t i = 0; i < c->p->n; i++)
		if (c->leaf[i].kind == ZTJ_PROOF_POLICY) {
			int r = check_policy(c, &c->leaf[i]);

			if (r != ZTJ_OK)
				return r;
		}
	newest = ztj_proof_newest(c);
	if (newest == NULL)
		return ztj_proof_refuse(c, NULL, ZTJ_NOT_FOUND, "there is no policy in the file");
	if (c->pins->has_floor &&
	    (newest->version < c->pins->floor_version ||
		(newest->version == c->pins->floor_version &&
		    memcmp(newest->digest, c->pins->floor, sizeof(c->pins->floor)) != 0)))
		return ztj_proof_refuse(c, NULL, ZTJ_POLICY_ROLLBACK,
		    "the newest policy in the file is older than the one pinned with the roots, or another");
	return ZTJ_OK;
}

/* --- directories --- */

static int one_record(struct ztj_proof_check *c, const struct ztj_proof_leaf *l,
    const struct ztj_proof_record *in, int64_t *last)
{
	const struct ztj_registrar *g = ztj_policy_registrar(ztj_proof_policy_at(c,
								 l->item->n > c->leaf[c->request].item->n
								     ? l->item->n
								     : c->leaf[c->request].item->n),
	    l->stmt->u.directory.name);
	struct ztj_inclusion at;
	struct ztj_record *rec = NULL;
	int r = ztj_path_read(in->path, &at);

	if (r == ZTJ_OK && (int64_t)at.index <= *last)
		r = ZTJ_DIR_ORDER;
	if (r == ZTJ_OK)
		r = ztj_inclusion_verify(&at, in->bytes, (uint64_t)l->stmt->u.directory.records,
		    l->stmt->u.directory.root);
	if (r != ZTJ_OK)
		return ztj_proof_refuse(c, l, r == ZTJ_LOG_ALTERED ? ZTJ_DIR_ROOT : r,
		    "a record does not stand in the directory that was signed");
	*last = (int64_t)at.index;
	r = ztj_record_parse(in->bytes, &rec);
	if (r == ZTJ_OK && !ztj_registrar_may(g, rec))
		r = ZTJ_DIR_DELEGATION;
	ztj_record_unref(rec);
	return r == ZTJ_OK ? r : ztj_proof_refuse(c, l, r, "a record: %s", ztj_err_text(r));
}

/* The records as a set. */
static int make_set(const struct ztj_proof_leaf *l, struct ztj_dir **out)
{
	struct ztj_dir_delta delta = { .nput = l->item->nrecords };
	struct ztj_view *put = calloc(l->item->nrecords, sizeof(*put));
	int r;

	*out = NULL;
	if (put == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < l->item->nrecords; i++)
		put[i] = l->item->record[i].bytes;
	delta.put = put;
	r = ztj_dir_apply(NULL, l->stmt->u.directory.name, &delta, out);
	free(put);
	return r;
}

static int check_directory(struct ztj_proof_check *c, struct ztj_proof_leaf *l)
{
	uint64_t request = c->leaf[c->request].item->n, n = l->item->n;
	const struct ztj_policy *p = ztj_proof_policy_at(c, n > request ? n : request);
	const char *name = l->stmt->u.directory.name;
	const struct ztj_registrar *g = p == NULL ? NULL : ztj_policy_registrar(p, name);
	int64_t last = -1;
	int r = ZTJ_OK;

	if (g == NULL)
		return ztj_proof_refuse(c, l, ZTJ_DIR_UNKNOWN,
		    "the policy names no registrar for directory %s", name);
	if (g->threshold == 0 || count(p, g->keys, g->nkeys, l) < g->threshold)
		return ztj_proof_refuse(c, l, ZTJ_THRESHOLD, "too few registrars of directory %s signed it",
		    name);
	if (strcmp(ztj_event_text(&l->e, "name"), name) != 0 ||
	    ztj_proof_number(l, "serial") != l->stmt->u.directory.serial)
		return ztj_proof_refuse(c, l, ZTJ_STATE, "the leaf speaks of another directory");
	if (l->item->nrecords == 0)
		return ztj_proof_refuse(c, l, ZTJ_STATE, "a directory without a record proves nothing");
	for (size_t i = 0; r == ZTJ_OK && i < l->item->nrecords; i++)
		r = one_record(c, l, &l->item->record[i], &last);
	return r == ZTJ_OK ? make_set(l, &l->dir) : r;
}

int ztj_proof_directories(struct ztj_proof_check *c)
{
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < c->p->n; i++)
		if (c->leaf[i].kind == ZTJ_PROOF_DIRECTORY)
			r = check_directory(c, &c->leaf[i]);
	return r;
}

/* The last one of that name before leaf n; NULL: none. */
static const struct ztj_proof_leaf *directory_at(const struct ztj_proof_check *c, const char *name,
    uint64_t n)
{
	const struct ztj_proof_leaf *last = NULL;

	for (size_t i = 0; i < c->p->n && c->leaf[i].item->n < n; i++)
		if (c->leaf[i].kind == ZTJ_PROOF_DIRECTORY &&
		    strcmp(c->leaf[i].stmt->u.directory.name, name) == 0)
			last = &c->leaf[i];
	return last;
}

const struct ztj_record *ztj_proof_record_at(const struct ztj_proof_check *c, const char *fullname,
    uint64_t n)
{
	const char *tail = ztj_fullname_tail(fullname);
	const struct ztj_proof_leaf *l;
	char name[ZTJ_FULLNAME_SIZE];
	size_t len = (size_t)(tail - fullname);

	if (len == 0 || len >= sizeof(name))
		return NULL;
	memcpy(name, fullname, len - 1);
	name[len - 1] = '\0';
	l = directory_at(c, name, n);
	return l == NULL ? NULL : ztj_dir_find(l->dir, tail);
}

int ztj_proof_seen(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	const struct ztj_seen *seen = &l->stmt->seen;
	const struct ztj_policy *p = ztj_proof_policy_at(c, l->item->n);

	if (p == NULL)
		return ZTJ_INTERNAL;
	if (seen->policy > p->version)
		return ztj_proof_refuse(c, l, ZTJ_SEEN_AHEAD,
		    "its signer had seen policy version %lld, the file has %lld", (long long)seen->policy,
		    (long long)p->version);
	for (size_t i = 0; i < seen->ndirs; i++) {
		const struct ztj_proof_leaf *d = directory_at(c, seen->dir[i].name, l->item->n);

		if (d != NULL && d->stmt->u.directory.serial < seen->dir[i].serial)
			return ztj_proof_refuse(c, l, ZTJ_SEEN_AHEAD,
			    "its signer had seen directory %s with serial %lld, the file has %lld",
			    seen->dir[i].name, (long long)seen->dir[i].serial,
			    (long long)d->stmt->u.directory.serial);
	}
	return ZTJ_OK;
}

/* --- the grant --- */

static int add_directories(const struct ztj_proof_check *c, struct ztj_trust *t, uint64_t n)
{
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < c->p->n; i++) {
		const struct ztj_proof_leaf *l = &c->leaf[i];
		struct ztj_dir *set;

		if (l->kind != ZTJ_PROOF_DIRECTORY || directory_at(c, l->stmt->u.directory.name, n) != l)
			continue;
		r = make_set(l, &set);
		if (r == ZTJ_OK && (r = ztj_trust_add_unsigned(t, set)) != ZTJ_OK)
			ztj_dir_free(set);
	}
	return r;
}

/* All that was accepted before leaf n, the request first. */
static int bundle_before(const struct ztj_proof_check *c, uint64_t n, struct ztj_bundle **out)
{
	struct ztj_signed *s = calloc(ZTJ_BUNDLE_STMTS_MAX, sizeof(*s));
	size_t have = 1;
	int r = s == NULL ? ZTJ_NOMEM : ZTJ_OK;

	*out = NULL;
	if (r == ZTJ_OK)
		s[0] = c->leaf[c->request].s;
	for (size_t i = 0; r == ZTJ_OK && i < c->p->n && c->leaf[i].item->n < n; i++) {
		if (c->leaf[i].kind != ZTJ_PROOF_STATEMENT || i == c->request)
			continue;
		if (have == ZTJ_BUNDLE_STMTS_MAX)
			r = ZTJ_LIMIT;
		else
			s[have++] = c->leaf[i].s;
	}
	if (r == ZTJ_OK)
		r = ztj_bundle_make(s, have, c->pins->domain, NULL, out);
	free(s);
	/* Of the directories only the records that matter are here: their serials were compared already. */
	for (size_t i = 0; r == ZTJ_OK && i < (*out)->n; i++)
		(*out)->stmt[i]->seen.ndirs = 0;
	return r;
}

int ztj_proof_grant(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	const struct ztj_policy *p = ztj_proof_policy_at(c, l->item->n);
	struct ztj_trust *t = NULL;
	struct ztj_bundle *b = NULL;
	struct ztj_grant g;
	int r = p == NULL ? ZTJ_NOT_FOUND : ztj_trust_for_tests(p, &t);

	if (r == ZTJ_OK)
		r = add_directories(c, t, l->item->n);
	if (r == ZTJ_OK)
		r = bundle_before(c, l->item->n, &b);
	if (r == ZTJ_OK) {
		ztj_grant_eval(t, b, l->e.time, &g);
		c->out->granted = g.code == ZTJ_OK || g.code == ZTJ_NOT_STARTED;
		(void)snprintf(c->out->grant, sizeof(c->out->grant), "%s%s%s", g.text,
		    c->out->granted ? "" : "; ", c->out->granted ? "" : ztj_err_text(g.code));
	}
	ztj_bundle_free(b);
	ztj_trust_free(t);
	return r == ZTJ_OK ? r
			   : ztj_proof_refuse(c, l, r, "policy and records in the file: %s", ztj_err_text(r));
}
