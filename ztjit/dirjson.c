/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Directories and containers as JSON objects. */
#include "ztjit/dirjson.h"

#include <stdlib.h>
#include <string.h>

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
