/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The attestation of an enrolled key. */
#include "ztjit/attest.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "libztjit/fido/fido.h"

#define ROOTS_MAX 64

int attest_challenge(const char *domain, const char *name, const char *nonce, uint8_t out[ZTJ_DIGEST_LEN])
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 1024);
	(void)ztj_buf_put_cstring(&b, "ztjit-enrol");
	(void)ztj_buf_put_cstring(&b, domain);
	(void)ztj_buf_put_cstring(&b, name);
	(void)ztj_buf_put_cstring(&b, nonce);
	if ((r = ztj_buf_status(&b)) == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(&b), out);
	ztj_buf_free(&b);
	return r;
}

struct roots {
	size_t n;
	struct ztj_view v[ROOTS_MAX];
};

/* PEM certificates to DER, kept until the process ends. */
static int read_roots(struct cli *c, const char *path, struct roots *out)
{
	struct ztj_buf text;
	BIO *bio;
	X509 *x;
	int r;

	ztj_buf_init(&text, 4 * 1024 * 1024);
	if ((r = ctx_read(c, path, false, 4 * 1024 * 1024, &text)) != ZTJ_OK) {
		ztj_buf_free(&text);
		return cli_fail(c, r, "%s: %s", cli_esc(c, path), ztj_err_text(r));
	}
	bio = BIO_new_mem_buf(text.p, (int)text.n);
	while (bio != NULL && out->n < ROOTS_MAX && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		int n = i2d_X509(x, NULL);
		unsigned char *der = n > 0 ? cli_keep(c, (size_t)n) : NULL, *p = der;

		if (der != NULL && i2d_X509(x, &p) == n)
			out->v[out->n++] = ztj_view_of(der, (size_t)n);
		X509_free(x);
	}
	BIO_free(bio);
	ztj_buf_free(&text);
	return out->n > 0 ? ZTJ_OK : cli_fail(c, ZTJ_USAGE, "%s has no PEM certificate", cli_esc(c, path));
}

static int check_maker(struct cli *c, const struct ztj_attestation *a, const struct ztj_attest_info *info)
{
	struct roots roots = { .n = 0 };
	int r;

	if (info->kind != ZTJ_ATTEST_CERT)
		return cli_fail(c, ZTJ_ATTESTATION,
		    "the key brings no attestation by its maker, and --attested demands one");
	if ((r = read_roots(c, cli_opt(c, OPT_ATTESTED), &roots)) != ZTJ_OK)
		return r;
	if ((r = ztj_attest_check_roots(a, roots.v, roots.n, cli_now())) != ZTJ_OK)
		return cli_fail(c, r, "the maker of the key is none of those in %s",
		    cli_esc(c, cli_opt(c, OPT_ATTESTED)));
	return ZTJ_OK;
}

static int decode(const char *text, struct ztj_attestation *a)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, ZTJ_ATTEST_MAX);
	if ((r = ztj_b64_decode(ztj_view_str(text), &b)) == ZTJ_OK)
		r = ztj_attest_parse(a, ztj_buf_view(&b));
	ztj_buf_free(&b);
	return r;
}

static const char *describe(struct cli *c, const struct ztj_attest_info *info)
{
	char aaguid[ZTJ_AAGUID_TEXT_SIZE];
	const char *s;

	switch (info->kind) {
	case ZTJ_ATTEST_NONE:
		return "none";
	case ZTJ_ATTEST_SELF:
		return "by the key itself; names no model";
	case ZTJ_ATTEST_CERT:
		ztj_aaguid_text(info->aaguid, aaguid);
		s = cli_printf(c, "by its maker, model %s%s", aaguid,
		    cli_is_set(c, OPT_ATTESTED) ? ", maker accepted"
						: " (maker not checked, see --attested)");
		return s != NULL ? s : "?";
	}
	return "?";
}

int attest_check(struct cli *c, const struct ztj_stmt *st, size_t i, const char **what)
{
	static struct ztj_attestation a;
	struct ztj_attest_info info = { .kind = ZTJ_ATTEST_NONE };
	uint8_t digest[ZTJ_DIGEST_LEN];
	const char *text = st->u.pending.key[i].attestation;
	int r = attest_challenge(st->domain, st->u.pending.name, st->nonce, digest);

	*what = "none";
	a = (struct ztj_attestation){ .sig_len = 0 };
	if (r == ZTJ_OK && text != NULL && text[0] != '\0' && (r = decode(text, &a)) == ZTJ_OK)
		r = ztj_attest_verify(&a, ztj_view_of(digest, sizeof digest), &st->u.pending.key[i].key,
		    &info);
	if (r != ZTJ_OK)
		return cli_fail(c, r, "the attestation of %s: %s", cli_esc(c, st->u.pending.name),
		    ztj_err_text(r));
	if (cli_is_set(c, OPT_ATTESTED) && (r = check_maker(c, &a, &info)) != ZTJ_OK)
		return r;
	*what = describe(c, &info);
	return ZTJ_OK;
}
