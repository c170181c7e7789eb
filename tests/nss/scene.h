/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Published files of a test's own, in a directory of its own, for the inner functions of libnss_ztjit. */
#ifndef ZTJ_TESTS_NSS_SCENE_H
#define ZTJ_TESTS_NSS_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nss_ztjit/module.h"

#define BOOT "3f1c9a52-0b7e-4d55-9c1a-6a0d2b8e4f10"
#define REC "/usr/bin/ztjit-rec"
#define ROLE_GID 61000u
#define N(a) (sizeof(a) / sizeof((a)[0]))

struct scene {
	struct ztj_nss_where where; /* files of this process's user, in the present directory */
	struct ztj_nss_kept kept;
	int64_t now; /* boot seconds when the scene was made */
	struct ztj_buf people, grants;
};
extern struct scene sc;

/* A directory, entered, with a boot id and both files: alice (20001, shell and two groups), bob (20002, memberships
 * that are over and one that runs), carol (20003, nothing); ztjit-root (61000: alice, bob), ztjit-db
 * (61001: alice), ztjit-none (61002). */
int scene_enter(void **state);
int scene_leave(void **state);
/* The grants of above, all ending at ends. */
void scene_grants(int64_t ends, const char *shell);
/* As the daemon does: written beside, renamed. */
void scene_publish(const char *name, struct ztj_view bytes);
void scene_write(const char *name, struct ztj_view bytes, mode_t mode);

/* Answers in a buffer of n bytes that ends where memory ends for the tools that look. */
struct answer {
	enum nss_status status;
	int error;
	struct passwd pw;
	struct group gr;
	char *buf;
};
void answer_free(struct answer *a);
void person(const char *name, uint32_t uid, size_t n, struct answer *a);
void group(const char *name, uint32_t gid, size_t n, struct answer *a);
/* The groups of a person, into a list of this size that may grow to limit; how many, or a negative status. */
#define GIDS 16
struct gids {
	gid_t list[GIDS];
	long n, size;
	enum nss_status status;
	int error;
};
void groups(const char *name, gid_t primary, long size, long limit, struct gids *out);

/* alice's shell at the moment; "" when she is not found. */
const char *shell_of_alice(void);
size_t open_descriptors(void);

#endif
