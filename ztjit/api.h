/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Calls to the broker (PROTOCOL section 3).  Its TLS key must stand in the
 * policy that the pinned roots signed; its clock must agree with ours.
 */
#ifndef ZTJIT_API_H
#define ZTJIT_API_H

#include "ztjit/cli.h"

/* Connects, believes the server by the policy (fetching a newer one when its key changed), checks domain and
 * clock, and brings the held policy up to date. With a login it is shown. */
int api_open(struct cli *c) ZTJ_MUST_CHECK;
/* The same and demands a login of ours that is valid. */
int api_open_login(struct cli *c) ZTJ_MUST_CHECK;
/* The same with c->login_key, whose statement is yet to be posted. */
int api_reconnect(struct cli *c) ZTJ_MUST_CHECK;
void api_close(struct cli *c);

/* A connection that believes nobody yet: for init and for the first policy. urls as configured or given. */
int api_open_bootstrap(struct cli *c) ZTJ_MUST_CHECK;
/* The key the server showed stands in this policy; ZTJ_BROKER_KEY with an explanation. */
int api_check_peer(struct cli *c, const struct ztj_policy *p) ZTJ_MUST_CHECK;
/* GET /v1/broker: domain and clock checked, online key remembered. *policy: version it holds. */
int api_broker(struct cli *c, int64_t *policy, json_t **answer) ZTJ_MUST_CHECK;

/* A second connection like the one that is open, for a stream; the caller closes it. */
int api_stream_open(struct cli *c, struct ztj_net **out) ZTJ_MUST_CHECK;

/* One call; body may be NULL. *out (may be NULL) is to be released. An error status becomes the broker's error. */
int api_call(struct cli *c, const char *method, const char *path, const json_t *body, json_t **out) ZTJ_MUST_CHECK;
/* GET, the raw bytes appended. */
int api_get(struct cli *c, const char *path, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* POST of raw JSON text. */
int api_post(struct cli *c, const char *path, struct ztj_view json, json_t **out) ZTJ_MUST_CHECK;
/* POST /v1/statements. */
int api_statement(struct cli *c, const struct ztj_signed *s, json_t **out) ZTJ_MUST_CHECK;
/* A member that must be a string; "" and an error otherwise. */
const char *api_str(const json_t *o, const char *name);

#endif
