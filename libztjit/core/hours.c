/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Hours of the week in a POSIX TZ rule (POSIX.1-2017 section 8.3; hours of a
 * transition up to ±167 as RFC 9636 section 3.3.2 allows). */
#include "libztjit/core/ztime.h"

#include <string.h>

#include "libztjit/core/calendar.h"

#define DAY_MINUTES 1440
#define SPANS_MAX 8

/* Reads one to max_digits digits with a value in [0, max]. */
static bool number(const char **p, size_t max_digits, unsigned max, unsigned *out)
{
	size_t n = 0;

	*out = 0;
	while (n < max_digits && **p >= '0' && **p <= '9') {
		*out = *out * 10 + (unsigned)(**p - '0');
		(*p)++;
		n++;
	}
	return n > 0 && *out <= max && !(**p >= '0' && **p <= '9');
}

static bool expect(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static bool weekday(const char **p, unsigned *out)
{
	static const char names[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

	for (*out = 0; *out < 7; (*out)++) {
		if (strncmp(*p, names[*out], 3) == 0) {
			*p += 3;
			return true;
		}
	}
	return false;
}

/* "Mon-Fri,Sun": every day at most once. */
static bool days(const char **p, uint8_t *out)
{
	*out = 0;
	do {
		unsigned first, last;

		if (!weekday(p, &first))
			return false;
		last = first;
		if (**p == '-') {
			(*p)++;
			if (!weekday(p, &last) || last == first)
				return false;
		}
		for (unsigned d = first;; d = (d + 1) % 7) {
			uint8_t bit = (uint8_t)(1u << d);

			if ((*out & bit) != 0)
				return false;
			*out = (uint8_t)(*out | bit);
			if (d == last)
				break;
		}
	} while (expect(p, ','));
	return true;
}

/* hh:mm, two digits each; 24:00 only as an end. */
static bool clock_time(const char **p, bool end, uint16_t *out)
{
	unsigned h, m;

	for (size_t i = 0; i < 5; i++)
		if (i == 2 ? (*p)[i] != ':' : ((*p)[i] < '0' || (*p)[i] > '9'))
			return false;
	if (!number(p, 2, end ? 24 : 23, &h) || !expect(p, ':') || !number(p, 2, 59, &m))
		return false;
	*out = (uint16_t)(h * 60 + m);
	return *out <= DAY_MINUTES;
}

/* A zone abbreviation: three or more letters, or <…> with digits and signs. */
static bool zone_name(const char **p)
{
	bool quoted = expect(p, '<');
	size_t n = 0;

	for (;; (*p)++, n++) {
		char c = **p;
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!alpha && !(quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-')))
			break;
	}
	return n >= 3 && n <= 16 && (!quoted || expect(p, '>'));
}

/* [+-]h[h[h]][:mm[:ss]] in seconds. */
static bool offset(const char **p, unsigned max_hours, int32_t *out)
{
	bool neg = **p == '-';
	unsigned h, m = 0, s = 0;

	if (**p == '-' || **p == '+')
		(*p)++;
	if (!number(p, 3, max_hours, &h))
		return false;
	if (expect(p, ':')) {
		if (!number(p, 2, 59, &m))
			return false;
		if (expect(p, ':') && !number(p, 2, 59, &s))
			return false;
	}
	*out = (int32_t)(h * 3600 + m * 60 + s);
	if (neg)
		*out = -*out;
	return true;
}

#define TRANSITION(tz) __typeof__((tz)->start)

/* Mm.w.d, Jn or n, each with an optional /time. Written for both ends of the rule. */
static bool transition(const char **p, struct ztj_tz_rule *tz, bool end)
{
	TRANSITION(tz) r = { .at = 7200 };
	unsigned a, b, c;

	if (expect(p, 'M')) {
		if (!number(p, 2, 12, &a) || a == 0 || !expect(p, '.') || !number(p, 1, 5, &b) || b == 0 ||
		    !expect(p, '.') || !number(p, 1, 6, &c))
			return false;
		r.kind = 'M';
		r.month = (uint8_t)a;
		r.week = (uint8_t)b;
		r.wday = (uint8_t)c;
	} else if (expect(p, 'J')) {
		if (!number(p, 3, 365, &a) || a == 0)
			return false;
		r.kind = 'J';
		r.day = (uint16_t)a;
	} else {
		if (!number(p, 3, 365, &a))
			return false;
		r.kind = '0';
		r.day = (uint16_t)a;
	}
	if (expect(p, '/') && !offset(p, 167, &r.at))
		return false;
	if (end)
		tz->end = r;
	else
		tz->start = r;
	return true;
}

static bool zone(const char *p, struct ztj_tz_rule *tz)
{
	int32_t west;

	if (!zone_name(&p) || !offset(&p, 24, &west))
		return false;
	tz->std_off = -west;
	if (*p == '\0')
		return true;
	if (!zone_name(&p))
		return false;
	tz->has_dst = true;
	tz->dst_off = tz->std_off + 3600;
	if (*p != ',') {
		if (!offset(&p, 24, &west))
			return false;
		tz->dst_off = -west;
	}
	/* Summer time without its rules would mean "as this system thinks". */
	return expect(&p, ',') && transition(&p, tz, false) && expect(&p, ',') && transition(&p, tz, true) &&
	    *p == '\0';
}

int ztj_hours_parse(const char *s, struct ztj_hours *out)
{
	const char *p = s;
	struct ztj_hours h = { 0 };

	memset(out, 0, sizeof(*out));
	do {
		uint16_t from, to;

		if (h.nspans == SPANS_MAX)
			return ZTJ_LIMIT;
		if (!days(&p, &h.span[h.nspans].days) || !expect(&p, ' ') || !clock_time(&p, false, &from) ||
		    !expect(&p, '-') || !clock_time(&p, true, &to) || from == to)
			return ZTJ_BAD_TIME;
		h.span[h.nspans].from = from;
		h.span[h.nspans++].to = to;
	} while (expect(&p, ';') && expect(&p, ' '));
	if (!expect(&p, ' ') || !zone(p, &h.tz))
		return ZTJ_BAD_TIME;
	*out = h;
	return ZTJ_OK;
}

/* Local seconds since 1970-01-01T00:00 at which a transition of that year stands. */
static int64_t transition_at(int64_t year, const struct ztj_tz_rule *tz, bool end)
{
	TRANSITION(tz) r = end ? tz->end : tz->start;
	int64_t first, wday;
	unsigned len;

	if (r.kind == 'M') {
		first = ztj_days_from_civil(year, r.month, 1);
		len = ztj_days_in_month(year, r.month);
		wday = ((first + 4) % 7 + 7) % 7;
		first += (r.wday - wday + 7) % 7 + (r.week - 1) * 7;
		/* week 5 is the last one that exists */
		if (first >= ztj_days_from_civil(year, r.month, 1) + (int64_t)len)
			first -= 7;
	} else {
		first = ztj_days_from_civil(year, 1, 1) + r.day;
		/* Jn counts from 1 and never the leap day */
		if (r.kind == 'J' && (r.day < 60 || ztj_days_in_month(year, 2) == 28))
			first--;
	}
	return first * 86400 + r.at;
}

static int32_t utc_offset(const struct ztj_tz_rule *tz, int64_t t)
{
	int64_t year, start, end, days;
	unsigned month, day;
	bool dst;

	if (!tz->has_dst)
		return tz->std_off;
	days = (t + tz->std_off) / 86400;
	if ((t + tz->std_off) % 86400 < 0)
		days--;
	ztj_civil_from_days(days, &year, &month, &day);
	start = transition_at(year, tz, false) - tz->std_off;
	end = transition_at(year, tz, true) - tz->dst_off;
	dst = start < end ? t >= start && t < end : !(t >= end && t < start);
	return dst ? tz->dst_off : tz->std_off;
}

bool ztj_hours_contain(const struct ztj_hours *h, int64_t t)
{
	int64_t local, day;
	unsigned minute, wday, before;

	/* beyond any date a statement can carry: no arithmetic on it, no hours */
	if (t < INT64_C(-62135596800) || t > INT64_C(253402300799))
		return false;
	local = t + utc_offset(&h->tz, t);
	day = local / 86400;
	if (local % 86400 < 0)
		day--;
	minute = (unsigned)((local - day * 86400) / 60);
	wday = (unsigned)(((day + 4) % 7 + 7) % 7);
	before = (wday + 6) % 7;
	for (unsigned i = 0; i < h->nspans && i < SPANS_MAX; i++) {
		unsigned from = h->span[i].from, to = h->span[i].to, d = h->span[i].days;

		if (from < to) {
			if ((d >> wday & 1) != 0 && minute >= from && minute < to)
				return true;
		} else if (((d >> wday & 1) != 0 && minute >= from) ||
		    ((d >> before & 1) != 0 && minute < to)) {
			return true;
		}
	}
	return false;
}

bool ztj_hours_equal(const struct ztj_hours *a, const struct ztj_hours *b)
{
	const struct ztj_tz_rule *x = &a->tz, *y = &b->tz;

	/* member by member: padding is nobody's */
	if (a->nspans != b->nspans || x->std_off != y->std_off || x->has_dst != y->has_dst)
		return false;
	for (unsigned i = 0; i < a->nspans; i++)
		if (a->span[i].days != b->span[i].days || a->span[i].from != b->span[i].from ||
		    a->span[i].to != b->span[i].to)
			return false;
#define SAME(end) \
	(x->end.kind == y->end.kind && x->end.month == y->end.month && x->end.week == y->end.week && \
	    x->end.wday == y->end.wday && x->end.day == y->end.day && x->end.at == y->end.at)
	return !x->has_dst || (x->dst_off == y->dst_off && SAME(start) && SAME(end));
#undef SAME
}
