/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the leaves of an audit log add up to: who asked for what, who approved it, what was done with it, what was
 * refused, what is left. Pure: no clock, no output; fed leaf by leaf, in time and memory that grow with the log and no faster.
 * What the leaves do not say stays unknown; nothing is guessed.
 *
 * A leaf counts in the period by the time the broker wrote it, which a host cannot choose. Leaves after the period are left
 * aside altogether; those before it only explain what happens in it.
 */
#ifndef ZTJIT_TALLY_H
#define ZTJIT_TALLY_H

#include "libztjit/core/event.h"

#define TALLY_NONE SIZE_MAX

/* NULL: any. Names with or without their directory. */
struct tally_filter { int64_t since, until; const char *user, *host, *role; };

enum tally_state { TALLY_ASKED, TALLY_APPROVED, TALLY_DENIED, TALLY_CANCELLED, TALLY_REVOKED, TALLY_CERTIFIED, TALLY_USED };
struct tally_vote { const char *who, *comment; int64_t at, limit; bool deny; };
/* A request, and what became of it. Texts are "" and times 0 where the log says nothing. */
struct tally_grant {
	uint8_t id[ZTJ_DIGEST_LEN];
	const char *person, *role, *reason, *ticket;
	size_t nhosts, nvotes;
	const char **host;
	struct tally_vote *vote;
	bool known;             /* the request itself is a leaf; else something named it that is not in the log */
	bool break_glass, extends, asked_here, counts;
	int64_t asked, starts, duration;
	const char *revoked_by, *revoked_why;
	int64_t revoked, certified, first_use, last_use; /* uses: the hosts' times */
	int64_t logins, elevations, recorded, refused;   /* of the period; recorded: of both */
};
/* A login or an elevation (sudo, su) that a host let begin. */
struct tally_use {
	size_t grant, record;   /* record: TALLY_NONE for none of its own */
	const char *host, *person, *account, *service, *address;
	const char *code;       /* why the host ended it; "" when it did not */
	int64_t begun, ended, day; /* the first two by the host's clock; 0: not known */
	bool login, recorded, counts;
};
struct tally_record {
	size_t grant, use;
	const char *id, *host, *person, *account, *service, *address, *command, *state;
	int64_t begun, ended, ends, chunks, bytes;
	bool counts;
};
/* What was refused, by whom and why; code "" when an approver did it, in words. */
enum tally_source { TALLY_BY_HOST, TALLY_BY_APPROVER, TALLY_BY_BROKER, TALLY_SOURCES };
struct tally_denial { enum tally_source source; const char *code; int64_t n; };
struct tally_standing {
	const char *host;
	int64_t at;             /* the host's time of its newest report */
	bool counted;           /* false: a leaf from before it held the four numbers */
	int64_t standing, accepted, expired, missed;
};
/* A day that has leaves, as days since 1970. left: entries at its end, -1 where no report had come. */
struct tally_day { int64_t day, asked, logins, elevations, recorded, unrecorded, denied, left; };
struct tally_group { const char *key; int64_t asked, granted, logins, elevations, recorded, refused, seconds; };

struct tally_count {
	int64_t leaves, asked, break_glass, extensions, approvals, own_approvals, denials, revocations, cancels, kills, logins_signed,
	    certificates, stepups, views, views_refused, alarms, policies, directories, asked_in, standing, exempt, records,
	    records_closed, records_lost, restarts;
	/* of uses that count */
	int64_t uses, logins, elevations, under_grant, logins_recorded, elevations_recorded;
	int64_t glass_used, glass_uses, unknown_requests, ended_box, ended_revoked, ended_other;
	int64_t by_rule_alone;  /* used, and nobody approved: break glass, or a rule that asks for nobody */
};
/* Seconds, sorted; medians are exact. */
struct tally_times { size_t n, cap; int64_t *s; };

struct tally {
	struct tally_filter filter;
	json_t *words, *by_id, *by_pid, *by_host, *by_day; /* texts kept once; places in the arrays below */
	size_t ngrants, nuses, nrecords, ndenials, nstanding, ndays;
	struct tally_grant *grant;
	struct tally_use *use;
	struct tally_record *record;
	struct tally_denial *denial;
	struct tally_standing *standing;
	struct tally_day *day;  /* sorted once it is finished */
	struct tally_count count;
	struct tally_times first_approval; /* from the request to the first approval */
	struct tally_times approval;       /* to the last approval before its first use */
	int64_t left;                      /* running sum of the newest reports */
	int64_t first, last;               /* leaf times of the period; 0: none */
	json_t *hosts_seen;
};

int tally_init(struct tally *t, const struct tally_filter *f) ZTJ_MUST_CHECK;
void tally_free(struct tally *t);
/* The next leaf of the log, in its order. NOMEM. */
int tally_leaf(struct tally *t, const struct ztj_event_in *e) ZTJ_MUST_CHECK;
/* After the last one: joins records to uses, adds up. Once. */
int tally_finish(struct tally *t) ZTJ_MUST_CHECK;

/* What became of it, as far as the log tells. */
enum tally_state tally_state(const struct tally_grant *g);
const char *tally_state_name(enum tally_state s);
/* The middle one of sorted times, or the mean of the middle two; -1 for none. */
int64_t tally_median(const struct tally_times *t);
/* The smallest time that at least so many percent do not exceed; -1 for none. */
int64_t tally_percentile(const struct tally_times *t, unsigned percent);
/* What counts, by "person", "host" or "role"; sorted by key, to be freed. Keys belong to the tally. BAD_NAME. */
int tally_by(struct tally *t, const char *what, struct tally_group **out, size_t *n) ZTJ_MUST_CHECK;

#endif
