/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The sender: carries the audit log to others. It dials out and is never dialled, has no way to database or keys of the
 * broker, and believes no receiver anything: what one answers can only make it send again. The queue is the log itself; a
 * file for each destination says below which leaf everything was taken (at least once, never fewer).
 */
#ifndef ZTJ_BROKER_SENDER_H
#define ZTJ_BROKER_SENDER_H

#include <event2/dns.h>
#include <event2/event.h>

#include "ztjit-broker/chan.h"
#include "ztjit-broker/conf.h"
#include "ztjit-broker/dest.h"
#include "ztjit-broker/sendproto.h"

#define SENDER_MESSAGE_MAX ((size_t)512 * 1024) /* a leaf, and what stands around it */

struct sender {
	const struct broker_conf *conf;
	struct event_base *base;
	struct evdns_base *dns;
	char host[256];         /* this machine's name */
	bool need_key;
	struct ztj_seckey key;  /* by which receivers know that it was us */
	struct askers *askers;  /* sd_witness.c; NULL: nobody is asked */
	struct chan *store;
	uint64_t size; /* leaves that there are, as the store said last */
	bool told;     /* it has said so */
	struct dest *dest[DESTS_MAX];
	size_t ndests;
	struct ztj_buf said; /* as the store was told last */
};

/* The process, and whether there is anything to send. Returns an exit status. */
struct sender_fds { int store, control, ready; };
bool sender_wanted(const struct broker_conf *conf);
int sender_main(const struct broker_conf *conf, const struct sender_fds *fds);

/* --- sd_dest.c: a destination: what it was given, what it has taken, and when it is dialled again --- */
struct dest {
	struct sender *sd;
	struct dest_conf conf;
	const struct dest_ops *ops;
	void *impl;
	uint64_t next;         /* the first leaf that it was not given */
	uint64_t taken, kept;  /* leaves below it were taken; and the file says so */
	uint32_t tag;          /* of the question for leaves that is open */
	bool up, wants, asked; /* it is connected; it can be given leaves; the store was asked for them */
	bool complained;       /* that it is down stands in the log */
	uint64_t failures;
	unsigned wait;         /* seconds until it is dialled again, the next time that it goes down */
	struct event *again;
};

/* What a kind of destination does. It calls dest_up, dest_want, dest_taken and dest_down, never from within close or free. */
struct dest_ops {
	/* While root's files can still be read. */
	int (*make)(struct dest *d);
	/* Dials; dest_up or dest_down follows, perhaps at once. */
	void (*open)(struct dest *d);
	/* Leaves up to (not with) `upto`, one at least; all of them are its business from now on. */
	void (*give)(struct dest *d, const struct leaves *l, uint64_t upto);
	/* Forgets what was given and not taken. */
	void (*close)(struct dest *d);
	void (*free)(struct dest *d);
};
int dest_new(struct sender *sd, const char *text, struct dest **out) ZTJ_MUST_CHECK;
void dest_free(struct dest *d);
/* After the sandbox: reads the file, makes the timer. */
int dest_start(struct dest *d) ZTJ_MUST_CHECK;
/* The log has grown, or was seen for the first time. */
void dest_grown(struct dest *d);
/* Asks the store, where there is something to ask for: it may have had no answer before. */
void dest_ask(struct dest *d);
/* The store's answer; TRUNCATED when it is no bundle. */
int dest_leaves(struct dest *d, const struct leaves *l) ZTJ_MUST_CHECK;
/* Makes durable what was taken. */
void dest_keep(struct dest *d);
/* It is connected and wants leaves. */
void dest_up(struct dest *d);
/* It can be given more. */
void dest_want(struct dest *d);
void dest_taken(struct dest *d, uint64_t upto);
/* Closes it, and dials again later, from what was taken on. */
void dest_down(struct dest *d, const char *why);
/* Nothing was wrong: dials again at once. */
void dest_again(struct dest *d);
/* A leaf as a message of syslog; max: as in eventfmt.h. */
int dest_message(const struct dest *d, const struct ztj_event_in *e, struct ztj_view leaf, size_t max, struct ztj_buf *out)
    ZTJ_MUST_CHECK;
/* Calls each leaf that passes the destination's filters. */
typedef int dest_leaf_fn(void *arg, const struct ztj_event_in *e, struct ztj_view leaf);
int dest_each(const struct dest *d, const struct leaves *l, dest_leaf_fn *fn, void *arg) ZTJ_MUST_CHECK;

/* --- sd_stdout.c, sd_udp.c, sd_stream.c (TCP and TLS), sd_hook.c --- */
extern const struct dest_ops dest_stdout, dest_udp, dest_stream, dest_hook;

/* --- sd_key.c: the sender's own key, made at the first start (confined), its public half in sender/sender.pem --- */
int sender_key(const struct broker_conf *conf, struct ztj_seckey *out) ZTJ_MUST_CHECK;

#endif
