/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What pam_ztjit asks. Who asks is the kernel's word: the process behind the
 * socket, its real uid, its cgroup. What the message says about itself is
 * used only where sshd and sudo alone can know it: service and target.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"

/* ---- local accounts ---- */

/* Only the file: a name service could ask us back (N02), and "local" is what DESIGN section 4 says. */
static bool passwd_find(const struct ztj_gate *g, const char *name, uint32_t uid, struct passwd *out,
    char *room, size_t size)
{
	FILE *fp = fopen(g->env.passwd, "re");
	struct passwd *pw = NULL;
	bool found = false;

	if (fp == NULL)
		return false;
	while (!found && fgetpwent_r(fp, out, room, size, &pw) == 0)
		found = name != NULL ? strcmp(out->pw_name, name) == 0 : out->pw_uid == uid;
	(void)fclose(fp);
	return found;
}

bool ztj_gate_account(struct ztj_gate *g, const char *name, uint32_t *uid, uint32_t *gid)
{
	struct passwd pw;
	char room[4096];

	if (passwd_find(g, name, 0, &pw, room, sizeof(room))) {
		*uid = pw.pw_uid;
		*gid = pw.pw_gid;
		return true;
	}
	if (!ztj_names_person(g, name, uid))
		return false;
	*gid = *uid;
	return true;
}

bool ztj_gate_gid_of(struct ztj_gate *g, uint32_t uid, uint32_t *gid)
{
	struct passwd pw;
	char room[4096];

	if (passwd_find(g, NULL, uid, &pw, room, sizeof(room)))
		*gid = pw.pw_gid;
	else if (ztj_names_of(g, uid) != NULL)
		*gid = uid;
	else
		return false;
	return true;
}

bool ztj_gate_name_of(struct ztj_gate *g, uint32_t uid, char out[ZTJ_ACCOUNT_SIZE])
{
	const char *name = ztj_names_of(g, uid);
	struct passwd pw;
	char room[4096];

	if (passwd_find(g, NULL, uid, &pw, room, sizeof(room)))
		name = pw.pw_name;
	if (name == NULL || strlen(name) >= ZTJ_ACCOUNT_SIZE)
		return false;
	(void)snprintf(out, ZTJ_ACCOUNT_SIZE, "%s", name);
	return true;
}

bool ztj_gate_has_recorder(struct ztj_gate *g, const char *account)
{
	struct passwd pw;
	char room[4096];
	uint32_t uid;

	if (g->conf->forced_recorder)
		return true;
	if (g->env.recorder == NULL)
		return false;
	if (passwd_find(g, account, 0, &pw, room, sizeof(room)))
		return strcmp(pw.pw_shell, g->env.recorder) == 0;
	/* One of ours gets the recorder as its shell when a role wants it. */
	return ztj_names_person(g, account, &uid) && ztj_names_recorder(g) != NULL;
}

/* ---- decisions on their way out ---- */

/*
 * A yes at auth, or to sshd's question for principals, opens nothing: account follows, asks again what it can, and its line makes
 * this one durable. Account's own line cannot wait for open_session: sudoedit reads files as root in between. When it named the
 * account, it said all that open_session decides.
 */
static bool may_wait(const struct ztj_conn *c, const char *event)
{
	return strcmp(event, "auth") == 0 || strcmp(event, "principals") == 0 ||
	    strcmp(event, "close") == 0 || (strcmp(event, "open") == 0 && c->named);
}

int ztj_pam_log(struct ztj_conn *c, const char *event, int code, const char *text)
{
	char grant[ZTJ_HEX_SIZE] = "";
	struct ztj_session *s = ztj_sessions_get(c->g->sessions, c->session);
	struct ztj_decision d = { .event = event,
		.code = code,
		.service = c->service,
		.account = c->user,
		.peer = s != NULL ? s->peer : c->rhost,
		.key = c->info_key,
		.tty = c->proc.tty,
		.become = code == ZTJ_OK ? c->become : NULL,
		.pid = c->pid,
		.spare = code != ZTJ_OK,
		.later = code == ZTJ_OK && may_wait(c, event),
		.text = text };
	static const uint8_t none[ZTJ_DIGEST_LEN];

	d.person = c->answer.person[0] != '\0' ? c->answer.person : s != NULL ? s->person : NULL;
	if (memcmp(c->answer.request, none, sizeof(none)) != 0) {
		ztj_hex(c->answer.request, ZTJ_DIGEST_LEN, grant);
		d.grant = grant;
	}
	d.rule = c->answer.grant.rule != NULL ? c->answer.grant.rule->name : c->rule;
	if (code == ZTJ_OK)
		d.ends = c->answer.ends;
	ztj_log(code == ZTJ_OK ? ZTJ_LOG_INFO : ZTJ_LOG_NOTICE, "%s %s: %s for %s as %s: %s",
	    code == ZTJ_OK ? "allowed" : "denied", event, ztj_err_name(code),
	    d.person != NULL ? d.person : "-", c->user, text != NULL ? text : "");
	return ztj_gate_log(c->g, &d);
}

void ztj_conn_freeze(struct ztj_conn *c)
{
	if (c->answer.grant.rule != NULL)
		(void)snprintf(c->rule, sizeof(c->rule), "%s", c->answer.grant.rule->name);
	memset(&c->answer.grant, 0, sizeof(c->answer.grant));
}

static const char *event_of(const struct ztj_conn *c)
{
	switch (c->call) {
	case ZTJ_MSG_AUTH:
		return "auth";
	case ZTJ_MSG_ACCOUNT:
		return "account";
	case ZTJ_MSG_OPEN:
		return "open";
	default:
		return "close";
	}
}

void ztj_pam_deny(struct ztj_conn *c, int code, const char *text)
{
	char line[ZTJ_TEXT_MAX];

	if (code == ZTJ_OK)
		code = ZTJ_INTERNAL;
	(void)snprintf(line, sizeof(line), "ztjit: %s",
	    text != NULL && text[0] != '\0' ? text : ztj_err_text(code));
	if (code == ZTJ_STALE)
		ztj_news_hurry(c->g);
	if (ztj_pam_log(c, event_of(c), code, line) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "the decision could not be logged");
	/* sshd goes on without a session (ssh -N); a denied login has no connection either. */
	if (c->call == ZTJ_MSG_OPEN && strcmp(c->service, "sshd") == 0)
		ztj_gate_kill_peer(c);
	(void)ztj_conn_verdict(c, code, line);
}

bool ztj_gate_clock_bad(struct ztj_gate *g)
{
	struct ztj_now now;

	ztj_gate_now(g, &now);
	return ztj_clockmark_went_back(&g->clock, now);
}

void ztj_gate_question(struct ztj_gate *g, enum ztj_use use, const char *service, struct ztj_question *q)
{
	struct ztj_now now;

	ztj_gate_now(g, &now);
	*q = (struct ztj_question){ .use = use,
		.host = g->conf->fullname,
		.machine = &g->machine.pub,
		.service = service,
		.now = ztj_clockmark_end(&g->clock, now),
		.now_begin = ztj_clockmark_begin(&g->clock) };
}

/* ---- the uid-0 exemption ---- */

/* Root outside any person's session elevates nothing (cron, boot scripts). A person who became root some other way is in a
 * login session: of ours, of logind, or marked by the kernel's login uid. */
static bool exempt(const struct ztj_conn *c, bool inside)
{
	const struct ztj_procinfo *p = &c->proc;
	bool marked = p->loginuid != ZTJ_NO_LOGINUID && p->loginuid != 0 &&
	    p->loginuid != c->g->env.init_loginuid;

	return !inside && p->ruid == 0 && !marked && strstr(p->cgroup, "/user.slice/") == NULL;
}

static bool elevating(const char *service)
{
	static const char *const known[] = { "sudo", "sudo-i", "su", "su-l" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(service, known[i]) == 0)
			return true;
	return false;
}

static void use_elevating(struct ztj_conn *c)
{
	bool inside = false;
	struct ztj_session *s = ztj_gate_session_of(c->g, &c->proc, &inside);

	c->session = s == NULL ? 0 : s->no;
	if (s != NULL && !s->ending) {
		ztj_elevate(c);
	} else if (s == NULL && exempt(c, inside)) {
		int r = ztj_pam_log(c, event_of(c), ZTJ_OK, "root outside any person's session");
		if (r == ZTJ_OK)
			(void)ztj_conn_verdict(c, ZTJ_OK, "");
		else
			ztj_pam_deny(c, r, NULL);
	} else {
		struct ztj_question q;
		char hint[512];
		ztj_gate_question(c->g, ZTJ_USE_ELEVATE, c->service, &q);
		ztj_decide_hint(c->g->trust, &q, hint, sizeof(hint));
		ztj_pam_deny(c, s != NULL ? ZTJ_ENDED : ZTJ_NO_SESSION,
		    s != NULL ? NULL : "not inside a session that was admitted here; log in with ztjit ssh");
	}
}

static void use_sshd(struct ztj_conn *c)
{
	if (c->call == ZTJ_MSG_ACCOUNT)
		ztj_sshd_account(c);
	else if (c->call == ZTJ_MSG_OPEN)
		ztj_sshd_open(c);
	else
		ztj_pam_deny(c, ZTJ_WRONG_SERVICE, "logins are by certificate; see ztjit ssh");
}

/* The end of a session frees nothing by itself: what it left running is still its own until its cgroup is empty. */
static void use_close(struct ztj_conn *c)
{
	int r = ztj_pam_log(c, "close", ZTJ_OK, NULL);

	ztj_pass_drop(c->g, c->proc.id);
	if (r == ZTJ_OK)
		(void)ztj_conn_verdict(c, ZTJ_OK, "");
	else
		ztj_pam_deny(c, r, NULL);
}

static int parse(struct ztj_conn *c)
{
	struct ztj_view tty, info;
	struct ztj_rd rd;
	int r;

	ztj_rd_init(&rd, c->in.body);
	if ((r = ztj_rd_cstring(&rd, c->service, sizeof(c->service))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, c->user, sizeof(c->user))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, c->ruser, sizeof(c->ruser))) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, 1024, &tty)) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, c->rhost, sizeof(c->rhost))) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, 170u * 1024u, &info)) != ZTJ_OK || (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	return ztj_buf_put(&c->info, info.p, info.n);
}

void ztj_pam_message(struct ztj_conn *c)
{
	int r;

	if (c->state == ZTJ_ST_AGENT) {
		if (c->in.type != ZTJ_MSG_AGENT)
			ztj_conn_close(c);
		else
			ztj_stepup_agent_fd(c);
		return;
	}
	if (c->in.type < ZTJ_MSG_AUTH || c->in.type > ZTJ_MSG_CLOSE) {
		ztj_conn_close(c);
		return;
	}
	r = parse(c);
	c->call = c->in.type;
	c->state = ZTJ_ST_NOTHING;
	ztj_ipc_in_reset(&c->in);
	if (r != ZTJ_OK) {
		ztj_conn_close(c);
		return;
	}
	r = c->g->env.read_proc(c->pidfd, c->pid, &c->proc);
	if (r != ZTJ_OK)
		ztj_pam_deny(c, r, NULL);
	else if (strcmp(c->service, "sshd") != 0 && !elevating(c->service))
		ztj_pam_deny(c, ZTJ_WRONG_SERVICE, NULL);
	else if (c->call == ZTJ_MSG_CLOSE)
		use_close(c);
	else if (strcmp(c->service, "sshd") == 0)
		use_sshd(c);
	else
		use_elevating(c);
}
