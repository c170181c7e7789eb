/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/rec/scribe.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"

#define MUST(x) \
	do { \
		if (!(x)) { \
			perror(#x); \
			abort(); \
		} \
	} while (0)

struct peer {
	struct scribe *s;
	int sock;
	struct ztj_ipc_in in;
	struct ztj_buf out;
	size_t untaken;
	bool has_child;
};

static bool stopped(struct scribe *s)
{
	bool stop;

	(void)pthread_mutex_lock(&s->lock);
	stop = s->stop;
	(void)pthread_mutex_unlock(&s->lock);
	return stop;
}

static bool is_hung(struct scribe *s)
{
	bool hung;

	(void)pthread_mutex_lock(&s->lock);
	hung = s->hung;
	(void)pthread_mutex_unlock(&s->lock);
	return hung;
}

/* Waits for input, at most until the test is over. */
static bool readable(struct scribe *s, int fd)
{
	while (!stopped(s)) {
		struct pollfd p = { .fd = is_hung(s) ? -1 : fd, .events = POLLIN };
		if (poll(&p, 1, 20) > 0)
			return true;
	}
	return false;
}

static void linger(struct scribe *s)
{
	while (!stopped(s))
		(void)poll(NULL, 0, 20);
}

static bool reply(struct peer *p)
{
	struct scribe *s = p->s;

	if (ztj_ipc_finish(&p->out) != ZTJ_OK)
		return false;
	if (!s->conf.drip)
		return ztj_ipc_send(p->sock, ztj_buf_view(&p->out), -1, ztj_ipc_now_ms() + 5000) == ZTJ_OK;
	for (size_t i = 0; i < p->out.n && !stopped(s); i++) {
		if (send(p->sock, p->out.p + i, 1, MSG_NOSIGNAL) != 1)
			return false;
		(void)poll(NULL, 0, 300);
	}
	return true;
}

/* True: the test wants the conversation to end here. */
static bool misbehaves(struct peer *p, enum scribe_place place)
{
	struct scribe *s = p->s;

	if (s->conf.hang == place)
		linger(s);
	if (s->conf.garbage == place) {
		static const char junk[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
		(void)!write(p->sock, junk, sizeof junk);
		(void)poll(NULL, 0, 200);
	}
	return s->conf.hang == place || s->conf.garbage == place || s->conf.shut == place;
}

/* Who the kernel says it is. */
static void trace(const struct peer *p)
{
	const struct scribe *s = p->s;
	struct ucred cred = { 0 };
	socklen_t n = sizeof cred;

	if (s->conf.trace && getsockopt(p->sock, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0)
		(void)fprintf(stderr, "hello pid=%d uid=%u gid=%u terminal=%d tty=%s command=%s\n",
		    (int)cred.pid, cred.uid, cred.gid, s->terminal, s->tty, s->command);
}

static bool on_hello(struct peer *p)
{
	struct scribe *s = p->s;
	struct ztj_view session;
	struct ztj_rd rd;
	uint64_t taken;
	uint8_t terminal, name[ZTJ_REC_SESSION_LEN];
	static const uint8_t none[ZTJ_REC_SESSION_LEN];
	bool fresh;

	memset(name, 0x5a, sizeof name);
	ztj_rd_init(&rd, p->in.body);
	if (ztj_rd_bytes(&rd, ZTJ_REC_SESSION_LEN, &session) != ZTJ_OK || ztj_rd_u64(&rd, &taken) != ZTJ_OK ||
	    ztj_rd_u8(&rd, &terminal) != ZTJ_OK || ztj_rd_u32(&rd, &s->cols) != ZTJ_OK ||
	    ztj_rd_u32(&rd, &s->rows) != ZTJ_OK || ztj_rd_cstring(&rd, s->term, sizeof s->term) != ZTJ_OK ||
	    ztj_rd_cstring(&rd, s->command, sizeof s->command) != ZTJ_OK ||
	    ztj_rd_cstring(&rd, s->tty, sizeof s->tty) != ZTJ_OK || ztj_rd_end(&rd) != ZTJ_OK)
		return false;
	fresh = memcmp(session.p, none, sizeof none) == 0;
	s->hellos++;
	s->terminal = terminal == 1;
	if (fresh) { /* perhaps one after another */
		s->received = s->durable = s->promised = 0;
		s->ended = false;
	}
	if (!fresh) {
		if (memcmp(session.p, name, sizeof name) != 0 || taken > s->durable)
			return false;
		s->resumed_from = taken;
		s->received = taken;
		p->has_child = true;
	}
	trace(p);
	if (misbehaves(p, SCRIBE_AT_HELLO))
		return false;
	uint32_t code = !fresh && s->conf.refuse_resume ? 150
	    : !fresh && s->ended                        ? (uint32_t)-ZTJ_EXISTS
							: s->conf.start_code;
	MUST(ztj_ipc_begin(&p->out, ZTJ_REC_START) == ZTJ_OK);
	ztj_buf_put_u32(&p->out, code);
	ztj_buf_put_cstring(&p->out, code != 0 && s->conf.text != NULL ? s->conf.text : "");
	ztj_buf_put(&p->out, name, sizeof name);
	ztj_buf_put_u8(&p->out, s->conf.flags);
	ztj_buf_put_u32(&p->out, s->conf.window != 0 ? s->conf.window : ZTJ_REC_WINDOW);
	ztj_buf_put_cstring(&p->out, s->conf.shell != NULL ? s->conf.shell : "/bin/sh");
	return reply(p) && code == 0;
}

static bool on_child(struct peer *p)
{
	struct scribe *s = p->s;

	if (p->in.body.n != 0 || p->in.fd < 0 || p->has_child)
		return false;
	p->has_child = true;
	s->children++;
	if (misbehaves(p, SCRIBE_AT_CHILD))
		return false;
	MUST(ztj_ipc_begin(&p->out, ZTJ_REC_GO) == ZTJ_OK);
	ztj_buf_put_u32(&p->out, s->conf.go_code);
	ztj_buf_put_cstring(&p->out, s->conf.go_code != 0 && s->conf.text != NULL ? s->conf.text : "");
	return reply(p) && s->conf.go_code == 0;
}

static bool take(struct peer *p, bool all)
{
	struct scribe *s = p->s;
	uint32_t code = s->conf.refuse_at != 0 && s->received >= s->conf.refuse_at ? 8 : 0;

	if ((s->deaf || s->conf.deaf) && code == 0)
		return true;
	if (!all && code == 0 && p->untaken < s->conf.take_bytes)
		return true;
	p->untaken = 0;
	s->promised = s->durable;
	MUST(ztj_ipc_begin(&p->out, ZTJ_REC_TAKEN) == ZTJ_OK);
	ztj_buf_put_u64(&p->out, s->durable + (s->ended ? 1 : 0));
	ztj_buf_put_u32(&p->out, code);
	return reply(p);
}

static void keep(struct scribe *s, uint8_t code, uint64_t us, struct ztj_view v)
{
	if (s->conf.digest && code == 'o') {
		MUST(EVP_DigestUpdate(s->sha, v.p, v.n) == 1);
		s->digest_bytes += v.n;
		return;
	}
	if (s->n_events == s->cap_events) {
		s->cap_events = s->cap_events * 2 + 64;
		MUST((s->events = reallocarray(s->events, s->cap_events, sizeof *s->events)) != NULL);
	}
	if (s->n_data + v.n > s->cap_data) {
		s->cap_data = (s->cap_data + v.n) * 2;
		MUST((s->data = realloc(s->data, s->cap_data)) != NULL);
	}
	s->events[s->n_events++] = (struct scribe_event){ .code = code, .us = us, .at = s->n_data, .n = v.n };
	memcpy(s->data + s->n_data, v.p, v.n);
	s->n_data += v.n;
}

static bool on_event(struct peer *p)
{
	struct scribe *s = p->s;
	struct ztj_view v;
	struct ztj_rd rd;
	uint64_t us;
	uint8_t code;

	ztj_rd_init(&rd, p->in.body);
	if (!p->has_child || s->ended || ztj_rd_u64(&rd, &us) != ZTJ_OK || ztj_rd_u8(&rd, &code) != ZTJ_OK ||
	    ztj_rd_string(&rd, ZTJ_REC_EVENT_MAX, &v) != ZTJ_OK || ztj_rd_end(&rd) != ZTJ_OK ||
	    memchr("oirmOEI", code, 7) == NULL)
		return false;
	s->received++;
	p->untaken += v.n;
	if (p->untaken > s->most_under_way)
		s->most_under_way = p->untaken;
	if (s->received > s->durable) { /* or one that comes again, and is here */
		keep(s, code, us, v);
		s->durable = s->received;
	}
	if (s->conf.slow_us != 0)
		(void)poll(NULL, 0, (int)(s->conf.slow_us / 1000));
	return misbehaves(p, SCRIBE_AT_EVENTS) ? false : take(p, false);
}

static bool on_end(struct peer *p)
{
	struct scribe *s = p->s;
	struct ztj_view sha;
	struct ztj_rd rd;
	uint8_t how;

	if (s->conf.lose_end) {
		s->conf.lose_end = false;
		return false;
	}
	ztj_rd_init(&rd, p->in.body);
	if (ztj_rd_u8(&rd, &how) != ZTJ_OK || (how != 1 && how != 2) || ztj_rd_u32(&rd, &s->status) != ZTJ_OK)
		return false;
	for (int i = 0; i < 3; i++) {
		if (ztj_rd_u64(&rd, &s->bytes[i]) != ZTJ_OK || ztj_rd_bytes(&rd, 32, &sha) != ZTJ_OK)
			return false;
		memcpy(s->sha256[i], sha.p, 32);
	}
	if (ztj_rd_end(&rd) != ZTJ_OK)
		return false;
	s->killed = how == 2;
	s->ended = true;
	if (s->conf.trace)
		(void)fprintf(stderr, "end %s %u in=%llu out=%llu events=%llu\n",
		    s->killed ? "signal" : "exit", s->status, (unsigned long long)s->bytes[0],
		    (unsigned long long)s->bytes[1], (unsigned long long)s->durable);
	if (!s->conf.lose_answer)
		(void)take(p, true);
	return false; /* the daemon closes */
}

static bool on_message(struct peer *p)
{
	struct scribe *s = p->s;
	int64_t now = ztj_ipc_now_ms();
	bool good = true, end = false;

	(void)pthread_mutex_lock(&s->lock);
	if (s->last_ms != 0 && now - s->last_ms > s->longest_silence && p->has_child)
		s->longest_silence = now - s->last_ms;
	s->last_ms = now;
	(void)pthread_mutex_unlock(&s->lock);
	switch (p->in.type) {
	case ZTJ_REC_HELLO:
		return on_hello(p);
	case ZTJ_REC_CHILD:
		return on_child(p);
	case ZTJ_REC_EVENT:
		(void)pthread_mutex_lock(&s->lock);
		good = on_event(p);
		(void)pthread_mutex_unlock(&s->lock);
		return good;
	case ZTJ_REC_PING:
		s->pings++;
		return p->has_child && p->in.body.n == 0 && (p->untaken == 0 || take(p, true));
	case ZTJ_REC_END:
		(void)pthread_mutex_lock(&s->lock);
		end = on_end(p);
		(void)pthread_mutex_unlock(&s->lock);
		return end;
	default:
		s->broken = true;
		return false;
	}
}

static bool dies(struct scribe *s)
{
	return s->conf.die_at != 0 && s->received >= s->conf.die_at;
}

static void serve(struct scribe *s, int sock)
{
	struct peer p = { .s = s, .sock = sock };
	int r = ZTJ_OK;

	ztj_ipc_in_init(&p.in, ZTJ_IPC_MAX);
	ztj_buf_init(&p.out, ZTJ_IPC_MAX);
	while (r == ZTJ_OK && !dies(s) && readable(s, sock)) {
		while ((r = ztj_ipc_read(sock, &p.in, true)) == ZTJ_OK) {
			bool go_on = !is_hung(s) && on_message(&p);
			ztj_ipc_in_reset(&p.in);
			if (!go_on || dies(s)) {
				r = ZTJ_UNREACHABLE;
				break;
			}
		}
		if (r == ZTJ_TIMEOUT)
			r = ZTJ_OK;
		else if (r != ZTJ_UNREACHABLE)
			s->broken = true;
	}
	ztj_ipc_in_free(&p.in);
	ztj_buf_free(&p.out);
	(void)close(sock);
}

static int open_socket(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	MUST(fd >= 0);
	(void)unlink(path);
	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
	MUST(bind(fd, (const struct sockaddr *)&addr, sizeof addr) == 0 && listen(fd, 8) == 0 &&
	    chmod(path, 0666) == 0);
	return fd;
}

/* Killed: what was not taken may be lost, and nobody listens for a while. */
static void die(struct scribe *s)
{
	(void)close(s->listening);
	(void)unlink(s->path);
	s->conf.die_at = 0;
	if (s->conf.forgetful) {
		size_t lost = (size_t)(s->durable - s->promised);
		s->n_events -= lost;
		s->durable -= lost;
		if (lost > 0)
			s->n_data = s->events[s->n_events].at;
	}
	for (unsigned i = 0; i < s->conf.dead_ms / 20 && !stopped(s); i++)
		(void)poll(NULL, 0, 20);
	s->listening = open_socket(s->path);
}

static void *main_loop(void *arg)
{
	struct scribe *s = arg;

	while (!stopped(s)) {
		if (!readable(s, s->listening))
			break;
		int sock = accept4(s->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (sock >= 0)
			serve(s, sock);
		if (dies(s))
			die(s);
	}
	return NULL;
}

void scribe_start(struct scribe *s, const struct scribe_conf *conf)
{
	memset(s, 0, sizeof *s);
	s->conf = *conf;
	if (conf->path != NULL) {
		(void)snprintf(s->path, sizeof s->path, "%s", conf->path);
	} else {
		(void)snprintf(s->dir, sizeof s->dir, "/tmp/ztjit-rec.XXXXXX");
		MUST(mkdtemp(s->dir) != NULL);
		(void)snprintf(s->path, sizeof s->path, "%s/rec.sock", s->dir);
	}
	s->listening = open_socket(s->path);
	s->sha = EVP_MD_CTX_new();
	MUST(EVP_DigestInit_ex(s->sha, EVP_sha256(), NULL) == 1);
	MUST(pthread_mutex_init(&s->lock, NULL) == 0);
	MUST(pthread_create(&s->thread, NULL, main_loop, s) == 0);
}

void scribe_stop(struct scribe *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->stop = true;
	(void)pthread_mutex_unlock(&s->lock);
	MUST(pthread_join(s->thread, NULL) == 0);
	(void)close(s->listening);
	(void)unlink(s->path);
	if (s->conf.path == NULL)
		(void)rmdir(s->dir);
}

void scribe_free(struct scribe *s)
{
	free(s->events);
	free(s->data);
	EVP_MD_CTX_free(s->sha);
	(void)pthread_mutex_destroy(&s->lock);
}

uint8_t *scribe_content(const struct scribe *s, uint8_t code, size_t *n)
{
	uint8_t *out = malloc(s->n_data + 1);

	MUST(out != NULL);
	*n = 0;
	for (size_t i = 0; i < s->n_events; i++) {
		if (s->events[i].code != code)
			continue;
		memcpy(out + *n, s->data + s->events[i].at, s->events[i].n);
		*n += s->events[i].n;
	}
	out[*n] = '\0';
	return out;
}

bool scribe_wait_events(struct scribe *s, uint64_t n)
{
	for (int i = 0; i < 500; i++) {
		(void)pthread_mutex_lock(&s->lock);
		bool there = s->durable >= n;
		(void)pthread_mutex_unlock(&s->lock);
		if (there)
			return true;
		(void)poll(NULL, 0, 20);
	}
	return false;
}

void scribe_set_deaf(struct scribe *s, bool deaf)
{
	(void)pthread_mutex_lock(&s->lock);
	s->deaf = deaf;
	(void)pthread_mutex_unlock(&s->lock);
}

void scribe_set_hung(struct scribe *s, bool hung)
{
	(void)pthread_mutex_lock(&s->lock);
	s->hung = hung;
	(void)pthread_mutex_unlock(&s->lock);
}
