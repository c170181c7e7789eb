/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The parent: opens the listening sockets, makes the processes, and ends them together.
 */
#ifndef ZTJ_BROKER_SERVE_H
#define ZTJ_BROKER_SERVE_H

#include "ztjit-broker/conf.h"

int serve(const struct broker_conf *conf);
int init(int argc, char **argv);
int check(const char *conf_path);

#endif
