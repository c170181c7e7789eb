/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* sudo and su inside a session, step-ups, and the uid-0 exemption, through a running gate. */
#include "tests/hostd/rig.h"

#include "libztjit/core/agentmsg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct rig rig;
#define R (&rig)
#define REQ1 (&R->w.person[FX_REQ1].key)
#define AUTH ZTJ_MSG_AUTH
#define ACCOUNT ZTJ_MSG_ACCOUNT
#define OPEN ZTJ_MSG_OPEN
#define PTS1 0x8801
#define PTS2 0x8802
#define IN_S1 RIG_PREFIX "/s1"

static struct rig_grant grant;

/* req1 is logged in as req1 in session s1, by a grant that may become root. */
static int setup_with(const struct fx_policy *policy)
{
	char *cert;

	rig_open(R, policy);
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 0, &grant);
	rig_cert(R, &grant, REQ1, NULL, &cert);
	rig_proc(R, 200, 0, "/", 0);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	free(cert);
	R->ntold = 0;
	rig_proc(R, 500, 20001, IN_S1, PTS1);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_with(NULL);
}

static int teardown(void **state)
{
	(void)state;
	rig_grant_free(&grant);
	rig_close(R);
	return 0;
}

/* ---- transports ---- */

static const struct soft_key *signer;
static uint8_t signer_flags;
static struct ztj_buf kept_mem;
static struct ztj_signed kept;

/* The person runs ztjit confirm. */
static void confirm(struct rig *r)
{
	struct ztj_signed challenge;
	struct ztj_buf mem;

	rig_posted(r, &mem, &challenge);
	rig_relay(r, &challenge, signer, signer_flags);
	ztj_buf_free(&mem);
}

/* The same, and the challenge is kept. */
static void confirm_and_keep(struct rig *r)
{
	rig_posted(r, &kept_mem, &kept);
	rig_relay(r, &kept, signer, signer_flags);
}

static void by_confirm(const struct soft_key *k, uint8_t flags)
{
	signer = k;
	signer_flags = flags;
	R->agent = NULL;
	R->prompted = confirm;
}

static void read_frame(int sock, struct ztj_buf *in, struct ztj_view *payload)
{
	struct ztj_rd rd;

	for (;;) {
		uint8_t chunk[4096];
		ssize_t n;
		ztj_rd_init(&rd, ztj_buf_view(in));
		if (ztj_rd_string(&rd, 65536, payload) == ZTJ_OK)
			return;
		n = read(sock, chunk, sizeof(chunk));
		assert_true(n > 0);
		ok(ztj_buf_put(in, chunk, (size_t)n));
	}
}

static void write_frame(int sock, struct ztj_view payload)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 65536);
	ok(ztj_buf_put_view(&b, payload));
	assert_int_equal(write(sock, b.p, b.n), (ssize_t)b.n);
	ztj_buf_free(&b);
}

/* The step-up agent of the person's workstation. */
static void stepup_agent(struct rig *r, int sock)
{
	struct ztj_buf in, sig, out;
	struct ztj_view msg, body;
	struct ztj_signed challenge;
	struct ztj_stmt *st;
	struct ztj_rd rd;
	char name[64];

	ztj_buf_init(&in, 65536);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&out, 65536);
	read_frame(sock, &in, &msg);
	ok(ztj_agent_parse_extension(msg, name, sizeof(name), &body));
	assert_string_equal(name, "stepup@ztjit");
	ztj_rd_init(&rd, body);
	ok(ztj_signed_read(&rd, &challenge));
	ok(ztj_rd_end(&rd));
	ok(ztj_stmt_open(&challenge, ZTJ_STMT_STEPUP, "example", &st));
	assert_true(ztj_key_equal(&st->signer[0].key, &r->machine.pub));
	assert_string_equal(st->u.stepup.who, "people/req1");
	assert_string_equal(st->u.stepup.host, "servers/web1");
	assert_string_equal(st->u.stepup.service, "sudo");
	assert_string_equal(st->u.stepup.tty, "pts/1");
	assert_string_equal(st->u.stepup.peer, "192.0.2.7");
	assert_int_equal(st->u.stepup.naccounts, 1);
	assert_string_equal(st->u.stepup.accounts[0], "root");
	assert_memory_equal(st->u.stepup.grant, grant.request.id, ZTJ_DIGEST_LEN);
	ztj_stmt_free(st);
	rig_sign(signer, challenge.bytes, signer_flags, &sig);
	ok(ztj_buf_put_u8(&out, ZTJ_AGENT_SUCCESS));
	ok(ztj_buf_put_view(&out, ztj_buf_view(&sig)));
	write_frame(sock, ztj_buf_view(&out));
	ztj_buf_free(&in);
	ztj_buf_free(&sig);
	ztj_buf_free(&out);
}

static uint8_t byte_answer;

static void one_byte_agent(struct rig *r, int sock)
{
	struct ztj_buf in;
	struct ztj_view msg;

	(void)r;
	ztj_buf_init(&in, 65536);
	read_frame(sock, &in, &msg);
	write_frame(sock, ztj_view_of(&byte_answer, 1));
	ztj_buf_free(&in);
}

static void closing_agent(struct rig *r, int sock)
{
	(void)r;
	(void)sock;
}

static void huge_agent(struct rig *r, int sock)
{
	(void)r;
	assert_int_equal(write(sock, "\377\377\377\377xxxx", 8), 8);
}

static void by_agent(void (*agent)(struct rig *r, int sock), const struct soft_key *k, uint8_t flags)
{
	signer = k;
	signer_flags = flags;
	R->agent = agent;
	R->prompted = NULL;
}

/* ---- the ordinary way ---- */

static void test_sudo_by_confirm_then_remembered(void **state)
{
	(void)state;
	by_confirm(REQ1, FX_UV);
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_OK);
	assert_non_null(strstr(R->prompt, "ztjit confirm "));
	assert_non_null(strstr(R->prompt, "sudo on servers/web1 as root"));
	R->prompted = NULL;
	fails(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_OK);
	fails(rig_pam(R, OPEN, "sudo", "root", ""), ZTJ_OK);
	assert_string_equal(R->prompt, "");
	assert_false(rig_told(R, ZTJ_WARDEN_MAKE)); /* in the session's cgroup (test_shared.c) */
	assert_int_equal(rig_sessions(R), 2);
	/* within step_up_every another sudo needs no touch */
	rig_proc(R, 501, 20001, IN_S1, PTS1);
	rig_sleep(R, 600);
	rig_status_now(R);
	fails(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_OK);
	/* after it, it does */
	rig_sleep(R, 301);
	rig_status_now(R);
	R->prompted = confirm;
	rig_proc(R, 502, 20001, IN_S1, PTS1);
	fails(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_OK);
	assert_non_null(strstr(R->prompt, "ztjit confirm "));
}

static void test_P02_account_demands_the_touch_that_auth_skipped(void **state)
{
	(void)state;
	by_confirm(REQ1, FX_UV);
	fails(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_OK);
	assert_non_null(strstr(R->prompt, "ztjit confirm "));
	rig_sleep(R, 1000);
	rig_status_now(R);
	rig_link(R, false); /* and no way to ask: denied */
	rig_proc(R, 501, 20001, IN_S1, PTS1);
	fails(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_STEPUP_TRANSPORT);
}

static void test_sudo_by_agent(void **state)
{
	(void)state;
	by_agent(stepup_agent, REQ1, FX_UV);
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_OK);
	assert_non_null(strstr(R->prompt, "touch your security key: sudo on servers/web1"));
	fails(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_OK);
	fails(rig_pam(R, OPEN, "sudo", "root", ""), ZTJ_OK);
}

static void test_agent_that_cannot_is_followed_by_confirm(void **state)
{
	void (*const useless[])(struct rig * r, int sock) = { closing_agent, huge_agent, one_byte_agent };

	(void)state;
	byte_answer = ZTJ_AGENT_FAILURE;
	for (size_t i = 0; i < 3; i++) {
		by_agent(useless[i], REQ1, FX_UV);
		rig_link(R, false);
		fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_STEPUP_TRANSPORT);
		rig_link(R, true);
	}
}

static void test_agent_refusal_is_final(void **state)
{
	(void)state;
	byte_answer = ZTJ_AGENT_EXTENSION_FAILURE;
	by_agent(one_byte_agent, REQ1, FX_UV);
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_DEVICE_REFUSED);
}

/* ---- P14: answers that answer something else ---- */

static void test_P14_agent_answers_by_others(void **state)
{
	(void)state;
	by_agent(stepup_agent, &R->w.person[FX_REQ2].key, FX_UV);
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_SIGNER);
	by_agent(stepup_agent, &R->w.stranger, FX_UV);
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_SIGNER);
	by_agent(stepup_agent, REQ1, FX_UP); /* the rule says verify = "uv" */
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_NO_UV);
	by_agent(stepup_agent, REQ1, 0);
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_NO_TOUCH);
}

/* Relays something wrong first; the person's own answer still counts. */
static void confirm_after_nonsense(struct rig *r)
{
	struct ztj_signed challenge;
	struct ztj_buf mem;

	rig_posted(r, &mem, &challenge);
	rig_relay(r, &challenge, &r->w.person[FX_REQ2].key, FX_UV);
	if (kept.nsigs > 0) /* an old challenge of this host, signed again */
		rig_relay(r, &kept, signer, signer_flags);
	rig_relay(r, &challenge, signer, signer_flags);
	rig_relay(r, &challenge, signer, signer_flags); /* and once more: nobody waits for it now */
	ztj_buf_free(&mem);
}

static void test_P14_replayed_and_foreign_relays(void **state)
{
	(void)state;
	by_confirm(REQ1, FX_UV);
	R->prompted = confirm_and_keep;
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_OK);
	/* another terminal needs its own touch; the first one's answer does not serve */
	rig_proc(R, 510, 20001, IN_S1, PTS2);
	R->prompted = confirm_after_nonsense;
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_OK);
	ztj_buf_free(&kept_mem);
	memset(&kept, 0, sizeof(kept));
}

/* ---- the relay hears what became of it ---- */

static void keep_only(struct rig *r)
{
	rig_posted(r, &kept_mem, &kept);
}

static void answer_no_agent(int sock)
{
	struct ztj_ipc_in in;
	struct ztj_buf b;

	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	ok(ztj_ipc_recv(sock, &in, ztj_ipc_now_ms() + 5000));
	assert_int_equal(in.type, ZTJ_MSG_NEED_AGENT);
	ztj_ipc_in_free(&in);
	ztj_buf_init(&b, 64);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_AGENT));
	ok(ztj_buf_put_u8(&b, 0));
	ok(ztj_ipc_finish(&b));
	ok(ztj_ipc_send(sock, ztj_buf_view(&b), -1, ztj_ipc_now_ms() + 5000));
	ztj_buf_free(&b);
}

/* sudo is killed while it waits: the peer goes without a word. */
static void ask_and_go(void)
{
	int sock = rig_connect(R, "pam.sock");
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	ok(ztj_ipc_begin(&b, AUTH));
	for (int i = 0; i < 6; i++)
		ok(ztj_buf_put_cstring(&b, i == 0 ? "sudo" : i == 1 ? "req1" : ""));
	ok(ztj_ipc_finish(&b));
	ok(ztj_ipc_send(sock, ztj_buf_view(&b), -1, ztj_ipc_now_ms() + 5000));
	ztj_buf_free(&b);
	/* no agent: so it is the relay's turn */
	answer_no_agent(sock);
	keep_only(R);
	(void)close(sock);
}

static void test_relay_hears_what_became_of_it(void **state)
{
	(void)state;
	by_confirm(REQ1, FX_UV);
	R->prompted = confirm_and_keep;
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_OK);
	assert_true(rig_ended(R, &kept));
	rig_relay(R, &kept, REQ1, FX_UV); /* once more: nobody waits */
	assert_false(rig_ended(R, &kept));
	ztj_buf_free(&kept_mem);
	rig_proc(R, 510, 20001, IN_S1, PTS2);
	ask_and_go();
	assert_false(rig_ended(R, &kept));
	ztj_buf_free(&kept_mem);
	memset(&kept, 0, sizeof(kept));
}

/* ---- carried by hand ---- */

/* What ztjit-hostd import says of a container. */
static void import_says(struct rig *r, const struct ztj_signed *s, int code, const char *says)
{
	struct ztj_buf json, body;
	char *text;

	ztj_buf_init(&json, 256 * 1024);
	ztj_buf_init(&body, ZTJ_IPC_MAX);
	ok(ztj_signed_to_json(s, &json));
	ok(ztj_buf_put_view(&body, ztj_buf_view(&json)));
	fails(rig_control(r, ZTJ_MSG_IMPORT, ztj_buf_view(&body), &text), code);
	assert_string_equal(text, says);
	free(text);
	ztj_buf_free(&json);
	ztj_buf_free(&body);
}

static void import_by(struct rig *r, const struct soft_key *k, int code, const char *says)
{
	struct ztj_signed both = kept;
	struct ztj_buf sig;

	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	rig_sign(k, kept.bytes, FX_UV, &sig);
	both.sig[1] = ztj_buf_view(&sig);
	both.nsigs = 2;
	import_says(r, &both, code, says);
	ztj_buf_free(&sig);
}

/* The broker is away, so somebody carries the answer. */
static void confirm_by_hand(struct rig *r)
{
	rig_posted(r, &kept_mem, &kept);
	import_by(r, &r->w.person[FX_REQ2].key, ZTJ_STEPUP_WRONG, ztj_err_text(ZTJ_STEPUP_WRONG));
	import_says(r, &kept, ZTJ_STEPUP_WRONG, ztj_err_text(ZTJ_STEPUP_WRONG));
	import_by(r, REQ1, ZTJ_OK, "taken");
}

static void test_import_says_what_became_of_a_step_up(void **state)
{
	(void)state;
	R->agent = NULL;
	R->prompted = confirm_by_hand;
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_OK);
	import_by(R, REQ1, ZTJ_STEPUP_GONE, ztj_err_text(ZTJ_STEPUP_GONE));
	ztj_buf_free(&kept_mem);
	memset(&kept, 0, sizeof(kept));
}

static void test_import_says_whether_a_status_is_newer(void **state)
{
	struct fx_signed s;

	(void)state;
	rig_sleep(R, 5);
	fx_status(&R->w, &R->w.online, &s);
	import_says(R, &s.s, ZTJ_OK, "taken");
	import_says(R, &s.s, ZTJ_OK, "held already");
	fx_signed_free(&s);
}

static void refuse_post(struct rig *r)
{
	struct ztj_signed challenge;
	struct ztj_buf mem, b;
	uint8_t id[ZTJ_DIGEST_LEN];

	rig_posted(r, &mem, &challenge);
	ok(ztj_stmt_id(challenge.bytes, id));
	ztj_buf_init(&b, 64);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_POSTED));
	ok(ztj_buf_put(&b, id, sizeof(id)));
	ok(ztj_buf_put_u32(&b, 1));
	ok(ztj_ipc_finish(&b));
	ok(ztj_ipc_send(r->mirror, ztj_buf_view(&b), -1, ztj_ipc_now_ms() + 5000));
	ztj_buf_free(&b);
	ztj_buf_free(&mem);
}

static void test_broker_that_does_not_relay(void **state)
{
	(void)state;
	R->prompted = refuse_post;
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_STEPUP_TRANSPORT);
}

/* ---- P15, P16 ---- */

static void test_P15_target_is_checked_at_open(void **state)
{
	(void)state;
	by_confirm(REQ1, FX_UV);
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_OK);
	fails(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_OK);
	fails(rig_pam(R, OPEN, "sudo", "postgres", ""), ZTJ_WRONG_ACCOUNT);
	fails(rig_pam(R, OPEN, "sudo", "root", ""), ZTJ_OK);
}

static void test_P15_one_sessions_touch_does_not_serve_another(void **state)
{
	struct rig_grant own;
	char *cert;

	(void)state;
	by_confirm(REQ1, FX_UV);
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_OK);
	/* another session of the same person, the same terminal number */
	rig_cert(R, &grant, REQ1, NULL, &cert);
	rig_proc(R, 201, 0, "/", 0);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	free(cert);
	R->prompted = NULL;
	rig_link(R, false);
	rig_proc(R, 520, 20001, RIG_PREFIX "/s2", PTS1);
	fails(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_STEPUP_TRANSPORT);
	/* another person, with a grant that cannot become anybody */
	rig_grant(R, FX_REQ2, "root-shell", 1800, 0, &own);
	rig_cert(R, &own, &R->w.person[FX_REQ2].key, NULL, &cert);
	rig_proc(R, 202, 0, "/", 0);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	rig_proc(R, 530, 0, RIG_PREFIX "/s3", PTS1);
	fails(rig_pam(R, ACCOUNT, "sudo", "root", ""), ZTJ_WRONG_ACCOUNT);
	free(cert);
	rig_grant_free(&own);
}

static void test_P15_touch_of_a_process_ends_after_a_minute(void **state)
{
	static const struct fx_policy every_use = { .version = 2,
		.rules =
		    "rules = ( { name = \"prod-root\"; who = [ \"@sre\" ]; roles = [ \"root-shell\", \"sudo-root\" ]; hosts = { env = \"prod\"; };\n"
		    " max = \"1h\"; request_valid = \"1h\"; approvals = ( { count = 1; from = [ \"@sre-leads\" ]; }, { count = 1; from = [ \"@security\" ]; } );\n"
		    " step_up = [ \"confirm\" ]; freshness = \"15m\"; } );\n" };
	(void)state;
	rig_grant_free(&grant);
	rig_close(R);
	(void)setup_with(&every_use);
	by_confirm(REQ1, FX_UV);
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_OK);
	R->prompted = NULL;
	fails(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_OK);
	rig_sleep(R, ZTJ_PASS_SECONDS + 1);
	rig_link(R, false);
	fails(rig_pam(R, OPEN, "sudo", "root", ""), ZTJ_STEPUP_TRANSPORT);
	rig_link(R, true);
	R->prompted = confirm;
	fails(rig_pam(R, OPEN, "sudo", "root", ""), ZTJ_OK);
	/* used: the next sudo of the same process number wants its own */
	R->prompted = NULL;
	rig_link(R, false);
	fails(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_STEPUP_TRANSPORT);
}

static void test_su_is_judged_by_its_target(void **state)
{
	(void)state;
	by_confirm(REQ1, FX_UV);
	fails(rig_pam(R, AUTH, "su", "postgres", ""), ZTJ_WRONG_ACCOUNT);
	fails(rig_pam(R, AUTH, "su-l", "root", ""), ZTJ_OK);
	R->prompted = NULL;
	fails(rig_pam(R, ACCOUNT, "su-l", "root", ""), ZTJ_OK);
	fails(rig_pam(R, OPEN, "su-l", "root", ""), ZTJ_OK);
}

static void test_P16_root_outside_sessions_is_exempt_for_sudo_and_su_only(void **state)
{
	static const char *const yes[] = { "sudo", "sudo-i", "su", "su-l" };
	static const uint8_t call[] = { AUTH, ACCOUNT, OPEN };

	(void)state;
	rig_proc(R, 600, 0, "/system.slice/cron.service", 0);
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < 3; k++)
			fails(rig_pam(R, call[k], yes[i], "root", ""), ZTJ_OK);
	assert_false(rig_told(R, ZTJ_WARDEN_MAKE)); /* it elevates nothing */
	for (size_t k = 0; k < 3; k++) {
		assert_int_not_equal(rig_pam(R, call[k], "sshd", "root", ""), ZTJ_OK);
		fails(rig_pam(R, call[k], "login", "root", ""), ZTJ_WRONG_SERVICE);
	}
}

static void denied_as_outside(void)
{
	fails(rig_pam(R, AUTH, "sudo", "root", ""), ZTJ_NO_SESSION);
	fails(rig_pam(R, ACCOUNT, "sudo", "root", ""), ZTJ_NO_SESSION);
	fails(rig_pam(R, OPEN, "su", "root", ""), ZTJ_NO_SESSION);
}

static void test_P16_no_exemption_for_a_person(void **state)
{
	(void)state;
	rig_proc(R, 601, 1000, "/system.slice/cron.service",
	    0); /* a setuid program: real uid is the person's */
	denied_as_outside();
	rig_proc(R, 602, 0, "/user.slice/user-1000.slice/session-3.scope",
	    PTS1); /* login, became root some other way */
	denied_as_outside();
	rig_proc(R, 603, 0, "/system.slice/cron.service", 0);
	R->shared->proc.loginuid = 1000; /* left its session's cgroup, not its login uid */
	denied_as_outside();
	rig_proc(R, 604, 0, RIG_PREFIX "/s99", 0); /* some session's process that we do not know */
	denied_as_outside();
	rig_proc(R, 605, 0, RIG_PREFIX, 0);
	denied_as_outside();
	rig_proc(R, 606, 0, RIG_PREFIX "x/s1", 0); /* not below the prefix: nobody's session */
	fails(rig_pam(R, ACCOUNT, "sudo", "root", ""), ZTJ_OK);
	/* root inside a session is that session's person */
	rig_proc(R, 607, 0, IN_S1 "/s2/deeper", PTS1);
	rig_link(R, false);
	fails(rig_pam(R, ACCOUNT, "sudo", "root", ""), ZTJ_STEPUP_TRANSPORT);
}

static void test_revoked_grant_is_refused_and_its_sudo_ends(void **state)
{
	struct fx_signed revoked;

	(void)state;
	by_confirm(REQ1, FX_UV);
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_OK);
	fails(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_OK);
	fails(rig_pam(R, OPEN, "sudo", "root", ""), ZTJ_OK);
	R->ntold = 0;
	fx_revoke_request(&R->w, FX_REQ1, REQ1, &grant.request, &revoked);
	rig_news(R, &revoked);
	assert_true(rig_told(R, ZTJ_WARDEN_KILL));
	assert_int_not_equal(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_OK);
	fx_signed_free(&revoked);
}

/* The session ends while the person looks for the key. */
static void revoke_meanwhile(struct rig *r)
{
	struct fx_signed revoked;

	r->prompted = NULL;
	fx_revoke_request(&r->w, FX_REQ1, REQ1, &grant.request, &revoked);
	rig_news(r, &revoked);
	confirm(r);
	fx_signed_free(&revoked);
}

static void test_revoked_while_waiting_for_the_touch(void **state)
{
	(void)state;
	by_confirm(REQ1, FX_UV);
	R->prompted = revoke_meanwhile;
	fails(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_ENDED);
}

/* A policy that comes while the answer is awaited must not leave anything pointing into the old one. */
static void new_policy_meanwhile(struct rig *r)
{
	static const struct fx_policy newer = { .version = 7 };
	struct fx_signed s;

	r->prompted = NULL;
	fx_policy(&r->w, &newer, &s);
	rig_news(r, &s);
	confirm(r);
	fx_signed_free(&s);
}

static void test_policy_changes_while_waiting(void **state)
{
	(void)state;
	by_confirm(REQ1, FX_UV);
	R->prompted = new_policy_meanwhile;
	assert_int_equal(rig_pam(R, AUTH, "sudo", "req1", ""), ZTJ_OK);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_sudo_by_confirm_then_remembered),
		T(test_P02_account_demands_the_touch_that_auth_skipped),
		T(test_sudo_by_agent),
		T(test_agent_that_cannot_is_followed_by_confirm),
		T(test_agent_refusal_is_final),
		T(test_P14_agent_answers_by_others),
		T(test_P14_replayed_and_foreign_relays),
		T(test_relay_hears_what_became_of_it),
		T(test_import_says_what_became_of_a_step_up),
		T(test_import_says_whether_a_status_is_newer),
		T(test_broker_that_does_not_relay),
		T(test_P15_target_is_checked_at_open),
		T(test_P15_one_sessions_touch_does_not_serve_another),
		T(test_P15_touch_of_a_process_ends_after_a_minute),
		T(test_su_is_judged_by_its_target),
		T(test_P16_root_outside_sessions_is_exempt_for_sudo_and_su_only),
		T(test_P16_no_exemption_for_a_person),
		T(test_revoked_grant_is_refused_and_its_sudo_ends),
		T(test_revoked_while_waiting_for_the_touch),
		T(test_policy_changes_while_waiting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
