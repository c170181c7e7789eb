/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Configuration files by one const table per program: libconfig syntax, strict.
 */
#ifndef ZTJ_SYS_CONF_H
#define ZTJ_SYS_CONF_H

#include <sys/types.h>

#include "libztjit/core/wire.h"

enum ztj_conf_type { ZTJ_CONF_INT, ZTJ_CONF_BOOL, ZTJ_CONF_STRING, ZTJ_CONF_STRINGS, ZTJ_CONF_DURATION };

struct ztj_conf_key {
	const char *name;
	enum ztj_conf_type type;
	size_t offset;      /* into the program's struct: int64_t, bool, char *, struct ztj_conf_list, int64_t */
	int64_t min, max;   /* value, string length or list length */
	const char *def;    /* text of the default; NULL: the key is required */
	const char *help;   /* one line */
};
struct ztj_conf_list { size_t n; char **s; };

/* Fills defaults, reads the file (path may be NULL: defaults only). Unknown, duplicate or wrong keys, @include, empty
 * required lists: ZTJ_CONFIG with "file:line: key: what" in err. Unsafe file: ZTJ_UNSAFE_FILE. */
int ztj_conf_load(const struct ztj_conf_key *table, size_t nkeys, const char *path, uid_t owner, void *out,
    char *err, size_t errsize) ZTJ_MUST_CHECK;
/* The effective configuration as a file that loads to the same. */
int ztj_conf_dump(const struct ztj_conf_key *table, size_t nkeys, const void *conf, struct ztj_buf *out) ZTJ_MUST_CHECK;
void ztj_conf_free(const struct ztj_conf_key *table, size_t nkeys, void *conf);

#endif
