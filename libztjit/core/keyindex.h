/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Which record of a directory has this key: a table with open addressing that carries the hashes, so
 * that copying, growing and removing never touch the records. Internal to core.
 */
#ifndef ZTJ_CORE_KEYINDEX_H
#define ZTJ_CORE_KEYINDEX_H

#include "libztjit/core/directory.h"

struct ztj_keyslot {
	uint64_t hash;
	struct ztj_record *r; /* NULL: free */
};
struct ztj_keyindex {
	struct ztj_keyslot *slot;
	size_t size, used;    /* size is a power of two, or 0 */
};

/* A copy with room for `more` further keys. */
int ztj_keyindex_copy(const struct ztj_keyindex *from, size_t more, struct ztj_keyindex *out) ZTJ_MUST_CHECK;
void ztj_keyindex_free(struct ztj_keyindex *x);
/* All keys of a record: users', machine and TLS. ZTJ_KEY_SHARED when one stands there already. */
int ztj_keyindex_add(struct ztj_keyindex *x, struct ztj_record *r) ZTJ_MUST_CHECK;
void ztj_keyindex_remove(struct ztj_keyindex *x, const struct ztj_record *r);
const struct ztj_record *ztj_keyindex_find(const struct ztj_keyindex *x, const struct ztj_key *k);
/* How many keys a record counts for. */
size_t ztj_keyindex_weight(const struct ztj_record *r);

#endif
