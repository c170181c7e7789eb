/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * libnss_ztjit: one look-up opens what ztjit-hostd published (PROTOCOL.md section 9), reads the few bytes it
 * needs and closes it again, inside whatever process asks. Kept from one call to the next are the boot id and a copy
 * of a small `grants`, which counts only while the file is the very same; nobody ever waits for either.
 *
 *   file.c      opening and checking a published file
 *   kept.c      what is kept: the copy, and the boot id with the clock it belongs to
 *   lookup.c    one person, one group, one person's groups
 *   answer.c    what was found, as struct passwd and struct group in the caller's buffer
 *   walk.c      getpwent and getgrent over a copy taken at setpwent and setgrent
 *   nss_ztjit.c what glibc calls
 */
#ifndef ZTJ_NSS_MODULE_H
#define ZTJ_NSS_MODULE_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "libztjit/core/names.h"

#define ZTJ_NSS_WINDOW 4096 /* a small file is read at once, */
#define ZTJ_NSS_STEP 1024   /* a large one in pieces */

/* What a process keeps. All zeros: nothing yet. */
struct ztj_nss_kept {
	atomic_int
	    boot; /* 0 unknown, 1 being written, 2 known: the boot id cannot change while a process lives */
	char bootid[ZTJ_NAMES_BOOTID_SIZE];
	atomic_flag
	    busy; /* of what follows. Whoever finds it set goes without, so a fork may leave it set for good */
	struct stat grants; /* st_size 0: none */
	unsigned char bytes[ZTJ_NSS_WINDOW];
};
/* Where everything is; tests pass their own, the module has one constant. */
struct ztj_nss_where {
	const char *people, *grants; /* the published files */
	const char *bootid;          /* what the kernel says this boot is */
	uid_t owner;                 /* who alone may have written the files */
	struct ztj_nss_kept *kept;
};

/* ---- file.c ---- */

struct ztj_nss_file {
	struct ztj_names_src src;
	struct ztj_names names;
	int fd;      /* -1: all of it is in window */
	uint64_t at; /* the file's bytes that window holds */
	size_t have;
	unsigned char window[ZTJ_NSS_WINDOW];
};
/* NSS_STATUS_SUCCESS, or UNAVAIL or TRYAGAIN with errno set. f must not be moved; close it in any case. */
enum nss_status ztj_nss_open_people(const struct ztj_nss_where *w, struct ztj_nss_file *f);
enum nss_status ztj_nss_open_grants(const struct ztj_nss_where *w, struct ztj_nss_file *f);
void ztj_nss_close(struct ztj_nss_file *f);
/* What an error of the reader is for NSS; sets errno unless it is ZTJ_OK. */
enum nss_status ztj_nss_status(int err);

/* ---- kept.c ---- */

/* Fills f with the copy when the file that is there now is the one that was copied. */
bool ztj_nss_kept_get(const struct ztj_nss_where *w, struct ztj_nss_file *f);
/* Keeps a copy of an open and checked file that is whole in f's window. */
void ztj_nss_kept_put(const struct ztj_nss_where *w, const struct ztj_nss_file *f, const struct stat *st);
/* The boot clock in seconds, which the ends of these grants are measured by; INT64_MAX, so that nothing counts, when
 * they are of another boot or the machine's own boot id cannot be read. */
int64_t ztj_nss_now(const struct ztj_nss_where *w, const struct ztj_names *grants);

/* ---- lookup.c: all set errno unless SUCCESS ---- */

struct ztj_nss_key {
	const char *name; /* NULL: by id */
	uint32_t id;
};
struct ztj_nss_person {
	char name[ZTJ_NAME_SIZE];
	uint32_t uid;
	char shell[ZTJ_NAMES_SHELL_SIZE];
};
/* The caller's buffer, from which an answer is cut. */
struct ztj_nss_space {
	char *p;
	size_t n;
};
/* A list of groups as initgroups_dyn passes it. */
struct ztj_nss_gids {
	gid_t primary, **list;
	long *n, *size, limit;
};
enum nss_status ztj_nss_find_person(const struct ztj_nss_where *w, const struct ztj_nss_key *key,
    struct ztj_nss_person *out);
enum nss_status ztj_nss_find_group(const struct ztj_nss_where *w, const struct ztj_nss_key *key,
    struct group *gr, struct ztj_nss_space s);
enum nss_status ztj_nss_find_groups(const struct ztj_nss_where *w, const char *name,
    const struct ztj_nss_gids *g);
/* The shell that this person of an open `grants` has at now; false: none. */
bool ztj_nss_has_shell(const struct ztj_names *f, const struct ztj_names_user *u, int64_t now,
    struct ztj_nss_person *out);

/* ---- answer.c: TRYAGAIN with errno ERANGE when the space is too small ---- */

enum nss_status ztj_nss_fill_person(const struct ztj_nss_person *p, struct passwd *pw,
    struct ztj_nss_space s);
/* g and those of its members in an open file that count at now. */
enum nss_status ztj_nss_fill_group(const struct ztj_names *f, const struct ztj_names_group *g, int64_t now,
    struct group *gr, struct ztj_nss_space s);

/* ---- walk.c ---- */

/* A copy of `grants` that a process goes through. All zeros: none. */
struct ztj_nss_walk {
	unsigned char *bytes;
	struct ztj_view view;
	struct ztj_names_src src;
	struct ztj_names names;
	uint32_t next;
};
/* Takes a new copy. walk must not be moved. */
enum nss_status ztj_nss_walk_start(const struct ztj_nss_where *w, struct ztj_nss_walk *walk);
/* The next one, from a copy that is taken when there is none; NOTFOUND after the last. */
enum nss_status ztj_nss_walk_person(const struct ztj_nss_where *w, struct ztj_nss_walk *walk,
    struct passwd *pw, struct ztj_nss_space s);
enum nss_status ztj_nss_walk_group(const struct ztj_nss_where *w, struct ztj_nss_walk *walk, struct group *gr,
    struct ztj_nss_space s);
void ztj_nss_walk_end(struct ztj_nss_walk *walk);

#endif
