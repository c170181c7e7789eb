/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * How a held directory may move (DESIGN section 4, "Directories"): the newest statement by today's registrars,
 * the links before it by digest and serial, the records by Merkle root and delegation.
 */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/trust_priv.h"

#define CHAIN_LENGTH_MAX (1u << 20)

struct ztj_held *ztj_trust_held(struct ztj_trust *t, const char *name)
{
	for (size_t i = 0; i < t->ndirs; i++)
		if (strcmp(ztj_dir_name(t->dir[i].dir), name) == 0)
			return &t->dir[i];
	return NULL;
}

const struct ztj_held *ztj_trust_held_c(const struct ztj_trust *t, const char *name)
{
	for (size_t i = 0; i < t->ndirs; i++)
		if (strcmp(ztj_dir_name(t->dir[i].dir), name) == 0)
			return &t->dir[i];
	return NULL;
}

/* ---- judging ---- */

static bool lists(const struct ztj_strs *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->s[i], s) == 0)
			return true;
	return false;
}

static bool lists_label(const struct ztj_registrar *g, const struct ztj_label *l)
{
	for (size_t i = 0; i < g->nlabels; i++)
		if (strcmp(g->labels[i].key, l->key) == 0 &&
		    (strcmp(g->labels[i].value, "*") == 0 || strcmp(g->labels[i].value, l->value) == 0))
			return true;
	return false;
}

bool ztj_registrar_may(const struct ztj_registrar *g, const struct ztj_record *r)
{
	if (r->host) {
		if (g->nlabels == 0)
			return false;
		for (size_t i = 0; i < r->nlabels; i++)
			if (!lists_label(g, &r->labels[i]))
				return false;
		return true;
	}
	if (g->uid_max == 0 || r->uid < g->uid_min || r->uid > g->uid_max)
		return false;
	for (size_t i = 0; i < r->ngroups; i++)
		if (!lists(&g->groups, r->groups[i]))
			return false;
	return true;
}

static bool in_lineage(const struct ztj_held *h, const uint8_t digest[ZTJ_DIGEST_LEN])
{
	for (size_t i = h->nlineage; i > 0; i--)
		if (memcmp(h->lineage[i - 1], digest, ZTJ_DIGEST_LEN) == 0)
			return true;
	return false;
}

static int judge_signers(const struct ztj_held *h, const struct ztj_policy *p, const struct ztj_registrar *g)
{
	const struct ztj_key *signers[ZTJ_SIGS_MAX];

	for (size_t i = 0; i < h->nsigners; i++)
		signers[i] = &h->signer[i];
	/* a threshold of nobody would admit everybody */
	if (g->threshold == 0 || ztj_trust_count(p, g->keys, g->nkeys, signers, h->nsigners) < g->threshold)
		return ZTJ_THRESHOLD;
	return ZTJ_OK;
}

int ztj_held_judge(const struct ztj_held *h, const struct ztj_policy *p)
{
	const struct ztj_registrar *g;
	int r;

	if (h->unsigned_test)
		return ZTJ_OK;
	if (p == NULL)
		return ZTJ_NOT_READY;
	g = ztj_policy_registrar(p, ztj_dir_name(h->dir));
	if (g == NULL)
		return ZTJ_DIR_UNKNOWN;
	r = judge_signers(h, p, g);
	if (r != ZTJ_OK)
		return r;
	if (g->has_base && !in_lineage(h, g->base))
		return ZTJ_DIR_ANCESTRY;
	for (size_t i = 0; i < ztj_dir_count(h->dir); i++)
		if (!ztj_registrar_may(g, ztj_dir_at(h->dir, i)))
			return ZTJ_DIR_DELEGATION;
	return ZTJ_OK;
}

static int64_t expires(const struct ztj_policy *p, int64_t issued, int64_t own)
{
	int64_t most = p == NULL ? 0 : p->limits.directory_max;

	return most > 0 && own - issued > most ? issued + most : own;
}

int64_t ztj_held_expires(const struct ztj_trust *t, const struct ztj_held *h)
{
	return expires(t->policy, h->issued, ztj_dir_expires(h->dir));
}

int ztj_held_state(const struct ztj_trust *t, const struct ztj_held *h, int64_t now)
{
	if (h->verdict != ZTJ_OK || h->unsigned_test)
		return h->verdict;
	return now < ztj_held_expires(t, h) ? ZTJ_OK : ZTJ_DIR_EXPIRED;
}

int ztj_trust_dir_state(const struct ztj_trust *t, const char *name, int64_t now)
{
	const struct ztj_held *h = ztj_trust_held_c(t, name);

	return h == NULL ? ZTJ_DIR_UNKNOWN : ztj_held_state(t, h, now);
}

/* ---- an update ---- */

/* An update in the making. */
struct moving {
	struct ztj_trust *t;
	const struct ztj_dir_update *u;
	const struct ztj_registrar *registrar; /* NULL only when restoring */
	struct ztj_held *held;                 /* NULL: none yet */
	bool restore, override;                /* override: from the policy's base, whatever is held */
	bool again;                            /* the held statement counts anew */
	struct ztj_stmt *newest;
	int64_t first;                  /* serial of the oldest statement given */
	uint8_t before[ZTJ_DIGEST_LEN]; /* the predecessor it names */
	ztj_hash *digest;               /* of every statement given */
	struct ztj_held next;
};

static int64_t last_serial(const struct moving *m)
{
	return m->newest->u.directory.serial;
}

static int open_newest(struct moving *m, int64_t now)
{
	struct ztj_trust *t = m->t;
	const struct ztj_stmt *st;
	size_t n = m->u->nstatements;
	int r;

	if (n == 0 || n > CHAIN_LENGTH_MAX)
		return ZTJ_LIMIT;
	r = ztj_stmt_open_cached(t->cache, &m->u->statements[n - 1], ZTJ_STMT_DIRECTORY, t->pins.domain,
	    &m->newest);
	if (r != ZTJ_OK)
		return r;
	st = m->newest;
	if (strcmp(st->u.directory.name, m->u->name) != 0)
		return ZTJ_BAD_NAME;
	m->next.signer = calloc(st->nsigners, sizeof(*m->next.signer));
	if (m->next.signer == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < st->nsigners; i++)
		m->next.signer[i] = st->signer[i].key;
	m->next.nsigners = st->nsigners;
	m->next.issued = st->issued;
	if (m->restore)
		return ZTJ_OK;
	/* who signed comes first: nobody else's word is worth an alarm */
	r = judge_signers(&m->next, t->policy, m->registrar);
	if (r != ZTJ_OK)
		return r;
	if (st->issued > now + ZTJ_CLOCK_AHEAD)
		return ZTJ_FUTURE;
	if (expires(t->policy, st->issued, st->u.directory.expires) <= now)
		return ZTJ_DIR_EXPIRED;
	return st->seen.policy > t->policy->version ? ZTJ_SEEN_AHEAD : ZTJ_OK;
}

/* One link: the statement before the one at i + 1. Its signature is not judged: whoever signed the newest vouches
 * for all before it by their digests. */
static int check_link(struct moving *m, size_t i, int64_t serial, uint8_t previous[ZTJ_DIGEST_LEN])
{
	struct ztj_stmt *st;
	int r = ztj_stmt_parse(m->u->statements[i].bytes, ZTJ_STMT_DIRECTORY, m->t->pins.domain, &st);

	if (r != ZTJ_OK)
		return r;
	if (strcmp(st->u.directory.name, m->u->name) != 0 || st->u.directory.serial != serial ||
	    memcmp(st->id, m->before, ZTJ_DIGEST_LEN) != 0)
		r = ZTJ_DIR_ANCESTRY;
	memcpy(previous, st->u.directory.previous, ZTJ_DIGEST_LEN);
	memcpy(m->digest[i], st->id, ZTJ_DIGEST_LEN);
	ztj_stmt_free(st);
	return r;
}

/* From the newest back to the oldest given. */
static int check_chain(struct moving *m)
{
	size_t n = m->u->nstatements;
	uint8_t previous[ZTJ_DIGEST_LEN];
	int r;

	m->digest = calloc(n, sizeof(*m->digest));
	if (m->digest == NULL)
		return ZTJ_NOMEM;
	memcpy(m->digest[n - 1], m->newest->id, ZTJ_DIGEST_LEN);
	memcpy(m->before, m->newest->u.directory.previous, sizeof(m->before));
	m->first = last_serial(m) - (int64_t)(n - 1);
	if (m->first < 1)
		return ZTJ_DIR_ANCESTRY;
	for (size_t i = n - 1; i-- > 0;) {
		r = check_link(m, i, m->first + (int64_t)i, previous);
		if (r != ZTJ_OK)
			return r;
		memcpy(m->before, previous, sizeof(m->before));
	}
	return ZTJ_OK;
}

static bool given_base(const struct moving *m)
{
	for (size_t i = 0; i < m->u->nstatements; i++)
		if (memcmp(m->digest[i], m->registrar->base, ZTJ_DIGEST_LEN) == 0)
			return true;
	return false;
}

/* Compares what was given with what is known of the same serials. */
static int check_overlap(const struct moving *m)
{
	const struct ztj_held *h = m->held;
	int64_t held_last = h->first + (int64_t)h->nlineage - 1;

	for (size_t i = 0; i < m->u->nstatements; i++) {
		int64_t serial = m->first + (int64_t)i;

		if (serial >= h->first && serial <= held_last &&
		    memcmp(m->digest[i], h->lineage[serial - h->first], ZTJ_DIGEST_LEN) != 0)
			return ZTJ_DIR_FORK;
	}
	if (last_serial(m) < held_last)
		return ZTJ_DIR_ROLLBACK;
	if (m->first <= held_last)
		return ZTJ_OK;
	return m->first == held_last + 1 && memcmp(m->before, ztj_dir_digest(h->dir), sizeof(m->before)) == 0
	    ? ZTJ_OK
	    : ZTJ_DIR_ANCESTRY;
}

static int check_ancestry(struct moving *m)
{
	const struct ztj_registrar *g = m->registrar;
	bool based = g != NULL && g->has_base,
	     known = m->held != NULL && based && in_lineage(m->held, g->base);

	/* Once it was followed, the base is history like any other: it excuses nothing any more. */
	m->override = based && !known && given_base(m);
	if (m->override)
		return ZTJ_OK;
	if (m->held != NULL) {
		int r = check_overlap(m);

		if (r != ZTJ_OK)
			return r;
	} else if (m->first != 1 && !m->restore) {
		return ZTJ_DIR_ANCESTRY;
	}
	return based && !known && !m->restore ? ZTJ_DIR_ANCESTRY : ZTJ_OK;
}

/* Digests known so far, and those given that go beyond them. */
static int make_lineage(struct moving *m)
{
	const struct ztj_held *h = m->override ? NULL : m->held;
	size_t old = h == NULL ? 0 : h->nlineage, skip;

	m->next.first = h == NULL ? m->first : h->first;
	skip = (size_t)(m->next.first + (int64_t)old - m->first);
	m->next.nlineage = old + m->u->nstatements - skip;
	m->next.lineage = calloc(m->next.nlineage, sizeof(ztj_hash));
	if (m->next.lineage == NULL)
		return ZTJ_NOMEM;
	if (old > 0)
		memcpy(m->next.lineage, h->lineage, old * sizeof(ztj_hash));
	memcpy(m->next.lineage[old], m->digest[skip], (m->u->nstatements - skip) * sizeof(ztj_hash));
	return ZTJ_OK;
}

static int apply(struct moving *m, const struct ztj_dir *base)
{
	int r = ztj_dir_apply(base, m->u->name, &m->u->delta, &m->next.dir);

	if (r == ZTJ_OK)
		r = ztj_dir_commit(m->next.dir, m->newest);
	if (r != ZTJ_OK) {
		ztj_dir_free(m->next.dir);
		m->next.dir = NULL;
	}
	return r;
}

/* The records: a difference against what is held, or the whole set. */
static int make_set(struct moving *m)
{
	int r = apply(m, m->held == NULL ? NULL : m->held->dir);

	if (r != ZTJ_OK && r != ZTJ_NOMEM && m->held != NULL && m->u->delta.ndrop == 0 &&
	    apply(m, NULL) == ZTJ_OK)
		return ZTJ_OK;
	return r == ZTJ_NOT_FOUND ? ZTJ_DIR_ROOT : r;
}

/* The statement that is held, again. New registrars may have signed it since, which makes it count. */
static int same_again(struct moving *m)
{
	struct ztj_held judged = *m->held;

	judged.signer = m->next.signer;
	judged.nsigners = m->next.nsigners;
	if (m->restore || m->held->verdict == ZTJ_OK || ztj_held_judge(&judged, m->t->policy) != ZTJ_OK)
		return ZTJ_EXISTS;
	m->next.signer = m->held->signer;
	*m->held = judged;
	m->held->verdict = ZTJ_OK;
	m->again = true;
	return ZTJ_EXISTS;
}

static int move(struct moving *m, int64_t now)
{
	int r = open_newest(m, now);

	if (r == ZTJ_OK && m->held != NULL &&
	    memcmp(m->newest->id, ztj_dir_digest(m->held->dir), ZTJ_DIGEST_LEN) == 0)
		return same_again(m);
	if (r == ZTJ_OK)
		r = check_chain(m);
	if (r == ZTJ_OK)
		r = check_ancestry(m);
	if (r == ZTJ_OK)
		r = make_lineage(m);
	if (r == ZTJ_OK)
		r = make_set(m);
	if (r != ZTJ_OK)
		return r;
	m->next.verdict = ztj_held_judge(&m->next, m->t->policy);
	return m->restore ? ZTJ_OK : m->next.verdict;
}

static int install(struct ztj_trust *t, struct moving *m)
{
	if (m->held == NULL) {
		if (t->ndirs == ZTJ_SEEN_MAX)
			return ZTJ_LIMIT;
		m->held = &t->dir[t->ndirs++];
	} else {
		ztj_held_free(m->held);
	}
	*m->held = m->next;
	memset(&m->next, 0, sizeof(m->next));
	return ZTJ_OK;
}

int ztj_trust_directory(struct ztj_trust *t, const struct ztj_dir_update *u, int64_t now, bool *changed)
{
	struct moving m = { .t = t, .u = u, .restore = now == ZTJ_TRUST_RESTORE };
	int r;

	*changed = false;
	if (t->for_tests)
		return ZTJ_FORBIDDEN;
	if (!ztj_name_ok(u->name))
		return ZTJ_BAD_NAME;
	if (t->policy != NULL)
		m.registrar = ztj_policy_registrar(t->policy, u->name);
	if (!m.restore && m.registrar == NULL)
		return t->policy == NULL ? ZTJ_NOT_READY : ZTJ_DIR_UNKNOWN;
	m.held = ztj_trust_held(t, u->name);
	r = move(&m, now);
	if (r == ZTJ_OK)
		r = install(t, &m);
	*changed = r == ZTJ_OK || m.again;
	ztj_stmt_free(m.newest);
	free(m.digest);
	ztj_held_free(&m.next);
	return r == ZTJ_EXISTS ? ZTJ_OK : r;
}
