/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What joining leaves on disk. Every file is whole or not there; hostd.conf is the last. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/core/keyfile.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/join.h"
#include "ztjit-hostd/joinfiles.h"

/* ---- the directory ---- */

static int make_dir(struct ztj_joining *j)
{
	int r = ztj_dir_make(j->ask->sysconfdir, 0755, 0, 0);

	if (r != ZTJ_OK)
		return ztj_join_say(j, r, "%s", j->ask->sysconfdir);
	if (j->lock < 0) {
		j->lock = open(j->ask->sysconfdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (j->lock < 0 || flock(j->lock, LOCK_EX | LOCK_NB) != 0)
			return ztj_join_say(j, ZTJ_STATE, "another join or leave is under way in %s",
			    j->ask->sysconfdir);
	}
	ztj_joinfiles_sweep(j->ask->sysconfdir);
	return ZTJ_OK;
}

/* ---- keys ---- */

/* A key is never overwritten: the one that is there was read, or somebody else was faster. */
static int is_this_key(const char *path, const struct ztj_seckey *k)
{
	struct ztj_seckey there;
	int r = ztj_hostd_key(path, 0, &there);

	if (r != ZTJ_OK)
		return r;
	if (!ztj_key_equal(&there.pub, &k->pub))
		r = ZTJ_STATE;
	ztj_seckey_wipe(&there);
	return r;
}

static int write_key(struct ztj_joining *j, const char *name, const struct ztj_seckey *k)
{
	struct ztj_keyfile kf = { .pub = k->pub };
	uint32_t check = 0;
	struct ztj_buf text;
	char path[512];
	int r = ztj_join_path(j, name, path);

	memcpy(kf.seed, k->seed, sizeof(kf.seed));
	(void)snprintf(kf.comment, sizeof(kf.comment), "%s", name);
	ztj_buf_init(&text, 8192);
	if (r == ZTJ_OK)
		r = ztj_random(&check, sizeof(check));
	if (r == ZTJ_OK)
		r = ztj_keyfile_format(&kf, check, &text);
	if (r == ZTJ_OK)
		r = ztj_file_create(path, ztj_buf_view(&text), 0600);
	if (r == ZTJ_EXISTS)
		r = is_this_key(path, k);
	ztj_buf_free(&text);
	ztj_keyfile_wipe(&kf);
	return r == ZTJ_OK ? r : ztj_join_say(j, r, "%s", path);
}

/* ---- what was verified ---- */

/* Takes text over. What is there already is not written again: a full disk then stands in nobody's way. */
static int write_text(struct ztj_joining *j, const char *name, struct ztj_buf *text)
{
	const struct ztj_file_rule rule = { .owner = 0, .secret = false, .check_parents = true };
	struct ztj_buf old;
	char path[512] = "";
	int r = ztj_buf_status(text);

	ztj_buf_init(&old, ZTJ_JOIN_REPLY_MAX);
	if (r == ZTJ_OK)
		r = ztj_join_path(j, name, path);
	if (r == ZTJ_OK &&
	    (ztj_file_read(path, &rule, ZTJ_JOIN_REPLY_MAX - 1, &old) != ZTJ_OK ||
		!ztj_view_eq(ztj_buf_view(&old), ztj_buf_view(text))))
		r = ztj_file_write(path, ztj_buf_view(text), 0644);
	ztj_buf_free(&old);
	ztj_buf_free(text);
	return r == ZTJ_OK ? r : ztj_join_say(j, r, "%s", path[0] != '\0' ? path : name);
}

static int write_roots(struct ztj_joining *j)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 65536);
	r = ztj_pins_format(&j->pins, &b);
	if (r == ZTJ_OK)
		return write_text(j, "policy_roots", &b);
	ztj_buf_free(&b);
	return ztj_join_say(j, r, "policy_roots");
}

static int write_policy(struct ztj_joining *j)
{
	struct ztj_buf b;

	ztj_buf_init(&b, j->policy_json.n + 16);
	(void)ztj_buf_put(&b, j->policy_json.p, j->policy_json.n);
	return write_text(j, "policy.json", &b);
}

static int write_ca(struct ztj_joining *j)
{
	const struct ztj_policy *p = ztj_trust_held_policy(j->trust);
	char text[ZTJ_KEY_TEXT_SIZE];
	struct ztj_buf b;

	ztj_buf_init(&b, 65536);
	for (size_t i = 0; i < p->broker.nca; i++) {
		int r = ztj_key_to_text(&p->broker.ca[i], text);
		if (r != ZTJ_OK) {
			ztj_buf_free(&b);
			return ztj_join_say(j, r, "user_ca.pub");
		}
		(void)ztj_buf_printf(&b, "%s ztjit user CA\n", text);
	}
	return write_text(j, "user_ca.pub", &b);
}

int ztj_join_write(struct ztj_joining *j)
{
	int r = make_dir(j);

	j->wrote = true;
	if (r == ZTJ_OK)
		r = write_key(j, "machine.key", &j->machine);
	if (r == ZTJ_OK)
		r = write_key(j, "tls.key", &j->tls);
	if (r == ZTJ_OK)
		r = write_roots(j);
	if (r == ZTJ_OK)
		r = write_policy(j);
	return r == ZTJ_OK ? write_ca(j) : r;
}

/* ---- the last step ---- */

static int make_conf(struct ztj_joining *j, const char *path)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 8192);
	(void)ztj_buf_printf(&b,
	    "# written by ztjit-hostd join; see ztjit-hostd.conf(5)\n"
	    "urls = [ \"%s\" ];\ndirectory = \"%s\";\nname = \"%s\";\n",
	    j->broker, j->directory, j->name);
	r = ztj_buf_status(&b);
	if (r == ZTJ_OK)
		r = ztj_file_create(path, ztj_buf_view(&b), 0644);
	ztj_buf_free(&b);
	return r;
}

/* The administrator's file, with another name in it; checked before it is there. */
static int rename_conf(struct ztj_joining *j, const char *path)
{
	const struct ztj_file_rule rule = { .owner = 0, .secret = false, .check_parents = true };
	struct ztj_hostconf conf = { .directory = NULL };
	struct ztj_buf old, text;
	char tried[520], err[512];
	struct stat st;
	int r;

	if (lstat(path, &st) != 0)
		return ZTJ_IO;
	(void)snprintf(tried, sizeof(tried), "%s.new", path);
	ztj_buf_init(&old, 1 << 20);
	ztj_buf_init(&text, 1 << 20);
	r = ztj_file_read(path, &rule, (1 << 20) - 1, &old);
	if (r == ZTJ_OK)
		r = ztj_joinfiles_rename(ztj_buf_view(&old), j->name, &text);
	if (r == ZTJ_OK)
		r = ztj_file_write(tried, ztj_buf_view(&text), 0644);
	if (r == ZTJ_OK) {
		r = ztj_hostconf_load(tried, 0, &conf, err, sizeof(err));
		if (r == ZTJ_OK &&
		    (strcmp(conf.name, j->name) != 0 || strcmp(conf.directory, j->directory) != 0))
			r = ZTJ_CONFIG;
		ztj_hostconf_free(&conf);
		(void)unlink(tried);
	}
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(&text), st.st_mode & 0755);
	ztj_buf_free(&old);
	ztj_buf_free(&text);
	return r;
}

int ztj_join_finish(struct ztj_joining *j)
{
	char path[512];
	int r = ztj_join_path(j, "hostd.conf", path);

	if (r == ZTJ_OK && !j->has_conf)
		r = make_conf(j, path);
	else if (r == ZTJ_OK && j->renames)
		r = rename_conf(j, path);
	if (r == ZTJ_CONFIG)
		return ztj_join_say(j, r, "%s: set name = \"%s\"; by hand, on a line of its own", path,
		    j->name);
	/* with a record there is nothing to ask any more */
	if (r == ZTJ_OK && j->standing == ZTJ_STANDS)
		r = ztj_joinfiles_remove(j->ask->sysconfdir, "pending.json");
	return r == ZTJ_OK ? r : ztj_join_say(j, r, "%s", path);
}
