/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * gate: unprivileged, no network. Holds the machine key, the policy, the directories and the
 * grants; verifies what anybody says and decides. It trusts root's files, its own state directory
 * and the kernel; neither the mirror nor any peer.
 */
#include "ztjit-hostd/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/gatemsg.h"

#define SIGCACHE_ENTRIES 4096
#define MIRROR_IN_MAX (200u * 1024u)
#define CLOCK_EVERY 60 /* seconds between writes of the mark */
#define SWEEP_EVERY 3600

/* ---- time ---- */

void ztj_gate_now(struct ztj_gate *g, struct ztj_now *now)
{
	g->env.now(now);
	ztj_clockmark_advance(&g->clock, *now);
}

int64_t ztj_gate_ends_clock(struct ztj_gate *g)
{
	struct ztj_now now;

	ztj_gate_now(g, &now);
	return ztj_clockmark_end(&g->clock, now);
}

static void clock_path(const struct ztj_gate *g, char *out, size_t size)
{
	(void)snprintf(out, size, "%s/clock", g->conf->state);
}

void ztj_gate_save_clock(struct ztj_gate *g, bool force)
{
	struct ztj_now now;
	struct ztj_buf b;
	char path[512];

	ztj_gate_now(g, &now);
	if (!force && now.boot - g->clock_saved < CLOCK_EVERY)
		return;
	ztj_buf_init(&b, 256);
	clock_path(g, path, sizeof(path));
	if (ztj_clockmark_format(&g->clock, &b) != ZTJ_OK ||
	    ztj_file_write(path, ztj_buf_view(&b), 0600) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "the clock mark could not be stored");
	else
		g->clock_saved = now.boot;
	ztj_buf_free(&b);
	ztj_store_restock(g->store);
	if (now.boot - g->swept >= SWEEP_EVERY) {
		g->swept = now.boot;
		ztj_store_sweep(g->store, ztj_gate_ends_clock(g));
		ztj_recbook_sweep(g->recbook, now.sys);
	}
}

static int load_clock(struct ztj_gate *g)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = true, .check_parents = false };
	struct ztj_now now;
	struct ztj_buf b;
	char path[512];
	int r;

	ztj_buf_init(&b, 256);
	clock_path(g, path, sizeof(path));
	r = ztj_file_read(path, &rule, 255, &b);
	g->env.now(&now);
	if (r == ZTJ_NOT_FOUND) {
		ztj_clockmark_init(&g->clock, now, g->env.bootid);
		r = ZTJ_OK;
	} else if (r == ZTJ_OK) {
		r = ztj_clockmark_parse(&g->clock, ztj_buf_view(&b));
		ztj_clockmark_resume(&g->clock, g->env.bootid);
	}
	ztj_buf_free(&b);
	return r;
}

/* ---- what is held ---- */

static int load_pins(struct ztj_gate *g)
{
	/* Root's own file: the user of this process must not be able to change it. */
	const struct ztj_file_rule rule = { .owner = g->env.root, .secret = false, .check_parents = true };
	unsigned line = 0;
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 65536);
	r = ztj_file_read(g->conf->roots, &rule, 65535, &b);
	if (r == ZTJ_OK)
		r = ztj_pins_parse(ztj_buf_view(&b), &g->pins, &line);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "%s:%u: %s", g->conf->roots, line, ztj_err_text(r));
	ztj_buf_free(&b);
	return r;
}

static int sub_dir(const struct ztj_gate *g, const char *name, char *out, size_t size)
{
	(void)snprintf(out, size, "%s/%s", g->conf->state, name);
	return ztj_dir_make(out, 0700, (uid_t)-1, (gid_t)-1);
}

static int load_trust(struct ztj_gate *g)
{
	char path[512], where[64] = "";
	int r = sub_dir(g, "trust", path, sizeof(path));

	if (r == ZTJ_OK)
		r = ztj_sigcache_new(SIGCACHE_ENTRIES, &g->cache);
	if (r == ZTJ_OK)
		r = ztj_trust_new(&g->pins, g->cache, &g->trust);
	if (r == ZTJ_OK)
		r = ztj_trustdir_open(path, geteuid(), &g->dir);
	if (r == ZTJ_OK)
		r = ztj_trustdir_load(g->dir, g->trust, where);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "%s/%s: %s", path, where, ztj_err_text(r));
	return r;
}

static int load_rest(struct ztj_gate *g)
{
	struct ztj_store_conf sc = { .dir = g->conf->state,
		.domain = g->pins.domain,
		.host = g->conf->fullname,
		.cache = g->cache,
		.reserve = (size_t)g->conf->reserve * 1024 };
	char path[512];
	struct ztj_spool_conf log = { .dir = path,
		.reserve = (size_t)g->conf->reserve * 1024,
		.limit = (size_t)g->conf->decisions_size * 1024,
		.keep = (size_t)g->conf->decisions_keep };
	size_t bad = 0;
	int r = sub_dir(g, "spool", path, sizeof(path));

	if (r == ZTJ_OK)
		r = ztj_spool_open(&log, &g->spool);
	if (r != ZTJ_OK) {
		ztj_log(ZTJ_LOG_ERROR, "%s: %s", path, ztj_err_text(r));
		return r;
	}
	ztj_gate_log_start(g);
	if (ztj_spool_cut(g->spool))
		ztj_gate_alarm(g, ZTJ_TRUNCATED,
		    "the end of the log of decisions did not survive; it was set aside");
	if (ztj_spool_gap(g->spool))
		ztj_gate_alarm(g, ZTJ_NOT_FOUND, "an older file of the log of decisions is gone");
	if ((r = sub_dir(g, "records", path, sizeof(path))) != ZTJ_OK ||
	    (r = ztj_recbook_open(path, &g->recbook)) != ZTJ_OK) {
		ztj_log(ZTJ_LOG_ERROR, "%s: %s", path, ztj_err_text(r));
		return r;
	}
	r = ztj_checkpoint_load(g);
	if (r == ZTJ_OK)
		r = ztj_growth_load(g);
	if (r == ZTJ_OK)
		r = ztj_handback_open(g);
	if (r == ZTJ_OK)
		r = ztj_names_open(g);
	if (r == ZTJ_OK)
		r = ztj_store_open(&sc, &g->store, &bad);
	if (r == ZTJ_OK && bad > 0)
		ztj_gate_alarm(g, ZTJ_BAD_ENCODING, "stored grants that do not verify are ignored");
	return r;
}

int ztj_gate_seed(struct ztj_gate *g, struct ztj_view json)
{
	bool changed;

	if (ztj_trust_held_policy(g->trust) != NULL)
		return ZTJ_OK;
	return ztj_news_container(g, json, &changed);
}

/* ---- events ---- */

static int listen_on(struct ztj_gate *g, size_t i, int fd)
{
	if (fd < 0)
		return ZTJ_OK;
	g->listen[i] = event_new(g->base, fd, EV_READ | EV_PERSIST, ztj_conn_accept, g);
	return g->listen[i] == NULL ? ZTJ_NOMEM : ZTJ_OK;
}

void ztj_gate_listen(struct ztj_gate *g)
{
	for (size_t i = 0; i < 3; i++)
		if (g->listen[i] != NULL && event_add(g->listen[i], NULL) != 0) {
			g->exit_status = 1;
			(void)event_base_loopbreak(g->base);
		}
}

static int watch(struct ztj_gate *g, int fd, event_callback_fn fn, struct event **out)
{
	if (fd < 0)
		return ZTJ_OK;
	*out = event_new(g->base, fd, EV_READ | EV_PERSIST, fn, g);
	return *out == NULL || event_add(*out, NULL) != 0 ? ZTJ_NOMEM : ZTJ_OK;
}

static int timers(struct ztj_gate *g)
{
	const struct itimerspec far = { .it_value = { .tv_sec = INT32_MAX } };
	int r;

	g->boot_timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	g->jump_timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (g->boot_timer < 0 || g->jump_timer < 0 ||
	    timerfd_settime(g->jump_timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL) != 0)
		return ZTJ_SYSTEM;
	r = watch(g, g->boot_timer, ztj_sessions_timer, &g->at_boot);
	return r == ZTJ_OK ? watch(g, g->jump_timer, ztj_sessions_timer, &g->at_jump) : r;
}

static int events(struct ztj_gate *g)
{
	int r;

	if ((r = listen_on(g, 0, g->fds.pam)) != ZTJ_OK ||
	    (r = listen_on(g, 1, g->fds.principals)) != ZTJ_OK ||
	    (r = listen_on(g, 2, g->fds.control)) != ZTJ_OK ||
	    (r = watch(g, g->fds.mirror, ztj_news_readable, &g->from_mirror)) != ZTJ_OK ||
	    (r = watch(g, g->fds.warden, ztj_warden_answer, &g->from_warden)) != ZTJ_OK ||
	    (r = watch(g, g->fds.scribe, ztj_records_readable, &g->from_scribe)) != ZTJ_OK)
		return r;
	g->strays = evtimer_new(g->base, ztj_strays_timer, g);
	if (g->strays == NULL)
		return ZTJ_NOMEM;
	return timers(g);
}

/* ---- life ---- */

int ztj_gate_new(const struct ztj_hostconf *conf, const struct ztj_gate_env *env,
    const struct ztj_gate_fds *fds, const struct ztj_seckey *machine, const char *cgroup_prefix,
    struct ztj_gate **out)
{
	struct ztj_gate *g = calloc(1, sizeof(*g));
	int r;

	*out = NULL;
	if (g == NULL)
		return ZTJ_NOMEM;
	g->conf = conf;
	g->env = *env;
	g->fds = *fds;
	g->machine = *machine;
	g->boot_timer = g->jump_timer = -1;
	ztj_ipc_in_init(&g->mirror_in, MIRROR_IN_MAX);
	g->base = event_base_new();
	g->sync_timer = g->base == NULL ? NULL : evtimer_new(g->base, ztj_gate_sync, g);
	g->ship.timer = g->base == NULL ? NULL : evtimer_new(g->base, ztj_ship_timer, g);
	if (g->sync_timer == NULL || g->ship.timer == NULL) {
		ztj_gate_free(g);
		return ZTJ_NOMEM;
	}
	ztj_ipc_in_init(&g->scribe_in, ZTJ_IPC_MAX);
	if ((r = load_pins(g)) != ZTJ_OK || (r = load_clock(g)) != ZTJ_OK || (r = load_trust(g)) != ZTJ_OK ||
	    (r = load_rest(g)) != ZTJ_OK || (r = ztj_sessions_new(cgroup_prefix, &g->sessions)) != ZTJ_OK ||
	    (r = ztj_ended_load(g)) != ZTJ_OK || (r = ztj_kept_load(g)) != ZTJ_OK ||
	    (r = events(g)) != ZTJ_OK) {
		ztj_gate_free(g);
		return r;
	}
	ztj_gate_save_clock(g, true);
	*out = g;
	return ZTJ_OK;
}

int ztj_gate_run(struct ztj_gate *g)
{
	if (ztj_news_tell_mirror(g) != ZTJ_OK)
		ztj_log(ZTJ_LOG_WARN, "the mirror does not listen");
	if (g->conf->by_audit)
		ztj_gate_alarm(g, ZTJ_NO_CGROUP,
		    "cgroup = none: sessions are held by audit sessions; root in one can leave it unseen");
	ztj_names_start(g);
	ztj_sessions_review(g);
	if (event_base_dispatch(g->base) < 0)
		g->exit_status = 1;
	ztj_gate_log_stop(g);
	ztj_gate_save_clock(g, true);
	return g->exit_status;
}

static void drop_event(struct event *e)
{
	if (e != NULL)
		event_free(e);
}

void ztj_gate_free(struct ztj_gate *g)
{
	if (g == NULL)
		return;
	while (g->conns != NULL)
		ztj_conn_close(g->conns);
	for (size_t i = 0; i < 3; i++)
		drop_event(g->listen[i]);
	drop_event(g->from_mirror);
	drop_event(g->from_warden);
	drop_event(g->from_scribe);
	drop_event(g->strays);
	drop_event(g->at_boot);
	drop_event(g->at_jump);
	drop_event(g->sync_timer);
	drop_event(g->ship.timer);
	ztj_leader_drop(g);
	ztj_names_close(g);
	ztj_handback_close(g);
	if (g->boot_timer >= 0)
		(void)close(g->boot_timer);
	if (g->jump_timer >= 0)
		(void)close(g->jump_timer);
	if (g->base != NULL)
		event_base_free(g->base);
	ztj_ipc_in_free(&g->mirror_in);
	ztj_ipc_in_free(&g->scribe_in);
	ztj_recbook_close(g->recbook);
	ztj_stays_free(g);
	ztj_sessions_free(g->sessions);
	ztj_store_close(g->store);
	ztj_spool_close(g->spool);
	ztj_trustdir_close(g->dir);
	ztj_trust_free(g->trust);
	ztj_sigcache_free(g->cache);
	ztj_seckey_wipe(&g->machine);
	free(g);
}
