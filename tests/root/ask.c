/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ask NAME GROUP THREADS ROUNDS: asks glibc for a person and a group by name and by id, and for the person's groups,
 * in so many threads so many times; fails when an answer is missing or does not fit the others. tests/root/nss.sh
 * links it once as usual and once statically.
 */
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *name, *group;
static int rounds;
static atomic_int wrong;

static int check_person(gid_t *primary)
{
	struct passwd pw, by_id, *p = NULL, *q = NULL;
	char buf[1024], other[1024];

	if (getpwnam_r(name, &pw, buf, sizeof buf, &p) != 0 || p == NULL)
		return -1;
	*primary = pw.pw_gid;
	if (getpwuid_r(pw.pw_uid, &by_id, other, sizeof other, &q) != 0 || q == NULL)
		return -1;
	return strcmp(by_id.pw_name, name) != 0 || strcmp(by_id.pw_dir, pw.pw_dir) != 0 ? -1 : 0;
}

static int check_group(gid_t *gid)
{
	struct group gr, by_id, *p = NULL, *q = NULL;
	char buf[4096], other[4096];

	if (getgrnam_r(group, &gr, buf, sizeof buf, &p) != 0 || p == NULL)
		return -1;
	*gid = gr.gr_gid;
	if (getgrgid_r(gr.gr_gid, &by_id, other, sizeof other, &q) != 0 || q == NULL ||
	    strcmp(by_id.gr_name, group) != 0)
		return -1;
	for (char **m = gr.gr_mem; *m != NULL; m++)
		if (strcmp(*m, name) == 0)
			return 0;
	return -1;
}

static int check_list(gid_t primary, gid_t gid)
{
	gid_t list[64];
	int n = 64;

	if (getgrouplist(name, primary, list, &n) < 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (list[i] == gid)
			return 0;
	return -1;
}

static void *ask(void *arg)
{
	gid_t primary, gid;

	(void)arg;
	for (int i = 0; i < rounds; i++)
		if (check_person(&primary) != 0 || check_group(&gid) != 0 || check_list(primary, gid) != 0)
			atomic_fetch_add(&wrong, 1);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[16];
	size_t n;

	if (argc != 5)
		return 2;
	name = argv[1];
	group = argv[2];
	n = strtoul(argv[3], NULL, 10);
	rounds = (int)strtoul(argv[4], NULL, 10);
	for (size_t i = 0; i < n && i < 16; i++)
		if (pthread_create(&t[i], NULL, ask, NULL) != 0)
			return 2;
	for (size_t i = 0; i < n && i < 16; i++)
		(void)pthread_join(t[i], NULL);
	(void)printf("%d wrong\n", atomic_load(&wrong));
	return atomic_load(&wrong) != 0;
}
