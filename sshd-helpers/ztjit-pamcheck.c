/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit-pamcheck SERVICE: one real PAM run, by ztjit-hostd install and by doctor. Root. It asks PAM for what must be denied: an account
 * that nobody logged in to, or a sudo by nobody, and says whether it was our module that denied, with its reason. A
 * module that is not there, or a stack that does not ask it, looks different.
 */
#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOBODY ((uid_t)65534)
#define LIMIT_S 30
#define MESSAGES_MAX 32

struct heard {
	bool ours; /* something that begins as pam_ztjit's texts do */
};

/* Shows what is said; answers nothing. */
static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *arg)
{
	struct heard *h = arg;

	*resp = NULL;
	if (n <= 0 || n > MESSAGES_MAX)
		return PAM_CONV_ERR;
	for (int i = 0; i < n; i++) {
		if (msg[i]->msg_style != PAM_ERROR_MSG && msg[i]->msg_style != PAM_TEXT_INFO)
			return PAM_CONV_ERR;
		h->ours |= strncmp(msg[i]->msg, "ztjit: ", 7) == 0;
		(void)printf("%s\n", msg[i]->msg);
	}
	*resp = calloc((size_t)n, sizeof(**resp));
	return *resp != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* Out of the session of whoever runs the installer, where a sudo might be admitted. Best effort: then it asks for a touch, and
 * the limit of time ends it. */
static void leave_session(void)
{
	int fd = open("/sys/fs/cgroup/cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "0\n", 2) != 2)
		(void)fputs("ztjit-pamcheck: stays in this session's cgroup\n", stderr);
	(void)close(fd);
}

int main(int argc, char **argv)
{
	struct heard heard = { false };
	const struct pam_conv conv = { converse, &heard };
	pam_handle_t *pamh = NULL;
	bool login;
	int r;

	if (argc != 2 || argv[1][0] == '-' || geteuid() != 0) {
		(void)fputs("usage: ztjit-pamcheck SERVICE (as root)\n", stderr);
		return 2;
	}
	(void)alarm(LIMIT_S);
	leave_session();
	login = strcmp(argv[1], "sshd") == 0;
	/* As sudo and su look when somebody without a session runs them: the real user is not root. */
	if (!login && setresuid(NOBODY, 0, 0) != 0) {
		perror("ztjit-pamcheck: setresuid");
		return 3;
	}
	r = pam_start(argv[1], strncmp(argv[1], "sudo", 4) == 0 ? "nobody" : "root", &conv, &pamh);
	if (r == PAM_SUCCESS) {
		(void)pam_set_item(pamh, PAM_RUSER, login ? "root" : "nobody");
		r = pam_acct_mgmt(pamh, 0);
	}
	(void)printf("%s: account: %s\n", argv[1], pam_strerror(pamh, r));
	if (pamh != NULL)
		(void)pam_end(pamh, r);
	if (r == PAM_PERM_DENIED && heard.ours)
		return 0;
	(void)printf("%s: pam_ztjit was not asked, or not heard\n", argv[1]);
	return 1;
}
