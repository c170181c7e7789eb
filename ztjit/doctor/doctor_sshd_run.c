/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The ssh servers that run: by /proc, those of this machine's own file system. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "ztjit/doctor/doctor.h"
#include "ztjit/doctor/sshdconf.h"
#include "ztjit/out.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WORDS_MAX 32
#define SERVERS_MAX 64

struct server {
	pid_t pid;
	int64_t began;
	const char *name; /* of its program */
	const char *said; /* how it was called */
	size_t n;         /* the words after the program */
	const char *word[WORDS_MAX];
	bool other_config; /* words that change the configuration */
};

/* ---- /proc ---- */

static bool same_root(pid_t pid)
{
	char path[64];
	struct stat mine, its;

	(void)snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
	return stat("/", &mine) == 0 && stat(path, &its) == 0 && mine.st_dev == its.st_dev &&
	    mine.st_ino == its.st_ino;
}

/* By all its user ids: name and title are what a process says of itself, and anybody may copy a program and call it sshd. */
static bool is_roots(struct doctor *d, pid_t pid)
{
	const char *text, *uids;
	char path[64];
	int err;

	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	text = doc_text(d, path, &err);
	uids = text != NULL ? strstr(text, "\nUid:\t") : NULL;
	return uids != NULL && strncmp(uids, "\nUid:\t0\t0\t0\t0\n", 14) == 0;
}

static const char *program(struct doctor *d, pid_t pid)
{
	char path[64], exe[4096];
	ssize_t n;
	char *slash, *gone;

	(void)snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	if ((n = readlink(path, exe, sizeof exe - 1)) <= 0)
		return NULL;
	exe[n] = '\0';
	if ((gone = strstr(exe, " (deleted)")) != NULL)
		*gone = '\0';
	slash = strrchr(exe, '/');
	return cli_strdup(d->c, slash != NULL ? slash + 1 : exe);
}

/* Field 22 of /proc/PID/stat is in ticks since the boot. */
static int64_t start_of(struct doctor *d, pid_t pid)
{
	const char *boot, *text, *p;
	char path[64], number[24];
	int64_t btime = 0, ticks = 0;
	size_t n;
	int err;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	text = doc_text(d, path, &err);
	boot = doc_text(d, "/proc/stat", &err);
	if (text == NULL || boot == NULL || (p = strrchr(text, ')')) == NULL ||
	    (boot = strstr(boot, "\nbtime ")) == NULL)
		return 0;
	for (int field = 2; field < 22 && *p != '\0'; field++) {
		p += strcspn(p, " ");
		p += *p == ' ';
	}
	n = strcspn(p, " ");
	(void)snprintf(number, sizeof number, "%.*s", (int)(n < 20 ? n : 20), p);
	if (ztj_parse_int(number, 0, INT64_MAX, &ticks) != ZTJ_OK)
		return 0;
	boot += strlen("\nbtime ");
	(void)snprintf(number, sizeof number, "%.*s", (int)strspn(boot, "0123456789"), boot);
	if (ztj_parse_int(number, 0, INT64_MAX, &btime) != ZTJ_OK)
		return 0;
	return btime + ticks / sysconf(_SC_CLK_TCK);
}

/* ---- how a listener was called ---- */

/* sshd writes "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups" over its words. */
static bool parse_title(struct doctor *d, struct server *s, const char *title)
{
	const char *end = strstr(title, " [listener]");
	char *words, *save;

	if (strncmp(title, "sshd: ", 6) != 0 || end == NULL)
		return false;
	title += 6;
	if ((words = cli_printf(d->c, "%.*s", (int)(end - title), title)) == NULL)
		return false;
	s->said = cli_strdup(d->c, words);
	for (save = words; *save != '\0' && s->n < WORDS_MAX;) {
		size_t n = strcspn(save, " ");
		bool last = save[n] == '\0';

		save[n] = '\0';
		if (save != words && n > 0)
			s->word[s->n++] = save;
		save += n + (last ? 0 : 1);
	}
	return s->said != NULL;
}

/* Words that sshd -T takes as well; -D, -e, -q and the like say nothing of the configuration. */
static void keep_config_words(struct server *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const char *w = s->word[i];
		bool takes = w[0] == '-' && w[1] != '\0' && strchr("CcEfghobkpuV", w[1]) != NULL;
		bool config = w[0] == '-' && (w[1] == 'f' || w[1] == 'o' || w[1] == 'p' || w[1] == 'h');

		if (config) {
			s->other_config |= w[1] == 'o' ||
			    (w[1] == 'f' &&
				strcmp(w[2] != '\0'    ? w + 2
					: i + 1 < s->n ? s->word[i + 1]
						       : "",
				    "/etc/ssh/sshd_config") != 0);
			s->word[n++] = w;
		}
		if (takes && w[2] == '\0' && i + 1 < s->n) {
			i++;
			if (config)
				s->word[n++] = s->word[i];
			/* a value of -o may hold blanks, which the title does not tell from the next word */
			while (config && w[1] == 'o' && i + 1 < s->n && s->word[i + 1][0] != '-' && n > 0)
				s->word[n++] = s->word[++i];
		}
	}
	s->n = n;
}

static const char *const other_servers[] = { "dropbear", "tinysshd", "lshd", "telnetd", "in.telnetd",
	"rshd" };

static bool look_at(struct doctor *d, pid_t pid, struct server *s)
{
	char path[64];
	const char *title;
	struct ztj_buf b;
	bool found = false;

	*s = (struct server){ .pid = pid };
	if ((s->name = program(d, pid)) == NULL || !same_root(pid))
		return false;
	for (size_t i = 0; i < COUNT(other_servers); i++)
		if (strcmp(s->name, other_servers[i]) == 0)
			return true;
	/* its words go to sshd -T, which root runs */
	if (strcmp(s->name, "sshd") != 0 || !is_roots(d, pid))
		return false;
	(void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	ztj_buf_init(&b, 65536);
	if (doc_read(path, 65535, &b, NULL) == ZTJ_OK && (title = ztj_buf_str(&b)) != NULL)
		found = parse_title(d, s, title);
	ztj_buf_free(&b);
	if (!found)
		return false;
	keep_config_words(s);
	s->began = start_of(d, pid);
	return true;
}

/* All of them, kept; NULL: no memory. */
static const struct server *find_servers(struct doctor *d, size_t *n)
{
	struct server *out = cli_keep(d->c, SERVERS_MAX * sizeof *out);
	const struct dirent *e;
	DIR *dir = opendir("/proc");

	*n = 0;
	while (dir != NULL && out != NULL && *n < SERVERS_MAX && (e = readdir(dir)) != NULL) {
		int64_t pid;

		if (ztj_parse_int(e->d_name, 1, INT32_MAX, &pid) == ZTJ_OK &&
		    look_at(d, (pid_t)pid, &out[*n]))
			(*n)++;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return out;
}

/* ---- the checks ---- */

/* A HUP makes sshd begin anew under its old pid, and write its pid file again. */
static int64_t last_read(const struct server *s)
{
	struct stat st;
	struct ztj_buf b;
	int64_t pid = 0, t = s->began;
	char number[16] = "";
	const char *text;

	ztj_buf_init(&b, 64);
	if (doc_read("/run/sshd.pid", 15, &b, &st) == ZTJ_OK && (text = ztj_buf_str(&b)) != NULL)
		(void)snprintf(number, sizeof number, "%.*s", (int)strspn(text, "0123456789"), text);
	if (ztj_parse_int(number, 1, INT32_MAX, &pid) == ZTJ_OK && pid == s->pid && st.st_mtime > t)
		t = st.st_mtime;
	ztj_buf_free(&b);
	return t;
}

static int64_t changed(const char *path)
{
	struct stat st;

	/* ctime too: a file that is moved here keeps its own time */
	if (stat(path, &st) != 0)
		return 0;
	return st.st_ctime > st.st_mtime ? st.st_ctime : st.st_mtime;
}

void doc_sshd_running(struct doctor *d)
{
	const struct sshdc *c = doc_sshd_config(d);
	size_t n, seen = 0;
	const struct server *s = find_servers(d, &n);

	for (size_t i = 0; c != NULL && i < n; i++) {
		if (s[i].other_config || strcmp(s[i].name, "sshd") != 0 || s[i].began == 0)
			continue;
		seen++;
		for (size_t k = 0; k < c->nfiles; k++) {
			if (changed(c->file[k]) <= last_read(&s[i]) + 1)
				continue;
			doc_say(d, DOC_WARN, "sshd (pid %d) read its configuration %s, %s is newer",
			    (int)s[i].pid, out_relative(d->c, last_read(&s[i])), c->file[k]);
			doc_todo(d, "sshd -t && systemctl reload ssh");
		}
		/* a file that was there when sshd read, and is gone */
		if (changed("/etc/ssh/sshd_config.d") > last_read(&s[i]) + 1 && d->now.level < DOC_WARN) {
			doc_say(d, DOC_WARN,
			    "sshd (pid %d) read its configuration before /etc/ssh/sshd_config.d was changed",
			    (int)s[i].pid);
			doc_todo(d, "sshd -t && systemctl reload ssh");
		}
	}
	if (c != NULL && seen == 0)
		doc_say(d, DOC_WARN, "no sshd listens: nobody can log in, unless a socket unit starts it");
	else if (c != NULL)
		doc_say(d, DOC_OK, "sshd runs with what stands there");
}

/* ---- how one will be started ---- */

/* Words of a shell or of systemd, without their quotes; what sshd -T takes as well is judged. */
static void judge_words(struct doctor *d, char *text, const char *where)
{
	const char *words[WORDS_MAX + 1], *dump, *which = cli_printf(d->c, "as %s starts it: ", where);
	struct server s = { .n = 0 };

	for (char *p = text; *(p += strspn(p, " \t\"'")) != '\0' && s.n < WORDS_MAX;) {
		size_t n = strcspn(p, " \t\"'");
		bool last = p[n] == '\0';

		p[n] = '\0';
		s.word[s.n++] = p;
		p += n + (last ? 0 : 1);
	}
	keep_config_words(&s);
	if (!s.other_config || which == NULL)
		return;
	memcpy(words, s.word, sizeof s.word);
	words[s.n < WORDS_MAX ? s.n : WORDS_MAX] = NULL;
	if ((dump = doc_sshd_dump(d, words)) == NULL)
		return;
	doc_sshd_compare(d, dump, which);
	if (d->now.level >= DOC_WARN)
		doc_todo(d, "remove those options from %s", where);
}

/* The lines of a file that begin so and, where that is asked, start an sshd. */
static void judge_file(struct doctor *d, const char *path, const char *begin, bool program)
{
	int err;
	const char *text = path != NULL ? doc_text(d, path, &err) : NULL;

	for (size_t n; text != NULL && *text != '\0'; text += n + (text[n] == '\n')) {
		const char *p = text + strspn(text, " \t");
		char *line;

		n = strcspn(text, "\n");
		if (strncmp(p, begin, strlen(begin)) != 0 ||
		    (line = cli_printf(d->c, "%.*s", (int)strcspn(p, "\n"), p)) == NULL)
			continue;
		line += strlen(begin);
		if (program && (line = strstr(line, "/sshd")) == NULL)
			continue;
		judge_words(d, line + (program ? strcspn(line, " \t") : 0), path);
	}
}

/* With a socket unit no sshd runs that could be looked at, and one that runs may have been started before this was written. */
static void judge_starts(struct doctor *d)
{
	static const char *const units[] = { "ssh.service", "ssh@.service", "sshd.service", "sshd@.service" };

	judge_file(d, "/etc/default/ssh", "SSHD_OPTS=", false);
	judge_file(d, "/etc/sysconfig/sshd", "OPTIONS=", false);
	for (size_t i = 0; i < COUNT(units); i++) {
		const char *drop_ins = cli_printf(d->c, "/etc/systemd/system/%s.d", units[i]);
		DIR *dir = drop_ins != NULL ? opendir(drop_ins) : NULL;
		const struct dirent *e;

		judge_file(d, cli_printf(d->c, "/etc/systemd/system/%s", units[i]), "ExecStart=", true);
		while (dir != NULL && (e = readdir(dir)) != NULL)
			if (e->d_name[0] != '.')
				judge_file(d, cli_printf(d->c, "%s/%s", drop_ins, e->d_name),
				    "ExecStart=", true);
		if (dir != NULL)
			(void)closedir(dir);
	}
}

void doc_sshd_others(struct doctor *d)
{
	size_t n, sshds = 0;
	const struct server *s = find_servers(d, &n);

	for (size_t i = 0; i < n; i++) {
		const char *which = cli_printf(d->c, "pid %d (%s): ", (int)s[i].pid,
		    s[i].said != NULL ? s[i].said : s[i].name);
		const char *words[WORDS_MAX + 1];
		const char *dump;

		if (strcmp(s[i].name, "sshd") != 0) {
			doc_say(d, DOC_FAIL, "%s (pid %d) lets people in past sshd", s[i].name,
			    (int)s[i].pid);
			doc_todo(d, "remove it");
			continue;
		}
		sshds++;
		if (!s[i].other_config || which == NULL)
			continue;
		memcpy(words, s[i].word, sizeof s[i].word);
		words[s[i].n < WORDS_MAX ? s[i].n : WORDS_MAX] = NULL;
		if ((dump = doc_sshd_dump(d, words)) == NULL)
			continue;
		doc_sshd_compare(d, dump, which);
		if (d->now.level >= DOC_WARN)
			doc_todo(d, "end it: kill %d", (int)s[i].pid);
	}
	judge_starts(d);
	doc_say(d, DOC_OK, "%zu sshd, all with the same rules", sshds);
}
