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
#include <jansson.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/hostd.h"
#include "ztjit-hostd/mirror.h"
#include "ztjit-hostd/scribe.h"
#include "ztjit-hostd/warden.h"

#define FIRST_FD 3
#define SCRIBE_FILES 16384
#define POLICY_JSON_MAX (3 * 1024 * 1024)

struct users {
	uid_t mirror, gate, principals, scribe;
	gid_t mirror_gid, gate_gid, principals_gid, scribe_gid;
};

struct parent {
	const struct ztj_hostconf *conf;
	bool to_stderr;
	struct users u;
	struct ztj_gate_fds fds;
	int mirror_end, warden_end, scribe_end; /* their ends of the pairs */
	int ship[2];                            /* scribe's and mirror's */
	int rec;                                /* rec.sock */
	gid_t rec_group;                        /* (gid_t)-1: no recorder is installed */
	char prefix[ZTJ_CGROUP_SIZE], bootid[ZTJ_BOOTID_SIZE];
	uint32_t init_loginuid;
	pid_t mirror, gate, warden, scribe;
};

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

static int lookup(const struct ztj_hostconf *c, struct users *u, const char **what)
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
	int r = text == NULL ? ZTJ_NOMEM : ztj_proc_file("/proc/self/mountinfo", text, 1 << 20, &v);

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
	struct users u;
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

static int make_files(struct parent *p)
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

static int make_pairs(struct parent *p)
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

static int read_machine(struct parent *p)
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

/* ---- children ---- */

static _Noreturn void die(const char *what, int r)
{
	ztj_log(ZTJ_LOG_ERROR, "%s: %s", what, ztj_err_text(r));
	_exit(1);
}

/* Descriptors in order at FIRST_FD and up; everything else is closed. */
static void keep_fds(const int *fd, int n)
{
	int high[8];

	for (int i = 0; i < n; i++) {
		high[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, 64);
		if (high[i] < 0)
			die("descriptors", ZTJ_SYSTEM);
	}
	for (int i = 0; i < n; i++)
		if (dup3(high[i], FIRST_FD + i, O_CLOEXEC) < 0)
			die("descriptors", ZTJ_SYSTEM);
	if (ztj_process_harden(FIRST_FD + n) != ZTJ_OK)
		die("hardening", ZTJ_SYSTEM);
}

static void child_signals(int parent_death)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* The parent decides when all end; a signal to the whole group must not end the warden first. */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	if (parent_death != 0 && prctl(PR_SET_PDEATHSIG, (unsigned long)parent_death) != 0)
		die("prctl", ZTJ_SYSTEM);
	(void)mallopt(M_ARENA_MAX, 1);
}

static void confine(const char *const *ro, const char *const *rw)
{
	int abi = 0;

	json_object_seed(0); /* reads a device that will be out of reach */
	if (ztj_landlock(ro, rw, &abi) != ZTJ_OK)
		die("landlock", ZTJ_SYSTEM);
	if (abi == 0)
		ztj_log(ZTJ_LOG_WARN, "this kernel has no Landlock");
}

static _Noreturn void run_warden(struct parent *p)
{
	char table[256];

	child_signals(0);
	keep_fds(&p->warden_end, 1);
	ztj_log_open("ztjit-hostd/warden", p->to_stderr, ZTJ_LOG_INFO);
	(void)snprintf(table, sizeof(table), "%s/warden", p->conf->run);
	ztj_warden_main(FIRST_FD,
	    &(struct ztj_warden_conf){ p->conf->cgroup, p->prefix, table, p->bootid, p->conf->guard_grace,
		p->rec_group });
}

static _Noreturn void run_mirror(struct parent *p)
{
	static const char *const ro[] = { "/etc", "/usr", "/lib", "/lib64", "/run/systemd/resolve",
		"/dev/urandom", NULL };
	static struct ztj_seckey tls;
	const int fd[] = { p->mirror_end, p->ship[1] };
	int r = ztj_hostd_key(p->conf->tls_key, 0, &tls);

	if (r != ZTJ_OK)
		die(p->conf->tls_key, r);
	child_signals(SIGKILL);
	keep_fds(fd, 2);
	ztj_log_open("ztjit-hostd/mirror", p->to_stderr, ZTJ_LOG_INFO);
	if ((r = ztj_drop_to(p->u.mirror, p->u.mirror_gid)) != ZTJ_OK)
		die(p->conf->mirror_user, r);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die("libcurl", ZTJ_INTERNAL);
	confine(ro, NULL);
	if ((r = ztj_seccomp(ZTJ_SB_NET)) != ZTJ_OK)
		die("seccomp", r);
	ztj_mirror_main(FIRST_FD, FIRST_FD + 1, &tls);
}

static void real_now(struct ztj_now *out)
{
	struct timespec sys = { 0 }, boot = { 0 };

	/* A clock that cannot be read has run out: every grant has ended. */
	if (clock_gettime(CLOCK_REALTIME, &sys) != 0 || clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
		die("clock", ZTJ_SYSTEM);
	*out = (struct ztj_now){ sys.tv_sec, boot.tv_sec };
}

static void seed_policy(const struct parent *p, struct ztj_gate *g)
{
	const struct ztj_file_rule rule = { .owner = 0, .secret = false, .check_parents = true };
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, POLICY_JSON_MAX);
	r = ztj_file_read(p->conf->policy, &rule, POLICY_JSON_MAX - 1, &b);
	if (r == ZTJ_OK)
		r = ztj_gate_seed(g, ztj_buf_view(&b));
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_WARN, "%s: %s", p->conf->policy, ztj_err_text(r));
	ztj_buf_free(&b);
}

static _Noreturn void run_gate(struct parent *p)
{
	const char *const ro[] = { "/etc", "/proc", "/usr", p->conf->roots, p->conf->policy, NULL };
	const char *const rw[] = { p->conf->state, NULL };
	const int fd[] = { p->fds.pam, p->fds.principals, p->fds.control, p->fds.mirror, p->fds.warden,
		p->fds.scribe };
	const struct ztj_gate_fds mine = { FIRST_FD, FIRST_FD + 1, FIRST_FD + 2, FIRST_FD + 3, FIRST_FD + 4,
		FIRST_FD + 5 };
	const struct ztj_gate_env env = { .now = real_now,
		.read_proc = ztj_proc_read,
		.passwd = "/etc/passwd",
		.root = 0,
		.principals = p->u.principals,
		.bootid = p->bootid,
		.recorder = ZTJ_RECORDER,
		.init_loginuid = p->init_loginuid };
	struct ztj_seckey machine;
	struct ztj_gate *g;
	int r = ztj_hostd_key(p->conf->machine_key, 0, &machine);

	if (r != ZTJ_OK)
		die(p->conf->machine_key, r);
	child_signals(SIGKILL);
	keep_fds(fd, 6);
	ztj_log_open("ztjit-hostd/gate", p->to_stderr, ZTJ_LOG_INFO);
	if ((r = ztj_drop_to(p->u.gate, p->u.gate_gid)) != ZTJ_OK)
		die(p->conf->gate_user, r);
	confine(ro, rw);
	r = ztj_gate_new(p->conf, &env, &mine, &machine, p->prefix, &g);
	ztj_seckey_wipe(&machine);
	if (r != ZTJ_OK)
		die("gate", r);
	seed_policy(p, g);
	(void)malloc_trim(0);
	if ((r = ztj_seccomp(ZTJ_SB_GATE)) != ZTJ_OK)
		die("seccomp", r);
	r = ztj_gate_run(g);
	ztj_gate_free(g);
	_exit(r);
}

/* Two hundred sessions have six descriptors each. */
static void many_files(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur >= SCRIBE_FILES)
		return;
	lim.rlim_cur = lim.rlim_max < SCRIBE_FILES ? lim.rlim_max : SCRIBE_FILES;
	(void)setrlimit(RLIMIT_NOFILE, &lim);
}

static _Noreturn void run_scribe(struct parent *p)
{
	const char *const ro[] = { "/etc", "/proc", "/usr", NULL };
	const char *const rw[] = { p->conf->records, NULL };
	const int fd[] = { p->rec, p->scribe_end, p->ship[0] };
	const struct ztj_scribe_fds mine = { FIRST_FD, FIRST_FD + 1, FIRST_FD + 2 };
	struct ztj_scribe_env env;
	struct ztj_scribe *s;
	int r;

	many_files();
	child_signals(SIGKILL);
	(void)signal(SIGXFSZ, SIG_IGN);
	keep_fds(fd, 3);
	ztj_log_open("ztjit-hostd/scribe", p->to_stderr, ZTJ_LOG_INFO);
	if ((r = ztj_drop_to(p->u.scribe, p->u.scribe_gid)) != ZTJ_OK)
		die(p->conf->scribe_user, r);
	confine(ro, rw);
	if ((r = ztj_seccomp(ZTJ_SB_GATE)) != ZTJ_OK)
		die("seccomp", r);
	ztj_scribe_env_default(&env, p->bootid, p->rec_group);
	if ((r = ztj_scribe_new(p->conf, &env, &mine, &s)) != ZTJ_OK)
		die(p->conf->records, r);
	r = ztj_scribe_run(s);
	ztj_scribe_free(s);
	_exit(r);
}

static pid_t start(struct parent *p, void (*run)(struct parent *p))
{
	pid_t pid = fork();

	if (pid == 0)
		run(p);
	return pid;
}

static void close_ours(struct parent *p)
{
	const int fd[] = { p->fds.pam, p->fds.principals, p->fds.control, p->fds.mirror, p->fds.warden,
		p->mirror_end, p->warden_end, p->fds.scribe, p->scribe_end, p->ship[0], p->ship[1], p->rec };

	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
}

static const char *name_of(struct parent *p, pid_t pid)
{
	return pid == p->gate ? "gate" : pid == p->mirror ? "mirror" : pid == p->scribe ? "scribe" : "warden";
}

/* Collects whoever ended; true when somebody did. */
static bool reap(struct parent *p, bool expected)
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
static int wait_all(struct parent *p, const sigset_t *signals)
{
	const struct timespec patience = { .tv_sec = 5 }, moment = { .tv_nsec = 500000000 };
	bool ending = false, asked = false;

	while (p->mirror > 0 || p->gate > 0 || p->scribe > 0) {
		int sig = ending ? sigtimedwait(signals, NULL, &patience) : sigwaitinfo(signals, NULL);
		bool ended;
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
	struct parent p = { .conf = conf,
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
	p.warden = start(&p, run_warden);
	p.gate = start(&p, run_gate);
	p.mirror = start(&p, run_mirror);
	p.scribe = start(&p, run_scribe);
	close_ours(&p);
	(void)prctl(PR_SET_NAME, "ztjit-hostd");
	if (p.warden < 0 || p.gate < 0 || p.mirror < 0 || p.scribe < 0)
		return 3; /* what was started ends by itself: a pair is closed */
	ztj_log(ZTJ_LOG_NOTICE, "serving as %s", conf->fullname);
	return wait_all(&p, &signals);
}
