/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Kept certificates. */
#include "ztjit/kept.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"
#include "ztjit/api.h"

#define CERT_LINE_MAX (2u * ZTJ_CERT_MAX)
#define SUFFIX "-cert.pub"
#define SUFFIX_LEN (sizeof SUFFIX - 1)
#define ASK_AGAIN 10 /* seconds: ssh to many hosts in a row must not mean as many questions */
#define PATIENCE 3   /* seconds: somebody waits for a login that needs no broker */

char *kept_dir(struct cli *c)
{
	return ctx_path(c, c->run_dir, "certs");
}

char *kept_path(struct cli *c, const char *user, const char *host)
{
	return cli_printf(c, "%s/certs/%s@%s" SUFFIX, c->run_dir, user, ztj_fullname_tail(host));
}

char *kept_beside(struct cli *c, const char *path)
{
	return cli_printf(c, "%.*s", (int)(strlen(path) - SUFFIX_LEN), path);
}

static int line_blob(const char *line, struct ztj_buf *blob)
{
	const char *b64 = strchr(line, ' ');
	size_t n;

	if (b64 == NULL)
		return ZTJ_BAD_ENCODING;
	b64++;
	n = strcspn(b64, " \r\n");
	return ztj_b64_decode(ztj_view_of(b64, n), blob);
}

void kept_free(struct kept *k)
{
	req_free(&k->req);
	ztj_buf_free(&k->blob);
}

/* The certificate alone; whose grant it carries is not looked at yet. */
static int parse_cert(const char *line, struct kept *out)
{
	int r;

	*out = (struct kept){ .req.bundle = NULL };
	ztj_buf_init(&out->blob, ZTJ_CERT_MAX);
	if ((r = line_blob(line, &out->blob)) != ZTJ_OK)
		return r;
	return ztj_cert_parse(&out->cert, ztj_buf_view(&out->blob));
}

int kept_parse(struct cli *c, const char *line, struct kept *out)
{
	int r;

	if ((r = parse_cert(line, out)) != ZTJ_OK ||
	    (r = ztj_bundle_read(out->cert.bundle, c->pins.domain, c->cache, &out->req.bundle)) != ZTJ_OK)
		return r;
	ztj_hex(out->req.bundle->request->id, ZTJ_DIGEST_LEN, out->req.id);
	ztj_short_id(out->req.bundle->request->id, out->req.short_id);
	ztj_grant_eval(c->trust, out->req.bundle, cli_now(), &out->req.grant);
	return ZTJ_OK;
}

int kept_load(struct cli *c, const char *path, struct kept *out)
{
	struct ztj_buf text;
	const char *line;
	int r;

	*out = (struct kept){ .req.bundle = NULL };
	ztj_buf_init(&text, CERT_LINE_MAX);
	if ((r = ctx_read(c, path, false, CERT_LINE_MAX, &text)) == ZTJ_OK)
		r = (line = ztj_buf_str(&text)) != NULL ? kept_parse(c, line, out) : ZTJ_NOMEM;
	ztj_buf_free(&text);
	if (r != ZTJ_OK)
		kept_free(out);
	return r;
}

static bool names_grant(const char *path, const char *principal)
{
	const struct ztj_file_rule rule = { .owner = getuid() };
	struct kept k = { .req.bundle = NULL };
	struct ztj_buf text;
	const char *line;
	bool yes;

	ztj_buf_init(&text, CERT_LINE_MAX);
	yes = ztj_file_read(path, &rule, CERT_LINE_MAX, &text) == ZTJ_OK &&
	    (line = ztj_buf_str(&text)) != NULL && parse_cert(line, &k) == ZTJ_OK &&
	    strcmp(k.cert.principal, principal) == 0;
	kept_free(&k);
	ztj_buf_free(&text);
	return yes;
}

void kept_forget(struct cli *c, const char *id)
{
	char *dir = kept_dir(c), *principal = cli_printf(c, ZTJ_PRINCIPAL_PREFIX "%s", id);
	DIR *d = dir != NULL && principal != NULL ? opendir(dir) : NULL;
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);
		char *path, *beside;

		if (n <= SUFFIX_LEN || strcmp(e->d_name + n - SUFFIX_LEN, SUFFIX) != 0)
			continue;
		if ((path = ctx_path(c, dir, e->d_name)) == NULL || !names_grant(path, principal))
			continue;
		(void)unlink(path);
		if ((beside = kept_beside(c, path)) != NULL)
			(void)unlink(beside);
	}
	if (d != NULL)
		(void)closedir(d);
}

static bool asked_lately(const char *path)
{
	int64_t now = cli_now();
	struct stat st;

	return lstat(path, &st) == 0 && st.st_mtime <= now && now - st.st_mtime < ASK_AGAIN;
}

bool kept_ask(struct cli *c, const struct kept *k, struct req *out)
{
	int64_t patience = c->conf.timeout;
	bool heard;

	if (c->conf.timeout > PATIENCE)
		c->conf.timeout = PATIENCE;
	heard = api_open_login(c) == ZTJ_OK && req_fetch(c, k->req.id, out) == ZTJ_OK;
	c->conf.timeout = patience;
	return heard;
}

bool kept_is_over(struct cli *c, const char *path, const struct kept *k)
{
	bool over = false;
	struct req q;

	if (asked_lately(path))
		return false;
	if (kept_ask(c, k, &q)) {
		over = req_is_over(&q);
		req_free(&q);
	}
	cli_forget(c);
	if (!over)
		(void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
	return over;
}
