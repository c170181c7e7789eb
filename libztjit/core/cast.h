/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The text of a record: asciicast v2 lines that keep every byte (PROTOCOL 8.2). Pure, no allocation beyond the
 * buffers given.
 */
#ifndef ZTJ_CORE_CAST_H
#define ZTJ_CORE_CAST_H

#include "libztjit/core/codec.h"

struct ztj_cast_header {
	uint32_t width, height;
	int64_t timestamp;
	const char *term, *shell;
	const char *command; /* "": a login shell */
	const char *session; /* 64 hex digits */
	const char *host, *person, *account, *service, *role, *grant, *peer;
	bool tty, input;
};

/* One line each, ending in LF. Strings are any bytes: what is not UTF-8 is replaced in the header. */
int ztj_cast_header_put(const struct ztj_cast_header *h, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* One stream of one record: what of a cut UTF-8 sequence waits for its rest. Zero is fresh. */
struct ztj_cast_tail {
	uint8_t n, byte[3];
};
/* Appends the event and, where bytes are not UTF-8, its z event, at most 6 bytes for one and 80 more; adds the number of lines to
 * *events. tail may be NULL (nothing is kept back); with it, an event of which nothing is left is no event. us: microseconds since the
 * start. code: one printable ASCII character but z, quote and backslash (ZTJ_BAD_ENCODING). */
int ztj_cast_event_put(uint64_t us, char code, struct ztj_view bytes, struct ztj_cast_tail *tail, struct ztj_buf *out,
    uint32_t *events) ZTJ_MUST_CHECK;
/* What is still kept back, as an event. Nothing when there is nothing. */
int ztj_cast_tail_put(uint64_t us, char code, struct ztj_cast_tail *tail, struct ztj_buf *out,
    uint32_t *events) ZTJ_MUST_CHECK;

/* One event read back, with its bytes restored from z. */
struct ztj_cast_event {
	uint64_t us;
	char code;
	struct ztj_view bytes; /* into the reader's buffer, until the next call */
};
/* Reads text line by line. Gives each event whole: a z is joined to the event before it, so the last event of a text that has
 * not ended comes with the next one, or when `end` is set. */
struct ztj_cast_reader;
int ztj_cast_reader_new(struct ztj_cast_reader **out) ZTJ_MUST_CHECK;
void ztj_cast_reader_free(struct ztj_cast_reader *r);
/* Adds text (whole lines): at most 4 MiB that nobody has taken (ZTJ_TOO_LARGE). */
int ztj_cast_reader_add(struct ztj_cast_reader *r, struct ztj_view text) ZTJ_MUST_CHECK;
/* ZTJ_OK: *out is the next event; ZTJ_NOT_FOUND: more text is needed (or, with end, there is none);
 * ZTJ_BAD_JSON or ZTJ_BAD_ENCODING: not a record of ours; from then on always. A time before that of the event before is taken as the same. */
int ztj_cast_reader_next(struct ztj_cast_reader *r, bool end, struct ztj_cast_event *out) ZTJ_MUST_CHECK;
/* The header line as it stands, once it was added; empty before. */
struct ztj_view ztj_cast_reader_header(const struct ztj_cast_reader *r);

#endif
