/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The gate's process and what stands around it. What passes through is in rig_talk.c. */
#include "tests/hostd/rig.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/log.h"

#define WEB1_SEED 200

/* The gate inherits this page: one test runs at a time. */
static struct rig_shared *page;

static void now_of_page(struct ztj_now *out)
{
	struct timespec sys, boot;

	if (page->step_at > 0 && ++page->calls == page->step_at) {
		page->now.sys++;
		page->now.boot++;
	}
	*out = page->now;
	if (page->real && clock_gettime(CLOCK_REALTIME, &sys) == 0 &&
	    clock_gettime(CLOCK_BOOTTIME, &boot) == 0)
		*out = (struct ztj_now){ sys.tv_sec, boot.tv_sec };
}

static int proc_of_page(int pidfd, pid_t pid, struct ztj_procinfo *out)
{
	(void)pidfd;
	(void)pid;
	*out = page->proc;
	return ZTJ_OK;
}

void rig_file(const struct rig *r, const char *name, const char *text)
{
	char path[256], to[256];
	FILE *fp;

	(void)snprintf(path, sizeof(path), "%s/%s.new", r->dir, name);
	assert_non_null(fp = fopen(path, "we"));
	assert_true(fputs(text, fp) >= 0);
	assert_int_equal(fclose(fp), 0);
	(void)snprintf(path, sizeof(path), "%s/%s.new", r->dir, name);
	(void)snprintf(to, sizeof(to), "%s/%s", r->dir, name);
	assert_int_equal(rename(path, to), 0);
}

static char *in_dir(const struct rig *r, const char *name)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", r->dir, name) > 0);
	return path;
}

static void set_conf(struct rig *r)
{
	struct ztj_hostconf *c = &r->conf;

	memset(c, 0, sizeof(*c));
	c->directory = in_dir(r, "unused");
	c->roots = in_dir(r, "policy_roots");
	c->state = in_dir(r, "state");
	c->run = in_dir(r, "");
	c->reserve = 64;
	c->decisions_size = 64;
	c->decisions_keep = 4;
	c->shell = in_dir(r, "no-shell");
	(void)snprintf(c->fullname, sizeof(c->fullname), "servers/web1");
}

static int listener(const struct rig *r, const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", r->dir, name);
	(void)unlink(addr.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void close_fds(const struct ztj_gate_fds *f)
{
	const int fd[] = { f->pam, f->principals, f->control, f->mirror, f->warden, f->scribe };

	for (size_t i = 0; i < 6; i++)
		(void)close(fd[i]);
}

static _Noreturn void be_gate(struct rig *r)
{
	static char passwd[128], group[128], proc[128];
	struct ztj_gate_env env = { .now = now_of_page,
		.read_proc = proc_of_page,
		.proc = proc,
		.passwd = passwd,
		.group = group,
		.root = geteuid(),
		.principals = geteuid(),
		.bootid = r->bootid != NULL ? r->bootid : "11111111-2222-3333-4444-555555555555",
		.recorder = "/bin/sh",
		.init_loginuid = ZTJ_NO_LOGINUID,
		.spread = r->spread };
	struct ztj_gate *g;
	int code;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	page = r->shared; /* of several rigs, this one's */
	(void)close(r->mirror);
	(void)close(r->warden);
	(void)close(r->scribe);
	ztj_log_open("gate", true, getenv("RIG_LOG") != NULL ? ZTJ_LOG_DEBUG : ZTJ_LOG_ALARM);
	(void)snprintf(passwd, sizeof(passwd), "%s/passwd", r->dir);
	(void)snprintf(group, sizeof(group), "%s/group", r->dir);
	(void)snprintf(proc, sizeof(proc), "%s/proc", r->dir);
	code = ztj_gate_new(&r->conf, &env, &r->fds, &r->machine, RIG_PREFIX, &g);
	if (code != ZTJ_OK) {
		(void)fprintf(stderr, "gate: %s\n", ztj_err_name(code));
		_exit(99);
	}
	code = ztj_gate_run(g);
	ztj_gate_free(g);
	_exit(code);
}

void rig_start(struct rig *r)
{
	int pair[2];

	r->fds.pam = listener(r, "pam.sock");
	r->fds.principals = listener(r, "principals.sock");
	r->fds.control = listener(r, "control.sock");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	r->fds.mirror = pair[0];
	r->mirror = pair[1];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	r->fds.warden = pair[0];
	r->warden = pair[1];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	r->fds.scribe = pair[0];
	r->scribe = pair[1];
	r->ntold = 0;
	memset(r->npublished, 0, sizeof(r->npublished));
	(void)fflush(NULL);
	r->gate = fork();
	assert_true(r->gate >= 0);
	if (r->gate == 0)
		be_gate(r);
	close_fds(&r->fds);
}

void rig_kill(struct rig *r)
{
	assert_int_equal(kill(r->gate, SIGKILL), 0);
	assert_int_equal(waitpid(r->gate, NULL, 0), r->gate);
	(void)close(r->mirror);
	(void)close(r->warden);
	(void)close(r->scribe);
}

static void open_world(struct rig *r, const struct fx_policy *policy)
{
	fx_init(&r->w);
	fx_load(&r->w);
	if (policy != NULL) {
		bool changed;
		fx_signed_free(&r->w.policy);
		fx_policy(&r->w, policy, &r->w.policy);
		ok(ztj_trust_policy(r->w.trust, &r->w.policy.s, r->w.now, &changed));
	}
}

void rig_open_bare(struct rig *r)
{
	struct timespec boot;
	uint8_t seed[ZTJ_DIGEST_LEN];
	char text[64], passwd[256];
	struct ztj_buf pins;

	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/ztjit-gate.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	set_conf(r);
	assert_int_equal(mkdir(r->conf.state, 0700), 0);
	(void)snprintf(passwd, sizeof(passwd), "%s/proc", r->dir);
	assert_int_equal(mkdir(passwd, 0700), 0);
	ztj_buf_init(&pins, 65536);
	ok(ztj_pins_format(&r->w.pins, &pins));
	rig_file(r, "policy_roots", ztj_buf_str(&pins));
	ztj_buf_free(&pins);
	(void)snprintf(passwd, sizeof(passwd),
	    "root:x:0:0:root:/root:/bin/bash\npostgres:x:110:110::/:/bin/sh\nreq1:x:20001:20001::/:/bin/sh\n"
	    "req2:x:20002:20002::/:/bin/sh\n");
	rig_file(r, "passwd", passwd);
	rig_file(r, "group", "root:x:0:\nsudo:x:27:\npostgres:x:110:\n");
	page = r->shared = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	    0);
	assert_true(page != MAP_FAILED);
	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &boot), 0);
	page->now = (struct ztj_now){ r->w.now, boot.tv_sec };
	(void)snprintf(text, sizeof(text), "ztjit test key %u", WEB1_SEED);
	ok(ztj_sha256(ztj_view_str(text), seed));
	ok(ztj_seckey_from_seed(&r->machine, seed));
	rig_proc(r, 100, 0, "/", 0);
	rig_start(r);
}

void rig_open(struct rig *r, const struct fx_policy *policy)
{
	struct ztj_dir *set;

	memset(r, 0, sizeof(*r));
	open_world(r, policy);
	rig_open_bare(r);
	rig_news(r, &r->w.policy);
	set = fx_people(&r->w);
	rig_directory(r, set, &r->w.people);
	ztj_dir_free(set);
	set = fx_servers(&r->w);
	rig_directory(r, set, &r->w.servers);
	ztj_dir_free(set);
	rig_link(r, true);
	rig_status_now(r);
}

static int gone(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void rig_close(struct rig *r)
{
	int status = 0;

	/* Without its mirror the gate ends by itself, having freed everything (for the sanitizers). */
	(void)close(r->mirror);
	rig_warden(r);
	assert_int_equal(waitpid(r->gate, &status, 0), r->gate);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	(void)close(r->warden);
	(void)close(r->scribe);
	(void)nftw(r->dir, gone, 16, FTW_DEPTH | FTW_PHYS);
	free(r->conf.directory);
	free(r->conf.roots);
	free(r->conf.state);
	free(r->conf.run);
	free(r->conf.shell);
	for (size_t i = 0; i < ZTJ_PUBLISHED; i++)
		ztj_buf_free(&r->published[i]);
	(void)munmap(r->shared, sizeof(*r->shared));
	fx_free(&r->w);
}

void rig_sleep(struct rig *r, int64_t seconds)
{
	r->shared->now.sys += seconds;
	r->shared->now.boot += seconds;
	r->w.now += seconds;
}

void rig_proc(struct rig *r, pid_t pid, uid_t ruid, const char *cgroup, uint32_t tty_nr)
{
	struct ztj_procinfo *p = &r->shared->proc;

	memset(p, 0, sizeof(*p));
	p->id = (struct ztj_procid){ pid, (uint64_t)pid * 10 };
	p->parent = p->id; /* ztjit-principals' parent is the sshd that asks through PAM */
	p->ruid = ruid;
	p->loginuid = ZTJ_NO_LOGINUID;
	p->audit = ZTJ_NO_AUDIT_SESSION;
	p->tty_nr = tty_nr;
	ztj_proc_tty_name(tty_nr, p->tty);
	(void)snprintf(p->cgroup, sizeof(p->cgroup), "%s", cgroup);
}

void rig_descends(struct rig *r, uint32_t audit, size_t n, const pid_t *from)
{
	struct ztj_procinfo *p = &r->shared->proc;

	p->audit = audit;
	p->up[0] = p->id;
	for (size_t i = 0; i < n; i++)
		p->up[i + 1] = (struct ztj_procid){ from[i], (uint64_t)from[i] * 10 };
	p->nup = (unsigned)n + 1;
	if (n > 0)
		p->parent = p->up[1];
}

/* ---- grants and certificates ---- */

void rig_grant(struct rig *r, int who, const char *role, int64_t duration, int64_t limit, struct rig_grant *g)
{
	fx_request(&r->w, who, role, FX_WEB1, duration, &g->request);
	fx_approval(&r->w, FX_LEAD1, &g->request, false, limit, &g->lead);
	fx_approval(&r->w, FX_SEC1, &g->request, false, 0, &g->sec);
}

void rig_grant_push(struct rig *r, const struct rig_grant *g)
{
	rig_news(r, &g->request);
	rig_news(r, &g->lead);
	rig_news(r, &g->sec);
}

void rig_grant_free(struct rig_grant *g)
{
	fx_signed_free(&g->request);
	fx_signed_free(&g->lead);
	fx_signed_free(&g->sec);
}

void rig_cert(struct rig *r, const struct rig_grant *g, const struct soft_key *subject,
    void (*spoil)(struct ztj_cert_spec *spec), char **b64)
{
	const struct ztj_signed list[] = { g->request.s, g->lead.s, g->sec.s };
	struct ztj_cert_spec spec = { .subject = subject->pub,
		.serial = 7,
		.key_id = "ztjit test",
		.verify_required = true,
		.extensions = ZTJ_EXT_PTY | ZTJ_EXT_AGENT,
		.valid_after = r->w.now - 60,
		.valid_before = r->w.now + 3600 };
	char principal[128], hex[ZTJ_HEX_SIZE];
	struct ztj_buf bundle, cert, text;

	ztj_buf_init(&bundle, ZTJ_BUNDLE_MAX);
	ztj_buf_init(&cert, ZTJ_CERT_MAX);
	ztj_buf_init(&text, 2 * ZTJ_CERT_MAX);
	ok(ztj_bundle_write(list, 3, &bundle));
	ztj_hex(g->request.id, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(principal, sizeof(principal), ZTJ_PRINCIPAL_PREFIX "%s", hex);
	spec.principal = principal;
	spec.bundle = ztj_buf_view(&bundle);
	if (spoil != NULL)
		spoil(&spec);
	make_cert(&spec, &r->w.ca, &cert);
	ok(ztj_b64_encode(ztj_buf_view(&cert), &text));
	*b64 = strdup(ztj_buf_str(&text));
	assert_non_null(*b64);
	ztj_buf_free(&bundle);
	ztj_buf_free(&cert);
	ztj_buf_free(&text);
}
