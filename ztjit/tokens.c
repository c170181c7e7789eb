/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Tokens for hosts. The file has one line for each: DIRECTORY NAME EXPIRES TOKEN [KEY=VALUE …]. No JSON: what
 * reads that keeps copies that nobody wipes.
 */
#include "ztjit/tokens.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"
#include "ztjit/out.h"

#define FILE_MAX (1u << 20)
#define WORD_MAX 160

static char *token_path(struct cli *c)
{
	return ctx_path(c, c->state_dir, "host-tokens");
}

/* ---- one line ---- */

/* The next word of a line, without its blank. */
static bool word(struct ztj_view *line, char *out, size_t size)
{
	const uint8_t *end = line->n > 0 ? memchr(line->p, ' ', line->n) : NULL;
	size_t n = end != NULL ? (size_t)(end - line->p) : line->n;

	if (n == 0 || n >= size)
		return false;
	memcpy(out, line->p, n);
	out[n] = '\0';
	*line = ztj_view_after(*line, n + 1);
	return true;
}

static int read_label(struct cli *c, const char *text, struct host_token *t)
{
	char *key = cli_strdup(c, text), *eq = key != NULL ? strchr(key, '=') : NULL;

	if (eq == NULL || t->nlabels == ZTJ_LABELS_MAX)
		return key == NULL ? ZTJ_NOMEM : ZTJ_BAD_ENCODING;
	*eq = '\0';
	t->labels[t->nlabels++] = (struct ztj_label){ .key = key, .value = eq + 1 };
	return ZTJ_OK;
}

static int read_line(struct cli *c, struct ztj_view line, struct host_token *t)
{
	char w[WORD_MAX];
	int r = ZTJ_OK;

	*t = (struct host_token){ .expires = 0 };
	if (!word(&line, t->directory, sizeof t->directory) || !ztj_name_ok(t->directory) ||
	    !word(&line, t->name, sizeof t->name) || !ztj_hostname_ok(t->name))
		return ZTJ_BAD_ENCODING;
	if (!word(&line, w, sizeof w) || ztj_time_parse(w, &t->expires) != ZTJ_OK)
		return ZTJ_BAD_ENCODING;
	if (!word(&line, w, sizeof w) || ztj_token_parse(w, t->token) != ZTJ_OK)
		r = ZTJ_BAD_ENCODING;
	while (r == ZTJ_OK && line.n > 0)
		r = word(&line, w, sizeof w) ? read_label(c, w, t) : ZTJ_BAD_ENCODING;
	ztj_wipe(w, sizeof w);
	return r;
}

static int put_line(const struct host_token *t, struct ztj_buf *out)
{
	char token[ZTJ_TOKEN_SIZE], until[ZTJ_TIME_SIZE];
	int r = ztj_time_format(t->expires, until);

	if (r != ZTJ_OK)
		return r;
	ztj_token_format(t->token, token);
	(void)ztj_buf_printf(out, "%s %s %s %s", t->directory, t->name, until, token);
	ztj_wipe(token, sizeof token);
	for (size_t i = 0; i < t->nlabels; i++)
		(void)ztj_buf_printf(out, " %s=%s", t->labels[i].key, t->labels[i].value);
	return ztj_buf_puts(out, "\n");
}

/* ---- the file ---- */

struct walk {
	const char *directory, *name; /* whom it is about */
	struct host_token *found;     /* NULL: not wanted */
	struct ztj_buf *others;       /* lines of all others that have not run out; NULL: not wanted */
};

static int each(struct cli *c, struct ztj_view line, struct walk *w)
{
	struct host_token t;
	int r = read_line(c, line, &t);
	bool his = r == ZTJ_OK && strcmp(t.directory, w->directory) == 0 && strcmp(t.name, w->name) == 0;

	if (his && w->found != NULL)
		*w->found = t;
	if (r == ZTJ_OK && !his && w->others != NULL && t.expires > cli_now())
		r = put_line(&t, w->others);
	ztj_wipe(t.token, sizeof t.token);
	return r;
}

static int walk(struct cli *c, struct walk *w)
{
	char *path = token_path(c);
	struct ztj_buf text;
	struct ztj_view left;
	int r;

	if (path == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&text, FILE_MAX);
	r = ctx_read(c, path, true, FILE_MAX, &text);
	left = ztj_buf_view(&text);
	while (r == ZTJ_OK && left.n > 0) {
		const uint8_t *nl = memchr(left.p, '\n', left.n);
		size_t n = nl != NULL ? (size_t)(nl - left.p) : left.n;

		if ((r = each(c, ztj_view_of(left.p, n), w)) == ZTJ_BAD_ENCODING)
			r = cli_fail(c, r, "%s is damaged; remove it, and give the hosts new tokens", path);
		left = ztj_view_after(left, n + 1);
	}
	ztj_buf_free(&text);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int tokens_find(struct cli *c, const char *directory, const char *name, struct host_token *out)
{
	struct walk w = { .directory = directory, .name = name, .found = out };
	int r;

	*out = (struct host_token){ .expires = 0 };
	r = walk(c, &w);
	return r == ZTJ_OK && out->name[0] == '\0' ? ZTJ_NOT_FOUND : r;
}

static int rewrite(struct cli *c, const char *directory, const char *name, const struct host_token *add)
{
	struct walk w = { .directory = directory, .name = name };
	char *path = token_path(c);
	struct ztj_buf text;
	int lock, r;

	if (path == NULL)
		return ZTJ_NOMEM;
	/* one writer at a time: a token that was printed must not be lost */
	if ((lock = open(c->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    flock(lock, LOCK_EX) != 0) {
		if (lock >= 0)
			(void)close(lock);
		return cli_fail(c, ZTJ_IO, "%s: %s", c->state_dir, ztj_err_text(ZTJ_IO));
	}
	ztj_buf_init(&text, FILE_MAX);
	w.others = &text;
	if ((r = walk(c, &w)) == ZTJ_OK && add != NULL)
		r = put_line(add, &text);
	if (r == ZTJ_OK && (r = ztj_buf_status(&text)) == ZTJ_OK &&
	    (r = ztj_file_write(path, ztj_buf_view(&text), 0600)) != ZTJ_OK)
		r = cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
	ztj_buf_free(&text);
	(void)close(lock);
	return r;
}

int tokens_add(struct cli *c, const struct host_token *t)
{
	return rewrite(c, t->directory, t->name, t);
}

void tokens_drop(struct cli *c, const char *directory, const char *name)
{
	struct host_token t;
	int r = tokens_find(c, directory, name, &t);

	ztj_wipe(t.token, sizeof t.token);
	if (r == ZTJ_OK)
		r = rewrite(c, directory, name, NULL);
	if (r != ZTJ_OK && r != ZTJ_NOT_FOUND) {
		cli_forget(c);
		out_warn(c, "the token of %s could not be forgotten: %s", cli_esc(c, name), ztj_err_text(r));
	}
}
