/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The parent: root. Makes what the four processes inherit and waits. They end
 * together: whichever goes first, the others follow.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/keyfile.h"
#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "libztjit/sys/sandbox.h"
#include "ztjit-hostd/hostd.h"
#include "ztjit-hostd/install.h"
#include "ztjit-hostd/parent.h"

int ztj_hostd_key(const char *path, uid_t owner, struct ztj_seckey *out)
{
	const struct ztj_file_rule rule = { .owner = owner, .secret = true, .check_parents = true };
	struct ztj_keyfile kf;
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 16384);
	r = ztj_file_read(path, &rule, 16383, &b);
	if (r == ZTJ_OK)
		r = ztj_keyfile_parse(&kf, ztj_buf_view(&b));
	if (r == ZTJ_OK) {
		r = ztj_keyfile_seckey(&kf, out);
		ztj_keyfile_wipe(&kf);
	}
	ztj_buf_free(&b);
	return r;
}

/* ---- before anything is started ---- */

static int lookup(const struct ztj_hostconf *c, struct ztj_users *u, const char **what)
{
	int r;

	*what = c->mirror_user;
	if ((r = ztj_user_lookup(c->mirror_user, &u->mirror, &u->mirror_gid)) != ZTJ_OK)
		return r;
	*what = c->gate_user;
	if ((r = ztj_user_lookup(c->gate_user, &u->gate, &u->gate_gid)) != ZTJ_OK)
		return r;
	*what = c->scribe_user;
	if ((r = ztj_user_lookup(c->scribe_user, &u->scribe, &u->scribe_gid)) != ZTJ_OK)
		return r;
	*what = c->principals_user;
	return ztj_user_lookup(c->principals_user, &u->principals, &u->principals_gid);
}

static int check_pins(const char *path)
{
	const struct ztj_file_rule rule = { .owner = 0, .secret = false, .check_parents = true };
	struct ztj_pins pins;
	struct ztj_buf b;
	unsigned line;
	int r;

	ztj_buf_init(&b, 65536);
	r = ztj_file_read(path, &rule, 65535, &b);
	if (r == ZTJ_OK)
		r = ztj_pins_parse(ztj_buf_view(&b), &pins, &line);
	ztj_buf_free(&b);
	return r;
}

static int find_prefix(const char *cgroup, char out[ZTJ_CGROUP_SIZE])
{
	char *text = malloc(1 << 20);
	struct ztj_view v;
	int r;

	if (strcmp(cgroup, "none") == 0) {
		free(text);
		(void)snprintf(out, ZTJ_CGROUP_SIZE, "/none");
		return access("/proc/self/sessionid", R_OK) == 0 ? ZTJ_OK : ZTJ_NO_AUDIT;
	}
	r = text == NULL ? ZTJ_NOMEM : ztj_proc_file("/proc/self/mountinfo", text, 1 << 20, &v);
	if (r == ZTJ_OK)
		r = ztj_proc_cgroup_prefix(v, cgroup, out) == ZTJ_OK ? ZTJ_OK : ZTJ_NO_CGROUP;
	free(text);
	return r;
}

int ztj_hostd_check(const struct ztj_hostconf *c, char *err, size_t size)
{
	const char *what = "";
	char prefix[ZTJ_CGROUP_SIZE];
	struct ztj_seckey k = { .pub.type = ZTJ_KEY_NONE };
	struct ztj_users u;
	int r = lookup(c, &u, &what);

	if (r == ZTJ_OK) {
		what = c->roots;
		r = check_pins(c->roots);
	}
	if (r == ZTJ_OK) {
		what = c->machine_key;
		r = ztj_hostd_key(c->machine_key, 0, &k);
	}
	if (r == ZTJ_OK) {
		what = c->tls_key;
		r = ztj_hostd_key(c->tls_key, 0, &k);
	}
	if (r == ZTJ_OK) {
		what = c->cgroup;
		r = find_prefix(c->cgroup, prefix);
	}
	ztj_seckey_wipe(&k);
	(void)snprintf(err, size, "%s", what);
	return r;
}

/* Only who may talk there may connect: a crowd at the door would keep everybody waiting. */
static int make_socket(const char *dir, const char *name, uid_t owner, mode_t mode, int *out)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, name);
	int fd;

	*out = -1;
	if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
		return ZTJ_CONFIG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ZTJ_SYSTEM;
	(void)unlink(addr.sun_path);
	mode_t old = umask(0777 & ~mode);
	int r = bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
	(void)umask(old);
	if (r != 0 || (owner != 0 && lchown(addr.sun_path, owner, (gid_t)-1) != 0) || listen(fd, 1024) != 0) {
		(void)close(fd);
		return ZTJ_SYSTEM;
	}
	*out = fd;
	return ZTJ_OK;
}

/* One agent at a time; one that was just killed gives its lock away soon. Not inherited, held until we end. */
static int lock_run(const char *dir)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[256];
	int fd, r = -1;

	(void)snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	for (int tries = 0; fd >= 0 && r != 0 && tries < 20; tries++)
		if ((r = fcntl(fd, F_SETLK, &l)) != 0)
			(void)poll(NULL, 0, 100);
	if (r == 0)
		return ZTJ_OK;
	ztj_log(ZTJ_LOG_ERROR, "%s", fd < 0 ? "no lock can be made" : "another ztjit-hostd is running");
	if (fd >= 0)
		(void)close(fd);
	return ZTJ_STATE;
}

/* A directory of one user's, and the one above it. */
static int make_below(const char *path, uid_t uid, gid_t gid)
{
	char up[256];
	char *slash;
	int r = ZTJ_OK;

	(void)snprintf(up, sizeof(up), "%s", path);
	slash = strrchr(up, '/');
	if (slash != NULL && slash != up) {
		*slash = '\0';
		r = ztj_dir_make(up, 0755, 0, 0);
	}
	return r == ZTJ_OK ? ztj_dir_make(path, 0700, uid, gid) : r;
}

static int make_files(struct ztj_parent *p)
{
	const struct ztj_hostconf *c = p->conf;
	int r = ztj_dir_make(c->run, 0755, 0, 0);

	if (r == ZTJ_OK)
		r = lock_run(c->run);
	if (r == ZTJ_OK)
		r = make_below(c->state, p->u.gate, p->u.gate_gid);
	if (r == ZTJ_OK)
		r = make_below(c->records, p->u.scribe, p->u.scribe_gid);
	if (r == ZTJ_OK)
		r = make_socket(c->run, "pam.sock", 0, 0600, &p->fds.pam);
	if (r == ZTJ_OK)
		r = make_socket(c->run, "principals.sock", p->u.principals, 0600, &p->fds.principals);
	if (r == ZTJ_OK)
		r = make_socket(c->run, "control.sock", 0, 0600, &p->fds.control);
	/* Anybody may connect: whom the scribe listens to is the set-group-id recorder. */
	if (r == ZTJ_OK)
		r = make_socket(c->run, "rec.sock", 0, 0666, &p->rec);
	return r;
}

static int make_pairs(struct ztj_parent *p)
{
	int stream[2], seq[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) != 0)
		return ZTJ_SYSTEM;
	p->fds.mirror = stream[0];
	p->mirror_end = stream[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, seq) != 0)
		return ZTJ_SYSTEM;
	p->fds.warden = seq[0];
	p->warden_end = seq[1];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) != 0)
		return ZTJ_SYSTEM;
	p->fds.scribe = stream[0];
	p->scribe_end = stream[1];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->ship) != 0)
		return ZTJ_SYSTEM;
	return ZTJ_OK;
}

static int read_machine(struct ztj_parent *p)
{
	char text[64];
	struct ztj_view v;
	int r = ztj_proc_file("/proc/sys/kernel/random/boot_id", text, sizeof(text), &v);

	if (r != ZTJ_OK || v.n < ZTJ_BOOTID_SIZE - 1)
		return r != ZTJ_OK ? r : ZTJ_SYSTEM;
	memcpy(p->bootid, v.p, ZTJ_BOOTID_SIZE - 1);
	p->bootid[ZTJ_BOOTID_SIZE - 1] = '\0';
	p->init_loginuid = ZTJ_NO_LOGINUID;
	if (ztj_proc_file("/proc/1/loginuid", text, sizeof(text) - 1, &v) == ZTJ_OK) {
		int64_t n;
		text[v.n] = '\0';
		if (ztj_parse_int(text, 0, UINT32_MAX, &n) == ZTJ_OK)
			p->init_loginuid = (uint32_t)n;
	}
	return find_prefix(p->conf->cgroup, p->prefix);
}

static pid_t start(struct ztj_parent *p, void (*run)(struct ztj_parent *p))
{
	pid_t pid = fork();

	if (pid == 0)
		run(p);
	return pid;
}

static void close_ours(struct ztj_parent *p)
{
	const int fd[] = { p->fds.pam, p->fds.principals, p->fds.control, p->fds.mirror, p->fds.warden,
		p->mirror_end, p->warden_end, p->fds.scribe, p->scribe_end, p->ship[0], p->ship[1], p->rec };

	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
}

static const char *name_of(struct ztj_parent *p, pid_t pid)
{
	return pid == p->gate ? "gate" : pid == p->mirror ? "mirror" : pid == p->scribe ? "scribe" : "warden";
}

/* Collects whoever ended; true when somebody did. */
static bool reap(struct ztj_parent *p, bool expected)
{
	pid_t *const child[] = { &p->mirror, &p->gate, &p->scribe, &p->warden };
	bool any = false;
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (!expected)
			ztj_log(ZTJ_LOG_ERROR, "%s ended (status %d)", name_of(p, pid), status);
		for (size_t i = 0; i < sizeof(child) / sizeof(child[0]); i++)
			if (pid == *child[i])
				*child[i] = 0;
		any = true;
	}
	return any;
}

/* The mirror goes, so the gate ends cleanly. The warden goes when it has nothing to guard; else it stays, for the next
 * agent to find the sessions and to end them if there is none. */
static int wait_all(struct ztj_parent *p, const sigset_t *signals)
{
	const struct timespec patience = { .tv_sec = 5 }, moment = { .tv_nsec = 500000000 },
			      watch = { .tv_sec = 30 };
	bool ending = false, asked = false;

	while (p->mirror > 0 || p->gate > 0 || p->scribe > 0) {
		int sig = sigtimedwait(signals, NULL, ending ? &patience : &watch);
		bool ended;
		/* An installer's timer may have been killed: what waits to be confirmed must not stay for that. */
		if (sig < 0 && errno == EAGAIN && !ending) {
			ztj_hostd_install_recover();
			continue;
		}
		asked |= sig == SIGTERM || sig == SIGINT;
		ended = reap(p, asked || ending);
		if (sig < 0 && errno == EAGAIN) {
			/* Who hangs now is not waited for. */
			if (p->gate > 0)
				(void)kill(p->gate, SIGKILL);
			if (p->scribe > 0)
				(void)kill(p->scribe, SIGKILL);
		}
		if (!ending && (asked || ended)) {
			ending = true;
			if (p->mirror > 0)
				(void)kill(p->mirror, SIGKILL);
		}
	}
	while (p->warden > 0 && sigtimedwait(signals, NULL, &moment) > 0)
		(void)reap(p, true);
	return asked ? 0 : 1;
}

int ztj_hostd_serve(const struct ztj_hostconf *conf, bool to_stderr)
{
	struct ztj_parent p = { .conf = conf,
		.to_stderr = to_stderr,
		.fds = { -1, -1, -1, -1, -1, -1 },
		.mirror_end = -1,
		.warden_end = -1,
		.scribe_end = -1,
		.ship = { -1, -1 },
		.rec = -1,
		.rec_group = (gid_t)-1 };
	const struct group *gr;
	sigset_t signals;
	const char *what = "users";
	int r;

	ztj_log_open("ztjit-hostd", to_stderr, ZTJ_LOG_INFO);
	if (geteuid() != 0) {
		(void)fputs("ztjit-hostd: must be started by root\n", stderr);
		return 2;
	}
	(void)umask(022);
	r = lookup(conf, &p.u, &what);
	gr = getgrnam(conf->rec_group);
	if (gr != NULL)
		p.rec_group = gr->gr_gid;
	if (r == ZTJ_OK) {
		what = conf->cgroup;
		r = read_machine(&p);
	}
	if (r == ZTJ_OK) {
		what = conf->run;
		r = make_files(&p);
	}
	if (r == ZTJ_OK)
		r = make_pairs(&p);
	if (r != ZTJ_OK) {
		ztj_log(ZTJ_LOG_ERROR, "%s: %s", what, ztj_err_text(r));
		return ztj_err_exit(r);
	}
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	p.self = getpid();
	p.warden = start(&p, ztj_run_warden);
	p.gate = start(&p, ztj_run_gate);
	p.mirror = start(&p, ztj_run_mirror);
	p.scribe = start(&p, ztj_run_scribe);
	close_ours(&p);
	(void)prctl(PR_SET_NAME, "ztjit-hostd");
	if (p.warden < 0 || p.gate < 0 || p.mirror < 0 || p.scribe < 0)
		return 3; /* what was started ends by itself: a pair is closed */
	ztj_log(ZTJ_LOG_NOTICE, "serving as %s", conf->fullname);
	return wait_all(&p, &signals);
}
