/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The head of a record (PROTOCOL section 1), of typed fields, signed with the machine key. */
#include <stdlib.h>
#include <string.h>

#include "ztjit-hostd/gate.h"

int ztj_head_sign(struct ztj_gate *g, const uint8_t name[ZTJ_DIGEST_LEN], const struct ztj_recmark *m,
    struct ztj_buf *json)
{
	struct ztj_stmt *st = calloc(1, sizeof(*st));
	struct ztj_signed s = { .nsigs = 1 };
	struct ztj_buf bytes, sig;
	struct ztj_now now;
	int r = st == NULL ? ZTJ_NOMEM : ZTJ_OK;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_gate_now(g, &now);
	if (r == ZTJ_OK) {
		st->type = ZTJ_STMT_HEAD;
		st->domain = g->pins.domain;
		st->issued = now.sys;
		st->u.head.host = g->conf->fullname;
		memcpy(st->u.head.session, name, ZTJ_DIGEST_LEN);
		st->u.head.chunks = (int64_t)m->chunks;
		st->u.head.bytes = (int64_t)m->bytes;
		memcpy(st->u.head.digest, m->digest, ZTJ_DIGEST_LEN);
		st->u.head.state = m->state == ZTJ_RECORD_OPEN ? ZTJ_HEAD_OPEN
		    : m->state == ZTJ_RECORD_CLOSED            ? ZTJ_HEAD_CLOSED
							       : ZTJ_HEAD_LOST;
		r = ztj_stmt_build(st, NULL, &bytes);
	}
	if (r == ZTJ_OK)
		r = ztj_sshsig_sign(&g->machine, ztj_stmt_namespace(ZTJ_STMT_HEAD), ztj_buf_view(&bytes),
		    &sig);
	s.bytes = ztj_buf_view(&bytes);
	s.sig[0] = ztj_buf_view(&sig);
	if (r == ZTJ_OK)
		r = ztj_signed_to_json(&s, json);
	free(st);
	ztj_buf_free(&bytes);
	ztj_buf_free(&sig);
	return r;
}
