/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ssh logins. Three moments in one sshd process: ztjit-principals is asked before the
 * key is proven, PAM account knows only the name, PAM open_session
 * has the certificate. The third verifies everything again and takes nothing from the
 * first two but their right to be there (P09).
 */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/text.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"

/* A certificate on its way through a decision. */
struct login {
	struct ztj_buf blob;
	struct ztj_cert cert;
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_bundle *bundle;
};

static void login_free(struct login *l)
{
	ztj_buf_free(&l->blob);
	ztj_bundle_free(l->bundle);
}

/* Signed by one of the policy's CAs: not what admits anyone, but nothing else is looked at further. */
static int check_ca(const struct ztj_policy *p, const struct ztj_cert *cert)
{
	if (p == NULL)
		return ZTJ_NOT_READY;
	for (size_t i = 0; i < p->broker.nca; i++)
		if (ztj_cert_verify(cert, &p->broker.ca[i]) == ZTJ_OK)
			return ztj_policy_key_revoked(p, &p->broker.ca[i]) ? ZTJ_KEY_REVOKED : ZTJ_OK;
	return ZTJ_BAD_SIGNATURE;
}

static int check_principal(const struct ztj_cert *cert, const struct ztj_stmt *request)
{
	char want[sizeof(ZTJ_PRINCIPAL_PREFIX) + ZTJ_HEX_SIZE], hex[ZTJ_HEX_SIZE];

	ztj_hex(request->id, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(want, sizeof(want), ZTJ_PRINCIPAL_PREFIX "%s", hex);
	return strcmp(cert->principal, want) == 0 ? ZTJ_OK : ZTJ_CERT_KIND;
}

static int principal_grant(const struct ztj_cert *cert, uint8_t id[ZTJ_DIGEST_LEN])
{
	const size_t n = sizeof(ZTJ_PRINCIPAL_PREFIX) - 1;

	if (strncmp(cert->principal, ZTJ_PRINCIPAL_PREFIX, n) != 0)
		return ZTJ_CERT_KIND;
	return ztj_unhex(ztj_view_str(cert->principal + n), id, ZTJ_DIGEST_LEN);
}

/* The bundle: what the certificate carries together with what is held here; without one in the certificate, what is held. */
static int find_bundle(struct ztj_gate *g, struct login *l)
{
	const struct ztj_bundle *held;
	uint8_t id[ZTJ_DIGEST_LEN];
	struct ztj_bundle *carried;
	int r;

	if (l->cert.bundle.n > 0) {
		r = ztj_bundle_read(l->cert.bundle, g->pins.domain, g->cache, &carried);
		if (r == ZTJ_OK) {
			r = ztj_store_merge(g->store, carried, &l->bundle);
			ztj_bundle_free(carried);
		}
		return r;
	}
	r = principal_grant(&l->cert, id);
	if (r == ZTJ_OK)
		r = ztj_store_bundle(g->store, id, &held);
	if (r == ZTJ_OK)
		r = ztj_store_merge(g->store, held, &l->bundle);
	return r;
}

static int login_open(struct ztj_gate *g, struct ztj_view base64, struct login *l)
{
	int r;

	memset(l, 0, sizeof(*l));
	ztj_buf_init(&l->blob, ZTJ_CERT_MAX);
	r = ztj_b64_decode(base64, &l->blob);
	if (r == ZTJ_OK)
		r = ztj_cert_parse(&l->cert, ztj_buf_view(&l->blob));
	if (r == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(&l->blob), l->digest);
	if (r == ZTJ_OK)
		r = check_ca(ztj_trust_held_policy(g->trust), &l->cert);
	if (r == ZTJ_OK)
		r = find_bundle(g, l);
	if (r == ZTJ_OK)
		r = check_principal(&l->cert, l->bundle->request);
	return r;
}

/* The decision about a login by this certificate to c->user. */
static void judge(struct ztj_conn *c, const struct login *l, const char *peer)
{
	struct ztj_gate *g = c->g;
	struct ztj_store_grant held;
	struct ztj_question q;
	uint32_t gid;

	ztj_gate_question(g, ZTJ_USE_LOGIN, "sshd", &q);
	q.account = c->user;
	q.certified = &l->cert.subject;
	q.peer = peer;
	q.has_uid = ztj_gate_account(g, c->user, &q.uid, &gid);
	q.has_recorder = ztj_gate_has_recorder(g, c->user);
	if (ztj_store_find(g->store, l->bundle->request->id, &held))
		q.window = held.window;
	ztj_decide(g->trust, l->bundle, &q, &c->answer);
	if (ztj_key_fingerprint(&l->cert.subject, c->info_key) != ZTJ_OK)
		c->info_key[0] = '\0';
	if (c->answer.code == ZTJ_OK && ztj_gate_clock_bad(g)) {
		c->answer.code = ZTJ_CLOCK;
		(void)snprintf(c->answer.text, sizeof(c->answer.text), "%s", ztj_err_text(ZTJ_CLOCK));
	}
	if (c->answer.code == ZTJ_OK && l->cert.valid_before <= q.now) {
		c->answer.code = ZTJ_ENDED;
		(void)snprintf(c->answer.text, sizeof(c->answer.text),
		    "the certificate has expired; get another: ztjit cert");
	}
}

/* ---- ztjit-principals ---- */

static void line_answer(struct ztj_conn *c, int code, struct ztj_view line, const char *text)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(&b, ZTJ_MSG_LINE) != ZTJ_OK)
		code = ZTJ_INTERNAL;
	(void)ztj_buf_put_u32(&b, (uint32_t)-code);
	(void)ztj_buf_put_view(&b, code == ZTJ_OK ? line : ztj_view_of(NULL, 0));
	(void)ztj_buf_put_cstring(&b, text); /* an answer's text, bounded by its array */
	if (ztj_conn_send(c, &b))
		ztj_conn_close(c);
}

/* A person's account has a shell only while a grant is known here, and sshd looked before it asked us: this connection is too early.
 * The bundle proves itself, so it is taken up, and the next one is not. */
static bool late(struct ztj_conn *c, const struct login *l)
{
	struct ztj_gate *g = c->g;
	const char *person = ztj_fullname_tail(c->answer.person);
	bool changed;
	uint32_t uid;

	if (strcmp(person, c->user) != 0 || !ztj_names_person(g, person, &uid) ||
	    ztj_names_has_shell(g, person, c->answer.grant.role))
		return false;
	if (ztj_store_add_bundle(g->store, l->bundle, &changed) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "a grant could not be stored");
	ztj_names_review(g);
	return true;
}

/* open_session follows, unless the key is not proven: its cgroup takes time, and so does sshd until then. */
static void get_ready(struct ztj_gate *g)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_SOON };

	if (ztj_warden_ask(g, &m, -1) != ZTJ_OK)
		ztj_log(ZTJ_LOG_WARN, "the warden does not listen");
}

static int offer(struct ztj_conn *c, const struct login *l)
{
	struct ztj_offer o = { .sshd = c->proc.parent };
	struct ztj_now now;

	if (o.sshd.pid <= 0 || o.sshd.start == 0)
		return ZTJ_NOT_FOUND; /* whoever ran the helper is gone */
	ztj_gate_now(c->g, &now);
	o.boot = now.boot;
	(void)snprintf(o.account, sizeof(o.account), "%s", c->user);
	memcpy(o.grant, c->answer.request, sizeof(o.grant));
	memcpy(o.cert, l->digest, sizeof(o.cert));
	o.late = late(c, l);
	/* sshd asks twice in one login; one line in the log is enough. */
	if (!ztj_offer_add(c->g, &o))
		return ZTJ_OK;
	return ztj_pam_log(c, "principals", ZTJ_OK, c->answer.text);
}

static int parse_principals(struct ztj_conn *c, char *type, size_t size, struct ztj_view *cert)
{
	struct ztj_rd rd;
	int r;

	ztj_rd_init(&rd, c->in.body);
	if ((r = ztj_rd_cstring(&rd, c->user, sizeof(c->user))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, type, size)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, 170u * 1024u, cert)) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, c->rhost, sizeof(c->rhost))) != ZTJ_OK ||
	    (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	return ZTJ_OK;
}

void ztj_principals_message(struct ztj_conn *c)
{
	struct ztj_gate *g = c->g;
	struct ztj_buf line;
	struct ztj_view b64;
	struct login l;
	char type[64];
	int r;

	c->state = ZTJ_ST_NOTHING;
	if (c->in.type != ZTJ_MSG_PRINCIPALS || parse_principals(c, type, sizeof(type), &b64) != ZTJ_OK) {
		ztj_conn_close(c);
		return;
	}
	(void)snprintf(c->service, sizeof(c->service), "sshd");
	ztj_buf_init(&line, 8192);
	r = login_open(g, b64, &l);
	if (r == ZTJ_OK) {
		judge(c, &l, c->rhost[0] != '\0' ? c->rhost : NULL);
		r = c->answer.code;
	}
	if (r == ZTJ_OK)
		r = ztj_decide_principals_line(&c->answer, g->env.recorder, &line);
	if (r == ZTJ_OK)
		r = offer(c, &l);
	if (r != ZTJ_OK) {
		const char *why = c->answer.text[0] != '\0' ? c->answer.text : ztj_err_text(r);
		if (r == ZTJ_STALE)
			ztj_news_hurry(g);
		if (ztj_pam_log(c, "principals", r, why) != ZTJ_OK)
			ztj_log(ZTJ_LOG_ERROR, "the decision could not be logged");
	}
	login_free(&l);
	line_answer(c, r, ztj_buf_view(&line), r == ZTJ_OK ? "" : c->answer.text);
	ztj_buf_free(&line);
	if (r == ZTJ_OK)
		get_ready(g);
}

/* ---- PAM ---- */

/* "uid=N" of the module: whom sshd would let in by this name. Another than we mean, when another name service answers before ours. */
static bool is_resolved(struct ztj_conn *c)
{
	const struct ztj_view info = ztj_buf_view(&c->info);
	char text[32] = "";
	uint32_t uid, gid;
	int64_t said;

	if (info.n < 5 || info.n >= sizeof(text) || memcmp(info.p, "uid=", 4) != 0)
		return false;
	memcpy(text, info.p + 4, info.n - 4);
	return strlen(text) == info.n - 4 && ztj_parse_int(text, 0, UINT32_MAX, &said) == ZTJ_OK &&
	    ztj_gate_account(c->g, c->user, &uid, &gid) && uid == said;
}

void ztj_sshd_account(struct ztj_conn *c)
{
	const struct ztj_offer *o = ztj_offer_find(c->g, c->proc.id, c->user, NULL);
	struct ztj_question q;
	char hint[1024];
	int r;

	if (o != NULL && o->late) {
		ztj_pam_deny(c, ZTJ_STATE, "this host had not heard of your grant; now it has: log in again");
		return;
	}
	if (o != NULL && !is_resolved(c)) {
		ztj_pam_deny(c, ZTJ_UID_MISMATCH,
		    "this host takes that account for somebody else's; see ztjit doctor, nsswitch");
		return;
	}
	/* The certificate is not known yet; that a line was given to this very process for this account is. */
	if (o != NULL) {
		r = ztj_pam_log(c, "account", ZTJ_OK, NULL);
		if (r == ZTJ_OK)
			(void)ztj_conn_verdict(c, ZTJ_OK, "");
		else
			ztj_pam_deny(c, r, NULL);
		return;
	}
	ztj_gate_question(c->g, ZTJ_USE_LOGIN, "sshd", &q);
	q.account = c->user;
	ztj_decide_hint(c->g->trust, &q, hint, sizeof(hint));
	ztj_pam_deny(c, ZTJ_NO_GRANT, hint);
}

/* SSH_AUTH_INFO_0: a line for each method, "publickey TYPE BASE64". Exactly one of them is a key. */
static int certificate_in(struct ztj_view info, struct ztj_view *b64)
{
	static const char method[] = "publickey ";
	size_t at = 0;
	unsigned found = 0;

	*b64 = ztj_view_of(NULL, 0);
	while (at < info.n) {
		const uint8_t *line = info.p + at, *nl = memchr(line, '\n', info.n - at), *sp;
		size_t n = nl == NULL ? info.n - at : (size_t)(nl - line);
		at += n + 1;
		if (n < sizeof(method) - 1 || memcmp(line, method, sizeof(method) - 1) != 0)
			continue;
		line += sizeof(method) - 1;
		n -= sizeof(method) - 1;
		sp = memchr(line, ' ', n);
		if (sp == NULL)
			return ZTJ_CERT_KIND;
		*b64 = ztj_view_of(sp + 1, n - (size_t)(sp + 1 - line));
		found++;
	}
	return found == 1 && b64->n > 0 ? ZTJ_OK : ZTJ_CERT_KIND;
}

static int keep(struct ztj_conn *c, const struct login *l)
{
	bool changed;
	int r = ztj_store_add_bundle(c->g->store, l->bundle, &changed);

	if (r == ZTJ_OK)
		r = ztj_store_shorten(c->g->store, c->answer.request, c->answer.starts, c->answer.ends);
	/* Before the session begins, so that it is in its groups. */
	if (r == ZTJ_OK && changed)
		ztj_names_review(c->g);
	return r;
}

void ztj_sshd_open(struct ztj_conn *c)
{
	struct ztj_session like = { .no = 0 };
	struct ztj_view b64;
	struct login l = { .bundle = NULL };
	const struct ztj_offer *o;
	uint32_t gid;
	int r = certificate_in(ztj_buf_view(&c->info), &b64);

	if (r == ZTJ_OK) {
		r = login_open(c->g, b64, &l);
		o = ztj_offer_find(c->g, c->proc.id, c->user, l.digest);
		if (r == ZTJ_OK && (o == NULL || o->late))
			r = o == NULL ? ZTJ_NO_GRANT : ZTJ_STATE;
		if (r == ZTJ_OK) {
			judge(c, &l, c->rhost);
			r = c->answer.code;
		}
		if (r == ZTJ_OK)
			r = keep(c, &l);
		like.certified = l.cert.subject;
		login_free(&l);
	}
	if (r != ZTJ_OK) {
		ztj_pam_deny(c, r, c->answer.text);
		return;
	}
	(void)snprintf(like.account, sizeof(like.account), "%s", c->user);
	(void)snprintf(like.peer, sizeof(like.peer), "%.64s", c->rhost);
	if (!ztj_gate_account(c->g, c->user, &like.uid, &gid))
		ztj_pam_deny(c, ZTJ_UID_MISMATCH, NULL);
	else
		ztj_session_begin(c, &like, NULL);
}
