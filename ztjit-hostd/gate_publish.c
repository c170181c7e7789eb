/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * When what libnss_ztjit reads is made anew, and its way to the warden, who alone writes it: in a sealed memfd, in the same queue as the
 * commands that end sessions, so that what takes access away stands before anybody sees that it is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/published.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)
#define SOON_MS 50
#define EVERY 30 /* seconds: what else may have run out meanwhile, as a policy does */
#define MANY 64  /* grants: from here on, news that only give wait for each other */

static const char *const file_name
    [ZTJ_PUBLISHED] = { [ZTJ_PUBLISH_PEOPLE] = ZTJ_NAMES_PEOPLE, [ZTJ_PUBLISH_GRANTS] = ZTJ_NAMES_GRANTS };

/* ---- to the warden ---- */

static int sealed(struct ztj_view bytes, int *out)
{
	int fd = memfd_create("ztjit-names", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t at = 0;

	if (fd < 0)
		return ZTJ_SYSTEM;
	while (at < bytes.n) {
		ssize_t n = write(fd, bytes.p + at, bytes.n - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	if (at < bytes.n || fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
		(void)close(fd);
		return ZTJ_SYSTEM;
	}
	*out = fd;
	return ZTJ_OK;
}

static void failed(struct ztj_gate *g, size_t file, int r)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s could not be published", file_name[file]);
	if (!g->pub->failed[file])
		ztj_gate_alarm(g, r, text);
	g->pub->failed[file] = true;
}

/* What cannot be made anew must not stand on: somebody in it may be who lost it. */
static void withdraw(struct ztj_gate *g)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_PUBLISH, .n = ZTJ_PUBLISH_GRANTS };
	struct ztj_pub *p = g->pub;

	if (p->withdrawn)
		return;
	if (ztj_warden_ask(g, &m, -1) != ZTJ_OK) {
		ztj_warden_lost(g);
		return;
	}
	p->withdrawn = true;
	p->asked[ZTJ_PUBLISH_GRANTS] = m.id;
}

static void unmade(struct ztj_gate *g, size_t file, int r)
{
	failed(g, file, r);
	if (file == ZTJ_PUBLISH_GRANTS)
		withdraw(g);
}

/* If it is not what stands there already. */
static void publish(struct ztj_gate *g, uint32_t file, struct ztj_view bytes)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_PUBLISH, .n = file };
	struct ztj_pub *p = g->pub;
	uint8_t digest[ZTJ_DIGEST_LEN];
	int fd, r = ztj_sha256(bytes, digest);

	if (r == ZTJ_OK && !p->failed[file] && memcmp(digest, p->digest[file], sizeof(digest)) == 0)
		return;
	if (r == ZTJ_OK)
		r = sealed(bytes, &fd);
	if (r != ZTJ_OK) {
		unmade(g, file, r);
		return;
	}
	r = ztj_warden_ask(g, &m, fd);
	(void)close(fd);
	if (r != ZTJ_OK) {
		ztj_warden_lost(g);
		return;
	}
	memcpy(p->digest[file], digest, sizeof(digest));
	p->asked[file] = m.id;
	if (file == ZTJ_PUBLISH_GRANTS)
		p->withdrawn = false;
}

bool ztj_names_done(struct ztj_gate *g, const struct ztj_warden_msg *m)
{
	struct ztj_pub *p = g->pub;

	for (size_t i = 0; i < ZTJ_PUBLISHED; i++) {
		if (m->id == 0 || p->asked[i] != m->id)
			continue;
		p->asked[i] = 0;
		if (m->code != ZTJ_OK) {
			failed(g, i, m->code);
			p->withdrawn = p->withdrawn && i != ZTJ_PUBLISH_GRANTS;
		} else
			p->failed[i] = i == ZTJ_PUBLISH_GRANTS && p->withdrawn;
		if (p->early && !ztj_names_waiting(g)) {
			p->early = false;
			ztj_gate_listen(g);
		}
		ztj_control_published(g);
		return true;
	}
	return false;
}

bool ztj_names_waiting(const struct ztj_gate *g)
{
	for (size_t i = 0; i < ZTJ_PUBLISHED; i++)
		if (g->pub->asked[i] != 0)
			return true;
	return false;
}

/* ---- when ---- */

static void people(struct ztj_gate *g)
{
	struct ztj_buf b;
	int r = ztj_names_gather(g);

	if (r != ZTJ_OK && !(r == ZTJ_STATE && g->pub->failed[ZTJ_PUBLISH_PEOPLE]))
		return; /* nothing new, or it was said why not */
	ztj_buf_init(&b, ZTJ_NAMES_MAX_SIZE);
	r = ztj_names_people(g, &b);
	if (r == ZTJ_OK)
		publish(g, ZTJ_PUBLISH_PEOPLE, ztj_buf_view(&b));
	else
		unmade(g, ZTJ_PUBLISH_PEOPLE, r);
	ztj_buf_free(&b);
}

void ztj_names_review(struct ztj_gate *g)
{
	struct ztj_now now;
	struct ztj_buf b;
	int r;

	if (g->pub->off)
		return;
	(void)evtimer_del(g->pub->soon);
	ztj_gate_now(g, &now);
	g->pub->reviewed = now.boot;
	people(g);
	ztj_buf_init(&b, ZTJ_NAMES_MAX_SIZE);
	r = ztj_names_grants(g, &b);
	if (r == ZTJ_OK) {
		publish(g, ZTJ_PUBLISH_GRANTS, ztj_buf_view(&b));
		ztj_lost_before(g);
	} else {
		unmade(g, ZTJ_PUBLISH_GRANTS, r);
	}
	ztj_buf_free(&b);
}

static void now_due(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_gate *g = arg;

	(void)fd;
	(void)what;
	ztj_names_review(g);
	ztj_sessions_arm(g);
}

/* A few are counted at once. When there are many, and many come one after another, once for all of those. */
void ztj_names_news(struct ztj_gate *g, bool gives)
{
	const struct timeval tv = { .tv_usec = SOON_MS * 1000 };

	if (g->pub->off)
		return;
	if (!gives || ztj_store_count(g->store) < MANY)
		ztj_names_review(g);
	else if (!evtimer_pending(g->pub->soon, NULL) && evtimer_add(g->pub->soon, &tv) != 0)
		ztj_names_review(g);
}

/* What was withheld because nobody had heard from the broker. */
void ztj_names_heard(struct ztj_gate *g)
{
	if (!g->pub->stale)
		return;
	ztj_names_review(g);
	ztj_sessions_arm(g);
}

void ztj_names_tick(struct ztj_gate *g)
{
	struct ztj_now now;

	if (g->pub->off)
		return;
	ztj_gate_now(g, &now);
	if (now.boot >= g->pub->next || now.boot >= g->pub->reviewed + EVERY)
		ztj_names_review(g);
}

int64_t ztj_names_next(const struct ztj_gate *g)
{
	if (g->pub->off)
		return INT64_MAX;
	/* One that could not be made is tried again. */
	return g->pub->next > g->pub->reviewed ? g->pub->next : g->pub->reviewed + 1;
}

/* ---- life ---- */

int ztj_names_open(struct ztj_gate *g)
{
	char path[512];
	int r;

	g->pub = calloc(1, sizeof(*g->pub));
	if (g->pub == NULL)
		return ZTJ_NOMEM;
	g->pub->next = INT64_MAX;
	g->pub->soon = evtimer_new(g->base, now_due, g);
	if (g->pub->soon == NULL)
		return ZTJ_NOMEM;
	g->pub->off = g->env.group == NULL || g->fds.warden < 0;
	if (g->pub->off)
		return ZTJ_OK;
	(void)snprintf(path, sizeof(path), "%s/ids", g->conf->state);
	r = ztj_idbook_load(&g->pub->book, path, geteuid());
	g->pub->stored = g->pub->book.n;
	/* Without it nobody knows whose an id was. Local accounts go on. */
	if (r != ZTJ_OK) {
		g->pub->off = g->pub->unread = true;
		ztj_gate_alarm(g, r, "the ids that were given cannot be read: no names are published");
	}
	return ZTJ_OK;
}

void ztj_names_start(struct ztj_gate *g)
{
	if (g->pub->unread)
		withdraw(g); /* of the gate before this one */
	ztj_names_review(g);
	g->pub->early = ztj_names_waiting(g);
	if (!g->pub->early)
		ztj_gate_listen(g);
}

void ztj_names_close(struct ztj_gate *g)
{
	if (g->pub == NULL)
		return;
	if (g->pub->soon != NULL)
		event_free(g->pub->soon);
	ztj_idbook_free(&g->pub->book);
	free(g->pub->held);
	free(g->pub);
}

/* ---- who has an account here ---- */

static bool shown(const struct ztj_id *e)
{
	return e != NULL && e->kind == ZTJ_ID_PERSON && e->state == ZTJ_ID_SHOWN;
}

bool ztj_names_person(const struct ztj_gate *g, const char *name, uint32_t *uid)
{
	const struct ztj_id *e = ztj_idbook_named(&g->pub->book, name);

	if (!shown(e))
		return false;
	*uid = e->id;
	return true;
}

bool ztj_names_given(const struct ztj_gate *g, const char *person, uint32_t *uid)
{
	const struct ztj_id *e = ztj_idbook_named(&g->pub->book, person);

	if (e == NULL || e->kind != ZTJ_ID_PERSON)
		return false;
	*uid = e->id;
	return true;
}

const char *ztj_names_of(const struct ztj_gate *g, uint32_t uid)
{
	const struct ztj_id *e = ztj_idbook_of(&g->pub->book, uid);

	return shown(e) ? e->name : NULL;
}

const char *ztj_names_recorder(const struct ztj_gate *g)
{
	return g->env.recorder != NULL && access(g->env.recorder, X_OK) == 0 ? g->env.recorder : NULL;
}

bool ztj_names_has_shell(const struct ztj_gate *g, const char *person, const struct ztj_role *role)
{
	bool recorded = role->record != ZTJ_RECORD_NONE || role->sudo_recorded;
	const struct ztj_pub *p = g->pub;

	for (size_t i = 0; i < p->nheld; i++)
		if (p->held[i].shell != NULL && strcmp(p->held[i].person, person) == 0)
			return !recorded || g->conf->forced_recorder || p->held[i].shell != g->conf->shell;
	return false;
}
