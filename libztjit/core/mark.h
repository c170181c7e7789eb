/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a program or module is, to be read in its file: "@(#)ztjit VERSION". ztjit doctor looks whether what is
 * installed belongs together. One ZTJ_MARK; per program, in the file of its main().
 */
#ifndef ZTJ_CORE_MARK_H
#define ZTJ_CORE_MARK_H

#include "config.h"

#define ZTJ_MARK static const char ztj_mark[] __attribute__((used)) = "@(#)ztjit " PACKAGE_VERSION

#endif
