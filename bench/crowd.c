/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "bench/crowd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report.h"

#define JSON_ROOM ((size_t)512 * 1024 * 1024)

void crowd_person_name(unsigned i, char out[CROWD_NAME_SIZE])
{
	(void)snprintf(out, CROWD_NAME_SIZE, "person%07u", i);
}

void crowd_person(unsigned i, const char *group, unsigned generation, struct ztj_buf *out)
{
	/* as long as the key handle of a common authenticator: 64 bytes in base64 */
	char name[CROWD_NAME_SIZE], handle[89];
	const char *groups[1] = { group };
	struct soft_key k;
	struct ztj_userkey key;
	struct ztj_record r = { .name = name,
		.uid = 100000 + i,
		.nkeys = 1,
		.keys = &key,
		.ngroups = 1,
		.groups = groups };

	fx_key(&k, ZTJ_KEY_SK_ED25519, CROWD_PERSON(i));
	(void)snprintf(handle, sizeof(handle), "%085xA==", generation);
	key = (struct ztj_userkey){ .key = k.pub, .credential = handle, .from = CROWD_SINCE };
	crowd_person_name(i, name);
	must_ok(ztj_record_build(&r, out));
	soft_key_free(&k);
}

void crowd_host(unsigned i, const char *env, struct ztj_buf *out)
{
	char name[CROWD_NAME_SIZE];
	struct soft_key tls, machine, ssh;
	struct ztj_label label = { "env", env };
	struct ztj_record r = { .host = true, .name = name, .nlabels = 1, .labels = &label, .nssh = 1 };

	(void)snprintf(name, sizeof(name), "host%07u", i);
	fx_key(&tls, ZTJ_KEY_ED25519, CROWD_HOST_TLS(i));
	fx_key(&machine, ZTJ_KEY_ED25519, CROWD_HOST_TLS(i) + 1);
	fx_key(&ssh, ZTJ_KEY_ED25519, CROWD_HOST_TLS(i) + 2);
	r.tls = tls.pub;
	r.machine = machine.pub;
	r.ssh = &ssh.pub;
	must_ok(ztj_record_build(&r, out));
	soft_key_free(&tls);
	soft_key_free(&machine);
	soft_key_free(&ssh);
}

void crowd_make(struct crowd *c, size_t n, void (*make)(unsigned i, struct ztj_buf *out))
{
	c->n = n;
	c->record = calloc(n, sizeof(*c->record));
	c->view = calloc(n, sizeof(*c->view));
	if (c->record == NULL || c->view == NULL)
		bench_fail("no memory");
	for (size_t i = 0; i < n; i++) {
		ztj_buf_init(&c->record[i], ZTJ_RECORD_MAX);
		make((unsigned)i, &c->record[i]);
		c->view[i] = ztj_buf_view(&c->record[i]);
	}
}

void crowd_free(struct crowd *c)
{
	for (size_t i = 0; i < c->n; i++)
		ztj_buf_free(&c->record[i]);
	free(c->record);
	free(c->view);
	memset(c, 0, sizeof(*c));
}

static json_t *container_json(const struct fx_signed *f)
{
	struct ztj_buf text;
	json_t *o;

	ztj_buf_init(&text, 4 * ZTJ_STMT_MAX);
	must_ok(ztj_signed_to_json(&f->s, &text));
	o = json_loadb((const char *)text.p, text.n, 0, NULL);
	ztj_buf_free(&text);
	return o;
}

void crowd_post_json(const struct crowd *c, int base, const char *const *drop, size_t ndrop,
    const struct fx_signed *statement, struct ztj_buf *out)
{
	json_t *put = json_array(), *dropped = json_array(), *o;
	char *text;

	for (size_t i = 0; i < c->n; i++)
		if (json_array_append_new(put, json_stringn((const char *)c->view[i].p, c->view[i].n)) != 0)
			bench_fail("no memory");
	for (size_t i = 0; i < ndrop; i++)
		if (json_array_append_new(dropped, json_string(drop[i])) != 0)
			bench_fail("no memory");
	o = json_pack("{s:i, s:o, s:o, s:o}", "base", base, "statement", container_json(statement), "drop",
	    dropped, "put", put);
	text = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
	if (text == NULL)
		bench_fail("no memory");
	ztj_buf_init(out, JSON_ROOM);
	must_ok(ztj_buf_puts(out, text));
	free(text);
	json_decref(o);
}
