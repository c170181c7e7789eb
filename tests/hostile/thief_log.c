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

void thief_log_pushes(struct thief *t)
{
	static const char *const what[] = { "a statement" };
	long at = 0;
	size_t refused = 0, wrong = 0;

	for (size_t i = 0; i < t->lies.npush; i++) {
		int code;
		if (t->lies.push[i].want == ZTJ_OK || t->lies.push[i].want == ZTJ_STALE)
			continue;
		code = next_refusal(t, &at, what, 1);
		refused++;
		if (want_met(t->lies.push[i].want, code))
			continue;
		printf("# push %zu: %s, not %s\n", i, code == CODE_NONE ? "nothing" : ztj_err_name(code),
		    want_name(t->lies.push[i].want));
		if (++wrong > 20)
			break;
	}
	thief_verdict(t, wrong == 0 && refused > 0, "push/every-refusal-in-order",
	    "%zu of %zu statements refused", refused, t->lies.npush);
	for (size_t i = 0; i < t->lies.n; i++) {
		const struct lie *v = &t->lies.lie[i];
		char name[256];
		int code;
		if (v->kind != V_STATUS || v->want == ZTJ_STALE)
			continue;
		code = next_refusal(t, &at, what, 1);
		(void)snprintf(name, sizeof(name), "%s/stream", v->name);
		thief_verdict(t, want_met(v->want, code), name, "%s",
		    code == CODE_NONE ? "none" : ztj_err_name(code));
	}
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
		thief_verdict(t, want_met(v->want, code), name, "%s (want %s)",
		    code == CODE_NONE ? "none" : ztj_err_name(code), want_name(v->want));
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
