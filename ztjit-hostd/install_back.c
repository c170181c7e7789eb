/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What uninstalling changes: everything in force, from the newest transaction to the oldest,
 * back to what the oldest found.
 */
#include <stdio.h>
#include <string.h>

#include "ztjit-hostd/install_int.h"

static struct ztj_inst_item *find(struct ztj_inst_plan *p, const struct ztj_inst_item *like)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].kind == like->kind && strcmp(p->item[i].name, like->name) == 0)
			return &p->item[i];
	return NULL;
}

/* Is it still as we left it? */
static int untouched(const struct ztj_inst_item *now, const struct ztj_inst_item *ours, bool *same)
{
	const struct ztj_inst_file *a = &now->before, *b = &ours->after;
	uint8_t sha[ZTJ_DIGEST_LEN];
	int r = ZTJ_OK;

	*same = a->exists == b->exists;
	if (!a->exists || !*same)
		return ZTJ_OK;
	*same = a->mode == b->mode && a->uid == b->uid && a->gid == b->gid;
	if (*same && ours->kind == ZTJ_INST_FILE) {
		r = ztj_sha256(ztj_buf_view(&a->data), sha);
		*same = r == ZTJ_OK && memcmp(sha, ours->after_sha, sizeof(sha)) == 0;
	}
	return r;
}

static int now_of(struct ztj_inst *in, struct ztj_inst_item *it)
{
	int r = ZTJ_OK;

	switch (it->kind) {
	case ZTJ_INST_FILE:
		r = ztj_inst_file_read(in, it->name, &it->before);
		break;
	case ZTJ_INST_PERM:
		r = ztj_inst_file_stat(in, it->name, &it->before);
		break;
	case ZTJ_INST_SHELL:
		r = ztj_inst_shell_now(in, it->name, it->was);
		return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
	case ZTJ_INST_UNIT:
		if (ztj_inst_has_systemd(in))
			ztj_inst_unit_now(it->name, it->was);
		break;
	}
	it->before.times = true;
	return r;
}

/* The first time a thing is met it is in its newest form: what is there now must be that. */
static int meet(struct ztj_inst *in, struct ztj_inst_plan *p, const struct ztj_inst_item *ours,
    unsigned *changed)
{
	struct ztj_inst_item *it = ztj_inst_plan_add(p, ours->kind, ours->name);
	bool same = true;
	int r = it == NULL ? ZTJ_LIMIT : now_of(in, it);

	if (r != ZTJ_OK)
		return r;
	if (it->kind == ZTJ_INST_FILE || it->kind == ZTJ_INST_PERM)
		r = untouched(it, ours, &same);
	if (!same) {
		(*changed)++;
		(void)printf("%s was changed by somebody else since it was installed\n", it->name);
	}
	/* A shell that somebody chose since, or of an account that is gone, stays; so does what has no systemd now. */
	if (it->kind == ZTJ_INST_SHELL && strcmp(it->was, ours->be) != 0)
		(void)snprintf(it->be, sizeof(it->be), "%s", it->was);
	return r;
}

static int back_to(struct ztj_inst_item *it, const struct ztj_inst_item *ours)
{
	bool stays = it->kind == ZTJ_INST_SHELL && it->be[0] != '\0' && strcmp(it->be, it->was) == 0;

	if (it->kind == ZTJ_INST_FILE || it->kind == ZTJ_INST_PERM)
		return ztj_inst_file_copy(&ours->before, &it->after);
	if (!stays)
		(void)snprintf(it->be, sizeof(it->be), "%s", it->was[0] == '\0' ? "" : ours->was);
	return ZTJ_OK;
}

static int take_back(struct ztj_inst *in, unsigned no, struct ztj_inst_plan *p, unsigned *changed)
{
	struct ztj_inst_plan *ours = ztj_inst_plan_new();
	int r = ours == NULL ? ZTJ_NOMEM : ztj_inst_tx_load(in, no, ours);

	if (r == ZTJ_OK && ours->uninstall)
		r = ZTJ_NOT_FOUND; /* what is older is undone already */
	for (size_t i = ours != NULL ? ours->n : 0; r == ZTJ_OK && i-- > 0;) {
		struct ztj_inst_item *it = find(p, &ours->item[i]);
		if (it == NULL) {
			r = meet(in, p, &ours->item[i], changed);
			it = find(p, &ours->item[i]);
		}
		if (r == ZTJ_OK)
			r = it == NULL ? ZTJ_INTERNAL : back_to(it, &ours->item[i]);
	}
	ztj_inst_plan_free(ours);
	return r;
}

static bool needless(const struct ztj_inst_item *it)
{
	if (it->kind == ZTJ_INST_SHELL || it->kind == ZTJ_INST_UNIT)
		return strcmp(it->was, it->be) == 0;
	return (it->kind == ZTJ_INST_PERM && !it->before.exists) ||
	    ztj_inst_file_same(&it->before, &it->after);
}

/* Keeps the order. */
static void drop_needless(struct ztj_inst_plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct ztj_inst_item *it = &p->item[i];
		if (!needless(it)) {
			if (n != i)
				p->item[n] = *it;
			n++;
			continue;
		}
		ztj_inst_file_free(&it->before);
		ztj_inst_file_free(&it->after);
	}
	p->n = n;
}

int ztj_inst_plan_uninstall(struct ztj_inst *in, struct ztj_inst_plan *p, unsigned *changed)
{
	struct ztj_inst_tx tx;
	int r = ztj_inst_tx_last(in, &tx);
	unsigned last = tx.no;

	*changed = 0;
	p->uninstall = true;
	if (r == ZTJ_NOT_FOUND)
		return ZTJ_OK;
	for (unsigned no = last; r == ZTJ_OK && no > 0; no--) {
		r = ztj_inst_tx_read(in, no, &tx);
		if (r == ZTJ_OK && tx.state == ZTJ_INST_KEPT)
			r = take_back(in, no, p, changed);
	}
	if (r == ZTJ_NOT_FOUND && in->err[0] == '\0')
		r = ZTJ_OK;
	drop_needless(p);
	return r;
}
