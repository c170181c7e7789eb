/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the fleet's hosts say of their standing access. The broker only carries it: a host's word counts when its machine key signed
 * it, as the directory has that key; a host of the directory without such a word is unknown, never clean.
 */
#ifndef ZTJIT_STANDING_H
#define ZTJIT_STANDING_H

#include "ztjit/cli.h"

#define STANDING_OLD (2 * 86400)    /* the timer scans every day */
#define STANDING_SOON (14 * 86400)  /* an exception that ends within this */
#define STANDING_DAYS 31

enum standing_state { STANDING_CLEAN, STANDING_LEFT, STANDING_PARTIAL, STANDING_STALE, STANDING_UNKNOWN, STANDING_ALTERED };
struct standing_day {
	int64_t issued, left;
};
struct standing_host {
	const char *name;              /* full */
	const struct ztj_record *rec;
	enum standing_state state;
	const char *doubt;             /* ALTERED, or UNKNOWN: why */
	int64_t issued, standing, accepted, expired, missed;
	json_t *report;                /* verified, or NULL */
	size_t ndays;
	struct standing_day *day;      /* verified, in no order */
};
struct standing {
	size_t n;
	struct standing_host *host;    /* of the directories, sorted by name */
};

const char *standing_state_name(enum standing_state s);
/* only: a full name, or NULL. Wants an open login and directories. */
int standing_fetch(struct cli *c, const char *only, struct standing *out) ZTJ_MUST_CHECK;
void standing_free(struct standing *s);
/* Only such texts and numbers as a scan sends: for the tests. */
bool standing_plain(const json_t *v) ZTJ_MUST_CHECK;
/* What was left that many days ago, on so many hosts that had spoken by then. */
int64_t standing_then(const struct standing *s, int64_t t, size_t *hosts);

#endif
