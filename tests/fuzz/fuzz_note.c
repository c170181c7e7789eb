/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Signed notes and the checkpoints in them. */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/checkpoint.h"
#include "tests/fuzz/fuzz.h"

/* There is one way to write what was read. */
static void one_form_only(struct ztj_view text, const struct ztj_checkpoint *c)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 256);
	MUST(ztj_buf_printf(&b, "example/ztjit\n%llu\n", (unsigned long long)c->size) == ZTJ_OK);
	MUST(ztj_b64_encode(ztj_view_of(c->root, sizeof(c->root)), &b) == ZTJ_OK);
	MUST(ztj_buf_puts(&b, "\n") == ZTJ_OK);
	MUST(b.n <= text.n && memcmp(b.p, text.p, b.n) == 0);
	ztj_buf_free(&b);
}

static void parts(struct ztj_view note, const struct ztj_note *n)
{
	size_t len = n->text.n + 1;

	MUST(n->nsigs >= 1 && n->nsigs <= ZTJ_NOTE_SIGS_MAX);
	for (size_t i = 0; i < n->nsigs; i++) {
		MUST(n->sig[i].name.n > 0 && n->sig[i].b64.n >= 8);
		len += 4 + n->sig[i].name.n + 1 + n->sig[i].b64.n + 1;
	}
	MUST(len == note.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_key key = { .type = ZTJ_KEY_ED25519, .pub = { 1 }, .pub_len = 32 };
	struct ztj_note_key k;
	struct ztj_view note = ztj_view_of(data, size);
	struct ztj_checkpoint c;
	struct ztj_note n;

	if (ztj_checkpoint_parse(note, "example", &c) == ZTJ_OK)
		one_form_only(note, &c);
	if (ztj_note_parse(note, &n) != ZTJ_OK)
		return 0;
	parts(note, &n);
	MUST(ztj_note_key_make("example/ztjit", &key, &k) == ZTJ_OK);
	MUST(ztj_note_verify(&n, &k, 1, NULL) != ZTJ_OK);
	if (ztj_checkpoint_parse(n.text, "example", &c) == ZTJ_OK)
		one_form_only(n.text, &c);
	return 0;
}
