/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The HTTP status that belongs to each error (PROTOCOL section 3).
 */
#ifndef ZTJ_BROKER_HTTPSTATUS_H
#define ZTJ_BROKER_HTTPSTATUS_H

unsigned http_status(int err);

#endif
