/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What happened, as leaves of the audit log. What a refused statement says of itself is written as it says it: the outcome
 * and the code tell that nobody vouches for it.
 */
#include <stdio.h>
#include <string.h>

#include "ztjit-broker/audit.h"
#include "ztjit-broker/counts.h"

/* Who is connected: by name; registrars and roots that have none, by the fingerprint of their key. */
static const char *by_of(const struct caller *c, char key[ZTJ_FINGERPRINT_SIZE])
{
	key[0] = '\0';
	if (c->who[0] == '\0' && c->login != NULL &&
	    ztj_key_fingerprint(&c->login->signer[0].key, key) != ZTJ_OK)
		key[0] = '\0';
	return c->who[0] != '\0' ? c->who : key;
}

/* Storage that fails is no decision: the batch is answered with the failure, and nothing of it stays. */
static bool worth_it(struct store *st, const struct caller *c, int r)
{
	char key[ZTJ_FINGERPRINT_SIZE];
	st->asked.said = true;
	if (ztj_err_class(r) == ZTJ_CLASS_OUTAGE && r != ZTJ_NOT_READY) {
		if (db_dirty(st->db) && !reserve_spent(st))
			st->broken = true;
		return false;
	}
	if (r != ZTJ_OK && reserve_spent(st))
		return false;
	return r == ZTJ_OK ||
	    audit_may_refuse(st, c == NULL || c->kind == CALLER_ANONYMOUS ? "" : by_of(c, key));
}

static void add(struct store *st, struct ztj_event *e)
{
	/* An error is already the end of the batch. */
	if (audit_add(st, e) != ZTJ_OK)
		st->broken = true;
}

/* --- statements --- */

struct said {
	struct ztj_event e;
	char by[ZTJ_FINGERPRINT_SIZE];
	char key[ZTJ_SIGS_MAX][ZTJ_FINGERPRINT_SIZE];
	const char *keys[ZTJ_SIGS_MAX];
};

/* The keys that the signatures name; for a refused one nobody may have checked them. */
static void set_keys(struct said *s, const struct ztj_signed *sig)
{
	size_t n = 0;
	for (size_t i = 0; i < sig->nsigs; i++) {
		struct ztj_key k;
		if (ztj_sshsig_peek(sig->sig[i], &k) != ZTJ_OK ||
		    ztj_key_fingerprint(&k, s->key[n]) != ZTJ_OK)
			continue;
		s->keys[n] = s->key[n];
		n++;
	}
	s->e.keys.s = s->keys;
	s->e.keys.n = n;
}

/* Those that did sign. */
static void set_signers(struct said *s, const struct ztj_stmt *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->nsigners && i < ZTJ_SIGS_MAX; i++)
		if (ztj_key_fingerprint(&p->signer[i].key, s->key[n]) == ZTJ_OK) {
			s->keys[n] = s->key[n];
			n++;
		}
	s->e.keys.s = s->keys;
	s->e.keys.n = n;
}

/* What a refused container names itself, as far as it can be read. */
static void set_container(struct said *s, struct ztj_view container, uint8_t id[ZTJ_DIGEST_LEN])
{
	struct ztj_signed sig;
	struct ztj_rd rd;
	ztj_rd_init(&rd, container);
	if (ztj_signed_read(&rd, &sig) != ZTJ_OK)
		return;
	set_keys(s, &sig);
	if (ztj_stmt_id(sig.bytes, id) == ZTJ_OK)
		s->e.statement = id;
}

static void set_request(struct ztj_event *e, const struct ztj_stmt *p)
{
	e->request = p->id;
	e->person = p->u.request.who;
	e->role = p->u.request.role;
	e->hosts.s = p->u.request.hosts;
	e->hosts.n = p->u.request.nhosts;
	e->duration = p->u.request.duration;
	e->starts = p->u.request.start;
	e->until = p->u.request.valid_until;
	e->reason = p->u.request.reason;
	e->ticket = p->u.request.ticket;
	e->action = p->u.request.break_glass ? "break-glass" : p->u.request.has_follows ? "extend" : NULL;
}

static void set_approval(struct ztj_event *e, const struct ztj_stmt *p)
{
	e->request = p->u.approval.request;
	e->person = p->u.approval.who;
	e->decision = p->u.approval.deny ? "deny" : "approve";
	e->duration = p->u.approval.limit;
	e->reason = p->u.approval.comment;
}

static void set_revocation(struct ztj_event *e, const struct ztj_stmt *p)
{
	e->person = p->u.revocation.who;
	e->reason = p->u.revocation.reason;
	e->until = p->u.revocation.until;
	switch (p->u.revocation.what) {
	case ZTJ_REVOKES_REQUEST:
		e->request = p->u.revocation.request;
		break;
	case ZTJ_REVOKES_USER:
		e->name = p->u.revocation.name;
		break;
	case ZTJ_REVOKES_HOST:
		e->host = p->u.revocation.name;
		break;
	}
}

static void set_members(struct ztj_event *e, const struct ztj_stmt *p)
{
	switch (p->type) {
	case ZTJ_STMT_REQUEST:
		set_request(e, p);
		break;
	case ZTJ_STMT_APPROVAL:
		set_approval(e, p);
		break;
	case ZTJ_STMT_REVOCATION:
		set_revocation(e, p);
		break;
	case ZTJ_STMT_LOGIN:
		e->person = p->u.login.who;
		e->ends = p->u.login.expires;
		break;
	case ZTJ_STMT_KILL:
		e->person = p->u.kill.who;
		e->host = p->u.kill.host;
		e->digest = p->u.kill.session;
		e->reason = p->u.kill.reason;
		break;
	case ZTJ_STMT_NONE:
	case ZTJ_STMT_POLICY:
	case ZTJ_STMT_DIRECTORY:
	case ZTJ_STMT_STEPUP:
	case ZTJ_STMT_STATUS:
	case ZTJ_STMT_PENDING:
	case ZTJ_STMT_HEAD:
	case ZTJ_STMT_VIEW:
	case ZTJ_STMT_STANDING:
		break;
	}
}

static void count_approval(struct store *st, const struct ztj_stmt *p, int64_t now)
{
	const struct ztj_bundle *b;
	if (bundles_get(st, p->u.approval.request, &b) == ZTJ_OK)
		counts_approval(st->counts, now - b->request->issued);
}

void say_statement(struct store *st, const struct acceptance *a, enum ztj_stmt_type type, int r)
{
	const struct ztj_policy *policy = ztj_trust_held_policy(st->trust);
	struct ztj_stmt *p = NULL;
	struct said s;
	if (!worth_it(st, a->caller, r))
		return;
	memset(&s, 0, sizeof(s));
	s.e.kind = type == ZTJ_STMT_POLICY ? "policy" : "statement";
	s.e.outcome = r == ZTJ_OK ? "accepted" : "refused";
	s.e.code = r;
	s.e.type = type == ZTJ_STMT_NONE ? NULL : ztj_stmt_type_name(type);
	s.e.statement = a->id;
	s.e.by = by_of(a->caller, s.by);
	s.e.address = a->ask->address;
	s.e.text = r == ZTJ_OK ? NULL : a->text;
	set_keys(&s, &a->s);
	if (type == ZTJ_STMT_POLICY && r == ZTJ_OK && policy != NULL)
		s.e.version = policy->version;
	/* Read without its signature: whether that counts is what r says. */
	if (type != ZTJ_STMT_POLICY && ztj_stmt_parse(a->s.bytes, type, st->conf->domain, &p) == ZTJ_OK)
		set_members(&s.e, p);
	add(st, &s.e);
	if (r == ZTJ_OK && p != NULL && type == ZTJ_STMT_APPROVAL && !p->u.approval.deny)
		count_approval(st, p, a->now);
	ztj_stmt_free(p);
}

void say_directory(struct store *st, const struct say_directory *d, int r)
{
	struct ztj_stmt *p = NULL;
	uint8_t id[ZTJ_DIGEST_LEN];
	struct said s;
	if (!worth_it(st, d->caller, r))
		return;
	memset(&s, 0, sizeof(s));
	s.e.kind = "directory";
	s.e.outcome = r != ZTJ_OK ? "refused" : strcmp(d->state, "current") == 0 ? "accepted" : d->state;
	s.e.code = r;
	s.e.name = d->ask->name;
	s.e.by = by_of(d->caller, s.by);
	s.e.address = d->ask->address;
	s.e.count = (int64_t)d->ask->drop.n + (int64_t)d->ask->put.n;
	set_keys(&s, d->s);
	if (ztj_stmt_id(d->s->bytes, id) == ZTJ_OK)
		s.e.statement = id;
	if (ztj_stmt_parse(d->s->bytes, ZTJ_STMT_DIRECTORY, st->conf->domain, &p) == ZTJ_OK)
		s.e.serial = p->u.directory.serial;
	add(st, &s.e);
	ztj_stmt_free(p);
}

void say_view(struct store *st, const struct ask *a, const struct caller *c, const struct ztj_stmt *stmt,
    int r)
{
	static const char *const actions[] = { [ZTJ_VIEW_PLAY] = "play",
		[ZTJ_VIEW_TAIL] = "tail",
		[ZTJ_VIEW_SEARCH] = "search",
		[ZTJ_VIEW_EXPORT] = "export" };
	uint8_t id[ZTJ_DIGEST_LEN];
	struct said s;
	if (!worth_it(st, c, r))
		return;
	memset(&s, 0, sizeof(s));
	s.e.kind = "view";
	s.e.outcome = r == ZTJ_OK ? "opened" : "refused";
	s.e.code = r;
	s.e.person = c->who;
	s.e.by = c->who;
	s.e.address = a->address;
	set_container(&s, a->container, id);
	if (stmt != NULL) {
		s.e.sessions.s = stmt->u.view.sessions;
		s.e.sessions.n = stmt->u.view.nsessions;
		s.e.action = actions[stmt->u.view.action];
	}
	add(st, &s.e);
}

/* --- the rest --- */

void say_certificate(struct store *st, const struct say_certificate *d, int r)
{
	char serial[24];
	struct ztj_event e = { .kind = "certificate",
		.outcome = r == ZTJ_OK ? "issued" : "refused",
		.code = r,
		.request = d->request,
		.person = d->person,
		.by = d->person,
		.key = d->key,
		.address = d->address,
		.digest = d->digest,
		.ends = d->ends,
		.text = d->text };
	st->asked.said = true;
	/* Who asks is known, or nothing was asked. */
	if (ztj_err_class(r) == ZTJ_CLASS_OUTAGE ||
	    (r != ZTJ_OK && (reserve_spent(st) || !audit_may_refuse(st, d->person))))
		return;
	if (r == ZTJ_OK) {
		(void)snprintf(serial, sizeof(serial), "%llu", (unsigned long long)d->serial);
		e.certificate = serial;
	}
	add(st, &e);
}

void say_session(struct store *st, const struct db_session *s, const char *outcome,
    const struct ztj_stmt *head)
{
	struct ztj_event e = { .kind = "session",
		.outcome = outcome,
		.request = s->grant,
		.person = s->person,
		.host = s->host,
		.role = s->role,
		.service = s->service,
		.account = s->account,
		.address = s->peer,
		.session = s->id,
		.at = s->started,
		.ends = s->ends };
	if (head != NULL) {
		e.statement = head->id;
		e.digest = head->u.head.digest;
		e.chunks = head->u.head.chunks;
		e.bytes = head->u.head.bytes;
		e.at = head->issued;
		e.ends = 0;
	} else if (s->has_command) {
		e.command = s->command;
	}
	add(st, &e);
}

static const char *member(const json_t *line, const char *name)
{
	return json_string_value(json_object_get(line, name));
}

static const char *outcome_of(const char *event, int code)
{
	static const struct {
		const char *event, *outcome;
	} of[] = { { "alarm", "alarm" }, { "start", "started" }, { "stop", "stopped" },
		{ "policy", "adopted" } };
	for (size_t i = 0; event != NULL && i < sizeof(of) / sizeof(of[0]); i++)
		if (strcmp(event, of[i].event) == 0)
			return of[i].outcome;
	return code == ZTJ_OK ? "allowed" : "denied";
}

void say_decision(struct store *st, const char *host, const json_t *line, struct ztj_view text)
{
	uint8_t grant[ZTJ_DIGEST_LEN], digest[ZTJ_DIGEST_LEN];
	struct ztj_buf copy;
	const char *event = member(line, "event"), *code = member(line, "code");
	struct ztj_event e = { .kind = "decision",
		.host = host,
		.person = member(line, "person"),
		.rule = member(line, "rule"),
		.service = member(line, "service"),
		.account = member(line, "account"),
		.address = member(line, "peer"),
		.key = member(line, "key"),
		.tty = member(line, "tty"),
		.action = event };
	const char *time = member(line, "time"), *id = member(line, "grant"),
		   *conf = member(line, "configuration"), *policy = member(line, "policy");
	e.code = code == NULL ? ZTJ_INTERNAL : ztj_err_from_name(code);
	e.outcome = outcome_of(event, e.code);
	conf = conf != NULL ? conf : policy;
	if (conf != NULL && ztj_unhex(ztj_view_str(conf), digest, sizeof(digest)) == ZTJ_OK)
		e.digest = digest;
	if (time == NULL || ztj_time_parse(time, &e.at) != ZTJ_OK)
		e.at = 0;
	if (id != NULL && ztj_unhex(ztj_view_str(id), grant, sizeof(grant)) == ZTJ_OK)
		e.request = grant;
	ztj_buf_init(&copy, text.n + 1);
	(void)ztj_buf_put(&copy, text.p, text.n);
	e.line = ztj_buf_str(&copy);
	if (e.line == NULL)
		st->broken = true; /* no leaf without it */
	else
		add(st, &e);
	ztj_buf_free(&copy);
}

/* What is named by an id: a session by its own, a statement by its digest or, short, by name. */
static void set_id(struct ztj_event *e, const char *id, uint8_t room[ZTJ_DIGEST_LEN])
{
	if (ztj_session_id_ok(id))
		e->session = id;
	else if (strlen(id) == 2 * ZTJ_DIGEST_LEN &&
	    ztj_unhex(ztj_view_str(id), room, ZTJ_DIGEST_LEN) == ZTJ_OK)
		e->statement = room;
	else
		e->name = id;
}

void say_pending(struct store *st, const struct say_pending *d, int r)
{
	uint8_t id[ZTJ_DIGEST_LEN];
	struct said s;
	if (!worth_it(st, d->caller, r))
		return;
	memset(&s, 0, sizeof(s));
	s.e.kind = "pending";
	s.e.outcome = d->outcome;
	s.e.code = r;
	s.e.by = by_of(d->caller, s.by);
	s.e.address = d->ask->address;
	if (d->stmt != NULL) {
		s.e.type = d->stmt->u.pending.host ? "host" : "user";
		s.e.name = d->stmt->u.pending.name;
		s.e.statement = d->stmt->id;
		set_signers(&s, d->stmt);
	} else {
		set_id(&s.e, d->ask->id, id);
	}
	add(st, &s.e);
}

void say_refused(struct store *st, const struct ask *a, const struct caller *c, int err, const char *text)
{
	const struct audit_op op = audit_op(a->op);
	uint8_t id[ZTJ_DIGEST_LEN];
	struct said s;
	if (!audit_wants(a->op, c, err) || !worth_it(st, c, err))
		return;
	memset(&s, 0, sizeof(s));
	s.e.kind = op.kind;
	s.e.action = op.action;
	s.e.outcome = "refused";
	s.e.code = err;
	s.e.by = by_of(c, s.by);
	s.e.address = a->address;
	s.e.text = text;
	if (a->id[0] != '\0')
		set_id(&s.e, a->id, id);
	else if (a->name[0] != '\0' || a->path[0] != '\0')
		s.e.name = a->name[0] != '\0' ? a->name : a->path;
	if (s.e.statement == NULL && a->container.n > 0)
		set_container(&s, a->container, id);
	add(st, &s.e);
}

void say_stepup(struct store *st, const struct ask *a, const struct ztj_stmt *p, const char *outcome)
{
	struct said s;
	memset(&s, 0, sizeof(s));
	s.e = (struct ztj_event){ .kind = "stepup",
		.outcome = outcome,
		.statement = p->id,
		.request = p->u.stepup.grant,
		.person = p->u.stepup.who,
		.host = p->u.stepup.host,
		.service = p->u.stepup.service,
		.tty = p->u.stepup.tty,
		.by = st->asked.caller->who,
		.ends = p->u.stepup.expires };
	s.e.address = strcmp(p->u.stepup.peer, "-") == 0 ? a->address : p->u.stepup.peer;
	set_signers(&s, p);
	/* Only passed on: the host decides, and full disks are when root is needed. */
	if (!reserve_spent(st))
		add(st, &s.e);
}

void say_standing(struct store *st, const char *host, const struct ztj_stmt *p)
{
	const struct ztj_event_standing left = { p->u.standing.standing, p->u.standing.accepted,
		p->u.standing.expired, p->u.standing.missed };
	struct ztj_event e = { .kind = "standing",
		.outcome = "reported",
		.statement = p->id,
		.host = host,
		.left = &left,
		.at = p->issued };
	add(st, &e);
}
