/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/dest.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#define WORD_MAX 4096

struct parsing {
	struct dest_conf *d;
	char *what;
	size_t size;
	unsigned seen; /* options */
};

static int wrong(const struct parsing *p, const char *word, const char *why)
{
	(void)snprintf(p->what, p->size, "%s%s%s: %s", p->d->name, p->d->name[0] != '\0' ? ": " : "", word,
	    why);
	return ZTJ_CONFIG;
}

/* --- where to --- */

static const struct scheme {
	const char *text;
	enum dest_kind kind;
	const char *port;
} schemes[] = { { "stdout:", DEST_STDOUT, NULL }, { "udp://", DEST_UDP, "514" }, { "tcp://", DEST_TCP, NULL },
	{ "tls://", DEST_TLS, "6514" }, { "https://", DEST_HTTPS, "443" } };

static bool is_address(const char *host)
{
	struct in6_addr a;
	return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

static bool is_host(const char *host)
{
	size_t n = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
	return n > 0 && host[n] == '\0' && host[0] != '-' && host[0] != '.';
}

/* HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT. */
static int set_place(struct dest_conf *d, const char *text, size_t n, const char *port)
{
	char place[DEST_HOST_SIZE + 16];
	int64_t number;
	if (n >= sizeof(place))
		return ZTJ_CONFIG;
	memcpy(place, text, n);
	place[n] = '\0';
	char *host = place, *end = strchr(place, ':');
	if (place[0] == '[') {
		host = place + 1;
		end = strchr(place, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return ZTJ_CONFIG;
		*end++ = '\0';
	}
	if (end != NULL && *end == ':') {
		*end = '\0';
		port = end + 1;
	}
	if (port == NULL || strlen(host) >= sizeof(d->host) ||
	    ztj_parse_int(port, 1, 65535, &number) != ZTJ_OK ||
	    (place[0] == '[' ? strchr(host, ':') == NULL || !is_address(host) : !is_host(host)))
		return ZTJ_CONFIG;
	(void)snprintf(d->host, sizeof(d->host), "%s", host);
	d->port = (in_port_t)number;
	return ZTJ_OK;
}

static bool is_path(const char *path)
{
	for (; *path != '\0'; path++)
		if (*path <= ' ' || *path > '~' || *path == '#')
			return false;
	return true;
}

static int set_url(const struct parsing *p, const char *url)
{
	struct dest_conf *d = p->d;
	const struct scheme *s = NULL;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(url, schemes[i].text, strlen(schemes[i].text)) == 0)
			s = &schemes[i];
	if (s == NULL)
		return wrong(p, url, "not stdout:, udp://, tcp://, tls:// or https://");
	d->kind = s->kind;
	const char *place = url + strlen(s->text);
	if (s->kind == DEST_STDOUT)
		return place[0] == '\0' ? ZTJ_OK : wrong(p, url, "nothing may follow stdout:");
	size_t n = strcspn(place, "/?");
	const char *path = place + n;
	if (set_place(d, place, n, s->port) != ZTJ_OK)
		return wrong(p, url, "not HOST:PORT");
	if (s->kind == DEST_UDP && !is_address(d->host))
		return wrong(p, url, "udp wants an address, no name");
	if (s->kind != DEST_HTTPS)
		return path[0] == '\0' ? ZTJ_OK : wrong(p, url, "nothing may follow the port");
	if (path[0] == '?' || !is_path(path) || strlen(path) >= sizeof(d->path))
		return wrong(p, url, "not a path");
	(void)snprintf(d->path, sizeof(d->path), "%s", path[0] != '\0' ? path : "/");
	return ZTJ_OK;
}

/* --- options --- */

static int set_file(const struct parsing *p, const char *value, char out[PATH_MAX])
{
	if (value[0] != '/' || strlen(value) >= PATH_MAX)
		return wrong(p, value, "not an absolute path");
	(void)snprintf(out, PATH_MAX, "%s", value);
	return ZTJ_OK;
}

/* sha256//BASE64, as curl and HPKP write it. */
static int set_pin(const struct parsing *p, const char *value)
{
	struct ztj_buf raw;
	ztj_buf_init(&raw, ZTJ_DIGEST_LEN);
	p->d->pinned = strncmp(value, "sha256//", 8) == 0 &&
	    ztj_b64_decode(ztj_view_str(value + 8), &raw) == ZTJ_OK && raw.n == sizeof(p->d->pin);
	if (p->d->pinned)
		memcpy(p->d->pin, raw.p, sizeof(p->d->pin));
	ztj_buf_free(&raw);
	return p->d->pinned ? ZTJ_OK : wrong(p, value, "not sha256//BASE64");
}

static int set_list(const struct parsing *p, const char *value, struct dest_list *out)
{
	while (*value != '\0') {
		size_t n = strcspn(value, ",");
		if (out->n == DEST_LIST_MAX || n == 0 || n >= ZTJ_NAME_SIZE ||
		    (value[n] == ',' && value[n + 1] == '\0'))
			return wrong(p, value, "not a list of names");
		memcpy(out->s[out->n], value, n);
		out->s[out->n][n] = '\0';
		if (!ztj_name_ok(out->s[out->n++]))
			return wrong(p, value, "not a list of names");
		value += n + (value[n] == ',' ? 1 : 0);
	}
	return out->n > 0 ? ZTJ_OK : wrong(p, "", "an empty list");
}

static int set_facility(const struct parsing *p, const char *value)
{
	static const char *const names[] = { "kern", "user", "mail", "daemon", "auth", "syslog", "lpr",
		"news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0",
		"local1", "local2", "local3", "local4", "local5", "local6", "local7" };
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) != 0)
			continue;
		p->d->facility = i;
		return ZTJ_OK;
	}
	return wrong(p, value, "not a facility of syslog");
}

static int set_kinds(const struct parsing *p, const char *value)
{
	return set_list(p, value, &p->d->kinds);
}

static int set_outcomes(const struct parsing *p, const char *value)
{
	return set_list(p, value, &p->d->outcomes);
}

static int set_format(const struct parsing *p, const char *value)
{
	p->d->cef = strcmp(value, "cef") == 0;
	return p->d->cef || strcmp(value, "json") == 0 ? ZTJ_OK : wrong(p, value, "not json or cef");
}

static int set_ca(const struct parsing *p, const char *value)
{
	return set_file(p, value, p->d->ca);
}

static int set_cert(const struct parsing *p, const char *value)
{
	return set_file(p, value, p->d->cert);
}

static int set_key(const struct parsing *p, const char *value)
{
	return set_file(p, value, p->d->key);
}

static int set_confirm(const struct parsing *p, const char *value)
{
	if (strcmp(value, "no") == 0) {
		p->d->confirm = 0;
		return ZTJ_OK;
	}
	int r = ztj_duration_parse(value, &p->d->confirm);
	return r == ZTJ_OK && p->d->confirm >= 1 && p->d->confirm <= 3600
	    ? ZTJ_OK
	    : wrong(p, value, "not 1s to 1h, or no");
}

#define ALL (1u << DEST_STDOUT | SYSLOG | 1u << DEST_HTTPS)
#define SYSLOG (1u << DEST_UDP | 1u << DEST_TCP | 1u << DEST_TLS)
#define STREAM (1u << DEST_TCP | 1u << DEST_TLS)
#define TLS (1u << DEST_TLS | 1u << DEST_HTTPS)
static const struct option {
	const char *name;
	unsigned kinds; /* of destinations that have it */
	int (*set)(const struct parsing *p, const char *value);
} options[] = { { "kinds", ALL, set_kinds }, { "outcomes", ALL, set_outcomes },
	{ "facility", SYSLOG, set_facility }, { "format", SYSLOG, set_format },
	{ "confirm", STREAM, set_confirm }, { "ca", TLS, set_ca }, { "pin", TLS, set_pin },
	{ "cert", TLS, set_cert }, { "key", TLS, set_key } };

static int parse_option(struct parsing *p, char *word)
{
	char *eq = strchr(word, '=');
	if (eq == NULL || eq[1] == '\0')
		return wrong(p, word, "not OPTION=VALUE");
	*eq = '\0';
	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(word, options[i].name) != 0 || (options[i].kinds & 1u << p->d->kind) == 0)
			continue;
		if ((p->seen & 1u << i) != 0)
			return wrong(p, word, "twice");
		p->seen |= 1u << i;
		return options[i].set(p, eq + 1);
	}
	return wrong(p, word, "not an option of this destination");
}

static int finish(const struct parsing *p)
{
	const struct dest_conf *d = p->d;
	if ((TLS & 1u << d->kind) != 0 && d->ca[0] == '\0' && !d->pinned)
		return wrong(p, "ca, pin", "one of them says whom to believe");
	if ((d->cert[0] == '\0') != (d->key[0] == '\0'))
		return wrong(p, "cert, key", "both or none");
	return ZTJ_OK;
}

/* The first word is the name, the second the URL. */
static int take_word(struct parsing *p, char *word, unsigned i)
{
	if (i > 0)
		return i == 1 ? set_url(p, word) : parse_option(p, word);
	if (!ztj_name_ok(word))
		return wrong(p, word, "not a name");
	memcpy(p->d->name, word, strlen(word) + 1); /* a name is short */
	return ZTJ_OK;
}

int dest_parse(const char *text, struct dest_conf *out, char *what, size_t size)
{
	struct parsing p = { out, what, size, 0 };
	char word[WORD_MAX];
	unsigned n = 0;
	int r = ZTJ_OK;
	memset(out, 0, sizeof(*out));
	what[0] = '\0';
	out->facility = 10; /* authpriv */
	out->confirm = 30;
	if (strlen(text) >= sizeof(word))
		return wrong(&p, "send", "too long");
	for (const char *at = text; r == ZTJ_OK; n++) {
		size_t len = strcspn(at, " ");
		memcpy(word, at, len);
		word[len] = '\0';
		r = len > 0 ? take_word(&p, word, n) : wrong(&p, text, "one space stands between two words");
		if (at[len] == '\0' && r == ZTJ_OK)
			return n > 0 ? finish(&p) : wrong(&p, text, "not NAME URL");
		at += len + 1;
	}
	return r;
}

static bool has(const struct dest_list *l, const char *word)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->s[i], word) == 0)
			return true;
	return l->n == 0;
}

bool dest_passes(const struct dest_conf *d, const struct ztj_event_in *e)
{
	return has(&d->kinds, e->kind) && has(&d->outcomes, e->outcome);
}
