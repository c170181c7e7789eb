/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A record's fields to its one JSON form. */
#include "libztjit/core/directory.h"
#include "libztjit/core/jsonin.h"

static bool set(json_t *obj, const char *name, json_t *v)
{
	return v != NULL && json_object_set_new(obj, name, v) == 0;
}

static json_t *done(json_t *v, bool ok)
{
	if (ok)
		return v;
	json_decref(v);
	return NULL;
}

static json_t *put_key(const struct ztj_key *k)
{
	char text[ZTJ_KEY_TEXT_SIZE];

	return ztj_key_to_text(k, text) == ZTJ_OK ? json_string(text) : NULL;
}

static json_t *put_time(int64_t t)
{
	char text[ZTJ_TIME_SIZE];

	return ztj_time_format(t, text) == ZTJ_OK ? json_string(text) : NULL;
}

static json_t *put_userkey(const struct ztj_userkey *k)
{
	json_t *obj = json_object();
	bool ok = set(obj, "key", put_key(&k->key));

	if (ok && k->credential != NULL && k->credential[0] != '\0')
		ok = set(obj, "credential", json_string(k->credential));
	ok = ok && set(obj, "from", put_time(k->from));
	if (ok && k->until != 0)
		ok = set(obj, "until", put_time(k->until));
	return done(obj, ok);
}

static json_t *put_keys(const struct ztj_record *r)
{
	json_t *list = json_array();
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < r->nkeys; i++)
		ok = json_array_append_new(list, put_userkey(&r->keys[i])) == 0;
	return done(list, ok);
}

static json_t *put_groups(const struct ztj_record *r)
{
	json_t *list = json_array();
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < r->ngroups; i++)
		ok = json_array_append_new(list, json_string(r->groups[i])) == 0;
	return done(list, ok);
}

static json_t *put_labels(const struct ztj_record *r)
{
	json_t *obj = json_object();
	bool ok = obj != NULL;

	for (size_t i = 0; ok && i < r->nlabels; i++)
		ok = set(obj, r->labels[i].key, json_string(r->labels[i].value));
	return done(obj, ok);
}

static json_t *put_ssh(const struct ztj_record *r)
{
	json_t *list = json_array();
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < r->nssh; i++)
		ok = json_array_append_new(list, put_key(&r->ssh[i])) == 0;
	return done(list, ok);
}

int ztj_record_build(const struct ztj_record *r, struct ztj_buf *out)
{
	json_t *obj = json_object();
	struct ztj_record *again;
	size_t before = out->n;
	bool ok;
	int e;

	ok = set(obj, "v", json_integer(1)) && set(obj, "type", json_string(r->host ? "host" : "user")) &&
	    set(obj, "name", json_string(r->name));
	if (r->host)
		ok = ok && set(obj, "labels", put_labels(r)) && set(obj, "machine", put_key(&r->machine)) &&
		    set(obj, "tls", put_key(&r->tls)) && set(obj, "ssh", put_ssh(r));
	else
		ok = ok && set(obj, "uid", json_integer(r->uid)) && set(obj, "keys", put_keys(r)) &&
		    set(obj, "groups", put_groups(r));
	if (!ok) {
		json_decref(obj);
		return ZTJ_MEMBER_TYPE;
	}
	e = ztj_json_dump(obj, out);
	if (e != ZTJ_OK)
		return e;
	e = ztj_record_parse(ztj_view_of(out->p + before, out->n - before), &again);
	ztj_record_unref(again);
	return e;
}
