/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What arming changes on this machine: templates against what is there. Nothing is touched here. */
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ztjit-hostd/install_int.h"

#define UNIT "ztjit-hostd.service"

int ztj_inst_template(struct ztj_inst *in, const char *dir, const char *name, struct ztj_buf *out)
{
	char path[ZTJ_INST_PATH];
	struct ztj_inst_file f;
	int r;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return ZTJ_TOO_LARGE;
	ztj_inst_file_init(&f);
	r = ztj_inst_file_read(in, path, &f);
	if (r == ZTJ_OK && !f.exists)
		r = ztj_inst_fail(in, ZTJ_NOT_FOUND, "template %s", path);
	if (r == ZTJ_OK)
		r = ztj_buf_put(out, f.data.p, f.data.n);
	ztj_inst_file_free(&f);
	return r;
}

struct target {
	const char *template, *path;
	mode_t mode;
};

/* What the file is to be: a template, or an edit of what is there. */
static int want(struct ztj_inst *in, const struct ztj_inst_wish *w, const struct target *t,
    struct ztj_inst_item *it)
{
	struct ztj_view now = ztj_buf_view(&it->before.data);
	unsigned line = 0;
	int r;

	if (strcmp(t->path, "/etc/nsswitch.conf") == 0) {
		r = ztj_inst_edit_nss(now, &it->after.data, &line);
		return r == ZTJ_OK
		    ? r
		    : ztj_inst_fail(in, r, "%s:%u: cannot be edited: nothing after \"return\" is asked",
			  t->path, line);
	}
	if (strcmp(t->path, "/etc/sudo.conf") == 0 && it->before.exists) {
		r = ztj_inst_edit_sudo_conf(now, &it->after.data);
		return r == ZTJ_OK ? r : ztj_inst_fail(in, r, "%s: cannot be edited", t->path);
	}
	return ztj_inst_template(in, w->templates, t->template, &it->after.data);
}

static bool edited(const struct target *t)
{
	return t->template == NULL || strcmp(t->path, "/etc/sudo.conf") == 0;
}

static int plan_file(struct ztj_inst *in, const struct ztj_inst_wish *w, const struct target *t,
    struct ztj_inst_plan *p)
{
	struct ztj_inst_item *it = ztj_inst_plan_add(p, ZTJ_INST_FILE, t->path);
	int r;

	if (it == NULL)
		return ZTJ_LIMIT;
	r = ztj_inst_file_read(in, t->path, &it->before);
	if (r == ZTJ_OK)
		r = ztj_inst_file_copy(&it->before, &it->after);
	if (r != ZTJ_OK)
		return r;
	it->before.times = true;
	ztj_buf_reset(&it->after.data);
	it->after.exists = true;
	/* A file of others keeps its owner and mode; one of ours is root's. */
	if (!edited(t) || !it->before.exists) {
		it->after.mode = t->mode;
		it->after.uid = in->owner;
		it->after.gid = in->owner == 0 ? 0 : getgid();
	}
	r = want(in, w, t, it);
	if (r == ZTJ_OK && ztj_inst_file_same(&it->before, &it->after))
		ztj_inst_plan_drop(p);
	return r;
}

/* ---- the parts ---- */

static bool is_there(const struct ztj_inst *in, const char *path)
{
	char full[2 * ZTJ_INST_PATH];

	(void)snprintf(full, sizeof(full), "%s%s", in->root, path);
	return access(full, F_OK) == 0;
}

static int plan_unit(struct ztj_inst *in, const struct ztj_inst_wish *w, struct ztj_inst_plan *p)
{
	static const struct target unit = { "systemd/" UNIT, "/etc/systemd/system/" UNIT, 0644 };
	struct ztj_inst_item *it;
	int r = ZTJ_OK;

	if (!ztj_inst_has_systemd(in))
		return ZTJ_OK;
	if (!is_there(in, "/usr/lib/systemd/system/" UNIT))
		r = plan_file(in, w, &unit, p);
	if (r != ZTJ_OK)
		return r;
	it = ztj_inst_plan_add(p, ZTJ_INST_UNIT, UNIT);
	if (it == NULL)
		return ZTJ_LIMIT;
	ztj_inst_unit_now(UNIT, it->was);
	(void)snprintf(it->be, sizeof(it->be), "enabled active");
	if (strcmp(it->was, it->be) == 0)
		ztj_inst_plan_drop(p);
	return ZTJ_OK;
}

/* Set-group-ID, so that hostd knows it from other programs. */
static int plan_recorder(struct ztj_inst *in, const struct ztj_inst_wish *w, struct ztj_inst_plan *p)
{
	const struct group *gr = getgrnam(w->conf->rec_group);
	struct ztj_inst_item *it;
	int r;

	if (gr == NULL || !is_there(in, ZTJ_RECORDER))
		return ZTJ_OK;
	it = ztj_inst_plan_add(p, ZTJ_INST_PERM, ZTJ_RECORDER);
	if (it == NULL)
		return ZTJ_LIMIT;
	r = ztj_inst_file_stat(in, ZTJ_RECORDER, &it->before);
	if (r == ZTJ_OK)
		r = ztj_inst_file_copy(&it->before, &it->after);
	it->after.uid = in->owner;
	it->after.gid = gr->gr_gid;
	it->after.mode = 02755;
	if (r == ZTJ_OK && ztj_inst_file_same(&it->before, &it->after))
		ztj_inst_plan_drop(p);
	return r;
}

static int plan_shells(struct ztj_inst *in, const struct ztj_inst_wish *w, struct ztj_inst_plan *p)
{
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < w->ask->nrecord; i++) {
		const char *account = w->ask->record[i];
		struct ztj_inst_item *it = ztj_inst_plan_add(p, ZTJ_INST_SHELL, account);
		if (it == NULL)
			return ZTJ_LIMIT;
		(void)snprintf(it->be, sizeof(it->be), "%s", ZTJ_RECORDER);
		r = ztj_inst_shell_now(in, account, it->was);
		if (r == ZTJ_NOT_FOUND)
			return ztj_inst_fail(in, r, "--record %s: no such account in /etc/passwd", account);
		if (r == ZTJ_OK && strcmp(it->was, it->be) == 0)
			ztj_inst_plan_drop(p);
	}
	return r;
}

static int plan_all(struct ztj_inst *in, const struct ztj_inst_wish *w, const struct target *t,
    struct ztj_inst_plan *p)
{
	int r = ZTJ_OK;

	for (; r == ZTJ_OK && t->path != NULL; t++)
		r = plan_file(in, w, t, p);
	return r;
}

int ztj_inst_plan_install(struct ztj_inst *in, const struct ztj_inst_wish *w, struct ztj_inst_plan *p)
{
	static const struct target nss[] = { { NULL, "/etc/nsswitch.conf", 0644 }, { NULL, NULL, 0 } };
	static const struct target sudo[] = { { "sudo/sudo.conf", "/etc/sudo.conf", 0644 },
		{ "sudo/ztjit.sudoers", "/etc/sudoers.d/ztjit", 0440 },
		{ "pam.d/sudo", "/etc/pam.d/sudo", 0644 }, { "pam.d/sudo-i", "/etc/pam.d/sudo-i", 0644 },
		{ NULL, NULL, 0 } };
	static const struct target polkit[] = { { "pam.d/polkit-1", "/etc/pam.d/polkit-1", 0644 },
		{ NULL, NULL, 0 } };
	static const struct target always[] = { { "pam.d/su", "/etc/pam.d/su", 0644 },
		{ "pam.d/su-l", "/etc/pam.d/su-l", 0644 }, { "pam.d/sshd", "/etc/pam.d/sshd", 0644 },
		{ "sshd/10-ztjit.conf", "/etc/ssh/sshd_config.d/10-ztjit.conf", 0644 }, { NULL, NULL, 0 } };
	int r = plan_unit(in, w, p);

	/* The agent first, then who asks it; the way in last. It is undone in the other order. */
	if (r == ZTJ_OK)
		r = plan_recorder(in, w, p);
	if (r == ZTJ_OK && w->nss)
		r = plan_all(in, w, nss, p);
	if (r == ZTJ_OK && w->sudo)
		r = plan_all(in, w, sudo, p);
	if (r == ZTJ_OK && w->polkit)
		r = plan_all(in, w, polkit, p);
	if (r == ZTJ_OK)
		r = plan_all(in, w, always, p);
	return r == ZTJ_OK ? plan_shells(in, w, p) : r;
}
