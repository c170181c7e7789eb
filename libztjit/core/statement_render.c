/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a statement says, for the eyes of whoever signs or reads it: the table of
 * members is walked from end to end, so a member cannot be forgotten here.
 */
#include "libztjit/core/statement_fields.h"

struct page {
	const struct ztj_stmt *st;
	int64_t now;
	struct ztj_buf *out;
};

static void put_escaped(struct page *p, const char *text)
{
	if (ztj_text_escape(ztj_view_str(text), p->out) != ZTJ_OK)
		return; /* the buffer keeps the error for the end */
}

/* "label: text\n", the text escaped. */
static void line(struct page *p, const char *label, const char *text)
{
	(void)ztj_buf_puts(p->out, label);
	(void)ztj_buf_puts(p->out, ": ");
	put_escaped(p, text);
	(void)ztj_buf_puts(p->out, "\n");
}

/* How far away, in at most two units. */
static void put_span(struct page *p, int64_t s)
{
	long long d = s / 86400, h = s / 3600 % 24, m = s / 60 % 60;

	if (s < 60)
		(void)ztj_buf_printf(p->out, "%lld s", (long long)s);
	else if (s < 3600)
		(void)ztj_buf_printf(p->out, "%lld min", m);
	else if (s < 86400)
		(void)ztj_buf_printf(p->out, m == 0 ? "%lld h" : "%lld h %lld min", h, m);
	else
		(void)ztj_buf_printf(p->out, h == 0 ? "%lld d" : "%lld d %lld h", d, h);
}

static int line_time(struct page *p, const char *label, int64_t t)
{
	char text[ZTJ_TIME_SIZE];
	int r = ztj_time_format(t, text);

	if (r != ZTJ_OK)
		return r;
	(void)ztj_buf_printf(p->out, "%s: %s", label, text);
	if (p->now != 0 && t == p->now) {
		(void)ztj_buf_puts(p->out, " (now)");
	} else if (p->now != 0) {
		(void)ztj_buf_puts(p->out, t > p->now ? " (in " : " (");
		put_span(p, t > p->now ? t - p->now : p->now - t);
		(void)ztj_buf_puts(p->out, t > p->now ? ")" : " ago)");
	}
	return ztj_buf_puts(p->out, "\n");
}

static int line_seconds(struct page *p, const char *label, int64_t s)
{
	char text[64];
	int r = ztj_duration_format(s, text, sizeof(text));

	if (r != ZTJ_OK)
		return r;
	return ztj_buf_printf(p->out, "%s: %s (%lld s)\n", label, text, (long long)s);
}

static int line_digest(struct page *p, const char *label, const uint8_t d[ZTJ_DIGEST_LEN])
{
	char hex[ZTJ_HEX_SIZE];

	ztj_hex(d, ZTJ_DIGEST_LEN, hex);
	return ztj_buf_printf(p->out, "%s: %s\n", label, hex);
}

/* A request goes by its short id among people; the digest is what is signed. */
static int line_request(struct page *p, const char *label, const uint8_t d[ZTJ_DIGEST_LEN])
{
	char hex[ZTJ_HEX_SIZE], id[ZTJ_SHORT_ID_SIZE];

	ztj_hex(d, ZTJ_DIGEST_LEN, hex);
	ztj_short_id(d, id);
	return ztj_buf_printf(p->out, "%s: %s %s\n", label, id, hex);
}

static int line_key(struct page *p, const char *label, const struct ztj_key *k)
{
	char text[ZTJ_KEY_TEXT_SIZE], fp[ZTJ_FINGERPRINT_SIZE];
	int r = ztj_key_to_text(k, text);

	if (r == ZTJ_OK)
		r = ztj_key_fingerprint(k, fp);
	if (r != ZTJ_OK)
		return r;
	return ztj_buf_printf(p->out, "%s: %s %s\n", label, fp, text);
}

static void lines_names(struct page *p, const struct ztj_jmember *m)
{
	const char **names;
	size_t n;

	memcpy(&names, ztj_field_c(p->st, m->at), sizeof(names));
	memcpy(&n, ztj_field_c(p->st, m->aux), sizeof(n));
	for (size_t i = 0; i < n; i++)
		line(p, m->label, names[i]);
}

static void lines_seen(struct page *p)
{
	const struct ztj_seen *s = &p->st->seen;

	(void)ztj_buf_printf(p->out, "seen policy: %lld\n", (long long)s->policy);
	for (size_t i = 0; i < s->ndirs && i < ZTJ_SEEN_MAX; i++) {
		(void)ztj_buf_puts(p->out, "seen directory: ");
		put_escaped(p, s->dir[i].name);
		(void)ztj_buf_printf(p->out, " %lld\n", (long long)s->dir[i].serial);
	}
}

static void line_place(struct page *p, const char *label, const char *name, int64_t n,
    const uint8_t d[ZTJ_DIGEST_LEN])
{
	char hex[ZTJ_HEX_SIZE];

	ztj_hex(d, ZTJ_DIGEST_LEN, hex);
	(void)ztj_buf_printf(p->out, "%s: ", label);
	put_escaped(p, name);
	(void)ztj_buf_printf(p->out, "%s%lld %s\n", name[0] == '\0' ? "" : " ", (long long)n, hex);
}

static void lines_status_dirs(struct page *p, const char *label)
{
	for (size_t i = 0; i < p->st->u.status.ndirs && i < ZTJ_SEEN_MAX; i++)
		line_place(p, label, p->st->u.status.dir[i].name, p->st->u.status.dir[i].serial,
		    p->st->u.status.dir[i].digest);
}

static int lines_user_keys(struct page *p, const char *label)
{
	for (size_t i = 0; i < p->st->u.pending.nkeys && i < 8; i++) {
		int r = line_key(p, label, &p->st->u.pending.key[i].key);

		if (r != ZTJ_OK)
			return r;
		if (p->st->u.pending.key[i].credential[0] != '\0')
			line(p, "credential", p->st->u.pending.key[i].credential);
		if (p->st->u.pending.key[i].attestation[0] != '\0')
			line(p, "attestation", p->st->u.pending.key[i].attestation);
	}
	return ZTJ_OK;
}

static int lines_ssh_keys(struct page *p, const char *label)
{
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < p->st->u.pending.nssh && i < 8; i++)
		r = line_key(p, label, &p->st->u.pending.ssh[i]);
	return r;
}

static int line_revokes(struct page *p, const char *label)
{
	if (p->st->u.revocation.what == ZTJ_REVOKES_REQUEST)
		return line_request(p, label, p->st->u.revocation.request);
	line(p, label, p->st->u.revocation.name);
	return ZTJ_OK;
}

static int line_word(struct page *p, const struct ztj_jmember *m)
{
	const char *word = ztj_field_word(m, p->st);

	if (word == NULL)
		return ZTJ_INTERNAL;
	line(p, m->label, word);
	return ZTJ_OK;
}

static int line_member_digest(struct page *p, const struct ztj_jmember *m)
{
	const uint8_t *d = ztj_field_c(p->st, m->at);

	if (p->st->type == ZTJ_STMT_DIRECTORY || p->st->type == ZTJ_STMT_HEAD ||
	    p->st->type == ZTJ_STMT_KILL || p->st->type == ZTJ_STMT_STANDING)
		return line_digest(p, m->label, d);
	return line_request(p, m->label, d);
}

static int render_member(struct page *p, const struct ztj_jmember *m)
{
	const struct ztj_stmt *st = p->st;

	switch ((enum ztj_field_kind)m->kind) {
	case ZTJ_F_VERSION:
		line(p, m->label, "1");
		return ZTJ_OK;
	case ZTJ_F_TYPE:
		line(p, m->label, ztj_stmt_type_name(st->type));
		return ZTJ_OK;
	case ZTJ_F_DOMAIN:
	case ZTJ_F_TEXT:
	case ZTJ_F_NAME:
	case ZTJ_F_PERSON:
	case ZTJ_F_HOST:
	case ZTJ_F_NONCE:
	case ZTJ_F_FINGERPRINT:
		line(p, m->label, ztj_field_text(st, m->at));
		return ZTJ_OK;
	case ZTJ_F_TIME:
		return line_time(p, m->label, ztj_field_int(st, m->at));
	case ZTJ_F_INT:
		return ztj_buf_printf(p->out, "%s: %lld\n", m->label, (long long)ztj_field_int(st, m->at));
	case ZTJ_F_SECONDS:
		return line_seconds(p, m->label, ztj_field_int(st, m->at));
	case ZTJ_F_DIGEST:
		return line_member_digest(p, m);
	case ZTJ_F_KEY:
		return line_key(p, m->label, ztj_field_c(st, m->at));
	case ZTJ_F_TRUE:
		line(p, m->label, "yes");
		return ZTJ_OK;
	case ZTJ_F_DECISION:
		line(p, m->label, *(const bool *)ztj_field_c(st, m->at) ? "deny" : "approve");
		return ZTJ_OK;
	case ZTJ_F_PENDING_KIND:
		line(p, m->label, *(const bool *)ztj_field_c(st, m->at) ? "host" : "user");
		return ZTJ_OK;
	case ZTJ_F_HOSTS:
	case ZTJ_F_ACCOUNTS:
	case ZTJ_F_SESSIONS:
		lines_names(p, m);
		return ZTJ_OK;
	case ZTJ_F_WORD:
		return line_word(p, m);
	case ZTJ_F_SEEN:
		lines_seen(p);
		return ZTJ_OK;
	case ZTJ_F_REVOKES:
		return line_revokes(p, m->label);
	case ZTJ_F_STATUS_POLICY:
		line_place(p, m->label, "", st->u.status.policy_version, st->u.status.policy);
		return ZTJ_OK;
	case ZTJ_F_STATUS_DIRS:
		lines_status_dirs(p, m->label);
		return ZTJ_OK;
	case ZTJ_F_STATUS_REVOCATIONS:
		line_place(p, m->label, "", st->u.status.revocations, st->u.status.head);
		return ZTJ_OK;
	case ZTJ_F_CHECKPOINT:
		line(p, m->label, ztj_field_text(st, m->at)[0] == '\0' ? "none" : ztj_field_text(st, m->at));
		return ZTJ_OK;
	case ZTJ_F_USER_KEYS:
		return lines_user_keys(p, m->label);
	case ZTJ_F_SSH_KEYS:
		return lines_ssh_keys(p, m->label);
	case ZTJ_F_KIT:
	default:
		return ZTJ_INTERNAL;
	}
}

int ztj_stmt_render(const struct ztj_stmt *st, int64_t now, struct ztj_buf *out)
{
	const struct ztj_jtable *table = ztj_stmt_table(st->type);
	struct page p = { st, now, out };

	if (table == NULL)
		return ZTJ_STMT_TYPE;
	for (size_t i = 0; i < table->n; i++) {
		int r;

		if (!ztj_field_present(&table->member[i], st))
			continue;
		r = render_member(&p, &table->member[i]);
		if (r != ZTJ_OK)
			return r;
	}
	return ztj_buf_status(out);
}
