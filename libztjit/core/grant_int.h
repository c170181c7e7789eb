/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Shared by the files grant*.c and decide*.c alone. */
#ifndef ZTJ_CORE_GRANT_INT_H
#define ZTJ_CORE_GRANT_INT_H

#include "libztjit/core/grant.h"

/* --- grant_match.c: people to slots --- */

#define ZTJ_MATCH_PEOPLE_MAX ZTJ_BUNDLE_STMTS_MAX

/* A maximum matching that grows: one slot a person, `need` people a slot. */
struct ztj_matching {
	size_t nslots, npeople;
	unsigned need[ZTJ_SLOTS_MAX], have[ZTJ_SLOTS_MAX];
	struct {
		uint8_t may;
		int8_t slot;
	} person[ZTJ_MATCH_PEOPLE_MAX]; /* slot -1: none */
};
void ztj_match_init(struct ztj_matching *m, const struct ztj_rule *rule);
/* Person `who` (npeople adds one) may also fill the slots in the bit mask; the matching is maximum afterwards. */
void ztj_match_add(struct ztj_matching *m, size_t who, uint8_t may);
bool ztj_match_full(const struct ztj_matching *m);

/* --- grant_rule.c: which rule governs, and who is whom --- */

/* What a request asks, with the records it names. */
struct ztj_asked {
	const char *who, *role;
	const struct ztj_record *person;
	size_t nhosts;
	const struct ztj_record *const *host;
	int64_t start;
	bool break_glass;
};
enum ztj_mismatch {
	ZTJ_RULE_MATCHES,
	ZTJ_RULE_WHO,
	ZTJ_RULE_ROLE,
	ZTJ_RULE_HOSTS,
	ZTJ_RULE_BREAK_GLASS,
	ZTJ_RULE_HOURS
};
enum ztj_mismatch ztj_rule_mismatch(const struct ztj_rule *rule, const struct ztj_asked *a);
/* The first rule that matches; else NULL, and *code is NO_RULE, or HOURS when only the time was wrong. */
const struct ztj_rule *ztj_rule_select(const struct ztj_policy *p, const struct ztj_asked *a, int *code);
/* Slots of the rule this person may fill, as bits. */
uint8_t ztj_rule_slots_of(const struct ztj_rule *rule, const char *fullname, const struct ztj_record *person);
/* Could somebody of that name, who is not known here (any more), have been one of its approvers? */
bool ztj_rule_might_name(const struct ztj_policy *p, const struct ztj_rule *rule, const char *fullname);
/* Equal names in different directories are one person for counting. */
bool ztj_same_person(const char *fullname_a, const char *fullname_b);
/* Characters of a reason, blanks at its ends not counted. */
int64_t ztj_reason_length(const char *reason);
/* ZTJ_OK or ZTJ_TICKET. */
int ztj_ticket_check(const char *pattern, const char *ticket) ZTJ_MUST_CHECK;

/* Appends to a text of fixed size; never overflows, cuts at a whole character. */
void ztj_say(char *text, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int64_t ztj_add_sat(int64_t a, int64_t b);

/* --- grant_request.c: is this request one that may be asked? --- */

struct ztj_request_state {
	struct ztj_asked asked;
	const struct ztj_record *host[ZTJ_HOSTS_MAX];
	const struct ztj_rule *rule;
	const struct ztj_role *role;
	int64_t valid_until;
};
/* Everything about a request by itself but chains: signer, hosts, rule, reason, ticket. Fills text with words on failure. */
int ztj_request_check(const struct ztj_trust *t, const struct ztj_stmt *req, int64_t now,
    struct ztj_request_state *out, char *text, size_t size) ZTJ_MUST_CHECK;
/* Has the author of this revocation the right to end that request? */
int ztj_request_may_revoke(const struct ztj_trust *t, const struct ztj_stmt *req,
    const struct ztj_request_state *state, const struct ztj_stmt *rev, int64_t now) ZTJ_MUST_CHECK;

/* The same of a revocation that was filed rightfully once, whatever became of its author since. */
bool ztj_request_revoked_once(const struct ztj_trust *t, const struct ztj_stmt *req,
    const struct ztj_request_state *state, const struct ztj_stmt *rev);

/* --- grant_link.c: one request with its approvals and revocations --- */

#define ZTJ_EVAL_RECORDS_MAX (ZTJ_BUNDLE_STMTS_MAX + 1)

/* One evaluation; records are those of people whose word counted, over the whole chain. */
struct ztj_eval {
	const struct ztj_trust *t;
	const struct ztj_bundle *b;
	int64_t now;
	struct ztj_grant *out;
	size_t nrecords;
	const struct ztj_record *record[ZTJ_EVAL_RECORDS_MAX];
};

/* One request of a chain, judged. */
struct ztj_link {
	struct ztj_request_state req;
	int64_t filled,
	    limit; /* filled: 0 while approvals are missing; limit: the shortest an approver gave */
	int64_t starts, ends; /* 0 while approvals are missing */
	const char *denied_by;
	char revoked_by[ZTJ_FULLNAME_SIZE];
	bool cancelled; /* revoked by the requester alone, before it began */
	struct ztj_matching match;
	const char *who[ZTJ_MATCH_PEOPLE_MAX]; /* full name of each person of the matching */
};

/* Fills l, and rule, role and text of e->out. prev: the request it follows, or NULL; used: what the chain's windows
 * take already. ZTJ_OK: not ended by anybody (approvals may be missing); else e->out has state and code. */
int ztj_link_eval(struct ztj_eval *e, const struct ztj_stmt *req, const struct ztj_link *prev, int64_t used,
    struct ztj_link *l) ZTJ_MUST_CHECK;
/* Sets state and code, and the text if there is none; returns code. */
int ztj_eval_end(struct ztj_eval *e, enum ztj_grant_state state, int code);

#endif
