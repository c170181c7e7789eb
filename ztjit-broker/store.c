/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The store process: no network, no signing key. It trusts nobody: the frontend says only
 * which TLS key asks, the signer only what it signed. Its turn of the loop is a batch: read what is there,
 * judge, write, commit once, answer.
 */
#include "ztjit-broker/audit.h"
#include "ztjit-broker/counts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "libztjit/sys/sandbox.h"
#include "ztjit-broker/child.h"
#include "ztjit-broker/st_outbox.h"
#include "ztjit-broker/st_witness.h"

#define SIGS_REMEMBERED 65536
#define SWEEP_SECONDS 20
#define POLICY_ROOTS_MAX ((size_t)64 * 1024)

void st_send(struct store *st, struct chan *to, uint8_t type, struct ztj_view body)
{
	int r;
	if (db_dirty(st->db) || !outbox_empty(st->outbox))
		r = outbox_add(st->outbox, to, type, body);
	else
		r = chan_send(to, type, body);
	if (r != ZTJ_OK)
		st->broken = true; /* an answer was lost: nobody may be left believing */
}

/* --- the batch --- */

static void say_failed(void *arg, uint32_t tag)
{
	struct store *st = arg;
	struct ztj_buf msg;
	struct reply rep = { .tag = tag, .status = 503 };
	rep.body = ztj_view_str(reserve_spent(st)
		? "{\"error\":\"no-space\",\"text\":\"storage is full\",\"detail\":\"nothing was kept\"}"
		: "{\"error\":\"io-error\",\"text\":\"reading or writing storage failed\",\"detail\":\"nothing was kept\"}");
	ztj_buf_init(&msg, 1024);
	if (reply_write(&rep, &msg) == ZTJ_OK &&
	    chan_send(st->frontend, MSG_REPLY, ztj_buf_view(&msg)) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "an answer was lost");
	ztj_buf_free(&msg);
}

/* Memory is read anew; until that works, nothing is served. */
static void recover(struct store *st)
{
	st->broken = true;
	int r = db_recover(st->db);
	if (r == ZTJ_NO_SPACE)
		reserve_spend(st);
	if (r == ZTJ_OK)
		r = st_load(st);
	if (r != ZTJ_OK) {
		ztj_log(ZTJ_LOG_ERROR, "not serving: %s", ztj_err_text(r));
		return;
	}
	st->broken = false;
	st->told = UINT64_MAX; /* who was told to wait asks again */
	sender_grown(st);
	streams_recheck(st, st_now(), true); /* what they were shown may be no more */
	if (!outbox_empty(st->outbox) && outbox_release(st->outbox) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "an answer was lost");
}

static void finish_batch(void *arg)
{
	struct store *st = arg;
	int r = ZTJ_OK;
	bool dirty = db_dirty(st->db);
	if (!st->broken)
		r = db_commit(st->db);
	if (r == ZTJ_OK && !st->broken) {
		st->count.commits += dirty;
		counts_keep(st->counts);
		if (outbox_release(st->outbox) != ZTJ_OK)
			ztj_log(ZTJ_LOG_ERROR, "a channel is gone");
		sender_grown(st);
	} else {
		st->count.failed_commits++;
		counts_drop(st->counts);
		ztj_log(ZTJ_LOG_ERROR, "nothing of this batch was kept: %s",
		    ztj_err_text(r == ZTJ_OK ? ZTJ_IO : r));
		if (r == ZTJ_NO_SPACE)
			reserve_spend(st);
		if (outbox_holds(st->outbox, SGN_JOIN))
			joins_lost(st);
		outbox_drop(st->outbox, say_failed, st);
		recover(st);
	}
	chan_flush(st->frontend);
	chan_flush(st->signer);
	if (st->sender != NULL)
		chan_flush(st->sender);
}

/* --- dispatch --- */

static void do_who(struct store *st, const struct ask *a, const struct caller *c)
{
	struct ztj_buf msg;
	ztj_buf_init(&msg, 256);
	ztj_buf_put_u32(&msg, a->tag);
	ztj_buf_put_u8(&msg, (uint8_t)(c->kind | (c->registrar ? CALLER_REGISTRAR : 0)));
	if (ztj_buf_put_cstring(&msg, c->who) == ZTJ_OK)
		st_send(st, st->frontend, MSG_WHOIS, ztj_buf_view(&msg));
	ztj_buf_free(&msg);
}

static void do_broker(struct store *st, const struct ask *a, int64_t now)
{
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	char time_text[ZTJ_TIME_SIZE], key[ZTJ_KEY_TEXT_SIZE];
	const char *roots_text = NULL;
	struct ztj_buf roots;
	int r = ztj_time_format(now, time_text);
	ztj_buf_init(&roots, POLICY_ROOTS_MAX);
	if (r == ZTJ_OK)
		r = ztj_key_to_text(&st->keys.online, key);
	if (r == ZTJ_OK)
		r = ztj_pins_format(&st->pins, &roots);
	if (r == ZTJ_OK && (roots_text = ztj_buf_str(&roots)) == NULL)
		r = ZTJ_NOMEM;
	if (r != ZTJ_OK)
		st_refuse(st, a->tag, r, NULL, NULL);
	else
		st_answer(st, a->tag, 200,
		    json_pack("{s:s, s:s, s:o, s:I, s:s}", "domain", st->conf->domain, "time", time_text,
			"online", p != NULL ? json_string(key) : json_null(), "policy",
			(json_int_t)(p != NULL ? p->version : 0), "roots", roots_text));
	ztj_buf_free(&roots);
}

static void do_policy(struct store *st, const struct ask *a)
{
	struct ztj_buf container;
	ztj_buf_init(&container, PROTO_CONTAINER_MAX);
	int r = db_policy_newest(st->db, &container);
	if (r == ZTJ_OK)
		st_answer(st, a->tag, 200, st_container_json(ztj_buf_view(&container)));
	else
		st_refuse(st, a->tag, r, NULL, NULL);
	ztj_buf_free(&container);
}

static void dispatch(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	switch (a->op) {
	case OP_WHO:
		do_who(st, a, c);
		return;
	case OP_BROKER:
		do_broker(st, a, now);
		return;
	case OP_POLICY:
		do_policy(st, a);
		return;
	case OP_STATEMENT_PUT:
		do_statement_put(st, a, c, now);
		return;
	case OP_STATEMENT_GET:
		do_statement_get(st, a, c, now);
		return;
	case OP_REQUESTS:
		do_requests(st, a, c, now);
		return;
	case OP_REQUEST_GET:
		do_request_get(st, a, c, now);
		return;
	case OP_DIRECTORIES:
		do_directories(st, a, c, now);
		return;
	case OP_DIRECTORY_GET:
		do_directory_get(st, a, c, now);
		return;
	case OP_DIRECTORY_PUT:
		do_directory_put(st, a, c, now);
		return;
	case OP_PENDING_PUT:
		do_pending_put(st, a, c, now);
		return;
	case OP_PENDING_LIST:
		do_pending_list(st, a, c, now);
		return;
	case OP_PENDING_DELETE:
		do_pending_delete(st, a, c, now);
		return;
	case OP_CERTIFICATE:
		do_certificate(st, a, c, now);
		return;
	case OP_STREAM_OPEN:
		do_stream_open(st, a, c, now);
		return;
	case OP_STREAM_MORE:
		do_stream_more(st, a->tag);
		return;
	case OP_STREAM_CLOSE:
		do_stream_close(st, a->tag);
		return;
	case OP_STEPUP_PUT:
		do_stepup_put(st, a, c, now);
		return;
	case OP_STEPUP_LIST:
		do_stepup_list(st, a, c, now);
		return;
	case OP_STEPUP_ANSWER:
		do_stepup_answer(st, a, c, now);
		return;
	case OP_STEPUP_END:
		do_stepup_end(st, a, c, now);
		return;
	case OP_METRICS:
		do_metrics(st, a, now);
		return;
	case OP_SESSION_PUT:
		do_session_put(st, a, c, now);
		return;
	case OP_SESSION_CHUNKS:
		do_session_chunks(st, a, c, now);
		return;
	case OP_SESSION_HEAD:
		do_session_head(st, a, c, now);
		return;
	case OP_SESSIONS:
		do_sessions(st, a, c, now);
		return;
	case OP_SESSION_GET:
		do_session_get(st, a, c, now);
		return;
	case OP_SESSION_RECORD:
		do_session_record(st, a, c, now);
		return;
	case OP_VIEW_PUT:
		do_view_put(st, a, c, now);
		return;
	case OP_STANDING_PUT:
		do_standing_put(st, a, c, now);
		return;
	case OP_STANDING:
		do_standing(st, a, c, now);
		return;
	case OP_LOG_CHECKPOINT:
		do_log_checkpoint(st, a, c, now);
		return;
	case OP_DECISIONS_PUT:
		do_decisions_put(st, a, c, now);
		return;
	case OP_LOG_TILE:
		do_log_tile(st, a, c, now);
		return;
	case OP_LOG_GROWTH:
		do_log_growth(st, a, c, now);
		return;
	case OP_NONE:
	case OP_MAX:
		break;
	}
	st_refuse(st, a->tag, ZTJ_FORBIDDEN, NULL, NULL);
}

/* Without a policy only one is waited for; what names the broker and its health is answered always. */
static bool needs_policy(const struct ask *a)
{
	return a->op != OP_WHO && a->op != OP_BROKER && a->op != OP_POLICY && a->op != OP_STATEMENT_PUT &&
	    a->op != OP_METRICS && a->op != OP_STREAM_CLOSE && a->op != OP_STREAM_MORE;
}

static int frontend_message(void *arg, uint8_t type, struct ztj_view body)
{
	struct store *st = arg;
	struct caller c;
	struct ask a;
	int64_t now = st_now();
	int r = ask_read(type, body, &a);
	if (r != ZTJ_OK)
		return r;
	bool internal = a.op == OP_STREAM_MORE || a.op == OP_STREAM_CLOSE;
	if (st->broken && !internal) {
		if (a.op == OP_WHO) {
			memset(&c, 0, sizeof(c));
			c.kind = CALLER_ANONYMOUS;
			do_who(st, &a, &c);
		} else {
			say_failed(st, a.tag);
		}
		return ZTJ_OK;
	}
	caller_identify(st, a.tls, now, &c);
	st->asked.ask = &a;
	st->asked.caller = &c;
	st->asked.said = false;
	r = access_check(a.op, &c);
	if (r == ZTJ_OK && needs_policy(&a) && ztj_trust_held_policy(st->trust) == NULL)
		r = ZTJ_NOT_READY;
	if (r == ZTJ_OK)
		dispatch(st, &a, &c, now);
	else if (r == ZTJ_NOT_FOUND)
		st_refuse_unknown(st, a.tag);
	else
		st_refuse(st, a.tag, r, NULL, NULL);
	st->asked.ask = NULL;
	return ZTJ_OK;
}

/* --- timers --- */

static void on_status(evutil_socket_t fd, short what, void *arg)
{
	struct store *st = arg;
	(void)fd;
	(void)what;
	if (reserve_spent(st))
		reserve_open(st);
	if (st->broken)
		recover(st);
	if (!st->broken) {
		audit_publish(st, st_now());
		witnesses_turn(st, st_now());
		signer_want_status(st);
		finish_batch(st);
	}
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct store *st = arg;
	int64_t now = st_now();
	(void)fd;
	(void)what;
	if (st->broken)
		return;
	logins_sweep(st->logins, now);
	stepups_sweep(st->stepups, now);
	streams_recheck(st, now, false);
	if (!reserve_spent(st)) {
		joins_go_on(st);
		requests_sweep(st, now);
		records_sweep(st, now);
		standing_sweep(st, now - PROTO_DAYS_MAX * INT64_C(86400));
		audit_sweep(st);
		if (db_login_sweep(st->db, now) != ZTJ_OK)
			ztj_log(ZTJ_LOG_ERROR, "could not forget old logins");
	}
	finish_batch(st);
}

/* --- start --- */

static int read_pins(struct store *st)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .check_parents = true };
	struct ztj_buf text;
	unsigned line = 0;
	ztj_buf_init(&text, POLICY_ROOTS_MAX);
	int r = ztj_file_read(st->conf->policy_roots, &rule, POLICY_ROOTS_MAX, &text);
	if (r == ZTJ_OK)
		r = ztj_pins_parse(ztj_buf_view(&text), &st->pins, &line);
	if (r == ZTJ_OK && strcmp(st->pins.domain, st->conf->domain) != 0)
		r = ZTJ_DOMAIN;
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "%s:%u: %s", st->conf->policy_roots, line, ztj_err_text(r));
	ztj_buf_free(&text);
	return r;
}

static int make_parts(struct store *st)
{
	int r = ztj_sigcache_new(SIGS_REMEMBERED, &st->sigs);
	if (r == ZTJ_OK)
		r = logins_new(&st->logins);
	if (r == ZTJ_OK)
		r = bundles_new(&st->bundles);
	if (r == ZTJ_OK)
		r = streams_new(&st->streams);
	if (r == ZTJ_OK)
		r = stepups_new(&st->stepups);
	if (r == ZTJ_OK)
		r = certs_new(&st->certs);
	if (r == ZTJ_OK)
		r = outbox_new(&st->outbox);
	return r;
}

/* The policy in the database must still name this broker, or nobody could believe it. */
static int check_named(const struct store *st)
{
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	bool tls = p == NULL, online = p == NULL, ca = p == NULL;
	for (size_t i = 0; p != NULL && i < p->broker.ntls; i++)
		tls = tls || ztj_key_equal(&p->broker.tls[i], &st->keys.tls);
	for (size_t i = 0; p != NULL && i < p->broker.nonline; i++)
		online = online || ztj_key_equal(&p->broker.online[i], &st->keys.online);
	for (size_t i = 0; p != NULL && i < p->broker.nca; i++)
		ca = ca || ztj_key_equal(&p->broker.ca[i], &st->keys.ca);
	if (tls && online && ca)
		return ZTJ_OK;
	ztj_log(ZTJ_LOG_ERROR, "the policy does not name this broker's keys (tls.pub, online.pub, ca.pub)");
	return ZTJ_BROKER_KEY;
}

static int start(struct store *st)
{
	char path[PATH_MAX], err[512] = "";
	int r = make_parts(st);
	if (r == ZTJ_OK)
		r = broker_keys_load(st->conf, &st->keys, err, sizeof(err));
	if (r != ZTJ_OK && err[0] != '\0')
		ztj_log(ZTJ_LOG_ERROR, "%s", err);
	if (r == ZTJ_OK)
		r = read_pins(st);
	if (r == ZTJ_OK)
		r = audit_new(st);
	if (r == ZTJ_OK)
		r = witnesses_new(st);
	if (r == ZTJ_OK)
		r = counts_new(&st->counts);
	if (r == ZTJ_OK)
		r = broker_path(st->conf, "store/broker.db", path);
	st->started = st_now();
	return r;
}

/* After the sandbox: only the database is opened. */
static int start_confined(struct store *st)
{
	struct timespec ts;
	char path[PATH_MAX];
	int r = broker_path(st->conf, "store/broker.db", path);
	if (r == ZTJ_OK)
		r = db_open(path, &st->db);
	if (r != ZTJ_OK) {
		ztj_log(ZTJ_LOG_ERROR, "%s/store/broker.db: %s", st->conf->directory, ztj_err_text(r));
		return r;
	}
	/* In millionths of a second: no run of a broker gives as many numbers as that. */
	if (clock_gettime(CLOCK_REALTIME, &ts) == 0)
		st->least = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
	r = st_load(st);
	if (r == ZTJ_OK)
		r = check_named(st);
	if (r == ZTJ_OK)
		r = records_open(st);
	if (r == ZTJ_OK)
		r = audit_start(st);
	if (r == ZTJ_OK)
		reserve_open(st);
	else
		ztj_log(ZTJ_LOG_ERROR, "the database cannot be used: %s", ztj_err_text(r));
	return r;
}

static void on_closed(void *arg, int err)
{
	struct store *st = arg;
	if (err != ZTJ_UNREACHABLE)
		ztj_log(ZTJ_LOG_ERROR, "a message could not be read: %s", ztj_err_text(err));
	event_base_loopbreak(st->base);
}

static int add_timer(struct store *st, int64_t seconds, event_callback_fn fn, struct event **out)
{
	const struct timeval tv = { .tv_sec = (time_t)seconds };
	*out = event_new(st->base, -1, EV_PERSIST, fn, st);
	return *out != NULL && event_add(*out, &tv) == 0 ? ZTJ_OK : ZTJ_NOMEM;
}

static void stop(struct store *st)
{
	if (st->base != NULL && st->db != NULL && !st->broken &&
	    (audit_stop(st) != ZTJ_OK || db_commit(st->db) != ZTJ_OK))
		ztj_log(ZTJ_LOG_ERROR, "the last batch was not kept");
	if (st->base != NULL && st->db != NULL)
		audit_publish(st, st_now());
	chan_free(st->frontend);
	chan_free(st->signer);
	chan_free(st->sender);
	certs_free(st->certs);
	stepups_free(st->stepups);
	views_free(st->views);
	streams_free(st->streams);
	bundles_free(st->bundles);
	logins_free(st->logins);
	outbox_free(st->outbox);
	audit_free(st->audit);
	witnesses_free(st->witnesses);
	counts_free(st->counts);
	ztj_trust_free(st->trust);
	ztj_sigcache_free(st->sigs);
	ztj_buf_free(&st->status);
	db_close(st->db);
}

int store_main(const struct broker_conf *conf, const struct store_fds *fds)
{
	struct store st = { .conf = conf, .reserve = -1, .told = UINT64_MAX };
	struct event *status = NULL, *sweep = NULL;
	const struct chan_hooks front = { frontend_message, finish_batch, on_closed, &st };
	const struct chan_hooks sign = { signer_message, finish_batch, on_closed, &st };
	const struct chan_hooks send = { sender_message, finish_batch, on_closed, &st };
	char store_dir[PATH_MAX];
	ztj_buf_init(&st.status, (size_t)256 * 1024);
	int r = start(&st);
	if (r == ZTJ_OK)
		r = broker_path(conf, "store", store_dir);
	if (r == ZTJ_OK) {
		const char *const rw[] = { store_dir, NULL };
		r = child_confine(conf->store_user, ZTJ_SB_STORE, NULL, rw);
	}
	if (r == ZTJ_OK)
		r = start_confined(&st);
	if (r == ZTJ_OK)
		r = child_loop(fds->control, &st.base);
	if (r == ZTJ_OK)
		r = views_new(&st);
	if (r == ZTJ_OK)
		r = chan_new(st.base, fds->frontend, &front, &st.frontend);
	if (r == ZTJ_OK)
		r = chan_new(st.base, fds->signer, &sign, &st.signer);
	if (r == ZTJ_OK && fds->sender >= 0)
		r = chan_new(st.base, fds->sender, &send, &st.sender);
	if (r == ZTJ_OK)
		r = add_timer(&st, conf->status_interval, on_status, &status);
	if (r == ZTJ_OK)
		r = add_timer(&st, SWEEP_SECONDS, on_sweep, &sweep);
	if (r == ZTJ_OK) {
		sender_grown(&st);
		signer_want_status(&st);
		r = child_run(st.base, fds->ready);
	}
	if (status != NULL)
		event_free(status);
	if (sweep != NULL)
		event_free(sweep);
	stop(&st);
	child_loop_free(st.base);
	return r == ZTJ_OK ? 0 : 1;
}
