/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A touch: given at once, refused, never given, or given by `softkey touch`;
 * what became of each request stands in DIR/touches.log.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/softkey/softkey.h"

int64_t softkey_now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool take_touch(const char *name)
{
	char path[512];

	return softkey_path(name, ".touch", path, sizeof(path)) == 0 && unlink(path) == 0;
}

void softkey_touch_clear(const char *name)
{
	(void)take_touch(name);
}

static void note(const char *name, const char *what, const char *outcome)
{
	char path[512], line[512];
	int fd, n;

	if (softkey_path("touches", ".log", path, sizeof(path)) != 0 ||
	    (fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0)
		return;
	n = snprintf(line, sizeof(line), "%s %s %s\n", name, outcome, what);
	if (n > 0 && (size_t)n < sizeof(line) && write(fd, line, (size_t)n) != n)
		(void)fprintf(stderr, "softkey: cannot write %s\n", path);
	(void)close(fd);
}

/* SOFTKEY_PENDING: nothing happened yet. */
static int look(const struct softkey_wait *w)
{
	struct softkey k;

	if (softkey_load(w->name, &k) != 0 || !k.plugged)
		return SOFTKEY_GONE;
	if (k.touch == SOFTKEY_TOUCH_AUTO || (k.touch == SOFTKEY_TOUCH_ASK && take_touch(w->name)))
		return FIDO_OK;
	if (k.touch == SOFTKEY_TOUCH_DENY)
		return FIDO_ERR_OPERATION_DENIED;
	return softkey_now() - w->began >= k.touch_ms ? FIDO_ERR_USER_ACTION_TIMEOUT : SOFTKEY_PENDING;
}

int softkey_touch(const struct softkey_wait *w, const char *what)
{
	const struct timespec tick = { 0, 20 * 1000 * 1000 };
	int r;

	while ((r = look(w)) == SOFTKEY_PENDING) {
		if (w->until >= 0 && softkey_now() >= w->until)
			return SOFTKEY_PENDING;
		(void)nanosleep(&tick, NULL);
	}
	note(w->name, what,
	    r == FIDO_OK                         ? "touched"
		: r == FIDO_ERR_OPERATION_DENIED ? "refused"
		: r == SOFTKEY_GONE              ? "gone"
						 : "timeout");
	return r;
}
