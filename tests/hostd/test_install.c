/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Transactions of install: applied, undone, cut off at every call, and what is found of them afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/hostd/irig.h"

int __wrap_ztj_inst_run(const char *const *argv, struct ztj_buf *out, int *status);

/* usermod -s SHELL -- ACCOUNT, the only program that these plans run. */
int __wrap_ztj_inst_run(const char *const *argv, struct ztj_buf *out, int *status)
{
	char text[256];

	(void)out;
	assert_string_equal(argv[0], "/usr/sbin/usermod");
	(void)snprintf(text, sizeof(text), "root:x:0:0:r:/root:/bin/sh\n%s:x:1:1::/home/%s:%s\n", argv[4],
	    argv[4], argv[2]);
	irig_put("/etc/passwd", text);
	*status = 0;
	return ZTJ_OK;
}

static struct ztj_install ask = { .record = { "deploy" }, .nrecord = 1 };
static char rec_group[] = "ztjit-no-such-group";
static const struct ztj_hostconf conf = { .rec_group = rec_group };
static const struct ztj_inst_wish wish = { .ask = &ask,
	.conf = &conf,
	.templates = "/usr/share/tpl",
	.nss = true,
	.sudo = true };

static void template(const char *name)
{
	char path[256], text[512];

	(void)snprintf(path, sizeof(path), "/usr/share/tpl/%s", name);
	(void)snprintf(text, sizeof(text), "# template of %s\n", name);
	irig_put(path, text);
}

static void machine(void)
{
	static const char *const tpl[] = { "sudo/sudo.conf", "sudo/ztjit.sudoers", "pam.d/sudo",
		"pam.d/sudo-i", "pam.d/su", "pam.d/su-l", "pam.d/sshd", "sshd/10-ztjit.conf" };

	for (size_t i = 0; i < sizeof(tpl) / sizeof(tpl[0]); i++)
		template(tpl[i]);
	irig_put("/etc/passwd", "root:x:0:0:r:/root:/bin/sh\ndeploy:x:1:1::/home/deploy:/bin/bash\n");
	irig_put("/etc/nsswitch.conf", "passwd: files\ngroup: files # mine\n");
	irig_put("/etc/sudo.conf", "# sudo.conf\n");
	irig_put("/etc/sudoers.d/README", "r\n");
	irig_put("/etc/pam.d/sudo", "auth required pam_unix.so\n");
	irig_put("/etc/pam.d/su", "auth required pam_unix.so\n");
	irig_put("/etc/pam.d/su-l", "# template of pam.d/su-l\n");
	irig_put("/etc/pam.d/sshd", "auth required pam_unix.so\n");
	irig_put("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n");
	irig_put("/etc/ssh/sshd_config.d/x.conf", "");
	irig_put("/usr/bin/rec", "elf\n");
}

/* What install plans, and an owner and mode beside it. */
static struct ztj_inst_plan *plan(struct ztj_inst *in)
{
	struct ztj_inst_plan *p = ztj_inst_plan_new();
	struct ztj_inst_item *it;

	assert_non_null(p);
	ok(ztj_inst_plan_install(in, &wish, p));
	it = ztj_inst_plan_add(p, ZTJ_INST_PERM, "/usr/bin/rec");
	assert_non_null(it);
	ok(ztj_inst_file_stat(in, "/usr/bin/rec", &it->before));
	ok(ztj_inst_file_copy(&it->before, &it->after));
	it->after.mode = 02755;
	return p;
}

static int setup(void **state)
{
	int r = irig_setup(state);

	machine();
	return r;
}

/* From the plan to the end; the first error. */
static int install(struct ztj_inst *in, struct ztj_inst_tx *tx, enum ztj_inst_state end)
{
	struct ztj_inst_plan *p = plan(in);
	int r = ztj_inst_tx_begin(in, p, tx);

	if (r == ZTJ_OK)
		r = ztj_inst_tx_apply(in, p);
	tx->deadline = 100;
	if (r == ZTJ_OK)
		r = ztj_inst_tx_set(in, tx, ZTJ_INST_PENDING);
	if (r == ZTJ_OK && end == ZTJ_INST_KEPT)
		r = ztj_inst_tx_set(in, tx, ZTJ_INST_KEPT);
	ztj_inst_plan_free(p);
	return r;
}

/* Whoever comes after a crash: another boot. */
static void recover(void)
{
	struct ztj_inst in = irig_inst();
	struct ztj_inst_tx tx;
	int r;

	in.bootid[0] = 'c';
	r = ztj_inst_tx_last(&in, &tx);
	if (r == ZTJ_NOT_FOUND)
		return;
	ok(r);
	if (ztj_inst_tx_stale(&in, &tx, 0, true))
		ok(ztj_inst_tx_undo(&in, &tx));
}

static void same_picture(const char *want)
{
	char *now = irig_picture();

	assert_string_equal(now, want);
	free(now);
}

static void test_there_and_back(void **state)
{
	struct ztj_inst in = irig_inst();
	char *before = irig_picture(), *armed;
	struct ztj_inst_plan *p;
	struct ztj_inst_tx tx;

	(void)state;
	ok(install(&in, &tx, ZTJ_INST_PENDING));
	assert_int_equal(tx.no, 1);
	armed = irig_picture();
	assert_non_null(strstr(armed, "passwd: files ztjit\ngroup: files ztjit # mine\n"));
	assert_non_null(strstr(armed, "# sudo.conf\nSet group_source dynamic\n"));
	assert_non_null(strstr(armed, "/etc/sudoers.d/ztjit 100440"));
	assert_non_null(strstr(armed, "/usr/bin/rec 102755"));
	assert_non_null(strstr(armed, "deploy:x:1:1::/home/deploy:" ZTJ_RECORDER "\n"));
	assert_null(strstr(armed, "ztjit-new"));
	/* Armed as it should be: nothing is left to plan but what this test adds. */
	p = ztj_inst_plan_new();
	ok(ztj_inst_plan_install(&in, &wish, p));
	assert_int_equal(p->n, 0);
	ztj_inst_plan_free(p);
	ok(ztj_inst_tx_read(&in, 1, &tx));
	assert_int_equal(tx.state, ZTJ_INST_PENDING);
	assert_false(ztj_inst_tx_stale(&in, &tx, 99, true));
	assert_true(ztj_inst_tx_stale(&in, &tx, 99, false));
	assert_true(ztj_inst_tx_stale(&in, &tx, 100, true));
	assert_true(ztj_inst_tx_stale(&in, &tx, -1, true));
	ok(ztj_inst_tx_undo(&in, &tx));
	same_picture(before);
	ok(ztj_inst_tx_last(&in, &tx));
	assert_int_equal(tx.state, ZTJ_INST_UNDONE);
	free(before);
	free(armed);
}

static bool dies(unsigned at, void (*run)(void))
{
	pid_t pid;
	int status;

	irig_fault(at, 0);
	pid = fork();
	if (pid == 0) {
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	irig_fault(0, 0);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status);
}

static void run_install(void)
{
	struct ztj_inst in = irig_inst();
	struct ztj_inst_tx tx;

	_exit(install(&in, &tx, ZTJ_INST_KEPT) == ZTJ_OK ? 0 : 1);
}

/* D01: whoever looks afterwards finds the old machine or the new one, never something between. */
static void test_killed_at_every_call(void **state)
{
	char *before = irig_picture(), *armed = NULL, *now;
	unsigned at;

	(void)state;
	for (at = 1; dies(at, run_install); at++) {
		recover();
		now = irig_picture();
		if (strcmp(now, before) != 0) {
			/* Only after the last word was on disk. */
			armed = armed != NULL ? armed : strdup(now);
			assert_string_equal(now, armed);
			assert_non_null(strstr(now, "/etc/sudoers.d/ztjit"));
			assert_null(strstr(now, "ztjit-new"));
		} else {
			assert_null(armed);
		}
		free(now);
		if (armed == NULL)
			irig_forget();
	}
	assert_true(at > 100);
	free(before);
	free(armed);
}

static void test_every_call_fails_once(void **state)
{
	static const int error[] = { EIO, ENOSPC };
	char *before = irig_picture();
	bool met = true;

	(void)state;
	for (unsigned at = 1; met; at++) {
		struct ztj_inst in = irig_inst();
		struct ztj_inst_tx tx = { .no = 0 };
		struct ztj_inst_plan *p = plan(&in);
		int r;
		irig_fault(at, error[at % 2]);
		r = ztj_inst_tx_begin(&in, p, &tx);
		if (r == ZTJ_OK)
			r = ztj_inst_tx_apply(&in, p);
		met = irig_fault_met();
		irig_fault(0, 0);
		/* Not every failure matters (a temporary that could not be removed); none is half heard. */
		if (r != ZTJ_OK)
			assert_true(in.err[0] != '\0' || r == ZTJ_NO_SPACE || r == ZTJ_IO);
		ztj_inst_plan_free(p);
		if (ztj_inst_tx_last(&in, &tx) == ZTJ_OK && tx.state == ZTJ_INST_BEGUN)
			ok(ztj_inst_tx_undo(&in, &tx));
		same_picture(before);
		irig_forget();
	}
	free(before);
}

static void run_undo(void)
{
	struct ztj_inst in = irig_inst();
	struct ztj_inst_tx tx;

	_exit(ztj_inst_tx_last(&in, &tx) == ZTJ_OK && ztj_inst_tx_undo(&in, &tx) == ZTJ_OK ? 0 : 1);
}

static void test_killed_while_undoing(void **state)
{
	char *before = irig_picture();
	bool died = true;

	(void)state;
	for (unsigned at = 1; died; at++) {
		struct ztj_inst in = irig_inst();
		struct ztj_inst_tx tx;
		ok(install(&in, &tx, ZTJ_INST_PENDING));
		died = dies(at, run_undo);
		recover();
		same_picture(before);
		irig_forget();
	}
	free(before);
}

static void test_what_others_wrote_meanwhile_is_kept(void **state)
{
	struct ztj_inst in = irig_inst();
	char *before = irig_picture(), path[512], text[64] = "";
	struct ztj_inst_tx tx;
	unsigned found = 0;

	(void)state;
	ok(install(&in, &tx, ZTJ_INST_PENDING));
	irig_put("/etc/pam.d/su", "mine\n");
	ok(ztj_inst_tx_undo(&in, &tx));
	same_picture(before);
	for (unsigned i = 0; i < ZTJ_INST_ITEMS; i++) {
		char name[256];
		FILE *fp;
		(void)snprintf(name, sizeof(name), ZTJ_INST_DIR "/0001/found.%u", i);
		irig_path(name, path);
		if ((fp = fopen(path, "r")) == NULL)
			continue;
		assert_non_null(fgets(text, sizeof(text), fp));
		(void)fclose(fp);
		found++;
	}
	assert_int_equal(found, 1);
	assert_string_equal(text, "mine\n");
	free(before);
}

/* A copy that is not the one that was made is not put into place; everything else is. */
static void test_altered_copy(void **state)
{
	struct ztj_inst in = irig_inst();
	char path[512], *now;
	struct ztj_inst_tx tx;
	unsigned spoiled = 0;

	(void)state;
	ok(install(&in, &tx, ZTJ_INST_PENDING));
	for (unsigned i = 0; i < ZTJ_INST_ITEMS && spoiled == 0; i++) {
		char name[256];
		(void)snprintf(name, sizeof(name), ZTJ_INST_DIR "/0001/before.%u", i);
		irig_path(name, path);
		if (access(path, F_OK) == 0) {
			irig_put(name, "something else\n");
			spoiled++;
		}
	}
	fails(ztj_inst_tx_undo(&in, &tx), ZTJ_ALTERED);
	assert_non_null(strstr(in.err, "before."));
	ok(ztj_inst_tx_last(&in, &tx));
	assert_int_equal(tx.state, ZTJ_INST_UNDOING);
	now = irig_picture();
	assert_null(strstr(now, "something else"));
	assert_null(strstr(now, "/etc/sudoers.d/ztjit"));
	free(now);
}

/* They go with a new content, and come back with the old one. */
static void test_attributes(void **state)
{
	static const char name[] = "user.ztjit-test";
	struct ztj_inst in = irig_inst();
	char path[512], value[16];
	struct ztj_inst_tx tx;

	(void)state;
	irig_path("/etc/pam.d/su", path);
	if (setxattr(path, name, "abc", 3, 0) != 0) {
		assert_int_equal(errno, ENOTSUP);
		skip();
	}
	ok(install(&in, &tx, ZTJ_INST_PENDING));
	assert_int_equal(getxattr(path, name, value, sizeof(value)), 3);
	assert_int_equal(removexattr(path, name), 0);
	ok(ztj_inst_tx_undo(&in, &tx));
	assert_int_equal(getxattr(path, name, value, sizeof(value)), 3);
	assert_memory_equal(value, "abc", 3);
}

/* Old transactions may be removed by hand; what is left is still known, and numbers are not given twice. */
static void test_removed_by_hand(void **state)
{
	struct ztj_inst in = irig_inst();
	struct ztj_inst_tx tx;
	char path[512], to[512];

	(void)state;
	ok(install(&in, &tx, ZTJ_INST_PENDING));
	ok(ztj_inst_tx_undo(&in, &tx));
	ok(install(&in, &tx, ZTJ_INST_KEPT));
	assert_int_equal(tx.no, 2);
	irig_path(ZTJ_INST_DIR "/0001", path);
	irig_path("/taken-away", to);
	assert_int_equal(rename(path, to), 0);
	irig_path(ZTJ_INST_DIR "/00x9", path);
	assert_int_equal(mkdir(path, 0700), 0);
	ok(ztj_inst_tx_last(&in, &tx));
	assert_int_equal(tx.no, 2);
	assert_int_equal(tx.state, ZTJ_INST_KEPT);
	ok(install(&in, &tx, ZTJ_INST_PENDING));
	assert_int_equal(tx.no, 3);
}

static void test_F01_unsafe_files(void **state)
{
	static const char sudo[] = "/etc/pam.d/sudo";
	struct ztj_inst in = irig_inst();
	struct ztj_inst_file f;
	char path[512], other[512];

	(void)state;
	ztj_inst_file_init(&f);
	irig_path(sudo, path);
	ok(ztj_inst_file_read(&in, sudo, &f));
	assert_int_equal(chmod(path, 0666), 0);
	fails(ztj_inst_file_read(&in, sudo, &f), ZTJ_UNSAFE_FILE);
	assert_non_null(strstr(in.err, sudo));
	assert_int_equal(chmod(path, 0644), 0);
	irig_path("/etc/pam.d/second", other);
	assert_int_equal(link(path, other), 0);
	fails(ztj_inst_file_read(&in, sudo, &f), ZTJ_UNSAFE_FILE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("second", path), 0);
	fails(ztj_inst_file_read(&in, sudo, &f), ZTJ_UNSAFE_FILE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0644), 0);
	fails(ztj_inst_file_read(&in, sudo, &f), ZTJ_UNSAFE_FILE);
	assert_int_equal(unlink(path), 0);
	ok(ztj_inst_file_read(&in, sudo, &f));
	assert_false(f.exists);
	irig_path("/etc/pam.d", path);
	assert_int_equal(chmod(path, 0777), 0);
	fails(ztj_inst_file_read(&in, sudo, &f), ZTJ_UNSAFE_FILE);
	fails(ztj_inst_file_put(&in, sudo, &f), ZTJ_UNSAFE_FILE);
	in.owner = getuid() + 1;
	assert_int_equal(chmod(path, 0755), 0);
	if (getuid() != 0)
		fails(ztj_inst_file_read(&in, sudo, &f), ZTJ_UNSAFE_FILE);
	ztj_inst_file_free(&f);
}

/* ---- the manifest and the state ---- */

static void test_manifest(void **state)
{
	struct ztj_inst in = irig_inst();
	struct ztj_inst_plan *p = plan(&in), *q = ztj_inst_plan_new();
	struct ztj_buf once, twice;

	(void)state;
	ztj_buf_init(&once, 1u << 20);
	ztj_buf_init(&twice, 1u << 20);
	ok(ztj_inst_manifest_write(p, &once));
	ok(ztj_inst_manifest_read(ztj_buf_view(&once), q));
	assert_int_equal(q->n, p->n);
	ok(ztj_inst_manifest_write(q, &twice));
	assert_true(ztj_view_eq(ztj_buf_view(&once), ztj_buf_view(&twice)));
	ztj_inst_plan_free(q);
	for (size_t n = 0; n + 1 < once.n; n++) {
		q = ztj_inst_plan_new();
		assert_int_not_equal(ztj_inst_manifest_read(ztj_view_of(once.p, n), q), ZTJ_OK);
		assert_int_equal(q->n, 0);
		ztj_inst_plan_free(q);
	}
	for (size_t n = 0; n < once.n; n++) {
		once.p[n] ^= 0x11;
		q = ztj_inst_plan_new();
		if (ztj_inst_manifest_read(ztj_buf_view(&once), q) == ZTJ_OK)
			for (size_t i = 0; i < q->n; i++)
				assert_true(q->item[i].kind > ZTJ_INST_PERM || q->item[i].name[0] == '/');
		ztj_inst_plan_free(q);
		once.p[n] ^= 0x11;
	}
	ztj_inst_plan_free(p);
	ztj_buf_free(&once);
	ztj_buf_free(&twice);
}

static void test_state_file(void **state)
{
	static const struct {
		const char *text;
		int r;
	} c[] = { { "kept\n", ZTJ_OK }, { "undone\n", ZTJ_OK }, { "begun\n", ZTJ_OK },
		{ "kept", ZTJ_BAD_ENCODING }, { "", ZTJ_BAD_ENCODING }, { "\n", ZTJ_BAD_ENCODING },
		{ "none\n", ZTJ_BAD_ENCODING }, { "pending\n", ZTJ_BAD_ENCODING },
		{ "pending 5 01234567-0123-0123-0123-0123456789ab\n", ZTJ_OK },
		{ "pending 05 01234567-0123-0123-0123-0123456789ab\n", ZTJ_BAD_ENCODING },
		{ "pending -5 01234567-0123-0123-0123-0123456789ab\n", ZTJ_BAD_ENCODING },
		{ "pending 5 short\n", ZTJ_BAD_ENCODING },
		{ "kept 5 01234567-0123-0123-0123-0123456789ab\n", ZTJ_BAD_ENCODING },
		{ "kept\nkept\n", ZTJ_BAD_ENCODING } };
	struct ztj_inst in = irig_inst();
	struct ztj_inst_tx tx;

	(void)state;
	ok(install(&in, &tx, ZTJ_INST_KEPT));
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		irig_put(ZTJ_INST_DIR "/0001/state", c[i].text);
		fails(ztj_inst_tx_last(&in, &tx), c[i].r);
	}
}

/* ---- uninstall ---- */

static int uninstall(struct ztj_inst *in, unsigned *changed)
{
	struct ztj_inst_plan *p = ztj_inst_plan_new();
	struct ztj_inst_tx tx;
	int r = ztj_inst_plan_uninstall(in, p, changed);

	if (r == ZTJ_OK && p->n > 0)
		r = ztj_inst_tx_begin(in, p, &tx);
	if (r == ZTJ_OK && p->n > 0)
		r = ztj_inst_tx_apply(in, p);
	if (r == ZTJ_OK && p->n > 0)
		r = ztj_inst_tx_set(in, &tx, ZTJ_INST_KEPT);
	ztj_inst_plan_free(p);
	return r;
}

static void test_uninstall_takes_all_back(void **state)
{
	char *before = irig_picture(), *after;
	struct ztj_inst in = irig_inst();
	struct ztj_inst_plan *p = ztj_inst_plan_new();
	struct ztj_inst_tx tx;
	unsigned changed;

	(void)state;
	ok(install(&in, &tx, ZTJ_INST_KEPT));
	/* An upgrade, one that was undone, and what somebody else wrote. */
	irig_put("/usr/share/tpl/pam.d/su", "# newer\n");
	ok(install(&in, &tx, ZTJ_INST_KEPT));
	irig_put("/usr/share/tpl/pam.d/su", "# newest\n");
	ok(install(&in, &tx, ZTJ_INST_PENDING));
	ok(ztj_inst_tx_undo(&in, &tx));
	irig_put("/usr/share/tpl/pam.d/su", "# template of pam.d/su\n");
	irig_put("/etc/pam.d/sshd", "mine\n");
	ok(ztj_inst_plan_uninstall(&in, p, &changed));
	assert_int_equal(changed, 1);
	ztj_inst_plan_free(p);
	ok(uninstall(&in, &changed));
	same_picture(before);
	/* It stays undone, and begins again from there. */
	ok(uninstall(&in, &changed));
	assert_int_equal(changed, 0);
	same_picture(before);
	ok(install(&in, &tx, ZTJ_INST_KEPT));
	ok(uninstall(&in, &changed));
	assert_int_equal(changed, 0);
	after = irig_picture();
	assert_string_equal(after, before);
	free(before);
	free(after);
}

static void run_uninstall(void)
{
	struct ztj_inst in = irig_inst();
	unsigned changed;

	_exit(uninstall(&in, &changed) == ZTJ_OK ? 0 : 1);
}

static void test_killed_while_uninstalling(void **state)
{
	char *before = irig_picture(), *armed, *now;
	struct ztj_inst in = irig_inst();
	struct ztj_inst_tx tx;
	unsigned at;

	(void)state;
	ok(install(&in, &tx, ZTJ_INST_KEPT));
	armed = irig_picture();
	for (at = 1; dies(at, run_uninstall); at++) {
		recover();
		now = irig_picture();
		if (strcmp(now, armed) != 0)
			assert_string_equal(now, before); /* the last word was said */
		free(now);
	}
	assert_true(at > 100);
	same_picture(before);
	free(before);
	free(armed);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, irig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(test_there_and_back), T(test_killed_at_every_call),
		T(test_every_call_fails_once), T(test_killed_while_undoing),
		T(test_what_others_wrote_meanwhile_is_kept), T(test_altered_copy), T(test_attributes),
		T(test_removed_by_hand), T(test_F01_unsafe_files), T(test_manifest), T(test_state_file),
		T(test_uninstall_takes_all_back), T(test_killed_while_uninstalling) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
