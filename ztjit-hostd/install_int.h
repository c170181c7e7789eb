/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Shared by the files install*.c and their tests alone.
 */
#ifndef ZTJ_HOSTD_INSTALL_INT_H
#define ZTJ_HOSTD_INSTALL_INT_H

#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "libztjit/core/codec.h"
#include "ztjit-hostd/hostconf.h"
#include "ztjit-hostd/install.h"

#define ZTJ_INST_DIR ZTJ_STATEDIR "/install"
#define ZTJ_INST_FILE_MAX (1u << 20)
#define ZTJ_INST_PATH 256
#define ZTJ_INST_ITEMS 48
#define ZTJ_INST_WORD 128
#define ZTJ_INST_ERR 1024
#define ZTJ_INST_NO_MAX 9999
#define ZTJ_BOOT_ID 37

/* Where it happens; the tests have a root of their own. */
struct ztj_inst {
	const char *root;      /* before every path; "" */
	uid_t owner;           /* who may own what is touched, beside root; 0 */
	char bootid[ZTJ_BOOT_ID];
	char err[ZTJ_INST_ERR]; /* what failed, for the person; "" when the error's own text says it all */
};

/* ---- install_file.c: one file, whole ---- */

struct ztj_inst_file {
	bool exists;
	bool times;            /* put atime and mtime as well */
	mode_t mode;           /* 07777 */
	uid_t uid;
	gid_t gid;
	struct timespec atime, mtime;
	struct ztj_buf xattrs; /* name, value, name, value, … as SSH strings */
	struct ztj_buf data;
};

void ztj_inst_file_init(struct ztj_inst_file *f);
void ztj_inst_file_free(struct ztj_inst_file *f);
/* What is at path; absent is no error (exists is false). Links, other types, several names of one file, and files or
 * directories above that others may write are UNSAFE_FILE (F01). */
int ztj_inst_file_read(struct ztj_inst *in, const char *path, struct ztj_inst_file *out) ZTJ_MUST_CHECK;
/* The same without the content. */
int ztj_inst_file_stat(struct ztj_inst *in, const char *path, struct ztj_inst_file *out) ZTJ_MUST_CHECK;
/* Makes path what f says, durably and at once: a temporary beside it, fsync, rename, fsync of the directory; unlinks it when
 * f does not exist. Owner, mode and extended attributes as f says, times if f->times. */
int ztj_inst_file_put(struct ztj_inst *in, const char *path, const struct ztj_inst_file *f) ZTJ_MUST_CHECK;
/* Owner and mode alone. */
int ztj_inst_file_chmod(struct ztj_inst *in, const char *path, const struct ztj_inst_file *f) ZTJ_MUST_CHECK;
/* The directory path is there, made 0700 by us if it was not (and 0755 those above it). */
int ztj_inst_dir(struct ztj_inst *in, const char *path) ZTJ_MUST_CHECK;
/* Existence, content, owner and mode. */
bool ztj_inst_file_same(const struct ztj_inst_file *a, const struct ztj_inst_file *b);
int ztj_inst_file_copy(const struct ztj_inst_file *from, struct ztj_inst_file *to) ZTJ_MUST_CHECK;
/* Says path and why in in->err; returns r. */
int ztj_inst_fail(struct ztj_inst *in, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- install_edit.c: pure; text in, text out ---- */

/* nsswitch.conf with "ztjit" at the end of passwd, group and (if there) initgroups; every other byte as it was. STATE and the
 * number of the line when a "return" action before the end would keep it from being asked; BAD_TEXT on NUL. */
int ztj_inst_edit_nss(struct ztj_view in, struct ztj_buf *out, unsigned *line) ZTJ_MUST_CHECK;
/* sudo.conf in which group_source is dynamic; every other line as it was. BAD_TEXT on NUL or a last line that goes on. */
int ztj_inst_edit_sudo_conf(struct ztj_view in, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* ---- install_sshd.c ---- */

/* One line of sshd_config: its keyword (lower case) and its arguments, joined by one space, quotes removed. False for blank lines
 * and comments, and for what does not fit. */
struct ztj_inst_sshd_line {
	char key[64], args[512];
};
bool ztj_inst_sshd_line(struct ztj_view line, struct ztj_inst_sshd_line *out);
/* The next line of *text, without its newline; false at its end. */
bool ztj_inst_next_line(struct ztj_view *text, struct ztj_view *line);
/* Would drop_in, at path, have its way? Walks /etc/ssh/sshd_config and what it includes, in sshd's order. STATE when it is not
 * included, or when a line before it or in a Match block says otherwise: in->err names them all. */
int ztj_inst_sshd_wins(struct ztj_inst *in, const char *path, struct ztj_view drop_in) ZTJ_MUST_CHECK;
/* Does `sshd -T` say what drop_in says? STATE, and in->err names the first difference. */
int ztj_inst_sshd_effective(struct ztj_inst *in, struct ztj_view drop_in, struct ztj_view said) ZTJ_MUST_CHECK;

/* ---- items and plans: install_manifest.c, install_item.c, install_plan.c ---- */

enum ztj_inst_kind {
	ZTJ_INST_FILE,  /* a file becomes another, appears or goes */
	ZTJ_INST_PERM,  /* owner and mode alone */
	ZTJ_INST_SHELL, /* the login shell of an account */
	ZTJ_INST_UNIT   /* a unit of systemd: enabled and running, or not */
};

struct ztj_inst_item {
	enum ztj_inst_kind kind;
	char name[ZTJ_INST_PATH];              /* path, account or unit */
	struct ztj_inst_file before, after;    /* FILE, PERM */
	uint8_t before_sha[ZTJ_DIGEST_LEN], after_sha[ZTJ_DIGEST_LEN];
	char was[ZTJ_INST_WORD], be[ZTJ_INST_WORD]; /* SHELL: shells; UNIT: "enabled active", "disabled inactive", … */
};

struct ztj_inst_plan {
	struct ztj_inst_item item[ZTJ_INST_ITEMS];
	size_t n;
	bool uninstall;
};

struct ztj_inst_plan *ztj_inst_plan_new(void);
void ztj_inst_plan_free(struct ztj_inst_plan *p);
/* The next item; NULL when the plan is full. */
struct ztj_inst_item *ztj_inst_plan_add(struct ztj_inst_plan *p, enum ztj_inst_kind kind, const char *name);
/* Drops the last one. */
void ztj_inst_plan_drop(struct ztj_inst_plan *p);

/* Without contents; before.N hold those. */
int ztj_inst_manifest_write(const struct ztj_inst_plan *p, struct ztj_buf *out) ZTJ_MUST_CHECK;
int ztj_inst_manifest_read(struct ztj_view in, struct ztj_inst_plan *out) ZTJ_MUST_CHECK;

/* Makes the item so, or as it was before. Both may be repeated. */
int ztj_inst_item_apply(struct ztj_inst *in, const struct ztj_inst_item *it) ZTJ_MUST_CHECK;
int ztj_inst_item_undo(struct ztj_inst *in, const struct ztj_inst_item *it) ZTJ_MUST_CHECK;
/* What an account's shell and a unit are now. NOT_FOUND. */
int ztj_inst_shell_now(struct ztj_inst *in, const char *account, char out[ZTJ_INST_WORD]) ZTJ_MUST_CHECK;
void ztj_inst_unit_now(const char *unit, char out[ZTJ_INST_WORD]);
bool ztj_inst_has_systemd(const struct ztj_inst *in);

struct ztj_inst_wish {
	const struct ztj_install *ask;
	const struct ztj_hostconf *conf;
	const char *templates; /* below in->root */
	bool nss, sudo, polkit;
};
/* What is different from what the templates want. */
int ztj_inst_plan_install(struct ztj_inst *in, const struct ztj_inst_wish *w, struct ztj_inst_plan *p) ZTJ_MUST_CHECK;
/* Back to what was before everything that is in force. changed: how many were altered by others since; they
 * are in the plan all the same, and told to the person. */
int ztj_inst_plan_uninstall(struct ztj_inst *in, struct ztj_inst_plan *p, unsigned *changed) ZTJ_MUST_CHECK;
/* A template of ours; whole, as root's. */
int ztj_inst_template(struct ztj_inst *in, const char *dir, const char *name, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* ---- install_journal.c: transactions below ZTJ_INST_DIR ---- */

enum ztj_inst_state {
	ZTJ_INST_NONE,     /* not begun: nothing was touched */
	ZTJ_INST_BEGUN,    /* being applied */
	ZTJ_INST_PENDING,  /* applied and verified; undone unless confirmed */
	ZTJ_INST_KEPT,     /* confirmed */
	ZTJ_INST_UNDOING,  /* being undone */
	ZTJ_INST_UNDONE
};

struct ztj_inst_tx {
	unsigned no;
	enum ztj_inst_state state;
	int64_t deadline;           /* PENDING: boot seconds, in the boot of bootid */
	char bootid[ZTJ_BOOT_ID];
};

const char *ztj_inst_state_name(enum ztj_inst_state s);
/* The newest that was begun; NOT_FOUND when there is none. */
int ztj_inst_tx_last(struct ztj_inst *in, struct ztj_inst_tx *out) ZTJ_MUST_CHECK;
int ztj_inst_tx_read(struct ztj_inst *in, unsigned no, struct ztj_inst_tx *out) ZTJ_MUST_CHECK;
int ztj_inst_tx_set(struct ztj_inst *in, struct ztj_inst_tx *tx, enum ztj_inst_state state) ZTJ_MUST_CHECK;
/* Copies of everything, the manifest, then the state BEGUN: durable before anything is touched. */
int ztj_inst_tx_begin(struct ztj_inst *in, struct ztj_inst_plan *p, struct ztj_inst_tx *out) ZTJ_MUST_CHECK;
/* The plan of a transaction, with the contents of before; a copy that does not match its digest is ALTERED. */
int ztj_inst_tx_load(struct ztj_inst *in, unsigned no, struct ztj_inst_plan *out) ZTJ_MUST_CHECK;
int ztj_inst_tx_apply(struct ztj_inst *in, const struct ztj_inst_plan *p) ZTJ_MUST_CHECK;
/* All that can be is undone, whatever fails; then it is UNDONE, or still UNDOING and the first error. What others made of a file
 * meanwhile is kept beside the copies as found.N. */
int ztj_inst_tx_undo(struct ztj_inst *in, struct ztj_inst_tx *tx) ZTJ_MUST_CHECK;
/* Must it be undone by whoever sees it? timer: whether its timer runs. */
bool ztj_inst_tx_stale(const struct ztj_inst *in, const struct ztj_inst_tx *tx, int64_t now, bool timer);

/* ---- install_timer.c ---- */

/* Whoever changes anything holds it. Somebody else's is STATE. Waits that many seconds. */
int ztj_inst_lock(struct ztj_inst *in, int seconds, int *fd) ZTJ_MUST_CHECK;
/* The timer's own, held while it waits. */
int ztj_inst_timer_hold(struct ztj_inst *in, int *fd) ZTJ_MUST_CHECK;
bool ztj_inst_timer_runs(struct ztj_inst *in);
/* Starts one that outlives terminal, session and agent, and waits until it holds its lock. It needs the main lock to do anything. */
int ztj_inst_timer_start(struct ztj_inst *in) ZTJ_MUST_CHECK;
int ztj_inst_init(struct ztj_inst *in) ZTJ_MUST_CHECK; /* of this machine */
/* Seconds; -1 when the kernel does not say: then every time is over. */
int64_t ztj_inst_boottime(void);

/* ---- install_run.c ---- */

/* Runs argv[0] (absolute), no shell, a clean environment, standard input empty; what it prints (both streams) goes to out if that
 * is not NULL. *status: its exit status, 255 if a signal or the time ended it. NOT_FOUND when it is not there. */
int ztj_inst_run(const char *const *argv, struct ztj_buf *out, int *status) ZTJ_MUST_CHECK;

/* ---- install_verify.c, install_reload.c ---- */

/* Everything that can be asked about the armed host; the first no ends it and is in in->err. */
int ztj_inst_verify(struct ztj_inst *in, const struct ztj_inst_wish *w) ZTJ_MUST_CHECK;
/* After an uninstall or an undo: sshd and sudo understand what they have. */
int ztj_inst_verify_plain(struct ztj_inst *in) ZTJ_MUST_CHECK;
/* SIGHUP to the listening sshd, if its configuration is good. Says what it did. */
void ztj_inst_reload_sshd(struct ztj_inst *in);
/* The directory without which sshd does not even check its configuration. */
void ztj_inst_sshd_room(void);
bool ztj_inst_nss_loads(void);

/* ---- install_show.c ---- */

/* The differences, for a person. */
void ztj_inst_show(const struct ztj_inst_plan *p);
void ztj_inst_show_diff(const char *name, struct ztj_view from, struct ztj_view to);
bool ztj_inst_ask(const char *question);

/* ---- install_tx.c: one transaction from end to end; the lock is held ---- */

/* Undoes what is stale. *pending: one that is not, in tx. */
int ztj_inst_recover(struct ztj_inst *in, struct ztj_inst_tx *tx, bool *pending) ZTJ_MUST_CHECK;
/* Begins it, with its timer, applies and verifies it; then it is pending for w->ask->within seconds, or kept when w is NULL (an
 * uninstall). Undoes it when anything fails; then the error is told. */
int ztj_inst_transact(struct ztj_inst *in, struct ztj_inst_plan *p, const struct ztj_inst_wish *w) ZTJ_MUST_CHECK;
/* Undoes tx, whatever it is, and has sshd read its configuration again. */
int ztj_inst_undo(struct ztj_inst *in, struct ztj_inst_tx *tx) ZTJ_MUST_CHECK;
/* Does it listen, within that time? */
bool ztj_inst_agent_answers(const struct ztj_hostconf *conf, int wait_ms);
/* Refuses while the agent does not run. */
int ztj_inst_confirm(const struct ztj_hostconf *conf);
int ztj_inst_undo_pending(void);
int ztj_inst_status(void);
int ztj_inst_timer(void);

/* ---- install_ready.c: before anything is planned ---- */

/* What must be true; the first thing that is not is in in->err, in a plain sentence. Fills w. */
int ztj_inst_ready(struct ztj_inst *in, const struct ztj_install *ask, const struct ztj_hostconf *conf,
    struct ztj_inst_wish *w) ZTJ_MUST_CHECK;
/* System users and the recorder's group; they have no rights and stay. only_say: tells which are missing. */
int ztj_inst_users(struct ztj_inst *in, const struct ztj_hostconf *conf, bool only_say) ZTJ_MUST_CHECK;
bool ztj_inst_users_missing(const struct ztj_hostconf *conf);
/* Tells who can get in by the console. */
void ztj_inst_say_emergency(struct ztj_inst *in, const struct ztj_install *ask);

#endif
