/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Variants: what one lie looks like on its way to the host, and the reason the host must give. A generator takes a
 * plan (statements, a certificate, a use), spoils it, and emits it; emitting makes one variant for each transport:
 *
 *   cert   the certificate carries the statements as its bundle; the host never heard of the grant
 *   push   the broker's stream brings them; the certificate carries none
 *   both   they come by the stream first, and in the certificate as well
 */
#ifndef ZTJ_TESTS_HOSTILE_PLAN_H
#define ZTJ_TESTS_HOSTILE_PLAN_H

#include "tests/hostile/company.h"

#define PLAN_PARTS 64
#define VIA_CERT 1u
#define VIA_PUSH 2u
#define VIA_BOTH 4u

/* Where a lie may be found out at one of several places of one parser. */
#define WANT_MALFORMED 1 /* truncated, trailing-bytes, too-large, bad-encoding, limit, bad-key */
#define WANT_CERT 3      /* a bit of a certificate: bad-signature, certificate-kind, bad-key, application, or malformed */
#define WANT_UNSIGNED 4  /* limit in a container, too-few-signatures or member-type elsewhere */
#define WANT_ANY 5       /* whatever the encoding around it makes of nothing */
#define WANT_SSHD 6      /* ztjit-hostd offers its line, and sshd refuses what the line does not allow */
#define WANT_PURPOSE 7   /* signed for another purpose: signature-namespace where one purpose is expected; where several are, it is
			  * read as what it says it is, and is not: statement-type, bad-json, too-few-signatures */
bool want_met(int want, int code);
const char *want_name(int want);

/* One statement on its way: fields, text edits, signatures, edits of what was signed. */
struct part {
	enum ztj_stmt_type type;
	struct ztj_stmt st;
	int of;                          /* approvals, revocations: the digest of that part's bytes; -1: as st says */
	int follows;                     /* requests: the same; -1 */
	const char *hosts[4];
	const struct soft_key *key[ZTJ_SIGS_MAX];
	size_t nkeys;
	uint8_t flags;
	const char *ns;                  /* NULL: of its type */
	const char *find, *put;          /* in the text, before it is signed */
	const char *before, *after;      /* the same, around it */
	const char *late_find, *late_put; /* after it was signed */
	long flip_byte, flip_sig;        /* bit numbers; -1: none */
	long cut_byte, cut_sig;          /* bytes left; -1: all */
	int want;                        /* ZTJ_OK: opens */
	int unkept;                      /* requests that open: why the host gives them no place when it hears of them; ZTJ_OK: it does */
	bool held;                       /* honest: the host has it already, the certificate need not carry it */
};

/* The certificate that the thief of the CA key mints. */
struct mint {
	bool none;                       /* the login shows no certificate that parses: raw bytes stand instead */
	const struct soft_key *subject, *ca;
	const char *type;                /* NULL: of the subject */
	uint32_t kind;                   /* 1 user, 2 host */
	const char *key_id;
	const char *principal[4];        /* first NULL: the grant's */
	size_t nprincipals;
	uint64_t after, before;
	const char *source;              /* critical option source-address; NULL: none */
	bool verify, touchless;          /* verify-required; no-touch-required among the extensions */
	const char *command, *unknown;   /* force-command; an unknown critical option */
	unsigned ext;                    /* enum ztj_cert_ext */
	const char *ext_name, *ext_data; /* one more extension */
	bool ext_unsorted, bundle_twice, bundle_empty, reserved;
	const char *trailing;
	const char *sig_type;            /* another name over the CA's signature */
	long flip, cut;                  /* in the finished blob: bit, bytes left; -1 */
	long bundle_flip, bundle_cut;
	const char *bundle_trailing, *bundle_magic;
	bool bundle_none, foreign;       /* foreign: of an approved grant that is somebody else's */
};

struct plan {
	char name[200];
	size_t n;
	struct part part[PLAN_PARTS];
	struct mint mint;
	const char *account, *peer;
	int want, want_push;             /* want_push 0: derived */
	unsigned via;
};

struct variant {
	char name[224];
	enum { V_LOGIN, V_POLICY, V_DIRECTORY, V_FRESH, V_STATUS, V_STEPUP } kind;
	/* a login */
	size_t npush;
	const struct fx_signed *push[PLAN_PARTS];
	int push_want[PLAN_PARTS]; /* of a request: also when it gets no place; of the rest: when it does not open */
	struct ztj_view cert;
	const char *account, *peer;
	/* a control or a login whose limits must stand in the line: want is ZTJ_OK */
	bool control;
	uint8_t request[ZTJ_DIGEST_LEN];
	/* news: JSON as the broker would send it */
	struct ztj_view json;
	/* a step-up: the host's challenge and the answer that is offered for it */
	const struct fx_signed *challenge, *answer;
	int want;
};

typedef void (*variant_sink)(void *arg, struct company *co, const struct variant *v);

struct gen {
	struct company *co;
	variant_sink sink;
	void *arg;
	struct plan *plan;
	unsigned made;
};

/* What honest people signed: req1 asks for root on web1, lead1 and sec1 approve, the certificate is as the signer makes it. */
struct plan *plan_honest(struct gen *g);
/* The same for another requester and role. */
struct plan *plan_by(struct gen *g, const struct fx_person *who, const char *role);
struct part *plan_add(struct gen *g, enum ztj_stmt_type type, const struct fx_person *who, int of);
void emit(struct gen *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* News; takes the JSON over. */
void emit_news(struct gen *g, int kind, struct ztj_buf *json, int want, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The certificate's bytes. request: for the principal. */
void mint_cert(const struct company *co, const struct mint *m, const uint8_t request[ZTJ_DIGEST_LEN], struct ztj_view bundle,
    struct ztj_buf *out);

/* The generators; each emits its families. */
void gen_control(struct gen *g, const char *when);
void gen_bytes(struct gen *g);
void gen_text(struct gen *g);
void gen_signers(struct gen *g);
void gen_fields(struct gen *g);
void gen_people(struct gen *g);
void gen_history(struct gen *g);
void gen_certs(struct gen *g);
void gen_policies(struct gen *g);
void gen_directories(struct gen *g);
void gen_fresh(struct gen *g); /* for a host that holds no directory yet */
void gen_status(struct gen *g);
void gen_stepups(struct gen *g);
/* For a whole host, which has places for requests: fills them. */
void gen_places(struct gen *g);
/* For whole logins by ssh, with the keys that company_open was given; and for a broker that falls silent. */
void gen_ssh(struct gen *g);
void gen_stale(struct gen *g);

#endif
