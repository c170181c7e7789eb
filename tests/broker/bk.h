/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A real broker for tests: made by `ztjit-broker init`, run by `ztjit-broker serve` on a free port of
 * the loopback, talked to over TLS by software people and hosts. Started by root, its processes become nobody.
 * Failures end the running test.
 */
#ifndef ZTJ_TESTS_BROKER_BK_H
#define ZTJ_TESTS_BROKER_BK_H

#include <jansson.h>
#include <sys/types.h>

#include "libztjit/net/net.h"
#include "tests/core/fixture.h"

struct bk {
	char dir[128];            /* its state directory */
	int port;
	pid_t pid;                /* of the parent process, or 0 */
	const char *agent[2];     /* socket and public key file, or NULL: where the CA key is (set before bk_start_with) */
	const char *wrapper[16];  /* a command that runs it (strace …), NULL-terminated; empty: none */
	struct fx_world w;        /* the broker's own keys stand in it */
	struct ztj_seckey login[FX_PEOPLE], host_tls[FX_HOSTS], registrar[2], nobody;
	int64_t born;             /* keys of people are valid from the day before */
	int64_t dir_serial[2];    /* people, servers */
	uint8_t dir_digest[2][ZTJ_DIGEST_LEN];
	/* of the last call */
	long status;
	json_t *json;             /* the body, NULL when it is not JSON */
	struct ztj_buf body;
	char error[64];           /* short name, or "" */
};

/* A port of the loopback that nobody listens on now. */
int bk_free_port(void);
/* init and serve; conf: more lines for broker.conf, or NULL. */
void bk_start(struct bk *b, const char *conf);
/* The same for a struct that is zeroed but for what its owner has set. */
void bk_start_with(struct bk *b, const char *conf);
/* false: it ended instead of serving. */
bool bk_try_serve(struct bk *b);
/* Do all processes come up? One may answer before another has found out that it cannot; then all end, with 1. Ends it again. */
bool bk_serves(struct bk *b);
/* Does its log hold this text? */
bool bk_logged(const struct bk *b, const char *text);
/* serve again after bk_stop or bk_kill. */
void bk_serve(struct bk *b);
/* SIGTERM, and it must end well. */
void bk_stop(struct bk *b);
/* SIGKILL to every process of it. */
void bk_kill(struct bk *b);
/* bk_stop when it runs, and everything freed and removed. */
void bk_end(struct bk *b);
/* Runs ztjit-broker with these words (NULL-terminated); its exit status; output into out when not NULL. */
int bk_run(const char *const *words, struct ztj_buf *out);

/* One call as this TLS key (NULL: anonymous); the HTTP status. */
long bk_call(struct bk *b, const struct ztj_seckey *who, const char *method, const char *path, struct ztj_view body);
long bk_get(struct bk *b, const struct ztj_seckey *who, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* POST of a container in JSON. */
long bk_post(struct bk *b, const struct ztj_seckey *who, const char *path, const struct ztj_signed *s);
#define bk_put(b, who, fx) bk_post(b, who, "/v1/statements", &(fx)->s)
/* A member of the last answer. */
const char *bk_text(const struct bk *b, const char *member);
int64_t bk_int(const struct bk *b, const char *member);
/* The last call must have ended so. */
#define bk_expect(b, st, err) bk_expect_at(b, st, err, __FILE__, __LINE__)
void bk_expect_at(const struct bk *b, long status, const char *error, const char *file, int line);

/* Policy, both directories, and logins of the registrars. */
void bk_arm(struct bk *b);
/* A login statement of a person (index) or, for who < 0, of registrar[-1 - who]. */
void bk_login_statement(struct bk *b, int who, struct fx_signed *out);
void bk_login(struct bk *b, int who);
/* The next serial of people (0) or servers (1); leaves one out when gone >= 0. */
long bk_directory(struct bk *b, int which, int gone);
/* The steps of it: the set, the statement signed by its registrar, and the post (as whom: TLS). A directory that becomes
 * current is held by the world too. */
struct ztj_dir *bk_directory_set(struct bk *b, int which, int gone);
void bk_directory_next(struct bk *b, int which, const struct ztj_dir *set, struct fx_signed *st);
long bk_directory_post(struct bk *b, int which, const struct ztj_seckey *as, const struct ztj_dir *set,
    const struct fx_signed *st);
/* A policy that must be taken; version 0 is the next one. */
void bk_policy(struct bk *b, const struct fx_policy *like);
/* Statements are issued now. */
void bk_clock(struct bk *b);
/* A request of FX_REQ1 for test1 (one approval wanted) and its approval by FX_LEAD1, both accepted. */
void bk_granted(struct bk *b, struct fx_signed *request);
/* POST /v1/certificates for that request with the person's key. */
long bk_certificate(struct bk *b, int who, const uint8_t id[ZTJ_DIGEST_LEN], const struct soft_key *key);

/* --- bodies.c --- */
enum bk_kind { BK_EMPTY, BK_STATEMENT, BK_CERTIFY, BK_DIRECTORY, BK_SIGNATURE, BK_SESSION, BK_BYTES, BK_REPORT };
/* A body of this shape, made of that statement: what it is posted to may judge it, but finds nothing in it that is so. */
void bk_body(const struct bk *b, enum bk_kind kind, const struct fx_signed *req, struct ztj_buf *out);

#endif
