/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Figures: how much of the privileged access went the right way, how long it took, what was refused, what is left. */
#include <string.h>

#include "ztjit/reports.h"
#include "ztjit/standing.h"

static const char *const notes[] = {
	"A session is a login or an elevation (sudo, su) that a host let begin, by its own signed-for log of decisions. The recorder's part "
	"of a session is not counted again.",
	"Under a grant: its request stands in this log. Recorded: for a login, a record under the same grant, on the same host, to the same "
	"account began within a minute of it, before it ended; for an elevation, a record of the same person on the same host ran at its "
	"beginning. Connections that only forward have nothing to record and count as not recorded.",
	"Time to approval: from the request to the last approval before its first certificate or use. Which approvals a policy asks for is not "
	"in the log, so it is measured for requests of the period that took effect; surplus approvals before the first use lengthen it. Medians "
	"and percentiles (nearest rank) are exact.",
	"Refusals by hosts are the lines of their logs: one attempt may be several lines. That a host ended a session is no refusal.",
	"Standing access is what each host's newest report in the log says, up to the end of the period. Hosts that never reported are not "
	"in these figures: ztjit report standing names them. Reports from before brokers wrote the numbers into the log count as not known.",
	"Access that does not go through ztjit leaves no trace in this log, but for what hosts report as standing access.",
	NULL
};

static const struct page_col figure_cols[] = {
	{ "figure", "Name", false, false, false },
	{ "title", "Figure", true, false, true },
	{ "value", "Value", true, true, true },
	{ "of", "Of", true, true, true },
	{ "share", "Share", true, true, true },
	{ "unit", "Unit", false, false, false },
};
static const struct page_col denial_cols[] = {
	{ "label", "Refused by and why", false, false, false },
	{ "by", "By", true, false, true },
	{ "code", "Code", true, false, true },
	{ "meaning", "Meaning", true, false, true },
	{ "count", "Refusals", true, true, true },
};
static const struct page_col time_cols[] = {
	{ "within", "Time", true, false, true },
	{ "requests", "Requests", true, true, true },
};
static const struct page_col host_cols[] = {
	{ "host", "Host", true, false, true },
	{ "left", "Left", true, true, true },
	{ "accepted", "Exceptions open", true, true, true },
	{ "expired", "Exceptions ended", true, true, true },
	{ "missed", "Not looked at", true, true, true },
	{ "reported", "Reported", true, false, true },
};
static const struct page_col glass_cols[] = {
	{ "request", "Request", true, false, true },
	{ "person", "Person", true, false, true },
	{ "asked", "Asked", true, false, true },
	{ "first_use", "First use", true, false, true },
	{ "sessions", "Sessions", true, true, true },
	{ "reason", "Reason", true, false, true },
	{ "ticket", "Ticket", true, false, true },
};
#define N(cols) (sizeof(cols) / sizeof((cols)[0]))

/* --- shared with the other reports --- */

int64_t report_recorded(const struct tally *t)
{
	return t->count.logins_recorded + t->count.elevations_recorded;
}

int64_t report_effective(const struct tally *t)
{
	int64_t n = 0;

	for (size_t i = 0; i < t->ngrants; i++)
		n += t->grant[i].asked_here && (t->grant[i].certified != 0 || t->grant[i].first_use != 0);
	return n;
}

int64_t report_denials(const struct tally *t, enum tally_source source)
{
	int64_t n = 0;

	for (size_t i = 0; i < t->ndenials; i++)
		n += t->denial[i].source == source ? t->denial[i].n : 0;
	return n;
}

struct report_left report_left(const struct tally *t)
{
	struct report_left l = { .left = t->left, .seen = (int64_t)json_object_size(t->hosts_seen) };
	int64_t end = t->filter.until < t->last || t->last == 0 ? t->filter.until : t->last;

	for (size_t i = 0; i < t->nstanding; i++) {
		const struct tally_standing *s = &t->standing[i];

		l.hosts += s->counted;
		l.uncounted += !s->counted;
		l.old += s->at < end - STANDING_OLD;
		l.standing += s->standing;
		l.accepted += s->accepted;
		l.expired += s->expired;
		l.missed += s->missed;
	}
	return l;
}

/* --- figures --- */

struct figure {
	const char *name, *title, *unit;
	int64_t n, of;
};

/* of -1: a number by itself; n -1: not known. */
static void add(struct page *p, struct page_sheet *s, const struct figure *f)
{
	bool span = strcmp(f->unit, "seconds") == 0;
	const struct page_cell cells[N(figure_cols)] = {
		page_text(f->name),
		page_text(f->title),
		f->n < 0   ? page_unknown()
		    : span ? page_span(f->n)
			   : page_int(f->n),
		f->of < 0 ? page_unknown() : page_int(f->of),
		f->of > 0 && !span ? page_text(page_share(p, f->n, f->of)) : page_unknown(),
		page_text(f->unit),
	};

	page_row(p, s, cells);
}

static void add_all(struct page *p, struct page_sheet *s, const struct figure *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(p, s, &f[i]);
}
#define ADD(...) \
	do { \
		const struct figure list[] = { __VA_ARGS__ }; \
		add_all(p, s, list, sizeof list / sizeof list[0]); \
	} while (0)

static void add_sessions(struct page *p, struct page_sheet *s, const struct tally *t)
{
	const struct tally_count *c = &t->count;

	ADD({ "sessions", "Sessions", "sessions", c->uses, -1 },
	    { "sessions_under_grant", "under a grant", "sessions", c->under_grant, c->uses },
	    { "sessions_recorded", "recorded", "sessions", report_recorded(t), c->uses },
	    { "logins_recorded", "logins recorded", "logins", c->logins_recorded, c->logins },
	    { "elevations_recorded", "sudo and su recorded", "elevations", c->elevations_recorded,
		c->elevations },
	    { "sessions_ended_by_time", "ended by the host when their time was over", "sessions",
		c->ended_box, c->uses },
	    { "sessions_ended_by_people", "ended by the host because revoked, denied or killed", "sessions",
		c->ended_revoked, c->uses },
	    { "sessions_ended_otherwise", "ended by the host for another reason", "sessions", c->ended_other,
		c->uses },
	    { "exempt_elevations", "Elevations of root outside any person's session (cron and the like)",
		"elevations", c->exempt, -1 },
	    { "records", "Records begun", "records", c->records, -1 },
	    { "records_whole", "of them signed as whole", "records", c->records_closed, c->records },
	    { "records_lost", "of them lost", "records", c->records_lost, c->records },
	    { "records_viewed", "Times that records were opened to somebody", "views", c->views, -1 });
}

static void add_requests(struct page *p, struct page_sheet *s, const struct tally *t)
{
	const struct tally_count *c = &t->count;
	int64_t timed = (int64_t)t->approval.n;

	ADD({ "requests", "Requests", "requests", c->asked, -1 },
	    { "requests_effective", "took effect", "requests", report_effective(t), c->asked },
	    { "requests_extending", "extended a grant", "requests", c->extensions, c->asked },
	    { "grants_by_rule_alone",
		"Grants that took effect without an approval (break glass, or a rule that asks for none)",
		"grants", c->by_rule_alone, -1 },
	    { "grants_not_in_log", "Grants whose request is not in this log", "grants", c->unknown_requests,
		-1 },
	    { "approvals", "Approvals", "approvals", c->approvals, -1 },
	    { "denials_by_approvers", "Denials by approvers", "denials", c->denials, -1 },
	    { "revocations", "Revocations", "revocations", c->revocations, -1 },
	    { "cancellations", "Cancelled by the requester", "revocations", c->cancels, -1 },
	    { "kills", "Orders to end one session", "kills", c->kills, -1 },
	    { "approval_median", "Time to approval, median", "seconds", tally_median(&t->approval), timed },
	    { "approval_p90", "Time to approval, 90 % within", "seconds", tally_percentile(&t->approval, 90),
		timed },
	    { "first_approval_median", "Time to the first approval, median", "seconds",
		tally_median(&t->first_approval), (int64_t)t->first_approval.n },
	    { "break_glass_requests", "Break-glass requests", "requests", c->break_glass, -1 },
	    { "break_glass_grants", "Break-glass grants that took effect", "grants", c->glass_used, -1 },
	    { "break_glass_sessions", "Sessions under break glass", "sessions", c->glass_uses, -1 },
	    { "certificates", "Certificates", "certificates", c->certificates, -1 },
	    { "stepups", "Step-ups that hosts verified", "step-ups", c->stepups, -1 });
}

static void add_rest(struct page *p, struct page_sheet *s, const struct tally *t)
{
	const struct tally_count *c = &t->count;
	const struct report_left l = report_left(t);
	bool any = l.hosts > 0;

	ADD({ "refused_by_hosts", "Refusals by hosts", "lines", report_denials(t, TALLY_BY_HOST), -1 },
	    { "refused_by_broker", "Refusals by the broker", "refusals", report_denials(t, TALLY_BY_BROKER),
		-1 },
	    { "standing_hosts", "Hosts that reported their standing access", "hosts", l.hosts, -1 },
	    { "standing_hosts_unknown", "Hosts whose report holds no numbers in the log", "hosts",
		l.uncounted, -1 },
	    { "standing_hosts_old",
		"Hosts whose newest report is more than two days older than the newest leaf", "hosts", l.old,
		l.hosts + l.uncounted },
	    { "standing_left", "Standing entries left", "entries", any ? l.left : -1, -1 },
	    { "exceptions_open", "Exceptions open", "entries", any ? l.accepted : -1, -1 },
	    { "exceptions_ended", "Exceptions that ended and are still there", "entries",
		any ? l.expired : -1, -1 },
	    { "standing_missed", "Places that scans could not look at", "places", any ? l.missed : -1, -1 },
	    { "alarms", "Alarms", "alarms", c->alarms, -1 },
	    { "signed_logins", "Logins to the broker by a security key", "logins", c->logins_signed, -1 },
	    { "policies", "Policies accepted", "policies", c->policies, -1 },
	    { "directories", "Directories accepted", "directories", c->directories, -1 },
	    { "asked_admission", "People and hosts that asked to be admitted", "entries", c->asked_in, -1 },
	    { "broker_starts", "Starts of the broker", "starts", c->restarts, -1 },
	    { "leaves", "Leaves of the period", "leaves", c->leaves, -1 });
}

/* --- days --- */

void report_days(struct page *p, const struct tally *t)
{
	static const struct page_col cols[] = {
		{ "from", "From", true, false, true },
		{ "days", "Days", false, true, false },
		{ "requests", "Requests", true, true, true },
		{ "logins", "Logins", true, true, true },
		{ "elevations", "Sudo, su", true, true, true },
		{ "recorded", "Recorded", true, true, true },
		{ "unrecorded", "Not recorded", true, true, true },
		{ "refused", "Refusals", true, true, true },
		{ "left", "Standing entries", true, true, true },
	};
	int64_t first = t->ndays > 0 ? t->day[0].day : 0, last = t->ndays > 0 ? t->day[t->ndays - 1].day : -1;
	int64_t step = (last - first + PAGE_BARS) / PAGE_BARS, left = -1;
	struct page_sheet *s = page_sheet(p,
	    &(struct page_sheet){ .name = "day",
		.title = step == 1 ? "Day by day" : "Over time",
		.col = cols,
		.ncols = N(cols),
		.chart = { PAGE_COLUMNS, step == 1 ? "Sessions a day" : "Sessions", 0, 2, { 5, 6 } } });
	size_t at = 0;

	if (step > 1)
		s->note = cli_printf(p->c, "Each row stands for %lld days.", (long long)step);
	for (int64_t from = first; from <= last; from += step) {
		struct tally_day sum = { .left = left };
		char date[ZTJ_TIME_SIZE];

		for (; at < t->ndays && t->day[at].day < from + step; at++) {
			const struct tally_day *d = &t->day[at];

			sum.asked += d->asked;
			sum.logins += d->logins;
			sum.elevations += d->elevations;
			sum.recorded += d->recorded;
			sum.unrecorded += d->unrecorded;
			sum.denied += d->denied;
			sum.left = d->left >= 0 ? d->left : sum.left;
		}
		left = sum.left;
		if (ztj_time_format(from * 86400, date) != ZTJ_OK)
			break;
		date[10] = '\0';
		const struct page_cell cells[N(cols)] = {
			page_text(cli_strdup(p->c, date)),
			page_int(step),
			page_int(sum.asked),
			page_int(sum.logins),
			page_int(sum.elevations),
			page_int(sum.recorded),
			page_int(sum.unrecorded),
			page_int(sum.denied),
			left >= 0 ? page_int(left) : page_unknown(),
		};
		page_row(p, s, cells);
	}
}

/* --- the other tables --- */

static void add_denials(struct page *p, const struct tally *t)
{
	static const char *const by[] = { "host", "approver", "broker" };
	struct page_sheet *s = page_sheet(p,
	    &(struct page_sheet){ .name = "denial",
		.title = "Refusals by reason",
		.col = denial_cols,
		.ncols = N(denial_cols),
		.brief = true,
		.chart = { PAGE_BARRED, "The most frequent first", 0, 1, { 4 } } });

	for (size_t i = 0; i < t->ndenials; i++) {
		const struct tally_denial *d = &t->denial[i];
		int err = ztj_err_from_name(d->code);
		bool known = strcmp(ztj_err_name(err), d->code) == 0;
		const struct page_cell cells[N(denial_cols)] = {
			page_text(d->code[0] != '\0' ? cli_printf(p->c, "%s: %s", by[d->source], d->code)
						     : by[d->source]),
			page_text(by[d->source]),
			page_text(d->code),
			page_text(known ? ztj_err_text(err)
				: d->source == TALLY_BY_APPROVER
				? "in the approver's own words, see the request"
				: d->code[0] == '\0' ? "unknown callers, not written one by one"
						     : ""),
			page_int(d->n),
		};

		page_row(p, s, cells);
	}
}

static void add_times(struct page *p, const struct tally *t)
{
	static const struct {
		const char *name;
		int64_t most;
	} bins[] = { { "up to 1 min", 60 }, { "1 to 5 min", 300 }, { "5 to 15 min", 900 },
		{ "15 min to 1 h", 3600 }, { "1 to 4 h", 14400 }, { "4 h to 1 day", 86400 },
		{ "longer", INT64_MAX } };
	struct page_sheet *s = page_sheet(p,
	    &(struct page_sheet){ .name = "approval",
		.title = "Time to approval",
		.note = "Requests by how long it took until the last approval before their first use.",
		.col = time_cols,
		.ncols = N(time_cols),
		.chart = { PAGE_COLUMNS, "Requests by time to approval", 0, 1, { 1 } } });
	size_t at = 0;

	for (size_t i = 0; t->approval.n > 0 && i < N(bins); i++) {
		size_t from = at;

		while (at < t->approval.n && t->approval.s[at] <= bins[i].most)
			at++;
		page_row(p, s,
		    (const struct page_cell[]){ page_text(bins[i].name), page_int((int64_t)(at - from)) });
	}
}

static void add_hosts(struct page *p, const struct tally *t)
{
	struct page_sheet *s = page_sheet(p,
	    &(struct page_sheet){ .name = "standing",
		.title = "Standing access left, by host",
		.note = "The newest report of each host that is in the log.",
		.col = host_cols,
		.ncols = N(host_cols),
		.brief = true });

	for (size_t i = 0; i < t->nstanding; i++) {
		const struct tally_standing *h = &t->standing[i];
		const struct page_cell none = page_unknown();
		const struct page_cell cells[N(host_cols)] = {
			page_text(h->host),
			h->counted ? page_int(h->standing + h->expired) : none,
			h->counted ? page_int(h->accepted) : none,
			h->counted ? page_int(h->expired) : none,
			h->counted ? page_int(h->missed) : none,
			page_time(h->at),
		};

		page_row(p, s, cells);
	}
}

/* Out of the days, which came first. */
static void add_trend(struct page *p)
{
	const struct page_sheet *days = &p->sheet[0];
	static const struct page_col cols[] = { { "from", "From", true, false, true },
		{ "left", "Standing entries left", true, true, true } };
	struct page_sheet *s = page_sheet(p,
	    &(struct page_sheet){ .name = "trend",
		.title = "Standing access over time",
		.col = cols,
		.ncols = 2,
		.chart = { PAGE_STEPS, "Standing entries left", 0, 1, { 1 } } });
	bool any = false;

	for (size_t i = 0; i < days->nrows; i++)
		any = any || days->cell[i * days->ncols + days->ncols - 1].kind == PAGE_INT;
	for (size_t i = 0; any && i < days->nrows; i++)
		page_row(p, s,
		    (const struct page_cell[]){ days->cell[i * days->ncols],
			days->cell[i * days->ncols + days->ncols - 1] });
}

static void add_glass(struct page *p, const struct tally *t)
{
	struct page_sheet *s = page_sheet(p,
	    &(struct page_sheet){ .name = "break-glass",
		.title = "Break glass",
		.note = "Access that nobody approved beforehand. Each one is to be reviewed.",
		.col = glass_cols,
		.ncols = N(glass_cols) });
	char id[ZTJ_SHORT_ID_SIZE];

	for (size_t i = 0; i < t->ngrants; i++) {
		const struct tally_grant *g = &t->grant[i];

		if (!g->counts || !g->break_glass)
			continue;
		ztj_short_id(g->id, id);
		const struct page_cell cells[N(glass_cols)] = { page_text(cli_strdup(p->c, id)),
			page_text(g->person), page_time(g->asked), page_time(g->first_use),
			page_int(g->logins + g->elevations), page_text(g->reason), page_text(g->ticket) };
		page_row(p, s, cells);
	}
}

static const char *number(struct page *p, int64_t n)
{
	return cli_printf(p->c, "%lld", (long long)n);
}

static void add_cards(struct page *p, const struct tally *t)
{
	const struct tally_count *c = &t->count;
	const struct report_left l = report_left(t);
	const struct page_cell median = page_span(tally_median(&t->approval));

	page_card(p, "Under a grant", page_share(p, c->under_grant, c->uses),
	    cli_printf(p->c, "%lld of %lld sessions", (long long)c->under_grant, (long long)c->uses));
	page_card(p, "Recorded", page_share(p, report_recorded(t), c->uses),
	    cli_printf(p->c, "%lld of %lld sessions", (long long)report_recorded(t), (long long)c->uses));
	page_card(p, "Standing entries left", l.hosts > 0 ? number(p, l.left) : "not known",
	    cli_printf(p->c, "hosts that reported: %lld", (long long)l.hosts + (long long)l.uncounted));
	page_card(p, "Exceptions open", l.hosts > 0 ? number(p, l.accepted) : "not known",
	    cli_printf(p->c, "%lld ended and still there", (long long)l.expired));
	page_card(p, "Median time to approval", median.kind == PAGE_SPAN ? page_say(p, &median) : "not known",
	    cli_printf(p->c, "requests that took effect: %zu", t->approval.n));
	page_card(p, "Refusals",
	    number(p, report_denials(t, TALLY_BY_HOST) + report_denials(t, TALLY_BY_BROKER) + c->denials),
	    cli_printf(p->c, "%lld by approvers", (long long)c->denials));
	page_card(p, "Break-glass uses", number(p, c->glass_used),
	    cli_printf(p->c, "requests %lld, sessions %lld", (long long)c->break_glass,
		(long long)c->glass_uses));
	page_card(p, "Alarms", number(p, c->alarms), "raised by hosts and the broker");
}

void report_metrics(struct page *p, struct tally *t)
{
	struct page_sheet *s;

	p->title = "Privileged access in figures";
	p->lead =
	    "How much of it was granted and recorded, how long people waited, what was refused, and what access is left "
	    "that nobody has to ask for.";
	p->notes = notes;
	add_cards(p, t);
	report_days(p, t);
	add_times(p, t);
	add_denials(p, t);
	add_trend(p);
	add_hosts(p, t);
	add_glass(p, t);
	p->primary = p->nsheets;
	s = page_sheet(p,
	    &(struct page_sheet){ .name = "figure",
		.title = "All figures",
		.col = figure_cols,
		.ncols = N(figure_cols),
		.brief = true });
	add_sessions(p, s, t);
	add_requests(p, s, t);
	add_rest(p, s, t);
}
