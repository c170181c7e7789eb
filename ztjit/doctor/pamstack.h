/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A service's PAM configuration as Linux-PAM 1.5 reads it (pam.conf(5); Debian's @include as well), and the
 * question that matters: can it let somebody in although pam_ztjit said no, or was not asked? Pure.
 */
#ifndef ZTJIT_DOCTOR_PAMSTACK_H
#define ZTJIT_DOCTOR_PAMSTACK_H

#include "libztjit/core/wire.h"

#define PAMS_CODES 32       /* PAM_SUCCESS … PAM_INCOMPLETE */
#define PAMS_LINES_MAX 1024 /* of a service, what it includes counted in */
#define PAMS_DEPTH_MAX 16   /* libpam goes no deeper */
#define PAMS_TEXT_MAX 200

enum pams_kind { PAMS_AUTH, PAMS_ACCOUNT, PAMS_SESSION, PAMS_PASSWORD, PAMS_KINDS };
#define PAMS_ANY PAMS_KINDS

/* Actions below 0; 0 and above: a jump over so many modules, and 0 is what libpam calls a bad jump only where it is reached. */
enum pams_action { PAMS_IGNORE = 0, PAMS_OK = -1, PAMS_DONE = -2, PAMS_BAD = -3, PAMS_DIE = -4, PAMS_RESET = -5, PAMS_UNSET = -6 };

/* What a line becomes: a module; the head of a substack, which does nothing itself; a line that libpam makes fail. */
enum pams_type { PAMS_MODULE, PAMS_SUBSTACK, PAMS_MUST_FAIL };

struct pams_line {
	enum pams_kind kind;
	enum pams_type type;
	unsigned level;             /* of substacks */
	int action[PAMS_CODES];
	const char *file;           /* where it stands; owned by the stack */
	unsigned line;
	char control[PAMS_TEXT_MAX], module[PAMS_TEXT_MAX], args[PAMS_TEXT_MAX]; /* cut when they are longer */
	bool cut;
};

struct pams_stack {
	size_t n;
	struct pams_line *line;
	size_t nfiles;
	char **file;
};

/* The text of a service's file, appended, and where it stands (copied). name may be absolute. NOT_FOUND; anything else ends
 * the reading. */
struct pams_source {
	int (*read)(void *arg, const char *name, struct ztj_buf *text, char *path, size_t size);
	void *arg;
};

/* Reads a service with all that it includes. NOT_FOUND: it has no file. LIMIT: more than anybody writes. */
int pams_read(const struct pams_source *from, const char *service, struct pams_stack *out) ZTJ_MUST_CHECK;
void pams_free(struct pams_stack *s);
/* Has it a line of that kind? libpam takes those of the service "other" when it has none. */
bool pams_has(const struct pams_stack *s, enum pams_kind kind);

/* Which codes may the module of this line return? A set of bits. */
struct pams_ask {
	enum pams_kind kind;
	uint32_t lets_in; /* the codes of the whole stack that let somebody in */
	uint32_t (*results)(const struct pams_line *l, void *arg);
	void *arg;
};
/* The line that makes the difference on one way to such a code: for success, of the modules that ran, the last that ended
 * the walk or jumped, else the last at all; for a no, the module whose no it is, which need not be the last. NULL when none
 * ran. */
struct pams_way {
	const struct pams_line *by;
	uint8_t code;     /* what that module returned */
	uint8_t status;   /* what the whole stack returns */
	bool skipped;     /* it ended the walk or jumped */
};
/* Can it happen? Exact but for [reset], where it errs on the side of yes. NOMEM counts as an error, not as an answer. */
int pams_passes(const struct pams_stack *s, const struct pams_ask *ask, bool *passes, struct pams_way *way) ZTJ_MUST_CHECK;

/* "success", "perm_denied" …; "?" beyond. */
const char *pams_code_name(unsigned code);
/* Is it this module: its plain name, or an absolute path that ends in it? */
bool pams_is(const struct pams_line *l, const char *name);

#endif
