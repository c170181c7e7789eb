/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A host whose keys are files, and its calls to a broker: for the test programs that play one. Failures end the program. */
#ifndef ZTJ_TESTS_CLI_HOSTFILES_H
#define ZTJ_TESTS_CLI_HOSTFILES_H

#include "libztjit/core/key.h"
#include "libztjit/core/statement.h"
#include "libztjit/net/net.h"

#define DIE(r) die(__FILE__, __LINE__, r)
void die(const char *file, int line, int r);

struct host {
	struct ztj_seckey machine, tls, ssh;
};
/* Keys are made when they are not there. */
struct ztj_seckey key_at(const char *dir, const char *name);
struct host host_at(const char *dir);

struct ztj_net *net_to(const char *url, const struct ztj_seckey *tls);
/* The answer's body, to be freed; a refusal ends the program. */
struct ztj_buf call(struct ztj_net *n, const char *path, struct ztj_view body);
void post(struct ztj_net *n, const char *path, const struct ztj_signed *s);

#endif
