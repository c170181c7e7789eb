/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Whole logins: certificates by the real CA key for the keys that req1 really holds, with any principal and extension. */
#include <stdio.h>
#include <string.h>

#include "tests/hostile/plan.h"

enum kind {
	NOTHING,
	ONE_LEAD,
	ONE_SECURITY,
	TWO_LEADS,
	ALIAS,
	SELF,
	REPLAYED,
	FORGED,
	UNTOUCHED,
	UNVERIFIED,
	OTHER_PURPOSE,
	OTHER_DOMAIN,
	DENIED,
	REVOKED,
	CANCELLED,
	ENDED,
	SHORTENED,
	LATER,
	OTHER_HOST,
	OTHER_ROLE,
	OTHER_ACCOUNT,
	OTHERS_GRANT,
	SEEN_AHEAD,
	LATE,
	KINDS
};

static const char *const kind_name[KINDS] = { "no-approval", "lead-only", "security-only", "two-leads",
	"alias", "self", "replayed-approvals", "forged-approval", "untouched", "unverified", "other-purpose",
	"other-domain", "denied", "revoked", "cancelled", "ended", "shortened", "begins-later", "other-host",
	"other-role", "other-account", "grant-of-others", "seen-ahead", "approved-too-late" };

/* Spoils an honest plan; false: not by this transport. */
static bool spoil(struct gen *g, struct plan *p, enum kind k)
{
	const struct company *co = g->co;
	struct part *x;

	p->want = ZTJ_PENDING;
	switch (k) {
	case NOTHING:
		p->n = 1;
		break;
	case ONE_LEAD:
		p->n = 2;
		break;
	case ONE_SECURITY:
		p->part[1] = p->part[2];
		p->n = 2;
		break;
	case TWO_LEADS:
		p->n = 2;
		plan_add(g, ZTJ_STMT_APPROVAL, &co->w.person[FX_LEAD2], 0);
		break;
	case ALIAS:
		p->n = 2;
		plan_add(g, ZTJ_STMT_APPROVAL, &co->extra[CO_ALIAS], 0);
		break;
	case SELF:
		p->n = 2;
		plan_add(g, ZTJ_STMT_APPROVAL, &co->w.person[FX_REQ1], 0);
		break;
	case REPLAYED:
		plan_add(g, ZTJ_STMT_REQUEST, &co->w.person[FX_REQ1], -1);
		p->part[1].of = p->part[2].of = 3;
		p->want = ZTJ_WRONG_REQUEST;
		p->want_push = ZTJ_PENDING;
		break;
	case FORGED:
		p->part[2].key[0] = &co->w.person[FX_REQ1].key;
		break;
	case UNTOUCHED:
		p->part[2].flags = 0;
		p->part[2].want = ZTJ_NO_TOUCH;
		break;
	case UNVERIFIED:
		p->part[2].flags = FX_UP;
		break;
	case OTHER_PURPOSE:
		p->part[2].ns = "ssh";
		p->part[2].want = ZTJ_SIG_NAMESPACE;
		break;
	case OTHER_DOMAIN:
		p->part[2].st.domain = "example2";
		p->part[2].want = ZTJ_DOMAIN;
		break;
	case DENIED:
		x = plan_add(g, ZTJ_STMT_APPROVAL, &co->w.person[FX_LEAD2], 0);
		x->st.u.approval.deny = true;
		x->st.u.approval.comment = "no";
		p->want = ZTJ_DENIED;
		break;
	case REVOKED:
		plan_add(g, ZTJ_STMT_REVOCATION, &co->w.person[FX_SEC1], 0);
		p->want = ZTJ_REVOKED;
		break;
	case CANCELLED:
		plan_add(g, ZTJ_STMT_REVOCATION, &co->w.person[FX_REQ1], 0)->st.issued -= 30;
		p->want = ZTJ_CANCELLED;
		break;
	case ENDED:
		p->part[0].st.u.request.duration = 5;
		p->want = ZTJ_ENDED;
		break;
	case SHORTENED:
		p->part[1].st.u.approval.limit = 5;
		p->want = ZTJ_ENDED;
		break;
	case LATER:
		p->part[0].st.u.request.start = co->w.now + 3600;
		p->want = ZTJ_NOT_STARTED;
		break;
	case OTHER_HOST:
		p->part[0].hosts[0] = "servers/web2";
		p->part[0].unkept = p->want = ZTJ_WRONG_HOST;
		break;
	case OTHER_ROLE:
		p->part[0].st.u.request.role = "sudo-root";
		p->want = ZTJ_WRONG_ACCOUNT;
		break;
	case OTHER_ACCOUNT:
		p->account = "req2";
		p->want = ZTJ_WRONG_ACCOUNT;
		break;
	case OTHERS_GRANT:
		p->part[0].st.u.request.who = "people/req2";
		p->part[0].key[0] = &co->w.person[FX_REQ2].key;
		p->want = ZTJ_WRONG_KEY;
		break;
	case SEEN_AHEAD:
		p->part[1].st.seen.policy = 3;
		p->want = ZTJ_SEEN_AHEAD;
		break;
	case LATE:
		p->part[0].st.issued = co->w.now - 1200;
		p->part[0].st.u.request.valid_until = co->w.now - 600;
		p->want = ZTJ_EXPIRED;
		break;
	case KINDS:
	default:
		return false;
	}
	return true;
}

static struct plan *for_key(struct gen *g, struct soft_key *subject, size_t key)
{
	struct plan *p = plan_honest(g);

	*subject = (struct soft_key){ .pub = g->co->login[key] };
	p->mint.subject = subject;
	p->mint.source = NULL; /* nothing of what the rule wants stands in the certificate */
	return p;
}

void gen_ssh(struct gen *g)
{
	static const char *const principals[] = { "root", "req1", "ztjit-grant-", "*",
		"ztjit-grant-0000000000000000000000000000000000000000000000000000000000000000" };
	struct soft_key subject;
	struct plan *p;

	if (g->co->nlogin < 2)
		return;
	for (int when = 0; when < 3; when++) {
		p = for_key(g, &subject, 0);
		emit(g, "ssh/control-%d", when);
		for (int k = when * KINDS / 3; k < (when + 1) * KINDS / 3; k++)
			for (unsigned ext = 0; ext < 2; ext++) {
				p = for_key(g, &subject, 0);
				p->mint.ext = ext == 0 ? ZTJ_EXT_PTY : 0x1f;
				if (spoil(g, p, (enum kind)k))
					emit(g, "ssh/%s/%s", kind_name[k],
					    ext == 0 ? "plain" : "every-extension");
			}
	}
	for (size_t k = 0; k < sizeof(principals) / sizeof(principals[0]); k++) {
		p = for_key(g, &subject, 0);
		p->via = VIA_CERT;
		p->mint.principal[0] = principals[k];
		p->want = ZTJ_CERT_KIND;
		emit(g, "ssh/principal-%zu", k);
	}
	/* the line wants the PIN although the certificate does not, and this key file does not ask for it */
	p = for_key(g, &subject, 1);
	p->mint.verify = false;
	p->want = WANT_SSHD;
	p->want_push = WANT_SSHD;
	emit(g, "ssh/C08/not-verified");
	p = for_key(g, &subject, 0);
	p->mint.verify = false;
	p->mint.ext = 0x1f;
	emit(g, "ssh/control-with-every-extension");
}

/* Approved, and the host must not believe it any more when it hears nothing. */
void gen_stale(struct gen *g)
{
	for (int k = 0; k < 5; k++) {
		struct plan *p = plan_by(g, &g->co->w.person[FX_REQ1], "brief-root");
		plan_add(g, ZTJ_STMT_APPROVAL, &g->co->w.person[k % 2 == 0 ? FX_LEAD1 : FX_LEAD2], 0);
		p->want = ZTJ_STALE;
		emit(g, "G05/stale-%d", k);
	}
}
