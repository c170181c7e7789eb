/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Which refusals of a call leave a leaf, and how it is called. What changes something or carries a statement: each no. What only
 * reads: who is known and may not; strangers are counted in the metrics. A new op that is forgotten here leaves too much, not too little.
 */
#include "ztjit-broker/audit.h"
#include "ztjit-broker/httpstatus.h"

static const struct audit_op ops[OP_MAX] = {
	/* the frontend's own, never refused */
	[OP_WHO] = { "call", "who", AUDIT_NEVER },
	[OP_STREAM_MORE] = { "call", "stream", AUDIT_NEVER },
	[OP_STREAM_CLOSE] = { "call", "stream", AUDIT_NEVER },
	/* for anybody */
	[OP_BROKER] = { "call", "broker", AUDIT_RIGHTS },
	[OP_POLICY] = { "call", "policy", AUDIT_RIGHTS },
	[OP_METRICS] = { "call", "metrics", AUDIT_RIGHTS },
	/* statements */
	[OP_STATEMENT_PUT] = { "statement", NULL, AUDIT_EVERY },
	[OP_DIRECTORY_PUT] = { "directory", NULL, AUDIT_EVERY },
	[OP_PENDING_PUT] = { "pending", NULL, AUDIT_EVERY },
	[OP_STEPUP_PUT] = { "stepup", "ask", AUDIT_EVERY },
	[OP_STEPUP_ANSWER] = { "stepup", "answer", AUDIT_EVERY },
	[OP_SESSION_HEAD] = { "session", "head", AUDIT_EVERY },
	[OP_VIEW_PUT] = { "view", NULL, AUDIT_EVERY },
	[OP_STANDING_PUT] = { "standing", NULL, AUDIT_EVERY },
	/* what else changes something */
	[OP_PENDING_DELETE] = { "pending", "remove", AUDIT_EVERY },
	[OP_CERTIFICATE] = { "certificate", NULL, AUDIT_EVERY },
	[OP_SESSION_PUT] = { "session", "start", AUDIT_EVERY },
	[OP_DECISIONS_PUT] = { "decision", "lines", AUDIT_EVERY },
	/* a host that lost count is told the place: no leaf for each time */
	[OP_SESSION_CHUNKS] = { "session", "chunks", AUDIT_HIDDEN },
	[OP_STEPUP_END] = { "call", "stepup-end", AUDIT_RIGHTS },
	/* looking */
	[OP_SESSION_RECORD] = { "view", "record", AUDIT_HIDDEN },
	[OP_SESSION_GET] = { "call", "session", AUDIT_HIDDEN },
	[OP_SESSIONS] = { "call", "sessions", AUDIT_RIGHTS },
	[OP_STATEMENT_GET] = { "call", "statement", AUDIT_RIGHTS },
	[OP_REQUESTS] = { "call", "requests", AUDIT_RIGHTS },
	[OP_REQUEST_GET] = { "call", "request", AUDIT_RIGHTS },
	[OP_DIRECTORIES] = { "call", "directories", AUDIT_RIGHTS },
	[OP_DIRECTORY_GET] = { "call", "directory", AUDIT_RIGHTS },
	[OP_PENDING_LIST] = { "call", "pending", AUDIT_RIGHTS },
	[OP_STREAM_OPEN] = { "call", "stream", AUDIT_RIGHTS },
	[OP_STEPUP_LIST] = { "call", "stepups", AUDIT_RIGHTS },
	[OP_STANDING] = { "call", "standing", AUDIT_RIGHTS },
	[OP_LOG_CHECKPOINT] = { "call", "checkpoint", AUDIT_RIGHTS },
	[OP_LOG_GROWTH] = { "call", "growth", AUDIT_RIGHTS },
	[OP_LOG_TILE] = { "call", "tile", AUDIT_RIGHTS },
};

struct audit_op audit_op(enum op op)
{
	const struct audit_op forgotten = { "call", "?", AUDIT_EVERY };
	return op > OP_NONE && op < OP_MAX && ops[op].kind != NULL ? ops[op] : forgotten;
}

bool audit_wants(enum op op, const struct caller *c, int err)
{
	unsigned status = http_status(err);
	bool rights = status == 401 || status == 403, known = c->kind != CALLER_ANONYMOUS;
	switch (audit_op(op).refused) {
	case AUDIT_NEVER:
		return false;
	case AUDIT_RIGHTS:
		return known && rights;
	case AUDIT_HIDDEN:
		return known && (rights || status == 404);
	case AUDIT_EVERY:
		break;
	}
	return true;
}
