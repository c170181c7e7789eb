/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The lying broker: HTTPS as the host expects it, the real TLS and online keys, and nothing that it says is worth anything.
 * A file names the phase; the phase that is done is written to another.
 */
#ifndef ZTJ_TESTS_HOSTILE_LIAR_H
#define ZTJ_TESTS_HOSTILE_LIAR_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/ssl.h>

#include "tests/hostile/lies.h"

struct stream {
	struct evhttp_request *req;
	struct stream *next;
	bool open;
};

struct liar {
	struct lies lies;
	struct event_base *base;
	struct evhttp *http;
	struct event *tick;
	SSL_CTX *tls, *stolen, *old; /* the real key; another key; TLS 1.2 */
	const char *phase_file, *done_dir;
	char phase[32], rested[32];  /* rested: the phase that is over, while this one is "rest" */
	struct stream *streams;
	size_t next;                 /* which lie of the phase is due */
	unsigned tls_lie, tls_left;  /* what the next connections meet, and how many */
	bool served;                 /* the pushes were said; what is offered was fetched */
	bool good_turn;              /* between two lies about HTTP the truth is told */
	char *policy, *dir[CO_DIRS]; /* honest answers */
	const struct lie *offered;   /* what GET /v1/policy or a directory answers now; NULL: the truth */
	char *answer;                /* the last true step-up answer, for replays */
	unsigned challenges;
};

/* liar_http.c: lies below the level of statements. */
unsigned liar_http_count(void);
const char *liar_http_name(unsigned i);
/* Does its part on a stream request; returns false when it is about another call, or about TLS. */
bool liar_http_stream(struct liar *l, unsigned i, struct evhttp_request *req);
bool liar_http_fetch(struct liar *l, unsigned i, struct evhttp_request *req);
unsigned liar_http_tls(unsigned i);
/* Nothing of it looks like a line of the stream. */
bool liar_http_silent(unsigned i);
/* What the stream must announce so that the lie is fetched, or NULL. */
const char *liar_http_event(unsigned i);

/* liar_stepup.c: a challenge came. Round 0: every wrong answer, then the true one; round 1: the answer of the round before
 * and others', then the true one; round 2: the challenge is not taken. */
void liar_stepup(struct liar *l, struct ztj_view challenge, struct evhttp_request *req);
/* The lies of a round in their order, and what the host's log says of each; NULL name: the end. */
struct lie_stepup {
	const char *name, *log;
};
const struct lie_stepup *liar_stepup_lies(unsigned round);

void liar_say(struct liar *l, const char *line);
void liar_say_container(struct liar *l, const char *event, const char *container);
void liar_done(struct liar *l, const char *phase);
int liar_main(int argc, char **argv);

/* files.c: what root has on web1. */
int files_main(int argc, char **argv);
/* thief.c */
int thief_main(int argc, char **argv);

#endif
