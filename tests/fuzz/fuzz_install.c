/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What install reads of the machine: the first byte chooses nsswitch.conf, sudo.conf, sshd_config, nscd.conf or a manifest. An edit
 * is a fixed point and keeps every line it does not mean.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "ztjit-hostd/install_int.h"
#include "ztjit-hostd/nscd.h"

#define MAX 65536

static int edit(bool nss, struct ztj_view in, struct ztj_buf *out)
{
	unsigned line;

	return nss ? ztj_inst_edit_nss(in, out, &line) : ztj_inst_edit_sudo_conf(in, out);
}

static void edits(bool nss, struct ztj_view in)
{
	struct ztj_view text, line;
	struct ztj_buf once, twice;
	size_t before = 0, after = 0;

	ztj_buf_init(&once, 4 * MAX);
	ztj_buf_init(&twice, 4 * MAX);
	if (edit(nss, in, &once) == ZTJ_OK) {
		MUST(edit(nss, ztj_buf_view(&once), &twice) == ZTJ_OK);
		MUST(ztj_view_eq(ztj_buf_view(&once), ztj_buf_view(&twice)));
		for (text = in; ztj_inst_next_line(&text, &line);)
			before++;
		for (text = ztj_buf_view(&once); ztj_inst_next_line(&text, &line);)
			after++;
		MUST(after >= before && after <= before + 2);
	}
	ztj_buf_free(&once);
	ztj_buf_free(&twice);
}

static void lines(struct ztj_view in)
{
	struct ztj_inst_sshd_line l;
	struct ztj_inst i = { .root = "" };
	struct ztj_view text = in, line;

	while (ztj_inst_next_line(&text, &line))
		if (ztj_inst_sshd_line(line, &l))
			MUST(l.key[0] != '\0' && strlen(l.key) < sizeof(l.key) &&
			    strlen(l.args) < sizeof(l.args));
	(void)!ztj_inst_sshd_effective(&i, in, in);
}

/* What follows it does not unsay what no later line is about. */
static void nscd(struct ztj_view in)
{
	static const char last[] = "\nenable-cache passwd yes\nenable-cache group no\n";
	struct ztj_nscd_keeps k;
	struct ztj_buf b;

	ztj_nscd_read(in, &k);
	ztj_buf_init(&b, 2 * MAX);
	MUST(ztj_buf_put(&b, in.p, in.n) == ZTJ_OK && ztj_buf_puts(&b, last) == ZTJ_OK);
	ztj_nscd_read(ztj_buf_view(&b), &k);
	MUST(k.passwd && !k.group);
	ztj_buf_free(&b);
}

static void manifest(struct ztj_view in)
{
	struct ztj_inst_plan *p = ztj_inst_plan_new(), *q = ztj_inst_plan_new();
	struct ztj_buf b;

	MUST(p != NULL && q != NULL);
	ztj_buf_init(&b, 1u << 22);
	if (ztj_inst_manifest_read(in, p) == ZTJ_OK) {
		MUST(ztj_inst_manifest_write(p, &b) == ZTJ_OK);
		MUST(ztj_inst_manifest_read(ztj_buf_view(&b), q) == ZTJ_OK && q->n == p->n);
	} else {
		MUST(p->n == 0);
	}
	ztj_buf_free(&b);
	ztj_inst_plan_free(p);
	ztj_inst_plan_free(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view in;

	if (size < 1 || size > MAX)
		return 0;
	in = ztj_view_of(data + 1, size - 1);
	switch (data[0]) {
	case 'n':
	case 's':
		edits(data[0] == 'n', in);
		break;
	case 'l':
		lines(in);
		break;
	case 'c':
		nscd(in);
		break;
	default:
		manifest(in);
	}
	return 0;
}
