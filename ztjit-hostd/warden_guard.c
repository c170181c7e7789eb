/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The guardian: sessions end on time by the boot clock whether the gate is there, late or gone, and all of them when no gate
 * has come for a while. A gate that is started again and again without ever judging the sessions is none.
 */
#include <sys/timerfd.h>
#include <time.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/warden.h"

#define LATE 2 /* seconds: a gate that is there ends sessions itself, and says why */

static int64_t boot_now(void)
{
	struct timespec ts;

	return clock_gettime(CLOCK_BOOTTIME, &ts) == 0 ? ts.tv_sec : INT64_MAX;
}

size_t ztj_warden_count(const struct ztj_warden *w)
{
	size_t n = 0;

	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		n += w->s[i].no != 0;
	return n;
}

void ztj_warden_alone(struct ztj_warden *w)
{
	w->ready = false;
	if (w->table->alone_since == 0)
		w->table->alone_since = boot_now();
}

void ztj_warden_not_alone(struct ztj_warden *w)
{
	w->ready = true;
	w->warned = false;
	w->table->alone_since = 0;
}

static void say(struct ztj_warden *w, const struct ztj_warden_session *s, uint32_t text)
{
	const struct ztj_warden_msg m = { .session = s->no, .text = text };

	if (ztj_warden_warn(w, &m) != ZTJ_OK)
		ztj_log(ZTJ_LOG_WARN, "session %llu was not told", (unsigned long long)s->no);
}

static void end_one(struct ztj_warden *w, struct ztj_warden_session *s, uint32_t text)
{
	say(w, s, text);
	if (ztj_warden_kill(w, s->no) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ALARM, "session %llu cannot be ended", (unsigned long long)s->no);
}

static void say_all(struct ztj_warden *w, uint32_t text)
{
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no != 0 && w->s[i].parent == 0 && !w->s[i].ending)
			say(w, &w->s[i], text);
}

static void sooner(int64_t *at, int64_t when)
{
	if (when < *at)
		*at = when;
}

/* Those whose time is over; when the next one's is. */
static int64_t ends(struct ztj_warden *w, int64_t now)
{
	int64_t late = w->ready ? LATE : 0, next = INT64_MAX;

	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++) {
		struct ztj_warden_session *s = &w->s[i];
		if (s->no == 0 || s->ending || s->end_at > INT64_MAX - LATE)
			continue;
		if (now < s->end_at + late) {
			sooner(&next, s->end_at + late);
			continue;
		}
		ztj_log(ZTJ_LOG_NOTICE, "session %llu is over, and the gate %s", (unsigned long long)s->no,
		    w->ready ? "is late" : "is not there");
		end_one(w, s, ZTJ_TEXT_ENDED);
	}
	return next;
}

/* Nobody has judged these sessions for a while. */
static int64_t grace(struct ztj_warden *w, int64_t now)
{
	int64_t half = w->table->alone_since + w->grace / 2, end = w->table->alone_since + w->grace;

	if (now >= end) {
		ztj_log(ZTJ_LOG_ALARM, "no gate for %lld s: ending every session", (long long)w->grace);
		for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
			if (w->s[i].no != 0 && w->s[i].parent == 0 && !w->s[i].ending)
				end_one(w, &w->s[i], ZTJ_TEXT_NO_AGENT);
		return INT64_MAX;
	}
	if (now < half)
		return half;
	if (!w->warned)
		say_all(w, ZTJ_TEXT_ALONE);
	w->warned = true;
	return end;
}

int ztj_warden_tick(struct ztj_warden *w)
{
	struct itimerspec ts = { .it_value = { 0, 0 } };
	int64_t now = boot_now(), next = ends(w, now);

	if (w->table->alone_since != 0 && ztj_warden_count(w) > 0)
		sooner(&next, grace(w, now));
	/* 0 would disarm it. */
	if (next != INT64_MAX)
		ts.it_value.tv_sec = next > 0 ? next : 1;
	return timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &ts, NULL) == 0 ? ZTJ_OK : ZTJ_SYSTEM;
}
