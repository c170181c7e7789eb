/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSHSIG blobs and their armour. */
#include "libztjit/core/sshsig.h"
#include "tests/fuzz/fuzz.h"

static void verify(struct ztj_view blob)
{
	struct ztj_signer who;
	struct ztj_key k;
	int peeked = ztj_sshsig_peek(blob, &k);

	if (ztj_sshsig_verify(blob, "request@ztjit", ztj_view_str("a statement\n"), &who) == ZTJ_OK)
		MUST(peeked == ZTJ_OK && ztj_key_equal(&k, &who.key) && who.key.type != ZTJ_KEY_ECDSA);
	else
		MUST(who.key.type == ZTJ_KEY_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view in = ztj_view_of(data, size);
	struct ztj_buf blob, text, again;

	ztj_buf_init(&blob, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&text, 4 * ZTJ_SSHSIG_MAX);
	ztj_buf_init(&again, ZTJ_SSHSIG_MAX);
	verify(in);
	if (ztj_sshsig_dearmor(in, &blob) == ZTJ_OK) {
		verify(ztj_buf_view(&blob));
		MUST(ztj_sshsig_armor(ztj_buf_view(&blob), &text) == ZTJ_OK);
		MUST(blob.n == 0 || ztj_sshsig_dearmor(ztj_buf_view(&text), &again) == ZTJ_OK);
		MUST(ztj_view_eq(ztj_buf_view(&blob), ztj_buf_view(&again)));
	}
	ztj_buf_free(&blob);
	ztj_buf_free(&text);
	ztj_buf_free(&again);
	return 0;
}
