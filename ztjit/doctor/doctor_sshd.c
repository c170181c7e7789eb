/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* sshd: what counts (sshd -T), and where it stands (C06). */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "libztjit/core/mark.h"
#include "ztjit/doctor/doctor.h"
#include "ztjit/doctor/sshdconf.h"

#define SSHD "/usr/sbin/sshd"
#define SSHD_CONFIG "/etc/ssh/sshd_config"
#define OURS "/etc/ssh/sshd_config.d/10-ztjit.conf"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define VALUE_MAX 4096

/* What contrib/sshd/10-ztjit.conf sets, as sshd -T says it. also: a value that is as good, or stricter and said. */
struct want {
	const char *keyword, *value, *also;
	enum doc_level level;
	const char *why;
};
static const struct want logins[] = {
	{ "pubkeyauthentication", "yes", NULL, DOC_FAIL, "nobody can log in" },
	{ "authenticationmethods", "publickey", NULL, DOC_FAIL, "logins are by certificate" },
	{ "authorizedkeysfile", "none", NULL, DOC_FAIL,
	    "a key or a cert-authority line in an account's file lets in" },
	{ "authorizedkeyscommand", "none", NULL, DOC_FAIL, "keys from a command let in" },
	{ "passwordauthentication", "no", NULL, DOC_FAIL, "a password lets in" },
	{ "kbdinteractiveauthentication", "no", NULL, DOC_FAIL, "PAM's questions let in" },
	{ "hostbasedauthentication", "no", NULL, DOC_FAIL, "other hosts' keys let in" },
	{ "gssapiauthentication", "no", NULL, DOC_FAIL, "Kerberos lets in" },
	{ "kerberosauthentication", "no", NULL, DOC_FAIL, "Kerberos lets in" },
	{ "permitemptypasswords", "no", NULL, DOC_FAIL, "nothing at all lets in" },
	{ "permitrootlogin", "without-password", "prohibit-password", DOC_FAIL, "roles that log in as root" },
};
static const struct want certificates[] = {
	{ "trustedusercakeys", ZTJ_SYSCONFDIR "/user_ca.pub", NULL, DOC_FAIL,
	    "certificates of another CA let in, or none" },
	{ "authorizedprincipalscommand", ZTJ_LIBEXECDIR "/ztjit-principals %u %t %k", NULL, DOC_FAIL,
	    "the agent is not asked" },
	{ "authorizedprincipalscommanduser", "ztjit-principals", NULL, DOC_FAIL,
	    "the agent does not listen to it" },
	{ "authorizedprincipalsfile", "none", NULL, DOC_FAIL, "principals from a file let in" },
};
static const struct want sessions[] = {
	{ "usepam", "yes", NULL, DOC_FAIL, "pam_ztjit is never asked" },
	{ "exposeauthinfo", "yes", NULL, DOC_FAIL,
	    "the certificate cannot be judged again when the session begins" },
	{ "allowagentforwarding", "yes", NULL, DOC_WARN, "step-ups need a typed code" },
	{ "disableforwarding", "no", NULL, DOC_WARN, "step-ups need a typed code" },
	{ "permituserenvironment", "no", NULL, DOC_FAIL,
	    "the account's own file sets LD_PRELOAD and the like" },
	{ "permituserrc", "no", NULL, DOC_FAIL, "the account's ~/.ssh/rc runs before the recorder" },
	{ "chrootdirectory", "none", NULL, DOC_WARN, "sessions are somewhere else" },
};
struct wants {
	const struct want *w;
	size_t n;
};
static const struct wants all_wants[] = { { logins, COUNT(logins) }, { certificates, COUNT(certificates) },
	{ sessions, COUNT(sessions) } };

/* ---- sshd_config as it stands ---- */

static int read_file(void *arg, const char *path, struct ztj_buf *text)
{
	(void)arg;
	return doc_read(path, 1024 * 1024 - 1, text, NULL);
}

static int expand(void *arg, const char *pattern, int (*each)(void *eacharg, const char *path), void *eacharg)
{
	glob_t g;
	int r = ZTJ_OK, e = glob(pattern, 0, NULL, &g);

	(void)arg;
	if (e == GLOB_NOMATCH)
		return ZTJ_OK;
	if (e != 0)
		return e == GLOB_NOSPACE ? ZTJ_NOMEM : ZTJ_IO;
	for (size_t i = 0; r == ZTJ_OK && i < g.gl_pathc; i++)
		r = each(eacharg, g.gl_pathv[i]);
	globfree(&g);
	return r;
}

const struct sshdc *doc_sshd_config(struct doctor *d)
{
	const struct sshdc_source from = { read_file, expand, NULL };

	if (!d->asked_sshd) {
		d->asked_sshd = true;
		d->sshd = calloc(1, sizeof *d->sshd);
		d->sshd_err = d->sshd != NULL ? sshdc_read(&from, SSHD_CONFIG, d->sshd) : ZTJ_NOMEM;
	}
	if (d->sshd_err == ZTJ_OK)
		return d->sshd;
	doc_say(d, DOC_UNKNOWN, "%s cannot be read with what it includes: %s", SSHD_CONFIG,
	    ztj_err_text(d->sshd_err));
	return NULL;
}

const char *doc_sshd_dump(struct doctor *d, const char *const *words)
{
	const char *argv[40] = { SSHD, "-T" };
	const char *text = NULL;
	struct ztj_buf out;
	size_t n = 2;
	int status, r;

	while (words != NULL && *words != NULL && n < COUNT(argv) - 1)
		argv[n++] = *words++;
	ztj_buf_init(&out, 1024 * 1024);
	r = doc_exec(argv, &out, &status);
	if (r == ZTJ_OK && ztj_buf_str(&out) != NULL)
		text = cli_strdup(d->c, (const char *)out.p);
	ztj_buf_free(&out);
	if (text == NULL || r != ZTJ_OK) {
		doc_say(d, DOC_UNKNOWN, "%s -T cannot be run: %s", SSHD, ztj_err_text(r));
		return NULL;
	}
	/* made when the service starts; with a socket unit, when somebody connects */
	if (status != 0 && strstr(text, "privilege separation directory") != NULL) {
		doc_say(d, DOC_UNKNOWN, "sshd -T: %s", doc_line(d, text));
		doc_todo(d, "mkdir -m 755 /run/sshd, and ask again");
		return NULL;
	}
	if (status != 0) {
		doc_say(d, DOC_FAIL, "sshd refuses its configuration: %s", doc_line(d, text));
		doc_todo(d, "sshd -t");
		return NULL;
	}
	return text;
}

static const char *global_dump(struct doctor *d)
{
	if (!d->asked_dump) {
		d->asked_dump = true;
		d->dump = doc_sshd_dump(d, NULL);
	} else if (d->dump == NULL) {
		doc_say(d, DOC_UNKNOWN, "sshd -T says nothing");
	}
	return d->dump;
}

/* ---- comparing ---- */

static bool as_wanted(const struct want *w, const char *value)
{
	return strcasecmp(value, w->value) == 0 || (w->also != NULL && strcasecmp(value, w->also) == 0);
}

/* Stricter than wanted: it only keeps people out whom a role would let in. */
static bool stricter(const struct want *w, const char *value)
{
	return strcmp(w->keyword, "permitrootlogin") == 0 &&
	    (strcmp(value, "no") == 0 || strcmp(value, "forced-commands-only") == 0);
}

/* Which line wins, and what has to be done about it. */
static void tell_line(struct doctor *d, const struct want *w)
{
	const struct sshdc *c = d->sshd_err == ZTJ_OK ? d->sshd : NULL;
	const struct sshdc_setting *first = c != NULL ? sshdc_first(c, w->keyword) : NULL;

	if (first == NULL) {
		doc_todo(d, "ztjit-hostd install   (no line sets it: is %s included?)", OURS);
	} else if (strcmp(first->file, OURS) == 0) {
		doc_todo(d, "ztjit-hostd install   (%s:%u is not as installed)", first->file, first->line);
	} else {
		doc_todo(d, "remove %s:%u, which comes before %s; then sshd -t && systemctl reload ssh",
		    first->file, first->line, OURS);
	}
}

/* What sshd says here beside what it says where no connection is named: the same twice is said once. */
static bool said_before(const char *global, const char *keyword, const char *value)
{
	char before[VALUE_MAX];

	return global != NULL && sshdc_effective(global, keyword, before, sizeof before) &&
	    strcmp(before, value) == 0;
}

struct comparison {
	const char *dump, *global, *which; /* global, which: NULL when this is the global one */
};

static void compare(struct doctor *d, struct wants wants, const struct comparison *c)
{
	char value[VALUE_MAX];

	for (size_t i = 0; i < wants.n; i++) {
		const struct want *w = &wants.w[i];

		/* an option that this sshd was built without cannot let anybody in */
		if (!sshdc_effective(c->dump, w->keyword, value, sizeof value) || as_wanted(w, value) ||
		    said_before(c->global, w->keyword, value))
			continue;
		doc_say(d, stricter(w, value) ? DOC_WARN : w->level, "%s%s is %s, not %s: %s",
		    c->which != NULL ? c->which : "", w->keyword, value, w->value, w->why);
		if (c->which == NULL)
			tell_line(d, w);
	}
}

void doc_sshd_compare(struct doctor *d, const char *dump, const char *which)
{
	const struct comparison c = { .dump = dump, .which = which };

	for (size_t i = 0; i < COUNT(all_wants); i++)
		compare(d, all_wants[i], &c);
}

static void check_wants(struct doctor *d, struct wants wants, const char *fine)
{
	const char *dump = global_dump(d);

	if (dump == NULL)
		return;
	(void)doc_sshd_config(d);
	compare(d, wants, &(struct comparison){ .dump = dump });
	doc_say(d, DOC_OK, "%s", fine);
}

static void sshd_logins(struct doctor *d)
{
	check_wants(d, all_wants[0], "only certificates let anybody in");
}
static void sshd_certificates(struct doctor *d)
{
	check_wants(d, all_wants[1], "certificates of the domain's CA, judged by ztjit-hostd");
}
static void sshd_sessions(struct doctor *d)
{
	check_wants(d, all_wants[2], "PAM is asked, and nothing of the account's runs before it");
}

/* ---- Match blocks ---- */

static const struct want *want_of(const char *keyword)
{
	for (size_t i = 0; i < COUNT(all_wants); i++)
		for (size_t k = 0; k < all_wants[i].n; k++)
			if (strcmp(all_wants[i].w[k].keyword, keyword) == 0)
				return &all_wants[i].w[k];
	return NULL;
}

static void sshd_match(struct doctor *d)
{
	const struct sshdc *c = doc_sshd_config(d);
	size_t n = 0;

	for (size_t i = 0; c != NULL && i < c->n; i++) {
		const struct sshdc_setting *s = &c->s[i];
		const struct want *w = s->match != NULL ? want_of(s->keyword) : NULL;

		n += s->match != NULL;
		if (w == NULL || as_wanted(w, s->value))
			continue;
		doc_say(d, stricter(w, s->value) ? DOC_WARN : w->level,
		    "%s:%u: %s is %s for Match %s, not %s: %s", s->file, s->line, s->keyword, s->value,
		    s->match, w->value, w->why);
		doc_todo(d, "remove %s:%u; then sshd -t && systemctl reload ssh", s->file, s->line);
	}
	if (c != NULL)
		doc_say(d, DOC_OK, "%zu settings in Match blocks, none weakens anything", n);
}

/* What sshd itself says for a connection of root's and of somebody else's. */
static void sshd_as(struct doctor *d)
{
	static const char *const users[] = { "root", "nobody" };
	const char *global = global_dump(d);

	for (size_t i = 0; global != NULL && i < COUNT(users); i++) {
		const char *const words[] = { "-C",
			cli_printf(d->c, "user=%s,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22",
			    users[i]),
			NULL };
		struct comparison c = { .global = global, .which = cli_printf(d->c, "for %s: ", users[i]) };

		if (words[1] == NULL || c.which == NULL || (c.dump = doc_sshd_dump(d, words)) == NULL)
			return;
		for (size_t k = 0; k < COUNT(all_wants); k++)
			compare(d, all_wants[k], &c);
	}
	if (global != NULL)
		doc_say(d, DOC_OK, "sshd -T -C says the same for root and for others");
}

/* ---- files ---- */

static void sshd_dropin(struct doctor *d)
{
	const struct sshdc *c;
	bool read = false;

	if (access(OURS, F_OK) != 0) {
		doc_say(d, DOC_FAIL, "%s is not there", OURS);
		doc_todo(d, "ztjit-hostd install");
		return;
	}
	if ((c = doc_sshd_config(d)) == NULL)
		return;
	for (size_t i = 0; i < c->nfiles; i++) {
		(void)doc_only_root(d, c->file[i]);
		read |= strcmp(c->file[i], OURS) == 0;
	}
	if (!read) {
		doc_say(d, DOC_FAIL, "sshd does not read %s", OURS);
		doc_todo(d, "first line of %s: Include /etc/ssh/sshd_config.d/*.conf", SSHD_CONFIG);
	}
	doc_say(d, DOC_OK, "%s is read; %zu files, only root can change them", OURS, c->nfiles);
}

/* sshd refuses a command that others could change, and then nobody gets in. */
static void sshd_command(struct doctor *d)
{
	static const char path[] = ZTJ_LIBEXECDIR "/ztjit-principals";
	char version[64];
	struct stat st;
	int r;

	if (stat(path, &st) != 0) {
		doc_say(d, DOC_FAIL, "%s is not there", path);
		doc_todo(d, "install ztjit again");
		return;
	}
	(void)doc_only_root(d, path);
	if ((st.st_mode & 0111) != 0111 || (st.st_mode & (S_ISUID | S_ISGID)) != 0) {
		doc_say(d, DOC_FAIL, "%s has mode %04o", path, doc_mode(&st));
		doc_todo(d, "chmod 0755 %s", path);
	}
	if ((r = doc_version(path, version, sizeof version)) != ZTJ_OK) {
		doc_say(d, DOC_FAIL, "%s is not a program of ztjit (%s)", path, ztj_err_text(r));
		doc_todo(d, "install ztjit again");
	} else if (strcmp(version, PACKAGE_VERSION) != 0) {
		doc_say(d, DOC_WARN, "%s is of version %s, this is %s", path, version, PACKAGE_VERSION);
		doc_todo(d, "install one version of ztjit");
	}
	doc_say(d, DOC_OK, "%s, version %s, only root can change it", path, PACKAGE_VERSION);
}

/* ---- what runs in a session ---- */

static bool some_role_records(const struct ztj_policy *p)
{
	for (size_t i = 0; p != NULL && i < p->nroles; i++)
		if (p->roles[i].record != ZTJ_RECORD_NONE)
			return true;
	return false;
}

static void sshd_subsystems(struct doctor *d)
{
	const struct sshdc *c = doc_sshd_config(d);
	bool recorded = some_role_records(doc_policy(d));

	for (size_t i = 0; c != NULL && i < c->n; i++) {
		const struct sshdc_setting *s = &c->s[i];

		if (strcmp(s->keyword, "subsystem") != 0 || strstr(s->value, " internal-sftp") == NULL)
			continue;
		doc_say(d, recorded ? DOC_FAIL : DOC_WARN,
		    "%s:%u: sftp runs inside sshd, where nothing records it%s", s->file, s->line,
		    recorded ? "; roles that are recorded end at once" : "");
		doc_todo(d, "Subsystem sftp /usr/lib/openssh/sftp-server");
	}
	if (c != NULL)
		doc_say(d, DOC_OK, "sftp is a program, which can be recorded");
}

/* With arguments, too. */
static bool inside_sshd(const char *command)
{
	static const char name[] = "internal-sftp";
	size_t n = sizeof name - 1;

	return strncmp(command, name, n) == 0 && (command[n] == '\0' || command[n] == ' ');
}

static void sshd_forced(struct doctor *d)
{
	const struct sshdc *c = doc_sshd_config(d);
	bool recorded = some_role_records(doc_policy(d));
	size_t forced = 0;

	for (size_t i = 0; c != NULL && i < c->n; i++) {
		const struct sshdc_setting *s = &c->s[i];

		if (strcmp(s->keyword, "forcecommand") != 0 || strcmp(s->value, "none") == 0)
			continue;
		if (strcmp(s->value, ZTJ_RECORDER) == 0) {
			forced++;
			continue;
		}
		doc_say(d, inside_sshd(s->value) ? DOC_FAIL : DOC_WARN,
		    "%s:%u: %s%s%s runs instead of what was asked for, unrecorded%s", s->file, s->line,
		    s->value, s->match != NULL ? ", for Match " : "", s->match != NULL ? s->match : "",
		    recorded && inside_sshd(s->value) ? "; roles that are recorded end at once" : "");
		doc_todo(d, "ForceCommand %s, or none and usermod -s %s ACCOUNT", ZTJ_RECORDER, ZTJ_RECORDER);
	}
	if (c != NULL && forced > 0)
		doc_say(d, DOC_OK, "%zu lines force the recorder: the fallback, see ztjit-rec(8)", forced);
	else if (c != NULL)
		doc_say(d, DOC_OK, "no command is forced");
}

/* ---- does it take what we sign with? ---- */

static void sshd_algorithms(struct doctor *d)
{
	static const struct {
		const char *keyword, *algorithm;
	} needed[] = { { "pubkeyacceptedalgorithms", "sk-ssh-ed25519-cert-v01@openssh.com" },
		{ "pubkeyacceptedalgorithms", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com" },
		{ "casignaturealgorithms", "ssh-ed25519" } };
	const char *dump = global_dump(d);
	char value[VALUE_MAX];

	for (size_t i = 0; dump != NULL && i < COUNT(needed); i++) {
		if (!sshdc_effective(dump, needed[i].keyword, value, sizeof value) ||
		    strstr(value, needed[i].algorithm) != NULL)
			continue;
		doc_say(d, DOC_WARN, "%s lacks %s: who has such a key cannot log in", needed[i].keyword,
		    needed[i].algorithm);
		doc_todo(d, "%s +%s", needed[i].keyword, needed[i].algorithm);
	}
	if (dump != NULL)
		doc_say(d, DOC_OK, "security keys and the CA's signature are accepted");
}

static const struct doc_check checks[] = {
	{ "sshd-drop-in", "our drop-in is read, and nobody but root can change what sshd reads",
	    sshd_dropin },
	{ "sshd-logins", "nothing but a certificate lets anybody in", sshd_logins },
	{ "sshd-certificates", "certificates are judged by ztjit-hostd", sshd_certificates },
	{ "sshd-sessions", "PAM is asked and nothing runs before the session is judged", sshd_sessions },
	{ "sshd-match", "no Match block weakens anything", sshd_match },
	{ "sshd-effective", "sshd itself says the same for a connection", sshd_as },
	{ "sshd-command", "AuthorizedPrincipalsCommand is ours and nobody but root can change it",
	    sshd_command },
	{ "sshd-sftp", "sftp can be recorded", sshd_subsystems },
	{ "sshd-forced", "no command is forced that escapes the recorder", sshd_forced },
	{ "sshd-algorithms", "sshd accepts security keys", sshd_algorithms },
	{ "sshd-running", "the sshd that runs has read what stands there", doc_sshd_running },
	{ "sshd-others", "no other ssh server lets anybody in", doc_sshd_others },
};
const struct doc_table doc_sshd = { checks, COUNT(checks) };
