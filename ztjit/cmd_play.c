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
/* Short, so that a key is heard; the broker answers at once when there is more. */
#define LIVE_WAIT 2
#define JUDGE_SECONDS 10
/* A host signs at least every ten seconds. */
#define UNSIGNED_SECONDS 60
#define SPEED_MAX 1000.0

struct player {
	struct cli *c;
	struct rec *rec;
	struct ztj_castsafe *safe; /* NULL: --raw */
	struct ztj_buf bytes;
	double speed;
	uint64_t idle_us; /* 0: pauses as they were */
	bool live, paused;
	bool keys, tty, saved; /* keys are heard; on a terminal; which was like this before */
	struct termios before, during;
	uint64_t now;   /* where whoever watches is, in microseconds of the record */
	uint64_t shown; /* the last event's */
	bool again;     /* now lies before it: from the start */
	json_t *end;    /* the q event */
};

/* ---- the keyboard ---- */

static volatile sig_atomic_t interrupted, continued;

static void on_signal(int sig)
{
	if (sig == SIGCONT)
		continued = 1;
	else
		interrupted = 1;
}

/* What was recorded of a terminal comes as that terminal sent it: nothing may be added to its line feeds. */
static void keys_on(struct player *p)
{
	struct sigaction sa = { .sa_handler = on_signal };

	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGHUP, &sa, NULL);
	(void)sigaction(SIGCONT, &sa, NULL);
	p->tty = isatty(STDOUT_FILENO) != 0;
	if (!p->tty || tcgetattr(STDOUT_FILENO, &p->before) != 0)
		return;
	p->during = p->before;
	if (json_is_true(json_object_get(p->rec->about, "tty")))
		p->during.c_oflag &= ~(tcflag_t)OPOST;
	if (isatty(STDIN_FILENO)) {
		p->during.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		p->during.c_cc[VMIN] = 1;
		p->during.c_cc[VTIME] = 0;
		p->keys = true;
	}
	p->saved = tcsetattr(STDOUT_FILENO, TCSADRAIN, &p->during) == 0;
}

static int write_all(const uint8_t *b, size_t n)
{
	while (n > 0) {
		ssize_t put = write(STDOUT_FILENO, b, n);

		if (put < 0 && errno == EINTR && !interrupted)
			continue;
		if (put <= 0)
			return ZTJ_ABORTED;
		b += put;
		n -= (size_t)put;
	}
	return ZTJ_OK;
}

/* Puts back what the record changed of the terminal. */
static void restore(struct player *p)
{
	static const char raw[] = "\033\\\033[0m\033[?25h\033[?7h\033[?1049l\0337\033[r\0338\033(B\017"
				  "\033[?1000l\033[?1002l\033[?1003l\033[?1004l\033[?2004l\033[?1l\033>";

	ztj_buf_reset(&p->bytes);
	if (p->safe != NULL) {
		if (ztj_castsafe_end(p->safe, &p->bytes) == ZTJ_OK)
			(void)write_all(p->bytes.p, p->bytes.n);
	} else if (p->tty) {
		(void)write_all((const uint8_t *)raw, sizeof raw - 1);
	}
}

static void keys_off(struct player *p)
{
	restore(p);
	if (p->tty)
		(void)write_all((const uint8_t *)"\r\n", 2);
	if (p->saved)
		(void)tcsetattr(STDOUT_FILENO, TCSADRAIN, &p->before);
}

static void seek(struct player *p, int64_t by)
{
	if (by >= 0)
		p->now += (uint64_t)by;
	else
		p->now = p->now > (uint64_t)-by ? p->now - (uint64_t)-by : 0;
	p->again = p->now < p->shown;
}

static void obey(struct player *p, const char *key, size_t n)
{
	if (n == 1 && (key[0] == 'q' || key[0] == 'Q'))
		interrupted = 1;
	else if (p->live)
		return;
	else if (n == 1 && key[0] == ' ')
		p->paused = !p->paused;
	else if (n == 3 && memcmp(key, "\033[C", 3) == 0)
		seek(p, STEP_US);
	else if (n == 3 && memcmp(key, "\033[D", 3) == 0)
		seek(p, -STEP_US);
	else if (n == 3 && memcmp(key, "\033[A", 3) == 0)
		p->speed = p->speed * 2 <= SPEED_MAX ? p->speed * 2 : p->speed;
	else if (n == 3 && memcmp(key, "\033[B", 3) == 0)
		p->speed = p->speed / 2 >= 1 / SPEED_MAX ? p->speed / 2 : p->speed;
}

/* Keys for so long at most. Several that came at once are several. */
static void hear(struct player *p, int ms)
{
	struct pollfd fd = { .fd = p->keys ? STDIN_FILENO : -1, .events = POLLIN };
	char key[64];
	ssize_t n;

	if (continued && p->saved)
		(void)tcsetattr(STDOUT_FILENO, TCSADRAIN, &p->during);
	continued = 0;
	if (poll(&fd, 1, ms) != 1)
		return;
	if ((n = read(STDIN_FILENO, key, sizeof key)) <= 0) {
		p->keys = p->paused = false; /* nobody is there who could go on */
		return;
	}
	for (size_t i = 0, left = (size_t)n; left > 0;) {
		size_t len = left >= 3 && memcmp(key + i, "\033[", 2) == 0 ? 3 : 1;
		obey(p, key + i, len);
		i += len;
		left -= len;
	}
}

/* Until this time of the record, at the chosen speed. false: it is enough. */
static bool wait_until(struct player *p, uint64_t us)
{
	struct timespec then, t;

	if (p->idle_us > 0 && us > p->now && us - p->now > p->idle_us)
		p->now = us - p->idle_us;
	(void)clock_gettime(CLOCK_MONOTONIC, &then);
	while (!interrupted && !p->again && (p->now < us || p->paused)) {
		double left = p->paused ? 1e6 : (double)(us - p->now) / p->speed;
		double gone;

		hear(p, left >= 1e6 ? 1000 : (int)(left / 1000) + 1);
		(void)clock_gettime(CLOCK_MONOTONIC, &t);
		gone = (double)(t.tv_sec - then.tv_sec) * 1e6 + (double)(t.tv_nsec - then.tv_nsec) / 1e3;
		then = t;
		if (!p->paused && !p->again)
			p->now += (uint64_t)(gone * p->speed);
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
	return write_all(v.p, v.n);
}

static int show(const struct ztj_cast_event *e, void *arg)
{
	struct player *p = arg;

	if (p->live ? interrupted : !wait_until(p, e->us))
		return ZTJ_ABORTED;
	if (p->again)
		return ZTJ_STATE;
	p->shown = e->us;
	if (e->code == 'q') {
		json_decref(p->end);
		p->end = json_loadb((const char *)e->bytes.p, e->bytes.n, JSON_REJECT_DUPLICATES, NULL);
	}
	return e->code == 'o' || e->code == 'O' || e->code == 'E' ? put_out(p, e->bytes) : ZTJ_OK;
}

/* A number that a person wrote; digits and a point, so that "inf" and "0x1p3" are none. */
static int number(struct cli *c, enum cli_opt_id id, double least, double most, double *out)
{
	const char *s = cli_opt(c, id);
	char *end = NULL;

	if (s == NULL)
		return ZTJ_OK;
	*out = strtod(s, &end);
	return s[0] != '\0' && s[strspn(s, "0123456789.")] == '\0' && *end == '\0' && *out >= least &&
		*out <= most
	    ? ZTJ_OK
	    : cli_fail(c, ZTJ_USAGE, "%s: not a number such as 2 or 0.5, from %g to %g", cli_esc(c, s), least,
		  most);
}

static int begin(struct player *p, struct rec *rec)
{
	double idle = 0, from = 0;
	int r;

	p->rec = rec;
	p->speed = 1;
	ztj_buf_init(&p->bytes, 8 * ZTJ_CHUNK_TEXT_MAX);
	if ((r = number(p->c, OPT_SPEED, 1 / SPEED_MAX, SPEED_MAX, &p->speed)) != ZTJ_OK ||
	    (r = number(p->c, OPT_IDLE, 0.001, 1e6, &idle)) != ZTJ_OK ||
	    (r = number(p->c, OPT_FROM, 0, 1e9, &from)) != ZTJ_OK)
		return r;
	p->idle_us = (uint64_t)(idle * 1e6);
	p->now = (uint64_t)(from * 1e6);
	return cli_is_set(p->c, OPT_RAW) ? ZTJ_OK : ztj_castsafe_new(ZTJ_CASTSAFE_REPLAY, &p->safe);
}

static void end(struct player *p)
{
	ztj_castsafe_free(p->safe);
	ztj_buf_free(&p->bytes);
	json_decref(p->end);
}

/* ---- play ---- */

static int play_all(struct player *p)
{
	static const char clear[] = "\033[0m\033[2J\033[H";
	int r;

	do {
		p->again = false;
		p->shown = 0;
		rec_rewind(p->rec);
		r = rec_events(p->rec, show, p);
		if (r == ZTJ_STATE && p->again) {
			restore(p);
			if (p->tty)
				(void)write_all((const uint8_t *)clear, sizeof clear - 1);
		}
	} while (r == ZTJ_STATE && p->again && !interrupted);
	return interrupted ? ZTJ_OK : r;
}

/* ---- tail ---- */

struct live {
	struct player *p;
	struct ztj_cast_reader *reader;
	struct ztj_buf text;
	int64_t asked, signed_at; /* for the newest head; when all that is here was signed */
};

static int show_text(struct live *l, bool end)
{
	struct ztj_cast_event e;
	int r;

	while ((r = ztj_cast_reader_next(l->reader, end, &e)) == ZTJ_OK)
		if ((r = show(&e, l->p)) != ZTJ_OK)
			return r;
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : rec_malformed(l->p->rec, r);
}

/* All chunks that are whole, shown at once. A chunk's text is whole events: the last one waits for nothing. */
static int show_new(struct live *l)
{
	struct rec *rec = l->p->rec;
	struct ztj_chunk k = { .seq = 0 };
	int r;

	while ((r = rec_chunk(rec, &k)) == ZTJ_OK) {
		ztj_buf_reset(&l->text);
		if ((r = rec_text(rec, &k, &l->text)) != ZTJ_OK)
			return r;
		if ((r = ztj_cast_reader_add(l->reader, ztj_buf_view(&l->text))) != ZTJ_OK)
			return rec_malformed(rec, r);
		if ((r = show_text(l, true)) != ZTJ_OK)
			return r;
	}
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

/* What the host signed meanwhile, before more is shown. What it has not signed yet is shown as it comes, but not for long. */
static int judge(struct live *l, bool now)
{
	struct rec *rec = l->p->rec;
	int64_t t = cli_now();
	int r = ZTJ_OK;

	if (now || t - l->asked >= JUDGE_SECONDS || t < l->asked) {
		l->asked = t;
		r = rec_refresh(rec);
	}
	if (r == ZTJ_OK)
		r = rec_vouched(rec);
	if (r == ZTJ_OK && (r = rec_prove(rec)) == ZTJ_NOT_FOUND)
		r = ZTJ_OK; /* on its way */
	if (rec->proved.chunks >= rec->chain.chunks)
		l->signed_at = t;
	if (r == ZTJ_OK && t - l->signed_at > UNSIGNED_SECONDS)
		r = cli_fail(l->p->c, ZTJ_ALTERED,
		    "%s: for a minute %s has signed nothing of what is shown here, after chunk %u", rec->id,
		    rec->host, rec->proved.chunks);
	return r;
}

/* A leave to look lapses while a record is played for long. */
static int pull(struct player *p)
{
	const char *id = p->rec->id;
	int r = rec_pull(p->rec, LIVE_WAIT);

	if (r != ZTJ_STEPUP_NEEDED)
		return r;
	cli_forget(p->c);
	r = rec_view(p->c, &id, 1, ZTJ_VIEW_TAIL);
	return r == ZTJ_OK ? ZTJ_TIMEOUT : r;
}

/* Until the end of the session. Nothing new is asked for in less than a second, whatever the broker answers. */
static int follow_on(struct live *l)
{
	struct player *p = l->p;
	int r = judge(l, true), pulled = ZTJ_OK;

	while (r == ZTJ_OK && pulled != ZTJ_NOT_FOUND && !interrupted) {
		int64_t before = cli_now();

		pulled = pull(p);
		if (pulled != ZTJ_OK && pulled != ZTJ_NOT_FOUND && pulled != ZTJ_TIMEOUT)
			return pulled;
		if ((r = judge(l, pulled == ZTJ_NOT_FOUND)) == ZTJ_OK)
			r = show_new(l);
		hear(p, pulled == ZTJ_TIMEOUT && cli_now() == before ? 1000 : 0);
	}
	return r;
}

static int follow(struct player *p)
{
	struct live l = { .p = p, .signed_at = cli_now() };
	int r = ztj_cast_reader_new(&l.reader);

	p->live = p->rec->live = true;
	ztj_buf_init(&l.text, ZTJ_CHUNK_TEXT_MAX);
	/* after a play the reader begins in the middle: the header stands in the first chunk */
	if (r == ZTJ_OK && p->rec->chain.chunks > 0)
		r = ztj_cast_reader_add(l.reader, ztj_view_str("{\"version\": 2}\n"));
	if (r == ZTJ_OK)
		r = follow_on(&l);
	ztj_cast_reader_free(l.reader);
	ztj_buf_free(&l.text);
	return interrupted ? ZTJ_OK : r;
}

/* ---- commands ---- */

/* After the last event, when all of it was shown. */
static void say_flow(struct cli *c, const json_t *end, const char *name, const char *what)
{
	const json_t *o = json_object_get(end, name);

	if (json_is_object(o))
		out_note(c, "  %-9s %lld bytes, sha256:%s", what,
		    (long long)json_integer_value(json_object_get(o, "bytes")),
		    cli_esc(c, api_str(o, "sha256")));
}

static void say_end(struct cli *c, const json_t *end)
{
	const json_t *exit = json_object_get(end, "exit"), *signal = json_object_get(end, "signal");

	if (json_is_true(json_object_get(end, "lost")))
		out_note(c, "The recorder failed here.");
	else if (json_is_integer(exit))
		out_note(c, "It ended with exit status %lld.", (long long)json_integer_value(exit));
	else if (json_is_integer(signal))
		out_note(c, "It was ended by signal %lld.", (long long)json_integer_value(signal));
	say_flow(c, end, "in", "input:");
	say_flow(c, end, "out", "output:");
	say_flow(c, end, "err", "errors:");
}

static int say_verdict(struct cli *c, struct rec *rec)
{
	const char *said;
	int r;

	/* all that was shown must be what was signed, once it is over */
	if ((r = rec_verdict(rec, &said)) != ZTJ_OK)
		return r;
	if (rec->head != NULL && rec->over && rec->chain.chunks > rec->proved.chunks)
		return cli_fail(c, ZTJ_ALTERED, "%s: %u chunks were shown, %s signed %u", rec->id,
		    rec->chain.chunks, rec->host, rec->proved.chunks);
	out_note(c, "%s: %s", rec->id, said);
	return ZTJ_OK;
}

static int watch(struct player *p, bool live)
{
	struct cli *c = p->c;
	int r, e;

	keys_on(p);
	r = live ? follow(p) : play_all(p);
	if (r == ZTJ_OK && !live && cli_is_set(c, OPT_FOLLOW) && !interrupted && !p->rec->over)
		r = follow(p);
	keys_off(p);
	if (r == ZTJ_ABORTED)
		r = cli_fail(c, ZTJ_IO, "it could not be written to standard output");
	if (r == ZTJ_OK && !interrupted)
		say_end(c, p->end);
	if (r == ZTJ_OK && p->live) {
		e = say_verdict(c, p->rec);
		r = interrupted && e != ZTJ_ALTERED ? ZTJ_OK : e;
	}
	return r;
}

static int run(struct cli *c, bool live)
{
	struct player p = { .c = c };
	const char *id;
	struct rec rec;
	int r;

	if (c->json) {
		cli_hint(c, "ztjit sessions export --format json");
		return cli_fail(c, ZTJ_USAGE, "a record is played, not printed as JSON");
	}
	if ((r = api_open_login(c)) != ZTJ_OK || (r = held_sync(c)) != ZTJ_OK)
		return r;
	if ((r = rec_open(c, c->argv[0], &rec)) == ZTJ_OK && (r = begin(&p, &rec)) == ZTJ_OK &&
	    (r = rec_vouched(&rec)) == ZTJ_OK) {
		id = rec.id;
		r = rec_view(c, &id, 1, live ? ZTJ_VIEW_TAIL : ZTJ_VIEW_PLAY);
		if (r == ZTJ_OK && !live)
			r = rec_verify(&rec);
		if (r == ZTJ_OK)
			r = watch(&p, live);
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
