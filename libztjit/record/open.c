/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Chunks to text. What is read here was written by a host and kept by a broker, so it may be anything; memory stays
 * within the limits of a chunk whatever it claims.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "libztjit/record/record.h"

struct ztj_opener {
	ZSTD_DCtx *dctx;
	X509 *cert;    /* NULL: the key is tried on every recipient */
	EVP_PKEY *key; /* NULL: nothing sealed can be opened */
};

/* ---- the key ---- */

/* Never asks: says that somebody would have to be asked. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
	(void)writing;
	if (size > 0)
		buf[0] = '\0';
	*(bool *)ctx = true;
	return -1;
}

static int load_key(struct ztj_opener *o, struct ztj_view pem)
{
	bool encrypted = false;
	BIO *bio = pem.n > ZTJ_CHUNK_BODY_MAX ? NULL : BIO_new_mem_buf(pem.p, (int)pem.n);

	if (bio != NULL)
		o->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted);
	BIO_free(bio);
	ERR_clear_error();
	if (o->key != NULL)
		return ZTJ_OK;
	return encrypted ? ZTJ_ENCRYPTED_KEY : ZTJ_BAD_KEY;
}

static int load_cert(struct ztj_opener *o, struct ztj_view pem)
{
	BIO *bio = pem.n > ZTJ_CHUNK_BODY_MAX ? NULL : BIO_new_mem_buf(pem.p, (int)pem.n);
	int r = ZTJ_BAD_ENCODING;

	if (bio != NULL)
		o->cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (o->cert != NULL)
		r = X509_check_private_key(o->cert, o->key) == 1 ? ZTJ_OK : ZTJ_BAD_KEY;
	BIO_free(bio);
	ERR_clear_error();
	return r;
}

int ztj_opener_new(struct ztj_view cert, struct ztj_view key, struct ztj_opener **out)
{
	struct ztj_opener *o = calloc(1, sizeof(*o));
	int r = ZTJ_OK;

	*out = NULL;
	if (o != NULL)
		o->dctx = ZSTD_createDCtx();
	if (o == NULL || o->dctx == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK && key.n > 0)
		r = load_key(o, key);
	if (r == ZTJ_OK && cert.n > 0)
		r = key.n > 0 ? load_cert(o, cert) : ZTJ_BAD_KEY;
	if (r != ZTJ_OK) {
		ztj_opener_free(o);
		return r;
	}
	*out = o;
	return ZTJ_OK;
}

void ztj_opener_free(struct ztj_opener *o)
{
	if (o == NULL)
		return;
	ZSTD_freeDCtx(o->dctx);
	X509_free(o->cert);
	EVP_PKEY_free(o->key);
	free(o);
}

/* ---- CMS ---- */

static CMS_ContentInfo *read_cms(struct ztj_view body)
{
	const unsigned char *p = body.p;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)body.n);

	if (cms != NULL && (p != body.p + body.n || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_enveloped)) {
		CMS_ContentInfo_free(cms);
		cms = NULL;
	}
	return cms;
}

/* The zstd frame inside. It is never larger than what is around it. */
static int unseal(struct ztj_opener *o, struct ztj_view body, struct ztj_buf *frame)
{
	CMS_ContentInfo *cms;
	BIO *plain = NULL;
	char *p = NULL;
	int r = ZTJ_BAD_ENCODING;
	long n;

	if (o->key == NULL)
		return ZTJ_ENCRYPTED_KEY;
	cms = read_cms(body);
	if (cms != NULL) {
		r = ZTJ_WRONG_KEY;
		plain = BIO_new(BIO_s_mem());
	}
	if (plain != NULL && CMS_decrypt(cms, o->key, o->cert, NULL, plain, CMS_BINARY) == 1) {
		n = BIO_get_mem_data(plain, &p);
		r = n <= 0 ? ZTJ_BAD_ENCODING : ztj_buf_put(frame, p, (size_t)n);
	}
	BIO_free(plain);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return r;
}

/* ---- zstd ---- */

/* One frame, of this format, that claims this length or none. */
static int check_frame(struct ztj_view f, uint32_t text)
{
	static const uint8_t magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };
	unsigned long long says;

	if (f.n < sizeof(magic) || memcmp(f.p, magic, sizeof(magic)) != 0 ||
	    ZSTD_findFrameCompressedSize(f.p, f.n) != f.n)
		return ZTJ_BAD_ENCODING;
	says = ZSTD_getFrameContentSize(f.p, f.n);
	if (says == ZSTD_CONTENTSIZE_UNKNOWN)
		return ZTJ_OK;
	if (says == ZSTD_CONTENTSIZE_ERROR)
		return ZTJ_BAD_ENCODING;
	return says > text ? ZTJ_TOO_LARGE : says < text ? ZTJ_BAD_ENCODING : ZTJ_OK;
}

static int decompress(struct ztj_opener *o, struct ztj_view f, uint32_t text, struct ztj_buf *out)
{
	uint8_t *mem;
	size_t n;
	int r = check_frame(f, text);

	if (r != ZTJ_OK)
		return r;
	mem = malloc(text == 0 ? 1 : text);
	if (mem == NULL)
		return ZTJ_NOMEM;
	/* nothing beyond the stated length has a place to go */
	n = ZSTD_decompressDCtx(o->dctx, mem, text, f.p, f.n);
	if (ZSTD_isError(n))
		r = ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall ? ZTJ_TOO_LARGE : ZTJ_BAD_ENCODING;
	else
		r = n == text ? ztj_buf_put(out, mem, n) : ZTJ_BAD_ENCODING;
	ztj_wipe(mem, text);
	free(mem);
	return r;
}

int ztj_unpack(struct ztj_opener *o, const struct ztj_chunk *c, struct ztj_buf *text)
{
	struct ztj_buf frame;
	int r;

	if (c->text > ZTJ_CHUNK_TEXT_MAX || c->body.n > ZTJ_CHUNK_BODY_MAX)
		return ZTJ_TOO_LARGE;
	if ((c->flags & ZTJ_CHUNK_SEALED) == 0)
		return decompress(o, c->body, c->text, text);
	ztj_buf_init(&frame, ZTJ_CHUNK_BODY_MAX);
	r = unseal(o, c->body, &frame);
	if (r == ZTJ_OK)
		r = decompress(o, ztj_buf_view(&frame), c->text, text);
	/* Tried on every recipient, a key that is not theirs yields a random one, and with that, now and then, bytes. */
	if (r == ZTJ_BAD_ENCODING && o->key != NULL && o->cert == NULL)
		r = ZTJ_WRONG_KEY;
	ztj_buf_free(&frame);
	return r;
}
