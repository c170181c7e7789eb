/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSH user certificates (PROTOCOL.certkeys): strict reading and the CA's signature. */
#include <string.h>

#include "libztjit/core/certnames.h"

#define OPTION_NAME_MAX 128

/* ---- options ---- */

/* One pair of the critical options or extensions. */
struct option {
	struct ztj_view name, data;
};

/* PROTOCOL.certkeys demands lexical order without repetition; so does this. */
static bool name_follows(struct ztj_view name, struct ztj_view previous)
{
	size_t n = name.n < previous.n ? name.n : previous.n;
	int cmp = n != 0 ? memcmp(name.p, previous.p, n) : 0;

	return cmp > 0 || (cmp == 0 && name.n > previous.n);
}

static int read_option(struct ztj_rd *rd, struct option *opt)
{
	struct ztj_view previous = opt->name;
	int r;

	if ((r = ztj_rd_string(rd, OPTION_NAME_MAX, &opt->name)) != ZTJ_OK ||
	    (r = ztj_rd_string(rd, ZTJ_CERT_MAX, &opt->data)) != ZTJ_OK)
		return r;
	return name_follows(opt->name, previous) ? ZTJ_OK : ZTJ_BAD_ENCODING;
}

static int each_option(struct ztj_view list, int (*take)(struct ztj_cert *, const struct option *),
    struct ztj_cert *c)
{
	struct option opt = { .name = ztj_view_of(NULL, 0) };
	struct ztj_rd rd;
	int r;

	ztj_rd_init(&rd, list);
	while (rd.left.n > 0)
		if ((r = read_option(&rd, &opt)) != ZTJ_OK || (r = take(c, &opt)) != ZTJ_OK)
			return r;
	return ZTJ_OK;
}

static int take_critical(struct ztj_cert *c, const struct option *opt)
{
	struct ztj_rd rd;
	int r;

	if (ztj_view_eq_str(opt->name, ZTJ_CERT_OPT_VERIFY)) {
		c->verify_required = true;
		return opt->data.n == 0 ? ZTJ_OK : ZTJ_CERT_KIND;
	}
	if (!ztj_view_eq_str(opt->name, ZTJ_CERT_OPT_SOURCE))
		return ZTJ_CERT_KIND; /* force-command too: nothing here ever issues it */
	ztj_rd_init(&rd, opt->data);
	if ((r = ztj_rd_cstring(&rd, c->source_address, sizeof(c->source_address))) != ZTJ_OK ||
	    (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	/* an empty list must never be read as "from anywhere" */
	return c->source_address[0] != '\0' ? ZTJ_OK : ZTJ_CERT_KIND;
}

static int take_bundle(struct ztj_cert *c, struct ztj_view data)
{
	struct ztj_rd rd;
	int r;

	ztj_rd_init(&rd, data);
	if ((r = ztj_rd_string(&rd, ZTJ_CERT_BUNDLE_MAX, &c->bundle)) != ZTJ_OK ||
	    (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	return c->bundle.n != 0 ? ZTJ_OK : ZTJ_CERT_KIND;
}

static int take_extension(struct ztj_cert *c, const struct option *opt)
{
	if (ztj_view_eq_str(opt->name, ZTJ_CERT_BUNDLE_EXT))
		return take_bundle(c, opt->data);
	/* the one extension that takes something away: the touch */
	if (ztj_view_eq_str(opt->name, "no-touch-required"))
		return ZTJ_CERT_KIND;
	for (size_t i = 0; i < ZTJ_CERT_EXTS; i++)
		if (ztj_view_eq_str(opt->name, ztj_cert_ext_names[i].name)) {
			c->extensions |= ztj_cert_ext_names[i].bit;
			return opt->data.n == 0 ? ZTJ_OK : ZTJ_CERT_KIND;
		}
	return ZTJ_OK;
}

/* ---- fields ---- */

/* Rebuilds the subject's plain key blob from the fields behind the nonce, so that
 * keys have one reader. */
static int read_subject(struct ztj_rd *rd, struct ztj_key *k)
{
	enum ztj_key_type type;
	struct ztj_view v;
	struct ztj_buf blob;
	int r;

	if ((r = ztj_rd_string(rd, OPTION_NAME_MAX, &v)) != ZTJ_OK)
		return r;
	if (ztj_view_eq_str(v, ztj_cert_type_name(ZTJ_KEY_SK_ED25519)))
		type = ZTJ_KEY_SK_ED25519;
	else if (ztj_view_eq_str(v, ztj_cert_type_name(ZTJ_KEY_SK_ECDSA)))
		type = ZTJ_KEY_SK_ECDSA;
	else
		return ZTJ_CERT_KIND;
	if ((r = ztj_rd_string(rd, ZTJ_KEY_BLOB_MAX, &v)) != ZTJ_OK) /* nonce */
		return r;
	ztj_buf_init(&blob, ZTJ_KEY_BLOB_MAX);
	(void)ztj_buf_put_cstring(&blob, ztj_key_type_name(type));
	for (int i = type == ZTJ_KEY_SK_ECDSA ? 3 : 2; i > 0 && r == ZTJ_OK; i--)
		if ((r = ztj_rd_string(rd, ZTJ_KEY_BLOB_MAX, &v)) == ZTJ_OK)
			r = ztj_buf_put_view(&blob, v);
	if (r == ZTJ_OK)
		r = ztj_key_from_blob(k, ztj_buf_view(&blob));
	ztj_buf_free(&blob);
	return r;
}

/* Exactly one principal: none would mean anybody, two would be ambiguous. */
static int read_principal(struct ztj_rd *rd, struct ztj_cert *c)
{
	struct ztj_view list;
	struct ztj_rd inner;
	int r;

	if ((r = ztj_rd_string(rd, ZTJ_CERT_MAX, &list)) != ZTJ_OK)
		return r;
	if (list.n == 0)
		return ZTJ_CERT_KIND;
	ztj_rd_init(&inner, list);
	if ((r = ztj_rd_cstring(&inner, c->principal, sizeof(c->principal))) != ZTJ_OK)
		return r;
	return ztj_rd_end(&inner) == ZTJ_OK && c->principal[0] != '\0' ? ZTJ_OK : ZTJ_CERT_KIND;
}

static int read_validity(struct ztj_rd *rd, struct ztj_cert *c)
{
	uint64_t after, before;
	int r;

	if ((r = ztj_rd_u64(rd, &after)) != ZTJ_OK || (r = ztj_rd_u64(rd, &before)) != ZTJ_OK)
		return r;
	if (before > INT64_MAX || after >= before) /* "forever" is refused as well */
		return ZTJ_CERT_KIND;
	c->valid_after = (int64_t)after;
	c->valid_before = (int64_t)before;
	return ZTJ_OK;
}

static int read_options(struct ztj_rd *rd, struct ztj_cert *c)
{
	struct ztj_view critical, extensions;
	int r;

	if ((r = ztj_rd_string(rd, ZTJ_CERT_MAX, &critical)) != ZTJ_OK ||
	    (r = ztj_rd_string(rd, ZTJ_CERT_MAX, &extensions)) != ZTJ_OK ||
	    (r = ztj_rd_expect(rd, "")) != ZTJ_OK || /* reserved */
	    (r = each_option(critical, take_critical, c)) != ZTJ_OK)
		return r;
	return each_option(extensions, take_extension, c);
}

static int read_cert(struct ztj_cert *c, struct ztj_view blob)
{
	struct ztj_rd rd;
	uint32_t kind;
	int r;

	ztj_rd_init(&rd, blob);
	if ((r = read_subject(&rd, &c->subject)) != ZTJ_OK || (r = ztj_rd_u64(&rd, &c->serial)) != ZTJ_OK ||
	    (r = ztj_rd_u32(&rd, &kind)) != ZTJ_OK)
		return r;
	if (kind != ZTJ_CERT_TYPE_USER)
		return ZTJ_CERT_KIND;
	if ((r = ztj_rd_cstring(&rd, c->key_id, sizeof(c->key_id))) != ZTJ_OK ||
	    (r = read_principal(&rd, c)) != ZTJ_OK || (r = read_validity(&rd, c)) != ZTJ_OK ||
	    (r = read_options(&rd, c)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, ZTJ_KEY_BLOB_MAX, &c->ca_key)) != ZTJ_OK)
		return r;
	c->tbs = ztj_view_of(blob.p, blob.n - rd.left.n);
	if ((r = ztj_rd_string(&rd, ZTJ_KEY_BLOB_MAX, &c->signature)) != ZTJ_OK)
		return r;
	return ztj_rd_end(&rd);
}

int ztj_cert_parse(struct ztj_cert *c, struct ztj_view blob)
{
	int r;

	memset(c, 0, sizeof(*c));
	if (blob.n > ZTJ_CERT_MAX)
		return ZTJ_TOO_LARGE;
	if ((r = read_cert(c, blob)) != ZTJ_OK)
		memset(c, 0, sizeof(*c));
	return r;
}

int ztj_cert_verify(const struct ztj_cert *c, const struct ztj_key *ca)
{
	struct ztj_sig_info info;
	struct ztj_key carried;
	int r;

	if (ca->type != ZTJ_KEY_ED25519 && ca->type != ZTJ_KEY_ECDSA)
		return ZTJ_KEY_TYPE;
	if ((r = ztj_key_from_blob(&carried, c->ca_key)) != ZTJ_OK)
		return r;
	if (!ztj_key_equal(&carried, ca))
		return ZTJ_SIGNER;
	return ztj_sig_verify(ca, c->signature, c->tbs, &info);
}
