/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Reads what eventfmt.h writes, by the words of RFC 5424, of CEF and of RFC 4180, for the tests of it: what a receiver would
 * take out of a record. Each gives an object of texts by name, or NULL: it is no such record.
 */
#ifndef ZTJ_TESTS_CORE_READBACK_H
#define ZTJ_TESTS_CORE_READBACK_H

#include <jansson.h>

#include "libztjit/core/wire.h"

/* Parameters of the structured data; the fields of the header as "PRI", "TIMESTAMP", "HOSTNAME", "APP-NAME", "PROCID", "MSGID", "SD-ID"
 * and the rest as "MSG" (absent: none). */
json_t *readback_syslog(struct ztj_view record);
/* Extensions; the header as "Version" to "Severity". */
json_t *readback_cef(struct ztj_view record);
/* Cells by the names in the head. One record, to its end. */
json_t *readback_csv(struct ztj_view head, struct ztj_view record);

#endif
