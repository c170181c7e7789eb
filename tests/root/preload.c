/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A preloaded library that tells when it got into a process with root's rights (P06). */
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void loaded(void)
{
	if (geteuid() == 0)
		(void)open("/tmp/preloaded", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
}
