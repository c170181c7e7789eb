/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/note.h"

#include <string.h>

#include "libztjit/core/text.h"

#define PUB_LEN 32
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

bool ztj_note_name_ok(struct ztj_view name)
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

int ztj_note_key_typed(enum ztj_note_type type, const char *name, const struct ztj_key *key,
    struct ztj_note_key *out)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_buf b;
	int r;

	memset(out, 0, sizeof(*out));
	if (key->type != ZTJ_KEY_ED25519 || key->pub_len != PUB_LEN)
		return ZTJ_KEY_TYPE;
	if (!ztj_note_name_ok(ztj_view_str(name)))
		return ZTJ_BAD_NAME;
	ztj_buf_init(&b, ZTJ_NOTE_NAME_SIZE + 64);
	(void)ztj_buf_puts(&b, name);
	(void)ztj_buf_puts(&b, "\n");
	(void)ztj_buf_put_u8(&b, (uint8_t)type);
	(void)ztj_buf_put(&b, key->pub, key->pub_len);
	r = ztj_buf_status(&b);
	if (r == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(&b), digest);
	ztj_buf_free(&b);
	if (r != ZTJ_OK)
		return r;
	out->type = type;
	memcpy(out->name, name, strlen(name) + 1);
	memcpy(out->id, digest, sizeof(out->id));
	out->key = *key;
	return ZTJ_OK;
}

int ztj_note_key_make(const char *name, const struct ztj_key *key, struct ztj_note_key *out)
{
	return ztj_note_key_typed(ZTJ_NOTE_ED25519, name, key, out);
}

int ztj_note_vkey(const struct ztj_note_key *k, struct ztj_buf *out)
{
	uint8_t typed[1 + PUB_LEN] = { (uint8_t)k->type };
	char id[2 * ZTJ_NOTE_ID_LEN + 1];

	memcpy(typed + 1, k->key.pub, PUB_LEN);
	ztj_hex(k->id, sizeof(k->id), id);
	(void)ztj_buf_printf(out, "%s+%s+", k->name, id);
	return ztj_b64_encode(ztj_view_of(typed, sizeof(typed)), out);
}

/* The type and key of the last part of a vkey. */
static int typed_key(struct ztj_view b64, enum ztj_note_type *type, struct ztj_key *key)
{
	struct ztj_buf raw;
	int r;

	memset(key, 0, sizeof(*key));
	ztj_buf_init(&raw, 4096); /* those of other types are longer */
	r = ztj_b64_decode(b64, &raw);
	if (r == ZTJ_OK && raw.n == 0)
		r = ZTJ_BAD_ENCODING;
	else if (r == ZTJ_OK && raw.p[0] != ZTJ_NOTE_ED25519 && raw.p[0] != ZTJ_NOTE_COSIGNATURE)
		r = ZTJ_KEY_TYPE;
	else if (r == ZTJ_OK && raw.n != 1 + PUB_LEN)
		r = ZTJ_BAD_ENCODING;
	if (r == ZTJ_OK) {
		*type = (enum ztj_note_type)raw.p[0];
		key->type = ZTJ_KEY_ED25519;
		key->pub_len = PUB_LEN;
		memcpy(key->pub, raw.p + 1, PUB_LEN);
	}
	ztj_buf_free(&raw);
	return r == ZTJ_OK || r == ZTJ_KEY_TYPE || r == ZTJ_NOMEM ? r : ZTJ_BAD_ENCODING;
}

int ztj_note_vkey_parse(struct ztj_view vkey, struct ztj_note_key *out)
{
	const uint8_t *plus = vkey.n == 0 ? NULL : memchr(vkey.p, '+', vkey.n);
	size_t n = plus == NULL ? 0 : (size_t)(plus - vkey.p);
	char name[ZTJ_NOTE_NAME_SIZE] = "", id[2 * ZTJ_NOTE_ID_LEN + 1];
	enum ztj_note_type type;
	struct ztj_view rest;
	struct ztj_key key;
	int r;

	memset(out, 0, sizeof(*out));
	if (plus == NULL || n >= sizeof(name) || !ztj_note_name_ok(ztj_view_of(vkey.p, n)))
		return ZTJ_BAD_NAME;
	memcpy(name, vkey.p, n);
	rest = ztj_view_after(vkey, n + 1);
	if (rest.n < sizeof(id) || rest.p[sizeof(id) - 1] != '+')
		return ZTJ_BAD_ENCODING;
	r = typed_key(ztj_view_after(rest, sizeof(id)), &type, &key);
	if (r == ZTJ_OK)
		r = ztj_note_key_typed(type, name, &key, out);
	if (r == ZTJ_OK) {
		ztj_hex(out->id, sizeof(out->id), id);
		if (memcmp(id, rest.p, sizeof(id) - 1) != 0)
			r = ZTJ_BAD_ENCODING;
	}
	if (r != ZTJ_OK)
		memset(out, 0, sizeof(*out));
	return r;
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
	if (!ztj_note_name_ok(name))
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

int ztj_note_raw_verify(const struct ztj_key *key, const uint8_t *sig, struct ztj_view msg)
{
	struct ztj_sig_info info;
	struct ztj_buf blob;
	int r;

	ztj_buf_init(&blob, 256);
	(void)ztj_buf_put_cstring(&blob, ztj_key_type_name(ZTJ_KEY_ED25519));
	r = ztj_buf_put_string(&blob, sig, ZTJ_NOTE_RAW_LEN);
	if (r == ZTJ_OK)
		r = ztj_sig_verify(key, ztj_buf_view(&blob), msg, &info);
	ztj_buf_free(&blob);
	return r;
}

int ztj_note_sig(const struct ztj_note *n, size_t i, const struct ztj_note_key *k, struct ztj_buf *raw)
{
	struct ztj_buf whole;
	int r;

	if (!ztj_view_eq_str(n->sig[i].name, k->name))
		return ZTJ_NOT_FOUND;
	ztj_buf_init(&whole, SIG_MAX);
	r = decode(n->sig[i].b64, &whole);
	if (r == ZTJ_OK && memcmp(whole.p, k->id, sizeof(k->id)) != 0)
		r = ZTJ_NOT_FOUND;
	if (r == ZTJ_OK)
		r = ztj_buf_put(raw, whole.p + ZTJ_NOTE_ID_LEN, whole.n - ZTJ_NOTE_ID_LEN);
	ztj_buf_free(&whole);
	return r;
}

/* NOT_FOUND: not by this key. */
static int verify_one(const struct ztj_note *n, size_t i, const struct ztj_note_key *k)
{
	struct ztj_buf raw;
	int r;

	ztj_buf_init(&raw, SIG_MAX);
	r = ztj_note_sig(n, i, k, &raw);
	if (r == ZTJ_OK)
		r = k->type == ZTJ_NOTE_ED25519 && raw.n == ZTJ_NOTE_RAW_LEN
		    ? ztj_note_raw_verify(&k->key, raw.p, n->text)
		    : ZTJ_BAD_SIGNATURE;
	ztj_buf_free(&raw);
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

/* --- writing --- */

int ztj_note_raw_sign(const struct ztj_seckey *key, struct ztj_view msg, uint8_t *sig)
{
	struct ztj_buf blob;
	int r;

	ztj_buf_init(&blob, 256);
	r = ztj_seckey_sign(key, msg, &blob);
	if (r == ZTJ_OK && blob.n < ZTJ_NOTE_RAW_LEN)
		r = ZTJ_INTERNAL;
	if (r == ZTJ_OK)
		memcpy(sig, blob.p + blob.n - ZTJ_NOTE_RAW_LEN, ZTJ_NOTE_RAW_LEN);
	ztj_buf_free(&blob);
	return r;
}

int ztj_note_sig_line(const struct ztj_note_key *k, struct ztj_view raw, struct ztj_buf *out)
{
	struct ztj_buf whole;
	int r;

	ztj_buf_init(&whole, SIG_MAX);
	(void)ztj_buf_put(&whole, k->id, sizeof(k->id));
	(void)ztj_buf_put(&whole, raw.p, raw.n);
	r = ztj_buf_status(&whole);
	if (r == ZTJ_OK) {
		(void)ztj_buf_printf(out, DASH "%s ", k->name);
		r = ztj_b64_encode(ztj_buf_view(&whole), out);
	}
	if (r == ZTJ_OK)
		r = ztj_buf_puts(out, "\n");
	ztj_buf_free(&whole);
	return r;
}

int ztj_note_sign(const char *name, const struct ztj_seckey *key, struct ztj_view text, struct ztj_buf *out)
{
	uint8_t sig[ZTJ_NOTE_RAW_LEN];
	struct ztj_note_key k;
	struct ztj_note again;
	size_t before = out->n;
	int r = ztj_note_key_make(name, &key->pub, &k);

	if (r == ZTJ_OK && (text.n < 2 || text.p[text.n - 1] != '\n' || text.p[text.n - 2] == '\n'))
		r = ZTJ_BAD_TEXT;
	if (r == ZTJ_OK)
		r = ztj_note_raw_sign(key, text, sig);
	if (r == ZTJ_OK) {
		(void)ztj_buf_put(out, text.p, text.n);
		(void)ztj_buf_puts(out, "\n");
		r = ztj_note_sig_line(&k, ztj_view_of(sig, sizeof(sig)), out);
	}
	return r == ZTJ_OK ? ztj_note_parse(ztj_view_of(out->p + before, out->n - before), &again) : r;
}
