/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Those who ask to be onboarded. */
#include "ztjit/pending.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/core/hostproof.h"
#include "ztjit/api.h"
#include "ztjit/dirjson.h"
#include "ztjit/out.h"

static int open_one(struct cli *c, const json_t *container, bool host, struct pending *p)
{
	struct ztj_signed s;
	int r;

	ztj_buf_init(&p->mem, 256 * 1024);
	r = ztj_signed_from_value(container, &p->mem, &s);
	if (r == ZTJ_OK)
		r = ztj_stmt_open(&s, ZTJ_STMT_PENDING, c->pins.domain, &p->st);
	if (r == ZTJ_OK && p->st->u.pending.host != host)
		r = ZTJ_STMT_TYPE;
	if (r == ZTJ_OK && p->st->issued > cli_now() + ZTJ_CLOCK_SKEW)
		r = ZTJ_FUTURE;
	if (r == ZTJ_OK && host) {
		const struct ztj_host_id who = ztj_host_id_pending(p->st);

		r = ztj_host_digest(&who, p->digest);
	}
	if (r == ZTJ_OK)
		ztj_hex(p->st->id, ZTJ_DIGEST_LEN, p->id);
	return r;
}

int pending_list(struct cli *c, bool host, struct pendings *out)
{
	json_t *o = NULL, *list, *e;
	size_t i;
	int r = api_call(c, "GET", host ? "/v1/pending?kind=host" : "/v1/pending?kind=user", NULL, &o);

	*out = (struct pendings){ .n = 0 };
	if (r != ZTJ_OK)
		return r;
	list = json_object_get(o, "pending");
	if ((out->p = calloc(json_array_size(list) + 1, sizeof *out->p)) == NULL)
		r = ZTJ_NOMEM;
	json_array_foreach(list, i, e)
	{
		int bad;

		if (r != ZTJ_OK)
			break;
		if ((bad = open_one(c, e, host, &out->p[out->n])) == ZTJ_OK) {
			out->n++;
			continue;
		}
		out_warn(c, "the broker shows a pending entry that does not verify: %s", ztj_err_text(bad));
		ztj_stmt_free(out->p[out->n].st);
		ztj_buf_free(&out->p[out->n].mem);
		out->p[out->n] = (struct pending){ .st = NULL };
	}
	json_decref(o);
	return r;
}

void pending_free(struct pendings *l)
{
	for (size_t i = 0; i < l->n; i++) {
		ztj_stmt_free(l->p[i].st);
		ztj_buf_free(&l->p[i].mem);
	}
	free(l->p);
	*l = (struct pendings){ .n = 0 };
}

int pending_find(struct cli *c, const struct pendings *l, const char *name, const struct pending **out)
{
	const struct pending *found = NULL;
	size_t n = 0;

	*out = NULL;
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->p[i].id, name) == 0) {
			*out = &l->p[i];
			return ZTJ_OK;
		}
		if (strcmp(l->p[i].st->u.pending.name, name) == 0) {
			found = &l->p[i];
			n++;
		}
	}
	if (n > 1) {
		for (size_t i = 0; i < l->n; i++)
			if (strcmp(l->p[i].st->u.pending.name, name) == 0)
				out_note(c, "  %s asked %s: %s", name, out_time(c, l->p[i].st->issued),
				    l->p[i].id);
		cli_hint(c, "the same command with the long id of the right one");
		return cli_fail(c, ZTJ_AMBIGUOUS,
		    "%zu entries call themselves %s; somebody may be pretending", n, cli_esc(c, name));
	}
	if (found == NULL)
		return cli_fail(c, ZTJ_NOT_FOUND, "nobody called %s asks to be admitted", cli_esc(c, name));
	*out = found;
	return ZTJ_OK;
}

bool pending_same(const struct pending *a, const struct pending *b)
{
	return strcmp(a->st->u.pending.name, b->st->u.pending.name) == 0 &&
	    memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

int pending_hosts(struct cli *c, const struct pendings *l, const char *name, const struct pending **out,
    size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < l->n; i++) {
		const struct pending *p = &l->p[i];
		size_t k = 0;

		if (strcmp(p->id, name) == 0) {
			out[0] = p;
			*n = 1;
			return ZTJ_OK;
		}
		if (strcmp(p->st->u.pending.name, name) != 0)
			continue;
		while (k < *n && !pending_same(out[k], p))
			k++;
		if (k == *n)
			out[(*n)++] = p;
		else if (p->st->issued >= out[k]->st->issued)
			out[k] = p;
	}
	return *n > 0 ? ZTJ_OK
		      : cli_fail(c, ZTJ_NOT_FOUND, "no host called %s asks to be admitted", cli_esc(c, name));
}

void pending_done(struct cli *c, const struct pending *p)
{
	char path[128];

	(void)snprintf(path, sizeof path, "/v1/pending/%s", p->id);
	if (api_call(c, "DELETE", path, NULL, NULL) != ZTJ_OK) {
		cli_forget(c);
		out_warn(c, "the pending entry of %s stays with the broker",
		    cli_esc(c, p->st->u.pending.name));
	}
}

void pending_done_host(struct cli *c, const struct pendings *l, const struct pending *p)
{
	for (size_t i = 0; i < l->n; i++)
		if (pending_same(&l->p[i], p))
			pending_done(c, &l->p[i]);
}
