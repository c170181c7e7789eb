/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/hostchain.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/core/jsonin.h"
#include "libztjit/core/text.h"

#define FIRST_PLACES 64

struct host {
	char name[ZTJ_FULLNAME_SIZE];
	int64_t seq; /* of its newest line; 0: none yet */
	uint8_t head[ZTJ_DIGEST_LEN];
};
struct ztj_hostchains {
	struct host **place; /* open addressing; at most half of it used */
	size_t places, hosts;
	uint64_t lines, more;
	size_t nfound;
	struct ztj_hostchain_found found[ZTJ_HOSTCHAIN_FOUND];
};

int ztj_hostchains_new(struct ztj_hostchains **out)
{
	struct ztj_hostchains *h = calloc(1, sizeof(*h));

	*out = h;
	if (h == NULL)
		return ZTJ_NOMEM;
	h->places = FIRST_PLACES;
	h->place = calloc(h->places, sizeof(struct host *));
	if (h->place != NULL)
		return ZTJ_OK;
	free(h);
	*out = NULL;
	return ZTJ_NOMEM;
}

void ztj_hostchains_free(struct ztj_hostchains *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->places; i++)
		free(h->place[i]);
	free(h->place);
	free(h);
}

/* ---- hosts by name ---- */

/* FNV-1a: whoever can choose the names of many hosts is the registrar. */
static size_t hash(const char *name, size_t places)
{
	uint64_t v = UINT64_C(0xcbf29ce484222325);

	for (; *name != '\0'; name++)
		v = (v ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return (size_t)(v ^ v >> 32) & (places - 1);
}

static struct host **place_of(struct host **place, size_t places, const char *name)
{
	size_t at = hash(name, places);

	while (place[at] != NULL && strcmp(place[at]->name, name) != 0)
		at = (at + 1) & (places - 1);
	return &place[at];
}

static int grow(struct ztj_hostchains *h)
{
	size_t places = 2 * h->places;
	struct host **next = calloc(places, sizeof(struct host *));

	if (next == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < h->places; i++)
		if (h->place[i] != NULL)
			*place_of(next, places, h->place[i]->name) = h->place[i];
	free(h->place);
	h->place = next;
	h->places = places;
	return ZTJ_OK;
}

static int host_of(struct ztj_hostchains *h, const char *name, struct host **out)
{
	struct host **at = place_of(h->place, h->places, name);
	int r = ZTJ_OK;

	*out = *at;
	if (*at != NULL)
		return ZTJ_OK;
	if (h->hosts == ZTJ_HOSTCHAIN_HOSTS)
		return ZTJ_LIMIT;
	if (2 * (h->hosts + 1) > h->places)
		r = grow(h);
	if (r != ZTJ_OK)
		return r;
	at = place_of(h->place, h->places, name);
	*at = calloc(1, sizeof(**at));
	if (*at == NULL)
		return ZTJ_NOMEM;
	memcpy((*at)->name, name, strlen(name));
	h->hosts++;
	*out = *at;
	return ZTJ_OK;
}

/* ---- a line ---- */

/* As the host wrote it: a leaf has "\x5c" for each backslash, and the rest of a line needs no escape. */
static int unescape(const char *text, struct ztj_buf *out)
{
	static const char backslash[] = "\\x5c";
	int r = ZTJ_OK;

	while (r == ZTJ_OK && *text != '\0') {
		bool one = strncmp(text, backslash, sizeof(backslash) - 1) == 0;

		r = ztj_buf_put(out, one ? "\\" : text, 1);
		text += one ? sizeof(backslash) - 1 : 1;
	}
	return r;
}

struct line {
	int64_t seq;
	uint8_t prev[ZTJ_DIGEST_LEN], digest[ZTJ_DIGEST_LEN];
};

static int read_line(const char *text, const char *host, struct line *out)
{
	struct ztj_buf raw;
	json_t *o = NULL;
	const char *name = NULL;
	int r;

	ztj_buf_init(&raw, ZTJ_ENTRY_MAX);
	r = unescape(text, &raw);
	if (r == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(&raw), out->digest);
	if (r == ZTJ_OK)
		o = json_loadb((const char *)raw.p, raw.n, JSON_REJECT_DUPLICATES, NULL);
	if (r == ZTJ_OK && !json_is_object(o))
		r = ZTJ_BAD_JSON;
	if (r == ZTJ_OK)
		r = ztj_json_int(json_object_get(o, "seq"), 1, ZTJ_JSON_INT_MAX, &out->seq);
	if (r == ZTJ_OK)
		r = ztj_json_digest(json_object_get(o, "prev"), out->prev);
	if (r == ZTJ_OK)
		r = ztj_json_text(json_object_get(o, "host"), 1, ZTJ_FULLNAME_SIZE - 1, &name);
	if (r == ZTJ_OK && strcmp(name, host) != 0)
		r = ZTJ_WRONG_HOST;
	json_decref(o);
	ztj_buf_free(&raw);
	return r;
}

/* ---- the chain ---- */

static void add(struct ztj_hostchains *h, struct ztj_hostchain_found found)
{
	if (h->nfound < ZTJ_HOSTCHAIN_FOUND)
		h->found[h->nfound++] = found;
	else
		h->more++;
}

static bool is_zero(const uint8_t digest[ZTJ_DIGEST_LEN])
{
	static const uint8_t zeros[ZTJ_DIGEST_LEN];

	return memcmp(digest, zeros, sizeof(zeros)) == 0;
}

static void follow(struct ztj_hostchains *h, struct host *at, const struct line *l, uint64_t leaf)
{
	struct ztj_hostchain_found found = { .host = at->name,
		.leaf = leaf,
		.first = l->seq,
		.last = l->seq };

	h->lines++;
	if (l->seq > at->seq + 1) {
		found.what = ZTJ_CHAIN_GAP;
		found.first = at->seq + 1;
		found.last = l->seq - 1;
		add(h, found);
	} else if (l->seq != at->seq + 1 || memcmp(l->prev, at->head, sizeof(at->head)) != 0) {
		found.what = l->seq == 1 && is_zero(l->prev) ? ZTJ_CHAIN_ANEW : ZTJ_CHAIN_FORK;
		add(h, found);
	}
	at->seq = l->seq;
	memcpy(at->head, l->digest, sizeof(at->head));
}

int ztj_hostchains_leaf(struct ztj_hostchains *h, const struct ztj_event_in *e)
{
	const char *host = ztj_event_text(e, "host"), *text = ztj_event_text(e, "line");
	struct line l = { 0 };
	struct host *at;
	int r;

	if (strcmp(e->kind, "decision") != 0 || text[0] == '\0' || strlen(host) >= ZTJ_FULLNAME_SIZE)
		return ZTJ_OK;
	r = host_of(h, host, &at);
	if (r != ZTJ_OK)
		return r;
	r = read_line(text, host, &l);
	if (ztj_err_class(r) == ZTJ_CLASS_OUTAGE)
		return r;
	if (r == ZTJ_OK)
		follow(h, at, &l, e->n);
	else
		add(h, (struct ztj_hostchain_found){ .host = at->name, .leaf = e->n, .what = ZTJ_CHAIN_BAD });
	return ZTJ_OK;
}

size_t ztj_hostchains_found(const struct ztj_hostchains *h, const struct ztj_hostchain_found **list)
{
	*list = h->found;
	return h->nfound;
}

struct ztj_hostchains_count ztj_hostchains_count(const struct ztj_hostchains *h)
{
	return (struct ztj_hostchains_count){ h->hosts, h->lines, h->more };
}
