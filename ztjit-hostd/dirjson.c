/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/dirjson.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENTS_MAX 100000

struct ztj_dirjson {
	json_t *root;
	struct ztj_dir_update u;
	size_t nmem;
	struct ztj_buf *mem; /* of the statements */
	struct ztj_signed *signeds;
	const char **drop;
	struct ztj_view *put;
};

void ztj_dirjson_free(struct ztj_dirjson *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->nmem; i++)
		ztj_buf_free(&d->mem[i]);
	free(d->mem);
	free(d->signeds);
	free(d->drop);
	free(d->put);
	json_decref(d->root);
	free(d);
}

const struct ztj_dir_update *ztj_dirjson_update(const struct ztj_dirjson *d)
{
	return &d->u;
}

static int parse_statements(struct ztj_dirjson *d, const json_t *list)
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > STATEMENTS_MAX)
		return ZTJ_MEMBER_TYPE;
	d->mem = calloc(n + 1, sizeof(*d->mem));
	d->signeds = calloc(n + 1, sizeof(*d->signeds));
	if (d->mem == NULL || d->signeds == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < n; i++) {
		char *text = json_dumps(json_array_get(list, i), JSON_COMPACT);
		int r;
		if (text == NULL)
			return ZTJ_NOMEM;
		ztj_buf_init(&d->mem[i], 128u * 1024u);
		d->nmem = i + 1;
		r = ztj_signed_from_json(ztj_view_str(text), &d->mem[i], &d->signeds[i]);
		free(text);
		if (r != ZTJ_OK)
			return r;
	}
	d->u.statements = d->signeds;
	d->u.nstatements = n;
	return ZTJ_OK;
}

static int parse_delta(struct ztj_dirjson *d, const json_t *drop, const json_t *put)
{
	size_t ndrop = json_array_size(drop), nput = json_array_size(put);

	if (!json_is_array(drop) || !json_is_array(put) || ndrop > ZTJ_DIR_RECORDS_MAX ||
	    nput > ZTJ_DIR_RECORDS_MAX)
		return ZTJ_MEMBER_TYPE;
	d->drop = calloc(ndrop + 1, sizeof(*d->drop));
	d->put = calloc(nput + 1, sizeof(*d->put));
	if (d->drop == NULL || d->put == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < ndrop; i++) {
		d->drop[i] = json_string_value(json_array_get(drop, i));
		if (d->drop[i] == NULL)
			return ZTJ_MEMBER_TYPE;
	}
	for (size_t i = 0; i < nput; i++) {
		const json_t *v = json_array_get(put, i);
		if (!json_is_string(v))
			return ZTJ_MEMBER_TYPE;
		d->put[i] = ztj_view_of(json_string_value(v), json_string_length(v));
	}
	d->u.delta = (struct ztj_dir_delta){ .ndrop = ndrop, .nput = nput, .drop = d->drop, .put = d->put };
	return ZTJ_OK;
}

static int parse(struct ztj_dirjson *d)
{
	const json_t *name = json_object_get(d->root, "name"), *serial = json_object_get(d->root, "serial");
	int r;

	if (!json_is_object(d->root))
		return ZTJ_BAD_JSON;
	if (json_object_size(d->root) > 5)
		return ZTJ_MEMBER_UNKNOWN;
	if (json_object_size(d->root) < 5)
		return ZTJ_MEMBER_MISSING;
	if (!json_is_string(name) || !json_is_integer(serial) || !ztj_name_ok(json_string_value(name)))
		return ZTJ_MEMBER_TYPE;
	d->u.name = json_string_value(name);
	r = parse_statements(d, json_object_get(d->root, "statements"));
	if (r == ZTJ_OK)
		r = parse_delta(d, json_object_get(d->root, "drop"), json_object_get(d->root, "put"));
	return r;
}

int ztj_dirjson_parse(struct ztj_view json, struct ztj_dirjson **out)
{
	struct ztj_dirjson *d = calloc(1, sizeof(*d));
	int r;

	*out = NULL;
	if (d == NULL)
		return ZTJ_NOMEM;
	d->root = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
	r = d->root == NULL ? ZTJ_BAD_JSON : parse(d);
	if (r != ZTJ_OK) {
		ztj_dirjson_free(d);
		return r;
	}
	*out = d;
	return ZTJ_OK;
}
