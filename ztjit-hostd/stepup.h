/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A step-up under way: one challenge, one nonce, sixty seconds, one use.
 */
#ifndef ZTJ_HOSTD_STEPUP_H
#define ZTJ_HOSTD_STEPUP_H

#include "ztjit-hostd/gate.h"

#define ZTJ_TRANSPORTS_MAX 4
#define ZTJ_CODE_SIZE 10 /* "ABCD-EFGH" */
#define ZTJ_AGENT_REPLY_MAX (64 * 1024)

struct ztj_stepup {
	uint8_t id[ZTJ_DIGEST_LEN], grant[ZTJ_DIGEST_LEN];
	struct ztj_buf bytes, machine_sig; /* the challenge; the SSHSIG blob over it */
	bool uv;
	int64_t expires_ms;                /* boot clock */
	enum ztj_transport order[ZTJ_TRANSPORTS_MAX];
	size_t norder, at;
	char what[320];                    /* "sudo on servers/web1 as root, grant R-…" */
	/* agent */
	int agent;
	struct event *readable;
	uint8_t want;                      /* type of the answer that is due */
	struct ztj_buf in;
	struct ztj_key key;                /* plain-agent: the key that was asked to sign */
	bool confirm;                      /* handed to the relay */
	bool taken;                        /* and its answer was used */
};

/* Builds and signs the challenge for c->answer. */
int ztj_stepup_new(struct ztj_conn *c, const struct ztj_session *s, struct ztj_stepup **out) ZTJ_MUST_CHECK;
/* "ABCD-EFGH" from the challenge's id. */
void ztj_stepup_code(const uint8_t id[ZTJ_DIGEST_LEN], char out[ZTJ_CODE_SIZE]);
/* Is this SSHSIG blob the answer? */
int ztj_stepup_check(struct ztj_conn *c, struct ztj_view sig) ZTJ_MUST_CHECK;
int64_t ztj_stepup_left_ms(const struct ztj_stepup *u);
/* The next transport that is listed; denies when there is none left. */
void ztj_stepup_next(struct ztj_conn *c);
/* The touch came: remember it and decide again. */
void ztj_stepup_done(struct ztj_conn *c);

/* gate_agent.c: talks to c->stepup->agent. */
void ztj_agent_begin(struct ztj_conn *c);

#endif
