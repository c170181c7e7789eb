/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * One entry of `send` in broker.conf: "NAME URL [OPTION=VALUE ...]", ztjit-broker.conf(5).
 */
#ifndef ZTJ_BROKER_DEST_H
#define ZTJ_BROKER_DEST_H

#include <limits.h>
#include <netinet/in.h>

#include "libztjit/core/event.h"
#include "libztjit/core/text.h"

#define DESTS_MAX 16
#define DEST_HOST_SIZE 254
#define DEST_PATH_SIZE 1024
#define DEST_LIST_MAX 16

enum dest_kind { DEST_STDOUT, DEST_UDP, DEST_TCP, DEST_TLS, DEST_HTTPS };

struct dest_list { size_t n; char s[DEST_LIST_MAX][ZTJ_NAME_SIZE]; };
struct dest_conf {
	char name[ZTJ_NAME_SIZE];
	enum dest_kind kind;
	char host[DEST_HOST_SIZE];   /* without brackets; a name, an IPv4 or an IPv6 address */
	in_port_t port;              /* in the order of this machine */
	char path[DEST_PATH_SIZE];   /* of a webhook, from the "/" on */
	bool cef;                    /* the text of a syslog message, instead of JSON */
	unsigned facility;           /* of syslog */
	int64_t confirm;             /* seconds after which a stream is closed to see that all of it was read; 0: it is not */
	char ca[PATH_MAX];           /* certificates that may have issued the receiver's; "": none */
	bool pinned;                 /* the receiver's key must be this one */
	uint8_t pin[ZTJ_DIGEST_LEN]; /* SHA-256 of its SubjectPublicKeyInfo */
	char cert[PATH_MAX], key[PATH_MAX]; /* for the receiver to know us by; "": none */
	struct dest_list kinds, outcomes;   /* only these; none: all */
};
/* CONFIG with what is wrong, for people, in `what`. */
int dest_parse(const char *text, struct dest_conf *out, char *what, size_t size) ZTJ_MUST_CHECK;
/* Is this leaf for that destination? */
bool dest_passes(const struct dest_conf *d, const struct ztj_event_in *e);

#endif
