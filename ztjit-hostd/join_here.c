/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What is on this host already, and under which name it asks. Nothing is written here. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/core/keyfile.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/join.h"

int ztj_join_path(const struct ztj_joining *j, const char *name, char out[512])
{
	const struct {
		const char *name, *path;
	} moved[] = { { "machine.key", j->conf.machine_key }, { "tls.key", j->conf.tls_key },
		{ "policy_roots", j->conf.roots }, { "policy.json", j->conf.policy } };
	int n;

	for (size_t i = 0; j->has_conf && i < sizeof(moved) / sizeof(moved[0]); i++)
		if (strcmp(name, moved[i].name) == 0) {
			n = snprintf(out, 512, "%s", moved[i].path);
			return n > 0 && n < 512 ? ZTJ_OK : ZTJ_LIMIT;
		}
	n = snprintf(out, 512, "%s/%s", j->ask->sysconfdir, name);
	return n > 0 && n < 512 ? ZTJ_OK : ZTJ_LIMIT;
}

/* ---- one at a time ---- */

static int lock(struct ztj_joining *j)
{
	j->lock = open(j->ask->sysconfdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (j->lock >= 0 && flock(j->lock, LOCK_EX | LOCK_NB) != 0)
		return ztj_join_say(j, ZTJ_STATE, "another join or leave is under way in %s",
		    j->ask->sysconfdir);
	return ZTJ_OK; /* no directory yet: there is nothing to disturb */
}

/* ---- the configuration of before ---- */

static int load_conf(struct ztj_joining *j)
{
	char path[512], err[512] = "";
	struct stat st;
	int r = ztj_join_path(j, "hostd.conf", path);

	if (r != ZTJ_OK || lstat(path, &st) != 0)
		return r;
	r = ztj_hostconf_load(path, 0, &j->conf, err, sizeof(err));
	if (r != ZTJ_OK)
		return ztj_join_say(j, r, "%s", err[0] != '\0' ? err : path);
	j->has_conf = true;
	return ZTJ_OK;
}

static int take(struct ztj_joining *j, const char *from, char *out, size_t size)
{
	int n = snprintf(out, size, "%s", from);

	return n >= 0 && (size_t)n < size ? ZTJ_OK : ztj_join_say(j, ZTJ_LIMIT, "%.64s…", from);
}

/* The pin, when root pinned the roots here before. */
static int own_pin(struct ztj_joining *j)
{
	const struct ztj_file_rule rule = { .owner = 0, .secret = false, .check_parents = true };
	struct ztj_pins held;
	struct ztj_buf b;
	unsigned line;
	char path[512];
	int r = ztj_join_path(j, "policy_roots", path);

	ztj_buf_init(&b, 65536);
	if (r == ZTJ_OK)
		r = ztj_file_read(path, &rule, 65535, &b);
	if (r == ZTJ_OK)
		r = ztj_pins_parse(ztj_buf_view(&b), &held, &line);
	if (r == ZTJ_OK)
		r = ztj_pins_digest(&held, j->pin);
	ztj_buf_free(&b);
	return r == ZTJ_OK ? r : ztj_join_say(j, r, "no --pin was given, and %s", path);
}

static int names(struct ztj_joining *j)
{
	char host[HOST_NAME_MAX + 1] = "";
	const char *directory = j->ask->directory, *name = j->ask->name;

	if (directory == NULL && j->has_conf)
		directory = j->conf.directory;
	if (name == NULL && j->has_conf)
		name = j->conf.name;
	if (name == NULL && gethostname(host, sizeof(host) - 1) == 0) {
		host[strcspn(host, ".")] = '\0';
		for (char *c = host; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
		name = host;
	}
	if (directory != NULL && !ztj_name_ok(directory))
		return ztj_join_say(j, ZTJ_BAD_NAME, "--directory: a-z, 0-9, _, . and -, 32 at most");
	if (name == NULL || !ztj_hostname_ok(name) || strcmp(name, "localhost") == 0)
		return ztj_join_say(j, ZTJ_BAD_NAME,
		    "--name: a-z, 0-9, . and -, 64 at most, and not localhost");
	if (directory != NULL && take(j, directory, j->directory, sizeof(j->directory)) != ZTJ_OK)
		return ZTJ_LIMIT;
	return take(j, name, j->name, sizeof(j->name));
}

/* A configuration that is there is the administrator's, and speaks of one host. */
static int check_conf(struct ztj_joining *j)
{
	if (!j->has_conf)
		return j->ask->rename
		    ? ztj_join_say(j, ZTJ_USAGE, "--rename: this host has no name yet; leave it out")
		    : ZTJ_OK;
	if (strcmp(j->directory, j->conf.directory) != 0)
		return ztj_join_say(j, ZTJ_EXISTS,
		    "this host is %s; for another directory run ztjit-hostd leave first", j->conf.fullname);
	j->renames = strcmp(j->name, j->conf.name) != 0;
	if (j->renames && !j->ask->rename)
		return ztj_join_say(j, ZTJ_EXISTS, "this host is %s; to have another name join with --rename",
		    j->conf.fullname);
	return ZTJ_OK;
}

static int token(struct ztj_joining *j)
{
	if (j->ask->token == NULL)
		return ZTJ_OK;
	j->has_token = true;
	return ztj_token_parse(j->ask->token, j->token) == ZTJ_OK
	    ? ZTJ_OK
	    : ztj_join_say(j, ZTJ_BAD_NAME, "--token: T- and 26 characters, as ztjit host token printed it");
}

int ztj_join_here(struct ztj_joining *j)
{
	const char *broker = j->ask->broker;
	int r = lock(j);

	if (r == ZTJ_OK)
		r = load_conf(j);
	if (broker == NULL && j->has_conf)
		broker = j->conf.urls.s[0];
	if (r == ZTJ_OK && broker == NULL)
		return ztj_join_say(j, ZTJ_USAGE, "--broker https://HOST:PORT is missing");
	if (r == ZTJ_OK && strncmp(broker, "https://", 8) != 0)
		return ztj_join_say(j, ZTJ_USAGE, "--broker: must begin with https://");
	if (r == ZTJ_OK)
		r = take(j, broker, j->broker, sizeof(j->broker));
	if (r == ZTJ_OK)
		r = j->ask->pin != NULL ? take(j, j->ask->pin, j->pin, sizeof(j->pin)) : own_pin(j);
	if (r == ZTJ_OK)
		r = names(j);
	if (r == ZTJ_OK)
		r = check_conf(j);
	return r == ZTJ_OK ? token(j) : r;
}

/* ---- against the policy ---- */

int ztj_join_directory(struct ztj_joining *j)
{
	const struct ztj_policy *p = ztj_trust_held_policy(j->trust);
	const struct ztj_registrar *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < p->nregistrars; i++) {
		const struct ztj_registrar *reg = &p->registrars[i];

		if (j->directory[0] != '\0' ? strcmp(reg->directory, j->directory) != 0 : reg->nlabels == 0)
			continue;
		found = reg;
		n++;
	}
	if (n > 1)
		return ztj_join_say(j, ZTJ_AMBIGUOUS,
		    "the policy has several directories of hosts; say --directory");
	if (found == NULL)
		return ztj_join_say(j, ZTJ_DIR_UNKNOWN, "%s",
		    j->directory[0] != '\0' ? j->directory : "the policy has no directory of hosts");
	if (found->nlabels == 0)
		return ztj_join_say(j, ZTJ_DIR_DELEGATION, "registrars of %s vouch for people only",
		    found->directory);
	return take(j, found->directory, j->directory, sizeof(j->directory));
}

int ztj_join_roots(struct ztj_joining *j)
{
	const struct ztj_file_rule rule = { .owner = 0, .secret = false, .check_parents = true };
	struct ztj_pins held = { .nroots = 0 };
	struct ztj_buf b;
	char path[512];
	unsigned line;
	int r = ztj_join_path(j, "policy_roots", path);

	ztj_buf_init(&b, 65536);
	if (r == ZTJ_OK)
		r = ztj_file_read(path, &rule, 65535, &b);
	if (r == ZTJ_OK)
		r = ztj_pins_parse(ztj_buf_view(&b), &held, &line);
	if (r == ZTJ_OK)
		r = ztj_pins_check(&held, j->pin);
	if (r == ZTJ_OK && held.has_floor && held.floor_version > j->pins.floor_version)
		r = ZTJ_POLICY_ROLLBACK;
	ztj_buf_free(&b);
	return r == ZTJ_OK || r == ZTJ_NOT_FOUND ? ZTJ_OK
						 : ztj_join_say(j, r, "%s, pinned here before", path);
}

/* ---- keys ---- */

/* Keys of an earlier join are kept: the record that vouches for them may exist already. */
static int key_at(struct ztj_joining *j, const char *name, struct ztj_seckey *out, bool *held)
{
	uint8_t seed[32];
	char path[512];
	int r = ztj_join_path(j, name, path);

	if (r == ZTJ_OK)
		r = ztj_hostd_key(path, 0, out);
	*held = r == ZTJ_OK;
	if (r == ZTJ_NOT_FOUND) {
		r = ztj_random(seed, sizeof(seed));
		if (r == ZTJ_OK)
			r = ztj_seckey_from_seed(out, seed);
		ztj_wipe(seed, sizeof(seed));
	}
	return r == ZTJ_OK ? r : ztj_join_say(j, r, "%s", path);
}

int ztj_join_keys(struct ztj_joining *j)
{
	bool machine = false, tls = false;
	int r = key_at(j, "machine.key", &j->machine, &machine);

	if (r == ZTJ_OK)
		r = key_at(j, "tls.key", &j->tls, &tls);
	j->has_keys = machine && tls;
	if (r == ZTJ_OK && ztj_key_equal(&j->machine.pub, &j->tls.pub))
		r = ztj_join_say(j, ZTJ_KEY_SHARED, "machine key and TLS key");
	return r;
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
	if (j->nssh == ZTJ_HOST_SSH_MAX)
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
		return ztj_join_say(j, ZTJ_NOT_FOUND, "%s", j->ask->sshdir);
	while (r == ZTJ_OK && (e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);
		char path[512];
		if (strncmp(e->d_name, "ssh_host_", 9) != 0 || n < 8 ||
		    strcmp(e->d_name + n - 8, "_key.pub") != 0 ||
		    snprintf(path, sizeof(path), "%s/%s", j->ask->sshdir, e->d_name) >= (int)sizeof(path))
			continue;
		r = read_ssh_key(j, path);
		if (r == ZTJ_KEY_TYPE || r == ZTJ_BAD_KEY)
			r = ZTJ_OK;
		if (r != ZTJ_OK)
			(void)ztj_join_say(j, r, "%s", path);
	}
	(void)closedir(d);
	if (r == ZTJ_OK && j->nssh == 0)
		r = ztj_join_say(j, ZTJ_NOT_FOUND,
		    "an ssh-ed25519 or ecdsa host key of sshd in %s (ssh-keygen -A)", j->ask->sshdir);
	return r;
}
