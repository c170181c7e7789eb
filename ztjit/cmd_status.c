/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit status: what is held here, what runs out, what is granted. */
#include "ztjit/commands.h"

#include <string.h>

#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/key.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/reqs.h"

#define WARN_BEFORE (30LL * 86400)

static void warn_end(struct cli *c, const char *what, int64_t t)
{
	if (t <= cli_now())
		out_warn(c, "%s has expired (%s)", what, out_relative(c, t));
	else if (t < cli_now() + WARN_BEFORE)
		out_warn(c, "%s expires %s", what, out_relative(c, t));
}

static void show_held(struct cli *c)
{
	const struct ztj_policy *p = ztj_trust_held_policy(c->trust);
	char pin[ZTJ_PIN_SIZE] = "?";
	json_t *dirs = json_array();

	if (ztj_pins_digest(&c->pins, pin) != ZTJ_OK)
		pin[0] = '\0';
	out_say(c, "domain: %s\npin: %s", c->pins.domain, pin);
	(void)json_object_set_new(c->result, "domain", json_string(c->pins.domain));
	(void)json_object_set_new(c->result, "pin", json_string(pin));
	if (p == NULL)
		out_say(c, "policy: none yet");
	else {
		out_say(c, "policy: version %lld, until %s", (long long)p->version, out_time(c, p->expires));
		(void)json_object_set_new(c->result, "policy",
		    json_pack("{s:I, s:I}", "version", (json_int_t)p->version, "expires",
			(json_int_t)p->expires));
		warn_end(c, "the policy", p->expires);
	}
	for (size_t i = 0; i < ztj_trust_ndirs(c->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(c->trust, i);
		char *what = cli_printf(c, "directory %s", ztj_dir_name(d));

		out_say(c, "directory %s: serial %lld, %zu records, until %s", ztj_dir_name(d),
		    (long long)ztj_dir_serial(d), ztj_dir_count(d), out_time(c, ztj_dir_expires(d)));
		(void)json_array_append_new(dirs,
		    json_pack("{s:s, s:I, s:I}", "name", ztj_dir_name(d), "serial",
			(json_int_t)ztj_dir_serial(d), "expires", (json_int_t)ztj_dir_expires(d)));
		warn_end(c, what != NULL ? what : "a directory", ztj_dir_expires(d));
	}
	(void)json_object_set_new(c->result, "directories", dirs);
}

static void show_key(struct cli *c)
{
	struct cli_key k;

	if (key_load(c, &k) == ZTJ_OK)
		out_say(c, "key: %s %s", k.path, k.fingerprint);
	else
		out_say(c, "key: none (%s)", c->message != NULL ? c->message : "?");
	cli_forget(c);
	ztj_keyfile_wipe(&k.file);
}

static int add_grant(const struct req *q, void *arg)
{
	struct cli *c = arg;

	if (q->grant.state != ZTJ_GRANT_ACTIVE && q->grant.state != ZTJ_GRANT_APPROVED &&
	    q->grant.state != ZTJ_GRANT_PENDING)
		return ZTJ_OK;
	out_say(c, "%s  %s: %s on %s, %s", q->short_id, ztj_grant_state_name(q->grant.state),
	    cli_esc(c, q->bundle->request->u.request.role), req_hosts(c, q->bundle->request),
	    q->grant.ends != 0 ? cli_printf(c, "ends %s", out_time(c, q->grant.ends))
			       : req_missing(c, &q->grant));
	(void)json_array_append_new(json_object_get(c->result, "requests"), req_json(q));
	return ZTJ_OK;
}

static int show_login(struct cli *c)
{
	const char *who;
	int r = login_load(c);

	if (r != ZTJ_OK) {
		cli_forget(c);
		out_say(c, "login: %s", r == ZTJ_ENDED ? "has ended; ztjit login" : "none; ztjit login");
		return r;
	}
	who = login_who(c);
	out_say(c, "login: %s until %s", who[0] != '\0' ? who : "registrar",
	    out_time(c, c->login->u.login.expires));
	(void)json_object_set_new(c->result, "login",
	    json_pack("{s:s, s:I}", "who", who, "expires", (json_int_t)c->login->u.login.expires));
	return ZTJ_OK;
}

/* The status of what is held is of use without a broker too. */
static int refresh(struct cli *c, bool *logged_in)
{
	int r;

	*logged_in = false;
	if ((r = held_open(c)) != ZTJ_OK)
		return r;
	r = login_load(c) == ZTJ_OK ? api_open_login(c) : api_open(c);
	if (r == ZTJ_OK && c->login != NULL && (r = held_sync(c)) == ZTJ_OK)
		*logged_in = true;
	if (r == ZTJ_OK) {
		out_say(c, "broker: reachable, clocks agree");
		(void)json_object_set_new(c->result, "broker", json_string("ok"));
		return ZTJ_OK;
	}
	out_warn(c, "%s", c->message != NULL ? c->message : ztj_err_text(r));
	(void)json_object_set_new(c->result, "broker", json_string(ztj_err_name(r)));
	cli_forget(c);
	return ZTJ_OK;
}

int cmd_status(struct cli *c)
{
	bool logged_in = false;
	int r;

	if ((r = ctx_need_pins(c)) != ZTJ_OK)
		return r;
	if ((c->result = json_object()) == NULL)
		return ZTJ_NOMEM;
	(void)json_object_set_new(c->result, "requests", json_array());
	if ((r = refresh(c, &logged_in)) != ZTJ_OK)
		return r;
	show_held(c);
	show_key(c);
	if (show_login(c) == ZTJ_OK && logged_in && login_who(c)[0] != '\0')
		r = reqs_each(c, "/v1/requests?mine=1", true, add_grant, c);
	return r;
}
