/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The agent: its configuration, and what it says of itself. */
#include <string.h>
#include <unistd.h>

#include "libztjit/core/trust.h"
#include "ztjit/doctor/doctor.h"
#include "ztjit/out.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WARN_BEFORE (30LL * 86400)
#define LINK_QUIET 120 /* a heartbeat comes every few seconds */
#define CLOCK_WARN 5
#define CONF ZTJ_SYSCONFDIR "/hostd.conf"

static const char *member(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

/* 0: not said. */
static int64_t when(const json_t *o, const char *name)
{
	int64_t t;

	return ztj_time_parse(member(o, name), &t) == ZTJ_OK ? t : 0;
}

static const char *error_text(const char *name)
{
	return ztj_err_text(ztj_err_from_name(name));
}

static void hostd_conf(struct doctor *d)
{
	if (access(CONF, F_OK) != 0) {
		doc_say(d, DOC_FAIL, "%s is not there: this host has not joined", CONF);
		doc_todo(d, "ztjit-hostd join --broker URL --pin PIN");
		return;
	}
	(void)doc_only_root(d, CONF);
	if (doc_conf(d) == NULL) {
		doc_say(d, DOC_FAIL, "%s",
		    d->conf_text[0] != '\0' ? d->conf_text : ztj_err_text(d->conf_err));
		doc_todo(d, "mend that line; ztjit-hostd -t checks it");
		return;
	}
	if (d->conf.keep_accounts.n > 0)
		doc_say(d, DOC_OK,
		    "%s is good; what runs as %zu accounts (keep_accounts) outlives their grants", CONF,
		    d->conf.keep_accounts.n);
	else
		doc_say(d, DOC_OK, "%s is good", CONF);
}

static void hostd_running(struct doctor *d)
{
	if (doc_conf(d) == NULL)
		return;
	if (doc_status(d) == NULL) {
		doc_say(d, DOC_FAIL, "ztjit-hostd does not answer on %s/control.sock: %s", d->conf.run,
		    ztj_err_text(d->status_err));
		doc_todo(d, "systemctl enable --now ztjit-hostd; journalctl -u ztjit-hostd");
		return;
	}
	doc_say(d, DOC_OK, "ztjit-hostd answers");
}

static void hostd_armed(struct doctor *d)
{
	const json_t *o = doc_status(d);
	const char *armed = member(o, "armed");

	if (o == NULL)
		return;
	if (strcmp(member(o, "host"), d->conf.fullname) != 0) {
		doc_say(d, DOC_FAIL, "the agent that runs is %s, %s says %s", member(o, "host"), CONF,
		    d->conf.fullname);
		doc_todo(d, "systemctl restart ztjit-hostd");
	}
	if (strcmp(armed, "ok") != 0) {
		doc_say(d, DOC_FAIL, "not armed: %s", error_text(armed));
		doc_todo(d, "have a registrar run: ztjit host approve %s", d->conf.name);
	}
	doc_say(d, DOC_OK, "%s, in domain %s: its own record names its key", d->conf.fullname,
	    member(o, "domain"));
}

static void broker_link(struct doctor *d)
{
	const json_t *o = doc_status(d);

	if (o == NULL)
		return;
	if (!json_is_true(json_object_get(o, "connected"))) {
		doc_say(d, DOC_WARN, "not connected to the broker; the last word is from %s",
		    out_time(d->c, when(o, "fresh")));
		doc_todo(d, "journalctl -u ztjit-hostd; urls in %s", CONF);
	}
	doc_say(d, DOC_OK, "connected");
}

/* The rule that is the first to deny for want of news. */
static const struct ztj_rule *strictest(const struct ztj_policy *p)
{
	const struct ztj_rule *r = NULL;

	for (size_t i = 0; p != NULL && i < p->nrules; i++)
		if (p->rules[i].freshness > 0 && (r == NULL || p->rules[i].freshness < r->freshness))
			r = &p->rules[i];
	return r;
}

static void freshness(struct doctor *d)
{
	const json_t *o = doc_status(d);
	const struct ztj_rule *r = strictest(doc_policy(d));
	int64_t fresh = when(o, "fresh"), age = cli_now() - fresh;

	if (o == NULL)
		return;
	if (fresh == 0) {
		doc_say(d, DOC_FAIL, "no word of the broker's has counted yet: rules with a freshness deny");
		doc_todo(d, "journalctl -u ztjit-hostd");
	} else if (r != NULL && age > r->freshness) {
		doc_say(d, DOC_FAIL, "the last word is %s old, rule %s denies after %s",
		    out_duration(d->c, age), r->name, out_duration(d->c, r->freshness));
		doc_todo(d, "restore the connection, or ztjit-hostd import FILE");
	} else if (age > LINK_QUIET) {
		doc_say(d, DOC_WARN, "the last word is %s old", out_duration(d->c, age));
		doc_todo(d, "journalctl -u ztjit-hostd");
	}
	doc_say(d, DOC_OK, "the last word is %s old", age > 0 ? out_duration(d->c, age) : "0s");
}

/* The broker's status carries its time: one that lies ahead of our clock says that ours is behind. */
static void clock_check(struct doctor *d)
{
	const json_t *o = doc_status(d);
	int64_t ahead = when(o, "fresh") - cli_now();

	if (o == NULL)
		return;
	if (!json_is_true(json_object_get(o, "clock_ok"))) {
		doc_say(d, DOC_FAIL,
		    "the clock (%s) is behind what it was before (%s): nothing new is admitted",
		    member(o, "clock"), member(o, "clock_mark"));
		doc_todo(d, "set the clock right; if it is right now: ztjit-hostd clock --accept");
	}
	if (ahead > CLOCK_WARN) {
		doc_say(d, ahead > ZTJ_CLOCK_SKEW ? DOC_FAIL : DOC_WARN,
		    "the clock is %s behind the broker's", out_duration(d->c, ahead));
		doc_todo(d, "timedatectl set-ntp true");
	}
	doc_say(d, DOC_OK, "agrees with the broker's and never went back");
}

static enum doc_level expiry_level(int64_t t)
{
	return t <= cli_now() ? DOC_FAIL : t < cli_now() + WARN_BEFORE ? DOC_WARN : DOC_OK;
}

static void policy_check(struct doctor *d)
{
	const struct ztj_policy *p = doc_policy(d);
	const json_t *o;
	enum doc_level level;

	if (doc_conf(d) == NULL)
		return;
	if (p == NULL) {
		doc_say(d, DOC_FAIL, "no policy signed by the pinned roots is held: %s",
		    ztj_err_text(d->policy_err));
		doc_todo(d, "see roots; then ztjit-hostd join, or ztjit-hostd import FILE");
		return;
	}
	o = doc_status(d);
	if (o != NULL && json_integer_value(json_object_get(o, "policy")) != p->version)
		doc_say(d, DOC_WARN, "on disk is version %lld, the agent has %lld", (long long)p->version,
		    (long long)json_integer_value(json_object_get(o, "policy")));
	level = expiry_level(p->expires);
	doc_say(d, level, "version %lld, %s %s", (long long)p->version,
	    level == DOC_FAIL ? "has expired" : "expires", out_time(d->c, p->expires));
	if (level > DOC_OK)
		doc_todo(d, "have the roots sign a new one: ztjit policy sign, ztjit policy push");
}

static void directories(struct doctor *d)
{
	const json_t *o = doc_status(d);
	json_t *one;
	const char *name;
	size_t n = 0;

	if (o == NULL)
		return;
	json_object_foreach(json_object_get(o, "directories"), name, one)
	{
		enum doc_level level = expiry_level(when(one, "expires"));

		n++;
		if (strcmp(member(one, "state"), "ok") != 0) {
			doc_say(d, DOC_FAIL, "%s does not count: %s", name, error_text(member(one, "state")));
			doc_todo(d, "ztjit directory renew %s", name);
		} else if (level > DOC_OK) {
			doc_say(d, level, "%s expires %s", name, out_time(d->c, when(one, "expires")));
			doc_todo(d, "ztjit directory renew %s", name);
		}
	}
	if (n == 0) {
		doc_say(d, DOC_FAIL, "no directory is held: nobody is known here");
		doc_todo(d, "ztjit user approve, ztjit host approve");
	}
	doc_say(d, DOC_OK, "%zu directories count", n);
}

static void records(struct doctor *d)
{
	const json_t *o = doc_status(d), *r = json_object_get(o, "records");
	json_int_t room = json_integer_value(json_object_get(r, "room")),
		   used = json_integer_value(json_object_get(r, "bytes"));

	if (o == NULL || r == NULL)
		return;
	if (room > 0 && used * 10 > room * 8) {
		doc_say(d, used >= room ? DOC_FAIL : DOC_WARN,
		    "records wait for the broker: %lld of %lld bytes are used", (long long)used,
		    (long long)room);
		doc_todo(d, "restore the connection, or raise record_spool in %s", CONF);
	}
	doc_say(d, DOC_OK, "%lld bytes of records wait for the broker",
	    (long long)json_integer_value(json_object_get(r, "unsent")));
}

static const struct doc_check checks[] = {
	{ "hostd-conf", "the agent's configuration is good and nobody but root can change it", hostd_conf },
	{ "hostd-running", "the agent answers", hostd_running },
	{ "hostd-armed", "the agent holds this host's own record", hostd_armed },
	{ "broker-link", "the agent is connected to the broker", broker_link },
	{ "freshness", "the last word of the broker's is new enough for every rule", freshness },
	{ "clock", "the clock agrees with the broker's and did not go back", clock_check },
	{ "policy", "a policy of the pinned roots is held and does not expire soon", policy_check },
	{ "directories", "every directory counts and does not expire soon", directories },
	{ "records", "records of sessions reach the broker", records },
};
const struct doc_table doc_hostd = { checks, COUNT(checks) };
