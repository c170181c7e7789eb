/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/note.h"

#include <string.h>

#include "libztjit/core/text.h"

#define TYPE_ED25519 0x01
#define RAW_LEN 64
#define SIG_MAX ((size_t)16 * 1024) /* of one signature; those of other kinds may be long */
#define DASH "\xe2\x80\x94 "

/* White space beyond ASCII (the property White_Space of Unicode), as UTF-8. */
static const char *const spaces[] = { " ", "\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\x80",
	"\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
	"\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9",
	"\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80" };

static bool contains(struct ztj_view v, const char *s)
{
	return v.n > 0 && memmem(v.p, v.n, s, strlen(s)) != NULL;
}

static bool name_ok(struct ztj_view name)
{
	if (name.n == 0 || name.n >= ZTJ_NOTE_NAME_SIZE || !ztj_utf8_ok(name) || contains(name, "+"))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= 0x20)
			return false;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
		if (contains(name, spaces[i]))
			return false;
	return true;
}

int ztj_note_key_make(const char *name, const struct ztj_key *key, struct ztj_note_key *out)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_buf b;
	int r;

	memset(out, 0, sizeof(*out));
	if (key->type != ZTJ_KEY_ED25519 || key->pub_len != 32)
		return ZTJ_KEY_TYPE;
	if (!name_ok(ztj_view_str(name)))
		return ZTJ_BAD_NAME;
	ztj_buf_init(&b, ZTJ_NOTE_NAME_SIZE + 64);
	(void)ztj_buf_puts(&b, name);
	(void)ztj_buf_puts(&b, "\n");
	(void)ztj_buf_put_u8(&b, TYPE_ED25519);
	(void)ztj_buf_put(&b, key->pub, key->pub_len);
	r = ztj_buf_status(&b);
	if (r == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(&b), digest);
	ztj_buf_free(&b);
	if (r != ZTJ_OK)
		return r;
	memcpy(out->name, name, strlen(name) + 1);
	memcpy(out->id, digest, sizeof(out->id));
	out->key = *key;
	return ZTJ_OK;
}

int ztj_note_vkey(const struct ztj_note_key *k, struct ztj_buf *out)
{
	uint8_t typed[1 + 32] = { TYPE_ED25519 };
	char id[2 * ZTJ_NOTE_ID_LEN + 1];

	memcpy(typed + 1, k->key.pub, 32);
	ztj_hex(k->id, sizeof(k->id), id);
	(void)ztj_buf_printf(out, "%s+%s+", k->name, id);
	return ztj_b64_encode(ztj_view_of(typed, sizeof(typed)), out);
}

/* --- reading --- */

static int decode(struct ztj_view b64, struct ztj_buf *raw)
{
	int r = ztj_b64_decode(b64, raw);

	if (r == ZTJ_OK && raw->n <= ZTJ_NOTE_ID_LEN)
		return ZTJ_BAD_ENCODING;
	return r;
}

static int signature_line(struct ztj_view line, struct ztj_note *out)
{
	struct ztj_view rest, name;
	const uint8_t *space;
	struct ztj_buf raw;
	int r;

	if (line.n <= strlen(DASH) || memcmp(line.p, DASH, strlen(DASH)) != 0)
		return ZTJ_BAD_ENCODING;
	rest = ztj_view_after(line, strlen(DASH));
	space = memchr(rest.p, ' ', rest.n);
	if (space == NULL)
		return ZTJ_BAD_ENCODING;
	name = ztj_view_of(rest.p, (size_t)(space - rest.p));
	rest = ztj_view_after(rest, name.n + 1);
	if (!name_ok(name))
		return ZTJ_BAD_ENCODING;
	ztj_buf_init(&raw, SIG_MAX);
	r = decode(rest, &raw);
	ztj_buf_free(&raw);
	if (r != ZTJ_OK)
		return r == ZTJ_NOMEM ? r : ZTJ_BAD_ENCODING;
	if (out->nsigs == ZTJ_NOTE_SIGS_MAX)
		return ZTJ_TOO_LARGE;
	out->sig[out->nsigs].name = name;
	out->sig[out->nsigs++].b64 = rest;
	return ZTJ_OK;
}

/* Where the last blank line begins; 0: there is none after a text. */
static size_t last_blank(struct ztj_view note)
{
	for (size_t i = note.n; i >= 2; i--)
		if (note.p[i - 1] == '\n' && note.p[i - 2] == '\n')
			return i - 1;
	return 0;
}

int ztj_note_parse(struct ztj_view note, struct ztj_note *out)
{
	struct ztj_view left, line;
	size_t blank;
	int r = ZTJ_OK;

	memset(out, 0, sizeof(*out));
	if (note.n > ZTJ_NOTE_MAX)
		return ZTJ_TOO_LARGE;
	if (!ztj_utf8_ok(note))
		return ZTJ_BAD_TEXT;
	for (size_t i = 0; i < note.n; i++)
		if (note.p[i] < 0x20 && note.p[i] != '\n')
			return ZTJ_BAD_TEXT;
	blank = last_blank(note);
	if (blank == 0)
		return ZTJ_BAD_ENCODING;
	left = ztj_view_after(note, blank + 1);
	while (r == ZTJ_OK && ztj_view_line(&left, &line))
		r = signature_line(line, out);
	if (r == ZTJ_OK && (left.n != 0 || out->nsigs == 0))
		r = ZTJ_BAD_ENCODING;
	if (r != ZTJ_OK) {
		memset(out, 0, sizeof(*out));
		return r;
	}
	out->text = ztj_view_of(note.p, blank);
	return ZTJ_OK;
}

/* NOT_FOUND: not by this key. */
static int verify_one(const struct ztj_note *n, size_t i, const struct ztj_note_key *k)
{
	struct ztj_sig_info info;
	struct ztj_buf raw, blob;
	int r;

	if (!ztj_view_eq_str(n->sig[i].name, k->name))
		return ZTJ_NOT_FOUND;
	ztj_buf_init(&raw, SIG_MAX);
	ztj_buf_init(&blob, 256);
	r = decode(n->sig[i].b64, &raw);
	if (r == ZTJ_OK && memcmp(raw.p, k->id, sizeof(k->id)) != 0)
		r = ZTJ_NOT_FOUND;
	if (r == ZTJ_OK && raw.n != ZTJ_NOTE_ID_LEN + RAW_LEN)
		r = ZTJ_BAD_SIGNATURE;
	if (r == ZTJ_OK) {
		(void)ztj_buf_put_cstring(&blob, ztj_key_type_name(ZTJ_KEY_ED25519));
		r = ztj_buf_put_string(&blob, raw.p + ZTJ_NOTE_ID_LEN, RAW_LEN);
	}
	if (r == ZTJ_OK)
		r = ztj_sig_verify(&k->key, ztj_buf_view(&blob), n->text, &info);
	ztj_buf_free(&raw);
	ztj_buf_free(&blob);
	return r;
}

int ztj_note_verify(const struct ztj_note *n, const struct ztj_note_key *keys, size_t nkeys, size_t *which)
{
	bool found = false;

	if (which != NULL)
		*which = 0;
	for (size_t k = 0; k < nkeys; k++)
		for (size_t i = 0; i < n->nsigs; i++) {
			int r = verify_one(n, i, &keys[k]);

			if (r == ZTJ_NOT_FOUND)
				continue;
			if (r != ZTJ_OK)
				return ztj_err_class(r) == ZTJ_CLASS_OUTAGE ? r : ZTJ_BAD_SIGNATURE;
			if (!found && which != NULL)
				*which = k;
			found = true;
		}
	return found ? ZTJ_OK : ZTJ_SIGNER;
}

int ztj_note_sign(const char *name, const struct ztj_seckey *key, struct ztj_view text, struct ztj_buf *out)
{
	struct ztj_note_key k;
	struct ztj_note again;
	struct ztj_buf blob, raw;
	size_t before = out->n;
	int r = ztj_note_key_make(name, &key->pub, &k);

	if (r == ZTJ_OK && (text.n < 2 || text.p[text.n - 1] != '\n' || text.p[text.n - 2] == '\n'))
		r = ZTJ_BAD_TEXT;
	ztj_buf_init(&blob, 256);
	ztj_buf_init(&raw, 256);
	if (r == ZTJ_OK)
		r = ztj_seckey_sign(key, text, &blob);
	if (r == ZTJ_OK && blob.n < RAW_LEN)
		r = ZTJ_INTERNAL;
	if (r == ZTJ_OK) {
		(void)ztj_buf_put(&raw, k.id, sizeof(k.id));
		r = ztj_buf_put(&raw, blob.p + blob.n - RAW_LEN, RAW_LEN);
	}
	if (r == ZTJ_OK) {
		(void)ztj_buf_put(out, text.p, text.n);
		(void)ztj_buf_printf(out, "\n" DASH "%s ", name);
		r = ztj_b64_encode(ztj_buf_view(&raw), out);
	}
	if (r == ZTJ_OK)
		r = ztj_buf_puts(out, "\n");
	ztj_buf_free(&blob);
	ztj_buf_free(&raw);
	return r == ZTJ_OK ? ztj_note_parse(ztj_view_of(out->p + before, out->n - before), &again) : r;
}
