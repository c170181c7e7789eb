/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit enroll: a new credential or an existing key, and the wish to be onboarded. */
#include "ztjit/commands.h"

#include <string.h>
#include <sys/stat.h>

#include "libztjit/sys/safefile.h"
#include "ztjit/api.h"
#include "ztjit/attest.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/sign.h"

struct enrolment {
	const char *name; /* within its directory */
	const char *domain;
	char nonce[ZTJ_HEX_SIZE];
	struct cli_key key;
	struct ztj_attestation attestation;
	bool made, attested;
};

static int write_public(struct cli *c, const struct cli_key *k)
{
	char *path = cli_printf(c, "%s.pub", k->path), text[ZTJ_KEY_TEXT_SIZE], *line;
	int r;

	if (path == NULL)
		return ZTJ_NOMEM;
	if ((r = ztj_key_to_text(&k->pub, text)) != ZTJ_OK)
		return r;
	if ((line = cli_printf(c, "%s %s\n", text, k->file.comment)) == NULL)
		return ZTJ_NOMEM;
	r = ztj_file_write(path, ztj_view_str(line), 0644);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
}

static int write_key(struct cli *c, struct cli_key *k)
{
	char *dir = ctx_path(c, c->home, ".ssh");
	struct ztj_buf text;
	uint32_t check;
	int r;

	if (dir == NULL)
		return ZTJ_NOMEM;
	(void)mkdir(dir, 0700);
	ztj_buf_init(&text, 64 * 1024);
	if ((r = ztj_random(&check, sizeof check)) == ZTJ_OK &&
	    (r = ztj_keyfile_format(&k->file, check, &text)) == ZTJ_OK)
		r = ztj_file_create(k->path, ztj_buf_view(&text), 0600);
	ztj_buf_free(&text);
	if (r != ZTJ_OK)
		return cli_fail(c, r, "%s: %s", k->path, ztj_err_text(r));
	return write_public(c, k);
}

/* PIN or biometric where the device has it. A middleware cannot say that a device has none, so there it must be asked for. */
static bool wants_verification(const struct cli *c, const struct ztj_fido *f)
{
	bool middleware = f->provider != NULL && f->provider[0] != '\0' &&
	    strcmp(f->provider, "internal") != 0;

	return cli_is_set(c, OPT_UV) || (!cli_is_set(c, OPT_TOUCH_ONLY) && !middleware);
}

/* A credential on the key, a file that plain ssh understands. */
static int make_key(struct cli *c, struct enrolment *e)
{
	struct ztj_fido f = key_fido(c);
	struct ztj_enrolled made;
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_enrol_ask ask = {
		.application = cli_opt(c, OPT_APPLICATION) != NULL ? cli_opt(c, OPT_APPLICATION) : "ssh:",
		.user = e->name,
		.challenge = ztj_view_of(digest, sizeof digest),
		.verify_required = wants_verification(c, &f),
	};
	int r;

	if (strncmp(ask.application, "ssh:", 4) != 0)
		return cli_fail(c, ZTJ_USAGE, "--application must begin with ssh:");
	if ((r = attest_challenge(e->domain, e->name, e->nonce, digest)) != ZTJ_OK)
		return r;
	out_note(c, "A new credential is made on your security key.");
	r = ztj_fido_enrol(&f, &ask, &made);
	if (r == ZTJ_PIN_NOT_SET && !cli_is_set(c, OPT_UV)) {
		out_note(c, "The security key has no PIN: a touch will be all it asks for.");
		ask.verify_required = false;
		r = ztj_fido_enrol(&f, &ask, &made);
	}
	if (r != ZTJ_OK) {
		if (key_advice(r) != NULL)
			cli_hint(c, "%s", key_advice(r));
		return cli_fail(c, r, "%s; no key was made", ztj_err_text(r));
	}
	e->key.file = made.keyfile;
	e->key.pub = made.keyfile.pub;
	e->key.has_file = true;
	e->attestation = made.attestation;
	e->made = true;
	e->attested = made.attestation.sig_len > 0;
	(void)snprintf(e->key.file.comment, sizeof e->key.file.comment, "%s@%s", e->name, e->domain);
	if ((r = ztj_key_fingerprint(&e->key.pub, e->key.fingerprint)) != ZTJ_OK)
		return r;
	return write_key(c, &e->key);
}

static int find_key(struct cli *c, struct enrolment *e)
{
	struct stat st;
	char *path = key_path(c);

	if (path == NULL)
		return ZTJ_NOMEM;
	if (cli_is_set(c, OPT_KEY))
		return key_load(c, &e->key);
	if (lstat(path, &st) == 0 && cli_is_set(c, OPT_OFFLINE)) {
		cli_hint(c, "move it away first, or go on with it: ztjit-broker init --root %s.pub", path);
		return cli_fail(c, ZTJ_EXISTS, "%s is there already", path);
	}
	if (lstat(path, &st) == 0) {
		out_note(c, "%s is there already; enrolling with it.", path);
		return key_load(c, &e->key);
	}
	e->key.path = path;
	return make_key(c, e);
}

static char *base64(struct cli *c, struct ztj_view v)
{
	struct ztj_buf b;
	const char *s;
	char *kept = NULL;

	ztj_buf_init(&b, 64 * 1024);
	if (ztj_b64_encode(v, &b) == ZTJ_OK && (s = ztj_buf_str(&b)) != NULL)
		kept = cli_strdup(c, s);
	ztj_buf_free(&b);
	return kept;
}

static int build(struct cli *c, const struct enrolment *e, struct ztj_buf *bytes)
{
	struct ztj_stmt st = { .type = ZTJ_STMT_PENDING, .domain = e->domain, .issued = cli_now() };
	struct ztj_buf att;
	int r = ZTJ_OK;

	ztj_buf_init(&att, ZTJ_ATTEST_MAX);
	st.u.pending.name = e->name;
	st.u.pending.nkeys = 1;
	st.u.pending.key[0].key = e->key.pub;
	st.u.pending.key[0].credential = "";
	st.u.pending.key[0].attestation = "";
	if (e->key.has_file &&
	    (st.u.pending.key[0].credential = base64(c,
		 ztj_view_of(e->key.file.handle, e->key.file.handle_len))) == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK && e->attested && (r = ztj_attest_format(&e->attestation, &att)) == ZTJ_OK &&
	    (st.u.pending.key[0].attestation = base64(c, ztj_buf_view(&att))) == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK)
		r = ztj_stmt_build(&st, e->nonce, bytes);
	ztj_buf_free(&att);
	return r;
}

static int post_pending(struct cli *c, const struct sign_ask *ask, const struct cli_key *k)
{
	struct ztj_signed s = { .bytes = ask->bytes, .nsigs = 1 };
	struct ztj_buf sig, json;
	int r;

	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&json, 256 * 1024);
	if ((r = sign_statement(c, ask, k, &sig)) == ZTJ_OK) {
		s.sig[0] = ztj_buf_view(&sig);
		if ((r = ztj_signed_to_json(&s, &json)) == ZTJ_OK)
			r = api_post(c, "/v1/pending", ztj_buf_view(&json), NULL);
	}
	ztj_buf_free(&sig);
	ztj_buf_free(&json);
	return r;
}

static int remember_name(struct cli *c, const char *name)
{
	char *path = ctx_path(c, c->state_dir, "name");

	return path == NULL ? ZTJ_NOMEM : ztj_file_write(path, ztj_view_str(name), 0600);
}

static int ask_to_join(struct cli *c, struct enrolment *e, const char *given)
{
	struct sign_ask ask = { .type = ZTJ_STMT_PENDING, .title = "Ask to be onboarded:" };
	struct ztj_buf bytes;
	int r;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	if ((r = build(c, e, &bytes)) == ZTJ_OK) {
		ask.bytes = ztj_buf_view(&bytes);
		r = post_pending(c, &ask, &e->key);
	}
	ztj_buf_free(&bytes);
	if (r != ZTJ_OK) {
		if (e->made)
			cli_hint(c, "the key is made; to ask again: ztjit enroll %s --key %s", given,
			    e->key.path);
		return r;
	}
	if (remember_name(c, given) != ZTJ_OK)
		out_warn(c, "%s could not be written; give the name to login with --as", c->state_dir);
	out_say(c,
	    "Asked to be onboarded as %s.\nkey: %s\nfingerprint: %s\n"
	    "Read the fingerprint to a registrar; then: ztjit login",
	    e->name, e->key.path, e->key.fingerprint);
	return ZTJ_OK;
}

static int offline(struct cli *c, struct enrolment *e)
{
	int r;

	if ((e->domain = cli_opt(c, OPT_DOMAIN)) == NULL || !ztj_domain_ok(e->domain))
		return cli_fail(c, ZTJ_USAGE, "--offline wants --domain NAME");
	if ((r = sign_nonce(e->nonce)) != ZTJ_OK || (r = find_key(c, e)) != ZTJ_OK)
		return r;
	out_say(c,
	    "key: %s\nfingerprint: %s\nNext, on the broker: ztjit-broker init --domain %s --root %s.pub --threshold 1",
	    e->key.path, e->key.fingerprint, e->domain, e->key.path);
	return ZTJ_OK;
}

static int online(struct cli *c, struct enrolment *e, const char *given)
{
	int r;

	if (cli_is_set(c, OPT_DOMAIN) || given == NULL)
		return cli_fail(c, ZTJ_USAGE, "give the name to be known by: ztjit enroll NAME");
	e->name = ztj_fullname_tail(given);
	if (!ztj_name_ok(e->name) || !(ztj_name_ok(given) || ztj_fullname_ok(given, false)))
		return cli_fail(c, ZTJ_BAD_NAME, "%s: a name is a-z, 0-9, _ . and -, 32 at most",
		    cli_esc(c, given));
	/* everything that can refuse comes before the key is asked */
	if ((r = api_open(c)) != ZTJ_OK)
		return r;
	e->domain = c->pins.domain;
	if ((r = sign_nonce(e->nonce)) != ZTJ_OK || (r = find_key(c, e)) != ZTJ_OK)
		return r;
	return ask_to_join(c, e, given);
}

int cmd_enroll(struct cli *c)
{
	static struct enrolment e;
	const char *given = c->argc > 0 ? c->argv[0] : NULL;
	int r;

	e.name = given != NULL && ztj_name_ok(given) ? given : "admin";
	r = cli_is_set(c, OPT_OFFLINE) ? offline(c, &e) : online(c, &e, given);
	if (r == ZTJ_OK)
		c->result = json_pack("{s:s, s:s, s:s}", "name", e.name, "key", e.key.path, "fingerprint",
		    e.key.fingerprint);
	ztj_keyfile_wipe(&e.key.file);
	return r;
}
