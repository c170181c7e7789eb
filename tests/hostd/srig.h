/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A running scribe with everything around it played by the test: recorders, the gate, and the mirror with a broker behind it
 * that keeps what it is given.
 */
#ifndef ZTJ_TESTS_HOSTD_SRIG_H
#define ZTJ_TESTS_HOSTD_SRIG_H

#include "tests/core/support.h"
#include "ztjit-hostd/scribe.h"

#define SRIG_RECORDS 256
#define SRIG_COPY_MAX (64u * 1024u * 1024u)

/* Shared with the scribe's process: faults. The count runs over calls that change what others see. */
struct srig_faults {
	int kill_at;        /* the call at which it dies; 0: none */
	int calls;
	bool half;          /* a write that dies has written half */
	int disk_errno;     /* what writing into the spool fails with; 0: nothing */
	int reserve_errno;  /* and reserving room */
	uint64_t disk;      /* bytes that fallocate may still give; 0: no bound */
	int64_t asleep;     /* ms that are added to its clock */
};

/* What the gate and the broker know of one session. */
struct srig_copy {
	uint8_t session[ZTJ_REC_SESSION_LEN];
	char id[ZTJ_RECORD_ID_SIZE];
	char named[ZTJ_SHORT_ID_SIZE]; /* what REC_NAMED said */
	int gone;           /* -1: not said; else REC_GONE's last byte */
	unsigned asked, placed;
	struct ztj_chain signed_chain;
	uint8_t signed_state;
	/* at the broker */
	bool started;
	char *start;
	struct ztj_buf data;
	unsigned heads;
	uint64_t head_bytes;
	uint8_t head_state;
};

struct srig {
	char dir[64];
	struct ztj_hostconf conf;
	struct ztj_scribe_env env;
	char bootid[40];
	struct srig_faults *faults;
	pid_t scribe;
	int gate, mirror;   /* our ends */
	struct ztj_ipc_in gate_in, mirror_in;
	size_t ncopies;
	struct srig_copy copy[SRIG_RECORDS];
	/* how the gate answers */
	int code;
	uint8_t flags;
	bool gate_mute, sign_mute;
	bool sign_hold;     /* signs, and says so only when srig_signed is called */
	struct ztj_buf held;
	struct ztj_buf certs; /* uint32 n, n × string */
	uint32_t open, waiting; /* from REC_SPOOL */
	uint64_t used, room, unshipped;
	/* how the broker answers */
	bool up;
	uint32_t status;    /* 0: as it should; else this for everything */
	uint64_t lie;       /* what it says the size is; 0: the truth */
	unsigned ships, most_ships, all_ships;
	bool hold;          /* answers nothing */
};

/* A recorder's connection. */
struct srec {
	int sock;
	struct ztj_ipc_in in;
	uint8_t session[ZTJ_REC_SESSION_LEN];
	uint8_t flags;
	uint64_t sent, taken, most; /* most: sent in a life before this one */
	unsigned answers;   /* TAKENs */
	int code;           /* of START, GO or TAKEN; 1: none yet */
	char text[2048], shell[256];
	bool started, going, gone;
	bool over; /* its end is taken */
};

/* The calling process is the one that these are for. */
void srig_faulty(struct srig_faults *faults);

void srig_open(struct srig *r);
void srig_close(struct srig *r);
void srig_start(struct srig *r);
void srig_kill(struct srig *r);   /* kill -9 */
void srig_reap(struct srig *r);   /* it has died by itself */
void srig_end(struct srig *r);    /* the gate goes */
void srig_link(struct srig *r, bool up);
/* Answers gate and mirror for ms, or until done says so; false when it did not. */
bool srig_pump(struct srig *r, int ms, bool (*done)(struct srig *r, void *arg), void *arg);
struct srig_copy *srig_copy(struct srig *r, const uint8_t *session);
/* A message from the gate about a session. */
void srig_note(struct srig *r, const uint8_t *session, const char *text);
void srig_ended(struct srig *r, const uint8_t *session, int code);
/* Waits until a head is held back; hands it over, and holds no more. */
bool srig_asked(struct srig *r);
void srig_signed(struct srig *r);

void srec_connect(struct srig *r, struct srec *c);
void srec_close(struct srec *c);
void srec_send(struct srec *c, uint8_t type, struct ztj_view body, int fd);
/* known 0 and session NULL: a new one. Waits for START; its code. */
int srec_hello(struct srig *r, struct srec *c, const uint8_t *session, uint64_t known, bool tty, const char *command);
int srec_open(struct srig *r, struct srec *c, bool tty);
int srec_resume(struct srig *r, struct srec *c, const struct srec *before);
/* Hands over a child; the code of GO. */
int srec_child(struct srig *r, struct srec *c, int pidfd);
void srec_event(struct srec *c, uint64_t us, char code, const void *p, size_t n);
void srec_print(struct srec *c, uint64_t us, const char *text);
void srec_end(struct srec *c, uint32_t status);
/* Waits until that many events are taken, or a code came; the code. */
int srec_wait(struct srig *r, struct srec *c, uint64_t taken);
/* Waits until the daemon has closed. */
bool srec_wait_closed(struct srig *r, struct srec *c);

/* Reads what the broker has: a good chain of whole chunks; its text. */
void srig_text(const struct srig_copy *k, struct ztj_buf *text, struct ztj_chain *chain);
/* The bytes of all events with this code, and how many there are. */
size_t srig_bytes(const struct srig_copy *k, char code, struct ztj_buf *out);
/* Until the broker has all of it and the scribe keeps nothing. */
void srig_shipped(struct srig *r, const uint8_t *session);
bool srig_spool_empty(struct srig *r);

#endif
