/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Keys that open accounts, and files that trust other hosts. */
#include "ztjit/scan/scan.h"

#include <string.h>
#include <stdlib.h>

static bool key_type(struct ztj_view w)
{
	static const char *const types[] = { "ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "rsa-sha2-",
		"webauthn-sk-" };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (w.n > strlen(types[i]) && memcmp(w.p, types[i], strlen(types[i])) == 0)
			return true;
	return false;
}

/* Options are one word, but with blanks inside quotes. */
static struct ztj_view options_of(struct ztj_view v)
{
	bool quoted = false;
	size_t n = 0;

	for (; n < v.n && (quoted || (v.p[n] != ' ' && v.p[n] != '\t')); n++) {
		if (v.p[n] == '\\' && n + 1 < v.n && v.p[n + 1] == '"')
			n++;
		else if (v.p[n] == '"')
			quoted = !quoted;
	}
	return ztj_view_of(v.p, n);
}

bool scan_key_parse(struct ztj_view line, struct scan_key *out)
{
	struct ztj_view v = scan_trim(line);

	*out = (struct scan_key){ .options = { .n = 0 } };
	if (v.n == 0 || v.p[0] == '#')
		return false;
	out->type = options_of(v);
	if (!key_type(out->type)) {
		out->options = out->type;
		v = ztj_view_after(v, out->options.n);
		if (!scan_word(&v, &out->type) || !key_type(out->type))
			return false;
	} else
		v = ztj_view_after(v, out->type.n);
	return scan_word(&v, &out->blob) && out->blob.n >= 16;
}

/* "SHA256:…", as ssh-keygen -l prints it; "" when it is no key after all. */
static void fingerprint(struct ztj_view blob, char *out, size_t size)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_buf b, text;

	out[0] = '\0';
	ztj_buf_init(&b, SCAN_LINE_MAX);
	ztj_buf_init(&text, 256);
	if (ztj_b64_decode(blob, &b) == ZTJ_OK && ztj_sha256(ztj_buf_view(&b), digest) == ZTJ_OK &&
	    ztj_b64_encode(ztj_view_of(digest, sizeof digest), &text) == ZTJ_OK && text.n > 1 &&
	    7 + text.n - 1 < size) {
		memcpy(out, "SHA256:", 7);
		memcpy(out + 7, text.p, text.n - 1);
		out[7 + text.n - 1] = '\0';
	}
	ztj_buf_free(&text);
	ztj_buf_free(&b);
}

static void key_line(struct scan *s, const struct scan_account *a, const struct scan_row *at,
    struct ztj_view line)
{
	struct scan_row row = *at;
	struct scan_key k;
	const char *content;
	bool ca, command;
	char print[80];

	if (line.n > SCAN_LINE_MAX) {
		scan_problem(s, at->object, "a line of it is too long");
		return;
	}
	if (!scan_key_parse(line, &k))
		return;
	fingerprint(k.blob, print, sizeof print);
	if (print[0] == '\0')
		return;
	ca = scan_has(k.options, "cert-authority");
	command = scan_has(k.options, "command=");
	row.kind = "key";
	row.risk = a->admin ? (command && !ca ? SCAN_HIGH : SCAN_CRITICAL)
	    : ca            ? SCAN_HIGH
	    : command       ? SCAN_LOW
			    : SCAN_MEDIUM;
	content = scan_text(s, "%s %.*s", a->name, (int)line.n, (const char *)line.p);
	row.content = ztj_view_str(content != NULL ? content : "");
	row.what = scan_text(s, "%s %s opens %s%s%s by ssh", ca ? "every certificate of the CA" : "the key",
	    print, a->name,
	    a->uid == 0    ? " (uid 0)"
		: a->admin ? " (an administrator)"
			   : "",
	    command ? ", for one command," : "");
	row.remove = scan_delete_lines(s, at->object, line, ztj_view_of(NULL, 0));
	scan_add(s, &row);
}

static void key_file(struct scan *s, const struct scan_account *a, const char *path)
{
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct ztj_buf b;
	struct stat st;

	/* sshd follows a link, and so does who takes the line out */
	path = scan_real_path(s, path);
	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);)
		key_line(s, a,
		    &(struct scan_row){ .object = path, .line = l.no, .owner = scan_owner(s, &st) }, line);
	ztj_buf_free(&b);
}

/* %h, %u, %U and %% as in sshd_config(5); below the home where it is relative. */
static const char *expand(struct scan *s, const struct scan_account *a, struct ztj_view pattern)
{
	const char *text = NULL;
	struct ztj_buf b;

	ztj_buf_init(&b, 65536);
	if (pattern.p[0] != '/' && !(pattern.n > 1 && pattern.p[0] == '%' && pattern.p[1] == 'h'))
		(void)ztj_buf_printf(&b, "%s/", a->home);
	for (size_t i = 0; i < pattern.n; i++) {
		if (pattern.p[i] != '%' || i + 1 >= pattern.n) {
			(void)ztj_buf_put_u8(&b, pattern.p[i]);
			continue;
		}
		switch (pattern.p[++i]) {
		case 'h':
			(void)ztj_buf_puts(&b, a->home);
			break;
		case 'u':
			(void)ztj_buf_puts(&b, a->name);
			break;
		case 'U':
			(void)ztj_buf_printf(&b, "%u", (unsigned)a->uid);
			break;
		default:
			(void)ztj_buf_put_u8(&b, pattern.p[i]);
		}
	}
	if (ztj_buf_str(&b) != NULL)
		text = scan_text(s, "%s", ztj_buf_str(&b));
	ztj_buf_free(&b);
	return text;
}

void scan_key_files(struct scan *s, struct ztj_view patterns)
{
	struct ztj_view w;

	while (s->err == ZTJ_OK && scan_word(&patterns, &w)) {
		struct scan_set seen = { .n = 0 };

		if (scan_is(w, "none"))
			continue;
		for (size_t i = 0; s->err == ZTJ_OK && i < s->naccounts; i++) {
			const char *path = s->account[i].home[0] == '/' ? expand(s, &s->account[i], w) : NULL;

			/* accounts that share a home: the first, which is root's where it is one of them */
			if (path != NULL && scan_set_add(s, &seen, path))
				key_file(s, &s->account[i], path);
		}
		free(seen.at);
	}
}

static void trust_file(struct scan *s, const char *path, const char *account, enum scan_risk risk)
{
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct ztj_buf b;
	struct stat st;

	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);) {
		struct ztj_view t = scan_trim(line);

		if (t.n == 0 || t.p[0] == '#' || t.p[0] == '-')
			continue;
		scan_add(s,
		    &(struct scan_row){ .kind = "rhosts",
			.object = path,
			.line = l.no,
			.owner = scan_owner(s, &st),
			.risk = risk,
			.content = t,
			.what = scan_text(s, "other hosts are believed when they say who logs in to %s",
			    account),
			.remove = scan_delete_lines(s, path, line, ztj_view_of(NULL, 0)) });
	}
	ztj_buf_free(&b);
}

static void trusts(struct scan *s)
{
	trust_file(s, "/etc/hosts.equiv", "any account", SCAN_HIGH);
	trust_file(s, "/etc/ssh/shosts.equiv", "any account", SCAN_HIGH);
	for (size_t i = 0; s->err == ZTJ_OK && i < s->naccounts; i++) {
		const struct scan_account *a = &s->account[i];
		enum scan_risk risk = a->admin ? SCAN_HIGH : SCAN_LOW;

		if (a->home[0] != '/')
			continue;
		trust_file(s, scan_text(s, "%s/.rhosts", a->home), a->name, risk);
		trust_file(s, scan_text(s, "%s/.shosts", a->home), a->name, risk);
	}
}

void scan_ssh(struct scan *s)
{
	/* sshd looks at both by default; armed, it looks at none, but that is one line of a file away. */
	scan_key_files(s, ztj_view_str(".ssh/authorized_keys .ssh/authorized_keys2"));
	scan_sshd(s);
	trusts(s);
}
