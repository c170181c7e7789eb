/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSH user certificates (PROTOCOL.certkeys): building them from typed fields. */
#include <string.h>

#include "libztjit/core/certnames.h"

#define OPTIONS_MAX 2048

const struct ztj_cert_ext_name ztj_cert_ext_names[ZTJ_CERT_EXTS] = {
	{ ZTJ_EXT_X11, "permit-X11-forwarding" },
	{ ZTJ_EXT_AGENT, "permit-agent-forwarding" },
	{ ZTJ_EXT_PORT, "permit-port-forwarding" },
	{ ZTJ_EXT_PTY, "permit-pty" },
	{ ZTJ_EXT_USER_RC, "permit-user-rc" },
};

const char *ztj_cert_type_name(enum ztj_key_type t)
{
	if (t == ZTJ_KEY_SK_ED25519)
		return "sk-ssh-ed25519-cert-v01@openssh.com";
	return t == ZTJ_KEY_SK_ECDSA ? "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com" : NULL;
}

/* What the reader would refuse is never signed (an empty principal means "anybody"). */
static int check_spec(const struct ztj_cert_spec *spec)
{
	const unsigned known = ZTJ_EXT_X11 | ZTJ_EXT_AGENT | ZTJ_EXT_PORT | ZTJ_EXT_PTY | ZTJ_EXT_USER_RC;
	const struct ztj_cert *fit = NULL; /* for its sizes */

	if (ztj_cert_type_name(spec->subject.type) == NULL)
		return ZTJ_KEY_TYPE;
	if (spec->principal == NULL || spec->principal[0] == '\0' || spec->key_id == NULL)
		return ZTJ_CERT_KIND;
	if (spec->valid_after < 0 || spec->valid_before <= spec->valid_after)
		return ZTJ_CERT_KIND;
	if ((spec->source_address != NULL && spec->source_address[0] == '\0') ||
	    (spec->extensions & ~known) != 0)
		return ZTJ_CERT_KIND;
	if (strlen(spec->principal) >= sizeof(fit->principal) ||
	    strlen(spec->key_id) >= sizeof(fit->key_id) ||
	    (spec->source_address != NULL && strlen(spec->source_address) >= sizeof(fit->source_address)) ||
	    spec->bundle.n > ZTJ_CERT_BUNDLE_MAX)
		return ZTJ_TOO_LARGE;
	return ZTJ_OK;
}

static int check_ca(struct ztj_view ca_key)
{
	struct ztj_key ca;
	int r = ztj_key_from_blob(&ca, ca_key);

	if (r == ZTJ_OK && ca.type != ZTJ_KEY_ED25519 && ca.type != ZTJ_KEY_ECDSA)
		r = ZTJ_KEY_TYPE;
	return r;
}

/* string name, string (string value); check_spec() has bounded the value */
static void put_option(struct ztj_buf *out, const char *name, struct ztj_view value)
{
	(void)ztj_buf_put_cstring(out, name);
	(void)ztj_buf_put_u32(out, (uint32_t)(value.n + 4));
	(void)ztj_buf_put_view(out, value);
}

static void put_flag(struct ztj_buf *out, const char *name)
{
	(void)ztj_buf_put_cstring(out, name);
	(void)ztj_buf_put_cstring(out, "");
}

static int put_critical(const struct ztj_cert_spec *spec, struct ztj_buf *out)
{
	struct ztj_buf opts;
	int r;

	ztj_buf_init(&opts, OPTIONS_MAX);
	if (spec->source_address != NULL)
		put_option(&opts, ZTJ_CERT_OPT_SOURCE, ztj_view_str(spec->source_address));
	if (spec->verify_required)
		put_flag(&opts, ZTJ_CERT_OPT_VERIFY);
	if ((r = ztj_buf_status(&opts)) == ZTJ_OK)
		r = ztj_buf_put_view(out, ztj_buf_view(&opts));
	ztj_buf_free(&opts);
	return r;
}

static int put_extensions(const struct ztj_cert_spec *spec, struct ztj_buf *out)
{
	struct ztj_buf exts;
	int r;

	ztj_buf_init(&exts, ZTJ_CERT_BUNDLE_MAX + OPTIONS_MAX);
	if (spec->bundle.n != 0)
		put_option(&exts, ZTJ_CERT_BUNDLE_EXT, spec->bundle);
	for (size_t i = 0; i < ZTJ_CERT_EXTS; i++)
		if ((spec->extensions & ztj_cert_ext_names[i].bit) != 0)
			put_flag(&exts, ztj_cert_ext_names[i].name);
	if ((r = ztj_buf_status(&exts)) == ZTJ_OK)
		r = ztj_buf_put_view(out, ztj_buf_view(&exts));
	ztj_buf_free(&exts);
	return r;
}

/* The subject's blob without its type name, behind the certificate's own and the nonce. */
static int put_subject(const struct ztj_cert_spec *spec, struct ztj_buf *out)
{
	struct ztj_buf blob;
	struct ztj_view name;
	struct ztj_rd rd;
	int r;

	(void)ztj_buf_put_cstring(out, ztj_cert_type_name(spec->subject.type));
	(void)ztj_buf_put_string(out, spec->nonce, sizeof(spec->nonce));
	ztj_buf_init(&blob, ZTJ_KEY_BLOB_MAX);
	if ((r = ztj_key_to_blob(&spec->subject, &blob)) == ZTJ_OK) {
		ztj_rd_init(&rd, ztj_buf_view(&blob));
		if ((r = ztj_rd_string(&rd, ZTJ_KEY_BLOB_MAX, &name)) == ZTJ_OK)
			r = ztj_buf_put(out, rd.left.p, rd.left.n);
	}
	ztj_buf_free(&blob);
	return r;
}

int ztj_cert_tbs(const struct ztj_cert_spec *spec, struct ztj_view ca_key, struct ztj_buf *tbs)
{
	uint32_t principals_len;
	int r;

	if ((r = check_spec(spec)) != ZTJ_OK || (r = check_ca(ca_key)) != ZTJ_OK ||
	    (r = put_subject(spec, tbs)) != ZTJ_OK)
		return r;
	principals_len = (uint32_t)strlen(spec->principal) + 4;
	(void)ztj_buf_put_u64(tbs, spec->serial);
	(void)ztj_buf_put_u32(tbs, ZTJ_CERT_TYPE_USER);
	(void)ztj_buf_put_cstring(tbs, spec->key_id);
	(void)ztj_buf_put_u32(tbs, principals_len);
	(void)ztj_buf_put_cstring(tbs, spec->principal);
	(void)ztj_buf_put_u64(tbs, (uint64_t)spec->valid_after);
	(void)ztj_buf_put_u64(tbs, (uint64_t)spec->valid_before);
	if ((r = put_critical(spec, tbs)) != ZTJ_OK || (r = put_extensions(spec, tbs)) != ZTJ_OK)
		return r;
	(void)ztj_buf_put_cstring(tbs, "");
	return ztj_buf_put_view(tbs, ca_key);
}

int ztj_cert_finish(struct ztj_view tbs, struct ztj_view sigblob, struct ztj_buf *cert)
{
	if (tbs.n > ZTJ_CERT_MAX || sigblob.n > ZTJ_KEY_BLOB_MAX || tbs.n + 4 + sigblob.n > ZTJ_CERT_MAX)
		return ZTJ_TOO_LARGE;
	(void)ztj_buf_put(cert, tbs.p, tbs.n);
	return ztj_buf_put_view(cert, sigblob);
}

int ztj_cert_line(struct ztj_view cert, const char *comment, struct ztj_buf *out)
{
	struct ztj_view name;
	struct ztj_rd rd;
	int r;

	if (comment[strcspn(comment, "\r\n")] != '\0')
		return ZTJ_BAD_TEXT;
	ztj_rd_init(&rd, cert);
	if ((r = ztj_rd_string(&rd, 64, &name)) != ZTJ_OK)
		return r;
	if (!ztj_view_eq_str(name, ztj_cert_type_name(ZTJ_KEY_SK_ED25519)) &&
	    !ztj_view_eq_str(name, ztj_cert_type_name(ZTJ_KEY_SK_ECDSA)))
		return ZTJ_CERT_KIND;
	(void)ztj_buf_put(out, name.p, name.n);
	(void)ztj_buf_puts(out, " ");
	if ((r = ztj_b64_encode(cert, out)) != ZTJ_OK)
		return r;
	return ztj_buf_printf(out, "%s%s\n", comment[0] != '\0' ? " " : "", comment);
}
