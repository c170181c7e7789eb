/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Directory records for people. */
#include "ztjit/record.h"

#include <string.h>

int record_digest(const char *domain, const struct ztj_record *r, char out[ZTJ_HOST_DIGEST_SIZE])
{
	const struct ztj_host_id id = { domain, r->name, &r->machine, &r->tls, r->ssh, r->nssh };
	uint8_t digest[ZTJ_DIGEST_LEN];
	int err = ztj_host_digest(&id, digest);

	out[0] = '\0';
	if (err == ZTJ_OK)
		ztj_host_digest_text(digest, out);
	return err;
}

static void put_key(const char *what, const struct ztj_key *k, struct ztj_buf *out)
{
	char fp[ZTJ_FINGERPRINT_SIZE];

	if (ztj_key_fingerprint(k, fp) == ZTJ_OK)
		(void)ztj_buf_printf(out, "    %s: %s %s", what, ztj_key_type_name(k->type), fp);
	if (ztj_key_is_sk(k)) {
		(void)ztj_buf_puts(out, " ");
		if (ztj_text_escape(ztj_view_str(k->application), out) != ZTJ_OK)
			return;
	}
}

static void put_time(const char *what, int64_t t, struct ztj_buf *out)
{
	char text[ZTJ_TIME_SIZE];

	if (t != 0 && ztj_time_format(t, text) == ZTJ_OK)
		(void)ztj_buf_printf(out, ", %s %s", what, text);
}

static void user_text(const struct ztj_record *r, const char *mark, struct ztj_buf *out)
{
	(void)ztj_buf_printf(out, "%suser %s, uid %u\n    groups:", mark, r->name, r->uid);
	for (size_t i = 0; i < r->ngroups; i++)
		(void)ztj_buf_printf(out, " %s", r->groups[i]);
	(void)ztj_buf_puts(out, r->ngroups == 0 ? " none\n" : "\n");
	for (size_t i = 0; i < r->nkeys; i++) {
		put_key("key", &r->keys[i].key, out);
		put_time("from", r->keys[i].from, out);
		put_time("until", r->keys[i].until, out);
		(void)ztj_buf_puts(out, "\n");
	}
}

int record_text(const char *domain, const struct ztj_record *r, const char *mark, struct ztj_buf *out)
{
	char digest[ZTJ_HOST_DIGEST_SIZE];
	int err;

	if (!r->host) {
		user_text(r, mark, out);
		return ztj_buf_status(out);
	}
	if ((err = record_digest(domain, r, digest)) != ZTJ_OK)
		return err;
	(void)ztj_buf_printf(out, "%shost %s, digest %s\n    labels:", mark, r->name, digest);
	for (size_t i = 0; i < r->nlabels; i++)
		(void)ztj_buf_printf(out, " %s=%s", r->labels[i].key, r->labels[i].value);
	(void)ztj_buf_puts(out, r->nlabels == 0 ? " none\n" : "\n");
	put_key("machine key", &r->machine, out);
	(void)ztj_buf_puts(out, "\n");
	put_key("TLS key", &r->tls, out);
	(void)ztj_buf_puts(out, "\n");
	for (size_t i = 0; i < r->nssh; i++) {
		put_key("SSH host key", &r->ssh[i], out);
		(void)ztj_buf_puts(out, "\n");
	}
	return ztj_buf_status(out);
}

const char *record_groups(struct cli *c, const struct ztj_record *r)
{
	char *s = cli_strdup(c, r->ngroups > 0 ? r->groups[0] : "-");

	for (size_t i = 1; s != NULL && i < r->ngroups; i++)
		s = cli_printf(c, "%s, %s", s, r->groups[i]);
	return s != NULL ? s : "?";
}

const char *record_labels(struct cli *c, const struct ztj_record *r)
{
	char *s = r->nlabels > 0 ? cli_printf(c, "%s=%s", r->labels[0].key, r->labels[0].value)
				 : cli_strdup(c, "-");

	for (size_t i = 1; s != NULL && i < r->nlabels; i++)
		s = cli_printf(c, "%s, %s=%s", s, r->labels[i].key, r->labels[i].value);
	return s != NULL ? s : "?";
}

json_t *record_json(const char *directory, const struct ztj_record *r)
{
	json_t *o = json_loadb((const char *)r->bytes.p, r->bytes.n, JSON_REJECT_DUPLICATES, NULL);

	if (o != NULL)
		(void)json_object_set_new(o, "directory", json_string(directory));
	return o;
}
