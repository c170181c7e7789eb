/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ssh-agent messages: both sides of signing, and session-bind@openssh.com. */
#include <string.h>

#include "libztjit/core/agentmsg.h"

/* ---- client ---- */

int ztj_agent_req_identities(struct ztj_buf *out)
{
	return ztj_buf_put_u8(out, ZTJ_AGENT_REQUEST_IDENTITIES);
}

int ztj_agent_req_sign(struct ztj_view key_blob, struct ztj_view data, uint32_t flags, struct ztj_buf *out)
{
	(void)ztj_buf_put_u8(out, ZTJ_AGENT_SIGN_REQUEST);
	(void)ztj_buf_put_view(out, key_blob);
	(void)ztj_buf_put_view(out, data);
	return ztj_buf_put_u32(out, flags);
}

/* The type byte; a refusal by the agent has an error of its own. */
static int read_type(struct ztj_rd *rd, struct ztj_view msg, uint8_t wanted)
{
	uint8_t type;
	int r;

	if (msg.n > ZTJ_AGENT_MSG_MAX)
		return ZTJ_TOO_LARGE;
	ztj_rd_init(rd, msg);
	if ((r = ztj_rd_u8(rd, &type)) != ZTJ_OK)
		return r;
	if (type == wanted)
		return ZTJ_OK;
	return type == ZTJ_AGENT_FAILURE ? ZTJ_DEVICE_REFUSED : ZTJ_PROTOCOL;
}

static int read_identity(struct ztj_rd *rd, struct ztj_view *blob, struct ztj_view *comment)
{
	int r = ztj_rd_string(rd, ZTJ_AGENT_MSG_MAX, blob);

	return r != ZTJ_OK ? r : ztj_rd_string(rd, ZTJ_AGENT_MSG_MAX, comment);
}

/* Nobody sees the first identity of an answer whose last one is broken. */
static int check_identities(struct ztj_rd rd, uint32_t count)
{
	struct ztj_view blob, comment;
	int r;

	for (uint32_t i = 0; i < count; i++)
		if ((r = read_identity(&rd, &blob, &comment)) != ZTJ_OK)
			return r;
	return ztj_rd_end(&rd);
}

int ztj_agent_parse_identities(struct ztj_view msg,
    int (*each)(struct ztj_view key_blob, struct ztj_view comment, void *arg), void *arg)
{
	struct ztj_view blob, comment;
	struct ztj_rd rd;
	uint32_t count;
	int r;

	if ((r = read_type(&rd, msg, ZTJ_AGENT_IDENTITIES_ANSWER)) != ZTJ_OK ||
	    (r = ztj_rd_u32(&rd, &count)) != ZTJ_OK || (r = check_identities(rd, count)) != ZTJ_OK)
		return r;
	for (uint32_t i = 0; i < count; i++)
		if ((r = read_identity(&rd, &blob, &comment)) != ZTJ_OK ||
		    (r = each(blob, comment, arg)) != 0)
			return r;
	return ZTJ_OK;
}

int ztj_agent_parse_signature(struct ztj_view msg, struct ztj_view *sigblob)
{
	struct ztj_view sig;
	struct ztj_rd rd;
	int r;

	*sigblob = ztj_view_of(NULL, 0);
	if ((r = read_type(&rd, msg, ZTJ_AGENT_SIGN_RESPONSE)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, ZTJ_AGENT_MSG_MAX, &sig)) != ZTJ_OK || (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	*sigblob = sig;
	return ZTJ_OK;
}

/* ---- extensions ---- */

int ztj_agent_req_extension(const char *name, struct ztj_view body, struct ztj_buf *out)
{
	(void)ztj_buf_put_u8(out, ZTJ_AGENT_EXTENSION);
	(void)ztj_buf_put_cstring(out, name);
	return ztj_buf_put(out, body.p, body.n);
}

int ztj_agent_parse_extension(struct ztj_view msg, char *name, size_t size, struct ztj_view *body)
{
	struct ztj_rd rd;
	int r;

	if (size == 0)
		return ZTJ_INTERNAL;
	name[0] = '\0';
	*body = ztj_view_of(NULL, 0);
	if ((r = read_type(&rd, msg, ZTJ_AGENT_EXTENSION)) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, name, size)) != ZTJ_OK)
		return r;
	*body = rd.left;
	return ZTJ_OK;
}

static int read_bind(struct ztj_rd *rd, struct ztj_agent_bind *out)
{
	struct ztj_sig_info info;
	struct ztj_view key;
	uint8_t forwarding;
	int r;

	if ((r = ztj_rd_string(rd, ZTJ_AGENT_MSG_MAX, &key)) != ZTJ_OK ||
	    (r = ztj_rd_string(rd, ZTJ_AGENT_MSG_MAX, &out->session_id)) != ZTJ_OK ||
	    (r = ztj_rd_string(rd, ZTJ_AGENT_MSG_MAX, &out->signature)) != ZTJ_OK ||
	    (r = ztj_rd_u8(rd, &forwarding)) != ZTJ_OK || (r = ztj_rd_end(rd)) != ZTJ_OK)
		return r;
	if (forwarding > 1 || out->session_id.n == 0)
		return ZTJ_PROTOCOL;
	out->forwarding = forwarding == 1;
	if ((r = ztj_key_from_blob(&out->hostkey, key)) != ZTJ_OK)
		return r;
	if (ztj_key_is_sk(&out->hostkey)) /* no host record holds one */
		return ZTJ_KEY_TYPE;
	return ztj_sig_verify(&out->hostkey, out->signature, out->session_id, &info);
}

int ztj_agent_parse_bind(struct ztj_view body, struct ztj_agent_bind *out)
{
	struct ztj_rd rd;
	int r;

	memset(out, 0, sizeof(*out));
	if (body.n > ZTJ_AGENT_MSG_MAX)
		return ZTJ_TOO_LARGE;
	ztj_rd_init(&rd, body);
	if ((r = read_bind(&rd, out)) != ZTJ_OK)
		memset(out, 0, sizeof(*out));
	return r;
}
