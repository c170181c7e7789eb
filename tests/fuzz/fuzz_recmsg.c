/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a daemon may say to the recorder: first each body's parser alone, then a whole stream into a running link. An accepted
 * START is what the recorder relies on; nothing it shows can be an escape; nothing is let go that was not sent.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sshd-helpers/rec_link.h"
#include "tests/fuzz/fuzz.h"

static void shown(const char *text, size_t size)
{
	MUST(memchr(text, '\0', size) != NULL);
	for (const char *p = text; *p != '\0'; p++)
		MUST(*p >= 0x20 && *p < 0x7f);
}

static void bodies(struct ztj_view v)
{
	static struct ztj_rec_start start;
	char text[ZTJ_REC_TEXT_MAX];
	uint64_t events;
	uint32_t code;

	if (ztj_rec_get_start(v, &start) == ZTJ_OK && start.code == 0)
		MUST(start.shell[0] == '/' && start.window >= ZTJ_REC_WINDOW_MIN && start.flags < 8);
	shown(start.text, sizeof start.text);
	if (ztj_rec_get_go(v, &code, text) == ZTJ_OK)
		MUST(v.n >= 8);
	shown(text, sizeof text);
	MUST((ztj_rec_get_taken(v, &events, &code) == ZTJ_OK) == (v.n == 12));
}

static void fill(struct ztj_journal *j)
{
	static uint8_t some[3000];

	ztj_journal_init(j, 16384);
	for (uint64_t i = 0; i < 4; i++)
		MUST(ztj_journal_event(j, i * 20000, 'o', ztj_view_of(some, sizeof some)) == ZTJ_OK);
}

static void stream(const uint8_t *data, size_t size)
{
	static const struct ztj_rec_hello hello = { .term = "", .tty = "", .command = "" };
	static struct ztj_journal journal;
	struct ztj_link link;
	int pair[2];

	memset(&journal, 0, sizeof journal);
	fill(&journal);
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	ztj_link_init(&link, "/nonexistent/rec.sock", &hello, &journal);
	link.sock = pair[0];
	link.state = ZTJ_LINK_UP;
	link.sent_at = link.heard_at = 0;
	MUST(ztj_link_step(&link, 100) == ZTJ_OK); /* sends what there is */
	MUST(journal.handed == 4);
	MUST(send(pair[1], data, size, MSG_NOSIGNAL) == (ssize_t)size);
	(void)close(pair[1]);
	if (ztj_link_step(&link, 200) != ZTJ_OK)
		shown(link.why, sizeof link.why);
	MUST(journal.taken <= journal.claimed && journal.claimed <= 4);
	MUST(journal.tail <= journal.sent && journal.sent <= journal.head);
	ztj_link_free(&link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 16384)
		return 0;
	bodies(ztj_view_of(data, size));
	if (size > 0)
		stream(data, size);
	return 0;
}
