/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A record's session: what the broker says of it, what its host signed, and the leave to look at it. */
#include "ztjit/rec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ztjit/api.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/sign.h"

#define PEM_MAX (64u * 1024u)
#define IN_MEMORY_MAX (64u * 1024u * 1024u)
#define RECORD_MAX ((uint64_t)1 << 40)

int rec_id(struct cli *c, const char *text, char out[ZTJ_SHORT_ID_SIZE])
{
	if (ztj_session_id_parse(text, out) == ZTJ_OK)
		return ZTJ_OK;
	cli_hint(c, "ztjit sessions ls");
	return cli_fail(c, ZTJ_USAGE, "%s: not a session; they look like S-0123456789", cli_esc(c, text));
}

/* ---- what the host signed ---- */

/* Whose signature it is. A host that left, was revoked or joined again with another key has records all the same. */
static const char *doubt(struct rec *r, const struct ztj_key *signer)
{
	const struct ztj_record *host;
	char fp[ZTJ_FINGERPRINT_SIZE];
	int e = ztj_trust_host(r->c->trust, r->host, cli_now(), &host);
	const char *text;

	if (e == ZTJ_OK && ztj_key_equal(signer, &host->machine))
		return NULL;
	if (ztj_key_fingerprint(signer, fp) != ZTJ_OK)
		fp[0] = '\0';
	text = e == ZTJ_OK
	    ? cli_printf(r->c,
		  "it is signed by the key %s, which is not the one that the directory has for %s", fp,
		  r->host)
	    : cli_printf(r->c, "it is signed by the key %s, and nobody vouches that this is %s: %s", fp,
		  r->host, ztj_err_text(e));
	return text != NULL ? text : "it cannot be said who signed it";
}

static int open_head(struct rec *r, const json_t *container, struct ztj_stmt **out)
{
	struct ztj_signed s;
	struct ztj_buf mem;
	char *text = json_dumps(container, JSON_COMPACT);
	int e;

	*out = NULL;
	if (text == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&mem, ZTJ_STMT_MAX);
	if ((e = ztj_signed_from_json(ztj_view_str(text), &mem, &s)) == ZTJ_OK)
		e = ztj_stmt_open(&s, ZTJ_STMT_HEAD, r->c->pins.domain, out);
	if (e == ZTJ_OK && strcmp((*out)->u.head.host, r->host) != 0)
		e = ZTJ_WRONG_HOST;
	if (e == ZTJ_OK && memcmp((*out)->u.head.session, r->name, ZTJ_DIGEST_LEN) != 0)
		e = ZTJ_STATE;
	ztj_buf_free(&mem);
	free(text);
	return e;
}

/* Keeps the newer one: a broker that shows an older one again takes nothing back. */
static int take_head(struct rec *r, const json_t *container)
{
	struct ztj_stmt *st;
	int e = open_head(r, container, &st);

	if (e != ZTJ_OK && e != ZTJ_NOMEM)
		e = cli_fail(r->c, ZTJ_ALTERED, "%s: what is shown as the signature of %s is not (%s)", r->id,
		    r->host, e == ZTJ_STATE ? "it is for another session" : ztj_err_text(e));
	if (e != ZTJ_OK ||
	    (r->head != NULL &&
		(st->u.head.chunks < r->head->u.head.chunks || r->head->u.head.state != ZTJ_HEAD_OPEN))) {
		ztj_stmt_free(st);
		return e;
	}
	ztj_stmt_free(r->head);
	r->head = st;
	r->doubt = doubt(r, &st->signer[0].key);
	return ZTJ_OK;
}

/* ---- what the broker says ---- */

static bool well_formed(const json_t *about)
{
	const char *state = api_str(about, "state");
	const json_t *size = json_object_get(about, "size");

	return ztj_fullname_ok(api_str(about, "host"), true) && json_is_integer(size) &&
	    json_integer_value(size) >= 0 && (uint64_t)json_integer_value(size) <= RECORD_MAX &&
	    (strcmp(state, "open") == 0 || strcmp(state, "closed") == 0 || strcmp(state, "lost") == 0);
}

static int fetch_about(struct rec *r, json_t **out)
{
	char path[64];
	int e;

	(void)snprintf(path, sizeof path, "/v1/sessions/%s", r->id);
	if ((e = api_call(r->c, "GET", path, NULL, out)) != ZTJ_OK)
		return e;
	if (strcmp(api_str(*out, "id"), r->id) != 0)
		e = cli_fail(r->c, ZTJ_PROTOCOL, "asked for %s, the broker answers with another session",
		    r->id);
	else if (!well_formed(*out))
		e = cli_fail(r->c, ZTJ_PROTOCOL, "the broker's answer is malformed");
	return e;
}

static int take_about(struct rec *r, json_t *about)
{
	const json_t *heads = json_object_get(about, "heads");
	size_t n = json_array_size(heads);

	json_decref(r->about);
	r->about = about;
	r->size = (uint64_t)json_integer_value(json_object_get(about, "size"));
	r->over = strcmp(api_str(about, "state"), "open") != 0;
	return n > 0 ? take_head(r, json_array_get(heads, n - 1)) : ZTJ_OK;
}

int rec_refresh(struct rec *r)
{
	uint8_t name[ZTJ_DIGEST_LEN];
	json_t *about = NULL;
	int e = fetch_about(r, &about);

	if (e == ZTJ_OK &&
	    (strcmp(api_str(about, "host"), r->host) != 0 ||
		ztj_unhex(ztj_view_str(api_str(about, "session")), name, sizeof name) != ZTJ_OK ||
		memcmp(name, r->name, sizeof name) != 0))
		e = cli_fail(r->c, ZTJ_ALTERED, "%s: the broker now shows another session in its place",
		    r->id);
	if (e == ZTJ_OK)
		return take_about(r, about);
	json_decref(about);
	return e;
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

/* A file without a name. What is large does not lie in memory; what is sealed is sealed there as well. */
static int open_file(struct rec *r)
{
	if (r->size > IN_MEMORY_MAX)
		r->fd = open(r->c->state_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (r->fd < 0)
		r->fd = memfd_create("record", MFD_CLOEXEC);
	return r->fd >= 0 ? ZTJ_OK
			  : cli_fail(r->c, ZTJ_SYSTEM, "no room for the record: %s", strerror(errno));
}

static int begin(struct rec *r)
{
	json_t *about = NULL;
	int e = fetch_about(r, &about);

	if (e == ZTJ_OK &&
	    ztj_unhex(ztj_view_str(api_str(about, "session")), r->name, sizeof r->name) != ZTJ_OK)
		e = cli_fail(r->c, ZTJ_PROTOCOL, "the broker's answer is malformed");
	if (e != ZTJ_OK) {
		json_decref(about);
		return e;
	}
	(void)snprintf(r->host, sizeof r->host, "%s", api_str(about, "host"));
	return take_about(r, about);
}

int rec_open(struct cli *c, const char *id, struct rec *r)
{
	int e;

	*r = (struct rec){ .c = c, .fd = -1 };
	if ((e = rec_id(c, id, r->id)) != ZTJ_OK)
		return e;
	if ((r->chunk = malloc(ZTJ_CHUNK_HEADER + ZTJ_CHUNK_BODY_MAX)) == NULL)
		return ZTJ_NOMEM;
	/* the head last: who only wants to end a session may pass over a lie about its record */
	if ((e = open_opener(r)) != ZTJ_OK || (e = begin(r)) != ZTJ_OK)
		return e;
	return open_file(r);
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
	json_decref(r->header);
	r->about = r->header = NULL;
}

int rec_vouched(struct rec *r)
{
	if (r->doubt == NULL || cli_is_set(r->c, OPT_UNVERIFIED))
		return ZTJ_OK;
	cli_hint(r->c, "--unverified, if you know why");
	return cli_fail(r->c, ZTJ_ALTERED, "%s: %s", r->id, r->doubt);
}

/* ---- leave to look ---- */

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
