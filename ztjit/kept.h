/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Certificates kept in the runtime directory: certs/ACCOUNT@HOST-cert.pub, and beside each the key file
 * that goes with it. They save asking; a host believes none of them without the grant inside.
 */
#ifndef ZTJIT_KEPT_H
#define ZTJIT_KEPT_H

#include "libztjit/core/sshcert.h"
#include "ztjit/reqs.h"

struct kept {
	struct ztj_buf blob;
	struct ztj_cert cert;
	struct req req; /* the grant inside, judged now */
};
char *kept_dir(struct cli *c);
/* host: as it was typed. */
char *kept_path(struct cli *c, const char *user, const char *host);
/* The key file beside a certificate. */
char *kept_beside(struct cli *c, const char *path);
/* One line of a -cert.pub file; kept_free whatever it returns. */
int kept_parse(struct cli *c, const char *line, struct kept *out) ZTJ_MUST_CHECK;
int kept_load(struct cli *c, const char *path, struct kept *out) ZTJ_MUST_CHECK;
void kept_free(struct kept *k);
/* Removes what is kept for this grant (its id in hex): it is over. */
void kept_forget(struct cli *c, const char *id);
/* The grant as the broker holds it now, to be freed; it has 3 s to answer. False: it did not, and a failure says why. */
bool kept_ask(struct cli *c, const struct kept *k, struct req *out) ZTJ_MUST_CHECK;
/* Asks the broker whether that grant is over, if it was not asked a moment ago; if so nothing is kept of it any more. False as
 * well when the broker does not say: the host decides anyway. */
bool kept_is_over(struct cli *c, const char *path, const struct kept *k);

#endif
