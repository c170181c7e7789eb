/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What changes about a host that is known already: its keys, its name. */
#include "ztjit/hosts.h"

#include <string.h>

#include "ztjit/out.h"

static void put(struct cli *c, struct ztj_buf *out, const char *sign, const struct ztj_key *k)
{
	char fp[ZTJ_FINGERPRINT_SIZE];

	(void)c;
	if (ztj_key_fingerprint(k, fp) == ZTJ_OK)
		(void)ztj_buf_printf(out, " %s %s %s", sign, ztj_key_type_name(k->type), fp);
}

static bool put_change(struct cli *c, struct ztj_buf *out, const char *what, const struct ztj_key *before,
    const struct ztj_key *after)
{
	if (ztj_key_equal(before, after))
		return false;
	(void)ztj_buf_printf(out, "    %s:", what);
	put(c, out, "was", before);
	put(c, out, "\n        becomes", after);
	(void)ztj_buf_puts(out, "\n");
	return true;
}

static bool among(const struct ztj_key *list, size_t n, const struct ztj_key *k)
{
	for (size_t i = 0; i < n; i++)
		if (ztj_key_equal(&list[i], k))
			return true;
	return false;
}

static void put_missing(struct cli *c, struct ztj_buf *out, const char *sign, const struct ztj_record *of,
    const struct ztj_record *in)
{
	for (size_t i = 0; i < of->nssh; i++) {
		if (among(in->ssh, in->nssh, &of->ssh[i]))
			continue;
		(void)ztj_buf_puts(out, "    SSH host key:");
		put(c, out, sign, &of->ssh[i]);
		(void)ztj_buf_puts(out, "\n");
	}
}

int host_keys_change(struct cli *c, struct dirup *u, const struct ztj_record *old,
    const struct ztj_record *rec)
{
	struct ztj_buf text;
	bool own = false;
	int r;

	if (old == NULL)
		return ZTJ_OK;
	ztj_buf_init(&text, 64 * 1024);
	own |= put_change(c, &text, "machine key", &old->machine, &rec->machine);
	own |= put_change(c, &text, "TLS key", &old->tls, &rec->tls);
	put_missing(c, &text, "no more", old, rec);
	put_missing(c, &text, "new", rec, old);
	if (text.n > 0) {
		(void)ztj_buf_printf(&u->text,
		    own ? "THE KEYS OF %s CHANGE. Either it was installed anew, or somebody "
			  "pretends to be it:\n"
			: "The SSH host keys of %s change; it signed this with the machine "
			  "key that it has:\n",
		    rec->name);
		(void)ztj_buf_puts(&u->text, ztj_buf_str(&text) != NULL ? ztj_buf_str(&text) : "");
	}
	r = ztj_buf_status(&text);
	if (r == ZTJ_OK && own && !cli_is_set(c, OPT_NEW_KEYS)) {
		out_note(c, "%s stands in directory %s, and asks with other keys:\n%s", rec->name, u->name,
		    ztj_buf_str(&text));
		cli_hint(c, "if it was installed anew: the same command with --new-keys");
		r = cli_fail(c, ZTJ_WRONG_KEY, "%s would get new keys", rec->name);
	}
	ztj_buf_free(&text);
	return r;
}

/* A TLS or machine key of two hosts speaks for neither: admitting it here would silence the other one. */
static int key_elsewhere(struct cli *c, const struct dirup *u, const struct ztj_record *rec)
{
	for (size_t i = 0; i < ztj_trust_ndirs(c->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(c->trust, i);
		const struct ztj_record *has = ztj_dir_by_key(d, &rec->machine, false);

		if (has == NULL)
			has = ztj_dir_by_key(d, &rec->tls, true);
		if (has != NULL && strcmp(ztj_dir_name(d), u->name) != 0)
			return cli_fail(c, ZTJ_KEY_SHARED, "%s asks with a key of %s/%s", rec->name,
			    ztj_dir_name(d), has->name);
	}
	return ZTJ_OK;
}

int host_renamed(struct cli *c, struct dirup *u, const struct ztj_record *rec, const struct ztj_record **was)
{
	const struct ztj_record *machine = u->base != NULL ? ztj_dir_by_key(u->base, &rec->machine, false)
							   : NULL;
	const struct ztj_record *tls = u->base != NULL ? ztj_dir_by_key(u->base, &rec->tls, true) : NULL;
	int r = key_elsewhere(c, u, rec);

	*was = NULL;
	if (r != ZTJ_OK)
		return r;
	if (machine != NULL && strcmp(machine->name, rec->name) == 0)
		machine = NULL;
	if (tls != NULL && strcmp(tls->name, rec->name) == 0)
		tls = NULL;
	if (machine == NULL && tls == NULL)
		return ZTJ_OK;
	if (machine != tls)
		return cli_fail(c, ZTJ_KEY_SHARED, "%s asks with a key of %s", rec->name,
		    machine != NULL ? machine->name : tls->name);
	*was = machine;
	(void)ztj_buf_printf(&u->text,
	    "%s IS RENAMED to %s: it signed this with its machine key. Grants for %s end.\n", machine->name,
	    rec->name, machine->name);
	return ztj_buf_status(&u->text);
}
