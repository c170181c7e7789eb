/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Serials grow. A block is reserved on disk before its first number is used; a restart skips the rest.
 * The beginning is never below the clock (milliseconds × 2^20), so a state restored from an old backup does
 * not give a number twice either.
 */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/text.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-broker/signer.h"

#define BLOCK 8192u
#define CLOCK_SHIFT 20

static int reserve(struct serial *s)
{
	char text[32];
	uint64_t upto = s->next + BLOCK;
	int n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)upto);
	int r = n > 0 && upto < INT64_MAX ? ztj_file_write(s->path, ztj_view_of(text, (size_t)n), 0600)
					  : ZTJ_LIMIT;
	if (r == ZTJ_OK)
		s->reserved = upto;
	return r;
}

int serial_open(struct serial *s, const char *path, uid_t owner, int64_t now_ms)
{
	const struct ztj_file_rule rule = { .owner = owner, .secret = true };
	struct ztj_buf text;
	int64_t stored = 1;
	memset(s, 0, sizeof(*s));
	int n = snprintf(s->path, sizeof(s->path), "%s", path);
	if (n < 0 || (size_t)n >= sizeof(s->path))
		return ZTJ_TOO_LARGE;
	ztj_buf_init(&text, 64);
	int r = ztj_file_read(path, &rule, 64, &text);
	if (r == ZTJ_OK) {
		if (text.n > 0 && text.p[text.n - 1] == '\n')
			text.n--;
		const char *str = ztj_buf_str(&text);
		r = str == NULL ? ZTJ_NOMEM : ztj_parse_int(str, 1, INT64_MAX, &stored);
	} else if (r == ZTJ_NOT_FOUND) {
		r = ZTJ_OK;
	}
	ztj_buf_free(&text);
	if (r != ZTJ_OK)
		return r;
	uint64_t clock = now_ms > 0 && now_ms < INT64_C(1) << 42 ? (uint64_t)now_ms << CLOCK_SHIFT : 1;
	s->next = (uint64_t)stored > clock ? (uint64_t)stored : clock;
	s->reserved = s->next;
	return ZTJ_OK;
}

int serial_take(struct serial *s, uint64_t *out)
{
	*out = 0;
	int r = s->next < s->reserved ? ZTJ_OK : reserve(s);
	if (r == ZTJ_OK)
		*out = s->next++;
	return r;
}
