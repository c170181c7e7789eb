/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What somebody accepts, why, and until when. The file is read whole or not at all. */
#include "ztjit/scan/scan.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/core/ztime.h"

#define REASON_MAX 400

bool scan_finger_ok(const char *text)
{
	uint8_t b[SCAN_FINGER_SIZE / 2];

	return ztj_unhex(ztj_view_str(text), b, sizeof b) == ZTJ_OK;
}

static bool cut(struct ztj_view *v, char *out, size_t size)
{
	struct ztj_view w;

	if (!scan_word(v, &w) || w.n >= size || memchr(w.p, '\0', w.n) != NULL)
		return false;
	memcpy(out, w.p, w.n);
	out[w.n] = '\0';
	return true;
}

/* line lies in memory of ours, and a byte follows it: the reason ends in place. */
static int read_line(struct ztj_view line, struct scan_exception *x, char *memory)
{
	char until[ZTJ_TIME_SIZE];
	const uint8_t *start = line.p;

	if (!cut(&line, x->finger, sizeof x->finger) || !scan_finger_ok(x->finger) ||
	    !cut(&line, until, sizeof until) || ztj_time_parse(until, &x->until) != ZTJ_OK)
		return ZTJ_CONFIG;
	line = scan_trim(line);
	if (line.n == 0 || line.n > REASON_MAX || !ztj_text_ok(line))
		return ZTJ_CONFIG;
	memory += line.p - start;
	memory[line.n] = '\0';
	x->reason = memory;
	return ZTJ_OK;
}

static int add(struct scan_baseline *b, const struct scan_exception *x)
{
	struct scan_exception *more = b->n % 64 == 0 ? reallocarray(b->at, b->n + 64, sizeof *more) : b->at;

	if (more == NULL)
		return ZTJ_NOMEM;
	b->at = more;
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->at[i].finger, x->finger) == 0)
			return ZTJ_CONFIG;
	b->at[b->n++] = *x;
	return ZTJ_OK;
}

int scan_baseline_parse(struct ztj_view text, struct scan_baseline *out, unsigned *line)
{
	struct scan_lines l = { .no = 0 };
	struct ztj_view v;
	int r;

	*out = (struct scan_baseline){ .n = 0 };
	*line = 0;
	ztj_buf_init(&out->text, SCAN_BASELINE_MAX + 1);
	if ((r = ztj_buf_put(&out->text, text.p, text.n)) == ZTJ_OK)
		r = ztj_buf_put_u8(&out->text, 0);
	if (r == ZTJ_OK)
		l.left = ztj_view_of(out->text.p, text.n);
	while (r == ZTJ_OK && scan_line(&l, &v)) {
		struct scan_exception x = { .until = 0 };

		*line = l.no;
		if (scan_trim(v).n == 0 || scan_trim(v).p[0] == '#')
			continue;
		r = read_line(v, &x, (char *)out->text.p + (v.p - out->text.p));
		if (r == ZTJ_OK)
			r = add(out, &x);
	}
	if (r != ZTJ_OK)
		scan_baseline_free(out);
	return r;
}

void scan_baseline_free(struct scan_baseline *b)
{
	ztj_buf_free(&b->text);
	free(b->at);
	b->at = NULL;
	b->n = 0;
}

void scan_baseline_apply(const struct scan_baseline *b, struct scan *s)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < b->n; k++) {
			struct scan_entry *e = &s->entry[i];

			if (strcmp(b->at[k].finger, e->finger) != 0)
				continue;
			e->state = b->at[k].until > s->now ? SCAN_ACCEPTED : SCAN_EXPIRED;
			e->reason = b->at[k].reason;
			e->until = b->at[k].until;
		}
}

int scan_baseline_put(struct ztj_view text, const struct scan_exception *x, const char *note,
    struct ztj_buf *out)
{
	struct scan_lines l = { .left = text };
	char until[ZTJ_TIME_SIZE];
	struct ztj_view v, w;
	int r = ztj_time_format(x->until, until);

	while (r == ZTJ_OK && scan_line(&l, &v)) {
		struct ztj_view rest = v;

		if (scan_word(&rest, &w) && ztj_view_eq_str(w, x->finger))
			continue;
		(void)ztj_buf_put(out, v.p, v.n);
		r = ztj_buf_put_u8(out, '\n');
	}
	if (r == ZTJ_OK)
		r = ztj_buf_printf(out, "# %s\n%s %s %s\n", note, x->finger, until, x->reason);
	return r;
}
