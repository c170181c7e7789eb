/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/hostile/thief.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"
#include "tests/hostile/liar.h"

#define SPOOL ZTJ_STATEDIR "/hostd/spool/decisions.jsonl"
#define CONTROL ZTJ_RUNDIR "/control.sock"
#define MSG_IMPORT 32
#define MSG_STATUS 34
#define WAIT_TENTHS 3000  /* of a second, where the machine may be busy with something else */
#define BRIEF_FRESHNESS 6 /* company.c */

void thief_verdict(struct thief *t, bool good, const char *name, const char *fmt, ...)
{
	char reason[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	printf("%s - %s %s\n", good ? "ok" : "not ok", name, reason);
	if (good)
		t->passed++;
	else
		t->failed++;
}

/* ---- the decision spool ---- */

void thief_spool_end(struct thief *t)
{
	struct stat st;

	t->spool_at = stat(SPOOL, &st) == 0 ? st.st_size : 0;
}

static void take_line(const char *line, size_t n, struct decided *d)
{
	json_t *o = json_loadb(line, n, 0, NULL);
	const char *event = json_string_value(json_object_get(o, "event"));
	const char *code = json_string_value(json_object_get(o, "code"));
	const char *text = json_string_value(json_object_get(o, "text"));
	int c = code != NULL ? ztj_err_from_name(code) : ZTJ_INTERNAL;

	if (event != NULL) {
		if (strcmp(event, "principals") == 0)
			d->principals = c;
		if (strcmp(event, "account") == 0)
			d->account = c;
		if (strcmp(event, "open") == 0 || strcmp(event, "login") == 0 || strcmp(event, "sudo") == 0)
			d->open = c;
		if (text != NULL && strcmp(event, "principals") == 0)
			(void)snprintf(d->text, sizeof(d->text), "%s", text);
	}
	json_decref(o);
}

void thief_decided(struct thief *t, struct decided *d)
{
	FILE *f = fopen(SPOOL, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	*d = (struct decided){ .principals = CODE_NONE, .account = CODE_NONE, .open = CODE_NONE };
	if (f == NULL)
		return;
	if (fseeko(f, t->spool_at, SEEK_SET) == 0)
		while ((n = getline(&line, &size, f)) > 0 && line[n - 1] == '\n') {
			take_line(line, (size_t)n, d);
			t->spool_at += n;
		}
	free(line);
	(void)fclose(f);
}

/* ---- control.sock ---- */

static int control(uint8_t type, const char *body, char *text, size_t size)
{
	int64_t deadline = ztj_ipc_now_ms() + 20000;
	struct ztj_ipc_in in;
	struct ztj_buf b;
	struct ztj_view v;
	struct ztj_rd rd;
	uint32_t code = 0;
	int sock = -1, fd = -1, r;

	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	ztj_buf_init(&b, ZTJ_IPC_MAX);
	r = ztj_ipc_begin(&b, type);
	if (body != NULL && strlen(body) > ZTJ_IPC_MAX / 2) {
		fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		assert_true(fd >= 0 && write(fd, body, strlen(body)) == (ssize_t)strlen(body));
		body = "";
	}
	if (body != NULL)
		(void)ztj_buf_put_cstring(&b, body);
	if (r == ZTJ_OK && (r = ztj_ipc_finish(&b)) == ZTJ_OK &&
	    (r = ztj_ipc_connect(CONTROL, deadline, &sock)) == ZTJ_OK &&
	    (r = ztj_ipc_send(sock, ztj_buf_view(&b), fd, deadline)) == ZTJ_OK)
		r = ztj_ipc_recv(sock, &in, deadline);
	if (r == ZTJ_OK) {
		ztj_rd_init(&rd, in.body);
		r = ztj_rd_u32(&rd, &code);
	}
	if (r == ZTJ_OK && (r = ztj_rd_string(&rd, ZTJ_IPC_MAX, &v)) == ZTJ_OK)
		(void)snprintf(text, size, "%.*s", (int)v.n, (const char *)v.p);
	if (sock >= 0)
		(void)close(sock);
	if (fd >= 0)
		(void)close(fd);
	ztj_ipc_in_free(&in);
	ztj_buf_free(&b);
	return r != ZTJ_OK ? r : -(int)code;
}

/* What the host says of itself. */
struct host {
	int64_t fresh; /* when it last heard a status that counts */
	size_t revocations, grants;
};

static bool ask_host(struct host *h)
{
	static char text[ZTJ_IPC_MAX]; /* with everybody who has access */
	const char *at;
	json_t *o;
	bool good;

	if (control(MSG_STATUS, NULL, text, sizeof(text)) != ZTJ_OK ||
	    (o = json_loads(text, 0, NULL)) == NULL)
		return false;
	at = json_string_value(json_object_get(o, "fresh"));
	good = at != NULL && ztj_time_parse(at, &h->fresh) == ZTJ_OK;
	h->revocations = (size_t)json_integer_value(json_object_get(o, "revocations"));
	h->grants = (size_t)json_integer_value(json_object_get(o, "grants"));
	json_decref(o);
	return good;
}

/* Until the host holds everything and has heard of it at `since` or later. */
static void wait_synced(struct thief *t, const char *name, int64_t since)
{
	struct host h;

	for (int i = 0; i < WAIT_TENTHS; i++) {
		if (ask_host(&h) && h.fresh >= since && h.revocations == t->lies.nrevocations) {
			thief_verdict(t, true, name, "%zu revocations held, fresh", h.revocations);
			return;
		}
		(void)usleep(100000);
	}
	thief_verdict(t, false, name, "the host does not catch up");
}

/* Nothing but what it should keep has a place: before anybody logs in by a certificate that brings more. */
static void check_places(struct thief *t)
{
	struct host h = { .grants = 0 };
	bool good = ask_host(&h) && h.grants == t->lies.naccepted;

	thief_verdict(t, good, "push/places", "%zu of %zu taken", h.grants, t->lies.naccepted);
}

/* Until what the host heard last is too old for the rule that wants it no older than six seconds. */
static void wait_stale(struct thief *t, const char *name)
{
	struct host h;

	for (int i = 0; i < WAIT_TENTHS; i++) {
		if (ask_host(&h) && (int64_t)time(NULL) > h.fresh + BRIEF_FRESHNESS + 1) {
			thief_verdict(t, true, name, "for more than %d seconds", BRIEF_FRESHNESS);
			return;
		}
		(void)usleep(100000);
	}
	thief_verdict(t, false, name, "the host still hears of the broker");
}

/* ---- news by hand ---- */

static void imports(struct thief *t)
{
	char text[1024];

	for (size_t i = 0; i < t->lies.n; i++) {
		const struct lie *v = &t->lies.lie[i];
		int code;
		if ((v->kind != V_POLICY && v->kind != V_DIRECTORY && v->kind != V_STATUS) ||
		    lie_by_mirror(&t->lies, v))
			continue;
		code = control(MSG_IMPORT, v->json, text, sizeof(text));
		thief_verdict(t, want_met(v->want, code), v->name, "%s (want %s)", ztj_err_name(code),
		    want_name(v->want));
	}
}

/* ---- certificates for real ssh ---- */

static bool is_ssh(const struct lie *v)
{
	return strncmp(v->name, "ssh/", 4) == 0;
}

static bool is_stale(const struct lie *v)
{
	return strncmp(v->name, "G05/stale", 9) == 0;
}

static bool is_plain(const struct lie *v)
{
	return !is_ssh(v) && !is_stale(v);
}

/* NUMBER NAME WANT ACCOUNT on standard output, the certificates beside. */
static void ssh_list(struct thief *t, const char *dir)
{
	for (size_t i = 0; i < t->lies.n; i++) {
		const struct lie *v = &t->lies.lie[i];
		char path[512], type[64];
		struct ztj_buf b;
		if (v->kind != V_LOGIN || !is_ssh(v))
			continue;
		ztj_buf_init(&b, 1024 * 1024);
		ok(ztj_buf_printf(&b, "%s %s hostile\n", thief_cert_type(v->cert, type, sizeof(type)),
		    v->cert));
		(void)snprintf(path, sizeof(path), "%s/%zu-cert.pub", dir, i);
		write_file(path, ztj_buf_view(&b));
		assert_int_equal(chmod(path, 0644), 0);
		ztj_buf_free(&b);
		printf("%zu %s %s %s\n", i, v->name, v->control ? "ok" : want_name(v->want), v->account);
	}
}

static void last(struct thief *t, off_t from)
{
	struct decided d;

	t->spool_at = from;
	thief_decided(t, &d);
	printf("%lld %s %s\n", (long long)t->spool_at,
	    d.principals == CODE_NONE ? "none" : ztj_err_name(d.principals),
	    d.open == CODE_NONE ? "none" : ztj_err_name(d.open));
}

static bool run(struct thief *t, const char *cmd, const char *arg, int64_t number)
{
	unsigned passed = t->passed, failed = t->failed;

	if (strcmp(cmd, "pushes") == 0) {
		wait_synced(t, "push/the-host-holds-it", number);
		check_places(t);
		thief_log_pushes(t);
	} else if (strcmp(cmd, "logins") == 0)
		thief_logins(t, is_plain);
	else if (strcmp(cmd, "stale") == 0) {
		wait_stale(t, "G05/the-host-hears-nothing");
		thief_logins(t, is_stale);
	} else if (strcmp(cmd, "imports") == 0)
		imports(t);
	else if (strcmp(cmd, "fetches") == 0)
		thief_log_fetches(t);
	else if (strcmp(cmd, "http") == 0) {
		wait_synced(t, "http/the-host-hears-the-truth-again", (int64_t)time(NULL));
		thief_log_http(t, (long)number);
	} else if (strcmp(cmd, "stepups") == 0) {
		wait_synced(t, "P14/the-host-listens", (int64_t)time(NULL));
		thief_stepups(t);
	} else if (strcmp(cmd, "ssh-list") == 0)
		ssh_list(t, arg);
	else
		return false;
	printf("# %s: %u as expected, %u not\n", cmd, t->passed - passed, t->failed - failed);
	return true;
}

/* thief COMMAND,... NOW LOG PAMDIR ARG KEY.pub... */
int thief_main(int argc, char **argv)
{
	static struct thief t;
	int64_t now, number = 0;
	char *cmds = argc > 2 ? argv[2] : NULL, *cmd;
	const char *arg = argc > 6 ? argv[6] : "";

	if (argc < 7 || ztj_parse_int(argv[3], 1, INT64_MAX, &now) != ZTJ_OK)
		return 2;
	t.log = argv[4];
	t.pam = argv[5];
	if (arg[0] >= '0' && arg[0] <= '9' && ztj_parse_int(arg, 0, INT64_MAX, &number) != ZTJ_OK)
		return 2;
	if (strcmp(cmds, "last") == 0) {
		last(&t, (off_t)number);
		return 0;
	}
	lies_make(&t.lies, now, (const char *const *)(const void *)(argv + 7), (size_t)argc - 7);
	thief_spool_end(&t);
	while ((cmd = strsep(&cmds, ",")) != NULL)
		if (!run(&t, cmd, arg, number))
			return 2;
	return t.failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 1 ? argv[1] : "";

	if (strcmp(cmd, "files") == 0)
		return files_main(argc, argv);
	if (strcmp(cmd, "liar") == 0)
		return liar_main(argc, argv);
	if (strcmp(cmd, "thief") == 0)
		return thief_main(argc, argv);
	(void)fprintf(stderr,
	    "usage: hostile files DIR NOW KEY.pub...\n"
	    "       hostile liar PORT NOW PHASE-FILE DONE-DIR KEY.pub...\n"
	    "       hostile thief COMMAND,... NOW LOG PAM-DIR ARG KEY.pub...\n");
	return 2;
}
