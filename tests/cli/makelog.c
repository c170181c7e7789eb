/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A signed audit log of many leaves, as the copy of a broker's: for what reads all of one.
 *   makelog DIR DOMAIN GRANTS DAYS    GRANTS requests, one after another, over DAYS days from 2026-01-01 on: every 10th denied,
 *                                     every 50th break glass; of the others every 20th unrecorded. Prints the number of leaves;
 *                                     the public key of the log is left in DIR/log.pub.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libztjit/core/checkpoint.h"
#include "libztjit/core/event.h"
#include "libztjit/sys/safefile.h"
#include "tests/cli/hostfiles.h"

#define BEGIN INT64_C(1767225600)

struct making {
	const char *dir;
	struct ztj_tlog tree;
	struct ztj_buf bundle;
	uint8_t id[ZTJ_DIGEST_LEN];
};

static void put_file(const struct making *m, const char *name, struct ztj_view v)
{
	char path[512];

	(void)snprintf(path, sizeof path, "%s/%s", m->dir, name);
	for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
		*slash = '\0';
		(void)mkdir(path, 0755);
	}
	DIE(ztj_file_replace(path, v, 0644));
}

static int put_tile(void *arg, const struct ztj_tile *t, const ztj_hash *hashes)
{
	struct making *m = arg;
	struct ztj_tile entries = { .entries = true, .index = t->index, .width = t->width };
	char name[ZTJ_TILE_PATH_SIZE];

	ztj_tile_path(t, name);
	put_file(m, name, ztj_view_of(hashes, t->width * sizeof(ztj_hash)));
	if (t->level != 0)
		return ZTJ_OK;
	ztj_tile_path(&entries, name);
	put_file(m, name, ztj_buf_view(&m->bundle));
	ztj_buf_reset(&m->bundle);
	return ZTJ_OK;
}

static void add_as(struct making *m, struct ztj_event *e)
{
	struct ztj_buf leaf;
	ztj_hash hash;

	e->n = m->tree.size;
	ztj_buf_init(&leaf, ZTJ_ENTRY_MAX);
	DIE(ztj_event_write(e, &leaf));
	DIE(ztj_entry_put(&m->bundle, ztj_buf_view(&leaf)));
	DIE(ztj_merkle_leaf(ztj_buf_view(&leaf), hash));
	DIE(ztj_tlog_append(&m->tree, hash, put_tile, m));
	ztj_buf_free(&leaf);
}
#define add(m, t, ...) add_as(m, &(struct ztj_event){ .time = (t), __VA_ARGS__ })

static void vote(struct making *m, int64_t t, const char *who, bool deny)
{
	add(m, t, .kind = "statement", .outcome = "accepted", .type = "approval", .request = m->id,
	    .person = who, .decision = deny ? "deny" : "approve",
	    .reason = deny ? "ask again in the change window" : NULL);
}

static void use(struct making *m, int64_t t, const char *person, const char *host, unsigned pid)
{
	char line[128];

	(void)snprintf(line, sizeof line, "{\"v\":1,\"pid\":%u}", pid);
	add(m, t, .kind = "decision", .outcome = "allowed", .request = m->id, .person = person, .host = host,
	    .rule = "prod-root", .service = "sshd", .account = "root", .address = "192.0.2.7",
	    .action = "open", .at = t, .line = line);
}

static void gone(struct making *m, int64_t t, const char *person, const char *host, unsigned pid)
{
	char line[128];

	(void)snprintf(line, sizeof line, "{\"v\":1,\"pid\":%u}", pid);
	add(m, t, .kind = "decision", .outcome = "allowed", .request = m->id, .person = person, .host = host,
	    .service = "sshd", .account = "root", .action = "close", .at = t, .line = line);
}

static void record(struct making *m, int64_t t, const char *person, const char *host, unsigned n)
{
	char id[16];

	(void)snprintf(id, sizeof id, "S-%010u", n);
	add(m, t, .kind = "session", .outcome = "started", .request = m->id, .person = person, .host = host,
	    .role = "root-shell", .service = "sshd", .account = "root", .session = id,
	    .command = n % 3 == 0 ? "journalctl -u nginx --since today" : NULL, .at = t);
	add(m, t + 300, .kind = "session", .outcome = "closed", .request = m->id, .person = person,
	    .host = host, .session = id, .chunks = 3, .bytes = 4096, .at = t + 300);
}

static void scan(struct making *m, int64_t t, unsigned n, unsigned of)
{
	static const char *const hosts[] = { "servers/web1", "servers/web2", "servers/db1" };
	const struct ztj_event_standing left = { (int64_t)(12 - 12 * n / of), 2, n % 5 == 0, 0 };

	add(m, t, .kind = "standing", .outcome = "reported", .host = hosts[n % 3], .at = t, .left = &left);
}

static void refuse(struct making *m, int64_t t, unsigned n)
{
	static const int codes[] = { ZTJ_NO_GRANT, ZTJ_NO_GRANT, ZTJ_NO_GRANT, ZTJ_ENDED, ZTJ_STEPUP_TIMEOUT,
		ZTJ_SOURCE };

	add(m, t, .kind = "decision", .outcome = "denied", .code = codes[n % 6], .host = "servers/web1",
	    .service = "sshd", .account = "root", .action = "principals", .at = t);
}

static void grant(struct making *m, int64_t t, unsigned n)
{
	char person[32], host[32];
	const char *const to = host;
	bool glass = n % 50 == 0;

	memset(m->id, 0, sizeof m->id);
	memcpy(m->id, &n, sizeof n);
	m->id[31] = (uint8_t)(n * 37);
	(void)snprintf(person, sizeof person, "people/req%u", n % 7 + 1);
	(void)snprintf(host, sizeof host, "servers/%s%u", n % 4 == 0 ? "db" : "web", n % 3 + 1);
	add(m, t, .kind = "statement", .outcome = "accepted", .type = "request", .request = m->id,
	    .person = person, .role = n % 4 == 0 ? "db-ops" : "root-shell", .hosts = { &to, 1 },
	    .duration = 1800, .reason = "the disk of this host fills up", .ticket = "INC-4711",
	    .action = glass ? "break-glass" : NULL);
	if (n % 10 == 9) {
		vote(m, t + 60, "people/lead1", true);
		return;
	}
	if (!glass) {
		vote(m, t + 20 + n % 600, "people/lead1", false);
		vote(m, t + 40 + n % 1800, "people/sec1", false);
	}
	add(m, t + 2000, .kind = "certificate", .outcome = "issued", .request = m->id, .person = person);
	use(m, t + 2010, person, host, n);
	if (n % 20 != 1)
		record(m, t + 2011, person, host, n);
	gone(m, t + 2400, person, host, n);
	if (n % 6 == 0)
		refuse(m, t + 2500, n / 6);
}

/* What is not full, and the checkpoint. */
static void finish(struct making *m, const char *domain)
{
	struct ztj_seckey key = key_at(m->dir, "log");
	struct ztj_checkpoint c = { .size = m->tree.size };
	char text[ZTJ_KEY_TEXT_SIZE];
	struct ztj_buf note;

	for (unsigned l = 0; l < ZTJ_TILE_LEVELS; l++) {
		struct ztj_tile t = { .level = l, .index = (m->tree.size >> (8 * l)) / ZTJ_TILE_WIDTH };

		t.width = ztj_tile_width(m->tree.size, l, t.index);
		if (t.width > 0)
			(void)put_tile(m, &t, (const ztj_hash *)m->tree.tile[l]);
	}
	DIE(ztj_tlog_root(&m->tree, c.root));
	ztj_buf_init(&note, ZTJ_CHECKPOINT_MAX);
	DIE(ztj_checkpoint_sign(&key, domain, &c, &note));
	put_file(m, "checkpoint", ztj_buf_view(&note));
	DIE(ztj_key_to_text(&key.pub, text));
	put_file(m, "log.pub", ztj_view_str(text));
	ztj_buf_free(&note);
}

int main(int argc, char **argv)
{
	static struct making m;
	unsigned grants = argc == 5 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	int64_t days = argc == 5 ? strtoll(argv[4], NULL, 10) : 0;

	if (grants == 0 || days <= 0)
		return 2;
	m.dir = argv[1];
	(void)mkdir(m.dir, 0755);
	ztj_buf_init(&m.bundle, (size_t)ZTJ_TILE_WIDTH * (ZTJ_ENTRY_MAX + 2));
	for (unsigned n = 0; n < grants; n++) {
		int64_t t = BEGIN + (int64_t)n * days * 86400 / grants;

		if (n % (grants / 90 + 1) == 0)
			scan(&m, t, n / (grants / 90 + 1), 90);
		grant(&m, t, n + 1);
	}
	finish(&m, argv[2]);
	(void)printf("%llu\n", (unsigned long long)m.tree.size);
	ztj_buf_free(&m.bundle);
	return 0;
}
