/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The middleware as a shared object: whose it is, and what it exports.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libztjit/fido/provider.h"

static bool is_ours_alone(const char *path, uid_t owner, bool directory)
{
	struct stat st;

	if (stat(path, &st) != 0 || (st.st_uid != 0 && st.st_uid != owner))
		return false;
	if (!directory)
		return S_ISREG(st.st_mode) && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
	/* in a sticky directory such as /tmp others cannot replace what is not theirs */
	return S_ISDIR(st.st_mode) &&
	    ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (st.st_mode & S_ISVTX) != 0);
}

/* path is resolved: absolute, no links, no dots. */
static bool is_safe(char *path, uid_t owner)
{
	char *slash;

	if (!is_ours_alone(path, owner, false))
		return false;
	while ((slash = strrchr(path, '/')) != NULL && slash != path) {
		*slash = '\0';
		if (!is_ours_alone(path, owner, true))
			return false;
	}
	return slash == path && is_ours_alone("/", owner, true);
}

static int resolve(const char *path, uid_t owner, char out[PATH_MAX])
{
	char walk[PATH_MAX];

	if (path[0] != '/')
		return ZTJ_UNSAFE_FILE;
	if (realpath(path, out) == NULL)
		return ZTJ_UNREACHABLE;
	memcpy(walk, out, sizeof(walk));
	return is_safe(walk, owner) ? ZTJ_OK : ZTJ_UNSAFE_FILE;
}

/* C has no conversion from an object to a function pointer; dlsym is defined so that the bytes are one. */
static bool import(void *handle, const char *name, void *fn, size_t size)
{
	void *p = dlsym(handle, name);

	if (p == NULL || size != sizeof(p))
		return false;
	memcpy(fn, &p, size);
	return true;
}

int ztj_provider_open(struct ztj_provider *p, const char *path, uid_t owner)
{
	char real[PATH_MAX];
	sk_api_version_fn *version = NULL;
	int r;

	memset(p, 0, sizeof(*p));
	if ((r = resolve(path, owner, real)) != ZTJ_OK)
		return r;
	if ((p->handle = dlopen(real, RTLD_NOW | RTLD_LOCAL)) == NULL)
		return ZTJ_UNREACHABLE;
	if (!import(p->handle, "sk_api_version", &version, sizeof(version)) ||
	    (version() & SSH_SK_VERSION_MAJOR_MASK) != SSH_SK_VERSION_MAJOR ||
	    !import(p->handle, "sk_enroll", &p->enroll, sizeof(p->enroll)) ||
	    !import(p->handle, "sk_sign", &p->sign, sizeof(p->sign))) {
		ztj_provider_close(p);
		return ZTJ_UNREACHABLE;
	}
	return ZTJ_OK;
}

void ztj_provider_close(struct ztj_provider *p)
{
	if (p->handle != NULL)
		(void)dlclose(p->handle);
	memset(p, 0, sizeof(*p));
}
