/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the agent trusts and keeps: roots, keys, CA, sockets, directories, users. */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "libztjit/core/keyfile.h"
#include "libztjit/core/trust.h"
#include "libztjit/sys/safefile.h"
#include "libztjit/core/mark.h"
#include "ztjit/doctor/doctor.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CA ZTJ_SYSCONFDIR "/user_ca.pub"

/* ---- what is pinned ---- */

static void roots(struct doctor *d)
{
	const struct ztj_hostconf *conf = doc_conf(d);
	char pin[ZTJ_PIN_SIZE];
	struct ztj_pins pins;
	const char *text;
	unsigned line = 0;
	int err;

	if (conf == NULL)
		return;
	if ((text = doc_text(d, conf->roots, &err)) == NULL) {
		doc_say(d, DOC_FAIL, "%s: %s", conf->roots, ztj_err_text(err));
		doc_todo(d, "ztjit-hostd join --broker URL --pin PIN");
		return;
	}
	if (!doc_only_root(d, conf->roots))
		return;
	if ((err = ztj_pins_parse(ztj_view_str(text), &pins, &line)) != ZTJ_OK) {
		doc_say(d, DOC_FAIL, "%s:%u: %s", conf->roots, line, ztj_err_text(err));
		doc_todo(d, "put it back as join wrote it");
	} else if (!pins.has_floor) {
		doc_say(d, DOC_WARN,
		    "%s names no floor: an old policy of the same roots would be taken at the first start",
		    conf->roots);
		doc_todo(d, "ztjit-hostd join --broker URL --pin PIN");
	} else if (ztj_pins_digest(&pins, pin) == ZTJ_OK) {
		doc_say(d, DOC_OK, "%zu roots, %u must sign, floor version %lld, pin %s", pins.nroots,
		    pins.threshold, (long long)pins.floor_version, pin);
	}
}

static void one_key(struct doctor *d, const char *path)
{
	struct ztj_keyfile kf;
	struct ztj_buf b;
	struct stat st;
	int r;

	ztj_buf_init(&b, 16384);
	r = doc_read(path, 16383, &b, &st);
	if (r == ZTJ_OK)
		r = ztj_keyfile_parse(&kf, ztj_buf_view(&b));
	ztj_buf_free(&b);
	if (r != ZTJ_OK) {
		doc_say(d, DOC_FAIL, "%s: %s", path, ztj_err_text(r));
		doc_todo(d, "ztjit-hostd join --broker URL --pin PIN");
		return;
	}
	if (kf.pub.type != ZTJ_KEY_ED25519) {
		doc_say(d, DOC_FAIL, "%s is no ssh-ed25519 key", path);
		doc_todo(d, "ztjit-hostd join --broker URL --pin PIN");
	}
	ztj_keyfile_wipe(&kf);
	if (doc_only_root(d, path) && (st.st_mode & 077) != 0) {
		doc_say(d, DOC_FAIL, "%s has mode %04o: others can read it, and it may be known to them",
		    path, doc_mode(&st));
		doc_todo(d, "chmod 600 %s; then join anew, for new keys", path);
	}
}

static void keys(struct doctor *d)
{
	const struct ztj_hostconf *conf = doc_conf(d);

	if (conf == NULL)
		return;
	one_key(d, conf->machine_key);
	one_key(d, conf->tls_key);
	doc_say(d, DOC_OK, "machine key and TLS key, for root alone");
}

/* ---- the CA ---- */

static bool in_policy(const struct ztj_policy *p, const struct ztj_key *k)
{
	for (size_t i = 0; i < p->broker.nca; i++)
		if (ztj_key_equal(&p->broker.ca[i], k))
			return true;
	return false;
}

/* Every key of the file stands in the policy; the number of keys. */
static size_t file_keys(struct doctor *d, const struct ztj_policy *p, const char *text)
{
	unsigned line = 0;
	size_t n = 0, len;

	for (; *text != '\0'; text += len + (text[len] == '\n')) {
		struct ztj_key k;

		len = strcspn(text, "\n");
		line++;
		if (text[strspn(text, " \t")] == '#' || strspn(text, " \t") >= len)
			continue;
		n++;
		if (ztj_key_from_line(&k, ztj_view_of(text, len)) == ZTJ_OK && in_policy(p, &k))
			continue;
		doc_say(d, DOC_FAIL, "%s:%u: a CA that the policy does not name", CA, line);
		doc_todo(d, "remove that line");
	}
	return n;
}

static void user_ca(struct doctor *d)
{
	const struct ztj_policy *p = doc_policy(d);
	const char *text;
	size_t n;
	int err;

	if (doc_conf(d) == NULL)
		return;
	if ((text = doc_text(d, CA, &err)) == NULL) {
		doc_say(d, DOC_FAIL, "%s: %s", CA, ztj_err_text(err));
		doc_todo(d, "ztjit-hostd join --broker URL --pin PIN");
		return;
	}
	(void)doc_only_root(d, CA);
	if (p == NULL)
		return; /* policy says why */
	n = file_keys(d, p, text);
	if (n < p->broker.nca) {
		doc_say(d, DOC_WARN,
		    "%s has %zu keys, the policy names %zu: certificates of the others do not let in", CA, n,
		    p->broker.nca);
		doc_todo(d, "write the keys of broker.ca in the policy into %s", CA);
	}
	doc_say(d, DOC_OK, "the CA of the policy, and no other");
}

/* ---- what it makes ---- */

struct expected {
	const char *path, *user; /* user NULL: root */
	mode_t type, mode;
};

static void one_expected(struct doctor *d, const struct expected *e)
{
	const struct passwd *pw = e->user != NULL ? getpwnam(e->user) : NULL;
	uid_t owner = pw != NULL ? pw->pw_uid : 0;
	struct stat st;

	if (e->user != NULL && pw == NULL)
		return; /* users says it */
	if (lstat(e->path, &st) != 0) {
		doc_say(d, DOC_FAIL, "%s is not there", e->path);
		doc_todo(d, "systemctl restart ztjit-hostd");
	} else if ((st.st_mode & S_IFMT) != e->type) {
		doc_say(d, DOC_FAIL, "%s is not what it should be (type %06o)", e->path,
		    (unsigned)(st.st_mode & S_IFMT));
		doc_todo(d, "remove it; systemctl restart ztjit-hostd");
	} else if (st.st_uid != owner) {
		doc_say(d, DOC_FAIL, "%s belongs to uid %u, not to %s", e->path, (unsigned)st.st_uid,
		    e->user != NULL ? e->user : "root");
		doc_todo(d, "chown %s %s", e->user != NULL ? e->user : "root", e->path);
	} else if ((st.st_mode & 07777) != e->mode) {
		doc_say(d, DOC_FAIL, "%s has mode %04o, not %04o", e->path, doc_mode(&st), (unsigned)e->mode);
		doc_todo(d, "chmod %04o %s", (unsigned)e->mode, e->path);
	}
}

static const char *in_run(struct doctor *d, const char *name)
{
	const char *path = cli_printf(d->c, "%s/%s", d->conf.run, name);

	return path != NULL ? path : d->conf.run;
}

static void sockets(struct doctor *d)
{
	const struct ztj_hostconf *conf = doc_conf(d);

	if (conf == NULL || doc_status(d) == NULL)
		return; /* hostd-running says it */
	const struct expected list[] = { { conf->run, NULL, S_IFDIR, 0755 },
		{ in_run(d, "pam.sock"), NULL, S_IFSOCK, 0600 },
		{ in_run(d, "control.sock"), NULL, S_IFSOCK, 0600 },
		{ in_run(d, "principals.sock"), conf->principals_user, S_IFSOCK, 0600 },
		{ in_run(d, "rec.sock"), NULL, S_IFSOCK, 0666 } };

	for (size_t i = 0; i < COUNT(list); i++)
		one_expected(d, &list[i]);
	doc_say(d, DOC_OK, "sockets in %s, each for whom it is", conf->run);
}

static void state(struct doctor *d)
{
	const struct ztj_hostconf *conf = doc_conf(d);

	if (conf == NULL)
		return;
	const struct expected list[] = { { conf->state, conf->gate_user, S_IFDIR, 0700 },
		{ conf->records, conf->scribe_user, S_IFDIR, 0700 } };

	for (size_t i = 0; i < COUNT(list); i++) {
		char up[256];
		char *slash;

		one_expected(d, &list[i]);
		(void)snprintf(up, sizeof up, "%s", list[i].path);
		if ((slash = strrchr(up, '/')) != NULL && slash != up) {
			*slash = '\0';
			(void)doc_only_root(d, up);
		}
	}
	doc_say(d, DOC_OK, "%s and %s, each for its process alone", conf->state, conf->records);
}

/* ---- disk ---- */

static void one_disk(struct doctor *d, const char *path, uint64_t wanted)
{
	struct statvfs v;
	uint64_t room;

	if (statvfs(path, &v) != 0)
		return; /* state says it */
	room = (uint64_t)v.f_bavail * v.f_frsize;
	if (room < wanted) {
		doc_say(d, DOC_WARN, "%llu MiB are free for %s, %llu may be needed",
		    (unsigned long long)(room >> 20), path, (unsigned long long)(wanted >> 20));
		doc_todo(d, "make room there, or give it a file system of its own");
	}
	if (v.f_files > 0 && v.f_favail < 1000) {
		doc_say(d, DOC_WARN, "%llu files may still be made for %s", (unsigned long long)v.f_favail,
		    path);
		doc_todo(d, "make room there, or give it a file system of its own");
	}
	if ((v.f_flag & ST_RDONLY) != 0) {
		doc_say(d, DOC_FAIL, "%s is on a file system that is read-only: nothing can be decided",
		    path);
		doc_todo(d, "mount -o remount,rw %s", path);
	}
}

static void disk(struct doctor *d)
{
	const struct ztj_hostconf *conf = doc_conf(d);

	if (conf == NULL)
		return;
	one_disk(d, conf->state, (uint64_t)conf->decisions_size * 1024 * (uint64_t)conf->decisions_keep);
	one_disk(d, conf->records, (uint64_t)(conf->record_spool + conf->record_reserve) << 20);
	doc_say(d, DOC_OK, "room for decisions and records");
}

/* ---- users ---- */

static bool is_nologin(const char *shell)
{
	static const char *const shells[] = { "/usr/sbin/nologin", "/sbin/nologin", "/bin/false",
		"/usr/bin/false" };

	for (size_t i = 0; i < COUNT(shells); i++)
		if (strcmp(shell, shells[i]) == 0)
			return true;
	return false;
}

static void users(struct doctor *d)
{
	const struct ztj_hostconf *conf = doc_conf(d);
	uid_t seen[4];

	if (conf == NULL)
		return;
	const char *const names[] = { conf->mirror_user, conf->gate_user, conf->scribe_user,
		conf->principals_user };

	for (size_t i = 0; i < COUNT(names); i++) {
		const struct passwd *pw = getpwnam(names[i]);

		seen[i] = pw != NULL ? pw->pw_uid : 0;
		if (pw == NULL || pw->pw_uid == 0) {
			doc_say(d, DOC_FAIL, pw == NULL ? "no user %s" : "%s is root", names[i]);
			doc_todo(d, "useradd --system --no-create-home --shell /usr/sbin/nologin %s",
			    names[i]);
			continue;
		}
		if (!is_nologin(pw->pw_shell)) {
			doc_say(d, DOC_FAIL, "%s can log in (%s)", names[i], pw->pw_shell);
			doc_todo(d, "usermod -s /usr/sbin/nologin %s", names[i]);
		}
		for (size_t k = 0; k < i; k++)
			if (seen[k] == seen[i]) {
				doc_say(d, DOC_FAIL, "%s and %s have one uid", names[k], names[i]);
				doc_todo(d, "userdel %s; useradd --system %s", names[i], names[i]);
			}
	}
	doc_say(d, DOC_OK, "a user for each process, and nobody can log in as one");
}

/* ---- programs ---- */

/* A library that is missing shows before the program itself says anything. */
static void one_program(struct doctor *d, const char *path)
{
	const char *const argv[] = { path, "--help", NULL };
	struct ztj_buf out;
	int status;

	ztj_buf_init(&out, 65536);
	if (doc_exec(argv, &out, &status) != ZTJ_OK || status == 127 || status == 128) {
		doc_say(d, DOC_FAIL, "%s cannot be run: %s", path,
		    ztj_buf_str(&out) != NULL ? doc_line(d, (const char *)out.p) : "?");
		doc_todo(d, "install the libraries that it needs: ldd %s", path);
	}
	ztj_buf_free(&out);
}

static void programs(struct doctor *d)
{
	static const char *const list[] = { "/usr/sbin/ztjit-hostd", ZTJ_RECORDER, "/usr/bin/ztjit" };
	char version[64];

	for (size_t i = 0; i < COUNT(list); i++) {
		if (access(list[i], F_OK) != 0)
			continue; /* installed elsewhere: what is asked for by path is checked where it is asked for */
		(void)doc_only_root(d, list[i]);
		if (doc_version(list[i], version, sizeof version) == ZTJ_OK &&
		    strcmp(version, PACKAGE_VERSION) != 0) {
			doc_say(d, DOC_WARN, "%s is of version %s, this is %s", list[i], version,
			    PACKAGE_VERSION);
			doc_todo(d, "install one version of ztjit; systemctl restart ztjit-hostd");
		}
	}
	if (access(list[0], F_OK) == 0)
		one_program(d, list[0]);
	doc_say(d, DOC_OK, "version %s, only root can change them", PACKAGE_VERSION);
}

static const struct doc_check checks[] = {
	{ "roots", "the policy roots are pinned, with a floor, and nobody but root can change them", roots },
	{ "keys", "the host's keys are good and for root alone", keys },
	{ "user-ca", "sshd is given the CA of the policy and no other", user_ca },
	{ "sockets", "the agent's sockets are for whom they are", sockets },
	{ "state", "the agent's directories are for their processes alone", state },
	{ "disk", "there is room for decisions and records", disk },
	{ "users", "each process of the agent has a user of its own", users },
	{ "programs", "the programs are of one version and nobody but root can change them", programs },
};
const struct doc_table doc_files = { checks, COUNT(checks) };
