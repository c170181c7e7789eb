/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* One entry of `send` in broker.conf: taken, or refused with a reason. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "ztjit-broker/dest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dest_conf d;
	char what[256];
	char *text = calloc(1, size + 1);
	MUST(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	int r = dest_parse(text, &d, what, sizeof(what));
	MUST((r == ZTJ_OK) == (what[0] == '\0'));
	if (r == ZTJ_OK) {
		MUST(ztj_name_ok(d.name) && d.facility < 24 && d.confirm >= 1 && d.confirm <= 3600);
		MUST(d.kind == DEST_STDOUT || (d.host[0] != '\0' && d.port != 0));
		MUST(d.kind != DEST_HTTPS || d.path[0] == '/');
		MUST((d.kind != DEST_TLS && d.kind != DEST_HTTPS) || d.pinned || d.ca[0] == '/');
		MUST(strchr(d.path, '\r') == NULL && strchr(d.path, '\n') == NULL &&
		    strchr(d.path, ' ') == NULL);
	}
	free(text);
	return 0;
}
