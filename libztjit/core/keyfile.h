/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * OpenSSH private key files (PROTOCOL.key, "openssh-key-v1"), unencrypted:
 * ssh-ed25519 (a seed) and the two sk types (a key handle and flags).
 */
#ifndef ZTJ_CORE_KEYFILE_H
#define ZTJ_CORE_KEYFILE_H

#include "libztjit/core/key.h"

#define ZTJ_KEY_HANDLE_MAX 1024
#define ZTJ_SK_FLAG_UP 0x01 /* SSH_SK_USER_PRESENCE_REQD */
#define ZTJ_SK_FLAG_UV 0x04 /* SSH_SK_USER_VERIFICATION_REQD */

struct ztj_keyfile {
	struct ztj_key pub;
	uint8_t seed[32];   /* ssh-ed25519 */
	uint8_t sk_flags;   /* sk types: ZTJ_SK_FLAG_* */
	uint8_t handle[ZTJ_KEY_HANDLE_MAX];
	size_t handle_len;
	char comment[128];
};

/* Parses the armoured text. ZTJ_ENCRYPTED_KEY when it has a passphrase. */
int ztj_keyfile_parse(struct ztj_keyfile *kf, struct ztj_view text) ZTJ_MUST_CHECK;
/* Appends the armoured text; check is the random check number. */
int ztj_keyfile_format(const struct ztj_keyfile *kf, uint32_t check, struct ztj_buf *out) ZTJ_MUST_CHECK;
void ztj_keyfile_wipe(struct ztj_keyfile *kf);
int ztj_keyfile_seckey(const struct ztj_keyfile *kf, struct ztj_seckey *sk) ZTJ_MUST_CHECK;

#endif
