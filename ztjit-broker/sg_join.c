/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Hosts that the policy lets the broker admit by itself. Names nobody has yet, keys nobody has, the labels that stand in the
 * policy: nothing that stands already is changed, and nobody who was revoked comes back by it.
 */
#include <stdlib.h>
#include <string.h>

#include "ztjit-broker/signer.h"

#define RECORDS_MAX 4096
#define PENDING_AGE_MAX (24 * 3600)

static bool has_key(const struct ztj_key *list, size_t n, const struct ztj_key *k)
{
	for (size_t i = 0; i < n; i++)
		if (ztj_key_equal(&list[i], k))
			return true;
	return false;
}

static int find_delegation(const struct ztj_policy *p, const struct ztj_key *online,
    const struct ztj_registrar **out)
{
	*out = ztj_policy_auto_join(p);
	if (*out == NULL)
		return ZTJ_DIR_UNKNOWN;
	/* the policy's own check says all this; what signs looks itself */
	if (!has_key(p->broker.online, p->broker.nonline, online) || ztj_policy_key_revoked(p, online))
		return ZTJ_BROKER_KEY;
	if (!has_key((*out)->keys, (*out)->nkeys, online) || (*out)->threshold != 1 || (*out)->uid_max != 0)
		return ZTJ_DIR_DELEGATION;
	return ZTJ_OK;
}

static int check_entry(const struct ztj_stmt *st, const uint8_t token[ZTJ_TOKEN_LEN], int64_t now)
{
	const struct ztj_host_id id = ztj_host_id_pending(st);
	uint8_t digest[ZTJ_DIGEST_LEN], want[ZTJ_DIGEST_LEN];
	if (!st->u.pending.host || !st->u.pending.has_proof)
		return ZTJ_FORBIDDEN;
	if (st->issued > now + ZTJ_CLOCK_SKEW)
		return ZTJ_FUTURE;
	if (st->issued < now - PENDING_AGE_MAX)
		return ZTJ_STALE;
	int r = ztj_host_digest(&id, digest);
	if (r == ZTJ_OK)
		r = ztj_host_proof(token, digest, want);
	if (r == ZTJ_OK && !ztj_ct_equal(want, st->u.pending.proof, sizeof(want)))
		r = ZTJ_FORBIDDEN;
	ztj_wipe(want, sizeof(want));
	return r;
}

/* Keys that stand anywhere are somebody's; and a new serial would readmit a host of this directory that was revoked. */
static int check_held(const struct ztj_trust *t, const struct ztj_stmt *st, const struct ztj_registrar *reg,
    int64_t now)
{
	const struct ztj_dir *base = ztj_trust_dir(t, reg->directory);
	char full[ZTJ_FULLNAME_SIZE];
	const struct ztj_record *rec;
	for (size_t i = 0; i < ztj_trust_ndirs(t); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(t, i);
		if (ztj_dir_by_key(d, &st->u.pending.machine, false) != NULL ||
		    ztj_dir_by_key(d, &st->u.pending.tls, true) != NULL)
			return ZTJ_KEY_SHARED;
		/* S13: who writes the short name of a host that stands elsewhere would find two */
		rec = ztj_dir_find(d, st->u.pending.name);
		if (rec != NULL && rec->host)
			return ZTJ_EXISTS;
	}
	/* Removed after it was revoked: whoever has the token has it still. */
	(void)snprintf(full, sizeof(full), "%s/%s", reg->directory, st->u.pending.name);
	if (ztj_trust_revoked(t, ZTJ_REVOKES_HOST, full, 0, now) != ZTJ_OK)
		return ZTJ_REVOKED;
	if (base == NULL)
		return ZTJ_OK;
	if (ztj_dir_count(base) >= RECORDS_MAX)
		return ZTJ_LIMIT;
	if (ztj_dir_find(base, st->u.pending.name) != NULL)
		return ZTJ_EXISTS;
	for (size_t i = 0; i < ztj_dir_count(base); i++) {
		snprintf(full, sizeof(full), "%s/%s", ztj_dir_name(base), ztj_dir_at(base, i)->name);
		if (ztj_trust_host(t, full, now, &rec) == ZTJ_REVOKED)
			return ZTJ_REVOKED;
	}
	return ZTJ_OK;
}

static int by_key(const void *a, const void *b)
{
	const struct ztj_label *x = a, *y = b;
	return strcmp(x->key, y->key);
}

static int build_record(const struct ztj_registrar *reg, struct ztj_stmt *st, struct ztj_buf *out)
{
	struct ztj_label labels[ZTJ_LABELS_MAX];
	struct ztj_record rec = { .host = true,
		.name = st->u.pending.name,
		.labels = labels,
		.nlabels = reg->nlabels,
		.machine = st->u.pending.machine,
		.tls = st->u.pending.tls,
		.ssh = st->u.pending.ssh,
		.nssh = st->u.pending.nssh };
	if (reg->nlabels == 0 || reg->nlabels > ZTJ_LABELS_MAX)
		return ZTJ_DIR_DELEGATION;
	memcpy(labels, reg->labels, reg->nlabels * sizeof(labels[0]));
	qsort(labels, reg->nlabels, sizeof(labels[0]), by_key);
	for (size_t i = 0; i < reg->nlabels; i++)
		if (strcmp(labels[i].value, "*") == 0)
			return ZTJ_DIR_DELEGATION;
	return ztj_record_build(&rec, out);
}

static int sign_directory(const struct ztj_trust *t, const struct ztj_seckey *online,
    const struct ztj_dir *next, int64_t now, struct ztj_buf *container)
{
	const struct ztj_policy *p = ztj_trust_held_policy(t);
	const struct ztj_dir *base = ztj_trust_dir(t, ztj_dir_name(next));
	struct ztj_stmt st = { .type = ZTJ_STMT_DIRECTORY, .domain = p->domain, .issued = now };
	struct ztj_signed s = { .nsigs = 1 };
	struct ztj_buf bytes, sig;
	ztj_trust_fill_seen(t, &st.seen);
	st.u.directory.name = ztj_dir_name(next);
	st.u.directory.serial = base != NULL ? ztj_dir_serial(base) + 1 : 1;
	st.u.directory.expires = now + p->limits.directory_max;
	st.u.directory.records = (int64_t)ztj_dir_count(next);
	if (base != NULL)
		memcpy(st.u.directory.previous, ztj_dir_digest(base), ZTJ_DIGEST_LEN);
	ztj_dir_root(next, st.u.directory.root);
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	int r = ztj_stmt_build(&st, NULL, &bytes);
	if (r == ZTJ_OK)
		r = ztj_sshsig_sign(online, ztj_stmt_namespace(ZTJ_STMT_DIRECTORY), ztj_buf_view(&bytes),
		    &sig);
	s.bytes = ztj_buf_view(&bytes);
	s.sig[0] = ztj_buf_view(&sig);
	if (r == ZTJ_OK)
		r = ztj_signed_write(&s, container);
	ztj_buf_free(&bytes);
	ztj_buf_free(&sig);
	return r;
}

int make_join(const struct ztj_trust *t, const struct ztj_seckey *online, const uint8_t token[ZTJ_TOKEN_LEN],
    const struct ztj_signed *pending, int64_t now, struct join_made *out)
{
	const struct ztj_policy *p = ztj_trust_held_policy(t);
	const struct ztj_registrar *reg;
	const struct ztj_dir *base;
	struct ztj_dir *next = NULL;
	struct ztj_stmt *st = NULL;
	struct ztj_view put;
	struct ztj_dir_delta delta = { .nput = 1, .put = &put };
	if (p == NULL)
		return ZTJ_NOT_READY;
	if (p->expires <= now)
		return ZTJ_POLICY_EXPIRED;
	int r = find_delegation(p, &online->pub, &reg);
	if (r == ZTJ_OK)
		r = ztj_stmt_open(pending, ZTJ_STMT_PENDING, p->domain, &st);
	if (r != ZTJ_OK)
		return r;
	base = ztj_trust_dir(t, reg->directory);
	r = check_entry(st, token, now);
	if (r == ZTJ_OK)
		r = check_held(t, st, reg, now);
	if (r == ZTJ_OK)
		r = build_record(reg, st, &out->record);
	if (r == ZTJ_OK) {
		put = ztj_buf_view(&out->record);
		r = ztj_dir_apply(base, reg->directory, &delta, &next);
	}
	if (r == ZTJ_OK)
		r = sign_directory(t, online, next, now, &out->container);
	out->name = reg->directory;
	out->base = base != NULL ? ztj_dir_serial(base) : 0;
	ztj_dir_free(next);
	ztj_stmt_free(st);
	return r;
}
