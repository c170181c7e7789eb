/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Sessions as a host records and ships them, for tests of the command line; and what somebody does to a record who
 * holds the broker's disk.
 *   makesession host URL DIR FULLNAME        does what it reads, a line at a time:
 *       start PERSON tty|pipes [COMMAND]     prints the id
 *       under DIGEST                         the request that what starts from now on is under
 *       seal FILE                            from now on to this certificate (DER)
 *       say MICROSECONDS CODE TEXT           an event; \n, \r, \e, \b and \\ are understood
 *       file MICROSECONDS CODE FILE          the same with the bytes of a file
 *       noise MIB                            output that no compressor likes, shipped in chunks
 *       chunk | last                         what was said since, shipped
 *       head open|closed|lost                signed and shipped
 *       kill                                 prints the reason of the next kill of this session
 *   makesession alter FILE N                 another number of events in chunk N, the chain made anew after it
 *   makesession swap FILE N                  chunks N and N + 1 change places
 *   makesession safe FILE                    what is left of the bytes for whoever looks at them
 *   makesession check v2|v3|json FILE WANT   an export: its output is what WANT begins with, and the rest is as it should be
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "libztjit/core/castsafe.h"
#include "libztjit/record/record.h"
#include "libztjit/sys/safefile.h"
#include "tests/cli/hostfiles.h"

#define FILE_MAX (1u << 30)
#define WIDTH 100

struct session {
	struct host keys;
	struct ztj_net *net;
	const char *fullname;
	char id[ZTJ_SHORT_ID_SIZE], person[ZTJ_FULLNAME_SIZE];
	uint8_t name[ZTJ_DIGEST_LEN];
	char grant[ZTJ_HEX_SIZE]; /* "": its own name */
	struct ztj_packer *packer;
	struct ztj_sealto *to;
	struct ztj_chain chain;
	struct ztj_buf text;
	uint32_t events;
	uint64_t at; /* of the last event */
};

/* The files that were read stay until the end: chunks and events point into them. */
struct whole {
	struct whole *next;
	uint8_t bytes[];
};
static struct whole *wholes;

static struct ztj_view read_all(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct whole *w;
	long n;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0 ||
	    (w = malloc(sizeof *w + (size_t)n + 1)) == NULL)
		exit(1);
	w->next = wholes;
	wholes = w;
	rewind(f);
	if (fread(w->bytes, 1, (size_t)n, f) != (size_t)n)
		exit(1);
	(void)fclose(f);
	return ztj_view_of(w->bytes, (size_t)n);
}

/* Cuts the next word off. */
static char *word(char **line)
{
	char *w = *line;

	*line += strcspn(w, " ");
	if (**line != '\0')
		*(*line)++ = '\0';
	return w;
}

/* ---- a host ---- */

static void path_to(const struct session *s, const char *what, char out[128])
{
	(void)snprintf(out, 128, "/v1/sessions/%s/%s", s->id, what);
}

static void announce(struct session *s, bool tty, const char *command)
{
	char name[ZTJ_HEX_SIZE], started[ZTJ_TIME_SIZE], ends[ZTJ_TIME_SIZE];
	struct ztj_buf reply;
	json_t *o;
	char *text;

	ztj_hex(s->name, ZTJ_DIGEST_LEN, name);
	DIE(ztj_time_format((int64_t)time(NULL), started));
	DIE(ztj_time_format((int64_t)time(NULL) + 600, ends));
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:s, s:s}", "session", name, "person",
	    s->person, "account", "root", "service", "sshd", "role", "root-shell", "grant",
	    s->grant[0] != '\0' ? s->grant : name, "peer", "192.0.2.7", "command",
	    command[0] != '\0' ? json_string(command) : json_null(), "tty", (int)tty, "started", started,
	    "ends", ends);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	reply = call(s->net, "/v1/sessions", ztj_view_str(text));
	free(text);
	o = json_loadb((const char *)reply.p, reply.n, 0, NULL);
	(void)snprintf(s->id, sizeof s->id, "%s", json_string_value(json_object_get(o, "id")));
	json_decref(o);
	ztj_buf_free(&reply);
}

static void start(struct session *s, char *args)
{
	const char *person = word(&args), *kind = word(&args);
	char name[ZTJ_HEX_SIZE];
	struct ztj_cast_header h = { .width = WIDTH,
		.height = 30,
		.timestamp = (int64_t)time(NULL),
		.term = "xterm-256color",
		.shell = "/bin/bash",
		.host = s->fullname,
		.account = "root",
		.service = "sshd",
		.role = "root-shell",
		.peer = "192.0.2.7" };

	(void)snprintf(s->person, sizeof s->person, "%s", person);
	DIE(ztj_random(s->name, sizeof s->name));
	memset(&s->chain, 0, sizeof s->chain);
	s->at = 0;
	announce(s, strcmp(kind, "tty") == 0, args);
	ztj_hex(s->name, ZTJ_DIGEST_LEN, name);
	h.session = h.grant = name;
	h.person = s->person;
	h.command = args;
	h.tty = strcmp(kind, "tty") == 0;
	ztj_buf_reset(&s->text);
	s->events = 0;
	DIE(ztj_cast_header_put(&h, &s->text));
	(void)puts(s->id);
}

static void event(struct session *s, uint64_t us, char code, struct ztj_view v)
{
	s->at = us;
	while (v.n > 0) {
		size_t n = v.n < 65536 ? v.n : 65536;
		DIE(ztj_cast_event_put(us, code, ztj_view_of(v.p, n), NULL, &s->text, &s->events));
		v = ztj_view_after(v, n);
	}
}

static void ship(struct session *s, bool last)
{
	struct ztj_buf chunk, reply;
	uint64_t offset = s->chain.bytes;
	char path[128];
	size_t n;

	ztj_buf_init(&chunk, ZTJ_CHUNK_HEADER + ZTJ_CHUNK_BODY_MAX);
	DIE(ztj_pack(s->packer, s->to, &s->chain, ztj_buf_view(&s->text), s->at, s->events, last, &chunk));
	path_to(s, "chunks?offset=", path);
	n = strlen(path);
	(void)snprintf(path + n, sizeof path - n, "%llu", (unsigned long long)offset);
	reply = call(s->net, path, ztj_buf_view(&chunk));
	ztj_buf_free(&reply);
	ztj_buf_free(&chunk);
	ztj_buf_reset(&s->text);
	s->events = 0;
}

static void sign_head(struct session *s, const char *state)
{
	struct ztj_stmt st = { .type = ZTJ_STMT_HEAD, .domain = "example", .issued = (int64_t)time(NULL) };
	struct ztj_signed sig = { .nsigs = 1 };
	struct ztj_buf bytes, blob;
	char path[128];

	st.u.head.host = s->fullname;
	memcpy(st.u.head.session, s->name, ZTJ_DIGEST_LEN);
	st.u.head.chunks = s->chain.chunks;
	st.u.head.bytes = (int64_t)s->chain.bytes;
	memcpy(st.u.head.digest, s->chain.digest, ZTJ_DIGEST_LEN);
	st.u.head.state = strcmp(state, "closed") == 0 ? ZTJ_HEAD_CLOSED
	    : strcmp(state, "lost") == 0               ? ZTJ_HEAD_LOST
						       : ZTJ_HEAD_OPEN;
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&blob, ZTJ_SSHSIG_MAX);
	DIE(ztj_stmt_build(&st, NULL, &bytes));
	DIE(ztj_sshsig_sign(&s->keys.machine, ztj_stmt_namespace(st.type), ztj_buf_view(&bytes), &blob));
	sig.bytes = ztj_buf_view(&bytes);
	sig.sig[0] = ztj_buf_view(&blob);
	path_to(s, "head", path);
	post(s->net, path, &sig);
	ztj_buf_free(&bytes);
	ztj_buf_free(&blob);
}

static int on_line(struct ztj_view line, void *arg)
{
	struct session *s = arg;
	json_t *o = json_loadb((const char *)line.p, line.n, 0, NULL);
	struct ztj_stmt *st = NULL;
	struct ztj_signed sig;
	struct ztj_buf mem;
	int r = 0;

	ztj_buf_init(&mem, 1 << 20);
	if (strcmp(json_string_value(json_object_get(o, "event")), "statement") == 0 &&
	    strcmp(json_string_value(json_object_get(o, "type")), "kill") == 0) {
		json_t *c = json_pack("{s:O, s:O}", "statement", json_object_get(o, "statement"),
		    "signatures", json_object_get(o, "signatures"));
		char *text = json_dumps(c, JSON_COMPACT);
		DIE(ztj_signed_from_json(ztj_view_str(text), &mem, &sig));
		DIE(ztj_stmt_open(&sig, ZTJ_STMT_KILL, "example", &st));
		if (memcmp(st->u.kill.session, s->name, ZTJ_DIGEST_LEN) == 0) {
			(void)printf("killed by %s: %s\n", st->u.kill.who, st->u.kill.reason);
			r = 1;
		}
		ztj_stmt_free(st);
		free(text);
		json_decref(c);
	}
	ztj_buf_free(&mem);
	json_decref(o);
	return r;
}

static void seal(struct session *s, const char *path)
{
	struct ztj_view der = read_all(path);
	size_t which;

	ztj_sealto_free(s->to);
	DIE(ztj_sealto_new(&der, 1, &s->to, &which));
}

static void noise(struct session *s, long mib)
{
	static uint8_t block[256 * 1024];

	for (long i = 0; i < 4 * mib; i++) {
		for (size_t k = 0; k < sizeof block; k += ZTJ_DIGEST_LEN)
			DIE(ztj_random(block + k, ZTJ_DIGEST_LEN));
		for (size_t k = 0; k < sizeof block; k++)
			block[k] = (uint8_t)(' ' + block[k] % 95);
		event(s, s->at + 10000, 'o', ztj_view_of(block, sizeof block));
		ship(s, false);
	}
}

static void say(struct session *s, char *args, bool file)
{
	uint64_t us = strtoull(word(&args), NULL, 10);
	char code = *word(&args), out[4096];
	size_t n = 0;

	if (file) {
		event(s, us, code, read_all(args));
		return;
	}
	for (const char *p = args; *p != '\0' && n < sizeof out; p++) {
		char c = *p;
		if (c == '\\' && p[1] != '\0') {
			c = *++p;
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'e' ? '\033' : c == 'b' ? '\b' : c;
		}
		out[n++] = c;
	}
	event(s, us, code, ztj_view_of(out, n));
}

static void obey(struct session *s, char *line)
{
	char *args = line + strcspn(line, " ");

	if (*args != '\0')
		*args++ = '\0';
	if (strcmp(line, "start") == 0)
		start(s, args);
	else if (strcmp(line, "under") == 0)
		(void)snprintf(s->grant, sizeof s->grant, "%s", args);
	else if (strcmp(line, "seal") == 0)
		seal(s, args);
	else if (strcmp(line, "say") == 0 || strcmp(line, "file") == 0)
		say(s, args, line[0] == 'f');
	else if (strcmp(line, "noise") == 0)
		noise(s, strtol(args, NULL, 10));
	else if (strcmp(line, "chunk") == 0 || strcmp(line, "last") == 0)
		ship(s, line[0] == 'l');
	else if (strcmp(line, "head") == 0)
		sign_head(s, args);
	else if (strcmp(line, "kill") == 0) {
		if (ztj_net_stream(s->net, "/v1/stream?since=0", 60, on_line, s) != 1)
			(void)puts("no kill");
	} else
		exit(2);
	(void)fflush(stdout);
}

static int host(char **argv)
{
	static char line[8192];
	struct session s = { .keys = host_at(argv[1]), .fullname = argv[2] };

	s.net = net_to(argv[0], &s.keys.tls);
	ztj_buf_init(&s.text, ZTJ_CHUNK_TEXT_MAX);
	DIE(ztj_packer_new(&s.packer));
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		obey(&s, line);
	}
	ztj_buf_free(&s.text);
	ztj_packer_free(s.packer);
	ztj_sealto_free(s.to);
	ztj_net_close(s.net);
	return 0;
}

/* ---- the broker's disk ---- */

#define CHUNKS_MAX 4096

static size_t take_apart(const char *path, struct ztj_chunk *k)
{
	struct ztj_view v = read_all(path);
	size_t n = 0;

	for (; v.n > 0 && n < CHUNKS_MAX; n++) {
		DIE(ztj_chunk_read(v, &k[n]));
		v = ztj_view_after(v, k[n].size);
	}
	return n;
}

static void put_together(const char *path, struct ztj_chunk *k, size_t n, size_t again)
{
	struct ztj_buf b;
	FILE *f;

	ztj_buf_init(&b, FILE_MAX);
	for (size_t i = 0; i < n; i++) {
		if (i > again)
			memcpy(k[i].prev, k[i - 1].digest, ZTJ_DIGEST_LEN);
		DIE(ztj_chunk_write(&k[i], &b));
	}
	f = fopen(path, "wb");
	if (f == NULL || fwrite(b.p, 1, b.n, f) != b.n || fclose(f) != 0)
		exit(1);
	ztj_buf_free(&b);
}

static int forge(const char *path, size_t at, bool swap)
{
	static struct ztj_chunk k[CHUNKS_MAX];
	size_t n = take_apart(path, k);
	struct ztj_chunk one;

	if (at + 1 >= n)
		return 1;
	if (swap) {
		one = k[at];
		k[at] = k[at + 1];
		k[at + 1] = one;
		put_together(path, k, n, n);
	} else {
		k[at].events++;
		put_together(path, k, n, at);
	}
	return 0;
}

static int safe(const char *path)
{
	struct ztj_castsafe *s;
	struct ztj_buf out;
	size_t n;
	int r;

	ztj_buf_init(&out, FILE_MAX);
	DIE(ztj_castsafe_new(ZTJ_CASTSAFE_REPLAY, &s));
	DIE(ztj_castsafe_put(s, read_all(path), &out));
	DIE(ztj_castsafe_end(s, &out));
	ztj_castsafe_free(s);
	n = fwrite(out.p, 1, out.n, stdout);
	r = n == out.n ? 0 : 1;
	ztj_buf_free(&out);
	return r;
}

/* ---- exports ---- */

#define NEED(cond) need((cond), #cond)

static void need(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "not so: %s\n", what);
	exit(1);
}

/* [TIME, CODE, TEXT], whatever the format. */
static json_t *events_of(const char *kind, struct ztj_view v, json_t **header)
{
	json_t *events = json_array(), *doc, *e;
	size_t i;

	if (strcmp(kind, "json") == 0) {
		doc = json_loadb((const char *)v.p, v.n, JSON_REJECT_DUPLICATES, NULL);
		*header = json_incref(json_object_get(doc, "header"));
		json_array_foreach(json_object_get(doc, "events"), i, e)
		{
			json_array_append_new(events,
			    json_pack("[O, O, O]", json_object_get(e, "time"), json_object_get(e, "code"),
				json_object_get(e, "text")));
		}
		NEED(json_is_object(json_object_get(doc, "session")));
		json_decref(doc);
		return events;
	}
	while (v.n > 0) {
		const uint8_t *eol = memchr(v.p, '\n', v.n);
		NEED(eol != NULL);
		e = json_loadb((const char *)v.p, (size_t)(eol - v.p), JSON_REJECT_DUPLICATES, NULL);
		NEED(e != NULL);
		if (*header == NULL)
			*header = e;
		else
			json_array_append_new(events, e);
		v = ztj_view_after(v, (size_t)(eol - v.p) + 1);
	}
	return events;
}

static int check(const char *kind, const char *path, const char *want_path)
{
	struct ztj_view want = read_all(want_path);
	json_t *header = NULL, *events = events_of(kind, read_all(path), &header), *e;
	double sum = 0, last = 0;
	struct ztj_buf got;
	const char *end = "";
	size_t i;

	ztj_buf_init(&got, FILE_MAX);
	json_array_foreach(events, i, e)
	{
		const char *code = json_string_value(json_array_get(e, 1)),
			   *text = json_string_value(json_array_get(e, 2));
		NEED(code != NULL && text != NULL && json_is_real(json_array_get(e, 0)));
		last = json_real_value(json_array_get(e, 0));
		sum += last;
		end = text;
		if (*code == 'o')
			NEED(ztj_buf_puts(&got, text) == ZTJ_OK);
		NEED(*code != 'r' || strcmp(text, "60x20") == 0);
		NEED(*code != 'm' || (strstr(text, "sudo: root") != NULL && strchr(text, 033) == NULL));
	}
	NEED(got.n > 0 && got.n <= want.n && memcmp(got.p, want.p, got.n) == 0 && want.n - got.n < 40);
	NEED(json_integer_value(json_object_get(header, "version")) == (strcmp(kind, "v3") == 0 ? 3 : 2));
	if (strcmp(kind, "v3") == 0) {
		NEED(sum > 3661.0999 && sum < 3661.1001 && strcmp(end, "3") == 0);
		NEED(json_integer_value(json_object_get(json_object_get(header, "term"), "cols")) == WIDTH);
	} else {
		NEED(last > 3660.9 && last < 3661.2);
		NEED(strcmp(kind, "json") != 0 || strcmp(end, "{\"exit\": 3}") == 0);
	}
	ztj_buf_free(&got);
	json_decref(events);
	json_decref(header);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "host") == 0)
		return host(argv + 2);
	if (argc == 4 && (strcmp(argv[1], "alter") == 0 || strcmp(argv[1], "swap") == 0))
		return forge(argv[2], strtoul(argv[3], NULL, 10), argv[1][0] == 's');
	if (argc == 3 && strcmp(argv[1], "safe") == 0)
		return safe(argv[2]);
	if (argc == 5 && strcmp(argv[1], "check") == 0)
		return check(argv[2], argv[3], argv[4]);
	(void)fputs("usage: makesession host|alter|swap|safe|check …\n", stderr);
	return 2;
}
