/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What log and witness say to each other: requests, what a witness answers, and verifier keys. The first byte says which. */
#include <string.h>

#include "libztjit/core/cosign.h"
#include "libztjit/core/witness.h"
#include "tests/fuzz/fuzz.h"

#define ORIGIN "example/ztjit"

static void one_form_only(struct ztj_view in, const struct ztj_buf *again)
{
	MUST(again->n == in.n && memcmp(again->p, in.p, in.n) == 0);
}

static void request(struct ztj_view in)
{
	struct ztj_key key = { .type = ZTJ_KEY_ED25519, .pub = { 1 }, .pub_len = 32 };
	struct ztj_note_key k;
	struct ztj_witness_ask a;
	struct ztj_checkpoint c;
	struct ztj_view text;
	struct ztj_buf b;

	if (ztj_witness_ask_parse(in, &a) != ZTJ_OK)
		return;
	MUST(a.old <= ZTJ_LOG_MAX && a.len <= ZTJ_WITNESS_PATH_MAX);
	ztj_buf_init(&b, ZTJ_WITNESS_BODY_MAX);
	MUST(ztj_witness_ask_write(&a, &b) == ZTJ_OK);
	one_form_only(in, &b);
	ztj_buf_free(&b);
	MUST(ztj_note_key_make(ORIGIN, &key, &k) == ZTJ_OK);
	const struct ztj_witness_log l = { .origin = ORIGIN, .keys = &k, .nkeys = 1 };
	MUST(ztj_witness_judge(&a, &l, &c, &text) >= 400);
	MUST(c.size == 0 && text.n == 0);
}

static void size(struct ztj_view in)
{
	struct ztj_buf b;
	uint64_t n;

	if (ztj_witness_size_parse(in, &n) != ZTJ_OK)
		return;
	ztj_buf_init(&b, 64);
	MUST(ztj_buf_printf(&b, "%llu\n", (unsigned long long)n) == ZTJ_OK);
	one_form_only(in, &b);
	ztj_buf_free(&b);
}

static void answer(struct ztj_view in)
{
	struct ztj_key key = { .type = ZTJ_KEY_ED25519, .pub = { 1 }, .pub_len = 32 };
	struct ztj_witness by = { .url = "" };
	const struct ztj_quorum q = { 1, &by, 1, 0 };
	struct ztj_cosigned c;
	struct ztj_buf b;
	int64_t time;

	ztj_buf_init(&b, ZTJ_NOTE_MAX);
	MUST(ztj_note_key_typed(ZTJ_NOTE_COSIGNATURE, "w.example", &key, &by.key) == ZTJ_OK);
	MUST(ztj_cosign_take(ztj_view_str(ORIGIN "\n0\nAAAA\n"), in, &by.key, &time, &b) != ZTJ_OK);
	MUST(b.n == 0 && time == 0);
	MUST(ztj_cosign_judge_note(&q, in, 1795428000, &c) != ZTJ_OK);
	MUST(c.n == 0);
	ztj_buf_free(&b);
}

static void vkey(struct ztj_view in)
{
	struct ztj_note_key k;
	struct ztj_buf b;

	if (ztj_note_vkey_parse(in, &k) != ZTJ_OK) {
		MUST(k.name[0] == '\0');
		return;
	}
	ztj_buf_init(&b, 1024);
	MUST(ztj_note_vkey(&k, &b) == ZTJ_OK);
	one_form_only(in, &b);
	ztj_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const part[])(struct ztj_view) = { request, size, answer, vkey };

	if (n > 0)
		part[data[0] % 4](ztj_view_of(data + 1, n - 1));
	return 0;
}
