/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The four processes, each on its way from root to what it is: descriptors, user, file system, system calls.
 */
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "libztjit/sys/sandbox.h"
#include "ztjit-hostd/hostd.h"
#include "ztjit-hostd/mirror.h"
#include "ztjit-hostd/parent.h"
#include "ztjit-hostd/scribe.h"
#include "ztjit-hostd/warden.h"

#define FIRST_FD 3
#define FILES 16384
#define POLICY_JSON_MAX (3 * 1024 * 1024)

static _Noreturn void die(const char *what, int r)
{
	ztj_log(ZTJ_LOG_ERROR, "%s: %s", what, ztj_err_text(r));
	_exit(1);
}

/* Descriptors in order at FIRST_FD and up; everything else is closed. */
static void keep_fds(const int *fd, int n)
{
	int high[8];

	ztj_log_close();
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

static void child_signals(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* The parent decides when all end; a signal to the whole group must not end the warden first. */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)mallopt(M_ARENA_MAX, 1);
}

/* The parent dies, it dies: one that went on would keep the next agent out. The kernel forgets that when ids change. */
static void become(const struct ztj_parent *p, uid_t uid, gid_t gid, const char *name)
{
	int r = ztj_drop_to(uid, gid);

	if (r != ZTJ_OK)
		die(name, r);
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL) != 0)
		die("prctl", ZTJ_SYSTEM);
	if (getppid() != p->self)
		_exit(1);
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

_Noreturn void ztj_run_warden(struct ztj_parent *p)
{
	char table[256];

	child_signals();
	keep_fds(&p->warden_end, 1);
	ztj_log_open("ztjit-hostd/warden", p->to_stderr, ZTJ_LOG_INFO);
	(void)snprintf(table, sizeof(table), "%s/warden", p->conf->run);
	ztj_warden_main(FIRST_FD,
	    &(struct ztj_warden_conf){ p->conf->by_audit ? NULL : p->conf->cgroup, p->prefix, p->conf->run,
		table, p->bootid, p->conf->guard_grace, p->rec_group });
}

_Noreturn void ztj_run_mirror(struct ztj_parent *p)
{
	static const char *const ro[] = { "/etc", "/usr", "/lib", "/lib64", "/run/systemd/resolve",
		"/run/resolvconf", "/run/NetworkManager", "/run/connman", "/dev/urandom", NULL };
	static struct ztj_seckey tls;
	const int fd[] = { p->mirror_end, p->ship[1] };
	int r = ztj_hostd_key(p->conf->tls_key, 0, &tls);

	if (r != ZTJ_OK)
		die(p->conf->tls_key, r);
	child_signals();
	keep_fds(fd, 2);
	ztj_log_open("ztjit-hostd/mirror", p->to_stderr, ZTJ_LOG_INFO);
	become(p, p->u.mirror, p->u.mirror_gid, p->conf->mirror_user);
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

static void seed_policy(const struct ztj_parent *p, struct ztj_gate *g)
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

/* A recorded session has six descriptors with the scribe, one inside another holds its leader in the gate. */
static void many_files(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur >= FILES)
		return;
	lim.rlim_cur = lim.rlim_max < FILES ? lim.rlim_max : FILES;
	(void)setrlimit(RLIMIT_NOFILE, &lim);
}

/* Of what is in force; "" when that cannot be said, which stops nobody's work. */
static void conf_digest(const struct ztj_hostconf *conf, char out[ZTJ_HEX_SIZE])
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_buf b;

	out[0] = '\0';
	ztj_buf_init(&b, 65536);
	if (ztj_hostconf_dump(conf, &b) == ZTJ_OK && ztj_sha256(ztj_buf_view(&b), digest) == ZTJ_OK)
		ztj_hex(digest, sizeof(digest), out);
	ztj_buf_free(&b);
}

_Noreturn void ztj_run_gate(struct ztj_parent *p)
{
	static char configuration[ZTJ_HEX_SIZE];
	const char *const ro[] = { "/etc", "/proc", "/usr", p->conf->roots, p->conf->policy, NULL };
	const char *const rw[] = { p->conf->state, NULL };
	const int fd[] = { p->fds.pam, p->fds.principals, p->fds.control, p->fds.mirror, p->fds.warden,
		p->fds.scribe };
	const struct ztj_gate_fds mine = { FIRST_FD, FIRST_FD + 1, FIRST_FD + 2, FIRST_FD + 3, FIRST_FD + 4,
		FIRST_FD + 5 };
	const struct ztj_gate_env env = { .now = real_now,
		.read_proc = p->conf->by_audit ? ztj_proc_read_descent : ztj_proc_read,
		.proc = "/proc",
		.passwd = "/etc/passwd",
		.group = "/etc/group",
		.spread = 10,
		.root = 0,
		.principals = p->u.principals,
		.bootid = p->bootid,
		.recorder = ZTJ_RECORDER,
		.configuration = configuration,
		.init_loginuid = p->init_loginuid };
	struct ztj_seckey machine;
	struct ztj_gate *g;
	int r = ztj_hostd_key(p->conf->machine_key, 0, &machine);

	if (r != ZTJ_OK)
		die(p->conf->machine_key, r);
	conf_digest(p->conf, configuration);
	many_files();
	child_signals();
	keep_fds(fd, 6);
	ztj_log_open("ztjit-hostd/gate", p->to_stderr, ZTJ_LOG_INFO);
	become(p, p->u.gate, p->u.gate_gid, p->conf->gate_user);
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

_Noreturn void ztj_run_scribe(struct ztj_parent *p)
{
	const char *const ro[] = { "/etc", "/proc", "/usr", NULL };
	const char *const rw[] = { p->conf->records, NULL };
	const int fd[] = { p->rec, p->scribe_end, p->ship[0] };
	const struct ztj_scribe_fds mine = { FIRST_FD, FIRST_FD + 1, FIRST_FD + 2 };
	struct ztj_scribe_env env;
	struct ztj_scribe *s;
	int r;

	many_files();
	child_signals();
	(void)signal(SIGXFSZ, SIG_IGN);
	keep_fds(fd, 3);
	ztj_log_open("ztjit-hostd/scribe", p->to_stderr, ZTJ_LOG_INFO);
	become(p, p->u.scribe, p->u.scribe_gid, p->conf->scribe_user);
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
