/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/statement_fields.h"

#include <assert.h>

#include "libztjit/core/directory.h"

#define AT(f) offsetof(struct ztj_stmt, f)
#define HEAD \
	{ "v", ZTJ_F_VERSION, false, 0, 0, 1, 1, "format version" }, \
	    { "type", ZTJ_F_TYPE, false, 0, 0, 0, 0, "statement" }, \
	    { "domain", ZTJ_F_DOMAIN, false, AT(domain), 0, 0, 0, "domain" }, \
	{ \
		"issued", ZTJ_F_TIME, false, AT(issued), 0, 0, 0, "issued" \
	}
#define SEEN \
	{ \
		"seen", ZTJ_F_SEEN, false, AT(seen), 0, 0, 0, "seen" \
	}
#define NONCE(second) \
	{ \
		"nonce", ZTJ_F_NONCE, false, AT(nonce), second, 0, 0, "nonce" \
	}

static const struct ztj_jmember directory_members[] = { HEAD,
	{ "name", ZTJ_F_NAME, false, AT(u.directory.name), 0, 0, 0, "directory" },
	{ "serial", ZTJ_F_INT, false, AT(u.directory.serial), 0, 1, ZTJ_JSON_INT_MAX, "serial" },
	{ "previous", ZTJ_F_DIGEST, false, AT(u.directory.previous), 0, 0, 0, "previous" },
	{ "expires", ZTJ_F_TIME, false, AT(u.directory.expires), 0, 0, 0, "expires" },
	{ "records", ZTJ_F_INT, false, AT(u.directory.records), 0, 0, ZTJ_DIR_RECORDS_MAX, "records" },
	{ "root", ZTJ_F_DIGEST, false, AT(u.directory.root), 0, 0, 0, "Merkle root" }, SEEN };

static const struct ztj_jmember login_members[] = { HEAD,
	{ "who", ZTJ_F_PERSON, true, AT(u.login.who), 0, 0, 0, "who" },
	{ "key", ZTJ_F_KEY, false, AT(u.login.key), 0, 0, 0, "login key" },
	{ "broker", ZTJ_F_FINGERPRINT, false, AT(u.login.broker), 0, 0, 0, "broker" },
	{ "expires", ZTJ_F_TIME, false, AT(u.login.expires), 0, 0, 0, "expires" }, NONCE(0) };

static const struct ztj_jmember request_members[] = { HEAD,
	{ "who", ZTJ_F_PERSON, false, AT(u.request.who), 0, 0, 0, "who" },
	{ "role", ZTJ_F_NAME, false, AT(u.request.role), 0, 0, 0, "role" },
	{ "hosts", ZTJ_F_HOSTS, false, AT(u.request.hosts), AT(u.request.nhosts), 1, ZTJ_HOSTS_MAX, "host" },
	{ "duration", ZTJ_F_SECONDS, false, AT(u.request.duration), 0, 1, ZTJ_DURATION_MAX, "duration" },
	{ "start", ZTJ_F_TIME, true, AT(u.request.start), 0, 0, 0, "start" },
	{ "reason", ZTJ_F_TEXT, false, AT(u.request.reason), 0, 0, ZTJ_REASON_MAX, "reason" },
	{ "ticket", ZTJ_F_TEXT, true, AT(u.request.ticket), 0, 1, 128, "ticket" },
	{ "valid_until", ZTJ_F_TIME, false, AT(u.request.valid_until), 0, 0, 0, "approve before" },
	{ "break_glass", ZTJ_F_TRUE, true, AT(u.request.break_glass), 0, 0, 0, "break glass" },
	{ "follows", ZTJ_F_DIGEST, true, AT(u.request.follows), AT(u.request.has_follows), 0, 0, "extends" },
	NONCE(0), SEEN, { "kit", ZTJ_F_KIT, true, 0, 0, 0, 0, "kit" },
	{ "not_after", ZTJ_F_KIT, true, 0, 0, 0, 0, "not after" } };

static const struct ztj_jmember approval_members[] = { HEAD,
	{ "who", ZTJ_F_PERSON, false, AT(u.approval.who), 0, 0, 0, "who" },
	{ "request", ZTJ_F_DIGEST, false, AT(u.approval.request), 0, 0, 0, "request" },
	{ "decision", ZTJ_F_DECISION, false, AT(u.approval.deny), 0, 0, 0, "decision" },
	{ "limit", ZTJ_F_SECONDS, true, AT(u.approval.limit), 0, 1, ZTJ_DURATION_MAX, "limit" },
	{ "comment", ZTJ_F_TEXT, true, AT(u.approval.comment), 0, 1, ZTJ_REASON_MAX, "comment" }, SEEN };

static const struct ztj_jmember revocation_members[] = { HEAD,
	{ "who", ZTJ_F_PERSON, true, AT(u.revocation.who), 0, 0, 0, "who" },
	{ "reason", ZTJ_F_TEXT, false, AT(u.revocation.reason), 0, 1, ZTJ_REASON_MAX, "reason" },
	{ "request", ZTJ_F_REVOKES, true, AT(u.revocation.request), ZTJ_REVOKES_REQUEST, 0, 0,
	    "revoked request" },
	{ "user", ZTJ_F_REVOKES, true, AT(u.revocation.name), ZTJ_REVOKES_USER, 0, 0, "revoked person" },
	{ "host", ZTJ_F_REVOKES, true, AT(u.revocation.name), ZTJ_REVOKES_HOST, 0, 0, "revoked host" },
	{ "until", ZTJ_F_TIME, true, AT(u.revocation.until), 0, 0, 0, "until" },
	{ "serial", ZTJ_F_INT, true, AT(u.revocation.serial), 0, 1, ZTJ_JSON_INT_MAX, "directory serial" } };

static const struct ztj_jmember stepup_members[] = { HEAD,
	{ "who", ZTJ_F_PERSON, false, AT(u.stepup.who), 0, 0, 0, "who" },
	{ "host", ZTJ_F_HOST, false, AT(u.stepup.host), 0, 0, 0, "host" },
	{ "service", ZTJ_F_NAME, false, AT(u.stepup.service), 0, 0, 0, "service" },
	{ "accounts", ZTJ_F_ACCOUNTS, false, AT(u.stepup.accounts), AT(u.stepup.naccounts), 1, 64,
	    "account" },
	{ "tty", ZTJ_F_TEXT, false, AT(u.stepup.tty), 0, 1, 64, "terminal" },
	{ "peer", ZTJ_F_TEXT, false, AT(u.stepup.peer), 0, 1, 64, "from" },
	{ "grant", ZTJ_F_DIGEST, false, AT(u.stepup.grant), 0, 0, 0, "request" }, NONCE(AT(u.stepup.nonce)),
	{ "expires", ZTJ_F_TIME, false, AT(u.stepup.expires), 0, 0, 0, "expires" } };

static const struct ztj_jmember status_members[] = { HEAD,
	{ "policy", ZTJ_F_STATUS_POLICY, false, 0, 0, 0, 0, "policy" },
	{ "directories", ZTJ_F_STATUS_DIRS, false, 0, 0, 0, ZTJ_SEEN_MAX, "directory" },
	{ "revocations", ZTJ_F_STATUS_REVOCATIONS, false, 0, 0, 0, 0, "revocations" },
	{ "checkpoint", ZTJ_F_CHECKPOINT, false, AT(u.status.checkpoint), 0, 4, ZTJ_STATUS_CHECKPOINT_MAX,
	    "checkpoint" } };

static const struct ztj_jmember pending_members[] = { HEAD,
	{ "kind", ZTJ_F_PENDING_KIND, false, AT(u.pending.host), 0, 0, 0, "kind" },
	{ "name", ZTJ_F_TEXT, false, AT(u.pending.name), 0, 1, ZTJ_HOSTNAME_SIZE - 1, "name" }, NONCE(0),
	{ "keys", ZTJ_F_USER_KEYS, true, 0, 0, 1, 8, "key" },
	{ "machine", ZTJ_F_KEY, true, AT(u.pending.machine), 0, 0, 0, "machine key" },
	{ "tls", ZTJ_F_KEY, true, AT(u.pending.tls), 0, 0, 0, "TLS key" },
	{ "ssh", ZTJ_F_SSH_KEYS, true, 0, 0, 1, 8, "SSH host key" },
	{ "proof", ZTJ_F_DIGEST, true, AT(u.pending.proof), AT(u.pending.has_proof), 0, 0,
	    "proof of a token" } };

static const struct ztj_jmember head_members[] = { HEAD,
	{ "host", ZTJ_F_HOST, false, AT(u.head.host), 0, 0, 0, "host" },
	{ "session", ZTJ_F_DIGEST, false, AT(u.head.session), 0, 0, 0, "session" },
	{ "chunks", ZTJ_F_INT, false, AT(u.head.chunks), 0, 0, UINT32_MAX, "chunks" },
	{ "bytes", ZTJ_F_INT, false, AT(u.head.bytes), 0, 0, ZTJ_JSON_INT_MAX, "bytes" },
	{ "digest", ZTJ_F_DIGEST, false, AT(u.head.digest), 0, 0, 0, "newest chunk" },
	{ "state", ZTJ_F_WORD, false, AT(u.head.state), ZTJ_WORDS_HEAD_STATE, 0, 0, "state" } };

static const struct ztj_jmember view_members[] = { HEAD,
	{ "who", ZTJ_F_PERSON, false, AT(u.view.who), 0, 0, 0, "who" },
	{ "sessions", ZTJ_F_SESSIONS, false, AT(u.view.sessions), AT(u.view.nsessions), 1, ZTJ_VIEW_MAX,
	    "session" },
	{ "action", ZTJ_F_WORD, false, AT(u.view.action), ZTJ_WORDS_VIEW_ACTION, 0, 0, "action" }, NONCE(0) };

static const struct ztj_jmember kill_members[] = { HEAD,
	{ "who", ZTJ_F_PERSON, false, AT(u.kill.who), 0, 0, 0, "who" },
	{ "host", ZTJ_F_HOST, false, AT(u.kill.host), 0, 0, 0, "host" },
	{ "session", ZTJ_F_DIGEST, false, AT(u.kill.session), 0, 0, 0, "session to end" },
	{ "reason", ZTJ_F_TEXT, false, AT(u.kill.reason), 0, 1, ZTJ_REASON_MAX, "reason" }, NONCE(0) };

static const struct ztj_jmember standing_members[] = { HEAD,
	{ "host", ZTJ_F_HOST, false, AT(u.standing.host), 0, 0, 0, "host" },
	{ "standing", ZTJ_F_INT, false, AT(u.standing.standing), 0, 0, UINT32_MAX, "standing" },
	{ "accepted", ZTJ_F_INT, false, AT(u.standing.accepted), 0, 0, UINT32_MAX, "accepted" },
	{ "expired", ZTJ_F_INT, false, AT(u.standing.expired), 0, 0, UINT32_MAX, "expired exceptions" },
	{ "missed", ZTJ_F_INT, false, AT(u.standing.missed), 0, 0, UINT32_MAX, "not looked at" },
	{ "digest", ZTJ_F_DIGEST, false, AT(u.standing.digest), 0, 0, 0, "report" } };

#define TABLE(t) \
	{ \
		t##_members, sizeof(t##_members) / sizeof(t##_members[0]), false \
	}
static const struct {
	const char *name, *ns;
	struct ztj_jtable table;
} types[] = { [ZTJ_STMT_NONE] = { "none", "", { NULL, 0, false } },
	[ZTJ_STMT_POLICY] = { "policy", "policy@ztjit", { NULL, 0, false } },
	[ZTJ_STMT_DIRECTORY] = { "directory", "directory@ztjit", TABLE(directory) },
	[ZTJ_STMT_LOGIN] = { "login", "login@ztjit", TABLE(login) },
	[ZTJ_STMT_REQUEST] = { "request", "request@ztjit", TABLE(request) },
	[ZTJ_STMT_APPROVAL] = { "approval", "approval@ztjit", TABLE(approval) },
	[ZTJ_STMT_REVOCATION] = { "revocation", "revocation@ztjit", TABLE(revocation) },
	[ZTJ_STMT_STEPUP] = { "stepup", "stepup@ztjit", TABLE(stepup) },
	[ZTJ_STMT_STATUS] = { "status", "status@ztjit", TABLE(status) },
	[ZTJ_STMT_PENDING] = { "pending", "pending@ztjit", TABLE(pending) },
	[ZTJ_STMT_HEAD] = { "head", "head@ztjit", TABLE(head) },
	[ZTJ_STMT_VIEW] = { "view", "view@ztjit", TABLE(view) },
	[ZTJ_STMT_KILL] = { "kill", "kill@ztjit", TABLE(kill) },
	[ZTJ_STMT_STANDING] = { "standing", "standing@ztjit", TABLE(standing) } };
#define NTYPES (sizeof(types) / sizeof(types[0]))

const char *ztj_stmt_type_name(enum ztj_stmt_type t)
{
	return types[(size_t)t < NTYPES ? (size_t)t : 0].name;
}

enum ztj_stmt_type ztj_stmt_type_from(const char *name)
{
	for (size_t i = 1; i < NTYPES; i++)
		if (strcmp(types[i].name, name) == 0)
			return (enum ztj_stmt_type)i;
	return ZTJ_STMT_NONE;
}

const char *ztj_stmt_namespace(enum ztj_stmt_type t)
{
	return types[(size_t)t < NTYPES ? (size_t)t : 0].ns;
}

const struct ztj_jtable *ztj_stmt_table(enum ztj_stmt_type t)
{
	return (size_t)t < NTYPES && types[t].table.n > 0 ? &types[t].table : NULL;
}

const char *const *ztj_field_words(const struct ztj_jmember *m)
{
	static const char *const states
	    [] = { [ZTJ_HEAD_OPEN] = "open", [ZTJ_HEAD_CLOSED] = "closed", [ZTJ_HEAD_LOST] = "lost", NULL };
	static const char *const actions[] = { [ZTJ_VIEW_PLAY] = "play",
		[ZTJ_VIEW_TAIL] = "tail",
		[ZTJ_VIEW_SEARCH] = "search",
		[ZTJ_VIEW_EXPORT] = "export",
		NULL };

	return m->aux == ZTJ_WORDS_HEAD_STATE ? states : actions;
}

static_assert(sizeof(enum ztj_head_state) == sizeof(unsigned) &&
	sizeof(enum ztj_view_action) == sizeof(unsigned),
    "words are read and written as unsigned");

const char *ztj_field_word(const struct ztj_jmember *m, const struct ztj_stmt *st)
{
	const char *const *words = ztj_field_words(m);
	unsigned v;

	memcpy(&v, ztj_field_c(st, m->at), sizeof(v));
	for (unsigned i = 0; words[i] != NULL; i++)
		if (i == v)
			return words[i];
	return NULL;
}

static bool present_digest(const struct ztj_jmember *m, const struct ztj_stmt *st)
{
	return m->aux == 0 || *(const bool *)ztj_field_c(st, m->aux);
}

bool ztj_field_present(const struct ztj_jmember *m, const struct ztj_stmt *st)
{
	if (!m->optional)
		return true;
	switch ((enum ztj_field_kind)m->kind) {
	case ZTJ_F_TIME:
	case ZTJ_F_INT:
	case ZTJ_F_SECONDS:
		return ztj_field_int(st, m->at) != 0;
	case ZTJ_F_TEXT:
	case ZTJ_F_NAME:
	case ZTJ_F_PERSON:
	case ZTJ_F_HOST:
	case ZTJ_F_NONCE:
	case ZTJ_F_FINGERPRINT:
		return ztj_field_text(st, m->at)[0] != '\0';
	case ZTJ_F_DIGEST:
		return present_digest(m, st);
	case ZTJ_F_KEY:
		return ((const struct ztj_key *)ztj_field_c(st, m->at))->type != ZTJ_KEY_NONE;
	case ZTJ_F_TRUE:
		return *(const bool *)ztj_field_c(st, m->at);
	case ZTJ_F_REVOKES:
		return (size_t)st->u.revocation.what == m->aux;
	case ZTJ_F_USER_KEYS:
		return st->u.pending.nkeys > 0;
	case ZTJ_F_SSH_KEYS:
		return st->u.pending.nssh > 0;
	case ZTJ_F_KIT:
		return false;
	case ZTJ_F_VERSION:
	case ZTJ_F_TYPE:
	case ZTJ_F_DOMAIN:
	case ZTJ_F_DECISION:
	case ZTJ_F_HOSTS:
	case ZTJ_F_ACCOUNTS:
	case ZTJ_F_SESSIONS:
	case ZTJ_F_WORD:
	case ZTJ_F_SEEN:
	case ZTJ_F_STATUS_POLICY:
	case ZTJ_F_STATUS_DIRS:
	case ZTJ_F_STATUS_REVOCATIONS:
	case ZTJ_F_CHECKPOINT:
	case ZTJ_F_PENDING_KIND:
	default:
		return true;
	}
}
