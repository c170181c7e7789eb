/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Private to the store: its memory, and its files. */
#ifndef ZTJ_HOSTD_STOREFILE_H
#define ZTJ_HOSTD_STOREFILE_H

#include "ztjit-hostd/store.h"

struct ztj_entry {
	uint8_t id[ZTJ_DIGEST_LEN], follows[ZTJ_DIGEST_LEN];
	bool has_follows;
	char who[ZTJ_FULLNAME_SIZE], role[ZTJ_NAME_SIZE];
	int64_t issued, last; /* last: no use of it can end later */
	struct ztj_window window;
	size_t n;
	struct ztj_buf raw[ZTJ_STORE_STMTS_MAX]; /* signed containers, the request first */
	struct ztj_bundle *bundle;               /* built when asked for */
};

struct ztj_store {
	char *dir, *domain, *host;
	struct ztj_sigcache *cache;
	size_t reserve;
	bool in_use; /* what is written now is for a use, not for news: the reserve may be spent */
	size_t n;
	struct ztj_entry **entry;
};

struct ztj_entry *ztj_store_entry(const struct ztj_store *s, const uint8_t id[ZTJ_DIGEST_LEN]);
int ztj_store_take(struct ztj_store *s, const struct ztj_signed *raw, bool save, bool *changed,
    uint8_t request[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;

/* DIR/grants/HEX: "ZTJG1" and containers; DIR/windows/HEX: "ztjit-window 1 STARTS ENDS\n". */
int ztj_store_save(const struct ztj_store *s, const struct ztj_entry *e) ZTJ_MUST_CHECK;
int ztj_store_save_window(const struct ztj_store *s, const uint8_t id[ZTJ_DIGEST_LEN], const struct ztj_window *w) ZTJ_MUST_CHECK;
/* Sets e->window from its file; one that is there but cannot be read counts as ended. */
void ztj_store_load_window(const struct ztj_store *s, struct ztj_entry *e);
void ztj_store_remove_files(const struct ztj_store *s, const uint8_t id[ZTJ_DIGEST_LEN]);
/* "ztjit-window 1 …"; ZTJ_BAD_ENCODING. */
int ztj_window_parse(struct ztj_view text, struct ztj_window *out) ZTJ_MUST_CHECK;

#endif
