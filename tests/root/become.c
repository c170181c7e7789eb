/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What a hole in a setuid program gives: CMD with real uid 0 (P16). */
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2 || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
		return 126;
	(void)execvp(argv[1], argv + 1);
	return 127;
}
