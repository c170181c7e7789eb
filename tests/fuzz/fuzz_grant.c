/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The grant function and the decision on any statements whatever: the input chooses the fields, signatures are taken as
 * made. Total, never open by accident, and the same in every order.
 */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/decide.h"
#include "tests/fuzz/fuzz.h"

#define T0 1795428000
#define PEOPLE 5
#define STMTS 12

static const char policy_text[] =
    "domain = \"example\"; version = 3; expires = \"2027-06-30T00:00:00Z\";\n"
    "roles = { shell = { login = [ \"root\", \"self\" ]; become = \"root\"; record = \"none\"; }; };\n"
    "rules = ( { name = \"two\"; who = \"@a\"; roles = \"shell\"; hosts = { env = \"p\"; }; max = \"1h\"; max_total = \"2h\"; ahead = \"1d\";\n"
    "    approvals = ( { from = [ \"@b\" ]; }, { from = [ \"@c\" ]; } ); verify = \"uv\"; hours = \"Mon-Fri 07:00-20:00 UTC0\"; },\n"
    "  { name = \"one\"; who = \"@a\"; roles = \"shell\"; hosts = \"*\"; approvals = ( { from = [ \"@a\", \"@b\" ]; } ); } );\n"
    "registrars = ( { directory = \"d\"; keys = \"%s\"; threshold = 1; groups = [ \"a\", \"b\", \"c\" ]; "
    "uids = [ 20000, 20010 ]; labels = { env = \"*\"; }; } );\n"
    "broker = { urls = \"https://b\"; tls = \"%s\"; online = \"%s\"; ca = \"%s\"; };\n";

static const char *const name[PEOPLE] = { "p1", "p2", "p3", "p4", "p5" };
static const char *const full[PEOPLE + 1] = { "d/p1", "d/p2", "d/p3", "d/p4", "d/p5", "e/p1" };
static const char *groups[PEOPLE][2] = { { "a", NULL }, { "a", "b" }, { "b", "c" }, { "b", NULL },
	{ "c", NULL } };
static const char *const hosts[2] = { "d/web1", "d/web2" };

static struct ztj_policy *policy;
static struct ztj_trust *trust;

static struct ztj_key key_of(unsigned i, enum ztj_key_type type)
{
	struct ztj_key k = { .type = type, .pub_len = 32 };

	memset(k.pub, (int)(i + 1), 32);
	if (type == ZTJ_KEY_SK_ED25519)
		memcpy(k.application, "ssh:", 5);
	return k;
}

static void put_record(const struct ztj_record *rec, struct ztj_buf *buf, struct ztj_view *put)
{
	ztj_buf_init(buf, ZTJ_RECORD_MAX);
	MUST(ztj_record_build(rec, buf) == ZTJ_OK);
	*put = ztj_buf_view(buf);
}

static void start(void)
{
	static struct ztj_policy_problems problems;
	char keys[4][ZTJ_KEY_TEXT_SIZE], text[8192];
	struct ztj_buf buf[PEOPLE + 2];
	struct ztj_view put[PEOPLE + 2];
	struct ztj_dir_delta delta = { .nput = PEOPLE + 2, .put = put };
	struct ztj_dir *dir;

	for (unsigned i = 0; i < 4; i++) {
		struct ztj_key k = key_of(100 + i, i == 0 ? ZTJ_KEY_SK_ED25519 : ZTJ_KEY_ED25519);
		MUST(ztj_key_to_text(&k, keys[i]) == ZTJ_OK);
	}
	MUST(snprintf(text, sizeof text, policy_text, keys[0], keys[1], keys[2], keys[3]) < (int)sizeof text);
	MUST(ztj_policy_parse(ztj_view_str(text), &policy, &problems) == ZTJ_OK);
	MUST(ztj_trust_for_tests(policy, &trust) == ZTJ_OK);
	for (unsigned i = 0; i < PEOPLE; i++) {
		struct ztj_userkey uk = { .key = key_of(i, ZTJ_KEY_SK_ED25519),
			.credential = "",
			.from = T0 - 86400 };
		struct ztj_record rec = { .name = name[i],
			.uid = 20000 + i,
			.nkeys = 1,
			.keys = &uk,
			.groups = groups[i],
			.ngroups = groups[i][1] != NULL ? 2 : 1 };
		put_record(&rec, &buf[i], &put[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct ztj_label env = { "env", i == 0 ? "p" : "q" };
		struct ztj_key ssh = key_of(50 + i, ZTJ_KEY_ED25519);
		struct ztj_record rec = { .host = true,
			.name = hosts[i] + 2,
			.nlabels = 1,
			.labels = &env,
			.nssh = 1,
			.ssh = &ssh };
		rec.machine = key_of(60 + i, ZTJ_KEY_ED25519);
		rec.tls = key_of(70 + i, ZTJ_KEY_ED25519);
		put_record(&rec, &buf[PEOPLE + i], &put[PEOPLE + i]);
	}
	MUST(ztj_dir_apply(NULL, "d", &delta, &dir) == ZTJ_OK);
	MUST(ztj_trust_add_unsigned(trust, dir) == ZTJ_OK);
	for (unsigned i = 0; i < PEOPLE + 2; i++)
		ztj_buf_free(&buf[i]);
}

struct in {
	const uint8_t *p;
	size_t n;
};

static unsigned take(struct in *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

static int64_t take_time(struct in *in)
{
	static const int64_t edge[] = { 0, 1, -1, INT64_MAX, INT64_MIN, T0 + 3600, T0 - 60, T0 + 86400 };
	unsigned v = take(in);

	return v < 8 ? edge[v] : T0 + ((int64_t)v - 16) * 30;
}

static int64_t take_duration(struct in *in)
{
	int64_t t = take_time(in), d;

	return __builtin_sub_overflow(t, (int64_t)T0, &d) ? t : d;
}

static void fill_request(struct in *in, struct ztj_stmt *st, const struct ztj_stmt *all, unsigned n)
{
	unsigned bits = take(in);

	st->type = ZTJ_STMT_REQUEST;
	st->u.request.who = full[take(in) % (PEOPLE + 1)];
	st->u.request.role = bits & 1 ? "absent" : "shell";
	st->u.request.reason = bits & 2 ? "" : "a reason";
	st->u.request.ticket = "";
	st->u.request.hosts = (const char **)(uintptr_t)hosts;
	st->u.request.nhosts = bits & 4 ? 2 : 1;
	st->u.request.duration = take_duration(in);
	st->u.request.start = bits & 8 ? take_time(in) : 0;
	st->u.request.valid_until = bits & 16 ? take_time(in) : T0 + 3600;
	st->u.request.break_glass = (bits & 32) != 0;
	if (bits & 64 && n > 0) {
		st->u.request.has_follows = true;
		memcpy(st->u.request.follows, all[take(in) % n].id, ZTJ_DIGEST_LEN);
	}
}

static void fill(struct in *in, struct ztj_stmt *st, const struct ztj_stmt *all, unsigned n)
{
	unsigned kind = n == 0 ? 0 : take(in) % 8, of = n > 0 ? take(in) % n : 0;

	memset(st, 0, sizeof *st);
	st->domain = "example";
	st->nonce = "";
	st->issued = take_time(in);
	memset(st->id, (int)n + 1, sizeof st->id);
	st->nsigners = 1;
	st->signer[0].info = (struct ztj_sig_info){ .is_sk = true,
		.user_present = true,
		.user_verified = take(in) % 4 != 0 };
	if (kind < 2) {
		fill_request(in, st, all, n);
		st->signer[0].key = key_of(take(in) % PEOPLE, ZTJ_KEY_SK_ED25519);
		return;
	}
	unsigned who = take(in) % (PEOPLE + 1);
	st->signer[0].key = key_of(who % PEOPLE, ZTJ_KEY_SK_ED25519);
	if (kind < 7) {
		st->type = ZTJ_STMT_APPROVAL;
		st->u.approval.who = full[who];
		st->u.approval.comment = "";
		st->u.approval.deny = kind == 6;
		st->u.approval.limit = take(in) * 30;
		memcpy(st->u.approval.request, all[of].id, ZTJ_DIGEST_LEN);
		return;
	}
	st->type = ZTJ_STMT_REVOCATION;
	st->u.revocation.who = who == PEOPLE ? "" : full[who];
	st->u.revocation.reason = "x";
	st->u.revocation.name = "";
	memcpy(st->u.revocation.request, all[of].id, ZTJ_DIGEST_LEN);
}

static void check(const struct ztj_grant *g)
{
	MUST(g->code != ZTJ_INTERNAL && g->text[0] != 0);
	MUST((g->state == ZTJ_GRANT_ACTIVE) == (g->code == ZTJ_OK));
	if (g->starts == 0 && g->ends == 0)
		return;
	MUST(
	    g->rule != NULL && g->role != NULL && g->ends > g->starts && g->ends - g->starts <= g->rule->max);
	MUST(g->nmissing == 0 && g->napprovers >= g->rule->nslots);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ztj_stmt st[STMTS];
	static struct ztj_bundle b;
	struct ztj_grant g, h;
	struct ztj_answer a;
	struct in in = { data, size };
	unsigned n = 0;
	int64_t now;

	if (policy == NULL)
		start();
	now = take_time(&in);
	while (n < STMTS && (n == 0 || in.n > 0)) {
		fill(&in, &st[n], st, n);
		n++;
	}
	b.n = n;
	for (unsigned i = 0; i < n; i++)
		b.stmt[i] = &st[i];
	b.request = b.stmt[0];
	ztj_grant_eval(trust, &b, now, &g);
	check(&g);
	ztj_grant_eval(trust, &b, now, &h);
	MUST(g.code == h.code && g.starts == h.starts && g.ends == h.ends && strcmp(g.text, h.text) == 0);

	struct ztj_key machine = key_of(60, ZTJ_KEY_ED25519), mine = key_of(0, ZTJ_KEY_SK_ED25519);
	struct ztj_question q = { .use = ZTJ_USE_LOGIN,
		.host = hosts[0],
		.machine = &machine,
		.service = "sshd",
		.account = "root",
		.certified = &mine,
		.now = now,
		.now_begin = now };
	ztj_decide(trust, &b, &q, &a);
	/* this trust never heard from a broker: nothing is ever fresh */
	MUST(a.code != ZTJ_OK && a.code != ZTJ_INTERNAL && a.text[0] != 0);
	return 0;
}
