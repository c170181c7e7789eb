/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Who a TLS key is. Judged anew for every message: a removed person is nobody at once. */
#include <string.h>

#include "ztjit-broker/store.h"

bool policy_names_key(const struct store *st, const struct ztj_key *k)
{
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	if (p == NULL || ztj_policy_key_revoked(p, k))
		return false;
	for (size_t i = 0; i < st->pins.nroots; i++)
		if (ztj_key_equal(&st->pins.root[i], k))
			return true;
	for (size_t i = 0; i < p->nregistrars; i++)
		for (size_t j = 0; j < p->registrars[i].nkeys; j++)
			if (ztj_key_equal(&p->registrars[i].keys[j], k))
				return true;
	return false;
}

int login_judge(const struct store *st, const struct ztj_stmt *login, int64_t now,
    const struct ztj_record **person)
{
	*person = NULL;
	if (login->u.login.expires <= now)
		return ZTJ_ENDED;
	if (login->nsigners != 1)
		return ZTJ_SIGNER;
	if (login->u.login.who[0] == '\0')
		return policy_names_key(st, &login->signer[0].key) ? ZTJ_OK : ZTJ_SIGNER;
	return ztj_trust_signed_by(st->trust, login, login->u.login.who, false, now, person);
}

static void as_login(struct store *st, const struct ztj_stmt *login, int64_t now, struct caller *out)
{
	const struct ztj_record *person;
	if (login_judge(st, login, now, &person) != ZTJ_OK)
		return;
	out->login = login;
	out->registrar = policy_names_key(st, &login->signer[0].key);
	if (login->u.login.who[0] == '\0') {
		out->kind = CALLER_REGISTRAR;
		return;
	}
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	out->kind = CALLER_PERSON;
	out->record = person;
	memcpy(out->who, login->u.login.who, strnlen(login->u.login.who, sizeof(out->who) - 1));
	out->auditor = p != NULL && ztj_policy_names(&p->auditors, out->who, person);
}

void caller_identify(struct store *st, struct ztj_view tls, int64_t now, struct caller *out)
{
	struct ztj_key k = { .type = ZTJ_KEY_ED25519, .pub_len = PROTO_TLS_LEN };
	memset(out, 0, sizeof(*out));
	out->kind = CALLER_ANONYMOUS;
	if (tls.n != PROTO_TLS_LEN || ztj_trust_held_policy(st->trust) == NULL)
		return;
	memcpy(k.pub, tls.p, PROTO_TLS_LEN);
	/* A host's record comes first: nobody becomes a host by logging in with its key, and a host not a person. */
	if (ztj_trust_host_by_tls(st->trust, &k, now, out->who) == ZTJ_OK &&
	    ztj_trust_host(st->trust, out->who, now, &out->record) == ZTJ_OK) {
		out->kind = CALLER_HOST;
		return;
	}
	out->who[0] = '\0';
	const struct ztj_stmt *login = logins_find(st->logins, tls);
	if (login != NULL)
		as_login(st, login, now, out);
}
