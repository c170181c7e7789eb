/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The typed messages between the broker's processes (PROTOCOL section 7). Reading is
 * strict: every field bounded, nothing left over. No message carries a path, SQL or bytes to sign.
 */
#ifndef ZTJ_BROKER_PROTO_H
#define ZTJ_BROKER_PROTO_H

#include <netinet/in.h>

#include "libztjit/core/directory.h"
#include "libztjit/core/tlog.h"

#define PROTO_BODY_MAX ((size_t)400 * 1024 * 1024) /* a directory of everybody, in either direction */
#define PROTO_TLS_LEN 32                           /* an Ed25519 public key */
#define PROTO_CONTAINER_MAX (ZTJ_POLICY_MAX + 64 * 1024)
#define PROTO_CHUNKS_MAX ((size_t)1024 * 1024) /* of a record in one message */
#define PROTO_COMMAND_SIZE 1025
#define PROTO_WAIT_MAX 20
#define PROTO_DAYS_MAX 400 /* of history */

/* Frontend to store. */
enum op {
	OP_NONE, OP_WHO, OP_BROKER, OP_POLICY, OP_STATEMENT_PUT, OP_STATEMENT_GET, OP_REQUESTS, OP_REQUEST_GET,
	OP_DIRECTORIES, OP_DIRECTORY_GET, OP_DIRECTORY_PUT, OP_PENDING_PUT, OP_PENDING_LIST, OP_PENDING_DELETE,
	OP_CERTIFICATE, OP_STREAM_OPEN, OP_STREAM_MORE, OP_STREAM_CLOSE, OP_STEPUP_PUT, OP_STEPUP_LIST,
	OP_STEPUP_ANSWER, OP_METRICS, OP_STEPUP_END, OP_SESSION_PUT, OP_SESSION_CHUNKS, OP_SESSION_HEAD, OP_SESSIONS,
	OP_SESSION_GET, OP_SESSION_RECORD, OP_VIEW_PUT, OP_STANDING_PUT, OP_STANDING,
	OP_LOG_CHECKPOINT, OP_LOG_TILE, OP_DECISIONS_PUT, OP_LOG_GROWTH, OP_MAX
};
/* Store to frontend. */
enum { MSG_REPLY = 64, MSG_WHOIS, MSG_LINES, MSG_FANOUT, MSG_STREAM_END };
/* Store to signer, and its answers. */
enum { SGN_POLICY = 96, SGN_DIRECTORY, SGN_REVOCATION, SGN_CERTIFY, SGN_STATUS, SGN_JOIN };
enum { SGN_TAKEN = 112, SGN_CERTIFIED, SGN_STATUS_IS, SGN_JOINED };

/* What a caller may be, as bits of the permission table. */
enum caller_kind { CALLER_ANONYMOUS = 1, CALLER_HOST = 2, CALLER_PERSON = 4, CALLER_REGISTRAR = 8 };

/* A list of strings inside a message. */
struct proto_list {
	uint32_t n;
	struct ztj_view raw;
};

/* SESSION_PUT: what a host says of a session that begins. */
struct ask_session {
	uint8_t name[ZTJ_DIGEST_LEN], grant[ZTJ_DIGEST_LEN];
	char person[ZTJ_FULLNAME_SIZE];
	char account[ZTJ_HOSTNAME_SIZE], peer[ZTJ_HOSTNAME_SIZE], service[ZTJ_NAME_SIZE], role[ZTJ_NAME_SIZE];
	bool has_command, tty;
	char command[PROTO_COMMAND_SIZE];
	int64_t started, ends;
};
/* SESSIONS: which; what is empty or 0 does not matter. The state is ask.state. STANDING: host, or all behind text in the order
 * of names; n days. */
struct ask_find {
	char user[ZTJ_FULLNAME_SIZE], host[ZTJ_FULLNAME_SIZE], role[ZTJ_NAME_SIZE], text[129];
	int64_t since, until, n;
};

/* One question of the frontend. Fields beyond the first three depend on op. */
struct ask {
	enum op op;
	uint32_t tag;            /* echoed in the answer; names a stream for STREAM_* */
	struct ztj_view tls;     /* the caller's TLS key, 32 bytes, or empty */
	char address[INET6_ADDRSTRLEN];
	struct ztj_view container;
	char id[ZTJ_HEX_SIZE];   /* a full digest in hex or a short id */
	char name[ZTJ_NAME_SIZE];
	int64_t number;          /* since, or the base serial; LOG_GROWTH: from */
	int64_t to;              /* LOG_GROWTH */
	char state[16];          /* REQUESTS: a state name or "" */
	bool mine, review;
	bool hosts;              /* PENDING_LIST: hosts, else users */
	bool taken;              /* STEPUP_END: the answer was used */
	bool then;               /* DIRECTORY_GET: as it was at the serial `number` */
	struct ztj_view key;     /* a key as text */
	struct ztj_view sig;     /* a binary SSHSIG */
	struct proto_list drop, put;
	struct ztj_view bytes;   /* SESSION_CHUNKS, STANDING_PUT, DECISIONS_PUT */
	int64_t wait;            /* SESSION_RECORD: seconds */
	struct ask_session session;
	struct ask_find find;
	char path[ZTJ_TILE_PATH_SIZE]; /* LOG_TILE */
};

/* Appends the body. */
int ask_write(const struct ask *a, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Views point into body. ZTJ_PROTOCOL for a type that is none, and the wire errors. */
int ask_read(uint8_t type, struct ztj_view body, struct ask *out) ZTJ_MUST_CHECK;

/* MSG_REPLY: the HTTP status and its JSON body. */
struct reply {
	uint32_t tag, status;
	struct ztj_view body;
};
int reply_write(const struct reply *r, struct ztj_buf *out) ZTJ_MUST_CHECK;
int reply_read(struct ztj_view body, struct reply *out) ZTJ_MUST_CHECK;

/* SGN_CERTIFIED. */
struct certified {
	uint32_t tag;
	int code;
	uint64_t serial;
	int64_t ends;
	struct ztj_view cert;    /* the blob */
	struct ztj_view text;    /* why not */
};
int certified_write(const struct certified *c, struct ztj_buf *out) ZTJ_MUST_CHECK;
int certified_read(struct ztj_view body, struct certified *out) ZTJ_MUST_CHECK;

/* SGN_JOINED: a directory with one host more. */
struct joined {
	uint32_t tag;
	int code;
	char name[ZTJ_NAME_SIZE]; /* the directory */
	int64_t base;             /* the serial that it goes on from */
	struct ztj_view container, record;
};
int joined_write(const struct joined *j, struct ztj_buf *out) ZTJ_MUST_CHECK;
int joined_read(struct ztj_view body, struct joined *out) ZTJ_MUST_CHECK;

/* Walks a list: the next string, or ZTJ_NOT_FOUND after the last. */
int proto_list_next(struct proto_list *l, size_t max, struct ztj_view *out) ZTJ_MUST_CHECK;
/* Appends uint32 n and nothing else; the strings follow by ztj_buf_put_view. */
int proto_list_write(const struct proto_list *l, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Reads a list and checks that its strings are whole. */
int proto_list_read(struct ztj_rd *rd, uint32_t most, size_t max, struct proto_list *out) ZTJ_MUST_CHECK;

#endif
