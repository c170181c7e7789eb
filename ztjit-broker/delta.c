/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/delta.h"

#include <stdlib.h>
#include <string.h>

static int read_statements(struct proto_list list, struct delta *d)
{
	struct ztj_view v;
	struct ztj_rd rd;
	d->statements = calloc(list.n == 0 ? 1 : list.n, sizeof(*d->statements));
	if (d->statements == NULL)
		return ZTJ_NOMEM;
	d->u.statements = d->statements;
	int r;
	while ((r = proto_list_next(&list, PROTO_CONTAINER_MAX, &v)) == ZTJ_OK) {
		ztj_rd_init(&rd, v);
		r = ztj_signed_read(&rd, &d->statements[d->u.nstatements++]);
		if (r == ZTJ_OK)
			r = ztj_rd_end(&rd);
		if (r != ZTJ_OK)
			return r;
	}
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

static int read_drops(struct proto_list list, struct delta *d)
{
	struct ztj_view v;
	size_t at = 0;
	d->names = malloc(list.raw.n + 1);
	d->u.delta.drop = calloc(list.n == 0 ? 1 : list.n, sizeof(*d->u.delta.drop));
	if (d->names == NULL || d->u.delta.drop == NULL)
		return ZTJ_NOMEM;
	int r;
	while ((r = proto_list_next(&list, ZTJ_HOSTNAME_SIZE, &v)) == ZTJ_OK) {
		char *name = d->names + at; /* each string is 4 bytes shorter here than on the wire */
		if (v.n == 0 || memchr(v.p, '\0', v.n) != NULL)
			return ZTJ_BAD_NAME;
		memcpy(name, v.p, v.n);
		name[v.n] = '\0';
		at += v.n + 1;
		if (!ztj_name_ok(name) && !ztj_hostname_ok(name))
			return ZTJ_BAD_NAME;
		d->u.delta.drop[d->u.delta.ndrop++] = name;
	}
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

static int read_puts(struct proto_list list, struct delta *d)
{
	struct ztj_view v;
	d->u.delta.put = calloc(list.n == 0 ? 1 : list.n, sizeof(*d->u.delta.put));
	if (d->u.delta.put == NULL)
		return ZTJ_NOMEM;
	int r;
	while ((r = proto_list_next(&list, ZTJ_RECORD_MAX, &v)) == ZTJ_OK)
		d->u.delta.put[d->u.delta.nput++] = v;
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int delta_make(const char *name, struct proto_list statements, struct proto_list drop, struct proto_list put,
    struct delta *d)
{
	memset(d, 0, sizeof(*d));
	d->u.name = name;
	int r = read_statements(statements, d);
	if (r == ZTJ_OK)
		r = read_drops(drop, d);
	if (r == ZTJ_OK)
		r = read_puts(put, d);
	if (r != ZTJ_OK)
		delta_free(d);
	return r;
}

void delta_free(struct delta *d)
{
	free(d->statements);
	free(d->names);
	free(d->u.delta.drop);
	free(d->u.delta.put);
	memset(d, 0, sizeof(*d));
}
