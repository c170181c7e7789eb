/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The result of a scan on its way to the broker: by control.sock to the gate, which signs what it was told.
 */
#ifndef ZTJIT_SCAN_SEND_H
#define ZTJIT_SCAN_SEND_H

#include "ztjit/cli.h"
#include "ztjit/scan/scan.h"

#define SCAN_SENT_MAX ((size_t)64 * 1024)

/* Returns when the broker has it. */
int scan_send(struct cli *c, const struct scan *s) ZTJ_MUST_CHECK;

#endif
