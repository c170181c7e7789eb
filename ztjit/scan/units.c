/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* systemd and udev: units and rules, and the programs they name. */
#include "ztjit/scan/scan.h"

#include <string.h>

#include "ztjit/scan/crontab.h"

static const char *const unit_dirs[] = { "/etc/systemd/system", "/run/systemd/system",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/etc/systemd/system.control",
	"/run/systemd/system.control", "/etc/systemd/system.attached", "/run/systemd/system.attached",
	"/run/systemd/transient", "/run/systemd/generator", "/run/systemd/generator.early",
	"/run/systemd/generator.late" };
static const char *const generators[] = { "/etc/systemd/system-generators", "/run/systemd/system-generators",
	"/usr/local/lib/systemd/system-generators", "/usr/lib/systemd/system-generators",
	"/usr/lib/systemd/system-shutdown", "/usr/lib/systemd/system-sleep" };
static const char *const rule_dirs[] = { "/etc/udev/rules.d", "/run/udev/rules.d",
	"/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d" };

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && strcmp(name + n - k, suffix) == 0;
}

/* Does the unit run as somebody else? The last User= counts. */
static bool as_other(const struct scan *s, struct ztj_view text)
{
	struct scan_lines l = { .left = text };
	struct ztj_view line;
	struct unit_line u;
	bool other = false;

	while (scan_line(&l, &line))
		if (unit_line_read(line, &u) && ztj_view_eq_str(u.key, "User")) {
			const struct scan_account *a = scan_account_named(s, u.value);

			other = u.value.n > 0 && !ztj_view_eq_str(u.value, "0") && (a == NULL || a->uid != 0);
		}
	return other;
}

static void unit(struct scan *s, const char *path)
{
	struct scan_ref ref = { .file = path, .why = "systemd runs it as root" };
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct unit_line u;
	struct ztj_buf b;
	struct stat st;
	bool other;

	scan_run_by_root(s, path, &(struct scan_ref){ .why = "systemd obeys it" });
	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	other = as_other(s, ztj_buf_view(&b));
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);) {
		struct ztj_view program;
		bool plus;

		if (line.n > SCAN_LINE_MAX || !unit_line_read(line, &u))
			continue;
		ref.line = l.no;
		ref.text = line;
		if (u.key.n > 4 && memcmp(u.key.p, "Exec", 4) == 0) {
			program = unit_program(u.value, &plus);
			/* %i and the like cannot be told here */
			if (program.n == 0 || program.p[0] != '/' || (other && !plus) ||
			    memchr(program.p, '%', program.n) != NULL)
				continue;
			scan_run_by_root(s, scan_copy(s, program), &ref);
			/* what a shell is given runs too; what a daemon is given does not */
			if (program.p == u.value.p || program.p[-1] != '"')
				scan_command_by_root(s,
				    ztj_view_of(program.p, u.value.n - (size_t)(program.p - u.value.p)),
				    &ref);
		} else if (ztj_view_eq_str(u.key, "EnvironmentFile") && !other) {
			program = unit_program(u.value, &plus);
			if (program.n > 0 && memchr(program.p, '%', program.n) == NULL &&
			    memchr(program.p, '*', program.n) == NULL)
				scan_run_by_root(s, scan_copy(s, program), &ref);
		}
	}
	ztj_buf_free(&b);
}

static bool is_unit(const char *name)
{
	static const char *const suffixes[] = { ".service", ".socket", ".timer", ".path", ".mount",
		".automount", ".swap", ".target" };

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
		if (ends_with(name, suffixes[i]))
			return true;
	return false;
}

static void units(struct scan *s, const char *dir)
{
	const char **name, **more;
	size_t n = scan_list(s, dir, &name), k;

	scan_run_by_root(s, dir, &(struct scan_ref){ .why = "systemd obeys what is in it" });
	for (size_t i = 0; s->err == ZTJ_OK && i < n; i++) {
		const char *path = scan_text(s, "%s/%s", dir, name[i]);

		if (path != NULL && is_unit(name[i]))
			unit(s, path);
		if (path == NULL || !ends_with(name[i], ".d"))
			continue;
		scan_run_by_root(s, path, &(struct scan_ref){ .why = "systemd obeys what is in it" });
		k = scan_list(s, path, &more);
		for (size_t j = 0; j < k; j++)
			if (ends_with(more[j], ".conf"))
				unit(s, scan_text(s, "%s/%s", path, more[j]));
	}
}

/* RUN+="…", PROGRAM="…", IMPORT{program}="…" */
static void rules(struct scan *s, const char *path)
{
	struct scan_ref ref = { .file = path, .why = "udev runs it as root" };
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct ztj_buf b;
	struct stat st;

	scan_run_by_root(s, path, &(struct scan_ref){ .why = "udev obeys it" });
	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);) {
		ref.line = l.no;
		ref.text = line;
		if (line.n > 0 && line.n <= SCAN_LINE_MAX && line.p[0] != '#' &&
		    (scan_has(line, "RUN") || scan_has(line, "PROGRAM") || scan_has(line, "program")))
			scan_command_by_root(s, line, &ref);
	}
	ztj_buf_free(&b);
}

static void udev(struct scan *s, const char *dir)
{
	const char **name;
	size_t n = scan_list(s, dir, &name);

	scan_run_by_root(s, dir, &(struct scan_ref){ .why = "udev obeys what is in it" });
	for (size_t i = 0; s->err == ZTJ_OK && i < n; i++)
		if (ends_with(name[i], ".rules"))
			rules(s, scan_text(s, "%s/%s", dir, name[i]));
}

void scan_units(struct scan *s)
{
	for (size_t i = 0; i < sizeof unit_dirs / sizeof unit_dirs[0]; i++)
		units(s, unit_dirs[i]);
	for (size_t i = 0; i < sizeof generators / sizeof generators[0]; i++)
		scan_dir_by_root(s, generators[i], "", "systemd runs it as root");
	for (size_t i = 0; i < sizeof rule_dirs / sizeof rule_dirs[0]; i++)
		udev(s, rule_dirs[i]);
}
