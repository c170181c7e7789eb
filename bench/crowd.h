/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Many people and many hosts, with real keys made from their numbers: records as a registrar would sign them, the
 * statements over a set, and the JSON in which it travels.
 */
#ifndef ZTJ_BENCH_CROWD_H
#define ZTJ_BENCH_CROWD_H

#include "libztjit/core/directory.h"
#include "tests/core/fixture.h"

#define CROWD_NAME_SIZE 16
#define CROWD_SINCE INT64_C(1577836800) /* keys count from 2020 on */

/* Seeds of the keys of number i; plain keys are for the TLS of a host or a login. */
#define CROWD_PERSON(i) (1000000u + (i))
#define CROWD_HOST_TLS(i) (3000000u + 3 * (i))

/* The record of person i, in one group; generation: another value, another credential. */
void crowd_person(unsigned i, const char *group, unsigned generation, struct ztj_buf *out);
void crowd_host(unsigned i, const char *env, struct ztj_buf *out);
void crowd_person_name(unsigned i, char out[CROWD_NAME_SIZE]);

/* A set under construction: records in the order of their numbers, which is that of their names. */
struct crowd {
	size_t n;
	struct ztj_buf *record;
	struct ztj_view *view;
};
void crowd_make(struct crowd *c, size_t n, void (*make)(unsigned i, struct ztj_buf *out));
void crowd_free(struct crowd *c);

/* {"base", "statement", "drop", "put"} of POST /v1/directories/NAME, with all records as put; the caller frees out. */
void crowd_post_json(const struct crowd *c, int base, const char *const *drop, size_t ndrop, const struct fx_signed *statement,
    struct ztj_buf *out);

#endif
