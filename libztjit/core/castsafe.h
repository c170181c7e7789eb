/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a recorded terminal put out, made safe for the terminal (or the file) of whoever looks at it: an auditor must not
 * be attacked by what he audits. Pure and streaming: sequences may be split anywhere, what comes out does not depend on where.
 * Memory is bounded, whatever comes in.
 *
 * Nothing is passed on because it is not known to be bad. The filter takes the stream apart as a terminal would (ECMA-48, as
 * UTF-8) and writes anew what it knows: so no sequence reaches the terminal unfinished, with a parameter
 * above 9999, or in a form that two terminals read differently.
 *
 *   kept     text, BS HT LF VT FF CR, cursor movement, erasing (not the scrollback), inserting and deleting, scrolling and its
 *            region, colours and attributes (SGR), save and restore of the cursor, the alternate screen, wrap, insert and
 *            origin mode, cursor shown or hidden, reverse screen, line drawing (G0 and G1, SO, SI)
 *   dropped  everything else: BEL, ENQ and other controls; what makes a terminal answer (DA, DSR, DECRQSS, XTGETTCAP, window
 *            reports, checksums); strings (OSC, DCS, APC, PM, SOS, ESC k: titles, icons, clipboard, colours, hyperlinks,
 *            user-defined keys); mouse, focus and paste reporting; modes of keys and keypad; media copy; window
 *            operations; tab stops, other character sets, LEDs; C1 controls, as bytes or in UTF-8. A full reset becomes a cleared screen.
 * A byte that is not UTF-8 becomes U+FFFD, and so does a bidirectional control, which would show a line in another order than
 * it was written, and a line or paragraph separator. A string that does not end, ends at a line feed or after 64 KiB, so that nobody
 * can hide the rest of a session in one. The terminal must be one that takes UTF-8.
 */
#ifndef ZTJ_CORE_CASTSAFE_H
#define ZTJ_CORE_CASTSAFE_H

#include "libztjit/core/wire.h"

enum ztj_castsafe_mode {
	ZTJ_CASTSAFE_REPLAY, /* for a terminal */
	/* For files and for searching: UTF-8 lines ending in LF, without any control but HT. Within a line BS, CR and what line
	 * editors use (erase, insert and delete characters, left, right, to a column) are obeyed; a jump elsewhere on the screen begins a new line.
	 * A line of more than 4096 characters comes in pieces. */
	ZTJ_CASTSAFE_TEXT
};

struct ztj_castsafe;
int ztj_castsafe_new(enum ztj_castsafe_mode mode, struct ztj_castsafe **out) ZTJ_MUST_CHECK;
void ztj_castsafe_free(struct ztj_castsafe *s);
/* TEXT: columns of the terminal (0, as in the beginning: unknown), so that a line that wraps stays one line. */
void ztj_castsafe_columns(struct ztj_castsafe *s, uint32_t columns);
/* Appends what is safe of v: in REPLAY at most 3 bytes for one (12 for a full reset), in TEXT all complete lines, with those kept
 * from before. */
int ztj_castsafe_put(struct ztj_castsafe *s, struct ztj_view v, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Appends what still waits (a line without its end), and in REPLAY what puts the terminal back: main screen, attributes, cursor, wrap,
 * scroll region, character sets, as far as the stream changed them. s is fresh afterwards. */
int ztj_castsafe_end(struct ztj_castsafe *s, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
