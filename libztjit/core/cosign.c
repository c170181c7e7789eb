/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/cosign.h"

#include <string.h>

#include "libztjit/core/text.h"

#define TIME_LEN 8
#define MESSAGE_HEAD_MAX 64

/* What is signed: two lines more before the text. */
static int message(struct ztj_view text, int64_t time, struct ztj_buf *out)
{
	(void)ztj_buf_printf(out, "cosignature/v1\ntime %lld\n", (long long)time);
	return ztj_buf_put(out, text.p, text.n);
}

int ztj_cosign_line(const struct ztj_note_key *k, const struct ztj_seckey *key, struct ztj_view text,
    int64_t time, struct ztj_buf *out)
{
	uint8_t raw[TIME_LEN + ZTJ_NOTE_RAW_LEN];
	struct ztj_buf msg;
	int r;

	if (k->type != ZTJ_NOTE_COSIGNATURE || !ztj_key_equal(&k->key, &key->pub))
		return ZTJ_KEY_TYPE;
	if (time <= 0)
		return ZTJ_LIMIT;
	for (int i = 0; i < TIME_LEN; i++)
		raw[i] = (uint8_t)((uint64_t)time >> (8 * (TIME_LEN - 1 - i)));
	ztj_buf_init(&msg, ZTJ_NOTE_MAX + MESSAGE_HEAD_MAX);
	r = message(text, time, &msg);
	if (r == ZTJ_OK)
		r = ztj_note_raw_sign(key, ztj_buf_view(&msg), raw + TIME_LEN);
	if (r == ZTJ_OK)
		r = ztj_note_sig_line(k, ztj_view_of(raw, sizeof(raw)), out);
	ztj_buf_free(&msg);
	return r;
}

/* One line of this key; NOT_FOUND: of another. */
static int verify_one(const struct ztj_note *n, size_t i, const struct ztj_note_key *k, int64_t *time)
{
	struct ztj_buf raw, msg;
	struct ztj_rd rd;
	uint64_t t = 0;
	int r;

	ztj_buf_init(&raw, ZTJ_NOTE_MAX);
	ztj_buf_init(&msg, ZTJ_NOTE_MAX + MESSAGE_HEAD_MAX);
	r = ztj_note_sig(n, i, k, &raw);
	if (r == ZTJ_OK && raw.n != TIME_LEN + ZTJ_NOTE_RAW_LEN)
		r = ZTJ_BAD_SIGNATURE;
	if (r == ZTJ_OK) {
		ztj_rd_init(&rd, ztj_buf_view(&raw));
		r = ztj_rd_u64(&rd, &t);
	}
	if (r == ZTJ_OK && (t == 0 || t > INT64_MAX))
		r = ZTJ_BAD_SIGNATURE;
	if (r == ZTJ_OK)
		r = message(n->text, (int64_t)t, &msg);
	if (r == ZTJ_OK)
		r = ztj_note_raw_verify(&k->key, raw.p + TIME_LEN, ztj_buf_view(&msg));
	if (r == ZTJ_OK)
		*time = (int64_t)t;
	ztj_buf_free(&raw);
	ztj_buf_free(&msg);
	return r;
}

int ztj_cosign_verify(const struct ztj_note *n, const struct ztj_note_key *k, int64_t *time)
{
	*time = 0;
	if (k->type != ZTJ_NOTE_COSIGNATURE)
		return ZTJ_KEY_TYPE;
	for (size_t i = 0; i < n->nsigs; i++) {
		int64_t t;
		int r = verify_one(n, i, k, &t);

		if (r == ZTJ_NOT_FOUND)
			continue;
		if (r != ZTJ_OK) {
			*time = 0;
			return ztj_err_class(r) == ZTJ_CLASS_OUTAGE ? r : ZTJ_BAD_SIGNATURE;
		}
		if (t > *time)
			*time = t;
	}
	return *time == 0 ? ZTJ_NOT_FOUND : ZTJ_OK;
}

/* The newest moment at which `need` of those who count had cosigned or did so later. */
static int64_t since(const struct ztj_quorum *q, const struct ztj_cosigned *c)
{
	int64_t best = 0;

	for (size_t i = 0; i < q->n; i++) {
		size_t later = 0;

		for (size_t k = 0; k < q->n; k++)
			later += !c->ahead[k] && c->time[k] >= c->time[i];
		if (!c->ahead[i] && c->time[i] > best && later >= q->need)
			best = c->time[i];
	}
	return best;
}

int ztj_cosign_judge(const struct ztj_quorum *q, const struct ztj_note *n, int64_t now,
    struct ztj_cosigned *out)
{
	memset(out, 0, sizeof(*out));
	if (q->n > ZTJ_WITNESSES_MAX)
		return ZTJ_LIMIT;
	for (size_t i = 0; i < q->n; i++) {
		int r = ztj_cosign_verify(n, &q->by[i].key, &out->time[i]);

		if (r != ZTJ_OK && r != ZTJ_NOT_FOUND)
			return r;
		out->ahead[i] = out->time[i] > now && out->time[i] - now > ZTJ_COSIGN_SKEW;
		out->n += out->time[i] != 0 && !out->ahead[i];
	}
	if (q->need == 0)
		return ZTJ_OK;
	if (out->n < q->need)
		return ZTJ_NOT_COSIGNED;
	out->since = since(q, out);
	return q->max_age != 0 && now > out->since && now - out->since > q->max_age ? ZTJ_COSIGNED_LONG_AGO
										    : ZTJ_OK;
}

int ztj_cosign_judge_note(const struct ztj_quorum *q, struct ztj_view note, int64_t now,
    struct ztj_cosigned *out)
{
	struct ztj_note n;
	int r = ztj_note_parse(note, &n);

	memset(out, 0, sizeof(*out));
	return r == ZTJ_OK ? ztj_cosign_judge(q, &n, now, out) : r;
}

int ztj_cosign_missing(const struct ztj_quorum *q, const struct ztj_cosigned *c, struct ztj_buf *out)
{
	const char *comma = "";

	for (size_t i = 0; i < q->n && i < ZTJ_WITNESSES_MAX; i++) {
		if (c->time[i] != 0 && !c->ahead[i])
			continue;
		(void)ztj_buf_puts(out, comma);
		if (ztj_text_escape(ztj_view_str(q->by[i].key.name), out) != ZTJ_OK)
			break;
		(void)ztj_buf_puts(out, c->ahead[i] ? " (its clock is ahead)" : "");
		comma = ", ";
	}
	return ztj_buf_status(out);
}

int ztj_cosign_take(struct ztj_view text, struct ztj_view lines, const struct ztj_note_key *k, int64_t *time,
    struct ztj_buf *out)
{
	struct ztj_buf whole;
	struct ztj_note n;
	int64_t t;
	int r;

	*time = 0;
	ztj_buf_init(&whole, ZTJ_NOTE_MAX);
	(void)ztj_buf_put(&whole, text.p, text.n);
	(void)ztj_buf_puts(&whole, "\n");
	r = ztj_buf_put(&whole, lines.p, lines.n);
	if (r == ZTJ_OK)
		r = ztj_note_parse(ztj_buf_view(&whole), &n);
	/* A blank line in the answer would have moved where the text ends. */
	if (r == ZTJ_OK && n.text.n != text.n)
		r = ZTJ_BAD_ENCODING;
	if (r == ZTJ_OK)
		r = ztj_cosign_verify(&n, k, time);
	for (size_t i = 0; r == ZTJ_OK && i < n.nsigs; i++)
		if (verify_one(&n, i, k, &t) == ZTJ_OK && t == *time) {
			(void)ztj_buf_printf(out, "\xe2\x80\x94 %s ", k->name);
			(void)ztj_buf_put(out, n.sig[i].b64.p, n.sig[i].b64.n);
			r = ztj_buf_puts(out, "\n");
			break;
		}
	ztj_buf_free(&whole);
	return r;
}
