/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Proof files: the container, inclusion proofs as text, and the check of what is in one, to roots that its own policy names. */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/proofcheck.h"
#include "tests/fuzz/fuzz.h"

/* There is one way to write what was read. */
static void one_form_only(struct ztj_view file, const struct ztj_proof *p)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_PROOF_FILE_MAX);
	MUST(ztj_proof_begin(&b, p->request) == ZTJ_OK);
	for (size_t i = 0; i < p->n; i++) {
		const struct ztj_proof_item *it = &p->item[i];

		MUST(i == 0 || it->n > p->item[i - 1].n);
		MUST(ztj_proof_put(&b, it->n, ZTJ_PART_LEAF, 0, it->leaf) == ZTJ_OK);
		MUST(ztj_proof_put(&b, it->n, ZTJ_PART_PROOF, 0, it->proof) == ZTJ_OK);
		if (it->statement.n > 0)
			MUST(ztj_proof_put(&b, it->n, ZTJ_PART_STATEMENT, 0, it->statement) == ZTJ_OK);
		MUST((it->statement.n > 0) == (it->nsigs > 0));
		for (unsigned k = 0; k < it->nsigs; k++)
			MUST(ztj_proof_put(&b, it->n, ZTJ_PART_SIG, k + 1, it->sig[k]) == ZTJ_OK);
		for (unsigned k = 0; k < it->nrecords; k++) {
			MUST(ztj_proof_put(&b, it->n, ZTJ_PART_RECORD, k + 1, it->record[k].bytes) == ZTJ_OK);
			MUST(ztj_proof_put(&b, it->n, ZTJ_PART_PATH, k + 1, it->record[k].path) == ZTJ_OK);
		}
	}
	MUST(ztj_proof_end(&b) == ZTJ_OK);
	MUST(ztj_view_eq(ztj_buf_view(&b), file));
	ztj_buf_free(&b);
}

static void paths(struct ztj_view text)
{
	struct ztj_inclusion in;
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_PATH_TEXT_MAX + ZTJ_NOTE_MAX + text.n);
	if (ztj_inclusion_read(text, &in) == ZTJ_OK)
		MUST(ztj_inclusion_write(&in, &b) == ZTJ_OK && ztj_view_eq(ztj_buf_view(&b), text));
	ztj_buf_reset(&b);
	if (ztj_path_read(text, &in) == ZTJ_OK)
		MUST(ztj_path_write(&in, &b) == ZTJ_OK && ztj_view_eq(ztj_buf_view(&b), text));
	ztj_buf_free(&b);
}

/* Whoever signed the first statement is a root, so that a seed is good and what is behind the roots is reached. */
static void roots_of(const struct ztj_proof *p, struct ztj_pins *pins)
{
	struct ztj_buf blob;

	ztj_buf_init(&blob, ZTJ_SSHSIG_MAX);
	memcpy(pins->domain, "example", sizeof("example"));
	pins->threshold = 1;
	for (size_t i = 0; i < p->item[0].nsigs && pins->nroots < ZTJ_ROOTS_MAX; i++) {
		ztj_buf_reset(&blob);
		if (ztj_sshsig_dearmor(p->item[0].sig[i], &blob) == ZTJ_OK &&
		    ztj_sshsig_peek(ztj_buf_view(&blob), &pins->root[pins->nroots]) == ZTJ_OK)
			pins->nroots++;
	}
	ztj_buf_free(&blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view file = ztj_view_of(data, size);
	struct ztj_pins pins = { .nroots = 0 };
	struct ztj_proved proved;
	struct ztj_proof *p;
	struct ztj_buf said;

	paths(file);
	if (ztj_proof_read(file, &p) != ZTJ_OK) {
		MUST(p == NULL);
		return 0;
	}
	one_form_only(file, p);
	roots_of(p, &pins);
	ztj_buf_init(&said, 1 << 20);
	if (ztj_proof_check(p, &pins, NULL, &said, &proved) == ZTJ_OK)
		MUST(said.n > 0 && proved.head.size > p->item[p->n - 1].n);
	else
		MUST(proved.text[0] != '\0');
	ztj_buf_free(&said);
	ztj_proof_free(p);
	return 0;
}
