/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * scribe: unprivileged, no network, no key. Takes what recorders send, keeps it in the spool as chunks, has the gate sign
 * for it and the mirror ship it. It trusts the kernel about who a recorder is and its own directory; what is in an event is
 * only bytes to it.
 */
#include "ztjit-hostd/scribe.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"

#define MESSAGE_MAX ZTJ_IPC_MAX

static int64_t system_clock(void)
{
	struct timespec ts = { 0 };

	return clock_gettime(CLOCK_REALTIME, &ts) == 0 ? ts.tv_sec : 0;
}

void ztj_scribe_env_default(struct ztj_scribe_env *env, const char *bootid, gid_t recorder)
{
	*env = (struct ztj_scribe_env){ .now = ztj_ipc_now_ms,
		.clock = system_clock,
		.read_proc = ztj_proc_read,
		.bootid = bootid,
		.recorder = recorder,
		.flush_ms = 1000,
		.head_ms = 10000,
		.silent_ms = ZTJ_REC_SILENT_MS,
		.grace_ms = ZTJ_REC_GRACE_MS,
		.hello_ms = 10000,
		.retry_ms = 1000 };
}

/* ---- time ---- */

void ztj_scribe_due(struct ztj_scribe *s, int64_t at)
{
	int64_t left = at - s->env.now();
	struct timeval tv;

	if (s->wake == NULL || (s->wake_at != 0 && s->wake_at <= at))
		return;
	left = left < 0 ? 0 : left;
	tv = (struct timeval){ .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
	s->wake_at = at;
	if (evtimer_add(s->wake, &tv) != 0)
		ztj_scribe_end(s, "events", ZTJ_NOMEM);
}

/* Buffers of everybody's, given back when nobody's text is waiting and none was a moment ago. */
static void idle(struct ztj_scribe *s, int64_t now)
{
	if (s->input == NULL && s->chunk.p == NULL)
		return;
	if (now < s->packed_at + s->env.flush_ms) {
		ztj_scribe_due(s, s->packed_at + s->env.flush_ms);
		return;
	}
	for (const struct ztj_recording *r = s->records; r != NULL; r = r->next)
		if (r->live != NULL && r->live->text.n > 0)
			return;
	ztj_buf_free(&s->chunk);
	free(s->input);
	s->input = NULL;
}

void ztj_scribe_turn(struct ztj_scribe *s)
{
	int64_t now = s->env.now();

	s->wake_at = 0;
	ztj_rconns_review(s, now);
	for (struct ztj_recording *r = s->records; r != NULL; r = r->next)
		if (r->live != NULL)
			ztj_recording_review(r, now);
	ztj_ship_review(s, now);
	ztj_room_review(s);
	ztj_gate_spool(s, now);
	idle(s, now);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ztj_scribe_turn(arg);
}

/* ---- life ---- */

void ztj_scribe_end(struct ztj_scribe *s, const char *who, int r)
{
	if (r != ZTJ_UNREACHABLE)
		ztj_log(ZTJ_LOG_ERROR, "%s: %s", who, ztj_err_text(r));
	s->exit_status = 1;
	(void)event_base_loopbreak(s->base);
}

static int watch(struct ztj_scribe *s, int fd, event_callback_fn fn, struct event **out)
{
	if (fd < 0)
		return ZTJ_OK;
	*out = event_new(s->base, fd, EV_READ | EV_PERSIST, fn, s);
	return *out == NULL || event_add(*out, NULL) != 0 ? ZTJ_NOMEM : ZTJ_OK;
}

static int events(struct ztj_scribe *s)
{
	int r;

	s->base = event_base_new();
	if (s->base == NULL || (s->wake = evtimer_new(s->base, on_wake, s)) == NULL)
		return ZTJ_NOMEM;
	if ((r = watch(s, s->fds.gate, ztj_gate_readable, &s->from_gate)) != ZTJ_OK ||
	    (r = watch(s, s->fds.mirror, ztj_ship_readable, &s->from_mirror)) != ZTJ_OK)
		return r;
	return watch(s, s->fds.listen, ztj_rconn_accept, &s->listening);
}

static int spool(struct ztj_scribe *s)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = true, .check_parents = false };
	int r;

	s->dir = open(s->conf->records, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir < 0)
		return ZTJ_IO;
	r = ztj_file_check_fd(s->dir, &rule);
	if (r == ZTJ_OK)
		r = ztj_room_open(s);
	return r == ZTJ_OK ? ztj_scribe_load(s) : r;
}

int ztj_scribe_new(const struct ztj_hostconf *conf, const struct ztj_scribe_env *env,
    const struct ztj_scribe_fds *fds, struct ztj_scribe **out)
{
	struct ztj_scribe *s = calloc(1, sizeof(*s));
	int r;

	*out = NULL;
	if (s == NULL)
		return ZTJ_NOMEM;
	s->conf = conf;
	s->env = *env;
	s->fds = *fds;
	s->dir = -1;
	ztj_ipc_in_init(&s->gate_in, MESSAGE_MAX);
	ztj_ipc_in_init(&s->mirror_in, MESSAGE_MAX);
	ztj_buf_init(&s->chunk, ZTJ_CHUNK_HEADER + ZTJ_CHUNK_BODY_MAX);
	if ((r = ztj_packer_new(&s->packer)) != ZTJ_OK || (r = events(s)) != ZTJ_OK ||
	    (r = spool(s)) != ZTJ_OK) {
		ztj_scribe_free(s);
		return r;
	}
	ztj_scribe_due(s, s->env.now());
	*out = s;
	return ZTJ_OK;
}

int ztj_scribe_run(struct ztj_scribe *s)
{
	/* Buffers of busy sessions go back when they are idle. */
	(void)mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	(void)mallopt(M_TRIM_THRESHOLD, 128 * 1024);
	if (s->exit_status == 0 && event_base_dispatch(s->base) < 0)
		s->exit_status = 1;
	/* Recorders need not send this again. */
	for (struct ztj_recording *r = s->records; r != NULL; r = r->next)
		if (r->live != NULL && ztj_recording_flush(r) == ZTJ_OK && r->live->conn != NULL)
			ztj_rconn_taken(r->live->conn, r->taken, ZTJ_OK);
	return s->exit_status;
}

static void drop_event(struct event *e)
{
	if (e != NULL)
		event_free(e);
}

void ztj_scribe_free(struct ztj_scribe *s)
{
	if (s == NULL)
		return;
	for (struct ztj_rconn *c = s->conns; c != NULL; c = c->next)
		ztj_rconn_close(c);
	ztj_rconns_review(s, 0);
	while (s->records != NULL)
		ztj_recording_free(s->records);
	drop_event(s->listening);
	drop_event(s->from_gate);
	drop_event(s->from_mirror);
	drop_event(s->wake);
	if (s->base != NULL)
		event_base_free(s->base);
	ztj_ipc_in_free(&s->gate_in);
	ztj_ipc_in_free(&s->mirror_in);
	ztj_buf_free(&s->chunk);
	free(s->input);
	ztj_packer_free(s->packer);
	if (s->dir >= 0)
		(void)close(s->dir);
	free(s);
}
