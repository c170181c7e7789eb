/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What is about to change, for a person, and the question whether it may. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "ztjit-hostd/install_int.h"

#define DIFF "/usr/bin/diff"
#define DIFF_MAX (2u << 20)

/* Line by line: files of the machine are not to reprogram the terminal of who reads them. */
static void print_escaped(struct ztj_view text)
{
	struct ztj_view line;
	struct ztj_buf b;

	ztj_buf_init(&b, 8u << 20);
	while (ztj_inst_next_line(&text, &line)) {
		while (line.n > 0) {
			const uint8_t *tab = memchr(line.p, '\t', line.n);
			size_t n = tab != NULL ? (size_t)(tab - line.p) : line.n;
			int r = ztj_text_escape(ztj_view_of(line.p, n), &b);
			if (r == ZTJ_OK && tab != NULL)
				r = ztj_buf_puts(&b, "\t");
			if (r != ZTJ_OK)
				break;
			line = ztj_view_after(line, n + (tab != NULL));
		}
		(void)ztj_buf_puts(&b, "\n");
		(void)fwrite(b.p, 1, b.n, stdout);
		ztj_buf_reset(&b);
	}
	ztj_buf_free(&b);
}

static int memory_file(struct ztj_view v)
{
	int fd = memfd_create("ztjit", 0);

	while (fd >= 0 && v.n > 0) {
		ssize_t n = write(fd, v.p, v.n);
		if (n <= 0) {
			(void)close(fd);
			return -1;
		}
		v = ztj_view_after(v, (size_t)n);
	}
	return fd;
}

void ztj_inst_show_diff(const char *name, struct ztj_view from, struct ztj_view to)
{
	char a[64], b[64], label_a[ZTJ_INST_PATH + 16], label_b[ZTJ_INST_PATH + 16];
	const char *const argv[] = { DIFF, "-u", "--label", label_a, "--label", label_b, a, b, NULL };
	int x = memory_file(from), y = memory_file(to), status = 255;
	struct ztj_buf out;

	ztj_buf_init(&out, DIFF_MAX);
	(void)snprintf(label_a, sizeof(label_a), "%s", name);
	(void)snprintf(label_b, sizeof(label_b), "%s (new)", name);
	(void)snprintf(a, sizeof(a), "/proc/%ld/fd/%d", (long)getpid(), x);
	(void)snprintf(b, sizeof(b), "/proc/%ld/fd/%d", (long)getpid(), y);
	if (x < 0 || y < 0 || ztj_inst_run(argv, &out, &status) != ZTJ_OK || status > 1)
		(void)printf("--- %s: changes (diff(1), which would show them, does not run)\n", name);
	else
		print_escaped(ztj_buf_view(&out));
	if (x >= 0)
		(void)close(x);
	if (y >= 0)
		(void)close(y);
	ztj_buf_free(&out);
}

static void show_owner(const char *name, const struct ztj_inst_file *a, const struct ztj_inst_file *b)
{
	if (a->exists && b->exists && (a->mode != b->mode || a->uid != b->uid || a->gid != b->gid))
		(void)printf("%s: owner %ld:%ld mode %04o becomes %ld:%ld %04o\n", name, (long)a->uid,
		    (long)a->gid, (unsigned)a->mode, (long)b->uid, (long)b->gid, (unsigned)b->mode);
}

static void show_item(const struct ztj_inst_item *it)
{
	switch (it->kind) {
	case ZTJ_INST_FILE:
		if (!ztj_view_eq(ztj_buf_view(&it->before.data), ztj_buf_view(&it->after.data)))
			ztj_inst_show_diff(it->name, ztj_buf_view(&it->before.data),
			    ztj_buf_view(&it->after.data));
		if (!it->after.exists)
			(void)printf("%s goes\n", it->name);
		show_owner(it->name, &it->before, &it->after);
		break;
	case ZTJ_INST_PERM:
		show_owner(it->name, &it->before, &it->after);
		break;
	case ZTJ_INST_SHELL:
		(void)printf("login shell of %s: %s becomes %s\n", it->name, it->was, it->be);
		break;
	case ZTJ_INST_UNIT:
		(void)printf("unit %s: %s becomes %s\n", it->name, it->was, it->be);
		break;
	}
}

/* ---- what others put into a PAM stack that is replaced ---- */

static bool has_word(struct ztj_view text, const char *module)
{
	return text.n > 0 && memmem(text.p, text.n, module, strlen(module)) != NULL;
}

static bool module_of(struct ztj_view line, char out[64])
{
	const uint8_t *at, *end = line.p + line.n, *to;

	if (line.n == 0 || line.p[0] == '#' || (at = memmem(line.p, line.n, "pam_", 4)) == NULL)
		return false;
	for (to = at; to < end && *to != ' ' && *to != '\t' && *to != '\r'; to++)
		;
	if ((size_t)(to - at) >= 64)
		return false;
	memcpy(out, at, (size_t)(to - at));
	out[to - at] = '\0';
	return true;
}

static void warn_pam(const struct ztj_inst_item *it)
{
	static const char stock[] =
	    "pam_env.so pam_unix.so pam_nologin.so pam_loginuid.so pam_keyinit.so pam_motd.so pam_mail.so "
	    "pam_limits.so pam_selinux.so pam_rootok.so pam_permit.so pam_deny.so pam_lastlog.so";
	struct ztj_view text = ztj_buf_view(&it->before.data), line;
	char module[64];

	if (it->kind != ZTJ_INST_FILE || strncmp(it->name, "/etc/pam.d/", 11) != 0)
		return;
	while (ztj_inst_next_line(&text, &line))
		if (module_of(line, module) && !has_word(ztj_view_str(stock), module) &&
		    !has_word(ztj_buf_view(&it->after.data), module)) {
			(void)printf("warning: a line of yours in %s would go:\n  ", it->name);
			print_escaped(line);
		}
}

void ztj_inst_show(const struct ztj_inst_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		show_item(&p->item[i]);
	for (size_t i = 0; i < p->n && !p->uninstall; i++)
		warn_pam(&p->item[i]);
	(void)fflush(stdout);
}

bool ztj_inst_ask(const char *question)
{
	char answer[16] = "";

	if (!isatty(STDIN_FILENO)) {
		(void)fputs("ztjit-hostd: nobody to ask; say --yes\n", stderr);
		return false;
	}
	(void)printf("%s [y/N] ", question);
	(void)fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}
