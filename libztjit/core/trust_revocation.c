/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Revocations: all of them (doc/PROTOCOL.md section 1.4), found by what they revoke. Whether one has effect is
 * judged by today's policy at every use, so it makes no difference when it came or in which order.
 */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/trust_priv.h"

#define REVOCATIONS_MAX 4000000u /* beyond what the bytes allow */
#define BUCKETS_LEAST 64

void ztj_revocations_free(struct ztj_revocations *v)
{
	for (size_t i = 0; i < v->n; i++) {
		free(v->item[i].signer);
		free(v->item[i].raw);
	}
	free(v->item);
	free(v->by_id);
	free(v->by_subject);
	free(v->head);
	memset(v, 0, sizeof(*v));
}

static size_t bucket(const struct ztj_revocations *v, const uint8_t digest[ZTJ_DIGEST_LEN])
{
	uint64_t h;

	memcpy(&h, digest, sizeof(h));
	return h & (v->nbuckets - 1);
}

static void link_item(struct ztj_revocations *v, size_t i)
{
	uint32_t *id = &v->by_id[bucket(v, v->item[i].id)];
	uint32_t *subject = &v->by_subject[bucket(v, v->item[i].subject)];

	v->item[i].next_id = *id;
	v->item[i].next_subject = *subject;
	*id = *subject = (uint32_t)(i + 1);
}

/* Room for one more, with buckets to match. */
static int grow(struct ztj_revocations *v)
{
	size_t cap = v->cap == 0 ? BUCKETS_LEAST : 2 * v->cap;
	struct ztj_revocation *item;
	uint32_t *by_id, *by_subject;

	if (v->n < v->cap)
		return ZTJ_OK;
	if (v->n >= REVOCATIONS_MAX)
		return ZTJ_LIMIT;
	item = reallocarray(v->item, cap, sizeof(*item));
	if (item == NULL)
		return ZTJ_NOMEM;
	v->item = item;
	if (v->head == NULL && (v->head = calloc(1, sizeof(*v->head))) == NULL)
		return ZTJ_NOMEM;
	by_id = calloc(cap, sizeof(*by_id));
	by_subject = calloc(cap, sizeof(*by_subject));
	if (by_id == NULL || by_subject == NULL) {
		free(by_id);
		free(by_subject);
		return ZTJ_NOMEM;
	}
	free(v->by_id);
	free(v->by_subject);
	v->by_id = by_id;
	v->by_subject = by_subject;
	v->cap = v->nbuckets = cap;
	for (size_t i = 0; i < v->n; i++)
		link_item(v, i);
	return ZTJ_OK;
}

/* The next item with that id after the one before `i` (1 + index; 0 at the end). */
static uint32_t next_with_id(const struct ztj_revocations *v, uint32_t i, const uint8_t id[ZTJ_DIGEST_LEN])
{
	while (i != 0 && memcmp(v->item[i - 1].id, id, ZTJ_DIGEST_LEN) != 0)
		i = v->item[i - 1].next_id;
	return i;
}

static uint32_t first_with_id(const struct ztj_revocations *v, const uint8_t id[ZTJ_DIGEST_LEN])
{
	return v->nbuckets == 0 ? 0 : next_with_id(v, v->by_id[bucket(v, id)], id);
}

/* The very same statement, under a signature by the same key? */
static bool has(const struct ztj_revocations *v, const uint8_t id[ZTJ_DIGEST_LEN], const struct ztj_signed *s)
{
	uint32_t i = first_with_id(v, id);
	struct ztj_key k;

	if (i == 0 || s->nsigs != 1 || ztj_sshsig_peek(s->sig[0], &k) != ZTJ_OK)
		return false;
	for (; i != 0; i = next_with_id(v, v->item[i - 1].next_id, id))
		if (ztj_key_equal(v->item[i - 1].signer, &k))
			return true;
	return false;
}

/* What a revocation is found by: the request's digest, or a digest over kind and name. */
static int subject_of(enum ztj_revokes what, const char *name, const uint8_t *request,
    uint8_t out[ZTJ_DIGEST_LEN])
{
	uint8_t text[1 + ZTJ_FULLNAME_SIZE];
	size_t n;

	if (what == ZTJ_REVOKES_REQUEST) {
		if (request == NULL)
			return ZTJ_INTERNAL;
		memcpy(out, request, ZTJ_DIGEST_LEN);
		return ZTJ_OK;
	}
	n = strlen(name);
	if (n >= ZTJ_FULLNAME_SIZE)
		return ZTJ_BAD_NAME;
	text[0] = what == ZTJ_REVOKES_USER ? 'u' : 'h';
	memcpy(text + 1, name, n);
	return ztj_sha256(ztj_view_of(text, n + 1), out);
}

static int keep_raw(const struct ztj_signed *s, struct ztj_revocation *item)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 2 * ZTJ_STMT_MAX);
	r = ztj_signed_write(s, &b);
	if (r == ZTJ_OK) {
		item->raw = malloc(b.n);
		r = item->raw == NULL ? ZTJ_NOMEM : ZTJ_OK;
	}
	if (r == ZTJ_OK) {
		memcpy(item->raw, b.p, b.n);
		item->raw_len = b.n;
	}
	ztj_buf_free(&b);
	return r;
}

static int make_item(const struct ztj_signed *s, const struct ztj_stmt *st, struct ztj_revocation *item)
{
	int r = subject_of(st->u.revocation.what, st->u.revocation.name, st->u.revocation.request,
	    item->subject);

	if (r != ZTJ_OK)
		return r;
	memcpy(item->id, st->id, ZTJ_DIGEST_LEN);
	item->what = st->u.revocation.what;
	item->issued = st->issued;
	item->until = st->u.revocation.until;
	item->serial = st->u.revocation.serial;
	item->named = st->u.revocation.who[0] != '\0';
	item->signer = malloc(sizeof(*item->signer));
	if (item->signer == NULL)
		return ZTJ_NOMEM;
	*item->signer = st->signer[0].key;
	return item->what == ZTJ_REVOKES_REQUEST ? keep_raw(s, item) : ZTJ_OK;
}

/* What it takes here, and on the disk of whoever keeps it. */
static size_t weight(const struct ztj_signed *s)
{
	return sizeof(struct ztj_revocation) + sizeof(struct ztj_key) + 2 * sizeof(uint32_t) + s->bytes.n +
	    s->sig[0].n + 64;
}

static int append(struct ztj_revocations *v, const struct ztj_signed *s, const struct ztj_stmt *st,
    bool again)
{
	struct ztj_revocation item = { .again = again };
	int r = grow(v);

	if (r == ZTJ_OK)
		r = make_item(s, st, &item);
	if (r != ZTJ_OK) {
		free(item.signer);
		free(item.raw);
		return r;
	}
	v->head->known = false;
	v->item[v->n] = item;
	link_item(v, v->n++);
	v->chained += !again;
	v->bytes += weight(s);
	return ZTJ_OK;
}

/* ---- who may revoke a user or host ---- */

static bool has_key(const struct ztj_key *list, size_t n, const struct ztj_key *k)
{
	for (size_t i = 0; i < n; i++)
		if (ztj_key_equal(&list[i], k))
			return true;
	return false;
}

/* Any one registrar of that directory, or the broker for a day: reducing access needs less authority than giving it. */
static int author_right(const struct ztj_policy *p, const char *fullname, const struct ztj_key *signer,
    int64_t span)
{
	char directory[ZTJ_NAME_SIZE];
	const struct ztj_registrar *g;
	size_t n = strcspn(fullname, "/");

	if (p == NULL)
		return ZTJ_NOT_READY;
	if (n >= sizeof(directory))
		return ZTJ_BAD_NAME;
	memcpy(directory, fullname, n);
	directory[n] = '\0';
	g = ztj_policy_registrar(p, directory);
	if (g == NULL)
		return ZTJ_DIR_UNKNOWN;
	if (ztj_policy_key_revoked(p, signer))
		return ZTJ_KEY_REVOKED;
	if (has_key(g->keys, g->nkeys, signer))
		return ZTJ_OK;
	if (!has_key(p->broker.online, p->broker.nonline, signer))
		return ZTJ_SIGNER;
	return span <= ZTJ_BROKER_REVOKE_MAX ? ZTJ_OK : ZTJ_TOO_LONG;
}

/* ---- taking one ---- */

static bool is_registrar(const struct ztj_policy *p, const struct ztj_key *k)
{
	for (size_t i = 0; i < p->nregistrars; i++)
		if (has_key(p->registrars[i].keys, p->registrars[i].nkeys, k))
			return true;
	return false;
}

/* For a request, which is not at hand, only what can be told: the key is the named person's, a registrar's or the broker's. */
static bool credible(const struct ztj_trust *t, const struct ztj_stmt *st, const struct ztj_key *k)
{
	const struct ztj_policy *p = t->policy;
	const struct ztj_record *rec;

	if (p == NULL || ztj_policy_key_revoked(p, k))
		return false;
	if (st->u.revocation.who[0] != '\0') {
		rec = ztj_trust_record(t, st->u.revocation.who);
		return rec != NULL && ztj_record_key(rec, k, 0, 0) != ZTJ_SIGNER;
	}
	if (st->u.revocation.what != ZTJ_REVOKES_REQUEST)
		return author_right(p, st->u.revocation.name, k, st->u.revocation.until - st->issued) ==
		    ZTJ_OK;
	return has_key(p->broker.online, p->broker.nonline, k) || is_registrar(p, k);
}

/* The same bytes, and so the same id, can be signed by anybody. Who signed first must not keep the one out whose word counts. */
static bool worth_keeping(const struct ztj_trust *t, const struct ztj_stmt *st)
{
	const struct ztj_revocations *v = &t->rev;

	if (!credible(t, st, &st->signer[0].key))
		return false;
	for (uint32_t i = first_with_id(v, st->id); i != 0;
	     i = next_with_id(v, v->item[i - 1].next_id, st->id))
		if (credible(t, st, v->item[i - 1].signer))
			return false;
	return true;
}

static int check_room(const struct ztj_trust *t, const struct ztj_signed *s, const struct ztj_stmt *st)
{
	const struct ztj_key *k = &st->signer[0].key;
	const struct ztj_policy *p = t->policy;
	size_t max = t->rev.bytes_max;
	bool broker = p != NULL && has_key(p->broker.online, p->broker.nonline, k);

	if (broker || !credible(t, st, k))
		max -= max / ZTJ_REVOCATION_PART;
	return weight(s) <= max && t->rev.bytes <= max - weight(s) ? ZTJ_OK : ZTJ_LIMIT;
}

int ztj_trust_revocation(struct ztj_trust *t, const struct ztj_signed *s, int64_t now, bool *changed)
{
	const bool restore = now == ZTJ_TRUST_RESTORE;
	uint8_t id[ZTJ_DIGEST_LEN];
	struct ztj_stmt *st;
	bool again;
	int r;

	*changed = false;
	if (t->for_tests)
		return ZTJ_FORBIDDEN;
	r = ztj_stmt_id(s->bytes, id);
	if (r != ZTJ_OK)
		return r;
	if (has(&t->rev, id, s))
		return ZTJ_OK;
	r = ztj_stmt_open_cached(t->cache, s, ZTJ_STMT_REVOCATION, t->pins.domain, &st);
	if (r != ZTJ_OK)
		return r;
	again = first_with_id(&t->rev, id) != 0;
	if (again && !restore && !worth_keeping(t, st)) {
		ztj_stmt_free(st);
		return ZTJ_OK;
	}
	if (!restore && st->issued > now + ZTJ_CLOCK_AHEAD)
		r = ZTJ_FUTURE;
	if (r == ZTJ_OK && !restore)
		r = check_room(t, s, st);
	if (r == ZTJ_OK)
		r = append(&t->rev, s, st, again);
	*changed = r == ZTJ_OK;
	ztj_stmt_free(st);
	return r;
}

bool ztj_trust_credible(const struct ztj_trust *t, const struct ztj_stmt *rev)
{
	return rev->type == ZTJ_STMT_REVOCATION && rev->nsigners == 1 &&
	    credible(t, rev, &rev->signer[0].key);
}

int ztj_trust_may_revoke(const struct ztj_trust *t, const struct ztj_stmt *rev, int64_t now)
{
	if (rev->type != ZTJ_STMT_REVOCATION || rev->u.revocation.what == ZTJ_REVOKES_REQUEST)
		return ZTJ_STMT_TYPE;
	if (rev->u.revocation.who[0] != '\0' || rev->nsigners != 1)
		return ZTJ_SIGNER;
	if (rev->issued > now + ZTJ_CLOCK_AHEAD)
		return ZTJ_FUTURE;
	return author_right(t->policy, rev->u.revocation.name, &rev->signer[0].key,
	    rev->u.revocation.until - rev->issued);
}

int ztj_trust_revoked(const struct ztj_trust *t, enum ztj_revokes what, const char *fullname, int64_t serial,
    int64_t now)
{
	const struct ztj_revocations *v = &t->rev;
	uint8_t subject[ZTJ_DIGEST_LEN];
	int r;

	if (v->n == 0)
		return ZTJ_OK;
	r = subject_of(what, fullname, NULL, subject);
	if (r != ZTJ_OK)
		return r;
	for (uint32_t i = v->by_subject[bucket(v, subject)]; i != 0; i = v->item[i - 1].next_subject) {
		const struct ztj_revocation *item = &v->item[i - 1];

		if (item->what != what || memcmp(item->subject, subject, sizeof(subject)) != 0)
			continue;
		if (item->named || now >= item->until || serial > item->serial)
			continue;
		if (author_right(t->policy, fullname, item->signer, item->until - item->issued) == ZTJ_OK)
			return ZTJ_REVOKED;
	}
	return ZTJ_OK;
}

static int open_item(const struct ztj_trust *t, const struct ztj_revocation *item, struct ztj_stmt **out)
{
	struct ztj_signed s;
	struct ztj_rd rd;
	int r;

	*out = NULL;
	ztj_rd_init(&rd, ztj_view_of(item->raw, item->raw_len));
	r = ztj_signed_read(&rd, &s);
	if (r != ZTJ_OK)
		return r;
	return ztj_stmt_open_cached(t->cache, &s, ZTJ_STMT_REVOCATION, t->pins.domain, out);
}

int ztj_trust_request_revocations(const struct ztj_trust *t, const uint8_t request[ZTJ_DIGEST_LEN],
    struct ztj_stmt **out, size_t max, size_t *n)
{
	const struct ztj_revocations *v = &t->rev;
	size_t opened = 0, skip = 0;

	*n = 0;
	if (v->nbuckets == 0)
		return ZTJ_OK;
	for (uint32_t i = v->by_subject[bucket(v, request)]; i != 0; i = v->item[i - 1].next_subject)
		*n += v->item[i - 1].what == ZTJ_REVOKES_REQUEST &&
		    memcmp(v->item[i - 1].subject, request, ZTJ_DIGEST_LEN) == 0;
	/* the buckets run from the newest to the oldest: the last ones are the first that are given */
	skip = *n > max ? *n - max : 0;
	opened = *n - skip;
	for (uint32_t i = v->by_subject[bucket(v, request)]; i != 0 && opened > 0;
	     i = v->item[i - 1].next_subject) {
		const struct ztj_revocation *item = &v->item[i - 1];
		int r;

		if (item->what != ZTJ_REVOKES_REQUEST || memcmp(item->subject, request, ZTJ_DIGEST_LEN) != 0)
			continue;
		if (skip > 0) {
			skip--;
			continue;
		}
		r = open_item(t, item, &out[opened - 1]);
		if (r != ZTJ_OK) {
			for (size_t k = opened; k < (*n < max ? *n : max); k++)
				ztj_stmt_free(out[k]);
			*n = 0;
			return r;
		}
		opened--;
	}
	return ZTJ_OK;
}

size_t ztj_trust_nrevocations(const struct ztj_trust *t)
{
	return t->rev.chained;
}

static int id_order(const void *a, const void *b)
{
	return memcmp(a, b, ZTJ_DIGEST_LEN);
}

/* SHA-256 over the sorted ids. */
static int set_digest(const struct ztj_revocations *v, uint8_t out[ZTJ_DIGEST_LEN])
{
	uint8_t(*id)[ZTJ_DIGEST_LEN] = calloc(v->chained, sizeof(*id));
	size_t n = 0;
	int r;

	if (id == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < v->n; i++)
		if (!v->item[i].again)
			memcpy(id[n++], v->item[i].id, sizeof(*id));
	qsort(id, n, sizeof(*id), id_order);
	r = ztj_sha256(ztj_view_of(id, n * sizeof(*id)), out);
	free(id);
	return r;
}

const uint8_t *ztj_trust_revocation_head(const struct ztj_trust *t)
{
	static const uint8_t none[ZTJ_DIGEST_LEN];
	struct ztj_revocation_head *h = t->rev.head;

	if (h == NULL || t->rev.chained == 0)
		return none;
	if (!h->known)
		h->known = set_digest(&t->rev, h->digest) == ZTJ_OK;
	return h->known ? h->digest : none;
}
