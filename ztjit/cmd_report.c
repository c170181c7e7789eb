/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit/commands.h"
int cmd_report_standing(struct cli *c)
{
	return cli_fail(c, ZTJ_STATE, "not yet");
}
