/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A bundle (what travels for one grant) and the grant function (DESIGN section 7): no stored
 * state, one total pure function.
 */
#ifndef ZTJ_CORE_GRANT_H
#define ZTJ_CORE_GRANT_H

#include "libztjit/core/trust.h"

#define ZTJ_BUNDLE_MAX (64 * 1024)
#define ZTJ_BUNDLE_STMTS_MAX 128
#define ZTJ_CHAIN_MAX 16

/* The statements of one grant: its request, approvals, revocations, and the same of every request it
 * follows. Opened (signatures verified, parsed) and sorted; exact duplicates collapse. */
struct ztj_bundle {
	const struct ztj_stmt *request;
	size_t n;
	struct ztj_stmt *stmt[ZTJ_BUNDLE_STMTS_MAX]; /* owned, the request first */
	struct ztj_signed raw[ZTJ_BUNDLE_STMTS_MAX]; /* views into mem */
	struct ztj_buf mem;
};
/* Encoding (PROTOCOL "Bundle"): "ZTJB1", uint32 n, n × signed container; the first is the request. */
int ztj_bundle_read(struct ztj_view blob, const char *domain, struct ztj_sigcache *c,
    struct ztj_bundle **out) ZTJ_MUST_CHECK;
/* From statements kept elsewhere. */
int ztj_bundle_make(const struct ztj_signed *s, size_t n, const char *domain, struct ztj_sigcache *c,
    struct ztj_bundle **out) ZTJ_MUST_CHECK;
int ztj_bundle_write(const struct ztj_signed *s, size_t n, struct ztj_buf *out) ZTJ_MUST_CHECK;
void ztj_bundle_free(struct ztj_bundle *b);

enum ztj_grant_state {
	ZTJ_GRANT_INVALID, /* no legal request at all; code says why */
	ZTJ_GRANT_PENDING,
	ZTJ_GRANT_APPROVED,
	ZTJ_GRANT_ACTIVE,
	ZTJ_GRANT_ENDED,
	ZTJ_GRANT_DENIED,
	ZTJ_GRANT_CANCELLED,
	ZTJ_GRANT_EXPIRED,
	ZTJ_GRANT_REVOKED
};
const char *ztj_grant_state_name(enum ztj_grant_state s);

struct ztj_grant {
	enum ztj_grant_state state;
	int code;                    /* ZTJ_OK only when ACTIVE; PENDING, NOT_STARTED, ENDED, DENIED, … */
	const struct ztj_rule *rule; /* NULL when none governs */
	const struct ztj_role *role;
	int64_t starts, ends; /* 0 while pending */
	int64_t valid_until;
	size_t nmissing; /* slots not filled yet */
	unsigned missing
	    [ZTJ_SLOTS_MAX]; /* index of the slot in rule->slot, once per missing approval is in missing_count */
	unsigned missing_count[ZTJ_SLOTS_MAX];
	size_t napprovers;
	const char *approver[ZTJ_LIST_MAX]; /* full names that count */
	char text[1024];                    /* plain words: the rule, who counted, what is missing, why not */
};

/* Total: every input has an answer and the default is no. The trust supplies policy, directories and
 * revocations of people and hosts. `now` judges the state; statement dates ahead of now + ZTJ_CLOCK_AHEAD make that
 * statement not count. */
void ztj_grant_eval(const struct ztj_trust *t, const struct ztj_bundle *b, int64_t now,
    struct ztj_grant *out);

/* May this person file the request / approve it / revoke it now? For the broker and for messages. */
int ztj_grant_may_request(const struct ztj_trust *t, const struct ztj_stmt *request, int64_t now,
    struct ztj_grant *why) ZTJ_MUST_CHECK;
int ztj_grant_may_approve(const struct ztj_trust *t, const struct ztj_stmt *request, const char *who,
    int64_t now) ZTJ_MUST_CHECK;
int ztj_grant_may_revoke(const struct ztj_trust *t, const struct ztj_stmt *request,
    const struct ztj_stmt *revocation, int64_t now) ZTJ_MUST_CHECK;
/* Does it count against the request, whoever has the right today: did its author have it when it was made? As ztj_grant_eval judges. */
bool ztj_grant_revokes(const struct ztj_trust *t, const struct ztj_stmt *request, const struct ztj_stmt *revocation, int64_t now);

/* Plain words for `policy explain`: which rule matches (person, role, hosts) and what each rule said no to. */
int ztj_grant_explain(const struct ztj_trust *t, const char *who, const char *role, const char *const *hosts,
    size_t nhosts, int64_t start, bool break_glass, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
