/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Private to libztjit/core: the names that stand in certificates, shared by
 * the writer (sshcert.c) and the reader (sshcert_parse.c).
 */
#ifndef ZTJ_CORE_CERTNAMES_H
#define ZTJ_CORE_CERTNAMES_H

#include "libztjit/core/sshcert.h"

#define ZTJ_CERT_TYPE_USER 1
#define ZTJ_CERT_OPT_SOURCE "source-address"
#define ZTJ_CERT_OPT_VERIFY "verify-required"

/* The certificate type name of an sk key type; NULL for any other. */
const char *ztj_cert_type_name(enum ztj_key_type t);

struct ztj_cert_ext_name {
	unsigned bit; /* enum ztj_cert_ext */
	const char *name;
};
#define ZTJ_CERT_EXTS 5
/* In lexical order. */
extern const struct ztj_cert_ext_name ztj_cert_ext_names[ZTJ_CERT_EXTS];

#endif
