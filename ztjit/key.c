/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The person's signing key. */
#include "ztjit/key.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ztjit/tty.h"

char *key_path(struct cli *c)
{
	const char *p = cli_opt(c, OPT_KEY);

	if (p == NULL)
		p = c->conf.key != NULL && c->conf.key[0] != '\0' ? c->conf.key : "~/.ssh/id_ztjit";
	if (p[0] == '~' && p[1] == '/')
		return cli_printf(c, "%s%s", c->home, p + 1);
	return cli_strdup(c, p);
}

struct ztj_fido key_fido(struct cli *c)
{
	const char *p = cli_opt(c, OPT_SK_PROVIDER);

	if (p == NULL && c->conf.sk_provider != NULL && c->conf.sk_provider[0] != '\0')
		p = c->conf.sk_provider;
	if (p == NULL)
		p = getenv("SSH_SK_PROVIDER");
	return (struct ztj_fido){
		.provider = p,
		.agent = getenv("SSH_AUTH_SOCK"),
		.owner = getuid(),
		.ui = tty_fido_ui(c),
	};
}

static int load_private(struct cli *c, const char *path, struct cli_key *k)
{
	struct ztj_buf text;
	int r;

	ztj_buf_init(&text, 64 * 1024);
	r = ctx_read(c, path, true, 64 * 1024, &text);
	if (r == ZTJ_OK)
		r = ztj_keyfile_parse(&k->file, ztj_buf_view(&text));
	ztj_buf_free(&text);
	if (r == ZTJ_OK) {
		k->pub = k->file.pub;
		k->has_file = true;
	}
	return r;
}

static int load_public(struct cli *c, const char *path, struct cli_key *k)
{
	struct ztj_buf text;
	int r;

	ztj_buf_init(&text, 16 * 1024);
	r = ctx_read(c, path, false, 16 * 1024, &text);
	if (r == ZTJ_OK)
		r = ztj_key_from_line(&k->pub, ztj_buf_view(&text));
	ztj_buf_free(&text);
	return r;
}

int key_load(struct cli *c, struct cli_key *k)
{
	char *path = key_path(c), *pub;
	size_t n;
	int r;

	*k = (struct cli_key){ .path = path };
	if (path == NULL)
		return ZTJ_NOMEM;
	n = strlen(path);
	if (n > 4 && strcmp(path + n - 4, ".pub") == 0) {
		pub = path;
		r = ZTJ_NOT_FOUND;
	} else {
		if ((pub = cli_printf(c, "%s.pub", path)) == NULL)
			return ZTJ_NOMEM;
		r = load_private(c, path, k);
	}
	/* an agent may hold what is encrypted or absent here */
	if (r == ZTJ_NOT_FOUND || r == ZTJ_ENCRYPTED_KEY) {
		r = load_public(c, pub, k);
		if (r == ZTJ_NOT_FOUND) {
			cli_hint(c, "ztjit enroll NAME   (or name your key with --key FILE)");
			return cli_fail(c, ZTJ_DEVICE, "no key at %s", path);
		}
	}
	if (r == ZTJ_OK)
		r = ztj_key_fingerprint(&k->pub, k->fingerprint);
	if (r == ZTJ_OK && !ztj_key_is_sk(&k->pub)) {
		cli_hint(c, "--write FILE, then ssh-keygen -Y sign, then ztjit submit");
		r = cli_fail(c, ZTJ_KEY_TYPE, "%s is no security key; sign by hand with it", path);
	}
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
}

const char *key_advice(int err)
{
	switch (err) {
	case ZTJ_DEVICE:
		return "plug in the security key that holds this credential, then the same command again";
	case ZTJ_MANY_DEVICES:
		return "leave one security key plugged in, then the same command again";
	case ZTJ_PIN_WRONG:
		return "the same command again, with the right PIN";
	case ZTJ_PIN_REQUIRED:
		return "run it in a terminal, or set SSH_ASKPASS";
	case ZTJ_PIN_BLOCKED:
		return "unplug the key and plug it in again; fido2-token -I DEVICE shows its retries";
	case ZTJ_TOUCH_TIMEOUT:
		return "the same command again, and touch the key while it blinks";
	case ZTJ_NO_UV:
		return "the rule wants PIN or biometric: use a key made with ztjit enroll --verify-required";
	case ZTJ_PIN_NOT_SET:
		return "fido2-token -S DEVICE";
	default:
		return NULL;
	}
}

int key_sign(struct cli *c, const struct cli_key *k, const char *ns, struct ztj_view bytes, bool uv,
    struct ztj_buf *sig)
{
	struct ztj_fido f = key_fido(c);
	struct ztj_fido_sign ask = {
		.key = &k->pub,
		.keyfile = k->has_file ? &k->file : NULL,
		.ns = ns,
		.msg = bytes,
		.uv = uv || (k->has_file && (k->file.sk_flags & ZTJ_SK_FLAG_UV) != 0),
	};
	int r = ztj_fido_sign(&f, &ask, sig, NULL);

	if (r == ZTJ_OK)
		return r;
	if (key_advice(r) != NULL)
		cli_hint(c, "%s", key_advice(r));
	return cli_fail(c, r, "%s; nothing was signed", ztj_err_text(r));
}
