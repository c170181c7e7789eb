/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Who is this, and is it theirs: questions to what a trust holds. */
#include <string.h>

#include "libztjit/core/trust_priv.h"

size_t ztj_trust_ndirs(const struct ztj_trust *t)
{
	return t->ndirs;
}

const struct ztj_dir *ztj_trust_dir_at(const struct ztj_trust *t, size_t i)
{
	return i < t->ndirs ? t->dir[i].dir : NULL;
}

const struct ztj_dir *ztj_trust_dir(const struct ztj_trust *t, const char *name)
{
	const struct ztj_held *h = ztj_trust_held_c(t, name);

	return h == NULL ? NULL : h->dir;
}

/* The directory that a full name begins with. */
static const struct ztj_held *held_of(const struct ztj_trust *t, const char *fullname)
{
	char name[ZTJ_NAME_SIZE];
	size_t n = strcspn(fullname, "/");

	if (n >= sizeof(name))
		return NULL;
	memcpy(name, fullname, n);
	name[n] = '\0';
	return ztj_trust_held_c(t, name);
}

static int find(const struct ztj_trust *t, const char *fullname, bool host, int64_t now,
    const struct ztj_record **out)
{
	const int unknown = host ? ZTJ_HOST_UNKNOWN : ZTJ_USER_UNKNOWN;
	const struct ztj_held *h;
	const struct ztj_record *rec;
	int r;

	*out = NULL;
	if (!ztj_fullname_ok(fullname, host))
		return unknown;
	h = held_of(t, fullname);
	if (h == NULL)
		return unknown;
	r = ztj_held_state(t, h, now);
	if (r != ZTJ_OK)
		return r;
	rec = ztj_dir_find(h->dir, ztj_fullname_tail(fullname));
	if (rec == NULL || rec->host != host)
		return unknown;
	r = ztj_trust_revoked(t, host ? ZTJ_REVOKES_HOST : ZTJ_REVOKES_USER, fullname, ztj_dir_serial(h->dir),
	    now);
	if (r != ZTJ_OK)
		return r;
	*out = rec;
	return ZTJ_OK;
}

int ztj_trust_user(const struct ztj_trust *t, const char *fullname, int64_t now,
    const struct ztj_record **out)
{
	return find(t, fullname, false, now, out);
}

int ztj_trust_host(const struct ztj_trust *t, const char *fullname, int64_t now,
    const struct ztj_record **out)
{
	return find(t, fullname, true, now, out);
}

static void put_fullname(const struct ztj_held *h, const struct ztj_record *rec, char out[ZTJ_FULLNAME_SIZE])
{
	size_t n = strlen(ztj_dir_name(h->dir));

	memcpy(out, ztj_dir_name(h->dir), n);
	out[n] = '/';
	memcpy(out + n + 1, rec->name, strlen(rec->name) + 1);
}

int ztj_trust_resolve(const struct ztj_trust *t, const char *name, bool host, char out[ZTJ_FULLNAME_SIZE])
{
	bool full = strchr(name, '/') != NULL;
	size_t found = 0;

	out[0] = '\0';
	if (!(full ? ztj_fullname_ok(name, host) : host ? ztj_hostname_ok(name) : ztj_name_ok(name)))
		return ZTJ_BAD_NAME;
	for (size_t i = 0; i < t->ndirs; i++) {
		const struct ztj_held *h = &t->dir[i];
		const struct ztj_record *rec;

		if (h->verdict != ZTJ_OK || (full && held_of(t, name) != h))
			continue;
		rec = ztj_dir_find(h->dir, ztj_fullname_tail(name));
		if (rec == NULL || rec->host != host)
			continue;
		if (++found > 1) {
			out[0] = '\0';
			return ZTJ_AMBIGUOUS;
		}
		put_fullname(h, rec, out);
	}
	if (found == 0)
		return host ? ZTJ_HOST_UNKNOWN : ZTJ_USER_UNKNOWN;
	return ZTJ_OK;
}

/* The one record among the directories that count which has this key as user key or as TLS key. */
static int by_key(const struct ztj_trust *t, const struct ztj_key *k, bool tls, int64_t now,
    char out[ZTJ_FULLNAME_SIZE])
{
	size_t found = 0;

	out[0] = '\0';
	for (size_t i = 0; i < t->ndirs; i++) {
		const struct ztj_held *h = &t->dir[i];
		const struct ztj_record *rec = ztj_dir_by_key(h->dir, k, tls);

		if (rec == NULL || rec->host != tls || ztj_held_state(t, h, now) != ZTJ_OK)
			continue;
		if (++found > 1) {
			out[0] = '\0';
			return ZTJ_KEY_SHARED;
		}
		put_fullname(h, rec, out);
	}
	return found == 1 ? ZTJ_OK : ZTJ_NOT_FOUND;
}

static int who_has(const struct ztj_trust *t, const struct ztj_key *k, bool tls, int64_t now,
    char out[ZTJ_FULLNAME_SIZE])
{
	const struct ztj_record *rec;
	int r = by_key(t, k, tls, now, out);

	if (r == ZTJ_NOT_FOUND)
		return tls ? ZTJ_HOST_UNKNOWN : ZTJ_USER_UNKNOWN;
	if (r != ZTJ_OK)
		return r;
	if (t->policy != NULL && ztj_policy_key_revoked(t->policy, k))
		r = ZTJ_KEY_REVOKED;
	else
		r = find(t, out, tls, now, &rec);
	if (r != ZTJ_OK)
		out[0] = '\0';
	return r;
}

int ztj_trust_user_by_key(const struct ztj_trust *t, const struct ztj_key *k, int64_t now,
    char out[ZTJ_FULLNAME_SIZE])
{
	return who_has(t, k, false, now, out);
}

int ztj_trust_host_by_tls(const struct ztj_trust *t, const struct ztj_key *k, int64_t now,
    char out[ZTJ_FULLNAME_SIZE])
{
	return who_has(t, k, true, now, out);
}

int ztj_trust_signer_is(const struct ztj_trust *t, const struct ztj_signer *signer, int64_t then,
    const char *who, bool uv, int64_t now, const struct ztj_record **person)
{
	char owner[ZTJ_FULLNAME_SIZE];
	const struct ztj_record *rec;
	int r;

	*person = NULL;
	r = ztj_trust_user(t, who, now, &rec);
	if (r == ZTJ_OK)
		r = ztj_record_key(rec, &signer->key, then, now);
	if (r != ZTJ_OK)
		return r;
	if (t->policy != NULL && ztj_policy_key_revoked(t->policy, &signer->key))
		return ZTJ_KEY_REVOKED;
	/* a key that two directories give to two records speaks for neither */
	r = by_key(t, &signer->key, false, now, owner);
	if (r != ZTJ_OK)
		return r;
	if (!signer->info.is_sk || !signer->info.user_present)
		return ZTJ_NO_TOUCH;
	if (uv && !signer->info.user_verified)
		return ZTJ_NO_UV;
	*person = rec;
	return ZTJ_OK;
}

int ztj_trust_signed_by(const struct ztj_trust *t, const struct ztj_stmt *st, const char *who, bool uv,
    int64_t now, const struct ztj_record **person)
{
	*person = NULL;
	if (st->nsigners != 1)
		return ZTJ_SIGNER;
	return ztj_trust_signer_is(t, &st->signer[0], st->issued, who, uv, now, person);
}

const struct ztj_record *ztj_trust_record(const struct ztj_trust *t, const char *fullname)
{
	const struct ztj_held *h = ztj_fullname_ok(fullname, false) ? held_of(t, fullname) : NULL;
	const struct ztj_record *rec = h == NULL ? NULL : ztj_dir_find(h->dir, ztj_fullname_tail(fullname));

	return rec != NULL && !rec->host ? rec : NULL;
}

int ztj_trust_took(const struct ztj_trust *t, const struct ztj_stmt *st, const char *who,
    const struct ztj_record **person)
{
	const struct ztj_record *rec;
	const struct ztj_key *k;

	*person = NULL;
	if (st->nsigners != 1 || !ztj_fullname_ok(who, false))
		return ZTJ_SIGNER;
	k = &st->signer[0].key;
	if (t->policy != NULL && ztj_policy_key_revoked(t->policy, k))
		return ZTJ_KEY_REVOKED;
	rec = ztj_trust_record(t, who);
	if (rec != NULL && ztj_record_key(rec, k, 0, 0) != ZTJ_SIGNER) {
		*person = rec;
		return ZTJ_OK;
	}
	for (size_t i = 0; i < t->ndirs; i++)
		if (ztj_dir_by_key(t->dir[i].dir, k, false) != NULL)
			return ZTJ_SIGNER;
	return ZTJ_OK;
}

int ztj_trust_seen(const struct ztj_trust *t, const struct ztj_seen *seen)
{
	if (t->policy == NULL)
		return ZTJ_NOT_READY;
	if (seen->policy > t->policy->version)
		return ZTJ_SEEN_AHEAD;
	for (size_t i = 0; i < seen->ndirs; i++) {
		const struct ztj_held *h = ztj_trust_held_c(t, seen->dir[i].name);

		if (h != NULL && seen->dir[i].serial <= ztj_dir_serial(h->dir))
			continue;
		/* a directory that an older policy had is no news to wait for */
		if (seen->policy < t->policy->version &&
		    ztj_policy_registrar(t->policy, seen->dir[i].name) == NULL)
			continue;
		return ZTJ_SEEN_AHEAD;
	}
	return ZTJ_OK;
}

void ztj_trust_fill_seen(const struct ztj_trust *t, struct ztj_seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	seen->policy = t->policy == NULL ? 0 : t->policy->version;
	for (size_t i = 0; i < t->ndirs; i++) {
		const struct ztj_held *h = &t->dir[i];

		if (h->verdict == ZTJ_DIR_UNKNOWN || ztj_dir_serial(h->dir) < 1)
			continue;
		seen->dir[seen->ndirs].name = ztj_dir_name(h->dir);
		seen->dir[seen->ndirs++].serial = ztj_dir_serial(h->dir);
	}
}
