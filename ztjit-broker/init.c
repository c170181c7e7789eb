/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit-broker init: keys, pinned roots, configuration; prints the pin and the policy's broker fragment.
 * Nothing that is there already is overwritten. Layout of DIR:
 *
 *   broker.conf policy_roots tls.pub online.pub log.pub ca.pub      everybody may read them
 *   frontend/tls.key   store/ (database, log.key)   signer/online.key ca.key serial trust/   sender/
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/core/trust.h"
#include "libztjit/sys/safefile.h"
#include "libztjit/sys/sandbox.h"
#include "ztjit-broker/newkey.h"
#include "ztjit-broker/serve.h"
#include "ztjit-broker/signer.h"

#define PARTS 4
struct plan {
	struct ztj_pins pins;
	const char *dir, *url, *listen, *ca, *ca_agent, *ca_pub;
	const char *users[PARTS]; /* frontend, store, signer, sender */
	struct ztj_key tls, online, log, cakey;
};
static const char *const parts[PARTS] = { "frontend", "store", "signer", "sender" };

static int complain(const char *what, int r)
{
	fprintf(stderr, "ztjit-broker: %s: %s\n", what, ztj_err_text(r));
	return r;
}

static int read_pub(const char *path, struct ztj_key *out)
{
	struct ztj_buf text;
	const struct ztj_file_rule rule = { .owner = geteuid() };
	ztj_buf_init(&text, 4096);
	int r = ztj_file_read(path, &rule, 4096, &text);
	if (r == ZTJ_OK)
		r = ztj_key_from_line(out, ztj_buf_view(&text));
	ztj_buf_free(&text);
	return r == ZTJ_OK ? r : complain(path, r);
}

static int owner_of(const struct plan *p, int part, uid_t *uid, gid_t *gid)
{
	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (geteuid() != 0)
		return ZTJ_OK;
	int r = ztj_user_lookup(p->users[part], uid, gid);
	if (r != ZTJ_OK)
		fprintf(stderr,
		    "ztjit-broker: started by root, so each process wants a user of its own, and %s is none "
		    "(see --frontend-user, --store-user, --signer-user, --sender-user)\n",
		    p->users[part]);
	return r;
}

static int path_in(const struct plan *p, const char *name, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s", p->dir, name);
	return n > 0 && n < PATH_MAX ? ZTJ_OK : ZTJ_TOO_LARGE;
}

static int write_new(const struct plan *p, const char *name, const struct ztj_buf *text, mode_t mode,
    int part)
{
	char path[PATH_MAX];
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int r = path_in(p, name, path);
	if (r == ZTJ_OK)
		r = ztj_buf_status(text);
	if (r == ZTJ_OK && part >= 0)
		r = owner_of(p, part, &uid, &gid);
	if (r == ZTJ_OK)
		r = ztj_file_create(path, ztj_buf_view(text), mode);
	if (r == ZTJ_OK && uid != (uid_t)-1 && chown(path, uid, gid) != 0)
		r = ZTJ_SYSTEM;
	return r == ZTJ_OK ? r : complain(path, r);
}

static int write_pub(const struct plan *p, const char *name, const struct ztj_key *key)
{
	char text[ZTJ_KEY_TEXT_SIZE], file[64];
	struct ztj_buf line;
	ztj_buf_init(&line, 2048);
	int r = ztj_key_to_text(key, text);
	(void)snprintf(file, sizeof(file), "%s.pub", name);
	if (r == ZTJ_OK) {
		ztj_buf_printf(&line, "%s ztjit-broker-%s@%s\n", text, name, p->pins.domain);
		r = write_new(p, file, &line, 0644, -1);
	}
	ztj_buf_free(&line);
	return r;
}

/* A new Ed25519 key in parts[part]/name.key, its public half in name.pub. */
static int make_key(const struct plan *p, const char *name, int part, struct ztj_key *pub)
{
	struct ztj_seckey sk;
	struct ztj_buf text;
	char file[64], comment[128];
	ztj_buf_init(&text, 8192);
	(void)snprintf(comment, sizeof(comment), "ztjit-broker-%s@%s", name, p->pins.domain);
	(void)snprintf(file, sizeof(file), "%s/%s.key", parts[part], name);
	int r = newkey(comment, &sk, &text);
	if (r == ZTJ_OK)
		r = write_new(p, file, &text, 0600, part);
	if (r == ZTJ_OK)
		r = write_pub(p, name, &sk.pub);
	*pub = sk.pub;
	ztj_seckey_wipe(&sk);
	ztj_buf_free(&text);
	return r;
}

static int make_dirs(const struct plan *p)
{
	char path[PATH_MAX];
	uid_t uid;
	gid_t gid;
	int r = ztj_dir_make(p->dir, 0755, (uid_t)-1, (gid_t)-1);
	if (r != ZTJ_OK)
		return complain(p->dir, r);
	for (int i = 0; i < PARTS; i++) {
		r = owner_of(p, i, &uid, &gid);
		if (r == ZTJ_OK)
			r = path_in(p, parts[i], path);
		if (r == ZTJ_OK)
			r = ztj_dir_make(path, 0700, uid, gid);
		if (r != ZTJ_OK)
			return complain(parts[i], r);
	}
	return ZTJ_OK;
}

static int find_ca(struct plan *p)
{
	struct ztj_seckey sk;
	struct ztj_key want;
	int r = ZTJ_OK;
	if (p->ca == NULL && p->ca_agent == NULL)
		return make_key(p, "ca", 2, &p->cakey);
	if (p->ca != NULL) {
		uid_t uid;
		gid_t gid;
		r = owner_of(p, 2, &uid, &gid);
		if (r == ZTJ_OK)
			r = ca_read_key(p->ca, uid == (uid_t)-1 ? geteuid() : uid, &sk);
		if (r != ZTJ_OK)
			return complain(p->ca, r);
		p->cakey = sk.pub;
		ztj_seckey_wipe(&sk);
	} else {
		if (p->ca_pub != NULL)
			r = read_pub(p->ca_pub, &want);
		if (r == ZTJ_OK)
			r = ca_agent_find(p->ca_agent, p->ca_pub != NULL ? &want : NULL, &p->cakey);
		if (r != ZTJ_OK)
			return complain(p->ca_agent, r);
	}
	return write_pub(p, "ca", &p->cakey);
}

/* Text for a libconfig string: what would need an escape is refused. */
static int plain(const char *s)
{
	return s != NULL && ztj_text_ok(ztj_view_str(s)) && strpbrk(s, "\"\\") == NULL ? ZTJ_OK
										       : ZTJ_BAD_TEXT;
}

static int write_conf(const struct plan *p)
{
	struct ztj_buf text;
	ztj_buf_init(&text, 8192);
	ztj_buf_printf(&text,
	    "# ztjit-broker.conf(5)\ndomain = \"%s\";\ndirectory = \"%s\";\nlisten = [ \"%s\" ];\n",
	    p->pins.domain, p->dir, p->listen);
	if (p->ca != NULL)
		ztj_buf_printf(&text, "ca_key = \"%s\";\n", p->ca);
	if (p->ca_agent != NULL)
		ztj_buf_printf(&text, "ca_agent = \"%s\";\n", p->ca_agent);
	if (geteuid() == 0)
		ztj_buf_printf(&text,
		    "frontend_user = \"%s\";\nstore_user = \"%s\";\nsigner_user = \"%s\";\n"
		    "sender_user = \"%s\";\n",
		    p->users[0], p->users[1], p->users[2], p->users[3]);
	int r = write_new(p, "broker.conf", &text, 0644, -1);
	ztj_buf_free(&text);
	return r;
}

static int write_roots(const struct plan *p)
{
	struct ztj_buf text;
	ztj_buf_init(&text, 65536);
	int r = ztj_pins_format(&p->pins, &text);
	if (r == ZTJ_OK)
		r = write_new(p, "policy_roots", &text, 0644, -1);
	ztj_buf_free(&text);
	return r;
}

static int print_result(const struct plan *p)
{
	char pin[ZTJ_PIN_SIZE], tls[ZTJ_KEY_TEXT_SIZE], online[ZTJ_KEY_TEXT_SIZE], log[ZTJ_KEY_TEXT_SIZE],
	    ca[ZTJ_KEY_TEXT_SIZE];
	int r = ztj_pins_digest(&p->pins, pin);
	if (r == ZTJ_OK)
		r = ztj_key_to_text(&p->tls, tls);
	if (r == ZTJ_OK)
		r = ztj_key_to_text(&p->online, online);
	if (r == ZTJ_OK)
		r = ztj_key_to_text(&p->log, log);
	if (r == ZTJ_OK)
		r = ztj_key_to_text(&p->cakey, ca);
	if (r != ZTJ_OK)
		return complain("init", r);
	printf(
	    "The pin, to be compared by people on another way than this network:\n\n  %s\n\n"
	    "For the policy:\n\n"
	    "broker = {\n  urls = [ \"%s\" ];\n  tls = [ \"%s\" ];\n  online = [ \"%s\" ];\n  log = [ \"%s\" ];\n"
	    "  ca = [ \"%s\" ];\n};\n\n"
	    "Next: write the policy, sign it, then: ztjit-broker serve -c %s/broker.conf; ztjit policy push\n",
	    pin, p->url, tls, online, log, ca, p->dir);
	return ZTJ_OK;
}

static int run(struct plan *p)
{
	struct sockaddr_storage ss;
	socklen_t len;
	if (!ztj_domain_ok(p->pins.domain))
		return complain("--domain", ZTJ_BAD_NAME);
	if (broker_listen_parse(p->listen, &ss, &len) != ZTJ_OK)
		return complain("--listen", ZTJ_USAGE);
	if (plain(p->dir) != ZTJ_OK || p->dir[0] != '/' || plain(p->url) != ZTJ_OK ||
	    strncmp(p->url, "https://", 8) != 0 ||
	    (p->ca != NULL && (plain(p->ca) != ZTJ_OK || p->ca[0] != '/')) ||
	    (p->ca_agent != NULL && plain(p->ca_agent) != ZTJ_OK))
		return complain("--dir and --ca want absolute paths, --url https://HOST:PORT", ZTJ_USAGE);
	if (p->pins.threshold == 0 || p->pins.threshold > p->pins.nroots)
		return complain("--threshold", ZTJ_USAGE);
	int r = make_dirs(p);
	if (r == ZTJ_OK)
		r = write_roots(p); /* first: a second init stops here, before any key */
	if (r == ZTJ_OK)
		r = make_key(p, "tls", 0, &p->tls);
	if (r == ZTJ_OK)
		r = make_key(p, "online", 2, &p->online);
	if (r == ZTJ_OK)
		r = make_key(p, "log", 1, &p->log);
	if (r == ZTJ_OK)
		r = find_ca(p);
	if (r == ZTJ_OK)
		r = write_conf(p);
	return r == ZTJ_OK ? print_result(p) : r;
}

static int add_root(struct plan *p, const char *path)
{
	struct ztj_key k;
	int r = p->pins.nroots == ZTJ_ROOTS_MAX ? complain(path, ZTJ_LIMIT) : read_pub(path, &k);
	for (size_t i = 0; r == ZTJ_OK && i < p->pins.nroots; i++)
		if (ztj_key_equal(&p->pins.root[i], &k))
			r = complain(path, ZTJ_EXISTS);
	if (r == ZTJ_OK && !ztj_key_is_sk(&k) && k.type != ZTJ_KEY_ED25519)
		r = complain(path, ZTJ_KEY_TYPE);
	if (r == ZTJ_OK)
		p->pins.root[p->pins.nroots++] = k;
	return r;
}

static int set(struct plan *p, int option, const char *value)
{
	int64_t n;
	switch (option) {
	case 'd':
		if (strlen(value) >= sizeof(p->pins.domain))
			return complain("--domain", ZTJ_BAD_NAME);
		memcpy(p->pins.domain, value, strlen(value) + 1);
		return ZTJ_OK;
	case 'r':
		return add_root(p, value);
	case 'n':
		if (ztj_parse_int(value, 1, ZTJ_ROOTS_MAX, &n) != ZTJ_OK)
			return complain("--threshold", ZTJ_USAGE);
		p->pins.threshold = (unsigned)n;
		return ZTJ_OK;
	case 'D':
		p->dir = value;
		return ZTJ_OK;
	case 'u':
		p->url = value;
		return ZTJ_OK;
	case 'l':
		p->listen = value;
		return ZTJ_OK;
	case 'c':
		p->ca = value;
		return ZTJ_OK;
	case 'a':
		p->ca_agent = value;
		return ZTJ_OK;
	case 'p':
		p->ca_pub = value;
		return ZTJ_OK;
	case 'F':
	case 'S':
	case 'K':
	case 'T':
		p->users[option == 'F' ? 0 : option == 'S' ? 1 : option == 'K' ? 2 : 3] = value;
		return ZTJ_OK;
	default:
		return ZTJ_USAGE;
	}
}

int init(int argc, char **argv)
{
	static const struct option options[] = {
		{ "domain", required_argument, NULL, 'd' },
		{ "root", required_argument, NULL, 'r' },
		{ "threshold", required_argument, NULL, 'n' },
		{ "dir", required_argument, NULL, 'D' },
		{ "url", required_argument, NULL, 'u' },
		{ "listen", required_argument, NULL, 'l' },
		{ "ca", required_argument, NULL, 'c' },
		{ "ca-agent", required_argument, NULL, 'a' },
		{ "ca-pub", required_argument, NULL, 'p' },
		{ "frontend-user", required_argument, NULL, 'F' },
		{ "store-user", required_argument, NULL, 'S' },
		{ "signer-user", required_argument, NULL, 'K' },
		{ "sender-user", required_argument, NULL, 'T' },
		{ NULL, 0, NULL, 0 },
	};
	struct plan *p = calloc(1, sizeof(*p));
	int r = p == NULL ? ZTJ_NOMEM : ZTJ_OK, c;
	if (p == NULL)
		return ztj_err_exit(r);
	p->users[0] = "ztjit-frontend";
	p->users[1] = "ztjit-store";
	p->users[2] = "ztjit-signer";
	p->users[3] = "ztjit-sender";
	while (r == ZTJ_OK && (c = getopt_long(argc, argv, "", options, NULL)) != -1)
		r = set(p, c, optarg);
	if (r == ZTJ_OK &&
	    (optind != argc || p->dir == NULL || p->url == NULL || p->listen == NULL || p->pins.nroots == 0 ||
		p->pins.threshold == 0 || p->pins.domain[0] == '\0' ||
		(p->ca != NULL && p->ca_agent != NULL)))
		r = complain(
		    "init needs --domain, --root, --threshold, --dir, --url, --listen; --ca or --ca-agent, not both",
		    ZTJ_USAGE);
	if (r == ZTJ_OK)
		r = run(p);
	free(p);
	return ztj_err_exit(r);
}
