/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * People's own accounts whose last grant has ended: what cron, at, a timer or a user manager starts for one of them later is looked
 * for now and again, and ended as what ran at that time was (R07). An account stays in this list, over restarts and boots, until its
 * person has a session again. Looking is reading the owners in /proc; only what is found is told to the warden.
 *
 * state/ended: string "ztjit-ended 1", then a string for each account, the oldest first.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/gate.h"

#define MAGIC "ztjit-ended 1"
#define FILE_MAX (ZTJ_ENDED_MAX * (ZTJ_ACCOUNT_SIZE + 4) + 64)
#define LOOK_SECONDS 60

static void path_of(const struct ztj_gate *g, char *out, size_t size)
{
	(void)snprintf(out, size, "%s/ended", g->conf->state);
}

static void save(struct ztj_gate *g)
{
	struct ztj_buf b;
	char path[512];
	int r;

	ztj_buf_init(&b, FILE_MAX);
	(void)ztj_buf_put_cstring(&b, MAGIC);
	for (size_t i = 0; i < g->nended; i++)
		(void)ztj_buf_put_cstring(&b, g->ended[i]);
	path_of(g, path, sizeof(path));
	r = ztj_buf_status(&b);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(&b), 0600);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_WARN, "%s: %s", path, ztj_err_text(r));
	ztj_buf_free(&b);
}

static void drop(struct ztj_gate *g, size_t i)
{
	g->nended--;
	memmove(g->ended[i], g->ended[i + 1], (g->nended - i) * sizeof(g->ended[0]));
}

static bool listed(const struct ztj_gate *g, const char *account, size_t *at)
{
	for (*at = 0; *at < g->nended; ++*at)
		if (strcmp(g->ended[*at], account) == 0)
			return true;
	return false;
}

void ztj_ended_add(struct ztj_gate *g, const struct ztj_session *s)
{
	const char *own = strchr(s->person, '/');
	size_t at;

	/* What a shared account runs when nobody is in it is not known to be anybody's. */
	if (own == NULL || strcmp(own + 1, s->account) != 0)
		return;
	if (listed(g, s->account, &at))
		drop(g, at);
	else if (g->nended == ZTJ_ENDED_MAX)
		drop(g, 0);
	(void)snprintf(g->ended[g->nended++], ZTJ_ACCOUNT_SIZE, "%s", s->account);
	save(g);
}

void ztj_ended_back(struct ztj_gate *g, const char *account)
{
	size_t at;

	if (!listed(g, account, &at))
		return;
	drop(g, at);
	save(g);
}

int ztj_ended_load(struct ztj_gate *g)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = true, .check_parents = false };
	struct ztj_buf b;
	struct ztj_rd rd;
	char path[512], magic[32];
	int r;

	ztj_buf_init(&b, FILE_MAX);
	path_of(g, path, sizeof(path));
	r = ztj_file_read(path, &rule, FILE_MAX - 1, &b);
	ztj_rd_init(&rd, ztj_buf_view(&b));
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(&rd, magic, sizeof(magic));
	if (r == ZTJ_OK && strcmp(magic, MAGIC) != 0)
		r = ZTJ_VERSION;
	while (r == ZTJ_OK && ztj_rd_end(&rd) != ZTJ_OK) {
		r = g->nended == ZTJ_ENDED_MAX ? ZTJ_LIMIT
					       : ztj_rd_cstring(&rd, g->ended[g->nended], ZTJ_ACCOUNT_SIZE);
		g->nended += r == ZTJ_OK;
	}
	ztj_buf_free(&b);
	/* It refuses nobody: a list that is lost is not looked for. */
	if (r != ZTJ_OK && r != ZTJ_NOT_FOUND) {
		ztj_log(ZTJ_LOG_WARN, "%s: %s", path, ztj_err_text(r));
		g->nended = 0;
	}
	return r == ZTJ_NOMEM ? r : ZTJ_OK;
}

/* ---- looking ---- */

struct wanted {
	uint32_t uid[ZTJ_ENDED_MAX];
	bool runs[ZTJ_ENDED_MAX];
	size_t at[ZTJ_ENDED_MAX], n;
};

static void mark(struct wanted *w, uint32_t uid)
{
	for (size_t i = 0; i < w->n; i++)
		w->runs[i] |= w->uid[i] == uid;
}

static void look(const struct ztj_gate *g, struct wanted *w)
{
	DIR *d = opendir(g->env.proc);
	struct dirent *e;

	if (d == NULL) {
		ztj_log(ZTJ_LOG_ERROR, "what runs cannot be read");
		return;
	}
	while ((e = readdir(d)) != NULL) {
		struct ztj_procinfo p;
		char path[512], text[8192];
		struct ztj_view v;
		int64_t pid;
		int r;
		if (ztj_parse_int(e->d_name, 1, INT32_MAX, &pid) != ZTJ_OK)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%lld/status", g->env.proc, (long long)pid);
		r = ztj_proc_file(path, text, sizeof(text), &v);
		if ((r != ZTJ_OK && r != ZTJ_TOO_LARGE) || /* a long one begins with what counts */
		    ztj_proc_parse_status(v, &p) != ZTJ_OK)
			continue;
		mark(w, p.ruid);
		mark(w, p.euid);
	}
	(void)closedir(d);
}

/* The person's, not whoever else has an account of that name by now; and not when somebody else has that uid. */
static bool uid_of(struct ztj_gate *g, const char *account, uint32_t *uid)
{
	char name[ZTJ_ACCOUNT_SIZE];
	uint32_t gid;

	if (!ztj_names_given(g, account, uid))
		return ztj_gate_account(g, account, uid, &gid);
	return !ztj_gate_name_of(g, *uid, name) || strcmp(name, account) == 0;
}

void ztj_ended_look(struct ztj_gate *g)
{
	struct wanted *w;
	struct ztj_now now;

	ztj_gate_now(g, &now);
	if (g->nended == 0 || now.boot - g->ended_looked < LOOK_SECONDS)
		return;
	g->ended_looked = now.boot;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return;
	/* Of a login that is under way, pam_systemd's user manager runs before we are asked to let it in. */
	for (size_t i = 0; i < g->nended; i++)
		if (!ztj_offer_open(g, g->ended[i]) && uid_of(g, g->ended[i], &w->uid[w->n]))
			w->at[w->n++] = i;
	if (w->n > 0)
		look(g, w);
	for (size_t i = 0; i < w->n; i++)
		if (w->runs[i])
			ztj_stay_sweep(g, g->ended[w->at[i]], w->uid[i]);
	free(w);
}
