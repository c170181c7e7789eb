/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Lines of crontabs, units and key files; the baseline; commands for a shell. The first byte chooses. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "ztjit/scan/crontab.h"
#include "ztjit/scan/scan.h"

static void baseline(struct ztj_view v)
{
	struct scan_exception x = { .until = 1798761600, .reason = "r" };
	struct scan_baseline b, again;
	struct ztj_buf out;
	unsigned line;

	memcpy(x.finger, "0123456789abcdef0123", SCAN_FINGER_SIZE);
	if (v.n > SCAN_BASELINE_MAX / 2 || scan_baseline_parse(v, &b, &line) != ZTJ_OK)
		return;
	/* what is accepted can be added to, and stays accepted */
	ztj_buf_init(&out, SCAN_BASELINE_MAX);
	MUST(scan_baseline_put(v, &x, "note", &out) == ZTJ_OK);
	MUST(scan_baseline_parse(ztj_buf_view(&out), &again, &line) == ZTJ_OK);
	MUST(again.n == b.n || again.n == b.n + 1);
	scan_baseline_free(&again);
	scan_baseline_free(&b);
	ztj_buf_free(&out);
}

static void command(struct ztj_view v)
{
	struct scan s;
	const char *text;

	if (memchr(v.p, '\0', v.n) != NULL || v.n > 4096 || scan_new(&s, NULL, 0) != ZTJ_OK)
		return;
	for (int i = 0; i < 2; i++) {
		text = i == 0 ? scan_quote(&s, scan_copy(&s, v)) : scan_delete_lines(&s, "/f", v, v);
		MUST(text != NULL);
		for (; *text != '\0'; text++)
			MUST(*text >= 0x20 && *text < 0x7f);
	}
	scan_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view v, line;
	struct scan_lines l = { .no = 0 };
	struct cron_job job;
	struct unit_line u;
	struct scan_key k;
	bool plus;

	if (size < 2)
		return 0;
	v = ztj_view_of(data + 1, size - 1);
	if (data[0] % 3 == 1) {
		baseline(v);
		return 0;
	}
	if (data[0] % 3 == 2) {
		command(v);
		return 0;
	}
	for (l.left = v; scan_line(&l, &line);) {
		if (cron_line_read(line, true, &job))
			MUST(job.user.n > 0 && job.command.n > 0);
		(void)cron_line_read(line, false, &job);
		if (unit_line_read(line, &u))
			(void)unit_program(u.value, &plus);
		if (scan_key_parse(line, &k))
			MUST(k.blob.n >= 16 && k.type.n > 0);
	}
	return 0;
}
