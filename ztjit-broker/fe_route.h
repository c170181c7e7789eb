/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * From an HTTP request to a typed question (PROTOCOL section 3). Pure: no socket, no state; what the
 * network sends is parsed here and nowhere else in the broker.
 */
#ifndef ZTJ_BROKER_FE_ROUTE_H
#define ZTJ_BROKER_FE_ROUTE_H

#include "ztjit-broker/proto.h"

#define BODY_MAX ((size_t)2 * 1024 * 1024)
#define BODY_STATEMENT_MAX ((size_t)96 * 1024) /* 64 KiB of statement and signatures, in base64 */
#define BODY_REPORT_MAX ((size_t)64 * 1024)    /* a scan's result, before base64 */
#define BODY_LINES_MAX ((size_t)96 * 1024)     /* of a host's log: it sends 48 KiB and one line at most */
#define BODY_DIRECTORY_MAX ((size_t)256 * 1024 * 1024)

enum http_method { HTTP_GET, HTTP_POST, HTTP_DELETE };

struct http_in {
	enum http_method method;
	const char *path;   /* as in the request line, without the query */
	const char *query;  /* or NULL */
	struct ztj_view body;
};
/* Memory that the question points into. */
struct route_mem {
	struct ztj_buf text, container, drop, put, sig;
};
void route_mem_init(struct route_mem *m);
void route_mem_free(struct route_mem *m);

/* Fills op and the fields of op. NOT_FOUND: no such path; STATE: not with this method; the errors of the body.
 * healthz is answered by the frontend itself: op is OP_NONE then. */
int route(const struct http_in *in, struct ask *out, struct route_mem *mem) ZTJ_MUST_CHECK;
/* Does the path take directories? (for the limit on its body) */
bool route_takes_directory(const char *path);
/* Does the path take lines of JSON? */
bool route_takes_lines(const char *path);
/* Does the path take bytes, not JSON? */
bool route_takes_chunks(const char *path);

/* --- fe_body.c --- */
int body_container(struct ztj_view json, struct ask *out, struct route_mem *mem) ZTJ_MUST_CHECK;
int body_directory(struct ztj_view json, struct ask *out, struct route_mem *mem) ZTJ_MUST_CHECK;
int body_certificate(struct ztj_view json, struct ask *out, struct route_mem *mem) ZTJ_MUST_CHECK;
int body_session(struct ztj_view json, struct ask *out, struct route_mem *mem) ZTJ_MUST_CHECK;
int body_lines(struct ztj_view bytes, struct ask *out, struct route_mem *mem) ZTJ_MUST_CHECK;
int body_chunks(struct ztj_view bytes, struct ask *out, struct route_mem *mem) ZTJ_MUST_CHECK;
int body_standing(struct ztj_view json, struct ask *out, struct route_mem *mem) ZTJ_MUST_CHECK;
int body_signature(struct ztj_view json, struct ask *out, struct route_mem *mem) ZTJ_MUST_CHECK;

#endif
