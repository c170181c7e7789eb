/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The broker's own beginning and end in its audit log: is the log the one that was signed last, did the run before end by itself,
 * and with which configuration does this one go on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "libztjit/core/codec.h"
#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-broker/audit.h"

#define CONF_MAX ((size_t)64 * 1024)
#define CHANGES_MAX ((size_t)4096)

/* A checkpoint on disk, and whether the rows begin with it; NOT_FOUND: there is none. */
static int compare_file(struct store *st, const struct audit_file *like, const char *name,
    struct ztj_buf *note, struct ztj_checkpoint *out)
{
	char path[PATH_MAX];
	struct audit_file file = *like;
	ztj_hash root;
	int r = broker_path(st->conf, name, path);
	file.path = path;
	if (r == ZTJ_OK)
		r = audit_open_checkpoint(&file, note, out);
	if (r == ZTJ_OK)
		r = out->size > st->audit->tree.size
		    ? ZTJ_LOG_ROLLBACK
		    : audit_root_at(st->db, st->audit->tree.size, out->size, root);
	if (r == ZTJ_OK && memcmp(root, out->root, sizeof(root)) != 0)
		r = ZTJ_LOG_FORK;
	return r;
}

/* What is shown, and what was signed last, which witnesses may have seen. */
static int read_signed(struct store *st, const struct audit_file *file)
{
	struct audit *a = st->audit;
	int r = compare_file(st, file, "store/log/checkpoint", &a->shown, &a->shown_at);
	if (r != ZTJ_OK) {
		a->last = a->shown_at;
		return r;
	}
	r = compare_file(st, file, "store/log/newest", &a->note, &a->last);
	if (r != ZTJ_NOT_FOUND && (r != ZTJ_OK || a->last.size >= a->shown_at.size))
		return r;
	a->last = a->shown_at;
	ztj_buf_reset(&a->note);
	return ztj_buf_put(&a->note, a->shown.p, a->shown.n);
}

/* What was signed last must be a part of what the rows say: else an old database was put back, or somebody wrote in it. */
static int compare_signed(struct store *st)
{
	struct audit *a = st->audit;
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	struct ztj_key keys[1 + 8];
	size_t n = 0;
	struct audit_file file = { NULL, st->conf->domain, geteuid(), keys, 0 };
	keys[n++] = a->key.pub;
	for (size_t i = 0; p != NULL && i < p->broker.nlog && n < 9; i++)
		keys[n++] = p->broker.log[i];
	file.nkeys = n;
	int r = read_signed(st, &file);
	if (r == ZTJ_NOT_FOUND)
		return ZTJ_OK;
	if (r == ZTJ_OK) {
		a->files = a->last.size;
		return ZTJ_OK;
	}
	if (ztj_err_class(r) == ZTJ_CLASS_OUTAGE)
		return r;
	a->forked = true;
	audit_alarm(st, r,
	    "the database holds %llu leaves of the audit log, and a checkpoint was signed for %llu: nothing is signed"
	    " until store/log is moved away",
	    (unsigned long long)a->tree.size, (unsigned long long)a->last.size);
	return ZTJ_OK;
}

/* --- the configuration --- */

/* What is in force, without the words of help: one line a key. The pin stands for the roots in their own file. No key holds a secret:
 * those stand in files that are named here. */
static int conf_text(const struct store *st, struct ztj_buf *out)
{
	struct ztj_buf dump;
	char pin[ZTJ_PIN_SIZE];
	ztj_buf_init(&dump, CONF_MAX);
	int r = broker_conf_dump(st->conf, &dump);
	struct ztj_view rest = ztj_buf_view(&dump);
	while (r == ZTJ_OK && rest.n > 0) {
		const uint8_t *end = memchr(rest.p, '\n', rest.n);
		size_t n = end == NULL ? rest.n : (size_t)(end - rest.p) + 1;
		if (rest.p[0] != '#')
			r = ztj_buf_put(out, rest.p, n);
		rest = ztj_view_after(rest, n);
	}
	if (r == ZTJ_OK)
		r = ztj_pins_digest(&st->pins, pin);
	if (r == ZTJ_OK)
		r = ztj_buf_printf(out, "policy_roots_pin = \"%s\";\n", pin);
	ztj_buf_free(&dump);
	return r;
}

static int conf_path(const struct store *st, char path[PATH_MAX])
{
	return broker_path(st->conf, "store/configuration", path);
}

/* The line of this key in the other text; empty: it is not there. */
static struct ztj_view line_of(struct ztj_view text, struct ztj_view key)
{
	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end == NULL ? text.n : (size_t)(end - text.p);
		if (n > key.n && memcmp(text.p, key.p, key.n) == 0 && text.p[key.n] == ' ')
			return ztj_view_of(text.p, n);
		text = ztj_view_after(text, end == NULL ? n : n + 1);
	}
	return ztj_view_of(NULL, 0);
}

/* Every line of `now` that `before` has not: "key = value (before: key = value); …". What does not fit is left out: the digest says
 * that there is more. */
static void name_changes(struct ztj_view now, struct ztj_view before, struct ztj_buf *out)
{
	while (now.n > 0) {
		const uint8_t *end = memchr(now.p, '\n', now.n), *key;
		size_t n = end == NULL ? now.n : (size_t)(end - now.p);
		const struct ztj_view line = ztj_view_of(now.p, n);
		if ((key = memchr(line.p, ' ', n)) != NULL) {
			struct ztj_view was = line_of(before, ztj_view_of(line.p, (size_t)(key - line.p)));
			size_t room = out->n + n + was.n + 16;
			if (!ztj_view_eq(was, line) && room < CHANGES_MAX)
				(void)ztj_buf_printf(out, "%s%.*s (before: %.*s)", out->n == 0 ? "" : " ",
				    (int)n, (const char *)line.p, was.n == 0 ? 4 : (int)was.n,
				    was.n == 0 ? "none" : (const char *)was.p);
		}
		now = ztj_view_after(now, end == NULL ? n : n + 1);
	}
}

/* "loaded": as in the run before; "changed": the text names what. */
static int say_conf(struct store *st, const struct ztj_buf *now)
{
	const struct ztj_file_rule rule = { .owner = geteuid() };
	struct ztj_event e = { .kind = "configuration", .outcome = "loaded" };
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_buf before, changes;
	char path[PATH_MAX];
	ztj_buf_init(&before, CONF_MAX);
	ztj_buf_init(&changes, 2 * CHANGES_MAX);
	int r = conf_path(st, path);
	if (r == ZTJ_OK) {
		r = ztj_file_read(path, &rule, CONF_MAX, &before);
		r = r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
	}
	if (r == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(now), digest);
	e.digest = digest;
	if (r == ZTJ_OK && before.n > 0 && !ztj_view_eq(ztj_buf_view(&before), ztj_buf_view(now))) {
		name_changes(ztj_buf_view(now), ztj_buf_view(&before), &changes);
		e.outcome = "changed";
		e.text = changes.n == 0 ? "keys are gone" : ztj_buf_str(&changes);
	}
	if (r == ZTJ_OK)
		r = audit_add(st, &e);
	ztj_buf_free(&before);
	ztj_buf_free(&changes);
	return r;
}

/* Once the leaf is kept: if this is lost, the change is told again, and nobody's work stops for it. */
static void remember_conf(const struct store *st, const struct ztj_buf *now)
{
	char path[PATH_MAX];
	int r = conf_path(st, path);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(now), 0600);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "%s: %s", path, ztj_err_text(r));
}

/* --- start and stop --- */

static int is_stop(uint64_t n, struct ztj_view entry, void *arg)
{
	struct ztj_event_in e;
	bool *stopped = arg;
	(void)n;
	*stopped = false;
	if (ztj_event_read(entry, &e) != ZTJ_OK)
		return ZTJ_OK;
	*stopped = strcmp(e.kind, "broker") == 0 && strcmp(e.outcome, "stopped") == 0;
	ztj_event_free(&e);
	return ZTJ_OK;
}

/* What ends by itself leaves that as its last leaf. */
static int ended_well(struct store *st, bool *well)
{
	uint64_t size = st->audit->tree.size;
	*well = true;
	return size == 0 ? ZTJ_OK : db_leaf_each(st->db, size - 1, size, is_stop, well);
}

static void check_log_key(struct store *st)
{
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	bool named = p == NULL;
	for (size_t i = 0; p != NULL && i < p->broker.nlog; i++)
		named = named || ztj_key_equal(&p->broker.log[i], &st->audit->key.pub);
	if (!named)
		audit_alarm(st, ZTJ_BROKER_KEY,
		    "the policy does not name this broker's log key (log.pub): nobody can check the audit log");
}

int audit_start(struct store *st)
{
	struct ztj_event e = { .kind = "broker", .outcome = "started" };
	char key[ZTJ_FINGERPRINT_SIZE];
	struct ztj_buf conf;
	bool well = true;
	ztj_buf_init(&conf, CONF_MAX);
	int r = ended_well(st, &well);
	if (r == ZTJ_OK)
		r = compare_signed(st);
	if (r == ZTJ_OK) {
		check_log_key(st);
		r = ztj_key_fingerprint(&st->audit->key.pub, key);
	}
	e.key = key;
	e.text = well ? PACKAGE_VERSION : PACKAGE_VERSION "; the run before did not end by itself";
	e.code = well ? ZTJ_OK : ZTJ_UNCLEAN;
	if (r == ZTJ_OK)
		r = audit_add(st, &e);
	if (r == ZTJ_OK)
		r = conf_text(st, &conf);
	if (r == ZTJ_OK)
		r = say_conf(st, &conf);
	if (r == ZTJ_OK)
		r = st->broken ? ZTJ_IO : db_commit(st->db);
	if (r == ZTJ_OK)
		remember_conf(st, &conf);
	ztj_buf_free(&conf);
	return r;
}

int audit_stop(struct store *st)
{
	struct ztj_event e = { .kind = "broker", .outcome = "stopped" };
	return audit_add(st, &e);
}
