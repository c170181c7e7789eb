/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/sendproto.h"

#include <string.h>

int grown_write(uint64_t size, struct ztj_buf *out)
{
	return ztj_buf_put_u64(out, size);
}

static int read_place(struct ztj_rd *rd, uint64_t *out)
{
	int r = ztj_rd_u64(rd, out);
	return r == ZTJ_OK && *out > ZTJ_LOG_MAX ? ZTJ_PROTOCOL : r;
}

int grown_read(struct ztj_view body, uint64_t *size)
{
	struct ztj_rd rd;
	ztj_rd_init(&rd, body);
	int r = read_place(&rd, size);
	return r == ZTJ_OK ? ztj_rd_end(&rd) : r;
}

int want_write(const struct want *w, struct ztj_buf *out)
{
	ztj_buf_put_u32(out, w->tag);
	ztj_buf_put_u64(out, w->from);
	return ztj_buf_put_u32(out, w->bytes);
}

int want_read(struct ztj_view body, struct want *out)
{
	struct ztj_rd rd;
	memset(out, 0, sizeof(*out));
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &out->tag);
	if (r == ZTJ_OK)
		r = read_place(&rd, &out->from);
	if (r == ZTJ_OK)
		r = ztj_rd_u32(&rd, &out->bytes);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	return r == ZTJ_OK && out->bytes > SND_LEAVES_MAX ? ZTJ_PROTOCOL : r;
}

int leaves_write(const struct leaves *l, struct ztj_buf *out)
{
	ztj_buf_put_u32(out, l->tag);
	ztj_buf_put_u64(out, l->from);
	return ztj_buf_put_view(out, l->entries);
}

int leaves_read(struct ztj_view body, struct leaves *out)
{
	struct ztj_rd rd;
	memset(out, 0, sizeof(*out));
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &out->tag);
	if (r == ZTJ_OK)
		r = read_place(&rd, &out->from);
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, SND_LEAVES_MAX + ZTJ_ENTRY_MAX + 2, &out->entries);
	return r == ZTJ_OK ? ztj_rd_end(&rd) : r;
}

int states_write(const struct dest_states *s, struct ztj_buf *out)
{
	ztj_buf_put_u32(out, s->n);
	for (uint32_t i = 0; i < s->n && i < DESTS_MAX; i++) {
		ztj_buf_put_cstring(out, s->d[i].name);
		ztj_buf_put_u64(out, s->d[i].taken);
		ztj_buf_put_u64(out, s->d[i].failures);
		ztj_buf_put_u8(out, s->d[i].up ? 1 : 0);
	}
	return ztj_buf_status(out);
}

static int read_state(struct ztj_rd *rd, struct dest_state *d)
{
	uint8_t up = 0;
	int r = ztj_rd_cstring(rd, d->name, sizeof(d->name));
	if (r == ZTJ_OK && !ztj_name_ok(d->name))
		r = ZTJ_BAD_NAME;
	if (r == ZTJ_OK)
		r = read_place(rd, &d->taken);
	if (r == ZTJ_OK)
		r = ztj_rd_u64(rd, &d->failures);
	if (r == ZTJ_OK)
		r = ztj_rd_u8(rd, &up);
	d->up = up == 1;
	return r == ZTJ_OK && up > 1 ? ZTJ_PROTOCOL : r;
}

int states_read(struct ztj_view body, struct dest_states *out)
{
	struct ztj_rd rd;
	memset(out, 0, sizeof(*out));
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &out->n);
	if (r == ZTJ_OK && out->n > DESTS_MAX)
		r = ZTJ_TOO_LARGE;
	for (uint32_t i = 0; r == ZTJ_OK && i < out->n; i++)
		r = read_state(&rd, &out->d[i]);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r != ZTJ_OK)
		memset(out, 0, sizeof(*out));
	return r;
}
