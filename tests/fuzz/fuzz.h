/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What every fuzzer shares. A fuzzer is one file that defines
 * LLVMFuzzerTestOneInput; it is linked with libFuzzer (--enable-fuzzers) or with
 * replay_main.c, which runs it over its corpus in make check.
 */
#ifndef ZTJ_TESTS_FUZZ_H
#define ZTJ_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for every input. */
#define MUST(cond) do { if (!(cond)) abort(); } while (0)

#endif
