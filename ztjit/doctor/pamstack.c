/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* PAM configuration as lines of modules. */
#include "ztjit/doctor/pamstack.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_MAX (256u * 1024u)
#define FILES_MAX 256u
#define BLANKS " \t\r\f\v"

static const char *const codes[PAMS_CODES] = { "success", "open_err", "symbol_err", "service_err",
	"system_err", "buf_err", "perm_denied", "auth_err", "cred_insufficient", "authinfo_unavail",
	"user_unknown", "maxtries", "new_authtok_reqd", "acct_expired", "session_err", "cred_unavail",
	"cred_expired", "cred_err", "no_module_data", "conv_err", "authtok_err", "authtok_recover_err",
	"authtok_lock_busy", "authtok_disable_aging", "try_again", "ignore", "abort", "authtok_expired",
	"module_unknown", "bad_item", "conv_again", "incomplete" };
enum { SUCCESS = 0, NEW_AUTHTOK_REQD = 12, IGNORE = 25 };

const char *pams_code_name(unsigned code)
{
	return code < PAMS_CODES ? codes[code] : "?";
}

bool pams_is(const struct pams_line *l, const char *name)
{
	const char *slash = strrchr(l->module, '/');

	return l->type == PAMS_MODULE && strcmp(slash != NULL ? slash + 1 : l->module, name) == 0;
}

bool pams_has(const struct pams_stack *s, enum pams_kind kind)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->line[i].kind == kind)
			return true;
	return false;
}

void pams_free(struct pams_stack *s)
{
	for (size_t i = 0; i < s->nfiles; i++)
		free(s->file[i]);
	free(s->file);
	free(s->line);
	*s = (struct pams_stack){ .n = 0 };
}

/* ---- controls ---- */

static void fill(int *action, int a)
{
	for (size_t i = 0; i < PAMS_CODES; i++)
		if (action[i] == PAMS_UNSET)
			action[i] = a;
}

static void simple(int *action, int good, int bad, bool ignore)
{
	action[SUCCESS] = good;
	action[NEW_AUTHTOK_REQD] = good;
	if (ignore)
		action[IGNORE] = PAMS_IGNORE;
	fill(action, bad);
}

/* What libpam skips and how it cuts: names by their beginning, blanks anywhere or nowhere, numbers with leading zeros. A
 * stack must not read as stricter here than it is there. */
static bool begins(const char **at, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(*at, name, n) != 0)
		return false;
	*at += n;
	return true;
}

static const char *past_blanks(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

static bool action_of(const char **at, int *out)
{
	static const struct {
		const char *name;
		int action;
	} names[] = { { "ignore", PAMS_IGNORE }, { "ok", PAMS_OK }, { "done", PAMS_DONE },
		{ "bad", PAMS_BAD }, { "die", PAMS_DIE }, { "reset", PAMS_RESET } };
	int n = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (begins(at, names[i].name)) {
			*out = names[i].action;
			return true;
		}
	for (; isdigit((unsigned char)**at); (*at)++) {
		if (n > (INT_MAX - 9) / 10)
			return false;
		n = 10 * n + (**at - '0');
	}
	*out = n;
	return n > 0;
}

/* "success=ok default=bad"; what cannot be read makes every code bad, as libpam does. */
static void parse_actions(const char *at, int *action)
{
	bool good = true;

	while (good && *(at = past_blanks(at)) != '\0') {
		size_t code = 0;
		int a;

		while (code < PAMS_CODES && !begins(&at, codes[code]))
			code++;
		good = code < PAMS_CODES || begins(&at, "default");
		at = past_blanks(at);
		good = good && *at == '=';
		if (!good)
			break;
		at = past_blanks(at + 1);
		good = action_of(&at, &a);
		if (good && code < PAMS_CODES)
			action[code] = a;
		else if (good)
			fill(action, a);
	}
	for (size_t i = 0; i < PAMS_CODES && !good; i++)
		action[i] = PAMS_UNSET;
	fill(action, PAMS_BAD);
}

static void parse_control(const char *word, int *action)
{
	for (size_t i = 0; i < PAMS_CODES; i++)
		action[i] = PAMS_UNSET;
	if (strcasecmp(word, "required") == 0)
		simple(action, PAMS_OK, PAMS_BAD, true);
	else if (strcasecmp(word, "requisite") == 0)
		simple(action, PAMS_OK, PAMS_DIE, true);
	else if (strcasecmp(word, "optional") == 0)
		simple(action, PAMS_OK, PAMS_IGNORE, false);
	else if (strcasecmp(word, "sufficient") == 0)
		simple(action, PAMS_DONE, PAMS_IGNORE, false);
	else
		parse_actions(word, action);
}

/* ---- lines ---- */

struct reading {
	const struct pams_source *from;
	struct pams_stack *out;
};
struct place {
	const char *file;
	unsigned line, depth, level;
	enum pams_kind only; /* PAMS_ANY: all kinds */
};

static int load(struct reading *rd, const char *name, const struct place *at);

static int add(struct reading *rd, const struct pams_line *l)
{
	struct pams_stack *s = rd->out;
	struct pams_line *more;

	if (s->n == PAMS_LINES_MAX)
		return ZTJ_LIMIT;
	if ((s->n & (s->n - 1)) == 0) {
		if ((more = reallocarray(s->line, s->n == 0 ? 1 : 2 * s->n, sizeof *more)) == NULL)
			return ZTJ_NOMEM;
		s->line = more;
	}
	s->line[s->n++] = *l;
	return ZTJ_OK;
}

/* The next word; one in brackets without them. False at the end. */
static bool word(const char **at, char out[PAMS_TEXT_MAX], bool *cut)
{
	const char *p = *at + strspn(*at, BLANKS);
	size_t n = 0;
	bool bracket = *p == '[';

	out[0] = '\0';
	if (*p == '\0')
		return false;
	for (p += bracket ? 1 : 0; *p != '\0' && (bracket ? *p != ']' : strchr(BLANKS, *p) == NULL); p++) {
		if (bracket && *p == '\\' && p[1] == ']')
			p++;
		if (n + 1 < PAMS_TEXT_MAX)
			out[n++] = *p;
		else
			*cut = true;
	}
	out[n] = '\0';
	*at = *p == ']' && bracket ? p + 1 : p;
	return true;
}

static bool kind_of(const char *s, enum pams_kind *out)
{
	static const char *const names[] = { "auth", "account", "session", "password" };

	for (size_t i = 0; i < PAMS_KINDS; i++)
		if (strcasecmp(s, names[i]) == 0) {
			*out = (enum pams_kind)i;
			return true;
		}
	return false;
}

/* What cannot be read fails when it is reached. */
static int add_failing(struct reading *rd, struct pams_line *l)
{
	l->type = PAMS_MUST_FAIL;
	return add(rd, l);
}

static int include(struct reading *rd, struct pams_line *l, const struct place *at, bool sub)
{
	struct place in = { .depth = at->depth + 1, .level = at->level + (sub ? 1 : 0), .only = l->kind };
	int r;

	if (sub) {
		l->type = PAMS_SUBSTACK;
		if ((r = add(rd, l)) != ZTJ_OK)
			return r;
	}
	r = load(rd, l->module, &in);
	if (r != ZTJ_NOT_FOUND)
		return r;
	fill(l->action, PAMS_BAD);
	return add_failing(rd, l);
}

static int at_include(struct reading *rd, const char *rest, const struct place *at)
{
	struct place in = { .depth = at->depth + 1, .level = at->level, .only = at->only };
	struct pams_line l = { .file = at->file, .line = at->line, .level = at->level };
	int r;

	r = word(&rest, l.module, &l.cut) ? load(rd, l.module, &in) : ZTJ_NOT_FOUND;
	if (r != ZTJ_NOT_FOUND)
		return r;
	/* libpam gives up on the whole service: nothing of it succeeds */
	for (unsigned k = 0; k < PAMS_KINDS; k++) {
		l.kind = (enum pams_kind)k;
		parse_control("requisite", l.action);
		if ((at->only == PAMS_ANY || at->only == l.kind) && (r = add_failing(rd, &l)) != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

static int one_line(struct reading *rd, const char *text, const struct place *at)
{
	struct pams_line l = { .file = at->file, .line = at->line, .level = at->level };
	char kind[PAMS_TEXT_MAX];
	bool known;

	/* blanks to some libpam and letters to others: nobody writes them but to hide something */
	if (strpbrk(text, "\r\f\v") != NULL)
		return ZTJ_BAD_TEXT;
	if (!word(&text, kind, &l.cut))
		return ZTJ_OK;
	if (strcmp(kind, "@include") == 0)
		return at_include(rd, text, at);
	known = kind_of(kind[0] == '-' ? kind + 1 : kind, &l.kind);
	if (!known)
		l.kind = at->only == PAMS_ANY ? PAMS_AUTH : at->only;
	if (at->only != PAMS_ANY && l.kind != at->only)
		return ZTJ_OK;
	if (!word(&text, l.control, &l.cut)) {
		parse_control("", l.action);
		return add_failing(rd, &l);
	}
	/* half of it would be another one */
	if (l.cut)
		return ZTJ_LIMIT;
	parse_control(l.control, l.action);
	if (!word(&text, l.module, &l.cut) || !known)
		return add_failing(rd, &l);
	if (strcasecmp(l.control, "include") == 0)
		return include(rd, &l, at, false);
	if (strcasecmp(l.control, "substack") == 0)
		return include(rd, &l, at, true);
	text += strspn(text, BLANKS);
	for (size_t n = 0; *text != '\0'; text++) {
		if (n + 1 < sizeof l.args)
			l.args[n++] = *text;
		else
			l.cut = true;
	}
	return add(rd, &l);
}

/* Lines that end in a backslash go on; from # on it is a comment. */
static int parse(struct reading *rd, struct ztj_view text, struct place *at)
{
	struct ztj_buf whole;
	unsigned n = 0;
	int r = ZTJ_OK;

	ztj_buf_init(&whole, FILE_MAX + 2);
	while (r == ZTJ_OK && text.n > 0) {
		const uint8_t *nl = memchr(text.p, '\n', text.n);
		size_t len = nl != NULL ? (size_t)(nl - text.p) : text.n;
		const uint8_t *hash = memchr(text.p, '#', len);
		size_t use = hash != NULL ? (size_t)(hash - text.p) : len;
		bool more;

		n++;
		while (use > 0 && strchr(BLANKS, text.p[use - 1]) != NULL)
			use--;
		more = use > 0 && text.p[use - 1] == '\\';
		if (whole.n == 0)
			at->line = n;
		r = ztj_buf_put(&whole, text.p, more ? use - 1 : use);
		if (r == ZTJ_OK && more)
			r = ztj_buf_puts(&whole, " ");
		text = ztj_view_after(text, len + 1);
		if (r == ZTJ_OK && (!more || text.n == 0)) {
			r = ztj_buf_str(&whole) != NULL ? one_line(rd, ztj_buf_str(&whole), at) : ZTJ_NOMEM;
			ztj_buf_reset(&whole);
		}
	}
	ztj_buf_free(&whole);
	return r;
}

static int remember(struct pams_stack *s, const char *path, const char **out)
{
	char **more;

	if (s->nfiles == FILES_MAX)
		return ZTJ_LIMIT;
	if ((more = reallocarray(s->file, s->nfiles + 1, sizeof *more)) == NULL)
		return ZTJ_NOMEM;
	s->file = more;
	if ((s->file[s->nfiles] = strdup(path)) == NULL)
		return ZTJ_NOMEM;
	*out = s->file[s->nfiles++];
	return ZTJ_OK;
}

static int load(struct reading *rd, const char *name, const struct place *where)
{
	struct place at = *where;
	char path[512] = "";
	struct ztj_buf text;
	int r;

	if (at.depth >= PAMS_DEPTH_MAX)
		return ZTJ_NOT_FOUND; /* libpam refuses to go on as well */
	ztj_buf_init(&text, FILE_MAX);
	r = rd->from->read(rd->from->arg, name, &text, path, sizeof path);
	if (r == ZTJ_OK && text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
		r = ZTJ_BAD_TEXT;
	if (r == ZTJ_OK)
		r = remember(rd->out, path, &at.file);
	if (r == ZTJ_OK)
		r = parse(rd, ztj_buf_view(&text), &at);
	ztj_buf_free(&text);
	return r;
}

int pams_read(const struct pams_source *from, const char *service, struct pams_stack *out)
{
	struct reading rd = { .from = from, .out = out };
	const struct place at = { .only = PAMS_ANY };
	int r;

	*out = (struct pams_stack){ .n = 0 };
	r = load(&rd, service, &at);
	if (r != ZTJ_OK)
		pams_free(out);
	return r;
}
