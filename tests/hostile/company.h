/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The company that a hostile broker attacks: its honest people, registrars and roots with what they really signed,
 * and everything the thief has: the broker's TLS, online and CA keys, its database, and the keys of req1, who would
 * like to be root on web1 without asking, and of strangers. Every key comes from a seed, so that the liar, the server and
 * the tests of one run agree without speaking.
 */
#ifndef ZTJ_TESTS_HOSTILE_COMPANY_H
#define ZTJ_TESTS_HOSTILE_COMPANY_H

#include "tests/core/fixture.h"

enum { CO_PEOPLE, CO_APPROVERS, CO_SERVERS, CO_DIRS };
#define CO_RECORDS_MAX 24
#define CO_WEB1 "servers/web1"

/* People of the world (fixture.h), and some more. */
enum { CO_ALIAS, CO_TWIN, CO_GONE, CO_VICTIM, CO_EXTRAS };

struct company {
	struct fx_world w;
	/* approvers/req1: the requester under an alias, in both groups; approvers/lead1: sre-leads, an equal name;
	 * approvers/gone1: security, removed at serial 2; people/vic1: sre, revoked. */
	struct fx_person extra[CO_EXTRAS];
	struct soft_key lead1_old, sec1_next; /* retired a day ago; valid from tomorrow */
	struct soft_key shared;               /* stands in people/both2 and in approvers/both2 */
	struct fx_signed policy_old;          /* version 1; version 2 is held */
	struct fx_signed dir[CO_DIRS][2];     /* serials 1 and 2; both are held */
	const struct ztj_key *login;          /* more keys of req1, for real ssh */
	size_t nlogin;
	struct ztj_buf record[CO_DIRS][2][CO_RECORDS_MAX];
	size_t nrecords[CO_DIRS][2];
};

extern const char *const co_dir_name[CO_DIRS];

/* now: when everybody signed. login: more keys in the record of req1 (kept by the caller). The trust of co->w holds all of
 * it, and a status. */
void company_open(struct company *co, int64_t now, const struct ztj_key *login, size_t nlogin);
void company_close(struct company *co);
/* A policy of that version; more and registrars may be NULL. */
void company_policy(struct company *co, int version, const char *more, const char *registrars, struct fx_signed *out);
void company_registrars(struct company *co, const char *people_more, struct ztj_buf *out);
/* Offers policy, directories and a status of `now` to an empty trust. */
void company_load(struct company *co, struct ztj_trust *t, int64_t now);
/* A status over what t holds. */
void company_status(struct company *co, const struct ztj_trust *t, int64_t now, const struct soft_key *k,
    struct fx_signed *out);
/* What web1 makes of a request that opens, when it hears of it: ZTJ_OK: it is kept; else the reason. */
int company_request(const struct ztj_trust *t, const struct ztj_stmt *request);
const struct soft_key *company_registrar(const struct company *co, int dir);
/* A directory statement over these record texts, however malformed the set. previous NULL: zeros. */
void company_directory(struct company *co, const char *name, int64_t serial, const uint8_t *previous,
    const struct ztj_view *rec, size_t n, const struct soft_key *k, struct fx_signed *out);
/* The broker's answer: {"name","serial","statements","drop","put"}. */
void company_answer(const char *name, int64_t serial, const struct fx_signed *const *st, size_t nst,
    const char *const *drop, size_t ndrop, const struct ztj_view *put, size_t nput, struct ztj_buf *out);
/* {"statement","signatures"}. */
void company_json(const struct fx_signed *s, struct ztj_buf *out);
/* The honest answer: everything after serial `since`. */
void company_honest_answer(struct company *co, int dir, int64_t since, struct ztj_buf *out);

#endif
