/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The filter between a record and an auditor's terminal. First byte: the mode, and the columns; second: where the stream is
 * cut. What comes out is judged by a grammar written here for the second time.
 */
#include <string.h>

#include "libztjit/core/castsafe.h"
#include "libztjit/core/text.h"
#include "tests/fuzz/fuzz.h"

static void run(const uint8_t *head, struct ztj_view v, size_t at, struct ztj_buf *out)
{
	struct ztj_castsafe *s;

	ztj_buf_reset(out);
	MUST(ztj_castsafe_new((enum ztj_castsafe_mode)(head[0] & 1), &s) == ZTJ_OK);
	ztj_castsafe_columns(s, head[0] >> 1);
	for (size_t i = 0; i < v.n; i += at)
		MUST(ztj_castsafe_put(s, ztj_view_of(v.p + i, v.n - i < at ? v.n - i : at), out) == ZTJ_OK);
	MUST(ztj_castsafe_end(s, out) == ZTJ_OK);
	ztj_castsafe_free(s);
}

static bool one_of(uint8_t c, const char *set)
{
	return c != 0 && strchr(set, c) != NULL;
}

/* The length of the escape sequence at p (ESC): 0 when it is none of those that may pass. */
static size_t escape_at(const uint8_t *p, size_t n)
{
	static const char *const modes[] = { "?5", "?6", "?7", "?12", "?25", "?47", "?1047", "?1048", "?1049",
		"4" };
	size_t i = 2;

	if (n >= 2 && one_of(p[1], "78DEM"))
		return 2;
	if (n >= 3 && one_of(p[1], "()") && one_of(p[2], "0B"))
		return 3;
	if (n < 3 || p[1] != '[')
		return 0;
	while (i < n && (one_of(p[i], "0123456789;:?")))
		i++;
	if (i == n)
		return 0;
	if (one_of(p[i], "hl")) {
		for (size_t k = 0; k < sizeof(modes) / sizeof(modes[0]); k++)
			if (strlen(modes[k]) == i - 2 && memcmp(modes[k], p + 2, i - 2) == 0)
				return i + 1;
		return 0;
	}
	if (memchr(p + 2, '?', i - 2) != NULL || (memchr(p + 2, ':', i - 2) != NULL && p[i] != 'm'))
		return 0;
	if (one_of(p[i], "su"))
		return i == 2 ? 3 : 0;
	if (p[i] == 'J')
		return i == 2 || (i == 3 && p[2] <= '2') ? i + 1 : 0;
	return one_of(p[i], "@ABCDEFGHIKLMPSTXZ`abdefmr") ? i + 1 : 0;
}

static void is_safe(struct ztj_view v, bool replay)
{
	MUST(ztj_utf8_ok(v));
	for (size_t i = 0; i < v.n;) {
		size_t n = 1;

		if (v.p[i] == 0x1b)
			n = replay ? escape_at(v.p + i, v.n - i) : 0;
		else if (v.p[i] < 0x20)
			n = one_of(v.p[i], replay ? "\b\t\n\v\f\r\x0e\x0f" : "\t\n") ? 1 : 0;
		else if (v.p[i] == 0x7f || (v.p[i] == 0xc2 && v.p[i + 1] < 0xa0))
			n = 0;
		MUST(n > 0);
		i += n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view v;
	struct ztj_buf whole, cut, again;

	if (size < 2 || size > 65536)
		return 0;
	v = ztj_view_of(data + 2, size - 2);
	ztj_buf_init(&whole, 1 << 20);
	ztj_buf_init(&cut, 1 << 20);
	ztj_buf_init(&again, 1 << 20);
	run(data, v, v.n == 0 ? 1 : v.n, &whole);
	run(data, v, data[1] == 0 ? 1 : data[1], &cut);
	MUST(ztj_view_eq(ztj_buf_view(&whole), ztj_buf_view(&cut)));
	is_safe(ztj_buf_view(&whole), (data[0] & 1) == ZTJ_CASTSAFE_REPLAY);
	if ((data[0] & 1) == ZTJ_CASTSAFE_REPLAY) { /* what is safe passes as it is */
		run(data, ztj_buf_view(&whole), 4096, &again);
		MUST(again.n >= whole.n && (whole.n == 0 || memcmp(again.p, whole.p, whole.n) == 0));
	}
	ztj_buf_free(&whole);
	ztj_buf_free(&cut);
	ztj_buf_free(&again);
	return 0;
}
