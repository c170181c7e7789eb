/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Fetching a record and judging it. */
#include "ztjit/rec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ztjit/api.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/sign.h"

#define PIECE_MAX (4u * 1024u * 1024u)
#define PEM_MAX (64u * 1024u)
#define CHUNK_MAX (ZTJ_CHUNK_HEADER + ZTJ_CHUNK_BODY_MAX)

int rec_id(struct cli *c, const char *text, char out[ZTJ_SHORT_ID_SIZE])
{
	if (ztj_session_id_parse(text, out) == ZTJ_OK)
		return ZTJ_OK;
	cli_hint(c, "ztjit sessions ls");
	return cli_fail(c, ZTJ_USAGE, "%s: not a session; they look like S-0123456789", cli_esc(c, text));
}

/* ---- what the host signed ---- */

/* A newer head of this session by this host's machine key; anything else is not from the host. */
static int take_head(struct rec *r, const json_t *container)
{
	const struct ztj_record *host;
	struct ztj_stmt *st = NULL;
	struct ztj_signed s;
	struct ztj_buf mem;
	char *text = json_dumps(container, JSON_COMPACT);
	int e;

	if (text == NULL)
		return ZTJ_NOMEM;
	if (ztj_trust_host(r->c->trust, r->host, cli_now(), &host) != ZTJ_OK) {
		r->unknown_host = true;
		free(text);
		return ZTJ_OK;
	}
	ztj_buf_init(&mem, ZTJ_STMT_MAX);
	if ((e = ztj_signed_from_json(ztj_view_str(text), &mem, &s)) == ZTJ_OK)
		e = ztj_stmt_open(&s, ZTJ_STMT_HEAD, r->c->pins.domain, &st);
	if (e == ZTJ_OK &&
	    (!ztj_key_equal(&st->signer[0].key, &host->machine) || strcmp(st->u.head.host, r->host) != 0 ||
		memcmp(st->u.head.session, r->name, ZTJ_DIGEST_LEN) != 0))
		e = ZTJ_SIGNER;
	ztj_buf_free(&mem);
	free(text);
	if (e != ZTJ_OK) {
		ztj_stmt_free(st);
		return cli_fail(r->c, ZTJ_ALTERED, "%s: what is shown as the signature of %s is not (%s)",
		    r->id, cli_esc(r->c, r->host), ztj_err_text(e));
	}
	ztj_stmt_free(r->head);
	r->head = st;
	return ZTJ_OK;
}

static int take_about(struct rec *r, json_t *about)
{
	const json_t *heads = json_object_get(about, "heads");

	json_decref(r->about);
	r->about = about;
	r->id = api_str(about, "id");
	r->host = api_str(about, "host");
	r->size = (uint64_t)json_integer_value(json_object_get(about, "size"));
	if (ztj_unhex(ztj_view_str(api_str(about, "session")), r->name, sizeof r->name) != ZTJ_OK ||
	    !ztj_fullname_ok(r->host, true))
		return cli_fail(r->c, ZTJ_PROTOCOL, "the broker describes no session");
	return json_array_size(heads) > 0 ? take_head(r, json_array_get(heads, json_array_size(heads) - 1))
					  : ZTJ_OK;
}

int rec_refresh(struct rec *r)
{
	json_t *about;
	char path[64];
	int e;

	(void)snprintf(path, sizeof path, "/v1/sessions/%s", r->id);
	if ((e = api_call(r->c, "GET", path, NULL, &about)) != ZTJ_OK)
		return e;
	return take_about(r, about);
}

/* ---- opening ---- */

static int read_pem(struct cli *c, enum cli_opt_id opt, bool secret, struct ztj_buf *out)
{
	const char *path = cli_opt(c, opt);

	ztj_buf_init(out, PEM_MAX);
	return path != NULL ? ctx_read(c, path, secret, PEM_MAX, out) : ZTJ_OK;
}

static int open_opener(struct rec *r)
{
	struct ztj_buf cert, key;
	int e = read_pem(r->c, OPT_UNSEAL_CERT, false, &cert);
	int f = read_pem(r->c, OPT_UNSEAL_KEY, true, &key);

	if (e == ZTJ_OK)
		e = f;
	if (e == ZTJ_OK &&
	    (e = ztj_opener_new(ztj_buf_view(&cert), ztj_buf_view(&key), &r->opener)) != ZTJ_OK)
		e = cli_fail(r->c, e, "--unseal-key: %s", ztj_err_text(e));
	ztj_wipe(key.p, key.n);
	ztj_buf_free(&cert);
	ztj_buf_free(&key);
	return e;
}

int rec_open(struct cli *c, const char *id, struct rec *r)
{
	char canonical[ZTJ_SHORT_ID_SIZE], path[64];
	json_t *about;
	int e;

	*r = (struct rec){ .c = c, .fd = -1, .id = "", .host = "" };
	if ((r->chunk = malloc(CHUNK_MAX)) == NULL)
		return ZTJ_NOMEM;
	if ((e = rec_id(c, id, canonical)) != ZTJ_OK)
		return e;
	(void)snprintf(path, sizeof path, "/v1/sessions/%s", canonical);
	if ((e = api_call(c, "GET", path, NULL, &about)) != ZTJ_OK || (e = take_about(r, about)) != ZTJ_OK ||
	    (e = open_opener(r)) != ZTJ_OK)
		return e;
	if (strcmp(r->id, canonical) != 0)
		return cli_fail(c, ZTJ_PROTOCOL, "the broker answers with another session");
	r->fd = memfd_create("record", MFD_CLOEXEC);
	return r->fd >= 0 ? ZTJ_OK : cli_fail(c, ZTJ_SYSTEM, "no room for the record: %s", strerror(errno));
}

void rec_close(struct rec *r)
{
	if (r->fd >= 0)
		(void)close(r->fd);
	r->fd = -1;
	ztj_stmt_free(r->head);
	r->head = NULL;
	ztj_opener_free(r->opener);
	r->opener = NULL;
	free(r->chunk);
	r->chunk = NULL;
	json_decref(r->about);
	r->about = NULL;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int post_view(struct cli *c, const struct ztj_stmt *st)
{
	struct sign_ask ask = { .type = ZTJ_STMT_VIEW,
		.title = "You are about to look at records; this is kept:" };
	struct ztj_signed s = { .nsigs = 1 };
	struct cli_key k = { .path = NULL };
	struct ztj_buf bytes, sig, json;
	char nonce[ZTJ_HEX_SIZE];
	int e;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&json, 4u * ZTJ_STMT_MAX);
	if ((e = key_load(c, &k)) == ZTJ_OK && (e = sign_nonce(nonce)) == ZTJ_OK &&
	    (e = ztj_stmt_build(st, nonce, &bytes)) == ZTJ_OK) {
		ask.bytes = s.bytes = ztj_buf_view(&bytes);
		if ((e = sign_statement(c, &ask, &k, &sig)) == ZTJ_OK) {
			s.sig[0] = ztj_buf_view(&sig);
			if ((e = ztj_signed_to_json(&s, &json)) == ZTJ_OK)
				e = api_post(c, "/v1/views", ztj_buf_view(&json), NULL);
		}
	}
	ztj_buf_free(&json);
	ztj_buf_free(&sig);
	ztj_buf_free(&bytes);
	ztj_keyfile_wipe(&k.file);
	return e;
}

int rec_view(struct cli *c, const char *const *ids, size_t n, enum ztj_view_action action)
{
	const char *sorted[ZTJ_VIEW_MAX];
	struct ztj_stmt st;

	if (n == 0 || n > ZTJ_VIEW_MAX)
		return cli_fail(c, ZTJ_LIMIT, "at most %d records at once", ZTJ_VIEW_MAX);
	memcpy(sorted, ids, n * sizeof sorted[0]);
	qsort(sorted, n, sizeof sorted[0], compare_ids);
	sign_begin(c, &st, ZTJ_STMT_VIEW);
	st.u.view.who = login_who(c);
	st.u.view.nsessions = n;
	st.u.view.sessions = sorted;
	st.u.view.action = action;
	return post_view(c, &st);
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

int rec_pull(struct rec *r, unsigned wait)
{
	struct ztj_buf bytes;
	json_t *o = NULL;
	char path[128];
	uint64_t before = r->have;
	int e;

	(void)snprintf(path, sizeof path, "/v1/sessions/%s/record?from=%llu%s", r->id,
	    (unsigned long long)r->have, wait > 0 ? "&wait=15" : "");
	if ((e = api_call(r->c, "GET", path, NULL, &o)) != ZTJ_OK)
		return e;
	ztj_buf_init(&bytes, PIECE_MAX);
	r->size = (uint64_t)json_integer_value(json_object_get(o, "size"));
	r->over = strcmp(api_str(o, "state"), "open") != 0;
	if ((e = ztj_b64_decode(ztj_view_str(api_str(o, "data")), &bytes)) != ZTJ_OK)
		e = cli_fail(r->c, ZTJ_PROTOCOL, "the broker's answer is malformed");
	else
		e = keep(r, ztj_buf_view(&bytes));
	ztj_buf_free(&bytes);
	json_decref(o);
	if (e != ZTJ_OK || r->have > before)
		return e;
	return r->over ? ZTJ_NOT_FOUND : ZTJ_TIMEOUT;
}

/* ---- reading ---- */

static int altered(struct rec *r, const char *how)
{
	return cli_fail(r->c, ZTJ_ALTERED, "%s, chunk %u: %s; this is not the record that %s made", r->id,
	    r->chain.chunks, how, cli_esc(r->c, r->host));
}

static int read_chunk(struct rec *r, struct ztj_chunk *out)
{
	uint64_t left = r->have - r->chain.bytes;
	size_t n = left < CHUNK_MAX ? (size_t)left : CHUNK_MAX;

	if (pread(r->fd, r->chunk, n, (off_t)r->chain.bytes) != (ssize_t)n)
		return cli_fail(r->c, ZTJ_IO, "the record cannot be read back");
	return ztj_chunk_read(ztj_view_of(r->chunk, n), out);
}

int rec_chunk(struct rec *r, struct ztj_chunk *out)
{
	struct ztj_chain next = r->chain;
	int e;

	if (r->have == r->chain.bytes)
		return ZTJ_NOT_FOUND;
	e = read_chunk(r, out);
	if (e == ZTJ_TRUNCATED && !(r->over && r->have == r->size))
		return ZTJ_NOT_FOUND;
	if (e == ZTJ_IO || e == ZTJ_NOMEM)
		return e;
	if (e != ZTJ_OK)
		return altered(r, "malformed");
	if ((e = ztj_chain_add(&next, out)) != ZTJ_OK)
		return altered(r, "it does not follow the one before");
	if (r->head != NULL && next.chunks == r->head->u.head.chunks) {
		if (!ztj_chain_is(&next, r->head))
			return altered(r, "the host signed another");
		r->at_head = true;
	}
	r->chain = next;
	return ZTJ_OK;
}

int rec_text(struct rec *r, const struct ztj_chunk *k, struct ztj_buf *out)
{
	int e = ztj_unpack(r->opener, k, out);

	if (e == ZTJ_ENCRYPTED_KEY || e == ZTJ_WRONG_KEY) {
		cli_hint(r->c, "--unseal-key FILE, the key of an auditor's certificate");
		return cli_fail(r->c, e, "%s is sealed%s", r->id,
		    e == ZTJ_WRONG_KEY ? ", and not to this key" : "");
	}
	return e == ZTJ_OK || e == ZTJ_NOMEM ? e : altered(r, "its body cannot be opened");
}

void rec_rewind(struct rec *r)
{
	memset(&r->chain, 0, sizeof r->chain);
	r->at_head = false;
}

int rec_verdict(struct rec *r, const char **said)
{
	const struct ztj_stmt *h = r->head;

	*said = "";
	if (r->unknown_host) {
		*said = cli_printf(r->c, "NOT VERIFIED: %s stands in no directory held here",
		    cli_esc(r->c, r->host));
		return ZTJ_OK;
	}
	if (h == NULL) {
		*said = "not signed by its host yet";
		return r->over ? cli_fail(r->c, ZTJ_ALTERED, "%s: its host signed nothing of it", r->id)
			       : ZTJ_OK;
	}
	if (!r->at_head && h->u.head.chunks > 0)
		return cli_fail(r->c, ZTJ_ALTERED, "%s: %s signed %lld chunks, %u are there", r->id,
		    cli_esc(r->c, r->host), (long long)h->u.head.chunks, r->chain.chunks);
	if (h->u.head.state != ZTJ_HEAD_OPEN && r->chain.chunks != (uint32_t)h->u.head.chunks)
		return cli_fail(r->c, ZTJ_ALTERED, "%s: there is more than %s signed", r->id,
		    cli_esc(r->c, r->host));
	if (h->u.head.state == ZTJ_HEAD_CLOSED)
		*said = cli_printf(r->c, "verified: whole, %u chunks, signed by %s", r->chain.chunks,
		    cli_esc(r->c, r->host));
	else if (h->u.head.state == ZTJ_HEAD_LOST)
		*said = cli_printf(r->c, "verified, but it ends early: %s lost the recorder after chunk %u",
		    cli_esc(r->c, r->host), r->chain.chunks);
	else
		*said = cli_printf(r->c, "verified so far: %lld of %u chunks signed by %s",
		    (long long)h->u.head.chunks, r->chain.chunks, cli_esc(r->c, r->host));
	return *said != NULL ? ZTJ_OK : ZTJ_NOMEM;
}

int rec_verify(struct rec *r)
{
	struct ztj_chunk k;
	const char *said;
	int e = ZTJ_OK;

	r->over = strcmp(api_str(r->about, "state"), "open") != 0;
	while (r->have < r->size && (e = rec_pull(r, 0)) == ZTJ_OK)
		;
	if (e == ZTJ_OK || e == ZTJ_NOT_FOUND || e == ZTJ_TIMEOUT)
		while ((e = rec_chunk(r, &k)) == ZTJ_OK)
			;
	if (e != ZTJ_NOT_FOUND)
		return e;
	if ((e = rec_verdict(r, &said)) != ZTJ_OK)
		return e;
	if (r->unknown_host || r->head == NULL || r->head->u.head.state != ZTJ_HEAD_CLOSED)
		out_warn(r->c, "%s", said);
	else if (!r->c->quiet)
		out_note(r->c, "%s", said);
	rec_rewind(r);
	return ZTJ_OK;
}

int rec_events(struct rec *r, int (*each)(const struct ztj_cast_event *e, void *arg), void *arg)
{
	struct ztj_cast_reader *reader = NULL;
	struct ztj_cast_event ev;
	struct ztj_chunk k;
	struct ztj_buf text;
	int e = ztj_cast_reader_new(&reader);
	bool end = false;

	ztj_buf_init(&text, ZTJ_CHUNK_TEXT_MAX);
	while (e == ZTJ_OK && !end) {
		if ((e = rec_chunk(r, &k)) == ZTJ_NOT_FOUND) {
			end = true;
			e = ZTJ_OK;
		} else if (e == ZTJ_OK) {
			ztj_buf_reset(&text);
			if ((e = rec_text(r, &k, &text)) == ZTJ_OK)
				e = ztj_cast_reader_add(reader, ztj_buf_view(&text));
		}
		while (e == ZTJ_OK && (e = ztj_cast_reader_next(reader, end, &ev)) == ZTJ_OK)
			e = each(&ev, arg);
		if (e == ZTJ_NOT_FOUND)
			e = ZTJ_OK;
		else if (e == ZTJ_BAD_JSON || e == ZTJ_BAD_ENCODING)
			e = altered(r, "its text is malformed");
	}
	ztj_cast_reader_free(reader);
	ztj_buf_free(&text);
	return e;
}
