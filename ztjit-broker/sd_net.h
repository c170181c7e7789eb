/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * How the sender dials: a bufferevent, with TLS where the destination has it. Whom it believes is what the destination
 * says: certificates below its CA file for its host, the one key that it pins, or both.
 */
#ifndef ZTJ_BROKER_SD_NET_H
#define ZTJ_BROKER_SD_NET_H

#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <openssl/ssl.h>

#include "ztjit-broker/dest.h"

#define NET_WHY_SIZE 256

/* Reads CA file, certificate and key, which must be owned by who starts the broker. conf must outlive it. */
int net_tls_new(const struct dest_conf *conf, SSL_CTX **out) ZTJ_MUST_CHECK;
/* Not dialled yet; ctx NULL: without TLS. NULL for want of memory. */
struct bufferevent *net_new(struct event_base *base, const struct dest_conf *conf, SSL_CTX *ctx);
/* Names are looked up without waiting; BEV_EVENT_CONNECTED or an error follows. */
int net_dial(struct bufferevent *bev, struct evdns_base *dns, const struct dest_conf *conf) ZTJ_MUST_CHECK;
/* Says to the other side that nothing more comes; it may go on to speak. */
void net_finish(struct bufferevent *bev);
/* Why the other side is not believed; NULL: nothing is known against it. */
const char *net_distrust(struct bufferevent *bev);
/* Why BEV_EVENT_ERROR came. Valid until the next call. */
const char *net_why(struct bufferevent *bev, char room[NET_WHY_SIZE]);
/* Servers of /etc/resolv.conf, and /etc/hosts. NULL for want of memory. */
struct evdns_base *net_resolver(struct event_base *base);

#endif
