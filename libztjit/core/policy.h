/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The policy: one libconfig text (DESIGN section 6, ztjit-policy(5)), parsed whole or refused
 * whole, with line and reason. Its bytes are the statement's bytes.
 */
#ifndef ZTJ_CORE_POLICY_H
#define ZTJ_CORE_POLICY_H

#include "libztjit/core/cosign.h"
#include "libztjit/core/directory.h"

#define ZTJ_ROLES_MAX 256
#define ZTJ_RULES_MAX 512
#define ZTJ_SLOTS_MAX 8
#define ZTJ_LIST_MAX 64
#define ZTJ_GIDS_MAX 1024

enum ztj_record_mode { ZTJ_RECORD_NONE, ZTJ_RECORD_OUTPUT, ZTJ_RECORD_ALL };
enum ztj_transport { ZTJ_VIA_AGENT = 1, ZTJ_VIA_LOCAL = 2, ZTJ_VIA_CONFIRM = 4, ZTJ_VIA_PLAIN_AGENT = 8 };
enum ztj_on_stale { ZTJ_STALE_DENY, ZTJ_STALE_KILL };

/* A NULL-terminated list of strings owned by the policy, with its length. */
struct ztj_strs {
	size_t n;
	const char **s;
};

struct ztj_role {
	const char *name;
	struct ztj_strs login;  /* accounts; "self" is one's own */
	struct ztj_strs become; /* accounts reached by sudo or su */
	struct ztj_strs groups;
	unsigned
	    forwarding; /* enum ztj_cert_ext bits: "agent", "local" (port), "x11"; agent is always on for step-ups */
	enum ztj_record_mode record;
	bool record_pipes;  /* the output of commands without a terminal too */
	bool sudo_recorded;
};

struct ztj_slot {
	unsigned count;
	struct ztj_strs from;
};

struct ztj_rule {
	const char *name;
	unsigned line;
	struct ztj_strs who; /* "@group" or full name of a person */
	struct ztj_strs roles;
	size_t nlabels;
	struct ztj_label
	    *labels; /* entries with one key are alternatives, every key must be met; value "*" matches any;
	                           * nlabels 0: any host (the text says hosts = "*") */
	int64_t max, max_total, request_valid, ahead, step_up_every, freshness;
	size_t nslots;
	struct ztj_slot slot[ZTJ_SLOTS_MAX];
	bool uv;          /* verify = "uv" */
	unsigned step_up; /* enum ztj_transport bits */
	struct ztj_strs step_up_order;
	struct ztj_strs sources; /* CIDR, canonical; n == 0: any */
	bool has_hours;
	struct ztj_hours hours;
	int64_t reason_min;
	/* step_up_every, ahead: 0 when absent (every use; no start in the future). max_total: max when absent. */
	const char *ticket; /* POSIX extended regular expression, "" for none */
	enum ztj_on_stale on_stale;
	bool break_glass;
	bool deny_on_counter; /* S08 */
};

struct ztj_registrar {
	const char *directory;
	size_t nkeys;
	struct ztj_key *keys;
	unsigned threshold;
	struct ztj_strs groups; /* people with these groups only */
	size_t nlabels;
	struct ztj_label
	    *labels; /* hosts with these labels only, alternatives repeat the key; value "*": any value */
	uint32_t uid_min, uid_max; /* both 0: no people */
	bool has_base;
	uint8_t base[ZTJ_DIGEST_LEN]; /* overrides what a host holds */
	bool auto_join; /* the broker admits hosts by itself; each label key has one value then */
};

/* A role group as every host publishes it. */
struct ztj_gid {
	const char *name;
	uint32_t gid;
};

struct ztj_policy {
	const char *domain;
	int64_t version, expires;
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_view bytes; /* exactly as signed, owned */
	size_t nroles, nrules, nregistrars;
	struct ztj_role *roles;
	struct ztj_rule *rules;
	struct ztj_registrar *registrars;
	struct {
		size_t ntls, nonline, nlog, nca;
		struct ztj_key *tls, *online, *log, *ca;
		struct ztj_strs urls;
		struct ztj_quorum quorum; /* witnesses of the audit log */
	} broker;
	bool has_gids; /* without them no role group is published */
	size_t ngids;
	struct ztj_gid *gids;
	struct ztj_strs auditors;
	size_t nrecord_to;
	struct ztj_view *record_to; /* certificates (DER) that records are sealed to; none: not sealed */
	size_t nrevoked;
	uint8_t (*revoked)[ZTJ_DIGEST_LEN]; /* SHA-256 of key blobs, sorted */
	struct {
		int64_t directory_max, policy_warn;
	} limits;
	void *priv;
};

/* A place in the text and what is wrong there; every problem found, not only the first. */
struct ztj_policy_problems {
	size_t n;
	struct {
		unsigned line;
		bool warning;
		char text[256];
	} item[64];
};

/* Parses and checks the whole text. ZTJ_POLICY_INVALID with problems filled (warnings may stand with ZTJ_OK).
 * Refuses @include, integers beyond 32 bits, NUL and control characters before libconfig sees it. */
int ztj_policy_parse(struct ztj_view text, struct ztj_policy **out,
    struct ztj_policy_problems *problems) ZTJ_MUST_CHECK;
void ztj_policy_free(struct ztj_policy *p);
bool ztj_policy_key_revoked(const struct ztj_policy *p, const struct ztj_key *k);
const struct ztj_role *ztj_policy_role(const struct ztj_policy *p, const char *name);
const struct ztj_registrar *ztj_policy_registrar(const struct ztj_policy *p, const char *directory);
/* The one whose hosts the broker admits by itself; NULL: none. */
const struct ztj_registrar *ztj_policy_auto_join(const struct ztj_policy *p);
/* Does `who` ("@group" or full name) name this person? */
bool ztj_policy_names(const struct ztj_strs *list, const char *fullname, const struct ztj_record *person);

/* Is this the name of a group that is as good as root, that the system keeps for itself, or that is part of ztjit? Neither a role group
 * nor a person (who has a group of the same name) may be called that. */
bool ztj_policy_group_reserved(const char *name);
/* Likewise of a person, whose group has the same name. */
bool ztj_policy_person_reserved(const char *name);

/* Do these labels satisfy the rule's `hosts`? */
bool ztj_rule_labels_match(const struct ztj_rule *rule, const struct ztj_label *labels, size_t n);

/* Runs the text's own `tests` list through grant.c with inline people and hosts. Appends one line per test
 * ("ok NAME" / "FAILED NAME: expected …, got …"); ZTJ_POLICY_TEST when one fails. */
int ztj_policy_run_tests(const struct ztj_policy *p, int64_t now, struct ztj_buf *report) ZTJ_MUST_CHECK;
/* Plain-words difference of two policies, for `policy diff` and before signing. */
int ztj_policy_diff(const struct ztj_policy *a, const struct ztj_policy *b,
    struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
