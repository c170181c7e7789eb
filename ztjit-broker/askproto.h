/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The messages between store and sender about witnesses (PROTOCOL sections 7 and 10): the store says whom to ask what, the sender
 * brings back whatever was answered. What that is worth the store judges.
 */
#ifndef ZTJ_BROKER_ASKPROTO_H
#define ZTJ_BROKER_ASKPROTO_H

#include "libztjit/core/wire.h"

/* Store to sender, and back; beside those of sendproto.h. */
enum { SND_ASK = 136 };
enum { SND_ANSWERED = 152 };

#define ASK_URL_SIZE 320
#define ASK_BODY_MAX ((size_t)16 * 1024)    /* a growth proof and a checkpoint of ours */
#define ASK_ANSWER_MAX ((size_t)16 * 1024)  /* signature lines */
#define ASK_WHY_SIZE 128

/* SND_ASK: POST this there. */
struct asking {
	uint32_t tag; /* echoed */
	char url[ASK_URL_SIZE];
	struct ztj_view body;
};
int asking_write(const struct asking *a, struct ztj_buf *out) ZTJ_MUST_CHECK;
int asking_read(struct ztj_view body, struct asking *out) ZTJ_MUST_CHECK;

/* SND_ANSWERED: one for every SND_ASK. */
struct answered {
	uint32_t tag, status; /* of HTTP; 0: there was no answer */
	struct ztj_view body;
	char why[ASK_WHY_SIZE]; /* there was none; else "" */
};
int answered_write(const struct answered *a, struct ztj_buf *out) ZTJ_MUST_CHECK;
int answered_read(struct ztj_view body, struct answered *out) ZTJ_MUST_CHECK;

#endif
