/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Showing a statement, asking, signing. */
#include "ztjit/sign.h"

#include <string.h>

#include "libztjit/sys/safefile.h"
#include "ztjit/api.h"
#include "ztjit/out.h"
#include "ztjit/screen.h"
#include "ztjit/tty.h"

void sign_begin(struct cli *c, struct ztj_stmt *st, enum ztj_stmt_type type)
{
	*st = (struct ztj_stmt){ .type = type, .domain = c->pins.domain, .issued = cli_now() };
	if (c->trust != NULL)
		ztj_trust_fill_seen(c->trust, &st->seen);
}

int sign_nonce(char out[ZTJ_HEX_SIZE])
{
	uint8_t raw[ZTJ_DIGEST_LEN];
	int r = ztj_random(raw, sizeof raw);

	out[0] = '\0';
	if (r == ZTJ_OK)
		ztj_hex(raw, sizeof raw, out);
	return r;
}

/* Tabs are layout in a policy file; everything else goes through the escape. */
static int render_line(const uint8_t *p, size_t n, struct ztj_buf *out)
{
	int r = ZTJ_OK;

	while (n > 0 && r == ZTJ_OK) {
		const uint8_t *tab = memchr(p, '\t', n);
		size_t len = tab != NULL ? (size_t)(tab - p) : n;

		r = ztj_text_escape(ztj_view_of(p, len), out);
		if (tab != NULL)
			(void)ztj_buf_puts(out, "    ");
		p += len + (tab != NULL);
		n -= len + (tab != NULL);
	}
	return r;
}

/* A policy's bytes are its text; every line is shown, escaped. */
static int render_text(struct ztj_view bytes, struct ztj_buf *out)
{
	int r = ZTJ_OK;

	while (bytes.n > 0 && r == ZTJ_OK) {
		const uint8_t *nl = memchr(bytes.p, '\n', bytes.n);
		size_t n = nl != NULL ? (size_t)(nl - bytes.p) : bytes.n;

		if ((r = render_line(bytes.p, n, out)) == ZTJ_OK)
			r = ztj_buf_put_u8(out, '\n');
		bytes = ztj_view_after(bytes, n + 1);
	}
	return r;
}

static int render(struct cli *c, const struct sign_ask *ask, struct ztj_buf *out)
{
	struct ztj_stmt *st = NULL;
	int r;

	if (ask->type == ZTJ_STMT_POLICY)
		return render_text(ask->bytes, out);
	if ((r = ztj_stmt_parse(ask->bytes, ask->type, c->pins.domain, &st)) == ZTJ_OK)
		r = ztj_stmt_render(st, cli_now(), out);
	ztj_stmt_free(st);
	return r;
}

int sign_show(struct cli *c, const struct sign_ask *ask, const struct cli_key *k)
{
	struct ztj_buf text, body;
	uint8_t id[ZTJ_DIGEST_LEN];
	char hex[ZTJ_HEX_SIZE];
	int r;

	ztj_buf_init(&text, 64 * 1024 * 1024);
	ztj_buf_init(&body, 64 * 1024 * 1024);
	if ((r = render(c, ask, &body)) == ZTJ_OK && (r = ztj_stmt_id(ask->bytes, id)) == ZTJ_OK &&
	    (r = screen_indent(ask->before, &text)) == ZTJ_OK) {
		ztj_hex(id, sizeof id, hex);
		if (ask->before.n > 0)
			(void)ztj_buf_puts(&text, "What is signed:\n");
		r = screen_indent(ztj_buf_view(&body), &text);
		(void)ztj_buf_printf(&text, "  sha256: %s\n  namespace: %s\n", hex,
		    ztj_stmt_namespace(ask->type));
		if (k != NULL)
			(void)ztj_buf_printf(&text, "  key: %s\n", k->fingerprint);
		if (r == ZTJ_OK)
			r = ztj_buf_status(&text);
	}
	if (r == ZTJ_OK)
		r = screen_show(c, ask->title, ztj_buf_view(&text));
	ztj_buf_free(&text);
	ztj_buf_free(&body);
	return r;
}

int sign_statement(struct cli *c, const struct sign_ask *ask, const struct cli_key *k, struct ztj_buf *sig)
{
	int r;

	if ((r = sign_show(c, ask, k)) != ZTJ_OK)
		return r;
	if (ask->question != NULL && (r = tty_confirm(c, ask->question)) != ZTJ_OK)
		return r;
	return key_sign(c, k, ztj_stmt_namespace(ask->type), ask->bytes, ask->uv, sig);
}

int sign_and_post(struct cli *c, const struct sign_ask *ask, const struct cli_key *k, json_t **answer)
{
	struct ztj_signed s = { .bytes = ask->bytes, .nsigs = 1 };
	struct ztj_buf sig;
	int r;

	if (answer != NULL)
		*answer = NULL;
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	if ((r = sign_statement(c, ask, k, &sig)) == ZTJ_OK) {
		s.sig[0] = ztj_buf_view(&sig);
		r = api_statement(c, &s, answer);
	}
	ztj_buf_free(&sig);
	return r;
}

int sign_write(struct cli *c, const char *path, const struct sign_ask *ask)
{
	int r;

	if ((r = sign_show(c, ask, NULL)) != ZTJ_OK)
		return r;
	if ((r = ztj_file_create(path, ask->bytes, 0644)) != ZTJ_OK)
		return cli_fail(c, r, "%s: %s", cli_esc(c, path), ztj_err_text(r));
	out_say(c,
	    "%s has the bytes to sign. Next:\n  ssh-keygen -Y sign -f KEY -n %s %s\n  ztjit submit %s %s.sig",
	    cli_esc(c, path), ztj_stmt_namespace(ask->type), cli_esc(c, path), cli_esc(c, path),
	    cli_esc(c, path));
	c->result = json_pack("{s:s, s:s}", "file", path, "namespace", ztj_stmt_namespace(ask->type));
	return ZTJ_OK;
}
