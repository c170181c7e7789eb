/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Logging of daemons: one line per event, to stderr or syslog, every foreign
 * byte escaped. Never on a decision path's critical section; never secrets.
 */
#ifndef ZTJ_SYS_LOG_H
#define ZTJ_SYS_LOG_H

#include <stdbool.h>

enum ztj_log_level { ZTJ_LOG_DEBUG, ZTJ_LOG_INFO, ZTJ_LOG_NOTICE, ZTJ_LOG_WARN, ZTJ_LOG_ERROR, ZTJ_LOG_ALARM };

/* ident: "ztjit-hostd/gate". to_stderr false: to syslog, LOG_AUTHPRIV; a line that it does not take at once is lost, and
 * the next one says how many were. */
void ztj_log_open(const char *ident, bool to_stderr, enum ztj_log_level least);
/* Before descriptors are put in order, where its own would be taken for another. The next line opens it again. */
void ztj_log_close(void);
/* The formatted line is escaped as a whole (text.h) and always ends in one newline. */
void ztj_log(enum ztj_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
