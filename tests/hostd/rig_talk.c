/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What passes between the gate and those around it. */
#include "tests/hostd/rig.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define SOON (ztj_ipc_now_ms() + 15000)

/* ---- news ---- */

static void say(int sock, struct ztj_buf *b, int fd)
{
	ok(ztj_ipc_finish(b));
	ok(ztj_ipc_send(sock, ztj_buf_view(b), fd, SOON));
	ztj_buf_free(b);
}

/* The gate answers what it does not know by closing: it has come to it, and did nothing that costs time. */
static void one_turn(struct rig *r)
{
	char *text;

	assert_int_equal(rig_control(r, 255, ztj_view_of(NULL, 0), &text), ZTJ_UNREACHABLE);
	free(text);
}

void rig_sync(struct rig *r)
{
	int left = 1;

	for (int i = 0; i < 2000 && left > 0; i++) {
		assert_int_equal(ioctl(r->mirror, SIOCOUTQ, &left), 0);
		if (left > 0)
			(void)usleep(1000);
	}
	assert_int_equal(left, 0);
	one_turn(r);
	one_turn(r); /* the first may have been read before the last news */
	rig_warden(r);
}

void rig_news_raw(struct rig *r, const struct ztj_signed *s)
{
	struct ztj_buf json, b;

	ztj_buf_init(&json, 2 * ZTJ_POLICY_MAX);
	ztj_buf_init(&b, ZTJ_IPC_MAX);
	ok(ztj_signed_to_json(s, &json));
	ok(ztj_ipc_begin(&b, ZTJ_MSG_CONTAINER));
	ok(ztj_buf_put_view(&b, ztj_buf_view(&json)));
	say(r->mirror, &b, -1);
	ztj_buf_free(&json);
	rig_sync(r);
}

void rig_news(struct rig *r, const struct fx_signed *s)
{
	rig_news_raw(r, &s->s);
}

static char *directory_json(const struct ztj_dir *set, const struct fx_signed *st)
{
	json_t *put = json_array(), *o, *container, *said;
	struct ztj_buf json;
	char *text;

	ztj_buf_init(&json, 256 * 1024);
	ok(ztj_signed_to_json(&st->s, &json));
	container = json_loadb((const char *)json.p, json.n, 0, NULL);
	assert_non_null(container);
	for (size_t i = 0; i < ztj_dir_count(set); i++) {
		struct ztj_view v = ztj_dir_at(set, i)->bytes;
		(void)json_array_append_new(put, json_stringn((const char *)v.p, v.n));
	}
	said = json_loadb((const char *)st->s.bytes.p, st->s.bytes.n, 0, NULL);
	o = json_pack("{s:s,s:O,s:[o],s:[],s:o}", "name", ztj_dir_name(set), "serial",
	    json_object_get(said, "serial"), "statements", container, "drop", "put", put);
	assert_non_null(o);
	json_decref(said);
	text = json_dumps(o, 0);
	json_decref(o);
	ztj_buf_free(&json);
	return text;
}

void rig_directory(struct rig *r, const struct ztj_dir *set, const struct fx_signed *st)
{
	char *text = directory_json(set, st);
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct ztj_buf b;

	assert_non_null(text);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	ztj_buf_init(&b, 64);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_BODY));
	ok(ztj_buf_put_u8(&b, 2));
	say(r->mirror, &b, fd);
	(void)close(fd);
	free(text);
	rig_sync(r);
}

void rig_status_now(struct rig *r)
{
	struct fx_signed s;

	fx_status(&r->w, &r->w.online, &s);
	rig_news(r, &s);
	fx_signed_free(&s);
}

void rig_link(struct rig *r, bool up)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 64);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_LINK));
	ok(ztj_buf_put_u8(&b, up));
	say(r->mirror, &b, -1);
	rig_sync(r);
}

/* ---- the warden ---- */

static void answer_gate(const struct rig *r, const struct ztj_warden_msg *m)
{
	ssize_t n = send(r->warden, m, sizeof(*m), MSG_NOSIGNAL);

	assert_true(n == (ssize_t)sizeof(*m) || r->may_die);
}

static void take_published(struct rig *r, const struct ztj_warden_msg *m, int fd)
{
	const struct ztj_warden_msg answer = { .op = ZTJ_WARDEN_DONE, .id = m->id, .code = r->publish_code };
	uint8_t chunk[4096];
	ssize_t n;

	assert_in_range(m->n, 0, ZTJ_PUBLISHED - 1);
	if (fd < 0) {
		assert_int_equal(m->n, ZTJ_PUBLISH_GRANTS);
		ztj_buf_free(&r->published[m->n]);
		r->withdrawn++;
		answer_gate(r, &answer);
		return;
	}
	assert_int_equal(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE, F_SEAL_WRITE);
	ztj_buf_free(&r->published[m->n]);
	ztj_buf_init(&r->published[m->n], 1 << 24);
	for (off_t at = 0; (n = pread(fd, chunk, sizeof(chunk), at)) > 0; at += n)
		ok(ztj_buf_put(&r->published[m->n], chunk, (size_t)n));
	r->npublished[m->n]++;
	r->before = r->ntold;
	answer_gate(r, &answer);
}

static void take_command(struct rig *r)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct ztj_warden_msg m, answer;
	struct iovec iov = { &m, sizeof(m) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(r->warden, &msg, MSG_DONTWAIT) != (ssize_t)sizeof(m))
		return;
	c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_type == SCM_RIGHTS) {
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		assert_true(fd >= 0);
	}
	if (m.op != ZTJ_WARDEN_PUBLISH)
		assert_int_equal(fd >= 0, m.op == ZTJ_WARDEN_MAKE || m.op == ZTJ_WARDEN_KILL_PROC);
	if (m.op == ZTJ_WARDEN_PUBLISH)
		take_published(r, &m, fd);
	if (fd >= 0)
		(void)close(fd);
	if (m.op == ZTJ_WARDEN_PUBLISH)
		return;
	if (m.op == ZTJ_WARDEN_SOON) {
		r->nsoon++;
	} else if (r->on_told != NULL) {
		r->on_told(r, &m);
	} else {
		assert_in_range(r->ntold, 0, RIG_WARDEN_MAX - 1);
		r->told[r->ntold++] = m;
	}
	if (r->warden_mute)
		return;
	answer = (struct ztj_warden_msg){ .op = ZTJ_WARDEN_DONE,
		.id = m.id,
		.session = m.session,
		.code = r->warden_code,
		.n = m.op == ZTJ_WARDEN_STRAYS ? r->strays : r->audit,
		.flags = m.op == ZTJ_WARDEN_STRAYS ? r->strays_flags : 0 };
	answer_gate(r, &answer);
}

static size_t heard(const struct rig *r)
{
	return r->ntold + r->nsoon + r->npublished[0] + r->npublished[1];
}

void rig_warden(struct rig *r)
{
	struct pollfd p = { .fd = r->warden, .events = POLLIN };

	while (poll(&p, 1, 5) > 0 && (p.revents & POLLIN) != 0) {
		size_t n = heard(r);
		take_command(r);
		if (heard(r) == n)
			return;
	}
}

void rig_warden_says(struct rig *r, uint32_t op, uint64_t session, uint64_t parent)
{
	const struct ztj_warden_msg m = { .op = op, .session = session, .parent = parent };

	answer_gate(r, &m);
}

bool rig_told(const struct rig *r, uint32_t op)
{
	for (size_t i = 0; i < r->ntold; i++)
		if (r->told[i].op == op)
			return true;
	return false;
}

/* ---- the scribe ---- */

/* The next message, with the warden played meanwhile. */
static int next(struct rig *r, int sock, struct ztj_ipc_in *in)
{
	int64_t end = r->patience_ms > 0 ? ztj_ipc_now_ms() + r->patience_ms : SOON;

	for (;;) {
		struct pollfd p[2] = { { .fd = sock, .events = POLLIN },
			{ .fd = r->warden, .events = POLLIN } };
		int code = ztj_ipc_read(sock, in, false);
		if (code != ZTJ_TIMEOUT)
			return code;
		if (ztj_ipc_now_ms() > end)
			return ZTJ_TIMEOUT;
		(void)poll(p, 2, 1000);
		if ((p[1].revents & POLLIN) != 0)
			take_command(r);
	}
}

void rig_scribe(struct rig *r, uint8_t type, const struct ztj_buf *body, bool pidfd)
{
	int fd = pidfd ? (int)syscall(SYS_pidfd_open, getpid(), 0) : -1;
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	ok(ztj_ipc_begin(&b, type));
	ok(ztj_buf_put(&b, body->p, body->n));
	say(r->scribe, &b, fd);
	if (fd >= 0)
		(void)close(fd);
}

struct ztj_view rig_scribed(struct rig *r, uint8_t type)
{
	static struct ztj_ipc_in in;
	static bool begun;

	if (begun)
		ztj_ipc_in_free(&in);
	begun = true;
	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	ok(next(r, r->scribe, &in));
	assert_int_equal(in.type, type);
	return in.body;
}

/* ---- sockets ---- */

int rig_connect(const struct rig *r, const char *name)
{
	char path[128];
	int sock;

	(void)snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	ok(ztj_ipc_connect(path, SOON, &sock));
	return sock;
}

static void answer_agent(struct rig *r, int sock)
{
	struct ztj_buf b;
	int pair[2] = { -1, -1 };

	ztj_buf_init(&b, 64);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_AGENT));
	ok(ztj_buf_put_u8(&b, r->agent != NULL));
	if (r->agent != NULL)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	say(sock, &b, pair[0]);
	if (r->agent != NULL) {
		(void)close(pair[0]);
		r->agent(r, pair[1]);
		(void)close(pair[1]);
	}
}

static int on_answer(struct rig *r, int sock, struct ztj_ipc_in *in, bool *done)
{
	struct ztj_rd rd;
	struct ztj_view v;
	uint32_t n;

	ztj_rd_init(&rd, in->body);
	switch (in->type) {
	case ZTJ_MSG_VERDICT:
		ok(ztj_rd_u32(&rd, &n));
		ok(ztj_rd_string(&rd, sizeof(r->text) - 1, &v));
		(void)snprintf(r->text, sizeof(r->text), "%.*s", (int)v.n, (const char *)v.p);
		*done = true;
		return -(int)n;
	case ZTJ_MSG_PROMPT:
		ok(ztj_rd_string(&rd, sizeof(r->prompt) - 1, &v));
		(void)snprintf(r->prompt, sizeof(r->prompt), "%.*s", (int)v.n, (const char *)v.p);
		if (r->prompted != NULL)
			r->prompted(r);
		return ZTJ_OK;
	case ZTJ_MSG_NEED_AGENT:
		answer_agent(r, sock);
		return ZTJ_OK;
	default:
		fail_msg("message type %u", in->type);
		return ZTJ_INTERNAL;
	}
}

/* As the module: by the local files first, then by what is published. */
static const char *resolve(const struct rig *r, const char *user, char out[32])
{
	char path[256];
	uint32_t uid = 0;
	bool found = false;
	FILE *fp;

	(void)snprintf(path, sizeof(path), "%.63s/passwd", r->dir);
	fp = fopen(path, "re");
	for (struct passwd *pw; fp != NULL && !found && (pw = fgetpwent(fp)) != NULL;)
		if (strcmp(pw->pw_name, user) == 0) {
			uid = pw->pw_uid;
			found = true;
		}
	if (fp != NULL)
		(void)fclose(fp);
	if (!found && r->published[ZTJ_PUBLISH_PEOPLE].n > 0) {
		uid = rig_uid_of(r, user);
		found = uid != 0;
	}
	(void)snprintf(out, 32, found ? "uid=%u" : "uid=none", uid);
	return out;
}

int rig_ask(struct rig *r, const char *name, struct ztj_buf *msg, struct ztj_ipc_in *in)
{
	char path[128];
	int sock, code;

	ok(ztj_ipc_finish(msg));
	ztj_ipc_in_init(in, ZTJ_IPC_MAX);
	(void)snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	code = ztj_ipc_connect(path, SOON, &sock);
	if (code == ZTJ_OK) {
		code = ztj_ipc_send(sock, ztj_buf_view(msg), -1, SOON);
		if (code == ZTJ_OK)
			code = next(r, sock, in);
		(void)close(sock);
	}
	ztj_buf_free(msg);
	return code;
}

void rig_pam_message(struct ztj_buf *b, uint8_t call, const char *service, const char *user, const char *info)
{
	ztj_buf_init(b, ZTJ_IPC_MAX);
	ok(ztj_ipc_begin(b, call));
	ok(ztj_buf_put_cstring(b, service));
	ok(ztj_buf_put_cstring(b, user));
	ok(ztj_buf_put_cstring(b, ""));
	ok(ztj_buf_put_cstring(b, ""));
	ok(ztj_buf_put_cstring(b, "192.0.2.7"));
	ok(ztj_buf_put_cstring(b, info));
}

int rig_pam(struct rig *r, uint8_t call, const char *service, const char *user, const char *info)
{
	int sock = rig_connect(r, "pam.sock");
	struct ztj_ipc_in in;
	struct ztj_buf b;
	bool done = false;
	char who[32];

	if (call == ZTJ_MSG_ACCOUNT)
		info = r->resolves != NULL ? r->resolves : resolve(r, user, who);
	r->text[0] = r->prompt[0] = '\0';
	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	rig_pam_message(&b, call, service, user, info);
	say(sock, &b, -1);
	while (!done) {
		r->code = next(r, sock, &in);
		if (r->code != ZTJ_OK)
			break;
		r->code = on_answer(r, sock, &in, &done);
		ztj_ipc_in_reset(&in);
	}
	ztj_ipc_in_free(&in);
	(void)close(sock);
	rig_warden(r);
	return r->code;
}

void rig_principals_message(struct ztj_buf *b, const char *account, const char *b64)
{
	ztj_buf_init(b, ZTJ_IPC_MAX);
	ok(ztj_ipc_begin(b, ZTJ_MSG_PRINCIPALS));
	ok(ztj_buf_put_cstring(b, account));
	ok(ztj_buf_put_cstring(b, "sk-ssh-ed25519-cert-v01@openssh.com"));
	ok(ztj_buf_put_cstring(b, b64));
	ok(ztj_buf_put_cstring(b, ""));
}

int rig_principals(struct rig *r, const char *account, const char *b64, char *line, size_t size)
{
	int code;
	struct ztj_view v, text;
	struct ztj_ipc_in in;
	struct ztj_buf b;
	struct ztj_rd rd;
	uint32_t n = 0;

	rig_principals_message(&b, account, b64);
	code = rig_ask(r, "principals.sock", &b, &in);
	if (code == ZTJ_OK) {
		assert_int_equal(in.type, ZTJ_MSG_LINE);
		ztj_rd_init(&rd, in.body);
		ok(ztj_rd_u32(&rd, &n));
		ok(ztj_rd_string(&rd, 8192, &v));
		ok(ztj_rd_string(&rd, 8192, &text));
		ok(ztj_rd_end(&rd));
		(void)snprintf(line, size, "%.*s", (int)v.n, (const char *)v.p);
		(void)snprintf(r->text, sizeof(r->text), "%.*s", (int)text.n, (const char *)text.p);
		assert_int_equal(n == 0, v.n > 0);
		code = -(int)n;
	}
	ztj_ipc_in_free(&in);
	return code;
}

int rig_login(struct rig *r, const char *account, const char *b64)
{
	char line[8192], *info = NULL;
	int code = rig_principals(r, account, b64, line, sizeof(line));

	if (code == ZTJ_OK)
		code = rig_pam(r, ZTJ_MSG_ACCOUNT, "sshd", account, "");
	if (code != ZTJ_OK)
		return code;
	assert_true(asprintf(&info, "publickey sk-ssh-ed25519-cert-v01@openssh.com %s", b64) > 0);
	code = rig_pam(r, ZTJ_MSG_OPEN, "sshd", account, info);
	free(info);
	return code;
}

int rig_control(struct rig *r, uint8_t type, struct ztj_view body, char **text)
{
	int code;
	struct ztj_ipc_in in;
	struct ztj_view v;
	struct ztj_buf b;
	struct ztj_rd rd;
	uint32_t n = 0;

	*text = NULL;
	ztj_buf_init(&b, ZTJ_IPC_MAX);
	ok(ztj_ipc_begin(&b, type));
	ok(ztj_buf_put(&b, body.p, body.n));
	code = rig_ask(r, "control.sock", &b, &in);
	if (code == ZTJ_OK) {
		ztj_rd_init(&rd, in.body);
		ok(ztj_rd_u32(&rd, &n));
		ok(ztj_rd_string(&rd, ZTJ_IPC_MAX, &v));
		*text = strndup((const char *)v.p, v.n);
		code = -(int)n;
	}
	ztj_ipc_in_free(&in);
	return code;
}

json_t *rig_status(struct rig *r)
{
	char *text;
	json_t *o;

	ok(rig_control(r, ZTJ_MSG_STATUS, ztj_view_of(NULL, 0), &text));
	assert_non_null(o = json_loads(text, 0, NULL));
	free(text);
	return o;
}

size_t rig_sessions(struct rig *r)
{
	json_t *o = rig_status(r);
	size_t n = json_array_size(json_object_get(o, "sessions"));

	json_decref(o);
	return n;
}

/* ---- step-ups ---- */

void rig_sign(const struct soft_key *k, struct ztj_view bytes, uint8_t flags, struct ztj_buf *sshsig)
{
	soft_key_sshsig(k, ztj_stmt_namespace(ZTJ_STMT_STEPUP), bytes, flags, sshsig);
}

void rig_posted(struct rig *r, struct ztj_buf *mem, struct ztj_signed *out)
{
	struct ztj_ipc_in in;
	struct ztj_view id, json;
	struct ztj_rd rd;

	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	ztj_buf_init(mem, 256 * 1024);
	for (;;) {
		ok(ztj_ipc_recv(r->mirror, &in, SOON));
		if (in.type == ZTJ_MSG_POST)
			break;
		ztj_ipc_in_reset(&in);
	}
	ztj_rd_init(&rd, in.body);
	ok(ztj_rd_bytes(&rd, ZTJ_DIGEST_LEN, &id));
	ok(ztj_rd_string(&rd, ZTJ_IPC_MAX, &json));
	ok(ztj_signed_from_json(json, mem, out));
	ztj_ipc_in_free(&in);
}

bool rig_ended(struct rig *r, const struct ztj_signed *challenge)
{
	uint8_t want[ZTJ_DIGEST_LEN], taken = 0;
	struct ztj_ipc_in in;
	struct ztj_view id;
	struct ztj_rd rd;
	bool found = false;

	ok(ztj_stmt_id(challenge->bytes, want));
	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	while (!found) {
		ok(ztj_ipc_recv(r->mirror, &in, SOON));
		if (in.type == ZTJ_MSG_ENDED) {
			ztj_rd_init(&rd, in.body);
			ok(ztj_rd_bytes(&rd, ZTJ_DIGEST_LEN, &id));
			ok(ztj_rd_u8(&rd, &taken));
			ok(ztj_rd_end(&rd));
			found = memcmp(id.p, want, sizeof(want)) == 0;
		}
		ztj_ipc_in_reset(&in);
	}
	ztj_ipc_in_free(&in);
	return taken == 1;
}

void rig_relay(struct rig *r, const struct ztj_signed *challenge, const struct soft_key *k, uint8_t flags)
{
	struct ztj_signed both = *challenge;
	struct ztj_buf sig, json, b;

	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&json, 256 * 1024);
	ztj_buf_init(&b, ZTJ_IPC_MAX);
	rig_sign(k, challenge->bytes, flags, &sig);
	both.sig[1] = ztj_buf_view(&sig);
	both.nsigs = 2;
	ok(ztj_signed_to_json(&both, &json));
	ok(ztj_ipc_begin(&b, ZTJ_MSG_CONTAINER));
	ok(ztj_buf_put_view(&b, ztj_buf_view(&json)));
	say(r->mirror, &b, -1);
	ztj_buf_free(&sig);
	ztj_buf_free(&json);
}
