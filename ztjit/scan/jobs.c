/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* cron and at: what root runs when its time comes. */
#include "ztjit/scan/scan.h"

#include <string.h>
#include <unistd.h>

#include "ztjit/scan/crontab.h"

static void crontab(struct scan *s, const char *path, bool with_user)
{
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct cron_job job;
	struct ztj_buf b;
	struct stat st;

	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);) {
		struct scan_ref ref = { .file = path,
			.line = l.no,
			.text = line,
			.why = "cron runs it as root" };
		const struct scan_account *a;

		if (line.n > SCAN_LINE_MAX) {
			scan_problem(s, path, "a line of it is too long");
			continue;
		}
		if (!cron_line_read(line, with_user, &job))
			continue;
		a = with_user ? scan_account_named(s, job.user) : NULL;
		if (!with_user || (a != NULL && a->uid == 0))
			scan_command_by_root(s, job.command, &ref);
	}
	ztj_buf_free(&b);
}

static void spool(struct scan *s)
{
	static const char dir[] = "/var/spool/cron/crontabs";
	const char **name;
	size_t n = scan_list(s, dir, &name);

	for (size_t i = 0; i < n; i++) {
		const struct scan_account *a = scan_account_named(s, ztj_view_str(name[i]));
		const char *path = scan_text(s, "%s/%s", dir, name[i]);

		/* the others' run what they may anyway */
		if (path == NULL || a == NULL || a->uid != 0)
			continue;
		scan_run_by_root(s, path, &(struct scan_ref){ .why = "cron runs what stands in it as root" });
		crontab(s, path, false);
	}
}

static void at_jobs(struct scan *s)
{
	static const char dir[] = "/var/spool/cron/atjobs";
	const char **name;
	size_t n = scan_list(s, dir, &name);

	for (size_t i = 0; i < n; i++) {
		const char *path = scan_text(s, "%s/%s", dir, name[i]);
		struct stat st;
		int fd;

		if (path == NULL || scan_open(s, path, &fd, &st) != ZTJ_OK)
			continue;
		(void)close(fd);
		/* atd runs a job as its owner; root's must be root's alone */
		if (S_ISREG(st.st_mode) && st.st_uid == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
			scan_run_by_root(s, path, &(struct scan_ref){ .why = "at runs it as root" });
	}
}

void scan_cron(struct scan *s)
{
	static const char *const dirs[] = { "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly",
		"/etc/cron.monthly", "/etc/cron.yearly" };
	const char **name;
	size_t n;

	scan_run_by_root(s, "/etc/crontab",
	    &(struct scan_ref){ .why = "cron runs what stands in it as root" });
	crontab(s, "/etc/crontab", true);
	scan_dir_by_root(s, "/etc/cron.d", "", "cron runs what stands in it as root");
	n = scan_list(s, "/etc/cron.d", &name);
	for (size_t i = 0; i < n; i++)
		crontab(s, scan_text(s, "/etc/cron.d/%s", name[i]), true);
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
		scan_dir_by_root(s, dirs[i], "", "cron runs it as root");
	scan_dir_by_root(s, "/etc/init.d", "", "it is run as root when the machine starts");
	scan_run_by_root(s, "/etc/rc.local",
	    &(struct scan_ref){ .why = "it is run as root when the machine starts" });
	scan_run_by_root(s, "/etc/anacrontab",
	    &(struct scan_ref){ .why = "anacron runs what stands in it as root" });
	spool(s);
	at_jobs(s);
}
