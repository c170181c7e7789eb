/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the store tells Prometheus. */
#include "ztjit-broker/st_witness.h"
#include "ztjit-broker/store.h"

static void counter(struct ztj_buf *out, const char *name, const char *help, uint64_t v)
{
	ztj_buf_printf(out, "# HELP ztjit_%s %s\n# TYPE ztjit_%s counter\nztjit_%s %llu\n", name, help, name,
	    name, (unsigned long long)v);
}

static void gauge(struct ztj_buf *out, const char *name, const char *help, int64_t v)
{
	ztj_buf_printf(out, "# HELP ztjit_%s %s\n# TYPE ztjit_%s gauge\nztjit_%s %lld\n", name, help, name,
	    name, (long long)v);
}

static uint64_t behind(const struct store *st, const struct dest_state *d)
{
	return st->committed > d->taken ? st->committed - d->taken : 0;
}

/* Where the audit log is sent. */
static void destinations(const struct store *st, struct ztj_buf *out)
{
	const struct dest_states *s = &st->sent;
	gauge(out, "log_leaves", "leaves of the audit log", (int64_t)st->committed);
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
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	struct ztj_buf out;
	ztj_buf_init(&out, (size_t)64 * 1024);
	counter(&out, "statements_accepted_total", "statements kept", st->count.accepted);
	counter(&out, "statements_refused_total", "statements refused", st->count.refused);
	counter(&out, "certificates_total", "certificates given out", st->count.certificates);
	counter(&out, "commits_total", "transactions", st->count.commits);
	counter(&out, "failed_commits_total", "transactions that storage refused", st->count.failed_commits);
	gauge(&out, "streams", "connected streams", (int64_t)streams_number(st->streams));
	gauge(&out, "revocations", "revocations held", (int64_t)ztj_trust_nrevocations(st->trust));
	gauge(&out, "reserve_spent", "1 while the disk is full", reserve_spent(st) ? 1 : 0);
	if (p != NULL) {
		gauge(&out, "policy_version", "version of the policy", p->version);
		gauge(&out, "policy_expires_seconds", "seconds until the policy ends", p->expires - now);
	}
	ztj_buf_puts(&out,
	    "# HELP ztjit_directory_expires_seconds seconds until a directory ends\n"
	    "# TYPE ztjit_directory_expires_seconds gauge\n");
	for (size_t i = 0; i < ztj_trust_ndirs(st->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(st->trust, i);
		ztj_buf_printf(&out, "ztjit_directory_expires_seconds{directory=\"%s\"} %lld\n",
		    ztj_dir_name(d), (long long)(ztj_dir_expires(d) - now));
	}
	destinations(st, &out);
	witnesses_metrics(st, now, &out);
	if (ztj_buf_status(&out) == ZTJ_OK)
		st_answer_text(st, a->tag, 200, ztj_buf_view(&out));
	else
		st_refuse(st, a->tag, ZTJ_NOMEM, NULL, NULL);
	ztj_buf_free(&out);
}
