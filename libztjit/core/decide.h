/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * May this happen here, now? Pure and total; the gate asks it for every use, with what it
 * holds and what it knows of the process.
 */
#ifndef ZTJ_CORE_DECIDE_H
#define ZTJ_CORE_DECIDE_H

#include "libztjit/core/grant.h"
#include "libztjit/core/sshcert.h"

enum ztj_use {
	ZTJ_USE_LOGIN,   /* sshd: be this account on this host */
	ZTJ_USE_ELEVATE, /* sudo/su at account: any target of the grant */
	ZTJ_USE_BECOME,  /* sudo/su at open_session, su at account: this target */
	ZTJ_USE_BE       /* be in the role's groups, and have an account: is this grant one that runs here, whoever uses it */
};

/* A window that an earlier use stored durably; it only ever shortens. */
struct ztj_window {
	bool set;
	int64_t starts, ends;
};

struct ztj_question {
	enum ztj_use use;
	const char *host;              /* this host's pinned full name */
	const struct ztj_key *machine; /* its machine key: must stand in its record */
	const char *service;           /* "sshd", "sudo", "sudo-i", "su", "su-l"; BE: NULL */
	const char *account;           /* LOGIN: the account; BECOME: the target; else NULL */
	const char *person; /* ELEVATE, BECOME: who the session belongs to (full name); else NULL */
	const struct ztj_key *certified; /* LOGIN: the key in the certificate */
	bool has_uid;
	uint32_t uid;      /* local uid of `account` (LOGIN) or of the session's account */
	const char *peer;  /* address text, or NULL when not known yet */
	int64_t now;       /* judges ends: the later of high-water mark and system clock */
	int64_t now_begin; /* judges beginnings: the mark */
	bool has_recorder; /* whatever runs as the account that was logged in to is recorded */
	bool recorded;     /* ELEVATE, BECOME: the caller is inside a session that a living recorder records */
	struct ztj_window window;
};

struct ztj_answer {
	int code; /* ZTJ_OK: allowed */
	struct ztj_grant grant;
	char person[ZTJ_FULLNAME_SIZE];
	uint8_t request[ZTJ_DIGEST_LEN];
	int64_t starts, ends; /* after the stored window was applied */
	bool uv;              /* the login and every step-up must be user-verified */
	char text[1280];      /* one or two sentences; what to type next when denied */
};

/* The whole question, bundle verified by the caller through ztj_bundle_read. BE is asked of every grant again and again: its answer has no
 * text, and neither the address nor the recorder is asked for. */
void ztj_decide(const struct ztj_trust *t, const struct ztj_bundle *b, const struct ztj_question *q,
    struct ztj_answer *out);

/* May what this role is used for run only inside a recorder? */
bool ztj_decide_wants_record(const struct ztj_role *role);
/* The authorized_keys options line for an allowed LOGIN: "restrict,pty,…,expiry-time="…Z" principal\n". Appends. Where the role
 * is recorded, sshd is to run nothing but recorder (a path; NO_RECORDER when it is NULL, CONFIG when it needs quoting). */
int ztj_decide_principals_line(const struct ztj_answer *a, const char *recorder, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* The certificate's fields for an approved grant, for the signer: everything but nonce, serial and CA. subject must be
 * one of the requester's keys. key_id is written into key_id[256], principal into principal[128], sources into sources[1024]. */
struct ztj_cert_text {
	char key_id[256], principal[128], sources[1024];
};
int ztj_decide_cert(const struct ztj_trust *t, const struct ztj_bundle *b, const struct ztj_key *subject,
    int64_t now, struct ztj_cert_spec *spec, struct ztj_cert_text *text) ZTJ_MUST_CHECK;

/* Is an address inside one of the canonical CIDR blocks? Unparsable: false. */
bool ztj_cidr_match(const struct ztj_strs *blocks, const char *address);

/* "no grant for root on web1; ask with: ztjit request --role root-shell --host web1 --for 30m -m '…'": the first rule that
 * would let `person` (may be NULL) reach this account or target here. Always writes something useful. */
void ztj_decide_hint(const struct ztj_trust *t, const struct ztj_question *q, char *out, size_t size);

/* Step-up: does this statement (two signatures: machine key, then the person's) answer that challenge? */
int ztj_decide_stepup(const struct ztj_trust *t, const struct ztj_stmt *challenge,
    const struct ztj_stmt *answer, const struct ztj_key *machine, bool uv, int64_t now) ZTJ_MUST_CHECK;

#endif
