/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* policy_roots: what is read is written and read again with the same pin. */
#include <string.h>

#include "libztjit/core/trust.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ztj_pins p, q;
	char one[ZTJ_PIN_SIZE], two[ZTJ_PIN_SIZE];
	struct ztj_buf text;
	unsigned line;

	if (ztj_pins_parse(ztj_view_of(data, size), &p, &line) != ZTJ_OK) {
		MUST(p.nroots == 0);
		return 0;
	}
	MUST(p.threshold >= 1 && p.threshold <= p.nroots && p.nroots <= ZTJ_ROOTS_MAX);
	ztj_buf_init(&text, 65536);
	MUST(ztj_pins_format(&p, &text) == ZTJ_OK);
	MUST(ztj_pins_parse(ztj_buf_view(&text), &q, &line) == ZTJ_OK);
	MUST(ztj_pins_digest(&p, one) == ZTJ_OK && ztj_pins_digest(&q, two) == ZTJ_OK);
	MUST(strcmp(one, two) == 0 && ztj_pins_check(&q, one) == ZTJ_OK);
	MUST(p.has_floor == q.has_floor && p.floor_version == q.floor_version);
	ztj_buf_free(&text);
	return 0;
}
