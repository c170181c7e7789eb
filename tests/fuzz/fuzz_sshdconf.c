/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* An sshd_config of any bytes, that may include a second file of the same bytes' other half. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "ztjit/doctor/sshdconf.h"

static int read_input(void *arg, const char *path, struct ztj_buf *text)
{
	const struct ztj_view *in = arg;
	size_t half = in->n / 2;

	if (strcmp(path, "/main") == 0)
		return ztj_buf_put(text, in->p, half);
	return ztj_buf_put(text, in->p + half, in->n - half);
}

static int expand(void *arg, const char *pattern, int (*each)(void *eacharg, const char *path), void *eacharg)
{
	(void)arg;
	return strchr(pattern, '*') != NULL ? ZTJ_OK : each(eacharg, pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view in = { data, size };
	const struct sshdc_source from = { read_input, expand, &in };
	struct sshdc c;
	char value[64];

	if (size == 0 || size > 16384)
		return 0;
	if (sshdc_read(&from, "/main", &c) == ZTJ_OK) {
		MUST(c.nfiles >= 1 && c.n <= SSHDC_SETTINGS_MAX);
		for (size_t i = 0; i < c.n; i++) {
			const struct sshdc_setting *first = sshdc_first(&c, c.s[i].keyword);

			MUST(c.s[i].line > 0 && c.s[i].keyword[0] != '\0');
			MUST(first == NULL || first->match == NULL);
			MUST(c.s[i].match != NULL || (first != NULL && first <= &c.s[i]));
		}
		sshdc_free(&c);
	}
	if (memchr(data, '\0', size) != NULL)
		(void)sshdc_effective((const char *)data, "usepam", value, sizeof value);
	return 0;
}
