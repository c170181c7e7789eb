/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/eventfmt.h"

#include <arpa/inet.h>
#include <string.h>

#include "libztjit/core/csv.h"
#include "libztjit/core/text.h"

#define LIST_MAX ((size_t)ZTJ_ENTRY_MAX + 1)
#define SYSLOG_HOST_MAX 255
#define SYSLOG_MSGID_MAX 32

/* --- what stands in a leaf --- */

/* A member as text, however it is written; "" when there is none. Lists have spaces between their words. Valid until
 * room changes. */
static const char *text_of(const struct ztj_event_in *e, const char *member, struct ztj_buf *room)
{
	const json_t *v = json_object_get(e->obj, member), *one;
	const char *text;
	size_t i;

	if (json_is_string(v))
		return json_string_value(v);
	ztj_buf_reset(room);
	if (json_is_integer(v))
		(void)ztj_buf_printf(room, "%lld", (long long)json_integer_value(v));
	json_array_foreach(v, i, one)
	{
		text = json_string_value(one);
		(void)ztj_buf_printf(room, "%s%s", i > 0 ? " " : "", text == NULL ? "?" : text);
	}
	text = ztj_buf_str(room);
	return text == NULL ? "" : text;
}

struct ztj_event_weight ztj_event_weigh(const struct ztj_event_in *e)
{
	static const struct {
		const char *kind, *outcome, *action; /* NULL: any */
		struct ztj_event_weight w;
	} table[] = {
		{ "alarm", NULL, NULL, { 1, 10 } },
		{ "decision", "alarm", NULL, { 1, 10 } },
		{ NULL, "refused", NULL, { 4, 7 } },
		{ NULL, "denied", NULL, { 4, 7 } },
		{ "session", "lost", NULL, { 4, 7 } },
		{ NULL, NULL, "break-glass", { 4, 8 } },
		{ "policy", NULL, NULL, { 5, 6 } },
		{ "directory", NULL, NULL, { 5, 5 } },
		{ "view", NULL, NULL, { 5, 5 } },
		{ "broker", NULL, NULL, { 5, 4 } },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if ((table[i].kind == NULL || strcmp(table[i].kind, e->kind) == 0) &&
		    (table[i].outcome == NULL || strcmp(table[i].outcome, e->outcome) == 0) &&
		    (table[i].action == NULL || strcmp(table[i].action, ztj_event_text(e, "action")) == 0))
			return table[i].w;
	return (struct ztj_event_weight){ 6, 3 };
}

/* Appends text with `by` before each byte of `which`. */
static void put_escaped(struct ztj_buf *out, const char *text, const char *which)
{
	while (*text != '\0') {
		size_t n = strcspn(text, which);

		(void)ztj_buf_put(out, text, n);
		text += n;
		if (*text == '\0')
			break;
		(void)ztj_buf_put_u8(out, '\\');
		(void)ztj_buf_put_u8(out, (uint8_t)*text++);
	}
}

/* --- RFC 5424 --- */

/* PRINTUSASCII, as the fields of the header want it. */
static void put_word(struct ztj_buf *out, const char *word, size_t max)
{
	size_t n = strlen(word);

	for (size_t i = 0; i < n && i < max; i++)
		(void)ztj_buf_put_u8(out, word[i] > ' ' && word[i] <= '~' ? (uint8_t)word[i] : '_');
	if (n == 0)
		(void)ztj_buf_put_u8(out, '-');
}

static void put_data(struct ztj_buf *out, const struct ztj_event_in *e, size_t left_out)
{
	static const char *const members[] = { "n", "outcome", "code", "type", "person", "by", "host",
		"hosts", "role", "rule", "service", "account", "address", "session", "request", "statement",
		"certificate", "name", "action", "decision", "ticket" };
	struct ztj_buf room;

	ztj_buf_init(&room, LIST_MAX);
	/* 32473 is the number for those who have none of their own (RFC 5612) */
	(void)ztj_buf_puts(out, "[ztjit@32473");
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		const char *value = text_of(e, members[i], &room);

		if (value[0] == '\0')
			continue;
		(void)ztj_buf_printf(out, " %s=\"", members[i]);
		put_escaped(out, value, "\"\\]");
		(void)ztj_buf_put_u8(out, '"');
	}
	if (left_out > 0)
		(void)ztj_buf_printf(out, " omitted=\"%zu\"", left_out);
	(void)ztj_buf_put_u8(out, ']');
	ztj_buf_free(&room);
}

static int put_syslog(const struct ztj_event_in *e, struct ztj_view text, const struct ztj_event_origin *from,
    struct ztj_buf *out)
{
	size_t start = out->n;

	(void)ztj_buf_printf(out, "<%u>1 %s ", from->facility * 8 + ztj_event_weigh(e).syslog,
	    ztj_event_text(e, "time"));
	put_word(out, from->host == NULL ? "" : from->host, SYSLOG_HOST_MAX);
	(void)ztj_buf_puts(out, " ztjit-broker - ");
	put_word(out, e->kind, SYSLOG_MSGID_MAX);
	(void)ztj_buf_put_u8(out, ' ');
	size_t head = out->n;
	put_data(out, e, 0);
	if (from->max == 0 || out->n - start + 1 + text.n <= from->max) {
		(void)ztj_buf_put_u8(out, ' ');
		(void)ztj_buf_put(out, text.p, text.n);
	} else if (ztj_buf_status(out) == ZTJ_OK) {
		out->n = head;
		put_data(out, e, text.n);
	}
	return ztj_buf_status(out);
}

int ztj_event_syslog(const struct ztj_event_in *e, struct ztj_view leaf, const struct ztj_event_origin *from,
    struct ztj_buf *out)
{
	struct ztj_buf text;
	int r = ztj_text_ok(leaf) ? ZTJ_OK : ZTJ_BAD_TEXT;

	ztj_buf_init(&text, 4 * LIST_MAX);
	if (r == ZTJ_OK && from->cef)
		r = ztj_event_cef(e, from, &text);
	if (r == ZTJ_OK)
		r = put_syslog(e, from->cef ? ztj_buf_view(&text) : leaf, from, out);
	ztj_buf_free(&text);
	return r;
}

/* --- CEF --- */

/* Extensions escape "\" and "=", headers "\" and "|"; there is no line feed in a leaf. */
static void put_key(struct ztj_buf *out, const char *key, const char *value)
{
	if (value[0] == '\0')
		return;
	(void)ztj_buf_printf(out, " %s=", key);
	put_escaped(out, value, "\\=");
}

static void put_custom(struct ztj_buf *out, const char *key, const char *label, const char *value)
{
	if (value[0] == '\0')
		return;
	put_key(out, key, value);
	(void)ztj_buf_printf(out, " %sLabel=%s", key, label);
}

/* src holds IPv4 alone. */
static void put_address(struct ztj_buf *out, const char *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, address, &v4) == 1)
		put_key(out, "src", address);
	else if (inet_pton(AF_INET6, address, &v6) == 1)
		put_custom(out, "c6a2", "Source IPv6 Address", address);
}

static const char *first_of(const struct ztj_event_in *e, const char *one, const char *other)
{
	const char *text = ztj_event_text(e, one);

	return text[0] != '\0' ? text : ztj_event_text(e, other);
}

static void put_extension(struct ztj_buf *out, const struct ztj_event_in *e)
{
	static const char *const plain[][2] = { { "suser", "person" }, { "duser", "account" },
		{ "app", "service" }, { "reason", "code" } };
	static const char *const custom[][3] = { { "cs1", "role", "role" }, { "cs2", "rule", "rule" },
		{ "cs3", "request", "request" }, { "cs4", "session", "session" },
		{ "cs5", "ticket", "ticket" }, { "cs6", "by", "by" } };
	const char *host = ztj_event_text(e, "host");
	struct ztj_buf room;

	ztj_buf_init(&room, LIST_MAX);
	(void)ztj_buf_printf(out, "rt=%lld externalId=%llu cat=%s", (long long)e->time * 1000,
	    (unsigned long long)e->n, "audit");
	put_key(out, "act", first_of(e, "action", "type"));
	put_key(out, "outcome", e->outcome);
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		put_key(out, plain[i][0], ztj_event_text(e, plain[i][1]));
	put_key(out, "dhost", host[0] != '\0' ? host : text_of(e, "hosts", &room));
	put_address(out, ztj_event_text(e, "address"));
	for (size_t i = 0; i < sizeof custom / sizeof custom[0]; i++)
		put_custom(out, custom[i][0], custom[i][1], ztj_event_text(e, custom[i][2]));
	put_key(out, "msg", first_of(e, "text", "reason"));
	ztj_buf_free(&room);
}

int ztj_event_cef(const struct ztj_event_in *e, const struct ztj_event_origin *from, struct ztj_buf *out)
{
	(void)ztj_buf_puts(out, "CEF:0|ztjit|ztjit-broker|");
	put_escaped(out, from->version, "\\|");
	(void)ztj_buf_put_u8(out, '|');
	put_escaped(out, e->kind, "\\|");
	(void)ztj_buf_put_u8(out, ':');
	put_escaped(out, e->outcome, "\\|");
	(void)ztj_buf_put_u8(out, '|');
	put_escaped(out, e->kind, "\\|");
	(void)ztj_buf_put_u8(out, ' ');
	put_escaped(out, e->outcome, "\\|");
	(void)ztj_buf_printf(out, "|%u|", ztj_event_weigh(e).cef);
	put_extension(out, e);
	if (from->host != NULL)
		put_key(out, "dvchost", from->host);
	return ztj_buf_status(out);
}

/* --- CSV --- */

static const char *const columns[] = { "n", "time", "kind", "outcome", "code", "type", "person", "by", "host",
	"hosts", "role", "rule", "service", "account", "address", "session", "request", "statement",
	"certificate", "action", "decision", "name", "duration", "starts", "ends", "until", "at", "reason",
	"ticket", "command", "text" };

static void put_cell(struct ztj_csv *row, const char *text)
{
	ztj_csv_text(row, text[0] == '\0' ? NULL : text);
}

int ztj_event_csv(const struct ztj_event_in *e, struct ztj_view leaf, struct ztj_buf *out)
{
	struct ztj_buf room;
	struct ztj_csv row;

	if (!ztj_text_ok(leaf))
		return ZTJ_BAD_TEXT;
	ztj_buf_init(&room, LIST_MAX);
	ztj_csv_init(&row, out);
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		put_cell(&row, text_of(e, columns[i], &room));
	ztj_buf_reset(&room);
	(void)ztj_buf_put(&room, leaf.p, leaf.n);
	const char *text = ztj_buf_str(&room);
	if (text != NULL)
		put_cell(&row, text);
	ztj_csv_end(&row);
	int r = text == NULL ? ZTJ_NOMEM : ztj_buf_status(out);
	ztj_buf_free(&room);
	return r;
}

int ztj_event_csv_head(struct ztj_buf *out)
{
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		(void)ztj_buf_printf(out, "%s,", columns[i]);
	return ztj_buf_puts(out, "leaf\r\n");
}
