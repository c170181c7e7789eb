/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Sessions outlive the gate: each is a file in the state directory, written when it begins and whenever its end changes, read when
 * a gate starts. The warden says which of them it found; those are judged anew, like all, and go on. To the next boot a file says only whose
 * account is to be watched (gate_stays.c), so it is whole (renamed into its place) but not synced.
 *
 * sessions/NO: string "ztjit-session 1", string boot id, then the fields in the order of put() and get().
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/gate.h"

#define MAGIC "ztjit-session 1"
#define FILE_MAX 8192
#define RESUME_SECONDS \
	20 /* a recorder tries again at once, and the scribe gives up what it knows of after half of that */

enum { F_WANTS = 1, F_RECORDED = 2, F_PLAYING = 4, F_ROOT = 8, F_CERTIFIED = 16, F_STAYS = 32 };

static void path_of(const struct ztj_gate *g, const char *file, char *out, size_t size)
{
	(void)snprintf(out, size, "%s/sessions/%s", g->conf->state, file);
}

static void path_of_no(const struct ztj_gate *g, uint64_t no, char *out, size_t size)
{
	char file[32];

	(void)snprintf(file, sizeof(file), "%llu", (unsigned long long)no);
	path_of(g, file, out, size);
}

/* ---- the file ---- */

static void put_proc(struct ztj_buf *b, const struct ztj_procid *p)
{
	(void)ztj_buf_put_u32(b, (uint32_t)p->pid);
	(void)ztj_buf_put_u64(b, p->start);
}

static int put(const struct ztj_gate *g, const struct ztj_session *s, struct ztj_buf *b)
{
	char key[ZTJ_KEY_TEXT_SIZE] = "";
	bool certified = s->certified.type != ZTJ_KEY_NONE;
	unsigned flags = (s->wants_record ? F_WANTS : 0) | (s->recorded ? F_RECORDED : 0) |
	    (s->playing ? F_PLAYING : 0) | (s->became_root ? F_ROOT : 0) | (certified ? F_CERTIFIED : 0) |
	    (s->stays ? F_STAYS : 0);
	int r = certified ? ztj_key_to_text(&s->certified, key) : ZTJ_OK;

	if (r != ZTJ_OK)
		return r;
	(void)ztj_buf_put_cstring(b, MAGIC);
	(void)ztj_buf_put_cstring(b, g->env.bootid);
	(void)ztj_buf_put_u64(b, s->no);
	(void)ztj_buf_put_u64(b, s->parent);
	(void)ztj_buf_put_u32(b, flags);
	(void)ztj_buf_put(b, s->name, ZTJ_DIGEST_LEN);
	(void)ztj_buf_put(b, s->grant, ZTJ_DIGEST_LEN);
	(void)ztj_buf_put_u64(b, (uint64_t)s->since);
	(void)ztj_buf_put_u64(b, (uint64_t)s->ends);
	(void)ztj_buf_put_u64(b, (uint64_t)s->end_boot);
	(void)ztj_buf_put_u32(b, s->warned);
	(void)ztj_buf_put_u32(b, s->uid);
	put_proc(b, &s->leader);
	put_proc(b, &s->recorder);
	(void)ztj_buf_put_cstring(b, s->person);
	(void)ztj_buf_put_cstring(b, s->service);
	(void)ztj_buf_put_cstring(b, s->account);
	(void)ztj_buf_put_cstring(b, s->peer);
	(void)ztj_buf_put_cstring(b, s->tty);
	(void)ztj_buf_put_cstring(b, key);
	return ztj_buf_status(b);
}

static int get_proc(struct ztj_rd *rd, struct ztj_procid *p)
{
	uint32_t pid;
	int r = ztj_rd_u32(rd, &pid);

	p->pid = (pid_t)pid;
	return r == ZTJ_OK ? ztj_rd_u64(rd, &p->start) : r;
}

static int get_time(struct ztj_rd *rd, int64_t *out)
{
	uint64_t v;
	int r = ztj_rd_u64(rd, &v);

	*out = (int64_t)v;
	return r;
}

static int get_digest(struct ztj_rd *rd, uint8_t out[ZTJ_DIGEST_LEN])
{
	struct ztj_view v;
	int r = ztj_rd_bytes(rd, ZTJ_DIGEST_LEN, &v);

	if (r == ZTJ_OK)
		memcpy(out, v.p, ZTJ_DIGEST_LEN);
	return r;
}

static int get_rest(struct ztj_rd *rd, struct ztj_session *s)
{
	char key[ZTJ_KEY_TEXT_SIZE];
	uint32_t flags;
	int r;

	if ((r = ztj_rd_u32(rd, &flags)) != ZTJ_OK || (r = get_digest(rd, s->name)) != ZTJ_OK ||
	    (r = get_digest(rd, s->grant)) != ZTJ_OK || (r = get_time(rd, &s->since)) != ZTJ_OK ||
	    (r = get_time(rd, &s->ends)) != ZTJ_OK || (r = get_time(rd, &s->end_boot)) != ZTJ_OK ||
	    (r = ztj_rd_u32(rd, &s->warned)) != ZTJ_OK || (r = ztj_rd_u32(rd, &s->uid)) != ZTJ_OK ||
	    (r = get_proc(rd, &s->leader)) != ZTJ_OK || (r = get_proc(rd, &s->recorder)) != ZTJ_OK ||
	    (r = ztj_rd_cstring(rd, s->person, sizeof(s->person))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(rd, s->service, sizeof(s->service))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(rd, s->account, sizeof(s->account))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(rd, s->peer, sizeof(s->peer))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(rd, s->tty, sizeof(s->tty))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(rd, key, sizeof(key))) != ZTJ_OK || (r = ztj_rd_end(rd)) != ZTJ_OK)
		return r;
	s->wants_record = (flags & F_WANTS) != 0;
	s->recorded = (flags & F_RECORDED) != 0;
	s->playing = (flags & F_PLAYING) != 0;
	/* Until it is there again, which may be before all are found. */
	s->resume_by = s->recorded && s->playing ? INT64_MAX : 0;
	s->became_root = (flags & F_ROOT) != 0;
	s->stays = (flags & F_STAYS) != 0;
	return (flags & F_CERTIFIED) != 0 ? ztj_key_from_text(&s->certified, ztj_view_str(key)) : ZTJ_OK;
}

/* Whose number and parent: enough to have it in the table. STATE: of another boot. */
static int get_place(const struct ztj_gate *g, struct ztj_rd *rd, uint64_t *no, uint64_t *parent)
{
	char magic[32], boot[ZTJ_BOOTID_SIZE];
	int r;

	if ((r = ztj_rd_cstring(rd, magic, sizeof(magic))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(rd, boot, sizeof(boot))) != ZTJ_OK)
		return r;
	if (strcmp(magic, MAGIC) != 0)
		return ZTJ_VERSION;
	if (strcmp(boot, g->env.bootid) != 0)
		return ZTJ_STATE;
	r = ztj_rd_u64(rd, no);
	return r == ZTJ_OK ? ztj_rd_u64(rd, parent) : r;
}

/* ---- keeping ---- */

void ztj_session_keep(struct ztj_gate *g, const struct ztj_session *s)
{
	struct ztj_buf b;
	char path[512];
	int r;

	ztj_buf_init(&b, FILE_MAX);
	path_of_no(g, s->no, path, sizeof(path));
	r = put(g, s, &b);
	if (r == ZTJ_OK)
		r = ztj_file_replace(path, ztj_buf_view(&b), 0600);
	ztj_buf_free(&b);
	/* It goes on; should this gate end, it ends with it: what an older file says may be more than is so now. */
	if (r != ZTJ_OK) {
		ztj_session_unkeep(g, s);
		ztj_log(ZTJ_LOG_WARN, "session %llu would not survive a restart: %s",
		    (unsigned long long)s->no, ztj_err_text(r));
	}
}

void ztj_session_unkeep(struct ztj_gate *g, const struct ztj_session *s)
{
	char path[512];

	path_of_no(g, s->no, path, sizeof(path));
	(void)unlink(path);
}

/* ---- a new gate ---- */

/* Of a session that ended with its machine. What it left to be started at boot may run as long as its grant does, by the wall clock. */
static int of_another_boot(struct ztj_gate *g, struct ztj_rd *rd)
{
	struct ztj_session s = { .leader_fd = -1 };
	struct ztj_now now;
	int r = ztj_rd_u64(rd, &s.no);

	if (r == ZTJ_OK)
		r = ztj_rd_u64(rd, &s.parent);
	if (r == ZTJ_OK)
		r = get_rest(rd, &s);
	if (r != ZTJ_OK || s.recorded || s.parent != 0 || s.uid == 0)
		return r == ZTJ_OK ? ZTJ_STATE : r;
	ztj_gate_now(g, &now);
	s.end_boot = now.boot + (s.ends - ztj_clockmark_end(&g->clock, now));
	ztj_sessions_used(g->sessions, s.no);
	r = ztj_stay_restore(g, &s);
	if (r == ZTJ_OK)
		ztj_session_keep(g, g->stay[g->nstays - 1]);
	return r;
}

static int of_this_boot(struct ztj_gate *g, struct ztj_rd *rd, uint64_t no, uint64_t parent)
{
	struct ztj_session *around = parent == 0 ? NULL : ztj_sessions_get(g->sessions, parent), *s;
	int r = ztj_sessions_restore(g->sessions, around, no, &s);

	if (r != ZTJ_OK)
		return r;
	r = get_rest(rd, s);
	/* One that stays needs no session around; any other does. */
	if (r == ZTJ_OK && parent != 0 && around == NULL && !s->stays)
		r = ZTJ_STATE;
	s->parent = parent;
	s->lost = s->placed = true;
	if (r == ZTJ_OK && s->stays)
		r = ztj_stay_restore(g, s);
	if (r != ZTJ_OK || s->stays)
		ztj_sessions_remove(g->sessions, no);
	return r;
}

static int load_one(struct ztj_gate *g, const char *file)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = true, .check_parents = false };
	uint64_t no, parent;
	struct ztj_buf b;
	struct ztj_rd rd;
	char path[512];
	int r;

	ztj_buf_init(&b, FILE_MAX);
	path_of(g, file, path, sizeof(path));
	r = ztj_file_read(path, &rule, FILE_MAX - 1, &b);
	ztj_rd_init(&rd, ztj_buf_view(&b));
	if (r == ZTJ_OK)
		r = get_place(g, &rd, &no, &parent);
	if (r == ZTJ_OK)
		r = of_this_boot(g, &rd, no, parent);
	else if (r == ZTJ_STATE)
		r = of_another_boot(g, &rd);
	ztj_buf_free(&b);
	if (r != ZTJ_OK)
		(void)unlink(path);
	return r == ZTJ_NOMEM || r == ZTJ_IO ? r : ZTJ_OK;
}

static int numbers(const struct dirent *e)
{
	return e->d_name[0] >= '1' && e->d_name[0] <= '9';
}

/* Parents first: they have the smaller numbers. */
static int by_number(const struct dirent **a, const struct dirent **b)
{
	unsigned long long x = strtoull((*a)->d_name, NULL, 10), y = strtoull((*b)->d_name, NULL, 10);

	return x < y ? -1 : x > y;
}

int ztj_kept_load(struct ztj_gate *g)
{
	struct dirent **list = NULL;
	char path[512];
	int n, r;

	(void)snprintf(path, sizeof(path), "%s/sessions", g->conf->state);
	r = ztj_dir_make(path, 0700, (uid_t)-1, (gid_t)-1);
	if (r != ZTJ_OK)
		return r;
	n = scandir(path, &list, numbers, by_number);
	if (n < 0)
		return ZTJ_IO;
	for (int i = 0; i < n; i++) {
		if (r == ZTJ_OK)
			r = load_one(g, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return r;
}

void ztj_kept_found(struct ztj_gate *g, const struct ztj_warden_msg *m)
{
	struct ztj_session *s = ztj_sessions_get(g->sessions, m->session);
	struct ztj_warden_msg kill = { .op = ZTJ_WARDEN_KILL, .session = m->session };

	ztj_sessions_used(g->sessions, m->session);
	if (s != NULL && s->parent == m->parent) {
		s->lost = false;
		s->audit = m->n;
		return;
	}
	/* Nobody knows who that is, or it was never told yes. */
	ztj_gate_alarm(g, ZTJ_NO_SESSION, "a session that is not known here is ended");
	if (ztj_warden_ask(g, &kill, -1) != ZTJ_OK)
		ztj_warden_lost(g);
}

static struct ztj_session *lost_one(struct ztj_gate *g)
{
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++)
		if (ztj_sessions_at(g->sessions, i)->lost)
			return ztj_sessions_at(g->sessions, i);
	return NULL;
}

void ztj_kept_all_found(struct ztj_gate *g)
{
	struct ztj_warden_msg ready = { .op = ZTJ_WARDEN_READY };
	struct ztj_session *s, was;
	struct ztj_now now;

	ztj_gate_now(g, &now);
	while ((s = lost_one(g)) != NULL) {
		(void)ztj_session_log(g, s, "gone", ZTJ_OK);
		was = *s;
		ztj_sessions_remove(g->sessions, s->no);
		if (!ztj_stay_add(g, &was))
			ztj_session_unkeep(g, &was);
	}
	if (ztj_sessions_count(g->sessions) > 0)
		ztj_log(ZTJ_LOG_NOTICE, "%zu sessions go on", ztj_sessions_count(g->sessions));
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++) {
		struct ztj_warden_msg at = { .op = ZTJ_WARDEN_END_AT };
		s = ztj_sessions_at(g->sessions, i);
		if (s->resume_by != 0)
			s->resume_by = s->ending ? 0 : now.boot + RESUME_SECONDS;
		at.session = s->no;
		at.at = s->end_boot;
		if (s->placed && ztj_warden_ask(g, &at, -1) != ZTJ_OK)
			ztj_warden_lost(g);
	}
	ztj_sessions_review(g);
	if (ztj_warden_ask(g, &ready, -1) != ZTJ_OK)
		ztj_warden_lost(g);
}
