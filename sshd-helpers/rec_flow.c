/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "sshd-helpers/rec_flow.h"

#include <errno.h>
#include <stdlib.h>

#define LEAST 2048u

struct ztj_flow *ztj_flow_new(void)
{
	/* Large and zero: the kernel gives its pages when they are used. */
	struct ztj_flow *f = calloc(1, sizeof *f);

	if (f != NULL)
		f->from.fd = f->to.fd = f->from.std = f->to.std = -1;
	return f;
}

void ztj_flow_free(struct ztj_flow *f)
{
	uint8_t unused[32];

	ztj_flow_close(f);
	if (f->hash != NULL && ztj_rec_hash_end(f->hash, unused) != ZTJ_OK)
		f->hash = NULL; /* nobody wants it any more */
	free(f);
}

bool ztj_flow_pending(const struct ztj_flow *f)
{
	return f->end > f->start;
}

bool ztj_flow_can_pull(const struct ztj_flow *f)
{
	return f->from.fd >= 0 && sizeof f->buf - f->end >= LEAST;
}

int ztj_flow_pull(struct ztj_flow *f, size_t max, struct ztj_view *got)
{
	size_t room = sizeof f->buf - f->end;
	ssize_t n;

	*got = (struct ztj_view){ f->buf + f->end, 0 };
	if (max > ZTJ_FLOW_READ)
		max = ZTJ_FLOW_READ;
	do
		n = ztj_rec_fd_read(&f->from, f->buf + f->end, room < max ? room : max);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return ZTJ_TIMEOUT;
	if (n <= 0) { /* EIO: the terminal is gone */
		ztj_rec_fd_close(&f->from);
		return ZTJ_NOT_FOUND;
	}
	got->n = (size_t)n;
	f->end += got->n;
	f->total.bytes += got->n;
	return f->hash == NULL ? ZTJ_OK : ztj_rec_hash_add(f->hash, got->p, got->n);
}

void ztj_flow_push(struct ztj_flow *f)
{
	while (f->to.fd >= 0 && ztj_flow_pending(f)) {
		ssize_t n = ztj_rec_fd_write(&f->to, f->buf + f->start, f->end - f->start);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			if (errno != EPIPE && errno != EIO && errno != ECONNRESET)
				f->err = errno;
			ztj_rec_fd_close(&f->to);
			break;
		}
		f->start += (size_t)n;
	}
	f->start = f->end = 0;
}

void ztj_flow_settle(struct ztj_flow *f)
{
	if (f->from.fd < 0 && !ztj_flow_pending(f))
		ztj_rec_fd_close(&f->to);
	if (f->to.fd < 0)
		ztj_flow_close(f);
}
void ztj_flow_close(struct ztj_flow *f)
{
	ztj_rec_fd_close(&f->from);
	ztj_rec_fd_close(&f->to);
	f->start = f->end = 0;
}
