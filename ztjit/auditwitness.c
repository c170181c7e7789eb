/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What witnesses of the audit log have to stand behind before an auditor believes it. */
#include <string.h>

#include "ztjit/auditlog.h"

static int add_option(struct auditlog *l, const char *text)
{
	struct ztj_witness *w = &l->by[l->asked.n];
	int r;

	if (l->asked.n == ZTJ_WITNESSES_MAX)
		return cli_fail(l->c, ZTJ_USAGE, "too many --witness");
	r = ztj_note_vkey_parse(ztj_view_str(text), &w->key);
	if (r == ZTJ_OK && w->key.type != ZTJ_NOTE_COSIGNATURE)
		r = ZTJ_KEY_TYPE;
	if (r != ZTJ_OK)
		return cli_fail(l->c, ZTJ_USAGE,
		    "--witness wants NAME+ID+KEY of a witness that cosigns with Ed25519 (type 0x04): %s",
		    ztj_err_text(r));
	for (size_t i = 0; i < l->asked.n; i++)
		if (ztj_key_equal(&l->by[i].key.key, &w->key.key))
			return cli_fail(l->c, ZTJ_USAGE, "--witness: one key twice");
	w->url = "";
	l->asked.n++;
	return ZTJ_OK;
}

int auditlog_witnesses(struct auditlog *l, const struct ztj_policy *p)
{
	const struct cli_value *v = &l->c->opt[OPT_WITNESS];
	int r = ZTJ_OK;

	l->uncosigned = cli_is_set(l->c, OPT_UNCOSIGNED);
	for (size_t i = 0; r == ZTJ_OK && i < v->n; i++)
		r = add_option(l, v->v[i]);
	l->asked.by = l->by;
	l->asked.need = (unsigned)l->asked.n;
	if (r == ZTJ_OK && l->uncosigned && l->asked.n > 0)
		return cli_fail(l->c, ZTJ_USAGE, "--uncosigned and --witness say opposite things");
	if (p != NULL)
		l->demanded = p->broker.quorum;
	return r;
}

static const char *missing(struct auditlog *l, const struct ztj_quorum *q, const struct ztj_cosigned *s)
{
	struct ztj_buf b;
	const char *text = NULL;

	ztj_buf_init(&b, 8192);
	if (ztj_cosign_missing(q, s, &b) == ZTJ_OK)
		text = cli_strdup(l->c, ztj_buf_str(&b));
	ztj_buf_free(&b);
	return text != NULL ? text : "?";
}

static int judge(struct auditlog *l, const struct ztj_quorum *q, struct ztj_view note, bool age)
{
	struct cli *c = l->c;
	struct ztj_cosigned *s = &l->cosigned;
	char since[ZTJ_TIME_SIZE], limit[32];
	int r = ztj_cosign_judge_note(q, note, cli_now(), s);

	if (r == ZTJ_COSIGNED_LONG_AGO && !age)
		return ZTJ_OK;
	switch (r) {
	case ZTJ_OK:
		return r;
	case ZTJ_NOT_COSIGNED:
		r = cli_fail(c, r,
		    "%zu of %u witnesses that are demanded have cosigned the checkpoint of the audit log; missing: %s",
		    s->n, q->need, missing(l, q, s));
		break;
	case ZTJ_COSIGNED_LONG_AGO:
		if (ztj_time_format(s->since, since) != ZTJ_OK ||
		    ztj_duration_format(q->max_age, limit, sizeof limit) != ZTJ_OK)
			return ZTJ_INTERNAL;
		r = cli_fail(c, r,
		    "the checkpoint of the audit log was cosigned by %u witnesses at %s, longer ago than %s%s%s",
		    q->need, since, limit, s->n < q->n ? "; silent: " : "",
		    s->n < q->n ? missing(l, q, s) : "");
		break;
	default:
		return cli_fail(c, r, "a cosignature of the checkpoint of the audit log: %s",
		    ztj_err_text(r));
	}
	cli_hint(c, "--uncosigned reads all the same what the broker alone says");
	return r;
}

int auditlog_cosigned(struct auditlog *l, struct ztj_view note, bool age)
{
	int r;

	if (l->uncosigned)
		return ZTJ_OK;
	r = judge(l, &l->asked, note, age);
	return r == ZTJ_OK ? judge(l, &l->demanded, note, age) : r;
}

int auditlog_witnessed(struct auditlog *l, struct ztj_view note, struct ztj_checkpoint *out)
{
	const struct ztj_quorum *lists[] = { &l->demanded, &l->asked };
	struct ztj_note n;
	int64_t time;
	int r = ztj_note_parse(note, &n);

	memset(out, 0, sizeof(*out));
	for (size_t k = 0; r == ZTJ_OK && k < 2; k++)
		for (size_t i = 0; i < lists[k]->n; i++)
			if (ztj_cosign_verify(&n, &lists[k]->by[i].key, &time) == ZTJ_OK)
				return ztj_checkpoint_parse(n.text, l->domain, out);
	return r == ZTJ_OK ? ZTJ_SIGNER : r;
}
