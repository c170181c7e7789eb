/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What is on disk when the gate says yes or no: every sync is counted, and may fail. */
#include "tests/hostd/rig.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct rig rig;
#define R (&rig)
#define REQ1 (&R->w.person[FX_REQ1].key)
#define IN_S1 RIG_PREFIX "/s1"

/* Shared with the gate's process. */
static struct {
	atomic_uint syncs, failing;
} * disk;

/* Instead of the C library's, in the gate too. */
int fdatasync(int fd)
{
	if (atomic_load(&disk->failing) > 0) {
		atomic_fetch_sub(&disk->failing, 1);
		errno = EIO;
		return -1;
	}
	atomic_fetch_add(&disk->syncs, 1);
	return (int)syscall(SYS_fdatasync, fd);
}

static unsigned syncs_of(uint8_t call, const char *service, const char *user, int want)
{
	atomic_store(&disk->syncs, 0);
	assert_string_equal(ztj_err_name(rig_pam(R, call, service, user, "")), ztj_err_name(want));
	return atomic_load(&disk->syncs);
}

#define RULES \
	"rules = ( { name = \"prod\"; who = [ \"@sre\" ]; roles = [ \"sudo-root\" ]; hosts = { env = \"prod\"; };\n" \
	" max = \"2h\"; request_valid = \"1h\"; approvals = ( { count = 1; from = [ \"@sre-leads\" ]; }, { count = 1; from = [ \"@security\" ]; } );\n" \
	" step_up = [ \"confirm\" ]; step_up_every = \"1h\"; freshness = \"3h\"; } );\n"
#define ROLES(become) \
	"roles = { sudo-root = { login = [ \"self\" ]; become = " become \
	"; groups = [ \"ztjit-root\" ]; record = \"none\"; }; };\n" \
	"gids = { ztjit-root = 61000; };\n"

static const struct fx_policy one = { .version = 2, .roles = ROLES("[ \"root\" ]"), .rules = RULES };
static const struct fx_policy two = { .version = 2,
	.roles = ROLES("[ \"root\", \"postgres\" ]"),
	.rules = RULES };
static struct rig_grant grant;

static void confirm(struct rig *r)
{
	struct ztj_signed challenge;
	struct ztj_buf mem;

	rig_posted(r, &mem, &challenge);
	rig_relay(r, &challenge, REQ1, FX_UP);
	ztj_buf_free(&mem);
}

/* req1 is in session s1 and did the step-up; nothing waits to be synced. */
static void begin(const struct fx_policy *policy)
{
	char *cert;

	disk = mmap(NULL, sizeof(*disk), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(disk != MAP_FAILED);
	rig_open(R, policy);
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 0, &grant);
	rig_cert(R, &grant, REQ1, NULL, &cert);
	rig_proc(R, 200, 0, "/", 0);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	free(cert);
	rig_proc(R, 500, 20001, IN_S1, 0x8801);
	R->prompted = confirm;
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sudo", "req1", ""), ZTJ_OK);
	R->prompted = NULL;
	R->ntold = 0;
	rig_proc(R, 501, 20001, IN_S1, 0x8801);
}

static int teardown(void **state)
{
	(void)state;
	rig_grant_free(&grant);
	rig_close(R);
	return munmap(disk, sizeof(*disk));
}

static uint64_t whole_lines(void)
{
	uint8_t head[ZTJ_DIGEST_LEN] = { 0 };
	char path[256];
	uint64_t n = 0;

	(void)snprintf(path, sizeof(path), "%s/state/spool/decisions.jsonl", R->dir);
	ok(ztj_spool_verify(path, &n, head));
	return n;
}

static void wait_for_timer(void)
{
	for (int i = 0; i < 1000 && atomic_load(&disk->syncs) == 0; i++)
		(void)usleep(2000);
	assert_int_equal(atomic_load(&disk->syncs), 1);
}

static void test_A02_account_is_on_disk_and_says_who(void **state)
{
	(void)state;
	begin(&one);
	assert_int_equal(syncs_of(ZTJ_MSG_AUTH, "sudo", "req1", ZTJ_OK), 0);
	assert_int_equal(syncs_of(ZTJ_MSG_ACCOUNT, "sudo", "req1", ZTJ_OK), 1); /* both lines */
	assert_int_equal(syncs_of(ZTJ_MSG_OPEN, "sudo", "root", ZTJ_OK), 0);
	wait_for_timer();
}

static void test_A02_open_is_on_disk_when_it_chooses(void **state)
{
	(void)state;
	begin(&two);
	assert_int_equal(syncs_of(ZTJ_MSG_ACCOUNT, "sudo", "req1", ZTJ_OK), 1);
	assert_int_equal(syncs_of(ZTJ_MSG_OPEN, "sudo", "root", ZTJ_OK), 1);
	rig_proc(R, 502, 20001, IN_S1, 0x8801);
	assert_int_equal(syncs_of(ZTJ_MSG_ACCOUNT, "su", "root", ZTJ_OK), 1); /* su says whom it wants */
	assert_int_equal(syncs_of(ZTJ_MSG_OPEN, "su", "root", ZTJ_OK), 0);
}

/* Account's line serves one use, of its own process, within a minute. */
static void test_A02_open_without_its_own_account_is_on_disk(void **state)
{
	(void)state;
	begin(&one);
	assert_int_equal(syncs_of(ZTJ_MSG_OPEN, "sudo", "root", ZTJ_OK), 1);
	assert_int_equal(syncs_of(ZTJ_MSG_ACCOUNT, "sudo", "req1", ZTJ_OK), 1);
	rig_proc(R, 502, 20001, IN_S1, 0x8801);
	assert_int_equal(syncs_of(ZTJ_MSG_OPEN, "sudo", "root", ZTJ_OK), 1); /* another's */
	rig_proc(R, 501, 20001, IN_S1, 0x8801);
	assert_int_equal(syncs_of(ZTJ_MSG_OPEN, "sudo", "root", ZTJ_OK), 0);
	assert_int_equal(syncs_of(ZTJ_MSG_OPEN, "sudo", "root", ZTJ_OK), 1); /* used up */
	rig_proc(R, 503, 20001, IN_S1, 0x8801);
	assert_int_equal(syncs_of(ZTJ_MSG_AUTH, "sudo", "req1", ZTJ_OK), 0);
	assert_int_equal(syncs_of(ZTJ_MSG_OPEN, "sudo", "root", ZTJ_OK), 1); /* auth says nothing of it */
	rig_proc(R, 504, 20001, IN_S1, 0x8801);
	assert_int_equal(syncs_of(ZTJ_MSG_ACCOUNT, "sudo", "req1", ZTJ_OK), 1);
	rig_sleep(R, ZTJ_PASS_SECONDS + 1);
	assert_int_equal(syncs_of(ZTJ_MSG_OPEN, "sudo", "root", ZTJ_OK), 1);
}

/* And the kernel is made ready while sshd goes on. */
static void test_A02_a_login_is_on_disk(void **state)
{
	char *cert, *info, line[8192];
	size_t ready;

	(void)state;
	begin(&one);
	rig_warden(R);
	ready = R->nsoon;
	rig_cert(R, &grant, REQ1, NULL, &cert);
	rig_proc(R, 210, 0, "/", 0);
	atomic_store(&disk->syncs, 0);
	fails(rig_principals(R, "req1", cert, line, sizeof(line)), ZTJ_OK);
	assert_int_equal(atomic_load(&disk->syncs), 0);
	rig_warden(R);
	assert_true(R->nsoon > ready);
	assert_int_equal(syncs_of(ZTJ_MSG_ACCOUNT, "sshd", "req1", ZTJ_OK), 1); /* both lines */
	atomic_store(&disk->syncs, 0);
	assert_true(asprintf(&info, "publickey sk-ssh-ed25519-cert-v01@openssh.com %s", cert) > 0);
	fails(rig_pam(R, ZTJ_MSG_OPEN, "sshd", "req1", info), ZTJ_OK);
	assert_int_equal(atomic_load(&disk->syncs), 1);
	rig_warden(R);
	ready = R->nsoon;
	fails(rig_principals(R, "postgres", cert, line, sizeof(line)), ZTJ_WRONG_ACCOUNT);
	rig_warden(R);
	assert_int_equal(R->nsoon, ready);
	free(info);
	free(cert);
}

static void test_A02_denials_are_on_disk(void **state)
{
	(void)state;
	begin(&one);
	assert_int_equal(syncs_of(ZTJ_MSG_ACCOUNT, "sudo", "req1", ZTJ_OK), 1);
	assert_int_equal(syncs_of(ZTJ_MSG_OPEN, "sudo", "postgres", ZTJ_WRONG_ACCOUNT), 1);
	assert_int_equal(syncs_of(ZTJ_MSG_AUTH, "su", "postgres", ZTJ_WRONG_ACCOUNT), 1);
}

/* A disk that fails once: that decision is a denial, no line that waited is lost, the chain holds. */
static void test_A02_sync_that_fails(void **state)
{
	uint64_t before;

	(void)state;
	begin(&one);
	before = whole_lines();
	assert_int_equal(syncs_of(ZTJ_MSG_AUTH, "sudo", "req1", ZTJ_OK), 0);
	atomic_store(&disk->failing, 1);
	assert_int_equal(syncs_of(ZTJ_MSG_ACCOUNT, "sudo", "req1", ZTJ_IO), 1); /* the denial's own line */
	assert_int_equal(whole_lines(), before + 2);
	assert_int_equal(syncs_of(ZTJ_MSG_ACCOUNT, "sudo", "req1", ZTJ_OK), 1);
	assert_int_equal(whole_lines(), before + 3);
	/* the timer's own: tried again */
	assert_int_equal(syncs_of(ZTJ_MSG_OPEN, "sudo", "root", ZTJ_OK), 0);
	atomic_store(&disk->failing, 1);
	wait_for_timer();
	assert_int_equal(whole_lines(), before + 4);
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, teardown)
	const struct CMUnitTest tests[] = {
		T(test_A02_account_is_on_disk_and_says_who),
		T(test_A02_open_is_on_disk_when_it_chooses),
		T(test_A02_open_without_its_own_account_is_on_disk),
		T(test_A02_a_login_is_on_disk),
		T(test_A02_denials_are_on_disk),
		T(test_A02_sync_that_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
