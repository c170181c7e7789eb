/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* import, clock and status: clients of the running agent's control.sock. */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"
#include "ztjit-hostd/gatemsg.h"
#include "ztjit-hostd/hostd.h"

#define WAIT_MS 30000

/* One question, one answer; code and text of the reply. */
static int ask(const struct ztj_hostconf *conf, struct ztj_buf *msg, int fd, struct ztj_buf *text)
{
	int64_t deadline = ztj_ipc_now_ms() + WAIT_MS;
	struct ztj_ipc_in in;
	struct ztj_view v;
	struct ztj_rd rd;
	uint32_t code = 0;
	char path[256];
	int sock = -1, r;

	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	(void)snprintf(path, sizeof(path), "%s/control.sock", conf->run);
	r = ztj_ipc_finish(msg);
	if (r == ZTJ_OK)
		r = ztj_ipc_connect(path, deadline, &sock);
	if (r == ZTJ_OK)
		r = ztj_ipc_send(sock, ztj_buf_view(msg), fd, deadline);
	if (r == ZTJ_OK)
		r = ztj_ipc_recv(sock, &in, deadline);
	if (r == ZTJ_OK) {
		ztj_rd_init(&rd, in.body);
		r = in.type == ZTJ_MSG_REPLY ? ztj_rd_u32(&rd, &code) : ZTJ_PROTOCOL;
	}
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, ZTJ_IPC_MAX, &v);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK)
		r = ztj_buf_put(text, v.p, v.n);
	if (r == ZTJ_OK && code != 0)
		r = code <= 1000 ? -(int)code : ZTJ_PROTOCOL;
	if (sock >= 0)
		(void)close(sock);
	ztj_ipc_in_free(&in);
	ztj_buf_free(msg);
	return r;
}

static int finish(int r, struct ztj_buf *text)
{
	if (r == ZTJ_OK)
		(void)printf("%s\n", ztj_buf_str(text));
	else
		(void)fprintf(stderr, "ztjit-hostd: %s\n", ztj_err_text(r));
	ztj_buf_free(text);
	return ztj_err_exit(r);
}

int ztj_hostd_import(const struct ztj_hostconf *conf, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;
	struct ztj_buf msg, text;

	if (fd < 0) {
		(void)fprintf(stderr, "ztjit-hostd: cannot read %s\n", file);
		return 2;
	}
	ztj_buf_init(&msg, ZTJ_IPC_MAX);
	ztj_buf_init(&text, ZTJ_IPC_MAX);
	/* The file itself goes along: what it says proves itself, whoever reads it. */
	r = ztj_ipc_begin(&msg, ZTJ_MSG_IMPORT);
	if (r == ZTJ_OK)
		r = ztj_buf_put_string(&msg, "", 0);
	if (r == ZTJ_OK)
		r = ask(conf, &msg, fd, &text);
	(void)close(fd);
	return finish(r, &text);
}

int ztj_hostd_clock(const struct ztj_hostconf *conf)
{
	struct ztj_buf msg, text;
	int r;

	ztj_buf_init(&msg, ZTJ_IPC_MAX);
	ztj_buf_init(&text, ZTJ_IPC_MAX);
	r = ztj_ipc_begin(&msg, ZTJ_MSG_CLOCK);
	if (r == ZTJ_OK)
		r = ztj_buf_put_u8(&msg, 1);
	if (r == ZTJ_OK)
		r = ask(conf, &msg, -1, &text);
	return finish(r, &text);
}

/* ---- status for people ---- */

static const char *str(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "-";
}

static void print_sessions(const json_t *list)
{
	size_t i;
	json_t *s;

	if (json_array_size(list) == 0)
		return;
	(void)printf("\n%-24s %-8s %-12s %-13s %-12s %s\n", "PERSON", "SERVICE", "ACCOUNT", "GRANT", "TTY",
	    "ENDS");
	json_array_foreach(list, i, s)(void) printf("%-24s %-8s %-12s %-13s %-12s %s\n", str(s, "person"),
	    str(s, "service"), str(s, "account"), str(s, "grant"), str(s, "tty"), str(s, "ends"));
}

static void print_records(const json_t *r)
{
	static const json_int_t mib = 1024 * 1024;

	(void)printf(
	    "records      %lld open, %lld waiting for the broker, %lld of %lld MiB used, %lld bytes to ship\n",
	    (long long)json_integer_value(json_object_get(r, "open")),
	    (long long)json_integer_value(json_object_get(r, "waiting")),
	    (long long)((json_integer_value(json_object_get(r, "bytes")) + mib - 1) / mib),
	    (long long)(json_integer_value(json_object_get(r, "room")) / mib),
	    (long long)json_integer_value(json_object_get(r, "unsent")));
}

static void print_status(json_t *o)
{
	const char *name;
	json_t *d;

	(void)printf("host         %s in %s\n", str(o, "host"), str(o, "domain"));
	(void)printf("armed        %s\n", strcmp(str(o, "armed"), "ok") == 0 ? "yes" : str(o, "armed"));
	(void)printf("sessions     held by %s\n", str(o, "held_by"));
	(void)printf("broker       %s, last status %s\n",
	    json_is_true(json_object_get(o, "connected")) ? "connected" : "not connected", str(o, "fresh"));
	(void)printf("policy       version %lld, expires %s\n",
	    (long long)json_integer_value(json_object_get(o, "policy")), str(o, "policy_expires"));
	json_object_foreach(json_object_get(o, "directories"), name, d)(
	    void) printf("directory    %s serial %lld, %lld records, %s, expires %s\n", name,
	    (long long)json_integer_value(json_object_get(d, "serial")),
	    (long long)json_integer_value(json_object_get(d, "records")), str(d, "state"), str(d, "expires"));
	(void)printf("grants       %lld held, %lld revocations\n",
	    (long long)json_integer_value(json_object_get(o, "grants")),
	    (long long)json_integer_value(json_object_get(o, "revocations")));
	(void)printf("clock        %s%s\n", str(o, "clock"),
	    json_is_true(json_object_get(o, "clock_ok"))
		? ""
		: ", behind its mark: see ztjit-hostd clock --accept");
	(void)printf("decisions    %lld\n", (long long)json_integer_value(json_object_get(o, "decisions")));
	print_records(json_object_get(o, "records"));
	print_sessions(json_object_get(o, "sessions"));
}

int ztj_hostd_status(const struct ztj_hostconf *conf, bool json)
{
	struct ztj_buf msg, text;
	json_t *o = NULL;
	int r;

	ztj_buf_init(&msg, ZTJ_IPC_MAX);
	ztj_buf_init(&text, ZTJ_IPC_MAX);
	r = ztj_ipc_begin(&msg, ZTJ_MSG_STATUS);
	if (r == ZTJ_OK)
		r = ask(conf, &msg, -1, &text);
	if (r != ZTJ_OK || json)
		return finish(r, &text);
	o = json_loadb((const char *)text.p, text.n, 0, NULL);
	if (o != NULL)
		print_status(o);
	else
		r = ZTJ_PROTOCOL;
	json_decref(o);
	ztj_buf_free(&text);
	return ztj_err_exit(r);
}
