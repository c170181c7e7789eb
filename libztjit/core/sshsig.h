/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * SSHSIG (PROTOCOL.sshsig): detached signatures in a namespace, hash sha512.
 */
#ifndef ZTJ_CORE_SSHSIG_H
#define ZTJ_CORE_SSHSIG_H

#include "libztjit/core/key.h"

#define ZTJ_SSHSIG_MAX 2048 /* bytes of a signature blob, de-armoured */

/* Who signed, as the signature itself says; meaning comes from the caller's trust. */
struct ztj_signer {
	struct ztj_key key;
	struct ztj_sig_info info;
};

/* What the key really signs: "SSHSIG", namespace, reserved "", "sha512", H(msg). Appends. */
int ztj_sshsig_tbs(const char *ns, struct ztj_view msg, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Appends the binary SSHSIG blob around an SSH signature blob. */
int ztj_sshsig_wrap(const struct ztj_key *k, const char *ns, struct ztj_view sigblob,
    struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Verifies a binary SSHSIG blob over msg in namespace ns. Types allowed: sk-*
 * and ssh-ed25519; the caller narrows further. */
int ztj_sshsig_verify(struct ztj_view blob, const char *ns, struct ztj_view msg,
    struct ztj_signer *who) ZTJ_MUST_CHECK;
/* The namespace a blob names, without verifying anything; a view into it. */
int ztj_sshsig_namespace(struct ztj_view blob, struct ztj_view *ns) ZTJ_MUST_CHECK;
/* The key a blob carries, without verifying anything. */
int ztj_sshsig_peek(struct ztj_view blob, struct ztj_key *k) ZTJ_MUST_CHECK;
/* "-----BEGIN SSH SIGNATURE-----" text, as ssh-keygen writes it (70 columns). */
int ztj_sshsig_armor(struct ztj_view blob, struct ztj_buf *text) ZTJ_MUST_CHECK;
/* Strict: one block, only white space around it. Appends the blob. */
int ztj_sshsig_dearmor(struct ztj_view text, struct ztj_buf *blob) ZTJ_MUST_CHECK;
/* tbs + sign + wrap with a machine key. Appends the blob. */
int ztj_sshsig_sign(const struct ztj_seckey *sk, const char *ns, struct ztj_view msg,
    struct ztj_buf *blob) ZTJ_MUST_CHECK;

#endif
