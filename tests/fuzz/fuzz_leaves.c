/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* An entry bundle of the audit log, the events in it and the lines of hosts in those; the names of tiles; a proof of growth. */
#include <string.h>

#include "libztjit/core/growth.h"
#include "libztjit/core/logcheck.h"
#include "tests/fuzz/fuzz.h"

static void name(const uint8_t *data, size_t size)
{
	char path[ZTJ_TILE_PATH_SIZE] = "", again[ZTJ_TILE_PATH_SIZE];
	struct ztj_tile t;

	memcpy(path, data, size < sizeof(path) ? size : sizeof(path) - 1);
	if (ztj_tile_parse(path, &t) != ZTJ_OK)
		return;
	MUST(t.width >= 1 && t.width <= ZTJ_TILE_WIDTH && t.level < ZTJ_TILE_LEVELS);
	MUST(!t.entries || t.level == 0);
	ztj_tile_path(&t, again);
	MUST(strcmp(path, again) == 0);
}

static void growth(struct ztj_view json)
{
	struct ztj_growth_proof p, again;
	struct ztj_buf b;

	if (ztj_growth_read(json, &p) != ZTJ_OK)
		return;
	MUST(p.n <= ZTJ_PROOF_MAX && p.from > 0 && p.to > 0);
	ztj_buf_init(&b, ZTJ_GROWTH_JSON_MAX);
	MUST(ztj_growth_write(&p, &b) == ZTJ_OK && ztj_growth_read(ztj_buf_view(&b), &again) == ZTJ_OK);
	MUST(memcmp(&p, &again, sizeof(p)) == 0);
	ztj_buf_free(&b);
}

static unsigned entries(struct ztj_view bundle)
{
	struct ztj_event_in e;
	struct ztj_view v;
	struct ztj_buf b;
	struct ztj_rd rd;
	unsigned n = 0;
	int r;

	ztj_buf_init(&b, 4 << 20);
	ztj_rd_init(&rd, bundle);
	for (; (r = ztj_entry_next(&rd, &v)) == ZTJ_OK && n < ZTJ_TILE_WIDTH; n++) {
		MUST(ztj_entry_put(&b, v) == ZTJ_OK);
		if (ztj_event_read(v, &e) != ZTJ_OK) {
			MUST(e.obj == NULL);
			continue;
		}
		MUST(e.n < ZTJ_LOG_MAX && e.kind[0] != '\0' && e.outcome[0] != '\0');
		(void)ztj_event_has_host(&e, "servers/web1");
		ztj_event_free(&e);
	}
	MUST(b.n <= bundle.n && (b.n == 0 || memcmp(b.p, bundle.p, b.n) == 0));
	ztj_buf_free(&b);
	return r == ZTJ_NOT_FOUND ? n : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ztj_logcheck c;
	struct ztj_view bundle = ztj_view_of(data, size);
	unsigned n = entries(bundle);

	name(data, size);
	growth(bundle);
	ztj_logcheck_init(&c);
	MUST(ztj_hostchains_new(&c.chains) == ZTJ_OK);
	int r = ztj_logcheck_bundle(&c, bundle, n);
	if (r == ZTJ_OK)
		MUST(c.tree.size == n && ztj_logcheck_end(&c) == ZTJ_OK);
	else
		MUST(c.text[0] != '\0' && c.bad <= n);
	MUST(ztj_hostchains_count(c.chains).hosts <= n);
	ztj_hostchains_free(c.chains);
	return 0;
}
