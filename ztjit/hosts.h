/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Between the commands on hosts: who proves a token, which keys change, which name.
 */
#ifndef ZTJIT_HOSTS_H
#define ZTJIT_HOSTS_H

#include "ztjit/dirup.h"
#include "ztjit/pending.h"
#include "ztjit/tokens.h"

/* cmd_host.c */
bool host_proves(const struct host_token *t, const struct pending *p);
/* --label, sorted. */
int host_labels(struct cli *c, struct ztj_label **out, size_t *n) ZTJ_MUST_CHECK;

/* hostkeys.c */
/* A record of these keys stands under another name: *was, or NULL; said aloud in what is shown before signing. KEY_SHARED: two
 * records have one each, or a host of another directory has one. */
int host_renamed(struct cli *c, struct dirup *u, const struct ztj_record *rec, const struct ztj_record **was) ZTJ_MUST_CHECK;
/* Which keys the host of that name loses and gets, in what is shown before signing; machine and TLS key change only with
 * --new-keys (WRONG_KEY). old may be NULL. */
int host_keys_change(struct cli *c, struct dirup *u, const struct ztj_record *old, const struct ztj_record *rec) ZTJ_MUST_CHECK;

#endif
