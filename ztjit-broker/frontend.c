/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The frontend process. It trusts nobody: what the network sends is bounded and parsed here, what the store
 * answers is framed and typed. Taken over, it could do what any caller could do, and see what passes
 * through; it could not make a statement or a certificate.
 */
#include "ztjit-broker/frontend.h"

#include <event2/listener.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/child.h"

#define HEADERS_MAX ((ev_ssize_t)16 * 1024)
#define NEVER_SECONDS 86400
#define NAMES_REMEMBERED 65536

static int store_message(void *arg, uint8_t type, struct ztj_view body)
{
	struct frontend *fe = arg;
	char who[ZTJ_FULLNAME_SIZE];
	struct ztj_rd rd;
	uint32_t tag;
	uint8_t kinds;
	int r;
	switch (type) {
	case MSG_REPLY:
		return http_answer(fe, body);
	case MSG_LINES:
		return stream_lines(fe, body);
	case MSG_FANOUT:
		return stream_fanout(fe, body);
	case MSG_STREAM_END:
		return stream_end(fe, body);
	case MSG_WHOIS:
		break;
	default:
		return ZTJ_PROTOCOL;
	}
	ztj_rd_init(&rd, body);
	r = ztj_rd_u32(&rd, &tag);
	if (r == ZTJ_OK)
		r = ztj_rd_u8(&rd, &kinds);
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(&rd, who, sizeof(who));
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK)
		conn_identified(fe, tag, kinds, who);
	return r;
}

static void on_batch(void *arg)
{
	struct frontend *fe = arg;
	chan_flush(fe->store);
}

static void on_closed(void *arg, int err)
{
	struct frontend *fe = arg;
	if (err != ZTJ_UNREACHABLE)
		ztj_log(ZTJ_LOG_ERROR, "a message could not be read: %s", ztj_err_text(err));
	event_base_loopbreak(fe->base);
}

static int listen_on(struct frontend *fe, const struct frontend_fds *fds)
{
	for (size_t i = 0; i < fds->n; i++) {
		if (evutil_make_socket_nonblocking(fds->listener[i]) != 0 ||
		    evhttp_accept_socket(fe->http, fds->listener[i]) != 0)
			return ZTJ_SYSTEM;
	}
	return ZTJ_OK;
}

static int make_http(struct frontend *fe)
{
	fe->http = evhttp_new(fe->base);
	if (fe->http == NULL)
		return ZTJ_NOMEM;
	evhttp_set_max_headers_size(fe->http, HEADERS_MAX);
	evhttp_set_max_body_size(fe->http, (ev_ssize_t)BODY_DIRECTORY_MAX);
	evhttp_set_timeout(fe->http, NEVER_SECONDS); /* fe_conn.c has the deadlines */
	evhttp_set_default_content_type(fe->http, NULL);
	/* Every method reaches http_request, which names the three that are known. */
	evhttp_set_allowed_methods(fe->http,
	    EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
		EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_bevcb(fe->http, conn_new, fe);
	evhttp_set_gencb(fe->http, http_request, fe);
	return ZTJ_OK;
}

/* While root's files can still be read. */
static int start(struct frontend *fe)
{
	struct broker_keys keys;
	char err[512] = "";
	/* The machine's openssl.cnf has no say here. */
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return ZTJ_CRYPTO_LIB;
	int r = broker_keys_load(fe->conf, &keys, err, sizeof(err));
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "%s", err);
	if (r == ZTJ_OK)
		r = fe_tls_new(fe->conf, &keys.tls, &fe->tls);
	if (r == ZTJ_OK)
		r = conn_setup(fe);
	if (r == ZTJ_OK)
		r = limits_new(NAMES_REMEMBERED, &fe->rates);
	if (r == ZTJ_OK)
		r = limits_new((size_t)fe->conf->max_connections + NAMES_REMEMBERED, &fe->places);
	if (r == ZTJ_OK)
		r = asked_new(&fe->asked);
	return r;
}

int frontend_main(const struct broker_conf *conf, const struct frontend_fds *fds)
{
	struct frontend fe = { .conf = conf };
	const struct chan_hooks hooks = { store_message, on_batch, on_closed, &fe };
	int r = start(&fe);
	if (r == ZTJ_OK)
		r = child_loop(fds->control, &fe.base);
	if (r == ZTJ_OK)
		r = child_confine(conf->frontend_user, ZTJ_SB_NET, NULL, NULL);
	if (r == ZTJ_OK)
		r = make_http(&fe);
	if (r == ZTJ_OK)
		r = chan_new(fe.base, fds->store, &hooks, &fe.store);
	if (r == ZTJ_OK)
		r = listen_on(&fe, fds);
	if (r == ZTJ_OK)
		r = child_run(fe.base, fds->ready);
	/* The process ends here: connections and what hangs on them go with it. */
	chan_free(fe.store);
	SSL_CTX_free(fe.tls);
	return r == ZTJ_OK ? 0 : 1;
}
