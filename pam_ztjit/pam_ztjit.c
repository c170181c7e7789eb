/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * pam_ztjit: the PAM module. It runs inside sshd, sudo and su with their
 * privilege, so it decides nothing, parses next to nothing and links libpam and libc
 * only: it asks ztjit-hostd over a root-owned socket and passes the verdict
 * on. Whatever goes wrong is PAM_PERM_DENIED: sudo ignores some of the other
 * denying codes, and PAM_IGNORE would hand the decision to the rest of the stack.
 */
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <string.h>
#include <syslog.h>

#include "libztjit/core/mark.h"
#include "pam_ztjit/module.h"

ZTJ_MARK;

/* -fvisibility=hidden hides what libpam looks up, whatever the version script lists. */
#define ENTRY __attribute__((visibility("default")))

/* The only option is socket=PATH; another one means that the administrator expects something that does not happen. */
static int options(struct ztj_module *m, int argc, const char **argv)
{
	m->socket = ZTJ_RUNDIR "/pam.sock";
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "socket=/", 8) == 0) {
			m->socket = argv[i] + 7;
			continue;
		}
		pam_syslog(m->pamh, LOG_ERR, "unknown option in the PAM configuration: %s", argv[i]);
		return PAM_PERM_DENIED;
	}
	return PAM_SUCCESS;
}

static bool is_sshd(pam_handle_t *pamh)
{
	const void *service = NULL;

	/* In doubt the stricter. */
	return pam_get_item(pamh, PAM_SERVICE, &service) != PAM_SUCCESS || service == NULL ||
	    strcmp(service, "sshd") == 0;
}

static int ask(pam_handle_t *pamh, int flags, int argc, const char **argv, enum ztj_pam_msg call)
{
	struct ztj_module m = { .pamh = pamh, .silent = ((unsigned)flags & PAM_SILENT) != 0 };

	if (options(&m, argc, argv) != PAM_SUCCESS)
		return PAM_PERM_DENIED;
	return ztj_pam_ask(&m, call);
}

ENTRY int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	int r = ask(pamh, flags, argc, argv, ZTJ_PAM_AUTH);

	/* Logins over ssh are by certificate: a password prompt must never become a way in. */
	return is_sshd(pamh) ? PAM_PERM_DENIED : r;
}

/* Credentials are not ours to set; by now the other three have decided. */
ENTRY int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_SUCCESS;
}

ENTRY int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return ask(pamh, flags, argc, argv, ZTJ_PAM_ACCOUNT);
}

ENTRY int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return ask(pamh, flags, argc, argv, ZTJ_PAM_OPEN);
}

/* What sudo and su began ends with their process, and the daemon sees that by itself: nobody waits for it. */
ENTRY int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct ztj_module m = { .pamh = pamh };

	if (!is_sshd(pamh))
		return options(&m, argc, argv);
	return ask(pamh, flags, argc, argv, ZTJ_PAM_CLOSE);
}
