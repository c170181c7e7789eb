/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/clockmark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/text.h"

#define FAR_FUTURE 253402300799LL /* 9999-12-31 */
#define STATUS_AGREES 120         /* seconds between the broker's word and the system clock */

static int64_t ran(int64_t since, int64_t boot)
{
	return boot > since ? boot - since : 0;
}

void ztj_clockmark_init(struct ztj_clockmark *m, struct ztj_now now, const char *bootid)
{
	*m = (struct ztj_clockmark){ .mark = now.sys, .run = now.sys, .boot = now.boot };
	(void)snprintf(m->bootid, sizeof(m->bootid), "%s", bootid);
}

int ztj_clockmark_format(const struct ztj_clockmark *m, struct ztj_buf *out)
{
	return ztj_buf_printf(out, "ztjit-clock 1 %lld %lld %lld %s\n", (long long)m->mark, (long long)m->run,
	    (long long)m->boot, m->bootid);
}

/* One space-separated word; false at the end. */
static bool word(struct ztj_view *v, char *out, size_t size)
{
	size_t n = 0;

	while (n < v->n && v->p[n] != ' ' && v->p[n] != '\n')
		n++;
	if (n == 0 || n >= size || n == v->n)
		return false;
	memcpy(out, v->p, n);
	out[n] = '\0';
	*v = ztj_view_after(*v, n + 1);
	return memchr(out, '\0', n) == NULL;
}

int ztj_clockmark_parse(struct ztj_clockmark *m, struct ztj_view text)
{
	char magic[16], version[4], mark[24], run[24], boot[24];

	memset(m, 0, sizeof(*m));
	if (!word(&text, magic, sizeof(magic)) || !word(&text, version, sizeof(version)) ||
	    !word(&text, mark, sizeof(mark)) || !word(&text, run, sizeof(run)) ||
	    !word(&text, boot, sizeof(boot)) || !word(&text, m->bootid, sizeof(m->bootid)) || text.n != 0 ||
	    strcmp(magic, "ztjit-clock") != 0)
		return ZTJ_BAD_ENCODING;
	if (strcmp(version, "1") != 0)
		return ZTJ_VERSION;
	if (ztj_parse_int(mark, 0, FAR_FUTURE, &m->mark) != ZTJ_OK ||
	    ztj_parse_int(run, 0, FAR_FUTURE, &m->run) != ZTJ_OK ||
	    ztj_parse_int(boot, 0, FAR_FUTURE, &m->boot) != ZTJ_OK)
		return ZTJ_BAD_ENCODING;
	return m->run >= m->mark ? ZTJ_OK : ZTJ_BAD_ENCODING;
}

void ztj_clockmark_resume(struct ztj_clockmark *m, const char *bootid)
{
	if (strcmp(m->bootid, bootid) == 0)
		return;
	/* Since then at least this boot has passed; how long the machine was off, no local clock can prove. */
	m->boot = 0;
	(void)snprintf(m->bootid, sizeof(m->bootid), "%s", bootid);
}

static bool status_agrees(const struct ztj_clockmark *m, struct ztj_now now)
{
	int64_t there;

	if (m->status == 0)
		return false;
	there = m->status + ran(m->status_boot, now.boot);
	return now.sys - there <= STATUS_AGREES && there - now.sys <= STATUS_AGREES;
}

void ztj_clockmark_advance(struct ztj_clockmark *m, struct ztj_now now)
{
	m->run += ran(m->boot, now.boot);
	m->boot = now.boot;
	if (now.sys <= m->mark)
		return;
	if (now.sys <= m->run || status_agrees(m, now))
		m->mark = now.sys;
	else
		m->mark = m->run;
	if (m->run < m->mark)
		m->run = m->mark;
}

void ztj_clockmark_status(struct ztj_clockmark *m, int64_t issued, struct ztj_now now)
{
	m->status = issued;
	m->status_boot = now.boot;
	ztj_clockmark_advance(m, now);
}

int64_t ztj_clockmark_begin(const struct ztj_clockmark *m)
{
	return m->mark;
}

int64_t ztj_clockmark_end(const struct ztj_clockmark *m, struct ztj_now now)
{
	int64_t least = m->run + ran(m->boot, now.boot);

	return now.sys > least ? now.sys : least;
}

bool ztj_clockmark_went_back(const struct ztj_clockmark *m, struct ztj_now now)
{
	return ztj_clockmark_end(m, now) - now.sys > ZTJ_CLOCK_BACK;
}

void ztj_clockmark_accept(struct ztj_clockmark *m, struct ztj_now now)
{
	m->mark = now.sys;
	m->run = now.sys;
	m->boot = now.boot;
	m->status = 0;
	m->status_boot = 0;
}
