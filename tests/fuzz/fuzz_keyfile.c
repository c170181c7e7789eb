/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* OpenSSH private key files, armoured and (so that base64 hides nothing) bare. */
#include "libztjit/core/armor.h"
#include "libztjit/core/keyfile.h"
#include "tests/fuzz/fuzz.h"

static void parse(struct ztj_view text)
{
	struct ztj_keyfile kf, again;
	struct ztj_buf out, same;

	if (ztj_keyfile_parse(&kf, text) != ZTJ_OK)
		return;
	ztj_buf_init(&out, 16384);
	MUST(ztj_keyfile_format(&kf, 1, &out) == ZTJ_OK);
	MUST(ztj_keyfile_parse(&again, ztj_buf_view(&out)) == ZTJ_OK);
	ztj_buf_init(&same, 16384);
	MUST(ztj_keyfile_format(&again, 1, &same) == ZTJ_OK);
	MUST(ztj_view_eq(ztj_buf_view(&out), ztj_buf_view(&same)));
	ztj_buf_free(&same);
	ztj_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view in = ztj_view_of(data, size);
	struct ztj_buf text;

	parse(in);
	ztj_buf_init(&text, 65536);
	if (ztj_armor_put("OPENSSH PRIVATE KEY", in, &text) == ZTJ_OK)
		parse(ztj_buf_view(&text));
	ztj_buf_free(&text);
	return 0;
}
