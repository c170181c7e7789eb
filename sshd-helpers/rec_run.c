/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "sshd-helpers/rec_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sshd-helpers/rec_env.h"
#include "sshd-helpers/rec_session.h"

#define PIPE_BYTES (256 * 1024)
#define EXIT_REFUSED 1

static const int watched[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT };
/* Not to be stopped by a terminal, not to be killed by a reader that went: what they mean is learnt from calls. */
static const int ignored[] = { SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU };

void ztj_rec_say(const char *fmt, ...)
{
	char text[1536];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n > 0)
		(void)dprintf(STDERR_FILENO, "ztjit-rec: %s\n", text);
}

static int take_signals(struct ztj_rec_session *s)
{
	sigset_t in, all;

	(void)sigemptyset(&in);
	for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++)
		(void)sigaddset(&in, watched[i]);
	all = in;
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		(void)sigaddset(&all, ignored[i]);
	/* Blocked, not ignored: the child inherits dispositions, and gets the mask back. */
	if (sigprocmask(SIG_BLOCK, &all, NULL) != 0)
		return -1;
	s->signals = signalfd(-1, &in, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -1 : 0;
}

/* ---- the child's descriptors ---- */

static int both(const int pair[2], int mine, struct ztj_rec_fd *f)
{
	if (fcntl(pair[mine], F_SETFL, O_NONBLOCK) != 0)
		return -1;
	(void)fcntl(pair[mine], F_SETPIPE_SZ, PIPE_BYTES); /* or what the person may still have */
	ztj_rec_fd_own(f, pair[mine]);
	return 0;
}

/* One pipe; returns the child's end. */
static int child_pipe(bool reads, struct ztj_rec_fd *mine)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) != 0 || both(pair, reads ? 1 : 0, mine) != 0)
		return -1;
	return pair[reads ? 0 : 1];
}

/* 2>&1: one pipe for both keeps their order. */
static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino &&
	    x.st_rdev == y.st_rdev;
}

static int make_pipes(struct ztj_rec_session *s, struct ztj_rec_job *job)
{
	struct ztj_flow *in = s->flow[ZTJ_FLOW_IN], *out = s->flow[ZTJ_FLOW_OUT],
			*err = s->flow[ZTJ_FLOW_ERR];

	job->std[0] = child_pipe(true, &in->to);
	job->std[1] = child_pipe(false, &out->from);
	job->std[2] = job->std[1];
	if (job->std[0] < 0 || job->std[1] < 0 || ztj_rec_fd_std(&in->from, 0, false) != 0 ||
	    ztj_rec_fd_std(&out->to, 1, false) != 0)
		return -1;
	if (same_file(1, 2))
		return 0;
	job->std[2] = child_pipe(false, &err->from);
	/* Kept: what we have to say ourselves goes there too. */
	return job->std[2] < 0 ? -1 : ztj_rec_fd_std(&err->to, 2, true);
}

static int dup_own(int fd, struct ztj_rec_fd *f)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return -1;
	ztj_rec_fd_own(f, copy);
	return 0;
}

static int use_terminal(struct ztj_rec_session *s, struct ztj_rec_job *job)
{
	struct ztj_flow *in = s->flow[ZTJ_FLOW_IN], *out = s->flow[ZTJ_FLOW_OUT];

	for (int i = 0; i < 3; i++)
		job->std[i] = s->term.slave;
	if (dup_own(s->term.master, &in->to) != 0 || dup_own(s->term.master, &out->from) != 0)
		return -1;
	return ztj_rec_fd_std(&in->from, 0, true) != 0 ? -1 : ztj_rec_fd_std(&out->to, 1, true);
}

static int hash_pipes(struct ztj_rec_session *s)
{
	int r = ztj_rec_hasher_load(&s->hasher);

	for (int i = 0; r == ZTJ_OK && i < ZTJ_FLOWS; i++)
		r = ztj_rec_hash_new(s->hasher, &s->flow[i]->hash);
	return r;
}

static void set_codes(struct ztj_rec_session *s, uint8_t flags)
{
	bool input = (flags & ZTJ_REC_FLAG_INPUT) != 0, pipes = (flags & ZTJ_REC_FLAG_PIPES) != 0;

	if (s->terminal) {
		s->flow[ZTJ_FLOW_OUT]->code = 'o';
		s->flow[ZTJ_FLOW_IN]->code = input ? 'i' : 0;
		return;
	}
	s->flow[ZTJ_FLOW_OUT]->code = pipes ? 'O' : 0;
	s->flow[ZTJ_FLOW_ERR]->code = pipes ? 'E' : 0;
	s->flow[ZTJ_FLOW_IN]->code = pipes && input ? 'I' : 0;
}

/* ---- setting up ---- */

static int child_env(const struct ztj_rec_plan *plan, struct ztj_rec_session *s, const char *shell)
{
	if (asprintf(&s->shell_entry, "SHELL=%s", shell) < 0)
		s->shell_entry = NULL;
	if (s->terminal && asprintf(&s->tty_entry, "SSH_TTY=%s", s->term.name) < 0)
		s->tty_entry = NULL;
	if (s->shell_entry == NULL || (s->terminal && s->tty_entry == NULL))
		return -1;
	s->env = ztj_rec_env_make(plan->env, s->shell_entry, s->tty_entry);
	return s->env == NULL ? -1 : 0;
}

static int prepare(struct ztj_rec_session *s)
{
	s->journal = calloc(1, sizeof *s->journal);
	for (int i = 0; i < ZTJ_FLOWS; i++)
		s->flow[i] = ztj_flow_new();
	if (s->journal == NULL || s->flow[0] == NULL || s->flow[1] == NULL || s->flow[2] == NULL) {
		ztj_rec_say("%s", ztj_err_text(ZTJ_NOMEM));
		return -1;
	}
	s->terminal = isatty(0) == 1 && isatty(1) == 1;
	if (!s->terminal)
		return 0;
	if (tcgetpgrp(0) >= 0 && tcgetpgrp(0) != getpgrp()) {
		ztj_rec_say("not in the foreground of its terminal");
		return -1;
	}
	if (ztj_rec_term_open(&s->term) != 0) {
		ztj_rec_say("no private terminal: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static int refuse(const struct ztj_rec_session *s)
{
	ztj_rec_say("%s", s->link.why);
	ztj_rec_say("nothing was run: what is not recorded is not allowed here");
	return -1;
}

static int ask(const struct ztj_rec_plan *plan, struct ztj_rec_session *s, struct ztj_rec_start *start)
{
	const struct ztj_rec_hello hello = { .terminal = s->terminal,
		.cols = s->term.size.ws_col,
		.rows = s->term.size.ws_row,
		.term = plan->term,
		.tty = s->term.name,
		.command = plan->shown };

	ztj_link_init(&s->link, plan->socket, &hello, s->journal);
	return ztj_link_start(&s->link, start) == ZTJ_OK ? 0 : refuse(s);
}

static int spawn(const struct ztj_rec_plan *plan, struct ztj_rec_session *s,
    const struct ztj_rec_start *start)
{
	struct ztj_rec_job job = { .shell = start->shell,
		.command = plan->command,
		.argv = plan->argv,
		.terminal = s->terminal,
		.mask = plan->mask,
		.core = plan->core };

	if (child_env(plan, s, start->shell) != 0 ||
	    (s->terminal ? use_terminal(s, &job) : make_pipes(s, &job)) != 0) {
		ztj_rec_say("cannot prepare anything: %s", strerror(errno));
		return -1;
	}
	job.env = s->env;
	if (ztj_rec_child_spawn(&job, &s->child) != 0) {
		ztj_rec_say("cannot start anything: %s", strerror(errno));
		return -1;
	}
	/* The private terminal's other side stays open here, or one `exec >&- 2>&- <&-` would end the session. */
	for (int i = 0; i < 3; i++)
		if (!s->terminal && (i == 0 || job.std[i] != job.std[i - 1]))
			(void)close(job.std[i]);
	set_codes(s, start->flags);
	return 0;
}

static int begin(const struct ztj_rec_plan *plan, struct ztj_rec_session *s)
{
	struct ztj_rec_start start;

	if (prepare(s) != 0 || ask(plan, s, &start) != 0)
		return -1;
	if (take_signals(s) != 0 || spawn(plan, s, &start) != 0)
		return -1;
	/* While the child is being put into its place. */
	if (!s->terminal && hash_pipes(s) != ZTJ_OK) {
		ztj_rec_say("%s", ztj_err_text(ZTJ_CRYPTO_LIB));
		return -1;
	}
	if (ztj_link_place(&s->link, s->child.pidfd) != ZTJ_OK)
		return refuse(s);
	if (s->terminal && ztj_rec_term_raw(&s->term) != 0) {
		ztj_rec_say("cannot use this terminal: %s", strerror(errno));
		return -1;
	}
	s->started_us = ztj_rec_clock_us();
	return ztj_rec_child_go(&s->child);
}

/* ---- and down again ---- */

static void tell_errors(const struct ztj_rec_session *s)
{
	static const char *const name[] = { "input to the command", "standard output", "standard error" };

	for (int i = 0; i < ZTJ_FLOWS; i++)
		if (s->flow[i]->err != 0)
			ztj_rec_say("%s: %s", name[i], strerror(s->flow[i]->err));
}

/* As a shell's child would end: whoever waits for us learns of the signal. */
static int die_of(int sig)
{
	sigset_t one;

	(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&one);
	(void)sigaddset(&one, sig);
	(void)kill(getpid(), sig);
	(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
	return 128 + sig;
}

/* Everything but the session's memory itself. The terminal first: whatever follows may take its time. */
static void drop(struct ztj_rec_session *s)
{
	ztj_rec_term_restore(&s->term);
	ztj_rec_term_close(&s->term);
	for (int i = 0; i < ZTJ_FLOWS; i++)
		if (s->flow[i] != NULL)
			ztj_flow_free(s->flow[i]);
	ztj_rec_hasher_free(s->hasher);
	ztj_link_free(&s->link);
	free(s->journal);
	free(s->env);
	free(s->shell_entry);
	free(s->tty_entry);
}

static int session(const struct ztj_rec_plan *plan, struct ztj_rec_session *s)
{
	int whole;

	if (begin(plan, s) != 0)
		return -1;
	whole = ztj_rec_loop(s);
	for (int i = 0; i < ZTJ_FLOWS; i++)
		ztj_flow_close(s->flow[i]);
	ztj_rec_term_restore(&s->term);
	tell_errors(s);
	if (whole != 0)
		ztj_rec_say("the session is over, because its record cannot go on: %s", s->link.why);
	return whole;
}

int ztj_rec_run(const struct ztj_rec_plan *plan)
{
	struct ztj_rec_session s = { .signals = -1,
		.child = { .pid = -1, .pidfd = -1, .go = -1 },
		.link = { .sock = -1, .in = { .fd = -1 } } };
	int whole;

	ztj_rec_term_init(&s.term);
	whole = session(plan, &s);
	drop(&s);
	if (whole != 0)
		return EXIT_REFUSED;
	return s.child.killed ? die_of(s.child.status) : s.child.status;
}
