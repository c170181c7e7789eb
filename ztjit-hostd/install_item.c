/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What can be changed and changed back: files, owners, login shells, units. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ztjit-hostd/install_int.h"

#define SYSTEMCTL "/usr/bin/systemctl"
#define USERMOD "/usr/sbin/usermod"

/* ---- login shells ---- */

int ztj_inst_shell_now(struct ztj_inst *in, const char *account, char out[ZTJ_INST_WORD])
{
	char path[ZTJ_INST_PATH], room[4096];
	struct passwd pw, *got = NULL;
	FILE *fp;
	int r = ZTJ_NOT_FOUND;

	(void)snprintf(path, sizeof(path), "%s/etc/passwd", in->root);
	fp = fopen(path, "re");
	if (fp == NULL)
		return ZTJ_IO;
	while (r == ZTJ_NOT_FOUND && fgetpwent_r(fp, &pw, room, sizeof(room), &got) == 0)
		if (strcmp(pw.pw_name, account) == 0)
			r = strlen(pw.pw_shell) < ZTJ_INST_WORD ? ZTJ_OK : ZTJ_TOO_LARGE;
	if (r == ZTJ_OK)
		(void)snprintf(out, ZTJ_INST_WORD, "%s", pw.pw_shell);
	(void)fclose(fp);
	return r;
}

static int run_ok(struct ztj_inst *in, const char *const *argv)
{
	struct ztj_buf out;
	int status, r;

	ztj_buf_init(&out, 700);
	r = ztj_inst_run(argv, &out, &status);
	if (r == ZTJ_OK && status != 0)
		r = ZTJ_SYSTEM;
	if (r != ZTJ_OK)
		(void)ztj_inst_fail(in, r, "%s %s: %s", argv[0], argv[1], ztj_buf_str(&out));
	ztj_buf_free(&out);
	return r;
}

static int set_shell(struct ztj_inst *in, const char *account, const char *shell)
{
	const char *const argv[] = { USERMOD, "-s", shell, "--", account, NULL };

	return run_ok(in, argv);
}

/* ---- units ---- */

bool ztj_inst_has_systemd(const struct ztj_inst *in)
{
	char path[ZTJ_INST_PATH];

	(void)snprintf(path, sizeof(path), "%s/run/systemd/system", in->root);
	return access(path, F_OK) == 0;
}

static bool unit_is(const char *unit, const char *question)
{
	const char *const argv[] = { SYSTEMCTL, question, "--quiet", unit, NULL };
	int status;

	return ztj_inst_run(argv, NULL, &status) == ZTJ_OK && status == 0;
}

void ztj_inst_unit_now(const char *unit, char out[ZTJ_INST_WORD])
{
	bool enabled = unit_is(unit, "is-enabled"), active = unit_is(unit, "is-active");

	(void)snprintf(out, ZTJ_INST_WORD, "%s %s", enabled ? "enabled" : "disabled",
	    active ? "active" : "inactive");
}

static int set_unit(struct ztj_inst *in, const char *unit, const char *want)
{
	const char *const again[] = { SYSTEMCTL, "daemon-reload", NULL };
	const char *const on[] = { SYSTEMCTL, strncmp(want, "enabled", 7) == 0 ? "enable" : "disable", unit,
		NULL };
	/* Whoever stops it may be part of it. */
	const char *const go[] = { SYSTEMCTL, "--no-block",
		strstr(want, " active") != NULL ? "start" : "stop", unit, NULL };
	int r = run_ok(in, again);

	if (r == ZTJ_OK)
		r = run_ok(in, on);
	return r == ZTJ_OK ? run_ok(in, go) : r;
}

/* ---- items ---- */

int ztj_inst_item_apply(struct ztj_inst *in, const struct ztj_inst_item *it)
{
	switch (it->kind) {
	case ZTJ_INST_FILE:
		return ztj_inst_file_put(in, it->name, &it->after);
	case ZTJ_INST_PERM:
		return ztj_inst_file_chmod(in, it->name, &it->after);
	case ZTJ_INST_SHELL:
		return set_shell(in, it->name, it->be);
	case ZTJ_INST_UNIT:
		return set_unit(in, it->name, it->be);
	}
	return ZTJ_INTERNAL;
}

/* Somebody else's choice of a shell since is not ours to undo. */
static int undo_shell(struct ztj_inst *in, const struct ztj_inst_item *it)
{
	char now[ZTJ_INST_WORD];
	int r = ztj_inst_shell_now(in, it->name, now);

	if (r == ZTJ_NOT_FOUND)
		return ZTJ_OK;
	return r == ZTJ_OK && strcmp(now, it->be) == 0 ? set_shell(in, it->name, it->was) : r;
}

int ztj_inst_item_undo(struct ztj_inst *in, const struct ztj_inst_item *it)
{
	int r;

	switch (it->kind) {
	case ZTJ_INST_FILE:
		return ztj_inst_file_put(in, it->name, &it->before);
	case ZTJ_INST_PERM:
		r = ztj_inst_file_chmod(in, it->name, &it->before);
		return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
	case ZTJ_INST_SHELL:
		return undo_shell(in, it);
	case ZTJ_INST_UNIT:
		return ztj_inst_has_systemd(in) ? set_unit(in, it->name, it->was) : ZTJ_OK;
	}
	return ZTJ_INTERNAL;
}
