/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* PAM: modules and stacks as files, and what pam_ztjit stands after. */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/mark.h"
#include "ztjit/doctor/doctor_pam.h"

#define MODULE DOC_PAM_MODULE
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *const doc_pam_module_dirs[DOC_PAM_MODULE_DIRS] = { "/lib/x86_64-linux-gnu/security",
	"/lib/aarch64-linux-gnu/security", "/usr/lib/x86_64-linux-gnu/security",
	"/usr/lib/aarch64-linux-gnu/security", "/lib64/security", "/usr/lib64/security", "/lib/security",
	"/usr/lib/security" };
const char *const doc_pam_stack_dirs[DOC_PAM_STACK_DIRS] = { "/etc/pam.d", "/usr/lib/pam.d" };

/* ---- modules ---- */

void doc_pam_module(struct doctor *d)
{
	char version[64];
	size_t found = 0;
	struct stat st;
	ino_t seen = 0;

	for (size_t i = 0; i < DOC_PAM_MODULE_DIRS; i++) {
		const char *path = cli_printf(d->c, "%s/%s", doc_pam_module_dirs[i], MODULE);
		int r;

		/* /lib may be /usr/lib */
		if (path == NULL || stat(path, &st) != 0 || st.st_ino == seen)
			continue;
		seen = st.st_ino;
		found++;
		if (!doc_only_root(d, path))
			continue;
		if ((r = doc_version(path, version, sizeof version)) != ZTJ_OK) {
			doc_say(d, DOC_FAIL, "%s is not a module of ztjit (%s)", path, ztj_err_text(r));
			doc_todo(d, "install ztjit again");
		} else if (strcmp(version, PACKAGE_VERSION) != 0) {
			doc_say(d, DOC_WARN, "%s is of version %s, this is %s", path, version,
			    PACKAGE_VERSION);
			doc_todo(d, "install one version of ztjit");
		}
		doc_say(d, DOC_OK, "%s, version %s", path, PACKAGE_VERSION);
	}
	if (found > 0)
		return;
	doc_say(d, DOC_FAIL, "%s is in no directory where PAM looks: whoever asks it is denied", MODULE);
	doc_todo(d, "install ztjit, configured with --with-pammoddir=DIR of pam_unix.so");
}

/* The file that libpam loads for a line; NULL: none. */
static const char *module_file(struct doctor *d, const struct pams_line *l)
{
	if (l->module[0] == '/')
		return access(l->module, F_OK) == 0 ? l->module : NULL;
	for (size_t i = 0; i < DOC_PAM_MODULE_DIRS; i++) {
		const char *path = cli_printf(d->c, "%s/%s", doc_pam_module_dirs[i], l->module);

		if (path != NULL && access(path, F_OK) == 0)
			return path;
	}
	return NULL;
}

static bool stands_before(const struct pams_stack *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (s->line[k].type == PAMS_MODULE && strcmp(s->line[k].module, s->line[i].module) == 0)
			return true;
	return false;
}

/* What a stack loads runs in sshd and sudo with their rights. */
static size_t one_stack_modules(struct doctor *d, const char *service)
{
	struct pams_stack s;
	size_t n = 0;

	if (doc_pam_read(service, &s) != ZTJ_OK)
		return 0; /* its own check says it */
	for (size_t i = 0; i < s.n; i++) {
		const char *path;

		/* pam-module looks at ours */
		if (s.line[i].type != PAMS_MODULE || stands_before(&s, i) || pams_is(&s.line[i], MODULE))
			continue;
		n++;
		if ((path = module_file(d, &s.line[i])) == NULL) {
			doc_say(d, DOC_WARN, "%s (%s) is not there, and counts as failing", s.line[i].module,
			    doc_pam_at(d, &s.line[i]));
			doc_todo(d, "install it, or remove that line");
		} else {
			(void)doc_only_root(d, path);
		}
	}
	pams_free(&s);
	return n;
}

void doc_pam_modules(struct doctor *d)
{
	static const char *const services[] = { "sshd", "sudo", "sudo-i", "su", "su-l" };
	size_t n = 0;

	/* one broken module is said once, not for each stack */
	for (size_t i = 0; i < COUNT(services) && d->now.level < DOC_WARN; i++)
		n += one_stack_modules(d, services[i]);
	doc_say(d, DOC_OK, "%zu modules in the stacks that elevate, only root can change them", n);
}

/* ---- stacks ---- */

void doc_pam_files(struct doctor *d)
{
	size_t n = 0;

	for (size_t i = 0; i < DOC_PAM_STACK_DIRS; i++) {
		DIR *dir = opendir(doc_pam_stack_dirs[i]);
		const struct dirent *e;

		while (dir != NULL && (e = readdir(dir)) != NULL) {
			const char *path = cli_printf(d->c, "%s/%s", doc_pam_stack_dirs[i], e->d_name);

			if (e->d_name[0] != '.' && path != NULL && doc_only_root(d, path))
				n++;
		}
		if (dir != NULL)
			(void)closedir(dir);
	}
	doc_say(d, DOC_OK, "%zu files, only root can change them", n);
}

/* Position of the first (or last) session line of that module; 0: none. */
static size_t position(const struct pams_stack *s, const char *module, bool last)
{
	size_t found = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->line[i].kind == PAMS_SESSION && pams_is(&s->line[i], module) && (found == 0 || last))
			found = i + 1;
	return found;
}

void doc_pam_order(struct doctor *d)
{
	struct pams_stack s;
	size_t ours, loginuid, systemd;

	if (doc_pam_read("sshd", &s) != ZTJ_OK)
		return; /* pam-sshd says it */
	ours = position(&s, MODULE, false);
	loginuid = position(&s, "pam_loginuid.so", false);
	systemd = position(&s, "pam_systemd.so", true);
	if (ours != 0 && loginuid == 0) {
		doc_say(d, DOC_FAIL,
		    "sshd: no pam_loginuid: processes that leave a session cannot be told from the system's");
		doc_todo(d, "in /etc/pam.d/sshd, before pam_ztjit: session required pam_loginuid.so");
	} else if (ours != 0 && loginuid > ours) {
		doc_say(d, DOC_FAIL, "sshd: pam_ztjit comes before pam_loginuid in session (%s)",
		    doc_pam_at(d, &s.line[ours - 1]));
		doc_todo(d, "put session required %s last in /etc/pam.d/sshd", MODULE);
	}
	if (ours != 0 && systemd > ours) {
		doc_say(d, DOC_FAIL,
		    "sshd: pam_systemd comes after pam_ztjit and takes the session out of its cgroup (%s)",
		    doc_pam_at(d, &s.line[systemd - 1]));
		doc_todo(d, "put session required %s last in /etc/pam.d/sshd", MODULE);
	}
	if (ours != 0)
		doc_say(d, DOC_OK, "sshd: pam_ztjit stands after pam_loginuid and pam_systemd");
	pams_free(&s);
}
