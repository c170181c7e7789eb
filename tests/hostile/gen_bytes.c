/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* S04, S11: flipped bits, cut ends and texts that are almost statements, in every part and on every way. */
#include <stdio.h>
#include <string.h>

#include "tests/hostile/plan.h"

static const char *const part_name[3] = { "request", "approval-lead1", "approval-sec1" };

/* ---- flips and cuts ---- */

static void flip_texts(struct gen *g)
{
	/* spread over the text, never in its last byte */
	for (int i = 0; i < 3; i++)
		for (long at = 3; at < 400; at += 37) {
			struct plan *p = plan_honest(g);
			p->part[i].flip_byte = at * 8 + at % 8;
			p->part[i].want = ZTJ_BAD_SIGNATURE;
			emit(g, "S11/%s/text-bit-%ld", part_name[i], p->part[i].flip_byte);
		}
	for (int i = 0; i < 3; i++)
		for (long left = 0; left < 300; left += 53) {
			struct plan *p = plan_honest(g);
			p->part[i].cut_byte = left;
			p->part[i].want = ZTJ_BAD_SIGNATURE;
			emit(g, "S11/%s/text-cut-%ld", part_name[i], left);
		}
}

struct region {
	const char *name;
	long at, len;
	int want;
};

/* Where things stand in the SSHSIG of this key in namespace ns. */
static size_t regions(const struct soft_key *k, const char *ns, struct region *r)
{
	bool ec = k->pub.type == ZTJ_KEY_SK_ECDSA;
	long type = (long)strlen(ztj_key_type_name(k->pub.type)), at = 0;
	size_t n = 0;
#define REGION(name, len, want) r[n++] = (struct region){ name, at, len, want }, at += (len)
	REGION("magic", 6, ZTJ_BAD_ENCODING);
	REGION("version", 4, ZTJ_VERSION);
	REGION("key-length", 4, WANT_MALFORMED);
	REGION("key-type-length", 4, WANT_MALFORMED);
	REGION("key-type", type, ZTJ_KEY_TYPE);
	if (ec) {
		REGION("curve-length", 4, WANT_MALFORMED);
		REGION("curve", 8, ZTJ_BAD_KEY);
	}
	REGION("public-key-length", 4, WANT_MALFORMED);
	if (ec)
		REGION("point", 65, ZTJ_BAD_KEY);
	else
		REGION("public-key", 32, ZTJ_BAD_SIGNATURE);
	REGION("application-length", 4, WANT_MALFORMED);
	REGION("application", 4, ZTJ_APPLICATION);
	REGION("namespace-length", 4, WANT_MALFORMED);
	REGION("namespace", (long)strlen(ns), ZTJ_SIG_NAMESPACE);
	REGION("reserved-length", 4, WANT_MALFORMED);
	REGION("hash-length", 4, WANT_MALFORMED);
	REGION("hash", 6, ZTJ_SIG_ALG);
	REGION("blob-length", 4, WANT_MALFORMED);
	REGION("algorithm-length", 4, WANT_MALFORMED);
	REGION("algorithm", type, ZTJ_SIG_ALG);
	REGION("signature-length", 4, WANT_MALFORMED);
	if (!ec) {
		REGION("signature", 64, ZTJ_BAD_SIGNATURE);
		REGION("flags", 1, ZTJ_BAD_SIGNATURE);
		REGION("counter", 4, ZTJ_BAD_SIGNATURE);
	}
#undef REGION
	return n;
}

static void flip_signatures(struct gen *g)
{
	struct region r[32];

	for (int i = 0; i < 3; i++) {
		const char *ns = ztj_stmt_namespace(i == 0 ? ZTJ_STMT_REQUEST : ZTJ_STMT_APPROVAL);
		size_t n = regions(plan_honest(g)->part[i].key[0], ns, r);
		for (size_t k = 0; k < n; k++)
			for (long bit = 0, step = r[k].len * 8 / 3;
			     bit<r[k].len * 8; bit += step> 0 ? step : 1) {
				struct plan *p = plan_honest(g);
				p->part[i].flip_sig = r[k].at * 8 + bit;
				p->part[i].want = r[k].want;
				emit(g, "S11/%s/%s-bit-%ld", part_name[i], r[k].name, bit);
			}
		for (long left = 0; left < 180; left += 29) {
			struct plan *p = plan_honest(g);
			p->part[i].cut_sig = left;
			p->part[i].want = WANT_MALFORMED;
			emit(g, "S11/%s/signature-cut-%ld", part_name[i], left);
		}
	}
}

/* The bundle's own frame; the certificate over it is signed by the real CA. */
static void bundles(struct gen *g)
{
	for (long left = 0; left < 1600; left += 83) {
		struct plan *p = plan_honest(g);
		p->via = VIA_CERT;
		p->mint.bundle_cut = left;
		p->want = left == 0 ? ZTJ_NO_GRANT : WANT_MALFORMED;
		emit(g, "S11/bundle-cut-%ld", left);
	}
	for (long bit = 0; bit < 13 * 8; bit += 3) {
		struct plan *p = plan_honest(g);
		p->via = VIA_CERT;
		p->mint.bundle_flip = bit;
		p->want = WANT_MALFORMED;
		/* the lowest bits of the count: fewer containers than bytes, or more */
		emit(g, "S11/bundle-frame-bit-%ld", bit);
	}
	struct plan *p = plan_honest(g);
	p->via = VIA_CERT;
	p->mint.bundle_trailing = "x";
	p->want = ZTJ_TRAILING;
	emit(g, "S11/bundle-trailing-byte");
	p = plan_honest(g);
	p->via = VIA_CERT;
	p->mint.bundle_magic = "ZTJB2";
	p->want = ZTJ_BAD_ENCODING;
	emit(g, "S11/bundle-other-version");
}

void gen_bytes(struct gen *g)
{
	flip_texts(g);
	flip_signatures(g);
	bundles(g);
}

/* ---- texts, truly signed by the right key ---- */

struct edit {
	const char *name, *before, *after, *find, *put;
	int want;
};

static const struct edit edits[] = {
	{ "byte-order-mark", "\xEF\xBB\xBF", NULL, NULL, NULL, ZTJ_BAD_JSON },
	{ "leading-space", " ", NULL, NULL, NULL, ZTJ_BAD_JSON },
	{ "trailing-object", NULL, "{}", NULL, NULL, ZTJ_TRAILING },
	{ "trailing-nul-text", NULL, "\\u0000", NULL, NULL, ZTJ_TRAILING },
	{ "trailing-brace", NULL, "}", NULL, NULL, ZTJ_TRAILING },
	{ "duplicate-domain", NULL, NULL, "\"domain\":", "\"domain\":\"example\",\"domain\":", ZTJ_BAD_JSON },
	{ "duplicate-who", NULL, NULL, "\"who\":", "\"who\":\"people/lead2\",\"who\":", ZTJ_BAD_JSON },
	{ "duplicate-escaped", NULL, NULL,
	    "\"who\":", "\"wh\\u006f\":\"people/lead2\",\"who\":", ZTJ_BAD_JSON },
	{ "unknown-member", NULL, NULL, "\"domain\":", "\"admin\":1,\"domain\":", ZTJ_MEMBER_UNKNOWN },
	{ "case-of-member", NULL, NULL, "\"who\":", "\"Who\":", ZTJ_MEMBER_UNKNOWN },
	{ "missing-who", NULL, NULL, "\"who\":\"people/", "\"seen_\":\"people/", ZTJ_MEMBER_UNKNOWN },
	{ "version-0", NULL, NULL, "\"v\":1", "\"v\":0", ZTJ_VERSION },
	{ "version-2", NULL, NULL, "\"v\":1", "\"v\":2", ZTJ_VERSION },
	{ "version-huge", NULL, NULL, "\"v\":1", "\"v\":4294967297", ZTJ_VERSION },
	{ "version-text", NULL, NULL, "\"v\":1", "\"v\":\"1\"", ZTJ_MEMBER_TYPE },
	{ "version-float", NULL, NULL, "\"v\":1", "\"v\":1.0", ZTJ_MEMBER_TYPE },
	{ "version-exponent", NULL, NULL, "\"v\":1", "\"v\":1e0", ZTJ_MEMBER_TYPE },
	{ "version-true", NULL, NULL, "\"v\":1", "\"v\":true", ZTJ_MEMBER_TYPE },
	{ "who-null", NULL, NULL, "\"who\":\"people/", "\"who\":null,\"x\":\"", ZTJ_MEMBER_TYPE },
	{ "other-domain", NULL, NULL, "\"domain\":\"example\"", "\"domain\":\"example2\"", ZTJ_DOMAIN },
	{ "domain-case", NULL, NULL, "\"domain\":\"example\"", "\"domain\":\"Example\"", ZTJ_BAD_NAME },
	{ "domain-dot", NULL, NULL, "\"domain\":\"example\"", "\"domain\":\"example.\"", ZTJ_DOMAIN },
	{ "domain-space", NULL, NULL, "\"domain\":\"example\"", "\"domain\":\"example \"", ZTJ_BAD_NAME },
	{ "domain-empty", NULL, NULL, "\"domain\":\"example\"", "\"domain\":\"\"", ZTJ_MEMBER_TYPE },
	{ "escape-character", NULL, NULL, "\"domain\":\"example\"", "\"domain\":\"exam\\u001bple\"",
	    ZTJ_BAD_TEXT },
	{ "bidi-override", NULL, NULL, "\"domain\":\"example\"", "\"domain\":\"exam\xE2\x80\xAEple\"",
	    ZTJ_BAD_TEXT },
	{ "invalid-utf8", NULL, NULL, "\"domain\":\"example\"", "\"domain\":\"exam\xFFple\"", ZTJ_BAD_TEXT },
	{ "overlong-utf8", NULL, NULL, "\"domain\":\"example\"", "\"domain\":\"exam\xC0\xB0ple\"",
	    ZTJ_BAD_TEXT },
	{ "nul-character", NULL, NULL, "\"domain\":\"example\"", "\"domain\":\"example\\u0000\"",
	    ZTJ_BAD_TEXT },
	{ "raw-newline", NULL, NULL, "\"domain\":\"example\"", "\"domain\":\"exam\nple\"", ZTJ_BAD_JSON },
	{ "deep", NULL, NULL, "\"domain\":", "\"x\":[[[[[[[[1]]]]]]]],\"domain\":", ZTJ_BAD_JSON },
	{ "issued-month-13", NULL, NULL, "\"issued\":\"20", "\"issued\":\"2026-13-01T00:00:00Z\",\"x\":\"20",
	    ZTJ_BAD_TIME },
	{ "issued-day-30-of-february", NULL, NULL, "\"issued\":\"20",
	    "\"issued\":\"2026-02-30T00:00:00Z\",\"x\":\"20", ZTJ_BAD_TIME },
	{ "issued-offset", NULL, NULL, "\"issued\":\"20",
	    "\"issued\":\"2026-02-03T00:00:00+00:00\",\"x\":\"20", ZTJ_MEMBER_TYPE },
	{ "issued-number", NULL, NULL, "\"issued\":\"20", "\"issued\":1795338000,\"x\":\"20",
	    ZTJ_MEMBER_TYPE },
	{ "issued-leap-second", NULL, NULL, "\"issued\":\"20",
	    "\"issued\":\"2026-06-30T23:59:60Z\",\"x\":\"20", ZTJ_BAD_TIME },
	{ "who-case", NULL, NULL, "\"who\":\"people/", "\"who\":\"People/", ZTJ_BAD_NAME },
	{ "who-trailing-dot", NULL, NULL, "\"who\":\"people/", "\"who\":\"people./", ZTJ_BAD_NAME },
	{ "who-two-slashes", NULL, NULL, "\"who\":\"people/", "\"who\":\"people//", ZTJ_BAD_NAME },
	{ "who-look-alike", NULL, NULL, "\"who\":\"people/", "\"who\":\"p\xD0\xB5ople/", ZTJ_BAD_NAME },
	{ "who-dots", NULL, NULL, "\"who\":\"people/", "\"who\":\"../people/", ZTJ_BAD_NAME },
};

/* Members that only one type has. */
static const struct edit request_edits[] = {
	{ "duration-0", NULL, NULL, "\"duration\":1800", "\"duration\":0", ZTJ_MEMBER_TYPE },
	{ "duration-negative", NULL, NULL, "\"duration\":1800", "\"duration\":-1", ZTJ_BAD_JSON },
	{ "duration-2-31", NULL, NULL, "\"duration\":1800", "\"duration\":2147483648", ZTJ_MEMBER_TYPE },
	{ "duration-2-63", NULL, NULL, "\"duration\":1800", "\"duration\":9223372036854775807",
	    ZTJ_MEMBER_TYPE },
	{ "duration-overflow", NULL, NULL, "\"duration\":1800", "\"duration\":99999999999999999999",
	    ZTJ_BAD_JSON },
	{ "duration-exponent", NULL, NULL, "\"duration\":1800", "\"duration\":18e2", ZTJ_MEMBER_TYPE },
	{ "duration-text", NULL, NULL, "\"duration\":1800", "\"duration\":\"1800\"", ZTJ_MEMBER_TYPE },
	{ "duration-list", NULL, NULL, "\"duration\":1800", "\"duration\":[1800]", ZTJ_MEMBER_TYPE },
	{ "hosts-text", NULL, NULL, "\"hosts\":[\"servers/web1\"]", "\"hosts\":\"servers/web1\"",
	    ZTJ_MEMBER_TYPE },
	{ "hosts-none", NULL, NULL, "\"hosts\":[\"servers/web1\"]", "\"hosts\":[]", ZTJ_MEMBER_TYPE },
	{ "hosts-twice", NULL, NULL, "\"hosts\":[\"servers/web1\"]",
	    "\"hosts\":[\"servers/web1\",\"servers/web1\"]", ZTJ_MEMBER_TYPE },
	{ "hosts-unsorted", NULL, NULL, "\"hosts\":[\"servers/web1\"]",
	    "\"hosts\":[\"servers/web2\",\"servers/web1\"]", ZTJ_MEMBER_TYPE },
	{ "hosts-wildcard", NULL, NULL, "\"hosts\":[\"servers/web1\"]", "\"hosts\":[\"servers/*\"]",
	    ZTJ_BAD_NAME },
	{ "hosts-short", NULL, NULL, "\"hosts\":[\"servers/web1\"]", "\"hosts\":[\"web1\"]", ZTJ_BAD_NAME },
	{ "kit", NULL, NULL, "\"duration\":1800", "\"kit\":true,\"duration\":1800", ZTJ_BREAK_GLASS },
	{ "not-after", NULL, NULL, "\"duration\":1800",
	    "\"not_after\":\"2030-01-01T00:00:00Z\",\"duration\":1800", ZTJ_BREAK_GLASS },
	{ "reason-null", NULL, NULL, "\"reason\":\"disk full on the web tier\"", "\"reason\":null",
	    ZTJ_MEMBER_TYPE },
	{ "reason-control", NULL, NULL, "disk full", "disk\\u0007full", ZTJ_BAD_TEXT },
	{ "role-empty", NULL, NULL, "\"role\":\"root-shell\"", "\"role\":\"\"", ZTJ_BAD_NAME },
	{ "role-path", NULL, NULL, "\"role\":\"root-shell\"", "\"role\":\"../root-shell\"", ZTJ_BAD_NAME },
};

static const struct edit approval_edits[] = {
	{ "decision-unknown", NULL, NULL, "\"decision\":\"approve\"", "\"decision\":\"yes\"",
	    ZTJ_MEMBER_TYPE },
	{ "decision-case", NULL, NULL, "\"decision\":\"approve\"", "\"decision\":\"Approve\"",
	    ZTJ_MEMBER_TYPE },
	{ "decision-true", NULL, NULL, "\"decision\":\"approve\"", "\"decision\":true", ZTJ_MEMBER_TYPE },
	{ "limit-0", NULL, NULL, "\"decision\":\"approve\"", "\"decision\":\"approve\",\"limit\":0",
	    ZTJ_MEMBER_TYPE },
	{ "limit-negative", NULL, NULL, "\"decision\":\"approve\"", "\"decision\":\"approve\",\"limit\":-5",
	    ZTJ_BAD_JSON },
	{ "digest-short", NULL, NULL, "\"request\":\"", "\"request\":\"00", ZTJ_MEMBER_TYPE },
	{ "deny-without-a-word", NULL, NULL, "\"decision\":\"approve\"", "\"decision\":\"deny\"",
	    ZTJ_MEMBER_MISSING },
	{ "deny-with-limit", NULL, NULL, "\"decision\":\"approve\"",
	    "\"decision\":\"deny\",\"limit\":5,\"comment\":\"x\"", ZTJ_MEMBER_UNKNOWN },
	{ "member-of-request", NULL, NULL,
	    "\"decision\":", "\"role\":\"root-shell\",\"decision\":", ZTJ_MEMBER_UNKNOWN },
};

static void edit_part(struct gen *g, int i, const struct edit *e)
{
	struct plan *p = plan_honest(g);
	struct part *part = &p->part[i];

	part->before = e->before;
	part->after = e->after;
	part->find = e->find;
	part->put = e->put;
	part->want = e->want;
	emit(g, "S04/%s/%s", part_name[i], e->name);
}

void gen_text(struct gen *g)
{
	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < sizeof(edits) / sizeof(edits[0]); k++)
			edit_part(g, i, &edits[k]);
	for (size_t k = 0; k < sizeof(request_edits) / sizeof(request_edits[0]); k++)
		edit_part(g, 0, &request_edits[k]);
	for (int i = 1; i < 3; i++)
		for (size_t k = 0; k < sizeof(approval_edits) / sizeof(approval_edits[0]); k++)
			edit_part(g, i, &approval_edits[k]);
}
