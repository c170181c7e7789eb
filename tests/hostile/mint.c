/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Certificates as a thief of the CA key mints them: byte by byte, because the product's writer refuses to. */
#include <stdio.h>
#include <string.h>

#include "tests/hostile/plan.h"

struct option {
	const char *name;
	const char *text; /* NULL: no data */
	struct ztj_view raw;
	bool empty; /* data that is a string of no bytes */
};

static void put_option(struct ztj_buf *list, const struct option *o)
{
	struct ztj_buf data;

	ztj_buf_init(&data, 1024 * 1024);
	if (o->text != NULL)
		ok(ztj_buf_put_cstring(&data, o->text));
	else if (o->raw.n > 0 || o->empty)
		ok(ztj_buf_put_view(&data, o->raw));
	ok(ztj_buf_put_cstring(list, o->name));
	ok(ztj_buf_put_view(list, ztj_buf_view(&data)));
	ztj_buf_free(&data);
}

static void put_critical(const struct mint *m, struct ztj_buf *out)
{
	struct ztj_buf list;

	ztj_buf_init(&list, 65536);
	if (m->command != NULL)
		put_option(&list, &(struct option){ .name = "force-command", .text = m->command });
	if (m->source != NULL)
		put_option(&list, &(struct option){ .name = "source-address", .text = m->source });
	if (m->verify)
		put_option(&list, &(struct option){ .name = "verify-required" });
	if (m->unknown != NULL)
		put_option(&list, &(struct option){ .name = m->unknown });
	ok(ztj_buf_put_view(out, ztj_buf_view(&list)));
	ztj_buf_free(&list);
}

/* In lexical order, as ssh-keygen writes them; "bundle@ztjit" and "no-touch-required" come first. */
static void put_extensions(const struct mint *m, struct ztj_view bundle, struct ztj_buf *out)
{
	static const struct {
		unsigned bit;
		const char *name;
	} known[] = { { ZTJ_EXT_X11, "permit-X11-forwarding" }, { ZTJ_EXT_AGENT, "permit-agent-forwarding" },
		{ ZTJ_EXT_PORT, "permit-port-forwarding" }, { ZTJ_EXT_PTY, "permit-pty" },
		{ ZTJ_EXT_USER_RC, "permit-user-rc" } };
	const struct option mine = { .name = ZTJ_CERT_BUNDLE_EXT, .raw = bundle, .empty = m->bundle_empty };
	bool with = !m->bundle_none && (bundle.n > 0 || m->bundle_empty);
	struct ztj_buf list;

	ztj_buf_init(&list, 1024 * 1024);
	if (with && !m->ext_unsorted)
		put_option(&list, &mine);
	if (with && m->bundle_twice)
		put_option(&list, &mine);
	if (m->touchless)
		put_option(&list, &(struct option){ .name = "no-touch-required" });
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (m->ext & known[i].bit)
			put_option(&list, &(struct option){ .name = known[i].name });
	if (m->ext_name != NULL)
		put_option(&list, &(struct option){ .name = m->ext_name, .text = m->ext_data });
	if (with && m->ext_unsorted)
		put_option(&list, &mine);
	ok(ztj_buf_put_view(out, ztj_buf_view(&list)));
	ztj_buf_free(&list);
}

static void put_principals(const struct mint *m, const uint8_t request[ZTJ_DIGEST_LEN], struct ztj_buf *out)
{
	char own[128], hex[ZTJ_HEX_SIZE];
	struct ztj_buf list;

	ztj_hex(request, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(own, sizeof(own), ZTJ_PRINCIPAL_PREFIX "%s", hex);
	ztj_buf_init(&list, 65536);
	for (size_t i = 0; i < m->nprincipals; i++)
		ok(ztj_buf_put_cstring(&list, m->principal[i] != NULL ? m->principal[i] : own));
	ok(ztj_buf_put_view(out, ztj_buf_view(&list)));
	ztj_buf_free(&list);
}

/* "sk-ssh-ed25519-cert-v01@openssh.com", nonce, and the key's fields. */
static void put_subject(const struct mint *m, struct ztj_buf *out)
{
	static const char *const types[] = { [ZTJ_KEY_ED25519] = "ssh-ed25519-cert-v01@openssh.com",
		[ZTJ_KEY_ECDSA] = "ecdsa-sha2-nistp256-cert-v01@openssh.com",
		[ZTJ_KEY_SK_ED25519] = "sk-ssh-ed25519-cert-v01@openssh.com",
		[ZTJ_KEY_SK_ECDSA] = "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com" };
	struct ztj_buf blob;
	struct ztj_view name;
	struct ztj_rd rd;

	ztj_buf_init(&blob, ZTJ_KEY_BLOB_MAX);
	ok(ztj_key_to_blob(&m->subject->pub, &blob));
	ztj_rd_init(&rd, ztj_buf_view(&blob));
	ok(ztj_rd_string(&rd, 128, &name));
	ok(ztj_buf_put_cstring(out, m->type != NULL ? m->type : types[m->subject->pub.type]));
	ok(ztj_buf_put_cstring(out, "nonce of thirty-two bytes, truly"));
	ok(ztj_buf_put(out, rd.left.p, rd.left.n));
	ztj_buf_free(&blob);
}

static void put_signature(const struct mint *m, struct ztj_buf *out)
{
	struct ztj_buf sig;
	struct ztj_view name, raw;
	struct ztj_rd rd;

	ztj_buf_init(&sig, 1024);
	soft_key_sign(m->ca, ztj_buf_view(out), 0x01, 1, &sig);
	if (m->sig_type != NULL) {
		struct ztj_buf other;
		ztj_buf_init(&other, 1024);
		ztj_rd_init(&rd, ztj_buf_view(&sig));
		ok(ztj_rd_string(&rd, 128, &name));
		ok(ztj_rd_string(&rd, 512, &raw));
		ok(ztj_buf_put_cstring(&other, m->sig_type));
		ok(ztj_buf_put_view(&other, raw));
		ok(ztj_buf_put_view(out, ztj_buf_view(&other)));
		ztj_buf_free(&other);
	} else {
		ok(ztj_buf_put_view(out, ztj_buf_view(&sig)));
	}
	ztj_buf_free(&sig);
}

void mint_cert(const struct company *co, const struct mint *m, const uint8_t request[ZTJ_DIGEST_LEN],
    struct ztj_view bundle, struct ztj_buf *out)
{
	struct ztj_buf ca;

	(void)co;
	ztj_buf_init(&ca, ZTJ_KEY_BLOB_MAX);
	ok(ztj_key_to_blob(&m->ca->pub, &ca));
	put_subject(m, out);
	ok(ztj_buf_put_u64(out, 4711));
	ok(ztj_buf_put_u32(out, m->kind));
	ok(ztj_buf_put_cstring(out, m->key_id));
	put_principals(m, request, out);
	ok(ztj_buf_put_u64(out, m->after));
	ok(ztj_buf_put_u64(out, m->before));
	put_critical(m, out);
	put_extensions(m, bundle, out);
	ok(ztj_buf_put_cstring(out, m->reserved ? "reserved" : ""));
	ok(ztj_buf_put_view(out, ztj_buf_view(&ca)));
	put_signature(m, out);
	ok(ztj_buf_puts(out, m->trailing != NULL ? m->trailing : ""));
	if (m->flip >= 0)
		out->p[(size_t)(m->flip / 8) % out->n] ^= (uint8_t)(1u << (m->flip % 8));
	if (m->cut >= 0 && (size_t)m->cut < out->n)
		out->n = (size_t)m->cut;
	ztj_buf_free(&ca);
}
