/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A daemon's side of rec.sock for tests: a thread that takes a record and can be told how to misbehave.
 */
#ifndef ZTJ_TESTS_REC_SCRIBE_H
#define ZTJ_TESTS_REC_SCRIBE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libztjit/core/wire.h"
#include "libztjit/sys/recmsg.h"

enum scribe_place { SCRIBE_NOWHERE, SCRIBE_AT_HELLO, SCRIBE_AT_CHILD, SCRIBE_AT_EVENTS };

struct scribe_conf {
	uint8_t flags;
	uint32_t window;     /* 0: ZTJ_REC_WINDOW */
	const char *shell;   /* NULL: /bin/sh */
	uint32_t start_code, go_code;
	const char *text;    /* with a code */
	enum scribe_place hang, garbage, shut; /* say nothing; say nonsense; close */
	bool drip;           /* answers at three bytes a second */
	bool forgetful;      /* when it is killed it loses what it did not say it took */
	bool deaf;           /* takes nothing */
	size_t take_bytes;   /* TAKEN after so many; 0: after each event */
	unsigned slow_us;    /* for each event */
	uint64_t die_at;     /* events after which it is killed once; 0: never */
	unsigned dead_ms;
	bool lose_end, lose_answer; /* once: killed before it has the end; before it says so */
	uint64_t refuse_at;  /* events after which TAKEN has a code */
	bool refuse_resume;
	bool digest;         /* keep only the SHA-256 of o events */
	const char *path;    /* NULL: in a directory of its own */
	bool trace;          /* a line to standard error for each session's begin and end */
};

struct scribe_event {
	uint8_t code;
	uint64_t us;
	size_t at, n; /* in data */
};

struct scribe {
	struct scribe_conf conf;
	char path[96], dir[64];
	pthread_t thread;
	pthread_mutex_t lock;
	bool stop, deaf, hung;
	int listening;

	/* what came; look at it with the lock held, or after scribe_stop */
	unsigned hellos, children, pings;
	bool terminal;
	uint32_t cols, rows;
	char term[128], command[65536], tty[128];
	uint64_t resumed_from;
	struct scribe_event *events;
	size_t n_events, cap_events;
	uint8_t *data;
	size_t n_data, cap_data;
	uint64_t received, durable, promised;
	void *sha; /* EVP_MD_CTX */
	uint64_t digest_bytes;
	bool ended, killed;
	uint32_t status;
	uint64_t bytes[3];
	uint8_t sha256[3][32];
	int64_t last_ms, longest_silence; /* between two messages, ms */
	size_t most_under_way;
	bool broken; /* the recorder broke the protocol */
};

/* Listens in a directory of its own. */
void scribe_start(struct scribe *s, const struct scribe_conf *conf);
/* Ends the thread; what came stays. */
void scribe_stop(struct scribe *s);
void scribe_free(struct scribe *s);
/* All content of events with that code, in one piece; the caller frees it. */
uint8_t *scribe_content(const struct scribe *s, uint8_t code, size_t *n);
/* Waits until so many events were received; false after ten seconds. */
bool scribe_wait_events(struct scribe *s, uint64_t n);
void scribe_set_deaf(struct scribe *s, bool deaf);
void scribe_set_hung(struct scribe *s, bool hung);

#endif
