/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* C01–C04, C08: what somebody with the real CA key can write into a certificate. */
#include <stdio.h>
#include <string.h>

#include "tests/hostile/plan.h"

static struct plan *fresh(struct gen *g)
{
	struct plan *p = plan_honest(g);

	p->via = VIA_CERT;
	return p;
}

/* The grant is there and approved; only the certificate is wrong. */
static void principals(struct gen *g)
{
	static const char *const names[] = { "root", "req1", "", "ztjit-grant-", "ztjit-grant-00",
		"ztjit-grant-*", "*", "ztjit",
		"ZTJIT-GRANT-0000000000000000000000000000000000000000000000000000000000000000",
		"ztjit-grant-0000000000000000000000000000000000000000000000000000000000000000",
		"ztjit-grant-zz00000000000000000000000000000000000000000000000000000000000000", "root\nroot",
		"root ztjit-grant-" };
	struct plan *p;

	for (int way = 0; way < 2; way++)
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			p = plan_honest(g);
			p->via = way == 0 ? VIA_CERT : VIA_BOTH;
			p->mint.principal[0] = names[k];
			p->want = ZTJ_CERT_KIND;
			emit(g, "C01/principal-%zu", k);
		}
	p = fresh(g);
	p->mint.nprincipals = 0;
	p->want = ZTJ_CERT_KIND;
	emit(g, "C01/no-principal");
	p = fresh(g);
	p->mint.nprincipals = 2;
	p->mint.principal[1] = "root";
	p->want = ZTJ_CERT_KIND;
	emit(g, "C01/principal-and-root");
	p = fresh(g);
	p->mint.nprincipals = 2;
	p->mint.principal[0] = "root";
	p->want = ZTJ_CERT_KIND;
	emit(g, "C01/root-and-principal");
	p = fresh(g);
	p->mint.nprincipals = 2;
	p->want = ZTJ_CERT_KIND;
	emit(g, "C01/principal-twice");
}

static void bundles(struct gen *g)
{
	struct plan *p = fresh(g);
	static const char *const texts[] = { "", "x", "ZTJB1", "{}", "null" };

	p->mint.bundle_none = true;
	p->want = ZTJ_NO_GRANT;
	emit(g, "C08/no-bundle-never-pushed");
	p = fresh(g);
	p->mint.foreign = true;
	p->want = ZTJ_CERT_KIND;
	emit(g, "C08/foreign-bundle");
	p = fresh(g);
	p->mint.foreign = true;
	p->mint.subject = &g->co->w.person[FX_REQ2].key;
	p->want = ZTJ_CERT_KIND;
	emit(g, "C08/foreign-bundle-for-its-owner");
	p = fresh(g);
	p->mint.bundle_twice = true;
	p->want = ZTJ_BAD_ENCODING;
	emit(g, "C08/bundle-twice");
	p = fresh(g);
	p->mint.ext_unsorted = true;
	p->want = ZTJ_BAD_ENCODING;
	emit(g, "C08/extensions-unsorted");
	for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
		p = fresh(g);
		p->mint.bundle_none = true;
		p->mint.ext = 0;
		p->mint.ext_name = ZTJ_CERT_BUNDLE_EXT;
		p->mint.ext_data = texts[k];
		p->want = k == 0 ? ZTJ_CERT_KIND : ZTJ_TRUNCATED;
		emit(g, "C08/bundle-of-text-%zu", k);
	}
}

static void kinds(struct gen *g)
{
	static struct soft_key plain, ec;
	struct plan *p;
	static const uint32_t kinds[] = { 0, 2, 3, 0xffffffffu };
	static const char *const types[] = { "ssh-ed25519-cert-v01@openssh.com",
		"sk-ssh-ed25519-cert-v02@openssh.com", "sk-ssh-ed25519@openssh.com", "",
		"ssh-rsa-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com" };

	if (plain.pair == NULL) {
		fx_key(&plain, ZTJ_KEY_ED25519, 320);
		fx_key(&ec, ZTJ_KEY_ECDSA, 321);
	}
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		p = fresh(g);
		p->mint.kind = kinds[k];
		p->want = ZTJ_CERT_KIND;
		emit(g, "C04/kind-%u", kinds[k]);
	}
	for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
		p = fresh(g);
		p->mint.type = types[k];
		p->want = k == 5 ? WANT_CERT : ZTJ_CERT_KIND;
		emit(g, "C04/type-%s", types[k][0] != '\0' ? types[k] : "none");
	}
	p = fresh(g);
	p->mint.subject = &plain;
	p->want = ZTJ_CERT_KIND;
	emit(g, "C04/for-a-plain-ed25519-key");
	p = fresh(g);
	p->mint.subject = &ec;
	p->want = ZTJ_CERT_KIND;
	emit(g, "C04/for-a-plain-p256-key");
	p = fresh(g);
	p->mint.reserved = true;
	p->want = ZTJ_BAD_ENCODING;
	emit(g, "C04/reserved-in-use");
	p = fresh(g);
	p->mint.trailing = "x";
	p->want = ZTJ_TRAILING;
	emit(g, "C04/trailing-byte");
	soft_key_free(&plain);
	soft_key_free(&ec);
}

static void options(struct gen *g)
{
	static const char *const unknown[] = { "zzz@example.org", "verify-required@openssh.com", "x" };
	static const char *const sources[] = { "", "0.0.0.0/0", "10.77.0.13/32", "!10.0.0.0/8,*",
		"nonsense" };
	struct plan *p;

	p = fresh(g);
	p->mint.command = "/bin/sh";
	p->want = ZTJ_CERT_KIND;
	emit(g, "C03/force-command");
	p = fresh(g);
	p->mint.command = "";
	p->want = ZTJ_CERT_KIND;
	emit(g, "C03/force-command-empty");
	p = fresh(g);
	p->mint.touchless = true;
	p->want = ZTJ_CERT_KIND;
	emit(g, "C03/no-touch-required");
	for (size_t k = 0; k < sizeof(unknown) / sizeof(unknown[0]); k++) {
		p = fresh(g);
		p->mint.unknown = unknown[k];
		p->mint.source = k == 0 ? p->mint.source : NULL;
		p->mint.verify = k != 2 && p->mint.verify;
		p->want = ZTJ_CERT_KIND;
		emit(g, "C03/unknown-critical-option-%zu", k);
	}
	for (size_t k = 0; k < sizeof(sources) / sizeof(sources[0]); k++) {
		p = fresh(g);
		p->mint.source = sources[k];
		p->want = k == 0 ? ZTJ_CERT_KIND : ZTJ_OK; /* wider or other: the line says the rule's own */
		emit(g, "C08/source-address-%zu", k);
	}
	for (unsigned bits = 0; bits < 32; bits++) {
		p = fresh(g);
		p->mint.ext = bits;
		p->mint.source = bits & 1 ? NULL : p->mint.source;
		p->mint.verify = (bits & 2) == 0;
		p->want = ZTJ_OK; /* admitted with the line's limits, never with the certificate's */
		emit(g, "C08/extensions-%02x%s%s", bits, bits & 1 ? "-no-source" : "",
		    bits & 2 ? "-no-verify" : "");
	}
	for (unsigned bits = 0; bits < 3; bits++) {
		p = fresh(g);
		p->mint.ext = 0;
		p->mint.ext_name = bits == 0 ? "permit-pty"
		    : bits == 1              ? "permit-port-forwarding"
					     : "permit-user-rc";
		p->mint.ext_data = "yes";
		p->want = ZTJ_CERT_KIND;
		emit(g, "C04/extension-with-data-%u", bits);
	}
	p = fresh(g);
	p->mint.ext_name = "unknown@example.org";
	p->mint.ext_data = "x";
	p->mint.ext = 0;
	p->want = ZTJ_OK;
	emit(g, "C08/unknown-extension");
	p = fresh(g);
	p->mint.key_id = "\x1b]0;root\x07\nztjit R-0 root";
	p->want = ZTJ_OK;
	emit(g, "C08/key-id-with-escapes");
}

static void validity(struct gen *g)
{
	const uint64_t now = (uint64_t)g->co->w.now;
	const struct {
		const char *name;
		uint64_t after, before;
		int want;
	} sets[] = { { "expired-a-minute-ago", now - 3600, now - 60, ZTJ_ENDED },
		{ "expired-now", now - 60, now, ZTJ_ENDED }, { "for-ever", 0, UINT64_MAX, ZTJ_CERT_KIND },
		{ "backwards", now + 60, now - 60, ZTJ_CERT_KIND }, { "empty", now, now, ZTJ_CERT_KIND },
		{ "beyond-signed", 0, (uint64_t)INT64_MAX + 1, ZTJ_CERT_KIND },
		{ "ten-years", now - 60, now + UINT64_C(315360000), ZTJ_OK },
		{ "from-the-epoch", 0, now + 86400, ZTJ_OK } };

	for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
		struct plan *p = fresh(g);
		p->mint.after = sets[k].after;
		p->mint.before = sets[k].before;
		p->want = sets[k].want;
		emit(g, "C02/validity-%s", sets[k].name);
	}
}

static void issuers(struct gen *g)
{
	struct company *co = g->co;
	const struct {
		const char *name;
		const struct soft_key *key;
	} keys[] = { { "online", &co->w.online }, { "tls", &co->w.tls }, { "log", &co->w.log },
		{ "hsm-root", &co->w.root[2] }, { "machine", &co->w.host[FX_WEB1].machine },
		{ "host-key", &co->w.host[FX_WEB1].ssh }, { "own-sk-key", &co->w.person[FX_REQ1].key },
		{ "stranger", &co->w.stranger }, { "root", &co->w.root[0] } };
	static const char *const types[] = { "ssh-ed25519-cert-v01@openssh.com", "ssh-rsa", "rsa-sha2-512",
		"ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com", "none", "" };

	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		for (int way = 0; way < 2; way++) {
			struct plan *p = plan_honest(g);
			p->via = way == 0 ? VIA_CERT : VIA_PUSH;
			p->mint.ca = keys[k].key;
			p->want = ZTJ_BAD_SIGNATURE;
			emit(g, "C04/signed-by-%s", keys[k].name);
		}
	for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
		struct plan *p = fresh(g);
		p->mint.sig_type = types[k];
		p->want = ZTJ_BAD_SIGNATURE;
		emit(g, "S09/ca-signature-typed-%s", types[k][0] != '\0' ? types[k] : "nothing");
	}
}

static void spoilt(struct gen *g)
{
	for (long at = 5; at < 2300; at += 61) {
		struct plan *p = fresh(g);
		p->mint.flip = at * 8 + at % 8;
		p->want = WANT_CERT;
		emit(g, "S11/certificate-bit-%ld", p->mint.flip);
	}
	for (long left = 0; left < 2150; left += 97) {
		struct plan *p = fresh(g);
		p->mint.cut = left;
		p->want = WANT_CERT;
		emit(g, "S11/certificate-cut-%ld", left);
	}
}

static void sources(struct gen *g)
{
	static const char *const peers[] = { "192.0.2.7", "11.0.0.1", "9.255.255.255", "::1", "2001:db8::1",
		"10.0.0.1.example", "localhost", "web1", "10.77.0", "0", "10.77.0.13/8", "::ffff:192.0.2.7" };

	for (size_t k = 0; k < sizeof(peers) / sizeof(peers[0]); k++)
		for (int wide = 0; wide < 2; wide++) {
			struct plan *p = fresh(g);
			p->peer = peers[k];
			if (wide)
				p->mint.source = NULL;
			p->want = ZTJ_SOURCE;
			emit(g, "C08/from-%s%s", peers[k], wide ? "-certificate-says-nothing" : "");
		}
}

void gen_certs(struct gen *g)
{
	principals(g);
	bundles(g);
	kinds(g);
	options(g);
	validity(g);
	issuers(g);
	spoilt(g);
	sources(g);
}
