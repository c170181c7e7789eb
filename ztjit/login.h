/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * This login: an ephemeral TLS key in the runtime directory and the statement
 * by which the person's key lets it speak (DESIGN section 4, "login").
 */
#ifndef ZTJIT_LOGIN_H
#define ZTJIT_LOGIN_H

#include "ztjit/cli.h"

/* Loads key and statement. NOT_FOUND: none; ENDED: over. */
int login_load(struct cli *c) ZTJ_MUST_CHECK;
void login_close(struct cli *c);
/* Full name of the person logged in; "" for a registrar. */
const char *login_who(const struct cli *c);
/* The full name, or an explanation that a registrar's login will not do. */
int login_person(struct cli *c, const char **who) ZTJ_MUST_CHECK;
/* Removes key and statement. */
int login_remove(struct cli *c) ZTJ_MUST_CHECK;
/* Stores both. */
int login_store(struct cli *c, const struct ztj_seckey *key, const struct ztj_signed *s) ZTJ_MUST_CHECK;

#endif
