/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Sealing the body of a chunk to its readers. Private to libztjit/record. */
#ifndef ZTJ_RECORD_SEAL_H
#define ZTJ_RECORD_SEAL_H

#include "libztjit/record/record.h"

/* Appends v as CMS EnvelopedData in DER. */
int ztj_seal(const struct ztj_sealto *to, struct ztj_view v, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
