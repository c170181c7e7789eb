/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The pinned roots: policy_roots as text, and the pin that people compare (doc/PROTOCOL.md section 1.5). */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/trust.h"

#define PINS_TEXT_MAX (32 * 1024)
#define PIN_PREFIX "ZTJ-"
#define PIN_CHARS 52
#define PIN_TYPED_LEAST 25 /* 125 bits */

/* The word up to the next space; *rest is what follows the one space, or empty. */
static struct ztj_view word(struct ztj_view line, struct ztj_view *rest)
{
	size_t n = 0;

	while (n < line.n && line.p[n] != ' ')
		n++;
	*rest = ztj_view_after(line, n + 1);
	return ztj_view_of(line.p, n);
}

/* A view as a string of at most size - 1 bytes. */
static bool to_text(struct ztj_view v, char *out, size_t size)
{
	out[0] = '\0';
	if (v.n == 0 || v.n >= size)
		return false;
	memcpy(out, v.p, v.n);
	out[v.n] = '\0';
	return strlen(out) == v.n;
}

static bool to_number(struct ztj_view v, int64_t min, int64_t max, int64_t *out)
{
	char text[24];

	return to_text(v, text, sizeof(text)) && ztj_parse_int(text, min, max, out) == ZTJ_OK;
}

static bool parse_domain(struct ztj_view v, struct ztj_pins *p)
{
	return p->domain[0] == '\0' && to_text(v, p->domain, sizeof(p->domain)) && ztj_domain_ok(p->domain);
}

static bool parse_threshold(struct ztj_view v, struct ztj_pins *p)
{
	int64_t n;

	if (p->threshold != 0 || !to_number(v, 1, ZTJ_ROOTS_MAX, &n))
		return false;
	p->threshold = (unsigned)n;
	return true;
}

static bool parse_floor(struct ztj_view v, struct ztj_pins *p)
{
	struct ztj_view hex, version = word(v, &hex);

	if (p->has_floor || !to_number(version, 1, INT64_MAX, &p->floor_version) ||
	    ztj_unhex(hex, p->floor, sizeof(p->floor)) != ZTJ_OK)
		return false;
	p->has_floor = true;
	return true;
}

static bool parse_root(struct ztj_view v, struct ztj_pins *p)
{
	struct ztj_key *k = &p->root[p->nroots];

	if (p->nroots == ZTJ_ROOTS_MAX || ztj_key_from_line(k, v) != ZTJ_OK ||
	    (!ztj_key_is_sk(k) && k->type != ZTJ_KEY_ED25519))
		return false;
	for (size_t i = 0; i < p->nroots; i++)
		if (ztj_key_equal(&p->root[i], k))
			return false;
	p->nroots++;
	return true;
}

static bool parse_line(struct ztj_view line, struct ztj_pins *p)
{
	struct ztj_view rest, key = word(line, &rest);

	if (!ztj_text_ok(line))
		return false;
	if (line.n == 0 || line.p[0] == '#')
		return true;
	if (ztj_view_eq_str(key, "domain"))
		return parse_domain(rest, p);
	if (ztj_view_eq_str(key, "threshold"))
		return parse_threshold(rest, p);
	if (ztj_view_eq_str(key, "floor"))
		return parse_floor(rest, p);
	if (ztj_view_eq_str(key, "root"))
		return parse_root(rest, p);
	return false;
}

int ztj_pins_parse(struct ztj_view text, struct ztj_pins *out, unsigned *line)
{
	struct ztj_pins p;

	memset(&p, 0, sizeof(p));
	memset(out, 0, sizeof(*out));
	*line = 0;
	if (text.n > PINS_TEXT_MAX)
		return ZTJ_TOO_LARGE;
	for (size_t at = 0; at < text.n;) {
		const uint8_t *lf = memchr(text.p + at, '\n', text.n - at);
		size_t end = lf == NULL ? text.n : (size_t)(lf - text.p);

		++*line;
		if (!parse_line(ztj_view_of(text.p + at, end - at), &p))
			return ZTJ_CONFIG;
		at = end + 1;
	}
	if (p.domain[0] == '\0' || p.threshold == 0 || p.nroots < p.threshold)
		return ZTJ_CONFIG;
	*out = p;
	*line = 0;
	return ZTJ_OK;
}

int ztj_pins_format(const struct ztj_pins *p, struct ztj_buf *out)
{
	char key[ZTJ_KEY_TEXT_SIZE], hex[ZTJ_HEX_SIZE];

	(void)ztj_buf_printf(out, "domain %s\nthreshold %u\n", p->domain, p->threshold);
	if (p->has_floor) {
		ztj_hex(p->floor, sizeof(p->floor), hex);
		(void)ztj_buf_printf(out, "floor %lld %s\n", (long long)p->floor_version, hex);
	}
	for (size_t i = 0; i < p->nroots; i++) {
		int r = ztj_key_to_text(&p->root[i], key);

		if (r != ZTJ_OK)
			return r;
		(void)ztj_buf_printf(out, "root %s\n", key);
	}
	return ztj_buf_status(out);
}

struct blob {
	uint8_t p[ZTJ_KEY_BLOB_MAX];
	size_t n;
};

static int blob_order(const void *a, const void *b)
{
	const struct blob *x = a, *y = b;
	int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return c != 0 ? c : (x->n > y->n) - (x->n < y->n);
}

static int sorted_roots(const struct ztj_pins *p, struct blob *out)
{
	struct ztj_buf b;
	int r = ZTJ_OK;

	ztj_buf_init(&b, ZTJ_KEY_BLOB_MAX);
	for (size_t i = 0; r == ZTJ_OK && i < p->nroots; i++) {
		ztj_buf_reset(&b);
		r = ztj_key_to_blob(&p->root[i], &b);
		if (r == ZTJ_OK) {
			memcpy(out[i].p, b.p, b.n);
			out[i].n = b.n;
		}
	}
	ztj_buf_free(&b);
	qsort(out, p->nroots, sizeof(*out), blob_order);
	return r;
}

int ztj_pins_digest(const struct ztj_pins *p, char out[ZTJ_PIN_SIZE])
{
	struct blob roots[ZTJ_ROOTS_MAX];
	char text[PIN_CHARS + 1];
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_buf b;
	size_t n;
	int r;

	out[0] = '\0';
	if (p->nroots == 0 || p->nroots > ZTJ_ROOTS_MAX)
		return ZTJ_CONFIG;
	r = sorted_roots(p, roots);
	if (r != ZTJ_OK)
		return r;
	ztj_buf_init(&b, PINS_TEXT_MAX);
	(void)ztj_buf_put_cstring(&b, "ztj-pin");
	(void)ztj_buf_put_cstring(&b, p->domain);
	(void)ztj_buf_put_u32(&b, p->threshold);
	for (size_t i = 0; i < p->nroots; i++)
		(void)ztj_buf_put_string(&b, roots[i].p, roots[i].n);
	r = ztj_buf_status(&b);
	if (r == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(&b), digest);
	ztj_buf_free(&b);
	if (r != ZTJ_OK)
		return r;
	ztj_base32(digest, sizeof(digest), text, sizeof(text));
	memcpy(out, PIN_PREFIX, 4);
	n = 4;
	for (size_t i = 0; i < PIN_CHARS; i++) {
		if (i > 0 && i % 5 == 0)
			out[n++] = '-';
		out[n++] = text[i];
	}
	out[n] = '\0';
	return ZTJ_OK;
}

/* What somebody typed as the characters of Crockford's alphabet, without the prefix; 0 when it is none. */
static size_t fold(const char *typed, char out[PIN_CHARS])
{
	size_t n = 0, seen = 0;

	for (; *typed != '\0'; typed++) {
		char c = *typed;

		if (c == '-' || c == ' ')
			continue;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (seen < 3) {
			if (c != PIN_PREFIX[seen++])
				return 0;
			continue;
		}
		if (c == 'O')
			c = '0';
		else if (c == 'I' || c == 'L')
			c = '1';
		if (n == PIN_CHARS)
			return 0;
		out[n++] = c;
	}
	return n;
}

int ztj_pins_check(const struct ztj_pins *p, const char *typed)
{
	char pin[ZTJ_PIN_SIZE], want[PIN_CHARS], have[PIN_CHARS];
	size_t n;
	int r = ztj_pins_digest(p, pin);

	if (r != ZTJ_OK)
		return r;
	n = fold(typed, have);
	if (n < PIN_TYPED_LEAST || fold(pin, want) != PIN_CHARS || memcmp(want, have, n) != 0)
		return ZTJ_PIN_MISMATCH;
	return ZTJ_OK;
}
