/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The configuration of the host agent: /etc/ztjit/hostd.conf, ztjit-hostd.conf(5).
 */
#ifndef ZTJ_HOSTD_HOSTCONF_H
#define ZTJ_HOSTD_HOSTCONF_H

#include "libztjit/core/text.h"
#include "libztjit/sys/conf.h"

struct ztj_hostconf {
	struct ztj_conf_list urls;
	char *directory, *name;
	char *roots, *policy, *machine_key, *tls_key;
	char *state, *run, *cgroup;
	char *mirror_user, *gate_user, *principals_user, *scribe_user;
	char *recorder;  /* "shell" or "forced" */
	char *rec_group;
	int64_t decisions_size, decisions_keep; /* KiB; files */
	int64_t guard_grace; /* seconds */
	struct ztj_conf_list keep_accounts;
	int64_t reserve;     /* KiB */
	char *records, *shell;
	int64_t record_spool, record_reserve; /* MiB */
	/* derived */
	char fullname[ZTJ_FULLNAME_SIZE];
	bool forced_recorder;
	bool by_audit; /* cgroup = "none" */
};

/* Loads and checks; err gets "file:line: key: what". owner: who may own the file beside root. */
int ztj_hostconf_load(const char *path, uid_t owner, struct ztj_hostconf *out, char *err, size_t size) ZTJ_MUST_CHECK;
int ztj_hostconf_dump(const struct ztj_hostconf *c, struct ztj_buf *out) ZTJ_MUST_CHECK;
void ztj_hostconf_free(struct ztj_hostconf *c);

#endif
