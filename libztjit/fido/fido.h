/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A person's authenticator, for the command line: make a credential and sign
 * with it, through an OpenSSH security-key middleware (sk-api, PROTOCOL.u2f),
 * libfido2 (CTAP2) or an ssh-agent. Blocking; one authenticator at a time.
 *
 * Which way reaches the key:
 *   1. the middleware, when a provider is set and the key handle is known: the
 *      person chose it, so its answer is final;
 *   2. libfido2, when the key handle is known and a plugged-in authenticator
 *      holds the credential (asked silently, without touch); its answer is final;
 *   3. ssh-agent, when it lists the key: for keys that are on another machine or
 *      whose handle is not known here.
 * An agent decides on user verification by the key file's own flag; a
 * signature without it is refused here (ZTJ_NO_UV) when it was asked for.
 *
 * Errors of every function (beside ZTJ_NOMEM, ZTJ_INTERNAL and the core's):
 *   ZTJ_DEVICE          no authenticator, it was pulled out, or none holds the key
 *   ZTJ_MANY_DEVICES    several plugged in and no silent way to tell which one
 *   ZTJ_PIN_REQUIRED    a PIN is wanted and the caller gave no way to ask for it
 *   ZTJ_PIN_NOT_SET     user verification wanted, and neither PIN nor biometric is set up
 *   ZTJ_PIN_WRONG, ZTJ_PIN_BLOCKED, ZTJ_TOUCH_TIMEOUT, ZTJ_DEVICE_REFUSED
 *   ZTJ_UNSAFE_FILE     the provider's path is relative or others could change it
 *   ZTJ_UNREACHABLE     the provider cannot be loaded or speaks another version, or the agent hung up
 *   ZTJ_TIMEOUT         the agent does not answer
 * After an error nothing was appended and nothing is half done.
 */
#ifndef ZTJ_FIDO_FIDO_H
#define ZTJ_FIDO_FIDO_H

#include <sys/types.h>

#include "libztjit/core/keyfile.h"
#include "libztjit/core/sshsig.h"

#define ZTJ_FIDO_PIN_SIZE 64       /* at most 63 bytes and the NUL (CTAP2) */
#define ZTJ_FIDO_TOUCH_SECONDS 30  /* default patience */

struct ztj_pin_ask {
	bool wrong;  /* the one given before was wrong */
	int retries; /* attempts left before the key blocks; -1: not known */
};

/* How to talk to the person; any callback may be NULL. */
struct ztj_fido_ui {
	/* true: a wait for a touch begins, show "Touch your security key…";
	 * false: it is over, take the line away. Always in pairs. */
	void (*touch)(bool waiting, void *arg);
	/* Writes the PIN with a NUL into pin[size]; any error ends the operation and is
	 * returned as it is. A caller that cannot ask anew answers ZTJ_PIN_WRONG to ask->wrong. */
	int (*pin)(const struct ztj_pin_ask *ask, char *pin, size_t size, void *arg);
	void *arg;
};

/* The ways to an authenticator from here; strings borrowed. */
struct ztj_fido {
	const char *provider;   /* absolute path of a middleware; NULL, "" or "internal": none */
	const char *agent;      /* the socket of SSH_AUTH_SOCK; NULL or "": none */
	uid_t owner;            /* beside root, who may own the provider and its directories */
	unsigned touch_seconds; /* patience; 0: ZTJ_FIDO_TOUCH_SECONDS */
	struct ztj_fido_ui ui;
};

/* --- attestation --- */

#define ZTJ_ATTEST_MAX 8192 /* bytes, encoded */
#define ZTJ_AAGUID_LEN 16

/* What the authenticator said about a new credential; a value, no allocation. */
struct ztj_attestation {
	uint8_t cert[4096];     /* X.509 DER; cert_len 0: self attestation or none */
	size_t cert_len;
	uint8_t sig[512];       /* sig_len 0: no attestation at all */
	size_t sig_len;
	uint8_t authdata[2048]; /* authenticator data as a CBOR byte string */
	size_t authdata_len;
};

/* Appends / parses the format of `ssh-keygen -O write-attestation`
 * ("ssh-sk-attest-v01", PROTOCOL.u2f). Parsing is strict. */
int ztj_attest_format(const struct ztj_attestation *a, struct ztj_buf *out) ZTJ_MUST_CHECK;
int ztj_attest_parse(struct ztj_attestation *a, struct ztj_view blob) ZTJ_MUST_CHECK;

enum ztj_attest_kind {
	ZTJ_ATTEST_NONE, /* nothing was attested */
	ZTJ_ATTEST_SELF, /* signed by the new key alone: proves possession, names no model */
	ZTJ_ATTEST_CERT  /* signed by a certificate of the maker */
};

struct ztj_attest_info {
	enum ztj_attest_kind kind;
	uint8_t aaguid[ZTJ_AAGUID_LEN]; /* of kind CERT in CTAP2 format, otherwise zeros */
	bool user_verified;
};

/* Verifies that the attestation was made over SHA-256(challenge) for exactly
 * this key. ZTJ_ATTESTATION when it was not (none at all is ZTJ_OK and kind NONE). A
 * certificate proves a maker only together with ztj_attest_check_roots(). */
int ztj_attest_verify(const struct ztj_attestation *a, struct ztj_view challenge,
    const struct ztj_key *key, struct ztj_attest_info *info) ZTJ_MUST_CHECK;
/* Whether the certificate chains to one of the DER roots at that time; ZTJ_ATTESTATION if not. */
int ztj_attest_check_roots(const struct ztj_attestation *a, const struct ztj_view *roots,
    size_t n_roots, int64_t now) ZTJ_MUST_CHECK;
/* "d8522d9f-575b-4866-88a9-ba99fa02f35b" */
#define ZTJ_AAGUID_TEXT_SIZE 37
void ztj_aaguid_text(const uint8_t aaguid[ZTJ_AAGUID_LEN], char out[ZTJ_AAGUID_TEXT_SIZE]);

/* --- a new credential --- */

struct ztj_enrol_ask {
	const char *application;    /* "ssh:" or "ssh:…" */
	const char *user;           /* what the key may show; NULL: "ztjit" */
	struct ztj_view challenge;  /* what the attestation is to cover; its SHA-256 is the client data hash */
	enum ztj_key_type type;     /* ZTJ_KEY_NONE: Ed25519, else P-256 */
	bool verify_required;       /* PIN or biometric at every signature */
};

struct ztj_enrolled {
	struct ztj_keyfile keyfile; /* comment empty; format with ztj_keyfile_format() */
	struct ztj_attestation attestation;
};

/* Through the middleware, or else libfido2 (one authenticator plugged in). The attestation is
 * already verified when this returns ZTJ_OK. */
int ztj_fido_enrol(const struct ztj_fido *f, const struct ztj_enrol_ask *ask,
    struct ztj_enrolled *out) ZTJ_MUST_CHECK;

/* --- a signature --- */

struct ztj_fido_sign {
	const struct ztj_key *key;         /* an sk key, whose signature it shall be */
	const struct ztj_keyfile *keyfile; /* its handle and flags; NULL: not known, then only an agent helps */
	const char *ns;
	struct ztj_view msg;
	bool uv;                           /* user verification wanted */
};

/* Appends the binary SSHSIG blob (armour it with ztj_sshsig_armor()), which has been verified
 * against key, namespace, message and flags. who may be NULL. */
int ztj_fido_sign(const struct ztj_fido *f, const struct ztj_fido_sign *ask,
    struct ztj_buf *sshsig, struct ztj_signer *who) ZTJ_MUST_CHECK;
/* Appends the plain SSH signature blob over msg itself (no SSHSIG around it; ns is ignored). */
int ztj_fido_sign_raw(const struct ztj_fido *f, const struct ztj_fido_sign *ask,
    struct ztj_buf *sigblob, struct ztj_sig_info *info) ZTJ_MUST_CHECK;

/* The error for a libfido2 code (FIDO_ERR_*). */
int ztj_fido_error(int fido_err);

#endif
