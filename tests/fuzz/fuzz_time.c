/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Times, durations, hours, numbers, names and the escaping of anything. */
#include <string.h>

#include "libztjit/core/text.h"
#include "libztjit/core/ztime.h"
#include "tests/fuzz/fuzz.h"

static void hours(const char *s)
{
	struct ztj_hours h;

	if (ztj_hours_parse(s, &h) != ZTJ_OK) {
		MUST(h.nspans == 0);
		return;
	}
	MUST(h.nspans >= 1 && h.nspans <= 8);
	for (int64_t t = INT64_C(1700000000); t < INT64_C(1800000000); t += 7654321)
		(void)ztj_hours_contain(&h, t);
	(void)ztj_hours_contain(&h, 0);
	(void)ztj_hours_contain(&h, INT64_MAX);
	(void)ztj_hours_contain(&h, INT64_MIN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[ZTJ_TIME_SIZE], *s = malloc(size + 1);
	struct ztj_buf out;
	int64_t v;

	MUST(s != NULL);
	if (size > 0)
		memcpy(s, data, size);
	s[size] = '\0';
	if (ztj_time_parse(s, &v) == ZTJ_OK)
		MUST(ztj_time_format(v, text) == ZTJ_OK && strcmp(text, s) == 0);
	if (ztj_duration_parse(s, &v) == ZTJ_OK)
		MUST(v >= 1 && v <= ZTJ_DURATION_MAX);
	if (ztj_parse_int(s, -1000, 1000, &v) == ZTJ_OK)
		MUST(v >= -1000 && v <= 1000);
	hours(s);
	MUST(!ztj_name_ok(s) || ztj_text_ok(ztj_view_str(s)));
	MUST(!ztj_fullname_ok(s, true) || strlen(s) < ZTJ_FULLNAME_SIZE);
	free(s);
	ztj_buf_init(&out, 16 * size + 16);
	MUST(ztj_text_escape(ztj_view_of(data, size), &out) == ZTJ_OK);
	MUST(ztj_text_ok(ztj_buf_view(&out)));
	ztj_buf_free(&out);
	return 0;
}
