/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "libztjit/core/eventfmt.h"
#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-broker/sender.h"

#define BATCH_BYTES ((uint32_t)128 * 1024)
#define WAIT_FIRST 1 /* seconds */
#define WAIT_MAX 60

static const struct dest_ops *ops_of(enum dest_kind kind)
{
	switch (kind) {
	case DEST_STDOUT:
		return &dest_stdout;
	case DEST_UDP:
		return &dest_udp;
	case DEST_TCP:
	case DEST_TLS:
		return &dest_stream;
	case DEST_HTTPS:
		return &dest_hook;
	}
	return NULL;
}

int dest_new(struct sender *sd, const char *text, struct dest **out)
{
	char what[512];
	struct dest *d = calloc(1, sizeof(*d));
	*out = d;
	if (d == NULL)
		return ZTJ_NOMEM;
	d->sd = sd;
	d->wait = WAIT_FIRST;
	int r = dest_parse(text, &d->conf, what, sizeof(what));
	if (r == ZTJ_OK && (d->ops = ops_of(d->conf.kind)) == NULL)
		r = ZTJ_CONFIG;
	return r == ZTJ_OK ? d->ops->make(d) : r;
}

void dest_free(struct dest *d)
{
	if (d == NULL)
		return;
	if (d->ops != NULL)
		d->ops->free(d);
	if (d->again != NULL)
		event_free(d->again);
	free(d);
}

/* --- the file --- */

static int cursor_path(const struct dest *d, char out[PATH_MAX])
{
	char name[64];
	(void)snprintf(name, sizeof(name), "sender/%s.taken", d->conf.name);
	return broker_path(d->sd->conf, name, out);
}

/* What cannot be read counts as nothing: twice is better than never. */
static int read_cursor(struct dest *d)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = true };
	struct ztj_buf text;
	char path[PATH_MAX];
	int64_t n = 0;
	ztj_buf_init(&text, 64);
	int r = cursor_path(d, path);
	if (r == ZTJ_OK)
		r = ztj_file_read(path, &rule, 63, &text);
	if (r == ZTJ_OK) {
		if (text.n > 0 && text.p[text.n - 1] == '\n')
			text.n--;
		const char *str = ztj_buf_str(&text);
		r = str == NULL ? ZTJ_NOMEM : ztj_parse_int(str, 0, (int64_t)ZTJ_LOG_MAX, &n);
	}
	ztj_buf_free(&text);
	if (r == ZTJ_BAD_ENCODING || r == ZTJ_LIMIT || r == ZTJ_TOO_LARGE) {
		ztj_log(ZTJ_LOG_ALARM, "%s: not a number: %s gets the audit log from the beginning", path,
		    d->conf.name);
		n = 0;
		r = ZTJ_OK;
	}
	d->taken = d->kept = d->next = (uint64_t)n;
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

void dest_keep(struct dest *d)
{
	char path[PATH_MAX], text[32];
	if (d->taken == d->kept)
		return;
	int n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)d->taken);
	int r = cursor_path(d, path);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_view_of(text, (size_t)n), 0600);
	if (r == ZTJ_OK)
		d->kept = d->taken;
	else
		ztj_log(ZTJ_LOG_ERROR, "%s: %s: after a restart %s gets leaves twice", path, ztj_err_text(r),
		    d->conf.name);
}

/* --- asking --- */

void dest_ask(struct dest *d)
{
	struct ztj_buf msg;
	if (!d->up || !d->wants || d->asked || !d->sd->told || d->next >= d->sd->size)
		return;
	d->tag += DESTS_MAX; /* a tag is the place of the destination, and a number above it */
	const struct want w = { d->tag, d->next, BATCH_BYTES };
	ztj_buf_init(&msg, 64);
	d->asked = want_write(&w, &msg) == ZTJ_OK &&
	    chan_send(d->sd->store, SND_WANT, ztj_buf_view(&msg)) == ZTJ_OK;
	ztj_buf_free(&msg);
}

void dest_grown(struct dest *d)
{
	if (d->taken > d->sd->size) {
		ztj_log(ZTJ_LOG_ALARM,
		    "%s has taken %llu leaves of the audit log, and there are %llu: was an old backup restored?",
		    d->conf.name, (unsigned long long)d->taken, (unsigned long long)d->sd->size);
		d->taken = d->next = d->sd->size;
	}
	dest_ask(d);
}

static int count(struct ztj_view entries, uint64_t *n)
{
	struct ztj_rd rd;
	struct ztj_view leaf;
	int r;
	ztj_rd_init(&rd, entries);
	for (*n = 0; (r = ztj_entry_next(&rd, &leaf)) == ZTJ_OK; (*n)++)
		continue;
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int dest_leaves(struct dest *d, const struct leaves *l)
{
	uint64_t n;
	int r = count(l->entries, &n);
	/* Asked before it went down: it is dialled anew, or asks anew. */
	if (r != ZTJ_OK || l->tag != d->tag || !d->asked)
		return r;
	d->asked = false;
	if (!d->up || !d->wants || l->from != d->next || n == 0)
		return ZTJ_OK;
	d->wants = false;
	d->next += n;
	d->ops->give(d, l, d->next);
	return ZTJ_OK;
}

int dest_message(const struct dest *d, const struct ztj_event_in *e, struct ztj_view leaf, size_t max,
    struct ztj_buf *out)
{
	const struct ztj_event_origin from = { d->sd->host, PACKAGE_VERSION, d->conf.facility, d->conf.cef,
		max };
	return ztj_event_syslog(e, leaf, &from, out);
}

int dest_each(const struct dest *d, const struct leaves *l, dest_leaf_fn *fn, void *arg)
{
	struct ztj_event_in e;
	struct ztj_rd rd;
	struct ztj_view leaf;
	int r = ZTJ_OK;
	ztj_rd_init(&rd, l->entries);
	while (r == ZTJ_OK && (r = ztj_entry_next(&rd, &leaf)) == ZTJ_OK) {
		if (!ztj_text_ok(leaf) || ztj_event_read(leaf, &e) != ZTJ_OK) {
			ztj_log(ZTJ_LOG_ERROR, "a leaf after %llu is none that can be sent",
			    (unsigned long long)l->from);
			continue;
		}
		if (dest_passes(&d->conf, &e))
			r = fn(arg, &e, leaf);
		ztj_event_free(&e);
	}
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

/* --- up and down --- */

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct dest *d = arg;
	(void)fd;
	(void)what;
	d->ops->open(d);
}

int dest_start(struct dest *d)
{
	int r = read_cursor(d);
	if (r != ZTJ_OK) {
		ztj_log(ZTJ_LOG_ERROR, "sender/%s.taken: %s", d->conf.name, ztj_err_text(r));
		return r;
	}
	for (size_t i = 0; i < d->sd->ndests; i++)
		if (d->sd->dest[i] == d)
			d->tag = (uint32_t)i;
	d->again = event_new(d->sd->base, -1, 0, on_again, d);
	if (d->again == NULL)
		return ZTJ_NOMEM;
	event_active(d->again, EV_TIMEOUT, 0);
	return ZTJ_OK;
}

void dest_up(struct dest *d)
{
	d->up = true;
	d->next = d->taken;
	dest_want(d);
}

void dest_want(struct dest *d)
{
	d->wants = true;
	dest_ask(d);
}

void dest_taken(struct dest *d, uint64_t upto)
{
	d->wait = WAIT_FIRST;
	if (d->complained)
		ztj_log(ZTJ_LOG_NOTICE, "%s takes the audit log again", d->conf.name);
	d->complained = false;
	if (upto > d->taken)
		d->taken = upto;
}

void dest_down(struct dest *d, const char *why)
{
	const struct timeval tv = { .tv_sec = (time_t)d->wait };
	d->failures++;
	if (!d->complained)
		ztj_log(ZTJ_LOG_ERROR, "%s does not take the audit log: %s; it is tried again", d->conf.name,
		    why);
	d->complained = true;
	d->up = d->wants = d->asked = false;
	d->ops->close(d);
	d->wait = 2 * d->wait > WAIT_MAX ? WAIT_MAX : 2 * d->wait;
	if (event_add(d->again, &tv) != 0)
		ztj_log(ZTJ_LOG_ERROR, "%s is not tried again: out of memory", d->conf.name);
}

void dest_again(struct dest *d)
{
	d->wants = d->asked = false;
	d->ops->open(d);
}
