/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/core/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char DIRS[SCENE_DIRS][16] = { "people", "approvers", "servers" };

const char SCENE_RULES[] =
    "{ name = \"prod-root\"; who = [ \"@sre\" ]; roles = [ \"root-shell\", \"sudo-root\", \"recorded\" ]; hosts = { env = \"prod\"; };\n"
    "  max = \"1h\"; max_total = \"2h\"; request_valid = \"1h\"; ahead = \"7d\";\n"
    "  approvals = ( { count = 1; from = [ \"@sre-leads\" ]; }, { count = 1; from = [ \"@security\" ]; } );\n"
    "  verify = \"uv\"; sources = [ \"10.0.0.0/8\", \"2001:db8::/32\" ]; reason_min = 10; ticket = \"^INC-[0-9]+$\";\n"
    "  hours = \"Mon-Fri 07:00-20:00 UTC0\"; freshness = \"15m\"; },\n"
    "{ name = \"test-root\"; who = [ \"@sre\" ]; roles = [ \"root-shell\", \"sudo-root\" ]; hosts = { env = \"test\"; };\n"
    "  approvals = ( { count = 1; from = [ \"@sre\", \"@sre-leads\" ]; } ); max = \"2h\"; max_total = \"3h\"; },\n"
    "{ name = \"glass\"; who = [ \"people/req2\" ]; roles = [ \"root-shell\" ]; hosts = \"*\"; break_glass = true; max = \"10m\"; }\n";

static void put_key(struct ztj_buf *b, const char *before, const struct soft_key *k, const char *after)
{
	char text[ZTJ_KEY_TEXT_SIZE];

	ok(ztj_key_to_text(&k->pub, text));
	ok(ztj_buf_printf(b, "%s\"%s\"%s", before, text, after));
}

char *scene_policy_text(struct scene *sc, const char *rules)
{
	struct ztj_buf b;
	char *text;

	ztj_buf_init(&b, 64 * 1024);
	ok(ztj_buf_printf(&b, "domain = \"example\"; version = %lld; expires = \"2027-06-30T00:00:00Z\";\n",
	    (long long)sc->version));
	ok(ztj_buf_puts(&b,
	    "roles = { root-shell = { login = [ \"root\" ]; record = \"none\"; };\n"
	    "  sudo-root = { login = [ \"self\" ]; become = [ \"root\", \"postgres\" ]; groups = [ \"ztjit-root\" ];\n"
	    "    forwarding = [ \"local\", \"x11\" ]; record = \"none\"; };\n"
	    "  recorded = { login = [ \"root\" ]; }; nologin = { become = [ \"root\" ]; record = \"none\"; }; };\n"
	    "gids = { ztjit-root = 61000; };\n"));
	ok(ztj_buf_printf(&b, "rules = (\n%s);\n", rules));
	put_key(&b,
	    "registrars = ( { directory = \"people\"; threshold = 1; uids = [ 20000, 20999 ]; keys = [ ",
	    &sc->registrar, " ];\n");
	put_key(&b,
	    "    groups = [ \"sre\" ]; },\n  { directory = \"approvers\"; threshold = 1; uids = [ 21000, 21999 ]; keys = [ ",
	    &sc->registrar, " ];\n    groups = [ \"sre\", \"sre-leads\", \"security\" ]; },\n");
	put_key(&b, "  { directory = \"servers\"; threshold = 1; keys = [ ", &sc->registrar,
	    " ]; labels = { env = [ \"prod\", \"test\" ]; }; } );\n");
	put_key(&b, "broker = { urls = [ \"https://broker:8443\" ]; tls = [ ", &sc->broker_tls, " ]; ");
	put_key(&b, "online = [ ", &sc->broker_online, " ]; ");
	put_key(&b, "log = [ ", &sc->broker_log, " ]; ");
	put_key(&b, "ca = [ ", &sc->ca, " ]; };\n");
	assert_non_null(text = strdup(ztj_buf_str(&b)));
	ztj_buf_free(&b);
	return text;
}

struct actor *scene_actor(struct scene *sc, const char *full)
{
	for (size_t i = 0; i < sc->nactors; i++)
		if (strcmp(sc->actor[i].full, full) == 0)
			return &sc->actor[i];
	fail_msg("no actor %s", full);
	return NULL;
}

static void add_person(struct scene *sc, const char *full, uint32_t uid, const char *g1, const char *g2)
{
	struct actor *a = &sc->actor[sc->nactors++];

	*a = (struct actor){ .full = full, .uid = uid, .groups = { g1, g2 }, .from = SCENE_T0 - 86400 };
	soft_key_make(&a->key, sc->nactors % 2 ? ZTJ_KEY_SK_ED25519 : ZTJ_KEY_SK_ECDSA);
}

static void add_host(struct scene *sc, const char *full, const char *env)
{
	struct actor *a = &sc->actor[sc->nactors++];

	*a = (struct actor){ .full = full, .host = true, .env = env };
	soft_key_make(&a->key, ZTJ_KEY_ED25519);
	soft_key_make(&a->tls, ZTJ_KEY_ED25519);
}

/* --- statements --- */

void made_sign(struct made *m, const struct ztj_stmt *st, const char *nonce, const struct soft_key *key,
    uint8_t flags)
{
	memset(m, 0, sizeof *m);
	ztj_buf_init(&m->bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&m->sig, ZTJ_SSHSIG_MAX);
	ok(ztj_stmt_build(st, nonce, &m->bytes));
	soft_key_sshsig(key, ztj_stmt_namespace(st->type), ztj_buf_view(&m->bytes), flags, &m->sig);
	m->s.bytes = ztj_buf_view(&m->bytes);
	m->s.sig[0] = ztj_buf_view(&m->sig);
	m->s.nsigs = 1;
	ok(ztj_stmt_id(m->s.bytes, m->id));
}

void made_free(struct made *m)
{
	ztj_buf_free(&m->bytes);
	ztj_buf_free(&m->sig);
}

static void common(struct scene *sc, struct ztj_stmt *st, enum ztj_stmt_type type, int64_t issued)
{
	memset(st, 0, sizeof *st);
	st->type = type;
	st->domain = "example";
	st->issued = issued;
	if (sc->trust != NULL)
		ztj_trust_fill_seen(sc->trust, &st->seen);
}

void scene_request(struct scene *sc, struct ztj_stmt *st)
{
	static const char *web1[] = { "servers/web1" };

	common(sc, st, ZTJ_STMT_REQUEST, SCENE_T0);
	st->u.request.who = "people/req1";
	st->u.request.role = "root-shell";
	st->u.request.reason = "disk is filling up";
	st->u.request.ticket = "INC-42";
	st->u.request.hosts = web1;
	st->u.request.nhosts = 1;
	st->u.request.duration = 1800;
	st->u.request.valid_until = SCENE_T0 + 3600;
}

void scene_approval(struct scene *sc, struct ztj_stmt *st, const char *who, const struct made *request)
{
	common(sc, st, ZTJ_STMT_APPROVAL, SCENE_T0 + 60);
	st->u.approval.who = who;
	st->u.approval.comment = "";
	memcpy(st->u.approval.request, request->id, ZTJ_DIGEST_LEN);
}

void scene_revocation(struct scene *sc, struct ztj_stmt *st, const char *who, const struct made *request)
{
	common(sc, st, ZTJ_STMT_REVOCATION, SCENE_T0 + 60);
	st->u.revocation.who = who;
	st->u.revocation.reason = "no longer needed";
	st->u.revocation.what = ZTJ_REVOKES_REQUEST;
	st->u.revocation.name = "";
	memcpy(st->u.revocation.request, request->id, ZTJ_DIGEST_LEN);
}

static const char NONCE[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

void made_request(struct scene *sc, struct made *m)
{
	struct ztj_stmt st;

	scene_request(sc, &st);
	made_sign(m, &st, NONCE, &scene_actor(sc, st.u.request.who)->key, FLAGS_UV);
}

void made_approval(struct scene *sc, struct made *m, const char *who, const struct made *request,
    int64_t issued)
{
	struct ztj_stmt st;

	scene_approval(sc, &st, who, request);
	st.issued = issued;
	made_sign(m, &st, NULL, &scene_actor(sc, who)->key, FLAGS_UV);
}

void made_denial(struct scene *sc, struct made *m, const char *who, const struct made *request,
    int64_t issued)
{
	struct ztj_stmt st;

	scene_approval(sc, &st, who, request);
	st.issued = issued;
	st.u.approval.deny = true;
	st.u.approval.comment = "not today";
	made_sign(m, &st, NULL, &scene_actor(sc, who)->key, FLAGS_UV);
}

void made_revocation(struct scene *sc, struct made *m, const char *who, const struct made *request,
    int64_t issued)
{
	struct ztj_stmt st;

	scene_revocation(sc, &st, who, request);
	st.issued = issued;
	made_sign(m, &st, NULL, who[0] == 0 ? &sc->broker_online : &scene_actor(sc, who)->key, FLAGS_UV);
}

struct ztj_bundle *scene_bundle(struct made *const *m, size_t n)
{
	struct ztj_signed s[ZTJ_BUNDLE_STMTS_MAX];
	struct ztj_bundle *b;

	assert_true(n <= ZTJ_BUNDLE_STMTS_MAX);
	for (size_t i = 0; i < n; i++)
		s[i] = m[i]->s;
	ok(ztj_bundle_make(s, n, "example", NULL, &b));
	return b;
}

void scene_eval(struct scene *sc, struct made *const *m, size_t n, int64_t now, struct ztj_grant *g)
{
	struct ztj_bundle *b = scene_bundle(m, n);

	ztj_grant_eval(sc->trust, b, now, g);
	ztj_bundle_free(b);
}

void scene_login(struct scene *sc, struct ztj_question *q, int64_t now)
{
	*q = (struct ztj_question){ .use = ZTJ_USE_LOGIN,
		.host = "servers/web1",
		.service = "sshd",
		.account = "root",
		.machine = &scene_actor(sc, "servers/web1")->key.pub,
		.certified = &scene_actor(sc, "people/req1")->key.pub,
		.has_uid = true,
		.uid = 0,
		.peer = "10.1.2.3",
		.now = now,
		.now_begin = now };
}

/* --- what the trust holds --- */

void scene_policy(struct scene *sc, const char *rules)
{
	struct ztj_signed s = { .nsigs = 1 };
	struct ztj_buf sig;
	bool changed;

	sc->version++;
	free(sc->policy_text);
	sc->policy_text = scene_policy_text(sc, rules);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	soft_key_sshsig(&sc->root, "policy@ztjit", ztj_view_str(sc->policy_text), FLAGS_UV, &sig);
	s.bytes = ztj_view_str(sc->policy_text);
	s.sig[0] = ztj_buf_view(&sig);
	ok(ztj_trust_policy(sc->trust, &s, SCENE_T0, &changed));
	assert_true(changed);
	ztj_buf_free(&sig);
}

static void build_record(const struct actor *a, struct ztj_buf *out)
{
	const char *groups[4];
	struct ztj_userkey uk = { .key = a->key.pub, .credential = "", .from = a->from, .until = a->until };
	struct ztj_label label = { "env", a->env };
	struct ztj_key ssh = a->tls.pub;
	struct ztj_record rec = { .host = a->host, .name = ztj_fullname_tail(a->full) };

	if (a->host) {
		rec.nlabels = 1;
		rec.labels = &label;
		rec.machine = a->key.pub;
		rec.tls = a->tls.pub;
		rec.nssh = 1;
		rec.ssh = &ssh;
	} else {
		rec.uid = a->uid;
		rec.nkeys = 1;
		rec.keys = &uk;
		rec.groups = groups;
		while (rec.ngroups < 4 && a->groups[rec.ngroups] != NULL) {
			groups[rec.ngroups] = a->groups[rec.ngroups];
			rec.ngroups++;
		}
	}
	ok(ztj_record_build(&rec, out));
}

static int actor_order(const void *a, const void *b)
{
	return strcmp((*(const struct actor *const *)a)->full, (*(const struct actor *const *)b)->full);
}

/* The whole set as a difference to what is held: put everybody, drop who is gone. */
static void sign_directory(struct scene *sc, size_t d, int64_t now)
{
	struct actor *in[SCENE_ACTORS];
	struct ztj_buf bufs[SCENE_ACTORS];
	struct ztj_view put[SCENE_ACTORS];
	const char *drop[SCENE_ACTORS];
	struct ztj_dir_update u = { .name = DIRS[d],
		.nstatements = 1,
		.delta = { .put = put, .drop = drop } };
	const struct ztj_dir *held = ztj_trust_dir(sc->trust, DIRS[d]);
	struct ztj_stmt st;
	struct ztj_dir *dir;
	struct made m;
	bool changed;
	size_t n = 0;

	for (size_t i = 0; i < sc->nactors; i++)
		if (strncmp(sc->actor[i].full, DIRS[d], strlen(DIRS[d])) == 0)
			in[n++] = &sc->actor[i];
	qsort(in, n, sizeof(struct actor *), actor_order);
	for (size_t i = 0; i < n; i++) {
		const char *name = ztj_fullname_tail(in[i]->full);
		if (in[i]->gone) {
			if (held != NULL && ztj_dir_find(held, name) != NULL)
				drop[u.delta.ndrop++] = name;
			continue;
		}
		ztj_buf_init(&bufs[u.delta.nput], ZTJ_RECORD_MAX);
		build_record(in[i], &bufs[u.delta.nput]);
		put[u.delta.nput] = ztj_buf_view(&bufs[u.delta.nput]);
		u.delta.nput++;
	}
	ok(ztj_dir_apply(held, DIRS[d], &u.delta, &dir));
	common(sc, &st, ZTJ_STMT_DIRECTORY, now);
	st.u.directory.name = DIRS[d];
	st.u.directory.serial = ++sc->serial[d];
	st.u.directory.expires = now + 30 * 86400;
	st.u.directory.records = (int64_t)ztj_dir_count(dir);
	memcpy(st.u.directory.previous, sc->previous[d], ZTJ_DIGEST_LEN);
	ztj_dir_root(dir, st.u.directory.root);
	made_sign(&m, &st, NULL, &sc->registrar, FLAGS_UV);
	memcpy(sc->previous[d], m.id, ZTJ_DIGEST_LEN);
	u.statements = &m.s;
	ok(ztj_trust_directory(sc->trust, &u, now, &changed));
	assert_true(changed);
	ztj_dir_free(dir);
	made_free(&m);
	for (size_t i = 0; i < u.delta.nput; i++)
		ztj_buf_free(&bufs[i]);
}

void scene_directories(struct scene *sc, int64_t now)
{
	for (size_t d = 0; d < SCENE_DIRS; d++)
		sign_directory(sc, d, now);
}

void scene_status(struct scene *sc, int64_t now)
{
	const struct ztj_policy *p = ztj_trust_held_policy(sc->trust);
	struct ztj_stmt st;
	struct made m;

	common(sc, &st, ZTJ_STMT_STATUS, now);
	memset(&st.seen, 0, sizeof st.seen);
	st.u.status.policy_version = p->version;
	memcpy(st.u.status.policy, p->digest, ZTJ_DIGEST_LEN);
	for (size_t i = 0; i < ztj_trust_ndirs(sc->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(sc->trust, i);
		st.u.status.dir[i].name = ztj_dir_name(d);
		st.u.status.dir[i].serial = ztj_dir_serial(d);
		memcpy(st.u.status.dir[i].digest, ztj_dir_digest(d), ZTJ_DIGEST_LEN);
	}
	st.u.status.ndirs = ztj_trust_ndirs(sc->trust);
	st.u.status.revocations = (int64_t)ztj_trust_nrevocations(sc->trust);
	memcpy(st.u.status.head, ztj_trust_revocation_head(sc->trust), ZTJ_DIGEST_LEN);
	made_sign(&m, &st, NULL, &sc->broker_online, FLAGS_UP);
	ok(ztj_trust_status(sc->trust, &m.s, now));
	made_free(&m);
}

void scene_revoked(struct scene *sc, const struct made *m, int64_t now)
{
	bool changed;

	ok(ztj_trust_revocation(sc->trust, &m->s, now, &changed));
	assert_true(changed);
}

void scene_open(struct scene *sc, const char *rules, struct ztj_sigcache *cache)
{
	struct ztj_pins pins = { .domain = "example", .threshold = 1, .nroots = 1 };

	memset(sc, 0, sizeof *sc);
	soft_key_make(&sc->root, ZTJ_KEY_SK_ED25519);
	soft_key_make(&sc->registrar, ZTJ_KEY_SK_ED25519);
	soft_key_make(&sc->broker_tls, ZTJ_KEY_ED25519);
	soft_key_make(&sc->broker_online, ZTJ_KEY_ED25519);
	soft_key_make(&sc->broker_log, ZTJ_KEY_ED25519);
	soft_key_make(&sc->ca, ZTJ_KEY_ED25519);
	add_person(sc, "people/req1", 20001, "sre", NULL);
	add_person(sc, "people/req2", 20002, "sre", NULL);
	add_person(sc, "people/lead1", 20003, "sre", NULL);
	add_person(sc, "approvers/lead1", 21001, "sre-leads", NULL);
	add_person(sc, "approvers/lead2", 21002, "sre-leads", NULL);
	add_person(sc, "approvers/sec1", 21003, "security", NULL);
	add_person(sc, "approvers/both1", 21004, "security", "sre-leads");
	add_person(sc, "approvers/req1", 21005, "security", "sre-leads");
	add_host(sc, "servers/web1", "prod");
	add_host(sc, "servers/web2", "prod");
	add_host(sc, "servers/db1", "test");
	pins.root[0] = sc->root.pub;
	ok(ztj_trust_new(&pins, cache, &sc->trust));
	scene_policy(sc, rules != NULL ? rules : SCENE_RULES);
	scene_directories(sc, SCENE_T0 - 3600);
	scene_status(sc, SCENE_T0);
}

void scene_close(struct scene *sc)
{
	ztj_trust_free(sc->trust);
	soft_key_free(&sc->root);
	soft_key_free(&sc->registrar);
	soft_key_free(&sc->broker_tls);
	soft_key_free(&sc->broker_online);
	soft_key_free(&sc->broker_log);
	soft_key_free(&sc->ca);
	for (size_t i = 0; i < sc->nactors; i++) {
		soft_key_free(&sc->actor[i].key);
		soft_key_free(&sc->actor[i].tls);
	}
	free(sc->policy_text);
}
