/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * One host: gate and mirror as they are, started anew whenever they were killed, and a process that plays sshd, its people and the
 * warden. It kills them itself, by a timer, so that it may happen in the middle of anything.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "tests/history/history.h"
#include "tests/hostd/rig.h"
#include "ztjit-hostd/mirror.h"

#define ALIVE_MAX 512

static struct agent {
	struct rig rig;
	int sock;
	const struct ztj_seckey *tls;
	volatile pid_t gate, mirror;
	volatile sig_atomic_t cut;
	size_t nalive; /* sessions whose processes run */
	uint64_t alive[ALIVE_MAX];
	size_t nempty; /* killed, and not said yet */
	uint64_t empty[ALIVE_MAX], made;
} ag;

static void tell(struct hi_told *t)
{
	if (send(ag.sock, t, sizeof(*t), MSG_NOSIGNAL) != (ssize_t)sizeof(*t))
		_exit(1);
}

/* --- the warden --- */

static void on_told(struct rig *r, const struct ztj_warden_msg *m)
{
	struct hi_told t = { .kind = HI_TOLD_KILLED, .session = m->session };

	(void)r;
	if (m->op == ZTJ_WARDEN_MAKE) {
		ag.made = m->session;
		assert_in_range(ag.nalive, 0, ALIVE_MAX - 1);
		ag.alive[ag.nalive++] = m->session;
	}
	if (m->op != ZTJ_WARDEN_KILL)
		return;
	for (size_t i = 0; i < ag.nalive; i++)
		if (ag.alive[i] == m->session) {
			ag.alive[i] = ag.alive[--ag.nalive];
			ag.empty[ag.nempty++] = m->session;
			t.t[0] = hi_now();
			tell(&t);
			break;
		}
}

static void play_warden(void)
{
	rig_warden(&ag.rig);
	while (ag.nempty > 0)
		rig_warden_says(&ag.rig, ZTJ_WARDEN_EMPTY, ag.empty[--ag.nempty], 0);
}

/* --- the daemon --- */

static void start_mirror(void)
{
	(void)fflush(NULL);
	ag.mirror = fork();
	assert_true(ag.mirror >= 0);
	if (ag.mirror == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(ag.rig.warden);
		(void)close(ag.rig.scribe);
		ztj_log_open("mirror", true, getenv("RIG_LOG") != NULL ? ZTJ_LOG_DEBUG : ZTJ_LOG_ALARM);
		ztj_mirror_main(ag.rig.mirror, -1, ag.tls);
	}
}

static void start(void)
{
	rig_start(&ag.rig);
	ag.gate = ag.rig.gate;
	start_mirror();
	/* The processes of the sessions went on meanwhile. */
	for (size_t i = 0; i < ag.nalive; i++)
		rig_warden_says(&ag.rig, ZTJ_WARDEN_FOUND, ag.alive[i], 0);
	rig_warden_says(&ag.rig, ZTJ_WARDEN_DONE, 0, 0);
	ag.nempty = 0;
}

/* All parts go together. */
static void reap(void)
{
	struct hi_told t = { .kind = HI_TOLD_BACK };

	if (waitpid(ag.gate, NULL, WNOHANG) == 0 && waitpid(ag.mirror, NULL, WNOHANG) == 0)
		return;
	(void)kill(ag.gate, SIGKILL);
	(void)kill(ag.mirror, SIGKILL);
	(void)waitpid(ag.gate, NULL, 0);
	(void)waitpid(ag.mirror, NULL, 0);
	(void)close(ag.rig.mirror);
	(void)close(ag.rig.warden);
	(void)close(ag.rig.scribe);
	start();
	t.t[0] = hi_now();
	tell(&t);
}

static void strike(int sig)
{
	(void)sig;
	(void)kill(ag.gate, SIGKILL);
	(void)kill(ag.mirror, SIGKILL);
}

/* --- questions --- */

/* The code of LINE or VERDICT; LOST when there was none. */
static int ask(const char *name, struct ztj_buf *msg, uint8_t type)
{
	struct ztj_ipc_in in;
	struct ztj_rd rd;
	uint32_t n = HI_LOST;

	if (rig_ask(&ag.rig, name, msg, &in) == ZTJ_OK && in.type == type) {
		ztj_rd_init(&rd, in.body);
		ok(ztj_rd_u32(&rd, &n));
		n = (uint32_t) - (int)n;
	}
	ztj_ipc_in_free(&in);
	return (int)n;
}

/* As sshd: who is let in, whether that account is, and the session. */
static void log_in(const struct hi_ask *q, struct hi_told *t)
{
	struct ztj_buf b;
	char *info;

	rig_proc(&ag.rig, q->arg, 0, "/", 0);
	t->code[1] = HI_LOST;
	t->t[0] = hi_now();
	rig_principals_message(&b, "root", q->cert);
	t->code[0] = ask("principals.sock", &b, ZTJ_MSG_LINE);
	t->t[1] = hi_now();
	if (t->code[0] != ZTJ_OK || q->kind != HI_ASK_LOGIN)
		return;
	rig_pam_message(&b, ZTJ_MSG_ACCOUNT, "sshd", "root", "uid=0");
	t->code[1] = ask("pam.sock", &b, ZTJ_MSG_VERDICT);
	if (t->code[1] == ZTJ_OK) {
		assert_true(asprintf(&info, "publickey sk-ssh-ed25519-cert-v01@openssh.com %s", q->cert) > 0);
		ag.made = 0;
		rig_pam_message(&b, ZTJ_MSG_OPEN, "sshd", "root", info);
		t->code[1] = ask("pam.sock", &b, ZTJ_MSG_VERDICT);
		t->session = ag.made;
		free(info);
	}
	t->t[2] = hi_now();
}

static void obey(const struct hi_ask *q)
{
	struct hi_told t = { .tag = q->tag, .kind = HI_TOLD_ANSWER };
	const struct itimerval in = { .it_value = { q->arg / 1000, q->arg % 1000 * 1000 + 1 } };

	switch (q->kind) {
	case HI_ASK_LINE:
	case HI_ASK_LOGIN:
		log_in(q, &t);
		tell(&t);
		break;
	case HI_ASK_KILL:
		assert_int_equal(setitimer(ITIMER_REAL, &in, NULL), 0);
		break;
	case HI_ASK_CUT:
	case HI_ASK_JOIN:
		assert_int_equal(kill(ag.mirror, q->kind == HI_ASK_CUT ? SIGSTOP : SIGCONT), 0);
		break;
	case HI_ASK_END:
		break;
	}
}

static _Noreturn void run(void)
{
	static struct hi_ask q;

	do {
		struct pollfd p[2] = { { .fd = ag.sock, .events = POLLIN },
			{ .fd = ag.rig.warden, .events = POLLIN } };

		(void)poll(p, 2, 50);
		reap();
		play_warden();
		q.kind = HI_ASK_CUT;
		if ((p[0].revents & (POLLIN | POLLHUP)) != 0) {
			if (recv(ag.sock, &q, sizeof(q), 0) != (ssize_t)sizeof(q))
				q.kind = HI_ASK_END;
			obey(&q);
		}
	} while (q.kind != HI_ASK_END);
	strike(0);
	_exit(0);
}

/* --- the beginning --- */

/* The rig is made for web1; the other host has its own name and key. */
static void become(struct hi_batch *b, int host)
{
	static char url[64];
	static char *urls[1] = { url };
	char text[64];
	uint8_t seed[ZTJ_DIGEST_LEN];
	struct rig *r = &ag.rig;

	memset(&ag, 0, sizeof(ag));
	r->w = b->b.w;
	r->may_die = true;
	r->on_told = on_told;
	rig_open_bare(r);
	r->shared->real = true;
	rig_kill(r);
	assert_int_equal(sh("rm -rf %s/state/*", r->dir), 0);
	(void)snprintf(text, sizeof(text), "ztjit test key %u", 200 + 3 * (unsigned)(FX_WEB1 + host));
	ok(ztj_sha256(ztj_view_str(text), seed));
	ok(ztj_seckey_from_seed(&r->machine, seed));
	(void)snprintf(r->conf.fullname, sizeof(r->conf.fullname), "%s", b->b.w.host[FX_WEB1 + host].full);
	r->conf.decisions_size = 65536;
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", b->b.port);
	r->conf.urls = (struct ztj_conf_list){ 1, urls };
	ag.tls = &b->b.host_tls[FX_WEB1 + host];
}

int hi_agent_start(struct hi_batch *b, int host)
{
	struct hi_told t = { .kind = HI_TOLD_BACK };
	int sock;

	if (!hi_part(&sock)) {
		/* its directory */
		assert_int_equal(recv(sock, b->agent_dir[host], sizeof(b->agent_dir[host]), 0),
		    (ssize_t)sizeof(b->agent_dir[host]));
		return sock;
	}
	become(b, host);
	ag.sock = sock;
	(void)signal(SIGALRM, strike);
	assert_int_equal(send(sock, ag.rig.dir, sizeof(ag.rig.dir), 0), (ssize_t)sizeof(ag.rig.dir));
	/* What join leaves: the policy. */
	rig_start(&ag.rig);
	ag.gate = ag.rig.gate;
	rig_warden_says(&ag.rig, ZTJ_WARDEN_DONE, 0, 0);
	rig_news(&ag.rig, &b->b.w.policy);
	start_mirror();
	t.t[0] = hi_now();
	tell(&t);
	run();
}
