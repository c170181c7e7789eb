/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "sshd-helpers/rec_session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "sshd-helpers/rec_run.h"

#define HANGUP_MS 5000 /* for a shell to write its history */
#define FAIL_MS 1000
#define END_MS 10000
#define TICK_MS 1000
#define TTY_FULL 4095 /* what a terminal holds: less than that was all there was */

/* Places in the set that is polled; a flow has two, its source and its sink. */
enum { AT_LINK, AT_SIGNALS, AT_CHILD, AT_FLOW, AT_ALL = AT_FLOW + 2 * ZTJ_FLOWS };

int64_t ztj_rec_clock_us(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_BOOTTIME, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* ---- the end ---- */

static void close_flows(struct ztj_rec_session *s)
{
	for (int i = 0; i < ZTJ_FLOWS; i++)
		ztj_flow_close(s->flow[i]);
}

/* SIGHUP: from the kernel to who has the terminal, from us to the others. */
static void hang_up(struct ztj_rec_session *s)
{
	close_flows(s);
	ztj_rec_term_close(&s->term);
	ztj_rec_child_signal(&s->child, SIGHUP);
	ztj_rec_child_signal(&s->child, SIGCONT);
}

static void fail(struct ztj_rec_session *s, int64_t now)
{
	if (s->stage == ZTJ_REC_FAILS || s->stage == ZTJ_REC_OVER)
		return;
	s->stage = ZTJ_REC_FAILS;
	hang_up(s);
	s->kill_at = now + FAIL_MS;
	s->give_up_at = now + 2 * (int64_t)FAIL_MS;
}

static void fail_because(struct ztj_rec_session *s, const char *why, int64_t now)
{
	if (s->link.why[0] == '\0')
		(void)snprintf(s->link.why, sizeof s->link.why, "%s", why);
	fail(s, now);
}

static int total_of(struct ztj_flow *f, struct ztj_rec_total *t)
{
	int r = ZTJ_OK;

	if (f->hash != NULL)
		r = ztj_rec_hash_end(f->hash, f->total.sha256);
	f->hash = NULL; /* freed */
	*t = f->total;
	return r;
}

static void end(struct ztj_rec_session *s, int64_t now)
{
	struct ztj_rec_end e = { .killed = s->child.killed, .status = (uint32_t)s->child.status };
	struct ztj_buf out;
	int r;

	ztj_buf_init(&out, ZTJ_IPC_MAX);
	if ((r = total_of(s->flow[ZTJ_FLOW_IN], &e.in)) == ZTJ_OK &&
	    (r = total_of(s->flow[ZTJ_FLOW_OUT], &e.out)) == ZTJ_OK &&
	    (r = total_of(s->flow[ZTJ_FLOW_ERR], &e.err)) == ZTJ_OK &&
	    (r = ztj_rec_put_end(&e, &out)) == ZTJ_OK)
		r = ztj_journal_message(s->journal, ztj_buf_view(&out));
	ztj_buf_free(&out);
	if (r != ZTJ_OK) {
		fail_because(s, ztj_err_text(r), now);
		return;
	}
	s->link.ended = true;
	s->stage = ZTJ_REC_ENDS;
	s->kill_at = 0;
	s->give_up_at = now + END_MS;
}

/* ---- the record ---- */

static uint64_t since(const struct ztj_rec_session *s)
{
	int64_t us = ztj_rec_clock_us() - s->started_us;

	return us > 0 ? (uint64_t)us : 0;
}

static void note_size(struct ztj_rec_session *s)
{
	char text[32];
	int n;

	if (!s->resized || ztj_journal_room(s->journal) < sizeof text)
		return;
	n = snprintf(text, sizeof text, "%ux%u", s->term.size.ws_col, s->term.size.ws_row);
	if (ztj_journal_event(s->journal, since(s), 'r', ztj_view_of(text, (size_t)n)) == ZTJ_OK)
		s->resized = false;
}

/* ---- what is carried ---- */

static size_t may_read(const struct ztj_rec_session *s, const struct ztj_flow *f)
{
	if (!ztj_flow_can_pull(f) || (f->code != 0 && (ztj_journal_full(s->journal) || s->resized)))
		return 0;
	return f->code != 0 ? ztj_journal_room(s->journal) : ZTJ_FLOW_READ;
}

/* All that is there, as one event. A terminal gives little at a time. */
static int pull(struct ztj_rec_session *s, struct ztj_flow *f)
{
	struct ztj_view all = { NULL, 0 }, got;
	size_t room = may_read(s, f);
	int r = ZTJ_OK, kept = ZTJ_OK;

	while (r == ZTJ_OK && all.n < room && all.n < ZTJ_FLOW_READ && ztj_flow_can_pull(f)) {
		r = ztj_flow_pull(f, room - all.n, &got);
		if (all.n == 0)
			all.p = got.p;
		all.n += got.n;
		if (!s->terminal || got.n < TTY_FULL)
			break;
	}
	if (all.n > 0 && f->code != 0)
		kept = ztj_journal_event(s->journal, since(s), f->code, all);
	return kept == ZTJ_OK ? r : kept;
}

/* The person's terminal is gone, or we are told to go. */
static void hang_up_terminal(struct ztj_rec_session *s, int64_t now)
{
	if (s->stage != ZTJ_REC_RUNS || s->child.over)
		return;
	/* what was said before it */
	while (may_read(s, s->flow[ZTJ_FLOW_OUT]) > 0 && pull(s, s->flow[ZTJ_FLOW_OUT]) == ZTJ_OK)
		;
	hang_up(s);
	s->stage = ZTJ_REC_HANGS_UP;
	s->kill_at = now + HANGUP_MS;
}

static void check(struct ztj_rec_session *s, int r, int64_t now)
{
	if (r != ZTJ_OK && r != ZTJ_TIMEOUT && r != ZTJ_NOT_FOUND)
		fail_because(s, ztj_err_text(r), now);
}

/* Nobody reads what is written there. */
static bool sink_gone(const struct ztj_flow *f, const struct pollfd *sink)
{
	return !ztj_flow_pending(f) && (sink->revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

static void carry_pipe(struct ztj_rec_session *s, struct ztj_flow *f, const struct pollfd set[2], int64_t now)
{
	int r = ZTJ_TIMEOUT;

	if (f->to.fd >= 0 && sink_gone(f, &set[1]))
		ztj_rec_fd_close(&f->to);
	else if (set[1].revents != 0)
		ztj_flow_push(f);
	if (f->to.fd >= 0 && set[0].revents != 0 && may_read(s, f) > 0) {
		r = pull(s, f);
		ztj_flow_push(f);
	}
	check(s, r, now);
	ztj_flow_settle(f);
}

static void carry_pipes(struct ztj_rec_session *s, const struct pollfd *set, int64_t now)
{
	if (s->child.over)
		ztj_flow_close(s->flow[ZTJ_FLOW_IN]);
	for (int i = 0; i < ZTJ_FLOWS; i++)
		carry_pipe(s, s->flow[i], &set[2 * i], now);
}

/* What the private terminal says. False: the person's is gone. */
static bool carry_output(struct ztj_rec_session *s, const struct pollfd set[2], int64_t now)
{
	struct ztj_flow *f = s->flow[ZTJ_FLOW_OUT];
	int r = ZTJ_OK;

	if (f->to.fd >= 0 && sink_gone(f, &set[1]))
		ztj_rec_fd_close(&f->to);
	if (set[1].revents != 0)
		ztj_flow_push(f);
	if ((set[0].revents != 0 || s->child.over) && may_read(s, f) > 0) {
		r = pull(s, f);
		ztj_flow_push(f);
	}
	/* The session's leader is gone: what is not there now never comes. */
	if (s->child.over && r != ZTJ_OK)
		ztj_rec_fd_close(&f->from);
	check(s, r, now);
	return f->to.fd >= 0;
}

/* What the person types. False: the person's terminal is gone. */
static bool carry_input(struct ztj_rec_session *s, const struct pollfd set[2], int64_t now)
{
	struct ztj_flow *f = s->flow[ZTJ_FLOW_IN];
	int r = ZTJ_OK;

	if (set[1].revents != 0)
		ztj_flow_push(f);
	if (set[0].revents != 0 && may_read(s, f) > 0) {
		r = pull(s, f);
		ztj_flow_push(f);
	}
	check(s, r, now);
	return r != ZTJ_NOT_FOUND;
}

static void carry_terminal(struct ztj_rec_session *s, const struct pollfd *set, int64_t now)
{
	bool there = carry_output(s, &set[2 * ZTJ_FLOW_OUT], now);

	if (s->child.over)
		ztj_flow_close(s->flow[ZTJ_FLOW_IN]);
	else if (!carry_input(s, &set[2 * ZTJ_FLOW_IN], now))
		there = false;
	if (!there)
		hang_up_terminal(s, now);
}

/* ---- what happens ---- */

/* To the child's group; on a terminal to who has it, as a key would. */
static void forward(const struct ztj_rec_session *s, int sig)
{
	pid_t group = s->terminal && s->term.master >= 0 ? tcgetpgrp(s->term.master) : -1;

	if (group > 0)
		(void)kill(-group, sig);
	else
		ztj_rec_child_signal(&s->child, sig);
}

static void got_signal(struct ztj_rec_session *s, int sig, int64_t now)
{
	switch (sig) {
	case SIGWINCH:
		break; /* the size is looked at below */
	case SIGCONT:
		if (s->terminal && s->stage == ZTJ_REC_RUNS)
			(void)ztj_rec_term_raw(&s->term);
		break;
	case SIGHUP:
	case SIGTERM:
		if (s->stage == ZTJ_REC_ENDS)
			s->give_up_at = now;
		else if (s->terminal)
			hang_up_terminal(s, now);
		else
			forward(s, sig);
		break;
	default:
		forward(s, sig);
	}
	if (s->terminal && s->stage == ZTJ_REC_RUNS && ztj_rec_term_resize(&s->term))
		s->resized = true;
}

static void read_signals(struct ztj_rec_session *s, int64_t now)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
		got_signal(s, (int)info.ssi_signo, now);
}

static bool all_carried(const struct ztj_rec_session *s)
{
	for (int i = ZTJ_FLOW_OUT; i < ZTJ_FLOWS; i++)
		if (s->flow[i]->from.fd >= 0 || ztj_flow_pending(s->flow[i]))
			return false;
	return true;
}

static void deadlines(struct ztj_rec_session *s, int64_t now)
{
	if (s->kill_at != 0 && now >= s->kill_at) {
		ztj_rec_child_signal(&s->child, SIGKILL);
		s->kill_at = 0;
	}
	if (s->give_up_at != 0 && now >= s->give_up_at) {
		if (s->stage == ZTJ_REC_ENDS && s->link.why[0] == '\0')
			(void)snprintf(s->link.why, sizeof s->link.why,
			    "the recording service did not confirm the end of the record");
		s->stage = ZTJ_REC_OVER;
	}
}

static void advance(struct ztj_rec_session *s, int64_t now)
{
	if ((s->stage == ZTJ_REC_RUNS || s->stage == ZTJ_REC_HANGS_UP) && s->child.over && all_carried(s))
		end(s, now);
	if (s->stage != ZTJ_REC_FAILS && ztj_link_step(&s->link, now) != ZTJ_OK)
		fail(s, now);
	if (s->stage == ZTJ_REC_ENDS && s->link.done)
		s->stage = ZTJ_REC_OVER;
	if (s->stage == ZTJ_REC_FAILS && s->child.over)
		s->stage = ZTJ_REC_OVER;
	deadlines(s, now);
}

/* ---- the loop ---- */

static void watch(struct pollfd *p, int fd, short events)
{
	p->fd = fd;
	p->events = events;
	p->revents = 0;
}

static void watch_all(const struct ztj_rec_session *s, struct pollfd set[AT_ALL])
{
	watch(&set[AT_LINK], s->link.sock, ztj_link_events(&s->link));
	watch(&set[AT_SIGNALS], s->signals, POLLIN);
	watch(&set[AT_CHILD], s->child.over ? -1 : s->child.pidfd, POLLIN);
	for (int i = 0; i < ZTJ_FLOWS; i++) {
		const struct ztj_flow *f = s->flow[i];
		bool pending = ztj_flow_pending(f);
		/* A hangup is reported whether asked for or not: what is not to be read is not watched. */
		watch(&set[AT_FLOW + 2 * i], may_read(s, f) > 0 ? f->from.fd : -1, POLLIN);
		/* That nobody reads any more is worth knowing at once; of the private terminal it means nothing. */
		bool own = s->terminal && i == ZTJ_FLOW_IN;
		watch(&set[AT_FLOW + 2 * i + 1], pending || !own ? f->to.fd : -1, pending ? POLLOUT : 0);
	}
}

static int64_t sooner(int64_t a, int64_t b)
{
	return b != 0 && b < a ? b : a;
}

static int wait_ms(const struct ztj_rec_session *s, int64_t now)
{
	int64_t at = now + TICK_MS;

	at = sooner(at, s->kill_at);
	at = sooner(at, s->give_up_at);
	if (s->stage != ZTJ_REC_FAILS)
		at = sooner(at, ztj_link_wake(&s->link));
	/* Output that is all there once the child is over comes without an event. */
	if (s->terminal && s->stage == ZTJ_REC_RUNS && s->child.over &&
	    may_read(s, s->flow[ZTJ_FLOW_OUT]) > 0)
		at = now;
	return at > now ? (int)(at - now) : 0;
}

int ztj_rec_loop(struct ztj_rec_session *s)
{
	struct pollfd set[AT_ALL];
	int64_t now = ztj_link_now();

	s->resized = s->terminal && ztj_rec_term_resize(&s->term);
	while (s->stage != ZTJ_REC_OVER) {
		watch_all(s, set);
		if (poll(set, AT_ALL, wait_ms(s, now)) < 0 && errno != EINTR)
			fail_because(s, strerror(errno), now);
		now = ztj_link_now();
		if (set[AT_SIGNALS].revents != 0)
			read_signals(s, now);
		note_size(s);
		if (set[AT_CHILD].revents != 0)
			(void)ztj_rec_child_over(&s->child);
		if (s->stage == ZTJ_REC_RUNS && s->terminal)
			carry_terminal(s, set + AT_FLOW, now);
		else if (s->stage == ZTJ_REC_RUNS)
			carry_pipes(s, set + AT_FLOW, now);
		advance(s, now);
	}
	return s->link.why[0] == '\0' ? 0 : -1;
}
