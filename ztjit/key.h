/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The person's signing key: which one it is, and signatures by it through
 * whatever reaches it (libztjit/fido).
 */
#ifndef ZTJIT_KEY_H
#define ZTJIT_KEY_H

#include "libztjit/fido/fido.h"
#include "ztjit/cli.h"

struct cli_key {
	struct ztj_key pub;
	bool has_file;
	struct ztj_keyfile file; /* its handle, when has_file */
	char *path;              /* as ssh -i wants it */
	char fingerprint[ZTJ_FINGERPRINT_SIZE];
};

/* --key, the configuration, or ~/.ssh/id_ztjit; without the private file its .pub, for an agent. */
int key_load(struct cli *c, struct cli_key *k) ZTJ_MUST_CHECK;
/* Path of the key file, existing or not. */
char *key_path(struct cli *c);
struct ztj_fido key_fido(struct cli *c);
/* Appends the SSHSIG blob; says what is wrong with the device. */
int key_sign(struct cli *c, const struct cli_key *k, const char *ns, struct ztj_view bytes, bool uv,
    struct ztj_buf *sig) ZTJ_MUST_CHECK;
/* What to do about an error of a device; NULL when it is none. */
const char *key_advice(int err);

#endif
