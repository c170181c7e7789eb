/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Writes seeds for the fuzzers of records of sessions, below the directory named on the command line, sealed to the
 * certificates (DER) and keys (PEM) named after it, in pairs. Called by tests/fuzz/make-corpus.sh.
 */
#include <stdio.h>
#include <string.h>

#include "libztjit/record/record.h"
#include "tests/core/support.h"

static const char *top;

static const char screen[] =
    "\x1b[1;32muser@web1\x1b[0m:~$ ls -l \"a b\"\r\n\xe2\x94\x80 \xc3\xa9\r\n\xff\xfe \xef\xbf\xbd"
    "\x1b]0;title\x07\x1b[?1049h\x1b[2J\x1b[H~\x1b[?1049l\x1b[c\x05\x1bP$qm\x1b\\\x1b(0lqk\x1b(B\r\n";
static const char edited[] =
    "$ sudo rn\b\x1b[Km -r\x1b[3D\x1b[1@x\x1b[C\r\n10%\r20%\rdone\n\x1b[5;1Hbelow\x1b[J\n";

static void seed(const char *name, struct ztj_view v)
{
	char path[1024];
	int n = snprintf(path, sizeof(path), "%s/%s", top, name);

	assert_in_range(n, 1, sizeof(path) - 1);
	write_file(path, v);
}

/* A seed that begins with these bytes. */
static void seed_after(const char *name, const char *head, size_t nhead, struct ztj_view v)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 1 << 20);
	ok(ztj_buf_put(&b, head, nhead));
	ok(ztj_buf_put(&b, v.p, v.n));
	seed(name, ztj_buf_view(&b));
	ztj_buf_free(&b);
}

static void make_text(struct ztj_buf *text, uint32_t *events)
{
	const struct ztj_cast_header h = { .width = 80,
		.height = 24,
		.session = "00",
		.person = "people/req1" };
	struct ztj_cast_tail tail = { 0 };

	ok(ztj_cast_header_put(&h, text));
	for (size_t i = 0; i < sizeof(screen) - 1; i += 20)
		ok(ztj_cast_event_put(1000 * i, 'o',
		    ztj_view_of(screen + i, sizeof(screen) - 1 - i < 20 ? sizeof(screen) - 1 - i : 20), &tail,
		    text, events));
	ok(ztj_cast_tail_put(9999999, 'o', &tail, text, events));
	ok(ztj_cast_event_put(9999999, 'q', ztj_view_str("{\"exit\": 0}"), NULL, text, events));
}

static void texts(struct ztj_view text)
{
	seed_after("cast/text", "\0", 1, text);
	seed_after("cast/string", "\1", 1,
	    ztj_view_str("\"a\\n\\u001b\\\"\\\\\\u00e9 \xc3\xa9 \\ud83d\\ude00\""));
	seed_after("cast/bytes", "\7", 1, ztj_view_of(screen, sizeof(screen) - 1));
	seed_after("cast/whole", "\xff", 1, ztj_view_of(screen, sizeof(screen) - 1));
	seed_after("castsafe/replay", "\0\1", 2, ztj_view_of(screen, sizeof(screen) - 1));
	seed_after("castsafe/text", "\1\3", 2, ztj_view_of(screen, sizeof(screen) - 1));
	seed_after("castsafe/edited", "\1\1", 2, ztj_view_of(edited, sizeof(edited) - 1));
	seed_after("castsafe/wrapped", "\x0b\1", 2, ztj_view_of(edited, sizeof(edited) - 1));
}

static void unpack_seed(const char *name, const struct ztj_chunk *c, struct ztj_view key)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 1 << 20);
	ok(ztj_buf_put_view(&b, key));
	ok(ztj_buf_put_u8(&b, c->flags));
	ok(ztj_buf_put_u32(&b, c->text));
	ok(ztj_buf_put(&b, c->body.p, c->body.n));
	seed(name, ztj_buf_view(&b));
	ztj_buf_free(&b);
}

static void chunks(struct ztj_packer *p, struct ztj_view text, uint32_t events)
{
	struct ztj_chain chain = { 0 };
	struct ztj_chunk c;
	struct ztj_buf b;

	ztj_buf_init(&b, 1 << 20);
	ok(ztj_pack(p, NULL, &chain, text, 0, events, false, &b));
	ok(ztj_chunk_read(ztj_buf_view(&b), &c));
	unpack_seed("unpack/plain", &c, ztj_view_of(NULL, 0));
	ok(ztj_pack(p, NULL, &chain, ztj_view_str("[1.000000, \"m\", \"end\"]\n"), 1000000, 1, true, &b));
	seed("chunk/two", ztj_buf_view(&b));
	ztj_buf_free(&b);
}

static void sealed(struct ztj_packer *p, struct ztj_view text, const char *cert, const char *key, int number)
{
	struct ztj_chain chain = { 0 };
	struct ztj_buf b, der, pem;
	struct ztj_sealto *to;
	struct ztj_chunk c;
	struct ztj_view v;
	char name[64];
	size_t which;

	ztj_buf_init(&b, 1 << 20);
	ztj_buf_init(&der, 1 << 20);
	ztj_buf_init(&pem, 1 << 20);
	read_file(cert, &der);
	read_file(key, &pem);
	v = ztj_buf_view(&der);
	ok(ztj_sealto_new(&v, 1, &to, &which));
	ok(ztj_pack(p, to, &chain, text, 0, 1, true, &b));
	ok(ztj_chunk_read(ztj_buf_view(&b), &c));
	assert_in_range(snprintf(name, sizeof(name), "unpack/sealed%d", number), 1, sizeof(name) - 1);
	unpack_seed(name, &c, ztj_buf_view(&pem));
	ztj_sealto_free(to);
	ztj_buf_free(&b);
	ztj_buf_free(&der);
	ztj_buf_free(&pem);
}

int main(int argc, char **argv)
{
	struct ztj_packer *p;
	struct ztj_buf text;
	uint32_t events = 0;

	if (argc < 2 || argc % 2 != 0)
		return 2;
	top = argv[1];
	ztj_buf_init(&text, 1 << 20);
	make_text(&text, &events);
	ok(ztj_packer_new(&p));
	texts(ztj_buf_view(&text));
	chunks(p, ztj_buf_view(&text), events);
	for (int i = 2; i + 1 < argc; i += 2)
		sealed(p, ztj_buf_view(&text), argv[i], argv[i + 1], i / 2);
	ztj_packer_free(p);
	ztj_buf_free(&text);
	return 0;
}
