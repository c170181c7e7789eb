/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * People and hosts who ask to be onboarded. Nothing here has authority: a registrar
 * compares the keys before a signature admits them. What is proved is possession of every key.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "ztjit-broker/audit.h"

#define PENDING_MAX 2000
#define PENDING_ADDRESS_MAX 64
#define PENDING_DAYS 7

/* S18: every key that would be admitted must have signed, and nobody else; a host's TLS key is proved by the connection. A
 * host that is admitted with another's TLS key takes that one's place away: a key of two is nobody's. */
static int proves_keys(const struct ztj_stmt *p, struct ztj_view tls)
{
	if (p->u.pending.host) {
		if (p->nsigners != 1 || !ztj_key_equal(&p->signer[0].key, &p->u.pending.machine))
			return ZTJ_SIGNER;
		if (!ztj_view_eq(tls, ztj_view_of(p->u.pending.tls.pub, p->u.pending.tls.pub_len)))
			return ZTJ_SIGNER;
		return ztj_key_equal(&p->u.pending.machine, &p->u.pending.tls) ? ZTJ_KEY_SHARED : ZTJ_OK;
	}
	if (p->nsigners != p->u.pending.nkeys)
		return ZTJ_SIGNER;
	for (size_t i = 0; i < p->u.pending.nkeys; i++) {
		bool signed_by = false;
		for (size_t j = 0; j < p->nsigners; j++)
			signed_by = signed_by || ztj_key_equal(&p->signer[j].key, &p->u.pending.key[i].key);
		if (!signed_by)
			return ZTJ_SIGNER;
	}
	return ZTJ_OK;
}

/* One customer has a whole /64 (as the frontend counts): its addresses are one place. */
static void place_of(const char *address, char out[INET6_ADDRSTRLEN])
{
	struct in6_addr a;
	(void)snprintf(out, INET6_ADDRSTRLEN, "%s", address);
	if (inet_pton(AF_INET6, address, &a) != 1 || IN6_IS_ADDR_V4MAPPED(&a))
		return;
	memset(a.s6_addr + 8, 0, 8);
	(void)inet_ntop(AF_INET6, &a, out, INET6_ADDRSTRLEN);
}

static int checks(struct store *st, const struct ask *a, const struct ztj_stmt *p, const char *place,
    int64_t now)
{
	int64_t all = 0, here = 0;
	int r = st_skew(p->issued, now);
	if (r == ZTJ_OK)
		r = proves_keys(p, a->tls);
	if (r == ZTJ_OK)
		r = db_pending_sweep(st->db, now - PENDING_DAYS * 86400);
	if (r == ZTJ_OK)
		r = db_pending_counts(st->db, place, &all, &here);
	if (r == ZTJ_OK && here >= PENDING_ADDRESS_MAX)
		r = ZTJ_RATE_LIMITED;
	/* W03: who fills it from a few places keeps nobody out, but loses his own. */
	if (r == ZTJ_OK && all >= PENDING_MAX)
		r = db_pending_make_room(st->db, here + 1);
	return r == ZTJ_NOT_FOUND ? ZTJ_RATE_LIMITED : r;
}

static void answer(struct store *st, const struct ask *a, const struct ztj_stmt *p, unsigned status)
{
	char hex[ZTJ_HEX_SIZE], short_id[ZTJ_SHORT_ID_SIZE];
	ztj_hex(p->id, ZTJ_DIGEST_LEN, hex);
	ztj_short_id(p->id, short_id);
	st_answer(st, a->tag, status, json_pack("{s:s, s:s}", "id", hex, "short", short_id));
}

void do_pending_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct ztj_stmt *p = NULL;
	char place[INET6_ADDRSTRLEN];
	struct ztj_signed s;
	struct ztj_rd rd;
	place_of(a->address, place);
	ztj_rd_init(&rd, a->container);
	int r = reserve_spent(st) ? ZTJ_NO_SPACE : ztj_signed_read(&rd, &s);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK)
		r = ztj_stmt_open(&s, ZTJ_STMT_PENDING, st->conf->domain, &p);
	if (r == ZTJ_OK && db_pending_has(st->db, p->id) == ZTJ_OK) {
		answer(st, a, p, 200);
		if (p->u.pending.has_proof)
			joins_offer(st, p->id);
		ztj_stmt_free(p);
		return;
	}
	if (r == ZTJ_OK)
		r = checks(st, a, p, place, now);
	if (r == ZTJ_OK) {
		struct db_pending_row row = { .host = p->u.pending.host,
			.name = p->u.pending.name,
			.address = place,
			.container = a->container };
		memcpy(row.id, p->id, sizeof(row.id));
		r = db_pending_add(st->db, &row, now);
	}
	if (p != NULL)
		say_pending(st, &(struct say_pending){ a, c, p, r == ZTJ_OK ? "asked" : "refused" }, r);
	if (r == ZTJ_OK) {
		answer(st, a, p, 201);
		if (p->u.pending.has_proof)
			joins_offer(st, p->id);
	} else {
		st_refuse(st, a->tag, r, NULL, NULL);
	}
	ztj_stmt_free(p);
}

static int append(struct ztj_view container, void *arg)
{
	json_t *one = st_container_json(container);
	if (one == NULL)
		return ZTJ_NOMEM;
	return json_array_append_new(arg, one) == 0 ? ZTJ_OK : ZTJ_NOMEM;
}

void do_pending_list(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	json_t *array = json_array();
	(void)c;
	(void)now;
	int r = array == NULL ? ZTJ_NOMEM : db_pending_each(st->db, a->hosts, append, array);
	if (r == ZTJ_OK) {
		st_answer(st, a->tag, 200, json_pack("{s:o}", "pending", array));
		return;
	}
	json_decref(array);
	st_refuse(st, a->tag, r, NULL, NULL);
}

void do_pending_delete(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	(void)now;
	int r = db_pending_delete(st->db, a->id);
	if (r == ZTJ_OK)
		say_pending(st, &(struct say_pending){ a, c, NULL, "removed" }, ZTJ_OK);
	if (r == ZTJ_OK)
		st_answer(st, a->tag, 200, json_object());
	else
		st_refuse(st, a->tag, r, NULL, NULL);
}
