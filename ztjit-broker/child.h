/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the processes have in common: giving up power, the loop, and dying together.
 */
#ifndef ZTJ_BROKER_CHILD_H
#define ZTJ_BROKER_CHILD_H

#include <event2/event.h>
#include <sys/types.h>

#include "libztjit/sys/sandbox.h"

/* The uid that a process will have: that of `user` when started by root, else our own. */
int child_uid(const char *user, uid_t *uid) ZTJ_MUST_CHECK;
/* Drops to the user, then Landlock and seccomp. Lists end with NULL; either may be NULL. */
int child_confine(const char *user, enum ztj_sandbox kind, const char *const *read_only, const char *const *read_write)
    ZTJ_MUST_CHECK;
/* A loop that ends on SIGTERM, SIGINT, or when the parent (the other end of control) is gone. */
int child_loop(int control, struct event_base **out) ZTJ_MUST_CHECK;
void child_loop_free(struct event_base *base);
/* Says "ready" and runs. ZTJ_OK when told to stop. */
int child_run(struct event_base *base, int ready) ZTJ_MUST_CHECK;

#endif
