/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Directories and containers as JSON objects. */
#include "ztjit/dirjson.h"

#include <stdlib.h>
#include <string.h>

int dirjson_signed(const json_t *container, struct ztj_buf *mem, struct ztj_signed *out)
{
	char *text;
	int r;

	if (!json_is_object(container) || (text = json_dumps(container, JSON_COMPACT)) == NULL)
		return ZTJ_BAD_JSON;
	r = ztj_signed_from_json(ztj_view_str(text), mem, out);
	free(text);
	return r;
}

json_t *dirjson_container(const struct ztj_signed *s)
{
	struct ztj_buf b;
	json_t *o = NULL;

	ztj_buf_init(&b, 4 * 1024 * 1024);
	if (ztj_signed_to_json(s, &b) == ZTJ_OK)
		o = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	ztj_buf_free(&b);
	return o;
}

static int read_delta(const json_t *drop, const json_t *put, struct ztj_dir_delta *d)
{
	size_t nd = json_array_size(drop), np = json_array_size(put);

	if (!json_is_array(drop) || !json_is_array(put) || nd > ZTJ_DIR_RECORDS_MAX ||
	    np > ZTJ_DIR_RECORDS_MAX)
		return ZTJ_MEMBER_TYPE;
	d->drop = calloc(nd + 1, sizeof *d->drop);
	d->put = calloc(np + 1, sizeof *d->put);
	if (d->drop == NULL || d->put == NULL)
		return ZTJ_NOMEM;
	for (; d->ndrop < nd; d->ndrop++)
		if ((d->drop[d->ndrop] = json_string_value(json_array_get(drop, d->ndrop))) == NULL)
			return ZTJ_MEMBER_TYPE;
	for (; d->nput < np; d->nput++) {
		const json_t *rec = json_array_get(put, d->nput);

		if (!json_is_string(rec))
			return ZTJ_MEMBER_TYPE;
		d->put[d->nput] = ztj_view_of(json_string_value(rec), json_string_length(rec));
	}
	return ZTJ_OK;
}

int dirjson_delta(const json_t *drop, const json_t *put, struct ztj_dir_delta *out)
{
	int r;

	*out = (struct ztj_dir_delta){ .ndrop = 0 };
	if ((r = read_delta(drop, put, out)) != ZTJ_OK)
		dirjson_delta_free(out);
	return r;
}

void dirjson_delta_free(struct ztj_dir_delta *d)
{
	free(d->drop);
	free(d->put);
	*d = (struct ztj_dir_delta){ .ndrop = 0 };
}

json_t *dirjson_full(const struct ztj_dir *d, json_t *statements)
{
	json_t *put = json_array();

	for (size_t i = 0; put != NULL && i < ztj_dir_count(d); i++) {
		struct ztj_view b = ztj_dir_at(d, i)->bytes;

		if (json_array_append_new(put, json_stringn((const char *)b.p, b.n)) != 0) {
			json_decref(put);
			put = NULL;
		}
	}
	if (put == NULL) {
		json_decref(statements);
		return NULL;
	}
	return json_pack("{s:s, s:I, s:o, s:[], s:o}", "name", ztj_dir_name(d), "serial",
	    (json_int_t)ztj_dir_serial(d), "statements", statements, "drop", "put", put);
}
