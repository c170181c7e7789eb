/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/prooffile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "ztjit-proof 1\n"
#define REQUEST "request "
#define MARK "== "
#define LAST_LINE MARK "end\n"

static const struct {
	const char *what;
	const char *tail; /* behind the count; NULL: there is one at most */
	size_t max;
} parts[] = { [ZTJ_PART_LEAF] = { "leaf", NULL, ZTJ_ENTRY_MAX },
	[ZTJ_PART_PROOF] = { "tlog-proof", NULL, ZTJ_PATH_TEXT_MAX + ZTJ_NOTE_MAX },
	[ZTJ_PART_STATEMENT] = { "statement", NULL, ZTJ_POLICY_MAX },
	[ZTJ_PART_SIG] = { "statement", ".sig", 2 * ZTJ_SSHSIG_MAX },
	[ZTJ_PART_RECORD] = { "record", "", ZTJ_RECORD_MAX },
	[ZTJ_PART_PATH] = { "record", ".path", ZTJ_PATH_TEXT_MAX } };

/* Where in the file something stands. */
struct place {
	uint64_t n;
	enum ztj_proof_part part;
	unsigned k;
};

static void part_name(const struct place *p, char out[ZTJ_PROOF_PART_SIZE])
{
	unsigned long long n = p->n;

	if (parts[p->part].tail == NULL)
		(void)snprintf(out, ZTJ_PROOF_PART_SIZE, "%llu.%s", n, parts[p->part].what);
	else
		(void)snprintf(out, ZTJ_PROOF_PART_SIZE, "%llu.%s.%u%s", n, parts[p->part].what, p->k,
		    parts[p->part].tail);
}

int ztj_proof_begin(struct ztj_buf *out, const uint8_t request[ZTJ_DIGEST_LEN])
{
	char hex[ZTJ_HEX_SIZE];

	ztj_hex(request, ZTJ_DIGEST_LEN, hex);
	return ztj_buf_printf(out, FIRST_LINE REQUEST "%s\n", hex);
}

int ztj_proof_put(struct ztj_buf *out, uint64_t n, enum ztj_proof_part part, unsigned k,
    struct ztj_view bytes)
{
	const struct place at = { n, part, k };
	char name[ZTJ_PROOF_PART_SIZE];

	if (bytes.n == 0 || bytes.n > parts[part].max)
		return ZTJ_TOO_LARGE;
	part_name(&at, name);
	(void)ztj_buf_printf(out, MARK "%s %zu\n", name, bytes.n);
	(void)ztj_buf_put(out, bytes.p, bytes.n);
	return ztj_buf_puts(out, "\n");
}

int ztj_proof_end(struct ztj_buf *out)
{
	return ztj_buf_puts(out, LAST_LINE);
}

/* --- reading --- */

struct reading {
	struct ztj_view left;
	struct ztj_proof *p;
	struct place at; /* of the last part */
};

/* Digits without a zero before them, at most max, and what ends them. */
static bool number(struct ztj_view *v, uint64_t max, uint8_t end, uint64_t *out)
{
	uint64_t n = 0;
	size_t i = 0;

	for (; i < v->n && i < 17 && v->p[i] >= '0' && v->p[i] <= '9'; i++)
		n = n * 10 + (uint64_t)(v->p[i] - '0');
	if (i == 0 || i == v->n || v->p[i] != end || n > max || (v->p[0] == '0' && i > 1))
		return false;
	*v = ztj_view_after(*v, i + 1);
	*out = n;
	return true;
}

/* May this part follow the last one? */
static bool follows(const struct place *last, const struct place *next)
{
	bool same = next->n == last->n;

	switch (next->part) {
	case ZTJ_PART_LEAF:
		return next->n > last->n &&
		    (last->part == ZTJ_PART_PROOF || last->part == ZTJ_PART_SIG ||
			last->part == ZTJ_PART_PATH);
	case ZTJ_PART_PROOF:
		return same && last->part == ZTJ_PART_LEAF;
	case ZTJ_PART_STATEMENT:
		return same && last->part == ZTJ_PART_PROOF;
	case ZTJ_PART_SIG:
		return same &&
		    (next->k == 1 ? last->part == ZTJ_PART_STATEMENT
				  : last->part == ZTJ_PART_SIG && next->k == last->k + 1 &&
				next->k <= ZTJ_SIGS_MAX);
	case ZTJ_PART_RECORD:
		return same &&
		    (next->k == 1 ? last->part == ZTJ_PART_SIG
				  : last->part == ZTJ_PART_PATH && next->k == last->k + 1 &&
				next->k <= ZTJ_PROOF_RECORDS_MAX);
	case ZTJ_PART_PATH:
		return same && last->part == ZTJ_PART_RECORD && next->k == last->k;
	}
	return false;
}

/* A part's name with its space, one of those that may come now. */
static int read_name(struct reading *rd, bool first)
{
	char name[ZTJ_PROOF_PART_SIZE];
	struct place next = { 0 };
	struct ztj_view v = rd->left;

	if (!number(&v, ZTJ_LOG_MAX - 1, '.', &next.n))
		return ZTJ_BAD_ENCODING;
	for (int p = ZTJ_PART_LEAF; p <= ZTJ_PART_PATH; p++) {
		next.part = (enum ztj_proof_part)p;
		next.k = rd->at.part == next.part ||
			(next.part == ZTJ_PART_RECORD && rd->at.part == ZTJ_PART_PATH)
		    ? rd->at.k + 1
		    : next.part == ZTJ_PART_PATH ? rd->at.k
						 : 1;
		part_name(&next, name);
		v = rd->left;
		if (!ztj_view_skip(&v, name) || !ztj_view_skip(&v, " "))
			continue;
		if (first ? next.part != ZTJ_PART_LEAF : !follows(&rd->at, &next))
			return ZTJ_BAD_ENCODING;
		rd->at = next;
		rd->left = v;
		return ZTJ_OK;
	}
	return ZTJ_BAD_ENCODING;
}

static int new_item(struct ztj_proof *p, uint64_t n)
{
	if (p->n == ZTJ_PROOF_ITEMS_MAX)
		return ZTJ_LIMIT;
	if (p->n == p->cap) {
		size_t cap = p->cap == 0 ? 16 : 2 * p->cap;
		struct ztj_proof_item *more = realloc(p->item, cap * sizeof(*more));

		if (more == NULL)
			return ZTJ_NOMEM;
		p->item = more;
		p->cap = cap;
	}
	p->item[p->n] = (struct ztj_proof_item){ .n = n };
	p->n++;
	return ZTJ_OK;
}

static int new_record(struct ztj_proof_item *i, struct ztj_view bytes)
{
	if (i->nrecords == i->caprecords) {
		size_t cap = i->caprecords == 0 ? 8 : 2 * i->caprecords;
		struct ztj_proof_record *more = realloc(i->record, cap * sizeof(*more));

		if (more == NULL)
			return ZTJ_NOMEM;
		i->record = more;
		i->caprecords = cap;
	}
	i->record[i->nrecords++] = (struct ztj_proof_record){ .bytes = bytes };
	return ZTJ_OK;
}

static int keep(struct reading *rd, struct ztj_view bytes)
{
	struct ztj_proof_item *i;
	int r = rd->at.part == ZTJ_PART_LEAF ? new_item(rd->p, rd->at.n) : ZTJ_OK;

	if (r != ZTJ_OK)
		return r;
	i = &rd->p->item[rd->p->n - 1];
	switch (rd->at.part) {
	case ZTJ_PART_LEAF:
		i->leaf = bytes;
		return ZTJ_OK;
	case ZTJ_PART_PROOF:
		i->proof = bytes;
		return ZTJ_OK;
	case ZTJ_PART_STATEMENT:
		i->statement = bytes;
		return ZTJ_OK;
	case ZTJ_PART_SIG:
		i->sig[i->nsigs++] = bytes;
		return ZTJ_OK;
	case ZTJ_PART_RECORD:
		return new_record(i, bytes);
	case ZTJ_PART_PATH:
		i->record[i->nrecords - 1].path = bytes;
		return ZTJ_OK;
	}
	return ZTJ_INTERNAL;
}

static int read_part(struct reading *rd, bool first)
{
	struct ztj_view bytes;
	uint64_t n;
	int r = read_name(rd, first);

	if (r != ZTJ_OK)
		return r;
	if (!number(&rd->left, parts[rd->at.part].max, '\n', &n) || n == 0)
		return ZTJ_BAD_ENCODING;
	if (rd->left.n <= n)
		return ZTJ_TRUNCATED;
	bytes = ztj_view_of(rd->left.p, (size_t)n);
	rd->left = ztj_view_after(rd->left, (size_t)n);
	return ztj_view_skip(&rd->left, "\n") ? keep(rd, bytes) : ZTJ_BAD_ENCODING;
}

static bool may_end(enum ztj_proof_part last)
{
	return last == ZTJ_PART_PROOF || last == ZTJ_PART_SIG || last == ZTJ_PART_PATH;
}

static int read_request(struct reading *rd)
{
	struct ztj_view hex;
	int r;

	if (!ztj_view_skip(&rd->left, FIRST_LINE))
		return rd->left.n < strlen(FIRST_LINE) ? ZTJ_TRUNCATED : ZTJ_VERSION;
	if (!ztj_view_skip(&rd->left, REQUEST) || rd->left.n <= 2 * ZTJ_DIGEST_LEN)
		return rd->left.n <= 2 * ZTJ_DIGEST_LEN ? ZTJ_TRUNCATED : ZTJ_BAD_ENCODING;
	hex = ztj_view_of(rd->left.p, 2 * ZTJ_DIGEST_LEN);
	r = ztj_unhex(hex, rd->p->request, ZTJ_DIGEST_LEN);
	rd->left = ztj_view_after(rd->left, hex.n);
	return r == ZTJ_OK && ztj_view_skip(&rd->left, "\n") ? ZTJ_OK : ZTJ_BAD_ENCODING;
}

static int read_all(struct reading *rd)
{
	int r = read_request(rd);

	for (bool first = true; r == ZTJ_OK; first = false) {
		if (!first && may_end(rd->at.part) && ztj_view_skip(&rd->left, LAST_LINE))
			return rd->left.n == 0 ? ZTJ_OK : ZTJ_TRAILING;
		if (rd->left.n == 0)
			return ZTJ_TRUNCATED;
		r = ztj_view_skip(&rd->left, MARK) ? read_part(rd, first) : ZTJ_BAD_ENCODING;
	}
	return r;
}

int ztj_proof_read(struct ztj_view file, struct ztj_proof **out)
{
	struct reading rd = { .left = file };
	int r;

	*out = NULL;
	if (file.n > ZTJ_PROOF_FILE_MAX)
		return ZTJ_TOO_LARGE;
	if ((rd.p = calloc(1, sizeof(*rd.p))) == NULL)
		return ZTJ_NOMEM;
	r = read_all(&rd);
	if (r == ZTJ_OK)
		*out = rd.p;
	else
		ztj_proof_free(rd.p);
	return r;
}

void ztj_proof_free(struct ztj_proof *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		free(p->item[i].record);
	free(p->item);
	free(p);
}
