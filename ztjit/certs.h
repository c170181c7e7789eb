/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Certificates: the grant that fits a login, its certificate from the broker
 * (checked against the policy's CA), and the ones kept in the runtime directory.
 */
#ifndef ZTJIT_CERTS_H
#define ZTJIT_CERTS_H

#include "ztjit/key.h"
#include "ztjit/reqs.h"

struct target {
	const char *user;              /* as given, or chosen by the grant; "" before */
	const char *host;              /* as given: what ssh is to connect to */
	char full[ZTJ_FULLNAME_SIZE];  /* the record */
};
/* "[USER@]HOST". The host must stand in a directory held here. */
int cert_target(struct cli *c, const char *text, struct target *t) ZTJ_MUST_CHECK;
/* Makes sure of a certificate for the target; *path is its file. fresh: ask the broker about the grant even if a
 * certificate is there (it may have been revoked); with the broker away what is kept will do. Fills t->user. */
int cert_ensure(struct cli *c, struct target *t, const struct cli_key *k, bool fresh, char **path) ZTJ_MUST_CHECK;
/* After ssh could not log in or lost its connection with this certificate: says what is known of the grant here and at the
 * broker, and where else the reason may stand. */
void cert_explain(struct cli *c, const struct target *t, const char *path);
/* The key file for ssh beside the certificate: the person's own, with the flag that makes ssh ask for user verification
 * where the certificate demands it (sshd refuses it otherwise). Without a private key file here: the public one, for an agent. */
const char *cert_identity(struct cli *c, const char *cert_path, const struct cli_key *k);
/* Whether the grant of that digest wants user verification: from kept certificates, else from the broker; false when
 * neither knows. */
bool cert_grant_uv(struct cli *c, const uint8_t grant[ZTJ_DIGEST_LEN]);

#endif
