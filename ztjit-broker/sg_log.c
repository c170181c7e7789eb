/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the signer knows of the audit log: the newest checkpoint it vouched for, in a file of its own. The store
 * signs checkpoints; what does not continue that one gets into no status, so a database of yesterday shows (G06).
 */
#include <stdio.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-broker/signer.h"

int sg_log_open(struct sg_log *l, const char *path, uid_t owner)
{
	const struct ztj_file_rule rule = { .owner = owner, .secret = true };
	struct ztj_buf text;
	memset(l, 0, sizeof(*l));
	(void)snprintf(l->path, sizeof(l->path), "%s", path);
	ztj_buf_init(&text, 256);
	int r = ztj_file_read(path, &rule, 255, &text);
	if (r == ZTJ_OK) {
		r = ztj_checkpoint_kept(ztj_buf_view(&text), &l->last);
		l->any = r == ZTJ_OK;
	} else if (r == ZTJ_NOT_FOUND) {
		r = ZTJ_OK;
	}
	ztj_buf_free(&text);
	return r;
}

static int keep(struct sg_log *l, const struct ztj_checkpoint *c)
{
	struct ztj_buf text;
	ztj_buf_init(&text, 256);
	int r = ztj_checkpoint_keep(c, &text);
	if (r == ZTJ_OK)
		r = ztj_file_write(l->path, ztj_buf_view(&text), 0600);
	if (r == ZTJ_OK) {
		l->last = *c;
		l->any = true;
	}
	ztj_buf_free(&text);
	return r;
}

int sg_log_take(struct sg_log *l, const struct ztj_policy *p, struct ztj_view note)
{
	struct ztj_checkpoint c;
	int r;
	if (note.n == 0)
		return ZTJ_NOT_FOUND;
	r = p == NULL ? ZTJ_NOT_READY
		      : ztj_checkpoint_open(note, p->domain, p->broker.log, p->broker.nlog, &c);
	if (r == ZTJ_OK && l->any)
		r = ztj_checkpoint_after(&l->last, &c);
	if (r == ZTJ_OK && (!l->any || c.size > l->last.size))
		r = keep(l, &c);
	if (r != l->said && r != ZTJ_OK && r != ZTJ_NOT_READY)
		ztj_log(ZTJ_LOG_ALARM, "no status vouches for the store's checkpoint of the audit log: %s",
		    ztj_err_text(r));
	l->said = r;
	return r;
}
