/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Witnesses of the audit log (PROTOCOL section 10): rounds in which those that the policy names are asked to cosign the newest
 * checkpoint, and what is shown meanwhile. The sender carries questions and answers; nothing it says is believed that is not
 * signed by a witness.
 */
#ifndef ZTJ_BROKER_ST_WITNESS_H
#define ZTJ_BROKER_ST_WITNESS_H

#include "ztjit-broker/audit.h"

struct witnesses;
int witnesses_new(struct store *st) ZTJ_MUST_CHECK;
void witnesses_free(struct witnesses *w);
/* After a checkpoint was made, or was not: asks who is due, ends what took too long, says what is wrong. Between batches. */
void witnesses_turn(struct store *st, int64_t now);
/* SND_ANSWERED. */
int witnesses_answer(struct store *st, struct ztj_view body, int64_t now) ZTJ_MUST_CHECK;
/* What the metrics say of them, appended. */
void witnesses_metrics(const struct store *st, int64_t now, struct ztj_buf *out);

#endif
