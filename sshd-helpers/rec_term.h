/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Terminals: the person's, which is made raw and always put back, and the private one that the session runs on.
 */
#ifndef ZTJ_SSHD_HELPERS_REC_TERM_H
#define ZTJ_SSHD_HELPERS_REC_TERM_H

#include <stdbool.h>
#include <sys/ioctl.h>
#include <termios.h>

#define ZTJ_REC_TTY_MAX 64

struct ztj_rec_term {
	struct termios saved; /* the person's terminal, as it was */
	bool raw;
	int master, slave; /* of the private one; -1 */
	char name[ZTJ_REC_TTY_MAX];
	struct winsize size; /* as last seen */
};

void ztj_rec_term_init(struct ztj_rec_term *t);
/* Opens the private terminal with the modes and the size of the person's (descriptor 0). 0, or -1 with errno. */
int ztj_rec_term_open(struct ztj_rec_term *t);
/* Passes a new size on. True: it changed and t->size is new. */
bool ztj_rec_term_resize(struct ztj_rec_term *t);
int ztj_rec_term_raw(struct ztj_rec_term *t);
void ztj_rec_term_restore(struct ztj_rec_term *t);
/* Hangs the session up: closes the private terminal. */
void ztj_rec_term_close(struct ztj_rec_term *t);

#endif
