/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a host tells a broker of itself, for tests of what is made of it.
 *   makehistory URL DIR FULLNAME    does what it reads, a line at a time:
 *       decide MEMBERS              the next line of the host's log of decisions; MEMBERS are those of PROTOCOL section 5 from
 *                                   "event" on, as JSON without braces
 *       standing LEFT ACCEPTED EXPIRED MISSED   a report of standing access with these numbers
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "libztjit/core/codec.h"
#include "libztjit/core/ztime.h"
#include "tests/cli/hostfiles.h"

struct history {
	struct host keys;
	struct ztj_net *net;
	const char *name;
	int64_t seq; /* of the line before */
	char prev[ZTJ_HEX_SIZE];
};

/* Where the broker says that it holds the log. */
static void ask(struct history *h)
{
	struct ztj_buf reply = call(h->net, "/v1/decisions", ztj_view_of(NULL, 0));
	json_t *o = json_loadb((const char *)reply.p, reply.n, 0, NULL);
	const char *head = json_string_value(json_object_get(o, "head"));

	h->seq = json_integer_value(json_object_get(o, "seq"));
	(void)snprintf(h->prev, sizeof h->prev, "%s", h->seq > 0 && head != NULL ? head : "");
	if (h->prev[0] == '\0')
		memset(h->prev, '0', ZTJ_HEX_SIZE - 1);
	json_decref(o);
	ztj_buf_free(&reply);
}

static void decide(struct history *h, const char *members)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	char now[ZTJ_TIME_SIZE];
	struct ztj_buf line, reply;

	DIE(ztj_time_format((int64_t)time(NULL), now));
	ztj_buf_init(&line, 1 << 20);
	ztj_buf_printf(&line,
	    "{\"v\":1,\"seq\":%" PRId64 ",\"prev\":\"%s\",\"time\":\"%s\",%s,\"host\":\"%s\"}", h->seq + 1,
	    h->prev, now, members, h->name);
	DIE(ztj_sha256(ztj_buf_view(&line), digest));
	ztj_hex(digest, sizeof digest, h->prev);
	h->seq++;
	ztj_buf_puts(&line, "\n");
	DIE(ztj_buf_status(&line));
	reply = call(h->net, "/v1/decisions", ztj_buf_view(&line));
	ztj_buf_free(&reply);
	ztj_buf_free(&line);
}

static void report(struct history *h, char *args)
{
	struct ztj_stmt st = { .type = ZTJ_STMT_STANDING,
		.domain = "example",
		.issued = (int64_t)time(NULL) };
	struct ztj_signed s = { .nsigs = 1 };
	struct ztj_buf bytes, sig, body, reply;
	char text[256];

	st.u.standing.host = h->name;
	st.u.standing.standing = strtoll(args, &args, 10);
	st.u.standing.accepted = strtoll(args, &args, 10);
	st.u.standing.expired = strtoll(args, &args, 10);
	st.u.standing.missed = strtoll(args, &args, 10);
	(void)snprintf(text, sizeof text,
	    "{\"standing\":%" PRId64 ",\"accepted\":%" PRId64 ",\"expired\":%" PRId64 ",\"missed\":%" PRId64
	    "}",
	    st.u.standing.standing, st.u.standing.accepted, st.u.standing.expired, st.u.standing.missed);
	DIE(ztj_sha256(ztj_view_str(text), st.u.standing.digest));
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&body, 1 << 20);
	DIE(ztj_stmt_build(&st, NULL, &bytes));
	DIE(ztj_sshsig_sign(&h->keys.machine, ztj_stmt_namespace(st.type), ztj_buf_view(&bytes), &sig));
	s.bytes = ztj_buf_view(&bytes);
	s.sig[0] = ztj_buf_view(&sig);
	DIE(ztj_signed_to_json(&s, &body));
	body.n--; /* one more member before the brace */
	ztj_buf_puts(&body, ",\"report\":\"");
	DIE(ztj_b64_encode(ztj_view_str(text), &body));
	ztj_buf_puts(&body, "\"}");
	DIE(ztj_buf_status(&body));
	reply = call(h->net, "/v1/standing", ztj_buf_view(&body));
	ztj_buf_free(&reply);
	ztj_buf_free(&body);
	ztj_buf_free(&sig);
	ztj_buf_free(&bytes);
}

int main(int argc, char **argv)
{
	static char line[65536];
	struct history h = { .seq = 0 };

	if (argc != 4)
		return 2;
	h.keys = host_at(argv[2]);
	h.name = argv[3];
	h.net = net_to(argv[1], &h.keys.tls);
	ask(&h);
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "decide ", 7) == 0)
			decide(&h, line + 7);
		else if (strncmp(line, "standing ", 9) == 0)
			report(&h, line + 9);
		else
			return 2;
	}
	ztj_net_close(h.net);
	return 0;
}
