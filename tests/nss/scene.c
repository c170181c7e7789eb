/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/nss/scene.h"

struct scene sc;
static char dir[] = "/tmp/ztjit-nss-XXXXXX";

void scene_write(const char *name, struct ztj_view bytes, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(write(fd, bytes.n != 0 ? bytes.p : (const void *)"", bytes.n), bytes.n);
	(void)close(fd);
}

void scene_publish(const char *name, struct ztj_view bytes)
{
	scene_write("tmp", bytes, 0644);
	assert_int_equal(rename("tmp", name), 0);
}

void scene_grants(int64_t ends, const char *shell)
{
	const struct ztj_names_shell s[] = { { "alice", 20001, shell, ends } };
	const struct ztj_names_member m[] = { { "ztjit-root", ROLE_GID, "alice", ends },
		{ "ztjit-root", ROLE_GID, "bob", ends }, { "ztjit-db", ROLE_GID + 1, "alice", ends },
		{ "ztjit-db", ROLE_GID + 1, "bob", 0 }, { "ztjit-none", ROLE_GID + 2, NULL, 0 } };

	assert_int_equal(ztj_names_build_grants(BOOT, s, N(s), m, N(m), &sc.grants), ZTJ_OK);
	scene_publish("grants", ztj_buf_view(&sc.grants));
}

static void start(void)
{
	static const struct ztj_names_person p[] = { { "alice", 20001 }, { "bob", 20002 },
		{ "carol", 20003 } };
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &t), 0);
	sc.now = t.tv_sec;
	sc.where = (struct ztj_nss_where){ "people", "grants", "bootid", getuid(), &sc.kept };
	memset(&sc.kept, 0, sizeof sc.kept);
	atomic_flag_clear(&sc.kept.busy);
	scene_write("bootid", ztj_view_str(BOOT "\n"), 0644);
	assert_int_equal(ztj_names_build_people(p, N(p), &sc.people), ZTJ_OK);
	scene_publish("people", ztj_buf_view(&sc.people));
	scene_grants(sc.now + 1000000, REC);
}

int scene_enter(void **state)
{
	(void)state;
	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return -1;
	ztj_buf_init(&sc.people, ZTJ_NAMES_MAX_SIZE);
	ztj_buf_init(&sc.grants, ZTJ_NAMES_MAX_SIZE);
	start();
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

int scene_leave(void **state)
{
	(void)state;
	ztj_buf_free(&sc.people);
	ztj_buf_free(&sc.grants);
	return chdir("/") != 0 || nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0;
}

/* ---- questions ---- */

static struct ztj_nss_space space_of(struct answer *a, size_t n)
{
	memset(a, 0, sizeof *a);
	a->buf = malloc(n != 0 ? n : 1);
	assert_non_null(a->buf);
	errno = 0;
	return (struct ztj_nss_space){ a->buf, n };
}

void answer_free(struct answer *a)
{
	free(a->buf);
	a->buf = NULL;
}

void person(const char *name, uint32_t uid, size_t n, struct answer *a)
{
	const struct ztj_nss_key key = { name, uid };
	struct ztj_nss_space s = space_of(a, n);
	struct ztj_nss_person p;

	a->status = ztj_nss_find_person(&sc.where, &key, &p);
	if (a->status == NSS_STATUS_SUCCESS)
		a->status = ztj_nss_fill_person(&p, &a->pw, s);
	a->error = errno;
}

void group(const char *name, uint32_t gid, size_t n, struct answer *a)
{
	const struct ztj_nss_key key = { name, gid };
	struct ztj_nss_space s = space_of(a, n);

	a->status = ztj_nss_find_group(&sc.where, &key, &a->gr, s);
	a->error = errno;
}

void groups(const char *name, gid_t primary, long size, long limit, struct gids *out)
{
	gid_t *list = calloc(size > 0 ? (size_t)size : 1, sizeof *list);
	struct ztj_nss_gids g = { primary, &list, &out->n, &out->size, limit };

	assert_non_null(list);
	memset(out, 0, sizeof *out);
	out->size = size;
	if (size > 0)
		list[out->n++] = primary; /* as glibc begins */
	errno = 0;
	out->status = ztj_nss_find_groups(&sc.where, name, &g);
	out->error = errno;
	assert_true(out->n <= out->size && out->n <= GIDS);
	memcpy(out->list, list, (size_t)out->n * sizeof *list);
	free(list);
}

const char *shell_of_alice(void)
{
	static char shell[ZTJ_NAMES_SHELL_SIZE];
	struct answer a;

	person("alice", 0, 1024, &a);
	(void)snprintf(shell, sizeof shell, "%s", a.status == NSS_STATUS_SUCCESS ? a.pw.pw_shell : "");
	answer_free(&a);
	return shell;
}

size_t open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}
