/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit-hostd join: run by root, once. The pin is all that is believed: it fixes the roots,
 * the roots sign the policy, the policy names the broker's key.
 */
#include "ztjit-hostd/join.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"

#define REPLY_MAX (3 * 1024 * 1024)
#define CALL_MS 15000

static int say(struct ztj_joining *j, int r, const char *what)
{
	(void)snprintf(j->what, sizeof(j->what), "%s", what);
	return r;
}

static int get(struct ztj_joining *j, const char *path, struct ztj_buf *reply)
{
	char text[256];
	long status = 0;
	int r = ztj_net_call(j->net, "GET", path, ztj_view_of(NULL, 0), reply, &status);

	if (r != ZTJ_OK)
		return say(j, r, ztj_net_why(j->net));
	if (status != 200) {
		r = ztj_net_error(status, ztj_buf_view(reply), text, sizeof(text));
		return say(j, r != ZTJ_OK ? r : ZTJ_PROTOCOL, text);
	}
	return ZTJ_OK;
}

/* ---- roots by the pin ---- */

static int take_roots(struct ztj_joining *j, struct ztj_view text)
{
	unsigned line = 0;
	int r = ztj_pins_parse(text, &j->pins, &line);

	if (r == ZTJ_OK)
		r = ztj_pins_check(&j->pins, j->ask->pin);
	if (r != ZTJ_OK)
		return say(j, r, "the policy roots");
	j->pins.has_floor = false; /* the floor is what we verify now, not what somebody wrote */
	return ZTJ_OK;
}

static int roots_from_file(struct ztj_joining *j)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = false, .check_parents = false };
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 65536);
	r = ztj_file_read(j->ask->roots_file, &rule, 65535, &b);
	r = r == ZTJ_OK ? take_roots(j, ztj_buf_view(&b)) : say(j, r, j->ask->roots_file);
	ztj_buf_free(&b);
	return r;
}

static int roots_from_broker(struct ztj_joining *j)
{
	struct ztj_buf reply;
	json_t *o = NULL;
	int r;

	ztj_buf_init(&reply, REPLY_MAX);
	r = get(j, "/v1/broker", &reply);
	if (r == ZTJ_OK) {
		o = json_loadb((const char *)reply.p, reply.n, JSON_REJECT_DUPLICATES, NULL);
		const char *roots = json_string_value(json_object_get(o, "roots"));
		r = roots != NULL ? take_roots(j, ztj_view_str(roots))
				  : say(j, ZTJ_PROTOCOL, "the broker says no roots");
	}
	json_decref(o);
	ztj_buf_free(&reply);
	return r;
}

/* ---- the policy by the roots, the broker by the policy ---- */

static int check_broker_key(struct ztj_joining *j)
{
	const struct ztj_policy *p = ztj_trust_held_policy(j->trust);
	struct ztj_key peer;
	int r = ztj_net_peer_key(j->net, &peer);

	for (size_t i = 0; r == ZTJ_OK && p != NULL && i < p->broker.ntls; i++)
		if (ztj_key_equal(&peer, &p->broker.tls[i]) && !ztj_policy_key_revoked(p, &peer))
			return ZTJ_OK;
	return say(j, r != ZTJ_OK ? r : ZTJ_BROKER_KEY, j->ask->broker);
}

static int take_policy(struct ztj_joining *j)
{
	const struct ztj_policy *p;
	struct ztj_signed s;
	struct ztj_buf mem;
	bool changed;
	int r = get(j, "/v1/policy", &j->policy_json);

	if (r != ZTJ_OK)
		return r;
	ztj_buf_init(&mem, REPLY_MAX);
	r = ztj_trust_new(&j->pins, NULL, &j->trust);
	if (r == ZTJ_OK)
		r = ztj_signed_from_json(ztj_buf_view(&j->policy_json), &mem, &s);
	if (r == ZTJ_OK)
		r = ztj_trust_policy(j->trust, &s, (int64_t)time(NULL), &changed);
	ztj_buf_free(&mem);
	p = r == ZTJ_OK ? ztj_trust_held_policy(j->trust) : NULL;
	if (p == NULL)
		return say(j, r != ZTJ_OK ? r : ZTJ_POLICY_INVALID, "the broker's policy");
	j->pins.has_floor = true;
	j->pins.floor_version = p->version;
	memcpy(j->pins.floor, p->digest, sizeof(j->pins.floor));
	if (ztj_policy_registrar(p, j->ask->directory) == NULL)
		return say(j, ZTJ_DIR_UNKNOWN, j->ask->directory);
	return check_broker_key(j);
}

/* ---- the pending entry ---- */

static int build_pending(struct ztj_joining *j, struct ztj_buf *bytes)
{
	struct ztj_stmt *st = calloc(1, sizeof(*st));
	uint8_t raw[32];
	char nonce[ZTJ_HEX_SIZE];
	int r = st == NULL ? ZTJ_NOMEM : ztj_random(raw, sizeof(raw));

	if (r == ZTJ_OK) {
		ztj_hex(raw, sizeof(raw), nonce);
		st->type = ZTJ_STMT_PENDING;
		st->domain = j->pins.domain;
		st->issued = (int64_t)time(NULL);
		st->nonce = nonce;
		st->u.pending.host = true;
		st->u.pending.name = j->ask->name;
		st->u.pending.machine = j->machine.pub;
		st->u.pending.tls = j->tls.pub;
		st->u.pending.nssh = j->nssh;
		memcpy(st->u.pending.ssh, j->ssh, sizeof(j->ssh));
		r = ztj_stmt_build(st, nonce, bytes);
	}
	free(st);
	return r;
}

static int post(struct ztj_joining *j, struct ztj_view json)
{
	struct ztj_buf reply;
	char text[256];
	long status = 0;
	int r;

	ztj_buf_init(&reply, 65536);
	r = ztj_net_call(j->net, "POST", "/v1/pending", json, &reply, &status);
	if (r != ZTJ_OK)
		r = say(j, r, ztj_net_why(j->net));
	else if (status >= 400) {
		r = ztj_net_error(status, ztj_buf_view(&reply), text, sizeof(text));
		r = say(j, r != ZTJ_OK ? r : ZTJ_PROTOCOL, text);
	}
	ztj_buf_free(&reply);
	return r;
}

static int post_pending(struct ztj_joining *j)
{
	struct ztj_buf bytes, sig, json;
	struct ztj_signed s = { .nsigs = 1 };
	int r;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&json, 128u * 1024u);
	r = build_pending(j, &bytes);
	if (r == ZTJ_OK)
		r = ztj_sshsig_sign(&j->machine, ztj_stmt_namespace(ZTJ_STMT_PENDING), ztj_buf_view(&bytes),
		    &sig);
	s.bytes = ztj_buf_view(&bytes);
	s.sig[0] = ztj_buf_view(&sig);
	if (r == ZTJ_OK)
		r = ztj_signed_to_json(&s, &json);
	r = r == ZTJ_OK ? post(j, ztj_buf_view(&json)) : say(j, r, "the pending entry");
	ztj_buf_free(&bytes);
	ztj_buf_free(&sig);
	ztj_buf_free(&json);
	return r;
}

/* ---- all of it ---- */

static int open_net(struct ztj_joining *j)
{
	const char *const urls[] = { j->ask->broker };
	/* No pin yet: what comes is believed by the roots, and the key it came from by the policy. */
	const struct ztj_net_conf conf = { .urls = urls,
		.nurls = 1,
		.timeout_ms = CALL_MS,
		.max_reply = REPLY_MAX };

	if (!ztj_name_ok(j->ask->directory) || !ztj_hostname_ok(j->ask->name) ||
	    strncmp(j->ask->broker, "https://", 8) != 0)
		return say(j, ZTJ_USAGE,
		    "--broker wants https://HOST:PORT, --directory and --name plain names");
	return ztj_net_open(&conf, &j->net);
}

static int steps(struct ztj_joining *j)
{
	int r = open_net(j);

	if (r == ZTJ_OK)
		r = j->ask->roots_file != NULL ? roots_from_file(j) : roots_from_broker(j);
	if (r == ZTJ_OK)
		r = take_policy(j);
	if (r == ZTJ_OK)
		r = ztj_join_ssh_keys(j);
	if (r == ZTJ_OK)
		r = ztj_join_keys(j);
	if (r == ZTJ_OK)
		r = ztj_join_digest(j);
	if (r == ZTJ_OK)
		r = ztj_join_write(j);
	return r == ZTJ_OK ? post_pending(j) : r;
}

int ztj_hostd_join(const struct ztj_join *ask)
{
	struct ztj_joining *j = calloc(1, sizeof(*j));
	int r = j == NULL ? ZTJ_NOMEM : ZTJ_OK;

	if (geteuid() != 0) {
		(void)fputs("ztjit-hostd: join must be run by root\n", stderr);
		free(j);
		return 2;
	}
	if (r == ZTJ_OK) {
		j->ask = ask;
		ztj_buf_init(&j->policy_json, REPLY_MAX);
		r = steps(j);
		if (r == ZTJ_OK) {
			(void)printf("This host asks to be %s/%s in domain %s.\n", ask->directory, ask->name,
			    j->pins.domain);
			(void)printf("Host digest: %s\n", j->digest);
			(void)printf("A registrar of %s compares it: ztjit host approve %s\n", ask->directory,
			    ask->name);
		} else {
			(void)fprintf(stderr, "ztjit-hostd: join: %s%s%s\n", j->what,
			    j->what[0] != '\0' ? ": " : "", ztj_err_text(r));
		}
		ztj_trust_free(j->trust);
		ztj_net_close(j->net);
		ztj_buf_free(&j->policy_json);
		ztj_seckey_wipe(&j->machine);
		ztj_seckey_wipe(&j->tls);
	}
	free(j);
	return ztj_err_exit(r);
}
