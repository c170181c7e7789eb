/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * SSH wire encoding (RFC 4251 section 5): a bounds-checked reader over a view
 * it does not own, and a growing writer with a hard cap.  libc only: the PAM
 * module compiles this file.
 */
#ifndef ZTJ_CORE_WIRE_H
#define ZTJ_CORE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libztjit/core/err.h"

/* Read-only bytes owned by somebody else. p may be NULL only when n is 0. */
struct ztj_view {
	const uint8_t *p;
	size_t n;
};

struct ztj_view ztj_view_of(const void *p, size_t n);
struct ztj_view ztj_view_str(const char *s);
/* What follows the first n bytes; empty when there are no more than n. */
struct ztj_view ztj_view_after(struct ztj_view v, size_t n);
bool ztj_view_eq(struct ztj_view a, struct ztj_view b);
bool ztj_view_eq_str(struct ztj_view a, const char *s);
/* Takes one line off the front, without its line feed; false when there is no line feed, and nothing is taken. */
bool ztj_view_line(struct ztj_view *left, struct ztj_view *line);
/* Takes s off the front; false when it does not stand there. */
bool ztj_view_skip(struct ztj_view *v, const char *s);

/* Reader. Every getter nulls its output first and fails with ZTJ_TRUNCATED or
 * ZTJ_BAD_ENCODING; after a failure the reader stays where it was. */
struct ztj_rd {
	struct ztj_view left;
};

void ztj_rd_init(struct ztj_rd *rd, struct ztj_view v);
int ztj_rd_u8(struct ztj_rd *rd, uint8_t *out) ZTJ_MUST_CHECK;
int ztj_rd_u32(struct ztj_rd *rd, uint32_t *out) ZTJ_MUST_CHECK;
int ztj_rd_u64(struct ztj_rd *rd, uint64_t *out) ZTJ_MUST_CHECK;
/* n raw bytes. */
int ztj_rd_bytes(struct ztj_rd *rd, size_t n, struct ztj_view *out) ZTJ_MUST_CHECK;
/* uint32 length + bytes; at most max bytes, else ZTJ_TOO_LARGE. */
int ztj_rd_string(struct ztj_rd *rd, size_t max, struct ztj_view *out) ZTJ_MUST_CHECK;
/* The same, without NUL inside, copied with a final NUL into out[size]. */
int ztj_rd_cstring(struct ztj_rd *rd, char *out, size_t size) ZTJ_MUST_CHECK;
/* A string that must equal s exactly, else ZTJ_BAD_ENCODING. */
int ztj_rd_expect(struct ztj_rd *rd, const char *s) ZTJ_MUST_CHECK;
/* mpint (RFC 4251): positive, minimal, at most max bytes of magnitude. */
int ztj_rd_mpint(struct ztj_rd *rd, size_t max, struct ztj_view *out) ZTJ_MUST_CHECK;
/* ZTJ_OK when nothing is left, else ZTJ_TRAILING. */
int ztj_rd_end(const struct ztj_rd *rd) ZTJ_MUST_CHECK;

/* Writer. After the first failure every further put fails with the same error,
 * so a chain may be checked once with ztj_buf_status(). */
struct ztj_buf {
	uint8_t *p;
	size_t n, cap, max;
	int err;
};

void ztj_buf_init(struct ztj_buf *b, size_t max);
/* Wipes and frees; the buffer is usable again with its old max. */
void ztj_buf_free(struct ztj_buf *b);
/* Empties without freeing. */
void ztj_buf_reset(struct ztj_buf *b);
int ztj_buf_status(const struct ztj_buf *b) ZTJ_MUST_CHECK;
struct ztj_view ztj_buf_view(const struct ztj_buf *b);
int ztj_buf_put(struct ztj_buf *b, const void *p, size_t n);
int ztj_buf_put_u8(struct ztj_buf *b, uint8_t v);
int ztj_buf_put_u32(struct ztj_buf *b, uint32_t v);
int ztj_buf_put_u64(struct ztj_buf *b, uint64_t v);
/* uint32 length + bytes */
int ztj_buf_put_string(struct ztj_buf *b, const void *p, size_t n);
int ztj_buf_put_view(struct ztj_buf *b, struct ztj_view v);
int ztj_buf_put_cstring(struct ztj_buf *b, const char *s);
/* big-endian magnitude without leading zeros, as mpint */
int ztj_buf_put_mpint(struct ztj_buf *b, const uint8_t *p, size_t n);
/* the text without length or NUL, for building text */
int ztj_buf_puts(struct ztj_buf *b, const char *s);
int ztj_buf_printf(struct ztj_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends a NUL that is not counted in n and returns the text; NULL on error. */
const char *ztj_buf_str(struct ztj_buf *b);

#endif
