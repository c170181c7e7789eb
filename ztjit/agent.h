/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The step-up agent: an ssh-agent without identities that answers one
 * question, stepup@ztjit, and only for the host it is bound to (PROTOCOL section 6).
 */
#ifndef ZTJIT_AGENT_H
#define ZTJIT_AGENT_H

#include <sys/types.h>

#include "ztjit/key.h"

/* A child for one ssh; it ends with this process. *path is its socket. To ask for a PIN it stops the ssh
 * that asks, so that only one reads the terminal; only ztjit ssh may wish that. */
int agent_fork(struct cli *c, const struct cli_key *k, char **path, pid_t *pid) ZTJ_MUST_CHECK;
/* The one that plain ssh uses (RUN/agent.sock); started in the background when none answers. */
int agent_ensure(struct cli *c, const struct cli_key *k) ZTJ_MUST_CHECK;
char *agent_path(struct cli *c);
/* Asks it to end. */
void agent_stop(struct cli *c);

/* agentconn.c: one connection. */
struct agent_conn {
	int fd;
	pid_t peer;
	struct ztj_buf in;
	bool bound, spoiled;    /* spoiled: somebody tried to bind it twice */
	struct ztj_key hostkey;
};
struct agent {
	struct cli *c;
	const struct cli_key *key;
	int listener;
	bool stop_peer, quit;
};
/* Takes every whole message from conn->in and answers it, until one says quit; an error closes the connection. */
int agent_serve(struct agent *a, struct agent_conn *conn) ZTJ_MUST_CHECK;
/* agenttty.c: shows the challenge on the terminal of the process that asks, and signs. */
int agent_sign(struct agent *a, const struct agent_conn *conn, struct ztj_view bytes, const struct ztj_stmt *st,
    struct ztj_buf *sig) ZTJ_MUST_CHECK;

#endif
