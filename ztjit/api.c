/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Calls to the broker. */
#include "ztjit/api.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"

#define REPLY_MAX (256u * 1024u * 1024u)
#define URLS_MAX 16
#define PINS_MAX 16 /* as the host agent has */

/* --broker, else the configuration and then what the policy names. */
static size_t find_urls(struct cli *c, const char **urls)
{
	const struct ztj_policy *p = c->trust != NULL ? ztj_trust_held_policy(c->trust) : NULL;
	size_t n = 0;

	for (size_t i = 0; i < c->opt[OPT_BROKER].n && n < URLS_MAX; i++)
		urls[n++] = c->opt[OPT_BROKER].v[i];
	if (n > 0)
		return n;
	for (size_t i = 0; i < c->conf.broker.n && n < URLS_MAX; i++)
		urls[n++] = c->conf.broker.s[i];
	for (size_t i = 0; p != NULL && i < p->broker.urls.n && n < URLS_MAX; i++) {
		bool known = false;

		for (size_t k = 0; k < n && !known; k++)
			known = strcmp(urls[k], p->broker.urls.s[i]) == 0;
		if (!known)
			urls[n++] = p->broker.urls.s[i];
	}
	return n;
}

/* Whom to believe: the TLS keys that stand in the policy and are not revoked by it. */
static size_t find_pins(const struct ztj_policy *p, struct ztj_key *pins)
{
	size_t n = 0;

	for (size_t i = 0; p != NULL && i < p->broker.ntls && n < PINS_MAX; i++)
		if (!ztj_policy_key_revoked(p, &p->broker.tls[i]))
			pins[n++] = p->broker.tls[i];
	return n;
}

static int make_net(struct cli *c, const struct ztj_policy *p, bool login, struct ztj_net **out)
{
	const char *urls[URLS_MAX];
	struct ztj_key pins[PINS_MAX];
	struct ztj_net_conf conf = {
		.urls = urls,
		.nurls = find_urls(c, urls),
		.pins = pins,
		.npins = find_pins(p, pins),
		.client = login ? &c->login_key : NULL,
		.timeout_ms = (long)c->conf.timeout * 1000,
		.max_reply = REPLY_MAX,
	};
	int r;

	if (conf.nurls == 0) {
		cli_hint(c, "broker = [ \"https://HOST:PORT\" ]; in %s/config", c->config_dir);
		return cli_fail(c, ZTJ_CONFIG, "no broker is configured");
	}
	/* no pins would mean to believe anybody */
	if (p != NULL && conf.npins == 0)
		return cli_fail(c, ZTJ_BROKER_KEY, "the policy names no TLS key of a broker that counts");
	if ((r = ztj_net_open(&conf, out)) != ZTJ_OK)
		return cli_fail(c, r, "broker %s: %s", urls[0],
		    r == ZTJ_USAGE ? "must be https://HOST:PORT" : ztj_err_text(r));
	return ZTJ_OK;
}

static int open_net(struct cli *c, const struct ztj_policy *p, bool login)
{
	int r;

	api_close(c);
	if ((r = make_net(c, p, login, &c->net)) == ZTJ_OK)
		c->net_login = login;
	return r;
}

int api_stream_open(struct cli *c, struct ztj_net **out)
{
	const struct ztj_policy *p = ztj_trust_held_policy(c->trust);

	*out = NULL;
	return p != NULL ? make_net(c, p, c->net_login, out) : ZTJ_NOT_READY;
}

void api_close(struct cli *c)
{
	ztj_net_close(c->net);
	c->net = NULL;
	c->net_login = false;
}

static int failed(struct cli *c, int r)
{
	const char *why = cli_esc(c, ztj_net_why(c->net));

	switch (r) {
	case ZTJ_BROKER_KEY:
		return cli_fail(c, r,
		    "the broker's TLS key does not stand in the policy: somebody may be in between, or it is "
		    "another broker");
	case ZTJ_UNREACHABLE:
	case ZTJ_TIMEOUT:
		return cli_fail(c, r, "the broker cannot be reached (%s)",
		    why[0] != '\0' ? why : ztj_err_text(r));
	default:
		return cli_fail(c, r, "broker: %s", ztj_err_text(r));
	}
}

static int raw_call(struct cli *c, const char *method, const char *path, struct ztj_view body,
    struct ztj_buf *out)
{
	char text[2048];
	long status = 0;
	int r = ztj_net_call(c->net, method, path, body, out, &status);

	if (r != ZTJ_OK)
		return failed(c, r);
	if (status < 400)
		return ZTJ_OK;
	r = ztj_net_error(status, ztj_buf_view(out), text, sizeof text);
	if (status == 401)
		cli_hint(c, "ztjit login");
	return cli_fail(c, r, "the broker says: %s", text);
}

int api_get(struct cli *c, const char *path, struct ztj_buf *out)
{
	return raw_call(c, "GET", path, ztj_view_of(NULL, 0), out);
}

static int parse(struct cli *c, struct ztj_view text, json_t **out)
{
	if (out == NULL)
		return ZTJ_OK;
	*out = text.n > 0 ? json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
	return *out != NULL ? ZTJ_OK : cli_fail(c, ZTJ_PROTOCOL, "the broker's answer is not JSON");
}

static int call_text(struct cli *c, const char *method, const char *path, struct ztj_view body, json_t **out)
{
	struct ztj_buf reply;
	int r;

	if (out != NULL)
		*out = NULL;
	ztj_buf_init(&reply, REPLY_MAX);
	r = raw_call(c, method, path, body, &reply);
	if (r == ZTJ_OK)
		r = parse(c, ztj_buf_view(&reply), out);
	ztj_buf_free(&reply);
	return r;
}

int api_call(struct cli *c, const char *method, const char *path, const json_t *body, json_t **out)
{
	char *text = NULL;
	int r;

	if (body != NULL && (text = json_dumps(body, JSON_COMPACT)) == NULL)
		return ZTJ_NOMEM;
	r = call_text(c, method, path, text != NULL ? ztj_view_str(text) : ztj_view_of(NULL, 0), out);
	free(text);
	return r;
}

int api_post(struct cli *c, const char *path, struct ztj_view json, json_t **out)
{
	return call_text(c, "POST", path, json, out);
}

int api_statement(struct cli *c, const struct ztj_signed *s, json_t **out)
{
	struct ztj_buf json;
	int r;

	ztj_buf_init(&json, 4 * 1024 * 1024);
	r = ztj_signed_to_json(s, &json);
	if (r == ZTJ_OK)
		r = api_post(c, "/v1/statements", ztj_buf_view(&json), out);
	ztj_buf_free(&json);
	return r;
}

const char *api_str(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

static int check_clock(struct cli *c, const char *text)
{
	int64_t t, off;

	if (ztj_time_parse(text, &t) != ZTJ_OK)
		return cli_fail(c, ZTJ_PROTOCOL, "the broker does not say what time it is");
	off = t - cli_now();
	if (off <= ZTJ_CLOCK_SKEW && off >= -ZTJ_CLOCK_SKEW)
		return ZTJ_OK;
	cli_hint(c, "set this machine's clock (timedatectl), or have the broker's set");
	return cli_fail(c, ZTJ_CLOCK,
	    "this machine's clock is %s %s the broker's (%d s is the most); nothing was signed",
	    out_duration(c, off < 0 ? -off : off), off < 0 ? "ahead of" : "behind", ZTJ_CLOCK_SKEW);
}

int api_broker(struct cli *c, int64_t *policy, json_t **answer)
{
	const json_t *online;
	json_t *o = NULL;
	int r = api_call(c, "GET", "/v1/broker", NULL, &o);

	*policy = 0;
	if (answer != NULL)
		*answer = NULL;
	if (r != ZTJ_OK)
		return r;
	if (c->has_pins && strcmp(api_str(o, "domain"), c->pins.domain) != 0)
		r = cli_fail(c, ZTJ_DOMAIN, "the broker serves domain %s, this workstation belongs to %s",
		    cli_esc(c, api_str(o, "domain")), c->pins.domain);
	if (r == ZTJ_OK)
		r = check_clock(c, api_str(o, "time"));
	online = json_object_get(o, "online");
	c->online = (struct ztj_key){ .type = ZTJ_KEY_NONE };
	if (r == ZTJ_OK && json_is_string(online) &&
	    ztj_key_from_text(&c->online, ztj_view_str(json_string_value(online))) != ZTJ_OK)
		r = cli_fail(c, ZTJ_PROTOCOL, "the broker's online key is malformed");
	*policy = json_integer_value(json_object_get(o, "policy"));
	if (r == ZTJ_OK && answer != NULL)
		*answer = o;
	else
		json_decref(o);
	return r;
}

int api_open_bootstrap(struct cli *c)
{
	return open_net(c, NULL, false);
}

int api_check_peer(struct cli *c, const struct ztj_policy *p)
{
	struct ztj_key k;
	char fp[ZTJ_FINGERPRINT_SIZE] = "?";

	if (ztj_net_peer_key(c->net, &k) == ZTJ_OK) {
		for (size_t i = 0; i < p->broker.ntls; i++)
			if (ztj_key_equal(&p->broker.tls[i], &k) && !ztj_policy_key_revoked(p, &k))
				return ZTJ_OK;
		if (ztj_key_fingerprint(&k, fp) != ZTJ_OK)
			fp[0] = '\0';
	}
	return cli_fail(c, ZTJ_BROKER_KEY,
	    "the broker shows the TLS key %s, which does not stand in policy version %lld or is revoked", fp,
	    (long long)p->version);
}

/* The first policy, or a newer one after the broker's key was changed: whoever serves it, the roots signed it. */
static int bootstrap(struct cli *c)
{
	const struct ztj_policy *p;
	int64_t version;
	int r;

	if ((r = api_open_bootstrap(c)) != ZTJ_OK || (r = api_broker(c, &version, NULL)) != ZTJ_OK ||
	    (r = held_fetch_policy(c)) != ZTJ_OK)
		return r;
	p = ztj_trust_held_policy(c->trust);
	if (p == NULL)
		return ZTJ_INTERNAL;
	return api_check_peer(c, p);
}

/* What it answered, or did not, says less than who it is not. */
static int distrust(struct cli *c, int r, bool known)
{
	if (!known || (r != ZTJ_PROTOCOL && r != ZTJ_UNREACHABLE && r != ZTJ_TIMEOUT))
		return r;
	cli_forget(c);
	return cli_fail(c, ZTJ_BROKER_KEY,
	    "the broker's TLS key does not stand in the policy, and it serves no newer policy that names it: somebody "
	    "may be in between, or it is another broker");
}

static int connect_pinned(struct cli *c, bool login)
{
	int64_t version = 0, before;
	const struct ztj_policy *p = ztj_trust_held_policy(c->trust);
	int r;

	if (p == NULL)
		r = ZTJ_BROKER_KEY;
	else if ((r = open_net(c, p, login)) != ZTJ_OK)
		return r;
	else
		r = api_broker(c, &version, NULL);
	if (r == ZTJ_BROKER_KEY) {
		cli_forget(c);
		if ((r = bootstrap(c)) != ZTJ_OK)
			return distrust(c, r, p != NULL);
		if ((r = open_net(c, ztj_trust_held_policy(c->trust), login)) == ZTJ_OK)
			r = api_broker(c, &version, NULL);
	}
	if (r != ZTJ_OK)
		return r;
	before = ztj_trust_held_policy(c->trust)->version;
	if (version < before)
		out_warn(c, "the broker holds policy version %lld, this workstation has seen %lld",
		    (long long)version, (long long)before);
	if (version <= before)
		return ZTJ_OK;
	if ((r = held_fetch_policy(c)) != ZTJ_OK)
		return r;
	/* the newer policy may have put this very key aside */
	return api_check_peer(c, ztj_trust_held_policy(c->trust));
}

int api_open(struct cli *c)
{
	int r;

	if ((r = ctx_need_pins(c)) != ZTJ_OK || (r = held_open(c)) != ZTJ_OK)
		return r;
	r = login_load(c);
	if (r != ZTJ_OK && r != ZTJ_NOT_FOUND && r != ZTJ_ENDED)
		return r;
	return connect_pinned(c, r == ZTJ_OK);
}

int api_reconnect(struct cli *c)
{
	return connect_pinned(c, true);
}

int api_open_login(struct cli *c)
{
	int r;

	if ((r = ctx_need_pins(c)) != ZTJ_OK || (r = held_open(c)) != ZTJ_OK)
		return r;
	if ((r = login_load(c)) == ZTJ_NOT_FOUND || r == ZTJ_ENDED) {
		cli_hint(c, "ztjit login");
		return cli_fail(c, ZTJ_FORBIDDEN,
		    r == ZTJ_ENDED ? "your login has ended" : "you are not logged in");
	}
	return r == ZTJ_OK ? connect_pinned(c, true) : r;
}
