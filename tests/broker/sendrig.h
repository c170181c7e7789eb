/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the tests of sending share: a broker with destinations, leaves, and what came of them. Failures end the running test.
 */
#ifndef ZTJ_TESTS_BROKER_SENDRIG_H
#define ZTJ_TESTS_BROKER_SENDRIG_H

#include "tests/broker/bk.h"
#include "tests/broker/receive.h"

#define SR_WAIT_MS 40000
#define SR_NO_LIMITS \
	"rate_identity = 10000;\nrate_statements = 100000;\nrate_anonymous = 100000;\nmax_open_requests = 10000;\n"

/* A broker with these lines in broker.conf, its policy and directories, and FX_REQ1 logged in. */
void sr_start(struct bk *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* n leaves more, by requests that are accepted. */
void sr_leaves(struct bk *b, int n);
/* A line of /metrics, by its name with what stands in braces; -1: there is none. */
int64_t sr_metric(struct bk *b, const char *name);
/* Until the destination is behind by nothing. */
void sr_settle(struct bk *b, const char *dest);
/* Does it fail before long, and is it said why? */
bool sr_fails_with(struct bk *b, const char *dest, const char *why);

struct got {
	uint64_t lines, next; /* read; the first leaf that was not seen */
	uint64_t again;       /* that had come before */
};
/* Lines of JSON among others: every leaf from the first on, in order, but for what comes again. */
void sr_read(const char *path, struct got *g);

/* Skips the test where there is none. */
void sr_need_rsyslog(void);
void sr_file(const struct rsyslog *r, const char *name, char path[128]);
/* Is everything there, without a hole? What is behind may come a moment later. */
void sr_all_there(struct bk *b, const struct rsyslog *r, struct got *g);

#endif
