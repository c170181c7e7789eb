/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A leaf of the audit log: one JSON object that says what happened (ztjit-events(5)). It holds digests of
 * statements, not their bytes, and no secret. What people or hosts wrote is escaped as for a terminal, so no leaf holds
 * a control character.
 */
#ifndef ZTJ_CORE_EVENT_H
#define ZTJ_CORE_EVENT_H

#include <jansson.h>

#include "libztjit/core/tlog.h"
#include "libztjit/core/ztime.h"

/* What is NULL, 0 or empty is not written, but for n, time, kind and outcome. */
struct ztj_event {
	uint64_t n;              /* its place in the log, from 0 */
	int64_t time;            /* of the broker */
	const char *kind, *outcome;
	int code;                /* enum ztj_err; written when it is not 0 */
	const char *type;        /* of a statement */
	const uint8_t *statement, *request, *digest; /* SHA-256 */
	const char *person, *by, *host, *role, *rule, *service, *account, *address, *tty, *key, *session, *name, *action,
	    *decision;
	struct ztj_event_list { const char *const *s; size_t n; } keys, hosts, sessions; /* keys: fingerprints of who signed */
	const char *certificate; /* its serial number, which JSON's numbers may not hold */
	const char *reason, *ticket, *command, *text;
	int64_t duration, version, serial, count, chunks, bytes;
	int64_t starts, ends, until, at;  /* times; at: when it happened, where that is not when it was written */
	/* of a report of standing access; NULL: none. All four are written, 0 as well. */
	const struct ztj_event_standing { int64_t standing, accepted, expired, missed; } *left;
	const char *line;        /* of a host's own log (PROTOCOL section 5), which is ASCII: only its backslashes are doubled */
};
/* Appends the leaf. TOO_LARGE above ZTJ_ENTRY_MAX. */
int ztj_event_write(const struct ztj_event *e, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* A leaf as read. Members this version does not know are kept in obj. */
struct ztj_event_in {
	json_t *obj;
	uint64_t n;
	int64_t time;
	const char *kind, *outcome; /* belong to obj */
};
/* VERSION, MEMBER_MISSING, MEMBER_TYPE, BAD_TEXT (a control character anywhere) and the errors of strict JSON. */
int ztj_event_read(struct ztj_view leaf, struct ztj_event_in *out) ZTJ_MUST_CHECK;
void ztj_event_free(struct ztj_event_in *e);
/* A text member, or "". */
const char *ztj_event_text(const struct ztj_event_in *e, const char *member);
/* Is that host the one it is about, or one of several? */
bool ztj_event_has_host(const struct ztj_event_in *e, const char *host);

#endif
