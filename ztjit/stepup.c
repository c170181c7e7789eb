/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Challenges of hosts. */
#include "ztjit/stepup.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "ztjit/api.h"
#include "ztjit/certs.h"
#include "ztjit/dirjson.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/sign.h"

#define STEPUP_SECONDS 60

static int judge(struct cli *c, const struct ztj_stmt *st, const struct ztj_record **host)
{
	int64_t now = cli_now();
	int r;

	if (st->nsigners != 1)
		return ZTJ_REPLAY; /* answered already */
	if (strcmp(st->u.stepup.who, login_who(c)) != 0)
		return ZTJ_WRONG_PERSON;
	if ((r = ztj_trust_host(c->trust, st->u.stepup.host, now, host)) != ZTJ_OK)
		return r;
	/* the broker relays, and could invent: only the machine itself can sign */
	if (!ztj_key_equal(&st->signer[0].key, &(*host)->machine))
		return ZTJ_SIGNER;
	if (st->issued > now + ZTJ_CLOCK_SKEW)
		return ZTJ_FUTURE;
	if (st->u.stepup.expires <= now || st->u.stepup.expires > st->issued + STEPUP_SECONDS)
		return ZTJ_STEPUP_TIMEOUT;
	return ZTJ_OK;
}

int stepup_open(struct cli *c, const struct ztj_signed *s, struct ztj_stmt **out,
    const struct ztj_record **host)
{
	int r = ztj_stmt_open(s, ZTJ_STMT_STEPUP, c->pins.domain, out);

	*host = NULL;
	if (r == ZTJ_OK && (r = judge(c, *out, host)) != ZTJ_OK) {
		ztj_stmt_free(*out);
		*out = NULL;
	}
	return r;
}

static void code_of(const uint8_t id[ZTJ_DIGEST_LEN], char out[STEPUP_CODE_SIZE])
{
	char text[STEPUP_CODE_SIZE];

	ztj_base32(id, 5, text, sizeof text);
	(void)snprintf(out, STEPUP_CODE_SIZE, "%.4s-%.4s", text, text + 4);
}

void stepup_code(const struct ztj_stmt *challenge, char out[STEPUP_CODE_SIZE])
{
	code_of(challenge->id, out);
}

static bool code_is(const uint8_t id[ZTJ_DIGEST_LEN], const char *typed)
{
	char code[STEPUP_CODE_SIZE];
	const char *p = code;

	code_of(id, code);
	for (; *typed != '\0'; typed++) {
		char t = (char)toupper((unsigned char)*typed);

		if (t == '-' || t == ' ')
			continue;
		t = (char)(t == 'O' ? '0' : t == 'I' || t == 'L' ? '1' : t);
		if (*p == '-')
			p++;
		if (*p != t)
			return false;
		p++;
	}
	return *p == '\0';
}

bool stepup_code_is(const struct ztj_stmt *challenge, const char *typed)
{
	return code_is(challenge->id, typed);
}

int stepups_each(struct cli *c, int (*each)(const struct ztj_signed *s, const struct ztj_stmt *st, void *arg),
    void *arg)
{
	json_t *o = NULL, *list, *e;
	size_t i;
	int r = api_call(c, "GET", "/v1/stepups", NULL, &o);

	if (r != ZTJ_OK)
		return r;
	list = json_object_get(o, "stepups");
	json_array_foreach(list, i, e)
	{
		const struct ztj_record *host;
		struct ztj_stmt *st = NULL;
		struct ztj_signed s;
		struct ztj_buf mem;
		int bad;

		ztj_buf_init(&mem, 256 * 1024);
		if ((bad = ztj_signed_from_value(e, &mem, &s)) == ZTJ_OK &&
		    (bad = stepup_open(c, &s, &st, &host)) == ZTJ_OK)
			r = each(&s, st, arg);
		else
			out_warn(c, "a challenge that does not hold was left out: %s", ztj_err_text(bad));
		ztj_stmt_free(st);
		ztj_buf_free(&mem);
		if (r != ZTJ_OK)
			break;
	}
	json_decref(o);
	return r;
}

static int post_answer(struct cli *c, const struct ztj_stmt *st, struct ztj_view sig)
{
	char path[128], id[ZTJ_HEX_SIZE];
	struct ztj_buf text;
	json_t *body = NULL;
	int r;

	ztj_hex(st->id, ZTJ_DIGEST_LEN, id);
	(void)snprintf(path, sizeof path, "/v1/stepups/%s", id);
	ztj_buf_init(&text, 2 * ZTJ_SSHSIG_MAX);
	if ((r = ztj_sshsig_armor(sig, &text)) == ZTJ_OK &&
	    (body = json_pack("{s:s}", "signature", ztj_buf_str(&text))) == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK)
		r = api_call(c, "POST", path, body, NULL);
	json_decref(body);
	ztj_buf_free(&text);
	return r;
}

/* --- what became of it --- */

static int ended_list(struct cli *c, bool (*is)(const uint8_t id[ZTJ_DIGEST_LEN], const void *arg),
    const void *arg, struct stepup_end *out)
{
	json_t *o = NULL, *e;
	size_t i;
	int r = api_call(c, "GET", "/v1/stepups", NULL, &o);

	*out = (struct stepup_end){ .known = false };
	json_array_foreach(json_object_get(o, "ended"), i, e)
	{
		uint8_t id[ZTJ_DIGEST_LEN];

		if (ztj_unhex(ztj_view_str(api_str(e, "id")), id, sizeof id) != ZTJ_OK || !is(id, arg))
			continue;
		*out = (struct stepup_end){ .known = true,
			.taken = json_is_true(json_object_get(e, "taken")) };
		break;
	}
	json_decref(o);
	return r;
}

static bool has_code(const uint8_t id[ZTJ_DIGEST_LEN], const void *code)
{
	return code_is(id, code);
}

int stepup_ended(struct cli *c, const char *code, struct stepup_end *out)
{
	return ended_list(c, has_code, code, out);
}

static bool is_same(const uint8_t id[ZTJ_DIGEST_LEN], const void *other)
{
	return memcmp(id, other, ZTJ_DIGEST_LEN) == 0;
}

/* The broker took the answer; whether somebody still waited for it only the host knows. */
static int wait_for_host(struct cli *c, const struct ztj_stmt *st)
{
	static const unsigned ms[] = { 30, 50, 100, 200, 400, 800, 1000, 1000, 1000 };
	const char *host = cli_esc(c, st->u.stepup.host);
	struct stepup_end end = { .known = false };
	int r = ZTJ_OK;

	for (size_t i = 0; i < sizeof ms / sizeof ms[0] && r == ZTJ_OK && !end.known; i++) {
		(void)usleep(ms[i] * 1000);
		r = ended_list(c, is_same, st->id, &end);
	}
	if (r != ZTJ_OK)
		return r;
	if (!end.known)
		return cli_fail(c, ZTJ_TIMEOUT,
		    "signed and sent, but %s has not said that it heard: look there whether it went on",
		    host);
	if (end.taken)
		return ZTJ_OK;
	return cli_fail(c, ZTJ_STEPUP_GONE,
	    "whoever asked on %s is gone: your touch was for nothing, and nothing happened", host);
}

int stepup_answer(struct cli *c, const struct ztj_signed *s, const struct ztj_stmt *st,
    const struct cli_key *k, const char *question)
{
	struct sign_ask ask = { .type = ZTJ_STMT_STEPUP,
		.bytes = s->bytes,
		.title = "A host asks for your touch:",
		.question = question,
		.uv = cert_grant_uv(c, st->u.stepup.grant) };
	struct ztj_buf sig;
	int r;

	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	if ((r = sign_statement(c, &ask, k, &sig)) == ZTJ_OK)
		r = post_answer(c, st, ztj_buf_view(&sig));
	if (r == ZTJ_OK)
		r = wait_for_host(c, st);
	ztj_buf_free(&sig);
	return r;
}
