/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Looking up people and groups through glibc: libnss_ztjit with 10 and with 100,000 people published, against `files` with
 * ten users, against libnss-extrausers with as many, and against what sssd keeps in memory for its clients (BENCH_SSSD: where bench/sssd.sh
 * unpacked it; unset: without). Each service has a process in a mount namespace of its
 * own, with an nsswitch.conf that names it alone; blocks of look-ups are asked of them in turn. As root.
 */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/report.h"
#include "libztjit/core/names.h"

#define BLOCKS 101
#define PER_BLOCK 200
#define FEW \
	10u /* people in the small populations, with a grant in ours, members of the role group everywhere */
#define MANY 100000u
#define SOME 200u /* whom sssd is asked for again and again: it keeps in memory only who was */
#define FIRST_UID 1000000u
#define GROUP_GID 61000u

enum ask { PWNAM, PWUID, PWNAM_GRANTED, GRNAM, INITGROUPS };

struct service {
	const char *name;
	uint32_t people;
	bool some;
	pid_t pid;
	int to, from;
};
struct question {
	enum ask what;
	int count;
	bool some;
};

/* ---- a machine for each ---- */

static void write_file(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n || close(fd) != 0)
		bench_fail("%s: cannot be written", path);
}

static void cover(const char *path, const char *name, struct ztj_buf *b)
{
	char own[128];

	(void)snprintf(own, sizeof own, "/run/%s", name);
	write_file(own, b->p, b->n);
	if (path != NULL && mount(own, path, NULL, MS_BIND, NULL) != 0)
		bench_fail("%s: cannot be covered", path);
}

/* passwd(5) and group(5) with so many people. */
static void make_lists(uint32_t people, struct ztj_buf *passwd, struct ztj_buf *group)
{
	ztj_buf_reset(passwd);
	ztj_buf_reset(group);
	for (uint32_t i = 0; i < people; i++) {
		(void)ztj_buf_printf(passwd, "p%u:*:%u:%u:p%u:/home/p%u:/bin/bash\n", i, FIRST_UID + i,
		    FIRST_UID + i, i, i);
		(void)ztj_buf_printf(group, "p%u:*:%u:\n", i, FIRST_UID + i);
	}
	(void)ztj_buf_printf(group, "ztjit-root:*:%u:", GROUP_GID);
	for (uint32_t i = 0; i < FEW; i++)
		(void)ztj_buf_printf(group, "%sp%u", i == 0 ? "" : ",", i);
	(void)ztj_buf_puts(group, "\n");
	must_ok(ztj_buf_status(passwd));
	must_ok(ztj_buf_status(group));
}

static const char *bootid(void)
{
	static char id[ZTJ_NAMES_BOOTID_SIZE];
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, id, sizeof id - 1) != (ssize_t)(sizeof id - 1))
		bench_fail("no boot id");
	(void)close(fd);
	return id;
}

static void publish(uint32_t people, struct ztj_buf *b)
{
	struct ztj_names_person *p = calloc(people, sizeof *p);
	struct ztj_names_shell s[FEW];
	struct ztj_names_member m[FEW];
	char(*name)[12] = calloc(people, sizeof *name);

	if (p == NULL || name == NULL || mkdir("/run/ztjit", 0755) != 0)
		bench_fail("cannot publish");
	for (uint32_t i = 0; i < people; i++) {
		(void)snprintf(name[i], sizeof name[i], "p%u", i);
		p[i] = (struct ztj_names_person){ name[i], FIRST_UID + i };
	}
	for (uint32_t i = 0; i < FEW; i++) {
		s[i] = (struct ztj_names_shell){ name[i], FIRST_UID + i, "/bin/bash", INT64_MAX };
		m[i] = (struct ztj_names_member){ "ztjit-root", GROUP_GID, name[i], INT64_MAX };
	}
	must_ok(ztj_names_build_people(p, people, b));
	cover(NULL, "ztjit/" ZTJ_NAMES_PEOPLE, b);
	must_ok(ztj_names_build_grants(bootid(), s, FEW, m, FEW, b));
	cover(NULL, "ztjit/" ZTJ_NAMES_GRANTS, b);
	free(name);
	free(p);
}

/* Fed by libnss_extrausers, which knows no more of it than of any other program. */
static void start_sssd(void)
{
	static const char conf[] = "[sssd]\nservices = nss\ndomains = crowd\n[nss]\n[domain/crowd]\n"
				   "id_provider = proxy\nproxy_lib_name = extrausers\nauth_provider = none\n"
				   "access_provider = permit\nentry_cache_timeout = 86400\n";
	static const char *const dirs[] = { "/run/sssd", "/var/lib/sss", "/var/lib/sss/db", "/var/lib/sss/mc",
		"/var/lib/sss/pipes", "/var/lib/sss/pipes/private", "/var/lib/sss/pubconf",
		"/var/lib/sss/gpo_cache" };
	struct ztj_buf b;
	pid_t pid;

	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
		if (mkdir(dirs[i], 0755) != 0)
			bench_fail("%s: cannot be made", dirs[i]);
	write_file("/run/sssd/sssd.conf", conf, sizeof conf - 1);
	if (chmod("/run/sssd/sssd.conf", 0600) != 0 || (pid = fork()) < 0)
		bench_fail("no sssd");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		ztj_buf_init(&b, 1024);
		(void)ztj_buf_puts(&b, "passwd: files\ngroup: files\n");
		if (unshare(CLONE_NEWNS) == 0) {
			cover("/etc/nsswitch.conf", "nsswitch.sssd", &b);
			ztj_buf_reset(&b);
			(void)ztj_buf_puts(&b, "root:x:0:0:root:/root:/bin/bash\n");
			cover("/etc/passwd", "passwd.sssd", &b);
			if (freopen("/run/sssd.log", "we", stdout) != NULL && dup2(1, 2) == 2)
				(void)execl("/usr/sbin/sssd", "sssd", "-i", "-c", "/run/sssd/sssd.conf",
				    (char *)NULL);
		}
		_exit(1);
	}
	for (int i = 0; i < 200 && access("/var/lib/sss/pipes/nss", F_OK) != 0; i++)
		(void)usleep(50000);
}

/* /run is empty there, so no nscd answers either. */
static void become_machine(const struct service *s)
{
	struct ztj_buf passwd, group, b;
	char lower[600];

	ztj_buf_init(&passwd, 64u << 20);
	ztj_buf_init(&group, 64u << 20);
	ztj_buf_init(&b, ZTJ_NAMES_MAX_SIZE);
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=755") != 0 ||
	    mount("tmpfs", "/var/lib", "tmpfs", 0, "mode=755") != 0)
		bench_fail("no mount namespace of its own: is this root?");
	make_lists(FEW, &passwd, &group);
	cover("/etc/passwd", "passwd", &passwd);
	cover("/etc/group", "group", &group);
	if (strcmp(s->name, "sss") == 0) {
		(void)snprintf(lower, sizeof lower, "lowerdir=%s/usr:/usr", getenv("BENCH_SSSD"));
		if (mount("overlay", "/usr", "overlay", 0, lower) != 0 ||
		    mount("tmpfs", "/var/log", "tmpfs", 0, "mode=755") != 0)
			bench_fail("sssd cannot be laid over /usr");
	}
	if (strcmp(s->name, "extrausers") == 0 || strcmp(s->name, "sss") == 0) {
		make_lists(s->people, &passwd, &group);
		if (mkdir("/var/lib/extrausers", 0755) != 0)
			bench_fail("no /var/lib/extrausers");
		write_file("/var/lib/extrausers/passwd", passwd.p, passwd.n);
		write_file("/var/lib/extrausers/group", group.p, group.n);
	}
	if (strcmp(s->name, "ztjit") == 0)
		publish(s->people, &b);
	if (strcmp(s->name, "sss") == 0)
		start_sssd();
	ztj_buf_reset(&b);
	must_ok(ztj_buf_printf(&b, "passwd: %s\ngroup: %s\n", s->name, s->name));
	cover("/etc/nsswitch.conf", "nsswitch.conf", &b);
	ztj_buf_free(&passwd);
	ztj_buf_free(&group);
	ztj_buf_free(&b);
}

/* ---- look-ups ---- */

static bool ask_once(enum ask what, uint32_t i)
{
	struct passwd pw, *p = NULL;
	struct group gr, *g = NULL;
	gid_t list[16];
	char buf[4096], name[16];
	int n = 16;

	(void)snprintf(name, sizeof name, "p%u", i);
	switch (what) {
	case PWNAM:
	case PWNAM_GRANTED:
		return getpwnam_r(name, &pw, buf, sizeof buf, &p) == 0 && p != NULL;
	case PWUID:
		return getpwuid_r(FIRST_UID + i, &pw, buf, sizeof buf, &p) == 0 && p != NULL;
	case GRNAM:
		return getgrnam_r("ztjit-root", &gr, buf, sizeof buf, &g) == 0 && g != NULL &&
		    gr.gr_mem[FEW - 1] != NULL;
	case INITGROUPS:
		return getgrouplist(name, FIRST_UID + i, list, &n) == 2;
	}
	return false;
}

/* Somebody else each time. Without a grant, where there are any: that takes both published files. */
static uint32_t whom(const struct service *s, enum ask what, uint32_t i)
{
	if (what == PWNAM || what == PWUID)
		return s->people > FEW ? FEW + i * 7919u % (s->people - FEW) : i % FEW;
	return i % FEW;
}

/* What is to be in memory is, then. */
static void warm_up(const struct service *s, enum ask what)
{
	for (uint32_t i = 0; i < SOME; i++)
		for (int tries = 0; !ask_once(what, whom(s, what, i)); tries++) {
			if (tries == 100)
				bench_fail("%s with %u people: no answer", s->name, s->people);
			(void)usleep(100000);
		}
}

static void answer(const struct service *s, int from, int to)
{
	struct question q;
	uint32_t i = 0;

	while (read(from, &q, sizeof q) == (ssize_t)sizeof q) {
		double t;

		if (q.some)
			warm_up(s, q.what);
		if (!ask_once(q.what, whom(s, q.what, i))) /* what is loaded once is loaded before */
			bench_fail("%s with %u people: no answer", s->name, s->people);
		t = bench_cpu();
		for (int k = 0; k < q.count; k++)
			if (!ask_once(q.what, whom(s, q.what, q.some ? ++i % SOME : ++i)))
				bench_fail("%s with %u people: no answer", s->name, s->people);
		t = (bench_cpu() - t) / q.count * 1e6;
		if (write(to, &t, sizeof t) != (ssize_t)sizeof t)
			break;
	}
	exit(0);
}

static void start(struct service *s)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0 || (s->pid = fork()) < 0)
		bench_fail("no process");
	if (s->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(to[1]); /* the end of the questions is the end of the process */
		become_machine(s);
		answer(s, to[0], from[1]);
	}
	(void)close(to[0]);
	(void)close(from[1]);
	s->to = to[1];
	s->from = from[0];
}

static double block(const struct service *s, enum ask what, int count, bool some)
{
	const struct question q = { what, count, some };
	double t;

	if (write(s->to, &q, sizeof q) != (ssize_t)sizeof q ||
	    read(s->from, &t, sizeof t) != (ssize_t)sizeof t)
		bench_fail("%s gave up", s->name);
	return t;
}

struct pair {
	const char *row, *what;
	const struct service *ours, *peer;
	enum ask ask;
	bool goal;
};

static void measure(const struct pair *p)
{
	bool slow = strcmp(p->peer->name, "extrausers") == 0 &&
	    p->peer->people == MANY; /* it reads to the entry */
	double a[BLOCKS], b[BLOCKS];
	size_t blocks = slow ? 11 : BLOCKS;
	char peer[64];
	struct bench_row r = { .row = p->row,
		.what = p->what,
		.unit = "us",
		.ours = "libnss_ztjit",
		.peer = peer,
		.a = a,
		.b = b,
		.n = blocks,
		.goal = p->goal ? BENCH_RATIO_MOST : BENCH_NO_GOAL,
		.bound = 1.5 };

	(void)snprintf(peer, sizeof peer, "%s, %u people", p->peer->name, p->peer->people);
	for (size_t i = 0; i < blocks; i++) {
		if (i % 2 == 0)
			a[i] = block(p->ours, p->ask, PER_BLOCK, p->peer->some);
		b[i] = block(p->peer, p->ask, slow ? 2 : PER_BLOCK, p->peer->some);
		if (i % 2 == 1)
			a[i] = block(p->ours, p->ask, PER_BLOCK, p->peer->some);
	}
	bench_report(&r);
}

int main(void)
{
	struct service files = { .name = "files", .people = FEW }, few = { .name = "ztjit", .people = FEW },
		       many = { .name = "ztjit", .people = MANY },
		       extra = { .name = "extrausers", .people = MANY },
		       sssd = { .name = "sss", .people = MANY, .some = true };
	const struct pair pairs[] = {
		{ "getpwnam-10", "10 people published, all with a grant", &few, &files, PWNAM, true },
		{ "getpwnam", "100,000 published, people without a grant", &many, &files, PWNAM, true },
		{ "getpwnam-granted", "100,000 published, people with a grant", &many, &files, PWNAM_GRANTED,
		    true },
		{ "getpwuid-10", "10 people published, all with a grant", &few, &files, PWUID, true },
		{ "getpwuid", "100,000 published, people without a grant", &many, &files, PWUID, true },
		{ "getgrnam-10", "a group with ten members, 10 people published", &few, &files, GRNAM, true },
		{ "getgrnam", "a group with ten members, 100,000 published", &many, &files, GRNAM, true },
		{ "initgroups-10", "one of its members, 10 people published", &few, &files, INITGROUPS,
		    true },
		{ "initgroups", "one of its members, 100,000 published", &many, &files, INITGROUPS, true },
		{ "getpwnam-extrausers", "100,000 in both", &many, &extra, PWNAM, false },
		{ "getpwuid-extrausers", "100,000 in both", &many, &extra, PWUID, false },
		{ "getgrnam-extrausers", "100,000 in both", &many, &extra, GRNAM, false },
		{ "initgroups-extrausers", "100,000 in both", &many, &extra, INITGROUPS, false },
		{ "getpwnam-sssd", "100,000 in both, 200 asked for", &many, &sssd, PWNAM, false },
		{ "getpwuid-sssd", "100,000 in both, 200 asked for", &many, &sssd, PWUID, false },
		{ "getgrnam-sssd", "100,000 in both", &many, &sssd, GRNAM, false },
	};

	start(&files);
	start(&few);
	start(&many);
	start(&extra);
	if (getenv("BENCH_SSSD") != NULL)
		start(&sssd);
	(void)sleep(1); /* a file is kept once it is older than a moment */
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		if (pairs[i].peer->pid != 0)
			measure(&pairs[i]);
	return 0;
}
