/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ssh-agent messages (draft-ietf-sshm-ssh-agent, PROTOCOL.agent), both sides:
 * a client that signs with a key an agent holds, and the step-up agent.
 * A message here is the payload without the outer uint32 length.
 */
#ifndef ZTJ_CORE_AGENTMSG_H
#define ZTJ_CORE_AGENTMSG_H

#include "libztjit/core/key.h"

#define ZTJ_AGENT_MSG_MAX (256 * 1024)
enum ztj_agent_type {
	ZTJ_AGENT_FAILURE = 5, ZTJ_AGENT_SUCCESS = 6,
	ZTJ_AGENT_REQUEST_IDENTITIES = 11, ZTJ_AGENT_IDENTITIES_ANSWER = 12,
	ZTJ_AGENT_SIGN_REQUEST = 13, ZTJ_AGENT_SIGN_RESPONSE = 14,
	ZTJ_AGENT_EXTENSION = 27, ZTJ_AGENT_EXTENSION_FAILURE = 28
};
#define ZTJ_AGENT_EXT_BIND "session-bind@openssh.com"
#define ZTJ_AGENT_EXT_STEPUP "stepup@ztjit"

int ztj_agent_req_identities(struct ztj_buf *out) ZTJ_MUST_CHECK;
int ztj_agent_req_sign(struct ztj_view key_blob, struct ztj_view data, uint32_t flags, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Calls each(key blob, comment, arg) for every identity; stops when it returns non-zero and returns that. */
int ztj_agent_parse_identities(struct ztj_view msg,
    int (*each)(struct ztj_view key_blob, struct ztj_view comment, void *arg), void *arg) ZTJ_MUST_CHECK;
/* The signature blob of a SIGN_RESPONSE; ZTJ_DEVICE_REFUSED for FAILURE. */
int ztj_agent_parse_signature(struct ztj_view msg, struct ztj_view *sigblob) ZTJ_MUST_CHECK;
/* An extension request: name and body (the rest of the message). */
int ztj_agent_req_extension(const char *name, struct ztj_view body, struct ztj_buf *out) ZTJ_MUST_CHECK;
int ztj_agent_parse_extension(struct ztj_view msg, char *name, size_t size, struct ztj_view *body) ZTJ_MUST_CHECK;

/* session-bind@openssh.com (PROTOCOL.agent section 1). */
struct ztj_agent_bind {
	struct ztj_key hostkey;
	struct ztj_view session_id, signature;
	bool forwarding;
};
/* Parses the body and verifies the host key's signature over the session id. */
int ztj_agent_parse_bind(struct ztj_view body, struct ztj_agent_bind *out) ZTJ_MUST_CHECK;

#endif
