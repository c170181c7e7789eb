/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* An HTTP request: method, path, query and body, each ended by a line feed, the body last. What the frontend makes
 * of it can be written and read as an internal message. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "ztjit-broker/fe_route.h"

static const uint8_t *line(const uint8_t **p, size_t *left, char *out, size_t size)
{
	const uint8_t *end = memchr(*p, '\n', *left);
	size_t n = end == NULL ? *left : (size_t)(end - *p), keep = n < size - 1 ? n : size - 1;
	memcpy(out, *p, keep);
	out[keep] = '\0';
	*left -= n + (end != NULL ? 1 : 0);
	*p += n + (end != NULL ? 1 : 0);
	return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char method[8], path[300], query[300];
	struct route_mem mem;
	struct ask a, back;
	struct ztj_buf msg;
	if (size == 0)
		return 0;
	(void)line(&data, &size, method, sizeof(method));
	(void)line(&data, &size, path, sizeof(path));
	(void)line(&data, &size, query, sizeof(query));
	const struct http_in in = { method[0] == 'P' ? HTTP_POST
		    : method[0] == 'D'               ? HTTP_DELETE
						     : HTTP_GET,
		path, query[0] != '\0' ? query : NULL, ztj_view_of(size == 0 ? NULL : data, size) };
	route_mem_init(&mem);
	if (route(&in, &a, &mem) == ZTJ_OK && a.op != OP_NONE) {
		ztj_buf_init(&msg, PROTO_BODY_MAX);
		MUST(ask_write(&a, &msg) == ZTJ_OK);
		MUST(ask_read((uint8_t)a.op, ztj_buf_view(&msg), &back) == ZTJ_OK);
		MUST(back.op == a.op && back.number == a.number && strcmp(back.id, a.id) == 0);
		ztj_buf_free(&msg);
	}
	route_mem_free(&mem);
	return 0;
}
