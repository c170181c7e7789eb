/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * sshd_config with all that it includes, as a list of settings with file, line and the Match block they stand in
 * (sshd_config(5)). sshd -T says what counts; this says where it stands. Outside Match blocks the first value wins; one in a
 * Match block that applies wins over all of those. Pure.
 */
#ifndef ZTJIT_DOCTOR_SSHDCONF_H
#define ZTJIT_DOCTOR_SSHDCONF_H

#include "libztjit/core/wire.h"

#define SSHDC_DEPTH_MAX 16
#define SSHDC_SETTINGS_MAX 4096
#define SSHDC_FILES_MAX 1024

struct sshdc_setting {
	char *keyword;      /* lower case */
	char *value;        /* words by one space, without quotes and comment */
	const char *file;   /* owned by the list */
	unsigned line;
	const char *match;  /* "user deploy"; NULL outside Match blocks */
};
struct sshdc {
	size_t n, nfiles, nmatches;
	struct sshdc_setting *s;
	char **file;        /* every file that was read, in order */
	char **match;
};

struct sshdc_source {
	/* Appends a file's text. NOT_FOUND ends nothing: sshd's glob would not have found it either. */
	int (*read)(void *arg, const char *path, struct ztj_buf *text);
	/* Calls each for every path that the pattern matches, sorted; its error ends it. */
	int (*expand)(void *arg, const char *pattern, int (*each)(void *eacharg, const char *path), void *eacharg);
	void *arg;
};

/* main_file: absolute path. LIMIT: more than anybody writes; BAD_TEXT: a NUL inside. */
int sshdc_read(const struct sshdc_source *from, const char *main_file, struct sshdc *out) ZTJ_MUST_CHECK;
void sshdc_free(struct sshdc *c);
/* The first outside Match blocks ("Match all" counts as outside); NULL when nothing sets it. keyword in lower case. */
const struct sshdc_setting *sshdc_first(const struct sshdc *c, const char *keyword);

/* The value of a keyword in what sshd -T prints, copied; false when it is not there or longer. */
bool sshdc_effective(const char *dump, const char *keyword, char *out, size_t size);

#endif
