/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Proof files: what a good one says, every bit of it, and what a liar could put into one (A01). */
#include <string.h>

#include "tests/core/proofs.h"

static void refused(struct px *x, int err, const char *text)
{
	struct ztj_proved p;
	struct ztj_buf file;

	px_file(x, &file);
	fails(px_check(x, ztj_buf_view(&file), NULL, &p), err);
	if (strstr(p.text, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, p.text);
	ztj_buf_free(&file);
	px_free(x);
}

/* Another word of lead1, and the leaf speaks of it. */
static void approve_anew(struct px *x, const struct fx_signed *request, bool deny)
{
	fx_signed_free(&x->lead);
	fx_approval(&x->w, FX_LEAD1, request, deny, 0, &x->lead);
	px_speaks(x, PX_LEAD, &x->lead);
}

static void test_a_good_one(void **state)
{
	struct px x;
	struct ztj_proved p;
	struct ztj_buf file, said;
	const char *text;

	(void)state;
	px_init(&x);
	px_file(&x, &file);
	ztj_buf_init(&said, 1 << 20);
	ok(px_check(&x, ztj_buf_view(&file), &said, &p));
	text = ztj_buf_str(&said);
	assert_non_null(
	    strstr(text, "leaf 1, 2026-11-22T09:00:01Z: policy version 1, signed by 2 of the pinned roots"));
	assert_non_null(strstr(text,
	    "directory people, serial 1, signed by its registrars; 3 of its 7 records are here"));
	assert_non_null(strstr(text,
	    "people/req1 asked for root-shell on servers/web1 for 900 s, ticket INC-4711, because: disk full on the web tier"));
	assert_non_null(strstr(text, "people/lead1 approved it (key SHA256:"));
	assert_non_null(strstr(text, "people/sec1 approved it for at most 600 s"));
	assert_non_null(strstr(text, "a certificate was issued to people/req1: serial 42"));
	assert_non_null(strstr(text, "session S-0123456789 of people/req1 as root on servers/web1 began"));
	assert_non_null(strstr(text, "servers/web1 says of itself: account allowed, sshd as root"));
	assert_non_null(strstr(text,
	    "servers/web1 signed the record that the broker files as session S-0123456789 (whole): 4 chunks, 1234 bytes, digest 0900"));
	assert_true(p.certified && p.granted);
	assert_non_null(
	    strstr(p.grant, "rule prod-root, role root-shell; approved by people/lead1, people/sec1"));
	assert_int_equal(p.head.size, PX_LEAVES);
	assert_int_equal(p.others, 0);
	ztj_buf_free(&said);
	ztj_buf_free(&file);
	px_free(&x);
}

/* What witnesses signed goes with it, and is said not to have been looked at. */
static void test_a_witness(void **state)
{
	struct px x;
	struct ztj_proved p;
	struct ztj_buf file;

	(void)state;
	px_init(&x);
	x.cosigned = "\xe2\x80\x94 witness.example AAAAAAAAAAAAAAAA\n";
	px_file(&x, &file);
	ok(px_check(&x, ztj_buf_view(&file), NULL, &p));
	assert_int_equal(p.others, 1);
	ztj_buf_free(&file);
	px_free(&x);
}

/* Not one of them is immaterial. */
static void test_A01_every_bit(void **state)
{
	struct px x;
	struct ztj_proved p;
	struct ztj_buf file;

	(void)state;
	px_init(&x);
	px_file(&x, &file);
	ok(px_check(&x, ztj_buf_view(&file), NULL, &p));
	for (size_t i = 0; i < file.n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			file.p[i] ^= (uint8_t)(1u << bit);
			if (px_check(&x, ztj_buf_view(&file), NULL, &p) == ZTJ_OK)
				fail_msg("bit %u of byte %zu of %zu does not matter", bit, i, file.n);
			file.p[i] ^= (uint8_t)(1u << bit);
		}
	ok(px_check(&x, ztj_buf_view(&file), NULL, &p));
	ztj_buf_free(&file);
	px_free(&x);
}

static void test_A01_cut_off_anywhere(void **state)
{
	struct px x;
	struct ztj_proved p;
	struct ztj_buf file;

	(void)state;
	px_init(&x);
	px_file(&x, &file);
	for (size_t n = 0; n < file.n; n++)
		assert_int_not_equal(px_check(&x, ztj_view_of(file.p, n), NULL, &p), ZTJ_OK);
	ok(ztj_buf_puts(&file, "\n"));
	fails(px_check(&x, ztj_buf_view(&file), NULL, &p), ZTJ_TRAILING);
	ztj_buf_free(&file);
	px_free(&x);
}

/* Parts that are taken out, doubled or exchanged, each with its frame, so that the file is still well-formed here and there. */
static void test_A01_parts(void **state)
{
	struct px x;
	struct ztj_proved p;
	struct ztj_buf file, other;
	size_t start[128], n = 0;

	(void)state;
	px_init(&x);
	px_file(&x, &file);
	for (size_t i = 0; i + 4 < file.n; i++)
		if ((i == 0 || file.p[i - 1] == '\n') && memcmp(file.p + i, "== ", 3) == 0)
			start[n++] = i;
	assert_in_range(n, 30, 128);
	ztj_buf_init(&other, ZTJ_PROOF_FILE_MAX);
	for (size_t i = 0; i + 1 < n; i++) {
		ztj_buf_reset(&other);
		ok(ztj_buf_put(&other, file.p, start[i]));
		ok(ztj_buf_put(&other, file.p + start[i + 1], file.n - start[i + 1]));
		assert_int_not_equal(px_check(&x, ztj_buf_view(&other), NULL, &p), ZTJ_OK);
		ztj_buf_reset(&other);
		ok(ztj_buf_put(&other, file.p, start[i + 1]));
		ok(ztj_buf_put(&other, file.p + start[i], file.n - start[i]));
		assert_int_not_equal(px_check(&x, ztj_buf_view(&other), NULL, &p), ZTJ_OK);
		if (i + 2 >= n)
			continue;
		ztj_buf_reset(&other);
		ok(ztj_buf_put(&other, file.p, start[i]));
		ok(ztj_buf_put(&other, file.p + start[i + 1], start[i + 2] - start[i + 1]));
		ok(ztj_buf_put(&other, file.p + start[i], start[i + 1] - start[i]));
		ok(ztj_buf_put(&other, file.p + start[i + 2], file.n - start[i + 2]));
		assert_int_not_equal(px_check(&x, ztj_buf_view(&other), NULL, &p), ZTJ_OK);
	}
	ztj_buf_free(&other);
	ztj_buf_free(&file);
	px_free(&x);
}

/* --- what a log's own key could sign --- */

static void test_A01_another_request(void **state)
{
	struct px x;

	(void)state;
	px_init(&x);
	x.leaf[PX_OTHER].out = false;
	refused(&x, ZTJ_WRONG_REQUEST, "it is about another request");
	px_init(&x); /* an approval of the other, called one of this */
	approve_anew(&x, &x.other, false);
	refused(&x, ZTJ_WRONG_REQUEST, "it is about another request");
	px_init(&x);
	x.leaf[PX_CERT].e.request = x.other.id;
	refused(&x, ZTJ_WRONG_REQUEST, "it is about another request");
	px_init(&x);
	x.leaf[PX_CLOSED].e.request = x.other.id;
	refused(&x, ZTJ_WRONG_REQUEST, "it is about another request");
	px_init(&x);
	x.leaf[PX_LEAD].e.request = x.other.id;
	refused(&x, ZTJ_WRONG_REQUEST, "it is about another request");
	px_init(&x);
	x.leaf[PX_REQUEST].out = true;
	refused(&x, ZTJ_NOT_FOUND, "the request that the file is about is not in it");
	px_init(&x);
	x.leaf[PX_CERT].e.person = "people/req2";
	refused(&x, ZTJ_WRONG_PERSON, "somebody else");
}

static void test_A01_other_signers(void **state)
{
	struct px x;
	char other[ZTJ_FINGERPRINT_SIZE];

	(void)state;
	px_init(&x);
	ok(ztj_key_fingerprint(&x.w.stranger.pub, other));
	x.leaf[PX_LEAD].keys[0] = other;
	refused(&x, ZTJ_SIGNER, "other keys than those that signed");
	px_init(&x);
	x.leaf[PX_LEAD].e.keys.n = 0;
	refused(&x, ZTJ_SIGNER, "other keys than those that signed");
	px_init(&x); /* as lead1, by req2's key */
	fx_signed_free(&x.lead);
	struct soft_key was = x.w.person[FX_LEAD1].key;
	x.w.person[FX_LEAD1].key = x.w.person[FX_REQ2].key;
	fx_approval(&x.w, FX_LEAD1, &x.request, false, 0, &x.lead);
	x.w.person[FX_LEAD1].key = was;
	px_speaks(&x, PX_LEAD, &x.lead);
	refused(&x, ZTJ_SIGNER, "not signed by a key that the directory has for people/lead1");
	px_init(&x);
	x.leaf[PX_LEAD].e.person = "people/lead2";
	refused(&x, ZTJ_STATE, "another person");
	px_init(&x);
	x.leaf[PX_CLOSED].e.host = "servers/web2";
	refused(&x, ZTJ_STATE, "something else than its host signed");
	px_init(&x);
	fx_signed_free(&x.head);
	struct soft_key machine = x.w.host[FX_WEB1].machine;
	x.w.host[FX_WEB1].machine = x.w.host[FX_WEB2].machine;
	struct ztj_stmt st;
	const struct soft_key *k = &x.w.host[FX_WEB1].machine;
	fx_stmt(&x.w, &st, ZTJ_STMT_HEAD);
	st.u.head.host = "servers/web1";
	st.u.head.digest[0] = 9;
	st.u.head.chunks = 4;
	st.u.head.bytes = 1234;
	st.u.head.state = ZTJ_HEAD_CLOSED;
	fx_stmt_sign(&st, 0, &k, 1, &x.head);
	x.w.host[FX_WEB1].machine = machine;
	px_speaks(&x, PX_CLOSED, &x.head);
	refused(&x, ZTJ_SIGNER, "not signed by the key that the directory has for servers/web1");
}

static void test_A01_refused_and_denied(void **state)
{
	struct px x;
	struct ztj_proved p;
	struct ztj_buf file, said;

	(void)state;
	px_init(&x);
	x.leaf[PX_LEAD].e.outcome = "refused";
	refused(&x, ZTJ_STATE, "it says that this statement was refused");
	px_init(&x);
	x.leaf[PX_CERT].e.outcome = "refused";
	refused(&x, ZTJ_STATE, "it says that this certificate was refused");
	px_init(&x);
	x.leaf[PX_PEOPLE].e.outcome = "pending";
	refused(&x, ZTJ_STATE, "it says that this directory was pending");
	px_init(&x);
	x.leaf[PX_POLICY].e.outcome = "refused";
	refused(&x, ZTJ_STATE, "it says that this policy was refused");
	px_init(&x); /* a denial that the leaf calls an approval */
	approve_anew(&x, &x.request, true);
	refused(&x, ZTJ_STATE, "something else than the approval");
	px_init(&x); /* one that it calls what it is: no certificate was due */
	approve_anew(&x, &x.request, true);
	x.leaf[PX_LEAD].e.decision = "deny";
	px_file(&x, &file);
	ztj_buf_init(&said, 1 << 20);
	ok(px_check(&x, ztj_buf_view(&file), &said, &p));
	assert_non_null(strstr(ztj_buf_str(&said), "people/lead1 denied it: not in the freeze"));
	assert_true(p.certified);
	assert_false(p.granted);
	assert_non_null(strstr(p.grant, "denied"));
	ztj_buf_free(&said);
	ztj_buf_free(&file);
	px_free(&x);
}

static void test_A01_approvals_left_out(void **state)
{
	struct px x;
	struct ztj_proved p;
	struct ztj_buf file;

	(void)state;
	px_init(&x);
	x.leaf[PX_SEC].out = true;
	px_file(&x, &file);
	ok(px_check(&x, ztj_buf_view(&file), NULL, &p));
	assert_true(p.certified && !p.granted);
	assert_non_null(strstr(p.grant, "still missing: 1 of @security"));
	ztj_buf_free(&file);
	px_free(&x);
}

static void test_A01_other_words(void **state)
{
	struct px x;

	(void)state;
	px_init(&x);
	x.leaf[PX_REQUEST].e.role = "sudo-root";
	refused(&x, ZTJ_STATE, "something else than the request");
	px_init(&x);
	x.hosts[0] = "servers/db1";
	refused(&x, ZTJ_STATE, "other hosts than the request");
	px_init(&x);
	x.leaf[PX_SEC].e.duration = 900;
	refused(&x, ZTJ_STATE, "something else than the approval");
	px_init(&x);
	x.leaf[PX_REQUEST].e.statement = x.other.id;
	refused(&x, ZTJ_STATE, "another statement than the one in the file");
	px_init(&x);
	x.leaf[PX_LEAD].e.type = "login";
	refused(&x, ZTJ_STATE, "no place in a proof");
	px_init(&x);
	x.leaf[PX_LEAD].e.type = "revocation";
	refused(&x, ZTJ_SIG_NAMESPACE, "its statement:");
	px_init(&x);
	x.leaf[PX_USED].e.kind = "view";
	refused(&x, ZTJ_STATE, "no place in a proof");
	px_init(&x);
	x.leaf[PX_START].out = false;
	refused(&x, ZTJ_STATE, "no place in a proof");
	px_init(&x);
	x.leaf[PX_POLICY].e.version = 2;
	refused(&x, ZTJ_STATE, "another version of the policy");
	px_init(&x);
	x.leaf[PX_PEOPLE].e.serial = 2;
	refused(&x, ZTJ_STATE, "another directory");
	px_init(&x);
	x.leaf[PX_CLOSED].e.bytes = 99;
	refused(&x, ZTJ_STATE, "something else than its host signed");
	px_init(&x);
	x.leaf[PX_CLOSED].e.outcome = "lost";
	refused(&x, ZTJ_STATE, "something else than its host signed");
	px_init(&x);
	x.leaf[PX_CLOSED].st = NULL;
	refused(&x, ZTJ_STATE, "the statement that it speaks of is missing");
	px_init(&x);
	x.leaf[PX_BEGAN].st = &x.head;
	refused(&x, ZTJ_STATE, "that it does not speak of");
	px_init(&x);
	x.leaf[PX_CLOSED].dir = x.servers;
	refused(&x, ZTJ_STATE, "records of a directory stand behind something else");
	px_init(&x);
	x.leaf[PX_PEOPLE].dir = NULL;
	refused(&x, ZTJ_STATE, "a directory without a record");
	px_init(&x); /* records of another directory */
	x.leaf[PX_PEOPLE].dir = x.servers;
	refused(&x, ZTJ_DIR_ROOT, "does not stand in the directory");
}

static void test_A01_another_log(void **state)
{
	struct px x;

	(void)state;
	px_init(&x);
	x.log = &x.w.tls;
	refused(&x, ZTJ_SIGNER, "not signed by a log key of policy version 1");
	px_init(&x);
	x.domain = "elsewhere";
	refused(&x, ZTJ_DOMAIN, "the checkpoint:");
	px_init(&x);
	memcpy(x.w.pins.domain, "elsewhere", sizeof("elsewhere"));
	refused(&x, ZTJ_DOMAIN, "the checkpoint:");
}

/* What the policy demands of witnesses it demands of a proof. */
static void test_witnesses(void **state)
{
	struct ztj_note_key key[2];
	struct ztj_seckey sk[2];
	struct ztj_buf vkey, broker, file;
	struct ztj_proved p;
	struct px x;

	(void)state;
	ztj_buf_init(&broker, 4096);
	ok(ztj_buf_puts(&broker, "witnesses = ( "));
	for (uint8_t i = 0; i < 2; i++) {
		uint8_t seed[32] = { (uint8_t)(50 + i) };

		ok(ztj_seckey_from_seed(&sk[i], seed));
		ok(ztj_note_key_typed(ZTJ_NOTE_COSIGNATURE, i == 0 ? "w.a" : "w.b", &sk[i].pub, &key[i]));
		ztj_buf_init(&vkey, 1024);
		ok(ztj_note_vkey(&key[i], &vkey));
		ok(ztj_buf_printf(&broker, "{ key = \"%s\"; url = \"https://w%d\"; }%s", ztj_buf_str(&vkey),
		    i, i == 0 ? ", " : " ); "));
		ztj_buf_free(&vkey);
	}
	ok(ztj_buf_puts(&broker, "witness_quorum = 1; witness_max_age = \"1m\";\n"));
	px_init_with(&x, ztj_buf_str(&broker));
	refused(&x, ZTJ_NOT_COSIGNED, "cosigned by 0 of 1 witnesses of policy version 1; missing: w.a, w.b");
	px_init_with(&x, ztj_buf_str(&broker));
	x.witness = &key[1];
	x.witness_key = &sk[1];
	x.spoilt = true;
	refused(&x, ZTJ_BAD_SIGNATURE, "a cosignature of the checkpoint");
	px_init_with(&x, ztj_buf_str(&broker));
	x.witness = &key[1];
	x.witness_key = &sk[1];
	px_file(&x, &file);
	ok(px_check(&x, ztj_buf_view(&file), NULL, &p));
	assert_int_equal(p.cosigned, 1);
	assert_int_equal(p.others, 0);
	ztj_buf_free(&file);
	px_free(&x);
	/* where nobody is demanded they are others */
	px_init(&x);
	x.witness = &key[1];
	x.witness_key = &sk[1];
	px_file(&x, &file);
	ok(px_check(&x, ztj_buf_view(&file), NULL, &p));
	assert_int_equal(p.cosigned, 0);
	assert_int_equal(p.others, 1);
	ztj_buf_free(&file);
	px_free(&x);
	ztj_buf_free(&broker);
}

static void test_A01_roots_and_registrars(void **state)
{
	struct px x;
	bool changed;

	(void)state;
	px_init(&x);
	x.w.pins.threshold = 3;
	refused(&x, ZTJ_THRESHOLD, "too few of the pinned roots");
	px_init(&x);
	x.w.pins.root[0] = x.w.stranger.pub;
	refused(&x, ZTJ_THRESHOLD, "too few of the pinned roots");
	px_init(&x);
	x.w.pins.has_floor = true;
	x.w.pins.floor_version = 2;
	refused(&x, ZTJ_POLICY_ROLLBACK, "older than the one pinned");
	px_init(&x);
	x.w.pins.has_floor = true;
	x.w.pins.floor_version = 1;
	refused(&x, ZTJ_POLICY_ROLLBACK, "or another");
	px_init(&x);
	x.leaf[PX_POLICY].out = true;
	refused(&x, ZTJ_NOT_FOUND, "there is no policy");
	px_init(&x); /* people by the registrar of servers */
	fx_signed_free(&x.w.people);
	fx_directory(&x.w, x.people, 1, NULL, &x.w.registrar[1], &x.w.people);
	px_speaks(&x, PX_PEOPLE, &x.w.people);
	refused(&x, ZTJ_THRESHOLD, "too few registrars of directory people");
	px_init(&x);
	x.leaf[PX_PEOPLE].out = true;
	refused(&x, ZTJ_USER_UNKNOWN, "no directory in the file says which keys people/req1 has");
	px_init(&x); /* one that came later says nothing of then */
	x.leaf[PX_PEOPLE].out = true;
	x.leaf[PX_AFTER] = x.leaf[PX_PEOPLE];
	x.leaf[PX_AFTER].out = false;
	x.leaf[PX_AFTER].e.time = FX_NOW + PX_AFTER;
	ztj_buf_init(&x.leaf[PX_AFTER].bytes, ZTJ_ENTRY_MAX);
	refused(&x, ZTJ_USER_UNKNOWN, "no directory in the file says which keys people/req1 has");
	px_init(&x);
	x.leaf[PX_SERVERS].out = true;
	refused(&x, ZTJ_HOST_UNKNOWN, "no directory in the file says which key servers/web1 has");
	px_init(&x); /* its signer had seen a newer directory than is shown */
	fx_signed_free(&x.request);
	struct fx_signed later;
	uint8_t before[ZTJ_DIGEST_LEN];
	memcpy(before, x.w.people.id, sizeof(before));
	fx_directory(&x.w, x.people, 2, before, &x.w.registrar[0], &later);
	ok(fx_offer(&x.w, x.people, &later, x.w.now, &changed));
	fx_request(&x.w, FX_REQ1, "root-shell", FX_WEB1, 900, &x.request);
	px_speaks(&x, PX_REQUEST, &x.request);
	approve_anew(&x, &x.request, false);
	fx_signed_free(&later);
	refused(&x, ZTJ_SEEN_AHEAD, "its signer had seen directory people with serial 2, the file has 1");
}

/* A revocation belongs to it, by whoever may say one. */
static void test_revocations(void **state)
{
	struct px x;
	struct ztj_proved p;
	struct ztj_buf file, said;

	(void)state;
	for (int i = 0; i < 3; i++) {
		px_init(&x);
		fx_signed_free(&x.head);
		fx_revoke_request(&x.w, i == 0 ? FX_LEAD1 : -1,
		    i == 0       ? &x.w.person[FX_LEAD1].key
			: i == 1 ? &x.w.registrar[0]
				 : &x.w.stranger,
		    &x.request, &x.head);
		x.leaf[PX_CLOSED].e = (struct ztj_event){ .time = FX_NOW + 20,
			.kind = "statement",
			.outcome = "accepted",
			.type = "revocation",
			.request = x.request.id,
			.person = i == 0 ? "people/lead1" : NULL };
		px_speaks(&x, PX_CLOSED, &x.head);
		if (i == 2) {
			refused(&x, ZTJ_SIGNER, "a key that the policy names for nothing");
			break;
		}
		px_file(&x, &file);
		ztj_buf_init(&said, 1 << 20);
		ok(px_check(&x, ztj_buf_view(&file), &said, &p));
		assert_non_null(strstr(ztj_buf_str(&said),
		    i == 0 ? "people/lead1 revoked it: no longer needed"
			   : "a key that the policy names revoked it"));
		assert_true(p.granted); /* it came after the certificate */
		ztj_buf_free(&said);
		ztj_buf_free(&file);
		px_free(&x);
	}
}

/* --- inclusion proofs as text --- */

static void test_tlog_proof_text(void **state)
{
	static const char *const bad[] = { "", "index 0", "index 00\n", "index -1\n", "index 1 \n", "index\n",
		"Index 1\n", "index 9007199254740992\n", "index 1\n\n", "index 1\nAAAA\n",
		"index 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n", "index 1\nAAAA", "index 0x1\n" };
	static const char good[] =
	    "c2sp.org/tlog-proof@v1\nindex 3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nnote";
	struct ztj_inclusion in;
	struct ztj_buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(ztj_path_read(ztj_view_str(bad[i]), &in), ZTJ_OK);
	ok(ztj_path_read(ztj_view_str("index 0\n"), &in));
	assert_int_equal(in.len, 0);
	ok(ztj_inclusion_read(ztj_view_str(good), &in));
	assert_true(in.index == 3 && in.len == 1 && ztj_view_eq_str(in.checkpoint, "note"));
	ztj_buf_init(&b, 4096);
	ok(ztj_inclusion_write(&in, &b));
	assert_string_equal(ztj_buf_str(&b), good);
	ztj_buf_free(&b);
	fails(ztj_inclusion_read(ztj_view_str("c2sp.org/tlog-proof@v1\nextra YQ==\nindex 3\n\nnote"), &in),
	    ZTJ_BAD_ENCODING);
	fails(ztj_inclusion_read(ztj_view_str("c2sp.org/tlog-proof@v2\nindex 3\n\nnote"), &in), ZTJ_VERSION);
	fails(ztj_inclusion_read(ztj_view_str("c2sp.org/tlog-proof@v1\nindex 3\n"), &in), ZTJ_BAD_ENCODING);
	ztj_buf_init(&b, 1 << 16);
	ok(ztj_buf_puts(&b, "index 1\n"));
	for (int i = 0; i <= ZTJ_PROOF_MAX; i++)
		ok(ztj_buf_puts(&b, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"));
	fails(ztj_path_read(ztj_buf_view(&b), &in), ZTJ_LIMIT);
	ztj_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_good_one),
		cmocka_unit_test(test_a_witness),
		cmocka_unit_test(test_A01_every_bit),
		cmocka_unit_test(test_A01_cut_off_anywhere),
		cmocka_unit_test(test_A01_parts),
		cmocka_unit_test(test_A01_another_request),
		cmocka_unit_test(test_A01_other_signers),
		cmocka_unit_test(test_A01_refused_and_denied),
		cmocka_unit_test(test_A01_approvals_left_out),
		cmocka_unit_test(test_A01_other_words),
		cmocka_unit_test(test_A01_another_log),
		cmocka_unit_test(test_witnesses),
		cmocka_unit_test(test_A01_roots_and_registrars),
		cmocka_unit_test(test_revocations),
		cmocka_unit_test(test_tlog_proof_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
