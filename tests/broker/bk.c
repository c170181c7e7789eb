/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/broker/bk.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 20000

/* --- processes --- */

static const char *program(void)
{
	static char path[4096];
	const char *build = getenv("ZTJ_BUILDDIR");
	(void)snprintf(path, sizeof(path), "%s/ztjit-broker/ztjit-broker", build != NULL ? build : ".");
	return path;
}

static pid_t spawn(const char *const *before, const char *const *words, int out)
{
	const char *argv[64];
	size_t n = 0;
	while (before != NULL && before[n] != NULL && n < 32) {
		argv[n] = before[n];
		n++;
	}
	argv[n++] = program();
	for (size_t i = 0; words[i] != NULL && n < 63; i++)
		argv[n++] = words[i];
	argv[n] = NULL;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char *copy[64] = { NULL };
		(void)setpgid(0, 0);
		for (size_t i = 0; i < n; i++)
			copy[i] = strdup(argv[i]);
		if (out >= 0) {
			(void)dup2(out, 1);
			(void)dup2(out, 2);
		}
		(void)execvp(copy[0], copy);
		_exit(127);
	}
	return pid;
}

int bk_run(const char *const *words, struct ztj_buf *out)
{
	int p[2], status;
	char chunk[4096];
	ssize_t n;
	assert_int_equal(pipe(p), 0);
	pid_t pid = spawn(NULL, words, p[1]);
	(void)close(p[1]);
	while ((n = read(p[0], chunk, sizeof(chunk))) > 0)
		if (out != NULL)
			ok(ztj_buf_put(out, chunk, (size_t)n));
	(void)close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int bk_free_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	(void)close(fd);
	return ntohs(sin.sin_port);
}

static void write_root(const struct bk *b, int i, char path[160])
{
	char text[ZTJ_KEY_TEXT_SIZE];
	(void)snprintf(path, 160, "%s.root%d.pub", b->dir, i);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	ok(ztj_key_to_text(&b->w.root[i].pub, text));
	(void)fprintf(f, "%s root%d\n", text, i);
	assert_int_equal(fclose(f), 0);
}

static void run_init(struct bk *b)
{
	char root[3][160], url[64], listen_on[64];
	for (int i = 0; i < 3; i++)
		write_root(b, i, root[i]);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", b->port);
	(void)snprintf(listen_on, sizeof(listen_on), "127.0.0.1:%d", b->port);
	const char *words[] = { "init", "--domain", "example", "--root", root[0], "--root", root[1], "--root",
		root[2], "--threshold", "2", "--dir", b->dir, "--url", url, "--listen", listen_on,
		"--frontend-user", "nobody", "--store-user", "nobody", "--signer-user", "nobody",
		"--sender-user", "nobody", b->agent[0] != NULL ? "--ca-agent" : NULL, b->agent[0],
		b->agent[1] != NULL ? "--ca-pub" : NULL, b->agent[1], NULL };
	struct ztj_buf out;
	ztj_buf_init(&out, 65536);
	if (bk_run(words, &out) != 0)
		fail_msg("init failed: %s", ztj_buf_str(&out));
	ztj_buf_free(&out);
	for (int i = 0; i < 3; i++)
		(void)unlink(root[i]);
}

static void read_pub(const struct bk *b, const char *name, struct soft_key *k)
{
	char path[256], line[1024];
	(void)snprintf(path, sizeof(path), "%s/%s.pub", b->dir, name);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	(void)fclose(f);
	ok(ztj_key_from_line(&k->pub, ztj_view_str(line)));
}

static bool listening(int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
		.sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = connect(fd, (const struct sockaddr *)&sin, sizeof(sin)) == 0;
	(void)close(fd);
	return yes;
}

bool bk_try_serve(struct bk *b)
{
	char conf[160], log[160];
	(void)snprintf(conf, sizeof(conf), "%s/broker.conf", b->dir);
	(void)snprintf(log, sizeof(log), "%s.log", b->dir);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	const char *words[] = { "serve", "-c", conf, NULL };
	b->pid = spawn(b->wrapper, words, fd);
	(void)close(fd);
	for (int waited = 0; waited < START_MS; waited += 20) {
		int status;
		if (waitpid(b->pid, &status, WNOHANG) == b->pid) {
			b->pid = 0;
			return false;
		}
		/* It listens from the first moment, is healthy when all processes are ready, and the store answers when it has begun. */
		if (listening(b->port) && bk_get(b, NULL, "/healthz") == 200 &&
		    bk_get(b, NULL, "/v1/broker") == 200)
			return true;
		(void)usleep(20000);
	}
	fail_msg("the broker did not start in time: see %s", log);
	return false;
}

void bk_serve(struct bk *b)
{
	if (!bk_try_serve(b))
		fail_msg("the broker did not start: see %s.log", b->dir);
}

bool bk_serves(struct bk *b)
{
	int status;
	if (!bk_try_serve(b))
		return false;
	assert_int_equal(kill(b->pid, SIGTERM), 0);
	assert_int_equal(waitpid(b->pid, &status, 0), b->pid);
	b->pid = 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool bk_logged(const struct bk *b, const char *text)
{
	char path[160], line[2048];
	bool found = false;
	(void)snprintf(path, sizeof(path), "%s.log", b->dir);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		found = found || strstr(line, text) != NULL;
	(void)fclose(f);
	return found;
}

static void make_keys(struct bk *b)
{
	uint8_t seed[32] = { 0 };
	struct ztj_seckey *all[FX_PEOPLE + FX_HOSTS + 3];
	size_t n = 0;
	for (size_t i = 0; i < FX_PEOPLE; i++)
		all[n++] = &b->login[i];
	for (size_t i = 0; i < FX_HOSTS; i++)
		all[n++] = &b->host_tls[i];
	all[n++] = &b->registrar[0];
	all[n++] = &b->registrar[1];
	all[n++] = &b->nobody;
	for (size_t i = 0; i < n; i++) {
		seed[0] = (uint8_t)(i + 1);
		ok(ztj_seckey_from_seed(all[i], seed));
	}
	for (size_t i = 0; i < FX_HOSTS; i++)
		b->w.host[i].tls.pub = b->host_tls[i].pub;
}

void bk_clock(struct bk *b)
{
	b->w.now = (int64_t)time(NULL);
}

void bk_start(struct bk *b, const char *conf)
{
	memset(b, 0, sizeof(*b));
	bk_start_with(b, conf);
}

void bk_start_with(struct bk *b, const char *conf)
{
	char path[160];
	ztj_buf_init(&b->body, (size_t)64 * 1024 * 1024);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/ztjit-broker.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(chmod(b->dir, 0755), 0);
	b->port = bk_free_port();
	fx_init(&b->w);
	bk_clock(b);
	b->born = b->w.now;
	make_keys(b);
	run_init(b);
	read_pub(b, "tls", &b->w.tls);
	read_pub(b, "online", &b->w.online);
	read_pub(b, "log", &b->w.log);
	read_pub(b, "ca", &b->w.ca);
	(void)snprintf(path, sizeof(path), "%s/broker.conf", b->dir);
	FILE *f = fopen(path, "ae");
	assert_non_null(f);
	(void)fprintf(f, "status_interval = \"1s\";\n%s", conf != NULL ? conf : "");
	assert_int_equal(fclose(f), 0);
	bk_serve(b);
}

void bk_stop(struct bk *b)
{
	int status;
	assert_true(b->pid > 0); /* 0 would be ourselves */
	assert_int_equal(kill(b->pid, SIGTERM), 0);
	assert_int_equal(waitpid(b->pid, &status, 0), b->pid);
	b->pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

void bk_kill(struct bk *b)
{
	assert_true(b->pid > 0);
	/* The group is the broker's alone: spawn made it. */
	(void)kill(-b->pid, SIGKILL);
	(void)waitpid(b->pid, NULL, 0);
	/* Its children are not ours to wait for, unless we take them over; the port is free once they are gone. */
	for (int i = 0; i < 500 && kill(-b->pid, 0) == 0; i++)
		if (waitpid(-b->pid, NULL, WNOHANG) <= 0)
			(void)usleep(10000);
	b->pid = 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void bk_end(struct bk *b)
{
	char log[160];
	if (b->pid > 0)
		bk_stop(b);
	(void)snprintf(log, sizeof(log), "%s.log", b->dir);
	if (getenv("ZTJ_KEEP") == NULL)
		(void)unlink(log);
	(void)nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	json_decref(b->json);
	ztj_buf_free(&b->body);
	fx_free(&b->w);
}

/* --- calls --- */

long bk_call(struct bk *b, const struct ztj_seckey *who, const char *method, const char *path,
    struct ztj_view body)
{
	char url[64];
	const char *urls[1] = { url };
	struct ztj_net *n;
	struct ztj_net_conf conf = { .urls = urls,
		.nurls = 1,
		.pins = &b->w.tls.pub,
		.npins = 1,
		.client = who,
		.timeout_ms = 20000,
		.max_reply = (size_t)64 * 1024 * 1024 };
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", b->port);
	ztj_buf_reset(&b->body);
	json_decref(b->json);
	b->json = NULL;
	b->error[0] = '\0';
	b->status = 0;
	ok(ztj_net_open(&conf, &n));
	int r = ztj_net_call(n, method, path, body, &b->body, &b->status);
	ztj_net_close(n);
	if (r != ZTJ_OK) {
		(void)snprintf(b->error, sizeof(b->error), "%s", ztj_err_name(r));
		b->status = 0;
		return 0;
	}
	if (b->body.n > 0)
		b->json = json_loadb((const char *)b->body.p, b->body.n, JSON_REJECT_DUPLICATES, NULL);
	const char *error = b->status >= 400 ? bk_text(b, "error") : NULL;
	(void)snprintf(b->error, sizeof(b->error), "%s", error != NULL ? error : "");
	return b->status;
}

long bk_get(struct bk *b, const struct ztj_seckey *who, const char *fmt, ...)
{
	char path[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	return bk_call(b, who, "GET", path, ztj_view_of(NULL, 0));
}

long bk_post(struct bk *b, const struct ztj_seckey *who, const char *path, const struct ztj_signed *s)
{
	struct ztj_buf json;
	ztj_buf_init(&json, (size_t)4 * 1024 * 1024);
	ok(ztj_signed_to_json(s, &json));
	(void)bk_call(b, who, "POST", path, ztj_buf_view(&json));
	ztj_buf_free(&json);
	return b->status;
}

const char *bk_text(const struct bk *b, const char *member)
{
	return json_string_value(json_object_get(b->json, member));
}

int64_t bk_int(const struct bk *b, const char *member)
{
	return json_integer_value(json_object_get(b->json, member));
}

void bk_expect_at(const struct bk *b, long status, const char *error, const char *file, int line)
{
	if (b->status == status && strcmp(b->error, error) == 0)
		return;
	print_error("%s:%d: wanted %ld %s, got %ld %s: %.*s\n", file, line, status, error, b->status,
	    b->error, (int)(b->body.n < 600 ? b->body.n : 600), b->body.n > 0 ? (const char *)b->body.p : "");
	fail();
}

/* --- the usual beginnings --- */

void bk_login_statement(struct bk *b, int who, struct fx_signed *out)
{
	char online[ZTJ_FINGERPRINT_SIZE];
	struct ztj_stmt st;
	const struct soft_key *k = who >= 0 ? &b->w.person[who].key : &b->w.registrar[-1 - who];
	ok(ztj_key_fingerprint(&b->w.online.pub, online));
	bk_clock(b);
	fx_stmt(&b->w, &st, ZTJ_STMT_LOGIN);
	st.u.login.who = who >= 0 ? b->w.person[who].full : "";
	st.u.login.key = who >= 0 ? b->login[who].pub : b->registrar[-1 - who].pub;
	st.u.login.broker = online;
	st.u.login.expires = b->w.now + 3600;
	fx_stmt_sign(&st, FX_UV, &k, 1, out);
}

void bk_login(struct bk *b, int who)
{
	struct fx_signed s;
	bk_login_statement(b, who, &s);
	(void)bk_put(b, who >= 0 ? &b->login[who] : &b->registrar[-1 - who], &s);
	bk_expect(b, 201, "");
	fx_signed_free(&s);
}

static void user_record(const struct bk *b, const struct fx_person *p, struct ztj_buf *out)
{
	struct ztj_userkey key = { .key = p->key.pub, .credential = "", .from = b->born - 86400 };
	const char *groups[4];
	struct ztj_record r = { .name = p->name,
		.uid = p->uid,
		.nkeys = 1,
		.keys = &key,
		.ngroups = p->ngroups,
		.groups = groups };
	memcpy(groups, p->groups, sizeof(groups));
	ok(ztj_record_build(&r, out));
}

static int by_name(const void *a, const void *b)
{
	struct ztj_record *x, *y;
	ok(ztj_record_parse(ztj_buf_view(a), &x));
	ok(ztj_record_parse(ztj_buf_view(b), &y));
	int c = strcmp(x->name, y->name);
	ztj_record_unref(x);
	ztj_record_unref(y);
	return c;
}

/* {"base", "statement", "drop", "put"} with the whole set as put. */
/* The statement that became current may carry signatures that were given before: the world takes it from the broker. */
static void follow(struct bk *b, int which)
{
	struct ztj_dir_answer *a;
	bool changed;
	json_t *kept = json_incref(b->json);
	long status = b->status;
	(void)bk_get(b, &b->registrar[which], "/v1/directories/%s?since=%lld",
	    which == 0 ? "people" : "servers", (long long)b->dir_serial[which]);
	bk_expect(b, 200, "");
	ok(ztj_dir_answer_read(ztj_buf_view(&b->body), b->body.n, &a));
	ok(ztj_trust_directory(b->w.trust, ztj_dir_answer_update(a), b->w.now, &changed));
	ztj_dir_answer_free(a);
	json_decref(b->json);
	b->json = kept;
	b->status = status;
}

long bk_directory_post(struct bk *b, int which, const struct ztj_seckey *as, const struct ztj_dir *set,
    const struct fx_signed *st)
{
	const struct ztj_dir *before = ztj_trust_dir(b->w.trust, which == 0 ? "people" : "servers");
	struct ztj_buf json;
	json_t *put = json_array(), *drop = json_array();
	char path[64];
	ztj_buf_init(&json, (size_t)1024 * 1024);
	ok(ztj_signed_to_json(&st->s, &json));
	for (size_t i = 0; i < ztj_dir_count(set); i++) {
		const struct ztj_record *r = ztj_dir_at(set, i);
		const struct ztj_record *old = before == NULL ? NULL : ztj_dir_find(before, r->name);
		if (old == NULL || !ztj_view_eq(old->bytes, r->bytes))
			json_array_append_new(put, json_stringn((const char *)r->bytes.p, r->bytes.n));
	}
	for (size_t i = 0; before != NULL && i < ztj_dir_count(before); i++)
		if (ztj_dir_find(set, ztj_dir_at(before, i)->name) == NULL)
			json_array_append_new(drop, json_string(ztj_dir_at(before, i)->name));
	json_t *body = json_pack("{s:I, s:o, s:o, s:o}", "base", (json_int_t)b->dir_serial[which],
	    "statement", json_loadb((const char *)json.p, json.n, 0, NULL), "drop", drop, "put", put);
	char *text = json_dumps(body, JSON_COMPACT);
	(void)snprintf(path, sizeof(path), "/v1/directories/%s", which == 0 ? "people" : "servers");
	(void)bk_call(b, as, "POST", path, ztj_view_str(text));
	free(text);
	json_decref(body);
	ztj_buf_free(&json);
	const char *state = b->status == 201 ? bk_text(b, "state") : NULL;
	if (state != NULL && strcmp(state, "current") == 0) {
		follow(b, which);
		b->dir_serial[which]++;
		memcpy(b->dir_digest[which], st->id, ZTJ_DIGEST_LEN);
	}
	return b->status;
}

struct ztj_dir *bk_directory_set(struct bk *b, int which, int gone)
{
	struct ztj_buf rec[FX_PEOPLE + FX_HOSTS];
	struct ztj_view put[FX_PEOPLE + FX_HOSTS];
	struct ztj_dir_delta delta = { .put = put };
	struct ztj_dir *set;
	size_t n = 0, most = which == 0 ? FX_PEOPLE : FX_HOSTS;
	bk_clock(b);
	for (size_t i = 0; i < most; i++) {
		if ((int)i == gone)
			continue;
		ztj_buf_init(&rec[n], ZTJ_RECORD_MAX);
		if (which == 0)
			user_record(b, &b->w.person[i], &rec[n++]);
		else
			fx_host_record(&b->w.host[i], &rec[n++]);
	}
	qsort(rec, n, sizeof(rec[0]), by_name);
	for (size_t i = 0; i < n; i++)
		put[delta.nput++] = ztj_buf_view(&rec[i]);
	ok(ztj_dir_apply(NULL, which == 0 ? "people" : "servers", &delta, &set));
	for (size_t i = 0; i < n; i++)
		ztj_buf_free(&rec[i]);
	return set;
}

void bk_directory_next(struct bk *b, int which, const struct ztj_dir *set, struct fx_signed *st)
{
	fx_directory(&b->w, set, b->dir_serial[which] + 1,
	    b->dir_serial[which] > 0 ? b->dir_digest[which] : NULL, &b->w.registrar[which], st);
}

long bk_directory(struct bk *b, int which, int gone)
{
	struct ztj_dir *set = bk_directory_set(b, which, gone);
	struct fx_signed st;
	bk_directory_next(b, which, set, &st);
	(void)bk_directory_post(b, which, &b->registrar[which], set, &st);
	ztj_dir_free(set);
	fx_signed_free(&st);
	return b->status;
}

void bk_arm(struct bk *b)
{
	char expires[ZTJ_TIME_SIZE];
	bool changed;
	ok(ztj_time_format(b->w.now + 300 * 86400, expires));
	const struct fx_policy p = { .expires = expires };
	fx_policy(&b->w, &p, &b->w.policy);
	(void)bk_put(b, NULL, &b->w.policy);
	bk_expect(b, 201, "");
	ok(ztj_trust_policy(b->w.trust, &b->w.policy.s, b->w.now, &changed));
	bk_login(b, -1);
	bk_login(b, -2);
	(void)bk_directory(b, 0, -1);
	bk_expect(b, 201, "");
	(void)bk_directory(b, 1, -1);
	bk_expect(b, 201, "");
}

void bk_policy(struct bk *b, const struct fx_policy *like)
{
	char expires[ZTJ_TIME_SIZE];
	struct fx_policy p = *like;
	struct fx_signed s;
	bool changed;
	bk_clock(b);
	ok(ztj_time_format(b->w.now + 200 * 86400, expires));
	if (p.expires == NULL)
		p.expires = expires;
	if (p.version == 0)
		p.version = (int)ztj_trust_held_policy(b->w.trust)->version + 1;
	fx_policy(&b->w, &p, &s);
	(void)bk_put(b, NULL, &s);
	bk_expect(b, 201, "");
	ok(ztj_trust_policy(b->w.trust, &s.s, b->w.now, &changed));
	fx_signed_free(&s);
}

void bk_granted(struct bk *b, struct fx_signed *request)
{
	struct fx_signed ap;
	bk_clock(b);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 1800, request);
	(void)bk_put(b, &b->login[FX_REQ1], request);
	bk_expect(b, 201, "");
	fx_approval(&b->w, FX_LEAD1, request, false, 0, &ap);
	(void)bk_put(b, &b->login[FX_LEAD1], &ap);
	bk_expect(b, 201, "");
	assert_string_equal(bk_text(b, "state"), "active");
	fx_signed_free(&ap);
}

long bk_certificate(struct bk *b, int who, const uint8_t id[ZTJ_DIGEST_LEN], const struct soft_key *key)
{
	char hex[ZTJ_HEX_SIZE], text[ZTJ_KEY_TEXT_SIZE], body[2048];
	ztj_hex(id, ZTJ_DIGEST_LEN, hex);
	ok(ztj_key_to_text(&key->pub, text));
	(void)snprintf(body, sizeof(body), "{\"request\":\"%s\",\"key\":\"%s\"}", hex, text);
	return bk_call(b, &b->login[who], "POST", "/v1/certificates", ztj_view_str(body));
}
