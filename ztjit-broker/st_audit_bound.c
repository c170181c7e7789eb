/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What anybody can cause without end must not fill the audit log, which nobody can shorten: refusals and alarms are written one by
 * one so often, and then counted. Each identity has its own count, so that nobody hides among another's.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/audit.h"

#define REFUSALS 20    /* of one identity, between two sweeps */
#define IDENTITIES 256 /* that are counted apart between two sweeps; the others together */
#define ALARMS 20      /* with one code, in so many seconds */
#define ALARM_SECONDS 600
#define ABOUT 5       /* of those about the same */
#define ABOUT_ALL 200 /* of those about anybody */
#define SUBJECTS 256  /* that are counted apart */
#define TEXTS 32      /* alarms that are known again */
#define CODES 256

struct refused {
	char who[ZTJ_FULLNAME_SIZE]; /* "": nobody known */
	unsigned written;
	uint64_t counted;
};
struct refusals {
	size_t n;
	struct refused of[IDENTITIES], others;
};

struct bound {
	int64_t since;
	unsigned n;
};
struct alarms {
	struct bound code[CODES], about[CODES];
	struct {
		char who[ZTJ_FULLNAME_SIZE];
		int code;
		struct bound is;
	} subject[SUBJECTS];
	size_t next_subject;
	struct {
		char text[256];
		int64_t at;
	} last[TEXTS];
	size_t next;
};

int audit_bound_new(struct audit *a)
{
	a->refusals = calloc(1, sizeof(*a->refusals));
	a->alarms = calloc(1, sizeof(*a->alarms));
	return a->refusals == NULL || a->alarms == NULL ? ZTJ_NOMEM : ZTJ_OK;
}

void audit_bound_free(struct audit *a)
{
	free(a->refusals);
	free(a->alarms);
}

/* --- alarms --- */

static bool same_again(struct alarms *a, const char *text, int64_t now)
{
	for (size_t i = 0; i < TEXTS; i++)
		if (a->last[i].at != 0 && now >= a->last[i].at && now - a->last[i].at < ALARM_SECONDS &&
		    strcmp(a->last[i].text, text) == 0)
			return true;
	(void)snprintf(a->last[a->next].text, sizeof(a->last[0].text), "%s", text);
	a->last[a->next].at = now;
	a->next = (a->next + 1) % TEXTS;
	return false;
}

/* How many there were in these ten minutes, this one included. */
static unsigned count(struct bound *b, int64_t now)
{
	if (b->n == 0 || now - b->since >= ALARM_SECONDS || now < b->since) {
		b->since = now;
		b->n = 0;
	}
	return b->n == UINT_MAX ? b->n : ++b->n;
}

static size_t place_of(int code)
{
	return code <= 0 && code > -CODES ? (size_t)-code : 0;
}

/* The one with this name and code, or the place of the one that was new longest ago. */
static struct bound *subject_of(struct alarms *a, const char *who, int code)
{
	for (size_t i = 0; i < SUBJECTS; i++)
		if (a->subject[i].is.n > 0 && a->subject[i].code == code &&
		    strcmp(a->subject[i].who, who) == 0)
			return &a->subject[i].is;
	size_t at = a->next_subject;
	a->next_subject = (at + 1) % SUBJECTS;
	(void)snprintf(a->subject[at].who, sizeof(a->subject[at].who), "%s", who);
	a->subject[at].code = code;
	a->subject[at].is.n = 0;
	return &a->subject[at].is;
}

/* A leaf, max with this code. */
static void add_alarm(struct store *st, struct bound *b, unsigned max, int code, const char *text)
{
	struct ztj_event e = { .kind = "alarm", .outcome = "raised", .code = code, .text = text };
	unsigned n = count(&b[place_of(code)], st_now());
	if (n == max + 1)
		e.text = "more alarms of this kind stand in the broker's own log alone";
	if (n <= max + 1 && audit_add(st, &e) != ZTJ_OK)
		st->broken = true;
}

/* To the system's log, always; is it a leaf as well? */
static bool tell_alarm(struct store *st, const char *text)
{
	ztj_log(ZTJ_LOG_ALARM, "%s", text);
	return st->audit != NULL && !reserve_spent(st) && !same_again(st->audit->alarms, text, st_now());
}

void audit_alarm(struct store *st, int code, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (tell_alarm(st, text))
		add_alarm(st, st->audit->alarms->code, ALARMS, code, text);
}

void audit_alarm_about(struct store *st, const char *who, int code, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!tell_alarm(st, text))
		return;
	struct alarms *a = st->audit->alarms;
	unsigned n = count(subject_of(a, who, code), st_now());
	if (n == ABOUT + 1)
		(void)snprintf(text, sizeof(text),
		    "more alarms of this kind about %.160s stand in the broker's own log alone for ten minutes",
		    who);
	if (n <= ABOUT + 1)
		add_alarm(st, a->about, ABOUT_ALL, code, text);
}

/* --- refusals --- */

static struct refused *refused_of(struct refusals *all, const char *who)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->of[i].who, who) == 0)
			return &all->of[i];
	if (all->n == IDENTITIES)
		return &all->others;
	(void)snprintf(all->of[all->n].who, sizeof(all->of[0].who), "%s", who);
	return &all->of[all->n++];
}

bool audit_may_refuse(struct store *st, const char *who)
{
	struct refused *of = refused_of(st->audit->refusals, who);
	if (of->written == REFUSALS) {
		of->counted++;
		return false;
	}
	of->written++;
	return true;
}

static void tell_rest(struct store *st, const struct refused *of, bool together)
{
	struct ztj_event e = { .kind = "call",
		.outcome = "refused",
		.by = of->who,
		.count = (int64_t)of->counted,
		.text = together         ? "more of many callers were refused than are written one by one"
		    : of->who[0] == '\0' ? "more of unknown callers were refused than are written one by one"
					 : "more of this caller was refused than is written one by one" };
	if (of->counted > 0 && audit_add(st, &e) != ZTJ_OK)
		st->broken = true;
}

void audit_sweep(struct store *st)
{
	struct refusals *all = st->audit->refusals;
	for (size_t i = 0; i < all->n && !st->broken; i++)
		tell_rest(st, &all->of[i], false);
	if (!st->broken)
		tell_rest(st, &all->others, true);
	if (!st->broken)
		memset(all, 0, sizeof(*all));
}
