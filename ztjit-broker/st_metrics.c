/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the store tells Prometheus: names and units as OpenMetrics has them, no name of a person or host. */
#include "config.h"
#include "ztjit-broker/audit.h"
#include "ztjit-broker/counts.h"
#include "ztjit-broker/st_witness.h"

static void head(struct ztj_buf *out, const char *name, const char *type, const char *help)
{
	ztj_buf_printf(out, "# HELP ztjit_%s %s\n# TYPE ztjit_%s %s\n", name, help, name, type);
}

static void counter(struct ztj_buf *out, const char *name, const char *help, uint64_t v)
{
	head(out, name, "counter", help);
	ztj_buf_printf(out, "ztjit_%s %llu\n", name, (unsigned long long)v);
}

static void gauge(struct ztj_buf *out, const char *name, const char *help, int64_t v)
{
	head(out, name, "gauge", help);
	ztj_buf_printf(out, "ztjit_%s %lld\n", name, (long long)v);
}

static void put_store(struct store *st, struct ztj_buf *out)
{
	int64_t requests = 0, records = 0, all = 0;
	counter(out, "statements_accepted_total", "statements kept", st->count.accepted);
	counter(out, "statements_refused_total", "statements refused", st->count.refused);
	counter(out, "certificates_total", "certificates given out", st->count.certificates);
	counter(out, "commits_total", "transactions", st->count.commits);
	counter(out, "failed_commits_total", "transactions that storage refused", st->count.failed_commits);
	gauge(out, "streams", "connected streams", (int64_t)streams_number(st->streams));
	gauge(out, "revocations", "revocations held", (int64_t)ztj_trust_nrevocations(st->trust));
	gauge(out, "reserve_spent", "1 while the disk is full", reserve_spent(st) ? 1 : 0);
	if (db_request_open_all(st->db, &requests) == ZTJ_OK)
		gauge(out, "requests_open", "requests that are not over", requests);
	if (db_session_count(st->db, &records, &all) == ZTJ_OK)
		gauge(out, "records_open", "records of sessions that have not ended", records);
	head(out, "build_info", "gauge", "1, with the version");
	ztj_buf_printf(out, "ztjit_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	gauge(out, "start_time_seconds", "when the broker started, in seconds since 1970", st->started);
}

/* The newest report of each host: ztjit report standing says which hosts, and who never spoke. */
static void put_standing(const struct store *st, struct ztj_buf *out)
{
	head(out, "standing_entries", "gauge", "standing access that the hosts' newest reports tell of");
	ztj_buf_printf(out,
	    "ztjit_standing_entries{state=\"left\"} %lld\nztjit_standing_entries{state=\"accepted\"} %lld\n"
	    "ztjit_standing_entries{state=\"expired\"} %lld\n",
	    (long long)st->left.standing + (long long)st->left.expired, (long long)st->left.accepted,
	    (long long)st->left.expired);
	head(out, "standing_hosts", "gauge", "hosts that reported their standing access");
	ztj_buf_printf(out,
	    "ztjit_standing_hosts{state=\"clean\"} %lld\nztjit_standing_hosts{state=\"other\"} %lld\n",
	    (long long)st->left.clean, (long long)st->left.hosts - (long long)st->left.clean);
	gauge(out, "standing_missed", "places that scans could not look at", st->left.missed);
}

static void put_log(const struct store *st, struct ztj_buf *out)
{
	const struct audit *a = st->audit;
	gauge(out, "log_leaves", "leaves of the audit log", (int64_t)st->committed);
	gauge(out, "log_checkpoint_leaves", "leaves that the newest checkpoint was signed for",
	    (int64_t)a->last.size);
	gauge(out, "log_checkpoint_timestamp_seconds", "when it was signed; 0: not since the start",
	    a->signed_at);
	gauge(out, "log_forked",
	    "1 when the audit log is not what was signed before, and nothing is signed any more",
	    a->forked ? 1 : 0);
}

static void put_trust(const struct store *st, int64_t now, struct ztj_buf *out)
{
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	if (p != NULL) {
		gauge(out, "policy_version", "version of the policy", p->version);
		gauge(out, "policy_expires_seconds", "seconds until the policy ends", p->expires - now);
	}
	head(out, "directory_expires_seconds", "gauge", "seconds until a directory ends");
	for (size_t i = 0; i < ztj_trust_ndirs(st->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(st->trust, i);
		ztj_buf_printf(out, "ztjit_directory_expires_seconds{directory=\"%s\"} %lld\n",
		    ztj_dir_name(d), (long long)(ztj_dir_expires(d) - now));
	}
	head(out, "directory_records", "gauge", "people and hosts in a directory");
	for (size_t i = 0; i < ztj_trust_ndirs(st->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(st->trust, i);
		ztj_buf_printf(out, "ztjit_directory_records{directory=\"%s\"} %llu\n", ztj_dir_name(d),
		    (unsigned long long)ztj_dir_count(d));
	}
}

static uint64_t behind(const struct store *st, const struct dest_state *d)
{
	return st->committed > d->taken ? st->committed - d->taken : 0;
}

/* Where the audit log is sent. */
static void destinations(const struct store *st, struct ztj_buf *out)
{
	const struct dest_states *s = &st->sent;
	ztj_buf_puts(out,
	    "# HELP ztjit_send_behind_leaves leaves that a destination has not taken\n"
	    "# TYPE ztjit_send_behind_leaves gauge\n");
	for (uint32_t i = 0; i < s->n; i++)
		ztj_buf_printf(out, "ztjit_send_behind_leaves{destination=\"%s\"} %llu\n", s->d[i].name,
		    (unsigned long long)behind(st, &s->d[i]));
	ztj_buf_puts(out,
	    "# HELP ztjit_send_failures_total how often sending to a destination failed\n"
	    "# TYPE ztjit_send_failures_total counter\n");
	for (uint32_t i = 0; i < s->n; i++)
		ztj_buf_printf(out, "ztjit_send_failures_total{destination=\"%s\"} %llu\n", s->d[i].name,
		    (unsigned long long)s->d[i].failures);
	ztj_buf_puts(out,
	    "# HELP ztjit_send_up 1 while a destination is connected\n"
	    "# TYPE ztjit_send_up gauge\n");
	for (uint32_t i = 0; i < s->n; i++)
		ztj_buf_printf(out, "ztjit_send_up{destination=\"%s\"} %d\n", s->d[i].name,
		    s->d[i].up ? 1 : 0);
}

void do_metrics(struct store *st, const struct ask *a, int64_t now)
{
	struct ztj_buf out;
	ztj_buf_init(&out, (size_t)128 * 1024);
	put_store(st, &out);
	counts_write(st->counts, &out);
	put_standing(st, &out);
	put_log(st, &out);
	put_trust(st, now, &out);
	destinations(st, &out);
	witnesses_metrics(st, now, &out);
	if (ztj_buf_status(&out) == ZTJ_OK)
		st_answer_text(st, a->tag, 200, ztj_buf_view(&out));
	else
		st_refuse(st, a->tag, ZTJ_NOMEM, NULL, NULL);
	ztj_buf_free(&out);
}
