/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * G03: two approvals, a denial, a cancellation and a revocation race over connections of their own, in every
 * combination. Each request has one legal history, and everybody who looks afterwards sees the same one: the answers
 * that were given, GET, the certificate, and a host that only listened and judges for itself.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/broker/bk.h"

enum { APPROVE_LEAD, APPROVE_SEC, DENY, CANCEL, REVOKE, ACTORS };
#define ROUNDS (2u << ACTORS) /* every combination, twice */
#define HEARD_MAX 2048

static const int person[ACTORS] = { FX_LEAD1, FX_SEC1, FX_LEAD2, FX_REQ1, FX_BOTH1 };

struct round {
	struct fx_signed request, by[ACTORS];
	long status[ACTORS];
};

/* What a host's connection brought, bytes as they came. */
struct heard {
	struct bk *b;
	int result;
	size_t n;
	char *line[HEARD_MAX];
	uint8_t last[ZTJ_DIGEST_LEN]; /* the approval that ends the listening */
};

struct race {
	struct bk *b;
	struct round round[ROUNDS];
	pthread_barrier_t start, end;
};
struct actor {
	struct race *race;
	int which;
};

static struct ztj_net *connect_as(const struct bk *b, const struct ztj_seckey *who)
{
	char url[64];
	const char *urls[1] = { url };
	struct ztj_net *n = NULL;
	const struct ztj_net_conf conf = { .urls = urls,
		.nurls = 1,
		.pins = &b->w.tls.pub,
		.npins = 1,
		.client = who,
		.timeout_ms = 20000,
		.max_reply = (size_t)4 * 1024 * 1024 };
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", b->port);
	return ztj_net_open(&conf, &n) == ZTJ_OK ? n : NULL;
}

/* No assertions off the main thread: a status of 0 fails there. */
static void *act(void *arg)
{
	const struct actor *a = arg;
	struct race *race = a->race;
	struct ztj_net *n = connect_as(race->b, &race->b->login[person[a->which]]);
	struct ztj_buf json, reply;
	ztj_buf_init(&json, 1024 * 1024);
	ztj_buf_init(&reply, 1024 * 1024);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct round *r = &race->round[i];
		const struct fx_signed *s = &r->by[a->which];
		ztj_buf_reset(&json);
		ztj_buf_reset(&reply);
		int e = s->s.nsigs > 0 ? ztj_signed_to_json(&s->s, &json) : ZTJ_OK;
		(void)pthread_barrier_wait(&race->start);
		if (s->s.nsigs > 0 && e == ZTJ_OK && n != NULL) {
			(void)usleep((i * 37u + (unsigned)a->which * 101u) % 400u);
			e = ztj_net_call(n, "POST", "/v1/statements", ztj_buf_view(&json), &reply,
			    &r->status[a->which]);
			if (e != ZTJ_OK)
				r->status[a->which] = 0;
		}
		(void)pthread_barrier_wait(&race->end);
	}
	ztj_buf_free(&json);
	ztj_buf_free(&reply);
	ztj_net_close(n);
	return NULL;
}

/* The id of the statement in a line; false: there is none. */
static bool statement_id(const json_t *o, uint8_t id[ZTJ_DIGEST_LEN])
{
	const char *text = json_string_value(json_object_get(o, "statement"));
	struct ztj_buf bytes;
	ztj_buf_init(&bytes, ZTJ_POLICY_MAX);
	bool is = text != NULL && ztj_b64_decode(ztj_view_str(text), &bytes) == ZTJ_OK &&
	    ztj_stmt_id(ztj_buf_view(&bytes), id) == ZTJ_OK;
	ztj_buf_free(&bytes);
	return is;
}

static int hear(struct ztj_view line, void *arg)
{
	struct heard *h = arg;
	uint8_t id[ZTJ_DIGEST_LEN] = { 0 };
	if (h->n == HEARD_MAX)
		return -1;
	h->line[h->n++] = strndup((const char *)line.p, line.n);
	json_t *o = json_loadb((const char *)line.p, line.n, 0, NULL);
	bool last = statement_id(o, id) && memcmp(id, h->last, sizeof(id)) == 0;
	json_decref(o);
	return last ? 1 : 0;
}

static void *listen_as_host(void *arg)
{
	struct heard *h = arg;
	struct ztj_net *n = connect_as(h->b, &h->b->host_tls[FX_WEB1]);
	h->result = n == NULL ? -1 : ztj_net_stream(n, "/v1/stream?since=0", 20, hear, h);
	ztj_net_close(n);
	return NULL;
}

static void prepare(struct race *race, unsigned i)
{
	struct fx_world *w = &race->b->w;
	struct round *r = &race->round[i];
	fx_request(w, FX_REQ1, "root-shell", FX_WEB1, 600 + (int64_t)i, &r->request);
	for (int a = 0; a < ACTORS; a++) {
		if ((i >> a & 1) == 0)
			continue;
		if (a == CANCEL || a == REVOKE)
			fx_revoke_request(w, person[a], &w->person[person[a]].key, &r->request, &r->by[a]);
		else
			fx_approval(w, person[a], &r->request, a == DENY, 0, &r->by[a]);
	}
}

/* What of this round the broker said it took; nothing but yes and "it is over" is a legal answer. */
static unsigned taken(const struct round *r)
{
	unsigned mask = 0;
	for (int a = 0; a < ACTORS; a++) {
		if (r->by[a].s.nsigs == 0)
			continue;
		assert_true(r->status[a] == 201 || r->status[a] == 409);
		mask |= r->status[a] == 201 ? 1u << a : 0;
	}
	return mask;
}

/* The one end of what was taken, as the state names go. */
static const char *legal_end(const struct round *r, unsigned mask)
{
	unsigned ends = mask & (1u << DENY | 1u << CANCEL | 1u << REVOKE);
	unsigned wanted = 0, both = 1u << APPROVE_LEAD | 1u << APPROVE_SEC;
	for (int a = DENY; a < ACTORS; a++)
		wanted += r->by[a].s.nsigs > 0;
	/* exactly one ends it, if any tried; then nobody else's word was taken after it */
	assert_true(wanted == 0 ? ends == 0 : ends != 0 && (ends & (ends - 1)) == 0);
	if (ends == 1u << DENY)
		return "denied";
	if (ends == 1u << CANCEL)
		return (mask & both) == both ? "revoked" : "cancelled";
	if (ends == 1u << REVOKE)
		return "revoked";
	return (mask & both) == both ? "active" : "pending";
}

static void check_round(struct bk *b, const struct round *r)
{
	char hex[ZTJ_HEX_SIZE];
	struct ztj_buf blob;
	struct ztj_bundle *bundle;
	struct ztj_grant g;
	unsigned mask = taken(r);
	const char *want = legal_end(r, mask);
	bk_clock(b);
	ztj_hex(r->request.id, ZTJ_DIGEST_LEN, hex);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/requests/%s", hex);
	bk_expect(b, 200, "");
	assert_string_equal(bk_text(b, "state"), want);
	/* The bundle holds exactly what was taken, and judges to the same. */
	ztj_buf_init(&blob, ZTJ_BUNDLE_MAX);
	ok(ztj_b64_decode(ztj_view_str(bk_text(b, "bundle")), &blob));
	ok(ztj_bundle_read(ztj_buf_view(&blob), "example", NULL, &bundle));
	assert_int_equal(bundle->n, 1 + (size_t)__builtin_popcount(mask));
	ztj_grant_eval(b->w.trust, bundle, b->w.now, &g);
	assert_string_equal(ztj_grant_state_name(g.state), want);
	ztj_bundle_free(bundle);
	ztj_buf_free(&blob);
	(void)bk_certificate(b, FX_REQ1, r->request.id, &b->w.person[FX_REQ1].key);
	assert_int_equal(b->status, strcmp(want, "active") == 0 ? 200 : 403);
}

/* The statements of one request out of what the host heard. */
static void host_agrees(struct bk *b, struct heard *h, const struct round *r, unsigned i)
{
	struct ztj_signed s[1 + ACTORS];
	struct ztj_buf mem[1 + ACTORS];
	size_t n = 0;
	bool has_request = false;
	for (size_t k = 0; k < h->n; k++) {
		json_t *o = json_loads(h->line[k], 0, NULL);
		bool ours = false;
		uint8_t id[ZTJ_DIGEST_LEN];
		if (statement_id(o, id)) {
			ours = memcmp(id, r->request.id, sizeof(id)) == 0;
			has_request = has_request || ours;
			for (int a = 0; a < ACTORS; a++)
				ours = ours ||
				    (r->by[a].s.nsigs > 0 && memcmp(id, r->by[a].id, sizeof(id)) == 0);
		}
		if (ours) {
			json_t *c = json_pack("{s:O, s:O}", "statement", json_object_get(o, "statement"),
			    "signatures", json_object_get(o, "signatures"));
			char *dump = json_dumps(c, 0);
			assert_in_range(n, 0, ACTORS);
			ztj_buf_init(&mem[n], 65536);
			ok(ztj_signed_from_json(ztj_view_str(dump), &mem[n], &s[n]));
			n++;
			free(dump);
			json_decref(c);
		}
		json_decref(o);
	}
	/* It hears of what was granted to it, and of every end of that; of what never was, it need not. */
	bool lets_in = false;
	if (has_request) {
		struct ztj_bundle *bundle;
		struct ztj_grant g;
		ok(ztj_bundle_make(s, n, "example", NULL, &bundle));
		ztj_grant_eval(b->w.trust, bundle, b->w.now, &g);
		lets_in = g.state == ZTJ_GRANT_ACTIVE;
		ztj_bundle_free(bundle);
	}
	const char *want = legal_end(r, taken(r));
	if (lets_in != (strcmp(want, "active") == 0))
		fail_msg("round %u: it is %s, and the host lets %s in", i, want, lets_in ? "them" : "nobody");
	for (size_t k = 0; k < n; k++)
		ztj_buf_free(&mem[k]);
}

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b,
	    "rate_identity = 100000;\nrate_statements = 1000000;\nrate_anonymous = 100000;\nmax_open_requests = 10000;\n");
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	bk_login(&b, FX_LEAD1);
	bk_login(&b, FX_LEAD2);
	bk_login(&b, FX_SEC1);
	bk_login(&b, FX_BOTH1);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	bk_end(*state);
	return 0;
}

static void run_all(struct race *race, pthread_t *thread)
{
	struct bk *b = race->b;
	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)bk_put(b, &b->login[FX_REQ1], &race->round[i].request);
		bk_expect(b, 201, "");
		(void)pthread_barrier_wait(&race->start);
		(void)pthread_barrier_wait(&race->end);
	}
	for (int a = 0; a < ACTORS; a++)
		assert_int_equal(pthread_join(thread[a], NULL), 0);
}

static void test_G03_races(void **state)
{
	static struct race race;
	static struct heard heard;
	struct bk *b = *state;
	struct fx_signed last, one, two;
	struct actor actor[ACTORS];
	pthread_t thread[ACTORS], host;
	race.b = b;
	heard.b = b;
	bk_clock(b);
	for (unsigned i = 0; i < ROUNDS; i++)
		prepare(&race, i);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_WEB1, 60, &last);
	fx_approval(&b->w, FX_LEAD1, &last, false, 0, &one);
	fx_approval(&b->w, FX_SEC1, &last, false, 0, &two);
	memcpy(heard.last, two.id, sizeof(heard.last));
	assert_int_equal(pthread_barrier_init(&race.start, NULL, ACTORS + 1), 0);
	assert_int_equal(pthread_barrier_init(&race.end, NULL, ACTORS + 1), 0);
	assert_int_equal(pthread_create(&host, NULL, listen_as_host, &heard), 0);
	(void)usleep(300000); /* it is connected before the first request is made */
	for (int a = 0; a < ACTORS; a++) {
		actor[a] = (struct actor){ &race, a };
		assert_int_equal(pthread_create(&thread[a], NULL, act, &actor[a]), 0);
	}
	run_all(&race, thread);
	struct fx_signed *const granted[] = { &last, &one, &two };
	for (size_t i = 0; i < 3; i++) {
		(void)bk_put(b, &b->login[FX_REQ1], granted[i]);
		bk_expect(b, 201, "");
	}
	assert_int_equal(pthread_join(host, NULL), 0);
	assert_int_equal(heard.result, 1);
	for (unsigned i = 0; i < ROUNDS; i++)
		check_round(b, &race.round[i]);
	for (unsigned i = 0; i < ROUNDS; i++)
		host_agrees(b, &heard, &race.round[i], i);
	/* Killed and started again, it tells the same histories. */
	bk_kill(b);
	bk_serve(b);
	for (unsigned i = 0; i < ROUNDS; i++)
		check_round(b, &race.round[i]);
	for (unsigned i = 0; i < ROUNDS; i++) {
		fx_signed_free(&race.round[i].request);
		for (int a = 0; a < ACTORS; a++)
			fx_signed_free(&race.round[i].by[a]);
	}
	fx_signed_free(&last);
	fx_signed_free(&one);
	fx_signed_free(&two);
	for (size_t i = 0; i < heard.n; i++)
		free(heard.line[i]);
	(void)pthread_barrier_destroy(&race.start);
	(void)pthread_barrier_destroy(&race.end);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_G03_races) };
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
