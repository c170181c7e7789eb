/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Descriptors that must never block, without changing those that others share: standard input and output belong to sshd
 * or to the shell that started us as well.
 */
#ifndef ZTJ_SSHD_HELPERS_REC_FD_H
#define ZTJ_SSHD_HELPERS_REC_FD_H

#include <stdbool.h>
#include <sys/types.h>

enum ztj_rec_fd_how {
	ZTJ_REC_FD_OWN,    /* our own description, non-blocking */
	ZTJ_REC_FD_SOCKET, /* MSG_DONTWAIT on each call */
	ZTJ_REC_FD_PLAIN,  /* a file: never blocks for long */
	ZTJ_REC_FD_SHARED  /* made non-blocking for all who share it, until it is closed here */
};
struct ztj_rec_fd {
	int fd;  /* -1: closed */
	int std; /* the standard descriptor that it was made from, or -1 */
	bool keep; /* which stays open when this is closed */
	int flags;
	enum ztj_rec_fd_how how;
};

/* Opens what is missing of 0–2, closes everything above. 0 or -1. */
int ztj_rec_fds_clean(void);
/* A standard descriptor. Falls back to SHARED when it cannot be opened again. keep: it is needed afterwards. */
int ztj_rec_fd_std(struct ztj_rec_fd *f, int std, bool keep);
/* One of ours, already non-blocking. */
void ztj_rec_fd_own(struct ztj_rec_fd *f, int fd);
/* As read and write; EAGAIN when nothing can be done now. */
ssize_t ztj_rec_fd_read(const struct ztj_rec_fd *f, void *p, size_t n);
ssize_t ztj_rec_fd_write(const struct ztj_rec_fd *f, const void *p, size_t n);
/* Closes it; of a standard descriptor that is not kept both, so that the other side sees it, leaving /dev/null there. */
void ztj_rec_fd_close(struct ztj_rec_fd *f);

#endif
