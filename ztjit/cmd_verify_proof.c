/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit audit verify-proof: nobody is asked, and nothing is believed but pinned policy roots. */
#include "ztjit/commands.h"

#include <string.h>

#include "libztjit/core/proofcheck.h"
#include "ztjit/auditlog.h"
#include "ztjit/out.h"

#define SAID_MAX ((size_t)16 * 1024 * 1024)
#define ROOTS_MAX ((size_t)64 * 1024)

static const char not_proved[] =
    "Not proved by it:\n"
    "- that nothing else happened: leaves that were left out (a denial, a revocation, a later policy) it does not show; the\n"
    "  whole log does (ztjit audit verify, ztjit audit show);\n"
    "- that everybody is shown the same log: compare its checkpoint with those that others keep;\n"
    "- what leaves say that nobody but the log signed: times, certificates, how sessions began, decisions of hosts;\n"
    "- which session a record is of, and what that did: the record itself says it, and the request; hold it against the digest\n"
    "  (ztjit sessions export).";

static int read_roots(struct cli *c, const char *path, struct ztj_pins *out)
{
	struct ztj_buf text;
	unsigned line = 0;
	int r;

	ztj_buf_init(&text, ROOTS_MAX);
	r = ctx_read(c, path, false, ROOTS_MAX, &text);
	if (r != ZTJ_OK)
		r = cli_fail(c, r, "%s: %s", cli_esc(c, path), ztj_err_text(r));
	else if ((r = ztj_pins_parse(ztj_buf_view(&text), out, &line)) != ZTJ_OK)
		r = cli_fail(c, r, "%s:%u: %s", cli_esc(c, path), line, ztj_err_text(r));
	ztj_buf_free(&text);
	return r;
}

static int whom_to_believe(struct cli *c, struct ztj_pins *out)
{
	const char *path = cli_opt(c, OPT_POLICY_ROOTS);
	int r;

	if (path != NULL)
		return read_roots(c, path, out);
	if ((r = ctx_need_pins(c)) == ZTJ_OK)
		*out = c->pins;
	else
		cli_hint(c, "ztjit audit verify-proof --policy-roots FILE %s", cli_esc(c, c->argv[0]));
	return r;
}

/* Another log of the same length than the one that is remembered: one of them was shown to somebody else. */
static int against_kept(struct cli *c, const struct ztj_proved *p)
{
	struct ztj_checkpoint kept;
	int r = cli_is_set(c, OPT_POLICY_ROOTS) ? ZTJ_NOT_FOUND : auditlog_kept(c, &kept);

	if (r != ZTJ_OK)
		return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
	if (kept.size != p->head.size || memcmp(kept.root, p->head.root, sizeof(kept.root)) == 0)
		return ZTJ_OK;
	return cli_fail(c, ZTJ_LOG_FORK,
	    "its log of %llu leaves is another one than the log of as many leaves that this workstation remembers",
	    (unsigned long long)kept.size);
}

static int tell(struct cli *c, const struct ztj_proof *file, const struct ztj_pins *pins,
    const struct ztj_proved *p, struct ztj_buf *said)
{
	char root[ZTJ_HEX_SIZE], id[ZTJ_SHORT_ID_SIZE];

	ztj_hex(p->head.root, sizeof(p->head.root), root);
	ztj_short_id(file->request, id);
	c->result = json_pack("{s:b, s:s, s:s, s:I, s:s, s:b, s:b, s:s, s:s}", "proved", 1, "domain",
	    pins->domain, "request", id, "leaves", (json_int_t)p->head.size, "root", root, "certified",
	    p->certified, "granted", p->granted, "grant", p->grant, "text", ztj_buf_str(said));
	if (c->result == NULL)
		return ZTJ_NOMEM;
	out_say(c,
	    "Proved of %s, by the log of %s with %llu leaves and the root %s, and by the policy roots:", id,
	    pins->domain, (unsigned long long)p->head.size, root);
	out_say(c, "%s", ztj_buf_str(said));
	if (p->certified && p->granted)
		out_say(c, "By policy and records in the file the certificate was due: %s.", p->grant);
	if (p->cosigned > 0)
		out_say(c, "%zu witnesses of the policy cosigned the checkpoint: they saw the same log.",
		    p->cosigned);
	if (p->others > 0)
		out_say(c, "%zu more signatures of the checkpoint were not looked at.", p->others);
	out_say(c, "%s", not_proved);
	return ZTJ_OK;
}

static int judge(struct cli *c, struct ztj_view bytes)
{
	struct ztj_proof *file = NULL;
	struct ztj_proved p = { .text = "" };
	struct ztj_pins pins;
	struct ztj_buf said;
	int r = whom_to_believe(c, &pins);

	if (r != ZTJ_OK)
		return r;
	ztj_buf_init(&said, SAID_MAX);
	r = ztj_proof_read(bytes, &file);
	if (r != ZTJ_OK)
		r = cli_fail(c, r, "this is no proof file: %s", ztj_err_text(r));
	else if ((r = ztj_proof_check(file, &pins, NULL, &said, &p)) != ZTJ_OK)
		r = p.at_leaf ? cli_fail(c, r, "refused: leaf %llu: %s", (unsigned long long)p.leaf, p.text)
			      : cli_fail(c, r, "refused: %s", p.text);
	if (r == ZTJ_OK && p.certified && !p.granted)
		r = cli_fail(c, ZTJ_NO_GRANT,
		    "every signature holds, but by policy and records in the file the certificate was not due: %s",
		    p.grant);
	if (r == ZTJ_OK)
		r = against_kept(c, &p);
	if (r == ZTJ_OK)
		r = tell(c, file, &pins, &p, &said);
	ztj_buf_free(&said);
	ztj_proof_free(file);
	return r;
}

int cmd_audit_verify_proof(struct cli *c)
{
	struct ztj_buf bytes;
	int r;

	ztj_buf_init(&bytes, ZTJ_PROOF_FILE_MAX);
	r = ctx_read(c, c->argv[0], false, ZTJ_PROOF_FILE_MAX, &bytes);
	r = r == ZTJ_OK ? judge(c, ztj_buf_view(&bytes))
			: cli_fail(c, r, "%s: %s", cli_esc(c, c->argv[0]), ztj_err_text(r));
	ztj_buf_free(&bytes);
	return r;
}
