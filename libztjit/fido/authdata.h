/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The shape of a new credential's authenticator data (WebAuthn 6.1, CTAP2
 * canonical CBOR), checked byte by byte before a general CBOR reader sees it: an attestation comes
 * from whoever asks to be onboarded, and libcbor allocates whatever a map's header promises.
 */
#ifndef ZTJ_FIDO_AUTHDATA_H
#define ZTJ_FIDO_AUTHDATA_H

#include "libztjit/core/key.h"

/* Whether cbor is exactly one byte string holding header, attested credential with this key and, at
 * most, the extension credProtect, whose level goes to prot (0: none). ZTJ_ATTESTATION otherwise. */
int ztj_authdata_check(struct ztj_view cbor, const struct ztj_key *key, int *prot) ZTJ_MUST_CHECK;

#endif
