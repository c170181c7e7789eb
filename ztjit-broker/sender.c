/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The sender process: the loop, the channel to the store, and what is told how often. */
#include "ztjit-broker/sender.h"

#include <string.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-broker/askproto.h"
#include "ztjit-broker/child.h"
#include "ztjit-broker/sd_net.h"
#include "ztjit-broker/sd_witness.h"

#define STATE_MAX ((size_t)4096)
#define KEEP_SECONDS 1 /* between two writings of how far a destination is */

bool sender_wanted(const struct broker_conf *conf)
{
	return conf->send.n > 0 || conf->ask_witnesses;
}

/* --- the store --- */

static int on_message(void *arg, uint8_t type, struct ztj_view body)
{
	struct sender *sd = arg;
	struct leaves l;
	int r;
	switch (type) {
	case SND_GROWN:
		r = grown_read(body, &sd->size);
		sd->told = r == ZTJ_OK;
		for (size_t i = 0; r == ZTJ_OK && i < sd->ndests; i++)
			dest_grown(sd->dest[i]);
		return r;
	case SND_LEAVES:
		r = leaves_read(body, &l);
		if (r == ZTJ_OK && l.tag % DESTS_MAX >= sd->ndests)
			r = ZTJ_PROTOCOL;
		return r == ZTJ_OK ? dest_leaves(sd->dest[l.tag % DESTS_MAX], &l) : r;
	case SND_ASK:
		return sd->askers != NULL ? askers_ask(sd->askers, body) : ZTJ_PROTOCOL;
	default:
		return ZTJ_PROTOCOL;
	}
}

static void on_batch(void *arg)
{
	struct sender *sd = arg;
	chan_flush(sd->store);
}

static void on_closed(void *arg, int err)
{
	struct sender *sd = arg;
	if (err != ZTJ_UNREACHABLE)
		ztj_log(ZTJ_LOG_ERROR, "a message could not be read: %s", ztj_err_text(err));
	event_base_loopbreak(sd->base);
}

static void tell(struct sender *sd)
{
	struct dest_states now = { .n = (uint32_t)sd->ndests };
	struct ztj_buf msg;
	for (size_t i = 0; i < sd->ndests; i++) {
		const struct dest *d = sd->dest[i];
		memcpy(now.d[i].name, d->conf.name, sizeof(now.d[i].name));
		now.d[i].taken = d->taken;
		now.d[i].failures = d->failures;
		now.d[i].up = d->up;
	}
	ztj_buf_init(&msg, STATE_MAX);
	if (states_write(&now, &msg) == ZTJ_OK && !ztj_view_eq(ztj_buf_view(&msg), ztj_buf_view(&sd->said)) &&
	    chan_send(sd->store, SND_STATE, ztj_buf_view(&msg)) == ZTJ_OK) {
		ztj_buf_reset(&sd->said);
		(void)ztj_buf_put(&sd->said, msg.p, msg.n);
	}
	ztj_buf_free(&msg);
}

static void on_keep(evutil_socket_t fd, short what, void *arg)
{
	struct sender *sd = arg;
	(void)fd;
	(void)what;
	for (size_t i = 0; i < sd->ndests; i++) {
		dest_keep(sd->dest[i]);
		dest_ask(sd->dest[i]);
	}
	tell(sd);
	chan_flush(sd->store);
}

/* --- start --- */

/* While root's files can still be read. */
static int start(struct sender *sd)
{
	char path[PATH_MAX];
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int r = broker_path(sd->conf, "sender", path);
	if (r == ZTJ_OK && uid == 0)
		r = ztj_user_lookup(sd->conf->sender_user, &uid, &gid);
	if (r == ZTJ_OK)
		r = ztj_dir_make(path, 0700, uid, gid);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "%s, user %s: %s", path, sd->conf->sender_user, ztj_err_text(r));
	for (size_t i = 0; r == ZTJ_OK && i < sd->conf->send.n; i++) {
		r = dest_new(sd, sd->conf->send.s[i], &sd->dest[i]);
		sd->ndests++;
	}
	if (r == ZTJ_OK && sd->conf->ask_witnesses)
		r = askers_new(sd, &sd->askers);
	return r;
}

static int start_confined(struct sender *sd)
{
	int r = ZTJ_OK;
	if (gethostname(sd->host, sizeof(sd->host) - 1) != 0)
		return ZTJ_SYSTEM;
	if (sd->need_key)
		r = sender_key(sd->conf, &sd->key);
	sd->dns = net_resolver(sd->base);
	if (r == ZTJ_OK && sd->dns == NULL)
		r = ZTJ_NOMEM;
	for (size_t i = 0; r == ZTJ_OK && i < sd->ndests; i++)
		r = dest_start(sd->dest[i]);
	return r;
}

static void stop(struct sender *sd)
{
	for (size_t i = 0; i < sd->ndests; i++) {
		if (sd->dest[i] != NULL)
			dest_keep(sd->dest[i]);
		dest_free(sd->dest[i]);
	}
	askers_free(sd->askers);
	if (sd->dns != NULL)
		evdns_base_free(sd->dns, 0);
	ztj_seckey_wipe(&sd->key);
	ztj_buf_free(&sd->said);
	chan_free(sd->store);
}

int sender_main(const struct broker_conf *conf, const struct sender_fds *fds)
{
	static const char *const ro[] = { "/etc/resolv.conf", "/etc/hosts", NULL };
	static const struct timeval each = { .tv_sec = KEEP_SECONDS };
	struct sender sd = { .conf = conf };
	const struct chan_hooks hooks = { on_message, on_batch, on_closed, &sd };
	struct event *keep = NULL;
	char dir[PATH_MAX];
	ztj_buf_init(&sd.said, STATE_MAX);
	int r = start(&sd);
	if (r == ZTJ_OK)
		r = broker_path(conf, "sender", dir);
	if (r == ZTJ_OK) {
		const char *const rw[] = { dir, NULL };
		r = child_confine(conf->sender_user, ZTJ_SB_SEND, ro, rw);
	}
	if (r == ZTJ_OK)
		r = child_loop(fds->control, &sd.base);
	if (r == ZTJ_OK)
		r = chan_new(sd.base, fds->store, &hooks, &sd.store);
	if (r == ZTJ_OK)
		r = start_confined(&sd);
	if (r == ZTJ_OK) {
		keep = event_new(sd.base, -1, EV_PERSIST, on_keep, &sd);
		r = keep != NULL && event_add(keep, &each) == 0 ? child_run(sd.base, fds->ready) : ZTJ_NOMEM;
	}
	if (keep != NULL)
		event_free(keep);
	stop(&sd);
	child_loop_free(sd.base);
	return r == ZTJ_OK ? 0 : 1;
}
