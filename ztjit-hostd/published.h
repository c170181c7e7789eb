/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Private to the gate: what it publishes for libnss_ztjit (PROTOCOL section 9), and why not the rest.
 *
 * `people` follows the directories, the policy's gids and the machine's own files; it is made anew only when one of those changed.
 * `grants` follows the grants that run here; it is made anew with every piece of news and at every beginning and end.
 */
#ifndef ZTJ_HOSTD_PUBLISHED_H
#define ZTJ_HOSTD_PUBLISHED_H

#include "libztjit/core/names.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/idbook.h"
#include "ztjit-hostd/localids.h"

#define ZTJ_CONFLICTS_MAX 64
#define ZTJ_HELD_MAX 8192   /* shells and memberships together */
#define ZTJ_REASON_SIZE 256

/* Somebody's shell, or their membership in a group. */
struct ztj_held {
	char person[ZTJ_NAME_SIZE];
	char group[ZTJ_NAME_SIZE]; /* "": the shell */
	const char *shell;         /* of the gate's configuration or environment; NULL: a membership */
	uint32_t id;               /* uid, or gid */
	int64_t ends, wall;        /* boot clock; for people */
	bool withheld;             /* a membership that is not published now, but did not end: nobody is killed for it */
};

/* A membership that is over. */
struct ztj_lost {
	uint32_t uid, gid;
	uint32_t id; /* of the command to the warden */
};
#define ZTJ_LOST_MAX 64

struct ztj_conflicts {
	size_t n, more; /* beyond those that have a place */
	char text[ZTJ_CONFLICTS_MAX][ZTJ_REASON_SIZE];
};

struct ztj_pub {
	struct ztj_idbook book;
	size_t stored;      /* how many of it are on disk */
	bool off;           /* nobody looks, or the book cannot be read */
	bool unread;        /* off for the latter */
	bool early;         /* nothing stands yet that this gate made: it answers nobody */
	/* people */
	uint8_t inputs[ZTJ_DIGEST_LEN]; /* what they were made of */
	bool made, failing;
	struct ztj_conflicts conflicts;
	size_t people;
	/* grants */
	struct ztj_held *held;
	size_t nheld, room;
	bool crowded;       /* more than there is room for */
	bool stale;         /* one is withheld until the broker is heard */
	struct ztj_lost lost[ZTJ_LOST_MAX], told[ZTJ_LOST_MAX]; /* to be told the warden; told, in turns */
	size_t nlost, ntold;
	bool looked_back;
	int64_t next;       /* boot clock: when they change by themselves */
	int64_t reviewed;   /* boot clock */
	struct event *soon;
	/* what stands, or was asked for */
	uint8_t digest[ZTJ_PUBLISHED][ZTJ_DIGEST_LEN];
	uint32_t asked[ZTJ_PUBLISHED]; /* id of the command that the warden has not answered; 0: none */
	bool failed[ZTJ_PUBLISHED];
	bool withdrawn;     /* `grants` were removed, or are about to be */
};

/* ---- gate_names.c: people and role groups ---- */
/* Takes up what is new, if anything changed; STATE when nothing did. An error leaves everything as it is. */
int ztj_names_gather(struct ztj_gate *g) ZTJ_MUST_CHECK;
/* The file `people`. */
int ztj_names_people(struct ztj_gate *g, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* ---- gate_lost.c ---- */
void ztj_lost_add(struct ztj_gate *g, const char *person, uint32_t gid);
/* Those that were over before this gate began: once, as soon as nothing is withheld. */
void ztj_lost_before(struct ztj_gate *g);

/* ---- gate_grants.c ---- */
/* The file `grants`, as it is now. */
int ztj_names_grants(struct ztj_gate *g, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
