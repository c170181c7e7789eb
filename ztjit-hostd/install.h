/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Arming a host, and undoing it: ztjit-install(8). What install and uninstall
 * change is one transaction with a journal: begun before anything is touched,
 * verified, then pending until somebody confirms it, else undone. Whatever ends
 * in between is undone by whoever comes next: install, uninstall, the timer, or
 * the agent before it serves.
 */
#ifndef ZTJ_HOSTD_INSTALL_H
#define ZTJ_HOSTD_INSTALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libztjit/core/err.h"

#define ZTJ_INST_RECORD_MAX 32

/* What `install` and `uninstall` are told. */
struct ztj_install {
	const char *conf;  /* hostd.conf */
	bool dry_run, yes, no_nss, force;
	int64_t within;    /* seconds until it is undone unless confirmed */
	const char *record[ZTJ_INST_RECORD_MAX]; /* accounts whose login shell becomes the recorder */
	size_t nrecord;
};

/* The commands, with their options; the exit status (DESIGN section 12), or -1 for wrong usage. */
int ztj_hostd_install(int argc, char **argv);
int ztj_hostd_uninstall(int argc, char **argv);

/* Before the agent serves, and now and then: undoes what was left unfinished, or pending over a reboot, past its time or without its timer. */
void ztj_hostd_install_recover(void);

#endif
