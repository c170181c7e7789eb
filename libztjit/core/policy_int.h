/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Shared by the files policy*.c alone: what one parse carries, and the policy's own tests.
 */
#ifndef ZTJ_CORE_POLICY_INT_H
#define ZTJ_CORE_POLICY_INT_H

#include <libconfig.h>

#include "libztjit/core/policy.h"

#define ZTJ_POL_TESTS_MAX 512
#define ZTJ_POL_TEST_ACTORS_MAX 64

/* A name used somewhere, to be looked up once everything was read. */
enum ztj_pol_ref_kind { ZTJ_REF_ROLE, ZTJ_REF_WHO };
struct ztj_pol_ref {
	enum ztj_pol_ref_kind kind;
	unsigned line;
	const char *name;
};

struct ztj_pol_actor { /* somebody or some host that a test declares */
	const char *name;
	char full[ZTJ_FULLNAME_SIZE]; /* with the directory that may vouch for it */
	unsigned line;
	struct ztj_strs groups;
	size_t nlabels;
	struct ztj_label *labels;
};

struct ztj_pol_test {
	const char *name;
	unsigned line;
	size_t npeople, nhosts;
	struct ztj_pol_actor *people, *hosts;
	struct {
		unsigned line;
		const char *who, *role, *reason, *ticket;
		struct ztj_strs hosts;
		int64_t duration, start;
		bool break_glass;
	} request;
	struct ztj_strs approved_by, denied_by;
	bool uv;    /* the signatures were made with PIN or biometric */
	int64_t at; /* 0: the moment the tests are run */
	const char *expect, *rule;
	struct ztj_strs needs;
};

struct ztj_pol_chunk;
struct ztj_pol_priv {
	struct ztj_pol_chunk *mem;
	size_t used;
	unsigned *role_line, *registrar_line;
	unsigned *gid_line;
	unsigned broker_line, rules_line;
	unsigned witness_line[ZTJ_WITNESSES_MAX];
	size_t ntests;
	struct ztj_pol_test *tests;
};

struct ztj_pol {
	struct ztj_policy *p;
	struct ztj_pol_priv *priv;
	struct ztj_policy_problems *problems;
	bool failed, nomem;
	size_t nrefs, refs_cap;
	struct ztj_pol_ref *refs;
};

/* One key of a group: where it goes and who reads it. */
struct ztj_pol_field;
typedef void ztj_pol_get(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f,
    void *dst);
struct ztj_pol_field {
	const char *key;
	ztj_pol_get *get;
	size_t off;
	bool required;
	int64_t min, max;
	unsigned grammar;
};

/* What an entry of a list of strings must look like. */
enum ztj_pol_grammar {
	ZTJ_GR_TEXT,
	ZTJ_GR_NAME,
	ZTJ_GR_LOGIN,
	ZTJ_GR_ACCOUNT,
	ZTJ_GR_GROUP,
	ZTJ_GR_ROLEGROUP,
	ZTJ_GR_ROLE,
	ZTJ_GR_WHO,
	ZTJ_GR_CIDR,
	ZTJ_GR_URL,
	ZTJ_GR_HOST,
	ZTJ_GR_KIND = 0xff,
	ZTJ_GR_MAY_BE_EMPTY = 0x100
};

/* Refuses what libconfig would misread. Problems are added to c. */
void ztj_pol_scan(struct ztj_pol *c, struct ztj_view text);

void ztj_pol_error(struct ztj_pol *c, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void ztj_pol_warn(struct ztj_pol *c, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Zeroed memory that lives as long as the policy; NULL (and c->nomem) when there is none. */
void *ztj_pol_alloc(struct ztj_pol *c, size_t n, size_t size);
const char *ztj_pol_strdup(struct ztj_pol *c, const char *s);
void ztj_pol_ref(struct ztj_pol *c, enum ztj_pol_ref_kind kind, unsigned line, const char *name);
void ztj_pol_free_mem(struct ztj_pol_priv *priv);

unsigned ztj_pol_line(const config_setting_t *s);
/* The string, or NULL after a problem. */
const char *ztj_pol_string(struct ztj_pol *c, const config_setting_t *s, const char *key);
/* Reads every member of a group through the table; unknown and missing ones are problems. */
void ztj_pol_group(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, size_t nf,
    void *base);

ztj_pol_get ztj_pol_get_text, ztj_pol_get_name, ztj_pol_get_int, ztj_pol_get_i64, ztj_pol_get_bool,
    ztj_pol_get_duration, ztj_pol_get_time, ztj_pol_get_strs;
/* Keys ("type base64 [comment]") of the kinds in the bit mask f->grammar (1 << enum ztj_key_type). */
struct ztj_pol_keys {
	size_t n;
	struct ztj_key *k;
};
ztj_pol_get ztj_pol_get_keys;
/* Certificates that records are sealed to, in base64. */
struct ztj_pol_certs {
	size_t n;
	struct ztj_view *der;
};
ztj_pol_get ztj_pol_get_certs;
/* `{ key = "value" or [ "value", … ]; }`: a value each; alternatives repeat the key. */
struct ztj_pol_labels {
	size_t n;
	struct ztj_label *l;
};
ztj_pol_get ztj_pol_get_labels;

/* The children of a group or list, with room for them (NULL after a problem), and one of them. */
void *ztj_pol_children(struct ztj_pol *c, const config_setting_t *s, const char *what, bool group, size_t max,
    size_t size, size_t *n);
const config_setting_t *ztj_pol_child(const config_setting_t *s, size_t i);
/* policy_rules.c */
ztj_pol_get ztj_pol_get_roles, ztj_pol_get_rules;

/* policy_gids.c */
ztj_pol_get ztj_pol_get_gids;
void ztj_pol_check_gids(struct ztj_pol *c);

/* policy_witnesses.c: into a struct ztj_quorum */
ztj_pol_get ztj_pol_get_witnesses;
void ztj_pol_check_witnesses(struct ztj_pol *c);
/* policy_tests.c: reads the list `tests`. */
void ztj_pol_read_tests(struct ztj_pol *c, const config_setting_t *s);
/* policy_check.c: what only the whole can tell. */
void ztj_pol_check(struct ztj_pol *c);
/* One of the keys that the policy gives to the broker? */
bool ztj_pol_is_broker_key(const struct ztj_policy *p, const struct ztj_key *k);
/* The POSIX rule for a zone's name ("Europe/Berlin"), or NULL. */
const char *ztj_pol_zone_rule(const char *zone);
/* May this registrar vouch for such a person / such a host? */
bool ztj_pol_may_vouch_groups(const struct ztj_registrar *r, const struct ztj_strs *groups);
bool ztj_pol_may_vouch_labels(const struct ztj_registrar *r, const struct ztj_label *labels, size_t n);

#endif
