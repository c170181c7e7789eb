/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A decision as sshd reads it: the options line, and the fields of a certificate. Every limit stands in both. */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/decide.h"

static int principal(const uint8_t request[ZTJ_DIGEST_LEN], char *out, size_t size)
{
	char hex[ZTJ_HEX_SIZE];
	int n;

	ztj_hex(request, ZTJ_DIGEST_LEN, hex);
	n = snprintf(out, size, "%s%s", ZTJ_PRINCIPAL_PREFIX, hex);
	return n > 0 && (size_t)n < size ? ZTJ_OK : ZTJ_INTERNAL;
}

/* C03: never empty when the rule has sources; the policy's check keeps them within size. */
static int join_sources(const struct ztj_rule *rule, char *out, size_t size)
{
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; i < rule->sources.n; i++) {
		int w = snprintf(out + n, size - n, "%s%s", i > 0 ? "," : "", rule->sources.s[i]);
		if (w <= 0 || (size_t)w >= size - n)
			return ZTJ_TOO_LARGE;
		n += (size_t)w;
	}
	return ZTJ_OK;
}

/* "YYYYMMDDhhmmssZ" from the one time format there is. */
static int expiry_text(int64_t t, char out[16])
{
	char iso[ZTJ_TIME_SIZE];
	size_t n = 0;
	int r = ztj_time_format(t, iso);

	if (r != ZTJ_OK)
		return r;
	for (size_t i = 0; iso[i] != 0; i++)
		if (iso[i] != '-' && iso[i] != ':' && iso[i] != 'T' && n < 15)
			out[n++] = iso[i];
	out[n] = 0;
	return n == 15 ? ZTJ_OK : ZTJ_INTERNAL;
}

bool ztj_decide_wants_record(const struct ztj_role *role)
{
	return role->record != ZTJ_RECORD_NONE || role->sudo_recorded;
}

/* What sshd would do by itself (internal-sftp) is no program that a login shell could record: it runs this one instead. */
static int put_command(const struct ztj_role *role, const char *recorder, struct ztj_buf *out)
{
	if (!ztj_decide_wants_record(role))
		return ZTJ_OK;
	if (recorder == NULL)
		return ZTJ_NO_RECORDER;
	for (const char *p = recorder; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"'\\$`;&|<>()*?[]#~!{}", *p) != NULL)
			return ZTJ_CONFIG;
	ztj_buf_printf(out, ",command=\"%s\"", recorder);
	return ZTJ_OK;
}

int ztj_decide_principals_line(const struct ztj_answer *a, const char *recorder, struct ztj_buf *out)
{
	char name[128], until[16], sources[1024];
	unsigned fwd;
	int r;

	if (a->code != ZTJ_OK || a->grant.rule == NULL || a->grant.role == NULL)
		return ZTJ_FORBIDDEN;
	if ((r = principal(a->request, name, sizeof name)) != ZTJ_OK ||
	    (r = expiry_text(a->ends, until)) != ZTJ_OK ||
	    (r = join_sources(a->grant.rule, sources, sizeof sources)) != ZTJ_OK)
		return r;
	fwd = a->grant.role->forwarding;
	ztj_buf_puts(out, "restrict,pty,agent-forwarding");
	if (fwd & ZTJ_EXT_PORT)
		ztj_buf_puts(out, ",port-forwarding");
	if (fwd & ZTJ_EXT_X11)
		ztj_buf_puts(out, ",X11-forwarding");
	if (sources[0] != 0)
		ztj_buf_printf(out, ",from=\"%s\"", sources);
	if (a->uv)
		ztj_buf_puts(out, ",verify-required");
	if ((r = put_command(a->grant.role, recorder, out)) != ZTJ_OK)
		return r;
	ztj_buf_printf(out, ",expiry-time=\"%s\" %s\n", until, name);
	return ztj_buf_status(out);
}

static int check_subject(const struct ztj_trust *t, const char *who, const struct ztj_key *subject,
    int64_t now)
{
	const struct ztj_policy *p = ztj_trust_held_policy(t);
	const struct ztj_record *person;
	int r = ztj_trust_user(t, who, now, &person);

	if (r != ZTJ_OK)
		return r;
	if (!ztj_key_is_sk(subject))
		return ZTJ_KEY_TYPE;
	if (p == NULL || ztj_policy_key_revoked(p, subject))
		return ZTJ_KEY_REVOKED;
	r = ztj_record_key(person, subject, now, now);
	return r == ZTJ_SIGNER ? ZTJ_WRONG_KEY : r;
}

int ztj_decide_cert(const struct ztj_trust *t, const struct ztj_bundle *b, const struct ztj_key *subject,
    int64_t now, struct ztj_cert_spec *spec, struct ztj_cert_text *text)
{
	struct ztj_grant g;
	char id[ZTJ_SHORT_ID_SIZE];
	int n, r;

	memset(spec, 0, sizeof *spec);
	memset(text, 0, sizeof *text);
	ztj_grant_eval(t, b, now, &g);
	if (g.code != ZTJ_OK || g.state != ZTJ_GRANT_ACTIVE || g.rule == NULL || g.role == NULL)
		return g.code != ZTJ_OK ? g.code : ZTJ_INTERNAL;
	if (g.role->login.n == 0)
		return ZTJ_WRONG_ACCOUNT; /* the role logs in nowhere */
	if ((r = check_subject(t, b->request->u.request.who, subject, now)) != ZTJ_OK ||
	    (r = principal(b->request->id, text->principal, sizeof text->principal)) != ZTJ_OK ||
	    (r = join_sources(g.rule, text->sources, sizeof text->sources)) != ZTJ_OK)
		return r;
	ztj_short_id(b->request->id, id);
	n = snprintf(text->key_id, sizeof text->key_id, "ztjit %s %s", id, b->request->u.request.who);
	if (n <= 0 || (size_t)n >= sizeof text->key_id)
		return ZTJ_TOO_LARGE;
	spec->subject = *subject;
	spec->key_id = text->key_id;
	spec->principal = text->principal;
	spec->valid_after = now - 60;
	spec->valid_before = g.ends;
	spec->source_address = text->sources[0] != 0 ? text->sources : NULL;
	spec->verify_required = g.rule->uv;
	spec->extensions = g.role->forwarding | ZTJ_EXT_PTY | ZTJ_EXT_AGENT;
	spec->bundle = ztj_buf_view(&b->mem);
	return ZTJ_OK;
}
