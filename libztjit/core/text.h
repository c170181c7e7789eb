/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Text from outside: UTF-8, the narrow grammar of names, and escaping for
 * terminals and logs.
 *
 *   domain      [a-z0-9] then [a-z0-9.-], 1–64 bytes
 *   name        [a-z_] then [a-z0-9_.-], 1–32 bytes, no trailing "." (people, groups,
 *               roles, rules, directories, label keys)
 *   host name   [a-z0-9] then [a-z0-9.-], 1–64 bytes, no trailing "."
 *   label value [A-Za-z0-9] then [A-Za-z0-9_.-], 1–64 bytes
 *   full name   directory "/" name
 * Names are exact bytes: no case folding, no normalisation.
 */
#ifndef ZTJ_CORE_TEXT_H
#define ZTJ_CORE_TEXT_H

#include "libztjit/core/wire.h"

#define ZTJ_NAME_SIZE 33
#define ZTJ_HOSTNAME_SIZE 65
#define ZTJ_DOMAIN_SIZE 65
#define ZTJ_FULLNAME_SIZE 99 /* directory / host name, with NUL */

bool ztj_domain_ok(const char *s);
bool ztj_name_ok(const char *s);
bool ztj_hostname_ok(const char *s);
bool ztj_label_value_ok(const char *s);
/* directory/name with either grammar for the second part (host: host name). */
bool ztj_fullname_ok(const char *s, bool host);
/* The part after the "/"; the whole string when there is none. */
const char *ztj_fullname_tail(const char *s);

/* Well-formed UTF-8 without control characters (C0, DEL, C1), bidirectional
 * controls, line and paragraph separators, or a byte-order mark. */
bool ztj_text_ok(struct ztj_view v);
/* Well-formed UTF-8 alone. */
bool ztj_utf8_ok(struct ztj_view v);

/* Appends v so that it is safe on any terminal and in any log line: printable
 * UTF-8 as it is, everything else (controls, ESC, bidi and zero-width characters, invalid bytes,
 * backslash) as \xNN or \u{NNNN}. Never cuts. */
int ztj_text_escape(struct ztj_view v, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* The one number parser: decimal, no sign unless min < 0, no leading zeros or
 * spaces, within [min, max]; else ZTJ_BAD_ENCODING or ZTJ_LIMIT. */
int ztj_parse_int(const char *s, int64_t min, int64_t max, int64_t *out) ZTJ_MUST_CHECK;

#endif
