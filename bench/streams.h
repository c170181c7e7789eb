/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Hosts of a crowd (crowd.h) as the broker sees them: a TLS connection each with that host's key, and its stream. */
#ifndef ZTJ_BENCH_STREAMS_H
#define ZTJ_BENCH_STREAMS_H

#include <netinet/in.h>
#include <openssl/ssl.h>

/* The broker's key is not checked: what is measured is not trust. */
SSL_CTX *streams_ctx(void);
/* Host i of the crowd connects, asks for its stream and hears the first status. */
SSL *streams_open(SSL_CTX *ctx, const struct sockaddr_in *broker, unsigned i);

#endif
