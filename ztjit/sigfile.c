/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Files of armoured signatures. */
#include "ztjit/sigfile.h"

#include <string.h>

#include "libztjit/sys/safefile.h"

#define SIGFILE_MAX (256u * 1024u)
static const char end_line[] = "-----END SSH SIGNATURE-----";

static int add_block(struct cli *c, struct ztj_view text, struct ztj_signed *s)
{
	struct ztj_buf blob;
	uint8_t *kept;
	int r;

	ztj_buf_init(&blob, ZTJ_SSHSIG_MAX);
	if ((r = ztj_sshsig_dearmor(text, &blob)) == ZTJ_OK && s->nsigs >= ZTJ_SIGS_MAX)
		r = ZTJ_LIMIT;
	for (size_t i = 0; r == ZTJ_OK && i < s->nsigs; i++)
		if (ztj_view_eq(s->sig[i], ztj_buf_view(&blob)))
			r = ZTJ_EXISTS;
	if (r == ZTJ_OK && (kept = cli_keep(c, blob.n)) == NULL)
		r = ZTJ_NOMEM;
	else if (r == ZTJ_OK) {
		memcpy(kept, blob.p, blob.n);
		s->sig[s->nsigs++] = ztj_view_of(kept, blob.n);
	}
	ztj_buf_free(&blob);
	return r == ZTJ_EXISTS ? ZTJ_OK : r;
}

static bool only_space(const char *s)
{
	return s[strspn(s, " \t\r\n")] == '\0';
}

int sigfile_parse(struct cli *c, const char *text, struct ztj_signed *s)
{
	const char *end;
	int r = ZTJ_OK;

	while (r == ZTJ_OK && !only_space(text)) {
		if ((end = strstr(text, end_line)) == NULL)
			return ZTJ_BAD_ENCODING;
		end += sizeof end_line - 1;
		r = add_block(c, ztj_view_of(text, (size_t)(end - text)), s);
		text = end;
	}
	return r;
}

int sigfile_read(struct cli *c, const char *path, struct ztj_signed *s)
{
	struct ztj_buf text;
	int r;

	ztj_buf_init(&text, SIGFILE_MAX + 1);
	if ((r = ctx_read(c, path, false, SIGFILE_MAX, &text)) == ZTJ_OK)
		r = ztj_buf_str(&text) != NULL ? sigfile_parse(c, ztj_buf_str(&text), s) : ZTJ_NOMEM;
	ztj_buf_free(&text);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", cli_esc(c, path), ztj_err_text(r));
}

int sigfile_write(struct cli *c, const char *path, const struct ztj_signed *s)
{
	struct ztj_buf text;
	int r = ZTJ_OK;

	ztj_buf_init(&text, SIGFILE_MAX);
	for (size_t i = 0; i < s->nsigs && r == ZTJ_OK; i++)
		r = ztj_sshsig_armor(s->sig[i], &text);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(&text), 0644);
	ztj_buf_free(&text);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", cli_esc(c, path), ztj_err_text(r));
}

static bool keeps(const char *ns, struct ztj_view bytes, struct ztj_view sig, const struct ztj_key *newcomer)
{
	struct ztj_signer who;

	return ztj_sshsig_verify(sig, ns, bytes, &who) == ZTJ_OK && !ztj_key_equal(&who.key, newcomer);
}

int sigfile_add(struct cli *c, const char *path, enum ztj_stmt_type type, struct ztj_view bytes,
    struct ztj_view blob)
{
	struct ztj_signed old = { .nsigs = 0 }, all = { .bytes = bytes };
	struct ztj_key newcomer;
	int r = ztj_sshsig_peek(blob, &newcomer);

	if (r != ZTJ_OK)
		return r;
	if (sigfile_read(c, path, &old) != ZTJ_OK)
		cli_forget(c);
	for (size_t i = 0; i < old.nsigs && all.nsigs < ZTJ_SIGS_MAX - 1; i++)
		if (keeps(ztj_stmt_namespace(type), bytes, old.sig[i], &newcomer))
			all.sig[all.nsigs++] = old.sig[i];
	all.sig[all.nsigs++] = blob;
	return sigfile_write(c, path, &all);
}
