/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Framed messages on Unix stream sockets (PROTOCOL section 4): uint32 length, uint8 version,
 * uint8 type, body. libc only: the PAM module and ztjit-principals compile
 * ipc.c and wire.c themselves.
 */
#ifndef ZTJ_SYS_IPC_H
#define ZTJ_SYS_IPC_H

#include <sys/types.h>

#include "libztjit/core/wire.h"

#define ZTJ_IPC_VERSION 1
#define ZTJ_IPC_HEADER 6
#define ZTJ_IPC_MAX (256u * 1024u) /* the length field counts version, type and body */

/* A message being read; reset and reuse. */
struct ztj_ipc_in {
	struct ztj_buf buf;    /* raw bytes so far */
	int fd;                /* a descriptor that came along, or -1; the reader owns it */
	uint8_t type;
	struct ztj_view body;  /* into buf, once complete */
};
void ztj_ipc_in_init(struct ztj_ipc_in *in, size_t max);
void ztj_ipc_in_reset(struct ztj_ipc_in *in); /* closes fd, drops the current message, keeps what follows it */
void ztj_ipc_in_free(struct ztj_ipc_in *in);

/* Starts a message in out (room for the header); finish fills the length. */
int ztj_ipc_begin(struct ztj_buf *out, uint8_t type) ZTJ_MUST_CHECK;
int ztj_ipc_finish(struct ztj_buf *out) ZTJ_MUST_CHECK;

/* Non-blocking: reads what is there. ZTJ_OK: a whole message stands in `in`; ZTJ_TIMEOUT: more is needed;
 * ZTJ_UNREACHABLE: closed; ZTJ_PROTOCOL, ZTJ_TOO_LARGE: close the peer. Accepts one descriptor if want_fd. */
int ztj_ipc_read(int sock, struct ztj_ipc_in *in, bool want_fd) ZTJ_MUST_CHECK;

/* Blocking with an absolute CLOCK_BOOTTIME deadline in milliseconds; used by clients. MSG_NOSIGNAL. */
int64_t ztj_ipc_now_ms(void);
int ztj_ipc_connect(const char *path, int64_t deadline_ms, int *sock) ZTJ_MUST_CHECK;
int ztj_ipc_send(int sock, struct ztj_view msg, int fd, int64_t deadline_ms) ZTJ_MUST_CHECK; /* fd -1: none */
int ztj_ipc_recv(int sock, struct ztj_ipc_in *in, int64_t deadline_ms) ZTJ_MUST_CHECK;

#endif
