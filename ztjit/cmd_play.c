/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit sessions play and tail: a record on this terminal, in its own time. What would query or reprogram
 * the terminal is stripped (L02) unless --raw.
 */
#include "ztjit/commands.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/castsafe.h"
#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/sessions.h"

#define STEP_US 5000000
#define LIVE_WAIT 15
#define SPEED_MAX 1000.0

struct player {
	struct cli *c;
	struct rec *rec;
	struct ztj_castsafe *safe; /* NULL: --raw */
	double speed;
	int64_t idle_us; /* 0: pauses as they were */
	bool live, paused, keys;
	struct termios before;
	uint64_t at;     /* of the event shown last */
	uint64_t target; /* events before it are shown without waiting */
	bool again;      /* from the start, up to target */
	struct ztj_buf bytes;
};

/* ---- the keyboard ---- */

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void keys_on(struct player *p)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct termios t;

	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &p->before) != 0)
		return;
	t = p->before;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	p->keys = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

/* Puts back what the record changed of the terminal. */
static void restore(struct player *p)
{
	static const char raw[] = "\033[0m\033[?25h\033[?1049l\033[r\033(B\017";

	ztj_buf_reset(&p->bytes);
	if (p->safe == NULL)
		(void)!write(STDOUT_FILENO, raw, sizeof raw - 1);
	else if (ztj_castsafe_end(p->safe, &p->bytes) == ZTJ_OK)
		(void)!write(STDOUT_FILENO, p->bytes.p, p->bytes.n);
}

static void keys_off(struct player *p)
{
	restore(p);
	if (isatty(STDOUT_FILENO))
		(void)!write(STDOUT_FILENO, "\r\n", 2);
	if (p->keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &p->before);
}

static void seek(struct player *p, int64_t by)
{
	if (by < 0) {
		p->target = p->at > (uint64_t)-by ? p->at - (uint64_t)-by : 0;
		p->again = true;
	} else {
		p->target = p->at + (uint64_t)by;
	}
}

static void obey(struct player *p, const char *key, ssize_t n)
{
	if (n == 1 && (key[0] == 'q' || key[0] == 'Q'))
		interrupted = 1;
	else if (n == 1 && key[0] == ' ' && !p->live)
		p->paused = !p->paused;
	else if (p->live)
		return;
	else if (n == 3 && memcmp(key, "\033[C", 3) == 0)
		seek(p, STEP_US);
	else if (n == 3 && memcmp(key, "\033[D", 3) == 0)
		seek(p, -STEP_US);
	else if (n == 3 && memcmp(key, "\033[A", 3) == 0)
		p->speed = p->speed * 2 <= SPEED_MAX ? p->speed * 2 : p->speed;
	else if (n == 3 && memcmp(key, "\033[B", 3) == 0)
		p->speed = p->speed / 2 >= 1 / SPEED_MAX ? p->speed / 2 : p->speed;
}

/* Waits, and hears keys. false: it is enough. */
static bool wait_us(struct player *p, int64_t us)
{
	struct timespec start, now;
	double speed = p->speed;
	uint64_t target = p->target;

	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	while (!interrupted && !p->again && target == p->target) {
		struct pollfd fd = { .fd = p->keys ? STDIN_FILENO : -1, .events = POLLIN };
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		int64_t gone = (now.tv_sec - start.tv_sec) * 1000000 + (now.tv_nsec - start.tv_nsec) / 1000;
		int64_t left = p->paused ? 3600000000 : us - gone;
		if (left <= 0)
			break;
		if (poll(&fd, 1, left > 1000000 ? 1000 : (int)(left / 1000) + 1) == 1) {
			char key[8];
			ssize_t n = read(STDIN_FILENO, key, sizeof key);
			bool was = p->paused;
			if (n <= 0)
				p->keys = false;
			else
				obey(p, key, n);
			if (was && !p->paused)
				(void)clock_gettime(CLOCK_MONOTONIC, &start);
			us = (int64_t)((double)us * speed / p->speed);
			speed = p->speed;
		}
	}
	return !interrupted;
}

/* ---- the screen ---- */

static int put_out(struct player *p, struct ztj_view v)
{
	int r;

	if (p->safe != NULL) {
		ztj_buf_reset(&p->bytes);
		if ((r = ztj_castsafe_put(p->safe, v, &p->bytes)) != ZTJ_OK)
			return r;
		v = ztj_buf_view(&p->bytes);
	}
	while (v.n > 0) {
		ssize_t n = write(STDOUT_FILENO, v.p, v.n);
		if (n < 0 && errno == EINTR && !interrupted)
			continue;
		if (n <= 0)
			return ZTJ_ABORTED;
		v = ztj_view_after(v, (size_t)n);
	}
	return ZTJ_OK;
}

static int show(const struct ztj_cast_event *e, void *arg)
{
	struct player *p = arg;
	int64_t pause = (int64_t)(e->us - p->at);

	if (p->idle_us > 0 && pause > p->idle_us)
		pause = p->idle_us;
	if (!p->live && e->us > p->target && !wait_us(p, (int64_t)((double)pause / p->speed)))
		return ZTJ_ABORTED;
	if (p->live && interrupted)
		return ZTJ_ABORTED;
	if (p->again)
		return ZTJ_STATE;
	p->at = e->us;
	if (e->code == 'o' || e->code == 'O' || e->code == 'E')
		return put_out(p, e->bytes);
	return ZTJ_OK;
}

static int begin(struct player *p, struct rec *rec)
{
	const char *speed = cli_opt(p->c, OPT_SPEED), *idle = cli_opt(p->c, OPT_IDLE),
		   *from = cli_opt(p->c, OPT_FROM);
	char *end = NULL;
	double seconds;

	p->rec = rec;
	p->speed = 1;
	ztj_buf_init(&p->bytes, 4 * ZTJ_CHUNK_TEXT_MAX);
	if (speed != NULL) {
		p->speed = strtod(speed, &end);
		if (*speed == '\0' || *end != '\0' || !(p->speed >= 1 / SPEED_MAX && p->speed <= SPEED_MAX))
			return cli_fail(p->c, ZTJ_USAGE, "--speed %s: not a factor such as 2 or 0.5",
			    cli_esc(p->c, speed));
	}
	if (idle != NULL) {
		seconds = strtod(idle, &end);
		if (*idle == '\0' || *end != '\0' || !(seconds > 0 && seconds < 1e6))
			return cli_fail(p->c, ZTJ_USAGE, "--idle %s: not seconds such as 2 or 0.5",
			    cli_esc(p->c, idle));
		p->idle_us = (int64_t)(seconds * 1e6);
	}
	if (from != NULL) {
		seconds = strtod(from, &end);
		if (*from == '\0' || *end != '\0' || !(seconds >= 0 && seconds < 1e9))
			return cli_fail(p->c, ZTJ_USAGE, "--from %s: not seconds such as 90",
			    cli_esc(p->c, from));
		p->target = (uint64_t)(seconds * 1e6);
	}
	return cli_is_set(p->c, OPT_RAW) ? ZTJ_OK : ztj_castsafe_new(ZTJ_CASTSAFE_REPLAY, &p->safe);
}

static void end(struct player *p)
{
	ztj_castsafe_free(p->safe);
	ztj_buf_free(&p->bytes);
}

/* ---- play ---- */

static int play_all(struct player *p)
{
	static const char clear[] = "\033[0m\033[2J\033[H";
	int r;

	do {
		p->again = false;
		p->at = 0;
		rec_rewind(p->rec);
		r = rec_events(p->rec, show, p);
		if (r == ZTJ_STATE && p->again) {
			restore(p);
			(void)!write(STDOUT_FILENO, clear, sizeof clear - 1);
		}
	} while (r == ZTJ_STATE && p->again && !interrupted);
	return interrupted || r == ZTJ_ABORTED ? ZTJ_OK : r;
}

/* ---- tail ---- */

/* All chunks that are whole, shown at once. */
static int show_new(struct player *p, struct ztj_cast_reader *reader, struct ztj_buf *text, bool last)
{
	struct ztj_cast_event e;
	struct ztj_chunk k;
	int r;

	while ((r = rec_chunk(p->rec, &k)) == ZTJ_OK) {
		ztj_buf_reset(text);
		if ((r = rec_text(p->rec, &k, text)) != ZTJ_OK ||
		    (r = ztj_cast_reader_add(reader, ztj_buf_view(text))) != ZTJ_OK)
			return r;
		while ((r = ztj_cast_reader_next(reader, false, &e)) == ZTJ_OK)
			if ((r = show(&e, p)) != ZTJ_OK)
				return r;
		if (r != ZTJ_NOT_FOUND)
			return r;
	}
	/* The text of whole chunks is whole lines: nothing of what was shown can change any more. */
	while (r == ZTJ_NOT_FOUND && ztj_cast_reader_next(reader, true, &e) == ZTJ_OK)
		if (show(&e, p) != ZTJ_OK)
			return ZTJ_ABORTED;
	(void)last;
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

static int follow(struct player *p)
{
	struct ztj_cast_reader *reader = NULL;
	struct ztj_buf text;
	time_t judged = 0;
	int r = ztj_cast_reader_new(&reader), pulled = ZTJ_OK;

	ztj_buf_init(&text, ZTJ_CHUNK_TEXT_MAX);
	while (r == ZTJ_OK && pulled != ZTJ_NOT_FOUND && !interrupted) {
		pulled = rec_pull(p->rec, LIVE_WAIT);
		if (pulled != ZTJ_OK && pulled != ZTJ_NOT_FOUND && pulled != ZTJ_TIMEOUT) {
			r = interrupted ? ZTJ_OK : pulled;
			break;
		}
		/* What the host signed meanwhile, before more of it is shown. */
		if (pulled == ZTJ_NOT_FOUND || cli_now() - judged >= 10) {
			r = rec_refresh(p->rec);
			judged = cli_now();
		}
		if (r == ZTJ_OK)
			r = show_new(p, reader, &text, pulled == ZTJ_NOT_FOUND);
	}
	ztj_cast_reader_free(reader);
	ztj_buf_free(&text);
	return r == ZTJ_ABORTED ? ZTJ_OK : r;
}

/* ---- commands ---- */

static int say_verdict(struct cli *c, struct rec *rec)
{
	const char *said;
	int r = rec_verdict(rec, &said);

	if (r == ZTJ_OK && !c->quiet)
		out_note(c, "%s", said);
	return r;
}

static int run(struct cli *c, bool live)
{
	struct player p = { .c = c, .live = live };
	struct rec rec;
	int r, e;

	if (c->json)
		return cli_fail(c, ZTJ_USAGE,
		    "a record is played, not printed; use: ztjit sessions export --format json");
	if ((r = api_open_login(c)) != ZTJ_OK || (r = held_sync(c)) != ZTJ_OK)
		return r;
	if ((r = rec_open(c, c->argv[0], &rec)) == ZTJ_OK && (r = begin(&p, &rec)) == ZTJ_OK &&
	    (r = rec_view(c, &rec.id, 1, live ? ZTJ_VIEW_TAIL : ZTJ_VIEW_PLAY)) == ZTJ_OK &&
	    (live || (r = rec_verify(&rec)) == ZTJ_OK)) {
		keys_on(&p);
		r = live ? follow(&p) : play_all(&p);
		if (r == ZTJ_OK && !live && cli_is_set(c, OPT_FOLLOW) && !interrupted && !rec.over) {
			p.live = true;
			r = follow(&p);
		}
		keys_off(&p);
		if (live || p.live) {
			e = interrupted ? ZTJ_OK : say_verdict(c, &rec);
			r = r != ZTJ_OK ? r : e;
		}
	}
	end(&p);
	rec_close(&rec);
	return r;
}

int cmd_sessions_play(struct cli *c)
{
	return run(c, false);
}

int cmd_sessions_tail(struct cli *c)
{
	return run(c, true);
}
