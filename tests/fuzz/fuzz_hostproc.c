/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the host agent reads from /proc and from its own small files. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "ztjit-hostd/clockmark.h"
#include "ztjit-hostd/idbook.h"
#include "ztjit-hostd/localids.h"
#include "ztjit-hostd/procinfo.h"
#include "ztjit-hostd/storefile.h"

/* Every entry is found again, by name and by id; a name or id stands once. */
static void book(struct ztj_view in)
{
	struct ztj_idbook b;

	if (ztj_idbook_parse(&b, in) != ZTJ_OK)
		return;
	for (size_t i = 0; i < b.n; i++)
		MUST(ztj_idbook_named(&b, b.e[i].name) == &b.e[i] && ztj_idbook_of(&b, b.e[i].id) == &b.e[i]);
	ztj_idbook_free(&b);
}

static void locals(struct ztj_view in)
{
	struct ztj_locals l;

	if (ztj_locals_parse(in, in, &l) != ZTJ_OK)
		return;
	for (size_t i = 0; i < l.nusers; i++) {
		MUST(l.users[i].name[0] != '\0' && strpbrk(l.users[i].name, ":\n") == NULL);
		MUST(ztj_locals_user(&l, l.users[i].name) != NULL &&
		    ztj_locals_uid(&l, l.users[i].uid, NULL) != NULL);
	}
	for (size_t i = 0; i < l.ngroups; i++)
		MUST(ztj_locals_group(&l, l.groups[i].name) != NULL &&
		    ztj_locals_gid(&l, l.groups[i].gid, NULL) != NULL);
	ztj_locals_free(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view in = ztj_view_of(data, size);
	struct ztj_procinfo p = { .tty_nr = 0 };
	struct ztj_procimage image;
	struct ztj_clockmark m, again;
	struct ztj_window w;
	struct ztj_buf b;
	char cgroup[ZTJ_CGROUP_SIZE];
	pid_t pid;

	book(in);
	locals(in);
	if (ztj_proc_parse_stat(in, &p) == ZTJ_OK)
		MUST(p.id.pid >= 0 && p.parent.pid >= 0 && strlen(p.tty) < ZTJ_TTY_SIZE);
	if (ztj_proc_parse_image(in, &image) == ZTJ_OK)
		MUST(memrchr(in.p, ')', in.n) != NULL);
	if (ztj_proc_parse_status(in, &p) == ZTJ_OK)
		MUST(p.ruid != (uid_t)-1);
	if (ztj_proc_parse_cgroup(in, cgroup) == ZTJ_OK)
		MUST(cgroup[0] == '/' && strlen(cgroup) < ZTJ_CGROUP_SIZE);
	(void)ztj_proc_parse_in_group(in, 61000);
	ztj_proc_parse_cgroup_cut(in, cgroup);
	MUST(strlen(cgroup) < ZTJ_CGROUP_SIZE);
	ztj_proc_parse_cgroup_any(in, cgroup);
	MUST(strlen(cgroup) < ZTJ_CGROUP_SIZE);
	if (ztj_proc_parse_fdinfo(in, &pid) == ZTJ_OK)
		MUST(pid > 0);
	if (ztj_proc_cgroup_prefix(in, "/sys/fs/cgroup/ztjit", cgroup) == ZTJ_OK)
		MUST(cgroup[0] == '/' && strstr(cgroup, "/..") == NULL);
	if (ztj_window_parse(in, &w) == ZTJ_OK)
		MUST(w.set && w.starts >= 0 && w.ends >= 0);
	if (ztj_clockmark_parse(&m, in) == ZTJ_OK) {
		MUST(m.run >= m.mark && m.mark >= 0);
		ztj_buf_init(&b, 256);
		MUST(ztj_clockmark_format(&m, &b) == ZTJ_OK);
		MUST(ztj_clockmark_parse(&again, ztj_buf_view(&b)) == ZTJ_OK);
		MUST(again.mark == m.mark && again.run == m.run && again.boot == m.boot);
		ztj_buf_free(&b);
	}
	return 0;
}
