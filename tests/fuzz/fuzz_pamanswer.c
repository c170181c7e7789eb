/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a daemon may answer the PAM module: the module's own transaction over a socket pair that
 * already holds the input. Success only for a verdict of zero.
 */
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pam_ztjit/module.h"
#include "tests/fuzz/fuzz.h"

static struct ztj_view answer;

/* libpam, as little as the transaction needs. */
int pam_get_item(const pam_handle_t *pamh, int item, const void **out)
{
	(void)pamh;
	(void)item;
	*out = "x";
	return PAM_SUCCESS;
}

const char *pam_getenv(pam_handle_t *pamh, const char *name)
{
	(void)pamh;
	(void)name;
	return NULL;
}

struct passwd *pam_modutil_getpwnam(pam_handle_t *pamh, const char *user)
{
	(void)pamh;
	(void)user;
	return NULL;
}

int pam_prompt(pam_handle_t *pamh, int style, char **response, const char *fmt, ...)
{
	va_list ap;
	const char *text;

	(void)pamh;
	(void)style;
	(void)response;
	va_start(ap, fmt);
	text = va_arg(ap, const char *);
	va_end(ap);
	for (const char *p = text; *p != '\0'; p++)
		MUST((unsigned char)*p >= 0x20 || *p == '\n');
	return PAM_SUCCESS;
}

void pam_syslog(const pam_handle_t *pamh, int priority, const char *fmt, ...)
{
	(void)pamh;
	(void)priority;
	(void)fmt;
}

int ztj_pam_agent(const struct ztj_module *m, uint32_t uid, uint32_t gid, int64_t deadline_ms, int *sock)
{
	(void)m;
	(void)uid;
	(void)gid;
	(void)deadline_ms;
	*sock = -1;
	return ZTJ_NOT_FOUND;
}

int __wrap_ztj_ipc_connect(const char *path, int64_t deadline_ms, int *sock);
int __wrap_ztj_ipc_connect(const char *path, int64_t deadline_ms, int *sock)
{
	int pair[2];

	(void)path;
	(void)deadline_ms;
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	MUST(send(pair[1], answer.p, answer.n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)answer.n);
	/* closing would lose what the module sends; a half close ends the answer */
	(void)shutdown(pair[1], SHUT_WR);
	*sock = pair[0];
	(void)dup2(pair[1], 100);
	(void)close(pair[1]);
	return ZTJ_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char handle; /* libpam's functions are replaced above: nobody looks into it */
	const struct ztj_module m = { .pamh = (pam_handle_t *)(void *)&handle, .socket = "/x" };

	if (size > 32768)
		return 0;
	answer = ztj_view_of(data, size);
	if (ztj_pam_ask(&m, ZTJ_PAM_ACCOUNT) == PAM_SUCCESS) {
		bool verdict = false; /* some verdict of zero stands in it */
		for (size_t i = 0; i + 10 <= size; i++)
			verdict |= data[i] == 1 && data[i + 1] == ZTJ_PAM_VERDICT &&
			    memcmp(data + i + 2, "\0\0\0\0", 4) == 0;
		MUST(verdict);
	}
	return 0;
}
