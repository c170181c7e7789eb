/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What a trust holds, shared by trust*.c. Internal to core. */
#ifndef ZTJ_CORE_TRUST_PRIV_H
#define ZTJ_CORE_TRUST_PRIV_H

#include "libztjit/core/trust.h"

/* One directory: its set, and what is needed to judge it again when the policy changes. */
struct ztj_held {
	struct ztj_dir *dir;
	int64_t issued;
	int verdict;             /* by today's policy, expiry aside */
	bool unsigned_test;
	size_t nsigners;
	struct ztj_key *signer;  /* of the newest statement */
	int64_t first;           /* serial of lineage[0] */
	size_t nlineage;
	ztj_hash *lineage;       /* digests of the statements from `first` to the newest */
};

/* Revocations together may weigh this much; a part is kept for people and registrars, so that a flood by the broker's
 * key or by keys that nobody knows cannot keep their word out. */
#define ZTJ_REVOCATION_BYTES ((size_t)512 << 20)
#define ZTJ_REVOCATION_PART 8 /* one eighth */

/* A revocation that was taken. */
struct ztj_revocation {
	uint8_t id[ZTJ_DIGEST_LEN];
	uint8_t subject[ZTJ_DIGEST_LEN]; /* see ztj_revocation_subject */
	uint32_t next_id, next_subject;  /* index + 1 of the next in the same bucket */
	enum ztj_revokes what;
	int64_t issued, until, serial;
	bool named;              /* its author gave a name: no registrar and no broker */
	bool again;              /* a statement that counts already, under another signature */
	struct ztj_key *signer;
	uint8_t *raw;            /* request: the container */
	size_t raw_len;
};

struct ztj_revocations {
	size_t n, cap;
	size_t chained;          /* those that count: `again` does not */
	size_t bytes, bytes_max; /* what they weigh, here and on disk, and what they may */
	struct ztj_revocation *item;
	uint32_t *by_id, *by_subject; /* buckets: index + 1 */
	size_t nbuckets;
	struct ztj_revocation_head { bool known; uint8_t digest[ZTJ_DIGEST_LEN]; } *head;
};

struct ztj_trust {
	struct ztj_pins pins;
	struct ztj_sigcache *cache;
	const struct ztj_policy *policy;
	struct ztj_policy *own_policy; /* the same, unless it is a test's */
	bool for_tests;
	size_t ndirs;
	struct ztj_held dir[ZTJ_SEEN_MAX];
	struct ztj_revocations rev;
	int64_t fresh;
};

struct ztj_held *ztj_trust_held(struct ztj_trust *t, const char *name);
const struct ztj_held *ztj_trust_held_c(const struct ztj_trust *t, const char *name);
/* The record of a person whatever its directory is worth now; NULL: none. */
const struct ztj_record *ztj_trust_record(const struct ztj_trust *t, const char *fullname);
void ztj_held_free(struct ztj_held *h);
/* Distinct keys of `list` among the signers that are not revoked by today's policy. */
size_t ztj_trust_count(const struct ztj_policy *p, const struct ztj_key *list, size_t nlist,
    const struct ztj_key *const *signers, size_t nsigners);
/* May this registrar vouch for such a record? */
bool ztj_registrar_may(const struct ztj_registrar *g, const struct ztj_record *r);
/* Judges a directory by a policy (may be NULL), expiry aside. */
int ztj_held_judge(const struct ztj_held *h, const struct ztj_policy *p) ZTJ_MUST_CHECK;
/* The end of a directory: its own, or sooner by the policy's limit. */
int64_t ztj_held_expires(const struct ztj_trust *t, const struct ztj_held *h);
int ztj_held_state(const struct ztj_trust *t, const struct ztj_held *h, int64_t now) ZTJ_MUST_CHECK;

void ztj_revocations_free(struct ztj_revocations *v);

#endif
