/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The leaves of a proof file, the log they stand in, and the order in which all is judged. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/proofcheck_int.h"

#define LOG_KEYS 16

int ztj_proof_refuse(struct ztj_proof_check *c, const struct ztj_proof_leaf *l, int err, const char *fmt, ...)
{
	va_list ap;

	c->out->at_leaf = l != NULL;
	c->out->leaf = l != NULL ? l->item->n : 0;
	va_start(ap, fmt);
	(void)vsnprintf(c->out->text, sizeof(c->out->text), fmt, ap);
	va_end(ap);
	return err;
}

void ztj_proof_say(struct ztj_proof_check *c, const struct ztj_proof_leaf *l, const char *fmt, ...)
{
	char text[40 * 1024]; /* a statement, whole */
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)ztj_buf_printf(c->said, "leaf %llu, %s: %s\n", (unsigned long long)l->item->n,
	    ztj_event_text(&l->e, "time"), text);
}

bool ztj_proof_digest_is(const struct ztj_proof_leaf *l, const char *member,
    const uint8_t digest[ZTJ_DIGEST_LEN])
{
	char hex[ZTJ_HEX_SIZE];

	ztj_hex(digest, ZTJ_DIGEST_LEN, hex);
	return strcmp(ztj_event_text(&l->e, member), hex) == 0;
}

int64_t ztj_proof_number(const struct ztj_proof_leaf *l, const char *member)
{
	return json_integer_value(json_object_get(l->e.obj, member));
}

/* --- the leaves --- */

static int kind_of(struct ztj_proof_check *c, struct ztj_proof_leaf *l)
{
	static const struct {
		const char *kind;
		const char *outcomes; /* each between spaces */
		enum ztj_proof_kind is;
	} kinds[] = { { "policy", " accepted ", ZTJ_PROOF_POLICY },
		{ "directory", " accepted ", ZTJ_PROOF_DIRECTORY },
		{ "statement", " accepted ", ZTJ_PROOF_STATEMENT },
		{ "certificate", " issued ", ZTJ_PROOF_CERTIFICATE },
		{ "session", " started head closed lost ", ZTJ_PROOF_SESSION },
		{ "decision", " allowed denied alarm ", ZTJ_PROOF_DECISION } };
	char word[64];

	(void)snprintf(word, sizeof(word), " %.60s ", l->e.outcome);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(l->e.kind, kinds[i].kind) != 0)
			continue;
		if (strstr(kinds[i].outcomes, word) == NULL || strchr(l->e.outcome, ' ') != NULL)
			return ztj_proof_refuse(c, l, ZTJ_STATE, "it says that this %s was %.40s", l->e.kind,
			    l->e.outcome);
		l->kind = kinds[i].is;
		return ZTJ_OK;
	}
	return ztj_proof_refuse(c, l, ZTJ_STATE, "leaves of kind %.40s have no place in a proof", l->e.kind);
}

/* --- the log --- */

/* The one checkpoint, before anybody knows who signed it. */
static int read_head(struct ztj_proof_check *c)
{
	struct ztj_inclusion in;
	struct ztj_note n;
	int r = c->p->n == 0 ? ZTJ_TRUNCATED : ztj_inclusion_read(c->p->item[0].proof, &in);

	if (r == ZTJ_OK)
		r = ztj_note_parse(in.checkpoint, &n);
	if (r == ZTJ_OK)
		r = ztj_checkpoint_parse(n.text, c->pins->domain, &c->out->head);
	if (r != ZTJ_OK)
		return ztj_proof_refuse(c, NULL, r, "the checkpoint: %s", ztj_err_text(r));
	c->note = in.checkpoint;
	return ZTJ_OK;
}

static int check_inclusion(struct ztj_proof_check *c, const struct ztj_proof_leaf *l)
{
	struct ztj_inclusion in;
	int r = ztj_inclusion_read(l->item->proof, &in);

	if (r != ZTJ_OK)
		return ztj_proof_refuse(c, l, r, "its inclusion proof: %s", ztj_err_text(r));
	if (!ztj_view_eq(c->note, in.checkpoint))
		return ztj_proof_refuse(c, l, ZTJ_LOG_FORK,
		    "its inclusion proof leads to another checkpoint");
	if (in.index != l->item->n)
		return ztj_proof_refuse(c, l, ZTJ_LOG_ALTERED, "its inclusion proof is for leaf %llu",
		    (unsigned long long)in.index);
	r = ztj_inclusion_verify(&in, l->item->leaf, c->out->head.size, c->out->head.root);
	return r == ZTJ_OK
	    ? r
	    : ztj_proof_refuse(c, l, r, "it does not stand there in the log of the checkpoint");
}

/* All that takes no signature: what was damaged is found soon. */
static int read_leaves(struct ztj_proof_check *c)
{
	int r = read_head(c);

	for (size_t i = 0; r == ZTJ_OK && i < c->p->n; i++) {
		struct ztj_proof_leaf *l = &c->leaf[i];

		l->item = &c->p->item[i];
		ztj_buf_init(&l->mem, ZTJ_SIGS_MAX * ZTJ_SSHSIG_MAX);
		if ((r = check_inclusion(c, l)) != ZTJ_OK)
			return r;
		r = ztj_event_read(l->item->leaf, &l->e);
		if (r != ZTJ_OK)
			return ztj_proof_refuse(c, l, r, "%s", ztj_err_text(r));
		if (l->e.n != l->item->n)
			return ztj_proof_refuse(c, l, ZTJ_LOG_ALTERED, "it says that it is leaf %llu",
			    (unsigned long long)l->e.n);
		if ((r = kind_of(c, l)) == ZTJ_OK)
			r = ztj_proof_pair(c, l);
	}
	return r;
}

/* As many witnesses as the policy demands. Their clocks say when they saw it; how long ago that is now is no matter of the proof. */
static int check_cosigned(struct ztj_proof_check *c, const struct ztj_policy *p, const struct ztj_note *n)
{
	struct ztj_quorum q = p->broker.quorum;
	struct ztj_cosigned s;
	struct ztj_buf missing;
	int r;

	q.max_age = 0;
	r = ztj_cosign_judge(&q, n, INT64_MAX, &s);
	c->out->cosigned = s.n;
	c->out->others -= s.n < c->out->others ? s.n : c->out->others;
	if (r == ZTJ_OK)
		return r;
	ztj_buf_init(&missing, 8192);
	if (r != ZTJ_NOT_COSIGNED || ztj_cosign_missing(&q, &s, &missing) != ZTJ_OK)
		r = ztj_proof_refuse(c, NULL, r, "a cosignature of the checkpoint: %s", ztj_err_text(r));
	else
		r = ztj_proof_refuse(c, NULL, r,
		    "the checkpoint is cosigned by %zu of %u witnesses of policy version %lld; missing: %s",
		    s.n, q.need, (long long)p->version, ztj_buf_str(&missing));
	ztj_buf_free(&missing);
	return r;
}

/* By a log key of the newest policy in the file, and by its witnesses. */
static int check_head(struct ztj_proof_check *c)
{
	const struct ztj_policy *p = ztj_proof_newest(c);
	char origin[ZTJ_ORIGIN_SIZE];
	struct ztj_key key[LOG_KEYS];
	struct ztj_note n;
	size_t nkeys = 0;
	int r;

	for (size_t i = 0; i < p->broker.nlog && nkeys < LOG_KEYS; i++)
		if (!ztj_policy_key_revoked(p, &p->broker.log[i]))
			key[nkeys++] = p->broker.log[i];
	r = ztj_checkpoint_open(c->note, c->pins->domain, key, nkeys, &c->out->head);
	if (r == ZTJ_OK)
		r = ztj_note_parse(c->note, &n);
	ztj_checkpoint_origin(c->pins->domain, origin);
	for (size_t i = 0; r == ZTJ_OK && i < n.nsigs; i++)
		c->out->others += !ztj_view_eq_str(n.sig[i].name, origin);
	if (r == ZTJ_OK)
		return check_cosigned(c, p, &n);
	if (r == ZTJ_SIGNER)
		return ztj_proof_refuse(c, NULL, r,
		    "the checkpoint is not signed by a log key of policy version %lld",
		    (long long)p->version);
	return ztj_proof_refuse(c, NULL, r, "the checkpoint: %s", ztj_err_text(r));
}

/* --- all of it --- */

/* The first certificate, or, where none was issued, the end. */
static int check_grant(struct ztj_proof_check *c)
{
	for (size_t i = 0; i < c->p->n; i++)
		if (c->leaf[i].kind == ZTJ_PROOF_CERTIFICATE) {
			c->out->certified = true;
			return ztj_proof_grant(c, &c->leaf[i]);
		}
	return ZTJ_OK;
}

static int check(struct ztj_proof_check *c)
{
	int r = read_leaves(c);

	for (size_t i = 0; r == ZTJ_OK && i < c->p->n; i++)
		r = ztj_proof_open(c, &c->leaf[i]);
	if (r == ZTJ_OK)
		r = ztj_proof_policies(c);
	if (r == ZTJ_OK)
		r = check_head(c);
	if (r == ZTJ_OK)
		r = ztj_proof_chain(c);
	if (r == ZTJ_OK)
		r = ztj_proof_directories(c);
	for (size_t i = 0; r == ZTJ_OK && i < c->p->n; i++)
		r = ztj_proof_tell(c, &c->leaf[i]);
	if (r == ZTJ_OK)
		r = check_grant(c);
	return r == ZTJ_OK ? ztj_buf_status(c->said) : r;
}

int ztj_proof_check(const struct ztj_proof *p, const struct ztj_pins *pins, struct ztj_sigcache *cache,
    struct ztj_buf *said, struct ztj_proved *out)
{
	struct ztj_proof_check c = { .p = p, .pins = pins, .cache = cache, .out = out, .said = said };
	int r;

	memset(out, 0, sizeof(*out));
	c.leaf = calloc(p->n == 0 ? 1 : p->n, sizeof(*c.leaf));
	if (c.leaf == NULL)
		return ZTJ_NOMEM;
	r = check(&c);
	if (r != ZTJ_OK && out->text[0] == '\0')
		(void)snprintf(out->text, sizeof(out->text), "%s", ztj_err_text(r));
	for (size_t i = 0; i < p->n; i++) {
		ztj_event_free(&c.leaf[i].e);
		ztj_buf_free(&c.leaf[i].mem);
		ztj_stmt_free(c.leaf[i].stmt);
		ztj_policy_free(c.leaf[i].policy);
		ztj_dir_free(c.leaf[i].dir);
	}
	free(c.leaf);
	return r;
}
