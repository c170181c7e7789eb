/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What every command of ztjit(1) shares: its parsed options, where its files
 * are, what it holds, and how it fails.  One struct cli lives as long as the process.
 */
#ifndef ZTJIT_CLI_H
#define ZTJIT_CLI_H

#include <jansson.h>
#include <stdio.h>

#include "libztjit/core/trust.h"
#include "libztjit/net/net.h"
#include "libztjit/sys/conf.h"

/* X(id, long name, letter or 0, argument or NULL, help, may stand several times) */
#define CLI_OPTIONS(X) \
	X(HELP, "help", 'h', NULL, "show this help", false) \
	X(JSON, "json", 0, NULL, "print the result as JSON", false) \
	X(YES, "yes", 'y', NULL, "do not ask; everything is shown all the same", false) \
	X(QUIET, "quiet", 'q', NULL, "say nothing when all is well", false) \
	X(KEY, "key", 'k', "FILE", "sign with this OpenSSH key file (default ~/.ssh/id_ztjit)", false) \
	X(SK_PROVIDER, "sk-provider", 0, "FILE", "OpenSSH security-key middleware (default $SSH_SK_PROVIDER)", false) \
	X(BROKER, "broker", 0, "URL", "the broker, https://host:port", true) \
	X(PIN, "pin", 0, "PIN", "the pin of the policy roots, ZTJ-…", false) \
	X(DOMAIN, "domain", 0, "NAME", "the domain", false) \
	X(OFFLINE, "offline", 0, NULL, "make the key only; ask nobody", false) \
	X(TOUCH_ONLY, "touch-only", 0, NULL, "a touch is enough for the key, even where it has a PIN", false) \
	X(UV, "verify-required", 0, NULL, "the key asks for its PIN or a fingerprint each time", false) \
	X(APPLICATION, "application", 0, "ssh:…", "application string of the new key (default ssh:)", false) \
	X(AS, "as", 0, "NAME", "full name of the person, or registrar for a key the policy names", false) \
	X(FOR, "for", 'f', "TIME", "how long: 30m, 1h30m, 2d", false) \
	X(ROLE, "role", 'r', "NAME", "the role", false) \
	X(HOST, "host", 0, "NAME", "a host", true) \
	X(LABEL, "label", 'l', "KEY=VALUE", "label of a host", true) \
	X(AT, "at", 0, "TIME", "start then: YYYY-MM-DDThh:mm:ssZ or +2h", false) \
	X(VALID, "valid", 0, "TIME", "how long approvals are waited for", false) \
	X(TICKET, "ticket", 't', "TEXT", "ticket number", false) \
	X(MESSAGE, "message", 'm', "TEXT", "reason, comment or note", false) \
	X(BREAK_GLASS, "break-glass", 0, NULL, "ask for a rule that needs no approver; everybody hears of it", false) \
	X(WAIT, "wait", 0, NULL, "wait until it is decided", false) \
	X(NO_WAIT, "no-wait", 0, NULL, "do not wait (the default)", false) \
	X(DRY_RUN, "dry-run", 'n', NULL, "show what would happen, sign nothing", false) \
	X(WRITE, "write", 'w', "FILE", "write the bytes to FILE unsigned, to be signed by hand", false) \
	X(MINE, "mine", 0, NULL, "my own requests", false) \
	X(TO_REVIEW, "to-review", 0, NULL, "requests that wait for my approval", false) \
	X(ALL, "all", 'a', NULL, "everything I may see, finished ones too", false) \
	X(USER, "user", 'u', "NAME", "a person", false) \
	X(GROUP, "group", 'g', "NAME", "a group of the person", true) \
	X(UID, "uid", 0, "NUMBER", "uid of the person (default: the next free one)", false) \
	X(DIRECTORY, "directory", 'd', "NAME", "the directory (default: the only one this key may sign)", false) \
	X(FINGERPRINT, "fingerprint", 0, "SHA256:…", "the fingerprint the person read to you", true) \
	X(DIGEST, "digest", 0, "H-…", "the digest that join printed on the host", false) \
	X(NEW_KEYS, "new-keys", 0, NULL, "the host was installed anew: its keys change", false) \
	X(ATTESTED, "attested", 0, "FILE", "demand an attestation by a maker in this PEM file", false) \
	X(UNTIL, "until", 0, "TIME", "until then: YYYY-MM-DDThh:mm:ssZ or +2h", false) \
	X(SINCE, "since", 0, "TIME", "begun then or later: YYYY-MM-DDThh:mm:ssZ or -2h", false) \
	X(STATE, "state", 0, "STATE", "open, closed or lost", false) \
	X(TEXT, "text", 0, "TEXT", "stands in command, person, host or account", false) \
	X(SPEED, "speed", 0, "FACTOR", "play so many times as fast (default 1)", false) \
	X(IDLE, "idle", 0, "SECONDS", "cut pauses to so many seconds", false) \
	X(FROM, "from", 0, "SECONDS", "begin so many seconds after the start", false) \
	X(FOLLOW, "follow", 0, NULL, "go on with what comes while it runs", false) \
	X(RAW, "raw", 0, NULL, "do not strip what queries or reprograms the terminal", false) \
	X(UNVERIFIED, "unverified", 0, NULL, "show a record that nobody vouches for, of a host that left", false) \
	X(FORMAT, "format", 0, "NAME", "record: asciicast-v2, -v3, text, json; log: jsonl, syslog, cef, csv; report: table, csv, json, html", false) \
	X(OUTPUT, "output", 'o', "FILE", "write there instead of standard output", false) \
	X(UNSEAL_CERT, "unseal-cert", 0, "FILE", "certificate (PEM) that sealed records were sealed to", false) \
	X(UNSEAL_KEY, "unseal-key", 0, "FILE", "its private key (PEM)", false) \
	X(ACCEPT, "accept", 0, "FINGERPRINT", "make an exception for this entry, with -m and --until", false) \
	X(KIND, "kind", 0, "KIND", "this kind of standing access, or of leaf, only", false) \
	X(ROOT, "root", 0, "DIR", "look at the tree below DIR, an image for example", false) \
	X(SEND, "send", 0, NULL, "hand the result to the broker too", false) \
	X(OUTCOME, "outcome", 0, "NAME", "leaves with this outcome: accepted, refused …", false) \
	X(DIR, "dir", 0, "DIRECTORY", "read a copy of the log instead of asking the broker", false) \
	X(LOG_KEY, "log-key", 0, "FILE", "believe this public key alone; with --dir and --domain", false) \
	X(POLICY_ROOTS, "policy-roots", 0, "FILE", "believe the policy roots in this file instead of those pinned here", false) \
	X(RECIPE, "recipe", 0, NULL, "print how to check a proof file with stock tools", false) \
	X(HOSTS_FROM, "hosts-from", 0, "LEAF", "breaks in the logs of hosts before that leaf are known", false) \
	X(CHECKPOINT, "checkpoint", 0, "FILE", "a checkpoint that somebody kept, which the log must continue", true) \
	X(GROUP_BY, "group-by", 0, "NAME", "this table of the report only: person, host, role, day …", false) \
	X(WITNESS, "witness", 0, "KEY", "demand the cosignature of this witness (NAME+ID+KEY) as well", true) \
	X(UNCOSIGNED, "uncosigned", 0, NULL, "read what the witnesses of the policy have not cosigned (yet)", false) \
	X(AGENT, "agent", 0, NULL, "start the step-up agent too, if none runs", false)

enum cli_opt_id {
#define CLI_OPT_ENUM(id, name, letter, arg, help, multi) OPT_##id,
	CLI_OPTIONS(CLI_OPT_ENUM)
#undef CLI_OPT_ENUM
	OPT_COUNT
};

#define CLI_VALUES_MAX 256
struct cli_value {
	bool set;
	size_t n;
	const char **v;
};

struct cli;
struct cli_cmd {
	const char *name;    /* "user" */
	const char *sub;     /* "approve", or NULL */
	const char *args;    /* "NAME…", for the synopsis */
	const char *summary;
	const enum cli_opt_id *opts; /* ends with OPT_COUNT */
	int min_args, max_args;      /* of what is left after the options; max -1: any */
	bool passthrough;            /* options end at the first operand */
	int (*run)(struct cli *c);
};

/* ~/.config/ztjit/config */
struct cli_conf {
	struct ztj_conf_list broker;
	char *key, *sk_provider, *name, *ssh;
	int64_t timeout;
};

struct cli {
	const char *program; /* as called */
	const struct cli_cmd *cmd;
	int argc;
	char **argv;         /* operands */
	struct cli_value opt[OPT_COUNT];
	/* output */
	bool json, colour, quiet;
	json_t *result;
	int err;             /* the first failure told */
	int exit_code;       /* when there was none */
	char *message, *hint;
	/* where things are; ctx.c */
	char *home, *config_dir, *state_dir, *run_dir;
	struct cli_conf conf;
	struct ztj_pins pins;
	bool has_pins;
	/* what is held; held.c */
	struct ztj_sigcache *cache;
	struct ztj_trust *trust;
	/* the broker; api.c */
	struct ztj_net *net;
	bool net_login;      /* net shows the login key */
	struct ztj_key online; /* of the broker we talk to, NONE before */
	/* this login; login.c */
	struct ztj_seckey login_key;
	struct ztj_buf login_bytes;
	struct ztj_stmt *login;
	/* memory that lives until the end */
	void **arena;
	size_t narena;
};

/* The table of commands, in the order of --help. */
extern const struct cli_cmd cli_commands[];
extern const size_t cli_ncommands;

/* --- cli.c --- */
/* Says why, once; later failures keep the first message. Returns err. */
int cli_fail(struct cli *c, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* What to type next. */
void cli_hint(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Forgets a failure that was dealt with. */
void cli_forget(struct cli *c);
/* Ends with this code when all went well: that of a program that was run. */
void cli_exit(struct cli *c, int code);
int64_t cli_now(void);
/* Memory freed at exit; NULL when there is none left. */
void *cli_keep(struct cli *c, size_t size);
char *cli_strdup(struct cli *c, const char *s);
char *cli_printf(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* For what lives for hours: all that was kept since the mark is freed. */
size_t cli_mark(const struct cli *c);
void cli_release(struct cli *c, size_t mark);
/* A foreign string, escaped for the terminal. */
const char *cli_esc(struct cli *c, const char *s);

/* --- opt.c --- */
int cli_parse(struct cli *c, int argc, char **argv) ZTJ_MUST_CHECK;
void cli_usage(const struct cli_cmd *cmd, FILE *f);
void cli_help(FILE *f);
void cli_help_family(const char *name, FILE *f);
/* A short option (or several in one word) of ssh(1); *with_arg: the next word belongs to it. */
bool cli_ssh_option(const char *word, bool *with_arg);
bool cli_is_set(const struct cli *c, enum cli_opt_id id);
/* The value, or NULL. */
const char *cli_opt(const struct cli *c, enum cli_opt_id id);
/* Values of options that people write: duration; time or +duration, where the past is asked about also -duration. out
 * keeps def when it is not given. */
int cli_opt_duration(struct cli *c, enum cli_opt_id id, int64_t def, int64_t *out) ZTJ_MUST_CHECK;
int cli_opt_time(struct cli *c, enum cli_opt_id id, int64_t def, int64_t *out) ZTJ_MUST_CHECK;

/* --- ctx.c --- */
/* Directories, config and pinned roots. */
int ctx_open(struct cli *c) ZTJ_MUST_CHECK;
void ctx_close(struct cli *c);
/* As above, and demands that the workstation was initialised. */
int ctx_need_pins(struct cli *c) ZTJ_MUST_CHECK;
/* run_dir exists with mode 0700 and is ours. */
int ctx_need_run(struct cli *c) ZTJ_MUST_CHECK;
char *ctx_path(struct cli *c, const char *dir, const char *name);
int ctx_read(struct cli *c, const char *path, bool secret, size_t max, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
