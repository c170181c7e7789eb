/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a joining host says to the broker, and asks of it, once the policy says which broker that is. The connection shows the
 * host's TLS key, which is nobody's until a record has it.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/join.h"

#define DIRECTORY_MAX (256u * 1024u * 1024u)
#define PENDING_FILE "pending.json"
#define PENDING_MAX (128u * 1024u)

int ztj_join_open(struct ztj_joining *j)
{
	const struct ztj_policy *p = ztj_trust_held_policy(j->trust);
	const char *const urls[] = { j->broker };
	const struct ztj_net_conf conf = { .urls = urls,
		.nurls = 1,
		.pins = p->broker.tls,
		.npins = p->broker.ntls,
		.client = &j->tls,
		.timeout_ms = ZTJ_JOIN_MS,
		.max_reply = DIRECTORY_MAX };
	int r;

	if (ztj_policy_key_revoked(p, &j->machine.pub) || ztj_policy_key_revoked(p, &j->tls.pub))
		return ztj_join_say(j, ZTJ_KEY_REVOKED,
		    "the keys of this host; ztjit-hostd leave removes them, then join makes new ones");
	ztj_net_close(j->net);
	j->net = NULL;
	r = ztj_net_open(&conf, &j->net);
	return r == ZTJ_OK ? r : ztj_join_say(j, r, "%s", j->broker);
}

/* ---- does a record stand? ---- */

static bool same_ssh(const struct ztj_joining *j, const struct ztj_record *rec)
{
	for (size_t i = 0; i < j->nssh; i++) {
		size_t k = 0;

		while (k < rec->nssh && !ztj_key_equal(&rec->ssh[k], &j->ssh[i]))
			k++;
		if (k == rec->nssh)
			return false;
	}
	return rec->nssh == j->nssh;
}

static void judge(struct ztj_joining *j)
{
	const struct ztj_dir *d = ztj_trust_dir(j->trust, j->directory);
	const struct ztj_record *rec = d != NULL ? ztj_dir_by_key(d, &j->tls.pub, true) : NULL;

	if (rec == NULL || !rec->host || !ztj_key_equal(&rec->machine, &j->machine.pub) ||
	    ztj_trust_dir_state(j->trust, j->directory, (int64_t)time(NULL)) != ZTJ_OK)
		return;
	if (strcmp(rec->name, j->name) != 0) {
		j->standing = ZTJ_STANDS_ELSEWHERE;
		(void)snprintf(j->elsewhere, sizeof(j->elsewhere), "%s", rec->name);
		return;
	}
	j->standing = same_ssh(j, rec) ? ZTJ_STANDS : ZTJ_STANDS_OTHERWISE;
	j->serial = ztj_dir_serial(d);
	j->expires = ztj_dir_expires(d);
}

int ztj_join_standing(struct ztj_joining *j)
{
	struct ztj_dir_answer *a = NULL;
	struct ztj_buf reply;
	char path[128];
	bool changed;
	long status = 0;
	int r;

	if (!j->has_keys)
		return ZTJ_OK;
	ztj_buf_init(&reply, DIRECTORY_MAX);
	(void)snprintf(path, sizeof(path), "/v1/directories/%s?since=0", j->directory);
	r = ztj_net_call(j->net, "GET", path, ztj_view_of(NULL, 0), &reply, &status);
	if (r != ZTJ_OK)
		(void)ztj_join_say(j, r, "%s: %s", j->broker, ztj_net_why(j->net));
	if (r == ZTJ_OK && status == 200) {
		r = ztj_dir_answer_read(ztj_buf_view(&reply), DIRECTORY_MAX, &a);
		if (r == ZTJ_OK)
			r = ztj_trust_directory(j->trust, ztj_dir_answer_update(a), (int64_t)time(NULL),
			    &changed);
		if (r == ZTJ_OK)
			judge(j);
		else
			(void)fprintf(stderr,
			    "ztjit-hostd: join: directory %s, as %s has it, does not count: %s\n",
			    j->directory, j->broker, ztj_err_text(r));
		ztj_dir_answer_free(a);
		r = ZTJ_OK;
	}
	/* Any other answer: it does not know this host. */
	ztj_buf_free(&reply);
	return r;
}

/* ---- the question ---- */

static int prove(const struct ztj_joining *j, struct ztj_stmt *st)
{
	st->u.pending.has_proof = j->has_token;
	return j->has_token ? ztj_host_proof(j->token, j->digest, st->u.pending.proof) : ZTJ_OK;
}

static int build(const struct ztj_joining *j, struct ztj_buf *bytes)
{
	struct ztj_stmt *st = calloc(1, sizeof(*st));
	uint8_t raw[32];
	char nonce[ZTJ_HEX_SIZE];
	int r = st == NULL ? ZTJ_NOMEM : ztj_random(raw, sizeof(raw));

	if (r == ZTJ_OK) {
		ztj_hex(raw, sizeof(raw), nonce);
		st->type = ZTJ_STMT_PENDING;
		st->domain = j->pins.domain;
		st->issued = (int64_t)time(NULL);
		st->nonce = nonce;
		st->u.pending.host = true;
		st->u.pending.name = j->name;
		st->u.pending.machine = j->machine.pub;
		st->u.pending.tls = j->tls.pub;
		st->u.pending.nssh = j->nssh;
		memcpy(st->u.pending.ssh, j->ssh, sizeof(j->ssh));
		r = prove(j, st);
	}
	if (r == ZTJ_OK)
		r = ztj_stmt_build(st, nonce, bytes);
	free(st);
	return r;
}

static int sign(const struct ztj_joining *j, struct ztj_buf *json)
{
	struct ztj_signed s = { .nsigs = 1 };
	struct ztj_buf bytes, sig;
	int r;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	r = build(j, &bytes);
	if (r == ZTJ_OK)
		r = ztj_sshsig_sign(&j->machine, ztj_stmt_namespace(ZTJ_STMT_PENDING), ztj_buf_view(&bytes),
		    &sig);
	s.bytes = ztj_buf_view(&bytes);
	s.sig[0] = ztj_buf_view(&sig);
	if (r == ZTJ_OK)
		r = ztj_signed_to_json(&s, json);
	ztj_buf_free(&bytes);
	ztj_buf_free(&sig);
	return r;
}

/* What was asked before, if it asks the same: the broker knows it again, and nobody is asked twice. */
static bool asked_before(struct ztj_joining *j, const char *path, struct ztj_buf *json)
{
	const struct ztj_file_rule rule = { .owner = 0, .secret = false, .check_parents = true };
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_stmt want = { .domain = j->pins.domain }, *st = NULL;
	struct ztj_host_id id;
	struct ztj_signed s;
	struct ztj_buf mem;
	bool same = false;

	ztj_buf_init(&mem, PENDING_MAX);
	if (ztj_file_read(path, &rule, PENDING_MAX - 1, json) == ZTJ_OK &&
	    ztj_signed_from_json(ztj_buf_view(json), &mem, &s) == ZTJ_OK &&
	    ztj_stmt_open(&s, ZTJ_STMT_PENDING, j->pins.domain, &st) == ZTJ_OK && st->u.pending.host &&
	    prove(j, &want) == ZTJ_OK) {
		id = ztj_host_id_pending(st);
		same = ztj_host_digest(&id, digest) == ZTJ_OK &&
		    memcmp(digest, j->digest, sizeof(digest)) == 0 &&
		    (!j->has_token ||
			(st->u.pending.has_proof &&
			    memcmp(st->u.pending.proof, want.u.pending.proof, ZTJ_DIGEST_LEN) == 0));
	}
	ztj_stmt_free(st);
	ztj_buf_free(&mem);
	if (!same)
		ztj_buf_reset(json);
	return same;
}

static int hand_in(struct ztj_joining *j, struct ztj_view json, long *status)
{
	struct ztj_buf reply;
	char text[256];
	int r;

	*status = 0;
	ztj_buf_init(&reply, 65536);
	r = ztj_net_call(j->net, "POST", "/v1/pending", json, &reply, status);
	if (r != ZTJ_OK)
		r = ztj_join_say(j, r, "%s: %s", j->broker, ztj_net_why(j->net));
	else if (*status != 200 && *status != 201) {
		r = ztj_net_error(*status, ztj_buf_view(&reply), text, sizeof(text));
		r = ztj_join_say(j, r != ZTJ_OK ? r : ZTJ_PROTOCOL, "%s: %s", j->broker, text);
	}
	ztj_buf_free(&reply);
	return r;
}

/* On disk before it is sent: whoever is cut off in between sends the same again. */
static int ask_anew(struct ztj_joining *j, const char *path, struct ztj_buf *json)
{
	long status;
	int r;

	ztj_buf_reset(json);
	r = sign(j, json);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(json), 0644);
	if (r != ZTJ_OK)
		return ztj_join_say(j, r, "%s", path);
	return hand_in(j, ztj_buf_view(json), &status);
}

int ztj_join_post(struct ztj_joining *j)
{
	struct ztj_buf json;
	char path[512];
	long status = 0;
	int r = ztj_join_path(j, PENDING_FILE, path);

	if (r != ZTJ_OK)
		return r;
	ztj_buf_init(&json, PENDING_MAX);
	if (asked_before(j, path, &json)) {
		r = hand_in(j, ztj_buf_view(&json), &status);
		j->known = r == ZTJ_OK && status == 200;
		/* the broker has forgotten it, and it is too old to be taken anew */
		if (r != ZTJ_OK && status >= 400 && status < 500)
			r = ask_anew(j, path, &json);
	} else {
		r = ask_anew(j, path, &json);
	}
	ztj_buf_free(&json);
	return r;
}
