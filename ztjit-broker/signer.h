/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The signer: the CA key and the online key, no network, no database. It holds policy, directories and
 * revocations itself, verifies every bundle against roots pinned in its own file, and builds certificates and
 * status statements from typed fields; it never signs bytes it is handed.
 */
#ifndef ZTJ_BROKER_SIGNER_H
#define ZTJ_BROKER_SIGNER_H

#include "libztjit/core/checkpoint.h"
#include "libztjit/core/decide.h"
#include "libztjit/core/hostproof.h"
#include "libztjit/sys/trustdir.h"
#include "ztjit-broker/chan.h"
#include "ztjit-broker/conf.h"

struct signer_fds { int store, control, ready; };
int signer_main(const struct broker_conf *conf, const struct signer_fds *fds);

/* --- sg_ca.c: the CA key, in a file or behind an agent --- */
struct ca {
	struct ztj_key pub;
	struct ztj_seckey key;   /* when it is a file */
	bool agent;
	char socket[108];
	int fd;                  /* connection to the agent, or -1 */
};
/* owner: who may own the key file. */
int ca_open(struct ca *ca, const struct broker_conf *conf, const struct ztj_key *pub, uid_t owner) ZTJ_MUST_CHECK;
void ca_close(struct ca *ca);
/* Appends the SSH signature blob. */
int ca_sign(struct ca *ca, struct ztj_view tbs, struct ztj_buf *sig) ZTJ_MUST_CHECK;
/* The keys an agent holds, for init: exactly one usable one, or the one that equals want. */
int ca_agent_find(const char *socket, const struct ztj_key *want, struct ztj_key *out) ZTJ_MUST_CHECK;
/* Reads an unencrypted openssh-key-v1 file. */
int ca_read_key(const char *path, uid_t owner, struct ztj_seckey *out) ZTJ_MUST_CHECK;

/* --- sg_serial.c: serial numbers, reserved in blocks, never used twice --- */
struct serial {
	char path[PATH_MAX];
	uint64_t next, reserved; /* next < reserved: may be used without writing */
};
int serial_open(struct serial *s, const char *path, uid_t owner, int64_t now_ms) ZTJ_MUST_CHECK;
int serial_take(struct serial *s, uint64_t *out) ZTJ_MUST_CHECK;

/* --- sg_log.c: the newest checkpoint of the audit log that a status vouched for --- */
struct sg_log {
	char path[PATH_MAX];
	bool any;
	struct ztj_checkpoint last;
	int said; /* the last refusal that was logged */
};
int sg_log_open(struct sg_log *l, const char *path, uid_t owner) ZTJ_MUST_CHECK;
/* Signed by a log key of the policy, and later than what was vouched for before? Then it is kept. NOT_FOUND: the note is empty. */
int sg_log_take(struct sg_log *l, const struct ztj_policy *p, struct ztj_view note) ZTJ_MUST_CHECK;

/* --- sg_make.c --- */
/* Certificate for an approved grant. ca names are checked against the policy. */
struct made { uint64_t serial; int64_t ends; struct ztj_buf cert; const char *text; char room[1100]; };
int make_certificate(const struct ztj_trust *t, struct ca *ca, struct serial *serial, const struct ztj_bundle *b,
    const struct ztj_key *subject, int64_t now, struct made *out) ZTJ_MUST_CHECK;
/* A directory with one host more, in nothing but the words of the policy and of an entry that proves the token. */
struct join_made { const char *name; int64_t base; struct ztj_buf container, record; };
int make_join(const struct ztj_trust *t, const struct ztj_seckey *online, const uint8_t token[ZTJ_TOKEN_LEN],
    const struct ztj_signed *pending, int64_t now, struct join_made *out) ZTJ_MUST_CHECK;
/* Appends the container of a status over what t holds, and a checkpoint that sg_log_take took (or nothing). */
struct status_spec { const struct ztj_seckey *online; struct ztj_view checkpoint; int64_t now; };
int make_status(const struct ztj_trust *t, const struct status_spec *spec, struct ztj_buf *container) ZTJ_MUST_CHECK;

#endif
