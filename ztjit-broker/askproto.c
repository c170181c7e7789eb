/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/askproto.h"

#include <string.h>

int asking_write(const struct asking *a, struct ztj_buf *out)
{
	ztj_buf_put_u32(out, a->tag);
	ztj_buf_put_cstring(out, a->url);
	return ztj_buf_put_view(out, a->body);
}

int asking_read(struct ztj_view body, struct asking *out)
{
	struct ztj_rd rd;
	memset(out, 0, sizeof(*out));
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &out->tag);
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(&rd, out->url, sizeof(out->url));
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, ASK_BODY_MAX, &out->body);
	return r == ZTJ_OK ? ztj_rd_end(&rd) : r;
}

int answered_write(const struct answered *a, struct ztj_buf *out)
{
	ztj_buf_put_u32(out, a->tag);
	ztj_buf_put_u32(out, a->status);
	ztj_buf_put_view(out, a->body);
	return ztj_buf_put_cstring(out, a->why);
}

int answered_read(struct ztj_view body, struct answered *out)
{
	struct ztj_rd rd;
	memset(out, 0, sizeof(*out));
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &out->tag);
	if (r == ZTJ_OK)
		r = ztj_rd_u32(&rd, &out->status);
	if (r == ZTJ_OK && out->status != 0 && (out->status < 100 || out->status > 999))
		r = ZTJ_PROTOCOL;
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, ASK_ANSWER_MAX, &out->body);
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(&rd, out->why, sizeof(out->why));
	return r == ZTJ_OK ? ztj_rd_end(&rd) : r;
}
