/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Inclusion proofs as text: a path alone ("index N", then a hash a line in base64), and with a checkpoint behind it the
 * tlog-proof of C2SP. There is one way to write each.
 */
#ifndef ZTJ_CORE_INCLUSION_H
#define ZTJ_CORE_INCLUSION_H

#include "libztjit/core/tlog.h"

#define ZTJ_PATH_TEXT_MAX ((size_t)4096)

struct ztj_inclusion {
	uint64_t index;
	size_t len;
	ztj_hash path[ZTJ_PROOF_MAX];
	struct ztj_view checkpoint; /* of a tlog-proof: the signed note as it is, not looked at */
};

/* Appends "index N\n" and the hashes. */
int ztj_path_write(const struct ztj_inclusion *p, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Exactly what ztj_path_write gives; BAD_ENCODING, LIMIT. */
int ztj_path_read(struct ztj_view text, struct ztj_inclusion *out) ZTJ_MUST_CHECK;
/* Appends the tlog-proof. */
int ztj_inclusion_write(const struct ztj_inclusion *p, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Exactly what ztj_inclusion_write gives: no line "extra", which nobody signs. VERSION; BAD_ENCODING, LIMIT. */
int ztj_inclusion_read(struct ztj_view text, struct ztj_inclusion *out) ZTJ_MUST_CHECK;
/* The entry stands there in the tree of that size and root: LOG_ALTERED when not. */
int ztj_inclusion_verify(const struct ztj_inclusion *p, struct ztj_view entry, uint64_t size, const ztj_hash root)
    ZTJ_MUST_CHECK;

#endif
