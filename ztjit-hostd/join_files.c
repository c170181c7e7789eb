/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/keyfile.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/join.h"

static int path_of(const char *dir, const char *name, char out[512])
{
	int n = snprintf(out, 512, "%s/%s", dir, name);

	return n > 0 && n < 512 ? ZTJ_OK : ZTJ_USAGE;
}

static int fail(struct ztj_joining *j, int r, const char *path)
{
	if (r != ZTJ_OK)
		(void)snprintf(j->what, sizeof(j->what), "%s", path);
	return r;
}

/* ---- keys ---- */

static int make_key(const char *path, const char *comment, struct ztj_seckey *out)
{
	struct ztj_keyfile kf = { .pub = { .type = ZTJ_KEY_NONE } };
	uint32_t check = 0;
	struct ztj_buf text;
	int r = ztj_random(kf.seed, sizeof(kf.seed));

	if (r == ZTJ_OK)
		r = ztj_random(&check, sizeof(check));
	if (r == ZTJ_OK)
		r = ztj_seckey_from_seed(out, kf.seed);
	kf.pub = out->pub;
	(void)snprintf(kf.comment, sizeof(kf.comment), "%s", comment);
	ztj_buf_init(&text, 8192);
	if (r == ZTJ_OK)
		r = ztj_keyfile_format(&kf, check, &text);
	if (r == ZTJ_OK)
		r = ztj_file_create(path, ztj_buf_view(&text), 0600);
	ztj_buf_free(&text);
	ztj_keyfile_wipe(&kf);
	return r;
}

/* Keys of an earlier join are kept: the record that vouches for them may exist already. */
static int key_at(struct ztj_joining *j, const char *name, struct ztj_seckey *out)
{
	char path[512];
	int r = path_of(j->ask->sysconfdir, name, path);

	if (r == ZTJ_OK)
		r = ztj_hostd_key(path, 0, out);
	if (r == ZTJ_NOT_FOUND)
		r = make_key(path, name, out);
	return fail(j, r, path);
}

int ztj_join_keys(struct ztj_joining *j)
{
	int r = ztj_dir_make(j->ask->sysconfdir, 0755, 0, 0);

	if (r != ZTJ_OK)
		return fail(j, r, j->ask->sysconfdir);
	r = key_at(j, "machine.key", &j->machine);
	return r == ZTJ_OK ? key_at(j, "tls.key", &j->tls) : r;
}

static int read_ssh_key(struct ztj_joining *j, const char *path)
{
	const struct ztj_file_rule rule = { .owner = 0, .secret = false, .check_parents = true };
	struct ztj_key k;
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 16384);
	r = ztj_file_read(path, &rule, 16383, &b);
	if (r == ZTJ_OK)
		r = ztj_key_from_line(&k, ztj_buf_view(&b));
	ztj_buf_free(&b);
	if (r != ZTJ_OK)
		return r;
	/* RSA host keys are not vouched for; clients then ask for one of these. */
	if (k.type != ZTJ_KEY_ED25519 && k.type != ZTJ_KEY_ECDSA)
		return ZTJ_KEY_TYPE;
	if (j->nssh == ZTJ_SSH_KEYS_MAX)
		return ZTJ_LIMIT;
	j->ssh[j->nssh++] = k;
	return ZTJ_OK;
}

int ztj_join_ssh_keys(struct ztj_joining *j)
{
	DIR *d = opendir(j->ask->sshdir);
	struct dirent *e;
	int r = ZTJ_OK;

	if (d == NULL)
		return fail(j, ZTJ_NOT_FOUND, j->ask->sshdir);
	while (r == ZTJ_OK && (e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);
		char path[512];
		if (strncmp(e->d_name, "ssh_host_", 9) != 0 || n < 8 ||
		    strcmp(e->d_name + n - 8, "_key.pub") != 0 ||
		    path_of(j->ask->sshdir, e->d_name, path) != ZTJ_OK)
			continue;
		r = fail(j, read_ssh_key(j, path), path);
		if (r == ZTJ_KEY_TYPE || r == ZTJ_BAD_KEY)
			r = ZTJ_OK;
	}
	(void)closedir(d);
	if (r == ZTJ_OK && j->nssh == 0)
		r = fail(j, ZTJ_NOT_FOUND, "an ssh-ed25519 or ecdsa host key of sshd");
	return r;
}

/* ---- the digest ---- */

static int by_bytes(const void *a, const void *b)
{
	const struct ztj_buf *x = a, *y = b;
	int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return c != 0 ? c : (x->n > y->n) - (x->n < y->n);
}

static int put_blobs(struct ztj_joining *j, struct ztj_buf *blob, struct ztj_buf *out)
{
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < j->nssh + 2; i++) {
		const struct ztj_key *k = i == 0 ? &j->machine.pub : i == 1 ? &j->tls.pub : &j->ssh[i - 2];
		r = ztj_key_to_blob(k, &blob[i]);
	}
	if (r != ZTJ_OK)
		return r;
	qsort(blob + 2, j->nssh, sizeof(blob[0]), by_bytes);
	for (size_t i = 0; i < j->nssh + 2; i++)
		(void)ztj_buf_put_view(out, ztj_buf_view(&blob[i]));
	return ztj_buf_status(out);
}

int ztj_join_digest(struct ztj_joining *j)
{
	struct ztj_buf out, blob[ZTJ_SSH_KEYS_MAX + 2];
	uint8_t digest[ZTJ_DIGEST_LEN];
	char t[64];
	int r;

	ztj_buf_init(&out, 16384);
	for (size_t i = 0; i < ZTJ_SSH_KEYS_MAX + 2; i++)
		ztj_buf_init(&blob[i], ZTJ_KEY_BLOB_MAX);
	(void)ztj_buf_put_cstring(&out, "ztjit-host");
	(void)ztj_buf_put_cstring(&out, j->pins.domain);
	(void)ztj_buf_put_cstring(&out, j->ask->name);
	r = put_blobs(j, blob, &out);
	if (r == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(&out), digest);
	ztj_buf_free(&out);
	for (size_t i = 0; i < ZTJ_SSH_KEYS_MAX + 2; i++)
		ztj_buf_free(&blob[i]);
	if (r != ZTJ_OK)
		return r;
	ztj_base32(digest, sizeof(digest), t, sizeof(t));
	(void)snprintf(j->digest, sizeof(j->digest), "H-%.5s-%.5s-%.5s-%.5s", t, t + 5, t + 10, t + 15);
	return ZTJ_OK;
}

/* ---- files ---- */

static int write_at(struct ztj_joining *j, const char *name, struct ztj_buf *text)
{
	char path[512];
	int r = ztj_buf_status(text);

	if (r == ZTJ_OK)
		r = path_of(j->ask->sysconfdir, name, path);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(text), 0644);
	ztj_buf_free(text);
	return fail(j, r, name);
}

/* Roots that root pinned here before are never replaced by joining again. */
static int check_roots(struct ztj_joining *j)
{
	const struct ztj_file_rule rule = { .owner = 0, .secret = false, .check_parents = true };
	struct ztj_pins held = { .nroots = 0 };
	struct ztj_buf b;
	char path[512];
	unsigned line;
	int r = path_of(j->ask->sysconfdir, "policy_roots", path);

	ztj_buf_init(&b, 65536);
	if (r == ZTJ_OK)
		r = ztj_file_read(path, &rule, 65535, &b);
	if (r == ZTJ_OK)
		r = ztj_pins_parse(ztj_buf_view(&b), &held, &line);
	if (r == ZTJ_OK)
		r = ztj_pins_check(&held, j->ask->pin);
	if (r == ZTJ_OK && held.has_floor && held.floor_version > j->pins.floor_version)
		r = ZTJ_POLICY_ROLLBACK;
	ztj_buf_free(&b);
	return fail(j, r == ZTJ_NOT_FOUND ? ZTJ_OK : r, path);
}

static int write_roots(struct ztj_joining *j)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 65536);
	r = ztj_pins_format(&j->pins, &b);
	if (r != ZTJ_OK) {
		ztj_buf_free(&b);
		return r;
	}
	return write_at(j, "policy_roots", &b);
}

static int write_policy(struct ztj_joining *j)
{
	struct ztj_buf b;

	ztj_buf_init(&b, j->policy_json.n + 16);
	(void)ztj_buf_put(&b, j->policy_json.p, j->policy_json.n);
	return write_at(j, "policy.json", &b);
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
			return r;
		}
		(void)ztj_buf_printf(&b, "%s ztjit user CA\n", text);
	}
	return write_at(j, "user_ca.pub", &b);
}

/* A configuration that is there is the administrator's; it must speak of the same host. */
static int write_conf(struct ztj_joining *j)
{
	struct ztj_hostconf conf;
	char path[512], err[512];
	struct ztj_buf b;
	int r = path_of(j->ask->sysconfdir, "hostd.conf", path);

	if (r != ZTJ_OK)
		return r;
	ztj_buf_init(&b, 8192);
	(void)ztj_buf_printf(&b,
	    "# written by ztjit-hostd join; see ztjit-hostd.conf(5)\n"
	    "urls = [ \"%s\" ];\ndirectory = \"%s\";\nname = \"%s\";\n",
	    j->ask->broker, j->ask->directory, j->ask->name);
	r = ztj_file_create(path, ztj_buf_view(&b), 0644);
	ztj_buf_free(&b);
	if (r != ZTJ_EXISTS)
		return fail(j, r, path);
	r = ztj_hostconf_load(path, 0, &conf, err, sizeof(err));
	if (r != ZTJ_OK)
		return fail(j, r, err);
	if (strcmp(conf.directory, j->ask->directory) != 0 || strcmp(conf.name, j->ask->name) != 0)
		r = fail(j, ZTJ_EXISTS, path);
	ztj_hostconf_free(&conf);
	return r;
}

int ztj_join_write(struct ztj_joining *j)
{
	int r = check_roots(j);

	if (r == ZTJ_OK)
		r = write_conf(j);
	if (r == ZTJ_OK)
		r = write_roots(j);
	if (r == ZTJ_OK)
		r = write_policy(j);
	return r == ZTJ_OK ? write_ca(j) : r;
}
