/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Statements (DESIGN section 4, doc/PROTOCOL.md "Statements"): bytes plus detached
 * SSHSIG signatures. Verify before parse. Nothing here re-serialises.
 */
#ifndef ZTJ_CORE_STATEMENT_H
#define ZTJ_CORE_STATEMENT_H

#include "libztjit/core/sshsig.h"
#include "libztjit/core/text.h"
#include "libztjit/core/ztime.h"

#define ZTJ_STMT_MAX (32 * 1024)
#define ZTJ_POLICY_MAX (1024 * 1024)
#define ZTJ_SIGS_MAX 16
#define ZTJ_HOSTS_MAX 256
#define ZTJ_SEEN_MAX 64
#define ZTJ_VIEW_MAX 64 /* sessions that one view opens */
#define ZTJ_REASON_MAX 1024
#define ZTJ_CLOCK_AHEAD 120 /* hosts refuse what is dated further ahead */
#define ZTJ_CLOCK_SKEW 60   /* broker and CLI refuse what is further off */
#define ZTJ_LOGIN_MAX (12 * 3600)
#define ZTJ_STATUS_CHECKPOINT_MAX 5464 /* base64 of 4096 bytes */
#define ZTJ_BROKER_REVOKE_MAX (24 * 3600)

enum ztj_stmt_type {
	ZTJ_STMT_NONE, ZTJ_STMT_POLICY, ZTJ_STMT_DIRECTORY, ZTJ_STMT_LOGIN, ZTJ_STMT_REQUEST,
	ZTJ_STMT_APPROVAL, ZTJ_STMT_REVOCATION, ZTJ_STMT_STEPUP, ZTJ_STMT_STATUS, ZTJ_STMT_PENDING,
	ZTJ_STMT_HEAD, ZTJ_STMT_VIEW, ZTJ_STMT_KILL, ZTJ_STMT_STANDING
};
#define ZTJ_STMT_LAST ZTJ_STMT_STANDING
const char *ztj_stmt_type_name(enum ztj_stmt_type t); /* "request" */
enum ztj_stmt_type ztj_stmt_type_from(const char *name);
/* The namespace: "request@ztjit". */
const char *ztj_stmt_namespace(enum ztj_stmt_type t);

/* Bytes and signatures as they travel. Views into somebody else's memory. */
struct ztj_signed {
	struct ztj_view bytes;
	struct ztj_view sig[ZTJ_SIGS_MAX]; /* binary SSHSIG blobs */
	size_t nsigs;
};

/* Container (PROTOCOL "Signed container"): string bytes, uint32 n, n × string sig. */
int ztj_signed_read(struct ztj_rd *rd, struct ztj_signed *out) ZTJ_MUST_CHECK;
int ztj_signed_write(const struct ztj_signed *s, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* The same as JSON text {"statement": base64, "signatures": [armoured, …]}; *mem owns what out points into. */
int ztj_signed_from_json(struct ztj_view json, struct ztj_buf *mem, struct ztj_signed *out) ZTJ_MUST_CHECK;
int ztj_signed_to_json(const struct ztj_signed *s, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* What its signer's CLI held. */
struct ztj_seen {
	int64_t policy;  /* 0: none */
	size_t ndirs;
	struct { const char *name; int64_t serial; } dir[ZTJ_SEEN_MAX];
};

struct ztj_policy; /* policy.h */

/* A parsed statement. Strings point into memory it owns; absent optional text is "". */
struct ztj_stmt {
	enum ztj_stmt_type type;
	uint8_t id[ZTJ_DIGEST_LEN];
	const char *domain;
	int64_t issued;
	struct ztj_seen seen;          /* request, approval, directory */
	const char *nonce;             /* login, request, stepup, pending, view, kill: 64 hex digits; else "" */
	size_t nsigners;
	struct ztj_signer signer[ZTJ_SIGS_MAX]; /* distinct keys, in the order given */
	union {
		struct {
			const char *name;
			int64_t serial, expires, records;
			uint8_t previous[ZTJ_DIGEST_LEN], root[ZTJ_DIGEST_LEN];
		} directory;
		struct {
			const char *who;   /* full name, or "" for a key the policy names */
			struct ztj_key key; /* the TLS client key */
			const char *broker; /* fingerprint of the broker's online key */
			int64_t expires;
		} login;
		struct {
			const char *who, *role, *reason, *ticket;
			size_t nhosts;
			const char **hosts;  /* full names, sorted, distinct */
			int64_t duration;
			int64_t start;       /* 0: as soon as approved */
			int64_t valid_until; /* for approval */
			bool break_glass;
			bool has_follows;
			uint8_t follows[ZTJ_DIGEST_LEN];
		} request;
		struct {
			const char *who, *comment;
			uint8_t request[ZTJ_DIGEST_LEN];
			bool deny;
			int64_t limit;       /* seconds; 0: none given */
		} approval;
		struct {
			const char *who;     /* full name; "" for a registrar's or the broker's key */
			const char *reason;
			enum ztj_revokes { ZTJ_REVOKES_REQUEST, ZTJ_REVOKES_USER, ZTJ_REVOKES_HOST } what;
			uint8_t request[ZTJ_DIGEST_LEN];
			const char *name;    /* full name of the user or host */
			int64_t until;       /* user, host */
			int64_t serial;      /* readmitted by a directory serial above this */
		} revocation;
		struct {
			const char *who, *host, *service, *tty, *peer;
			size_t naccounts;
			const char **accounts;
			uint8_t grant[ZTJ_DIGEST_LEN];
			const char *nonce;   /* hex, 64 digits */
			int64_t expires;
		} stepup;
		struct {
			int64_t policy_version;
			uint8_t policy[ZTJ_DIGEST_LEN];
			size_t ndirs;
			struct { const char *name; int64_t serial; uint8_t digest[ZTJ_DIGEST_LEN]; } dir[ZTJ_SEEN_MAX];
			int64_t revocations;
			uint8_t head[ZTJ_DIGEST_LEN];
			const char *checkpoint; /* of the audit log (checkpoint.h), in base64; "": none */
		} status;
		struct {
			bool host;
			const char *name;
			/* user */
			size_t nkeys;
			struct { struct ztj_key key; const char *credential, *attestation; } key[8];
			/* host */
			struct ztj_key machine, tls;
			size_t nssh;
			struct ztj_key ssh[8];
			bool has_proof;
			uint8_t proof[ZTJ_DIGEST_LEN]; /* of a token (hostproof.h) */
		} pending;
		struct {
			const char *host;    /* full name */
			uint8_t session[ZTJ_DIGEST_LEN]; /* the host's name for it */
			int64_t chunks, bytes;
			uint8_t digest[ZTJ_DIGEST_LEN];  /* of the newest chunk; zeros: none yet */
			enum ztj_head_state { ZTJ_HEAD_OPEN, ZTJ_HEAD_CLOSED, ZTJ_HEAD_LOST } state;
		} head;
		struct {
			const char *who;
			size_t nsessions;
			const char **sessions; /* broker ids, sorted, distinct */
			enum ztj_view_action { ZTJ_VIEW_PLAY, ZTJ_VIEW_TAIL, ZTJ_VIEW_SEARCH, ZTJ_VIEW_EXPORT } action;
		} view;
		struct {
			const char *who, *host; /* full names */
			const char *reason;
			uint8_t session[ZTJ_DIGEST_LEN];
		} kill;
		struct {
			const char *host;    /* full name */
			int64_t standing, accepted, expired; /* entries of a scan: new, accepted, with an exception that ended */
			int64_t missed;      /* what could not be looked at; 0: the scan is whole */
			uint8_t digest[ZTJ_DIGEST_LEN]; /* of the report */
		} standing;
	} u;
	void *priv;
};

/* The statement id: SHA-256 of the bytes. */
int ztj_stmt_id(struct ztj_view bytes, uint8_t out[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;

struct ztj_sigcache;

/* Verifies every signature over the raw bytes in the namespace of `type`, nothing else: 1–16 of them, by
 * distinct keys (else ZTJ_THRESHOLD), user-present where the key can say so. For bytes that have their own parser
 * (policy.h). who has room for ZTJ_SIGS_MAX; c may be NULL. */
int ztj_signed_verify(struct ztj_sigcache *c, const struct ztj_signed *s, enum ztj_stmt_type type,
    struct ztj_signer *who) ZTJ_MUST_CHECK;

/* Verifies every signature over the raw bytes in the namespace of `type`, then parses
 * strictly and demands that the type member is `type` and the domain is `domain`. Who the signers are *allowed*
 * to be is not judged here. Key kinds: sk only, except stepup's first, head and standing, which are ssh-ed25519, and status, pending of a host,
 * revocation, directory
 * and a login without `who`, which may also carry ssh-ed25519 (ZTJ_KEY_TYPE). One signature, except: directory 1–16,
 * stepup 1 or 2, a user's pending entry one by each of its keys (ZTJ_SIGNER). Two by one key: ZTJ_THRESHOLD.
 * *out is NULL on error. Policy statements have their own parser (policy.h); here they are ZTJ_STMT_TYPE. */
int ztj_stmt_open(const struct ztj_signed *s, enum ztj_stmt_type type, const char *domain,
    struct ztj_stmt **out) ZTJ_MUST_CHECK;
/* What it was signed as: the type whose namespace its first signature names, to choose what to open. Nothing is verified,
 * and the bytes are not even looked at. ZTJ_SIG_NAMESPACE: for no purpose of ours. */
int ztj_signed_peek(const struct ztj_signed *s, enum ztj_stmt_type *type) ZTJ_MUST_CHECK;
/* Peeks at the type member of JSON bytes without trusting it (for bytes that nobody has signed yet). */
enum ztj_stmt_type ztj_stmt_peek(struct ztj_view bytes);
/* Parses without any signature: for the CLI before it signs, to render exactly these bytes. */
int ztj_stmt_parse(struct ztj_view bytes, enum ztj_stmt_type type, const char *domain,
    struct ztj_stmt **out) ZTJ_MUST_CHECK;
void ztj_stmt_free(struct ztj_stmt *st);

/* Building: fills bytes from a struct whose type, domain, issued, seen and u are set (signers and id are
 * not read). nonce: 64 hex digits, used by login, request, stepup, pending, view, kill (else NULL). The result passes
 * ztj_stmt_parse. */
int ztj_stmt_build(const struct ztj_stmt *st, const char *nonce, struct ztj_buf *bytes) ZTJ_MUST_CHECK;

/* One "label: value" line per field, in a fixed order, every field, escaped, nothing
 * cut (P7). Appends text lines ending in \n. now: for "in 3 min" beside times; 0: none. */
int ztj_stmt_render(const struct ztj_stmt *st, int64_t now, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* Remembers verified signatures so that a warm decision skips the arithmetic. Keyed by SHA-256 over
 * namespace, bytes and signature; fixed size; not thread-safe. */
int ztj_sigcache_new(size_t entries, struct ztj_sigcache **out) ZTJ_MUST_CHECK;
void ztj_sigcache_free(struct ztj_sigcache *c);
/* As ztj_stmt_open, with a cache (may be NULL). */
int ztj_stmt_open_cached(struct ztj_sigcache *c, const struct ztj_signed *s, enum ztj_stmt_type type,
    const char *domain, struct ztj_stmt **out) ZTJ_MUST_CHECK;

#endif
