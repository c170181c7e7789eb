/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The forms in which leaves of the audit log are exported.
 */
#ifndef ZTJIT_AUDITFORM_H
#define ZTJIT_AUDITFORM_H

#include "libztjit/core/event.h"

struct auditform;
/* By its name; NULL: JSON lines. When there is none, the names that there are, in *names. */
const struct auditform *auditform_find(const char *name, const char **names);
/* What stands before the first leaf; a leaf. Whole lines, appended. */
int auditform_begin(const struct auditform *f, struct ztj_buf *out) ZTJ_MUST_CHECK;
int auditform_leaf(const struct auditform *f, const struct ztj_event_in *e, struct ztj_view leaf, struct ztj_buf *out)
    ZTJ_MUST_CHECK;

#endif
