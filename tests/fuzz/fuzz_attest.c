/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* An attestation behind the key it is said to be of: string key, then the attestation. */
#include <string.h>

#include "libztjit/fido/fido.h"
#include "tests/fuzz/fuzz.h"

static void verify(const struct ztj_attestation *a, struct ztj_view key_blob)
{
	static const uint8_t zeros[ZTJ_AAGUID_LEN];
	struct ztj_attest_info info;
	const struct ztj_view root = ztj_view_of(a->cert, a->cert_len);
	struct ztj_key key;

	(void)!ztj_attest_check_roots(a, &root, 1, 1790000000);
	if (ztj_key_from_blob(&key, key_blob) != ZTJ_OK)
		return;
	if (ztj_attest_verify(a, ztj_view_str("challenge\n"), &key, &info) == ZTJ_OK) {
		MUST(ztj_key_is_sk(&key));
		MUST((info.kind == ZTJ_ATTEST_NONE) == (a->sig_len == 0));
		MUST((info.kind == ZTJ_ATTEST_CERT) == (a->cert_len != 0));
	} else {
		MUST(info.kind == ZTJ_ATTEST_NONE && !info.user_verified);
	}
	MUST(info.kind == ZTJ_ATTEST_CERT || memcmp(info.aaguid, zeros, sizeof(zeros)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_attestation a;
	struct ztj_view key_blob;
	struct ztj_buf again;
	struct ztj_rd rd;

	ztj_rd_init(&rd, ztj_view_of(data, size));
	if (ztj_rd_string(&rd, SIZE_MAX, &key_blob) != ZTJ_OK || ztj_attest_parse(&a, rd.left) != ZTJ_OK)
		return 0;
	ztj_buf_init(&again, ZTJ_ATTEST_MAX);
	MUST(ztj_attest_format(&a, &again) == ZTJ_OK);
	MUST(ztj_view_eq(ztj_buf_view(&again), rd.left)); /* one attestation, one encoding */
	ztj_buf_free(&again);
	verify(&a, key_blob);
	return 0;
}
