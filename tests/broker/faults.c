/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Preloaded into a broker under test: storage that fails. ZTJ_FAULT="fdatasync 6 9 5" makes the 6th to the 9th
 * call in each process fail with errno 5. (strace cannot do it: it cancels a call by giving it the number -1, which our
 * seccomp filter takes for what it is.)
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct fault {
	char call[32];
	unsigned from, to, seen;
	int error;
};

static struct fault *fault(void)
{
	static struct fault f;
	static bool read_env;
	const char *env = getenv("ZTJ_FAULT");
	char *copy, *rest, *word[4] = { NULL };
	if (read_env || env == NULL)
		return &f;
	read_env = true;
	rest = copy = strdup(env);
	for (int i = 0; rest != NULL && i < 4; i++)
		word[i] = strsep(&rest, " ");
	if (copy != NULL && word[3] != NULL) {
		(void)snprintf(f.call, sizeof f.call, "%s", word[0]);
		f.from = (unsigned)strtoul(word[1], NULL, 10);
		f.to = (unsigned)strtoul(word[2], NULL, 10);
		f.error = (int)strtol(word[3], NULL, 10);
	}
	free(copy);
	return &f;
}

static bool fails(const char *call)
{
	struct fault *f = fault();
	if (strcmp(f->call, call) != 0)
		return false;
	f->seen++;
	if (f->seen < f->from || f->seen > f->to)
		return false;
	errno = f->error;
	return true;
}

int fdatasync(int fd)
{
	int (*next)(int);
	*(void **)&next = dlsym(RTLD_NEXT, "fdatasync");
	return fails("fdatasync") ? -1 : next(fd);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	ssize_t (*next)(int, const void *, size_t, off64_t);
	*(void **)&next = dlsym(RTLD_NEXT, "pwrite64");
	return fails("pwrite64") ? -1 : next(fd, p, n, at);
}
