/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Interoperability with the installed OpenSSH tools, both ways: key files,
 * SSHSIG, certificates and ssh-agent. Needs neither network nor root.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libztjit/core/agentmsg.h"
#include "libztjit/core/keyfile.h"
#include "libztjit/core/sshsig.h"
#include "tests/core/support.h"

#define NS "request@ztjit"

static const struct ztj_view msg = { (const uint8_t *)"a statement\n", 12 };
static const enum ztj_key_type signers[] = { ZTJ_KEY_ED25519, ZTJ_KEY_SK_ED25519, ZTJ_KEY_SK_ECDSA };
#define SIGNERS (sizeof(signers) / sizeof(signers[0]))

static void load_pub(const char *name, struct ztj_key *k)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 4096);
	read_file(name, &b);
	ok(ztj_key_from_line(k, ztj_buf_view(&b)));
	ztj_buf_free(&b);
}

static void write_pub(const char *name, const struct ztj_key *k)
{
	char text[ZTJ_KEY_TEXT_SIZE];

	ok(ztj_key_to_text(k, text));
	write_file(name, ztj_view_str(text));
}

static void write_keyfile(const char *name, const struct ztj_keyfile *kf)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 8192);
	ok(ztj_keyfile_format(kf, 0xdecade, &b));
	write_file(name, ztj_buf_view(&b));
	ztj_buf_free(&b);
}

/* ---- key files ---- */

static void test_key_file_of_ssh_keygen_parses(void **state)
{
	struct ztj_keyfile kf;
	struct ztj_key k;
	struct ztj_buf b;

	(void)state;
	must("ssh-keygen -q -t ed25519 -N '' -C 'a comment' -f ed");
	must("ssh-keygen -q -t ed25519 -N secret -f locked");
	load_pub("ed.pub", &k);
	ztj_buf_init(&b, 8192);
	read_file("ed", &b);
	ok(ztj_keyfile_parse(&kf, ztj_buf_view(&b)));
	assert_true(ztj_key_equal(&kf.pub, &k));
	assert_string_equal(kf.comment, "a comment");
	ztj_buf_reset(&b);
	read_file("locked", &b);
	fails(ztj_keyfile_parse(&kf, ztj_buf_view(&b)), ZTJ_ENCRYPTED_KEY);
	ztj_buf_free(&b);
}

static void test_key_file_of_ours_in_ssh_keygen(void **state)
{
	char text[ZTJ_KEY_TEXT_SIZE], fp[ZTJ_FINGERPRINT_SIZE];

	(void)state;
	for (size_t t = 0; t < SIGNERS; t++) {
		struct ztj_keyfile kf = { .comment = "made by ztjit" };
		struct soft_key k;
		struct ztj_seckey sk;

		soft_key_make(&k, signers[t]);
		memset(kf.seed, 0x77, sizeof(kf.seed));
		ok(ztj_seckey_from_seed(&sk, kf.seed));
		kf.pub = ztj_key_is_sk(&k.pub) ? k.pub : sk.pub;
		if (ztj_key_is_sk(&kf.pub)) {
			memset(kf.seed, 0, sizeof(kf.seed));
			kf.sk_flags = ZTJ_SK_FLAG_UP;
			kf.handle_len = 48;
		}
		write_keyfile("ours", &kf);
		ok(ztj_key_to_text(&kf.pub, text));
		ok(ztj_key_fingerprint(&kf.pub, fp));
		must("ssh-keygen -y -P '' -f ours </dev/null");
		assert_true(output_has(text));
		must("ssh-keygen -l -f ours");
		assert_true(output_has(fp));
		assert_true(output_has("made by ztjit"));
		soft_key_free(&k);
	}
}

/* ---- SSHSIG ---- */

static void test_signature_of_ssh_keygen_verifies(void **state)
{
	struct ztj_buf text, blob;
	struct ztj_signer who;
	struct ztj_key k;

	(void)state;
	must("ssh-keygen -q -t ed25519 -N '' -f signer");
	load_pub("signer.pub", &k);
	write_file("msg", msg);
	must("ssh-keygen -Y sign -f signer -n %s msg", NS);
	ztj_buf_init(&text, 8192);
	ztj_buf_init(&blob, ZTJ_SSHSIG_MAX);
	read_file("msg.sig", &text);
	ok(ztj_sshsig_dearmor(ztj_buf_view(&text), &blob));
	ok(ztj_sshsig_verify(ztj_buf_view(&blob), NS, msg, &who));
	assert_true(ztj_key_equal(&who.key, &k));
	fails(ztj_sshsig_verify(ztj_buf_view(&blob), "approval@ztjit", msg, &who), ZTJ_SIG_NAMESPACE);
	ztj_buf_free(&text);
	ztj_buf_free(&blob);
}

static void test_armour_is_the_same_as_ssh_keygens(void **state)
{
	struct ztj_buf text, blob, again;

	(void)state;
	ztj_buf_init(&text, 8192);
	ztj_buf_init(&again, 8192);
	ztj_buf_init(&blob, ZTJ_SSHSIG_MAX);
	must("ssh-keygen -q -t ed25519 -N '' -f arm");
	write_file("armed", msg);
	must("ssh-keygen -Y sign -f arm -n x armed");
	read_file("armed.sig", &text);
	ok(ztj_sshsig_dearmor(ztj_buf_view(&text), &blob));
	ok(ztj_sshsig_armor(ztj_buf_view(&blob), &again));
	assert_true(ztj_view_eq(ztj_buf_view(&text), ztj_buf_view(&again)));
	ztj_buf_free(&text);
	ztj_buf_free(&blob);
	ztj_buf_free(&again);
}

static void test_our_signatures_verify_in_ssh_keygen(void **state)
{
	(void)state;
	write_file("msg", msg);
	for (size_t t = 0; t < SIGNERS; t++) {
		char text[ZTJ_KEY_TEXT_SIZE];
		struct ztj_buf blob, armor, allowed;
		struct soft_key k;

		soft_key_make(&k, signers[t]);
		ztj_buf_init(&blob, ZTJ_SSHSIG_MAX);
		ztj_buf_init(&armor, 8192);
		ztj_buf_init(&allowed, 2048);
		soft_key_sshsig(&k, NS, msg, 5, &blob);
		ok(ztj_sshsig_armor(ztj_buf_view(&blob), &armor));
		ok(ztj_key_to_text(&k.pub, text));
		ok(ztj_buf_printf(&allowed, "req1 namespaces=\"%s\" %s\n", NS, text));
		write_file("sig", ztj_buf_view(&armor));
		write_file("allowed", ztj_buf_view(&allowed));
		must("ssh-keygen -Y verify -f allowed -I req1 -n %s -s sig <msg", NS);
		assert_true(output_has("Good \"" NS "\" signature for req1"));
		assert_int_not_equal(sh("ssh-keygen -Y verify -f allowed -I req1 -n file -s sig <msg"), 0);
		assert_int_not_equal(sh("echo x | ssh-keygen -Y verify -f allowed -I req1 -n %s -s sig", NS),
		    0);
		ztj_buf_free(&blob);
		ztj_buf_free(&armor);
		ztj_buf_free(&allowed);
		soft_key_free(&k);
	}
}

static void test_our_machine_key_signature_verifies_in_ssh_keygen(void **state)
{
	uint8_t seed[32] = { 3 };
	struct ztj_buf blob, armor;
	struct ztj_seckey sk;

	(void)state;
	ok(ztj_seckey_from_seed(&sk, seed));
	ztj_buf_init(&blob, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&armor, 8192);
	ok(ztj_sshsig_sign(&sk, NS, msg, &blob));
	ok(ztj_sshsig_armor(ztj_buf_view(&blob), &armor));
	write_file("sig", ztj_buf_view(&armor));
	write_file("msg", msg);
	must("ssh-keygen -Y check-novalidate -n %s -s sig <msg", NS);
	ztj_buf_free(&blob);
	ztj_buf_free(&armor);
}

/* ---- certificates ---- */

static void test_our_certificates_print_in_ssh_keygen(void **state)
{
	static const enum ztj_key_type cas[] = { ZTJ_KEY_ED25519, ZTJ_KEY_ECDSA };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct soft_key subject, ca;
		struct ztj_cert_spec spec;
		struct ztj_buf cert, line;
		char fp[ZTJ_FINGERPRINT_SIZE];

		soft_key_make(&subject, signers[1 + i % 2]);
		soft_key_make(&ca, cas[i / 2]);
		good_cert_spec(&spec, &subject);
		ztj_buf_init(&cert, ZTJ_CERT_MAX);
		ztj_buf_init(&line, 2 * ZTJ_CERT_MAX);
		make_cert(&spec, &ca, &cert);
		ok(ztj_cert_line(ztj_buf_view(&cert), "c", &line));
		write_file("ours-cert.pub", ztj_buf_view(&line));
		must("TZ=UTC ssh-keygen -L -f ours-cert.pub");
		assert_true(output_has("user certificate"));
		assert_true(output_has("Key ID: \"ztjit R-0123456789 staff/req1\""));
		assert_true(output_has("Serial: 42"));
		assert_true(output_has("Valid: from 2023-11-14T22:13:20 to 2023-11-14T23:13:20"));
		assert_true(output_has("ztjit-grant-00"));
		assert_true(output_has("source-address 192.0.2.0/24,2001:db8::/32"));
		assert_true(output_has("verify-required"));
		assert_true(output_has("permit-agent-forwarding"));
		assert_true(output_has("permit-pty"));
		assert_true(output_has("bundle@ztjit UNKNOWN OPTION"));
		ok(ztj_key_fingerprint(&ca.pub, fp));
		assert_true(output_has(fp));
		ok(ztj_key_fingerprint(&subject.pub, fp));
		assert_true(output_has(fp));
		ztj_buf_free(&cert);
		ztj_buf_free(&line);
		soft_key_free(&subject);
		soft_key_free(&ca);
	}
}

/* Reads the certificate that ssh-keygen left beside subject.pub. */
static int parse_made(struct ztj_cert *c, struct ztj_buf *blob)
{
	struct ztj_view text, b64;
	struct ztj_buf line;
	const uint8_t *sp;

	ztj_buf_init(&line, 2 * ZTJ_CERT_MAX);
	ztj_buf_init(blob, ZTJ_CERT_MAX);
	read_file("subject-cert.pub", &line);
	text = ztj_buf_view(&line);
	assert_non_null(sp = memchr(text.p, ' ', text.n));
	b64 = ztj_view_of(sp + 1, text.n - (size_t)(sp + 1 - text.p));
	for (size_t n = 0; n < b64.n; n++)
		if (b64.p[n] == ' ' || b64.p[n] == '\n')
			b64.n = n;
	ok(ztj_b64_decode(b64, blob));
	ztj_buf_free(&line);
	return ztj_cert_parse(c, ztj_buf_view(blob));
}

static int make_and_parse(const char *options)
{
	struct ztj_cert c;
	struct ztj_buf blob;
	int r;

	must("rm -f subject-cert.pub; ssh-keygen -q -s ca -I id %s subject.pub", options);
	r = parse_made(&c, &blob);
	ztj_buf_free(&blob);
	return r;
}

static void test_certificates_of_ssh_keygen_parse(void **state)
{
	(void)state;
	must("ssh-keygen -q -t ed25519 -N '' -f ed-ca; ssh-keygen -q -t ecdsa -N '' -f ec-ca");
	for (size_t i = 0; i < 4; i++) {
		struct soft_key subject;
		struct ztj_cert c;
		struct ztj_buf blob;
		struct ztj_key ca;

		soft_key_make(&subject, signers[1 + i % 2]);
		write_pub("subject.pub", &subject.pub);
		must("ssh-keygen -q -s %s -I 'the id' -n grant -z 7 -V 20230101000000Z:20230101010000Z "
		     "-O source-address=192.0.2.0/24 -O verify-required -O extension:bundle@ztjit=BUNDLE "
		     "-O no-x11-forwarding subject.pub",
		    i < 2 ? "ed-ca" : "ec-ca");
		ok(parse_made(&c, &blob));
		assert_string_equal(c.key_id, "the id");
		assert_string_equal(c.principal, "grant");
		assert_string_equal(c.source_address, "192.0.2.0/24");
		assert_true(c.verify_required && c.serial == 7);
		assert_true(c.valid_after == 1672531200 && c.valid_before == 1672534800);
		assert_int_equal(c.extensions, ZTJ_EXT_AGENT | ZTJ_EXT_PORT | ZTJ_EXT_PTY | ZTJ_EXT_USER_RC);
		assert_true(ztj_view_eq_str(c.bundle, "BUNDLE"));
		assert_true(ztj_key_equal(&c.subject, &subject.pub));
		load_pub(i < 2 ? "ed-ca.pub" : "ec-ca.pub", &ca);
		ok(ztj_cert_verify(&c, &ca));
		ztj_buf_free(&blob);
		soft_key_free(&subject);
	}
}

static void test_C01_C04_certificates_of_ssh_keygen_refused(void **state)
{
	struct soft_key subject;

	(void)state;
	must("ssh-keygen -q -t ed25519 -N '' -f ca");
	soft_key_make(&subject, ZTJ_KEY_SK_ED25519);
	write_pub("subject.pub", &subject.pub);
	ok(make_and_parse("-n grant -V +1h"));
	fails(make_and_parse("-V +1h"), ZTJ_CERT_KIND); /* no principal */
	fails(make_and_parse("-n grant,root -V +1h"), ZTJ_CERT_KIND);
	fails(make_and_parse("-n grant"), ZTJ_CERT_KIND); /* for ever */
	fails(make_and_parse("-h -n grant -V +1h"), ZTJ_CERT_KIND);
	fails(make_and_parse("-n grant -V +1h -O force-command=id"), ZTJ_CERT_KIND);
	fails(make_and_parse("-n grant -V +1h -O critical:x@example.org=y"), ZTJ_CERT_KIND);
	fails(make_and_parse("-n grant -V +1h -O no-touch-required"), ZTJ_CERT_KIND);
	soft_key_free(&subject);
	soft_key_make(&subject, ZTJ_KEY_ED25519);
	write_pub("subject.pub", &subject.pub);
	fails(make_and_parse("-n grant -V +1h"), ZTJ_CERT_KIND); /* a plain key */
	soft_key_free(&subject);
}

/* ---- ssh-agent ---- */

static int agent_connect(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "agent.sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void read_all(int fd, uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t got = read(fd, p, n);

		assert_true(got > 0);
		p += got;
		n -= (size_t)got;
	}
}

/* Sends the request and replaces it with the answer. */
static void agent_ask(struct ztj_buf *b)
{
	uint8_t answer[8192], len[4];
	struct ztj_buf framed;
	struct ztj_rd rd;
	uint32_t n;
	int fd = agent_connect();

	ztj_buf_init(&framed, 8192);
	ok(ztj_buf_put_view(&framed, ztj_buf_view(b)));
	assert_int_equal(write(fd, framed.p, framed.n), framed.n);
	read_all(fd, len, sizeof(len));
	ztj_rd_init(&rd, ztj_view_of(len, sizeof(len)));
	ok(ztj_rd_u32(&rd, &n));
	assert_in_range(n, 1, sizeof(answer));
	read_all(fd, answer, n);
	close(fd);
	ztj_buf_reset(b);
	ok(ztj_buf_put(b, answer, n));
	ztj_buf_free(&framed);
}

static int take_identity(struct ztj_view blob, struct ztj_view comment, void *arg)
{
	assert_true(ztj_view_eq_str(comment, "in agent"));
	return ztj_key_from_blob(arg, blob);
}

static pid_t agent_start(void)
{
	struct ztj_buf out;
	const char *at;
	pid_t pid;

	must("ssh-agent -s -a agent.sock");
	ztj_buf_init(&out, 4096);
	read_file("out", &out);
	assert_non_null(at = strstr(ztj_buf_str(&out), "SSH_AGENT_PID="));
	pid = (pid_t)strtol(at + strlen("SSH_AGENT_PID="), NULL, 10);
	assert_true(pid > 1);
	ztj_buf_free(&out);
	return pid;
}

static void ask_agent_to_sign(const struct ztj_key *k)
{
	struct ztj_key listed = { .type = ZTJ_KEY_NONE };
	struct ztj_buf b, blob, sigbuf;
	struct ztj_signer who;
	struct ztj_view sig;

	ztj_buf_init(&b, 8192);
	ztj_buf_init(&blob, 512);
	ztj_buf_init(&sigbuf, ZTJ_SSHSIG_MAX);
	ok(ztj_agent_req_identities(&b));
	agent_ask(&b);
	ok(ztj_agent_parse_identities(ztj_buf_view(&b), take_identity, &listed));
	assert_true(ztj_key_equal(&listed, k));
	ok(ztj_key_to_blob(k, &blob));
	ok(ztj_sshsig_tbs(NS, msg, &sigbuf));
	ztj_buf_reset(&b);
	ok(ztj_agent_req_sign(ztj_buf_view(&blob), ztj_buf_view(&sigbuf), 0, &b));
	agent_ask(&b);
	ok(ztj_agent_parse_signature(ztj_buf_view(&b), &sig));
	ztj_buf_reset(&sigbuf);
	ok(ztj_sshsig_wrap(k, NS, sig, &sigbuf));
	ok(ztj_sshsig_verify(ztj_buf_view(&sigbuf), NS, msg, &who));
	ztj_buf_reset(&b);
	ok(ztj_agent_req_sign(ztj_view_str("no such key"), msg, 0, &b));
	agent_ask(&b);
	fails(ztj_agent_parse_signature(ztj_buf_view(&b), &sig), ZTJ_DEVICE_REFUSED);
	ztj_buf_free(&b);
	ztj_buf_free(&blob);
	ztj_buf_free(&sigbuf);
}

static int agent_stop(void **state)
{
	pid_t *agent = *state;

	return agent == NULL || kill(*agent, SIGTERM) == 0 ? 0 : -1;
}

static void test_agent_signs_for_us(void **state)
{
	static pid_t agent;
	struct ztj_key k;

	*state = NULL;
	must("ssh-keygen -q -t ed25519 -N '' -C 'in agent' -f inagent");
	load_pub("inagent.pub", &k);
	agent = agent_start();
	*state = &agent;
	must("SSH_AUTH_SOCK=agent.sock ssh-add -q inagent");
	ask_agent_to_sign(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_file_of_ssh_keygen_parses),
		cmocka_unit_test(test_key_file_of_ours_in_ssh_keygen),
		cmocka_unit_test(test_signature_of_ssh_keygen_verifies),
		cmocka_unit_test(test_armour_is_the_same_as_ssh_keygens),
		cmocka_unit_test(test_our_signatures_verify_in_ssh_keygen),
		cmocka_unit_test(test_our_machine_key_signature_verifies_in_ssh_keygen),
		cmocka_unit_test(test_our_certificates_print_in_ssh_keygen),
		cmocka_unit_test(test_certificates_of_ssh_keygen_parse),
		cmocka_unit_test(test_C01_C04_certificates_of_ssh_keygen_refused),
		cmocka_unit_test_teardown(test_agent_signs_for_us, agent_stop),
	};

	if (!have_tool("ssh-keygen") || !have_tool("ssh-agent") || !have_tool("ssh-add")) {
		(void)fputs("skipped: the OpenSSH client tools are not installed\n", stderr);
		return 77;
	}
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
