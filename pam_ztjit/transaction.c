/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * One transaction with ztjit-hostd: question, prompts, verdict.
 */
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "pam_ztjit/module.h"

#define TEXT_SIZE 2048
#define ITEM_MAX 1024
#define AUTH_INFO_MAX (160 * 1024)
#define PROMPT_WAIT_MAX_S 120
#define MESSAGES_MAX 16 /* from the daemon, in one transaction */

struct talk {
	const struct ztj_module *m;
	enum ztj_pam_msg call;
	int sock;
	int64_t deadline, last; /* of the next answer; of all */
	struct ztj_ipc_in in;
	struct ztj_buf out;
	char text[TEXT_SIZE];
	int verdict; /* PAM_SUCCESS or PAM_PERM_DENIED */
	bool done;
};

/* What the daemon says goes to a terminal that is not ours. */
static void keep_text(struct talk *t, struct ztj_view v)
{
	size_t n = v.n < TEXT_SIZE - 1 ? v.n : TEXT_SIZE - 1;

	if (n > 0)
		memcpy(t->text, v.p, n);
	t->text[n] = '\0';
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)t->text[i];
		if ((c < 0x20 && c != '\n') || c == 0x7f)
			t->text[i] = '?';
	}
}

/*
 * sudo 1.9.13 says PAM_SILENT on every call. A question that is not shown cannot be answered, and a denial
 * without its reason helps nobody: only the friendly words of an admission are left out. Both go out as errors:
 * without a terminal sudo and su write information to standard output, where it waits in a buffer until the command
 * ends and then stands in the command's own data.
 */
static void show(const struct talk *t, int style, bool needed)
{
	/* A conversation that fails changes nothing about the verdict. */
	if ((needed || !t->m->silent) && t->text[0] != '\0')
		(void)pam_prompt(t->m->pamh, style, NULL, "%s", t->text);
}

static int put_item(struct talk *t, int item)
{
	const void *p = NULL;
	const char *s = "";

	if (pam_get_item(t->m->pamh, item, &p) != PAM_SUCCESS)
		return ZTJ_INTERNAL;
	if (p != NULL)
		s = p;
	if (strnlen(s, ITEM_MAX + 1) > ITEM_MAX)
		return ZTJ_TOO_LARGE;
	return ztj_buf_put_cstring(&t->out, s);
}

/* Whom this machine takes the account for: the daemon knows it by its own files, and sshd logs in whoever the first name service says. */
static const char *resolved(const struct talk *t, char out[32])
{
	const struct passwd *pw = NULL;
	const void *user = NULL;

	if (pam_get_item(t->m->pamh, PAM_USER, &user) == PAM_SUCCESS && user != NULL)
		pw = pam_modutil_getpwnam(t->m->pamh, user);
	if (pw == NULL)
		(void)snprintf(out, 32, "uid=none");
	else
		(void)snprintf(out, 32, "uid=%lu", (unsigned long)pw->pw_uid);
	return out;
}

static int question(struct talk *t)
{
	static const int item[] = { PAM_SERVICE, PAM_USER, PAM_RUSER, PAM_TTY, PAM_RHOST };
	const char *info = NULL;
	char who[32];
	int r;

	r = ztj_ipc_begin(&t->out, (uint8_t)t->call);
	for (size_t i = 0; r == ZTJ_OK && i < sizeof(item) / sizeof(item[0]); i++)
		r = put_item(t, item[i]);
	if (r != ZTJ_OK)
		return r;
	if (t->call == ZTJ_PAM_OPEN)
		info = pam_getenv(t->m->pamh, "SSH_AUTH_INFO_0");
	if (t->call == ZTJ_PAM_ACCOUNT)
		info = resolved(t, who);
	if (info == NULL)
		info = "";
	if (strnlen(info, AUTH_INFO_MAX + 1) > AUTH_INFO_MAX)
		return ZTJ_TOO_LARGE;
	r = ztj_buf_put_cstring(&t->out, info);
	return r == ZTJ_OK ? ztj_ipc_finish(&t->out) : r;
}

static int on_verdict(struct talk *t)
{
	struct ztj_rd rd;
	struct ztj_view text;
	uint32_t code;

	ztj_rd_init(&rd, t->in.body);
	if (ztj_rd_u32(&rd, &code) != ZTJ_OK || ztj_rd_string(&rd, TEXT_SIZE - 1, &text) != ZTJ_OK ||
	    ztj_rd_end(&rd) != ZTJ_OK)
		return ZTJ_PROTOCOL;
	keep_text(t, text);
	t->verdict = code == 0 ? PAM_SUCCESS : PAM_PERM_DENIED;
	t->done = true;
	return ZTJ_OK;
}

static int on_prompt(struct talk *t)
{
	struct ztj_rd rd;
	struct ztj_view text;
	uint32_t seconds;

	ztj_rd_init(&rd, t->in.body);
	if (ztj_rd_string(&rd, TEXT_SIZE - 1, &text) != ZTJ_OK || ztj_rd_u32(&rd, &seconds) != ZTJ_OK ||
	    ztj_rd_end(&rd) != ZTJ_OK || seconds > PROMPT_WAIT_MAX_S)
		return ZTJ_PROTOCOL;
	keep_text(t, text);
	show(t, PAM_ERROR_MSG, true);
	t->text[0] = '\0';
	t->deadline = ztj_ipc_now_ms() + (int64_t)seconds * 1000;
	return ZTJ_OK;
}

static int answer_agent(struct talk *t, int agent)
{
	int r;

	ztj_buf_reset(&t->out);
	r = ztj_ipc_begin(&t->out, ZTJ_PAM_AGENT);
	if (r == ZTJ_OK)
		r = ztj_buf_put_u8(&t->out, agent >= 0);
	if (r == ZTJ_OK)
		r = ztj_ipc_finish(&t->out);
	if (r == ZTJ_OK)
		r = ztj_ipc_send(t->sock, ztj_buf_view(&t->out), agent, t->deadline);
	return r;
}

static int on_need_agent(struct talk *t)
{
	struct ztj_rd rd;
	uint32_t uid, gid;
	int agent = -1, r;

	ztj_rd_init(&rd, t->in.body);
	if (ztj_rd_u32(&rd, &uid) != ZTJ_OK || ztj_rd_u32(&rd, &gid) != ZTJ_OK || ztj_rd_end(&rd) != ZTJ_OK)
		return ZTJ_PROTOCOL;
	t->deadline = ztj_ipc_now_ms() + ZTJ_PAM_FIRST_WAIT_MS;
	r = ztj_pam_agent(t->m, uid, gid, t->deadline, &agent);
	/* Privileges in doubt: nothing more is done in this process (P11). */
	if (r == ZTJ_INTERNAL)
		return r;
	r = answer_agent(t, agent);
	if (agent >= 0)
		(void)close(agent);
	return r;
}

static int on_message(struct talk *t)
{
	switch (t->in.type) {
	case ZTJ_PAM_VERDICT:
		return on_verdict(t);
	case ZTJ_PAM_PROMPT:
		return on_prompt(t);
	case ZTJ_PAM_NEED_AGENT:
		return on_need_agent(t);
	default:
		return ZTJ_PROTOCOL;
	}
}

static int converse(struct talk *t)
{
	int r = ztj_ipc_send(t->sock, ztj_buf_view(&t->out), -1, t->deadline);

	for (unsigned n = 0; r == ZTJ_OK && !t->done; n++) {
		int64_t until = t->deadline < t->last ? t->deadline : t->last;
		if (n == MESSAGES_MAX)
			return ZTJ_PROTOCOL;
		r = ztj_ipc_recv(t->sock, &t->in, until);
		if (r == ZTJ_OK)
			r = on_message(t);
		ztj_ipc_in_reset(&t->in);
	}
	return r;
}

/* Says why there was no answer: short, because the daemon's own texts stay in the daemon. */
static const char *outage(int r)
{
	if (r == ZTJ_UNREACHABLE || r == ZTJ_NOT_FOUND || r == ZTJ_SYSTEM)
		return "ztjit-hostd is not running on this host";
	if (r == ZTJ_TIMEOUT)
		return "ztjit-hostd does not answer";
	if (r == ZTJ_TOO_LARGE)
		return "the question or the answer is too large";
	if (r == ZTJ_PROTOCOL || r == ZTJ_TRUNCATED || r == ZTJ_BAD_ENCODING || r == ZTJ_VERSION)
		return "ztjit-hostd answered nonsense";
	return "internal error";
}

int ztj_pam_ask(const struct ztj_module *m, enum ztj_pam_msg call)
{
	struct talk t = { .m = m, .call = call, .sock = -1, .verdict = PAM_PERM_DENIED };
	int64_t now = ztj_ipc_now_ms();
	int r;

	t.deadline = now + ZTJ_PAM_FIRST_WAIT_MS;
	t.last = now + ZTJ_PAM_WAIT_MAX_MS;
	ztj_ipc_in_init(&t.in, ZTJ_IPC_MAX);
	ztj_buf_init(&t.out, ZTJ_IPC_MAX);
	r = question(&t);
	if (r == ZTJ_OK)
		r = ztj_ipc_connect(m->socket, t.deadline, &t.sock);
	if (r == ZTJ_OK)
		r = converse(&t);
	if (t.sock >= 0)
		(void)close(t.sock);
	ztj_ipc_in_free(&t.in);
	ztj_buf_free(&t.out);
	if (r != ZTJ_OK) {
		t.verdict = PAM_PERM_DENIED;
		pam_syslog(m->pamh, LOG_ERR, "denied: %s (%d)", outage(r), r);
		(void)snprintf(t.text, sizeof(t.text), "ztjit: %s; access is denied", outage(r));
	}
	show(&t, t.verdict == PAM_SUCCESS ? PAM_TEXT_INFO : PAM_ERROR_MSG, t.verdict != PAM_SUCCESS);
	return t.verdict;
}
