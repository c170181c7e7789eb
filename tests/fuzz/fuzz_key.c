/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Public keys as blob and as text, and a signature behind a key. */
#include "libztjit/core/key.h"
#include "tests/fuzz/fuzz.h"

static void round_trip(const struct ztj_key *k, struct ztj_view blob)
{
	char text[ZTJ_KEY_TEXT_SIZE], fp[ZTJ_FINGERPRINT_SIZE];
	struct ztj_key again;
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_KEY_BLOB_MAX);
	MUST(ztj_key_to_blob(k, &b) == ZTJ_OK);
	MUST(blob.n == 0 || ztj_view_eq(ztj_buf_view(&b), blob)); /* one key, one blob */
	MUST(ztj_key_to_text(k, text) == ZTJ_OK && ztj_key_fingerprint(k, fp) == ZTJ_OK);
	MUST(ztj_key_from_text(&again, ztj_view_str(text)) == ZTJ_OK && ztj_key_equal(k, &again));
	ztj_buf_free(&b);
}

/* string key, string signature, the rest is the message */
static void verify(struct ztj_view in)
{
	struct ztj_sig_info info;
	struct ztj_view key, sig;
	struct ztj_key k;
	struct ztj_rd rd;

	ztj_rd_init(&rd, in);
	if (ztj_rd_string(&rd, SIZE_MAX, &key) != ZTJ_OK || ztj_rd_string(&rd, SIZE_MAX, &sig) != ZTJ_OK ||
	    ztj_key_from_blob(&k, key) != ZTJ_OK)
		return;
	if (ztj_sig_verify(&k, sig, rd.left, &info) == ZTJ_OK)
		MUST(info.is_sk == ztj_key_is_sk(&k) && info.user_present == info.is_sk);
	else
		MUST(!info.user_present && !info.user_verified);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view in = ztj_view_of(data, size);
	struct ztj_key k;

	if (ztj_key_from_blob(&k, in) == ZTJ_OK)
		round_trip(&k, in);
	if (ztj_key_from_text(&k, in) == ZTJ_OK)
		round_trip(&k, ztj_view_of(NULL, 0));
	if (ztj_key_from_line(&k, in) == ZTJ_OK)
		round_trip(&k, ztj_view_of(NULL, 0));
	verify(in);
	return 0;
}
