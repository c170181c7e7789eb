/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit scan: run by root on a host, by hand or by ztjit-scan.timer. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libztjit/core/ztime.h"
#include "libztjit/sys/safefile.h"
#include "ztjit/commands.h"
#include "ztjit/out.h"
#include "ztjit/scan/scan.h"
#include "ztjit/scan/send.h"

#define UNTIL_MAX (366LL * 86400)
#define IOPRIO_LOWEST (2 << 13 | 7) /* best effort, level 7 */

/* Nothing waits for a scan; everything else on the machine goes first. */
static void step_back(void)
{
	(void)setpriority(PRIO_PROCESS, 0, 10);
	(void)syscall(SYS_ioprio_set, 1, 0, IOPRIO_LOWEST);
}

static int check_options(struct cli *c)
{
	if (cli_is_set(c, OPT_KIND) && !scan_kind_ok(cli_opt(c, OPT_KIND)))
		return cli_fail(c, ZTJ_USAGE, "--kind %s: no such kind; see ztjit-scan(8)",
		    cli_esc(c, cli_opt(c, OPT_KIND)));
	if (cli_is_set(c, OPT_ACCEPT) && !scan_finger_ok(cli_opt(c, OPT_ACCEPT)))
		return cli_fail(c, ZTJ_USAGE, "--accept: a fingerprint is 20 hex digits");
	if (cli_is_set(c, OPT_ACCEPT) != (cli_is_set(c, OPT_MESSAGE) && cli_is_set(c, OPT_UNTIL)) ||
	    cli_is_set(c, OPT_MESSAGE) != cli_is_set(c, OPT_UNTIL))
		return cli_fail(c, ZTJ_USAGE,
		    "an exception needs --accept, a reason (-m) and an end (--until)");
	if (cli_is_set(c, OPT_SEND) &&
	    (cli_is_set(c, OPT_ROOT) || cli_is_set(c, OPT_KIND) || cli_is_set(c, OPT_ACCEPT)))
		return cli_fail(c, ZTJ_USAGE, "--send sends what this machine is, whole");
	if (geteuid() != 0)
		return cli_fail(c, ZTJ_FORBIDDEN, "only root sees everything that has to be looked at");
	return ZTJ_OK;
}

/* ---- the baseline ---- */

static const char *baseline_path(struct cli *c)
{
	const char *root = cli_opt(c, OPT_ROOT);

	return root == NULL ? ZTJ_SYSCONFDIR "/scan.baseline"
			    : cli_printf(c, "%s" ZTJ_SYSCONFDIR "/scan.baseline", root);
}

/* No file: nothing is accepted. */
static int load_baseline(struct cli *c, struct ztj_buf *text, struct scan_baseline *b)
{
	const struct ztj_file_rule rule = { .owner = 0, .check_parents = !cli_is_set(c, OPT_ROOT) };
	const char *path = baseline_path(c);
	unsigned line = 0;
	int r;

	if (path == NULL)
		return ZTJ_NOMEM;
	r = ztj_file_read(path, &rule, SCAN_BASELINE_MAX, text);
	if (r == ZTJ_NOT_FOUND)
		r = ZTJ_OK;
	if (r != ZTJ_OK)
		return cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
	if ((r = scan_baseline_parse(ztj_buf_view(text), b, &line)) == ZTJ_CONFIG)
		return cli_fail(c, r, "%s:%u: not FINGERPRINT TIME REASON, or the fingerprint stands twice",
		    path, line);
	return r;
}

static const struct scan_entry *entry_of(const struct scan *s, const char *finger)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->entry[i].finger, finger) == 0)
			return &s->entry[i];
	return NULL;
}

static int accept_entry(struct cli *c, const struct scan *s, const struct ztj_buf *old)
{
	struct scan_exception x = { .reason = cli_opt(c, OPT_MESSAGE) };
	const struct scan_entry *e = entry_of(s, cli_opt(c, OPT_ACCEPT));
	const char *path = baseline_path(c);
	struct scan_baseline check;
	struct ztj_buf out;
	unsigned line;
	int r;

	if (e == NULL)
		return cli_fail(c, ZTJ_NOT_FOUND, "nothing with this fingerprint stands here");
	if ((r = cli_opt_time(c, OPT_UNTIL, 0, &x.until)) != ZTJ_OK)
		return r;
	if (x.until <= s->now || x.until > s->now + UNTIL_MAX)
		return cli_fail(c, ZTJ_USAGE, "--until: in the future, and within a year");
	memcpy(x.finger, e->finger, sizeof x.finger);
	ztj_buf_init(&out, SCAN_BASELINE_MAX);
	r = scan_baseline_put(ztj_buf_view(old), &x, cli_esc(c, cli_printf(c, "%s %s", e->kind, e->object)),
	    &out);
	/* what is written must be what is read: a reason with a line feed in it is none */
	if (r == ZTJ_OK && scan_baseline_parse(ztj_buf_view(&out), &check, &line) != ZTJ_OK)
		r = cli_fail(c, ZTJ_USAGE, "the reason: one line of 1 to 400 bytes");
	else if (r == ZTJ_OK)
		scan_baseline_free(&check);
	if (r == ZTJ_OK && (r = ztj_file_write(path, ztj_buf_view(&out), 0644)) != ZTJ_OK)
		r = cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
	ztj_buf_free(&out);
	if (r == ZTJ_OK)
		out_say(c, "accepted until %s: %s %s", out_time(c, x.until), e->kind, e->object);
	return r;
}

/* ---- what is said ---- */

static void say_entry(struct cli *c, const struct scan_entry *e)
{
	const char *object = cli_esc(c, e->object);
	const char *place = e->line > 0 ? cli_printf(c, "%s:%u", object, e->line) : object;

	out_say(c, "%-8s  %-10s  %s  (%s)  %s", scan_risk_name(e->risk), e->kind, place, cli_esc(c, e->owner),
	    e->finger);
	out_say(c, "    %s", cli_esc(c, e->what));
	if (e->state == SCAN_EXPIRED)
		out_say(c, "    the exception ended %s: %s", out_time(c, e->until), e->reason);
	out_say(c, "    remove: %s", e->remove);
}

static void say(struct cli *c, const struct scan *s, const struct scan_counts *n)
{
	const char *kind = cli_opt(c, OPT_KIND);

	for (size_t i = 0; i < s->n; i++)
		if (s->entry[i].state != SCAN_ACCEPTED &&
		    (kind == NULL || strcmp(kind, s->entry[i].kind) == 0))
			say_entry(c, &s->entry[i]);
	for (size_t i = 0; i < s->nproblems; i++)
		out_warn(c, "not looked at: %s", s->problem[i]);
	if (n->standing + n->expired + n->missed == 0)
		out_say(c, "clean: no standing access%s",
		    n->accepted > 0 ? cli_printf(c, " (%zu accepted)", n->accepted) : "");
	else
		out_say(c,
		    "%zu stand, %zu of them by an exception that ended; %zu accepted; %zu not looked at",
		    n->standing + n->expired, n->expired, n->accepted, n->missed);
}

static int finish(struct cli *c, struct scan *s)
{
	struct scan_counts n;
	int r = ZTJ_OK;

	scan_count(s, &n);
	if (c->json) {
		if ((c->result = scan_json(s, cli_opt(c, OPT_KIND), SIZE_MAX)) == NULL)
			return ZTJ_NOMEM;
	} else
		say(c, s, &n);
	if (cli_is_set(c, OPT_SEND))
		r = scan_send(c, s);
	cli_exit(c, n.missed > 0 ? 3 : n.standing + n.expired > 0 ? 1 : 0);
	return r;
}

int cmd_scan(struct cli *c)
{
	struct scan_baseline b = { .n = 0 };
	struct ztj_buf text;
	struct scan s;
	int r = check_options(c);

	if (r != ZTJ_OK)
		return r;
	step_back();
	ztj_buf_init(&text, SCAN_BASELINE_MAX);
	if ((r = scan_new(&s, cli_opt(c, OPT_ROOT), cli_now())) != ZTJ_OK)
		r = cli_fail(c, r, "%s: %s",
		    cli_opt(c, OPT_ROOT) != NULL ? cli_esc(c, cli_opt(c, OPT_ROOT)) : "/", ztj_err_text(r));
	if (r == ZTJ_OK)
		r = load_baseline(c, &text, &b);
	if (r == ZTJ_OK && (r = scan_run(&s)) == ZTJ_OK) {
		scan_baseline_apply(&b, &s);
		r = cli_is_set(c, OPT_ACCEPT) ? accept_entry(c, &s, &text) : finish(c, &s);
	}
	scan_baseline_free(&b);
	ztj_buf_free(&text);
	scan_free(&s);
	return r;
}
