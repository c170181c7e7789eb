/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What an enforcement point holds and how it may move: pinned roots, the newest
 * policy, every directory, revocations, the last status. The gate, the signer and every workstation use
 * this one module; the broker's store uses it to refuse early. Pure: offers come in as bytes with a
 * time, the caller keeps them on disk (sys/trustdir.h) and offers them again at start.
 */
#ifndef ZTJ_CORE_TRUST_H
#define ZTJ_CORE_TRUST_H

#include "libztjit/core/policy.h"

#define ZTJ_ROOTS_MAX 16

/* The policy_roots file, parsed: pinned by root on this machine. */
struct ztj_pins {
	char domain[ZTJ_DOMAIN_SIZE];
	unsigned threshold;
	size_t nroots;
	struct ztj_key root[ZTJ_ROOTS_MAX];
	bool has_floor;
	int64_t floor_version;             /* policy current at join */
	uint8_t floor[ZTJ_DIGEST_LEN];
};
/* Text form (PROTOCOL "policy_roots"). F02: any oddity refuses the file, *line says where. */
int ztj_pins_parse(struct ztj_view text, struct ztj_pins *out, unsigned *line) ZTJ_MUST_CHECK;
int ztj_pins_format(const struct ztj_pins *p, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* The pin people compare: SHA-256 over domain, threshold and sorted roots, as text "ZTJ-XXXXX-…". */
#define ZTJ_PIN_SIZE 72
int ztj_pins_digest(const struct ztj_pins *p, char out[ZTJ_PIN_SIZE]) ZTJ_MUST_CHECK;
/* Compares a pin somebody typed (case, dashes and O/0, I/L/1 folded). ZTJ_PIN_MISMATCH. */
int ztj_pins_check(const struct ztj_pins *p, const char *typed) ZTJ_MUST_CHECK;

struct ztj_trust;
int ztj_trust_new(const struct ztj_pins *pins, struct ztj_sigcache *cache, struct ztj_trust **out) ZTJ_MUST_CHECK;
void ztj_trust_free(struct ztj_trust *t);
const struct ztj_pins *ztj_trust_pins(const struct ztj_trust *t);

/* Offers. ZTJ_OK: taken, *changed says whether it is news. An error leaves everything as it was. now: the caller's
 * clock, or ZTJ_TRUST_RESTORE when re-reading one's own disk: signatures, digests, Merkle root and ancestry are still
 * checked, clocks are not, and a directory that does not (or no longer) suit today's policy is held without counting, so
 * that nothing older can come back. Offer in this order: policy, directories, revocations, status.
 * Alarm-worthy errors are POLICY_FORK, DIR_FORK, DIR_ANCESTRY,
 * DIR_ROOT, DIR_DELEGATION, *_ROLLBACK, SEEN…: the caller logs them. */
#define ZTJ_TRUST_RESTORE 0
/* An expired policy is taken when it is newer (everything is then denied, POLICY_EXPIRED); holding on to an older one
 * would be kinder than its signers meant. */
int ztj_trust_policy(struct ztj_trust *t, const struct ztj_signed *s, int64_t now, bool *changed) ZTJ_MUST_CHECK;

/* statements: the chain from after the held serial to the newest (genesis onward when nothing is held). */
struct ztj_dir_update {
	const char *name;
	size_t nstatements;
	const struct ztj_signed *statements; /* consecutive serials, oldest first */
	struct ztj_dir_delta delta;          /* against the held set, or the whole set as `put` without any `drop` */
};
/* The same as it travels in JSON (PROTOCOL section 3, GET /v1/directories/NAME), at most max bytes. The answer owns what
 * its update points into. Nothing in it is believed before ztj_trust_directory. */
struct ztj_dir_answer;
int ztj_dir_answer_read(struct ztj_view json, size_t max, struct ztj_dir_answer **out) ZTJ_MUST_CHECK;
const struct ztj_dir_update *ztj_dir_answer_update(const struct ztj_dir_answer *a);
void ztj_dir_answer_free(struct ztj_dir_answer *a);
int ztj_trust_directory(struct ztj_trust *t, const struct ztj_dir_update *u, int64_t now, bool *changed) ZTJ_MUST_CHECK;
/* A revocation of a user, host or request: verified, and kept (every host holds all, so one whose
 * author has no right by today's policy is counted too; it has no effect). Held already: ZTJ_OK, not changed. One that is held
 * under a signature that says nothing, and comes again under one that does, is news, but not counted anew. LIMIT
 * when they weigh too much: the last part is for people and registrars alone. */
int ztj_trust_revocation(struct ztj_trust *t, const struct ztj_signed *s, int64_t now, bool *changed) ZTJ_MUST_CHECK;
/* A revocation of a request needs that request to judge its author: it is kept unverified-for-author and judged
 * with the bundle (grant.h). Head and count are of the set, however it came (PROTOCOL "Revocation head"). */
/* Has its author the right to revoke this user or host, by today's policy? For the broker before it accepts one
 * (SIGNER, DIR_UNKNOWN, KEY_REVOKED, FUTURE, TOO_LONG: the broker's key beyond 24 h). ZTJ_STMT_TYPE for
 * the revocation of a request: that is ztj_grant_may_revoke. */
int ztj_trust_may_revoke(const struct ztj_trust *t, const struct ztj_stmt *revocation, int64_t now) ZTJ_MUST_CHECK;
/* Might that revocation, whenever it was made, be worth something: is its key one of the person it names, a registrar's or the
 * broker's? For the broker, before it takes one back from a host that holds it. */
bool ztj_trust_credible(const struct ztj_trust *t, const struct ztj_stmt *revocation);
/* Is this user or host revoked at `now`, its directory being at `serial`? 0: whatever readmitted it. */
int ztj_trust_revoked(const struct ztj_trust *t, enum ztj_revokes what, const char *fullname, int64_t serial,
    int64_t now) ZTJ_MUST_CHECK;
/* The held revocations of one request, oldest first: opens at most max into out (the caller frees each), *n says how
 * many. The grant function judges them as if they stood in the bundle: what a host holds cannot be left out of it. */
int ztj_trust_request_revocations(const struct ztj_trust *t, const uint8_t request[ZTJ_DIGEST_LEN],
    struct ztj_stmt **out, size_t max, size_t *n) ZTJ_MUST_CHECK;
/* The heartbeat. ZTJ_STALE when it does not match what is held (then it does not count). */
int ztj_trust_status(struct ztj_trust *t, const struct ztj_signed *s, int64_t now) ZTJ_MUST_CHECK;
/* Time of the last status that counted; 0: never. */
int64_t ztj_trust_fresh(const struct ztj_trust *t);

const struct ztj_policy *ztj_trust_held_policy(const struct ztj_trust *t); /* NULL: none */
size_t ztj_trust_ndirs(const struct ztj_trust *t);
const struct ztj_dir *ztj_trust_dir_at(const struct ztj_trust *t, size_t i);
const struct ztj_dir *ztj_trust_dir(const struct ztj_trust *t, const char *name);
/* ZTJ_OK when the held directory counts now; else why not: DIR_UNKNOWN (not held, or the policy names no registrar),
 * THRESHOLD, DIR_DELEGATION, DIR_ANCESTRY (not from the policy's base), DIR_EXPIRED, NOT_READY (no policy). Nothing in a
 * directory that does not count is found by the functions below. */
int ztj_trust_dir_state(const struct ztj_trust *t, const char *name, int64_t now) ZTJ_MUST_CHECK;
size_t ztj_trust_nrevocations(const struct ztj_trust *t);
const uint8_t *ztj_trust_revocation_head(const struct ztj_trust *t);

/* A person or host by full name, in a directory that is not expired, not revoked at `now`, not beyond its
 * registrar's delegation. Errors: USER_UNKNOWN / HOST_UNKNOWN, REVOKED, or what ztj_trust_dir_state says. */
int ztj_trust_user(const struct ztj_trust *t, const char *fullname, int64_t now, const struct ztj_record **out) ZTJ_MUST_CHECK;
int ztj_trust_host(const struct ztj_trust *t, const char *fullname, int64_t now, const struct ztj_record **out) ZTJ_MUST_CHECK;
/* A short or full name to the one full name; AMBIGUOUS when several. */
int ztj_trust_resolve(const struct ztj_trust *t, const char *name, bool host, char out[ZTJ_FULLNAME_SIZE]) ZTJ_MUST_CHECK;
/* Who has this key: full name into out. */
int ztj_trust_user_by_key(const struct ztj_trust *t, const struct ztj_key *k, int64_t now, char out[ZTJ_FULLNAME_SIZE]) ZTJ_MUST_CHECK;
int ztj_trust_host_by_tls(const struct ztj_trust *t, const struct ztj_key *k, int64_t now, char out[ZTJ_FULLNAME_SIZE]) ZTJ_MUST_CHECK;
/* Is the statement's one signer that person, with a key valid at `issued` and now, not revoked, UV if asked?
 * SIGNER, KEY_EXPIRED, KEY_REVOKED, KEY_SHARED, NO_UV, USER_UNKNOWN, REVOKED, DIR_EXPIRED. */
int ztj_trust_signed_by(const struct ztj_trust *t, const struct ztj_stmt *st, const char *who, bool uv, int64_t now,
    const struct ztj_record **person) ZTJ_MUST_CHECK;
/* The same for one signer of a statement that carries several (a step-up's second), dated `then`. */
int ztj_trust_signer_is(const struct ztj_trust *t, const struct ztj_signer *signer, int64_t then, const char *who, bool uv,
    int64_t now, const struct ztj_record **person) ZTJ_MUST_CHECK;
/* Whose word is it, when it only takes access away (a denial, a revocation, a shorter limit)? Such a word outlives what
 * becomes of its author: revocation, expiry, the dates of the key and a key that stands in two directories are not asked.
 * ZTJ_OK with *person: the key stands in the record of `who`. ZTJ_OK and NULL: nobody is known by that key, as when
 * they left or have another key since. KEY_REVOKED by the policy, SIGNER: somebody else's key. */
int ztj_trust_took(const struct ztj_trust *t, const struct ztj_stmt *st, const char *who,
    const struct ztj_record **person) ZTJ_MUST_CHECK;
/* ZTJ_SEEN_AHEAD when `seen` names a higher policy version or directory serial than is held. */
int ztj_trust_seen(const struct ztj_trust *t, const struct ztj_seen *seen) ZTJ_MUST_CHECK;
/* Fills seen with what is held; the names stay valid until the trust changes. */
void ztj_trust_fill_seen(const struct ztj_trust *t, struct ztj_seen *seen);

/* Judging offline without directories on hand: only for the policy's own tests. Adds a directory of people or hosts
 * without signatures to a trust made by ztj_trust_for_tests; a trust made by ztj_trust_new refuses it. */
int ztj_trust_for_tests(const struct ztj_policy *p, struct ztj_trust **out) ZTJ_MUST_CHECK;
int ztj_trust_add_unsigned(struct ztj_trust *t, struct ztj_dir *d) ZTJ_MUST_CHECK;

#endif
