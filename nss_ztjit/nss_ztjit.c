/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * libnss_ztjit.so.2: the functions that glibc looks up for a service named `ztjit` in nsswitch.conf. They
 * run in every process that looks up a user, with its privilege, and trust nobody: paths are fixed at compile
 * time, no environment counts, and of what glibc offers nothing is called that could look up a name again.
 */
#include <errno.h>
#include <pthread.h>

#include "libztjit/core/mark.h"
#include "nss_ztjit/module.h"

ZTJ_MARK;

#define ENTRY __attribute__((visibility("default")))

static struct ztj_nss_kept kept = { .people.busy = ATOMIC_FLAG_INIT, .grants.busy = ATOMIC_FLAG_INIT };
static const struct ztj_nss_where where = {
	.people = ZTJ_RUNDIR "/" ZTJ_NAMES_PEOPLE,
	.grants = ZTJ_RUNDIR "/" ZTJ_NAMES_GRANTS,
	.bootid = "/proc/sys/kernel/random/boot_id",
	.owner = 0,
	.kept = &kept,
};

/* getpwent and getgrent are one for the whole process, and glibc takes turns; so do others that call these directly. */
static struct {
	pthread_mutex_t lock;
	struct ztj_nss_walk walk;
} people = { .lock = PTHREAD_MUTEX_INITIALIZER }, groups = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* A call leaves no descriptor open when its thread is cancelled, and errno alone when it succeeds. */
struct call {
	int cancel, before;
};

static void begin(struct call *c)
{
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &c->cancel);
	c->before = errno;
}

static enum nss_status end(const struct call *c, enum nss_status s, int *errnop)
{
	int e = errno;

	errno = c->before;
	if (s != NSS_STATUS_SUCCESS)
		*errnop = e; /* which may be errno itself */
	(void)pthread_setcancelstate(c->cancel, NULL);
	return s;
}

/* What glibc looks up; no header declares it. */
ENTRY enum nss_status _nss_ztjit_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t n,
    int *errnop);
ENTRY enum nss_status _nss_ztjit_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t n, int *errnop);
ENTRY enum nss_status _nss_ztjit_setpwent(int stayopen);
ENTRY enum nss_status _nss_ztjit_getpwent_r(struct passwd *pw, char *buf, size_t n, int *errnop);
ENTRY enum nss_status _nss_ztjit_endpwent(void);
ENTRY enum nss_status _nss_ztjit_getgrnam_r(const char *name, struct group *gr, char *buf, size_t n,
    int *errnop);
ENTRY enum nss_status _nss_ztjit_getgrgid_r(gid_t gid, struct group *gr, char *buf, size_t n, int *errnop);
ENTRY enum nss_status _nss_ztjit_setgrent(int stayopen);
ENTRY enum nss_status _nss_ztjit_getgrent_r(struct group *gr, char *buf, size_t n, int *errnop);
ENTRY enum nss_status _nss_ztjit_endgrent(void);
ENTRY enum nss_status _nss_ztjit_initgroups_dyn(const char *name, gid_t group, long *start, long *size,
    gid_t **list, long limit, int *errnop);

static enum nss_status person(const struct ztj_nss_key *key, struct passwd *pw, struct ztj_nss_space space)
{
	struct ztj_nss_person p;
	enum nss_status s = ztj_nss_find_person(&where, key, &p);

	return s == NSS_STATUS_SUCCESS ? ztj_nss_fill_person(&p, pw, space) : s;
}

enum nss_status _nss_ztjit_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t n, int *errnop)
{
	struct call c;

	begin(&c);
	return end(&c, person(&(struct ztj_nss_key){ .name = name }, pw, (struct ztj_nss_space){ buf, n }),
	    errnop);
}

enum nss_status _nss_ztjit_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t n, int *errnop)
{
	struct call c;

	begin(&c);
	return end(&c, person(&(struct ztj_nss_key){ .id = uid }, pw, (struct ztj_nss_space){ buf, n }),
	    errnop);
}

enum nss_status _nss_ztjit_getgrnam_r(const char *name, struct group *gr, char *buf, size_t n, int *errnop)
{
	struct ztj_nss_key key = { .name = name };
	struct call c;

	begin(&c);
	return end(&c, ztj_nss_find_group(&where, &key, gr, (struct ztj_nss_space){ buf, n }), errnop);
}

enum nss_status _nss_ztjit_getgrgid_r(gid_t gid, struct group *gr, char *buf, size_t n, int *errnop)
{
	struct ztj_nss_key key = { .id = gid };
	struct call c;

	begin(&c);
	return end(&c, ztj_nss_find_group(&where, &key, gr, (struct ztj_nss_space){ buf, n }), errnop);
}

enum nss_status _nss_ztjit_initgroups_dyn(const char *name, gid_t group, long *start, long *size,
    gid_t **list, long limit, int *errnop)
{
	struct ztj_nss_gids g = { .primary = group, .list = list, .n = start, .size = size, .limit = limit };
	struct call c;

	begin(&c);
	return end(&c, ztj_nss_find_groups(&where, name, &g), errnop);
}

/* ---- enumeration ---- */

enum nss_status _nss_ztjit_setpwent(int stayopen)
{
	enum nss_status s;
	struct call c;
	int e = 0;

	(void)stayopen;
	begin(&c);
	(void)pthread_mutex_lock(&people.lock);
	s = ztj_nss_walk_start(&where, &people.walk);
	(void)pthread_mutex_unlock(&people.lock);
	return end(&c, s, &e);
}

enum nss_status _nss_ztjit_getpwent_r(struct passwd *pw, char *buf, size_t n, int *errnop)
{
	enum nss_status s;
	struct call c;

	begin(&c);
	(void)pthread_mutex_lock(&people.lock);
	s = ztj_nss_walk_person(&where, &people.walk, pw, (struct ztj_nss_space){ buf, n });
	(void)pthread_mutex_unlock(&people.lock);
	return end(&c, s, errnop);
}

enum nss_status _nss_ztjit_endpwent(void)
{
	(void)pthread_mutex_lock(&people.lock);
	ztj_nss_walk_end(&people.walk);
	(void)pthread_mutex_unlock(&people.lock);
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_ztjit_setgrent(int stayopen)
{
	enum nss_status s;
	struct call c;
	int e = 0;

	(void)stayopen;
	begin(&c);
	(void)pthread_mutex_lock(&groups.lock);
	s = ztj_nss_walk_start(&where, &groups.walk);
	(void)pthread_mutex_unlock(&groups.lock);
	return end(&c, s, &e);
}

enum nss_status _nss_ztjit_getgrent_r(struct group *gr, char *buf, size_t n, int *errnop)
{
	enum nss_status s;
	struct call c;

	begin(&c);
	(void)pthread_mutex_lock(&groups.lock);
	s = ztj_nss_walk_group(&where, &groups.walk, gr, (struct ztj_nss_space){ buf, n });
	(void)pthread_mutex_unlock(&groups.lock);
	return end(&c, s, errnop);
}

enum nss_status _nss_ztjit_endgrent(void)
{
	(void)pthread_mutex_lock(&groups.lock);
	ztj_nss_walk_end(&groups.walk);
	(void)pthread_mutex_unlock(&groups.lock);
	return NSS_STATUS_SUCCESS;
}
