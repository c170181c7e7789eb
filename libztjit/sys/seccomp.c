/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/socket.h>

#include "libztjit/sys/sandbox.h"

/* What every one of our event loops needs. */
static const int common[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),
	SCMP_SYS(shutdown),
	SCMP_SYS(close),
	SCMP_SYS(close_range),
	SCMP_SYS(fcntl),
	SCMP_SYS(dup),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(openat),
	SCMP_SYS(open),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),
	SCMP_SYS(ioctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(accept4),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getrusage),
	SCMP_SYS(prlimit64),
	SCMP_SYS(getrlimit),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(tgkill),
	SCMP_SYS(membarrier),
};

static const int storage[] = {
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(link),
	SCMP_SYS(linkat),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(chmod),
	SCMP_SYS(fchown),
	SCMP_SYS(flock),
	SCMP_SYS(utimensat),
	SCMP_SYS(fadvise64),
	SCMP_SYS(sync_file_range),
	SCMP_SYS(fstatfs),
	SCMP_SYS(statfs),
	SCMP_SYS(umask),
	SCMP_SYS(rmdir),
};

/* Resolving and dialling. */
static const int dialling[] = {
	SCMP_SYS(bind),
	SCMP_SYS(connect),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvmmsg),
};

/* Being dialled as well; libcurl's resolver works in a thread. */
static const int network[] = {
	SCMP_SYS(listen), SCMP_SYS(socketpair), SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(set_tid_address),
	SCMP_SYS(arch_prctl), SCMP_SYS(rename),
	SCMP_SYS(memfd_create), /* the mirror hands bodies over in sealed memory */
};

static int add_all(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
		/* A call this architecture lacks cannot be made either. */
		if (r != 0 && r != -EDOM)
			return ZTJ_SYSTEM;
	}
	return ZTJ_OK;
}

static int add_socket(scmp_filter_ctx ctx, unsigned long family)
{
	const struct scmp_arg_cmp is_family = { .arg = 0,
		.op = SCMP_CMP_EQ,
		.datum_a = family,
		.datum_b = 0 };
	int r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &is_family);
	return r == 0 ? ZTJ_OK : ZTJ_SYSTEM;
}

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static int add_kind(scmp_filter_ctx ctx, enum ztj_sandbox kind)
{
	int r = add_all(ctx, common, COUNT(common));
	if (r == ZTJ_OK && kind != ZTJ_SB_NET)
		r = add_all(ctx, storage, COUNT(storage));
	if (r == ZTJ_OK && kind == ZTJ_SB_NET)
		r = add_all(ctx, network, COUNT(network));
	if (r == ZTJ_OK && (kind == ZTJ_SB_NET || kind == ZTJ_SB_SEND)) {
		r = add_all(ctx, dialling, COUNT(dialling));
		if (r == ZTJ_OK)
			r = add_socket(ctx, AF_INET);
		if (r == ZTJ_OK)
			r = add_socket(ctx, AF_INET6);
		if (r == ZTJ_OK)
			r = add_socket(ctx, AF_NETLINK); /* getaddrinfo looks at the interfaces */
	}
	if (r == ZTJ_OK && kind != ZTJ_SB_STORE && kind != ZTJ_SB_SEND)
		r = add_socket(ctx, AF_UNIX);
	if (r == ZTJ_OK && (kind == ZTJ_SB_KEYS || kind == ZTJ_SB_GATE)) {
		const int dial[] = { SCMP_SYS(connect) };
		r = add_all(ctx, dial, COUNT(dial));
	}
	if (r == ZTJ_OK && kind == ZTJ_SB_GATE) {
		/* memfd: what the gate publishes */
		const int more[] = { SCMP_SYS(pidfd_open), SCMP_SYS(socketpair), SCMP_SYS(memfd_create) };
		r = add_all(ctx, more, COUNT(more));
	}
	return r;
}

int ztj_seccomp(enum ztj_sandbox kind)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (ctx == NULL)
		return ZTJ_NOMEM;
	/* Sanitizers and allocators probe; a clean refusal is enough for these. */
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 0) == 0 ? ZTJ_OK : ZTJ_SYSTEM;
	if (r == ZTJ_OK)
		r = add_kind(ctx, kind);
	if (r == ZTJ_OK && seccomp_load(ctx) != 0)
		r = ZTJ_SYSTEM;
	seccomp_release(ctx);
	return r;
}
