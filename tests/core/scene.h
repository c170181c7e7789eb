/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A scene for the tests of grants and decisions: a small company with a signed policy, signed directories
 * and people who sign with software keys. Everything goes through the real readers and verifiers.
 *
 *   people     req1, req2: sre; lead1: sre (equal name, other directory)
 *   approvers  lead1, lead2: sre-leads; sec1: security; both1: sre-leads and security;
 *              req1: both groups, with a key of its own: the requester under an alias
 *   servers    web1, web2: env=prod; db1: env=test
 */
#ifndef ZTJ_TESTS_CORE_SCENE_H
#define ZTJ_TESTS_CORE_SCENE_H

#include "libztjit/core/decide.h"
#include "tests/core/support.h"

#define SCENE_T0 1795428000 /* 2026-11-23T10:00:00Z, a Monday */
#define FLAGS_UP 0x01
#define FLAGS_UV 0x05
#define SCENE_ACTORS 12
#define SCENE_DIRS 3

struct actor {
	const char *full; /* "people/req1" */
	bool host;
	uint32_t uid;
	const char *groups[4]; /* sorted; NULL ends */
	const char *env;       /* hosts */
	int64_t from, until;   /* of the key */
	struct soft_key key;   /* a person's sk key, a host's machine key */
	struct soft_key tls;   /* hosts */
	bool gone;             /* left out of the next directory */
};

struct scene {
	char *policy_text;
	struct soft_key root, registrar, broker_tls, broker_online, broker_log, ca;
	struct actor actor[SCENE_ACTORS];
	size_t nactors;
	int64_t serial[SCENE_DIRS], version;
	uint8_t previous[SCENE_DIRS][ZTJ_DIGEST_LEN];
	struct ztj_trust *trust;
	size_t nrevocations;
};

/* One signed statement, and as read back. */
struct made {
	struct ztj_buf bytes, sig;
	struct ztj_signed s;
	uint8_t id[ZTJ_DIGEST_LEN];
};

/* rules: the text of the list `rules`, or NULL for SCENE_RULES; the trust holds policy, directories and a status at SCENE_T0. */
extern const char SCENE_RULES[];
void scene_open(struct scene *sc, const char *rules, struct ztj_sigcache *cache);
void scene_close(struct scene *sc);
/* The text of a policy around these rules; the caller frees. */
char *scene_policy_text(struct scene *sc, const char *rules);
struct actor *scene_actor(struct scene *sc, const char *full);
/* The next version of the policy, with other rules. */
void scene_policy(struct scene *sc, const char *rules);
/* Signs all three directories anew from the actors, at this time. */
void scene_directories(struct scene *sc, int64_t now);
/* A heartbeat that fits what is held. */
void scene_status(struct scene *sc, int64_t now);
/* A revocation that the host receives from its broker. */
void scene_revoked(struct scene *sc, const struct made *m, int64_t now);

/* Builds, signs and keeps. flags: FLAGS_UP or FLAGS_UV. */
void made_sign(struct made *m, const struct ztj_stmt *st, const char *nonce, const struct soft_key *key,
    uint8_t flags);
void made_free(struct made *m);

/* Fields as a well-behaved requester would fill them: req1, root-shell on web1 for 30 min. */
void scene_request(struct scene *sc, struct ztj_stmt *st);
void scene_approval(struct scene *sc, struct ztj_stmt *st, const char *who, const struct made *request);
void scene_revocation(struct scene *sc, struct ztj_stmt *st, const char *who, const struct made *request);
/* Fields and signature of the person named in the statement, with UV. */
void made_request(struct scene *sc, struct made *m);
void made_approval(struct scene *sc, struct made *m, const char *who, const struct made *request,
    int64_t issued);
void made_denial(struct scene *sc, struct made *m, const char *who, const struct made *request,
    int64_t issued);
void made_revocation(struct scene *sc, struct made *m, const char *who, const struct made *request,
    int64_t issued);

/* The bundle of these statements; the first is the request. */
struct ztj_bundle *scene_bundle(struct made *const *m, size_t n);
/* Evaluates and frees the bundle. */
void scene_eval(struct scene *sc, struct made *const *m, size_t n, int64_t now, struct ztj_grant *g);
/* A login as root at web1 with the requester's key, ten seconds later: allowed once approved. */
void scene_login(struct scene *sc, struct ztj_question *q, int64_t now);

#endif
