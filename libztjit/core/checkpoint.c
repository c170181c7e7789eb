/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/checkpoint.h"

#include <stdio.h>
#include <string.h>

#define KEYS_MAX 16

void ztj_checkpoint_origin(const char *domain, char out[ZTJ_ORIGIN_SIZE])
{
	(void)snprintf(out, ZTJ_ORIGIN_SIZE, "%.*s/ztjit", ZTJ_DOMAIN_SIZE - 1, domain);
}

int ztj_checkpoint_sign(const struct ztj_seckey *key, const char *domain, const struct ztj_checkpoint *c,
    struct ztj_buf *out)
{
	char origin[ZTJ_ORIGIN_SIZE];
	struct ztj_buf text;
	int r;

	ztj_checkpoint_origin(domain, origin);
	ztj_buf_init(&text, ZTJ_CHECKPOINT_MAX);
	(void)ztj_buf_printf(&text, "%s\n%llu\n", origin, (unsigned long long)c->size);
	r = ztj_b64_encode(ztj_view_of(c->root, sizeof(c->root)), &text);
	if (r == ZTJ_OK)
		r = ztj_buf_puts(&text, "\n");
	if (r == ZTJ_OK)
		r = ztj_note_sign(origin, key, ztj_buf_view(&text), out);
	ztj_buf_free(&text);
	return r;
}

static int next_line(struct ztj_view *left, struct ztj_view *line)
{
	const uint8_t *end = left->n == 0 ? NULL : memchr(left->p, '\n', left->n);

	if (end == NULL || end == left->p) /* an empty line is no line of a checkpoint */
		return ZTJ_BAD_ENCODING;
	*line = ztj_view_of(left->p, (size_t)(end - left->p));
	*left = ztj_view_after(*left, line->n + 1);
	return ZTJ_OK;
}

static int read_size(struct ztj_view line, uint64_t *out)
{
	char text[20] = "";
	int64_t n;

	if (line.n >= sizeof(text))
		return ZTJ_LIMIT;
	memcpy(text, line.p, line.n);
	if (strlen(text) != line.n)
		return ZTJ_BAD_ENCODING;
	int r = ztj_parse_int(text, 0, (int64_t)ZTJ_LOG_MAX, &n);
	if (r == ZTJ_OK)
		*out = (uint64_t)n;
	return r;
}

static int read_root(struct ztj_view line, ztj_hash out)
{
	struct ztj_buf raw;
	int r;

	ztj_buf_init(&raw, 64);
	r = ztj_b64_decode(line, &raw);
	if (r == ZTJ_OK && raw.n != ZTJ_DIGEST_LEN)
		r = ZTJ_BAD_ENCODING;
	if (r == ZTJ_OK)
		memcpy(out, raw.p, ZTJ_DIGEST_LEN);
	ztj_buf_free(&raw);
	return r == ZTJ_NOMEM || r == ZTJ_OK ? r : ZTJ_BAD_ENCODING;
}

int ztj_checkpoint_parse_origin(struct ztj_view text, const char *origin, struct ztj_checkpoint *out)
{
	struct ztj_view line, size, root;
	struct ztj_checkpoint c = { 0 };
	int r;

	memset(out, 0, sizeof(*out));
	r = next_line(&text, &line);
	if (r == ZTJ_OK)
		r = next_line(&text, &size);
	if (r == ZTJ_OK)
		r = next_line(&text, &root);
	if (r != ZTJ_OK)
		return r;
	if (!ztj_view_eq_str(line, origin))
		return ZTJ_DOMAIN;
	r = read_size(size, &c.size);
	if (r == ZTJ_OK)
		r = read_root(root, c.root);
	while (r == ZTJ_OK && text.n > 0)
		r = next_line(&text, &line);
	if (r == ZTJ_OK)
		*out = c;
	return r;
}

int ztj_checkpoint_parse(struct ztj_view text, const char *domain, struct ztj_checkpoint *out)
{
	char origin[ZTJ_ORIGIN_SIZE];

	ztj_checkpoint_origin(domain, origin);
	return ztj_checkpoint_parse_origin(text, origin, out);
}

int ztj_checkpoint_open(struct ztj_view note, const char *domain, const struct ztj_key *keys, size_t nkeys,
    struct ztj_checkpoint *out)
{
	char origin[ZTJ_ORIGIN_SIZE];
	struct ztj_note_key k[KEYS_MAX];
	struct ztj_note n;
	int r;

	memset(out, 0, sizeof(*out));
	if (nkeys > KEYS_MAX)
		return ZTJ_LIMIT;
	ztj_checkpoint_origin(domain, origin);
	r = ztj_note_parse(note, &n);
	for (size_t i = 0; r == ZTJ_OK && i < nkeys; i++)
		r = ztj_note_key_make(origin, &keys[i], &k[i]);
	if (r == ZTJ_OK)
		r = ztj_note_verify(&n, k, nkeys, NULL);
	return r == ZTJ_OK ? ztj_checkpoint_parse(n.text, domain, out) : r;
}

int ztj_checkpoint_keep(const struct ztj_checkpoint *c, struct ztj_buf *out)
{
	char hex[ZTJ_HEX_SIZE];

	ztj_hex(c->root, sizeof(c->root), hex);
	return ztj_buf_printf(out, "%llu %s\n", (unsigned long long)c->size, hex);
}

int ztj_checkpoint_kept(struct ztj_view text, struct ztj_checkpoint *out)
{
	const uint8_t *space = text.n == 0 ? NULL : memchr(text.p, ' ', text.n);
	struct ztj_checkpoint c = { 0 };
	struct ztj_view size, rest;
	int r;

	memset(out, 0, sizeof(*out));
	if (space == NULL)
		return ZTJ_BAD_ENCODING;
	size = ztj_view_of(text.p, (size_t)(space - text.p));
	rest = ztj_view_after(text, size.n + 1);
	if (rest.n != 2 * ZTJ_DIGEST_LEN + 1 || rest.p[rest.n - 1] != '\n')
		return ZTJ_BAD_ENCODING;
	rest.n--;
	r = read_size(size, &c.size);
	if (r == ZTJ_OK)
		r = ztj_unhex(rest, c.root, sizeof(c.root));
	if (r == ZTJ_OK)
		*out = c;
	return r;
}

int ztj_checkpoint_after(const struct ztj_checkpoint *kept, const struct ztj_checkpoint *next)
{
	if (next->size < kept->size)
		return ZTJ_LOG_ROLLBACK;
	return next->size > kept->size || memcmp(kept->root, next->root, sizeof(kept->root)) == 0
	    ? ZTJ_OK
	    : ZTJ_LOG_FORK;
}
