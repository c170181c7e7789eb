/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What several checks need, each found out once. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/trust.h"
#include "libztjit/sys/ipc.h"
#include "libztjit/sys/safefile.h"
#include "libztjit/sys/sandbox.h"
#include "ztjit-hostd/gatemsg.h"
#include "ztjit/doctor/doctor.h"

#define STATUS_MS 10000
#define POLICY_MAX (4u * 1024u * 1024u)

const struct ztj_hostconf *doc_conf(struct doctor *d)
{
	if (!d->asked_conf) {
		d->asked_conf = true;
		d->conf_err = ztj_hostconf_load(ZTJ_SYSCONFDIR "/hostd.conf", 0, &d->conf, d->conf_text,
		    sizeof d->conf_text);
	}
	return d->conf_err == ZTJ_OK ? &d->conf : NULL;
}

/* ---- the running agent ---- */

static int ask_status(const char *path, struct ztj_buf *msg, struct ztj_ipc_in *in, json_t **out)
{
	int64_t deadline = ztj_ipc_now_ms() + STATUS_MS;
	struct ztj_view text = { NULL, 0 };
	uint32_t code = 0;
	struct ztj_rd rd;
	int sock = -1, r;

	if ((r = ztj_ipc_begin(msg, ZTJ_MSG_STATUS)) == ZTJ_OK && (r = ztj_ipc_finish(msg)) == ZTJ_OK &&
	    (r = ztj_ipc_connect(path, deadline, &sock)) == ZTJ_OK &&
	    (r = ztj_ipc_send(sock, ztj_buf_view(msg), -1, deadline)) == ZTJ_OK &&
	    (r = ztj_ipc_recv(sock, in, deadline)) == ZTJ_OK) {
		ztj_rd_init(&rd, in->body);
		if (in->type != ZTJ_MSG_REPLY)
			r = ZTJ_PROTOCOL;
		else if ((r = ztj_rd_u32(&rd, &code)) == ZTJ_OK &&
		    (r = ztj_rd_string(&rd, ZTJ_IPC_MAX, &text)) == ZTJ_OK)
			r = ztj_rd_end(&rd);
	}
	if (sock >= 0)
		(void)close(sock);
	if (r == ZTJ_OK && code != 0)
		return ZTJ_STATE;
	if (r == ZTJ_OK &&
	    (*out = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL)) == NULL)
		r = ZTJ_PROTOCOL;
	return r;
}

const json_t *doc_status(struct doctor *d)
{
	const struct ztj_hostconf *conf = doc_conf(d);
	struct ztj_ipc_in in;
	struct ztj_buf msg;
	char path[256];

	if (d->asked_status || conf == NULL)
		return d->status;
	d->asked_status = true;
	ztj_buf_init(&msg, ZTJ_IPC_MAX);
	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	(void)snprintf(path, sizeof path, "%s/control.sock", conf->run);
	d->status_err = ask_status(path, &msg, &in, &d->status);
	ztj_ipc_in_free(&in);
	ztj_buf_free(&msg);
	return d->status;
}

/* ---- the policy ---- */

static int read_pins(const char *path, struct ztj_pins *pins)
{
	const struct ztj_file_rule rule = { .owner = 0, .check_parents = true };
	struct ztj_buf b;
	unsigned line;
	int r;

	ztj_buf_init(&b, 65536);
	r = ztj_file_read(path, &rule, 65535, &b);
	if (r == ZTJ_OK)
		r = ztj_pins_parse(ztj_buf_view(&b), pins, &line);
	ztj_buf_free(&b);
	return r;
}

static int offer(struct doctor *d, const char *path, uid_t owner)
{
	const struct ztj_file_rule rule = { .owner = owner };
	struct ztj_buf text, mem;
	struct ztj_signed s;
	bool changed;
	int r;

	ztj_buf_init(&text, POLICY_MAX);
	ztj_buf_init(&mem, POLICY_MAX);
	r = ztj_file_read(path, &rule, POLICY_MAX - 1, &text);
	if (r == ZTJ_OK)
		r = ztj_signed_from_json(ztj_buf_view(&text), &mem, &s);
	if (r == ZTJ_OK)
		r = ztj_trust_policy(d->trust, &s, ZTJ_TRUST_RESTORE, &changed);
	ztj_buf_free(&mem);
	ztj_buf_free(&text);
	return r;
}

/* What the gate keeps is newer than what stood there when the host joined. */
static int load_policy(struct doctor *d, const struct ztj_hostconf *conf)
{
	struct ztj_pins pins;
	char path[256];
	uid_t gate = 0;
	gid_t group;
	int r = read_pins(conf->roots, &pins);

	if (r == ZTJ_OK)
		r = ztj_sigcache_new(256, &d->cache);
	if (r == ZTJ_OK)
		r = ztj_trust_new(&pins, d->cache, &d->trust);
	if (r != ZTJ_OK)
		return r;
	if (ztj_user_lookup(conf->gate_user, &gate, &group) != ZTJ_OK)
		gate = 0;
	(void)snprintf(path, sizeof path, "%s/policy.signed", conf->state);
	r = offer(d, path, gate);
	if (r == ZTJ_NOT_FOUND)
		r = offer(d, conf->policy, 0);
	return r;
}

const struct ztj_policy *doc_policy(struct doctor *d)
{
	const struct ztj_hostconf *conf = doc_conf(d);

	if (d->asked_policy || conf == NULL)
		return d->policy;
	d->asked_policy = true;
	d->policy_err = load_policy(d, conf);
	if (d->policy_err == ZTJ_OK)
		d->policy = ztj_trust_held_policy(d->trust);
	return d->policy;
}

/* ---- passwords ---- */

/* "" lets everybody in, and ! and * begin what no password has as its hash. */
static void one_password(struct doctor *d, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);
	const char *name;

	if (colon == NULL || n - (size_t)(colon - line) < 2 || colon[1] == '!' || colon[1] == '*')
		return;
	name = cli_printf(d->c, "%.*s", (int)(colon - line), line);
	if (name != NULL && strcmp(name, "root") == 0)
		d->root_password = name;
	else if (d->other_password == NULL)
		d->other_password = name;
}

bool doc_passwords(struct doctor *d, const char **root, const char **other)
{
	const char *text;

	if (!d->asked_shadow) {
		d->asked_shadow = true;
		text = doc_text(d, "/etc/shadow", &d->shadow_err);
		for (size_t n; text != NULL && *text != '\0'; text += n + (text[n] == '\n')) {
			n = strcspn(text, "\n");
			one_password(d, text, n);
		}
	}
	*root = d->root_password;
	*other = d->other_password;
	return d->shadow_err == ZTJ_OK;
}
