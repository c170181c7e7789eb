/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <stdio.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-broker/newkey.h"
#include "ztjit-broker/sender.h"
#include "ztjit-broker/signer.h"

/* All SubjectPublicKeyInfo of Ed25519 begin so: 12 bytes, which are 16 characters. */
#define SPKI_BEGIN "MCowBQYDK2VwAyEA"

/* As openssl reads it. */
static int write_public(const struct broker_conf *conf, const struct ztj_key *pub)
{
	char path[PATH_MAX];
	struct ztj_buf pem;
	ztj_buf_init(&pem, 1024);
	(void)ztj_buf_puts(&pem, "-----BEGIN PUBLIC KEY-----\n" SPKI_BEGIN);
	int r = ztj_b64_encode(ztj_view_of(pub->pub, pub->pub_len), &pem);
	if (r == ZTJ_OK)
		r = ztj_buf_puts(&pem, "\n-----END PUBLIC KEY-----\n");
	if (r == ZTJ_OK)
		r = broker_path(conf, "sender/sender.pem", path);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(&pem), 0644);
	ztj_buf_free(&pem);
	return r;
}

static int make(const struct broker_conf *conf, const char *path, struct ztj_seckey *out)
{
	struct ztj_buf text;
	char comment[128];
	ztj_buf_init(&text, 8192);
	(void)snprintf(comment, sizeof(comment), "ztjit-broker-sender@%s", conf->domain);
	int r = newkey(comment, out, &text);
	if (r == ZTJ_OK)
		r = write_public(conf, &out->pub);
	if (r == ZTJ_OK)
		r = ztj_file_create(path, ztj_buf_view(&text), 0600);
	ztj_buf_free(&text);
	return r;
}

int sender_key(const struct broker_conf *conf, struct ztj_seckey *out)
{
	char path[PATH_MAX];
	int r = broker_path(conf, "sender/sender.key", path);
	if (r == ZTJ_OK)
		r = access(path, F_OK) == 0 ? ca_read_key(path, geteuid(), out) : make(conf, path, out);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "%s: %s", path, ztj_err_text(r));
	return r;
}
