/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/sys/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "libztjit/core/text.h"

/* The one piece of process-wide state here: where lines go, set once at start. */
static struct {
	char ident[64];
	bool to_stderr;
	enum ztj_log_level least;
} sink = { "ztjit", true, ZTJ_LOG_INFO };

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[ZTJ_LOG_DEBUG] = { "debug", LOG_DEBUG },
	[ZTJ_LOG_INFO] = { "info", LOG_INFO },
	[ZTJ_LOG_NOTICE] = { "notice", LOG_NOTICE },
	[ZTJ_LOG_WARN] = { "warning", LOG_WARNING },
	[ZTJ_LOG_ERROR] = { "error", LOG_ERR },
	[ZTJ_LOG_ALARM] = { "ALARM", LOG_ALERT },
};

void ztj_log_open(const char *ident, bool to_stderr, enum ztj_log_level least)
{
	(void)snprintf(sink.ident, sizeof sink.ident, "%s", ident);
	sink.to_stderr = to_stderr;
	sink.least = least;
	if (!to_stderr)
		openlog(sink.ident, LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
}

void ztj_log_close(void)
{
	if (!sink.to_stderr)
		closelog();
}

void ztj_log(enum ztj_log_level level, const char *fmt, ...)
{
	if (level < sink.least)
		return;
	char line[2048];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	size_t len = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
	struct ztj_buf out;
	ztj_buf_init(&out, 16384);
	int r = ztj_text_escape(ztj_view_of(line, len), &out);
	const char *text = r == ZTJ_OK ? ztj_buf_str(&out) : NULL;
	if (text == NULL)
		text = "(a line that could not be escaped)";
	if (sink.to_stderr)
		(void)fprintf(stderr, "%s: %s: %s\n", sink.ident, levels[level].name, text);
	else
		syslog(levels[level].priority, "%s: %s", levels[level].name, text);
	ztj_buf_free(&out);
}
