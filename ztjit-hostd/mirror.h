/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * mirror: the process with the network. It follows the broker's stream, fetches what the
 * stream announces, relays challenges, and hands everything to the gate as bytes. It has no
 * power: what it invents does not verify.
 */
#ifndef ZTJ_HOSTD_MIRROR_H
#define ZTJ_HOSTD_MIRROR_H

#include <sys/types.h>

#include "libztjit/net/net.h"
#include "libztjit/core/text.h"
#include "libztjit/sys/ipc.h"
#include "libztjit/sys/recmsg.h"

#define ZTJ_MIRROR_DIRS 64
#define ZTJ_MIRROR_POSTS 16
#define ZTJ_MIRROR_SHIPS 4
#define ZTJ_MIRROR_LINE_MAX (160u * 1024u)
#define ZTJ_MIRROR_BODY_MAX ((size_t)256 * 1024 * 1024)

/* ASK_ENDED: over before the broker had taken it */
enum ztj_post { ZTJ_POST_ASK, ZTJ_POST_ASK_ENDED, ZTJ_POST_END, ZTJ_POST_REPORT, ZTJ_POST_HAND_BACK };
struct ztj_mirror_post {
	CURL *easy; /* NULL: free */
	uint8_t id[32];
	enum ztj_post kind;
	bool taken;
};

struct ztj_mirror_ship {
	CURL *easy; /* NULL: free */
	uint32_t tag;
	uint8_t *body; /* NULL: JSON is */
	size_t body_n;
	struct curl_slist *headers;
	size_t n;   /* of the reply */
	char reply[4096];
};

struct ztj_mirror {
	int gate, scribe; /* scribe -1: there is none */
	const struct ztj_seckey *tls;
	CURLM *multi;
	struct ztj_net *net;       /* NULL: the gate has not said whom to believe */
	struct ztj_buf broker;     /* that message, to see whether it changed */
	size_t url, nurls;
	struct ztj_ipc_in in;
	/* stream */
	CURL *stream;
	struct ztj_buf line;
	bool paused, up, snapshot; /* snapshot: one is coming */
	uint64_t since;
	int64_t next_try, backoff; /* ms of the boot clock; ms */
	bool resync;
	/* what is to be fetched, one at a time */
	CURL *fetch;
	int body;                  /* memfd */
	size_t body_n;
	uint8_t fetching;          /* 1: policy, 2: directory */
	bool want_policy;
	size_t nwant;
	char want[ZTJ_MIRROR_DIRS][ZTJ_NAME_SIZE];
	/* what the gate holds */
	int64_t policy;
	size_t ndirs;
	struct {
		char name[ZTJ_NAME_SIZE];
		uint64_t serial;
	} dir[ZTJ_MIRROR_DIRS];
	struct ztj_mirror_post post[ZTJ_MIRROR_POSTS];
	struct ztj_ipc_in scribe_in;
	struct ztj_mirror_ship ship[ZTJ_MIRROR_SHIPS];
	struct ztj_mirror_ship decisions, growth;
	bool failed;               /* the gate or the scribe is gone or talks nonsense */
};

/* The process: never returns. gate, scribe: the pairs with them; scribe may be -1. */
_Noreturn void ztj_mirror_main(int gate, int scribe, const struct ztj_seckey *tls);

/* ---- inside: mirror_stream.c ---- */
void ztj_mirror_stream_start(struct ztj_mirror *m);
void ztj_mirror_stream_stop(struct ztj_mirror *m);
/* Somebody waits for the broker; the gate says so every two seconds at most. */
void ztj_mirror_stream_hurry(struct ztj_mirror *m);
/* One line of the stream. */
void ztj_mirror_line(struct ztj_mirror *m, struct ztj_view line);
/* After a fetch: goes on with lines that waited for it. */
void ztj_mirror_stream_resume(struct ztj_mirror *m);

/* ---- mirror_fetch.c ---- */
void ztj_mirror_fetch_next(struct ztj_mirror *m);
void ztj_mirror_fetch_done(struct ztj_mirror *m, CURLcode rc);
void ztj_mirror_fetch_stop(struct ztj_mirror *m);
void ztj_mirror_post(struct ztj_mirror *m, struct ztj_view id, struct ztj_view json);
void ztj_mirror_report(struct ztj_mirror *m, struct ztj_view id, struct ztj_view json);
void ztj_mirror_hand_back(struct ztj_mirror *m, struct ztj_view id, struct ztj_view json);
/* The broker is told, if it can be, that a challenge is over; it forgets by itself otherwise. */
void ztj_mirror_end(struct ztj_mirror *m, struct ztj_view id, bool taken);
void ztj_mirror_post_done(struct ztj_mirror *m, struct ztj_mirror_post *p, CURLcode rc);
void ztj_mirror_posts_stop(struct ztj_mirror *m);

/* ---- mirror_gate.c: messages to and from the gate ---- */
void ztj_mirror_send(struct ztj_mirror *m, struct ztj_buf *msg, int fd);
void ztj_mirror_tell_link(struct ztj_mirror *m, bool up);
void ztj_mirror_tell_snapshot(struct ztj_mirror *m, bool begins);
void ztj_mirror_from_gate(struct ztj_mirror *m);

/* ---- mirror_decisions.c: calls of the gate whose replies it judges ---- */
void ztj_mirror_decisions(struct ztj_mirror *m, struct ztj_view lines);
void ztj_mirror_decisions_done(struct ztj_mirror *m, CURLcode rc);
/* The proof that the audit log of `to` leaves continues that of `from`. */
void ztj_mirror_growth(struct ztj_mirror *m, uint64_t from, uint64_t to);
void ztj_mirror_growth_done(struct ztj_mirror *m, CURLcode rc);
/* Both are answered: there is no broker now. */
void ztj_mirror_singles_stop(struct ztj_mirror *m);

/* ---- mirror_call.c: one call with a short answer ---- */
/* POSTs s->body, or json where there is none. False: it did not begin; clear s. */
bool ztj_mirror_call(struct ztj_mirror *m, struct ztj_mirror_ship *s, const char *path, struct ztj_view json);
/* GET, likewise. */
bool ztj_mirror_ask(struct ztj_mirror *m, struct ztj_mirror_ship *s, const char *path);
/* HTTP's status; 0: none. s->reply holds the answer until it is cleared. */
uint32_t ztj_mirror_call_over(struct ztj_mirror *m, struct ztj_mirror_ship *s, CURLcode rc);
void ztj_mirror_call_clear(struct ztj_mirror_ship *s);

/* ---- mirror_ship.c: records for the scribe ---- */
void ztj_mirror_ship_link(struct ztj_mirror *m, bool up);
void ztj_mirror_ship_done(struct ztj_mirror *m, struct ztj_mirror_ship *s, CURLcode rc);
void ztj_mirror_ships_stop(struct ztj_mirror *m);
void ztj_mirror_from_scribe(struct ztj_mirror *m);

#endif
