/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Loading an OpenSSH security-key middleware: code that will run with the
 * person's rights, so its path is checked before it is opened.
 */
#ifndef ZTJ_FIDO_PROVIDER_H
#define ZTJ_FIDO_PROVIDER_H

#include <sys/types.h>

#include "libztjit/core/err.h"
#include "libztjit/fido/skapi.h"

struct ztj_provider {
	void *handle;
	sk_enroll_fn *enroll;
	sk_sign_fn *sign;
};

/* ZTJ_UNSAFE_FILE unless path is absolute and it and every directory above it belong to root
 * or owner and nobody else may write there. ZTJ_UNREACHABLE if it does not load or speaks another version. */
int ztj_provider_open(struct ztj_provider *p, const char *path, uid_t owner) ZTJ_MUST_CHECK;
void ztj_provider_close(struct ztj_provider *p);

#endif
