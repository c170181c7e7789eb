/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Private to the scribe: the process that holds the records of sessions (PROTOCOL 8). Single-threaded; every callback
 * runs from one event loop.
 *
 * An event is taken when the chunk that holds it was written: 64 KiB of text or 1 s together. Until then the recorder keeps
 * it and sends it again to a scribe that was restarted, so that there is no second file of loose events.
 */
#ifndef ZTJ_HOSTD_SCRIBE_H
#define ZTJ_HOSTD_SCRIBE_H

#include <event2/event.h>

#include "libztjit/record/record.h"
#include "libztjit/sys/ipc.h"
#include "ztjit-hostd/hostconf.h"
#include "ztjit-hostd/procinfo.h"
#include "ztjit-hostd/recfile.h"
#include "ztjit-hostd/session.h"

#define ZTJ_RECORDS_OPEN 1024    /* sessions at once; of one uid that is not root a quarter */
#define ZTJ_RECORDS_WAITING 4096 /* closed, not at the broker yet */
#define ZTJ_RCONNS_ASKING 256    /* connections that no session stands behind; of one uid ZTJ_RCONNS_UID */
#define ZTJ_RCONNS_UID 16
#define ZTJ_SHIPS 4
#define ZTJ_SHIP_BYTES (1024u * 1024u)
#define ZTJ_RECORD_ID_SIZE 16    /* "S-" and 10 characters */
#define ZTJ_RECORD_COST 12288u   /* bytes of disk of a record beside its chunks */
#define ZTJ_COMMAND_MAX (128u * 1024u)
#define ZTJ_CHUNK_TEXT (64u * 1024u)
#define ZTJ_RESERVE "reserve" /* files in the spool: blocks of a record; of the files beside it */
#define ZTJ_SPARE "spare"

/* What the scribe asks the machine, as values, so that a test can stand in for the machine. */
struct ztj_scribe_env {
	int64_t (*now)(void);    /* boot clock, ms */
	int64_t (*clock)(void);  /* system clock, s */
	int (*read_proc)(int pidfd, pid_t pid, struct ztj_procinfo *out);
	const char *bootid;
	gid_t recorder;          /* effective group of whoever may record */
	int64_t flush_ms, head_ms, silent_ms, grace_ms, hello_ms, retry_ms;
};
void ztj_scribe_env_default(struct ztj_scribe_env *env, const char *bootid, gid_t recorder);

/* Descriptors the parent made: a listening socket and two connected pairs. */
struct ztj_scribe_fds { int listen, gate, mirror; };

struct ztj_scribe;
struct ztj_recording;
struct ztj_rconn;

/* Certificates that records are sealed to: one for all that name the same. */
struct ztj_seal {
	struct ztj_seal *next;
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_sealto *to;
	unsigned users;
};

/* What a record needs only while its session runs. */
struct ztj_live {
	struct ztj_recfile file;
	struct ztj_rconn *conn;   /* NULL: its recorder is awaited until `grace` */
	int64_t grace;
	int pidfd;
	struct event *death, *judge;
	uid_t uid;
	struct ztj_procid recorder;
	uint8_t flags;            /* ZTJ_REC_FLAG_* */
	bool tty;
	bool asked;               /* the gate said yes in this life of the scribe */
	bool placing, child;      /* the gate was given the child; it runs */
	bool ended;               /* the gate ends its processes */
	bool dead;                /* the recorder's process is gone */
	int64_t began;            /* boot clock, ms */
	struct ztj_seal *seal;
	/* what no chunk holds yet */
	struct ztj_buf text;
	uint32_t events;
	uint64_t first;           /* time of the first event in it */
	int64_t since;            /* boot clock when it came; 0: nothing is there */
	uint64_t got, us;         /* EVENTs so far, time of the last */
	struct ztj_cast_tail tail[ZTJ_TAILS];
	uint8_t written_tail[ZTJ_TAILS][4];
};

struct ztj_shipping {
	char id[ZTJ_RECORD_ID_SIZE]; /* "": the broker was not asked yet */
	struct ztj_chain at;         /* what the broker has */
	uint8_t under_way;           /* enum ztj_ship, 0: nothing */
	struct ztj_chain sending;    /* what it will have after the chunks under way */
	int64_t not_before, backoff;
	/* heads: what the gate is asked for; signed; on its way; signed and at the broker */
	struct ztj_chain asked, headed, head_sent, sure;
	uint8_t asked_state, headed_state, head_sent_state;
	struct ztj_buf head;         /* signed, not at the broker yet */
	int64_t headed_at;
	bool signing;                /* the gate was asked */
	bool refused, disowned;      /* it said no; it does not know the session */
	bool alarmed;
	bool done;                   /* nothing is left to do; its files may go */
};

struct ztj_recording {
	struct ztj_recording *next;
	struct ztj_scribe *s;
	uint32_t tag;
	uint8_t session[ZTJ_REC_SESSION_LEN];
	uint8_t state;               /* enum ztj_rec_state */
	struct ztj_chain chain;      /* written */
	struct ztj_chain synced;     /* on disk */
	int64_t synced_at;
	bool unchecked;              /* found closed at start: not read yet */
	uint64_t taken;
	uint64_t cost, base;         /* bytes of disk it counts for; given back at its beginning */
	struct ztj_live *live;       /* NULL: closed */
	struct ztj_shipping ship;
};

/* HELLO, while the gate is asked. */
struct ztj_hello {
	uint8_t session[ZTJ_REC_SESSION_LEN];
	uint64_t known;
	uint8_t terminal;
	uint32_t columns, rows;
	char term[65];
	char tty[65];
	struct ztj_buf command;
};

enum ztj_rconn_state { ZTJ_RC_HELLO, ZTJ_RC_ASKED, ZTJ_RC_OPEN };

struct ztj_rconn {
	struct ztj_rconn *next;
	struct ztj_scribe *s;
	enum ztj_rconn_state state;
	uint32_t tag;
	int sock, pidfd, fd;         /* fd: came along, for the next message that wants one */
	pid_t pid;
	uid_t uid;
	struct ztj_procid proc;
	struct event *readable;
	struct ztj_buf part;         /* of a message */
	int64_t heard;
	struct ztj_hello *hello;
	struct ztj_recording *record;   /* ZTJ_RC_OPEN, or a resumed one */
	uint64_t sent;               /* number of its last EVENT */
	uint64_t told;               /* TAKEN so far */
	bool gate_asked;
	bool ended;                  /* said END: its last TAKEN comes even without news */
	bool closing;
};

struct ztj_scribe {
	const struct ztj_hostconf *conf;
	struct ztj_scribe_env env;
	struct ztj_scribe_fds fds;
	int dir;                     /* the spool */
	bool stocked;                /* its reserve is there */
	int64_t restock;
	uint64_t used, limit;
	bool full;                   /* said so already */
	uint32_t glass;              /* tag of the record that lives on the reserve */
	struct event_base *base;
	struct event *listening, *from_gate, *from_mirror, *wake;
	int64_t wake_at;
	struct ztj_ipc_in gate_in, mirror_in;
	struct ztj_packer *packer;
	struct ztj_seal *seals;
	struct ztj_recording *records;
	size_t nopen, nwaiting;
	struct ztj_rconn *conns;
	size_t nasking;
	int64_t warned;
	uint32_t tag;
	struct ztj_buf chunk;        /* being made */
	uint8_t *input;              /* being read; NULL while nothing is going on */
	int64_t packed_at;           /* when the last chunk was made */
	/* shipping */
	bool link;
	unsigned ships;
	uint32_t turn;               /* tag of the record that shipped last */
	int64_t outage, outage_ms;
	struct { uint32_t open, waiting; uint64_t used, unshipped; int64_t at; } told;
	int exit_status;
};

/* ---- scribe.c ---- */
int ztj_scribe_new(const struct ztj_hostconf *conf, const struct ztj_scribe_env *env, const struct ztj_scribe_fds *fds,
    struct ztj_scribe **out) ZTJ_MUST_CHECK;
/* Runs until a partner goes; the exit status of the process. */
int ztj_scribe_run(struct ztj_scribe *s);
void ztj_scribe_free(struct ztj_scribe *s);
/* Looks at everything that is due, and when something is next. */
void ztj_scribe_turn(struct ztj_scribe *s);
/* Something is due at this time of the boot clock. */
void ztj_scribe_due(struct ztj_scribe *s, int64_t at);
/* A partner is gone or talks nonsense: this process ends. */
void ztj_scribe_end(struct ztj_scribe *s, const char *who, int r);

/* ---- scribe_conn.c ---- */
void ztj_rconn_accept(evutil_socket_t listener, short what, void *arg);
/* A connected socket, owned from now on. */
void ztj_rconn_take(struct ztj_scribe *s, int sock);
void ztj_rconn_close(struct ztj_rconn *c);
/* Reads what is there. */
void ztj_rconn_read(struct ztj_rconn *c);
/* START; a code that is not 0 closes. */
void ztj_rconn_start(struct ztj_rconn *c, int code, const char *text, const struct ztj_recording *rec);
bool ztj_rconn_go(struct ztj_rconn *c, uint32_t code, struct ztj_view text);
/* TAKEN, if there is news or a code. */
void ztj_rconn_taken(struct ztj_rconn *c, uint64_t taken, int code);
/* Gives up those that do not say what they want, and looks when the next is to be given up. */
void ztj_rconns_review(struct ztj_scribe *s, int64_t now);

/* ---- scribe_recorder.c: what a recorder may say ---- */
int ztj_recorder_message(struct ztj_rconn *c, uint8_t type, struct ztj_view body) ZTJ_MUST_CHECK;
/* The gate's answer to REC_NEW. */
struct ztj_rec_is;
void ztj_recorder_admitted(struct ztj_rconn *c, const struct ztj_rec_is *is);

/* ---- scribe_record.c: from events to chunks ---- */
/* Adds one event. On failure the record has ended. */
void ztj_recording_event(struct ztj_recording *r, uint64_t us, char code, struct ztj_view bytes);
/* A marker, now. */
void ztj_recording_mark(struct ztj_recording *r, const char *text);
/* What is there becomes a chunk; nothing to do without text. */
int ztj_recording_flush(struct ztj_recording *r) ZTJ_MUST_CHECK;
/* The last chunk: q with this text. The record is closed or lost, its gate and recorder know. */
void ztj_recording_close(struct ztj_recording *r, uint8_t state, const char *q);
/* Ends as lost; why becomes a marker. code: what the recorder is told, 0: nothing. */
void ztj_recording_lose(struct ztj_recording *r, int code, const char *why);
/* Written data to disk. */
int ztj_recording_sync(struct ztj_recording *r) ZTJ_MUST_CHECK;
uint64_t ztj_recording_us(const struct ztj_recording *r);
/* What is due for a running session; says when something is next. May close it. */
void ztj_recording_review(struct ztj_recording *r, int64_t now);

/* ---- scribe_session.c: a running session and its recorder ---- */
/* A record for an admitted recorder; NULL with *r and the reason. */
struct ztj_recording *ztj_recording_begin(struct ztj_rconn *c, const struct ztj_rec_is *is, int *r);
/* The recorder of a session is (again) behind this connection. */
int ztj_recording_attach(struct ztj_recording *r, struct ztj_rconn *c) ZTJ_MUST_CHECK;
/* Its connection went. */
void ztj_recording_detach(struct ztj_recording *r);
void ztj_live_free(struct ztj_recording *r);
struct ztj_recording *ztj_recording_new(struct ztj_scribe *s, const uint8_t session[ZTJ_REC_SESSION_LEN]);
void ztj_recording_free(struct ztj_recording *r);
struct ztj_recording *ztj_recording_find(struct ztj_scribe *s, const uint8_t session[ZTJ_REC_SESSION_LEN]);
struct ztj_recording *ztj_recording_tagged(struct ztj_scribe *s, uint32_t tag);
void ztj_recording_name(const struct ztj_recording *r, char out[ZTJ_HEX_SIZE]);
int ztj_seal_get(struct ztj_scribe *s, const struct ztj_view *ders, size_t n, struct ztj_seal **out) ZTJ_MUST_CHECK;
void ztj_seal_put(struct ztj_scribe *s, struct ztj_seal *seal);

/* ---- scribe_room.c: how much disk there is ---- */
int ztj_room_open(struct ztj_scribe *s) ZTJ_MUST_CHECK;
/* May the record grow by n bytes? Reserves them. last: the end of the record, which always may. */
int ztj_room_take(struct ztj_recording *r, uint64_t n, bool last) ZTJ_MUST_CHECK;
/* A break-glass session lives in the reserve: its blocks become its record's. False when there is none for it. */
bool ztj_room_adopt(struct ztj_recording *r);
/* Counts anew what a record costs. */
void ztj_room_count(struct ztj_recording *r, uint64_t cost);
/* May a session begin? */
int ztj_room_new(struct ztj_scribe *s, bool glass) ZTJ_MUST_CHECK;
/* Gives back what the broker has of running sessions when the spool is half full; fills the reserve again. */
void ztj_room_review(struct ztj_scribe *s);

/* ---- scribe_meta.c ---- */
struct ztj_meta {
	char bootid[64];
	uid_t uid;
	struct ztj_procid recorder;
	int64_t began;               /* boot clock, ms */
	uint8_t flags;
	bool tty;
	struct ztj_buf certs;        /* uint32 n, n × string */
};
void ztj_meta_free(struct ztj_meta *m);
int ztj_meta_write(const struct ztj_recording *r, const struct ztj_hello *h, const struct ztj_rec_is *is) ZTJ_MUST_CHECK;
int ztj_meta_read(struct ztj_scribe *s, const char *name, struct ztj_meta *out) ZTJ_MUST_CHECK;
/* The body of POST /v1/sessions. */
int ztj_meta_start(struct ztj_scribe *s, const char *name, struct ztj_buf *out) ZTJ_MUST_CHECK;
int ztj_meta_head_write(struct ztj_scribe *s, const char *name, struct ztj_view json) ZTJ_MUST_CHECK;
int ztj_meta_head_read(struct ztj_scribe *s, const char *name, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Counted strings to views; max of them. */
int ztj_certs_read(struct ztj_rd *rd, struct ztj_view *out, size_t max, size_t *n) ZTJ_MUST_CHECK;

/* ---- scribe_load.c ---- */
int ztj_scribe_load(struct ztj_scribe *s) ZTJ_MUST_CHECK;

/* ---- scribe_gate.c ---- */
struct ztj_rec_is {
	uint32_t tag;
	int code;                    /* enum ztj_err */
	char text[2048];
	uint8_t flags;
	char person[ZTJ_FULLNAME_SIZE], account[ZTJ_ACCOUNT_SIZE], service[ZTJ_SERVICE_SIZE], role[ZTJ_NAME_SIZE],
	    peer[ZTJ_PEER_SIZE];
	uint8_t grant[ZTJ_DIGEST_LEN];
	int64_t ends;
	struct ztj_view certs;       /* as in the message: uint32 n, n × string */
};
void ztj_gate_readable(evutil_socket_t fd, short what, void *arg);
void ztj_gate_new_session(struct ztj_rconn *c, const uint8_t session[ZTJ_REC_SESSION_LEN], bool terminal);
void ztj_gate_child(struct ztj_recording *r, int pidfd);
/* What the broker calls a record that is still being made. */
void ztj_gate_named(struct ztj_recording *r);
void ztj_gate_gone(struct ztj_scribe *s, const uint8_t session[ZTJ_REC_SESSION_LEN], bool lost);
void ztj_gate_head(struct ztj_recording *r);
void ztj_gate_spool(struct ztj_scribe *s, int64_t now);

/* ---- scribe_ship.c ---- */
void ztj_ship_readable(evutil_socket_t fd, short what, void *arg);
/* Heads that are due; then as many records as may be under way, in turn. Frees those that are done. */
void ztj_ship_review(struct ztj_scribe *s, int64_t now);
void ztj_ship_free(struct ztj_shipping *sh);

/* ---- scribe_head.c ---- */
/* Asks the gate to sign where the record stands, when that is due; what it signs is on disk. */
void ztj_head_review(struct ztj_recording *r, int64_t now);
/* The gate's answer to REC_HEAD. */
void ztj_head_signed(struct ztj_recording *r, int code, struct ztj_view json);

#endif
