/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Loaded before libfaketime: it takes every absolute timer for one of the clock that it shifts, also one of the boot clock. A decade ahead
 * that was a time before the machine began, which the kernel refuses.
 */
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

__attribute__((visibility("default"))) int timerfd_settime(int fd, int flags, const struct itimerspec *at,
    struct itimerspec *before)
{
	return (int)syscall(SYS_timerfd_settime, fd, flags, at, before);
}
