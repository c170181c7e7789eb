/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The answer of GET /v1/directories/NAME as the gate reads it, and lines of the stream as the mirror does. */
#include <string.h>
#include <sys/socket.h>

#include "libztjit/core/trust.h"
#include "tests/fuzz/fuzz.h"
#include "ztjit-hostd/mirror.h"

static void line(struct ztj_view in)
{
	static struct ztj_mirror m;
	static int peer = -1;
	char drop[4096];
	int pair[2];

	if (peer < 0) {
		MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		m.gate = pair[0];
		peer = pair[1];
	}
	m.nwant = 0;
	m.want_policy = false;
	ztj_mirror_line(&m, in);
	MUST(!m.failed && m.nwant <= ZTJ_MIRROR_DIRS);
	while (recv(peer, drop, sizeof(drop), MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view in = ztj_view_of(data, size);
	struct ztj_dir_answer *d;

	if (ztj_dir_answer_read(in, 1 << 24, &d) == ZTJ_OK) {
		const struct ztj_dir_update *u = ztj_dir_answer_update(d);
		MUST(ztj_name_ok(u->name));
		for (size_t i = 0; i < u->delta.ndrop; i++)
			MUST(u->delta.drop[i] != NULL);
		ztj_dir_answer_free(d);
	}
	if (size < 65536)
		line(in);
	return 0;
}
