/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A running gate with everything around it played by the test: the broker's news, the warden,
 * sshd and sudo, the person's agent, the clocks and what the kernel says about the caller.
 */
#ifndef ZTJ_TESTS_HOSTD_RIG_H
#define ZTJ_TESTS_HOSTD_RIG_H

#include <jansson.h>

#include "libztjit/core/names.h"
#include "tests/core/fixture.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"

#define RIG_WARDEN_MAX 64
#define RIG_PREFIX "/ztjit"

/* Shared with the gate's process. */
struct rig_shared {
	struct ztj_now now;
	bool real;                /* the machine's clocks instead */
	int calls, step_at;       /* at the call with this number, from 1, a second is over; 0: never */
	struct ztj_procinfo proc;
};

struct rig {
	struct fx_world w;
	char dir[64];
	struct ztj_hostconf conf;
	struct rig_shared *shared;
	struct ztj_gate_fds fds;
	int mirror, warden, scribe; /* our ends */
	pid_t gate;
	struct ztj_seckey machine;
	/* what the warden was told; answered with warden_code */
	int warden_code;
	bool warden_mute;
	uint32_t audit;           /* of the sessions that are made */
	uint32_t strays;          /* what it says it sees */
	uint32_t strays_flags;
	size_t ntold;
	struct ztj_warden_msg told[RIG_WARDEN_MAX];
	size_t nsoon; /* how often SOON, which is not kept */
	/* what was published last, and how often; `grants` before told[before] */
	struct ztj_buf published[ZTJ_PUBLISHED];
	size_t npublished[ZTJ_PUBLISHED], before, withdrawn;
	int publish_code;         /* what the warden answers to that */
	/* the last PAM transaction */
	int code;
	char text[2048], prompt[2048];
	/* called for NEED_AGENT with a socket to serve; NULL: there is no agent */
	void (*agent)(struct rig *r, int sock);
	/* called after a prompt was shown */
	void (*prompted)(struct rig *r);
	const char *resolves; /* what the module says of every account at ACCOUNT; NULL: what the machine's files and we say */
	/* of the gate's environment; bootid NULL: the usual one */
	unsigned spread;
	const char *bootid;
	int64_t patience_ms; /* with the gate's answers; 0: much */
	/* called for what the warden is told, instead of keeping it in told[] */
	void (*on_told)(struct rig *r, const struct ztj_warden_msg *m);
	bool may_die;             /* a gate that is gone is not the test's failure: the answer is lost */
};

/* policy: of the fixture, or parts of one. The gate holds policy, directories and a status. */
void rig_open(struct rig *r, const struct fx_policy *policy);
/* A gate that holds nothing yet. */
void rig_open_bare(struct rig *r);
void rig_close(struct rig *r);
void rig_kill(struct rig *r);     /* kill -9 */
void rig_start(struct rig *r);    /* with the state it left */
/* Both clocks move. */
void rig_sleep(struct rig *r, int64_t seconds);

void rig_news(struct rig *r, const struct fx_signed *s);
void rig_news_raw(struct rig *r, const struct ztj_signed *s);
void rig_directory(struct rig *r, const struct ztj_dir *set, const struct fx_signed *st);
void rig_status_now(struct rig *r);
void rig_link(struct rig *r, bool up);
/* Until the gate has read all news. */
void rig_sync(struct rig *r);
json_t *rig_status(struct rig *r);
size_t rig_sessions(struct rig *r);

/* A request of person who on web1 with both approvals (limit 0: none), known to the world only. */
struct rig_grant { struct fx_signed request, lead, sec; };
void rig_grant(struct rig *r, int who, const char *role, int64_t duration, int64_t limit, struct rig_grant *g);
void rig_grant_push(struct rig *r, const struct rig_grant *g);
void rig_grant_free(struct rig_grant *g);
/* A certificate in base64, as the CA would sign it; spoil: changes the specification first. */
void rig_cert(struct rig *r, const struct rig_grant *g, const struct soft_key *subject,
    void (*spoil)(struct ztj_cert_spec *spec), char **b64);

/* The process that asks next. */
void rig_proc(struct rig *r, pid_t pid, uid_t ruid, const char *cgroup, uint32_t tty_nr);
/* It descends from these, the nearest first, in this audit session. */
void rig_descends(struct rig *r, uint32_t audit, size_t n, const pid_t *from);
int rig_pam(struct rig *r, uint8_t call, const char *service, const char *user, const char *info);
int rig_principals(struct rig *r, const char *account, const char *b64, char *line, size_t size);
/* principals, account and open by one sshd process: the code of the first that says no. */
int rig_login(struct rig *r, const char *account, const char *b64);
/* One message on control.sock. */
int rig_control(struct rig *r, uint8_t type, struct ztj_view body, char **text);
/* Connects to "pam.sock" and such. */
int rig_connect(const struct rig *r, const char *name);
/* One message to that socket, which is taken over, and the answer, with the warden played meanwhile. */
int rig_ask(struct rig *r, const char *name, struct ztj_buf *msg, struct ztj_ipc_in *in);
/* The message that pam_ztjit sends, and the answer to PRINCIPALS or a PAM call: its code, its line and its text. */
void rig_pam_message(struct ztj_buf *b, uint8_t call, const char *service, const char *user, const char *info);
void rig_principals_message(struct ztj_buf *b, const char *account, const char *b64);
/* Takes what the warden was told until it is quiet. */
void rig_warden(struct rig *r);
bool rig_told(const struct rig *r, uint32_t op);
/* Roles of which each gives other groups, and one rule for all of them. */
extern const struct fx_policy rig_two_roles;
/* To req1. */
void rig_give(struct rig *r, const char *role, int64_t duration, struct rig_grant *g);
/* What stands in it: the uid of a person, the gid of a role group (0: none); when a membership or shell ends, in seconds from now. */
#define RIG_GONE INT64_C(-1)
uint32_t rig_uid_of(const struct rig *r, const char *name);
uint32_t rig_gid_of(const struct rig *r, const char *group);
int64_t rig_member(const struct rig *r, const char *person, const char *group);
int64_t rig_shell(const struct rig *r, const char *person, char out[ZTJ_NAMES_SHELL_SIZE]);
/* News that change nothing but lead to a review, as the timer does in real time. */
void rig_poke(struct rig *r);
/* The machine's files anew (NULL: as they are), and a review. */
void rig_locals(struct rig *r, const char *passwd, const char *group);
#define RIG_NOBODY "root:x:0:0:root:/root:/bin/bash\npostgres:x:110:110::/:/bin/sh\n"
#define RIG_GROUPS "root:x:0:\nsudo:x:27:\npostgres:x:110:\n"
/* How often the log has an alarm with that text. */
unsigned rig_alarms(const struct rig *r, const char *text);
/* The file of the gate's test machine, "passwd" or "group", anew. */
void rig_file(const struct rig *r, const char *name, const char *text);
/* News of the warden; FOUND, EMPTY, and the DONE that ends its beginning. */
void rig_warden_says(struct rig *r, uint32_t op, uint64_t session, uint64_t parent);

/* One message as the scribe; pidfd: of this process. */
void rig_scribe(struct rig *r, uint8_t type, const struct ztj_buf *body, bool pidfd);
/* The next message to the scribe must be of this type; its body, until the next call. */
struct ztj_view rig_scribed(struct rig *r, uint8_t type);

/* The person's signature over a challenge. */
void rig_sign(const struct soft_key *k, struct ztj_view bytes, uint8_t flags, struct ztj_buf *sshsig);
/* The challenge that the gate handed to the relay; the caller frees mem. */
void rig_posted(struct rig *r, struct ztj_buf *mem, struct ztj_signed *out);
/* Waits for the gate's word to the relay that the challenge is over: was its answer used? */
bool rig_ended(struct rig *r, const struct ztj_signed *challenge);
void rig_relay(struct rig *r, const struct ztj_signed *challenge, const struct soft_key *k, uint8_t flags);

#endif
