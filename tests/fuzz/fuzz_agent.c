/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ssh-agent messages and the body of session-bind@openssh.com. */
#include <string.h>

#include "libztjit/core/agentmsg.h"
#include "tests/fuzz/fuzz.h"

static int each(struct ztj_view blob, struct ztj_view comment, void *arg)
{
	size_t *seen = arg;

	*seen += blob.n + comment.n;
	return ZTJ_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view in = ztj_view_of(data, size), sig, body;
	struct ztj_agent_bind bind;
	struct ztj_buf again;
	size_t seen = 0;
	char name[64];

	if (ztj_agent_parse_identities(in, each, &seen) == ZTJ_OK)
		MUST(seen < size);
	if (ztj_agent_parse_signature(in, &sig) == ZTJ_OK)
		MUST(sig.n + 5 == size);
	if (ztj_agent_parse_extension(in, name, sizeof(name), &body) == ZTJ_OK) {
		ztj_buf_init(&again, ZTJ_AGENT_MSG_MAX);
		MUST(ztj_agent_req_extension(name, body, &again) == ZTJ_OK);
		MUST(ztj_view_eq(ztj_buf_view(&again), in));
		ztj_buf_free(&again);
		in = body;
	}
	if (ztj_agent_parse_bind(in, &bind) == ZTJ_OK)
		MUST(bind.session_id.n != 0 && !ztj_key_is_sk(&bind.hostkey));
	return 0;
}
