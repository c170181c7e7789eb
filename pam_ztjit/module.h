/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Private to the PAM module: one question to ztjit-hostd on behalf of the
 * process this module was loaded into (PROTOCOL section 4, pam.sock).
 */
#ifndef ZTJ_PAM_MODULE_H
#define ZTJ_PAM_MODULE_H

#include <security/pam_modules.h>
#include <stdbool.h>

#include "libztjit/sys/ipc.h"

/* Message types. */
enum ztj_pam_msg {
	ZTJ_PAM_AUTH = 1, ZTJ_PAM_ACCOUNT = 2, ZTJ_PAM_OPEN = 3, ZTJ_PAM_CLOSE = 4, ZTJ_PAM_AGENT = 5,
	ZTJ_PAM_VERDICT = 128, ZTJ_PAM_PROMPT = 129, ZTJ_PAM_NEED_AGENT = 130
};

struct ztj_module {
	pam_handle_t *pamh;
	const char *socket; /* where the daemon listens */
	bool silent;        /* PAM_SILENT: show nothing */
};

/* Asks and waits, shows what is to be shown. PAM_SUCCESS only when the daemon said so in a well-formed
 * verdict; everything else is PAM_PERM_DENIED. Time: 5 s for the first answer, then what each prompt allows, at
 * most ZTJ_PAM_WAIT_MAX in all. Leaves no descriptor open and no state behind. */
#define ZTJ_PAM_FIRST_WAIT_MS 5000
#define ZTJ_PAM_WAIT_MAX_MS 180000
int ztj_pam_ask(const struct ztj_module *m, enum ztj_pam_msg call);

/* Connects to the SSH_AUTH_SOCK in this process's environment with the person's ids. *sock is -1 on error. */
int ztj_pam_agent(const struct ztj_module *m, uint32_t uid, uint32_t gid, int64_t deadline_ms, int *sock) ZTJ_MUST_CHECK;

#endif
