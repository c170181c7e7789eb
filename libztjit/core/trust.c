/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The trust itself, its policy and the broker's heartbeat. */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/trust_priv.h"

int ztj_trust_new(const struct ztj_pins *pins, struct ztj_sigcache *cache, struct ztj_trust **out)
{
	struct ztj_trust *t;

	*out = NULL;
	if (pins->nroots == 0 || pins->nroots > ZTJ_ROOTS_MAX || pins->threshold == 0 ||
	    pins->threshold > pins->nroots)
		return ZTJ_CONFIG;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return ZTJ_NOMEM;
	t->pins = *pins;
	t->cache = cache;
	t->rev.bytes_max = ZTJ_REVOCATION_BYTES;
	*out = t;
	return ZTJ_OK;
}

int ztj_trust_for_tests(const struct ztj_policy *p, struct ztj_trust **out)
{
	struct ztj_trust *t;

	*out = NULL;
	if (strlen(p->domain) >= sizeof(t->pins.domain))
		return ZTJ_LIMIT;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return ZTJ_NOMEM;
	memcpy(t->pins.domain, p->domain, strlen(p->domain) + 1);
	t->policy = p;
	t->for_tests = true;
	*out = t;
	return ZTJ_OK;
}

int ztj_trust_add_unsigned(struct ztj_trust *t, struct ztj_dir *d)
{
	struct ztj_held *h = &t->dir[t->ndirs];

	if (!t->for_tests)
		return ZTJ_FORBIDDEN;
	if (t->ndirs == ZTJ_SEEN_MAX)
		return ZTJ_LIMIT;
	if (ztj_trust_held(t, ztj_dir_name(d)) != NULL)
		return ZTJ_EXISTS;
	memset(h, 0, sizeof(*h));
	h->dir = d;
	h->verdict = ZTJ_OK;
	h->unsigned_test = true;
	t->ndirs++;
	return ZTJ_OK;
}

void ztj_held_free(struct ztj_held *h)
{
	ztj_dir_free(h->dir);
	free(h->signer);
	free(h->lineage);
	memset(h, 0, sizeof(*h));
}

void ztj_trust_free(struct ztj_trust *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->ndirs; i++)
		ztj_held_free(&t->dir[i]);
	ztj_revocations_free(&t->rev);
	ztj_policy_free(t->own_policy);
	free(t);
}

const struct ztj_pins *ztj_trust_pins(const struct ztj_trust *t)
{
	return &t->pins;
}

const struct ztj_policy *ztj_trust_held_policy(const struct ztj_trust *t)
{
	return t->policy;
}

size_t ztj_trust_count(const struct ztj_policy *p, const struct ztj_key *list, size_t nlist,
    const struct ztj_key *const *signers, size_t nsigners)
{
	size_t count = 0;

	for (size_t i = 0; i < nlist; i++) {
		bool found = false;

		/* a list that names a key twice gives it one voice */
		for (size_t j = 0; j < i && !found; j++)
			found = ztj_key_equal(&list[i], &list[j]);
		if (found || (p != NULL && ztj_policy_key_revoked(p, &list[i])))
			continue;
		for (size_t j = 0; j < nsigners && !found; j++)
			found = ztj_key_equal(&list[i], signers[j]);
		count += found;
	}
	return count;
}

/* Enough roots that neither this policy nor the held one has revoked? */
static int check_roots(const struct ztj_trust *t, const struct ztj_policy *revoking,
    const struct ztj_signer *who, size_t n)
{
	const struct ztj_key *signers[ZTJ_SIGS_MAX];

	for (size_t i = 0; i < n; i++)
		signers[i] = &who[i].key;
	return ztj_trust_count(revoking, t->pins.root, t->pins.nroots, signers, n) >= t->pins.threshold
	    ? ZTJ_OK
	    : ZTJ_THRESHOLD;
}

/* Versions only grow, and never below the floor pinned at join. */
static int check_version(int64_t version, const uint8_t digest[ZTJ_DIGEST_LEN], int64_t held,
    const uint8_t held_digest[ZTJ_DIGEST_LEN])
{
	if (version < held)
		return ZTJ_POLICY_ROLLBACK;
	if (version == held && memcmp(digest, held_digest, ZTJ_DIGEST_LEN) != 0)
		return ZTJ_POLICY_FORK;
	return ZTJ_OK;
}

static int check_policy(const struct ztj_trust *t, const struct ztj_policy *p, const struct ztj_signer *who,
    size_t n)
{
	int r;

	if (strcmp(p->domain, t->pins.domain) != 0)
		return ZTJ_DOMAIN;
	r = check_roots(t, p, who, n);
	if (r == ZTJ_OK && t->pins.has_floor)
		r = check_version(p->version, p->digest, t->pins.floor_version, t->pins.floor);
	if (r == ZTJ_OK && t->policy != NULL)
		r = check_version(p->version, p->digest, t->policy->version, t->policy->digest);
	return r;
}

static void take_policy(struct ztj_trust *t, struct ztj_policy *p)
{
	ztj_policy_free(t->own_policy);
	t->own_policy = p;
	t->policy = p;
	for (size_t i = 0; i < t->ndirs; i++)
		t->dir[i].verdict = ztj_held_judge(&t->dir[i], p);
}

int ztj_trust_policy(struct ztj_trust *t, const struct ztj_signed *s, int64_t now, bool *changed)
{
	struct ztj_signer who[ZTJ_SIGS_MAX];
	struct ztj_policy_problems *problems;
	struct ztj_policy *p = NULL;
	uint8_t digest[ZTJ_DIGEST_LEN];
	int r;

	(void)now; /* a policy has no date of its own; its expiry is judged at every use */
	*changed = false;
	if (t->for_tests)
		return ZTJ_FORBIDDEN;
	r = ztj_stmt_id(s->bytes, digest);
	if (r != ZTJ_OK)
		return r;
	if (t->policy != NULL && memcmp(digest, t->policy->digest, sizeof(digest)) == 0)
		return ZTJ_OK;
	r = ztj_signed_verify(t->cache, s, ZTJ_STMT_POLICY, who);
	if (r == ZTJ_OK)
		r = check_roots(t, t->policy, who, s->nsigs);
	if (r != ZTJ_OK)
		return r;
	problems = calloc(1, sizeof(*problems));
	if (problems == NULL)
		return ZTJ_NOMEM;
	r = ztj_policy_parse(s->bytes, &p, problems);
	free(problems);
	if (r != ZTJ_OK)
		return r;
	r = check_policy(t, p, who, s->nsigs);
	if (r != ZTJ_OK) {
		ztj_policy_free(p);
		return r;
	}
	take_policy(t, p);
	*changed = true;
	return ZTJ_OK;
}

/* ---- the heartbeat ---- */

/* Does the status speak of exactly the directories that count here? */
static bool same_directories(const struct ztj_trust *t, const struct ztj_stmt *st)
{
	size_t named = 0;

	for (size_t i = 0; i < t->ndirs; i++)
		named += t->dir[i].verdict != ZTJ_DIR_UNKNOWN;
	if (named != st->u.status.ndirs)
		return false;
	for (size_t i = 0; i < st->u.status.ndirs; i++) {
		const struct ztj_held *h = ztj_trust_held_c(t, st->u.status.dir[i].name);

		if (h == NULL || h->verdict == ZTJ_DIR_UNKNOWN ||
		    ztj_dir_serial(h->dir) != st->u.status.dir[i].serial ||
		    memcmp(ztj_dir_digest(h->dir), st->u.status.dir[i].digest, ZTJ_DIGEST_LEN) != 0)
			return false;
	}
	return true;
}

static bool matches(const struct ztj_trust *t, const struct ztj_stmt *st)
{
	return st->u.status.policy_version == t->policy->version &&
	    memcmp(st->u.status.policy, t->policy->digest, ZTJ_DIGEST_LEN) == 0 &&
	    (uint64_t)st->u.status.revocations == t->rev.chained &&
	    memcmp(st->u.status.head, ztj_trust_revocation_head(t), ZTJ_DIGEST_LEN) == 0 &&
	    same_directories(t, st);
}

static int check_online(const struct ztj_trust *t, const struct ztj_key *k)
{
	for (size_t i = 0; i < t->policy->broker.nonline; i++)
		if (ztj_key_equal(&t->policy->broker.online[i], k))
			return ztj_policy_key_revoked(t->policy, k) ? ZTJ_KEY_REVOKED : ZTJ_OK;
	return ZTJ_BROKER_KEY;
}

int ztj_trust_status(struct ztj_trust *t, const struct ztj_signed *s, int64_t now)
{
	struct ztj_stmt *st;
	int r;

	if (t->policy == NULL)
		return ZTJ_NOT_READY;
	r = ztj_stmt_open(s, ZTJ_STMT_STATUS, t->pins.domain, &st);
	if (r != ZTJ_OK)
		return r;
	r = check_online(t, &st->signer[0].key);
	if (r == ZTJ_OK && now != ZTJ_TRUST_RESTORE && st->issued > now + ZTJ_CLOCK_AHEAD)
		r = ZTJ_FUTURE;
	if (r == ZTJ_OK && !matches(t, st))
		r = ZTJ_STALE;
	if (r == ZTJ_OK && st->issued > t->fresh)
		t->fresh = st->issued;
	ztj_stmt_free(st);
	return r;
}

int64_t ztj_trust_fresh(const struct ztj_trust *t)
{
	return t->fresh;
}
