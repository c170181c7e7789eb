/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Heads: when the gate is asked to sign for a record, and what it said. */
#include "libztjit/sys/log.h"
#include "ztjit-hostd/scribe.h"

static bool head_wanted(const struct ztj_recording *r)
{
	const struct ztj_shipping *sh = &r->ship;

	if (sh->signing || r->unchecked ||
	    (r->chain.chunks == sh->headed.chunks && r->state == sh->headed_state))
		return false;
	return r->state != ZTJ_RECORD_OPEN || r->chain.chunks > sh->headed.chunks;
}

void ztj_head_review(struct ztj_recording *r, int64_t now)
{
	struct ztj_shipping *sh = &r->ship;
	bool final = r->state != ZTJ_RECORD_OPEN;
	int64_t at = sh->headed_at + (final && !sh->refused ? 0 : r->s->env.head_ms);
	int e;

	if (!head_wanted(r))
		return;
	if (now < at) {
		ztj_scribe_due(r->s, at);
		return;
	}
	e = ztj_recording_sync(r);
	if (e != ZTJ_OK) {
		if (r->live != NULL)
			ztj_recording_lose(r, e, ztj_err_text(e));
		return;
	}
	sh->headed_at = now;
	ztj_gate_head(r);
}

/*
 * So that a restart sees when what was signed is not there any more, and need not ask again for the last one. Only that one is kept
 * as a file: one that says the record is open may have been asked for before the end, and must not stand beside the place of the last.
 */
static int note_head(struct ztj_recording *r, const struct ztj_place *p)
{
	char name[ZTJ_HEX_SIZE];
	struct ztj_recfile f;
	int e;

	if (r->live != NULL)
		return ztj_recfile_put(&r->live->file, ZTJ_SLOT_HEAD, p);
	if (p->state == ZTJ_RECORD_OPEN)
		return ZTJ_OK;
	ztj_recording_name(r, name);
	e = ztj_recfile_open(r->s->dir, name, &f);
	if (e != ZTJ_OK)
		return e;
	e = ztj_recfile_put(&f, ZTJ_SLOT_HEAD, p);
	ztj_recfile_close(&f);
	return e == ZTJ_OK ? ztj_meta_head_write(r->s, name, ztj_buf_view(&r->ship.head)) : e;
}

void ztj_head_signed(struct ztj_recording *r, int code, struct ztj_view json)
{
	struct ztj_shipping *sh = &r->ship;
	struct ztj_place p = { .state = sh->asked_state, .chain = sh->asked };
	char name[ZTJ_HEX_SIZE];

	sh->signing = false;
	sh->refused = code != ZTJ_OK;
	ztj_scribe_due(r->s, r->s->env.now());
	if (code != ZTJ_OK) {
		ztj_recording_name(r, name);
		ztj_log(ZTJ_LOG_WARN, "no head for record %s: %s", name, ztj_err_text(code));
		sh->disowned = code == ZTJ_NOT_FOUND;
		return;
	}
	/* The newest counts; one that is on its way is done with when the broker answers. */
	ztj_buf_reset(&sh->head);
	if (ztj_buf_put(&sh->head, json.p, json.n) != ZTJ_OK) {
		ztj_buf_free(&sh->head);
		sh->refused = true;
		return;
	}
	sh->headed = sh->asked;
	sh->headed_state = sh->asked_state;
	if (note_head(r, &p) != ZTJ_OK)
		ztj_log(ZTJ_LOG_WARN, "where a head stands could not be noted");
}
