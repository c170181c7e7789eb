/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "sshd-helpers/rec_term.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ztj_rec_term_init(struct ztj_rec_term *t)
{
	memset(t, 0, sizeof *t);
	t->master = t->slave = -1;
}

int ztj_rec_term_open(struct ztj_rec_term *t)
{
	if (tcgetattr(STDIN_FILENO, &t->saved) != 0)
		return -1;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &t->size) != 0)
		memset(&t->size, 0, sizeof t->size);
	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (t->master < 0 || grantpt(t->master) != 0 || unlockpt(t->master) != 0 ||
	    ptsname_r(t->master, t->name, sizeof t->name) != 0)
		return -1;
	/* Not by name: /dev/pts may be another one here. */
	t->slave = ioctl(t->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->slave < 0 || tcsetattr(t->slave, TCSANOW, &t->saved) != 0 ||
	    ioctl(t->slave, TIOCSWINSZ, &t->size) != 0)
		return -1;
	return 0;
}

bool ztj_rec_term_resize(struct ztj_rec_term *t)
{
	struct winsize now;

	if (t->master < 0 || ioctl(STDIN_FILENO, TIOCGWINSZ, &now) != 0 ||
	    memcmp(&now, &t->size, sizeof now) == 0 || ioctl(t->master, TIOCSWINSZ, &now) != 0)
		return false;
	t->size = now;
	return true;
}

int ztj_rec_term_raw(struct ztj_rec_term *t)
{
	struct termios raw = t->saved;

	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0)
		return -1;
	t->raw = true;
	return 0;
}

void ztj_rec_term_restore(struct ztj_rec_term *t)
{
	/* Not TCSADRAIN: a terminal that takes nothing any more would keep us here for ever. */
	if (t->raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &t->saved);
	t->raw = false;
}

void ztj_rec_term_close(struct ztj_rec_term *t)
{
	if (t->slave >= 0)
		(void)close(t->slave);
	if (t->master >= 0)
		(void)close(t->master);
	t->master = t->slave = -1;
}
