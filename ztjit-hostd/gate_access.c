/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Who has what until when on this host, for local root: every grant held here, as it stands now. Nothing is decided
 * here; a use is judged anew whenever it happens.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ztjit-hostd/gate.h"

#define LOOK_AT 512          /* grants that are judged: the newest */
#define BUDGET (96u * 1024u) /* bytes of the answer */
#define LIST_MAX 16

struct access {
	struct ztj_gate *g;
	int64_t now;
	json_t *runs, *to_come, *over;
	struct ztj_grant grant;
};

static void set_time(json_t *o, const char *name, int64_t t)
{
	char text[ZTJ_TIME_SIZE];

	(void)json_object_set_new(o, name,
	    t > 0 && ztj_time_format(t, text) == ZTJ_OK ? json_string(text) : json_null());
}

/* "self" is the person's own account. */
static json_t *accounts(const struct ztj_strs *l, const char *who)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n && i < LIST_MAX; i++)
		(void)json_array_append_new(list,
		    json_string(strcmp(l->s[i], "self") == 0 ? ztj_fullname_tail(who) : l->s[i]));
	return list;
}

static json_t *approvers(const struct ztj_grant *gr)
{
	json_t *list = json_array();

	for (size_t i = 0; i < gr->napprovers && i < LIST_MAX; i++)
		(void)json_array_append_new(list, json_string(gr->approver[i]));
	return list;
}

static json_t *describe(const struct ztj_store_grant *held, const struct ztj_bundle *b,
    const struct ztj_grant *gr)
{
	static const struct ztj_strs none = { 0, NULL };
	char id[ZTJ_SHORT_ID_SIZE], hex[ZTJ_HEX_SIZE];
	int64_t starts = gr->starts, ends = gr->ends;
	json_t *o = json_object();

	/* what an admitted use has fixed here only ever shortens */
	if (held->window.set) {
		starts = starts < held->window.starts ? held->window.starts : starts;
		ends = ends == 0 || ends > held->window.ends ? held->window.ends : ends;
	}
	ztj_short_id(held->id, id);
	ztj_hex(held->id, ZTJ_DIGEST_LEN, hex);
	(void)json_object_set_new(o, "grant", json_string(id));
	(void)json_object_set_new(o, "id", json_string(hex));
	(void)json_object_set_new(o, "person", json_string(held->who));
	(void)json_object_set_new(o, "role", json_string(held->role));
	(void)json_object_set_new(o, "state", json_string(ztj_grant_state_name(gr->state)));
	(void)json_object_set_new(o, "login",
	    accounts(gr->role != NULL ? &gr->role->login : &none, held->who));
	(void)json_object_set_new(o, "become",
	    accounts(gr->role != NULL ? &gr->role->become : &none, held->who));
	(void)json_object_set_new(o, "groups",
	    accounts(gr->role != NULL ? &gr->role->groups : &none, held->who));
	(void)json_object_set_new(o, "rule", gr->rule != NULL ? json_string(gr->rule->name) : json_null());
	(void)json_object_set_new(o, "approved_by", approvers(gr));
	(void)json_object_set_new(o, "ticket", json_string(b->request->u.request.ticket));
	(void)json_object_set_new(o, "break_glass", json_boolean(b->request->u.request.break_glass));
	(void)json_object_set_new(o, "used", json_boolean(held->window.set));
	set_time(o, "starts", starts);
	set_time(o, "ends", ends);
	return o;
}

/* Where it belongs; what never was anything, or is not yet, is left out. */
static json_t *list_for(const struct access *a, const struct ztj_store_grant *held)
{
	switch (a->grant.state) {
	case ZTJ_GRANT_ACTIVE:
		return held->window.set && held->window.ends <= a->now ? a->over : a->runs;
	case ZTJ_GRANT_APPROVED:
		return a->to_come;
	case ZTJ_GRANT_ENDED:
	case ZTJ_GRANT_REVOKED:
		return a->over;
	case ZTJ_GRANT_CANCELLED:
	case ZTJ_GRANT_DENIED:
		return held->window.set ? a->over : NULL;
	case ZTJ_GRANT_INVALID:
	case ZTJ_GRANT_PENDING:
	case ZTJ_GRANT_EXPIRED:
	default:
		return NULL;
	}
}

static void look(struct access *a, size_t at)
{
	const struct ztj_bundle *b;
	struct ztj_store_grant held;
	json_t *list;

	ztj_store_at(a->g->store, at, &held);
	if (ztj_store_bundle(a->g->store, held.id, &b) != ZTJ_OK)
		return;
	ztj_grant_eval(a->g->trust, b, a->now, &a->grant);
	list = list_for(a, &held);
	if (list != NULL)
		(void)json_array_append_new(list, describe(&held, b, &a->grant));
}

struct order {
	size_t at;
	int64_t issued;
};

static int newest_first(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	return (x->issued < y->issued) - (x->issued > y->issued);
}

static bool look_at_all(struct access *a)
{
	size_t n = ztj_store_count(a->g->store);
	struct order *all = calloc(n + 1, sizeof(*all));
	struct ztj_store_grant held;

	if (all == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		ztj_store_at(a->g->store, i, &held);
		all[i] = (struct order){ i, held.issued };
	}
	qsort(all, n, sizeof(*all), newest_first);
	for (size_t i = 0; i < n && i < LOOK_AT; i++)
		look(a, all[i].at);
	free(all);
	return true;
}

/* As many as fit; the rest is counted. */
static void move(json_t *to, json_t *from, size_t *room, size_t *left_out)
{
	size_t i;
	json_t *o;

	json_array_foreach(from, i, o)
	{
		size_t n = json_dumpb(o, NULL, 0, JSON_COMPACT) + 1;
		if (n > *room) {
			(*left_out)++;
			continue;
		}
		*room -= n;
		(void)json_array_append(to, o);
	}
	json_decref(from);
}

json_t *ztj_gate_access(struct ztj_gate *g, size_t *left_out)
{
	struct access *a = calloc(1, sizeof(*a));
	json_t *list = json_array();
	size_t room = BUDGET, held = ztj_store_count(g->store);

	*left_out = held > LOOK_AT ? held - LOOK_AT : 0;
	if (a == NULL || list == NULL) {
		*left_out = held;
		free(a);
		return list;
	}
	*a = (struct access){ .g = g,
		.now = ztj_gate_ends_clock(g),
		.runs = json_array(),
		.to_come = json_array(),
		.over = json_array() };
	if (!look_at_all(a))
		*left_out = held;
	move(list, a->runs, &room, left_out);
	move(list, a->to_come, &room, left_out);
	move(list, a->over, &room, left_out);
	free(a);
	return list;
}
