/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Joining: everything is fetched and verified first; then files are written, hostd.conf last: without it a host has
 * not joined, however far an earlier attempt came.
 */
#ifndef ZTJ_HOSTD_JOIN_H
#define ZTJ_HOSTD_JOIN_H

#include "libztjit/core/hostproof.h"
#include "libztjit/core/trust.h"
#include "libztjit/net/net.h"
#include "ztjit-hostd/hostd.h"

#define ZTJ_JOIN_REPLY_MAX (3 * 1024 * 1024)
#define ZTJ_JOIN_MS 15000

/* What the broker's directory says of this host. */
enum ztj_standing {
	ZTJ_STANDS_NOT,    /* nothing that verifies */
	ZTJ_STANDS,        /* its record has exactly these keys */
	ZTJ_STANDS_OTHERWISE, /* its machine and TLS key, and other SSH host keys */
	ZTJ_STANDS_ELSEWHERE  /* its keys, under another name */
};

struct ztj_joining {
	const struct ztj_join *ask;
	char broker[256], pin[ZTJ_PIN_SIZE], directory[ZTJ_NAME_SIZE], name[ZTJ_HOSTNAME_SIZE];
	/* what is here already */
	bool has_conf, has_keys, renames;
	struct ztj_hostconf conf;
	int lock;
	/* what was learnt */
	struct ztj_net *net;
	struct ztj_pins pins;
	struct ztj_trust *trust;
	struct ztj_buf policy_json;
	struct ztj_seckey machine, tls;
	struct ztj_key ssh[ZTJ_HOST_SSH_MAX];
	size_t nssh;
	uint8_t digest[ZTJ_DIGEST_LEN];
	enum ztj_standing standing;
	char elsewhere[ZTJ_HOSTNAME_SIZE];
	int64_t serial, expires; /* of the directory that it stands in */
	bool has_token, known;   /* known: the same question was asked before and waits */
	uint8_t token[ZTJ_TOKEN_LEN];
	bool wrote;
	char what[640]; /* what failed, for the person */
};

/* r, with what failed in a few words. */
int ztj_join_say(struct ztj_joining *j, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- join_here.c: what is on this host already, and under which name it asks ---- */
int ztj_join_here(struct ztj_joining *j) ZTJ_MUST_CHECK;
/* The directory, when nobody named one: the only one of the policy that hosts can stand in. */
int ztj_join_directory(struct ztj_joining *j) ZTJ_MUST_CHECK;
/* Roots that root pinned here before are never replaced by joining again. */
int ztj_join_roots(struct ztj_joining *j) ZTJ_MUST_CHECK;
/* Those of sshd; RSA and other keys that are not vouched for are left out. */
int ztj_join_ssh_keys(struct ztj_joining *j) ZTJ_MUST_CHECK;
/* Machine and TLS key: read, or made (not written yet). */
int ztj_join_keys(struct ztj_joining *j) ZTJ_MUST_CHECK;

/* ---- join_ask.c: the broker, once the policy says which it is ---- */
int ztj_join_open(struct ztj_joining *j) ZTJ_MUST_CHECK;
int ztj_join_standing(struct ztj_joining *j) ZTJ_MUST_CHECK;
int ztj_join_post(struct ztj_joining *j) ZTJ_MUST_CHECK;

/* ---- join_files.c ---- */
/* Keys, roots, policy, CA. */
int ztj_join_write(struct ztj_joining *j) ZTJ_MUST_CHECK;
/* The last: hostd.conf is made, or its name changed. */
int ztj_join_finish(struct ztj_joining *j) ZTJ_MUST_CHECK;
/* Where that file is: in the configuration directory, or where hostd.conf says. LIMIT. */
int ztj_join_path(const struct ztj_joining *j, const char *name, char out[512]) ZTJ_MUST_CHECK;

#endif
