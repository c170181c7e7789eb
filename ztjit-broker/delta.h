/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * An update of a directory out of the lists of a message, for store and signer.
 */
#ifndef ZTJ_BROKER_DELTA_H
#define ZTJ_BROKER_DELTA_H

#include "libztjit/core/trust.h"
#include "ztjit-broker/proto.h"

struct delta {
	struct ztj_dir_update u;
	struct ztj_signed *statements;
	char *names; /* the dropped names, NUL-terminated one after the other */
};
/* name and the lists must outlive d. statements: containers, oldest first. Names are checked. */
int delta_make(const char *name, struct proto_list statements, struct proto_list drop, struct proto_list put,
    struct delta *d) ZTJ_MUST_CHECK;
void delta_free(struct delta *d);

#endif
