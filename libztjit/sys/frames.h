/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Files of frames (sys/trustdir.h): uint32 length, uint32 its complement, SHA-256 of the content,
 * content; appended durably. */
#ifndef ZTJ_SYS_FRAMES_H
#define ZTJ_SYS_FRAMES_H

#include "libztjit/core/codec.h"

#define ZTJ_FRAME_MAX ((size_t)1 << 30)

/* Appends one frame to a buffer (to build a whole file) or, with fsync, to a file that is made when it is missing. A
 * failed append is cut off again. */
int ztj_frames_put(struct ztj_buf *out, struct ztj_view content) ZTJ_MUST_CHECK;
int ztj_frames_append(const char *path, struct ztj_view content) ZTJ_MUST_CHECK;
/* Calls each for every whole frame, stopping at its first error. *good: where the last whole frame ends. A last frame that
 * is cut short or torn is left out; damage before the last frame is BAD_ENCODING. */
int ztj_frames_each(struct ztj_view file, int (*each)(struct ztj_view content, void *arg), void *arg,
    size_t *good) ZTJ_MUST_CHECK;
/* Cuts a file of this size to its good part, if it is longer. */
int ztj_frames_cut(const char *path, size_t size, size_t good) ZTJ_MUST_CHECK;

#endif
