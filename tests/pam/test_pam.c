/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The module as libpam loads it, against daemons that answer, lie, hang and die.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <pwd.h>
#include <security/pam_modutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/pam/fake.h"

#define PHASES "aco"

static struct fake fk;

static int setup(void **state)
{
	(void)state;
	fake_setup(&fk, "");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_teardown(&fk);
	return 0;
}

static int64_t ms(void)
{
	return ztj_ipc_now_ms();
}

/* Parts that only answer. */
static void part_answer(int sock, const void *arg)
{
	const uint32_t *code = arg;
	struct ztj_ipc_in in;

	part_read(sock, &in, false);
	part_verdict(sock, *code, *code == 0 ? "" : "no grant for root on web1");
	ztj_ipc_in_free(&in);
}

static const uint32_t allow, deny = 121;

/* The question, its fields joined by "|", as the verdict's text. */
static void part_echo(int sock, const void *arg)
{
	struct ztj_ipc_in in;
	struct ztj_rd rd;
	char text[1024] = "";
	size_t n = 0;

	part_read(sock, &in, false);
	ztj_rd_init(&rd, in.body);
	n += (size_t)snprintf(text, sizeof(text), "%u", in.type);
	for (int i = 0; i < 6; i++) {
		struct ztj_view v;
		if (ztj_rd_string(&rd, 512, &v) != ZTJ_OK)
			_exit(1);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "|%.*s", (int)v.n, (const char *)v.p);
	}
	if (ztj_rd_end(&rd) != ZTJ_OK)
		_exit(1);
	part_verdict(sock, *(const uint32_t *)arg, text);
	ztj_ipc_in_free(&in);
}

static void test_exports(void **state)
{
	static const char *const want[] = { "pam_sm_authenticate", "pam_sm_setcred", "pam_sm_acct_mgmt",
		"pam_sm_open_session", "pam_sm_close_session" };
	char path[512];
	void *h;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/pam_ztjit/.libs/pam_ztjit.so", getenv("ZTJ_BUILDDIR"));
	h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(h);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_non_null(dlsym(h, want[i]));
	assert_null(dlsym(h, "pam_sm_chauthtok"));
	assert_null(dlsym(h, "ztj_pam_ask"));
	assert_null(dlsym(h, "ztj_buf_put"));
	(void)dlclose(h);
}

static void test_allow_and_deny_in_every_phase(void **state)
{
	(void)state;
	for (const char *p = PHASES; *p != '\0'; p++) {
		fake_daemon(&fk, part_answer, &allow, 1);
		assert_int_equal(fake_phase(&fk, "sudo", *p, 0), PAM_SUCCESS);
		assert_int_equal(fk.nshown, 0);
		fake_daemon(&fk, part_answer, &deny, 1);
		assert_int_equal(fake_phase(&fk, "sudo", *p, 0), PAM_PERM_DENIED);
		assert_int_equal(fk.nshown, 1);
		assert_int_equal(fk.style[0], PAM_ERROR_MSG);
		assert_string_equal(fk.shown[0], "no grant for root on web1");
	}
}

static void test_P01_sshd_auth_always_denies(void **state)
{
	(void)state;
	fake_daemon(&fk, part_answer, &allow, 1);
	assert_int_equal(fake_phase(&fk, "sshd", 'a', 0), PAM_PERM_DENIED);
	fake_daemon(&fk, part_answer, &deny, 2);
	assert_int_equal(fake_phase(&fk, "sshd", 'c', 0), PAM_PERM_DENIED);
	assert_int_equal(fake_phase(&fk, "sshd", 'o', 0), PAM_PERM_DENIED);
}

static void test_P02_account_asks_on_every_use(void **state)
{
	pam_handle_t *pamh = NULL;

	(void)state;
	pamh = fake_start(&fk, "sudo", "alias");
	fake_daemon(&fk, part_answer, &allow, 1);
	assert_int_equal(fake_call(pamh, 'c', 0), PAM_SUCCESS);
	fake_daemon(&fk, part_answer, &deny, 1);
	assert_int_equal(fake_call(pamh, 'c', 0), PAM_PERM_DENIED);
	(void)pam_end(pamh, PAM_SUCCESS);
}

/* hostd watches the process of a sudo or su; an sshd says when its session is over. */
static void test_close_is_asked_by_sshd_alone(void **state)
{
	struct fake f;

	(void)state;
	assert_int_equal(fake_phase(&fk, "sudo", 'l', 0), PAM_SUCCESS);
	assert_int_equal(fake_phase(&fk, "su-l", 'l', 0), PAM_SUCCESS);
	assert_int_equal(fake_phase(&fk, "sshd", 'l', 0), PAM_PERM_DENIED); /* nobody there */
	fake_daemon(&fk, part_answer, &allow, 1);
	assert_int_equal(fake_phase(&fk, "sshd", 'l', 0), PAM_SUCCESS);
	fake_setup(&f, "debug");
	assert_int_equal(fake_phase(&f, "sudo", 'l', 0), PAM_PERM_DENIED);
	fake_teardown(&f);
}

static void test_setcred_is_success_without_daemon(void **state)
{
	(void)state;
	assert_int_equal(fake_phase(&fk, "sudo", 's', 0), PAM_SUCCESS);
}

static void test_P03_P04_no_daemon_or_bad_path_denies(void **state)
{
	(void)state;
	for (const char *p = PHASES; *p != '\0'; p++)
		assert_int_equal(fake_phase(&fk, "sudo", *p, 0), PAM_PERM_DENIED);
	assert_string_equal(fk.shown[0], "ztjit: ztjit-hostd is not running on this host; access is denied");
	/* sudo is always silent: the reason of a denial is said all the same */
	assert_int_equal(fake_phase(&fk, "sudo", 'c', PAM_SILENT), PAM_PERM_DENIED);
	assert_int_equal(fk.nshown, 1);
}

static void test_P04_unknown_option_denies(void **state)
{
	static const char *const bad[] = { "debug", "nullok", "socket=relative", "socket=" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fake f;
		fake_setup(&f, bad[i]);
		fake_daemon(&f, part_answer, &allow, 1);
		for (const char *p = PHASES; *p != '\0'; p++)
			assert_int_equal(fake_phase(&f, "sudo", *p, 0), PAM_PERM_DENIED);
		fake_teardown(&f);
	}
}

static void test_P05_service_and_items_travel_unchanged(void **state)
{
	static const char *const service[] = { "sshd", "sudo", "sudo-i", "su", "su-l", "odd" };
	char want[256];

	(void)state;
	fake_daemon(&fk, part_echo, &deny, 6);
	for (size_t i = 0; i < sizeof(service) / sizeof(service[0]); i++) {
		pam_handle_t *pamh = fake_start(&fk, service[i], "target");
		(void)pam_set_item(pamh, PAM_RUSER, "invoker");
		(void)pam_set_item(pamh, PAM_TTY, "/dev/pts/3");
		(void)pam_set_item(pamh, PAM_RHOST, "192.0.2.7");
		(void)pam_putenv(pamh, "SSH_AUTH_INFO_0=publickey x y");
		assert_int_equal(fake_call(pamh, 'o', 0), PAM_PERM_DENIED);
		(void)snprintf(want, sizeof(want), "3|%s|target|invoker|/dev/pts/3|192.0.2.7|publickey x y",
		    service[i]);
		assert_string_equal(fk.shown[0], want);
		(void)pam_end(pamh, PAM_SUCCESS);
	}
}

static void test_auth_info_only_at_open(void **state)
{
	pam_handle_t *pamh = fake_start(&fk, "sshd", "root");

	(void)state;
	(void)pam_putenv(pamh, "SSH_AUTH_INFO_0=publickey x y");
	fake_daemon(&fk, part_echo, &deny, 1);
	assert_int_equal(fake_call(pamh, 'c', 0), PAM_PERM_DENIED);
	assert_string_equal(fk.shown[0], "2|sshd|root||||uid=0");
	(void)pam_end(pamh, PAM_SUCCESS);
}

/* The machine's word, not ours, on who that is. */
static void test_account_says_whom_the_machine_knows(void **state)
{
	pam_handle_t *pamh = fake_start(&fk, "sshd", "no-such-account");

	(void)state;
	fake_daemon(&fk, part_echo, &deny, 1);
	assert_int_equal(fake_call(pamh, 'c', 0), PAM_PERM_DENIED);
	assert_string_equal(fk.shown[0], "2|sshd|no-such-account||||uid=none");
	(void)pam_end(pamh, PAM_SUCCESS);
}

static void test_oversized_items_deny(void **state)
{
	static char long_text[200 * 1024];
	pam_handle_t *pamh = fake_start(&fk, "sshd", "root");

	(void)state;
	fake_daemon(&fk, part_answer, &allow, 2);
	memset(long_text, 'x', sizeof(long_text) - 1);
	memcpy(long_text, "SSH_AUTH_INFO_0=", 16);
	(void)pam_putenv(pamh, long_text);
	assert_int_equal(fake_call(pamh, 'o', 0), PAM_PERM_DENIED);
	long_text[2000] = '\0'; /* libpam's own audit record would not take more */
	(void)pam_set_item(pamh, PAM_RHOST, long_text);
	assert_int_equal(fake_call(pamh, 'c', 0), PAM_PERM_DENIED);
	(void)pam_end(pamh, PAM_SUCCESS);
}

static void test_P06_environment_has_no_influence(void **state)
{
	static const char *const name[] = { "TZ", "LD_PRELOAD", "LD_LIBRARY_PATH", "XDG_RUNTIME_DIR", "TMUX",
		"OPENSSL_CONF", "LANG", "LC_ALL", "IFS", "LOCALDOMAIN", "RES_OPTIONS", "MALLOC_ARENA_MAX",
		"NLSPATH", "GCONV_PATH" };

	(void)state;
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		(void)setenv(name[i], "/nonexistent/%s%n", 1);
	test_allow_and_deny_in_every_phase(state);
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		(void)unsetenv(name[i]);
}

/* The descriptor table as text: number and target of every descriptor. */
static void descriptors(char *out, size_t size)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		char link[300], to[256];
		ssize_t len;
		if (e->d_name[0] == '.' || strtol(e->d_name, NULL, 10) == dirfd(d))
			continue;
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%s", e->d_name);
		len = readlink(link, to, sizeof(to) - 1);
		to[len > 0 ? len : 0] = '\0';
		n += (size_t)snprintf(out + n, size - n, "%s=%s\n", e->d_name, to);
	}
	(void)closedir(d);
}

static void part_agent(int sock, const void *arg)
{
	struct ztj_ipc_in in, got;
	const uint32_t *ids = arg;
	bool with;

	part_read(sock, &in, false);
	part_need_agent(sock, ids[0], ids[1]);
	part_read(sock, &got, true);
	with = got.fd >= 0;
	if (got.type != 5 || got.body.n != 1 || got.body.p[0] != (with ? 1 : 0))
		part_verdict(sock, 1, "malformed");
	else if (with && write(got.fd, "hello", 5) != 5)
		part_verdict(sock, 1, "not connected");
	else
		part_verdict(sock, 1, with ? "agent" : "no agent");
	ztj_ipc_in_free(&got);
	ztj_ipc_in_free(&in);
}

static int listen_at(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(bind(s, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(s, 4), 0);
	return s;
}

static void agent_says(uint32_t uid, uint32_t gid, const char *want)
{
	uint32_t ids[2] = { uid, gid };

	fake_daemon(&fk, part_agent, ids, 1);
	assert_int_equal(fake_phase(&fk, "sudo", 'a', 0), PAM_PERM_DENIED);
	assert_string_equal(fk.shown[fk.nshown - 1], want);
}

static bool drop_fails, regain_fails;

/* The module calls these through libpam; the test's own stand before it. */
int pam_modutil_drop_priv(pam_handle_t *pamh, struct pam_modutil_privs *p, const struct passwd *pw)
{
	(void)pamh;
	(void)p;
	(void)pw;
	return drop_fails ? -1 : 0;
}

int pam_modutil_regain_priv(pam_handle_t *pamh, struct pam_modutil_privs *p)
{
	(void)pamh;
	(void)p;
	return regain_fails ? -1 : 0;
}

static void a_person(uint32_t *uid, uint32_t *gid)
{
	const struct passwd *pw = geteuid() == 0 ? getpwnam("nobody") : getpwuid(geteuid());

	if (pw == NULL) {
		print_message("this user has no passwd entry\n");
		skip();
	}
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
}

static void test_need_agent(void **state)
{
	char path[128], var[160];
	uint32_t uid = 0, gid = 0;
	int s;

	(void)state;
	a_person(&uid, &gid);
	(void)unsetenv("SSH_AUTH_SOCK");
	agent_says(uid, gid, "no agent");
	(void)snprintf(path, sizeof(path), "%s/agent", fk.dir);
	s = listen_at(path);
	(void)setenv("SSH_AUTH_SOCK", path, 1);
	agent_says(uid, gid, "agent");
	agent_says(0, 0, "no agent");         /* never as root */
	agent_says(uid, gid + 1, "no agent"); /* ids that do not belong together */
	agent_says(uid + 12345, gid, "no agent");
	(void)setenv("SSH_AUTH_SOCK", "agent", 1);
	agent_says(uid, gid, "no agent");
	(void)snprintf(var, sizeof(var), "%s/none", fk.dir);
	(void)setenv("SSH_AUTH_SOCK", var, 1);
	agent_says(uid, gid, "no agent");
	(void)unsetenv("SSH_AUTH_SOCK");
	(void)close(s);
}

static void test_P11_privileges_in_doubt_deny(void **state)
{
	uint32_t ids[2] = { 0, 0 };
	char path[128];
	int s;

	(void)state;
	a_person(&ids[0], &ids[1]);
	(void)snprintf(path, sizeof(path), "%s/agent", fk.dir);
	s = listen_at(path);
	(void)setenv("SSH_AUTH_SOCK", path, 1);
	for (int i = 0; i < 2; i++) {
		drop_fails = i == 0;
		regain_fails = i == 1;
		fake_daemon(&fk, part_agent, ids, 1);
		assert_int_equal(fake_phase(&fk, "sudo", 'a', 0), PAM_PERM_DENIED);
		assert_string_equal(fk.shown[0], "ztjit: internal error; access is denied");
	}
	drop_fails = regain_fails = false;
	(void)unsetenv("SSH_AUTH_SOCK");
	(void)close(s);
}

static void test_P07_descriptor_table_unchanged(void **state)
{
	static char before[8192], after[8192];
	char path[128];
	uint32_t uid = 0, gid = 0;
	int s;

	a_person(&uid, &gid);
	(void)fake_phase(&fk, "sudo", 'c', 0); /* syslog opens its own once */
	(void)snprintf(path, sizeof(path), "%s/agent", fk.dir);
	s = listen_at(path);
	descriptors(before, sizeof(before));
	(void)setenv("SSH_AUTH_SOCK", path, 1);
	agent_says(uid, gid, "agent");
	(void)unsetenv("SSH_AUTH_SOCK");
	fake_daemon(&fk, part_answer, &deny, 1);
	(void)fake_phase(&fk, "sudo", 'o', 0);
	test_P04_unknown_option_denies(state);
	descriptors(after, sizeof(after));
	assert_string_equal(before, after);
	(void)close(s);
}

static void part_prompts(int sock, const void *arg)
{
	struct ztj_ipc_in in;

	(void)arg;
	part_read(sock, &in, false);
	part_prompt(sock, "Touch your key.\nCode: ABCD-EFGH\033[2J", 10);
	part_prompt(sock, "still waiting", 10);
	(void)usleep(20000);
	part_verdict(sock, 0, "granted until 12:00");
	ztj_ipc_in_free(&in);
}

static void test_prompt_and_verdict_texts_are_shown_harmless(void **state)
{
	(void)state;
	fake_daemon(&fk, part_prompts, NULL, 2);
	assert_int_equal(fake_phase(&fk, "sudo", 'a', 0), PAM_SUCCESS);
	assert_int_equal(fk.nshown, 3);
	assert_int_equal(fk.style[0], PAM_ERROR_MSG); /* stderr: never held back, never in the data */
	assert_string_equal(fk.shown[0], "Touch your key.\nCode: ABCD-EFGH?[2J");
	assert_int_equal(fk.style[2], PAM_TEXT_INFO);
	assert_string_equal(fk.shown[2], "granted until 12:00");
	assert_int_equal(fake_phase(&fk, "sudo", 'a', PAM_SILENT), PAM_SUCCESS);
	assert_int_equal(fk.nshown, 2); /* the questions, not the friendly words */
}

struct one {
	struct fake f;
	uint32_t code;
	unsigned wrong;
};

static void *one_thread(void *arg)
{
	struct one *o = arg;

	for (int i = 0; i < 40; i++) {
		int r = fake_phase(&o->f, "sudo", 'c', 0);
		o->wrong += r != (o->code == 0 ? PAM_SUCCESS : PAM_PERM_DENIED);
	}
	return NULL;
}

static void test_P10_two_transactions_at_once(void **state)
{
	static struct one o[2];
	pthread_t t[2];

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		fake_setup(&o[i].f, "");
		o[i].code = i * 121;
		fake_daemon(&o[i].f, part_answer, &o[i].code, 40);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, one_thread, &o[i]), 0);
	for (int i = 0; i < 2; i++) {
		(void)pthread_join(t[i], NULL);
		assert_int_equal(o[i].wrong, 0);
		fake_teardown(&o[i].f);
	}
}

/* ---- P12, P13: a daemon that dies, hangs or babbles ---- */

static void part_close(int sock, const void *arg)
{
	struct ztj_ipc_in in;

	(void)arg;
	part_read(sock, &in, false);
	ztj_ipc_in_free(&in);
}

static void part_die(int sock, const void *arg)
{
	(void)sock;
	(void)arg;
	_exit(0);
}

static void part_hang(int sock, const void *arg)
{
	(void)sock;
	(void)arg;
	(void)sleep(60);
}

static void part_drip(int sock, const void *arg)
{
	static const uint8_t msg[] = { 0, 0, 1, 0, 1, 128, 0, 0, 0, 0 };

	(void)arg;
	for (size_t i = 0; i < sizeof(msg); i++) {
		(void)!write(sock, msg + i, 1);
		(void)sleep(1);
	}
	(void)sleep(60);
}

static void part_raw(int sock, const void *arg)
{
	const struct ztj_view *v = arg;
	struct ztj_ipc_in in;

	part_read(sock, &in, false);
	(void)!write(sock, v->p, v->n);
	ztj_ipc_in_free(&in);
}

static void part_prompt_flood(int sock, const void *arg)
{
	struct ztj_ipc_in in;

	part_read(sock, &in, false);
	for (int i = 0; i < 1000; i++)
		part_prompt(sock, "x", *(const uint32_t *)arg);
}

static void test_P12_daemon_killed_or_restarted_denies(void **state)
{
	(void)state;
	fake_daemon(&fk, part_close, NULL, 1);
	assert_int_equal(fake_phase(&fk, "sudo", 'c', 0), PAM_PERM_DENIED);
	fake_daemon(&fk, part_die, NULL, 1);
	assert_int_equal(fake_phase(&fk, "sudo", 'o', 0), PAM_PERM_DENIED);
}

static void bounded(fake_part part, const void *arg)
{
	int64_t began = ms();

	fake_daemon(&fk, part, arg, 1);
	assert_int_equal(fake_phase(&fk, "sudo", 'c', 0), PAM_PERM_DENIED);
	assert_true(ms() - began < 8000);
}

static void test_P13_hung_daemon(void **state)
{
	(void)state;
	bounded(part_hang, NULL);
	assert_string_equal(fk.shown[0], "ztjit: ztjit-hostd does not answer; access is denied");
	bounded(part_drip, NULL);
}

static void test_P13_garbage_and_floods(void **state)
{
	static const uint8_t huge[] = { 255, 255, 255, 255, 1, 128, 0, 0, 0, 0 };
	static const uint8_t zero[] = { 0, 0, 0, 0, 0, 0 };
	static const uint8_t version[] = { 0, 0, 0, 10, 2, 128, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t type[] = { 0, 0, 0, 10, 1, 127, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t trailing[] = { 0, 0, 0, 11, 1, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t inner[] = { 0, 0, 0, 10, 1, 128, 0, 0, 0, 0, 0, 0, 0, 1 };
	static const uint8_t shorter[] = { 0, 0, 0, 4, 1, 128, 0, 0 };
	static const char text[] = "HTTP/1.1 200 OK\r\n\r\n";
	const struct ztj_view raw[] = { { huge, sizeof(huge) }, { zero, sizeof(zero) },
		{ version, sizeof(version) }, { type, sizeof(type) }, { trailing, sizeof(trailing) },
		{ inner, sizeof(inner) }, { shorter, sizeof(shorter) },
		{ (const uint8_t *)text, sizeof(text) } };
	static const uint32_t many = 10, too_long = 100000;

	(void)state;
	for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++)
		bounded(part_raw, &raw[i]);
	bounded(part_prompt_flood, &many);
	bounded(part_prompt_flood, &too_long);
}

/* Every prefix of a good answer is a denial. */
static void test_P13_answer_cut_at_every_length(void **state)
{
	static const uint8_t good[] = { 0, 0, 0, 12, 1, 128, 0, 0, 0, 0, 0, 0, 0, 2, 'o', 'k' };
	struct ztj_view v = { good, sizeof(good) };

	(void)state;
	fake_daemon(&fk, part_raw, &v, 1);
	assert_int_equal(fake_phase(&fk, "sudo", 'c', 0), PAM_SUCCESS);
	for (v.n = 0; v.n < sizeof(good); v.n++)
		bounded(part_raw, &v);
}

static void test_P15_every_code_is_perm_denied(void **state)
{
	static const uint32_t code[] = { 1, 4, 20, 121, 124, 127, 144, 151, 0x7fffffff, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++)
		for (const char *p = PHASES; *p != '\0'; p++) {
			fake_daemon(&fk, part_answer, &code[i], 1);
			assert_int_equal(fake_phase(&fk, "sudo", *p, 0), PAM_PERM_DENIED);
		}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_exports),
		T(test_allow_and_deny_in_every_phase),
		T(test_P01_sshd_auth_always_denies),
		T(test_P02_account_asks_on_every_use),
		T(test_close_is_asked_by_sshd_alone),
		T(test_setcred_is_success_without_daemon),
		T(test_P03_P04_no_daemon_or_bad_path_denies),
		T(test_P04_unknown_option_denies),
		T(test_P05_service_and_items_travel_unchanged),
		T(test_auth_info_only_at_open),
		T(test_account_says_whom_the_machine_knows),
		T(test_oversized_items_deny),
		T(test_P06_environment_has_no_influence),
		T(test_P07_descriptor_table_unchanged),
		T(test_need_agent),
		T(test_P11_privileges_in_doubt_deny),
		T(test_prompt_and_verdict_texts_are_shown_harmless),
		T(test_P10_two_transactions_at_once),
		T(test_P12_daemon_killed_or_restarted_denies),
		T(test_P13_hung_daemon),
		T(test_P13_garbage_and_floods),
		T(test_P13_answer_cut_at_every_length),
		T(test_P15_every_code_is_perm_denied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
