/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Who had what, when, why, approved by whom, and what they did with it. */
#include <stdlib.h>
#include <string.h>

#include "ztjit/reports.h"

static const char *const notes[] = {
	"A grant is listed when anything about it was written to the log in the period. Requests that a broker refused are no grants; "
	"the report of metrics counts them.",
	"In effect means that a certificate was given out for it or that a host allowed its use. Whether approvals alone were enough is "
	"decided by the policy, which the log holds only by its digest: of a grant that was approved and never used it is not known.",
	"That a grant ended by itself is not an event, so the log has no leaf of it. What ended a session is known where a host ended it; "
	"otherwise it was left, or its end is not known.",
	"Times of sessions are those of the host's clock, all others those of the broker's. All are UTC.",
	"A login is recorded when a record under the same grant, on the same host, to the same account began within a minute of it, before "
	"it ended. An elevation (sudo, su) is recorded when a record of the same person on the same host ran at its beginning. "
	"Connections that only forward have nothing to record and count as logins that are not recorded.",
	"Access that does not go through ztjit leaves no trace in this log; what the hosts found of such ways is in the report of metrics.",
	NULL
};

static const struct page_col grant_cols[] = {
	{ "request", "Request", true, false, true },
	{ NULL, "Who and what", false, false, true },
	{ NULL, "Why", false, false, true },
	{ "person", "Person", true, false, false },
	{ "role", "Role", true, false, false },
	{ "hosts", "Hosts", true, false, false },
	{ "asked", "Asked", true, false, true },
	{ "duration", "For", false, true, false },
	{ "reason", "Reason", false, false, false },
	{ "ticket", "Ticket", false, false, false },
	{ "break_glass", "Break glass", false, false, false },
	{ "approved_by", "Approved by", true, false, false },
	{ "answers", "Answers", false, false, true },
	{ "state", "State", true, false, true },
	{ "certificate", "Certificate", false, false, false },
	{ "first_use", "First use", false, false, true },
	{ "last_use", "Last use", false, false, false },
	{ NULL, "Uses", false, false, true },
	{ "logins", "Logins", true, true, false },
	{ "elevations", "Sudo, su", true, true, false },
	{ "recorded", "Recorded", true, true, false },
	{ "refused", "Refused", false, true, false },
	{ "revoked", "Revoked", false, false, false },
	{ "revoked_by", "Revoked by", false, false, false },
	{ "revoked_why", "Why", false, false, false },
	{ "digest", "Digest", false, false, false },
};

static const struct page_col use_cols[] = {
	{ "begun", "Begun", true, false, true },
	{ "ended", "Ended", false, false, true },
	{ NULL, "Who and where", false, false, true },
	{ NULL, "Grant", false, false, true },
	{ "person", "Person", true, false, false },
	{ "host", "Host", true, false, false },
	{ "account", "Account", true, false, false },
	{ "service", "Service", true, false, false },
	{ "address", "From", false, false, false },
	{ "role", "Role", false, false, false },
	{ "request", "Request", true, false, false },
	{ "record", "Record", true, false, true },
	{ "recorded", "Recorded", true, false, true },
	{ "command", "Command", false, false, true },
	{ "ended_by", "Ended by", false, false, true },
};

static const struct page_col group_cols[] = {
	{ "name", "Name", true, false, true },
	{ "asked", "Requests", true, true, true },
	{ "granted", "In effect", true, true, true },
	{ "logins", "Logins", true, true, true },
	{ "elevations", "Sudo, su", true, true, true },
	{ "recorded", "Recorded", true, true, true },
	{ "refused", "Refused", true, true, true },
	{ "seconds", "Logged in for", true, true, true },
};
#define N(cols) (sizeof(cols) / sizeof((cols)[0]))

/* --- grants --- */

static const char *short_of(struct page *p, const uint8_t id[ZTJ_DIGEST_LEN])
{
	char text[ZTJ_SHORT_ID_SIZE];

	ztj_short_id(id, text);
	return cli_strdup(p->c, text);
}

static const char *hex_of(struct page *p, const uint8_t id[ZTJ_DIGEST_LEN])
{
	char text[ZTJ_HEX_SIZE];

	ztj_hex(id, ZTJ_DIGEST_LEN, text);
	return cli_strdup(p->c, text);
}

/* One line after the other, through a buffer: lists may be long. */
static const char *hosts_of(struct page *p, const struct tally_grant *g)
{
	struct ztj_buf b;
	const char *text;

	ztj_buf_init(&b, (size_t)16 * 1024 * 1024);
	for (size_t i = 0; i < g->nhosts; i++)
		ztj_buf_printf(&b, "%s%s", i == 0 ? "" : ", ", g->host[i]);
	text = ztj_buf_str(&b);
	text = text != NULL ? cli_strdup(p->c, text) : NULL;
	ztj_buf_free(&b);
	return text;
}

/* The two together for people who read across. */
static const char *what_of(struct page *p, const struct tally_grant *g)
{
	const struct page_cell span = page_span(g->duration);
	const char *hosts = hosts_of(p, g), *limit = page_say(p, &span);

	if (hosts == NULL || limit == NULL)
		return NULL;
	return g->known ? cli_printf(p->c, "%s\n%s on %s for %s", g->person, g->role, hosts, limit) : "";
}

static const char *why_of(struct page *p, const struct tally_grant *g)
{
	return cli_printf(p->c, "%s%s%s", g->reason, g->reason[0] != '\0' && g->ticket[0] != '\0' ? "\n" : "",
	    g->ticket);
}

static const char *uses_of(struct page *p, const struct tally_grant *g)
{
	return cli_printf(p->c, "logins %lld, sudo or su %lld\nrecorded %lld, refused %lld",
	    (long long)g->logins, (long long)g->elevations, (long long)g->recorded, (long long)g->refused);
}

static const char *approvers_of(struct page *p, const struct tally_grant *g)
{
	const char *all = "";

	for (size_t i = 0; all != NULL && i < g->nvotes; i++)
		if (!g->vote[i].deny)
			all = cli_printf(p->c, "%s%s%s", all, all[0] != '\0' ? ", " : "", g->vote[i].who);
	return all;
}

static const char *answers_of(struct page *p, const struct tally_grant *g)
{
	struct ztj_buf b;
	const char *text;

	ztj_buf_init(&b, (size_t)16 * 1024 * 1024);
	for (size_t i = 0; i < g->nvotes; i++) {
		const struct tally_vote *v = &g->vote[i];
		char at[ZTJ_TIME_SIZE] = "";

		/* it was read from a time */
		if (ztj_time_format(v->at, at) != ZTJ_OK)
			p->err = ZTJ_INTERNAL;
		ztj_buf_printf(&b, "%s%s %s %.10s %.8s", i == 0 ? "" : "\n", v->who,
		    v->deny ? "denied" : "approved", at, at + 11);
		if (v->limit > 0) {
			const struct page_cell limit = page_span(v->limit);

			ztj_buf_printf(&b, ", for %s at most", page_say(p, &limit));
		}
		if (v->comment[0] != '\0')
			ztj_buf_printf(&b, ": %s", v->comment);
	}
	text = ztj_buf_str(&b);
	text = text != NULL ? cli_strdup(p->c, text) : NULL;
	ztj_buf_free(&b);
	return text;
}

static const char *state_of(struct page *p, const struct tally_grant *g)
{
	const char *name = tally_state_name(tally_state(g));

	if (!g->known)
		return "request not in the log";
	if (g->break_glass)
		name = cli_printf(p->c, "break glass, %s", name);
	if (g->revoked != 0 && g->first_use != 0 && name != NULL)
		name = cli_printf(p->c, "%s, then %s", name,
		    strcmp(g->revoked_by, g->person) == 0 ? "cancelled" : "revoked");
	return name;
}

static void add_grant(struct page *p, struct page_sheet *s, const struct tally_grant *g)
{
	const struct page_cell cells[N(grant_cols)] = {
		page_text(short_of(p, g->id)),
		page_lines(what_of(p, g)),
		page_lines(why_of(p, g)),
		page_text(g->person),
		page_text(g->role),
		page_text(hosts_of(p, g)),
		page_time(g->asked),
		page_span(g->duration > 0 ? g->duration : -1),
		page_text(g->reason),
		page_text(g->ticket),
		page_text(g->break_glass ? "yes" : ""),
		page_text(approvers_of(p, g)),
		page_lines(answers_of(p, g)),
		page_text(state_of(p, g)),
		page_time(g->certified),
		page_time(g->first_use),
		page_time(g->last_use),
		page_lines(uses_of(p, g)),
		page_int(g->logins),
		page_int(g->elevations),
		page_int(g->recorded),
		page_int(g->refused),
		page_time(g->revoked),
		page_text(g->revoked_by),
		page_text(g->revoked_why),
		page_text(hex_of(p, g->id)),
	};

	page_row(p, s, cells);
}

/* --- sessions --- */

static void add_use(struct page *p, struct page_sheet *s, const struct tally *t, const struct tally_use *u)
{
	const struct tally_grant *g = &t->grant[u->grant];
	const struct tally_record *r = u->record != TALLY_NONE ? &t->record[u->record] : NULL;
	const struct page_cell cells[N(use_cols)] = {
		page_time(u->begun),
		page_time(u->ended),
		page_lines(cli_printf(p->c, "%s as %s\n%s on %s%s%s", u->person, u->account, u->service,
		    u->host, u->address[0] != '\0' ? " from " : "", u->address)),
		page_lines(cli_printf(p->c, "%s\n%s", short_of(p, g->id), g->role)),
		page_text(u->person),
		page_text(u->host),
		page_text(u->account),
		page_text(u->service),
		page_text(u->address),
		page_text(g->role),
		page_text(short_of(p, g->id)),
		r != NULL ? page_text(r->id) : page_unknown(),
		page_text(!u->recorded                    ? "no"
			: r == NULL                       ? "inside a record"
			: strcmp(r->state, "closed") == 0 ? "whole"
			: strcmp(r->state, "lost") == 0   ? "lost"
							  : "begun"),
		page_text(r != NULL ? r->command : ""),
		page_text(u->code),
	};

	page_row(p, s, cells);
}

/* --- by person, host, role --- */

static void add_groups(struct page *p, struct tally *t, const char *by, const char *title)
{
	struct page_sheet *s = page_sheet(p,
	    &(struct page_sheet){ .name = by, .title = title, .col = group_cols, .ncols = N(group_cols) });
	struct tally_group *g;
	size_t n;
	int r = tally_by(t, by, &g, &n);

	if (r != ZTJ_OK)
		p->err = r;
	for (size_t i = 0; i < n; i++) {
		const struct page_cell cells[N(group_cols)] = {
			page_text(g[i].key[0] != '\0' ? g[i].key : "not known"),
			page_int(g[i].asked),
			page_int(g[i].granted),
			page_int(g[i].logins),
			page_int(g[i].elevations),
			page_int(g[i].recorded),
			page_int(g[i].refused),
			page_span(g[i].seconds),
		};

		page_row(p, s, cells);
	}
	free(g);
}

static void add_cards(struct page *p, const struct tally *t)
{
	const struct tally_count *c = &t->count;

	page_card(p, "Requests", cli_printf(p->c, "%lld", (long long)c->asked),
	    cli_printf(p->c, "%lld took effect", (long long)report_effective(t)));
	page_card(p, "Sessions", cli_printf(p->c, "%lld", (long long)c->uses),
	    cli_printf(p->c, "logins %lld, sudo and su %lld", (long long)c->logins,
		(long long)c->elevations));
	page_card(p, "Under a grant", page_share(p, c->under_grant, c->uses),
	    cli_printf(p->c, "%lld of %lld sessions", (long long)c->under_grant, (long long)c->uses));
	page_card(p, "Recorded", page_share(p, report_recorded(t), c->uses),
	    cli_printf(p->c, "%lld of %lld sessions", (long long)report_recorded(t), (long long)c->uses));
}

void report_access(struct page *p, struct tally *t)
{
	struct page_sheet *s;

	p->title = "Privileged access";
	p->lead = "Who had which access, when and why, who approved it, and what became of it.";
	p->notes = notes;
	p->wide = true;
	add_cards(p, t);
	add_groups(p, t, "person", "By person");
	add_groups(p, t, "host", "By host");
	add_groups(p, t, "role", "By role");
	report_days(p, t);
	p->primary = p->nsheets;
	s = page_sheet(p,
	    &(struct page_sheet){ .name = "request",
		.title = "Grants",
		.note = "Each request, who answered it, and how often it was used in the period.",
		.col = grant_cols,
		.ncols = N(grant_cols),
		.brief = true });
	for (size_t i = 0; i < t->ngrants; i++)
		if (t->grant[i].counts)
			add_grant(p, s, &t->grant[i]);
	s = page_sheet(p,
	    &(struct page_sheet){ .name = "session",
		.title = "Sessions",
		.note = "Each login and each elevation that a host let begin.",
		.col = use_cols,
		.ncols = N(use_cols),
		.brief = true });
	for (size_t i = 0; i < t->nuses; i++)
		if (t->use[i].counts)
			add_use(p, s, t, &t->use[i]);
}
