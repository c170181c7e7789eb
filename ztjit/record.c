/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Directory records for people. */
#include "ztjit/record.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct blob {
	uint8_t p[ZTJ_KEY_BLOB_MAX];
	size_t n;
};

static int to_blob(const struct ztj_key *k, struct blob *out)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, sizeof out->p);
	if ((r = ztj_key_to_blob(k, &b)) == ZTJ_OK) {
		memcpy(out->p, b.p, b.n);
		out->n = b.n;
	}
	ztj_buf_free(&b);
	return r;
}

static int bytewise(const void *a, const void *b)
{
	const struct blob *x = a, *y = b;
	int d = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return d != 0 ? d : (x->n > y->n) - (x->n < y->n);
}

static int host_message(const char *domain, const char *name, const struct ztj_key *const own[2],
    const struct blob *ssh, size_t nssh, struct ztj_buf *b)
{
	(void)ztj_buf_put_cstring(b, "ztjit-host");
	(void)ztj_buf_put_cstring(b, domain);
	(void)ztj_buf_put_cstring(b, name);
	for (size_t i = 0; i < 2; i++) {
		struct blob k;
		int r = to_blob(own[i], &k);

		if (r != ZTJ_OK)
			return r;
		(void)ztj_buf_put_string(b, k.p, k.n);
	}
	for (size_t i = 0; i < nssh; i++)
		(void)ztj_buf_put_string(b, ssh[i].p, ssh[i].n);
	return ztj_buf_status(b);
}

int record_host_digest(const char *domain, const char *name, const struct ztj_key *machine,
    const struct ztj_key *tls, const struct ztj_key *ssh, size_t nssh, char out[RECORD_DIGEST_SIZE])
{
	const struct ztj_key *const own[2] = { machine, tls };
	struct blob keys[8];
	uint8_t digest[ZTJ_DIGEST_LEN];
	char text[64];
	struct ztj_buf b;
	int r = nssh <= 8 ? ZTJ_OK : ZTJ_LIMIT;

	out[0] = '\0';
	for (size_t i = 0; i < nssh && r == ZTJ_OK; i++)
		r = to_blob(&ssh[i], &keys[i]);
	if (r != ZTJ_OK)
		return r;
	qsort(keys, nssh, sizeof keys[0], bytewise);
	ztj_buf_init(&b, 16 * 1024);
	if ((r = host_message(domain, name, own, keys, nssh, &b)) == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(&b), digest);
	ztj_buf_free(&b);
	if (r != ZTJ_OK)
		return r;
	ztj_base32(digest, sizeof digest, text, sizeof text);
	(void)snprintf(out, RECORD_DIGEST_SIZE, "H-%.5s-%.5s-%.5s-%.5s", text, text + 5, text + 10,
	    text + 15);
	return ZTJ_OK;
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
	char digest[RECORD_DIGEST_SIZE];
	int err;

	if (!r->host) {
		user_text(r, mark, out);
		return ztj_buf_status(out);
	}
	if ((err = record_host_digest(domain, r->name, &r->machine, &r->tls, r->ssh, r->nssh, digest)) !=
	    ZTJ_OK)
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
