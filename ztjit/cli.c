/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What every command shares: memory until the end, and the first failure told. */
#include "ztjit/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t cli_now(void)
{
	return (int64_t)time(NULL);
}

void cli_exit(struct cli *c, int code)
{
	c->exit_code = code;
}

void *cli_keep(struct cli *c, size_t size)
{
	void **more = reallocarray(c->arena, c->narena + 1, sizeof *more);
	void *p;

	if (more == NULL)
		return NULL;
	c->arena = more;
	if ((p = calloc(1, size > 0 ? size : 1)) != NULL)
		c->arena[c->narena++] = p;
	return p;
}

size_t cli_mark(const struct cli *c)
{
	return c->narena;
}

void cli_release(struct cli *c, size_t mark)
{
	while (c->narena > mark)
		free(c->arena[--c->narena]);
}

char *cli_strdup(struct cli *c, const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = cli_keep(c, n);

	if (p != NULL)
		memcpy(p, s, n);
	return p;
}

__attribute__((format(printf, 2, 0))) static char *vkeep(struct cli *c, const char *fmt, va_list ap)
{
	char *p = NULL, *kept;

	if (vasprintf(&p, fmt, ap) < 0)
		return NULL;
	kept = cli_strdup(c, p);
	free(p);
	return kept;
}

char *cli_printf(struct cli *c, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = vkeep(c, fmt, ap);
	va_end(ap);
	return p;
}

const char *cli_esc(struct cli *c, const char *s)
{
	struct ztj_buf b;
	const char *t;
	char *kept = NULL;

	ztj_buf_init(&b, 8 * 1024 * 1024);
	if (ztj_text_escape(ztj_view_str(s), &b) == ZTJ_OK && (t = ztj_buf_str(&b)) != NULL)
		kept = cli_strdup(c, t);
	ztj_buf_free(&b);
	return kept != NULL ? kept : "?";
}

int cli_fail(struct cli *c, int err, const char *fmt, ...)
{
	va_list ap;

	if (c->message != NULL)
		return err;
	c->err = err;
	va_start(ap, fmt);
	c->message = vkeep(c, fmt, ap);
	va_end(ap);
	return err;
}

void cli_hint(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->hint != NULL)
		return;
	va_start(ap, fmt);
	c->hint = vkeep(c, fmt, ap);
	va_end(ap);
}

void cli_forget(struct cli *c)
{
	c->message = NULL;
	c->hint = NULL;
	c->err = ZTJ_OK;
}
