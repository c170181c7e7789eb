/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Publication: bytes of the gate's become a file that everybody reads. What they say is not looked at; that nobody changes them meanwhile,
 * and that nobody sees half of them, is seen to here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/core/names.h"
#include "ztjit-hostd/warden.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static const char *const files
    [ZTJ_PUBLISHED] = { [ZTJ_PUBLISH_PEOPLE] = ZTJ_NAMES_PEOPLE, [ZTJ_PUBLISH_GRANTS] = ZTJ_NAMES_GRANTS };

static int check(int memfd, off_t *size)
{
	int seals = fcntl(memfd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(memfd, &st) != 0 || !S_ISREG(st.st_mode))
		return ZTJ_PROTOCOL;
	if (st.st_size <= 0 || st.st_size > (off_t)ZTJ_NAMES_MAX_SIZE)
		return ZTJ_TOO_LARGE;
	*size = st.st_size;
	return ZTJ_OK;
}

static int copy(int from, off_t size, int to)
{
	char room[65536];

	for (off_t at = 0; at < size;) {
		ssize_t n = pread(from, room, sizeof(room), at);
		if (n <= 0)
			return ZTJ_IO;
		for (ssize_t done = 0; done < n;) {
			ssize_t put = write(to, room + done, (size_t)(n - done));
			if (put < 0 && errno == EINTR)
				continue;
			if (put <= 0)
				return errno == ENOSPC ? ZTJ_NO_SPACE : ZTJ_IO;
			done += put;
		}
		at += n;
	}
	return ZTJ_OK;
}

/* Nothing in /run outlives the machine: there is no need to sync. */
static int replace(int dir, const char *name, int memfd, off_t size)
{
	char temporary[32];
	int fd, r;

	(void)snprintf(temporary, sizeof(temporary), "%s.tmp", name);
	if (unlinkat(dir, temporary, 0) != 0 && errno != ENOENT)
		return ZTJ_IO;
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == ENOSPC ? ZTJ_NO_SPACE : ZTJ_IO;
	r = copy(memfd, size, fd);
	if (r == ZTJ_OK && fchmod(fd, 0644) != 0) /* the umask is narrow */
		r = ZTJ_IO;
	if (close(fd) != 0 && r == ZTJ_OK)
		r = ZTJ_IO;
	if (r == ZTJ_OK && renameat(dir, temporary, dir, name) != 0)
		r = ZTJ_IO;
	if (r != ZTJ_OK)
		(void)unlinkat(dir, temporary, 0);
	return r;
}

/* What stands must not outlive what was to replace it, or a revoked membership would go on. Without it nobody has anything, and
 * there is room for another try. Who somebody is stays as it was. */
static int instead(int dir, int memfd, off_t size)
{
	if (unlinkat(dir, files[ZTJ_PUBLISH_GRANTS], 0) != 0 && errno != ENOENT)
		return ZTJ_IO;
	return replace(dir, files[ZTJ_PUBLISH_GRANTS], memfd, size);
}

static int withdraw(int dir)
{
	return unlinkat(dir, files[ZTJ_PUBLISH_GRANTS], 0) == 0 || errno == ENOENT ? ZTJ_OK : ZTJ_IO;
}

int ztj_warden_publish(const char *run, uint32_t file, int memfd)
{
	off_t size = 0;
	int dir, r;

	if (file >= ZTJ_PUBLISHED || (memfd < 0 && file != ZTJ_PUBLISH_GRANTS))
		return ZTJ_PROTOCOL;
	if (memfd >= 0 && (r = check(memfd, &size)) != ZTJ_OK)
		return r;
	dir = open(run, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return ZTJ_IO;
	r = memfd < 0 ? withdraw(dir) : replace(dir, files[file], memfd, size);
	if (r != ZTJ_OK && memfd >= 0 && file == ZTJ_PUBLISH_GRANTS)
		r = instead(dir, memfd, size);
	(void)close(dir);
	return r;
}
