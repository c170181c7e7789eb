/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Internal messages of the broker, in every direction; the first byte is the type. What is read is written the same. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "ztjit-broker/askproto.h"
#include "ztjit-broker/delta.h"
#include "ztjit-broker/proto.h"
#include "ztjit-broker/sendproto.h"

static void an_ask(uint8_t type, struct ztj_view body)
{
	struct ztj_buf out;
	struct ask a;
	if (ask_read(type, body, &a) != ZTJ_OK)
		return;
	ztj_buf_init(&out, PROTO_BODY_MAX);
	MUST(ask_write(&a, &out) == ZTJ_OK);
	MUST(ztj_view_eq(ztj_buf_view(&out), body));
	ztj_buf_free(&out);
	if (a.op == OP_DIRECTORY_PUT) {
		const struct proto_list none = { 0 };
		struct delta d;
		if (delta_make(a.name, none, a.drop, a.put, &d) == ZTJ_OK) {
			MUST(d.u.delta.ndrop == a.drop.n && d.u.delta.nput == a.put.n);
			delta_free(&d);
		}
	}
}

/* Between store and sender. */
static void sending(struct ztj_view body)
{
	struct dest_states s;
	struct leaves l;
	struct want w;
	struct ztj_buf out;
	uint64_t size;
	ztj_buf_init(&out, PROTO_BODY_MAX);
	if (states_read(body, &s) == ZTJ_OK)
		MUST(states_write(&s, &out) == ZTJ_OK && ztj_view_eq(ztj_buf_view(&out), body));
	ztj_buf_reset(&out);
	if (want_read(body, &w) == ZTJ_OK)
		MUST(want_write(&w, &out) == ZTJ_OK && ztj_view_eq(ztj_buf_view(&out), body));
	ztj_buf_reset(&out);
	if (leaves_read(body, &l) == ZTJ_OK)
		MUST(leaves_write(&l, &out) == ZTJ_OK && ztj_view_eq(ztj_buf_view(&out), body));
	(void)!grown_read(body, &size);
	ztj_buf_free(&out);
}

/* About witnesses. */
static void asking(struct ztj_view body)
{
	struct asking q;
	struct answered a;
	struct ztj_buf out;
	ztj_buf_init(&out, PROTO_BODY_MAX);
	if (asking_read(body, &q) == ZTJ_OK)
		MUST(asking_write(&q, &out) == ZTJ_OK && ztj_view_eq(ztj_buf_view(&out), body));
	ztj_buf_reset(&out);
	if (answered_read(body, &a) == ZTJ_OK)
		MUST(answered_write(&a, &out) == ZTJ_OK && ztj_view_eq(ztj_buf_view(&out), body));
	ztj_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reply r;
	struct certified c;
	struct joined j;
	if (size == 0)
		return 0;
	const struct ztj_view body = ztj_view_of(size == 1 ? NULL : data + 1, size - 1);
	an_ask(data[0], body);
	sending(body);
	asking(body);
	(void)!reply_read(body, &r);
	(void)!certified_read(body, &c);
	(void)!joined_read(body, &j);
	return 0;
}
