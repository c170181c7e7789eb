/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * POST /v1/certificates: the bundle goes to the signer as it is; what comes back is written before
 * it is given out. Many are under way at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/sshcert.h"
#include "ztjit-broker/audit.h"

#define WAITING_MAX 4096u

struct waiting {
	bool used;
	uint32_t generation;
	uint32_t tag; /* of the frontend's question */
	uint8_t request[ZTJ_DIGEST_LEN];
	char fingerprint[ZTJ_FINGERPRINT_SIZE];
	char who[ZTJ_FULLNAME_SIZE];
	char address[INET6_ADDRSTRLEN];
};
struct certs {
	uint32_t next;
	struct waiting slot[WAITING_MAX];
};

int certs_new(struct certs **out)
{
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? ZTJ_NOMEM : ZTJ_OK;
}

void certs_free(struct certs *c)
{
	free(c);
}

/* A slot number with a generation, so that a late answer cannot meet another question. */
static struct waiting *claim(struct certs *c, uint32_t *tag)
{
	for (uint32_t i = 0; i < WAITING_MAX; i++) {
		uint32_t at = c->next++ % WAITING_MAX;
		struct waiting *w = &c->slot[at];
		if (w->used)
			continue;
		w->used = true;
		w->generation = (w->generation + 1) % (UINT32_MAX / WAITING_MAX);
		*tag = w->generation * WAITING_MAX + at;
		return w;
	}
	return NULL;
}

static int ask_signer(struct store *st, const struct ask *a, const struct ztj_key *subject,
    const struct ztj_bundle *b)
{
	struct ztj_buf key, msg;
	uint32_t tag = 0;
	ztj_buf_init(&key, ZTJ_KEY_BLOB_MAX);
	ztj_buf_init(&msg, 2 * ZTJ_BUNDLE_MAX);
	struct waiting *w = NULL;
	int r = ztj_key_to_blob(subject, &key);
	if (r == ZTJ_OK) {
		w = claim(st->certs, &tag);
		r = w == NULL ? ZTJ_RATE_LIMITED : ztj_key_fingerprint(subject, w->fingerprint);
	}
	if (r == ZTJ_OK) {
		w->tag = a->tag;
		memcpy(w->request, b->request->id, sizeof(w->request));
		memcpy(w->address, a->address, sizeof(w->address));
		(void)snprintf(w->who, sizeof(w->who), "%s", b->request->u.request.who);
		ztj_buf_put_u32(&msg, tag);
		ztj_buf_put_view(&msg, ztj_buf_view(&key));
		ztj_buf_put_view(&msg, ztj_buf_view(&b->mem));
		r = ztj_buf_status(&msg);
	}
	/* Not behind the commit: what is asked here is durable already, and the signer works while we sync. */
	if (r == ZTJ_OK)
		r = chan_send(st->signer, SGN_CERTIFY, ztj_buf_view(&msg));
	if (r != ZTJ_OK && w != NULL)
		w->used = false;
	ztj_buf_free(&key);
	ztj_buf_free(&msg);
	return r;
}

void do_certificate(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	uint8_t id[ZTJ_DIGEST_LEN];
	const struct ztj_bundle *b;
	struct ztj_key subject;
	(void)now;
	int r = reserve_spent(st) ? ZTJ_NO_SPACE : ztj_key_from_text(&subject, a->key);
	if (r == ZTJ_OK && !ztj_key_is_sk(&subject))
		r = ZTJ_KEY_TYPE;
	if (r == ZTJ_OK)
		r = st_resolve(st, a->id, id);
	if (r == ZTJ_OK)
		r = bundles_get(st, id, &b);
	if (r == ZTJ_OK && strcmp(b->request->u.request.who, c->who) != 0)
		r = ZTJ_WRONG_PERSON;
	if (r == ZTJ_OK)
		r = ask_signer(st, a, &subject, b);
	if (r == ZTJ_OK)
		return;
	const struct say_certificate said = { .person = c->who, .address = a->address, .text = a->id };
	say_certificate(st, &said, r);
	st_refuse(st, a->tag, r, NULL, NULL);
}

static void say(struct store *st, const struct certified *done, const struct waiting *w, const char *text)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct say_certificate said = { .person = w->who,
		.key = w->fingerprint,
		.address = w->address,
		.request = w->request,
		.serial = done->serial,
		.ends = done->ends,
		.text = text };
	if (done->code == ZTJ_OK && ztj_sha256(done->cert, digest) == ZTJ_OK)
		said.digest = digest;
	say_certificate(st, &said, done->code);
}

static int write_down(struct store *st, const struct certified *done, const struct waiting *w)
{
	struct db_cert_row row = { .serial = done->serial,
		.fingerprint = w->fingerprint,
		.issued = st_now(),
		.ends = done->ends };
	memcpy(row.request, w->request, sizeof(row.request));
	int r = ztj_sha256(done->cert, row.digest);
	return r == ZTJ_OK ? db_cert_add(st->db, &row) : r;
}

static void give_out(struct store *st, const struct certified *done, const struct waiting *w)
{
	char ends[ZTJ_TIME_SIZE], short_id[ZTJ_SHORT_ID_SIZE];
	struct ztj_buf line;
	ztj_buf_init(&line, 2 * ZTJ_CERT_MAX);
	ztj_short_id(w->request, short_id);
	int r = ztj_cert_line(done->cert, short_id, &line);
	if (r == ZTJ_OK)
		r = ztj_time_format(done->ends, ends);
	if (r == ZTJ_OK) {
		st->count.certificates++;
		st_answer(st, w->tag, 200,
		    json_pack("{s:s#, s:s}", "certificate", (const char *)line.p, line.n, "ends", ends));
	} else {
		st_refuse(st, w->tag, r, NULL, NULL);
	}
	ztj_buf_free(&line);
}

int certs_done(struct store *st, struct ztj_view body)
{
	struct certified done;
	char text[1024];
	int r = certified_read(body, &done);
	if (r != ZTJ_OK)
		return r;
	struct waiting *w = &st->certs->slot[done.tag % WAITING_MAX];
	if (!w->used || w->generation != done.tag / WAITING_MAX)
		return ZTJ_PROTOCOL;
	w->used = false;
	if (done.code != ZTJ_OK) {
		size_t n = done.text.n < sizeof(text) ? done.text.n : sizeof(text) - 1;
		memcpy(text, done.text.n == 0 ? (const uint8_t *)"" : done.text.p, n);
		text[n] = '\0';
		say(st, &done, w, text);
		st_refuse(st, w->tag, done.code, NULL, text);
		return ZTJ_OK;
	}
	r = write_down(st, &done, w);
	if (r == ZTJ_EXISTS) {
		audit_alarm(st, ZTJ_REPLAY, "the signer gave the serial %llu twice; nothing was released",
		    (unsigned long long)done.serial);
		r = ZTJ_INTERNAL;
	}
	if (r == ZTJ_OK)
		say(st, &done, w, NULL);
	if (r == ZTJ_OK)
		give_out(st, &done, w);
	else
		st_refuse(st, w->tag, r, NULL, NULL);
	return ZTJ_OK;
}
