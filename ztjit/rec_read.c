/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Fetching a record, judging it and reading it. */
#include "ztjit/rec.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ztjit/api.h"
#include "ztjit/out.h"

#define PIECE_MAX (4u * 1024u * 1024u)
#define UNSIGNED_MAX (256u * 1024u * 1024u)
#define HEADER_MAX (64u * 1024u)

/* chunk: counted from 1, as people count */
static int altered(struct rec *r, uint32_t chunk, const char *how)
{
	return cli_fail(r->c, ZTJ_ALTERED, "%s, chunk %u: %s; this is not the record that %s made", r->id,
	    chunk, how, r->host);
}

/* ---- fetching ---- */

static int keep(struct rec *r, struct ztj_view v)
{
	while (v.n > 0) {
		ssize_t n = pwrite(r->fd, v.p, v.n, (off_t)r->have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return cli_fail(r->c, ZTJ_SYSTEM, "no room for the record: %s", strerror(errno));
		r->have += (uint64_t)n;
		v = ztj_view_after(v, (size_t)n);
	}
	return ZTJ_OK;
}

static int take_piece(struct rec *r, const json_t *o)
{
	const json_t *size = json_object_get(o, "size"), *data = json_object_get(o, "data");
	const char *state = api_str(o, "state");
	struct ztj_buf bytes;
	int e = ZTJ_PROTOCOL;

	ztj_buf_init(&bytes, PIECE_MAX);
	if (json_is_integer(size) && json_integer_value(size) >= 0 && json_is_string(data) &&
	    state[0] != '\0')
		e = ztj_b64_decode(ztj_view_str(json_string_value(data)), &bytes);
	if (e == ZTJ_OK && r->have + bytes.n > (uint64_t)json_integer_value(size))
		e = ZTJ_PROTOCOL;
	if (e != ZTJ_OK) {
		ztj_buf_free(&bytes);
		return cli_fail(r->c, ZTJ_PROTOCOL, "%s: the broker's answer is malformed", r->id);
	}
	r->size = (uint64_t)json_integer_value(size);
	r->over = strcmp(state, "open") != 0;
	e = keep(r, ztj_buf_view(&bytes));
	ztj_buf_free(&bytes);
	return e;
}

int rec_pull(struct rec *r, unsigned wait)
{
	json_t *o = NULL;
	char path[128];
	uint64_t before = r->have;
	int n, e;

	if (r->have - r->proved.bytes > UNSIGNED_MAX && r->live)
		return cli_fail(r->c, ZTJ_ALTERED, "%s: %u MB came of which %s signed nothing", r->id,
		    UNSIGNED_MAX / 1000000, r->host);
	n = snprintf(path, sizeof path, "/v1/sessions/%s/record?from=%llu", r->id,
	    (unsigned long long)r->have);
	if (wait > 0 && n > 0)
		(void)snprintf(path + n, sizeof path - (size_t)n, "&wait=%u", wait);
	if ((e = api_call(r->c, "GET", path, NULL, &o)) == ZTJ_OK)
		e = take_piece(r, o);
	json_decref(o);
	if (e != ZTJ_OK || r->have > before)
		return e;
	return r->over ? ZTJ_NOT_FOUND : ZTJ_TIMEOUT;
}

/* ---- judging ---- */

static int pread_all(struct rec *r, uint64_t at, uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t got = pread(r->fd, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return cli_fail(r->c, ZTJ_IO, "the record cannot be read back");
		p += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return ZTJ_OK;
}

/* The chunk at this place: its header first, then no more than it says. */
static int read_chunk(struct rec *r, const struct ztj_chain *at, struct ztj_chunk *out)
{
	uint64_t left = r->have - at->bytes;
	size_t n = left < ZTJ_CHUNK_HEADER ? (size_t)left : ZTJ_CHUNK_HEADER;
	struct ztj_rd rd;
	uint32_t body;
	int e = pread_all(r, at->bytes, r->chunk, n);

	if (e == ZTJ_OK && n == ZTJ_CHUNK_HEADER) {
		ztj_rd_init(&rd, ztj_view_of(r->chunk + n - sizeof body, sizeof body));
		if ((e = ztj_rd_u32(&rd, &body)) == ZTJ_OK && body <= ZTJ_CHUNK_BODY_MAX) {
			size_t more = left - n < body ? (size_t)(left - n) : body;
			e = pread_all(r, at->bytes + n, r->chunk + n, more);
			n += more;
		}
	}
	return e == ZTJ_OK ? ztj_chunk_read(ztj_view_of(r->chunk, n), out) : e;
}

/* Moves a place of the record on. NOT_FOUND: no whole chunk is there. */
static int step(struct rec *r, struct ztj_chain *at, struct ztj_chunk *out)
{
	int e = r->have == at->bytes ? ZTJ_TRUNCATED : read_chunk(r, at, out);

	if (e == ZTJ_TRUNCATED)
		return ZTJ_NOT_FOUND;
	if (e == ZTJ_IO || e == ZTJ_NOMEM)
		return e;
	if (e != ZTJ_OK)
		return altered(r, at->chunks + 1, "malformed");
	e = ztj_chain_add(at, out);
	return e == ZTJ_OK      ? e
	    : e == ZTJ_TRAILING ? altered(r, at->chunks + 1, "it stands after the last one")
				: altered(r, at->chunks + 1, "it does not follow the one before");
}

int rec_prove(struct rec *r)
{
	const struct ztj_stmt *h = r->head;
	struct ztj_chunk k = { .seq = 0 };
	int e = ZTJ_OK;

	if (h == NULL)
		return ZTJ_OK;
	while (e == ZTJ_OK && (int64_t)r->proved.chunks < h->u.head.chunks &&
	    (int64_t)r->proved.bytes < h->u.head.bytes)
		e = step(r, &r->proved, &k);
	if (e == ZTJ_OK && !ztj_chain_is(&r->proved, h))
		e = altered(r, r->proved.chunks, "its host signed another");
	return e;
}

/* What the broker says, against what the host signed. */
static int agree(struct rec *r)
{
	const struct ztj_stmt *h = r->head;
	const char *state = api_str(r->about, "state");

	if (r->size < (uint64_t)h->u.head.bytes)
		return cli_fail(r->c, ZTJ_ALTERED, "%s: %s signed %lld bytes, the broker has %llu", r->id,
		    r->host, (long long)h->u.head.bytes, (unsigned long long)r->size);
	if (h->u.head.state != ZTJ_HEAD_OPEN && r->size > (uint64_t)h->u.head.bytes)
		return cli_fail(r->c, ZTJ_ALTERED, "%s: there is more than %s signed", r->id, r->host);
	if (h->u.head.state == ZTJ_HEAD_OPEN && strcmp(state, "closed") == 0)
		return cli_fail(r->c, ZTJ_ALTERED, "%s: the broker says that it is whole, %s signed no end",
		    r->id, r->host);
	return ZTJ_OK;
}

int rec_verdict(struct rec *r, const char **said)
{
	const struct ztj_stmt *h = r->head;
	const char *by = r->doubt != NULL ? "NOT VERIFIED, " : "verified";
	int e;

	*said = "";
	if (h == NULL) {
		*said = "NOT VERIFIED: its host has signed nothing of it yet";
		return r->over ? cli_fail(r->c, ZTJ_ALTERED, "%s: %s signed nothing of it", r->id, r->host)
			       : ZTJ_OK;
	}
	if ((e = rec_prove(r)) == ZTJ_NOT_FOUND)
		return cli_fail(r->c, ZTJ_ALTERED, "%s: %s signed %lld chunks, %u are there", r->id, r->host,
		    (long long)h->u.head.chunks, r->proved.chunks);
	if (e != ZTJ_OK || (e = agree(r)) != ZTJ_OK)
		return e;
	if (r->doubt != NULL)
		by = cli_printf(r->c, "NOT VERIFIED, for %s", r->doubt);
	if (by == NULL)
		return ZTJ_NOMEM;
	if (h->u.head.state == ZTJ_HEAD_CLOSED)
		*said = cli_printf(r->c, "%s: whole, %u chunk%s, signed by %s", by, r->proved.chunks,
		    r->proved.chunks == 1 ? "" : "s", r->host);
	else if (h->u.head.state == ZTJ_HEAD_LOST)
		*said = cli_printf(r->c, "%s, but it ends early: %s lost the recorder after chunk %u", by,
		    r->host, r->proved.chunks);
	else
		*said = cli_printf(r->c, "%s as far as chunk %u, which %s signed at %s; %s", by,
		    r->proved.chunks, r->host, out_time(r->c, h->issued),
		    r->over ? "nothing came after that" : "it goes on");
	return *said != NULL ? ZTJ_OK : ZTJ_NOMEM;
}

/* Nothing is signed: shown only to those who want to see it all the same. */
static int verify_unsigned(struct rec *r)
{
	uint64_t end = r->size;
	int e = ZTJ_OK;

	if (!cli_is_set(r->c, OPT_UNVERIFIED)) {
		if (r->over)
			return cli_fail(r->c, ZTJ_ALTERED, "%s: %s signed nothing of it", r->id, r->host);
		cli_hint(r->c, "ztjit sessions tail %s", r->id);
		return cli_fail(r->c, ZTJ_NOT_FOUND, "%s: %s has signed nothing of it yet", r->id, r->host);
	}
	r->live = true;
	while (e == ZTJ_OK && r->have < end)
		e = rec_pull(r, 0);
	if (e != ZTJ_OK && e != ZTJ_NOT_FOUND && e != ZTJ_TIMEOUT)
		return e;
	out_warn(r->c, "%s: NOT VERIFIED, its host signed nothing of it", r->id);
	return ZTJ_OK;
}

int rec_verify(struct rec *r)
{
	const char *said;
	int e = rec_vouched(r);

	if (e == ZTJ_OK && r->head == NULL)
		return verify_unsigned(r);
	if (e == ZTJ_OK)
		e = agree(r);
	/* what is not signed is not waited for, however much of it there may be */
	while (e == ZTJ_OK && r->have < (uint64_t)r->head->u.head.bytes)
		e = rec_pull(r, 0);
	if (e != ZTJ_OK && e != ZTJ_NOT_FOUND && e != ZTJ_TIMEOUT)
		return e;
	if ((e = rec_verdict(r, &said)) != ZTJ_OK)
		return e;
	if (r->doubt != NULL || r->head->u.head.state == ZTJ_HEAD_LOST ||
	    strcmp(api_str(r->about, "state"), "lost") == 0)
		out_warn(r->c, "%s: %s", r->id, said);
	else
		out_note(r->c, "%s: %s", r->id, said);
	rec_rewind(r);
	return ZTJ_OK;
}

/* ---- reading ---- */

int rec_chunk(struct rec *r, struct ztj_chunk *out)
{
	if (!r->live && r->chain.chunks >= r->proved.chunks)
		return ZTJ_NOT_FOUND;
	return step(r, &r->chain, out);
}

/* What was signed and is wrong all the same is the host's. */
static int broken(struct rec *r, const char *how)
{
	return r->chain.chunks > r->proved.chunks
	    ? altered(r, r->chain.chunks, how)
	    : cli_fail(r->c, ZTJ_ALTERED, "%s, chunk %u: %s, and %s signed it like that", r->id,
		  r->chain.chunks, how, r->host);
}

int rec_malformed(struct rec *r, int err)
{
	return err == ZTJ_BAD_JSON || err == ZTJ_BAD_ENCODING || err == ZTJ_TOO_LARGE
	    ? broken(r, "its text is malformed")
	    : err;
}

/* The header, which is the first line of the first chunk: the record's own word against the broker's. */
static int take_header(struct rec *r, struct ztj_view text)
{
	static const char *const same[] = { "session", "host", "person", "account", "service", "role",
		"grant" };
	const uint8_t *eol = text.n > 0 ? memchr(text.p, '\n', text.n) : NULL;
	const json_t *ours;

	json_decref(r->header);
	r->header = NULL;
	if (eol != NULL && (size_t)(eol - text.p) <= HEADER_MAX)
		r->header = json_loadb((const char *)text.p, (size_t)(eol - text.p), JSON_REJECT_DUPLICATES,
		    NULL);
	if (!json_is_object(r->header))
		return broken(r, "it has no header");
	ours = json_object_get(r->header, "ztjit");
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
		if (strcmp(api_str(ours, same[i]), api_str(r->about, same[i])) != 0)
			return cli_fail(r->c, ZTJ_ALTERED,
			    "%s: the broker says %s \"%s\", the record says \"%s\"", r->id, same[i],
			    cli_esc(r->c, api_str(r->about, same[i])), cli_esc(r->c, api_str(ours, same[i])));
	if (json_is_true(json_object_get(ours, "tty")) != json_is_true(json_object_get(r->about, "tty")))
		return cli_fail(r->c, ZTJ_ALTERED,
		    "%s: broker and record do not agree whether it had a terminal", r->id);
	return ZTJ_OK;
}

int rec_text(struct rec *r, const struct ztj_chunk *k, struct ztj_buf *out)
{
	size_t before = out->n;
	int e = ztj_unpack(r->opener, k, out);

	if (e == ZTJ_ENCRYPTED_KEY || e == ZTJ_WRONG_KEY) {
		cli_hint(r->c, "--unseal-key FILE, the key of an auditor's certificate");
		return cli_fail(r->c, ZTJ_WRONG_KEY, "%s is sealed%s", r->id,
		    e == ZTJ_WRONG_KEY ? ", and not to this key" : "");
	}
	if (e != ZTJ_OK)
		return e == ZTJ_NOMEM ? e : broken(r, "its body cannot be opened");
	return k->seq == 0 ? take_header(r, ztj_view_of(out->p + before, out->n - before)) : ZTJ_OK;
}

void rec_rewind(struct rec *r)
{
	memset(&r->chain, 0, sizeof r->chain);
}

static int next_text(struct rec *r, struct ztj_cast_reader *reader, struct ztj_buf *text)
{
	struct ztj_chunk k = { .seq = 0 };
	int e = rec_chunk(r, &k);

	if (e != ZTJ_OK)
		return e;
	ztj_buf_reset(text);
	if ((e = rec_text(r, &k, text)) != ZTJ_OK)
		return e;
	e = ztj_cast_reader_add(reader, ztj_buf_view(text));
	return e == ZTJ_OK ? e : rec_malformed(r, e);
}

int rec_events(struct rec *r, int (*each)(const struct ztj_cast_event *e, void *arg), void *arg)
{
	struct ztj_cast_reader *reader = NULL;
	struct ztj_cast_event ev;
	struct ztj_buf text;
	int e = ztj_cast_reader_new(&reader);
	bool end = false;

	ztj_buf_init(&text, ZTJ_CHUNK_TEXT_MAX);
	while (e == ZTJ_OK && !end) {
		e = next_text(r, reader, &text);
		end = e == ZTJ_NOT_FOUND;
		if (end)
			e = ZTJ_OK;
		if (e != ZTJ_OK)
			break;
		while ((e = ztj_cast_reader_next(reader, end, &ev)) == ZTJ_OK)
			if ((e = each(&ev, arg)) != ZTJ_OK)
				goto out;
		e = e == ZTJ_NOT_FOUND ? ZTJ_OK : rec_malformed(r, e);
	}
out:
	ztj_cast_reader_free(reader);
	ztj_buf_free(&text);
	return e;
}

/* ---- the terminal it was ---- */

uint32_t rec_columns(const struct rec *r)
{
	json_int_t n = json_integer_value(json_object_get(r->header, "width"));

	return n > 0 && n <= UINT16_MAX ? (uint32_t)n : 0;
}

uint32_t rec_resized(const struct ztj_cast_event *e)
{
	uint32_t n = 0;

	for (size_t i = 0; i < e->bytes.n && e->bytes.p[i] >= '0' && e->bytes.p[i] <= '9' && n <= UINT16_MAX;
	     i++)
		n = 10 * n + (uint32_t)(e->bytes.p[i] - '0');
	return n <= UINT16_MAX ? n : 0;
}
