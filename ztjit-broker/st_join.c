/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Hosts that the broker admits by itself: the entries that prove a token go to the signer, one at a time, since each
 * of its answers is a directory that goes on from the one before. The signer judges; what it makes is judged here like any
 * registrar's update.
 */
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/audit.h"

#define AGAIN_MAX 4

static void next(struct store *st)
{
	struct ztj_buf container, msg;
	while (!st->joins.busy && st->joins.n > 0) {
		memcpy(st->joins.now, st->joins.waiting[0], ZTJ_DIGEST_LEN);
		st->joins.n--;
		memmove(st->joins.waiting[0], st->joins.waiting[1], st->joins.n * ZTJ_DIGEST_LEN);
		ztj_buf_init(&container, PROTO_CONTAINER_MAX);
		ztj_buf_init(&msg, 2 * PROTO_CONTAINER_MAX);
		/* it may be gone meanwhile */
		int r = db_pending_get(st->db, st->joins.now, &container);
		ztj_buf_put_u32(&msg, ++st->joins.tag);
		ztj_buf_put_view(&msg, ztj_buf_view(&container));
		if (r == ZTJ_OK && ztj_buf_status(&msg) == ZTJ_OK) {
			st->joins.busy = true;
			st_send(st, st->signer, SGN_JOIN, ztj_buf_view(&msg));
		}
		ztj_buf_free(&container);
		ztj_buf_free(&msg);
	}
}

void joins_offer(struct store *st, const uint8_t id[ZTJ_DIGEST_LEN])
{
	if (st->conf->auto_join[0] == '\0' || ztj_policy_auto_join(ztj_trust_held_policy(st->trust)) == NULL)
		return;
	for (size_t i = 0; i < st->joins.n; i++)
		if (memcmp(st->joins.waiting[i], id, ZTJ_DIGEST_LEN) == 0)
			return;
	/* who finds no place is pending all the same, and may ask again */
	if (st->joins.n == JOINS_MAX || (st->joins.busy && memcmp(st->joins.now, id, ZTJ_DIGEST_LEN) == 0))
		return;
	memcpy(st->joins.waiting[st->joins.n++], id, ZTJ_DIGEST_LEN);
	next(st);
}

/* The question never left: whoever waits for its answer waits for ever. */
void joins_lost(struct store *st)
{
	st->joins.busy = false;
	if (st->joins.n < JOINS_MAX)
		memcpy(st->joins.waiting[st->joins.n++], st->joins.now, ZTJ_DIGEST_LEN);
}

void joins_go_on(struct store *st)
{
	next(st);
}

static int take(struct store *st, const struct joined *j)
{
	struct ask a = { .op = OP_DIRECTORY_PUT, .number = j->base, .container = j->container };
	char hex[ZTJ_HEX_SIZE];
	struct ztj_buf put;
	if (reserve_spent(st))
		return ZTJ_NO_SPACE;
	memcpy(a.name, j->name, sizeof(a.name));
	ztj_buf_init(&put, ZTJ_RECORD_MAX + 4);
	int r = ztj_buf_put_view(&put, j->record);
	a.put = (struct proto_list){ .n = 1, .raw = ztj_buf_view(&put) };
	if (r == ZTJ_OK)
		r = directory_take(st, &a, st_now());
	ztj_hex(st->joins.now, ZTJ_DIGEST_LEN, hex);
	if (r == ZTJ_OK)
		r = db_pending_delete(st->db, hex);
	ztj_buf_free(&put);
	return r;
}

/* Whoever holds the entry may ask again as often as they like: counted with the refusals of nobody known. */
static void say_not_joined(struct store *st, const char *hex, int r)
{
	const struct caller nobody = { .kind = CALLER_ANONYMOUS };
	struct ask a = { .op = OP_PENDING_PUT };
	memcpy(a.id, hex, ZTJ_HEX_SIZE);
	say_pending(st, &(struct say_pending){ &a, &nobody, NULL, "refused" }, r);
}

int joins_done(struct store *st, struct ztj_view body)
{
	char hex[ZTJ_HEX_SIZE];
	struct joined j;
	int r = joined_read(body, &j);
	if (r != ZTJ_OK)
		return r;
	if (!st->joins.busy || j.tag != st->joins.tag)
		return ZTJ_PROTOCOL;
	st->joins.busy = false;
	r = j.code == ZTJ_OK ? take(st, &j) : j.code;
	/* a registrar was faster: once more, from there; not for ever, should the signer lag behind */
	st->joins.again = r == ZTJ_STATE ? st->joins.again + 1 : 0;
	if (r == ZTJ_STATE && st->joins.again < AGAIN_MAX && st->joins.n < JOINS_MAX) {
		memcpy(st->joins.waiting[st->joins.n++], st->joins.now, ZTJ_DIGEST_LEN);
	} else if (r != ZTJ_OK) {
		ztj_hex(st->joins.now, ZTJ_DIGEST_LEN, hex);
		ztj_log(ZTJ_LOG_WARN, "pending entry %s is not admitted without a registrar: %s", hex,
		    ztj_err_text(r));
		say_not_joined(st, hex, r);
	}
	next(st);
	return ZTJ_OK;
}
