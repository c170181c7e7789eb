/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Writes seeds for the fuzzers of libztjit/core, from software keys made for the
 * purpose, below the directory named on the command line.
 * Called by tests/fuzz/make-corpus.sh.
 */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/agentmsg.h"
#include "libztjit/core/armor.h"
#include "libztjit/core/keyfile.h"
#include "libztjit/core/sshsig.h"
#include "tests/core/support.h"

#define NS "request@ztjit"

static const struct ztj_view msg = { (const uint8_t *)"a statement\n", 12 };
static const char *top;

static const struct {
	enum ztj_key_type type;
	const char *name;
} kinds[] = { { ZTJ_KEY_ED25519, "ed25519" }, { ZTJ_KEY_ECDSA, "ecdsa" },
	{ ZTJ_KEY_SK_ED25519, "sk-ed25519" }, { ZTJ_KEY_SK_ECDSA, "sk-ecdsa" } };

static void seed(const char *dir, const char *kind, const char *suffix, struct ztj_buf *b)
{
	char path[1024];
	int n = snprintf(path, sizeof(path), "%s/%s/%s%s", top, dir, kind, suffix);

	assert_in_range(n, 1, sizeof(path) - 1);
	ok(ztj_buf_status(b));
	write_file(path, ztj_buf_view(b));
	ztj_buf_reset(b);
}

static void key_seeds(const struct soft_key *k, const char *kind)
{
	char text[ZTJ_KEY_TEXT_SIZE];
	struct ztj_buf b, key, sig;

	ztj_buf_init(&b, 4096);
	ztj_buf_init(&key, 512);
	ztj_buf_init(&sig, 512);
	ok(ztj_key_to_blob(&k->pub, &key));
	ok(ztj_buf_put(&b, key.p, key.n));
	seed("key", kind, ".blob", &b);
	ok(ztj_key_to_text(&k->pub, text));
	ok(ztj_buf_puts(&b, text));
	seed("key", kind, ".text", &b);
	ok(ztj_buf_printf(&b, "%s a comment\n", text));
	seed("key", kind, ".line", &b);
	soft_key_sign(k, msg, 5, 9, &sig);
	ok(ztj_buf_put_view(&b, ztj_buf_view(&key)));
	ok(ztj_buf_put_view(&b, ztj_buf_view(&sig)));
	ok(ztj_buf_put(&b, msg.p, msg.n));
	seed("key", kind, ".signed", &b);
	ztj_buf_free(&b);
	ztj_buf_free(&key);
	ztj_buf_free(&sig);
}

static void sshsig_seeds(const struct soft_key *k, const char *kind)
{
	struct ztj_buf blob, text;

	ztj_buf_init(&blob, 4096);
	ztj_buf_init(&text, 4096);
	soft_key_sshsig(k, NS, msg, 1, &blob);
	ok(ztj_sshsig_armor(ztj_buf_view(&blob), &text));
	seed("sshsig", kind, ".blob", &blob);
	seed("sshsig", kind, ".armor", &text);
	ztj_buf_free(&blob);
	ztj_buf_free(&text);
}

static void keyfile_seeds(const struct soft_key *k, const char *kind)
{
	struct ztj_keyfile kf = { .pub = k->pub, .comment = "seed", .sk_flags = 1, .handle_len = 32 };
	struct ztj_buf blob, text;

	ztj_buf_init(&blob, 4096);
	ztj_buf_init(&text, 8192);
	ok(ztj_keyfile_format(&kf, 1, &text));
	ok(ztj_armor_get("OPENSSH PRIVATE KEY", ztj_buf_view(&text), 4096, &blob));
	seed("keyfile", kind, ".text", &text);
	seed("keyfile", kind, ".blob", &blob);
	ztj_buf_free(&blob);
	ztj_buf_free(&text);
}

static void cert_seeds(const struct soft_key *subject, const struct soft_key *ca, const char *kind)
{
	struct ztj_cert_spec spec;
	struct ztj_buf cert;

	ztj_buf_init(&cert, ZTJ_CERT_MAX);
	good_cert_spec(&spec, subject);
	make_cert(&spec, ca, &cert);
	seed("cert", kind, ".full", &cert);
	spec.bundle.n = 0;
	spec.source_address = NULL;
	spec.verify_required = false;
	spec.extensions = 31;
	make_cert(&spec, ca, &cert);
	seed("cert", kind, ".plain", &cert);
	ztj_buf_free(&cert);
}

static void agent_seeds(const struct soft_key *host, const char *kind)
{
	struct ztj_buf key, sig, body, b;

	ztj_buf_init(&key, 512);
	ztj_buf_init(&sig, 512);
	ztj_buf_init(&body, 4096);
	ztj_buf_init(&b, 4096);
	ok(ztj_key_to_blob(&host->pub, &key));
	soft_key_sign(host, ztj_view_str("session"), 1, 1, &sig);
	ok(ztj_buf_put_view(&body, ztj_buf_view(&key)));
	ok(ztj_buf_put_cstring(&body, "session"));
	ok(ztj_buf_put_view(&body, ztj_buf_view(&sig)));
	ok(ztj_buf_put_u8(&body, 1));
	ok(ztj_agent_req_extension(ZTJ_AGENT_EXT_BIND, ztj_buf_view(&body), &b));
	seed("agent", kind, ".bind", &b);
	ok(ztj_buf_put_u8(&b, ZTJ_AGENT_IDENTITIES_ANSWER));
	ok(ztj_buf_put_u32(&b, 1));
	ok(ztj_buf_put_view(&b, ztj_buf_view(&key)));
	ok(ztj_buf_put_cstring(&b, "comment"));
	seed("agent", kind, ".identities", &b);
	ok(ztj_buf_put_u8(&b, ZTJ_AGENT_SIGN_RESPONSE));
	ok(ztj_buf_put_view(&b, ztj_buf_view(&sig)));
	seed("agent", kind, ".signature", &b);
	ztj_buf_free(&key);
	ztj_buf_free(&sig);
	ztj_buf_free(&body);
	ztj_buf_free(&b);
}

int main(int argc, char **argv)
{
	struct soft_key k[4];

	if (argc != 2) {
		(void)fputs("usage: make_seeds DIRECTORY\n", stderr);
		return 2;
	}
	top = argv[1];
	for (size_t i = 0; i < 4; i++)
		soft_key_make(&k[i], kinds[i].type);
	for (size_t i = 0; i < 4; i++) {
		key_seeds(&k[i], kinds[i].name);
		agent_seeds(&k[i], kinds[i].name);
		if (kinds[i].type != ZTJ_KEY_ECDSA)
			sshsig_seeds(&k[i], kinds[i].name);
		if (ztj_key_is_sk(&k[i].pub)) {
			keyfile_seeds(&k[i], kinds[i].name);
			cert_seeds(&k[i], &k[i - 2], kinds[i].name);
		}
	}
	for (size_t i = 0; i < 4; i++)
		soft_key_free(&k[i]);
	return 0;
}
