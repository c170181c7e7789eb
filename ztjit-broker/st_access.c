/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The table of who may ask what (B01). What is not here is refused. */
#include "ztjit-broker/store.h"

#define ANYONE (CALLER_ANONYMOUS | CALLER_HOST | CALLER_PERSON | CALLER_REGISTRAR)
#define KNOWN (CALLER_HOST | CALLER_PERSON | CALLER_REGISTRAR)

static const unsigned may[OP_MAX] = {
	[OP_WHO] = ANYONE,
	[OP_BROKER] = ANYONE,
	[OP_POLICY] = ANYONE,
	[OP_STATEMENT_PUT] = ANYONE, /* then by type, below */
	[OP_STATEMENT_GET] = CALLER_HOST | CALLER_PERSON,
	[OP_REQUESTS] = CALLER_PERSON,
	[OP_REQUEST_GET] = CALLER_PERSON,
	[OP_DIRECTORIES] = KNOWN,
	[OP_DIRECTORY_GET] = KNOWN,
	[OP_DIRECTORY_PUT] = CALLER_REGISTRAR,
	[OP_PENDING_PUT] = ANYONE,
	[OP_PENDING_LIST] = CALLER_REGISTRAR,
	[OP_PENDING_DELETE] = CALLER_REGISTRAR,
	[OP_CERTIFICATE] = CALLER_PERSON,
	[OP_STREAM_OPEN] = CALLER_HOST | CALLER_PERSON,
	[OP_STREAM_MORE] = ANYONE, /* the frontend itself, about a stream it holds */
	[OP_STREAM_CLOSE] = ANYONE,
	[OP_STEPUP_PUT] = CALLER_HOST,
	[OP_STEPUP_LIST] = CALLER_PERSON,
	[OP_STEPUP_ANSWER] = CALLER_PERSON,
	[OP_STEPUP_END] = CALLER_HOST,
	[OP_SESSION_PUT] = CALLER_HOST,
	[OP_SESSION_CHUNKS] = CALLER_HOST,
	[OP_SESSION_HEAD] = CALLER_HOST,
	[OP_SESSIONS] = CALLER_PERSON,
	[OP_SESSION_GET] = CALLER_PERSON,
	[OP_SESSION_RECORD] = CALLER_PERSON,
	[OP_VIEW_PUT] = CALLER_PERSON,
	[OP_STANDING_PUT] = CALLER_HOST,
	[OP_STANDING] = CALLER_PERSON,
	[OP_DECISIONS_PUT] = CALLER_HOST,
	[OP_LOG_CHECKPOINT] = CALLER_HOST | CALLER_PERSON,
	[OP_LOG_GROWTH] = CALLER_HOST | CALLER_PERSON,
	[OP_LOG_TILE] = CALLER_PERSON, /* auditors */
	[OP_METRICS] = ANYONE,         /* the frontend has looked at the address */
};

static const unsigned may_put[ZTJ_STMT_LAST + 1] = {
	[ZTJ_STMT_POLICY] = ANYONE,
	[ZTJ_STMT_LOGIN] = ANYONE,
	[ZTJ_STMT_REQUEST] = KNOWN,
	[ZTJ_STMT_APPROVAL] = KNOWN,
	[ZTJ_STMT_REVOCATION] = KNOWN,
	[ZTJ_STMT_KILL] = KNOWN,
};

static int judge(unsigned mask, const struct caller *c)
{
	unsigned is = (unsigned)c->kind | (c->registrar ? (unsigned)CALLER_REGISTRAR : 0);
	if (mask & is)
		return ZTJ_OK;
	return c->kind == CALLER_ANONYMOUS && mask != 0 ? ZTJ_NOT_FOUND : ZTJ_FORBIDDEN;
}

int access_check(enum op op, const struct caller *c)
{
	return op > OP_NONE && op < OP_MAX ? judge(may[op], c) : ZTJ_FORBIDDEN;
}

int access_check_statement(enum ztj_stmt_type type, const struct caller *c)
{
	if (type <= ZTJ_STMT_NONE || type > ZTJ_STMT_LAST || may_put[type] == 0)
		return ZTJ_STMT_TYPE;
	return judge(may_put[type], c);
}
