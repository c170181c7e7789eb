/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The audit log as an auditor reads it (PROTOCOL section 10): from the broker, or from a copy of its directory. Nothing is
 * believed that does not lead to a checkpoint signed by a log key, and that checkpoint has to continue the newest one that
 * this workstation remembers.
 */
#ifndef ZTJIT_AUDITLOG_H
#define ZTJIT_AUDITLOG_H

#include "libztjit/core/cosign.h"
#include "libztjit/core/logcheck.h"
#include "ztjit/cli.h"

#define AUDITLOG_KEYS 16
#define AUDITLOG_TILES 32

struct auditlog {
	struct cli *c;
	const char *dir;            /* --dir, or NULL */
	const char *domain;
	struct ztj_key key[AUDITLOG_KEYS];
	size_t nkeys;
	struct ztj_checkpoint head; /* signed; of this run */
	struct ztj_buf note;        /* the same as it is signed */
	struct ztj_checkpoint shown; /* the one that witnesses stand behind, where they are demanded; it is remembered */
	struct ztj_quorum demanded, asked; /* by the policy; by --witness: every one */
	struct ztj_witness by[ZTJ_WITNESSES_MAX];
	struct ztj_cosigned cosigned; /* by the witnesses of the policy */
	bool uncosigned;            /* none of it is demanded */
	bool remembers;             /* whether this workstation is to remember it */
	bool has_kept;
	struct ztj_checkpoint kept; /* what it remembered before */
	struct ztj_buf bytes;       /* of the last read */
	size_t next;
	struct auditlog_tile { struct ztj_tile t; ztj_hash hash[ZTJ_TILE_WIDTH]; } *tile; /* read lately */
};

/* Options --dir, --log-key, --domain, --witness, --uncosigned; the checkpoint fetched and verified, with the cosignatures that are
 * demanded. auditlog_close whatever it returns. */
int auditlog_open(struct cli *c, struct auditlog *l) ZTJ_MUST_CHECK;
void auditlog_close(struct auditlog *l);
/* Another look at the checkpoint: it has to continue l->head, and becomes it. */
int auditlog_again(struct auditlog *l) ZTJ_MUST_CHECK;
/* Does the head continue what was remembered? By a proof out of tiles. */
int auditlog_continues(struct auditlog *l) ZTJ_MUST_CHECK;
/* The head becomes the newest checkpoint that was signed, cosigned or not: what witnesses stand behind is its beginning. */
int auditlog_newest(struct auditlog *l) ZTJ_MUST_CHECK;
/* Remembers what was shown. */
int auditlog_remember(struct auditlog *l) ZTJ_MUST_CHECK;
/* What this workstation remembers; NOT_FOUND. */
int auditlog_kept(struct cli *c, struct ztj_checkpoint *out) ZTJ_MUST_CHECK;
/* A checkpoint that somebody kept (--checkpoint): signed by a log key, or cosigned by a witness that is known here; or "SIZE HEX" as
 * hosts and workstations remember it. */
int auditlog_read_note(struct auditlog *l, const char *path, struct ztj_checkpoint *out) ZTJ_MUST_CHECK;

/* The entries of bundle `index`, appended to out as they are; nothing is verified. *width: their number. NOT_FOUND. */
int auditlog_bundle(struct auditlog *l, uint64_t index, unsigned *width, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* The same, and each entry is proved to be a leaf of the head. */
int auditlog_proved(struct auditlog *l, uint64_t index, unsigned *width, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* A tile of hashes, for ztj_tiles and ztj_logcheck; arg is the auditlog. Not verified. */
int auditlog_tile(void *arg, const struct ztj_tile *t, ztj_hash *out) ZTJ_MUST_CHECK;

/* --- auditwitness.c --- */
/* The options and, unless --log-key stands there (p NULL), what the policy demands. */
int auditlog_witnesses(struct auditlog *l, const struct ztj_policy *p) ZTJ_MUST_CHECK;
/* Is this checkpoint cosigned as it is demanded? age: not too long ago, too. */
int auditlog_cosigned(struct auditlog *l, struct ztj_view note, bool age) ZTJ_MUST_CHECK;
/* By any witness that is known here, for the log of l->domain; SIGNER: by none. */
int auditlog_witnessed(struct auditlog *l, struct ztj_view note, struct ztj_checkpoint *out) ZTJ_MUST_CHECK;

#endif
