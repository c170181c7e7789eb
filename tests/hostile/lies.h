/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Every variant kept, in the order of the generators: the liar serves them, the thief uses them. Both make the same list
 * from the same moment and the same two login keys.
 */
#ifndef ZTJ_TESTS_HOSTILE_LIES_H
#define ZTJ_TESTS_HOSTILE_LIES_H

#include "tests/hostile/plan.h"

/* One statement as the stream carries it. */
struct lie_push {
	char *json;         /* {"statement","signatures"} */
	int want;           /* what the host's log must say of it; ZTJ_OK: nothing */
};

struct lie {
	char name[224];
	int kind, want;
	bool control;
	char account[64], peer[64];
	uint8_t request[ZTJ_DIGEST_LEN];
	char *cert;         /* base64; logins */
	size_t first, npush; /* logins: in lies.push */
	char *json;         /* news */
	struct ztj_buf challenge, person; /* step-ups: bytes, and the SSHSIG of the answer's second signature */
};

/* Requests of one person that the host keeps. */
struct lie_places {
	char who[ZTJ_FULLNAME_SIZE];
	size_t n;
};

struct lies {
	struct company co;
	size_t n, npush;
	struct lie *lie;
	struct lie_push *push;
	size_t naccepted;
	uint8_t (*accepted)[ZTJ_DIGEST_LEN]; /* requests that the host keeps */
	size_t nplaces;
	struct lie_places *place;
	size_t nrevocations;
};

/* keys: .pub files that the record of req1 names as well, for real ssh; NULL: none. */
/* Policies and directories: one in five through the mirror, the others by hand. */
bool lie_by_mirror(const struct lies *l, const struct lie *v);
/* The company alone. */
void lies_company(struct lies *l, int64_t now, const char *const *keys, size_t nkeys);
void lies_make(struct lies *l, int64_t now, const char *const *keys, size_t nkeys);


#endif
