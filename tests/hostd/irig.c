/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/hostd/irig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

char irig_root[64];

static struct {
	unsigned calls, at;
	int error;
	bool met;
} * fault;

/* ---- files ---- */

static int gone(const char *name, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(name);
}

int irig_setup(void **state)
{
	(void)state;
	fault = mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(fault != MAP_FAILED);
	(void)umask(022);
	(void)snprintf(irig_root, sizeof(irig_root), "/tmp/ztj-install.XXXXXX");
	return mkdtemp(irig_root) == NULL;
}

int irig_teardown(void **state)
{
	(void)state;
	(void)munmap(fault, sizeof(*fault));
	fault = NULL;
	return nftw(irig_root, gone, 16, FTW_DEPTH | FTW_PHYS);
}

void irig_path(const char *path, char out[512])
{
	(void)snprintf(out, 512, "%s%s", irig_root, path);
}

void irig_put(const char *path, const char *text)
{
	static const struct timespec old[2] = { { 1000000000, 1 }, { 1000000000, 123456789 } };
	char full[512], *slash;
	int fd;

	irig_path(path, full);
	for (slash = strchr(full + strlen(irig_root) + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(full, 0755);
		*slash = '/';
	}
	(void)unlink(full);
	if (text == NULL)
		return;
	fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "%s", text) >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(utimensat(AT_FDCWD, full, old, 0), 0);
}

struct ztj_inst irig_inst(void)
{
	struct ztj_inst in = { .root = irig_root, .owner = getuid() };

	memset(in.bootid, 'b', sizeof(in.bootid) - 1);
	return in;
}

void irig_forget(void)
{
	char path[512];

	irig_path(ZTJ_INST_DIR, path);
	if (access(path, F_OK) == 0)
		assert_int_equal(nftw(path, gone, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- pictures ---- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void picture_file(const char *path, const struct stat *st, FILE *out)
{
	bool passwd = strstr(path, "/passwd") != NULL;
	int c;

	(void)fprintf(out, " %lld.%09ld\n", passwd ? 0LL : (long long)st->st_mtim.tv_sec,
	    passwd ? 0L : st->st_mtim.tv_nsec);
	FILE *fp = fopen(path, "r");
	assert_non_null(fp);
	while ((c = fgetc(fp)) != EOF)
		(void)fputc(c, out);
	(void)fclose(fp);
}

static void picture_dir(const char *path, FILE *out)
{
	struct dirent **e;
	int n = scandir(path, &e, NULL, by_name);

	for (int i = 0; i < n; i++) {
		char sub[512];
		struct stat st;
		if (strcmp(e[i]->d_name, ".") != 0 && strcmp(e[i]->d_name, "..") != 0 &&
		    snprintf(sub, sizeof(sub), "%s/%s", path, e[i]->d_name) < (int)sizeof(sub) &&
		    lstat(sub, &st) == 0) {
			(void)fprintf(out, "%s %o %u %u", sub + strlen(irig_root), st.st_mode, st.st_uid,
			    st.st_gid);
			if (S_ISREG(st.st_mode))
				picture_file(sub, &st, out);
			else
				(void)fputc('\n', out);
			if (S_ISDIR(st.st_mode))
				picture_dir(sub, out);
		}
		free(e[i]);
	}
	if (n >= 0)
		free(e);
}

char *irig_picture(void)
{
	char path[512], *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	irig_path("/etc", path);
	picture_dir(path, out);
	irig_path("/usr/bin", path);
	picture_dir(path, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* ---- faults ---- */

void irig_fault(unsigned at, int error)
{
	fault->calls = 0;
	fault->at = at;
	fault->error = error;
	fault->met = false;
}

bool irig_fault_met(void)
{
	return fault->met;
}

static bool due(void)
{
	if (fault == NULL || fault->at == 0 || ++fault->calls != fault->at)
		return false;
	fault->met = true;
	return true;
}

static void strike(void)
{
	if (fault->error == 0) {
		(void)kill(getpid(), SIGKILL);
		for (;;)
			(void)pause();
	}
	errno = fault->error;
}

int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, mode_t mode);
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __real_futimens(int fd, const struct timespec t[2]);
int __wrap_futimens(int fd, const struct timespec t[2]);
int __real_renameat(int a, const char *from, int b, const char *to);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __real_mkdirat(int dir, const char *name, mode_t mode);
int __wrap_mkdirat(int dir, const char *name, mode_t mode);

int __wrap_openat(int dir, const char *name, int flags, mode_t mode)
{
	/* To die before something is only looked at is to die before what comes next. */
	bool counts = fault == NULL || fault->error != 0 || (flags & O_CREAT) != 0;

	if (counts && due()) {
		strike();
		return -1;
	}
	return __real_openat(dir, name, flags, mode);
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (due()) {
		(void)!__real_write(fd, p, n / 2);
		strike();
		return -1;
	}
	return __real_write(fd, p, n);
}

int __wrap_fsync(int fd)
{
	if (due()) {
		strike();
		return -1;
	}
	return fd < 0 ? __real_fsync(fd) : 0; /* nothing here outlives the machine */
}

int __wrap_fchmod(int fd, mode_t mode)
{
	if (due()) {
		strike();
		return -1;
	}
	return __real_fchmod(fd, mode);
}

int __wrap_futimens(int fd, const struct timespec t[2])
{
	if (due()) {
		strike();
		return -1;
	}
	return __real_futimens(fd, t);
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
	if (due()) {
		strike();
		return -1;
	}
	return __real_renameat(a, from, b, to);
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
	if (due()) {
		strike();
		return -1;
	}
	return __real_unlinkat(dir, name, flags);
}

int __wrap_mkdirat(int dir, const char *name, mode_t mode)
{
	if (due()) {
		strike();
		return -1;
	}
	return __real_mkdirat(dir, name, mode);
}
