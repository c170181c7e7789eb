/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * One POST over HTTPS on a connection of its own, without waiting for it. Redirections are not followed: the receiver is
 * who the configuration says.
 */
#ifndef ZTJ_BROKER_SD_POST_H
#define ZTJ_BROKER_SD_POST_H

#include <event2/dns.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "ztjit-broker/dest.h"

#define POST_ANSWER_MAX ((size_t)64 * 1024)
#define POST_SECONDS 30 /* from dialling to the end of the answer */

struct post_header { const char *name, *value; };
struct post {
	struct event_base *base;
	struct evdns_base *dns;
	const struct dest_conf *conf; /* host, port, whom to believe; must outlive the call */
	SSL_CTX *tls;
	const char *path;             /* from the "/" on */
	const struct post_header *headers;
	size_t nheaders;
	struct ztj_view body;
	/* Once, from the loop: the HTTP status and what was answered, or 0 and why there is none. */
	void (*done)(void *arg, int status, struct ztj_view answer, const char *why);
	void *arg;
};
struct posting;
int post_start(const struct post *p, struct posting **out) ZTJ_MUST_CHECK;
/* Before it is done, done is not called any more. From within done as well; what done was given is gone then. NULL: nothing. */
void post_free(struct posting *p);

#endif
