/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the tests of libztjit/core share. */
#include "tests/core/support.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "libztjit/core/sshsig.h"

/* ---- software key ---- */

static bool is_ecdsa(enum ztj_key_type t)
{
	return t == ZTJ_KEY_ECDSA || t == ZTJ_KEY_SK_ECDSA;
}

void soft_key_make(struct soft_key *k, enum ztj_key_type type)
{
	size_t len = sizeof(k->pub.pub);

	memset(k, 0, sizeof(*k));
	k->pub.type = type;
	if (is_ecdsa(type)) {
		assert_non_null(k->pair = EVP_EC_gen("P-256"));
		assert_int_equal(EVP_PKEY_get_octet_string_param(k->pair, OSSL_PKEY_PARAM_PUB_KEY, k->pub.pub,
				     len, &len),
		    1);
	} else {
		assert_non_null(k->pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
		assert_int_equal(EVP_PKEY_get_raw_public_key(k->pair, k->pub.pub, &len), 1);
	}
	k->pub.pub_len = len;
	if (ztj_key_is_sk(&k->pub))
		memcpy(k->pub.application, "ssh:test", sizeof("ssh:test"));
}

void soft_key_free(struct soft_key *k)
{
	EVP_PKEY_free(k->pair);
	memset(k, 0, sizeof(*k));
}

void soft_key_sign_raw(const struct soft_key *k, struct ztj_view tbs, struct ztj_buf *raw)
{
	const EVP_MD *md = is_ecdsa(k->pub.type) ? EVP_sha256() : NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[80];
	size_t len = sizeof(sig);

	assert_non_null(ctx);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, k->pair), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, tbs.p, tbs.n), 1);
	EVP_MD_CTX_free(ctx);
	ok(ztj_buf_put(raw, sig, len));
}

/* A plain signature is an sk one without flags and counter, under its own name. */
static void sign_plain(const struct soft_key *k, struct ztj_view msg, struct ztj_buf *sigblob)
{
	struct ztj_key as_sk = k->pub;
	struct ztj_buf raw, blob;
	struct ztj_view v;
	struct ztj_rd rd;

	as_sk.type = is_ecdsa(k->pub.type) ? ZTJ_KEY_SK_ECDSA : ZTJ_KEY_SK_ED25519;
	ztj_buf_init(&raw, 80);
	ztj_buf_init(&blob, 512);
	soft_key_sign_raw(k, msg, &raw);
	ok(ztj_sig_from_assertion(&as_sk, ztj_buf_view(&raw), 0, 0, &blob));
	ztj_rd_init(&rd, ztj_buf_view(&blob));
	ok(ztj_rd_string(&rd, 64, &v));
	ok(ztj_rd_string(&rd, 128, &v));
	ok(ztj_buf_put_cstring(sigblob, ztj_key_type_name(k->pub.type)));
	ok(ztj_buf_put_view(sigblob, v));
	ztj_buf_free(&raw);
	ztj_buf_free(&blob);
}

void soft_key_sign(const struct soft_key *k, struct ztj_view msg, uint8_t flags, uint32_t counter,
    struct ztj_buf *sigblob)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_buf tbs, raw;

	if (!ztj_key_is_sk(&k->pub)) {
		sign_plain(k, msg, sigblob);
		return;
	}
	ztj_buf_init(&tbs, 128);
	ztj_buf_init(&raw, 80);
	ok(ztj_sha256(ztj_view_str(k->pub.application), digest));
	ok(ztj_buf_put(&tbs, digest, sizeof(digest)));
	ok(ztj_buf_put_u8(&tbs, flags));
	ok(ztj_buf_put_u32(&tbs, counter));
	ok(ztj_sha256(msg, digest));
	ok(ztj_buf_put(&tbs, digest, sizeof(digest)));
	soft_key_sign_raw(k, ztj_buf_view(&tbs), &raw);
	ok(ztj_sig_from_assertion(&k->pub, ztj_buf_view(&raw), flags, counter, sigblob));
	ztj_buf_free(&tbs);
	ztj_buf_free(&raw);
}

void soft_key_sshsig(const struct soft_key *k, const char *ns, struct ztj_view msg, uint8_t flags,
    struct ztj_buf *blob)
{
	struct ztj_buf tbs, sig;

	ztj_buf_init(&tbs, 512);
	ztj_buf_init(&sig, 512);
	ok(ztj_sshsig_tbs(ns, msg, &tbs));
	soft_key_sign(k, ztj_buf_view(&tbs), flags, 7, &sig);
	ok(ztj_sshsig_wrap(&k->pub, ns, ztj_buf_view(&sig), blob));
	ztj_buf_free(&tbs);
	ztj_buf_free(&sig);
}

/* ---- certificates ---- */

void good_cert_spec(struct ztj_cert_spec *spec, const struct soft_key *subject)
{
	static const uint8_t bundle[] = "ZTJB1 stands for itself";

	*spec = (struct ztj_cert_spec){
		.subject = subject->pub,
		.nonce = { 1, 2, 3 },
		.serial = 42,
		.key_id = "ztjit R-0123456789 staff/req1",
		.principal = ZTJ_PRINCIPAL_PREFIX "00",
		.valid_after = 1700000000,
		.valid_before = 1700003600,
		.source_address = "192.0.2.0/24,2001:db8::/32",
		.verify_required = true,
		.extensions = ZTJ_EXT_PTY | ZTJ_EXT_AGENT,
		.bundle = ztj_view_of(bundle, sizeof(bundle)),
	};
}

void make_cert(const struct ztj_cert_spec *spec, const struct soft_key *ca, struct ztj_buf *cert)
{
	struct ztj_buf ca_blob, tbs, sig;

	ztj_buf_init(&ca_blob, ZTJ_KEY_BLOB_MAX);
	ztj_buf_init(&tbs, ZTJ_CERT_MAX);
	ztj_buf_init(&sig, 512);
	ok(ztj_key_to_blob(&ca->pub, &ca_blob));
	ok(ztj_cert_tbs(spec, ztj_buf_view(&ca_blob), &tbs));
	soft_key_sign(ca, ztj_buf_view(&tbs), 0, 0, &sig);
	ok(ztj_cert_finish(ztj_buf_view(&tbs), ztj_buf_view(&sig), cert));
	ztj_buf_free(&ca_blob);
	ztj_buf_free(&tbs);
	ztj_buf_free(&sig);
}

/* ---- files and commands ---- */

int shell(const char *line)
{
	const char *const argv[] = { "sh", "-c", line, NULL };
	pid_t pid;
	int status;

	/* posix_spawn leaves the strings alone; its type only cannot say so */
	if (posix_spawnp(&pid, "sh", NULL, NULL, (char *const *)(uintptr_t)argv, environ) != 0)
		return -1;
	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool have_tool(const char *name)
{
	char line[256];
	int len = snprintf(line, sizeof(line), "command -v %s >/dev/null", name);

	return len > 0 && (size_t)len < sizeof(line) && shell(line) == 0;
}

int enter_scratch(void **state)
{
	char path[] = "/tmp/ztjit-test.XXXXXX";

	if (mkdtemp(path) == NULL || chdir(path) != 0)
		return -1;
	*state = strdup(path);
	return *state != NULL ? 0 : -1;
}

int leave_scratch(void **state)
{
	char cmd[256];
	int len = snprintf(cmd, sizeof(cmd), "rm -rf -- '%s'", (const char *)*state);

	free(*state);
	if (len < 0 || (size_t)len >= sizeof(cmd) || chdir("/") != 0)
		return -1;
	return shell(cmd) == 0 ? 0 : -1;
}

void write_file(const char *name, struct ztj_view bytes)
{
	FILE *f;

	(void)unlink(name);
	assert_non_null(f = fopen(name, "wx"));
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	if (bytes.n != 0)
		assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
	assert_int_equal(fclose(f), 0);
}

void read_file(const char *name, struct ztj_buf *out)
{
	FILE *f = fopen(name, "r");
	uint8_t chunk[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		ok(ztj_buf_put(out, chunk, n));
	assert_int_equal(fclose(f), 0);
}

static int __attribute__((format(printf, 1, 0))) run(const char *fmt, va_list ap)
{
	char cmd[2048], line[2200];
	int len = vsnprintf(cmd, sizeof(cmd), fmt, ap);

	assert_in_range(len, 1, sizeof(cmd) - 1);
	len = snprintf(line, sizeof(line), "{ %s\n} >out 2>&1", cmd);
	assert_in_range(len, 1, sizeof(line) - 1);
	return shell(line);
}

int sh(const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = run(fmt, ap);
	va_end(ap);
	return r;
}

void must(const char *fmt, ...)
{
	struct ztj_buf out;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = run(fmt, ap);
	va_end(ap);
	if (r == 0)
		return;
	ztj_buf_init(&out, 65536);
	read_file("out", &out);
	print_error("%s\n", ztj_buf_str(&out));
	fail_msg("command failed with %d: %s", r, fmt);
}

bool output_has(const char *text)
{
	struct ztj_buf out;
	const char *s;
	bool found;

	ztj_buf_init(&out, 1024 * 1024);
	read_file("out", &out);
	s = ztj_buf_str(&out);
	found = s != NULL && strstr(s, text) != NULL;
	if (!found)
		print_error("missing \"%s\" in:\n%s\n", text, s != NULL ? s : "");
	ztj_buf_free(&out);
	return found;
}
