/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The scribe's process, and the gate and the broker that the test plays. Recorders are in srig_rec.c. */
#include "tests/hostd/srig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/sys/log.h"

#define SOON (ztj_ipc_now_ms() + 10000)

/* The scribe inherits this page: one test runs at a time. */
static struct srig_faults *page;

/* ---- the process ---- */

static int64_t late(void)
{
	return ztj_ipc_now_ms() + page->asleep;
}

static _Noreturn void be_scribe(struct srig *r, const struct ztj_scribe_fds *fds)
{
	struct ztj_scribe *s;
	int code;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)close(r->gate);
	(void)close(r->mirror);
	ztj_log_open("scribe", true, getenv("RIG_LOG") != NULL ? ZTJ_LOG_DEBUG : ZTJ_LOG_ALARM + 1);
	srig_faulty(page);
	code = ztj_scribe_new(&r->conf, &r->env, fds, &s);
	if (code != ZTJ_OK) {
		(void)fprintf(stderr, "scribe: %s\n", ztj_err_name(code));
		_exit(99);
	}
	code = ztj_scribe_run(s);
	ztj_scribe_free(s);
	_exit(code);
}

static int listener(const struct srig *r)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/rec.sock", r->dir);
	(void)unlink(addr.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 512), 0);
	return fd;
}

void srig_start(struct srig *r)
{
	struct ztj_scribe_fds fds;
	int gate[2], mirror[2];

	fds.listen = listener(r);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, mirror), 0);
	fds.gate = gate[0];
	fds.mirror = mirror[0];
	r->gate = gate[1];
	r->mirror = mirror[1];
	ztj_ipc_in_init(&r->gate_in, ZTJ_IPC_MAX);
	ztj_ipc_in_init(&r->mirror_in, ZTJ_IPC_MAX);
	page->calls = 0;
	(void)fflush(NULL);
	r->scribe = fork();
	assert_true(r->scribe >= 0);
	if (r->scribe == 0)
		be_scribe(r, &fds);
	(void)close(fds.listen);
	(void)close(fds.gate);
	(void)close(fds.mirror);
	if (r->up)
		srig_link(r, true);
}

void srig_reap(struct srig *r)
{
	assert_int_equal(waitpid(r->scribe, NULL, 0), r->scribe);
	r->scribe = 0;
	(void)close(r->gate);
	(void)close(r->mirror);
	ztj_ipc_in_free(&r->gate_in);
	ztj_ipc_in_free(&r->mirror_in);
	r->ships = 0;
}

void srig_kill(struct srig *r)
{
	assert_int_equal(kill(r->scribe, SIGKILL), 0);
	srig_reap(r);
}

void srig_end(struct srig *r)
{
	int status = 0;

	(void)shutdown(r->gate, SHUT_WR);
	assert_int_equal(waitpid(r->scribe, &status, 0), r->scribe);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	r->scribe = 0;
	(void)close(r->gate);
	(void)close(r->mirror);
	ztj_ipc_in_free(&r->gate_in);
	ztj_ipc_in_free(&r->mirror_in);
	r->ships = 0;
}

void srig_open(struct srig *r)
{
	static const uint8_t no_certs[4];

	memset(r, 0, sizeof(*r));
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/ztjit-scribe.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	assert_true(asprintf(&r->conf.records, "%s/records", r->dir) > 0);
	assert_int_equal(mkdir(r->conf.records, 0700), 0);
	r->conf.record_spool = 64;
	r->conf.record_reserve = 1;
	r->conf.shell = strdup("/bin/sh");
	(void)snprintf(r->conf.fullname, sizeof(r->conf.fullname), "servers/web1");
	(void)snprintf(r->bootid, sizeof(r->bootid), "11111111-2222-3333-4444-555555555555");
	page = r->faults = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	    0);
	assert_true(page != MAP_FAILED);
	ztj_scribe_env_default(&r->env, r->bootid, getegid());
	r->env.now = late;
	r->env.flush_ms = 20;
	r->env.head_ms = 60;
	r->env.silent_ms = 2000;
	r->env.grace_ms = 1500;
	r->env.hello_ms = 1500;
	r->env.retry_ms = 20;
	r->up = true;
	ztj_buf_init(&r->certs, 65536);
	ok(ztj_buf_put(&r->certs, no_certs, 4));
	srig_start(r);
}

static int gone(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void srig_close(struct srig *r)
{
	if (r->scribe > 0)
		srig_end(r);
	for (size_t i = 0; i < r->ncopies; i++) {
		ztj_buf_free(&r->copy[i].data);
		free(r->copy[i].start);
	}
	ztj_buf_free(&r->certs);
	(void)nftw(r->dir, gone, 16, FTW_DEPTH | FTW_PHYS);
	free(r->conf.records);
	free(r->conf.shell);
	(void)munmap(r->faults, sizeof(*r->faults));
	page = NULL;
}

/* ---- what both know ---- */

struct srig_copy *srig_copy(struct srig *r, const uint8_t *session)
{
	struct srig_copy *k;

	for (size_t i = 0; i < r->ncopies; i++)
		if (memcmp(r->copy[i].session, session, ZTJ_REC_SESSION_LEN) == 0)
			return &r->copy[i];
	assert_true(r->ncopies < SRIG_RECORDS);
	k = &r->copy[r->ncopies];
	memcpy(k->session, session, ZTJ_REC_SESSION_LEN);
	k->gone = -1;
	(void)snprintf(k->id, sizeof(k->id), "S-%010zu", ++r->ncopies);
	ztj_buf_init(&k->data, SRIG_COPY_MAX);
	return k;
}

static void say(int sock, struct ztj_buf *b)
{
	int e = ztj_ipc_finish(b);

	if (e == ZTJ_OK)
		(void)!ztj_ipc_send(sock, ztj_buf_view(b), -1, SOON); /* it may have died */
	ztj_buf_free(b);
}

static struct ztj_buf begin(uint8_t type)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	ok(ztj_ipc_begin(&b, type));
	return b;
}

/* ---- the gate ---- */

void srig_note(struct srig *r, const uint8_t *session, const char *text)
{
	struct ztj_buf b = begin(ZTJ_REC_NOTE);

	ok(ztj_buf_put(&b, session, ZTJ_REC_SESSION_LEN));
	ok(ztj_buf_put_cstring(&b, text));
	say(r->gate, &b);
}

void srig_ended(struct srig *r, const uint8_t *session, int code)
{
	struct ztj_buf b = begin(ZTJ_REC_ENDED);

	ok(ztj_buf_put(&b, session, ZTJ_REC_SESSION_LEN));
	ok(ztj_buf_put_u32(&b, (uint32_t)-code));
	say(r->gate, &b);
}

static void answer_new(struct srig *r, uint32_t tag)
{
	uint8_t grant[ZTJ_DIGEST_LEN];
	struct ztj_buf b = begin(ZTJ_REC_IS);

	memset(grant, 0xab, sizeof(grant));
	ok(ztj_buf_put_u32(&b, tag));
	ok(ztj_buf_put_u32(&b, (uint32_t)-r->code));
	ok(ztj_buf_put_cstring(&b, r->code == ZTJ_OK ? "" : "the gate says no"));
	ok(ztj_buf_put_u8(&b, r->flags));
	ok(ztj_buf_put_cstring(&b, "people/req1"));
	ok(ztj_buf_put_cstring(&b, "root"));
	ok(ztj_buf_put_cstring(&b, "sshd"));
	ok(ztj_buf_put_cstring(&b, "root-shell"));
	ok(ztj_buf_put_cstring(&b, "192.0.2.7"));
	ok(ztj_buf_put(&b, grant, sizeof(grant)));
	ok(ztj_buf_put_u64(&b, 1795338000));
	ok(ztj_buf_put(&b, r->certs.p, r->certs.n));
	say(r->gate, &b);
}

static void on_new(struct srig *r, struct ztj_rd *rd)
{
	struct ztj_view name;
	uint8_t terminal;
	uint32_t tag;

	ok(ztj_rd_u32(rd, &tag));
	ok(ztj_rd_bytes(rd, ZTJ_REC_SESSION_LEN, &name));
	ok(ztj_rd_u8(rd, &terminal));
	assert_true(r->gate_in.fd >= 0 && ztj_proc_alive(r->gate_in.fd));
	srig_copy(r, name.p)->asked++;
	if (!r->gate_mute)
		answer_new(r, tag);
}

static void on_place(struct srig *r, struct ztj_rd *rd)
{
	struct ztj_buf b = begin(ZTJ_REC_PLACED);
	struct ztj_view name;
	uint32_t tag;

	ok(ztj_rd_u32(rd, &tag));
	ok(ztj_rd_bytes(rd, ZTJ_REC_SESSION_LEN, &name));
	assert_true(r->gate_in.fd >= 0);
	srig_copy(r, name.p)->placed++;
	ok(ztj_buf_put_u32(&b, tag));
	ok(ztj_buf_put_u32(&b, 0));
	ok(ztj_buf_put_cstring(&b, ""));
	say(r->gate, &b);
}

/* As the real one: forward only, nothing after the end. */
static int may_sign(const struct srig_copy *k, const struct ztj_chain *c, uint8_t state)
{
	const struct ztj_chain *before = &k->signed_chain;

	if (k->signed_state != ZTJ_RECORD_OPEN &&
	    (state != k->signed_state || c->chunks != before->chunks || c->bytes != before->bytes))
		return ZTJ_STATE;
	if (c->chunks < before->chunks || c->bytes < before->bytes ||
	    (c->chunks == before->chunks && memcmp(c->digest, before->digest, ZTJ_DIGEST_LEN) != 0))
		return ZTJ_STATE;
	return ZTJ_OK;
}

static void on_sign(struct srig *r, struct ztj_rd *rd)
{
	struct ztj_chain c = { .chunks = 0 };
	struct ztj_view name, digest;
	char hex[ZTJ_HEX_SIZE];
	struct srig_copy *k;
	struct ztj_buf b;
	uint32_t tag;
	uint8_t state;
	int code;

	ok(ztj_rd_u32(rd, &tag));
	ok(ztj_rd_bytes(rd, ZTJ_REC_SESSION_LEN, &name));
	ok(ztj_rd_u32(rd, &c.chunks));
	ok(ztj_rd_u64(rd, &c.bytes));
	ok(ztj_rd_bytes(rd, ZTJ_DIGEST_LEN, &digest));
	ok(ztj_rd_u8(rd, &state));
	memcpy(c.digest, digest.p, ZTJ_DIGEST_LEN);
	if (r->sign_mute)
		return;
	k = srig_copy(r, name.p);
	code = may_sign(k, &c, state);
	assert_int_equal(code, ZTJ_OK); /* it must never ask for what may not be signed */
	k->signed_chain = c;
	k->signed_state = state;
	ztj_hex(c.digest, ZTJ_DIGEST_LEN, hex);
	b = begin(ZTJ_REC_SIGNED);
	ok(ztj_buf_put_u32(&b, tag));
	ok(ztj_buf_put_u32(&b, 0));
	char *json = NULL;
	assert_true(asprintf(&json, "{\"chunks\":%u,\"bytes\":%llu,\"digest\":\"%s\",\"state\":%u}", c.chunks,
			(unsigned long long)c.bytes, hex, state) > 0);
	ok(ztj_buf_put_cstring(&b, json));
	free(json);
	if (!r->sign_hold) {
		say(r->gate, &b);
		return;
	}
	assert_int_equal(r->held.n, 0); /* one at a time for each record */
	r->held = b;
}

static bool is_asked(struct srig *r, void *arg)
{
	(void)arg;
	return r->held.n > 0;
}

bool srig_asked(struct srig *r)
{
	return srig_pump(r, 10000, is_asked, NULL);
}

void srig_signed(struct srig *r)
{
	r->sign_hold = false;
	say(r->gate, &r->held);
}

static void on_gate(struct srig *r)
{
	struct ztj_view name;
	struct ztj_rd rd;
	uint8_t lost;

	ztj_rd_init(&rd, r->gate_in.body);
	switch (r->gate_in.type) {
	case ZTJ_REC_NEW:
		on_new(r, &rd);
		break;
	case ZTJ_REC_PLACE:
		on_place(r, &rd);
		break;
	case ZTJ_REC_SIGN:
		on_sign(r, &rd);
		break;
	case ZTJ_REC_GONE:
		ok(ztj_rd_bytes(&rd, ZTJ_REC_SESSION_LEN, &name));
		ok(ztj_rd_u8(&rd, &lost));
		srig_copy(r, name.p)->gone = lost;
		break;
	case ZTJ_REC_NAMED:
		ok(ztj_rd_bytes(&rd, ZTJ_REC_SESSION_LEN, &name));
		ok(ztj_rd_cstring(&rd, srig_copy(r, name.p)->named, ZTJ_SHORT_ID_SIZE));
		break;
	case ZTJ_REC_SPOOL:
		ok(ztj_rd_u32(&rd, &r->open));
		ok(ztj_rd_u32(&rd, &r->waiting));
		ok(ztj_rd_u64(&rd, &r->used));
		ok(ztj_rd_u64(&rd, &r->room));
		ok(ztj_rd_u64(&rd, &r->unshipped));
		break;
	default:
		fail_msg("the gate got a message of type %u", r->gate_in.type);
	}
}

/* ---- mirror and broker ---- */

void srig_link(struct srig *r, bool up)
{
	struct ztj_buf b = begin(ZTJ_REC_LINK);

	r->up = up;
	ok(ztj_buf_put_u8(&b, up));
	say(r->mirror, &b);
}

static void answer_ship(struct srig *r, uint32_t tag, uint32_t status, const char *body)
{
	struct ztj_buf b = begin(ZTJ_REC_SHIPPED);

	ok(ztj_buf_put_u32(&b, tag));
	ok(ztj_buf_put_u32(&b, status));
	ok(ztj_buf_put_cstring(&b, body));
	r->ships--;
	say(r->mirror, &b);
}

static struct srig_copy *by_start(struct srig *r, const char *body)
{
	json_t *o = json_loads(body, 0, NULL);
	const char *hex = json_string_value(json_object_get(o, "session"));
	uint8_t session[ZTJ_REC_SESSION_LEN];
	struct srig_copy *k;

	assert_non_null(hex);
	ok(ztj_unhex(ztj_view_str(hex), session, sizeof(session)));
	json_decref(o);
	k = srig_copy(r, session);
	k->started = true;
	free(k->start);
	assert_non_null(k->start = strdup(body));
	return k;
}

static struct srig_copy *by_id(struct srig *r, const char *id)
{
	for (size_t i = 0; i < r->ncopies; i++)
		if (r->copy[i].started && strcmp(r->copy[i].id, id) == 0)
			return &r->copy[i];
	return NULL;
}

/* The real broker: what is there must be the same, nothing may be left out. */
static uint32_t add_chunks(struct srig_copy *k, uint64_t offset, struct ztj_view v)
{
	size_t same = offset < k->data.n ? k->data.n - (size_t)offset : 0;

	if (offset > k->data.n)
		return 409;
	same = same < v.n ? same : v.n;
	if (same > 0 && memcmp(k->data.p + offset, v.p, same) != 0)
		return 409;
	ok(ztj_buf_put(&k->data, v.p + same, v.n - same));
	return 200;
}

static void on_head(struct srig_copy *k, const char *body)
{
	json_t *o = json_loads(body, 0, NULL);
	uint64_t bytes = (uint64_t)json_integer_value(json_object_get(o, "bytes"));

	assert_true(json_is_integer(json_object_get(o, "bytes")));
	assert_true(bytes <= k->data.n && bytes >= k->head_bytes);
	k->heads++;
	k->head_bytes = bytes;
	k->head_state = (uint8_t)json_integer_value(json_object_get(o, "state"));
	json_decref(o);
}

static struct ztj_view of_file(int fd, uint64_t offset, uint32_t n)
{
	static uint8_t room[1024 * 1024];

	assert_true(n <= sizeof(room) && fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(pread(fd, room, n, (off_t)offset), n);
	return ztj_view_of(room, n);
}

static void on_ship(struct srig *r)
{
	char body[65536], id[16], reply[256];
	uint32_t tag, n, status = 200;
	struct srig_copy *k;
	struct ztj_rd rd;
	uint64_t offset;
	uint8_t what;

	ztj_rd_init(&rd, r->mirror_in.body);
	ok(ztj_rd_u32(&rd, &tag));
	ok(ztj_rd_u8(&rd, &what));
	ok(ztj_rd_cstring(&rd, id, sizeof(id)));
	ok(ztj_rd_u64(&rd, &offset));
	ok(ztj_rd_u32(&rd, &n));
	ok(ztj_rd_cstring(&rd, body, sizeof(body)));
	ok(ztj_rd_end(&rd));
	r->ships++;
	r->all_ships++;
	r->most_ships = r->ships > r->most_ships ? r->ships : r->most_ships;
	if (r->hold)
		return;
	if (r->status != 0) {
		answer_ship(r, tag, r->status, "{}");
		return;
	}
	k = what == ZTJ_SHIP_START ? by_start(r, body) : by_id(r, id);
	if (k == NULL) {
		answer_ship(r, tag, 404, "{}");
		return;
	}
	if (what == ZTJ_SHIP_CHUNKS)
		status = add_chunks(k, offset, of_file(r->mirror_in.fd, offset, n));
	else if (what == ZTJ_SHIP_HEAD)
		on_head(k, body);
	(void)snprintf(reply, sizeof(reply), "{\"id\":\"%s\",\"size\":%llu,\"head\":0}", k->id,
	    (unsigned long long)(r->lie != 0 ? r->lie : k->data.n));
	answer_ship(r, tag, status, reply);
}

/* ---- time ---- */

static bool serve(struct srig *r, int sock, struct ztj_ipc_in *in, void (*on)(struct srig *r))
{
	int e = ztj_ipc_read(sock, in, true);

	if (e == ZTJ_OK)
		on(r);
	if (e != ZTJ_TIMEOUT)
		ztj_ipc_in_reset(in);
	return e == ZTJ_OK;
}

bool srig_pump(struct srig *r, int ms, bool (*done)(struct srig *r, void *arg), void *arg)
{
	int64_t end = ztj_ipc_now_ms() + ms;

	for (;;) {
		struct pollfd p[2] = { { .fd = r->gate, .events = POLLIN },
			{ .fd = r->mirror, .events = POLLIN } };
		if (done != NULL && done(r, arg))
			return true;
		if (ztj_ipc_now_ms() >= end)
			return done == NULL;
		if (poll(p, 2, 5) <= 0)
			continue;
		bool any = (p[0].revents & POLLIN) != 0 && serve(r, r->gate, &r->gate_in, on_gate);
		any |= (p[1].revents & POLLIN) != 0 && serve(r, r->mirror, &r->mirror_in, on_ship);
		if (!any)
			(void)usleep(1000); /* it has died */
	}
}

/* ---- what came of it ---- */

void srig_text(const struct srig_copy *k, struct ztj_buf *text, struct ztj_chain *chain)
{
	static const struct ztj_view none = { NULL, 0 };
	struct ztj_opener *o;

	memset(chain, 0, sizeof(*chain));
	ok(ztj_opener_new(none, none, &o));
	while (chain->bytes < k->data.n) {
		struct ztj_chunk c;
		ok(ztj_chunk_read(ztj_view_of(k->data.p + chain->bytes, k->data.n - chain->bytes), &c));
		ok(ztj_chain_add(chain, &c));
		ok(ztj_unpack(o, &c, text));
	}
	ztj_opener_free(o);
}

size_t srig_bytes(const struct srig_copy *k, char code, struct ztj_buf *out)
{
	struct ztj_cast_reader *reader;
	struct ztj_cast_event e;
	struct ztj_chain chain;
	struct ztj_buf text;
	uint64_t last = 0;
	size_t n = 0;

	ztj_buf_init(&text, SRIG_COPY_MAX * 4);
	srig_text(k, &text, &chain);
	ok(ztj_cast_reader_new(&reader));
	for (size_t at = 0; at < text.n;) {
		/* a line at a time: the reader holds no more than it must */
		const uint8_t *nl = memchr(text.p + at, '\n', text.n - at);
		assert_non_null(nl);
		size_t len = (size_t)(nl - text.p) + 1 - at;
		ok(ztj_cast_reader_add(reader, ztj_view_of(text.p + at, len)));
		at += len;
		while (ztj_cast_reader_next(reader, at == text.n, &e) == ZTJ_OK) {
			assert_true(e.us >= last);
			last = e.us;
			if (e.code != code)
				continue;
			n++;
			ok(ztj_buf_put(out, e.bytes.p, e.bytes.n));
		}
	}
	ztj_cast_reader_free(reader);
	ztj_buf_free(&text);
	return n;
}

bool srig_spool_empty(struct srig *r)
{
	DIR *d = opendir(r->conf.records);
	const struct dirent *e;
	bool empty = true;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		empty &= e->d_name[0] == '.' || strcmp(e->d_name, ZTJ_RESERVE) == 0 ||
		    strcmp(e->d_name, ZTJ_SPARE) == 0;
	(void)closedir(d);
	return empty;
}

static bool all_there(struct srig *r, void *arg)
{
	char name[ZTJ_HEX_SIZE], path[512];

	ztj_hex(arg, ZTJ_REC_SESSION_LEN, name);
	(void)snprintf(path, sizeof(path), "%s/%s.meta", r->conf.records, name);
	if (access(path, F_OK) == 0)
		return false;
	(void)snprintf(path, sizeof(path), "%s/%s.done", r->conf.records, name);
	return access(path, F_OK) != 0;
}

void srig_shipped(struct srig *r, const uint8_t *session)
{
	uint8_t copy[ZTJ_REC_SESSION_LEN];

	memcpy(copy, session, sizeof(copy));
	assert_true(srig_pump(r, 10000, all_there, copy));
	assert_true(srig_copy(r, session)->head_state != ZTJ_RECORD_OPEN);
	assert_int_equal(srig_copy(r, session)->head_bytes, srig_copy(r, session)->data.n);
}
