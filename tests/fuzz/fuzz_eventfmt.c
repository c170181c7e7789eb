/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A leaf of the audit log in every form: what can be written can be read back, and is one record. */
#include <string.h>

#include "libztjit/core/eventfmt.h"
#include "tests/core/readback.h"
#include "tests/fuzz/fuzz.h"

static void is_text(const json_t *o, const char *name, const char *want)
{
	const char *got = json_string_value(json_object_get(o, name));
	MUST(got != NULL && strcmp(got, want) == 0);
}

static void syslog_of(const struct ztj_event_in *e, struct ztj_view leaf, struct ztj_buf *out)
{
	const struct ztj_event_origin from = { "h", "1", 10, false, 0 };
	if (ztj_event_syslog(e, leaf, &from, out) != ZTJ_OK)
		return;
	json_t *o = readback_syslog(ztj_buf_view(out));
	MUST(o != NULL);
	is_text(o, "APP-NAME", "ztjit-broker");
	is_text(o, "outcome", e->outcome);
	const char *msg = json_string_value(json_object_get(o, "MSG"));
	MUST(msg != NULL && strlen(msg) == leaf.n && memcmp(msg, leaf.p, leaf.n) == 0);
	json_decref(o);
}

static void cef_of(const struct ztj_event_in *e, struct ztj_buf *out)
{
	const struct ztj_event_origin from = { NULL, "1", 10, true, 0 };
	ztj_buf_reset(out);
	MUST(ztj_event_cef(e, &from, out) == ZTJ_OK);
	json_t *o = readback_cef(ztj_buf_view(out));
	MUST(o != NULL);
	is_text(o, "outcome", e->outcome);
	json_decref(o);
}

static void csv_of(const struct ztj_event_in *e, struct ztj_view leaf, struct ztj_buf *out)
{
	struct ztj_buf head;
	ztj_buf_reset(out);
	ztj_buf_init(&head, 4096);
	MUST(ztj_event_csv_head(&head) == ZTJ_OK);
	if (ztj_event_csv(e, leaf, out) == ZTJ_OK) {
		json_t *o = readback_csv(ztj_buf_view(&head), ztj_buf_view(out));
		MUST(o != NULL);
		json_decref(o);
	}
	ztj_buf_free(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view leaf = ztj_view_of(data, size);
	struct ztj_event_in e;
	struct ztj_buf out;
	if (ztj_event_read(leaf, &e) != ZTJ_OK)
		return 0;
	ztj_buf_init(&out, 4 << 20);
	syslog_of(&e, leaf, &out);
	cef_of(&e, &out);
	csv_of(&e, leaf, &out);
	ztj_buf_free(&out);
	ztj_event_free(&e);
	return 0;
}
