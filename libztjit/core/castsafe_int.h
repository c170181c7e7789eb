/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Shared by the files castsafe*.c alone. */
#ifndef ZTJ_CORE_CASTSAFE_INT_H
#define ZTJ_CORE_CASTSAFE_INT_H

#include "libztjit/core/castsafe.h"

enum {
	ZTJ_SAFE_SEQ_MAX = 128,            /* bytes of one control sequence; longer ones are dropped */
	ZTJ_SAFE_STRING_MAX = 64 * 1024,   /* bytes of one string */
	ZTJ_SAFE_LINE_MAX = 4096,          /* characters of one line of text */
	ZTJ_SAFE_PARAM_MAX = 9999
};

enum ztj_safe_state {
	ZTJ_SAFE_GROUND,
	ZTJ_SAFE_ESCAPE,  /* after ESC, and its intermediate bytes */
	ZTJ_SAFE_CSI,
	ZTJ_SAFE_OSC,     /* the first byte of an OSC */
	ZTJ_SAFE_STRING,
	ZTJ_SAFE_PALETTE  /* Linux: ESC ] P and seven digits, without an end */
};

/* A control sequence taken apart. */
struct ztj_csi {
	uint8_t prefix;       /* one of < = > ?, or 0 */
	struct ztj_view param; /* digits, colons and semicolons */
	uint8_t inter;        /* the intermediate byte, or 0 */
	uint8_t last;
};

struct ztj_safe_cell {
	uint8_t n, byte[4];
};

/* The line being written, in TEXT. */
struct ztj_safe_line {
	size_t n, at;         /* characters, and where the cursor is */
	uint32_t columns;
	bool margin;          /* the last thing was a character in the last column */
	struct ztj_safe_cell cell[ZTJ_SAFE_LINE_MAX];
};

struct ztj_castsafe {
	enum ztj_castsafe_mode mode;
	enum ztj_safe_state state;
	size_t nutf8;
	uint8_t utf8[4];      /* a sequence that is not whole yet */
	size_t nseq;
	bool over;            /* more than seq holds */
	uint8_t seq[ZTJ_SAFE_SEQ_MAX];
	size_t swallowed;     /* of a string */
	unsigned changed;     /* REPLAY: what the end has to put back */
	struct ztj_safe_line line;
	struct ztj_buf *out;  /* while a call lasts */
};

/* The two ways to take what was understood: text (one character, or a run of ASCII), a C0 control, ESC with intermediates in seq
 * and a last byte, a control sequence. Errors stay in the buffer. */
void ztj_safe_replay_text(struct ztj_castsafe *s, const uint8_t *p, size_t n);
void ztj_safe_replay_control(struct ztj_castsafe *s, uint8_t c);
void ztj_safe_replay_escape(struct ztj_castsafe *s, uint8_t last);
void ztj_safe_replay_csi(struct ztj_castsafe *s, const struct ztj_csi *csi);
void ztj_safe_replay_end(struct ztj_castsafe *s);

void ztj_safe_text_char(struct ztj_castsafe *s, const uint8_t *p, size_t n);
void ztj_safe_text_control(struct ztj_castsafe *s, uint8_t c);
void ztj_safe_text_escape(struct ztj_castsafe *s, uint8_t last);
void ztj_safe_text_csi(struct ztj_castsafe *s, const struct ztj_csi *csi);
void ztj_safe_text_end(struct ztj_castsafe *s);

/* The i-th parameter, at most ZTJ_SAFE_PARAM_MAX; `none` when it is absent or empty. */
unsigned ztj_safe_param(const struct ztj_csi *csi, size_t i, unsigned none);
size_t ztj_safe_nparams(const struct ztj_csi *csi);

#endif
