/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/sys/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "libztjit/core/text.h"

/* The one piece of process-wide state here: where lines go, set once at start. */
static struct {
	char ident[64];
	bool to_stderr;
	enum ztj_log_level least;
	int sock; /* syslog's; -1: none. Not the C library's, which waits for who does not read, and hides its descriptor */
	unsigned lost; /* lines that were not taken since the last that was */
} sink = { "ztjit", true, ZTJ_LOG_INFO, -1, 0 };

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

void ztj_log_close(void)
{
	if (sink.sock >= 0)
		(void)close(sink.sock);
	sink.sock = -1;
}

static void dial(void)
{
	const struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	sink.sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sink.sock >= 0 && connect(sink.sock, (const struct sockaddr *)&addr, sizeof addr) != 0)
		ztj_log_close();
}

void ztj_log_open(const char *ident, bool to_stderr, enum ztj_log_level least)
{
	(void)snprintf(sink.ident, sizeof sink.ident, "%s", ident);
	sink.to_stderr = to_stderr;
	sink.least = least;
	if (!to_stderr && sink.sock < 0)
		dial();
}

/* A log that does not read must keep no session from being ended: nobody waits for it. */
static bool sent(const char *line, size_t n)
{
	return sink.sock >= 0 && send(sink.sock, line, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n;
}

static void to_syslog(int priority, const char *name, const char *text)
{
	char lost[64] = "", line[17000];
	bool good;

	if (sink.lost > 0)
		(void)snprintf(lost, sizeof lost, " (%u lines before were lost)", sink.lost);
	int n = snprintf(line, sizeof line, "<%d>%s[%d]: %s: %s%s", LOG_AUTHPRIV | priority, sink.ident,
	    (int)getpid(), name, text, lost);
	if (n < 0)
		return;
	size_t len = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
	good = sent(line, len);
	/* Started anew, it listens at another socket. */
	if (!good && (sink.sock < 0 || errno != EAGAIN)) {
		ztj_log_close();
		dial();
		good = sent(line, len);
	}
	sink.lost = good ? 0 : sink.lost + 1;
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
		to_syslog(levels[level].priority, levels[level].name, text);
	ztj_buf_free(&out);
}
