/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Leaves as a JSON array in a POST, signed as Standard Webhooks say (v1a, Ed25519). 2xx, and nothing else, is taken. The
 * number of the first and the last leaf are the name of the message, the same however often it is sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ztjit-broker/sd_net.h"
#include "ztjit-broker/sd_post.h"
#include "ztjit-broker/sender.h"

#define SIG_LEN 64

struct hook {
	SSL_CTX *tls;
	struct ztj_buf body;
	uint64_t first, upto; /* leaves of the message that was sent last */
	struct posting *post;
};

static int make(struct dest *d)
{
	struct hook *h = calloc(1, sizeof(*h));
	d->impl = h;
	if (h == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&h->body, 4 * SND_LEAVES_MAX);
	d->sd->need_key = true;
	return net_tls_new(&d->conf, &h->tls);
}

static void open_hook(struct dest *d)
{
	dest_up(d);
}

static int add_leaf(void *arg, const struct ztj_event_in *e, struct ztj_view leaf)
{
	struct hook *h = arg;
	struct ztj_buf *body = &h->body;
	if (e->n >= h->upto)
		return ZTJ_OK;
	(void)ztj_buf_puts(body, body->n == 0 ? "[" : ",\n");
	return ztj_buf_put(body, leaf.p, leaf.n);
}

static void on_done(void *arg, int status, struct ztj_view answer, const char *why)
{
	struct dest *d = arg;
	struct hook *h = d->impl;
	char room[NET_WHY_SIZE];
	(void)answer;
	if (status != 0)
		(void)snprintf(room, sizeof(room), "HTTP status %d", status);
	else
		(void)snprintf(room, sizeof(room), "%s", why);
	post_free(h->post);
	h->post = NULL;
	if (status >= 200 && status < 300) {
		dest_taken(d, h->upto);
		dest_want(d);
		return;
	}
	dest_down(d, room);
}

/* "v1a,BASE64" over ID.TIME.BODY. */
static int sign(const struct sender *sd, const char *id, const char *when, struct ztj_view body,
    struct ztj_buf *out)
{
	struct ztj_buf msg, sig;
	ztj_buf_init(&msg, body.n + 256);
	ztj_buf_init(&sig, 256);
	(void)ztj_buf_printf(&msg, "%s.%s.", id, when);
	int r = ztj_buf_put(&msg, body.p, body.n);
	if (r == ZTJ_OK)
		r = ztj_seckey_sign(&sd->key, ztj_buf_view(&msg), &sig);
	if (r == ZTJ_OK && sig.n < SIG_LEN)
		r = ZTJ_INTERNAL;
	if (r == ZTJ_OK)
		r = ztj_buf_puts(out, "v1a,");
	/* the end of the SSH form is the signature itself */
	if (r == ZTJ_OK)
		r = ztj_b64_encode(ztj_view_of(sig.p + sig.n - SIG_LEN, SIG_LEN), out);
	ztj_buf_free(&msg);
	ztj_buf_free(&sig);
	return r;
}

static int post(struct dest *d)
{
	struct hook *h = d->impl;
	char id[64], when[32];
	struct ztj_buf sig;
	ztj_buf_init(&sig, 256);
	(void)snprintf(id, sizeof(id), "ztjit-%llu-%llu", (unsigned long long)h->first,
	    (unsigned long long)h->upto - 1);
	(void)snprintf(when, sizeof(when), "%lld", (long long)time(NULL));
	int r = sign(d->sd, id, when, ztj_buf_view(&h->body), &sig);
	const char *signature = r == ZTJ_OK ? ztj_buf_str(&sig) : NULL;
	if (signature == NULL) {
		ztj_buf_free(&sig);
		return r == ZTJ_OK ? ZTJ_NOMEM : r;
	}
	const struct post_header headers[] = { { "Content-Type", "application/json" }, { "webhook-id", id },
		{ "webhook-timestamp", when }, { "webhook-signature", signature } };
	const struct post p = { d->sd->base, d->sd->dns, &d->conf, h->tls, d->conf.path, headers, 4,
		ztj_buf_view(&h->body), on_done, d };
	r = post_start(&p, &h->post);
	ztj_buf_free(&sig);
	return r;
}

static void give(struct dest *d, const struct leaves *l, uint64_t upto)
{
	struct hook *h = d->impl;
	/* What was not taken comes again as the same message, also when there is more by now. */
	if (h->first != l->from || h->upto > upto || h->upto <= h->first)
		h->upto = upto;
	h->first = l->from;
	d->next = h->upto;
	ztj_buf_reset(&h->body);
	int r = dest_each(d, l, add_leaf, h);
	if (r == ZTJ_OK && h->body.n == 0) {
		dest_taken(d, h->upto); /* nothing of it is for this destination */
		dest_want(d);
		return;
	}
	if (r == ZTJ_OK)
		r = ztj_buf_puts(&h->body, "]\n");
	if (r == ZTJ_OK)
		r = post(d);
	if (r != ZTJ_OK)
		dest_down(d, ztj_err_text(r));
}

static void close_hook(struct dest *d)
{
	struct hook *h = d->impl;
	post_free(h->post);
	h->post = NULL;
}

static void free_hook(struct dest *d)
{
	struct hook *h = d->impl;
	if (h == NULL)
		return;
	close_hook(d);
	SSL_CTX_free(h->tls);
	ztj_buf_free(&h->body);
	free(h);
}

const struct dest_ops dest_hook = { make, open_hook, give, close_hook, free_hook };
