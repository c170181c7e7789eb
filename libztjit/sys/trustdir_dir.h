/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * One directory's file inside a trust directory: a first frame with everything, then frames with differences, until
 * they outweigh it and everything is written anew. Internal to sys.
 */
#ifndef ZTJ_SYS_TRUSTDIR_DIR_H
#define ZTJ_SYS_TRUSTDIR_DIR_H

#include "libztjit/core/trust.h"
#include "libztjit/sys/safefile.h"

struct ztj_dirfile;

int ztj_dirfile_new(const char *path, const char *name, const struct ztj_file_rule *rule, struct ztj_dirfile **out)
    ZTJ_MUST_CHECK;
void ztj_dirfile_free(struct ztj_dirfile *f);
const char *ztj_dirfile_name(const struct ztj_dirfile *f);
/* Of the newest statement in the file. */
int64_t ztj_dirfile_serial(const struct ztj_dirfile *f);
/* Offers the file's content to the trust. EXISTS: nothing in it is for this name (a stray temporary, or a
 * first write that was cut short). */
int ztj_dirfile_load(struct ztj_dirfile *f, struct ztj_trust *t) ZTJ_MUST_CHECK;
/* How many records there would be, were the update's delta a difference to this set (NULL: none). */
size_t ztj_dirfile_expect(const struct ztj_dir *held, const struct ztj_dir_update *u);
/* Keeps an update that the trust took. */
int ztj_dirfile_keep(struct ztj_dirfile *f, const struct ztj_trust *t, const struct ztj_dir_update *u, size_t expected)
    ZTJ_MUST_CHECK;

#endif
