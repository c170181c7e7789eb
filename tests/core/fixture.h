/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A small world for tests: roots, registrars, a broker's keys, people and hosts, with software keys made from
 * seeds (the same in every run), a policy, two directories and a trust that holds them. Failures end the running test.
 */
#ifndef ZTJ_TESTS_CORE_FIXTURE_H
#define ZTJ_TESTS_CORE_FIXTURE_H

#include "libztjit/core/grant.h"
#include "tests/core/support.h"

#define FX_UP 0x01
#define FX_UV 0x05 /* present and verified */
#define FX_NOW INT64_C(1795338000) /* 2026-11-22T09:00:00Z */

/* The key that every run makes from this seed; sk types have the application "ssh:". */
void fx_key(struct soft_key *k, enum ztj_key_type type, unsigned seed);

/* A statement with its signatures; s points into the buffers. */
struct fx_signed {
	struct ztj_buf bytes, sig[ZTJ_SIGS_MAX];
	struct ztj_signed s;
	uint8_t id[ZTJ_DIGEST_LEN];
};
/* Starts with bytes of its own copy and no signature. */
void fx_signed_init(struct fx_signed *f, struct ztj_view bytes);
/* Adds a signature in the namespace of `type`. flags are for sk keys. */
void fx_signed_add(struct fx_signed *f, enum ztj_stmt_type type, const struct soft_key *k, uint8_t flags);
void fx_signed_free(struct fx_signed *f);

enum { FX_REQ1, FX_REQ2, FX_LEAD1, FX_LEAD2, FX_SEC1, FX_BOTH1, FX_OUT1, FX_PEOPLE };
enum { FX_WEB1, FX_WEB2, FX_DB1, FX_TEST1, FX_HOSTS };

struct fx_person {
	const char *name, *full;  /* "req1", "people/req1" */
	struct soft_key key;
	uint32_t uid;
	size_t ngroups;
	const char *groups[4];    /* sorted */
};
struct fx_host {
	const char *name, *full;  /* "web1", "servers/web1" */
	const char *env;
	struct soft_key machine, tls, ssh;
};

struct fx_world {
	char domain[ZTJ_DOMAIN_SIZE];
	int64_t now;              /* statements are issued then; tests move it */
	struct soft_key root[3];  /* two sk and one HSM; the threshold is 2 */
	struct soft_key registrar[2]; /* of people and of servers */
	struct soft_key tls, online, log, ca, stranger;
	const char *checkpoint;   /* that a status carries, in base64; NULL: none */
	struct fx_person person[FX_PEOPLE];
	struct fx_host host[FX_HOSTS];
	struct ztj_pins pins;
	struct ztj_sigcache *cache;
	struct ztj_trust *trust;
	struct fx_signed policy, people, servers; /* what fx_load offered */
	const char *broker; /* more of that group of its policy */
};
/* Keys, pins and an empty trust. */
void fx_init(struct fx_world *w);
/* A policy of version 1 and both directories at serial 1, held by w->trust. */
void fx_load(struct fx_world *w);
void fx_free(struct fx_world *w);

/* Text of a policy; NULL takes the default part. Parts stand verbatim in the text. */
struct fx_policy {
	int version;             /* 0: 1 */
	const char *domain, *expires, *roles, *rules, *registrars, *revoked, *more;
	const char *broker;      /* more of the group of that name */
};
void fx_policy_text(const struct fx_world *w, const struct fx_policy *p, struct ztj_buf *out);
/* The registrars block with these group, uid and label parts, and more keys of each entry ("base = …;"). */
void fx_registrars(const struct fx_world *w, const struct soft_key *people, const struct soft_key *servers,
    const char *more, struct ztj_buf *out);
/* Signed by the first two roots. */
void fx_policy(const struct fx_world *w, const struct fx_policy *p, struct fx_signed *out);

/* Records in their JSON form. */
void fx_user_record(const struct fx_person *p, struct ztj_buf *out);
void fx_host_record(const struct fx_host *h, struct ztj_buf *out);
/* The set of all people, or of all hosts; the caller frees it. */
struct ztj_dir *fx_people(const struct fx_world *w);
struct ztj_dir *fx_servers(const struct fx_world *w);
/* A directory statement over that set, signed by k; previous NULL: zeros. Expires in 90 days. */
void fx_directory(const struct fx_world *w, const struct ztj_dir *set, int64_t serial, const uint8_t *previous,
    const struct soft_key *k, struct fx_signed *out);
/* Offers one statement with the whole set to the trust. */
int fx_offer(struct fx_world *w, const struct ztj_dir *set, const struct fx_signed *st, int64_t now, bool *changed);

/* Statements. stmt: zeroed, then type, domain, issued = now, texts "", seen as the world's trust holds. */
void fx_stmt(const struct fx_world *w, struct ztj_stmt *st, enum ztj_stmt_type type);
/* Builds with a nonce of its own (from a counter) and signs with each key. */
void fx_stmt_sign(const struct ztj_stmt *st, uint8_t flags, const struct soft_key *const *keys, size_t n,
    struct fx_signed *out);
/* Common ones, by people of the world; tests change st between fx_stmt and signing for the rest. */
void fx_request(const struct fx_world *w, int who, const char *role, int host, int64_t duration, struct fx_signed *out);
void fx_approval(const struct fx_world *w, int who, const struct fx_signed *request, bool deny, int64_t limit,
    struct fx_signed *out);
/* who < 0: by the key alone (a registrar's or the broker's). */
void fx_revoke_request(const struct fx_world *w, int who, const struct soft_key *k, const struct fx_signed *request,
    struct fx_signed *out);
void fx_revoke_name(const struct fx_world *w, const struct soft_key *k, bool host, const char *full, int64_t serial,
    int64_t until, struct fx_signed *out);
/* A status that matches what the trust holds. */
void fx_status(const struct fx_world *w, const struct soft_key *k, struct fx_signed *out);

#endif
