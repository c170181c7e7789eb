/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A transaction from end to end, and what may be said to one that waits. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/ztime.h"
#include "libztjit/sys/ipc.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/install_int.h"

#define LOOK_MS 500
#define AGENT_WAIT_MS 10000 /* it may just have been started */
#define LOOK_AGAIN_MS 30000 /* after it failed */

static const char *why(const struct ztj_inst *in, int r)
{
	return in->err[0] != '\0' ? in->err : ztj_err_text(r);
}

/* The error's own sentence says what is wrong with what in->err names. */
static int tell(const struct ztj_inst *in, int r)
{
	if (r == ZTJ_STATE || in->err[0] == '\0')
		(void)fprintf(stderr, "ztjit-hostd: %s\n", why(in, r));
	else
		(void)fprintf(stderr, "ztjit-hostd: %s (%s)\n", in->err, ztj_err_text(r));
	return ztj_err_exit(r);
}

int ztj_inst_undo(struct ztj_inst *in, struct ztj_inst_tx *tx)
{
	int r = ztj_inst_tx_undo(in, tx);

	if (r == ZTJ_OK)
		ztj_log(ZTJ_LOG_NOTICE, "install: transaction %04u is undone", tx->no);
	else
		ztj_log(ZTJ_LOG_ALARM, "install: transaction %04u cannot be undone whole: %s: %s", tx->no,
		    in->err, ztj_err_text(r));
	ztj_inst_reload_sshd(in);
	return r;
}

int ztj_inst_recover(struct ztj_inst *in, struct ztj_inst_tx *tx, bool *pending)
{
	int r = ztj_inst_tx_last(in, tx);

	*pending = false;
	if (r != ZTJ_OK)
		return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
	if (ztj_inst_tx_stale(in, tx, ztj_inst_boottime(), ztj_inst_timer_runs(in))) {
		ztj_log(ZTJ_LOG_WARN, "install: transaction %04u was left %s", tx->no,
		    ztj_inst_state_name(tx->state));
		return ztj_inst_undo(in, tx);
	}
	*pending = tx->state == ZTJ_INST_PENDING;
	return ZTJ_OK;
}

/* ---- the transaction ---- */

static int work(struct ztj_inst *in, struct ztj_inst_plan *p, const struct ztj_inst_wish *w,
    struct ztj_inst_tx *tx)
{
	int r = ztj_inst_timer_start(in);

	if (r == ZTJ_OK)
		r = ztj_inst_tx_apply(in, p);
	if (r == ZTJ_OK)
		r = w != NULL ? ztj_inst_verify(in, w) : ztj_inst_verify_plain(in);
	if (r != ZTJ_OK)
		return r;
	if (w == NULL)
		return ztj_inst_tx_set(in, tx, ZTJ_INST_KEPT);
	tx->deadline = ztj_inst_boottime();
	if (tx->deadline < 0)
		return ztj_inst_fail(in, ZTJ_SYSTEM, "/proc/uptime");
	tx->deadline += w->ask->within;
	return ztj_inst_tx_set(in, tx, ZTJ_INST_PENDING);
}

int ztj_inst_transact(struct ztj_inst *in, struct ztj_inst_plan *p, const struct ztj_inst_wish *w)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };
	char first[ZTJ_INST_ERR];
	struct ztj_inst_tx tx;
	int r = ztj_inst_tx_begin(in, p, &tx), undone;

	if (r != ZTJ_OK) {
		(void)tell(in, r);
		return r;
	}
	/* A terminal that goes away is no reason to stop half-way. */
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)signal(signals[i], SIG_IGN);
	r = work(in, p, w, &tx);
	if (r == ZTJ_OK) {
		ztj_inst_reload_sshd(in);
		return ZTJ_OK;
	}
	(void)snprintf(first, sizeof(first), "%s", in->err);
	(void)tell(in, r);
	undone = ztj_inst_undo(in, &tx);
	if (undone == ZTJ_OK)
		(void)fputs("ztjit-hostd: everything is as it was before\n", stderr);
	(void)ztj_inst_fail(in, r, "%s", first);
	return r;
}

/* ---- one that waits ---- */

static int open_inst(struct ztj_inst *in, int *lock)
{
	int r = ztj_inst_init(in);

	*lock = -1;
	if (r == ZTJ_OK && geteuid() != 0)
		r = ztj_inst_fail(in, ZTJ_FORBIDDEN, "only root may do that");
	return r == ZTJ_OK ? ztj_inst_lock(in, 5, lock) : r;
}

bool ztj_inst_agent_answers(const struct ztj_hostconf *conf, int wait_ms)
{
	int64_t until = ztj_ipc_now_ms() + wait_ms;
	char path[ZTJ_INST_PATH];
	int fd = -1, r;

	(void)snprintf(path, sizeof(path), "%s/control.sock", conf->run);
	while (
	    (r = ztj_ipc_connect(path, ztj_ipc_now_ms() + 1000, &fd)) != ZTJ_OK && ztj_ipc_now_ms() < until)
		(void)poll(NULL, 0, 100);
	if (r == ZTJ_OK)
		(void)close(fd);
	return r == ZTJ_OK;
}

int ztj_inst_confirm(const struct ztj_hostconf *conf)
{
	struct ztj_inst in;
	struct ztj_inst_tx tx;
	bool pending = false;
	int lock, r = open_inst(&in, &lock);

	if (r == ZTJ_OK)
		r = ztj_inst_recover(&in, &tx, &pending);
	if (r == ZTJ_OK && !pending)
		r = ztj_inst_fail(&in, ZTJ_STATE, "nothing waits to be confirmed");
	if (r == ZTJ_OK && !ztj_inst_agent_answers(conf, AGENT_WAIT_MS))
		r = ztj_inst_fail(&in, ZTJ_STATE,
		    "not confirmed: ztjit-hostd does not run here, and without it nobody gets in");
	if (r == ZTJ_OK)
		r = ztj_inst_tx_set(&in, &tx, ZTJ_INST_KEPT);
	if (r == ZTJ_OK)
		(void)printf("Confirmed: transaction %04u stays.\n", tx.no);
	else
		r = tell(&in, r);
	if (lock >= 0)
		(void)close(lock);
	return r;
}

int ztj_inst_undo_pending(void)
{
	struct ztj_inst in;
	struct ztj_inst_tx tx;
	int lock, r = open_inst(&in, &lock);

	if (r == ZTJ_OK)
		r = ztj_inst_tx_last(&in, &tx);
	if (r == ZTJ_NOT_FOUND ||
	    (r == ZTJ_OK && tx.state != ZTJ_INST_PENDING && tx.state != ZTJ_INST_BEGUN &&
		tx.state != ZTJ_INST_UNDOING))
		r = ztj_inst_fail(&in, ZTJ_STATE,
		    "nothing waits to be confirmed; what was confirmed is undone by uninstall");
	if (r == ZTJ_OK)
		r = ztj_inst_undo(&in, &tx);
	if (r == ZTJ_OK)
		(void)printf("Undone: transaction %04u.\n", tx.no);
	else
		r = tell(&in, r);
	if (lock >= 0)
		(void)close(lock);
	return r;
}

static void say_pending(struct ztj_inst *in, const struct ztj_inst_tx *tx)
{
	int64_t left = tx->deadline - ztj_inst_boottime();
	char text[64] = "moment";

	if (left > 0 && ztj_duration_format(left, text, sizeof(text)) != ZTJ_OK)
		(void)snprintf(text, sizeof(text), "%" PRId64 " s", left);
	if (strcmp(tx->bootid, in->bootid) != 0 || left <= 0 || !ztj_inst_timer_runs(in))
		(void)printf(
		    "state  pending, and its time is over: it will be undone when the agent starts; undo it now with: "
		    "ztjit-hostd install --undo\n");
	else
		(void)printf(
		    "state  pending: undone in %s unless somebody says: ztjit-hostd install --confirm\n",
		    text);
}

static int say_in_force(struct ztj_inst *in)
{
	struct ztj_inst_plan *p = ztj_inst_plan_new();
	unsigned changed = 0;
	int r = p == NULL ? ZTJ_NOMEM : ztj_inst_plan_uninstall(in, p, &changed);
	bool installed = r == ZTJ_OK && p->n > 0;

	if (r == ZTJ_OK)
		(void)printf("state  %s\n", installed ? "installed" : "not installed");
	for (size_t i = 0; installed && i < p->n; i++)
		(void)printf("       %s\n", p->item[i].name);
	ztj_inst_plan_free(p);
	return r != ZTJ_OK ? tell(in, r) : installed ? 0 : 1;
}

int ztj_inst_status(void)
{
	struct ztj_inst in = { .root = "" };
	struct ztj_inst_tx tx = { .no = 0 };
	struct ztj_inst_plan *p = ztj_inst_plan_new();
	int r = p == NULL ? ZTJ_NOMEM : ztj_inst_init(&in);

	if (r == ZTJ_OK)
		r = ztj_inst_tx_last(&in, &tx);
	if (r == ZTJ_OK)
		r = ztj_inst_tx_load(&in, tx.no, p);
	if (r == ZTJ_NOT_FOUND && tx.no == 0) {
		(void)printf("state  not installed\n");
		ztj_inst_plan_free(p);
		return 1;
	}
	if (r != ZTJ_OK) {
		ztj_inst_plan_free(p);
		return tell(&in, r);
	}
	(void)printf("last   %04u, %s, %s\n", tx.no, p->uninstall ? "uninstall" : "install",
	    ztj_inst_state_name(tx.state));
	if (tx.state == ZTJ_INST_PENDING)
		say_pending(&in, &tx);
	else if (tx.state == ZTJ_INST_BEGUN || tx.state == ZTJ_INST_UNDOING)
		(void)printf("state  at work, or unfinished: undo it with: ztjit-hostd install --undo\n");
	ztj_inst_plan_free(p);
	return tx.state == ZTJ_INST_KEPT || tx.state == ZTJ_INST_UNDONE ? say_in_force(&in) : 1;
}

/* ---- the timer ---- */

/* With the lock: how long until it looks again; 0 when nothing is left to wait for. */
static int timer_look(struct ztj_inst *in)
{
	struct ztj_inst_tx tx;
	int r = ztj_inst_tx_last(in, &tx);

	if (r == ZTJ_NOT_FOUND)
		return 0;
	if (r != ZTJ_OK)
		return LOOK_AGAIN_MS;
	if (!ztj_inst_tx_stale(in, &tx, ztj_inst_boottime(), true))
		return tx.state == ZTJ_INST_PENDING ? LOOK_MS : 0;
	ztj_log(ZTJ_LOG_ALARM, "install: transaction %04u was %s", tx.no,
	    tx.state == ZTJ_INST_PENDING ? "not confirmed in time" : "left unfinished");
	return ztj_inst_undo(in, &tx) == ZTJ_OK ? 0 : LOOK_AGAIN_MS;
}

int ztj_inst_timer(void)
{
	struct ztj_inst in;
	int held, lock, r = ztj_inst_init(&in);

	ztj_log_open("ztjit-hostd/install", false, ZTJ_LOG_INFO);
	if (r == ZTJ_OK)
		r = ztj_inst_timer_hold(&in, &held);
	if (r != ZTJ_OK)
		return ztj_err_exit(r);
	for (int wait = LOOK_MS; wait > 0;) {
		wait = LOOK_MS;
		if (ztj_inst_lock(&in, 0, &lock) == ZTJ_OK) {
			wait = timer_look(&in);
			/* Its own lock first: whoever has the other one then sees truly whether there is a timer. */
			if (wait == 0)
				(void)close(held);
			(void)close(lock);
		}
		(void)poll(NULL, 0, wait);
	}
	return 0;
}
