/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The HTTPS client (libcurl): TLS 1.3 only, mutual, server key pinned; used by the
 * command line and by hostd's mirror. PROTOCOL section 3.
 */
#ifndef ZTJ_NET_NET_H
#define ZTJ_NET_NET_H

#include <curl/curl.h>

#include "libztjit/core/key.h"

struct ztj_net_conf {
	const char *const *urls;         /* "https://host:port", tried in order */
	size_t nurls;
	const struct ztj_key *pins;      /* server keys that are believed; npins 0: bootstrap, no pin */
	size_t npins;
	const struct ztj_seckey *client; /* TLS client key, or NULL for none (anonymous calls) */
	long timeout_ms;                 /* of one call */
	size_t max_reply;
};
struct ztj_net;
int ztj_net_open(const struct ztj_net_conf *conf, struct ztj_net **out) ZTJ_MUST_CHECK;
void ztj_net_close(struct ztj_net *n);

/* One call. body.n == 0 with GET or DELETE. A body that is no JSON object goes as application/octet-stream.
 * reply gets the body whatever the status. Connection refused and
 * such on every url: ZTJ_UNREACHABLE; a pin that does not match: ZTJ_BROKER_KEY; ZTJ_TIMEOUT; ZTJ_TOO_LARGE. */
int ztj_net_call(struct ztj_net *n, const char *method, const char *path, struct ztj_view body,
    struct ztj_buf *reply, long *status) ZTJ_MUST_CHECK;
/* One line on why the last call or stream failed, "" if it did not: what libcurl or TLS said. */
const char *ztj_net_why(const struct ztj_net *n);
/* status >= 400: the error of the JSON body ({"error": short name}), its text, escaped for
 * terminals, into text. */
int ztj_net_error(long status, struct ztj_view reply, char *text, size_t size) ZTJ_MUST_CHECK;
/* Long-lived lines: calls each(line without \n) until it returns non-zero (returned), or the
 * connection ends or is silent for idle_s seconds (ZTJ_UNREACHABLE / ZTJ_TIMEOUT). Lines over max_reply: ZTJ_TOO_LARGE. */
int ztj_net_stream(struct ztj_net *n, const char *path, int idle_s,
    int (*each)(struct ztj_view line, void *arg), void *arg) ZTJ_MUST_CHECK;
/* The key the server showed in the last handshake (bootstrap checks it against the policy); NOT_FOUND: none yet. */
int ztj_net_peer_key(const struct ztj_net *n, struct ztj_key *out) ZTJ_MUST_CHECK;
/* For curl_multi users (the mirror): an easy handle for url number i with TLS, pin and limits set, no write callback. */
int ztj_net_easy(struct ztj_net *n, size_t url, const char *method, const char *path, struct ztj_view body,
    CURL **out) ZTJ_MUST_CHECK;
/* A self-signed certificate (DER → PEM text) around an Ed25519 key, for either side of TLS. */
int ztj_net_selfsigned(const struct ztj_seckey *sk, const char *cn, int64_t not_before, struct ztj_buf *cert_pem,
    struct ztj_buf *key_pem) ZTJ_MUST_CHECK;

#endif
