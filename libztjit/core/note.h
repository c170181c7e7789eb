/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Signed notes (C2SP signed-note): a text, a blank line, one line for every signature. Ed25519 (type 0x01) is made and
 * verified here, cosignatures of witnesses (0x04) in cosign.h; signatures of other keys are carried and ignored.
 */
#ifndef ZTJ_CORE_NOTE_H
#define ZTJ_CORE_NOTE_H

#include "libztjit/core/key.h"

#define ZTJ_NOTE_MAX ((size_t)128 * 1024)
#define ZTJ_NOTE_SIGS_MAX 32
#define ZTJ_NOTE_NAME_SIZE 256
#define ZTJ_NOTE_ID_LEN 4

enum ztj_note_type { ZTJ_NOTE_ED25519 = 0x01, ZTJ_NOTE_COSIGNATURE = 0x04 };

/* A key, what it signs, and the name that it signs under. */
struct ztj_note_key {
	enum ztj_note_type type;
	char name[ZTJ_NOTE_NAME_SIZE];
	uint8_t id[ZTJ_NOTE_ID_LEN];
	struct ztj_key key;
};
/* Of type ED25519. BAD_NAME: empty, too long, or with a space or "+" in it. KEY_TYPE: not ssh-ed25519. */
int ztj_note_key_make(const char *name, const struct ztj_key *key, struct ztj_note_key *out) ZTJ_MUST_CHECK;
/* The same of either type. */
int ztj_note_key_typed(enum ztj_note_type type, const char *name, const struct ztj_key *key,
    struct ztj_note_key *out) ZTJ_MUST_CHECK;
/* Appends the verifier key, as public tools take it: name+hex id+base64. */
int ztj_note_vkey(const struct ztj_note_key *k, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Exactly what ztj_note_vkey writes, else BAD_ENCODING (a wrong id too) or BAD_NAME. KEY_TYPE: of another type. */
int ztj_note_vkey_parse(struct ztj_view vkey, struct ztj_note_key *out) ZTJ_MUST_CHECK;

/* What a note is made of; views into it. */
struct ztj_note {
	struct ztj_view text; /* with its last line feed */
	size_t nsigs;
	struct {
		struct ztj_view name;
		struct ztj_view b64; /* id and signature */
	} sig[ZTJ_NOTE_SIGS_MAX];
};
/* Is this a name that a key may have? */
bool ztj_note_name_ok(struct ztj_view name);
/* TOO_LARGE, BAD_TEXT (not UTF-8, or a control character), BAD_ENCODING. */
int ztj_note_parse(struct ztj_view note, struct ztj_note *out) ZTJ_MUST_CHECK;
/* At least one of these keys signed, and no signature under the name and id of one is wrong: else BAD_SIGNATURE.
 * SIGNER: none of them signed. *which (may be NULL): the first that did. */
int ztj_note_verify(const struct ztj_note *n, const struct ztj_note_key *keys, size_t nkeys, size_t *which) ZTJ_MUST_CHECK;
/* Appends text (whole lines, the last one not empty), the blank line and one signature. */
int ztj_note_sign(const char *name, const struct ztj_seckey *key, struct ztj_view text, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* --- for other types of signatures (cosign.h) --- */
#define ZTJ_NOTE_RAW_LEN 64 /* of an Ed25519 signature */
/* What line i says after the key's id, appended. NOT_FOUND: not under the name and id of this key. */
int ztj_note_sig(const struct ztj_note *n, size_t i, const struct ztj_note_key *k, struct ztj_buf *raw) ZTJ_MUST_CHECK;
/* Appends a signature line. */
int ztj_note_sig_line(const struct ztj_note_key *k, struct ztj_view raw, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Ed25519 over these bytes; *sig is ZTJ_NOTE_RAW_LEN bytes. */
int ztj_note_raw_sign(const struct ztj_seckey *key, struct ztj_view msg, uint8_t *sig) ZTJ_MUST_CHECK;
int ztj_note_raw_verify(const struct ztj_key *key, const uint8_t *sig, struct ztj_view msg) ZTJ_MUST_CHECK;

#endif
