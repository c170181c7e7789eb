/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Leaves of the audit log in the forms that others read: RFC 5424 syslog, CEF and CSV. JSON lines are the leaves
 * themselves. What stands in a leaf is text without a control character (ztj_event_read); here it gets the escapes of the
 * form, so that nothing that people or hosts wrote ends a field or a record (A03).
 */
#ifndef ZTJ_CORE_EVENTFMT_H
#define ZTJ_CORE_EVENTFMT_H

#include "libztjit/core/event.h"

/* Who says so. */
struct ztj_event_origin {
	const char *host;    /* the broker's machine; NULL: not known, "-" */
	const char *version; /* of the program, for CEF */
	unsigned facility;   /* of syslog, 0 to 23 */
	bool cef;            /* the text of a syslog message is CEF, not JSON */
	size_t max;          /* bytes that a syslog message may have: without the JSON when it is longer; 0: any */
};

/* How grave it is: 0 (emergency) to 7 of syslog, 0 to 10 of CEF. */
struct ztj_event_weight { unsigned syslog, cef; };
struct ztj_event_weight ztj_event_weigh(const struct ztj_event_in *e);

/* Each appends one record. leaf: the bytes that e was read from. BAD_TEXT: they are no line of text. */
/* "<PRI>1 TIME HOST ztjit-broker - KIND [ztjit@32473 …] JSON", without a line feed. */
int ztj_event_syslog(const struct ztj_event_in *e, struct ztj_view leaf, const struct ztj_event_origin *from,
    struct ztj_buf *out) ZTJ_MUST_CHECK;
/* "CEF:0|ztjit|ztjit-broker|VERSION|…", without a line feed. */
int ztj_event_cef(const struct ztj_event_in *e, const struct ztj_event_origin *from, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* A record of RFC 4180, with CR LF; and the record of the names of the columns. What a spreadsheet would take for a
 * formula has an apostrophe before it. */
int ztj_event_csv(const struct ztj_event_in *e, struct ztj_view leaf, struct ztj_buf *out) ZTJ_MUST_CHECK;
int ztj_event_csv_head(struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
