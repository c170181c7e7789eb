/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The two things the signer makes: certificates and status statements. */
#include <stdio.h>
#include <string.h>

#include "libztjit/sys/safefile.h"
#include "ztjit-broker/signer.h"

static bool named(const struct ztj_policy *p, const struct ztj_key *list, size_t n, const struct ztj_key *k)
{
	for (size_t i = 0; i < n; i++)
		if (ztj_key_equal(&list[i], k))
			return !ztj_policy_key_revoked(p, k);
	return false;
}

static int sign_spec(struct ca *ca, const struct ztj_cert_spec *spec, struct ztj_buf *cert)
{
	struct ztj_buf ca_blob, tbs, sig;
	ztj_buf_init(&ca_blob, ZTJ_KEY_BLOB_MAX);
	ztj_buf_init(&tbs, ZTJ_CERT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	int r = ztj_key_to_blob(&ca->pub, &ca_blob);
	if (r == ZTJ_OK)
		r = ztj_cert_tbs(spec, ztj_buf_view(&ca_blob), &tbs);
	if (r == ZTJ_OK)
		r = ca_sign(ca, ztj_buf_view(&tbs), &sig);
	if (r == ZTJ_OK)
		r = ztj_cert_finish(ztj_buf_view(&tbs), ztj_buf_view(&sig), cert);
	ztj_buf_free(&ca_blob);
	ztj_buf_free(&tbs);
	ztj_buf_free(&sig);
	return r;
}

int make_certificate(const struct ztj_trust *t, struct ca *ca, struct serial *serial,
    const struct ztj_bundle *b, const struct ztj_key *subject, int64_t now, struct made *out)
{
	const struct ztj_policy *p = ztj_trust_held_policy(t);
	struct ztj_cert_spec spec;
	struct ztj_cert_text text;
	out->text = "";
	if (p == NULL)
		return ZTJ_NOT_READY;
	if (!named(p, p->broker.ca, p->broker.nca, &ca->pub))
		return ZTJ_BROKER_KEY;
	int r = ztj_decide_cert(t, b, subject, now, &spec, &text);
	if (r != ZTJ_OK) {
		struct ztj_grant g;
		ztj_grant_eval(t, b, now, &g);
		snprintf(out->room, sizeof(out->room), "%s", g.text);
		out->text = out->room;
		return r;
	}
	r = ztj_random(spec.nonce, sizeof(spec.nonce));
	if (r == ZTJ_OK)
		r = serial_take(serial, &spec.serial);
	if (r == ZTJ_OK)
		r = sign_spec(ca, &spec, &out->cert);
	out->serial = spec.serial;
	out->ends = spec.valid_before;
	return r;
}

static void fill(const struct ztj_trust *t, int64_t now, struct ztj_stmt *st)
{
	const struct ztj_policy *p = ztj_trust_held_policy(t);
	st->type = ZTJ_STMT_STATUS;
	st->domain = p->domain;
	st->issued = now;
	st->u.status.policy_version = p->version;
	memcpy(st->u.status.policy, p->digest, ZTJ_DIGEST_LEN);
	for (size_t i = 0; i < ztj_trust_ndirs(t) && st->u.status.ndirs < ZTJ_SEEN_MAX; i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(t, i);
		/* What the policy no longer names is held, but nobody speaks of it. */
		if (ztj_policy_registrar(p, ztj_dir_name(d)) == NULL)
			continue;
		size_t at = st->u.status.ndirs++;
		st->u.status.dir[at].name = ztj_dir_name(d);
		st->u.status.dir[at].serial = ztj_dir_serial(d);
		memcpy(st->u.status.dir[at].digest, ztj_dir_digest(d), ZTJ_DIGEST_LEN);
	}
	st->u.status.revocations = (int64_t)ztj_trust_nrevocations(t);
	memcpy(st->u.status.head, ztj_trust_revocation_head(t), ZTJ_DIGEST_LEN);
}

int make_status(const struct ztj_trust *t, const struct status_spec *spec, struct ztj_buf *container)
{
	const struct ztj_seckey *online = spec->online;
	const struct ztj_policy *p = ztj_trust_held_policy(t);
	struct ztj_stmt st;
	struct ztj_signed s = { .nsigs = 1 };
	struct ztj_buf bytes, sig, b64;
	memset(&st, 0, sizeof(st));
	if (p == NULL)
		return ZTJ_NOT_READY;
	if (!named(p, p->broker.online, p->broker.nonline, &online->pub))
		return ZTJ_BROKER_KEY;
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&b64, ZTJ_STATUS_CHECKPOINT_MAX + 1);
	fill(t, spec->now, &st);
	int r = ztj_b64_encode(spec->checkpoint, &b64);
	if (r == ZTJ_OK && (st.u.status.checkpoint = b64.n == 0 ? "" : ztj_buf_str(&b64)) == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK)
		r = ztj_stmt_build(&st, NULL, &bytes);
	if (r == ZTJ_OK)
		r = ztj_sshsig_sign(online, ztj_stmt_namespace(ZTJ_STMT_STATUS), ztj_buf_view(&bytes), &sig);
	if (r == ZTJ_OK) {
		s.bytes = ztj_buf_view(&bytes);
		s.sig[0] = ztj_buf_view(&sig);
		r = ztj_signed_write(&s, container);
	}
	ztj_buf_free(&b64);
	ztj_buf_free(&bytes);
	ztj_buf_free(&sig);
	return r;
}
