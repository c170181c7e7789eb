/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A new Ed25519 key and the text of its file.
 */
#ifndef ZTJ_BROKER_NEWKEY_H
#define ZTJ_BROKER_NEWKEY_H

#include "libztjit/core/key.h"

/* Appends an openssh-key-v1 file without passphrase. The caller wipes sk, also on error. */
int newkey(const char *comment, struct ztj_seckey *sk, struct ztj_buf *text) ZTJ_MUST_CHECK;

#endif
