/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * sshd_config: the first value wins, a Match block wins over all of them. Which line would win over
 * ours is found by reading as sshd reads, so that it can be named.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ztjit-hostd/install_int.h"

#define MAIN "/etc/ssh/sshd_config"
#define DEPTH 16 /* as sshd's own */
#define WANTED 64

/* ---- lines ---- */

/* sshd's words: blanks between them, quotes around them, a comment ends them. */
static bool next_word(struct ztj_view *v, char *out, size_t size)
{
	size_t n = 0;
	uint8_t quote = 0;

	while (v->n > 0 && isspace(v->p[0]))
		*v = ztj_view_after(*v, 1);
	if (v->n == 0 || v->p[0] == '#')
		return false;
	for (; v->n > 0 && (quote != 0 || !isspace(v->p[0])); *v = ztj_view_after(*v, 1)) {
		uint8_t c = v->p[0];
		if (quote == 0 ? c == '"' || c == '\'' : c == quote) {
			quote = quote == 0 ? c : 0;
			continue;
		}
		if (n + 1 < size)
			out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

bool ztj_inst_sshd_line(struct ztj_view line, struct ztj_inst_sshd_line *out)
{
	char w[512];
	size_t n = 0, at = 0;
	bool quoted;
	const uint8_t *nul = line.n > 0 ? memchr(line.p, '\0', line.n) : NULL;

	/* Where sshd's strings end as well. */
	if (nul != NULL)
		line.n = (size_t)(nul - line.p);
	out->key[0] = out->args[0] = '\0';
	while (line.n > 0 && isspace(line.p[0]))
		line = ztj_view_after(line, 1);
	if (line.n == 0 || line.p[0] == '#')
		return false;
	/* sshd takes quotes from a keyword as well */
	quoted = line.p[0] == '"';
	line = ztj_view_after(line, quoted ? 1 : 0);
	while (n < line.n && !isspace(line.p[n]) && line.p[n] != '=' && line.p[n] != '"')
		n++;
	if (n == 0 || n >= sizeof(out->key))
		return false;
	for (size_t i = 0; i < n; i++)
		out->key[i] = (char)tolower(line.p[i]);
	out->key[n] = '\0';
	line = ztj_view_after(line, n);
	if (quoted && line.n > 0 && line.p[0] == '"')
		line = ztj_view_after(line, 1);
	while (line.n > 0 && isspace(line.p[0]))
		line = ztj_view_after(line, 1);
	if (line.n > 0 && line.p[0] == '=')
		line = ztj_view_after(line, 1);
	while (next_word(&line, w, sizeof(w))) {
		int k = snprintf(out->args + at, sizeof(out->args) - at, "%s%s", at > 0 ? " " : "", w);
		if (k < 0 || (size_t)k >= sizeof(out->args) - at)
			break; /* longer than anything of ours: different all the same */
		at += (size_t)k;
	}
	return true;
}

/* Names of the same thing. */
static const char *canonical(const char *key)
{
	static const char *const alias[][2] = { { "challengeresponseauthentication",
						    "kbdinteractiveauthentication" },
		{ "skeyauthentication", "kbdinteractiveauthentication" },
		{ "dsaauthentication", "pubkeyauthentication" },
		{ "authorizedkeysfile2", "authorizedkeysfile" },
		{ "pubkeyacceptedkeytypes", "pubkeyacceptedalgorithms" } };

	for (size_t i = 0; i < sizeof(alias) / sizeof(alias[0]); i++)
		if (strcmp(key, alias[i][0]) == 0)
			return alias[i][1];
	return key;
}

static bool same_value(const char *a, const char *b)
{
	static const char old[] = "without-password", new[] = "prohibit-password";

	if (strcasecmp(a, old) == 0)
		a = new;
	return strcasecmp(strcasecmp(b, old) == 0 ? new : b, a) == 0;
}

/* ---- which line wins ---- */

struct walk {
	struct ztj_inst *in;
	const char *path; /* ours */
	struct ztj_inst_sshd_line want[WANTED];
	size_t nwant;
	bool reached;                  /* ours has been read by now */
	char list[ZTJ_INST_ERR - 128]; /* lines that win */
	size_t nlist;
	int depth;
};

static void wins(struct walk *w, const char *path, unsigned number, const struct ztj_inst_sshd_line *l)
{
	int n = snprintf(w->list + w->nlist, sizeof(w->list) - w->nlist, "\n  %s:%u: %s %s", path, number,
	    l->key, l->args);

	if (n > 0 && (size_t)n < sizeof(w->list) - w->nlist)
		w->nlist += (size_t)n;
}

static void setting(struct walk *w, const char *path, unsigned number, const struct ztj_inst_sshd_line *l,
    bool match)
{
	if (w->reached && !match)
		return;
	for (size_t i = 0; i < w->nwant; i++)
		if (strcmp(canonical(l->key), w->want[i].key) == 0 && !same_value(l->args, w->want[i].args))
			wins(w, path, number, l);
}

static int walk_file(struct walk *w, const char *path, bool match);

/* In sshd's order, with ours where it will stand. */
static int walk_paths(struct walk *w, const char *pattern, const glob_t *g, bool match)
{
	size_t skip = strlen(w->in->root);
	bool ours = fnmatch(pattern, w->path, FNM_PATHNAME | FNM_PERIOD) == 0;
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i <= g->gl_pathc; i++) {
		const char *path = i < g->gl_pathc ? g->gl_pathv[i] + skip : NULL;
		if (ours && (path == NULL || strcmp(path, w->path) >= 0)) {
			if (match)
				return ztj_inst_fail(w->in, ZTJ_STATE,
				    MAIN " includes %s only below a Match line", w->path);
			w->reached = true;
			ours = false;
		}
		if (path != NULL && strcmp(path, w->path) != 0)
			r = walk_file(w, path, match);
	}
	return r;
}

static int walk_include(struct walk *w, const char *args, bool match)
{
	struct ztj_view v = ztj_view_str(args);
	char pattern[ZTJ_INST_PATH], full[2 * ZTJ_INST_PATH], word[ZTJ_INST_PATH];
	int r = ZTJ_OK;

	while (r == ZTJ_OK && next_word(&v, word, sizeof(word))) {
		glob_t g = { .gl_pathc = 0 };
		if (snprintf(pattern, sizeof(pattern), "%s%s", word[0] == '/' ? "" : "/etc/ssh/", word) >=
			(int)sizeof(pattern) ||
		    snprintf(full, sizeof(full), "%s%s", w->in->root, pattern) >= (int)sizeof(full))
			return ztj_inst_fail(w->in, ZTJ_TOO_LARGE, "Include %s", word);
		r = glob(full, 0, NULL, &g) == GLOB_NOSPACE ? ZTJ_NOMEM : ZTJ_OK;
		if (r == ZTJ_OK)
			r = walk_paths(w, pattern, &g, match);
		globfree(&g);
	}
	return r;
}

static int walk_text(struct walk *w, const char *path, struct ztj_view text, bool match)
{
	struct ztj_view line;
	int r = ZTJ_OK;

	for (unsigned number = 1; r == ZTJ_OK && ztj_inst_next_line(&text, &line); number++) {
		struct ztj_inst_sshd_line l;
		if (!ztj_inst_sshd_line(line, &l))
			continue;
		if (strcmp(l.key, "match") == 0)
			match = true;
		else if (strcmp(l.key, "include") == 0)
			r = walk_include(w, l.args, match);
		else
			setting(w, path, number, &l, match);
	}
	return r;
}

static int walk_file(struct walk *w, const char *path, bool match)
{
	struct ztj_inst_file f;
	int r;

	if (w->depth == DEPTH)
		return ztj_inst_fail(w->in, ZTJ_LIMIT, "%s: too many files that include each other", path);
	ztj_inst_file_init(&f);
	r = ztj_inst_file_read(w->in, path, &f);
	w->depth++;
	if (r == ZTJ_OK)
		r = walk_text(w, path, ztj_buf_view(&f.data), match);
	w->depth--;
	ztj_inst_file_free(&f);
	return r;
}

/* What a drop-in sets. */
static size_t read_wanted(struct ztj_view drop_in, struct ztj_inst_sshd_line want[WANTED])
{
	struct ztj_view line;
	size_t n = 0;

	while (ztj_inst_next_line(&drop_in, &line))
		if (n < WANTED && ztj_inst_sshd_line(line, &want[n]))
			n++;
	return n;
}

int ztj_inst_sshd_wins(struct ztj_inst *in, const char *path, struct ztj_view drop_in)
{
	struct walk *w = calloc(1, sizeof(*w));
	int r;

	if (w == NULL)
		return ZTJ_NOMEM;
	w->in = in;
	w->path = path;
	w->nwant = read_wanted(drop_in, w->want);
	r = walk_file(w, MAIN, false);
	if (r == ZTJ_OK && !w->reached)
		r = ztj_inst_fail(in, ZTJ_STATE,
		    MAIN
		    " does not include %s; put this line at its top: Include /etc/ssh/sshd_config.d/*.conf",
		    path);
	else if (r == ZTJ_OK && w->nlist > 0)
		r = ztj_inst_fail(in, ZTJ_STATE,
		    "these lines of sshd's configuration would win over %s; remove them:%s", path, w->list);
	free(w);
	return r;
}

/* ---- what sshd says ---- */

static bool says(struct ztj_view said, const struct ztj_inst_sshd_line *want, struct ztj_inst_sshd_line *got)
{
	struct ztj_view line;

	got->args[0] = '\0';
	while (ztj_inst_next_line(&said, &line)) {
		struct ztj_inst_sshd_line l;
		if (!ztj_inst_sshd_line(line, &l) || strcmp(l.key, want->key) != 0)
			continue;
		*got = l;
		return same_value(l.args, want->args);
	}
	return false;
}

int ztj_inst_sshd_effective(struct ztj_inst *in, struct ztj_view drop_in, struct ztj_view said)
{
	static const struct ztj_inst_sshd_line pubkey = { .key = "pubkeyauthentication", .args = "yes" };
	struct ztj_inst_sshd_line *want = calloc(WANTED + 1, sizeof(*want)), got;
	size_t n = want != NULL ? read_wanted(drop_in, want) : 0;
	int r = want == NULL ? ZTJ_NOMEM : n == 0 ? ZTJ_INTERNAL : ZTJ_OK;

	/* Ours says "publickey" alone: without it nobody could log in. */
	if (r == ZTJ_OK)
		want[n++] = pubkey;
	for (size_t i = 0; r == ZTJ_OK && i < n; i++)
		if (!says(said, &want[i], &got))
			r = ztj_inst_fail(in, ZTJ_STATE, "sshd -T says \"%s %s\" where \"%s\" must stand",
			    want[i].key, got.args, want[i].args);
	free(want);
	return r;
}
