/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The whole way of a record on real parts: ztjit-rec, scribe, gate, mirror and a broker, which goes and comes back. The
 * test is the kernel (who is in which session) and the warden.
 */
#include "tests/broker/bk.h"
#include "tests/hostd/rig.h"
#include "tests/rec/run.h"
#include "ztjit-hostd/mirror.h"
#include "ztjit-hostd/scribe.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/sys/log.h"

static struct bk bk;
static struct rig rig;
static struct run run;
static pid_t mirror, scribe;
static int ship[2];
static char url[64];
static char *urls[1];
#define R (&rig)
#define B (&bk)

/* ---- the processes ---- */

static pid_t child(void)
{
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(R->warden);
		ztj_log_open("host", true, getenv("RIG_LOG") != NULL ? ZTJ_LOG_DEBUG : ZTJ_LOG_ALARM);
	}
	return pid;
}

static void start_mirror(void)
{
	mirror = child();
	if (mirror == 0) {
		(void)close(R->scribe);
		(void)close(ship[0]);
		ztj_mirror_main(R->mirror, ship[1], &B->host_tls[FX_WEB1]);
	}
}

static int listener(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/rec.sock", R->dir);
	(void)unlink(addr.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void start_scribe(void)
{
	const struct ztj_scribe_fds fds = { listener(), R->scribe, ship[0] };
	struct ztj_scribe_env env;
	struct ztj_scribe *s;
	static char records[128];

	(void)snprintf(records, sizeof(records), "%s/records", R->dir);
	assert_int_equal(mkdir(records, 0700), 0);
	R->conf.records = records;
	free(R->conf.shell);
	assert_non_null(R->conf.shell = strdup("/bin/sh"));
	R->conf.record_spool = 64;
	R->conf.record_reserve = 1;
	scribe = child();
	if (scribe == 0) {
		(void)close(R->mirror);
		(void)close(ship[1]);
		ztj_scribe_env_default(&env, "11111111-2222-3333-4444-555555555555", getegid());
		env.flush_ms = 100;
		env.head_ms = 500;
		if (ztj_scribe_new(&R->conf, &env, &fds, &s) != ZTJ_OK)
			_exit(99);
		_exit(ztj_scribe_run(s));
	}
	(void)close(fds.listen);
}

static int setup(void **state)
{
	(void)state;
	bk_start(B, "records_free = 1;\n");
	bk_arm(B);
	memset(R, 0, sizeof(*R));
	R->w = B->w;
	rig_open_bare(R);
	R->shared->real = true;
	rig_kill(R);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", B->port);
	urls[0] = url;
	R->conf.urls = (struct ztj_conf_list){ 1, urls };
	assert_int_equal(sh("rm -rf %s/state/*", R->dir), 0);
	rig_start(R);
	bk_clock(B);
	rig_news(R, &B->w.policy);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ship), 0);
	start_scribe();
	start_mirror();
	(void)close(ship[0]);
	(void)close(ship[1]);
	return 0;
}

static void ends(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int teardown(void **state)
{
	(void)state;
	run_close(&run);
	ends(scribe);
	ends(mirror);
	memset(&R->w, 0, sizeof(R->w));
	rig_close(R);
	bk_end(B);
	return 0;
}

/* ---- a session ---- */

static bool wait_for(bool (*done)(void))
{
	for (int i = 0; i < 2500; i++) { /* the mirror is patient with a broker that went */
		rig_warden(R);
		if (done())
			return true;
		(void)usleep(20000);
	}
	return false;
}

static bool armed(void)
{
	json_t *o = rig_status(R);
	bool yes = json_is_true(json_object_get(o, "connected")) &&
	    json_is_string(json_object_get(o, "fresh"));

	json_decref(o);
	return yes;
}

static bool one_grant(void)
{
	json_t *o = rig_status(R);
	bool yes = json_integer_value(json_object_get(o, "grants")) == 1;

	json_decref(o);
	return yes;
}

/* A login as root on web1, by a grant that the broker carried; from now on the kernel says that everybody is in it. */
static void login(void)
{
	const int who[] = { FX_LEAD1, FX_SEC1 };
	struct fx_signed request, ap;
	const char *line;
	char *cert;

	assert_true(wait_for(armed));
	bk_login(B, FX_REQ1);
	bk_login(B, FX_LEAD1);
	bk_login(B, FX_SEC1);
	bk_clock(B);
	fx_request(&B->w, FX_REQ1, "root-shell", FX_WEB1, 1800, &request);
	assert_int_equal(bk_put(B, &B->login[FX_REQ1], &request), 201);
	for (size_t i = 0; i < 2; i++) {
		fx_approval(&B->w, who[i], &request, false, 0, &ap);
		assert_int_equal(bk_put(B, &B->login[who[i]], &ap), 201);
		fx_signed_free(&ap);
	}
	assert_true(wait_for(one_grant));
	assert_int_equal(bk_certificate(B, FX_REQ1, request.id, &B->w.person[FX_REQ1].key), 200);
	line = strchr(bk_text(B, "certificate"), ' ') + 1;
	cert = strndup(line, strcspn(line, " \n"));
	rig_proc(R, 200, 0, "/", 0);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	rig_proc(R, 300, 0, RIG_PREFIX "/s1", 0);
	free(cert);
	fx_signed_free(&request);
}

static void record(const char *command)
{
	const char *const argv[] = { "ztjit-rec", "--", "/bin/sh", "-c", command, NULL };
	char sock[128];

	(void)snprintf(sock, sizeof(sock), "%s/rec.sock", R->dir);
	run_terminal(&run, sock, argv, NULL);
	assert_int_equal(fcntl(run.fd, F_SETFL, O_NONBLOCK), 0);
}

static bool recorder_gone(void)
{
	char b[4096];
	int status;

	while (read(run.fd, b, sizeof(b)) > 0)
		if (getenv("RIG_LOG") != NULL)
			(void)fprintf(stderr, "terminal: %s\n", b);
	if (waitpid(run.pid, &status, WNOHANG) != run.pid)
		return false;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return true;
}

static const json_t *at_broker(void)
{
	if (bk_get(B, &B->login[FX_REQ1], "/v1/sessions") != 200)
		return NULL;
	return json_array_get(json_object_get(B->json, "sessions"), 0);
}

static bool is_closed(void)
{
	const char *state = json_string_value(json_object_get(at_broker(), "state"));

	return state != NULL && strcmp(state, "closed") == 0;
}

static bool is_open(void)
{
	const json_t *s = at_broker();

	return json_integer_value(json_object_get(s, "size")) > 0 &&
	    strcmp(json_string_value(json_object_get(s, "state")), "open") == 0;
}

/* Local root reads the same name there as everybody reads at the broker. */
static bool is_named(void)
{
	const char *id = json_string_value(json_object_get(at_broker(), "id")), *named;
	json_t *o = rig_status(R), *list = json_object_get(o, "sessions"), *s;
	bool yes = false;
	size_t i;

	json_array_foreach(list, i, s)
	{
		named = json_string_value(json_object_get(s, "record"));
		yes |= id != NULL && named != NULL && strcmp(id, named) == 0;
	}
	json_decref(o);
	return yes;
}

static bool nothing_left(void)
{
	char path[160];
	DIR *d;
	const struct dirent *e;
	bool empty = true;

	(void)snprintf(path, sizeof(path), "%s/records", R->dir);
	assert_non_null(d = opendir(path));
	while ((e = readdir(d)) != NULL)
		empty &= strlen(e->d_name) < 64;
	(void)closedir(d);
	return empty;
}

static void test_a_record_leaves_the_host(void **state)
{
	char command[256], release[128];

	(void)state;
	login();
	/* It goes on until the broker was seen to have its beginning, however long that takes. */
	(void)snprintf(release, sizeof(release), "%s/release", R->dir);
	(void)snprintf(command, sizeof(command), "echo hello; until [ -e %s ]; do sleep 0.1; done; echo bye",
	    release);
	record(command);
	assert_true(wait_for(is_open)); /* while it happens */
	assert_true(wait_for(is_named));
	assert_int_equal(close(open(release, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
	assert_true(wait_for(recorder_gone));
	assert_true(wait_for(is_closed));
	assert_string_equal(json_string_value(json_object_get(at_broker(), "person")), "people/req1");
	assert_true(wait_for(nothing_left));
}

static void test_the_broker_is_away_in_between(void **state)
{
	(void)state;
	login();
	record(
	    "for i in $(seq 300); do echo line $i; sleep 0.01; done; head -c 3000000 /dev/urandom | base64");
	assert_true(wait_for(is_open));
	bk_kill(B);
	assert_true(wait_for(recorder_gone));
	assert_false(nothing_left());
	bk_serve(B);
	assert_true(wait_for(is_closed));
	assert_true(json_integer_value(json_object_get(at_broker(), "size")) > 3000000);
	assert_true(wait_for(nothing_left));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_record_leaves_the_host, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_broker_is_away_in_between, setup, teardown),
	};
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
