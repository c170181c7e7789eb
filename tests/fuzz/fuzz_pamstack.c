/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A PAM stack of any bytes, that may include itself: it is read and judged, and a no that is the only module holds. */
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "ztjit/doctor/pamstack.h"

static int read_input(void *arg, const char *name, struct ztj_buf *text, char *path, size_t size)
{
	const struct ztj_view *in = arg;

	(void)snprintf(path, size, "/%s", name);
	return name[0] == 'n' ? ZTJ_NOT_FOUND : ztj_buf_put(text, in->p, in->n);
}

static uint32_t denies(const struct pams_line *l, void *arg)
{
	(void)l;
	(void)arg;
	return UINT32_C(1) << 6;
}
static uint32_t anything(const struct pams_line *l, void *arg)
{
	(void)arg;
	return pams_is(l, "pam_ztjit.so") ? UINT32_C(1) << 6 : ~UINT32_C(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view in = { data, size };
	const struct pams_source from = { read_input, &in };
	struct pams_stack s;
	struct pams_way way;

	if (size > 16384 || pams_read(&from, "svc", &s) != ZTJ_OK)
		return 0;
	for (unsigned k = 0; k < PAMS_KINDS && s.n <= 64; k++) {
		struct pams_ask ask = { (enum pams_kind)k, 1, anything, NULL };
		bool yes;

		MUST(pams_passes(&s, &ask, &yes, &way) == ZTJ_OK);
		/* where modules may say anything, whatever else is asked of them can be no way in */
		MUST(!yes || pams_has(&s, (enum pams_kind)k));
		MUST(!yes || way.by == NULL || way.by->kind == (enum pams_kind)k);
		ask.results = denies;
		MUST(pams_passes(&s, &ask, &yes, &way) == ZTJ_OK);
		/* nobody said yes: there is none */
		MUST(!yes);
	}
	pams_free(&s);
	return 0;
}
