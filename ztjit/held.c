/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What this workstation holds.  The state directory has policy.json (a signed
 * container) and dir-NAME.json (a directory answer from genesis on); both are
 * verified again each time they are read.
 */
#include "ztjit/held.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libztjit/sys/safefile.h"
#include "ztjit/api.h"
#include "ztjit/dirjson.h"
#include "ztjit/out.h"

#define STATE_MAX (512u * 1024u * 1024u)

static int need_state(struct cli *c)
{
	char *p = cli_strdup(c, c->state_dir);
	int r = ZTJ_OK;

	if (p == NULL)
		return ZTJ_NOMEM;
	/* the XDG directories above may be missing on a fresh machine */
	for (char *s = strchr(p + 1, '/'); s != NULL; s = strchr(s + 1, '/')) {
		*s = '\0';
		(void)mkdir(p, 0700);
		*s = '/';
	}
	r = ztj_dir_make(p, 0700, (uid_t)-1, (gid_t)-1);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", p, ztj_err_text(r));
}

static int save(struct cli *c, const char *name, const json_t *o)
{
	char *path = ctx_path(c, c->state_dir, name), *text;
	int r;

	if (path == NULL || o == NULL || (text = json_dumps(o, JSON_COMPACT)) == NULL)
		return ZTJ_NOMEM;
	if ((r = need_state(c)) == ZTJ_OK && (r = ztj_file_write(path, ztj_view_str(text), 0600)) != ZTJ_OK)
		r = cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
	free(text);
	return r;
}

static int load(struct cli *c, const char *name, json_t **out)
{
	char *path = ctx_path(c, c->state_dir, name);
	struct ztj_buf text;
	int r;

	*out = NULL;
	if (path == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&text, STATE_MAX);
	r = ctx_read(c, path, false, STATE_MAX, &text);
	if (r == ZTJ_OK &&
	    (*out = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL)) == NULL)
		r = cli_fail(c, ZTJ_BAD_JSON,
		    "%s is damaged; remove it to fetch it anew (what it remembered is lost)", path);
	ztj_buf_free(&text);
	return r;
}

static int restore_policy(struct cli *c, struct ztj_trust *t)
{
	struct ztj_signed s;
	struct ztj_buf mem;
	bool changed = false;
	json_t *o;
	int r = load(c, "policy.json", &o);

	if (r != ZTJ_OK)
		return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
	ztj_buf_init(&mem, 4 * 1024 * 1024);
	r = ztj_signed_from_value(o, &mem, &s);
	if (r == ZTJ_OK)
		r = ztj_trust_policy(t, &s, ZTJ_TRUST_RESTORE, &changed);
	ztj_buf_free(&mem);
	json_decref(o);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s/policy.json: %s", c->state_dir, ztj_err_text(r));
}

static int offer_directory(struct ztj_trust *t, const json_t *o, int64_t now, bool *changed)
{
	char *text = json_dumps(o, JSON_COMPACT);
	struct ztj_dir_answer *a = NULL;
	int r = text != NULL ? ztj_dir_answer_read(ztj_view_str(text), STATE_MAX, &a) : ZTJ_NOMEM;

	*changed = false;
	if (r == ZTJ_OK)
		r = ztj_trust_directory(t, ztj_dir_answer_update(a), now, changed);
	ztj_dir_answer_free(a);
	free(text);
	return r;
}

static int restore_directories(struct cli *c, struct ztj_trust *t)
{
	DIR *dir = opendir(c->state_dir);
	const struct dirent *e;
	int r = ZTJ_OK;

	while (dir != NULL && r == ZTJ_OK && (e = readdir(dir)) != NULL) {
		size_t n = strlen(e->d_name);
		bool changed;
		json_t *o;

		if (strncmp(e->d_name, "dir-", 4) != 0 || n < 10 || strcmp(e->d_name + n - 5, ".json") != 0)
			continue;
		if ((r = load(c, e->d_name, &o)) != ZTJ_OK)
			break;
		r = offer_directory(t, o, ZTJ_TRUST_RESTORE, &changed);
		json_decref(o);
		if (r != ZTJ_OK)
			r = cli_fail(c, r, "%s/%s: %s", c->state_dir, e->d_name, ztj_err_text(r));
	}
	if (dir != NULL)
		(void)closedir(dir);
	return r;
}

int held_open(struct cli *c)
{
	int r;

	if (c->trust != NULL)
		return ZTJ_OK;
	if ((r = ctx_need_pins(c)) != ZTJ_OK)
		return r;
	if ((c->cache == NULL && (r = ztj_sigcache_new(1024, &c->cache)) != ZTJ_OK) ||
	    (r = ztj_trust_new(&c->pins, c->cache, &c->trust)) != ZTJ_OK)
		return r;
	if ((r = restore_policy(c, c->trust)) == ZTJ_OK)
		r = restore_directories(c, c->trust);
	return r;
}

void held_close(struct cli *c)
{
	ztj_trust_free(c->trust);
	ztj_sigcache_free(c->cache);
	c->trust = NULL;
	c->cache = NULL;
}

int held_with_policy(struct cli *c, const struct ztj_signed *policy, struct ztj_trust **out)
{
	bool changed;
	int r = ztj_trust_new(&c->pins, c->cache, out);

	if (r == ZTJ_OK && (r = restore_policy(c, *out)) == ZTJ_OK &&
	    (r = restore_directories(c, *out)) == ZTJ_OK)
		r = ztj_trust_policy(*out, policy, cli_now(), &changed);
	if (r != ZTJ_OK) {
		ztj_trust_free(*out);
		*out = NULL;
	}
	return r;
}

int held_unsigned(struct cli *c, const struct ztj_policy *p, struct ztj_trust **out)
{
	int r = ztj_trust_for_tests(p, out);

	for (size_t i = 0; r == ZTJ_OK && i < ztj_trust_ndirs(c->trust); i++) {
		const struct ztj_dir *held = ztj_trust_dir_at(c->trust, i);
		struct ztj_dir_delta none = { .ndrop = 0 };
		struct ztj_dir *copy = NULL;

		/* a copy: the trust takes it over */
		if ((r = ztj_dir_apply(held, ztj_dir_name(held), &none, &copy)) == ZTJ_OK &&
		    (r = ztj_trust_add_unsigned(*out, copy)) != ZTJ_OK)
			ztj_dir_free(copy);
	}
	if (r != ZTJ_OK) {
		ztj_trust_free(*out);
		*out = NULL;
	}
	return r;
}

int held_need_policy(struct cli *c, const struct ztj_policy **out)
{
	int r = held_open(c);

	*out = NULL;
	if (r != ZTJ_OK)
		return r;
	if ((*out = ztj_trust_held_policy(c->trust)) != NULL)
		return ZTJ_OK;
	cli_hint(c, "ztjit status");
	return cli_fail(c, ZTJ_NOT_READY, "this workstation holds no policy yet");
}

int held_take_policy(struct cli *c, const struct ztj_signed *s)
{
	bool changed = false;
	json_t *o;
	int r = ztj_trust_policy(c->trust, s, cli_now(), &changed);

	if (r != ZTJ_OK)
		return cli_fail(c, r, "the policy is refused: %s", ztj_err_text(r));
	if (!changed)
		return ZTJ_OK;
	o = dirjson_container(s);
	r = save(c, "policy.json", o);
	json_decref(o);
	return r;
}

int held_fetch_policy(struct cli *c)
{
	struct ztj_buf text, mem;
	struct ztj_signed s;
	int r;

	ztj_buf_init(&text, 4 * 1024 * 1024);
	ztj_buf_init(&mem, 4 * 1024 * 1024);
	r = api_get(c, "/v1/policy", &text);
	if (r == ZTJ_OK && (r = ztj_signed_from_json(ztj_buf_view(&text), &mem, &s)) != ZTJ_OK)
		r = cli_fail(c, r, "the broker's policy: %s", ztj_err_text(r));
	if (r == ZTJ_OK)
		r = held_take_policy(c, &s);
	ztj_buf_free(&text);
	ztj_buf_free(&mem);
	return r;
}

/* The chain on disk (if it is the one we hold) followed by the new statements. */
static json_t *whole_chain(struct cli *c, const char *file, int64_t upto, const json_t *news)
{
	json_t *old = NULL, *chain = json_array();
	size_t i;
	json_t *st;

	if (chain == NULL)
		return NULL;
	if (upto > 0 && load(c, file, &old) == ZTJ_OK)
		(void)json_array_extend(chain, json_object_get(old, "statements"));
	json_decref(old);
	json_array_foreach(news, i, st)
	{
		if (json_array_append(chain, st) != 0) {
			json_decref(chain);
			return NULL;
		}
	}
	return chain;
}

int held_take_directory(struct cli *c, const json_t *answer)
{
	const char *name = json_string_value(json_object_get(answer, "name"));
	const struct ztj_dir *before;
	int64_t had;
	bool changed = false;
	char *file;
	json_t *o;
	int r;

	if (name == NULL || !ztj_name_ok(name))
		return cli_fail(c, ZTJ_BAD_NAME, "the broker names a directory with a malformed name");
	before = ztj_trust_dir(c->trust, name);
	had = before != NULL ? ztj_dir_serial(before) : 0;
	if ((r = offer_directory(c->trust, answer, cli_now(), &changed)) != ZTJ_OK)
		return cli_fail(c, r, "directory %s is refused: %s", name, ztj_err_text(r));
	if (!changed)
		return ZTJ_OK;
	if ((file = cli_printf(c, "dir-%s.json", name)) == NULL)
		return ZTJ_NOMEM;
	o = whole_chain(c, file, had, json_object_get(answer, "statements"));
	o = o != NULL ? dirjson_full(ztj_trust_dir(c->trust, name), o) : NULL;
	r = save(c, file, o);
	json_decref(o);
	return r;
}

static bool same_digest(const struct ztj_dir *d, const char *hex)
{
	char mine[ZTJ_HEX_SIZE];

	ztj_hex(ztj_dir_digest(d), ZTJ_DIGEST_LEN, mine);
	return strcmp(mine, hex) == 0;
}

static int sync_one(struct cli *c, const json_t *entry)
{
	const char *name = api_str(entry, "name");
	int64_t serial = json_integer_value(json_object_get(entry, "serial"));
	const struct ztj_dir *d;
	char path[256];
	json_t *answer = NULL;
	int r;

	if (!ztj_name_ok(name))
		return cli_fail(c, ZTJ_BAD_NAME, "the broker names a directory with a malformed name");
	d = ztj_trust_dir(c->trust, name);
	if (d != NULL && ztj_dir_serial(d) > serial)
		return cli_fail(c, ZTJ_DIR_ROLLBACK,
		    "the broker serves directory %s with serial %lld, but this workstation has "
		    "seen %lld: an old copy, or a broker that holds news back",
		    name, (long long)serial, (long long)ztj_dir_serial(d));
	if (d != NULL && ztj_dir_serial(d) == serial)
		return same_digest(d, api_str(entry, "digest"))
		    ? ZTJ_OK
		    : cli_fail(c, ZTJ_DIR_FORK,
			  "the broker serves another directory %s with the same serial %lld as the one seen here",
			  name, (long long)serial);
	(void)snprintf(path, sizeof path, "/v1/directories/%s?since=%lld", name,
	    (long long)(d != NULL ? ztj_dir_serial(d) : 0));
	if ((r = api_call(c, "GET", path, NULL, &answer)) == ZTJ_OK)
		r = held_take_directory(c, answer);
	json_decref(answer);
	return r;
}

int held_sync(struct cli *c)
{
	json_t *o = NULL, *list, *entry;
	size_t i;
	int r = api_call(c, "GET", "/v1/directories", NULL, &o);

	if (r != ZTJ_OK)
		return r;
	list = json_object_get(o, "directories");
	json_array_foreach(list, i, entry)
	{
		if ((r = sync_one(c, entry)) != ZTJ_OK)
			break;
	}
	json_decref(o);
	return r;
}

int held_resolve(struct cli *c, const char *name, bool host, char out[ZTJ_FULLNAME_SIZE])
{
	int r = ztj_trust_resolve(c->trust, name, host, out);

	if (r == ZTJ_OK)
		return r;
	if (r == ZTJ_AMBIGUOUS)
		return cli_fail(c, r, "%s stands in several directories; give the full name, DIRECTORY/%s",
		    cli_esc(c, name), cli_esc(c, name));
	cli_hint(c, host ? "ztjit host ls" : "ztjit user ls");
	return cli_fail(c, r, "no %s %s in the directories held here", host ? "host" : "person",
	    cli_esc(c, name));
}
