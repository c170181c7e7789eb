/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Inside libztjit/fido: the three ways to an authenticator, behind fido.h.
 */
#ifndef ZTJ_FIDO_WAYS_H
#define ZTJ_FIDO_WAYS_H

#include "libztjit/fido/fido.h"

#define ZTJ_PIN_TRIES 3 /* more in a row and the key wants to be unplugged (CTAP2 6.5.1) */

/* One signature over data by key; uv already includes the key file's own flag. */
struct ztj_way_sign {
	const struct ztj_key *key;
	const struct ztj_keyfile *keyfile; /* NULL: handle not known */
	struct ztj_view data;
	bool uv;
};

/* Append the SSH signature blob, not yet verified. */
int ztj_middleware_sign(const struct ztj_fido *f, const struct ztj_way_sign *s, struct ztj_buf *sigblob) ZTJ_MUST_CHECK;
int ztj_device_sign(const struct ztj_fido *f, const struct ztj_way_sign *s, struct ztj_buf *sigblob) ZTJ_MUST_CHECK;
int ztj_agent_sign(const struct ztj_fido *f, const struct ztj_way_sign *s, struct ztj_buf *sigblob) ZTJ_MUST_CHECK;

/* Fill public key, handle and attestation, not yet verified. */
int ztj_middleware_enrol(const struct ztj_fido *f, const struct ztj_enrol_ask *ask, struct ztj_enrolled *out) ZTJ_MUST_CHECK;
int ztj_device_enrol(const struct ztj_fido *f, const struct ztj_enrol_ask *ask, struct ztj_enrolled *out) ZTJ_MUST_CHECK;

bool ztj_fido_has_provider(const struct ztj_fido *f);
bool ztj_fido_has_agent(const struct ztj_fido *f);
unsigned ztj_fido_patience(const struct ztj_fido *f);
void ztj_fido_touch(const struct ztj_fido *f, bool waiting);
/* Asks for a PIN of 4 to 63 bytes. ZTJ_PIN_REQUIRED when nobody can be asked. */
int ztj_fido_ask_pin(const struct ztj_fido *f, const struct ztj_pin_ask *ask, char pin[ZTJ_FIDO_PIN_SIZE]) ZTJ_MUST_CHECK;

/* Copies a view into a fixed array; ZTJ_TOO_LARGE when it does not fit. */
int ztj_fido_store(uint8_t *to, size_t size, size_t *len, const void *from, size_t n) ZTJ_MUST_CHECK;
/* The key of an authenticator: Ed25519 (32 bytes) or the point without (64) or with (65) its first byte. */
int ztj_fido_key(struct ztj_key *k, enum ztj_key_type type, struct ztj_view pub, const char *application) ZTJ_MUST_CHECK;

#endif
