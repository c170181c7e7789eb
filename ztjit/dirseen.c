/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What this workstation saw when it last signed a directory, so that the next
 * signer sees every addition, removal and re-addition since (S14).
 * seen-NAME.json: {"serial", "names": {NAME: leaf}, "gone": {NAME: leaf}}.
 */
#include "ztjit/dirup.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/safefile.h"
#include "ztjit/record.h"

static char *seen_path(struct cli *c, const char *name)
{
	return cli_printf(c, "%s/seen-%s.json", c->state_dir, name);
}

static int load(struct cli *c, const char *name, json_t **out)
{
	char *path = seen_path(c, name);
	struct ztj_buf text;
	int r;

	*out = NULL;
	if (path == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&text, 512u * 1024 * 1024);
	r = ctx_read(c, path, false, 512u * 1024 * 1024, &text);
	if (r == ZTJ_OK &&
	    (*out = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL)) == NULL)
		r = cli_fail(c, ZTJ_BAD_JSON, "%s is damaged", path);
	ztj_buf_free(&text);
	return r;
}

static void leaf_hex(const struct ztj_record *r, char out[ZTJ_HEX_SIZE])
{
	ztj_hex(r->leaf, ZTJ_DIGEST_LEN, out);
}

static int show_present(struct cli *c, const struct ztj_dir *base, const json_t *seen, struct ztj_buf *out)
{
	const json_t *names = json_object_get(seen, "names"), *gone = json_object_get(seen, "gone");
	int r = ZTJ_OK;

	for (size_t i = 0; i < ztj_dir_count(base) && r == ZTJ_OK; i++) {
		const struct ztj_record *rec = ztj_dir_at(base, i);
		const char *was = json_string_value(json_object_get(names, rec->name));
		char now[ZTJ_HEX_SIZE];

		leaf_hex(rec, now);
		if (was != NULL && strcmp(was, now) == 0)
			continue;
		if (was != NULL)
			r = record_text(c->pins.domain, rec, "changed since: ", out);
		else if (json_object_get(gone, rec->name) != NULL)
			r = record_text(c->pins.domain, rec, "ADDED AGAIN since, was removed before: ", out);
		else
			r = record_text(c->pins.domain, rec,
			    seen != NULL ? "added since: " : "stands in it: ", out);
	}
	return r;
}

static int show_removed(const struct ztj_dir *base, const json_t *seen, struct ztj_buf *out)
{
	json_t *names = json_object_get(seen, "names"), *leaf;
	const char *name;

	json_object_foreach(names, name, leaf)
	{
		if (ztj_dir_find(base, name) != NULL)
			continue;
		(void)ztj_buf_puts(out, "removed since: ");
		if (ztj_text_escape(ztj_view_str(name), out) != ZTJ_OK)
			break;
		(void)ztj_buf_puts(out, "\n");
	}
	return ztj_buf_status(out);
}

int dirseen_text(struct cli *c, const struct ztj_dir *base, const char *name, struct ztj_buf *out)
{
	json_t *seen = NULL;
	int r;

	if (base == NULL)
		return ztj_buf_printf(out, "Directory %s does not exist yet; this makes it.\n", name);
	r = load(c, name, &seen);
	if (r != ZTJ_OK && r != ZTJ_NOT_FOUND)
		return r;
	if (seen == NULL)
		(void)ztj_buf_printf(out,
		    "This workstation signs directory %s for the first time (serial %lld before).\n", name,
		    (long long)ztj_dir_serial(base));
	else
		(void)ztj_buf_printf(out, "Last signed here: serial %lld; before this change: %lld.\n",
		    (long long)json_integer_value(json_object_get(seen, "serial")),
		    (long long)ztj_dir_serial(base));
	if ((r = show_present(c, base, seen, out)) == ZTJ_OK)
		r = show_removed(base, seen, out);
	(void)ztj_buf_puts(out, "This change:\n");
	json_decref(seen);
	return r == ZTJ_OK ? ztj_buf_status(out) : r;
}

bool dirseen_gone(struct cli *c, const char *directory, const char *name)
{
	json_t *seen = NULL;
	bool gone;

	if (load(c, directory, &seen) != ZTJ_OK)
		cli_forget(c);
	gone = json_object_get(json_object_get(seen, "gone"), name) != NULL ||
	    json_object_get(json_object_get(seen, "names"), name) != NULL;
	json_decref(seen);
	return gone;
}

/* Names that are gone stay remembered, so that their return is told as one. */
static void carry_gone(const json_t *before, const json_t *names, json_t *gone)
{
	static const char *const from[] = { "gone", "names" };

	for (size_t i = 0; i < 2; i++) {
		json_t *list = json_object_get(before, from[i]), *leaf;
		const char *name;

		json_object_foreach(list, name, leaf)
		{
			if (json_object_get(names, name) == NULL)
				(void)json_object_set(gone, name, leaf);
		}
	}
}

int dirseen_store(struct cli *c, const struct ztj_dir *now)
{
	json_t *names = json_object(), *gone = json_object(), *before = NULL, *o;
	char *path = seen_path(c, ztj_dir_name(now)), *text = NULL, hex[ZTJ_HEX_SIZE];
	int r = load(c, ztj_dir_name(now), &before);

	for (size_t i = 0; names != NULL && i < ztj_dir_count(now); i++) {
		leaf_hex(ztj_dir_at(now, i), hex);
		(void)json_object_set_new(names, ztj_dir_at(now, i)->name, json_string(hex));
	}
	if (r == ZTJ_NOT_FOUND || r == ZTJ_OK) {
		carry_gone(before, names, gone);
		o = json_pack("{s:I, s:o, s:o}", "serial", (json_int_t)ztj_dir_serial(now), "names", names,
		    "gone", gone);
		text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
		json_decref(o);
		r = text != NULL && path != NULL ? ztj_file_write(path, ztj_view_str(text), 0600) : ZTJ_NOMEM;
	}
	free(text);
	json_decref(before);
	return r == ZTJ_OK ? r
			   : cli_fail(c, r, "%s: %s", path != NULL ? path : c->state_dir, ztj_err_text(r));
}
