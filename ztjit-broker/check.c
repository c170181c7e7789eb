/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit-broker check: is everything in order, and what runs out soon? Changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/logcheck.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-broker/audit.h"
#include "ztjit-broker/child.h"
#include "ztjit-broker/db.h"
#include "ztjit-broker/sd_net.h"
#include "ztjit-broker/sender.h"
#include "ztjit-broker/serve.h"
#include "ztjit-broker/signer.h"
#include "ztjit-broker/store.h"

#define WARN_DAYS 30

struct checking {
	struct broker_conf conf;
	struct broker_keys keys;
	struct ztj_pins pins;
	struct ztj_trust *trust;
	unsigned problems, warnings;
};

static void good(const char *what)
{
	printf("ok       %s\n", what);
}

static void bad(struct checking *c, const char *what, int r)
{
	printf("PROBLEM  %s: %s\n", what, ztj_err_text(r));
	c->problems++;
}

static void judge(struct checking *c, const char *what, int r)
{
	if (r == ZTJ_OK)
		good(what);
	else
		bad(c, what, r);
}

static void warn_end(struct checking *c, const char *what, int64_t end, int64_t now)
{
	char text[ZTJ_TIME_SIZE] = "?";
	if (end - now > WARN_DAYS * 86400)
		return;
	if (ztj_time_format(end, text) != ZTJ_OK)
		return;
	printf("%s  %s %s %s\n", end <= now ? "PROBLEM" : "WARNING", what,
	    end <= now ? "ran out at" : "runs out at", text);
	if (end <= now)
		c->problems++;
	else
		c->warnings++;
}

static void check_part(struct checking *c, const char *part, const char *user)
{
	char path[PATH_MAX];
	struct stat st;
	uid_t uid = geteuid();
	int r = child_uid(user, &uid);
	if (r == ZTJ_OK)
		r = broker_path(&c->conf, part, path);
	if (r == ZTJ_OK && lstat(path, &st) != 0)
		r = ZTJ_NOT_FOUND;
	if (r == ZTJ_OK && (!S_ISDIR(st.st_mode) || st.st_uid != uid || (st.st_mode & 077) != 0))
		r = ZTJ_UNSAFE_FILE;
	judge(c, part, r);
}

static void check_key(struct checking *c, const char *name, const char *user, const struct ztj_key *pub)
{
	struct ztj_seckey sk;
	char path[PATH_MAX];
	uid_t uid;
	memset(&sk, 0, sizeof(sk));
	int r = child_uid(user, &uid);
	if (r == ZTJ_OK)
		r = name[0] == '/' ? ZTJ_OK : broker_path(&c->conf, name, path);
	if (r == ZTJ_OK)
		r = ca_read_key(name[0] == '/' ? name : path, uid, &sk);
	if (r == ZTJ_OK && !ztj_key_equal(&sk.pub, pub))
		r = ZTJ_WRONG_KEY;
	ztj_seckey_wipe(&sk);
	judge(c, name, r);
}

static void check_keys(struct checking *c)
{
	char err[512];
	int r = broker_keys_load(&c->conf, &c->keys, err, sizeof(err));
	if (r != ZTJ_OK) {
		printf("PROBLEM  %s\n", err);
		c->problems++;
		return;
	}
	check_key(c, "frontend/tls.key", c->conf.frontend_user, &c->keys.tls);
	check_key(c, "signer/online.key", c->conf.signer_user, &c->keys.online);
	if (c->conf.ca_agent[0] == '\0') {
		check_key(c, c->conf.ca_key, c->conf.signer_user, &c->keys.ca);
	} else {
		struct ztj_key found;
		judge(c, c->conf.ca_agent, ca_agent_find(c->conf.ca_agent, &c->keys.ca, &found));
	}
}

/* What the destinations need of files; the words were judged with the configuration. */
static void check_send(struct checking *c)
{
	struct dest_conf d;
	SSL_CTX *tls = NULL;
	char what[512];
	for (size_t i = 0; i < c->conf.send.n; i++) {
		int r = dest_parse(c->conf.send.s[i], &d, what, sizeof(what));
		if (r == ZTJ_OK && (d.kind == DEST_TLS || d.kind == DEST_HTTPS))
			r = net_tls_new(&d, &tls);
		SSL_CTX_free(tls);
		tls = NULL;
		(void)snprintf(what, sizeof(what), "send to %s", d.name);
		judge(c, what, r);
	}
}

static void check_roots(struct checking *c)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .check_parents = true };
	struct ztj_buf text;
	unsigned line = 0;
	char pin[ZTJ_PIN_SIZE];
	ztj_buf_init(&text, 65536);
	int r = ztj_file_read(c->conf.policy_roots, &rule, 65536, &text);
	if (r == ZTJ_OK)
		r = ztj_pins_parse(ztj_buf_view(&text), &c->pins, &line);
	if (r == ZTJ_OK && strcmp(c->pins.domain, c->conf.domain) != 0)
		r = ZTJ_DOMAIN;
	judge(c, c->conf.policy_roots, r);
	if (r == ZTJ_OK && ztj_pins_digest(&c->pins, pin) == ZTJ_OK)
		printf("         pin %s\n", pin);
	if (r == ZTJ_OK)
		judge(c, "roots can be trusted", ztj_trust_new(&c->pins, NULL, &c->trust));
	ztj_buf_free(&text);
}

static bool holds(const struct ztj_key *list, size_t n, const struct ztj_key *k)
{
	for (size_t i = 0; i < n; i++)
		if (ztj_key_equal(&list[i], k))
			return true;
	return false;
}

/* Who runs a witness has to know the log's key in this form. */
static void check_witnesses(struct checking *c, const struct ztj_policy *p)
{
	char origin[ZTJ_ORIGIN_SIZE];
	struct ztj_note_key k;
	struct ztj_buf vkey;
	ztj_checkpoint_origin(c->conf.domain, origin);
	ztj_buf_init(&vkey, 1024);
	for (size_t i = 0; i < p->broker.nlog; i++) {
		ztj_buf_reset(&vkey);
		if (ztj_note_key_make(origin, &p->broker.log[i], &k) == ZTJ_OK &&
		    ztj_note_vkey(&k, &vkey) == ZTJ_OK)
			printf("ok       witnesses know the audit log by the key %s\n", ztj_buf_str(&vkey));
	}
	ztj_buf_free(&vkey);
	if (p->broker.quorum.n == 0 || c->conf.ask_witnesses)
		return;
	printf(
	    "WARNING  the policy names witnesses, and ask_witnesses of broker.conf does not let them be asked\n");
	c->warnings++;
}

static void check_policy(struct checking *c, struct db *db, int64_t now)
{
	int r = policy_restore(db, c->trust);
	const struct ztj_policy *p = ztj_trust_held_policy(c->trust);
	if (r == ZTJ_OK && p == NULL) {
		printf("WARNING  no policy yet: push one\n");
		c->warnings++;
		return;
	}
	judge(c, "policy", r);
	if (r == ZTJ_OK) {
		bool named = holds(p->broker.tls, p->broker.ntls, &c->keys.tls) &&
		    holds(p->broker.online, p->broker.nonline, &c->keys.online) &&
		    holds(p->broker.ca, p->broker.nca, &c->keys.ca);
		judge(c, "the policy names this broker's keys", named ? ZTJ_OK : ZTJ_BROKER_KEY);
		check_witnesses(c, p);
		warn_end(c, "the policy", p->expires, now);
	}
}

struct dir_check {
	struct checking *c;
	struct db *db;
	int64_t now;
};

/* Read as serve reads it: records, root, ancestry, signatures. */
static int check_directory(const char *name, void *arg)
{
	const struct dir_check *d = arg;
	char what[64];
	(void)snprintf(what, sizeof(what), "directory %s", name);
	int r = directory_restore(d->db, name, d->c->trust);
	if (r == ZTJ_OK) {
		r = ztj_trust_dir_state(d->c->trust, name, d->now);
		if (r == ZTJ_DIR_UNKNOWN)
			r = ZTJ_OK; /* the policy no longer names it: kept, and of no consequence */
	}
	judge(d->c, what, r);
	const struct ztj_dir *held = ztj_trust_dir(d->c->trust, name);
	if (r == ZTJ_OK && held != NULL)
		warn_end(d->c, what, ztj_dir_expires(held), d->now);
	return ZTJ_OK;
}

static int check_leaf(uint64_t n, struct ztj_view entry, void *arg)
{
	struct ztj_buf one;
	(void)n;
	ztj_buf_init(&one, ZTJ_ENTRY_MAX + 2);
	int r = ztj_entry_put(&one, entry);
	if (r == ZTJ_OK)
		r = ztj_logcheck_bundle(arg, ztj_buf_view(&one), 1);
	ztj_buf_free(&one);
	return r;
}

/* Every row again, against the checkpoints that are shown and that were signed last, and against the hashes that were kept of full tiles. */
static int check_leaves(struct checking *c, struct db *db, struct ztj_logcheck *lc)
{
	static const char *const names[] = { "store/log/checkpoint", "store/log/newest" };
	const struct ztj_policy *p = ztj_trust_held_policy(c->trust);
	struct ztj_checkpoint last;
	struct ztj_buf note;
	char path[PATH_MAX];
	uint64_t size;
	ztj_hash mine = { 0 }, kept = { 0 };
	int r = ZTJ_OK;
	ztj_logcheck_init(lc);
	ztj_buf_init(&note, ZTJ_CHECKPOINT_MAX);
	for (size_t i = 0; r == ZTJ_OK && p != NULL && i < 2; i++) {
		struct audit_file file = { path, c->conf.domain, 0, p->broker.log, p->broker.nlog };
		r = broker_path(&c->conf, names[i], path);
		if (r == ZTJ_OK)
			r = child_uid(c->conf.store_user, &file.owner);
		if (r == ZTJ_OK)
			r = audit_open_checkpoint(&file, &note, &last);
		if (r == ZTJ_OK)
			r = ztj_logcheck_mark(lc, &last);
		else if (r == ZTJ_NOT_FOUND)
			r = ZTJ_OK;
	}
	ztj_buf_free(&note);
	if (r == ZTJ_OK)
		r = db_leaf_size(db, &size);
	if (r == ZTJ_OK)
		r = db_leaf_each(db, 0, size, check_leaf, lc);
	if (r == ZTJ_OK)
		r = ztj_logcheck_end(lc);
	if (r == ZTJ_OK)
		r = ztj_tlog_root(&lc->tree, mine);
	if (r == ZTJ_OK)
		r = audit_root_at(db, size, size, kept);
	return r == ZTJ_OK && memcmp(mine, kept, sizeof(mine)) != 0 ? ZTJ_LOG_ALTERED : r;
}

static void check_log(struct checking *c, struct db *db)
{
	struct ztj_logcheck *lc = calloc(1, sizeof(*lc));
	int r = lc == NULL ? ZTJ_NOMEM : check_leaves(c, db, lc);
	judge(c, "audit log", r);
	if (lc != NULL && r != ZTJ_OK && lc->text[0] != '\0')
		printf("         leaf %llu to %llu: %s\n", (unsigned long long)lc->bad,
		    (unsigned long long)lc->last, lc->text);
	free(lc);
}

static void check_database(struct checking *c)
{
	char path[PATH_MAX];
	struct db *db = NULL;
	struct stat st;
	struct dir_check d = { .c = c, .now = (int64_t)time(NULL) };
	int r = broker_path(&c->conf, "store/broker.db", path);
	if (r == ZTJ_OK && lstat(path, &st) != 0) {
		printf("WARNING  no database yet: serve makes it\n");
		c->warnings++;
		return;
	}
	if (r == ZTJ_OK)
		r = db_open(path, &db);
	if (r == ZTJ_OK)
		r = db_check(db);
	judge(c, path, r);
	if (r == ZTJ_OK && c->trust != NULL) {
		d.db = db;
		check_policy(c, db, d.now);
		judge(c, "directories", db_dir_names(db, check_directory, &d));
		judge(c, "revocations", revocations_restore(db, c->trust));
		check_log(c, db);
	}
	db_close(db);
}

int check(const char *conf_path)
{
	static struct checking c;
	char err[1024];
	int r = broker_conf_load(conf_path, &c.conf, err, sizeof(err));
	if (r != ZTJ_OK) {
		fprintf(stderr, "ztjit-broker: %s\n", err);
		broker_conf_free(&c.conf);
		return ztj_err_exit(r);
	}
	good(conf_path);
	check_part(&c, "frontend", c.conf.frontend_user);
	check_part(&c, "store", c.conf.store_user);
	check_part(&c, "signer", c.conf.signer_user);
	if (sender_wanted(&c.conf))
		check_part(&c, "sender", c.conf.sender_user);
	check_send(&c);
	check_keys(&c);
	check_roots(&c);
	check_database(&c);
	printf("%u problems, %u warnings\n", c.problems, c.warnings);
	ztj_trust_free(c.trust);
	broker_conf_free(&c.conf);
	return c.problems == 0 ? 0 : 1;
}
