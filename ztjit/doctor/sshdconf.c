/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit/doctor/sshdconf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_MAX (1024u * 1024u)
#define BLANKS " \t\r\f"

struct reading {
	const struct sshdc_source *from;
	struct sshdc *out;
};
struct place {
	const char *file;
	unsigned line, depth;
	const char *match, *outer; /* outer: the block that includes this file */
};

static int load(struct reading *rd, const char *path, unsigned depth, const char *match);

void sshdc_free(struct sshdc *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->s[i].keyword);
		free(c->s[i].value);
	}
	for (size_t i = 0; i < c->nfiles; i++)
		free(c->file[i]);
	for (size_t i = 0; i < c->nmatches; i++)
		free(c->match[i]);
	free(c->s);
	free(c->file);
	free(c->match);
	*c = (struct sshdc){ .n = 0 };
}

static int keep(char ***list, size_t *n, size_t max, const char *text, const char **out)
{
	char **more;

	if (*n == max)
		return ZTJ_LIMIT;
	if ((more = reallocarray(*list, *n + 1, sizeof *more)) == NULL)
		return ZTJ_NOMEM;
	*list = more;
	if ((more[*n] = strdup(text)) == NULL)
		return ZTJ_NOMEM;
	*out = more[(*n)++];
	return ZTJ_OK;
}

/* ---- words ---- */

/* The next word, unquoted; false at the end or at a comment. out holds the line. */
static bool next_word(const char **at, char *out)
{
	const char *p = *at + strspn(*at, BLANKS);
	char quote = '\0';
	size_t n = 0;

	out[0] = '\0';
	if (*p == '\0' || *p == '#')
		return false;
	for (; *p != '\0' && (quote != '\0' || strchr(BLANKS, *p) == NULL); p++) {
		if (*p == '\\' && (p[1] == '"' || p[1] == '\'' || p[1] == '\\'))
			out[n++] = *++p;
		else if (quote == '\0' && (*p == '"' || *p == '\''))
			quote = *p;
		else if (quote != '\0' && *p == quote)
			quote = '\0';
		else
			out[n++] = *p;
	}
	out[n] = '\0';
	*at = p;
	return true;
}

/* Keyword, which may stand in quotes, then blanks or one "=". */
static bool keyword_of(const char **at, char *out)
{
	const char *p = *at + strspn(*at, BLANKS);
	bool quoted = *p == '"';
	size_t n = strcspn(p += quoted, BLANKS "=\"");

	if (n == 0 || *p == '#' || n > 64)
		return false;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)p[i]);
	out[n] = '\0';
	p += n;
	p += quoted && *p == '"';
	p += strspn(p, BLANKS);
	*at = *p == '=' ? p + 1 : p;
	return true;
}

static int join_words(const char *text, char *scratch, struct ztj_buf *out)
{
	int r = ZTJ_OK;

	while (r == ZTJ_OK && next_word(&text, scratch)) {
		if (out->n > 0)
			r = ztj_buf_puts(out, " ");
		if (r == ZTJ_OK)
			r = ztj_buf_puts(out, scratch);
	}
	return r;
}

/* ---- lines ---- */

/* Older names that sshd takes for the same (sshd -T says the newer ones). */
static const char *newer_name(const char *keyword)
{
	static const char *const older[][2] = { { "challengeresponseauthentication",
						    "kbdinteractiveauthentication" },
		{ "skeyauthentication", "kbdinteractiveauthentication" },
		{ "dsaauthentication", "pubkeyauthentication" },
		{ "pubkeyacceptedkeytypes", "pubkeyacceptedalgorithms" },
		{ "hostbasedacceptedkeytypes", "hostbasedacceptedalgorithms" } };

	for (size_t i = 0; i < sizeof older / sizeof older[0]; i++)
		if (strcmp(keyword, older[i][0]) == 0)
			return older[i][1];
	return keyword;
}

static int add(struct reading *rd, const char *keyword, const char *value, const struct place *at)
{
	struct sshdc *c = rd->out;
	struct sshdc_setting *more;

	if (c->n == SSHDC_SETTINGS_MAX)
		return ZTJ_LIMIT;
	if ((c->n & (c->n - 1)) == 0) {
		if ((more = reallocarray(c->s, c->n == 0 ? 1 : 2 * c->n, sizeof *more)) == NULL)
			return ZTJ_NOMEM;
		c->s = more;
	}
	c->s[c->n] = (struct sshdc_setting){ .keyword = strdup(newer_name(keyword)),
		.value = strdup(value),
		.file = at->file,
		.line = at->line,
		.match = at->match };
	c->n++;
	return c->s[c->n - 1].keyword != NULL && c->s[c->n - 1].value != NULL ? ZTJ_OK : ZTJ_NOMEM;
}

struct including {
	struct reading *rd;
	const struct place *at;
};

static int include_one(void *arg, const char *path)
{
	const struct including *in = arg;

	return load(in->rd, path, in->at->depth + 1, in->at->match);
}

/* What a Match block in an included file opens ends with that file. */
static int include(struct reading *rd, const char *rest, char *scratch, const struct place *at)
{
	struct including in = { rd, at };
	char pattern[4096];
	int r = ZTJ_OK;

	while (r == ZTJ_OK && next_word(&rest, scratch)) {
		int n = snprintf(pattern, sizeof pattern, "%s%s",
		    scratch[0] == '/' || scratch[0] == '~' ? "" : "/etc/ssh/", scratch);

		if (n < 0 || (size_t)n >= sizeof pattern)
			return ZTJ_LIMIT;
		r = rd->from->expand(rd->from->arg, pattern, include_one, &in);
	}
	return r;
}

static int match(struct reading *rd, const char *value, struct place *at)
{
	at->match = at->outer;
	if (strcasecmp(value, "all") == 0)
		return ZTJ_OK;
	return keep(&rd->out->match, &rd->out->nmatches, SSHDC_SETTINGS_MAX, value, &at->match);
}

static int one_line(struct reading *rd, const char *text, struct place *at)
{
	char keyword[65], *scratch = malloc(strlen(text) + 1);
	struct ztj_buf value;
	const char *v;
	int r = scratch != NULL ? ZTJ_OK : ZTJ_NOMEM;

	ztj_buf_init(&value, FILE_MAX);
	if (r == ZTJ_OK && keyword_of(&text, keyword)) {
		if (strcmp(keyword, "include") == 0) {
			r = include(rd, text, scratch, at);
		} else if ((r = join_words(text, scratch, &value)) == ZTJ_OK) {
			v = ztj_buf_str(&value);
			if (v == NULL)
				r = ZTJ_NOMEM;
			else
				r = strcmp(keyword, "match") == 0 ? match(rd, v, at)
								  : add(rd, keyword, v, at);
		}
	}
	ztj_buf_free(&value);
	free(scratch);
	return r;
}

static int parse(struct reading *rd, struct ztj_view text, struct place *at)
{
	struct ztj_buf line;
	int r = ZTJ_OK;

	ztj_buf_init(&line, FILE_MAX + 1);
	while (r == ZTJ_OK && text.n > 0) {
		const uint8_t *nl = memchr(text.p, '\n', text.n);
		size_t len = nl != NULL ? (size_t)(nl - text.p) : text.n;

		at->line++;
		ztj_buf_reset(&line);
		r = ztj_buf_put(&line, text.p, len);
		if (r == ZTJ_OK)
			r = ztj_buf_str(&line) != NULL ? one_line(rd, ztj_buf_str(&line), at) : ZTJ_NOMEM;
		text = ztj_view_after(text, len + 1);
	}
	ztj_buf_free(&line);
	return r;
}

static int load(struct reading *rd, const char *path, unsigned depth, const char *in_match)
{
	struct place at = { .depth = depth, .match = in_match, .outer = in_match };
	struct ztj_buf text;
	int r;

	if (depth >= SSHDC_DEPTH_MAX)
		return ZTJ_LIMIT;
	ztj_buf_init(&text, FILE_MAX);
	r = rd->from->read(rd->from->arg, path, &text);
	if (r == ZTJ_OK && text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
		r = ZTJ_BAD_TEXT;
	if (r == ZTJ_OK)
		r = keep(&rd->out->file, &rd->out->nfiles, SSHDC_FILES_MAX, path, &at.file);
	if (r == ZTJ_OK)
		r = parse(rd, ztj_buf_view(&text), &at);
	ztj_buf_free(&text);
	return r == ZTJ_NOT_FOUND && depth > 0 ? ZTJ_OK : r;
}

int sshdc_read(const struct sshdc_source *from, const char *main_file, struct sshdc *out)
{
	struct reading rd = { .from = from, .out = out };
	int r;

	*out = (struct sshdc){ .n = 0 };
	r = load(&rd, main_file, 0, NULL);
	if (r != ZTJ_OK)
		sshdc_free(out);
	return r;
}

const struct sshdc_setting *sshdc_first(const struct sshdc *c, const char *keyword)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->s[i].match == NULL && strcmp(c->s[i].keyword, keyword) == 0)
			return &c->s[i];
	return NULL;
}

bool sshdc_effective(const char *dump, const char *keyword, char *out, size_t size)
{
	size_t k = strlen(keyword), n;

	for (; *dump != '\0'; dump += *dump == '\n') {
		n = strcspn(dump, "\n");
		if (n > k && strncmp(dump, keyword, k) == 0 && dump[k] == ' ') {
			n -= k + 1;
			if (n >= size)
				return false;
			memcpy(out, dump + k + 1, n);
			out[n] = '\0';
			return true;
		}
		dump += n;
	}
	return false;
}
