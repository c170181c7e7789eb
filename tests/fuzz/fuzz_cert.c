/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSH user certificates. */
#include "libztjit/core/sshcert.h"
#include "tests/fuzz/fuzz.h"

static void check_inside(struct ztj_view part, const uint8_t *data, size_t size)
{
	MUST(part.n == 0 || (part.p >= data && part.n <= size && part.p <= data + (size - part.n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view in = ztj_view_of(data, size);
	struct ztj_buf line;
	struct ztj_cert c;
	struct ztj_key ca;

	ztj_buf_init(&line, 2 * ZTJ_CERT_MAX);
	if (ztj_cert_parse(&c, in) == ZTJ_OK) {
		MUST(ztj_key_is_sk(&c.subject) && c.principal[0] != '\0');
		MUST(c.valid_after >= 0 && c.valid_before > c.valid_after);
		check_inside(c.bundle, data, size);
		check_inside(c.ca_key, data, size);
		check_inside(c.signature, data, size);
		check_inside(c.tbs, data, size);
		if (ztj_key_from_blob(&ca, c.ca_key) == ZTJ_OK && ztj_cert_verify(&c, &ca) == ZTJ_OK)
			MUST(ca.type == ZTJ_KEY_ED25519 || ca.type == ZTJ_KEY_ECDSA);
		MUST(ztj_cert_line(in, "c", &line) == ZTJ_OK);
	} else {
		MUST(c.principal[0] == '\0' && c.valid_before == 0);
	}
	ztj_buf_free(&line);
	return 0;
}
