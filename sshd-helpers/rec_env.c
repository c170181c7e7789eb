/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "sshd-helpers/rec_env.h"

#include <stdlib.h>
#include <string.h>

/* A name ending in * is a prefix. */
static const char *const unsafe[] = {
	/* the loader and libc */
	"LD_*", "GLIBC_TUNABLES", "GCONV_PATH", "GETCONF_DIR", "HOSTALIASES", "LOCALDOMAIN", "LOCPATH",
	"MALLOC_*", "NIS_PATH", "NLSPATH", "PATH_LOCALE", "RESOLV_HOST_CONF", "RES_OPTIONS", "TZDIR",
	/* shells */
	"BASH_ENV", "BASH_FUNC_*", "BASH_XTRACEFD", "BASHOPTS", "CDPATH", "ENV", "FPATH", "GLOBIGNORE", "IFS",
	"NULLCMD", "PROMPT_COMMAND", "PS4", "READNULLCMD", "SHELLOPTS", "ZDOTDIR",
	/* terminals and what reads their descriptions */
	"INPUTRC", "TERMCAP", "TERMINFO", "TERMINFO_DIRS", "TERMPATH",
	/* interpreters and libraries */
	"JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "LUA_*", "NODE_OPTIONS", "NODE_PATH", "OPENSSL_*", "PERL5*",
	"PERLIO*", "PERLLIB", "PYTHON*", "RUBYLIB", "RUBYOPT", "SSLKEYLOGFILE",
	/* what we set, or what no longer holds */
	"SHELL", "SSH_ORIGINAL_COMMAND", "SSH_TTY"
};

static bool matches(const char *pattern, const char *name, size_t n)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return n >= len - 1 && memcmp(pattern, name, len - 1) == 0;
	return n == len && memcmp(pattern, name, n) == 0;
}

bool ztj_rec_env_unsafe(const char *entry)
{
	const char *eq = strchr(entry, '=');

	/* no name; or a function that old shells would take over */
	if (eq == NULL || eq == entry || strncmp(eq + 1, "()", 2) == 0)
		return true;
	for (size_t i = 0; i < sizeof unsafe / sizeof unsafe[0]; i++)
		if (matches(unsafe[i], entry, (size_t)(eq - entry)))
			return true;
	return false;
}

char **ztj_rec_env_make(char *const *from, char *shell_entry, char *tty_entry)
{
	size_t n = 0, k = 0;
	char **out;

	while (from[n] != NULL)
		n++;
	out = calloc(n + 3, sizeof *out);
	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!ztj_rec_env_unsafe(from[i]))
			out[k++] = from[i];
	out[k++] = shell_entry;
	if (tty_entry != NULL)
		out[k++] = tty_entry;
	return out;
}
