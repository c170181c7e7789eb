/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The person's ssh-agent socket. Its path is the person's own word, so it is
 * opened with nothing but the person's rights, and what is behind it is the
 * daemon's business.
 */
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "pam_ztjit/module.h"

/* sudo interposes getenv(3) and hides the variable; the array still has it. */
static const char *auth_sock(void)
{
	static const char name[] = "SSH_AUTH_SOCK=";

	for (char **e = environ; e != NULL && *e != NULL; e++)
		if (strncmp(*e, name, sizeof(name) - 1) == 0)
			return *e + sizeof(name) - 1;
	return NULL;
}

int ztj_pam_agent(const struct ztj_module *m, uint32_t uid, uint32_t gid, int64_t deadline_ms, int *sock)
{
	gid_t groups[PAM_MODUTIL_NGROUPS];
	struct pam_modutil_privs privs = { .grplist = groups,
		.number_of_groups = PAM_MODUTIL_NGROUPS,
		.old_gid = (gid_t)-1,
		.old_uid = (uid_t)-1 };
	const char *path = auth_sock();
	const struct passwd *pw;
	int r;

	*sock = -1;
	if (uid == 0 || path == NULL || path[0] != '/')
		return ZTJ_NOT_FOUND;
	pw = pam_modutil_getpwuid(m->pamh, uid);
	if (pw == NULL || pw->pw_uid != uid || pw->pw_gid != gid)
		return ZTJ_NOT_FOUND;
	/* As root drop_priv changes ids; as anybody else it does nothing, and then only that person may ask. */
	if (geteuid() != 0 && geteuid() != uid)
		return ZTJ_NOT_FOUND;
	if (pam_modutil_drop_priv(m->pamh, &privs, pw) != 0)
		return ZTJ_INTERNAL;
	r = ztj_ipc_connect(path, deadline_ms, sock);
	if (pam_modutil_regain_priv(m->pamh, &privs) != 0) {
		pam_syslog(m->pamh, LOG_CRIT, "could not take privileges back");
		if (*sock >= 0)
			(void)close(*sock);
		*sock = -1;
		return ZTJ_INTERNAL;
	}
	return r == ZTJ_INTERNAL ? ZTJ_SYSTEM : r;
}
