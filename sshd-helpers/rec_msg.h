/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The recorder's messages to and from the daemon on rec.sock (PROTOCOL 8.5). Pure.
 */
#ifndef ZTJ_SSHD_HELPERS_REC_MSG_H
#define ZTJ_SSHD_HELPERS_REC_MSG_H

#include "libztjit/core/wire.h"
#include "libztjit/sys/recmsg.h"

#define ZTJ_REC_TEXT_MAX 1024
#define ZTJ_REC_SHELL_MAX 4096
#define ZTJ_REC_TERM_MAX 64
#define ZTJ_REC_COMMAND_MAX (128u * 1024u)
#define ZTJ_REC_WINDOW_MIN 4096u

struct ztj_rec_hello {
	uint8_t session[ZTJ_REC_SESSION_LEN]; /* zeros: a new one */
	uint64_t taken;
	bool terminal;
	uint32_t cols, rows;
	const char *term, *tty;
	const char *command; /* "": a login shell */
};
/* Whole messages; out is reset first. */
int ztj_rec_put_hello(const struct ztj_rec_hello *h, struct ztj_buf *out) ZTJ_MUST_CHECK;
int ztj_rec_put_empty(uint8_t type, struct ztj_buf *out) ZTJ_MUST_CHECK;

struct ztj_rec_total {
	uint64_t bytes;
	uint8_t sha256[32]; /* zeros for a terminal */
};
struct ztj_rec_end {
	bool killed;
	uint32_t status; /* or the signal */
	struct ztj_rec_total in, out, err;
};
int ztj_rec_put_end(const struct ztj_rec_end *e, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* An EVENT's bytes before its content: length, version, type, time, code, length of the content. */
#define ZTJ_REC_EVENT_HEAD 19u
void ztj_rec_event_head(uint8_t head[ZTJ_REC_EVENT_HEAD], uint64_t us, uint8_t code, uint32_t n);

struct ztj_rec_start {
	uint32_t code;
	char text[ZTJ_REC_TEXT_MAX]; /* printable ASCII */
	uint8_t session[ZTJ_REC_SESSION_LEN];
	uint8_t flags;
	uint32_t window;
	char shell[ZTJ_REC_SHELL_MAX];
};
/* Bodies of messages. With a code of 0 everything in a START is what it must be: a session's name, known flags, an absolute
 * path, a window of at least ZTJ_REC_WINDOW_MIN; ZTJ_PROTOCOL otherwise. */
int ztj_rec_get_start(struct ztj_view body, struct ztj_rec_start *out) ZTJ_MUST_CHECK;
int ztj_rec_get_go(struct ztj_view body, uint32_t *code, char text[ZTJ_REC_TEXT_MAX]) ZTJ_MUST_CHECK;
int ztj_rec_get_taken(struct ztj_view body, uint64_t *events, uint32_t *code) ZTJ_MUST_CHECK;

#endif
