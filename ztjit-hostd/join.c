/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit-hostd join: run by root, as often as one likes. The pin is all that is believed: it fixes the roots,
 * the roots sign the policy, the policy names the broker's key.
 */
#include "ztjit-hostd/join.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"

int ztj_join_say(struct ztj_joining *j, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(j->what, sizeof(j->what), fmt, ap);
	va_end(ap);
	return r;
}

static int get(struct ztj_joining *j, const char *path, struct ztj_buf *reply)
{
	char text[256];
	long status = 0;
	int r = ztj_net_call(j->net, "GET", path, ztj_view_of(NULL, 0), reply, &status);

	if (r != ZTJ_OK)
		return ztj_join_say(j, r, "%s: %s", j->broker, ztj_net_why(j->net));
	if (status != 200) {
		r = ztj_net_error(status, ztj_buf_view(reply), text, sizeof(text));
		return ztj_join_say(j, r != ZTJ_OK ? r : ZTJ_PROTOCOL, "%s: %s", j->broker, text);
	}
	return ZTJ_OK;
}

/* ---- roots by the pin ---- */

static int take_roots(struct ztj_joining *j, struct ztj_view text, const char *from)
{
	unsigned line = 0;
	int r = ztj_pins_parse(text, &j->pins, &line);

	if (r != ZTJ_OK)
		return ztj_join_say(j, r, "the policy roots of %s, line %u", from, line);
	r = ztj_pins_check(&j->pins, j->pin);
	if (r != ZTJ_OK)
		return ztj_join_say(j, r,
		    "%s shows the policy roots of another domain than yours, or the pin was mistyped", from);
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
	r = r == ZTJ_OK ? take_roots(j, ztj_buf_view(&b), j->ask->roots_file)
			: ztj_join_say(j, r, "%s", j->ask->roots_file);
	ztj_buf_free(&b);
	return r;
}

static int roots_from_broker(struct ztj_joining *j)
{
	struct ztj_buf reply;
	json_t *o = NULL;
	int r;

	ztj_buf_init(&reply, ZTJ_JOIN_REPLY_MAX);
	r = get(j, "/v1/broker", &reply);
	if (r == ZTJ_OK) {
		o = json_loadb((const char *)reply.p, reply.n, JSON_REJECT_DUPLICATES, NULL);
		const char *roots = json_string_value(json_object_get(o, "roots"));
		r = roots != NULL ? take_roots(j, ztj_view_str(roots), j->broker)
				  : ztj_join_say(j, ZTJ_PROTOCOL, "%s says no policy roots", j->broker);
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

	for (size_t i = 0; r == ZTJ_OK && i < p->broker.ntls; i++)
		if (ztj_key_equal(&peer, &p->broker.tls[i]) && !ztj_policy_key_revoked(p, &peer))
			return ZTJ_OK;
	return ztj_join_say(j, r != ZTJ_OK ? r : ZTJ_BROKER_KEY, "%s", j->broker);
}

static int take_policy(struct ztj_joining *j)
{
	const struct ztj_policy *p;
	struct ztj_signed s;
	struct ztj_buf mem;
	bool changed;
	int64_t now = (int64_t)time(NULL);
	int r = get(j, "/v1/policy", &j->policy_json);

	if (r != ZTJ_OK)
		return r;
	ztj_buf_init(&mem, ZTJ_JOIN_REPLY_MAX);
	r = ztj_trust_new(&j->pins, NULL, &j->trust);
	if (r == ZTJ_OK)
		r = ztj_signed_from_json(ztj_buf_view(&j->policy_json), &mem, &s);
	if (r == ZTJ_OK)
		r = ztj_trust_policy(j->trust, &s, now, &changed);
	ztj_buf_free(&mem);
	p = r == ZTJ_OK ? ztj_trust_held_policy(j->trust) : NULL;
	if (p == NULL)
		return ztj_join_say(j, r != ZTJ_OK ? r : ZTJ_POLICY_INVALID, "the policy that %s has",
		    j->broker);
	if (p->expires <= now)
		return ztj_join_say(j, ZTJ_POLICY_EXPIRED, "the policy that %s has (version %lld)", j->broker,
		    (long long)p->version);
	j->pins.has_floor = true;
	j->pins.floor_version = p->version;
	memcpy(j->pins.floor, p->digest, sizeof(j->pins.floor));
	return check_broker_key(j);
}

/* ---- all of it ---- */

static int learn(struct ztj_joining *j)
{
	const char *const urls[] = { j->broker };
	/* No pin yet: what comes is believed by the roots, and the key it came from by the policy. */
	const struct ztj_net_conf conf = { .urls = urls,
		.nurls = 1,
		.timeout_ms = ZTJ_JOIN_MS,
		.max_reply = ZTJ_JOIN_REPLY_MAX };
	int r = ztj_net_open(&conf, &j->net);

	if (r != ZTJ_OK)
		return ztj_join_say(j, r, "%s", j->broker);
	r = j->ask->roots_file != NULL ? roots_from_file(j) : roots_from_broker(j);
	if (r == ZTJ_OK)
		r = take_policy(j);
	return r == ZTJ_OK ? ztj_join_directory(j) : r;
}

static int steps(struct ztj_joining *j)
{
	const struct ztj_host_id id = { j->pins.domain, j->name, &j->machine.pub, &j->tls.pub, j->ssh, 0 };
	struct ztj_host_id whole = id;
	int r = ztj_join_here(j);

	if (r == ZTJ_OK)
		r = learn(j);
	if (r == ZTJ_OK)
		r = ztj_join_roots(j);
	if (r == ZTJ_OK)
		r = ztj_join_ssh_keys(j);
	if (r == ZTJ_OK)
		r = ztj_join_keys(j);
	whole.nssh = j->nssh;
	if (r == ZTJ_OK)
		r = ztj_host_digest(&whole, j->digest);
	if (r == ZTJ_OK)
		r = ztj_join_open(j);
	if (r == ZTJ_OK)
		r = ztj_join_standing(j);
	if (r == ZTJ_OK)
		r = ztj_join_write(j);
	if (r == ZTJ_OK && j->standing != ZTJ_STANDS)
		r = ztj_join_post(j);
	return r == ZTJ_OK ? ztj_join_finish(j) : r;
}

static void say_asked(const struct ztj_joining *j)
{
	char digest[ZTJ_HOST_DIGEST_SIZE];

	ztj_host_digest_text(j->digest, digest);
	(void)printf("This host %s %s/%s in domain %s.\n",
	    j->known ? "has asked before, and waits, to be" : "asks to be", j->directory, j->name,
	    j->pins.domain);
	if (j->standing == ZTJ_STANDS_OTHERWISE)
		(void)printf(
		    "Its record stands, with other SSH host keys; they change when that is approved.\n");
	if (j->standing == ZTJ_STANDS_ELSEWHERE)
		(void)printf("It stands as %s/%s until then.\n", j->directory, j->elsewhere);
	(void)printf("Host digest: %s\n", digest);
	if (j->has_token)
		(void)printf(
		    "It proves its token. Unless the broker admits it by itself: ztjit host approve %s\n",
		    j->name);
	else
		(void)printf("A registrar of %s compares it: ztjit host approve %s\n", j->directory, j->name);
	if (j->renames)
		(void)printf(
		    "hostd.conf has the new name now. Restart the agent (systemctl restart ztjit-hostd);\n"
		    "from then until the approval nobody is admitted here.\n");
}

static void say_result(const struct ztj_joining *j)
{
	char until[ZTJ_TIME_SIZE];

	if (j->standing != ZTJ_STANDS) {
		say_asked(j);
		return;
	}
	(void)printf("This host is %s/%s in domain %s: admitted with these keys, nothing is asked.\n",
	    j->directory, j->name, j->pins.domain);
	if (ztj_time_format(j->expires, until) == ZTJ_OK)
		(void)printf("Directory %s has serial %lld and lasts until %s.\n", j->directory,
		    (long long)j->serial, until);
	if (j->renames)
		(void)printf(
		    "hostd.conf has the new name now. Restart the agent: systemctl restart ztjit-hostd\n");
}

static void say_failure(const struct ztj_joining *j, int r)
{
	(void)fprintf(stderr, "ztjit-hostd: join: %s%s%s\n", j->what, j->what[0] != '\0' ? ": " : "",
	    ztj_err_text(r));
	if (!j->wrote)
		(void)fputs("Nothing was written here.\n", stderr);
	else if (!j->has_conf)
		(void)fputs("This host has not joined. The same command goes on where this one stopped.\n",
		    stderr);
	else
		(void)fputs("The same command goes on where this one stopped.\n", stderr);
}

int ztj_hostd_join(const struct ztj_join *ask)
{
	struct ztj_joining *j = calloc(1, sizeof(*j));
	int r;

	if (geteuid() != 0) {
		(void)fputs("ztjit-hostd: join must be run by root\n", stderr);
		free(j);
		return 2;
	}
	if (j == NULL)
		return ztj_err_exit(ZTJ_NOMEM);
	(void)umask(022);
	j->ask = ask;
	j->lock = -1;
	ztj_buf_init(&j->policy_json, ZTJ_JOIN_REPLY_MAX);
	r = steps(j);
	if (r == ZTJ_OK)
		say_result(j);
	else
		say_failure(j, r);
	ztj_trust_free(j->trust);
	ztj_net_close(j->net);
	ztj_buf_free(&j->policy_json);
	ztj_seckey_wipe(&j->machine);
	ztj_seckey_wipe(&j->tls);
	ztj_wipe(j->token, sizeof(j->token));
	ztj_hostconf_free(&j->conf);
	if (j->lock >= 0)
		(void)close(j->lock);
	free(j);
	return ztj_err_exit(r);
}
