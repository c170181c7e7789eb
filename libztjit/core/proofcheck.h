/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a proof file proves (PROTOCOL section 11), to somebody who believes nothing but pinned policy roots: every leaf stands in
 * the log of one checkpoint that a log key of the newest policy in the file signed, and as many of its witnesses as it demands;
 * every statement is the one that its leaf speaks of, signed by those keys; and the keys are those that registrars of the policy in
 * force vouched for. The clock is not asked.
 */
#ifndef ZTJ_CORE_PROOFCHECK_H
#define ZTJ_CORE_PROOFCHECK_H

#include "libztjit/core/checkpoint.h"
#include "libztjit/core/cosign.h"
#include "libztjit/core/prooffile.h"
#include "libztjit/core/trust.h"

struct ztj_proved {
	struct ztj_checkpoint head;
	bool certified;      /* a certificate was issued */
	bool granted;        /* and by policy and records in the file it had to be: grant says why */
	char grant[1200];
	size_t cosigned;     /* witnesses of that policy who cosigned the checkpoint */
	size_t others;       /* signatures of the checkpoint under other names than the log's and theirs: nobody looked at them */
	/* when it is refused */
	bool at_leaf;
	uint64_t leaf;       /* which one it is about */
	char text[256];
};

/* Appends a plain sentence for each leaf to said, with line feeds. cache may be NULL. Refused: said holds nothing to rely on, out->text says why.
 * LOG_ALTERED: a leaf is not in the log; LOG_FORK: checkpoints differ; WRONG_REQUEST: something is about another request;
 * NOT_COSIGNED: by too few of the witnesses that the newest policy demands;
 * SIGNER: a key is not that person's or host's by the records in the file; STATE: leaf and statement say different things, or a
 * leaf has no place here; and the errors of what is verified. */
int ztj_proof_check(const struct ztj_proof *p, const struct ztj_pins *pins, struct ztj_sigcache *cache, struct ztj_buf *said,
    struct ztj_proved *out) ZTJ_MUST_CHECK;

#endif
