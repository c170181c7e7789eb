/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit login, logout, whoami. */
#include "ztjit/commands.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"
#include "ztjit/agent.h"
#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/sign.h"

/* Does the policy itself name this key, as a root or a registrar? */
static bool key_in_policy(const struct cli *c, const struct ztj_policy *p, const struct ztj_key *k)
{
	for (size_t i = 0; i < c->pins.nroots; i++)
		if (ztj_key_equal(&c->pins.root[i], k))
			return true;
	for (size_t i = 0; i < p->nregistrars; i++)
		for (size_t j = 0; j < p->registrars[i].nkeys; j++)
			if (ztj_key_equal(&p->registrars[i].keys[j], k))
				return true;
	return false;
}

/* The one directory that can hold people, if there is only one. */
static const char *only_people_directory(const struct ztj_policy *p)
{
	const char *one = NULL;

	for (size_t i = 0; i < p->nregistrars; i++) {
		if (p->registrars[i].uid_max == 0)
			continue;
		if (one != NULL && strcmp(one, p->registrars[i].directory) != 0)
			return NULL;
		one = p->registrars[i].directory;
	}
	return one;
}

static int from_short(struct cli *c, const struct ztj_policy *p, const char *name, const char **who)
{
	const char *dir = only_people_directory(p);

	if (strchr(name, '/') != NULL) {
		*who = name;
		return ztj_fullname_ok(name, false)
		    ? ZTJ_OK
		    : cli_fail(c, ZTJ_BAD_NAME, "%s is no full name (DIRECTORY/NAME)", cli_esc(c, name));
	}
	if (dir != NULL)
		return (*who = cli_printf(c, "%s/%s", dir, name)) != NULL ? ZTJ_OK : ZTJ_NOMEM;
	cli_hint(c, "ztjit login --as DIRECTORY/%s", cli_esc(c, name));
	return cli_fail(c, ZTJ_AMBIGUOUS, "which directory is %s in?", cli_esc(c, name));
}

static int remembered_name(struct cli *c, char *out, size_t size)
{
	char *path = ctx_path(c, c->state_dir, "name");
	struct ztj_buf b;
	const char *s;
	int r;

	if (path == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&b, 256);
	r = ctx_read(c, path, false, 200, &b);
	if (r == ZTJ_OK && ((s = ztj_buf_str(&b)) == NULL || !(ztj_name_ok(s) || ztj_fullname_ok(s, false))))
		r = ZTJ_BAD_NAME;
	if (r == ZTJ_OK)
		(void)snprintf(out, size, "%s", s);
	ztj_buf_free(&b);
	return r;
}

/* --as; who the directories say this key is; the configuration; the name given at enrolment. */
static int find_who(struct cli *c, const struct ztj_policy *p, const struct cli_key *k, const char **who)
{
	const char *as = cli_opt(c, OPT_AS);
	char name[ZTJ_FULLNAME_SIZE];

	if (as != NULL && strcmp(as, "registrar") == 0) {
		*who = "";
		return key_in_policy(c, p, &k->pub)
		    ? ZTJ_OK
		    : cli_fail(c, ZTJ_SIGNER, "the policy names %s neither as a registrar nor as a root",
			  k->fingerprint);
	}
	if (as != NULL)
		return from_short(c, p, as, who);
	if (ztj_trust_user_by_key(c->trust, &k->pub, cli_now(), name) == ZTJ_OK)
		return (*who = cli_strdup(c, name)) != NULL ? ZTJ_OK : ZTJ_NOMEM;
	if (c->conf.name != NULL && c->conf.name[0] != '\0')
		return from_short(c, p, c->conf.name, who);
	if (remembered_name(c, name, sizeof name) == ZTJ_OK)
		return from_short(c, p, cli_strdup(c, name), who);
	if (key_in_policy(c, p, &k->pub)) {
		*who = "";
		return ZTJ_OK;
	}
	cli_hint(c, "ztjit login --as DIRECTORY/NAME");
	return cli_fail(c, ZTJ_USER_UNKNOWN, "this workstation does not know who you are yet");
}

static int post_login(struct cli *c, struct sign_ask *ask, const struct cli_key *k,
    const struct ztj_seckey *tls)
{
	struct ztj_signed s = { .bytes = ask->bytes, .nsigs = 1 };
	struct ztj_buf sig;
	int r;

	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	r = sign_statement(c, ask, k, &sig);
	if (r == ZTJ_OK) {
		s.sig[0] = ztj_buf_view(&sig);
		/* over a connection that shows the very key the statement names */
		login_close(c);
		c->login_key = *tls;
		if ((r = api_reconnect(c)) == ZTJ_OK && (r = api_statement(c, &s, NULL)) == ZTJ_OK)
			r = login_store(c, tls, &s);
	}
	ztj_buf_free(&sig);
	if (r == ZTJ_USER_UNKNOWN)
		cli_hint(c, "a registrar has to admit you first: ztjit user approve NAME");
	return r;
}

static int make_login(struct cli *c, const struct cli_key *k, const char *who, int64_t span)
{
	struct sign_ask ask = { .type = ZTJ_STMT_LOGIN, .title = "Log in:" };
	char nonce[ZTJ_HEX_SIZE], fp[ZTJ_FINGERPRINT_SIZE];
	struct ztj_seckey tls;
	struct ztj_stmt st;
	struct ztj_buf bytes;
	uint8_t seed[32];
	int r;

	if ((r = ztj_random(seed, sizeof seed)) != ZTJ_OK ||
	    (r = ztj_seckey_from_seed(&tls, seed)) != ZTJ_OK || (r = sign_nonce(nonce)) != ZTJ_OK ||
	    (r = ztj_key_fingerprint(&c->online, fp)) != ZTJ_OK)
		return r;
	ztj_wipe(seed, sizeof seed);
	sign_begin(c, &st, ZTJ_STMT_LOGIN);
	st.u.login.who = who;
	st.u.login.key = tls.pub;
	st.u.login.broker = fp;
	st.u.login.expires = st.issued + span;
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	if ((r = ztj_stmt_build(&st, nonce, &bytes)) == ZTJ_OK) {
		ask.bytes = ztj_buf_view(&bytes);
		r = post_login(c, &ask, k, &tls);
	}
	ztj_buf_free(&bytes);
	ztj_seckey_wipe(&tls);
	return r;
}

int cmd_login(struct cli *c)
{
	const struct ztj_policy *p;
	const char *who = "";
	struct cli_key k;
	int64_t span;
	int r;

	if ((r = cli_opt_duration(c, OPT_FOR, ZTJ_LOGIN_MAX, &span)) != ZTJ_OK)
		return r;
	if (span > ZTJ_LOGIN_MAX)
		return cli_fail(c, ZTJ_USAGE, "a login lasts %s at most", out_duration(c, ZTJ_LOGIN_MAX));
	if ((r = key_load(c, &k)) != ZTJ_OK || (r = api_open(c)) != ZTJ_OK ||
	    (r = held_need_policy(c, &p)) != ZTJ_OK)
		return r;
	if (c->online.type == ZTJ_KEY_NONE)
		return cli_fail(c, ZTJ_NOT_READY, "the broker is not armed yet (it names no online key)");
	for (size_t i = 0; i <= p->broker.nonline; i++) {
		if (i == p->broker.nonline)
			return cli_fail(c, ZTJ_BROKER_KEY,
			    "the broker's online key does not stand in the policy");
		if (ztj_key_equal(&p->broker.online[i], &c->online))
			break;
	}
	if ((r = find_who(c, p, &k, &who)) != ZTJ_OK || (r = make_login(c, &k, who, span)) != ZTJ_OK)
		return r;
	if ((r = api_open_login(c)) != ZTJ_OK || (r = held_sync(c)) != ZTJ_OK)
		return r;
	out_say(c, "Logged in as %s until %s.", who[0] != '\0' ? who : "registrar",
	    out_time(c, c->login->u.login.expires));
	c->result = json_pack("{s:s, s:I}", "who", who, "seconds", (json_int_t)span);
	return ZTJ_OK;
}

/* Certificates in the runtime directory are useless without a grant, but are gone all the same. */
static void drop_certificates(struct cli *c)
{
	char *dir = ctx_path(c, c->run_dir, "certs");
	const struct dirent *e;
	DIR *d;

	if (dir == NULL || (d = opendir(dir)) == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd(d), e->d_name, 0);
	(void)closedir(d);
}

int cmd_logout(struct cli *c)
{
	int r;

	if (access(c->run_dir, F_OK) != 0) {
		out_say(c, "Nobody was logged in.");
		return ZTJ_OK;
	}
	if ((r = ctx_need_run(c)) != ZTJ_OK)
		return r;
	agent_stop(c);
	drop_certificates(c);
	if ((r = login_remove(c)) == ZTJ_OK)
		out_say(c, "Logged out.");
	return r;
}

int cmd_whoami(struct cli *c)
{
	const char *who;
	int r;

	if ((r = ctx_need_pins(c)) != ZTJ_OK)
		return r;
	r = login_load(c);
	if (r == ZTJ_NOT_FOUND || r == ZTJ_ENDED) {
		cli_hint(c, "ztjit login");
		return cli_fail(c, ZTJ_FORBIDDEN,
		    r == ZTJ_ENDED ? "your login has ended" : "you are not logged in");
	}
	if (r != ZTJ_OK)
		return r;
	who = login_who(c);
	out_say(c, "%s in %s, until %s", who[0] != '\0' ? who : "registrar", c->pins.domain,
	    out_time(c, c->login->u.login.expires));
	c->result = json_pack("{s:s, s:s, s:I}", "who", who, "domain", c->pins.domain, "expires",
	    (json_int_t)c->login->u.login.expires);
	return ZTJ_OK;
}
