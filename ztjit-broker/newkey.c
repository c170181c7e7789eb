/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/newkey.h"

#include <stdio.h>
#include <string.h>

#include "libztjit/core/keyfile.h"
#include "libztjit/sys/safefile.h"

int newkey(const char *comment, struct ztj_seckey *sk, struct ztj_buf *text)
{
	struct ztj_keyfile kf;
	uint32_t check = 0;
	memset(&kf, 0, sizeof(kf));
	memset(sk, 0, sizeof(*sk));
	int r = ztj_random(kf.seed, sizeof(kf.seed));
	if (r == ZTJ_OK)
		r = ztj_random(&check, sizeof(check));
	if (r == ZTJ_OK)
		r = ztj_seckey_from_seed(sk, kf.seed);
	kf.pub = sk->pub;
	(void)snprintf(kf.comment, sizeof(kf.comment), "%s", comment);
	if (r == ZTJ_OK)
		r = ztj_keyfile_format(&kf, check, text);
	ztj_keyfile_wipe(&kf);
	return r;
}
