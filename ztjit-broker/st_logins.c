/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Logins by TLS key. */
#include <stdlib.h>
#include <string.h>

#include "ztjit-broker/store.h"

#define BUCKETS 4096u

struct login {
	struct ztj_stmt *st;
	struct login *next;
};
struct logins {
	struct login *bucket[BUCKETS];
};

int logins_new(struct logins **out)
{
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? ZTJ_NOMEM : ZTJ_OK;
}

/* TLS keys are chosen by callers, but only after a FIDO2 signature each, so flooding one bucket costs
 * touches; the first bytes do. */
static struct login **bucket_of(struct logins *l, const uint8_t *tls)
{
	return &l->bucket[((unsigned)tls[0] << 8 | tls[1]) % BUCKETS];
}

static void drop(struct login **at)
{
	struct login *gone = *at;
	*at = gone->next;
	ztj_stmt_free(gone->st);
	free(gone);
}

void logins_clear(struct logins *l)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (l->bucket[i] != NULL)
			drop(&l->bucket[i]);
}

void logins_free(struct logins *l)
{
	if (l == NULL)
		return;
	logins_clear(l);
	free(l);
}

int logins_put(struct logins *l, struct ztj_stmt *st)
{
	struct login *new = calloc(1, sizeof(*new));
	if (new == NULL) {
		ztj_stmt_free(st);
		return ZTJ_NOMEM;
	}
	struct login **at = bucket_of(l, st->u.login.key.pub);
	for (struct login **p = at; *p != NULL; p = &(*p)->next) {
		if (!ztj_key_equal(&(*p)->st->u.login.key, &st->u.login.key))
			continue;
		drop(p);
		break;
	}
	new->st = st;
	new->next = *at;
	*at = new;
	return ZTJ_OK;
}

const struct ztj_stmt *logins_find(const struct logins *l, struct ztj_view tls)
{
	if (tls.n != PROTO_TLS_LEN)
		return NULL;
	const struct login *e = l->bucket[((unsigned)tls.p[0] << 8 | tls.p[1]) % BUCKETS];
	for (; e != NULL; e = e->next)
		if (ztj_view_eq(ztj_view_of(e->st->u.login.key.pub, e->st->u.login.key.pub_len), tls))
			return e->st;
	return NULL;
}

void logins_sweep(struct logins *l, int64_t now)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct login **p = &l->bucket[i];
		while (*p != NULL) {
			if ((*p)->st->u.login.expires <= now)
				drop(p);
			else
				p = &(*p)->next;
		}
	}
}

size_t logins_count(const struct logins *l, const char *who)
{
	size_t n = 0;
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct login *e = l->bucket[i]; e != NULL; e = e->next)
			n += strcmp(e->st->u.login.who, who) == 0;
	return n;
}
