/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Bodies of chunks: zstd, and CMS where the policy names whom to seal to (PROTOCOL 8.1, 8.3); and reading a whole
 * record back. Used by the scribe and the command line; the broker opens no chunk.
 */
#ifndef ZTJ_RECORD_RECORD_H
#define ZTJ_RECORD_RECORD_H

#include "libztjit/core/cast.h"
#include "libztjit/core/chunk.h"

/* ---- writing ---- */

struct ztj_packer; /* one for all records of a process */
int ztj_packer_new(struct ztj_packer **out) ZTJ_MUST_CHECK;
void ztj_packer_free(struct ztj_packer *p);

struct ztj_sealto; /* certificates; NULL: not sealed */
/* ders: DER certificates, 1–16. ZTJ_BAD_ENCODING names the bad one in *which. */
int ztj_sealto_new(const struct ztj_view *ders, size_t n, struct ztj_sealto **out, size_t *which) ZTJ_MUST_CHECK;
void ztj_sealto_free(struct ztj_sealto *s);

/* Makes the next chunk of a chain from a text of whole lines and appends it to out; moves the chain on. */
int ztj_pack(struct ztj_packer *p, const struct ztj_sealto *to, struct ztj_chain *chain, struct ztj_view text,
    uint64_t at, uint32_t events, bool last, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* ---- reading ---- */

struct ztj_opener; /* how a body is opened: with a key where it is sealed */
/* cert, key: PEM files' contents; empty views: nothing sealed can be opened (ZTJ_ENCRYPTED_KEY for a sealed chunk). A key
 * without a certificate is tried on every recipient. ZTJ_ENCRYPTED_KEY: the key wants a passphrase; ZTJ_BAD_KEY: it cannot be
 * read, or is not the certificate's. */
int ztj_opener_new(struct ztj_view cert, struct ztj_view key, struct ztj_opener **out) ZTJ_MUST_CHECK;
void ztj_opener_free(struct ztj_opener *o);
/* The text of one chunk, appended; its length is checked against what the chunk says before and after. ZTJ_TOO_LARGE: it is
 * more than the chunk says; ZTJ_WRONG_KEY: sealed, but not to this key (without a certificate also when what comes out is
 * nothing); ZTJ_BAD_ENCODING: neither zstd nor CMS. */
int ztj_unpack(struct ztj_opener *o, const struct ztj_chunk *c, struct ztj_buf *text) ZTJ_MUST_CHECK;

#endif
