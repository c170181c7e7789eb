/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The figures beside the numbers of controls that people are audited against. What a control asks for is said in our own
 * words; the texts of the standards are theirs. Evidence and gaps are said, never a verdict.
 */
#include <stdlib.h>
#include <string.h>

#include "ztjit/reports.h"

static const char *const notes[] = {
	"This is evidence, and where it is missing; whether a control is met is for whoever audits to judge, who will want more than this log: "
	"what a standard asks of people, buildings and other systems is not in it.",
	"The numbers name controls of NIST SP 800-207 (section 2.1, tenets 1 to 7), the AICPA Trust Services Criteria (2017, points of focus "
	"of 2022), ISO/IEC 27001:2022 Annex A and 45 CFR 164.312. What each asks for is said in our own words, shortly; read the standard.",
	"Every figure is one of the report of metrics of the same log and period; ztjit report metrics says how it was counted.",
	"Of access that does not go through ztjit the log knows only what hosts report as standing access.",
	NULL
};

enum fact {
	FACT_GRANT = 1 << 0,
	FACT_RECORD = 1 << 1,
	FACT_APPROVAL = 1 << 2,
	FACT_END = 1 << 3,
	FACT_KEYS = 1 << 4,
	FACT_REFUSED = 1 << 5,
	FACT_STANDING = 1 << 6,
	FACT_LOG = 1 << 7,
	FACT_VIEWS = 1 << 8,
	FACT_GLASS = 1 << 9,
	FACT_ADMITTED = 1 << 10,
	FACT_ALARMS = 1 << 11,
	FACT_WHOLE = 1 << 12,
};

struct control {
	const char *framework, *number, *asks;
	unsigned facts;
	const char *gap; /* what ztjit does not show at all, or NULL */
};

#define NIST "NIST SP 800-207"
#define SOC2 "SOC 2"
#define ISO "ISO 27001:2022"
#define HIPAA "HIPAA 164.312"

static const struct control controls[] = {
	{ NIST, "2.1 tenet 1", "Every data source and service is a resource to be protected.", FACT_STANDING,
	    "Servers that never joined are not in the log." },
	{ NIST, "2.1 tenet 2", "Communication is protected wherever the network is.", 0,
	    "ztjit speaks TLS 1.3 with keys pinned at both ends and logs in by SSH; the log has no leaf of a connection's protection." },
	{ NIST, "2.1 tenet 3", "Access to a resource is given for one session at a time.",
	    FACT_GRANT | FACT_END, NULL },
	{ NIST, "2.1 tenet 4", "Policy decides access, by the state of who asks, from where and for what.",
	    FACT_GRANT | FACT_APPROVAL | FACT_REFUSED,
	    "The state of the workstation that asks is not judged." },
	{ NIST, "2.1 tenet 5", "The state of one's own machines is measured.", FACT_STANDING | FACT_ALARMS,
	    "Only ways to administrative access are looked at, not patches nor software." },
	{ NIST, "2.1 tenet 6", "Authentication and authorisation are enforced anew before each access.",
	    FACT_GRANT | FACT_KEYS | FACT_REFUSED, NULL },
	{ NIST, "2.1 tenet 7", "What happens is collected and used to become better.",
	    FACT_RECORD | FACT_LOG | FACT_ALARMS, "What was done about it is not in the log." },
	{ SOC2, "CC6.1", "Logical access is restricted by security software and architecture.",
	    FACT_GRANT | FACT_KEYS | FACT_STANDING, NULL },
	{ SOC2, "CC6.2",
	    "Users are registered and authorised before they get credentials, and removed when they leave.",
	    FACT_ADMITTED, "Whether somebody left is known to the personnel department, not to the log." },
	{ SOC2, "CC6.3",
	    "Access follows roles, least privilege and separation of duties, and is changed or removed.",
	    FACT_APPROVAL | FACT_END | FACT_STANDING, NULL },
	{ SOC2, "CC6.4, CC6.5", "Physical access, and the end of life of equipment.", 0,
	    "Nothing of this is in the log." },
	{ SOC2, "CC6.6", "Access from outside the boundaries is protected against.", FACT_KEYS | FACT_REFUSED,
	    "Firewalls and networks are not looked at." },
	{ SOC2, "CC6.7", "Information that is moved or removed is restricted and protected.", FACT_RECORD,
	    "Transfers through recorded sessions are recorded; no transfer is prevented by what it carries." },
	{ SOC2, "CC6.8", "Unauthorised or malicious software is prevented or found.", 0,
	    "Nothing of this is in the log." },
	{ ISO, "A.5.3", "Duties that conflict are separated.", FACT_APPROVAL,
	    "Which teams must approve is said by the policy." },
	{ ISO, "A.5.15", "Rules for access are set and put into effect.",
	    FACT_GRANT | FACT_REFUSED | FACT_ADMITTED, NULL },
	{ ISO, "A.5.16, A.5.17",
	    "Identities and their means of authentication are managed through their whole life.",
	    FACT_ADMITTED | FACT_KEYS,
	    "Who holds which security key is known by the directories, not by the log." },
	{ ISO, "A.5.18", "Access rights are given, reviewed, changed and removed.",
	    FACT_APPROVAL | FACT_END | FACT_STANDING, "A review by people is not in the log." },
	{ ISO, "A.5.28, A.5.33", "Evidence is collected, and records are protected from loss and change.",
	    FACT_LOG | FACT_WHOLE | FACT_VIEWS,
	    "Whether anybody outside keeps this checkpoint is not in the log." },
	{ ISO, "A.8.2", "Privileged rights are restricted and managed.",
	    FACT_GRANT | FACT_APPROVAL | FACT_STANDING | FACT_GLASS, NULL },
	{ ISO, "A.8.5", "Authentication is secure.", FACT_KEYS, NULL },
	{ ISO, "A.8.15", "Logs are made, kept, protected and looked at.", FACT_LOG | FACT_RECORD | FACT_VIEWS,
	    "How long they are kept is the operator's to show." },
	{ ISO, "A.8.16", "Odd behaviour is watched for and acted on.", FACT_REFUSED | FACT_ALARMS,
	    "What was done about it is not in the log." },
	{ ISO, "A.8.18", "Programs that override controls are restricted.", FACT_RECORD | FACT_STANDING,
	    NULL },
	{ HIPAA, "(a)(1)", "Only those with rights get at systems with health information.",
	    FACT_GRANT | FACT_STANDING,
	    "Administrative access alone; applications and their data have their own controls." },
	{ HIPAA, "(a)(2)(i)", "Everybody has a name of their own by which they are traced.",
	    FACT_GRANT | FACT_RECORD, NULL },
	{ HIPAA, "(a)(2)(ii)", "There is a way in for emergencies.", FACT_GLASS,
	    "Whether the procedure was rehearsed is not in the log." },
	{ HIPAA, "(a)(2)(iii)", "Sessions end after a time.", FACT_END,
	    "They end with their time box; a session that is idle before that goes on." },
	{ HIPAA, "(a)(2)(iv)", "Health information can be encrypted (addressable).", 0,
	    "Records of sessions can be sealed to auditors; whether they were is not in the log." },
	{ HIPAA, "(b)", "What happens on systems with health information is recorded and examined.",
	    FACT_LOG | FACT_RECORD | FACT_VIEWS, NULL },
	{ HIPAA, "(c)(1)", "Health information is protected from improper change or destruction.", FACT_WHOLE,
	    "Records of sessions and the log itself; other data is not looked at." },
	{ HIPAA, "(d)", "Who asks is proved to be who they say.", FACT_KEYS, NULL },
	{ HIPAA, "(e)(1)", "What is sent over a network is guarded.", 0,
	    "ztjit speaks TLS 1.3 with keys pinned at both ends and logs in by SSH; the log has no leaf of a connection's protection." },
};

static const struct page_col cols[] = {
	{ "framework", "Framework", true, false, true },
	{ "control", "Control", true, false, true },
	{ "asks", "Asks for", true, false, true },
	{ "evidence", "Evidence", true, false, true },
	{ "gaps", "Gaps", true, false, true },
};

/* --- evidence and gaps, line by line --- */

struct lines {
	struct ztj_buf evidence, gaps;
};

__attribute__((format(printf, 2, 3))) static void line(struct ztj_buf *b, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	ztj_buf_puts(b, b->n > 0 ? "\n" : "");
	ztj_buf_puts(b, text != NULL ? text : "?");
	free(text);
}

typedef long long ll;

static void say_sessions(struct lines *l, const struct tally *t, unsigned facts)
{
	const struct tally_count *c = &t->count;
	ll uses = c->uses, recorded = report_recorded(t);

	if ((facts & FACT_GRANT) != 0 && uses > 0)
		line(&l->evidence, "Sessions under a grant whose signed request is in the log: %lld of %lld.",
		    (ll)c->under_grant, uses);
	if ((facts & FACT_GRANT) != 0 && c->under_grant < uses)
		line(&l->gaps, "Sessions that name a request which is not in the log: %lld.",
		    uses - (ll)c->under_grant);
	if ((facts & FACT_RECORD) != 0 && uses > 0)
		line(&l->evidence, "Sessions recorded: %lld of %lld.", recorded, uses);
	if ((facts & FACT_RECORD) != 0 && recorded < uses)
		line(&l->gaps, "Sessions without a record: %lld.", uses - recorded);
	if ((facts & (FACT_GRANT | FACT_RECORD)) != 0 && uses == 0)
		line(&l->gaps, "No session began in the period: nothing to show.");
	if ((facts & FACT_GRANT) != 0 && c->exempt > 0)
		line(&l->gaps,
		    "Elevations of root outside any person's session (cron and the like), which need no grant: %lld.",
		    (ll)c->exempt);
	if ((facts & FACT_END) != 0)
		line(&l->evidence,
		    "Sessions that hosts ended when their time was over: %lld; because somebody ended them: %lld. Revocations: %lld.",
		    (ll)c->ended_box, (ll)c->ended_revoked, (ll)c->revocations);
	if ((facts & FACT_WHOLE) != 0 && c->records > 0)
		line(&l->evidence, "Records signed as whole by their host: %lld of %lld.",
		    (ll)c->records_closed, (ll)c->records);
	if ((facts & FACT_WHOLE) != 0 && c->records_lost > 0)
		line(&l->gaps, "Records lost before their end: %lld.", (ll)c->records_lost);
	if ((facts & FACT_WHOLE) != 0 && c->records == 0)
		line(&l->gaps, "No record was begun in the period.");
}

static void say_people(struct lines *l, const struct tally *t, unsigned facts)
{
	const struct tally_count *c = &t->count;

	if ((facts & FACT_APPROVAL) != 0)
		line(&l->evidence,
		    "Signed approvals by another person than the requester: %lld; denials: %lld.",
		    (ll)(c->approvals - c->own_approvals), (ll)c->denials);
	if ((facts & FACT_APPROVAL) != 0 && c->own_approvals > 0)
		line(&l->gaps, "Approvals by the requester, which no broker should take: %lld.",
		    (ll)c->own_approvals);
	if ((facts & FACT_APPROVAL) != 0 && c->by_rule_alone > 0)
		line(&l->gaps, "Grants that took effect without an approval, as a rule allows: %lld.",
		    (ll)c->by_rule_alone);
	if ((facts & FACT_KEYS) != 0)
		line(&l->evidence,
		    "Signed by a touched security key: logins to the broker %lld, step-ups on hosts %lld. Certificates for such keys: %lld.",
		    (ll)c->logins_signed, (ll)c->stepups, (ll)c->certificates);
	if ((facts & FACT_REFUSED) != 0)
		line(&l->evidence, "Refusals by hosts: %lld; by the broker: %lld; by approvers: %lld.",
		    (ll)report_denials(t, TALLY_BY_HOST), (ll)report_denials(t, TALLY_BY_BROKER),
		    (ll)c->denials);
	if ((facts & FACT_GLASS) != 0)
		line(&l->evidence, "Break-glass requests: %lld; grants of them that took effect: %lld.",
		    (ll)c->break_glass, (ll)c->glass_used);
	if ((facts & FACT_GLASS) != 0 && c->glass_used > 0)
		line(&l->gaps, "That they were reviewed afterwards is not in the log.");
	if ((facts & FACT_ADMITTED) != 0)
		line(&l->evidence,
		    "People and hosts that asked to be admitted: %lld. Signed directories that took effect: %lld; signed policies: %lld.",
		    (ll)c->asked_in, (ll)c->directories, (ll)c->policies);
}

static void say_rest(struct lines *l, const struct page *p, const struct tally *t, unsigned facts)
{
	const struct tally_count *c = &t->count;
	const struct report_left left = report_left(t);

	if ((facts & FACT_STANDING) != 0 && left.hosts > 0)
		line(&l->evidence,
		    "Hosts that reported their standing access: %lld. Entries left: %lld; under an exception: %lld.",
		    (ll)left.hosts, (ll)left.left, (ll)left.accepted);
	if ((facts & FACT_STANDING) != 0 && left.left > 0)
		line(&l->gaps, "Standing entries left: %lld; exceptions that ended among them: %lld.",
		    (ll)left.left, (ll)left.expired);
	if ((facts & FACT_STANDING) != 0 && left.hosts == 0)
		line(&l->gaps, "No host's report of standing access is in the log.");
	if ((facts & FACT_STANDING) != 0 && left.old + left.uncounted + left.missed > 0)
		line(&l->gaps,
		    "Hosts whose newest report is old: %lld; holds no numbers: %lld. Places that could not be looked at: %lld.",
		    (ll)left.old, (ll)left.uncounted, (ll)left.missed);
	if ((facts & FACT_LOG) != 0)
		line(&l->evidence,
		    "Leaves of the period: %lld, each proved to be under a signed checkpoint of %llu leaves.",
		    (ll)c->leaves, (unsigned long long)p->size);
	if ((facts & FACT_VIEWS) != 0)
		line(&l->evidence,
		    "Times that records were opened to somebody: %lld, each by a signature of its own; refused: %lld.",
		    (ll)c->views, (ll)c->views_refused);
	if ((facts & FACT_ALARMS) != 0)
		line(&l->evidence, "Alarms of hosts and of the broker: %lld.", (ll)c->alarms);
}

static const char *text_of(struct page *p, struct ztj_buf *b)
{
	const char *text = ztj_buf_str(b);

	text = text != NULL ? cli_strdup(p->c, text) : NULL;
	ztj_buf_free(b);
	return text;
}

static void add(struct page *p, struct page_sheet *s, const struct tally *t, const struct control *c)
{
	struct lines l;

	ztj_buf_init(&l.evidence, 16384);
	ztj_buf_init(&l.gaps, 16384);
	say_sessions(&l, t, c->facts);
	say_people(&l, t, c->facts);
	say_rest(&l, p, t, c->facts);
	if (l.evidence.n == 0)
		line(&l.evidence, "None in this log.");
	if (c->gap != NULL)
		line(&l.gaps, "%s", c->gap);
	page_row(p, s,
	    (const struct page_cell[]){ page_text(c->framework), page_text(c->number), page_text(c->asks),
		page_lines(text_of(p, &l.evidence)), page_lines(text_of(p, &l.gaps)) });
}

void report_controls(struct page *p, struct tally *t)
{
	struct page_sheet *s;

	p->title = "Evidence for controls";
	p->lead =
	    "What the audit log shows for controls of four frameworks, and what it does not show. It is no verdict.";
	p->notes = notes;
	s = page_sheet(p,
	    &(struct page_sheet){ .name = "control",
		.title = "Controls",
		.col = cols,
		.ncols = sizeof cols / sizeof cols[0],
		.brief = true,
		.prose = true });
	for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++)
		add(p, s, t, &controls[i]);
}
