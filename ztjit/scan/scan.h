/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit scan: every standing way to administrative access on this machine (DESIGN section 8), one row each.
 * Run by root over trees that others write to: what is opened was looked at first, links are followed only where the
 * program that is judged follows them itself and never out of the root, nothing but regular files is read, everything
 * is bounded. What could not be looked at is named: then nobody says "clean".
 */
#ifndef ZTJIT_SCAN_SCAN_H
#define ZTJIT_SCAN_SCAN_H

#include <jansson.h>
#include <sys/stat.h>

#include "libztjit/core/codec.h"
#include "libztjit/core/text.h"

#define SCAN_FILE_MAX ((size_t)4 * 1024 * 1024) /* of a configuration file that is read */
#define SCAN_LINE_MAX ((size_t)64 * 1024)
#define SCAN_NAMES_MAX 50000u
#define SCAN_ENTRIES_MAX 20000u
#define SCAN_PROBLEMS_MAX 1000u
#define SCAN_FINGER_SIZE 21

enum scan_risk { SCAN_LOW, SCAN_MEDIUM, SCAN_HIGH, SCAN_CRITICAL };
enum scan_state { SCAN_STANDING, SCAN_ACCEPTED, SCAN_EXPIRED };

/* X(name, what it is) */
#define SCAN_KINDS(X) \
	X(sudoers) X(sudo) X(doas) X(key) X(sshd) X(rhosts) X(password) X(uid0) X(shell) X(group) X(setuid) X(setgid) \
	X(capability) X(device) X(mount) X(writable) X(linger) X(polkit) X(pam) X(preload) X(nfs) X(socket)

struct scan_entry {
	const char *kind, *object, *owner, *what, *remove; /* object: file or account; not escaped */
	unsigned line;                                      /* 0: none */
	enum scan_risk risk;
	char finger[SCAN_FINGER_SIZE];
	enum scan_state state;
	const char *reason;                                 /* of the exception, or NULL */
	int64_t until;
};

struct scan_account {
	const char *name, *home, *shell, *hash; /* hash: "" is no password at all */
	uint32_t uid, gid;
	bool admin;                             /* uid 0, or in a group that makes administrators */
};
struct scan_group {
	const char *name, *hash;
	uint32_t gid;
	size_t n;
	const char **member;                    /* by list; also administrators of the group */
};

/* A set of texts. */
struct scan_set {
	size_t n, size;
	const char **at;
};

struct scan {
	const char *root;      /* "/" or the tree that is looked at; real path */
	int rootfd;
	int64_t now;
	int err;               /* NOMEM; everything after it is worthless */
	void **mem;
	size_t nmem;
	struct scan_entry *entry;
	size_t n;
	const char **problem;
	size_t nproblems;
	struct scan_account *account;
	size_t naccounts, at_account; /* where the next line of shadow is looked for first */
	struct scan_group *group;
	size_t ngroups;
	uint32_t uid_min;
	const char *group_source; /* a service of nsswitch that tells of groups nobody can list here, or NULL */
	struct scan_set checked;  /* paths that scan_run_by_root has judged */
};

/* --- scan.c --- */
/* root NULL: this machine. */
int scan_new(struct scan *s, const char *root, int64_t now) ZTJ_MUST_CHECK;
void scan_free(struct scan *s);
bool scan_kind_ok(const char *name);
const char *scan_risk_name(enum scan_risk r);
const char *scan_state_name(enum scan_state st);
/* Memory until scan_free; NULL (and err) when there is none. */
void *scan_keep(struct scan *s, size_t n);
const char *scan_text(struct scan *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *scan_copy(struct scan *s, struct ztj_view v);
/* Not looked at, and why; path is escaped here. */
void scan_problem(struct scan *s, const char *path, const char *why);

struct scan_row {
	const char *kind, *object, *what, *remove;
	unsigned line;
	enum scan_risk risk;
	const char *owner;           /* NULL: "-" */
	struct ztj_view content;     /* what, besides kind and object, makes it this one */
};
void scan_add(struct scan *s, const struct scan_row *row);
/* All of it, in the order of the files below; then sorted: risk, kind, object. */
int scan_run(struct scan *s) ZTJ_MUST_CHECK;

bool scan_set_add(struct scan *s, struct scan_set *set, const char *text); /* false: was there, or no memory */
bool scan_set_has(const struct scan_set *set, const char *text);

/* --- command.c: what a person can paste into a shell --- */
const char *scan_quote(struct scan *s, const char *word);
/* The same for a name among operands: no option, whatever it begins with. */
const char *scan_operand(struct scan *s, const char *word);
/* "sed -i …" that deletes exactly this line, or with last the lines from first to last, which backslashes join: views of
 * whole lines of one text. */
const char *scan_delete_lines(struct scan *s, const char *path, struct ztj_view first, struct ztj_view last);
/* The line becomes this text, which is ours: letters, digits, blanks, ":=![]". */
const char *scan_replace_line(struct scan *s, const char *path, struct ztj_view line, const char *text);
/* Takes the account of this name with uid 0 out of passwd and shadow, and none of another name or uid. */
const char *scan_delete_root(struct scan *s, const char *name);

/* --- file.c --- */
/* O_PATH below the root, links followed but never out of it. NOT_FOUND, or SYSTEM after scan_problem. */
int scan_open(struct scan *s, const char *path, int *fd, struct stat *st) ZTJ_MUST_CHECK;
/* A regular file whole. NOT_FOUND (also for what is none); other errors after scan_problem. */
int scan_read(struct scan *s, const char *path, struct ztj_buf *out, struct stat *st) ZTJ_MUST_CHECK;
/* Names in a directory, sorted, without "." and ".."; none when it is not there. Valid until scan_free. */
size_t scan_list(struct scan *s, const char *dir, const char ***out);
/* Where it really is, below the root. */
const char *scan_real(struct scan *s, int fd);
/* The same for a path; the path itself where nothing is. */
const char *scan_real_path(struct scan *s, const char *path);
/* Has what this descriptor stands for an access control list beyond its mode? */
bool scan_has_acl(int fd);
const char *scan_owner(struct scan *s, const struct stat *st);
/* Lines, without their line feed. */
struct scan_lines {
	struct ztj_view left;
	unsigned no;
};
bool scan_line(struct scan_lines *l, struct ztj_view *line);
struct ztj_view scan_trim(struct ztj_view v);
/* The next word of *v, which is cut off; false at the end. */
bool scan_word(struct ztj_view *v, struct ztj_view *word);
bool scan_has(struct ztj_view v, const char *text);
/* Is it s, however written (ASCII)? */
bool scan_is(struct ztj_view v, const char *s);

/* --- accounts.c: passwd, group, shadow --- */
int scan_accounts_load(struct scan *s) ZTJ_MUST_CHECK;
const struct scan_account *scan_account_named(const struct scan *s, struct ztj_view name);
const struct scan_account *scan_account_of(const struct scan *s, uint32_t uid);
const struct scan_group *scan_group_named(const struct scan *s, struct ztj_view name);
/* Somebody but root is in it, by list or by primary group. */
bool scan_group_has_people(const struct scan *s, const struct scan_group *g);
bool scan_gid_has_people(const struct scan *s, uint32_t gid);
bool scan_is_system(const struct scan *s, const struct scan_account *a);
/* Is the line of nsswitch.conf about this database? services: its words, without a comment. */
bool scan_nss_line(struct ztj_view line, const char *database, struct ztj_view *services);
/* Members of it are administrators: their rows tell, so that a rule for the group needs none. */
bool scan_group_is_admin(const char *name);
/* Does any name of this number say so? */
bool scan_gid_is_admin(const struct scan *s, uint32_t gid);

/* --- the kinds --- */
void scan_people(struct scan *s);    /* people.c: passwords, shells, uid 0, groups, lingering */
void scan_sudo(struct scan *s);      /* sudo.c */
void scan_doas(struct scan *s);      /* doas.c */
void scan_ssh(struct scan *s);       /* ssh.c, sshd.c */
void scan_programs(struct scan *s);  /* programs.c: setuid, capabilities, devices; by walk.c and packages.c */
void scan_cron(struct scan *s);      /* jobs.c: what root runs at some time */
void scan_units(struct scan *s);     /* units.c: systemd, udev */
void scan_logins(struct scan *s);    /* logins.c: what root's login, PAM and the linker load */
void scan_services(struct scan *s);  /* services.c: polkit, NFS, sockets */

/* --- writable.c --- */
/* Where the path was found, for the command that removes it. */
struct scan_ref {
	const char *file;      /* or NULL */
	unsigned line;
	struct ztj_view text;
	const char *why;       /* "cron runs it as root" */
	const char *also;      /* an account that is root's equal here, or NULL */
};
/* Is this file, and every directory above it, in the hands of root alone? */
void scan_run_by_root(struct scan *s, const char *path, const struct scan_ref *ref);
/* All regular files in a directory whose name ends so ("" all), and the directory itself. */
void scan_dir_by_root(struct scan *s, const char *dir, const char *suffix, const char *why);
void scan_dir_by(struct scan *s, const char *dir, const char *suffix, const struct scan_ref *ref);
/* The absolute paths among the words of a shell command. */
void scan_command_by_root(struct scan *s, struct ztj_view command, const struct scan_ref *ref);

/* --- ssh.c --- */
/* A line of authorized_keys or of a file of CAs: the blob's text, and what stands before and after. Pure. */
struct scan_key {
	struct ztj_view options, type, blob;
};
bool scan_key_parse(struct ztj_view line, struct scan_key *out);
void scan_key_files(struct scan *s, struct ztj_view patterns);
/* --- sshd.c --- */
void scan_sshd(struct scan *s);

/* --- packages.c --- */
/* Marks those paths that a Debian package owns; at most a million of them. */
int scan_packages_mark(struct scan *s, const char *const *path, size_t n, bool *owned) ZTJ_MUST_CHECK;

/* --- walk.c --- */
struct scan_seen {
	const char *path;       /* below the root */
	int dirfd;              /* its directory */
	const char *name;
	const struct stat *st;
	bool caps;              /* has security.capability */
	bool nodev, nosuid;
};
typedef void scan_found(struct scan *s, const struct scan_seen *seen, void *arg);
/* Every local file system once; calls found for set-id files, files with capabilities and block devices that somebody
 * but root can reach. */
void scan_walk(struct scan *s, scan_found *found, void *arg);

/* --- baseline.c --- */
#define SCAN_BASELINE_MAX ((size_t)1024 * 1024)
struct scan_exception {
	char finger[SCAN_FINGER_SIZE];
	int64_t until;
	const char *reason;
};
struct scan_baseline {
	struct ztj_buf text;    /* what reasons point into */
	struct scan_exception *at;
	size_t n;
};
/* FINGERPRINT TIME REASON on a line, "#" begins a comment line. CONFIG with *line, NOMEM. */
int scan_baseline_parse(struct ztj_view text, struct scan_baseline *out, unsigned *line) ZTJ_MUST_CHECK;
void scan_baseline_free(struct scan_baseline *b);
/* Sets state, reason and until of every entry. */
void scan_baseline_apply(const struct scan_baseline *b, struct scan *s);
/* The text with this exception, in place of an older one of the same fingerprint. note: a comment line. */
int scan_baseline_put(struct ztj_view text, const struct scan_exception *x, const char *note, struct ztj_buf *out)
    ZTJ_MUST_CHECK;
bool scan_finger_ok(const char *text);

/* --- report.c --- */
struct scan_counts {
	size_t standing, accepted, expired, missed;
};
void scan_count(const struct scan *s, struct scan_counts *out);
/* The whole as JSON; rows at most (0: all), then "left_out" says how many are not there. NULL: no memory. */
json_t *scan_json(const struct scan *s, const char *kind, size_t rows);
/* Compact, at most max bytes. */
int scan_summary(const struct scan *s, size_t max, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
