/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The grants this host has heard of: requests that name it, with their
 * approvals, on disk, and the window each was first used in. Statements are kept
 * as received; nothing here decides.
 */
#ifndef ZTJ_HOSTD_STORE_H
#define ZTJ_HOSTD_STORE_H

#include "libztjit/core/decide.h"

#define ZTJ_STORE_GRANTS_MAX 4096
#define ZTJ_STORE_PERSON_MAX 1024 /* of them; nobody's requests keep out everybody else's */
/* Of one request: one more than a bundle may hold, so that a grant whose place is full can no longer be judged, and is
 * denied. Were it fewer, a flood of approvals that do not count could keep out the denial that does. */
#define ZTJ_STORE_STMTS_MAX (ZTJ_BUNDLE_STMTS_MAX + 1)

struct ztj_store;
struct ztj_store_conf {
	const char *dir;            /* ours; grants/ and windows/ are made inside */
	const char *domain, *host;  /* full name of this host */
	struct ztj_sigcache *cache; /* may be NULL */
	size_t reserve;             /* bytes of disk kept for uses of grants when it is full; 0: none */
};
/* Reads back what is there; a file that does not verify is left alone and counted in *bad. */
int ztj_store_open(const struct ztj_store_conf *conf, struct ztj_store **out, size_t *bad) ZTJ_MUST_CHECK;
void ztj_store_close(struct ztj_store *s);

/* A request or approval. WRONG_HOST: not for this host; WRONG_REQUEST: an approval of a request not known here; LIMIT:
 * full. Durable when it returns ZTJ_OK. request: which grant it belongs to. */
int ztj_store_add(struct ztj_store *s, const struct ztj_signed *st, bool *changed,
    uint8_t request[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
/* Every statement of a bundle that belongs here. */
int ztj_store_add_bundle(struct ztj_store *s, const struct ztj_bundle *b, bool *changed) ZTJ_MUST_CHECK;

/* One grant as a view; valid until the store changes. */
struct ztj_store_grant {
	const uint8_t *id;
	const char *who, *role;
	int64_t issued;
	bool has_follows;
	const uint8_t *follows;
	struct ztj_window window;
};
size_t ztj_store_count(const struct ztj_store *s);
void ztj_store_at(const struct ztj_store *s, size_t i, struct ztj_store_grant *out);
bool ztj_store_find(const struct ztj_store *s, const uint8_t id[ZTJ_DIGEST_LEN], struct ztj_store_grant *out);

/* Everything known about a request and those it follows, as a bundle owned by the store (until the grant changes). */
int ztj_store_bundle(struct ztj_store *s, const uint8_t id[ZTJ_DIGEST_LEN], const struct ztj_bundle **out) ZTJ_MUST_CHECK;
/* The same together with what another bundle for that request holds; owned by the caller. A shorter limit or a denial that
 * either of them holds is in it (S15). */
int ztj_store_merge(struct ztj_store *s, const struct ztj_bundle *with, struct ztj_bundle **out) ZTJ_MUST_CHECK;

/* The window of an admitted use, durable; only ever shortens. Of a grant that is not in the store: NOT_FOUND. */
int ztj_store_shorten(struct ztj_store *s, const uint8_t id[ZTJ_DIGEST_LEN], int64_t starts, int64_t ends) ZTJ_MUST_CHECK;
/* Takes the reserve anew if it was spent and there is room again. */
void ztj_store_restock(const struct ztj_store *s);
/* Forgets grants that can no longer be used, a day after their last possible end. */
void ztj_store_sweep(struct ztj_store *s, int64_t now);

#endif
