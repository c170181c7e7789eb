/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Joining: everything is fetched and verified first; then files are written.
 */
#ifndef ZTJ_HOSTD_JOIN_H
#define ZTJ_HOSTD_JOIN_H

#include "libztjit/core/trust.h"
#include "libztjit/net/net.h"
#include "ztjit-hostd/hostd.h"

#define ZTJ_SSH_KEYS_MAX 8
#define ZTJ_HOST_DIGEST_SIZE 32

struct ztj_joining {
	const struct ztj_join *ask;
	struct ztj_net *net;
	struct ztj_pins pins;
	struct ztj_trust *trust;
	struct ztj_buf policy_json;
	struct ztj_seckey machine, tls;
	struct ztj_key ssh[ZTJ_SSH_KEYS_MAX];
	size_t nssh;
	char digest[ZTJ_HOST_DIGEST_SIZE];
	char what[512]; /* what failed, for the person */
};

/* join_files.c */
int ztj_join_keys(struct ztj_joining *j) ZTJ_MUST_CHECK;
int ztj_join_ssh_keys(struct ztj_joining *j) ZTJ_MUST_CHECK;
int ztj_join_write(struct ztj_joining *j) ZTJ_MUST_CHECK;
/* "H-XXXXX-XXXXX-XXXXX-XXXXX" (PROTOCOL section 1). */
int ztj_join_digest(struct ztj_joining *j) ZTJ_MUST_CHECK;

#endif
