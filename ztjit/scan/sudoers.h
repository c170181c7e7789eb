/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Reading sudoers(5), as far as it says who may run something. Pure; bytes may be hostile. Not a judge of the grammar: what sudo
 * would refuse may be read here, but nothing that sudo grants is overlooked; what cannot be made out is BAD.
 */
#ifndef ZTJIT_SCAN_SUDOERS_H
#define ZTJIT_SCAN_SUDOERS_H

#include "libztjit/core/wire.h"

#define SUDOERS_LIST_MAX 512

enum sudoers_what {
	SUDOERS_RULE, SUDOERS_DEFAULTS, SUDOERS_ALIAS, SUDOERS_INCLUDE, SUDOERS_INCLUDEDIR, SUDOERS_BAD
};
/* One logical line. */
struct sudoers_item {
	enum sudoers_what what;
	unsigned line, last;              /* first and last line of the file */
	struct ztj_view first_raw, last_raw; /* their text; last_raw is empty when there is only one */
	struct ztj_view text;             /* joined, without comment; valid until the next call */
};
struct sudoers {
	struct ztj_view left;
	unsigned no;
	struct ztj_buf text;
};
void sudoers_init(struct sudoers *p, struct ztj_view bytes);
void sudoers_free(struct sudoers *p);
/* NOT_FOUND after the last, TOO_LARGE for a line without end, NOMEM. */
int sudoers_next(struct sudoers *p, struct sudoers_item *out) ZTJ_MUST_CHECK;

/* A list: its members as written, "!" included, without quotes around. */
struct sudoers_list {
	size_t n;
	struct ztj_view at[SUDOERS_LIST_MAX];
	bool more;                        /* there were more than fit */
};
struct sudoers_rule {
	struct sudoers_list users, commands, runas; /* runas: of all parentheses together */
	bool nopasswd;
	bool runas_default;               /* a command without parentheses before it: as root */
};
/* BAD_ENCODING: not a rule. */
int sudoers_rule_read(struct ztj_view text, struct sudoers_rule *out) ZTJ_MUST_CHECK;

/* Defines one alias a call, cut off *text ("User_Alias A = x, y : B = z"); kind is the keyword. */
enum sudoers_alias { SUDOERS_USER, SUDOERS_RUNAS, SUDOERS_HOST, SUDOERS_CMND };
int sudoers_alias_begin(struct ztj_view *text, enum sudoers_alias *kind) ZTJ_MUST_CHECK;
/* NOT_FOUND after the last, BAD_ENCODING. */
int sudoers_alias_next(struct ztj_view *text, struct ztj_view *name, struct sudoers_list *out) ZTJ_MUST_CHECK;
/* The path of an include. BAD_ENCODING. */
int sudoers_include_read(struct ztj_view text, struct ztj_view *path) ZTJ_MUST_CHECK;
/* Has this Defaults line a member of that name, negated or with a value as `with` begins ('!' or '=')? */
bool sudoers_defaults_has(struct ztj_view text, const char *name, char with);

#endif
