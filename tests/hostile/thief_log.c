/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Reasons that stand in the agent's log alone: what came by the stream and was not taken. */
#include "tests/hostile/thief.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hostile/liar.h"

/* "refused a statement: CODE", or an alarm "a statement: SENTENCE". */
static int code_of(const char *line, const char *what)
{
	char mark[64];
	const char *at, *end;

	(void)snprintf(mark, sizeof(mark), "refused %s: ", what);
	if ((at = strstr(line, mark)) != NULL) {
		char name[64];
		at += strlen(mark);
		end = at + strcspn(at, "\n");
		(void)snprintf(name, sizeof(name), "%.*s", (int)(end - at), at);
		return ztj_err_from_name(name);
	}
	(void)snprintf(mark, sizeof(mark), ": %s: ", what);
	if ((at = strstr(line, mark)) == NULL)
		return CODE_NONE;
	at += strlen(mark);
	for (int e = -1; e > -200; e--)
		if (strncmp(at, ztj_err_text(e), strlen(ztj_err_text(e))) == 0 &&
		    at[strlen(ztj_err_text(e))] == '\n')
			return e;
	return CODE_NONE;
}

/* The next refusal of that kind at or after *at. */
static int next_refusal(const struct thief *t, long *at, const char *const *what, size_t n)
{
	FILE *f = fopen(t->log, "re");
	char *line = NULL;
	size_t size = 0;
	int code = CODE_NONE;

	if (f == NULL)
		return CODE_NONE;
	if (fseek(f, *at, SEEK_SET) == 0)
		while (code == CODE_NONE && getline(&line, &size, f) > 0) {
			for (size_t i = 0; i < n && code == CODE_NONE; i++)
				code = code_of(line, what[i]);
			*at = ftell(f);
		}
	free(line);
	(void)fclose(f);
	return code;
}

static const char *name_of(int code)
{
	return code == CODE_NONE ? "nothing" : ztj_err_name(code);
}

static const char *const statements[] = { "a statement" };

/* One lie's statements, in the order of the stream; what is taken, or waits for a better moment, is not mentioned. */
static void check_pushes(struct thief *t, const struct lie *v, long *at)
{
	char name[256], said[200] = "";
	size_t refused = 0, wrong = 0;

	for (size_t i = v->first; i < v->first + v->npush; i++) {
		const struct lie_push *p = &t->lies.push[i];
		int code;
		if (p->want == ZTJ_OK || p->want == ZTJ_STALE)
			continue;
		code = next_refusal(t, at, statements, 1);
		if (refused++ == 0)
			(void)snprintf(said, sizeof(said), "%s", name_of(code));
		if (!want_met(p->want, code) && wrong++ == 0)
			(void)snprintf(said, sizeof(said), "%s (want %s) of statement %zu", name_of(code),
			    want_name(p->want), i - v->first);
	}
	if (refused == 0)
		return;
	(void)snprintf(name, sizeof(name), "%s/heard", v->name);
	thief_verdict(t, wrong == 0, name, "%s, %zu of %zu refused", said, refused, v->npush);
}

void thief_log_pushes(struct thief *t)
{
	long at = 0;
	int code;

	for (size_t i = 0; i < t->lies.n; i++)
		if (t->lies.lie[i].kind == V_LOGIN)
			check_pushes(t, &t->lies.lie[i], &at);
	for (size_t i = 0; i < t->lies.n; i++) {
		const struct lie *v = &t->lies.lie[i];
		char name[256];
		if (v->kind != V_STATUS || v->want == ZTJ_STALE)
			continue;
		code = next_refusal(t, &at, statements, 1);
		(void)snprintf(name, sizeof(name), "%s/stream", v->name);
		thief_verdict(t, want_met(v->want, code), name, "%s", name_of(code));
	}
	code = next_refusal(t, &at, statements, 1);
	thief_verdict(t, code == CODE_NONE, "push/nothing-else-is-refused", "%s", name_of(code));
}

void thief_log_fetches(struct thief *t)
{
	static const char *const what[] = { "a policy", "a directory" };
	long at = 0;

	/* those for a host without directories came first of all */
	for (size_t i = 0; i < 2 * t->lies.n; i++) {
		const struct lie *v = &t->lies.lie[i % t->lies.n];
		char name[256];
		int code;
		if (i < t->lies.n ? v->kind != V_FRESH : !lie_by_mirror(&t->lies, v))
			continue;
		code = next_refusal(t, &at, what + (v->kind == V_POLICY ? 0 : 1), 1);
		(void)snprintf(name, sizeof(name), "%s/fetched", v->name);
		thief_verdict(t, want_met(v->want, code), name, "%s (want %s)", name_of(code),
		    want_name(v->want));
	}
}

bool thief_log_find(const struct thief *t, long *at, const char *text, char *line, size_t size)
{
	FILE *f = fopen(t->log, "re");
	bool found = false;

	if (f == NULL || size > 65536)
		return false;
	if (fseek(f, *at, SEEK_SET) == 0)
		while (!found && fgets(line, (int)size, f) != NULL) {
			found = strstr(line, text) != NULL;
			*at = ftell(f);
		}
	(void)fclose(f);
	line[found ? strcspn(line, "\n") : 0] = '\0';
	return found;
}

/* After every lie the link was lost and found again. */
void thief_log_http(struct thief *t, long at)
{
	char line[4096];

	for (unsigned i = 0; i < liar_http_count(); i++) {
		char name[128];
		bool lost = thief_log_find(t, &at, "the broker cannot be reached", line, sizeof(line));
		bool found = lost && thief_log_find(t, &at, "connected to the broker", line, sizeof(line));
		(void)snprintf(name, sizeof(name), "http/%s", liar_http_name(i));
		thief_verdict(t, lost && found, name, "unreachable, then %s", line);
	}
}
