/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Private to libztjit/core: the parts of proofcheck.h. */
#ifndef ZTJ_CORE_PROOFCHECK_INT_H
#define ZTJ_CORE_PROOFCHECK_INT_H

#include "libztjit/core/event.h"
#include "libztjit/core/grant.h"
#include "libztjit/core/proofcheck.h"

enum ztj_proof_kind { ZTJ_PROOF_POLICY, ZTJ_PROOF_DIRECTORY, ZTJ_PROOF_STATEMENT, ZTJ_PROOF_CERTIFICATE,
	ZTJ_PROOF_SESSION, ZTJ_PROOF_DECISION };

/* An item, opened. */
struct ztj_proof_leaf {
	const struct ztj_proof_item *item;
	struct ztj_event_in e;
	enum ztj_proof_kind kind;
	struct ztj_buf mem;          /* signatures, without armour */
	struct ztj_signed s;
	size_t nsigners;
	struct ztj_signer signer[ZTJ_SIGS_MAX];
	struct ztj_stmt *stmt;       /* not of a policy */
	struct ztj_policy *policy;
	struct ztj_dir *dir;         /* of a directory: the records that the file has */
};

struct ztj_proof_check {
	const struct ztj_proof *p;
	const struct ztj_pins *pins;
	struct ztj_sigcache *cache;
	struct ztj_view note;        /* the checkpoint, signed */
	struct ztj_proved *out;
	struct ztj_buf *said;
	struct ztj_proof_leaf *leaf; /* p->n of them */
	size_t request;              /* which one is the request */
	size_t nchain;
	uint8_t chain[ZTJ_CHAIN_MAX][ZTJ_DIGEST_LEN]; /* it and what it follows */
};

/* Says why, about a leaf (NULL: about the whole). Returns err. */
int ztj_proof_refuse(struct ztj_proof_check *c, const struct ztj_proof_leaf *l, int err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void ztj_proof_say(struct ztj_proof_check *c, const struct ztj_proof_leaf *l, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Is that member of the leaf these 32 bytes in hex? */
bool ztj_proof_digest_is(const struct ztj_proof_leaf *l, const char *member, const uint8_t digest[ZTJ_DIGEST_LEN]);
/* A member that is a whole number; 0: absent. */
int64_t ztj_proof_number(const struct ztj_proof_leaf *l, const char *member);

/* --- proofcheck_policy.c --- */
/* Every policy of the file, signed by the pinned roots, in rising versions. */
int ztj_proof_policies(struct ztj_proof_check *c) ZTJ_MUST_CHECK;
/* The policy in force before leaf n; NULL: none. */
const struct ztj_policy *ztj_proof_policy_at(const struct ztj_proof_check *c, uint64_t n);
/* The newest one. */
const struct ztj_policy *ztj_proof_newest(const struct ztj_proof_check *c);
int ztj_proof_directories(struct ztj_proof_check *c) ZTJ_MUST_CHECK;
/* The record of that full name before leaf n; NULL: there is none in the file. */
const struct ztj_record *ztj_proof_record_at(const struct ztj_proof_check *c, const char *fullname, uint64_t n);
/* Nobody signed having seen more than the file has. */
int ztj_proof_seen(struct ztj_proof_check *c, const struct ztj_proof_leaf *l) ZTJ_MUST_CHECK;
/* Would policy and records give the grant, before leaf l and at its time? Into c->out. */
int ztj_proof_grant(struct ztj_proof_check *c, const struct ztj_proof_leaf *l) ZTJ_MUST_CHECK;

/* --- proofcheck_leaves.c --- */
/* What belongs to the leaf is there, and it is the statement whose digest the leaf holds. */
int ztj_proof_pair(struct ztj_proof_check *c, struct ztj_proof_leaf *l) ZTJ_MUST_CHECK;
/* Opens the statement: every signature is verified, and the leaf names those keys. */
int ztj_proof_open(struct ztj_proof_check *c, struct ztj_proof_leaf *l) ZTJ_MUST_CHECK;
/* The request, and those it follows. */
int ztj_proof_chain(struct ztj_proof_check *c) ZTJ_MUST_CHECK;
/* Leaf, statement and records agree; says so. */
int ztj_proof_tell(struct ztj_proof_check *c, struct ztj_proof_leaf *l) ZTJ_MUST_CHECK;

#endif
