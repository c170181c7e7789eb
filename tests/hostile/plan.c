/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/hostile/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- plans ---- */

static struct part *part_init(struct part *p, enum ztj_stmt_type type)
{
	memset(p, 0, sizeof(*p));
	p->type = type;
	p->of = p->follows = -1;
	p->flags = FX_UV;
	p->flip_byte = p->flip_sig = p->cut_byte = p->cut_sig = -1;
	return p;
}

struct part *plan_add(struct gen *g, enum ztj_stmt_type type, const struct fx_person *who, int of)
{
	const struct fx_world *w = &g->co->w;
	struct part *p = part_init(&g->plan->part[g->plan->n++], type);

	assert_true(g->plan->n <= PLAN_PARTS);
	fx_stmt(w, &p->st, type);
	p->of = of;
	p->key[0] = &who->key;
	p->nkeys = 1;
	if (type == ZTJ_STMT_REQUEST) {
		p->st.issued = w->now - 60;
		p->st.u.request.who = who->full;
		p->st.u.request.role = "root-shell";
		p->hosts[0] = CO_WEB1;
		p->st.u.request.nhosts = 1;
		p->st.u.request.duration = 1800;
		p->st.u.request.reason = "disk full on the web tier";
		p->st.u.request.ticket = "INC-4711";
		p->st.u.request.valid_until = w->now + 1800;
	} else if (type == ZTJ_STMT_APPROVAL) {
		p->st.issued = w->now - 30;
		p->st.u.approval.who = who->full;
		p->st.u.approval.comment = "";
	} else if (type == ZTJ_STMT_REVOCATION) {
		p->st.issued = w->now - 20;
		p->st.u.revocation.who = who->full;
		p->st.u.revocation.reason = "no longer needed";
		p->st.u.revocation.what = ZTJ_REVOKES_REQUEST;
	}
	return p;
}

static void mint_init(const struct gen *g, struct mint *m, const struct soft_key *subject)
{
	*m = (struct mint){ .subject = subject,
		.ca = &g->co->w.ca,
		.kind = 1,
		.key_id = "ztjit R-0000000000 people/req1",
		.nprincipals = 1,
		.after = (uint64_t)g->co->w.now - 60,
		.before = (uint64_t)g->co->w.now + 1700,
		.source = "10.0.0.0/8",
		.verify = true,
		.ext = ZTJ_EXT_PTY | ZTJ_EXT_AGENT,
		.flip = -1,
		.cut = -1,
		.bundle_flip = -1,
		.bundle_cut = -1 };
}

struct plan *plan_by(struct gen *g, const struct fx_person *who, const char *role)
{
	struct plan *p = g->plan;

	p->n = 0;
	p->name[0] = '\0';
	p->account = strcmp(role, "sudo-root") == 0 ? who->name : "root";
	p->peer = "10.77.0.13";
	p->want = p->want_push = ZTJ_OK;
	p->via = VIA_CERT | VIA_PUSH;
	plan_add(g, ZTJ_STMT_REQUEST, who, -1)->st.u.request.role = role;
	mint_init(g, &p->mint, &who->key);
	return p;
}

struct plan *plan_honest(struct gen *g)
{
	struct plan *p = plan_by(g, &g->co->w.person[FX_REQ1], "root-shell");

	plan_add(g, ZTJ_STMT_APPROVAL, &g->co->w.person[FX_LEAD1], 0);
	plan_add(g, ZTJ_STMT_APPROVAL, &g->co->w.person[FX_SEC1], 0);
	return p;
}

/* ---- statements ---- */

/* Replaces the first `find`; a lie that changes nothing is a mistake of the test. */
static void replace(struct ztj_buf *b, const char *find, const char *put)
{
	const char *text = ztj_buf_str(b), *at;
	struct ztj_buf out;

	assert_non_null(text);
	at = strstr(text, find);
	if (at == NULL)
		fail_msg("no %s in %s", find, text);
	ztj_buf_init(&out, b->max);
	ok(ztj_buf_put(&out, text, (size_t)(at - text)));
	ok(ztj_buf_puts(&out, put));
	ok(ztj_buf_puts(&out, at + strlen(find)));
	ztj_buf_free(b);
	*b = out;
}

static void flip(struct ztj_buf *b, long bit)
{
	if (bit >= 0)
		b->p[(size_t)(bit / 8) % b->n] ^= (uint8_t)(1u << (bit % 8));
}

static void cut(struct ztj_buf *b, long left)
{
	if (left >= 0 && (size_t)left < b->n)
		b->n = (size_t)left;
}

/* The text of a statement, with every edit made before it was signed. */
static void write_text(struct part *p, struct ztj_buf *text)
{
	static unsigned counter;
	struct ztj_buf plain;
	char nonce[ZTJ_HEX_SIZE];

	(void)snprintf(nonce, sizeof(nonce), "%064x", ++counter);
	if (p->type == ZTJ_STMT_REQUEST)
		p->st.u.request.hosts = p->hosts;
	ztj_buf_init(&plain, ZTJ_POLICY_MAX);
	ok(ztj_stmt_build(&p->st, nonce, &plain));
	if (p->find != NULL)
		replace(&plain, p->find, p->put);
	ztj_buf_init(text, ZTJ_POLICY_MAX);
	ok(ztj_buf_puts(text, p->before != NULL ? p->before : ""));
	ok(ztj_buf_put(text, plain.p, plain.n));
	ok(ztj_buf_puts(text, p->after != NULL ? p->after : ""));
	ztj_buf_free(&plain);
}

static void sign_part(const struct part *p, struct fx_signed *out)
{
	const char *ns = p->ns != NULL ? p->ns : ztj_stmt_namespace(p->type);

	for (size_t i = 0; i < p->nkeys; i++) {
		soft_key_sshsig(p->key[i], ns, out->s.bytes, p->flags, &out->sig[i]);
		flip(&out->sig[i], p->flip_sig);
		cut(&out->sig[i], p->cut_sig);
		out->s.sig[i] = ztj_buf_view(&out->sig[i]);
	}
	out->s.nsigs = p->nkeys;
}

static void realise(struct plan *pl, size_t i, struct fx_signed *out, bool *done)
{
	struct part *p = &pl->part[i];
	struct ztj_buf text;

	if (done[i])
		return;
	done[i] = true;
	if (p->of >= 0) {
		realise(pl, (size_t)p->of, out, done);
		memcpy(p->type == ZTJ_STMT_APPROVAL ? p->st.u.approval.request : p->st.u.revocation.request,
		    out[p->of].id, ZTJ_DIGEST_LEN);
	}
	if (p->follows >= 0) {
		realise(pl, (size_t)p->follows, out, done);
		p->st.u.request.has_follows = true;
		memcpy(p->st.u.request.follows, out[p->follows].id, ZTJ_DIGEST_LEN);
	}
	write_text(p, &text);
	fx_signed_init(&out[i], ztj_buf_view(&text));
	ztj_buf_free(&text);
	sign_part(p, &out[i]);
	if (p->late_find != NULL)
		replace(&out[i].bytes, p->late_find, p->late_put);
	flip(&out[i].bytes, p->flip_byte);
	cut(&out[i].bytes, p->cut_byte);
	out[i].s.bytes = ztj_buf_view(&out[i].bytes);
	/* what others name is what was signed; only the bytes that travel were spoilt afterwards */
}

/* ---- bundles ---- */

static void write_bundle(const struct plan *pl, const struct fx_signed *s, struct ztj_buf *out)
{
	uint32_t n = 0;

	for (size_t i = 0; i < pl->n; i++)
		n += !pl->part[i].held;
	ok(ztj_buf_puts(out, pl->mint.bundle_magic != NULL ? pl->mint.bundle_magic : "ZTJB1"));
	ok(ztj_buf_put_u32(out, n));
	for (size_t i = 0; i < pl->n; i++) {
		if (pl->part[i].held)
			continue;
		ok(ztj_buf_put_view(out, s[i].s.bytes));
		ok(ztj_buf_put_u32(out, (uint32_t)s[i].s.nsigs));
		for (size_t k = 0; k < s[i].s.nsigs; k++)
			ok(ztj_buf_put_view(out, s[i].s.sig[k]));
	}
	ok(ztj_buf_puts(out, pl->mint.bundle_trailing != NULL ? pl->mint.bundle_trailing : ""));
	flip(out, pl->mint.bundle_flip);
	cut(out, pl->mint.bundle_cut);
}

/* An approved grant of somebody else. */
static void foreign_bundle(const struct gen *g, struct ztj_buf *out)
{
	struct fx_signed s[3];
	struct ztj_signed list[3];

	fx_request(&g->co->w, FX_REQ2, "root-shell", FX_WEB1, 1800, &s[0]);
	fx_approval(&g->co->w, FX_LEAD1, &s[0], false, 0, &s[1]);
	fx_approval(&g->co->w, FX_SEC1, &s[0], false, 0, &s[2]);
	for (size_t i = 0; i < 3; i++)
		list[i] = s[i].s;
	ok(ztj_bundle_write(list, 3, out));
	for (size_t i = 0; i < 3; i++)
		fx_signed_free(&s[i]);
}

/* ---- expectations ---- */

static bool malformed(int code)
{
	return code == ZTJ_TRUNCATED || code == ZTJ_TRAILING || code == ZTJ_TOO_LARGE ||
	    code == ZTJ_BAD_ENCODING || code == ZTJ_LIMIT || code == ZTJ_BAD_KEY;
}

bool want_met(int want, int code)
{
	switch (want) {
	case WANT_MALFORMED:
		return malformed(code);
	case WANT_CERT:
		return code == ZTJ_BAD_SIGNATURE || code == ZTJ_CERT_KIND || code == ZTJ_APPLICATION ||
		    malformed(code);
	case WANT_UNSIGNED:
		return code == ZTJ_LIMIT || code == ZTJ_THRESHOLD || code == ZTJ_MEMBER_TYPE;
	case WANT_SSHD:
		return code == ZTJ_OK;
	case WANT_PURPOSE:
		return code == ZTJ_SIG_NAMESPACE || code == ZTJ_STMT_TYPE || code == ZTJ_BAD_JSON ||
		    code == ZTJ_THRESHOLD;
	case WANT_ANY:
		return code != ZTJ_OK;
	default:
		return want == code;
	}
}

const char *want_name(int want)
{
	return want == WANT_MALFORMED ? "malformed"
	    : want == WANT_CERT       ? "spoilt-certificate"
	    : want == WANT_UNSIGNED   ? "unsigned"
	    : want == WANT_ANY        ? "refused"
	    : want == WANT_SSHD       ? "sshd"
	    : want == WANT_PURPOSE    ? "other-purpose"
				      : ztj_err_name(want);
}

/* ---- emitting ---- */

static int first_refusal(const struct plan *pl)
{
	for (size_t i = 0; i < pl->n; i++)
		if (!pl->part[i].held && pl->part[i].want != ZTJ_OK)
			return pl->part[i].want;
	return ZTJ_OK;
}

static int refusal_of(const struct part *p)
{
	return p->want != ZTJ_OK ? p->want : p->unkept;
}

/* What the host says when the stream brought it: what does not open, or got no place, is not there. */
static int push_want(const struct plan *pl)
{
	if (pl->want_push != ZTJ_OK)
		return pl->want_push;
	if (refusal_of(&pl->part[0]) != ZTJ_OK)
		return ZTJ_NO_GRANT;
	return first_refusal(pl) != ZTJ_OK ? ZTJ_PENDING : pl->want;
}

/* One word of printable ASCII. */
static void tidy(char *name, size_t size, const char *text)
{
	size_t n = 0;

	for (const char *s = text; *s != '\0' && n + 4 < size; s++)
		if (*s > ' ' && *s < 0x7f && *s != '%')
			name[n++] = *s;
		else
			n += (size_t)snprintf(name + n, 4, "%%%02x", (unsigned)(unsigned char)*s);
	name[n] = '\0';
}

static void emit_via(struct gen *g, const struct fx_signed *s, unsigned via, const char *tail)
{
	struct plan *pl = g->plan;
	struct variant v = { .kind = V_LOGIN, .account = pl->account, .peer = pl->peer };
	struct ztj_buf cert, bundle;
	int refusal = first_refusal(pl);

	ztj_buf_init(&cert, 1024 * 1024);
	ztj_buf_init(&bundle, 1024 * 1024);
	memcpy(v.request, s[0].id, sizeof(v.request));
	(void)snprintf(v.name, sizeof(v.name), "%s%s", pl->name, tail);
	for (size_t i = 0; i < pl->n; i++)
		if (via != VIA_CERT || pl->part[i].held) {
			v.push_want[v.npush] = refusal_of(&pl->part[i]);
			v.push[v.npush++] = &s[i];
		}
	if (pl->mint.foreign)
		foreign_bundle(g, &bundle);
	else if (via != VIA_PUSH && !pl->mint.bundle_none)
		write_bundle(pl, s, &bundle);
	mint_cert(g->co, &pl->mint, v.request, ztj_buf_view(&bundle), &cert);
	v.cert = ztj_buf_view(&cert);
	v.want = via == VIA_PUSH ? push_want(pl) : refusal != ZTJ_OK ? refusal : pl->want;
	v.control = v.want == ZTJ_OK;
	g->made++;
	g->sink(g->arg, g->co, &v);
	ztj_buf_free(&cert);
	ztj_buf_free(&bundle);
}

/* Each transport has statements of its own: what was pushed for one is not known to the other. */
static void emit_anew(struct gen *g, unsigned via, const char *tail)
{
	struct fx_signed s[PLAN_PARTS];
	bool done[PLAN_PARTS] = { false };

	if ((g->plan->via & via) == 0)
		return;
	memset(s, 0, sizeof(s));
	for (size_t i = 0; i < g->plan->n; i++)
		realise(g->plan, i, s, done);
	emit_via(g, s, via, tail);
	for (size_t i = 0; i < g->plan->n; i++)
		fx_signed_free(&s[i]);
}

void emit(struct gen *g, const char *fmt, ...)
{
	char name[sizeof(g->plan->name)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	tidy(g->plan->name, sizeof(g->plan->name), name);
	emit_anew(g, VIA_CERT, "/cert");
	emit_anew(g, VIA_PUSH, "/push");
	emit_anew(g, VIA_BOTH, "/both");
}

void emit_news(struct gen *g, int kind, struct ztj_buf *json, int want, const char *fmt, ...)
{
	struct variant v = { .want = want, .json = ztj_buf_view(json) };
	va_list ap;

	v.kind = (unsigned)kind;
	va_start(ap, fmt);
	(void)vsnprintf(v.name, sizeof(v.name), fmt, ap);
	va_end(ap);
	g->made++;
	g->sink(g->arg, g->co, &v);
	ztj_buf_free(json);
}
