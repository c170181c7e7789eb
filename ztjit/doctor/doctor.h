/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit doctor: a table of checks, each of which looks at one thing, says what it found and what to do, and spoils no
 * other. On a host they run as root and prove that it is armed; on a workstation they look at the person's side. Nothing is
 * changed.
 */
#ifndef ZTJIT_DOCTOR_H
#define ZTJIT_DOCTOR_H

#include <sys/stat.h>

#include "libztjit/core/policy.h"
#include "ztjit-hostd/hostconf.h"
#include "ztjit/cli.h"

/* In the order of gravity. NONE: there is nothing to look at here, nothing is said. */
enum doc_level { DOC_NONE, DOC_OK, DOC_WARN, DOC_UNKNOWN, DOC_FAIL };

#define DOC_FINDINGS_MAX 12
struct doc_result {
	enum doc_level level;
	size_t n;
	struct {
		enum doc_level level;
		const char *what, *todo; /* todo may be NULL */
	} item[DOC_FINDINGS_MAX];
	size_t more; /* that there was no room for */
};

/* What several checks look at; each is read when it is first asked for, and stays. */
struct doctor {
	struct cli *c;
	const struct doc_check *check;
	struct doc_result now; /* of the check that runs */
	bool asked_conf, asked_status, asked_policy, asked_sshd, asked_dump, asked_shadow;
	int conf_err, status_err, policy_err, sshd_err, shadow_err;
	char conf_text[512];
	struct ztj_hostconf conf;
	json_t *status;              /* of ztjit-hostd */
	struct ztj_trust *trust;
	struct ztj_sigcache *cache;
	const struct ztj_policy *policy;
	struct sshdc *sshd;
	const char *dump;            /* sshd -T; NULL */
	const char *root_password, *other_password; /* who has one; NULL: nobody */
};

struct doc_check {
	const char *name;  /* stable: --json */
	const char *about; /* what it proves, for the manual and --json */
	void (*run)(struct doctor *d);
};
/* Tables, in the order in which they are said; doc_host is several. */
struct doc_table {
	const struct doc_check *check;
	size_t n;
};
extern const struct doc_table doc_sshd, doc_pam, doc_names, doc_sudo, doc_hostd, doc_files, doc_machine, doc_desk;

/* --- doctor.c --- */
/* A finding of the running check. OK findings show only when there is none worse. */
void doc_say(struct doctor *d, enum doc_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* What to do about the last one. */
void doc_todo(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Runs one check; for the tests. */
void doc_run(struct doctor *d, const struct doc_check *check, struct doc_result *out);
void doc_close(struct doctor *d);

/* --- look.c: reading what others read --- */
/* The whole file, links followed as its reader would; st may be NULL. NOT_FOUND, UNSAFE_FILE (no plain file), TOO_LARGE, IO. */
int doc_read(const char *path, size_t max, struct ztj_buf *out, struct stat *st) ZTJ_MUST_CHECK;
/* The same as a string that lives until the end; NULL and *err. */
const char *doc_text(struct doctor *d, const char *path, int *err);
/* Can only root change it? Looks at the thing itself and at every directory above the one that links lead to. Says
 * nothing when all is well, else FAIL with what and how to mend it; false then. */
bool doc_only_root(struct doctor *d, const char *path);
/* Runs a program without a shell, with a clean environment and nothing on standard input; standard output and error
 * together. ZTJ_OK: it ended, *status is its exit status; NOT_FOUND: no such program; TIMEOUT, TOO_LARGE, SYSTEM. */
int doc_exec(const char *const argv[], struct ztj_buf *out, int *status) ZTJ_MUST_CHECK;
/* The text after "@(#)ztjit " in a program of ours: its version. NOT_FOUND: none is in it. */
int doc_version(const char *path, char *out, size_t size) ZTJ_MUST_CHECK;
/* Octal for people. */
unsigned doc_mode(const struct stat *st);
/* The first line of a text, escaped enough for a finding; kept. */
const char *doc_line(struct doctor *d, const char *text);

/* --- facts.c: what several checks need --- */
/* hostd.conf; NULL: it cannot be read, hostd-conf says why, others say nothing about it. */
const struct ztj_hostconf *doc_conf(struct doctor *d);
/* What the running agent says of itself; NULL likewise (hostd-running). */
const json_t *doc_status(struct doctor *d);
/* The policy that the gate keeps, verified by the pinned roots; NULL likewise (policy). */
const struct ztj_policy *doc_policy(struct doctor *d);
/* Who could log in with a password: root, and the first other; NULL when nobody. False: /etc/shadow cannot be read. */
bool doc_passwords(struct doctor *d, const char **root, const char **other);

/* --- doctor_sshd.c --- */
/* Compares what sshd -T printed with what is wanted; says what differs. which: NULL, or how that sshd is called. */
void doc_sshd_compare(struct doctor *d, const char *dump, const char *which);
/* sshd_config as it stands; NULL: said why not. */
const struct sshdc *doc_sshd_config(struct doctor *d);
/* sshd -T with these words after it (NULL: none), kept; NULL: said why not. */
const char *doc_sshd_dump(struct doctor *d, const char *const *words);

/* doctor_sshd_run.c */
void doc_sshd_running(struct doctor *d);
void doc_sshd_others(struct doctor *d);

#endif
