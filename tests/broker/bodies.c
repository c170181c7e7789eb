/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Bodies of calls that have the right shape and say nothing that is true. */
#include <jansson.h>
#include <stdlib.h>

#include "tests/broker/bk.h"
#include "tests/core/support.h"

void bk_body(const struct bk *b, enum bk_kind kind, const struct fx_signed *req, struct ztj_buf *out)
{
	char hex[ZTJ_HEX_SIZE], key[ZTJ_KEY_TEXT_SIZE];
	struct ztj_buf text;
	json_t *o;
	char *dump;
	ztj_hex(req->id, ZTJ_DIGEST_LEN, hex);
	ztj_buf_init(&text, 65536);
	switch (kind) {
	case BK_STATEMENT:
		ok(ztj_signed_to_json(&req->s, out));
		break;
	case BK_CERTIFY:
		ok(ztj_key_to_text(&b->w.person[FX_REQ1].key.pub, key));
		ok(ztj_buf_printf(out, "{\"request\":\"%s\",\"key\":\"%s\"}", hex, key));
		break;
	case BK_DIRECTORY:
		ok(ztj_signed_to_json(&req->s, &text));
		ok(ztj_buf_printf(out, "{\"base\":1,\"statement\":%s,\"drop\":[],\"put\":[]}",
		    ztj_buf_str(&text)));
		break;
	case BK_SIGNATURE:
		ok(ztj_sshsig_armor(req->s.sig[0], &text));
		o = json_pack("{s:s}", "signature", ztj_buf_str(&text));
		dump = json_dumps(o, 0);
		ok(ztj_buf_puts(out, dump));
		free(dump);
		json_decref(o);
		break;
	case BK_SESSION:
		ok(ztj_buf_printf(out,
		    "{\"session\":\"%s\",\"grant\":\"%s\",\"person\":\"people/req1\",\"account\":\"root\","
		    "\"service\":\"sshd\",\"role\":\"root-shell\",\"peer\":\"192.0.2.1\",\"command\":null,\"tty\":true,"
		    "\"started\":\"2026-01-01T00:00:00Z\",\"ends\":\"2026-01-01T01:00:00Z\"}",
		    hex, hex));
		break;
	case BK_REPORT:
		ok(ztj_signed_to_json(&req->s, &text));
		ok(ztj_buf_put(out, text.p, text.n - 1));
		ok(ztj_buf_puts(out, ",\"report\":\"e30=\"}"));
		break;
	case BK_BYTES:
		ok(ztj_buf_puts(out, "ZTJK"));
		break;
	case BK_EMPTY:
		break;
	}
	ztj_buf_free(&text);
}
