/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What sshd is told. Every line counts, whatever comes before it and whichever Match it stands below: a way in that another line
 * shuts at present is standing all the same. `sshd -T` would show one user's view of one moment.
 */
#include "ztjit/scan/scan.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16

struct sshd {
	struct scan *s;
	struct scan_set seen;
	bool principals; /* this very file leaves principals to ztjit-principals */
};

static void config(struct sshd *d, const char *path, unsigned depth);

static void include(struct sshd *d, struct ztj_view words, unsigned depth)
{
	struct scan *s = d->s;
	struct ztj_view w;

	while (scan_word(&words, &w)) {
		const char *path = w.p[0] == '/' ? scan_copy(s, w)
						 : scan_text(s, "/etc/ssh/%.*s", (int)w.n, (const char *)w.p);
		const char *slash = path != NULL ? strrchr(path, '/') : NULL, *dir, **name;
		size_t n;

		if (slash == NULL)
			return;
		if (strpbrk(path, "*?[") == NULL) {
			config(d, path, depth + 1);
			continue;
		}
		dir = scan_text(s, "%.*s", (int)(slash - path), path);
		if (dir == NULL || strpbrk(dir, "*?[") != NULL) {
			scan_problem(s, path, "a pattern for directories is not followed");
			continue;
		}
		n = scan_list(s, dir, &name);
		for (size_t i = 0; i < n; i++)
			if (fnmatch(slash + 1, name[i], FNM_PERIOD) == 0)
				config(d, scan_text(s, "%s/%s", dir, name[i]), depth + 1);
	}
}

static void row(struct scan *s, const struct scan_row *at, struct ztj_view line, const char *what)
{
	struct scan_row r = *at;

	r.kind = "sshd";
	r.content = scan_trim(line);
	r.what = what;
	r.remove = scan_delete_lines(s, at->object, line, ztj_view_of(NULL, 0));
	scan_add(s, &r);
}

static void ca_keys(struct sshd *d, const struct scan_row *at, struct ztj_view line, struct ztj_view file)
{
	const char *path = scan_copy(d->s, file);
	struct scan_row r = *at;

	/* Ours: it opens nothing by itself, every certificate of it is judged by the gate. */
	if (path == NULL || (d->principals && strcmp(path, ZTJ_SYSCONFDIR "/user_ca.pub") == 0) ||
	    scan_is(file, "none"))
		return;
	r.risk = SCAN_CRITICAL;
	row(d->s, &r, line, scan_text(d->s, "every certificate of the CA in %s opens accounts by ssh", path));
}

static bool is_ours(struct ztj_view program)
{
	static const char end[] = "/ztjit-principals";
	size_t n = sizeof end - 1;

	return program.n >= n && memcmp(program.p + program.n - n, end, n) == 0;
}

static void option(struct sshd *d, const struct scan_row *at, struct ztj_view line, struct ztj_view key,
    struct ztj_view value)
{
	struct scan_row r = *at;
	struct ztj_view w, words = value;
	struct scan *s = d->s;

	if (!scan_word(&words, &w))
		return;
	if (scan_is(key, "AuthorizedKeysFile"))
		scan_key_files(s, value);
	else if (scan_is(key, "TrustedUserCAKeys"))
		ca_keys(d, at, line, w);
	else if (scan_is(key, "AuthorizedKeysCommand") && !scan_is(w, "none")) {
		r.risk = SCAN_HIGH;
		row(s, &r, line, "a program says which keys open accounts by ssh");
	} else if (scan_is(key, "AuthorizedPrincipalsCommand") && !is_ours(w)) {
		r.risk = SCAN_HIGH;
		row(s, &r, line,
		    scan_is(w, "none") ? "certificates that name an account open it by ssh"
				       : "another program says which certificates open accounts by ssh");
	} else if (scan_is(key, "AuthorizedPrincipalsFile") && !scan_is(w, "none")) {
		r.risk = SCAN_MEDIUM;
		row(s, &r, line, "files say which certificates open accounts by ssh");
	} else if (scan_is(key, "HostbasedAuthentication") && scan_is(w, "yes")) {
		r.risk = SCAN_HIGH;
		row(s, &r, line, "sshd believes other hosts when they say who logs in");
	} else if (scan_is(key, "IgnoreRhosts") && !scan_is(w, "yes")) {
		r.risk = SCAN_MEDIUM;
		row(s, &r, line, "sshd takes people's own word for which hosts to believe");
	} else if (scan_is(key, "PermitEmptyPasswords") && scan_is(w, "yes")) {
		r.risk = SCAN_HIGH;
		row(s, &r, line, "sshd lets accounts without a password in");
	} else if (scan_is(key, "PermitRootLogin") && scan_is(w, "yes")) {
		r.risk = SCAN_HIGH;
		row(s, &r, line, "sshd lets root in by password");
	}
}

/* "Key value", "Key=value", and sshd takes quotes from the key too; the value without quotes around and without a comment behind. */
static void split(struct ztj_view line, struct ztj_view *key, struct ztj_view *value)
{
	struct ztj_view t = scan_trim(line);
	size_t n = 0;

	while (n < t.n && t.p[n] != ' ' && t.p[n] != '\t' && t.p[n] != '=')
		n++;
	*key = ztj_view_of(t.p, n);
	if (key->n >= 2 && key->p[0] == '"' && key->p[key->n - 1] == '"')
		*key = ztj_view_of(key->p + 1, key->n - 2);
	t = scan_trim(ztj_view_after(t, n));
	if (t.n > 0 && t.p[0] == '=')
		t = scan_trim(ztj_view_after(t, 1));
	for (n = 0; n + 1 < t.n; n++)
		if ((t.p[n] == ' ' || t.p[n] == '\t') && t.p[n + 1] == '#')
			t.n = n;
	if (t.n >= 2 && t.p[0] == '"' && t.p[t.n - 1] == '"')
		t = ztj_view_of(t.p + 1, t.n - 2);
	*value = scan_trim(t);
}

static void config(struct sshd *d, const char *path, unsigned depth)
{
	struct ztj_view line, key, value;
	struct scan_lines l = { .no = 0 };
	struct scan *s = d->s;
	struct ztj_buf b;
	struct stat st;

	if (path == NULL || !scan_set_add(s, &d->seen, path))
		return;
	if (depth > DEPTH_MAX) {
		scan_problem(s, path, "too many included files");
		return;
	}
	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	scan_run_by_root(s, path, &(struct scan_ref){ .why = "sshd obeys it" });
	d->principals = scan_has(ztj_buf_view(&b), "\nAuthorizedPrincipalsCommand ") &&
	    scan_has(ztj_buf_view(&b), "/ztjit-principals ");
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);) {
		split(line, &key, &value);
		if (key.n == 0 || key.p[0] == '#')
			continue;
		if (scan_is(key, "Include")) {
			bool was = d->principals;

			include(d, value, depth);
			d->principals = was;
		} else
			option(d,
			    &(struct scan_row){ .object = path, .line = l.no, .owner = scan_owner(s, &st) },
			    line, key, value);
	}
	ztj_buf_free(&b);
}

void scan_sshd(struct scan *s)
{
	struct sshd d = { .s = s };

	config(&d, "/etc/ssh/sshd_config", 0);
	free(d.seen.at);
}
