/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The gate's side of recordings (PROTOCOL 8.6): whose record it is, said by the kernel; what is recorded, as a session of its own in
 * a cgroup of its own; heads, signed only for records that were begun here and only forward. The scribe holds
 * the bytes and decides nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/recmsg.h"
#include "ztjit-hostd/gate.h"

#define SAY_MS 2000
#define REFUSED_SECONDS 5

static void scribe_lost(struct ztj_gate *g)
{
	ztj_log(ZTJ_LOG_ERROR, "the scribe does not listen");
	g->exit_status = 1;
	(void)event_base_loopbreak(g->base);
}

static void tell(struct ztj_gate *g, struct ztj_buf *b)
{
	int r = g->fds.scribe < 0 ? ZTJ_OK : ztj_ipc_finish(b);

	if (r == ZTJ_OK && g->fds.scribe >= 0)
		r = ztj_ipc_send(g->fds.scribe, ztj_buf_view(b), -1, ztj_ipc_now_ms() + SAY_MS);
	ztj_buf_free(b);
	if (r != ZTJ_OK)
		scribe_lost(g);
}

static void begin(struct ztj_buf *b, uint8_t type)
{
	ztj_buf_init(b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(b, type) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "out of memory"); /* such a buffer fails to finish */
}

/* ---- a new record ---- */

struct newcomer {
	uint32_t tag;
	const uint8_t *name;
	struct ztj_procinfo proc;
	struct ztj_session *around; /* what the recorder is in */
};

/* The kernel's word: who it is, and in which session. */
static int place_of(struct ztj_gate *g, int pidfd, struct ztj_procinfo *proc, struct ztj_session **s)
{
	bool inside = false;
	pid_t pid;
	int r = pidfd < 0 ? ZTJ_PROTOCOL : ztj_proc_pid_of(pidfd, &pid);

	*s = NULL;
	if (r == ZTJ_OK)
		r = g->env.read_proc(pidfd, pid, proc);
	if (r != ZTJ_OK)
		return r;
	*s = ztj_gate_session_of(g, proc, &inside);
	if (*s == NULL)
		return ZTJ_NO_SESSION;
	return (*s)->ending || (*s)->making != 0 ? ZTJ_ENDED : ZTJ_OK;
}

static struct ztj_recorder *recorder_of(struct ztj_gate *g, const uint8_t *name)
{
	for (size_t i = 0; i < ZTJ_RECORDERS; i++)
		if (g->recorder[i].id.pid != 0 && memcmp(g->recorder[i].name, name, ZTJ_DIGEST_LEN) == 0)
			return &g->recorder[i];
	return NULL;
}

/* The oldest makes room: a recorder that never brought a child holds nobody up. */
static void remember(struct ztj_gate *g, const struct newcomer *n)
{
	struct ztj_recorder *at = &g->recorder[0];

	for (size_t i = 0; i < ZTJ_RECORDERS && at->id.pid != 0; i++)
		if (g->recorder[i].id.pid == 0 || g->recorder[i].order < at->order)
			at = &g->recorder[i];
	*at = (struct ztj_recorder){ .id = n->proc.id, .around = n->around->no, .order = ++g->recorders };
	memcpy(at->name, n->name, ZTJ_DIGEST_LEN);
}

/* One that comes back after the daemon was restarted: the same process, for a session that is still there. */
static int again(struct ztj_gate *g, const struct newcomer *n, struct ztj_session *rec)
{
	if (!rec->recorded || !ztj_procid_eq(rec->recorder, n->proc.id) || rec->parent != n->around->no)
		return ZTJ_WRONG_PERSON;
	if (rec->ending)
		return ZTJ_ENDED;
	rec->playing = true;
	rec->resume_by = 0;
	ztj_session_keep(g, rec);
	return ZTJ_OK;
}

static int admit(struct ztj_gate *g, const struct newcomer *n, struct ztj_answer *a)
{
	static const uint8_t none[ZTJ_DIGEST_LEN];
	struct ztj_session *rec = ztj_sessions_by_name(g->sessions, n->name);
	int r = ztj_session_judge(g, n->around, a);

	if (r != ZTJ_OK && !ztj_session_lets_run(a))
		return r;
	if (a->grant.role == NULL)
		return ZTJ_NOT_READY;
	if (memcmp(n->name, none, sizeof(none)) == 0)
		return ZTJ_PROTOCOL;
	if (rec != NULL)
		return again(g, n, rec);
	/* Known and without a session: it had no child yet when the daemon was restarted, or has none any more. */
	r = ztj_recbook_open_record(g->recbook, n->name) ? ZTJ_OK : ztj_recbook_add(g->recbook, n->name);
	if (r == ZTJ_OK)
		remember(g, n);
	return r;
}

static uint8_t flags_of(const struct ztj_answer *a)
{
	const struct ztj_role *role = a->grant.role;

	return (uint8_t)((role->record == ZTJ_RECORD_ALL ? ZTJ_REC_FLAG_INPUT : 0) |
	    (role->record_pipes ? ZTJ_REC_FLAG_PIPES : 0) |
	    (a->grant.rule != NULL && a->grant.rule->break_glass ? ZTJ_REC_FLAG_GLASS : 0));
}

/* Where somebody became another account inside, it is that account's shell which is recorded. */
static void account_of(struct ztj_gate *g, const struct newcomer *n, char out[ZTJ_ACCOUNT_SIZE])
{
	uint32_t uid, gid;

	if (ztj_gate_account(g, n->around->account, &uid, &gid) && uid == n->proc.ruid)
		(void)snprintf(out, ZTJ_ACCOUNT_SIZE, "%s", n->around->account);
	else if (!ztj_gate_name_of(g, n->proc.ruid, out))
		(void)snprintf(out, ZTJ_ACCOUNT_SIZE, "%s", n->around->account);
}

static void put_certificates(struct ztj_buf *b, const struct ztj_policy *p)
{
	size_t n = p == NULL ? 0 : p->nrecord_to;

	(void)ztj_buf_put_u32(b, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		(void)ztj_buf_put_view(b, p->record_to[i]);
}

static void say_is(struct ztj_gate *g, const struct newcomer *n, int code, const struct ztj_answer *a)
{
	static const struct ztj_session nobody = { .no = 0 };
	const struct ztj_session *s = n->around != NULL && code == ZTJ_OK ? n->around : &nobody;
	char account[ZTJ_ACCOUNT_SIZE] = "", text[256];
	struct ztj_buf b;

	if (code == ZTJ_OK)
		account_of(g, n, account);
	(void)snprintf(text, sizeof(text), "ztjit: this cannot be recorded: %s", ztj_err_text(code));
	begin(&b, ZTJ_REC_IS);
	(void)ztj_buf_put_u32(&b, n->tag);
	(void)ztj_buf_put_u32(&b, (uint32_t)-code);
	(void)ztj_buf_put_cstring(&b, code == ZTJ_OK ? "" : text);
	(void)ztj_buf_put_u8(&b, code == ZTJ_OK ? flags_of(a) : 0);
	(void)ztj_buf_put_cstring(&b, s->person);
	(void)ztj_buf_put_cstring(&b, account);
	(void)ztj_buf_put_cstring(&b, s->service);
	(void)ztj_buf_put_cstring(&b, code == ZTJ_OK ? a->grant.role->name : "");
	(void)ztj_buf_put_cstring(&b, s->peer);
	(void)ztj_buf_put(&b, s->grant, ZTJ_DIGEST_LEN);
	(void)ztj_buf_put_u64(&b, (uint64_t)s->ends);
	put_certificates(&b, code == ZTJ_OK ? ztj_trust_held_policy(g->trust) : NULL);
	tell(g, &b);
}

/* Anybody may start a recorder anywhere, and do so all the time. */
static void say_refused(struct ztj_gate *g, pid_t pid, int code)
{
	struct ztj_now now;

	ztj_gate_now(g, &now);
	if (now.boot < g->refused_said + REFUSED_SECONDS) {
		g->refused++;
		return;
	}
	ztj_log(ZTJ_LOG_WARN, "pid %d may not record: %s (%u more before that)", (int)pid, ztj_err_name(code),
	    g->refused);
	g->refused_said = now.boot;
	g->refused = 0;
}

static int on_new(struct ztj_gate *g, struct ztj_rd *rd, int pidfd)
{
	struct newcomer n = { .tag = 0 };
	struct ztj_answer *a;
	struct ztj_view name;
	uint8_t terminal;
	int r;

	if ((r = ztj_rd_u32(rd, &n.tag)) != ZTJ_OK ||
	    (r = ztj_rd_bytes(rd, ZTJ_REC_SESSION_LEN, &name)) != ZTJ_OK ||
	    (r = ztj_rd_u8(rd, &terminal)) != ZTJ_OK || (r = ztj_rd_end(rd)) != ZTJ_OK)
		return r;
	if (terminal > 1)
		return ZTJ_PROTOCOL;
	n.name = name.p;
	a = malloc(sizeof(*a));
	if (a == NULL)
		return ZTJ_NOMEM;
	r = place_of(g, pidfd, &n.proc, &n.around);
	if (r == ZTJ_OK)
		r = admit(g, &n, a);
	if (r != ZTJ_OK)
		say_refused(g, n.proc.id.pid, r);
	say_is(g, &n, r, a);
	free(a);
	return ZTJ_OK;
}

/* ---- its child ---- */

static void say_child(struct ztj_gate *g, uint32_t tag, int code)
{
	char text[256];
	struct ztj_buf b;

	(void)snprintf(text, sizeof(text), "ztjit: this cannot be recorded: %s", ztj_err_text(code));
	begin(&b, ZTJ_REC_PLACED);
	(void)ztj_buf_put_u32(&b, tag);
	(void)ztj_buf_put_u32(&b, (uint32_t)-code);
	(void)ztj_buf_put_cstring(&b, code == ZTJ_OK ? "" : text);
	tell(g, &b);
}

/* Durable before it takes effect, like every beginning. */
static int make(struct ztj_gate *g, struct ztj_session *rec, int pidfd)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_MAKE,
		.session = rec->no,
		.parent = rec->parent,
		.at = rec->end_boot,
		.flags = ZTJ_MAKE_RECORDED };
	int r = ztj_session_log(g, rec, "open", ZTJ_OK);

	if (r == ZTJ_OK) {
		r = ztj_warden_ask(g, &m, pidfd);
		if (r != ZTJ_OK)
			ztj_warden_lost(g);
	}
	rec->making = m.id;
	return r;
}

static int child_session(struct ztj_gate *g, const struct ztj_recorder *by, struct ztj_session *around,
    const struct ztj_procinfo *child, struct ztj_session **out)
{
	struct ztj_now now;
	struct ztj_session *rec = NULL;
	int r = ztj_session_room(g, around->person);

	if (r == ZTJ_OK)
		r = ztj_sessions_add(g->sessions, around, &rec);
	*out = rec;
	if (r != ZTJ_OK)
		return r;
	ztj_gate_now(g, &now);
	memcpy(rec->name, by->name, ZTJ_DIGEST_LEN);
	memcpy(rec->grant, around->grant, ZTJ_DIGEST_LEN);
	rec->since = now.boot;
	rec->recorded = rec->playing = true;
	rec->recorder = by->id;
	rec->leader = child->id;
	rec->uid = around->uid;
	rec->ends = around->ends;
	rec->end_boot = around->end_boot;
	(void)snprintf(rec->person, sizeof(rec->person), "%s", around->person);
	(void)snprintf(rec->service, sizeof(rec->service), "record");
	(void)snprintf(rec->account, sizeof(rec->account), "%s", around->account);
	(void)snprintf(rec->peer, sizeof(rec->peer), "%s", around->peer);
	(void)snprintf(rec->tty, sizeof(rec->tty), "%s", child->tty);
	return ZTJ_OK;
}

static int place(struct ztj_gate *g, uint32_t tag, const uint8_t *name, int pidfd)
{
	struct ztj_recorder *by = recorder_of(g, name);
	struct ztj_session *around, *rec;
	struct ztj_procinfo child;
	int r = by == NULL ? ZTJ_NOT_FOUND : place_of(g, pidfd, &child, &around);

	if (r != ZTJ_OK)
		return r;
	/* Nothing but the recorder's own child, where the recorder was seen: not a process of somebody else's. */
	if (around->no != by->around || !ztj_procid_eq(child.parent, by->id))
		return ZTJ_NO_SESSION;
	r = child_session(g, by, around, &child, &rec);
	if (r != ZTJ_OK)
		return r;
	rec->tag = tag;
	by->id.pid = 0; /* used */
	r = make(g, rec, pidfd);
	if (r != ZTJ_OK)
		ztj_sessions_remove(g->sessions, rec->no);
	return r;
}

static int on_child(struct ztj_gate *g, struct ztj_rd *rd, int pidfd)
{
	struct ztj_view name;
	uint32_t tag;
	int r;

	if ((r = ztj_rd_u32(rd, &tag)) != ZTJ_OK ||
	    (r = ztj_rd_bytes(rd, ZTJ_REC_SESSION_LEN, &name)) != ZTJ_OK || (r = ztj_rd_end(rd)) != ZTJ_OK)
		return r;
	r = place(g, tag, name.p, pidfd);
	if (r != ZTJ_OK)
		say_child(g, tag, r);
	return ZTJ_OK;
}

void ztj_records_made(struct ztj_gate *g, struct ztj_session *rec, int code)
{
	if (code == ZTJ_OK)
		ztj_session_keep(g, rec); /* before it may do anything */
	say_child(g, rec->tag, code);
	if (code != ZTJ_OK) {
		ztj_sessions_remove(g->sessions, rec->no);
		return;
	}
	ztj_sessions_review(g); /* news may have come while the warden worked */
}

/* ---- its end ---- */

/* What the shell left behind (nohup, tmux) would go on with nobody to record it. */
static void end_rest(struct ztj_gate *g, struct ztj_session *rec)
{
	struct ztj_warden_msg kill = { .op = ZTJ_WARDEN_KILL, .session = rec->no };

	rec->ending = true;
	if (ztj_warden_ask(g, &kill, -1) != ZTJ_OK)
		ztj_warden_lost(g);
}

static int on_gone(struct ztj_gate *g, struct ztj_rd *rd)
{
	struct ztj_session *rec;
	struct ztj_view name;
	uint8_t lost;
	int r;

	if ((r = ztj_rd_bytes(rd, ZTJ_REC_SESSION_LEN, &name)) != ZTJ_OK ||
	    (r = ztj_rd_u8(rd, &lost)) != ZTJ_OK || (r = ztj_rd_end(rd)) != ZTJ_OK)
		return r;
	if (lost > 1)
		return ZTJ_PROTOCOL;
	rec = ztj_sessions_by_name(g->sessions, name.p);
	if (rec == NULL || !rec->recorded)
		return ZTJ_OK; /* its processes were gone before */
	rec->playing = false;
	if (lost == 1 && !rec->ending)
		ztj_session_end(g, rec, ZTJ_RECORD_GONE);
	else if (!rec->ending)
		end_rest(g, rec);
	ztj_session_keep(g, rec);
	return ZTJ_OK;
}

void ztj_records_ending(struct ztj_gate *g, const struct ztj_session *s, int code)
{
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++) {
		struct ztj_session *rec = ztj_sessions_at(g->sessions, i);
		struct ztj_buf b;
		if (!rec->recorded || !rec->playing || !ztj_sessions_inside(g->sessions, rec, s))
			continue;
		begin(&b, ZTJ_REC_ENDED);
		(void)ztj_buf_put(&b, rec->name, ZTJ_DIGEST_LEN);
		(void)ztj_buf_put_u32(&b, (uint32_t)-code);
		tell(g, &b);
		rec->playing = false;
	}
}

void ztj_records_note(struct ztj_gate *g, struct ztj_session *s, const char *text)
{
	const struct ztj_session *rec = ztj_sessions_recording(g->sessions, s);
	struct ztj_buf b;

	if (rec == NULL)
		return;
	begin(&b, ZTJ_REC_NOTE);
	(void)ztj_buf_put(&b, rec->name, ZTJ_DIGEST_LEN);
	(void)ztj_buf_put_cstring(&b, text);
	tell(g, &b);
}

/* ---- heads ---- */

static int read_mark(struct ztj_rd *rd, struct ztj_recmark *m)
{
	struct ztj_view digest;
	uint8_t state;
	int r;

	if ((r = ztj_rd_u32(rd, &m->chunks)) != ZTJ_OK || (r = ztj_rd_u64(rd, &m->bytes)) != ZTJ_OK ||
	    (r = ztj_rd_bytes(rd, ZTJ_DIGEST_LEN, &digest)) != ZTJ_OK ||
	    (r = ztj_rd_u8(rd, &state)) != ZTJ_OK || (r = ztj_rd_end(rd)) != ZTJ_OK)
		return r;
	if (state > ZTJ_RECORD_LOST || m->bytes > INT64_MAX)
		return ZTJ_PROTOCOL;
	memcpy(m->digest, digest.p, ZTJ_DIGEST_LEN);
	m->state = (enum ztj_rec_state)state;
	return ZTJ_OK;
}

static int on_sign(struct ztj_gate *g, struct ztj_rd *rd)
{
	struct ztj_recmark m = { .chunks = 0 };
	struct ztj_buf json, b;
	struct ztj_view name;
	uint32_t tag;
	int r;

	if ((r = ztj_rd_u32(rd, &tag)) != ZTJ_OK ||
	    (r = ztj_rd_bytes(rd, ZTJ_REC_SESSION_LEN, &name)) != ZTJ_OK || (r = read_mark(rd, &m)) != ZTJ_OK)
		return r;
	ztj_buf_init(&json, ZTJ_IPC_MAX / 2);
	r = ztj_recbook_mark(g->recbook, name.p, &m);
	if (r == ZTJ_OK)
		r = ztj_head_sign(g, name.p, &m, &json);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_WARN, "a head is not signed: %s", ztj_err_name(r));
	begin(&b, ZTJ_REC_SIGNED);
	(void)ztj_buf_put_u32(&b, tag);
	(void)ztj_buf_put_u32(&b, (uint32_t)-r);
	(void)ztj_buf_put_view(&b, r == ZTJ_OK ? ztj_buf_view(&json) : ztj_view_of(NULL, 0));
	tell(g, &b);
	ztj_buf_free(&json);
	return ZTJ_OK;
}

/* ---- the pair ---- */

static int on_spool(struct ztj_gate *g, struct ztj_rd *rd)
{
	struct ztj_spool_state s;
	int r;

	if ((r = ztj_rd_u32(rd, &s.open)) != ZTJ_OK || (r = ztj_rd_u32(rd, &s.waiting)) != ZTJ_OK ||
	    (r = ztj_rd_u64(rd, &s.used)) != ZTJ_OK || (r = ztj_rd_u64(rd, &s.room)) != ZTJ_OK ||
	    (r = ztj_rd_u64(rd, &s.unsent)) != ZTJ_OK || (r = ztj_rd_end(rd)) != ZTJ_OK)
		return r;
	g->records = s;
	return ZTJ_OK;
}

static int on_named(struct ztj_gate *g, struct ztj_rd *rd)
{
	char id[ZTJ_SHORT_ID_SIZE];
	struct ztj_session *s;
	struct ztj_view name;
	int r;

	if ((r = ztj_rd_bytes(rd, ZTJ_DIGEST_LEN, &name)) != ZTJ_OK ||
	    (r = ztj_rd_cstring(rd, id, sizeof(id))) != ZTJ_OK || (r = ztj_rd_end(rd)) != ZTJ_OK)
		return r;
	if (!ztj_session_id_ok(id))
		return ZTJ_BAD_NAME;
	s = ztj_sessions_by_name(g->sessions, name.p);
	if (s != NULL && s->recorded)
		memcpy(s->record, id, sizeof(id));
	return ZTJ_OK;
}

static int on_message(struct ztj_gate *g)
{
	struct ztj_ipc_in *in = &g->scribe_in;
	struct ztj_rd rd;

	ztj_rd_init(&rd, in->body);
	switch (in->type) {
	case ZTJ_REC_NEW:
		return on_new(g, &rd, in->fd);
	case ZTJ_REC_PLACE:
		return on_child(g, &rd, in->fd);
	case ZTJ_REC_GONE:
		return on_gone(g, &rd);
	case ZTJ_REC_SIGN:
		return on_sign(g, &rd);
	case ZTJ_REC_SPOOL:
		return on_spool(g, &rd);
	case ZTJ_REC_NAMED:
		return on_named(g, &rd);
	default:
		return ZTJ_PROTOCOL;
	}
}

void ztj_records_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_gate *g = arg;
	int r = ztj_ipc_read(fd, &g->scribe_in, true);

	(void)what;
	if (r == ZTJ_TIMEOUT)
		return;
	if (r == ZTJ_OK)
		r = on_message(g);
	ztj_ipc_in_reset(&g->scribe_in);
	if (r != ZTJ_OK) {
		ztj_log(ZTJ_LOG_ERROR, "the scribe: %s", ztj_err_name(r));
		g->exit_status = 1;
		(void)event_base_loopbreak(g->base);
	}
}
