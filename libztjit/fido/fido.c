/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The way to the authenticator, and the last word on what came back: nothing
 * leaves here that our own verifier would not accept.
 */
#include <string.h>

#include "libztjit/fido/ways.h"

#define SIGBLOB_MAX 1024

/* --- a new credential --- */

static int check_enrolled(const struct ztj_enrol_ask *ask, struct ztj_enrolled *out)
{
	struct ztj_attest_info info;
	int r;

	if (out->keyfile.handle_len == 0)
		return ZTJ_PROTOCOL;
	if ((r = ztj_attest_verify(&out->attestation, ask->challenge, &out->keyfile.pub, &info)) != ZTJ_OK)
		return r;
	out->keyfile.sk_flags = ZTJ_SK_FLAG_UP;
	if (ask->verify_required)
		out->keyfile.sk_flags |= ZTJ_SK_FLAG_UV;
	return ZTJ_OK;
}

int ztj_fido_enrol(const struct ztj_fido *f, const struct ztj_enrol_ask *ask, struct ztj_enrolled *out)
{
	int r;

	memset(out, 0, sizeof(*out));
	if (ask->application == NULL || strncmp(ask->application, "ssh:", 4) != 0 ||
	    strlen(ask->application) >= ZTJ_APPLICATION_SIZE)
		return ZTJ_APPLICATION;
	if (ask->challenge.n == 0)
		return ZTJ_INTERNAL;
	if (ask->type != ZTJ_KEY_NONE && ask->type != ZTJ_KEY_SK_ED25519 && ask->type != ZTJ_KEY_SK_ECDSA)
		return ZTJ_KEY_TYPE;
	r = ztj_fido_has_provider(f) ? ztj_middleware_enrol(f, ask, out) : ztj_device_enrol(f, ask, out);
	if (r == ZTJ_OK)
		r = check_enrolled(ask, out);
	if (r != ZTJ_OK)
		memset(out, 0, sizeof(*out));
	return r;
}

/* --- a signature --- */

static int sign_somehow(const struct ztj_fido *f, const struct ztj_way_sign *s, struct ztj_buf *sigblob)
{
	int r;

	if (ztj_fido_has_provider(f) && s->keyfile != NULL)
		return ztj_middleware_sign(f, s, sigblob);
	r = ztj_device_sign(f, s, sigblob);
	if (r == ZTJ_DEVICE && ztj_fido_has_agent(f))
		return ztj_agent_sign(f, s, sigblob);
	return r;
}

static int check_ask(const struct ztj_fido_sign *ask)
{
	if (ask->key == NULL || !ztj_key_is_sk(ask->key))
		return ZTJ_KEY_TYPE;
	if (ask->keyfile != NULL && !ztj_key_equal(ask->key, &ask->keyfile->pub))
		return ZTJ_INTERNAL;
	return ZTJ_OK;
}

static int sign_data(const struct ztj_fido *f, const struct ztj_fido_sign *ask, struct ztj_view data,
    struct ztj_buf *sigblob)
{
	struct ztj_way_sign s = { ask->key, ask->keyfile, data, ask->uv };

	if (ask->keyfile != NULL && (ask->keyfile->sk_flags & ZTJ_SK_FLAG_UV) != 0)
		s.uv = true;
	return sign_somehow(f, &s, sigblob);
}

int ztj_fido_sign_raw(const struct ztj_fido *f, const struct ztj_fido_sign *ask, struct ztj_buf *sigblob,
    struct ztj_sig_info *info)
{
	struct ztj_sig_info found;
	struct ztj_buf made;
	int r;

	memset(&found, 0, sizeof(found));
	if (info != NULL)
		*info = found;
	if ((r = check_ask(ask)) != ZTJ_OK)
		return r;
	ztj_buf_init(&made, SIGBLOB_MAX);
	if ((r = sign_data(f, ask, ask->msg, &made)) == ZTJ_OK &&
	    (r = ztj_sig_verify(ask->key, ztj_buf_view(&made), ask->msg, &found)) == ZTJ_OK)
		r = ask->uv && !found.user_verified ? ZTJ_NO_UV : ztj_buf_put(sigblob, made.p, made.n);
	if (r == ZTJ_OK && info != NULL)
		*info = found;
	ztj_buf_free(&made);
	return r;
}

static int check_sshsig(const struct ztj_fido_sign *ask, struct ztj_view blob, struct ztj_signer *who)
{
	int r;

	if ((r = ztj_sshsig_verify(blob, ask->ns, ask->msg, who)) != ZTJ_OK)
		return r;
	if (!ztj_key_equal(&who->key, ask->key))
		return ZTJ_BAD_SIGNATURE;
	return ask->uv && !who->info.user_verified ? ZTJ_NO_UV : ZTJ_OK;
}

int ztj_fido_sign(const struct ztj_fido *f, const struct ztj_fido_sign *ask, struct ztj_buf *sshsig,
    struct ztj_signer *who)
{
	struct ztj_buf tbs, sig, blob;
	struct ztj_signer found;
	int r;

	memset(&found, 0, sizeof(found));
	if (who != NULL)
		*who = found;
	if ((r = check_ask(ask)) != ZTJ_OK)
		return r;
	ztj_buf_init(&tbs, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&sig, SIGBLOB_MAX);
	ztj_buf_init(&blob, ZTJ_SSHSIG_MAX);
	if ((r = ztj_sshsig_tbs(ask->ns, ask->msg, &tbs)) == ZTJ_OK &&
	    (r = sign_data(f, ask, ztj_buf_view(&tbs), &sig)) == ZTJ_OK &&
	    (r = ztj_sshsig_wrap(ask->key, ask->ns, ztj_buf_view(&sig), &blob)) == ZTJ_OK &&
	    (r = check_sshsig(ask, ztj_buf_view(&blob), &found)) == ZTJ_OK)
		r = ztj_buf_put(sshsig, blob.p, blob.n);
	if (r == ZTJ_OK && who != NULL)
		*who = found;
	ztj_buf_free(&tbs);
	ztj_buf_free(&sig);
	ztj_buf_free(&blob);
	return r;
}
