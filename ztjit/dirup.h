/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A new version of a directory: what is dropped and put, shown against what
 * this workstation last signed or saw, then one signature (DESIGN section 4).
 */
#ifndef ZTJIT_DIRUP_H
#define ZTJIT_DIRUP_H

#include "ztjit/key.h"

struct dirup {
	const struct ztj_registrar *reg;
	const char *name;
	const struct ztj_dir *base;  /* NULL: genesis */
	struct cli_key key;
	json_t *drop, *put;          /* names; record texts */
	struct ztj_buf text;         /* what changes, for the screen */
};

/* Logs on, brings everything up to date, and finds the directory this key may sign: --directory (or name), or the only one.
 * hosts: it must be able to hold hosts; else people; any: whatever. */
enum dirup_kind { DIRUP_PEOPLE, DIRUP_HOSTS, DIRUP_ANY };
int dirup_begin(struct cli *c, enum dirup_kind kind, const char *name, struct dirup *u) ZTJ_MUST_CHECK;
/* May this directory's registrars vouch for such a host? */
int dirup_check_host(struct cli *c, const struct dirup *u, const struct ztj_record *fields) ZTJ_MUST_CHECK;
/* A record built from fields; it replaces one of the same name. Delegation is checked. */
int dirup_put(struct cli *c, struct dirup *u, const struct ztj_record *fields) ZTJ_MUST_CHECK;
int dirup_drop(struct cli *c, struct dirup *u, const char *name) ZTJ_MUST_CHECK;
/* Shows, asks, signs and pushes; or writes with --write. *current (may be NULL): the directory is in force now. */
int dirup_finish(struct cli *c, struct dirup *u, const char *title, bool *current) ZTJ_MUST_CHECK;
void dirup_free(struct dirup *u);

/* The update file beside a statement written by --write: FILE.update. */
int dirup_load(struct cli *c, const char *file, struct ztj_buf *bytes, json_t **update) ZTJ_MUST_CHECK;
/* Posts {"base", "statement", "drop", "put"} and takes the result into what is held. */
int dirup_post(struct cli *c, const char *name, const json_t *update, const struct ztj_signed *s, bool *current) ZTJ_MUST_CHECK;

/* dirseen.c: what this workstation saw when it last signed this directory. */
int dirseen_text(struct cli *c, const struct ztj_dir *base, const char *name, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Was that name removed in the sight of this workstation? */
bool dirseen_gone(struct cli *c, const char *directory, const char *name);
int dirseen_store(struct cli *c, const struct ztj_dir *now) ZTJ_MUST_CHECK;

#endif
