/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Files with several armoured signatures. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "ztjit/sigfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_signed s = { .nsigs = 0 };
	struct cli c = { .arena = NULL };
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (sigfile_parse(&c, text, &s) == ZTJ_OK)
		MUST(s.nsigs <= ZTJ_SIGS_MAX);
	for (size_t i = 0; i < s.nsigs; i++)
		for (size_t k = 0; k < i; k++)
			MUST(!ztj_view_eq(s.sig[i], s.sig[k]));
	cli_release(&c, 0);
	free(c.arena);
	free(text);
	return 0;
}
